/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: all public calls in one scenario, again and again, with the first, second, third …
 * allocation failing, then with the first, second … call of each kind into the glue failing, then
 * with no, one, two … descriptors left; and what opens a controller.
 * Proves: 2.5 of the style guide for every call: a failure of the environment is a documented code
 * (appendix A), results stay as they were, objects stay usable or destroyable, nothing is lost.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x4000A0U
#define ENOUGH 200 /* more allocations than the scenario can make */

static char *memory; /* shared, so that it can be mapped */
static char *second; /* where it moves to */
static char *mine;
static int injected; /* what a call gives in which the failure of this round happens */
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

/** The same for barrier calls, which have one code for failed transfers. */
static bool fine_barrier(int rc)
{
    if (rc == RSM_SUCCESS) {
        return true;
    }
    t_expect(rc == injected || rc == RSMERR_BARRIER_FAILURE);
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
    uint64_t wide = 0;
    bool put;
    int before;

    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    if (!fine(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier))) {
        t_expect_eq(barrier.seg, NULL);
        return;
    }
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    before = failures;
    put = fine(fake_putv(imp, &entry, 1, 0, NULL));
    (void)fine_barrier(rsm_memseg_import_order_barrier(&barrier));
    /* Explicit put and get tell of no failure themselves. */
    t_expect_ok(rsm_memseg_import_put64(imp, 40, (uint64_t *)(void *)(mine + 40), 1));
    t_expect_ok(rsm_memseg_import_get64(imp, 32, &wide, 1));
    /* Close does, again if it was heard of before. */
    if (fine_barrier(rsm_memseg_import_close_barrier(&barrier))) {
        t_expect_eq(failures, before);
        t_expect_mem(memory + 32, mine + 32, put ? 16 : 0);
        t_expect_mem(&wide, mine + 32, 8);
    }
    failures = failures > before ? before + 1 : failures;
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier)); /* whatever it was: it can be repeated */
    (void)fine(rsm_memseg_import_put8(imp, 0, (uint8_t *)mine, 4));
    (void)fine_barrier(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
    memset(memory + 64, 0, 8);
    if (fine(rsm_memseg_import_put(imp, 64, mine + 64, 8))) {
        t_expect_mem(memory + 64, mine + 64, 8);
    }
    wide = 0;
    memcpy(memory + 72, mine + 72, 8);
    if (fine(rsm_memseg_import_get64(imp, 72, &wide, 1))) {
        t_expect_mem(&wide, mine + 72, 8);
    }
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
}

static void pollfds(rsm_memseg_export_handle_t seg, rsm_memseg_import_handle_t imp)
{
    struct pollfd fds[2] = {{77, 77, 77}, {77, 77, 77}};
    bool got[2];
    int count = 4711;

    while (rsm_intr_signal_wait(seg, 0) == RSM_SUCCESS) { /* what vectors() has posted */
    }
    got[0] = fine(rsm_memseg_get_pollfd(seg, &fds[0]));
    got[1] = fine(rsm_memseg_get_pollfd(imp, &fds[1]));
    for (unsigned i = 0; i < 2; i++) {
        if (!got[i]) {
            t_expect_eq(fds[i].fd, 77);
            t_expect_eq(fds[i].events, 77);
            fds[i].fd = -1;
        }
    }
    t_expect_code(rsm_intr_signal_wait_pollfd(fds, 2, 0, &count), RSMERR_TIMEOUT);
    t_expect_eq(count, 0);
    if (fine(rsm_intr_signal_post(imp, 0))) {
        t_expect_code(rsm_intr_signal_wait_pollfd(fds, 2, 0, &count),
                      got[0] ? RSM_SUCCESS : RSMERR_TIMEOUT);
        t_expect_code(rsm_intr_signal_wait(seg, 0), got[0] ? RSMERR_TIMEOUT : RSM_SUCCESS);
    }
    if (got[0]) {
        t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_POLLFD_IN_USE);
    }
    if (got[1]) {
        t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE);
    }
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
}

/** To other memory and back, with a transfer in each, which may find no way there. */
static void moves(rsm_memseg_export_handle_t seg, rsm_memseg_import_handle_t imp)
{
    rsm_iovec_t entry = fake_va(mine, 0, 128, 8);
    unsigned long residual = 4711;
    bool put;

    memset(second, 0, FAKE_PAGE);
    t_expect_ok(rsm_memseg_export_rebind(seg, second, 0, FAKE_PAGE));
    put = fine(fake_putv(imp, &entry, 1, 0, &residual));
    t_expect_eq(residual, put ? 0 : 1);
    if (put) {
        t_expect_mem(second + 128, mine, 8);
    } else {
        t_expect_eq(second[128], 0);
    }
    t_expect_ok(rsm_memseg_export_rebind(seg, memory, 0, FAKE_PAGE));
    (void)fine(fake_getv(imp, &entry, 1, 0, &residual));
    for (unsigned i = 0; i < 16; i++) {
        mine[i] = (char)(i * 31 + 7);
    }
}

static void maps(rsm_memseg_import_handle_t imp, rsm_node_id_t node)
{
    void *at = &at;

    if (node == 0) {
        t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, 1),
                      RSMERR_MAP_FAILED);
    } else if (fine(rsm_memseg_import_map(imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, 1))) {
        t_expect_eq(*(char *)at, memory[0]);
        t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_SEG_STILL_MAPPED);
        t_expect_ok(rsm_memseg_import_unmap(imp));
        return;
    }
    t_expect_eq(at, (void *)&at);
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED);
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
    pollfds(seg, imp);
    maps(imp, node);
    moves(seg, imp);
    maps(imp, node);
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
    fake_set_mappable(true);
    if (!fine(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, RSM_ALLOW_REBIND))) {
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
        list[0].ae_permission = 0;
        /* On failure the old list stays, which lets node 0 in. */
        if (fine(rsm_memseg_export_republish(seg, list, 4))) {
            rsm_memseg_import_handle_t imp = NULL;
            int rc;

            rc = rsm_memseg_import_connect(fake_ctl, 0, id, RSM_PERM_READ, &imp);
            (void)fine(rc == RSMERR_PERM_DENIED ? RSM_SUCCESS : rc);
            t_expect_eq(imp, NULL);
            t_expect_ok(rsm_memseg_export_republish(seg, list, 0));
        }
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

static void walk_glue(fake_call_t call, int code, int expected)
{
    unsigned n;

    injected = expected;
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

/* ---- Descriptors ------------------------------------------------------------------------- */

/** What needs descriptors, in a thread that has none of its own yet. */
static void *needs_descriptors(void *arg)
{
    rsm_memseg_export_handle_t seg = NULL;
    rsm_memseg_import_handle_t imp;
    struct pollfd pfds[2] = {{77, 77, 77}, {77, 77, 77}};
    rsm_memseg_id_t id = ID;
    rsm_iovec_t entry = fake_va(mine, 0, 0, 8);
    int rc;

    (void)arg;
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    for (unsigned i = 0; i < 2; i++) {
        void *memseg = i == 0 ? (void *)seg : (void *)imp;

        if (!fine(rsm_memseg_get_pollfd(memseg, &pfds[i]))) {
            t_expect_eq(pfds[i].fd, 77);
        } else {
            t_expect_ok(rsm_memseg_release_pollfd(memseg));
        }
    }
    rc = rsm_intr_signal_wait(seg, 1); /* sleeps on one */
    failures += rc == RSMERR_INSUFFICIENT_RESOURCES;
    t_expect(rc == RSMERR_INSUFFICIENT_RESOURCES || rc == RSMERR_TIMEOUT);
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, 1)); /* no sleep */
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    return NULL;
}

static void walk_descriptors(void)
{
    struct rlimit limit;
    struct rlimit low;
    int lowest = dup(0);
    int last = 1;

    t_require(lowest >= 0);
    (void)close(lowest);
    injected = RSMERR_INSUFFICIENT_MEM;
    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    for (unsigned room = 0; last > 0 && room < 16; room++) {
        pthread_t thread;

        t_note("%u descriptors left", room);
        fake_reset();
        failures = 0;
        low.rlim_cur = (rlim_t)lowest + room;
        t_require_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
        t_require_eq(pthread_create(&thread, NULL, needs_descriptors, NULL), 0);
        (void)pthread_join(thread, NULL);
        t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        t_expect_eq(room == 0, failures == 3); /* all of them, or some got one */
        t_expect_eq(dup(0), lowest);           /* none is left behind */
        (void)close(lowest);
        last = failures;
        fake_expect_clean();
    }
    t_expect_eq(last, 0);
}

/* ---- Opening ----------------------------------------------------------------------------- */

/** Once per controller and process, so not part of the scenario; before fake_begin(). */
static void walk_open(void)
{
    static const int codes[] = {RSMERR_CTLR_NOT_PRESENT, RSMERR_INSUFFICIENT_MEM};
    rsmapi_controller_handle_t ctl = (rsmapi_controller_handle_t)0x1234;
    char name[] = "mpi2";
    long blocks;

    t_require_ok(rsm_get_controller(name, &ctl)); /* takes the object that needs no heap */
    t_require_ok(rsm_release_controller(ctl));
    blocks = rsmi_alloc_live();
    name[3] = '3';
    ctl = (rsmapi_controller_handle_t)0x1234;
    rsmi_alloc_fail_at(1);
    t_expect_code(rsm_get_controller(name, &ctl), RSMERR_INSUFFICIENT_MEM);
    t_expect(rsmi_alloc_failed());
    rsmi_alloc_fail_at(0);
    t_expect_eq(rsmi_alloc_live(), blocks);
    for (unsigned i = 0; i < 2; i++) {
        fake_fail(FAKE_OPEN, 1, codes[i]);
        t_expect_code(rsm_get_controller(name, &ctl), codes[i]);
        t_expect(!fake_fail_pending());
        t_expect_eq(ctl, (rsmapi_controller_handle_t)0x1234);
    }
    t_expect_eq(rsmi_handle_live(), 0);
    t_expect_ok(rsm_get_controller(name, &ctl));
    t_expect_ok(rsm_release_controller(ctl));
    t_expect_eq(rsmi_alloc_live(), blocks + 1); /* its object, kept for good */
}

static char *shared_page(void)
{
    char *page = mmap(NULL, FAKE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    t_require(page != MAP_FAILED);
    return page;
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
        {FAKE_FLUSH_LOCAL, RSMERR_BARRIER_FAILURE},
        {FAKE_FLUSH_LOCAL, RSMERR_CONN_ABORTED},
        {FAKE_RENEW, RSMERR_CONN_ABORTED},
        {FAKE_RENEW, RSMERR_INSUFFICIENT_RESOURCES},
        {FAKE_RENEW, RSMERR_INSUFFICIENT_MEM},
        {FAKE_MAP, RSMERR_MAP_FAILED},
        {FAKE_MAP, RSMERR_INSUFFICIENT_RESOURCES},
    };

    walk_open();
    fake_begin();
    memory = shared_page();
    second = shared_page();
    mine = fake_pages(1);
    for (unsigned i = 0; i < FAKE_PAGE; i++) {
        mine[i] = (char)(i * 31 + 7);
    }
    walk_allocations();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool other = rows[i].call == FAKE_RENEW && rows[i].code == RSMERR_INSUFFICIENT_MEM;

        walk_glue(rows[i].call, rows[i].code, other ? RSMERR_INSUFFICIENT_RESOURCES : rows[i].code);
    }
    walk_descriptors();
    fake_pages_free(mine, 1);
    t_expect_eq(munmap(second, FAKE_PAGE), 0);
    t_expect_eq(munmap(memory, FAKE_PAGE), 0);
    return fake_finish();
}
