/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: forced disconnection, on a connection of the glue and on one to oneself, with each
 * way to answer a cut; vectors that are in flight; importers that keep firing.
 * Proves: 10.5 ("Portable": nothing moves after unpublish returned), 18.2 to 18.4, 19.1; statements
 * 53 without put and map, 54, 56; design 2 "Cut".
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fake_glue.h"
#include "handle.h"
#include "import.h"
#include "nap.h"
#include "t.h"

#define ID 0x400080U
#define SHOOTERS 3
#define ROUNDS 80

static char *memory;
static char *mine;
static rsm_memseg_export_handle_t seg;

static void publish(void)
{
    rsm_memseg_id_t id = ID;

    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
}

static int transfer(rsm_memseg_import_handle_t imp, bool put, unsigned flags,
                    unsigned long *residual_p)
{
    rsm_iovec_t entries[3];

    for (unsigned i = 0; i < 3; i++) {
        entries[i] = fake_va(mine, i, i, 1);
    }
    return put ? fake_putv(imp, entries, 3, flags, residual_p)
               : fake_getv(imp, entries, 3, flags, residual_p);
}

/** All that 18.2 says of a handle that is cut off. */
static void expect_cut(rsm_memseg_import_handle_t imp, unsigned events)
{
    unsigned long residual = 4711;
    rsm_barrier_mode_t mode;

    for (unsigned m = 0; m < 2; m++) {
        t_expect_ok(rsm_memseg_import_set_mode(imp, m == 0 ? RSM_BARRIER_MODE_IMPLICIT
                                                           : RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(rsm_memseg_import_get_mode(imp, &mode));
        t_expect_eq((unsigned)mode, 1 - m);
        for (unsigned put = 0; put < 2; put++) {
            t_expect_code(transfer(imp, put == 1, RSM_IMPLICIT_SIGPOST, &residual),
                          RSMERR_CONN_ABORTED);
            t_expect_eq(residual, 3);
        }
    }
    t_expect_code(rsm_intr_signal_post(imp, 0), RSMERR_CONN_ABORTED);
    t_expect_code(rsm_intr_signal_post(imp, RSM_SIGPOST_NO_ACCUMULATE), RSMERR_CONN_ABORTED);
    for (unsigned i = 0; i < events; i++) {
        t_expect_ok(rsm_intr_signal_wait(imp, 1000));
    }
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT);
    t_expect_code(rsm_intr_signal_wait(imp, 5), RSMERR_TIMEOUT);
}

static void table_18_2(rsm_node_id_t node, fake_cut_mode_t mode)
{
    static const char zero[8];
    rsm_memseg_import_handle_t imp;
    rsm_memseg_import_handle_t fresh;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};

    t_note("node %u, cut mode %u", node, (unsigned)mode);
    fake_reset();
    fake_set_cut_mode(mode);
    memset(memory, 0, 8);
    memset(mine, 'x', 8);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_intr_signal_post(seg, 0)); /* pending at the cut */
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    fake_settle();
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    expect_cut(imp, 2);
    t_expect_mem(memory, zero, 8);
    t_expect_mem(mine, "xxxxxxxx", 8);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_intr_signal_wait(seg, 0)); /* posted before the cut: not lost */
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);

    t_note("node %u, cut mode %u, published again", node, (unsigned)mode);
    publish();
    fresh = fake_import(node, ID, RSM_PERM_RDWR);
    expect_cut(imp, 0);
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_wait(fresh, 1000));
    fake_settle();
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT); /* events to new handles only */
    t_expect_ok(transfer(fresh, true, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_mem(memory, "xxx", 3);
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(transfer(fresh, false, 0, NULL));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    expect_cut(fresh, 0);
    t_expect_ok(rsm_memseg_import_disconnect(fresh));
    fake_expect_clean();
}

/* ---- A vector in flight ------------------------------------------------------------------ */

static rsm_memseg_import_handle_t shared;
static atomic_int phase;   /* 1: the vector is inside, 2: it is over */
static atomic_int results; /* codes of unpublish + 1000 */

/** In the first piece: wait until the cut has reached the importer, and a little longer. */
static void dwell(void *arg)
{
    (void)arg;
    if (atomic_load(&phase) == 0) {
        atomic_store(&phase, 1);
        while (!rsmi_gate_is_cut(rsmi_handle_gate(rsmi_handle_from_ptr(shared)))) {
            fake_ms(1);
        }
        fake_ms(20);
        t_expect_eq(atomic_load(&results), 0); /* unpublish is still waiting */
    }
}

static void *fire(void *arg)
{
    unsigned long residual = 4711;

    (void)arg;
    t_expect_code(transfer(shared, true, RSM_IMPLICIT_SIGPOST, &residual), RSM_SUCCESS);
    t_expect_eq(residual, 0);
    atomic_store(&phase, 2);
    return NULL;
}

static void *withdraw(void *arg)
{
    (void)arg;
    atomic_store(&results, 1000 + rsm_memseg_export_unpublish(seg));
    return NULL;
}

static void in_flight(fake_cut_mode_t mode, bool explicit)
{
    pthread_t gunner;
    pthread_t withdrawer;

    t_note("vector in flight, cut mode %u, explicit %d", (unsigned)mode, explicit);
    fake_reset();
    fake_set_cut_mode(mode);
    memset(memory, 0, 8);
    memset(mine, 'f', 8);
    seg = fake_export(memory, FAKE_PAGE, ID);
    shared = fake_import(1, ID, RSM_PERM_RDWR);
    if (explicit) {
        t_expect_ok(rsm_memseg_import_set_mode(shared, RSM_BARRIER_MODE_EXPLICIT));
    }
    atomic_store(&phase, 0);
    atomic_store(&results, 0);
    fake_hook(FAKE_PUT, dwell, NULL);
    t_require_eq(pthread_create(&gunner, NULL, fire, NULL), 0);
    while (atomic_load(&phase) == 0) {
        fake_ms(1);
    }
    t_require_eq(pthread_create(&withdrawer, NULL, withdraw, NULL), 0);
    if (mode == FAKE_CUT_TOLD) {
        while (fake_cuts_asked() == 0) {
            fake_ms(1);
        }
        t_expect_eq(fake_answer_cuts(), 0); /* the answer is owed */
    }
    (void)pthread_join(withdrawer, NULL);
    t_expect_code(atomic_load(&results) - 1000, RSM_SUCCESS);
    /* The vector is over, up to its signal; whether its thread has said so is a moment's matter. */
    t_expect_mem(memory, "fff", 3);
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_eq(fake_count(FAKE_DRAINED), 1);
    memset(memory, 0, 8);
    (void)pthread_join(gunner, NULL);
    t_expect_eq(atomic_load(&phase), 2);
    t_expect_code(transfer(shared, true, 0, NULL), RSMERR_CONN_ABORTED);
    t_expect_eq(memory[0], 0);
    t_expect_ok(rsm_memseg_import_disconnect(shared));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/** A waiter on the import does not hold up the cut. */
static void *sleeper(void *arg)
{
    (void)arg;
    atomic_store(&phase, 1);
    t_expect_code(rsm_intr_signal_wait(shared, 300), RSMERR_TIMEOUT);
    atomic_store(&phase, 2);
    return NULL;
}

static void asleep(void)
{
    pthread_t thread;

    t_note("a sleeping importer");
    fake_reset();
    seg = fake_export(memory, FAKE_PAGE, ID);
    shared = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&phase, 0);
    t_require_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    while (atomic_load(&phase) == 0) {
        fake_ms(1);
    }
    fake_ms(10);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_eq(atomic_load(&phase), 1);
    (void)pthread_join(thread, NULL);
    t_expect_ok(rsm_memseg_import_disconnect(shared));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/* ---- Under fire -------------------------------------------------------------------------- */

static atomic_bool stop;
static atomic_long hits;

static void *shoot(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    char bullets[64];

    memset(bullets, (int)('A' + me), sizeof bullets);
    while (!atomic_load(&stop)) {
        rsm_memseg_import_handle_t imp = NULL;
        rsmapi_barrier_t barrier = {NULL, 0, NULL};
        int rc = rsm_memseg_import_connect(fake_ctl, me, ID, RSM_PERM_RDWR, &imp);

        if (rc != RSM_SUCCESS) {
            t_expect(rc == RSMERR_SEG_NOT_PUBLISHED || rc == RSMERR_INTERRUPTED);
            continue;
        }
        if (me == 2) {
            t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
        }
        t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
        while (rc == RSM_SUCCESS) {
            rsm_iovec_t entries[2];

            entries[0] = fake_va(bullets, 0, 64 * (size_t)me, 64);
            entries[1] = fake_va(bullets, 0, 2048 + 64 * (size_t)me, 64);

            t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
            rc = fake_putv(imp, entries, 2, 0, NULL);
            atomic_fetch_add(&hits, rc == RSM_SUCCESS);
            if (rsm_memseg_import_close_barrier(&barrier) != RSM_SUCCESS) {
                rc = RSMERR_CONN_ABORTED;
            }
        }
        t_expect_code(rc, RSMERR_CONN_ABORTED);
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    return NULL;
}

static void under_fire(void)
{
    static char ours[FAKE_PAGE];
    pthread_t threads[SHOOTERS];
    rsm_memseg_id_t id = ID;

    t_note("under fire");
    fake_reset();
    seg = NULL;
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    for (unsigned i = 0; i < SHOOTERS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, shoot, (void *)(uintptr_t)i), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        fake_set_cut_mode(round % 2 == 0 ? FAKE_CUT_AGENT : FAKE_CUT_AT_ONCE);
        t_expect_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
        fake_ms(1);
        t_expect_ok(rsm_memseg_export_unpublish(seg));
        memset(memory, (int)round, FAKE_PAGE); /* the exporter's alone again */
        memset(ours, (int)round, FAKE_PAGE);
        if (round % 8 == 0) {
            fake_ms(1);
        }
        t_expect_mem(memory, ours, FAKE_PAGE);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < SHOOTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect(atomic_load(&hits) > 0);
    t_print("%ld vectors hit", atomic_load(&hits));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/* ---- Calls on a handle that is cut already ----------------------------------------------- */

static void *unpublish_it(void *arg)
{
    (void)arg;
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    atomic_store(&phase, 1);
    return NULL;
}

/** One call came before the cut, another after it: the answer waits for the first alone. */
static void late_callers(rsm_node_id_t node)
{
    rsm_memseg_import_handle_t imp;
    rsmi_import_t *early;
    rsmi_import_t *late;
    uint64_t early_ticket = 0;
    uint64_t late_ticket = 0;
    uint64_t handle;
    pthread_t thread;

    t_note("a late caller, node %u", node);
    fake_reset();
    atomic_store(&phase, 0);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    handle = rsmi_handle_from_ptr(imp);
    early = rsmi_import_enter(handle, &early_ticket);
    t_require(early != NULL);
    t_require_eq(pthread_create(&thread, NULL, unpublish_it, NULL), 0);
    while (!rsmi_gate_is_cut(rsmi_handle_gate(handle))) {
        fake_ms(1);
    }
    late = rsmi_import_enter(handle, &late_ticket);
    t_require(late != NULL);
    t_expect(rsmi_import_is_cut(late_ticket));
    fake_ms(20);
    t_expect_eq(atomic_load(&phase), 0); /* a call from before the cut is inside */
    rsmi_import_leave(early, early_ticket);
    (void)pthread_join(thread, NULL); /* the watchdog speaks up if it waits for the late one */
    t_expect_eq(atomic_load(&phase), 1);
    rsmi_import_leave(late, late_ticket);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/* ---- One is silent, another talks -------------------------------------------------------- */

static void *talk(void *arg)
{
    (void)arg;
    while (atomic_load(&phase) == 0) {
        (void)fake_say_busy_last();
        fake_ms(10);
    }
    return NULL;
}

/** The answers of one importer must not hide that another has none. */
static void silent_beside_busy(void)
{
    rsm_memseg_import_handle_t imps[2];
    pthread_t thread;
    uint64_t start;

    t_note("a silent importer beside a busy one");
    fake_reset();
    fake_set_cut_mode(FAKE_CUT_NEVER);
    fake_set_patience(300);
    atomic_store(&phase, 0);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imps[0] = fake_import(1, ID, 0);
    imps[1] = fake_import(1, ID, 0);
    t_require_eq(pthread_create(&thread, NULL, talk, NULL), 0);
    start = rsmi_now();
    t_expect_code(rsm_memseg_export_unpublish(seg), RSMERR_INTERRUPTED);
    t_expect(rsmi_now() - start < UINT64_C(5000000000));
    atomic_store(&phase, 1);
    (void)pthread_join(thread, NULL);
    for (unsigned i = 0; i < 2; i++) {
        t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
    }
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    mine = fake_pages(1);
    table_18_2(1, FAKE_CUT_AT_ONCE);
    table_18_2(1, FAKE_CUT_AGENT);
    table_18_2(0, FAKE_CUT_AT_ONCE);
    in_flight(FAKE_CUT_AT_ONCE, false);
    in_flight(FAKE_CUT_AT_ONCE, true);
    in_flight(FAKE_CUT_AGENT, false);
    in_flight(FAKE_CUT_AGENT, true);
    in_flight(FAKE_CUT_TOLD, false);
    in_flight(FAKE_CUT_TOLD, true);
    asleep();
    late_callers(0);
    late_callers(1);
    silent_beside_busy();
    under_fire();
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 1);
    return fake_finish();
}
