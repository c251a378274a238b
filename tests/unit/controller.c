/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: getting, asking and releasing controllers, alone and from many threads.
 * Proves: 7.1 (names, order; loopback apart), 7.2, 7.3 (the table, late calls); statements 1, 3, 4;
 * src/glue.h: open() runs once at a time per unit, and again only after a failure.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define THREADS 8

static const rsmapi_controller_handle_t untouched = (rsmapi_controller_handle_t)0x1234;

static int get(const char *name, rsmapi_controller_handle_t *ctl_p)
{
    char copy[600];

    (void)snprintf(copy, sizeof copy, "%s", name);
    return rsm_get_controller(copy, ctl_p);
}

/* ---- The first get, from many threads ---------------------------------------------------- */

static pthread_barrier_t together;
static rsmapi_controller_handle_t got[THREADS];
static int codes[THREADS];
static const char *wanted;

static void slowly(void *arg)
{
    (void)arg;
    fake_ms(30);
}

static void *getter(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    got[me] = untouched;
    (void)pthread_barrier_wait(&together);
    codes[me] = get(wanted, &got[me]);
    return NULL;
}

static void get_together(const char *name)
{
    pthread_t threads[THREADS];

    wanted = name;
    (void)pthread_barrier_init(&together, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, getter, (void *)(uintptr_t)i), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_barrier_destroy(&together);
}

static void opened_once(void)
{
    t_note("eight threads, one open");
    fake_reset();
    fake_hook(FAKE_OPEN, slowly, NULL);
    get_together("mpi0");
    t_expect_eq(fake_count(FAKE_OPEN), 1);
    for (unsigned i = 0; i < THREADS; i++) {
        t_expect_code(codes[i], RSM_SUCCESS);
        t_expect_eq(got[i], got[0]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        t_expect_ok(rsm_release_controller(got[0]));
    }
    t_expect_code(rsm_release_controller(got[0]), RSMERR_BAD_CTLR_HNDL);
}

/** The open fails while others wait for it: each gets the failure or a port, and nothing is lost.
 */
static void fails_together(void)
{
    unsigned good = 0;
    rsmapi_controller_handle_t ctl = NULL;

    t_note("eight threads, an open that fails");
    fake_hook(FAKE_OPEN, slowly, NULL);
    fake_fail(FAKE_OPEN, 1, RSMERR_CTLR_NOT_PRESENT);
    get_together("mpi1");
    for (unsigned i = 0; i < THREADS; i++) {
        if (codes[i] == RSM_SUCCESS) {
            good++;
            ctl = got[i];
        } else {
            t_expect_code(codes[i], RSMERR_CTLR_NOT_PRESENT);
            t_expect_eq(got[i], untouched);
        }
    }
    t_expect(good < THREADS);
    fake_hook(FAKE_OPEN, NULL, NULL);
    t_require_ok(get("mpi1", &ctl));
    for (unsigned i = 0; i < good + 1; i++) {
        t_expect_ok(rsm_release_controller(ctl));
    }
    t_expect_code(rsm_release_controller(ctl), RSMERR_BAD_CTLR_HNDL);
}

static void fails_then_works(void)
{
    rsmapi_controller_handle_t ctl = untouched;
    rsmapi_controller_handle_t other;

    t_note("open fails, the next get tries again");
    fake_fail(FAKE_OPEN, 1, RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(get("mpi2", &ctl), RSMERR_CTLR_NOT_PRESENT);
    fake_fail(FAKE_OPEN, 1, RSMERR_INSUFFICIENT_MEM);
    t_expect_code(get("mpi2", &ctl), RSMERR_INSUFFICIENT_MEM);
    t_expect_eq(ctl, untouched);
    t_expect_ok(get("mpi2", &ctl));
    t_require_ok(get("mpi0", &other));
    t_expect_ne(other, ctl);
    t_expect_ok(rsm_release_controller(other));
    t_expect_ok(rsm_release_controller(ctl));

    t_note("failing over and over leaves nothing");
    t_expect_code(get("mpi77", &ctl), RSMERR_CTLR_NOT_PRESENT);
    {
        long live = rsmi_alloc_live();
        long handles = rsmi_handle_live();

        for (unsigned i = 0; i < 100; i++) {
            t_expect_code(get("mpi77", &ctl), RSMERR_CTLR_NOT_PRESENT);
        }
        t_expect_eq(rsmi_alloc_live(), live);
        t_expect_eq(rsmi_handle_live(), handles);
    }
}

/* ---- Names, attributes, counts ----------------------------------------------------------- */

static void names(void)
{
    static const char *const good[] = {"mpi0", "mpi", "MPI0", "Mpi", "mpi00", "mPI0000000000000"};
    static const char *const bad[] = {
        "",      "nosuch0",       "mp", "mpi0x", "mpi-1", " mpi0", "mpi 0",
        "mpi0 ", "mpi4294967296", "0",  "mpii0", "xmpi0", "mpi.0", "mpi99999999999999999999"};
    char longest[300];
    rsmapi_controller_handle_t ctl = untouched;

    t_note("names");
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        t_note("name \"%s\"", good[i]);
        t_expect_ok(get(good[i], &ctl));
        t_expect_eq(ctl, fake_ctl);
        t_expect_ok(rsm_release_controller(ctl));
    }
    ctl = untouched;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        t_note("name \"%s\"", bad[i]);
        t_expect_code(get(bad[i], &ctl), RSMERR_CTLR_NOT_PRESENT);
        t_expect_code(get(bad[i], NULL), RSMERR_BAD_CTLR_HNDL);
    }
    t_note("long names");
    memset(longest, '0', sizeof longest);
    memcpy(longest, "mpi", 3);
    longest[256] = '\0';
    t_expect_code(get(longest, &ctl), RSMERR_CTLR_NOT_PRESENT);
    longest[299] = '\0';
    longest[256] = '0';
    t_expect_code(get(longest, &ctl), RSMERR_CTLR_NOT_PRESENT);
    t_expect_eq(ctl, untouched);
    longest[255] = '\0';
    t_expect_ok(get(longest, &ctl));
    t_expect_eq(ctl, fake_ctl);
    t_expect_ok(rsm_release_controller(ctl));
    t_expect_code(get("mpi0", NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
}

static void counts(void)
{
    rsmapi_controller_handle_t a;
    rsmapi_controller_handle_t b;
    rsmapi_controller_attr_t attr;
    unsigned opens = fake_count(FAKE_OPEN);

    t_note("the table of 7.3");
    t_require_ok(rsm_release_controller(fake_ctl)); /* the one of fake_begin() */
    t_require_ok(get("mpi0", &a));
    t_require_ok(get("mpi0", &b));
    t_expect_eq(a, b);
    t_expect_ok(rsm_release_controller(a));
    t_expect_ok(rsm_get_controller_attr(b, &attr));
    t_expect_ok(rsm_release_controller(b));
    t_expect_code(rsm_get_controller_attr(b, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(b), RSMERR_BAD_CTLR_HNDL);
    t_require_ok(get("mpi0", &fake_ctl));
    t_expect_ok(rsm_get_controller_attr(fake_ctl, &attr));
    t_expect_code(rsm_release_controller(NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(fake_count(FAKE_OPEN), opens); /* local, also after a full release */
}

static void attributes(void)
{
    rsmapi_controller_attr_t attr;

    t_note("attributes");
    memset(&attr, 0xA5, sizeof attr);
    t_expect_code(rsm_get_controller_attr(NULL, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(fake_ctl, NULL), RSMERR_BAD_ADDR);
    t_expect_eq(attr.attr_page_size, (size_t)0xA5A5A5A5A5A5A5A5U);
    t_expect_ok(rsm_get_controller_attr(fake_ctl, &attr));
    t_expect_eq(attr.attr_page_size, (size_t)sysconf(_SC_PAGESIZE));
    t_expect_eq(attr.attr_max_export_segment_size, (size_t)1 << 30);
    t_expect(attr.attr_tot_export_segment_size >= attr.attr_max_export_segment_size);
    t_expect(attr.attr_max_export_segments > 0);
    t_expect_eq(attr.attr_max_import_segments, 100000);
    /* No call maps anything yet: "not stated". */
    t_expect_eq(attr.attr_direct_access_sizes, 0);
    t_expect_eq(attr.attr_atomic_sizes, 0);
    t_expect_eq(attr.attr_max_import_map_size, 0);
    t_expect_eq(attr.attr_tot_import_map_size, 0);
}

/* ---- Late calls -------------------------------------------------------------------------- */

static void segments_outlive(void)
{
    char *memory = fake_pages(1);
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, 0x400001);
    rsm_memseg_import_handle_t imp = fake_import(1, 0x400001, RSM_PERM_RDWR);
    rsm_memseg_import_handle_t self = fake_import(0, 0x400001, RSM_PERM_RDWR);
    rsm_memseg_export_handle_t more = (rsm_memseg_export_handle_t)1;
    rsm_localmemory_handle_t local;
    rsmapi_controller_handle_t old = fake_ctl;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char byte = 'x';
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);
    unsigned long residual = 0;

    t_note("segments that outlive their controller");
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &local, memory, 1));
    t_require_ok(rsm_release_controller(old));
    for (unsigned again = 0; again < 2; again++) { /* the second time after a new get */
        t_expect_code(fake_putv(imp, &entry, 1, 0, &residual), RSMERR_BAD_CTLR_HNDL);
        t_expect_eq(residual, 1);
        t_expect_code(fake_getv(self, &entry, 0, 0, &residual), RSMERR_BAD_CTLR_HNDL);
        t_expect_eq(residual, 0);
        t_expect_eq(memory[0], 0);
        t_expect_code(rsm_memseg_export_create(old, &more, memory, FAKE_PAGE, 0),
                      RSMERR_BAD_CTLR_HNDL);
        t_expect_eq(more, NULL);
        t_expect_code(rsm_free_localmemory_handle(old, local), RSMERR_BAD_CTLR_HNDL);
        t_expect_code(rsm_release_controller(old), RSMERR_BAD_CTLR_HNDL);
        if (again == 0) {
            t_require_ok(get("mpi0", &fake_ctl));
        }
    }
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, local));
    t_require_ok(rsm_release_controller(fake_ctl));
    t_expect_ok(rsm_memseg_import_disconnect(self));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_require_ok(get("mpi0", &fake_ctl));
    fake_pages_free(memory, 1);
}

static void transport_ended(void)
{
    char *memory = fake_pages(1);
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, 0x400001);
    rsm_memseg_import_handle_t imp = fake_import(1, 0x400001, RSM_PERM_RDWR);
    rsm_memseg_export_handle_t none = (rsm_memseg_export_handle_t)1;
    rsm_memseg_import_handle_t nothing = (rsm_memseg_import_handle_t)1;
    rsmapi_controller_handle_t ctl = untouched;
    rsmapi_controller_attr_t attr;

    t_note("the transport has ended");
    fake_set_ended(true);
    t_expect_code(get("mpi0", &ctl), RSMERR_CTLR_NOT_PRESENT);
    t_expect_eq(ctl, untouched);
    t_expect_code(rsm_get_controller_attr(fake_ctl, NULL), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_controller_attr(fake_ctl, &attr), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_memseg_export_create(fake_ctl, &none, memory, FAKE_PAGE, 0),
                  RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, 0x400001, RSM_PERM_RDWR, &nothing),
                  RSMERR_CTLR_NOT_PRESENT);
    t_expect_eq(none, NULL);
    t_expect_eq(nothing, NULL);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_release_controller(fake_ctl));
    fake_set_ended(false);
    t_require_ok(get("mpi0", &fake_ctl));
    fake_pages_free(memory, 1);
}

/* ---- Storms ------------------------------------------------------------------------------ */

static atomic_bool stop;

static void *in_and_out(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        rsmapi_controller_handle_t ctl = NULL;
        rsmapi_controller_attr_t attr;

        t_require_ok(get("mpi0", &ctl));
        t_expect_ok(rsm_get_controller_attr(ctl, &attr)); /* this thread's own reference holds it */
        t_expect_ok(rsm_release_controller(ctl));
    }
    return NULL;
}

static void storm(void)
{
    pthread_t threads[4];

    t_note("gets and releases from four threads");
    t_require_ok(rsm_release_controller(fake_ctl));
    for (unsigned i = 0; i < 4; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, in_and_out, NULL), 0);
    }
    fake_ms(200);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(rsmi_handle_live(), 0);
    t_require_ok(get("mpi0", &fake_ctl));
}

static void child(void *arg)
{
    rsmapi_controller_handle_t ctl = untouched;
    rsmapi_controller_attr_t attr;

    (void)arg;
    t_expect_code(get("mpi0", &ctl), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(get("nosuch0", &ctl), RSMERR_BAD_CTLR_HNDL);
    t_expect_eq(ctl, untouched);
    t_expect_code(rsm_get_controller_attr(fake_ctl, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(fake_ctl), RSMERR_BAD_CTLR_HNDL);
}

int main(void)
{
    t_watchdog(30);
    opened_once(); /* before anything else has opened it */
    fails_together();
    fails_then_works();
    fake_begin();
    names();
    counts();
    attributes();
    segments_outlive();
    transport_ended();
    storm();
    (void)fake_in_child(child, NULL);
    return fake_finish();
}
