/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vectors in the spelling of the programming guide (reference 20.1, S1 to S5): virtual_addr,
 * import_segment_offset, HANDLE, VA_IMMEDIATE, flags an int, a handle a void *. That it compiles is
 * half of the proof.
 */
#include <string.h>

#include "conf.h"

static void guide_spelling(conf_t *c)
{
    char *local = conf_pages(1, false);

    t_expect_eq(HANDLE, RSM_HANDLE_TYPE);
    t_expect_eq(VA_IMMEDIATE, RSM_VA_TYPE);
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        void *handle;
        rsm_iovec_t entries[2];
        rsm_scat_gath_t request;

        t_require_ok(rsm_create_localmemory_handle(c->controller, &handle, local, CONF_PAGE));
        memcpy(local + 8, me->out, 64);
        memset(entries, 0, sizeof entries);
        entries[0].io_type = HANDLE;
        entries[0].local.handle = handle;
        entries[0].local_offset = 8;
        entries[0].import_segment_offset = (size_t)me->slot;
        entries[0].transfer_length = 64;
        entries[1].io_type = VA_IMMEDIATE;
        entries[1].local.virtual_addr = (char *)me->out;
        entries[1].local_offset = 64;
        entries[1].import_segment_offset = (size_t)me->slot + 64;
        entries[1].transfer_length = CONF_SLOT - 64;
        /* The same members under other names. */
        t_expect_eq(&entries[1].local.virtual_addr, &entries[1].local.vaddr);
        t_expect_eq(&entries[1].import_segment_offset, &entries[1].remote_offset);

        memset(&request, 0, sizeof request);
        request.io_request_count = 2;
        request.flags = (int)RSM_IMPLICIT_SIGPOST;
        request.remote_handle = me->imp;
        request.iovec = entries;
        t_expect_ok(rsm_memseg_import_putv(&request));
        t_expect_eq(request.io_residual_count, 0);
        t_expect_ok(rsm_free_localmemory_handle(c->controller, handle));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        for (unsigned i = 0; i < c->importers; i++) {
            conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        }
        conf_expect_events(c->segment, c->importers);
    }
    conf_strike(c);
    conf_pages_free(local, 1);
}

const conf_test_t conf_seed[] = {
    CONF_TEST(guide_spelling, CONF_EVERYWHERE, PROVES(38)),
    CONF_END,
};
