/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: main returns while threads of every rank connect, transfer and disconnect. The
 * library started MPI and so ends it, under their feet. Without the order of mpi_glue/end.c this
 * aborts, crashes or hangs within a few runs.
 *
 * Proves: design 3.5 (no hang, no message, exit code 0). The threads see documented codes only.
 *
 * Any number of ranks; no MPI call of the program's own.
 */
#include <pthread.h>
#include <rsmapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT 0x600000U
#define BYTES 4096U

static rsmapi_controller_handle_t controller;
static rsm_node_id_t other;

static void complain(const char *what, int code)
{
    fprintf(stderr, "late_threads: %s gave %d\n", what, code);
    _exit(1);
}

static void *importer(void *arg)
{
    char bytes[64] = "";
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = bytes, .transfer_length = sizeof bytes};
    rsm_scat_gath_t vector = {
        .io_request_count = 1, .flags = RSM_IMPLICIT_SIGPOST, .iovec = &piece};

    (void)arg;
    for (;;) {
        rsm_memseg_import_handle_t imp;
        int rc = rsm_memseg_import_connect(controller, other, SEGMENT, RSM_PERM_RDWR, &imp);

        if (rc == RSMERR_CTLR_NOT_PRESENT || rc == RSMERR_BAD_CTLR_HNDL) {
            return NULL; /* the end has begun */
        }
        if (rc == RSMERR_SEG_NOT_PUBLISHED) {
            continue;
        }
        if (rc != RSM_SUCCESS) {
            complain("connect", rc);
        }
        vector.remote_handle = imp;
        rc = rsm_memseg_import_putv(&vector);
        if (rc != RSM_SUCCESS && rc != RSMERR_CONN_ABORTED) {
            complain("putv", rc);
        }
        rc = rsm_memseg_import_disconnect(imp);
        if (rc != RSM_SUCCESS) {
            complain("disconnect", rc);
        }
    }
}

int main(void)
{
    char *memory = aligned_alloc(BYTES, BYTES);
    rsm_memseg_export_handle_t seg;
    rsm_memseg_id_t id = SEGMENT;
    rsm_topology_t *topology;
    pthread_t threads[2];
    uint32_t nodes;
    int rc = rsm_get_controller("mpi0", &controller);

    if (rc != RSM_SUCCESS) {
        complain("get_controller", rc);
    }
    rc = rsm_get_interconnect_topology(&topology);
    if (rc != RSM_SUCCESS) {
        complain("topology", rc);
    }
    nodes = (uint32_t)topology->connections[0]->hdr.remote_cntlr_count + 1U;
    other = (topology->topology_hdr.local_nodeid + 1U) % nodes;
    rsm_free_interconnect_topology(topology);
    memset(memory, 0, BYTES);
    rc = rsm_memseg_export_create(controller, &seg, memory, BYTES, 0);
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_export_publish(seg, &id, NULL, 0);
    }
    if (rc != RSM_SUCCESS) {
        complain("export", rc);
    }
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, importer, NULL) != 0) {
            complain("pthread_create", 0);
        }
    }
    usleep(300000);
    return 0;
}
