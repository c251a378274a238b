/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: an exporter posts without pause while an importer connects; afterwards one quiet
 * post must still arrive. Answers to events that reach an importer before its own connect has
 * returned must not be lost: the exporter's credit would be gone for good.
 *
 * Proves: reference 17.1, 17.2 (a post reaches every connected import handle), design 3.3 (a flood
 * of posts needs bounded memory and loses nothing).
 *
 * Arguments: [--rounds N]. Two ranks.
 */
#include <mpi.h>
#include <pthread.h>
#include <rsmapi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U

static rsm_memseg_export_handle_t seg;
static atomic_int state; /* 0: quiet, 1: flood, 2: over */

static void *flood(void *arg)
{
    (void)arg;
    while (atomic_load(&state) < 2) {
        if (atomic_load(&state) == 1) {
            t_expect_code(rsm_intr_signal_post(seg, 0), RSM_SUCCESS);
        } else {
            usleep(50);
        }
    }
    return NULL;
}

static void export_round(void)
{
    t_barrier();
    atomic_store(&state, 1);
    t_barrier(); /* the importer is connected */
    atomic_store(&state, 0);
    usleep(2000); /* the thread's last post is out */
    t_barrier();
    t_barrier(); /* the importer has taken them all */
    t_expect_code(rsm_intr_signal_post(seg, 0), RSM_SUCCESS);
    t_barrier();
}

static void import_round(rsmapi_controller_handle_t controller)
{
    rsm_memseg_import_handle_t imp;

    t_barrier();
    t_require_code(rsm_memseg_import_connect(controller, 0, SEGMENT, RSM_PERM_RDWR, &imp),
                   RSM_SUCCESS);
    t_barrier();
    t_barrier();
    while (rsm_intr_signal_wait(imp, 50) == RSM_SUCCESS) {
    }
    t_barrier();
    t_expect_code(rsm_intr_signal_wait(imp, 5000), RSM_SUCCESS);
    t_barrier();
    t_expect_code(rsm_memseg_import_disconnect(imp), RSM_SUCCESS);
}

int main(int argc, char **argv)
{
    uint64_t rounds = t_arg_u64(argc, argv, "--rounds", 60);
    char *memory = aligned_alloc(BYTES, BYTES);
    rsmapi_controller_handle_t controller;
    rsm_memseg_id_t id = SEGMENT;
    pthread_t thread;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require_code(rsm_get_controller("mpi0", &controller), RSM_SUCCESS);
    if (t_mpi_rank() == 0) {
        t_require_code(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0), RSM_SUCCESS);
        t_require_code(rsm_memseg_export_publish(seg, &id, NULL, 0), RSM_SUCCESS);
        t_require_eq(pthread_create(&thread, NULL, flood, NULL), 0);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        t_note("round %llu", (unsigned long long)round);
        if (t_mpi_rank() == 0) {
            export_round();
        } else {
            import_round(controller);
        }
    }
    if (t_mpi_rank() == 0) {
        atomic_store(&state, 2);
        (void)pthread_join(thread, NULL);
        t_expect_code(rsm_memseg_export_destroy(seg), RSM_SUCCESS);
    }
    free(memory);
    return t_mpi_finish();
}
