/* SPDX-License-Identifier: BSD-3-Clause */
/* Connect and disconnect (reference 11), and what rights are worth (19.4). */
#include "conf.h"

/* ---- Order ------------------------------------------------------------------------------- */

typedef struct connect_case {
    conf_t *c;
    rsm_permission_t bad_bits;
} connect_case_t;

/* What is published for the order: by distance from c->id. */
enum { ID_OPEN, ID_OMITS, ID_READ_ONLY, ID_NOBODY };

enum {
    CONNECT_NO_CONTROLLER,
    CONNECT_NO_RESULT,
    CONNECT_BAD_BITS,
    CONNECT_NO_NODE,
    CONNECT_NOT_PUBLISHED,
    CONNECT_DENIED,
    CONNECT_NOT_TO_NODE /* last: on loopback there is nobody else to publish for */
};

static int connect_wrongly(void *arg, unsigned wrong)
{
    const connect_case_t *with = arg;
    conf_t *c = with->c;
    rsm_memseg_import_handle_t imp = (void *)1;
    rsm_memseg_id_t id = c->id + ID_OPEN;
    int rc;

    if (CONF_WRONG(wrong, CONNECT_NOT_PUBLISHED)) {
        id = c->id + ID_NOBODY;
    } else if (CONF_WRONG(wrong, CONNECT_NOT_TO_NODE)) {
        id = c->id + ID_OMITS;
    } else if (CONF_WRONG(wrong, CONNECT_DENIED)) {
        id = c->id + ID_READ_ONLY;
    }
    rc = rsm_memseg_import_connect(CONF_WRONG(wrong, CONNECT_NO_CONTROLLER) ? NULL : c->controller,
                                   CONF_WRONG(wrong, CONNECT_NO_NODE) ? 1000000 : c->exporter, id,
                                   CONF_WRONG(wrong, CONNECT_BAD_BITS) ? with->bad_bits
                                                                       : RSM_PERM_RDWR,
                                   CONF_WRONG(wrong, CONNECT_NO_RESULT) ? NULL : &imp);
    if (!CONF_WRONG(wrong, CONNECT_NO_RESULT)) {
        t_expect_eq(imp, NULL);
    }
    return rc;
}

static void publish_for_order(conf_t *c, rsm_memseg_export_handle_t segments[2])
{
    rsmapi_access_entry_t list[CONF_IMPORTERS_MAX];
    rsmapi_access_entry_t other;
    rsm_memseg_id_t id = c->id + ID_READ_ONLY;

    for (unsigned i = 0; i < 2; i++) {
        segments[i] = conf_create(c, c->memory, CONF_LENGTH, 0);
    }
    for (unsigned i = 0; i < c->importers; i++) {
        list[i].ae_node = c->mine[i].node;
        list[i].ae_permission = 0400;
    }
    t_require_ok(rsm_memseg_export_publish(segments[0], &id, list, c->importers));
    if (conf_stranger(c, &other.ae_node)) {
        other.ae_permission = 0666;
        id = c->id + ID_OMITS;
        t_require_ok(rsm_memseg_export_publish(segments[1], &id, &other, 1));
    }
}

static void connect_order(conf_t *c)
{
    conf_rung_t rungs[] = {
        [CONNECT_NO_CONTROLLER] = {"no controller", 1,
                                   PAIR(rsm_memseg_import_connect, RSMERR_BAD_CTLR_HNDL)},
        [CONNECT_NO_RESULT] = {"no result", 2,
                               PAIR(rsm_memseg_import_connect, RSMERR_BAD_SEG_HNDL)},
        [CONNECT_BAD_BITS] = {"unknown rights", 3,
                              PAIR(rsm_memseg_import_connect, RSMERR_PERM_DENIED)},
        [CONNECT_NO_NODE] = {"no such node", 4,
                             PAIR(rsm_memseg_import_connect, RSMERR_REMOTE_NODE_UNREACHABLE)},
        [CONNECT_NOT_PUBLISHED] = {"not published", 5,
                                   PAIR(rsm_memseg_import_connect, RSMERR_SEG_NOT_PUBLISHED)},
        [CONNECT_DENIED] = {"right not granted", 5, RSMERR_PERM_DENIED},
        [CONNECT_NOT_TO_NODE] = {"not to this node", 5,
                                 PAIR(rsm_memseg_import_connect, RSMERR_SEG_NOT_PUBLISHED_TO_NODE)},
    };
    rsm_memseg_export_handle_t segments[2] = {NULL, NULL};
    rsm_node_id_t other;
    unsigned count = conf_stranger(c, &other) ? CONNECT_NOT_TO_NODE + 1 : CONNECT_NOT_TO_NODE;

    if (c->way == CONF_LOOPBACK) {
        rungs[CONNECT_NO_NODE].code = PAIR(rsm_memseg_import_connect, RSMERR_CTLR_NOT_PRESENT);
    }
    conf_stage(c, 0);
    if (c->exports) {
        publish_for_order(c, segments);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        connect_case_t with = {.c = c, .bad_bits = me->at % 2 == 0 ? 0100 : 0640};

        conf_order(rungs, count, connect_wrongly, &with);
        /* None of it has left anything behind, and rights that are not asked for are granted. */
        conf_disconnect(conf_connect(c, c->id + ID_OPEN, RSM_PERM_RDWR));
        conf_disconnect(conf_connect(c, c->id + ID_READ_ONLY, RSM_PERM_READ));
        conf_disconnect(conf_connect(c, c->id + ID_READ_ONLY, RSM_PERM_NONE));
    }
    conf_sync(c);
    if (c->exports) {
        conf_destroy(segments[0]);
        conf_destroy(segments[1]);
    }
    conf_strike(c);
}

/* ---- Many -------------------------------------------------------------------------------- */

enum { MANY = 5 };

static void many_connections(conf_t *c)
{
    rsm_memseg_import_handle_t many[CONF_IMPORTERS_MAX][MANY];
    rsm_memseg_import_handle_t own = NULL;

    conf_stage(c, 0);
    if (c->exports) {
        own = conf_connect(c, c->id, RSM_PERM_RDWR);
    }
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < MANY; i++) {
            rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot + i * 8UL, 8);
            rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;

            many[me->at][i] = conf_connect(c, c->id, RSM_PERM_RDWR);
            for (unsigned other = 0; other < i; other++) {
                t_expect_ne(many[me->at][i], many[me->at][other]);
            }
            t_expect_ok(rsm_memseg_import_get_mode(many[me->at][i], &mode)); /* each its own */
            t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
            t_expect_ok(conf_vector(rsm_memseg_import_putv, many[me->at][i], &entry, 1, 0, NULL));
            t_expect_ok(rsm_memseg_import_set_mode(many[me->at][i], RSM_BARRIER_MODE_EXPLICIT));
        }
    }
    conf_sync(c);
    if (c->exports) {
        rsm_iovec_t entry = conf_va(c->mine[0].out, 0, CONF_LENGTH - 8, 8);

        t_expect_ok(conf_vector(rsm_memseg_import_putv, own, &entry, 1, 0, NULL));
        conf_expect_fill(c->memory + CONF_LENGTH - 8, 8, 1);
        for (unsigned i = 0; i < c->importers * MANY; i++) {
            conf_expect_fill(c->memory + (size_t)(i / MANY) * CONF_SLOT + i % MANY * 8UL, 8,
                             i / MANY + 1);
        }
        conf_disconnect(own);
    }
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < MANY; i++) {
            conf_disconnect(many[me->at][i]);
            t_expect_code(rsm_memseg_import_disconnect(many[me->at][i]),
                          PAIR(rsm_memseg_import_disconnect, RSMERR_BAD_SEG_HNDL));
        }
    }
    t_expect_code(rsm_memseg_import_disconnect(NULL), RSMERR_BAD_SEG_HNDL);
    conf_strike(c);
}

/* ---- Lists that change ------------------------------------------------------------------- */

static int try_connect(conf_t *c, rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = NULL;
    int rc = rsm_memseg_import_connect(c->controller, c->exporter, c->id, perm, &imp);

    t_expect_eq(imp != NULL, rc == RSM_SUCCESS);
    if (imp != NULL) {
        conf_disconnect(imp);
    }
    return rc;
}

static void republish_shuts_out(conf_t *c)
{
    rsmapi_access_entry_t entry = {.ae_node = c->mine[0].node};
    rsm_node_id_t other;
    int refusal = RSMERR_PERM_DENIED;

    if (conf_stranger(c, &other)) {
        entry.ae_node = other;
        entry.ae_permission = 0666;
        refusal = RSMERR_SEG_NOT_PUBLISHED_TO_NODE;
    }
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        rsmapi_access_entry_t bad = {.ae_node = c->mine[0].node};

        t_expect_ok(rsm_memseg_export_republish(c->segment, &entry, 1));
        bad.ae_permission = 0777;
        t_expect_code(rsm_memseg_export_republish(c->segment, &bad, 1), RSMERR_BAD_ACL);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_code(try_connect(c, RSM_PERM_READ),
                      refusal); /* still: a bad list changes nothing */
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
        t_expect_mem(me->in, me->out, CONF_SLOT);
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, c->importers);
        t_expect_ok(rsm_memseg_export_republish(c->segment, NULL, 0));
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(try_connect(c, RSM_PERM_RDWR));
    }
    conf_strike(c);
}

/* ---- Disconnect -------------------------------------------------------------------------- */

static void disconnect_refused(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        struct pollfd pfd = {0};
        void *at = NULL;

        t_expect_ok(rsm_memseg_get_pollfd(me->imp, &pfd));
        if (c->maps) {
            t_expect_ok(
                rsm_memseg_import_map(me->imp, &at, RSM_MAP_NONE, RSM_PERM_READ, 0, CONF_LENGTH));
            t_expect_code(rsm_memseg_import_disconnect(me->imp),
                          PAIR(rsm_memseg_import_disconnect, RSMERR_SEG_STILL_MAPPED));
            t_expect_ok(rsm_memseg_import_unmap(me->imp)); /* a descriptor does not forbid that */
        }
        t_expect_code(rsm_memseg_import_disconnect(me->imp),
                      PAIR(rsm_memseg_import_disconnect, RSMERR_POLLFD_IN_USE));
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT)); /* it works on */
        t_expect_ok(rsm_memseg_release_pollfd(me->imp));
    }
    conf_strike(c);
}

/* ---- Rights ------------------------------------------------------------------------------ */

static int map_and_unmap(rsm_memseg_import_handle_t imp, rsm_permission_t perm)
{
    void *at = NULL;
    int rc = rsm_memseg_import_map(imp, &at, RSM_MAP_NONE, perm, 0, CONF_LENGTH);

    t_expect_eq(at != NULL, rc == RSM_SUCCESS);
    if (rc == RSM_SUCCESS) {
        t_expect_ok(rsm_memseg_import_unmap(imp));
    }
    return rc;
}

/** The table of reference 19.4, row by row. */
static void rights(conf_t *c)
{
    static const rsm_permission_t asked[] = {RSM_PERM_READ, RSM_PERM_WRITE, RSM_PERM_RDWR,
                                             RSM_PERM_NONE};
    int mapped = c->maps ? RSM_SUCCESS : RSMERR_MAP_FAILED;

    conf_stage(c, 0);
    for (unsigned i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        bool reads = (asked[i] & RSM_PERM_READ) != 0;
        bool writes = (asked[i] & RSM_PERM_WRITE) != 0;
        int get = reads ? RSM_SUCCESS : PAIR(put_get, RSMERR_PERM_DENIED);
        int put = writes ? RSM_SUCCESS : PAIR(putv_getv, RSMERR_PERM_DENIED);

        conf_enter(c, asked[i]);
        CONF_IMPORTERS (c, me) {
            rsm_iovec_t out = conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT);
            rsm_iovec_t in = conf_va(me->in, 0, (size_t)me->slot, CONF_SLOT);

            t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT), put);
            t_expect_code(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT), get);
            t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, &out, 1, 0, NULL), put);
            t_expect_code(conf_vector(rsm_memseg_import_getv, me->imp, &in, 1, 0, NULL), get);
            t_expect_code(map_and_unmap(me->imp, RSM_PERM_READ),
                          reads ? mapped : PAIR(rsm_memseg_import_map, RSMERR_BAD_PERMS));
            t_expect_code(map_and_unmap(me->imp, RSM_PERM_WRITE),
                          writes ? mapped : RSMERR_BAD_PERMS);
            t_expect_code(map_and_unmap(me->imp, RSM_PERM_RDWR),
                          reads && writes ? mapped : RSMERR_BAD_PERMS);
            t_expect_ok(rsm_intr_signal_post(me->imp, 0)); /* needs no right */
            conf_arrive(c, c->exporter);
        }
        conf_leave(c);
        if (c->exports) {
            conf_expect_events(c->segment, c->importers);
        }
    }
    conf_strike(c);
}

/* ---- Signals ----------------------------------------------------------------------------- */

/** A call that may be interrupted: again, until it is not. Nothing is left of those that were. */
static int patiently_connect(conf_t *c, rsm_memseg_import_handle_t *imp_p)
{
    int rc;

    do {
        rc = rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_RDWR, imp_p);
        t_expect_eq(*imp_p != NULL, rc == RSM_SUCCESS);
    } while (rc == RSMERR_INTERRUPTED);
    return rc;
}

/** Rule 8 of reference 6: connects and cuts may say that they were interrupted, nothing else may.
 */
static void signals_all_the_time(conf_t *c)
{
    conf_stage(c, 0);
    conf_pester();
    for (unsigned round = 0; round < 3; round++) {
        CONF_IMPORTERS (c, me) {
            rsm_iovec_t entry = conf_va(me->in, 0, (size_t)me->slot, CONF_SLOT);

            t_require_ok(patiently_connect(c, &me->imp));
            t_expect_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &me->barrier));
            for (unsigned i = 0; i < 20; i++) {
                conf_fill(me->out, CONF_SLOT, i + me->at);
                t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
                t_expect_ok(conf_vector(rsm_memseg_import_getv, me->imp, &entry, 1, 0, NULL));
                t_expect_mem(me->in, me->out, CONF_SLOT);
            }
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        }
        if (c->exports) {
            for (unsigned i = 0; i < c->importers; i++) {
                int rc;

                do {
                    rc = rsm_intr_signal_wait(c->segment, CONF_WAIT_MS);
                } while (rc == RSMERR_INTERRUPTED);
                t_expect_ok(rc);
            }
            conf_unpublish(c->segment);
            conf_publish(c->segment, c->id);
        }
        conf_sync(c);
        conf_leave(c);
    }
    conf_pester_end();
    if (c->exports) {
        conf_expect_events(c->segment, 0);
    }
    conf_strike(c);
}

const conf_test_t conf_connects[] = {
    CONF_TEST(connect_order, CONF_EVERYWHERE, PROVES(21)),
    CONF_TEST(many_connections, CONF_EVERYWHERE, PROVES(22)),
    CONF_TEST(republish_shuts_out, CONF_EVERYWHERE, PROVES(23)),
    CONF_TEST(disconnect_refused, CONF_EVERYWHERE, PROVES(24)),
    CONF_TEST(signals_all_the_time, CONF_EVERYWHERE, PROVES(22)),
    CONF_TEST(rights, CONF_EVERYWHERE, PROVES(29, 42)),
    CONF_END,
};
