/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path to a segment of one's own process: copies and a counter. Used for imports of
 * one's own segment on every controller; never touches MPI.
 */
#ifndef RSMI_SELF_H
#define RSMI_SELF_H

#include "event.h"
#include "glue.h"

/**
 * As rsmg_ops_t.connect, towards this process. `core` is the controller; `event` is the import
 * handle's, and a reference to it is kept until disconnect.
 */
int rsmi_self_connect(void *core, uint32_t node, const rsmg_ask_t *ask, rsmi_gate_t *gate,
                      rsmi_event_t *event, rsmg_conn_t **conn_p);

#endif
