/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ranked mutexes; see lock.h. Knows pthreads and nothing of the library.
 */
#include "lock.h"

#include "check.h"

#if RSMI_DEBUG
#include <stdio.h>
#include <stdlib.h>

static _Thread_local unsigned held; /* one bit per rank this thread holds */
static void (*failure_hook)(const char *what);

void rsmi_assert_failed(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "rsm: broken invariant: %s (%s:%d)\n", what, file, line);
    abort();
}

void rsmi_lock_set_failure_hook(void (*hook)(const char *what))
{
    failure_hook = hook;
}

static void fail(const char *what)
{
    if (failure_hook != NULL) {
        failure_hook(what);
        return;
    }
    rsmi_assert_failed(what, __FILE__, __LINE__);
}

static void note_taken(rsmi_rank_t rank)
{
    if ((held >> rank) != 0) {
        fail("lock taken against the declared order");
    }
    held |= 1U << rank;
}

static void note_released(rsmi_rank_t rank)
{
    if ((held & (1U << rank)) == 0) {
        fail("lock released that this thread does not hold");
    }
    held &= ~(1U << rank);
}

void rsmi_lock_none_held(void)
{
    if (held != 0) {
        fail("lock held across a call that may block");
    }
}
#else
static void note_taken(rsmi_rank_t rank)
{
    (void)rank;
}

static void note_released(rsmi_rank_t rank)
{
    (void)rank;
}
#endif

void rsmi_lock_init(rsmi_lock_t *lock, rsmi_rank_t rank)
{
    (void)pthread_mutex_init(&lock->mutex, NULL);
    lock->rank = rank;
}

void rsmi_lock_destroy(rsmi_lock_t *lock)
{
    (void)pthread_mutex_destroy(&lock->mutex);
}

void rsmi_lock(rsmi_lock_t *lock)
{
    int cancel;

    note_taken(lock->rank);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    (void)pthread_mutex_lock(&lock->mutex);
    lock->cancel = cancel;
}

void rsmi_unlock(rsmi_lock_t *lock)
{
    int cancel = lock->cancel;

    note_released(lock->rank);
    (void)pthread_mutex_unlock(&lock->mutex);
    (void)pthread_setcancelstate(cancel, NULL);
}

void rsmi_lock_wait(rsmi_lock_t *lock, pthread_cond_t *cond)
{
    int cancel = lock->cancel; /* others hold it meanwhile */

    note_released(lock->rank);
    (void)pthread_cond_wait(cond, &lock->mutex);
    note_taken(lock->rank);
    lock->cancel = cancel;
}
