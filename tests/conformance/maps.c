/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mappings (reference 12). No data path of this version maps but the fake glue's; elsewhere a call
 * that is right in everything gives RSMERR_MAP_FAILED, and all checks are the same.
 */
#include <string.h>

#include "conf.h"

/* ---- Order ------------------------------------------------------------------------------- */

typedef struct map_case {
    conf_t *c;
    rsm_memseg_import_handle_t by[2][2][2]; /* mapped, cut, read only */
} map_case_t;

enum {
    MAP_NO_HANDLE,
    MAP_NO_RESULT,
    MAP_TWICE, /* where something maps */
    MAP_CUT,
    MAP_UNKNOWN_RIGHTS,
    MAP_NO_LENGTH,
    MAP_NEGATIVE_OFFSET,
    MAP_TOO_LONG,
    MAP_ODD_OFFSET,
    MAP_ODD_PLACE,
    MAP_NO_RIGHT
};

static int map_wrongly(void *arg, unsigned wrong)
{
    const map_case_t *with = arg;
    rsm_memseg_import_handle_t imp =
        with->by[CONF_WRONG(wrong, MAP_TWICE)][CONF_WRONG(wrong, MAP_CUT)]
                [CONF_WRONG(wrong, MAP_NO_RIGHT)];
    void *place = CONF_WRONG(wrong, MAP_ODD_PLACE) ? (void *)8 : NULL;
    void *at = place;
    off_t offset = 0;
    size_t length = CONF_PAGE;
    int rc;

    if (CONF_WRONG(wrong, MAP_NEGATIVE_OFFSET)) {
        offset = -CONF_PAGE;
    } else if (CONF_WRONG(wrong, MAP_ODD_OFFSET)) {
        offset = 8;
    }
    if (CONF_WRONG(wrong, MAP_NO_LENGTH)) {
        length = 0;
    } else if (CONF_WRONG(wrong, MAP_TOO_LONG)) {
        length = CONF_LENGTH + 1;
    }
    rc = rsm_memseg_import_map(CONF_WRONG(wrong, MAP_NO_HANDLE) ? NULL : imp,
                               CONF_WRONG(wrong, MAP_NO_RESULT) ? NULL : &at,
                               CONF_WRONG(wrong, MAP_ODD_PLACE) ? RSM_MAP_FIXED : RSM_MAP_NONE,
                               CONF_WRONG(wrong, MAP_UNKNOWN_RIGHTS) ? 0640 : RSM_PERM_RDWR, offset,
                               length);
    t_expect_eq(at, place);
    return rc;
}

static void map_order(conf_t *c)
{
    conf_rung_t rungs[] = {
        [MAP_NO_HANDLE] = {"no handle", 1, PAIR(rsm_memseg_import_map, RSMERR_BAD_SEG_HNDL)},
        [MAP_NO_RESULT] = {"no result", 2, PAIR(rsm_memseg_import_map, RSMERR_BAD_ADDR)},
        [MAP_TWICE] = {"mapped", 3, PAIR(rsm_memseg_import_map, RSMERR_SEG_ALREADY_MAPPED)},
        [MAP_CUT] = {"cut off", 4, PAIR(rsm_memseg_import_map, RSMERR_CONN_ABORTED)},
        [MAP_UNKNOWN_RIGHTS] = {"unknown rights", 5, PAIR(rsm_memseg_import_map, RSMERR_BAD_PERMS)},
        [MAP_NO_LENGTH] = {"no length", 6, PAIR(rsm_memseg_import_map, RSMERR_BAD_LENGTH)},
        [MAP_NEGATIVE_OFFSET] = {"negative offset", 7,
                                 PAIR(rsm_memseg_import_map, RSMERR_BAD_OFFSET)},
        [MAP_TOO_LONG] = {"too long", 6, RSMERR_BAD_LENGTH},
        [MAP_ODD_OFFSET] = {"odd offset", 7, PAIR(rsm_memseg_import_map, RSMERR_BAD_MEM_ALIGNMENT)},
        [MAP_ODD_PLACE] = {"odd place", 2, RSMERR_BAD_MEM_ALIGNMENT},
        [MAP_NO_RIGHT] = {"no right", 8, RSMERR_BAD_PERMS},
    };
    static map_case_t cases[CONF_IMPORTERS_MAX];
    rsm_memseg_export_handle_t other = NULL;

    if (!c->maps) {
        rungs[MAP_TWICE].code = RSM_SUCCESS;
    }
    conf_stage(c, 0);
    if (c->exports) {
        other = conf_create(c, c->memory, CONF_LENGTH, 0);
        conf_publish(other, c->id + 1);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        map_case_t *with = &cases[me->at];

        with->c = c;
        for (unsigned i = 0; i < 8; i++) {
            rsm_memseg_import_handle_t imp =
                conf_connect(c, c->id + (i >> 1 & 1), (i & 1) != 0 ? RSM_PERM_READ : RSM_PERM_RDWR);
            void *at;

            with->by[i >> 2][i >> 1 & 1][i & 1] = imp;
            if (c->maps && i >> 2 != 0) {
                t_require_ok(
                    rsm_memseg_import_map(imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, CONF_PAGE));
            }
        }
    }
    conf_sync(c);
    if (c->exports) {
        conf_destroy(other);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        map_case_t *with = &cases[me->at];

        CONF_ORDER(rungs, map_wrongly, with);
        for (unsigned i = 0; i < 8; i++) {
            rsm_memseg_import_handle_t imp = with->by[i >> 2][i >> 1 & 1][i & 1];

            t_expect_code(rsm_memseg_import_unmap(imp),
                          c->maps && i >> 2 != 0
                              ? RSM_SUCCESS /* cut off or not */
                              : PAIR(rsm_memseg_import_unmap, RSMERR_SEG_NOT_MAPPED));
            conf_disconnect(imp);
        }
    }
    t_expect_code(rsm_memseg_import_unmap(NULL),
                  PAIR(rsm_memseg_import_unmap, RSMERR_BAD_SEG_HNDL));
    conf_strike(c);
}

/* ---- Mapping ----------------------------------------------------------------------------- */

/** What is right gives a mapping or RSMERR_MAP_FAILED, and no put makes one. */
static void map_or_fail(conf_t *c)
{
    static const struct {
        off_t offset;
        size_t length;
        int code;
    } places[] = {{0, CONF_LENGTH, RSM_SUCCESS},
                  {CONF_PAGE, CONF_LENGTH - CONF_PAGE, RSM_SUCCESS},
                  {CONF_PAGE, 1, RSM_SUCCESS}, /* lengths need not be pages */
                  {CONF_PAGE, CONF_PAGE + 7, RSM_SUCCESS},
                  {8, 8, RSMERR_BAD_MEM_ALIGNMENT},
                  {CONF_PAGE, CONF_LENGTH, RSMERR_BAD_LENGTH},
                  {CONF_LENGTH, 1, RSMERR_BAD_LENGTH},
                  {2 * CONF_LENGTH, 1, RSMERR_BAD_LENGTH},
                  {CONF_PAGE, SIZE_MAX, RSMERR_BAD_LENGTH},
                  {-CONF_PAGE, CONF_PAGE, RSMERR_BAD_OFFSET}};

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_code(rsm_memseg_import_unmap(me->imp), RSMERR_SEG_NOT_MAPPED);
        for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
            void *at = (void *)0x1234; /* neither a hint nor an error */
            int code = places[i].code;
            int rc = rsm_memseg_import_map(me->imp, &at, RSM_MAP_RESERVED, RSM_PERM_RDWR,
                                           places[i].offset, places[i].length);

            if (code == RSM_SUCCESS && !c->maps) {
                code = PAIR(rsm_memseg_import_map, RSMERR_MAP_FAILED);
            }
            t_expect_code(rc, code);
            if (rc != RSM_SUCCESS) {
                t_expect_eq(at, (void *)0x1234);
                continue;
            }
            t_expect_code(rsm_memseg_import_map(me->imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, 1),
                          RSMERR_SEG_ALREADY_MAPPED);
            t_expect_ok(rsm_memseg_import_unmap(me->imp));
            t_expect_code(rsm_memseg_import_unmap(me->imp), RSMERR_SEG_NOT_MAPPED);
        }
        t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
        t_expect_mem(me->in, me->out, CONF_SLOT);
    }
    conf_strike(c);
}

/** Loads and stores, where a path maps: they are the exporter's memory, put sees all of it. */
static void loads_and_stores(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        char *place = conf_pages(1, false);
        void *at = place;

        if (c->maps) { /* the last page, exactly there */
            t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
            t_expect_ok(rsm_memseg_import_map(me->imp, &at, RSM_MAP_FIXED, RSM_PERM_RDWR,
                                              CONF_LENGTH - CONF_PAGE, CONF_PAGE));
            t_expect_eq(at, place);
            memcpy(place + me->slot, me->out, CONF_SLOT);
            t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
            t_expect_ok(rsm_memseg_import_get(me->imp, CONF_LENGTH - CONF_PAGE + me->slot, me->in,
                                              CONF_SLOT));
            t_expect_mem(me->in, me->out, CONF_SLOT);
            t_expect_ok(rsm_memseg_import_unmap(me->imp));
        } else {
            t_expect_code(rsm_memseg_import_map(me->imp, &at, RSM_MAP_FIXED, RSM_PERM_RDWR,
                                                CONF_LENGTH - CONF_PAGE, CONF_PAGE),
                          RSMERR_MAP_FAILED);
            conf_expect_bytes(place, CONF_PAGE, 0);
        }
        conf_pages_free(place, 1);
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports && c->maps; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        conf_expect_fill(c->memory + CONF_LENGTH - CONF_PAGE + (size_t)i * CONF_SLOT, CONF_SLOT,
                         i + 1);
    }
    conf_strike(c);
}

const conf_test_t conf_maps[] = {
    CONF_TEST(map_order, CONF_EVERYWHERE, PROVES(41)),
    CONF_TEST(map_or_fail, CONF_EVERYWHERE, PROVES(41, 42)),
    CONF_TEST(loads_and_stores, CONF_EVERYWHERE, PROVES(42)),
    CONF_END,
};
