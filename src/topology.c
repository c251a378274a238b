/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interconnect as RSMAPI reports it (reference 8): one local controller per open port, one
 * remote entry per peer node. One allocation, so that freeing is one call.
 */
#include <stdio.h>

#include "alloc.h"
#include "check.h"
#include "controller.h"

/** Two passes over the controllers: measure, then fill. */
typedef struct walk {
    rsm_topology_t *topology; /* NULL: measuring */
    size_t controllers;
    size_t bytes; /* measuring: of the connection blocks so far; filling: left for more */
    char *next;   /* where the next block goes */
    size_t room;  /* blocks that were measured and are not yet filled */
} walk_t;

static size_t block_size(const rsmi_controller_t *ctl)
{
    size_t peers = ctl->facts.nodes - 1U;
    size_t size = sizeof(rsm_connections_hdr_t) + peers * sizeof(rsm_remote_cntlr_t);

    /* Never less than the declared type, and the next block starts aligned. */
    if (size < sizeof(rsm_connections_t)) {
        size = sizeof(rsm_connections_t);
    }
    return (size + 7U) & ~(size_t)7U;
}

static void fill_block(const rsmi_controller_t *ctl, rsm_connections_t *block)
{
    uint32_t at = 0;

    (void)snprintf(block->hdr.cntlr_name, sizeof block->hdr.cntlr_name, "%s", ctl->name);
    block->hdr.local_hwaddr = ctl->facts.node;
    block->hdr.remote_cntlr_count = (int)(ctl->facts.nodes - 1U);
    for (uint32_t node = 0; node < ctl->facts.nodes; node++) {
        rsm_remote_cntlr_t *remote = &block->remote_cntlr[at];

        if (node == ctl->facts.node) {
            continue;
        }
        remote->remote_nodeid = node;
        (void)snprintf(remote->remote_cntlrname, sizeof remote->remote_cntlrname, "%s", ctl->name);
        remote->remote_hwaddr = node;
        remote->connection_state = RSM_CONNECTION_ACTIVE;
        at++;
    }
}

static void visit(const rsmi_controller_t *ctl, void *arg)
{
    walk_t *walk = arg;

    if (walk->topology == NULL) {
        walk->controllers++;
        walk->bytes += block_size(ctl);
        return;
    }
    if (walk->room == 0 || block_size(ctl) > walk->bytes) {
        return; /* opened between the passes: the next snapshot has it */
    }
    walk->bytes -= block_size(ctl);
    walk->room--;
    walk->topology->connections[walk->topology->topology_hdr.local_cntlr_count++] =
        (rsm_connections_t *)(void *)walk->next;
    fill_block(ctl, (rsm_connections_t *)(void *)walk->next);
    walk->next += block_size(ctl);
}

int rsm_get_interconnect_topology(rsm_topology_t **topology_data)
{
    walk_t walk = {0};
    size_t head;

    RSMI_CHECK(topology_data != NULL, RSMERR_BAD_TOPOLOGY_PTR);
    *topology_data = NULL;
    rsmi_controller_each(visit, &walk);
    head = sizeof(rsm_topology_t) + walk.controllers * sizeof(rsm_connections_t *);
    head = (head + 7U) & ~(size_t)7U;
    walk.topology = rsmi_alloc(head + walk.bytes);
    RSMI_CHECK(walk.topology != NULL, RSMERR_INSUFFICIENT_MEM);
    walk.next = (char *)walk.topology + head;
    walk.room = walk.controllers;
    walk.topology->topology_hdr.local_nodeid = rsmi_controller_local_node();
    rsmi_controller_each(visit, &walk);
    *topology_data = walk.topology;
    return RSM_SUCCESS;
}

void rsm_free_interconnect_topology(rsm_topology_t *topology_data)
{
    rsmi_free(topology_data);
}
