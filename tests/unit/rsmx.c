/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the extensions that need no transport: version, names and texts of codes, what the
 * last failure of a thread was about, length of an import; structures that are smaller or larger
 * than the library's.
 * Proves: include/rsmx.h.
 */
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fake_glue.h"
#include "last_error.h"
#include "t.h"

#define ID 0x400290U
#define CODES 81U /* with RSM_SUCCESS and the one of waits; header_values.c has them all */

static char *memory;
static char *mine;

/* ---- Version and codes ------------------------------------------------------------------- */

static void version(void)
{
    struct {
        rsmx_version_t known;
        char later[16]; /* members of a header to come */
    } larger;
    rsmx_version_t got;
    char text[32];

    t_note("version");
    t_expect_code(rsmx_get_version(NULL), RSMERR_BAD_ADDR);
    for (size_t size = 0; size < sizeof(size_t); size++) {
        memset(&got, 0xEE, sizeof got);
        got.size = size;
        t_expect_code(rsmx_get_version(&got), RSMERR_BAD_LENGTH);
        t_expect_eq(got.size, size);
        t_expect_eq(got.major, 0xEEEEEEEEU);
    }
    memset(&got, 0xEE, sizeof got);
    got.size = offsetof(rsmx_version_t, minor); /* a header of before */
    t_expect_ok(rsmx_get_version(&got));
    t_expect_eq(got.size, offsetof(rsmx_version_t, minor));
    t_expect_eq(got.major, (unsigned)RSMX_VERSION_MAJOR);
    t_expect_eq(got.minor, 0xEEEEEEEEU);
    got.size = sizeof got.size;
    t_expect_ok(rsmx_get_version(&got));
    t_expect_eq(got.size, sizeof got.size);
    memset(&larger, 0xEE, sizeof larger);
    larger.known.size = sizeof larger;
    t_expect_ok(rsmx_get_version(&larger.known));
    t_expect_eq(larger.known.size, sizeof got);
    t_expect_eq(larger.later[0], (char)0xEE);
    t_expect_eq(larger.known.major, (unsigned)RSMX_VERSION_MAJOR);
    t_expect_eq(larger.known.minor, (unsigned)RSMX_VERSION_MINOR);
    t_expect_eq(larger.known.patch, (unsigned)RSMX_VERSION_PATCH);
    (void)snprintf(text, sizeof text, "%u.%u.%u", larger.known.major, larger.known.minor,
                   larger.known.patch);
    t_expect_str(larger.known.text, text);
    t_expect_str(larger.known.mpi, "fake");
}

static void codes(void)
{
    static const struct {
        int code;
        const char *name;
    } some[] = {{RSM_SUCCESS, "RSM_SUCCESS"},
                {RSMERR_BAD_LIBRARY_VERSION, "RSMERR_BAD_LIBRARY_VERSION"},
                {RSMERR_BAD_ADDR, "RSMERR_BAD_ADDR"},
                {RSMERR_SEG_NOT_CONNECTED, "RSMERR_SEG_NOT_CONNECTED"},
                {RSMERR_INTERNAL_ERROR, "RSMERR_INTERNAL_ERROR"},
                {RSMERR_BAD_ARGS_ERRORS, "RSMERR_BAD_ARGS_ERRORS"},
                {RSMERR_QUEUE_FULL, "RSMERR_QUEUE_FULL"}};
    static const char *texts[300];
    unsigned known = 0;

    t_note("codes");
    for (unsigned i = 0; i < sizeof some / sizeof some[0]; i++) {
        t_expect_str(rsmx_error_name(some[i].code), some[i].name);
    }
    for (int code = -100; code < 200; code++) {
        const char *name = rsmx_error_name(code);
        const char *text = rsmx_error_text(code);
        bool exists = (code >= 0 && code <= 45) || (code >= 100 && code <= 134);

        t_require(name != NULL && text != NULL);
        t_expect_eq(strcmp(name, "unknown code") != 0, exists);
        t_expect_eq(strstr(text, "no function") == text, !exists);
        t_expect(strlen(text) > 5 && text[strlen(text) - 1] != '\n');
        if (exists) {
            t_expect_eq(strncmp(name, code == 0 ? "RSM_" : "RSMERR_", code == 0 ? 4 : 7), 0);
            for (unsigned i = 0; i < known; i++) { /* each says something of its own */
                t_expect_ne(strcmp(texts[i], text), 0);
            }
            texts[known++] = text;
        }
    }
    t_expect_eq(known, CODES);
    t_expect_str(rsmx_error_name(INT_MIN), "unknown code");
    t_expect_str(rsmx_error_name(INT_MAX), "unknown code");
}

/* ---- The last failure -------------------------------------------------------------------- */

static rsmx_last_error_t last(void)
{
    rsmx_last_error_t error;

    memset(&error, 0xEE, sizeof error);
    error.size = sizeof error;
    t_require_ok(rsmx_last_error(&error));
    t_expect_eq(error.size, sizeof error);
    return error;
}

static void expect_last(int code, unsigned long entry, uint64_t offset, uint64_t length)
{
    rsmx_last_error_t error = last();

    t_expect_code(error.code, code);
    t_expect_eq(error.entry, entry);
    t_expect_eq(error.offset, offset);
    t_expect_eq(error.length, length);
    t_expect_eq(error.mpi_code, 0);
    t_expect_str(error.mpi_text, "");
}

static void sizes(void)
{
    struct {
        rsmx_last_error_t known;
        char later[16];
    } larger;
    rsmx_last_error_t error;

    t_note("sizes");
    t_expect_code(rsmx_last_error(NULL), RSMERR_BAD_ADDR);
    for (size_t size = 0; size < sizeof(size_t); size++) {
        error.size = size;
        error.code = 4711;
        t_expect_code(rsmx_last_error(&error), RSMERR_BAD_LENGTH);
        t_expect_eq(error.size, size);
        t_expect_eq(error.code, 4711);
    }
    memset(&error, 0xEE, sizeof error);
    error.size = offsetof(rsmx_last_error_t, mpi_text);
    t_expect_ok(rsmx_last_error(&error));
    t_expect_eq(error.size, offsetof(rsmx_last_error_t, mpi_text));
    t_expect_eq(error.mpi_code, 0);
    t_expect_eq(error.mpi_text[0], (char)0xEE);
    memset(&larger, 0xEE, sizeof larger);
    larger.known.size = sizeof larger;
    t_expect_ok(rsmx_last_error(&larger.known));
    t_expect_eq(larger.known.size, sizeof error);
    t_expect_eq(larger.later[0], (char)0xEE);
    t_expect_str(larger.known.mpi_text, "");
}

static void of_transfers(rsm_memseg_import_handle_t imp, rsm_memseg_import_handle_t reader)
{
    uint64_t wide = 0;
    rsm_iovec_t entries[3];

    t_note("put and get");
    t_expect_code(rsm_memseg_import_put64(imp, FAKE_PAGE, &wide, 3), RSMERR_BAD_OFFSET);
    expect_last(RSMERR_BAD_OFFSET, RSMX_NO_ENTRY, FAKE_PAGE, 24);
    t_expect_code(rsm_memseg_import_get(imp, 17, mine - 1, 5), RSMERR_BAD_ADDR);
    expect_last(RSMERR_BAD_ADDR, RSMX_NO_ENTRY, 17, 5);
    t_expect_code(rsm_memseg_import_put16(reader, 6, (uint16_t *)&wide, 2), RSMERR_PERM_DENIED);
    expect_last(RSMERR_PERM_DENIED, RSMX_NO_ENTRY, 6, 4);
    /* More bytes than can be counted are not few. */
    t_expect_code(rsm_memseg_import_get64(imp, 8, &wide, ULONG_MAX / 8 + 2), RSMERR_BAD_OFFSET);
    expect_last(RSMERR_BAD_OFFSET, RSMX_NO_ENTRY, 8, UINT64_MAX);
    t_expect_code(rsm_memseg_import_put(NULL, 0, mine, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(last().code, RSMERR_BAD_SEG_HNDL);

    t_note("vectors");
    entries[0] = fake_va(mine, 0, 0, 8);
    entries[1] = fake_va(mine, 0, 100, 9);
    entries[2] = fake_va(mine, 0, FAKE_PAGE - 5, 6);
    t_expect_code(fake_putv(imp, entries, 3, 0, NULL), RSMERR_BAD_LENGTH);
    expect_last(RSMERR_BAD_LENGTH, 2, FAKE_PAGE - 5, 6);
    entries[0].io_type = 9;
    t_expect_code(fake_getv(imp, entries, 3, 0, NULL), RSMERR_BAD_SGIO);
    expect_last(RSMERR_BAD_SGIO, 0, 0, 8);
    t_expect_code(fake_putv(reader, entries, 3, 0, NULL), RSMERR_PERM_DENIED);
    expect_last(RSMERR_PERM_DENIED, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_putv(NULL), RSMERR_BAD_SGIO);
    expect_last(RSMERR_BAD_SGIO, RSMX_NO_ENTRY, 0, 0);
    entries[0].io_type = RSM_VA_TYPE;
    fake_fail(FAKE_PUT, 2, RSMERR_BARRIER_FAILURE);
    t_expect_code(fake_putv(imp, entries, 2, 0, NULL), RSMERR_BARRIER_FAILURE);
    expect_last(RSMERR_BARRIER_FAILURE, 1, 100, 9);
    fake_fail(FAKE_POST, 1, RSMERR_REMOTE_NODE_UNREACHABLE); /* no entry is to blame */
    t_expect_code(fake_putv(imp, entries, 2, RSM_IMPLICIT_SIGPOST, NULL),
                  RSMERR_REMOTE_NODE_UNREACHABLE);
    expect_last(RSMERR_REMOTE_NODE_UNREACHABLE, RSMX_NO_ENTRY, 0, 0);

    t_note("success changes nothing, nor do calls of other kinds that fail");
    t_expect_code(fake_putv(imp, &entries[2], 1, 0, NULL), RSMERR_BAD_LENGTH);
    t_expect_ok(fake_putv(imp, entries, 2, 0, NULL));
    t_expect_ok(rsm_memseg_import_put64(imp, 0, &wide, 1));
    t_expect_code(rsm_intr_signal_wait(imp, 0), RSMERR_TIMEOUT);
    t_expect_code(rsm_memseg_export_unpublish(NULL), RSMERR_BAD_SEG_HNDL);
    expect_last(RSMERR_BAD_LENGTH, 0, FAKE_PAGE - 5, 6);
}

static void of_barriers(rsm_memseg_import_handle_t imp)
{
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char byte = 'b';
    int (*const calls[])(rsmapi_barrier_t *) = {
        rsm_memseg_import_open_barrier, rsm_memseg_import_order_barrier,
        rsm_memseg_import_close_barrier, rsm_memseg_import_destroy_barrier};

    for (unsigned i = 0; i < 4; i++) {
        t_note("barrier call %u", i);
        t_expect_code(calls[i](NULL), RSMERR_BAD_BARRIER_PTR);
        expect_last(RSMERR_BAD_BARRIER_PTR, RSMX_NO_ENTRY, 0, 0);
        t_expect_code(calls[i](&barrier), RSMERR_BARRIER_UNINITIALIZED);
        expect_last(RSMERR_BARRIER_UNINITIALIZED, RSMX_NO_ENTRY, 0, 0);
    }
    t_expect_code(rsm_memseg_import_init_barrier(NULL, RSM_BAR_DEFAULT, &barrier),
                  RSMERR_BAD_SEG_HNDL);
    expect_last(RSMERR_BAD_SEG_HNDL, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, NULL),
                  RSMERR_BAD_BARRIER_PTR);
    expect_last(RSMERR_BAD_BARRIER_PTR, RSMX_NO_ENTRY, 0, 0);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    expect_last(RSMERR_BARRIER_NOT_OPENED, RSMX_NO_ENTRY, 0, 0);
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_EXPLICIT));
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    t_expect_ok(rsm_memseg_import_put(imp, 0, &byte, 1));
    expect_last(RSMERR_BARRIER_NOT_OPENED, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_FAILURE);
    expect_last(RSMERR_BARRIER_FAILURE, RSMX_NO_ENTRY, 0, 0);
    t_expect_ok(rsm_memseg_import_set_mode(imp, RSM_BARRIER_MODE_IMPLICIT));
}

/** Each way in which a connect fails. */
static void of_connects(void)
{
    rsm_memseg_import_handle_t imp;

    t_note("connect");
    t_expect_code(rsm_memseg_import_connect(NULL, 1, ID, 0, &imp), RSMERR_BAD_CTLR_HNDL);
    expect_last(RSMERR_BAD_CTLR_HNDL, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID, 0, NULL), RSMERR_BAD_SEG_HNDL);
    expect_last(RSMERR_BAD_SEG_HNDL, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID, 0100, &imp), RSMERR_PERM_DENIED);
    expect_last(RSMERR_PERM_DENIED, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 4, ID, 0, &imp),
                  RSMERR_REMOTE_NODE_UNREACHABLE);
    expect_last(RSMERR_REMOTE_NODE_UNREACHABLE, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_connect(fake_ctl, 1, ID + 1, 0, &imp),
                  RSMERR_SEG_NOT_PUBLISHED);
    expect_last(RSMERR_SEG_NOT_PUBLISHED, RSMX_NO_ENTRY, 0, 0);
}

/** As a glue does it. */
static void transport_says(void *arg)
{
    rsmi_blame_transport(17, arg);
}

/** What the transport said in a silent failure is not about a mistake of the caller's. */
static void kept_for_its_own(void)
{
    rsmx_last_error_t error = {.size = sizeof error};

    t_note("the transport's words wait for a code of its kind");
    rsmi_blame_transport(17, "late words");
    t_expect_eq(rsmi_blame(RSMERR_BAD_ADDR, RSMX_NO_ENTRY, 0, 0), RSMERR_BAD_ADDR);
    t_expect_ok(rsmx_last_error(&error));
    t_expect_eq(error.mpi_code, 0);
    t_expect_str(error.mpi_text, "");
    (void)rsmi_blame(RSMERR_BARRIER_FAILURE, RSMX_NO_ENTRY, 0, 0);
    t_expect_ok(rsmx_last_error(&error));
    t_expect_eq(error.mpi_code, 17);
    t_expect_str(error.mpi_text, "late words");
}

static void of_transport(rsm_memseg_import_handle_t imp)
{
    static char text[700];
    char byte = 't';
    rsmx_last_error_t error;

    t_note("what the transport says");
    memset(text, 'x', sizeof text - 1);
    fake_hook(FAKE_PUT, transport_says, text);
    fake_fail(FAKE_PUT, 1, RSMERR_BARRIER_FAILURE);
    t_expect_code(rsm_memseg_import_put(imp, 3, &byte, 1), RSMERR_BARRIER_FAILURE);
    fake_hook(FAKE_PUT, NULL, NULL);
    error = last();
    t_expect_code(error.code, RSMERR_BARRIER_FAILURE);
    t_expect_eq(error.offset, 3);
    t_expect_eq(error.mpi_code, 17);
    t_expect_eq(strlen(error.mpi_text), sizeof error.mpi_text - 1); /* cut, and ended */
    t_expect_mem(error.mpi_text, text, sizeof error.mpi_text - 1);
    t_expect_code(rsm_memseg_import_put(imp, FAKE_PAGE, &byte, 2), RSMERR_BAD_OFFSET);
    expect_last(RSMERR_BAD_OFFSET, RSMX_NO_ENTRY, FAKE_PAGE, 2); /* it was of the other failure */
}

static void *fresh_thread(void *arg)
{
    char byte = 0;

    expect_last(RSM_SUCCESS, RSMX_NO_ENTRY, 0, 0);
    t_expect_code(rsm_memseg_import_get(arg, FAKE_PAGE, &byte, 7), RSMERR_BAD_OFFSET);
    expect_last(RSMERR_BAD_OFFSET, RSMX_NO_ENTRY, FAKE_PAGE, 7);
    return NULL;
}

/* ---- The length of an import ------------------------------------------------------------- */

static void child(void *arg)
{
    size_t length = 4711;

    t_expect_code(rsmx_import_length(arg, &length), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(length, 4711);
}

static void lengths(void)
{
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    size_t length = 4711;

    for (size_t pages = 1; pages <= 2; pages++) {
        for (rsm_node_id_t node = 0; node < 2; node++) {
            t_note("length, node %u", node);
            seg = fake_export(memory, pages * FAKE_PAGE, ID);
            imp = fake_import(node, ID, RSM_PERM_NONE);
            t_expect_code(rsmx_import_length(NULL, NULL), RSMERR_BAD_SEG_HNDL);
            t_expect_code(rsmx_import_length((void *)seg, &length), RSMERR_BAD_SEG_HNDL);
            t_expect_code(rsmx_import_length(imp, NULL), RSMERR_BAD_ADDR);
            t_expect_ok(rsmx_import_length(imp, &length));
            t_expect_eq(length, pages * FAKE_PAGE);
            t_expect(fake_in_child(child, imp));
            t_expect_ok(rsm_memseg_export_destroy(seg));
            length = 4711;
            t_expect_ok(rsmx_import_length(imp, &length)); /* cut off or not */
            t_expect_eq(length, pages * FAKE_PAGE);
            t_expect_ok(rsm_memseg_import_disconnect(imp));
            length = 4711;
            t_expect_code(rsmx_import_length(imp, &length), RSMERR_BAD_SEG_HNDL);
            t_expect_eq(length, 4711);
        }
    }
}

int main(void)
{
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_memseg_import_handle_t reader;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    pthread_t thread;

    fake_begin();
    memory = fake_pages(2);
    mine = fake_pages(1);
    version();
    codes();
    lengths();
    sizes();
    expect_last(RSM_SUCCESS, RSMX_NO_ENTRY, 0, 0);
    seg = fake_export(memory, FAKE_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    reader = fake_import(0, ID, RSM_PERM_READ);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    of_transfers(imp, reader);
    of_transport(imp);
    t_require_eq(pthread_create(&thread, NULL, fresh_thread, imp), 0);
    (void)pthread_join(thread, NULL);
    expect_last(RSMERR_BAD_OFFSET, RSMX_NO_ENTRY, FAKE_PAGE, 2); /* this thread's */
    of_barriers(imp);
    of_connects();
    kept_for_its_own();
    t_expect_ok(rsm_memseg_import_disconnect(reader));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(mine, 1);
    fake_pages_free(memory, 2);
    return fake_finish();
}
