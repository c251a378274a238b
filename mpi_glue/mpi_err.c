/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only place that looks at MPI's error codes. MPI's own text goes into the log where it is
 * decided, and to rsmx_last_error().
 */
#include "last_error.h"
#include "port.h"
#include "rsmapi.h"
#include "trace.h"

static int class_of(int mpi_code)
{
    int class = MPI_ERR_OTHER;
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;

    (void)MPI_Error_class(mpi_code, &class);
    (void)MPI_Error_string(mpi_code, text, &len);
    rsmi_info("MPI says: %s", text);
    rsmi_blame_transport(mpi_code, text);
    return class;
}

int rsmg_code_of_transfer(int mpi_code)
{
    if (mpi_code == MPI_SUCCESS) {
        return RSM_SUCCESS;
    }
    (void)class_of(mpi_code); /* whatever it was, the bytes did not move */
    return RSMERR_BARRIER_FAILURE;
}

int rsmg_code_of_creation(int mpi_code)
{
    if (mpi_code == MPI_SUCCESS) {
        return RSM_SUCCESS;
    }
    switch (class_of(mpi_code)) {
    case MPI_ERR_NO_MEM:
        return RSMERR_INSUFFICIENT_MEM;
    case MPI_ERR_WIN:
    case MPI_ERR_RMA_FLAVOR:
        return RSMERR_CTLR_NOT_PRESENT; /* no one-sided component serves this pair */
    default:
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
}
