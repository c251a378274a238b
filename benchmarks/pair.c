/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ranks, a connection, a raw window beside it; see pair.h. */
#include "pair.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_ID 0x00400b01U
#define TAG_DONE 1

#define MEMORY_BYTES ((size_t)17 << 20) /* B_TOTAL_MAX, its gaps, and the primer's piece */
#define PRIMER_BYTES ((size_t)8)
#define PRIMER_OFFSET (MEMORY_BYTES - 4096)
#define OWNER_NAP_NS 1000000L

_Static_assert(B_GAP + B_TOTAL_MAX + B_PIECES_MAX * B_GAP <= PRIMER_OFFSET,
               "pieces and gaps must fit");
_Static_assert(MEMORY_BYTES <= INT_MAX, "MPI counts are int");

size_t b_piece_offset(const b_layout_t *layout, size_t index)
{
    return B_GAP + index * (layout->bytes + B_GAP);
}

/* From the start of the memory: gaps and pieces, the last gap included. */
static size_t span_of(const b_layout_t *layout)
{
    return b_piece_offset(layout, layout->count);
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
static int check(const b_layout_t *layout, const char *at, uint64_t seed, const char *reader)
{
    const uint64_t *words = (const uint64_t *)(const void *)at;
    size_t stride = layout->bytes + B_GAP;
    size_t i;

    for (i = 0; i < span_of(layout) / sizeof *words; i++) {
        size_t offset = i * sizeof *words;
        bool in_gap = offset % stride < B_GAP;
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

/* From or to the start of the segment. */
static int raw_move(b_pair_t *pair, bool get, char *local, size_t bytes)
{
    MPI_Win window = pair->window[0];
    int length = (int)bytes;
    int code = get ? MPI_Get(local, length, MPI_BYTE, B_OWNER, 0, length, MPI_BYTE, window)
                   : MPI_Put(local, length, MPI_BYTE, B_OWNER, 0, length, MPI_BYTE, window);

    return code != MPI_SUCCESS ? code : MPI_Win_flush(B_OWNER, window);
}

/* One piece, at the same offset of `local` and of the segment. The barrier around it makes it
 * complete in either mode of the handle. */
static int rsm_move(b_pair_t *pair, int (*transfer)(rsm_scat_gath_t *), char *local, size_t offset,
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
    request.remote_handle = pair->imported;
    request.iovec = &entry;
    code = rsm_memseg_import_open_barrier(&pair->barrier);
    if (code != RSM_SUCCESS) {
        return code;
    }
    code = transfer(&request);
    close_code = rsm_memseg_import_close_barrier(&pair->barrier);
    return code != RSM_SUCCESS ? code : close_code;
}

static int prepare(void *context, uint64_t seed)
{
    b_pair_t *pair = context;
    size_t span = span_of(&pair->layout);
    int code;

    fill(pair->scratch, span, pair->get ? seed : spoil_seed(seed));
    code = raw_move(pair, false, pair->scratch, span);
    fill(pair->local, span, pair->get ? spoil_seed(seed) : seed);
    memset(pair->scratch, 0, span);
    return code;
}

static int verify(void *context, uint64_t seed)
{
    b_pair_t *pair = context;
    const b_layout_t *layout = &pair->layout;
    int code;

    if (pair->get) {
        return check(layout, pair->local, seed, "the get itself");
    }
    code = raw_move(pair, true, pair->scratch, span_of(layout));
    if (code != MPI_SUCCESS || check(layout, pair->scratch, seed, "MPI_Get") != 0) {
        return 1;
    }
    if (pair->options->self) {
        return 0;
    }
    memset(pair->scratch, 0, span_of(layout));
    code = rsm_move(pair, rsm_memseg_import_getv, pair->scratch, 0, span_of(layout));
    return code != RSM_SUCCESS || check(layout, pair->scratch, seed, "getv") != 0;
}

/* ---- Before a sample ---------------------------------------------------------------------- */

/*
 * Where the target has to take part (MPICH; osc/ucx), the owner's service thread does it for both
 * sides, and it is awake while and shortly after the library transfers. Without a transfer ahead of
 * each sample the raw side would meet it asleep and lose for a reason that is not its own.
 */
static int prime(void *context)
{
    b_pair_t *pair = context;

    return rsm_move(pair, rsm_memseg_import_putv, pair->local, PRIMER_OFFSET, PRIMER_BYTES);
}

/* Any place of the segment that no row uses will do. */
static int raw_primer(void *context)
{
    b_pair_t *pair = context;
    MPI_Win window = pair->window[0];
    int code = MPI_Put(pair->local + PRIMER_OFFSET, PRIMER_BYTES, MPI_BYTE, B_OWNER, PRIMER_OFFSET,
                       PRIMER_BYTES, MPI_BYTE, window);

    return code != MPI_SUCCESS ? code : MPI_Win_flush(B_OWNER, window);
}

/* What a raw put costs when the library has been silent for a while: says whether this MPI needs
 * the target at all. Not part of any row. */
static void note_progress(b_pair_t *pair, b_bench_t *bench)
{
    b_side_t side = {"MPI_Put+flush", raw_primer, pair};
    struct timespec silence = {0, 50000000L};
    double best_awake = -1;
    double best_silent = -1;
    char text[160];
    int i;

    for (i = 0; i < 5; i++) {
        double awake;
        double silent;

        if (!pair->options->self && prime(pair) != 0) {
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

static void note_environment(b_pair_t *pair, b_bench_t *bench)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    const char *osc = getenv("OMPI_MCA_osc");
    int length = 0;

    b_note(bench, "question",
           pair->options->self ? "none: raw MPI on both sides, every ratio should be 1"
                               : pair->program->question);
    if (MPI_Get_library_version(text, &length) == MPI_SUCCESS) {
        b_note(bench, "mpi", text);
    }
    b_note(bench, "name of the raw window",
           pair->window_name[0] != '\0' ? pair->window_name : "(this MPI gives none)");
    if (osc != NULL && strncmp(text, "Open MPI", 8) == 0) {
        b_note(bench, "OMPI_MCA_osc", osc);
    }
    b_note(bench, "ranks", "2: rank 0 owns the memory, rank 1 measures");
    if (pair->target == B_TARGET_POLL) {
        b_note(bench, "target", "main thread of rank 0 calls MPI_Iprobe all the time");
    } else if (pair->options->self) {
        b_note(bench, "target", "main thread of rank 0 sleeps, and looks into MPI every 1 ms");
    } else {
        b_note(
            bench, "target",
            "main thread of rank 0 waits in rsm_intr_signal_wait; where the MPI needs the target, "
            "the library's service thread at rank 0 drives both sides");
    }
    b_note_machine(bench);
    note_progress(pair, bench);
    if (pair->program->not_run != NULL) {
        b_note(bench, "not run", pair->program->not_run);
    }
}

/* ---- Measuring ---------------------------------------------------------------------------- */

int b_pair_compare(b_pair_t *pair, b_bench_t *bench, const b_row_t *row)
{
    b_case_t c;
    int code;

    memset(&c, 0, sizeof c);
    c.name = row->name;
    c.pieces = row->layout.count;
    c.piece_bytes = row->layout.bytes;
    c.b = (b_side_t){"raw MPI", row->raw, row->raw_ctx[0]};
    c.prepare = prepare;
    c.verify = verify;
    c.ctx = pair;
    if (pair->options->self) {
        c.a = (b_side_t){"raw MPI, second window", row->raw, row->raw_ctx[1]};
    } else {
        c.a = (b_side_t){"RSMAPI", row->rsm, row->rsm_ctx};
        c.prime = prime;
        code = rsm_memseg_import_set_mode(pair->imported, row->mode);
        if (code != RSM_SUCCESS) {
            fprintf(stderr, "rsm_memseg_import_set_mode: code %d\n", code);
            return 1;
        }
    }
    pair->layout = row->layout;
    pair->get = row->get;
    return b_compare(bench, &c);
}

static int measure(b_pair_t *pair)
{
    static b_bench_t bench; /* large */
    int failed;
    int code;

    if (!b_begin(&bench, pair->options)) {
        return B_EXIT_ERROR;
    }
    note_environment(pair, &bench);
    failed = pair->program->run(pair, &bench);
    code = b_end(&bench);
    return failed != 0 ? B_EXIT_ERROR : code;
}

/* ---- The target --------------------------------------------------------------------------- */

static void owner_waits_for_message(const b_pair_t *pair)
{
    const struct timespec nap = {0, OWNER_NAP_NS};
    int found = 0;

    while (MPI_Iprobe(B_MEASURER, TAG_DONE, pair->comm, &found, MPI_STATUS_IGNORE) == MPI_SUCCESS &&
           !found) {
        if (pair->target == B_TARGET_POLL) {
            sched_yield();
        } else {
            nanosleep(&nap, NULL);
        }
    }
    MPI_Recv(NULL, 0, MPI_BYTE, B_MEASURER, TAG_DONE, pair->comm, MPI_STATUS_IGNORE);
}

static bool ends_by_signal(const b_pair_t *pair)
{
    return !pair->options->self && pair->target == B_TARGET_SLEEP;
}

static bool owner_waits(b_pair_t *pair)
{
    int code;

    if (!ends_by_signal(pair)) {
        owner_waits_for_message(pair);
        return true;
    }
    do {
        code = rsm_intr_signal_wait(pair->exported, -1);
    } while (code == RSMERR_INTERRUPTED);
    if (code != RSM_SUCCESS) {
        fprintf(stderr, "rsm_intr_signal_wait: code %d\n", code);
    }
    return code == RSM_SUCCESS;
}

static void release_owner(b_pair_t *pair)
{
    int code;

    if (!ends_by_signal(pair)) {
        MPI_Send(NULL, 0, MPI_BYTE, B_OWNER, TAG_DONE, pair->comm);
        return;
    }
    code = rsm_intr_signal_post(pair->imported, 0);
    if (code != RSM_SUCCESS) {
        fprintf(stderr, "rsm_intr_signal_post: code %d; the target cannot be woken\n", code);
        MPI_Abort(MPI_COMM_WORLD, B_EXIT_ERROR);
    }
}

/* ---- Setting up and taking down ----------------------------------------------------------- */

/* Both ranks go on, or neither: a rank alone would wait for ever. Also the barrier between steps.
 */
static bool agree(const b_pair_t *pair, bool good)
{
    int mine = good;
    int both = 0;

    return MPI_Allreduce(&mine, &both, 1, MPI_INT, MPI_LAND, pair->comm) == MPI_SUCCESS && both;
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

static bool allocate(b_pair_t *pair)
{
    if (pair->rank == B_OWNER) {
        pair->memory = new_memory();
        return pair->memory != NULL;
    }
    pair->local = new_memory();
    pair->scratch = new_memory();
    return pair->local != NULL && pair->scratch != NULL;
}

static void deallocate(b_pair_t *pair)
{
    char *maps[] = {pair->memory, pair->local, pair->scratch};
    size_t i;

    for (i = 0; i < B_COUNT_OF(maps); i++) {
        if (maps[i] != NULL) {
            munmap(maps[i], MEMORY_BYTES);
        }
    }
}

static bool publish(b_pair_t *pair)
{
    rsm_memseg_id_t id = SEGMENT_ID;
    rsmapi_access_entry_t access[1];

    memset(access, 0, sizeof access);
    access[0].ae_node = B_MEASURER;
    access[0].ae_permission = 0666;
    if (!succeeded("rsm_memseg_export_create",
                   rsm_memseg_export_create(pair->controller, &pair->exported, pair->memory,
                                            MEMORY_BYTES, 0))) {
        return false;
    }
    pair->published = succeeded("rsm_memseg_export_publish",
                                rsm_memseg_export_publish(pair->exported, &id, access, 1));
    return pair->published;
}

static bool import(b_pair_t *pair)
{
    return succeeded("rsm_memseg_import_connect",
                     rsm_memseg_import_connect(pair->controller, B_OWNER, SEGMENT_ID, RSM_PERM_RDWR,
                                               &pair->imported)) &&
           succeeded(
               "rsm_memseg_import_init_barrier",
               rsm_memseg_import_init_barrier(pair->imported, RSM_BAR_DEFAULT, &pair->barrier)) &&
           succeeded("rsm_create_localmemory_handle",
                     rsm_create_localmemory_handle(pair->controller, &pair->local_handle,
                                                   pair->local, MEMORY_BYTES));
}

/* Each step ends with an agreement, so no connect is in progress when a raw window is made. */
static bool open_rsm(b_pair_t *pair)
{
    char name[] = "mpi0";

    if (!agree(pair,
               succeeded("rsm_get_controller", rsm_get_controller(name, &pair->controller)))) {
        return false;
    }
    if (!agree(pair, pair->rank != B_OWNER || publish(pair))) {
        return false;
    }
    return agree(pair, pair->rank != B_MEASURER || import(pair));
}

static void close_rsm(b_pair_t *pair)
{
    if (pair->local_handle != NULL) {
        succeeded("rsm_free_localmemory_handle",
                  rsm_free_localmemory_handle(pair->controller, pair->local_handle));
    }
    if (pair->barrier.seg != NULL) {
        succeeded("rsm_memseg_import_destroy_barrier",
                  rsm_memseg_import_destroy_barrier(&pair->barrier));
    }
    if (pair->imported != NULL) {
        succeeded("rsm_memseg_import_disconnect", rsm_memseg_import_disconnect(pair->imported));
    }
    agree(pair, true);
    if (pair->published) {
        succeeded("rsm_memseg_export_unpublish", rsm_memseg_export_unpublish(pair->exported));
    }
    if (pair->exported != NULL) {
        succeeded("rsm_memseg_export_destroy", rsm_memseg_export_destroy(pair->exported));
    }
    if (pair->controller != NULL) {
        succeeded("rsm_release_controller", rsm_release_controller(pair->controller));
    }
    agree(pair, true);
}

/* Failures of MPI to make a window end the job: the communicator keeps MPI's default handler,
 * because a rank that failed alone could not tell the other. Transfers report: both sides check
 * each call. */
static bool open_window(b_pair_t *pair, int which)
{
    bool owner = pair->rank == B_OWNER;
    int length = 0;
    bool good;

    good = MPI_Win_create(pair->memory, owner ? (MPI_Aint)MEMORY_BYTES : 0, 1, MPI_INFO_NULL,
                          pair->comm, &pair->window[which]) == MPI_SUCCESS;
    pair->window_live[which] = good;
    if (good && !owner) {
        good = MPI_Win_set_errhandler(pair->window[which], MPI_ERRORS_RETURN) == MPI_SUCCESS &&
               MPI_Win_get_name(pair->window[which], pair->window_name, &length) == MPI_SUCCESS &&
               MPI_Win_lock(MPI_LOCK_SHARED, B_OWNER, MPI_MODE_NOCHECK, pair->window[which]) ==
                   MPI_SUCCESS;
        pair->locked[which] = good;
    }
    return agree(pair, good);
}

static void close_windows(b_pair_t *pair)
{
    int which;

    for (which = 0; which < 2; which++) {
        if (pair->locked[which]) {
            MPI_Win_unlock(B_OWNER, pair->window[which]);
        }
        if (pair->window_live[which]) {
            MPI_Win_free(&pair->window[which]);
        }
    }
}

/* With --self nobody but the main thread drives MPI at rank 0: where the MPI needs the target, it
 * must not sleep. Only Open MPI's windows say by their name that they do not need it. */
static void choose_target(b_pair_t *pair)
{
    int needed = strncmp(pair->window_name, "rdma", 4) != 0;

    MPI_Bcast(&needed, 1, MPI_INT, B_MEASURER, pair->comm);
    pair->target = pair->options->target;
    if (pair->target == B_TARGET_AUTO) {
        pair->target = pair->options->self && needed ? B_TARGET_POLL : B_TARGET_SLEEP;
    }
}

static int run(b_pair_t *pair)
{
    bool self = pair->options->self;
    int code = B_EXIT_ERROR;
    bool ready = agree(pair, allocate(pair)) && (self || open_rsm(pair)) && open_window(pair, 0) &&
                 (!self || open_window(pair, 1));

    if (ready) {
        choose_target(pair);
        if (pair->rank == B_MEASURER) {
            code = measure(pair);
            release_owner(pair);
        } else if (!owner_waits(pair)) {
            fprintf(stderr, "the target lost its wait; the results are void\n");
            MPI_Abort(MPI_COMM_WORLD, B_EXIT_ERROR);
        }
        MPI_Bcast(&code, 1, MPI_INT, B_MEASURER, pair->comm);
    }
    close_windows(pair);
    if (!self) {
        close_rsm(pair);
    }
    agree(pair, true);
    deallocate(pair);
    return code;
}

int b_pair_main(int argc, char **argv, const b_program_t *program)
{
    static b_pair_t pair;
    static b_options_t options;
    int provided = MPI_THREAD_SINGLE;
    int size = 0;
    int code = B_EXIT_ERROR;

    if (!b_parse(argc, argv, &options)) {
        return B_EXIT_ERROR;
    }
    if (options.help) {
        b_usage(program->name, program->what);
        return B_EXIT_OK;
    }
    /* The list that the library itself would choose, and the path these benchmarks are about. */
    setenv("OMPI_MCA_osc", "sm,rdma,ucx", 0);
    setenv("RSM_PATH", "window", 1);
    if (MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
        return B_EXIT_ERROR;
    }
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &pair.rank);
    pair.program = program;
    pair.options = &options;
    if (size != 2 || provided < MPI_THREAD_MULTIPLE) {
        if (pair.rank == 0) {
            fprintf(stderr, "needs two ranks and MPI_THREAD_MULTIPLE; found %d, level %d\n", size,
                    provided);
        }
    } else {
        MPI_Comm_dup(MPI_COMM_WORLD, &pair.comm);
        code = run(&pair);
        MPI_Comm_free(&pair.comm);
    }
    MPI_Finalize();
    return code;
}
