/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handle table; see handle.h. Slots live in chunks that are never freed, so looking at any
 * value whatever touches only memory of ours.
 */
#include "handle.h"

#include <pthread.h>
#include <stdlib.h>

#include "alloc.h"
#include "check.h"
#include "lock.h"
#include "nap.h"

#define NO_SLOT UINT32_MAX
#define GENERATION_MASK 0x0FFFFFFFU

_Static_assert(sizeof(void *) == 8, "handles need 64-bit pointers");
_Static_assert(sizeof(rsmi_slot_t) == 64, "a slot is one cache line");

rsmi_slot_t *_Atomic rsmi_handle_chunks[RSMI_CHUNKS];
atomic_bool rsmi_handle_child;

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_HANDLES);
static uint32_t free_head = NO_SLOT; /* (h) */
static uint32_t slots_made;          /* (h) */
static atomic_long live;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void after_fork(void)
{
    atomic_store(&rsmi_handle_child, true);
}

static void watch_fork(void)
{
    (void)pthread_atfork(NULL, NULL, after_fork);
}

static inline uint32_t index_of(uint64_t handle)
{
    return (uint32_t)handle;
}

static inline uint32_t generation_of(uint64_t handle)
{
    return (uint32_t)(handle >> 32);
}

/** The lock is held. */
static uint32_t take_slot(void)
{
    uint32_t index = free_head;

    if (index != NO_SLOT) {
        free_head = rsmi_handle_slot(index)->next;
        return index;
    }
    if (slots_made == RSMI_CHUNK_SLOTS * RSMI_CHUNKS) {
        return NO_SLOT;
    }
    index = slots_made;
    if (index % RSMI_CHUNK_SLOTS == 0) {
        rsmi_slot_t *chunk = aligned_alloc(64, RSMI_CHUNK_SLOTS * sizeof *chunk);

        if (chunk == NULL) {
            return NO_SLOT;
        }
        for (uint32_t i = 0; i < RSMI_CHUNK_SLOTS; i++) {
            atomic_init(&chunk[i].gate, RSMI_GATE_CLOSED);
            chunk[i].obj = NULL;
            chunk[i].next = NO_SLOT;
        }
        atomic_store_explicit(&rsmi_handle_chunks[index / RSMI_CHUNK_SLOTS], chunk,
                              memory_order_release);
    }
    slots_made++;
    return index;
}

uint64_t rsmi_handle_alloc(rsmi_class_t class, void *obj)
{
    uint32_t index;
    uint32_t generation;
    rsmi_slot_t *slot;

    (void)pthread_once(&fork_once, watch_fork);
    rsmi_lock(&lock);
    index = take_slot();
    rsmi_unlock(&lock);
    if (index == NO_SLOT) {
        return 0;
    }
    slot = rsmi_handle_slot(index);
    slot->obj = obj;
    generation = (uint32_t) class << 28 | rsmi_gate_generation(atomic_load(&slot->gate));
    atomic_store(&slot->gate, (uint64_t)generation << 32 | RSMI_GATE_CLOSED);
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return (uint64_t)generation << 32 | index;
}

void rsmi_handle_open(uint64_t handle)
{
    atomic_fetch_and_explicit(&rsmi_handle_slot(handle)->gate, ~RSMI_GATE_CLOSED,
                              memory_order_release);
}

rsmi_gate_t *rsmi_handle_gate(uint64_t handle)
{
    return &rsmi_handle_slot(handle)->gate;
}

bool rsmi_handle_close(uint64_t handle)
{
    rsmi_gate_t *gate = rsmi_handle_gate(handle);
    uint64_t old = atomic_fetch_or_explicit(gate, RSMI_GATE_CLOSED, memory_order_acq_rel);
    rsmi_nap_t nap = RSMI_NAP_INIT;

    if ((old & RSMI_GATE_CLOSED) != 0) {
        return false;
    }
    while (rsmi_gate_calls(atomic_load_explicit(gate, memory_order_acquire)) > 1) {
        rsmi_nap(&nap);
    }
    return true;
}

void rsmi_handle_reopen(uint64_t handle)
{
    rsmi_handle_open(handle);
}

void rsmi_handle_free(uint64_t handle)
{
    uint32_t index = index_of(handle);
    rsmi_slot_t *slot = rsmi_handle_slot(index);
    /* No class: a free slot fits no handle. The class of the next object comes with alloc. */
    uint32_t generation = (generation_of(handle) + 1) & GENERATION_MASK;

    slot->obj = NULL;
    atomic_store(&slot->gate, (uint64_t)generation << 32 | RSMI_GATE_CLOSED);
    rsmi_lock(&lock);
    slot->next = free_head;
    free_head = index;
    rsmi_unlock(&lock);
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

void *rsmi_handle_peek_in_child(rsmi_class_t class, uint64_t handle)
{
    rsmi_slot_t *slot = rsmi_handle_class(handle) == class ? rsmi_handle_slot(handle) : NULL;
    uint64_t word;

    if (slot == NULL) {
        return NULL;
    }
    word = atomic_load(&slot->gate);
    if (rsmi_gate_generation(word) != generation_of(handle) || (word & RSMI_GATE_CLOSED) != 0) {
        return NULL;
    }
    return slot->obj;
}

long rsmi_handle_live(void)
{
    return atomic_load(&live);
}

bool rsmi_handle_in_child(void)
{
    return atomic_load_explicit(&rsmi_handle_child, memory_order_relaxed);
}
