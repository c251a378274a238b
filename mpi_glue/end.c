/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a process.
 *
 * MPI_Finalize is wrapped: the agent must be gone before MPI takes its thread safety away (MPICH
 * aborts otherwise). Where the wrapper is not reached (another tool wraps it, or Fortran calls past
 * it), an attribute of MPI_COMM_SELF does the same a little later.
 *
 *   1. Nothing new: connects of ours are refused, those under way end, all gates are cut, epochs
 *      are closed. (Connects of others are served: they have not come here yet.)
 *   2. Serve until every rank is here (a non-blocking barrier, while the agents go on).
 *   3. Serve until every rank's answers are out (a second one), then stop the agent.
 *   4. Free windows, then pair communicators, in one order that all ranks follow. Each window is
 *      known to two ranks only; without the order two ranks could wait for each other in two
 *      different windows.
 *
 * A process that leaves by exit() without MPI_Finalize: if the program started MPI, ending it is
 * the program's business, and all we do is to stop the agent. If we started it, a process that
 * exits with 0 finalizes; one that reports a failure does not, since the others may never come:
 * the launcher ends the job, as for any MPI program.
 *
 * Several ports end one after the other, by rising unit. A unit is the same at all ranks of its
 * communicator, so no two ranks wait for each other in two ports; the agent serves those whose turn
 * has not come.
 */
#include <mpi.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "nap.h"
#include "port.h"
#include "trace.h"

#define LEAVE_LIMIT_NS 1000000000U /* for calls of other threads that are still inside */

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_GLUE);
static rsmg_port_t *open_ports; /* (l) by rising unit */
static bool started_by_us;
static pid_t owner;

static rsmg_mpi_conn_t *conn_of(rsmg_window_t *window)
{
    return (rsmg_mpi_conn_t *)(void *)((char *)window - offsetof(rsmg_mpi_conn_t, window));
}

static rsmg_mpi_peer_t *peer_of(rsmg_window_t *window)
{
    return (rsmg_mpi_peer_t *)(void *)((char *)window - offsetof(rsmg_mpi_peer_t, window));
}

bool rsmg_port_is_open(void)
{
    bool open = false;

    rsmi_lock(&lock);
    for (const rsmg_port_t *port = open_ports; port != NULL; port = port->next) {
        open = open || port->size > 1;
    }
    rsmi_unlock(&lock);
    return open;
}

/** All ranks of `group`, `size` of them, are in the port. */
static bool covers(const rsmg_port_t *port, MPI_Group group, int size)
{
    MPI_Group both = MPI_GROUP_NULL;
    int common = -1;

    if (MPI_Group_intersection(group, port->group, &both) == MPI_SUCCESS) {
        (void)MPI_Group_size(both, &common);
        if (both != MPI_GROUP_EMPTY) {
            (void)MPI_Group_free(&both);
        }
    }
    return common == size;
}

bool rsmg_port_covers(MPI_Group group)
{
    bool covered = false;
    int size = 0;

    (void)MPI_Group_size(group, &size);
    rsmi_lock(&lock); /* local calls only */
    for (const rsmg_port_t *port = open_ports; port != NULL && !covered; port = port->next) {
        covered = port->size > 1 && covers(port, group, size);
    }
    rsmi_unlock(&lock);
    return covered;
}

/** A window of ours whose epoch is open; NULL: none. The agent goes on freeing windows of others.
 */
static rsmg_window_t *next_epoch(rsmg_port_t *port)
{
    rsmg_window_t *window;

    rsmi_lock(&port->lock);
    window = port->made;
    while (window != NULL && (window->importer != port->rank || window->closed)) {
        window = window->next;
    }
    if (window != NULL) {
        window->closed = true;
    }
    rsmi_unlock(&port->lock);
    return window;
}

/** Cut every import, wait for calls of other threads, close the epochs. */
static void close_epochs(rsmg_port_t *port)
{
    uint64_t limit = rsmi_now() + LEAVE_LIMIT_NS;
    rsmg_window_t *window;

    while ((window = next_epoch(port)) != NULL) {
        rsmg_mpi_conn_t *conn = conn_of(window);
        rsmi_nap_t nap = RSMI_NAP_INIT;

        (void)rsmi_gate_cut(conn->conn.gate);
        while ((atomic_load(conn->conn.gate) & RSMI_GATE_INSIDE) > 0 && rsmi_now() < limit) {
            rsmi_nap(&nap);
        }
        rsmg_channel_flush(port, &conn->channel, conn->exporter, conn->peer_handle, conn->handle);
        rsmg_conn_close(conn);
        rsmi_handle_reopen(conn->handle); /* exporters that have not come so far may still cut */
        (void)rsmi_handle_leave(conn->handle, 0);
    }
}

/** A barrier during which this thread yields and the agent works. */
static void wait_for_all(rsmg_port_t *port)
{
    MPI_Request request = MPI_REQUEST_NULL;
    rsmi_nap_t nap = RSMI_NAP_INIT;
    int done = 0;

    if (MPI_Ibarrier(port->comm, &request) != MPI_SUCCESS) {
        return;
    }
    while (!done && MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS) {
        rsmi_nap(&nap);
    }
}

/** Before `b` in the order that all ranks follow? */
static bool comes_first(const rsmg_window_t *a, const rsmg_window_t *b)
{
    if (a->importer != b->importer) {
        return a->importer < b->importer;
    }
    if (a->exporter != b->exporter) {
        return a->exporter < b->exporter;
    }
    return a->conn_handle < b->conn_handle;
}

static void free_windows(rsmg_port_t *port)
{
    while (port->made != NULL) {
        rsmg_window_t *lowest = port->made;

        for (rsmg_window_t *window = lowest->next; window != NULL; window = window->next) {
            if (comes_first(window, lowest)) {
                lowest = window;
            }
        }
        rsmg_win_free(port, lowest);
        if (lowest->importer != port->rank) {
            rsmg_mpi_peer_t *peer = peer_of(lowest);

            port->up->depart(port->core, &peer->peer);
            rsmi_handle_free(peer->handle);
            rsmi_lock_destroy(&peer->channel.lock);
            rsmi_free(peer);
        }
    }
}

static void free_pairs(rsmg_port_t *port)
{
    while (port->pairs != NULL) {
        rsmg_pair_t **lowest = &port->pairs;
        rsmg_pair_t *pair;

        for (rsmg_pair_t **at = &port->pairs; *at != NULL; at = &(*at)->next) {
            if ((*at)->importer < (*lowest)->importer ||
                ((*at)->importer == (*lowest)->importer && (*at)->exporter < (*lowest)->exporter)) {
                lowest = at;
            }
        }
        pair = *lowest;
        *lowest = pair->next;
        if (pair->comm != MPI_COMM_NULL) {
            (void)MPI_Comm_free(&pair->comm);
        }
        rsmi_free(pair);
    }
}

void rsmg_port_free_mpi(rsmg_port_t *port)
{
    free_windows(port);
    free_pairs(port);
    if (port->anchor != MPI_WIN_NULL) {
        (void)MPI_Win_free(&port->anchor);
    }
    if (port->self != MPI_COMM_NULL) {
        (void)MPI_Comm_free(&port->self);
    }
    if (port->host != MPI_COMM_NULL) {
        (void)MPI_Comm_free(&port->host);
    }
    if (port->group != MPI_GROUP_NULL) {
        (void)MPI_Group_free(&port->group);
    }
    if (port->comm != MPI_COMM_NULL) {
        (void)MPI_Comm_free(&port->comm);
    }
}

/** Collective over all ranks of the port; MPI still runs. */
static void end_port(rsmg_port_t *port)
{
    rsmi_nap_t nap = RSMI_NAP_INIT;

    if (port->size > 1) {
        atomic_store(&port->closing, true);
        while (atomic_load(&port->busy) > 0) { /* the others serve: they come to an end */
            rsmi_nap(&nap);
        }
        close_epochs(port);
        wait_for_all(port);
        while (!rsmg_msg_idle(port)) {
            rsmi_nap(&nap);
        }
        wait_for_all(port);
        rsmg_agent_drop(port);
        while (rsmg_agent_serve(port)) {
        }
    }
    atomic_store(&port->ended, true);
    rsmg_port_free_mpi(port);
}

/** The first port that has not ended, taken off the list; NULL: none. */
static rsmg_port_t *take_port(void)
{
    rsmg_port_t *port;

    rsmi_lock(&lock);
    port = open_ports;
    if (port != NULL) {
        open_ports = port->next;
    }
    rsmi_unlock(&lock);
    return port;
}

/** Once: whoever comes later finds no port. */
static void end_ports(void)
{
    rsmg_port_t *port;

    if (getpid() != owner) {
        return;
    }
    while ((port = take_port()) != NULL) {
        end_port(port);
    }
}

static int self_attribute_deleted(MPI_Comm comm, int key, void *value, void *extra)
{
    (void)comm;
    (void)key;
    (void)value;
    (void)extra;
    end_ports();
    return MPI_SUCCESS;
}

/* Visible even where mpi.h does not say so: a program's call must find this one. */
__attribute__((visibility("default"))) int
MPI_Finalize(void) // NOLINT(readability-identifier-naming): MPI's name, wrapped on purpose
{
    end_ports();
    return PMPI_Finalize();
}

static void leave_process(int status, void *arg)
{
    bool with_others = rsmg_port_is_open();
    rsmg_port_t *port;
    int flag = 0;

    (void)arg;
    if (getpid() != owner || MPI_Finalized(&flag) != MPI_SUCCESS || flag) {
        return;
    }
    if (started_by_us && (status == 0 || !with_others)) {
        (void)MPI_Finalize();
        return;
    }
    while ((port = take_port()) != NULL) {
        atomic_store(&port->closing, true);
        atomic_store(&port->ended, true);
    }
    rsmg_agent_abandon();
}

static void list_port(rsmg_port_t *port)
{
    rsmg_port_t **at = &open_ports;

    rsmi_lock(&lock);
    while (*at != NULL && (*at)->unit < port->unit) {
        at = &(*at)->next;
    }
    port->next = *at;
    *at = port;
    rsmi_unlock(&lock);
}

void rsmg_end_arrange(rsmg_port_t *port, bool started)
{
    static bool arranged;
    static bool attribute_set;
    int key = MPI_KEYVAL_INVALID;

    if (port != NULL) {
        list_port(port);
    }
    owner = getpid();
    started_by_us = started_by_us || started;
    if (!arranged) {
        arranged = true;
        (void)on_exit(leave_process, NULL);
    }
    if (port != NULL && !attribute_set &&
        MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, self_attribute_deleted, &key, NULL) ==
            MPI_SUCCESS) {
        attribute_set = true;
        (void)MPI_Comm_set_attr(MPI_COMM_SELF, key, NULL);
        (void)MPI_Comm_free_keyval(&key);
    }
}
