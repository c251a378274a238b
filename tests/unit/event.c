/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: events, as counters and through the public calls: counting, no-accumulate, waiting
 * with and without limit, several waiters, signals, cancelled waiters, handles destroyed under a
 * waiter.
 * Proves: 17.1 to 17.3; statements 47 to 50; src/event.h: a signal interrupts a wait without a
 * race, and with 10,000 of them at random moments no event is lost and nobody hangs;
 * src/interrupt.h: a sleeper that is cancelled stays in the queue until its wait is over.
 */
#include "event.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fake_glue.h"
#include "handle.h"
#include "nap.h"
#include "t.h"

#define ID 0x400070U
#define SIGNALS 10000
#define EVENTS 3000

static char *memory;

/* ---- Counters ---------------------------------------------------------------------------- */

static unsigned drain(rsmi_event_t *event)
{
    unsigned count = 0;

    while (rsmi_event_wait(event, 0) == RSM_SUCCESS) {
        count++;
    }
    return count;
}

static void counters(void)
{
    rsmi_event_t *event = rsmi_event_create();

    t_note("counters");
    t_require(event != NULL);
    t_expect_code(rsmi_event_wait(event, 0), RSMERR_TIMEOUT);
    rsmi_event_post(event, false, 0);
    t_expect_code(rsmi_event_wait(event, 0), RSMERR_TIMEOUT);
    rsmi_event_post(event, false, 3);
    rsmi_event_post(event, false, 2);
    t_expect_eq(drain(event), 5);
    rsmi_event_post(event, true, 0);
    rsmi_event_post(event, true, 0);
    rsmi_event_post(event, true, 0);
    t_expect_eq(drain(event), 1);
    rsmi_event_post(event, true, 2); /* one that may be dropped, then two that may not */
    t_expect_eq(drain(event), 3);
    rsmi_event_post(event, false, 1);
    rsmi_event_post(event, true, 2);
    t_expect_eq(drain(event), 3);

    t_note("the highest value stays");
    rsmi_event_post(event, false, UINT32_MAX - 1);
    rsmi_event_post(event, false, 5);
    rsmi_event_post(event, true, UINT32_MAX);
    t_expect_code(rsmi_event_wait(event, 0), RSM_SUCCESS);
    rsmi_event_post(event, false, UINT32_MAX);
    t_expect_code(rsmi_event_wait(event, 0), RSM_SUCCESS);
    t_expect_code(rsmi_event_wait(event, -1), RSM_SUCCESS);

    t_note("closed");
    rsmi_event_close(event);
    t_expect_code(rsmi_event_wait(event, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsmi_event_wait(event, -1), RSMERR_BAD_SEG_HNDL);
    rsmi_event_get(event);
    rsmi_event_put(event);
    rsmi_event_put(event);
    fake_expect_clean();
}

/* ---- Several waiters --------------------------------------------------------------------- */

static rsmi_event_t *shared;
static atomic_int woken;
static atomic_int closed_seen;

static void *waiter(void *arg)
{
    int rc = rsmi_event_wait(shared, (int)(intptr_t)arg);

    if (rc == RSM_SUCCESS) {
        atomic_fetch_add(&woken, 1);
    } else if (rc == RSMERR_BAD_SEG_HNDL) {
        atomic_fetch_add(&closed_seen, 1);
    } else {
        t_expect_code(rc, RSM_SUCCESS);
    }
    return NULL;
}

static void expect_woken(int count)
{
    for (int i = 0; i < 2000 && atomic_load(&woken) < count; i++) {
        fake_ms(1);
    }
    fake_ms(20); /* whoever else might wake by mistake */
    t_expect_eq(atomic_load(&woken), count);
}

static void several_waiters(void)
{
    pthread_t threads[6];

    t_note("several waiters");
    shared = rsmi_event_create();
    t_require(shared != NULL);
    for (unsigned i = 0; i < 6; i++) {
        t_require_eq(
            pthread_create(&threads[i], NULL, waiter, (void *)(intptr_t)(i == 5 ? 60000 : -1)), 0);
    }
    fake_ms(20);
    rsmi_event_post(shared, false, 1);
    expect_woken(1);
    rsmi_event_post(shared, false, 2);
    expect_woken(3);
    rsmi_event_post(shared, true, 0);
    expect_woken(4);
    t_expect_code(rsmi_event_wait(shared, 0), RSMERR_TIMEOUT);
    rsmi_event_close(shared);
    for (unsigned i = 0; i < 6; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(atomic_load(&woken), 4);
    t_expect_eq(atomic_load(&closed_seen), 2);
    rsmi_event_put(shared);
}

/* ---- Through the public calls ------------------------------------------------------------ */

static unsigned pending(void *segment)
{
    unsigned count = 0;

    fake_settle();
    while (rsm_intr_signal_wait(segment, 0) == RSM_SUCCESS) {
        count++;
    }
    return count;
}

static void public_counts(rsm_node_id_t node)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_export_handle_t alone = NULL;
    rsm_memseg_import_handle_t imp = fake_import(node, ID, RSM_PERM_NONE);
    rsm_memseg_import_handle_t twin = fake_import(node, ID, RSM_PERM_RDWR);
    unsigned one = RSM_SIGPOST_NO_ACCUMULATE;

    t_note("node %u, importer posts", node);
    for (unsigned i = 0; i < 3; i++) {
        t_expect_ok(rsm_intr_signal_post(imp, 0));
    }
    for (unsigned i = 0; i < 3; i++) {
        t_expect_ok(rsm_intr_signal_wait(seg, i == 0 ? -1 : 1000));
    }
    t_expect_code(rsm_intr_signal_wait(seg, 10), RSMERR_TIMEOUT);
    t_expect_ok(rsm_intr_signal_post(imp, one));
    t_expect_ok(rsm_intr_signal_post(imp, one));
    t_expect_ok(rsm_intr_signal_post(twin, one | 0xFFF0)); /* other bits are ignored */
    t_expect_eq(pending(seg), 1);
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_post(twin, 0xFFF1));
    t_expect_ok(rsm_intr_signal_post(imp, one));
    t_expect_eq(pending(seg), 2);
    t_expect_eq(pending(imp), 0);
    t_expect_eq(pending(twin), 0);

    t_note("node %u, exporter posts", node);
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_eq(pending(imp), 1);
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_intr_signal_post(seg, one)); /* decided per target */
    t_expect_eq(pending(imp), 1);
    t_expect_eq(pending(twin), 2);
    t_expect_eq(pending(seg), 0);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &alone, memory, FAKE_PAGE, 0));
    t_expect_ok(rsm_intr_signal_post(alone, 0)); /* not published, nobody connected */
    t_expect_eq(pending(alone), 0);
    t_expect_ok(rsm_memseg_export_destroy(alone));
    t_expect_ok(rsm_memseg_import_disconnect(twin));
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_eq(pending(imp), 1);

    if (node != 0) {
        t_note("the glue cannot send");
        fake_fail(FAKE_POST, 1, RSMERR_REMOTE_NODE_UNREACHABLE);
        t_expect_code(rsm_intr_signal_post(imp, 0), RSMERR_REMOTE_NODE_UNREACHABLE);
        fake_fail(FAKE_POST, 1, RSMERR_CONN_ABORTED);
        t_expect_code(rsm_intr_signal_post(imp, 0), RSMERR_CONN_ABORTED);
        t_expect_eq(pending(seg), 0);
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_intr_signal_post(seg, 0));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_deliver(rsmi_handle_from_ptr(seg), false, 1); /* for handles that are gone: lost */
    fake_deliver(rsmi_handle_from_ptr(imp), false, 1);
    fake_deliver(4711, true, 1);
    fake_expect_clean();
}

static void timeouts(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, 0);
    static const int limits[] = {0, 1, 30, 80};

    t_note("timeouts");
    for (unsigned i = 0; i < 4; i++) {
        uint64_t start = rsmi_now();
        uint64_t took;

        t_expect_code(rsm_intr_signal_wait(imp, limits[i]), RSMERR_TIMEOUT);
        took = rsmi_now() - start;
        t_expect(took >= (uint64_t)limits[i] * 1000000);
        t_expect(took < 5000000000U + (uint64_t)limits[i] * 1000000);
    }
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, 2147483647));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_wait(seg, -2147483647));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

/* ---- Waiters of the public calls --------------------------------------------------------- */

typedef struct wait {
    void *segment;
    int timeout;
    _Atomic(pid_t) started;
    atomic_int code; /* + 1000 once it is there */
} wait_t;

static void *public_waiter(void *arg)
{
    wait_t *wait = arg;

    atomic_store(&wait->started, 1);
    atomic_store(&wait->code, 1000 + rsm_intr_signal_wait(wait->segment, wait->timeout));
    return NULL;
}

/** No variable in the frame that a cancel leaves: the address sanitizer would go on guarding it. */
static void *waiting_thread(void *arg)
{
    (void)public_waiter(arg);
    pthread_testcancel();
    return NULL;
}

static pthread_t start_waiter(wait_t *wait, void *segment, int timeout)
{
    pthread_t thread;

    wait->segment = segment;
    wait->timeout = timeout;
    atomic_init(&wait->started, 0);
    atomic_init(&wait->code, 0);
    t_require_eq(pthread_create(&thread, NULL, waiting_thread, wait), 0);
    while (atomic_load(&wait->started) == 0) {
        fake_ms(1);
    }
    fake_ms(10); /* asleep by then; if not, the result is the same */
    return thread;
}

static void blocks(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, 0);
    static const int limits[] = {-1, -77, 60000};
    wait_t wait;
    pthread_t thread;

    t_note("a wait blocks until the post");
    for (unsigned i = 0; i < 3; i++) {
        thread = start_waiter(&wait, seg, limits[i]);
        t_expect_eq(atomic_load(&wait.code), 0);
        t_expect_ok(rsm_intr_signal_post(imp, 0));
        (void)pthread_join(thread, NULL);
        t_expect_code(atomic_load(&wait.code) - 1000, RSM_SUCCESS);
    }
    t_note("a waiter on an import that is disconnected");
    thread = start_waiter(&wait, imp, -1);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&wait.code) - 1000, RSMERR_BAD_SEG_HNDL);
    t_note("a waiter on an export that is unpublished, then destroyed");
    thread = start_waiter(&wait, seg, -1);
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    fake_ms(10);
    t_expect_eq(atomic_load(&wait.code), 0); /* the state does not matter to it */
    t_expect_ok(rsm_memseg_export_destroy(seg));
    (void)pthread_join(thread, NULL);
    t_expect_code(atomic_load(&wait.code) - 1000, RSMERR_BAD_SEG_HNDL);
    fake_expect_clean();
}

/* ---- Cancelled waiters ------------------------------------------------------------------- */

/** The wait goes on as if nothing had happened; the cancel waits for what comes behind it. */
static void *post_cancelled(void *arg)
{
    (void)pthread_cancel(pthread_self()); /* acted upon at the next cancellation point */
    (void)rsm_intr_signal_post(arg, 0);
    pthread_testcancel();
    return NULL;
}

/** A thread that is cancelled while it posts, with somebody asleep who has to be woken. */
static void cancelled_poster(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(0, ID, 0); /* oneself: the poster itself wakes */
    wait_t waits[2];
    pthread_t sleepers[2];
    pthread_t poster;
    void *result = NULL;

    t_note("a cancelled poster");
    sleepers[0] = start_waiter(&waits[0], seg, -1);
    t_require_eq(pthread_create(&poster, NULL, post_cancelled, imp), 0);
    (void)pthread_join(poster, &result);
    t_expect_eq(result, PTHREAD_CANCELED);
    (void)pthread_join(sleepers[0], NULL);
    t_expect_code(atomic_load(&waits[0].code) - 1000, RSM_SUCCESS);
    sleepers[1] = start_waiter(&waits[1], seg, -1);
    t_expect_ok(rsm_intr_signal_post(imp, 0)); /* the counter's lock is free */
    (void)pthread_join(sleepers[1], NULL);
    t_expect_code(atomic_load(&waits[1].code) - 1000, RSM_SUCCESS);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static void cancelled(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, 0);
    wait_t waits[2];
    pthread_t threads[2];
    void *result = NULL;

    t_note("a cancelled waiter with another behind it");
    threads[0] = start_waiter(&waits[0], seg, -1);
    threads[1] = start_waiter(&waits[1], seg, -1);
    t_require_eq(pthread_cancel(threads[0]), 0);
    fake_ms(20);
    t_require_eq(pthread_tryjoin_np(threads[0], &result), EBUSY);
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], &result);
        t_expect_code(atomic_load(&waits[i].code) - 1000, RSM_SUCCESS);
        t_expect_eq(result, i == 0 ? PTHREAD_CANCELED : NULL);
    }
    t_expect_eq(pending(seg), 0);

    t_note("a cancelled waiter whose time runs out");
    threads[0] = start_waiter(&waits[0], seg, 50);
    t_require_eq(pthread_cancel(threads[0]), 0);
    (void)pthread_join(threads[0], &result);
    t_expect_code(atomic_load(&waits[0].code) - 1000, RSMERR_TIMEOUT);
    t_expect_eq(result, PTHREAD_CANCELED);
    threads[1] = start_waiter(&waits[1], seg, -1);
    t_expect_ok(rsm_intr_signal_post(imp, 0));
    (void)pthread_join(threads[1], NULL);
    t_expect_code(atomic_load(&waits[1].code) - 1000, RSM_SUCCESS);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_expect_clean();
}

/* ---- Signals ----------------------------------------------------------------------------- */

static atomic_int handled;

static void handler(int sig)
{
    (void)sig;
    atomic_fetch_add(&handled, 1);
}

static void install(int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    t_require_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

static void one_signal(void)
{
    rsm_memseg_export_handle_t seg = fake_export(memory, FAKE_PAGE, ID);
    rsm_memseg_import_handle_t imp = fake_import(1, ID, 0);
    static const int flags[] = {0, SA_RESTART};

    for (unsigned i = 0; i < 4; i++) {
        wait_t wait;
        pthread_t thread;

        t_note("a signal, SA_RESTART %u, limit %u", i % 2, i / 2);
        install(flags[i % 2]);
        thread = start_waiter(&wait, seg, i < 2 ? -1 : 60000);
        while (atomic_load(&wait.code) == 0) { /* the first may come before the call */
            t_require_eq(pthread_kill(thread, SIGUSR1), 0);
            fake_ms(5);
        }
        (void)pthread_join(thread, NULL);
        t_expect_code(atomic_load(&wait.code) - 1000, RSMERR_INTERRUPTED);
        t_expect_ok(rsm_intr_signal_post(imp, 0)); /* the call can be repeated */
        t_expect_ok(rsm_intr_signal_wait(seg, 1000));
    }
    t_note("a blocked signal does not interrupt, and stays blocked");
    {
        sigset_t set;
        sigset_t before;
        sigset_t after;
        wait_t wait;
        pthread_t thread;
        int count = atomic_load(&handled);

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGUSR1);
        (void)pthread_sigmask(SIG_BLOCK, &set, &before);
        thread = start_waiter(&wait, seg, -1);
        t_require_eq(pthread_kill(thread, SIGUSR1), 0);
        fake_ms(10);
        t_expect_eq(atomic_load(&wait.code), 0);
        t_expect_ok(rsm_intr_signal_post(imp, 0));
        (void)pthread_join(thread, NULL);
        t_expect_code(atomic_load(&wait.code) - 1000, RSM_SUCCESS);
        t_expect_code(rsm_intr_signal_wait(seg, 1), RSMERR_TIMEOUT);
        (void)pthread_sigmask(SIG_SETMASK, &before, &after);
        t_expect_eq(sigismember(&after, SIGUSR1), 1); /* a wait leaves the mask as it was */
        t_expect_eq(sigismember(&after, SIGUSR2), sigismember(&before, SIGUSR2));
        t_expect_eq(atomic_load(&handled), count);
    }
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

static rsm_memseg_export_handle_t target;
static rsm_memseg_import_handle_t source;
static atomic_int consumed;
static atomic_int interruptions;
static atomic_bool finished;

static void *consumer(void *arg)
{
    t_rand_t random;

    t_rand_init(&random, *(uint64_t *)arg, 1);
    while (atomic_load(&consumed) < EVENTS) {
        static const int limits[] = {-1, -1, 1, 0};
        int rc = rsm_intr_signal_wait(target, limits[t_rand_below(&random, 4)]);

        if (rc == RSM_SUCCESS) {
            atomic_fetch_add(&consumed, 1);
        } else if (rc == RSMERR_INTERRUPTED) {
            atomic_fetch_add(&interruptions, 1);
        } else {
            t_expect_code(rc, RSMERR_TIMEOUT);
        }
    }
    atomic_store(&finished, true);
    return NULL;
}

static void *poster(void *arg)
{
    t_rand_t random;

    t_rand_init(&random, *(uint64_t *)arg, 2);
    for (unsigned i = 0; i < EVENTS; i++) {
        if (t_rand_below(&random, 8) == 0) {
            struct timespec pause = {0, (long)t_rand_below(&random, 60000)};

            (void)nanosleep(&pause, NULL);
        }
        t_expect_ok(rsm_intr_signal_post(source, 0));
    }
    return NULL;
}

/** Signals at random moments of a wait; one waiter, one poster; every event is consumed. */
static void many_signals(uint64_t seed)
{
    pthread_t threads[2];
    t_rand_t random;
    int sent = 0;

    t_note("many signals");
    t_rand_init(&random, seed, 3);
    install(SA_RESTART);
    atomic_store(&handled, 0);
    target = fake_export(memory, FAKE_PAGE, ID);
    source = fake_import(1, ID, 0);
    t_require_eq(pthread_create(&threads[0], NULL, consumer, &seed), 0);
    t_require_eq(pthread_create(&threads[1], NULL, poster, &seed), 0);
    while (!atomic_load(&finished) && sent < SIGNALS) {
        (void)pthread_kill(threads[0], SIGUSR1);
        sent++;
        for (volatile uint64_t i = t_rand_below(&random, 4000); i > 0; i--) {
        }
    }
    (void)pthread_join(threads[1], NULL);
    for (; sent < SIGNALS && !atomic_load(&finished); sent++) {
        (void)pthread_kill(threads[0], SIGUSR1);
    }
    (void)pthread_join(threads[0], NULL);
    t_expect_eq(atomic_load(&consumed), EVENTS);
    t_expect_eq(pending(target), 0);
    t_print("%d signals, %d handled, %d interruptions", sent, atomic_load(&handled),
            atomic_load(&interruptions));
    t_expect_ok(rsm_memseg_import_disconnect(source));
    t_expect_ok(rsm_memseg_export_destroy(target));
}

/** The same with nothing but signals, 10,000 of them: each wait ends, and none consumes. */
static void *interrupted_only(void *arg)
{
    rsm_memseg_export_handle_t seg = arg;

    while (!atomic_load(&finished)) {
        int rc = rsm_intr_signal_wait(seg, -1);

        if (rc == RSMERR_INTERRUPTED) {
            atomic_fetch_add(&interruptions, 1);
        } else {
            t_expect_code(rc, RSM_SUCCESS);
        }
    }
    return NULL;
}

static void only_signals(void)
{
    pthread_t thread;

    t_note("only signals");
    atomic_store(&finished, false);
    atomic_store(&interruptions, 0);
    target = fake_export(memory, FAKE_PAGE, ID);
    source = fake_import(1, ID, 0);
    t_require_eq(pthread_create(&thread, NULL, interrupted_only, target), 0);
    for (int i = 0; i < SIGNALS; i++) {
        t_require_eq(pthread_kill(thread, SIGUSR1), 0);
        if (i % 16 == 0) {
            struct timespec pause = {0, 20000};

            (void)nanosleep(&pause, NULL);
        }
    }
    atomic_store(&finished, true);
    t_expect_ok(rsm_intr_signal_post(source, 0)); /* ends the wait, whatever the signals did */
    (void)pthread_join(thread, NULL);
    t_expect(atomic_load(&interruptions) > 0);
    t_print("%d interruptions by %d signals", atomic_load(&interruptions), SIGNALS);
    (void)pending(target);
    t_expect_ok(rsm_memseg_import_disconnect(source));
    t_expect_ok(rsm_memseg_export_destroy(target));
}

/** Several posters and waiters: as many successes as events, and the counter is 0 at the end. */
static atomic_int got;

static void *hungry(void *arg)
{
    (void)arg;
    while (atomic_load(&got) < EVENTS) {
        if (rsm_intr_signal_wait(target, 20) == RSM_SUCCESS) {
            atomic_fetch_add(&got, 1);
        }
    }
    return NULL;
}

static void *generous(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < EVENTS / 2; i++) {
        t_expect_ok(rsm_intr_signal_post(source, 0));
        if (i % 64 == 0) {
            fake_ms(1);
        }
    }
    return NULL;
}

static void crowd(void)
{
    pthread_t threads[5];

    t_note("crowd");
    target = fake_export(memory, FAKE_PAGE, ID);
    source = fake_import(1, ID, 0);
    for (unsigned i = 0; i < 5; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, i < 3 ? hungry : generous, NULL), 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(atomic_load(&got), EVENTS);
    t_expect_eq(pending(target), 0);
    t_expect_ok(rsm_memseg_import_disconnect(source));
    t_expect_ok(rsm_memseg_export_destroy(target));
}

/* ---- Descriptors ------------------------------------------------------------------------- */

static int descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    t_require(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static void *nothing_left(void *arg)
{
    rsmi_event_t *event = arg;
    struct rlimit limit;
    struct rlimit none;

    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    t_require_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    t_expect_code(rsmi_event_wait(event, 0), RSMERR_TIMEOUT); /* looking needs none */
    t_expect_code(rsmi_event_wait(event, 10), RSMERR_INSUFFICIENT_RESOURCES);
    rsmi_event_post(event, false, 1);
    t_expect_code(rsmi_event_wait(event, 10), RSM_SUCCESS);
    t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    t_expect_code(rsmi_event_wait(event, 1), RSMERR_TIMEOUT);
    return NULL;
}

static void *sleeps_once(void *arg)
{
    t_expect_code(rsmi_event_wait(arg, 1), RSMERR_TIMEOUT);
    return NULL;
}

static void fds(void)
{
    rsmi_event_t *event = rsmi_event_create();
    pthread_t thread;
    int before;

    t_note("descriptors");
    t_require(event != NULL);
    t_expect_code(rsmi_event_wait(event, 1), RSMERR_TIMEOUT); /* this thread has its own now */
    before = descriptors();
    for (unsigned i = 0; i < 20; i++) {
        t_require_eq(pthread_create(&thread, NULL, sleeps_once, event), 0);
        (void)pthread_join(thread, NULL);
    }
    t_require_eq(pthread_create(&thread, NULL, nothing_left, event), 0);
    (void)pthread_join(thread, NULL);
    t_expect_eq(descriptors(), before);
    rsmi_event_put(event);
}

int main(int argc, char **argv)
{
    uint64_t seed = t_seed(argc, argv);

    fake_begin();
    memory = fake_pages(1);
    counters();
    several_waiters();
    public_counts(1);
    public_counts(0);
    timeouts();
    blocks();
    cancelled();
    cancelled_poster();
    one_signal();
    many_signals(seed);
    only_signals();
    crowd();
    fds();
    fake_pages_free(memory, 1);
    return fake_finish();
}
