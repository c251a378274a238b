/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: ranked mutexes, and the check of their order itself.
 * Proves: a lock excludes; in debug builds every pair of ranks that does not rise, a release of
 * what is not held, and a lock held before a call that may block are each reported once, every
 * right order is not, and without a hook the program stops with a line that says why.
 * Knows src/lock.h only.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock.h"
#include "t.h"

#define THREADS 4
#define TURNS 20000

static rsmi_lock_t one;
static long counter;

static void *count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < TURNS; i++) {
        rsmi_lock(&one);
        counter++;
        rsmi_unlock(&one);
    }
    return NULL;
}

static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int step;

static void *second(void *arg)
{
    (void)arg;
    rsmi_lock(&one);
    step = 1;
    (void)pthread_cond_broadcast(&moved);
    while (step != 2) {
        rsmi_lock_wait(&one, &moved);
    }
    step = 3;
    (void)pthread_cond_broadcast(&moved);
    rsmi_unlock(&one);
    return NULL;
}

static void excludes(void)
{
    pthread_t threads[THREADS];
    pthread_t other;

    rsmi_lock_init(&one, RSMI_RANK_EXPORT);
    for (unsigned i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(counter, (long)THREADS * TURNS);

    rsmi_lock(&one);
    t_require_eq(pthread_create(&other, NULL, second, NULL), 0);
    while (step != 1) {
        rsmi_lock_wait(&one, &moved);
    }
    step = 2;
    (void)pthread_cond_broadcast(&moved);
    while (step != 3) {
        rsmi_lock_wait(&one, &moved);
    }
    rsmi_unlock(&one);
    (void)pthread_join(other, NULL);
    rsmi_lock_destroy(&one);
    rsmi_lock_none_held();
}

#if RSMI_DEBUG
static int reports;
static char last[128];

static void remember(const char *what)
{
    reports++;
    (void)snprintf(last, sizeof last, "%s", what);
}

static void orders(void)
{
    for (int a = RSMI_RANK_REGISTRY; a < RSMI_RANK_COUNT; a++) {
        for (int b = RSMI_RANK_REGISTRY; b < RSMI_RANK_COUNT; b++) {
            rsmi_lock_t first;
            rsmi_lock_t next;

            t_note("rank %d, then %d", a, b);
            rsmi_lock_init(&first, (rsmi_rank_t)a);
            rsmi_lock_init(&next, (rsmi_rank_t)b);
            reports = 0;
            rsmi_lock(&first);
            rsmi_lock(&next);
            t_expect_eq(reports, b > a ? 0 : 1);
            if (b <= a) {
                t_expect(strstr(last, "order") != NULL);
            }
            rsmi_unlock(&next);
            if (a != b) {
                rsmi_unlock(&first);
                t_expect_eq(reports, b > a ? 0 : 1);
            } else {
                (void)pthread_mutex_unlock(&first.mutex); /* its bit went with the other one */
            }
            rsmi_lock_none_held();
            t_expect_eq(reports, b > a ? 0 : 1);
            rsmi_lock_destroy(&first);
            rsmi_lock_destroy(&next);
        }
    }
    t_note("all in a row");
    {
        rsmi_lock_t all[RSMI_RANK_COUNT];

        reports = 0;
        for (int r = RSMI_RANK_REGISTRY; r < RSMI_RANK_COUNT; r++) {
            rsmi_lock_init(&all[r], (rsmi_rank_t)r);
            rsmi_lock(&all[r]);
        }
        for (int r = RSMI_RANK_REGISTRY; r < RSMI_RANK_COUNT; r++) {
            rsmi_unlock(&all[r]); /* any order of release is fine */
            rsmi_lock_destroy(&all[r]);
        }
        rsmi_lock_none_held();
        t_expect_eq(reports, 0);
    }
}

static void *from_another_thread(void *arg)
{
    rsmi_lock_t low;

    (void)arg;
    rsmi_lock_init(&low, RSMI_RANK_REGISTRY);
    rsmi_lock_none_held(); /* what others hold is no concern of this thread */
    rsmi_lock(&low);
    rsmi_unlock(&low);
    rsmi_lock_destroy(&low);
    return NULL;
}

static void others(void)
{
    rsmi_lock_t lock;
    pthread_t thread;

    reports = 0;
    rsmi_lock_init(&lock, RSMI_RANK_EVENT);
    rsmi_lock(&lock);
    t_require_eq(pthread_create(&thread, NULL, from_another_thread, NULL), 0);
    (void)pthread_join(thread, NULL);
    t_expect_eq(reports, 0);

    rsmi_lock_none_held();
    t_expect_eq(reports, 1);
    t_expect(strstr(last, "block") != NULL);
    rsmi_unlock(&lock);
    rsmi_lock_none_held();
    t_expect_eq(reports, 1);

    (void)pthread_mutex_lock(&lock.mutex);
    rsmi_unlock(&lock);
    t_expect_eq(reports, 2);
    t_expect(strstr(last, "released") != NULL);
    rsmi_lock_destroy(&lock);
}

/** Without a hook: a line on standard error, then SIGABRT. */
static void stops(void)
{
    rsmi_lock_t lock;
    char text[256] = "";
    int status = 0;
    int fds[2];
    pid_t pid;

    rsmi_lock_set_failure_hook(NULL);
    t_require_eq(pipe(fds), 0);
    pid = fork();
    t_require(pid >= 0);
    if (pid == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        rsmi_lock_init(&lock, RSMI_RANK_EVENT);
        rsmi_lock(&lock);
        rsmi_lock_none_held();
        _exit(0);
    }
    (void)close(fds[1]);
    t_expect(read(fds[0], text, sizeof text - 1) > 0);
    (void)close(fds[0]);
    t_require_eq(waitpid(pid, &status, 0), pid);
    t_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    t_expect(strstr(text, "rsm: broken invariant: lock held across a call that may block") != NULL);
}
#endif

int main(void)
{
    t_watchdog(30);
    excludes();
#if RSMI_DEBUG
    rsmi_lock_set_failure_hook(remember);
    orders();
    others();
    stops();
    return t_finish();
#else
    t_skip("the order of locks is checked in debug builds only (RSMI_DEBUG=1)");
#endif
}
