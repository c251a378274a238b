/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The types that RSMAPI functions take and fill: controllers, access lists, barriers,
 * scatter-gather requests, topology, and their flags. Knows rsm_common.h only; must not know
 * functions or MPI.
 *
 * Two spellings. Sun's manual and Sun's programming guide name some members differently. Both
 * compile here and mean the same: members share their place through unions, constants through
 * aliases. Two of the unions have no name, and compilers may then ask for inner braces where a
 * program fills such a structure by position. A program that defines RSM_NO_SEED_NAMES before the
 * first header gets neither these two unions nor the aliases, HANDLE and VA_IMMEDIATE among them;
 * sizes and places are the same, so objects built both ways mix.
 */
#ifndef RSM_SYS_RSM_RSMAPI_COMMON_H
#define RSM_SYS_RSM_RSMAPI_COMMON_H

#include <sys/param.h>

#include <sys/rsm/rsm_common.h>

#ifndef MAXNAMELEN
#define MAXNAMELEN 256
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the interface that this header follows. */
#define RSM_VERSION 5

/*
 * Handles. A program sets them to NULL or 0, compares them with NULL, copies them by value, and
 * converts segment handles to void * for event calls. Nothing else is promised. They mean nothing
 * in another process, a forked child included.
 */
typedef struct rsmapi_controller_handle *rsmapi_controller_handle_t;
typedef struct rsm_memseg_export_handle *rsm_memseg_export_handle_t;
typedef struct rsm_memseg_import_handle *rsm_memseg_import_handle_t;
/** Registered local memory; a void pointer, as the guide prints it. */
typedef void *rsm_localmemory_handle_t;

/* ---- Controllers ------------------------------------------------------------------------- */

/** Widths of loads and stores, in bytes; bits of the two width masks below. */
typedef enum { RSM_DAS8 = 1, RSM_DAS16 = 2, RSM_DAS32 = 4, RSM_DAS64 = 8 } rsm_access_size_t;

/** What a controller can do; sizes are bytes, and an unlimited size is the largest value. */
typedef struct {
    unsigned int attr_direct_access_sizes;  /* mask of rsm_access_size_t: plain loads and stores */
    unsigned int attr_atomic_sizes;         /* mask of rsm_access_size_t: atomic ones */
    size_t attr_page_size;                  /* unit of address and size of an export segment */
    size_t attr_max_export_segment_size;    /* of one export segment */
    size_t attr_tot_export_segment_size;    /* of all export segments together */
    unsigned long attr_max_export_segments; /* number of export segments */
    size_t attr_max_import_map_size;        /* of one mapping */
    size_t attr_tot_import_map_size;        /* of all mappings together */
    unsigned long attr_max_import_segments; /* number of import segments */
} rsmapi_controller_attr_t;

/* ---- Export ------------------------------------------------------------------------------ */

/* Flags of rsm_memseg_export_create. */
#define RSM_ALLOW_REBIND 0x01        /* the memory behind the segment may be exchanged later */
#define RSM_CREATE_SEG_DONTWAIT 0x02 /* fail at once where resources are short */

/** One line of an access list: what processes of one node may ask for. */
typedef struct {
    rsm_node_id_t ae_node;
#ifdef RSM_NO_SEED_NAMES
    rsm_permission_t ae_permission; /* octal owner, group, other; each digit 0, 2, 4 or 6 */
#else
    union {
        rsm_permission_t ae_permission; /* octal owner, group, other; each digit 0, 2, 4 or 6 */
        rsm_permission_t ae_permissions;
    };
#endif
} rsmapi_access_entry_t;

#ifndef RSM_NO_SEED_NAMES
typedef rsmapi_access_entry_t rsm_access_entry_t;
#endif

/* ---- Import ------------------------------------------------------------------------------ */

/** Attributes of a mapping. */
typedef enum { RSM_MAP_NONE = 0x0, RSM_MAP_FIXED = 0x1, RSM_MAP_RESERVED = 0x2 } rsm_attribute_t;

#ifndef RSM_NO_SEED_NAMES
typedef rsm_attribute_t rsm_map_attr_t;
#endif

/* ---- Barriers ---------------------------------------------------------------------------- */

/** Scope of a barrier. Every value is accepted, and each covers at least the segment. */
typedef enum {
    RSM_BARRIER_SEGMENT = 0x01,
    RSM_BARRIER_NODE = 0x02,
    RSM_BARRIER_SEGMENT_THREAD = 0x11,
    RSM_BARRIER_NODE_THREAD = 0x12
} rsm_barrier_type_t;

/** The one type that the manual and the guide name. */
#define RSM_BAR_DEFAULT RSM_BARRIER_SEGMENT

/** Who opens and closes barriers around transfers: the program, or every transfer call itself. */
typedef enum { RSM_BARRIER_MODE_EXPLICIT = 0, RSM_BARRIER_MODE_IMPLICIT = 1 } rsm_barrier_mode_t;

/**
 * A barrier. The caller provides the memory, zeroed before its first use; the members belong to the
 * library from init to destroy. Not to be moved or copied, nor used by two threads at once.
 */
typedef struct {
    void *seg;      /* import segment it is bound to; NULL: uninitialised */
    uint16_t gnum;  /* private */
    void *privdata; /* private */
} rsmapi_barrier_t;

/** Eight bytes of a plug-in's barrier. Applications have no use for it. */
typedef union {
    uint64_t u64;
    int64_t i64;
    uint32_t u32[2];
    int32_t i32[2];
    uint16_t u16[4];
    int16_t i16[4];
    uint8_t u8[8];
    int8_t i8[8];
    unsigned char uc[8];
    char c[8];
    void *vp;
} rsm_barrier_component_t;

/** A plug-in's barrier. Applications have no use for it. */
typedef struct {
    rsm_barrier_component_t comp[4];
} rsm_barrier_t;

/* ---- Scatter-gather requests ------------------------------------------------------------- */

/* Values of rsm_iovec_t.io_type; any other is refused. */
#define RSM_HANDLE_TYPE 0x01 /* the local place is local.handle + local_offset */
#define RSM_VA_TYPE 0x02     /* the local place is local.vaddr + local_offset */

#ifndef RSM_NO_SEED_NAMES
/* The guide's names for the same. Bare as they are, they give way to a program's own macros. */
#ifndef HANDLE
#define HANDLE RSM_HANDLE_TYPE
#endif
#ifndef VA_IMMEDIATE
#define VA_IMMEDIATE RSM_VA_TYPE
#endif
#endif

/* Flags of rsm_scat_gath_t.flags; the second one also of rsm_intr_signal_post. */
#define RSM_IMPLICIT_SIGPOST 0x01      /* on success, one event to the exporter's segment */
#define RSM_SIGPOST_NO_ACCUMULATE 0x02 /* that event counts only if none is pending there */

#ifndef RSM_NO_SEED_NAMES
/** Misspelling in one manual page. */
#define RSM_SIG_POST_NO_ACCUMULATE RSM_SIGPOST_NO_ACCUMULATE
#endif

/** A vector of this many entries is taken by every implementation. This one takes up to 65,536. */
#define RSM_MAX_SGIOREQS 16

/** One piece of a scatter-gather request. All offsets and lengths are bytes, of any alignment. */
typedef struct {
    int io_type; /* RSM_HANDLE_TYPE or RSM_VA_TYPE */
    union {
        rsm_localmemory_handle_t handle; /* RSM_HANDLE_TYPE: of this process, any controller */
        char *vaddr;                     /* RSM_VA_TYPE; may be NULL if transfer_length is 0 */
        char *virtual_addr;              /* the same */
    } local;
    size_t local_offset; /* added to the base of the handle, or to the address */
#ifdef RSM_NO_SEED_NAMES
    size_t remote_offset; /* from the start of the import segment */
#else
    union {
        size_t remote_offset;         /* from the start of the import segment */
        size_t import_segment_offset; /* the same */
    };
#endif
    size_t transfer_length; /* 0 is a piece that is checked and moves nothing */
} rsm_iovec_t;

/**
 * A scatter-gather request. Everything but io_residual_count is input and stays as it is.
 *
 * Deviation: local_nodeid stands last, not first as on Solaris, so that initialisers written by
 * position after the guide, which has no such member, mean what they say. Use names.
 */
typedef struct {
    unsigned long io_request_count;           /* in: entries of iovec, 1 to 65,536 */
    unsigned long io_residual_count;          /* out: entries not completed or not started */
    unsigned int flags;                       /* in: RSM_IMPLICIT_SIGPOST and its companion */
    rsm_memseg_import_handle_t remote_handle; /* in: the one import segment of all entries */
    rsm_iovec_t *iovec;                       /* in: borrowed until the call returns */
    rsm_node_id_t local_nodeid;               /* in: ignored */
} rsm_scat_gath_t;

/* ---- Topology ---------------------------------------------------------------------------- */

/** Value of connection_state in an entry that may be used. */
#define RSM_CONNECTION_ACTIVE 3

typedef struct rsm_topology_hdr {
    rsm_node_id_t local_nodeid;
    unsigned int local_cntlr_count; /* entries of rsm_topology_t.connections */
} rsm_topology_hdr_t;

typedef struct rsm_connections_hdr {
    char cntlr_name[MAXNAMELEN]; /* can be given to rsm_get_controller */
    rsm_addr_t local_hwaddr;
    int remote_cntlr_count; /* entries of rsm_connections_t.remote_cntlr */
} rsm_connections_hdr_t;

typedef struct rsm_remote_cntlr {
    rsm_node_id_t remote_nodeid;
    char remote_cntlrname[MAXNAMELEN];
    rsm_addr_t remote_hwaddr;
    unsigned int connection_state; /* RSM_CONNECTION_ACTIVE, or do not use */
} rsm_remote_cntlr_t;

/** One local controller and whom it reaches. The array is longer than it is declared. */
typedef struct rsm_connection {
    rsm_connections_hdr_t hdr;
    rsm_remote_cntlr_t remote_cntlr[1]; /* hdr.remote_cntlr_count of them */
} rsm_connections_t;

/** A snapshot of the job as one node sees it. The array is longer than it is declared. */
typedef struct rsm_topology {
    rsm_topology_hdr_t topology_hdr;
    rsm_connections_t *connections[1]; /* topology_hdr.local_cntlr_count of them */
} rsm_topology_t;

#ifdef __cplusplus
}
#endif

#endif /* RSM_SYS_RSM_RSMAPI_COMMON_H */
