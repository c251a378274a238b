/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the calls whose instructions count.sh counts: transfers and signals of a process to
 * itself, on the controller "loopback". Nothing stands below the core there, so that a count is the
 * price of the core's checks and bookkeeping, and of a copy of 8 or 64 bytes.
 *
 *   count CALLS
 *
 * Each count_*() below is a row of the table. The script counts what these functions call, not
 * themselves, from count_begin() on: by then each has run once, so that nothing happens for the
 * first time.
 *
 * Knows the public RSMAPI; must not know the core's objects, nor who counts.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rsmapi.h>

#include "t.h"

#define ID 0x400070U
#define PAGE ((size_t)4096)
#define PIECES 16U
#define PIECE_BYTES ((size_t)64)
#define STRIDE (2 * PIECE_BYTES) /* apart, so that no two pieces are one */

static rsm_memseg_export_handle_t seg;
static rsm_memseg_import_handle_t imp;
static rsmapi_barrier_t barrier;
static char *segment;
static char *local;

/* What vectors are made of, on pages of its own: see pages(). */
static struct requests {
    rsm_iovec_t by_address[PIECES];
    rsm_iovec_t by_handle[PIECES];
    rsm_iovec_t one;
    rsm_scat_gath_t addresses;
    rsm_scat_gath_t handles;
    rsm_scat_gath_t single;
} * requests;

static unsigned long failed; /* calls */

static void note(int code)
{
    failed += code != RSM_SUCCESS;
}

/* ---- The rows ----------------------------------------------------------------------------- */

static void count_put_8(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_put(imp, 0, local, 8));
    }
}

static void count_get_8(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_get(imp, 0, local, 8));
    }
}

static void count_put64_1(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_put64(imp, 0, (uint64_t *)(void *)local, 1));
    }
}

static void count_get64_1(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_get64(imp, 0, (uint64_t *)(void *)local, 1));
    }
}

static void count_putv_16x64(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_putv(&requests->addresses));
    }
}

static void count_putv_16x64_handles(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_putv(&requests->handles));
    }
}

static void count_getv_16x64(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_getv(&requests->addresses));
    }
}

static void count_getv_16x64_handles(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_getv(&requests->handles));
    }
}

/* Opened, one piece, closed: the shortest span of the explicit mode. */
static void count_explicit_putv_1x8(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_memseg_import_open_barrier(&barrier));
        note(rsm_memseg_import_putv(&requests->single));
        note(rsm_memseg_import_close_barrier(&barrier));
    }
}

static void count_post_and_take(unsigned long calls)
{
    while (calls-- > 0) {
        note(rsm_intr_signal_post(imp, 0));
        note(rsm_intr_signal_wait(seg, 0));
    }
}

#define IMPLICIT RSM_BARRIER_MODE_IMPLICIT
#define EXPLICIT RSM_BARRIER_MODE_EXPLICIT

static const struct row {
    void (*run)(unsigned long calls);
    rsm_barrier_mode_t mode;
    bool get;
    size_t pieces; /* what has to arrive, STRIDE apart */
    size_t bytes;
} rows[] = {
    /* clang-format off */
    {count_put_8,              IMPLICIT, false, 1,      8},
    {count_get_8,              IMPLICIT, true,  1,      8},
    {count_put64_1,            IMPLICIT, false, 1,      8},
    {count_get64_1,            IMPLICIT, true,  1,      8},
    {count_putv_16x64,         IMPLICIT, false, PIECES, PIECE_BYTES},
    {count_putv_16x64_handles, IMPLICIT, false, PIECES, PIECE_BYTES},
    {count_getv_16x64,         IMPLICIT, true,  PIECES, PIECE_BYTES},
    {count_getv_16x64_handles, IMPLICIT, true,  PIECES, PIECE_BYTES},
    {count_explicit_putv_1x8,  EXPLICIT, false, 1,      8},
    {count_post_and_take,      IMPLICIT, false, 0,      0},
    /* clang-format on */
};
#define ROWS (sizeof rows / sizeof rows[0])

/* ---- Around them -------------------------------------------------------------------------- */

/* From here on it counts. */
__attribute__((noinline)) static void count_begin(void)
{
    __asm__ volatile("");
}

/* One call moves what its name says, and nothing beside it. */
static void prove(const struct row *row, t_rand_t *random)
{
    char *from = row->get ? segment : local;
    char *to = row->get ? local : segment;

    t_rand_fill(random, from, PAGE);
    memset(to, 0, PAGE);
    row->run(1);
    for (size_t i = 0; i < row->pieces; i++) {
        t_expect_mem(from + i * STRIDE, to + i * STRIDE, row->bytes);
        t_expect_eq(to[i * STRIDE + row->bytes], 0);
    }
}

/* Zeroed pages between two that cannot be touched. So the kernel's list shows them as one mapping,
 * whatever lies around them, and the core's memory of mappings is the same in every run. */
static void *pages(void)
{
    char *at = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(at != MAP_FAILED);
    t_require(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    return at + PAGE;
}

static rsm_scat_gath_t request_of(rsm_iovec_t *entries, unsigned long count)
{
    rsm_scat_gath_t request = {0};

    request.io_request_count = count;
    request.remote_handle = imp;
    request.iovec = entries;
    return request;
}

static void describe(rsm_localmemory_handle_t handle)
{
    _Static_assert(sizeof *requests <= PAGE, "one page has to do");
    requests = pages();
    for (unsigned i = 0; i < PIECES; i++) {
        rsm_iovec_t entry = {0};

        entry.local_offset = i * STRIDE;
        entry.remote_offset = i * STRIDE;
        entry.transfer_length = PIECE_BYTES;
        entry.io_type = RSM_VA_TYPE;
        entry.local.vaddr = local;
        requests->by_address[i] = entry;
        entry.io_type = RSM_HANDLE_TYPE;
        entry.local.handle = handle;
        requests->by_handle[i] = entry;
    }
    requests->one = requests->by_address[0];
    requests->one.transfer_length = 8;
    requests->addresses = request_of(requests->by_address, PIECES);
    requests->handles = request_of(requests->by_handle, PIECES);
    requests->single = request_of(&requests->one, 1);
}

int main(int argc, char **argv)
{
    char name[] = "loopback";
    rsmapi_controller_handle_t ctl = NULL;
    rsm_localmemory_handle_t handle = NULL;
    rsm_memseg_id_t id = ID;
    unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    t_rand_t random;

    t_watchdog(50); /* and a second thread, as every process has that talks to others */
    t_rand_init(&random, 1, 0);
    segment = pages();
    local = pages();
    t_require_ok(rsm_get_controller(name, &ctl));
    t_require_ok(rsm_memseg_export_create(ctl, &seg, segment, PAGE, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_require_ok(rsm_memseg_import_connect(ctl, 0, id, RSM_PERM_RDWR, &imp));
    t_require_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_require_ok(rsm_create_localmemory_handle(ctl, &handle, local, PAGE));
    describe(handle);

    for (size_t i = 0; i < ROWS; i++) {
        t_expect_ok(rsm_memseg_import_set_mode(imp, rows[i].mode));
        prove(&rows[i], &random);
    }
    count_begin();
    for (size_t i = 0; i < ROWS; i++) {
        t_expect_ok(rsm_memseg_import_set_mode(imp, rows[i].mode));
        rows[i].run(calls);
    }
    t_expect_eq(failed, 0);

    t_expect_ok(rsm_free_localmemory_handle(ctl, handle));
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_ok(rsm_release_controller(ctl));
    return t_finish();
}
