/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the transport ends (rsmapi.h, "The end"). Under MPI all ranks leave together, by
 * MPI_Finalize; tests/mpi/ends.sh has the other ways, where the launcher ends the job.
 */
#include <string.h>

#include "conf.h"

static void the_end(conf_t *c)
{
    static const rsmapi_barrier_t zero;
    char name[] = "mpi0";
    char *memory = conf_pages(1, false);
    rsm_memseg_export_handle_t made;
    rsm_memseg_import_handle_t imp;
    rsmapi_controller_handle_t again = NULL;
    rsmapi_controller_attr_t attr;
    rsm_localmemory_handle_t local;
    bool cut;

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(c->controller, &local, memory, CONF_PAGE));
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
    }
    conf_sync(c);
    cut = conf_end_transport();

    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, 8);
        rsmapi_barrier_t second = zero;
        unsigned long residual;

        if (cut) { /* as after unpublish */
            t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                          RSMERR_CONN_ABORTED);
            t_expect_code(rsm_memseg_import_get(me->imp, me->slot, me->in, 8), RSMERR_CONN_ABORTED);
            t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, &residual),
                          RSMERR_CONN_ABORTED);
            t_expect_eq(residual, 1);
            t_expect_code(rsm_memseg_import_close_barrier(&me->barrier), RSMERR_CONN_ABORTED);
            t_expect_code(rsm_intr_signal_post(me->imp, 0), RSMERR_CONN_ABORTED);
        }
        t_expect_code(rsm_intr_signal_wait(me->imp, 0), RSMERR_TIMEOUT);
        t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &second));
        t_expect_ok(rsm_memseg_import_destroy_barrier(&second));
    }
    t_expect_code(rsm_get_controller_attr(c->controller, &attr),
                  PAIR(rsm_get_controller_attr, RSMERR_CTLR_NOT_PRESENT));
    t_expect_code(rsm_memseg_export_create(c->controller, &made, memory, CONF_PAGE, 0),
                  PAIR(rsm_memseg_export_create, RSMERR_CTLR_NOT_PRESENT));
    t_expect_eq(made, NULL);
    t_expect_code(rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &imp),
                  PAIR(rsm_memseg_import_connect, RSMERR_CTLR_NOT_PRESENT));
    t_expect_eq(imp, NULL);
    t_expect_code(rsm_get_controller(name, &again),
                  PAIR(rsm_get_controller, RSMERR_CTLR_NOT_PRESENT));
    t_expect_eq(again, NULL);
    t_expect_ok(rsm_free_localmemory_handle(c->controller, local));
    conf_strike(c); /* taking apart works */
    conf_pages_free(memory, 1);
}

const conf_test_t conf_ends[] = {
    CONF_TEST(the_end, CONF_LAST, PROVES(55)),
    CONF_END,
};
