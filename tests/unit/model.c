/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: random calls, good and bad, against a plain model of memory contents, states and
 * counters: segments come, are published, exchanged, moved and go; connections over the glue and to
 * oneself, in both modes, with barriers, events and poll descriptors. One thread, and an importer
 * that answers at once, so that every code and every byte can be told in advance.
 * Proves: sections 10 to 18 of the reference together; what the tests of each do not combine.
 *
 * The model knows one thing of the glue: what is started in explicit mode over it moves at the next
 * flush of any kind on that connection, in order. --seed repeats a run, --steps makes it longer.
 */
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_glue.h"
#include "t.h"

#define RSMX_NO_MPI
#include "rsmx.h"

enum {
    SIZE = (int)FAKE_PAGE,
    MEMORIES = 5,
    EXPORTS = 4,
    IMPORTS = 8,
    BARRIERS = 4,
    NODES = 4,
    IDS = 3,
    PENDING = 64,
    ENTRIES = 5,
    HANDLE_LENGTH = 3000,
    NOTHING = -1
};

#define FIRST_ID 0x400300U

/** One memory, as it is and as it should be. */
typedef struct memory {
    char *real;
    char model[SIZE];
} memory_t;

/** What an export and an import have in common. */
typedef struct end {
    void *handle; /* stays when it is dead, to be tried */
    bool alive;
    unsigned events;
    unsigned poll_refs;
    int poll_fd; /* NOTHING: not known yet */
} end_t;

typedef struct export
{
    end_t end;
    int memory;
    bool may_rebind;
    bool published;
    rsm_memseg_id_t id;
    bool has_list;
    rsm_permission_t list[NODES]; /* by node; NO_ENTRY: not named */
}
export_t;
#define NO_ENTRY 01000U

typedef struct piece {
    bool is_put;
    int memory;
    size_t remote;
    size_t local;
    size_t length;
} piece_t;

typedef struct import {
    end_t end;
    int export; /* connected to; NOTHING: cut off */
    rsm_node_id_t node;
    rsm_permission_t perm;
    bool implicit;
    int current; /* barrier; NOTHING */
    piece_t pending[PENDING];
    unsigned pending_count;
} import_t;

typedef struct barrier {
    rsmapi_barrier_t real;
    int import; /* bound to this slot; NOTHING */
    void *handle;
    bool open;
} barrier_t;

static t_rand_t rnd;
static memory_t memories[MEMORIES];
static memory_t mine; /* local memory */
static rsm_localmemory_handle_t local_handle;
static export_t exports[EXPORTS];
static import_t imports[IMPORTS];
static barrier_t barriers[BARRIERS];
static unsigned long good_calls;
static unsigned long bad_calls;

static unsigned below(unsigned limit)
{
    return (unsigned)t_rand_below(&rnd, limit);
}

static bool once_in(unsigned n)
{
    return below(n) == 0;
}

static void expect(int got, int want)
{
    t_expect_code(got, want);
    good_calls += want == RSM_SUCCESS;
    bad_calls += want != RSM_SUCCESS;
}

static void expect_transfer(int got, int want)
{
    rsmx_last_error_t error = {.size = sizeof error};

    expect(got, want);
    if (want != RSM_SUCCESS) {
        t_expect_ok(rsmx_last_error(&error));
        t_expect_code(error.code, want);
    }
}

/* ---- The model --------------------------------------------------------------------------- */

static void carry_out(const piece_t *piece)
{
    char *remote = memories[piece->memory].model + piece->remote;
    char *local = mine.model + piece->local;

    if (piece->is_put) {
        memcpy(remote, local, piece->length);
    } else {
        memcpy(local, remote, piece->length);
    }
}

/** Everything started on this connection is complete. */
static void flush(import_t *imp)
{
    for (unsigned i = 0; i < imp->pending_count; i++) {
        carry_out(&imp->pending[i]);
    }
    imp->pending_count = 0;
}

/** A piece that was checked; `done`: complete when the call is over. */
static void transfer(import_t *imp, bool is_put, size_t remote, size_t local, size_t length,
                     bool done)
{
    piece_t piece = {is_put, exports[imp->export].memory, remote, local, length};

    if (length == 0) {
        return;
    }
    if (imp->node == 0) {
        carry_out(&piece); /* to oneself nothing waits */
        return;
    }
    t_require(imp->pending_count < PENDING);
    imp->pending[imp->pending_count++] = piece;
    if (done) {
        flush(imp);
    }
}

static void flush_all_of(int export)
{
    for (unsigned i = 0; i < IMPORTS; i++) {
        if (imports[i].end.alive && imports[i].export == export) {
            flush(&imports[i]);
        }
    }
}

static void cut_all_of(int export)
{
    flush_all_of(export);
    for (unsigned i = 0; i < IMPORTS; i++) {
        if (imports[i].export == export) {
            imports[i].export = NOTHING;
        }
    }
}

static void count_event(end_t *end, bool no_accumulate)
{
    if (!no_accumulate || end->events == 0) {
        end->events++;
    }
}

/** The local memories are compared in each step, the others in turn. */
static void compare(unsigned step)
{
    const memory_t *memory = &memories[step % MEMORIES];

    t_expect_mem(mine.real, mine.model, SIZE);
    t_expect_mem(memory->real, memory->model, SIZE);
}

/* ---- Exports ----------------------------------------------------------------------------- */

/** Rather a published one. */
static export_t *some_export(void)
{
    export_t *exp = &exports[below(EXPORTS)];

    for (unsigned i = 0; i < 3 && !exp->published; i++) {
        exp = &exports[below(EXPORTS)];
    }
    return exp;
}

static int slot_of(const export_t *exp)
{
    return (int)(exp - exports);
}

static void do_create(void)
{
    export_t *exp = &exports[below(EXPORTS)];
    unsigned flags = once_in(4) ? 0 : RSM_ALLOW_REBIND;
    rsm_memseg_export_handle_t made = NULL;

    if (exp->end.alive) {
        return;
    }
    memset(exp, 0, sizeof *exp);
    exp->memory = (int)below(MEMORIES);
    expect(rsm_memseg_export_create(fake_ctl, &made, memories[exp->memory].real, SIZE, flags),
           RSM_SUCCESS);
    exp->end = (end_t){.handle = made, .alive = true, .poll_fd = NOTHING};
    exp->may_rebind = flags != 0;
}

/** A list, good or bad; its length. */
static unsigned some_list(rsmapi_access_entry_t *list, rsm_permission_t *by_node, bool *bad_p)
{
    static const rsm_permission_t modes[] = {0600, 0400, 0200, 0, 0666, 0060};
    unsigned length = below(4);

    *bad_p = false;
    for (unsigned i = 0; i < NODES; i++) {
        by_node[i] = NO_ENTRY;
    }
    for (unsigned i = 0; i < length; i++) {
        memset(&list[i], 0, sizeof list[i]);
        list[i].ae_node = once_in(12) ? NODES : below(NODES);
        list[i].ae_permission = once_in(12) ? 0700 : modes[below(6)];
        if (list[i].ae_node == NODES || list[i].ae_permission > 0666) {
            *bad_p = true;
        } else if (by_node[list[i].ae_node] == NO_ENTRY) {
            by_node[list[i].ae_node] = list[i].ae_permission;
        }
    }
    return length;
}

static bool id_in_use(rsm_memseg_id_t id)
{
    for (unsigned i = 0; i < EXPORTS; i++) {
        if (exports[i].published && exports[i].id == id) {
            return true;
        }
    }
    return false;
}

static void do_publish(void)
{
    export_t *exp = &exports[below(EXPORTS)];
    rsm_memseg_id_t wanted = once_in(3) ? 0 : once_in(10) ? 0x300000U : FIRST_ID + below(IDS);
    rsm_memseg_id_t id = wanted;
    rsmapi_access_entry_t list[4];
    rsm_permission_t by_node[NODES];
    bool bad;
    unsigned length = some_list(list, by_node, &bad);
    int want = RSM_SUCCESS;

    if (!exp->end.alive) {
        want = RSMERR_BAD_SEG_HNDL;
    } else if (exp->published) {
        want = RSMERR_SEG_ALREADY_PUBLISHED;
    } else if (wanted == 0x300000U) {
        want = RSMERR_RESERVED_SEGID;
    } else if (bad) {
        want = RSMERR_BAD_ACL;
    } else if (id_in_use(wanted)) {
        want = RSMERR_SEGID_IN_USE;
    }
    expect(rsm_memseg_export_publish(exp->end.handle, &id, list, length), want);
    if (want == RSM_SUCCESS) {
        t_expect(wanted == 0 ? id >= 0x80000000U && !id_in_use(id) : id == wanted);
        exp->published = true;
        exp->id = id;
        exp->has_list = length > 0;
        memcpy(exp->list, by_node, sizeof by_node);
    } else {
        t_expect_eq(id, wanted);
    }
}

static void do_republish(void)
{
    export_t *exp = some_export();
    rsmapi_access_entry_t list[4];
    rsm_permission_t by_node[NODES];
    bool bad;
    unsigned length = some_list(list, by_node, &bad);
    int want = !exp->end.alive   ? RSMERR_BAD_SEG_HNDL
               : !exp->published ? RSMERR_SEG_NOT_PUBLISHED
               : bad             ? RSMERR_BAD_ACL
                                 : RSM_SUCCESS;

    expect(rsm_memseg_export_republish(exp->end.handle, list, length), want);
    if (want == RSM_SUCCESS) {
        exp->has_list = length > 0;
        memcpy(exp->list, by_node, sizeof by_node);
    }
}

static void do_unpublish(void)
{
    export_t *exp = some_export();
    int want = !exp->end.alive   ? RSMERR_BAD_SEG_HNDL
               : !exp->published ? RSMERR_SEG_NOT_PUBLISHED
                                 : RSM_SUCCESS;

    expect(rsm_memseg_export_unpublish(exp->end.handle), want);
    if (want == RSM_SUCCESS) {
        exp->published = false;
        cut_all_of(slot_of(exp));
    }
}

static void do_rebind(void)
{
    export_t *exp = some_export();
    int memory = (int)below(MEMORIES);
    size_t size = once_in(10) ? SIZE * 2 : SIZE;
    size_t off = once_in(10) ? 8 : 0;
    int want = !exp->end.alive    ? RSMERR_BAD_SEG_HNDL
               : !exp->may_rebind ? RSMERR_REBIND_NOT_ALLOWED
               : size != SIZE     ? RSMERR_BAD_LENGTH
               : off != 0         ? RSMERR_BAD_ADDR
                                  : RSM_SUCCESS;

    expect(rsm_memseg_export_rebind(exp->end.handle, memories[memory].real + off, 0, size), want);
    if (want == RSM_SUCCESS && memory != exp->memory) {
        flush_all_of(slot_of(exp)); /* what had begun finishes in the old memory */
        exp->memory = memory;
    }
}

static void do_destroy(void)
{
    export_t *exp = some_export();
    int want = !exp->end.alive           ? RSMERR_BAD_SEG_HNDL
               : exp->end.poll_refs != 0 ? RSMERR_POLLFD_IN_USE
                                         : RSM_SUCCESS;

    if (want == RSM_SUCCESS && !once_in(3)) {
        return; /* rather seldom */
    }
    expect(rsm_memseg_export_destroy(exp->end.handle), want);
    if (want == RSM_SUCCESS) {
        exp->published = false;
        exp->end.alive = false;
        cut_all_of(slot_of(exp));
    }
}

/* ---- Imports ----------------------------------------------------------------------------- */

/** Rather a connected one. */
static import_t *some_import(void)
{
    import_t *imp = &imports[below(IMPORTS)];

    for (unsigned i = 0; i < 6 && imp->export == NOTHING; i++) {
        imp = &imports[below(IMPORTS)];
    }
    return imp;
}

static rsm_memseg_id_t some_id(void)
{
    const export_t *exp = some_export(); /* published or not any more */

    return exp->id != 0 && !once_in(8) ? exp->id : FIRST_ID + below(IDS);
}

static int judge(const export_t *exp, rsm_node_id_t node, rsm_permission_t perm)
{
    rsm_permission_t mode = exp->has_list ? exp->list[node] : 0755; /* umask 022 */

    if (mode == NO_ENTRY) {
        return RSMERR_SEG_NOT_PUBLISHED_TO_NODE;
    }
    return (perm & ~mode & 0600U) == 0 ? RSM_SUCCESS : RSMERR_PERM_DENIED; /* our own user */
}

static void do_connect(void)
{
    static const rsm_permission_t perms[] = {0600, 0600, 0600, 0400, 0200, 0, 0640};
    import_t *imp = &imports[below(IMPORTS)];
    rsm_memseg_import_handle_t made = (rsm_memseg_import_handle_t)0x1234;
    rsm_memseg_id_t id = some_id();
    rsm_permission_t perm = perms[below(7)];
    rsm_node_id_t node = once_in(2) ? 0 : below(NODES + 1);
    int export = NOTHING;
    int want;

    if (imp->end.alive) {
        return;
    }
    for (int i = 0; i < EXPORTS; i++) {
        export = exports[i].published && exports[i].id == id ? i : export;
    }
    want = (perm & ~0600U) != 0 ? RSMERR_PERM_DENIED
           : node == NODES      ? RSMERR_REMOTE_NODE_UNREACHABLE
           : export == NOTHING  ? RSMERR_SEG_NOT_PUBLISHED
                                : judge(&exports[export], node, perm);
    fake_set_asker(node);
    expect_transfer(rsm_memseg_import_connect(fake_ctl, node, id, perm, &made), want);
    if (want != RSM_SUCCESS) {
        t_expect_eq(made, NULL);
        return;
    }
    memset(imp, 0, sizeof *imp);
    imp->end = (end_t){.handle = made, .alive = true, .poll_fd = NOTHING};
    imp->export = export;
    imp->node = node;
    imp->perm = perm;
    imp->implicit = true;
    imp->current = NOTHING;
}

static void do_disconnect(void)
{
    import_t *imp = &imports[below(IMPORTS)];
    int want = !imp->end.alive           ? RSMERR_BAD_SEG_HNDL
               : imp->end.poll_refs != 0 ? RSMERR_POLLFD_IN_USE
                                         : RSM_SUCCESS;

    if (want == RSM_SUCCESS && imp->export != NOTHING && !once_in(4)) {
        return;
    }
    expect(rsm_memseg_import_disconnect(imp->end.handle), want);
    if (want == RSM_SUCCESS) {
        flush(imp);
        imp->end.alive = false;
        imp->export = NOTHING;
    }
}

static void do_mode(void)
{
    import_t *imp = some_import();
    unsigned mode = below(9) == 0 ? 2 : below(2);
    rsm_barrier_mode_t got = (rsm_barrier_mode_t)7;
    size_t length = 4711;
    int want = imp->end.alive ? RSM_SUCCESS : RSMERR_BAD_SEG_HNDL;

    expect(rsm_memseg_import_get_mode(imp->end.handle, &got), want);
    t_expect_eq((unsigned)got, !imp->end.alive ? 7U : imp->implicit ? 1U : 0U);
    expect(rsmx_import_length(imp->end.handle, &length), want);
    t_expect_eq(length, imp->end.alive ? (size_t)SIZE : 4711);
    if (mode == 2 && imp->end.alive) {
        want = RSMERR_BAD_MODE;
    }
    expect(rsm_memseg_import_set_mode(imp->end.handle, (rsm_barrier_mode_t)mode), want);
    if (want == RSM_SUCCESS) {
        imp->implicit = mode == 1;
    }
}

/* ---- Barriers ---------------------------------------------------------------------------- */

/** The live import that `barrier` is bound to. */
static import_t *import_of(const barrier_t *barrier)
{
    import_t *imp = barrier->import == NOTHING ? NULL : &imports[barrier->import];

    return imp != NULL && imp->end.alive && imp->end.handle == barrier->handle ? imp : NULL;
}

static void unmake_current(int index)
{
    import_t *imp = import_of(&barriers[index]);

    if (imp != NULL && imp->current == index) {
        imp->current = NOTHING;
    }
}

static void do_init(void)
{
    int index = (int)below(BARRIERS);
    barrier_t *barrier = &barriers[index];
    import_t *imp = some_import();
    int want = imp->end.alive ? RSM_SUCCESS : RSMERR_BAD_SEG_HNDL;

    expect_transfer(
        rsm_memseg_import_init_barrier(imp->end.handle, RSM_BAR_DEFAULT, &barrier->real), want);
    if (want == RSM_SUCCESS) {
        unmake_current(index);
        barrier->import = (int)(imp - imports);
        barrier->handle = imp->end.handle;
        barrier->open = false;
        imp->current = index;
    }
}

static void do_barrier(void)
{
    int index = (int)below(BARRIERS);
    barrier_t *barrier = &barriers[index];
    import_t *imp = import_of(barrier);
    unsigned call = below(7);
    int want = RSM_SUCCESS;

    if (imp == NULL) {
        want = RSMERR_BARRIER_UNINITIALIZED;
    } else if (call >= 3 && call <= 5 && !barrier->open) {
        want = RSMERR_BARRIER_NOT_OPENED;
    } else if (call >= 3 && call <= 5 && imp->export == NOTHING) {
        want = RSMERR_CONN_ABORTED;
    }
    if (call < 3) {
        expect_transfer(rsm_memseg_import_open_barrier(&barrier->real), want);
        barrier->open = barrier->open || want == RSM_SUCCESS;
    } else if (call == 3) {
        expect_transfer(rsm_memseg_import_order_barrier(&barrier->real), want);
    } else if (call <= 5) {
        expect_transfer(rsm_memseg_import_close_barrier(&barrier->real), want);
        barrier->open = barrier->open && imp == NULL;
    } else {
        expect_transfer(rsm_memseg_import_destroy_barrier(&barrier->real), want);
        if (want == RSM_SUCCESS) {
            unmake_current(index);
            barrier->import = NOTHING;
        }
    }
    if (call >= 3 && call <= 5 && want == RSM_SUCCESS) {
        flush(imp);
    }
}

/* ---- Transfers --------------------------------------------------------------------------- */

static int call_sized(rsm_memseg_import_handle_t imp, bool is_put, unsigned width, off_t offset,
                      void *data, unsigned long items)
{
    switch (width + (is_put ? 0 : 100)) {
    case 0:
        return rsm_memseg_import_put(imp, offset, data, items);
    case 1:
        return rsm_memseg_import_put8(imp, offset, data, items);
    case 2:
        return rsm_memseg_import_put16(imp, offset, data, items);
    case 4:
        return rsm_memseg_import_put32(imp, offset, data, items);
    case 8:
        return rsm_memseg_import_put64(imp, offset, data, items);
    case 100:
        return rsm_memseg_import_get(imp, offset, data, items);
    case 101:
        return rsm_memseg_import_get8(imp, offset, data, items);
    case 102:
        return rsm_memseg_import_get16(imp, offset, data, items);
    case 104:
        return rsm_memseg_import_get32(imp, offset, data, items);
    default:
        return rsm_memseg_import_get64(imp, offset, data, items);
    }
}

static void do_put_get(void)
{
    static const unsigned widths[] = {0, 1, 2, 4, 8};
    import_t *imp = some_import();
    bool is_put = once_in(2);
    unsigned choice = widths[below(5)];
    unsigned width = choice == 0 ? 1 : choice;
    size_t items = once_in(20) ? 0 : once_in(20) ? below(SIZE) : below(40) + 1;
    off_t offset = (off_t)below((unsigned)SIZE / width + 2) * (off_t)width;
    size_t local = (size_t)below(SIZE / 8) * 8;
    bool outside = once_in(25); /* of what is mapped */
    int want = RSM_SUCCESS;

    offset = once_in(20) ? -offset : once_in(20) ? offset + 1 : offset;
    local += once_in(20) ? 1 : 0;
    if (!outside && items * width > SIZE - local) {
        items = (SIZE - local) / width;
    } else if (outside) {
        items = (SIZE - local) / width + 1; /* one further */
    }
    if (!imp->end.alive) {
        want = RSMERR_BAD_SEG_HNDL;
    } else if (local % width != 0 || (uint64_t)offset % width != 0) {
        want = RSMERR_BAD_MEM_ALIGNMENT;
    } else if (imp->export == NOTHING) {
        want = RSMERR_CONN_ABORTED;
    } else if ((imp->perm & (is_put ? RSM_PERM_WRITE : RSM_PERM_READ)) == 0) {
        want = RSMERR_PERM_DENIED;
    } else if (offset < 0 || offset > SIZE || items * width > SIZE - (size_t)offset) {
        want = RSMERR_BAD_OFFSET;
    } else if (imp->implicit && imp->current == NOTHING) {
        want = RSMERR_BARRIER_UNINITIALIZED;
    } else if (outside) {
        want = RSMERR_BAD_ADDR;
    }
    expect_transfer(call_sized(imp->end.handle, is_put, choice, offset, mine.real + local, items),
                    want);
    if (want == RSM_SUCCESS) {
        transfer(imp, is_put, (size_t)offset, local, items * width, true);
    }
}

/** An entry, good or bad; the code it has for itself. *local_p: where in our memory. */
static int some_entry(rsm_iovec_t *entry, size_t *local_p)
{
    size_t length = once_in(10) ? 0 : below(100);
    size_t local = below(HANDLE_LENGTH - 100);
    size_t base = below((unsigned)local + 1);
    size_t remote = below(SIZE - 100);

    *local_p = local;
    if (once_in(2)) {
        *entry = fake_lh(local_handle, local, remote, length);
    } else {
        *entry = fake_va(mine.real + base, local - base, remote, length);
    }
    switch (below(60)) {
    case 0:
        entry->io_type = 3;
        return RSMERR_BAD_SGIO;
    case 1:
        *entry = fake_lh(fake_ctl, local, remote, length);
        return RSMERR_BAD_SGIO;
    case 2:
        *entry = fake_va(NULL, local, SIZE + 1, 1);
        return RSMERR_BAD_ADDR;
    case 3:
        entry->remote_offset = SIZE + 1 + below(10);
        entry->transfer_length = once_in(2) ? 0 : length;
        if (entry->io_type == RSM_HANDLE_TYPE) {
            entry->local_offset = SIZE_MAX;
        }
        return RSMERR_BAD_OFFSET;
    case 4:
        entry->remote_offset = SIZE - below(50);
        entry->transfer_length = once_in(2) ? SIZE_MAX : 51;
        return RSMERR_BAD_LENGTH;
    case 5:
        *entry = fake_lh(local_handle, HANDLE_LENGTH + 1, remote, 0);
        return RSMERR_BAD_OFFSET;
    case 6:
        *entry = fake_lh(local_handle, HANDLE_LENGTH - 10, remote, 11);
        return RSMERR_BAD_LENGTH;
    case 7:
        *entry = fake_va(mine.real, SIZE - 10, remote, 11); /* into memory that cannot be used */
        return RSMERR_BAD_ADDR;
    case 8:
        *entry = fake_va(NULL, 0, SIZE, 0); /* legal */
        return RSM_SUCCESS;
    default:
        return RSM_SUCCESS;
    }
}

/**
 * Has another connection to the same segment something on its way? A cut or a move would finish
 * both, and nothing is promised about the order between two handles.
 */
static bool others_pend(const import_t *imp)
{
    for (unsigned i = 0; i < IMPORTS; i++) {
        if (&imports[i] != imp && imports[i].export == imp->export &&
            imports[i].pending_count > 0) {
            return true;
        }
    }
    return false;
}

static void do_vector(void)
{
    import_t *imp = some_import();
    bool is_put = once_in(2);
    unsigned flags = once_in(2) ? 0 : below(4);
    unsigned long count = once_in(30) ? 0 : below(ENTRIES) + 1;
    unsigned long residual = 4711;
    unsigned long left = count;
    rsm_iovec_t entries[ENTRIES];
    rsm_iovec_t before[ENTRIES];
    size_t locals[ENTRIES];
    int codes[ENTRIES];
    int want = RSM_SUCCESS;
    int got;

    if (imp->pending_count > PENDING - ENTRIES || others_pend(imp)) {
        return;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        codes[i] = some_entry(&entries[i], &locals[i]);
    }
    memcpy(before, entries, sizeof before);
    if (!imp->end.alive) {
        want = RSMERR_BAD_SEG_HNDL;
    } else if (count == 0) {
        want = RSMERR_BAD_SGIO;
    } else if (imp->export == NOTHING) {
        want = RSMERR_CONN_ABORTED;
    } else if ((imp->perm & (is_put ? RSM_PERM_WRITE : RSM_PERM_READ)) == 0) {
        want = RSMERR_PERM_DENIED;
    }
    got = is_put ? fake_putv(imp->end.handle, entries, count, flags, &residual)
                 : fake_getv(imp->end.handle, entries, count, flags, &residual);
    for (unsigned i = 0; want == RSM_SUCCESS && i < count; i++) {
        want = codes[i];
        if (want == RSM_SUCCESS) {
            transfer(imp, is_put, entries[i].remote_offset, locals[i], entries[i].transfer_length,
                     imp->implicit);
            left--;
        }
    }
    expect_transfer(got, want);
    t_expect_eq(residual, left);
    t_expect_mem(entries, before, sizeof before);
    if (want == RSM_SUCCESS && (flags & RSM_IMPLICIT_SIGPOST) != 0) {
        flush(imp);
        count_event(&exports[imp->export].end, (flags & RSM_SIGPOST_NO_ACCUMULATE) != 0);
    }
}

/** The program writes to its own memory, and the exporter to his. */
static void do_store(void)
{
    memory_t *memory = &memories[below(MEMORIES)];
    size_t at = below(SIZE - 64);

    t_rand_fill(&rnd, memory->model + at, 64);
    memcpy(memory->real + at, memory->model + at, 64);
    for (unsigned i = 0; i < IMPORTS; i++) {
        if (imports[i].pending_count > 0) {
            return; /* local memory belongs to the transfers */
        }
    }
    t_rand_fill(&rnd, mine.model + at, 64);
    memcpy(mine.real + at, mine.model + at, 64);
}

/* ---- Events ------------------------------------------------------------------------------ */

static end_t *some_end(void)
{
    return once_in(3) ? &some_export()->end : &some_import()->end;
}

static void do_post_import(void)
{
    import_t *imp = some_import();
    bool no_accumulate = once_in(3);
    int want = !imp->end.alive          ? RSMERR_BAD_SEG_HNDL
               : imp->export == NOTHING ? RSMERR_CONN_ABORTED
                                        : RSM_SUCCESS;

    expect(rsm_intr_signal_post(imp->end.handle, no_accumulate ? RSM_SIGPOST_NO_ACCUMULATE : 0),
           want);
    if (want == RSM_SUCCESS) {
        count_event(&exports[imp->export].end, no_accumulate);
    }
}

static void do_post_export(void)
{
    export_t *exp = some_export();
    bool no_accumulate = once_in(3);
    int want = exp->end.alive ? RSM_SUCCESS : RSMERR_BAD_SEG_HNDL;

    expect(rsm_intr_signal_post(exp->end.handle, no_accumulate ? RSM_SIGPOST_NO_ACCUMULATE : 0),
           want);
    fake_settle();
    for (unsigned i = 0; want == RSM_SUCCESS && i < IMPORTS; i++) {
        if (imports[i].end.alive && imports[i].export == slot_of(exp)) {
            count_event(&imports[i].end, no_accumulate);
        }
    }
}

static void do_wait(void)
{
    end_t *end = some_end();
    int want = !end->alive ? RSMERR_BAD_SEG_HNDL : end->events == 0 ? RSMERR_TIMEOUT : RSM_SUCCESS;

    expect(rsm_intr_signal_wait(end->handle, 0), want);
    end->events -= want == RSM_SUCCESS ? 1 : 0;
}

static void do_pollfd(void)
{
    end_t *end = some_end();
    struct pollfd pfd = {.fd = 77, .events = 77, .revents = 77};
    int want = end->alive ? RSM_SUCCESS : RSMERR_BAD_SEG_HNDL;

    if (end->poll_refs > 0 || !once_in(4)) { /* references are taken back sooner than given */
        expect(rsm_memseg_release_pollfd(end->handle), want);
        end->poll_refs -= end->alive && end->poll_refs > 0 ? 1 : 0;
        return;
    }
    expect(rsm_memseg_get_pollfd(end->handle, &pfd), want);
    t_expect_eq(pfd.revents, 77);
    if (want == RSM_SUCCESS) {
        t_expect_eq(pfd.events, POLLRDNORM);
        if (end->poll_fd != NOTHING) {
            t_expect_eq(pfd.fd, end->poll_fd);
        }
        end->poll_fd = pfd.fd;
        end->poll_refs++;
    }
}

static void do_poll(void)
{
    struct pollfd fds[EXPORTS + IMPORTS];
    end_t *ends[EXPORTS + IMPORTS];
    unsigned n = 0;
    int ready = 0;
    int count = 4711;

    for (unsigned i = 0; i < EXPORTS + IMPORTS; i++) {
        end_t *end = i < EXPORTS ? &exports[i].end : &imports[i - EXPORTS].end;

        if (end->alive && end->poll_fd != NOTHING) {
            fds[n] = (struct pollfd){.fd = end->poll_fd, .events = POLLRDNORM};
            ends[n++] = end;
            ready += end->events > 0 ? 1 : 0;
        }
    }
    t_expect_eq(poll(fds, n, 0), ready);
    expect(rsm_intr_signal_wait_pollfd(fds, n, 0, &count),
           ready > 0 ? RSM_SUCCESS : RSMERR_TIMEOUT);
    t_expect_eq(count, ready);
    for (unsigned i = 0; i < n; i++) {
        t_expect_eq(fds[i].revents, ends[i]->events > 0 ? POLLRDNORM : 0);
        /* Without references it is an ordinary descriptor. */
        ends[i]->events -= ends[i]->events > 0 && ends[i]->poll_refs > 0 ? 1 : 0;
    }
}

/* ---- The run ----------------------------------------------------------------------------- */

static const struct {
    void (*act)(void);
    unsigned weight;
    const char *name;
} actions[] = {
    {do_create, 8, "create"},
    {do_publish, 10, "publish"},
    {do_republish, 4, "republish"},
    {do_unpublish, 1, "unpublish"},
    {do_rebind, 8, "rebind"},
    {do_destroy, 1, "destroy"},
    {do_connect, 20, "connect"},
    {do_disconnect, 8, "disconnect"},
    {do_mode, 8, "mode"},
    {do_init, 10, "init_barrier"},
    {do_barrier, 25, "barrier"},
    {do_put_get, 40, "put or get"},
    {do_vector, 50, "vector"},
    {do_store, 10, "store"},
    {do_post_import, 8, "post of an import"},
    {do_post_export, 6, "post of an export"},
    {do_wait, 15, "wait"},
    {do_pollfd, 10, "pollfd"},
    {do_poll, 6, "poll"},
};
#define ACTIONS (sizeof actions / sizeof actions[0])

static void act(unsigned step)
{
    unsigned total = 0;
    unsigned pick;
    unsigned i;

    for (i = 0; i < ACTIONS; i++) {
        total += actions[i].weight;
    }
    pick = below(total);
    for (i = 0; pick >= actions[i].weight; i++) {
        pick -= actions[i].weight;
    }
    t_note("step %u: %s", step, actions[i].name);
    actions[i].act();
    compare(step);
}

static void release_all(end_t *end)
{
    for (; end->alive && end->poll_refs > 0; end->poll_refs--) {
        expect(rsm_memseg_release_pollfd(end->handle), RSM_SUCCESS);
    }
}

static void end_all(void)
{
    t_note("the end");
    for (unsigned i = 0; i < EXPORTS; i++) {
        release_all(&exports[i].end);
        if (exports[i].end.alive) {
            expect(rsm_memseg_export_destroy(exports[i].end.handle), RSM_SUCCESS);
            cut_all_of((int)i);
        }
    }
    for (unsigned i = 0; i < IMPORTS; i++) {
        release_all(&imports[i].end);
        if (imports[i].end.alive) {
            expect(rsm_memseg_import_disconnect(imports[i].end.handle), RSM_SUCCESS);
        }
    }
    expect(rsm_free_localmemory_handle(fake_ctl, local_handle), RSM_SUCCESS);
}

static void make_memory(memory_t *memory)
{
    memory->real = fake_pages(SIZE / FAKE_PAGE);
    t_rand_fill(&rnd, memory->model, SIZE);
    memcpy(memory->real, memory->model, SIZE);
}

int main(int argc, char **argv)
{
    uint64_t steps = t_arg_u64(argc, argv, "--steps", 100000);

    t_rand_init(&rnd, t_seed(argc, argv), 0);
    fake_begin();
    t_watchdog((unsigned)(30 + steps / 5000));
    for (unsigned i = 0; i < MEMORIES; i++) {
        make_memory(&memories[i]);
    }
    make_memory(&mine);
    for (unsigned i = 0; i < IMPORTS; i++) {
        imports[i].export = NOTHING;
    }
    for (unsigned i = 0; i < BARRIERS; i++) {
        barriers[i].import = NOTHING;
    }
    t_require_ok(rsm_create_localmemory_handle(fake_ctl, &local_handle, mine.real, HANDLE_LENGTH));
    for (unsigned step = 0; step < steps && t_failures() < 10; step++) {
        act(step);
    }
    end_all();
    for (unsigned i = 0; i < MEMORIES; i++) {
        compare(i);
        fake_pages_free(memories[i].real, SIZE / FAKE_PAGE);
    }
    fake_pages_free(mine.real, SIZE / FAKE_PAGE);
    t_expect(good_calls > steps / 10 && bad_calls > steps / 10);
    t_print("%lu calls succeeded, %lu failed, all as told in advance", good_calls, bad_calls);
    return fake_finish();
}
