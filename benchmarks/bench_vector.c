/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The question: what do putv and getv cost on the window path, over raw MPI that does the same work
 * with the same guarantees on the same kind of window? Knows the public RSMAPI and MPI; must not
 * know the library's internals, and takes no times itself (bench.c does).
 *
 * Rank 0 owns the memory and sleeps, rank 1 measures. The raw window is made over the very memory
 * that rank 0 exports, by a communicator of the same two ranks, and in the same way: the owner
 * brings the memory, the other nothing, one shared passive epoch stays open throughout. So neither
 * side has better pages, and what one side wrote the other can read. The two windows never carry a
 * transfer at the same time; each call ends with its own flush.
 *
 *   mode      RSMAPI                              raw MPI
 *   implicit  putv                                per piece: MPI_Put, MPI_Win_flush
 *   explicit  open_barrier, putv, close_barrier   MPI_Put per piece, one MPI_Win_flush
 *
 * Pieces lie 64 bytes apart on both sides, so that neither side may join them, and every second one
 * is given by a local memory handle, the others by address.
 */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <mpi.h>

#include <rsmapi.h>

#include "bench.h"

#define OWNER 0
#define MEASURER 1
#define SEGMENT_ID 0x00400b01U
#define TAG_DONE 1

#define GAP ((size_t)64)                /* between pieces, and before the first */
#define TOTAL_MAX ((size_t)16 << 20)    /* bytes moved by one call */
#define MEMORY_BYTES ((size_t)17 << 20) /* TOTAL_MAX, its gaps, and the primer's piece */
#define PIECES_MAX ((size_t)4096)
#define PRIMER_BYTES ((size_t)8)
#define PRIMER_OFFSET (MEMORY_BYTES - 4096)
#define OWNER_NAP_NS 1000000L

_Static_assert(GAP + TOTAL_MAX + PIECES_MAX * GAP <= PRIMER_OFFSET, "pieces and gaps must fit");
_Static_assert(MEMORY_BYTES <= INT_MAX, "MPI counts are int");

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
    rsmapi_barrier_t barrier;
} rsm_side_t;

/* One row, as prepare and verify see it. */
typedef struct shape {
    bool get;
    size_t count;
    size_t bytes;
    size_t span; /* from the start of the memory: gaps and pieces, the last gap included */
} shape_t;

typedef struct job {
    const b_options_t *options;
    int rank;
    MPI_Comm comm; /* for this program's own agreement and for the raw window */
    b_target_t target;

    char *memory;  /* OWNER: exported, and in the raw windows */
    char *local;   /* MEASURER: other end of all transfers, page-aligned like `memory` */
    char *scratch; /* MEASURER: what is read back */

    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t exported;
    bool published;
    rsm_memseg_import_handle_t imported;
    rsm_localmemory_handle_t local_handle;
    rsm_side_t rsm;
    rsm_iovec_t *entries; /* PIECES_MAX + 1; see rsm_side_t */

    MPI_Win window[2]; /* [0] baseline; [1] its twin with --self */
    bool window_live[2];
    bool locked[2];
    raw_side_t raw[2];
    piece_t *pieces;
    char window_name[MPI_MAX_OBJECT_NAME];

    shape_t shape;
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
            code = MPI_Get(p->local, p->length, MPI_BYTE, OWNER, p->remote, p->length, MPI_BYTE,
                           s->window);
        } else {
            code = MPI_Put(p->local, p->length, MPI_BYTE, OWNER, p->remote, p->length, MPI_BYTE,
                           s->window);
        }
        if (code != MPI_SUCCESS) {
            return code;
        }
        if (flush_each) {
            code = MPI_Win_flush(OWNER, s->window);
            if (code != MPI_SUCCESS) {
                return code;
            }
        }
    }
    return flush_each ? MPI_SUCCESS : MPI_Win_flush(OWNER, s->window);
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
    int code = rsm_memseg_import_open_barrier(&s->barrier);
    int close_code;

    if (code != RSM_SUCCESS) {
        return code;
    }
    s->turn ^= 1U;
    code = transfer(&s->request[s->turn]);
    close_code = rsm_memseg_import_close_barrier(&s->barrier);
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

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static size_t piece_offset(const shape_t *shape, size_t index)
{
    return GAP + index * (shape->bytes + GAP);
}

/* Describe the same pieces to both sides. */
static void set_shape(job_t *job, bool get, size_t count, size_t bytes)
{
    shape_t *shape = &job->shape;
    size_t i;
    unsigned k;

    shape->get = get;
    shape->count = count;
    shape->bytes = bytes;
    shape->span = piece_offset(shape, count);
    for (i = 0; i < count; i++) {
        job->pieces[i].local = job->local + piece_offset(shape, i);
        job->pieces[i].remote = (MPI_Aint)piece_offset(shape, i);
        job->pieces[i].length = (int)bytes;
    }
    for (k = 0; k < 2; k++) {
        job->raw[k].window = job->window[k];
        job->raw[k].count = count;
        job->raw[k].pieces = job->pieces;
    }
    if (job->options->self) {
        return;
    }
    for (i = 0; i < (count == 1 ? 2 : count); i++) {
        rsm_iovec_t *e = &job->entries[i];
        size_t offset = piece_offset(shape, count == 1 ? 0 : i);

        memset(e, 0, sizeof *e);
        if (i % 2 == 0) {
            e->io_type = RSM_VA_TYPE;
            e->local.vaddr = job->local;
        } else {
            e->io_type = RSM_HANDLE_TYPE;
            e->local.handle = job->local_handle;
        }
        e->local_offset = offset;
        e->remote_offset = offset;
        e->transfer_length = bytes;
    }
    for (k = 0; k < 2; k++) {
        rsm_scat_gath_t *request = &job->rsm.request[k];

        memset(request, 0, sizeof *request);
        request->local_nodeid = MEASURER;
        request->io_request_count = count;
        request->remote_handle = job->imported;
        request->iovec = count == 1 ? &job->entries[k] : job->entries;
    }
}

/* ---- Proof that the right bytes arrive ---------------------------------------------------- */

/* The word that belongs at place `index` of the pattern `seed`: every place and seed differs. */
static uint64_t pattern(uint64_t seed, size_t index)
{
    uint64_t x = (seed << 32) + index + 1;

    x ^= x >> 31;
    x *= UINT64_C(0x7fb5d329728ea185);
    x ^= x >> 27;
    x *= UINT64_C(0x81dadef4bc2dd44d);
    return x ^ (x >> 33);
}

/* Patterns of data and of spoiled places never meet: seeds are small. */
static uint64_t spoil_seed(uint64_t seed)
{
    return seed | UINT64_C(0x80000000);
}

static void fill(char *at, size_t bytes, uint64_t seed)
{
    uint64_t *words = (uint64_t *)(void *)at;
    size_t i;

    for (i = 0; i < bytes / sizeof *words; i++) {
        words[i] = pattern(seed, i);
    }
}

/* Pieces hold the data, gaps what was there before. The first wrong place is printed. */
static int check(const shape_t *shape, const char *at, uint64_t seed, const char *reader)
{
    const uint64_t *words = (const uint64_t *)(const void *)at;
    size_t stride = shape->bytes + GAP;
    size_t i;

    for (i = 0; i < shape->span / sizeof *words; i++) {
        size_t offset = i * sizeof *words;
        bool in_gap = offset % stride < GAP;
        uint64_t expected = pattern(in_gap ? spoil_seed(seed) : seed, i);

        if (words[i] != expected) {
            fprintf(stderr, "byte %zu (%s of piece %zu), read by %s: %016llx, expected %016llx\n",
                    offset, in_gap ? "gap ahead" : "inside", offset / stride, reader,
                    (unsigned long long)words[i], (unsigned long long)expected);
            return 1;
        }
    }
    return 0;
}

static int raw_move(job_t *job, bool get, char *local, size_t bytes)
{
    raw_side_t side = {job->window[0], 1, NULL};
    piece_t piece = {local, 0, (int)bytes};

    side.pieces = &piece;
    return get ? raw_get_explicit(&side) : raw_put_explicit(&side);
}

/* One piece, at the same offset of `local` and of the segment. The barrier around it makes it
 * complete in either mode of the handle. */
static int rsm_move(job_t *job, int (*transfer)(rsm_scat_gath_t *), char *local, size_t offset,
                    size_t bytes)
{
    rsm_iovec_t entry;
    rsm_scat_gath_t request;
    int code;
    int close_code;

    memset(&entry, 0, sizeof entry);
    entry.io_type = RSM_VA_TYPE;
    entry.local.vaddr = local;
    entry.local_offset = offset;
    entry.remote_offset = offset;
    entry.transfer_length = bytes;
    memset(&request, 0, sizeof request);
    request.io_request_count = 1;
    request.remote_handle = job->imported;
    request.iovec = &entry;
    code = rsm_memseg_import_open_barrier(&job->rsm.barrier);
    if (code != RSM_SUCCESS) {
        return code;
    }
    code = transfer(&request);
    close_code = rsm_memseg_import_close_barrier(&job->rsm.barrier);
    return code != RSM_SUCCESS ? code : close_code;
}

static int prepare(void *context, uint64_t seed)
{
    job_t *job = context;
    const shape_t *shape = &job->shape;
    int code;

    fill(job->scratch, shape->span, shape->get ? seed : spoil_seed(seed));
    code = raw_move(job, false, job->scratch, shape->span);
    fill(job->local, shape->span, shape->get ? spoil_seed(seed) : seed);
    memset(job->scratch, 0, shape->span);
    return code;
}

static int verify(void *context, uint64_t seed)
{
    job_t *job = context;
    const shape_t *shape = &job->shape;
    int code;

    if (shape->get) {
        return check(shape, job->local, seed, "the get itself");
    }
    code = raw_move(job, true, job->scratch, shape->span);
    if (code != MPI_SUCCESS || check(shape, job->scratch, seed, "MPI_Get") != 0) {
        return 1;
    }
    if (job->options->self) {
        return 0;
    }
    memset(job->scratch, 0, shape->span);
    code = rsm_move(job, rsm_memseg_import_getv, job->scratch, 0, shape->span);
    return code != RSM_SUCCESS || check(shape, job->scratch, seed, "getv") != 0;
}

/* ---- Before a sample ---------------------------------------------------------------------- */

/*
 * Where the target has to take part (MPICH; osc/ucx), the owner's service thread does it for both
 * sides, and it is awake while and shortly after the library transfers. Without a transfer ahead of
 * each sample the raw side would meet it asleep and lose for a reason that is not its own.
 */
static int prime(void *context)
{
    job_t *job = context;

    return rsm_move(job, rsm_memseg_import_putv, job->local, PRIMER_OFFSET, PRIMER_BYTES);
}

/* What a raw put costs when the library has been silent for a while: says whether this MPI needs
 * the target at all. Not part of any row. */
static void note_progress(job_t *job, b_bench_t *bench)
{
    piece_t piece = {job->local + PRIMER_OFFSET, (MPI_Aint)PRIMER_OFFSET, (int)PRIMER_BYTES};
    raw_side_t raw = {job->window[0], 1, &piece};
    b_side_t side = {"MPI_Put+flush", raw_put_explicit, &raw};
    struct timespec silence = {0, 50000000L};
    double best_awake = -1;
    double best_silent = -1;
    char text[160];
    int i;

    for (i = 0; i < 5; i++) {
        double awake;
        double silent;

        if (!job->options->self && prime(job) != 0) {
            return; /* the rows will say so */
        }
        b_once(&side);
        awake = b_once(&side);
        nanosleep(&silence, NULL);
        silent = b_once(&side);
        best_awake = i == 0 || awake < best_awake ? awake : best_awake;
        best_silent = i == 0 || silent < best_silent ? silent : best_silent;
    }
    snprintf(text, sizeof text, "%.1f us in a burst, %.1f us after 50 ms of silence, best of 5",
             best_awake / 1e3, best_silent / 1e3);
    b_note(bench, "raw put of 8 B and flush", text);
}

static void note_environment(job_t *job, b_bench_t *bench)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    const char *osc = getenv("OMPI_MCA_osc");
    int length = 0;

    b_note(bench, "question",
           job->options->self ? "none: raw MPI on both sides, every ratio should be 1"
                              : "putv and getv over raw MPI, same guarantees, window path");
    if (MPI_Get_library_version(text, &length) == MPI_SUCCESS) {
        b_note(bench, "mpi", text);
    }
    b_note(bench, "name of the raw window",
           job->window_name[0] != '\0' ? job->window_name : "(this MPI gives none)");
    if (osc != NULL && strncmp(text, "Open MPI", 8) == 0) {
        b_note(bench, "OMPI_MCA_osc", osc);
    }
    b_note(bench, "ranks", "2: rank 0 owns the memory, rank 1 measures");
    if (job->target == B_TARGET_POLL) {
        b_note(bench, "target", "main thread of rank 0 calls MPI_Iprobe all the time");
    } else if (job->options->self) {
        b_note(bench, "target", "main thread of rank 0 sleeps, and looks into MPI every 1 ms");
    } else {
        b_note(
            bench, "target",
            "main thread of rank 0 waits in rsm_intr_signal_wait; where the MPI needs the target, "
            "the library's service thread at rank 0 drives both sides");
    }
    b_note_machine(bench);
    note_progress(job, bench);
    b_note(bench, "not run", "shapes of more than 16 MiB in all");
}

/* ---- Measuring ---------------------------------------------------------------------------- */

static int run_shape(job_t *job, b_bench_t *bench, const operation_t *op, size_t count,
                     size_t bytes)
{
    b_case_t c;
    int code;

    if (count * bytes > TOTAL_MAX || !b_wanted(bench, op->name, count, bytes)) {
        return 0;
    }
    set_shape(job, op->get, count, bytes);
    memset(&c, 0, sizeof c);
    c.name = op->name;
    c.pieces = count;
    c.piece_bytes = bytes;
    c.b = (b_side_t){"raw MPI", op->raw, &job->raw[0]};
    c.prepare = prepare;
    c.verify = verify;
    c.ctx = job;
    if (job->options->self) {
        c.a = (b_side_t){"raw MPI, second window", op->raw, &job->raw[1]};
    } else {
        c.a = (b_side_t){"RSMAPI", op->rsm, &job->rsm};
        c.prime = prime;
        code = rsm_memseg_import_set_mode(job->imported, op->mode);
        if (code != RSM_SUCCESS) {
            fprintf(stderr, "rsm_memseg_import_set_mode: code %d\n", code);
            return 1;
        }
    }
    return b_compare(bench, &c);
}

static int measure(job_t *job)
{
    static b_bench_t bench;
    bool quick = job->options->quick;
    const size_t *counts = quick ? quick_counts : piece_counts;
    const size_t *sizes = quick ? quick_sizes : piece_sizes;
    size_t count_of_counts = quick ? COUNT_OF(quick_counts) : COUNT_OF(piece_counts);
    size_t count_of_sizes = quick ? COUNT_OF(quick_sizes) : COUNT_OF(piece_sizes);
    size_t o;
    size_t s;
    size_t n;

    if (!b_begin(&bench, job->options)) {
        return B_EXIT_ERROR;
    }
    set_shape(job, false, 1, PRIMER_BYTES);
    note_environment(job, &bench);
    for (o = 0; o < COUNT_OF(operations); o++) {
        for (s = 0; s < count_of_sizes; s++) {
            for (n = 0; n < count_of_counts; n++) {
                if (run_shape(job, &bench, &operations[o], counts[n], sizes[s]) != 0) {
                    b_end(&bench);
                    return B_EXIT_ERROR;
                }
            }
        }
    }
    return b_end(&bench);
}

/* ---- The target --------------------------------------------------------------------------- */

static void owner_waits_for_message(const job_t *job)
{
    const struct timespec nap = {0, OWNER_NAP_NS};
    int found = 0;

    while (MPI_Iprobe(MEASURER, TAG_DONE, job->comm, &found, MPI_STATUS_IGNORE) == MPI_SUCCESS &&
           !found) {
        if (job->target == B_TARGET_POLL) {
            sched_yield();
        } else {
            nanosleep(&nap, NULL);
        }
    }
    MPI_Recv(NULL, 0, MPI_BYTE, MEASURER, TAG_DONE, job->comm, MPI_STATUS_IGNORE);
}

static bool ends_by_signal(const job_t *job)
{
    return !job->options->self && job->target == B_TARGET_SLEEP;
}

static bool owner_waits(job_t *job)
{
    int code;

    if (!ends_by_signal(job)) {
        owner_waits_for_message(job);
        return true;
    }
    do {
        code = rsm_intr_signal_wait(job->exported, -1);
    } while (code == RSMERR_INTERRUPTED);
    if (code != RSM_SUCCESS) {
        fprintf(stderr, "rsm_intr_signal_wait: code %d\n", code);
    }
    return code == RSM_SUCCESS;
}

static void release_owner(job_t *job)
{
    int code;

    if (!ends_by_signal(job)) {
        MPI_Send(NULL, 0, MPI_BYTE, OWNER, TAG_DONE, job->comm);
        return;
    }
    code = rsm_intr_signal_post(job->imported, 0);
    if (code != RSM_SUCCESS) {
        fprintf(stderr, "rsm_intr_signal_post: code %d; the target cannot be woken\n", code);
        MPI_Abort(MPI_COMM_WORLD, B_EXIT_ERROR);
    }
}

/* ---- Setting up and taking down ----------------------------------------------------------- */

/* Both ranks go on, or neither: a rank alone would wait for ever. Also the barrier between steps.
 */
static bool agree(const job_t *job, bool good)
{
    int mine = good;
    int both = 0;

    return MPI_Allreduce(&mine, &both, 1, MPI_INT, MPI_LAND, job->comm) == MPI_SUCCESS && both;
}

static bool succeeded(const char *what, int code)
{
    if (code != RSM_SUCCESS) {
        fprintf(stderr, "%s: code %d\n", what, code);
    }
    return code == RSM_SUCCESS;
}

/* Page-aligned on either side, touched so that no page fault falls into a sample. */
static char *new_memory(void)
{
    void *at = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        perror("mmap");
        return NULL;
    }
    memset(at, 1, MEMORY_BYTES);
    return at;
}

static bool allocate(job_t *job)
{
    if (job->rank == OWNER) {
        job->memory = new_memory();
        return job->memory != NULL;
    }
    job->local = new_memory();
    job->scratch = new_memory();
    job->pieces = calloc(PIECES_MAX, sizeof *job->pieces);
    job->entries = calloc(PIECES_MAX + 1, sizeof *job->entries);
    return job->local != NULL && job->scratch != NULL && job->pieces != NULL &&
           job->entries != NULL;
}

static void deallocate(job_t *job)
{
    char *maps[] = {job->memory, job->local, job->scratch};
    size_t i;

    for (i = 0; i < COUNT_OF(maps); i++) {
        if (maps[i] != NULL) {
            munmap(maps[i], MEMORY_BYTES);
        }
    }
    free(job->pieces);
    free(job->entries);
}

static bool publish(job_t *job)
{
    rsm_memseg_id_t id = SEGMENT_ID;
    rsmapi_access_entry_t access[1];

    memset(access, 0, sizeof access);
    access[0].ae_node = MEASURER;
    access[0].ae_permission = 0666;
    if (!succeeded("rsm_memseg_export_create",
                   rsm_memseg_export_create(job->controller, &job->exported, job->memory,
                                            MEMORY_BYTES, 0))) {
        return false;
    }
    job->published = succeeded("rsm_memseg_export_publish",
                               rsm_memseg_export_publish(job->exported, &id, access, 1));
    return job->published;
}

static bool import(job_t *job)
{
    return succeeded("rsm_memseg_import_connect",
                     rsm_memseg_import_connect(job->controller, OWNER, SEGMENT_ID, RSM_PERM_RDWR,
                                               &job->imported)) &&
           succeeded(
               "rsm_memseg_import_init_barrier",
               rsm_memseg_import_init_barrier(job->imported, RSM_BAR_DEFAULT, &job->rsm.barrier)) &&
           succeeded("rsm_create_localmemory_handle",
                     rsm_create_localmemory_handle(job->controller, &job->local_handle, job->local,
                                                   MEMORY_BYTES));
}

/* Each step ends with an agreement, so no connect is in progress when a raw window is made. */
static bool open_rsm(job_t *job)
{
    char name[] = "mpi0";

    if (!agree(job, succeeded("rsm_get_controller", rsm_get_controller(name, &job->controller)))) {
        return false;
    }
    if (!agree(job, job->rank != OWNER || publish(job))) {
        return false;
    }
    return agree(job, job->rank != MEASURER || import(job));
}

static void close_rsm(job_t *job)
{
    if (job->local_handle != NULL) {
        succeeded("rsm_free_localmemory_handle",
                  rsm_free_localmemory_handle(job->controller, job->local_handle));
    }
    if (job->rsm.barrier.seg != NULL) {
        succeeded("rsm_memseg_import_destroy_barrier",
                  rsm_memseg_import_destroy_barrier(&job->rsm.barrier));
    }
    if (job->imported != NULL) {
        succeeded("rsm_memseg_import_disconnect", rsm_memseg_import_disconnect(job->imported));
    }
    agree(job, true);
    if (job->published) {
        succeeded("rsm_memseg_export_unpublish", rsm_memseg_export_unpublish(job->exported));
    }
    if (job->exported != NULL) {
        succeeded("rsm_memseg_export_destroy", rsm_memseg_export_destroy(job->exported));
    }
    if (job->controller != NULL) {
        succeeded("rsm_release_controller", rsm_release_controller(job->controller));
    }
    agree(job, true);
}

/* Failures of MPI to make a window end the job: the communicator keeps MPI's default handler,
 * because a rank that failed alone could not tell the other. Transfers report: both sides check
 * each call. */
static bool open_window(job_t *job, int which)
{
    bool owner = job->rank == OWNER;
    int length = 0;
    bool good;

    good = MPI_Win_create(job->memory, owner ? (MPI_Aint)MEMORY_BYTES : 0, 1, MPI_INFO_NULL,
                          job->comm, &job->window[which]) == MPI_SUCCESS;
    job->window_live[which] = good;
    if (good && !owner) {
        good = MPI_Win_set_errhandler(job->window[which], MPI_ERRORS_RETURN) == MPI_SUCCESS &&
               MPI_Win_get_name(job->window[which], job->window_name, &length) == MPI_SUCCESS &&
               MPI_Win_lock(MPI_LOCK_SHARED, OWNER, MPI_MODE_NOCHECK, job->window[which]) ==
                   MPI_SUCCESS;
        job->locked[which] = good;
    }
    return agree(job, good);
}

static void close_windows(job_t *job)
{
    int which;

    for (which = 0; which < 2; which++) {
        if (job->locked[which]) {
            MPI_Win_unlock(OWNER, job->window[which]);
        }
        if (job->window_live[which]) {
            MPI_Win_free(&job->window[which]);
        }
    }
}

/* With --self nobody but the main thread drives MPI at rank 0: where the MPI needs the target, it
 * must not sleep. Only Open MPI's windows say by their name that they do not need it. */
static void choose_target(job_t *job)
{
    int needed = strncmp(job->window_name, "rdma", 4) != 0;

    MPI_Bcast(&needed, 1, MPI_INT, MEASURER, job->comm);
    job->target = job->options->target;
    if (job->target == B_TARGET_AUTO) {
        job->target = job->options->self && needed ? B_TARGET_POLL : B_TARGET_SLEEP;
    }
}

static int run(job_t *job)
{
    bool self = job->options->self;
    int code = B_EXIT_ERROR;
    bool ready = agree(job, allocate(job)) && (self || open_rsm(job)) && open_window(job, 0) &&
                 (!self || open_window(job, 1));

    if (ready) {
        choose_target(job);
        if (job->rank == MEASURER) {
            code = measure(job);
            release_owner(job);
        } else if (!owner_waits(job)) {
            fprintf(stderr, "the target lost its wait; the results are void\n");
            MPI_Abort(MPI_COMM_WORLD, B_EXIT_ERROR);
        }
        MPI_Bcast(&code, 1, MPI_INT, MEASURER, job->comm);
    }
    close_windows(job);
    if (!self) {
        close_rsm(job);
    }
    agree(job, true);
    deallocate(job);
    return code;
}

int main(int argc, char **argv)
{
    static job_t job;
    static b_options_t options;
    int provided = MPI_THREAD_SINGLE;
    int size = 0;
    int code = B_EXIT_ERROR;

    if (!b_parse(argc, argv, &options)) {
        return B_EXIT_ERROR;
    }
    if (options.help) {
        b_usage("bench_vector", "What putv and getv cost over raw MPI, on the window path.");
        return B_EXIT_OK;
    }
    /* The list that the library itself would choose, and the path this benchmark is about. */
    setenv("OMPI_MCA_osc", "sm,rdma,ucx", 0);
    setenv("RSM_PATH", "window", 1);
    if (MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
        return B_EXIT_ERROR;
    }
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &job.rank);
    job.options = &options;
    if (size != 2 || provided < MPI_THREAD_MULTIPLE) {
        if (job.rank == 0) {
            fprintf(stderr, "needs two ranks and MPI_THREAD_MULTIPLE; found %d, level %d\n", size,
                    provided);
        }
    } else {
        MPI_Comm_dup(MPI_COMM_WORLD, &job.comm);
        code = run(&job);
        MPI_Comm_free(&job.comm);
    }
    MPI_Finalize();
    return code;
}
