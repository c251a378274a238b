/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: two threads unpublish one segment while a long vector holds the cut up; one of them
 * publishes anew, and an importer connects. The other thread must leave it alone.
 *
 * Proves: reference 18.1, 18.3 (only unpublish cuts; a new life is not the old one), 2.2 (threads).
 * Two ranks.
 */
#include <mpi.h>
#include <pthread.h>
#include <rsmapi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES (1UL << 20)
#define PIECES 1024

static rsm_memseg_export_handle_t seg;

/** Unpublish until it is done, then publish anew. */
static void *renew(void *arg)
{
    rsm_memseg_id_t id = SEGMENT;
    int rc;

    (void)arg;
    /* MPICH's threads can keep the importer's agent from answering for longer than its patience. */
    do {
        rc = rsm_memseg_export_unpublish(seg);
    } while (rc == RSMERR_INTERRUPTED);
    t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_NOT_PUBLISHED); /* the other one was first */
    t_expect_code(rsm_memseg_export_publish(seg, &id, NULL, 0), RSM_SUCCESS);
    return NULL;
}

/** Unpublish at the same time, once. */
static void *withdraw(void *arg)
{
    int rc;

    (void)arg;
    rc = rsm_memseg_export_unpublish(seg);
    t_expect(rc == RSM_SUCCESS || rc == RSMERR_INTERRUPTED);
    return NULL;
}

static void export_side(rsmapi_controller_handle_t controller, char *memory)
{
    rsm_memseg_id_t id = SEGMENT;
    pthread_t threads[2];

    t_require_code(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0), RSM_SUCCESS);
    t_require_code(rsm_memseg_export_publish(seg, &id, NULL, 0), RSM_SUCCESS);
    t_barrier();
    t_expect_code(rsm_intr_signal_wait(seg, -1), RSM_SUCCESS);
    usleep(5000); /* the long vector has begun */
    t_require_eq(pthread_create(&threads[0], NULL, renew, NULL), 0);
    t_require_eq(pthread_create(&threads[1], NULL, withdraw, NULL), 0);
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_barrier();
    t_expect_code(rsm_memseg_export_destroy(seg), RSM_SUCCESS);
}

static void import_side(rsmapi_controller_handle_t controller, char *memory)
{
    static rsm_iovec_t pieces[PIECES];
    rsm_scat_gath_t vector = {.io_request_count = PIECES, .iovec = pieces};
    rsm_memseg_import_handle_t old;
    rsm_memseg_import_handle_t new;
    int rc;

    for (int i = 0; i < PIECES; i++) {
        pieces[i].io_type = RSM_VA_TYPE;
        pieces[i].local.vaddr = memory;
        pieces[i].transfer_length = BYTES;
    }
    t_barrier();
    t_require_code(rsm_memseg_import_connect(controller, 0, SEGMENT, RSM_PERM_RDWR, &old),
                   RSM_SUCCESS);
    t_expect_code(rsm_intr_signal_post(old, 0), RSM_SUCCESS);
    vector.remote_handle = old;
    t_expect_code(rsm_memseg_import_putv(&vector), RSM_SUCCESS); /* under way: it finishes */
    do {
        rc = rsm_memseg_import_connect(controller, 0, SEGMENT, RSM_PERM_RDWR, &new);
    } while (rc == RSMERR_SEG_NOT_PUBLISHED || rc == RSMERR_INTERRUPTED);
    t_require_code(rc, RSM_SUCCESS);
    vector.remote_handle = new;
    vector.io_request_count = 1;
    pieces[0].transfer_length = 8;
    for (int i = 0; i < 40; i++) {
        t_expect_code(rsm_memseg_import_putv(&vector), RSM_SUCCESS);
        usleep(10000);
    }
    t_barrier();
    t_expect_code(rsm_memseg_import_disconnect(old), RSM_SUCCESS);
    t_expect_code(rsm_memseg_import_disconnect(new), RSM_SUCCESS);
}

int main(int argc, char **argv)
{
    char *memory = aligned_alloc(4096, BYTES);
    rsmapi_controller_handle_t controller;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require(memory != NULL);
    memset(memory, 1, BYTES);
    t_require_code(rsm_get_controller("mpi0", &controller), RSM_SUCCESS);
    if (t_mpi_rank() == 0) {
        export_side(controller, memory);
    } else {
        import_side(controller, memory);
    }
    free(memory);
    return t_mpi_finish();
}
