/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See t_mpi.h. Knows MPI and t.h; must not know the library.
 */
#include "t_mpi.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool attached;
static bool started_here;
static int world_rank;
static int world_size = 1;
static bool skipped;

static bool mpi_runs(void)
{
    int started = 0;
    int finished = 0;

    (void)MPI_Initialized(&started);
    (void)MPI_Finalized(&finished);
    return started != 0 && finished == 0;
}

/* Any thread may be here. The other ranks may wait for this one, so the job has to end as one. */
static void end_job(int code)
{
    if (code == T_EXIT_SKIP && mpi_runs()) {
        skipped = true;
        exit(t_mpi_finish()); /* not _exit: if the library started MPI, it has to finish it */
    }
    if (mpi_runs()) {
        /* MPICH's launcher ends with the job and drops lines that it has not read by then, the
         * failing one included (seen once in some hundred runs on a busy machine). It forwards
         * them while we wait. */
        (void)fflush(NULL);
        (void)usleep(300000);
        (void)MPI_Abort(MPI_COMM_WORLD, code);
    }
}

void t_mpi_watchdog(void)
{
    const char *seconds = getenv("T_WATCHDOG");

    if (seconds != NULL) {
        t_watchdog((unsigned)strtoul(seconds, NULL, 10));
    }
}

void t_mpi_attach(void)
{
    char prefix[32];

    if (attached) {
        return;
    }
    attached = true;
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &world_size);
    (void)snprintf(prefix, sizeof prefix, "rank %d: ", world_rank);
    t_set_prefix(prefix);
    t_set_exit_hook(end_job);
    t_mpi_watchdog();
}

void t_mpi_start(int *argc, char ***argv, int required)
{
    int provided = MPI_THREAD_SINGLE;

    t_mpi_watchdog();
    t_note("MPI_Init_thread");
    if (MPI_Init_thread(argc, argv, required, &provided) != MPI_SUCCESS) {
        t_fail("MPI_Init_thread failed");
        _exit(T_EXIT_FAIL);
    }
    started_here = true;
    t_mpi_attach();
    t_note("%s", "");
    if (provided < required) {
        t_skip("MPI does not give the thread level that this test needs");
    }
}

int t_mpi_rank(void)
{
    return world_rank;
}

int t_mpi_size(void)
{
    return world_size;
}

void t_barrier(void)
{
    (void)MPI_Barrier(MPI_COMM_WORLD);
}

uint64_t t_mpi_seed(int argc, char **argv)
{
    uint64_t seed = 0;

    if (world_rank == 0) {
        seed = t_seed(argc, argv);
    }
    (void)MPI_Bcast(&seed, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    return seed;
}

int t_mpi_verdict(void)
{
    enum { PASS, SKIP, FAIL };
    int mine;
    int worst;
    int code = T_EXIT_SKIP;

    if (skipped) {
        mine = t_failures() == 0 ? SKIP : FAIL;
    } else {
        code = t_finish();
        mine = code == T_EXIT_PASS ? PASS : FAIL;
    }
    worst = mine;
    if (mpi_runs()) {
        t_mpi_attach();
        (void)MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    }
    if (worst == FAIL && mine != FAIL) {
        t_print("another rank failed");
    }
    if (worst == SKIP && mine != SKIP) {
        t_print("another rank skipped");
    }
    if (worst == FAIL) {
        return T_EXIT_FAIL;
    }
    return worst == SKIP ? T_EXIT_SKIP : T_EXIT_PASS;
}

int t_mpi_finish(void)
{
    int code;

    t_note("the verdict");
    code = t_mpi_verdict();
    if (started_here && mpi_runs()) {
        t_note("MPI_Finalize");
        (void)MPI_Finalize();
    }
    t_watchdog(0);
    return code;
}
