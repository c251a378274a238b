/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a program with no glue at all uses "loopback": a message of counted pieces between
 * two threads, woken by events.
 * Proves: design 2 ("loopback" needs no MPI, no launcher, nothing initialised), 7.1; that the core
 * stands without a transport.
 */
#include <pthread.h>
#include <string.h>

#include "alloc.h"
#include "handle.h"
#include "rsmapi.h"
#include "t.h"

#define RSMX_NO_MPI
#include "rsmx.h"

/* The empty list of glues, in this very object: the archive's first would be the fake one. */
#include "no_glue.c" // NOLINT(bugprone-suspicious-include)

#define ID 0x400280U
#define SIZE 8192U
#define PIECES 100U

static _Alignas(4096) char memory[SIZE];
static rsmapi_controller_handle_t ctl;

static void *importer(void *arg)
{
    rsm_memseg_import_handle_t imp = NULL;
    rsmapi_barrier_t barrier;
    size_t length = 0;
    int rc;

    (void)arg;
    memset(&barrier, 0, sizeof barrier);
    do { /* until the exporter is ready */
        rc = rsm_memseg_import_connect(ctl, 0, ID, RSM_PERM_RDWR, &imp);
    } while (rc == RSMERR_SEG_NOT_PUBLISHED);
    t_require_ok(rc);
    t_expect_ok(rsmx_import_length(imp, &length));
    t_expect_eq(length, (size_t)SIZE);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    for (uint32_t i = 0; i < PIECES; i++) {
        t_expect_ok(rsm_memseg_import_put32(imp, (off_t)(i * sizeof i), &i, 1));
        t_expect_ok(rsm_intr_signal_post(imp, 0));
    }
    t_expect_ok(rsm_intr_signal_wait(imp, 10000));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    return NULL;
}

int main(void)
{
    rsm_memseg_export_handle_t seg = NULL;
    rsm_memseg_id_t id = ID;
    rsmx_version_t version = {.size = sizeof version};
    rsm_topology_t *topology = NULL;
    pthread_t thread;
    char mpi0[] = "mpi0";

    t_watchdog(30);
    t_expect_code(rsm_get_controller(mpi0, &ctl), RSMERR_CTLR_NOT_PRESENT);
    t_require_ok(rsm_get_controller(NULL, &ctl));
    t_expect_ok(rsmx_get_version(&version));
    t_expect_str(version.mpi, "");
    t_require_ok(rsm_get_interconnect_topology(&topology));
    t_expect_eq(topology->topology_hdr.local_nodeid, 0);
    t_expect_eq(topology->topology_hdr.local_cntlr_count, 0);
    rsm_free_interconnect_topology(topology);
    t_require_eq(pthread_create(&thread, NULL, importer, NULL), 0);
    t_require_ok(rsm_memseg_export_create(ctl, &seg, memory, SIZE, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    for (uint32_t i = 0; i < PIECES; i++) {
        uint32_t value;

        t_expect_ok(rsm_intr_signal_wait(seg, 10000));
        memcpy(&value, memory + i * sizeof value, sizeof value);
        t_expect_eq(value, i);
    }
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    (void)pthread_join(thread, NULL);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_release_controller(ctl));
    t_expect_eq(rsmi_alloc_live(), 0);
    t_expect_eq(rsmi_handle_live(), 0);
    return t_finish();
}
