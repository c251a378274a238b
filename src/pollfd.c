/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Poll descriptors of segments (reference 17.4 to 17.7). Knows which descriptors programs hold;
 * what makes them readable is event.c's. Registered is a descriptor with references: looked up by
 * number, since that is all that a program hands to a poll.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>

#include "alloc.h"
#include "check.h"
#include "event.h"
#include "handle.h"
#include "interrupt.h"
#include "intr_signal.h"
#include "lock.h"
#include "nap.h"
#include "rsmapi.h"

#define BUCKETS 256U

typedef struct entry {
    struct entry *next;
    int fd;
    rsmi_event_t *event; /* not referenced: it cannot be closed while the entry is here */
} entry_t;

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_POLLFDS);
static entry_t *buckets[BUCKETS]; /* (p) */

/** The place of a descriptor, or where it would go. The lock is held. */
static entry_t **place_of(int fd)
{
    entry_t **at = &buckets[(unsigned)fd % BUCKETS];

    while (*at != NULL && (*at)->fd != fd) {
        at = &(*at)->next;
    }
    return at;
}

/** The descriptor of `event`, with one more reference; -1: not to be had; -2: the handle is gone.
 */
static int take_reference(rsmi_event_t *event)
{
    entry_t *spare = rsmi_alloc(sizeof *spare);
    entry_t **at;
    int fd;

    if (spare == NULL) {
        return -1;
    }
    rsmi_lock(&lock);
    fd = rsmi_event_poll_get(event);
    at = fd < 0 ? NULL : place_of(fd);
    if (at != NULL && *at == NULL) {
        spare->fd = fd;
        spare->event = event;
        *at = spare;
        spare = NULL;
    }
    rsmi_unlock(&lock);
    rsmi_free(spare);
    return fd;
}

static void drop_reference(rsmi_event_t *event)
{
    entry_t *gone = NULL;
    int fd;

    rsmi_lock(&lock);
    fd = rsmi_event_poll_put(event);
    if (fd >= 0) {
        entry_t **at = place_of(fd);

        gone = *at;
        *at = gone->next;
    }
    rsmi_unlock(&lock);
    rsmi_free(gone);
}

int rsm_memseg_get_pollfd(void *memseg, struct pollfd *poll_fd)
{
    rsmi_event_t *event = rsmi_segment_event(rsmi_handle_from_ptr(memseg));
    int rc = RSM_SUCCESS;
    int fd;

    RSMI_CHECK(event != NULL, RSMERR_BAD_SEG_HNDL);
    if (poll_fd == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else {
        fd = take_reference(event);
        if (fd < 0) {
            rc = fd == -2 ? RSMERR_BAD_SEG_HNDL : RSMERR_INSUFFICIENT_MEM;
        } else {
            poll_fd->fd = fd;
            poll_fd->events = POLLRDNORM;
        }
    }
    rsmi_event_put(event);
    return rc;
}

int rsm_memseg_release_pollfd(void *memseg)
{
    rsmi_event_t *event = rsmi_segment_event(rsmi_handle_from_ptr(memseg));

    RSMI_CHECK(event != NULL, RSMERR_BAD_SEG_HNDL);
    drop_reference(event);
    rsmi_event_put(event);
    return RSM_SUCCESS;
}

/** The event behind a registered descriptor, referenced; NULL: an ordinary descriptor. */
static rsmi_event_t *find(int fd)
{
    rsmi_event_t *event = NULL;
    entry_t *entry;

    if (fd < 0 || rsmi_handle_in_child()) {
        return NULL; /* the numbers that a child knows are its parent's */
    }
    rsmi_lock(&lock);
    entry = *place_of(fd);
    if (entry != NULL) {
        event = entry->event;
        rsmi_event_get(event);
    }
    rsmi_unlock(&lock);
    return event;
}

/** Consume an event where `pfd` is a segment's. Does it count among the ready ones? */
static bool consume(struct pollfd *pfd)
{
    rsmi_event_t *event;

    if (pfd->revents == 0) {
        return false;
    }
    event = find(pfd->fd);
    if (event == NULL) {
        return true;
    }
    if ((pfd->revents & (POLLIN | POLLRDNORM)) != 0 &&
        (pfd->revents & (POLLERR | POLLHUP | POLLNVAL)) == 0 && !rsmi_event_take(event)) {
        pfd->revents = 0; /* another waiter was faster */
    }
    rsmi_event_put(event);
    return pfd->revents != 0;
}

static int code_of_poll(int error)
{
    switch (error) {
    case EINTR:
        return RSMERR_INTERRUPTED;
    case EFAULT:
        return RSMERR_BAD_ADDR;
    case EAGAIN:
    case ENOMEM:
        return RSMERR_INSUFFICIENT_RESOURCES;
    default:
        return RSMERR_BAD_ARGS_ERRORS;
    }
}

int rsm_intr_signal_wait_pollfd(struct pollfd fds[], nfds_t nfds, int timeout, int *numfdsp)
{
    uint64_t deadline = timeout < 0 ? 0 : rsmi_now() + (uint64_t)timeout * 1000000U;
    rsmi_interrupt_t intr;
    int count = 0;
    int n;

    if (numfdsp != NULL) {
        *numfdsp = 0;
    }
    rsmi_lock_none_held();
    rsmi_interrupt_begin(&intr);
    n = rsmi_interrupt_poll(&intr, fds, nfds, deadline);
    rsmi_interrupt_end(&intr);
    RSMI_CHECK(n >= 0, code_of_poll(-n));
    for (nfds_t i = 0; n > 0 && i < nfds; i++) {
        count += consume(&fds[i]) ? 1 : 0;
    }
    RSMI_CHECK(count > 0, RSMERR_TIMEOUT);
    if (numfdsp != NULL) {
        *numfdsp = count;
    }
    return RSM_SUCCESS;
}
