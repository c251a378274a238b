/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mutexes with a declared order. The enum below *is* the lock order: a thread takes locks in
 * rising rank only, and debug builds stop at the first that does not. No lock is held across a
 * call that may block in MPI or across a call-back of the program. A thread that holds one cannot
 * be cancelled: it would take the lock along.
 */
#ifndef RSMI_LOCK_H
#define RSMI_LOCK_H

#include <pthread.h>

typedef enum rsmi_rank {
    RSMI_RANK_REGISTRY = 1, /* controller.c: the list of controllers, their counts and states */
    RSMI_RANK_IMPORT,       /* import.h: the way to moved memory, and the mapping of one handle */
    RSMI_RANK_EXPORT,       /* export.c: state, access list and peers of one segment */
    RSMI_RANK_SEGIDS,       /* seg_table.c: published ids of this process */
    RSMI_RANK_POLLFDS,      /* pollfd.c: descriptors that programs hold */
    RSMI_RANK_EVENT,        /* event.c: one counter and its sleepers */
    RSMI_RANK_MEMORY,       /* memory.c: the list of mappings */
    RSMI_RANK_PAGES,        /* page_lock.c: what is locked in memory, how often */
    RSMI_RANK_GLUE,         /* a glue's lists: connections, token, pair communicators */
    RSMI_RANK_CHANNEL,      /* a glue: posts that wait for credit */
    RSMI_RANK_SENDS,        /* a glue: sends that MPI has not finished */
    RSMI_RANK_HANDLES,      /* handle.c: free slots */
    RSMI_RANK_COUNT
} rsmi_rank_t;

typedef struct rsmi_lock {
    pthread_mutex_t mutex;
    rsmi_rank_t rank;
    int cancel; /* the holder's own cancel state */
} rsmi_lock_t;

#define RSMI_LOCK_INIT(r)                                                                          \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, (r), 0                                                          \
    }

void rsmi_lock_init(rsmi_lock_t *lock, rsmi_rank_t rank);
void rsmi_lock_destroy(rsmi_lock_t *lock);
void rsmi_lock(rsmi_lock_t *lock);
void rsmi_unlock(rsmi_lock_t *lock);
/** Wait on `cond` with `lock` held; the rank counts as released meanwhile. */
void rsmi_lock_wait(rsmi_lock_t *lock, pthread_cond_t *cond);

#if RSMI_DEBUG
/** Debug builds: stop unless this thread holds no lock at all. Called before MPI may block. */
void rsmi_lock_none_held(void);
/** For the test of the checker itself: called instead of stopping. NULL restores stopping. */
void rsmi_lock_set_failure_hook(void (*hook)(const char *what));
#else
static inline void rsmi_lock_none_held(void)
{
}
#endif

#endif
