/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to segments (reference 11) and the barrier mode of a handle (16.8). Knows rights and
 * nodes; must not know how a connection is made.
 *
 * The handle's gate is given to the glue before the connection exists: an exporter may withdraw
 * the segment while the connect is under way, and that cut must find its mark.
 *
 * After a rebind (MOVED in the gate) one thread renews the connection, others wait for it.
 * Meanwhile all of them are late calls, so the exporter's next question never waits for them. The
 * renewing thread waits until those that came before the move are out: they transfer in the old
 * memory, and the way there is about to go.
 */
#include "import.h"

#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "export.h"
#include "handle.h"
#include "last_error.h"
#include "lock.h"
#include "nap.h"
#include "self.h"
#include "trace.h"

int rsmi_import_flush(rsmi_import_t *imp)
{
    rsmg_conn_t *conn = imp->conn;
    uint64_t issued = atomic_load_explicit(&conn->issued, memory_order_acquire);
    uint64_t flushed = atomic_load_explicit(&conn->flushed, memory_order_acquire);
    int rc;

    if (issued == flushed) {
        return RSM_SUCCESS;
    }
    rsmi_lock_none_held();
    rc = conn->ops->flush(conn);
    if (rc != RSM_SUCCESS) {
        rsmi_import_failed(imp);
        return rc;
    }
    /* Another thread's flush may have covered more meanwhile; going back costs one flush. */
    atomic_store_explicit(&conn->flushed, issued, memory_order_release);
    return RSM_SUCCESS;
}

/** Wait for the right to change the way, and take it. */
static void take_turn(rsmi_import_t *imp)
{
    rsmi_lock(&imp->lock);
    while (imp->renewing) {
        rsmi_lock_wait(&imp->lock, &imp->changed);
    }
    imp->renewing = true;
    rsmi_unlock(&imp->lock);
}

static void end_turn(rsmi_import_t *imp)
{
    rsmi_lock(&imp->lock);
    imp->renewing = false;
    (void)pthread_cond_broadcast(&imp->changed);
    rsmi_unlock(&imp->lock);
}

/** This thread's turn. */
static int renew(rsmi_import_t *imp)
{
    rsmi_gate_t *gate = imp->gate;
    rsmi_nap_t nap = RSMI_NAP_INIT;

    if ((atomic_load(gate) & RSMI_GATE_MOVED) == 0) {
        return RSM_SUCCESS; /* another thread was faster */
    }
    for (;;) {
        uint64_t word = atomic_load_explicit(gate, memory_order_acquire);

        if ((word & RSMI_GATE_INSIDE) == 0) {
            break;
        }
        /* A disconnect that came before the move is inside and waits for us to leave. */
        RSMI_CHECK((word & RSMI_GATE_CLOSED) == 0, RSMERR_BAD_SEG_HNDL);
        rsmi_nap(&nap);
    }
    rsmi_lock_none_held();
    return imp->conn->ops->renew(imp->conn);
}

int rsmi_import_follow(rsmi_import_t *imp, uint64_t *ticket_p)
{
    rsmi_gate_t *gate = imp->gate;
    int rc = RSM_SUCCESS;

    while (rc == RSM_SUCCESS && !rsmi_gate_promote(gate, ticket_p)) {
        RSMI_CHECK(!rsmi_gate_is_cut(gate), RSMERR_CONN_ABORTED);
        take_turn(imp);
        rc = renew(imp);
        end_turn(imp);
    }
    /* The sources know one code for it in a transfer (reference, appendix A). */
    return rc == RSMERR_INSUFFICIENT_MEM ? RSMERR_INSUFFICIENT_RESOURCES : rc;
}

int rsmi_import_flush_late(rsmi_import_t *imp)
{
    int rc;

    take_turn(imp); /* no renew meanwhile, which may take the way apart */
    rc = rsmi_import_flush(imp);
    end_turn(imp);
    return rc;
}

static void free_import(rsmi_import_t *imp)
{
    if (imp->handle != 0) {
        rsmi_handle_free(imp->handle);
    }
    if (imp->event != NULL) {
        rsmi_event_put(imp->event);
    }
    (void)pthread_cond_destroy(&imp->changed);
    rsmi_lock_destroy(&imp->lock);
    rsmi_free(imp);
}

/** Who we are, for the exporter to judge. The groups are the caller's to free. */
static int describe_self(rsm_memseg_id_t segment_id, rsm_permission_t perm, rsmg_ask_t *ask,
                         gid_t **groups_p)
{
    int count = getgroups(0, NULL);
    gid_t *groups = NULL;

    if (count > 0) {
        groups = rsmi_alloc_array((size_t)count, sizeof *groups);
        RSMI_CHECK(groups != NULL, RSMERR_INSUFFICIENT_MEM);
        count = getgroups(count, groups);
    }
    ask->segment_id = segment_id;
    ask->perm = perm;
    ask->uid = geteuid();
    ask->gid = getegid();
    ask->groups = groups;
    ask->group_count = count > 0 ? (uint32_t)count : 0;
    *groups_p = groups;
    return RSM_SUCCESS;
}

/** The import object with its handle still closed. */
static int make(rsmi_controller_t *ctl, uint64_t ctl_handle, uint32_t node, rsm_permission_t perm,
                rsmi_import_t **imp_p)
{
    rsmi_import_t *imp = rsmi_alloc(sizeof *imp);

    RSMI_CHECK(imp != NULL, RSMERR_INSUFFICIENT_MEM);
    imp->ctl = ctl;
    imp->ctl_handle = ctl_handle;
    imp->node = node;
    imp->perm = perm;
    atomic_init(&imp->mode, RSM_BARRIER_MODE_IMPLICIT);
    atomic_init(&imp->barrier, NULL);
    rsmi_lock_init(&imp->lock, RSMI_RANK_IMPORT);
    (void)pthread_cond_init(&imp->changed, NULL);
    imp->event = rsmi_event_create();
    imp->handle = imp->event == NULL ? 0 : rsmi_handle_alloc(RSMI_CLASS_IMPORT, imp);
    if (imp->handle == 0) {
        free_import(imp);
        return RSMERR_INSUFFICIENT_MEM;
    }
    imp->gate = rsmi_handle_gate(imp->handle);
    *imp_p = imp;
    return RSM_SUCCESS;
}

static int connect_to(rsmi_controller_t *ctl, rsmi_import_t *imp, rsm_memseg_id_t segment_id)
{
    rsmg_ask_t ask;
    gid_t *groups;
    int rc;

    RSMI_TRY(describe_self(segment_id, imp->perm, &ask, &groups));
    /* Open before the connection exists, so that events of an exporter that posts at once find
     * their counter. Nobody else has the handle yet. */
    rsmi_handle_open(imp->handle);
    rsmi_lock_none_held();
    if (imp->node == rsmi_controller_node(ctl)) {
        rc = rsmi_self_connect(ctl, ctl->facts.node, &ask, imp->gate, imp->event, &imp->conn);
    } else {
        rc = ctl->ops->connect(ctl->port, imp->node, &ask, imp->gate, imp->handle, &imp->conn);
    }
    rsmi_free(groups);
    if (rc != RSM_SUCCESS) {
        (void)rsmi_handle_enter(RSMI_CLASS_IMPORT, imp->handle, NULL);
        (void)rsmi_handle_close(imp->handle);
    }
    return rc;
}

static int check_and_connect(rsmapi_controller_handle_t controller, rsm_node_id_t node_id,
                             rsm_memseg_id_t segment_id, rsm_permission_t perm,
                             rsm_memseg_import_handle_t *im_memseg)
{
    rsmi_controller_t *ctl;
    rsmi_import_t *imp = NULL;
    int rc;

    if (im_memseg != NULL) {
        *im_memseg = NULL;
    }
    ctl = rsmi_controller_enter(controller);
    RSMI_CHECK(ctl != NULL, RSMERR_BAD_CTLR_HNDL);
    if (im_memseg == NULL) {
        rc = RSMERR_BAD_SEG_HNDL;
    } else if ((perm & ~(rsm_permission_t)RSM_PERM_RDWR) != 0) {
        rc = RSMERR_PERM_DENIED;
    } else if (rsmi_controller_ended(ctl)) {
        rc = RSMERR_CTLR_NOT_PRESENT;
    } else if (rsmi_controller_is_loopback(ctl) && node_id != rsmi_controller_node(ctl)) {
        rc = RSMERR_CTLR_NOT_PRESENT;
    } else if (!rsmi_controller_is_loopback(ctl) && node_id >= ctl->facts.nodes) {
        rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    } else {
        rc = make(ctl, rsmi_handle_from_ptr(controller), node_id, perm, &imp);
    }
    if (rc == RSM_SUCCESS) {
        rc = connect_to(ctl, imp, segment_id);
        if (rc == RSM_SUCCESS) {
            *im_memseg = rsmi_handle_to_ptr(imp->handle);
        } else {
            free_import(imp);
        }
    }
    rsmi_controller_leave(controller);
    return rc;
}

int rsm_memseg_import_connect(rsmapi_controller_handle_t controller, rsm_node_id_t node_id,
                              rsm_memseg_id_t segment_id, rsm_permission_t perm,
                              rsm_memseg_import_handle_t *im_memseg)
{
    int rc = check_and_connect(controller, node_id, segment_id, perm, im_memseg);

    return rc == RSM_SUCCESS ? rc : rsmi_blame(rc, RSMX_NO_ENTRY, 0, 0);
}

static bool is_mapped(rsmi_import_t *imp)
{
    bool mapped;

    rsmi_lock(&imp->lock);
    mapped = imp->mapped != NULL || imp->mapping;
    rsmi_unlock(&imp->lock);
    return mapped;
}

/** Close the handle, unless something forbids it (reference 11.3). The caller is inside. */
static int close_import(rsmi_import_t *imp)
{
    int rc = RSM_SUCCESS;

    /* Looked at before the handle is closed, as others may go on using it. */
    RSMI_CHECK(!is_mapped(imp), RSMERR_SEG_STILL_MAPPED);
    RSMI_CHECK(!rsmi_event_is_polled(imp->event), RSMERR_POLLFD_IN_USE);
    RSMI_CHECK(rsmi_handle_close(imp->handle), RSMERR_BAD_SEG_HNDL); /* another disconnects it */
    if (is_mapped(imp)) {
        rc = RSMERR_SEG_STILL_MAPPED;
    } else if (!rsmi_event_close(imp->event)) {
        rc = RSMERR_POLLFD_IN_USE;
    }
    if (rc != RSM_SUCCESS) {
        rsmi_handle_reopen(imp->handle);
    }
    return rc;
}

int rsm_memseg_import_disconnect(rsm_memseg_import_handle_t im_memseg)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    rc = close_import(imp);
    if (rc != RSM_SUCCESS) {
        rsmi_import_leave(imp, ticket);
        return rc;
    }
    rsmi_lock_none_held();
    imp->conn->ops->disconnect(imp->conn);
    free_import(imp);
    return RSM_SUCCESS;
}

int rsm_memseg_import_get_mode(rsm_memseg_import_handle_t im_memseg, rsm_barrier_mode_t *mode)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (mode == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else {
        *mode = (rsm_barrier_mode_t)atomic_load_explicit(&imp->mode, memory_order_relaxed);
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}

int rsm_memseg_import_set_mode(rsm_memseg_import_handle_t im_memseg, rsm_barrier_mode_t mode)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (mode != RSM_BARRIER_MODE_EXPLICIT && mode != RSM_BARRIER_MODE_IMPLICIT) {
        rc = RSMERR_BAD_MODE;
    } else {
        atomic_store_explicit(&imp->mode, (int)mode, memory_order_relaxed);
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}

rsmi_event_t *rsmi_import_event(uint64_t handle)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(handle, &ticket);
    rsmi_event_t *event;

    if (imp == NULL) {
        return NULL;
    }
    event = imp->event;
    rsmi_event_get(event);
    rsmi_import_leave(imp, ticket);
    return event;
}
