/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: local memory handles: checks in their order, ranges to the byte, use from several
 * threads and controllers, freeing during a transfer, pages that stay in memory.
 * Proves: 15.1, 15.2; statements 39 and 40; of 32 the offsets of handles. What happens where pages
 * cannot be locked at all: memlock_limit.c.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "fake_glue.h"
#include "t.h"
#include "t_pages.h"

#define ID 0x400060U

static const rsm_localmemory_handle_t untouched = (rsm_localmemory_handle_t)0x1234;
static char *memory;
static char *mine;

static int create(rsmapi_controller_handle_t ctl, void *address, size_t length)
{
    rsm_localmemory_handle_t handle = untouched;
    int rc = rsm_create_localmemory_handle(ctl, &handle, address, length);

    if (rc == RSM_SUCCESS) {
        t_expect(handle != untouched && handle != NULL);
        t_expect_ok(rsm_free_localmemory_handle(ctl, handle));
        t_expect_code(rsm_free_localmemory_handle(ctl, handle), RSMERR_BAD_LOCALMEM_HNDL);
    } else {
        t_expect_eq(handle, untouched);
    }
    return rc;
}

static void order(void)
{
    t_note("order");
    t_expect_code(rsm_create_localmemory_handle(NULL, NULL, mine + 1, 0), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, mine + 1, 10), RSMERR_BAD_ADDR);
    t_expect_code(rsm_create_localmemory_handle(NULL, NULL, NULL, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_create_localmemory_handle(NULL, NULL, mine, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_create_localmemory_handle(fake_ctl, NULL, NULL, 0), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(create(fake_ctl, NULL, 0), RSMERR_BAD_LENGTH);
    t_expect_code(create(fake_ctl, mine, 0), RSMERR_BAD_LENGTH);
    t_expect_code(create(fake_ctl, NULL, 10), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, NULL, SIZE_MAX), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, mine, SIZE_MAX), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, mine, 2 * (size_t)FAKE_PAGE + 1), RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, (void *)(UINTPTR_MAX - FAKE_PAGE + 1), 2 * (size_t)FAKE_PAGE),
                  RSMERR_BAD_ADDR);
    t_expect_code(create(fake_ctl, mine, 2 * (size_t)FAKE_PAGE), RSM_SUCCESS);
    t_expect_code(create(fake_ctl, mine, 1), RSM_SUCCESS);
    t_expect_code(create(fake_ctl, mine + FAKE_PAGE, 4095), RSM_SUCCESS);
    rsmi_alloc_fail_at(1);
    t_expect_code(create(fake_ctl, mine, 1), RSMERR_INSUFFICIENT_MEM);

    t_expect_code(rsm_free_localmemory_handle(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_free_localmemory_handle(NULL, untouched), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_free_localmemory_handle(fake_ctl, NULL), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(rsm_free_localmemory_handle(fake_ctl, untouched), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(rsm_free_localmemory_handle(fake_ctl, mine), RSMERR_BAD_LOCALMEM_HNDL);
    fake_expect_clean();
}

static void use(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, 2 * (size_t)FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, RSM_PERM_RDWR);
    rsmapi_controller_handle_t other = NULL;
    rsm_localmemory_handle_t a;
    rsm_localmemory_handle_t b; /* overlaps a, and is the exported memory of others */
    rsm_localmemory_handle_t c; /* of another controller */
    char name[] = "mpi1";
    rsm_iovec_t entries[4];

    t_note("ranges");
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &a, mine, 100));
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &b, mine, 2 * (size_t)FAKE_PAGE));
    for (unsigned i = 0; i < 200; i++) {
        mine[i] = (char)i;
    }
    entries[0] = fake_lh(a, 99, 0, 1);
    entries[1] = fake_lh(a, 0, 1, 100);
    entries[2] = fake_lh(b, 100, 101, 50);
    entries[3] = fake_lh(b, 2 * (size_t)FAKE_PAGE - 1, 151, 1);
    t_expect_ok(fake_putv(imp, entries, 4, 0, NULL));
    t_expect_eq(memory[0], 99);
    t_expect_mem(memory + 1, mine, 150);
    entries[0] = fake_lh(a, 100, 0, 1); /* mapped memory, and yet not the handle's */
    t_expect_code(fake_putv(imp, entries, 1, 0, NULL), RSMERR_BAD_LENGTH);

    t_note("any controller of the process");
    t_require_ok(rsm_get_controller(name, &other));
    t_require_ok(rsm_create_localmemory_handle(other, &c, mine, 100));
    entries[0] = fake_lh(c, 7, 200, 1);
    t_expect_ok(fake_putv(imp, entries, 1, 0, NULL));
    t_expect_eq(memory[200], 7);
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, c));
    t_expect_ok(rsm_free_localmemory_handle(other, a));
    t_expect_ok(rsm_release_controller(other));
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, b));

    t_note("of memory that can only be read: a source");
    t_require_eq(mprotect(mine, FAKE_PAGE, PROT_READ), 0);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &a, mine, 100));
    entries[0] = fake_lh(a, 5, 300, 1);
    t_expect_ok(fake_putv(imp, entries, 1, 0, NULL));
    t_expect_eq(memory[300], 5);
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, a));
    t_require_eq(mprotect(mine, FAKE_PAGE, PROT_READ | PROT_WRITE), 0);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/* ---- Freeing during a transfer ----------------------------------------------------------- */

static rsm_memseg_import_handle_t shared;
static rsm_localmemory_handle_t used;
static atomic_int phase; /* 1: the transfer is inside, 2: it is about to go on */

static void dwell(void *arg)
{
    (void)arg;
    atomic_store(&phase, 1);
    fake_ms(40);
    atomic_store(&phase, 2);
}

static void *transfer(void *arg)
{
    rsm_iovec_t entry = fake_lh(used, 0, 0, 10);

    (void)arg;
    t_expect_ok(fake_putv(shared, &entry, 1, 0, NULL));
    return NULL;
}

static void free_waits(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_iovec_t entry;
    pthread_t thread;

    t_note("free waits for a transfer");
    shared = fake_import(1, ID, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &used, mine, 10));
    fake_hook(FAKE_PUT, dwell, NULL);
    t_require_eq(pthread_create(&thread, NULL, transfer, NULL), 0);
    while (atomic_load(&phase) == 0) {
        fake_ms(1);
    }
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, used));
    t_expect_eq(atomic_load(&phase), 2);
    (void)pthread_join(thread, NULL);
    fake_hook(FAKE_PUT, NULL, NULL);
    entry = fake_lh(used, 0, 0, 10);
    t_expect_code(fake_putv(shared, &entry, 1, 0, NULL), RSMERR_BAD_SGIO);
    t_expect_ok(rsm_memseg_import_disconnect(shared));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static _Atomic(rsm_localmemory_handle_t) current;
static atomic_bool stop;
static atomic_int moved;

static void *mover(void *arg)
{
    char *target = arg;

    while (!atomic_load(&stop)) {
        rsm_iovec_t entry = fake_lh(atomic_load(&current), 0, (size_t)(target - memory), 8);
        int rc = fake_putv(shared, &entry, 1, 0, NULL);

        t_expect(rc == RSM_SUCCESS || rc == RSMERR_BAD_SGIO);
        atomic_fetch_add(&moved, rc == RSM_SUCCESS);
    }
    return NULL;
}

/** Handles come and go under threads that use them: a code or success, and never freed memory. */
static void storm(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    pthread_t threads[2];

    t_note("storm");
    shared = fake_import(1, ID, RSM_PERM_RDWR);
    for (unsigned i = 0; i < 2; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, mover, memory + 64 * (size_t)i), 0);
    }
    for (unsigned i = 0; i < 150; i++) {
        rsm_localmemory_handle_t handle = NULL;
        char *fresh = fake_pages(1);

        t_require_ok(rsm_create_localmemory_handle(fake_ctl, &handle, fresh, 8));
        atomic_store(&current, handle);
        if (i % 8 == 0) {
            fake_ms(1);
        }
        t_expect_ok(rsm_free_localmemory_handle(fake_ctl, handle));
        fake_pages_free(fresh, 1); /* nobody reads it any more */
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_print("transfers through a live handle: %d", atomic_load(&moved));
    t_expect_ok(rsm_memseg_import_disconnect(shared));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/* ---- Pages that stay in memory ----------------------------------------------------------- */

static rsm_localmemory_handle_t keep(char *at, size_t length)
{
    rsm_localmemory_handle_t handle = NULL;

    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &handle, at, length));
    return handle;
}

static void let_go(rsm_localmemory_handle_t handle)
{
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, handle));
}

static void pages(void)
{
    char *at = t_pages_map(8);
    char *file;
    rsm_localmemory_handle_t a;
    rsm_localmemory_handle_t b;
    rsm_localmemory_handle_t c;

    t_note("locked as long as any handle covers them");
    t_expect_eq(t_pages_locked_in_all(), 0);
    for (unsigned order = 0; order < 6; order++) {
        rsm_localmemory_handle_t *const orders[6][3] = {{&a, &b, &c}, {&a, &c, &b}, {&b, &a, &c},
                                                        {&b, &c, &a}, {&c, &a, &b}, {&c, &b, &a}};
        size_t held = 7;

        a = keep(at, 3 * T_PAGE + 1);              /* 0 to 3 */
        b = keep(at + 2 * T_PAGE, 5 * T_PAGE - 1); /* 2 to 6 */
        c = keep(at + T_PAGE, T_PAGE);             /* 1 */
        t_expect_eq(t_pages_count_locked(at, 8), held);
        for (unsigned i = 0; i < 3; i++) {
            let_go(*orders[order][i]);
            *orders[order][i] = NULL;
            held = (a != NULL ? 4U : c != NULL) + (b != NULL ? (a != NULL ? 3U : 5U) : 0);
            t_expect_eq(t_pages_count_locked(at, 8), held);
        }
        t_expect_eq(t_pages_locked_in_all(), 0);
    }

    t_note("what the program has locked stays so");
    t_require(t_pages_lock(at + 2 * T_PAGE, 2));
    a = keep(at, 8 * T_PAGE);
    b = keep(at + 2 * T_PAGE, 1);
    t_expect_eq(t_pages_count_locked(at, 8), 8);
    let_go(a);
    t_expect_eq(t_pages_count_locked(at + 2 * T_PAGE, 2), 2);
    let_go(b);
    t_expect_eq(t_pages_count_locked(at + 2 * T_PAGE, 2), 2);
    t_expect_eq(t_pages_locked_in_all(), 2);
    t_require(t_pages_unlock(at + 2 * T_PAGE, 2));

    t_note("one page cannot be locked: none is, and the handle works");
    file = t_pages_map_file(at + 3 * T_PAGE, 2, 1, PROT_READ, MAP_SHARED);
    a = keep(file, T_PAGE);
    b = keep(at, 8 * T_PAGE);
    t_expect_eq(t_pages_count_present(at, 8), 7);
    t_expect_eq(t_pages_locked_in_all(), 1);
    let_go(b);
    t_expect_eq(t_pages_count_locked(file, 1), 1);
    let_go(a);
    t_expect_eq(t_pages_locked_in_all(), 0);

    t_note("unmapped too early");
    a = keep(at, 3 * T_PAGE);
    b = keep(at + T_PAGE, T_PAGE);
    t_require_eq(munmap(at + T_PAGE, T_PAGE), 0);
    let_go(a);
    let_go(b);
    t_expect_eq(t_pages_locked_in_all(), 0);
    fake_expect_clean();
    t_require_eq(munmap(at, 8 * T_PAGE), 0);
}

/** A process of its own that has not read its settings yet. */
static void strict(void *arg)
{
    char *at = t_pages_map(8);
    rsm_localmemory_handle_t handle = untouched;

    (void)arg;
    t_require_eq(setenv("RSM_STRICT_MEMLOCK", "1", 1), 0);
    fake_begin();
    t_note("strict");
    (void)t_pages_map_file(at + 3 * T_PAGE, 2, 1, PROT_READ, MAP_SHARED);
    t_expect_code(rsm_create_localmemory_handle(fake_ctl, &handle, at, 8 * T_PAGE),
                  RSMERR_INSUFFICIENT_MEM);
    t_expect_eq(handle, untouched);
    t_expect_eq(t_pages_locked_in_all(), 0);
    handle = keep(at, 4 * T_PAGE);
    t_expect_eq(t_pages_count_locked(at, 8), 4);
    let_go(handle);
    t_expect_eq(t_pages_locked_in_all(), 0);
    (void)fake_finish();
}

/** Can this process lock pages? */
static bool can_lock(void)
{
    char *at = t_pages_map(16);
    bool can = t_pages_lock(at, 16);

    t_require_eq(munmap(at, 16 * T_PAGE), 0);
    return can;
}

int main(void)
{
    bool locks = can_lock();
    rsmapi_controller_handle_t second = NULL;
    char name[] = "mpi1";

    (void)unsetenv("RSM_STRICT_MEMLOCK");
    if (locks) {
        t_expect(fake_in_child(strict, NULL));
    }
    t_require_ok(rsm_get_controller(name, &second)); /* its object belongs to the start */
    t_require_ok(rsm_release_controller(second));
    fake_begin();
    memory = fake_pages(2);
    mine = fake_pages(2);
    order();
    use();
    free_waits();
    storm();
    if (locks) {
        pages();
    } else {
        t_print("RLIMIT_MEMLOCK lets no pages be locked: that is not tried");
    }
    fake_pages_free(mine, 2);
    fake_pages_free(memory, 2);
    return fake_finish();
}
