/* SPDX-License-Identifier: BSD-3-Clause */
/* Local memory handles (reference 15). */
#include "conf.h"

typedef struct local_case {
    conf_t *c;
    char *memory;
} local_case_t;

enum {
    LOCAL_ODD_ADDRESS,
    LOCAL_NO_CONTROLLER,
    LOCAL_NO_RESULT,
    LOCAL_NO_LENGTH,
    LOCAL_NO_ADDRESS,
    LOCAL_NOT_MAPPED
};

static int create_wrongly(void *arg, unsigned wrong)
{
    const local_case_t *with = arg;
    rsm_localmemory_handle_t handle = (void *)1;
    char *address = with->memory;
    int rc;

    if (CONF_WRONG(wrong, LOCAL_ODD_ADDRESS)) {
        address += 8;
    } else if (CONF_WRONG(wrong, LOCAL_NO_ADDRESS)) {
        address = NULL;
    } else if (CONF_WRONG(wrong, LOCAL_NOT_MAPPED)) {
        address = CONF_NOWHERE;
    }
    rc = rsm_create_localmemory_handle(CONF_WRONG(wrong, LOCAL_NO_CONTROLLER) ? NULL
                                                                              : with->c->controller,
                                       CONF_WRONG(wrong, LOCAL_NO_RESULT) ? NULL : &handle, address,
                                       CONF_WRONG(wrong, LOCAL_NO_LENGTH) ? 0 : 100);
    t_expect_eq(handle, (void *)1); /* written on success only */
    return rc;
}

static void local_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [LOCAL_ODD_ADDRESS] = {"odd address", 1,
                               PAIR(rsm_create_localmemory_handle, RSMERR_BAD_ADDR)},
        [LOCAL_NO_CONTROLLER] = {"no controller", 2,
                                 PAIR(rsm_create_localmemory_handle, RSMERR_BAD_CTLR_HNDL)},
        [LOCAL_NO_RESULT] = {"no result", 3,
                             PAIR(rsm_create_localmemory_handle, RSMERR_BAD_LOCALMEM_HNDL)},
        [LOCAL_NO_LENGTH] = {"no length", 4,
                             PAIR(rsm_create_localmemory_handle, RSMERR_BAD_LENGTH)},
        [LOCAL_NO_ADDRESS] = {"no address", 1, RSMERR_BAD_ADDR},
        [LOCAL_NOT_MAPPED] = {"not mapped", 1, RSMERR_BAD_ADDR},
    };
    local_case_t with = {.c = c, .memory = conf_pages(1, false)};
    rsm_localmemory_handle_t handle;

    CONF_ORDER(rungs, create_wrongly, &with);
    /* Into memory that cannot be touched, and around the end of the address space. */
    t_expect_code(
        rsm_create_localmemory_handle(c->controller, &handle, CONF_NOWHERE, SIZE_MAX - CONF_PAGE),
        RSMERR_BAD_ADDR);
    conf_pages_free(with.memory, 1);
}

static void local_free(conf_t *c)
{
    char *memory = conf_pages(1, false);
    rsm_localmemory_handle_t handle;
    rsm_localmemory_handle_t again;

    t_require_ok(rsm_create_localmemory_handle(c->controller, &handle, memory, 1));
    t_require_ok(rsm_create_localmemory_handle(c->controller, &again, memory, CONF_PAGE));
    t_expect_ne(handle, again); /* ranges may overlap */
    t_expect_code(rsm_free_localmemory_handle(NULL, handle),
                  PAIR(rsm_free_localmemory_handle, RSMERR_BAD_CTLR_HNDL));
    t_expect_code(rsm_free_localmemory_handle(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_free_localmemory_handle(c->controller, NULL),
                  PAIR(rsm_free_localmemory_handle, RSMERR_BAD_LOCALMEM_HNDL));
    t_expect_code(rsm_free_localmemory_handle(c->controller, c->controller),
                  RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_ok(rsm_free_localmemory_handle(c->controller, handle));
    t_expect_code(rsm_free_localmemory_handle(c->controller, handle), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_ok(rsm_free_localmemory_handle(c->controller, again));
    conf_pages_free(memory, 1);
}

const conf_test_t conf_localmem[] = {
    CONF_TEST(local_order, CONF_LOCAL, PROVES(39)),
    CONF_TEST(local_free, CONF_LOCAL, PROVES(40)),
    CONF_END,
};
