/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Getting and releasing controllers (reference 7). Knows names, counts and which glue serves a
 * type; must not know what a port is made of.
 *
 * Opening may be collective over the job and take long, so no lock is held across it: the first
 * thread marks the controller OPENING, later ones wait for its result.
 */
#include "controller.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "check.h"
#include "env.h"
#include "export.h"
#include "handle.h"
#include "intr_signal.h"
#include "lock.h"
#include "loopback.h"
#include "range.h"
#include "trace.h"

#define NAME_MAX_CHARS 255U /* reference 7.1 */

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_REGISTRY);
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static rsmi_controller_t *first; /* (r) */
/* The first of a glue needs no heap: failing before the collective part would leave the others in
 * it. */
static rsmi_controller_t reserve;  /* (r) */
static rsmi_controller_t loopback; /* (r) */
/* What the topology and loopback call this process: its node on unit 0, once that is open. */
static _Atomic uint32_t local_node;

static const rsmg_core_ops_t core_ops = {
    .size = sizeof(rsmg_core_ops_t),
    .admit = rsmi_export_admit,
    .depart = rsmi_export_depart,
    .cut_answer = rsmi_export_cut_answer,
    .moved = rsmi_export_moved,
    .where = rsmi_export_where,
    .event = rsmi_event_arrived,
};

static bool is_type(const rsmg_ops_t *ops, const char *name, size_t len)
{
    return strlen(ops->type) == len && strncasecmp(ops->type, name, len) == 0;
}

/** Split "mpi12" into glue and unit. False: no such type, or no unit that fits. */
static bool parse_name(const char *name, const rsmg_ops_t **ops_p, unsigned *unit_p)
{
    size_t len = strnlen(name, NAME_MAX_CHARS + 1);
    size_t type_len = len;
    unsigned long unit = 0;

    if (len == 0 || len > NAME_MAX_CHARS) {
        return false;
    }
    while (type_len > 0 && isdigit((unsigned char)name[type_len - 1])) {
        type_len--;
    }
    if (is_type(&rsmi_loopback, name, type_len)) { /* the unit is ignored, whatever it is */
        *ops_p = &rsmi_loopback;
        *unit_p = 0;
        return true;
    }
    for (size_t i = type_len; i < len; i++) {
        unit = unit * 10 + (unsigned long)(name[i] - '0');
        if (unit > INT_MAX) {
            return false;
        }
    }
    for (const rsmg_ops_t *const *ops = rsmi_glues; *ops != NULL; ops++) {
        if (is_type(*ops, name, type_len)) {
            *ops_p = *ops;
            *unit_p = (unsigned)unit;
            return true;
        }
    }
    return false;
}

/** The object of a name; NULL: none was made. The lock is held. */
static rsmi_controller_t *find(const rsmg_ops_t *ops, unsigned unit)
{
    rsmi_controller_t *ctl = first;

    while (ctl != NULL && (ctl->ops != ops || ctl->unit != unit)) {
        ctl = ctl->next;
    }
    return ctl;
}

/** Somebody has opened it, or is about to. */
static bool is_open(const rsmg_ops_t *ops, unsigned unit)
{
    const rsmi_controller_t *ctl;
    bool open;

    rsmi_lock(&lock);
    ctl = find(ops, unit);
    open = ctl != NULL && ctl->state != RSMI_CONTROLLER_CLOSED;
    rsmi_unlock(&lock);
    return open;
}

/** The object of a name, made if it is not there. The lock is held. NULL: out of memory. */
static rsmi_controller_t *find_or_make(const rsmg_ops_t *ops, unsigned unit)
{
    rsmi_controller_t *ctl = find(ops, unit);

    if (ctl == NULL) {
        if (ops == &rsmi_loopback) {
            ctl = &loopback;
        } else {
            ctl = reserve.ops == NULL && unit == 0 ? &reserve : rsmi_alloc(sizeof *ctl);
        }
        if (ctl != NULL) {
            ctl->ops = ops;
            ctl->unit = unit;
            (void)snprintf(ctl->name, sizeof ctl->name, "%.16s%u", ops->type, unit);
            ctl->next = first;
            first = ctl;
        }
    }
    return ctl;
}

bool rsmi_controller_reserve(const char *type, unsigned unit)
{
    const rsmg_ops_t *const *ops = rsmi_glues;
    bool made;

    while (*ops != NULL && strcmp((*ops)->type, type) != 0) {
        ops++;
    }
    if (*ops == NULL) {
        return false;
    }
    rsmi_lock(&lock);
    made = find_or_make(*ops, unit) != NULL;
    rsmi_unlock(&lock);
    return made;
}

/** Open the port unless somebody has. The lock is held, and dropped meanwhile. */
static int open_port(rsmi_controller_t *ctl)
{
    rsmg_port_t *port = NULL;
    rsmg_facts_t facts = {0};
    int rc;

    if (ctl->state == RSMI_CONTROLLER_OPENING) {
        /* Its result is ours: where opening is collective, one call of this process is one call. */
        while (ctl->state == RSMI_CONTROLLER_OPENING) {
            rsmi_lock_wait(&lock, &opened);
        }
        return ctl->open_rc;
    }
    if (ctl->state == RSMI_CONTROLLER_OPENED) {
        return ctl->ops->ended(ctl->port) ? RSMERR_CTLR_NOT_PRESENT : RSM_SUCCESS;
    }
    ctl->state = RSMI_CONTROLLER_OPENING;
    rsmi_unlock(&lock);
    (void)rsmi_env(); /* read the settings before anything acts on them */
    rsmi_lock_none_held();
    rc = ctl->ops->open(ctl->unit, &core_ops, ctl, &port, &facts);
    rsmi_lock(&lock);
    if (rc == RSM_SUCCESS) {
        ctl->port = port;
        ctl->facts = facts;
        if (ctl->ops != &rsmi_loopback && ctl->unit == 0) {
            atomic_store(&local_node, facts.node);
        }
    }
    ctl->open_rc = rc;
    ctl->state = rc == RSM_SUCCESS ? RSMI_CONTROLLER_OPENED : RSMI_CONTROLLER_CLOSED;
    (void)pthread_cond_broadcast(&opened);
    return rc;
}

/** One more reference; the first makes the handle. The lock is held. */
static int take_reference(rsmi_controller_t *ctl)
{
    if (ctl->refs == 0) {
        uint64_t handle = rsmi_handle_alloc(RSMI_CLASS_CONTROLLER, ctl);

        RSMI_CHECK(handle != 0, RSMERR_INSUFFICIENT_MEM);
        rsmi_handle_open(handle);
        atomic_store(&ctl->handle, handle);
    }
    ctl->refs++;
    return RSM_SUCCESS;
}

int rsm_get_controller(char *name, rsmapi_controller_handle_t *controller)
{
    const rsmg_ops_t *ops = NULL;
    unsigned unit = 0;
    rsmi_controller_t *ctl;
    int rc;

    RSMI_CHECK(controller != NULL && !rsmi_handle_in_child(), RSMERR_BAD_CTLR_HNDL);
    RSMI_CHECK(parse_name(name == NULL ? rsmi_loopback.type : name, &ops, &unit) &&
                   (ops->has_unit(unit) || is_open(ops, unit)),
               RSMERR_CTLR_NOT_PRESENT);

    rsmi_lock(&lock);
    ctl = find_or_make(ops, unit);
    rc = ctl == NULL ? RSMERR_INSUFFICIENT_MEM : open_port(ctl);
    if (rc == RSM_SUCCESS) {
        rc = take_reference(ctl);
    }
    if (rc == RSM_SUCCESS) {
        *controller = rsmi_handle_to_ptr(atomic_load(&ctl->handle));
    }
    rsmi_unlock(&lock);
    return rc;
}

int rsm_get_controller_attr(rsmapi_controller_handle_t controller, rsmapi_controller_attr_t *attr)
{
    rsmi_controller_t *ctl = rsmi_controller_enter(controller);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(ctl != NULL, RSMERR_BAD_CTLR_HNDL);
    if (attr == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else if (rsmi_controller_ended(ctl)) {
        rc = RSMERR_CTLR_NOT_PRESENT;
    } else {
        /* No path maps yet: sizes of direct access and of mappings are 0, "not stated"
         * (reference 7.2). What is unlimited is the largest value. */
        rsmapi_controller_attr_t facts = {
            .attr_page_size = rsmi_page_size(),
            .attr_max_export_segment_size = ctl->facts.max_segment,
            .attr_tot_export_segment_size = SIZE_MAX,
            .attr_max_export_segments = ULONG_MAX,
            .attr_max_import_segments = ctl->facts.max_connections,
        };

        *attr = facts;
    }
    rsmi_controller_leave(controller);
    return rc;
}

int rsm_release_controller(rsmapi_controller_handle_t controller)
{
    uint64_t handle = rsmi_handle_from_ptr(controller);
    rsmi_controller_t *ctl = rsmi_controller_enter(controller);
    bool last;

    RSMI_CHECK(ctl != NULL, RSMERR_BAD_CTLR_HNDL);
    rsmi_lock(&lock);
    if (ctl->refs == 0 || atomic_load(&ctl->handle) != handle) {
        rsmi_unlock(&lock); /* another thread's release was faster */
        rsmi_controller_leave(controller);
        return RSMERR_BAD_CTLR_HNDL;
    }
    last = --ctl->refs == 0;
    if (last) {
        atomic_store(&ctl->handle, 0);
    }
    rsmi_unlock(&lock);
    if (!last) {
        rsmi_controller_leave(controller);
        return RSM_SUCCESS;
    }
    (void)rsmi_handle_close(handle); /* waits for calls of other threads */
    rsmi_handle_free(handle);
    return RSM_SUCCESS;
}

rsmi_controller_t *rsmi_controller_enter(rsmapi_controller_handle_t handle)
{
    return rsmi_handle_enter(RSMI_CLASS_CONTROLLER, rsmi_handle_from_ptr(handle), NULL);
}

void rsmi_controller_leave(rsmapi_controller_handle_t handle)
{
    (void)rsmi_handle_leave(rsmi_handle_from_ptr(handle), 0); /* never cut, so nothing is owed */
}

bool rsmi_controller_ended(const rsmi_controller_t *ctl)
{
    return ctl->ops->ended(ctl->port);
}

bool rsmi_controller_is_loopback(const rsmi_controller_t *ctl)
{
    return ctl->ops == &rsmi_loopback;
}

uint32_t rsmi_controller_local_node(void)
{
    return atomic_load(&local_node);
}

uint32_t rsmi_controller_node(const rsmi_controller_t *ctl)
{
    return rsmi_controller_is_loopback(ctl) ? rsmi_controller_local_node() : ctl->facts.node;
}

void rsmi_controller_each(void (*visit)(const rsmi_controller_t *ctl, void *arg), void *arg)
{
    if (rsmi_handle_in_child()) {
        return; /* it has no controllers, and a thread of its parent may have held the lock */
    }
    rsmi_lock(&lock);
    for (const rsmi_controller_t *ctl = first; ctl != NULL; ctl = ctl->next) {
        if (ctl->state == RSMI_CONTROLLER_OPENED && !rsmi_controller_is_loopback(ctl) &&
            !rsmi_controller_ended(ctl)) {
            visit(ctl, arg);
        }
    }
    rsmi_unlock(&lock);
}
