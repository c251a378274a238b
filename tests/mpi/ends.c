/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One process of a job that ends in one of many ways; ends.sh runs it and judges what the launcher
 * says. Knows the ways, for the library and for a plain MPI program of the same kind; must not know
 * what the right exit code is, as only the plain program can tell that.
 *
 * Description: ends <library|plain> <app|lib> <none|both|export|import|cut> <way>
 *   who         library: uses RSMAPI. plain: the same end with MPI alone
 *   starter     who starts MPI: the program, or the library (plain: a program that finalizes when
 *               the library would)
 *   alive       what lives at the end. both: exports, imports, an open barrier with transfers
 *               under way, pending events, a local memory handle, at all ranks. export: a published
 *               segment of rank 0 that nobody imports any more. import: handles of the last rank
 *               to a segment that rank 0 has destroyed. cut: rank 0 destroys while the others, with
 *               transfers under way, are ending. With one rank a process imports from itself
 *   way         see ways[]
 *
 * The ranks meet by RSMAPI events only, so that a program whose MPI the library started makes no
 * MPI call at all. Proves: design 3.5; "The end" in rsmapi.h. Complaints go to stderr and begin
 * with "ends: FAIL".
 */
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "rsmapi.h"

enum { RANKS_MAX = 8, SEGMENT_ID = 0x00400100, BYTES = 65536, WAIT_MS = 30000 };

typedef enum action {
    FINALIZE, /* MPI_Finalize, then return 0 */
    RETURN_0,
    RETURN_4,
    EXIT_0,
    EXIT_3,
    QUIT_0, /* _exit(0) */
    QUIT_5,
    ABORT,
    KILL,
    WAIT, /* for ever: the launcher has to end it */
} action_t;

typedef struct way {
    const char *name;
    action_t last_rank;
    action_t others;
} way_t;

static const way_t ways[] = {
    {"finalize", FINALIZE, FINALIZE},     {"return0-all", RETURN_0, RETURN_0},
    {"return4-all", RETURN_4, RETURN_4},  {"exit0-all", EXIT_0, EXIT_0},
    {"exit3-all", EXIT_3, EXIT_3},        {"exit0-one", EXIT_0, FINALIZE},
    {"exit3-one", EXIT_3, FINALIZE},      {"exit3-one-others-wait", EXIT_3, WAIT},
    {"quit0-all", QUIT_0, QUIT_0},        {"quit5-one", QUIT_5, FINALIZE},
    {"abort-one", ABORT, FINALIZE},       {"kill-one", KILL, FINALIZE},
    {"kill-one-others-wait", KILL, WAIT},
};

static struct {
    int rank;
    int size;
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t export;
    rsm_memseg_import_handle_t imports[RANKS_MAX];
    rsmapi_barrier_t barriers[RANKS_MAX];
    rsm_localmemory_handle_t local;
    char *memory; /* exported, then as much again as the local side */
    bool checked;
} me;

static MPI_Win plain_window = MPI_WIN_NULL;

static void complain(const char *what, int code)
{
    (void)fprintf(stderr, "ends: FAIL: rank %d: %s gives %d\n", me.rank, what, code);
}

/** `what` has to give `wanted`, or `other`. */
static void want(const char *what, int code, int wanted, int other)
{
    if (code != wanted && code != other) {
        complain(what, code);
    }
}

#define WANT(call, wanted) want(#call, (call), (wanted), (wanted))
#define WANT_EITHER(call, wanted, other) want(#call, (call), (wanted), (other))

/** Before the end everything has to work: without it a test of the end would test nothing. */
static void need(const char *what, int code)
{
    if (code != RSM_SUCCESS) {
        complain(what, code);
        _exit(99);
    }
}

#define NEED(call) need(#call, (call))

static int put(int target, unsigned flags)
{
    rsm_iovec_t pieces[2] = {
        {.io_type = RSM_HANDLE_TYPE, .local.handle = me.local, .transfer_length = 4096},
        {.io_type = RSM_VA_TYPE,
         .local.vaddr = me.memory + BYTES,
         .remote_offset = 8192,
         .transfer_length = 4096},
    };
    rsm_scat_gath_t request = {.io_request_count = 2,
                               .flags = flags,
                               .remote_handle = me.imports[target],
                               .iovec = pieces};

    return rsm_memseg_import_putv(&request);
}

/** Rank of the exporter that stands at `i` in the list of those this process imports from. */
static bool imports_from(int target)
{
    return me.size == 1 || target != me.rank;
}

static void connect_to(int target)
{
    const struct timespec nap = {0, 1000000};
    int rc;

    while ((rc = rsm_memseg_import_connect(me.controller, (rsm_node_id_t)target, SEGMENT_ID,
                                           RSM_PERM_RDWR, &me.imports[target])) ==
           RSMERR_SEG_NOT_PUBLISHED) {
        (void)nanosleep(&nap, NULL);
    }
    need("rsm_memseg_import_connect", rc);
}

static void publish(void)
{
    rsm_memseg_id_t id = SEGMENT_ID;

    NEED(rsm_memseg_export_create(me.controller, &me.export, me.memory, BYTES, 0));
    NEED(rsm_memseg_export_publish(me.export, &id, NULL, 0));
}

static void open_controller(void)
{
    rsm_topology_t *topology = NULL;

    NEED(rsm_get_controller("mpi0", &me.controller));
    NEED(rsm_get_interconnect_topology(&topology));
    me.rank = (int)topology->topology_hdr.local_nodeid;
    me.size = topology->connections[0]->hdr.remote_cntlr_count + 1;
    rsm_free_interconnect_topology(topology);
    me.memory = mmap(NULL, 2L * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (me.memory == MAP_FAILED || me.size > RANKS_MAX) {
        complain("mmap", 1);
        _exit(99);
    }
    NEED(rsm_create_localmemory_handle(me.controller, &me.local, me.memory + BYTES, BYTES));
}

/** Everything alive at all ranks. */
static void set_up_both(void)
{
    int peers = 0;

    publish();
    for (int i = 0; i < me.size; i++) {
        if (imports_from(i)) {
            connect_to(i);
            NEED(rsm_intr_signal_post(me.imports[i], 0));
            peers++;
        }
    }
    for (int i = 0; i < peers; i++) { /* everybody is connected to me, and I to everybody */
        NEED(rsm_intr_signal_wait(me.export, WAIT_MS));
    }
    for (int i = 0; i < me.size; i++) {
        if (imports_from(i)) {
            NEED(rsm_memseg_import_init_barrier(me.imports[i], RSM_BAR_DEFAULT, &me.barriers[i]));
            NEED(rsm_memseg_import_set_mode(me.imports[i], RSM_BARRIER_MODE_EXPLICIT));
            NEED(rsm_memseg_import_open_barrier(&me.barriers[i]));
            NEED(put(i, RSM_IMPLICIT_SIGPOST)); /* an event that nobody takes */
            NEED(put(i, 0));                    /* transfers that nobody completes */
        }
    }
    NEED(rsm_intr_signal_post(me.export, 0));
}

/** Rank 0 exports; the others were connected and are not any more. */
static void set_up_export(void)
{
    if (me.rank == 0) {
        publish();
        for (int i = 1; i < me.size; i++) {
            NEED(rsm_intr_signal_wait(me.export, WAIT_MS));
        }
    } else {
        connect_to(0);
        NEED(put(0, RSM_IMPLICIT_SIGPOST));
        NEED(rsm_memseg_import_disconnect(me.imports[0]));
        me.imports[0] = NULL;
    }
}

/** Rank 0 has exported and destroyed; the last rank still holds two handles, one in a barrier. */
static void set_up_import(void)
{
    const struct timespec nap = {0, 1000000};
    int last = me.size - 1;
    int rc;

    if (me.rank == 0) {
        publish();
    }
    if (me.rank == last) {
        connect_to(0);
        NEED(rsm_memseg_import_init_barrier(me.imports[0], RSM_BAR_DEFAULT, &me.barriers[0]));
        NEED(rsm_memseg_import_set_mode(me.imports[0], RSM_BARRIER_MODE_EXPLICIT));
        NEED(rsm_memseg_import_open_barrier(&me.barriers[0]));
        NEED(put(0, 0));
        NEED(rsm_intr_signal_post(me.imports[0], 0));
    }
    if (me.rank == 0) {
        NEED(rsm_intr_signal_wait(me.export, WAIT_MS));
        while ((rc = rsm_memseg_export_destroy(me.export)) == RSMERR_INTERRUPTED) {
        }
        need("rsm_memseg_export_destroy", rc);
        me.export = NULL;
    }
    if (me.rank == last) {
        while (rsm_intr_signal_post(me.imports[0], 0) == RSM_SUCCESS) {
            (void)nanosleep(&nap, NULL);
        }
    }
}

/** Rank 0 cuts the others off when they are in the middle of their end. */
static void set_up_cut(void)
{
    const struct timespec nap = {0, 100000000};
    int rc;

    if (me.rank != 0) {
        connect_to(0);
        NEED(rsm_memseg_import_set_mode(me.imports[0], RSM_BARRIER_MODE_EXPLICIT));
        NEED(rsm_intr_signal_post(me.imports[0], 0));
        NEED(put(0, 0));
        return;
    }
    publish();
    for (int i = 1; i < me.size; i++) {
        NEED(rsm_intr_signal_wait(me.export, WAIT_MS));
    }
    (void)nanosleep(&nap, NULL);
    while ((rc = rsm_memseg_export_destroy(me.export)) == RSMERR_INTERRUPTED) {
    }
    need("rsm_memseg_export_destroy", rc);
    me.export = NULL;
}

/** What is left after MPI has ended: transfers are refused, taking things apart works. */
static void check_after_end(void)
{
    rsmapi_controller_handle_t again = NULL;
    rsmapi_controller_attr_t attr;

    for (int i = 0; i < me.size; i++) {
        if (me.imports[i] == NULL) {
            continue;
        }
        /* A process's own segment has nothing to do with MPI. */
        WANT_EITHER(put(i, 0), RSMERR_CONN_ABORTED,
                    me.size == 1 ? RSM_SUCCESS : RSMERR_CONN_ABORTED);
        WANT_EITHER(put(i, RSM_IMPLICIT_SIGPOST), RSMERR_CONN_ABORTED,
                    me.size == 1 ? RSM_SUCCESS : RSMERR_CONN_ABORTED);
        WANT_EITHER(rsm_intr_signal_post(me.imports[i], 0), RSMERR_CONN_ABORTED,
                    me.size == 1 ? RSM_SUCCESS : RSMERR_CONN_ABORTED);
        if (me.barriers[i].seg != NULL) {
            WANT_EITHER(rsm_memseg_import_close_barrier(&me.barriers[i]), RSMERR_CONN_ABORTED,
                        me.size == 1 ? RSM_SUCCESS : RSMERR_CONN_ABORTED);
            WANT(rsm_memseg_import_destroy_barrier(&me.barriers[i]), RSM_SUCCESS);
        }
        WANT(rsm_memseg_import_disconnect(me.imports[i]), RSM_SUCCESS);
        me.imports[i] = NULL;
    }
    WANT(rsm_get_controller_attr(me.controller, &attr), RSMERR_CTLR_NOT_PRESENT);
    if (me.export != NULL) {
        WANT(rsm_intr_signal_post(me.export, 0), RSM_SUCCESS);
        WANT(rsm_memseg_export_destroy(me.export), RSM_SUCCESS);
        me.export = NULL;
    }
    WANT(rsm_memseg_export_create(me.controller, &me.export, me.memory, BYTES, 0),
         RSMERR_CTLR_NOT_PRESENT);
    WANT(rsm_memseg_import_connect(me.controller, 0, SEGMENT_ID, RSM_PERM_READ, &me.imports[0]),
         RSMERR_CTLR_NOT_PRESENT);
    WANT(rsm_free_localmemory_handle(me.controller, me.local), RSM_SUCCESS);
    WANT(rsm_release_controller(me.controller), RSM_SUCCESS);
    WANT(rsm_get_controller("mpi0", &again), RSMERR_CTLR_NOT_PRESENT);
}

/**
 * A program's last handler, run after the library's own, since it was registered first. It tidies
 * up as careful programs do; whatever state MPI is in, that must neither hang nor crash.
 */
static void last_handler(void)
{
    int finalized = 0;

    if (me.checked || me.controller == NULL) {
        return;
    }
    me.checked = true;
    (void)MPI_Finalized(&finalized);
    if (finalized) {
        check_after_end();
        return;
    }
    for (int i = 0; i < me.size; i++) {
        if (me.imports[i] != NULL) {
            WANT_EITHER(put(i, 0), RSMERR_CONN_ABORTED, RSM_SUCCESS);
            WANT(rsm_memseg_import_disconnect(me.imports[i]), RSM_SUCCESS);
        }
    }
    if (me.export != NULL) {
        WANT(rsm_memseg_export_destroy(me.export), RSM_SUCCESS);
    }
    WANT(rsm_free_localmemory_handle(me.controller, me.local), RSM_SUCCESS);
    WANT(rsm_release_controller(me.controller), RSM_SUCCESS);
}

/** The plain program's MPI, with a window where the library would have some. */
static void set_up_plain(bool window)
{
    static char memory[4096];

    (void)MPI_Comm_rank(MPI_COMM_WORLD, &me.rank);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &me.size);
    if (window && me.size > 1) {
        (void)MPI_Win_create(memory, sizeof memory, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                             &plain_window);
        (void)MPI_Barrier(MPI_COMM_WORLD);
    }
}

/** With ENDS_LATE=first or last the plain program's first or last rank ends after the others. */
static void be_late(void)
{
    const struct timespec nap = {0, 50000000};
    const char *late = getenv("ENDS_LATE");

    if (late != NULL && ((strcmp(late, "first") == 0 && me.rank == 0) ||
                         (strcmp(late, "last") == 0 && me.rank == me.size - 1))) {
        (void)nanosleep(&nap, NULL);
    }
}

static void finalize_plain(void)
{
    if (plain_window != MPI_WIN_NULL) {
        (void)MPI_Win_free(&plain_window);
    }
    (void)PMPI_Finalize(); /* past the library's wrapper */
}

static void wait_for_ever(bool plain)
{
    int none;

    if (plain) {
        (void)MPI_Recv(&none, 1, MPI_INT, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return;
    }
    while (me.export != NULL && rsm_intr_signal_wait(me.export, -1) == RSM_SUCCESS) {
    }
    for (;;) {
        (void)pause();
    }
}

static int act(action_t action, bool plain, bool started_by_library)
{
    /* Where the library started MPI, a process that ends with 0 has MPI finalized for it. */
    bool finalizes = plain && started_by_library && (action == RETURN_0 || action == EXIT_0);

    if (finalizes) {
        finalize_plain();
    }
    switch (action) {
    case FINALIZE:
        if (plain) {
            finalize_plain();
        } else {
            (void)MPI_Finalize();
            me.checked = true;
            check_after_end();
        }
        return 0;
    case RETURN_0:
        return 0;
    case RETURN_4:
        return 4;
    case EXIT_0:
        exit(0);
    case EXIT_3:
        exit(3);
    case QUIT_0:
        _exit(0);
    case QUIT_5:
        _exit(5);
    case ABORT:
        abort();
    case KILL:
        (void)kill(getpid(), SIGKILL);
        break;
    case WAIT:
    default:
        break;
    }
    wait_for_ever(plain);
    return 98;
}

static const way_t *find_way(const char *name)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, name) == 0) {
            return &ways[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const way_t *way = argc == 5 ? find_way(argv[4]) : NULL;
    bool plain;
    bool by_library;
    int level;

    if (way == NULL) {
        (void)fprintf(stderr,
                      "usage: ends library|plain app|lib none|both|export|import|cut WAY\n");
        return 99;
    }
    plain = strcmp(argv[1], "plain") == 0;
    by_library = strcmp(argv[2], "lib") == 0;
    if (plain || !by_library) {
        (void)MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    }
    if (plain) {
        set_up_plain(strcmp(argv[3], "none") != 0);
        be_late();
    } else {
        (void)atexit(last_handler);
        open_controller();
        if (strcmp(argv[3], "both") == 0) {
            set_up_both();
        } else if (strcmp(argv[3], "export") == 0) {
            set_up_export();
        } else if (strcmp(argv[3], "import") == 0) {
            set_up_import();
        } else if (strcmp(argv[3], "cut") == 0) {
            set_up_cut();
        }
    }
    return act(me.rank == me.size - 1 ? way->last_rank : way->others, plain, by_library);
}
