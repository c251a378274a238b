/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: two rebinds at once while the importer's agent is slow: the importer's transfer has
 * the window made anew before the agent has read of the second move. The delay is put in front of
 * MPI_Iprobe, which only the agent calls. Ranks: 2.
 * Proves: a move that was followed before it was read of is done with (mpi_glue/cut.c); transfers
 * go on, in the newest memory.
 */
#include <mpi.h>
#include <rsmapi.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "t_mpi.h"

#define SEGMENT 0x640000U

enum { LENGTH = 4096, ROUNDS = 20, DELAY_US = 10000 };

static atomic_bool slow;

static void nap_us(long us)
{
    struct timespec left = {0, us * 1000};

    (void)nanosleep(&left, NULL);
}

int MPI_Iprobe(int source, int tag, MPI_Comm comm, int *flag, MPI_Status *status)
{
    if (atomic_load(&slow)) {
        nap_us(DELAY_US);
    }
    return PMPI_Iprobe(source, tag, comm, flag, status);
}

static char *fresh_memory(void)
{
    char *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(memory != MAP_FAILED);
    return memory;
}

/** Twice in a row, into memory that is kept until the end. */
static void export_side(rsmapi_controller_handle_t ctl)
{
    char *memory = fresh_memory();
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = SEGMENT;
    uint64_t value = 0;
    MPI_Request over;

    t_require_ok(rsm_memseg_export_create(ctl, &segment, memory, LENGTH, RSM_ALLOW_REBIND));
    t_require_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
    t_barrier();
    for (int round = 0; round < ROUNDS; round++) {
        for (int twice = 0; twice < 2; twice++) {
            int rc;

            memory = fresh_memory();
            do {
                rc = rsm_memseg_export_rebind(segment, memory, 0, LENGTH);
            } while (rc == RSMERR_INTERRUPTED);
            t_require_code(rc, RSM_SUCCESS);
        }
        nap_us(3L * DELAY_US);
    }
    (void)MPI_Ibarrier(MPI_COMM_WORLD, &over); /* as the other side asks */
    (void)MPI_Wait(&over, MPI_STATUS_IGNORE);
    t_barrier(); /* the last word is said */
    memcpy(&value, memory, sizeof value);
    t_expect_eq(value, UINT64_MAX);
    t_expect_ok(rsm_memseg_export_destroy(segment));
}

static void import_side(rsmapi_controller_handle_t ctl)
{
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier = {0};
    MPI_Request over;
    uint64_t value = 1;
    int done = 0;

    t_barrier();
    t_require_ok(rsm_memseg_import_connect(ctl, 0, SEGMENT, RSM_PERM_RDWR, &imp));
    t_require_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    atomic_store(&slow, true);
    MPI_Ibarrier(MPI_COMM_WORLD, &over);
    while (!done) {
        t_note("value %llu", (unsigned long long)value);
        t_require_ok(rsm_memseg_import_put64(imp, 0, &value, 1));
        value++;
        nap_us(200);
        MPI_Test(&over, &done, MPI_STATUS_IGNORE);
    }
    value = UINT64_MAX;
    t_expect_ok(rsm_memseg_import_put64(imp, 0, &value, 1));
    atomic_store(&slow, false);
    t_barrier();
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

int main(int argc, char **argv)
{
    rsmapi_controller_handle_t ctl;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require_eq(t_mpi_size(), 2);
    t_require_ok(rsm_get_controller((char *)"mpi0", &ctl));
    if (t_mpi_rank() == 0) {
        export_side(ctl);
    } else {
        import_side(ctl);
    }
    t_barrier();
    t_expect_ok(rsm_release_controller(ctl));
    return t_mpi_finish();
}
