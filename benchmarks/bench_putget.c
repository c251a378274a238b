/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The question: what do put, get and their forms for single items cost on the window path, over raw
 * MPI that does the same work with the same guarantees on the same kind of window (pair.h)? Knows
 * the public RSMAPI and MPI; must not know the library's internals, and takes no times itself
 * (bench.c does).
 *
 *   mode      RSMAPI                             raw MPI
 *   implicit  put                                MPI_Put, MPI_Win_flush
 *   implicit  get                                MPI_Get, MPI_Win_flush
 *   explicit  open_barrier, put, close_barrier   MPI_Put, MPI_Win_flush_local, MPI_Win_flush
 *   explicit  open_barrier, get, close_barrier   MPI_Get, MPI_Win_flush
 *
 * An explicit put gives the local memory back when it returns, before its barrier closes: hence the
 * local flush. An explicit get has delivered when it returns, so that its barrier finds nothing to
 * wait for: hence one flush.
 */
#include "pair.h"

/* Context of the raw side. */
typedef struct raw_side {
    MPI_Win window;
    char *local;
    MPI_Aint remote;
    int length;
} raw_side_t;

/* Context of the RSMAPI side. */
typedef struct rsm_side {
    rsm_memseg_import_handle_t imported;
    rsmapi_barrier_t *barrier;
    off_t offset;
    void *local;
    size_t length;
} rsm_side_t;

/* ---- Raw ---------------------------------------------------------------------------------- */

static int raw_put(const raw_side_t *s)
{
    return MPI_Put(s->local, s->length, MPI_BYTE, B_OWNER, s->remote, s->length, MPI_BYTE,
                   s->window);
}

static int raw_put_implicit(void *context)
{
    const raw_side_t *s = context;
    int code = raw_put(s);

    return code != MPI_SUCCESS ? code : MPI_Win_flush(B_OWNER, s->window);
}

static int raw_put_explicit(void *context)
{
    const raw_side_t *s = context;
    int code = raw_put(s);

    if (code == MPI_SUCCESS) {
        code = MPI_Win_flush_local(B_OWNER, s->window);
    }
    return code != MPI_SUCCESS ? code : MPI_Win_flush(B_OWNER, s->window);
}

static int raw_get(void *context)
{
    const raw_side_t *s = context;
    int code =
        MPI_Get(s->local, s->length, MPI_BYTE, B_OWNER, s->remote, s->length, MPI_BYTE, s->window);

    return code != MPI_SUCCESS ? code : MPI_Win_flush(B_OWNER, s->window);
}

/* ---- The same by RSMAPI ------------------------------------------------------------------- */

static int rsm_put(void *context)
{
    const rsm_side_t *s = context;

    return rsm_memseg_import_put(s->imported, s->offset, s->local, s->length);
}

static int rsm_get(void *context)
{
    const rsm_side_t *s = context;

    return rsm_memseg_import_get(s->imported, s->offset, s->local, s->length);
}

static int rsm_put64(void *context)
{
    const rsm_side_t *s = context;

    return rsm_memseg_import_put64(s->imported, s->offset, s->local, s->length / sizeof(uint64_t));
}

static int rsm_get64(void *context)
{
    const rsm_side_t *s = context;

    return rsm_memseg_import_get64(s->imported, s->offset, s->local, s->length / sizeof(uint64_t));
}

/* Inlined with `transfer` constant, so that both sides call what they measure directly. The barrier
 * is closed whatever happened in between; the first error is the one to report. */
static inline __attribute__((always_inline)) int rsm_explicit(rsm_side_t *s,
                                                              int (*transfer)(void *))
{
    int code = rsm_memseg_import_open_barrier(s->barrier);
    int close_code;

    if (code != RSM_SUCCESS) {
        return code;
    }
    code = transfer(s);
    close_code = rsm_memseg_import_close_barrier(s->barrier);
    return code != RSM_SUCCESS ? code : close_code;
}

static int rsm_put_explicit(void *context)
{
    return rsm_explicit(context, rsm_put);
}

static int rsm_get_explicit(void *context)
{
    return rsm_explicit(context, rsm_get);
}

static int rsm_put64_explicit(void *context)
{
    return rsm_explicit(context, rsm_put64);
}

static int rsm_get64_explicit(void *context)
{
    return rsm_explicit(context, rsm_get64);
}

/* ---- Rows --------------------------------------------------------------------------------- */

typedef struct operation {
    const char *name;
    bool get;
    bool one_item; /* 8 bytes, no other size */
    rsm_barrier_mode_t mode;
    int (*rsm)(void *);
    int (*raw)(void *);
} operation_t;

/* clang-format off */
#define IMPLICIT RSM_BARRIER_MODE_IMPLICIT
#define EXPLICIT RSM_BARRIER_MODE_EXPLICIT
static const operation_t operations[] = {
    {"put/implicit",   false, false, IMPLICIT, rsm_put,            raw_put_implicit},
    {"put/explicit",   false, false, EXPLICIT, rsm_put_explicit,   raw_put_explicit},
    {"get/implicit",   true,  false, IMPLICIT, rsm_get,            raw_get},
    {"get/explicit",   true,  false, EXPLICIT, rsm_get_explicit,   raw_get},
    {"put64/implicit", false, true,  IMPLICIT, rsm_put64,          raw_put_implicit},
    {"put64/explicit", false, true,  EXPLICIT, rsm_put64_explicit, raw_put_explicit},
    {"get64/implicit", true,  true,  IMPLICIT, rsm_get64,          raw_get},
    {"get64/explicit", true,  true,  EXPLICIT, rsm_get64_explicit, raw_get},
};
/* clang-format on */

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)
static const size_t sizes[] = {8,        32,        128,       512,     2048,   8192,
                               32 * KIB, 128 * KIB, 512 * KIB, 2 * MIB, 8 * MIB};
static const size_t quick_sizes[] = {8, 512, 32 * KIB, 2 * MIB};

static int run_row(b_pair_t *pair, b_bench_t *bench, const operation_t *op, size_t bytes)
{
    b_layout_t layout = {1, bytes};
    size_t at = b_piece_offset(&layout, 0);
    rsm_side_t rsm = {pair->imported, &pair->barrier, (off_t)at, pair->local + at, bytes};
    raw_side_t raw[2] = {{pair->window[0], pair->local + at, (MPI_Aint)at, (int)bytes},
                         {pair->window[1], pair->local + at, (MPI_Aint)at, (int)bytes}};
    b_row_t row = {op->name, layout, op->get, op->mode, op->rsm, &rsm, op->raw, {&raw[0], &raw[1]}};

    return b_wanted(bench, op->name, 1, bytes) ? b_pair_compare(pair, bench, &row) : 0;
}

static int run(b_pair_t *pair, b_bench_t *bench)
{
    bool quick = pair->options->quick;
    const size_t *chosen = quick ? quick_sizes : sizes;
    size_t count = quick ? B_COUNT_OF(quick_sizes) : B_COUNT_OF(sizes);
    size_t o;
    size_t s;

    for (o = 0; o < B_COUNT_OF(operations); o++) {
        for (s = 0; s < (operations[o].one_item ? 1 : count); s++) {
            if (run_row(pair, bench, &operations[o], chosen[s]) != 0) {
                return 1;
            }
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const b_program_t program = {
        .name = "bench_putget",
        .what = "What put and get cost over raw MPI, on the window path.",
        .question = "put and get over raw MPI, same guarantees, window path",
        .run = run,
    };

    return b_pair_main(argc, argv, &program);
}
