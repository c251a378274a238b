/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scatter-gather vectors (reference 14). Knows the checks, their order, and the two barrier modes;
 * must not know how one piece moves.
 *
 * A vector is one call inside the import's gate: its transfers, the flush and the signal count as
 * one for a cut. So a cut that has returned has everything behind it, signal included.
 */
#include <stdatomic.h>

#include "check.h"
#include "env.h"
#include "handle.h"
#include "last_error.h"
#include "localmem.h"
#include "lock.h"
#include "memory.h"
#include "range.h"
#include "transfer.h"

#define SGIO_MAX 65536U /* docs/design.md, "Points that the reference leaves open" */

/**
 * Be inside the object of `handle`, and of no other: *held_p, from one entry of a vector to the
 * next, since they mostly name the same. NULL: not a live handle.
 */
static rsmi_localmem_t *hold(rsmi_localmem_t **held_p, rsm_localmemory_handle_t handle)
{
    rsmi_localmem_t *held = *held_p;

    if (held == NULL || held->handle != rsmi_handle_from_ptr(handle)) {
        if (held != NULL) {
            rsmi_localmem_leave(held);
        }
        held = rsmi_localmem_enter(handle);
        *held_p = held;
    }
    return held;
}

/** Is the entry inside the segment? */
static int check_remote(const rsm_iovec_t *entry, uint64_t segment_length)
{
    RSMI_CHECK(rsmi_range_has_offset(segment_length, entry->remote_offset), RSMERR_BAD_OFFSET);
    RSMI_CHECK(rsmi_range_has_length(segment_length, entry->remote_offset, entry->transfer_length),
               RSMERR_BAD_LENGTH);
    return RSM_SUCCESS;
}

/** The local address of an entry; see hold(). */
static int resolve(const rsm_iovec_t *entry, uint64_t segment_length, rsmi_localmem_t **held_p,
                   char **addr_p)
{
    size_t offset = entry->local_offset;
    size_t length = entry->transfer_length;

    if (entry->io_type == RSM_VA_TYPE) {
        char *base = entry->local.vaddr;

        RSMI_CHECK(base != NULL || length == 0, RSMERR_BAD_ADDR);
        RSMI_TRY(check_remote(entry, segment_length));
        RSMI_CHECK(rsmi_range_address_ok((uintptr_t)base, offset, length), RSMERR_BAD_ADDR);
        *addr_p = base + offset;
    } else {
        const rsmi_localmem_t *localmem;

        RSMI_CHECK(entry->io_type == RSM_HANDLE_TYPE, RSMERR_BAD_SGIO);
        localmem = hold(held_p, entry->local.handle);
        RSMI_CHECK(localmem != NULL, RSMERR_BAD_SGIO);
        RSMI_TRY(check_remote(entry, segment_length));
        RSMI_CHECK(rsmi_range_has_offset(localmem->length, offset), RSMERR_BAD_OFFSET);
        RSMI_CHECK(rsmi_range_has_length(localmem->length, offset, length), RSMERR_BAD_LENGTH);
        *addr_p = localmem->base + offset;
    }
    return RSM_SUCCESS;
}

/** One entry; complete at return if `when` says so. */
static int move_entry(rsmi_import_t *imp, const rsm_iovec_t *entry, rsmi_direction_t direction,
                      rsmi_when_t when, rsmi_localmem_t **held_p)
{
    int access = rsmi_transfer_access(direction);
    char *addr;

    RSMI_TRY(resolve(entry, imp->conn->length, held_p, &addr));
    if (entry->transfer_length == 0) {
        return RSM_SUCCESS;
    }
    /* The caller's mistake: no transfer has failed. */
    RSMI_CHECK(rsmi_memory_known(addr, entry->transfer_length, access), RSMERR_BAD_ADDR);
    return rsmi_transfer_piece(imp, direction, entry->remote_offset, addr, entry->transfer_length,
                               when);
}

/** Step 8 of reference 14.5. */
static int move_all(rsmi_import_t *imp, rsm_scat_gath_t *sg_io, rsmi_direction_t direction,
                    rsmi_when_t when)
{
    ulong_t count = sg_io->io_request_count;
    rsmi_localmem_t *held = NULL;
    int rc = RSM_SUCCESS;

    for (ulong_t i = 0; i < count && rc == RSM_SUCCESS; i++) {
        rc = move_entry(imp, &sg_io->iovec[i], direction, when, &held);
        if (rc == RSM_SUCCESS) {
            sg_io->io_residual_count = count - i - 1;
        }
    }
    if (held != NULL) {
        rsmi_localmem_leave(held);
    }
    return rc;
}

/** Steps 3 to 9 of reference 14.5, inside the gate. */
static int run(rsmi_import_t *imp, rsm_scat_gath_t *sg_io, rsmi_direction_t direction,
               uint64_t *ticket_p, bool *begun_p)
{
    ulong_t count = sg_io->io_request_count;
    ulong_t most = rsmi_env_read.strict_sgio ? RSM_MAX_SGIOREQS : SGIO_MAX;
    bool implicit = rsmi_import_is_implicit(imp);
    int rc;

    RSMI_CHECK(rsmi_controller_is_held(imp->ctl, imp->ctl_handle), RSMERR_BAD_CTLR_HNDL);
    RSMI_CHECK(count > 0 && count <= most, RSMERR_BAD_SGIO);
    RSMI_CHECK(sg_io->iovec != NULL &&
                   rsmi_memory_known(sg_io->iovec, count * sizeof *sg_io->iovec, RSMI_MEMORY_READ),
               RSMERR_BAD_SGIO);
    RSMI_CHECK(!rsmi_import_is_cut(*ticket_p), RSMERR_CONN_ABORTED);
    RSMI_CHECK((imp->perm & rsmi_transfer_right(direction)) != 0, RSMERR_PERM_DENIED);
    if (rsmi_import_is_moved(*ticket_p)) {
        RSMI_TRY(rsmi_import_follow(imp, ticket_p));
    }

    *begun_p = true;
    rc = move_all(imp, sg_io, direction, rsmi_transfer_when(implicit, direction, true));
    if (!implicit) {
        /* Behind the last piece: another thread's flush in the middle of this vector has covered
         * only some of it. A cut finds it in time, since this call is still inside the gate. */
        rsmi_transfer_issued(imp);
    }
    RSMI_TRY(rc);
    if ((sg_io->flags & RSM_IMPLICIT_SIGPOST) != 0) {
        RSMI_TRY(rsmi_import_flush(imp));
        return imp->conn->ops->post(imp->conn, (sg_io->flags & RSM_SIGPOST_NO_ACCUMULATE) != 0);
    }
    return RSM_SUCCESS;
}

/** Remember a failure. The residual tells where it was: at the first entry not done, if any was
 * begun. */
static int blame(const rsm_scat_gath_t *sg_io, bool begun, int code)
{
    ulong_t at = sg_io->io_request_count - sg_io->io_residual_count;

    if (!begun || sg_io->io_residual_count == 0) {
        return rsmi_blame(code, RSMX_NO_ENTRY, 0, 0);
    }
    return rsmi_blame(code, at, sg_io->iovec[at].remote_offset, sg_io->iovec[at].transfer_length);
}

static int vector(rsm_scat_gath_t *sg_io, rsmi_direction_t direction)
{
    rsmi_import_t *imp;
    uint64_t ticket = 0;
    bool begun = false;
    int rc;

    RSMI_CHECK(sg_io != NULL &&
                   rsmi_memory_known(sg_io, sizeof *sg_io, RSMI_MEMORY_READ | RSMI_MEMORY_WRITE),
               rsmi_blame(RSMERR_BAD_SGIO, RSMX_NO_ENTRY, 0, 0));
    sg_io->io_residual_count = sg_io->io_request_count; /* reference 14.4 */
    imp = rsmi_import_enter(rsmi_handle_from_ptr(sg_io->remote_handle), &ticket);
    RSMI_CHECK(imp != NULL, blame(sg_io, false, RSMERR_BAD_SEG_HNDL));
    rsmi_lock_none_held();
    rc = run(imp, sg_io, direction, &ticket, &begun);
    rsmi_import_leave(imp, ticket);
    return rc == RSM_SUCCESS ? rc : blame(sg_io, begun, rc);
}

int rsm_memseg_import_putv(rsm_scat_gath_t *sg_io)
{
    return vector(sg_io, RSMI_PUT);
}

int rsm_memseg_import_getv(rsm_scat_gath_t *sg_io)
{
    return vector(sg_io, RSMI_GET);
}
