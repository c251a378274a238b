/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every part of RSMAPI shares: base types, segment-id ranges, permissions, error codes. Knows
 * only <sys/types.h> and fixed-width integers; must not know functions, handles or MPI.
 *
 * Names and values are those of the Solaris interface and never change. Macros a program may define
 * before it includes any header of this library:
 *
 *   RSM_NO_SOLARIS_TYPES  do not supply uint_t, ulong_t, uchar_t, offset_t, boolean_t and caddr_t.
 *                         For programs whose own types of these names differ from ours. The
 *                         library's declarations use plain C types (uint_t is unsigned int,
 *                         ulong_t is unsigned long, caddr_t is char *), so nothing else changes.
 *   RSM_NO_SEED_NAMES     do not supply the second spelling of some names; see rsmapi_common.h.
 */
#ifndef RSM_SYS_RSM_RSM_COMMON_H
#define RSM_SYS_RSM_RSM_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Solaris base types that programs written for RSMAPI use and other hosts lack. Each is the very
 * type that a program's own typedef would most likely name, because C11 and C++ accept a typedef
 * that repeats another. illumos and Solaris have them all. Strict C11 on Linux hides caddr_t.
 */
#if !defined(RSM_NO_SOLARIS_TYPES) && !defined(__sun)
typedef unsigned char uchar_t;
typedef unsigned int uint_t;
typedef unsigned long ulong_t;
typedef int64_t offset_t;
typedef char *caddr_t;
/* Two enumerators cannot be declared twice: a program that has B_TRUE as a macro has the type too.
 */
#if !defined(B_TRUE) && !defined(B_FALSE) && !defined(__APPLE__)
typedef enum { B_FALSE = 0, B_TRUE = 1 } boolean_t;
#endif
#endif

/** Hardware address of a controller; a rank of the controller's communicator here. */
typedef uint64_t rsm_addr_t;
/** Name of a node. A node is one MPI rank, and its id is that rank. */
typedef uint32_t rsm_node_id_t;
/** Name of a published segment; one space of names per node. */
typedef uint32_t rsm_memseg_id_t;
/** Access rights: RSM_PERM_* at connect, three octal digits (owner, group, other) in a list. */
typedef uint32_t rsm_permission_t;

/*
 * Rights that a connect asks for. Old programs carry these very definitions themselves; the token
 * sequences below let such a repetition pass in silence, so no formatter may touch them.
 */
/* clang-format off */
#define RSM_PERM_NONE   0
#define RSM_PERM_READ   0400
#define RSM_PERM_WRITE  0200
#define RSM_PERM_RDWR   (RSM_PERM_READ|RSM_PERM_WRITE)
/* clang-format on */

/*
 * Segment-id ranges. An application may publish 0x00400000 to 0x7fffffff, and nothing else; 0 asks
 * for a generated id, and generated ids come from the range called USER_APP. Connect takes any id.
 */
/* clang-format off */
#define RSM_DRIVER_PRIVATE_ID_BASE     0x00000000
#define RSM_DRIVER_PRIVATE_ID_END      0x000FFFFF
#define RSM_CLUSTER_TRANSPORT_ID_BASE  0x00100000
#define RSM_CLUSTER_TRANSPORT_ID_END   0x001FFFFF
#define RSM_RSMLIB_ID_BASE             0x00200000
#define RSM_RSMLIB_ID_END              0x002FFFFF
#define RSM_DLPI_ID_BASE               0x00300000
#define RSM_DLPI_ID_END                0x003FFFFF
#define RSM_HPC_ID_BASE                0x00400000
#define RSM_HPC_ID_END                 0x004FFFFF
#define RSM_OPS_ID_BASE                0x00500000
#define RSM_OPS_ID_END                 0x005FFFFF
#define RSM_USER_APP_ID_BASE           0x80000000
#define RSM_USER_APP_ID_END            0xFFFFFFFF
/* clang-format on */

/*
 * Results. A function that returns int returns RSM_SUCCESS or one of these positive numbers; errno
 * means nothing. Which function returns which, and when, stands with the function in rsmapi.h.
 */
/* clang-format off */
#define RSM_SUCCESS                            0
#define RSMERR_BAD_LIBRARY_VERSION             1
#define RSMERR_BAD_TOPOLOGY_PTR                2
#define RSMERR_BAD_CTLR_HNDL                   3
#define RSMERR_CTLR_NOT_PRESENT                4
#define RSMERR_BAD_SEG_HNDL                    5
#define RSMERR_SEG_ALREADY_PUBLISHED           6
#define RSMERR_SEG_NOT_PUBLISHED               7
#define RSMERR_SEG_NOT_PUBLISHED_TO_NODE       8
#define RSMERR_SEG_ALREADY_MAPPED              9
#define RSMERR_SEG_STILL_MAPPED                10
#define RSMERR_SEG_NOT_MAPPED                  11
#define RSMERR_NOT_CREATOR                     12
#define RSMERR_BAD_BARRIER_PTR                 13
#define RSMERR_BAD_SGIO                        14
#define RSMERR_BAD_LOCALMEM_HNDL               15
#define RSMERR_BAD_ADDR                        16
#define RSMERR_BAD_MEM_ALIGNMENT               17
#define RSMERR_BAD_OFFSET                      18
#define RSMERR_MISALIGNED_OFFSET               19
#define RSMERR_BAD_LENGTH                      20
#define RSMERR_BAD_ACL                         21
#define RSMERR_BAD_SEGID                       22
#define RSMERR_RESERVED_SEGID                  23
#define RSMERR_SEGID_IN_USE                    24
#define RSMERR_BAD_MODE                        25
#define RSMERR_BAD_PERMS                       26
#define RSMERR_PERM_DENIED                     27
#define RSMERR_LOCKS_NOT_SUPPORTED             28
#define RSMERR_LOCKS_NOT_ENABLED               29
#define RSMERR_REBIND_NOT_ALLOWED              30
#define RSMERR_INSUFFICIENT_RESOURCES          31
#define RSMERR_INSUFFICIENT_MEM                32
#define RSMERR_MAP_FAILED                      33
#define RSMERR_POLLFD_IN_USE                   34
#define RSMERR_BARRIER_UNINITIALIZED           35
#define RSMERR_BARRIER_OPEN_FAILED             36
#define RSMERR_BARRIER_NOT_OPENED              37
#define RSMERR_BARRIER_FAILURE                 38
#define RSMERR_REMOTE_NODE_UNREACHABLE         39
#define RSMERR_CONN_ABORTED                    40
#define RSMERR_INTERRUPTED                     41
#define RSMERR_TIMEOUT                         42
#define RSMERR_BAD_APPID                       43
#define RSMERR_BAD_CONF                        44
#define RSMERR_SEG_NOT_CONNECTED               45

/* Outside the sequence. */
#define RSMERR_INTERNAL_ERROR                  100

/* Between kernel agent and drivers on Solaris. Applications meet only RSMERR_BAD_ARGS_ERRORS. */
#define RSMERR_BAD_DRIVER_VERSION              101
#define RSMERR_UNSUPPORTED_VERSION             102
#define RSMERR_DRIVER_NAME_IN_USE              103
#define RSMERR_DRIVER_NOT_REGISTERED           104
#define RSMERR_DRIVER_THREAD_RUNNING           105
#define RSMERR_NEED_THREAD_INIT                106
#define RSMERR_THREAD_NOT_INITED               107
#define RSMERR_CTLRS_REGISTERED                108
#define RSMERR_CTLR_NOT_REGISTERED             109
#define RSMERR_CTLR_ALREADY_REGISTERED         110
#define RSMERR_CTLR_IN_USE                     111
#define RSMERR_NAME_TOO_LONG                   112
#define RSMERR_SEG_PUBLISHED                   113
#define RSMERR_SEG_NOT_PUBLISHED_TO_RSM_ADDR   114
#define RSMERR_SEG_IN_USE                      115
#define RSMERR_BAD_SENDQ_HNDL                  116
#define RSMERR_BAD_ARGS_ERRORS                 117
#define RSMERR_BAD_MSTYPE                      118
#define RSMERR_NO_BACKING_MEM                  119
#define RSMERR_NOT_MEM                         120
#define RSMERR_MEM_ALREADY_BOUND               121
#define RSMERR_MEM_NOT_BOUND                   122
#define RSMERR_HANDLER_NOT_REGISTERED          123
#define RSMERR_NO_HANDLER                      124
#define RSMERR_UNBIND_REBIND_NOT_ALLOWED       125
#define RSMERR_CALLBACKS_NOT_SUPPORTED         126
#define RSMERR_UNSUPPORTED_OPERATION           127
#define RSMERR_RSM_ADDR_UNREACHABLE            128
#define RSMERR_UNKNOWN_RSM_ADDR                129
#define RSMERR_BAD_BARRIER_HNDL                130
#define RSMERR_COMM_ERR_MAYBE_DELIVERED        131
#define RSMERR_COMM_ERR_NOT_DELIVERED          132
#define RSMERR_QUEUE_FENCE_UP                  133
#define RSMERR_QUEUE_FULL                      134
/* clang-format on */

#ifndef RSM_NO_SEED_NAMES
/** Misspelling in one manual page; the code is RSMERR_BAD_ADDR. */
#define RSMERR_BAD_ADDRESS RSMERR_BAD_ADDR
#endif

#ifdef __cplusplus
}
#endif

#endif /* RSM_SYS_RSM_RSM_COMMON_H */
