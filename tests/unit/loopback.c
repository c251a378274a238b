/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the controller "loopback" beside one of a glue: names, the local node before and
 * after the glue's port is open, access lists, segment ids, what each controller sees of the other,
 * transfers, events, maps, rebind, release.
 * Proves: 7.1 to 7.3 and 8.1 for loopback, 10.2 step 7, 10.4 steps 9 and 11, 11.2 step 6, 20.2 A1;
 * statements 2 and 15; design 2 "Access" (loopback's node and ids). Statement 1 of loopback.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x400270U
#define RANK 3U

static char *memory;
static rsmapi_controller_handle_t loop;

static rsmapi_controller_handle_t get(const char *name)
{
    rsmapi_controller_handle_t ctl = NULL;
    char copy[300];

    if (name == NULL) {
        t_require_ok(rsm_get_controller(NULL, &ctl));
        return ctl;
    }
    (void)strncpy(copy, name, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    t_require_ok(rsm_get_controller(copy, &ctl));
    return ctl;
}

static rsm_memseg_export_handle_t create(rsmapi_controller_handle_t ctl)
{
    rsm_memseg_export_handle_t seg = NULL;

    t_require_ok(rsm_memseg_export_create(ctl, &seg, memory, FAKE_PAGE, RSM_ALLOW_REBIND));
    return seg;
}

static int publish(rsm_memseg_export_handle_t seg, rsm_memseg_id_t id, const rsm_node_id_t *node)
{
    rsmapi_access_entry_t list[2];

    memset(list, 0, sizeof list);
    for (unsigned i = 0; i < 2; i++) {
        list[i].ae_node = node == NULL ? 0 : node[i];
        list[i].ae_permission = 0600;
    }
    return rsm_memseg_export_publish(seg, &id, list, node == NULL ? 0 : 2);
}

static int try_connect(rsmapi_controller_handle_t ctl, rsm_node_id_t node, rsm_memseg_id_t id)
{
    rsm_memseg_import_handle_t imp = (rsm_memseg_import_handle_t)0x1234;
    int rc = rsm_memseg_import_connect(ctl, node, id, RSM_PERM_RDWR, &imp);

    if (rc == RSM_SUCCESS) {
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    } else {
        t_expect_eq(imp, NULL);
    }
    return rc;
}

static void names(void)
{
    static const char *const good[] = {"loopback",    "Loopback0", "LOOPBACK7",
                                       "loopback007", "lOOPBACK1", "loopback99999999999999999999"};
    static const char *const bad[] = {"",           "loop",       "loopback0x", "loopback 0",
                                      "loopbackk1", "0loopback",  "7",          "loopback-1",
                                      " loopback",  "loopback\n", "backloop0"};
    rsmapi_controller_handle_t untouched = (rsmapi_controller_handle_t)0x1234;
    char text[300];

    t_note("names");
    loop = get(NULL);
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        t_expect_eq(get(good[i]), loop);
    }
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        t_expect_ok(rsm_release_controller(loop));
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)strncpy(text, bad[i], sizeof text - 1);
        t_expect_code(rsm_get_controller(text, &untouched), RSMERR_CTLR_NOT_PRESENT);
    }
    t_expect_code(rsm_get_controller(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    memset(text, '1', sizeof text);
    memcpy(text, "loopback", 8);
    text[255] = '\0'; /* as long as a name may be */
    t_expect_eq(get(text), loop);
    t_expect_ok(rsm_release_controller(loop));
    text[255] = '1';
    text[256] = '\0';
    t_expect_code(rsm_get_controller(text, &untouched), RSMERR_CTLR_NOT_PRESENT);
    t_expect_eq(untouched, (rsmapi_controller_handle_t)0x1234);
}

static void attributes(void)
{
    rsmapi_controller_attr_t attr;

    t_note("attributes");
    memset(&attr, 0xEE, sizeof attr);
    t_expect_code(rsm_get_controller_attr(loop, NULL), RSMERR_BAD_ADDR);
    t_expect_ok(rsm_get_controller_attr(loop, &attr));
    t_expect_eq(attr.attr_page_size, (size_t)FAKE_PAGE);
    t_expect(attr.attr_max_export_segment_size >= (size_t)1 << 40);
    t_expect_eq(attr.attr_max_export_segment_size % FAKE_PAGE, 0);
    t_expect(attr.attr_max_import_segments > 1000000);
    t_expect_eq(attr.attr_max_import_map_size, 0); /* not stated: nothing maps */
    t_expect_eq(attr.attr_direct_access_sizes, 0);
}

/** Loopback is not listed; the local node is what the topology says. */
static void expect_topology(rsm_node_id_t node, unsigned controllers)
{
    rsm_topology_t *topology = NULL;

    t_require_ok(rsm_get_interconnect_topology(&topology));
    t_expect_eq(topology->topology_hdr.local_nodeid, node);
    t_expect_eq(topology->topology_hdr.local_cntlr_count, controllers);
    for (unsigned i = 0; i < controllers; i++) {
        t_expect_str(topology->connections[i]->hdr.cntlr_name, "mpi0");
    }
    rsm_free_interconnect_topology(topology);
}

/** Only `local` is there. */
static void expect_node(rsm_node_id_t local)
{
    static const rsm_node_id_t others[] = {0, 1, RANK, RANK + 1, UINT32_MAX};
    rsm_memseg_export_handle_t seg = create(loop);
    rsm_node_id_t nodes[2];

    t_note("loopback on node %u", local);
    nodes[0] = local;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        bool here = others[i] == local;

        nodes[1] = others[i];
        t_expect_code(publish(seg, ID, nodes), here ? RSM_SUCCESS : RSMERR_BAD_ACL);
        if (here) {
            t_expect_ok(try_connect(loop, local, ID));
            t_expect_ok(rsm_memseg_export_unpublish(seg));
        }
    }
    t_expect_ok(publish(seg, ID, NULL));
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        t_expect_code(try_connect(loop, others[i], ID),
                      others[i] == local ? RSM_SUCCESS : RSMERR_CTLR_NOT_PRESENT);
    }
    t_expect_code(try_connect(loop, local, ID + 1), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_import_connect(loop, local + 1, ID, 0777, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/** Everything that a connection can do. */
static void use(rsm_memseg_export_handle_t seg, rsm_node_id_t node, rsm_memseg_id_t id)
{
    rsm_memseg_import_handle_t imp = NULL;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char *other = fake_pages(1);
    uint64_t wide = UINT64_C(0x1122334455667788);
    rsm_iovec_t entry = fake_va(&wide, 0, 64, 8);
    void *at = NULL;

    t_note("use, node %u", node);
    t_require_ok(rsm_memseg_import_connect(loop, node, id, RSM_PERM_RDWR, &imp));
    t_expect_code(rsm_memseg_import_put64(imp, 8, &wide, 1), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_put64(imp, 8, &wide, 1));
    t_expect_mem(memory + 8, &wide, 8);
    t_expect_code(rsm_memseg_import_put64(imp, FAKE_PAGE, &wide, 1), RSMERR_BAD_OFFSET);
    t_expect_ok(fake_putv(imp, &entry, 1, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_mem(memory + 64, &wide, 8);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_wait(imp, 0));
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, 8),
                  RSMERR_MAP_FAILED);
    t_expect_ok(rsm_memseg_export_rebind(seg, other, 0, FAKE_PAGE));
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    t_expect_mem(other + 64, &wide, 8);
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(rsm_memseg_export_rebind(seg, memory, 0, FAKE_PAGE));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(rsm_memseg_import_put64(imp, 8, &wide, 1), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    fake_pages_free(other, 1);
}

/** Ids are one space; segments of one controller cannot be seen through the other. */
static void two_controllers(void)
{
    rsm_memseg_export_handle_t here = create(loop);
    rsm_memseg_export_handle_t there = create(fake_ctl);
    rsm_memseg_id_t generated = 0;

    t_note("two controllers");
    t_expect_ok(publish(here, ID, NULL));
    t_expect_code(publish(there, ID, NULL), RSMERR_SEGID_IN_USE);
    t_expect_ok(publish(there, ID + 1, NULL));
    t_expect_ok(try_connect(loop, RANK, ID));
    t_expect_code(try_connect(loop, RANK, ID + 1), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_ok(try_connect(fake_ctl, RANK, ID + 1)); /* oneself */
    t_expect_ok(try_connect(fake_ctl, 0, ID + 1));    /* over the glue */
    t_expect_code(try_connect(fake_ctl, RANK, ID), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(try_connect(fake_ctl, 0, ID), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_ok(rsm_memseg_export_unpublish(here));
    t_expect_ok(rsm_memseg_export_unpublish(there));
    t_expect_ok(publish(there, ID, NULL));
    t_expect_code(publish(here, ID, NULL), RSMERR_SEGID_IN_USE);
    t_expect_ok(rsm_memseg_export_publish(here, &generated, NULL, 0));
    t_expect(generated >= 0x80000000U);
    t_expect_ok(try_connect(loop, RANK, generated));

    t_note("the glue's transport ends: loopback goes on");
    fake_set_ended(true);
    t_expect_code(try_connect(fake_ctl, RANK, ID), RSMERR_CTLR_NOT_PRESENT);
    t_expect_ok(try_connect(loop, RANK, generated));
    fake_set_ended(false);
    t_expect_ok(rsm_memseg_export_destroy(here));
    t_expect_ok(rsm_memseg_export_destroy(there));
}

/** Late calls on a controller that was released. */
static void released(void)
{
    rsm_memseg_export_handle_t seg = create(loop);
    rsm_memseg_import_handle_t imp = NULL;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    rsmapi_controller_handle_t old = loop;
    char byte = 'r';
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);

    t_note("released");
    t_expect_ok(publish(seg, ID, NULL));
    t_require_ok(rsm_memseg_import_connect(loop, RANK, ID, RSM_PERM_RDWR, &imp));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_release_controller(loop));
    t_expect_code(rsm_release_controller(loop), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(try_connect(loop, RANK, ID), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(fake_putv(imp, &entry, 1, 0, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_import_put(imp, 0, &byte, 1), RSMERR_BAD_CTLR_HNDL);
    loop = get("loopback");
    t_expect_ne(loop, old);
    t_expect_code(fake_putv(imp, &entry, 1, 0, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_ok(try_connect(loop, RANK, ID));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static void child(void *arg)
{
    rsmapi_controller_handle_t ctl = NULL;
    rsmapi_controller_attr_t attr;

    (void)arg;
    t_expect_code(rsm_get_controller(NULL, &ctl), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(loop, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(try_connect(loop, 0, ID), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(loop), RSMERR_BAD_CTLR_HNDL);
}

int main(void)
{
    static const rsm_node_id_t self_before[2] = {0, 0};
    rsm_memseg_export_handle_t early;
    long blocks;

    t_watchdog(30);
    fake_set_facts(RANK, 8, 1U << 30, 1000);
    memory = fake_pages(1);
    blocks = rsmi_alloc_live();
    names();
    t_expect_eq(rsmi_handle_live(), 1);
    attributes();
    expect_topology(0, 0);
    expect_node(0);
    t_expect(fake_in_child(child, NULL));
    early = create(loop);
    t_expect_ok(publish(early, ID + 7, self_before)); /* names node 0: this process */
    use(early, 0, ID + 7);
    t_expect_ok(publish(early, ID + 7, self_before));
    t_expect_eq(fake_count(FAKE_OPEN), 0); /* nothing was started */

    fake_ctl = get("mpi0");
    t_expect_eq(fake_count(FAKE_OPEN), 1);
    expect_topology(RANK, 1);
    t_expect_ok(try_connect(loop, RANK, ID + 7)); /* the same process by its new name */
    t_expect_code(try_connect(loop, 0, ID + 7), RSMERR_CTLR_NOT_PRESENT);
    use(early, RANK, ID + 7);
    t_expect_ok(rsm_memseg_export_destroy(early));
    expect_node(RANK);
    two_controllers();
    released();
    attributes();
    t_expect_eq(fake_count(FAKE_CONNECT), 2); /* those over the glue, on purpose */
    t_expect_ok(rsm_release_controller(loop));
    t_expect_ok(rsm_release_controller(fake_ctl));
    t_expect_eq(rsmi_alloc_live(), blocks);
    t_expect_eq(rsmi_handle_live(), 0);
    fake_pages_free(memory, 1);
    return t_finish();
}
