/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The importer's side as other files see it: the object behind an import handle, how to enter and
 * leave it, and the events that a glue delivers.
 */
#ifndef RSMI_IMPORT_H
#define RSMI_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "controller.h"
#include "event.h"
#include "glue.h"
#include "handle.h"
#include "lock.h"
#include "rsmapi.h"

typedef struct rsmi_import {
    rsmi_controller_t *ctl; /* (c) */
    uint64_t ctl_handle;    /* (c) the controller handle it was made with */
    uint64_t handle;        /* (c) */
    rsmi_gate_t *gate;      /* (c) of the handle */
    rsmg_conn_t *conn;      /* (c) */
    uint32_t node;          /* (c) the exporter */
    rsm_permission_t perm;  /* (c) granted: what was asked for */
    rsmi_event_t *event;    /* (c) what the exporter posts */
    _Atomic int mode;       /* (a) rsm_barrier_mode_t */
    /* (a) the current barrier (reference 16.1); compared, never followed: it is the program's */
    const rsmapi_barrier_t *_Atomic barrier;
    rsmi_lock_t lock;
    pthread_cond_t changed; /* renewing, or mapping */
    bool renewing;          /* (i) a thread looks for the way to moved memory */
    bool mapping;           /* (i) a thread maps or unmaps */
    void *mapped;           /* (i) NULL: no mapping */
    size_t map_len;         /* (i) */
} rsmi_import_t;

/** Enter; NULL: not a live import handle. The ticket is for leaving; see rsmi_import_is_cut(). */
static inline rsmi_import_t *rsmi_import_enter(uint64_t handle, uint64_t *ticket_p)
{
    return rsmi_handle_enter(RSMI_CLASS_IMPORT, handle, ticket_p);
}

/** Leave; answers for a cut where this was the last call inside. */
static inline void rsmi_import_leave(rsmi_import_t *imp, uint64_t ticket)
{
    while (rsmi_gate_leave(imp->gate, ticket)) {
        imp->conn->ops->drained(imp->conn);
    }
}

/** The barrier mode now (reference 16.8). */
static inline bool rsmi_import_is_implicit(const rsmi_import_t *imp)
{
    return atomic_load_explicit(&imp->mode, memory_order_relaxed) == RSM_BARRIER_MODE_IMPLICIT;
}

/** The connection was cut before the call with this ticket entered. */
static inline bool rsmi_import_is_cut(uint64_t ticket)
{
    return (ticket & RSMI_GATE_CUT) != 0;
}

/** The segment may have moved to other memory, and a transfer has to see to the way there first. */
static inline bool rsmi_import_is_moved(uint64_t ticket)
{
    return (ticket & RSMI_GATE_MOVED) != 0;
}

/**
 * Find the way to memory that has moved, or wait for the thread that does; then this call counts as
 * one that entered now, with the new *ticket_p. May block in the transport. Errors:
 * RSMERR_CONN_ABORTED, RSMERR_INSUFFICIENT_RESOURCES. The ticket is good for leaving in any case.
 */
int rsmi_import_follow(rsmi_import_t *imp, uint64_t *ticket_p);

/** Count a failed transfer; barriers compare two readings of the count. */
static inline void rsmi_import_failed(const rsmi_import_t *imp)
{
    atomic_fetch_add(&rsmi_handle_slot(imp->handle)->failures, 1);
}

/**
 * Make everything issued in explicit mode complete, if anything is not. A failure is counted, so
 * that open barriers see it. Errors: RSMERR_BARRIER_FAILURE, RSMERR_CONN_ABORTED.
 */
int rsmi_import_flush(rsmi_import_t *imp);
/** The same for a call that entered after a cut or a move. */
int rsmi_import_flush_late(rsmi_import_t *imp);

/** The event of a live import handle, referenced; NULL: no such handle. */
rsmi_event_t *rsmi_import_event(uint64_t handle);

#endif
