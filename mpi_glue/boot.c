/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a port: start MPI or take what is there, find out what it can do, agree with the other
 * ranks, start the agent. Collective over MPI_COMM_WORLD (mpi0) or over the communicator that was
 * attached (attach.c). All ranks succeed or all fail, each step
 * being taken by all before anybody looks at the outcome; a failure of the site is said once, by
 * rank 0, in one line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "env.h"
#include "port.h"
#include "quirks.h"
#include "rsmapi.h"
#include "trace.h"

#define REHEARSAL_LIMIT_MS 30000

/** Has a launcher started this process? Then MPI_Init belongs to the launcher's job. */
static bool is_launched(void)
{
    static const char *const marks[] = {"PMIX_RANK", "PMI_RANK", "PMI_FD", "OMPI_COMM_WORLD_RANK"};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (getenv(marks[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/*
 * MPI_Init ends the process when it fails; no error handler can be set before it. A process that
 * no launcher started can try it in a child first, and then report instead of die. (Under a
 * launcher the child would join the job in our place; there the launcher reports.)
 */
static void leave_rehearsal(void)
{
    _exit(1); /* MPI's failure ends in exit(); the program's own handlers are not for this child */
}

/** In the child. Does not return. */
static void play_rehearsal(int verdict)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int level;

    /* Descriptors, not streams: the program's unwritten output stays the parent's. */
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
    (void)atexit(leave_rehearsal);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level) == MPI_SUCCESS) {
        (void)PMPI_Finalize();
        (void)!write(verdict, "y", 1);
    }
    _exit(0);
}

static bool rehearse(void)
{
    int verdict[2];
    struct pollfd pfd = {.events = POLLIN};
    char byte = 'n';
    pid_t child;

    if (pipe2(verdict, O_CLOEXEC) != 0) {
        return true; /* no rehearsal to be had: take the risk */
    }
    child = fork();
    if (child == 0) {
        play_rehearsal(verdict[1]);
    }
    (void)close(verdict[1]);
    if (child < 0) {
        (void)close(verdict[0]);
        return true;
    }
    /* The verdict comes by the pipe: the exit status may go to a handler of the program's. */
    pfd.fd = verdict[0];
    while (poll(&pfd, 1, REHEARSAL_LIMIT_MS) < 0 && errno == EINTR) {
    }
    if ((pfd.revents & POLLIN) == 0 || read(verdict[0], &byte, 1) != 1) {
        byte = 'n';
        (void)kill(child, SIGKILL);
    }
    (void)close(verdict[0]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return byte == 'y';
}

/** MPI is running with *started_p telling whether we started it. */
static int start_mpi(bool *started_p)
{
    int flag = 0;
    int level = MPI_THREAD_SINGLE;

    *started_p = false;
    if (MPI_Finalized(&flag) != MPI_SUCCESS || flag) {
        rsmi_warn("MPI has been finalized; a controller cannot be opened any more");
        return RSMERR_CTLR_NOT_PRESENT;
    }
    if (MPI_Initialized(&flag) == MPI_SUCCESS && flag) {
        return RSM_SUCCESS;
    }
    rsmg_quirk_prepare_start();
    if (!is_launched() && !rehearse()) {
        rsmi_warn("MPI does not start in this process; run a plain MPI program without a launcher "
                  "to see its own message");
        return RSMERR_CTLR_NOT_PRESENT;
    }
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS) {
        rsmi_warn("MPI_Init_thread failed");
        return RSMERR_CTLR_NOT_PRESENT;
    }
    *started_p = true;
    return RSM_SUCCESS;
}

/** Communicators of ours, made so that no attribute of the program's is copied. */
static int make_comms(rsmg_port_t *port, MPI_Comm parent)
{
    MPI_Group all = MPI_GROUP_NULL;
    int rc = MPI_Comm_group(parent, &all);

    RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_creation(rc));
    rc = MPI_Comm_create(parent, all, &port->comm);
    (void)MPI_Group_free(&all);
    RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_creation(rc));
    (void)MPI_Comm_set_errhandler(port->comm, MPI_ERRORS_RETURN);
    (void)MPI_Comm_rank(port->comm, &port->rank);
    (void)MPI_Comm_size(port->comm, &port->size);
    (void)MPI_Comm_group(port->comm, &port->group);
    if (port->unit == 0) {
        rsmi_trace_set_node(port->rank);
    }
    rc = MPI_Comm_split_type(port->comm, MPI_COMM_TYPE_SHARED, port->rank, MPI_INFO_NULL,
                             &port->host);
    RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_creation(rc));
    (void)MPI_Comm_size(port->host, &port->neighbour_count);
    port->neighbours = rsmi_alloc_array((size_t)port->neighbour_count, sizeof *port->neighbours);
    port->order = rsmi_alloc_array((size_t)port->size, sizeof *port->order);
    return RSM_SUCCESS; /* a missing array shows in agree(), which all ranks reach */
}

/**
 * The order of waiting has to be one order for all controllers of a process, so it is that of
 * MPI_COMM_WORLD, whatever a rank is called here.
 */
static void rank_order(rsmg_port_t *port)
{
    MPI_Group world = MPI_GROUP_NULL;

    for (int i = 0; i < port->size; i++) {
        port->order[i] = MPI_UNDEFINED;
    }
    if (MPI_Comm_group(MPI_COMM_WORLD, &world) != MPI_SUCCESS) {
        return;
    }
    for (int i = 0; i < port->size; i++) {
        (void)MPI_Group_translate_ranks(port->group, 1, &i, world, &port->order[i]);
    }
    (void)MPI_Group_free(&world);
}

/** Do all ranks say yes? */
static bool agree(const rsmg_port_t *port, bool yes)
{
    int mine = yes;
    int all = 0;

    return MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_LAND, port->comm) == MPI_SUCCESS && all;
}

/** Can MPI make windows on `comm`, and which component serves them? */
static bool probe_window(MPI_Comm comm, char *name, bool *made_p)
{
    char *byte = NULL;
    MPI_Win win = MPI_WIN_NULL;
    int len = 0;
    int rc;

    byte = rsmi_alloc(64);
    /* The others are in this call too, memory or not. */
    rc = MPI_Win_create(byte, byte == NULL ? 0 : 64, 1, MPI_INFO_NULL, comm, &win);
    *made_p = rc == MPI_SUCCESS;
    name[0] = '\0';
    if (*made_p) {
        (void)MPI_Win_get_name(win, name, &len);
        (void)MPI_Win_free(&win);
    } else {
        (void)rsmg_code_of_creation(rc);
    }
    rsmi_free(byte);
    return *made_p;
}

/** Rule R2: one window that stays, where a component serves a communicator of one. */
static void drop_anchor(rsmg_port_t *port)
{
    /* Not a duplicate: that would run the program's attribute functions. */
    if (MPI_Comm_split(MPI_COMM_SELF, 0, 0, &port->self) != MPI_SUCCESS) {
        return;
    }
    (void)MPI_Comm_set_errhandler(port->self, MPI_ERRORS_RETURN);
    if (MPI_Win_create(NULL, 0, 1, MPI_INFO_NULL, port->self, &port->anchor) != MPI_SUCCESS) {
        port->anchor = MPI_WIN_NULL; /* osc/rdma does not, and does not need it */
    }
}

/** What windows this job can have. True: all that the window path needs. */
static bool probe_windows(rsmg_port_t *port)
{
    char name[MPI_MAX_OBJECT_NAME] = "";
    bool made = true;
    bool one_host = port->neighbour_count == port->size;

    drop_anchor(port);
    port->window_limit = rsmg_quirk_window_limit();
    port->sleepy_on_host = true;
    if (port->neighbour_count > 1) {
        (void)probe_window(port->host, name, &made);
        port->sleepy_on_host = !rsmg_quirk_is_passive_on_host(name);
        port->needs_host_lock = rsmg_quirk_needs_host_lock(name);
        made = made && (!port->needs_host_lock || rsmg_host_lock_works());
        rsmi_info("windows on this host: %s", made ? name : "none");
    }
    if (!agree(port, made)) {
        return false;
    }
    if (agree(port, one_host)) {
        return true;
    }
    (void)probe_window(port->comm, name, &made);
    rsmi_info("windows between hosts: %s", made ? name : "none");
    return agree(port, made);
}

/** Where the agent may run: near this rank, and not on a neighbour's processor. */
static void place_agent(rsmg_port_t *port, char *cpus, size_t size)
{
    rsmi_place_t *place = NULL;
    char *all = rsmi_alloc((size_t)port->neighbour_count * RSMI_PLACE_TEXT);
    char *own = rsmi_alloc(RSMI_PLACE_TEXT);
    char *taken = rsmi_alloc(RSMI_PLACE_TEXT);
    bool ready = agree(port, all != NULL && own != NULL && taken != NULL);
    int host_rank = 0;
    int rc;

    if (!ready || rsmi_place_open(NULL, &place) != RSM_SUCCESS ||
        rsmi_place_self(place, own, RSMI_PLACE_TEXT) != RSM_SUCCESS) {
        if (own != NULL) {
            own[0] = '\0';
        }
    }
    if (ready &&
        MPI_Allgather(own, RSMI_PLACE_TEXT, MPI_CHAR, all, RSMI_PLACE_TEXT, MPI_CHAR, port->host) ==
            MPI_SUCCESS &&
        place != NULL) {
        (void)MPI_Comm_rank(port->host, &host_rank);
        for (int i = 0; i < port->neighbour_count; i++) {
            if (i != host_rank) {
                (void)rsmi_place_union(taken, all + (size_t)i * RSMI_PLACE_TEXT, taken,
                                       RSMI_PLACE_TEXT);
            }
        }
        rc = rsmi_place_agent(place, own, taken, rsmi_env()->agent_cpus, cpus, size);
        if (rc == RSMERR_BAD_CONF) {
            rsmi_warn("RSM_AGENT_CPUS=%s names no processor that this process may use; the service "
                      "thread runs on %s",
                      rsmi_env()->agent_cpus, cpus);
        }
        rsmi_info("bound to %s, agent on %s", own, cpus);
    }
    rsmi_place_close(place);
    rsmi_free(all);
    rsmi_free(own);
    rsmi_free(taken);
}

/** Everything that takes other ranks; the agent does not run yet. */
static int prepare(rsmg_port_t *port, MPI_Comm parent, char *cpus, size_t size)
{
    int level = MPI_THREAD_SINGLE;
    int lowest = MPI_THREAD_SINGLE;

    RSMI_TRY(make_comms(port, parent));
    RSMI_CHECK(agree(port, port->neighbours != NULL && port->order != NULL),
               RSMERR_INSUFFICIENT_MEM);
    rank_order(port);
    (void)MPI_Allgather(&port->rank, 1, MPI_INT, port->neighbours, 1, MPI_INT, port->host);

    (void)MPI_Query_thread(&level);
    (void)MPI_Allreduce(&level, &lowest, 1, MPI_INT, MPI_MIN, port->comm);
    if (lowest < MPI_THREAD_MULTIPLE) {
        if (port->rank == 0) {
            rsmi_warn("mpi%u needs MPI_THREAD_MULTIPLE, and the program started MPI with less; ask "
                      "for it in MPI_Init_thread, or open the controller before MPI_Init",
                      port->unit);
        }
        return RSMERR_CTLR_NOT_PRESENT;
    }
    if (port->size > 1 && !probe_windows(port)) {
        if (port->rank == 0) {
            rsmi_warn("this MPI makes no one-sided windows between these ranks; %s",
                      rsmg_quirk_window_advice());
        }
        return RSMERR_CTLR_NOT_PRESENT;
    }
    place_agent(port, cpus, size);
    return RSM_SUCCESS;
}

/** The port's memory, all in its first state. */
static void prime(rsmg_port_t *port, unsigned unit, const rsmg_core_ops_t *up, void *core)
{
    memset(port, 0, sizeof *port);
    port->unit = unit;
    port->up = up;
    port->core = core;
    port->comm = MPI_COMM_NULL;
    port->host = MPI_COMM_NULL;
    port->self = MPI_COMM_NULL;
    port->group = MPI_GROUP_NULL;
    port->anchor = MPI_WIN_NULL;
    rsmi_lock_init(&port->lock, RSMI_RANK_GLUE);
    rsmi_lock_init(&port->sends_lock, RSMI_RANK_SENDS);
}

int rsmg_boot(unsigned unit, const rsmg_core_ops_t *up, void *core, rsmg_port_t **port_p,
              rsmg_facts_t *facts_p)
{
    /* Not from the heap: failing here, before the collective part, would leave the others in it.
     * The others' memory comes with the attach, where all ranks have agreed that they have it. */
    static rsmg_port_t first;
    MPI_Comm parent = MPI_COMM_NULL;
    rsmg_port_t *port = unit == 0 ? &first : rsmg_attach_take(unit, &parent);
    char cpus[RSMI_PLACE_TEXT] = "";
    bool started = false;
    int rc;

    RSMI_CHECK(port != NULL, RSMERR_CTLR_NOT_PRESENT);
    if (unit == 0) {
        RSMI_TRY(start_mpi(&started));
        parent = MPI_COMM_WORLD;
    }
    prime(port, unit, up, core);
    rc = prepare(port, parent, cpus, sizeof cpus);
    if (rc == RSM_SUCCESS && port->size > 1) {
        rc = rsmg_agent_add(port, cpus);
        if (!agree(port, rc == RSM_SUCCESS)) {
            if (rc == RSM_SUCCESS) {
                rsmg_agent_drop(port);
                rc = RSMERR_INSUFFICIENT_MEM;
            }
        }
    }
    if (rc != RSM_SUCCESS) {
        rsmg_port_free_mpi(port);
        rsmg_end_arrange(NULL, started);
        rsmi_free(port->neighbours);
        rsmi_free(port->order);
        rsmi_free(port->inbox);
        if (unit != 0) {
            rsmi_free(port);
        }
        return rc;
    }
    rsmg_end_arrange(port, started);
    facts_p->node = (uint32_t)port->rank;
    facts_p->nodes = (uint32_t)port->size;
    facts_p->max_segment = PTRDIFF_MAX & ~(uint64_t)0xFFFF; /* MPI_Aint, in whole pages */
    facts_p->max_connections = port->window_limit;
    *port_p = port;
    return RSM_SUCCESS;
}
