/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The suite under a launcher: one part per rank, and every rank exports once. Parts meet at MPI's
 * own barriers, not at the library's events: those are under test. Knows MPI.
 */
#include <mpi.h>
#include <sys/stat.h>

#include "conf_env.h"
#include "t_mpi.h"

static const conf_test_t none[] = {CONF_END};
const conf_test_t *const conf_env_table = none;

static rsmapi_controller_handle_t mpi0;
static bool ended;
static int verdict; /* of all ranks, when MPI ended */

void conf_env_begin(int *argc, char ***argv)
{
    char name[] = "mpi0";

    (void)umask(022); /* the mode of segments without an access list */
    t_mpi_start(argc, argv, MPI_THREAD_MULTIPLE);
    t_require_ok(rsm_get_controller(name, &mpi0));
}

int conf_env_end(void)
{
    int code;

    if (!ended) {
        (void)conf_env_end_transport();
    }
    t_expect_ok(rsm_release_controller(mpi0));
    code = t_mpi_verdict();
    t_watchdog(0);
    return verdict != T_EXIT_PASS ? verdict : code;
}

rsmapi_controller_handle_t *conf_env_controller(void)
{
    return &mpi0;
}

unsigned conf_env_turns(void)
{
    return t_mpi_size() > 1 ? (unsigned)t_mpi_size() : 0;
}

void conf_env_cast(conf_t *c, unsigned turn)
{
    unsigned rank = (unsigned)t_mpi_rank();

    c->exporter = turn;
    c->exports = rank == turn;
    c->importers = 0;
    c->maps = false;
    for (unsigned node = 0; node < (unsigned)t_mpi_size(); node++) {
        if (node == turn) {
            continue;
        }
        t_require(c->importers < CONF_IMPORTERS_MAX);
        if (node == rank) {
            c->first = c->importers;
            c->here = 1;
        }
        c->mine[c->importers++].node = node;
    }
}

void conf_env_run_begins(const conf_t *c)
{
    (void)c;
}

void conf_env_run_ends(const conf_t *c)
{
    (void)c;
}

/* The verdict first: afterwards ranks cannot agree on one, and each tells the launcher its own. */
bool conf_env_end_transport(void)
{
    verdict = t_mpi_finish();
    ended = true;
    t_mpi_watchdog();
    t_note("after MPI_Finalize");
    return true;
}

void conf_env_sync(void)
{
    if (!ended) {
        t_barrier();
    }
}

uint64_t conf_env_share(const conf_t *c, uint64_t value)
{
    (void)MPI_Bcast(&value, 1, MPI_UINT64_T, (int)c->exporter, MPI_COMM_WORLD);
    return value;
}

void conf_env_settle(void)
{
}

void conf_env_speak_for(const conf_importer_t *me)
{
    (void)me;
}
