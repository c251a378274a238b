/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: counted locks on pages, checked against what the kernel says after each step, and
 * against a model that counts page by page.
 * Proves: the contract of src/page_lock.h: overlapping ranges in any order, locks of the program's
 * own, refusals that leave nothing locked, mappings that are gone, touching. --steps, --seed.
 * Knows src/page_lock.h and src/alloc.h only.
 */
#include "page_lock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "rsmapi.h"
#include "t.h"
#include "t_pages.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define PAGES 24U

/* ---- The model: one page at a time ------------------------------------------------------- */

typedef struct page {
    unsigned holders;
    bool ours;   /* we locked it; else the program had */
    bool locked; /* in the kernel */
    bool bad;    /* cannot be read in */
} page_t;

static page_t model[PAGES];
static char *memory;     /* PAGES of them */
static size_t elsewhere; /* pages locked by whoever started us */

static void check(void)
{
    bool locked[PAGES];
    size_t sum = 0;
    size_t runs = 0;

    t_pages_locked(memory, PAGES, locked);
    for (unsigned i = 0; i < PAGES; i++) {
        const page_t *page = &model[i];

        if (locked[i] != page->locked) {
            t_fail("page %u: locked %d, expected %d", i, locked[i], page->locked);
        }
        sum += page->locked;
        runs += page->holders > 0 && (i == 0 || model[i - 1].holders != page->holders ||
                                      model[i - 1].ours != page->ours);
    }
    t_expect_eq(t_pages_locked_in_all(), elsewhere + sum); /* nowhere else either */
    t_expect_eq(rsmi_page_lock_ranges(), runs);
    t_expect_eq(rsmi_alloc_live(), runs > 0);
}

static int lock(unsigned first, unsigned pages)
{
    int rc = rsmi_page_lock(memory + first * T_PAGE, pages * T_PAGE);
    bool bad = false;

    for (unsigned i = first; i < first + pages; i++) {
        page_t *page = &model[i];

        /* What is ours and was lost is had again, as far as a call gets. */
        page->locked = page->locked || (page->ours && !bad && rc != RSMERR_INSUFFICIENT_MEM);
        bad = bad || (page->bad && !page->locked);
    }
    for (unsigned i = first; rc == RSM_SUCCESS && i < first + pages; i++) {
        page_t *page = &model[i];

        page->ours = page->ours || !page->locked;
        page->locked = true;
        page->holders++;
    }
    if (rc != RSMERR_INSUFFICIENT_MEM) {
        t_expect_code(rc, bad ? RSMERR_INSUFFICIENT_RESOURCES : RSM_SUCCESS);
    }
    return rc;
}

static void unlock(unsigned first, unsigned pages)
{
    rsmi_alloc_fail_at(1);
    rsmi_page_unlock(memory + first * T_PAGE, pages * T_PAGE);
    t_expect(!rsmi_alloc_failed()); /* it has not even asked */
    rsmi_alloc_fail_at(0);
    for (unsigned i = first; i < first + pages; i++) {
        page_t *page = &model[i];

        page->holders--;
        if (page->holders == 0) {
            page->locked = page->locked && !page->ours;
            page->ours = false;
        }
    }
}

static void program_lock(unsigned first, unsigned pages, bool on)
{
    t_require(on ? t_pages_lock(memory + first * T_PAGE, pages)
                 : t_pages_unlock(memory + first * T_PAGE, pages));
    for (unsigned i = first; i < first + pages; i++) {
        model[i].locked = on;
    }
}

static void begin(const char *what)
{
    t_note("%s", what);
    memset(model, 0, sizeof model);
    memory = t_pages_map(PAGES);
    check();
}

/** Everything has been unlocked by those who locked it. */
static void end(void)
{
    check();
    t_expect_eq(t_pages_count_locked(memory, PAGES), 0);
    t_expect_eq(rsmi_alloc_live(), 0);
    t_require_eq(munmap(memory, PAGES * T_PAGE), 0);
}

/* ---- Overlaps ---------------------------------------------------------------------------- */

typedef struct span {
    unsigned first;
    unsigned pages;
} span_t;

static void every_order(void)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const span_t sets[][3] = {
        {{1, 4}, {3, 4}, {2, 2}},  /* crossing, and one inside both */
        {{1, 4}, {1, 4}, {3, 5}},  /* the same twice */
        {{1, 3}, {4, 3}, {1, 6}},  /* neighbours, and one over both */
        {{0, 1}, {23, 1}, {0, 24}} /* islands, and all */
    };

    for (unsigned s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        for (unsigned i = 0; i < 36; i++) {
            const unsigned *in = orders[i / 6];
            const unsigned *out = orders[i % 6];

            begin("every order");
            t_note("set %u, order %u", s, i);
            for (unsigned k = 0; k < 3; k++) {
                t_require_ok(lock(sets[s][in[k]].first, sets[s][in[k]].pages));
            }
            check();
            t_expect_eq(t_pages_count_present(memory + sets[s][0].first * T_PAGE, 1), 1);
            for (unsigned k = 0; k < 3; k++) {
                unlock(sets[s][out[k]].first, sets[s][out[k]].pages);
                check();
            }
            end();
        }
    }
}

/** Many locks make one range, and their ends come back one by one, without an allocation. */
static void joined(void)
{
    begin("neighbours");
    for (unsigned i = 0; i < PAGES; i++) {
        t_require_ok(lock(i, 1));
    }
    check();
    t_expect_eq(rsmi_page_lock_ranges(), 1);
    for (unsigned i = 0; i < PAGES; i += 2) {
        unlock(i, 1);
        check();
    }
    t_expect_eq(rsmi_page_lock_ranges(), PAGES / 2);
    for (unsigned i = 1; i < PAGES; i += 2) {
        unlock(i, 1);
    }
    end();
}

static void bytes(void)
{
    begin("lengths in bytes are rounded up");
    t_require_ok(rsmi_page_lock(memory + T_PAGE, 1));
    t_expect_eq(t_pages_count_locked(memory, PAGES), 1);
    t_require_ok(rsmi_page_lock(memory + T_PAGE, T_PAGE + 1));
    t_expect_eq(t_pages_count_locked(memory, PAGES), 2);
    rsmi_page_unlock(memory + T_PAGE, T_PAGE + 1);
    t_expect_eq(t_pages_count_locked(memory, PAGES), 1);
    rsmi_page_unlock(memory + T_PAGE, 1);
    end();
}

/* ---- The program's own locks ------------------------------------------------------------- */

static void program_first(void)
{
    begin("the program has locked some of it");
    program_lock(4, 4, true);
    t_require_ok(lock(2, 4)); /* half of it */
    check();
    t_require_ok(lock(3, 10)); /* all of it, and more */
    check();
    unlock(2, 4);
    check();
    unlock(3, 10);
    check();
    t_expect_eq(t_pages_count_locked(memory, PAGES), 4);

    t_require_ok(lock(5, 1)); /* a part */
    check();
    program_lock(4, 4, false); /* the kernel does not count, so this is the end of it */
    check();
    t_require_ok(lock(4, 4)); /* and this makes it ours */
    check();
    unlock(5, 1);
    check();
    unlock(4, 4);
    end();

    begin("the program has locked every other page");
    for (unsigned i = 0; i < PAGES; i += 2) {
        program_lock(i, 1, true);
    }
    t_require_ok(lock(0, PAGES));
    check();
    t_require_ok(lock(3, 7));
    check();
    unlock(0, PAGES);
    check();
    unlock(3, 7);
    check();
    program_lock(0, PAGES, false);
    end();
}

static void on_fault(void)
{
    begin("a lock that waits for the first access");
    if (syscall(SYS_mlock2, memory + 4 * T_PAGE, 2 * T_PAGE, MLOCK_ONFAULT) != 0) {
        t_print("no mlock2() here");
        end();
        return;
    }
    model[4].locked = model[5].locked = true;
    t_expect_eq(t_pages_count_present(memory, PAGES), 0);
    t_require_ok(lock(3, 4));
    t_expect_eq(t_pages_count_present(memory, PAGES), 4);
    check();
    unlock(3, 4);
    check();
    program_lock(4, 2, false);
    end();
}

static void lost(void)
{
    begin("the program takes our lock away");
    t_require_ok(lock(2, 8));
    program_lock(4, 2, false);
    check();
    t_require_ok(lock(3, 2)); /* has to be locked, whatever the list says */
    check();
    t_require_ok(lock(2, 8));
    check();
    unlock(2, 8);
    unlock(2, 8);
    check();
    unlock(3, 2);
    end();
}

static int run_child(void (*body)(void))
{
    int status = 0;
    pid_t pid;
    uint64_t before = t_failures();

    pid = fork();
    t_require(pid >= 0);
    if (pid == 0) {
        (void)alarm(20);
        body();
        _exit(t_failures() == before ? 0 : 1);
    }
    t_require_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void child_future(void)
{
    char *at;

    t_require_eq(syscall(SYS_mlockall, MCL_FUTURE), 0);
    at = t_pages_map(8);
    t_expect_eq(t_pages_count_locked(at, 8), 8);
    t_require_ok(rsmi_page_lock(at + T_PAGE, 4 * T_PAGE));
    rsmi_page_unlock(at + T_PAGE, 4 * T_PAGE);
    t_expect_eq(t_pages_count_locked(at, 8), 8);
}

static void mlockall_first(void)
{
    t_note("mlockall()");
    t_expect_eq(run_child(child_future), 0);
}

/* ---- Refusals ---------------------------------------------------------------------------- */

/** Pages from `at` on, which cannot be read in: of a file, beyond its end. */
static void make_bad(unsigned at, unsigned pages)
{
    (void)t_pages_map_file(memory + at * T_PAGE, pages, 0, PROT_READ | PROT_WRITE, MAP_SHARED);
    for (unsigned i = at; i < at + pages; i++) {
        model[i].bad = true;
    }
}

static void refused(void)
{
    begin("the middle cannot be locked");
    make_bad(10, 2);
    t_expect_code(lock(8, 6), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    t_expect_code(lock(10, 1), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    program_lock(8, 1, true);
    t_require_ok(lock(4, 5));
    t_require_ok(lock(13, 3));
    check();
    t_expect_code(lock(2, 20), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    t_expect_code(lock(9, 5), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    program_lock(8, 1, false); /* under a holder: taken over, and given back */
    t_expect_code(lock(6, 6), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    t_require_ok(lock(8, 2));
    check();
    unlock(8, 2);
    unlock(4, 5);
    unlock(13, 3);
    end();
}

static void holes(void)
{
    begin("a hole");
    t_require_eq(munmap(memory + 10 * T_PAGE, 2 * T_PAGE), 0);
    model[10].bad = model[11].bad = true;
    t_expect_code(lock(8, 6), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    program_lock(8, 1, true);
    t_expect_code(lock(8, 6), RSMERR_INSUFFICIENT_RESOURCES);
    check();
    t_expect_code(lock(8, 4), RSMERR_INSUFFICIENT_RESOURCES); /* at the end */
    check();
    program_lock(8, 1, false);
    end();
}

/* ---- Mappings that are gone -------------------------------------------------------------- */

static void gone(void)
{
    begin("unmapped before it is unlocked");
    t_require_ok(lock(2, 4));
    t_require_eq(munmap(memory + 2 * T_PAGE, 4 * T_PAGE), 0);
    for (unsigned i = 2; i < 6; i++) {
        model[i].locked = false;
    }
    check();
    unlock(2, 4);
    check();

    t_note("the middle is unmapped: the rest is unlocked, on both sides");
    t_require_ok(lock(8, 10));
    t_require_eq(munmap(memory + 10 * T_PAGE, T_PAGE), 0);
    t_require_eq(munmap(memory + 12 * T_PAGE, 3 * T_PAGE), 0);
    model[10].locked = model[12].locked = model[13].locked = model[14].locked = false;
    check();
    unlock(8, 10);
    end();

    begin("something else is mapped there");
    t_require_ok(lock(2, 4));
    t_require(mmap(memory + 3 * T_PAGE, T_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                   -1, 0) == memory + 3 * T_PAGE);
    model[3].locked = false;
    check();
    t_require_ok(lock(3, 1)); /* the new one is locked */
    check();
    unlock(2, 4);
    check();
    unlock(3, 1);
    end();
}

/* ---- Touching ---------------------------------------------------------------------------- */

static void touch(void)
{
    char *at;

    t_note("touch");
    memory = t_pages_map(200);
    t_expect_eq(t_pages_count_present(memory, 200), 0);
    rsmi_page_touch(memory + T_PAGE, T_PAGE + 1);
    t_expect_eq(t_pages_count_present(memory, 200), 2);
    rsmi_page_touch(memory, 200 * T_PAGE);
    t_expect_eq(t_pages_count_present(memory, 200), 200);
    t_expect_eq(t_pages_count_locked(memory, 200), 0);
    t_require_eq(munmap(memory, 200 * T_PAGE), 0);

    t_note("touch what can only be read");
    memory = t_pages_map(4);
    memset(memory, 7, T_PAGE);
    t_require_eq(mprotect(memory, 4 * T_PAGE, PROT_READ), 0);
    rsmi_page_touch(memory, 4 * T_PAGE);
    t_expect_eq(t_pages_count_present(memory, 4), 4);
    t_expect_eq(memory[0], 7);
    t_expect_eq(memory[T_PAGE], 0);
    t_require_eq(munmap(memory, 4 * T_PAGE), 0);

    t_note("touch a file");
    for (unsigned i = 0; i < 4; i++) {
        memory = t_pages_map_file(NULL, 5, 5, i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE,
                                  i < 2 ? MAP_SHARED : MAP_PRIVATE);
        t_expect_eq(t_pages_count_present(memory, 5), 0);
        rsmi_page_touch(memory, 5 * T_PAGE);
        t_expect_eq(t_pages_count_present(memory, 5), 5);
        t_expect_mem(memory + 4 * T_PAGE, "file", 4);
        t_require_eq(munmap(memory, 5 * T_PAGE), 0);
    }

    t_note("touch around pages that cannot be read");
    memory = t_pages_map(200);
    at = memory + 5 * T_PAGE;
    (void)t_pages_map_file(at, 3, 1, PROT_READ, MAP_SHARED);
    t_require_eq(munmap(memory + 100 * T_PAGE, T_PAGE), 0);
    t_require_eq(mprotect(memory + 102 * T_PAGE, T_PAGE, PROT_NONE), 0);
    rsmi_page_touch(memory, 200 * T_PAGE);
    t_expect_eq(t_pages_count_present(memory, 6), 6);
    t_expect_eq(t_pages_count_present(memory + 6 * T_PAGE, 2), 0);
    t_expect_eq(t_pages_count_present(memory + 8 * T_PAGE, 92), 92);
    t_expect_eq(t_pages_count_present(memory + 101 * T_PAGE, 1), 1);
    t_expect_eq(t_pages_count_present(memory + 103 * T_PAGE, 97), 97);
    rsmi_page_touch(memory + 6 * T_PAGE, 2 * T_PAGE); /* nothing else in it */
    rsmi_page_touch(memory + 199 * T_PAGE, 1);
    t_require_eq(munmap(memory, 200 * T_PAGE), 0);
}

/* ---- Failures ---------------------------------------------------------------------------- */

/** Each allocation of a lock fails once; with others held, so that there is something to lose. */
static void fault_walk(void)
{
    unsigned most = 0;

    for (unsigned held = 0; held < 3; held++) {
        begin("fault walk");
        for (unsigned i = 0; i < PAGES; i += 2) {
            program_lock(i, 1, true); /* many ranges */
        }
        for (unsigned i = 0; i < held; i++) {
            t_require_ok(lock(3 + 5 * i, 7));
        }
        check();
        for (unsigned n = 1;; n++) {
            int rc;

            t_note("fault walk, %u held, allocation %u", held, n);
            rsmi_alloc_fail_at(n);
            rc = lock(0, PAGES);
            most = n > most ? n : most;
            if (!rsmi_alloc_failed()) {
                rsmi_alloc_fail_at(0);
                t_expect_ok(rc);
                check();
                unlock(0, PAGES);
                break;
            }
            t_expect_code(rc, RSMERR_INSUFFICIENT_MEM);
            check();
        }
        for (unsigned i = 0; i < held; i++) {
            unlock(3 + 5 * i, 7);
        }
        program_lock(0, PAGES, false);
        end();
    }
    t_expect(most > 3);
}

/* ---- Random ------------------------------------------------------------------------------ */

#define HELD 12U

static void random_steps(uint64_t seed, uint64_t steps)
{
    span_t held[HELD];
    unsigned count = 0;
    unsigned refusals = 0;
    t_rand_t random;

    begin("random");
    t_rand_init(&random, seed, 0);
    make_bad(17, 1);
    t_require_eq(mprotect(memory + 4 * T_PAGE, 2 * T_PAGE, PROT_READ), 0);
    (void)t_pages_map_file(memory + 9 * T_PAGE, 3, 3, PROT_READ, MAP_SHARED);
    for (uint64_t step = 0; step < steps; step++) {
        unsigned first = (unsigned)t_rand_below(&random, PAGES);
        unsigned pages = (unsigned)t_rand_range(&random, 1, PAGES - first);
        unsigned dice = (unsigned)t_rand_below(&random, 10);

        t_note("step %u: dice %u, %u pages at %u", (unsigned)step, dice, pages, first);
        if (dice < 5 && count < HELD) {
            rsmi_alloc_fail_at(dice == 0 ? 1 : 0);
            if (lock(first, pages) == RSM_SUCCESS) {
                held[count++] = (span_t){first, pages};
            } else {
                refusals++;
            }
            rsmi_alloc_fail_at(0);
        } else if (dice < 9 && count > 0) {
            unsigned which = (unsigned)t_rand_below(&random, count);

            unlock(held[which].first, held[which].pages);
            held[which] = held[--count];
        } else if (first > 17 || first + pages <= 17) { /* the program does not lock the bad one */
            program_lock(first, pages, t_rand_below(&random, 2) == 0);
        }
        check();
    }
    t_print("%u refusals", refusals);
    t_expect(refusals > 0);
    while (count > 0) {
        count--;
        unlock(held[count].first, held[count].pages);
    }
    check();
    program_lock(0, 17, false);
    program_lock(18, PAGES - 18, false);
    end();
}

/* ---- Threads ----------------------------------------------------------------------------- */

static void *in_thread(void *arg)
{
    t_rand_t random;

    t_rand_init(&random, 4711, (uint64_t)(uintptr_t)arg);
    for (unsigned i = 0; i < 400; i++) {
        unsigned first = (unsigned)t_rand_below(&random, PAGES);
        unsigned pages = (unsigned)t_rand_range(&random, 1, PAGES - first);
        char *at = memory + first * T_PAGE;

        t_require_ok(rsmi_page_lock(at, pages * T_PAGE));
        if (i % 20 == 0) {
            t_expect_eq(t_pages_count_locked(at, pages), pages);
        }
        rsmi_page_unlock(at, pages * T_PAGE);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[4];

    begin("threads");
    t_require_ok(lock(5, 6));
    for (unsigned i = 0; i < 4; i++) {
        t_require_eq(pthread_create(&thread[i], NULL, in_thread, (void *)(uintptr_t)i), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    check();
    unlock(5, 6);
    end();
}

int main(int argc, char **argv)
{
    uint64_t seed = t_seed(argc, argv);
    uint64_t steps = t_arg_u64(argc, argv, "--steps", 500);

    t_watchdog(120);
    elsewhere = t_pages_locked_in_all();
    memory = t_pages_map(PAGES);
    if (!t_pages_lock(memory, PAGES)) {
        t_skip("this system lets no pages be locked (RLIMIT_MEMLOCK)");
    }
    t_require_eq(munmap(memory, PAGES * T_PAGE), 0);
    t_expect_eq(t_pages_locked_in_all(), elsewhere);
    bytes();
    every_order();
    joined();
    program_first();
    on_fault();
    lost();
    mlockall_first();
    refused();
    holes();
    gone();
    touch();
    fault_walk();
    random_steps(seed, steps);
    threads();
    return t_finish();
}
