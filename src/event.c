/* SPDX-License-Identifier: BSD-3-Clause */
/* Counted events; see event.h for the protocol. */
#include "event.h"

#include <errno.h>
#include <fcntl.h>
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
    int poll_fds[2];  /* (l) reading and writing end; -1: nobody has asked */
    long poll_refs;   /* (l) */
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
    event->poll_fds[0] = -1;
    event->poll_fds[1] = -1;
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
        if (event->poll_fds[0] >= 0) {
            (void)close(event->poll_fds[0]);
            (void)close(event->poll_fds[1]);
        }
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

/** Make the pipe say whether events are pending; it said the opposite. The lock is held. */
static void show(rsmi_event_t *event)
{
    char byte = 0;
    ssize_t done;

    if (event->poll_fds[0] < 0) {
        return;
    }
    done =
        event->count > 0 ? write(event->poll_fds[1], &byte, 1) : read(event->poll_fds[0], &byte, 1);
    RSMI_ASSERT(done == 1);
    (void)done; /* in a forked child the pipe may be anybody's; a parent's cannot fail */
}

/** Set the count. The lock is held. */
static void set_count(rsmi_event_t *event, uint32_t count)
{
    bool change = (event->count > 0) != (count > 0);

    event->count = count;
    if (change) {
        show(event);
    }
}

void rsmi_event_post(rsmi_event_t *event, bool no_accumulate, uint32_t count)
{
    uint32_t added;

    rsmi_lock(&event->lock);
    if (no_accumulate && event->count == 0 && count < UINT32_MAX) {
        count++;
    }
    added = count <= UINT32_MAX - event->count ? count : UINT32_MAX - event->count;
    set_count(event, event->count + added);
    for (; added > 0 && event->first != NULL; added--) {
        wake_first(event);
    }
    rsmi_unlock(&event->lock);
}

bool rsmi_event_close(rsmi_event_t *event)
{
    bool polled;

    rsmi_lock(&event->lock);
    polled = event->poll_refs > 0;
    if (!polled) {
        event->closed = true;
        set_count(event, 0);
        while (event->first != NULL) {
            wake_first(event);
        }
    }
    rsmi_unlock(&event->lock);
    return !polled;
}

/** Take an event if there is one. The lock is held. */
static bool take(rsmi_event_t *event)
{
    if (event->count == 0) {
        return false;
    }
    set_count(event, event->count - 1);
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
    int fd;
    int rc;

    if (rsmi_event_take(event)) {
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

bool rsmi_event_take(rsmi_event_t *event)
{
    bool taken;

    rsmi_lock(&event->lock);
    taken = take(event);
    rsmi_unlock(&event->lock);
    return taken;
}

int rsmi_event_poll_get(rsmi_event_t *event)
{
    int fd = -2;

    rsmi_lock(&event->lock);
    if (!event->closed) {
        if (event->poll_fds[0] < 0 && pipe2(event->poll_fds, O_CLOEXEC | O_NONBLOCK) == 0 &&
            event->count > 0) {
            show(event);
        }
        fd = event->poll_fds[0];
        if (fd >= 0) {
            event->poll_refs++;
        }
    }
    rsmi_unlock(&event->lock);
    return fd;
}

int rsmi_event_poll_put(rsmi_event_t *event)
{
    int fd = -1;

    rsmi_lock(&event->lock);
    if (event->poll_refs > 0 && --event->poll_refs == 0) {
        fd = event->poll_fds[0];
    }
    rsmi_unlock(&event->lock);
    return fd;
}

bool rsmi_event_is_polled(rsmi_event_t *event)
{
    bool polled;

    rsmi_lock(&event->lock);
    polled = event->poll_refs > 0;
    rsmi_unlock(&event->lock);
    return polled;
}
