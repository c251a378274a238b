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

#define CHUNK_SLOTS 1024U
#define CHUNKS 16384U
#define NO_SLOT UINT32_MAX

/* A slot per cache line: two threads on two handles must not share one. */
typedef union padded_slot {
    rsmi_slot_t slot;
    char line[64];
} padded_slot_t;

_Static_assert(sizeof(void *) == 8, "handles need 64-bit pointers");
_Static_assert(sizeof(padded_slot_t) == 64, "a slot is one cache line");

static padded_slot_t *_Atomic chunks[CHUNKS];
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_HANDLES);
static uint32_t free_head = NO_SLOT; /* (h) */
static uint32_t slots_made;          /* (h) */
static atomic_long live;
static atomic_bool in_child;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void after_fork(void)
{
    atomic_store(&in_child, true);
}

static void watch_fork(void)
{
    (void)pthread_atfork(NULL, NULL, after_fork);
}

/** NULL: there never was such a slot. */
static inline rsmi_slot_t *slot_at(uint32_t index)
{
    padded_slot_t *chunk;

    if (index >= CHUNK_SLOTS * CHUNKS) {
        return NULL;
    }
    chunk = atomic_load_explicit(&chunks[index / CHUNK_SLOTS], memory_order_acquire);
    return chunk == NULL ? NULL : &chunk[index % CHUNK_SLOTS].slot;
}

static inline uint32_t index_of(uint64_t handle)
{
    return (uint32_t)handle & 0x0FFFFFFFU;
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
        free_head = slot_at(index)->next;
        return index;
    }
    if (slots_made == CHUNK_SLOTS * CHUNKS) {
        return NO_SLOT;
    }
    index = slots_made;
    if (index % CHUNK_SLOTS == 0) {
        padded_slot_t *chunk = aligned_alloc(64, CHUNK_SLOTS * sizeof *chunk);

        if (chunk == NULL) {
            return NO_SLOT;
        }
        for (uint32_t i = 0; i < CHUNK_SLOTS; i++) {
            atomic_init(&chunk[i].slot.gate, (UINT64_C(1) << 32) | RSMI_GATE_CLOSED);
            chunk[i].slot.obj = NULL;
            chunk[i].slot.class = 0;
            chunk[i].slot.next = NO_SLOT;
        }
        atomic_store_explicit(&chunks[index / CHUNK_SLOTS], chunk, memory_order_release);
    }
    slots_made++;
    return index;
}

uint64_t rsmi_handle_alloc(rsmi_class_t class, void *obj)
{
    uint32_t index;
    rsmi_slot_t *slot;

    (void)pthread_once(&fork_once, watch_fork);
    rsmi_lock(&lock);
    index = take_slot();
    rsmi_unlock(&lock);
    if (index == NO_SLOT) {
        return 0;
    }
    slot = slot_at(index);
    slot->obj = obj;
    slot->class = class;
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return ((uint64_t)rsmi_gate_generation(atomic_load(&slot->gate)) << 32) |
           ((uint64_t) class << 28) | index;
}

void rsmi_handle_open(uint64_t handle)
{
    atomic_fetch_and_explicit(&slot_at(index_of(handle))->gate, ~RSMI_GATE_CLOSED,
                              memory_order_release);
}

rsmi_gate_t *rsmi_handle_gate(uint64_t handle)
{
    return &slot_at(index_of(handle))->gate;
}

void *rsmi_handle_enter(rsmi_class_t class, uint64_t handle, bool *cut_p)
{
    rsmi_slot_t *slot;
    uint64_t word;

    if (rsmi_handle_class(handle) != class ||
        atomic_load_explicit(&in_child, memory_order_relaxed)) {
        return NULL;
    }
    slot = slot_at(index_of(handle));
    if (slot == NULL) {
        return NULL;
    }
    if (!rsmi_gate_enter(&slot->gate, generation_of(handle), &word)) {
        return NULL;
    }
    RSMI_ASSERT(slot->class == class);
    if (cut_p != NULL) {
        *cut_p = (word & RSMI_GATE_CUT) != 0;
    }
    return slot->obj;
}

bool rsmi_handle_leave(uint64_t handle)
{
    return rsmi_gate_leave(&slot_at(index_of(handle))->gate);
}

bool rsmi_handle_close(uint64_t handle)
{
    rsmi_gate_t *gate = rsmi_handle_gate(handle);
    uint64_t old = atomic_fetch_or_explicit(gate, RSMI_GATE_CLOSED, memory_order_acq_rel);
    rsmi_nap_t nap = RSMI_NAP_INIT;

    if ((old & RSMI_GATE_CLOSED) != 0) {
        return false;
    }
    while ((atomic_load_explicit(gate, memory_order_acquire) & RSMI_GATE_INSIDE) > 1) {
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
    rsmi_slot_t *slot = slot_at(index);
    uint32_t generation = generation_of(handle) + 1;

    if (generation == 0) {
        generation = 1; /* a handle is never NULL, not even after 2^32 reuses */
    }
    slot->obj = NULL;
    slot->class = 0;
    atomic_store(&slot->gate, ((uint64_t)generation << 32) | RSMI_GATE_CLOSED);
    rsmi_lock(&lock);
    slot->next = free_head;
    free_head = index;
    rsmi_unlock(&lock);
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

void *rsmi_handle_peek_in_child(rsmi_class_t class, uint64_t handle)
{
    rsmi_slot_t *slot = rsmi_handle_class(handle) == class ? slot_at(index_of(handle)) : NULL;
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
    return atomic_load_explicit(&in_child, memory_order_relaxed);
}
