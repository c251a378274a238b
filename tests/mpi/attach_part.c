/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a controller that only some ranks are in, opened first: then all ranks open mpi0,
 * and create communicators of their own. Those in the first controller must not expect the others
 * at a barrier that these know nothing of (mpi_glue/guest.c). Ranks: 3 or more. Proves: issue 4,
 * part 4 (a guest with several controllers on sub-communicators).
 */
#include <mpi.h>
#include <rsmx.h>

#include "t_mpi.h"

/** The program's creations over `comm` work as ever. */
static void create_over(MPI_Comm comm)
{
    MPI_Comm copy;
    MPI_Comm part;
    MPI_Win win;
    int rank;
    int sum = 0;
    int one = 1;
    int size;
    char byte[64] = {0};

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    t_expect_eq(MPI_Comm_dup(comm, &copy), MPI_SUCCESS);
    t_expect_eq(MPI_Comm_split(comm, rank % 2, rank, &part), MPI_SUCCESS);
    t_expect_eq(MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, copy), MPI_SUCCESS);
    t_expect_eq(sum, size);
    if (size > 1) { /* some MPIs have no windows for one process */
        t_expect_eq(MPI_Win_create(byte, sizeof byte, 1, MPI_INFO_NULL, copy, &win), MPI_SUCCESS);
        MPI_Win_free(&win);
    }
    MPI_Comm_free(&part);
    MPI_Comm_free(&copy);
}

int main(int argc, char **argv)
{
    rsmapi_controller_handle_t partial;
    rsmapi_controller_handle_t world;
    rsmapi_controller_handle_t none;
    bool in_it;
    MPI_Comm part;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    in_it = t_mpi_rank() < t_mpi_size() - 1;
    MPI_Comm_split(MPI_COMM_WORLD, in_it ? 0 : 1, t_mpi_rank(), &part);
    t_note("attach of some");
    if (in_it) {
        t_require_ok(rsmx_mpi_attach(part, &partial));
    }
    t_note("creations before mpi0");
    create_over(MPI_COMM_WORLD);
    create_over(part);
    t_note("mpi0");
    t_require_ok(rsm_get_controller((char *)"mpi0", &world));
    create_over(MPI_COMM_WORLD);
    create_over(part);
    t_expect_code(rsm_get_controller((char *)"mpi77", &none), RSMERR_CTLR_NOT_PRESENT);
    t_expect_ok(rsm_release_controller(world));
    if (in_it) {
        t_expect_ok(rsm_release_controller(partial));
    }
    MPI_Comm_free(&part);
    return t_mpi_finish();
}
