/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controllers over communicators of the program's: rsmx_mpi_attach(). Knows which communicator an
 * mpi1, mpi2 … is to be made of; opening the port is boot.c's, as for mpi0.
 *
 * The ranks of the communicator agree on the unit (the highest that any of them would take next)
 * and on whether all of them are ready, before anybody enters the collective part of opening:
 * nobody waits there for one who has turned back. One attach at a time per process; so the unit
 * that a rank offers is still free when all have agreed on it.
 */
#include <mpi.h>
#include <stdio.h>

#include "alloc.h"
#include "check.h"
#include "controller.h"
#include "nap.h"
#include "port.h"
#include "rsmx.h"

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_GLUE);
static bool attaching;          /* (l) */
static unsigned next_unit = 1;  /* (l) */
static unsigned ready_unit;     /* (l) what open() may ask for now; 0: nothing */
static MPI_Comm ready_comm;     /* (l) … its communicator */
static rsmg_port_t *ready_port; /* (l) … and its memory */

static unsigned begin(void)
{
    rsmi_nap_t nap = RSMI_NAP_INIT;
    unsigned unit;

    rsmi_lock(&lock);
    while (attaching) {
        rsmi_unlock(&lock);
        rsmi_nap(&nap);
        rsmi_lock(&lock);
    }
    attaching = true;
    unit = next_unit;
    rsmi_unlock(&lock);
    return unit;
}

static void end(unsigned used_unit)
{
    rsmi_lock(&lock);
    attaching = false;
    if (used_unit >= next_unit) {
        next_unit = used_unit + 1;
    }
    rsmi_unlock(&lock);
}

static void offer(unsigned unit, MPI_Comm comm, rsmg_port_t *port)
{
    rsmi_lock(&lock);
    ready_unit = unit;
    ready_comm = comm;
    ready_port = port;
    rsmi_unlock(&lock);
}

bool rsmg_attach_offers(unsigned unit)
{
    bool offers;

    rsmi_lock(&lock);
    offers = unit != 0 && unit == ready_unit;
    rsmi_unlock(&lock);
    return offers;
}

rsmg_port_t *rsmg_attach_take(unsigned unit, MPI_Comm *comm_p)
{
    rsmg_port_t *port = NULL;

    rsmi_lock(&lock);
    if (unit != 0 && unit == ready_unit) {
        port = ready_port;
        *comm_p = ready_comm;
        ready_unit = 0;
        ready_port = NULL;
    }
    rsmi_unlock(&lock);
    return port;
}

/** MPI runs, and `comm` is one that a controller can be made of. */
static bool is_usable(MPI_Comm comm)
{
    int flag = 0;

    if (MPI_Initialized(&flag) != MPI_SUCCESS || !flag || MPI_Finalized(&flag) != MPI_SUCCESS ||
        flag || comm == MPI_COMM_NULL) {
        return false;
    }
    return MPI_Comm_test_inter(comm, &flag) == MPI_SUCCESS && !flag;
}

/** The highest value of all ranks. */
static unsigned highest(MPI_Comm comm, unsigned mine)
{
    unsigned all = mine;

    (void)MPI_Allreduce(&mine, &all, 1, MPI_UNSIGNED, MPI_MAX, comm);
    return all;
}

static int attach(MPI_Comm comm, unsigned unit, rsmapi_controller_handle_t *controller)
{
    rsmg_port_t *port = rsmi_alloc(sizeof *port);
    bool ready = port != NULL && rsmi_controller_reserve("mpi", unit);
    char name[32];
    int rc;

    if (highest(comm, ready ? 0 : 1) != 0) {
        rsmi_free(port);
        return RSMERR_INSUFFICIENT_MEM;
    }
    offer(unit, comm, port);
    (void)snprintf(name, sizeof name, "mpi%u", unit);
    rc = rsm_get_controller(name, controller);
    rsmi_free(rsmg_attach_take(unit, &comm)); /* if nobody came for it */
    return rc;
}

int rsmx_mpi_attach(MPI_Comm comm, rsmapi_controller_handle_t *controller)
{
    unsigned unit;
    int rc;

    RSMI_CHECK(controller != NULL, RSMERR_BAD_CTLR_HNDL);
    *controller = NULL;
    RSMI_CHECK(!rsmi_handle_in_child(), RSMERR_BAD_CTLR_HNDL);
    RSMI_CHECK(is_usable(comm), RSMERR_CTLR_NOT_PRESENT);
    unit = highest(comm, begin());
    rc = attach(comm, unit, controller);
    end(unit);
    return rc;
}
