/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connecting to segments (reference 11) and the barrier mode of a handle (16.8). Knows rights and
 * nodes; must not know how a connection is made.
 *
 * The handle's gate is given to the glue before the connection exists: an exporter may withdraw
 * the segment while the connect is under way, and that cut must find its mark.
 */
#include "import.h"

#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "export.h"
#include "handle.h"
#include "lock.h"
#include "self.h"
#include "trace.h"

rsmi_import_t *rsmi_import_enter(uint64_t handle, uint64_t *ticket_p)
{
    return rsmi_handle_enter(RSMI_CLASS_IMPORT, handle, ticket_p);
}

void rsmi_import_leave(rsmi_import_t *imp, uint64_t ticket)
{
    while (rsmi_handle_leave(imp->handle, ticket)) {
        imp->conn->ops->drained(imp->conn);
    }
}

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

static void free_import(rsmi_import_t *imp)
{
    if (imp->handle != 0) {
        rsmi_handle_free(imp->handle);
    }
    if (imp->event != NULL) {
        rsmi_event_put(imp->event);
    }
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
    imp->event = rsmi_event_create();
    imp->handle = imp->event == NULL ? 0 : rsmi_handle_alloc(RSMI_CLASS_IMPORT, imp);
    if (imp->handle == 0) {
        free_import(imp);
        return RSMERR_INSUFFICIENT_MEM;
    }
    *imp_p = imp;
    return RSM_SUCCESS;
}

static int connect_to(rsmi_controller_t *ctl, rsmi_import_t *imp, rsm_memseg_id_t segment_id)
{
    rsmi_gate_t *gate = rsmi_handle_gate(imp->handle);
    rsmg_ask_t ask;
    gid_t *groups;
    int rc;

    RSMI_TRY(describe_self(segment_id, imp->perm, &ask, &groups));
    /* Open before the connection exists, so that events of an exporter that posts at once find
     * their counter. Nobody else has the handle yet. */
    rsmi_handle_open(imp->handle);
    rsmi_lock_none_held();
    if (imp->node == ctl->facts.node) {
        rc = rsmi_self_connect(ctl, imp->node, &ask, gate, imp->event, &imp->conn);
    } else {
        rc = ctl->ops->connect(ctl->port, imp->node, &ask, gate, imp->handle, &imp->conn);
    }
    rsmi_free(groups);
    if (rc != RSM_SUCCESS) {
        (void)rsmi_handle_enter(RSMI_CLASS_IMPORT, imp->handle, NULL);
        (void)rsmi_handle_close(imp->handle);
    }
    return rc;
}

int rsm_memseg_import_connect(rsmapi_controller_handle_t controller, rsm_node_id_t node_id,
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
    } else if (node_id >= ctl->facts.nodes) {
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

int rsm_memseg_import_disconnect(rsm_memseg_import_handle_t im_memseg)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (!rsmi_handle_close(imp->handle)) {
        rsmi_import_leave(imp, ticket); /* another thread disconnects it */
        return RSMERR_BAD_SEG_HNDL;
    }
    rsmi_event_close(imp->event);
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

void rsmi_event_arrived(void *core, uint64_t handle, bool no_accumulate, uint32_t count)
{
    rsmi_event_t *event = rsmi_handle_class(handle) == RSMI_CLASS_EXPORT
                              ? rsmi_export_event(handle)
                              : rsmi_import_event(handle);

    (void)core;
    if (event != NULL) {
        rsmi_event_post(event, no_accumulate, count);
        rsmi_event_put(event);
    }
}
