/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam between RSMAPI's rules (src/) and what moves bytes and messages (a glue). No MPI type
 * crosses it, and no rule about rights, states or ranges crosses it in the other direction: a
 * glue never re-validates what the core has proved.
 *
 * Words: the *exporter* owns the memory; the *importer* connected to it. One connection is two
 * objects: rsmg_conn_t at the importer, rsmg_peer_t at the exporter. The glue allocates both and
 * embeds the structures below as their first member.
 *
 * Locks: "down" functions (the ops tables) are called with no lock held, except cut() and
 * notify(), which never block and are called under the export's lock. "Up" functions (the core
 * table) are called by the glue with none of its own locks held, from any thread.
 */
#ifndef RSMG_GLUE_H
#define RSMG_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate.h"

#define RSMG_VERSION 2

typedef struct rsmg_port rsmg_port_t;
typedef struct rsmg_conn rsmg_conn_t;
typedef struct rsmg_peer rsmg_peer_t;

/** What an importer asks for; judged by the core of the exporter. */
typedef struct rsmg_ask {
    uint32_t segment_id;
    uint32_t perm;       /* RSM_PERM_* bits wanted */
    uid_t uid;           /* importer's effective user */
    gid_t gid;           /* importer's effective group */
    const gid_t *groups; /* and its supplementary groups */
    uint32_t group_count;
} rsmg_ask_t;

/** What the exporter grants. */
typedef struct rsmg_grant {
    void *base;       /* the segment, in the exporter's address space */
    uint64_t length;  /* bytes; never changes */
    uint32_t version; /* of `base`: rises with each rebind */
} rsmg_grant_t;

/** What is known once a port is open. Constant until it ends. */
typedef struct rsmg_facts {
    uint32_t node;            /* this process */
    uint32_t nodes;           /* node ids are 0 … nodes-1 */
    uint64_t max_segment;     /* bytes one segment may have */
    uint64_t max_connections; /* live import connections of this process */
} rsmg_facts_t;

/** Importer's end of a connection: operations. */
typedef struct rsmg_conn_ops {
    size_t size;
    const char *name; /* the data path, as messages print it */

    /**
     * Move `len` bytes (len > 0; the range was checked) between local memory and the segment at
     * `offset`. May return before the bytes have moved; the memory must stay until flush().
     * Callers are inside the gate. Errors: RSMERR_BARRIER_FAILURE, RSMERR_CONN_ABORTED.
     */
    int (*put)(rsmg_conn_t *conn, uint64_t offset, const void *src, size_t len);
    int (*get)(rsmg_conn_t *conn, uint64_t offset, void *dst, size_t len);

    /**
     * All puts and gets issued on this connection before the call are complete at both ends when
     * it returns. May block in the transport. Errors as put.
     */
    int (*flush)(rsmg_conn_t *conn);

    /** As flush, but only the local memory need be the caller's again. */
    int (*flush_local)(rsmg_conn_t *conn);

    /**
     * The segment has moved (MOVED is set in the gate, see rsmg_peer_ops_t.move): reach its new
     * memory, and take MOVED back once the newest move is followed. The caller is in the gate as a
     * late call, nobody is inside, and no second renew runs on this connection. Errors:
     * RSMERR_CONN_ABORTED, RSMERR_INSUFFICIENT_RESOURCES, RSMERR_INSUFFICIENT_MEM; MOVED stays.
     */
    int (*renew)(rsmg_conn_t *conn);

    /**
     * Map `length` bytes from `offset` (both checked) with PROT_* bits `prot`. `fixed`: exactly at
     * *address_p. NULL where the path cannot map. Errors: RSMERR_MAP_FAILED,
     * RSMERR_INSUFFICIENT_RESOURCES.
     */
    int (*map)(rsmg_conn_t *conn, void **address_p, bool fixed, int prot, uint64_t offset,
               size_t length);
    /** Undo map(). Works on cut connections. */
    void (*unmap)(rsmg_conn_t *conn, void *address, size_t length);

    /**
     * Raise the exporter's event counter by one, behind everything flushed so far. Does not
     * block. `no_accumulate`: only if the counter is 0 when the post arrives.
     * Errors: RSMERR_REMOTE_NODE_UNREACHABLE, RSMERR_CONN_ABORTED.
     */
    int (*post)(rsmg_conn_t *conn, bool no_accumulate);

    /**
     * The last call is about to leave a connection that was cut or moved (rsmi_gate_leave() said
     * so): * finish what was issued but not flushed, then tell the exporter. A failure is counted
     * in the import handle's slot, so that its barriers see it. The caller is inside the gate.
     */
    void (*drained)(rsmg_conn_t *conn);

    /**
     * End the connection and free `conn`. Nobody is inside the gate and nobody will enter. Works
     * on cut connections and after the port has ended. May block for the exporter's glue. Always
     * succeeds from the core's view.
     */
    void (*disconnect)(rsmg_conn_t *conn);
} rsmg_conn_ops_t;

struct rsmg_conn {
    const rsmg_conn_ops_t *ops; /* (c) */
    rsmi_gate_t *gate;          /* (c) the import handle's gate; the glue cuts it */
    uint64_t length;            /* (c) bytes of the segment */
    _Atomic uint64_t issued;    /* (a) explicit mode: vectors issued to the end … */
    _Atomic uint64_t flushed;   /* (a) … and the value of `issued` that the last flush covered */
};

/** Exporter's end of a connection: operations. All are called under the export's lock. */
typedef struct rsmg_peer_ops {
    size_t size;
    /**
     * Ask the importer to stop. True: it has, and all its transfers are complete in memory.
     * False: the glue will call cut_answer(done = true) when that is so; before, it may call
     * cut_answer(done = false) any number of times: the importer lives, a transfer is under way.
     * Repeatable. Never blocks.
     */
    bool (*cut)(rsmg_peer_t *peer);
    /**
     * The segment has moved to other memory, and `version` with it. True: all the importer's
     * transfers in the old memory are complete, and none will start there; mappings of it show the
     * new memory. False: the glue will
     * call moved() when that is so; before, it may call cut_answer(done = false) as above.
     * Repeatable. Never blocks.
     */
    bool (*move)(rsmg_peer_t *peer, uint32_t version);
    /** Raise the event counter of the importer's handle. Never blocks. */
    void (*notify)(rsmg_peer_t *peer, bool no_accumulate);
} rsmg_peer_ops_t;

struct rsmg_peer {
    const rsmg_peer_ops_t *ops; /* (c) */
    unsigned patience_ms;       /* (c) longest silence after cut() before the core gives up */
    uint64_t export_handle; /* (c) set by admit(); survives the cut, so that late posts arrive */
    void *owner;            /* (c) the core's; set by admit() */
    rsmg_peer_t *next;      /* (s) the core's list of this export */
    rsmg_peer_t **prev;     /* (s) NULL: not in the list */
    uint64_t heard_ns;      /* (s) when the cut was first asked for, or last answered */
    bool stale;             /* (s) may still transfer in memory of before a rebind */
};

/** What a glue may call. `core` is the pointer given to open(). */
typedef struct rsmg_core_ops {
    size_t size;
    /**
     * Exporter: judge a connect. RSM_SUCCESS: `peer` is in the export's list, *grant is filled,
     * and cut() or notify() may come at once, from another thread. Errors:
     * RSMERR_SEG_NOT_PUBLISHED, RSMERR_SEG_NOT_PUBLISHED_TO_NODE, RSMERR_PERM_DENIED.
     */
    int (*admit)(void *core, uint32_t node, const rsmg_ask_t *ask, rsmg_peer_t *peer,
                 rsmg_grant_t *grant);
    /**
     * Exporter: the importer is gone (counts as a completed cut). The core forgets `peer`. Called
     * once for every admitted peer, as the last call that names it.
     */
    void (*depart)(void *core, rsmg_peer_t *peer);
    /** Exporter: see cut(). With done = true the core takes `peer` out of the export's list. */
    void (*cut_answer)(void *core, rsmg_peer_t *peer, bool done);
    /** Exporter: see move(). A version that is not the newest counts as a sign of life. */
    void (*moved)(void *core, rsmg_peer_t *peer, uint32_t version);
    /**
     * Exporter: where the segment is now. `gate`, if not NULL, is the importer's: MOVED is taken
     * back in it once *grant is filled, in one step with regard to move(). False: the importer is
     * cut off, and the memory may be gone.
     */
    bool (*where)(void *core, rsmg_peer_t *peer, rsmg_grant_t *grant, rsmi_gate_t *gate);
    /**
     * `count` events (0 or more, and before them one that must not accumulate if `no_accumulate`)
     * have arrived for the import or export handle `handle`. A handle that is gone loses them.
     */
    void (*event)(void *core, uint64_t handle, bool no_accumulate, uint32_t count);
} rsmg_core_ops_t;

/** A glue. */
typedef struct rsmg_ops {
    uint32_t version; /* RSMG_VERSION */
    size_t size;
    const char *type; /* controller type: "mpi" names mpi0, mpi1, … */

    /** The transport below and its version, as text ("Open MPI 4.1.4"), whether or not it runs. */
    const char *(*transport)(void);

    /** Could open() succeed for this unit? No object is made for names of units that never were. */
    bool (*has_unit)(unsigned unit);

    /**
     * Open unit `unit`. May be collective. On success up-calls may come from any thread, before
     * open() has returned. Called at most once at a time per unit; a failed open leaves nothing.
     * Errors: RSMERR_CTLR_NOT_PRESENT (after one line that says why), RSMERR_INSUFFICIENT_MEM.
     */
    int (*open)(unsigned unit, const rsmg_core_ops_t *up, void *core, rsmg_port_t **port_p,
                rsmg_facts_t *facts_p);

    /** True once the transport below has ended: nothing but disconnect() works any more. */
    bool (*ended)(const rsmg_port_t *port);

    /**
     * Connect to a segment of another node. `gate` and `handle` belong to the import handle; the
     * glue may set CUT in the gate from the moment of the call. *conn_p is set before the first
     * event or cut can reach the handle, and is NULL again after a failure.
     * Blocks for the exporter's glue, not for the exporter's program. Errors: what admit()
     * returned there; RSMERR_INTERRUPTED (a signal handler ran, or the exporter withdrew the
     * segment meanwhile); RSMERR_INSUFFICIENT_MEM, RSMERR_INSUFFICIENT_RESOURCES,
     * RSMERR_REMOTE_NODE_UNREACHABLE, RSMERR_CTLR_NOT_PRESENT.
     */
    int (*connect)(rsmg_port_t *port, uint32_t node, const rsmg_ask_t *ask, rsmi_gate_t *gate,
                   uint64_t handle, rsmg_conn_t **conn_p);
} rsmg_ops_t;

/** The glues that this build holds, ended by NULL. Defined by whoever links the core. */
extern const rsmg_ops_t *const rsmi_glues[];

#endif
