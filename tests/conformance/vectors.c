/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * putv and getv (reference 14), in the spelling of Solaris; seed.c has the other one.
 * PAIR(putv_getv, …) stands for both.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"

static const conf_vector_fn_t calls[] = {rsm_memseg_import_putv, rsm_memseg_import_getv};
enum { PUTV, GETV, CALLS };

/* ---- Order ------------------------------------------------------------------------------- */

typedef struct vector_case {
    conf_importer_t *me;
    unsigned call;
    rsm_localmemory_handle_t local; /* SHORT bytes */
    rsm_localmemory_handle_t freed;
    unsigned long bad_count;
} vector_case_t;

enum { SHORT = 512 };

enum {
    VECTOR_NO_REQUEST,
    VECTOR_REQUEST_UNREADABLE,
    VECTOR_NO_HANDLE,
    VECTOR_ORPHAN,
    VECTOR_BAD_COUNT,
    VECTOR_NO_ENTRIES,
    VECTOR_ENTRIES_UNREADABLE,
    VECTOR_CUT,
    VECTOR_NO_RIGHT,
    VECTOR_BAD_TYPE, /* from here on it is the second entry's fault */
    VECTOR_NO_LOCAL_HANDLE,
    VECTOR_FREED_HANDLE,
    VECTOR_FOREIGN_HANDLE,
    VECTOR_NO_ADDRESS,
    VECTOR_REMOTE_OFFSET,
    VECTOR_REMOTE_LENGTH,
    VECTOR_LOCAL_OFFSET,
    VECTOR_LOCAL_LENGTH,
    VECTOR_NOT_MAPPED
};

/** The local half of the second entry. */
static void spoil_local(const vector_case_t *with, unsigned wrong, rsm_iovec_t *entry)
{
    if (CONF_WRONG(wrong, VECTOR_BAD_TYPE)) {
        entry->io_type = 0;
    } else if (CONF_WRONG(wrong, VECTOR_NO_LOCAL_HANDLE)) {
        entry->local.handle = NULL;
    } else if (CONF_WRONG(wrong, VECTOR_FREED_HANDLE)) {
        entry->local.handle = with->freed;
    } else if (CONF_WRONG(wrong, VECTOR_FOREIGN_HANDLE)) {
        entry->local.handle = conf_handle(with->me, false, false, RSM_PERM_RDWR);
    } else if (CONF_WRONG(wrong, VECTOR_NO_ADDRESS)) {
        entry->io_type = RSM_VA_TYPE;
        entry->local.vaddr = NULL;
    } else if (CONF_WRONG(wrong, VECTOR_LOCAL_OFFSET)) {
        entry->local_offset = SHORT + 1;
    } else if (CONF_WRONG(wrong, VECTOR_LOCAL_LENGTH)) {
        entry->local_offset = SHORT - 7;
    } else if (CONF_WRONG(wrong, VECTOR_NOT_MAPPED)) {
        entry->io_type = RSM_VA_TYPE;
        entry->local.vaddr = CONF_NOWHERE;
    }
}

static int vector_wrongly(void *arg, unsigned wrong)
{
    const vector_case_t *with = arg;
    const conf_importer_t *me = with->me;
    rsm_permission_t other_right = with->call == PUTV ? RSM_PERM_READ : RSM_PERM_WRITE;
    rsm_memseg_import_handle_t imp =
        conf_handle(me, CONF_WRONG(wrong, VECTOR_ORPHAN), CONF_WRONG(wrong, VECTOR_CUT),
                    CONF_WRONG(wrong, VECTOR_NO_RIGHT) ? other_right : RSM_PERM_RDWR);
    unsigned entry_faults = ~((1U << VECTOR_BAD_TYPE) - 1U);
    rsm_iovec_t entries[2] = {conf_lh(with->local, 0, (size_t)me->slot, 8),
                              conf_lh(with->local, 8, (size_t)me->slot + 8, 8)};
    rsm_iovec_t *iovec = entries;
    unsigned long residual;
    int rc;

    if (CONF_WRONG(wrong, VECTOR_NO_REQUEST) || CONF_WRONG(wrong, VECTOR_REQUEST_UNREADABLE)) {
        return calls[with->call](CONF_WRONG(wrong, VECTOR_NO_REQUEST) ? NULL : CONF_NOWHERE);
    }
    spoil_local(with, wrong, &entries[1]);
    if (CONF_WRONG(wrong, VECTOR_REMOTE_OFFSET)) {
        entries[1].remote_offset = CONF_LENGTH + 1;
    } else if (CONF_WRONG(wrong, VECTOR_REMOTE_LENGTH)) {
        entries[1].remote_offset = CONF_LENGTH - 7;
    }
    if (CONF_WRONG(wrong, VECTOR_NO_ENTRIES)) {
        iovec = NULL;
    } else if (CONF_WRONG(wrong, VECTOR_ENTRIES_UNREADABLE)) {
        rsm_scat_gath_t request = {
            .io_request_count = CONF_WRONG(wrong, VECTOR_BAD_COUNT) ? with->bad_count : 2,
            .remote_handle = CONF_WRONG(wrong, VECTOR_NO_HANDLE) ? NULL : imp,
            .iovec = CONF_NOWHERE};

        rc = calls[with->call](&request);
        t_expect_eq(request.io_residual_count, request.io_request_count);
        return rc;
    }
    rc = conf_vector(calls[with->call], CONF_WRONG(wrong, VECTOR_NO_HANDLE) ? NULL : imp, iovec,
                     CONF_WRONG(wrong, VECTOR_BAD_COUNT) ? with->bad_count : 2,
                     RSM_IMPLICIT_SIGPOST, &residual);
    if (CONF_WRONG(wrong, VECTOR_BAD_COUNT)) {
        t_expect_eq(residual, with->bad_count);
    } else { /* the first entry is good: it is done unless the fault lies before it */
        t_expect_eq(residual, (wrong & ~entry_faults) != 0 ? 2 : 1);
    }
    return rc;
}

static void vector_order(conf_t *c)
{
    static const conf_rung_t rungs[] = {
        [VECTOR_NO_REQUEST] = {"no request", 1, PAIR(putv_getv, RSMERR_BAD_SGIO)},
        [VECTOR_REQUEST_UNREADABLE] = {"request unreadable", 1, RSMERR_BAD_SGIO},
        [VECTOR_NO_HANDLE] = {"no handle", 2, PAIR(putv_getv, RSMERR_BAD_SEG_HNDL)},
        [VECTOR_ORPHAN] = {"released controller", 3, PAIR(putv_getv, RSMERR_BAD_CTLR_HNDL)},
        [VECTOR_BAD_COUNT] = {"bad count", 4, RSMERR_BAD_SGIO},
        [VECTOR_NO_ENTRIES] = {"no entries", 5, RSMERR_BAD_SGIO},
        [VECTOR_ENTRIES_UNREADABLE] = {"entries unreadable", 5, RSMERR_BAD_SGIO},
        [VECTOR_CUT] = {"cut off", 6, PAIR(putv_getv, RSMERR_CONN_ABORTED)},
        [VECTOR_NO_RIGHT] = {"no right", 7, PAIR(putv_getv, RSMERR_PERM_DENIED)},
        [VECTOR_BAD_TYPE] = {"unknown type", 8, RSMERR_BAD_SGIO},
        [VECTOR_NO_LOCAL_HANDLE] = {"no local handle", 8, RSMERR_BAD_SGIO},
        [VECTOR_FREED_HANDLE] = {"freed local handle", 8, RSMERR_BAD_SGIO},
        [VECTOR_FOREIGN_HANDLE] = {"segment for local handle", 8, RSMERR_BAD_SGIO},
        [VECTOR_NO_ADDRESS] = {"no address", 8, PAIR(putv_getv, RSMERR_BAD_ADDR)},
        [VECTOR_REMOTE_OFFSET] = {"offset outside", 9, PAIR(putv_getv, RSMERR_BAD_OFFSET)},
        [VECTOR_REMOTE_LENGTH] = {"length outside", 9, PAIR(putv_getv, RSMERR_BAD_LENGTH)},
        [VECTOR_LOCAL_OFFSET] = {"local offset outside", 8, RSMERR_BAD_OFFSET},
        [VECTOR_LOCAL_LENGTH] = {"length outside the handle", 8, RSMERR_BAD_LENGTH},
        [VECTOR_NOT_MAPPED] = {"not mapped", 8, RSMERR_BAD_ADDR},
    };
    char *memory = conf_pages(1, false);

    conf_stage(c, 0);
    conf_make_handles(c);
    CONF_IMPORTERS (c, me) {
        vector_case_t with = {.me = me};

        t_require_ok(rsm_create_localmemory_handle(c->controller, &with.local, memory, SHORT));
        t_require_ok(rsm_create_localmemory_handle(c->controller, &with.freed, memory, SHORT));
        t_require_ok(rsm_free_localmemory_handle(c->controller, with.freed));
        for (with.call = 0; with.call < CALLS; with.call++) {
            with.bad_count = me->at % 2 == 0 ? 0 : 65537;
            CONF_ORDER(rungs, vector_wrongly, &with);
        }
        t_expect_ok(rsm_free_localmemory_handle(c->controller, with.local));
        conf_arrive(c, c->exporter);
    }
    conf_drop_handles(c);
    if (c->exports) { /* zeros were written, where at all, and no failure has posted */
        conf_expect_bytes(c->memory, CONF_LENGTH, 0);
        conf_expect_events(c->segment, 0);
    }
    conf_strike(c);
    conf_pages_free(memory, 1);
}

/* ---- Counts ------------------------------------------------------------------------------ */

/** One byte per entry; `count` of them. */
static int move_many(conf_vector_fn_t call, conf_importer_t *me, unsigned char *local,
                     unsigned long count, unsigned long *residual_p)
{
    rsm_iovec_t *entries = calloc(count > 0 ? count : 1, sizeof *entries);
    int rc;

    t_require(entries != NULL);
    for (unsigned long i = 0; i < count; i++) {
        size_t at = i % CONF_SLOT;

        entries[i] = conf_va(local, at, (size_t)me->slot + at, 1);
    }
    rc = conf_vector(call, me->imp, entries, count, 0, residual_p);
    free(entries);
    return rc;
}

static void counts(conf_t *c)
{
    static const unsigned long lengths[] = {1, 16, 17, 1000, 65536, 65537};
    static const unsigned long bad[] = {0, 65537, (unsigned long)-1 / 32};
    const char *strict = getenv("RSM_STRICT_SGIO");
    bool only_16 = strict != NULL && strict[0] == '1';

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        for (unsigned call = 0; call < CALLS; call++) {
            unsigned char *local = call == PUTV ? me->out : me->in;
            unsigned long residual;

            t_expect_code(calls[call](NULL), RSMERR_BAD_SGIO);
            for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
                bool works = lengths[i] <= (only_16 ? 16 : 65536);
                bool long_one = lengths[i] > 100; /* a flush per entry would take its time */

                if (lengths[i] > 1000 && me->at > 0) {
                    continue; /* ... and so do all importers at once */
                }
                t_expect_ok(rsm_memseg_import_set_mode(
                    me->imp, long_one ? RSM_BARRIER_MODE_EXPLICIT : RSM_BARRIER_MODE_IMPLICIT));
                t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));

                conf_note("%lu entries", lengths[i]);
                t_expect_code(move_many(calls[call], me, local, lengths[i], &residual),
                              works ? RSM_SUCCESS : RSMERR_BAD_SGIO);
                t_expect_eq(residual, works ? 0 : lengths[i]);
                t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
            }
            for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                rsm_iovec_t entry = conf_va(local, 0, (size_t)me->slot, 1);
                rsm_scat_gath_t request = {
                    .io_request_count = bad[i], .remote_handle = me->imp, .iovec = &entry};

                t_expect_code(calls[call](&request), RSMERR_BAD_SGIO);
                t_expect_eq(request.io_residual_count, bad[i]);
                request.remote_handle = NULL;
                t_expect_code(calls[call](&request), RSMERR_BAD_SEG_HNDL);
            }
        }
        t_expect_mem(me->in, me->out, only_16 ? 16 : 1000);
    }
    conf_strike(c);
}

/* ---- Data -------------------------------------------------------------------------------- */

/** Both kinds of local places in one vector, offsets on both sides, nothing ready in order. */
static void mixed_entries(conf_t *c)
{
    char *local = conf_pages(2, false);

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        size_t slot = (size_t)me->slot;
        rsm_localmemory_handle_t handle;
        rsm_iovec_t entries[6];
        unsigned long residual;

        /* A handle need not end with a page; 5 bytes of it are left over. */
        t_require_ok(rsm_create_localmemory_handle(c->controller, &handle, local, CONF_PAGE + 105));
        memset(local, 0, 2UL * CONF_PAGE);
        memcpy(local + 33, me->out, 64);
        memcpy(local + CONF_PAGE + 36, me->out + 64, 64);
        entries[0] = conf_va(me->out, 128, slot + 128, 300);
        entries[1] = conf_lh(handle, 33, slot, 64);
        entries[2] = conf_lh(handle, CONF_PAGE + 36, slot + 64, 64);
        entries[3] = conf_va(NULL, 0, slot, 0); /* nothing, from nowhere */
        entries[4] = conf_va(me->out + 428, 0, slot + 428, 1);
        entries[5] = conf_va((char *)me->out - 7, 7 + 429, slot + 429, CONF_SLOT - 429);
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, entries, 6, 0x40, &residual));
        t_expect_eq(residual, 0);

        memset(local, 0, 2UL * CONF_PAGE);
        memset(me->in, 0, CONF_SLOT);
        entries[0].local.vaddr = (char *)me->in;
        entries[4].local.vaddr = (char *)me->in + 428;
        entries[5].local.vaddr = (char *)me->in - 7;
        t_expect_ok(conf_vector(rsm_memseg_import_getv, me->imp, entries, 6, 0, &residual));
        t_expect_eq(residual, 0);
        t_expect_mem(me->in + 128, me->out + 128, CONF_SLOT - 128);
        conf_expect_bytes(me->in, 128, 0);
        t_expect_mem(local + 33, me->out, 64);
        t_expect_mem(local + CONF_PAGE + 36, me->out + 64, 64);
        conf_expect_bytes(local, 33, 0);
        conf_expect_bytes(local + CONF_PAGE + 100, CONF_PAGE - 100, 0);
        t_expect_ok(rsm_free_localmemory_handle(c->controller, handle));
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
    }
    conf_strike(c);
    conf_pages_free(local, 2);
}

static void later_wins(conf_t *c)
{
    enum { LAYERS = 12 };

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        static unsigned char layers[LAYERS][LAYERS];
        rsm_iovec_t entries[LAYERS];

        for (unsigned i = 0; i < LAYERS; i++) { /* each shorter by a byte than the one before */
            memset(layers[i], (int)(16 * me->at + i), LAYERS);
            entries[i] = conf_va(layers[i], 0, (size_t)me->slot + i, LAYERS - i);
        }
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, entries, LAYERS, 0, NULL));
        /* And back over one another: the last byte of the stairs wins. */
        for (unsigned i = 0; i < LAYERS; i++) {
            entries[i] = conf_va(me->in, 0, (size_t)me->slot + i, 1);
        }
        t_expect_ok(conf_vector(rsm_memseg_import_getv, me->imp, entries, LAYERS, 0, NULL));
        t_expect_eq(me->in[0], 16 * me->at + LAYERS - 1);
    }
    conf_sync(c);
    for (unsigned who = 0; who < c->importers && c->exports; who++) {
        for (unsigned i = 0; i < LAYERS; i++) {
            t_expect_eq((unsigned char)c->memory[who * CONF_SLOT + i], 16 * who + i);
        }
    }
    conf_strike(c);
}

/** Entry k of n fails, in each way: what is before it is done, the rest is not. */
static void stops_at_the_bad_one(conf_t *c)
{
    enum { N = 6, PIECE = 16 };

    static const struct {
        rsm_iovec_t entry;
        int code;
    } faults[] = {
        {{.io_type = 3, .transfer_length = 1}, RSMERR_BAD_SGIO},
        {{.io_type = RSM_HANDLE_TYPE, .transfer_length = 1}, RSMERR_BAD_SGIO},
        {{.io_type = RSM_VA_TYPE, .transfer_length = 1}, RSMERR_BAD_ADDR},
        {{.io_type = RSM_VA_TYPE, .remote_offset = CONF_LENGTH + 1}, RSMERR_BAD_OFFSET},
        {{.io_type = RSM_VA_TYPE,
          .local.vaddr = CONF_NOWHERE,
          .remote_offset = CONF_LENGTH,
          .transfer_length = 1},
         RSMERR_BAD_LENGTH},
        {{.io_type = RSM_VA_TYPE, .local.vaddr = CONF_NOWHERE, .transfer_length = 1},
         RSMERR_BAD_ADDR},
        {{.io_type = RSM_VA_TYPE,
          .local.vaddr = CONF_NOWHERE,
          .local_offset = SIZE_MAX - 10,
          .transfer_length = 1},
         RSMERR_BAD_ADDR},
        {{.io_type = RSM_VA_TYPE,
          .local.vaddr = CONF_NOWHERE,
          .remote_offset = 1,
          .transfer_length = SIZE_MAX},
         RSMERR_BAD_LENGTH},
    };

    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        unsigned char zeros[N * PIECE] = {0};

        for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
            for (unsigned k = 0; k < N; k++) {
                rsm_iovec_t entries[N];
                unsigned long residual;

                conf_note("fault %u at entry %u", i, k);
                t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, zeros, sizeof zeros));
                for (unsigned at = 0; at < N; at++) {
                    entries[at] =
                        conf_va(me->out, at * PIECE, (size_t)me->slot + at * PIECE, PIECE);
                }
                entries[k] = faults[i].entry;
                t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, entries, N,
                                          RSM_IMPLICIT_SIGPOST, &residual),
                              faults[i].code);
                t_expect_eq(residual, N - k);
                t_expect_ok(rsm_memseg_import_get(me->imp, me->slot, me->in, sizeof zeros));
                t_expect_mem(me->in, me->out, (size_t)k * PIECE);
                conf_expect_bytes(me->in + (size_t)k * PIECE, (size_t)(N - k) * PIECE, 0);

                memset(me->in, 0x55, sizeof zeros);
                for (unsigned at = 0; at < N; at++) {
                    if (at != k) {
                        entries[at].local.vaddr = (char *)me->in;
                    }
                }
                t_expect_code(conf_vector(rsm_memseg_import_getv, me->imp, entries, N,
                                          RSM_IMPLICIT_SIGPOST, &residual),
                              faults[i].code);
                t_expect_eq(residual, N - k);
                t_expect_mem(me->in, me->out, (size_t)k * PIECE);
                conf_expect_bytes(me->in + (size_t)k * PIECE, (size_t)(N - k) * PIECE, 0x55);
            }
        }
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 0);
    }
    conf_strike(c);
}

/** A caller's mistake in a vector of explicit mode leaves the barrier healthy (design 2). */
static void mistakes_spare_the_barrier(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entries[2] = {conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT),
                                  conf_va(NULL, 0, 0, 1)};
        unsigned long residual;

        t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
        t_expect_ok(rsm_memseg_import_open_barrier(&me->barrier));
        t_expect_code(conf_vector(rsm_memseg_import_putv, me->imp, entries, 2, 0, &residual),
                      RSMERR_BAD_ADDR);
        t_expect_eq(residual, 1);
        t_expect_ok(rsm_memseg_import_close_barrier(&me->barrier));
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
    }
    conf_strike(c);
}

static void no_barrier_needed(conf_t *c)
{
    conf_stage(c, 0);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry;

        me->imp = conf_connect(c, c->id, RSM_PERM_RDWR);
        entry = conf_va(me->out, 0, (size_t)me->slot, CONF_SLOT);
        t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, &entry, 1, 0, NULL));
        entry.local.vaddr = (char *)me->in;
        t_expect_ok(conf_vector(rsm_memseg_import_getv, me->imp, &entry, 1, 0, NULL));
        t_expect_mem(me->in, me->out, CONF_SLOT);
    }
    conf_sync(c);
    for (unsigned i = 0; i < c->importers && c->exports; i++) {
        conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, i + 1);
    }
    conf_strike(c);
}

/* ---- Events ------------------------------------------------------------------------------ */

static void vectors_post(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t good[2] = {conf_va(me->out, 0, (size_t)me->slot, 8),
                               conf_va(me->out, 8, (size_t)me->slot + 8, 8)};
        rsm_iovec_t bad[2] = {good[0], conf_va(NULL, 0, 0, 1)};

        for (unsigned call = 0; call < CALLS; call++) {
            unsigned char before[CONF_SLOT];

            memcpy(before, me->out, CONF_SLOT);
            for (unsigned i = 0; i < 3; i++) { /* these count, three each */
                t_expect_ok(conf_vector(calls[call], me->imp, good, 2, RSM_IMPLICIT_SIGPOST, NULL));
            }
            for (unsigned i = 0; i < 2; i++) { /* these do not */
                t_expect_ok(conf_vector(calls[call], me->imp, good, 2, 0, NULL));
                t_expect_ok(
                    conf_vector(calls[call], me->imp, good, 2, RSM_SIGPOST_NO_ACCUMULATE, NULL));
                t_expect_code(conf_vector(calls[call], me->imp, bad, 2, RSM_IMPLICIT_SIGPOST, NULL),
                              RSMERR_BAD_ADDR);
                t_expect_code(
                    conf_vector(calls[call], me->imp, good, 0, RSM_IMPLICIT_SIGPOST, NULL),
                    RSMERR_BAD_SGIO);
            }
            t_expect_mem(me->out, before, CONF_SLOT);
        }
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 6 * c->importers);
    }
    CONF_IMPORTERS (c, me) { /* and nobody but the exporter gets any */
        t_expect_code(rsm_intr_signal_wait(me->imp, 0), PAIR(rsm_intr_signal_wait, RSMERR_TIMEOUT));
    }
    conf_strike(c);
}

/** In explicit mode, too, the event comes behind the whole vector (reference V6). */
static void posts_complete_vectors(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    for (unsigned round = 0; round < 5; round++) {
        CONF_IMPORTERS (c, me) {
            rsm_iovec_t entries[4];

            conf_fill(me->out, CONF_SLOT, round + me->at);
            t_expect_ok(rsm_memseg_import_set_mode(me->imp, RSM_BARRIER_MODE_EXPLICIT));
            for (unsigned i = 0; i < 4; i++) {
                entries[i] = conf_va(me->out, i * (CONF_SLOT / 4UL),
                                     (size_t)me->slot + i * (CONF_SLOT / 4UL), CONF_SLOT / 4);
            }
            t_expect_ok(conf_vector(rsm_memseg_import_putv, me->imp, entries, 4,
                                    RSM_IMPLICIT_SIGPOST, NULL));
        }
        if (c->exports) {
            for (unsigned i = 0; i < c->importers; i++) {
                t_expect_ok(rsm_intr_signal_wait(c->segment, CONF_WAIT_MS));
            }
            for (unsigned i = 0; i < c->importers; i++) {
                conf_expect_fill(c->memory + (size_t)i * CONF_SLOT, CONF_SLOT, round + i);
            }
        }
        conf_sync(c);
    }
    conf_strike(c);
}

static void pending_events_absorb(conf_t *c)
{
    conf_stage(c, 0);
    conf_enter(c, RSM_PERM_RDWR);
    CONF_IMPORTERS (c, me) {
        if (me->at == 0) {
            t_expect_ok(rsm_intr_signal_post(me->imp, 0));
            conf_arrive(c, c->exporter);
        }
    }
    conf_sync(c);
    CONF_IMPORTERS (c, me) {
        rsm_iovec_t entry = conf_va(me->out, 0, (size_t)me->slot, 8);

        for (unsigned call = 0; call < CALLS; call++) {
            t_expect_ok(conf_vector(calls[call], me->imp, &entry, 1,
                                    RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE, NULL));
        }
        conf_arrive(c, c->exporter);
    }
    conf_sync(c);
    if (c->exports) {
        conf_expect_events(c->segment, 1);
    }
    conf_strike(c);
}

const conf_test_t conf_vectors[] = {
    CONF_TEST(vector_order, CONF_EVERYWHERE, PROVES(31)),
    CONF_TEST(counts, CONF_EVERYWHERE, PROVES(31)),
    CONF_TEST(mixed_entries, CONF_EVERYWHERE, PROVES(32)),
    CONF_TEST(later_wins, CONF_EVERYWHERE, PROVES(33)),
    CONF_TEST(stops_at_the_bad_one, CONF_EVERYWHERE, PROVES(34)),
    CONF_TEST(mistakes_spare_the_barrier, CONF_EVERYWHERE, PROVES(34)),
    CONF_TEST(no_barrier_needed, CONF_EVERYWHERE, PROVES(35)),
    CONF_TEST(vectors_post, CONF_EVERYWHERE, PROVES(36)),
    CONF_TEST(posts_complete_vectors, CONF_EVERYWHERE, PROVES(36)),
    CONF_TEST(pending_events_absorb, CONF_EVERYWHERE, PROVES(37)),
    CONF_END,
};
