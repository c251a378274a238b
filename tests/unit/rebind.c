/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: other memory behind a segment: check order, where data goes afterwards, importers
 * that answer at once, later, or not at all, calls that are inside, signals, other calls at the
 * same moment, a way to the new memory that cannot be had.
 * Proves: 10.7 with its "Portable" line, 10.1 (rebind in every state), 19.1 (rebind); statements
 * 18 and 19; design 2 "Handles" (forked child). RSMERR_INTERRUPTED as include/rsmapi.h tells it.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller.h"
#include "export.h"
#include "fake_glue.h"
#include "handle.h"
#include "import.h"
#include "t.h"

#define ID 0x400230U
#define PAGES 2U
#define SIZE ((size_t)PAGES * FAKE_PAGE)
#define CELL 64U /* where the tests put and get */

static char *old;
static char *new;
static rsm_memseg_export_handle_t seg;

static rsm_memseg_export_handle_t create(void *memory, unsigned flags)
{
    rsm_memseg_export_handle_t made = NULL;

    t_require_ok(rsm_memseg_export_create(fake_ctl, &made, memory, SIZE, flags));
    return made;
}

static void publish(void)
{
    rsm_memseg_id_t id = ID;

    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
}

static int rebind(void *memory)
{
    return rsm_memseg_export_rebind(seg, memory, 0, SIZE);
}

/** Two memories, each full of its letter, and a published segment over the first. */
static void begin(const char *what)
{
    t_note("%s", what);
    fake_reset();
    old = fake_pages(PAGES);
    new = fake_pages(PAGES);
    memset(old, 'o', SIZE);
    memset(new, 'n', SIZE);
    seg = create(old, RSM_ALLOW_REBIND);
    publish();
}

static void end(void)
{
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(old, PAGES);
    fake_pages_free(new, PAGES);
    fake_expect_clean();
}

static rsm_memseg_import_handle_t import(rsm_node_id_t node, rsmapi_barrier_t *barrier)
{
    rsm_memseg_import_handle_t imp = fake_import(node, ID, RSM_PERM_RDWR);

    if (barrier != NULL) {
        memset(barrier, 0, sizeof *barrier);
        t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, barrier));
    }
    return imp;
}

static int put_byte(rsm_memseg_import_handle_t imp, char value)
{
    rsm_iovec_t entry = fake_va(&value, 0, CELL, 1);

    return fake_putv(imp, &entry, 1, 0, NULL);
}

/** Nobody can touch it any more without being seen. */
static void forbid(char *memory)
{
    t_require_eq(mprotect(memory, SIZE, PROT_NONE), 0);
}

/** All four ways reach `memory`, in both modes; the handle has a barrier. */
static void expect_reaches(rsm_memseg_import_handle_t imp, char *memory)
{
    static char value = 'A';

    for (unsigned explicit = 0; explicit < 2; explicit ++) {
        char byte = ++value;
        char back = 0;
        rsm_iovec_t entry = fake_va(&byte, 0, CELL, 1);

        t_expect_ok(rsm_memseg_import_set_mode(imp, explicit == 1 ? RSM_BARRIER_MODE_EXPLICIT
                                                                  : RSM_BARRIER_MODE_IMPLICIT));
        t_expect_ok(rsm_memseg_import_put(imp, CELL + 1, &byte, 1));
        t_expect_ok(fake_putv(imp, &entry, 1, RSM_IMPLICIT_SIGPOST, NULL)); /* flushes */
        t_expect_ok(rsm_intr_signal_wait(seg, 0));
        t_expect_eq(memory[CELL], byte);
        t_expect_eq(memory[CELL + 1], byte);
        memory[CELL] = ++byte;
        t_expect_ok(rsm_memseg_import_get(imp, CELL, &back, 1));
        t_expect_eq(back, byte);
        entry = fake_va(&back, 0, 0, 1);
        t_expect_ok(fake_getv(imp, &entry, 1, RSM_IMPLICIT_SIGPOST, NULL));
        t_expect_ok(rsm_intr_signal_wait(seg, 0));
        t_expect_eq(back, memory[0]);
    }
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
}

/* ---- The order of the checks ------------------------------------------------------------- */

static void child(void *arg)
{
    rsm_memseg_export_handle_t fixed = arg;

    t_expect_code(rsm_memseg_export_rebind(NULL, NULL, 0, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_rebind(seg, NULL, 0, 1), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_export_rebind(fixed, old + 1, 0, 1), RSMERR_REBIND_NOT_ALLOWED);
    t_expect_code(rsm_memseg_export_rebind(seg, old + 1, 0, 1), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_rebind(seg, old, 0, SIZE), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_rebind(seg, new, 0, SIZE), RSMERR_NOT_CREATOR);
}

static void check_order(bool published)
{
    static const size_t wrong[] = {0, 1, FAKE_PAGE, SIZE - 1, SIZE + FAKE_PAGE, SIZE_MAX};
    char *top = (char *)(UINTPTR_MAX - FAKE_PAGE + 1);
    rsm_memseg_export_handle_t fixed;
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier;

    begin(published ? "order, published" : "order, created");
    imp = import(1, &barrier);
    if (!published) {
        t_expect_ok(rsm_memseg_import_disconnect(imp));
        t_expect_ok(rsm_memseg_export_unpublish(seg));
    }
    fixed = create(old, 0);
    t_expect_code(rsm_memseg_export_rebind(NULL, NULL, 0, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_rebind((void *)imp, new, 0, SIZE), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_rebind(fixed, NULL, 0, 1), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_export_rebind(fixed, old + 1, 0, 1), RSMERR_REBIND_NOT_ALLOWED);
    t_expect_code(rsm_memseg_export_rebind(fixed, old, 0, SIZE), RSMERR_REBIND_NOT_ALLOWED);
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        t_expect_code(rsm_memseg_export_rebind(seg, old + 1, 0, wrong[i]), RSMERR_BAD_LENGTH);
        t_expect_code(rsm_memseg_export_rebind(seg, new, 0, wrong[i]), RSMERR_BAD_LENGTH);
        /* Step 5 before step 8: the same address does not help. */
        t_expect_code(rsm_memseg_export_rebind(seg, old, 0, wrong[i]), RSMERR_BAD_LENGTH);
    }
    t_expect_code(rebind(new + 1), RSMERR_BAD_ADDR); /* not RSMERR_BAD_MEM_ALIGNMENT */
    t_expect_code(rebind(new + FAKE_PAGE / 2), RSMERR_BAD_ADDR);
    t_expect_code(rebind(new + FAKE_PAGE), RSMERR_PERM_DENIED); /* the page behind cannot be used */
    t_expect_code(rebind(top), RSMERR_BAD_ADDR);                /* wraps around */
    t_require_eq(munmap(new + FAKE_PAGE, FAKE_PAGE), 0);
    t_expect_code(rebind(new), RSMERR_BAD_ADDR); /* its second half is not mapped */
    t_require(mmap(new + FAKE_PAGE, FAKE_PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    t_require_eq(mprotect(new + FAKE_PAGE, FAKE_PAGE, PROT_READ), 0);
    t_expect_code(rebind(new), RSMERR_PERM_DENIED);
    t_require_eq(mprotect(new + FAKE_PAGE, FAKE_PAGE, PROT_WRITE), 0);
    t_expect_code(rebind(new), RSMERR_PERM_DENIED);
    t_require_eq(mprotect(new + FAKE_PAGE, FAKE_PAGE, PROT_READ | PROT_WRITE), 0);
    t_expect_eq(fake_count(FAKE_MOVE), 0);
    if (published) { /* the old binding stays */
        expect_reaches(imp, old);
    }
    /* The same address: nothing is done, not even looked at. */
    t_require_eq(mprotect(old, SIZE, PROT_READ), 0);
    t_expect_ok(rebind(old));
    t_require_eq(mprotect(old, SIZE, PROT_READ | PROT_WRITE), 0);
    t_expect_eq(fake_count(FAKE_MOVE), 0);

    t_expect(fake_in_child(child, fixed));
    t_expect_ok(rsm_memseg_export_rebind(seg, new, INT64_MIN, SIZE)); /* off is ignored */
    t_expect_ok(rsm_memseg_export_rebind(seg, old, INT64_MAX, SIZE));
    t_expect_ok(rsm_memseg_export_rebind(seg, new, 1, SIZE));
    t_expect_eq(old[0], 'o'); /* data is not copied */
    t_expect_eq(new[0], 'n');
    if (published) {
        expect_reaches(imp, new);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    } else {
        publish();
        imp = import(1, &barrier);
        expect_reaches(imp, new);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    t_expect_ok(rsm_memseg_export_destroy(fixed));
    t_expect_code(rsm_memseg_export_rebind(fixed, NULL, 0, 1), RSMERR_BAD_SEG_HNDL);
    end();
}

/* ---- Where data goes --------------------------------------------------------------------- */

static void reaches_new(rsm_node_id_t node, fake_cut_mode_t mode)
{
    rsm_memseg_import_handle_t imp;
    rsm_memseg_import_handle_t events_only;
    rsm_memseg_import_handle_t later;
    rsmapi_barrier_t barrier;
    rsmapi_barrier_t barrier_later;
    rsm_barrier_mode_t kept;
    struct pollfd pfds[2];
    struct pollfd again;
    char early = 'e';
    rsm_iovec_t entry = fake_va(&early, 0, CELL, 1);

    begin("data reaches the new memory");
    fake_set_cut_mode(mode);
    imp = import(node, &barrier);
    events_only = fake_import(node, ID, RSM_PERM_NONE);
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL)); /* started, not complete */
    t_expect_ok(rsm_memseg_get_pollfd(seg, &pfds[0]));
    t_expect_ok(rsm_memseg_get_pollfd(imp, &pfds[1]));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_post(events_only, 0));
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    fake_settle();

    t_expect_ok(rebind(new));
    t_expect_eq(old[CELL], 'e'); /* what had begun finished in the old memory */
    t_expect_eq(new[CELL], 'n');
    forbid(old);
    /* Nothing else has changed: mode, barrier, events, descriptors. */
    t_expect_ok(rsm_memseg_import_get_mode(imp, &kept));
    t_expect_eq((int)kept, (int)RSM_BARRIER_MODE_EXPLICIT);
    t_expect_eq(poll(pfds, 2, 0), 2);
    t_expect_ok(rsm_memseg_get_pollfd(seg, &again));
    t_expect_eq(again.fd, pfds[0].fd);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_intr_signal_wait(imp, 0));
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_intr_signal_wait(events_only, 0));
    t_expect_eq(poll(pfds, 2, 0), 0);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    /* Statement 19: opened before, it closes with success; without and with transfers between. */
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    expect_reaches(imp, new);
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(rsm_intr_signal_post(events_only, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));

    later = import(node, &barrier_later);
    expect_reaches(later, new);
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_wait(later, 1000));
    t_expect_ok(rsm_intr_signal_wait(imp, 1000));
    t_expect_ok(rsm_intr_signal_wait(events_only, 1000));

    t_note("there and back, with and without a transfer between");
    t_require_eq(mprotect(old, SIZE, PROT_READ | PROT_WRITE), 0);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rebind(old));
    t_expect_ok(rebind(new));
    t_expect_ok(rebind(old));
    forbid(new);
    expect_reaches(imp, old);
    expect_reaches(later, old);
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_require_eq(mprotect(new, SIZE, PROT_READ | PROT_WRITE), 0);

    t_note("after a cut nothing is followed");
    t_expect_ok(rebind(new));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    forbid(old);
    forbid(new);
    t_expect_code(put_byte(imp, 'x'), RSMERR_CONN_ABORTED);
    t_expect_code(put_byte(later, 'x'), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(later));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_import_disconnect(events_only));
    end();
}

/* ---- Importers that do not answer -------------------------------------------------------- */

static void never(void)
{
    rsm_memseg_import_handle_t mute;
    rsm_memseg_import_handle_t later;
    rsmapi_barrier_t barrier;
    rsmapi_barrier_t barrier_later;
    char *third = fake_pages(PAGES);

    begin("an importer that does not answer");
    fake_set_patience(120);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    mute = import(1, &barrier);
    t_expect_code(rebind(new), RSMERR_INTERRUPTED);
    t_expect_ok(put_byte(mute, 'm')); /* it does reach the old memory */
    t_expect_eq(old[CELL], 'm');
    later = import(1, &barrier_later); /* connects reach the new one already */
    expect_reaches(later, new);
    /* Again with the same address, which is the current one: no success yet. */
    t_expect_code(rebind(new), RSMERR_INTERRUPTED);
    t_expect_code(rebind(new), RSMERR_INTERRUPTED);
    /* Nor by way of a third memory, or by going back. */
    t_expect_code(rebind(third), RSMERR_INTERRUPTED);
    t_expect_code(rebind(new), RSMERR_INTERRUPTED);
    t_expect_ok(put_byte(mute, 'M'));
    t_expect_eq(old[CELL], 'M');
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rebind(new));
    forbid(old);
    forbid(third);
    expect_reaches(mute, new);
    expect_reaches(later, new);
    t_expect_ok(rsm_memseg_import_disconnect(later));

    t_note("one that goes instead of answering");
    t_require_eq(mprotect(old, SIZE, PROT_READ | PROT_WRITE), 0);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    t_expect_code(rebind(old), RSMERR_INTERRUPTED);
    t_expect_ok(rsm_memseg_import_disconnect(mute));
    t_expect_ok(rebind(old));
    forbid(new);
    t_expect_ok(rsm_memseg_export_unpublish(seg));

    t_note("a rebind that is not complete, then an unpublish that is");
    t_require_eq(mprotect(new, SIZE, PROT_READ | PROT_WRITE), 0);
    publish();
    mute = import(1, &barrier);
    t_expect_code(rebind(new), RSMERR_INTERRUPTED);
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_INTERRUPTED);
    t_expect_code(rebind(new), RSMERR_INTERRUPTED); /* in WITHDRAWING, too */
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_ok(rebind(new)); /* who is cut need not follow */
    t_expect_ok(rebind(old));
    t_expect_code(put_byte(mute, 'x'), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(mute));
    end();
    fake_pages_free(third, PAGES);
}

/* ---- Calls that are inside --------------------------------------------------------------- */

static atomic_int returned[2]; /* codes + 1000 */

static void *rebinder(void *arg)
{
    atomic_store(&returned[0], 1000 + rebind(arg));
    return NULL;
}

static void *unpublisher(void *arg)
{
    (void)arg;
    atomic_store(&returned[1], 1000 + rsm_memseg_export_unpublish(seg));
    return NULL;
}

static void *destroyer(void *arg)
{
    (void)arg;
    atomic_store(&returned[1], 1000 + rsm_memseg_export_destroy(seg));
    return NULL;
}

static void await_mark(rsm_memseg_import_handle_t imp, uint64_t mark)
{
    while ((atomic_load(rsmi_handle_gate(rsmi_handle_from_ptr(imp))) & mark) == 0) {
        fake_ms(1);
    }
}

static void *put_late(void *arg)
{
    t_expect_ok(put_byte(arg, 'L'));
    return NULL;
}

static void inside(rsm_node_id_t node, fake_cut_mode_t mode)
{
    rsm_memseg_import_handle_t imp;
    rsmi_import_t *entered;
    rsmapi_barrier_t barrier;
    uint64_t ticket = 0;
    pthread_t thread;
    pthread_t late[2];

    begin("a call that is inside");
    fake_set_patience(20000);
    fake_set_cut_mode(mode);
    imp = import(node, &barrier);
    entered = rsmi_import_enter(rsmi_handle_from_ptr(imp), &ticket);
    t_require(entered != NULL);
    atomic_store(&returned[0], 0);
    t_require_eq(pthread_create(&thread, NULL, rebinder, new), 0);
    await_mark(imp, RSMI_GATE_MOVED);
    for (unsigned i = 0; i < 2; i++) { /* these wait for the one inside, and then follow */
        t_require_eq(pthread_create(&late[i], NULL, put_late, imp), 0);
    }
    fake_ms(20);
    t_expect_eq(atomic_load(&returned[0]), 0);
    t_expect_eq(old[CELL], 'o');
    t_expect_eq(new[CELL], 'n');
    rsmi_import_leave(entered, ticket);
    (void)pthread_join(thread, NULL);
    forbid(old);
    t_expect_code(atomic_load(&returned[0]) - 1000, RSM_SUCCESS);
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(late[i], NULL);
    }
    t_expect_eq(new[CELL], 'L');
    if (node != 0) {
        t_expect_eq(fake_count(FAKE_RENEW), 1); /* one looks for the way, the other waits */
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/** Rebind and unpublish, or destroy, wait for one call together; both succeed. */
static void with_cut(rsm_node_id_t node, fake_cut_mode_t mode, bool destroy)
{
    rsm_memseg_import_handle_t imp;
    rsmi_import_t *entered;
    rsmapi_barrier_t barrier;
    uint64_t ticket = 0;
    pthread_t threads[2];

    begin("rebind and a cut at the same moment");
    fake_set_patience(20000);
    fake_set_cut_mode(mode);
    imp = import(node, &barrier);
    entered = rsmi_import_enter(rsmi_handle_from_ptr(imp), &ticket);
    t_require(entered != NULL);
    atomic_store(&returned[0], 0);
    atomic_store(&returned[1], 0);
    t_require_eq(pthread_create(&threads[0], NULL, rebinder, new), 0);
    await_mark(imp, RSMI_GATE_MOVED);
    t_require_eq(pthread_create(&threads[1], NULL, destroy ? destroyer : unpublisher, NULL), 0);
    await_mark(imp, RSMI_GATE_CUT);
    fake_ms(20);
    t_expect_eq(atomic_load(&returned[0]) + atomic_load(&returned[1]), 0);
    rsmi_import_leave(entered, ticket);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    t_expect_code(atomic_load(&returned[0]) - 1000, RSM_SUCCESS);
    t_expect_code(atomic_load(&returned[1]) - 1000, RSM_SUCCESS);
    forbid(old);
    forbid(new);
    t_expect_code(put_byte(imp, 'x'), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    if (destroy) {
        t_require_eq(mprotect(old, SIZE, PROT_READ | PROT_WRITE), 0);
        seg = create(old, 0); /* for end() */
    }
    end();
}

/** As above, without anything that holds them up. */
static void races(void)
{
    begin("rebind against unpublish");
    for (unsigned round = 0; round < 60; round++) {
        rsm_memseg_import_handle_t imps[2];
        pthread_t threads[2];

        fake_set_cut_mode(round % 2 == 0 ? FAKE_CUT_AT_ONCE : FAKE_CUT_AGENT);
        imps[0] = import(0, NULL);
        imps[1] = import(1, NULL);
        t_require_eq(pthread_create(&threads[0], NULL, rebinder, round % 4 < 2 ? new : old), 0);
        t_require_eq(pthread_create(&threads[1], NULL, unpublisher, NULL), 0);
        (void)pthread_join(threads[0], NULL);
        (void)pthread_join(threads[1], NULL);
        t_expect_code(atomic_load(&returned[0]) - 1000, RSM_SUCCESS);
        t_expect_code(atomic_load(&returned[1]) - 1000, RSM_SUCCESS);
        for (unsigned i = 0; i < 2; i++) {
            t_expect_code(put_byte(imps[i], 'x'), RSMERR_CONN_ABORTED);
            t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
        }
        publish();
    }
    t_expect_eq(old[CELL], 'o');
    t_expect_eq(new[CELL], 'n');
    end();
}

/* ---- Answers of a glue ------------------------------------------------------------------- */

static atomic_uint asked; /* the version that the importer was last asked for */

static bool refuse_move(rsmg_peer_t *peer, uint32_t version)
{
    (void)peer;
    atomic_store(&asked, version);
    return false;
}

static bool accept_cut(rsmg_peer_t *peer)
{
    (void)peer;
    return true;
}

/** An answer to an earlier question, late on its way, is a sign of life and no more. */
static void old_answer(void)
{
    static const rsmg_peer_ops_t ops = {
        .size = sizeof(rsmg_peer_ops_t), .cut = accept_cut, .move = refuse_move};
    rsmg_peer_t peer = {.ops = &ops, .patience_ms = 20000};
    rsmg_ask_t ask = {.segment_id = ID, .uid = geteuid(), .gid = getegid()};
    rsmg_grant_t grant = {NULL, 0, 0};
    rsmi_controller_t *core = rsmi_controller_enter(fake_ctl);
    pthread_t thread;

    begin("an answer to an earlier question");
    t_require(core != NULL);
    t_require_ok(rsmi_export_admit(core, 1, &ask, &peer, &grant));
    t_expect_eq((char *)grant.base, old);
    atomic_store(&returned[0], 0);
    atomic_store(&asked, grant.version);
    t_require_eq(pthread_create(&thread, NULL, rebinder, new), 0);
    while (atomic_load(&asked) == grant.version) {
        fake_ms(1);
    }
    rsmi_export_moved(core, &peer, grant.version);
    rsmi_export_cut_answer(core, &peer, false);
    fake_ms(50);
    t_expect_eq(atomic_load(&returned[0]), 0);
    rsmi_export_where(core, &peer, &grant, NULL);
    t_expect_eq((char *)grant.base, new);
    t_expect_eq(grant.length, (uint64_t)SIZE);
    t_expect_eq(grant.version, atomic_load(&asked));
    rsmi_export_moved(core, &peer, grant.version);
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&returned[0]) - 1000, RSM_SUCCESS);
    rsmi_export_depart(core, &peer);
    rsmi_controller_leave(fake_ctl);
    end();
}

/* ---- Signals ----------------------------------------------------------------------------- */

static void handler(int sig)
{
    (void)sig;
}

static void interrupted(void)
{
    rsm_memseg_import_handle_t imp;
    struct sigaction action;
    pthread_t thread;

    begin("a signal during rebind");
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    t_require_eq(sigaction(SIGUSR1, &action, NULL), 0);
    fake_set_patience(20000);
    fake_set_cut_mode(FAKE_CUT_NEVER);
    imp = import(1, NULL);
    atomic_store(&returned[0], 0);
    t_require_eq(pthread_create(&thread, NULL, rebinder, new), 0);
    while (fake_count(FAKE_MOVE) == 0) {
        fake_ms(1);
    }
    fake_ms(10);
    while (atomic_load(&returned[0]) == 0) { /* one that comes between two sleeps is not seen */
        t_require_eq(pthread_kill(thread, SIGUSR1), 0);
        fake_ms(5);
    }
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&returned[0]) - 1000, RSMERR_INTERRUPTED);
    t_expect_ok(put_byte(imp, 'i'));
    t_expect_eq(old[CELL], 'i');
    fake_set_cut_mode(FAKE_CUT_AT_ONCE);
    t_expect_ok(rebind(new));
    forbid(old);
    t_expect_ok(put_byte(imp, 'j'));
    t_expect_eq(new[CELL], 'j');
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/* ---- A way that cannot be had ------------------------------------------------------------ */

static int try_put(rsm_memseg_import_handle_t imp, char *byte)
{
    return rsm_memseg_import_put(imp, CELL, byte, 1);
}

static int try_get(rsm_memseg_import_handle_t imp, char *byte)
{
    return rsm_memseg_import_get(imp, CELL, byte, 1);
}

static int try_putv(rsm_memseg_import_handle_t imp, char *byte)
{
    unsigned long residual = 4711;
    rsm_iovec_t entries[2];
    int rc;

    entries[0] = fake_va(byte, 0, CELL, 1);
    entries[1] = fake_va(byte, 0, CELL + 1, 1);
    rc = fake_putv(imp, entries, 2, RSM_IMPLICIT_SIGPOST, &residual);
    t_expect_eq(residual, rc == RSM_SUCCESS ? 0 : 2);
    return rc;
}

static int try_getv(rsm_memseg_import_handle_t imp, char *byte)
{
    unsigned long residual = 4711;
    rsm_iovec_t entry = fake_va(byte, 0, CELL, 1);
    int rc = fake_getv(imp, &entry, 1, RSM_IMPLICIT_SIGPOST, &residual);

    t_expect_eq(residual, rc == RSM_SUCCESS ? 0 : 1);
    return rc;
}

static void no_way(int code, bool explicit)
{
    static int (*const tries[])(rsm_memseg_import_handle_t, char *) = {try_put, try_get, try_putv,
                                                                       try_getv};
    int expected = code == RSMERR_INSUFFICIENT_MEM ? RSMERR_INSUFFICIENT_RESOURCES : code;
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier;

    begin("a renew that fails");
    imp = import(1, &barrier);
    if (explicit) {
        t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    }
    for (unsigned i = 0; i < 4; i++) {
        char *memory = i % 2 == 0 ? new : old;
        char byte = 'b';

        t_note("a renew that fails, try %u, explicit %d", i, explicit);
        memset(memory, 'k', SIZE);
        t_expect_ok(rebind(memory));
        fake_log_clear();
        fake_fail(FAKE_RENEW, 1, code);
        t_expect_code(tries[i](imp, &byte), expected);
        t_expect_str(fake_log(), "R"); /* nothing else was tried */
        t_expect_eq(memory[CELL], 'k');
        t_expect_eq(byte, 'b');
        t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
        t_expect_ok(tries[i](imp, &byte)); /* the next one works */
        t_expect_eq(byte, i % 2 == 0 ? 'b' : 'k');
        while (rsm_intr_signal_wait(seg, 0) == RSM_SUCCESS) {
        }
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/** What a barrier covers was complete when the move was confirmed: no new way is needed. */
static void barrier_after_move(void)
{
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier;
    char byte = 'c';

    begin("barrier calls after a move");
    imp = import(1, &barrier);
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(try_put(imp, &byte));
    t_expect_ok(rebind(new));
    fake_fail(FAKE_RENEW, 1, RSMERR_INSUFFICIENT_RESOURCES); /* nobody asks for it */
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect(fake_fail_pending());
    t_expect_eq(fake_count(FAKE_RENEW), 0U);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(try_put(imp, &byte));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(old[CELL], 'c'); /* before the move */
    t_expect_eq(new[CELL], 'c');
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/* ---- A disconnect that came before the move ---------------------------------------------- */

static atomic_int renewer_code;

static void *put_beside(void *arg)
{
    char byte = 'l';

    atomic_store(&renewer_code, 1000 + rsm_memseg_import_put(arg, 0, &byte, 1));
    return NULL;
}

static void *move_on(void *arg)
{
    (void)arg;
    (void)rebind(new);
    return NULL;
}

/**
 * A disconnect is inside when the segment moves, and closes the handle; a late put that renews
 * waits for what is inside. Neither may wait for the other for ever. (Using a handle that another
 * thread disconnects is a mistake of the program; it gets a code.)
 */
static void disconnect_beside_renew(void)
{
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier;
    pthread_t threads[2];
    rsmi_import_t *inside;
    uint64_t ticket = 0;
    uint64_t handle;

    begin("a disconnect beside a renew");
    imp = import(1, &barrier);
    handle = rsmi_handle_from_ptr(imp);
    inside = rsmi_import_enter(handle, &ticket);
    t_require(inside != NULL);
    atomic_store(&renewer_code, 0);
    t_require_eq(pthread_create(&threads[0], NULL, move_on, NULL), 0);
    while ((atomic_load(rsmi_handle_gate(handle)) & RSMI_GATE_MOVED) == 0) {
        fake_ms(1);
    }
    t_require_eq(pthread_create(&threads[1], NULL, put_beside, imp), 0);
    fake_ms(20);
    t_expect(rsmi_handle_close(handle)); /* comes back only when the put is out */
    (void)pthread_join(threads[1], NULL);
    t_expect_code(atomic_load(&renewer_code) - 1000, RSMERR_BAD_SEG_HNDL);
    rsmi_handle_reopen(handle);
    rsmi_import_leave(inside, ticket); /* answers for the move */
    (void)pthread_join(threads[0], NULL);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

int main(void)
{
    fake_begin();
    check_order(false);
    check_order(true);
    for (rsm_node_id_t node = 0; node < 2; node++) {
        reaches_new(node, FAKE_CUT_AT_ONCE);
        reaches_new(node, FAKE_CUT_AGENT);
        inside(node, FAKE_CUT_AT_ONCE);
        inside(node, FAKE_CUT_AGENT);
        with_cut(node, FAKE_CUT_AT_ONCE, false);
        with_cut(node, FAKE_CUT_AGENT, false);
        with_cut(node, FAKE_CUT_AT_ONCE, true);
    }
    never();
    races();
    old_answer();
    interrupted();
    no_way(RSMERR_INSUFFICIENT_RESOURCES, false);
    no_way(RSMERR_INSUFFICIENT_RESOURCES, true);
    no_way(RSMERR_INSUFFICIENT_MEM, false); /* transfers know one code for it */
    no_way(RSMERR_CONN_ABORTED, true);
    barrier_after_move();
    disconnect_beside_renew();
    return fake_finish();
}
