/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life cycles as data: for each state and each call the next state and the code. Public functions
 * ask the table; nobody else decides. Knows no object.
 *
 * WITHDRAWING is ours (reference 10.1 has none): the id is gone, new connects are refused, but an
 * importer has not yet confirmed the cut. unpublish and destroy go on from there; rebind works, and
 * frees the old memory only when the importers have confirmed.
 */
#ifndef RSMI_SEG_STATE_H
#define RSMI_SEG_STATE_H

typedef enum rsmi_export_state {
    RSMI_EXPORT_CREATED,
    RSMI_EXPORT_PUBLISHED,
    RSMI_EXPORT_WITHDRAWING,
    RSMI_EXPORT_STATES
} rsmi_export_state_t;

typedef enum rsmi_export_call {
    RSMI_EXPORT_PUBLISH,
    RSMI_EXPORT_REPUBLISH,
    RSMI_EXPORT_UNPUBLISH, /* next state: once all cuts are confirmed */
    RSMI_EXPORT_REBIND,
    RSMI_EXPORT_ADMIT, /* an importer connects */
    RSMI_EXPORT_CALLS
} rsmi_export_call_t;

typedef enum rsmi_barrier_state {
    RSMI_BARRIER_NONE,
    RSMI_BARRIER_INITIALISED,
    RSMI_BARRIER_OPEN,
    RSMI_BARRIER_STATES
} rsmi_barrier_state_t;

typedef enum rsmi_barrier_call {
    RSMI_BARRIER_INIT,
    RSMI_BARRIER_OPENING,
    RSMI_BARRIER_ORDER,
    RSMI_BARRIER_CLOSE,
    RSMI_BARRIER_DESTROY,
    RSMI_BARRIER_CALLS
} rsmi_barrier_call_t;

typedef struct rsmi_step {
    int next; /* state after success; the same state where the call is refused */
    int code; /* RSM_SUCCESS: allowed */
} rsmi_step_t;

rsmi_step_t rsmi_export_step(rsmi_export_state_t state, rsmi_export_call_t call);
rsmi_step_t rsmi_barrier_step(rsmi_barrier_state_t state, rsmi_barrier_call_t call);

const char *rsmi_export_state_name(rsmi_export_state_t state);

#endif
