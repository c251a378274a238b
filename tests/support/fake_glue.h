/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A glue without a transport, for tests of the core: type "mpi", one process, and every node but
 * its own is this process again, reached through the glue. Linking it defines rsmi_glues[]. Knows
 * the seam (src/glue.h) and t.h; must not know MPI or the core's objects.
 *
 * What makes it strict:
 * - put and get move nothing: they queue, and flush moves. So a missing flush is a missing byte.
 * - Every call checks what glue.h promises to a glue (no lock held, a range inside the segment, a
 *   caller inside the gate) and fails the test where the promise is broken.
 * - An exporter's events to importers (notify) come from a thread of their own, the agent, as they
 *   would from a network. fake_settle() waits until it has nothing left to do.
 *
 * Second half: the few lines that every test of the core begins and ends with.
 */
#ifndef T_FAKE_GLUE_H
#define T_FAKE_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "glue.h"
#include "rsmapi.h"

/* ---- The glue ---------------------------------------------------------------------------- */

/** What the core calls; the letter is what the log shows. */
typedef enum fake_call {
    FAKE_OPEN,        /* O */
    FAKE_CONNECT,     /* C */
    FAKE_PUT,         /* P */
    FAKE_GET,         /* G */
    FAKE_FLUSH,       /* F */
    FAKE_FLUSH_LOCAL, /* L */
    FAKE_RENEW,       /* R */
    FAKE_MAP,         /* M */
    FAKE_POST,        /* S */
    FAKE_CUT,         /* X */
    FAKE_MOVE,        /* V */
    FAKE_NOTIFY,      /* N */
    FAKE_DRAINED,     /* D */
    FAKE_DISCONNECT,  /* Q */
    FAKE_CALLS
} fake_call_t;

/** How an importer answers a cut, or a move of the segment. */
typedef enum fake_cut_mode {
    FAKE_CUT_AT_ONCE, /* cut() itself; where a call is inside, when that leaves */
    FAKE_CUT_AGENT,   /* the agent, a moment later */
    FAKE_CUT_TOLD,    /* fake_answer_cuts(); a move: the agent */
    FAKE_CUT_NEVER    /* not at all */
} fake_cut_mode_t;

/** Back to the start: no failures, hooks, counts and log; node 0 asks; cuts at once; alive. */
void fake_reset(void);

/** Facts of ports that are opened from now on. At first: node 0 of 4, 1 GiB, 100,000. */
void fake_set_facts(uint32_t node, uint32_t nodes, uint64_t max_segment, uint64_t max_connections);
/** Which node connects come from. At first 0. */
void fake_set_asker(uint32_t node);
/** Who connects, in place of this process. `groups` is kept, not copied. */
void fake_set_identity(uid_t uid, gid_t gid, const gid_t *groups, uint32_t group_count);
void fake_set_cut_mode(fake_cut_mode_t mode);
/** Does the path map? Then segments whose memory is MAP_SHARED can be mapped. At first not. */
void fake_set_mappable(bool mappable);
/** Patience of connections made from now on. At first 2,000 ms. */
void fake_set_patience(unsigned ms);
/** Has the transport ended? At first not. */
void fake_set_ended(bool ended);

/** Let the n-th call from now (1: the next) fail with `code`, once. Not for cut, notify, drained
 * and disconnect, which cannot fail. A failed flush drops what it was to move. */
void fake_fail(fake_call_t call, unsigned n, int code);
/** Has a failure asked for not happened yet? Forgets it. */
bool fake_fail_pending(void);
/**
 * Call `hook` in every `call`, in the calling thread, before it does anything (connect: after the
 * exporter has agreed). NULL: no more. Not for cut and notify, which hold a lock.
 */
void fake_hook(fake_call_t call, void (*hook)(void *arg), void *arg);

/** FAKE_CUT_TOLD: cut all connections that were asked to stop. How many answered "done". */
unsigned fake_answer_cuts(void);
/** FAKE_CUT_TOLD, FAKE_CUT_NEVER: answer "alive, a transfer is under way" for all of them. */
unsigned fake_say_busy(void);
/** The same for the connection that was made last; false: it was not asked. */
bool fake_say_busy_last(void);
/** Connections that were asked to stop and have neither answered nor disconnected. */
unsigned fake_cuts_asked(void);

/** Calls since the reset. */
unsigned fake_count(fake_call_t call);
/** Their letters in order, data calls and signals only ("PFPFS"); valid until the next call here.
 */
const char *fake_log(void);
void fake_log_clear(void);

/** Wait until the agent has delivered everything. */
void fake_settle(void);
/** Deliver an event as the network would: for what was under way before a cut. */
void fake_deliver(uint64_t handle, bool no_accumulate, uint32_t count);

/* ---- What tests begin and end with ------------------------------------------------------- */

/** The controller "mpi0", between fake_begin() and fake_finish(). */
extern rsmapi_controller_handle_t fake_ctl;

/** Watchdog, fixed umask, fake_reset(), controller, and a note of what is alive now. */
void fake_begin(void);
/** Release; expect that only what was alive at fake_begin() is. The exit code of the test. */
int fake_finish(void);
/** Expect that nothing but the controller is alive. */
void fake_expect_clean(void);

#define FAKE_PAGE 4096U

/** Zeroed pages between two that cannot be touched. */
char *fake_pages(size_t pages);
void fake_pages_free(char *memory, size_t pages);

/** A segment over `memory`, published under `id` for everybody. Stops the test if that fails. */
rsm_memseg_export_handle_t fake_export(void *memory, size_t size, rsm_memseg_id_t id);
/** A connection with the rights `perm`. Stops the test if that fails. */
rsm_memseg_import_handle_t fake_import(rsm_node_id_t node, rsm_memseg_id_t id,
                                       rsm_permission_t perm);

/** Entries of vectors. */
rsm_iovec_t fake_va(void *address, size_t local_offset, size_t remote_offset, size_t length);
rsm_iovec_t fake_lh(rsm_localmemory_handle_t handle, size_t local_offset, size_t remote_offset,
                    size_t length);
/** One call of putv or getv. *residual_p may be NULL. */
int fake_putv(rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec, unsigned long count,
              unsigned flags, unsigned long *residual_p);
int fake_getv(rsm_memseg_import_handle_t imp, rsm_iovec_t *iovec, unsigned long count,
              unsigned flags, unsigned long *residual_p);

/**
 * Run `body` in a forked child that is killed after 10 s; expectations of the child count. Returns
 * whether it ended by itself, with all of them met.
 */
bool fake_in_child(void (*body)(void *arg), void *arg);
/** As fake_in_child(), silently: the child's wait status. */
int fake_child_status(void (*body)(void *arg), void *arg);

/** Sleep. */
void fake_ms(unsigned ms);

#endif
