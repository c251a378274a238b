/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The exporter is somewhere else. Knows public symbols of the library, and MPI for what happens
 * before and after; must not know how connections are made.
 *
 * Description: absent [--seconds S]
 *   Rank 0 exports a segment and then computes without a call to the library or to MPI, for S
 *   seconds (3), and on until it finds in its memory, with plain loads, that the others are done.
 *   Meanwhile they connect, write and read 8 B to 1 MiB in both modes, post, and disconnect, again
 *   and again. So every call ends while rank 0 is away, or rank 0 waits in vain and says so after a
 *   minute. Every call is timed; the longest and the median of each kind are printed, and not
 *   judged: where other programs use the processors they measure those.
 *
 * Proves: "Progress" in rsmapi.h.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "rsmapi.h"
#include "t_mpi.h"

#define SEGMENT_ID 0x00610000U

enum {
    SLOT = 1 << 20,
    PIECES = 8,
    SAMPLES_MAX = 100000,
    EVENT_WAIT_MS = 20000,
    FLAGS = 4096, /* bytes behind the slots: one per importer, set when it is done */
    AWAY_MAX_S = 60,
};

typedef enum kind {
    CONNECT,
    PUT_IMPLICIT,
    GET_IMPLICIT,
    PUT_EXPLICIT,
    GET_EXPLICIT,
    CLOSE,
    POST,
    DISCONNECT,
    KINDS
} kind_t;

static const char *const kind_names[KINDS] = {
    [CONNECT] = "connect",
    [PUT_IMPLICIT] = "putv, implicit mode",
    [GET_IMPLICIT] = "getv, implicit mode",
    [PUT_EXPLICIT] = "putv, explicit mode",
    [GET_EXPLICIT] = "getv, explicit mode",
    [CLOSE] = "close_barrier",
    [POST] = "signal_post",
    [DISCONNECT] = "disconnect",
};

typedef struct samples {
    size_t count;
    double seconds[SAMPLES_MAX];
} samples_t;

static samples_t samples[KINDS];
static rsmapi_controller_handle_t controller;
static char *memory; /* exporter: the segment. Importer: the source, then the landing place */
static double last_end;
static double volatile sink;

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/** A call of `kind` that started at `start` is over. */
static void took(kind_t kind, double start)
{
    samples_t *its = &samples[kind];

    last_end = now();
    if (its->count < SAMPLES_MAX) {
        its->seconds[its->count++] = last_end - start;
    }
}

/** Have all importers put their flag? */
static bool all_done(void)
{
    const volatile char *flags = memory + (size_t)(t_mpi_size() - 1) * SLOT;
    int done = 0;

    for (int i = 1; i < t_mpi_size(); i++) {
        done += flags[i] != 0;
    }
    return done == t_mpi_size() - 1;
}

/** Arithmetic for `seconds`, and until the others are done. Returns when it stopped. */
static double compute(double seconds)
{
    double start = now();
    double x = 0.5;
    double time;

    do {
        for (int i = 0; i < 100000; i++) {
            x = 3.7 * x * (1.0 - x);
        }
        time = now();
    } while (time < start + seconds || (!all_done() && time < start + AWAY_MAX_S));
    sink = x;
    t_expect(all_done());
    return time;
}

/** One vector of `len` bytes in up to PIECES pieces. */
static void move(rsm_memseg_import_handle_t import, kind_t kind, char *local, size_t len)
{
    rsm_iovec_t pieces[PIECES];
    rsm_scat_gath_t request = {.remote_handle = import, .iovec = pieces};
    size_t piece = len / PIECES > 8 ? len / PIECES : 8;
    double start;
    int rc;

    for (size_t at = 0; at < len; at += piece) {
        pieces[request.io_request_count++] =
            (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                          .local.vaddr = local,
                          .local_offset = at,
                          .remote_offset = (size_t)(t_mpi_rank() - 1) * SLOT + at,
                          .transfer_length = piece};
    }
    start = now();
    rc = kind == PUT_IMPLICIT || kind == PUT_EXPLICIT ? rsm_memseg_import_putv(&request)
                                                      : rsm_memseg_import_getv(&request);
    took(kind, start);
    t_require_code(rc, RSM_SUCCESS);
}

static void close_barrier(rsmapi_barrier_t *barrier)
{
    double start = now();
    int rc = rsm_memseg_import_close_barrier(barrier);

    took(CLOSE, start);
    t_require_code(rc, RSM_SUCCESS);
}

/** Write, read back and compare in one mode. */
static void there_and_back(rsm_memseg_import_handle_t import, t_rand_t *random, size_t len,
                           bool explicit_mode)
{
    char *landing = memory + SLOT;
    rsmapi_barrier_t barrier = {0};

    t_rand_fill(random, memory, len);
    memset(landing, 0x5a, len);
    t_require_ok(rsm_memseg_import_set_mode(import, explicit_mode ? RSM_BARRIER_MODE_EXPLICIT
                                                                  : RSM_BARRIER_MODE_IMPLICIT));
    if (!explicit_mode) {
        move(import, PUT_IMPLICIT, memory, len);
        move(import, GET_IMPLICIT, landing, len);
    } else {
        t_require_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
        t_require_ok(rsm_memseg_import_open_barrier(&barrier));
        move(import, PUT_EXPLICIT, memory, len);
        close_barrier(&barrier);
        t_require_ok(rsm_memseg_import_open_barrier(&barrier));
        move(import, GET_EXPLICIT, landing, len);
        close_barrier(&barrier);
        t_require_ok(rsm_memseg_import_destroy_barrier(&barrier));
    }
    t_require_mem(landing, memory, len);
}

/** Until `deadline`, but once in any case. Returns the number of posts. */
static uint64_t import_again_and_again(t_rand_t *random, double deadline)
{
    rsm_memseg_import_handle_t import;
    uint64_t posts = 0;
    double start;
    int rc;

    do {
        start = now();
        rc = rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_RDWR, &import);
        took(CONNECT, start);
        t_require_code(rc, RSM_SUCCESS);
        for (size_t len = 8; len <= SLOT && (len == 8 || now() < deadline); len *= 8) {
            there_and_back(import, random, len, false);
            there_and_back(import, random, len, true);
        }
        if (now() < deadline) { /* the largest is no power of 8 */
            there_and_back(import, random, SLOT, posts % 2 == 0);
        }
        start = now();
        rc = rsm_intr_signal_post(import, 0);
        took(POST, start);
        t_require_code(rc, RSM_SUCCESS);
        posts++;
        start = now();
        rc = rsm_memseg_import_disconnect(import);
        took(DISCONNECT, start);
        t_require_code(rc, RSM_SUCCESS);
    } while (now() < deadline);
    return posts;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

/** Of all importers the longest call, the worst median, and the number of calls. */
static void report(void)
{
    for (int kind = 0; kind < KINDS; kind++) {
        samples_t *its = &samples[kind];
        double worst[2] = {0, 0}; /* longest, median */
        uint64_t count = its->count;

        qsort(its->seconds, its->count, sizeof *its->seconds, compare_doubles);
        if (its->count > 0) {
            worst[0] = its->seconds[its->count - 1];
            worst[1] = its->seconds[its->count / 2];
        }
        (void)MPI_Allreduce(MPI_IN_PLACE, worst, 2, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
        (void)MPI_Allreduce(MPI_IN_PLACE, &count, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        t_expect(count > 0);
        if (t_mpi_rank() == 0) {
            t_print("%-20s %6llu calls, longest %8.2f ms, median %8.3f ms", kind_names[kind],
                    (unsigned long long)count, 1e3 * worst[0], 1e3 * worst[1]);
        }
    }
}

/** Tell rank 0, in its memory. */
static void put_flag(rsm_memseg_import_handle_t import)
{
    char done = 1;
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE,
                         .local.vaddr = &done,
                         .remote_offset = (size_t)(t_mpi_size() - 1) * SLOT + (size_t)t_mpi_rank(),
                         .transfer_length = 1};
    rsm_scat_gath_t request = {.io_request_count = 1, .remote_handle = import, .iovec = &piece};

    t_require_ok(rsm_memseg_import_putv(&request));
}

/** All events have arrived, though nobody waited for them when they were posted. */
static void count_events(rsm_memseg_export_handle_t export, uint64_t posts)
{
    for (uint64_t i = 0; i < posts; i++) {
        t_require_ok(rsm_intr_signal_wait(export, EVENT_WAIT_MS));
    }
    t_expect_code(rsm_intr_signal_wait(export, 0), RSMERR_TIMEOUT);
}

int main(int argc, char **argv)
{
    double seconds = (double)t_arg_u64(argc, argv, "--seconds", 3);
    rsm_memseg_export_handle_t export = NULL;
    rsm_memseg_id_t id = SEGMENT_ID;
    rsm_memseg_import_handle_t flag = NULL;
    uint64_t posts = 0;
    t_rand_t random;
    uint64_t seed;
    size_t len;
    double back = 0;

    t_mpi_watchdog();
    t_require_ok(rsm_get_controller("mpi0", &controller));
    t_mpi_attach();
    if (getenv("T_WATCHDOG") == NULL) {
        t_watchdog(60);
    }
    t_require(t_mpi_size() > 1);
    seed = t_mpi_seed(argc, argv);
    t_rand_init(&random, seed, (uint64_t)t_mpi_rank());

    len = t_mpi_rank() == 0 ? (size_t)(t_mpi_size() - 1) * SLOT + FLAGS : 2UL * SLOT;
    memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    t_require(memory != MAP_FAILED);
    if (t_mpi_rank() == 0) {
        t_require_ok(rsm_memseg_export_create(controller, &export, memory, len, 0));
        t_require_ok(rsm_memseg_export_publish(export, &id, NULL, 0));
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        t_note("computing");
        back = compute(seconds);
    } else {
        rsm_memseg_import_handle_t import;

        t_note("importing");
        t_require_ok(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_RDWR, &import));
        posts = import_again_and_again(&random, now() + 0.4 * seconds);
        put_flag(import);
        flag = import;
    }
    t_note("comparing");
    (void)MPI_Allreduce(MPI_IN_PLACE, &last_end, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    (void)MPI_Allreduce(MPI_IN_PLACE, &posts, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    report();
    if (t_mpi_rank() == 0) {
        t_print("the last call was over %.2f s before rank 0 came back", back - last_end);
        t_expect(last_end < back);
        count_events(export, posts);
        t_expect_ok(rsm_memseg_export_destroy(export));
    }
    if (flag != NULL) {
        t_expect_ok(rsm_memseg_import_disconnect(flag));
    }
    t_expect_ok(rsm_release_controller(controller));
    return t_mpi_finish();
}
