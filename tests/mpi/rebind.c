/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: rebind [--rounds N] [--seed S]
 *   Every rank exports a segment and gives it other memory, again and again, while threads of all
 *   ranks, its own included, write to it and read from it: one in implicit mode, one in explicit
 *   mode with barriers. When rebind has returned, the old memory is filled, watched for a while,
 * and unmapped. In the end everybody is quiet, and each rank finds in the last memory of all others
 *   what it writes there.
 *
 * Proves: 10.7 (the old memory is the exporter's again at return; connections, barriers and events
 * stay), statement 19; that a transfer during a rebind is harmless.
 */
#include <mpi.h>
#include <pthread.h>
#include <rsmapi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "t_mpi.h"

#define SEGMENT 0x620000U
#define RANKS_MAX 8
#define SHOTS 8U

enum { PAGE = 4096, SLOT = 1024, LENGTH = 16 * PAGE, WATCH_US = 150, FILL = 0x5a };
enum { IMPLICIT, EXPLICIT, MODES };

static rsmapi_controller_handle_t controller;
static rsm_memseg_import_handle_t imports[RANKS_MAX][MODES];
static atomic_bool over;
static atomic_long shots;

static char *fresh_memory(void)
{
    char *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(memory != MAP_FAILED);
    return memory;
}

/** Where a rank writes in mode `mode` at everybody's. */
static size_t slot_of(int rank, int mode)
{
    return ((size_t)rank * MODES + (size_t)mode) * SLOT;
}

/* Local memory of vectors: in explicit mode the library's until the barrier closes. */
static uint64_t out[MODES][SHOTS];
static uint64_t in[MODES][SHOTS];

/** A vector there and one back; both may meet a rebind. */
static void shoot(int node, int mode, uint64_t value)
{
    rsm_iovec_t pieces[SHOTS];
    rsm_scat_gath_t request = {
        .io_request_count = SHOTS, .remote_handle = imports[node][mode], .iovec = pieces};

    for (unsigned i = 0; i < SHOTS; i++) {
        out[mode][i] = value;
        pieces[i] = (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                                  .local.vaddr = (char *)&out[mode][i],
                                  .remote_offset = slot_of(t_mpi_rank(), mode) + 64 * i,
                                  .transfer_length = sizeof value};
    }
    t_require_ok(rsm_memseg_import_putv(&request));
    for (unsigned i = 0; i < SHOTS; i++) {
        pieces[i].local.vaddr = (char *)&in[mode][i];
    }
    t_require_ok(rsm_memseg_import_getv(&request));
    atomic_fetch_add(&shots, 1);
}

static void *shooter(void *arg)
{
    int mode = (int)(intptr_t)arg;
    rsmapi_barrier_t barriers[RANKS_MAX] = {{NULL, 0, NULL}};
    uint64_t value = 1;

    for (int node = 0; node < t_mpi_size(); node++) {
        t_require_ok(
            rsm_memseg_import_init_barrier(imports[node][mode], RSM_BAR_DEFAULT, &barriers[node]));
    }
    while (!atomic_load(&over)) {
        for (int node = 0; node < t_mpi_size(); node++) {
            uint64_t one = value;

            if (mode == EXPLICIT) {
                t_require_ok(rsm_memseg_import_open_barrier(&barriers[node]));
            }
            shoot(node, mode, value);
            t_require_ok(rsm_memseg_import_put64(
                imports[node][mode], (off_t)slot_of(t_mpi_rank(), mode) + 64 * SHOTS, &one, 1));
            if (mode == EXPLICIT) {
                t_require_ok(rsm_memseg_import_close_barrier(&barriers[node]));
            }
        }
        value++;
    }
    return NULL;
}

static void nap_us(long us)
{
    struct timespec left = {0, us * 1000};

    (void)nanosleep(&left, NULL);
}

/** Nobody else changes memory that was given back. */
static void watch_and_unmap(char *old)
{
    static char filled[LENGTH];

    memset(filled, FILL, sizeof filled);
    memset(old, FILL, LENGTH);
    nap_us(WATCH_US);
    t_require_mem(old, filled, LENGTH);
    t_require_eq(munmap(old, LENGTH), 0);
}

/** Quiet again: what is written is found in the last memory. */
static void last_words(const char *memory)
{
    uint64_t mine = 1000 + (uint64_t)t_mpi_rank();

    for (int node = 0; node < t_mpi_size(); node++) {
        shoot(node, IMPLICIT, mine);
    }
    t_barrier();
    for (int rank = 0; rank < t_mpi_size(); rank++) {
        for (unsigned i = 0; i < SHOTS; i++) {
            uint64_t found;

            memcpy(&found, memory + slot_of(rank, IMPLICIT) + 64 * i, sizeof found);
            t_expect_eq(found, 1000 + (uint64_t)rank);
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t rounds = t_arg_u64(argc, argv, "--rounds", 200);
    rsm_memseg_export_handle_t segment;
    rsm_memseg_id_t id = SEGMENT;
    pthread_t threads[MODES];
    char *memory;
    t_rand_t random;

    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    t_rand_init(&random, t_mpi_seed(argc, argv), (uint64_t)t_mpi_rank());
    t_require(t_mpi_size() <= RANKS_MAX);
    t_require_ok(rsm_get_controller("mpi0", &controller));
    memory = fresh_memory();
    t_require_ok(rsm_memseg_export_create(controller, &segment, memory, LENGTH, RSM_ALLOW_REBIND));
    t_require_ok(rsm_memseg_export_publish(segment, &id, NULL, 0));
    t_barrier();
    for (int node = 0; node < t_mpi_size(); node++) {
        for (int mode = 0; mode < MODES; mode++) {
            t_require_ok(rsm_memseg_import_connect(controller, (rsm_node_id_t)node, SEGMENT,
                                                   RSM_PERM_RDWR, &imports[node][mode]));
        }
        t_require_ok(
            rsm_memseg_import_set_mode(imports[node][EXPLICIT], RSM_BARRIER_MODE_EXPLICIT));
    }
    for (int mode = 0; mode < MODES; mode++) {
        t_require_eq(pthread_create(&threads[mode], NULL, shooter, (void *)(intptr_t)mode), 0);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        char *old = memory;
        int rc;

        t_note("round %llu", (unsigned long long)round);
        memory = fresh_memory();
        do { /* on a crowded machine an importer's agent may not answer within its time */
            rc = rsm_memseg_export_rebind(segment, memory, 0, LENGTH);
        } while (rc == RSMERR_INTERRUPTED);
        t_require_code(rc, RSM_SUCCESS);
        watch_and_unmap(old);
        nap_us((long)t_rand_below(&random, 2000));
    }
    t_barrier(); /* others' rebinds are over as well */
    atomic_store(&over, true);
    for (int mode = 0; mode < MODES; mode++) {
        (void)pthread_join(threads[mode], NULL);
    }
    t_expect(atomic_load(&shots) > 0);
    t_print("%ld vectors each way", atomic_load(&shots));
    t_barrier();
    last_words(memory);
    t_barrier();
    for (int node = 0; node < t_mpi_size(); node++) {
        for (int mode = 0; mode < MODES; mode++) {
            t_expect_ok(rsm_memseg_import_disconnect(imports[node][mode]));
        }
    }
    t_expect_ok(rsm_memseg_export_destroy(segment));
    t_expect_ok(rsm_release_controller(controller));
    t_expect_eq(munmap(memory, LENGTH), 0);
    return t_mpi_finish();
}
