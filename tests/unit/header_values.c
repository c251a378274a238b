/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the public headers hold the numbers, sizes and places that Solaris programs rely on.
 * Proves: every constant of the interface has its value, checked against a table of its own and not
 * against the library's; structures have their members, types and, on LP64 hosts, sizes; the two
 * spellings of a member share one place; src/rsm_errors.def agrees with the header and is complete.
 * Knows the headers only; must not call the library. Everything happens at compile time.
 */
#include <stddef.h>
#include <stdint.h>

#include <rsmapi.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): a type in a generic selection bears no parentheses. */
#define T_VALUE(name, value) _Static_assert((name) == (value), #name " is not " #value)
#define T_TYPE(expr, type)                                                                         \
    _Static_assert(_Generic((expr), type : 1, default : 0), #expr " is not of type " #type)
#define T_MEMBER(structure, member, type) T_TYPE(((structure *)0)->member, type)
#define T_SAME_PLACE(structure, a, b)                                                              \
    _Static_assert(offsetof(structure, a) == offsetof(structure, b), #a " is not at " #b)
#define T_BEFORE(structure, a, b)                                                                  \
    _Static_assert(offsetof(structure, a) < offsetof(structure, b), #a " is not before " #b)
/* NOLINTEND(bugprone-macro-parentheses) */

/* clang-format off */

/* Constants. */
T_VALUE(RSM_PERM_NONE, 0);
T_VALUE(RSM_PERM_READ, 0400);
T_VALUE(RSM_PERM_WRITE, 0200);
T_VALUE(RSM_PERM_RDWR, 0600);
T_VALUE(RSM_ALLOW_REBIND, 1);
T_VALUE(RSM_CREATE_SEG_DONTWAIT, 2);
T_VALUE(RSM_IMPLICIT_SIGPOST, 1);
T_VALUE(RSM_SIGPOST_NO_ACCUMULATE, 2);
T_VALUE(RSM_SIG_POST_NO_ACCUMULATE, 2);
T_VALUE(RSM_HANDLE_TYPE, 1);
T_VALUE(RSM_VA_TYPE, 2);
T_VALUE(HANDLE, 1);
T_VALUE(VA_IMMEDIATE, 2);
T_VALUE(RSM_MAX_SGIOREQS, 16);
T_VALUE(RSM_CONNECTION_ACTIVE, 3);
T_VALUE(RSM_VERSION, 5);
T_VALUE(RSM_MAP_NONE, 0);
T_VALUE(RSM_MAP_FIXED, 1);
T_VALUE(RSM_MAP_RESERVED, 2);
T_VALUE(RSM_DAS8, 1);
T_VALUE(RSM_DAS16, 2);
T_VALUE(RSM_DAS32, 4);
T_VALUE(RSM_DAS64, 8);
T_VALUE(RSM_BARRIER_SEGMENT, 0x01);
T_VALUE(RSM_BARRIER_NODE, 0x02);
T_VALUE(RSM_BARRIER_SEGMENT_THREAD, 0x11);
T_VALUE(RSM_BARRIER_NODE_THREAD, 0x12);
T_VALUE(RSM_BAR_DEFAULT, 0x01);
T_VALUE(RSM_BARRIER_MODE_EXPLICIT, 0);
T_VALUE(RSM_BARRIER_MODE_IMPLICIT, 1);
T_VALUE(MAXNAMELEN, 256);
#ifndef POLLRDNORM
#error "POLLRDNORM is not visible"
#endif
#if defined(__linux__)
T_VALUE(POLLRDNORM, 0x040);
#endif
#ifdef RSM_LOCK_OPS
#error "RSM_LOCK_OPS is documented, but no header has ever defined it"
#endif

/* Segment-id ranges. The signed types of some of these constants are no concern of programs. */
T_VALUE(RSM_DRIVER_PRIVATE_ID_BASE, 0x00000000U);
T_VALUE(RSM_DRIVER_PRIVATE_ID_END, 0x000FFFFFU);
T_VALUE(RSM_CLUSTER_TRANSPORT_ID_BASE, 0x00100000U);
T_VALUE(RSM_CLUSTER_TRANSPORT_ID_END, 0x001FFFFFU);
T_VALUE(RSM_RSMLIB_ID_BASE, 0x00200000U);
T_VALUE(RSM_RSMLIB_ID_END, 0x002FFFFFU);
T_VALUE(RSM_DLPI_ID_BASE, 0x00300000U);
T_VALUE(RSM_DLPI_ID_END, 0x003FFFFFU);
T_VALUE(RSM_HPC_ID_BASE, 0x00400000U);
T_VALUE(RSM_HPC_ID_END, 0x004FFFFFU);
T_VALUE(RSM_OPS_ID_BASE, 0x00500000U);
T_VALUE(RSM_OPS_ID_END, 0x005FFFFFU);
T_VALUE(RSM_USER_APP_ID_BASE, 0x80000000U);
T_VALUE(RSM_USER_APP_ID_END, 0xFFFFFFFFU);

/* Result codes. */
T_VALUE(RSM_SUCCESS, 0);
T_VALUE(RSMERR_BAD_LIBRARY_VERSION, 1);
T_VALUE(RSMERR_BAD_TOPOLOGY_PTR, 2);
T_VALUE(RSMERR_BAD_CTLR_HNDL, 3);
T_VALUE(RSMERR_CTLR_NOT_PRESENT, 4);
T_VALUE(RSMERR_BAD_SEG_HNDL, 5);
T_VALUE(RSMERR_SEG_ALREADY_PUBLISHED, 6);
T_VALUE(RSMERR_SEG_NOT_PUBLISHED, 7);
T_VALUE(RSMERR_SEG_NOT_PUBLISHED_TO_NODE, 8);
T_VALUE(RSMERR_SEG_ALREADY_MAPPED, 9);
T_VALUE(RSMERR_SEG_STILL_MAPPED, 10);
T_VALUE(RSMERR_SEG_NOT_MAPPED, 11);
T_VALUE(RSMERR_NOT_CREATOR, 12);
T_VALUE(RSMERR_BAD_BARRIER_PTR, 13);
T_VALUE(RSMERR_BAD_SGIO, 14);
T_VALUE(RSMERR_BAD_LOCALMEM_HNDL, 15);
T_VALUE(RSMERR_BAD_ADDR, 16);
T_VALUE(RSMERR_BAD_MEM_ALIGNMENT, 17);
T_VALUE(RSMERR_BAD_OFFSET, 18);
T_VALUE(RSMERR_MISALIGNED_OFFSET, 19);
T_VALUE(RSMERR_BAD_LENGTH, 20);
T_VALUE(RSMERR_BAD_ACL, 21);
T_VALUE(RSMERR_BAD_SEGID, 22);
T_VALUE(RSMERR_RESERVED_SEGID, 23);
T_VALUE(RSMERR_SEGID_IN_USE, 24);
T_VALUE(RSMERR_BAD_MODE, 25);
T_VALUE(RSMERR_BAD_PERMS, 26);
T_VALUE(RSMERR_PERM_DENIED, 27);
T_VALUE(RSMERR_LOCKS_NOT_SUPPORTED, 28);
T_VALUE(RSMERR_LOCKS_NOT_ENABLED, 29);
T_VALUE(RSMERR_REBIND_NOT_ALLOWED, 30);
T_VALUE(RSMERR_INSUFFICIENT_RESOURCES, 31);
T_VALUE(RSMERR_INSUFFICIENT_MEM, 32);
T_VALUE(RSMERR_MAP_FAILED, 33);
T_VALUE(RSMERR_POLLFD_IN_USE, 34);
T_VALUE(RSMERR_BARRIER_UNINITIALIZED, 35);
T_VALUE(RSMERR_BARRIER_OPEN_FAILED, 36);
T_VALUE(RSMERR_BARRIER_NOT_OPENED, 37);
T_VALUE(RSMERR_BARRIER_FAILURE, 38);
T_VALUE(RSMERR_REMOTE_NODE_UNREACHABLE, 39);
T_VALUE(RSMERR_CONN_ABORTED, 40);
T_VALUE(RSMERR_INTERRUPTED, 41);
T_VALUE(RSMERR_TIMEOUT, 42);
T_VALUE(RSMERR_BAD_APPID, 43);
T_VALUE(RSMERR_BAD_CONF, 44);
T_VALUE(RSMERR_SEG_NOT_CONNECTED, 45);
T_VALUE(RSMERR_INTERNAL_ERROR, 100);
T_VALUE(RSMERR_BAD_DRIVER_VERSION, 101);
T_VALUE(RSMERR_UNSUPPORTED_VERSION, 102);
T_VALUE(RSMERR_DRIVER_NAME_IN_USE, 103);
T_VALUE(RSMERR_DRIVER_NOT_REGISTERED, 104);
T_VALUE(RSMERR_DRIVER_THREAD_RUNNING, 105);
T_VALUE(RSMERR_NEED_THREAD_INIT, 106);
T_VALUE(RSMERR_THREAD_NOT_INITED, 107);
T_VALUE(RSMERR_CTLRS_REGISTERED, 108);
T_VALUE(RSMERR_CTLR_NOT_REGISTERED, 109);
T_VALUE(RSMERR_CTLR_ALREADY_REGISTERED, 110);
T_VALUE(RSMERR_CTLR_IN_USE, 111);
T_VALUE(RSMERR_NAME_TOO_LONG, 112);
T_VALUE(RSMERR_SEG_PUBLISHED, 113);
T_VALUE(RSMERR_SEG_NOT_PUBLISHED_TO_RSM_ADDR, 114);
T_VALUE(RSMERR_SEG_IN_USE, 115);
T_VALUE(RSMERR_BAD_SENDQ_HNDL, 116);
T_VALUE(RSMERR_BAD_ARGS_ERRORS, 117);
T_VALUE(RSMERR_BAD_MSTYPE, 118);
T_VALUE(RSMERR_NO_BACKING_MEM, 119);
T_VALUE(RSMERR_NOT_MEM, 120);
T_VALUE(RSMERR_MEM_ALREADY_BOUND, 121);
T_VALUE(RSMERR_MEM_NOT_BOUND, 122);
T_VALUE(RSMERR_HANDLER_NOT_REGISTERED, 123);
T_VALUE(RSMERR_NO_HANDLER, 124);
T_VALUE(RSMERR_UNBIND_REBIND_NOT_ALLOWED, 125);
T_VALUE(RSMERR_CALLBACKS_NOT_SUPPORTED, 126);
T_VALUE(RSMERR_UNSUPPORTED_OPERATION, 127);
T_VALUE(RSMERR_RSM_ADDR_UNREACHABLE, 128);
T_VALUE(RSMERR_UNKNOWN_RSM_ADDR, 129);
T_VALUE(RSMERR_BAD_BARRIER_HNDL, 130);
T_VALUE(RSMERR_COMM_ERR_MAYBE_DELIVERED, 131);
T_VALUE(RSMERR_COMM_ERR_NOT_DELIVERED, 132);
T_VALUE(RSMERR_QUEUE_FENCE_UP, 133);
T_VALUE(RSMERR_QUEUE_FULL, 134);
T_VALUE(RSMERR_BAD_ADDRESS, 16);

/* The library's own table: same values, in rising order, one line for each of the 81 codes. */
#define RSMI_ERROR(name, value, sentence)                        \
    _Static_assert((name) == (value), #name " differs");         \
    _Static_assert(sizeof(sentence) > 1, #name " says nothing");
#include "../../src/rsm_errors.def"
#undef RSMI_ERROR
enum {
#define RSMI_ERROR(name, value, sentence) t_line_of_##name,
#include "../../src/rsm_errors.def"
#undef RSMI_ERROR
    t_lines
};
T_VALUE(t_lines, 1 + 45 + 1 + 34);
T_VALUE(t_line_of_RSM_SUCCESS, 0);
T_VALUE(t_line_of_RSMERR_SEG_NOT_CONNECTED, 45);
T_VALUE(t_line_of_RSMERR_INTERNAL_ERROR, 46);
T_VALUE(t_line_of_RSMERR_QUEUE_FULL, 80);

/* Scalars, handles and the base types that hosts lack. */
T_TYPE((rsm_addr_t)0, uint64_t);
T_TYPE((rsm_node_id_t)0, uint32_t);
T_TYPE((rsm_memseg_id_t)0, uint32_t);
T_TYPE((rsm_permission_t)0, uint32_t);
T_TYPE((rsm_localmemory_handle_t)0, void *);
T_TYPE((uchar_t)0, unsigned char);
T_TYPE((uint_t)0, unsigned int);
T_TYPE((ulong_t)0, unsigned long);
T_TYPE((caddr_t)0, char *);
T_VALUE(sizeof(offset_t), 8);
_Static_assert((offset_t)-1 < 0, "offset_t is not signed");
T_VALUE((boolean_t)B_TRUE, 1);
T_VALUE((boolean_t)B_FALSE, 0);
T_VALUE(sizeof(rsmapi_controller_handle_t), sizeof(void *));
T_VALUE(sizeof(rsm_memseg_export_handle_t), sizeof(void *));
T_VALUE(sizeof(rsm_memseg_import_handle_t), sizeof(void *));

/* Controller attributes. */
T_MEMBER(rsmapi_controller_attr_t, attr_direct_access_sizes, uint_t);
T_MEMBER(rsmapi_controller_attr_t, attr_atomic_sizes, uint_t);
T_MEMBER(rsmapi_controller_attr_t, attr_page_size, size_t);
T_MEMBER(rsmapi_controller_attr_t, attr_max_export_segment_size, size_t);
T_MEMBER(rsmapi_controller_attr_t, attr_tot_export_segment_size, size_t);
T_MEMBER(rsmapi_controller_attr_t, attr_max_export_segments, ulong_t);
T_MEMBER(rsmapi_controller_attr_t, attr_max_import_map_size, size_t);
T_MEMBER(rsmapi_controller_attr_t, attr_tot_import_map_size, size_t);
T_MEMBER(rsmapi_controller_attr_t, attr_max_import_segments, ulong_t);

/* Access list. */
T_MEMBER(rsmapi_access_entry_t, ae_node, rsm_node_id_t);
T_MEMBER(rsmapi_access_entry_t, ae_permission, rsm_permission_t);
T_MEMBER(rsmapi_access_entry_t, ae_permissions, rsm_permission_t);
T_SAME_PLACE(rsmapi_access_entry_t, ae_permission, ae_permissions);
T_VALUE(sizeof(rsmapi_access_entry_t), 8);
T_TYPE((rsm_access_entry_t *)0, rsmapi_access_entry_t *);
T_TYPE((rsm_map_attr_t *)0, rsm_attribute_t *);

/* Barriers. */
T_MEMBER(rsmapi_barrier_t, seg, void *);
T_MEMBER(rsmapi_barrier_t, gnum, uint16_t);
T_MEMBER(rsmapi_barrier_t, privdata, void *);
T_VALUE(sizeof(rsm_barrier_component_t), 8);
T_VALUE(sizeof(((rsm_barrier_component_t *)0)->u32), 8);
T_VALUE(sizeof(((rsm_barrier_component_t *)0)->i16), 8);
T_VALUE(sizeof(((rsm_barrier_component_t *)0)->uc), 8);
T_VALUE(sizeof(((rsm_barrier_component_t *)0)->c), 8);
T_MEMBER(rsm_barrier_component_t, u64, uint64_t);
T_MEMBER(rsm_barrier_component_t, i64, int64_t);
T_MEMBER(rsm_barrier_component_t, vp, void *);
T_MEMBER(rsm_barrier_component_t, i32[1], int32_t);
T_MEMBER(rsm_barrier_component_t, u16[3], uint16_t);
T_MEMBER(rsm_barrier_component_t, u8[7], uint8_t);
T_MEMBER(rsm_barrier_component_t, i8[7], int8_t);
T_VALUE(sizeof(rsm_barrier_t), 32);
T_VALUE(sizeof(((rsm_barrier_t *)0)->comp), 32);

/* Scatter-gather. */
T_MEMBER(rsm_iovec_t, io_type, int);
T_MEMBER(rsm_iovec_t, local.handle, rsm_localmemory_handle_t);
T_MEMBER(rsm_iovec_t, local.vaddr, caddr_t);
T_MEMBER(rsm_iovec_t, local.virtual_addr, caddr_t);
T_MEMBER(rsm_iovec_t, local_offset, size_t);
T_MEMBER(rsm_iovec_t, remote_offset, size_t);
T_MEMBER(rsm_iovec_t, import_segment_offset, size_t);
T_MEMBER(rsm_iovec_t, transfer_length, size_t);
T_SAME_PLACE(rsm_iovec_t, local.vaddr, local.virtual_addr);
T_SAME_PLACE(rsm_iovec_t, local.vaddr, local.handle);
T_SAME_PLACE(rsm_iovec_t, remote_offset, import_segment_offset);
T_BEFORE(rsm_iovec_t, io_type, local);
T_BEFORE(rsm_iovec_t, local, local_offset);
T_BEFORE(rsm_iovec_t, local_offset, remote_offset);
T_BEFORE(rsm_iovec_t, remote_offset, transfer_length);
T_MEMBER(rsm_scat_gath_t, local_nodeid, rsm_node_id_t);
T_MEMBER(rsm_scat_gath_t, io_request_count, ulong_t);
T_MEMBER(rsm_scat_gath_t, io_residual_count, ulong_t);
T_MEMBER(rsm_scat_gath_t, flags, uint_t);
T_MEMBER(rsm_scat_gath_t, remote_handle, rsm_memseg_import_handle_t);
T_MEMBER(rsm_scat_gath_t, iovec, rsm_iovec_t *);
T_BEFORE(rsm_scat_gath_t, io_request_count, io_residual_count);
T_BEFORE(rsm_scat_gath_t, io_residual_count, flags);
T_BEFORE(rsm_scat_gath_t, flags, remote_handle);
T_BEFORE(rsm_scat_gath_t, remote_handle, iovec);
T_BEFORE(rsm_scat_gath_t, iovec, local_nodeid);
#if defined(__LP64__)
T_VALUE(sizeof(rsmapi_controller_attr_t), 64);
T_VALUE(sizeof(rsmapi_barrier_t), 24);
T_VALUE(sizeof(rsm_iovec_t), 40);
T_VALUE(sizeof(rsm_scat_gath_t), 48);
T_VALUE(sizeof(rsm_connections_hdr_t), 272);
T_VALUE(sizeof(rsm_remote_cntlr_t), 280);
#endif

/* Topology, with its structure tags. */
T_TYPE((rsm_topology_hdr_t *)0, struct rsm_topology_hdr *);
T_TYPE((rsm_connections_hdr_t *)0, struct rsm_connections_hdr *);
T_TYPE((rsm_remote_cntlr_t *)0, struct rsm_remote_cntlr *);
T_TYPE((rsm_connections_t *)0, struct rsm_connection *);
T_TYPE((rsm_topology_t *)0, struct rsm_topology *);
T_MEMBER(rsm_topology_hdr_t, local_nodeid, rsm_node_id_t);
T_MEMBER(rsm_topology_hdr_t, local_cntlr_count, uint_t);
T_VALUE(sizeof(((rsm_connections_hdr_t *)0)->cntlr_name), MAXNAMELEN);
T_MEMBER(rsm_connections_hdr_t, local_hwaddr, rsm_addr_t);
T_MEMBER(rsm_connections_hdr_t, remote_cntlr_count, int);
T_BEFORE(rsm_connections_hdr_t, cntlr_name, local_hwaddr);
T_BEFORE(rsm_connections_hdr_t, local_hwaddr, remote_cntlr_count);
T_MEMBER(rsm_remote_cntlr_t, remote_nodeid, rsm_node_id_t);
T_VALUE(sizeof(((rsm_remote_cntlr_t *)0)->remote_cntlrname), MAXNAMELEN);
T_MEMBER(rsm_remote_cntlr_t, remote_hwaddr, rsm_addr_t);
T_MEMBER(rsm_remote_cntlr_t, connection_state, uint_t);
T_BEFORE(rsm_remote_cntlr_t, remote_nodeid, remote_cntlrname);
T_BEFORE(rsm_remote_cntlr_t, remote_cntlrname, remote_hwaddr);
T_BEFORE(rsm_remote_cntlr_t, remote_hwaddr, connection_state);
T_MEMBER(rsm_connections_t, hdr, rsm_connections_hdr_t);
T_MEMBER(rsm_connections_t, remote_cntlr[0], rsm_remote_cntlr_t);
T_MEMBER(rsm_topology_t, topology_hdr, rsm_topology_hdr_t);
T_MEMBER(rsm_topology_t, connections[0], rsm_connections_t *);

/* Prototypes: a function's address has the type of Sun's declaration. Nothing is called. */
#define T_PROTO(name, ...) _Static_assert(_Generic(&(name), __VA_ARGS__ : 1, default : 0), #name)
T_PROTO(rsm_get_controller, int (*)(char *, rsmapi_controller_handle_t *));
T_PROTO(rsm_get_controller_attr, int (*)(rsmapi_controller_handle_t, rsmapi_controller_attr_t *));
T_PROTO(rsm_release_controller, int (*)(rsmapi_controller_handle_t));
T_PROTO(rsm_get_interconnect_topology, int (*)(rsm_topology_t **));
T_PROTO(rsm_free_interconnect_topology, void (*)(rsm_topology_t *));
T_PROTO(rsm_memseg_export_create, int (*)(rsmapi_controller_handle_t, rsm_memseg_export_handle_t *,
                                          void *, size_t, uint_t));
T_PROTO(rsm_memseg_export_publish, int (*)(rsm_memseg_export_handle_t, rsm_memseg_id_t *,
                                           rsmapi_access_entry_t[], uint_t));
T_PROTO(rsm_memseg_export_unpublish, int (*)(rsm_memseg_export_handle_t));
T_PROTO(rsm_memseg_export_destroy, int (*)(rsm_memseg_export_handle_t));
T_PROTO(rsm_memseg_import_connect, int (*)(rsmapi_controller_handle_t, rsm_node_id_t,
                                           rsm_memseg_id_t, rsm_permission_t,
                                           rsm_memseg_import_handle_t *));
T_PROTO(rsm_memseg_import_disconnect, int (*)(rsm_memseg_import_handle_t));
T_PROTO(rsm_memseg_import_get_mode, int (*)(rsm_memseg_import_handle_t, rsm_barrier_mode_t *));
T_PROTO(rsm_memseg_import_set_mode, int (*)(rsm_memseg_import_handle_t, rsm_barrier_mode_t));
T_PROTO(rsm_memseg_import_init_barrier, int (*)(rsm_memseg_import_handle_t, rsm_barrier_type_t,
                                                rsmapi_barrier_t *));
T_PROTO(rsm_memseg_import_open_barrier, int (*)(rsmapi_barrier_t *));
T_PROTO(rsm_memseg_import_order_barrier, int (*)(rsmapi_barrier_t *));
T_PROTO(rsm_memseg_import_close_barrier, int (*)(rsmapi_barrier_t *));
T_PROTO(rsm_memseg_import_destroy_barrier, int (*)(rsmapi_barrier_t *));
T_PROTO(rsm_memseg_import_putv, int (*)(rsm_scat_gath_t *));
T_PROTO(rsm_memseg_import_getv, int (*)(rsm_scat_gath_t *));
T_PROTO(rsm_create_localmemory_handle, int (*)(rsmapi_controller_handle_t,
                                               rsm_localmemory_handle_t *, caddr_t, size_t));
T_PROTO(rsm_free_localmemory_handle, int (*)(rsmapi_controller_handle_t,
                                             rsm_localmemory_handle_t));
T_PROTO(rsm_intr_signal_post, int (*)(void *, uint_t));
T_PROTO(rsm_intr_signal_wait, int (*)(void *, int));
T_PROTO(rsm_memseg_export_republish, int (*)(rsm_memseg_export_handle_t, rsmapi_access_entry_t[],
                                             uint_t));
T_PROTO(rsm_memseg_export_rebind, int (*)(rsm_memseg_export_handle_t, void *, offset_t, size_t));
T_PROTO(rsm_memseg_import_map, int (*)(rsm_memseg_import_handle_t, void **, rsm_attribute_t,
                                       rsm_permission_t, off_t, size_t));
T_PROTO(rsm_memseg_import_unmap, int (*)(rsm_memseg_import_handle_t));
T_PROTO(rsm_memseg_import_put, int (*)(rsm_memseg_import_handle_t, off_t, void *, size_t));
T_PROTO(rsm_memseg_import_get, int (*)(rsm_memseg_import_handle_t, off_t, void *, size_t));
T_PROTO(rsm_memseg_import_put8, int (*)(rsm_memseg_import_handle_t, off_t, uint8_t *, ulong_t));
T_PROTO(rsm_memseg_import_put16, int (*)(rsm_memseg_import_handle_t, off_t, uint16_t *, ulong_t));
T_PROTO(rsm_memseg_import_put32, int (*)(rsm_memseg_import_handle_t, off_t, uint32_t *, ulong_t));
T_PROTO(rsm_memseg_import_put64, int (*)(rsm_memseg_import_handle_t, off_t, uint64_t *, ulong_t));
T_PROTO(rsm_memseg_import_get8, int (*)(rsm_memseg_import_handle_t, off_t, uint8_t *, ulong_t));
T_PROTO(rsm_memseg_import_get16, int (*)(rsm_memseg_import_handle_t, off_t, uint16_t *, ulong_t));
T_PROTO(rsm_memseg_import_get32, int (*)(rsm_memseg_import_handle_t, off_t, uint32_t *, ulong_t));
T_PROTO(rsm_memseg_import_get64, int (*)(rsm_memseg_import_handle_t, off_t, uint64_t *, ulong_t));
T_PROTO(rsm_memseg_get_pollfd, int (*)(void *, struct pollfd *));
T_PROTO(rsm_memseg_release_pollfd, int (*)(void *));
T_PROTO(rsm_intr_signal_wait_pollfd, int (*)(struct pollfd[], nfds_t, int, int *));
T_PROTO(rsm_get_segmentid_range, int (*)(const char *, rsm_memseg_id_t *, uint32_t *));

/* clang-format on */

int main(void)
{
    return 0;
}
