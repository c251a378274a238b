/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plate, blocks, arithmetic and printing of the two stencil examples; see stencil_common.h. Knows
 * nothing of RSMAPI or MPI.
 */
#include "stencil_common.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_MAX 32768UL /* 8 GiB a plate, and rank 0 keeps several */
#define ITERATIONS_MAX 1000000000UL

static bool read_number(const char *text, unsigned long most, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number >= 1 &&
           *number <= most;
}

bool stencil_read_options(int argc, char **argv, stencil_grid_t grid, bool loud,
                          stencil_options_t *options)
{
    unsigned long number = 0;
    bool good = true;

    *options = (stencil_options_t){.n = 600, .iterations = 500};
    for (int i = 1; i < argc && good; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--n") == 0 && read_number(value, N_MAX, &number)) {
            options->n = number;
        } else if (strcmp(argv[i], "--iterations") == 0 &&
                   read_number(value, ITERATIONS_MAX, &number)) {
            options->iterations = (unsigned)number;
        } else {
            good = false;
        }
    }
    if (!good && loud) {
        (void)fprintf(stderr, "usage: %s [--n 1..%lu] [--iterations 1..%lu]\n", argv[0], N_MAX,
                      ITERATIONS_MAX);
    }
    if (good && (options->n < grid.rows || options->n < grid.columns)) {
        good = false;
        if (loud) {
            (void)fprintf(stderr, "%s: %zu x %zu cells are too few for %u x %u ranks\n", argv[0],
                          options->n, options->n, grid.rows, grid.columns);
        }
    }
    return good;
}

/* ---- Who has which part of the plate ------------------------------------------------------ */

stencil_grid_t stencil_make_grid(unsigned ranks)
{
    unsigned columns = 1;

    for (unsigned i = 2; i <= ranks / i; i++) {
        if (ranks % i == 0) {
            columns = i;
        }
    }
    return (stencil_grid_t){.rows = ranks / columns, .columns = columns};
}

stencil_block_t stencil_block_at(size_t n, stencil_grid_t grid, unsigned row, unsigned column)
{
    size_t top = n * row / grid.rows;
    size_t left = n * column / grid.columns;

    return (stencil_block_t){.top = top,
                             .left = left,
                             .rows = n * (row + 1) / grid.rows - top,
                             .columns = n * (column + 1) / grid.columns - left};
}

size_t stencil_cells(const stencil_block_t *block)
{
    return (block->rows + 2) * (block->columns + 2);
}

size_t stencil_index(const stencil_block_t *block, size_t row, size_t column)
{
    return row * (block->columns + 2) + column;
}

/* ---- Arithmetic --------------------------------------------------------------------------- */

/** Noise from 0 to 1: no two cells are alike, so that a value in a wrong place shows. */
static double first_value(uint64_t row, uint64_t column)
{
    uint64_t bits = (row << 32 | column) + 0x9e3779b97f4a7c15U;

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebU;
    bits ^= bits >> 31;
    return (double)(bits >> 11) / (double)(1ULL << 53);
}

void stencil_fill(const stencil_block_t *block, double *cells)
{
    for (size_t row = 1; row <= block->rows; row++) {
        for (size_t column = 1; column <= block->columns; column++) {
            cells[stencil_index(block, row, column)] =
                first_value(block->top + row - 1, block->left + column - 1);
        }
    }
}

/**
 * A row of the step. The ranks' blocks and the serial run come through these lines and no others,
 * and the order of the additions is fixed: that is why results can be compared bit by bit.
 */
static void relax_row(const double *restrict above, const double *restrict here,
                      const double *restrict below, double *restrict to, size_t columns)
{
    for (size_t i = 1; i <= columns; i++) {
        to[i] = 0.5 * here[i] + 0.125 * ((above[i] + below[i]) + (here[i - 1] + here[i + 1]));
    }
}

double stencil_relax(const stencil_block_t *block, const double *from, double *to)
{
    double start = stencil_now();

    for (size_t row = 1; row <= block->rows; row++) {
        relax_row(from + stencil_index(block, row - 1, 0), from + stencil_index(block, row, 0),
                  from + stencil_index(block, row + 1, 0), to + stencil_index(block, row, 0),
                  block->columns);
    }
    return stencil_now() - start;
}

/* ---- The serial run ----------------------------------------------------------------------- */

/** The halo of a block that is the whole plate: its own opposite edges. */
static void wrap(const stencil_block_t *plate, double *cells)
{
    for (size_t column = 1; column <= plate->columns; column++) {
        cells[stencil_index(plate, 0, column)] = cells[stencil_index(plate, plate->rows, column)];
        cells[stencil_index(plate, plate->rows + 1, column)] =
            cells[stencil_index(plate, 1, column)];
    }
    for (size_t row = 1; row <= plate->rows; row++) {
        cells[stencil_index(plate, row, 0)] = cells[stencil_index(plate, row, plate->columns)];
        cells[stencil_index(plate, row, plate->columns + 1)] = cells[stencil_index(plate, row, 1)];
    }
}

/** Both buffers of the run; *last_p points at the one with the result. NULL: no memory. */
static double *run_alone(const stencil_options_t *options, const stencil_block_t *plate,
                         const double **last_p)
{
    size_t count = stencil_cells(plate);
    double *both = calloc(2 * count, sizeof *both);

    if (both == NULL) {
        return NULL;
    }
    stencil_fill(plate, both);
    for (unsigned step = 0; step < options->iterations; step++) {
        double *from = both + step % 2 * count;
        double *to = both + (step + 1) % 2 * count;

        wrap(plate, from);
        (void)stencil_relax(plate, from, to);
    }
    *last_p = both + options->iterations % 2 * count;
    return both;
}

/** To compare by, since for == a NaN differs from itself and -0 equals 0. */
static uint64_t bits(double value)
{
    uint64_t same;

    memcpy(&same, &value, sizeof same);
    return same;
}

bool stencil_check(const char *program, const stencil_options_t *options, const double *plate)
{
    size_t n = options->n;
    stencil_block_t whole = {.rows = n, .columns = n};
    const double *right = NULL;
    double *memory = run_alone(options, &whole, &right);
    size_t wrong = 0;
    size_t first = 0;

    if (memory == NULL) {
        (void)fprintf(stderr, "%s: no memory for the serial run\n", program);
        return false;
    }
    for (size_t i = 0; i < n * n; i++) {
        if (bits(plate[i]) != bits(right[stencil_index(&whole, i / n + 1, i % n + 1)])) {
            first = wrong == 0 ? i : first;
            wrong++;
        }
    }
    free(memory);
    if (wrong > 0) {
        printf("%s: %zu of %zu cells DIFFER from the serial run, first row %zu, column %zu\n",
               program, wrong, n * n, first / n, first % n);
    } else {
        printf("%s: all %zu cells equal the serial run in every bit\n", program, n * n);
    }
    (void)fflush(stdout);
    return wrong == 0;
}

/* ---- Time --------------------------------------------------------------------------------- */

double stencil_now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

unsigned stencil_warm_up(const stencil_options_t *options)
{
    return options->iterations / 10;
}

void stencil_report(const char *program, stencil_grid_t grid, const stencil_options_t *options,
                    double seconds, double relaxing)
{
    double steps = (double)(options->iterations - stencil_warm_up(options));

    printf("%s: %u x %u ranks, %zu x %zu cells, %u iterations\n"
           "%s: %.1f us per iteration: %.1f computing, %.1f exchanging edges\n",
           program, grid.rows, grid.columns, options->n, options->n, options->iterations, program,
           1e6 * seconds / steps, 1e6 * relaxing / steps, 1e6 * (seconds - relaxing) / steps);
    (void)fflush(stdout);
}
