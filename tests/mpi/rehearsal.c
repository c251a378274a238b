/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program without a launcher that has something to lose when the library tries MPI_Init in a
 * child: text that is not written yet, an exit handler, an opinion about SIGCHLD. Knows RSMAPI;
 * must not know how the trial is made.
 *
 * Description: rehearsal ignored|handled|refused FILE
 *   ignored, handled   SIGCHLD is ignored, or handled by somebody who reaps every child; the
 *                      controller opens, and works
 *   refused            as handled, but the controller must not open (see rehearsal.sh)
 *   plain              without the library: does MPI start here?
 * Appends a line to FILE at exit. rehearsal.sh counts lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rsmapi.h"
#include "t_mpi.h"

#define SEGMENT 0x600000U
#define BYTES 4096U

static const char *file;

static void at_exit(void)
{
    static const char line[] = "at exit\n";
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    (void)!write(fd, line, sizeof line - 1);
    (void)close(fd);
}

static void reap(int sig)
{
    int kept = errno;

    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = kept;
}

static void use(rsmapi_controller_handle_t controller)
{
    char *memory = aligned_alloc(BYTES, BYTES);
    char word[] = "rehearsed";
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = word, .transfer_length = sizeof word};
    rsm_scat_gath_t vector = {
        .io_request_count = 1, .flags = RSM_IMPLICIT_SIGPOST, .iovec = &piece};
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_memseg_id_t id = SEGMENT;

    t_require(memory != NULL);
    t_require_ok(rsm_memseg_export_create(controller, &seg, memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    t_require_ok(rsm_memseg_import_connect(controller, 0, SEGMENT, RSM_PERM_RDWR, &imp));
    vector.remote_handle = imp;
    t_expect_ok(rsm_memseg_import_putv(&vector));
    t_expect_ok(rsm_intr_signal_wait(seg, 0));
    t_expect_str(memory, word);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    free(memory);
    t_expect_ok(rsm_release_controller(controller));
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = reap}; /* no SA_RESTART: it interrupts what it can */
    struct sigaction after;
    rsmapi_controller_handle_t controller = NULL;
    const char *mode = argc == 3 ? argv[1] : "";

    if (strcmp(mode, "plain") == 0) {
        (void)MPI_Init(NULL, NULL);
        return MPI_Finalize() == MPI_SUCCESS ? 0 : 1;
    }
    t_require(strcmp(mode, "ignored") == 0 || strcmp(mode, "handled") == 0 ||
              strcmp(mode, "refused") == 0);
    file = argv[2];
    t_watchdog(50);
    if (strcmp(mode, "ignored") == 0) {
        action.sa_handler = SIG_IGN;
    }
    t_require_eq(sigaction(SIGCHLD, &action, NULL), 0);
    t_require_eq(atexit(at_exit), 0);
    t_require_eq(setvbuf(stdout, NULL, _IOFBF, BUFSIZ), 0);
    (void)printf("before MPI\n");

    if (strcmp(mode, "refused") == 0) {
        t_expect_code(rsm_get_controller("mpi0", &controller), RSMERR_CTLR_NOT_PRESENT);
        t_expect_eq(controller, NULL);
    } else {
        t_require_ok(rsm_get_controller("mpi0", &controller));
        use(controller);
    }
    t_require_eq(sigaction(SIGCHLD, NULL, &after), 0);
    t_expect(after.sa_handler == action.sa_handler);
    return t_finish();
}
