/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: requests, vectors and local memory that cannot be touched, each in a child process,
 * since a library that follows them dies of it.
 * Proves: design 2 "Vectors": NULL or unreadable request or iovec is BAD_SGIO, the iovec's test
 * before those of the cut and of the rights (14.5, steps 5 to 7); local memory that is not mapped
 * or has the wrong protection is BAD_ADDR, with nothing of that entry moved; the same sentences in
 * rsmapi.h.
 * A forked child has no valid handles, so each case is a process started anew.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_glue.h"
#include "t.h"

#define ID 0x400030U
#define CASES 12

static const char *const names[CASES] = {"unreadable request",
                                         "unreadable iovec",
                                         "iovec whose second entry is unreadable",
                                         "putv, source not mapped",
                                         "putv, source half mapped",
                                         "getv, target not mapped",
                                         "getv, target read-only",
                                         "getv, target half read-only",
                                         "getv through a handle of read-only memory",
                                         "unreadable iovec, connection cut",
                                         "unreadable iovec, no right",
                                         "putv, NULL with an offset"};

/** Leaves its pages where they are: each case wants addresses that nobody has used before. */
static void run_case(uint64_t which, rsm_node_id_t node)
{
    char *memory;
    char *mine;
    char *bad; /* cannot be touched */
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t handle;
    rsm_iovec_t entries[2];
    unsigned long residual = 4711;

    t_note("%s, node %u", names[which], node);
    memory = fake_pages(2);
    mine = fake_pages(2);
    bad = mine + 2 * (size_t)FAKE_PAGE;
    memset(memory, 'm', 2 * (size_t)FAKE_PAGE);
    seg = fake_export(memory, 2 * (size_t)FAKE_PAGE, ID);
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &handle, mine, FAKE_PAGE));
    entries[0] = fake_va(mine, 0, 0, 1);
    entries[1] = fake_va(mine, 0, 1, 1);
    switch (which) {
    case 0:
        t_expect_code(rsm_memseg_import_putv((rsm_scat_gath_t *)(void *)bad), RSMERR_BAD_SGIO);
        t_expect_code(rsm_memseg_import_getv((rsm_scat_gath_t *)8), RSMERR_BAD_SGIO);
        break;
    case 1:
        t_expect_code(fake_putv(imp, (rsm_iovec_t *)(void *)bad, 2, 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, 2);
        break;
    case 2:
        memcpy(bad - sizeof entries[0], entries, sizeof entries[0]);
        t_expect_code(
            fake_putv(imp, (rsm_iovec_t *)(void *)(bad - sizeof entries[0]), 2, 0, &residual),
            RSMERR_BAD_SGIO);
        break;
    case 3:
        entries[1] = fake_va(bad, 0, 1, 1);
        t_expect_code(fake_putv(imp, entries, 2, 0, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        t_expect_eq(memory[0], 0);
        break;
    case 4:
        entries[1] = fake_va(bad - 8, 0, 1, 16);
        t_expect_code(fake_putv(imp, entries, 2, 0, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        t_expect_eq(memory[1], 'm');
        break;
    case 5:
        entries[1] = fake_va(bad, 0, 1, 1);
        t_expect_code(fake_getv(imp, entries, 2, 0, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        break;
    case 6:
    case 7:
        t_require_eq(mprotect(mine + FAKE_PAGE, FAKE_PAGE, PROT_READ), 0);
        entries[1] = fake_va(mine + FAKE_PAGE - (which == 6 ? 0 : 8), 0, 1, 16);
        t_expect_code(fake_getv(imp, entries, 2, 0, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        t_expect_eq(mine[FAKE_PAGE - 8], 0);
        break;
    case 8:
        t_require_eq(mprotect(mine, FAKE_PAGE, PROT_READ), 0);
        entries[0] = fake_lh(handle, 0, 0, 16);
        t_expect_code(fake_getv(imp, entries, 1, 0, &residual), RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        break;
    case 9:
    case 10:
        if (which == 9) {
            t_require_ok(rsm_memseg_export_unpublish(seg));
        } else {
            t_require_ok(rsm_memseg_import_disconnect(imp));
            imp = fake_import(node, ID, RSM_PERM_NONE);
        }
        t_expect_code(fake_putv(imp, (rsm_iovec_t *)(void *)bad, 2, 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, 2);
        t_expect_code(fake_getv(imp, (rsm_iovec_t *)(void *)bad, 2, 0, NULL), RSMERR_BAD_SGIO);
        t_expect_code(fake_putv(imp, entries, 2, 0, NULL),
                      which == 9 ? RSMERR_CONN_ABORTED : RSMERR_PERM_DENIED);
        t_expect_code(fake_getv(imp, entries, 2, 0, NULL),
                      which == 9 ? RSMERR_CONN_ABORTED : RSMERR_PERM_DENIED);
        break;
    default:
        entries[0] = fake_va(NULL, FAKE_PAGE, 0, 1);
        t_expect_code(fake_putv(imp, entries, 1, 0, &residual), RSMERR_BAD_ADDR);
        break;
    }
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, handle));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
}

int main(int argc, char **argv)
{
    uint64_t which = t_arg_u64(argc, argv, "--case", CASES);
    struct rlimit no_core = {0, 0};

    if (which < CASES) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        fake_begin();
        run_case(which, 1);
        run_case(which, 0);
        return fake_finish();
    }
    t_watchdog(60);
    for (unsigned i = 0; i < CASES; i++) {
        char number[8];
        int status = 0;
        pid_t pid;

        t_note("%s", names[i]);
        (void)snprintf(number, sizeof number, "%u", i);
        pid = fork();
        t_require(pid >= 0);
        if (pid == 0) {
            (void)execl("/proc/self/exe", "sgio_unreadable", "--case", number, (char *)NULL);
            _exit(2);
        }
        t_require_eq(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status)) {
            t_fail("died: %s", strsignal(WTERMSIG(status)));
        } else {
            t_expect_eq(WEXITSTATUS(status), 0);
        }
    }
    return t_finish();
}
