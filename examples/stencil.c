/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heat on a plate, with one-sided halos and no barrier:
 *
 *     mpirun -np 4 stencil [--n N] [--iterations I]
 *
 * The plate is cut into blocks, one per rank (stencil_common.h). A rank exports its block, halo
 * included. After each step it writes its four edges straight into the halos of its four
 * neighbours, one vector and one event each, and sleeps until an event has come from every side. A
 * row is one piece of a vector; a column does not lie together in memory, so it is one piece per
 * cell. At the end rank 0 fetches all blocks, computes the same alone, and compares every bit.
 *
 * Knows the public header only; no MPI call is made here. stencil_mpi.c is the same in plain MPI.
 *
 * Why this is right although nobody ever waits for everybody: "The argument", below.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rsmapi.h>

#include "stencil_common.h"

/** Sides of a block. The opposite of `side` is `side ^ 1`. */
enum { NORTH, SOUTH, WEST, EAST, SIDES };

#define HALO_ID 0x00400000U         /* + side: the segments into which the neighbours write */
#define RESULT_ID (HALO_ID + SIDES) /* the segment that rank 0 reads at the end */
#define PATIENCE_MS 300000          /* nobody waits for ever for a rank that is in trouble */
#define WRITE_ONLY 0222U            /* for an access list; digits as in a file's mode */
#define READ_ONLY 0444U

/*
 * The argument.
 *
 * The values of step s live in buffer s % 2. A rank's life is
 *
 *     put the edges of step 0, with events
 *     for s = 0, 1, 2 ...   wait for one event from each side         (a)
 *                           compute step s + 1 from step s            (b)
 *                           put the edges of step s + 1, with events  (c)
 *
 * Events carry no sender, and neighbours are not in step: while we sit in (a), one neighbour may be
 * late, and another may have done (c) for this step and for the next one. If all posted to one
 * counter, two events of the fast one would look like one event of each. So there is one segment
 * per side: all four cover the same memory, but each counts its own events, and its access list
 * admits one node only, the neighbour on that side. Where that is the same rank on two sides (a
 * grid of two columns is a ring of two), or we ourselves, it still is two segments.
 *
 * No halo is used too early. In (a) of step s we have taken s + 1 events per side. The neighbour's
 * event number s + 1 is posted behind the vector with its edge of step s, and an event never
 * overtakes what was complete before it. Which of its events ends which wait is of no importance:
 * s + 1 events taken means that at least s + 1 were posted.
 *
 * No halo is overwritten too early. How far ahead may a neighbour be? It puts its edge of step
 * s + 2, into the same buffer as that of step s, after it has taken s + 2 events from us, and the
 * last of them we post in (c), when (b) has read the halo of step s for the last time. So at most
 * one more edge than we have taken can be there, that of step s + 1, and it is in the other buffer.
 * With one buffer it would overwrite the halo that we read.
 *
 * While we compute, a neighbour may write halo cells of the buffer that we write too. These are
 * different cells: we never write a halo, and nobody else writes anything but a halo.
 *
 * No edge changes while it is sent: with RSM_IMPLICIT_SIGPOST a vector is complete at return.
 *
 * The beginning: a neighbour can connect, and so write, only when we have published, and we publish
 * when our block is filled. The end: edges of the last step are of no use and are not sent, so each
 * event has been taken, and nobody writes any more, when a rank has finished. It tells rank 0 by
 * publishing the result segment then and not before; and it gives its memory up when rank 0 has
 * posted that it has read.
 */

/*
 * What it costs: columns. Each cell of a column is a piece, each piece an MPI_Put, and between two
 * ranks of a host with Open MPI each of these is a system call; with all around it, 2 us. 600 x 600
 * cells on 2 x 2 ranks make 600 pieces per rank and step. Four ranks on two processors should take
 * 2.4 ms for them, and a step took 2.4 to 3.1 ms, against 0.29 ms of stencil_mpi, which packs each
 * column into one message. On MPICH, where a put needs the target's attention as well, a step took
 * ten to forty times as long as in stencil_mpi, on a busy machine. With strips on Open MPI (4 x 1
 * ranks), where remote edges are rows of one piece, it was 0.32 ms against 0.16. What remains there
 * is probably the events: each is a message that wakes the service thread, which wakes the program.
 *
 * So this is the way to write irregular pieces to where they belong, not the fast way to send a
 * column: a code in need of that cuts the plate into strips, or copies the column to cells that lie
 * together and sends it as one piece.
 */

static struct {
    unsigned node; /* our rank */
    unsigned nodes;
    stencil_options_t options;
    stencil_grid_t grid;
    stencil_block_t block;
    rsmapi_controller_handle_t controller;
    size_t page;                            /* segments are whole pages */
    double *cells[2];                       /* two buffers, one behind the other */
    rsm_localmemory_handle_t local;         /* the same memory, as the source of vectors */
    rsm_memseg_export_handle_t halo[SIDES]; /* the same again, as a target, once per side */
    rsm_memseg_export_handle_t result;      /* and once more, for rank 0 to read */
    rsm_memseg_import_handle_t neighbour[SIDES];
    rsm_scat_gath_t edge[2][SIDES]; /* vectors, ready to be sent; per buffer */
} my;

/* ---- Errors ------------------------------------------------------------------------------- */

/** Leaving with a code other than 0 makes the launcher end the job. */
static void expect_success(const char *call, int code)
{
    if (code != RSM_SUCCESS) {
        (void)fflush(stdout);
        (void)fprintf(
            stderr, "stencil: rank %u: %.*s failed with code %d (the RSMERR_ numbers are in %s)\n",
            my.node, (int)strcspn(call, "("), call, code, "sys/rsm/rsm_common.h");
        exit(1);
    }
}

#define TRY(call) expect_success(#call, call)

/** Whole pages, so that they can be exported. */
static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(my.page, bytes);

    if (memory == NULL) {
        (void)fprintf(stderr, "stencil: rank %u: aligned_alloc: %s\n", my.node, strerror(errno));
        exit(1);
    }
    return memory;
}

/* ---- Where things are --------------------------------------------------------------------- */

static stencil_block_t block_of(unsigned node)
{
    return stencil_block_at(my.options.n, my.grid, node / my.grid.columns, node % my.grid.columns);
}

/** The node beyond a side of ours. */
static unsigned neighbour_of(int side)
{
    unsigned rows = my.grid.rows;
    unsigned columns = my.grid.columns;
    unsigned row = my.node / columns;
    unsigned column = my.node % columns;

    switch (side) {
    case NORTH:
        row = (row + rows - 1) % rows;
        break;
    case SOUTH:
        row = (row + 1) % rows;
        break;
    case WEST:
        column = (column + columns - 1) % columns;
        break;
    default:
        column = (column + 1) % columns;
        break;
    }
    return row * columns + column;
}

/** Bytes from the start of a rank's memory to a cell; row 0 and column 0 are halo. */
static size_t offset_of(const stencil_block_t *block, unsigned buffer, size_t row, size_t column)
{
    return (buffer * stencil_cells(block) + stencil_index(block, row, column)) * sizeof(double);
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + my.page - 1) / my.page * my.page;
}

static size_t memory_bytes(const stencil_block_t *block)
{
    return whole_pages(2 * stencil_cells(block) * sizeof(double));
}

/* ---- Before the first step ---------------------------------------------------------------- */

/** Who are we, and how many? A node of RSMAPI is a rank of the job. */
static void look_around(void)
{
    rsm_topology_t *topology = NULL;
    rsmapi_controller_attr_t attributes;

    TRY(rsm_get_interconnect_topology(&topology));
    my.node = topology->topology_hdr.local_nodeid;
    my.nodes = 1;
    if (topology->topology_hdr.local_cntlr_count > 0) {
        my.nodes += (unsigned)topology->connections[0]->hdr.remote_cntlr_count;
    }
    rsm_free_interconnect_topology(topology);
    TRY(rsm_get_controller_attr(my.controller, &attributes));
    my.page = attributes.attr_page_size;
}

/** Export our memory under `id`, for one node only. */
static rsm_memseg_export_handle_t export_to(unsigned node, rsm_memseg_id_t id,
                                            rsm_permission_t permission)
{
    rsmapi_access_entry_t entry = {.ae_node = node, .ae_permission = permission};
    rsm_memseg_export_handle_t segment;

    TRY(rsm_memseg_export_create(my.controller, &segment, my.cells[0], memory_bytes(&my.block), 0));
    TRY(rsm_memseg_export_publish(segment, &id, &entry, 1));
    return segment;
}

/** Connect to a segment as soon as its owner has published it. Asking again is cheap. */
static rsm_memseg_import_handle_t connect_to(unsigned node, rsm_memseg_id_t id,
                                             rsm_permission_t permission)
{
    const struct timespec a_moment = {0, 1000000};
    double limit = stencil_now() + 1e-3 * PATIENCE_MS;
    rsm_memseg_import_handle_t import;
    int code;

    while ((code = rsm_memseg_import_connect(my.controller, node, id, permission, &import)) ==
               RSMERR_SEG_NOT_PUBLISHED &&
           stencil_now() < limit) {
        (void)nanosleep(&a_moment, NULL);
    }
    expect_success("rsm_memseg_import_connect", code);
    return import;
}

/** The vector that brings our edge on `side` into the halo of the neighbour there. */
static rsm_scat_gath_t make_edge(int side, unsigned buffer)
{
    const stencil_block_t *mine = &my.block;
    stencil_block_t theirs = block_of(neighbour_of(side));
    bool is_row = side == NORTH || side == SOUTH;
    size_t pieces = is_row ? 1 : mine->rows;
    /* The first cell of our edge, and of the halo where it belongs. */
    size_t row = side == SOUTH ? mine->rows : 1;
    size_t column = side == EAST ? mine->columns : 1;
    size_t their_row = side == NORTH ? theirs.rows + 1 : side == SOUTH ? 0 : 1;
    size_t their_column = side == WEST ? theirs.columns + 1 : side == EAST ? 0 : 1;
    rsm_iovec_t *piece = allocate(whole_pages(pieces * sizeof *piece));

    for (size_t i = 0; i < pieces; i++) {
        piece[i] = (rsm_iovec_t){
            .io_type = RSM_HANDLE_TYPE,
            .local.handle = my.local,
            .local_offset = offset_of(mine, buffer, row + i, column),
            .remote_offset = offset_of(&theirs, buffer, their_row + i, their_column),
            .transfer_length = (is_row ? mine->columns : 1) * sizeof(double),
        };
    }
    return (rsm_scat_gath_t){.io_request_count = pieces,
                             .flags = RSM_IMPLICIT_SIGPOST, /* one event when all is there */
                             .remote_handle = my.neighbour[side],
                             .iovec = piece};
}

static void prepare(void)
{
    size_t bytes = memory_bytes(&my.block);

    my.cells[0] = allocate(bytes);
    my.cells[1] = my.cells[0] + stencil_cells(&my.block);
    memset(my.cells[0], 0, bytes);
    stencil_fill(&my.block, my.cells[0]);
    TRY(rsm_create_localmemory_handle(my.controller, &my.local, (char *)my.cells[0], bytes));

    /* Publish everything before connecting to anybody: all others do the same, so none is stuck. */
    for (int side = 0; side < SIDES; side++) {
        my.halo[side] = export_to(neighbour_of(side), HALO_ID + (unsigned)side, WRITE_ONLY);
    }
    for (int side = 0; side < SIDES; side++) {
        /* We are the neighbour on its opposite side. */
        my.neighbour[side] =
            connect_to(neighbour_of(side), HALO_ID + (unsigned)(side ^ 1), RSM_PERM_WRITE);
        /* Pieces need no order among themselves, as nobody looks before the event: then one wait
         * per vector is enough, where the default, implicit mode, waits for each piece. */
        TRY(rsm_memseg_import_set_mode(my.neighbour[side], RSM_BARRIER_MODE_EXPLICIT));
        my.edge[0][side] = make_edge(side, 0);
        my.edge[1][side] = make_edge(side, 1);
    }
}

/* ---- The steps ---------------------------------------------------------------------------- */

static void put_edges(unsigned buffer)
{
    for (int side = 0; side < SIDES; side++) {
        TRY(rsm_memseg_import_putv(&my.edge[buffer][side]));
    }
}

/** Sleep until each neighbour's edge is in our halo. */
static void await_edges(void)
{
    for (int side = 0; side < SIDES; side++) {
        TRY(rsm_intr_signal_wait(my.halo[side], PATIENCE_MS));
    }
}

/** Steps `first` to `end`, without `end`. Returns the seconds spent computing. */
static double run(unsigned first, unsigned end)
{
    double relaxing = 0;

    for (unsigned step = first; step < end; step++) {
        unsigned here = step % 2;
        unsigned next = (step + 1) % 2;

        await_edges();
        relaxing += stencil_relax(&my.block, my.cells[here], my.cells[next]);
        if (step + 1 < my.options.iterations) {
            put_edges(next);
        }
    }
    return relaxing;
}

/* ---- Behind the last step ----------------------------------------------------------------- */

/** Rank 0: fetch a rank's block, row by row, straight to its place in the plate. */
static void fetch(unsigned node, rsm_localmemory_handle_t plate)
{
    stencil_block_t theirs = block_of(node);
    unsigned buffer = my.options.iterations % 2;
    rsm_iovec_t *piece = allocate(whole_pages(theirs.rows * sizeof *piece));
    rsm_scat_gath_t request = {
        .io_request_count = theirs.rows,
        .flags = RSM_IMPLICIT_SIGPOST, /* with getv: tells the owner that we have read */
        .remote_handle = connect_to(node, RESULT_ID, RSM_PERM_READ),
        .iovec = piece};

    for (size_t i = 0; i < theirs.rows; i++) {
        size_t cell = (theirs.top + i) * my.options.n + theirs.left;

        piece[i] = (rsm_iovec_t){
            .io_type = RSM_HANDLE_TYPE,
            .local.handle = plate,
            .local_offset = cell * sizeof(double),
            .remote_offset = offset_of(&theirs, buffer, 1 + i, 1),
            .transfer_length = theirs.columns * sizeof(double),
        };
    }
    TRY(rsm_memseg_import_getv(&request));
    TRY(rsm_memseg_import_disconnect(request.remote_handle));
    free(piece);
}

/** Rank 0: fetch all blocks, our own too, and compare. True: every bit is right. */
static bool collect_and_check(void)
{
    size_t bytes = whole_pages(my.options.n * my.options.n * sizeof(double));
    double *plate = allocate(bytes);
    rsm_localmemory_handle_t handle;
    bool good;

    memset(plate, 0xff, bytes); /* no cell is right by chance */
    TRY(rsm_create_localmemory_handle(my.controller, &handle, (char *)plate, bytes));
    for (unsigned node = 0; node < my.nodes; node++) {
        fetch(node, handle);
    }
    TRY(rsm_free_localmemory_handle(my.controller, handle));
    good = stencil_check("stencil", &my.options, plate);
    free(plate);
    return good;
}

/** End a segment. RSMERR_INTERRUPTED: an importer has not confirmed the cut in time; ask again. */
static void destroy(rsm_memseg_export_handle_t segment)
{
    int code;

    do {
        code = rsm_memseg_export_destroy(segment);
    } while (code == RSMERR_INTERRUPTED);
    expect_success("rsm_memseg_export_destroy", code);
}

static void clean_up(void)
{
    for (int side = 0; side < SIDES; side++) {
        TRY(rsm_memseg_import_disconnect(my.neighbour[side]));
        free(my.edge[0][side].iovec);
        free(my.edge[1][side].iovec);
    }
    for (int side = 0; side < SIDES; side++) {
        destroy(my.halo[side]);
    }
    destroy(my.result);
    TRY(rsm_free_localmemory_handle(my.controller, my.local));
    free(my.cells[0]);
    TRY(rsm_release_controller(my.controller));
}

int main(int argc, char **argv)
{
    unsigned warm_up;
    double start;
    double relaxing;
    bool good = true;

    /* Starts MPI as well, and it will be ended at exit. All ranks make this call. */
    TRY(rsm_get_controller("mpi0", &my.controller));
    look_around();
    my.grid = stencil_make_grid(my.nodes);
    if (!stencil_read_options(argc, argv, my.grid, my.node == 0, &my.options)) {
        return 2;
    }
    my.block = block_of(my.node);
    prepare();

    warm_up = stencil_warm_up(&my.options);
    put_edges(0);
    (void)run(0, warm_up);
    start = stencil_now();
    relaxing = run(warm_up, my.options.iterations);
    if (my.node == 0) {
        stencil_report("stencil", my.grid, &my.options, stencil_now() - start, relaxing);
    }

    my.result = export_to(0, RESULT_ID, READ_ONLY); /* "finished" */
    if (my.node == 0) {
        good = collect_and_check();
    }
    TRY(rsm_intr_signal_wait(my.result, PATIENCE_MS)); /* rank 0 has read our block */
    clean_up();
    return good ? 0 : 1;
}
