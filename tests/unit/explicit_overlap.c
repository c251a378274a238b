/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: one import handle, two users of it in explicit mode: a barrier closes in the middle
 * of the other's vector. Later that other closes its own barrier, or the exporter unpublishes.
 * Proves: rsmapi.h "Threads" (any number at once, on the same handle too), 16.6 and statement 44:
 * success of a close means that every covered write is in the exporter's memory; 10.5: after
 * unpublish nothing is outstanding.
 * The second user runs in a hook of the fake glue, where another thread could be as well.
 */
#include "fake_glue.h"
#include "t.h"

#define ID 0x400050U

static rsmapi_barrier_t first;
static rsmapi_barrier_t second;

/** Called as the glue is about to take the vector's piece. */
static void close_other(void *arg)
{
    (void)arg;
    fake_hook(FAKE_PUT, NULL, NULL);
    t_expect_ok(rsm_memseg_import_close_barrier(&second));
}

int main(void)
{
    char *memory;
    char *mine;
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_iovec_t entry;

    fake_begin();
    memory = fake_pages(1);
    mine = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &first));
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &second));

    t_note("close after another's close in the middle of the vector");
    entry = fake_va(mine, 0, 0, 1);
    mine[0] = 'x';
    t_expect_ok(rsm_memseg_import_open_barrier(&first));
    t_expect_ok(rsm_memseg_import_open_barrier(&second));
    fake_hook(FAKE_PUT, close_other, NULL);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    t_expect_ok(rsm_memseg_import_close_barrier(&first));
    t_expect_eq(memory[0], 'x');

    t_note("unpublish after another's close in the middle of the vector");
    mine[1] = 'y';
    entry = fake_va(mine, 1, 1, 1);
    t_expect_ok(rsm_memseg_import_open_barrier(&second));
    fake_hook(FAKE_PUT, close_other, NULL);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    t_expect_ok(rsm_memseg_export_unpublish(seg));

    t_expect_ok(rsm_memseg_import_destroy_barrier(&second));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&first));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 1);
    return fake_finish();
}
