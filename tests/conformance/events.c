/* SPDX-License-Identifier: BSD-3-Clause */
/* Events and poll descriptors (reference 17). Counts are exact: conf_arrive() says when. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf.h"

/* ---- Counting ---------------------------------------------------------------------------- */

static void posts_are_counted(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    t_expect_code(rsm_intr_signal_post(NULL, 0), PAIR(rsm_intr_signal_post, RSMERR_BAD_SEG_HNDL));
    t_expect_code(rsm_intr_signal_wait(NULL, 0), PAIR(rsm_intr_signal_wait, RSMERR_BAD_SEG_HNDL));
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < 3; i++) {
            t_expect_ok(rsm_intr_signal_post(me->imp, i == 1 ? ~(unsigned)RSM_SIGPOST_NO_ACCUMULATE
                                                             : 0)); /* unknown bits are ignored */
        }
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 3 * c->importers);
        t_expect_code(rsm_intr_signal_wait(c->segment, 30), RSMERR_TIMEOUT);
    }
    CONF_IMPORTERS (c, me) { /* the poster's own handle gets nothing, nor do other importers */
        conf_expect_events(me->imp, 0);
    }
    conf_sync(c);
    /* A handle that is not published, and one that nobody imports. */
    if (c->exports) {
        rsm_memseg_export_handle_t alone = conf_create(c, c->memory, CONF_LENGTH, 0);

        t_expect_ok(rsm_intr_signal_post(alone, 0));
        conf_expect_events(alone, 0);
        conf_publish(alone, c->id + 1);
        t_expect_ok(rsm_intr_signal_post(alone, 0));
        conf_expect_events(alone, 0);
        conf_destroy(alone);
        t_expect_code(rsm_intr_signal_post(alone, 0), RSMERR_BAD_SEG_HNDL);
    }
    conf_strike(c);
}

static void exporter_posts_to_all(conf_t *c)
{
    rsm_memseg_import_handle_t second[CONF_IMPORTERS_MAX];

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_NONE); /* good for events */
    CONF_IMPORTERS (c, me) {
        second[me->at] = conf_connect(c, c->id, RSM_PERM_READ);
    }
    conf_sync(c);
    if (c->exports) {
        t_expect_ok(rsm_intr_signal_post(c->segment, 0));
        t_expect_ok(rsm_intr_signal_post(c->segment, 0));
        conf_arrive_all(c);
        conf_expect_events(c->segment, 0);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        conf_expect_events(me->imp, 2);
        conf_expect_events(second[me->at], 2);
        conf_disconnect(second[me->at]);
    }
    conf_strike(c);
}

static void no_accumulate(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < 4; i++) {
            t_expect_ok(rsm_intr_signal_post(me->imp, RSM_SIGPOST_NO_ACCUMULATE));
        }
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 1);
        for (unsigned i = 0; i < 3; i++) { /* and for each importer by itself */
            t_expect_ok(rsm_intr_signal_post(c->segment, RSM_SIGPOST_NO_ACCUMULATE));
        }
        conf_arrive_all(c);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        conf_expect_events(me->imp, 1);
    }
    conf_strike(c);
}

/** Posts of one poster act in the order in which it made them (design 2, "Events"). */
static void posts_keep_order(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        if (me->at == 0) { /* the second adds, the third finds two and drops */
            t_expect_ok(rsm_intr_signal_post(me->imp, RSM_SIGPOST_NO_ACCUMULATE));
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
            t_expect_ok(rsm_intr_signal_post(me->imp, RSM_SIGPOST_NO_ACCUMULATE));
            conf_arrive(c, c->exporter);
        }
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 2);
    }
    conf_strike(c);
}

/* ---- Waiting ----------------------------------------------------------------------------- */

static void post_later(conf_importer_t *me)
{
    me->code = rsm_intr_signal_post(me->imp, 0);
}

static void waits_sleep(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        t_expect_code(rsm_intr_signal_wait(c->segment, 0), RSMERR_TIMEOUT);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        conf_later(me, 20, post_later);
    }
    if (c->exports) {
        for (unsigned i = 0; i < c->importers; i++) { /* −1, and what counts as −1 */
            t_expect_ok(rsm_intr_signal_wait(c->segment, i % 2 == 0 ? -1 : -5));
        }
    }
    CONF_IMPORTERS (c, me) {
        conf_joined(me);
        t_expect_ok(me->code);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 0);
    }
    conf_strike(c);
}

static void signals_interrupt(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        struct pollfd pfd = {0};
        int count = 7;

        t_expect_ok(rsm_memseg_get_pollfd(c->segment, &pfd));
        conf_pester();
        t_expect_code(rsm_intr_signal_wait(c->segment, -1),
                      PAIR(rsm_intr_signal_wait, RSMERR_INTERRUPTED));
        t_expect_code(rsm_intr_signal_wait_pollfd(&pfd, 1, -1, &count),
                      PAIR(rsm_intr_signal_wait_pollfd, RSMERR_INTERRUPTED));
        t_expect_eq(count, 0);
        conf_pester_end();
        t_expect_ok(rsm_memseg_release_pollfd(c->segment));
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        if (me->at == 0) {
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
            conf_arrive(c, c->exporter);
        }
    }
    conf_sync(c);
    if (c->exports) { /* it can be repeated, and an event that is there wins */
        conf_pester();
        t_expect_ok(rsm_intr_signal_wait(c->segment, -1));
        conf_pester_end();
        conf_expect_events(c->segment, 0);
    }
    conf_strike(c);
}

/* ---- Poll descriptors -------------------------------------------------------------------- */

static void make_pipe(int ends[2])
{
    t_require_eq(pipe2(ends, O_CLOEXEC), 0);
}

/** The segment, a pipe with a byte, a pipe without. */
static void poll_mixture(conf_t *c)
{
    int full[2];
    int empty[2];
    struct pollfd fds[3] = {{0}, {0}, {0}};
    struct pollfd twice[2];
    int count = 7;

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        make_pipe(full);
        make_pipe(empty);
        t_require_eq(write(full[1], "x", 1), 1);
        fds[0].revents = 0x7f;
        t_expect_ok(rsm_memseg_get_pollfd(c->segment, &fds[0]));
        t_expect_eq(fds[0].events, POLLRDNORM);
        t_expect_eq(fds[0].revents, 0x7f); /* left alone */
        fds[1] = (struct pollfd){.fd = full[0], .events = POLLIN};
        fds[2] = (struct pollfd){.fd = empty[0], .events = POLLIN};
        t_expect_ok(rsm_intr_signal_wait_pollfd(fds, 3, -1, &count));
        t_expect_eq(count, 1);
        t_expect_eq(fds[0].revents, 0);
        t_expect_eq(fds[1].revents, POLLIN);
        t_expect_code(rsm_intr_signal_wait_pollfd(fds, 1, 10, &count),
                      PAIR(rsm_intr_signal_wait_pollfd, RSMERR_TIMEOUT));
        t_expect_eq(count, 0);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        t_expect_ok(rsm_intr_signal_post(me->imp, 0));
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        t_expect_ok(rsm_intr_signal_wait_pollfd(fds, 3, -1, &count)); /* takes one event */
        t_expect_eq(count, 2);
        t_expect_eq(fds[0].revents, POLLRDNORM);
        t_expect_eq(fds[1].revents, POLLIN);
        t_expect_eq(fds[2].revents, 0);
        t_expect_ok(rsm_intr_signal_wait_pollfd(fds, 1, 0, NULL)); /* and one more */
        conf_expect_events(c->segment, 2 * c->importers - 2);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        if (me->at == 0) {
            for (unsigned i = 0; i < 3; i++) {
                t_expect_ok(rsm_intr_signal_post(me->imp, 0));
            }
            conf_arrive(c, c->exporter);
        }
    }
    conf_sync(c);
    if (c->exports) {
        twice[0] = fds[0];
        twice[1] = fds[0];
        t_expect_ok(rsm_intr_signal_wait_pollfd(twice, 2, 0, &count));
        t_expect_eq(count, 2);
        t_expect_ok(rsm_intr_signal_wait_pollfd(twice, 2, 0, &count)); /* one is left */
        t_expect_eq(count, 1);
        t_expect_eq(twice[0].revents, POLLRDNORM);
        t_expect_eq(twice[1].revents, 0);
        conf_expect_events(c->segment, 0);
        t_expect_ok(rsm_memseg_release_pollfd(c->segment));
        for (unsigned i = 0; i < 2; i++) {
            t_expect_eq(close(full[i]) | close(empty[i]), 0);
        }
    }
    conf_strike(c);
}

/** Plain poll() sees the event and takes nothing; without references the descriptor is ordinary. */
static void poll_levels(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    if (c->exports) {
        t_expect_ok(rsm_intr_signal_post(c->segment, 0));
        conf_arrive_all(c);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        struct pollfd pfd = {0};
        struct pollfd again = {0};
        int count = 7;

        t_expect_ok(rsm_memseg_get_pollfd(me->imp, &pfd));
        t_expect_ok(rsm_memseg_get_pollfd(me->imp, &again));
        t_expect_eq(pfd.fd, again.fd);
        pfd.events = POLLIN | POLLRDNORM;
        for (unsigned i = 0; i < 3; i++) {
            t_expect_eq(poll(&pfd, 1, 0), 1);
            t_expect_eq(pfd.revents, POLLIN | POLLRDNORM);
        }
        t_expect_ok(rsm_memseg_release_pollfd(me->imp));
        t_expect_ok(rsm_memseg_release_pollfd(me->imp));
        t_expect_ok(rsm_intr_signal_wait_pollfd(&again, 1, 0, &count)); /* ordinary now */
        t_expect_eq(count, 1);
        conf_expect_events(me->imp, 1);
        t_expect_eq(poll(&pfd, 1, 0), 0);
    }
    conf_strike(c);
}

static void release_without_get(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    t_expect_code(rsm_memseg_release_pollfd(NULL),
                  PAIR(rsm_memseg_release_pollfd, RSMERR_BAD_SEG_HNDL));
    t_expect_code(rsm_memseg_get_pollfd(NULL, NULL),
                  PAIR(rsm_memseg_get_pollfd, RSMERR_BAD_SEG_HNDL));
    if (c->exports) {
        t_expect_ok(rsm_memseg_release_pollfd(c->segment));
        t_expect_code(rsm_memseg_get_pollfd(c->segment, NULL),
                      PAIR(rsm_memseg_get_pollfd, RSMERR_BAD_ADDR));
    }
    CONF_IMPORTERS (c, me) {
        struct pollfd pfd = {0};

        t_expect_ok(rsm_memseg_release_pollfd(me->imp));
        t_expect_code(rsm_memseg_get_pollfd(me->imp, NULL), RSMERR_BAD_ADDR);
        t_expect_ok(rsm_memseg_get_pollfd(me->imp, &pfd));
        for (unsigned i = 0; i < 3; i++) { /* never below 0 */
            t_expect_ok(rsm_memseg_release_pollfd(me->imp));
        }
        t_expect_ok(rsm_memseg_get_pollfd(me->imp, &pfd));
        t_expect_code(rsm_memseg_import_disconnect(me->imp), RSMERR_POLLFD_IN_USE);
        t_expect_ok(rsm_memseg_release_pollfd(me->imp));
    }
    conf_strike(c);
}

static void poll_arguments(conf_t *c)
{
    struct pollfd *many;
    struct rlimit limit;
    int count = 7;

    (void)c;
    t_expect_code(rsm_intr_signal_wait_pollfd(NULL, 0, 10, &count), RSMERR_TIMEOUT); /* a sleep */
    t_expect_eq(count, 0);
    t_expect_code(rsm_intr_signal_wait_pollfd(NULL, 0, 0, NULL), RSMERR_TIMEOUT);
    count = 7;
    t_expect_code(rsm_intr_signal_wait_pollfd(CONF_NOWHERE, 1, 10, &count),
                  PAIR(rsm_intr_signal_wait_pollfd, RSMERR_BAD_ADDR));
    t_expect_eq(count, 0);
    count = 7;
    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    many = (struct pollfd *)(void *)conf_pages(1, false);
    for (unsigned i = 0; i < CONF_PAGE / sizeof *many; i++) {
        many[i].fd = -1;
    }
    /* More entries than the process may have descriptors. */
    t_require_eq(
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 256, .rlim_max = limit.rlim_max}), 0);
    t_expect_code(rsm_intr_signal_wait_pollfd(many, CONF_PAGE / sizeof *many, 10, &count),
                  PAIR(rsm_intr_signal_wait_pollfd, RSMERR_BAD_ARGS_ERRORS));
    t_expect_eq(count, 0);
    t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    conf_pages_free((char *)many, 1);
}

/* ---- No descriptors ---------------------------------------------------------------------- */

/** A thread that has never slept, and finds no descriptor to sleep on, nor one to give away. */
static void *without_descriptors(void *segment)
{
    struct rlimit limit;
    struct pollfd pfd = {.fd = 77};
    int wait;
    int get;

    t_require_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    t_require_eq(
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max}), 0);
    wait = rsm_intr_signal_wait(segment, 1000);
    get = rsm_memseg_get_pollfd(segment, &pfd);
    t_require_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    t_expect_code(wait, PAIR(rsm_intr_signal_wait, RSMERR_INSUFFICIENT_RESOURCES));
    t_expect_code(get, PAIR(rsm_memseg_get_pollfd, RSMERR_INSUFFICIENT_MEM));
    t_expect_eq(pfd.fd, 77);
    return NULL;
}

static void no_descriptors(conf_t *c)
{
    char *memory = conf_pages(1, false);
    rsm_memseg_export_handle_t segment = conf_create(c, memory, CONF_PAGE, 0);
    struct pollfd pfd;
    pthread_t thread;

    t_require_eq(pthread_create(&thread, NULL, without_descriptors, segment), 0);
    t_require_eq(pthread_join(thread, NULL), 0);
    t_expect_ok(rsm_memseg_get_pollfd(segment, &pfd)); /* nothing is left of the failure */
    t_expect_ok(rsm_memseg_release_pollfd(segment));
    conf_destroy(segment);
    conf_pages_free(memory, 1);
}

const conf_test_t conf_events[] = {
    CONF_TEST(posts_are_counted, CONF_EVERYWHERE, PROVES(47)),
    CONF_TEST(exporter_posts_to_all, CONF_EVERYWHERE, PROVES(48)),
    CONF_TEST(no_accumulate, CONF_EVERYWHERE, PROVES(49)),
    CONF_TEST(posts_keep_order, CONF_EVERYWHERE, PROVES(49)),
    CONF_TEST(waits_sleep, CONF_EVERYWHERE, PROVES(50)),
    CONF_TEST(signals_interrupt, CONF_EVERYWHERE, PROVES(50)),
    CONF_TEST(poll_mixture, CONF_EVERYWHERE, PROVES(51)),
    CONF_TEST(poll_levels, CONF_EVERYWHERE, PROVES(51)),
    CONF_TEST(release_without_get, CONF_EVERYWHERE, PROVES(52)),
    CONF_TEST(poll_arguments, CONF_SELF, PROVES(51)),
    CONF_TEST(no_descriptors, CONF_SELF, PROVES(50)),
    CONF_END,
};
