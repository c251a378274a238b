/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the access list of a published segment is exchanged: check order, who may connect
 * before and after, failures, a forked child, connects that arrive meanwhile.
 * Proves: 10.6 with its "Portable" line, 10.4 steps 7 to 9 as 10.6 uses them, 19.1 (republish);
 * statement 23; design 2 "Handles" (forked child).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "fake_glue.h"
#include "t.h"

#define ID 0x400220U
#define TOO_LONG 65537U
#define ROUNDS 3000

static char *memory;
static rsm_memseg_export_handle_t seg;

static rsmapi_access_entry_t entry(rsm_node_id_t ae_node, rsm_permission_t permission)
{
    rsmapi_access_entry_t made;

    memset(&made, 0, sizeof made);
    made.ae_node = ae_node;
    made.ae_permission = permission;
    return made;
}

/** What a connect from `from` for `perm` gives. Node 0 is this process itself. */
static int try_connect(rsm_node_id_t from, rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = NULL;
    int rc;

    fake_set_asker(from);
    rc = rsm_memseg_import_connect(fake_ctl, from == 0 ? 0 : 1, ID, perm, &imp);
    if (rc == RSM_SUCCESS) {
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    return rc;
}

static void transfer(rsm_memseg_import_handle_t imp)
{
    char byte = 'r';
    rsm_iovec_t piece = fake_va(&byte, 0, 5, 1);

    memory[5] = 0;
    t_expect_ok(fake_putv(imp, &piece, 1, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_eq(memory[5], 'r');
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_wait(imp, 1000));
}

static void check_order(void)
{
    static rsmapi_access_entry_t many[TOO_LONG];
    char *unreadable = memory - FAKE_PAGE;
    rsmapi_access_entry_t *bad = (rsmapi_access_entry_t *)(void *)unreadable;
    rsmapi_access_entry_t list[2];
    rsm_memseg_id_t id = ID;

    t_note("order");
    seg = NULL;
    t_expect_code(rsm_memseg_export_republish(NULL, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    t_expect_code(rsm_memseg_export_republish(seg, NULL, 1), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_export_republish(seg, NULL, 0), RSMERR_SEG_NOT_PUBLISHED);
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_expect_code(rsm_memseg_export_republish(seg, NULL, TOO_LONG), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_republish(seg, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_republish(seg, bad, TOO_LONG), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_republish(seg, bad, 1), RSMERR_BAD_ADDR);
    /* The last of its entries cannot be read. */
    bad = (rsmapi_access_entry_t *)(void *)(memory + FAKE_PAGE) - 1;
    *bad = entry(4, 0777);
    t_expect_code(rsm_memseg_export_republish(seg, bad, 2), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_export_republish(seg, bad, 1), RSMERR_BAD_ACL);
    list[0] = entry(1, 0600);
    list[1] = entry(4, 0600); /* nodes are 0 to 3 */
    t_expect_code(rsm_memseg_export_republish(seg, list, 2), RSMERR_BAD_ACL);
    list[1] = entry(UINT32_MAX, 0600);
    t_expect_code(rsm_memseg_export_republish(seg, list, 2), RSMERR_BAD_ACL);
    list[1] = entry(3, 0667);
    t_expect_code(rsm_memseg_export_republish(seg, list, 2), RSMERR_BAD_ACL);
    list[1] = entry(3, 0666);
    for (unsigned i = 0; i < TOO_LONG; i++) {
        many[i] = entry(2, 0600);
    }
    t_expect_code(rsm_memseg_export_republish(seg, many, TOO_LONG), RSMERR_BAD_ACL);

    t_note("a failure keeps the old list");
    t_expect_ok(rsm_memseg_export_republish(seg, list, 2));
    list[1] = entry(3, 0667);
    t_expect_code(rsm_memseg_export_republish(seg, list, 2), RSMERR_BAD_ACL);
    rsmi_alloc_fail_at(1);
    t_expect_code(rsm_memseg_export_republish(seg, many, 1), RSMERR_INSUFFICIENT_MEM);
    t_expect(rsmi_alloc_failed());
    rsmi_alloc_fail_at(0);
    t_expect_ok(try_connect(1, RSM_PERM_RDWR));
    t_expect_ok(try_connect(3, RSM_PERM_RDWR));
    t_expect_code(try_connect(2, RSM_PERM_RDWR), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    t_expect_ok(rsm_memseg_export_republish(seg, many, TOO_LONG - 1));
    t_expect_ok(try_connect(2, RSM_PERM_RDWR));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(rsm_memseg_export_republish(seg, list, 1), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_code(rsm_memseg_export_republish(seg, list, 1), RSMERR_BAD_SEG_HNDL);
    fake_expect_clean();
}

/** Connections stay, new ones obey; also while a node that is dropped has one (10.6 "Portable"). */
static void old_and_new(void)
{
    rsm_memseg_import_handle_t imps[2];
    rsmapi_access_entry_t list[2];
    rsmapi_barrier_t barrier = {NULL, 0, NULL};

    t_note("old connections and new ones");
    fake_reset();
    seg = fake_export(memory, FAKE_PAGE, ID);
    imps[0] = fake_import(0, ID, RSM_PERM_RDWR);
    fake_set_asker(1);
    imps[1] = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_ok(rsm_memseg_import_init_barrier(imps[1], RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));

    list[0] = entry(2, 0400);
    list[1] = entry(2, 0600); /* of several the first counts */
    t_expect_ok(rsm_memseg_export_republish(seg, list, 2));
    memset(list, 0xFF, sizeof list); /* it was copied */
    for (unsigned i = 0; i < 2; i++) {
        t_expect_code(try_connect(i, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
        transfer(imps[i]);
        t_expect_ok(rsm_intr_signal_wait(imps[1 - i], 1000)); /* its share of the post */
    }
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(try_connect(2, RSM_PERM_READ));
    t_expect_ok(try_connect(2, RSM_PERM_NONE));
    t_expect_code(try_connect(2, RSM_PERM_WRITE), RSMERR_PERM_DENIED);

    list[0] = entry(0, 0);
    t_expect_ok(rsm_memseg_export_republish(seg, list, 1)); /* seen, and nothing granted */
    t_expect_ok(try_connect(0, RSM_PERM_NONE));
    t_expect_code(try_connect(0, RSM_PERM_READ), RSMERR_PERM_DENIED);
    t_expect_code(try_connect(2, RSM_PERM_NONE), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);

    /* Length 0: open to all with the mode of creation, whatever the pointer. */
    t_expect_ok(rsm_memseg_export_republish(seg, list, 0));
    t_expect_ok(try_connect(2, RSM_PERM_RDWR));
    t_expect_ok(rsm_memseg_export_republish(seg, NULL, 0));
    t_expect_ok(try_connect(3, RSM_PERM_RDWR));
    fake_set_identity(54321, 54321, NULL, 0); /* umask 022: others may read */
    t_expect_ok(try_connect(3, RSM_PERM_READ));
    t_expect_code(try_connect(3, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    transfer(imps[0]);
    t_expect_ok(rsm_memseg_import_disconnect(imps[0]));
    t_expect_ok(rsm_memseg_import_disconnect(imps[1]));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/** Withdrawing (an importer does not answer) is not published. */
static void withdrawing(void)
{
    rsm_memseg_import_handle_t imp;
    rsmapi_access_entry_t list[1];

    t_note("while an unpublish is not complete");
    fake_reset();
    fake_set_patience(100);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_INTERRUPTED);
    list[0] = entry(9, 0600);
    t_expect_code(rsm_memseg_export_republish(seg, list, 1), RSMERR_SEG_NOT_PUBLISHED);
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

static void child_published(void *arg)
{
    rsmapi_access_entry_t bad = entry(9, 0777);

    t_expect_code(rsm_memseg_export_republish(arg, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(rsm_memseg_export_republish(arg, &bad, TOO_LONG), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_republish(arg, NULL, 0), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_republish(NULL, NULL, 0), RSMERR_BAD_SEG_HNDL);
}

static void child_created(void *arg)
{
    t_expect_code(rsm_memseg_export_republish(arg, NULL, 1), RSMERR_SEG_NOT_PUBLISHED);
}

static void forked(void)
{
    t_note("a forked child");
    fake_reset();
    seg = fake_export(memory, FAKE_PAGE, ID);
    t_expect(fake_in_child(child_published, seg));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect(fake_in_child(child_created, seg));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/* ---- Connects that arrive meanwhile ------------------------------------------------------ */

static atomic_bool stop;
static atomic_long counts[2];

static void *connect_on(void *arg)
{
    rsm_memseg_import_handle_t imp;

    (void)arg;
    while (!atomic_load(&stop)) {
        int rc = rsm_memseg_import_connect(fake_ctl, 1, ID, RSM_PERM_WRITE, &imp);

        /* One list or the other, never half of one, never none. */
        t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
        atomic_fetch_add(&counts[rc == RSM_SUCCESS], 1);
        if (rc == RSM_SUCCESS) {
            t_expect_ok(rsm_memseg_import_disconnect(imp));
        }
    }
    return NULL;
}

static void *republish_on(void *arg)
{
    bool open = arg != NULL;
    rsmapi_access_entry_t lists[2][2];

    lists[0][0] = entry(2, 0666);
    lists[0][1] = entry(3, 0666);
    lists[1][0] = entry(0, 0);
    lists[1][1] = entry(1, 0200);
    for (unsigned i = 0; i < ROUNDS || (atomic_load(&counts[0]) * atomic_load(&counts[1]) == 0 &&
                                        i < 1000 * ROUNDS);
         i++) {
        t_expect_ok(rsm_memseg_export_republish(seg, lists[open ? 1 : 0], 2));
        open = !open;
    }
    return NULL;
}

static void meanwhile(void)
{
    pthread_t connector;
    pthread_t republishers[2];

    t_note("connects meanwhile");
    fake_reset();
    fake_set_asker(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    t_require_eq(pthread_create(&connector, NULL, connect_on, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        void *open = i == 0 ? NULL : (void *)&republishers;

        t_require_eq(pthread_create(&republishers[i], NULL, republish_on, open), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(republishers[i], NULL);
    }
    atomic_store(&stop, true);
    (void)pthread_join(connector, NULL);
    t_expect(atomic_load(&counts[0]) > 0 && atomic_load(&counts[1]) > 0);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    check_order();
    old_and_new();
    withdrawing();
    forked();
    meanwhile();
    fake_pages_free(memory, 1);
    return fake_finish();
}
