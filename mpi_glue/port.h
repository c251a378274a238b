/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this folder share: the port (one controller over one communicator), the two
 * ends of a connection, and the functions each file offers the others. One agent serves all ports
 * of a process, and one token (token.c) says whose turn it is to create. README.md tells the
 * protocol and why nothing here can deadlock; read it first.
 */
#ifndef RSMG_PORT_H
#define RSMG_PORT_H

#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "glue.h"
#include "handle.h"
#include "interrupt.h"
#include "lock.h"
#include "place.h"

/* ---- messages (msg.c) ---------------------------------------------------------------------- */

typedef enum rsmg_kind {
    RSMG_CONNECT = 1, /* importer: may I? a = segment id | rights << 32, b = import handle; groups
                         follow */
    RSMG_DISCONNECT,  /* importer: free the window with me */
    RSMG_REPLY,       /* exporter: answer to an importer, on its own tag; code, a = length, b =
                             version */
    RSMG_CUT,         /* exporter: stop */
    RSMG_CUT_DONE,    /* importer: stopped, nothing under way */
    RSMG_CUT_WAIT,    /* importer: a transfer is under way */
    RSMG_EVENT,       /* either: a = events, flags = RSMG_NO_ACCUMULATE */
    RSMG_EVENT_ACK,   /* either: a = event messages taken */
    RSMG_HOT,         /* importer: I transfer, look often */
    RSMG_MOVE,        /* exporter: the segment has moved; a = version of its memory */
    RSMG_MOVED,       /* importer: nothing under way in memory of before version a */
    RSMG_REJOIN,      /* importer: make the window anew with me */
} rsmg_kind_t;

enum {
    RSMG_NO_ACCUMULATE = 1, /* RSMG_EVENT: one event first, if none is pending */
    RSMG_HAVE_PAIR = 2,     /* RSMG_CONNECT: I have our communicator; RSMG_REPLY: so have I */
};

/* The longest message: a connect with all the groups that Linux allows. */
enum { RSMG_GROUPS_MAX = 65536 };
#define RSMG_INBOX_BYTES (sizeof(rsmg_msg_t) + RSMG_GROUPS_MAX * sizeof(gid_t))

/* Answers that are no RSMAPI code. */
enum { RSMG_BUSY = -1 };

enum { RSMG_TAG_AGENT = 1, RSMG_TAG_REPLY = 16, RSMG_REPLY_TAGS = 64 };

typedef struct rsmg_msg {
    uint32_t kind;
    int32_t code;
    uint64_t to;   /* handle of the receiver's end, 0 if not known */
    uint64_t from; /* handle of the sender's end */
    uint64_t a;
    uint64_t b;
    uint32_t flags;
    uint32_t reply_tag;
    uint32_t uid;
    uint32_t gid;
    uint32_t group_count; /* gid_t values behind the message */
    uint32_t spare;
} rsmg_msg_t;

/* A send that MPI has not finished. */
typedef struct rsmg_send {
    struct rsmg_send *next;
    MPI_Request request;
    char bytes[];
} rsmg_send_t;

/* ---- the port ------------------------------------------------------------------------------ */

/** Posts to one target: so many in flight, the rest merged into one that waits for an answer. */
typedef struct rsmg_channel {
    rsmi_lock_t lock;
    uint32_t unanswered;    /* (l) event messages in flight */
    bool waiting;           /* (l) a merged batch waits: */
    bool waiting_first;     /* (l) … it begins with a post that must not accumulate */
    uint32_t waiting_count; /* (l) … and brings so many */
    uint32_t taken;         /* agent only: event messages received and not yet answered */
} rsmg_channel_t;

/** A communicator of an importer (rank 0 in it) and an exporter (rank 1). */
typedef struct rsmg_pair {
    struct rsmg_pair *next; /* (g) */
    int importer;           /* (c) ranks in the port's communicator */
    int exporter;           /* (c) */
    MPI_Comm comm;          /* token; MPI_COMM_NULL: not made */
} rsmg_pair_t;

/** A window, as both ends keep it for the end of the job. */
typedef struct rsmg_window {
    MPI_Win win;               /* MPI_WIN_NULL: not made */
    int importer;              /* (c) */
    int exporter;              /* (c) */
    uint64_t conn_handle;      /* (c) the importer's: with the two ranks, a name for the window */
    bool closed;               /* end.c: its epoch was closed there */
    struct rsmg_window *next;  /* (g) */
    struct rsmg_window **prev; /* (g) NULL: in no list */
} rsmg_window_t;

/** Importer's end. */
typedef struct rsmg_mpi_conn {
    rsmg_conn_t conn; /* first */
    rsmg_port_t *port;
    uint64_t handle;      /* (c) */
    uint64_t peer_handle; /* (c) once connected: the exporter's end */
    uint64_t import_handle;
    int exporter;          /* (c) rank */
    bool sleepy;           /* (c) transfers need the exporter's agent awake */
    _Atomic uint64_t told; /* (a) when the exporter was last told to stay hot */
    uint32_t wanted;       /* (g) version of the segment's memory as of the last MOVE */
    uint32_t bound;        /* (g) version that the window is over */
    atomic_bool settling;  /* (a) the agent completes transfers: the window must stay */
    rsmg_window_t window;
    rsmg_channel_t channel;
} rsmg_mpi_conn_t;

/** Exporter's end. */
typedef struct rsmg_mpi_peer {
    rsmg_peer_t peer; /* first */
    rsmg_port_t *port;
    uint64_t handle; /* (c) */
    int importer;    /* (c) rank */
    rsmg_window_t window;
    rsmg_channel_t channel;
} rsmg_mpi_peer_t;

/** An importer that waits in a flush; its agent keeps the exporter hot meanwhile. */
enum { RSMG_FLUSH_SLOTS = 32 };

typedef struct rsmg_queued {
    struct rsmg_queued *next;
    int rank;
    rsmg_msg_t msg; /* groups follow */
    gid_t groups[];
} rsmg_queued_t;

struct rsmg_port {
    const rsmg_core_ops_t *up; /* (c) */
    void *core;                /* (c) */
    MPI_Comm comm;             /* (c) ours alone: messages */
    MPI_Comm host;             /* (c) its ranks on this host */
    MPI_Group group;           /* (c) of comm */
    int rank;                  /* (c) */
    int size;                  /* (c) */
    int *order;                /* (c) per rank: its place in rule R1's order of waiting */
    int *neighbours;           /* (c) ranks on this host, rising */
    int neighbour_count;       /* (c) */
    MPI_Comm self;             /* (c) duplicate of MPI_COMM_SELF */
    MPI_Win anchor;            /* (c) rule R2: a window that lives as long as the port */
    bool needs_host_lock;      /* (c) rule R3 */
    bool sleepy_on_host;       /* (c) transfers on this host need the exporter's agent */
    uint64_t window_limit;     /* (c) */
    unsigned unit;             /* (c) */

    atomic_bool closing; /* (a) the end has begun: no connect of ours any more */
    atomic_int busy;     /* (a) threads of ours in connect or disconnect */
    atomic_bool ended;   /* (a) no MPI call any more, but those of the end itself */
    rsmg_port_t *next;   /* end.c: ports that have not ended, by unit */
    rsmg_port_t *served; /* agent.c: ports that the agent serves */

    rsmi_lock_t lock;
    rsmg_pair_t *pairs;  /* (g) */
    rsmg_window_t *made; /* (g) all live windows */

    rsmi_lock_t sends_lock;
    rsmg_send_t *sends; /* (s) */

    char *inbox;               /* agent only: the message being received */
    rsmg_queued_t *queue;      /* agent only: connects that wait for the token, oldest first */
    rsmg_queued_t **queue_end; /* agent only */

    _Atomic uint64_t reply_tags; /* (a) one bit per tag in use */
    struct {
        _Atomic int exporter;  /* (a) rank + 1; 0: free */
        _Atomic uint64_t told; /* (a) when it was last told to stay hot */
    } flushing[RSMG_FLUSH_SLOTS];
};

/* msg.c */
/** Send, without blocking. The message and the payload are copied. */
int rsmg_msg_send(rsmg_port_t *port, int rank, int tag, const rsmg_msg_t *msg, const void *payload,
                  size_t payload_len);
/** Free what MPI has sent. */
void rsmg_msg_reap(rsmg_port_t *port);
/** All sends are finished. */
bool rsmg_msg_idle(rsmg_port_t *port);
/** Send to the agent of `rank` and wait for its reply. Signals are let in while it naps. */
int rsmg_msg_ask(rsmg_port_t *port, int rank, rsmg_msg_t *msg, const void *payload,
                 size_t payload_len, rsmg_msg_t *reply_p, rsmi_interrupt_t *intr);

/* token.c: rules R1 and R3 */
/** Wait for the right to take part in a creation. False: a signal handler has run meanwhile. */
bool rsmg_token_wait(rsmi_interrupt_t *intr);
/** The agent's try. `queued`: for a request that waits for its turn. */
bool rsmg_token_try_agent(bool queued);
void rsmg_token_give(void);
/** Tell whether requests wait for the agent's turn. */
void rsmg_token_agent_waits(bool waits);
/** A creation of the program begins: no more of ours, and those under way are finished. */
void rsmg_token_guest_enter(void);
void rsmg_token_guest_leave(void);
bool rsmg_token_has_guests(void);
/** Can the host's lock be had at all? */
bool rsmg_host_lock_works(void);
/** Wait for the host's lock, if a creation with `rank` needs it. False: a signal handler has run.
 */
bool rsmg_host_lock(rsmg_port_t *port, int rank, rsmi_interrupt_t *intr);
void rsmg_host_unlock(rsmg_port_t *port, int rank);

/* win.c */
/** Windows and communicators that the connections of this process hold now, on all ports. */
extern _Atomic uint64_t rsmg_windows;
bool rsmg_is_neighbour(const rsmg_port_t *port, int rank);
/** The entry of this ordered pair, made if need be, with or without a communicator; NULL: no
 * memory. */
rsmg_pair_t *rsmg_pair_prepare(rsmg_port_t *port, int importer, int exporter);
/**
 * Collective over the two ranks: make the window, and the pair's communicator if `fresh`. The
 * caller holds the token. The importer opens the epoch.
 */
int rsmg_win_make(rsmg_port_t *port, rsmg_window_t *window, rsmg_pair_t *pair, void *base,
                  uint64_t length, bool fresh);
/** Importer: end the epoch; everything issued is complete. */
void rsmg_win_unlock(rsmg_window_t *window);
/** Collective over the two ranks. */
void rsmg_win_free(rsmg_port_t *port, rsmg_window_t *window);
/** A thread begins or ends a connect or disconnect. False: the end has begun. */
bool rsmg_busy_enter(rsmg_port_t *port);
void rsmg_busy_leave(rsmg_port_t *port);
/** Importer: take the agent off this end and close the epoch; everything issued is complete. */
void rsmg_conn_close(rsmg_mpi_conn_t *conn);
/** Importer: a conn for connect. */
int rsmg_connect(rsmg_port_t *port, uint32_t node, const rsmg_ask_t *ask, rsmi_gate_t *gate,
                 uint64_t handle, rsmg_conn_t **conn_p);

/** The window is over memory of this version or a newer one; the port's lock is held. */
static inline bool rsmg_is_followed(const rsmg_mpi_conn_t *conn, uint32_t version)
{
    return (int32_t)(conn->bound - version) >= 0; /* versions may wrap */
}

/* rma.c */
int rsmg_put(rsmg_conn_t *conn, uint64_t offset, const void *src, size_t len);
int rsmg_get(rsmg_conn_t *conn, uint64_t offset, void *dst, size_t len);
int rsmg_flush(rsmg_conn_t *conn);
int rsmg_flush_local(rsmg_conn_t *conn);

/* channel.c */
void rsmg_channel_init(rsmg_channel_t *channel);
int rsmg_channel_post(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                      uint64_t from, bool no_accumulate);
/** `answered` event messages were taken by the other end. */
void rsmg_channel_answered(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                           uint64_t from, uint64_t answered);
/** Send what waits, without waiting for an answer: the channel is about to go. */
void rsmg_channel_flush(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                        uint64_t from);
/** Agent: an event message was taken; answers now and then. */
void rsmg_channel_taken(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                        uint64_t from);

/* cut.c */
/** Importer: nothing is inside any more: complete what was issued, tell the exporter. */
void rsmg_drained(rsmg_conn_t *conn);
bool rsmg_cut(rsmg_peer_t *peer);
bool rsmg_move(rsmg_peer_t *peer, uint32_t version);
/** Importer's agent: a CUT or MOVE message. */
void rsmg_cut_arrived(rsmg_port_t *port, int exporter, const rsmg_msg_t *msg);

/* agent.c */
/** Serve this port from now on; starts the agent for the first. `cpus` is used then. */
int rsmg_agent_add(rsmg_port_t *port, const char *cpus);
/** Serve it no more. The agent is not at it when this returns; it ends with the last port. */
void rsmg_agent_drop(rsmg_port_t *port);
/** The process leaves: stop the agent, and leave it behind if it does not come back within 2 s. */
void rsmg_agent_abandon(void);
/** Wake the agent from a nap. */
void rsmg_agent_ring(void);
/** Receive and handle what has arrived. For the agent, and for the end after it. */
bool rsmg_agent_serve(rsmg_port_t *port);

/* attach.c */
/** An attach holds a port for `unit` ready. */
bool rsmg_attach_offers(unsigned unit);
/** The port and the communicator that an attach holds ready for `unit`, the caller's now; or NULL.
 */
rsmg_port_t *rsmg_attach_take(unsigned unit, MPI_Comm *comm_p);

/* boot.c */
int rsmg_boot(unsigned unit, const rsmg_core_ops_t *up, void *core, rsmg_port_t **port_p,
              rsmg_facts_t *facts_p);

/* guest.c */
/** This thread's creations are the library's (true) or the program's (false, the start). */
void rsmg_guest_own(bool own);

/* end.c */
/** A port with other ranks is open and has not ended. */
bool rsmg_port_is_open(void);
/** A port with other ranks is open that all ranks of `group` are in, so it is open at all of them.
 */
bool rsmg_port_covers(MPI_Group group);
/** Arrange for the end: MPI_COMM_SELF attribute and exit handler. NULL: no port was opened. */
void rsmg_end_arrange(rsmg_port_t *port, bool started_by_us);
/** Free everything a port holds, in an order that both sides of each window follow. */
void rsmg_port_free_mpi(rsmg_port_t *port);

/* mpi_err.c */
/** RSMAPI's code for an MPI error of a transfer, of a message, of a creation. */
int rsmg_code_of_transfer(int mpi_code);
int rsmg_code_of_creation(int mpi_code);

#endif
