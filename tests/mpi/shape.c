/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shape of the window path, proved by counting. This program defines the MPI functions that
 * matter, notes each call with the thread that made it, and passes it on through PMPI. Knows MPI's
 * one-sided calls and RSMAPI; must not know the library's inside.
 *
 * Description: shape (two ranks; rank 1 imports from rank 0, at the end also the other way round)
 * Proves: design 3.1 and the table in mpi_glue/README.md. One window and one passive epoch
 * (MPI_LOCK_SHARED, MPI_MODE_NOCHECK) per connection, opened at connect and closed at disconnect;
 * one communicator per ordered pair, kept; implicit mode, n entries: n transfers and n flushes,
 * alternating; explicit mode: n transfers, and one flush when the barrier closes; the signal leaves
 * after the last flush; a vector that fails at entry k has made k transfers and sends no signal;
 * publish, unpublish and posts make no window call; no other window call on the way. And what MPI
 * allows is relied on no further: a window is not taken apart under a flush, and a cut waits for
 * puts that were started and not completed, also if a disconnect is about to complete them.
 *
 * "The signal leaves": a message that follows the last flush. Messages before it are hints to the
 * exporter's service thread, of which any number is allowed.
 */
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "rsmapi.h"
#include "t_mpi.h"

enum { BYTES = 1 << 16, PIECES_MAX = 200, CALLS_MAX = 4096, SEGMENT_ID = 0x00400300 };

typedef enum call {
    WIN_CREATE,
    WIN_FREE,
    LOCK,
    UNLOCK,
    LOCK_ALL,
    UNLOCK_ALL,
    FLUSH,
    FLUSH_LOCAL,
    FLUSH_ALL,
    FLUSH_LOCAL_ALL,
    FENCE,
    SYNC,
    PUT,
    GET,
    RPUT,
    RGET,
    ACCUMULATE,
    GET_ACCUMULATE,
    FETCH_AND_OP,
    COMPARE_AND_SWAP,
    COMM_CREATE_GROUP,
    COMM_DUP,
    SEND, /* MPI_Send or MPI_Isend */
    CALLS,
} call_t;

static const char *const call_names[CALLS] = {
    "MPI_Win_create",
    "MPI_Win_free",
    "MPI_Win_lock",
    "MPI_Win_unlock",
    "MPI_Win_lock_all",
    "MPI_Win_unlock_all",
    "MPI_Win_flush",
    "MPI_Win_flush_local",
    "MPI_Win_flush_all",
    "MPI_Win_flush_local_all",
    "MPI_Win_fence",
    "MPI_Win_sync",
    "MPI_Put",
    "MPI_Get",
    "MPI_Rput",
    "MPI_Rget",
    "MPI_Accumulate",
    "MPI_Get_accumulate",
    "MPI_Fetch_and_op",
    "MPI_Compare_and_swap",
    "MPI_Comm_create_group",
    "MPI_Comm_dup",
    "MPI_Isend",
};

typedef struct record {
    call_t call;
    bool by_main; /* the program's thread; else the library's */
    MPI_Win win;
    int detail; /* LOCK: its type; COMM_CREATE_GROUP: size of the group */
    int assertion;
} record_t;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static record_t records[CALLS_MAX];
static int record_count;
static bool recording;
static pthread_t main_thread;

/* With `slow` a flush of the library's thread takes long; what the program's thread does to the
 * window meanwhile is seen. */
static atomic_bool slow;
static atomic_int slow_flushes; /* inside now */
static atomic_bool overtaken;

/* With `lazy` puts wait for the flush or the unlock that completes them, as MPI allows, and these
 * take long: what relies on a put that was only started is found out. */
static atomic_bool lazy;
static pthread_mutex_t lazy_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const void *from;
    int count;
    int rank;
    MPI_Aint at;
    MPI_Win win;
} lazy_puts[PIECES_MAX];
static int lazy_count;

static bool by_main_thread(void)
{
    return pthread_equal(pthread_self(), main_thread) != 0;
}

static void note(call_t call, MPI_Win win, int detail, int assertion)
{
    (void)pthread_mutex_lock(&log_lock);
    if (recording && record_count < CALLS_MAX) {
        record_t *record = &records[record_count++];

        record->call = call;
        record->by_main = by_main_thread();
        record->win = win;
        record->detail = detail;
        record->assertion = assertion;
    }
    (void)pthread_mutex_unlock(&log_lock);
}

/* ---- MPI, seen through ----------------------------------------------------------------------- */

/* Collective calls are noted when they begin: when one has returned at a rank, both have noted. */

static void look_for_flushes(void)
{
    if (atomic_load(&slow_flushes) > 0) {
        atomic_store(&overtaken, true);
    }
}

static void do_lazy_puts(void)
{
    const struct timespec nap = {0, 300000000};

    if (!atomic_load(&lazy)) {
        return;
    }
    (void)nanosleep(&nap, NULL);
    (void)pthread_mutex_lock(&lazy_lock);
    for (int i = 0; i < lazy_count; i++) {
        (void)PMPI_Put(lazy_puts[i].from, lazy_puts[i].count, MPI_BYTE, lazy_puts[i].rank,
                       lazy_puts[i].at, lazy_puts[i].count, MPI_BYTE, lazy_puts[i].win);
    }
    lazy_count = 0;
    (void)pthread_mutex_unlock(&lazy_lock);
}

/** The beginning of a slow flush. False: its window is gone already. */
static bool linger(void)
{
    const struct timespec nap = {0, 200000000};
    bool fine;

    atomic_fetch_add(&slow_flushes, 1);
    (void)nanosleep(&nap, NULL);
    fine = !atomic_load(&overtaken);
    atomic_fetch_sub(&slow_flushes, 1);
    return fine;
}

int MPI_Win_create(void *base, MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, MPI_Win *win)
{
    note(WIN_CREATE, MPI_WIN_NULL, 0, 0);
    return PMPI_Win_create(base, size, unit, info, comm, win);
}

int MPI_Win_free(MPI_Win *win)
{
    note(WIN_FREE, *win, 0, 0);
    look_for_flushes();
    return PMPI_Win_free(win);
}

int MPI_Win_lock(int type, int rank, int assertion, MPI_Win win)
{
    note(LOCK, win, type, assertion);
    return PMPI_Win_lock(type, rank, assertion, win);
}

int MPI_Win_unlock(int rank, MPI_Win win)
{
    note(UNLOCK, win, 0, 0);
    look_for_flushes();
    do_lazy_puts();
    return PMPI_Win_unlock(rank, win);
}

int MPI_Win_lock_all(int assertion, MPI_Win win)
{
    note(LOCK_ALL, win, 0, assertion);
    return PMPI_Win_lock_all(assertion, win);
}

int MPI_Win_unlock_all(MPI_Win win)
{
    note(UNLOCK_ALL, win, 0, 0);
    return PMPI_Win_unlock_all(win);
}

int MPI_Win_flush(int rank, MPI_Win win)
{
    int rc;

    if (atomic_load(&slow) && !by_main_thread() && !linger()) {
        return MPI_SUCCESS; /* to go on would be to hang */
    }
    do_lazy_puts();
    rc = PMPI_Win_flush(rank, win);
    note(FLUSH, win, 0, 0); /* at its end: what is noted later happened after it */
    return rc;
}

int MPI_Win_flush_local(int rank, MPI_Win win)
{
    note(FLUSH_LOCAL, win, 0, 0);
    return PMPI_Win_flush_local(rank, win);
}

int MPI_Win_flush_all(MPI_Win win)
{
    note(FLUSH_ALL, win, 0, 0);
    return PMPI_Win_flush_all(win);
}

int MPI_Win_flush_local_all(MPI_Win win)
{
    note(FLUSH_LOCAL_ALL, win, 0, 0);
    return PMPI_Win_flush_local_all(win);
}

int MPI_Win_fence(int assertion, MPI_Win win)
{
    note(FENCE, win, 0, assertion);
    return PMPI_Win_fence(assertion, win);
}

int MPI_Win_sync(MPI_Win win)
{
    note(SYNC, win, 0, 0);
    return PMPI_Win_sync(win);
}

int MPI_Put(const void *from, int from_count, MPI_Datatype from_type, int rank, MPI_Aint at,
            int to_count, MPI_Datatype to_type, MPI_Win win)
{
    note(PUT, win, 0, 0);
    if (atomic_load(&lazy)) {
        (void)pthread_mutex_lock(&lazy_lock);
        lazy_puts[lazy_count].from = from;
        lazy_puts[lazy_count].count = from_count;
        lazy_puts[lazy_count].rank = rank;
        lazy_puts[lazy_count].at = at;
        lazy_puts[lazy_count].win = win;
        lazy_count++;
        (void)pthread_mutex_unlock(&lazy_lock);
        return MPI_SUCCESS;
    }
    return PMPI_Put(from, from_count, from_type, rank, at, to_count, to_type, win);
}

int MPI_Get(void *to, int to_count, MPI_Datatype to_type, int rank, MPI_Aint at, int from_count,
            MPI_Datatype from_type, MPI_Win win)
{
    note(GET, win, 0, 0);
    return PMPI_Get(to, to_count, to_type, rank, at, from_count, from_type, win);
}

int MPI_Rput(const void *from, int from_count, MPI_Datatype from_type, int rank, MPI_Aint at,
             int to_count, MPI_Datatype to_type, MPI_Win win, MPI_Request *request)
{
    note(RPUT, win, 0, 0);
    return PMPI_Rput(from, from_count, from_type, rank, at, to_count, to_type, win, request);
}

int MPI_Rget(void *to, int to_count, MPI_Datatype to_type, int rank, MPI_Aint at, int from_count,
             MPI_Datatype from_type, MPI_Win win, MPI_Request *request)
{
    note(RGET, win, 0, 0);
    return PMPI_Rget(to, to_count, to_type, rank, at, from_count, from_type, win, request);
}

int MPI_Accumulate(const void *from, int from_count, MPI_Datatype from_type, int rank, MPI_Aint at,
                   int to_count, MPI_Datatype to_type, MPI_Op op, MPI_Win win)
{
    note(ACCUMULATE, win, 0, 0);
    return PMPI_Accumulate(from, from_count, from_type, rank, at, to_count, to_type, op, win);
}

int MPI_Get_accumulate(const void *from, int from_count, MPI_Datatype from_type, void *result,
                       int result_count, MPI_Datatype result_type, int rank, MPI_Aint at,
                       int to_count, MPI_Datatype to_type, MPI_Op op, MPI_Win win)
{
    note(GET_ACCUMULATE, win, 0, 0);
    return PMPI_Get_accumulate(from, from_count, from_type, result, result_count, result_type, rank,
                               at, to_count, to_type, op, win);
}

int MPI_Fetch_and_op(const void *from, void *result, MPI_Datatype type, int rank, MPI_Aint at,
                     MPI_Op op, MPI_Win win)
{
    note(FETCH_AND_OP, win, 0, 0);
    return PMPI_Fetch_and_op(from, result, type, rank, at, op, win);
}

int MPI_Compare_and_swap(const void *from, const void *compare, void *result, MPI_Datatype type,
                         int rank, MPI_Aint at, MPI_Win win)
{
    note(COMPARE_AND_SWAP, win, 0, 0);
    return PMPI_Compare_and_swap(from, compare, result, type, rank, at, win);
}

int MPI_Comm_create_group(MPI_Comm comm, MPI_Group group, int tag, MPI_Comm *made)
{
    int size = 0;

    (void)MPI_Group_size(group, &size);
    note(COMM_CREATE_GROUP, MPI_WIN_NULL, size, 0);
    return PMPI_Comm_create_group(comm, group, tag, made);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *made)
{
    note(COMM_DUP, MPI_WIN_NULL, 0, 0);
    return PMPI_Comm_dup(comm, made);
}

int MPI_Send(const void *from, int count, MPI_Datatype type, int rank, int tag, MPI_Comm comm)
{
    note(SEND, MPI_WIN_NULL, 0, 0);
    return PMPI_Send(from, count, type, rank, tag, comm);
}

int MPI_Isend(const void *from, int count, MPI_Datatype type, int rank, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    note(SEND, MPI_WIN_NULL, 0, 0);
    return PMPI_Isend(from, count, type, rank, tag, comm, request);
}

/* ---- Looking at the log ---------------------------------------------------------------------- */

static void begin(const char *what)
{
    t_note("%s", what);
    (void)pthread_mutex_lock(&log_lock);
    record_count = 0;
    recording = true;
    (void)pthread_mutex_unlock(&log_lock);
}

static void end(void)
{
    (void)pthread_mutex_lock(&log_lock);
    recording = false;
    (void)pthread_mutex_unlock(&log_lock);
}

/** Calls of the program's thread, or of the library's. */
static int count(call_t call, bool by_main)
{
    int n = 0;

    for (int i = 0; i < record_count; i++) {
        n += records[i].call == call && records[i].by_main == by_main;
    }
    return n;
}

static void print_log(void)
{
    for (int i = 0; i < record_count && i < 40; i++) {
        t_print("    %s%s", call_names[records[i].call],
                records[i].by_main ? "" : " (service thread)");
    }
}

/** The calls of the program's thread other than messages are exactly these. */
static void expect_calls(const call_t *wanted, int wanted_count)
{
    int at = 0;
    bool same = true;

    for (int i = 0; i < record_count; i++) {
        if (records[i].by_main && records[i].call != SEND) {
            same = same && at < wanted_count && records[i].call == wanted[at];
            at++;
        }
    }
    t_expect(same && at == wanted_count);
    if (!same || at != wanted_count) {
        t_print("%d calls, of these %d wanted:", at, wanted_count);
        print_log();
    }
}

/** The service thread has sent messages, and has made exactly this many of these calls. */
static void expect_of_agent(int creations, int pairs, int frees, int flushes)
{
    for (int i = 0; i < CALLS; i++) {
        int wanted = i == WIN_CREATE          ? creations
                     : i == COMM_CREATE_GROUP ? pairs
                     : i == WIN_FREE          ? frees
                     : i == FLUSH             ? flushes
                                              : 0;

        if (i != SEND && count((call_t)i, false) != wanted) {
            t_fail("the service thread made %d calls of %s instead of %d", count((call_t)i, false),
                   call_names[i], wanted);
            print_log();
        }
    }
}

/** Messages of the program's thread behind its last call of another kind. */
static int sends_at_the_end(void)
{
    int n = 0;

    for (int i = 0; i < record_count; i++) {
        if (records[i].by_main) {
            n = records[i].call == SEND ? n + 1 : 0;
        }
    }
    return n;
}

/** All window calls went to one window: which? */
static MPI_Win only_window(void)
{
    MPI_Win win = MPI_WIN_NULL;

    for (int i = 0; i < record_count; i++) {
        if (records[i].win != MPI_WIN_NULL) {
            t_expect(win == MPI_WIN_NULL || win == records[i].win);
            win = records[i].win;
        }
    }
    return win;
}

/* ---- Rank 0, the exporter ----------------------------------------------------------------------
 */

static rsmapi_controller_handle_t controller;
static char *memory; /* BYTES */
static rsm_memseg_export_handle_t exported;

static void publish(rsm_memseg_id_t id)
{
    t_require_ok(rsm_memseg_export_create(controller, &exported, memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(exported, &id, NULL, 0));
}

/* ---- Rank 1, the importer ----------------------------------------------------------------------
 */

static char local[BYTES];

/** Connect; the pair's communicator is made on the way if `first`. */
static MPI_Win connect_and_check(int rank, rsm_memseg_import_handle_t *import, bool first)
{
    static const call_t all[] = {COMM_CREATE_GROUP, WIN_CREATE, LOCK};
    int skip = first ? 0 : 1;

    begin("connect");
    t_require_ok(rsm_memseg_import_connect(controller, (rsm_node_id_t)rank, SEGMENT_ID,
                                           RSM_PERM_RDWR, import));
    end();
    expect_calls(all + skip, 3 - skip);
    expect_of_agent(0, 0, 0, 0);
    for (int i = 0; i < record_count; i++) {
        if (records[i].call == LOCK) {
            t_expect_eq(records[i].detail, MPI_LOCK_SHARED);
            t_expect_eq(records[i].assertion, MPI_MODE_NOCHECK);
        } else if (records[i].call == COMM_CREATE_GROUP) {
            t_expect_eq(records[i].detail, 2);
        }
    }
    return only_window();
}

static void disconnect_and_check(rsm_memseg_import_handle_t import, MPI_Win win)
{
    static const call_t all[] = {UNLOCK, WIN_FREE};

    begin("disconnect");
    t_expect_ok(rsm_memseg_import_disconnect(import));
    end();
    expect_calls(all, 2);
    expect_of_agent(0, 0, 0, 0);
    t_expect(only_window() == win);
}

/** The calls that n entries have to make. */
static int transfers(call_t *wanted, int n, bool get, bool flush_each)
{
    int at = 0;

    for (int i = 0; i < n; i++) {
        wanted[at++] = get ? GET : PUT;
        if (flush_each) {
            wanted[at++] = FLUSH;
        }
    }
    return at;
}

/** A vector of `n` entries; `bad`: its number, or n if all are good. */
static int run_vector(rsm_memseg_import_handle_t import, int n, int bad, bool get, unsigned flags)
{
    static rsm_iovec_t pieces[PIECES_MAX];
    rsm_scat_gath_t request = {.io_request_count = (unsigned long)n,
                               .flags = flags,
                               .remote_handle = import,
                               .iovec = pieces};
    int rc;

    for (int i = 0; i < n; i++) {
        rsm_iovec_t piece = {.io_type = i == bad ? 3 : RSM_VA_TYPE,
                             .local.vaddr = local,
                             .local_offset = (size_t)i * 16,
                             .remote_offset = (size_t)(PIECES_MAX - i) * 64,
                             .transfer_length = (size_t)(i % 9) + 1};

        pieces[i] = piece;
    }
    rc = get ? rsm_memseg_import_getv(&request) : rsm_memseg_import_putv(&request);
    t_expect_eq(request.io_residual_count, (unsigned long)(n - bad));
    return rc;
}

static void check_implicit(rsm_memseg_import_handle_t import, MPI_Win win, int n, bool get)
{
    static call_t wanted[2 * PIECES_MAX + 1];
    int bads[] = {0, n / 2, n - 1};

    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_IMPLICIT));
    begin("an implicit vector");
    t_expect_ok(run_vector(import, n, n, get, 0));
    end();
    expect_calls(wanted, transfers(wanted, n, get, true));
    expect_of_agent(0, 0, 0, 0);
    t_expect_eq(sends_at_the_end(), 0);
    t_expect(only_window() == win);

    begin("an implicit vector with signal");
    t_expect_ok(run_vector(import, n, n, get, RSM_IMPLICIT_SIGPOST));
    end();
    expect_calls(wanted, transfers(wanted, n, get, true));
    expect_of_agent(0, 0, 0, 0);
    t_expect_eq(sends_at_the_end(), 1);

    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        begin("an implicit vector with a bad entry");
        t_expect_code(run_vector(import, n, bads[i], get, RSM_IMPLICIT_SIGPOST), RSMERR_BAD_SGIO);
        end();
        expect_calls(wanted, transfers(wanted, bads[i], get, true));
        expect_of_agent(0, 0, 0, 0);
        t_expect_eq(sends_at_the_end(), 0);
    }
}

static void check_explicit(rsm_memseg_import_handle_t import, MPI_Win win, int n, bool get)
{
    static call_t wanted[2 * PIECES_MAX + 2];
    static const call_t one_flush[] = {FLUSH};
    rsmapi_barrier_t barrier = {0};
    int at;

    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    begin("an open barrier");
    t_expect_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    end();
    expect_calls(NULL, 0);

    begin("an explicit vector");
    t_expect_ok(run_vector(import, n, n, get, 0));
    end();
    expect_calls(wanted, transfers(wanted, n, get, false));
    expect_of_agent(0, 0, 0, 0);
    t_expect(only_window() == win);
    begin("close_barrier");
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    end();
    expect_calls(one_flush, 1);
    expect_of_agent(0, 0, 0, 0);
    t_expect_eq(sends_at_the_end(), 0);
    t_expect(only_window() == win);

    begin("two vectors, order_barrier twice, close_barrier");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(run_vector(import, n, n, get, 0));
    t_expect_ok(run_vector(import, n, n, get, 0));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    end();
    t_expect_eq(count(get ? GET : PUT, true), n + n);
    t_expect_eq(count(FLUSH, true), 1);
    t_expect_eq(record_count, n + n + 1 + count(SEND, true) + count(SEND, false));

    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    begin("an explicit vector with signal");
    t_expect_ok(run_vector(import, n, n, get, RSM_IMPLICIT_SIGPOST));
    end();
    at = transfers(wanted, n, get, false);
    wanted[at++] = FLUSH;
    expect_calls(wanted, at);
    t_expect_eq(sends_at_the_end(), 1);
    begin("close_barrier with nothing to complete");
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    end();
    expect_calls(NULL, 0);
    expect_of_agent(0, 0, 0, 0);

    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    begin("an explicit vector with a bad entry");
    t_expect_code(run_vector(import, n, n / 2, get, RSM_IMPLICIT_SIGPOST), RSMERR_BAD_SGIO);
    end();
    expect_calls(wanted, transfers(wanted, n / 2, get, false));
    t_expect_eq(count(SEND, true), 0);
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier)); /* a caller's mistake: still healthy */
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
}

static void check_posts(rsm_memseg_import_handle_t import)
{
    begin("post");
    t_expect_ok(rsm_intr_signal_post(import, 0));
    end();
    expect_calls(NULL, 0);
    expect_of_agent(0, 0, 0, 0);
    t_expect_eq(count(SEND, true), 1);
    begin("wait");
    t_expect_code(rsm_intr_signal_wait(import, 20), RSMERR_TIMEOUT);
    end();
    expect_calls(NULL, 0);
    expect_of_agent(0, 0, 0, 0);
}

static void import_side(void)
{
    static const int counts[] = {1, 7, PIECES_MAX};
    rsm_memseg_import_handle_t import = NULL;
    rsm_memseg_import_handle_t second = NULL;
    MPI_Win win;
    MPI_Win second_win;

    win = connect_and_check(0, &import, true);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int get = 0; get < 2; get++) {
            check_implicit(import, win, counts[i], get != 0);
            check_explicit(import, win, counts[i], get != 0);
        }
    }
    check_posts(import);

    second_win = connect_and_check(0, &second, false);
    t_expect(second_win != win);
    check_implicit(second, second_win, 7, false);
    check_implicit(import, win, 7, false);
    disconnect_and_check(import, win);
    check_implicit(second, second_win, 7, true);
    disconnect_and_check(second, second_win);
    for (int i = 0; i < 20; i++) {
        win = connect_and_check(0, &import, false);
        disconnect_and_check(import, win);
    }
}

/* ---- Both
 * ---------------------------------------------------------------------------------------- */

/** The exporter makes windows, and gives them back; it never transfers, flushes or locks. */
static void check_exporter_log(void)
{
    expect_calls(NULL, 0);
    expect_of_agent(22, 1, 22, 0);
}

/** A cut: messages, and a flush by the importer's service thread if something is not complete. */
static void check_cut(bool outstanding)
{
    rsm_memseg_import_handle_t import = NULL;

    if (t_mpi_rank() == 0) {
        publish(SEGMENT_ID);
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        (void)connect_and_check(0, &import, false);
        if (outstanding) {
            t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
        }
        t_expect_ok(run_vector(import, 7, 7, false, 0));
    }
    t_barrier();
    begin("unpublish");
    t_barrier();
    if (t_mpi_rank() == 0) {
        t_expect_ok(rsm_memseg_export_unpublish(exported));
    }
    t_barrier();
    end();
    expect_calls(NULL, 0);
    expect_of_agent(0, 0, 0, t_mpi_rank() == 1 && outstanding ? 1 : 0);
    if (t_mpi_rank() == 1) {
        begin("a vector after the cut");
        t_expect_code(rsm_intr_signal_post(import, 0), RSMERR_CONN_ABORTED);
        t_expect_code(run_vector(import, 7, 0, false, RSM_IMPLICIT_SIGPOST), RSMERR_CONN_ABORTED);
        end();
        expect_calls(NULL, 0);
        t_expect_eq(count(SEND, true), 0);
        begin("disconnect after the cut");
        t_expect_ok(rsm_memseg_import_disconnect(import));
        end();
        t_expect_eq(count(UNLOCK, true), 1);
        t_expect_eq(count(WIN_FREE, true), 1);
        expect_of_agent(0, 0, 0, 0);
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
}

/**
 * A cut finds transfers of explicit mode, and the service thread completes them. The program sees
 * the cut at once and disconnects: the window must outlive that flush.
 */
static void check_disconnect_under_flush(void)
{
    rsm_memseg_import_handle_t import = NULL;

    if (t_mpi_rank() == 0) {
        publish(SEGMENT_ID);
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        (void)connect_and_check(0, &import, false);
        t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(run_vector(import, 7, 7, false, 0));
        atomic_store(&slow, true);
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        int rc;

        while ((rc = rsm_memseg_export_unpublish(exported)) == RSMERR_INTERRUPTED) {
        }
        t_expect_ok(rc);
    } else {
        t_note("disconnect under a flush");
        while (rsm_intr_signal_post(import, 0) == RSM_SUCCESS) {
            (void)sched_yield();
        }
        t_expect_ok(rsm_memseg_import_disconnect(import));
        t_expect(!atomic_load(&overtaken));
        atomic_store(&slow, false);
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
}

/**
 * The mirror: a cut meets transfers of explicit mode that a disconnect is about to complete, or,
 * without the disconnect, that nobody completes. It is over when they are in memory, not before.
 */
static void check_lazy_cut(bool disconnecting)
{
    const struct timespec moment = {0, 100000000};
    const struct timespec long_enough = {0, 500000000};
    rsm_memseg_import_handle_t import = NULL;
    int changed = 0;

    if (t_mpi_rank() == 0) {
        publish(SEGMENT_ID);
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        (void)connect_and_check(0, &import, false);
        memset(local, 0x11, sizeof local);
        t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
        atomic_store(&lazy, true);
        t_expect_ok(run_vector(import, 7, 7, false, 0));
        t_expect_eq(lazy_count, 7);
    }
    t_barrier();
    t_note("a cut of lazy puts%s", disconnecting ? ", disconnecting" : "");
    if (t_mpi_rank() == 0) {
        int rc;

        (void)nanosleep(&moment, NULL); /* the disconnect is under way; if not, no harm */
        while ((rc = rsm_memseg_export_unpublish(exported)) == RSMERR_INTERRUPTED) {
        }
        t_expect_ok(rc);
        memset(memory, 0x22, BYTES);
        (void)nanosleep(&long_enough, NULL);
        for (int i = 0; i < BYTES; i++) {
            changed += memory[i] != 0x22;
        }
        t_expect_eq(changed, 0);
    } else if (disconnecting) {
        t_expect_ok(rsm_memseg_import_disconnect(import));
    } else {
        while (rsm_intr_signal_post(import, 0) == RSM_SUCCESS) {
            (void)sched_yield();
        }
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        t_expect_eq(lazy_count, 0);
        atomic_store(&lazy, false);
        if (!disconnecting) {
            t_expect_ok(rsm_memseg_import_disconnect(import));
        }
    } else {
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
}

/** A segment refused makes no window; one's own makes no call at all. */
static void check_nothing(void)
{
    rsm_memseg_import_handle_t import = NULL;

    begin("connect to an unknown id");
    t_expect_code(rsm_memseg_import_connect(controller, (rsm_node_id_t)(1 - t_mpi_rank()),
                                            SEGMENT_ID + 9, RSM_PERM_READ, &import),
                  RSMERR_SEG_NOT_PUBLISHED);
    end();
    expect_calls(NULL, 0);
    expect_of_agent(0, 0, 0, 0);
    t_barrier();
    begin("oneself");
    publish(SEGMENT_ID + 1);
    t_require_ok(rsm_memseg_import_connect(controller, (rsm_node_id_t)t_mpi_rank(), SEGMENT_ID + 1,
                                           RSM_PERM_RDWR, &import));
    t_expect_ok(run_vector(import, 7, 7, false, RSM_IMPLICIT_SIGPOST));
    t_expect_ok(rsm_memseg_export_unpublish(exported));
    t_expect_ok(rsm_memseg_import_disconnect(import));
    t_expect_ok(rsm_memseg_export_destroy(exported));
    end();
    t_expect_eq(record_count, 0);
    t_barrier();
}

int main(int argc, char **argv)
{
    rsm_memseg_import_handle_t import = NULL;
    MPI_Win win;

    main_thread = pthread_self();
    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    if (t_mpi_size() != 2) {
        t_skip("takes two ranks");
    }
    memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    t_require(memory != MAP_FAILED);
    t_require_ok(rsm_get_controller("mpi0", &controller));
    t_barrier();

    if (t_mpi_rank() == 0) {
        begin("the exporter's part");
        publish(SEGMENT_ID);
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        import_side();
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        end();
        check_exporter_log();
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
    check_cut(false);
    check_cut(true);
    check_disconnect_under_flush();
    check_lazy_cut(false);
    check_lazy_cut(true);
    check_nothing();

    /* The other direction is another ordered pair: its communicator is made now. */
    if (t_mpi_rank() == 1) {
        publish(SEGMENT_ID);
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        win = connect_and_check(1, &import, true);
        check_implicit(import, win, 7, false);
        disconnect_and_check(import, win);
        win = connect_and_check(1, &import, false);
        disconnect_and_check(import, win);
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        t_expect_ok(rsm_memseg_export_destroy(exported));
    }
    t_expect_ok(rsm_release_controller(controller));
    return t_mpi_finish();
}
