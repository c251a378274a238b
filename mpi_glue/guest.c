/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Living in a program that creates communicators, windows and files of its own while other ranks
 * connect to it. Open MPI 4.1 only; elsewhere this file is empty.
 *
 * What goes wrong without it (pure-MPI reproducer: tests/quirks/cid_order.c). All these creations
 * take a communicator id, and in one process only the creation whose parent has the lowest id may
 * go on; others are held up until it is finished *everywhere*. So: rank 0 sits in
 * MPI_Comm_dup(MPI_COMM_WORLD); rank 1, before it goes there too, connects to rank 0; rank 0's
 * agent enters our creation and is held up by the dup, which waits for rank 1, who waits for our
 * creation.
 *
 * The cure has two halves. The calls below are wrapped. First a barrier over the communicator that
 * the call is about, with our agents still serving: when it is over, every rank's thread has
 * arrived, and no rank can still be on the way through a connect. Then ours are kept out while the
 * call runs (token.c). Nobody waits in a circle: the program waits for creations of ours that are
 * on their way, and an exporter in that state sends new ones away.
 *
 * Not covered, and told in docs/limits.md: calls from Fortran and from tools that call PMPI_*
 * directly, MPI_Comm_idup, MPI_Comm_create_group and MPI_Intercomm_create (not all ranks of the
 * communicator call them), dynamic processes.
 */
#include "port.h"

static _Thread_local bool own_creation;

void rsmg_guest_own(bool own)
{
    own_creation = own;
}

#ifdef OPEN_MPI

#include "nap.h"

/** All ranks of `comm` have come. False: a bad communicator; the call itself will say so. */
static bool gather(MPI_Comm comm)
{
    MPI_Request request = MPI_REQUEST_NULL;
    rsmi_nap_t nap = RSMI_NAP_INIT;
    int done = 0;

    if (PMPI_Ibarrier(comm, &request) != MPI_SUCCESS) {
        return false;
    }
    while (PMPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
        rsmi_nap(&nap);
    }
    return true;
}

/** All ranks of this group are in one open port of ours. */
static bool is_covered(MPI_Comm comm, int (*group_of)(MPI_Comm comm, MPI_Group *group))
{
    MPI_Group group = MPI_GROUP_NULL;
    bool covered;

    if (group_of(comm, &group) != MPI_SUCCESS) {
        return false;
    }
    covered = rsmg_port_covers(group);
    (void)PMPI_Group_free(&group);
    return covered;
}

/**
 * Does every rank of `comm` know a controller that all of them are in? If one did not, it would not
 * come to the barrier. (Two groups: both in the same sense, though perhaps in two controllers.)
 */
static bool concerns_all(MPI_Comm comm)
{
    int inter = 0;

    if (!rsmg_port_is_open() || PMPI_Comm_test_inter(comm, &inter) != MPI_SUCCESS) {
        return false;
    }
    return is_covered(comm, PMPI_Comm_group) &&
           (!inter || is_covered(comm, PMPI_Comm_remote_group));
}

/** Everybody is here and none of ours is under way. False: nothing to arrange. */
static bool enter(MPI_Comm comm)
{
    int inter = 0;

    if (own_creation || comm == MPI_COMM_NULL || !concerns_all(comm) || !gather(comm)) {
        return false;
    }
    /* Between two groups a barrier waits for the other group only; a second one, for one's own. */
    if (PMPI_Comm_test_inter(comm, &inter) == MPI_SUCCESS && inter) {
        (void)gather(comm);
    }
    rsmg_token_guest_enter();
    return true;
}

#define GUEST(name, comm, parameters, arguments)                                                   \
    int MPI_##name parameters                                                                      \
    {                                                                                              \
        bool arranged = enter(comm);                                                               \
        int rc = PMPI_##name arguments;                                                            \
                                                                                                   \
        if (arranged) {                                                                            \
            rsmg_token_guest_leave();                                                              \
        }                                                                                          \
        return rc;                                                                                 \
    }

/* clang-format off */
GUEST(Comm_dup, comm, (MPI_Comm comm, MPI_Comm *copy), (comm, copy))
GUEST(Comm_dup_with_info, comm, (MPI_Comm comm, MPI_Info info, MPI_Comm *copy), (comm, info, copy))
GUEST(Comm_create, comm, (MPI_Comm comm, MPI_Group group, MPI_Comm *made), (comm, group, made))
GUEST(Comm_split, comm, (MPI_Comm comm, int color, int key, MPI_Comm *made),
      (comm, color, key, made))
GUEST(Comm_split_type, comm, (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made),
      (comm, type, key, info, made))
GUEST(Cart_create, comm,
      (MPI_Comm comm, int ndims, const int dims[], const int periods[], int reorder,
       MPI_Comm *made),
      (comm, ndims, dims, periods, reorder, made))
GUEST(Cart_sub, comm, (MPI_Comm comm, const int remain[], MPI_Comm *made), (comm, remain, made))
GUEST(Graph_create, comm,
      (MPI_Comm comm, int nodes, const int index[], const int edges[], int reorder, MPI_Comm *made),
      (comm, nodes, index, edges, reorder, made))
GUEST(Dist_graph_create, comm,
      (MPI_Comm comm, int n, const int nodes[], const int degrees[], const int targets[],
       const int weights[], MPI_Info info, int reorder, MPI_Comm *made),
      (comm, n, nodes, degrees, targets, weights, info, reorder, made))
GUEST(Dist_graph_create_adjacent, comm,
      (MPI_Comm comm, int in, const int sources[], const int in_weights[], int out,
       const int targets[], const int out_weights[], MPI_Info info, int reorder, MPI_Comm *made),
      (comm, in, sources, in_weights, out, targets, out_weights, info, reorder, made))
GUEST(Intercomm_merge, comm, (MPI_Comm comm, int high, MPI_Comm *made), (comm, high, made))
GUEST(Win_create, comm,
      (void *base, MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, MPI_Win *win),
      (base, size, unit, info, comm, win))
GUEST(Win_allocate, comm,
      (MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *win),
      (size, unit, info, comm, base, win))
GUEST(Win_allocate_shared, comm,
      (MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *win),
      (size, unit, info, comm, base, win))
GUEST(Win_create_dynamic, comm, (MPI_Info info, MPI_Comm comm, MPI_Win *win), (info, comm, win))
GUEST(File_open, comm,
      (MPI_Comm comm, const char *name, int mode, MPI_Info info, MPI_File *file),
      (comm, name, mode, info, file))
/* clang-format on */

#endif
