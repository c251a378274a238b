/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stencil.c and stencil_mpi.c share: the plate, how it is cut into blocks, the arithmetic, the
 * serial run that both compare with, and what they print. Knows nothing of RSMAPI or MPI: how edges
 * get from one rank to the next is the examples' business.
 *
 * The plate is n x n cells, and what leaves it on one side comes in on the opposite one (a torus).
 * So each block has a neighbour on all four sides, be it itself, and there are no special cases.
 *
 * A block lies in memory with a frame of one cell, the halo, which holds copies of the neighbours'
 * edges. Row 0, row rows + 1, column 0 and column columns + 1 are the halo; the corners are not
 * used by a stencil of five points.
 */
#ifndef STENCIL_COMMON_H
#define STENCIL_COMMON_H

#include <stdbool.h>
#include <stddef.h>

typedef struct stencil_options {
    size_t n;            /* --n */
    unsigned iterations; /* --iterations */
} stencil_options_t;

/** The ranks as a grid; rank r stands in row r / columns, column r % columns. */
typedef struct stencil_grid {
    unsigned rows;
    unsigned columns;
} stencil_grid_t;

/** One rank's part of the plate. Blocks differ by a row or a column where n does not divide. */
typedef struct stencil_block {
    size_t top; /* of the first cell, in the plate */
    size_t left;
    size_t rows; /* without the halo */
    size_t columns;
} stencil_block_t;

/** A grid for so many ranks, as square as it can be. */
stencil_grid_t stencil_make_grid(unsigned ranks);

/**
 * Read --n and --iterations. False: they make no sense, or a rank of `grid` would be left without a
 * cell; the reason goes to stderr if `loud`.
 */
bool stencil_read_options(int argc, char **argv, stencil_grid_t grid, bool loud,
                          stencil_options_t *options);

stencil_block_t stencil_block_at(size_t n, stencil_grid_t grid, unsigned row, unsigned column);

/** Cells of a block in memory, with its halo. */
size_t stencil_cells(const stencil_block_t *block);

/** Where the cell of a row and a column lies in the block's memory; 0 is the halo. */
size_t stencil_index(const stencil_block_t *block, size_t row, size_t column);

/** Give the block's cells their values before the first step. The halo is left alone. */
void stencil_fill(const stencil_block_t *block, double *cells);

/** One step of the whole block: `to` from `from` and its halo. Returns the seconds it took. */
double stencil_relax(const stencil_block_t *block, const double *from, double *to);

double stencil_now(void);

/** Steps before the clock starts: ranks begin at different times, and memory is cold. */
unsigned stencil_warm_up(const stencil_options_t *options);

/** Print what was measured behind the warm-up: seconds in all, and those of stencil_relax alone. */
void stencil_report(const char *program, stencil_grid_t grid, const stencil_options_t *options,
                    double seconds, double relaxing);

/**
 * Compute the same alone, print and return whether `plate`, n x n cells without halos, is equal to
 * that in every bit.
 */
bool stencil_check(const char *program, const stencil_options_t *options, const double *plate);

#endif
