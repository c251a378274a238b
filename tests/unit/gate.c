/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the gate as an automaton, against a model of five variables, for every sequence of
 * calls up to a length; threads that enter and leave while somebody cuts; threads that transfer,
 * and see to the way first where need be, while somebody moves the memory.
 * Proves: a stranger (generation, closed) is refused and leaves no trace; a cut or a move either
 * finds nobody inside or is answered for exactly once, by the last that was inside before it,
 * whoever enters later; those see it; a late call counts as inside again only while nothing is cut
 * or moved; memory that a move has answered for is used by nobody. What 10.5, 10.7 ("Portable") and
 * 18.4 rest on.
 * Knows src/gate.h only.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "gate.h"
#include "t.h"

#define GENERATION 0xFFFFFFF7U
#define DEPTH 8
#define THREADS 3
#define ROUNDS 600
#define STEPS 60
#define MOVES 2000U

typedef struct model {
    unsigned inside; /* entered while neither cut nor moved, or promoted */
    unsigned late;   /* and the others */
    bool cut;
    bool owed;
    bool moved;
} model_t;

static const uint64_t fresh = (uint64_t)GENERATION << 32;

static uint64_t word_of(model_t model)
{
    return fresh | (model.cut ? RSMI_GATE_CUT : 0) | (model.owed ? RSMI_GATE_OWED : 0) |
           (model.moved ? RSMI_GATE_MOVED : 0) | (model.late * RSMI_GATE_LATE_ONE + model.inside);
}

static void walk(model_t model, int depth);

/** Somebody finds the new way, and a late call wants to count as inside. */
static void walk_back(model_t model, int depth)
{
    rsmi_gate_t gate;
    uint64_t seen = 4711;
    model_t next = model;

    next.moved = false;
    atomic_init(&gate, word_of(model));
    rsmi_gate_moved(&gate);
    t_expect_eq(atomic_load(&gate), word_of(next));
    walk(next, depth - 1);

    if (model.late > 0) {
        bool may = !model.cut && !model.moved;

        next = model;
        next.late -= may ? 1 : 0;
        next.inside += may ? 1 : 0;
        atomic_init(&gate, word_of(model));
        t_expect_eq(rsmi_gate_promote(&gate, &seen), may);
        t_expect_eq(atomic_load(&gate), word_of(next));
        if (may) {
            t_expect_eq(rsmi_gate_share(seen), 1);
            walk(next, depth - 1);
        } else {
            t_expect_eq(seen, 4711);
        }
    }
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
    next.inside += model.cut || model.moved ? 0 : 1;
    next.late += model.cut || model.moved ? 1 : 0;
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

    next = model;
    next.moved = true;
    next.owed = model.owed || model.inside > 0;
    atomic_init(&gate, word_of(model));
    t_expect_eq(rsmi_gate_move(&gate), model.inside == 0);
    t_expect_eq(atomic_load(&gate), word_of(next));
    t_expect_eq(rsmi_gate_is_cut(&gate), model.cut);
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
        atomic_init(&gate, word_of(model));
        t_expect(!rsmi_gate_leave(&gate, fresh | RSMI_GATE_MOVED));
        t_expect_eq(atomic_load(&gate), word_of(next));
        walk(next, depth - 1);
    }
    walk_back(model, depth);
}

static void strangers(void)
{
    static const uint32_t others[] = {0, 1, GENERATION - 1, GENERATION + 1, UINT32_MAX};
    rsmi_gate_t gate;
    uint64_t seen = 4711;

    for (unsigned flags = 0; flags < 16; flags++) {
        uint64_t word = fresh | 3 | ((flags & 1) != 0 ? RSMI_GATE_CUT : 0) |
                        ((flags & 2) != 0 ? RSMI_GATE_OWED : 0) |
                        ((flags & 4) != 0 ? RSMI_GATE_CLOSED : 0) |
                        ((flags & 8) != 0 ? RSMI_GATE_MOVED : 0);

        atomic_init(&gate, word);
        for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
            t_expect(!rsmi_gate_enter(&gate, others[i], &seen));
        }
        t_expect_eq(rsmi_gate_enter(&gate, GENERATION, &seen), (flags & 4) == 0);
        t_expect_eq(atomic_load(&gate), (flags & 4) != 0   ? word
                                        : (flags & 9) != 0 ? word + RSMI_GATE_LATE_ONE
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

/* ---- Threads that follow a move ---------------------------------------------------------- */

static pthread_mutex_t where_lock = PTHREAD_MUTEX_INITIALIZER; /* the exporter's */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;       /* of the one that renews */
static unsigned newest;                                        /* under where_lock */
static atomic_uint place;           /* where transfers go; written by who renews */
static atomic_uint answered;        /* the newest move that was answered for */
static atomic_int users[MOVES + 1]; /* transfers now, by place */
static atomic_bool given_back[MOVES + 1];
static atomic_bool over;
static atomic_long transfers;
static atomic_long aborted;

/** The move to what is newest now is answered for. A leaver: while it is still inside. */
static void answer_move(void)
{
    (void)pthread_mutex_lock(&where_lock);
    atomic_store(&answered, newest);
    (void)pthread_mutex_unlock(&where_lock);
}

/** As import.c does it. False: cut. */
static bool follow(uint64_t *ticket_p)
{
    while (!rsmi_gate_promote(&shared, ticket_p)) {
        if (rsmi_gate_is_cut(&shared)) {
            return false;
        }
        (void)pthread_mutex_lock(&turn);
        if ((atomic_load(&shared) & RSMI_GATE_MOVED) != 0) {
            while ((atomic_load(&shared) & RSMI_GATE_INSIDE) != 0) {
                (void)sched_yield();
            }
            (void)pthread_mutex_lock(&where_lock);
            atomic_store(&place, newest);
            rsmi_gate_moved(&shared);
            (void)pthread_mutex_unlock(&where_lock);
        }
        (void)pthread_mutex_unlock(&turn);
    }
    return true;
}

static void *traveller(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        uint64_t ticket;

        if (!rsmi_gate_enter(&shared, GENERATION, &ticket)) {
            atomic_fetch_add(&bad, 1);
            break;
        }
        if (rsmi_gate_share(ticket) != 1 && !follow(&ticket)) {
            atomic_fetch_add(&aborted, 1);
        } else {
            unsigned at = atomic_load(&place);

            atomic_fetch_add(&users[at], 1);
            if (atomic_load(&given_back[at])) {
                atomic_fetch_add(&bad, 1);
            }
            atomic_fetch_sub(&users[at], 1);
            atomic_fetch_add(&transfers, 1);
        }
        while (rsmi_gate_leave(&shared, ticket)) {
            answer_move();
        }
    }
    return NULL;
}

static void moves(void)
{
    pthread_t threads[THREADS];
    t_rand_t random;
    unsigned owed = 0;

    t_rand_init(&random, seed, 98);
    atomic_store(&shared, fresh);
    atomic_store(&bad, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, traveller, NULL), 0);
    }
    for (unsigned version = 1; version <= MOVES; version++) {
        long before = atomic_load(&transfers);
        bool at_once;

        for (volatile uint64_t i = t_rand_below(&random, 2000); i > 0; i--) {
        }
        while (version % 4 != 0 && atomic_load(&transfers) == before) {
            (void)sched_yield(); /* else all of it may be over before they have begun */
        }
        (void)pthread_mutex_lock(&where_lock);
        newest = version;
        at_once = rsmi_gate_move(&shared);
        (void)pthread_mutex_unlock(&where_lock);
        if (at_once) {
            answer_move();
        } else {
            owed++;
            while (atomic_load(&answered) < version) { /* the watchdog speaks up */
                (void)sched_yield();
            }
        }
        for (unsigned old = version - 1; old < version; old--) {
            if (atomic_exchange(&given_back[old], true)) {
                break;
            }
            if (atomic_load(&users[old]) != 0) {
                atomic_fetch_add(&bad, 1);
            }
        }
    }
    (void)rsmi_gate_cut(&shared); /* late calls that wait for the way give up */
    while (atomic_load(&aborted) == 0) {
        (void)sched_yield();
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(atomic_load(&bad), 0);
    t_expect_eq(rsmi_gate_calls(atomic_load(&shared)), 0);
    t_expect_eq(atomic_load(&shared) & RSMI_GATE_OWED, 0);
    t_expect(atomic_load(&transfers) > 0);
    t_print("moves that found somebody inside: %u; %ld transfers", owed, atomic_load(&transfers));
}

int main(int argc, char **argv)
{
    t_watchdog(30);
    seed = t_seed(argc, argv);
    walk((model_t){0, 0, false, false, false}, DEPTH);
    strangers();
    storm();
    moves();
    return t_finish();
}
