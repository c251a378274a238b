/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: put, get and their sized forms, all ten from one table, on a connection of the glue
 * and on one to oneself: the order of the checks, the edges of the range, rights, modes, what is
 * flushed when, failures, a cut in the middle of a transfer, local memory that cannot be touched.
 * Proves: 13 as include/rsmapi.h completes it, 16.9, 18.2, 19.4; statements 25 to 29, and 53 for
 * put and get; design 2 "Vectors" (bad local memory, put and get too) and "Cut".
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x400200U
#define SIZE ((long)FAKE_PAGE)
#define WIDEST 8

typedef int call_t(rsm_memseg_import_handle_t imp, off_t offset, void *data, unsigned long items);

#define WRAP(name)                                                                                 \
    static int call_##name(rsm_memseg_import_handle_t imp, off_t offset, void *data,               \
                           unsigned long items)                                                    \
    {                                                                                              \
        return rsm_memseg_import_##name(imp, offset, data, items);                                 \
    }
WRAP(put)
WRAP(put8)
WRAP(put16)
WRAP(put32)
WRAP(put64)
WRAP(get)
WRAP(get8)
WRAP(get16)
WRAP(get32)
WRAP(get64)

typedef struct function {
    const char *name;
    call_t *call;
    bool is_put;
    int width;
} function_t;

static const function_t functions[] = {
    {"put", call_put, true, 1},      {"put8", call_put8, true, 1},
    {"put16", call_put16, true, 2},  {"put32", call_put32, true, 4},
    {"put64", call_put64, true, 8},  {"get", call_get, false, 1},
    {"get8", call_get8, false, 1},   {"get16", call_get16, false, 2},
    {"get32", call_get32, false, 4}, {"get64", call_get64, false, 8},
};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

static char *memory; /* the segment: one page */
static char *mine;   /* local: one page between two that cannot be touched */
static rsm_memseg_export_handle_t seg;
static rsm_node_id_t node;
static const function_t *f; /* the one under test */

static rsm_permission_t right_of(const function_t *function)
{
    return function->is_put ? RSM_PERM_WRITE : RSM_PERM_READ;
}

static void set_mode(rsm_memseg_import_handle_t imp, bool implicit)
{
    t_require_ok(rsm_memseg_import_set_mode(imp, implicit ? RSM_BARRIER_MODE_IMPLICIT
                                                          : RSM_BARRIER_MODE_EXPLICIT));
}

static rsm_memseg_import_handle_t import(rsm_permission_t perm, bool implicit)
{
    rsm_memseg_import_handle_t imp = fake_import(node, ID, perm);

    set_mode(imp, implicit);
    return imp;
}

/** Both sides different, everywhere. */
static void refill(void)
{
    for (long i = 0; i < SIZE; i++) {
        memory[i] = (char)(i * 7 + 1);
        mine[i] = (char)(i * 13 + 5);
    }
}

/** Nothing has moved since refill(). */
static void expect_unmoved(void)
{
    for (long i = 0; i < SIZE; i++) {
        if (memory[i] != (char)(i * 7 + 1) || mine[i] != (char)(i * 13 + 5)) {
            t_fail("%s: byte %ld has changed", f->name, i);
            return;
        }
    }
}

/* ---- The order of the checks ------------------------------------------------------------- */

/** Every mistake from step k on is made at once; the code is that of step k. */
static void order(bool implicit)
{
    char *bad = mine - FAKE_PAGE; /* cannot be touched; aligned */
    char *odd = bad + 1;
    off_t outside = SIZE + 8;
    rsm_memseg_import_handle_t released = import(RSM_PERM_NONE, implicit);
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    rsm_memseg_id_t id = ID;
    char name[] = "mpi0";

    t_note("order of checks: %s, node %u, implicit %d", f->name, node, implicit);
    refill();
    fake_log_clear();
    t_require_ok(rsm_release_controller(fake_ctl));
    t_require_ok(rsm_get_controller(name, &fake_ctl)); /* a new handle: the old one stays dead */
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(f->call(NULL, outside + 1, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(f->call(released, outside + 1, NULL, 1), RSMERR_BAD_ADDR);
    t_expect_code(f->call(released, outside + 1, NULL, 0), RSMERR_BAD_ADDR);
    if (f->width > 1) {
        t_expect_code(f->call(released, outside, odd, 1), RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(f->call(released, outside + 1, bad, 1), RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(f->call(released, outside, odd, 0), RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(f->call(released, -1, bad, 0), RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(f->call(released, outside, bad + f->width / 2, 1), RSMERR_BAD_MEM_ALIGNMENT);
        t_expect_code(f->call(released, f->width / 2, bad, 1), RSMERR_BAD_MEM_ALIGNMENT);
    } else {
        t_expect_code(f->call(released, outside + 1, odd, 1), RSMERR_BAD_CTLR_HNDL);
    }
    t_expect_code(f->call(released, outside, bad, 1), RSMERR_BAD_CTLR_HNDL);
    t_expect_ok(rsm_memseg_import_disconnect(released));
    t_expect_code(f->call(released, outside + 1, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(f->call((rsm_memseg_import_handle_t)(void *)seg, outside, bad, 1),
                  RSMERR_BAD_SEG_HNDL);
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));

    imp = import(RSM_PERM_NONE, implicit);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(f->call(imp, outside, bad, 1), RSMERR_CONN_ABORTED);
    t_expect_code(f->call(imp, 0, mine, 0), RSMERR_CONN_ABORTED); /* zero passes the same tests */
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));

    imp = import(RSM_PERM_RDWR ^ right_of(f), implicit);
    t_expect_code(f->call(imp, outside, bad, 1), RSMERR_PERM_DENIED);
    t_expect_code(f->call(imp, 0, mine, 0), RSMERR_PERM_DENIED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));

    imp = import(right_of(f), implicit);
    t_expect_code(f->call(imp, outside, bad, 1), RSMERR_BAD_OFFSET);
    t_expect_code(f->call(imp, outside, bad, 0), RSMERR_BAD_OFFSET);
    t_expect_code(f->call(imp, 0, bad, 1),
                  implicit ? RSMERR_BARRIER_UNINITIALIZED : RSMERR_BAD_ADDR);
    t_expect_code(f->call(imp, 0, mine, 0), implicit ? RSMERR_BARRIER_UNINITIALIZED : RSM_SUCCESS);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    fake_fail(FAKE_GET, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(f->call(imp, 0, bad, 1), RSMERR_BAD_ADDR);
    t_expect_ok(f->call(imp, 0, bad, 0));
    t_expect_str(fake_log(), "");
    if (node != 0) {
        t_expect_code(f->call(imp, 0, mine, 1), implicit ? RSMERR_BARRIER_FAILURE : RSM_SUCCESS);
    }
    t_expect(fake_fail_pending()); /* of the other direction */
    expect_unmoved();
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

/* ---- The range --------------------------------------------------------------------------- */

static void range_row(rsm_memseg_import_handle_t imp, off_t offset, unsigned long items, bool good)
{
    t_note("range: %s, node %u, offset %lld, %lu items", f->name, node, (long long)offset, items);
    refill();
    fake_log_clear();
    t_expect_code(f->call(imp, offset, mine, items), good ? RSM_SUCCESS : RSMERR_BAD_OFFSET);
    if (!good || items == 0) {
        expect_unmoved();
        t_expect_str(fake_log(), "");
        return;
    }
    t_expect_mem(memory + offset, mine, items * (unsigned long)f->width);
    if (f->is_put) { /* what lies beside stays */
        memcpy(mine, memory + offset, items * (unsigned long)f->width);
        for (off_t i = 0; i < SIZE; i++) {
            if (i < offset || i >= offset + (off_t)items * f->width) {
                t_expect_eq(memory[i], (char)(i * 7 + 1));
            }
        }
    } else {
        for (off_t i = (off_t)items * f->width; i < SIZE; i++) {
            t_expect_eq(mine[i], (char)(i * 13 + 5));
        }
    }
}

static void range(bool implicit)
{
    rsm_memseg_import_handle_t imp = import(right_of(f), implicit);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    long w = f->width;
    unsigned long whole = (unsigned long)(SIZE / w);
    unsigned long over = ULONG_MAX / (unsigned long)w; /* over * w still fits */

    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    range_row(imp, 0, whole, true);
    range_row(imp, 0, 1, true);
    range_row(imp, w, whole - 1, true);
    range_row(imp, SIZE - w, 1, true); /* the last item */
    range_row(imp, SIZE / 2, whole / 2, true);
    range_row(imp, 0, 0, true);
    range_row(imp, SIZE, 0, true);
    range_row(imp, SIZE + w, 0, false);
    range_row(imp, SIZE, 1, false);
    range_row(imp, SIZE - w, 2, false); /* one further */
    range_row(imp, 0, whole + 1, false);
    range_row(imp, w, whole, false);
    range_row(imp, -w, 0, false);
    range_row(imp, -w, 1, false);
    range_row(imp, -SIZE, whole, false);
    range_row(imp, INT64_MIN, 0, false);
    range_row(imp, INT64_MIN, 1, false);
    range_row(imp, INT64_MAX - (w - 1), 0, false);
    range_row(imp, INT64_MAX - (w - 1), 1, false);
    range_row(imp, 0, over, false);
    range_row(imp, w, over, false);
    range_row(imp, SIZE, over, false);
    if (w > 1) { /* products that do not fit, and seem small */
        range_row(imp, 0, over + 1, false);
        range_row(imp, 0, over + 2, false);
        range_row(imp, SIZE, over + 1, false);
        range_row(imp, 0, ULONG_MAX, false);
    } else { /* any offset, any address */
        refill();
        t_expect_ok(f->call(imp, 4, mine + 3, 9));
        t_expect_mem(memory + 4, mine + 3, 9);
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

/* ---- Modes and flushes ------------------------------------------------------------------- */

static const char *log_of(const char *of_put, const char *of_get)
{
    return node == 0 ? "" : f->is_put ? of_put : of_get;
}

static void modes(void)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, true);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char before[WIDEST];

    t_note("modes: %s, node %u", f->name, node);
    refill();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    fake_log_clear();
    t_expect_ok(f->call(imp, 8, mine, 1));
    t_expect_str(fake_log(), log_of("PF", "GF"));

    t_note("implicit while the same barrier is open: %s, node %u", f->name, node);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(f->call(imp, 8, mine, 1));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier)); /* 16.9: spans apart */
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), log_of("PFPF", "GFGF"));

    t_note("explicit: %s, node %u", f->name, node);
    set_mode(imp, false);
    refill();
    fake_log_clear();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(f->call(imp, 8, mine, 1));
    if (f->is_put) { /* the source is the program's at return */
        memcpy(before, mine, sizeof before);
        memset(mine, 'x', sizeof before);
    } else { /* and so is what was read */
        memcpy(before, mine, sizeof before);
        t_expect_mem(before, memory + 8, (size_t)f->width);
    }
    t_expect_ok(f->call(imp, 8, mine, 0));
    t_expect_str(fake_log(), log_of("PL", "GF"));
    t_expect_ok(f->call(imp, 16, mine, 1));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), log_of("PLPLF", "GFGF")); /* a get leaves nothing to flush */
    t_expect_mem(memory + 8, before, (size_t)f->width);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), log_of("PLPLF", "GFGF"));

    t_note("explicit, order: %s, node %u", f->name, node);
    fake_log_clear();
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(f->call(imp, 0, mine, 1));
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_ok(f->call(imp, 0, mine, 1));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_str(fake_log(), log_of("PLFPLF", "GFGF"));

    t_note("explicit without any barrier: %s, node %u", f->name, node);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    refill();
    t_expect_ok(f->call(imp, 24, mine, 1));
    set_mode(imp, true);
    t_expect_code(f->call(imp, 32, mine, 1), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_mem(memory + 24, mine, (size_t)f->width);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

/* ---- Failures ---------------------------------------------------------------------------- */

/** The glue fails in `where`. */
static void failure(fake_call_t where, int code, bool implicit)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, implicit);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};

    t_note("failure: %s, call %d, %s, implicit %d", f->name, (int)where, t_code_name(code),
           implicit);
    refill();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_fail(where, 1, code);
    t_expect_code(f->call(imp, 0, mine, 1), implicit ? code : RSM_SUCCESS);
    t_expect(!fake_fail_pending());
    t_expect_ok(f->call(imp, 0, mine, 0));
    /* 16.1: whatever came through the handle is covered. */
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier)); /* a retry can succeed */
    t_expect_ok(f->call(imp, 0, mine, 1));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_mem(memory, mine, (size_t)f->width);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

static void failures(void)
{
    fake_call_t move = f->is_put ? FAKE_PUT : FAKE_GET;

    failure(move, RSMERR_BARRIER_FAILURE, true);
    failure(FAKE_FLUSH, RSMERR_BARRIER_FAILURE, true);
    failure(move, RSMERR_CONN_ABORTED, true);
    failure(FAKE_FLUSH, RSMERR_CONN_ABORTED, true);
    failure(move, RSMERR_BARRIER_FAILURE, false);
    failure(f->is_put ? FAKE_FLUSH_LOCAL : FAKE_FLUSH, RSMERR_BARRIER_FAILURE, false);
}

/** The flush that the barrier makes fails. */
static void failure_at_close(void)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, false);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};

    f = &functions[0];
    t_note("failure of the flush at close");
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(f->call(imp, 0, mine, 1));
    fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    t_expect(!fake_fail_pending());
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

static void *withdraw(void *arg)
{
    (void)arg;
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    return NULL;
}

static pthread_t withdrawer;

/** In the transfer: begin a cut, and wait until it has reached the gate. */
static void cut_now(void *arg)
{
    rsmi_gate_t *gate = rsmi_handle_gate(rsmi_handle_from_ptr(arg));

    t_require_eq(pthread_create(&withdrawer, NULL, withdraw, NULL), 0);
    while (!rsmi_gate_is_cut(gate)) {
        fake_ms(1);
    }
}

/** Step 11: the cut replaces the result, success and failure alike. */
static void cut_in_the_middle(bool implicit, bool fails)
{
    fake_call_t move = f->is_put ? FAKE_PUT : FAKE_GET;
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, implicit);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    rsm_memseg_id_t id = ID;

    t_note("a cut in the middle: %s, implicit %d, fails %d", f->name, implicit, fails);
    refill();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_hook(move, cut_now, imp);
    if (fails) {
        fake_fail(move, 1, RSMERR_BARRIER_FAILURE);
    }
    t_expect_code(f->call(imp, 0, mine, 1), implicit ? RSMERR_CONN_ABORTED : RSM_SUCCESS);
    fake_hook(move, NULL, NULL);
    (void)pthread_join(withdrawer, NULL);
    if (fails) {
        expect_unmoved();
    }
    memset(memory, 'e', FAKE_PAGE); /* the exporter's alone */
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_CONN_ABORTED);
    t_expect_code(f->call(imp, 0, mine, 1), RSMERR_CONN_ABORTED);
    t_expect_eq(memory[0], 'e');
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
}

/* ---- Local memory ------------------------------------------------------------------------ */

static void local_memory(bool implicit)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, implicit);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char *end = mine + SIZE;
    char *other;

    t_note("local memory: %s, node %u, implicit %d", f->name, node, implicit);
    refill();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_log_clear();
    t_expect_code(f->call(imp, 0, end, 1), RSMERR_BAD_ADDR);
    t_expect_code(f->call(imp, 0, end - f->width, 2), RSMERR_BAD_ADDR);
    t_expect_code(f->call(imp, 0, mine - f->width, 2), RSMERR_BAD_ADDR);
    t_expect_code(f->call(imp, 0, (void *)(uintptr_t)4096, 1), RSMERR_BAD_ADDR);
    /* Around the end of the address space. */
    t_expect_code(f->call(imp, 0, (void *)(UINTPTR_MAX - 7), 8), RSMERR_BAD_ADDR);
    expect_unmoved();
    t_expect_str(fake_log(), "");
    t_expect_ok(f->call(imp, 0, end, 0));
    t_expect_ok(f->call(imp, 8, end - f->width, 1));

    other = mmap(NULL, FAKE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    t_require(other != MAP_FAILED);
    t_expect_code(f->call(imp, 0, other, 1), f->is_put ? RSM_SUCCESS : RSMERR_BAD_ADDR);
    t_require_eq(munmap(other, FAKE_PAGE), 0);
    /* A caller's mistake is no failure of a transfer. */
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

/* ---- Rights, processes ------------------------------------------------------------------- */

static void rights(void)
{
    static const rsm_permission_t perms[] = {RSM_PERM_NONE, RSM_PERM_READ, RSM_PERM_WRITE,
                                             RSM_PERM_RDWR};

    for (unsigned i = 0; i < 4; i++) {
        for (unsigned implicit = 0; implicit < 2; implicit++) {
            rsm_memseg_import_handle_t imp = import(perms[i], implicit == 1);
            rsmapi_barrier_t barrier = {NULL, 0, NULL};
            bool good = (perms[i] & right_of(f)) != 0;

            t_note("rights: %s, %o", f->name, perms[i]);
            refill();
            t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
            t_expect_code(f->call(imp, 0, mine, 4), good ? RSM_SUCCESS : RSMERR_PERM_DENIED);
            if (!good) {
                expect_unmoved();
            }
            t_expect_ok(rsm_memseg_import_disconnect(imp));
        }
    }
}

static void child(void *arg)
{
    t_expect_code(f->call(arg, 0, mine, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(f->call(arg, 1, NULL, 1), RSMERR_BAD_SEG_HNDL);
}

static void forked(void)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, true);

    t_note("a forked child: %s", f->name);
    t_expect(fake_in_child(child, imp));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

/** An event behind a put finds the data in place (statement 30). */
static void with_event(void)
{
    rsm_memseg_import_handle_t imp = import(RSM_PERM_RDWR, true);
    rsmapi_barrier_t barrier = {NULL, 0, NULL};

    t_note("put, then post, node %u", node);
    refill();
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_put(imp, 1, mine, 100));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, 1000));
    t_expect_mem(memory + 1, mine, 100);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    mine = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    for (node = 0; node < 2; node++) {
        with_event();
        for (f = functions; f < functions + FUNCTIONS; f++) {
            for (unsigned implicit = 0; implicit < 2; implicit++) {
                order(implicit == 1);
                range(implicit == 1);
                local_memory(implicit == 1);
            }
            modes();
            rights();
            forked();
        }
    }
    node = 1; /* where the glue can be made to fail, and to wait */
    for (f = functions; f < functions + FUNCTIONS; f++) {
        failures();
        for (unsigned i = 0; i < 4; i++) {
            cut_in_the_middle((i & 1) == 0, (i & 2) != 0);
        }
    }
    failure_at_close();
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 1);
    return fake_finish();
}
