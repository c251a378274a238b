/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: rank 1 posts while rank 0, the exporter, is stopped, far more than may be in flight,
 * so that most posts are merged; posts that accumulate and posts that must not, in known orders.
 * Then the exporter goes on, and its counter is what a plain counter would show.
 *
 * Proves: reference 17.1, 17.2; design 2 "Events" (no-accumulate is tested on arrival; posts of one
 * poster act in order), design 3.3 (a flood of posts needs bounded memory and loses nothing).
 *
 * Arguments: [--rounds N] [--seed N]. Two ranks on one host.
 */
#include <mpi.h>
#include <rsmapi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U
#define IN_FLIGHT 64  /* mpi_glue/channel.c; were it less, only more would be merged */
#define UNANSWERED 31 /* … and of these so many an exporter takes without an answer */
#define RUNS 6        /* stretches of equal posts in one round */
#define LIMIT_MS 20000

enum { EXPORTER, IMPORTER };

static rsmapi_controller_handle_t controller;
static rsm_memseg_export_handle_t seg;
static int pids[2];

/** Is the process stopped, all of it? */
static bool is_stopped(int pid)
{
    char name[64];
    char state = '?';
    FILE *stat;

    (void)snprintf(name, sizeof name, "/proc/%d/stat", pid);
    stat = fopen(name, "re");
    t_require(stat != NULL);
    (void)fscanf(stat, "%*d (%*[^)]) %c", &state);
    (void)fclose(stat);
    return state == 'T';
}

static void stop_exporter(void)
{
    t_require_eq(kill(pids[EXPORTER], SIGSTOP), 0);
    while (!is_stopped(pids[EXPORTER])) {
        usleep(1000);
    }
    usleep(10000); /* its other threads, if they were in the kernel */
}

static void go_on(int rank)
{
    t_require_eq(kill(pids[rank], SIGCONT), 0);
}

static rsm_memseg_import_handle_t connect_to_exporter(void)
{
    rsm_memseg_import_handle_t imp = NULL;

    t_require_ok(rsm_memseg_import_connect(controller, EXPORTER, SEGMENT, RSM_PERM_NONE, &imp));
    return imp;
}

static void post(rsm_memseg_import_handle_t imp, unsigned count, unsigned flags)
{
    for (unsigned i = 0; i < count; i++) {
        t_require_ok(rsm_intr_signal_post(imp, flags));
    }
}

static unsigned drain(void)
{
    unsigned count = 0;

    while (rsm_intr_signal_wait(seg, 0) == RSM_SUCCESS) {
        count++;
    }
    return count;
}

/**
 * Perhaps one post that must not accumulate, then `count` that do, then `after` that must not. All
 * but the last event are consumed while the rest may still be on its way, so the counter is 0 for
 * the first post alone. What was merged moves because of the exporter's answers, nothing else.
 */
static void by_answers(bool first, unsigned count, unsigned after)
{
    unsigned expected = (first ? 1 : 0) + count;

    t_note("%u that must not accumulate, %u that do, %u that must not", first ? 1 : 0, count,
           after);
    t_barrier();
    if (t_mpi_rank() == IMPORTER) {
        rsm_memseg_import_handle_t imp = connect_to_exporter();

        stop_exporter();
        post(imp, first ? 1 : 0, RSM_SIGPOST_NO_ACCUMULATE);
        post(imp, count, 0);
        post(imp, after, RSM_SIGPOST_NO_ACCUMULATE);
        go_on(EXPORTER);
        t_barrier();
        t_expect_ok(rsm_memseg_import_disconnect(imp)); /* nothing is on its way behind it */
        t_barrier();
    } else {
        for (unsigned i = 1; i < expected; i++) {
            t_require_ok(rsm_intr_signal_wait(seg, LIMIT_MS));
        }
        t_barrier();
        t_barrier();
        t_expect_eq(drain(), 1);
    }
}

/** Any order; the exporter looks at its counter when the importer has left, and all has arrived. */
static void by_disconnect(t_rand_t *random)
{
    unsigned lengths[RUNS];
    unsigned first = (unsigned)t_rand_below(random, 2);
    unsigned expected = 0;
    rsm_memseg_import_handle_t imp = NULL;

    t_barrier();
    if (t_mpi_rank() == IMPORTER) {
        imp = connect_to_exporter();
        stop_exporter();
    }
    for (unsigned i = 0; i < RUNS; i++) {
        bool quiet = (i + first) % 2 == 0;

        lengths[i] = (unsigned)t_rand_below(random, 2UL * IN_FLIGHT);
        if (!quiet) {
            expected += lengths[i];
        } else if (expected == 0 && lengths[i] > 0) {
            expected = 1;
        }
        if (t_mpi_rank() == IMPORTER) {
            post(imp, lengths[i], quiet ? RSM_SIGPOST_NO_ACCUMULATE : 0);
        }
    }
    t_note("runs of %u %u %u %u %u %u, %s first", lengths[0], lengths[1], lengths[2], lengths[3],
           lengths[4], lengths[5], first == 0 ? "no-accumulate" : "accumulate");
    if (t_mpi_rank() == IMPORTER) {
        go_on(EXPORTER);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    t_barrier();
    if (t_mpi_rank() == EXPORTER) {
        t_expect_eq(drain(), expected);
    }
}

/**
 * A merged batch that begins with a post that must not accumulate, and finds the counter at 0: one
 * event. A shell stops the importer with the batch in its hands before the exporter goes on. Few
 * are in flight then, so that MPI can deliver them without the importer; others would come later
 * and stand in for the batch.
 */
static void into_an_empty_counter(void)
{
    t_note("a quiet batch into an empty counter");
    t_barrier();
    if (t_mpi_rank() == IMPORTER) {
        rsm_memseg_import_handle_t imp = connect_to_exporter();
        char command[128];

        post(imp, UNANSWERED, 0);
        t_barrier();
        stop_exporter();
        post(imp, IN_FLIGHT - UNANSWERED + 10, RSM_SIGPOST_NO_ACCUMULATE);
        (void)snprintf(command, sizeof command, "kill -STOP %d; sleep 0.2; kill -CONT %d",
                       pids[IMPORTER], pids[EXPORTER]);
        t_require_eq(system(command), 0);
        t_barrier();
        t_expect_ok(rsm_memseg_import_disconnect(imp));
        t_barrier();
    } else {
        for (unsigned i = 0; i < UNANSWERED; i++) {
            t_require_ok(rsm_intr_signal_wait(seg, LIMIT_MS));
        }
        t_barrier();
        t_expect_ok(rsm_intr_signal_wait(seg, LIMIT_MS));
        while (rsm_intr_signal_wait(seg, 200) == RSM_SUCCESS) { /* of those that were in flight */
        }
        go_on(IMPORTER);
        t_expect_ok(rsm_intr_signal_wait(seg, LIMIT_MS));
        t_barrier();
        t_barrier();
        (void)drain(); /* on a very slow machine one of those in flight, too */
    }
}

int main(int argc, char **argv)
{
    uint64_t rounds = t_arg_u64(argc, argv, "--rounds", 20);
    char *memory = aligned_alloc(BYTES, BYTES);
    rsm_memseg_id_t id = SEGMENT;
    t_rand_t random;
    int pid = getpid();

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require(memory != NULL);
    t_require_eq(t_mpi_size(), 2);
    t_rand_init(&random, t_mpi_seed(argc, argv), 0); /* the same numbers at both ranks */
    (void)MPI_Allgather(&pid, 1, MPI_INT, pids, 1, MPI_INT, MPI_COMM_WORLD);
    t_require_ok(rsm_get_controller("mpi0", &controller));
    if (t_mpi_rank() == EXPORTER) {
        t_require_ok(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0));
        t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    }
    by_answers(false, 200, 50);
    by_answers(true, 200, 0);
    by_answers(true, 10000, 1);
    for (uint64_t round = 0; round < rounds; round++) {
        by_disconnect(&random);
    }
    into_an_empty_counter();
    if (t_mpi_rank() == EXPORTER) {
        t_expect_ok(rsm_memseg_export_destroy(seg));
    }
    free(memory);
    return t_mpi_finish();
}
