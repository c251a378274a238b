/* SPDX-License-Identifier: BSD-3-Clause */
/* The MPI glue: its table, and nothing else of interest. */
#include "port.h"
#include "quirks.h"

static bool port_ended(const rsmg_port_t *port)
{
    return atomic_load(&port->ended);
}

static bool has_unit(unsigned unit)
{
    return unit == 0 || rsmg_attach_offers(unit);
}

static const rsmg_ops_t mpi_ops = {
    .version = RSMG_VERSION,
    .size = sizeof(rsmg_ops_t),
    .type = "mpi",
    .transport = rsmg_quirk_mpi,
    .has_unit = has_unit,
    .open = rsmg_boot,
    .ended = port_ended,
    .connect = rsmg_connect,
};

const rsmg_ops_t *const rsmi_glues[] = {&mpi_ops, NULL};
