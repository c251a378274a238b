/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only a transport that fails on demand can show: the fake glue's. Under MPI nobody can make a
 * flush fail, an importer fall silent or the heap run dry without ending the job. Knows the fake
 * glue, and the library's allocator as far as to let it fail.
 */
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "conf.h"
#include "fake_glue.h"

/* ---- Memory ------------------------------------------------------------------------------ */

/** One call whose first allocations fail in turn, with `code`, until it succeeds; `undo` takes it
 * back. */
static void starve(int (*call)(void *arg), void (*undo)(void *arg), void *arg, int code)
{
    bool failed = true;

    for (long n = 1; failed; n++) {
        int rc;

        rsmi_alloc_fail_at(n);
        rc = call(arg);
        failed = rsmi_alloc_failed();
        rsmi_alloc_fail_at(0);
        t_expect_code(rc, failed ? code : RSM_SUCCESS);
        if (rc == RSM_SUCCESS) {
            t_expect(n > 1); /* it does allocate */
            undo(arg);
        }
    }
}

typedef struct hunger {
    conf_t *c;
    char *memory;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t local;
    rsm_topology_t *topology;
    rsmapi_controller_handle_t controller;
    rsmapi_access_entry_t list;
    struct pollfd pfd;
    char name[8];
} hunger_t;

static int hungry_create(void *arg)
{
    hunger_t *with = arg;

    return rsm_memseg_export_create(with->c->controller, &with->segment, with->memory, CONF_PAGE,
                                    0);
}

static void undo_create(void *arg)
{
    conf_destroy(((hunger_t *)arg)->segment);
}

static int hungry_publish(void *arg)
{
    hunger_t *with = arg;
    rsm_memseg_id_t id = with->c->id + 1;

    return rsm_memseg_export_publish(with->segment, &id, &with->list, 1);
}

static void undo_publish(void *arg)
{
    conf_unpublish(((hunger_t *)arg)->segment);
}

static int hungry_republish(void *arg)
{
    hunger_t *with = arg;

    return rsm_memseg_export_republish(with->c->segment, &with->list, 1);
}

static int hungry_connect(void *arg)
{
    hunger_t *with = arg;

    return rsm_memseg_import_connect(with->c->controller, with->c->exporter, with->c->id,
                                     RSM_PERM_READ, &with->imp);
}

static void undo_connect(void *arg)
{
    conf_disconnect(((hunger_t *)arg)->imp);
}

static int hungry_local(void *arg)
{
    hunger_t *with = arg;

    return rsm_create_localmemory_handle(with->c->controller, &with->local, with->memory,
                                         CONF_PAGE);
}

static void undo_local(void *arg)
{
    hunger_t *with = arg;

    t_expect_ok(rsm_free_localmemory_handle(with->c->controller, with->local));
}

static int hungry_topology(void *arg)
{
    hunger_t *with = arg;
    int rc = rsm_get_interconnect_topology(&with->topology);

    t_expect_eq(with->topology != NULL, rc == RSM_SUCCESS);
    return rc;
}

static void undo_topology(void *arg)
{
    rsm_free_interconnect_topology(((hunger_t *)arg)->topology);
}

static int hungry_pollfd(void *arg)
{
    hunger_t *with = arg;

    return rsm_memseg_get_pollfd(with->c->segment, &with->pfd);
}

static void undo_pollfd(void *arg)
{
    hunger_t *with = arg;

    t_expect_ok(rsm_memseg_release_pollfd(with->c->segment));
}

static void undo_nothing(void *arg)
{
    (void)arg;
}

static void out_of_memory(conf_t *c)
{
    hunger_t with = {.c = c, .memory = conf_pages(1, false)};

    conf_stage(c, 0);
    with.list.ae_permission = 0666;
    starve(hungry_create, undo_create, &with,
           PAIR(rsm_memseg_export_create, RSMERR_INSUFFICIENT_MEM));
    with.segment = conf_create(c, with.memory, CONF_PAGE, 0);
    starve(hungry_publish, undo_publish, &with,
           PAIR(rsm_memseg_export_publish, RSMERR_INSUFFICIENT_MEM));
    conf_destroy(with.segment);
    starve(hungry_republish, undo_nothing, &with,
           PAIR(rsm_memseg_export_republish, RSMERR_INSUFFICIENT_MEM));
    t_expect_ok(rsm_memseg_export_republish(c->segment, NULL, 0));
    starve(hungry_connect, undo_connect, &with,
           PAIR(rsm_memseg_import_connect, RSMERR_INSUFFICIENT_MEM));
    starve(hungry_local, undo_local, &with,
           PAIR(rsm_create_localmemory_handle, RSMERR_INSUFFICIENT_MEM));
    starve(hungry_topology, undo_topology, &with,
           PAIR(rsm_get_interconnect_topology, RSMERR_INSUFFICIENT_MEM));
    starve(hungry_pollfd, undo_pollfd, &with, PAIR(rsm_memseg_get_pollfd, RSMERR_INSUFFICIENT_MEM));
    conf_strike(c);
    conf_pages_free(with.memory, 1);
}

/** A controller of a unit that nobody has opened yet. */
static void controller_out_of_memory(conf_t *c)
{
    char name[] = "mpi5";
    rsmapi_controller_handle_t controller = c->controller;

    rsmi_alloc_fail_at(1);
    t_expect_code(rsm_get_controller(name, &controller),
                  PAIR(rsm_get_controller, RSMERR_INSUFFICIENT_MEM));
    t_expect(rsmi_alloc_failed());
    t_expect_eq(controller, c->controller);
    rsmi_alloc_fail_at(0);
}

/* ---- Transfers that fail ----------------------------------------------------------------- */

static void failed_transfers(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entries[3] = {conf_va(me->out, 0, (size_t)me->slot, 8),
                                  conf_va(me->out, 8, (size_t)me->slot + 8, 8),
                                  conf_va(me->out, 16, (size_t)me->slot + 16, 8)};
        unsigned long residual;

        fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                      PAIR(put_get, RSMERR_BARRIER_FAILURE));
        fake_fail(FAKE_GET, 1, RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_get(me->imp, me->slot, me->in, 8), RSMERR_BARRIER_FAILURE);
        fake_fail(FAKE_FLUSH, 2, RSMERR_BARRIER_FAILURE); /* the second entry */
        t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, entries, 3, RSM_IMPLICIT_SIGPOST,
                                  &residual),
                      PAIR(putv_getv, RSMERR_BARRIER_FAILURE));
        t_expect_eq(residual, 2);
        /* All is well, and the event cannot be sent: nothing is left to move. */
        fake_fail(FAKE_POST, 1, RSMERR_REMOTE_NODE_UNREACHABLE);
        t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, entries, 3, RSM_IMPLICIT_SIGPOST,
                                  &residual),
                      PAIR(putv_getv, RSMERR_REMOTE_NODE_UNREACHABLE));
        t_expect_eq(residual, 0);
        fake_fail(FAKE_POST, 1, RSMERR_REMOTE_NODE_UNREACHABLE);
        t_expect_code(rsm_intr_signal_post(me->imp, 0),
                      PAIR(rsm_intr_signal_post, RSMERR_REMOTE_NODE_UNREACHABLE));
        t_expect_ok(
            rsm_memseg_import_put(me->imp, me->slot, me->out, 8)); /* it may succeed again */
    }
    conf_expect_events(c->segment, 0);
    conf_strike(c);
}

/** Explicit mode: the call says nothing, order and close do, and the next span is a new one. */
static void failed_spans(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, 8);

        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
        fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_order_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_order_barrier, RSMERR_BARRIER_FAILURE));
        t_expect_code(rsm_memseg_import_order_barrier(&me->barrier), RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_close_barrier, RSMERR_BARRIER_FAILURE));
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_NOT_OPENED);

        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_FAILURE);

        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
    }
    conf_strike(c);
}

/** The way to a segment that was rebound cannot be made. */
static void no_way_after_rebind(conf_t *c)
{
    char *memory = conf_pages(CONF_PAGES, false);

    conf_stage(c, RSM_ALLOW_REBIND);
    conf_enter(c, RSM_PERM_RDWR);
    conf_rebind(c->segment, memory, CONF_LENGTH);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, 8);
        unsigned long residual;

        fake_fail(FAKE_RENEW, 1, RSMERR_INSUFFICIENT_RESOURCES);
        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                      PAIR(put_get, RSMERR_INSUFFICIENT_RESOURCES));
        fake_fail(FAKE_RENEW, 1, RSMERR_INSUFFICIENT_RESOURCES);
        t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, &residual),
                      PAIR(putv_getv, RSMERR_INSUFFICIENT_RESOURCES));
        t_expect_eq(residual, 1);
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
        conf_expect_fill(memory + me->slot, 8, me->at + 1);
    }
    conf_leave(c);
    conf_destroy(c->segment);
    c->segment = NULL;
    conf_strike(c);
    conf_pages_free(memory, CONF_PAGES);
}

static void failed_maps(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        void *at = NULL;

        fake_fail(FAKE_MAP, 1, RSMERR_INSUFFICIENT_RESOURCES);
        t_expect_code(
            rsm_memseg_import_map(me->imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, CONF_LENGTH),
            PAIR(rsm_memseg_import_map, RSMERR_INSUFFICIENT_RESOURCES));
        t_expect_eq(at, NULL);
        t_expect_code(rsm_memseg_import_unmap(me->imp), RSMERR_SEG_NOT_MAPPED);
    }
    conf_strike(c);
}

/* ---- Connects that fail ------------------------------------------------------------------ */

static void withdraw(void *segment)
{
    t_expect_ok(rsm_memseg_export_unpublish(segment));
}

static void failed_connects(conf_t *c)
{
    static const int codes[] = {PAIR(rsm_memseg_import_connect, RSMERR_INSUFFICIENT_RESOURCES),
                                PAIR(rsm_memseg_import_connect, RSMERR_CONN_ABORTED),
                                RSMERR_REMOTE_NODE_UNREACHABLE, RSMERR_INTERRUPTED};
    rsm_memseg_import_handle_t imp;

    conf_stage(c, 0);
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        imp = (void *)1;
        fake_fail(FAKE_CONNECT, 1, codes[i]);
        t_expect_code(
            rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &imp),
            codes[i]);
        t_expect_eq(imp, NULL);
    }
    /* The exporter withdraws the segment while the connect is under way. */
    imp = (void *)1;
    fake_hook(FAKE_CONNECT, withdraw, c->segment);
    t_expect_code(rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &imp),
                  PAIR(rsm_memseg_import_connect, RSMERR_INTERRUPTED));
    t_expect_eq(imp, NULL);
    fake_hook(FAKE_CONNECT, NULL, NULL);
    conf_publish(c->segment, c->id);
    conf_disconnect(conf_connect(c, c->id, RSM_PERM_READ));
    conf_strike(c);
}

/** Who asks, and which digit of the mode answers (reference 11.2, 19.5). */
static void digits(conf_t *c)
{
    static const struct {
        uid_t uid;   /* 0: the exporter's, else another */
        gid_t gid;   /* 10: the exporter's, else another */
        bool member; /* of the exporter's group besides */
        rsm_permission_t mode;
        rsm_permission_t perm;
        int code;
    } rows[] = {
        {0, 99, false, 0624, RSM_PERM_RDWR, RSM_SUCCESS}, /* the exporter's own user */
        {200, 99, true, 0624, RSM_PERM_WRITE, RSM_SUCCESS},
        {200, 99, true, 0624, RSM_PERM_READ, RSMERR_PERM_DENIED},
        {200, 10, false, 0624, RSM_PERM_WRITE, RSM_SUCCESS}, /* effective group */
        {200, 99, false, 0624, RSM_PERM_READ, RSM_SUCCESS},
        {200, 99, false, 0624, RSM_PERM_WRITE, RSMERR_PERM_DENIED},
        {0, 10, true, 0066, RSM_PERM_READ, RSMERR_PERM_DENIED}, /* one digit, no falling back */
        {200, 99, false, 0660, RSM_PERM_NONE, RSM_SUCCESS},
    };
    uid_t self = geteuid();
    gid_t own_group = getegid();
    rsmapi_access_entry_t entry = {.ae_node = 2};

    conf_stage(c, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gid_t groups[2] = {own_group + 7, own_group};
        gid_t gid = rows[i].gid == 10 ? own_group : own_group + 1;
        rsm_memseg_import_handle_t imp;
        int rc;

        entry.ae_permission = rows[i].mode;
        t_expect_ok(rsm_memseg_export_republish(c->segment, &entry, 1));
        fake_set_identity(rows[i].uid == 0 ? self : self + rows[i].uid, gid, groups,
                          rows[i].member ? 2 : 1);
        fake_set_asker(2);
        rc = rsm_memseg_import_connect(c->controller, c->exporter, c->id, rows[i].perm, &imp);
        t_expect_code(rc, rows[i].code);
        if (rc == RSM_SUCCESS) {
            conf_disconnect(imp);
        }
    }
    conf_strike(c);
}

/* ---- Cuts that do not come to an end ------------------------------------------------------ */

static void silent_importers(conf_t *c)
{
    char *memory = conf_pages(CONF_PAGES, false);

    fake_set_patience(20);
    conf_stage(c, RSM_ALLOW_REBIND);
    conf_enter(c, RSM_PERM_RDWR);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    t_expect_code(rsm_memseg_export_rebind(c->segment, memory, 0, CONF_LENGTH),
                  PAIR(rsm_memseg_export_rebind, RSMERR_INTERRUPTED));
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rsm_memseg_export_rebind(c->segment, memory, 0, CONF_LENGTH));
    fake_set_cut_mode(FAKE_CUT_NEVER);
    t_expect_code(rsm_memseg_export_unpublish(c->segment),
                  PAIR(rsm_memseg_export_unpublish, RSMERR_INTERRUPTED));
    t_expect_code(rsm_memseg_export_destroy(c->segment),
                  PAIR(rsm_memseg_export_destroy, RSMERR_INTERRUPTED));
    CONF_IMPORTERS (c, me) { /* connects are refused already */
        rsm_memseg_import_handle_t none;

        t_expect_code(
            rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &none),
            RSMERR_SEG_NOT_PUBLISHED);
    }
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rsm_memseg_export_unpublish(c->segment)); /* the call is to be repeated */
    CONF_IMPORTERS (c, me) {
        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8), RSMERR_CONN_ABORTED);
    }
    conf_leave(c);
    conf_destroy(c->segment);
    c->segment = NULL;
    conf_strike(c);
    conf_pages_free(memory, CONF_PAGES);
}

/** A signal while they wait for importers. */
static void signals_interrupt_cuts(conf_t *c)
{
    char *memory = conf_pages(CONF_PAGES, false);

    conf_stage(c, RSM_ALLOW_REBIND);
    conf_enter(c, RSM_PERM_RDWR);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    conf_pester();
    t_expect_code(rsm_memseg_export_rebind(c->segment, memory, 0, CONF_LENGTH), RSMERR_INTERRUPTED);
    t_expect_code(rsm_memseg_export_unpublish(c->segment), RSMERR_INTERRUPTED);
    t_expect_code(rsm_memseg_export_destroy(c->segment), RSMERR_INTERRUPTED);
    conf_pester_end();
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    conf_destroy(c->segment);
    c->segment = NULL;
    conf_strike(c);
    conf_pages_free(memory, CONF_PAGES);
}

const conf_test_t conf_faults[] = {
    CONF_TEST(out_of_memory, CONF_REMOTE, PROVES()),
    CONF_TEST(controller_out_of_memory, CONF_SELF, PROVES()),
    CONF_TEST(failed_transfers, CONF_REMOTE, PROVES(34, 36)),
    CONF_TEST(failed_spans, CONF_REMOTE, PROVES(44)),
    CONF_TEST(no_way_after_rebind, CONF_REMOTE, PROVES()),
    CONF_TEST(failed_maps, CONF_REMOTE, PROVES()),
    CONF_TEST(failed_connects, CONF_REMOTE, PROVES()),
    CONF_TEST(digits, CONF_REMOTE, PROVES(21)),
    CONF_TEST(silent_importers, CONF_REMOTE, PROVES()),
    CONF_TEST(signals_interrupt_cuts, CONF_REMOTE, PROVES()),
    CONF_END,
};
