/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The question: what do putv and getv cost on the window path, over raw MPI that does the same work
 * with the same guarantees on the same kind of window (pair.h)? Knows the public RSMAPI and MPI;
 * must not know the library's internals, and takes no times itself (bench.c does).
 *
 *   mode      RSMAPI                              raw MPI
 *   implicit  putv                                per piece: MPI_Put, MPI_Win_flush
 *   explicit  open_barrier, putv, close_barrier   MPI_Put per piece, one MPI_Win_flush
 *
 * Pieces lie apart on both sides, so that neither side may join them, and every second one is given
 * by a local memory handle, the others by address.
 */
#include <stdlib.h>
#include <string.h>

#include "pair.h"

/* One piece as a raw MPI program would keep it. */
typedef struct piece {
    char *local;
    MPI_Aint remote;
    int length;
} piece_t;

/* Context of the raw side. */
typedef struct raw_side {
    MPI_Win window;
    size_t count;
    const piece_t *pieces;
} raw_side_t;

/* Context of the RSMAPI side. A vector of one piece would only ever try one kind of entry; it
 * exists twice and calls take turns. */
typedef struct rsm_side {
    rsm_scat_gath_t request[2];
    unsigned turn;
    rsmapi_barrier_t *barrier;
} rsm_side_t;

typedef struct job {
    b_pair_t *pair;
    raw_side_t raw[2]; /* see b_row_t */
    piece_t *pieces;
    rsm_side_t rsm;
    rsm_iovec_t *entries; /* B_PIECES_MAX + 1; see rsm_side_t */
} job_t;

/* ---- The four operations, raw ------------------------------------------------------------- */

/* Inlined with both flags constant, so that each operation below is the plain loop it stands for.
 */
static inline __attribute__((always_inline)) int raw_move_all(const raw_side_t *s, bool get,
                                                              bool flush_each)
{
    size_t i;
    int code;

    for (i = 0; i < s->count; i++) {
        const piece_t *p = &s->pieces[i];

        if (get) {
            code = MPI_Get(p->local, p->length, MPI_BYTE, B_OWNER, p->remote, p->length, MPI_BYTE,
                           s->window);
        } else {
            code = MPI_Put(p->local, p->length, MPI_BYTE, B_OWNER, p->remote, p->length, MPI_BYTE,
                           s->window);
        }
        if (code != MPI_SUCCESS) {
            return code;
        }
        if (flush_each) {
            code = MPI_Win_flush(B_OWNER, s->window);
            if (code != MPI_SUCCESS) {
                return code;
            }
        }
    }
    return flush_each ? MPI_SUCCESS : MPI_Win_flush(B_OWNER, s->window);
}

static int raw_put_implicit(void *context)
{
    return raw_move_all(context, false, true);
}

static int raw_put_explicit(void *context)
{
    return raw_move_all(context, false, false);
}

static int raw_get_implicit(void *context)
{
    return raw_move_all(context, true, true);
}

static int raw_get_explicit(void *context)
{
    return raw_move_all(context, true, false);
}

/* ---- The same by RSMAPI ------------------------------------------------------------------- */

static int rsm_put_implicit(void *context)
{
    rsm_side_t *s = context;

    s->turn ^= 1U;
    return rsm_memseg_import_putv(&s->request[s->turn]);
}

static int rsm_get_implicit(void *context)
{
    rsm_side_t *s = context;

    s->turn ^= 1U;
    return rsm_memseg_import_getv(&s->request[s->turn]);
}

/* The barrier is closed whatever happened in between; the first error is the one to report. */
static int rsm_explicit(rsm_side_t *s, int (*transfer)(rsm_scat_gath_t *))
{
    int code = rsm_memseg_import_open_barrier(s->barrier);
    int close_code;

    if (code != RSM_SUCCESS) {
        return code;
    }
    s->turn ^= 1U;
    code = transfer(&s->request[s->turn]);
    close_code = rsm_memseg_import_close_barrier(s->barrier);
    return code != RSM_SUCCESS ? code : close_code;
}

static int rsm_put_explicit(void *context)
{
    return rsm_explicit(context, rsm_memseg_import_putv);
}

static int rsm_get_explicit(void *context)
{
    return rsm_explicit(context, rsm_memseg_import_getv);
}

/* ---- Rows --------------------------------------------------------------------------------- */

typedef struct operation {
    const char *name;
    bool get;
    rsm_barrier_mode_t mode;
    int (*rsm)(void *);
    int (*raw)(void *);
} operation_t;

/* clang-format off */
static const operation_t operations[] = {
    {"putv/implicit", false, RSM_BARRIER_MODE_IMPLICIT, rsm_put_implicit, raw_put_implicit},
    {"putv/explicit", false, RSM_BARRIER_MODE_EXPLICIT, rsm_put_explicit, raw_put_explicit},
    {"getv/implicit", true,  RSM_BARRIER_MODE_IMPLICIT, rsm_get_implicit, raw_get_implicit},
    {"getv/explicit", true,  RSM_BARRIER_MODE_EXPLICIT, rsm_get_explicit, raw_get_explicit},
};
/* clang-format on */

static const size_t piece_counts[] = {1, 4, 16, 64, 256, 1024, 4096};
static const size_t piece_sizes[] = {8, 64, 512, 4096, 65536, 1048576};
static const size_t quick_counts[] = {1, 16, 256};
static const size_t quick_sizes[] = {8, 4096, 65536};

/* Describe the same pieces to both sides. */
static void set_layout(job_t *job, const b_layout_t *layout)
{
    b_pair_t *pair = job->pair;
    size_t count = layout->count;
    size_t i;
    unsigned k;

    for (i = 0; i < count; i++) {
        job->pieces[i].local = pair->local + b_piece_offset(layout, i);
        job->pieces[i].remote = (MPI_Aint)b_piece_offset(layout, i);
        job->pieces[i].length = (int)layout->bytes;
    }
    for (k = 0; k < 2; k++) {
        job->raw[k].window = pair->window[k];
        job->raw[k].count = count;
        job->raw[k].pieces = job->pieces;
    }
    if (pair->options->self) {
        return;
    }
    for (i = 0; i < (count == 1 ? 2 : count); i++) {
        rsm_iovec_t *e = &job->entries[i];
        size_t offset = b_piece_offset(layout, count == 1 ? 0 : i);

        memset(e, 0, sizeof *e);
        if (i % 2 == 0) {
            e->io_type = RSM_VA_TYPE;
            e->local.vaddr = pair->local;
        } else {
            e->io_type = RSM_HANDLE_TYPE;
            e->local.handle = pair->local_handle;
        }
        e->local_offset = offset;
        e->remote_offset = offset;
        e->transfer_length = layout->bytes;
    }
    job->rsm.barrier = &pair->barrier;
    for (k = 0; k < 2; k++) {
        rsm_scat_gath_t *request = &job->rsm.request[k];

        memset(request, 0, sizeof *request);
        request->local_nodeid = B_MEASURER;
        request->io_request_count = count;
        request->remote_handle = pair->imported;
        request->iovec = count == 1 ? &job->entries[k] : job->entries;
    }
}

static int run_row(job_t *job, b_bench_t *bench, const operation_t *op, const b_layout_t *layout)
{
    b_row_t row = {op->name, *layout,   op->get, op->mode,
                   op->rsm,  &job->rsm, op->raw, {&job->raw[0], &job->raw[1]}};

    if (layout->count * layout->bytes > B_TOTAL_MAX ||
        !b_wanted(bench, op->name, layout->count, layout->bytes)) {
        return 0;
    }
    set_layout(job, layout);
    return b_pair_compare(job->pair, bench, &row);
}

static int run_rows(job_t *job, b_bench_t *bench)
{
    bool quick = job->pair->options->quick;
    const size_t *counts = quick ? quick_counts : piece_counts;
    const size_t *sizes = quick ? quick_sizes : piece_sizes;
    size_t count_of_counts = quick ? B_COUNT_OF(quick_counts) : B_COUNT_OF(piece_counts);
    size_t count_of_sizes = quick ? B_COUNT_OF(quick_sizes) : B_COUNT_OF(piece_sizes);
    size_t o;
    size_t s;
    size_t n;

    for (o = 0; o < B_COUNT_OF(operations); o++) {
        for (s = 0; s < count_of_sizes; s++) {
            for (n = 0; n < count_of_counts; n++) {
                b_layout_t layout = {counts[n], sizes[s]};

                if (run_row(job, bench, &operations[o], &layout) != 0) {
                    return 1;
                }
            }
        }
    }
    return 0;
}

static int run(b_pair_t *pair, b_bench_t *bench)
{
    job_t job = {.pair = pair};
    int code = 1;

    job.pieces = calloc(B_PIECES_MAX, sizeof *job.pieces);
    job.entries = calloc(B_PIECES_MAX + 1, sizeof *job.entries);
    if (job.pieces == NULL || job.entries == NULL) {
        perror("calloc");
    } else {
        code = run_rows(&job, bench);
    }
    free(job.pieces);
    free(job.entries);
    return code;
}

int main(int argc, char **argv)
{
    static const b_program_t program = {
        .name = "bench_vector",
        .what = "What putv and getv cost over raw MPI, on the window path.",
        .question = "putv and getv over raw MPI, same guarantees, window path",
        .not_run = "shapes of more than 16 MiB in all",
        .run = run,
    };

    return b_pair_main(argc, argv, &program);
}
