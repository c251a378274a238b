/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A controller as the core sees it: a glue's port with a reference count in front. The object of
 * a name is made once and kept for good, so segments may outlive the last release; what dies with
 * the last release is the handle. Knows no segment.
 */
#ifndef RSMI_CONTROLLER_H
#define RSMI_CONTROLLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "glue.h"
#include "rsmapi.h"

typedef enum rsmi_controller_state {
    RSMI_CONTROLLER_CLOSED,  /* never opened, or the last try failed */
    RSMI_CONTROLLER_OPENING, /* one thread is in the glue's open(); others wait for it */
    RSMI_CONTROLLER_OPENED   /* for good */
} rsmi_controller_state_t;

typedef struct rsmi_controller {
    const rsmg_ops_t *ops;         /* (c) */
    unsigned unit;                 /* (c) */
    char name[32];                 /* (c) "mpi0" */
    rsmi_controller_state_t state; /* (r) registry lock */
    int open_rc;                   /* (r) of the last open, for those who waited for it */
    uint32_t refs;                 /* (r) */
    _Atomic uint64_t handle;       /* (a, written under r) 0: not held by the program */
    rsmg_port_t *port;             /* (c) once opened */
    rsmg_facts_t facts;            /* (c) once opened */
    struct rsmi_controller *next;  /* (r) */
} rsmi_controller_t;

/**
 * Make the object of a name, so that a later rsm_get_controller() needs no memory before the
 * collective part. False: out of memory, or no glue of this type.
 */
bool rsmi_controller_reserve(const char *type, unsigned unit);

/** Enter the controller of a live handle; NULL: none. Pair with rsmi_controller_leave(). */
rsmi_controller_t *rsmi_controller_enter(rsmapi_controller_handle_t handle);
void rsmi_controller_leave(rsmapi_controller_handle_t handle);

/** Is this the handle that a segment was made with, still unreleased? */
static inline bool rsmi_controller_is_held(const rsmi_controller_t *ctl, uint64_t handle)
{
    return atomic_load_explicit(&ctl->handle, memory_order_relaxed) == handle;
}

/** This process alone, without a transport? */
bool rsmi_controller_is_loopback(const rsmi_controller_t *ctl);

/** The node id that the topology reports for this process: its rank in mpi0, or 0 before that. */
uint32_t rsmi_controller_local_node(void);

/** The node id of this process on a controller; on loopback, the one that the topology reports. */
uint32_t rsmi_controller_node(const rsmi_controller_t *ctl);

/** The transport below has ended. */
bool rsmi_controller_ended(const rsmi_controller_t *ctl);

/** Calls `visit` for every opened controller whose transport lives, loopback excepted. */
void rsmi_controller_each(void (*visit)(const rsmi_controller_t *ctl, void *arg), void *arg);

#endif
