/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: connect and disconnect: every check in its order, rights, many connections, a cut
 * that overtakes a connect.
 * Proves: 11.2 and 11.3 as far as the calls exist, 16.8, 19.4; statements 21, 22 and 45, and of 23
 * that an unpublished list refuses; design 2 "Cut" (a connect that is overtaken is INTERRUPTED).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x400020U
#define MANY 500U

static char *memory;

/** Connect with a result that is not NULL before; a connection is given up again. */
static int connect_to(rsmapi_controller_handle_t ctl, rsm_node_id_t node, rsm_memseg_id_t id,
                      rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = (rsm_memseg_import_handle_t)0x1234;
    int rc = rsm_memseg_import_connect(ctl, node, id, perm, &imp);

    if (rc == RSM_SUCCESS) {
        t_expect(imp != NULL && imp != (rsm_memseg_import_handle_t)0x1234);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
        t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_BAD_SEG_HNDL);
    } else {
        t_expect_eq(imp, NULL);
    }
    return rc;
}

static void order(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);

    t_note("connect, order");
    t_expect_code(rsm_memseg_import_connect(NULL, 99, 1, 01, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(connect_to(NULL, 99, 1, 01), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 99, 1, 01, NULL), RSMERR_BAD_SEG_HNDL);
    fake_set_ended(true);
    t_expect_code(connect_to(fake_ctl, 99, 1, 01), RSMERR_PERM_DENIED);
    t_expect_code(connect_to(fake_ctl, 99, 1, RSM_PERM_READ), RSMERR_CTLR_NOT_PRESENT);
    fake_set_ended(false);
    t_expect_code(connect_to(fake_ctl, 99, 1, RSM_PERM_READ), RSMERR_REMOTE_NODE_UNREACHABLE);
    t_expect_code(connect_to(fake_ctl, 4, ID, RSM_PERM_READ), RSMERR_REMOTE_NODE_UNREACHABLE);
    t_expect_code(connect_to(fake_ctl, UINT32_MAX, ID, 0), RSMERR_REMOTE_NODE_UNREACHABLE);
    t_expect_eq(fake_count(FAKE_CONNECT), 0); /* nobody was bothered so far */

    for (rsm_node_id_t node = 0; node < 4; node++) { /* 0 is the own one */
        static const rsm_permission_t bad[] = {0100, 0640,  01,         04,        020,
                                               0700, 01000, 0x80000000, 0xFFFFFFFF};

        t_note("connect to node %u", node);
        for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            t_expect_code(connect_to(fake_ctl, node, ID, bad[i]), RSMERR_PERM_DENIED);
        }
        t_expect_code(connect_to(fake_ctl, node, ID + 1, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED);
        t_expect_code(connect_to(fake_ctl, node, 0, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED);
        t_expect_code(connect_to(fake_ctl, node, 1, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED);
        t_expect_code(connect_to(fake_ctl, node, 0xFFFFFFFF, 0), RSMERR_SEG_NOT_PUBLISHED);
        t_expect_code(connect_to(fake_ctl, node, ID, RSM_PERM_READ), RSM_SUCCESS);
        t_expect_code(connect_to(fake_ctl, node, ID, RSM_PERM_WRITE), RSM_SUCCESS);
        t_expect_code(connect_to(fake_ctl, node, ID, RSM_PERM_RDWR), RSM_SUCCESS);
        t_expect_code(connect_to(fake_ctl, node, ID, RSM_PERM_NONE), RSM_SUCCESS);
    }
    t_expect_code(rsm_memseg_import_disconnect(NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/** 11.2: not published, before "not to this node", before the mode; through the glue and not. */
static void lists(void)
{
    rsm_memseg_export_handle_t seg = NULL;
    rsmapi_access_entry_t list[1];
    rsm_memseg_id_t id = ID;

    t_note("lists");
    memset(list, 0, sizeof list);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED);
    list[0].ae_node = 3;
    list[0].ae_permission = 0444;
    t_require_ok(rsm_memseg_export_publish(seg, &id, list, 1));
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_WRITE), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    t_expect_code(connect_to(fake_ctl, 0, ID, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
    fake_set_asker(3);
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_WRITE), RSMERR_PERM_DENIED);
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_READ), RSM_SUCCESS);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_READ), RSMERR_SEG_NOT_PUBLISHED);
    fake_reset();
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/** 19.4: what was asked for is what is granted. */
static void rights(void)
{
    static const struct {
        rsm_permission_t asked;
        int getv;
        int putv;
    } rows[] = {
        {RSM_PERM_READ, RSM_SUCCESS, RSMERR_PERM_DENIED},
        {RSM_PERM_WRITE, RSMERR_PERM_DENIED, RSM_SUCCESS},
        {RSM_PERM_RDWR, RSM_SUCCESS, RSM_SUCCESS},
        {RSM_PERM_NONE, RSMERR_PERM_DENIED, RSMERR_PERM_DENIED},
    };
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    char byte = 0;
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);

    for (unsigned i = 0; i < 4; i++) {
        for (rsm_node_id_t node = 0; node < 2; node++) {
            rsm_memseg_import_handle_t imp = fake_import(node, ID, rows[i].asked);
            unsigned long residual = 0;

            t_note("rights 0%o, node %u", rows[i].asked, node);
            t_expect_code(fake_getv(imp, &entry, 1, 0, &residual), rows[i].getv);
            t_expect_eq(residual, rows[i].getv == RSM_SUCCESS ? 0 : 1);
            t_expect_code(fake_putv(imp, &entry, 1, 0, &residual), rows[i].putv);
            t_expect_eq(residual, rows[i].putv == RSM_SUCCESS ? 0 : 1);
            t_expect_ok(rsm_intr_signal_post(imp, 0)); /* events want no right */
            t_expect_ok(rsm_intr_signal_wait(seg, 0));
            t_expect_ok(rsm_memseg_import_disconnect(imp));
        }
    }
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static void many(void)
{
    static rsm_memseg_import_handle_t imps[MANY];
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_barrier_mode_t mode;

    t_note("many connections");
    for (unsigned i = 0; i < MANY; i++) {
        imps[i] = fake_import(i % 4, ID, RSM_PERM_RDWR);
        t_expect(i == 0 || imps[i] != imps[i - 1]);
    }
    for (unsigned i = 0; i < MANY; i++) { /* each has a mode of its own */
        t_expect_ok(rsm_memseg_import_get_mode(imps[i], &mode));
        t_expect_eq((int)mode, (int)RSM_BARRIER_MODE_IMPLICIT);
        if (i % 3 == 0) {
            t_expect_ok(rsm_memseg_import_set_mode(imps[i], RSM_BARRIER_MODE_EXPLICIT));
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        t_expect_ok(rsm_memseg_import_get_mode(imps[i], &mode));
        t_expect_eq((int)mode,
                    (int)(i % 3 == 0 ? RSM_BARRIER_MODE_EXPLICIT : RSM_BARRIER_MODE_IMPLICIT));
        t_expect_code(rsm_intr_signal_wait(imps[i], 0), RSMERR_TIMEOUT);
    }
    t_expect_code(rsm_memseg_import_set_mode(imps[0], (rsm_barrier_mode_t)2), RSMERR_BAD_MODE);
    t_expect_code(rsm_memseg_import_set_mode(imps[0], (rsm_barrier_mode_t)-1), RSMERR_BAD_MODE);
    t_expect_code(rsm_memseg_import_get_mode(imps[0], NULL), RSMERR_BAD_ADDR);
    t_expect_ok(rsm_memseg_import_get_mode(imps[0], &mode));
    t_expect_eq((int)mode, (int)RSM_BARRIER_MODE_EXPLICIT);
    for (unsigned i = 0; i < MANY; i += 2) {
        char byte = (char)i;
        rsm_iovec_t entry = fake_va(&byte, 0, i, 1);

        t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
        t_expect_ok(fake_putv(imps[i + 1], &entry, 1, RSM_IMPLICIT_SIGPOST, NULL));
        t_expect_eq(memory[i], byte);
    }
    for (unsigned i = 1; i < MANY; i += 2) {
        t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
    }
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/** What a glue may return goes to the program as it is, and leaves nothing. */
static void glue_fails(void)
{
    static const int codes[] = {RSMERR_INTERRUPTED, RSMERR_INSUFFICIENT_MEM,
                                RSMERR_INSUFFICIENT_RESOURCES, RSMERR_REMOTE_NODE_UNREACHABLE,
                                RSMERR_CTLR_NOT_PRESENT};
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    long handles = rsmi_handle_live();
    long blocks = rsmi_alloc_live();

    t_note("the glue fails");
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        fake_fail(FAKE_CONNECT, 1, codes[i]);
        t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_RDWR), codes[i]);
        t_expect_eq(rsmi_handle_live(), handles);
        t_expect_eq(rsmi_alloc_live(), blocks);
    }
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_RDWR), RSM_SUCCESS);
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static void withdraw(void *arg)
{
    t_expect_ok(rsm_memseg_export_unpublish(arg));
}

static void post_at_once(void *arg)
{
    t_expect_ok(rsm_intr_signal_post(arg, 0));
    fake_settle();
}

static void during_connect(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp;

    t_note("the exporter withdraws during the connect");
    fake_hook(FAKE_CONNECT, withdraw, seg);
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_RDWR), RSMERR_INTERRUPTED);
    t_expect_code(connect_to(fake_ctl, 1, ID, RSM_PERM_RDWR), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();

    t_note("the exporter posts during the connect");
    seg = fake_export(memory, FAKE_PAGE, ID);
    fake_hook(FAKE_CONNECT, post_at_once, seg);
    imp = fake_import(1, ID, 0);
    t_expect_ok(rsm_intr_signal_wait(imp, 0));
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_reset();
}

/* ---- Threads ----------------------------------------------------------------------------- */

static atomic_bool stop;
static atomic_int connected;

static void *connector(void *arg)
{
    rsm_node_id_t node = (rsm_node_id_t)(uintptr_t)arg;

    while (!atomic_load(&stop)) {
        rsm_memseg_import_handle_t imp = NULL;
        int rc = rsm_memseg_import_connect(fake_ctl, node, ID, RSM_PERM_RDWR, &imp);

        if (rc == RSM_SUCCESS) {
            atomic_fetch_add(&connected, 1);
            t_expect_ok(rsm_memseg_import_disconnect(imp));
        } else {
            t_expect(rc == RSMERR_SEG_NOT_PUBLISHED || rc == RSMERR_INTERRUPTED);
            t_expect_eq(imp, NULL);
        }
    }
    return NULL;
}

/**
 * Connects from all sides while the segment comes and goes, every other time under another id that
 * is for node 3 alone: no connect to ID may be judged by that.
 */
static void storm(void)
{
    pthread_t threads[3];
    rsm_memseg_export_handle_t seg = NULL;
    rsmapi_access_entry_t list[1];

    t_note("storm");
    memset(list, 0, sizeof list);
    list[0].ae_node = 3;
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    for (unsigned i = 0; i < 3; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, connector, (void *)(uintptr_t)(i % 2)), 0);
    }
    for (unsigned i = 0; i < 250; i++) {
        rsm_memseg_id_t id = i % 2 == 0 ? ID : ID + 1;

        fake_set_cut_mode(i % 4 < 2 ? FAKE_CUT_AT_ONCE : FAKE_CUT_AGENT);
        t_expect_ok(rsm_memseg_export_publish(seg, &id, list, i % 2));
        if (i % 16 == 0) {
            fake_ms(1);
        }
        t_expect_ok(rsm_memseg_export_unpublish(seg));
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_print("connections made: %d", atomic_load(&connected));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    order();
    lists();
    rights();
    many();
    glue_fails();
    during_connect();
    storm();
    fake_pages_free(memory, 1);
    return fake_finish();
}
