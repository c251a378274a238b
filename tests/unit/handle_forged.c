/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: values that name a live slot and its generation, but another class.
 * Proves: 6.3 and src/check.h: a foreign value is a caller's mistake, so it gives a code in every
 * build; it neither stops a debug build nor passes one object off as another.
 */
#include <string.h>

#include "fake_glue.h"
#include "handle.h"
#include "t.h"

static void try_all(const uint64_t *live)
{
    for (unsigned i = 0; i < 4; i++) {
        for (uint64_t class = 0; class < 16; class ++) {
            uint64_t value = (live[i] & ~(UINT64_C(0xF) << 28)) | class << 28;

            if (class == rsmi_handle_class(live[i])) {
                continue;
            }
            t_note("class %u as class %u", rsmi_handle_class(live[i]), (unsigned)class);
            if (rsmi_handle_enter((rsmi_class_t) class, value, NULL) != NULL) {
                t_fail("an object was passed off as one of another class");
                (void)rsmi_handle_leave(live[i]);
            }
        }
    }
}

static void try_in_child(void *arg)
{
    const uint64_t *live = arg;
    uint64_t forged = (live[2] & ~(UINT64_C(0xF) << 28)) | (uint64_t)RSMI_CLASS_EXPORT << 28;

    t_expect_eq(rsmi_handle_peek_in_child(RSMI_CLASS_EXPORT, forged), NULL);
}

int main(void)
{
    char *memory;
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t local;
    uint64_t live[4];

    fake_begin();
    memory = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, 0x400001);
    imp = fake_import(0, 0x400001, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &local, memory, 100));
    live[0] = rsmi_handle_from_ptr(fake_ctl);
    live[1] = rsmi_handle_from_ptr(seg);
    live[2] = rsmi_handle_from_ptr(imp);
    live[3] = rsmi_handle_from_ptr(local);

    (void)fake_in_child(try_in_child, live);
    try_all(live); /* not in a child: that refuses everything anyway */
    t_expect_eq(rsmi_handle_live(), 4);
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, local));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}
