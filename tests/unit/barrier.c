/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: barrier objects and modes: life cycle and check order through the public calls, what
 * is flushed when, failures, bad entries, cuts, disconnected imports.
 * Proves: 16.1 to 16.9 as far as the calls exist, 14.6, 18.2; statements 43 to 46 without put, 56;
 * design 2 "Vectors" (a bad entry leaves the barrier healthy) and "Cut" (order_barrier too).
 */
#include <string.h>

#include "fake_glue.h"
#include "t.h"

#define ID 0x400040U

static char *memory;
static char *mine;
static rsm_memseg_export_handle_t seg;
static rsm_memseg_import_handle_t imp;
static rsmapi_barrier_t barrier;

static int put_byte(char value, size_t offset)
{
    rsm_iovec_t entry;
    unsigned long residual;

    mine[offset] = value; /* stays until the barrier closes */
    entry = fake_va(mine, offset, offset, 1);
    return fake_putv(imp, &entry, 1, 0, &residual);
}

static void explicit_mode(void)
{
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
}

static void life_cycle(void)
{
    static const rsmapi_barrier_t zero;
    rsmapi_barrier_t garbage;

    t_note("NULL and zero");
    memset(&barrier, 0, sizeof barrier);
    t_expect_code(rsm_memseg_import_init_barrier(NULL, RSM_BAR_DEFAULT, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, NULL),
                  RSMERR_BAD_BARRIER_PTR);
    t_expect_code(rsm_memseg_import_open_barrier(NULL), RSMERR_BAD_BARRIER_PTR);
    t_expect_code(rsm_memseg_import_order_barrier(NULL), RSMERR_BAD_BARRIER_PTR);
    t_expect_code(rsm_memseg_import_close_barrier(NULL), RSMERR_BAD_BARRIER_PTR);
    t_expect_code(rsm_memseg_import_destroy_barrier(NULL), RSMERR_BAD_BARRIER_PTR);
    t_expect_code(rsm_memseg_import_open_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_destroy_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_eq(barrier.seg, zero.seg);

    t_note("never initialised, not zeroed: no crash");
    memset(&garbage, 0xA5, sizeof garbage);
    t_expect_code(rsm_memseg_import_open_barrier(&garbage), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_close_barrier(&garbage), RSMERR_BARRIER_UNINITIALIZED);
    garbage.seg = seg; /* an export handle */
    t_expect_code(rsm_memseg_import_destroy_barrier(&garbage), RSMERR_BARRIER_UNINITIALIZED);

    t_note("initialised");
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_note("open");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier)); /* anew */
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier)); /* reopen */
    t_expect_ok(rsm_memseg_import_init_barrier(imp, (rsm_barrier_type_t)0x77, &barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier)); /* open: abandoned */
    t_expect_code(rsm_memseg_import_destroy_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_open_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BARRIER_NODE_THREAD, &barrier));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
}

static void flushes(void)
{
    t_note("what is flushed when");
    explicit_mode();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    fake_log_clear();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), ""); /* nothing outstanding */

    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('a', 0));
    t_expect_ok(put_byte('b', 1));
    t_expect_ok(put_byte('c', 2));
    t_expect_str(fake_log(), "PPP"); /* no flush without a barrier call */
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), "PPPF");
    t_expect_mem(memory, "abc", 3);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), "PPPF");

    t_note("open, transfers, order, transfers, close");
    fake_log_clear();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('d', 0));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_eq(memory[0], 'd');
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(put_byte('e', 1));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), "PFPF");
    t_expect_eq(memory[1], 'e');

    t_note("getv");
    {
        rsm_iovec_t entry = fake_va(mine, 100, 0, 3);

        fake_log_clear();
        t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
        t_expect_ok(fake_getv(imp, &entry, 1, 0, NULL));
        t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
        t_expect_str(fake_log(), "GF");
        t_expect_mem(mine + 100, "dec", 3);
    }

    t_note("started before the open: closing completes it as well");
    t_expect_ok(put_byte('f', 0));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(memory[0], 'f');

    t_note("the mode may change inside a span");
    fake_log_clear();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('g', 0));
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
    t_expect_str(fake_log(), "P"); /* changing it completes nothing */
    t_expect_ok(put_byte('h', 1));
    t_expect_eq(memory[1], 'h');
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(memory[0], 'g');

    t_note("a destroyed barrier's transfers complete with another one's close");
    explicit_mode();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('i', 0));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(memory[0], 'i');

    t_note("disconnect completes what is outstanding");
    t_expect_ok(put_byte('j', 0));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_eq(memory[0], 'j');
    t_expect_code(rsm_memseg_import_open_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_destroy_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    imp = fake_import(1, ID, RSM_PERM_RDWR); /* takes the slot: the barrier must not come alive */
    t_expect_code(rsm_memseg_import_open_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
}

static void healthy_span(void)
{
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('v', 7));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(memory[7], 'v');
    memory[7] = 0;
}

static void failures(void)
{
    explicit_mode();
    t_note("the flush of the close fails");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('a', 0));
    fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    healthy_span();

    t_note("a transfer fails between open and close");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(put_byte('a', 0), RSMERR_BARRIER_FAILURE);
    t_expect_ok(put_byte('b', 1));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    healthy_span();

    t_note("in implicit mode, too");
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(put_byte('a', 0), RSMERR_BARRIER_FAILURE);
    t_expect_ok(put_byte('a', 0));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    healthy_span();
    explicit_mode();

    t_note("order reports, and close again");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('a', 0));
    fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    healthy_span();

    t_note("a new open forgets");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(put_byte('a', 0), RSMERR_BARRIER_FAILURE);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));

    t_note("a failure before the open is none of its business");
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(put_byte('a', 0), RSMERR_BARRIER_FAILURE);
    healthy_span();

    t_note("two barriers of one import both cover it");
    {
        rsmapi_barrier_t second = {NULL, 0, NULL};

        t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &second));
        t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
        t_expect_ok(rsm_memseg_import_open_barrier(&second));
        t_expect_ok(put_byte('a', 0));
        fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_close_barrier(&second), RSMERR_BARRIER_FAILURE);
        t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
        t_expect_ok(rsm_memseg_import_destroy_barrier(&second));
        t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    }
    healthy_span();

    t_note("another import's failure is not ours");
    {
        rsm_memseg_import_handle_t ours = imp;

        t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
        imp = fake_import(2, ID, RSM_PERM_RDWR);
        fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
        t_expect_code(put_byte('a', 0), RSMERR_BARRIER_FAILURE);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
        imp = ours;
        t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    }

    t_note("the exporter is lost during the flush");
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(put_byte('a', 0));
    fake_fail(FAKE_FLUSH, 1, RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_CONN_ABORTED);
    healthy_span();
}

/** A caller's mistake is no failure of a transfer; what came before it is completed. */
static void bad_entries(void)
{
    for (unsigned at = 0; at < 3; at++) {
        rsm_iovec_t entries[3];
        unsigned long residual = 4711;

        t_note("bad entry %u", at);
        memset(memory, 0, 8);
        memset(mine, 'x', 8);
        for (unsigned i = 0; i < 3; i++) {
            entries[i] = fake_va(mine, i, i, 1);
        }
        entries[at] = fake_va(NULL, 0, 0, 1);
        t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
        t_expect_code(fake_putv(imp, entries, 3, RSM_IMPLICIT_SIGPOST, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 3 - at);
        t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
        for (unsigned i = 0; i < 3; i++) {
            t_expect_eq(memory[i], i < at ? 'x' : 0);
        }
    }
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
}

static void cut(rsm_node_id_t node)
{
    rsm_memseg_id_t id = ID + 1;
    rsm_memseg_export_handle_t own = fake_export(memory, FAKE_PAGE, id);
    rsm_memseg_import_handle_t ours = imp;
    rsmapi_barrier_t span = {NULL, 0, NULL};
    rsm_barrier_mode_t mode;

    t_note("cut, node %u", node);
    imp = fake_import(node, id, RSM_PERM_RDWR);
    explicit_mode();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &span));
    t_expect_ok(rsm_memseg_import_open_barrier(&span));
    t_expect_ok(put_byte('k', 0));
    t_expect_ok(rsm_memseg_import_order_barrier(&span)); /* complete before the cut, and yet */
    t_expect_ok(rsm_memseg_export_unpublish(own));
    t_expect_code(rsm_memseg_import_order_barrier(&span), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_close_barrier(&span), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_import_close_barrier(&span), RSMERR_BARRIER_NOT_OPENED);
    t_expect_code(rsm_memseg_import_order_barrier(&span), RSMERR_BARRIER_NOT_OPENED);
    for (unsigned i = 0; i < 3; i++) { /* for ever */
        t_expect_ok(rsm_memseg_import_open_barrier(&span));
        t_expect_code(rsm_memseg_import_close_barrier(&span), RSMERR_CONN_ABORTED);
    }
    t_expect_ok(rsm_memseg_export_publish(own, &id, NULL, 0));
    t_expect_ok(rsm_memseg_import_open_barrier(&span));
    t_expect_code(rsm_memseg_import_close_barrier(&span), RSMERR_CONN_ABORTED);
    /* What works normally. */
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
    t_expect_ok(rsm_memseg_import_get_mode(imp, &mode));
    t_expect_eq((int)mode, (int)RSM_BARRIER_MODE_IMPLICIT);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&span));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &span));
    t_expect_ok(rsm_memseg_import_open_barrier(&span));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&span));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(own));
    imp = ours;
}

/** What was started and not flushed is in memory when unpublish returns: nothing comes later. */
static void cut_completes(void)
{
    rsm_memseg_export_handle_t own = fake_export(memory, FAKE_PAGE, ID + 1);
    rsm_memseg_import_handle_t ours = imp;

    t_note("outstanding at the cut");
    imp = fake_import(1, ID + 1, RSM_PERM_RDWR);
    explicit_mode();
    t_expect_ok(put_byte('m', 0));
    t_expect_ok(rsm_memseg_export_unpublish(own));
    memory[0] = 'n'; /* the exporter's again */
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_eq(memory[0], 'n');
    t_expect_ok(rsm_memseg_export_destroy(own));
    imp = ours;
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    mine = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    life_cycle();
    flushes();
    failures();
    bad_entries();
    cut(1);
    cut(0);
    cut_completes();
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 1);
    return fake_finish();
}
