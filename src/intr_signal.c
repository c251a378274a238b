/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posting and waiting for events (reference 17). Knows which handle posts to whom; counting and
 * sleeping are event.c's.
 */
#include "intr_signal.h"

#include "check.h"
#include "export.h"
#include "handle.h"
#include "import.h"
#include "lock.h"

rsmi_event_t *rsmi_segment_event(uint64_t handle)
{
    return rsmi_handle_class(handle) == RSMI_CLASS_EXPORT ? rsmi_export_event(handle)
                                                          : rsmi_import_event(handle);
}

void rsmi_event_arrived(void *core, uint64_t handle, bool no_accumulate, uint32_t count)
{
    rsmi_event_t *event = rsmi_segment_event(handle);

    (void)core;
    if (event != NULL) {
        rsmi_event_post(event, no_accumulate, count);
        rsmi_event_put(event);
    }
}

/** An importer posts to the exporter. */
static int post_to_exporter(uint64_t handle, bool no_accumulate)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(handle, &ticket);
    int rc;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    rc = rsmi_import_is_cut(ticket) ? RSMERR_CONN_ABORTED
                                    : imp->conn->ops->post(imp->conn, no_accumulate);
    rsmi_import_leave(imp, ticket);
    return rc;
}

int rsm_intr_signal_post(void *memseg, uint_t flags)
{
    uint64_t handle = rsmi_handle_from_ptr(memseg);
    bool no_accumulate = (flags & RSM_SIGPOST_NO_ACCUMULATE) != 0;

    if (rsmi_handle_class(handle) == RSMI_CLASS_EXPORT) {
        return rsmi_export_post(handle, no_accumulate);
    }
    return post_to_exporter(handle, no_accumulate);
}

int rsm_intr_signal_wait(void *memseg, int timeout)
{
    rsmi_event_t *event = rsmi_segment_event(rsmi_handle_from_ptr(memseg));
    int rc;

    RSMI_CHECK(event != NULL, RSMERR_BAD_SEG_HNDL);
    rsmi_lock_none_held();
    /* Asleep with a reference to the event only: a sleeper must not hold up a cut. */
    rc = rsmi_event_wait(event, timeout);
    rsmi_event_put(event);
    return rc;
}
