/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: values that differ from a live handle by up to three bits, entered as every class.
 * Among them are those that name a live slot and its generation, but another class.
 * Proves: 6.3 and src/check.h: a foreign value is a caller's mistake, so it gives a code in every
 * build; it neither stops a debug build nor passes one object off as another.
 * Does not know where in a handle slot, class and generation are.
 */
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define LIVE 4U
#define BITS 64U

static uint64_t live[LIVE];

static bool is_live(uint64_t value)
{
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i] == value) {
            return true;
        }
    }
    return false;
}

/** How many classes take `value`, though none or only its own should. */
static unsigned wrongly_taken(uint64_t value)
{
    unsigned wrong = 0;

    for (unsigned class = 0; class < 16; class ++) {
        if ((is_live(value) && class == rsmi_handle_class(value)) ||
            rsmi_handle_enter((rsmi_class_t) class, value, NULL) == NULL) {
            continue;
        }
        (void)rsmi_handle_leave(value, 0);
        wrong++;
    }
    return wrong;
}

static unsigned wrongly_seen_in_child(uint64_t value)
{
    unsigned wrong = 0;

    for (unsigned class = 0; class < 16; class ++) {
        wrong += (!is_live(value) || class != rsmi_handle_class(value)) &&
                 rsmi_handle_peek_in_child((rsmi_class_t) class, value) != NULL;
    }
    return wrong;
}

static void flip(unsigned (*wrong)(uint64_t value))
{
    for (unsigned h = 0; h < LIVE; h++) {
        unsigned count = wrong(live[h]);

        t_note("handle of class %u", rsmi_handle_class(live[h]));
        for (unsigned i = 0; i < BITS; i++) { /* equal ones cancel, so fewer than three as well */
            for (unsigned j = i; j < BITS; j++) {
                for (unsigned k = j; k < BITS; k++) {
                    count += wrong(live[h] ^ (UINT64_C(1) << i) ^ (UINT64_C(1) << j) ^
                                   (UINT64_C(1) << k));
                }
            }
        }
        t_expect_eq(count, 0);
    }
}

static void in_child(void *arg)
{
    (void)arg;
    flip(wrongly_seen_in_child);
    for (unsigned h = 0; h < LIVE; h++) {
        t_expect_eq(rsmi_handle_enter((rsmi_class_t)rsmi_handle_class(live[h]), live[h], NULL),
                    NULL);
        t_expect(rsmi_handle_peek_in_child((rsmi_class_t)rsmi_handle_class(live[h]), live[h]) !=
                 NULL);
    }
}

int main(void)
{
    char *memory;
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t local;

    fake_begin();
    memory = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, 0x400001);
    imp = fake_import(0, 0x400001, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &local, memory, 100));
    live[0] = rsmi_handle_from_ptr(fake_ctl);
    live[1] = rsmi_handle_from_ptr(seg);
    live[2] = rsmi_handle_from_ptr(imp);
    live[3] = rsmi_handle_from_ptr(local);
    t_require_eq(rsmi_handle_live(), LIVE); /* no other handle could be hit by chance */

    flip(wrongly_taken);
    (void)fake_in_child(in_child, NULL);
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, local));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}
