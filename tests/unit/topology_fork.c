/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: forked children ask for the topology and for a controller, while a thread of the
 * parent is busy with controllers at the moment of the fork.
 * Proves: 2.3 and design 2 "Handles": in a forked child no call ever hangs.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_glue.h"
#include "t.h"

#define FORKS 150

static atomic_bool stop;

static void *busy(void *arg)
{
    char name[] = "mpi0";

    (void)arg;
    while (!atomic_load(&stop)) {
        rsmapi_controller_handle_t ctl = NULL;

        t_require_ok(rsm_get_controller(name, &ctl));
        t_expect_ok(rsm_release_controller(ctl));
    }
    return NULL;
}

static void ask(void)
{
    rsmapi_controller_handle_t ctl = NULL;
    rsm_topology_t *topology = NULL;
    char name[] = "mpi0";

    t_expect_code(rsm_get_controller(name, &ctl), RSMERR_BAD_CTLR_HNDL);
    if (rsm_get_interconnect_topology(&topology) == RSM_SUCCESS) {
        rsm_free_interconnect_topology(topology);
    }
}

int main(void)
{
    pthread_t thread;
    int hung = 0;

    fake_begin();
    t_require_eq(pthread_create(&thread, NULL, busy, NULL), 0);
    for (int i = 0; i < FORKS && hung == 0; i++) {
        int status = 0;
        pid_t pid = fork();

        t_require(pid >= 0);
        if (pid == 0) {
            (void)alarm(2);
            ask();
            _exit(0);
        }
        t_require_eq(waitpid(pid, &status, 0), pid);
        hung += WIFSIGNALED(status) ? 1 : 0;
    }
    t_expect_eq(hung, 0);
    atomic_store(&stop, true);
    (void)pthread_join(thread, NULL);
    return fake_finish();
}
