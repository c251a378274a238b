/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may take part in a creation. Two measured rules about MPI (README.md, "Three rules"):
 *
 * R1  A process takes part in at most one communicator or window creation at a time, as importer
 *     or as exporter. One token per process says whose turn it is. A thread that wants to import
 *     waits for its own process's token, then asks the exporter while holding it. An exporter
 *     whose token is taken lets requests of *lower* ranks wait and sends *higher* ranks away
 *     (RSMG_BUSY; they give their token back and try again). So whoever waits with a token in
 *     hand waits for a higher rank, and a circle would have to go down somewhere. Ranks of
 *     MPI_COMM_WORLD: there is one token and one order, however many controllers there are.
 *
 * R3  Open MPI's osc/rdma names its backing file by host, job and communicator id: two creations
 *     at the same moment on one host meet in one file. A lock per host, taken before the token.
 *     Whoever waits for it holds nothing.
 *
 * Creations of the program itself (guest.c) count as R1's too, but must not exclude each other:
 * MPI orders those. So the token has two modes: ours, one at a time; the program's, any number,
 * and none of ours meanwhile. Once the program wants it, ours that ask are sent away, whatever
 * their rank, so the program waits only for what is on its way already.
 *
 * Turns alternate when both a thread and a waiting request want the token; neither starves.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "nap.h"
#include "port.h"
#include "quirks.h"

#define NAP_NS 30000U

/* Of the process, not of a port: R1 is about the process. */
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_GLUE);
static bool held;                /* (l) by one of ours */
static unsigned guests;          /* (l) creations of the program, entered or waiting to */
static bool last_was_agent;      /* (l) */
static bool agent_waits;         /* (l) requests wait for the agent's turn */
static unsigned threads_waiting; /* (l) */

static bool try_thread(void)
{
    bool got;

    rsmi_lock(&lock);
    got = !held && guests == 0 && (!agent_waits || last_was_agent);
    if (got) {
        held = true;
        last_was_agent = false;
    }
    rsmi_unlock(&lock);
    return got;
}

static void count_waiting(int step)
{
    rsmi_lock(&lock);
    threads_waiting += (unsigned)step;
    rsmi_unlock(&lock);
}

bool rsmg_token_wait(rsmi_interrupt_t *intr)
{
    bool got = try_thread();

    if (got) {
        return true;
    }
    count_waiting(1);
    while (!got && !intr->seen) {
        (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + NAP_NS);
        got = try_thread();
    }
    count_waiting(-1);
    return got;
}

bool rsmg_token_try_agent(bool queued)
{
    bool got;

    rsmi_lock(&lock);
    got = !held && guests == 0 && !(queued && last_was_agent && threads_waiting > 0);
    if (got) {
        held = true;
        last_was_agent = true;
    }
    rsmi_unlock(&lock);
    return got;
}

void rsmg_token_give(void)
{
    rsmi_lock(&lock);
    held = false;
    rsmi_unlock(&lock);
}

void rsmg_token_agent_waits(bool waits)
{
    rsmi_lock(&lock);
    agent_waits = waits;
    rsmi_unlock(&lock);
}

void rsmg_token_guest_enter(void)
{
    rsmi_nap_t nap = RSMI_NAP_INIT;
    bool clear;

    rsmi_lock(&lock);
    guests++;
    clear = !held;
    rsmi_unlock(&lock);
    while (!clear) {
        rsmi_nap(&nap);
        rsmi_lock(&lock);
        clear = !held;
        rsmi_unlock(&lock);
    }
}

void rsmg_token_guest_leave(void)
{
    rsmi_lock(&lock);
    guests--;
    rsmi_unlock(&lock);
}

bool rsmg_token_has_guests(void)
{
    bool some;

    rsmi_lock(&lock);
    some = guests > 0;
    rsmi_unlock(&lock);
    return some;
}

/*
 * The host's lock is flock() on a directory of the job: nothing is left behind by any end, the
 * kernel frees it when its owner dies, and all controllers of all ranks on the host share it. Each
 * holder has an open directory of its own, so it excludes threads of one process, too.
 */
static int open_lock(void)
{
    const char *folder = rsmg_quirk_job_folder();
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd : open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool rsmg_host_lock_works(void)
{
    int fd = open_lock();

    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

static int host_fd; /* of the holder; written and read by it alone */

bool rsmg_host_lock(rsmg_port_t *port, int rank, rsmi_interrupt_t *intr)
{
    int fd;

    if (!port->needs_host_lock || !rsmg_is_neighbour(port, rank)) {
        return true;
    }
    while ((fd = open_lock()) < 0) { /* no descriptor left at this moment */
        if (intr->seen) {
            return false;
        }
        (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + NAP_NS);
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (intr->seen) {
            (void)close(fd);
            return false;
        }
        (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + NAP_NS);
    }
    host_fd = fd;
    return true;
}

void rsmg_host_unlock(rsmg_port_t *port, int rank)
{
    if (port->needs_host_lock && rsmg_is_neighbour(port, rank)) {
        int fd = host_fd;

        (void)flock(fd, LOCK_UN); /* close alone would leave it with a child of fork() */
        (void)close(fd);
    }
}
