/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles: opaque values that name an object by slot, class and generation, so that NULL, freed
 * and foreign values are recognised instead of followed. A slot's memory is never given back, so
 * a stale handle reads a word that exists; the generation in that word (gate.h) refuses it.
 *
 *    63    60 59          32 31                 0
 *   +--------+--------------+--------------------+
 *   | class  | generation   | slot               |
 *   +--------+--------------+--------------------+
 *
 * The upper half is what the gate calls its generation, so one comparison checks both.
 *
 * Knows nothing of what the objects are. In a forked child no handle is valid.
 */
#ifndef RSMI_HANDLE_H
#define RSMI_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate.h"

typedef enum rsmi_class {
    RSMI_CLASS_CONTROLLER = 1,
    RSMI_CLASS_EXPORT,
    RSMI_CLASS_IMPORT,
    RSMI_CLASS_LOCALMEM,
    RSMI_CLASS_CONN, /* a glue's importer end */
    RSMI_CLASS_PEER, /* a glue's exporter end */
} rsmi_class_t;

/* A slot per cache line: two threads on two handles must not share one. */
typedef struct rsmi_slot {
    _Alignas(64) rsmi_gate_t gate; /* (a) generation, CUT, CLOSED, OWED, calls inside */
    void *obj;                     /* (c) between alloc and free */
    _Atomic uint64_t failures;     /* (a) imports: transfers that failed; only ever compared */
    uint32_t next;                 /* (h) free list */
} rsmi_slot_t;

#define RSMI_CHUNK_SLOTS 1024U
#define RSMI_CHUNKS 16384U

/* For the functions below, which are the price of every call and so are inline. */
extern rsmi_slot_t *_Atomic rsmi_handle_chunks[RSMI_CHUNKS];
extern atomic_bool rsmi_handle_child;

/** A handle for `obj`, closed until rsmi_handle_open(). 0: out of memory. */
uint64_t rsmi_handle_alloc(rsmi_class_t class, void *obj);
/** From now on rsmi_handle_enter() succeeds. */
void rsmi_handle_open(uint64_t handle);
/** The gate of a handle that the caller owns. */
rsmi_gate_t *rsmi_handle_gate(uint64_t handle);

/** What class a handle claims to be of. */
static inline uint32_t rsmi_handle_class(uint64_t handle)
{
    return (uint32_t)(handle >> 60);
}

/** The slot a value names, whatever it is; NULL: there never was such a slot. */
static inline rsmi_slot_t *rsmi_handle_slot(uint64_t handle)
{
    uint32_t index = (uint32_t)handle;
    rsmi_slot_t *chunk;

    if (index >= RSMI_CHUNK_SLOTS * RSMI_CHUNKS) {
        return NULL;
    }
    chunk =
        atomic_load_explicit(&rsmi_handle_chunks[index / RSMI_CHUNK_SLOTS], memory_order_acquire);
    return chunk == NULL ? NULL : &chunk[index % RSMI_CHUNK_SLOTS];
}

/**
 * Enter the object of a live handle of `class`. NULL: not such a handle. On success the slot's
 * gate counts this call until rsmi_handle_leave(). *ticket_p is for leaving, and tells whether CUT
 * is set; NULL for handles that are never cut, which are left with 0.
 */
static inline void *rsmi_handle_enter(rsmi_class_t class, uint64_t handle, uint64_t *ticket_p)
{
    rsmi_slot_t *slot = rsmi_handle_slot(handle);
    uint64_t word;

    if (rsmi_handle_class(handle) != class || slot == NULL ||
        atomic_load_explicit(&rsmi_handle_child, memory_order_relaxed) ||
        !rsmi_gate_enter(&slot->gate, (uint32_t)(handle >> 32), &word)) {
        return NULL;
    }
    if (ticket_p != NULL) {
        *ticket_p = word;
    }
    return slot->obj;
}

/**
 * The slot of a live handle of `class`, without entering: for what the slot itself holds, which is
 * there whatever becomes of the object. NULL: not such a handle.
 */
static inline rsmi_slot_t *rsmi_handle_look(rsmi_class_t class, uint64_t handle)
{
    rsmi_slot_t *slot = rsmi_handle_slot(handle);
    uint64_t word;

    if (rsmi_handle_class(handle) != class || slot == NULL ||
        atomic_load_explicit(&rsmi_handle_child, memory_order_relaxed)) {
        return NULL;
    }
    word = atomic_load_explicit(&slot->gate, memory_order_acquire);
    return rsmi_gate_generation(word) == (uint32_t)(handle >> 32) && (word & RSMI_GATE_CLOSED) == 0
               ? slot
               : NULL;
}

/** Closed by somebody who has not freed it: its object is on its way out. */
static inline bool rsmi_handle_is_closing(uint64_t handle)
{
    rsmi_slot_t *slot = rsmi_handle_slot(handle);
    uint64_t word = slot == NULL ? 0 : atomic_load_explicit(&slot->gate, memory_order_acquire);

    return rsmi_gate_generation(word) == (uint32_t)(handle >> 32) && (word & RSMI_GATE_CLOSED) != 0;
}

/** Leave. True: answer for a cut, then leave again (rsmi_gate_leave()). */
static inline bool rsmi_handle_leave(uint64_t handle, uint64_t ticket)
{
    return rsmi_gate_leave(&rsmi_handle_slot(handle)->gate, ticket);
}

/**
 * Close: no further enter succeeds, and everybody else is out when this returns. The caller must
 * be inside (it entered) and stays the only one; exactly one of several closers gets true.
 */
bool rsmi_handle_close(uint64_t handle);
/** Take a close back. */
void rsmi_handle_reopen(uint64_t handle);
/** Free the slot of a handle that was never opened, or that the caller closed (he is
 * out then). */
void rsmi_handle_free(uint64_t handle);

/** In a forked child only: the object that was behind a handle at the fork; NULL: none. */
void *rsmi_handle_peek_in_child(rsmi_class_t class, uint64_t handle);

/** Slots in use. */
long rsmi_handle_live(void);
/** True in a child of fork() that has not exec'ed. */
bool rsmi_handle_in_child(void);

static inline void *rsmi_handle_to_ptr(uint64_t handle)
{
    return (void *)(uintptr_t)handle;
}

static inline uint64_t rsmi_handle_from_ptr(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr;
}

#endif
