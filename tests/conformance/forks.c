/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forked children (reference 2.3, design 2 "Handles"). The child calls the library, which must not
 * call MPI in it, and leaves by _exit(): what both MPIs here allow.
 */
#include <string.h>

#include "conf.h"

typedef struct heirloom {
    conf_t *c;
    conf_importer_t *me;
    rsm_memseg_export_handle_t created; /* may be rebound */
    char *memory;
    rsm_localmemory_handle_t local;
} heirloom_t;

/** publish, republish, unpublish, rebind: the tests of the state come first. */
static void exports_in_child(const heirloom_t *with)
{
    conf_t *c = with->c;
    rsmapi_access_entry_t *unreadable = CONF_NOWHERE;
    rsm_memseg_id_t id = c->id + 1;
    rsm_memseg_id_t reserved = 1;
    rsm_memseg_export_handle_t made = (void *)1;

    t_expect_code(rsm_memseg_export_publish(with->created, &id, NULL, 0),
                  PAIR(rsm_memseg_export_publish, RSMERR_NOT_CREATOR));
    t_expect_code(rsm_memseg_export_publish(with->created, &id, unreadable, 1), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_publish(with->created, &reserved, NULL, 0),
                  RSMERR_RESERVED_SEGID);
    t_expect_code(rsm_memseg_export_publish(with->created, &id, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_publish(c->segment, &reserved, NULL, 0),
                  RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(rsm_memseg_export_publish(c->segment, &id, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_publish(NULL, &id, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_publish(NULL, NULL, NULL, 0), RSMERR_BAD_SEGID);
    t_expect_eq(id, c->id + 1);

    t_expect_code(rsm_memseg_export_republish(c->segment, NULL, 0),
                  PAIR(rsm_memseg_export_republish, RSMERR_NOT_CREATOR));
    t_expect_code(rsm_memseg_export_republish(c->segment, unreadable, 1), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_republish(c->segment, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_republish(with->created, NULL, 1), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_export_unpublish(c->segment),
                  PAIR(rsm_memseg_export_unpublish, RSMERR_NOT_CREATOR));
    t_expect_code(rsm_memseg_export_unpublish(with->created), RSMERR_SEG_NOT_PUBLISHED);

    t_expect_code(rsm_memseg_export_rebind(with->created, with->memory, 0, 1),
                  PAIR(rsm_memseg_export_rebind, RSMERR_NOT_CREATOR));
    t_expect_code(rsm_memseg_export_rebind(with->created, NULL, 0, CONF_LENGTH), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_export_rebind(c->segment, with->memory, 0, CONF_LENGTH),
                  RSMERR_REBIND_NOT_ALLOWED);

    t_expect_code(rsm_memseg_export_destroy(c->segment), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_post(c->segment, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(c->segment, -1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_create(c->controller, &made, with->memory, CONF_LENGTH, 0),
                  RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(made, NULL);
}

static void imports_in_child(const heirloom_t *with)
{
    conf_importer_t *me = with->me;
    rsm_iovec_t entry = conf_va(me->out, 0, 0, 8);
    rsm_memseg_import_handle_t made = (void *)1;
    rsm_barrier_mode_t mode;
    rsmapi_barrier_t barrier = {0};
    struct pollfd pfd;
    unsigned long residual;
    void *at;

    t_expect_code(rsm_memseg_import_put(me->imp, 0, me->out, 8), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get(me->imp, 0, me->in, 8), RSMERR_BAD_SEG_HNDL);
    t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, &residual),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_eq(residual, 1);
    t_expect_code(conf_vector(rsm_memseg_import_getv, me->imp, &entry, 1, 0, NULL),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_open_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_order_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_destroy_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &barrier),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get_mode(me->imp, &mode), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_map(me->imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, 1),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_unmap(me->imp), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_post(me->imp, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(me->imp, -1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_get_pollfd(me->imp, &pfd), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(me->imp), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_disconnect(me->imp), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_connect(with->c->controller, with->c->exporter, with->c->id,
                                            RSM_PERM_READ, &made),
                  RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(made, NULL);
}

static void controllers_in_child(const heirloom_t *with)
{
    rsmapi_controller_handle_t controller = with->c->controller;
    rsmapi_controller_handle_t again;
    rsmapi_controller_attr_t attr;
    rsm_topology_t *topology = NULL;
    rsm_localmemory_handle_t local;

    t_expect_code(rsm_get_controller_attr(controller, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(controller), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller(NULL, &again), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, with->memory, CONF_PAGE),
                  RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_free_localmemory_handle(controller, with->local), RSMERR_BAD_CTLR_HNDL);
    t_expect_ok(rsm_get_interconnect_topology(&topology)); /* it names no controller */
    t_expect_eq(topology->topology_hdr.local_cntlr_count, 0);
    rsm_free_interconnect_topology(topology);
}

static void child(void *arg)
{
    heirloom_t *with = arg;

    controllers_in_child(with);
    if (with->c->exports) {
        exports_in_child(with);
    }
    if (with->me != NULL) {
        imports_in_child(with);
    }
}

/** Dead in the child, and nothing of it is felt in the parent. */
static void handles_do_not_fork(conf_t *c)
{
    heirloom_t with = {.c = c, .memory = conf_pages(CONF_PAGES, false)};

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        with.created = conf_create(c, with.memory, CONF_LENGTH, RSM_ALLOW_REBIND);
    }
    t_require_ok(rsm_create_localmemory_handle(c->controller, &with.local, with.memory, CONF_PAGE));
    CONF_IMPORTERS (c, me) {
        with.me = me;
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
    }
    conf_in_child(child, &with);
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    t_expect_ok(rsm_free_localmemory_handle(c->controller, with.local));
    if (c->exports) {
        for (unsigned i = 0; i < c->importers; i++) {
            conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        }
        conf_expect_events(c->segment, c->importers);
        conf_destroy(with.created);
    }
    conf_strike(c);
    conf_pages_free(with.memory, CONF_PAGES);
}

const conf_test_t conf_forks[] = {
    CONF_TEST(handles_do_not_fork, CONF_EVERYWHERE, PROVES()),
    CONF_END,
};
