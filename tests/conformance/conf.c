/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the conformance suite [--only WORD] [--times]
 *   Runs every test of the tables below in each way that the test names, with each cast. --only:
 *   tests whose name contains WORD. --times: say how long each took.
 *
 * Proves: what docs/conformance.md lists; list.sh makes that list from the sources.
 */
#include "conf.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf_env.h"

extern const conf_test_t conf_controllers[];
extern const conf_test_t conf_segids[];
extern const conf_test_t conf_exports[];
extern const conf_test_t conf_connects[];
extern const conf_test_t conf_putget[];
extern const conf_test_t conf_vectors[];
extern const conf_test_t conf_seed[];
extern const conf_test_t conf_localmem[];
extern const conf_test_t conf_maps[];
extern const conf_test_t conf_barriers[];
extern const conf_test_t conf_events[];
extern const conf_test_t conf_cuts[];
extern const conf_test_t conf_forks[];
extern const conf_test_t conf_ends[];

static const conf_test_t *const tables[] = {
    conf_controllers, conf_segids, conf_exports,  conf_connects, conf_putget,
    conf_vectors,     conf_seed,   conf_localmem, conf_maps,     conf_barriers,
    conf_events,      conf_cuts,   conf_forks};

/* ---- The cast ---------------------------------------------------------------------------- */

conf_importer_t *conf_next(conf_t *c, conf_importer_t *me)
{
    unsigned at = me == NULL ? c->first : me->at + 1;

    me = at < c->first + c->here ? &c->mine[at] : NULL;
    if (c->way == CONF_REMOTE) {
        conf_env_speak_for(me);
    }
    return me;
}

void conf_sync(conf_t *c)
{
    conf_env_settle();
    if (c->way == CONF_REMOTE) {
        conf_env_sync();
    }
}

static char context[160]; /* test, way and exporter */

void conf_note(const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t_note("%s: %s", context, text);
}

uint64_t conf_share(conf_t *c, uint64_t value)
{
    return c->way == CONF_REMOTE ? conf_env_share(c, value) : value;
}

/** Own node and number of nodes of mpi0. */
static void ask_nodes(rsm_node_id_t *local_p, unsigned *count_p)
{
    rsm_topology_t *topology;

    t_require_ok(rsm_get_interconnect_topology(&topology));
    t_require(topology->topology_hdr.local_cntlr_count >= 1);
    *local_p = topology->topology_hdr.local_nodeid;
    *count_p = (unsigned)topology->connections[0]->hdr.remote_cntlr_count + 1;
    rsm_free_interconnect_topology(topology);
}

bool conf_end_transport(void)
{
    return conf_env_end_transport();
}

bool conf_stranger(const conf_t *c, rsm_node_id_t *node_p)
{
    rsm_node_id_t local;
    unsigned nodes;

    if (c->way == CONF_REMOTE) {
        *node_p = c->exporter;
        return true;
    }
    ask_nodes(&local, &nodes);
    *node_p = (local + 1) % nodes;
    return c->way == CONF_SELF && nodes > 1;
}

/* ---- Scenes ------------------------------------------------------------------------------ */

rsm_memseg_export_handle_t conf_create(conf_t *c, void *memory, size_t length, unsigned flags)
{
    rsm_memseg_export_handle_t segment = NULL;

    t_require_ok(rsm_memseg_export_create(c->controller, &segment, memory, length, flags));
    return segment;
}

void conf_publish(rsm_memseg_export_handle_t segment, rsm_memseg_id_t id)
{
    t_require_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
}

/*
 * A service thread on a crowded machine may take longer than the patience of a cut; the exporter is
 * told to repeat the call (docs/limits.md).
 */
void conf_unpublish(rsm_memseg_export_handle_t segment)
{
    int rc;

    do {
        rc = rsm_memseg_export_unpublish(segment);
    } while (rc == RSMERR_INTERRUPTED);
    t_require_ok(rc);
}

void conf_rebind(rsm_memseg_export_handle_t segment, void *memory, size_t length)
{
    int rc;

    do {
        rc = rsm_memseg_export_rebind(segment, memory, 0, length);
    } while (rc == RSMERR_INTERRUPTED);
    t_require_ok(rc);
}

void conf_destroy(rsm_memseg_export_handle_t segment)
{
    int rc;

    do {
        rc = rsm_memseg_export_destroy(segment);
    } while (rc == RSMERR_INTERRUPTED);
    t_require_ok(rc);
}

rsm_memseg_import_handle_t conf_connect(conf_t *c, rsm_memseg_id_t id, rsm_permission_t perm)
{
    rsm_memseg_import_handle_t imp = NULL;

    t_require_ok(rsm_memseg_import_connect(c->controller, c->exporter, id, perm, &imp));
    return imp;
}

void conf_disconnect(rsm_memseg_import_handle_t imp)
{
    t_require_ok(rsm_memseg_import_disconnect(imp));
}

void conf_renew(conf_t *c)
{
    char name[] = "mpi0";

    while (rsm_release_controller(c->controller) == RSM_SUCCESS) {
    }
    t_require_ok(rsm_get_controller(c->way == CONF_LOOPBACK ? NULL : name, &c->controller));
    if (c->way != CONF_LOOPBACK) {
        *conf_env_controller() = c->controller;
    }
}

void conf_stage(conf_t *c, unsigned flags)
{
    if (c->exports) {
        c->memory = conf_pages(CONF_PAGES, c->maps);
        c->segment = conf_create(c, c->memory, CONF_LENGTH, flags);
        conf_publish(c->segment, c->id);
    }
    conf_sync(c);
}

void conf_enter(conf_t *c, rsm_permission_t perm)
{
    CONF_IMPORTERS (c, me) {
        me->imp = conf_connect(c, c->id, perm);
        t_require_ok(rsm_memseg_import_init_barrier(me->imp, RSM_BAR_DEFAULT, &me->barrier));
    }
    conf_sync(c);
}

void conf_leave(conf_t *c)
{
    CONF_IMPORTERS (c, me) {
        if (me->imp != NULL) {
            conf_disconnect(me->imp);
            me->imp = NULL;
        }
    }
    conf_sync(c);
}

void conf_strike(conf_t *c)
{
    conf_leave(c);
    if (c->segment != NULL) {
        conf_destroy(c->segment);
        c->segment = NULL;
    }
    if (c->memory != NULL) {
        conf_pages_free(c->memory, CONF_PAGES);
        c->memory = NULL;
    }
    conf_sync(c);
}

/* ---- Memory ------------------------------------------------------------------------------ */

char *conf_pages(size_t pages, bool shared)
{
    char *memory = mmap(NULL, (pages + 2) * CONF_PAGE, PROT_NONE,
                        MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);

    t_require(memory != MAP_FAILED);
    t_require_eq(mprotect(memory + CONF_PAGE, pages * CONF_PAGE, PROT_READ | PROT_WRITE), 0);
    return memory + CONF_PAGE;
}

void conf_pages_free(char *memory, size_t pages)
{
    t_expect_eq(munmap(memory - CONF_PAGE, (pages + 2) * CONF_PAGE), 0);
}

char *conf_pages_readonly(size_t pages)
{
    char *memory = conf_pages(pages, false);

    t_require_eq(mprotect(memory, pages * CONF_PAGE, PROT_READ), 0);
    return memory;
}

static unsigned char pattern(unsigned seed, size_t i)
{
    return (unsigned char)(seed * 131U + i * 7U + (i >> 8) * 3U + 1U);
}

void conf_fill(void *memory, size_t len, unsigned seed)
{
    unsigned char *bytes = memory;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern(seed, i);
    }
}

void conf_expect_fill(const void *memory, size_t len, unsigned seed)
{
    unsigned char *wanted = malloc(len > 0 ? len : 1);

    t_require(wanted != NULL);
    conf_fill(wanted, len, seed);
    t_expect_mem(memory, wanted, len);
    free(wanted);
}

void conf_expect_bytes(const void *memory, size_t len, unsigned char value)
{
    unsigned char *wanted = malloc(len > 0 ? len : 1);

    t_require(wanted != NULL);
    memset(wanted, value, len);
    t_expect_mem(memory, wanted, len);
    free(wanted);
}

/* ---- Vectors ----------------------------------------------------------------------------- */

rsm_iovec_t conf_va(void *address, size_t local_offset, size_t remote_offset, size_t length)
{
    rsm_iovec_t entry;

    memset(&entry, 0, sizeof entry);
    entry.io_type = RSM_VA_TYPE;
    entry.local.vaddr = address;
    entry.local_offset = local_offset;
    entry.remote_offset = remote_offset;
    entry.transfer_length = length;
    return entry;
}

rsm_iovec_t conf_lh(rsm_localmemory_handle_t handle, size_t local_offset, size_t remote_offset,
                    size_t length)
{
    rsm_iovec_t entry = conf_va(NULL, local_offset, remote_offset, length);

    entry.io_type = RSM_HANDLE_TYPE;
    entry.local.handle = handle;
    return entry;
}

int conf_vector(conf_vector_fn_t call, rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec,
                unsigned long count, unsigned flags, unsigned long *residual_p)
{
    rsm_scat_gath_t request;
    rsm_scat_gath_t before;
    rsm_iovec_t *entries = NULL;
    size_t bytes = iovec != NULL && count <= 65536 ? count * sizeof *iovec : 0;
    int rc;

    memset(&request, 0, sizeof request);
    request.io_request_count = count;
    request.io_residual_count = 4711;
    request.flags = flags;
    request.remote_handle = imp;
    request.iovec = iovec;
    before = request;
    if (bytes > 0) {
        entries = malloc(bytes);
        t_require(entries != NULL);
        memcpy(entries, iovec, bytes);
    }
    rc = call(&request);
    if (residual_p != NULL) {
        *residual_p = request.io_residual_count;
    }
    before.io_residual_count = request.io_residual_count;
    t_expect_mem(&request, &before, sizeof request);
    if (bytes > 0) {
        t_expect_mem(iovec, entries, bytes);
        free(entries);
    }
    return rc;
}

/* ---- Events ------------------------------------------------------------------------------ */

/*
 * An id that nobody publishes: the other node's service thread answers that, behind everything that
 * this process sent before.
 */
void conf_arrive(conf_t *c, rsm_node_id_t node)
{
    rsm_memseg_import_handle_t none;

    t_expect_code(
        rsm_memseg_import_connect(c->controller, node, c->id + CONF_IDS - 1, RSM_PERM_READ, &none),
        RSMERR_SEG_NOT_PUBLISHED);
    conf_env_settle();
}

void conf_arrive_all(conf_t *c)
{
    for (unsigned i = 0; i < c->importers; i++) {
        conf_arrive(c, c->mine[i].node);
    }
}

void conf_expect_events(void *handle, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        t_expect_ok(rsm_intr_signal_wait(handle, CONF_WAIT_MS));
    }
    t_expect_code(rsm_intr_signal_wait(handle, 0), RSMERR_TIMEOUT);
}

void conf_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0) {
    }
}

static void *later_main(void *arg)
{
    conf_importer_t *me = arg;

    conf_ms(me->later_ms);
    me->later(me);
    return NULL;
}

void conf_later(conf_importer_t *me, unsigned ms, void (*later)(conf_importer_t *me))
{
    me->later_ms = ms;
    me->later = later;
    t_require_eq(pthread_create(&me->thread, NULL, later_main, me), 0);
}

void conf_joined(conf_importer_t *me)
{
    t_require_eq(pthread_join(me->thread, NULL), 0);
}

static pthread_t victim;
static pthread_t pest;
static atomic_bool pest_runs;

static void on_signal(int number)
{
    (void)number;
}

static void *pest_main(void *unused)
{
    (void)unused;
    while (atomic_load(&pest_runs)) {
        (void)pthread_kill(victim, SIGUSR1);
        conf_ms(5);
    }
    return NULL;
}

void conf_pester(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal; /* without SA_RESTART */
    t_require_eq(sigaction(SIGUSR1, &action, NULL), 0);
    victim = pthread_self();
    atomic_store(&pest_runs, true);
    t_require_eq(pthread_create(&pest, NULL, pest_main, NULL), 0);
}

void conf_pester_end(void)
{
    atomic_store(&pest_runs, false);
    t_require_eq(pthread_join(pest, NULL), 0);
}

/* ---- Order of checks --------------------------------------------------------------------- */

void conf_order(const conf_rung_t *rungs, unsigned count, int (*call)(void *arg, unsigned wrong),
                void *arg)
{
    t_require(count <= CONF_RUNGS_MAX);
    for (unsigned i = 0; i < count; i++) {
        t_require(rungs[i].what != NULL);
        for (unsigned j = i; j < count; j++) {
            int got;

            if ((j != i && rungs[j].argument == rungs[i].argument) ||
                rungs[i].code == RSM_SUCCESS || rungs[j].code == RSM_SUCCESS) {
                continue;
            }
            got = call(arg, 1U << i | 1U << j);
            if (got != rungs[i].code) {
                t_fail("%s%s%s: gave %s, expected %s", rungs[i].what, i == j ? "" : ", and ",
                       i == j ? "" : rungs[j].what, t_code_name(got), t_code_name(rungs[i].code));
            } else {
                t_expect(true); /* counts */
            }
        }
    }
}

static const rsm_permission_t kinds[] = {RSM_PERM_READ, RSM_PERM_WRITE, RSM_PERM_RDWR};

enum { KINDS = 3 };

/** Handles of one generation of the controller, to the segment that lives and to the one that will
 * not. */
static void make_generation(conf_t *c, bool orphan)
{
    CONF_IMPORTERS (c, me) {
        conf_handles_t *handles = me->prop;

        for (unsigned i = 0; i < KINDS; i++) {
            for (unsigned cut = 0; cut < 2; cut++) {
                handles->by[orphan][cut][kinds[i] >> 7] = conf_connect(c, c->id + cut, kinds[i]);
            }
        }
    }
}

void conf_make_handles(conf_t *c)
{
    static conf_handles_t handles[CONF_IMPORTERS_MAX];
    rsm_memseg_export_handle_t other = NULL;

    if (c->exports) {
        other = conf_create(c, c->memory, CONF_LENGTH, 0);
        conf_publish(other, c->id + 1);
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        me->prop = &handles[me->at];
    }
    make_generation(c, true);
    if (c->here > 0) {
        conf_renew(c);
    }
    make_generation(c, false);
    conf_sync(c);
    if (c->exports) {
        conf_destroy(other);
    }
    conf_sync(c);
}

rsm_memseg_import_handle_t conf_handle(const conf_importer_t *me, bool orphan, bool cut,
                                       rsm_permission_t perm)
{
    const conf_handles_t *handles = me->prop;

    return handles->by[orphan][cut][perm >> 7];
}

void conf_drop_handles(conf_t *c)
{
    CONF_IMPORTERS (c, me) {
        for (unsigned i = 0; i < KINDS; i++) {
            for (unsigned which = 0; which < 4; which++) {
                conf_disconnect(conf_handle(me, which / 2 != 0, which % 2 != 0, kinds[i]));
            }
        }
    }
    conf_sync(c);
}

/* ---- Other processes --------------------------------------------------------------------- */

void conf_in_child(void (*body)(void *arg), void *arg)
{
    uint64_t before = t_failures();
    int status = 0;
    pid_t pid = fork();

    t_require(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(10);
        body(arg);
        _exit(t_failures() == before ? 0 : 1);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        t_fail("the child was killed by signal %d (%s)", WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    } else {
        t_expect_eq(WEXITSTATUS(status), 0);
    }
}

/* ---- Running ----------------------------------------------------------------------------- */

static const char *only = "";
static bool say_times;
static unsigned runs;

static const char *way_name(unsigned way)
{
    switch (way) {
    case CONF_REMOTE:
        return "another node";
    case CONF_SELF:
        return "its own node";
    default:
        return "loopback";
    }
}

/** One process plays all parts; two importers, so that each can see the other's traffic. */
static void cast_locally(conf_t *c)
{
    rsm_node_id_t local;
    unsigned nodes;

    ask_nodes(&local, &nodes);
    c->exporter = local;
    c->exports = true;
    c->importers = 2;
    c->here = 2;
    for (unsigned i = 0; i < c->importers; i++) {
        c->mine[i].node = local;
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void run(const conf_test_t *test, unsigned way, unsigned turn)
{
    static conf_t c; /* large */
    uint64_t begin = now_ms();

    memset(&c, 0, sizeof c);
    c.way = way;
    c.id = 0x00600000U + CONF_IDS * runs++;
    c.controller = *conf_env_controller();
    if (way == CONF_REMOTE) {
        conf_env_cast(&c, turn);
    } else {
        cast_locally(&c);
    }
    if (way == CONF_LOOPBACK) {
        t_require_ok(rsm_get_controller(NULL, &c.controller));
    }
    t_require(c.importers <= CONF_IMPORTERS_MAX);
    for (unsigned i = 0; i < c.importers; i++) {
        c.mine[i].at = i;
        c.mine[i].slot = (off_t)i * CONF_SLOT;
        conf_fill(c.mine[i].out, CONF_SLOT, i + 1);
    }
    (void)snprintf(context, sizeof context, "%s, %s, exporter %u", test->name, way_name(way),
                   (unsigned)c.exporter);
    t_note("%s", context);
    conf_env_run_begins(&c);
    test->body(&c);
    conf_sync(&c);
    if (way == CONF_LOOPBACK) {
        t_expect_ok(rsm_release_controller(c.controller));
    }
    conf_env_run_ends(&c);
    if (say_times) {
        t_print("%5llu ms %s", (unsigned long long)(now_ms() - begin), context);
    }
}

static void run_table(const conf_test_t *table)
{
    for (const conf_test_t *test = table; test->body != NULL; test++) {
        if (strstr(test->name, only) == NULL) {
            continue;
        }
        if ((test->ways & CONF_LOOPBACK) != 0) {
            run(test, CONF_LOOPBACK, 0);
        }
        if ((test->ways & CONF_SELF) != 0) {
            run(test, CONF_SELF, 0);
        }
        if ((test->ways & CONF_LAST) != 0 && conf_env_turns() > 0) {
            run(test, CONF_REMOTE, 0);
        }
        for (unsigned turn = 0; (test->ways & CONF_REMOTE) != 0 && turn < conf_env_turns();
             turn++) {
            run(test, CONF_REMOTE, turn);
        }
    }
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/conformance-XXXXXX";
    char segid_file[64];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[i + 1];
        }
    }
    /* A setting is read once, so before anything of the library. The file comes and goes. */
    t_require(mkdtemp(folder) != NULL);
    (void)snprintf(segid_file, sizeof segid_file, "%s/rsm.segmentid", folder);
    t_require_eq(setenv("RSM_SEGMENTID_FILE", segid_file, 1), 0);
    say_times = t_arg_flag(argc, argv, "--times");
    conf_env_begin(&argc, &argv);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        run_table(tables[i]);
    }
    run_table(conf_env_table);
    run_table(conf_ends);
    (void)unlink(segid_file);
    t_expect_eq(rmdir(folder), 0);
    return conf_env_end();
}
