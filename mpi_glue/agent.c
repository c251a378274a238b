/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The service thread, one for all ports of the process. It answers connects, disconnects, cuts and
 * events of other ranks while the program computes, sleeps or waits elsewhere, and it is what makes
 * transports progress that need the exporter to look.
 *
 * It blocks all signals: handlers are the program's, and run in the program's threads. It enters
 * a collective call only towards an importer's *user* thread, which is waiting for nothing but our
 * reply; it never waits for another agent, for a transfer, or for a lock that is held across MPI.
 *
 * Hot: polls and yields. Cold: naps that double up to NAP_MAX_NS. A message makes it hot for
 * HOT_NS; an importer that transfers says so (rma.c), because one-sided traffic shows in no probe.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "nap.h"
#include "place.h"
#include "port.h"
#include "rsmapi.h"
#include "trace.h"

#define HOT_NS 3000000U
#define RENEW_NS 1000000U
#define NAP_MIN_NS 20000L
#define NAP_MAX_NS 1000000L
#define CROWDED_YIELD_NS 20000U /* a yield that takes this long has let another thread run */
#define CROWDED_NS 2000000U     /* how long that is remembered */

/* One agent per process, for all its ports. */
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_GLUE);
static rsmg_port_t *served;        /* (l) */
static pthread_t agent;            /* (l) while it runs */
static bool runs;                  /* (l) */
static int doorbell = -1;          /* (c) once made: wakes the agent from a nap */
static atomic_bool stop;           /* (a) the agent shall return */
static _Atomic uint64_t rounds;    /* (a) how often the agent has begun with the first port */
static _Atomic uint64_t hot_until; /* (a) rsmi_now() time; the end serves, too */
static unsigned requests_waiting;  /* agent only: in the queues of all ports */
static char cpus_wanted[RSMI_PLACE_TEXT]; /* (c) where it may run; empty: not bound */

static void heat(void)
{
    atomic_store_explicit(&hot_until, rsmi_now() + HOT_NS, memory_order_relaxed);
}

static void reply(rsmg_port_t *port, int rank, uint32_t tag, int code)
{
    rsmg_msg_t msg = {.kind = RSMG_REPLY, .code = code};

    (void)rsmg_msg_send(port, rank, (int)tag, &msg, NULL, 0);
}

static void free_peer(rsmg_mpi_peer_t *peer)
{
    if (peer->handle != 0) {
        rsmi_handle_free(peer->handle);
    }
    rsmi_lock_destroy(&peer->channel.lock);
    rsmi_free(peer);
}

static void peer_notify(rsmg_peer_t *base, bool no_accumulate)
{
    rsmg_mpi_peer_t *peer = (rsmg_mpi_peer_t *)base;

    if (!atomic_load(&peer->port->ended)) {
        (void)rsmg_channel_post(peer->port, &peer->channel, peer->importer,
                                peer->window.conn_handle, peer->handle, no_accumulate);
    }
}

static const rsmg_peer_ops_t peer_ops = {
    .size = sizeof(rsmg_peer_ops_t), .cut = rsmg_cut, .move = rsmg_move, .notify = peer_notify};

static rsmg_mpi_peer_t *make_peer(rsmg_port_t *port, int importer, uint64_t conn_handle)
{
    rsmg_mpi_peer_t *peer = rsmi_alloc(sizeof *peer);

    if (peer == NULL) {
        return NULL;
    }
    rsmg_channel_init(&peer->channel);
    peer->peer.ops = &peer_ops;
    peer->peer.patience_ms = rsmg_is_neighbour(port, importer) ? 1000 : 10000; /* docs/design.md */
    peer->port = port;
    peer->importer = importer;
    peer->window.win = MPI_WIN_NULL;
    peer->window.importer = importer;
    peer->window.exporter = port->rank;
    peer->window.conn_handle = conn_handle;
    peer->handle = rsmi_handle_alloc(RSMI_CLASS_PEER, peer);
    if (peer->handle == 0) {
        free_peer(peer);
        return NULL;
    }
    rsmi_handle_open(peer->handle);
    return peer;
}

/** Keep a request until the token is free. Groups follow a connect only. */
static bool enqueue(rsmg_port_t *port, int rank, const rsmg_msg_t *msg, const gid_t *groups)
{
    rsmg_queued_t *item = rsmi_alloc(sizeof *item + msg->group_count * sizeof *groups);

    if (item == NULL) {
        return false;
    }
    item->rank = rank;
    item->msg = *msg;
    if (msg->group_count > 0) {
        memcpy(item->groups, groups, msg->group_count * sizeof *groups);
    }
    *port->queue_end = item;
    port->queue_end = &item->next;
    requests_waiting++;
    rsmg_token_agent_waits(true);
    return true;
}

/** With the token: reply, and at once enter the creation with the importer's thread. */
static void create_with(rsmg_port_t *port, rsmg_mpi_peer_t *peer, rsmg_pair_t *pair,
                        const rsmg_msg_t *msg, const rsmg_grant_t *grant)
{
    bool have_pair = pair->comm != MPI_COMM_NULL && (msg->flags & RSMG_HAVE_PAIR) != 0;
    rsmg_msg_t go = {.kind = RSMG_REPLY,
                     .code = RSM_SUCCESS,
                     .from = peer->handle,
                     .a = grant->length,
                     .b = grant->version,
                     .flags = have_pair ? RSMG_HAVE_PAIR : 0};
    int rc = rsmg_msg_send(port, peer->importer, (int)msg->reply_tag, &go, NULL, 0);

    if (rc == RSM_SUCCESS) {
        rc = rsmg_win_make(port, &peer->window, pair, grant->base, grant->length, !have_pair);
    }
    if (rc != RSM_SUCCESS) {
        port->up->depart(port->core, &peer->peer);
        free_peer(peer);
    }
}

typedef enum served { SERVED, NO_TOKEN } served_t;

static served_t serve_connect(rsmg_port_t *port, int rank, const rsmg_msg_t *msg,
                              const gid_t *groups, bool queued)
{
    rsmg_ask_t ask = {.segment_id = (uint32_t)msg->a,
                      .perm = (uint32_t)(msg->a >> 32),
                      .uid = msg->uid,
                      .gid = msg->gid,
                      .groups = groups,
                      .group_count = msg->group_count};
    rsmg_mpi_peer_t *peer = make_peer(port, rank, msg->from);
    rsmg_pair_t *pair = rsmg_pair_prepare(port, rank, port->rank);
    rsmg_grant_t grant;
    int rc;

    if (peer == NULL || pair == NULL) {
        if (peer != NULL) {
            free_peer(peer);
        }
        reply(port, rank, msg->reply_tag, RSMERR_INSUFFICIENT_MEM);
        return SERVED;
    }
    rc = port->up->admit(port->core, (uint32_t)rank, &ask, &peer->peer, &grant);
    if (rc == RSM_SUCCESS && atomic_load(&rsmg_windows) >= port->window_limit) {
        port->up->depart(port->core, &peer->peer);
        rc = RSMERR_INSUFFICIENT_RESOURCES;
    }
    if (rc != RSM_SUCCESS) { /* a refusal needs no token: asking again and again stays cheap */
        free_peer(peer);
        reply(port, rank, msg->reply_tag, rc);
        return SERVED;
    }
    if (!rsmg_token_try_agent(queued)) {
        port->up->depart(port->core, &peer->peer);
        free_peer(peer);
        return NO_TOKEN;
    }
    create_with(port, peer, pair, msg, &grant);
    rsmg_token_give();
    return SERVED;
}

/** A window over memory that was moved since: freed and made anew, as try_rejoin() (win.c) does. */
static served_t serve_rejoin(rsmg_port_t *port, int rank, const rsmg_msg_t *msg, bool queued)
{
    rsmg_mpi_peer_t *peer = rsmi_handle_enter(RSMI_CLASS_PEER, msg->to, NULL);
    rsmg_msg_t go = {.kind = RSMG_REPLY, .code = RSM_SUCCESS};
    rsmg_grant_t grant;

    if (peer == NULL || peer->importer != rank) {
        if (peer != NULL) {
            (void)rsmi_handle_leave(msg->to, 0);
        }
        reply(port, rank, msg->reply_tag, RSMERR_BAD_SEG_HNDL);
        return SERVED;
    }
    if (!port->up->where(port->core, &peer->peer, &grant, NULL)) { /* cut off meanwhile */
        (void)rsmi_handle_leave(msg->to, 0);
        reply(port, rank, msg->reply_tag, RSMERR_CONN_ABORTED);
        return SERVED;
    }
    if (!rsmg_token_try_agent(queued)) {
        (void)rsmi_handle_leave(msg->to, 0);
        return NO_TOKEN;
    }
    go.from = peer->handle;
    go.a = grant.length;
    go.b = grant.version;
    if (rsmg_msg_send(port, rank, (int)msg->reply_tag, &go, NULL, 0) == RSM_SUCCESS) {
        rsmg_win_free(port, &peer->window);
        /* Where it fails, it fails at both ends, and the importer may ask again. */
        (void)rsmg_win_make(port, &peer->window, rsmg_pair_prepare(port, rank, port->rank),
                            grant.base, grant.length, false);
    }
    rsmg_token_give();
    (void)rsmi_handle_leave(msg->to, 0);
    return SERVED;
}

static served_t serve_creation(rsmg_port_t *port, int rank, const rsmg_msg_t *msg,
                               const gid_t *groups, bool queued)
{
    return msg->kind == RSMG_CONNECT ? serve_connect(port, rank, msg, groups, queued)
                                     : serve_rejoin(port, rank, msg, queued);
}

/** Is `rank` before us in the order of waiting? Not, if either has no place there. */
static bool may_wait(const rsmg_port_t *port, int rank)
{
    int theirs = port->order[rank];
    int ours = port->order[port->rank];

    return theirs != MPI_UNDEFINED && ours != MPI_UNDEFINED && theirs < ours;
}

static void creation_arrived(rsmg_port_t *port, int rank, const rsmg_msg_t *msg,
                             const gid_t *groups)
{
    if (serve_creation(port, rank, msg, groups, requests_waiting > 0) == SERVED) {
        return;
    }
    /* Rule R1: waiting points upward only; and nobody waits for a creation of the program. */
    if (!may_wait(port, rank) || rsmg_token_has_guests() || !enqueue(port, rank, msg, groups)) {
        reply(port, rank, msg->reply_tag, RSMG_BUSY);
    }
}

static bool serve_queue(rsmg_port_t *port)
{
    rsmg_queued_t *item = port->queue;

    if (item == NULL) {
        return false;
    }
    if (serve_creation(port, item->rank, &item->msg, item->groups, true) == NO_TOKEN) {
        if (!rsmg_token_has_guests()) {
            return false;
        }
        reply(port, item->rank, item->msg.reply_tag, RSMG_BUSY);
    }
    port->queue = item->next;
    if (port->queue == NULL) {
        port->queue_end = &port->queue;
    }
    requests_waiting--;
    rsmg_token_agent_waits(requests_waiting > 0);
    rsmi_free(item);
    return true;
}

static void disconnect_arrived(rsmg_port_t *port, int rank, const rsmg_msg_t *msg)
{
    rsmg_mpi_peer_t *peer = rsmi_handle_enter(RSMI_CLASS_PEER, msg->to, NULL);

    if (peer == NULL || peer->importer != rank) {
        if (peer != NULL) {
            (void)rsmi_handle_leave(msg->to, 0);
        }
        reply(port, rank, msg->reply_tag, RSMERR_BAD_SEG_HNDL);
        return;
    }
    port->up->depart(port->core, &peer->peer); /* its epoch is closed: the cut is complete */
    reply(port, rank, msg->reply_tag, RSM_SUCCESS);
    rsmg_win_free(port, &peer->window);
    (void)rsmi_handle_close(peer->handle);
    free_peer(peer);
}

static void answer_arrived(rsmg_port_t *port, int rank, const rsmg_msg_t *msg)
{
    rsmg_mpi_peer_t *peer = rsmi_handle_enter(RSMI_CLASS_PEER, msg->to, NULL);

    if (peer == NULL) {
        return; /* a repeated answer of one who has left */
    }
    if (peer->importer == rank) {
        if (msg->kind == RSMG_MOVED) {
            port->up->moved(port->core, &peer->peer, (uint32_t)msg->a);
        } else {
            port->up->cut_answer(port->core, &peer->peer, msg->kind == RSMG_CUT_DONE);
        }
    }
    (void)rsmi_handle_leave(msg->to, 0);
}

/** An event, or an answer to events, for either end. */
static void event_arrived(rsmg_port_t *port, int rank, const rsmg_msg_t *msg)
{
    bool to_exporter = rsmi_handle_class(msg->to) == RSMI_CLASS_PEER;
    void *end = rsmi_handle_enter(to_exporter ? RSMI_CLASS_PEER : RSMI_CLASS_CONN, msg->to, NULL);
    rsmg_mpi_peer_t *peer = to_exporter ? end : NULL;
    rsmg_mpi_conn_t *conn = to_exporter ? NULL : end;
    rsmg_channel_t *channel;

    if (end == NULL) {
        return;
    }
    channel = to_exporter ? &peer->channel : &conn->channel;
    if (msg->kind == RSMG_EVENT_ACK) {
        rsmg_channel_answered(port, channel, rank, msg->from, msg->to, msg->a);
    } else {
        /*
         * What the flush has put into memory must be seen by whoever the event wakes. That is
         * MPI_Win_sync's task, but it may be called only inside an epoch, and the exporter has
         * none (MPICH refuses, Open MPI does not look). Our windows are MPI_WIN_UNIFIED, where
         * MPI_Win_sync is a memory barrier: this is one.
         */
        atomic_thread_fence(memory_order_seq_cst);
        port->up->event(port->core, to_exporter ? peer->peer.export_handle : conn->import_handle,
                        (msg->flags & RSMG_NO_ACCUMULATE) != 0, (uint32_t)msg->a);
        rsmg_channel_taken(port, channel, rank, msg->from, msg->to);
    }
    (void)rsmi_handle_leave(msg->to, 0);
}

static void dispatch(rsmg_port_t *port, int rank, const rsmg_msg_t *msg, const gid_t *groups)
{
    if (msg->kind != RSMG_EVENT_ACK && msg->kind != RSMG_CUT_WAIT && msg->kind != RSMG_CUT_DONE &&
        msg->kind != RSMG_MOVED) {
        heat();
    }
    switch (msg->kind) {
    case RSMG_CONNECT:
    case RSMG_REJOIN:
        creation_arrived(port, rank, msg, groups);
        break;
    case RSMG_DISCONNECT:
        disconnect_arrived(port, rank, msg);
        break;
    case RSMG_CUT:
    case RSMG_MOVE:
        rsmg_cut_arrived(port, rank, msg);
        break;
    case RSMG_CUT_DONE:
    case RSMG_CUT_WAIT:
    case RSMG_MOVED:
        answer_arrived(port, rank, msg);
        break;
    case RSMG_EVENT:
    case RSMG_EVENT_ACK:
        event_arrived(port, rank, msg);
        break;
    default: /* RSMG_HOT: said all it had to say */
        break;
    }
}

/** Receive one message that the probe found. Needs no memory: nothing must be lost for want of it.
 */
static void receive(rsmg_port_t *port, const MPI_Status *found)
{
    int len = 0;
    rsmg_msg_t msg;

    if (MPI_Get_count(found, MPI_BYTE, &len) != MPI_SUCCESS ||
        MPI_Recv(port->inbox, (int)RSMG_INBOX_BYTES, MPI_BYTE, found->MPI_SOURCE, RSMG_TAG_AGENT,
                 port->comm, MPI_STATUS_IGNORE) != MPI_SUCCESS ||
        (size_t)len < sizeof msg) {
        return;
    }
    memcpy(&msg, port->inbox, sizeof msg);
    if ((size_t)len - sizeof msg == msg.group_count * sizeof(gid_t)) {
        dispatch(port, found->MPI_SOURCE, &msg, (const gid_t *)(void *)(port->inbox + sizeof msg));
    }
}

bool rsmg_agent_serve(rsmg_port_t *port)
{
    MPI_Status found;
    int some = 0;
    bool any = false;

    /* Bounded, so that the queue gets its turn in a flood. */
    for (int i = 0; i < 64; i++) {
        if (MPI_Iprobe(MPI_ANY_SOURCE, RSMG_TAG_AGENT, port->comm, &some, &found) != MPI_SUCCESS ||
            !some) {
            break;
        }
        receive(port, &found);
        any = true;
    }
    return any;
}

/** Keep those exporters hot in whose flushes our threads are. */
static void renew(rsmg_port_t *port)
{
    uint64_t now = rsmi_now();

    for (int i = 0; i < RSMG_FLUSH_SLOTS; i++) {
        int exporter = atomic_load_explicit(&port->flushing[i].exporter, memory_order_relaxed) - 1;
        rsmg_msg_t msg = {.kind = RSMG_HOT};

        if (exporter >= 0 &&
            now - atomic_load_explicit(&port->flushing[i].told, memory_order_relaxed) > RENEW_NS) {
            atomic_store_explicit(&port->flushing[i].told, now, memory_order_relaxed);
            (void)rsmg_msg_send(port, exporter, RSMG_TAG_AGENT, &msg, NULL, 0);
        }
    }
}

void rsmg_agent_ring(void)
{
    uint64_t one = 1;

    if (doorbell >= 0 && write(doorbell, &one, sizeof one) < 0) {
        RSMI_ASSERT(errno == EAGAIN); /* rung already */
    }
}

/** Sleep at most `ns`, or until the doorbell rings. */
static void nap(long ns)
{
    struct pollfd pfd = {.fd = doorbell, .events = POLLIN};
    struct timespec limit = {0, ns};
    uint64_t value;

    if (ppoll(&pfd, 1, &limit, NULL) > 0 && read(doorbell, &value, sizeof value) < 0) {
        RSMI_ASSERT(errno == EAGAIN);
    }
}

/**
 * Hot waiting. Alone on a processor, yielding is the quickest way to look again. Where the program
 * computes on the same processor it is the slowest: a thread that yields is served last, for whole
 * time slices, while one that slept a moment is woken at once, and leaves the processor to the
 * program in between. Which of the two it is shows in how long a yield takes.
 */
static void look_again(uint64_t *crowded_until)
{
    uint64_t before = rsmi_now();
    uint64_t after;

    if (before < *crowded_until) {
        nap(NAP_MIN_NS);
        return;
    }
    (void)sched_yield();
    after = rsmi_now();
    if (after - before > CROWDED_YIELD_NS) {
        *crowded_until = after + CROWDED_NS;
    }
}

static void settle_down(void)
{
    rsmi_place_t *place = NULL;

    (void)prctl(PR_SET_NAME, "rsm-agent");
    (void)prctl(PR_SET_TIMERSLACK, 1000UL);
    if (cpus_wanted[0] != '\0' && rsmi_place_open(NULL, &place) == RSM_SUCCESS) {
        if (rsmi_place_bind_thread(place, cpus_wanted) != RSM_SUCCESS) {
            rsmi_info("the agent could not be bound to %s", cpus_wanted);
        }
        rsmi_place_close(place);
    }
}

/** The port behind `port` among those served, the first for NULL; NULL: no more. */
static rsmg_port_t *next_served(rsmg_port_t *port)
{
    rsmg_port_t *next;

    rsmi_lock(&lock);
    next = port == NULL ? served : port->served;
    rsmi_unlock(&lock);
    return next;
}

/** Serve each port once. True: there was something to do. */
static bool go_round(void)
{
    bool busy = false;

    atomic_fetch_add_explicit(&rounds, 1, memory_order_acq_rel);
    for (rsmg_port_t *port = next_served(NULL); port != NULL; port = next_served(port)) {
        busy = rsmg_agent_serve(port) || busy;
        busy = serve_queue(port) || busy;
        rsmg_msg_reap(port);
        renew(port);
    }
    return busy;
}

static void *run(void *arg)
{
    long nap_ns = NAP_MIN_NS;
    uint64_t crowded_until = 0;

    (void)arg;
    settle_down();
    while (!atomic_load_explicit(&stop, memory_order_acquire)) {
        if (go_round()) {
            nap_ns = NAP_MIN_NS;
        } else if (rsmi_now() < atomic_load_explicit(&hot_until, memory_order_relaxed)) {
            nap_ns = NAP_MIN_NS;
            look_again(&crowded_until);
        } else {
            nap(nap_ns);
            nap_ns = nap_ns < NAP_MAX_NS / 2 ? nap_ns * 2 : NAP_MAX_NS;
        }
    }
    return NULL;
}

/** Start the thread; the lock is held. */
static int start(const char *cpus)
{
    sigset_t all;
    sigset_t before;
    int rc;

    if (doorbell < 0) { /* kept for good: threads of the program ring at any time */
        doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    RSMI_CHECK(doorbell >= 0, RSMERR_INSUFFICIENT_MEM);
    (void)snprintf(cpus_wanted, sizeof cpus_wanted, "%s", cpus);
    atomic_store(&stop, false);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&agent, NULL, run, NULL); /* inherits the mask */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    RSMI_CHECK(rc == 0, RSMERR_INSUFFICIENT_MEM);
    runs = true;
    return RSM_SUCCESS;
}

int rsmg_agent_add(rsmg_port_t *port, const char *cpus)
{
    int rc = RSM_SUCCESS;

    port->queue_end = &port->queue;
    port->inbox = rsmi_alloc(RSMG_INBOX_BYTES);
    RSMI_CHECK(port->inbox != NULL, RSMERR_INSUFFICIENT_MEM);
    rsmi_lock(&lock);
    port->served = served;
    served = port;
    if (!runs) {
        rc = start(cpus);
    }
    if (rc != RSM_SUCCESS) {
        served = port->served;
    }
    rsmi_unlock(&lock);
    return rc;
}

void rsmg_agent_drop(rsmg_port_t *port)
{
    rsmi_nap_t pause = RSMI_NAP_INIT;
    uint64_t seen;
    bool last;

    rsmi_lock(&lock);
    for (rsmg_port_t **at = &served; *at != NULL; at = &(*at)->served) {
        if (*at == port) {
            *at = port->served;
            break;
        }
    }
    last = served == NULL && runs;
    runs = runs && !last;
    rsmi_unlock(&lock);
    if (last) {
        atomic_store_explicit(&stop, true, memory_order_release);
        rsmg_agent_ring();
        (void)pthread_join(agent, NULL);
        return;
    }
    /* It may be at this port, or about to go from it to the next: a round that began after now has
     * not seen it. (port->served stays as it is for whoever stands on it.) */
    seen = atomic_load(&rounds);
    while (atomic_load(&rounds) == seen) {
        rsmg_agent_ring();
        rsmi_nap(&pause);
    }
}

void rsmg_agent_abandon(void)
{
    struct timespec limit;
    bool joined;

    rsmi_lock(&lock);
    joined = !runs;
    runs = false;
    rsmi_unlock(&lock);
    if (joined) {
        return;
    }
    atomic_store_explicit(&stop, true, memory_order_release);
    rsmg_agent_ring();
    (void)clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 2; /* it may be in a creation with a rank that has died */
    (void)pthread_timedjoin_np(agent, NULL, &limit);
}
