/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the suite asks of its surroundings: processes, parts, meeting points. Two files implement
 * it: conf_env_fake.c (one process, the fake glue) and conf_env_mpi.c (ranks under a launcher).
 * Only conf.c may include this; tests see conf.h.
 */
#ifndef T_CONF_ENV_H
#define T_CONF_ENV_H

#include "conf.h"

/** The controller mpi0 is open, and the watchdog set. */
void conf_env_begin(int *argc, char ***argv);
/** The verdict: exit code of main(). */
int conf_env_end(void);

/** The handle of mpi0; tests may exchange it. */
rsmapi_controller_handle_t *conf_env_controller(void);

/** How many casts there are for CONF_REMOTE; 0: there is nobody else. */
unsigned conf_env_turns(void);
/** Fill in exporter, importers, exports, first, here, maps and mine[].node for CONF_REMOTE. */
void conf_env_cast(conf_t *c, unsigned turn);
/** Around each run; the second expects that the library holds nothing any more. */
void conf_env_run_begins(const conf_t *c);
void conf_env_run_ends(const conf_t *c);

/** See conf_end_transport(). */
bool conf_env_end_transport(void);

/** CONF_REMOTE: everybody is here. */
void conf_env_sync(void);
/** CONF_REMOTE: the exporter's `value` for everybody. */
uint64_t conf_env_share(const conf_t *c, uint64_t value);
/** Events that were posted and confirmed on their way are in their counters. */
void conf_env_settle(void);
/** From now on connects come from this importer; NULL: from this process. */
void conf_env_speak_for(const conf_importer_t *me);

/** Tests for this environment alone. */
extern const conf_test_t *const conf_env_table;

#endif
