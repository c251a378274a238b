/* SPDX-License-Identifier: BSD-3-Clause */
/* Barrier objects and barrier modes (reference 16). */
#include <string.h>

#include "conf.h"

static void not_initialised(conf_t *c)
{
    static const rsmapi_barrier_t zero;

    t_expect_code(rsm_memseg_import_open_barrier(NULL),
                  PAIR(rsm_memseg_import_open_barrier, RSMERR_BAD_BARRIER_PTR));
    t_expect_code(rsm_memseg_import_order_barrier(NULL),
                  PAIR(rsm_memseg_import_order_barrier, RSMERR_BAD_BARRIER_PTR));
    t_expect_code(rsm_memseg_import_close_barrier(NULL),
                  PAIR(rsm_memseg_import_close_barrier, RSMERR_BAD_BARRIER_PTR));
    t_expect_code(rsm_memseg_import_destroy_barrier(NULL),
                  PAIR(rsm_memseg_import_destroy_barrier, RSMERR_BAD_BARRIER_PTR));
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsmapi_barrier_t barrier = zero;

        t_expect_code(rsm_memseg_import_open_barrier(&barrier),
                      PAIR(rsm_memseg_import_open_barrier, RSMERR_BARRIER_UNINITIALIZED));
        t_expect_code(rsm_memseg_import_order_barrier(&barrier),
                      PAIR(rsm_memseg_import_order_barrier, RSMERR_BARRIER_UNINITIALIZED));
        t_expect_code(rsm_memseg_import_close_barrier(&barrier),
                      PAIR(rsm_memseg_import_close_barrier, RSMERR_BARRIER_UNINITIALIZED));
        t_expect_code(rsm_memseg_import_destroy_barrier(&barrier),
                      PAIR(rsm_memseg_import_destroy_barrier, RSMERR_BARRIER_UNINITIALIZED));
        /* A failed init changes nothing; the handle is looked at first. */
        t_expect_code(rsm_memseg_import_init_barrier(NULL, RSM_BAR_DEFAULT, NULL),
                      PAIR(rsm_memseg_import_init_barrier, RSMERR_BAD_SEG_HNDL));
        t_expect_code(rsm_memseg_import_init_barrier(NULL, RSM_BAR_DEFAULT, &barrier),
                      RSMERR_BAD_SEG_HNDL);
        t_expect_code(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, NULL),
                      PAIR(rsm_memseg_import_init_barrier, RSMERR_BAD_BARRIER_PTR));
        t_expect_eq(barrier.seg, NULL);
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_close_barrier, RSMERR_BARRIER_NOT_OPENED));
        t_expect_code(rsm_memseg_import_order_barrier(&me->barrier),
                      PAIR(rsm_memseg_import_order_barrier, RSMERR_BARRIER_NOT_OPENED));
    }
    conf_strike(c);
}

/** Explicit mode: what is behind an order is behind it; reopened at once; open twice is no error.
 */
static void spans(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned round = 0; round < 3; round++) {
        CONF_IMPORTERS (c, me) {
            rsm_iovec_t entry =
                conf_va(me->out, CONF_SLOT / 2, (size_t)me->slot + CONF_SLOT / 2, CONF_SLOT / 2);

            conf_fill(me->out, CONF_SLOT, round * 10 + me->at);
            t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
            t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
            if (round == 1) {
                t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
            }
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT / 2));
            t_expect_ok(rsm_memseg_import_order_barrier(&me->barrier));
            t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
            t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
            t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_NOT_OPENED);

            memset(me->in, 0, CONF_SLOT);
            t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
            entry = conf_va(me->in, 0, (size_t)me->slot, CONF_SLOT);
            t_expect_ok(conf_vector(rsm_memseg_import_getv, me->imp, &entry, 1, 0, NULL));
            t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
            t_expect_mem(me->in, me->out, CONF_SLOT);
        }
        conf_sync(c);
        for (unsigned i = 0; i < c->importers && c->exports; i++) {
            conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, round * 10 + i);
        }
        conf_sync(c);
    }
    conf_strike(c);
}

static void modes(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    t_expect_code(rsm_memseg_import_get_mode(NULL, NULL),
                  PAIR(rsm_memseg_import_get_mode, RSMERR_BAD_SEG_HNDL));
    t_expect_code(rsm_memseg_import_set_mode(NULL, (rsm_barrier_mode_t)2),
                  PAIR(rsm_memseg_import_set_mode, RSMERR_BAD_SEG_HNDL));
    CONF_IMPORTERS (c, me) {
        rsm_memseg_import_handle_t other = conf_connect(c, c->id, RSM_PERM_READ);
        rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;

        t_expect_ok(rsm_memseg_import_get_mode(me->imp, &mode));
        t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
        t_expect_code(rsm_memseg_import_get_mode(me->imp, NULL),
                      PAIR(rsm_memseg_import_get_mode, RSMERR_BAD_ADDR));
        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_code(rsm_memseg_import_set_mode(me->imp, (rsm_barrier_mode_t)2),
                      PAIR(rsm_memseg_import_set_mode, RSMERR_BAD_MODE));
        t_expect_ok(rsm_memseg_import_get_mode(me->imp, &mode));
        t_expect_eq(mode, RSM_BARRIER_MODE_EXPLICIT);
        t_expect_ok(rsm_memseg_import_get_mode(other, &mode)); /* it belongs to the handle */
        t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_IMPLICIT));
        t_expect_ok(rsm_memseg_import_get_mode(me->imp, &mode));
        t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
        conf_disconnect(other);
        t_expect_code(rsm_memseg_import_get_mode(other, &mode), RSMERR_BAD_SEG_HNDL);
    }
    conf_strike(c);
}

static void destroyed(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsmapi_barrier_t second = {0};

        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier)); /* an open one, too */
        t_expect_ok(rsm_memseg_import_destroy_barrier(&me->barrier));
        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                      RSMERR_BARRIER_UNINITIALIZED);
        t_expect_code(rsm_memseg_import_destroy_barrier(&me->barrier),
                      RSMERR_BARRIER_UNINITIALIZED);
        t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);

        /* A second one takes over; destroying the first then changes nothing. */
        t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BARRIER_NODE, &me->barrier));
        t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BARRIER_SEGMENT_THREAD, &second));
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier)); /* the first is usable */
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_destroy_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
        t_expect_ok(rsm_memseg_import_destroy_barrier(&second));
        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                      RSMERR_BARRIER_UNINITIALIZED);

        /* Bound again to the same object, and again; then the handle goes. */
        for (unsigned i = 0; i < 2; i++) {
            t_expect_ok(
                rsm_memseg_import_init_barrier(me->imp, (rsm_barrier_type_t)77, &me->barrier));
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
        }
        conf_disconnect(me->imp);
        me->imp = NULL;
        t_expect_code(rsm_memseg_import_open_barrier(&me->barrier), RSMERR_BARRIER_UNINITIALIZED);
        t_expect_code(rsm_memseg_import_destroy_barrier(&me->barrier),
                      RSMERR_BARRIER_UNINITIALIZED);
    }
    conf_strike(c);
}

/** Calls in implicit mode leave an open span alone (reference 16.9). */
static void implicit_inside_explicit(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_memseg_import_order_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
        t_expect_mem(me->in, me->out, CONF_SLOT);
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
    }
    conf_strike(c);
}

const conf_test_t conf_barriers[] = {
    CONF_TEST(not_initialised, CONF_EVERYWHERE, PROVES(43)),
    CONF_TEST(spans, CONF_EVERYWHERE, PROVES(44)),
    CONF_TEST(modes, CONF_EVERYWHERE, PROVES(45)),
    CONF_TEST(destroyed, CONF_EVERYWHERE, PROVES(46)),
    CONF_TEST(implicit_inside_explicit, CONF_EVERYWHERE, PROVES(44)),
    CONF_END,
};
