/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bad input to the real library: handles that are none, vectors that lie, rights not granted, nodes
 * and ids that do not exist, and sites where the controller cannot be opened. Knows RSMAPI's
 * documented codes; must not know where the library tests what.
 *
 * Description: bad_input             two ranks: rank 0 exports, rank 1 misbehaves
 *              bad_input site        the controller must not open; nothing of MPI is touched here
 *              bad_input multiple    the same, the program having started MPI with the full level
 *              bad_input funneled    the same, with a lower level
 *              bad_input finalized   the same, MPI being over
 *              bad_input plain       without the library: does MPI start here?
 * bad_site.sh runs the last five in surroundings where they have to hold, and reads stderr.
 *
 * Proves: the code of each mistake, in the documented order of tests; the residual; nothing moved,
 * neither in the target nor around it; outputs untouched or cleared as documented; afterwards
 * everything works as before and no descriptor is lost.
 */
#include <dirent.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "rsmapi.h"
#include "t_mpi.h"

enum {
    PAGE = 4096,
    BYTES = 4 * PAGE,
    SEGMENT_ID = 0x00400400, /* of rank 0; the next ones are variants */
    OWN_ID = 0x00400480,     /* of each rank itself */
    TRAP = 0x55,             /* in pages around segments and local memory */
    TOO_MANY = 65537,
};

static rsmapi_controller_handle_t controller;

/** Everything that is no handle of any kind. */
static void *const rubbish[] = {NULL, (void *)1, (void *)UINTPTR_MAX, (void *)0x1234567800000003,
                                &controller};
enum { RUBBISH = sizeof rubbish / sizeof *rubbish };

/** Pages with a page of TRAP on both sides. */
static char *map_pages(size_t bytes)
{
    char *all =
        mmap(NULL, bytes + 2UL * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(all != MAP_FAILED);
    memset(all, TRAP, bytes + 2UL * PAGE);
    return all + PAGE;
}

static void check_traps(const char *pages, size_t bytes)
{
    static char trap[PAGE];

    memset(trap, TRAP, sizeof trap);
    t_expect_mem(pages - PAGE, trap, PAGE);
    t_expect_mem(pages + bytes, trap, PAGE);
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return n;
}

/* ---- Handles --------------------------------------------------------------------------------- */

/** One live handle of each class, and one dead one. */
typedef struct zoo {
    void *live[4]; /* controller, export, import, local memory */
    void *dead[4];
} zoo_t;

enum { CONTROLLER, EXPORT, IMPORT, LOCAL, CLASSES };

static int barrier_call(int which, rsmapi_barrier_t *barrier)
{
    switch (which) {
    case 0:
        return rsm_memseg_import_open_barrier(barrier);
    case 1:
        return rsm_memseg_import_order_barrier(barrier);
    case 2:
        return rsm_memseg_import_close_barrier(barrier);
    default:
        return rsm_memseg_import_destroy_barrier(barrier);
    }
}

static void refuse_as_controller(void *bad, char *memory)
{
    rsmapi_controller_attr_t attr;
    rsm_memseg_export_handle_t export = (void *)1;
    rsm_memseg_import_handle_t import = (void *)1;
    rsm_localmemory_handle_t local = (void *)1;

    t_expect_code(rsm_get_controller_attr(bad, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(bad, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_release_controller(bad), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_export_create(bad, &export, memory, BYTES, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect(export == NULL);
    t_expect_code(rsm_memseg_export_create(bad, NULL, NULL, 0, 0), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_memseg_import_connect(bad, 0, SEGMENT_ID, RSM_PERM_READ, &import),
                  RSMERR_BAD_CTLR_HNDL);
    t_expect(import == NULL);
    t_expect_code(rsm_memseg_import_connect(bad, 99, 0, 07777, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_create_localmemory_handle(bad, &local, memory, BYTES), RSMERR_BAD_CTLR_HNDL);
    t_expect(local == (void *)1);
    t_expect_code(rsm_free_localmemory_handle(bad, NULL), RSMERR_BAD_CTLR_HNDL);
}

static void refuse_as_export(void *bad)
{
    rsm_memseg_id_t id = SEGMENT_ID + 50;

    t_expect_code(rsm_memseg_export_publish(bad, NULL, NULL, 1), RSMERR_BAD_SEGID);
    t_expect_code(rsm_memseg_export_publish(bad, &id, NULL, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_publish(bad, &id, NULL, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(id, SEGMENT_ID + 50);
    t_expect_code(rsm_memseg_export_unpublish(bad), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_export_destroy(bad), RSMERR_BAD_SEG_HNDL);
}

static void refuse_as_import(void *bad, char *memory)
{
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE, .local.vaddr = memory, .transfer_length = 8};
    rsm_scat_gath_t request = {
        .io_request_count = 1, .io_residual_count = 77, .remote_handle = bad, .iovec = &piece};
    rsm_scat_gath_t empty = {.io_request_count = 0, .remote_handle = bad};
    rsmapi_barrier_t barrier = {0};
    rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;

    t_expect_code(rsm_memseg_import_disconnect(bad), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get_mode(bad, &mode), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_get_mode(bad, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(mode, RSM_BARRIER_MODE_EXPLICIT);
    t_expect_code(rsm_memseg_import_set_mode(bad, (rsm_barrier_mode_t)7), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(bad, RSM_BAR_DEFAULT, &barrier),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_init_barrier(bad, RSM_BAR_DEFAULT, NULL), RSMERR_BAD_SEG_HNDL);
    t_expect(barrier.seg == NULL);
    t_expect_code(rsm_memseg_import_putv(&request), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(request.io_residual_count, 1);
    request.io_residual_count = 77;
    t_expect_code(rsm_memseg_import_getv(&request), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(request.io_residual_count, 1);
    t_expect_code(rsm_memseg_import_putv(&empty), RSMERR_BAD_SEG_HNDL);

    barrier.seg = bad; /* an object that was never initialised, or whose handle is gone */
    for (int i = 0; i < 4 && bad != NULL; i++) {
        t_expect_code(barrier_call(i, &barrier), RSMERR_BARRIER_UNINITIALIZED);
    }
}

static void refuse_as_segment(void *bad)
{
    t_expect_code(rsm_intr_signal_post(bad, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(bad, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_intr_signal_wait(bad, -1), RSMERR_BAD_SEG_HNDL);
}

static void refuse_as_local(void *bad, rsm_memseg_import_handle_t import)
{
    rsm_iovec_t piece = {.io_type = RSM_HANDLE_TYPE, .local.handle = bad, .transfer_length = 8};
    rsm_scat_gath_t request = {.io_request_count = 1, .remote_handle = import, .iovec = &piece};

    t_expect_code(rsm_free_localmemory_handle(controller, bad), RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(rsm_memseg_import_putv(&request), RSMERR_BAD_SGIO);
    t_expect_eq(request.io_residual_count, 1);
    piece.transfer_length = 0; /* passes the same checks */
    t_expect_code(rsm_memseg_import_getv(&request), RSMERR_BAD_SGIO);
}

/** `bad` is of class `kind`, or of none (CLASSES), or dead (CLASSES too): refuse it elsewhere. */
static void refuse(void *bad, int kind, const zoo_t *zoo, char *memory)
{
    t_note("handle %p", bad);
    if (kind != CONTROLLER) {
        refuse_as_controller(bad, memory);
    }
    if (kind != EXPORT) {
        refuse_as_export(bad);
    }
    if (kind != IMPORT) {
        refuse_as_import(bad, memory);
    }
    if (kind != EXPORT && kind != IMPORT) {
        refuse_as_segment(bad);
    }
    if (kind != LOCAL) {
        refuse_as_local(bad, zoo->live[IMPORT]);
    }
}

static void fill_zoo(zoo_t *zoo, char *memory)
{
    rsm_memseg_export_handle_t export;
    rsm_memseg_import_handle_t import;
    rsm_localmemory_handle_t local;
    rsmapi_barrier_t barrier = {0};

    for (int i = 0; i < 2; i++) { /* the first set dies */
        t_require_ok(rsm_memseg_export_create(controller, &export, memory, BYTES, 0));
        t_require_ok(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_RDWR, &import));
        t_require_ok(rsm_create_localmemory_handle(controller, &local, memory, BYTES));
        zoo->live[CONTROLLER] = controller;
        zoo->live[EXPORT] = export;
        zoo->live[IMPORT] = import;
        zoo->live[LOCAL] = local;
        if (i == 0) {
            *zoo = (zoo_t){.dead = {controller, export, import, local}};
            t_expect_ok(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, &barrier));
            t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
            t_expect_ok(rsm_memseg_export_destroy(export));
            t_expect_ok(rsm_memseg_import_disconnect(import));
            t_expect_ok(rsm_free_localmemory_handle(controller, local));
            t_expect_ok(rsm_release_controller(controller)); /* the only reference */
            for (int k = 0; k < 4; k++) {
                t_expect_code(barrier_call(k, &barrier), RSMERR_BARRIER_UNINITIALIZED);
            }
            t_require_ok(rsm_get_controller("mpi0", &controller)); /* local now */
            t_expect(controller != zoo->dead[CONTROLLER]);
        }
    }
}

static void check_handles(char *memory)
{
    zoo_t zoo;

    fill_zoo(&zoo, memory);
    for (int i = 0; i < RUBBISH; i++) {
        refuse(rubbish[i], CLASSES, &zoo, memory);
    }
    for (int kind = 0; kind < CLASSES; kind++) {
        refuse(zoo.live[kind], kind, &zoo, memory);
        refuse(zoo.dead[kind], CLASSES, &zoo, memory);
    }
    /* None of that has hurt the live ones. */
    t_expect_code(rsm_intr_signal_wait(zoo.live[EXPORT], 0), RSMERR_TIMEOUT);
    t_expect_ok(rsm_memseg_export_destroy(zoo.live[EXPORT]));
    t_expect_ok(rsm_memseg_import_disconnect(zoo.live[IMPORT]));
    t_expect_ok(rsm_free_localmemory_handle(controller, zoo.live[LOCAL]));
}

/* ---- Results that cannot be written, names, arguments of export -------------------------------
 */

static void check_controller_names(void)
{
    static char longest[400];
    rsmapi_controller_handle_t handle = (void *)1;

    memset(longest, 'm', sizeof longest - 1);
    t_expect_code(rsm_get_controller("mpi0", NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller("", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_get_controller("0", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_get_controller("sci0", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_get_controller("mpi99999999999999999999", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_get_controller("mpi-1", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_code(rsm_get_controller(longest, &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect(handle == (void *)1);
    t_expect_code(rsm_get_controller_attr(controller, NULL), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_interconnect_topology(NULL), RSMERR_BAD_TOPOLOGY_PTR);
    rsm_free_interconnect_topology(NULL);
}

static void refuse_create(void *memory, size_t bytes, int code)
{
    rsm_memseg_export_handle_t export = (void *)1;

    t_expect_code(rsm_memseg_export_create(controller, &export, memory, bytes, 0), code);
    t_expect(export == NULL);
}

static void check_create(char *memory)
{
    char *hole = map_pages(3L * PAGE);
    char *top = (char *)(UINTPTR_MAX - PAGE + 1);
    rsm_localmemory_handle_t local = (void *)1;

    t_require_eq(munmap(hole + PAGE, PAGE), 0);
    t_expect_code(rsm_memseg_export_create(controller, NULL, memory, BYTES, 0),
                  RSMERR_BAD_SEG_HNDL);
    refuse_create(NULL, BYTES, RSMERR_BAD_ADDR);
    refuse_create(NULL, 0, RSMERR_BAD_ADDR);
    refuse_create(memory + 1, 0, RSMERR_BAD_LENGTH);
    refuse_create(memory + 1, PAGE, RSMERR_BAD_MEM_ALIGNMENT);
    refuse_create(memory, PAGE + 1, RSMERR_BAD_MEM_ALIGNMENT);
    refuse_create(memory, SIZE_MAX, RSMERR_BAD_MEM_ALIGNMENT);
    refuse_create(memory, SIZE_MAX & ~(size_t)(PAGE - 1), RSMERR_BAD_LENGTH);
    refuse_create(top, 2L * PAGE, RSMERR_BAD_ADDR);
    refuse_create(hole, 3L * PAGE, RSMERR_BAD_ADDR);
    refuse_create(hole + PAGE, PAGE, RSMERR_BAD_ADDR);
    t_require_eq(mprotect(hole, PAGE, PROT_READ), 0);
    refuse_create(hole, PAGE, RSMERR_PERM_DENIED);
    t_require_eq(mprotect(hole, PAGE, PROT_NONE), 0);
    refuse_create(hole, PAGE, RSMERR_PERM_DENIED);

    t_expect_code(rsm_create_localmemory_handle(NULL, NULL, memory + 1, 0), RSMERR_BAD_ADDR);
    t_expect_code(rsm_create_localmemory_handle(controller, NULL, memory, 0),
                  RSMERR_BAD_LOCALMEM_HNDL);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, memory, 0), RSMERR_BAD_LENGTH);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, NULL, 8), RSMERR_BAD_ADDR);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, hole + PAGE, 8),
                  RSMERR_BAD_ADDR);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, memory, SIZE_MAX),
                  RSMERR_BAD_ADDR);
    t_expect_code(rsm_create_localmemory_handle(controller, &local, top, 2L * PAGE),
                  RSMERR_BAD_ADDR);
    t_expect(local == (void *)1);
    (void)munmap(hole - PAGE, 2L * PAGE);
    (void)munmap(hole + 2L * PAGE, 2L * PAGE);
}

static void refuse_publish(rsm_memseg_export_handle_t export, rsm_memseg_id_t id,
                           rsmapi_access_entry_t *list, unsigned length, int code)
{
    rsm_memseg_id_t given = id;

    t_expect_code(rsm_memseg_export_publish(export, &id, list, length), code);
    t_expect_eq(id, given);
}

static void check_publish(char *memory)
{
    static rsmapi_access_entry_t list[TOO_MANY];
    rsm_memseg_export_handle_t export;
    rsm_memseg_export_handle_t other;
    rsm_memseg_id_t id = SEGMENT_ID + 60;
    char *gone = map_pages(PAGE);

    t_require_eq(munmap(gone, PAGE), 0);
    t_require_ok(rsm_memseg_export_create(controller, &export, memory, BYTES, 0));
    t_require_ok(rsm_memseg_export_create(controller, &other, memory, BYTES, 0));
    t_expect_code(rsm_memseg_export_unpublish(export), RSMERR_SEG_NOT_PUBLISHED);
    refuse_publish(export, id, NULL, 1, RSMERR_BAD_ACL);
    refuse_publish(export, 1, NULL, 0, RSMERR_RESERVED_SEGID);
    refuse_publish(export, 0x003fffff, NULL, 0, RSMERR_RESERVED_SEGID);
    refuse_publish(export, 0x80000000, NULL, 0, RSMERR_RESERVED_SEGID);
    refuse_publish(export, UINT32_MAX, NULL, 0, RSMERR_RESERVED_SEGID);
    refuse_publish(export, id, list, TOO_MANY, RSMERR_BAD_ACL);
    refuse_publish(export, id, (rsmapi_access_entry_t *)(void *)gone, 3, RSMERR_BAD_ADDR);
    list[1].ae_node = 2; /* there are two ranks */
    refuse_publish(export, id, list, 2, RSMERR_BAD_ACL);
    list[1].ae_node = UINT32_MAX;
    refuse_publish(export, id, list, 2, RSMERR_BAD_ACL);
    list[1].ae_node = 1;
    list[1].ae_permission = 0667;
    refuse_publish(export, id, list, 2, RSMERR_BAD_ACL);
    list[1].ae_permission = UINT32_MAX;
    refuse_publish(export, id, list, 2, RSMERR_BAD_ACL);

    t_expect_ok(rsm_memseg_export_publish(export, &id, list, 0)); /* the length decides */
    refuse_publish(export, 1, NULL, 0, RSMERR_SEG_ALREADY_PUBLISHED);
    refuse_publish(other, id, NULL, 0, RSMERR_SEGID_IN_USE);
    t_expect_ok(rsm_memseg_export_unpublish(export));
    t_expect_ok(rsm_memseg_export_publish(other, &id, NULL, 0));
    t_expect_ok(rsm_memseg_export_destroy(other));
    t_expect_ok(rsm_memseg_export_destroy(export));
    (void)munmap(gone - PAGE, PAGE);
    (void)munmap(gone + PAGE, PAGE);
}

/* ---- Vectors -----------------------------------------------------------------------------------
 */

/** A connection under test, and what its segment has to look like. */
typedef struct target {
    rsm_memseg_import_handle_t import;
    char *model;                     /* BYTES */
    char *local;                     /* BYTES, with traps; filled with what a put brings */
    rsm_localmemory_handle_t handle; /* all of local but the last 100 bytes */
} target_t;

enum { HANDLE_BYTES = BYTES - 100, GOOD = 5 }; /* entries of a vector */

static int move(const target_t *target, rsm_iovec_t *pieces, unsigned long count, bool get,
                unsigned long *residual)
{
    rsm_scat_gath_t request = {.io_request_count = count,
                               .io_residual_count = 4711,
                               .flags = RSM_IMPLICIT_SIGPOST,
                               .remote_handle = target->import,
                               .iovec = pieces};
    int rc = get ? rsm_memseg_import_getv(&request) : rsm_memseg_import_putv(&request);

    t_expect_eq(request.io_request_count, count);
    t_expect_eq(request.flags, RSM_IMPLICIT_SIGPOST);
    t_expect(request.iovec == pieces && request.remote_handle == target->import);
    *residual = request.io_residual_count;
    return rc;
}

/** The whole segment is as the model says. */
static void check_segment(const target_t *target)
{
    static char *image;
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE, .transfer_length = BYTES};
    rsm_scat_gath_t request = {
        .io_request_count = 1, .remote_handle = target->import, .iovec = &piece};

    if (image == NULL) {
        image = map_pages(BYTES);
    }
    memset(image, 0, BYTES);
    piece.local.vaddr = image;
    t_expect_ok(rsm_memseg_import_getv(&request));
    t_expect_mem(image, target->model, BYTES);
    check_traps(image, BYTES);
}

/** A vector of good entries with `bad` at place k: `code`, those before it done, no other. */
static void refuse_piece(const target_t *target, rsm_iovec_t bad, int code)
{
    static unsigned char fill;
    char *before = malloc(BYTES);

    t_require(before != NULL);
    for (int k = 0; k < GOOD; k++) {
        for (int get = 0; get < 2; get++) {
            rsm_iovec_t pieces[GOOD];
            unsigned long residual = 0;

            fill++;
            memset(target->local, fill, BYTES);
            for (int i = 0; i < GOOD; i++) {
                rsm_iovec_t good = {.io_type = i % 2 == 0 ? RSM_VA_TYPE : RSM_HANDLE_TYPE,
                                    .local_offset = (size_t)i * 200,
                                    .remote_offset = (size_t)i * 100 + 7,
                                    .transfer_length = 31};

                if (i % 2 == 0) {
                    good.local.vaddr = target->local;
                } else {
                    good.local.handle = target->handle;
                }
                pieces[i] = i == k ? bad : good;
            }
            memcpy(before, target->local, BYTES);
            t_expect_code(move(target, pieces, GOOD, get != 0, &residual), code);
            t_expect_eq(residual, (unsigned long)(GOOD - k));
            for (int i = 0; i < k; i++) {
                size_t local_at = (size_t)i * 200;
                size_t remote_at = (size_t)i * 100 + 7;

                if (get != 0) {
                    memcpy(before + local_at, target->model + remote_at, 31);
                } else {
                    memset(target->model + remote_at, fill, 31);
                }
            }
            t_expect_mem(target->local, before, BYTES);
            check_traps(target->local, BYTES);
        }
    }
    check_segment(target);
    free(before);
}

static void refuse_range(const target_t *target, size_t offset, size_t length, int code)
{
    rsm_iovec_t address = {.io_type = RSM_VA_TYPE,
                           .local.vaddr = target->local,
                           .remote_offset = offset,
                           .transfer_length = length};
    rsm_iovec_t handle = {.io_type = RSM_HANDLE_TYPE,
                          .local.handle = target->handle,
                          .remote_offset = offset,
                          .transfer_length = length};

    t_note("remote range %zu + %zu", offset, length);
    refuse_piece(target, address, code);
    refuse_piece(target, handle, code);
}

static void refuse_local_range(const target_t *target, size_t offset, size_t length, int code)
{
    rsm_iovec_t piece = {.io_type = RSM_HANDLE_TYPE,
                         .local.handle = target->handle,
                         .local_offset = offset,
                         .transfer_length = length};

    t_note("local range %zu + %zu", offset, length);
    refuse_piece(target, piece, code);
}

static void check_pieces(const target_t *target)
{
    const size_t top = SIZE_MAX;
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = target->local, .transfer_length = 8};
    static const int types[] = {0, 3, -1, INT32_MAX};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        piece.io_type = types[i];
        refuse_piece(target, piece, RSMERR_BAD_SGIO);
    }
    piece.io_type = RSM_VA_TYPE;
    piece.local.vaddr = NULL;
    refuse_piece(target, piece, RSMERR_BAD_ADDR);
    piece.local_offset = 100;
    refuse_piece(target, piece, RSMERR_BAD_ADDR);

    refuse_range(target, BYTES + 1, 0, RSMERR_BAD_OFFSET);
    refuse_range(target, BYTES + 1, 8, RSMERR_BAD_OFFSET);
    refuse_range(target, top, 1, RSMERR_BAD_OFFSET);
    refuse_range(target, top - 7, 16, RSMERR_BAD_OFFSET); /* the sum wraps to 8 */
    refuse_range(target, (size_t)1 << 63, (size_t)1 << 63, RSMERR_BAD_OFFSET);
    refuse_range(target, BYTES, 1, RSMERR_BAD_LENGTH);
    refuse_range(target, BYTES - 7, 8, RSMERR_BAD_LENGTH);
    refuse_range(target, 0, BYTES + 1, RSMERR_BAD_LENGTH);
    refuse_range(target, 0, top, RSMERR_BAD_LENGTH);
    refuse_range(target, 8, top - 7, RSMERR_BAD_LENGTH); /* the sum wraps to 0 */
    refuse_range(target, 16, top - 7, RSMERR_BAD_LENGTH);

    refuse_local_range(target, HANDLE_BYTES + 1, 0, RSMERR_BAD_OFFSET);
    refuse_local_range(target, top, 2, RSMERR_BAD_OFFSET);
    refuse_local_range(target, top - 7, 16, RSMERR_BAD_OFFSET);
    refuse_local_range(target, HANDLE_BYTES, 1, RSMERR_BAD_LENGTH);
    refuse_local_range(target, HANDLE_BYTES - 7, 8, RSMERR_BAD_LENGTH);
    refuse_local_range(target, 1, HANDLE_BYTES, RSMERR_BAD_LENGTH);

    piece = (rsm_iovec_t){
        .io_type = RSM_VA_TYPE, .local.vaddr = (char *)(UINTPTR_MAX - 3), .transfer_length = 8};
    refuse_piece(target, piece, RSMERR_BAD_ADDR); /* the address wraps */
    piece = (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                          .local.vaddr = target->local,
                          .local_offset = top,
                          .transfer_length = 8};
    refuse_piece(target, piece, RSMERR_BAD_ADDR);
}

/** Local memory that is not there, or has the wrong protection. */
static void check_unmapped(const target_t *target)
{
    char *pages = map_pages(2L * PAGE);
    rsm_iovec_t piece = {
        .io_type = RSM_VA_TYPE, .local.vaddr = pages + PAGE, .transfer_length = 64};
    rsm_scat_gath_t request = {.io_request_count = 1, .remote_handle = target->import};

    t_note("local memory that is not there");
    t_require_eq(munmap(pages + PAGE, PAGE), 0);
    refuse_piece(target, piece, RSMERR_BAD_ADDR);
    piece.local.vaddr = pages + PAGE - 32; /* half of it */
    refuse_piece(target, piece, RSMERR_BAD_ADDR);

    t_require_eq(mprotect(pages, PAGE, PROT_READ), 0);
    piece.local.vaddr = pages;
    request.iovec = &piece;
    t_expect_code(rsm_memseg_import_getv(&request), RSMERR_BAD_ADDR);
    t_expect_eq(request.io_residual_count, 1);
    t_require_eq(mprotect(pages, PAGE, PROT_NONE), 0);
    t_expect_code(rsm_memseg_import_putv(&request), RSMERR_BAD_ADDR);

    request.iovec = (rsm_iovec_t *)(void *)(pages + PAGE);
    t_expect_code(rsm_memseg_import_putv(&request), RSMERR_BAD_SGIO);
    t_expect_eq(request.io_residual_count, 1);
    t_expect_code(rsm_memseg_import_putv((rsm_scat_gath_t *)(void *)(pages + PAGE)),
                  RSMERR_BAD_SGIO);
    (void)munmap(pages - PAGE, 2L * PAGE);
    (void)munmap(pages + 2L * PAGE, PAGE);
    check_segment(target);
}

static void check_requests(const target_t *target)
{
    static rsm_iovec_t many[TOO_MANY];
    unsigned long residual = 0;

    t_note("requests");
    for (int get = 0; get < 2; get++) {
        t_expect_code(get ? rsm_memseg_import_getv(NULL) : rsm_memseg_import_putv(NULL),
                      RSMERR_BAD_SGIO);
        memset(many, 0, sizeof many);
        for (int i = 0; i < TOO_MANY; i++) {
            many[i] = (rsm_iovec_t){
                .io_type = RSM_VA_TYPE, .local.vaddr = target->local, .transfer_length = 1};
        }
        t_expect_code(move(target, many, 0, get != 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, 0);
        t_expect_code(move(target, NULL, 0, get != 0, &residual), RSMERR_BAD_SGIO);
        t_expect_code(move(target, many, TOO_MANY, get != 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, TOO_MANY);
        t_expect_code(move(target, many, ULONG_MAX, get != 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, ULONG_MAX);
        t_expect_code(move(target, NULL, 3, get != 0, &residual), RSMERR_BAD_SGIO);
        t_expect_eq(residual, 3);
    }
    check_segment(target);
}

/** What looks odd and is right: empty pieces at the ends, an empty NULL, unknown flags. */
static void check_good(const target_t *target)
{
    rsm_iovec_t pieces[] = {
        {.io_type = RSM_VA_TYPE, .local.vaddr = NULL, .transfer_length = 0},
        {.io_type = RSM_VA_TYPE, .local.vaddr = NULL, .remote_offset = BYTES},
        {.io_type = RSM_HANDLE_TYPE,
         .local.handle = target->handle,
         .local_offset = HANDLE_BYTES,
         .remote_offset = BYTES},
        {.io_type = RSM_VA_TYPE,
         .local.vaddr = target->local,
         .remote_offset = BYTES - 8,
         .transfer_length = 8},
    };
    rsm_scat_gath_t request = {.io_request_count = sizeof pieces / sizeof *pieces,
                               .io_residual_count = 9,
                               .flags = 0xfffffff0U,
                               .remote_handle = target->import,
                               .iovec = pieces};

    t_note("a good vector");
    memset(target->local, 0xA7, BYTES);
    t_expect_ok(rsm_memseg_import_putv(&request));
    t_expect_eq(request.io_residual_count, 0);
    memset(target->model + BYTES - 8, 0xA7, 8);
    check_segment(target);
}

static void check_barriers(rsm_memseg_import_handle_t import)
{
    rsmapi_barrier_t barrier = {0};
    rsm_barrier_mode_t mode;

    t_note("barriers");
    t_expect_code(rsm_memseg_import_init_barrier(import, RSM_BAR_DEFAULT, NULL),
                  RSMERR_BAD_BARRIER_PTR);
    for (int i = 0; i < 4; i++) {
        t_expect_code(barrier_call(i, NULL), RSMERR_BAD_BARRIER_PTR);
        t_expect_code(barrier_call(i, &barrier), RSMERR_BARRIER_UNINITIALIZED);
    }
    t_expect_ok(rsm_memseg_import_init_barrier(import, (rsm_barrier_type_t)0x77, &barrier));
    t_expect_code(rsm_memseg_import_order_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_code(rsm_memseg_import_close_barrier(&barrier), RSMERR_BARRIER_NOT_OPENED);
    t_expect_ok(rsm_memseg_import_destroy_barrier(&barrier));
    t_expect_code(rsm_memseg_import_destroy_barrier(&barrier), RSMERR_BARRIER_UNINITIALIZED);

    t_expect_code(rsm_memseg_import_get_mode(import, NULL), RSMERR_BAD_ADDR);
    t_expect_code(rsm_memseg_import_set_mode(import, (rsm_barrier_mode_t)2), RSMERR_BAD_MODE);
    t_expect_code(rsm_memseg_import_set_mode(import, (rsm_barrier_mode_t)-1), RSMERR_BAD_MODE);
    t_expect_ok(rsm_memseg_import_get_mode(import, &mode));
    t_expect_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
}

/** All of it, on rank `node`'s segment, which holds zeros. */
static void check_vectors(rsm_node_id_t node, rsm_memseg_id_t id)
{
    target_t target = {.model = calloc(1, BYTES), .local = map_pages(BYTES)};

    t_require(target.model != NULL);
    t_require_ok(rsm_memseg_import_connect(controller, node, id, RSM_PERM_RDWR, &target.import));
    t_require_ok(
        rsm_create_localmemory_handle(controller, &target.handle, target.local, HANDLE_BYTES));
    check_segment(&target);
    check_pieces(&target);
    check_requests(&target);
    check_unmapped(&target);
    check_barriers(target.import);
    check_good(&target);
    t_expect_ok(rsm_free_localmemory_handle(controller, target.handle));
    t_expect_ok(rsm_memseg_import_disconnect(target.import));
    free(target.model);
    (void)munmap(target.local - PAGE, BYTES + 2L * PAGE);
}

/* ---- Rights ------------------------------------------------------------------------------------
 */

/** Access lists of rank 0's variants; rank 1 is the importer and has the same user. */
static const struct variant {
    rsmapi_access_entry_t list[2];
    unsigned length;
    bool listed;
    rsm_permission_t granted; /* to rank 1 */
} variants[] = {
    {{{.ae_node = 1, .ae_permission = 0600}}, 1, true, RSM_PERM_RDWR},
    {{{.ae_node = 0, .ae_permission = 0666}}, 1, false, 0},
    {{{.ae_node = 1, .ae_permission = 0400}}, 1, true, RSM_PERM_READ},
    {{{.ae_node = 1, .ae_permission = 0266}}, 1, true, RSM_PERM_WRITE}, /* the owner's digit */
    {{{.ae_node = 1, .ae_permission = 0066}}, 1, true, 0},
    {{{.ae_node = 1, .ae_permission = 0400}, {.ae_node = 1, .ae_permission = 0666}},
     2,
     true,
     RSM_PERM_READ},                            /* the first entry counts */
    {{{.ae_node = 0}}, 0, true, RSM_PERM_READ}, /* no list: the umask of rank 0, 0222 */
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void check_variant(int number)
{
    static const rsm_permission_t rights[] = {RSM_PERM_NONE, RSM_PERM_READ, RSM_PERM_WRITE,
                                              RSM_PERM_RDWR};
    const struct variant *variant = &variants[number];

    t_note("access list %d", number);
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        rsm_memseg_import_handle_t import = (void *)1;
        int wanted = !variant->listed                       ? RSMERR_SEG_NOT_PUBLISHED_TO_NODE
                     : (rights[i] & ~variant->granted) != 0 ? RSMERR_PERM_DENIED
                                                            : RSM_SUCCESS;
        rsm_memseg_id_t id = SEGMENT_ID + 1 + (rsm_memseg_id_t)number;

        t_expect_code(rsm_memseg_import_connect(controller, 0, id, rights[i], &import), wanted);
        t_expect((import != NULL) == (wanted == RSM_SUCCESS));
        if (wanted == RSM_SUCCESS && import != NULL) {
            t_expect_ok(rsm_memseg_import_disconnect(import));
        }
    }
}

/** A connection with fewer rights than the segment offers. */
static void check_connected_with(rsm_permission_t perm)
{
    char byte[8] = "changed";
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE, .local.vaddr = byte, .transfer_length = 8};
    rsm_iovec_t bad = {.io_type = 3};
    rsm_memseg_import_handle_t import = NULL;
    rsm_scat_gath_t request = {.io_request_count = 1, .iovec = &piece};

    t_note("connected with rights %o", perm);
    t_require_ok(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, perm, &import));
    request.remote_handle = import;
    request.io_residual_count = 9;
    if ((perm & RSM_PERM_READ) == 0) {
        t_expect_code(rsm_memseg_import_getv(&request), RSMERR_PERM_DENIED);
        t_expect_eq(request.io_residual_count, 1);
        t_expect_str(byte, "changed");
        request.iovec = &bad; /* rights come before entries */
        t_expect_code(rsm_memseg_import_getv(&request), RSMERR_PERM_DENIED);
    }
    request.iovec = &piece;
    if ((perm & RSM_PERM_WRITE) == 0) {
        request.flags = RSM_IMPLICIT_SIGPOST;
        t_expect_code(rsm_memseg_import_putv(&request), RSMERR_PERM_DENIED);
        t_expect_eq(request.io_residual_count, 1);
        request.iovec = NULL; /* … and after the request's own */
        t_expect_code(rsm_memseg_import_putv(&request), RSMERR_BAD_SGIO);
    }
    t_expect_ok(rsm_memseg_import_disconnect(import));
}

static void check_connect(void)
{
    rsm_memseg_import_handle_t import = (void *)1;

    t_note("connect");
    t_expect_code(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, RSM_PERM_READ, NULL),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_connect(controller, 99, 0, 0601, &import), RSMERR_PERM_DENIED);
    t_expect(import == NULL);
    t_expect_code(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, UINT32_MAX, &import),
                  RSMERR_PERM_DENIED);
    t_expect_code(rsm_memseg_import_connect(controller, 2, SEGMENT_ID, RSM_PERM_READ, &import),
                  RSMERR_REMOTE_NODE_UNREACHABLE);
    t_expect_code(
        rsm_memseg_import_connect(controller, UINT32_MAX, SEGMENT_ID, RSM_PERM_READ, &import),
        RSMERR_REMOTE_NODE_UNREACHABLE);
    import = (void *)1;
    t_expect_code(rsm_memseg_import_connect(controller, 0, 0, RSM_PERM_READ, &import),
                  RSMERR_SEG_NOT_PUBLISHED);
    t_expect(import == NULL);
    t_expect_code(rsm_memseg_import_connect(controller, 0, UINT32_MAX, RSM_PERM_READ, &import),
                  RSMERR_SEG_NOT_PUBLISHED);
    t_expect_code(rsm_memseg_import_connect(controller, 1, SEGMENT_ID, RSM_PERM_READ, &import),
                  RSMERR_SEG_NOT_PUBLISHED); /* rank 0's, not mine */
}

/** Refused over and over: nothing piles up. */
static void check_nothing_left(void)
{
    rsm_memseg_import_handle_t import;
    int before = 0;

    t_note("refusals that leave nothing");
    for (int i = 0; i < 200; i++) {
        t_expect_code(rsm_memseg_import_connect(controller, 0, SEGMENT_ID + 99, 0600, &import),
                      RSMERR_SEG_NOT_PUBLISHED);
        t_expect_code(rsm_memseg_import_connect(controller, 0, SEGMENT_ID + 2, 0600, &import),
                      RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
        t_expect_code(rsm_memseg_import_connect(controller, 0, SEGMENT_ID + 3, 0600, &import),
                      RSMERR_PERM_DENIED);
        if (i == 0) {
            before = count_descriptors();
        }
    }
    t_expect_eq(count_descriptors(), before);
    for (int i = 0; i < 3; i++) { /* and connecting works */
        t_expect_ok(rsm_memseg_import_connect(controller, 0, SEGMENT_ID, 0600, &import));
        t_expect_ok(rsm_intr_signal_post(import, 0));
        t_expect_ok(rsm_memseg_import_disconnect(import));
    }
}

/* ---- The two ranks
 * -------------------------------------------------------------------------------- */

static rsm_memseg_export_handle_t export_pages(char *pages, rsm_memseg_id_t id,
                                               rsmapi_access_entry_t *list, unsigned length)
{
    rsm_memseg_export_handle_t export = NULL;

    t_require_ok(rsm_memseg_export_create(controller, &export, pages, BYTES, 0));
    t_require_ok(rsm_memseg_export_publish(export, &id, list, length));
    return export;
}

static void misbehave(void)
{
    rsm_memseg_export_handle_t own;
    char *memory = map_pages(BYTES);
    char *own_memory = map_pages(BYTES);

    check_controller_names();
    check_create(memory);
    check_publish(memory);
    check_handles(memory);
    check_traps(memory, BYTES);
    check_connect();
    for (int i = 0; i < VARIANTS; i++) {
        check_variant(i);
    }
    check_connected_with(RSM_PERM_READ);
    check_connected_with(RSM_PERM_WRITE);
    check_connected_with(RSM_PERM_NONE);
    check_vectors(0, SEGMENT_ID);
    memset(own_memory, 0, BYTES);
    own = export_pages(own_memory, OWN_ID, NULL, 0);
    check_vectors(1, OWN_ID);
    check_traps(own_memory, BYTES);
    t_expect_code(rsm_intr_signal_wait(own, 0), RSMERR_TIMEOUT); /* no failed vector has posted */
    t_expect_ok(rsm_memseg_export_destroy(own));
    check_nothing_left();
}

static void run_two_ranks(int *argc, char ***argv)
{
    rsm_memseg_export_handle_t exports[VARIANTS + 1] = {NULL};
    char *pages = map_pages(BYTES);
    mode_t mask;

    t_mpi_start(argc, argv, MPI_THREAD_MULTIPLE);
    if (t_mpi_size() != 2) {
        t_skip("takes two ranks");
    }
    t_require_ok(rsm_get_controller("mpi0", &controller));
    memset(pages, 0, BYTES);
    if (t_mpi_rank() == 0) {
        exports[VARIANTS] = export_pages(pages, SEGMENT_ID, NULL, 0);
        for (unsigned i = 0; i < VARIANTS; i++) {
            struct variant variant = variants[i];

            mask = umask(0222); /* holds as of creation, where there is no list */
            exports[i] = export_pages(pages, SEGMENT_ID + 1 + i, variant.list, variant.length);
            (void)umask(mask);
        }
    }
    t_barrier();
    if (t_mpi_rank() == 1) {
        misbehave();
    }
    t_barrier();
    if (t_mpi_rank() == 0) {
        check_traps(pages, BYTES);
        for (int i = 0; i < 3; i++) { /* those of check_nothing_left(), and no failed vector's */
            t_expect_ok(rsm_intr_signal_wait(exports[VARIANTS], 10000));
        }
        t_expect_code(rsm_intr_signal_wait(exports[VARIANTS], 0), RSMERR_TIMEOUT);
        for (int i = 0; i <= VARIANTS; i++) {
            t_expect_ok(rsm_memseg_export_destroy(exports[i]));
        }
    }
    t_expect_ok(rsm_release_controller(controller));
}

/** The controller must not open: a code, no abort. What stderr says is the script's to read. */
static int run_site(const char *how, int *argc, char ***argv)
{
    rsmapi_controller_handle_t handle = (void *)1;
    rsm_topology_t *topology = NULL;
    bool by_library = strcmp(how, "site") == 0;
    int level;

    if (!by_library && strcmp(how, "plain") != 0) {
        (void)MPI_Init_thread(
            argc, argv, strcmp(how, "funneled") == 0 ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE,
            &level);
    }
    if (strcmp(how, "plain") == 0) {
        (void)MPI_Init(argc, argv);
        (void)PMPI_Finalize();
        return 0;
    }
    if (strcmp(how, "finalized") == 0) {
        (void)MPI_Finalize();
    }
    t_expect_code(rsm_get_controller("mpi0", &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect(handle == (void *)1);
    t_expect_code(rsm_get_controller_attr(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_ok(rsm_get_interconnect_topology(&topology));
    if (topology != NULL) {
        t_expect_eq(topology->topology_hdr.local_cntlr_count, 0);
    }
    rsm_free_interconnect_topology(topology);
    if (strcmp(how, "multiple") == 0 || strcmp(how, "funneled") == 0) {
        (void)MPI_Barrier(MPI_COMM_WORLD); /* the program's MPI is as good as before */
        (void)MPI_Finalize();
    }
    return t_finish();
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-') {
        return run_site(argv[1], &argc, &argv);
    }
    run_two_ranks(&argc, &argv);
    return t_mpi_finish();
}
