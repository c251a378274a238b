/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: every cell of the two life-cycle tables against tables written from the reference.
 * Proves: 10.1 (export; with a state for "the cut is not confirmed yet" that 10.5 and statement 17
 * imply), 16.2 with 16.3 to 16.7 (barrier, portable profile); statement 43.
 * Knows src/seg_state.h only.
 */
#include "seg_state.h"
#include "rsmapi.h"
#include "t.h"

typedef struct cell {
    int state;
    int call;
    int next;
    int code;
} cell_t;

/* clang-format off */
static const cell_t export_cells[] = {
    /* 10.1, column "in Created" */
    {RSMI_EXPORT_CREATED, RSMI_EXPORT_PUBLISH, RSMI_EXPORT_PUBLISHED, RSM_SUCCESS},
    {RSMI_EXPORT_CREATED, RSMI_EXPORT_REPUBLISH, RSMI_EXPORT_CREATED, RSMERR_SEG_NOT_PUBLISHED},
    {RSMI_EXPORT_CREATED, RSMI_EXPORT_UNPUBLISH, RSMI_EXPORT_CREATED, RSMERR_SEG_NOT_PUBLISHED},
    {RSMI_EXPORT_CREATED, RSMI_EXPORT_REBIND, RSMI_EXPORT_CREATED, RSM_SUCCESS},
    {RSMI_EXPORT_CREATED, RSMI_EXPORT_ADMIT, RSMI_EXPORT_CREATED, RSMERR_SEG_NOT_PUBLISHED},
    /* column "in Published" */
    {RSMI_EXPORT_PUBLISHED, RSMI_EXPORT_PUBLISH, RSMI_EXPORT_PUBLISHED, RSMERR_SEG_ALREADY_PUBLISHED},
    {RSMI_EXPORT_PUBLISHED, RSMI_EXPORT_REPUBLISH, RSMI_EXPORT_PUBLISHED, RSM_SUCCESS},
    {RSMI_EXPORT_PUBLISHED, RSMI_EXPORT_UNPUBLISH, RSMI_EXPORT_CREATED, RSM_SUCCESS},
    {RSMI_EXPORT_PUBLISHED, RSMI_EXPORT_REBIND, RSMI_EXPORT_PUBLISHED, RSM_SUCCESS},
    {RSMI_EXPORT_PUBLISHED, RSMI_EXPORT_ADMIT, RSMI_EXPORT_PUBLISHED, RSM_SUCCESS},
    /* unpublish gave INTERRUPTED: new connects are refused (10.5, 2), the call is repeated; 10.7 */
    {RSMI_EXPORT_WITHDRAWING, RSMI_EXPORT_PUBLISH, RSMI_EXPORT_WITHDRAWING, RSMERR_SEG_ALREADY_PUBLISHED},
    {RSMI_EXPORT_WITHDRAWING, RSMI_EXPORT_REPUBLISH, RSMI_EXPORT_WITHDRAWING, RSMERR_SEG_NOT_PUBLISHED},
    {RSMI_EXPORT_WITHDRAWING, RSMI_EXPORT_UNPUBLISH, RSMI_EXPORT_CREATED, RSM_SUCCESS},
    {RSMI_EXPORT_WITHDRAWING, RSMI_EXPORT_REBIND, RSMI_EXPORT_WITHDRAWING, RSM_SUCCESS},
    {RSMI_EXPORT_WITHDRAWING, RSMI_EXPORT_ADMIT, RSMI_EXPORT_WITHDRAWING, RSMERR_SEG_NOT_PUBLISHED},
};

static const cell_t barrier_cells[] = {
    /* 16.2, column "Uninitialised"; init: 16.3 */
    {RSMI_BARRIER_NONE, RSMI_BARRIER_INIT, RSMI_BARRIER_INITIALISED, RSM_SUCCESS},
    {RSMI_BARRIER_NONE, RSMI_BARRIER_OPENING, RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED},
    {RSMI_BARRIER_NONE, RSMI_BARRIER_ORDER, RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED},
    {RSMI_BARRIER_NONE, RSMI_BARRIER_CLOSE, RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED},
    {RSMI_BARRIER_NONE, RSMI_BARRIER_DESTROY, RSMI_BARRIER_NONE, RSMERR_BARRIER_UNINITIALIZED},
    /* column "Initialised, not open" */
    {RSMI_BARRIER_INITIALISED, RSMI_BARRIER_INIT, RSMI_BARRIER_INITIALISED, RSM_SUCCESS},
    {RSMI_BARRIER_INITIALISED, RSMI_BARRIER_OPENING, RSMI_BARRIER_OPEN, RSM_SUCCESS},
    {RSMI_BARRIER_INITIALISED, RSMI_BARRIER_ORDER, RSMI_BARRIER_INITIALISED, RSMERR_BARRIER_NOT_OPENED},
    {RSMI_BARRIER_INITIALISED, RSMI_BARRIER_CLOSE, RSMI_BARRIER_INITIALISED, RSMERR_BARRIER_NOT_OPENED},
    {RSMI_BARRIER_INITIALISED, RSMI_BARRIER_DESTROY, RSMI_BARRIER_NONE, RSM_SUCCESS},
    /* column "Open" */
    {RSMI_BARRIER_OPEN, RSMI_BARRIER_INIT, RSMI_BARRIER_INITIALISED, RSM_SUCCESS},
    {RSMI_BARRIER_OPEN, RSMI_BARRIER_OPENING, RSMI_BARRIER_OPEN, RSM_SUCCESS},
    {RSMI_BARRIER_OPEN, RSMI_BARRIER_ORDER, RSMI_BARRIER_OPEN, RSM_SUCCESS},
    {RSMI_BARRIER_OPEN, RSMI_BARRIER_CLOSE, RSMI_BARRIER_INITIALISED, RSM_SUCCESS},
    {RSMI_BARRIER_OPEN, RSMI_BARRIER_DESTROY, RSMI_BARRIER_NONE, RSM_SUCCESS},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

int main(void)
{
    _Static_assert(COUNT(export_cells) == (size_t)RSMI_EXPORT_STATES * RSMI_EXPORT_CALLS,
                   "a cell of the export table has no line here");
    _Static_assert(COUNT(barrier_cells) == (size_t)RSMI_BARRIER_STATES * RSMI_BARRIER_CALLS,
                   "a cell of the barrier table has no line here");

    for (unsigned i = 0; i < COUNT(export_cells); i++) {
        const cell_t *cell = &export_cells[i];
        rsmi_step_t step =
            rsmi_export_step((rsmi_export_state_t)cell->state, (rsmi_export_call_t)cell->call);

        t_note("export state %d, call %d", cell->state, cell->call);
        t_expect_code(step.code, cell->code);
        t_expect_eq(step.next, cell->next);
    }
    for (unsigned i = 0; i < COUNT(barrier_cells); i++) {
        const cell_t *cell = &barrier_cells[i];
        rsmi_step_t step =
            rsmi_barrier_step((rsmi_barrier_state_t)cell->state, (rsmi_barrier_call_t)cell->call);

        t_note("barrier state %d, call %d", cell->state, cell->call);
        t_expect_code(step.code, cell->code);
        t_expect_eq(step.next, cell->next);
    }
    t_note("names");
    t_expect_str(rsmi_export_state_name(RSMI_EXPORT_CREATED), "CREATED");
    t_expect_str(rsmi_export_state_name(RSMI_EXPORT_PUBLISHED), "PUBLISHED");
    t_expect_str(rsmi_export_state_name(RSMI_EXPORT_WITHDRAWING), "WITHDRAWING");
    return t_finish();
}
