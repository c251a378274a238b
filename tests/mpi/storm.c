/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everybody connects to everybody at once, again and again. Knows public symbols of the library,
 * and MPI for the count at the end; must not know how connections are made.
 *
 * Description: storm [--rounds N] [--threads T] [--seed S] [--app-init]
 *   Every rank exports two segments. In each round every rank connects to both segments of all
 *   others, in random order, one after the other or all of them at the same time, moves vectors in
 *   both modes, compares, and disconnects. With --threads 2 a second thread of the odd ranks does
 *   the same at the same time. --app-init: the program starts MPI, not the library.
 *
 * Proves: rules R1 to R3 of mpi_glue/README.md (no hang, no failed creation), that a slot, which
 * belongs to one thread of one importer, holds what its owner wrote last and nothing else, and that
 * no event is lost or doubled although its poster disconnects at once.
 */
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "rsmapi.h"
#include "t_mpi.h"

#define FIRST_ID 0x600000U

enum {
    SEGMENTS = 2,
    THREADS_MAX = 2,
    RANKS_MAX = 16,
    SLOT = 8192, /* a page or more, so that a slot's copy can be a local memory handle */
    PIECES_MAX = 6,
    EVENT_WAIT_MS = 20000,
};

typedef enum call { CONNECT, VECTOR, DISCONNECT, CALLS } call_t;

/** One segment of another rank, as one thread sees it. */
typedef struct target {
    int rank;
    int segment;
    rsm_memseg_import_handle_t import;
    char *model;                     /* what our slot there holds */
    rsm_localmemory_handle_t handle; /* of model */
    uint64_t posted;                 /* events, so far */
} target_t;

typedef struct importer {
    int thread;
    t_rand_t random;
    target_t targets[RANKS_MAX * SEGMENTS];
    int count;
    char *landing;
    rsm_localmemory_handle_t landing_handle;
    uint64_t connects;
    double longest[CALLS]; /* seconds */
} importer_t;

static struct {
    int rank;
    int size;
    int threads; /* of this rank */
    uint64_t rounds;
    MPI_Comm comm; /* ours, not the library's */
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t exports[SEGMENTS];
    uint64_t consumed[SEGMENTS];
    importer_t importers[THREADS_MAX];
    pthread_barrier_t together;
} me;

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void took(importer_t *importer, call_t call, double start)
{
    double seconds = now() - start;

    if (seconds > importer->longest[call]) {
        importer->longest[call] = seconds;
    }
}

static void *allocate(size_t len)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(memory != MAP_FAILED);
    return memory;
}

static rsm_localmemory_handle_t make_handle(char *memory)
{
    rsm_localmemory_handle_t handle = NULL;

    t_require_ok(rsm_create_localmemory_handle(me.controller, &handle, memory, SLOT));
    return handle;
}

/** Where the slot of this thread of this rank lies in any segment. */
static size_t slot_of(const importer_t *importer)
{
    return ((size_t)me.rank * THREADS_MAX + (size_t)importer->thread) * SLOT;
}

/**
 * Random pieces of the slot, rising, now and then empty, that leave gaps or not. The local side has
 * the shape of the slot: `memory`, and `handle` of the same.
 */
static unsigned long cut_up(importer_t *importer, bool gaps, char *memory,
                            rsm_localmemory_handle_t handle, rsm_iovec_t *pieces)
{
    t_rand_t *random = &importer->random;
    unsigned long wanted = t_rand_range(random, 1, PIECES_MAX);
    unsigned long count = 0;
    size_t at = 0;

    while (count < wanted && at < SLOT) {
        bool last = count + 1 == wanted;
        size_t skip = gaps ? t_rand_below(random, 300) : 0;
        size_t len = t_rand_below(random, 4) == 0 ? t_rand_below(random, 9)
                                                  : t_rand_below(random, 2UL * SLOT / wanted);

        at = skip < SLOT - at ? at + skip : SLOT;
        if ((last && !gaps) || len > SLOT - at) {
            len = SLOT - at;
        }
        pieces[count] = (rsm_iovec_t){
            .local_offset = at, .remote_offset = slot_of(importer) + at, .transfer_length = len};
        if (t_rand_below(random, 2) == 0) {
            pieces[count].io_type = RSM_HANDLE_TYPE;
            pieces[count].local.handle = handle;
        } else {
            pieces[count].io_type = RSM_VA_TYPE;
            pieces[count].local.vaddr = memory;
        }
        at += len;
        count++;
    }
    return count;
}

/** Send a vector on its way, one time in three with an event behind it. */
static void run_vector(importer_t *importer, target_t *target, rsm_iovec_t *pieces,
                       unsigned long count, bool put)
{
    unsigned flags = t_rand_below(&importer->random, 3) == 0 ? RSM_IMPLICIT_SIGPOST : 0;
    rsm_scat_gath_t request = {.io_request_count = count,
                               .flags = flags,
                               .remote_handle = target->import,
                               .iovec = pieces};
    double start = now();

    if (put) {
        t_require_ok(rsm_memseg_import_putv(&request));
    } else {
        t_require_ok(rsm_memseg_import_getv(&request));
    }
    took(importer, VECTOR, start);
    t_require_eq(request.io_residual_count, 0UL);
    target->posted += flags == RSM_IMPLICIT_SIGPOST;
}

static void scribble(importer_t *importer, const rsm_iovec_t *pieces, unsigned long count,
                     char *memory)
{
    for (unsigned long i = 0; i < count; i++) {
        t_rand_fill(&importer->random, memory + pieces[i].local_offset, pieces[i].transfer_length);
    }
}

/** Write parts of the slot, read all of it, compare with what it must hold. */
static void move_data(importer_t *importer, target_t *target)
{
    rsm_iovec_t puts[PIECES_MAX];
    rsm_iovec_t gets[PIECES_MAX];
    rsmapi_barrier_t barrier = {0};
    bool explicit_mode = t_rand_below(&importer->random, 2) == 0;
    unsigned long count;

    if (explicit_mode) {
        t_require_ok(rsm_memseg_import_set_mode(target->import, RSM_BARRIER_MODE_EXPLICIT));
        t_require_ok(rsm_memseg_import_init_barrier(target->import, RSM_BAR_DEFAULT, &barrier));
        t_require_ok(rsm_memseg_import_open_barrier(&barrier));
    }
    count = cut_up(importer, true, target->model, target->handle, puts);
    scribble(importer, puts, count, target->model);
    run_vector(importer, target, puts, count, true);

    if (explicit_mode && t_rand_below(&importer->random, 2) == 0) {
        t_require_ok(rsm_memseg_import_order_barrier(&barrier));
    } else if (explicit_mode) {
        t_require_ok(rsm_memseg_import_close_barrier(&barrier));
        t_require_ok(rsm_memseg_import_open_barrier(&barrier));
    }

    memset(importer->landing, 0x5a, SLOT);
    count = cut_up(importer, false, importer->landing, importer->landing_handle, gets);
    run_vector(importer, target, gets, count, false);
    if (explicit_mode) {
        t_require_ok(rsm_memseg_import_close_barrier(&barrier));
        t_require_ok(rsm_memseg_import_destroy_barrier(&barrier));
    }
    /* Rising pieces without gaps, but a run of short ones need not reach the end. */
    t_require_mem(importer->landing, target->model,
                  gets[count - 1].local_offset + gets[count - 1].transfer_length);

    if (t_rand_below(&importer->random, 4) == 0) {
        t_require_ok(rsm_intr_signal_post(target->import, 0));
        target->posted++;
    }
}

static void connect_to(importer_t *importer, target_t *target)
{
    double start = now();

    t_require_ok(rsm_memseg_import_connect(me.controller, (rsm_node_id_t)target->rank,
                                           FIRST_ID + (unsigned)target->segment, RSM_PERM_RDWR,
                                           &target->import));
    took(importer, CONNECT, start);
    importer->connects++;
}

static void disconnect(importer_t *importer, target_t *target)
{
    double start = now();

    t_require_ok(rsm_memseg_import_disconnect(target->import));
    took(importer, DISCONNECT, start);
    target->import = NULL;
}

static void shuffle(importer_t *importer, int *order)
{
    for (int i = importer->count - 1; i > 0; i--) {
        int other = (int)t_rand_below(&importer->random, (uint64_t)i + 1);
        int kept = order[i];

        order[i] = order[other];
        order[other] = kept;
    }
}

static void run_round(importer_t *importer)
{
    int order[RANKS_MAX * SEGMENTS] = {0};
    bool all_at_once = t_rand_below(&importer->random, 2) == 0;

    for (int i = 0; i < importer->count; i++) {
        order[i] = i;
    }
    shuffle(importer, order);
    for (int i = 0; i < importer->count; i++) {
        target_t *target = &importer->targets[order[i]];

        connect_to(importer, target);
        if (!all_at_once) {
            move_data(importer, target);
            disconnect(importer, target);
        }
    }
    if (all_at_once) {
        shuffle(importer, order);
        for (int i = 0; i < importer->count; i++) {
            move_data(importer, &importer->targets[order[i]]);
        }
        shuffle(importer, order);
        for (int i = 0; i < importer->count; i++) {
            disconnect(importer, &importer->targets[order[i]]);
        }
    }
}

/** Take what has arrived, without waiting. */
static void take_events(void)
{
    for (int k = 0; k < SEGMENTS; k++) {
        int rc;

        while ((rc = rsm_intr_signal_wait(me.exports[k], 0)) == RSM_SUCCESS) {
            me.consumed[k]++;
        }
        t_require_code(rc, RSMERR_TIMEOUT);
    }
}

/** The second thread. The first one starts each round. */
static void *import_beside(void *arg)
{
    for (uint64_t round = 0; round < me.rounds; round++) {
        (void)pthread_barrier_wait(&me.together);
        run_round(arg);
    }
    return NULL;
}

/** A barrier that leaves the processor to others: ranks may be more than cores, and MPICH spins. */
static void meet(void)
{
    const struct timespec nap = {0, 50000};
    MPI_Request request;
    int done = 0;

    (void)MPI_Ibarrier(me.comm, &request);
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
        (void)nanosleep(&nap, NULL);
    }
}

static void run_rounds(t_rand_t *shared)
{
    pthread_t beside = pthread_self();

    if (me.threads > 1) {
        t_require_eq(pthread_barrier_init(&me.together, NULL, 2), 0);
        t_require_eq(pthread_create(&beside, NULL, import_beside, &me.importers[1]), 0);
    }
    for (uint64_t round = 0; round < me.rounds; round++) {
        t_note("round %llu", (unsigned long long)round);
        /* Half of the rounds begin together at all ranks; `shared` is the same everywhere. */
        if (t_rand_below(shared, 2) == 0) {
            meet();
        }
        if (me.threads > 1) {
            (void)pthread_barrier_wait(&me.together);
        }
        run_round(&me.importers[0]);
        if (round % 4 == 0) {
            take_events();
        }
    }
    if (me.threads > 1) {
        t_require_eq(pthread_join(beside, NULL), 0);
        (void)pthread_barrier_destroy(&me.together);
    }
}

static void prepare_importer(importer_t *importer, int thread, uint64_t seed)
{
    importer->thread = thread;
    t_rand_init(&importer->random, seed, 1 + (uint64_t)me.rank * THREADS_MAX + (uint64_t)thread);
    importer->landing = allocate(SLOT);
    importer->landing_handle = make_handle(importer->landing);
    for (int rank = 0; rank < me.size; rank++) {
        for (int k = 0; rank != me.rank && k < SEGMENTS; k++) {
            target_t *target = &importer->targets[importer->count++];

            target->rank = rank;
            target->segment = k;
            target->model = allocate(SLOT);
            target->handle = make_handle(target->model);
        }
    }
}

static void prepare(uint64_t seed)
{
    size_t len = (size_t)me.size * THREADS_MAX * SLOT;

    for (int k = 0; k < SEGMENTS; k++) {
        rsm_memseg_id_t id = FIRST_ID + (unsigned)k;

        t_require_ok(
            rsm_memseg_export_create(me.controller, &me.exports[k], allocate(len), len, 0));
        t_require_ok(rsm_memseg_export_publish(me.exports[k], &id, NULL, 0));
    }
    for (int thread = 0; thread < me.threads; thread++) {
        prepare_importer(&me.importers[thread], thread, seed);
    }
}

/** All events that were posted have to be taken, and there must be no other. */
static void balance_events(void)
{
    uint64_t posted[RANKS_MAX * SEGMENTS] = {0};
    uint64_t total[2] = {0, 0}; /* posted, consumed */

    for (int thread = 0; thread < me.threads; thread++) {
        for (int i = 0; i < me.importers[thread].count; i++) {
            const target_t *target = &me.importers[thread].targets[i];

            posted[target->rank * SEGMENTS + target->segment] += target->posted;
        }
    }
    (void)MPI_Allreduce(MPI_IN_PLACE, posted, me.size * SEGMENTS, MPI_UINT64_T, MPI_SUM, me.comm);
    for (int k = 0; k < SEGMENTS; k++) {
        uint64_t wanted = posted[me.rank * SEGMENTS + k];

        t_note("waiting for event %llu of %llu of segment %d", (unsigned long long)me.consumed[k],
               (unsigned long long)wanted, k);
        while (me.consumed[k] < wanted) {
            t_require_ok(rsm_intr_signal_wait(me.exports[k], EVENT_WAIT_MS));
            me.consumed[k]++;
        }
        t_expect_code(rsm_intr_signal_wait(me.exports[k], 10), RSMERR_TIMEOUT);
        t_expect_eq(me.consumed[k], wanted);
        total[0] += wanted;
        total[1] += me.consumed[k];
    }
    (void)MPI_Allreduce(MPI_IN_PLACE, total, 2, MPI_UINT64_T, MPI_SUM, me.comm);
    t_expect_eq(total[0], total[1]);
    if (me.rank == 0) {
        t_print("events: %llu posted, %llu consumed", (unsigned long long)total[0],
                (unsigned long long)total[1]);
    }
}

static void report(double seconds)
{
    double longest[CALLS] = {0};
    uint64_t connects = 0;

    for (int thread = 0; thread < me.threads; thread++) {
        connects += me.importers[thread].connects;
        for (int call = 0; call < CALLS; call++) {
            double its = me.importers[thread].longest[call];

            longest[call] = its > longest[call] ? its : longest[call];
        }
    }
    (void)MPI_Allreduce(MPI_IN_PLACE, &connects, 1, MPI_UINT64_T, MPI_SUM, me.comm);
    (void)MPI_Allreduce(MPI_IN_PLACE, longest, CALLS, MPI_DOUBLE, MPI_MAX, me.comm);
    if (me.rank == 0) {
        t_print("%llu rounds in %.1f s, %llu connects, %.0f per second",
                (unsigned long long)me.rounds, seconds, (unsigned long long)connects,
                (double)connects / seconds);
        t_print("longest call: connect %.1f ms, vector %.1f ms, disconnect %.1f ms",
                1e3 * longest[CONNECT], 1e3 * longest[VECTOR], 1e3 * longest[DISCONNECT]);
    }
}

static void tidy_up(void)
{
    for (int thread = 0; thread < me.threads; thread++) {
        importer_t *importer = &me.importers[thread];

        for (int i = 0; i < importer->count; i++) {
            t_expect_ok(rsm_free_localmemory_handle(me.controller, importer->targets[i].handle));
        }
        t_expect_ok(rsm_free_localmemory_handle(me.controller, importer->landing_handle));
    }
    for (int k = 0; k < SEGMENTS; k++) {
        t_expect_ok(rsm_memseg_export_destroy(me.exports[k]));
    }
    t_expect_ok(rsm_release_controller(me.controller));
}

int main(int argc, char **argv)
{
    t_rand_t shared;
    uint64_t seed;
    double start;

    me.rounds = t_arg_u64(argc, argv, "--rounds", 100);
    if (t_arg_flag(argc, argv, "--app-init")) {
        t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
        t_require_ok(rsm_get_controller("mpi0", &me.controller));
    } else {
        t_mpi_watchdog();
        t_require_ok(rsm_get_controller("mpi0", &me.controller));
        t_mpi_attach();
    }
    if (getenv("T_WATCHDOG") == NULL) {
        t_watchdog((unsigned)(120 + 2 * me.rounds));
    }
    me.rank = t_mpi_rank();
    me.size = t_mpi_size();
    t_require(me.size > 1 && me.size <= RANKS_MAX);
    me.threads = me.rank % 2 == 1 ? (int)t_arg_u64(argc, argv, "--threads", 1) : 1;
    t_require(me.threads >= 1 && me.threads <= THREADS_MAX);
    seed = t_mpi_seed(argc, argv);
    t_rand_init(&shared, seed, 0);

    /* Before anybody connects, and the barrier makes that so: docs/limits.md. */
    (void)MPI_Comm_dup(MPI_COMM_WORLD, &me.comm);
    prepare(seed);
    meet();
    start = now();
    run_rounds(&shared);
    t_note("done, waiting for the others");
    meet();
    report(now() - start);
    balance_events();
    tidy_up();
    (void)MPI_Comm_free(&me.comm);
    return t_mpi_finish();
}
