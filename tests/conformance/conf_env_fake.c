/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The suite on the fake glue: one process, one thread for all parts. Node 1 exports, nodes 2 and 3
 * import; all of them are this process, reached through the glue. Knows the fake glue.
 */
#include "conf_env.h"

#include "fake_glue.h"

extern const conf_test_t conf_faults[];

const conf_test_t *const conf_env_table = conf_faults;

void conf_env_begin(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fake_begin();
    t_watchdog(100);
}

int conf_env_end(void)
{
    return fake_finish();
}

rsmapi_controller_handle_t *conf_env_controller(void)
{
    return &fake_ctl;
}

unsigned conf_env_turns(void)
{
    return 1;
}

void conf_env_cast(conf_t *c, unsigned turn)
{
    (void)turn;
    c->exporter = 1;
    c->exports = true;
    c->importers = 2;
    c->here = 2;
    c->maps = true;
    c->mine[0].node = 2;
    c->mine[1].node = 3;
}

void conf_env_run_begins(const conf_t *c)
{
    fake_reset();
    fake_set_mappable(c->maps);
}

void conf_env_run_ends(const conf_t *c)
{
    (void)c;
    if (fake_fail_pending()) {
        t_fail("a failure that was asked for did not happen");
    }
    fake_expect_clean();
}

bool conf_env_end_transport(void)
{
    fake_set_ended(true);
    return false;
}

void conf_env_sync(void)
{
}

uint64_t conf_env_share(const conf_t *c, uint64_t value)
{
    (void)c;
    return value;
}

void conf_env_settle(void)
{
    fake_settle();
}

void conf_env_speak_for(const conf_importer_t *me)
{
    fake_set_asker(me != NULL ? me->node : 0);
}
