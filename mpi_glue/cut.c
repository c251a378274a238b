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
 */
#include "nap.h"
#include "port.h"
#include "rsmapi.h"

static void finish(rsmg_mpi_conn_t *conn, uint64_t peer_handle)
{
    rsmg_msg_t msg = {.kind = RSMG_CUT_DONE, .to = peer_handle, .from = conn->handle};
    uint64_t issued = atomic_load(&conn->conn.issued);

    if (issued != atomic_load(&conn->conn.flushed)) {
        (void)rsmg_flush(&conn->conn);
        atomic_store(&conn->conn.flushed, issued);
    }
    (void)rsmg_msg_send(conn->port, conn->exporter, RSMG_TAG_AGENT, &msg, NULL, 0);
}

void rsmg_drained(rsmg_conn_t *base)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;

    if (!atomic_load(&conn->port->ended)) {
        finish(conn, conn->peer_handle);
    }
}

void rsmg_cut_arrived(rsmg_port_t *port, int exporter, const rsmg_msg_t *msg)
{
    rsmg_mpi_conn_t *conn = rsmi_handle_enter(RSMI_CLASS_CONN, msg->to, NULL);
    rsmg_msg_t answer = {.kind = RSMG_CUT_DONE, .to = msg->from, .from = msg->to};

    if (conn == NULL) {
        /* It has disconnected, and nothing is under way; or it is disconnecting, its epoch may be
         * open still, and DISCONNECT will say when all is done. */
        answer.kind = rsmi_handle_is_closing(msg->to) ? RSMG_CUT_WAIT : RSMG_CUT_DONE;
        (void)rsmg_msg_send(port, exporter, RSMG_TAG_AGENT, &answer, NULL, 0);
        return;
    }
    if (rsmi_gate_cut(conn->conn.gate)) {
        finish(conn, msg->from);
    } else {
        answer.kind = RSMG_CUT_WAIT;
        (void)rsmg_msg_send(port, exporter, RSMG_TAG_AGENT, &answer, NULL, 0);
    }
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
