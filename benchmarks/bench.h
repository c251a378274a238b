/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one way in which benchmarks here measure: two functions that do the same work, first proved
 * to deliver the same bytes, then timed in turns inside one run, and judged by the ratio of each
 * turn. Knows clocks, statistics and how results are printed; must not know MPI or RSMAPI.
 */
#ifndef B_BENCH_H
#define B_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** What the bound says: a row is "ok" if either of the two holds, else "OVER". */
#define B_BOUND_RATIO 1.05
#define B_BOUND_NS 50.0

/** Rows that the summary's median looks at. */
#define B_ROWS_MAX 512

/** Exit codes of a benchmark. */
enum {
    B_EXIT_OK = 0,    /* ran, and all data was right */
    B_EXIT_ERROR = 1, /* wrong data, a failed call, or it could not be set up */
    B_EXIT_OVER = 2   /* only with --assert: a row is over the bound */
};

/** What the target's main thread does while the other rank measures. */
typedef enum { B_TARGET_AUTO, B_TARGET_SLEEP, B_TARGET_POLL } b_target_t;

/** The command line. */
typedef struct b_options {
    bool help;
    bool csv;             /* CSV instead of a table on standard output */
    const char *csv_file; /* or NULL: CSV goes into this file as well */
    bool quick;           /* few shapes, few rounds */
    bool assert_bounds;   /* a row over the bound makes the exit code B_EXIT_OVER */
    bool self;            /* raw MPI against raw MPI: what the harness itself contributes */
    b_target_t target;
    const char *only; /* or NULL: run rows whose "name pieces x bytes" contains this */
} b_options_t;

/**
 * One of the two competitors. `run` does the work once and returns 0, or the code of what failed;
 * everything it needs is prepared in `ctx`.
 */
typedef struct b_side {
    const char *name;
    int (*run)(void *ctx);
    void *ctx;
} b_side_t;

/** One row: side `a` is judged, side `b` is the baseline. */
typedef struct b_case {
    const char *name;
    size_t pieces;
    size_t piece_bytes;
    b_side_t a;
    b_side_t b;
    /** New source bytes made from `seed`, and a destination spoiled; 0 or an error code. */
    int (*prepare)(void *ctx, uint64_t seed);
    /** 0 if the destination holds exactly what prepare(seed) asked for. Prints what does not. */
    int (*verify)(void *ctx, uint64_t seed);
    /** NULL, or done untimed before every sample of either side; 0 or an error code. */
    int (*prime)(void *ctx);
    void *ctx; /* of prepare, verify and prime */
} b_case_t;

/** A run in progress. All members belong to bench.c except `options`. */
typedef struct b_bench {
    b_options_t options;
    FILE *csv; /* NULL: no CSV */
    bool table;
    bool heading_printed;
    uint64_t seed;
    size_t rows;
    size_t rows_over;
    double ratios[B_ROWS_MAX];
    double worst_ratio;
    char worst_name[96];
} b_bench_t;

/** Read the command line. False, after a line on standard error: it makes no sense. */
bool b_parse(int argc, char **argv, b_options_t *options);

/** Explain the command line. `what` is one line about this benchmark. */
void b_usage(const char *program, const char *what);

/** Begin a run; false, after a line on standard error: the CSV file cannot be written. */
bool b_begin(b_bench_t *bench, const b_options_t *options);

/** One comment line of the environment, printed ahead of the rows. Only the first line of `text`.
 */
void b_note(b_bench_t *bench, const char *key, const char *text);

/** The comment lines that need no help: CPU, load, binding, compiler, date, how samples are taken.
 */
void b_note_machine(b_bench_t *bench);

/** True if --only lets this row run. */
bool b_wanted(const b_bench_t *bench, const char *name, size_t pieces, size_t piece_bytes);

/**
 * Prove that both sides deliver the right bytes, time them, print the row, and prove it again. 0,
 * or 1 after a line on standard error if data was wrong or a call failed; the run should then stop.
 */
int b_compare(b_bench_t *bench, const b_case_t *c);

/** Nanoseconds of one call of `side`, or a negative number if it failed. */
double b_once(const b_side_t *side);

/** Print the summary and close files. Returns B_EXIT_OK, or B_EXIT_OVER if that was asked for. */
int b_end(b_bench_t *bench);

#endif /* B_BENCH_H */
