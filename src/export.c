/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segment life cycle on the exporter's side (reference 10, 18). Knows states, access lists and
 * who is connected; must not know how a connection moves bytes or messages.
 *
 * Lifetime. An export object has one reference of its handle and one per admitted importer, which
 * the glue gives back with depart(). So a glue may name the object through its peer at any time,
 * also long after destroy: an importer keeps its end until it disconnects.
 *
 * Cut. unpublish() withdraws the id (from here on nobody is admitted), asks every importer to
 * stop, and waits until each has confirmed that nothing of its transfers is under way any more.
 * The exporter's lock is not held while it waits, and confirmations arrive on another thread. An
 * importer that stays silent longer than its patience ends the call with RSMERR_INTERRUPTED and
 * the segment in WITHDRAWING: the memory is then not free, and saying otherwise would be the one
 * lie this library must not tell. The call is repeated, and asks again.
 *
 * Rebind goes the same way, with another question: each importer connected before is *stale* until
 * it has confirmed that it is done with the old memory. Who connects later gets the new memory at
 * once. Old importers find their way to it at their next transfer (import.c).
 */
#include "export.h"

#include "acl.h"
#include "alloc.h"
#include "check.h"
#include "controller.h"
#include "handle.h"
#include "lock.h"
#include "memory.h"
#include "nap.h"
#include "range.h"
#include "seg_state.h"
#include "seg_table.h"
#include "trace.h"

#define ASK_AGAIN_MS 100U

typedef struct rsmi_export {
    rsmi_controller_t *ctl; /* (c) */
    uint64_t handle;        /* (c) */
    size_t length;          /* (c) bytes */
    bool may_rebind;        /* (c) */
    rsmi_owner_t owner;     /* (c) */
    rsmi_event_t *event;    /* (c) what importers post */
    rsmi_event_t *answers;  /* (c) one event per answer of an importer */
    atomic_long refs;       /* (a) */
    rsmi_lock_t lock;
    rsmi_export_state_t state; /* (s) */
    void *base;                /* (s) */
    uint32_t version;          /* (s) of base */
    rsmi_seg_entry_t entry;    /* (s) while published */
    rsmi_acl_t acl;            /* (s) while published or withdrawing */
    rsmg_peer_t *peers;        /* (s) importers not yet cut off or gone */
} rsmi_export_t;

static void put_reference(rsmi_export_t *seg)
{
    if (atomic_fetch_sub_explicit(&seg->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    RSMI_ASSERT(seg->peers == NULL);
    rsmi_acl_clear(&seg->acl);
    if (seg->event != NULL) {
        rsmi_event_put(seg->event);
    }
    if (seg->answers != NULL) {
        rsmi_event_put(seg->answers);
    }
    rsmi_lock_destroy(&seg->lock);
    rsmi_free(seg);
}

static rsmi_export_t *enter(rsm_memseg_export_handle_t memseg)
{
    return rsmi_handle_enter(RSMI_CLASS_EXPORT, rsmi_handle_from_ptr(memseg), NULL);
}

static void leave(rsmi_export_t *seg)
{
    (void)rsmi_handle_leave(seg->handle, 0); /* never cut, so nothing is owed */
}

static void trace_step(const rsmi_export_t *seg, rsmi_export_state_t to)
{
    rsmi_trace("export %llx: %s -> %s (id 0x%x)", (unsigned long long)seg->handle,
               rsmi_export_state_name(seg->state), rsmi_export_state_name(to), seg->entry.id);
}

/** Steps 10 to 13 of create: nothing but the controller is known to be good. */
static int make(rsmi_controller_t *ctl, void *vaddr, size_t size, bool may_rebind,
                rsmi_export_t **seg_p)
{
    rsmi_export_t *seg;

    RSMI_CHECK(!rsmi_controller_ended(ctl), RSMERR_CTLR_NOT_PRESENT);
    RSMI_TRY(rsmi_memory_check(vaddr, size, RSMI_MEMORY_READ | RSMI_MEMORY_WRITE));
    seg = rsmi_alloc(sizeof *seg);
    RSMI_CHECK(seg != NULL, RSMERR_INSUFFICIENT_MEM);
    rsmi_lock_init(&seg->lock, RSMI_RANK_EXPORT);
    atomic_init(&seg->refs, 1);
    seg->ctl = ctl;
    seg->base = vaddr;
    seg->length = size;
    seg->may_rebind = may_rebind;
    seg->owner = rsmi_owner_self();
    seg->event = rsmi_event_create();
    seg->answers = rsmi_event_create();
    if (seg->event == NULL || seg->answers == NULL) {
        goto no_memory;
    }
    seg->handle = rsmi_handle_alloc(RSMI_CLASS_EXPORT, seg);
    if (seg->handle == 0) {
        goto no_memory;
    }
    *seg_p = seg;
    return RSM_SUCCESS;

no_memory:
    put_reference(seg);
    return RSMERR_INSUFFICIENT_MEM;
}

int rsm_memseg_export_create(rsmapi_controller_handle_t controller,
                             rsm_memseg_export_handle_t *memseg, void *vaddr, size_t size,
                             uint_t flags)
{
    rsmi_controller_t *ctl;
    rsmi_export_t *seg = NULL;
    int rc;

    if (memseg != NULL) {
        *memseg = NULL;
    }
    ctl = rsmi_controller_enter(controller);
    RSMI_CHECK(ctl != NULL, RSMERR_BAD_CTLR_HNDL);
    if (memseg == NULL) {
        rc = RSMERR_BAD_SEG_HNDL;
    } else if (vaddr == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else if (size == 0) {
        rc = RSMERR_BAD_LENGTH;
    } else if (!rsmi_page_aligned((uintptr_t)vaddr) || !rsmi_page_aligned(size)) {
        rc = RSMERR_BAD_MEM_ALIGNMENT;
    } else if (size > ctl->facts.max_segment) {
        rc = RSMERR_BAD_LENGTH;
    } else {
        /* RSM_CREATE_SEG_DONTWAIT asks for what is always so: nothing here waits for resources. */
        rc = make(ctl, vaddr, size, (flags & RSM_ALLOW_REBIND) != 0, &seg);
    }
    rsmi_controller_leave(controller);
    RSMI_TRY(rc);
    rsmi_handle_open(seg->handle);
    *memseg = rsmi_handle_to_ptr(seg->handle);
    return RSM_SUCCESS;
}

/**
 * A forked child has a copy of the object and no thread that could hold its lock: the state test
 * comes first there too, then the creator test (docs/design.md).
 */
static int state_in_child(rsm_memseg_export_handle_t memseg, rsmi_export_call_t call)
{
    rsmi_export_t *seg = rsmi_handle_peek_in_child(RSMI_CLASS_EXPORT, rsmi_handle_from_ptr(memseg));

    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    return rsmi_export_step(seg->state, call).code;
}

static int publish_in_child(rsm_memseg_export_handle_t memseg, rsm_memseg_id_t id, bool bad_list)
{
    int state = state_in_child(memseg, RSMI_EXPORT_PUBLISH);

    RSMI_CHECK(state != RSMERR_BAD_SEG_HNDL, state);
    RSMI_CHECK(!bad_list, RSMERR_BAD_ACL);
    RSMI_TRY(state);
    RSMI_CHECK(id == 0 || rsmi_segid_is_public(id), RSMERR_RESERVED_SEGID);
    return RSMERR_NOT_CREATOR;
}

/**
 * Check and copy an access list. On loopback only the local node can be named; it may become
 * another one when mpi0 opens, so that what is kept is node 0, whom the only possible asker passes
 * for.
 */
static int copy_list(const rsmi_export_t *seg, const rsmapi_access_entry_t *list, uint32_t count,
                     rsmi_acl_t *acl_p)
{
    uint32_t local = rsmi_controller_node(seg->ctl);

    if (!rsmi_controller_is_loopback(seg->ctl)) {
        return rsmi_acl_copy(list, count, 0, seg->ctl->facts.nodes, acl_p);
    }
    RSMI_TRY(rsmi_acl_copy(list, count, local, 1, acl_p));
    for (uint32_t i = 0; i < acl_p->count; i++) {
        acl_p->entries[i].ae_node = 0;
    }
    return RSM_SUCCESS;
}

/** Publish; the segment's lock is held. */
static int publish(rsmi_export_t *seg, rsm_memseg_id_t *segment_id,
                   const rsmapi_access_entry_t *list, uint32_t count)
{
    rsmi_step_t step = rsmi_export_step(seg->state, RSMI_EXPORT_PUBLISH);
    rsm_memseg_id_t id = *segment_id;
    int rc;

    RSMI_TRY(step.code);
    RSMI_CHECK(id == 0 || rsmi_segid_is_public(id), RSMERR_RESERVED_SEGID);
    RSMI_TRY(copy_list(seg, list, count, &seg->acl));
    rc = rsmi_seg_table_insert(&seg->entry, seg->handle, &id);
    if (rc != RSM_SUCCESS) {
        rsmi_acl_clear(&seg->acl);
        return rc;
    }
    trace_step(seg, step.next);
    seg->state = step.next;
    if (*segment_id == 0) {
        *segment_id = id;
    }
    return RSM_SUCCESS;
}

int rsm_memseg_export_publish(rsm_memseg_export_handle_t memseg, rsm_memseg_id_t *segment_id,
                              rsmapi_access_entry_t access_list[], uint_t access_list_length)
{
    bool bad_list = access_list_length > 0 && access_list == NULL;
    rsmi_export_t *seg;
    int rc;

    RSMI_CHECK(segment_id != NULL, RSMERR_BAD_SEGID);
    if (rsmi_handle_in_child()) {
        return publish_in_child(memseg, *segment_id, bad_list);
    }
    seg = enter(memseg);
    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    if (bad_list) {
        rc = RSMERR_BAD_ACL;
    } else {
        rsmi_lock(&seg->lock);
        rc = publish(seg, segment_id, access_list, access_list_length);
        rsmi_unlock(&seg->lock);
    }
    leave(seg);
    return rc;
}

/** Take `peer` out of the list, if it is in it. The lock is held. */
static void unlink_peer(rsmg_peer_t *peer)
{
    if (peer->prev == NULL) {
        return;
    }
    *peer->prev = peer->next;
    if (peer->next != NULL) {
        peer->next->prev = peer->prev;
    }
    peer->prev = NULL;
    peer->next = NULL;
}

/** What the importers of a segment are asked. */
typedef enum question { STOP, FOLLOW } question_t;

/** Has this importer yet to answer? The lock is held. */
static bool is_open(const rsmg_peer_t *peer, question_t question)
{
    return question == STOP || peer->stale;
}

/** Ask all importers that have yet to answer. The lock is held. True: somebody still has to. */
static bool ask_all(rsmi_export_t *seg, question_t question)
{
    rsmg_peer_t *next;
    bool open = false;

    for (rsmg_peer_t *peer = seg->peers; peer != NULL; peer = next) {
        next = peer->next;
        if (!is_open(peer, question)) {
            continue;
        }
        if (question == STOP && peer->ops->cut(peer)) {
            unlink_peer(peer);
        } else if (question == FOLLOW && peer->ops->move(peer, seg->version)) {
            peer->stale = false;
        } else {
            open = true;
        }
    }
    return open;
}

/** The lock is held. *silent_p: an importer has not been heard of for too long. */
static bool somebody_is_open(const rsmi_export_t *seg, question_t question, bool *silent_p)
{
    uint64_t now = rsmi_now();
    bool open = false;

    *silent_p = false;
    for (const rsmg_peer_t *peer = seg->peers; peer != NULL; peer = peer->next) {
        if (is_open(peer, question)) {
            open = true;
            *silent_p = *silent_p || now - peer->heard_ns > (uint64_t)peer->patience_ms * 1000000U;
        }
    }
    return open;
}

/** Have the importers of `seg` all given the answer? The lock is held, and dropped while waiting.
 */
static int ask_and_wait(rsmi_export_t *seg, question_t question)
{
    rsmi_export_state_t state = seg->state;
    uint64_t now = rsmi_now();
    uint64_t asked_ns = now;
    bool open;

    for (rsmg_peer_t *peer = seg->peers; peer != NULL; peer = peer->next) {
        peer->heard_ns = now; /* everybody's patience begins with this call */
    }
    open = ask_all(seg, question);
    while (open) {
        bool silent;
        int rc;

        rsmi_unlock(&seg->lock);
        rc = rsmi_event_wait(seg->answers, (int)ASK_AGAIN_MS);
        rsmi_lock(&seg->lock);
        if (rc != RSM_SUCCESS && rc != RSMERR_TIMEOUT) {
            return RSMERR_INTERRUPTED;
        }
        if (question == STOP && seg->state != state) {
            break; /* another thread has finished this, and perhaps published anew */
        }
        open = somebody_is_open(seg, question, &silent);
        if (open && silent) {
            rsmi_info("export %llx: an importer does not answer; the memory is not free",
                      (unsigned long long)seg->handle);
            return RSMERR_INTERRUPTED;
        }
        /* By the clock, not only when nothing comes: the answers of some must not hide the silence
         * of others. */
        now = rsmi_now();
        if (open && now - asked_ns >= (uint64_t)ASK_AGAIN_MS * 1000000U) {
            asked_ns = now;
            open = ask_all(seg, question);
        }
    }
    return RSM_SUCCESS;
}

/** Withdraw the id and cut everybody off. The lock is held, and dropped while waiting. */
static int withdraw(rsmi_export_t *seg)
{
    rsmi_step_t step = rsmi_export_step(seg->state, RSMI_EXPORT_UNPUBLISH);

    RSMI_TRY(step.code);
    if (seg->state == RSMI_EXPORT_PUBLISHED) {
        rsmi_seg_table_remove(&seg->entry);
        trace_step(seg, RSMI_EXPORT_WITHDRAWING);
        seg->state = RSMI_EXPORT_WITHDRAWING;
    }
    RSMI_TRY(ask_and_wait(seg, STOP));
    if (seg->state == RSMI_EXPORT_WITHDRAWING) { /* else another thread has finished this */
        trace_step(seg, step.next);
        seg->state = step.next;
        rsmi_acl_clear(&seg->acl);
    }
    return RSM_SUCCESS;
}

int rsm_memseg_export_unpublish(rsm_memseg_export_handle_t memseg)
{
    rsmi_export_t *seg;
    int rc;

    if (rsmi_handle_in_child()) {
        RSMI_TRY(state_in_child(memseg, RSMI_EXPORT_UNPUBLISH));
        return RSMERR_NOT_CREATOR;
    }
    seg = enter(memseg);
    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    rsmi_lock(&seg->lock);
    rc = withdraw(seg);
    rsmi_unlock(&seg->lock);
    leave(seg);
    return rc;
}

/** Exchange the access list; the lock is held. */
static int republish(rsmi_export_t *seg, const rsmapi_access_entry_t *list, uint32_t count)
{
    rsmi_acl_t acl = {NULL, 0};

    RSMI_TRY(rsmi_export_step(seg->state, RSMI_EXPORT_REPUBLISH).code);
    RSMI_CHECK(count == 0 || list != NULL, RSMERR_BAD_ACL);
    RSMI_TRY(copy_list(seg, list, count, &acl));
    rsmi_acl_clear(&seg->acl);
    seg->acl = acl;
    return RSM_SUCCESS;
}

int rsm_memseg_export_republish(rsm_memseg_export_handle_t memseg,
                                rsmapi_access_entry_t access_list[], uint_t access_list_length)
{
    rsmi_export_t *seg;
    int rc;

    if (rsmi_handle_in_child()) {
        RSMI_TRY(state_in_child(memseg, RSMI_EXPORT_REPUBLISH));
        RSMI_CHECK(access_list_length == 0 || access_list != NULL, RSMERR_BAD_ACL);
        return RSMERR_NOT_CREATOR;
    }
    seg = enter(memseg);
    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    rsmi_lock(&seg->lock);
    rc = republish(seg, access_list, access_list_length);
    rsmi_unlock(&seg->lock);
    leave(seg);
    return rc;
}

/** Put `vaddr`, which was checked, behind the segment. The lock is held, and dropped meanwhile. */
static int rebind(rsmi_export_t *seg, void *vaddr)
{
    if (vaddr != seg->base) {
        seg->base = vaddr;
        seg->version++;
        for (rsmg_peer_t *peer = seg->peers; peer != NULL; peer = peer->next) {
            peer->stale = true;
        }
    }
    /* For the same address too: an earlier call may have been interrupted. */
    return ask_and_wait(seg, FOLLOW);
}

static int check_and_rebind(rsmi_export_t *seg, void *vaddr, size_t size)
{
    bool same;
    int rc;

    RSMI_CHECK(size == seg->length, RSMERR_BAD_LENGTH);
    rsmi_lock(&seg->lock);
    same = vaddr == seg->base;
    rsmi_unlock(&seg->lock);
    if (!same) {
        RSMI_CHECK(rsmi_page_aligned((uintptr_t)vaddr), RSMERR_BAD_ADDR);
        RSMI_TRY(rsmi_memory_check(vaddr, size, RSMI_MEMORY_READ | RSMI_MEMORY_WRITE));
    }
    rsmi_lock(&seg->lock);
    rc = rsmi_export_step(seg->state, RSMI_EXPORT_REBIND).code;
    if (rc == RSM_SUCCESS) {
        rc = rebind(seg, vaddr);
    }
    rsmi_unlock(&seg->lock);
    return rc;
}

int rsm_memseg_export_rebind(rsm_memseg_export_handle_t memseg, void *vaddr, int64_t off,
                             size_t size)
{
    bool child = rsmi_handle_in_child();
    rsmi_export_t *seg =
        child ? rsmi_handle_peek_in_child(RSMI_CLASS_EXPORT, rsmi_handle_from_ptr(memseg))
              : enter(memseg);
    int rc;

    (void)off;
    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    if (vaddr == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else if (!seg->may_rebind) {
        rc = RSMERR_REBIND_NOT_ALLOWED;
    } else if (child) {
        rc = RSMERR_NOT_CREATOR;
    } else {
        rc = check_and_rebind(seg, vaddr, size);
    }
    if (!child) {
        leave(seg);
    }
    return rc;
}

/**
 * Unpublished, and the handle closed with the caller the last one inside. The handle stays open
 * while importers are waited for: if the wait fails it lives on, and no event may be lost that
 * arrives meanwhile.
 */
static int retire(rsmi_export_t *seg)
{
    for (;;) {
        bool created;
        int rc = RSM_SUCCESS;

        rsmi_lock(&seg->lock);
        if (seg->state != RSMI_EXPORT_CREATED) {
            rc = withdraw(seg);
        }
        rsmi_unlock(&seg->lock);
        RSMI_TRY(rc);
        RSMI_CHECK(rsmi_handle_close(seg->handle), RSMERR_BAD_SEG_HNDL); /* another destroys it */
        rsmi_lock(&seg->lock);
        created = seg->state == RSMI_EXPORT_CREATED;
        rsmi_unlock(&seg->lock);
        if (created && rsmi_event_close(seg->event)) {
            return RSM_SUCCESS;
        }
        rsmi_handle_reopen(seg->handle); /* published anew in between, or polled */
        RSMI_CHECK(!created, RSMERR_POLLFD_IN_USE);
    }
}

int rsm_memseg_export_destroy(rsm_memseg_export_handle_t memseg)
{
    rsmi_export_t *seg = enter(memseg);
    int rc;

    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    rc = rsmi_event_is_polled(seg->event) ? RSMERR_POLLFD_IN_USE : retire(seg);
    if (rc != RSM_SUCCESS) {
        leave(seg);
        return rc;
    }
    rsmi_handle_free(seg->handle);
    put_reference(seg);
    return RSM_SUCCESS;
}

/** The lock is held. */
static void fill_grant(const rsmi_export_t *seg, rsmg_grant_t *grant)
{
    grant->base = seg->base;
    grant->length = seg->length;
    grant->version = seg->version;
}

/** Judge a connect; the lock is held. */
static int admit(rsmi_export_t *seg, uint32_t node, const rsmg_ask_t *ask, rsmg_peer_t *peer,
                 rsmg_grant_t *grant)
{
    rsmi_asker_t who = {.node = node,
                        .uid = ask->uid,
                        .gid = ask->gid,
                        .groups = ask->groups,
                        .group_count = ask->group_count};

    RSMI_TRY(rsmi_export_step(seg->state, RSMI_EXPORT_ADMIT).code);
    /* Between the look-up and the lock it may have been published anew under another id. */
    RSMI_CHECK(seg->entry.id == ask->segment_id, RSMERR_SEG_NOT_PUBLISHED);
    RSMI_TRY(rsmi_acl_judge(&seg->acl, &seg->owner, &who, ask->perm));
    atomic_fetch_add_explicit(&seg->refs, 1, memory_order_relaxed);
    peer->export_handle = seg->handle;
    peer->owner = seg;
    peer->stale = false;
    peer->heard_ns = rsmi_now(); /* a cut under way in another thread is patient with it too */
    peer->next = seg->peers;
    peer->prev = &seg->peers;
    if (seg->peers != NULL) {
        seg->peers->prev = &peer->next;
    }
    seg->peers = peer;
    fill_grant(seg, grant);
    return RSM_SUCCESS;
}

int rsmi_export_admit(void *core, uint32_t node, const rsmg_ask_t *ask, rsmg_peer_t *peer,
                      rsmg_grant_t *grant)
{
    uint64_t handle = rsmi_seg_table_find(ask->segment_id);
    rsmi_export_t *seg = handle == 0 ? NULL : rsmi_handle_enter(RSMI_CLASS_EXPORT, handle, NULL);
    int rc;

    RSMI_CHECK(seg != NULL, RSMERR_SEG_NOT_PUBLISHED);
    if (seg->ctl != core) {
        rc = RSMERR_SEG_NOT_PUBLISHED; /* published, but through another controller */
    } else {
        rsmi_lock(&seg->lock);
        rc = admit(seg, node, ask, peer, grant);
        rsmi_unlock(&seg->lock);
    }
    leave(seg);
    return rc;
}

void rsmi_export_depart(void *core, rsmg_peer_t *peer)
{
    rsmi_export_t *seg = peer->owner;

    (void)core;
    rsmi_lock(&seg->lock);
    unlink_peer(peer);
    rsmi_unlock(&seg->lock);
    rsmi_event_post(seg->answers, true, 0);
    put_reference(seg);
}

void rsmi_export_cut_answer(void *core, rsmg_peer_t *peer, bool done)
{
    rsmi_export_t *seg = peer->owner;

    (void)core;
    rsmi_lock(&seg->lock);
    peer->heard_ns = rsmi_now();
    if (done) {
        unlink_peer(peer);
    }
    rsmi_unlock(&seg->lock);
    rsmi_event_post(seg->answers, true, 0);
}

void rsmi_export_moved(void *core, rsmg_peer_t *peer, uint32_t version)
{
    rsmi_export_t *seg = peer->owner;

    (void)core;
    rsmi_lock(&seg->lock);
    peer->heard_ns = rsmi_now();
    if (version == seg->version) {
        peer->stale = false;
    }
    rsmi_unlock(&seg->lock);
    rsmi_event_post(seg->answers, true, 0);
}

bool rsmi_export_where(void *core, rsmg_peer_t *peer, rsmg_grant_t *grant, rsmi_gate_t *gate)
{
    rsmi_export_t *seg = peer->owner;
    bool connected;

    (void)core;
    rsmi_lock(&seg->lock);
    connected = peer->prev != NULL;
    if (connected) {
        fill_grant(seg, grant);
        if (gate != NULL) {
            rsmi_gate_moved(gate);
        }
    }
    rsmi_unlock(&seg->lock);
    return connected;
}

rsmi_event_t *rsmi_export_event(uint64_t handle)
{
    rsmi_export_t *seg = rsmi_handle_enter(RSMI_CLASS_EXPORT, handle, NULL);
    rsmi_event_t *event;

    if (seg == NULL) {
        return NULL;
    }
    event = seg->event;
    rsmi_event_get(event);
    leave(seg);
    return event;
}

int rsmi_export_post(uint64_t handle, bool no_accumulate)
{
    rsmi_export_t *seg = rsmi_handle_enter(RSMI_CLASS_EXPORT, handle, NULL);

    RSMI_CHECK(seg != NULL, RSMERR_BAD_SEG_HNDL);
    rsmi_lock(&seg->lock);
    for (rsmg_peer_t *peer = seg->peers; peer != NULL; peer = peer->next) {
        peer->ops->notify(peer, no_accumulate);
    }
    rsmi_unlock(&seg->lock);
    leave(seg);
    return RSM_SUCCESS;
}
