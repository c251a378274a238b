/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: an event arrives while destroy waits for an importer, in vain; the handle lives on.
 * Proves: design 2 "Cut": an event whose post returned success is not lost by a later cut while the
 * export handle lives; rsmapi.h: after RSMERR_INTERRUPTED from destroy the handle lives.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "fake_glue.h"
#include "handle.h"
#include "t.h"

static rsm_memseg_export_handle_t seg;
static atomic_int code;

static void *destroyer(void *arg)
{
    (void)arg;
    atomic_store(&code, rsm_memseg_export_destroy(seg));
    return NULL;
}

int main(void)
{
    rsm_memseg_import_handle_t imp;
    pthread_t thread;
    char *memory;

    fake_begin();
    memory = fake_pages(1);
    fake_set_patience(150);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    seg = fake_export(memory, FAKE_PAGE, 0x400001);
    imp = fake_import(1, 0x400001, RSM_PERM_RDWR);
    t_expect_ok(rsm_intr_signal_post(imp, 0)); /* before: survives */

    t_require_eq(pthread_create(&thread, NULL, destroyer, NULL), 0);
    while (fake_cuts_asked() == 0) {
        fake_ms(1);
    }
    /* The cut has not reached the importer yet, so its post succeeds. */
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&code), RSMERR_INTERRUPTED);

    t_expect_code(rsm_intr_signal_wait(seg, 0), RSM_SUCCESS);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSM_SUCCESS);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}
