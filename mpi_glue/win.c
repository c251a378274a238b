/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows and connections on the importer's side. A connection is a window on a communicator of
 * two, made when the importer connects; the exporter contributes its segment, the importer
 * nothing. One shared passive epoch is opened then and closed at disconnect. After a rebind the
 * importer's next transfer has the window made anew: the same collective steps, freeing first.
 */
#include <stdlib.h>

#include "alloc.h"
#include "check.h"
#include "nap.h"
#include "port.h"
#include "rsmapi.h"
#include "trace.h"

#define BUSY_NAP_NS 50000U

_Atomic uint64_t rsmg_windows;

enum { PAIR_IMPORTER = 0, PAIR_EXPORTER = 1 };
/* One creation tag per direction; groups of other members cannot be mistaken (the sources differ).
 */
enum { TAG_UPWARD = 7001, TAG_DOWNWARD = 7002 };

static int compare_ints(const void *a, const void *b)
{
    int left = *(const int *)a;
    int right = *(const int *)b;

    return (left > right) - (left < right);
}

bool rsmg_is_neighbour(const rsmg_port_t *port, int rank)
{
    return bsearch(&rank, port->neighbours, (size_t)port->neighbour_count, sizeof rank,
                   compare_ints) != NULL;
}

rsmg_pair_t *rsmg_pair_prepare(rsmg_port_t *port, int importer, int exporter)
{
    rsmg_pair_t *pair;

    rsmi_lock(&port->lock);
    pair = port->pairs;
    while (pair != NULL && (pair->importer != importer || pair->exporter != exporter)) {
        pair = pair->next;
    }
    if (pair == NULL) {
        pair = rsmi_alloc(sizeof *pair);
        if (pair != NULL) {
            pair->importer = importer;
            pair->exporter = exporter;
            pair->comm = MPI_COMM_NULL;
            pair->next = port->pairs;
            port->pairs = pair;
        }
    }
    rsmi_unlock(&port->lock);
    return pair;
}

/** Collective over the two ranks. */
static int make_comm(rsmg_port_t *port, rsmg_pair_t *pair)
{
    int ranks[2] = {pair->importer, pair->exporter};
    int tag = pair->importer < pair->exporter ? TAG_UPWARD : TAG_DOWNWARD;
    MPI_Group group = MPI_GROUP_NULL;
    int rc = MPI_Group_incl(port->group, 2, ranks, &group);

    RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_creation(rc));
    rc = MPI_Comm_create_group(port->comm, group, tag, &pair->comm);
    (void)MPI_Group_free(&group);
    RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_creation(rc));
    (void)MPI_Comm_set_errhandler(pair->comm, MPI_ERRORS_RETURN);
    atomic_fetch_add(&rsmg_windows, 1); /* where ids are few, it is one of them */
    return RSM_SUCCESS;
}

static bool is_unified(MPI_Win win)
{
    int *model = NULL;
    int found = 0;

    return MPI_Win_get_attr(win, MPI_WIN_MODEL, &model, &found) == MPI_SUCCESS && found &&
           *model == MPI_WIN_UNIFIED;
}

static void list_window(rsmg_port_t *port, rsmg_window_t *window)
{
    rsmi_lock(&port->lock);
    window->next = port->made;
    window->prev = &port->made;
    if (port->made != NULL) {
        port->made->prev = &window->next;
    }
    port->made = window;
    rsmi_unlock(&port->lock);
    atomic_fetch_add(&rsmg_windows, 1);
}

static void unlist_window(rsmg_port_t *port, rsmg_window_t *window)
{
    rsmi_lock(&port->lock);
    if (window->prev != NULL) {
        *window->prev = window->next;
        if (window->next != NULL) {
            window->next->prev = window->prev;
        }
        window->prev = NULL;
    }
    rsmi_unlock(&port->lock);
    atomic_fetch_sub(&rsmg_windows, 1);
}

int rsmg_win_make(rsmg_port_t *port, rsmg_window_t *window, rsmg_pair_t *pair, void *base,
                  uint64_t length, bool fresh)
{
    MPI_Win win = MPI_WIN_NULL;
    int rc;

    rsmi_lock_none_held();
    window->win = MPI_WIN_NULL;
    rsmg_guest_own(true);
    rc = fresh ? make_comm(port, pair) : RSM_SUCCESS;
    if (rc == RSM_SUCCESS) {
        rc = rsmg_code_of_creation(
            MPI_Win_create(base, (MPI_Aint)length, 1, MPI_INFO_NULL, pair->comm, &win));
    }
    rsmg_guest_own(false);
    RSMI_TRY(rc);
    (void)MPI_Win_set_errhandler(win, MPI_ERRORS_RETURN);
    if (!is_unified(win)) { /* the same answer at both ends, so both free it */
        (void)MPI_Win_free(&win);
        rsmi_warn("this MPI offers no unified windows between ranks %d and %d; one-sided transfers "
                  "need MPI_WIN_UNIFIED",
                  window->importer, window->exporter);
        return RSMERR_CTLR_NOT_PRESENT;
    }
    if (port->rank == window->importer) {
        rc = MPI_Win_lock(MPI_LOCK_SHARED, PAIR_EXPORTER, MPI_MODE_NOCHECK, win);
        if (rc != MPI_SUCCESS) {
            (void)MPI_Win_free(&win);
            return rsmg_code_of_creation(rc);
        }
    }
    window->win = win;
    list_window(port, window);
    return RSM_SUCCESS;
}

void rsmg_win_unlock(rsmg_window_t *window)
{
    if (window->win != MPI_WIN_NULL) {
        (void)MPI_Win_unlock(PAIR_EXPORTER, window->win);
    }
}

void rsmg_win_free(rsmg_port_t *port, rsmg_window_t *window)
{
    if (window->win != MPI_WIN_NULL) {
        unlist_window(port, window);
        rsmi_lock_none_held();
        (void)MPI_Win_free(&window->win);
        window->win = MPI_WIN_NULL;
    }
}

static int conn_post(rsmg_conn_t *base, bool no_accumulate)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;

    RSMI_CHECK(!atomic_load(&conn->port->ended), RSMERR_CONN_ABORTED);
    return rsmg_channel_post(conn->port, &conn->channel, conn->exporter, conn->peer_handle,
                             conn->handle, no_accumulate);
}

void rsmg_conn_close(rsmg_mpi_conn_t *conn)
{
    /* The agent may be at work on a message for this end, in a flush perhaps: it is out, and stays
     * out, when close returns. Only then may the epoch end and the window go. */
    if (rsmi_handle_enter(RSMI_CLASS_CONN, conn->handle, NULL) != NULL) {
        (void)rsmi_handle_close(conn->handle);
    }
    rsmg_win_unlock(&conn->window);
    atomic_store(&conn->conn.flushed, atomic_load(&conn->conn.issued));
}

static void free_conn(rsmg_mpi_conn_t *conn)
{
    if (conn->handle != 0) {
        rsmi_handle_free(conn->handle);
    }
    rsmi_lock_destroy(&conn->channel.lock);
    rsmi_free(conn);
}

/** Part with the exporter: it frees the window with us. The epoch is closed already. */
static void part(rsmg_mpi_conn_t *conn, rsmi_interrupt_t *intr)
{
    rsmg_msg_t msg = {.kind = RSMG_DISCONNECT, .to = conn->peer_handle, .from = conn->handle};
    rsmg_msg_t reply;

    /* Events first, on the same way, so that they arrive before this end is forgotten. */
    rsmg_channel_flush(conn->port, &conn->channel, conn->exporter, conn->peer_handle, conn->handle);
    if (rsmg_msg_ask(conn->port, conn->exporter, &msg, NULL, 0, &reply, intr) == RSM_SUCCESS &&
        reply.code == RSM_SUCCESS) {
        rsmg_win_free(conn->port, &conn->window);
    } else if (conn->window.win != MPI_WIN_NULL) {
        unlist_window(conn->port, &conn->window); /* the exporter does not know it: left to MPI */
    }
}

bool rsmg_busy_enter(rsmg_port_t *port)
{
    atomic_fetch_add(&port->busy, 1);
    if (atomic_load(&port->closing)) {
        rsmg_busy_leave(port);
        return false;
    }
    return true;
}

void rsmg_busy_leave(rsmg_port_t *port)
{
    atomic_fetch_sub(&port->busy, 1);
}

static void conn_disconnect(rsmg_conn_t *base)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;
    rsmg_port_t *port = conn->port;
    rsmi_interrupt_t intr;

    if (!rsmg_busy_enter(port)) {
        rsmi_nap_t nap = RSMI_NAP_INIT;

        while (!atomic_load(&port->ended)) { /* the end frees the window, then this is ours */
            rsmi_nap(&nap);
        }
    } else {
        rsmi_interrupt_begin(&intr);
        rsmg_conn_close(conn);
        part(conn, &intr);
        rsmi_interrupt_end(&intr);
        rsmg_busy_leave(port);
    }
    free_conn(conn);
}

static int conn_renew(rsmg_conn_t *base);

static const rsmg_conn_ops_t conn_ops = {
    .size = sizeof(rsmg_conn_ops_t),
    .name = "window",
    .put = rsmg_put,
    .get = rsmg_get,
    .flush = rsmg_flush,
    .flush_local = rsmg_flush_local,
    .renew = conn_renew,
    .post = conn_post,
    .drained = rsmg_drained,
    .disconnect = conn_disconnect,
};

/** A new name for this end. The agent is off it from close on. */
static int name_conn(rsmg_mpi_conn_t *conn)
{
    if (conn->handle != 0) {
        (void)rsmi_handle_enter(RSMI_CLASS_CONN, conn->handle, NULL);
        (void)rsmi_handle_close(conn->handle);
        rsmi_handle_free(conn->handle);
    }
    conn->handle = rsmi_handle_alloc(RSMI_CLASS_CONN, conn);
    RSMI_CHECK(conn->handle != 0, RSMERR_INSUFFICIENT_MEM);
    conn->window.conn_handle = conn->handle;
    rsmi_handle_open(conn->handle);
    return RSM_SUCCESS;
}

static int make_conn(rsmg_port_t *port, int exporter, rsmi_gate_t *gate, uint64_t import_handle,
                     rsmg_mpi_conn_t **conn_p)
{
    rsmg_mpi_conn_t *conn = rsmi_alloc(sizeof *conn);

    RSMI_CHECK(conn != NULL, RSMERR_INSUFFICIENT_MEM);
    rsmg_channel_init(&conn->channel);
    conn->conn.ops = &conn_ops;
    conn->conn.gate = gate;
    conn->port = port;
    conn->import_handle = import_handle;
    conn->exporter = exporter;
    conn->sleepy = !rsmg_is_neighbour(port, exporter) || port->sleepy_on_host;
    conn->window.win = MPI_WIN_NULL;
    conn->window.importer = port->rank;
    conn->window.exporter = exporter;
    if (name_conn(conn) != RSM_SUCCESS) {
        free_conn(conn);
        return RSMERR_INSUFFICIENT_MEM;
    }
    *conn_p = conn;
    return RSM_SUCCESS;
}

/** One try, with the host lock and the token held. RSMG_BUSY: give them back and try again. */
static int try_connect(rsmg_mpi_conn_t *conn, const rsmg_ask_t *ask, rsmi_interrupt_t *intr)
{
    rsmg_port_t *port = conn->port;
    /* Before the exporter is asked: once it has replied, nothing of ours may fail. */
    rsmg_pair_t *pair = rsmg_pair_prepare(port, port->rank, conn->exporter);
    bool have_pair = pair != NULL && pair->comm != MPI_COMM_NULL;
    rsmg_msg_t msg = {.kind = RSMG_CONNECT,
                      .from = conn->handle,
                      .a = ask->segment_id | (uint64_t)ask->perm << 32,
                      .b = conn->import_handle,
                      .flags = have_pair ? RSMG_HAVE_PAIR : 0,
                      .uid = ask->uid,
                      .gid = ask->gid,
                      .group_count = ask->group_count};
    rsmg_msg_t reply;

    RSMI_CHECK(pair != NULL, RSMERR_INSUFFICIENT_MEM);
    RSMI_TRY(rsmg_msg_ask(port, conn->exporter, &msg, ask->groups,
                          ask->group_count * sizeof *ask->groups, &reply, intr));
    if (reply.code != RSM_SUCCESS) {
        return reply.code;
    }
    /* The exporter's agent is entering the creation at this moment: no way back from here. */
    conn->peer_handle = reply.from;
    conn->conn.length = reply.a;
    rsmi_lock(&port->lock);
    conn->bound = (uint32_t)reply.b;
    rsmi_unlock(&port->lock);
    return rsmg_win_make(port, &conn->window, pair, NULL, 0, (reply.flags & RSMG_HAVE_PAIR) == 0);
}

/** One try to make the window anew over the segment's new memory; as try_connect(). */
static int try_rejoin(rsmg_mpi_conn_t *conn, const rsmg_ask_t *ask, rsmi_interrupt_t *intr)
{
    rsmg_port_t *port = conn->port;
    rsmg_pair_t *pair = rsmg_pair_prepare(port, port->rank, conn->exporter); /* it is there */
    rsmg_msg_t msg = {.kind = RSMG_REJOIN, .to = conn->peer_handle, .from = conn->handle};
    rsmg_msg_t reply;

    (void)ask; /* rights were granted for good */
    RSMI_TRY(rsmg_msg_ask(port, conn->exporter, &msg, NULL, 0, &reply, intr));
    if (reply.code != RSM_SUCCESS) {
        return reply.code == RSMG_BUSY ? RSMG_BUSY : RSMERR_CONN_ABORTED;
    }
    /* The exporter's agent does the same two things, in this order. */
    rsmg_win_unlock(&conn->window);
    rsmg_win_free(port, &conn->window);
    RSMI_TRY(rsmg_win_make(port, &conn->window, pair, NULL, 0, false));
    rsmi_lock(&port->lock);
    conn->bound = (uint32_t)reply.b;
    if (rsmg_is_followed(conn, conn->wanted)) {
        rsmi_gate_moved(conn->conn.gate);
    }
    rsmi_unlock(&port->lock);
    return RSM_SUCCESS;
}

/** Try until the exporter is not busy. */
static int try_until_done(rsmg_mpi_conn_t *conn, const rsmg_ask_t *ask, rsmi_interrupt_t *intr,
                          int (*try)(rsmg_mpi_conn_t *conn, const rsmg_ask_t *ask,
                                     rsmi_interrupt_t *intr))
{
    rsmg_port_t *port = conn->port;
    bool connecting = try == try_connect;
    int rc;

    for (;;) {
        RSMI_CHECK(!atomic_load(&port->closing), RSMERR_CTLR_NOT_PRESENT);
        intr->seen = intr->seen && connecting; /* a transfer is not interrupted */
        if (!rsmg_host_lock(port, conn->exporter, intr)) {
            RSMI_CHECK(!connecting, RSMERR_INTERRUPTED);
            continue;
        }
        if (!rsmg_token_wait(intr)) {
            rsmg_host_unlock(port, conn->exporter);
            RSMI_CHECK(!connecting, RSMERR_INTERRUPTED);
            continue;
        }
        rc = try(conn, ask, intr);
        rsmg_token_give();
        rsmg_host_unlock(port, conn->exporter);
        rsmg_agent_ring(); /* a request of a lower rank may have waited for our token */
        if (rc != RSMG_BUSY) {
            return rc;
        }
        RSMI_CHECK(!intr->seen || !connecting, RSMERR_INTERRUPTED);
        (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + BUSY_NAP_NS);
        if (connecting) {
            /* A new name per attempt: the exporter may have cut the end that it made for this one
             * and dropped, and that message must not hit the next, which may meet a new
             * publication. */
            RSMI_TRY(name_conn(conn));
        }
    }
}

/** The segment has moved; this thread is the only one that renews this connection, none transfers.
 */
static int conn_renew(rsmg_conn_t *base)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;
    rsmg_port_t *port = conn->port;
    rsmi_nap_t nap = RSMI_NAP_INIT;
    rsmi_interrupt_t intr;
    int rc;

    RSMI_CHECK(rsmg_busy_enter(port), RSMERR_CONN_ABORTED);
    while (atomic_load(&conn->settling)) {
        rsmi_nap(&nap);
    }
    rsmi_interrupt_begin(&intr);
    rc = try_until_done(conn, NULL, &intr, try_rejoin);
    rsmi_interrupt_end(&intr);
    rsmg_busy_leave(port);
    switch (rc) {
    case RSMERR_CTLR_NOT_PRESENT:
    case RSMERR_REMOTE_NODE_UNREACHABLE:
        return RSMERR_CONN_ABORTED;
    default:
        return rc;
    }
}

int rsmg_connect(rsmg_port_t *port, uint32_t node, const rsmg_ask_t *ask, rsmi_gate_t *gate,
                 uint64_t handle, rsmg_conn_t **conn_p)
{
    rsmg_mpi_conn_t *conn;
    rsmi_interrupt_t intr;
    int rc;

    RSMI_CHECK(atomic_load(&rsmg_windows) < port->window_limit, RSMERR_INSUFFICIENT_RESOURCES);
    RSMI_CHECK(rsmg_busy_enter(port), RSMERR_CTLR_NOT_PRESENT);
    rc = make_conn(port, (int)node, gate, handle, &conn);
    if (rc != RSM_SUCCESS) {
        rsmg_busy_leave(port);
        return rc;
    }
    *conn_p = &conn->conn;
    rsmi_interrupt_begin(&intr);
    rc = try_until_done(conn, ask, &intr, try_connect);
    if (rc != RSM_SUCCESS) {
        rsmg_conn_close(conn); /* no window: takes the agent off this end, nothing else */
    } else if (rsmi_gate_is_cut(gate)) {
        /* The exporter withdrew the segment while the window was made. The cut is answered; what
         * is left is to take the window apart with the exporter. */
        rsmg_conn_close(conn);
        part(conn, &intr);
        rc = RSMERR_INTERRUPTED;
    }
    rsmi_interrupt_end(&intr);
    if (rc != RSM_SUCCESS) {
        *conn_p = NULL;
        free_conn(conn);
    }
    rsmg_busy_leave(port);
    return rc;
}
