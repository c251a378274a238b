/* SPDX-License-Identifier: BSD-3-Clause */
/* The events of segment handles, whichever kind they are of (reference 17). */
#ifndef RSMI_INTR_SIGNAL_H
#define RSMI_INTR_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/** The event of a live export or import handle, referenced; NULL: no such handle. */
rsmi_event_t *rsmi_segment_event(uint64_t handle);

/** Up-call of a glue: contract in glue.h. */
void rsmi_event_arrived(void *core, uint64_t handle, bool no_accumulate, uint32_t count);

#endif
