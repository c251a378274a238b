/* SPDX-License-Identifier: BSD-3-Clause */
/* put, get and their sized forms (reference 13). PAIR(put_get, …) stands for all ten. */
#include <string.h>

#include "conf.h"

/* ---- The ten ----------------------------------------------------------------------------- */

typedef struct function {
    const char *name;
    unsigned width;
    bool puts;
    int (*call)(rsm_memseg_import_handle_t imp, off_t offset, void *data, size_t bytes);
} function_t;

#define WRAP(name, type, width)                                                                    \
    static int call_##name(rsm_memseg_import_handle_t imp, off_t offset, void *data, size_t bytes) \
    {                                                                                              \
        return rsm_memseg_import_##name(imp, offset, (type *)data, bytes / (width));               \
    }

WRAP(put, void, 1)
WRAP(put8, uint8_t, 1)
WRAP(put16, uint16_t, 2)
WRAP(put32, uint32_t, 4)
WRAP(put64, uint64_t, 8)
WRAP(get, void, 1)
WRAP(get8, uint8_t, 1)
WRAP(get16, uint16_t, 2)
WRAP(get32, uint32_t, 4)
WRAP(get64, uint64_t, 8)

static const function_t functions[] = {
    {"put", 1, true, call_put},      {"put8", 1, true, call_put8},
    {"put16", 2, true, call_put16},  {"put32", 4, true, call_put32},
    {"put64", 8, true, call_put64},  {"get", 1, false, call_get},
    {"get8", 1, false, call_get8},   {"get16", 2, false, call_get16},
    {"get32", 4, false, call_get32}, {"get64", 8, false, call_get64},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

/* ---- Order ------------------------------------------------------------------------------- */

typedef struct move_case {
    const function_t *function;
    conf_importer_t *me;
} move_case_t;

enum {
    MOVE_NO_HANDLE,
    MOVE_NO_DATA,
    MOVE_ODD_DATA,
    MOVE_ODD_OFFSET,
    MOVE_ORPHAN,
    MOVE_CUT,
    MOVE_NO_RIGHT,
    MOVE_OUTSIDE,
    MOVE_NO_BARRIER,
    MOVE_NOT_MAPPED
};

static int move_wrongly(void *arg, unsigned wrong)
{
    const move_case_t *with = arg;
    conf_importer_t *me = with->me;
    rsm_permission_t other_right = with->function->puts ? RSM_PERM_READ : RSM_PERM_WRITE;
    rsm_memseg_import_handle_t imp =
        conf_handle(me, CONF_WRONG(wrong, MOVE_ORPHAN), CONF_WRONG(wrong, MOVE_CUT),
                    CONF_WRONG(wrong, MOVE_NO_RIGHT) ? other_right : RSM_PERM_RDWR);
    void *data = with->function->puts ? me->out : me->in;
    rsmapi_barrier_t barrier = {0};
    off_t offset = me->slot;
    int rc;

    if (!CONF_WRONG(wrong, MOVE_NO_BARRIER)) {
        t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    }
    if (CONF_WRONG(wrong, MOVE_NO_DATA)) {
        data = NULL;
    } else if (CONF_WRONG(wrong, MOVE_ODD_DATA)) {
        data = (char *)data + 1;
    } else if (CONF_WRONG(wrong, MOVE_NOT_MAPPED)) {
        data = CONF_NOWHERE;
    }
    if (CONF_WRONG(wrong, MOVE_ODD_OFFSET)) {
        offset += 1;
    } else if (CONF_WRONG(wrong, MOVE_OUTSIDE)) {
        offset = CONF_LENGTH;
    }
    rc = with->function->call(CONF_WRONG(wrong, MOVE_NO_HANDLE) ? NULL : imp, offset, data, 16);
    if (!CONF_WRONG(wrong, MOVE_NO_BARRIER)) {
        t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    }
    return rc;
}

static void move_order(conf_t *c)
{
    conf_rung_t rungs[] = {
        [MOVE_NO_HANDLE] = {"no handle", 1, PAIR(put_get, RSMERR_BAD_SEG_HNDL)},
        [MOVE_NO_DATA] = {"no data", 2, PAIR(put_get, RSMERR_BAD_ADDR)},
        [MOVE_ODD_DATA] = {"odd data", 2, PAIR(put_get, RSMERR_BAD_MEM_ALIGNMENT)},
        [MOVE_ODD_OFFSET] = {"odd offset", 3, RSMERR_BAD_MEM_ALIGNMENT},
        [MOVE_ORPHAN] = {"released controller", 4, PAIR(put_get, RSMERR_BAD_CTLR_HNDL)},
        [MOVE_CUT] = {"cut off", 5, PAIR(put_get, RSMERR_CONN_ABORTED)},
        [MOVE_NO_RIGHT] = {"no right", 6, PAIR(put_get, RSMERR_PERM_DENIED)},
        [MOVE_OUTSIDE] = {"outside", 3, PAIR(put_get, RSMERR_BAD_OFFSET)},
        [MOVE_NO_BARRIER] = {"no barrier", 7, PAIR(put_get, RSMERR_BARRIER_UNINITIALIZED)},
        [MOVE_NOT_MAPPED] = {"not mapped", 2, RSMERR_BAD_ADDR},
    };

    conf_stage(c, 0);
    conf_make_handles(c);
    CONF_IMPORTERS (c, me) {
        memset(me->in, 0x55, CONF_SLOT);
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            move_case_t with = {.function = &functions[i], .me = me};

            conf_note("the order of %s", functions[i].name);
            rungs[MOVE_ODD_DATA].code = RSM_SUCCESS;
            rungs[MOVE_ODD_OFFSET].code = RSM_SUCCESS;
            if (functions[i].width > 1) {
                rungs[MOVE_ODD_DATA].code = RSMERR_BAD_MEM_ALIGNMENT;
                rungs[MOVE_ODD_OFFSET].code = RSMERR_BAD_MEM_ALIGNMENT;
            }
            CONF_ORDER(rungs, move_wrongly, &with);
            /* A pointer is needed even where nothing is to move. */
            t_expect_code(
                functions[i].call(conf_handle(me, false, false, RSM_PERM_RDWR), 0, NULL, 0),
                RSMERR_BAD_ADDR);
        }
        conf_expect_bytes(me->in, CONF_SLOT, 0x55);
    }
    conf_drop_handles(c);
    if (c->exports) {
        conf_expect_bytes(c->memory, CONF_LENGTH, 0);
    }
    conf_strike(c);
}

/* ---- Barriers ---------------------------------------------------------------------------- */

static void barrier_needed(conf_t *c)
{
    conf_stage(c, 0);
    CONF_IMPORTERS (c, me) {
        me->imp = conf_connect(c, c->id, RSM_PERM_RDWR); /* without a barrier */
        memset(me->in, 0x55, CONF_SLOT);
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            t_expect_code(
                functions[i].call(me->imp, me->slot, functions[i].puts ? me->out : me->in, 64),
                RSMERR_BARRIER_UNINITIALIZED);
        }
        conf_expect_bytes(me->in, CONF_SLOT, 0x55);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_bytes(c->memory, CONF_LENGTH, 0);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            if (functions[i].puts) {
                t_expect_ok(functions[i].call(me->imp, me->slot + 64 * i, me->out + 64 * i, 64));
            }
        }
        for (unsigned i = 0; i < FUNCTIONS; i++) { /* what a get brings is there at return */
            if (!functions[i].puts) {
                t_expect_ok(functions[i].call(me->imp, me->slot, me->in, 64 * 5));
                t_expect_mem(me->in, me->out, 64 * 5);
            }
        }
    }
    conf_leave(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, 64 * 5, i + 1);
    }
    conf_strike(c);
}

/* ---- Alignment, edges, rights ------------------------------------------------------------ */

static void alignment(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        uint64_t item = 0;

        t_expect_code(rsm_memseg_import_put64(me->imp, me->slot + 4, &item, 1),
                      RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(rsm_memseg_import_get64(me->imp, me->slot + 4, &item, 1),
                      RSMERR_BAD_MEM_ALIGNMENT);
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            for (unsigned off = 1; off < 8; off++) {
                int rc = off % functions[i].width == 0 ? RSM_SUCCESS : RSMERR_BAD_MEM_ALIGNMENT;
                unsigned char *data = functions[i].puts ? me->out : me->in;

                t_expect_code(functions[i].call(me->imp, me->slot + off, data, 8), rc);
                t_expect_code(functions[i].call(me->imp, me->slot, data + off, 8), rc);
            }
        }
        for (unsigned off = 0; off < 8; off++) { /* bytes go anywhere */
            memset(me->in, 0, CONF_SLOT);
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot + off, me->out + 3, 100));
            t_expect_ok(rsm_memseg_import_get(me->imp, me->slot + off, me->in + 5, 100));
            t_expect_mem(me->in + 5, me->out + 3, 100);
            t_expect_eq(me->in[4] | me->in[105], 0);
        }
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        unsigned char wanted[128];

        conf_fill(wanted, sizeof wanted, i + 1);
        t_expect_mem(c->memory + (size_t)i * CONF_SLOT + 7, wanted + 3, 100);
    }
    conf_strike(c);
}

/** Everywhere at the end of the segment; the exporter's next page cannot be touched. */
static void edges(conf_t *c)
{
    static const struct {
        off_t offset;
        size_t bytes;
        bool inside;
    } places[] = {{CONF_LENGTH - 8, 8, true},
                  {CONF_LENGTH - 8, 16, false},
                  {CONF_LENGTH, 0, true},
                  {CONF_LENGTH, 8, false},
                  {CONF_LENGTH + 8, 0, false},
                  {CONF_LENGTH + 8, 8, false},
                  {-8, 8, false},
                  {-8, 0, false},
                  {INT64_MAX - 7, 8, false},
                  {INT64_MIN, 8, false},
                  {8, (size_t)-8, false},
                  {0, CONF_LENGTH + 8, false},
                  {0, SIZE_MAX & ~7UL, false}};

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            memset(me->in, 0x55, CONF_SLOT);
            for (unsigned at = 0; at < sizeof places / sizeof places[0]; at++) {
                conf_note("%s of %zu bytes at %lld", functions[i].name, places[at].bytes,
                          (long long)places[at].offset);
                t_expect_code(functions[i].call(me->imp, places[at].offset,
                                                functions[i].puts ? me->out : me->in,
                                                places[at].bytes),
                              places[at].inside ? RSM_SUCCESS : RSMERR_BAD_OFFSET);
            }
            conf_expect_bytes(me->in + 8, CONF_SLOT - 8, 0x55);
        }
        /* The last byte. Importers take turns where one process plays them. */
        t_expect_ok(rsm_memseg_import_put(me->imp, CONF_LENGTH - 1, me->out, 1));
        t_expect_code(rsm_memseg_import_put(me->imp, CONF_LENGTH, me->out, 1), RSMERR_BAD_OFFSET);
        t_expect_code(rsm_memseg_import_put(me->imp, CONF_LENGTH - 1, me->out, 2),
                      RSMERR_BAD_OFFSET);
        /* A count whose bytes do not fit a word. */
        t_expect_code(
            rsm_memseg_import_put64(me->imp, 0, (uint64_t *)(void *)me->out, SIZE_MAX / 8 + 2),
            RSMERR_BAD_OFFSET);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_bytes(c->memory, CONF_LENGTH - 8, 0);
    }
    conf_strike(c);
}

static void one_right(conf_t *c)
{
    conf_stage(c, 0);
    if (c->exports) {
        conf_fill(c->memory, CONF_LENGTH, 9);
    }
    conf_sync(c);
    conf_enter(c, RSM_PERM_READ);
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            t_expect_code(
                functions[i].call(me->imp, 0, functions[i].puts ? me->out : me->in, CONF_SLOT),
                functions[i].puts ? RSMERR_PERM_DENIED : RSM_SUCCESS);
        }
        conf_expect_fill(me->in, CONF_SLOT, 9);
    }
    conf_leave(c);
    if (c->exports) {
        conf_expect_fill(c->memory, CONF_LENGTH, 9);
    }
    conf_sync(c);
    conf_enter(c, RSM_PERM_WRITE);
    CONF_IMPORTERS (c, me) {
        memset(me->in, 0x55, CONF_SLOT);
        for (unsigned i = 0; i < FUNCTIONS; i++) {
            t_expect_code(functions[i].call(me->imp, me->slot, functions[i].puts ? me->out : me->in,
                                            CONF_SLOT),
                          functions[i].puts ? RSM_SUCCESS : RSMERR_PERM_DENIED);
        }
        conf_expect_bytes(me->in, CONF_SLOT, 0x55);
    }
    conf_leave(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
    }
    conf_strike(c);
}

/* ---- Data -------------------------------------------------------------------------------- */

/** All ten, several lengths; what lies beside stays. */
static void bytes_arrive(conf_t *c)
{
    static const size_t lengths[] = {8, 16, 72, 512, CONF_SLOT - 64};

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned i = 0; i < FUNCTIONS / 2; i++) {
        const function_t *put = &functions[i];
        const function_t *get = &functions[i + FUNCTIONS / 2];

        for (unsigned at = 0; at < sizeof lengths / sizeof lengths[0]; at++) {
            CONF_IMPORTERS (c, me) {
                conf_fill(me->out, CONF_SLOT, 100 * i + 10 * at + me->at);
                memset(me->in, 0, CONF_SLOT);
                t_expect_ok(put->call(me->imp, me->slot + 32, me->out, lengths[at]));
                t_expect_ok(get->call(me->imp, me->slot + 32, me->in, lengths[at]));
                t_expect_mem(me->in, me->out, lengths[at]);
                conf_expect_bytes(me->in + lengths[at], CONF_SLOT - lengths[at], 0);
            }
        }
        conf_sync(c);
        for (unsigned who = 0; who < c->importers && c->exports; who++) {
            char *slot = c->memory + (size_t)who * CONF_SLOT;

            conf_expect_bytes(slot, 32, 0);
            conf_expect_fill(slot + 32, CONF_SLOT - 64, 100 * i + 40 + who);
            conf_expect_bytes(slot + CONF_SLOT - 32, 32, 0);
        }
        conf_sync(c);
    }
    conf_strike(c);
}

/** Rule 10 of reference 6, in both directions: nothing but the event says that it is time. */
static void events_follow_data(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned round = 0; round < 10; round++) {
        CONF_IMPORTERS (c, me) {
            conf_fill(me->out, CONF_SLOT, round + me->at);
            t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        }
        if (c->exports) {
            for (unsigned i = 0; i < c->importers; i++) {
                t_expect_ok(rsm_intr_signal_wait(c->segment, CONF_WAIT_MS));
            }
            for (unsigned i = 0; i < c->importers; i++) {
                conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, round + i);
                conf_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, round + i + 50);
            }
            t_expect_ok(rsm_intr_signal_post(c->segment, 0));
        }
        CONF_IMPORTERS (c, me) {
            t_expect_ok(rsm_intr_signal_wait(me->imp, CONF_WAIT_MS));
            t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
            conf_expect_fill(me->in, CONF_SLOT, round + me->at + 50);
        }
    }
    conf_strike(c);
}

const conf_test_t conf_putget[] = {
    CONF_TEST(barrier_needed, CONF_EVERYWHERE, PROVES(25)),
    CONF_TEST(move_order, CONF_EVERYWHERE, PROVES(26)),
    CONF_TEST(alignment, CONF_EVERYWHERE, PROVES(27)),
    CONF_TEST(edges, CONF_EVERYWHERE, PROVES(28)),
    CONF_TEST(one_right, CONF_EVERYWHERE, PROVES(29)),
    CONF_TEST(bytes_arrive, CONF_EVERYWHERE, PROVES(27)),
    CONF_TEST(events_follow_data, CONF_EVERYWHERE, PROVES(30)),
    CONF_END,
};
