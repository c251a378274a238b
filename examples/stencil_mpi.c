/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heat on a plate, in plain MPI:  mpirun -np 4 stencil_mpi [--n N] [--iterations I]
 *
 * The counterpart of stencil.c, as an existing code would have it: a Cartesian communicator, a
 * vector type for columns, and in each step four MPI_Irecv, four MPI_Isend and one MPI_Waitall.
 * Nothing of RSMAPI here; an MPI error ends the job, which is MPI's default. What is computed,
 * checked and printed is the same: stencil_common.h.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "stencil_common.h"

enum { NORTH, SOUTH, WEST, EAST, SIDES };

static struct {
    int rank;
    int ranks;
    stencil_options_t options;
    stencil_grid_t grid;
    stencil_block_t block;
    MPI_Comm comm;
    int neighbour[SIDES];
    MPI_Datatype row;
    MPI_Datatype column;
} my;

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        (void)fprintf(stderr, "stencil_mpi: rank %d: out of memory\n", my.rank);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    return memory;
}

static stencil_block_t block_of(int rank)
{
    int at[2];

    MPI_Cart_coords(my.comm, rank, 2, at);
    return stencil_block_at(my.options.n, my.grid, (unsigned)at[0], (unsigned)at[1]);
}

static void look_around(void)
{
    int dims[2] = {0, 0};
    const int periods[2] = {1, 1};

    MPI_Comm_size(MPI_COMM_WORLD, &my.ranks);
    MPI_Dims_create(my.ranks, 2, dims);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 1, &my.comm);
    MPI_Comm_rank(my.comm, &my.rank);
    MPI_Cart_shift(my.comm, 0, 1, &my.neighbour[NORTH], &my.neighbour[SOUTH]);
    MPI_Cart_shift(my.comm, 1, 1, &my.neighbour[WEST], &my.neighbour[EAST]);
    my.grid = (stencil_grid_t){.rows = (unsigned)dims[0], .columns = (unsigned)dims[1]};
}

static void make_types(void)
{
    MPI_Type_contiguous((int)my.block.columns, MPI_DOUBLE, &my.row);
    MPI_Type_vector((int)my.block.rows, 1, (int)my.block.columns + 2, MPI_DOUBLE, &my.column);
    MPI_Type_commit(&my.row);
    MPI_Type_commit(&my.column);
}

/** Fill the halo of `cells` from the neighbours' edges. */
static void exchange(double *cells)
{
    const stencil_block_t *block = &my.block;
    double *halo[SIDES] = {
        cells + stencil_index(block, 0, 1), cells + stencil_index(block, block->rows + 1, 1),
        cells + stencil_index(block, 1, 0), cells + stencil_index(block, 1, block->columns + 1)};
    double *edge[SIDES] = {
        cells + stencil_index(block, 1, 1), cells + stencil_index(block, block->rows, 1),
        cells + stencil_index(block, 1, 1), cells + stencil_index(block, 1, block->columns)};
    MPI_Request requests[2 * SIDES];
    MPI_Status statuses[2 * SIDES];

    for (int side = 0; side < SIDES; side++) {
        MPI_Datatype type = side < WEST ? my.row : my.column;

        /* A neighbour may be that on several sides; the tag names the side of the receiver. */
        MPI_Irecv(halo[side], 1, type, my.neighbour[side], side, my.comm, &requests[side]);
    }
    for (int side = 0; side < SIDES; side++) {
        MPI_Datatype type = side < WEST ? my.row : my.column;

        MPI_Isend(edge[side], 1, type, my.neighbour[side], side ^ 1, my.comm,
                  &requests[SIDES + side]);
    }
    MPI_Waitall(2 * SIDES, requests, statuses);
}

/** Steps `first` to `end`, without `end`. Returns the seconds spent computing. */
static double run(double *const cells[2], unsigned first, unsigned end)
{
    double relaxing = 0;

    for (unsigned step = first; step < end; step++) {
        exchange(cells[step % 2]);
        relaxing += stencil_relax(&my.block, cells[step % 2], cells[(step + 1) % 2]);
    }
    return relaxing;
}

/** All blocks to rank 0, into one plate without halos. NULL elsewhere. */
static double *collect(const double *cells)
{
    size_t n = my.options.n;
    double *plate = NULL;
    MPI_Request *requests = NULL;
    MPI_Datatype type;

    if (my.rank == 0) {
        plate = allocate(n * n, sizeof *plate);
        requests = allocate((size_t)my.ranks, sizeof *requests);
        for (int rank = 0; rank < my.ranks; rank++) {
            stencil_block_t block = block_of(rank);

            MPI_Type_vector((int)block.rows, (int)block.columns, (int)n, MPI_DOUBLE, &type);
            MPI_Type_commit(&type);
            MPI_Irecv(plate + block.top * n + block.left, 1, type, rank, 0, my.comm,
                      &requests[rank]);
            MPI_Type_free(&type);
        }
    }
    MPI_Type_vector((int)my.block.rows, (int)my.block.columns, (int)my.block.columns + 2,
                    MPI_DOUBLE, &type);
    MPI_Type_commit(&type);
    MPI_Send(cells + stencil_index(&my.block, 1, 1), 1, type, 0, 0, my.comm);
    MPI_Type_free(&type);
    if (my.rank == 0) {
        for (int rank = 0; rank < my.ranks; rank++) {
            MPI_Wait(&requests[rank], MPI_STATUS_IGNORE);
        }
        free(requests);
    }
    return plate;
}

int main(int argc, char **argv)
{
    double *cells[2];
    double *plate;
    double start;
    double relaxing;
    unsigned warm_up;
    int good = 1;

    MPI_Init(&argc, &argv);
    look_around();
    if (!stencil_read_options(argc, argv, my.grid, my.rank == 0, &my.options)) {
        MPI_Finalize();
        return 2;
    }
    my.block = block_of(my.rank);
    make_types();
    cells[0] = allocate(stencil_cells(&my.block), sizeof *cells[0]);
    cells[1] = allocate(stencil_cells(&my.block), sizeof *cells[1]);
    stencil_fill(&my.block, cells[0]);

    warm_up = stencil_warm_up(&my.options);
    (void)run(cells, 0, warm_up);
    start = stencil_now();
    relaxing = run(cells, warm_up, my.options.iterations);
    if (my.rank == 0) {
        stencil_report("stencil_mpi", my.grid, &my.options, stencil_now() - start, relaxing);
    }

    plate = collect(cells[my.options.iterations % 2]);
    if (my.rank == 0) {
        good = stencil_check("stencil_mpi", &my.options, plate);
    }
    MPI_Bcast(&good, 1, MPI_INT, 0, my.comm);
    free(plate);
    free(cells[0]);
    free(cells[1]);
    MPI_Type_free(&my.row);
    MPI_Type_free(&my.column);
    MPI_Comm_free(&my.comm);
    MPI_Finalize();
    return good ? 0 : 1;
}
