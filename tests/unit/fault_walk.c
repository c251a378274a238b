/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: all public calls in one scenario, again and again, with the first, second, third …
 * allocation failing, then with the first, second … call of each kind into the glue failing.
 * Proves: 2.5 of the style guide for every call: a failure of the environment is a documented code
 * (appendix A), results stay as they were, objects stay usable or destroyable, nothing is lost.
 */
#include <string.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x4000A0U
#define ENOUGH 200 /* more allocations than the scenario can make */

static char *memory;
static char *mine;
static int injected; /* the code that the glue is told to fail with; RSMERR_INSUFFICIENT_MEM */
static int failures; /* of this round */

/** Success, or the failure of this round, once. */
static bool fine(int rc)
{
    if (rc == RSM_SUCCESS) {
        return true;
    }
    t_expect_code(rc, injected);
    failures++;
    return false;
}

static void vectors(rsm_memseg_import_handle_t imp, rsm_localmemory_handle_t local)
{
    rsm_iovec_t entries[4];
    unsigned long residual = 4711;
    unsigned count = 3;

    entries[0] = fake_va(mine, 0, 0, 8);
    entries[1] = fake_va(NULL, 0, 8, 0);
    entries[2] = fake_va(mine, 8, 16, 8);
    if (local != NULL) {
        entries[count++] = fake_lh(local, 0, 24, 8);
    }
    if (fine(fake_putv(imp, entries, count, 0, &residual))) {
        t_expect_eq(residual, 0);
        t_expect_mem(memory, mine, 8);
        t_expect_mem(memory + 16, mine + 8, 8);
    } else {
        t_expect(residual > 0 && residual <= count);
    }
    if (fine(fake_getv(imp, entries, count, RSM_IMPLICIT_SIGPOST, &residual))) {
        t_expect_eq(residual, 0);
    }
}

static void barriers(rsm_memseg_import_handle_t imp)
{
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    rsm_iovec_t entry = fake_va(mine, 32, 32, 8);
    bool put;
    int rc;

    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    if (!fine(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier))) {
        t_expect_eq(barrier.seg, NULL);
        return;
    }
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    put = fine(fake_putv(imp, &entry, 1, 0, NULL));
    if (put) {
        (void)fine(rsm_memseg_import_order_barrier(&barrier));
    }
    /* One failure per round, so what close reports is that one, heard of before or not. */
    rc = rsm_memseg_import_close_barrier(&barrier);
    if (failures > 0 && rc != RSM_SUCCESS) {
        t_expect(rc == injected || rc == RSMERR_BARRIER_FAILURE);
    } else if (fine(rc) && put) {
        t_expect_mem(memory + 32, mine + 32, 8);
    }
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
}

static void connected(rsm_memseg_export_handle_t seg, rsm_node_id_t node, rsm_memseg_id_t id)
{
    rsm_memseg_import_handle_t imp = (rsm_memseg_import_handle_t)0x1234;
    rsm_localmemory_handle_t local = (rsm_localmemory_handle_t)0x1234;

    if (!fine(rsm_memseg_import_connect(fake_ctl, node, id, RSM_PERM_RDWR, &imp))) {
        t_expect_eq(imp, NULL);
        return;
    }
    if (!fine(rsm_create_localmemory_handle(fake_ctl, &local, mine, FAKE_PAGE))) {
        t_expect_eq(local, (rsm_localmemory_handle_t)0x1234);
        local = NULL;
    }
    vectors(imp, local);
    barriers(imp);
    if (fine(rsm_intr_signal_post(imp, 0))) {
        (void)fine(rsm_intr_signal_wait(seg, 1000));
    }
    t_expect_ok(rsm_intr_signal_post(seg, RSM_SIGPOST_NO_ACCUMULATE));
    (void)fine(rsm_intr_signal_wait(imp, 1000));
    if (local != NULL) {
        t_expect_ok(rsm_free_localmemory_handle(fake_ctl, local));
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

static void scenario(void)
{
    rsm_memseg_export_handle_t seg = (rsm_memseg_export_handle_t)0x1234;
    rsmapi_controller_handle_t again = (rsmapi_controller_handle_t)0x1234;
    rsm_topology_t *topology = (rsm_topology_t *)0x1234;
    rsmapi_controller_attr_t attr;
    rsmapi_access_entry_t list[4];
    rsm_memseg_id_t id = 0;
    char name[] = "mpi0";
    bool published;

    if (fine(rsm_get_controller(name, &again))) {
        t_expect_eq(again, fake_ctl);
        t_expect_ok(rsm_release_controller(again));
    } else {
        t_expect_eq(again, (rsmapi_controller_handle_t)0x1234);
    }
    t_expect_ok(rsm_get_controller_attr(fake_ctl, &attr));
    if (fine(rsm_get_interconnect_topology(&topology))) {
        rsm_free_interconnect_topology(topology);
    } else {
        t_expect_eq(topology, NULL);
    }
    memset(memory, 0, FAKE_PAGE);
    if (!fine(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0))) {
        t_expect_eq(seg, NULL);
        return;
    }
    memset(list, 0, sizeof list);
    for (unsigned i = 0; i < 4; i++) {
        list[i].ae_node = i;
        list[i].ae_permission = 0600;
    }
    published = fine(rsm_memseg_export_publish(seg, &id, list, 4));
    if (published) {
        t_expect(id >= 0x80000000U);
        connected(seg, 1, id);
        connected(seg, 0, id);
        t_expect_ok(rsm_memseg_export_unpublish(seg));
    } else {
        t_expect_eq(id, 0);
        t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_SEG_NOT_PUBLISHED);
    }
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/** A full release and a new get: the one path that makes a handle in get_controller. */
static void release_and_get(void)
{
    rsmapi_controller_handle_t old = fake_ctl;
    char name[] = "mpi0";

    t_expect_ok(rsm_release_controller(fake_ctl));
    if (!fine(rsm_get_controller(name, &fake_ctl))) {
        t_expect_eq(fake_ctl, old);
        rsmi_alloc_fail_at(0);
        t_require_ok(rsm_get_controller(name, &fake_ctl));
    }
}

static void walk_allocations(void)
{
    int n;

    injected = RSMERR_INSUFFICIENT_MEM;
    for (n = 1; n < ENOUGH; n++) {
        bool fired;

        t_note("allocation %d", n);
        failures = 0;
        fake_settle();
        rsmi_alloc_fail_at(n);
        scenario();
        release_and_get();
        fired = rsmi_alloc_failed();
        rsmi_alloc_fail_at(0);
        t_expect_eq(failures, fired ? 1 : 0);
        fake_expect_clean();
        if (!fired) {
            break;
        }
    }
    t_expect(n > 5 && n < ENOUGH);
    t_print("%d allocations in the scenario", n - 1);
}

static void walk_glue(fake_call_t call, int code)
{
    unsigned n;

    injected = code;
    for (n = 1; n < ENOUGH; n++) {
        bool pending;

        t_note("call %d of the glue, the %u-th, %s", (int)call, n, t_code_name(code));
        fake_reset();
        failures = 0;
        fake_fail(call, n, code);
        scenario();
        pending = fake_fail_pending();
        t_expect_eq(failures == 0, pending);
        fake_expect_clean();
        if (pending) {
            break;
        }
    }
    t_expect(n > 1 && n < ENOUGH);
}

int main(void)
{
    static const struct {
        fake_call_t call;
        int code;
    } rows[] = {
        {FAKE_CONNECT, RSMERR_INTERRUPTED},
        {FAKE_CONNECT, RSMERR_INSUFFICIENT_MEM},
        {FAKE_CONNECT, RSMERR_INSUFFICIENT_RESOURCES},
        {FAKE_CONNECT, RSMERR_REMOTE_NODE_UNREACHABLE},
        {FAKE_CONNECT, RSMERR_CTLR_NOT_PRESENT},
        {FAKE_PUT, RSMERR_BARRIER_FAILURE},
        {FAKE_PUT, RSMERR_CONN_ABORTED},
        {FAKE_GET, RSMERR_BARRIER_FAILURE},
        {FAKE_GET, RSMERR_CONN_ABORTED},
        {FAKE_FLUSH, RSMERR_BARRIER_FAILURE},
        {FAKE_FLUSH, RSMERR_CONN_ABORTED},
        {FAKE_POST, RSMERR_REMOTE_NODE_UNREACHABLE},
        {FAKE_POST, RSMERR_CONN_ABORTED},
    };

    fake_begin();
    memory = fake_pages(1);
    mine = fake_pages(1);
    for (unsigned i = 0; i < FAKE_PAGE; i++) {
        mine[i] = (char)(i * 31 + 7);
    }
    walk_allocations();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        walk_glue(rows[i].call, rows[i].code);
    }
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 1);
    return fake_finish();
}
