/* SPDX-License-Identifier: BSD-3-Clause */
/* Forced disconnection (reference 18). */
#include <string.h>

#include "conf.h"

/** The exporter withdraws the segment and fills its memory, which is its own again. */
static void cut(conf_t *c)
{
    conf_sync(c);
    if (c->exports) {
        conf_unpublish(c->segment);
        memset(c->memory, 0x77, CONF_LENGTH);
    }
    conf_sync(c);
}

/** Importers are done: nobody has reached that memory. */
static void nobody_was_here(conf_t *c)
{
    conf_sync(c);
    if (c->exports) {
        conf_expect_bytes(c->memory, CONF_LENGTH, 0x77);
    }
    conf_sync(c);
}

/** Every transfer of one handle, in the mode it is in. */
static void transfers_are_refused(conf_importer_t *me)
{
    rsm_iovec_t entries[3] = {conf_va(me->in, 0, (size_t)me->slot, 8),
                              conf_va(me->in, 8, (size_t)me->slot + 8, 8), conf_va(NULL, 0, 0, 0)};
    unsigned long residual;

    memset(me->in, 0x55, CONF_SLOT);
    t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT),
                  PAIR(put_get, RSMERR_CONN_ABORTED));
    t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 0), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_put64(me->imp, me->slot, (uint64_t *)(void *)me->out, 1),
                  RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_get8(me->imp, me->slot, me->in, 1), RSMERR_CONN_ABORTED);
    t_expect_code(
        conf_vector(rsm_memseg_import_putv, me->imp, entries, 3, RSM_IMPLICIT_SIGPOST, &residual),
        PAIR(putv_getv, RSMERR_CONN_ABORTED));
    t_expect_eq(residual, 3);
    t_expect_code(
        conf_vector(rsm_memseg_import_getv, me->imp, entries, 3, RSM_IMPLICIT_SIGPOST, &residual),
        RSMERR_CONN_ABORTED);
    t_expect_eq(residual, 3);
    conf_expect_bytes(me->in, CONF_SLOT, 0x55);
}

static void cut_off(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        t_expect_ok(rsm_intr_signal_post(c->segment, 0));
        conf_arrive_all(c);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_fill(c->memory, CONF_SLOT, 1);
    }
    cut(c);
    CONF_IMPORTERS (c, me) {
        void *at = (void *)0x1234;
        rsm_barrier_mode_t mode;
        rsm_memseg_import_handle_t none;
        rsmapi_barrier_t second = {0};

        transfers_are_refused(me);
        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(rsm_memseg_import_get_mode(me->imp, &mode));
        t_expect_eq(mode, RSM_BARRIER_MODE_EXPLICIT);
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        transfers_are_refused(me);
        t_expect_code(rsm_memseg_import_order_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_order_barrier, RSMERR_CONN_ABORTED));
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_close_barrier, RSMERR_CONN_ABORTED));
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_NOT_OPENED);
        t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &second));
        t_expect_ok(rsm_memseg_import_destroy_barrier(&second));

        t_expect_code(
            rsm_memseg_import_map(me->imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, CONF_PAGE),
            PAIR(rsm_memseg_import_map, RSMERR_CONN_ABORTED));
        t_expect_eq(at, (void *)0x1234);
        t_expect_code(rsm_memseg_import_unmap(me->imp), RSMERR_SEG_NOT_MAPPED);
        t_expect_code(rsm_intr_signal_post(me->imp, 0),
                      PAIR(rsm_intr_signal_post, RSMERR_CONN_ABORTED));
        conf_expect_events(me->imp, 1); /* what was pending, then nothing */
        t_expect_code(
            rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &none),
            PAIR(rsm_memseg_import_connect, RSMERR_SEG_NOT_PUBLISHED));
        conf_arrive(c, c->exporter);
    }
    conf_leave(c);
    nobody_was_here(c);
    if (c->exports) { /* pending events outlive the publication; nothing was posted since */
        conf_expect_events(c->segment, c->importers);
    }
    conf_strike(c);
}

/** The same id, memory and list again: the old handles stay cut off. */
static void no_revival(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned round = 0; round < 3; round++) {
        cut(c);
        if (c->exports) {
            conf_publish(c->segment, c->id);
        }
        conf_sync(c);
        CONF_IMPORTERS (c, me) {
            rsm_memseg_import_handle_t old = me->imp;

            transfers_are_refused(me);
            t_expect_code(rsm_intr_signal_post(old, 0), RSMERR_CONN_ABORTED);
        }
        nobody_was_here(c);
        if (c->exports) { /* and the other way: the new life posts to new handles only */
            t_expect_ok(rsm_intr_signal_post(c->segment, 0));
            conf_arrive_all(c);
        }
        conf_sync(c);
        CONF_IMPORTERS (c, me) {
            rsm_memseg_import_handle_t old = me->imp;

            conf_expect_events(old, 0);
            me->imp = conf_connect(c, c->id, RSM_PERM_RDWR);
            conf_disconnect(old);
            t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &me->barrier));
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
            conf_arrive(c, c->exporter);
        }
        conf_sync(c);
        if (c->exports) {
            for (unsigned i = 0; i < c->importers; i++) {
                conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
            }
            conf_expect_events(c->segment, c->importers);
        }
    }
    conf_strike(c);
}

/** Opened before the cut, closed after it: it fails, whether or not there is anything in it. */
static void span_over_a_cut(conf_t *c)
{
    rsmapi_barrier_t empty[CONF_IMPORTERS_MAX] = {{0}};
    rsm_memseg_import_handle_t quiet[CONF_IMPORTERS_MAX];

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT);

        quiet[me->at] = conf_connect(c, c->id, RSM_PERM_READ);
        t_expect_ok(rsm_memseg_import_init_barrier(quiet[me->at], RSM_BAR_DEFAULT, &empty[me->at]));
        t_expect_ok(rsm_memseg_import_open_barrier(&empty[me->at]));
        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
        if (me->at % 2 == 0) { /* all is complete before the cut */
            t_expect_ok(rsm_memseg_import_order_barrier(&me->barrier));
        }
    }
    cut(c);
    CONF_IMPORTERS (c, me) {
        t_expect_code(rsm_memseg_import_close_barrier(&empty[me->at]), RSMERR_CONN_ABORTED);
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_CONN_ABORTED);
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier)); /* for ever so */
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_CONN_ABORTED);
        t_expect_ok(rsm_memseg_import_destroy_barrier(&me->barrier));
        conf_disconnect(quiet[me->at]);
    }
    conf_leave(c);
    nobody_was_here(c);
    conf_strike(c);
}

const conf_test_t conf_cuts[] = {
    CONF_TEST(cut_off, CONF_EVERYWHERE, PROVES(53)),
    CONF_TEST(no_revival, CONF_EVERYWHERE, PROVES(54)),
    CONF_TEST(span_over_a_cut, CONF_EVERYWHERE, PROVES(56)),
    CONF_END,
};
