/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: handles as a table, then as values that a program passes to every public call.
 * Proves: 6.3, 6.4 and design 2 "Handles": NULL, freed, foreign, never issued values and handles of
 * the wrong class are recognised by every call, with the documented code; a slot that is used again
 * gives another value; closing waits for whoever is inside, and one of several closers wins; in a
 * forked child nothing is valid, and nothing hangs.
 */
#include "handle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "fake_glue.h"
#include "nap.h"
#include "t.h"

#define CLASSES 6U
#define MANY 3000U

static int objects[MANY];

static void none_of(uint64_t value)
{
    for (unsigned class = 0; class < 16; class ++) {
        t_expect_eq(rsmi_handle_enter((rsmi_class_t) class, value, NULL), NULL);
    }
}

static void life(void)
{
    uint64_t ticket = RSMI_GATE_CUT;
    uint64_t h = rsmi_handle_alloc(RSMI_CLASS_EXPORT, &objects[0]);
    uint64_t again;

    t_note("life");
    t_require(h != 0);
    t_expect_eq(rsmi_handle_class(h), RSMI_CLASS_EXPORT);
    t_expect_eq(rsmi_handle_from_ptr(rsmi_handle_to_ptr(h)), h);
    none_of(h); /* not open yet */
    rsmi_handle_open(h);
    t_expect_eq(rsmi_handle_enter(RSMI_CLASS_EXPORT, h, &ticket), &objects[0]);
    t_expect_eq(ticket & RSMI_GATE_CUT, 0);
    t_expect_eq(atomic_load(rsmi_handle_gate(h)) & RSMI_GATE_INSIDE, 1);
    t_expect(!rsmi_handle_leave(h, 0));
    t_expect(rsmi_gate_cut(rsmi_handle_gate(h)));
    t_expect_eq(rsmi_handle_enter(RSMI_CLASS_EXPORT, h, &ticket), &objects[0]);
    t_expect_ne(ticket & RSMI_GATE_CUT, 0);
    for (unsigned class = 0; class < 16; class ++) {
        if (class != RSMI_CLASS_EXPORT) {
            t_expect_eq(rsmi_handle_enter((rsmi_class_t) class, h, NULL), NULL);
        }
    }

    t_expect(rsmi_handle_close(h));
    none_of(h);
    t_expect(!rsmi_handle_close(h)); /* there is a closer already */
    rsmi_handle_reopen(h);
    t_expect_eq(rsmi_handle_enter(RSMI_CLASS_EXPORT, h, &ticket), &objects[0]);
    t_expect(!rsmi_handle_leave(h, ticket));
    t_expect(rsmi_handle_close(h));
    rsmi_handle_free(h);
    none_of(h);

    again = rsmi_handle_alloc(RSMI_CLASS_EXPORT, &objects[1]);
    t_expect_ne(again, h);
    rsmi_handle_open(again);
    none_of(h);
    t_expect_eq(rsmi_handle_enter(RSMI_CLASS_EXPORT, again, &ticket), &objects[1]);
    t_expect_eq(ticket & RSMI_GATE_CUT, 0); /* the cut went with the old one */
    t_expect(rsmi_handle_close(again));
    rsmi_handle_free(again);

    again = rsmi_handle_alloc(RSMI_CLASS_IMPORT, &objects[1]);
    none_of(again);
    rsmi_handle_free(again); /* never opened */
    none_of(again);
    none_of(0);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/** More than one chunk of slots, in all classes; then each slot many times. */
static void many(void)
{
    static uint64_t handles[MANY];
    static uint64_t values[MANY];
    long live = rsmi_handle_live();

    t_note("many");
    for (unsigned i = 0; i < MANY; i++) {
        handles[i] = rsmi_handle_alloc((rsmi_class_t)(1 + i % CLASSES), &objects[i]);
        t_require(handles[i] != 0);
        rsmi_handle_open(handles[i]);
    }
    t_expect_eq(rsmi_handle_live(), live + MANY);
    for (unsigned i = 0; i < MANY; i++) {
        t_expect_eq(rsmi_handle_enter((rsmi_class_t)(1 + i % CLASSES), handles[i], NULL),
                    &objects[i]);
        t_expect(rsmi_handle_close(handles[i]));
        rsmi_handle_free(handles[i]);
    }
    t_expect_eq(rsmi_handle_live(), live);
    for (unsigned i = 0; i < MANY; i++) {
        values[i] = rsmi_handle_alloc(RSMI_CLASS_PEER, &objects[0]);
        rsmi_handle_free(values[i]);
    }
    qsort(values, MANY, sizeof values[0], compare);
    for (unsigned i = 1; i < MANY; i++) {
        t_expect_ne(values[i], values[i - 1]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        t_expect_eq(rsmi_handle_enter((rsmi_class_t)(1 + i % CLASSES), handles[i], NULL), NULL);
    }
}

static void random_values(t_rand_t *random)
{
    uint64_t live[8];

    t_note("random values");
    for (unsigned i = 0; i < 8; i++) {
        live[i] = rsmi_handle_alloc(RSMI_CLASS_LOCALMEM, &objects[i]);
        rsmi_handle_open(live[i]);
    }
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t value = t_rand64(random);

        if (i % 3 == 1) {
            value >>= t_rand_below(random, 64);
        } else if (i % 3 == 2) { /* near a live one: another generation, or another slot */
            value = live[i % 8] ^ (UINT64_C(1) << (32 + t_rand_below(random, 32)));
        }
        t_expect_eq(rsmi_handle_enter(RSMI_CLASS_LOCALMEM, value, NULL), NULL);
        t_expect_eq(rsmi_handle_enter(RSMI_CLASS_IMPORT, value, NULL), NULL);
    }
    t_expect_eq(rsmi_handle_enter(RSMI_CLASS_LOCALMEM, UINT64_MAX, NULL), NULL);
    for (unsigned i = 0; i < 8; i++) {
        t_expect_eq(atomic_load(rsmi_handle_gate(live[i])) & RSMI_GATE_INSIDE, 0);
        t_expect(rsmi_handle_enter(RSMI_CLASS_LOCALMEM, live[i], NULL) != NULL);
        t_expect(rsmi_handle_close(live[i]));
        rsmi_handle_free(live[i]);
    }
}

/* ---- Threads ----------------------------------------------------------------------------- */

static atomic_int phase;
static uint64_t guarded;

static void *stays_inside(void *arg)
{
    (void)arg;
    t_expect(rsmi_handle_enter(RSMI_CLASS_CONN, guarded, NULL) != NULL);
    atomic_store(&phase, 1);
    fake_ms(30);
    atomic_store(&phase, 2);
    (void)rsmi_handle_leave(guarded, 0);
    return NULL;
}

static void close_waits(void)
{
    pthread_t thread;

    t_note("close waits");
    guarded = rsmi_handle_alloc(RSMI_CLASS_CONN, &objects[0]);
    rsmi_handle_open(guarded);
    t_require_eq(pthread_create(&thread, NULL, stays_inside, NULL), 0);
    while (atomic_load(&phase) < 1) {
        fake_ms(1);
    }
    t_expect(rsmi_handle_enter(RSMI_CLASS_CONN, guarded, NULL) != NULL);
    t_expect(rsmi_handle_close(guarded));
    t_expect_eq(atomic_load(&phase), 2);
    rsmi_handle_free(guarded);
    (void)pthread_join(thread, NULL);
}

#define READERS 3
#define GENERATIONS 600

static _Atomic uint64_t current;
static atomic_bool over;
static atomic_int alive[2];
static atomic_int dead_seen;
static atomic_int winners;

static void *reader(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        uint64_t h = atomic_load(&current);
        atomic_int *obj = rsmi_handle_enter(RSMI_CLASS_CONN, h, NULL);

        if (obj != NULL) {
            if (atomic_load(obj) != 1) {
                atomic_fetch_add(&dead_seen, 1);
            }
            (void)rsmi_handle_leave(h, 0);
        }
    }
    return NULL;
}

/** Objects die only when nobody is inside, however hard others knock. */
static void knocking(void)
{
    pthread_t threads[READERS];

    t_note("knocking");
    for (unsigned i = 0; i < READERS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, reader, NULL), 0);
    }
    for (int i = 0; i < GENERATIONS; i++) {
        atomic_int *obj = &alive[i % 2];
        uint64_t h = rsmi_handle_alloc(RSMI_CLASS_CONN, obj);

        atomic_store(obj, 1);
        rsmi_handle_open(h);
        atomic_store(&current, h);
        if (i % 16 == 0) {
            fake_ms(1);
        }
        t_expect_eq(rsmi_handle_enter(RSMI_CLASS_CONN, h, NULL), obj);
        t_expect(rsmi_handle_close(h));
        atomic_store(obj, 0);
        rsmi_handle_free(h);
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(atomic_load(&dead_seen), 0);
}

static pthread_barrier_t together;

static void *closer(void *arg)
{
    uint64_t h = *(uint64_t *)arg;

    if (rsmi_handle_enter(RSMI_CLASS_CONN, h, NULL) == NULL) {
        t_fail("the handle is live");
    }
    (void)pthread_barrier_wait(&together); /* all are inside */
    if (rsmi_handle_close(h)) {
        atomic_fetch_add(&winners, 1);
    } else {
        (void)rsmi_handle_leave(h, 0);
    }
    return NULL;
}

static void one_winner(void)
{
    t_note("closers");
    (void)pthread_barrier_init(&together, NULL, 3);
    for (int round = 0; round < 100; round++) {
        uint64_t h = rsmi_handle_alloc(RSMI_CLASS_CONN, &objects[0]);
        pthread_t threads[3];

        rsmi_handle_open(h);
        atomic_store(&winners, 0);
        for (unsigned i = 0; i < 3; i++) {
            t_require_eq(pthread_create(&threads[i], NULL, closer, &h), 0);
        }
        for (unsigned i = 0; i < 3; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        t_expect_eq(atomic_load(&winners), 1);
        t_expect_eq(atomic_load(rsmi_handle_gate(h)) & RSMI_GATE_INSIDE, 1);
        rsmi_handle_free(h);
    }
    (void)pthread_barrier_destroy(&together);
}

/* ---- Through the public calls ------------------------------------------------------------ */

/** Every call that takes a handle, given one that is none of its kind. */
static void no_controller(void *h)
{
    rsmapi_controller_handle_t ctl = h;
    rsm_memseg_export_handle_t seg = (void *)1;
    rsm_memseg_import_handle_t imp = (void *)1;
    rsm_localmemory_handle_t local = (void *)1;
    rsmapi_controller_attr_t attr;
    static char page[FAKE_PAGE] __attribute__((aligned(4096)));

    t_expect_code(rsm_get_controller_attr(ctl, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(ctl, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(ctl), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_export_create(ctl, &seg, page, FAKE_PAGE, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(seg, NULL);
    t_expect_code(rsm_memseg_import_connect(ctl, 1, 0x400000, RSM_PERM_RDWR, &imp),
                  RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(imp, NULL);
    t_expect_code(rsm_create_localmemory_handle(ctl, &local, page, 10), RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(local, (void *)1);
    t_expect_code(rsm_free_localmemory_handle(ctl, NULL), RSMERR_BAD_CTLR_HNDL);
}

static void no_export(void *h)
{
    rsm_memseg_id_t id = 0;

    t_expect_code(rsm_memseg_export_publish(h, &id, NULL, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(id, 0);
    t_expect_code(rsm_memseg_export_unpublish(h), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_destroy(h), RSMERR_BAD_SEG_HNDL);
}

static void no_import(void *h)
{
    char byte = 0;
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);
    rsm_barrier_mode_t mode = (rsm_barrier_mode_t)77;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    unsigned long residual = 0;

    t_expect_code(rsm_memseg_import_disconnect(h), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get_mode(h, &mode), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get_mode(h, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_eq((int)mode, 77);
    t_expect_code(rsm_memseg_import_set_mode(h, RSM_BARRIER_MODE_EXPLICIT), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_set_mode(h, (rsm_barrier_mode_t)2), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(h, RSM_BAR_DEFAULT, &barrier),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(h, RSM_BAR_DEFAULT, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(barrier.seg, NULL);
    t_expect_code(fake_putv(h, &entry, 1, RSM_IMPLICIT_SIGPOST, &residual), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(residual, 1);
    t_expect_code(fake_getv(h, NULL, 0, 0, &residual), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(residual, 0);
}

static void no_segment(void *h)
{
    t_expect_code(rsm_intr_signal_post(h, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_post(h, RSM_SIGPOST_NO_ACCUMULATE), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(h, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(h, -1), RSMERR_BAD_SEG_HNDL);
}

static void no_localmem(void *h, rsm_memseg_import_handle_t imp)
{
    rsm_iovec_t entry = fake_lh(h, 0, 0, 1);
    unsigned long residual = 0;

    t_expect_code(rsm_free_localmemory_handle(fake_ctl, h), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(fake_putv(imp, &entry, 1, 0, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, 1);
}

static void nobody(void *h, rsm_memseg_import_handle_t imp)
{
    no_controller(h);
    no_export(h);
    no_import(h);
    no_segment(h);
    no_localmem(h, imp);
}

typedef struct all {
    char *memory;
    rsm_memseg_export_handle_t seg;
    rsm_memseg_export_handle_t unpublished;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t local;
    rsmapi_barrier_t barrier;
} all_t;

/** Every call once, given what the parent made. */
static void in_child(void *arg)
{
    all_t *all = arg;
    rsmapi_controller_handle_t ctl = (void *)1;
    rsm_topology_t *topology = (void *)1;
    char name[] = "mpi0";
    rsm_memseg_id_t id = 0;
    int rc;

    t_note("in a forked child");
    t_expect(rsmi_handle_in_child());
    t_expect_code(rsm_get_controller(name, &ctl), RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(ctl, (void *)1);
    no_controller(fake_ctl);
    no_import(all->imp);
    no_segment(all->imp);
    no_segment(all->seg);
    t_expect_code(rsm_free_localmemory_handle(fake_ctl, all->local), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_export_destroy(all->seg), RSMERR_BAD_SEG_HNDL);
    /* State first, then creator. */
    t_expect_code(rsm_memseg_export_publish(all->seg, &id, NULL, 0), RSMERR_SEG_ALREADY_PUBLISHED);
    t_expect_code(rsm_memseg_export_publish(all->unpublished, &id, NULL, 0), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_unpublish(all->seg), RSMERR_NOT_CREATOR);
    t_expect_code(rsm_memseg_export_unpublish(all->unpublished), RSMERR_SEG_NOT_PUBLISHED);
    no_export(all->imp);
    no_export(NULL);
    /* Design 2 says BAD_SEG_HNDL of "all else", Appendix A knows no such code for barriers. */
    rc = rsm_memseg_import_open_barrier(&all->barrier);
    t_expect(rc == RSMERR_BAD_SEG_HNDL || rc == RSMERR_BARRIER_UNINITIALIZED);
    rc = rsm_memseg_import_close_barrier(&all->barrier);
    t_expect(rc == RSMERR_BAD_SEG_HNDL || rc == RSMERR_BARRIER_UNINITIALIZED);
    if (rsm_get_interconnect_topology(&topology) == RSM_SUCCESS) {
        rsm_free_interconnect_topology(topology);
    }
}

static void public_calls(t_rand_t *random)
{
    all_t all = {.memory = fake_pages(2)};
    void *freed[3];

    t_note("public calls");
    all.seg = fake_export(all.memory, FAKE_PAGE, 0x400001);
    all.imp = fake_import(1, 0x400001, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &all.local, all.memory, 100));
    t_require_ok(rsm_memseg_export_create(fake_ctl, &all.unpublished, all.memory, FAKE_PAGE, 0));
    t_require_ok(rsm_memseg_import_init_barrier(all.imp, RSM_BAR_DEFAULT, &all.barrier));

    t_note("of another class");
    no_export(all.imp);
    no_export(fake_ctl);
    no_export(all.local);
    no_import(all.seg);
    no_import(fake_ctl);
    no_import(all.local);
    no_controller(all.seg);
    no_controller(all.imp);
    no_controller(all.local);
    no_segment(fake_ctl);
    no_segment(all.local);
    no_localmem(all.seg, all.imp);
    no_localmem(all.imp, all.imp);
    no_localmem(fake_ctl, all.imp);

    t_note("NULL and values never issued");
    nobody(NULL, all.imp);
    nobody((void *)-1, all.imp);
    nobody((void *)1, all.imp);
    nobody(all.memory, all.imp);
    nobody(&all, all.imp);
    for (unsigned i = 0; i < 300; i++) {
        nobody((void *)(uintptr_t)t_rand64(random), all.imp);
    }

    t_note("freed");
    t_require_ok(rsm_memseg_export_create(fake_ctl, (rsm_memseg_export_handle_t *)&freed[0],
                                          all.memory, FAKE_PAGE, 0));
    freed[1] = fake_import(1, 0x400001, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &freed[2], all.memory, 100));
    t_require_ok(rsm_memseg_export_destroy(freed[0]));
    t_require_ok(rsm_memseg_import_disconnect(freed[1]));
    t_require_ok(rsm_free_localmemory_handle(fake_ctl, freed[2]));
    for (unsigned i = 0; i < 3; i++) {
        nobody(freed[i], all.imp);
    }
    t_note("freed, and the slots taken by others");
    {
        rsm_memseg_import_handle_t taken[3];

        for (unsigned i = 0; i < 3; i++) {
            taken[i] = fake_import(1, 0x400001, RSM_PERM_RDWR);
        }
        for (unsigned i = 0; i < 3; i++) {
            nobody(freed[i], all.imp);
        }
        for (unsigned i = 0; i < 3; i++) {
            t_expect_ok(rsm_memseg_import_disconnect(taken[i]));
        }
    }

    (void)fake_in_child(in_child, &all);
    t_expect(!rsmi_handle_in_child());

    t_note("the originals are unharmed");
    t_expect_ok(rsm_memseg_import_destroy_barrier(&all.barrier));
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, all.local));
    t_expect_ok(rsm_memseg_import_disconnect(all.imp));
    t_expect_ok(rsm_memseg_export_destroy(all.unpublished));
    t_expect_ok(rsm_memseg_export_destroy(all.seg));
    fake_pages_free(all.memory, 2);
}

int main(int argc, char **argv)
{
    t_rand_t random;

    t_rand_init(&random, t_seed(argc, argv), 0);
    fake_begin();
    life();
    many();
    random_values(&random);
    close_waits();
    knocking();
    one_winner();
    public_calls(&random);
    return fake_finish();
}
