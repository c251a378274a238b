/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See fake_glue.h. Both ends of a connection are one object. Knows the seam only; must not look
 * into the core's objects.
 */
#include "fake_glue.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "handle.h"
#include "lock.h"
#include "t.h"

#define UNITS 8U
#define LOG_MAX (1U << 18)

struct rsmg_port {
    const rsmg_core_ops_t *up;
    void *core;
};

typedef struct op {
    struct op *next;
    bool is_put;
    char *remote;
    char *local;
    size_t len;
} op_t;

typedef struct fake_conn {
    rsmg_conn_t conn; /* first: the importer's end */
    rsmg_peer_t peer; /* the exporter's end */
    rsmg_port_t *port;
    rsmg_grant_t grant;      /* where the segment is; written while nobody is inside */
    _Atomic uint32_t wanted; /* version of the last move */
    uint64_t handle;
    pthread_mutex_t lock; /* guards ops and last; held while they are carried out */
    op_t *ops;
    op_t **last;
    bool cut_asked;         /* (g) */
    bool cut_queued;        /* (g) the agent has it on its list */
    bool leaving;           /* (g) disconnecting: the exporter hears of that, and of no cut */
    struct fake_conn *next; /* (g) */
} fake_conn_t;

/** Work for the agent. */
typedef struct errand {
    struct errand *next;
    fake_conn_t *cut; /* NULL: an event */
    bool is_move;     /* cut: not a cut, a move */
    rsmg_port_t *port;
    uint64_t handle;
    bool no_accumulate;
} errand_t;

typedef struct failure {
    unsigned in; /* calls until it happens; 0: none */
    int code;
} failure_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards everything down to "done" */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static rsmg_port_t ports[UNITS];
static rsmg_facts_t facts = {0, 4, 1U << 30, 100000};
static fake_conn_t *conns;
static errand_t *errands;
static errand_t **errands_last = &errands;
static bool agent_runs;
static errand_t *agent_at; /* what it does now */
static failure_t fails[FAKE_CALLS];
static struct {
    void (*fn)(void *arg);
    void *arg;
} hooks[FAKE_CALLS];
static unsigned counts[FAKE_CALLS];
static char log_text[LOG_MAX + 1];
static size_t log_len;
static uint32_t asker;
static const rsmg_ask_t *identity;
static rsmg_ask_t identity_store;
static fake_cut_mode_t cut_mode;
static unsigned patience_ms = 2000;
static bool mappable;
/* done */
static atomic_bool transport_ended;

static const char letters[FAKE_CALLS] = {'O', 'C', 'P', 'G', 'F', 'L', 'R',
                                         'M', 'S', 'X', 'V', 'N', 'D', 'Q'};

/* ---- Counting, failing, hooks ------------------------------------------------------------ */

/** Count, log; the code it is to fail with. */
static int note(fake_call_t call)
{
    int code = RSM_SUCCESS;

    (void)pthread_mutex_lock(&lock);
    counts[call]++;
    if (call >= FAKE_PUT && call <= FAKE_POST && log_len < LOG_MAX) {
        log_text[log_len++] = letters[call];
    }
    if (fails[call].in > 0 && --fails[call].in == 0) {
        code = fails[call].code;
    }
    (void)pthread_mutex_unlock(&lock);
    return code;
}

static void run_hook(fake_call_t call)
{
    void (*fn)(void *arg);
    void *arg;

    (void)pthread_mutex_lock(&lock);
    fn = hooks[call].fn;
    arg = hooks[call].arg;
    (void)pthread_mutex_unlock(&lock);
    if (fn != NULL) {
        fn(arg);
    }
}

/** What begins every call that the core may make only without a lock. */
static int begin(fake_call_t call)
{
    int code;

    rsmi_lock_none_held();
    code = note(call);
    run_hook(call);
    return code;
}

/* ---- Data -------------------------------------------------------------------------------- */

static fake_conn_t *conn_of(rsmg_conn_t *conn)
{
    return (fake_conn_t *)conn;
}

static fake_conn_t *conn_of_peer(rsmg_peer_t *peer)
{
    return (fake_conn_t *)(void *)((char *)peer - offsetof(fake_conn_t, peer));
}

static int queue(rsmg_conn_t *base, bool is_put, uint64_t offset, char *local, size_t len)
{
    fake_conn_t *conn = conn_of(base);
    op_t *op = malloc(sizeof *op);

    t_require(op != NULL);
    if (len == 0 || offset > base->length || len > base->length - offset) {
        t_fail("the core let a bad range through to the glue");
        free(op);
        return RSM_SUCCESS;
    }
    if ((atomic_load(base->gate) & RSMI_GATE_INSIDE) == 0) {
        t_fail("a transfer outside the gate");
    }
    op->next = NULL;
    op->is_put = is_put;
    op->remote = (char *)conn->grant.base + offset;
    op->local = local;
    op->len = len;
    (void)pthread_mutex_lock(&conn->lock);
    *conn->last = op;
    conn->last = &op->next;
    (void)pthread_mutex_unlock(&conn->lock);
    return RSM_SUCCESS;
}

static int fake_glue_put(rsmg_conn_t *conn, uint64_t offset, const void *src, size_t len)
{
    int code = begin(FAKE_PUT);

    return code != RSM_SUCCESS ? code : queue(conn, true, offset, (char *)(uintptr_t)src, len);
}

static int fake_glue_get(rsmg_conn_t *conn, uint64_t offset, void *dst, size_t len)
{
    int code = begin(FAKE_GET);

    return code != RSM_SUCCESS ? code : queue(conn, false, offset, dst, len);
}

/** Carry out, or drop, what is queued. The lock is held meanwhile: another flush has to wait. */
static void perform(fake_conn_t *conn, bool move)
{
    (void)pthread_mutex_lock(&conn->lock);
    while (conn->ops != NULL) {
        op_t *op = conn->ops;

        conn->ops = op->next;
        if (move && op->is_put) {
            memmove(op->remote, op->local, op->len);
        } else if (move) {
            memmove(op->local, op->remote, op->len);
        }
        free(op);
    }
    conn->last = &conn->ops;
    (void)pthread_mutex_unlock(&conn->lock);
}

static int fake_glue_flush(rsmg_conn_t *base)
{
    int code = begin(FAKE_FLUSH);

    perform(conn_of(base), code == RSM_SUCCESS);
    return code;
}

static int fake_glue_flush_local(rsmg_conn_t *base)
{
    int code = begin(FAKE_FLUSH_LOCAL);

    perform(conn_of(base), code == RSM_SUCCESS);
    return code;
}

static int fake_glue_renew(rsmg_conn_t *base)
{
    fake_conn_t *conn = conn_of(base);
    int code = begin(FAKE_RENEW);

    if (code != RSM_SUCCESS) {
        return code;
    }
    if ((atomic_load(base->gate) & RSMI_GATE_INSIDE) != 0) {
        t_fail("a renew while transfers are inside");
    }
    return conn->port->up->where(conn->port->core, &conn->peer, &conn->grant, base->gate)
               ? RSM_SUCCESS
               : RSMERR_CONN_ABORTED;
}

/** Twice the same pages: the kernel does that for shared ones (old size 0). */
static int fake_glue_map(rsmg_conn_t *base, void **address_p, bool fixed, int prot, uint64_t offset,
                         size_t length)
{
    int code = begin(FAKE_MAP);
    char *old = (char *)conn_of(base)->grant.base + offset;
    void *at;

    if (code != RSM_SUCCESS || !mappable) {
        return code != RSM_SUCCESS ? code : RSMERR_MAP_FAILED;
    }
    at = (void *)syscall(SYS_mremap, old, 0, length, MREMAP_MAYMOVE | (fixed ? MREMAP_FIXED : 0),
                         *address_p);
    if (at == MAP_FAILED) {
        return RSMERR_MAP_FAILED;
    }
    t_require_eq(mprotect(at, length, prot), 0);
    *address_p = at;
    return RSM_SUCCESS;
}

static void fake_glue_unmap(rsmg_conn_t *base, void *address, size_t length)
{
    (void)base;
    t_expect_eq(munmap(address, length), 0);
}

/**
 * What a glue does before it confirms a cut. A real one sees from the two counters whether a flush
 * is due, so they have to tell the truth.
 */
static void finish(fake_conn_t *conn)
{
    bool outstanding;

    (void)pthread_mutex_lock(&conn->lock);
    outstanding = conn->ops != NULL;
    (void)pthread_mutex_unlock(&conn->lock);
    if (outstanding && atomic_load(&conn->conn.issued) == atomic_load(&conn->conn.flushed)) {
        t_fail("transfers are outstanding at a cut, and issued == flushed denies it");
    }
    perform(conn, true);
}

static int fake_glue_post(rsmg_conn_t *base, bool no_accumulate)
{
    fake_conn_t *conn = conn_of(base);
    int code = begin(FAKE_POST);

    if (code == RSM_SUCCESS) {
        conn->port->up->event(conn->port->core, conn->peer.export_handle, no_accumulate,
                              no_accumulate ? 0 : 1);
    }
    return code;
}

/* ---- Cuts and events --------------------------------------------------------------------- */

static void settle_cut(fake_conn_t *conn)
{
    (void)pthread_mutex_lock(&lock);
    conn->cut_asked = false;
    (void)pthread_mutex_unlock(&lock);
}

/** The cut reaches the importer. True: it was done at once. */
static bool deliver_cut(fake_conn_t *conn)
{
    bool done = rsmi_gate_cut(conn->conn.gate);

    if (done) {
        finish(conn);
        settle_cut(conn);
    }
    conn->port->up->cut_answer(conn->port->core, &conn->peer, done);
    return done;
}

/** A move reaches the importer. */
static void deliver_move(fake_conn_t *conn)
{
    if (rsmi_gate_move(conn->conn.gate)) {
        finish(conn);
        conn->port->up->moved(conn->port->core, &conn->peer, atomic_load(&conn->wanted));
    } else {
        conn->port->up->cut_answer(conn->port->core, &conn->peer, false);
    }
}

static void fake_glue_drained(rsmg_conn_t *base)
{
    fake_conn_t *conn = conn_of(base);
    uint64_t word = atomic_load(base->gate);

    (void)begin(FAKE_DRAINED);
    finish(conn);
    if ((word & RSMI_GATE_CUT) != 0) {
        settle_cut(conn);
        conn->port->up->cut_answer(conn->port->core, &conn->peer, true);
    }
    if ((word & RSMI_GATE_MOVED) != 0) {
        conn->port->up->moved(conn->port->core, &conn->peer, atomic_load(&conn->wanted));
    }
}

static void *agent_main(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        errand_t *errand = errands;

        if (errand == NULL) {
            (void)pthread_cond_wait(&work, &lock);
            continue;
        }
        errands = errand->next;
        if (errands == NULL) {
            errands_last = &errands;
        }
        if (errand->cut != NULL && !errand->is_move) {
            errand->cut->cut_queued = false;
        }
        agent_at = errand;
        (void)pthread_mutex_unlock(&lock);
        if (errand->cut != NULL && errand->is_move) {
            deliver_move(errand->cut);
        } else if (errand->cut != NULL) {
            (void)deliver_cut(errand->cut);
        } else {
            errand->port->up->event(errand->port->core, errand->handle, errand->no_accumulate,
                                    errand->no_accumulate ? 0 : 1);
        }
        (void)pthread_mutex_lock(&lock);
        agent_at = NULL;
        free(errand);
        (void)pthread_cond_broadcast(&idle);
    }
    return NULL;
}

/** The lock is held. */
static void send_agent(errand_t wanted)
{
    errand_t *errand = malloc(sizeof *errand);

    t_require(errand != NULL);
    *errand = wanted;
    errand->next = NULL;
    *errands_last = errand;
    errands_last = &errand->next;
    if (!agent_runs) {
        sigset_t all;
        sigset_t before;
        pthread_t thread;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        t_require_eq(pthread_create(&thread, NULL, agent_main, NULL), 0);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_detach(thread);
        agent_runs = true;
    }
    (void)pthread_cond_signal(&work);
}

void fake_settle(void)
{
    (void)pthread_mutex_lock(&lock);
    while (errands != NULL || agent_at != NULL) {
        (void)pthread_cond_wait(&idle, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
}

static bool fake_glue_cut(rsmg_peer_t *peer)
{
    fake_conn_t *conn = conn_of_peer(peer);
    fake_cut_mode_t mode;

    (void)note(FAKE_CUT);
    (void)pthread_mutex_lock(&lock);
    mode = cut_mode;
    conn->cut_asked = true;
    if (mode == FAKE_CUT_AGENT && !conn->cut_queued && !conn->leaving) {
        conn->cut_queued = true;
        send_agent((errand_t){.cut = conn});
    }
    (void)pthread_mutex_unlock(&lock);
    if (mode != FAKE_CUT_AT_ONCE || !rsmi_gate_cut(conn->conn.gate)) {
        return false;
    }
    finish(conn);
    settle_cut(conn);
    return true;
}

static bool fake_glue_move(rsmg_peer_t *peer, uint32_t version)
{
    fake_conn_t *conn = conn_of_peer(peer);
    fake_cut_mode_t mode;

    (void)note(FAKE_MOVE);
    atomic_store(&conn->wanted, version);
    (void)pthread_mutex_lock(&lock);
    mode = cut_mode;
    if ((mode == FAKE_CUT_AGENT || mode == FAKE_CUT_TOLD) && !conn->leaving) {
        send_agent((errand_t){.cut = conn, .is_move = true});
    }
    (void)pthread_mutex_unlock(&lock);
    if (mode != FAKE_CUT_AT_ONCE || !rsmi_gate_move(conn->conn.gate)) {
        return false;
    }
    finish(conn);
    return true;
}

static void fake_glue_notify(rsmg_peer_t *peer, bool no_accumulate)
{
    fake_conn_t *conn = conn_of_peer(peer);

    (void)note(FAKE_NOTIFY);
    (void)pthread_mutex_lock(&lock);
    send_agent(
        (errand_t){.port = conn->port, .handle = conn->handle, .no_accumulate = no_accumulate});
    (void)pthread_mutex_unlock(&lock);
}

void fake_deliver(uint64_t handle, bool no_accumulate, uint32_t count)
{
    ports[0].up->event(ports[0].core, handle, no_accumulate, count);
}

/** All that were asked to stop; the lock is not held. The test keeps them from disconnecting. */
static unsigned asked(fake_conn_t **list, unsigned room)
{
    unsigned count = 0;

    (void)pthread_mutex_lock(&lock);
    for (fake_conn_t *conn = conns; conn != NULL; conn = conn->next) {
        if (conn->cut_asked) {
            if (count < room) {
                list[count] = conn;
            }
            count++;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return count;
}

unsigned fake_cuts_asked(void)
{
    return asked(NULL, 0);
}

unsigned fake_answer_cuts(void)
{
    fake_conn_t *list[64];
    unsigned count = asked(list, 64);
    unsigned done = 0;

    t_require(count <= 64);
    for (unsigned i = 0; i < count; i++) {
        done += deliver_cut(list[i]);
    }
    return done;
}

unsigned fake_say_busy(void)
{
    fake_conn_t *list[64];
    unsigned count = asked(list, 64);

    t_require(count <= 64);
    for (unsigned i = 0; i < count; i++) {
        list[i]->port->up->cut_answer(list[i]->port->core, &list[i]->peer, false);
    }
    return count;
}

bool fake_say_busy_last(void)
{
    fake_conn_t *last;
    unsigned count = asked(&last, 1);

    if (count > 0) {
        last->port->up->cut_answer(last->port->core, &last->peer, false);
    }
    return count > 0;
}

/* ---- Ports and connections --------------------------------------------------------------- */

static void fake_glue_disconnect(rsmg_conn_t *base)
{
    fake_conn_t *conn = conn_of(base);

    (void)begin(FAKE_DISCONNECT);
    (void)pthread_mutex_lock(&lock);
    conn->leaving = true;
    for (fake_conn_t **at = &conns; *at != NULL; at = &(*at)->next) {
        if (*at == conn) {
            *at = conn->next;
            break;
        }
    }
    for (errand_t **at = &errands; *at != NULL;) {
        errand_t *errand = *at;

        if (errand->cut != conn) {
            at = &errand->next;
            continue;
        }
        *at = errand->next;
        free(errand);
    }
    for (errands_last = &errands; *errands_last != NULL; errands_last = &(*errands_last)->next) {
    }
    while (agent_at != NULL && agent_at->cut == conn) {
        (void)pthread_cond_wait(&idle, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
    perform(conn, true);
    conn->port->up->depart(conn->port->core, &conn->peer);
    (void)pthread_mutex_destroy(&conn->lock);
    rsmi_free(conn);
}

static const rsmg_conn_ops_t conn_ops = {
    .size = sizeof(rsmg_conn_ops_t),
    .name = "fake",
    .put = fake_glue_put,
    .get = fake_glue_get,
    .flush = fake_glue_flush,
    .flush_local = fake_glue_flush_local,
    .renew = fake_glue_renew,
    .map = fake_glue_map,
    .unmap = fake_glue_unmap,
    .post = fake_glue_post,
    .drained = fake_glue_drained,
    .disconnect = fake_glue_disconnect,
};

static const rsmg_peer_ops_t peer_ops = {.size = sizeof(rsmg_peer_ops_t),
                                         .cut = fake_glue_cut,
                                         .move = fake_glue_move,
                                         .notify = fake_glue_notify};

static int fake_glue_connect(rsmg_port_t *port, uint32_t node, const rsmg_ask_t *ask,
                             rsmi_gate_t *gate, uint64_t handle, rsmg_conn_t **conn_p)
{
    rsmg_ask_t who = *ask;
    fake_conn_t *conn;
    uint32_t from;
    int rc;

    (void)node; /* all of them are this process */
    rsmi_lock_none_held();
    rc = note(FAKE_CONNECT);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    conn = rsmi_alloc(sizeof *conn);
    if (conn == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    (void)pthread_mutex_init(&conn->lock, NULL);
    conn->conn.ops = &conn_ops;
    conn->conn.gate = gate;
    conn->peer.ops = &peer_ops;
    conn->port = port;
    conn->handle = handle;
    conn->last = &conn->ops;
    (void)pthread_mutex_lock(&lock);
    conn->peer.patience_ms = patience_ms;
    from = asker;
    if (identity != NULL) {
        who.uid = identity->uid;
        who.gid = identity->gid;
        who.groups = identity->groups;
        who.group_count = identity->group_count;
    }
    conn->next = conns;
    conns = conn;
    (void)pthread_mutex_unlock(&lock);

    *conn_p = &conn->conn;
    rc = port->up->admit(port->core, from, &who, &conn->peer, &conn->grant);
    if (rc != RSM_SUCCESS) {
        (void)pthread_mutex_lock(&lock);
        for (fake_conn_t **at = &conns; *at != NULL; at = &(*at)->next) {
            if (*at == conn) {
                *at = conn->next;
                break;
            }
        }
        (void)pthread_mutex_unlock(&lock);
        *conn_p = NULL;
        (void)pthread_mutex_destroy(&conn->lock);
        rsmi_free(conn);
        return rc;
    }
    conn->conn.length = conn->grant.length;
    run_hook(FAKE_CONNECT);
    if (rsmi_gate_is_cut(gate)) {
        fake_glue_disconnect(&conn->conn);
        *conn_p = NULL;
        return RSMERR_INTERRUPTED;
    }
    return RSM_SUCCESS;
}

static int fake_glue_open(unsigned unit, const rsmg_core_ops_t *up, void *core,
                          rsmg_port_t **port_p, rsmg_facts_t *facts_p)
{
    int code = begin(FAKE_OPEN);

    if (code != RSM_SUCCESS) {
        return code;
    }
    if (unit >= UNITS) {
        return RSMERR_CTLR_NOT_PRESENT;
    }
    if (up->size != sizeof *up || ports[unit].up != NULL) {
        t_fail("unit %u is opened twice, or for another interface", unit);
    }
    (void)pthread_mutex_lock(&lock);
    ports[unit].up = up;
    ports[unit].core = core;
    *facts_p = facts;
    (void)pthread_mutex_unlock(&lock);
    *port_p = &ports[unit];
    return RSM_SUCCESS;
}

static bool fake_glue_ended(const rsmg_port_t *port)
{
    (void)port;
    return atomic_load(&transport_ended);
}

static const char *fake_glue_transport(void)
{
    return "fake";
}

static bool fake_glue_has_unit(unsigned unit)
{
    return unit < UNITS;
}

static const rsmg_ops_t fake_ops = {
    .version = RSMG_VERSION,
    .size = sizeof(rsmg_ops_t),
    .type = "mpi",
    .transport = fake_glue_transport,
    .has_unit = fake_glue_has_unit,
    .open = fake_glue_open,
    .ended = fake_glue_ended,
    .connect = fake_glue_connect,
};

const rsmg_ops_t *const rsmi_glues[] = {&fake_ops, NULL};

/* ---- Control ----------------------------------------------------------------------------- */

void fake_reset(void)
{
    fake_settle();
    (void)pthread_mutex_lock(&lock);
    memset(fails, 0, sizeof fails);
    memset(hooks, 0, sizeof hooks);
    memset(counts, 0, sizeof counts);
    log_len = 0;
    asker = 0;
    identity = NULL;
    cut_mode = FAKE_CUT_AT_ONCE;
    patience_ms = 2000;
    mappable = false;
    (void)pthread_mutex_unlock(&lock);
    atomic_store(&transport_ended, false);
}

void fake_set_facts(uint32_t node, uint32_t nodes, uint64_t max_segment, uint64_t max_connections)
{
    (void)pthread_mutex_lock(&lock);
    facts = (rsmg_facts_t){node, nodes, max_segment, max_connections};
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_asker(uint32_t node)
{
    (void)pthread_mutex_lock(&lock);
    asker = node;
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_identity(uid_t uid, gid_t gid, const gid_t *groups, uint32_t group_count)
{
    (void)pthread_mutex_lock(&lock);
    identity_store =
        (rsmg_ask_t){.uid = uid, .gid = gid, .groups = groups, .group_count = group_count};
    identity = &identity_store;
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_cut_mode(fake_cut_mode_t mode)
{
    (void)pthread_mutex_lock(&lock);
    cut_mode = mode;
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_mappable(bool yes)
{
    (void)pthread_mutex_lock(&lock);
    mappable = yes;
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_patience(unsigned ms)
{
    (void)pthread_mutex_lock(&lock);
    patience_ms = ms;
    (void)pthread_mutex_unlock(&lock);
}

void fake_set_ended(bool ended)
{
    atomic_store(&transport_ended, ended);
}

void fake_fail(fake_call_t call, unsigned n, int code)
{
    (void)pthread_mutex_lock(&lock);
    fails[call] = (failure_t){n, code};
    (void)pthread_mutex_unlock(&lock);
}

bool fake_fail_pending(void)
{
    bool pending = false;

    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < FAKE_CALLS; i++) {
        pending = pending || fails[i].in > 0;
        fails[i].in = 0;
    }
    (void)pthread_mutex_unlock(&lock);
    return pending;
}

void fake_hook(fake_call_t call, void (*hook)(void *arg), void *arg)
{
    (void)pthread_mutex_lock(&lock);
    hooks[call].fn = hook;
    hooks[call].arg = arg;
    (void)pthread_mutex_unlock(&lock);
}

unsigned fake_count(fake_call_t call)
{
    unsigned count;

    (void)pthread_mutex_lock(&lock);
    count = counts[call];
    (void)pthread_mutex_unlock(&lock);
    return count;
}

const char *fake_log(void)
{
    (void)pthread_mutex_lock(&lock);
    log_text[log_len] = '\0';
    (void)pthread_mutex_unlock(&lock);
    return log_text;
}

void fake_log_clear(void)
{
    (void)pthread_mutex_lock(&lock);
    log_len = 0;
    (void)pthread_mutex_unlock(&lock);
}

/* ---- What tests begin and end with ------------------------------------------------------- */

rsmapi_controller_handle_t fake_ctl;
static long blocks_at_start;
static long handles_at_start;

void fake_begin(void)
{
    t_watchdog(30);
    (void)umask(022);
    fake_reset();
    t_require_eq(sysconf(_SC_PAGESIZE), (long)FAKE_PAGE);
    /* The object of a controller is made once and kept for good; what is alive then is the start.
     */
    t_require_ok(rsm_get_controller("mpi0", &fake_ctl));
    t_require_ok(rsm_release_controller(fake_ctl));
    blocks_at_start = rsmi_alloc_live();
    handles_at_start = rsmi_handle_live();
    t_expect_eq(handles_at_start, 0);
    t_require_ok(rsm_get_controller("mpi0", &fake_ctl));
}

void fake_expect_clean(void)
{
    fake_settle();
    t_expect_eq(rsmi_alloc_live(), blocks_at_start);
    t_expect_eq(rsmi_handle_live(), handles_at_start + 1);
}

int fake_finish(void)
{
    fake_expect_clean();
    t_expect_ok(rsm_release_controller(fake_ctl));
    t_expect_eq(rsmi_alloc_live(), blocks_at_start);
    t_expect_eq(rsmi_handle_live(), handles_at_start);
    return t_finish();
}

char *fake_pages(size_t pages)
{
    char *memory =
        mmap(NULL, (pages + 2) * FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(memory != MAP_FAILED);
    t_require_eq(mprotect(memory + FAKE_PAGE, pages * FAKE_PAGE, PROT_READ | PROT_WRITE), 0);
    return memory + FAKE_PAGE;
}

void fake_pages_free(char *memory, size_t pages)
{
    t_expect_eq(munmap(memory - FAKE_PAGE, (pages + 2) * FAKE_PAGE), 0);
}

rsm_memseg_export_handle_t fake_export(void *memory, size_t size, rsm_memseg_id_t id)
{
    rsm_memseg_export_handle_t seg = NULL;

    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, size, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    return seg;
}

rsm_memseg_import_handle_t fake_import(rsm_node_id_t node, rsm_memseg_id_t id,
                                       rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = NULL;

    t_require_ok(rsm_memseg_import_connect(fake_ctl, node, id, perm, &imp));
    return imp;
}

rsm_iovec_t fake_va(void *address, size_t local_offset, size_t remote_offset, size_t length)
{
    rsm_iovec_t entry;

    memset(&entry, 0, sizeof entry);
    entry.io_type = RSM_VA_TYPE;
    entry.local.vaddr = address;
    entry.local_offset = local_offset;
    entry.remote_offset = remote_offset;
    entry.transfer_length = length;
    return entry;
}

rsm_iovec_t fake_lh(rsm_localmemory_handle_t handle, size_t local_offset, size_t remote_offset,
                    size_t length)
{
    rsm_iovec_t entry = fake_va(NULL, local_offset, remote_offset, length);

    entry.io_type = RSM_HANDLE_TYPE;
    entry.local.handle = handle;
    return entry;
}

static int vector(int (*call)(rsm_scat_gath_t *), rsm_memseg_import_handle_t imp,
                  rsm_iovec_t *iovec, unsigned long count, unsigned flags,
                  unsigned long *residual_p)
{
    rsm_scat_gath_t request;
    int rc;

    memset(&request, 0, sizeof request);
    request.io_request_count = count;
    request.io_residual_count = 4711;
    request.flags = flags;
    request.remote_handle = imp;
    request.iovec = iovec;
    rc = call(&request);
    if (residual_p != NULL) {
        *residual_p = request.io_residual_count;
    }
    return rc;
}

int fake_putv(rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec, unsigned long count,
              unsigned flags, unsigned long *residual_p)
{
    return vector(rsm_memseg_import_putv, imp, iovec, count, flags, residual_p);
}

int fake_getv(rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec, unsigned long count,
              unsigned flags, unsigned long *residual_p)
{
    return vector(rsm_memseg_import_getv, imp, iovec, count, flags, residual_p);
}

int fake_child_status(void (*body)(void *arg), void *arg)
{
    uint64_t before = t_failures();
    int status = 0;
    pid_t pid = fork();

    t_require(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(10);
        body(arg);
        _exit(t_failures() == before ? 0 : 1);
    }
    t_require_eq(waitpid(pid, &status, 0), pid);
    return status;
}

bool fake_in_child(void (*body)(void *arg), void *arg)
{
    int status = fake_child_status(body, arg);

    if (WIFSIGNALED(status)) {
        t_fail("the child was killed by signal %d (%s)", WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    } else {
        t_expect_eq(WEXITSTATUS(status), 0);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void fake_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0) {
    }
}
