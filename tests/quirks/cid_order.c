/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: pure MPI, two ranks. May two threads of a process create communicators from two
 * different parents at the same time, whatever the order in which the other rank enters them? MPI
 * says yes under MPI_THREAD_MULTIPLE. Open MPI 4.1.4: no; the creation from the parent with the
 * lower id must be finished first (docs/limits.md). MPICH 4.0.2: yes.
 *
 * Rank 0: thread A duplicates MPI_COMM_WORLD, thread B the second communicator.
 * Rank 1: the second communicator first, MPI_COMM_WORLD afterwards.
 *
 * Prints "cid_order: independent" or "cid_order: held up"; exit 0 for either, since both are facts
 * about an MPI and not about this library; anything else is an error.
 */
#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static MPI_Comm second;
static atomic_int done;

static void *dup_second(void *arg)
{
    MPI_Comm copy;

    (void)arg;
    usleep(200000); /* the other thread is in its creation by now */
    if (MPI_Comm_dup(second, &copy) == MPI_SUCCESS) {
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void *dup_world(void *arg)
{
    MPI_Comm copy;

    (void)arg;
    if (MPI_Comm_dup(MPI_COMM_WORLD, &copy) == MPI_SUCCESS) {
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

/** The other rank's order, in one thread. */
static void *dup_both(void *arg)
{
    (void)dup_second(arg);
    return dup_world(arg);
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    int level;
    int rank;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (level < MPI_THREAD_MULTIPLE) {
        printf("cid_order: skipped, no MPI_THREAD_MULTIPLE\n");
        MPI_Finalize();
        return 77;
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &second);
    if (rank == 0) {
        pthread_create(&threads[0], NULL, dup_world, NULL);
        pthread_create(&threads[1], NULL, dup_second, NULL);
    } else {
        pthread_create(&threads[0], NULL, dup_both, NULL);
    }
    for (int i = 0; i < 50 && atomic_load(&done) < 2; i++) {
        usleep(100000);
    }
    if (rank == 0) {
        printf("cid_order: %s\n", atomic_load(&done) == 2 ? "independent" : "held up");
        fflush(stdout);
    }
    if (atomic_load(&done) < 2) {
        usleep(300000); /* let rank 0 say it; MPI cannot be ended in order from here */
        _exit(0);
    }
    pthread_join(threads[0], NULL);
    if (rank == 0) {
        pthread_join(threads[1], NULL);
    }
    MPI_Finalize();
    return 0;
}
