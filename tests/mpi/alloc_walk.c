/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: rank by rank and allocation by allocation: the first, second, third … of a
 * connection's life (connect, put with a signal, disconnect) fails, at the importer or at the
 * exporter, whose agent makes them; until none is left to fail. Then both ranks connect to each
 * other at the same time, with one allocation failing somewhere.
 *
 * Proves: rsmapi.h at rsm_memseg_import_connect: RSMERR_INSUFFICIENT_MEM or success, and no hang;
 * once connected, nothing fails for want of memory; afterwards all works, and nothing is lost.
 *
 * The hook that lets an allocation fail is inside the library, so this program contains the
 * library's objects instead of being linked with it. Two ranks.
 */
#include <mpi.h>
#include <rsmapi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "handle.h"
#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U
#define ENOUGH 40 /* more allocations than one connection's life has */
#define NOBODY (-1)

static rsmapi_controller_handle_t controller;
static rsm_memseg_export_handle_t seg;
static uint64_t *memory;
static uint64_t stamp;
static long handles; /* at rest */
static long blocks;  /* 0: not known yet, the ranks have not met in both directions */

/**
 * How many blocks there are at rest, once each agent has started and done its work: it has answered
 * a last question. Nothing but messages that MPI has not sent yet can be left then.
 */
static void look_at_rest(void)
{
    rsm_memseg_import_handle_t imp;

    t_expect_code(rsm_memseg_import_connect(controller, 1U - (rsm_node_id_t)t_mpi_rank(),
                                            SEGMENT + 1, RSM_PERM_RDWR, &imp),
                  RSMERR_SEG_NOT_PUBLISHED);
    t_barrier();
    blocks = rsmi_alloc_live();
    for (int i = 0; i < 50; i++) {
        usleep(1000);
        blocks = rsmi_alloc_live() < blocks ? rsmi_alloc_live() : blocks;
    }
}

/** Nothing is left of what was made since; an exporter's agent frees its end a moment later. */
static void expect_rest(void)
{
    for (int i = 0;
         i < 5000 && (rsmi_handle_live() != handles || (blocks > 0 && rsmi_alloc_live() != blocks));
         i++) {
        usleep(1000);
    }
    t_expect_eq(rsmi_handle_live(), handles);
    if (blocks > 0) {
        t_expect_eq(rsmi_alloc_live(), blocks);
    }
    t_barrier();
}

/** A connection's life towards the other rank; what connect said. */
static int live_once(void)
{
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = (char *)&stamp, .transfer_length = sizeof stamp};
    rsm_scat_gath_t vector = {
        .io_request_count = 1, .flags = RSM_IMPLICIT_SIGPOST, .iovec = &piece};
    rsm_memseg_import_handle_t imp = (rsm_memseg_import_handle_t)0x1234;
    int rc = rsm_memseg_import_connect(controller, 1U - (rsm_node_id_t)t_mpi_rank(), SEGMENT,
                                       RSM_PERM_RDWR, &imp);

    if (rc != RSM_SUCCESS) {
        t_expect_code(rc, RSMERR_INSUFFICIENT_MEM);
        t_expect_eq(imp, NULL);
        return rc;
    }
    vector.remote_handle = imp;
    t_expect_ok(rsm_memseg_import_putv(&vector));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    return rc;
}

/** What the other rank's life has left here. */
static void expect_stamp(int its_rc)
{
    if (its_rc == RSM_SUCCESS) {
        t_expect_ok(rsm_intr_signal_wait(seg, 20000));
        t_expect_eq(memory[0], stamp);
    }
    t_expect_code(rsm_intr_signal_wait(seg, 0), RSMERR_TIMEOUT);
}

/**
 * One round: the ranks in `importers` (bits) live once, with the n-th allocation of `victim`
 * failing. Returns whether it did; *codes_p: what the connects said.
 */
static bool live(int importers, int victim, long n, int codes[2])
{
    int mine = RSM_SUCCESS;
    int fired = 0;

    stamp++; /* the same at both ranks */
    t_barrier();
    if (t_mpi_rank() == victim) {
        rsmi_alloc_fail_at(n);
    }
    t_barrier();
    if ((importers & 1 << t_mpi_rank()) != 0) {
        mine = live_once();
    }
    t_barrier();
    if (t_mpi_rank() == victim) {
        fired = rsmi_alloc_failed();
        rsmi_alloc_fail_at(0);
    }
    (void)MPI_Allreduce(MPI_IN_PLACE, &fired, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    (void)MPI_Allgather(&mine, 1, MPI_INT, codes, 1, MPI_INT, MPI_COMM_WORLD);
    if ((importers & 1 << (1 - t_mpi_rank())) != 0) {
        expect_stamp(codes[1 - t_mpi_rank()]);
    }
    t_expect(fired != 0 || (codes[0] == RSM_SUCCESS && codes[1] == RSM_SUCCESS));
    return fired != 0;
}

/** From the n-th allocation on. `fresh`: these two have not met in this direction. */
static void walk(int importer, int victim, long n, bool fresh)
{
    int codes[2];
    int refused = 0;
    long first = n;
    bool fired;

    do {
        t_note("rank %d connects, allocation %ld of rank %d%s", importer, n, victim,
               fresh ? ", the first time" : "");
        fired = live(1 << importer, victim, n++, codes);
        refused += codes[importer] != RSM_SUCCESS;
        if (!fresh) { /* else the next round shows it: the pair's own memory is for that one */
            (void)live(1 << importer, NOBODY, 0, codes);
        }
    } while (fired && n < ENOUGH);
    t_expect(n < ENOUGH);
    t_expect(refused > 0);
    if (t_mpi_rank() == 0) {
        t_print("rank %d connects, rank %d: %ld allocations failed, %d connects refused", importer,
                victim, n - first - 1, refused);
    }
    expect_rest();
}

/** Both at once, so that requests queue up behind creations. */
static void cross(int victim)
{
    int codes[2];
    int count = 0;

    for (long n = 1; n < ENOUGH; n++) {
        t_note("both connect, allocation %ld of rank %d", n, victim);
        count += live(3, victim, n, codes);
        (void)live(3, NOBODY, 0, codes);
    }
    t_expect(count > 0);
    expect_rest();
}

int main(int argc, char **argv)
{
    rsm_memseg_id_t id = SEGMENT;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_require_eq(t_mpi_size(), 2);
    t_require_ok(rsm_get_controller("mpi0", &controller));
    memory = aligned_alloc(BYTES, BYTES);
    t_require(memory != NULL);
    memset(memory, 0, BYTES);
    t_require_ok(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    handles = rsmi_handle_live();

    walk(1, 1, 1, true);
    /* An exporter makes its end of a connection, then the pair, and this even if it has no memory
     * for the end: a walk that began there would find the pair made. */
    walk(0, 1, 2, true);
    look_at_rest();
    for (int rank = 0; rank < 2; rank++) {
        walk(rank, 0, 1, false);
        walk(rank, 1, 1, false);
    }
    cross(0);
    cross(1);
    t_expect_ok(rsm_memseg_export_destroy(seg));
    free(memory);
    return t_mpi_finish();
}
