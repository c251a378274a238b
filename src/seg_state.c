/* SPDX-License-Identifier: BSD-3-Clause */
/* The transition tables; see seg_state.h. Reference 10.1 (export), 16.2 (barrier). */
#include "seg_state.h"

#include "rsmapi.h"

/* clang-format off */
#define GO(state) {(state), RSM_SUCCESS}
#define NO(state, code) {(state), (code)}

static const rsmi_step_t export_steps[RSMI_EXPORT_STATES][RSMI_EXPORT_CALLS] = {
    [RSMI_EXPORT_CREATED] = {
        [RSMI_EXPORT_PUBLISH]   = GO(RSMI_EXPORT_PUBLISHED),
        [RSMI_EXPORT_UNPUBLISH] = NO(RSMI_EXPORT_CREATED, RSMERR_SEG_NOT_PUBLISHED),
        [RSMI_EXPORT_ADMIT]     = NO(RSMI_EXPORT_CREATED, RSMERR_SEG_NOT_PUBLISHED),
    },
    [RSMI_EXPORT_PUBLISHED] = {
        [RSMI_EXPORT_PUBLISH]   = NO(RSMI_EXPORT_PUBLISHED, RSMERR_SEG_ALREADY_PUBLISHED),
        [RSMI_EXPORT_UNPUBLISH] = GO(RSMI_EXPORT_CREATED),
        [RSMI_EXPORT_ADMIT]     = GO(RSMI_EXPORT_PUBLISHED),
    },
    [RSMI_EXPORT_WITHDRAWING] = {
        [RSMI_EXPORT_PUBLISH]   = NO(RSMI_EXPORT_WITHDRAWING, RSMERR_SEG_ALREADY_PUBLISHED),
        [RSMI_EXPORT_UNPUBLISH] = GO(RSMI_EXPORT_CREATED),
        [RSMI_EXPORT_ADMIT]     = NO(RSMI_EXPORT_WITHDRAWING, RSMERR_SEG_NOT_PUBLISHED),
    },
};

static const rsmi_step_t barrier_steps[RSMI_BARRIER_STATES][RSMI_BARRIER_CALLS] = {
    [RSMI_BARRIER_NONE] = {
        [RSMI_BARRIER_INIT]    = GO(RSMI_BARRIER_INITIALISED),
        [RSMI_BARRIER_OPENING] = NO(RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED),
        [RSMI_BARRIER_ORDER]   = NO(RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED),
        [RSMI_BARRIER_CLOSE]   = NO(RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED),
        [RSMI_BARRIER_DESTROY] = NO(RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED),
    },
    [RSMI_BARRIER_INITIALISED] = {
        [RSMI_BARRIER_INIT]    = GO(RSMI_BARRIER_INITIALISED),
        [RSMI_BARRIER_OPENING] = GO(RSMI_BARRIER_OPEN),
        [RSMI_BARRIER_ORDER]   = NO(RSMI_BARRIER_INITIALISED, RSMERR_BARRIER_NOT_OPENED),
        [RSMI_BARRIER_CLOSE]   = NO(RSMI_BARRIER_INITIALISED, RSMERR_BARRIER_NOT_OPENED),
        [RSMI_BARRIER_DESTROY] = GO(RSMI_BARRIER_NONE),
    },
    [RSMI_BARRIER_OPEN] = {
        [RSMI_BARRIER_INIT]    = GO(RSMI_BARRIER_INITIALISED),
        [RSMI_BARRIER_OPENING] = GO(RSMI_BARRIER_OPEN),
        [RSMI_BARRIER_ORDER]   = GO(RSMI_BARRIER_OPEN),
        [RSMI_BARRIER_CLOSE]   = GO(RSMI_BARRIER_INITIALISED),
        [RSMI_BARRIER_DESTROY] = GO(RSMI_BARRIER_NONE),
    },
};

static const char *const export_names[RSMI_EXPORT_STATES] = {
    [RSMI_EXPORT_CREATED]     = "CREATED",
    [RSMI_EXPORT_PUBLISHED]   = "PUBLISHED",
    [RSMI_EXPORT_WITHDRAWING] = "WITHDRAWING",
};
/* clang-format on */

rsmi_step_t rsmi_export_step(rsmi_export_state_t state, rsmi_export_call_t call)
{
    return export_steps[state][call];
}

rsmi_step_t rsmi_barrier_step(rsmi_barrier_state_t state, rsmi_barrier_call_t call)
{
    return barrier_steps[state][call];
}

const char *rsmi_export_state_name(rsmi_export_state_t state)
{
    return export_names[state];
}
