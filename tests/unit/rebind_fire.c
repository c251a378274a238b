/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: many rebinds while importers fire from several threads, over the glue and on
 * connections to oneself, with put, get and vectors, in both modes, on one handle and on fresh
 * ones. The old memory is taken away at the moment rebind returns.
 * Proves: 10.7 ("accesses that overlap the rebind are harmless", "Portable"): no transfer faults or
 * fails, every put is in exactly one memory, no get reads one that was given back; the same of
 * barriers (19).
 *
 * How a lost or doubled byte is seen: thread t puts its numbers 1, 2, 3 … into cells of its own,
 * number n into cell n modulo CELLS, and fewer than half of the cells per rebind, so that none
 * is overwritten in one memory. The exporter looks through each memory when it has it back, and
 * counts every number it finds.
 */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_glue.h"
#include "t.h"

#define ID 0x400240U
#define SHOOTERS 4U
#define CELLS 512U
#define ROUNDS 400U
#define NUMBERS (CELLS / 2 * (ROUNDS + 2))
#define HEAD 8U /* the round whose memory it is */
#define SIZE (5U * FAKE_PAGE)
#define KEEP 4U /* memories that stay, untouchable, before they are unmapped */

static rsm_memseg_export_handle_t seg;
static rsm_memseg_import_handle_t shared;
static atomic_uint rounds_begun; /* rebinds that were called */
static atomic_uint rounds_done;  /* and have returned */
static atomic_bool stop;
static unsigned char found[SHOOTERS][NUMBERS];
static unsigned fired[SHOOTERS]; /* each thread's last number; all before were put */

static size_t place_of(unsigned shooter, unsigned number)
{
    return HEAD + ((size_t)shooter * CELLS + number % CELLS) * sizeof(uint64_t);
}

/** One number, into its cell. */
static void shoot(unsigned me, unsigned number, rsm_memseg_import_handle_t imp,
                  rsmapi_barrier_t *barrier)
{
    uint64_t value = number;
    off_t at = (off_t)place_of(me, number);
    rsm_iovec_t entry = fake_va(&value, 0, (size_t)at, sizeof value);

    switch (me) {
    case 0: /* the glue, implicit */
    case 1: /* oneself, implicit */
        t_expect_ok(rsm_memseg_import_put64(imp, at, &value, 1));
        break;
    case 2: /* the glue, explicit vectors; the source stays until the barrier closes */
        t_expect_ok(rsm_memseg_import_open_barrier(barrier));
        t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
        t_expect_ok(rsm_memseg_import_close_barrier(barrier));
        break;
    default: /* the handle of thread 0 */
        t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
        break;
    }
}

/** What is read is of a memory that was not given back when the call began. */
static void look(rsm_memseg_import_handle_t imp)
{
    unsigned low = atomic_load(&rounds_done);
    uint64_t round = UINT64_MAX;
    uint64_t high;

    t_expect_ok(rsm_memseg_import_get64(imp, 0, &round, 1));
    high = atomic_load(&rounds_begun);
    if (round < low || round > high) {
        t_fail("read memory %lu, when it was between %u and %lu", (unsigned long)round, low,
               (unsigned long)high);
    }
}

static void *shooter(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    rsm_memseg_import_handle_t imp = me == 3 ? shared : NULL;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    unsigned number = 0;
    unsigned round = UINT_MAX;
    unsigned most = 0;

    while (!atomic_load(&stop)) {
        unsigned now = atomic_load(&rounds_done);

        if (now != round) {
            round = now;
            most = number + CELLS / 2 - 2; /* one more may be under way from an earlier round */
        }
        if (number == most) {
            (void)sched_yield();
            continue;
        }
        if (imp == NULL) { /* a fresh one, from time to time */
            imp = me == 0 ? shared : fake_import(me == 1 ? 0 : 1, ID, RSM_PERM_RDWR);
            if (me != 0) {
                memset(&barrier, 0, sizeof barrier);
                t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
            }
            if (me == 2) {
                t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
            }
        }
        shoot(me, ++number, imp, &barrier);
        if (number % 8 == 0) {
            look(imp);
        }
        if (number % 64 == 0 && (me == 1 || me == 2)) {
            t_expect_ok(rsm_memseg_import_disconnect(imp));
            imp = NULL;
        }
    }
    if (imp != NULL && imp != shared) {
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
    fired[me] = number;
    return NULL;
}

/** In the glue, from time to time: stay inside long enough for a rebind to find us there. */
static void dwell(void *arg)
{
    static atomic_uint calls;

    (void)arg;
    if (atomic_fetch_add(&calls, 1) % 128 == 0) {
        fake_ms(1);
    }
}

static char *fresh_memory(unsigned round)
{
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t head = round;

    t_require(memory != MAP_FAILED);
    memcpy(memory, &head, sizeof head);
    return memory;
}

/** The memory is ours again: count what is in it. */
static void collect(const char *memory)
{
    for (unsigned who = 0; who < SHOOTERS; who++) {
        for (unsigned cell = 0; cell < CELLS; cell++) {
            uint64_t value;

            memcpy(&value, memory + place_of(who, cell), sizeof value);
            if (value >= NUMBERS || (value != 0 && value % CELLS != cell)) {
                t_fail("shooter %u: %lu in cell %u", who, (unsigned long)value, cell);
            } else if (value != 0) {
                found[who][value]++;
            }
        }
    }
}

static void verdict(void)
{
    unsigned long all = 0;
    unsigned bad = 0;

    for (unsigned who = 0; who < SHOOTERS; who++) {
        all += fired[who];
        for (unsigned number = 1; number < NUMBERS; number++) {
            bad += found[who][number] != (number <= fired[who] ? 1 : 0);
        }
        t_expect(fired[who] > ROUNDS);
    }
    t_expect_eq(bad, 0);
    t_print("%lu puts over %u rebinds", all, ROUNDS);
}

int main(void)
{
    pthread_t threads[SHOOTERS];
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char *given_back[KEEP] = {NULL};
    rsm_memseg_id_t id = ID;
    char *memory;

    fake_begin();
    t_require(place_of(SHOOTERS - 1, CELLS - 1) + sizeof(uint64_t) <= SIZE);
    memory = fresh_memory(0);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, SIZE, RSM_ALLOW_REBIND));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    shared = fake_import(1, ID, RSM_PERM_RDWR);
    t_require_ok(rsm_memseg_import_init_barrier(shared, RSM_BAR_DEFAULT, &barrier));
    fake_hook(FAKE_FLUSH, dwell, NULL);
    for (unsigned i = 0; i < SHOOTERS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, shooter, (void *)(uintptr_t)i), 0);
    }
    for (unsigned round = 1; round <= ROUNDS; round++) {
        char *next = fresh_memory(round);
        char **slot = &given_back[round % KEEP];

        t_note("round %u", round);
        fake_set_cut_mode(round % 2 == 0 ? FAKE_CUT_AGENT : FAKE_CUT_AT_ONCE);
        atomic_store(&rounds_begun, round);
        t_expect_ok(rsm_memseg_export_rebind(seg, next, 0, SIZE));
        t_require_eq(mprotect(memory, SIZE, PROT_READ), 0); /* a late put faults here */
        collect(memory);
        t_require_eq(mprotect(memory, SIZE, PROT_NONE), 0); /* and a late get here */
        atomic_store(&rounds_done, round);
        if (*slot != NULL) {
            t_require_eq(munmap(*slot, SIZE), 0);
        }
        *slot = memory;
        memory = next;
        if (round % 8 == 0) {
            fake_ms(1);
        }
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < SHOOTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    collect(memory);
    verdict();
    t_expect_ok(rsm_memseg_import_disconnect(shared));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    for (unsigned i = 0; i < KEEP; i++) {
        t_expect_eq(munmap(given_back[i], SIZE), 0);
    }
    t_expect_eq(munmap(memory, SIZE), 0);
    return fake_finish();
}
