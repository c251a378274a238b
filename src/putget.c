/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * put, get and their sized forms (reference 13): ten functions from one. Knows the checks and their
 * order; when a piece is complete in which mode stands in transfer.h.
 */
#include "check.h"
#include "last_error.h"
#include "lock.h"
#include "memory.h"
#include "range.h"
#include "transfer.h"

/** What a call asks for. */
typedef struct request {
    off_t offset;
    void *local;
    uint64_t items;
    unsigned width; /* bytes per item; 1: no rule of alignment */
    rsmi_direction_t direction;
} request_t;

static bool is_aligned(uint64_t value, unsigned width)
{
    return (value & (width - 1U)) == 0;
}

/** Is [offset, offset + items * width) inside the segment? */
static bool is_inside(const request_t *ask, uint64_t length)
{
    return ask->offset >= 0 && rsmi_range_has_offset(length, (uint64_t)ask->offset) &&
           rsmi_range_has_items(length, (uint64_t)ask->offset, ask->items, ask->width);
}

/** Bytes asked for, as the last error tells them; more than can be counted are not few. */
static uint64_t bytes_of(const request_t *ask)
{
    return ask->items > UINT64_MAX / ask->width ? UINT64_MAX : ask->items * ask->width;
}

/** Steps 2 to 9 of reference 13, with what was decided (docs/design.md): released, cut, unmapped.
 */
static int check(rsmi_import_t *imp, const request_t *ask, bool implicit, uint64_t ticket)
{
    RSMI_CHECK(ask->local != NULL, RSMERR_BAD_ADDR);
    RSMI_CHECK(is_aligned((uintptr_t)ask->local, ask->width), RSMERR_BAD_MEM_ALIGNMENT);
    RSMI_CHECK(is_aligned((uint64_t)ask->offset, ask->width), RSMERR_BAD_MEM_ALIGNMENT);
    RSMI_CHECK(rsmi_controller_is_held(imp->ctl, imp->ctl_handle), RSMERR_BAD_CTLR_HNDL);
    RSMI_CHECK(!rsmi_import_is_cut(ticket), RSMERR_CONN_ABORTED);
    RSMI_CHECK((imp->perm & rsmi_transfer_right(ask->direction)) != 0, RSMERR_PERM_DENIED);
    RSMI_CHECK(is_inside(ask, imp->conn->length), RSMERR_BAD_OFFSET);
    RSMI_CHECK(!implicit || atomic_load_explicit(&imp->barrier, memory_order_relaxed) != NULL,
               RSMERR_BARRIER_UNINITIALIZED);
    RSMI_CHECK(ask->items == 0 || rsmi_memory_known(ask->local, ask->items * ask->width,
                                                    rsmi_transfer_access(ask->direction)),
               RSMERR_BAD_ADDR);
    return RSM_SUCCESS;
}

/** Checked, and something to move. */
static int move(rsmi_import_t *imp, const request_t *ask, bool implicit)
{
    rsmi_when_t when = rsmi_transfer_when(implicit, ask->direction, false);
    int rc = rsmi_transfer_piece(imp, ask->direction, (uint64_t)ask->offset, ask->local,
                                 ask->items * ask->width, when);

    if (!implicit) {
        if (when != RSMI_DONE) {
            rsmi_transfer_issued(imp);
        }
        return RSM_SUCCESS; /* a failure is counted: the barrier reports it when it closes */
    }
    /* A cut during the transfer replaces its result (step 11). */
    return rsmi_gate_is_cut(imp->gate) ? RSMERR_CONN_ABORTED : rc;
}

static int transfer(rsm_memseg_import_handle_t im_memseg, const request_t *ask)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    bool implicit;
    int rc;

    RSMI_CHECK(imp != NULL, rsmi_blame(RSMERR_BAD_SEG_HNDL, RSMX_NO_ENTRY, 0, 0));
    rsmi_lock_none_held();
    implicit = rsmi_import_is_implicit(imp);
    rc = check(imp, ask, implicit, ticket);
    if (rc == RSM_SUCCESS && ask->items > 0) {
        if (rsmi_import_is_moved(ticket)) {
            rc = rsmi_import_follow(imp, &ticket);
        }
        if (rc == RSM_SUCCESS) {
            rc = move(imp, ask, implicit);
        }
    }
    rsmi_import_leave(imp, ticket);
    if (rc != RSM_SUCCESS) {
        return rsmi_blame(rc, RSMX_NO_ENTRY, (uint64_t)ask->offset, bytes_of(ask));
    }
    return RSM_SUCCESS;
}

int rsm_memseg_import_put(rsm_memseg_import_handle_t im_memseg, off_t offset, void *src_addr,
                          size_t length)
{
    request_t ask = {offset, src_addr, length, 1, RSMI_PUT};

    return transfer(im_memseg, &ask);
}

int rsm_memseg_import_get(rsm_memseg_import_handle_t im_memseg, off_t offset, void *dst_addr,
                          size_t length)
{
    request_t ask = {offset, dst_addr, length, 1, RSMI_GET};

    return transfer(im_memseg, &ask);
}

#define SIZED(name, bits, way)                                                                     \
    int rsm_memseg_import_##name##bits(rsm_memseg_import_handle_t im_memseg, off_t offset,         \
                                       uint##bits##_t *datap, ulong_t rep_cnt)                     \
    {                                                                                              \
        request_t ask = {offset, datap, rep_cnt, sizeof *datap, (way)};                            \
                                                                                                   \
        return transfer(im_memseg, &ask);                                                          \
    }

SIZED(put, 8, RSMI_PUT)
SIZED(put, 16, RSMI_PUT)
SIZED(put, 32, RSMI_PUT)
SIZED(put, 64, RSMI_PUT)
SIZED(get, 8, RSMI_GET)
SIZED(get, 16, RSMI_GET)
SIZED(get, 32, RSMI_GET)
SIZED(get, 64, RSMI_GET)
