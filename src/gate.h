/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: one 64-bit word that says whether a handle is alive, whether its connection was cut or
 * its segment moved to other memory, and how many calls are inside. It knows nothing of segments,
 * MPI or who waits for whom.
 *
 *    63            32 31   30     29    28    27     14 13         0
 *   +----------------+-----+------+-----+-----+---------+------------+
 *   |   generation   | CUT |CLOSED| OWED|MOVED|  late   |   inside   |
 *   +----------------+-----+------+-----+-----+---------+------------+
 *
 * One compare-and-swap both validates a handle (the generation) and enters; with the one that
 * leaves it is the whole price of handle checking and cut bookkeeping on the put path.
 *
 * A cut must not return while a transfer is inside, and it must not wait for one either: the
 * thread that serves other processes would stand still. So the cutter sets CUT and, if calls are
 * inside, OWED; the last call to leave finds OWED and answers for it. Two orders are possible and
 * both are right: the cutter sees a call inside (the call, leaving later, sees OWED), or it sees
 * none (every later enter sees CUT and moves nothing).
 *
 * Calls that enter after the cut are counted apart, as late: they move nothing, and threads that
 * keep calling on a cut handle must not put the answer off. So a call leaves with the ticket that
 * it entered with. Each count has room for 16,383 calls at one moment on one handle.
 *
 * MOVED is a cut that can be taken back: what was inside ends in the old memory, and late calls
 * that want to transfer see to a new way first (import.c), after which they count as inside.
 */
#ifndef RSMI_GATE_H
#define RSMI_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t rsmi_gate_t;

#define RSMI_GATE_CUT (UINT64_C(1) << 31)
#define RSMI_GATE_CLOSED (UINT64_C(1) << 30)
#define RSMI_GATE_OWED (UINT64_C(1) << 29)
#define RSMI_GATE_MOVED (UINT64_C(1) << 28)
#define RSMI_GATE_LATE_ONE (UINT64_C(1) << 14)
#define RSMI_GATE_INSIDE (RSMI_GATE_LATE_ONE - 1)

static inline uint32_t rsmi_gate_generation(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/** Calls inside, late ones included. */
static inline uint64_t rsmi_gate_calls(uint64_t word)
{
    return (word & RSMI_GATE_INSIDE) + (word / RSMI_GATE_LATE_ONE & RSMI_GATE_INSIDE);
}

/** What a call with this ticket counts as. */
static inline uint64_t rsmi_gate_share(uint64_t ticket)
{
    return (ticket & (RSMI_GATE_CUT | RSMI_GATE_MOVED)) != 0 ? RSMI_GATE_LATE_ONE : 1;
}

/**
 * Enter if the gate still has this generation and is not closed. *ticket_p: the word as it was.
 * Strangers are refused before they are counted: a count that nobody answers for would let a cut
 * wait in vain.
 */
static inline bool rsmi_gate_enter(rsmi_gate_t *gate, uint32_t generation, uint64_t *ticket_p)
{
    uint64_t old = atomic_load_explicit(gate, memory_order_relaxed);

    do {
        if (rsmi_gate_generation(old) != generation || (old & RSMI_GATE_CLOSED) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(gate, &old, old + rsmi_gate_share(old),
                                                    memory_order_acquire, memory_order_relaxed));
    *ticket_p = old;
    return true;
}

/**
 * Leave, with the ticket of enter. False: left. True: still inside, because this is the last call
 * that came before the cut, and the cut waits for it: answer, then leave again. (Answering from
 * inside keeps the connection from being freed under the answer.)
 */
static inline bool rsmi_gate_leave(rsmi_gate_t *gate, uint64_t ticket)
{
    uint64_t old = atomic_load_explicit(gate, memory_order_relaxed);
    uint64_t share = rsmi_gate_share(ticket);
    uint64_t new;
    bool owed;

    do {
        owed = (old & RSMI_GATE_OWED) != 0 && (old & RSMI_GATE_INSIDE) == 1 && share == 1;
        new = owed ? old & ~RSMI_GATE_OWED : old - share;
    } while (!atomic_compare_exchange_weak_explicit(gate, &old, new, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return owed;
}

/**
 * Set `what`, CUT or MOVED. True: nobody is inside but late calls, the answer is due now. False:
 * the last to leave will answer.
 */
static inline bool rsmi_gate_mark(rsmi_gate_t *gate, uint64_t what)
{
    uint64_t old = atomic_load_explicit(gate, memory_order_relaxed);
    uint64_t new;

    do {
        new = old | what;
        if ((old & RSMI_GATE_INSIDE) != 0) {
            new |= RSMI_GATE_OWED;
        }
    } while (!atomic_compare_exchange_weak_explicit(gate, &old, new, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return (old & RSMI_GATE_INSIDE) == 0;
}

static inline bool rsmi_gate_cut(rsmi_gate_t *gate)
{
    return rsmi_gate_mark(gate, RSMI_GATE_CUT);
}

static inline bool rsmi_gate_move(rsmi_gate_t *gate)
{
    return rsmi_gate_mark(gate, RSMI_GATE_MOVED);
}

/** The new way is there. */
static inline void rsmi_gate_moved(rsmi_gate_t *gate)
{
    atomic_fetch_and_explicit(gate, ~RSMI_GATE_MOVED, memory_order_release);
}

/**
 * A late call wants to count as inside. False: the connection is cut, or its segment has moved
 * (once more). True: *ticket_p is that of a call which entered now.
 */
static inline bool rsmi_gate_promote(rsmi_gate_t *gate, uint64_t *ticket_p)
{
    uint64_t old = atomic_load_explicit(gate, memory_order_relaxed);

    do {
        if ((old & (RSMI_GATE_CUT | RSMI_GATE_MOVED)) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(gate, &old, old - RSMI_GATE_LATE_ONE + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    *ticket_p = old;
    return true;
}

static inline bool rsmi_gate_is_cut(rsmi_gate_t *gate)
{
    return (atomic_load_explicit(gate, memory_order_acquire) & RSMI_GATE_CUT) != 0;
}

#endif
