/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Barrier objects (reference 16). The object is the caller's; what it holds:
 *   seg       the import handle it is bound to; NULL: uninitialised
 *   gnum      its state (rsmi_barrier_state_t)
 *   privdata  the import's failure count when the barrier was opened
 * The import remembers which object is its current barrier, for put and get in implicit mode; it
 * compares the address and never looks inside.
 * A cut needs no generation: it is permanent for the handle, so close() finds it in the gate.
 */
#include <stdint.h>

#include "check.h"
#include "handle.h"
#include "import.h"
#include "last_error.h"
#include "lock.h"
#include "seg_state.h"

/** Enter the import that `barrier` is bound to; NULL: unbound, or disconnected meanwhile. */
static rsmi_import_t *enter(const rsmapi_barrier_t *barrier, uint64_t *ticket_p)
{
    return barrier->seg == NULL ? NULL
                                : rsmi_import_enter(rsmi_handle_from_ptr(barrier->seg), ticket_p);
}

static rsmi_barrier_state_t state_of(const rsmapi_barrier_t *barrier)
{
    return barrier->gnum < RSMI_BARRIER_STATES ? (rsmi_barrier_state_t)barrier->gnum
                                               : RSMI_BARRIER_NONE;
}

/** Remember it, if it is a failure. */
static int blame(int rc)
{
    return rc == RSM_SUCCESS ? rc : rsmi_blame(rc, RSMX_NO_ENTRY, 0, 0);
}

/** The failure count as a barrier remembers it. */
static void *snapshot(rsmi_slot_t *slot)
{
    return (void *)(uintptr_t)atomic_load(&slot->failures);
}

/** An import handle's current barrier is `barrier` no more. */
static void unmake_current(rsmi_import_t *imp, const rsmapi_barrier_t *barrier)
{
    const rsmapi_barrier_t *current = barrier;

    (void)atomic_compare_exchange_strong(&imp->barrier, &current, NULL);
}

/** An object that is bound elsewhere is bound anew: the earlier handle loses it. */
static void unbind(const rsmapi_barrier_t *barrier)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = enter(barrier, &ticket);

    if (imp != NULL) {
        unmake_current(imp, barrier);
        rsmi_import_leave(imp, ticket);
    }
}

static int init(rsm_memseg_import_handle_t im_memseg, rsmapi_barrier_t *barrier)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (barrier == NULL) {
        rc = RSMERR_BAD_BARRIER_PTR;
    } else {
        if (barrier->seg != (void *)im_memseg) { /* else it stays current all the time */
            unbind(barrier);
        }
        atomic_store(&imp->barrier, barrier);
        barrier->seg = im_memseg;
        barrier->gnum = RSMI_BARRIER_INITIALISED;
        barrier->privdata = NULL;
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}

int rsm_memseg_import_init_barrier(rsm_memseg_import_handle_t im_memseg, rsm_barrier_type_t type,
                                   rsmapi_barrier_t *barrier)
{
    (void)type; /* every type has segment scope (reference B1) */
    return blame(init(im_memseg, barrier));
}

static int open_span(rsmapi_barrier_t *barrier)
{
    rsmi_slot_t *slot;
    rsmi_step_t step;

    RSMI_CHECK(barrier != NULL, RSMERR_BAD_BARRIER_PTR);
    slot = rsmi_handle_look(RSMI_CLASS_IMPORT, rsmi_handle_from_ptr(barrier->seg));
    RSMI_CHECK(slot != NULL, RSMERR_BARRIER_UNINITIALIZED);
    step = rsmi_barrier_step(state_of(barrier), RSMI_BARRIER_OPENING);
    RSMI_TRY(step.code);
    barrier->privdata = snapshot(slot);
    barrier->gnum = (uint16_t)step.next;
    return RSM_SUCCESS;
}

int rsm_memseg_import_open_barrier(rsmapi_barrier_t *barrier)
{
    return blame(open_span(barrier));
}

/**
 * Complete what the barrier covers and say how it went. After a cut too: what was issued before it
 * may still be on its way, and the program may reuse its buffers once the barrier is closed,
 * whatever the result.
 */
static int settle(rsmi_import_t *imp, const rsmapi_barrier_t *barrier, uint64_t ticket)
{
    bool cut = rsmi_import_is_cut(ticket);
    /* After a move there is mostly nothing left to complete, and no need to follow it for that. */
    int rc =
        cut || rsmi_import_is_moved(ticket) ? rsmi_import_flush_late(imp) : rsmi_import_flush(imp);

    RSMI_CHECK(!cut, RSMERR_CONN_ABORTED);
    RSMI_TRY(rc);
    RSMI_CHECK(snapshot(rsmi_handle_slot(imp->handle)) == barrier->privdata,
               RSMERR_BARRIER_FAILURE);
    return RSM_SUCCESS;
}

static int settle_call(rsmapi_barrier_t *barrier, rsmi_barrier_call_t call)
{
    rsmi_import_t *imp;
    rsmi_step_t step;
    uint64_t ticket = 0;
    int rc;

    RSMI_CHECK(barrier != NULL, RSMERR_BAD_BARRIER_PTR);
    imp = enter(barrier, &ticket);
    RSMI_CHECK(imp != NULL, RSMERR_BARRIER_UNINITIALIZED);
    step = rsmi_barrier_step(state_of(barrier), call);
    rc = step.code;
    if (rc == RSM_SUCCESS) {
        rc = settle(imp, barrier, ticket);
        barrier->gnum = (uint16_t)step.next; /* whatever the result (reference 16.6) */
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}

int rsm_memseg_import_order_barrier(rsmapi_barrier_t *barrier)
{
    return blame(settle_call(barrier, RSMI_BARRIER_ORDER));
}

int rsm_memseg_import_close_barrier(rsmapi_barrier_t *barrier)
{
    return blame(settle_call(barrier, RSMI_BARRIER_CLOSE));
}

static int destroy(rsmapi_barrier_t *barrier)
{
    rsmi_import_t *imp;
    uint64_t ticket = 0;
    rsmi_step_t step;

    RSMI_CHECK(barrier != NULL, RSMERR_BAD_BARRIER_PTR);
    imp = enter(barrier, &ticket);
    RSMI_CHECK(imp != NULL, RSMERR_BARRIER_UNINITIALIZED);
    step = rsmi_barrier_step(state_of(barrier), RSMI_BARRIER_DESTROY);
    if (step.code == RSM_SUCCESS) {
        unmake_current(imp, barrier);
        barrier->seg = NULL;
        barrier->gnum = (uint16_t)step.next;
        barrier->privdata = NULL;
    }
    rsmi_import_leave(imp, ticket);
    return step.code;
}

int rsm_memseg_import_destroy_barrier(rsmapi_barrier_t *barrier)
{
    return blame(destroy(barrier));
}
