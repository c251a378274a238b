/* SPDX-License-Identifier: BSD-3-Clause */
/* The export side (reference 10). */
#include <string.h>

#include "conf.h"

/* ---- create ------------------------------------------------------------------------------ */

typedef struct create_case {
    conf_t *c;
    char *memory;
    char *readonly;
    size_t too_long;
} create_case_t;

enum {
    CREATE_NO_CONTROLLER,
    CREATE_NO_RESULT,
    CREATE_NO_ADDRESS,
    CREATE_NO_SIZE,
    CREATE_ODD_ADDRESS,
    CREATE_ODD_SIZE,
    CREATE_TOO_LONG,
    CREATE_NOT_MAPPED,
    CREATE_READ_ONLY
};

static int create_wrongly(void *arg, unsigned wrong)
{
    const create_case_t *with = arg;
    void *vaddr = with->memory;
    size_t size = CONF_LENGTH;
    rsm_memseg_export_handle_t segment = (void *)1;
    int rc;

    if (CONF_WRONG(wrong, CREATE_NO_ADDRESS)) {
        vaddr = NULL;
    } else if (CONF_WRONG(wrong, CREATE_ODD_ADDRESS)) {
        vaddr = with->memory + 8;
    } else if (CONF_WRONG(wrong, CREATE_NOT_MAPPED)) {
        vaddr = CONF_NOWHERE;
    } else if (CONF_WRONG(wrong, CREATE_READ_ONLY)) {
        vaddr = with->readonly;
    }
    if (CONF_WRONG(wrong, CREATE_NO_SIZE)) {
        size = 0;
    } else if (CONF_WRONG(wrong, CREATE_ODD_SIZE)) {
        size = CONF_LENGTH - 8;
    } else if (CONF_WRONG(wrong, CREATE_TOO_LONG)) {
        size = with->too_long;
    }
    rc = rsm_memseg_export_create(
        CONF_WRONG(wrong, CREATE_NO_CONTROLLER) ? NULL : with->c->controller,
        CONF_WRONG(wrong, CREATE_NO_RESULT) ? NULL : &segment, vaddr, size, 0);
    if (!CONF_WRONG(wrong, CREATE_NO_RESULT)) {
        t_expect_eq(segment, NULL); /* statement 11 */
    }
    return rc;
}

static void create_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [CREATE_NO_CONTROLLER] = {"no controller", 1,
                                  PAIR(rsm_memseg_export_create, RSMERR_BAD_CTLR_HNDL)},
        [CREATE_NO_RESULT] = {"no result", 2, PAIR(rsm_memseg_export_create, RSMERR_BAD_SEG_HNDL)},
        [CREATE_NO_ADDRESS] = {"no address", 3, PAIR(rsm_memseg_export_create, RSMERR_BAD_ADDR)},
        [CREATE_NO_SIZE] = {"no size", 4, PAIR(rsm_memseg_export_create, RSMERR_BAD_LENGTH)},
        [CREATE_ODD_ADDRESS] = {"odd address", 3,
                                PAIR(rsm_memseg_export_create, RSMERR_BAD_MEM_ALIGNMENT)},
        [CREATE_ODD_SIZE] = {"odd size", 4, RSMERR_BAD_MEM_ALIGNMENT},
        [CREATE_TOO_LONG] = {"too long", 4, RSMERR_BAD_LENGTH},
        [CREATE_NOT_MAPPED] = {"not mapped", 3, RSMERR_BAD_ADDR},
        [CREATE_READ_ONLY] = {"read only", 3, PAIR(rsm_memseg_export_create, RSMERR_PERM_DENIED)},
    };
    rsmapi_controller_attr_t attr;
    create_case_t with = {.c = c};
    rsm_memseg_export_handle_t segment;

    t_require_ok(rsm_get_controller_attr(c->controller, &attr));
    with.memory = conf_pages(CONF_PAGES, false);
    with.readonly = conf_pages_readonly(CONF_PAGES);
    with.too_long = attr.attr_max_export_segment_size + CONF_PAGE;
    CONF_ORDER(rungs, create_wrongly, &with);
    /* Bits that nobody knows are ignored; ranges may overlap. */
    segment = conf_create(c, with.memory, CONF_LENGTH, ~0U);
    conf_destroy(conf_create(c, with.memory, CONF_PAGE, RSM_CREATE_SEG_DONTWAIT));
    conf_destroy(segment);
    t_expect_code(rsm_memseg_export_destroy(segment),
                  PAIR(rsm_memseg_export_destroy, RSMERR_BAD_SEG_HNDL));
    t_expect_code(rsm_memseg_export_destroy(NULL), RSMERR_BAD_SEG_HNDL);
    conf_pages_free(with.memory, CONF_PAGES);
    conf_pages_free(with.readonly, CONF_PAGES);
}

/* ---- publish and republish --------------------------------------------------------------- */

typedef struct publish_case {
    conf_t *c;
    rsm_memseg_export_handle_t created;
    rsm_memseg_export_handle_t published; /* under c->id */
    rsm_memseg_export_handle_t destroyed;
    rsm_memseg_import_handle_t import;
    rsmapi_access_entry_t good[2];
    rsmapi_access_entry_t bad_mode[2];
    rsmapi_access_entry_t bad_node[2];
} publish_case_t;

static publish_case_t publish_case(conf_t *c)
{
    publish_case_t with = {.c = c};
    unsigned nodes = 65536;

    conf_stage(c, 0);
    with.created = conf_create(c, c->memory, CONF_LENGTH, 0);
    with.published = c->segment;
    with.destroyed = conf_create(c, c->memory, CONF_LENGTH, 0);
    conf_destroy(with.destroyed);
    with.import = conf_connect(c, c->id, RSM_PERM_RDWR);
    for (unsigned i = 0; i < 2; i++) {
        with.good[i].ae_node = c->mine[0].node;
        with.good[i].ae_permission = 0666;
        with.bad_mode[i] = with.good[i];
        with.bad_node[i] = with.good[i];
    }
    with.bad_mode[1].ae_permission = 0667; /* the second one: all are looked at */
    with.bad_node[1].ae_node = nodes;
    return with;
}

static void publish_case_over(publish_case_t *with)
{
    conf_disconnect(with->import);
    conf_destroy(with->created);
    conf_strike(with->c);
}

/** What can be wrong with a list, in the order of the checks. */
enum { LIST_NONE, LIST_TOO_LONG, LIST_UNREADABLE, LIST_BAD_MODE, LIST_BAD_NODE, LISTS };

static rsmapi_access_entry_t *choose_list(publish_case_t *with, unsigned wrong, unsigned *length_p)
{
    *length_p = 2;
    if (CONF_WRONG(wrong, LIST_NONE)) {
        return NULL;
    }
    if (CONF_WRONG(wrong, LIST_TOO_LONG)) {
        *length_p = 65537; /* never looked at */
        return with->good;
    }
    if (CONF_WRONG(wrong, LIST_UNREADABLE)) {
        return CONF_NOWHERE;
    }
    if (CONF_WRONG(wrong, LIST_BAD_MODE)) {
        return with->bad_mode;
    }
    return CONF_WRONG(wrong, LIST_BAD_NODE) ? with->bad_node : with->good;
}

enum {
    PUBLISH_NO_ID,
    PUBLISH_NO_HANDLE,
    PUBLISH_DEAD_HANDLE,
    PUBLISH_OTHER_HANDLE,
    PUBLISH_NO_LIST,
    PUBLISH_TWICE,
    PUBLISH_RESERVED,
    PUBLISH_LIST_TOO_LONG,
    PUBLISH_LIST_UNREADABLE,
    PUBLISH_BAD_MODE,
    PUBLISH_BAD_NODE,
    PUBLISH_IN_USE
};

static int publish_wrongly(void *arg, unsigned wrong)
{
    publish_case_t *with = arg;
    unsigned lists = (CONF_WRONG(wrong, PUBLISH_NO_LIST) ? 1U << LIST_NONE : 0) |
                     (wrong >> PUBLISH_LIST_TOO_LONG & 0xfU) << LIST_TOO_LONG;
    rsm_memseg_export_handle_t segment = with->created;
    rsm_memseg_id_t wanted = with->c->id + 1;
    rsm_memseg_id_t id;
    unsigned length;
    rsmapi_access_entry_t *list = choose_list(with, lists, &length);
    int rc;

    if (CONF_WRONG(wrong, PUBLISH_NO_HANDLE)) {
        segment = NULL;
    } else if (CONF_WRONG(wrong, PUBLISH_DEAD_HANDLE)) {
        segment = with->destroyed;
    } else if (CONF_WRONG(wrong, PUBLISH_OTHER_HANDLE)) {
        segment = (rsm_memseg_export_handle_t)(void *)with->import;
    } else if (CONF_WRONG(wrong, PUBLISH_TWICE)) {
        segment = with->published;
    }
    if (CONF_WRONG(wrong, PUBLISH_RESERVED)) {
        wanted = 1;
    } else if (CONF_WRONG(wrong, PUBLISH_IN_USE)) {
        wanted = with->c->id;
    }
    id = wanted;
    rc = rsm_memseg_export_publish(segment, CONF_WRONG(wrong, PUBLISH_NO_ID) ? NULL : &id, list,
                                   length);
    t_expect_eq(id, wanted);
    return rc;
}

static void publish_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [PUBLISH_NO_ID] = {"no id", 1, PAIR(rsm_memseg_export_publish, RSMERR_BAD_SEGID)},
        [PUBLISH_NO_HANDLE] = {"no handle", 2,
                               PAIR(rsm_memseg_export_publish, RSMERR_BAD_SEG_HNDL)},
        [PUBLISH_DEAD_HANDLE] = {"destroyed", 2, RSMERR_BAD_SEG_HNDL},
        [PUBLISH_OTHER_HANDLE] = {"import handle", 2, RSMERR_BAD_SEG_HNDL},
        [PUBLISH_NO_LIST] = {"no list", 3, PAIR(rsm_memseg_export_publish, RSMERR_BAD_ACL)},
        [PUBLISH_TWICE] = {"published", 2,
                           PAIR(rsm_memseg_export_publish, RSMERR_SEG_ALREADY_PUBLISHED)},
        [PUBLISH_RESERVED] = {"reserved id", 1,
                              PAIR(rsm_memseg_export_publish, RSMERR_RESERVED_SEGID)},
        [PUBLISH_LIST_TOO_LONG] = {"list too long", 3, RSMERR_BAD_ACL},
        [PUBLISH_LIST_UNREADABLE] = {"list unreadable", 3,
                                     PAIR(rsm_memseg_export_publish, RSMERR_BAD_ADDR)},
        [PUBLISH_BAD_MODE] = {"mode above 0666", 3, RSMERR_BAD_ACL},
        [PUBLISH_BAD_NODE] = {"unknown node", 3, RSMERR_BAD_ACL},
        [PUBLISH_IN_USE] = {"id in use", 1, PAIR(rsm_memseg_export_publish, RSMERR_SEGID_IN_USE)},
    };
    publish_case_t with = publish_case(c);
    rsm_memseg_id_t id = c->id + 1;

    CONF_ORDER(rungs, publish_wrongly, &with);
    t_expect_code(rsm_memseg_export_publish(NULL, NULL, NULL, 0), RSMERR_BAD_SEGID);
    /* None of it has published anything. */
    t_expect_ok(rsm_memseg_export_publish(with.created, &id, with.good, 2));
    publish_case_over(&with);
}

enum {
    REPUBLISH_NO_HANDLE,
    REPUBLISH_NOT_PUBLISHED,
    REPUBLISH_NO_LIST,
    REPUBLISH_LIST_TOO_LONG,
    REPUBLISH_LIST_UNREADABLE,
    REPUBLISH_BAD_MODE,
    REPUBLISH_BAD_NODE
};

static int republish_wrongly(void *arg, unsigned wrong)
{
    publish_case_t *with = arg;
    rsm_memseg_export_handle_t segment = with->published;
    unsigned length;
    rsmapi_access_entry_t *list = choose_list(with, wrong >> REPUBLISH_NO_LIST, &length);

    if (CONF_WRONG(wrong, REPUBLISH_NO_HANDLE)) {
        segment = NULL;
    } else if (CONF_WRONG(wrong, REPUBLISH_NOT_PUBLISHED)) {
        segment = with->created;
    }
    return rsm_memseg_export_republish(segment, list, length);
}

static void republish_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [REPUBLISH_NO_HANDLE] = {"no handle", 1,
                                 PAIR(rsm_memseg_export_republish, RSMERR_BAD_SEG_HNDL)},
        [REPUBLISH_NOT_PUBLISHED] = {"not published", 1,
                                     PAIR(rsm_memseg_export_republish, RSMERR_SEG_NOT_PUBLISHED)},
        [REPUBLISH_NO_LIST] = {"no list", 2, PAIR(rsm_memseg_export_republish, RSMERR_BAD_ACL)},
        [REPUBLISH_LIST_TOO_LONG] = {"list too long", 2, RSMERR_BAD_ACL},
        [REPUBLISH_LIST_UNREADABLE] = {"list unreadable", 2,
                                       PAIR(rsm_memseg_export_republish, RSMERR_BAD_ADDR)},
        [REPUBLISH_BAD_MODE] = {"mode above 0666", 2, RSMERR_BAD_ACL},
        [REPUBLISH_BAD_NODE] = {"unknown node", 2, RSMERR_BAD_ACL},
    };
    publish_case_t with = publish_case(c);

    CONF_ORDER(rungs, republish_wrongly, &with);
    t_expect_ok(rsm_memseg_export_republish(with.published, with.good, 2));
    publish_case_over(&with);
}

static void reserved_ids(conf_t *c)
{
    static const rsm_memseg_id_t reserved[] = {1,        0xfffff,  0x100000,   0x200000,
                                               0x300000, 0x3fffff, 0x80000000, 0xffffffff};
    static const rsm_memseg_id_t free_to_use[] = {0x400000, 0x500000, 0x600000, 0x7fffffff};
    char *memory = conf_pages(1, false);
    rsm_memseg_export_handle_t segment = conf_create(c, memory, CONF_PAGE, 0);

    for (unsigned i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        rsm_memseg_id_t id = reserved[i];

        t_expect_code(rsm_memseg_export_publish(segment, &id, NULL, 0), RSMERR_RESERVED_SEGID);
        t_expect_eq(id, reserved[i]);
    }
    for (unsigned i = 0; i < sizeof free_to_use / sizeof free_to_use[0]; i++) {
        rsm_memseg_id_t id = free_to_use[i];

        t_expect_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
        t_expect_eq(id, free_to_use[i]);
        conf_unpublish(segment);
    }
    conf_destroy(segment);
    conf_pages_free(memory, 1);
}

static void generated_ids(conf_t *c)
{
    rsm_memseg_export_handle_t segments[3] = {NULL, NULL, NULL};
    rsm_memseg_id_t ids[3] = {0, 0, 0};

    conf_stage(c, 0);
    for (unsigned i = 0; i < 3; i++) {
        if (c->exports) {
            segments[i] = conf_create(c, c->memory, CONF_LENGTH, 0);
            t_expect_ok(rsm_memseg_export_publish(segments[i], &ids[i], NULL, 0));
        }
        ids[i] = (rsm_memseg_id_t)conf_share(c, ids[i]);
        t_expect(ids[i] >= 0x80000000U);
        for (unsigned other = 0; other < i; other++) {
            t_expect_ne(ids[i], ids[other]);
        }
        CONF_IMPORTERS (c, me) {
            conf_disconnect(conf_connect(c, ids[i], RSM_PERM_RDWR));
        }
    }
    conf_sync(c);
    for (unsigned i = 0; i < 3 && c->exports; i++) {
        conf_destroy(segments[i]);
    }
    conf_strike(c);
}

static void ids_are_one_space(conf_t *c)
{
    char *memory = conf_pages(1, false);
    rsm_memseg_export_handle_t segments[3];
    rsmapi_controller_handle_t loopback;
    rsm_memseg_id_t id = c->id;

    t_require_ok(rsm_get_controller(NULL, &loopback));
    segments[0] = conf_create(c, memory, CONF_PAGE, 0);
    segments[1] = conf_create(c, memory, CONF_PAGE, 0);
    t_require_ok(rsm_memseg_export_create(loopback, &segments[2], memory, CONF_PAGE, 0));
    for (unsigned holder = 0; holder < 3; holder++) {
        t_expect_ok(rsm_memseg_export_publish(segments[holder], &id, NULL, 0));
        for (unsigned other = 1; other < 3; other++) {
            t_expect_code(rsm_memseg_export_publish(segments[(holder + other) % 3], &id, NULL, 0),
                          RSMERR_SEGID_IN_USE);
        }
        conf_unpublish(segments[holder]); /* the id is free again */
    }
    for (unsigned i = 0; i < 3; i++) {
        conf_destroy(segments[i]);
    }
    t_expect_ok(rsm_release_controller(loopback));
    conf_pages_free(memory, 1);
}

/** The same id at all nodes, each with a segment of its own. */
static void ids_belong_to_nodes(conf_t *c)
{
    char *memory = NULL;
    rsm_memseg_export_handle_t segment = NULL;

    conf_stage(c, 0);
    if (!c->exports) { /* where importers are processes of their own */
        memory = conf_pages(1, false);
        segment = conf_create(c, memory, CONF_PAGE, 0);
        conf_publish(segment, c->id);
    }
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
    }
    conf_leave(c);
    if (segment != NULL) {
        conf_expect_bytes(memory, CONF_PAGE, 0);
        conf_destroy(segment);
        conf_pages_free(memory, 1);
    }
    conf_strike(c);
}

static void lists(conf_t *c)
{
    static const rsm_permission_t bad_modes[] = {0667, 0670, 0777, 01000, 0xffffffffU};

    if (c->exports) {
        rsmapi_access_entry_t list[2] = {{0}, {0}};
        rsm_memseg_id_t id = c->id;

        c->memory = conf_pages(CONF_PAGES, c->maps);
        c->segment = conf_create(c, c->memory, CONF_LENGTH, 0);
        list[0].ae_node = c->mine[0].node;
        t_expect_code(rsm_memseg_export_publish(c->segment, &id, NULL, 1), RSMERR_BAD_ACL);
        for (unsigned i = 0; i < sizeof bad_modes / sizeof bad_modes[0]; i++) {
            list[0].ae_permission = bad_modes[i];
            t_expect_code(rsm_memseg_export_publish(c->segment, &id, list, 1), RSMERR_BAD_ACL);
        }
        /* The length decides: this list would let nobody in. */
        list[0].ae_permission = 0;
        t_expect_ok(rsm_memseg_export_publish(c->segment, &id, list, 0));
    }
    conf_sync(c);
    conf_enter(c, RSM_PERM_RDWR);
    conf_leave(c);
    if (c->exports) {
        rsmapi_access_entry_t list[CONF_IMPORTERS_MAX * 2];
        rsm_memseg_id_t id = c->id;

        conf_unpublish(c->segment);
        for (unsigned i = 0; i < c->importers; i++) { /* the first entry of a node counts */
            list[i].ae_node = c->mine[i].node;
            list[i].ae_permission = 0400;
            list[c->importers + i].ae_node = c->mine[i].node;
            list[c->importers + i].ae_permission = 0666;
        }
        t_expect_ok(rsm_memseg_export_publish(c->segment, &id, list, 2 * c->importers));
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        rsm_memseg_import_handle_t imp = (void *)1;

        t_expect_code(
            rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_WRITE, &imp),
            RSMERR_PERM_DENIED);
        t_expect_eq(imp, NULL);
        conf_disconnect(conf_connect(c, c->id, RSM_PERM_READ));
    }
    conf_strike(c);
}

static void states(conf_t *c)
{
    char *memory = conf_pages(1, false);
    rsm_memseg_export_handle_t segment = conf_create(c, memory, CONF_PAGE, 0);
    rsm_memseg_id_t id = c->id;

    t_expect_code(rsm_memseg_export_unpublish(NULL),
                  PAIR(rsm_memseg_export_unpublish, RSMERR_BAD_SEG_HNDL));
    for (unsigned round = 0; round < 3; round++) {
        t_expect_code(rsm_memseg_export_unpublish(segment),
                      PAIR(rsm_memseg_export_unpublish, RSMERR_SEG_NOT_PUBLISHED));
        t_expect_code(rsm_memseg_export_republish(segment, NULL, 0), RSMERR_SEG_NOT_PUBLISHED);
        id = c->id + round % 2;
        t_expect_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
        id = c->id + 5;
        t_expect_code(rsm_memseg_export_publish(segment, &id, NULL, 0),
                      RSMERR_SEG_ALREADY_PUBLISHED);
        t_expect_ok(rsm_memseg_export_republish(segment, NULL, 0));
        conf_unpublish(segment);
    }
    conf_destroy(segment);
    t_expect_code(rsm_memseg_export_unpublish(segment), RSMERR_BAD_SEG_HNDL);
    conf_pages_free(memory, 1);
}

/* ---- rebind ------------------------------------------------------------------------------ */

typedef struct rebind_case {
    rsm_memseg_export_handle_t segment;
    rsm_memseg_export_handle_t bound_for_good;
    char *memory; /* where it is not */
    char *readonly;
} rebind_case_t;

enum {
    REBIND_NO_HANDLE,
    REBIND_NO_ADDRESS,
    REBIND_NOT_ALLOWED,
    REBIND_OTHER_LENGTH,
    REBIND_ODD_ADDRESS,
    REBIND_NOT_MAPPED,
    REBIND_READ_ONLY
};

static int rebind_wrongly(void *arg, unsigned wrong)
{
    const rebind_case_t *with = arg;
    rsm_memseg_export_handle_t segment = with->segment;
    char *vaddr = with->memory;

    if (CONF_WRONG(wrong, REBIND_NO_HANDLE)) {
        segment = NULL;
    } else if (CONF_WRONG(wrong, REBIND_NOT_ALLOWED)) {
        segment = with->bound_for_good;
    }
    if (CONF_WRONG(wrong, REBIND_NO_ADDRESS)) {
        vaddr = NULL;
    } else if (CONF_WRONG(wrong, REBIND_ODD_ADDRESS)) {
        vaddr = with->memory + 8;
    } else if (CONF_WRONG(wrong, REBIND_NOT_MAPPED)) {
        vaddr = CONF_NOWHERE;
    } else if (CONF_WRONG(wrong, REBIND_READ_ONLY)) {
        vaddr = with->readonly;
    }
    return rsm_memseg_export_rebind(segment, vaddr, 0,
                                    CONF_WRONG(wrong, REBIND_OTHER_LENGTH) ? CONF_LENGTH - CONF_PAGE
                                                                           : CONF_LENGTH);
}

static void rebind_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [REBIND_NO_HANDLE] = {"no handle", 1, PAIR(rsm_memseg_export_rebind, RSMERR_BAD_SEG_HNDL)},
        [REBIND_NO_ADDRESS] = {"no address", 2, PAIR(rsm_memseg_export_rebind, RSMERR_BAD_ADDR)},
        [REBIND_NOT_ALLOWED] = {"not allowed", 1,
                                PAIR(rsm_memseg_export_rebind, RSMERR_REBIND_NOT_ALLOWED)},
        [REBIND_OTHER_LENGTH] = {"other length", 3,
                                 PAIR(rsm_memseg_export_rebind, RSMERR_BAD_LENGTH)},
        [REBIND_ODD_ADDRESS] = {"odd address", 2, RSMERR_BAD_ADDR},
        [REBIND_NOT_MAPPED] = {"not mapped", 2, RSMERR_BAD_ADDR},
        [REBIND_READ_ONLY] = {"read only", 2, PAIR(rsm_memseg_export_rebind, RSMERR_PERM_DENIED)},
    };
    char *old = conf_pages(CONF_PAGES, false);
    rebind_case_t with = {.segment = conf_create(c, old, CONF_LENGTH, RSM_ALLOW_REBIND),
                          .bound_for_good = conf_create(c, old, CONF_LENGTH, 0),
                          .memory = conf_pages(CONF_PAGES, false),
                          .readonly = conf_pages_readonly(CONF_PAGES)};

    CONF_ORDER(rungs, rebind_wrongly, &with);
    /* To where it is: success, but only with its own length; `off` is ignored. */
    t_expect_ok(rsm_memseg_export_rebind(with.segment, old, -1, CONF_LENGTH));
    t_expect_code(rsm_memseg_export_rebind(with.segment, old, 0, CONF_PAGE), RSMERR_BAD_LENGTH);
    t_expect_ok(rsm_memseg_export_rebind(with.segment, with.memory, INT64_MAX, CONF_LENGTH));
    conf_destroy(with.segment);
    conf_destroy(with.bound_for_good);
    t_expect_code(rsm_memseg_export_rebind(with.segment, old, 0, CONF_LENGTH), RSMERR_BAD_SEG_HNDL);
    conf_pages_free(old, CONF_PAGES);
    conf_pages_free(with.memory, CONF_PAGES);
    conf_pages_free(with.readonly, CONF_PAGES);
}

static void rebind_is_followed(conf_t *c)
{
    conf_stage(c, RSM_ALLOW_REBIND);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        char *old = c->memory;

        for (unsigned i = 0; i < c->importers; i++) {
            conf_expect_fill(old + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        }
        c->memory = conf_pages(CONF_PAGES, c->maps);
        conf_fill(c->memory, CONF_LENGTH, 99);
        conf_rebind(c->segment, c->memory, CONF_LENGTH);
        conf_pages_free(old, CONF_PAGES); /* it is the program's again */
        conf_expect_fill(c->memory, CONF_LENGTH, 99);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        unsigned char wanted[CONF_LENGTH];
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT);

        conf_fill(wanted, sizeof wanted, 99);
        t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
        t_expect_mem(me->in, wanted + me->slot, CONF_SLOT);
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
        t_expect_ok(rsm_memseg_import_order_barrier(&me->barrier));
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
        conf_disconnect(conf_connect(c, c->id, RSM_PERM_RDWR));
    }
    conf_sync(c);
    if (c->exports) {
        for (unsigned i = 0; i < c->importers; i++) {
            conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        }
        conf_expect_events(c->segment, 2 * c->importers); /* those from before too */
    }
    conf_strike(c);
}

/** What was started before lands in the memory of that time; ways there and back, none used. */
static void rebinds_in_a_row(conf_t *c)
{
    char *memory[3] = {NULL, NULL, NULL};

    if (c->exports) {
        rsm_memseg_id_t id = c->id;

        for (unsigned i = 0; i < 3; i++) {
            memory[i] = conf_pages(CONF_PAGES, false);
        }
        c->segment = conf_create(c, memory[2], CONF_LENGTH, RSM_ALLOW_REBIND);
        conf_rebind(c->segment, memory[0], CONF_LENGTH); /* not published: nobody to tell */
        t_require_ok(rsm_memseg_export_publish(c->segment, &id, NULL, 0));
    }
    conf_sync(c);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned round = 0; round < 4; round++) {
        CONF_IMPORTERS (c, me) {
            rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT);

            conf_fill(me->out, CONF_SLOT, 10 * round + me->at);
            t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
            t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
            t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
        }
        conf_sync(c);
        if (c->exports) {
            char *old = memory[round % 2];

            if (round == 2) { /* one that nobody notices */
                conf_rebind(c->segment, memory[2], CONF_LENGTH);
            }
            conf_rebind(c->segment, memory[(round + 1) % 2], CONF_LENGTH);
            for (unsigned i = 0; i < c->importers; i++) {
                conf_expect_fill(old + (size_t)i * CONF_SLOT, CONF_SLOT, 10 * round + i);
            }
            memset(old, 0x77, CONF_LENGTH);
            conf_fill(memory[(round + 1) % 2], CONF_LENGTH, 200 + round);
        }
        conf_sync(c);
        CONF_IMPORTERS (c, me) {
            unsigned char wanted[CONF_LENGTH];

            t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
            if (round % 2 == 0) { /* else the next put is the first that follows */
                conf_fill(wanted, sizeof wanted, 200 + round);
                t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, CONF_SLOT));
                t_expect_mem(me->in, wanted + me->slot, CONF_SLOT);
            }
        }
        conf_sync(c);
        if (c->exports) {
            conf_expect_bytes(memory[round % 2], CONF_LENGTH, 0x77);
        }
        conf_sync(c);
    }
    /* Cut off, or gone, before the first transfer that would follow. */
    if (c->exports) {
        conf_rebind(c->segment, memory[2], CONF_LENGTH);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        if (me->at == 0) {
            conf_disconnect(me->imp);
            me->imp = NULL;
        }
    }
    conf_sync(c);
    if (c->exports) {
        conf_unpublish(c->segment);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        if (me->imp != NULL) {
            t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, 8),
                          RSMERR_CONN_ABORTED);
        }
    }
    conf_strike(c);
    for (unsigned i = 0; i < 3 && memory[i] != NULL; i++) {
        conf_pages_free(memory[i], CONF_PAGES);
    }
}

/* ---- destroy ----------------------------------------------------------------------------- */

static void destroy_cuts(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        struct pollfd pfd = {0};

        t_expect_ok(rsm_memseg_get_pollfd(c->segment, &pfd));
        t_expect_code(rsm_memseg_export_destroy(c->segment),
                      PAIR(rsm_memseg_export_destroy, RSMERR_POLLFD_IN_USE));
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) { /* it works on */
        t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
        conf_disconnect(conf_connect(c, c->id, RSM_PERM_RDWR));
    }
    conf_sync(c);
    if (c->exports) {
        for (unsigned i = 0; i < c->importers; i++) {
            conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
        }
        conf_expect_events(c->segment, c->importers);
        t_expect_ok(rsm_memseg_release_pollfd(c->segment));
        conf_destroy(c->segment);
        t_expect_code(rsm_intr_signal_wait(c->segment, 0),
                      PAIR(rsm_intr_signal_wait, RSMERR_BAD_SEG_HNDL));
        c->segment = NULL;
        memset(c->memory, 0x77, CONF_LENGTH);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        rsm_memseg_import_handle_t none;

        t_expect_code(rsm_memseg_import_put(me->imp, me->slot, me->out, CONF_SLOT),
                      PAIR(put_get, RSMERR_CONN_ABORTED));
        t_expect_code(
            rsm_memseg_import_connect(c->controller, c->exporter, c->id, RSM_PERM_READ, &none),
            PAIR(rsm_memseg_import_connect, RSMERR_SEG_NOT_PUBLISHED));
    }
    conf_leave(c);
    if (c->exports) {
        conf_expect_bytes(c->memory, CONF_LENGTH, 0x77);
    }
    conf_strike(c);
}

const conf_test_t conf_exports[] = {
    CONF_TEST(create_order, CONF_LOCAL, PROVES(10, 11)),
    CONF_TEST(publish_order, CONF_LOCAL, PROVES(12, 16)),
    CONF_TEST(republish_order, CONF_LOCAL, PROVES(17)),
    CONF_TEST(reserved_ids, CONF_LOCAL, PROVES(13)),
    CONF_TEST(generated_ids, CONF_EVERYWHERE, PROVES(14)),
    CONF_TEST(ids_are_one_space, CONF_SELF, PROVES(15)),
    CONF_TEST(ids_belong_to_nodes, CONF_REMOTE, PROVES(15)),
    CONF_TEST(lists, CONF_EVERYWHERE, PROVES(16)),
    CONF_TEST(states, CONF_LOCAL, PROVES(17)),
    CONF_TEST(rebind_order, CONF_LOCAL, PROVES(18)),
    CONF_TEST(rebind_is_followed, CONF_EVERYWHERE, PROVES(19)),
    CONF_TEST(rebinds_in_a_row, CONF_EVERYWHERE, PROVES(19)),
    CONF_TEST(destroy_cuts, CONF_EVERYWHERE, PROVES(20)),
    CONF_END,
};
