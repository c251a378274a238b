/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the current barrier of an import handle, as put and get in implicit mode see it:
 * replaced, destroyed, another object destroyed, bound anew to the same or to another handle,
 * destroyed twice, its handle disconnected.
 * Proves: 16.1 (init makes current and replaces; the earlier object stays usable), 16.3 and 16.7 as
 * their "Portable" lines say, 16.9 (implicit, no barrier); statements 25 and 46.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fake_glue.h"
#include "t.h"

#define ID 0x400210U

static char *memory;
static rsm_memseg_export_handle_t seg;
static rsm_node_id_t node;
static rsm_memseg_import_handle_t imp;
static rsm_memseg_import_handle_t other;
static rsmapi_barrier_t a;
static rsmapi_barrier_t b;

/** Does `handle` have a current barrier? put, and the others through the same check, say so. */
static void expect_current(rsm_memseg_import_handle_t handle, bool yes)
{
    int code = yes ? RSM_SUCCESS : RSMERR_BARRIER_UNINITIALIZED;
    char byte = 'p';
    uint64_t wide = 0;
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);

    memory[0] = 'm';
    t_expect_code(rsm_memseg_import_put(handle, 0, &byte, 1), code);
    t_expect_eq(memory[0], yes ? 'p' : 'm');
    t_expect_code(rsm_memseg_import_get64(handle, 0, &wide, 1), code);
    t_expect_ok(fake_putv(handle, &entry, 1, 0, NULL)); /* never asks */
    t_expect_ok(rsm_memseg_import_set_mode(handle, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_put(handle, 0, &byte, 1)); /* nor does explicit mode */
    t_expect_ok(rsm_memseg_import_set_mode(handle, RSM_BARRIER_MODE_IMPLICIT));
}

static void expect_usable(rsmapi_barrier_t *barrier)
{
    t_expect_ok(rsm_memseg_import_open_barrier(barrier));
    t_expect_ok(rsm_memseg_import_order_barrier(barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(barrier));
}

static void begin(const char *what)
{
    t_note("%s, node %u", what, node);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    other = fake_import(node, ID, RSM_PERM_RDWR);
    expect_current(imp, false);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &a));
    expect_current(imp, true);
    expect_current(other, false); /* the handle's, not the segment's */
}

static void end(void)
{
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_import_disconnect(other));
}

static void rules(void)
{
    begin("destroyed, then twice");
    t_expect_ok(rsm_memseg_import_destroy_barrier(&a));
    expect_current(imp, false);
    t_expect_code(rsm_memseg_import_destroy_barrier(&a), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &b));
    t_expect_code(rsm_memseg_import_destroy_barrier(&a), RSMERR_BARRIER_UNINITIALIZED);
    expect_current(imp, true); /* the second destroy of an object does nothing to another one */
    end();

    begin("replaced: the earlier object stays usable, and its destroy does not matter");
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &b));
    expect_usable(&a);
    expect_usable(&b);
    expect_current(imp, true);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&a));
    expect_current(imp, true);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&b));
    expect_current(imp, false);
    end();

    begin("replaced, and the newer destroyed: the earlier does not come back");
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &b));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&b));
    expect_current(imp, false);
    expect_usable(&a);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &a));
    expect_current(imp, true);
    end();

    begin("bound anew to the same handle");
    t_expect_ok(rsm_memseg_import_open_barrier(&a));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &a));
    t_expect_code(rsm_memseg_import_close_barrier(&a), RSMERR_BARRIER_NOT_OPENED);
    expect_current(imp, true);
    end();

    begin("bound anew to another handle: the earlier has none");
    t_expect_ok(rsm_memseg_import_init_barrier(other, RSM_BAR_DEFAULT, &a));
    expect_current(imp, false);
    expect_current(other, true);
    expect_usable(&a);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&a));
    expect_current(other, false);
    end();

    begin("not current any more, bound to another handle: the current one stays");
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &b));
    t_expect_ok(rsm_memseg_import_init_barrier(other, RSM_BAR_DEFAULT, &a));
    expect_current(imp, true);
    expect_current(other, true);
    end();

    begin("a failed init changes nothing");
    t_expect_code(rsm_memseg_import_init_barrier(NULL, RSM_BAR_DEFAULT, &a), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier((rsm_memseg_import_handle_t)(void *)seg,
                                                 RSM_BAR_DEFAULT, &a),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, NULL),
                  RSMERR_BAD_BARRIER_PTR);
    expect_current(imp, true);
    expect_usable(&a);
    end();

    begin("open: implicit spans are apart from the object's");
    t_expect_ok(rsm_memseg_import_open_barrier(&a));
    expect_current(imp, true);
    t_expect_ok(rsm_memseg_import_close_barrier(&a));
    t_expect_code(rsm_memseg_import_close_barrier(&a), RSMERR_BARRIER_NOT_OPENED);
    end();

    begin("its handle is disconnected, and a new one takes the place");
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_code(rsm_memseg_import_open_barrier(&a), RSMERR_BARRIER_UNINITIALIZED);
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    expect_current(imp, false);
    t_expect_code(rsm_memseg_import_destroy_barrier(&a), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &a));
    expect_current(imp, true);
    end();
}

/* ---- Bound anew under fire --------------------------------------------------------------- */

static atomic_bool stop;
static atomic_long shots;
static atomic_long misses;

static void *put_on(void *arg)
{
    char byte = 'f';

    (void)arg;
    while (!atomic_load(&stop)) {
        int rc = rsm_memseg_import_put(imp, 8, &byte, 1);

        atomic_fetch_add(rc == RSM_SUCCESS ? &shots : &misses, 1);
    }
    return NULL;
}

/** An object that is bound anew to its own handle is current all the time. */
static void anew_under_fire(void)
{
    pthread_t thread;

    begin("bound anew while another thread puts");
    atomic_store(&stop, false);
    atomic_store(&shots, 0);
    t_require_eq(pthread_create(&thread, NULL, put_on, NULL), 0);
    for (unsigned i = 0; i < 200000 || atomic_load(&shots) < 100; i++) {
        t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &a));
    }
    atomic_store(&stop, true);
    (void)pthread_join(thread, NULL);
    t_expect_eq(atomic_load(&misses), 0);
    end();
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    for (node = 0; node < 2; node++) {
        rules();
    }
    node = 0;
    anew_under_fire();
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}
