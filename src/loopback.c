/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The controller "loopback" (reference 7.1): a port with one node, this process. Its connections
 * are those to oneself (self.c), so there is nothing to open and nothing to connect. Works in a
 * plain process; never touches MPI.
 */
#include "loopback.h"

#include <limits.h>
#include <stdint.h>

#include "rsmapi.h"

static int loopback_open(unsigned unit, const rsmg_core_ops_t *up, void *core, rsmg_port_t **port_p,
                         rsmg_facts_t *facts_p)
{
    (void)unit;
    (void)up;
    (void)core;
    *port_p = NULL;    /* nothing stands behind it */
    facts_p->node = 0; /* what the node is called may change: rsmi_controller_node() */
    facts_p->nodes = 1;
    facts_p->max_segment = PTRDIFF_MAX & ~(uint64_t)0xFFFF; /* in whole pages */
    facts_p->max_connections = ULONG_MAX;
    return RSM_SUCCESS;
}

static bool loopback_ended(const rsmg_port_t *port)
{
    (void)port;
    return false;
}

static const char *loopback_transport(void)
{
    return "";
}

static bool loopback_has_unit(unsigned unit)
{
    return unit == 0; /* the core ignores units here */
}

/** Never reached: who is not this process is refused before. */
static int loopback_connect(rsmg_port_t *port, uint32_t node, const rsmg_ask_t *ask,
                            rsmi_gate_t *gate, uint64_t handle, rsmg_conn_t **conn_p)
{
    (void)port;
    (void)node;
    (void)ask;
    (void)gate;
    (void)handle;
    (void)conn_p;
    return RSMERR_CTLR_NOT_PRESENT;
}

const rsmg_ops_t rsmi_loopback = {
    .version = RSMG_VERSION,
    .size = sizeof(rsmg_ops_t),
    .type = "loopback",
    .transport = loopback_transport,
    .has_unit = loopback_has_unit,
    .open = loopback_open,
    .ended = loopback_ended,
    .connect = loopback_connect,
};
