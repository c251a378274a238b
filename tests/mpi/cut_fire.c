/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revocation under fire. Rank 0 withdraws a segment at a random moment and at once uses the memory
 * for something else; the other ranks meanwhile transfer, compute, connect, or hold on to a handle
 * of an earlier round. Knows RSMAPI only; must not know how a cut travels.
 *
 * Description: cut_fire [--rounds N] [--seed S] [--lib-init]
 *   --lib-init   the library starts MPI; else the program does
 *
 * Proves: after unpublish or destroy returned success not one byte of the memory changes, and none
 * is read; importers see documented codes only, a failed vector has moved nothing and its residual
 * is n; the cut is permanent, also when the same id is published again on the same memory; an event
 * whose post returned success is consumed while the export handle lives, and none comes that was
 * not posted. (Reference 10.5, 18; design 2, "Cut".)
 *
 * Bytes tell who wrote them: the high digit is the importer's rank, LIVE for what the exporter
 * publishes, REUSED for what it fills in after the cut. Words of the round are agreed by a barrier
 * on a communicator of this program, made before any importer connects.
 */
#include <errno.h>
#include <inttypes.h>
#include <mpi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "rsmapi.h"
#include "t_mpi.h"

enum {
    PAGE = 4096,
    PAGES_MAX = 64,
    SEGMENT_ID = 0x00400200,
    PIECES_MAX = 200,
    PIECE_MAX = 2048,
    LOCAL_BYTES = PIECES_MAX * PIECE_MAX + PAGE,
    LIVE = 0xD0,
    REUSED = 0xE0,
    GUARD = 0xF5,
    EVENT_LIMIT_MS = 20000,
    ROUNDS_FOR_ALL_CASES = 1000,
};

#define FIRE_LIMIT_NS 30000000000U /* a cut has to arrive within this time */
#define SPEAK_NS 20000000000U      /* a slow run shows that it lives */

/* What happened, counted per rank and summed at the end. */
typedef enum seen {
    PUTV_SUCCESS,
    PUTV_ABORTED,
    GETV_SUCCESS,
    GETV_ABORTED,
    SIGNAL_SUCCESS, /* vectors with RSM_IMPLICIT_SIGPOST */
    SIGNAL_ABORTED,
    ORDER_SUCCESS,
    ORDER_ABORTED,
    CLOSE_SUCCESS,
    CLOSE_ABORTED,
    POST_SUCCESS,
    POST_ABORTED,
    CONNECT_SUCCESS,
    CONNECT_INTERRUPTED,
    CONNECT_NOT_PUBLISHED,
    CUT_WHILE_COMPUTING,
    STALE_REFUSED, /* vectors of a handle of an earlier round, the id being published again */
    UNPUBLISHED,
    DESTROYED,
    REMAPPED,
    CUT_INTERRUPTED,
    EVENTS_CONSUMED,
    SEEN_COUNT,
} seen_t;

static const char *const seen_names[SEEN_COUNT] = {
    [PUTV_SUCCESS] = "putv success",
    [PUTV_ABORTED] = "putv CONN_ABORTED",
    [GETV_SUCCESS] = "getv success",
    [GETV_ABORTED] = "getv CONN_ABORTED",
    [SIGNAL_SUCCESS] = "vector with signal success",
    [SIGNAL_ABORTED] = "vector with signal CONN_ABORTED",
    [ORDER_SUCCESS] = "order_barrier success",
    [ORDER_ABORTED] = "order_barrier CONN_ABORTED",
    [CLOSE_SUCCESS] = "close_barrier success",
    [CLOSE_ABORTED] = "close_barrier CONN_ABORTED",
    [POST_SUCCESS] = "post success",
    [POST_ABORTED] = "post CONN_ABORTED",
    [CONNECT_SUCCESS] = "connect success",
    [CONNECT_INTERRUPTED] = "connect INTERRUPTED",
    [CONNECT_NOT_PUBLISHED] = "connect SEG_NOT_PUBLISHED",
    [CUT_WHILE_COMPUTING] = "cut while the importer computes",
    [STALE_REFUSED] = "vector on a handle of an earlier round",
    [UNPUBLISHED] = "unpublish",
    [DESTROYED] = "destroy of a published segment",
    [REMAPPED] = "memory unmapped and mapped anew",
    [CUT_INTERRUPTED] = "unpublish or destroy INTERRUPTED",
    [EVENTS_CONSUMED] = "events consumed",
};

/* These depend on luck: counted, and not insisted on. */
static bool is_rare(int what)
{
    return what == CONNECT_INTERRUPTED || what == CUT_INTERRUPTED;
}

static uint64_t seen[SEEN_COUNT];

/** The same at all ranks: drawn from the seed and the number of the round. */
typedef struct plan {
    uint64_t round;
    size_t bytes;      /* length of the segment */
    bool destroy;      /* the cut is a destroy, not an unpublish */
    bool renew;        /* the export handle ends with this round */
    bool remap;        /* other pages at the same address */
    bool alarm;        /* a signal may interrupt the cut */
    bool eager;        /* the exporter consumes events before the cut */
    uint64_t cut_at;   /* ns after everybody is ready */
    uint64_t watch_ns; /* how long the reused memory is left alone */
} plan_t;

static rsmapi_controller_handle_t controller;
static MPI_Comm app_comm = MPI_COMM_NULL;

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void nap_ns(uint64_t ns)
{
    struct timespec nap = {(time_t)(ns / 1000000000U), (long)(ns % 1000000000U)};

    while (nanosleep(&nap, &nap) != 0 && errno == EINTR) {
    }
}

/** Compute: no call of anything. */
static void spin_ns(uint64_t ns)
{
    uint64_t end = now_ns() + ns;

    while (now_ns() < end) {
    }
}

/** A barrier of the program's own that leaves the processor to others. */
static void meet(void)
{
    MPI_Request request;
    int done = 0;

    (void)MPI_Ibarrier(app_comm, &request);
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
        nap_ns(20000);
    }
}

static plan_t make_plan(uint64_t seed, uint64_t round)
{
    t_rand_t random;
    plan_t plan = {.round = round};

    t_rand_init(&random, seed, 1000 + round);
    plan.bytes = PAGE * t_rand_range(&random, 1, PAGES_MAX);
    plan.destroy = t_rand_below(&random, 6) == 0;
    plan.remap = t_rand_below(&random, 3) == 0;
    plan.renew = plan.destroy || plan.remap || t_rand_below(&random, 8) == 0;
    plan.alarm = t_rand_below(&random, 8) == 0;
    plan.eager = t_rand_below(&random, 2) == 0;
    plan.cut_at = t_rand_below(&random, 2000000);
    plan.watch_ns = t_rand_below(&random, 3000000);
    return plan;
}

/* ---- Exporter ------------------------------------------------------------------------------ */

static char *area; /* PAGES_MAX pages, with a page of GUARD before and behind */
static rsm_memseg_export_handle_t exported;
static size_t exported_bytes;
static uint64_t *latencies;

static unsigned char live_byte(uint64_t round)
{
    return (unsigned char)(LIVE | (round & 15));
}

static unsigned char reused_byte(uint64_t round, size_t at)
{
    return (unsigned char)(REUSED | ((round + at / 7) & 15));
}

static void fill_reused(uint64_t round, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        area[i] = (char)reused_byte(round, i);
    }
}

/** Whoever wrote after the cut has left a name. */
static void check_reused(uint64_t round, size_t bytes, const char *when)
{
    size_t changed = 0;
    size_t first = 0;

    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)area[i] != reused_byte(round, i)) {
            first = changed == 0 ? i : first;
            changed++;
        }
    }
    t_expect(changed == 0);
    if (changed != 0) {
        t_fail("round %" PRIu64
               ", %s: %zu bytes changed after the cut, the first at %zu by rank %d",
               round, when, changed, first, (unsigned char)area[first] >> 4);
    }
    for (size_t i = 0; i < PAGE; i++) {
        if ((unsigned char)area[-1 - (ptrdiff_t)i] != GUARD ||
            (unsigned char)area[(size_t)PAGES_MAX * PAGE + i] != GUARD) {
            t_fail("round %" PRIu64 ", %s: a byte outside of the segment changed", round, when);
            break;
        }
    }
}

static void map_area(void)
{
    char *all = mmap(NULL, (PAGES_MAX + 2UL) * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(all != MAP_FAILED);
    memset(all, GUARD, (PAGES_MAX + 2UL) * PAGE);
    area = all + PAGE;
}

/** Other pages at the same address. */
static void remap_area(size_t bytes)
{
    t_require_eq(munmap(area, bytes), 0);
    t_require(mmap(area, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == area);
    seen[REMAPPED]++;
}

static void publish(const plan_t *plan)
{
    rsm_memseg_id_t id = SEGMENT_ID;

    if (exported == NULL) {
        exported_bytes = plan->bytes;
        memset(area, live_byte(plan->round), exported_bytes);
        t_require_ok(rsm_memseg_export_create(controller, &exported, area, exported_bytes, 0));
    }
    memset(area, live_byte(plan->round), exported_bytes);
    t_require_ok(rsm_memseg_export_publish(exported, &id, NULL, 0));
}

static void on_alarm(int number)
{
    (void)number;
}

static void set_alarm(suseconds_t usec)
{
    struct itimerval timer = {{0, 0}, {0, usec}};

    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/** Unpublish or destroy, until it is done. */
static void cut(const plan_t *plan)
{
    uint64_t begin = now_ns();
    uint64_t limit = begin + FIRE_LIMIT_NS;
    int rc;

    t_note("round %" PRIu64 ": %s", plan->round, plan->destroy ? "destroy" : "unpublish");
    if (plan->alarm) {
        set_alarm((suseconds_t)(20 + plan->cut_at % 150));
    }
    while ((rc = plan->destroy ? rsm_memseg_export_destroy(exported)
                               : rsm_memseg_export_unpublish(exported)) == RSMERR_INTERRUPTED) {
        seen[CUT_INTERRUPTED]++;
        t_require(now_ns() < limit);
    }
    t_require_ok(rc);
    if (plan->alarm) {
        set_alarm(0);
    }
    latencies[plan->round] = now_ns() - begin;
    seen[plan->destroy ? DESTROYED : UNPUBLISHED]++;
}

/** Consume events until `end`; how many came. */
static uint64_t consume_until(uint64_t end)
{
    uint64_t count = 0;
    uint64_t now;
    int rc;

    while ((now = now_ns()) < end) {
        rc = rsm_intr_signal_wait(exported, (int)((end - now) / 1000000U));
        if (rc == RSM_SUCCESS) {
            count++;
        } else {
            t_expect_code(rc, RSMERR_TIMEOUT);
            spin_ns(1000);
        }
    }
    return count;
}

/** All events of this handle's life, and none more. */
static void consume_rest(uint64_t posted, uint64_t *consumed)
{
    t_note("waiting for event %" PRIu64 " of %" PRIu64, *consumed, posted);
    while (*consumed < posted) {
        int rc = rsm_intr_signal_wait(exported, EVENT_LIMIT_MS);

        t_expect_ok(rc);
        if (rc != RSM_SUCCESS) {
            t_fail("%" PRIu64 " events came of %" PRIu64 " posted", *consumed, posted);
            *consumed = posted;
            return;
        }
        (*consumed)++;
        seen[EVENTS_CONSUMED]++;
    }
    t_expect_code(rsm_intr_signal_wait(exported, 0), RSMERR_TIMEOUT);
}

static uint64_t add_up(uint64_t mine)
{
    uint64_t sum = 0;

    (void)MPI_Allreduce(&mine, &sum, 1, MPI_UINT64_T, MPI_SUM, app_comm);
    return sum;
}

/** Rank 0's half of a round. */
static void export_round(const plan_t *plan)
{
    static uint64_t posted;   /* to this export handle, over its rounds */
    static uint64_t consumed; /* from it */
    uint64_t begin;
    uint64_t now;

    if (exported == NULL) {
        posted = 0;
        consumed = 0;
    }
    publish(plan);
    meet(); /* published */
    meet(); /* everybody is ready */
    begin = now_ns();
    if (plan->eager) {
        uint64_t some = consume_until(begin + plan->cut_at);

        consumed += some;
        seen[EVENTS_CONSUMED] += some;
    } else if ((now = now_ns()) < begin + plan->cut_at) {
        nap_ns(begin + plan->cut_at - now);
    }
    cut(plan);
    if (plan->remap) {
        remap_area(exported_bytes);
    }
    fill_reused(plan->round, exported_bytes);
    nap_ns(plan->watch_ns);
    check_reused(plan->round, exported_bytes, "soon");
    t_note("round %" PRIu64 ": the importers come home", plan->round);
    meet(); /* nobody fires any more */
    check_reused(plan->round, exported_bytes, "late");
    posted += add_up(0);
    t_expect(consumed <= posted);
    if (plan->destroy) {
        t_expect_code(rsm_intr_signal_wait(exported, 0), RSMERR_BAD_SEG_HNDL);
        exported = NULL;
        return;
    }
    consume_rest(posted, &consumed);
    if (plan->renew) {
        t_expect_ok(rsm_memseg_export_destroy(exported));
        exported = NULL;
    }
}

/* ---- Importers ----------------------------------------------------------------------------- */

static char *local_memory;
static rsm_localmemory_handle_t local_handle;
static t_rand_t dice;
static uint64_t posts; /* successful, in this round */
static rsm_memseg_import_handle_t stale;

static unsigned char my_byte(uint64_t round)
{
    return (unsigned char)((unsigned)t_mpi_rank() << 4 | (unsigned)(round & 15));
}

/** Pieces inside the segment, at random places, of both kinds. */
static void draw_vector(rsm_scat_gath_t *request, rsm_iovec_t *pieces, size_t segment_bytes)
{
    size_t local_at = 0;

    request->io_request_count =
        t_rand_below(&dice, 8) == 0 ? PIECES_MAX : t_rand_range(&dice, 1, 16);
    request->io_residual_count = 77777;
    request->iovec = pieces;
    for (size_t i = 0; i < request->io_request_count; i++) {
        size_t length = t_rand_below(&dice, PIECE_MAX + 1);
        rsm_iovec_t *piece = &pieces[i];

        memset(piece, 0, sizeof *piece);
        piece->transfer_length = length;
        piece->remote_offset = t_rand_below(&dice, segment_bytes - length + 1);
        piece->local_offset = local_at;
        if (t_rand_below(&dice, 2) == 0) {
            piece->io_type = RSM_HANDLE_TYPE;
            piece->local.handle = local_handle;
        } else {
            piece->io_type = RSM_VA_TYPE;
            piece->local.vaddr = local_memory;
        }
        local_at += length;
    }
}

/** What was read belongs to the segment's life: nothing that the exporter wrote after a cut. */
static void check_read(const char *memory, size_t bytes)
{
    size_t bad = 0;

    for (size_t i = 0; i < bytes; i++) {
        bad += (unsigned char)memory[i] >= REUSED;
    }
    t_expect_eq(bad, 0);
}

/** One vector. False: the connection is cut. */
static bool fire(rsm_memseg_import_handle_t import, const plan_t *plan, size_t segment_bytes)
{
    static rsm_iovec_t pieces[PIECES_MAX];
    rsm_scat_gath_t request = {.remote_handle = import};
    bool get = t_rand_below(&dice, 4) == 0;
    bool signal = t_rand_below(&dice, 3) == 0;
    int rc;

    draw_vector(&request, pieces, segment_bytes);
    request.flags = signal ? RSM_IMPLICIT_SIGPOST : 0;
    memset(local_memory, get ? 0 : my_byte(plan->round), LOCAL_BYTES);
    rc = get ? rsm_memseg_import_getv(&request) : rsm_memseg_import_putv(&request);
    if (rc == RSM_SUCCESS) {
        t_expect_eq(request.io_residual_count, 0);
        posts += signal;
    } else {
        t_expect_code(rc, RSMERR_CONN_ABORTED);
        t_expect_eq(request.io_residual_count, request.io_request_count);
    }
    if (get) {
        /* Explicit mode has not completed it yet; then what is there already is looked at. */
        check_read(local_memory, LOCAL_BYTES);
    }
    if (signal) {
        seen[rc == RSM_SUCCESS ? SIGNAL_SUCCESS : SIGNAL_ABORTED]++;
    }
    if (get) {
        seen[rc == RSM_SUCCESS ? GETV_SUCCESS : GETV_ABORTED]++;
    } else {
        seen[rc == RSM_SUCCESS ? PUTV_SUCCESS : PUTV_ABORTED]++;
    }
    return rc == RSM_SUCCESS;
}

/** Success or CONN_ABORTED, counted. */
static bool succeeded(int rc, seen_t success, seen_t aborted)
{
    if (rc != RSM_SUCCESS) {
        t_expect_code(rc, RSMERR_CONN_ABORTED);
    }
    seen[rc == RSM_SUCCESS ? success : aborted]++;
    return rc == RSM_SUCCESS;
}

/** A span of explicit mode. False: the connection is cut. */
static bool fire_span(rsm_memseg_import_handle_t import, const plan_t *plan, size_t segment_bytes,
                      rsmapi_barrier_t *barrier)
{
    uint64_t count = t_rand_range(&dice, 1, 4);
    bool alive = true;
    bool closed;

    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_open_barrier(barrier));
    for (uint64_t i = 0; i < count && alive; i++) {
        alive = fire(import, plan, segment_bytes);
        if (alive && t_rand_below(&dice, 3) == 0) {
            alive =
                succeeded(rsm_memseg_import_order_barrier(barrier), ORDER_SUCCESS, ORDER_ABORTED);
        }
    }
    closed = succeeded(rsm_memseg_import_close_barrier(barrier), CLOSE_SUCCESS, CLOSE_ABORTED);
    t_expect(alive || !closed); /* the cut is for good */
    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_IMPLICIT));
    return closed;
}

/** On a handle that is cut everything is refused, however often; taking it apart works. */
static void check_cut(rsm_memseg_import_handle_t import, const plan_t *plan, size_t segment_bytes,
                      rsmapi_barrier_t *barrier)
{
    rsm_barrier_mode_t mode;

    for (int i = 0; i < 2; i++) {
        t_expect(!fire(import, plan, segment_bytes));
        t_expect(!succeeded(rsm_intr_signal_post(import, 0), POST_SUCCESS, POST_ABORTED));
        t_expect_ok(rsm_memseg_import_open_barrier(barrier));
        t_expect(
            !succeeded(rsm_memseg_import_order_barrier(barrier), ORDER_SUCCESS, ORDER_ABORTED));
        t_expect(
            !succeeded(rsm_memseg_import_close_barrier(barrier), CLOSE_SUCCESS, CLOSE_ABORTED));
    }
    t_expect_ok(rsm_memseg_import_get_mode(import, &mode));
    t_expect_code(rsm_intr_signal_wait(import, 0), RSMERR_TIMEOUT);
}

/** Fire until the cut comes. */
static void fire_at_will(rsm_memseg_import_handle_t import, const plan_t *plan,
                         size_t segment_bytes)
{
    uint64_t limit = now_ns() + FIRE_LIMIT_NS;
    rsmapi_barrier_t barrier = {0};
    bool alive = true;

    t_expect_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
    while (alive) {
        t_require(now_ns() < limit);
        switch (t_rand_below(&dice, 4)) {
        case 0:
            alive = fire_span(import, plan, segment_bytes, &barrier);
            break;
        case 1:
            alive = succeeded(rsm_intr_signal_post(import, 0), POST_SUCCESS, POST_ABORTED);
            posts += alive;
            break;
        default:
            alive = fire(import, plan, segment_bytes);
        }
    }
    check_cut(import, plan, segment_bytes, &barrier);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
}

/** Compute across the cut, with transfers started in explicit mode and not completed. */
static void compute(rsm_memseg_import_handle_t import, const plan_t *plan, size_t segment_bytes)
{
    uint64_t limit = now_ns() + FIRE_LIMIT_NS;
    rsmapi_barrier_t barrier = {0};

    t_expect_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    (void)fire(import, plan, segment_bytes);
    spin_ns(2000000 + t_rand_below(&dice, 4000000));
    if (!succeeded(rsm_memseg_import_close_barrier(&barrier), CLOSE_SUCCESS, CLOSE_ABORTED)) {
        seen[CUT_WHILE_COMPUTING]++;
    }
    while (fire(import, plan, segment_bytes)) {
        t_require(now_ns() < limit);
    }
    check_cut(import, plan, segment_bytes, &barrier);
}

static rsm_memseg_import_handle_t connect_now(void)
{
    rsm_memseg_import_handle_t import = NULL;

    t_require_ok(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_RDWR, &import));
    seen[CONNECT_SUCCESS]++;
    return import;
}

/** Connect, fire once, disconnect, over and over, until the id is gone. */
static void knock(const plan_t *plan, size_t segment_bytes)
{
    uint64_t limit = now_ns() + FIRE_LIMIT_NS;
    bool withdrawn = false;

    for (;;) {
        rsm_memseg_import_handle_t import = NULL;
        int rc = rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_RDWR, &import);

        t_require(now_ns() < limit);
        if (rc == RSM_SUCCESS) {
            t_expect(!withdrawn);
            seen[CONNECT_SUCCESS]++;
            if (t_rand_below(&dice, 2) == 0) {
                (void)fire(import, plan, segment_bytes);
            }
            t_expect_ok(rsm_memseg_import_disconnect(import));
            continue;
        }
        t_expect(import == NULL);
        if (rc == RSMERR_SEG_NOT_PUBLISHED) {
            seen[CONNECT_NOT_PUBLISHED]++;
            return;
        }
        t_expect_code(rc, RSMERR_INTERRUPTED);
        seen[CONNECT_INTERRUPTED]++;
        if (rc != RSMERR_INTERRUPTED) {
            return;
        }
        withdrawn = true; /* the id comes back in the next round only */
    }
}

/** A handle of an earlier round stays cut, though the id leads to the same memory again. */
static void try_stale(const plan_t *plan, size_t segment_bytes)
{
    if (stale == NULL) {
        return;
    }
    t_note("round %" PRIu64 ": a handle of an earlier round", plan->round);
    t_expect(!fire(stale, plan, segment_bytes));
    t_expect_code(rsm_intr_signal_post(stale, 0), RSMERR_CONN_ABORTED);
    seen[STALE_REFUSED]++;
    t_expect_ok(rsm_memseg_import_disconnect(stale));
    stale = NULL;
}

/** The other ranks' half of a round. */
static void import_round(const plan_t *plan, size_t segment_bytes)
{
    enum { FIRE, COMPUTE, KNOCK, ROLES };
    uint64_t role = t_rand_below(&dice, ROLES);
    rsm_memseg_import_handle_t import = NULL;

    posts = 0;
    meet(); /* published */
    if (role != KNOCK) {
        t_note("round %" PRIu64 ": connect", plan->round);
        import = connect_now();
    }
    meet(); /* everybody is ready */
    t_note("round %" PRIu64 ": %s", plan->round,
           role == FIRE ? "fire" : (role == COMPUTE ? "compute" : "knock"));
    if (t_rand_below(&dice, 2) == 0) {
        try_stale(plan, segment_bytes);
    }
    if (role == FIRE) {
        fire_at_will(import, plan, segment_bytes);
    } else if (role == COMPUTE) {
        compute(import, plan, segment_bytes);
    } else {
        knock(plan, segment_bytes);
    }
    if (import != NULL && stale == NULL && t_rand_below(&dice, 3) == 0) {
        stale = import;
    } else if (import != NULL) {
        t_note("round %" PRIu64 ": disconnect", plan->round);
        t_expect_ok(rsm_memseg_import_disconnect(import));
    }
    t_note("round %" PRIu64 ": done", plan->round);
    meet(); /* nobody fires any more */
    (void)add_up(posts);
}

/* ---- The program --------------------------------------------------------------------------- */

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void report(uint64_t rounds)
{
    uint64_t sums[SEEN_COUNT];
    uint64_t half = rounds / 2;
    uint64_t most = rounds * 99 / 100;

    (void)MPI_Reduce(seen, sums, SEEN_COUNT, MPI_UINT64_T, MPI_SUM, 0, app_comm);
    if (t_mpi_rank() != 0) {
        return;
    }
    qsort(latencies, rounds, sizeof *latencies, compare_u64);
    t_print("cut: median %.3f ms, 99 %% below %.3f ms, max %.3f ms, %" PRIu64 " rounds",
            (double)latencies[half] / 1e6, (double)latencies[most] / 1e6,
            (double)latencies[rounds - 1] / 1e6, rounds);
    for (int i = 0; i < SEEN_COUNT; i++) {
        t_print("%9" PRIu64 "  %s", sums[i], seen_names[i]);
        if (rounds >= ROUNDS_FOR_ALL_CASES && sums[i] == 0 && !is_rare(i)) {
            t_fail("in %" PRIu64 " rounds there was not one: %s", rounds, seen_names[i]);
        }
    }
}

static void start(int *argc, char ***argv)
{
    struct sigaction action = {.sa_handler = on_alarm};
    bool lib_init = t_arg_flag(*argc, *argv, "--lib-init");

    if (!lib_init) {
        t_mpi_start(argc, argv, MPI_THREAD_MULTIPLE);
    }
    t_mpi_watchdog();
    t_note("rsm_get_controller");
    t_require_ok(rsm_get_controller("mpi0", &controller));
    if (lib_init) {
        t_mpi_attach();
    }
    (void)MPI_Comm_dup(MPI_COMM_WORLD, &app_comm);
    if (t_mpi_size() < 2 || t_mpi_size() > LIVE >> 4) {
        t_skip("takes 2 to 13 ranks");
    }
    (void)sigaction(SIGALRM, &action, NULL);
    local_memory = mmap(NULL, (LOCAL_BYTES / PAGE + 1UL) * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    t_require(local_memory != MAP_FAILED);
    t_require_ok(
        rsm_create_localmemory_handle(controller, &local_handle, local_memory, LOCAL_BYTES));
}

int main(int argc, char **argv)
{
    uint64_t rounds = t_arg_u64(argc, argv, "--rounds", 200);
    uint64_t seed;
    uint64_t spoken = now_ns();
    size_t bytes = 0;
    bool fresh = true;

    start(&argc, &argv);
    seed = t_mpi_seed(argc, argv);
    t_rand_init(&dice, seed, (uint64_t)t_mpi_rank());
    if (t_mpi_rank() == 0) {
        map_area();
        latencies = calloc(rounds + 1, sizeof *latencies);
        t_require(latencies != NULL);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        plan_t plan = make_plan(seed, round);

        if (t_mpi_rank() == 0 && now_ns() - spoken > SPEAK_NS) {
            spoken = now_ns();
            t_print("round %" PRIu64, round);
        }
        bytes = fresh ? plan.bytes : bytes; /* a handle that lives keeps its length */
        if (t_mpi_rank() == 0) {
            export_round(&plan);
        } else {
            import_round(&plan, bytes);
        }
        fresh = plan.renew;
    }
    if (stale != NULL) {
        t_expect_ok(rsm_memseg_import_disconnect(stale));
    }
    meet();
    if (exported != NULL) {
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
    report(rounds);
    t_expect_ok(rsm_free_localmemory_handle(controller, local_handle));
    meet();
    (void)MPI_Comm_free(&app_comm);
    t_expect_ok(rsm_release_controller(controller));
    return t_mpi_finish();
}
