/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The exporter's side as other files see it: what a glue calls up, and the event of an export
 * handle.
 */
#ifndef RSMI_EXPORT_H
#define RSMI_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "glue.h"

/* Up-calls of a glue; contracts in glue.h. */
int rsmi_export_admit(void *core, uint32_t node, const rsmg_ask_t *ask, rsmg_peer_t *peer,
                      rsmg_grant_t *grant);
void rsmi_export_depart(void *core, rsmg_peer_t *peer);
void rsmi_export_cut_answer(void *core, rsmg_peer_t *peer, bool done);
void rsmi_export_moved(void *core, rsmg_peer_t *peer, uint32_t version);
bool rsmi_export_where(void *core, rsmg_peer_t *peer, rsmg_grant_t *grant, rsmi_gate_t *gate);

/** The event of a live export handle, referenced; NULL: no such handle. */
rsmi_event_t *rsmi_export_event(uint64_t handle);
/** Post to every importer. RSMERR_BAD_SEG_HNDL: no such handle. */
int rsmi_export_post(uint64_t handle, bool no_accumulate);

#endif
