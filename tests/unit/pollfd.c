/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: poll descriptors of segments, export and import side: readiness, references and
 * what they block; a wait over segments, pipes and sockets together; signals; a process without
 * descriptors; many events in and out from several threads; a forked child.
 * Proves: 17.4 to 17.7, 10.3, 11.3, 19.3; statements 20, 24, 51 and 52.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x400260U
#define BOTH (POLLIN | POLLRDNORM)

static char *memory;
static rsm_memseg_export_handle_t seg;
static rsm_memseg_import_handle_t imp;

static void begin(const char *what)
{
    t_note("%s", what);
    fake_reset();
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
}

static void end(void)
{
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/** Post to `memseg` from the other side. */
static void post_to(void *memseg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        t_expect_ok(rsm_intr_signal_post(memseg == (void *)seg ? (void *)imp : (void *)seg, 0));
    }
    fake_settle();
}

static struct pollfd get(void *memseg)
{
    struct pollfd pfd = {.fd = -1, .events = 0, .revents = 77};

    t_require_ok(rsm_memseg_get_pollfd(memseg, &pfd));
    t_expect_eq(pfd.events, POLLRDNORM);
    t_expect_eq(pfd.revents, 77); /* left alone */
    t_require(pfd.fd >= 0);
    return pfd;
}

/** What poll() says about `fd` now. */
static short ready(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = BOTH | POLLPRI, .revents = 0};

    t_expect(poll(&pfd, 1, 0) >= 0);
    return pfd.revents;
}

static int wait_fds(struct pollfd *fds, nfds_t nfds, int timeout, int *count_p)
{
    *count_p = 4711;
    return rsm_intr_signal_wait_pollfd(fds, nfds, timeout, count_p);
}

/* ---- One descriptor ---------------------------------------------------------------------- */

static void level(void *memseg)
{
    struct pollfd first;
    struct pollfd second;
    int ordinary;

    begin("level-triggered, one descriptor");
    memseg = memseg == NULL ? (void *)seg : (void *)imp;
    t_expect_code(rsm_memseg_get_pollfd(NULL, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_get_pollfd(memseg, NULL), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_get_pollfd(fake_ctl, &first), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(fake_ctl), RSMERR_BAD_SEG_HNDL);
    post_to(memseg, 1); /* before anybody asked */
    first = get(memseg);
    t_expect_eq(ready(first.fd), BOTH);
    t_expect_eq(ready(first.fd), BOTH); /* polling consumes nothing */
    post_to(memseg, 2);
    for (unsigned left = 3; left > 0; left--) {
        t_expect_eq(ready(first.fd), BOTH);
        t_expect_ok(rsm_intr_signal_wait(memseg, 0));
    }
    t_expect_eq(ready(first.fd), 0);
    t_expect_code(rsm_intr_signal_wait(memseg, 0), RSMERR_TIMEOUT);
    post_to(memseg, 1);
    t_expect_eq(ready(first.fd), BOTH);
    second = get(memseg);
    t_expect_eq(second.fd, first.fd);
    t_expect_ok(rsm_memseg_release_pollfd(memseg));
    t_expect_ok(rsm_memseg_release_pollfd(memseg));
    t_expect_eq(ready(first.fd), BOTH);             /* it stays until the handle is gone */
    t_expect_ok(rsm_memseg_release_pollfd(memseg)); /* superfluous */
    t_expect_ok(rsm_memseg_release_pollfd(memseg));
    second = get(memseg);
    t_expect_eq(second.fd, first.fd);
    t_expect_ok(rsm_memseg_release_pollfd(memseg));
    t_expect_ok(rsm_intr_signal_wait(memseg, 0));
    t_expect_eq(ready(first.fd), 0);
    end();
    t_expect_code(rsm_memseg_get_pollfd(memseg, &second), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(memseg), RSMERR_BAD_SEG_HNDL);
    ordinary = dup(0); /* the number is free again */
    t_expect(ordinary >= 0 && ordinary <= first.fd);
    (void)close(ordinary);
}

/** A handle of which nobody has asked for a descriptor: no release counts below zero. */
static void superfluous(void)
{
    begin("superfluous releases before the first get");
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    (void)get(seg);
    (void)get(imp);
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE);
    t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_POLLFD_IN_USE);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    end();
}

static void blocks(void)
{
    char byte = 'b';
    rsm_iovec_t entry = fake_va(&byte, 0, 0, 1);
    rsm_memseg_import_handle_t fresh;
    rsm_memseg_id_t id = ID;
    struct pollfd pfd;

    begin("what references block");
    pfd = get(seg);
    (void)get(seg);
    (void)get(imp);
    for (unsigned refs = 2; refs > 0; refs--) {
        t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_POLLFD_IN_USE);
        /* Unchanged: published, importers connected, events counted. */
        t_expect_ok(fake_putv(imp, &entry, 1, RSM_IMPLICIT_SIGPOST, NULL));
        t_expect_eq(ready(pfd.fd), BOTH);
        t_expect_ok(rsm_intr_signal_wait(seg, 0));
        fresh = fake_import(0, ID, RSM_PERM_RDWR);
        t_expect_ok(rsm_memseg_import_disconnect(fresh));
        t_expect_ok(rsm_memseg_release_pollfd(seg));
    }
    (void)get(seg);
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    post_to(imp, 1);
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE);
    t_expect_ok(rsm_intr_signal_wait(imp, 0)); /* nothing was dropped */

    t_note("unpublish is not blocked, and the state does not matter to descriptors");
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_eq(ready(pfd.fd), BOTH); /* pending events survive */
    t_expect_eq(get(seg).fd, pfd.fd);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE); /* cut off, too */
    t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_POLLFD_IN_USE);
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

/* ---- A wait over several ----------------------------------------------------------------- */

typedef struct ends {
    int pipe[2];
    int sockets[2];
} ends_t;

static ends_t open_ends(void)
{
    ends_t ends;

    t_require_eq(pipe(ends.pipe), 0);
    t_require_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.sockets), 0);
    return ends;
}

static void close_ends(ends_t *ends)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)close(ends->pipe[i]);
        (void)close(ends->sockets[i]);
    }
}

static void mixture(void)
{
    ends_t ends = open_ends();
    struct pollfd fds[6];
    int count;

    begin("segments, a pipe and sockets");
    post_to(seg, 2); /* before the descriptor exists */
    fds[0] = get(seg);
    fds[1] = get(imp);
    fds[2] = (struct pollfd){.fd = ends.pipe[0], .events = POLLIN};
    fds[3] = (struct pollfd){.fd = ends.sockets[0], .events = POLLIN | POLLOUT};
    fds[4] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 77};
    fds[5] = (struct pollfd){.fd = ends.sockets[1], .events = POLLIN};
    t_expect_ok(wait_fds(fds, 6, 1000, &count));
    t_expect_eq(count, 2);
    t_expect_eq(fds[0].revents, POLLRDNORM);
    t_expect_eq(fds[1].revents, 0);
    t_expect_eq(fds[2].revents, 0);
    t_expect_eq(fds[3].revents, POLLOUT);
    t_expect_eq(fds[4].revents, 0);
    t_expect_eq(fds[5].revents, 0);
    t_expect_eq(ready(fds[0].fd), BOTH); /* one of two was consumed */

    post_to(imp, 1); /* after get_pollfd */
    t_expect_eq(write(ends.pipe[1], "x", 1), 1);
    t_expect_eq(write(ends.sockets[0], "y", 1), 1);
    fds[3].events = POLLIN;
    fds[1].events = POLLIN; /* counts as POLLRDNORM */
    t_expect_ok(wait_fds(fds, 6, 0, &count));
    t_expect_eq(count, 4);
    t_expect_eq(fds[0].revents, POLLRDNORM);
    t_expect_eq(fds[1].revents, POLLIN);
    t_expect_eq(fds[2].revents, POLLIN);
    t_expect_eq(fds[3].revents, 0);
    t_expect_eq(fds[5].revents, POLLIN);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT);

    t_note("ordinary descriptors stay ready; an end that is gone");
    (void)close(ends.pipe[1]);
    t_expect_ok(wait_fds(fds, 6, 0, &count));
    t_expect_eq(count, 2);
    t_expect_eq(fds[2].revents, POLLIN | POLLHUP);
    t_expect_ok(wait_fds(fds, 3, 0, &count));
    t_expect_eq(count, 1);
    (void)close(ends.pipe[0]);
    t_expect_ok(wait_fds(fds, 3, 0, &count));
    t_expect_eq(fds[2].revents, POLLNVAL);
    t_expect_eq(count, 1);
    ends.pipe[0] = dup(0);
    ends.pipe[1] = dup(0);

    t_note("not asked for");
    post_to(seg, 1);
    fds[0].events = 0;
    t_expect_code(wait_fds(fds, 2, 0, &count), RSMERR_TIMEOUT);
    t_expect_eq(fds[0].revents, 0);
    t_expect_ok(rsm_intr_signal_wait(seg, 0)); /* not consumed */
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    close_ends(&ends);
    end();
}

static void twice(void)
{
    struct pollfd fds[3];
    int count;

    begin("a segment listed twice");
    fds[0] = get(seg);
    fds[1] = fds[0];
    fds[2] = fds[0];
    post_to(seg, 1);
    t_expect_ok(wait_fds(fds, 2, 1000, &count));
    t_expect_eq(count, 1);
    t_expect_eq(fds[0].revents, POLLRDNORM);
    t_expect_eq(fds[1].revents, 0);
    post_to(seg, 2);
    t_expect_ok(wait_fds(fds, 2, 1000, &count));
    t_expect_eq(count, 2);
    t_expect_eq(fds[0].revents, POLLRDNORM);
    t_expect_eq(fds[1].revents, POLLRDNORM);
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
    post_to(seg, 4);
    t_expect_ok(wait_fds(fds, 3, 1000, &count));
    t_expect_eq(count, 3);
    t_expect_ok(rsm_intr_signal_wait(seg, 0));

    t_note("released: an ordinary descriptor, ready and not consumed");
    post_to(seg, 1);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    for (unsigned i = 0; i < 3; i++) {
        t_expect_ok(wait_fds(fds, 1, 0, &count));
        t_expect_eq(count, 1);
        t_expect_eq(fds[0].revents, POLLRDNORM);
    }
    (void)get(seg); /* and a segment's again */
    t_expect_ok(wait_fds(fds, 1, 0, &count));
    t_expect_code(wait_fds(fds, 1, 0, &count), RSMERR_TIMEOUT);
    t_expect_eq(count, 0);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

static uint64_t now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void *post_later(void *arg)
{
    fake_ms(50);
    t_expect_ok(rsm_intr_signal_post(arg, 0));
    return NULL;
}

static void arguments(void)
{
    struct rlimit limit;
    struct rlimit low;
    struct pollfd fds[2];
    pthread_t thread;
    uint64_t then;
    int count;

    begin("timeouts and bad arguments");
    fds[0] = get(seg);
    then = now_ms();
    t_expect_code(wait_fds(NULL, 0, 0, &count), RSMERR_TIMEOUT);
    t_expect_eq(count, 0);
    t_expect_code(wait_fds(NULL, 0, 30, &count), RSMERR_TIMEOUT); /* a sleep */
    t_expect(now_ms() - then >= 30);
    t_expect_code(wait_fds(fds, 1, 30, &count), RSMERR_TIMEOUT);
    t_expect(now_ms() - then >= 60);
    t_expect_eq(count, 0);
    t_expect_code(rsm_intr_signal_wait_pollfd(fds, 1, 0, NULL), RSMERR_TIMEOUT);
    post_to(seg, 1);
    t_expect_ok(rsm_intr_signal_wait_pollfd(fds, 1, 0, NULL));
    for (int timeout = -2; timeout < 0; timeout++) {
        t_require_eq(pthread_create(&thread, NULL, post_later, imp), 0);
        t_expect_ok(wait_fds(fds, 1, timeout, &count));
        t_expect_eq(count, 1);
        (void)pthread_join(thread, NULL);
    }
    post_to(seg, 1);
    t_expect_code(wait_fds(NULL, 1, 0, &count), RSMERR_BAD_ADDR);
    t_expect_eq(count, 0);
    t_expect_code(wait_fds((void *)(memory - FAKE_PAGE), 1, -1, &count), RSMERR_BAD_ADDR);
    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 1;
    t_require_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    fds[1] = fds[0];
    count = 4711;
    t_expect_code(wait_fds(fds, 2, -1, &count), RSMERR_BAD_ARGS_ERRORS); /* poll: EINVAL */
    t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    t_expect_eq(count, 0);
    t_expect_ok(rsm_intr_signal_wait(seg, 0)); /* nothing was consumed */
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

/* ---- Signals ----------------------------------------------------------------------------- */

static atomic_int result;
static atomic_bool asleep;

static void handler(int sig)
{
    (void)sig;
}

static void *waiter(void *arg)
{
    int count = 4711;

    atomic_store(&asleep, true);
    atomic_store(&result, 1000 + wait_fds(arg, 1, 20000, &count));
    t_expect_eq(count, 0);
    return NULL;
}

static void interrupted(void)
{
    struct sigaction action;
    struct pollfd pfd;
    pthread_t thread;

    begin("a signal");
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    t_require_eq(sigaction(SIGUSR1, &action, NULL), 0);
    pfd = get(seg);
    t_require_eq(pthread_create(&thread, NULL, waiter, &pfd), 0);
    while (!atomic_load(&asleep)) {
        fake_ms(1);
    }
    fake_ms(10);
    while (atomic_load(&result) == 0) {
        t_require_eq(pthread_kill(thread, SIGUSR1), 0);
        fake_ms(5);
    }
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&result) - 1000, RSMERR_INTERRUPTED);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

/* ---- Descriptors run out ----------------------------------------------------------------- */

static void exhausted(void *memseg)
{
    struct pollfd pfd = {.fd = 77, .events = 77, .revents = 77};
    struct rlimit limit;
    struct rlimit low;
    int spare;

    begin("no descriptor left");
    memseg = memseg == NULL ? (void *)seg : (void *)imp;
    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    spare = dup(0);
    t_require(spare >= 0);
    (void)close(spare);
    low = limit;
    for (rlim_t room = 0; room < 2; room++) { /* a pipe has two ends */
        low.rlim_cur = (rlim_t)spare + room;
        t_require_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
        t_expect_code(rsm_memseg_get_pollfd(memseg, &pfd), RSMERR_INSUFFICIENT_MEM);
        t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        t_expect_eq(pfd.fd, 77);
        t_expect_eq(pfd.events, 77);
    }
    t_expect_eq(dup(0), spare); /* no half of a pipe is left behind */
    (void)close(spare);
    post_to(memseg, 1); /* the counter goes on without */
    t_expect_ok(rsm_intr_signal_wait(memseg, 0));
    end(); /* nothing was counted */
}

/* ---- Many events ------------------------------------------------------------------------- */

#define POSTS 1000U
#define TAKERS 3U

static atomic_uint taken;
static atomic_uint seen_zero;
static struct pollfd contested;

static void *poster(void *arg)
{
    for (unsigned i = 0; i < POSTS; i++) {
        t_expect_ok(rsm_intr_signal_post(arg, 0));
    }
    return NULL;
}

/** One takes by wait, the others by wait_pollfd. */
static void *taker(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    while (atomic_load(&taken) < POSTS) {
        struct pollfd fds[2];
        int count = 0;
        int rc;

        fds[0] = contested;
        fds[1] = contested;
        if (me == 0) {
            rc = rsm_intr_signal_wait(seg, 2);
            count = rc == RSM_SUCCESS;
        } else {
            rc = wait_fds(fds, me, 2, &count);
            if (rc == RSM_SUCCESS && me == 2) {
                t_expect_eq(count, (fds[0].revents != 0) + (fds[1].revents != 0));
                atomic_fetch_add(&seen_zero, count == 1);
            }
        }
        t_expect(rc == RSM_SUCCESS || rc == RSMERR_TIMEOUT);
        t_expect_eq(count > 0, rc == RSM_SUCCESS);
        atomic_fetch_add(&taken, (unsigned)count);
    }
    return NULL;
}

static void many(void)
{
    pthread_t threads[TAKERS + 1];

    begin("a thousand events, in and out at once");
    contested = get(seg);
    for (unsigned round = 0; round < 5; round++) {
        atomic_store(&taken, 0);
        for (unsigned i = 0; i < TAKERS; i++) {
            t_require_eq(pthread_create(&threads[i], NULL, taker, (void *)(uintptr_t)i), 0);
        }
        t_require_eq(pthread_create(&threads[TAKERS], NULL, poster, imp), 0);
        for (unsigned i = 0; i < TAKERS + 1; i++) {
            (void)pthread_join(threads[i], NULL);
        }
        t_expect_eq(atomic_load(&taken), POSTS); /* each once */
        t_expect_eq(ready(contested.fd), 0);
        t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
        /* At rest, readiness is "count above 0". */
        for (unsigned i = 0; i < 20; i++) {
            post_to(seg, i % 3 + 1);
            for (unsigned left = i % 3 + 1; left > 0; left--) {
                t_expect_eq(ready(contested.fd), BOTH);
                t_expect_ok(rsm_intr_signal_wait(seg, 0));
            }
            t_expect_eq(ready(contested.fd), 0);
        }
    }
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

/** References come and go while others take: the descriptor is a segment's or ordinary, no more. */
static void *referrer(void *arg)
{
    for (unsigned i = 0; i < 3000; i++) {
        struct pollfd pfd = get(arg);

        t_expect_eq(pfd.fd, contested.fd);
        t_expect_ok(rsm_memseg_release_pollfd(arg));
    }
    return NULL;
}

static void referrers(void)
{
    pthread_t threads[3];

    begin("references of several threads");
    contested = get(seg);
    for (unsigned i = 0; i < 3; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, referrer, seg), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_code(rsm_memseg_export_destroy(seg), RSMERR_POLLFD_IN_USE);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

/** More segments than the table has rows, so that some share one. */
static void crowd(void)
{
    enum { SEGMENTS = 300 };
    static rsm_memseg_export_handle_t segs[SEGMENTS];
    static rsm_memseg_import_handle_t imps[SEGMENTS];
    static struct pollfd fds[SEGMENTS];
    int count;

    t_note("a crowd");
    fake_reset();
    for (unsigned i = 0; i < SEGMENTS; i++) {
        segs[i] = fake_export(memory, FAKE_PAGE, ID + 1000 + i);
        imps[i] = fake_import(0, ID + 1000 + i, RSM_PERM_NONE);
        fds[i] = get(segs[i]);
    }
    for (unsigned i = 0; i < SEGMENTS; i += 3) {
        t_expect_ok(rsm_intr_signal_post(imps[i], 0));
        t_expect_ok(rsm_memseg_release_pollfd(segs[i + 1])); /* out of the middle of its row */
    }
    t_expect_ok(wait_fds(fds, SEGMENTS, 0, &count));
    t_expect_eq(count, SEGMENTS / 3);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        t_expect_eq(fds[i].revents, i % 3 == 0 ? POLLRDNORM : 0);
        t_expect_code(rsm_intr_signal_wait(segs[i], 0), RSMERR_TIMEOUT);
        if (i % 3 != 1) {
            t_expect_code(rsm_memseg_export_destroy(segs[i]), RSMERR_POLLFD_IN_USE);
            t_expect_ok(rsm_memseg_release_pollfd(segs[i]));
        }
        t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
        t_expect_ok(rsm_memseg_export_destroy(segs[i]));
    }
    fake_expect_clean();
}

/* ---- A forked child ---------------------------------------------------------------------- */

static void child(void *arg)
{
    struct pollfd pfd = *(struct pollfd *)arg;
    int count;

    t_expect_code(rsm_memseg_get_pollfd(seg, &pfd), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_get_pollfd(imp, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(seg), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_release_pollfd(imp), RSMERR_BAD_SEG_HNDL);
    for (unsigned i = 0; i < 2; i++) { /* an ordinary descriptor there, and nothing is consumed */
        t_expect_ok(wait_fds(&pfd, 1, 0, &count));
        t_expect_eq(count, 1);
    }
    t_expect_code(wait_fds(NULL, 0, 5, &count), RSMERR_TIMEOUT);
}

static void forked(void)
{
    struct pollfd pfd;

    begin("a forked child");
    pfd = get(seg);
    post_to(seg, 1);
    t_expect(fake_in_child(child, &pfd));
    t_expect_eq(ready(pfd.fd), BOTH);
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_eq(ready(pfd.fd), 0);
    t_expect_ok(rsm_memseg_release_pollfd(seg));
    end();
}

int main(void)
{
    fake_begin();
    memory = fake_pages(1);
    level(NULL);
    level(&memory);
    superfluous();
    blocks();
    mixture();
    twice();
    arguments();
    interrupted();
    exhausted(NULL);
    exhausted(&memory);
    many();
    referrers();
    crowd();
    forked();
    fake_pages_free(memory, 1);
    return fake_finish();
}
