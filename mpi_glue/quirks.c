/* SPDX-License-Identifier: BSD-3-Clause */
/* Knowledge about particular MPIs; see quirks.h. Reproducers: tests/quirks. */
#include "quirks.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

void rsmg_quirk_prepare_start(void)
{
#ifdef OPEN_MPI
    /*
     * Debian's Open MPI 4.1.4 ships "osc = ^ucx,pt2pt": no component is left for windows on one
     * process or between hosts over TCP, and MPI_Win_create fails. This list serves one host by
     * osc/rdma, which completes while the target sleeps, and everything else by osc/ucx.
     */
    (void)setenv("OMPI_MCA_osc", "sm,rdma,ucx", 0);
    /* A rank has a second thread now: who waits inside MPI must not keep it off the processor. */
    (void)setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
#endif
}

uint64_t rsmg_quirk_window_limit(void)
{
#ifdef OPEN_MPI
    return 1000000; /* 5,000 were made; memory is the limit */
#else
    /* MPICH 4.0.2 fails at 2,045 windows, the program's own communicators included. */
    return 1800;
#endif
}

bool rsmg_quirk_is_passive_on_host(const char *window_name)
{
    /* Open MPI names the component in the default window name: "rdma window 3". */
    return strncmp(window_name, "rdma", 4) == 0;
}

bool rsmg_quirk_needs_host_lock(const char *window_name)
{
    return strncmp(window_name, "rdma", 4) == 0;
}

const char *rsmg_quirk_job_folder(void)
{
#ifdef OPEN_MPI
    return getenv("OMPI_MCA_orte_jobfam_session_dir"); /* from the launcher, 4.1 */
#else
    return NULL;
#endif
}

const char *rsmg_quirk_window_advice(void)
{
#ifdef OPEN_MPI
    return "run with: mpirun --mca osc sm,rdma,ucx … (or set OMPI_MCA_osc=sm,rdma,ucx)";
#else
    return "use an MPI whose windows reach all ranks of the job";
#endif
}

#define TEXT_OF(x) #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *rsmg_quirk_mpi(void)
{
#if defined(OPEN_MPI)
    return "Open MPI " DOTTED(OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#elif defined(MPICH_VERSION)
    return "MPICH " MPICH_VERSION;
#else
    return "MPI " DOTTED(MPI_VERSION, MPI_SUBVERSION, 0);
#endif
}
