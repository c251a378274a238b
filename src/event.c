/* SPDX-License-Identifier: BSD-3-Clause */
/* Counted events; see event.h for the protocol. */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "interrupt.h"
#include "lock.h"
#include "nap.h"

typedef struct sleeper {
    struct sleeper *next;
    int fd;
    bool queued;
} sleeper_t;

struct rsmi_event {
    rsmi_lock_t lock;
    uint32_t count;   /* (l) */
    sleeper_t *first; /* (l) oldest sleeper */
    sleeper_t **last; /* (l) where the next one is hung */
    bool closed;      /* (l) */
    atomic_long refs; /* (a) */
};

/* One descriptor per thread that ever slept, closed when the thread ends. */
static pthread_key_t fd_key;
static pthread_once_t fd_once = PTHREAD_ONCE_INIT;
static bool fd_key_made;

static void close_fd(void *value)
{
    (void)close((int)(intptr_t)value - 1);
}

static void make_key(void)
{
    fd_key_made = pthread_key_create(&fd_key, close_fd) == 0;
}

/** This thread's descriptor, unreadable; -1: none to be had. */
static int my_fd(void)
{
    intptr_t value;
    int fd;

    (void)pthread_once(&fd_once, make_key);
    if (!fd_key_made) {
        return -1;
    }
    value = (intptr_t)pthread_getspecific(fd_key);
    if (value != 0) {
        return (int)value - 1;
    }
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    if (pthread_setspecific(fd_key, (void *)(intptr_t)(fd + 1)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

rsmi_event_t *rsmi_event_create(void)
{
    rsmi_event_t *event = rsmi_alloc(sizeof *event);

    if (event == NULL) {
        return NULL;
    }
    rsmi_lock_init(&event->lock, RSMI_RANK_EVENT);
    event->last = &event->first;
    atomic_init(&event->refs, 1);
    return event;
}

void rsmi_event_get(rsmi_event_t *event)
{
    atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
}

void rsmi_event_put(rsmi_event_t *event)
{
    if (atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel) == 1) {
        rsmi_lock_destroy(&event->lock);
        rsmi_free(event);
    }
}

/** Take the oldest sleeper out of the queue and wake it. The lock is held. */
static void wake_first(rsmi_event_t *event)
{
    sleeper_t *sleeper = event->first;
    uint64_t one = 1;

    event->first = sleeper->next;
    if (event->first == NULL) {
        event->last = &event->first;
    }
    sleeper->queued = false;
    /* An eventfd at 0 takes a 1 without fail; under the lock, so that the sleeper is still there.
     */
    if (write(sleeper->fd, &one, sizeof one) < 0) {
        RSMI_ASSERT(false);
    }
}

static void enqueue(rsmi_event_t *event, sleeper_t *sleeper)
{
    sleeper->next = NULL;
    sleeper->queued = true;
    *event->last = sleeper;
    event->last = &sleeper->next;
}

/** Out of the queue, or, if a post was faster, the descriptor unreadable again. The lock is held.
 */
static void withdraw(rsmi_event_t *event, sleeper_t *sleeper)
{
    uint64_t value;

    if (!sleeper->queued) {
        if (read(sleeper->fd, &value, sizeof value) < 0) {
            RSMI_ASSERT(errno == EAGAIN);
        }
        return;
    }
    for (sleeper_t **at = &event->first; *at != NULL; at = &(*at)->next) {
        if (*at == sleeper) {
            *at = sleeper->next;
            if (event->last == &sleeper->next) {
                event->last = at;
            }
            break;
        }
    }
    sleeper->queued = false;
}

void rsmi_event_post(rsmi_event_t *event, bool no_accumulate, uint32_t count)
{
    uint32_t added;

    rsmi_lock(&event->lock);
    if (no_accumulate && event->count == 0 && count < UINT32_MAX) {
        count++;
    }
    added = count <= UINT32_MAX - event->count ? count : UINT32_MAX - event->count;
    event->count += added;
    for (; added > 0 && event->first != NULL; added--) {
        wake_first(event);
    }
    rsmi_unlock(&event->lock);
}

void rsmi_event_close(rsmi_event_t *event)
{
    rsmi_lock(&event->lock);
    event->closed = true;
    event->count = 0;
    while (event->first != NULL) {
        wake_first(event);
    }
    rsmi_unlock(&event->lock);
}

/** Take an event if there is one. The lock is held. */
static bool take(rsmi_event_t *event)
{
    if (event->count == 0) {
        return false;
    }
    event->count--;
    return true;
}

static int code_of_sleep(int result)
{
    switch (result) {
    case 1:
        return RSM_SUCCESS;
    case 0:
        return RSMERR_TIMEOUT;
    case -1:
        return RSMERR_INTERRUPTED;
    default:
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
}

/** The sleeping half of a wait; all signals are blocked. */
static int wait_blocked(rsmi_event_t *event, int fd, int timeout, rsmi_interrupt_t *intr)
{
    uint64_t deadline = timeout < 0 ? 0 : rsmi_now() + (uint64_t)timeout * 1000000U;
    sleeper_t sleeper = {.fd = fd};
    int rc = RSM_SUCCESS;

    rsmi_lock(&event->lock);
    for (;;) {
        if (take(event)) {
            rc = RSM_SUCCESS;
            break;
        }
        if (event->closed) {
            rc = RSMERR_BAD_SEG_HNDL;
        }
        if (rc != RSM_SUCCESS) {
            break;
        }
        enqueue(event, &sleeper);
        rsmi_unlock(&event->lock);
        rc = code_of_sleep(rsmi_interrupt_sleep(intr, fd, deadline));
        rsmi_lock(&event->lock);
        withdraw(event, &sleeper);
    }
    rsmi_unlock(&event->lock);
    return rc;
}

int rsmi_event_wait(rsmi_event_t *event, int timeout)
{
    rsmi_interrupt_t intr;
    bool taken;
    int fd;
    int rc;

    rsmi_lock(&event->lock);
    taken = take(event);
    rsmi_unlock(&event->lock);
    if (taken) {
        return RSM_SUCCESS;
    }
    if (timeout == 0) {
        return RSMERR_TIMEOUT;
    }
    fd = my_fd();
    RSMI_CHECK(fd >= 0, RSMERR_INSUFFICIENT_RESOURCES);

    rsmi_interrupt_begin(&intr);
    rc = wait_blocked(event, fd, timeout, &intr);
    rsmi_interrupt_end(&intr);
    return rc;
}
