/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a forked child publishes and unpublishes what its parent created, with further
 * faults in the same call.
 * Proves: 10.4 (order: NULL id, handle, list, state, reserved id, and only then the creator), 10.5,
 * and the order documented in rsmapi.h; design 2 "Handles".
 */
#include "fake_glue.h"
#include "t.h"

static rsm_memseg_export_handle_t published;
static rsm_memseg_export_handle_t created;

static void child(void *arg)
{
    rsm_memseg_id_t id = 0;
    rsm_memseg_id_t reserved = 1;
    rsm_memseg_id_t taken = 0x400001;

    (void)arg;
    t_expect_code(rsm_memseg_export_publish(created, NULL, NULL, 0), RSMERR_BAD_SEGID);
    t_expect_code(rsm_memseg_export_publish(NULL, &id, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_publish(published, &id, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_publish(created, &id, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_publish(published, &reserved, NULL, 0),
                  RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(rsm_memseg_export_publish(created, &reserved, NULL, 0), RSMERR_RESERVED_SEGID);
    t_expect_code(rsm_memseg_export_publish(created, &id, NULL, 0), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_publish(created, &taken, NULL, 0), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_unpublish(created), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_export_unpublish(published), RSMERR_NOT_CREATOR);
    t_expect_eq(id, 0);
    t_expect_eq(reserved, 1);
}

int main(void)
{
    char *memory;

    fake_begin();
    memory = fake_pages(1);
    published = fake_export(memory, FAKE_PAGE, 0x400001);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &created, memory, FAKE_PAGE, 0));
    (void)fake_in_child(child, NULL);
    t_expect_ok(rsm_memseg_export_destroy(created));
    t_expect_ok(rsm_memseg_export_destroy(published));
    fake_pages_free(memory, 1);
    return fake_finish();
}
