/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the gate as an automaton, against a model of five variables, for every sequence of
 * calls up to a length; and threads that enter and leave while somebody cuts.
 * Proves: a stranger (generation, closed) is refused and leaves no trace; a cut either finds nobody
 * inside or is answered for exactly once, by the last that was inside before it, whoever enters
 * later; those see the cut. What 10.5 ("Portable") and 18.4 rest on.
 * Knows src/gate.h only.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "gate.h"
#include "t.h"

#define GENERATION 0xFFFFFFF7U
#define DEPTH 9
#define THREADS 3
#define ROUNDS 600
#define STEPS 60

typedef struct model {
    unsigned inside; /* entered before the cut */
    unsigned late;   /* and after it */
    bool cut;
    bool owed;
} model_t;

static const uint64_t fresh = (uint64_t)GENERATION << 32;

static uint64_t word_of(model_t model)
{
    return fresh | (model.cut ? RSMI_GATE_CUT : 0) | (model.owed ? RSMI_GATE_OWED : 0) |
           (model.late * RSMI_GATE_LATE_ONE + model.inside);
}

/** All continuations of what has happened to `model`. */
static void walk(model_t model, int depth)
{
    rsmi_gate_t gate;
    uint64_t seen = 0;
    model_t next;

    if (depth == 0) {
        return;
    }
    next = model;
    next.inside += model.cut ? 0 : 1;
    next.late += model.cut ? 1 : 0;
    atomic_init(&gate, word_of(model));
    t_expect(rsmi_gate_enter(&gate, GENERATION, &seen));
    t_expect_eq(seen, word_of(model));
    t_expect_eq(atomic_load(&gate), word_of(next));
    t_expect_eq(rsmi_gate_calls(word_of(next)), next.inside + next.late);
    walk(next, depth - 1);

    next = model;
    next.cut = true;
    next.owed = model.owed || model.inside > 0;
    atomic_init(&gate, word_of(model));
    t_expect_eq(rsmi_gate_cut(&gate), model.inside == 0);
    t_expect_eq(atomic_load(&gate), word_of(next));
    t_expect(rsmi_gate_is_cut(&gate));
    walk(next, depth - 1);

    if (model.inside > 0) {
        bool pays = model.owed && model.inside == 1;

        next = model;
        next.owed = model.owed && !pays;
        next.inside -= pays ? 0 : 1;
        atomic_init(&gate, word_of(model));
        t_expect_eq(rsmi_gate_leave(&gate, fresh), pays);
        t_expect_eq(atomic_load(&gate), word_of(next));
        walk(next, depth - 1);
    }
    if (model.late > 0) {
        next = model;
        next.late--;
        atomic_init(&gate, word_of(model));
        t_expect(!rsmi_gate_leave(&gate, fresh | RSMI_GATE_CUT));
        t_expect_eq(atomic_load(&gate), word_of(next));
        walk(next, depth - 1);
    }
}

static void strangers(void)
{
    static const uint32_t others[] = {0, 1, GENERATION - 1, GENERATION + 1, UINT32_MAX};
    rsmi_gate_t gate;
    uint64_t seen = 4711;

    for (unsigned flags = 0; flags < 8; flags++) {
        uint64_t word = fresh | 3 | ((flags & 1) != 0 ? RSMI_GATE_CUT : 0) |
                        ((flags & 2) != 0 ? RSMI_GATE_OWED : 0) |
                        ((flags & 4) != 0 ? RSMI_GATE_CLOSED : 0);

        atomic_init(&gate, word);
        for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
            t_expect(!rsmi_gate_enter(&gate, others[i], &seen));
        }
        t_expect_eq(rsmi_gate_enter(&gate, GENERATION, &seen), (flags & 4) == 0);
        t_expect_eq(atomic_load(&gate), (flags & 4) != 0   ? word
                                        : (flags & 1) != 0 ? word + RSMI_GATE_LATE_ONE
                                                           : word + 1);
        t_expect_eq(seen, (flags & 4) == 0 ? word : 4711);
        t_expect_eq(rsmi_gate_is_cut(&gate), (flags & 1) != 0);
        seen = 4711;
    }
    t_expect_eq(rsmi_gate_generation(fresh), GENERATION);
}

/* ---- Threads ----------------------------------------------------------------------------- */

static rsmi_gate_t shared;
static pthread_barrier_t start;
static pthread_barrier_t end;
static atomic_int before_cut; /* inside, having entered without seeing the cut */
static atomic_int paid;
static atomic_int bad;
static uint64_t seed;

static void pass_once(void)
{
    uint64_t seen;
    bool uncut;

    if (!rsmi_gate_enter(&shared, GENERATION, &seen)) {
        atomic_fetch_add(&bad, 1);
        return;
    }
    uncut = (seen & RSMI_GATE_CUT) == 0;
    if (uncut) {
        atomic_fetch_add(&before_cut, 1);
        atomic_fetch_sub(&before_cut, 1);
    }
    while (rsmi_gate_leave(&shared, seen)) {
        /* Whoever answers answers for all: nobody else who came before the cut is still here. */
        if (atomic_load(&before_cut) != 0) {
            atomic_fetch_add(&bad, 1);
        }
        atomic_fetch_add(&paid, 1);
    }
}

static void *passer(void *arg)
{
    (void)arg;
    for (int round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&start);
        for (int i = 0; i < STEPS; i++) {
            pass_once();
        }
        (void)pthread_barrier_wait(&end);
    }
    return NULL;
}

static void storm(void)
{
    pthread_t threads[THREADS];
    t_rand_t random;
    int owed = 0;

    t_rand_init(&random, seed, 99);
    (void)pthread_barrier_init(&start, NULL, THREADS + 1);
    (void)pthread_barrier_init(&end, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, passer, NULL), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        int cuts = (int)t_rand_below(&random, 3) + 1;
        bool at_once = false;

        atomic_store(&shared, fresh);
        atomic_store(&paid, 0);
        (void)pthread_barrier_wait(&start);
        for (int cut = 0; cut < cuts; cut++) {
            uint64_t delay = t_rand_below(&random, 3000);

            for (volatile uint64_t i = 0; i < delay; i++) {
            }
            if (rsmi_gate_cut(&shared)) {
                at_once = true;
                if (atomic_load(&before_cut) != 0) {
                    atomic_fetch_add(&bad, 1);
                }
            } else {
                owed++;
            }
        }
        (void)pthread_barrier_wait(&end);
        /* Debts merge, and none is left: an answer at once, or at least one by a leaver. */
        t_expect_eq(atomic_load(&shared), fresh | RSMI_GATE_CUT);
        t_expect(at_once || atomic_load(&paid) > 0);
        t_expect(atomic_load(&paid) <= cuts);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(atomic_load(&bad), 0);
    t_print("cuts that found somebody inside: %d", owed);
}

int main(int argc, char **argv)
{
    t_watchdog(30);
    seed = t_seed(argc, argv);
    walk((model_t){0, 0, false, false}, DEPTH);
    strangers();
    storm();
    return t_finish();
}
