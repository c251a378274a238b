/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: access lists: copying, and who may ask for what, first as arithmetic, then through
 * publish and connect.
 * Proves: 10.2 (identity and umask as of creation), 10.4 (list tests, their order, first entry
 * counts, length 0), 11.2 (two levels, one digit), 19.5; statements 16 and 21; design 2 "Access":
 * nobody is privileged, root included.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl.h"
#include "alloc.h"
#include "fake_glue.h"
#include "t.h"

#define NODE 1U
#define ID 0x400100U

static rsmi_acl_t one_entry(rsmapi_access_entry_t *entry, uint32_t mode)
{
    rsmi_acl_t acl = {entry, 1};

    memset(entry, 0, sizeof *entry);
    entry->ae_node = NODE;
    entry->ae_permission = mode;
    return acl;
}

/** The digit of 11.2, spelt out once more. */
static uint32_t digit_of(uint32_t mode, const rsmi_owner_t *owner, const rsmi_asker_t *who)
{
    if (who->uid == owner->uid) {
        return (mode / 0100) % 010;
    }
    if (who->gid == owner->gid) {
        return (mode / 010) % 010;
    }
    for (uint32_t i = 0; i < who->group_count; i++) {
        if (who->groups[i] == owner->gid) {
            return (mode / 010) % 010;
        }
    }
    return mode % 010;
}

static void table_19_5(void)
{
    static const gid_t groups[] = {7, 10, 8};
    const rsmi_owner_t owner = {.uid = 100, .gid = 10, .mode = 0};
    const struct {
        uint32_t mode;
        uid_t uid;
        gid_t gid;
        uint32_t group_count;
        bool may_read;
        bool may_write;
    } rows[] = {
        {0624, 100, 99, 0, true, true},   {0624, 200, 10, 0, false, true},
        {0624, 200, 99, 3, false, true},  {0624, 200, 99, 1, true, false},
        {0060, 100, 10, 3, false, false}, {0060, 200, 10, 0, true, true},
        {0006, 0, 0, 0, true, true},      {0660, 0, 0, 0, false, false}, /* root: no privilege */
        {0, 0, 0, 0, false, false},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rsmapi_access_entry_t entry;
        rsmi_acl_t acl = one_entry(&entry, rows[i].mode);
        rsmi_asker_t who = {NODE, rows[i].uid, rows[i].gid, groups, rows[i].group_count};

        t_note("row %u", i);
        t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_NONE), RSM_SUCCESS);
        t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_READ),
                      rows[i].may_read ? RSM_SUCCESS : RSMERR_PERM_DENIED);
        t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_WRITE),
                      rows[i].may_write ? RSM_SUCCESS : RSMERR_PERM_DENIED);
        t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_RDWR),
                      rows[i].may_read && rows[i].may_write ? RSM_SUCCESS : RSMERR_PERM_DENIED);
        who.node = NODE + 1;
        t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_NONE),
                      RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    }
}

/** Every mode, every kind of asker, every request; with the mode in a list and without a list. */
static void every_mode(void)
{
    static const gid_t groups[] = {10};
    const rsmi_asker_t askers[] = {
        {NODE, 100, 10, NULL, 0},   {NODE, 100, 11, NULL, 0}, {NODE, 200, 10, NULL, 0},
        {NODE, 200, 11, groups, 1}, {NODE, 200, 11, NULL, 0}, {NODE, 0, 0, NULL, 0},
    };

    for (uint32_t mode = 0; mode <= 0777; mode++) {
        const rsmi_owner_t owner = {.uid = 100, .gid = 10, .mode = mode};
        const rsmi_owner_t wrong = {.uid = 100, .gid = 10, .mode = ~mode};
        rsmapi_access_entry_t entry;
        rsmi_acl_t list = one_entry(&entry, mode);
        rsmi_acl_t none = {NULL, 0};

        for (unsigned i = 0; i < sizeof askers / sizeof askers[0]; i++) {
            for (uint32_t want = 0; want < 4; want++) {
                uint32_t perm =
                    ((want & 1) != 0 ? RSM_PERM_READ : 0) | ((want & 2) != 0 ? RSM_PERM_WRITE : 0);
                uint32_t need = ((want & 1) != 0 ? 4U : 0) | ((want & 2) != 0 ? 2U : 0);
                bool may = (digit_of(mode, &owner, &askers[i]) & need) == need;
                int code = may ? RSM_SUCCESS : RSMERR_PERM_DENIED;

                t_note("mode %o, asker %u, want %u", mode, i, want);
                t_expect_code(rsmi_acl_judge(&list, &wrong, &askers[i], perm), code);
                t_expect_code(rsmi_acl_judge(&none, &owner, &askers[i], perm), code);
            }
        }
    }
}

static void first_entry_counts(void)
{
    const rsmi_owner_t owner = {.uid = 1, .gid = 1, .mode = 0777};
    const rsmi_asker_t who = {NODE, 1, 1, NULL, 0};
    rsmapi_access_entry_t list[4];
    rsmi_acl_t acl = {list, 4};

    memset(list, 0, sizeof list);
    list[0].ae_node = 0;
    list[0].ae_permission = 0666;
    list[1].ae_node = NODE;
    list[1].ae_permission = 0400;
    list[2].ae_node = NODE;
    list[2].ae_permission = 0600;
    list[3].ae_node = NODE + 1;
    t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_READ), RSM_SUCCESS);
    t_expect_code(rsmi_acl_judge(&acl, &owner, &who, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
}

static void copying(void)
{
    size_t bytes = RSMI_ACL_MAX * sizeof(rsmapi_access_entry_t);
    size_t pages = bytes / FAKE_PAGE + 2;
    char *memory = fake_pages(pages);
    /* Ends where nothing more can be read. */
    rsmapi_access_entry_t *list =
        (rsmapi_access_entry_t *)(void *)(memory + pages * FAKE_PAGE - bytes);
    rsmi_acl_t acl = {list, 99};
    long live = rsmi_alloc_live();

    t_note("copying");
    t_expect_code(rsmi_acl_copy(NULL, 0, 0, 4, &acl), RSM_SUCCESS);
    t_expect_eq(acl.entries, NULL);
    t_expect_eq(acl.count, 0);
    t_expect_code(rsmi_acl_copy(list, 0, 0, 4, &acl), RSM_SUCCESS);
    t_expect_eq(acl.entries, NULL);

    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX, 0, 4, &acl), RSM_SUCCESS);
    t_expect_eq(acl.count, RSMI_ACL_MAX);
    t_expect_mem(acl.entries, list, bytes);
    t_expect_eq(rsmi_alloc_live(), live + 1);
    list[0].ae_permission = 0111;
    t_expect_eq(acl.entries[0].ae_permission, 0);
    rsmi_acl_clear(&acl);
    t_expect_eq(acl.entries, NULL);
    t_expect_eq(acl.count, 0);
    rsmi_acl_clear(&acl);
    t_expect_eq(rsmi_alloc_live(), live);

    acl = (rsmi_acl_t){NULL, 99};
    list[RSMI_ACL_MAX - 1].ae_node = 4;
    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX + 1, 0, 4, &acl), RSMERR_BAD_ACL);
    t_expect_code(rsmi_acl_copy(list + 1, RSMI_ACL_MAX, 0, 4, &acl), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_acl_copy(NULL, 1, 0, 4, &acl), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX, 0, 4, &acl), RSMERR_BAD_ACL);
    list[RSMI_ACL_MAX - 1].ae_node = 3;
    list[RSMI_ACL_MAX - 1].ae_permission = 0667;
    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX, 0, 4, &acl), RSMERR_BAD_ACL);
    list[RSMI_ACL_MAX - 1].ae_permission = 0666;
    rsmi_alloc_fail_at(1);
    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX, 0, 4, &acl), RSMERR_INSUFFICIENT_MEM);
    t_expect_eq(acl.entries, NULL);
    t_expect_eq(acl.count, 99);
    t_expect_code(rsmi_acl_copy(list, RSMI_ACL_MAX, 0, 4, &acl), RSM_SUCCESS);
    rsmi_acl_clear(&acl);
    t_expect_eq(rsmi_alloc_live(), live);
    fake_pages_free(memory, pages);
}

static void owner_and_umask(void)
{
    static const mode_t masks[] = {0, 022, 077, 0777, 0137};

    t_note("umask");
    for (unsigned i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        rsmi_owner_t owner;

        (void)umask(masks[i]);
        owner = rsmi_owner_self();
        t_expect_eq(owner.mode, 0777U & ~masks[i]);
        t_expect_eq(owner.uid, geteuid());
        t_expect_eq(owner.gid, getegid());
        t_expect_eq(umask(022), masks[i]); /* asking has not changed it */
    }
}

static int ask(rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = NULL;
    int rc = rsm_memseg_import_connect(fake_ctl, NODE, ID, perm, &imp);

    if (rc == RSM_SUCCESS) {
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    } else {
        t_expect_eq(imp, NULL);
    }
    return rc;
}

/** The same through publish and connect. */
static void whole_way(void)
{
    uid_t other = geteuid() + 1;
    gid_t group = getegid();
    gid_t stranger = group + 1;
    char *memory = fake_pages(1);
    rsm_memseg_export_handle_t seg = NULL;
    rsmapi_access_entry_t list[2];
    rsm_memseg_id_t id = ID;

    t_note("default mode, umask 037 at creation");
    (void)umask(037);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    (void)umask(0); /* too late to matter */
    memset(list, 0, sizeof list);
    t_require_ok(rsm_memseg_export_publish(seg, &id, list, 0)); /* length 0: the list is no list */
    t_expect_code(ask(RSM_PERM_RDWR), RSM_SUCCESS);
    fake_set_identity(other, group, NULL, 0);
    t_expect_code(ask(RSM_PERM_READ), RSM_SUCCESS);
    t_expect_code(ask(RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    fake_set_identity(other, stranger, &group, 1);
    t_expect_code(ask(RSM_PERM_READ), RSM_SUCCESS);
    fake_set_identity(other, stranger, NULL, 0);
    t_expect_code(ask(RSM_PERM_READ), RSMERR_PERM_DENIED);
    t_expect_code(ask(RSM_PERM_NONE), RSM_SUCCESS);
    fake_set_identity(0, 0, NULL, 0); /* root as importer */
    t_expect_code(ask(RSM_PERM_WRITE), geteuid() == 0 ? RSM_SUCCESS : RSMERR_PERM_DENIED);
    t_require_ok(rsm_memseg_export_unpublish(seg));
    (void)umask(022);

    t_note("list: node 2 may read, node 3 nothing");
    fake_reset();
    list[0].ae_node = 2;
    list[0].ae_permission = 0444;
    list[1].ae_node = 3;
    list[1].ae_permission = 0;
    t_require_ok(rsm_memseg_export_publish(seg, &id, list, 2));
    list[0].ae_permission = 0666; /* it was copied */
    t_expect_code(ask(RSM_PERM_NONE), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    fake_set_asker(2);
    t_expect_code(ask(RSM_PERM_READ), RSM_SUCCESS);
    t_expect_code(ask(RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    t_expect_code(ask(RSM_PERM_RDWR), RSMERR_PERM_DENIED);
    fake_set_asker(3);
    t_expect_code(ask(RSM_PERM_READ), RSMERR_PERM_DENIED);
    t_expect_code(ask(RSM_PERM_NONE), RSM_SUCCESS);
    t_require_ok(rsm_memseg_export_unpublish(seg));
    fake_set_asker(0);

    t_note("the list went with the publication");
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_expect_code(ask(RSM_PERM_READ), RSM_SUCCESS);
    t_require_ok(rsm_memseg_export_destroy(seg));

    t_note("the own node obeys the list like any other");
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    list[0].ae_node = 0;
    list[0].ae_permission = 0466;
    t_require_ok(rsm_memseg_export_publish(seg, &id, list, 1));
    {
        rsm_memseg_import_handle_t imp = NULL;

        t_expect_code(rsm_memseg_import_connect(fake_ctl, 0, ID, RSM_PERM_WRITE, &imp),
                      RSMERR_PERM_DENIED);
        t_expect_code(rsm_memseg_import_connect(fake_ctl, 0, ID, RSM_PERM_READ, &imp), RSM_SUCCESS);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    t_require_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
}

int main(void)
{
    fake_begin();
    table_19_5();
    every_mode();
    first_entry_counts();
    copying();
    owner_and_umask();
    whole_way();
    return fake_finish();
}
