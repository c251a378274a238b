/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a test of two ranks that behaves as its first argument says.
 * Proves: nothing by itself; harness.cmake checks what the launcher makes of it. Knows t_mpi.h;
 * must not use the library, which may be what is broken.
 */
#include "t_mpi.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void agree_on_seed(int argc, char **argv)
{
    uint64_t seed = t_mpi_seed(argc, argv);
    uint64_t least = 0;

    (void)MPI_Allreduce(&seed, &least, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
    t_expect_eq(seed, least);
}

static void misbehave(const char *what)
{
    int rank = t_mpi_rank();

    if (strcmp(what, "crash") == 0) {
        if (rank == 1) {
            t_print("about to abort");
            abort();
        }
        t_barrier();
    } else if (strcmp(what, "exit") == 0) {
        if (rank == 1) {
            t_print("about to exit");
            _exit(3);
        }
        t_barrier();
    } else if (strcmp(what, "hang") == 0) {
        t_watchdog(rank == 1 ? 2 : 30);
        t_note("a sleep that is too long");
        if (rank == 1) {
            for (;;) {
                (void)pause();
            }
        }
        t_barrier();
    } else {
        t_fail("no such case: %s", what);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int rank;

    t_mpi_start(&argc, &argv, MPI_THREAD_SINGLE);
    rank = t_mpi_rank();
    if (strcmp(what, "pass") == 0) {
        t_expect(rank >= 0);
        t_barrier();
    } else if (strcmp(what, "size") == 0) {
        t_print("of %d", t_mpi_size());
        t_expect_eq(t_mpi_size(), 2);
    } else if (strcmp(what, "seed") == 0) {
        agree_on_seed(argc, argv);
    } else if (strcmp(what, "fail") == 0) {
        t_expect_eq(rank, 0);
    } else if (strcmp(what, "require") == 0) {
        t_require_eq(rank, 0);
        t_barrier();
        t_print("went on");
    } else if (strcmp(what, "skip") == 0) {
        t_skip("not here");
    } else if (strcmp(what, "skip_one") == 0) {
        t_expect(true);
        if (rank == 1) {
            t_skip("not here");
        }
    } else if (strcmp(what, "fail_and_skip") == 0) {
        if (rank == 1) {
            t_skip("not here");
        }
        t_fail("on this rank alone");
    } else {
        misbehave(what);
    }
    return t_mpi_finish();
}
