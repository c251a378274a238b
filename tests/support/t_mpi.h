/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t.h for programs of several ranks: the rank stands before each line, and all ranks end with one
 * verdict. Knows MPI; must not know the library.
 *
 * Why one verdict: some launchers combine the exit codes of the ranks, and 1 combined with 77 can
 * come out as 77, which is "skipped".
 *
 *     int main(int argc, char **argv)
 *     {
 *         t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
 *         …
 *         return t_mpi_finish();
 *     }
 *
 * Agreement and barriers use collectives of MPI_COMM_WORLD and nothing else: a communicator made
 * here would be one more creation that could get into the way of those under test.
 *
 * A program in which the library starts MPI calls t_mpi_attach() after that instead, and finishes
 * MPI itself or leaves it to the library.
 */
#ifndef T_T_MPI_H
#define T_T_MPI_H

#include <mpi.h>

#include "t.h"

/**
 * Start MPI, then t_mpi_attach(). Skips if the level is not to be had. Collective.
 */
void t_mpi_start(int *argc, char ***argv, int required);

/**
 * Use the MPI that runs already: rank before each line, a failed requirement ends the whole job.
 * Arms the watchdog with the seconds in T_WATCHDOG, if the environment has it. Local.
 */
void t_mpi_attach(void);

/** Arm the watchdog from T_WATCHDOG; t_mpi_attach() does it too. For use before MPI runs. */
void t_mpi_watchdog(void);

int t_mpi_rank(void);
int t_mpi_size(void);

/** All ranks are here. One thread per rank at a time. */
void t_barrier(void);

/** The seed of rank 0 for all; printed once. Collective. */
uint64_t t_mpi_seed(int argc, char **argv);

/**
 * The verdict of all ranks without an end: the exit code main() has to return. A failure on one
 * rank is a failure on all; else a skip on one is a skip on all. Local once MPI is finalised, or if
 * it never ran; else collective. For tests that are about the end itself.
 */
int t_mpi_verdict(void);

/** The verdict; finishes MPI if t_mpi_start() started it and nobody has finished it. */
int t_mpi_finish(void);

/*
 * t_skip() under MPI: the rank takes part in the verdict, and then ends like all others. So skip
 * on all ranks, or before the others wait for this one in anything but t_mpi_finish().
 */

#endif
