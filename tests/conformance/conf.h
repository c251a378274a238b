/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the conformance suite are written with. Knows public symbols of the library and
 * t.h; must not know which glue is under it (conf_env.h does).
 *
 * A test has one text for two roles. An exporter makes segments, importers connect to them; which
 * process plays what is the cast's affair:
 *
 *     conf_stage(c, 0);                         the exporter publishes c->segment under c->id
 *     conf_enter(c, RSM_PERM_RDWR);             every importer connects
 *     CONF_IMPORTERS(c, me) {                   what each importer does
 *         t_expect_ok(rsm_memseg_import_put(me->imp, me->slot, me->out, 8));
 *     }
 *     conf_sync(c);                             all steps above are over, everywhere
 *     if (c->exports) {                         what the exporter does
 *         …
 *     }
 *     conf_strike(c);                           both give everything back
 *
 * Under MPI each part runs in another rank, and conf_sync() is a barrier; every rank is the
 * exporter once. On the fake glue one thread plays all parts, one after the other. To oneself and
 * on loopback every process plays all parts alone. So a step must not need another role's step of
 * the same scene; what has to happen while another sleeps goes through conf_later().
 *
 * What a test proves is told to the reader and to list.sh in the same words: PROVES(33) beside its
 * name in the table, PAIR(function, code) where a code is expected.
 */
#ifndef T_CONF_H
#define T_CONF_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rsmapi.h"
#include "t.h"

/* ---- Tests ------------------------------------------------------------------------------- */

/** Where a test runs. */
enum {
    CONF_REMOTE = 1,   /* exporter and importers are different nodes of mpi0 */
    CONF_SELF = 2,     /* one process, its own node of mpi0 */
    CONF_LOOPBACK = 4, /* one process, the controller loopback */
    CONF_LOCAL = CONF_SELF | CONF_LOOPBACK,
    CONF_EVERYWHERE = CONF_REMOTE | CONF_LOCAL,
    CONF_LAST = 8 /* once, as CONF_REMOTE with the first cast, behind all others */
};

typedef struct conf conf_t;

typedef struct conf_test {
    const char *name;
    void (*body)(conf_t *c);
    unsigned ways;
    const char *proves; /* numbers of statements; may be "" */
} conf_test_t;

/** Statements of the checklist (reference 22), by number. */
#define PROVES(...) #__VA_ARGS__
/** The code, and the note that `function` was made to return it (reference, Appendix A). */
#define PAIR(function, code) (code)
#define CONF_TEST(function, ways, proves)                                                          \
    {                                                                                              \
        .name = #function, .body = (function), (ways), proves                                      \
    }
/** End of a table. */
#define CONF_END                                                                                   \
    {                                                                                              \
        NULL, NULL, 0, NULL                                                                        \
    }

/* ---- The cast ---------------------------------------------------------------------------- */

enum {
    CONF_PAGE = 4096,
    CONF_PAGES = 4,
    CONF_LENGTH = CONF_PAGES * CONF_PAGE, /* bytes of the staged segment */
    CONF_SLOT = 1024,                     /* bytes of it that belong to one importer */
    CONF_IMPORTERS_MAX = 8,
    CONF_IDS = 16,       /* ids from c->id on that belong to one run; the last is never published */
    CONF_WAIT_MS = 20000 /* for events that must come */
};

typedef struct conf_importer {
    unsigned at;        /* 0 … importers - 1, in the whole job */
    rsm_node_id_t node; /* as whom it connects */
    off_t slot;         /* start of its part of the segment */
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier;
    _Alignas(8) unsigned char out[CONF_SLOT]; /* a pattern of its own */
    _Alignas(8) unsigned char in[CONF_SLOT];
    void *prop;       /* the test's */
    pthread_t thread; /* conf_later() and the next three */
    int code;         /* what the thread found */
    unsigned later_ms;
    void (*later)(struct conf_importer *me);
} conf_importer_t;

struct conf {
    unsigned way;
    rsmapi_controller_handle_t controller;
    rsm_memseg_id_t id;
    rsm_node_id_t exporter;                   /* its node */
    unsigned importers;                       /* in the whole job */
    bool exports;                             /* this process plays the exporter */
    unsigned first;                           /* of the importers that this process plays … */
    unsigned here;                            /* … and how many */
    bool maps;                                /* the data path maps segments */
    conf_importer_t mine[CONF_IMPORTERS_MAX]; /* by `at`; those played elsewhere are unused */
    char *memory;
    rsm_memseg_export_handle_t segment;
};

/** Each importer that this process plays; not to be left with break or return. */
#define CONF_IMPORTERS(c, me)                                                                      \
    for (conf_importer_t *me = conf_next((c), NULL); me != NULL; me = conf_next((c), me))

conf_importer_t *conf_next(conf_t *c, conf_importer_t *me);

/** All steps so far are over at all processes that take part, events delivered included. */
void conf_sync(conf_t *c);
/** Say more than the test's name about what is done now: t_note() with that in front. */
void conf_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** A number of the exporter's for everybody: each process calls it. */
uint64_t conf_share(conf_t *c, uint64_t value);
/**
 * The transport ends, as with MPI_Finalize. True: and with it all connections to other nodes (the
 * fake glue's peers are this process, which lives on). In tests that are CONF_LAST.
 */
bool conf_end_transport(void);
/** A node that exists and is none of the importers; false: there is none. */
bool conf_stranger(const conf_t *c, rsm_node_id_t *node_p);

/* ---- Scenes ------------------------------------------------------------------------------ */

/** The exporter makes `memory` and `segment` and publishes it for everybody under `id`. */
void conf_stage(conf_t *c, unsigned flags);
/** Each importer connects to it and binds its barrier. */
void conf_enter(conf_t *c, rsm_permission_t perm);
/** Importers disconnect, the exporter destroys; whoever has nothing does nothing. */
void conf_strike(conf_t *c);
/** Only the importers' half of it. */
void conf_leave(conf_t *c);

/** Segments besides the staged one. All calls are repeated while they are interrupted. */
rsm_memseg_export_handle_t conf_create(conf_t *c, void *memory, size_t length, unsigned flags);
void conf_publish(rsm_memseg_export_handle_t segment, rsm_memseg_id_t id);
void conf_unpublish(rsm_memseg_export_handle_t segment);
void conf_rebind(rsm_memseg_export_handle_t segment, void *memory, size_t length);
void conf_destroy(rsm_memseg_export_handle_t segment);
rsm_memseg_import_handle_t conf_connect(conf_t *c, rsm_memseg_id_t id, rsm_permission_t perm);
void conf_disconnect(rsm_memseg_import_handle_t imp);
/** Release the controller until it is gone, and get it again: handles from before are orphans. */
void conf_renew(conf_t *c);

/* ---- Memory ------------------------------------------------------------------------------ */

/** Zeroed pages between two that cannot be touched. Shared ones can be mapped twice. */
char *conf_pages(size_t pages, bool shared);
void conf_pages_free(char *memory, size_t pages);
/** Where nothing is mapped: below what the kernel gives away. */
#define CONF_NOWHERE ((void *)CONF_PAGE)
/** Pages that can only be read. */
char *conf_pages_readonly(size_t pages);
/** Bytes that differ by `seed` and place. */
void conf_fill(void *memory, size_t len, unsigned seed);
/** Are they there? */
void conf_expect_fill(const void *memory, size_t len, unsigned seed);
/** Are all bytes `value`? */
void conf_expect_bytes(const void *memory, size_t len, unsigned char value);

/* ---- Vectors ----------------------------------------------------------------------------- */

typedef int (*conf_vector_fn_t)(rsm_scat_gath_t *request);

rsm_iovec_t conf_va(void *address, size_t local_offset, size_t remote_offset, size_t length);
rsm_iovec_t conf_lh(rsm_localmemory_handle_t handle, size_t local_offset, size_t remote_offset,
                    size_t length);
/** One call. *residual_p may be NULL. Expects that nothing else in the request is changed. */
int conf_vector(conf_vector_fn_t call, rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec,
                unsigned long count, unsigned flags, unsigned long *residual_p);

/* ---- Events ------------------------------------------------------------------------------ */

/** Posts of this process to `node` that have returned are in its counters afterwards. */
void conf_arrive(conf_t *c, rsm_node_id_t node);
/** As conf_arrive(), from the exporter to all importers. */
void conf_arrive_all(conf_t *c);
/** Consume `count` events and expect that there was not one more. */
void conf_expect_events(void *handle, unsigned count);

/**
 * In `ms` from now a thread calls `later(me)` once. conf_joined() waits for it; me->code is the
 * thread's to set.
 */
void conf_later(conf_importer_t *me, unsigned ms, void (*later)(conf_importer_t *me));
void conf_joined(conf_importer_t *me);

/** Send this thread signals, every few ms, until the end. The handler does nothing. */
void conf_pester(void);
void conf_pester_end(void);

/* ---- Order of checks --------------------------------------------------------------------- */

/** One check of a call, in the order of the reference. */
typedef struct conf_rung {
    const char *what;
    unsigned argument; /* two things cannot be wrong with one argument at once */
    int code;          /* RSM_SUCCESS: not a mistake in this call */
} conf_rung_t;

enum { CONF_RUNGS_MAX = 24 };
/** Is rung `rung` to be wrong? */
#define CONF_WRONG(wrong, rung) (((wrong) >> (rung)&1U) != 0)

/**
 * Make each thing wrong alone, then each two that can be wrong at once: the first in the order has
 * to win. `call` makes the call with those things wrong whose bits are set.
 */
void conf_order(const conf_rung_t *rungs, unsigned count, int (*call)(void *arg, unsigned wrong),
                void *arg);
#define CONF_ORDER(rungs, call, arg)                                                               \
    conf_order((rungs), sizeof(rungs) / sizeof((rungs)[0]), (call), (arg))

/**
 * Import handles for orders: with the controller they came from released or not, cut off or not,
 * and with each pair of rights. `id` is the staged segment's; `id` + 1 was another one.
 */
typedef struct conf_handles {
    rsm_memseg_import_handle_t by[2][2][4]; /* orphan, cut, rights >> 7 */
} conf_handles_t;

/** Each importer's me->prop points to such handles afterwards. The segment is staged. */
void conf_make_handles(conf_t *c);
rsm_memseg_import_handle_t conf_handle(const conf_importer_t *me, bool orphan, bool cut,
                                       rsm_permission_t perm);
void conf_drop_handles(conf_t *c);

/* ---- Other processes --------------------------------------------------------------------- */

/** Run `body` in a forked child that is killed after 10 s. Its failures count. */
void conf_in_child(void (*body)(void *arg), void *arg);

void conf_ms(unsigned ms);

#endif
