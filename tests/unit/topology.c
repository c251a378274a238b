/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the interconnect as a snapshot.
 * Proves: 8.1 (check order, one aligned block, strings, portable list of peers, independent
 * snapshots), 8.2; statement 5.
 */
#include <malloc.h>
#include <string.h>

#include "alloc.h"
#include "fake_glue.h"
#include "t.h"

#define NODE 2U
#define NODES 5U

static bool inside(const void *block, size_t size, const void *at, size_t len)
{
    uintptr_t start = (uintptr_t)block;
    uintptr_t where = (uintptr_t)at;

    return where >= start && where - start <= size && len <= size - (where - start);
}

static void check_block(const rsm_connections_t *block, const char *name)
{
    t_expect_str(block->hdr.cntlr_name, name);
    t_expect_eq(block->hdr.local_hwaddr, NODE);
    t_require_eq(block->hdr.remote_cntlr_count, (int)NODES - 1);
    for (unsigned i = 0; i < NODES - 1; i++) {
        const rsm_remote_cntlr_t *remote = &block->remote_cntlr[i];
        rsm_node_id_t node = i < NODE ? i : i + 1;

        t_note("%s, entry %u", name, i);
        t_expect_eq(remote->remote_nodeid, node);
        t_expect_str(remote->remote_cntlrname, name);
        t_expect_eq(remote->remote_hwaddr, node);
        t_expect_eq(remote->connection_state, 3);
        t_expect_eq(remote->connection_state, RSM_CONNECTION_ACTIVE);
    }
}

static void check(rsm_topology_t *topology, unsigned controllers)
{
    size_t size = malloc_usable_size(topology);
    bool seen[2] = {false, false};

    t_require(topology != NULL);
    t_expect_eq((uintptr_t)topology % 8, 0);
    t_require_eq(topology->topology_hdr.local_cntlr_count, controllers);
    t_expect_eq(topology->topology_hdr.local_nodeid, NODE);
    for (unsigned i = 0; i < controllers; i++) {
        rsm_connections_t *block = topology->connections[i];
        rsmapi_controller_handle_t ctl = NULL;
        size_t len = sizeof(rsm_connections_hdr_t) + (NODES - 1) * sizeof(rsm_remote_cntlr_t);
        unsigned unit;

        t_require(inside(topology, size, &topology->connections[i], sizeof(void *)));
        t_require(inside(topology, size, block, len));
        t_expect_eq((uintptr_t)block % 8, 0);
        t_require(strlen(block->hdr.cntlr_name) == 4);
        unit = (unsigned)(block->hdr.cntlr_name[3] - '0');
        t_require(unit < 2);
        t_expect(!seen[unit]);
        seen[unit] = true;
        check_block(block, unit == 0 ? "mpi0" : "mpi1");
        t_expect_ok(rsm_get_controller(block->hdr.cntlr_name, &ctl));
        t_expect_ok(rsm_release_controller(ctl));
    }
}

int main(void)
{
    rsm_topology_t *topology = (rsm_topology_t *)8;
    rsm_topology_t *later = NULL;
    rsmapi_controller_handle_t second = NULL;
    char name[] = "mpi1";

    t_note("before the first controller");
    t_expect_code(rsm_get_interconnect_topology(NULL), RSMERR_BAD_TOPOLOGY_PTR);
    rsm_free_interconnect_topology(NULL);
    t_require_ok(rsm_get_interconnect_topology(&topology));
    t_expect_eq(topology->topology_hdr.local_cntlr_count, 0);
    t_expect_eq(topology->topology_hdr.local_nodeid, 0);
    rsm_free_interconnect_topology(topology);

    fake_set_facts(NODE, NODES, FAKE_PAGE, 1);
    fake_begin();
    t_note("one controller");
    t_require_ok(rsm_get_interconnect_topology(&topology));
    check(topology, 1);

    t_note("two controllers");
    t_require_ok(rsm_get_controller(name, &second));
    t_require_ok(rsm_get_interconnect_topology(&later));
    t_expect_ne(later, topology);
    check(later, 2);
    check(topology, 1); /* the first snapshot is what it was */
    memset(topology, 0xFF, sizeof(rsm_topology_hdr_t));
    rsm_free_interconnect_topology(topology);
    check(later, 2);
    rsm_free_interconnect_topology(later);
    t_expect_ok(rsm_release_controller(second));

    t_note("no memory");
    topology = (rsm_topology_t *)8;
    rsmi_alloc_fail_at(1);
    t_expect_code(rsm_get_interconnect_topology(&topology), RSMERR_INSUFFICIENT_MEM);
    t_expect_eq(topology, NULL);

    t_note("the second controller's object is kept for good: it belongs to the start");
    t_expect_ok(rsm_release_controller(fake_ctl));
    fake_begin();
    return fake_finish();
}
