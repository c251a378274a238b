/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process imports its own segment. Knows public symbols of the library, and MPI as far as to
 * notice that it is not used; must not know how connections are made.
 *
 * Description: oneself, as one rank with and without mpirun, and as two ranks
 *   Connect, vectors, barriers, events in both directions, the cut, publishing again, destroy,
 *   release, all towards the own node. The program stands in front of the MPI functions that a
 *   connection to another rank needs, and counts. With two ranks a connection to the other one
 *   shows at the end that the counting works.
 *
 * Proves: "Oneself" and "Cut" in rsmapi.h, and that a job of one rank works.
 */
#include <mpi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rsmapi.h"
#include "t_mpi.h"

#define SEGMENT_ID 0x00620000U
#define ABSENT_ID 0x0062ffffU

enum { WAIT_MS = 20000 };

/* ---- MPI, counted. Calls of all threads count, so the service thread is watched as well. ------
 */

typedef enum mpi_call {
    PUT,
    GET,
    WIN_CREATE,
    CREATE_GROUP,
    WIN_LOCK,
    WIN_FLUSH,
    SEND,
    ISEND,
    MPI_CALLS
} mpi_call_t;

static atomic_int mpi_calls[MPI_CALLS];

int MPI_Put(const void *origin, int origin_count, MPI_Datatype origin_type, int rank, MPI_Aint disp,
            int target_count, MPI_Datatype target_type, MPI_Win win)
{
    (void)atomic_fetch_add(&mpi_calls[PUT], 1);
    return PMPI_Put(origin, origin_count, origin_type, rank, disp, target_count, target_type, win);
}

int MPI_Get(void *origin, int origin_count, MPI_Datatype origin_type, int rank, MPI_Aint disp,
            int target_count, MPI_Datatype target_type, MPI_Win win)
{
    (void)atomic_fetch_add(&mpi_calls[GET], 1);
    return PMPI_Get(origin, origin_count, origin_type, rank, disp, target_count, target_type, win);
}

int MPI_Win_create(void *base, MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, MPI_Win *win)
{
    (void)atomic_fetch_add(&mpi_calls[WIN_CREATE], 1);
    return PMPI_Win_create(base, size, unit, info, comm, win);
}

int MPI_Comm_create_group(MPI_Comm comm, MPI_Group group, int tag, MPI_Comm *created)
{
    (void)atomic_fetch_add(&mpi_calls[CREATE_GROUP], 1);
    return PMPI_Comm_create_group(comm, group, tag, created);
}

int MPI_Win_lock(int type, int rank, int assertion, MPI_Win win)
{
    (void)atomic_fetch_add(&mpi_calls[WIN_LOCK], 1);
    return PMPI_Win_lock(type, rank, assertion, win);
}

int MPI_Win_flush(int rank, MPI_Win win)
{
    (void)atomic_fetch_add(&mpi_calls[WIN_FLUSH], 1);
    return PMPI_Win_flush(rank, win);
}

int MPI_Send(const void *buffer, int count, MPI_Datatype type, int rank, int tag, MPI_Comm comm)
{
    (void)atomic_fetch_add(&mpi_calls[SEND], 1);
    return PMPI_Send(buffer, count, type, rank, tag, comm);
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int rank, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    (void)atomic_fetch_add(&mpi_calls[ISEND], 1);
    return PMPI_Isend(buffer, count, type, rank, tag, comm, request);
}

static void forget_mpi_calls(void)
{
    for (int call = 0; call < MPI_CALLS; call++) {
        atomic_store(&mpi_calls[call], 0);
    }
}

/* ---- The test ---------------------------------------------------------------------------------
 */

static rsmapi_controller_handle_t controller;
static rsm_node_id_t node;
static size_t page;
static size_t length;                  /* of the segment */
static char *memory;                   /* the segment */
static char *other;                    /* as long, the importer's */
static rsm_localmemory_handle_t local; /* of other */
static rsm_memseg_export_handle_t segment;
static t_rand_t stream;

static char *allocate(size_t len)
{
    void *memory_p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory_p == MAP_FAILED || memory_p == NULL) {
        abort();
    }
    return memory_p;
}

static rsm_memseg_import_handle_t connect_with(rsm_permission_t perm)
{
    rsm_memseg_import_handle_t import = NULL;

    t_require_ok(rsm_memseg_import_connect(controller, node, SEGMENT_ID, perm, &import));
    t_require(import != NULL);
    return import;
}

static void publish(void)
{
    rsm_memseg_id_t id = SEGMENT_ID;

    t_require_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
}

static rsm_iovec_t piece_of_handle(size_t local_offset, size_t remote_offset, size_t len)
{
    return (rsm_iovec_t){.io_type = RSM_HANDLE_TYPE,
                         .local.handle = local,
                         .local_offset = local_offset,
                         .remote_offset = remote_offset,
                         .transfer_length = len};
}

static rsm_iovec_t piece_of_address(size_t local_offset, size_t remote_offset, size_t len)
{
    return (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                         .local.vaddr = other,
                         .local_offset = local_offset,
                         .remote_offset = remote_offset,
                         .transfer_length = len};
}

/** Expect `code` and `residual` of a vector. */
static void vector(rsm_memseg_import_handle_t import, bool put, unsigned flags, rsm_iovec_t *pieces,
                   unsigned long count, int code, unsigned long residual)
{
    rsm_scat_gath_t request = {.io_request_count = count,
                               .io_residual_count = 4711,
                               .flags = flags,
                               .remote_handle = import,
                               .iovec = pieces};

    if (put) {
        t_expect_code(rsm_memseg_import_putv(&request), code);
    } else {
        t_expect_code(rsm_memseg_import_getv(&request), code);
    }
    t_expect_eq(request.io_residual_count, residual);
    t_expect_eq(request.flags, flags);
}

static void fresh_contents(void)
{
    t_rand_fill(&stream, memory, length);
    t_rand_fill(&stream, other, length);
}

static void no_event(void *handle)
{
    t_expect_code(rsm_intr_signal_wait(handle, 0), RSMERR_TIMEOUT);
}

/** Three pieces, one empty, from a handle and from an address; what lies between stays as it is. */
static void test_vectors(void)
{
    rsm_memseg_import_handle_t import = connect_with(RSM_PERM_RDWR);
    char *before = allocate(length);
    rsm_iovec_t pieces[4];

    fresh_contents();
    memcpy(before, memory, length);
    pieces[0] = piece_of_handle(5, 3, page);
    pieces[1] = (rsm_iovec_t){.io_type = RSM_VA_TYPE, .remote_offset = length};
    pieces[2] = piece_of_address(page + 1, 2 * page + 7, 1);
    pieces[3] = piece_of_address(0, length - 9, 9);
    vector(import, true, 0, pieces, 4, RSM_SUCCESS, 0);
    memcpy(before + 3, other + 5, page);
    before[2 * page + 7] = other[page + 1];
    memcpy(before + length - 9, other, 9);
    t_expect_mem(memory, before, length);

    /* Read them to other places. */
    memcpy(before, other, length);
    pieces[0] = piece_of_handle(1, 3, page);
    pieces[2] = piece_of_address(2 * page, 2 * page + 7, 1);
    pieces[3] = piece_of_address(length - 9, length - 9, 9);
    vector(import, false, 0, pieces, 4, RSM_SUCCESS, 0);
    memcpy(before + 1, memory + 3, page);
    before[2 * page] = memory[2 * page + 7];
    memcpy(before + length - 9, memory + length - 9, 9);
    t_expect_mem(other, before, length);

    /* Where entries overlap, the later one wins. */
    pieces[0] = piece_of_handle(0, 100, 64);
    pieces[1] = piece_of_address(page, 132, 64);
    vector(import, true, 0, pieces, 2, RSM_SUCCESS, 0);
    t_expect_mem(memory + 100, other, 32);
    t_expect_mem(memory + 132, other + page, 64);

    t_require_ok(rsm_memseg_import_disconnect(import));
    t_require_eq(munmap(before, length), 0);
}

/** A bad entry: those before it are done, it and the rest are not. */
static void test_limits(void)
{
    rsm_memseg_import_handle_t import = connect_with(RSM_PERM_RDWR);
    rsm_memseg_import_handle_t reader = connect_with(RSM_PERM_READ);
    rsm_memseg_import_handle_t writer = connect_with(RSM_PERM_WRITE);
    char before[16];
    rsm_iovec_t pieces[3];

    fresh_contents();
    memcpy(before, memory + 16, sizeof before);
    pieces[0] = piece_of_handle(0, 0, 8);
    pieces[1] = piece_of_handle(0, length + 1, 1);
    pieces[2] = piece_of_handle(0, 16, 8);
    vector(import, true, RSM_IMPLICIT_SIGPOST, pieces, 3, RSMERR_BAD_OFFSET, 2);
    t_expect_mem(memory, other, 8);
    pieces[1] = piece_of_address(0, length - 1, 2);
    vector(import, true, RSM_IMPLICIT_SIGPOST, pieces, 3, RSMERR_BAD_LENGTH, 2);
    pieces[1] = piece_of_handle(length + 1, 0, 0);
    vector(import, true, RSM_IMPLICIT_SIGPOST, pieces, 3, RSMERR_BAD_OFFSET, 2);
    t_expect_mem(memory + 16, before, sizeof before);
    no_event(segment);

    vector(reader, false, 0, pieces, 1, RSM_SUCCESS, 0);
    vector(reader, true, 0, pieces, 1, RSMERR_PERM_DENIED, 1);
    vector(writer, true, 0, pieces, 1, RSM_SUCCESS, 0);
    vector(writer, false, 0, pieces, 1, RSMERR_PERM_DENIED, 1);

    t_require_ok(rsm_memseg_import_disconnect(writer));
    t_require_ok(rsm_memseg_import_disconnect(reader));
    t_require_ok(rsm_memseg_import_disconnect(import));
}

static void test_modes(void)
{
    rsm_memseg_import_handle_t import = connect_with(RSM_PERM_RDWR);
    rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;
    rsmapi_barrier_t barrier = {0};
    rsm_iovec_t piece;

    fresh_contents();
    t_expect_ok(rsm_memseg_import_get_mode(import, &mode));
    t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
    t_expect_ok(rsm_memseg_import_set_mode(import, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_get_mode(import, &mode));
    t_expect_eq(mode, RSM_BARRIER_MODE_EXPLICIT);

    t_expect_code(rsm_memseg_import_open_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_require_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    piece = piece_of_handle(0, 0, page);
    vector(import, true, 0, &piece, 1, RSM_SUCCESS, 0);
    t_expect_ok(rsm_memseg_import_order_barrier(&barrier));
    t_expect_mem(memory, other, page);
    piece = piece_of_address(page, 8, page);
    vector(import, true, 0, &piece, 1, RSM_SUCCESS, 0);
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_mem(memory + 8, other + page, page);

    t_expect_ok(rsm_memseg_import_open_barrier(&barrier)); /* and is open when we leave */
    piece = piece_of_handle(0, 2 * page, 100);
    vector(import, false, 0, &piece, 1, RSM_SUCCESS, 0);
    t_require_ok(rsm_memseg_import_disconnect(import));
    t_expect_mem(other, memory + 2 * page, 100);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);
    t_expect_code(rsm_memseg_import_disconnect(import), RSMERR_BAD_SEG_HNDL);
}

static void test_events(void)
{
    rsm_memseg_import_handle_t one = connect_with(RSM_PERM_RDWR);
    rsm_memseg_import_handle_t two = connect_with(RSM_PERM_NONE); /* good for events only */
    rsm_iovec_t piece = piece_of_handle(0, 0, 8);

    for (int i = 0; i < 3; i++) { /* import to export; events add up */
        t_expect_ok(rsm_intr_signal_post(one, 0));
    }
    t_expect_ok(rsm_intr_signal_post(two, 0));
    for (int i = 0; i < 4; i++) {
        t_expect_ok(rsm_intr_signal_wait(segment, WAIT_MS));
    }
    no_event(segment);
    no_event(one);
    no_event(two);

    t_expect_ok(rsm_intr_signal_post(segment, 0)); /* export to every import, and not to itself */
    t_expect_ok(rsm_intr_signal_wait(one, WAIT_MS));
    t_expect_ok(rsm_intr_signal_wait(two, WAIT_MS));
    no_event(segment);
    no_event(one);
    no_event(two);

    vector(one, true, RSM_IMPLICIT_SIGPOST, &piece, 1, RSM_SUCCESS, 0);
    vector(one, false, RSM_IMPLICIT_SIGPOST, &piece, 1, RSM_SUCCESS, 0);
    vector(one, true, RSM_SIGPOST_NO_ACCUMULATE, &piece, 1, RSM_SUCCESS, 0); /* alone: no event */
    vector(one, true, RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE, &piece, 1, RSM_SUCCESS, 0);
    t_expect_ok(rsm_intr_signal_post(two, RSM_SIGPOST_NO_ACCUMULATE));
    t_expect_ok(rsm_intr_signal_wait(segment, WAIT_MS));
    t_expect_ok(rsm_intr_signal_wait(segment, WAIT_MS));
    no_event(segment);
    t_expect_ok(rsm_intr_signal_post(two, RSM_SIGPOST_NO_ACCUMULATE));
    t_expect_ok(rsm_intr_signal_post(two, RSM_SIGPOST_NO_ACCUMULATE));
    t_expect_ok(rsm_intr_signal_wait(segment, WAIT_MS));
    t_expect_code(rsm_intr_signal_wait(segment, 30), RSMERR_TIMEOUT);

    t_require_ok(rsm_memseg_import_disconnect(two));
    t_expect_ok(rsm_intr_signal_post(segment, 0)); /* who has left gets nothing */
    t_expect_ok(rsm_intr_signal_wait(one, WAIT_MS));
    t_require_ok(rsm_memseg_import_disconnect(one));
    t_expect_ok(rsm_intr_signal_post(segment, 0)); /* nobody listens: still a success */
    t_expect_code(rsm_intr_signal_wait(one, 0), RSMERR_BAD_SEG_HNDL);
}

/** What is left of a handle that was cut off. */
static void expect_cut(rsm_memseg_import_handle_t import, rsmapi_barrier_t *barrier)
{
    char *before = allocate(2 * length);
    rsm_iovec_t pieces[2] = {piece_of_handle(0, 0, page), piece_of_address(page, page, page)};

    fresh_contents();
    memcpy(before, memory, length);
    memcpy(before + length, other, length);
    vector(import, true, 0, pieces, 2, RSMERR_CONN_ABORTED, 2);
    vector(import, false, 0, pieces, 2, RSMERR_CONN_ABORTED, 2);
    vector(import, true, RSM_IMPLICIT_SIGPOST, pieces, 2, RSMERR_CONN_ABORTED, 2);
    t_expect_code(rsm_intr_signal_post(import, 0), RSMERR_CONN_ABORTED);
    if (barrier != NULL) {
        t_expect_code(rsm_memseg_import_order_barrier(barrier), RSMERR_CONN_ABORTED);
        t_expect_code(rsm_memseg_import_close_barrier(barrier), RSMERR_CONN_ABORTED);
        t_expect_ok(rsm_memseg_import_open_barrier(barrier));
        t_expect_code(rsm_memseg_import_close_barrier(barrier), RSMERR_CONN_ABORTED);
        t_expect_ok(rsm_memseg_import_destroy_barrier(barrier));
    }
    t_expect_mem(memory, before, length);
    t_expect_mem(other, before + length, length);
    no_event(segment);
    t_require_eq(munmap(before, 2 * length), 0);
}

/** Unpublish cuts, publishing again does not revive, destroy cuts as well. */
static void test_cut(void)
{
    rsm_memseg_import_handle_t old = connect_with(RSM_PERM_RDWR);
    rsm_memseg_import_handle_t none = old;
    rsm_memseg_import_handle_t fresh;
    rsm_memseg_export_handle_t dead = segment;
    rsmapi_barrier_t barrier = {0};
    rsm_iovec_t piece = piece_of_handle(0, 0, page);

    fresh_contents();
    t_require_ok(rsm_memseg_import_init_barrier(old, RSM_BAR_DEFAULT, &barrier));
    t_require_ok(rsm_memseg_import_set_mode(old, RSM_BARRIER_MODE_EXPLICIT));
    t_require_ok(rsm_memseg_import_open_barrier(&barrier));
    vector(old, true, 0, &piece, 1, RSM_SUCCESS, 0); /* not completed when the cut comes */
    t_expect_ok(rsm_intr_signal_post(old, 0));
    t_expect_ok(rsm_intr_signal_post(segment, 0));

    t_require_ok(rsm_memseg_export_unpublish(segment));
    t_expect_mem(memory, other, page); /* the cut has completed it */
    t_expect_code(rsm_memseg_export_unpublish(segment), RSMERR_SEG_NOT_PUBLISHED);
    t_expect_ok(rsm_intr_signal_wait(segment, 0)); /* events outlive a cut */
    t_expect_ok(rsm_intr_signal_wait(old, 0));
    expect_cut(old, &barrier);
    t_expect_code(rsm_memseg_import_connect(controller, node, SEGMENT_ID, RSM_PERM_RDWR, &none),
                  RSMERR_SEG_NOT_PUBLISHED);
    t_expect(none == NULL);

    publish();
    expect_cut(old, NULL);
    fresh = connect_with(RSM_PERM_RDWR);
    vector(fresh, true, RSM_IMPLICIT_SIGPOST, &piece, 1, RSM_SUCCESS, 0);
    t_expect_mem(memory, other, page);
    t_expect_ok(rsm_intr_signal_wait(segment, 0));
    t_expect_ok(rsm_memseg_import_disconnect(old));

    t_require_ok(rsm_memseg_export_destroy(segment));
    t_expect_code(rsm_memseg_export_destroy(dead), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(dead, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_post(fresh, 0), RSMERR_CONN_ABORTED);
    vector(fresh, true, 0, &piece, 1, RSMERR_CONN_ABORTED, 1);
    t_expect_ok(rsm_memseg_import_disconnect(fresh));
    segment = NULL;
}

/** Released while a connection lives: it moves nothing any more, and can be given up. */
static void test_release(void)
{
    rsmapi_controller_handle_t again = NULL;
    rsm_memseg_import_handle_t import;
    rsm_iovec_t piece = piece_of_address(0, 0, page);

    t_require_ok(rsm_memseg_export_create(controller, &segment, memory, length, 0));
    publish();
    import = connect_with(RSM_PERM_RDWR);
    t_require_ok(rsm_get_controller("mpi", &again));
    t_expect_eq(again, controller);
    t_expect_ok(rsm_release_controller(again));
    t_expect_ok(rsm_free_localmemory_handle(controller, local));
    t_expect_code(rsm_free_localmemory_handle(controller, local), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_ok(rsm_release_controller(controller));
    t_expect_code(rsm_release_controller(controller), RSMERR_BAD_CTLR_HNDL);
    vector(import, true, 0, &piece, 1, RSMERR_BAD_CTLR_HNDL, 1);
    t_expect_ok(rsm_memseg_import_disconnect(import));
    t_expect_ok(rsm_memseg_export_destroy(segment));
    t_require_ok(rsm_get_controller("mpi0", &controller)); /* local from now on */
}

/** Towards the other rank MPI is needed: the counters have to move. */
static void test_that_counting_works(void)
{
    rsm_memseg_id_t id = ABSENT_ID - 1;
    rsm_memseg_import_handle_t import = NULL;
    rsm_iovec_t piece;

    t_require_ok(rsm_create_localmemory_handle(controller, &local, other, length));
    t_require_ok(rsm_memseg_export_create(controller, &segment, memory, length, 0));
    t_require_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
    t_barrier();
    forget_mpi_calls();
    t_require_ok(
        rsm_memseg_import_connect(controller, node == 0 ? 1 : 0, id, RSM_PERM_RDWR, &import));
    piece = piece_of_handle(0, node * page, page);
    vector(import, true, RSM_IMPLICIT_SIGPOST, &piece, 1, RSM_SUCCESS, 0);
    t_expect_ok(rsm_intr_signal_wait(segment, WAIT_MS));
    vector(import, false, 0, &piece, 1, RSM_SUCCESS, 0);
    for (int call = 0; call < MPI_CALLS; call++) {
        t_note("was there an MPI call of kind %d?", call);
        t_expect(atomic_load(&mpi_calls[call]) > 0 || call == SEND);
    }
    t_require_ok(rsm_memseg_import_disconnect(import));
    t_barrier(); /* a destroy would cut the other rank off before its getv */
    t_require_ok(rsm_memseg_export_destroy(segment));
    t_expect_ok(rsm_free_localmemory_handle(controller, local));
}

int main(int argc, char **argv)
{
    rsm_memseg_import_handle_t import = NULL;
    rsm_topology_t *topology = NULL;
    uint64_t seed;

    t_mpi_watchdog();
    t_require_ok(rsm_get_controller("mpi0", &controller));
    t_mpi_attach();
    if (getenv("T_WATCHDOG") == NULL) {
        t_watchdog(60);
    }
    seed = t_mpi_seed(argc, argv);
    t_rand_init(&stream, seed, (uint64_t)t_mpi_rank());
    t_require_ok(rsm_get_interconnect_topology(&topology));
    node = topology->topology_hdr.local_nodeid;
    t_expect_eq(topology->topology_hdr.local_cntlr_count, 1U);
    t_expect_eq(topology->connections[0]->hdr.remote_cntlr_count, t_mpi_size() - 1);
    rsm_free_interconnect_topology(topology);
    t_require_eq(node, (unsigned)t_mpi_rank());

    page = (size_t)sysconf(_SC_PAGESIZE);
    length = 4 * page;
    memory = allocate(length);
    other = allocate(length);
    t_require_ok(rsm_create_localmemory_handle(controller, &local, other, length));
    t_require_ok(rsm_memseg_export_create(controller, &segment, memory, length, 0));
    publish();
    t_barrier();

    forget_mpi_calls();
    t_expect_code(rsm_memseg_import_connect(controller, node, ABSENT_ID, RSM_PERM_READ, &import),
                  RSMERR_SEG_NOT_PUBLISHED);
    t_note("vectors");
    test_vectors();
    t_note("limits");
    test_limits();
    t_note("modes");
    test_modes();
    t_note("events");
    test_events();
    t_note("cut");
    test_cut();
    t_note("release");
    test_release();
    for (int call = 0; call < MPI_CALLS; call++) {
        t_note("were there MPI calls of kind %d?", call);
        t_expect_eq(atomic_load(&mpi_calls[call]), 0);
    }

    t_barrier(); /* the other rank's share of the test is over too */
    if (t_mpi_size() > 1) {
        t_note("the other rank");
        t_require_eq(t_mpi_size(), 2);
        test_that_counting_works();
    }
    t_expect_ok(rsm_release_controller(controller));
    return t_mpi_finish();
}
