/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a program that creates communicators, windows and files while other ranks connect.
 * Some ranks are early in the creation and wait there; others first connect to them. Without
 * mpi_glue/guest.c this stands still on Open MPI in the first round (tests/quirks/cid_order.c).
 *
 * Proves: a connect needs nothing of the exporter's program, whatever MPI call that is in (design
 * 3.1); the creations give what MPI promises.
 *
 * Arguments: [--rounds N] [--seed S]. Any number of ranks from 2.
 */
#include <mpi.h>
#include <rsmapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U

static rsmapi_controller_handle_t controller;
static int rank;
static int size;
static t_rand_t rng;
static MPI_Comm two_groups; /* even and odd ranks */

static void make_two_groups(void)
{
    MPI_Comm mine;

    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &mine);
    MPI_Intercomm_create(mine, 0, MPI_COMM_WORLD, 1 - rank % 2, 7, &two_groups);
    MPI_Comm_free(&mine);
}

/** Connect to `node`, move a vector, leave. */
static void visit(int node)
{
    rsm_memseg_import_handle_t imp;
    char text[64];
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE, .local.vaddr = text, .transfer_length = 64};
    rsm_scat_gath_t vector = {.io_request_count = 1, .iovec = &piece};

    memset(text, rank + 1, sizeof text);
    piece.remote_offset = 64U * (size_t)rank;
    t_expect_code(
        rsm_memseg_import_connect(controller, (rsm_node_id_t)node, SEGMENT, RSM_PERM_RDWR, &imp),
        RSM_SUCCESS);
    vector.remote_handle = imp;
    t_expect_code(rsm_memseg_import_putv(&vector), RSM_SUCCESS);
    t_expect_code(rsm_memseg_import_disconnect(imp), RSM_SUCCESS);
}

/** A creation that all ranks take part in. */
static void create(int kind)
{
    static const char *const names[] = {"Comm_dup",
                                        "Comm_split",
                                        "Win_create",
                                        "Win_allocate",
                                        "Cart_create",
                                        "Comm_create",
                                        "Comm_dup of two groups"};
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Win win = MPI_WIN_NULL;
    MPI_Group group;
    char byte[8];
    void *base;
    int periodic = 1;
    int sum = 0;

    t_note("%s", names[kind]);
    switch (kind) {
    case 0:
        MPI_Comm_dup(MPI_COMM_WORLD, &comm);
        break;
    case 1:
        MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &comm);
        break;
    case 2:
        MPI_Win_create(byte, sizeof byte, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &win);
        break;
    case 3:
        MPI_Win_allocate(64, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win);
        break;
    case 4:
        MPI_Cart_create(MPI_COMM_WORLD, 1, &size, &periodic, 0, &comm);
        break;
    case 6:
        MPI_Comm_dup(two_groups, &comm);
        MPI_Comm_free(&comm);
        break;
    default:
        MPI_Comm_group(MPI_COMM_WORLD, &group);
        MPI_Comm_create(MPI_COMM_WORLD, group, &comm);
        MPI_Group_free(&group);
        break;
    }
    if (comm != MPI_COMM_NULL) {
        MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
        t_expect_eq(sum, size * (size - 1) / 2);
        MPI_Comm_free(&comm);
    }
    if (win != MPI_WIN_NULL) {
        MPI_Win_free(&win);
    }
}

int main(int argc, char **argv)
{
    rsm_memseg_export_handle_t seg;
    rsm_memseg_id_t id = SEGMENT;
    char *memory = aligned_alloc(BYTES, BYTES);
    int rounds = 60;

    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0) {
            rounds = atoi(argv[i + 1]);
        }
    }
    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    rank = t_mpi_rank();
    size = t_mpi_size();
    t_rand_init(&rng, t_mpi_seed(argc, argv), (uint64_t)rank);
    t_require_code(rsm_get_controller("mpi0", &controller), RSM_SUCCESS);
    memset(memory, 0, BYTES);
    t_require_code(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0), RSM_SUCCESS);
    t_require_code(rsm_memseg_export_publish(seg, &id, NULL, 0), RSM_SUCCESS);
    make_two_groups(); /* nobody connects yet */
    t_barrier();

    for (int round = 0; round < rounds; round++) {
        /* In turn each rank is in the creation first; the others visit it there. */
        int early = round % size;

        t_note("visiting");
        if (rank != early) {
            usleep((unsigned)(t_rand_below(&rng, 3000)));
            visit(early);
            if (size > 2 && t_rand_below(&rng, 2) == 0) {
                visit((rank + 1) % size == early ? (rank + 2) % size : (rank + 1) % size);
            }
        }
        create(round % 7);
    }
    t_barrier();
    for (int other = 0; other < size; other++) {
        if (other != rank) {
            t_expect_eq(memory[64 * other + 63], other + 1);
        }
    }
    t_expect_code(rsm_memseg_export_destroy(seg), RSM_SUCCESS);
    MPI_Comm_free(&two_groups);
    free(memory);
    return t_mpi_finish();
}
