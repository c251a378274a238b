/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: vectors: checks in their order with several faults at once, residuals, counts,
 * ranges that wrap, what the glue is asked to do in which order, what stays unchanged.
 * Proves: 14.1, 14.4, 14.5, 14.6, 23.1 to 23.5 and 23.14, 23.16 as decided; statements 31 to 37;
 * design 2 "Vectors". Runs on a connection of the glue and on one to oneself.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_glue.h"
#include "t.h"

#define ID 0x400030U
#define PAGES 17U
#define SIZE ((size_t)PAGES * FAKE_PAGE)
#define LONGEST 65536U

static rsm_node_id_t node; /* 0: oneself */
static char *memory;       /* the segment */
static char *mine;         /* the importer's */
static rsm_memseg_export_handle_t seg;
static rsm_memseg_import_handle_t imp;
static rsm_localmemory_handle_t handle; /* mine, 1000 bytes */
static rsm_iovec_t *iovec;              /* of LONGEST + 1 */

static void expect_log(const char *log)
{
    if (node != 0) {
        t_expect_str(fake_log(), log);
    }
}

static unsigned events(void)
{
    unsigned count = 0;

    while (rsm_intr_signal_wait(seg, 0) == RSM_SUCCESS) {
        count++;
    }
    return count;
}

static void nothing_happened(void)
{
    static const char zero[FAKE_PAGE];

    expect_log("");
    t_expect_mem(memory, zero, FAKE_PAGE);
    t_expect_eq(events(), 0);
}

/* ---- The checks of the call -------------------------------------------------------------- */

static void call_order(void)
{
    rsm_memseg_import_handle_t old = fake_import(node, ID, RSM_PERM_READ);
    rsm_memseg_import_handle_t write_only = fake_import(node, ID, RSM_PERM_WRITE);
    unsigned long residual = 0;
    unsigned post = RSM_IMPLICIT_SIGPOST;

    t_note("node %u, checks of the call", node);
    fake_log_clear();
    t_expect_code(rsm_memseg_import_putv(NULL), RSMERR_BAD_SGIO);
    t_expect_code(rsm_memseg_import_getv(NULL), RSMERR_BAD_SGIO);
    t_expect_code(fake_putv(NULL, NULL, 0, post, &residual), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(residual, 0);
    t_expect_code(fake_putv(NULL, NULL, 77, post, &residual), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(residual, 77);
    t_expect_code(fake_putv(imp, NULL, 0, post, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, 0);
    t_expect_code(fake_putv(imp, iovec, LONGEST + 1, post, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, LONGEST + 1);
    t_expect_code(fake_getv(imp, iovec, (unsigned long)-1, post, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, (unsigned long)-1);
    t_expect_code(fake_putv(imp, NULL, 3, post, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, 3);

    /* Rights come before the entries, the cut before rights, iovec before the cut. */
    iovec[0] = fake_va(NULL, 0, SIZE + 1, 1);
    t_expect_code(fake_putv(old, iovec, 5, post, &residual), RSMERR_PERM_DENIED);
    t_expect_eq(residual, 5);
    t_expect_code(fake_getv(write_only, iovec, 5, post, &residual), RSMERR_PERM_DENIED);
    t_expect_eq(residual, 5);
    t_expect_code(fake_putv(imp, iovec, 5, post, &residual), RSMERR_BAD_ADDR);
    t_expect_eq(residual, 5);
    nothing_happened();
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    t_expect_code(fake_putv(old, NULL, 5, post, &residual), RSMERR_BAD_SGIO);
    t_expect_code(fake_putv(old, iovec, 0, post, &residual), RSMERR_BAD_SGIO);
    t_expect_code(fake_putv(old, iovec, 5, post, &residual), RSMERR_CONN_ABORTED);
    t_expect_eq(residual, 5);
    t_expect_ok(rsm_memseg_import_disconnect(old));
    t_expect_ok(rsm_memseg_import_disconnect(write_only));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    {
        rsm_memseg_id_t id = ID;

        t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
    }
    imp = fake_import(node, ID, RSM_PERM_RDWR);
    nothing_happened();
}

/* ---- The checks of an entry -------------------------------------------------------------- */

static void entry_gives(rsm_iovec_t entry, int code)
{
    unsigned long residual = 4711;

    iovec[0] = entry;
    iovec[1] = fake_va(mine, 0, 0, 1); /* never reached */
    mine[0] = 'x';
    t_expect_code(fake_putv(imp, iovec, 2, RSM_IMPLICIT_SIGPOST, &residual), code);
    t_expect_eq(residual, 2);
    t_expect_code(fake_getv(imp, iovec, 2, RSM_IMPLICIT_SIGPOST, &residual), code);
    t_expect_eq(residual, 2);
    t_expect_eq(mine[0], 'x');
    nothing_happened();
}

static void entry_order(void)
{
    rsm_localmemory_handle_t freed;
    rsm_iovec_t entry;

    t_note("node %u, checks of an entry", node);
    fake_log_clear();
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &freed, mine, 10));
    t_require_ok(rsm_free_localmemory_handle(fake_ctl, freed));

    /* io_type, with everything else wrong as well. */
    for (int type = -1; type <= 4; type++) {
        if (type != RSM_HANDLE_TYPE && type != RSM_VA_TYPE) {
            entry = fake_va(NULL, SIZE_MAX, SIZE_MAX, SIZE_MAX);
            entry.io_type = type;
            entry_gives(entry, RSMERR_BAD_SGIO);
        }
    }
    entry = fake_va(NULL, SIZE_MAX, SIZE_MAX, SIZE_MAX);
    entry.io_type = 0x102;
    entry_gives(entry, RSMERR_BAD_SGIO);

    /* A handle, then the remote range, then the local one. */
    entry_gives(fake_lh(NULL, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_SGIO);
    entry_gives(fake_lh(freed, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_SGIO);
    entry_gives(fake_lh(mine, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_SGIO);
    entry_gives(fake_lh(imp, SIZE_MAX, SIZE_MAX, 0), RSMERR_BAD_SGIO);
    entry_gives(fake_lh(handle, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_OFFSET);
    entry_gives(fake_lh(handle, 0, SIZE + 1, 0), RSMERR_BAD_OFFSET);
    entry_gives(fake_lh(handle, 1001, SIZE, 1), RSMERR_BAD_LENGTH); /* remote length first */
    entry_gives(fake_lh(handle, 1001, 0, SIZE_MAX), RSMERR_BAD_LENGTH);
    entry_gives(fake_lh(handle, 1001, 1, SIZE_MAX), RSMERR_BAD_LENGTH); /* 1 + SIZE_MAX wraps */
    entry_gives(fake_lh(handle, 1001, SIZE - 1, SIZE_MAX - SIZE + 2), RSMERR_BAD_LENGTH);
    entry_gives(fake_lh(handle, 1001, 0, 1), RSMERR_BAD_OFFSET);
    entry_gives(fake_lh(handle, 1001, 0, 0), RSMERR_BAD_OFFSET);
    entry_gives(fake_lh(handle, SIZE_MAX, 0, 1), RSMERR_BAD_OFFSET); /* wraps */
    entry_gives(fake_lh(handle, 1000, 0, 1), RSMERR_BAD_LENGTH);
    entry_gives(fake_lh(handle, 0, 0, 1001), RSMERR_BAD_LENGTH);
    entry_gives(fake_lh(handle, 999, 0, 2), RSMERR_BAD_LENGTH);

    /* An address, then the remote range, then whether the sum wraps. */
    entry_gives(fake_va(NULL, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_ADDR);
    entry_gives(fake_va(NULL, 0, 0, 1), RSMERR_BAD_ADDR);
    entry_gives(fake_va(mine, SIZE_MAX, SIZE_MAX, SIZE_MAX), RSMERR_BAD_OFFSET);
    entry_gives(fake_va(mine, SIZE_MAX, SIZE + 1, 0), RSMERR_BAD_OFFSET);
    entry_gives(fake_va(NULL, 0, SIZE + 1, 0), RSMERR_BAD_OFFSET);
    entry_gives(fake_va(mine, SIZE_MAX, SIZE, SIZE_MAX), RSMERR_BAD_LENGTH);
    entry_gives(fake_va(mine, SIZE_MAX, SIZE, 1), RSMERR_BAD_LENGTH);
    entry_gives(fake_va(mine, 0, 1, SIZE), RSMERR_BAD_LENGTH);
    entry_gives(fake_va(mine, SIZE_MAX, 0, 1), RSMERR_BAD_ADDR);
    entry_gives(fake_va(mine, SIZE_MAX - (uintptr_t)mine, 0, 1), RSMERR_BAD_ADDR);
    entry_gives(fake_va(mine, SIZE_MAX - (uintptr_t)mine + 1, 0, 1), RSMERR_BAD_ADDR);
}

static void zero_lengths(void)
{
    unsigned long residual = 4711;

    t_note("node %u, zero lengths", node);
    fake_log_clear();
    iovec[0] = fake_va(NULL, 0, 0, 0);
    iovec[1] = fake_va(NULL, 0, SIZE, 0);
    iovec[2] = fake_va(NULL, 64, 8, 0);
    iovec[3] = fake_va(mine, 0, SIZE, 0);
    iovec[4] = fake_lh(handle, 1000, SIZE, 0);
    iovec[5] = fake_lh(handle, 0, 0, 0);
    t_expect_ok(fake_putv(imp, iovec, 6, 0, &residual));
    t_expect_eq(residual, 0);
    t_expect_ok(fake_getv(imp, iovec, 6, 0, &residual));
    t_expect_eq(residual, 0);
    nothing_happened();
    t_expect_ok(fake_putv(imp, iovec, 6, RSM_IMPLICIT_SIGPOST, &residual));
    expect_log("S");
    t_expect_eq(events(), 1);
    iovec[6] = fake_lh(handle, 1001, 0, 0);
    t_expect_code(fake_putv(imp, iovec, 7, 0, &residual), RSMERR_BAD_OFFSET);
    t_expect_eq(residual, 1); /* the six before count as finished */
}

/* ---- Residual: failure at entry k of n --------------------------------------------------- */

static void failure_at(unsigned k, unsigned n, rsm_iovec_t bad, int code, bool in_glue)
{
    unsigned long residual = 4711;

    memset(memory, 0, FAKE_PAGE);
    for (unsigned i = 0; i < n; i++) {
        mine[i] = (char)('a' + i);
        iovec[i] = i % 2 == 0 ? fake_va(mine, i, i * 8, 1) : fake_lh(handle, i, i * 8, 1);
    }
    if (!in_glue) {
        iovec[k] = bad;
    }
    t_expect_code(fake_putv(imp, iovec, n, RSM_IMPLICIT_SIGPOST, &residual), code);
    t_expect_eq(residual, n - k);
    for (unsigned i = 0; i < n; i++) {
        t_expect_eq(memory[i * 8], i < k ? 'a' + (int)i : 0);
    }
    t_expect_eq(events(), 0);
}

static void residuals(void)
{
    for (unsigned n = 1; n <= 6; n++) {
        for (unsigned k = 0; k < n; k++) {
            t_note("node %u, failure at %u of %u", node, k, n);
            failure_at(k, n, fake_va(mine, 0, SIZE, 1), RSMERR_BAD_LENGTH, false);
            failure_at(k, n, fake_va(mine, 0, SIZE + 1, 1), RSMERR_BAD_OFFSET, false);
            failure_at(k, n, fake_va(NULL, 0, 0, 1), RSMERR_BAD_ADDR, false);
            failure_at(k, n, fake_lh(NULL, 0, 0, 1), RSMERR_BAD_SGIO, false);
            if (node == 0) {
                continue;
            }
            fake_fail(FAKE_PUT, k + 1, RSMERR_BARRIER_FAILURE);
            failure_at(k, n, iovec[0], RSMERR_BARRIER_FAILURE, true);
            fake_fail(FAKE_FLUSH, k + 1, RSMERR_BARRIER_FAILURE);
            failure_at(k, n, iovec[0], RSMERR_BARRIER_FAILURE, true);
            fake_fail(FAKE_PUT, k + 1, RSMERR_CONN_ABORTED);
            failure_at(k, n, iovec[0], RSMERR_CONN_ABORTED, true);
            fake_fail(FAKE_FLUSH, k + 1, RSMERR_CONN_ABORTED);
            failure_at(k, n, iovec[0], RSMERR_CONN_ABORTED, true);
        }
    }
    memset(memory, 0, FAKE_PAGE);
    if (node != 0) {
        static const int codes[] = {RSMERR_CONN_ABORTED, RSMERR_REMOTE_NODE_UNREACHABLE};

        t_note("the signal fails");
        for (unsigned i = 0; i < 2; i++) {
            unsigned long residual = 4711;

            mine[0] = 'p';
            iovec[0] = fake_va(mine, 0, i, 1);
            fake_fail(FAKE_POST, 1, codes[i]);
            t_expect_code(fake_putv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST, &residual), codes[i]);
            t_expect_eq(residual, 0);
            t_expect_eq(memory[i], 'p');
            t_expect_eq(events(), 0);
            memory[i] = 0;
        }
        t_expect(!fake_fail_pending());
    }
}

/* ---- Counts ------------------------------------------------------------------------------ */

static void counts(void)
{
    static const unsigned long good[] = {1, 15, 16, 17, 4096, LONGEST};

    for (unsigned c = 0; c < sizeof good / sizeof good[0]; c++) {
        unsigned long n = good[c];
        unsigned long residual = 4711;

        t_note("node %u, %lu entries", node, n);
        for (unsigned long i = 0; i < n; i++) { /* a mirror: every byte to another place */
            mine[i] = (char)(i * 7 + c);
            iovec[i] = fake_va(mine + i, 0, n - 1 - i, 1);
        }
        t_expect_ok(fake_putv(imp, iovec, n, RSM_IMPLICIT_SIGPOST, &residual));
        t_expect_eq(residual, 0);
        t_expect_eq(events(), 1);
        for (unsigned long i = 0; i < n; i++) {
            if (memory[n - 1 - i] != mine[i]) {
                t_fail("byte %lu of %lu", i, n);
                break;
            }
        }
        memset(mine, 0, n);
        t_expect_ok(fake_getv(imp, iovec, n, 0, &residual));
        t_expect_eq(residual, 0);
        for (unsigned long i = 0; i < n; i++) {
            if (mine[i] != (char)(i * 7 + c)) {
                t_fail("byte %lu of %lu", i, n);
                break;
            }
        }
        t_expect_eq(events(), 0);
    }
    memset(memory, 0, SIZE);
}

/* ---- Data, order, what stays unchanged --------------------------------------------------- */

static void mixed(void)
{
    t_rand_t random;
    char *model = malloc(SIZE);

    t_note("node %u, mixed vectors", node);
    t_require(model != NULL);
    memset(model, 0, SIZE);
    memset(memory, 0, SIZE);
    t_rand_init(&random, 4711, node);
    t_rand_fill(&random, mine, SIZE);
    for (unsigned round = 0; round < 200; round++) {
        unsigned long n = t_rand_range(&random, 1, 30);
        unsigned long residual = 4711;
        rsm_iovec_t copy[30];
        rsm_scat_gath_t request;
        rsm_scat_gath_t before;

        for (unsigned i = 0; i < n; i++) { /* overlapping as it comes: the later one wins */
            bool by_handle = t_rand_below(&random, 2) == 0;
            size_t room = by_handle ? 1000 : SIZE;
            size_t length = t_rand_below(&random, 300);
            size_t from = t_rand_below(&random, room - length + 1);
            size_t to = t_rand_below(&random, SIZE - length + 1);
            size_t split = t_rand_below(&random, from + 1);

            iovec[i] = by_handle ? fake_lh(handle, from, to, length)
                                 : fake_va(mine + split, from - split, to, length);
            memcpy(model + to, mine + from, length);
        }
        memcpy(copy, iovec, n * sizeof copy[0]);
        memset(&request, 0, sizeof request);
        request.io_request_count = n;
        request.io_residual_count = 4711;
        request.flags = 0xFFFFFFFC | (round & 1); /* unknown bits are ignored, and stay */
        request.remote_handle = imp;
        request.iovec = iovec;
        request.local_nodeid = 0xABCD;
        before = request;
        t_expect_ok(rsm_memseg_import_putv(&request));
        t_expect_eq(request.io_residual_count, 0);
        request.io_residual_count = before.io_residual_count;
        t_expect_mem(&request, &before, sizeof request);
        t_expect_mem(iovec, copy, n * sizeof copy[0]);
        t_expect_eq(events(), round & 1);

        before = request;
        t_expect_ok(rsm_memseg_import_getv(&request)); /* brings back what overlaps allow */
        request.io_residual_count = before.io_residual_count;
        t_expect_mem(&request, &before, sizeof request);
        t_expect_mem(iovec, copy, n * sizeof copy[0]);
        t_expect_eq(events(), round & 1);
        t_expect_mem(memory, model, SIZE);
        (void)residual;
    }
    t_note("node %u, the later entry wins", node);
    for (unsigned i = 0; i < 16; i++) {
        mine[i] = (char)('A' + i);
        iovec[i] = fake_va(mine + i, 0, 5, 1);
    }
    t_expect_ok(fake_putv(imp, iovec, 16, 0, NULL));
    t_expect_eq(memory[5], 'P');
    memset(memory, 0, SIZE);
    free(model);
}

static void logs(void)
{
    unsigned long residual = 4711;

    if (node == 0) {
        return;
    }
    t_note("what the glue is asked to do");
    for (unsigned i = 0; i < 4; i++) {
        iovec[i] = fake_va(mine, i, i, 1);
    }
    iovec[4] = fake_va(NULL, 0, 0, 0);
    fake_log_clear();
    t_expect_ok(fake_putv(imp, iovec, 1, 0, NULL));
    expect_log("PF");
    fake_log_clear();
    t_expect_ok(fake_putv(imp, iovec, 5, RSM_IMPLICIT_SIGPOST, NULL));
    expect_log("PFPFPFPFS");
    fake_log_clear();
    t_expect_ok(fake_getv(imp, iovec, 3, RSM_IMPLICIT_SIGPOST, NULL));
    expect_log("GFGFGFS");
    fake_log_clear();
    t_expect_ok(fake_putv(imp, iovec, 2, RSM_SIGPOST_NO_ACCUMULATE, NULL));
    expect_log("PFPF");
    t_expect_eq(events(), 2);

    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    fake_log_clear();
    t_expect_ok(fake_putv(imp, iovec, 4, 0, &residual));
    expect_log("PPPP");
    t_expect_eq(residual, 0);
    t_expect_ok(fake_putv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST, NULL)); /* covers those before too */
    expect_log("PPPPPFS");
    fake_log_clear();
    t_expect_ok(fake_getv(imp, iovec, 2, RSM_IMPLICIT_SIGPOST, NULL));
    expect_log("GGFS");
    fake_log_clear();
    fake_fail(FAKE_FLUSH, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(fake_putv(imp, iovec, 2, RSM_IMPLICIT_SIGPOST, &residual),
                  RSMERR_BARRIER_FAILURE);
    expect_log("PPF"); /* no signal after a failure */
    fake_log_clear();
    fake_fail(FAKE_PUT, 2, RSMERR_BARRIER_FAILURE);
    t_expect_code(fake_putv(imp, iovec, 3, RSM_IMPLICIT_SIGPOST, &residual),
                  RSMERR_BARRIER_FAILURE);
    t_expect_eq(residual, 2);
    expect_log("PP");
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));

    t_note("implicit after explicit: the signal covers what was outstanding");
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    mine[0] = 'e';
    iovec[0] = fake_va(mine, 0, 0, 1);
    iovec[1] = fake_va(NULL, 0, 0, 0);
    t_expect_ok(fake_putv(imp, iovec, 1, 0, NULL));
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
    t_expect_ok(fake_putv(imp, iovec + 1, 1, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_eq(memory[0], 'e');
    t_expect_eq(events(), 3);
    memset(memory, 0, FAKE_PAGE);
}

static void signals(void)
{
    t_note("node %u, signals", node);
    mine[0] = 's';
    iovec[0] = fake_va(mine, 0, 0, 1);
    t_expect_eq(events(), 0);
    t_expect_ok(fake_putv(imp, iovec, 1, 0, NULL));
    t_expect_eq(events(), 0);
    t_expect_ok(fake_putv(imp, iovec, 1, RSM_SIGPOST_NO_ACCUMULATE, NULL));
    t_expect_eq(events(), 0);
    t_expect_ok(fake_putv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_ok(fake_getv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST, NULL));
    t_expect_eq(events(), 2);
    t_expect_ok(fake_putv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE, NULL));
    t_expect_ok(fake_putv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE, NULL));
    t_expect_ok(fake_getv(imp, iovec, 1, RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE, NULL));
    t_expect_eq(events(), 1);
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT); /* not to the poster */
    memory[0] = 0;
}

/* ---- The strict setting, in a process of its own ----------------------------------------- */

static int strict_child(void)
{
    unsigned long residual = 4711;

    fake_begin();
    memory = fake_pages(1);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    iovec = calloc(17, sizeof *iovec);
    t_require(iovec != NULL);
    for (unsigned i = 0; i < 17; i++) {
        iovec[i] = fake_va(NULL, 0, 0, 0);
    }
    t_expect_ok(fake_putv(imp, iovec, 16, 0, &residual));
    t_expect_code(fake_putv(imp, iovec, 17, RSM_IMPLICIT_SIGPOST, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(residual, 17);
    t_expect_code(fake_getv(imp, iovec, 17, 0, &residual), RSMERR_BAD_SGIO);
    t_expect_eq(RSM_MAX_SGIOREQS, 16);
    nothing_happened();
    free(iovec);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}

static void strict(void)
{
    int status = 0;
    pid_t pid = fork();

    t_note("the strict setting");
    t_require(pid >= 0);
    if (pid == 0) {
        (void)setenv("RSM_STRICT_SGIO", "1", 1);
        (void)execl("/proc/self/exe", "sgio", "--strict", (char *)NULL);
        _exit(2);
    }
    t_require_eq(waitpid(pid, &status, 0), pid);
    t_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    if (t_arg_flag(argc, argv, "--strict")) {
        return strict_child();
    }
    (void)unsetenv("RSM_STRICT_SGIO");
    fake_begin();
    memory = fake_pages(PAGES);
    mine = fake_pages(PAGES);
    iovec = calloc(LONGEST + 1, sizeof *iovec);
    t_require(iovec != NULL);
    for (node = 0; node < 2; node++) {
        fake_reset();
        seg = fake_export(memory, SIZE, ID);
        imp = fake_import(node, ID, RSM_PERM_RDWR);
        t_require_ok(rsm_create_localmemory_handle(fake_ctl, &handle, mine, 1000));
        call_order();
        entry_order();
        zero_lengths();
        residuals();
        counts();
        mixed();
        logs();
        signals();
        t_expect_ok(rsm_free_localmemory_handle(fake_ctl, handle));
        t_expect_ok(rsm_memseg_import_disconnect(imp));
        t_expect_ok(rsm_memseg_export_destroy(seg));
        fake_expect_clean();
        memset(memory, 0, SIZE);
    }
    strict();
    free(iovec);
    fake_pages_free(mine, PAGES);
    fake_pages_free(memory, PAGES);
    return fake_finish();
}
