/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: every rank has several connections to every other. One rank goes to MPI_Finalize
 * with all of them open and a thread in a long vector, which the end waits for; the others
 * disconnect most of theirs meanwhile, so that its agent frees windows while the end is on its way
 * through them, and come to MPI_Finalize with the rest.
 *
 * Proves: design 3.5 (windows are freed in one order, no hang); "The end" in rsmapi.h: what was
 * complete is there, transfers give RSMERR_CONN_ABORTED, disconnect and destroy work locally.
 *
 * Arguments: [--seed N]. Any number of ranks from two.
 */
#include <mpi.h>
#include <pthread.h>
#include <rsmapi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U
#define EACH 12 /* connections per ordered pair of ranks */
#define RANKS_MAX 8
#define LONG 2000 /* pieces of the long vector: 10 ms and more */

static rsmapi_controller_handle_t controller;
static rsm_memseg_import_handle_t imports[RANKS_MAX * EACH];
static unsigned count;

/** Write one byte, 1, where connection `which` of this rank has its place; so many times. */
static int put(unsigned which, unsigned long times)
{
    static char one = 1;
    static rsm_iovec_t pieces[LONG];
    rsm_scat_gath_t vector = {
        .io_request_count = times, .remote_handle = imports[which], .iovec = pieces};

    for (unsigned long i = 0; i < times; i++) {
        pieces[i] = (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                                  .local.vaddr = &one,
                                  .remote_offset = (size_t)t_mpi_rank() * EACH + which % EACH,
                                  .transfer_length = 1};
    }
    return rsm_memseg_import_putv(&vector);
}

static atomic_bool under_way;

/** The newest connection is the first that the end comes to. */
static void *put_long(void *arg)
{
    int rc;

    (void)arg;
    atomic_store(&under_way, true);
    rc = put(count - 1, LONG);
    /* Aborted: the end was there first. Failed: MPICH's threads starved this one for longer than
     * the end's patience of 1 s, and its epoch was closed. */
    if (rc != RSMERR_CONN_ABORTED && rc != RSMERR_BARRIER_FAILURE) {
        t_expect_code(rc, RSM_SUCCESS);
    }
    return NULL;
}

/** Disconnect most, in no order. */
static void leave_some(t_rand_t *random)
{
    for (unsigned i = 0; i < 2 * count; i++) {
        unsigned which = (unsigned)t_rand_below(random, count);

        if (imports[which] != NULL) {
            t_expect_ok(rsm_memseg_import_disconnect(imports[which]));
            imports[which] = NULL;
        }
    }
}

static void after_the_end(rsm_memseg_export_handle_t seg, const char *memory)
{
    static char expected[BYTES];

    for (unsigned i = 0; i < count; i++) {
        if (imports[i] != NULL) {
            t_expect_code(put(i, 1), RSMERR_CONN_ABORTED);
            t_expect_ok(rsm_memseg_import_disconnect(imports[i]));
        }
    }
    for (int rank = 0; rank < t_mpi_size(); rank++) {
        memset(expected + (size_t)rank * EACH, rank != t_mpi_rank(), EACH);
    }
    t_expect_mem(memory, expected, BYTES);
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

int main(int argc, char **argv)
{
    char *memory = aligned_alloc(BYTES, BYTES);
    rsm_memseg_export_handle_t seg;
    rsm_memseg_id_t id = SEGMENT;
    pthread_t thread;
    t_rand_t random;
    uint64_t seed;
    int early; /* the rank that ends first */

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require(memory != NULL);
    t_require(t_mpi_size() > 1 && t_mpi_size() <= RANKS_MAX);
    seed = t_mpi_seed(argc, argv);
    early = (int)(seed % (uint64_t)t_mpi_size());
    t_rand_init(&random, seed, (uint64_t)t_mpi_rank());
    t_require_ok(rsm_get_controller("mpi0", &controller));
    memset(memory, 0, BYTES);
    t_require_ok(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_barrier();
    for (int rank = 0; rank < t_mpi_size(); rank++) {
        for (unsigned i = 0; i < EACH && rank != t_mpi_rank(); i++) {
            t_require_ok(rsm_memseg_import_connect(controller, (rsm_node_id_t)rank, SEGMENT,
                                                   RSM_PERM_RDWR, &imports[count]));
            t_require_ok(put(count, 1));
            count++;
        }
    }
    t_barrier();
    if (t_mpi_rank() == early) {
        t_require_eq(pthread_create(&thread, NULL, put_long, NULL), 0);
        while (!atomic_load(&under_way)) {
            usleep(100);
        }
    } else {
        t_note("rank %d ends, this one disconnects", early);
        leave_some(&random);
    }
    t_note("MPI_Finalize, rank %d is the first", early);
    (void)MPI_Finalize();
    if (t_mpi_rank() == early) {
        (void)pthread_join(thread, NULL);
    }
    t_note("after the end");
    after_the_end(seg, memory);
    free(memory);
    return t_mpi_finish();
}
