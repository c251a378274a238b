/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ranks between which benchmarks of the window path measure, and the proof that the right
 * bytes arrive. Knows the public RSMAPI and MPI; must not know the library's internals, nor which
 * calls a benchmark compares, and takes no times itself (bench.c does).
 *
 * Rank 0 owns the memory and sleeps, rank 1 measures. The raw window is made over the very memory
 * that rank 0 exports, by a communicator of the same two ranks, and in the same way: the owner
 * brings the memory, the other nothing, one shared passive epoch stays open throughout. So neither
 * side has better pages, and what one side wrote the other can read. The two windows never carry a
 * transfer at the same time; each call ends with its own flush.
 */
#ifndef B_PAIR_H
#define B_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpi.h>

#include <rsmapi.h>

#include "bench.h"

#define B_OWNER 0
#define B_MEASURER 1

#define B_GAP ((size_t)64)             /* between pieces, and before the first */
#define B_TOTAL_MAX ((size_t)16 << 20) /* bytes moved by one call */
#define B_PIECES_MAX ((size_t)4096)

#define B_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct b_pair b_pair_t;

/** A benchmark, as main() hands it over. */
typedef struct b_program {
    const char *name;     /* of the program */
    const char *what;     /* one line for --help */
    const char *question; /* one for the notes */
    const char *not_run;  /* or NULL: what this benchmark leaves out, for the notes */
    /** At rank 1: run all rows. 0, or 1 after a line on standard error. */
    int (*run)(b_pair_t *pair, b_bench_t *bench);
} b_program_t;

/** Where the pieces of a row lie, at both ends: B_GAP apart, so that nobody may join them. */
typedef struct b_layout {
    size_t count;
    size_t bytes; /* of each piece */
} b_layout_t;

/** One row. The contexts have to describe the layout to their sides. */
typedef struct b_row {
    const char *name;
    b_layout_t layout;
    bool get;
    rsm_barrier_mode_t mode;
    int (*rsm)(void *ctx);
    void *rsm_ctx;
    int (*raw)(void *ctx);
    void *raw_ctx[2]; /* on pair->window[0] and, for --self, on window[1] */
} b_row_t;

struct b_pair {
    const b_program_t *program;
    const b_options_t *options;
    int rank;
    MPI_Comm comm; /* for the ranks' own agreement and for the raw windows */
    b_target_t target;

    char *memory;  /* owner: exported, and in the raw windows */
    char *local;   /* measurer: other end of all transfers, page-aligned like `memory` */
    char *scratch; /* measurer: what is read back */

    /* Not with --self. */
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t exported;
    bool published;
    rsm_memseg_import_handle_t imported;
    rsm_localmemory_handle_t local_handle; /* of all that `local` points to */
    rsmapi_barrier_t barrier;              /* bound to `imported` */

    MPI_Win window[2]; /* [0] baseline; [1] its twin with --self */
    bool window_live[2];
    bool locked[2];
    char window_name[MPI_MAX_OBJECT_NAME];

    b_layout_t layout; /* of the row that runs, and its direction */
    bool get;
};

/** The whole of a benchmark's main(): read options, set up, run the rows at rank 1, take down. */
int b_pair_main(int argc, char **argv, const b_program_t *program);

/** From the start of the memory, at either end. Piece `count` is where the last gap ends. */
size_t b_piece_offset(const b_layout_t *layout, size_t index);

/** Prove that both sides deliver the right bytes, time them, and prove it again: b_compare(). */
int b_pair_compare(b_pair_t *pair, b_bench_t *bench, const b_row_t *row);

#endif /* B_PAIR_H */
