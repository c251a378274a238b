/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: controllers over communicators of the program's, beside mpi0 and at the same time:
 * all ranks in reverse order, and even and odd ranks apart. Each carries segments of its own; two
 * threads use two of them at once. The program's communicators have an error handler and an
 * attribute, which nobody may touch; one is freed right after the attach.
 *
 * Proves: issue 4, part 4: guest in existing codes, several controllers; design 2 "mpi1, mpi2";
 * bad arguments of rsmx_mpi_attach(). Arguments: [--rounds N]. Ranks: 2 and more.
 */
#include <mpi.h>
#include <pthread.h>
#include <rsmx.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "t_mpi.h"

#define BYTES 4096U

typedef struct net {
    const char *what;
    rsmapi_controller_handle_t controller;
    int rank;
    int size;
    rsm_memseg_id_t id;
    _Alignas(BYTES) char memory[BYTES];
    rsm_memseg_export_handle_t segment;
} net_t;

static net_t world = {.what = "mpi0", .id = 0x630000};
static net_t reversed = {.what = "reversed", .id = 0x630001};
static net_t half = {.what = "even or odd", .id = 0x630002};
static atomic_int handler_calls;
static atomic_int copy_calls;
static uint64_t rounds;

static void handler(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    (void)code;
    atomic_fetch_add(&handler_calls, 1);
}

static int copy_attribute(MPI_Comm comm, int key, void *extra, void *value, void *new_value,
                          int *flag)
{
    (void)comm;
    (void)key;
    (void)extra;
    (void)value;
    (void)new_value;
    atomic_fetch_add(&copy_calls, 1);
    *flag = 0;
    return MPI_SUCCESS;
}

static void publish(net_t *net)
{
    t_require_ok(rsm_memseg_export_create(net->controller, &net->segment, net->memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(net->segment, &net->id, NULL, 0));
}

/** Write one's rank there into everybody's segment, oneself included. */
static void visit_all(net_t *net, uint64_t round)
{
    for (int node = 0; node < net->size; node++) {
        rsm_memseg_import_handle_t imp;
        rsmapi_barrier_t barrier = {0};
        uint64_t value = round * 100 + (uint64_t)net->rank;
        uint64_t back = 0;
        size_t length = 0;

        t_require_ok(rsm_memseg_import_connect(net->controller, (rsm_node_id_t)node, net->id,
                                               RSM_PERM_RDWR, &imp));
        t_expect_ok(rsmx_import_length(imp, &length));
        t_expect_eq(length, BYTES);
        t_require_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
        t_expect_ok(rsm_memseg_import_put64(imp, 8 * net->rank, &value, 1));
        t_expect_ok(rsm_memseg_import_get64(imp, 8 * net->rank, &back, 1));
        t_expect_eq(back, value);
        t_expect_ok(rsm_intr_signal_post(imp, 0));
        t_expect_ok(rsm_memseg_import_disconnect(imp));
    }
}

static void *visit_often(void *arg)
{
    net_t *net = arg;

    for (uint64_t round = 1; round <= rounds; round++) {
        t_note("%s, round %llu", net->what, (unsigned long long)round);
        visit_all(net, round);
    }
    return NULL;
}

/** Everybody's last value, and one event per visit. */
static void look(net_t *net)
{
    for (int rank = 0; rank < net->size; rank++) {
        uint64_t value;

        memcpy(&value, net->memory + 8 * rank, sizeof value);
        t_expect_eq(value, rounds * 100 + (uint64_t)rank);
    }
    for (uint64_t i = 0; i < rounds * (uint64_t)net->size; i++) {
        t_require_ok(rsm_intr_signal_wait(net->segment, 20000));
    }
    t_expect_code(rsm_intr_signal_wait(net->segment, 0), RSMERR_TIMEOUT);
}

/** The name in the topology whose node count and own node fit, or "". */
static void name_of(const net_t *net, char name[MAXNAMELEN])
{
    rsm_topology_t *topology = NULL;

    name[0] = '\0';
    t_require_ok(rsm_get_interconnect_topology(&topology));
    t_expect_eq(topology->topology_hdr.local_nodeid, (rsm_node_id_t)world.rank);
    t_expect_eq(topology->topology_hdr.local_cntlr_count, 3U);
    for (unsigned i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        const rsm_connections_hdr_t *hdr = &topology->connections[i]->hdr;
        rsmapi_controller_handle_t same;

        t_expect_ok(rsm_get_controller((char *)hdr->cntlr_name, &same));
        if (same == net->controller) {
            t_expect_eq(hdr->remote_cntlr_count, net->size - 1);
            t_expect_eq(hdr->local_hwaddr, (rsm_addr_t)net->rank);
            memcpy(name, hdr->cntlr_name, MAXNAMELEN);
        }
        t_expect_ok(rsm_release_controller(same));
    }
    rsm_free_interconnect_topology(topology);
}

static void bad_arguments(void)
{
    rsmapi_controller_handle_t ctl = (rsmapi_controller_handle_t)&world;
    rsmapi_controller_handle_t none;
    MPI_Comm inter = MPI_COMM_NULL;
    MPI_Comm mine;

    t_note("bad arguments");
    t_expect_code(rsmx_mpi_attach(MPI_COMM_WORLD, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsmx_mpi_attach(MPI_COMM_NULL, &ctl), RSMERR_CTLR_NOT_PRESENT);
    t_expect(ctl == NULL);
    MPI_Comm_split(MPI_COMM_WORLD, world.rank % 2, world.rank, &mine);
    MPI_Intercomm_create(mine, 0, MPI_COMM_WORLD, 1 - world.rank % 2, 9, &inter);
    t_expect_code(rsmx_mpi_attach(inter, &ctl), RSMERR_CTLR_NOT_PRESENT);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&mine);
    t_expect_code(rsm_get_controller((char *)"mpi1", &none), RSMERR_CTLR_NOT_PRESENT);
}

static void attach(net_t *net, MPI_Comm comm, bool free_it)
{
    MPI_Errhandler ours;
    MPI_Errhandler found;
    int key;
    int there = 0;
    int *value = NULL;

    t_note("attach %s", net->what);
    MPI_Comm_rank(comm, &net->rank);
    MPI_Comm_size(comm, &net->size);
    MPI_Comm_create_errhandler(handler, &ours);
    MPI_Comm_set_errhandler(comm, ours);
    MPI_Comm_create_keyval(copy_attribute, MPI_COMM_NULL_DELETE_FN, &key, NULL);
    MPI_Comm_set_attr(comm, key, &net->rank);
    t_require_ok(rsmx_mpi_attach(comm, &net->controller));
    MPI_Comm_get_errhandler(comm, &found);
    t_expect(found == ours);
    MPI_Comm_get_attr(comm, key, (void *)&value, &there);
    t_expect(there != 0 && value == &net->rank);
    MPI_Errhandler_free(&found);
    MPI_Errhandler_free(&ours);
    MPI_Comm_free_keyval(&key);
    if (free_it) {
        MPI_Comm_free(&comm);
    }
}

int main(int argc, char **argv)
{
    MPI_Comm turned;
    MPI_Comm part;
    rsm_memseg_import_handle_t imp;
    pthread_t thread;
    char name[2][MAXNAMELEN];

    rounds = t_arg_u64(argc, argv, "--rounds", 20);
    t_mpi_start(&argc, &argv, MPI_THREAD_MULTIPLE);
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    bad_arguments();

    /* One before mpi0, one after it. */
    MPI_Comm_split(MPI_COMM_WORLD, 0, -world.rank, &turned);
    attach(&reversed, turned, true);
    t_require_ok(rsm_get_controller((char *)"mpi0", &world.controller));
    publish(&world);
    publish(&reversed);
    t_barrier();
    visit_all(&world, 0); /* connections exist while the next one is opened */
    MPI_Comm_split(MPI_COMM_WORLD, world.rank % 2, world.rank, &part);
    attach(&half, part, false);
    publish(&half);
    name_of(&reversed, name[0]);
    name_of(&half, name[1]);
    t_expect(strcmp(name[0], name[1]) != 0 && name[0][0] != '\0' && name[1][0] != '\0');

    /* A segment is seen through its own controller only. */
    t_expect_code(rsm_memseg_import_connect(world.controller, (rsm_node_id_t)world.rank,
                                            reversed.id, RSM_PERM_RDWR, &imp),
                  RSMERR_SEG_NOT_PUBLISHED);
    for (int i = 0; i < world.size; i++) {
        t_expect_ok(rsm_intr_signal_wait(world.segment, 20000)); /* of the first visit */
    }
    t_barrier();

    t_require_eq(pthread_create(&thread, NULL, visit_often, &reversed), 0);
    (void)visit_often(&half);
    (void)pthread_join(thread, NULL);
    (void)visit_often(&world);
    t_barrier();
    look(&world);
    look(&reversed);
    look(&half);
    t_expect_eq(atomic_load(&handler_calls), 0);
    t_expect_eq(atomic_load(&copy_calls), 0);
    t_barrier();
    t_expect_ok(rsm_memseg_export_destroy(half.segment)); /* the others end with MPI */
    t_expect_ok(rsm_release_controller(half.controller));
    MPI_Comm_free(&part);
    return t_mpi_finish();
}
