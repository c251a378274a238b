/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections within one process; see self.h. Both ends are one object, so a cut needs no message:
 * it takes effect in the gate, and the last call inside answers.
 */
#include "self.h"

#include <stdatomic.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "export.h"
#include "intr_signal.h"

typedef struct self {
    rsmg_conn_t conn; /* first: the importer's end */
    rsmg_peer_t peer; /* the exporter's end */
    void *core;
    rsmg_grant_t grant;      /* where the segment is; written only while nobody is inside */
    _Atomic uint32_t wanted; /* version of the last move */
    rsmi_event_t *import_event;
} self_t;

static self_t *self_of_peer(rsmg_peer_t *peer)
{
    return (self_t *)(void *)((char *)peer - offsetof(self_t, peer));
}

static int self_put(rsmg_conn_t *conn, uint64_t offset, const void *src, size_t len)
{
    memmove((char *)((self_t *)conn)->grant.base + offset, src, len);
    return RSM_SUCCESS;
}

static int self_get(rsmg_conn_t *conn, uint64_t offset, void *dst, size_t len)
{
    memmove(dst, (char *)((self_t *)conn)->grant.base + offset, len);
    return RSM_SUCCESS;
}

static int self_flush(rsmg_conn_t *conn)
{
    (void)conn;
    atomic_thread_fence(memory_order_seq_cst);
    return RSM_SUCCESS;
}

static int self_post(rsmg_conn_t *conn, bool no_accumulate)
{
    self_t *self = (self_t *)conn;

    rsmi_event_arrived(self->core, self->peer.export_handle, no_accumulate, no_accumulate ? 0 : 1);
    return RSM_SUCCESS;
}

static void self_drained(rsmg_conn_t *conn)
{
    self_t *self = (self_t *)conn;
    uint64_t word = atomic_load(conn->gate);

    if ((word & RSMI_GATE_CUT) != 0) {
        rsmi_export_cut_answer(self->core, &self->peer, true);
    }
    if ((word & RSMI_GATE_MOVED) != 0) {
        rsmi_export_moved(self->core, &self->peer, atomic_load(&self->wanted));
    }
}

static int self_renew(rsmg_conn_t *conn)
{
    self_t *self = (self_t *)conn;

    return rsmi_export_where(self->core, &self->peer, &self->grant, conn->gate)
               ? RSM_SUCCESS
               : RSMERR_CONN_ABORTED;
}

static void self_disconnect(rsmg_conn_t *conn)
{
    self_t *self = (self_t *)conn;

    rsmi_export_depart(self->core, &self->peer);
    rsmi_event_put(self->import_event);
    rsmi_free(self);
}

static bool self_cut(rsmg_peer_t *peer)
{
    return rsmi_gate_cut(self_of_peer(peer)->conn.gate);
}

static bool self_move(rsmg_peer_t *peer, uint32_t version)
{
    self_t *self = self_of_peer(peer);

    atomic_store(&self->wanted, version);
    return rsmi_gate_move(self->conn.gate);
}

/* Straight to the counter: through the import's handle, this call could be the last to leave a
 * connection that is being cut, and would have to answer under the export's lock. */
static void self_notify(rsmg_peer_t *peer, bool no_accumulate)
{
    rsmi_event_post(self_of_peer(peer)->import_event, no_accumulate, no_accumulate ? 0 : 1);
}

static const rsmg_conn_ops_t conn_ops = {
    .size = sizeof(rsmg_conn_ops_t),
    .name = "self",
    .put = self_put,
    .get = self_get,
    .flush = self_flush,
    .flush_local = self_flush,
    .renew = self_renew,
    .post = self_post,
    .drained = self_drained,
    .disconnect = self_disconnect,
};

static const rsmg_peer_ops_t peer_ops = {
    .size = sizeof(rsmg_peer_ops_t), .cut = self_cut, .move = self_move, .notify = self_notify};

int rsmi_self_connect(void *core, uint32_t node, const rsmg_ask_t *ask, rsmi_gate_t *gate,
                      rsmi_event_t *event, rsmg_conn_t **conn_p)
{
    self_t *self = rsmi_alloc(sizeof *self);
    int rc;

    RSMI_CHECK(self != NULL, RSMERR_INSUFFICIENT_MEM);
    self->conn.ops = &conn_ops;
    self->conn.gate = gate;
    self->peer.ops = &peer_ops;
    self->peer.patience_ms = 10000; /* our own thread is inside a copy: it will come out */
    self->core = core;
    self->import_event = event;
    rsmi_event_get(event);
    *conn_p = &self->conn;
    rc = rsmi_export_admit(core, node, ask, &self->peer, &self->grant);
    if (rc != RSM_SUCCESS) {
        *conn_p = NULL;
        rsmi_event_put(event);
        rsmi_free(self);
        return rc;
    }
    self->conn.length = self->grant.length;
    if (rsmi_gate_is_cut(gate)) { /* another thread unpublished it meanwhile */
        self_disconnect(&self->conn);
        *conn_p = NULL;
        return RSMERR_INTERRUPTED;
    }
    return RSM_SUCCESS;
}
