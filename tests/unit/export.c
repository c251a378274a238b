/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the exporter's calls: every check in its order, with several faults at once, and
 * what unpublish and destroy do to importers that answer, that are slow, and that do not answer.
 * Proves: 10.1 to 10.5 as far as the calls exist, 18.4; statements 10 to 17 and 20; design 2 "Cut".
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "acl.h"
#include "alloc.h"
#include "fake_glue.h"
#include "nap.h"
#include "t.h"

#define ID 0x400010U
#define MAX_SEGMENT ((size_t)1 << 30)

static char *memory;

/** Create with a result that is not NULL before; expects that it is NULL after a failure. */
static int create(rsmapi_controller_handle_t ctl, void *address, size_t size, unsigned flags)
{
    rsm_memseg_export_handle_t seg = (rsm_memseg_export_handle_t)0x1234;
    int rc = rsm_memseg_export_create(ctl, &seg, address, size, flags);

    if (rc == RSM_SUCCESS) {
        t_expect(seg != NULL && seg != (rsm_memseg_export_handle_t)0x1234);
        t_expect_ok(rsm_memseg_export_destroy(seg));
    } else {
        t_expect_eq(seg, NULL);
    }
    return rc;
}

static void create_order(void)
{
    char *odd = memory + 1;
    char *holes = fake_pages(3);

    t_note("create, order");
    t_expect_code(rsm_memseg_export_create(NULL, NULL, NULL, 0, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(create(NULL, NULL, 0, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_export_create(fake_ctl, NULL, NULL, 0, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(create(fake_ctl, NULL, 0, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, NULL, 1, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, odd, 0, 0), RSMERR_BAD_LENGTH);
    t_expect_code(create(fake_ctl, odd, FAKE_PAGE, 0), RSMERR_BAD_MEM_ALIGNMENT);
    t_expect_code(create(fake_ctl, memory, FAKE_PAGE - 1, 0), RSMERR_BAD_MEM_ALIGNMENT);
    t_expect_code(create(fake_ctl, odd, SIZE_MAX, 0), RSMERR_BAD_MEM_ALIGNMENT);
    t_expect_code(create(fake_ctl, memory, MAX_SEGMENT + FAKE_PAGE, 0), RSMERR_BAD_LENGTH);
    t_expect_code(create(fake_ctl, memory, SIZE_MAX - FAKE_PAGE + 1, 0), RSMERR_BAD_LENGTH);
    fake_set_ended(true);
    t_expect_code(create(fake_ctl, memory, MAX_SEGMENT + FAKE_PAGE, 0), RSMERR_BAD_LENGTH);
    t_expect_code(create(fake_ctl, (void *)(uintptr_t)FAKE_PAGE, FAKE_PAGE, 0),
                  RSMERR_CTLR_NOT_PRESENT);
    fake_set_ended(false);
    t_expect_code(create(fake_ctl, memory, MAX_SEGMENT, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, (void *)(uintptr_t)(UINTPTR_MAX - FAKE_PAGE + 1),
                         2 * (size_t)FAKE_PAGE, 0),
                  RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, holes - FAKE_PAGE, FAKE_PAGE, 0), RSMERR_PERM_DENIED);
    t_require_eq(mprotect(holes + FAKE_PAGE, FAKE_PAGE, PROT_READ), 0);
    t_expect_code(create(fake_ctl, holes, 2 * (size_t)FAKE_PAGE, 0), RSMERR_PERM_DENIED);
    t_require_eq(munmap(holes + FAKE_PAGE, FAKE_PAGE), 0);
    t_expect_code(create(fake_ctl, holes, 2 * (size_t)FAKE_PAGE, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, holes, FAKE_PAGE, 0), RSM_SUCCESS);
    rsmi_alloc_fail_at(1);
    t_expect_code(create(fake_ctl, holes, 3 * (size_t)FAKE_PAGE, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, holes, FAKE_PAGE, 0), RSMERR_INSUFFICIENT_MEM);
    t_expect_code(create(fake_ctl, memory, FAKE_PAGE, ~0U), RSM_SUCCESS); /* flags: any bits */
    t_expect_code(create(fake_ctl, memory, FAKE_PAGE, RSM_ALLOW_REBIND), RSM_SUCCESS);
    t_expect_code(create(fake_ctl, memory, FAKE_PAGE, RSM_CREATE_SEG_DONTWAIT), RSM_SUCCESS);
    t_require_eq(munmap(holes - FAKE_PAGE, 5 * (size_t)FAKE_PAGE), 0);
    fake_expect_clean();
}

static void overlapping(void)
{
    rsm_memseg_export_handle_t a;
    rsm_memseg_export_handle_t b;
    rsm_memseg_export_handle_t c;
    rsm_memseg_import_handle_t imp;
    char byte = 'q';
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);

    t_note("overlapping segments");
    a = fake_export(memory, 2 * (size_t)FAKE_PAGE, ID);
    b = fake_export(memory, 2 * (size_t)FAKE_PAGE, ID + 1);
    c = fake_export(memory + FAKE_PAGE, FAKE_PAGE, ID + 2);
    imp = fake_import(1, ID + 2, RSM_PERM_RDWR);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    t_expect_eq(memory[FAKE_PAGE], 'q');
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(a));
    t_expect_ok(rsm_memseg_export_destroy(c));
    t_expect_ok(rsm_memseg_export_destroy(b));
}

static int publish(rsm_memseg_export_handle_t seg, rsm_memseg_id_t wanted,
                   rsmapi_access_entry_t *list, unsigned length)
{
    rsm_memseg_id_t id = wanted;
    int rc = rsm_memseg_export_publish(seg, &id, list, length);

    if (rc != RSM_SUCCESS || wanted != 0) {
        t_expect_eq(id, wanted);
    } else {
        t_expect(id >= 0x80000000U);
    }
    return rc;
}

static void publish_order(void)
{
    rsm_memseg_export_handle_t seg = NULL;
    rsm_memseg_export_handle_t other = fake_export(memory, FAKE_PAGE, ID);
    size_t bytes = (size_t)RSMI_ACL_MAX * sizeof(rsmapi_access_entry_t);
    size_t pages = (bytes + FAKE_PAGE - 1) / FAKE_PAGE;
    char *room = fake_pages(pages);
    rsmapi_access_entry_t *list = (rsmapi_access_entry_t *)(void *)room;
    rsmapi_access_entry_t *unreadable = (rsmapi_access_entry_t *)(void *)(room - FAKE_PAGE);
    rsm_memseg_id_t id = 0;

    t_note("publish, order");
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    t_expect_code(rsm_memseg_export_publish(NULL, NULL, NULL, 1), RSMERR_BAD_SEGID);
    t_expect_code(rsm_memseg_export_publish(other, NULL, NULL, 1), RSMERR_BAD_SEGID);
    t_expect_code(publish(NULL, 1, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(publish(other, 1, NULL, 1), RSMERR_BAD_ACL);
    t_expect_code(publish(seg, 1, NULL, UINT32_MAX), RSMERR_BAD_ACL);
    t_expect_code(publish(other, 1, list, RSMI_ACL_MAX + 1), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(publish(seg, 1, list, RSMI_ACL_MAX + 1), RSMERR_RESERVED_SEGID);
    list[1].ae_node = 4;
    t_expect_code(publish(seg, ID, unreadable, RSMI_ACL_MAX + 1), RSMERR_BAD_ACL);
    t_expect_code(publish(seg, ID, unreadable, 1), RSMERR_BAD_ADDR);
    t_expect_code(publish(seg, ID, list, 2), RSMERR_BAD_ACL); /* 4 nodes: 0 to 3 */
    list[1].ae_node = 3;
    list[1].ae_permission = 0667;
    t_expect_code(publish(seg, ID, list, 2), RSMERR_BAD_ACL);
    list[1].ae_permission = 01000;
    t_expect_code(publish(seg, ID, list, 2), RSMERR_BAD_ACL);
    list[1].ae_permission = 0666;
    t_expect_code(publish(seg, ID, list, 2), RSMERR_SEGID_IN_USE);
    rsmi_alloc_fail_at(1);
    t_expect_code(publish(seg, ID + 1, list, 2), RSMERR_INSUFFICIENT_MEM);
    /* Nothing of all that has published it. */
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(publish(seg, ID + 1, list, RSMI_ACL_MAX), RSM_SUCCESS);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(publish(seg, ID + 1, unreadable, 0), RSM_SUCCESS); /* length 0: not looked at */
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_memseg_export_destroy(other));
    fake_pages_free(room, pages);

    t_note("one segment per id");
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    other = fake_export(memory, FAKE_PAGE, ID);
    t_expect_code(publish(seg, ID, NULL, 0), RSMERR_SEGID_IN_USE);
    t_expect_ok(rsm_memseg_export_unpublish(other));
    t_expect_code(publish(seg, ID, NULL, 0), RSM_SUCCESS);
    t_expect_code(publish(other, ID, NULL, 0), RSMERR_SEGID_IN_USE);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_code(publish(other, ID, NULL, 0), RSM_SUCCESS);
    t_expect_code(publish(other, ID, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(publish(other, ID + 1, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_ok(rsm_memseg_export_unpublish(other));
    t_expect_code(rsm_memseg_export_unpublish(other), RSMERR_SEG_NOT_PUBLISHED);
    for (unsigned i = 0; i < 20; i++) { /* again and again, under one id or several */
        t_expect_code(publish(other, ID + i % 3, NULL, 0), RSM_SUCCESS);
        t_expect_ok(rsm_memseg_export_unpublish(other));
    }
    {
        rsm_memseg_id_t last = 0;

        for (unsigned i = 0; i < 20; i++) {
            id = 0;
            t_expect_ok(rsm_memseg_export_publish(other, &id, NULL, 0));
            t_expect(id >= 0x80000000U && id > last);
            last = id;
            t_expect_ok(rsm_memseg_export_unpublish(other));
        }
    }
    t_expect_ok(rsm_memseg_export_destroy(other));

    t_note("whatever the controller");
    {
        rsmapi_controller_handle_t first = fake_ctl;
        char name[] = "mpi1";
        rsm_memseg_import_handle_t imp = (rsm_memseg_import_handle_t)1;

        seg = fake_export(memory, FAKE_PAGE, ID);
        t_require_ok(rsm_get_controller(name, &fake_ctl));
        t_require_ok(rsm_memseg_export_create(fake_ctl, &other, memory, FAKE_PAGE, 0));
        t_expect_code(publish(other, ID, NULL, 0), RSMERR_SEGID_IN_USE);
        t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID, RSM_PERM_RDWR, &imp),
                      RSMERR_SEG_NOT_PUBLISHED); /* not through this controller */
        t_expect_ok(rsm_memseg_export_destroy(other));
        t_expect_ok(rsm_release_controller(fake_ctl));
        fake_ctl = first;
        t_expect_ok(rsm_memseg_export_destroy(seg));
    }
    fake_set_ended(false);
}

static void ids(void)
{
    static const rsm_memseg_id_t reserved[] = {1,          0x000FFFFF, 0x00100000, 0x00200000,
                                               0x00300000, 0x003FFFFF, 0x80000000, 0xFFFFFFFF};
    static const rsm_memseg_id_t good[] = {0x00400000, 0x00400001, 0x00500000, 0x7FFFFFFF};
    rsm_memseg_export_handle_t seg = NULL;

    t_note("ids");
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    for (unsigned i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        t_expect_code(publish(seg, reserved[i], NULL, 0), RSMERR_RESERVED_SEGID);
    }
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        t_expect_code(publish(seg, good[i], NULL, 0), RSM_SUCCESS);
        t_expect_ok(rsm_memseg_export_unpublish(seg));
    }
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_code(rsm_memseg_export_unpublish(NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_destroy(NULL), RSMERR_BAD_SEG_HNDL);
}

/** An id that the caller gave is only read, whatever comes of it (10.4): this one cannot be
 * written.
 */
static void constant_id(void)
{
    rsm_memseg_export_handle_t seg = NULL;
    rsm_memseg_export_handle_t other = NULL;
    rsm_memseg_id_t *id = (rsm_memseg_id_t *)(void *)fake_pages(1);

    t_note("an id in read-only memory");
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    t_require_ok(rsm_memseg_export_create(fake_ctl, &other, memory, FAKE_PAGE, 0));
    *id = ID;
    t_require_eq(mprotect(id, FAKE_PAGE, PROT_READ), 0);
    t_expect_ok(rsm_memseg_export_publish(seg, id, NULL, 0));
    t_expect_code(rsm_memseg_export_publish(seg, id, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(rsm_memseg_export_publish(other, id, NULL, 0), RSMERR_SEGID_IN_USE);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_memseg_export_publish(other, id, NULL, 0));
    t_expect_ok(rsm_memseg_export_destroy(other));
    fake_pages_free((char *)id, 1);
}

/* ---- Cutting ----------------------------------------------------------------------------- */

static int use(rsm_memseg_import_handle_t imp)
{
    char byte = 0;
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);

    return fake_getv(imp, &entry, 1, 0, NULL);
}

static void destroy_cuts(void)
{
    for (unsigned mode = FAKE_CUT_AT_ONCE; mode <= FAKE_CUT_AGENT; mode++) {
        rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
        rsm_memseg_import_handle_t imps[4];
        rsm_memseg_import_handle_t none = (rsm_memseg_import_handle_t)1;

        t_note("destroy while published, cut mode %u", mode);
        fake_set_cut_mode((fake_cut_mode_t)mode);
        for (unsigned i = 0; i < 4; i++) {
            imps[i] = fake_import(i, ID, RSM_PERM_RDWR);
            t_expect_code(use(imps[i]), RSM_SUCCESS);
        }
        t_expect_ok(rsm_memseg_export_destroy(seg));
        t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_BAD_SEG_HNDL);
        t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID, 0, &none),
                      RSMERR_SEG_NOT_PUBLISHED);
        for (unsigned i = 0; i < 4; i++) {
            t_expect_code(use(imps[i]), RSMERR_CONN_ABORTED);
            t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
        }
        fake_expect_clean();
    }
}

/** An importer that never answers. */
static void silent(void)
{
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_memseg_import_handle_t gone;
    rsm_memseg_import_handle_t none = (rsm_memseg_import_handle_t)1;
    uint64_t start;
    uint64_t took;

    t_note("an importer that never answers");
    fake_reset();
    fake_set_patience(150);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    gone = fake_import(2, ID, RSM_PERM_RDWR);
    start = rsmi_now();
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_INTERRUPTED);
    took = (rsmi_now() - start) / 1000000;
    t_expect(took >= 150 && took < 10000);
    t_expect(fake_count(FAKE_CUT) >= 2); /* asked, and asked again before giving up */

    /* The id is withdrawn, the memory is not free, the handle lives. */
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID, 0, &none), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 0, ID, 0, &none), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(publish(seg, ID, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    t_expect_code(use(imp), RSM_SUCCESS); /* indeed */
    {
        rsm_memseg_export_handle_t heir = fake_export(memory, FAKE_PAGE, ID); /* the id is free */

        t_expect_ok(rsm_memseg_export_destroy(heir));
    }
    t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_INTERRUPTED);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT); /* the handle lives on */
    t_expect_code(publish(seg, ID, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);

    /* One leaves, the other answers: the repeated call succeeds. */
    t_expect_ok(rsm_memseg_import_disconnect(gone));
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(use(imp), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(publish(seg, ID, NULL, 0), RSM_SUCCESS);
    t_expect_code(use(imp), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));

    t_note("destroy is repeated");
    fake_set_cut_mode(FAKE_CUT_NEVER);
    fake_set_patience(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_INTERRUPTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

static rsm_memseg_export_handle_t shared;
static atomic_int returned; /* the code of unpublish + 1000 */

static void *unpublisher(void *arg)
{
    (void)arg;
    atomic_store(&returned, 1000 + rsm_memseg_export_unpublish(shared));
    return NULL;
}

/** Slow, but alive: unpublish goes on, far beyond the patience for silence. */
static void busy(void)
{
    rsm_memseg_import_handle_t imp;
    pthread_t thread;

    t_note("an importer that is alive and busy");
    fake_reset();
    fake_set_patience(500);
    fake_set_cut_mode(FAKE_CUT_TOLD);
    shared = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&returned, 0);
    t_require_eq(pthread_create(&thread, NULL, unpublisher, NULL), 0);
    while (fake_cuts_asked() == 0) {
        fake_ms(1);
    }
    for (unsigned i = 0; i < 5; i++) { /* seldom enough that unpublish looks at the time */
        fake_ms(150);
        t_expect_eq(fake_say_busy(), 1);
    }
    t_expect_eq(atomic_load(&returned), 0);
    t_expect_eq(fake_answer_cuts(), 1);
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&returned) - 1000, RSM_SUCCESS);
    t_expect_code(use(imp), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));

    t_note("an importer that disconnects instead of answering");
    t_expect_code(publish(shared, ID, NULL, 0), RSM_SUCCESS);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&returned, 0);
    t_require_eq(pthread_create(&thread, NULL, unpublisher, NULL), 0);
    while (fake_cuts_asked() == 0) {
        fake_ms(1);
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&returned) - 1000, RSM_SUCCESS);
    t_expect_ok(rsm_memseg_export_destroy(shared));
    fake_expect_clean();
}

static void handler(int sig)
{
    (void)sig;
}

static void interrupted(void)
{
    rsm_memseg_import_handle_t imp;
    struct sigaction action;
    pthread_t thread;

    t_note("a signal during unpublish");
    fake_reset();
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    t_require_eq(sigaction(SIGUSR1, &action, NULL), 0);
    fake_set_patience(20000);
    fake_set_cut_mode(FAKE_CUT_TOLD);
    shared = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&returned, 0);
    t_require_eq(pthread_create(&thread, NULL, unpublisher, NULL), 0);
    while (fake_cuts_asked() == 0) {
        fake_ms(1);
    }
    fake_ms(10);
    while (atomic_load(&returned) == 0) { /* one that comes between two sleeps is not seen */
        t_require_eq(pthread_kill(thread, SIGUSR1), 0);
        fake_ms(5);
    }
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&returned) - 1000, RSMERR_INTERRUPTED);
    t_expect_code(use(imp), RSM_SUCCESS);
    t_expect_eq(fake_answer_cuts(), 1);
    t_expect_ok(rsm_memseg_export_unpublish(shared));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(shared));
    fake_expect_clean();
}

static void *destroyer(void *arg)
{
    (void)arg;
    atomic_store(&returned, 1000 + rsm_memseg_export_destroy(shared));
    return NULL;
}

/** Destroy waits for an unpublish of another thread, and both succeed. */
static void together(void)
{
    pthread_t first;
    pthread_t second;
    rsm_memseg_import_handle_t imp;

    t_note("unpublish and destroy at once");
    fake_reset();
    fake_set_cut_mode(FAKE_CUT_TOLD);
    shared = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&returned, 0);
    t_require_eq(pthread_create(&first, NULL, unpublisher, NULL), 0);
    while (fake_cuts_asked() == 0) {
        fake_ms(1);
    }
    t_require_eq(pthread_create(&second, NULL, destroyer, NULL), 0);
    fake_ms(20);
    t_expect_eq(atomic_load(&returned), 0);
    t_expect_eq(fake_answer_cuts(), 1);
    (void)pthread_join(first, NULL);
    (void)pthread_join(second, NULL);
    t_expect_code(atomic_load(&returned) - 1000, RSM_SUCCESS);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    fake_expect_clean();
}

static atomic_int refused;

static void *republisher(void *arg)
{
    rsm_memseg_export_handle_t seg = arg;
    int rc = RSM_SUCCESS;

    while (rc != RSMERR_BAD_SEG_HNDL) {
        rsm_memseg_id_t id = ID;

        rc = rsm_memseg_export_publish(seg, &id, NULL, 0);
        if (rc == RSM_SUCCESS) {
            rc = rsm_memseg_export_unpublish(seg);
            t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_NOT_PUBLISHED ||
                     rc == RSMERR_BAD_SEG_HNDL);
        } else {
            t_expect(rc == RSMERR_SEG_ALREADY_PUBLISHED || rc == RSMERR_BAD_SEG_HNDL ||
                     rc == RSMERR_SEGID_IN_USE);
        }
    }
    atomic_fetch_add(&refused, 1);
    return NULL;
}

/** Destroy against a thread that publishes and unpublishes: destroy succeeds, and it was the end.
 */
static void destroy_against_publish(void)
{
    t_note("destroy against publish");
    fake_reset();
    for (unsigned round = 0; round < 40; round++) {
        rsm_memseg_export_handle_t seg = NULL;
        rsm_memseg_export_handle_t heir;
        pthread_t thread;

        t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
        t_require_eq(pthread_create(&thread, NULL, republisher, seg), 0);
        for (volatile unsigned i = round * 700; i > 0; i--) {
        }
        t_expect_ok(rsm_memseg_export_destroy(seg));
        heir = fake_export(memory, FAKE_PAGE, ID); /* nothing of it is left published */
        (void)pthread_join(thread, NULL);
        t_expect_ok(rsm_memseg_export_destroy(heir));
    }
    t_expect_eq(atomic_load(&refused), 40);
    fake_expect_clean();
}

/** Pending events survive unpublish (10.5), and go with destroy. */
static void events_survive(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, 0);

    t_note("pending events");
    fake_reset();
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_code(publish(seg, ID, NULL, 0), RSM_SUCCESS);
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

int main(void)
{
    char name[] = "mpi1";
    rsmapi_controller_handle_t second = NULL;

    t_require_ok(rsm_get_controller(name, &second)); /* its object belongs to the start */
    t_require_ok(rsm_release_controller(second));
    fake_begin();
    memory = fake_pages(4);
    create_order();
    overlapping();
    publish_order();
    ids();
    constant_id();
    destroy_cuts();
    silent();
    busy();
    interrupted();
    together();
    destroy_against_publish();
    events_survive();
    fake_pages_free(memory, 4);
    return fake_finish();
}
