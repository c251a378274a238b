/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revocation. No collective call: the exporter sends CUT, the importer's agent marks the gate, and
 * the answer CUT_DONE means that every transfer of that connection is complete in memory and no
 * further one will start. The window stays until the importer disconnects; nothing is written
 * through it any more.
 *
 * Who answers: the agent, if no call is inside; else the last call to leave, so that the agent
 * never waits for a transfer. Either completes first what explicit mode had issued and not
 * flushed; that waits for the network alone, since both ends' agents drive MPI while they flush.
 *
 * A rebind goes the same way with MOVE and MOVED, which carry the version of the segment's memory.
 * The window over the old memory stays, unused, until the importer's next transfer makes it anew
 * (win.c). The version that the last MOVE named and the one that the window is over change under
 * the port's lock together with MOVED in the gate, so a move that comes in the middle of a renewal
 * is not lost. While the agent completes transfers (`settling`, set before the gate is marked),
 * nobody takes the window apart: who renews has seen MOVED, and so sees `settling` too.
 */
#include "nap.h"
#include "port.h"
#include "rsmapi.h"

static uint32_t wanted_version(rsmg_mpi_conn_t *conn)
{
    uint32_t version;

    rsmi_lock(&conn->port->lock);
    version = conn->wanted;
    rsmi_unlock(&conn->port->lock);
    return version;
}

static void say(rsmg_port_t *port, int exporter, rsmg_kind_t kind, uint64_t to, uint64_t from,
                uint32_t version)
{
    rsmg_msg_t msg = {.kind = kind, .to = to, .from = from, .a = version};

    (void)rsmg_msg_send(port, exporter, RSMG_TAG_AGENT, &msg, NULL, 0);
}

/** Complete what was issued, and answer what was asked. */
static void finish(rsmg_mpi_conn_t *conn, uint64_t peer_handle)
{
    uint64_t word = atomic_load(conn->conn.gate);
    uint64_t issued = atomic_load(&conn->conn.issued);

    if (issued != atomic_load(&conn->conn.flushed)) {
        if (rsmg_flush(&conn->conn) !=
            RSM_SUCCESS) { /* barriers that cover it must not close well */
            atomic_fetch_add(&rsmi_handle_slot(conn->import_handle)->failures, 1);
        }
        atomic_store(&conn->conn.flushed, issued);
    }
    if ((word & RSMI_GATE_CUT) != 0) {
        say(conn->port, conn->exporter, RSMG_CUT_DONE, peer_handle, conn->handle, 0);
    }
    if ((word & RSMI_GATE_MOVED) != 0) {
        say(conn->port, conn->exporter, RSMG_MOVED, peer_handle, conn->handle,
            wanted_version(conn));
    }
}

void rsmg_drained(rsmg_conn_t *base)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;

    if (!atomic_load(&conn->port->ended)) {
        finish(conn, conn->peer_handle);
    }
}

/** Mark the gate. False: a call is inside and will answer. *there_p: the move was followed before.
 */
static bool mark(rsmg_mpi_conn_t *conn, const rsmg_msg_t *msg, bool *there_p)
{
    bool done = true;

    *there_p = false;
    if (msg->kind == RSMG_CUT) {
        return rsmi_gate_cut(conn->conn.gate);
    }
    rsmi_lock(&conn->port->lock);
    if (rsmg_is_followed(conn, (uint32_t)msg->a)) {
        /* The question was asked again, or the window was made after the move that it tells of: a
         * reply overtakes what waits for the agent. */
        *there_p = true;
    } else {
        conn->wanted = (uint32_t)msg->a;
        done = rsmi_gate_move(conn->conn.gate);
    }
    rsmi_unlock(&conn->port->lock);
    return done;
}

void rsmg_cut_arrived(rsmg_port_t *port, int exporter, const rsmg_msg_t *msg)
{
    rsmg_mpi_conn_t *conn = rsmi_handle_enter(RSMI_CLASS_CONN, msg->to, NULL);
    rsmg_kind_t done = msg->kind == RSMG_CUT ? RSMG_CUT_DONE : RSMG_MOVED;
    bool there;

    if (conn == NULL) {
        /* It has disconnected, and nothing is under way; or it is disconnecting, its epoch may be
         * open still, and DISCONNECT will say when all is done. */
        say(port, exporter, rsmi_handle_is_closing(msg->to) ? RSMG_CUT_WAIT : done, msg->from,
            msg->to, (uint32_t)msg->a);
        return;
    }
    atomic_store(&conn->settling, true);
    if (!mark(conn, msg, &there)) {
        say(port, exporter, RSMG_CUT_WAIT, msg->from, msg->to, 0);
    } else if (there) {
        say(port, exporter, done, msg->from, msg->to, (uint32_t)msg->a);
    } else {
        finish(conn, msg->from);
    }
    atomic_store(&conn->settling, false);
    (void)rsmi_handle_leave(msg->to, 0);
}

bool rsmg_cut(rsmg_peer_t *base)
{
    rsmg_mpi_peer_t *peer = (rsmg_mpi_peer_t *)base;
    rsmg_msg_t msg = {.kind = RSMG_CUT, .to = peer->window.conn_handle, .from = peer->handle};

    if (atomic_load(&peer->port->ended)) {
        return true; /* the window is freed at both ends */
    }
    /* If it cannot be sent, silence follows, and the core asks again. */
    (void)rsmg_msg_send(peer->port, peer->importer, RSMG_TAG_AGENT, &msg, NULL, 0);
    return false;
}

bool rsmg_move(rsmg_peer_t *base, uint32_t version)
{
    rsmg_mpi_peer_t *peer = (rsmg_mpi_peer_t *)base;

    if (atomic_load(&peer->port->ended)) {
        return true; /* the window is freed at both ends */
    }
    say(peer->port, peer->importer, RSMG_MOVE, peer->window.conn_handle, peer->handle, version);
    return false;
}
