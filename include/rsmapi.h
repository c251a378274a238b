/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sun's Remote Shared Memory API for MPI jobs: what each function does, and what it promises. Knows
 * the types of the two headers below; must not know MPI types, hwloc or the library's inside.
 *
 * A process exports a page-aligned piece of its memory and publishes it under an id. Any process of
 * the job, the exporter too, connects to the id and moves data with put, get, putv and getv,
 * without the exporter's help. Events wake the other side. Include this header, link with -lrsm,
 * and run under mpirun. rsmapi_common.h and rsm_common.h tell which macros tame the names they
 * bring in.
 *
 * Caveats, before all else.
 *
 * Nodes. A node is one rank of the controller's communicator, and its id is the rank. A segment id
 *   names at most one published segment per rank.
 *
 * Progress. Only the first rsm_get_controller("mpi0") is collective (and rsmx_mpi_attach(), for its
 *   communicator). Everything else is one-sided:
 *   a service thread in each process answers connects, cuts and events while the program computes,
 *   sleeps or waits elsewhere. The thread blocks all signals. It needs MPI_THREAD_MULTIPLE.
 *
 * Complete. A transfer is complete when its bytes are in their final place: the exporter's memory
 *   for put and putv, the caller's for get and getv. In implicit mode (the default) that is so when
 *   the call returns success; in explicit mode, when rsm_memseg_import_close_barrier or
 *   rsm_memseg_import_order_barrier returns success, or when a call with RSM_IMPLICIT_SIGPOST does.
 *   Until then the local memory of a vector must neither change nor be read. When close_barrier has
 *   returned, whatever its result, the local memory is the program's again. put and get are kinder:
 *   their local memory is the program's at return, in both modes.
 *
 * Order. In implicit mode the entries of a vector complete one after the other, in vector order. In
 *   explicit mode nothing is ordered inside a barrier except by rsm_memseg_import_order_barrier.
 *   An event never overtakes writes that were complete when it was posted: an exporter whose wait
 *   returned because of it sees them with ordinary loads. Nothing is promised about writes that
 *   were not complete, nor between two import handles.
 *
 * Cut. Unpublish, destroy and the exporter's end cut its importers off, for good. From then on
 *   transfers, posts, order_barrier and close_barrier on the handle give RSMERR_CONN_ABORTED; what
 *   remains is to disconnect. Publishing again does not revive the handle.
 *
 * Oneself. A process may import its own segment. Such a connection never touches MPI.
 *
 * Threads. Every function may be called by any number of threads at once, on the same handle too.
 *   Not allowed: using a handle while another thread destroys, disconnects or frees it, and using
 *   one barrier object, or one request structure, in two threads at once. Calls "may block" only
 *   where they say so. No lock is held while a call waits for another process.
 *
 * Fork. Handles are dead in a forked child. There publish, republish, unpublish and rebind give
 *   RSMERR_NOT_CREATOR, after the tests of the segment's state; every other call that is given
 * something inherited gives RSMERR_BAD_CTLR_HNDL or RSMERR_BAD_SEG_HNDL (barriers:
 * RSMERR_BARRIER_UNINITIALIZED), and none hangs.
 *
 * The end. Leaving the process destroys, disconnects and frees everything. After MPI_Finalize
 *   transfers to other ranks give RSMERR_CONN_ABORTED, while disconnect, destroy and free still
 *   work locally; a process that leaves by exit without MPI_Finalize: see mpi_glue/README.md.
 *
 * Errors. A function that returns int returns RSM_SUCCESS or a positive RSMERR_ number; errno means
 *   nothing. The first test that fails decides, in the order given with each function. Results are
 *   written on success only, except where a function says that it clears one first. NULL, freed
 *   and foreign handles are recognised.
 */
#ifndef RSM_RSMAPI_H
#define RSM_RSMAPI_H

#include <poll.h>
#include <sys/param.h>

#include <sys/rsm/rsm_common.h>
#include <sys/rsm/rsmapi_common.h>

/* Strict C11 hides this constant of <poll.h> on Linux; the kernel's value. */
#if !defined(POLLRDNORM) && defined(__linux__)
#define POLLRDNORM 0x040
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* These functions are the library's face, whatever visibility its sources are built with. */
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* ---- Controllers ------------------------------------------------------------------------- */

/**
 * Get a handle to a controller, by name.
 *
 * A name is a type and a unit number; without digits the unit is 0, and case does not matter.
 * "loopback", with any unit, and NULL are this process alone: no MPI, no launcher, nothing is
 * started. "mpi0" is all of MPI_COMM_WORLD; "mpi1" and so on exist once rsmx_mpi_attach() (rsmx.h)
 * has made them. A second get of a controller the process already holds returns the same handle and
 * counts one more reference; each success wants one release.
 *
 * The first get of "mpi0" in a process is collective over MPI_COMM_WORLD: each rank makes it, and
 * it may block until all have. Later gets, also after a full release, are local and do not block.
 * Thread-safe. If MPI has not been initialised, the library starts it with MPI_THREAD_MULTIPLE and
 * ends it at exit; otherwise it uses what it finds, and leaves ending it to the program.
 *
 * @param[in]  name        NUL-terminated, at most 255 bytes; read during the call only. NULL means
 *                         "loopback"
 * @param[out] controller  the handle, the caller's until released; untouched on failure
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL      controller is NULL, or this is a forked child
 * @retval RSMERR_CTLR_NOT_PRESENT   the name is empty, too long, or of no controller offered here;
 *                                   or the MPI found cannot be started, has a thread level below
 *                                   MPI_THREAD_MULTIPLE, is finalised, or offers no one-sided
 *                                   component that fits (one line on stderr then says why)
 * @retval RSMERR_INSUFFICIENT_MEM   out of memory
 *
 * Source: rsm_get_controller(3RSM). Deviation: the first get is collective; there are no plug-ins,
 * so RSMERR_BAD_LIBRARY_VERSION is never returned, nor is RSMERR_BAD_ADDR.
 * MPI: MPI_Init_thread if nobody has called it; MPI_Comm_create over all of MPI_COMM_WORLD, once.
 */
int rsm_get_controller(char *name, rsmapi_controller_handle_t *controller);

/**
 * Tell what a controller can do.
 *
 * Local, thread-safe, does not block. All nine members are filled. attr_page_size is the page size
 * of the system, and with it the unit of address and size for rsm_memseg_export_create. What
 * belongs to mappings is 0, "not stated", as no data path of this version maps a segment.
 *
 * @param[in]  controller  live handle
 * @param[out] attr        the caller's structure; sizes in bytes, unlimited is the largest value
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL      NULL or released, or this is a forked child
 * @retval RSMERR_BAD_ADDR           attr is NULL
 * @retval RSMERR_CTLR_NOT_PRESENT   the controller is gone: MPI has been finalised
 *
 * Source: rsm_get_controller_attr(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_get_controller_attr(rsmapi_controller_handle_t controller, rsmapi_controller_attr_t *attr);

/**
 * Give one reference to a controller back.
 *
 * Local, thread-safe, does not block. The last release kills the handle. It is not refused while
 * segments or local memory handles of the controller exist: these can still be destroyed and
 * disconnected, but transfers on them give RSMERR_BAD_CTLR_HNDL. A later get starts afresh and is
 * local.
 *
 * @param[in] controller  live handle; dead afterwards if this was the last reference
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL   NULL or released, or this is a forked child
 *
 * Source: rsm_release_controller(3RSM). Deviation: none.
 * MPI: nothing; MPI goes on, and so does the private communicator.
 */
int rsm_release_controller(rsmapi_controller_handle_t controller);

/* ---- Topology ---------------------------------------------------------------------------- */

/**
 * Take a snapshot of the job: the local node id, the controllers of this process by name, and the
 * nodes that each of them reaches.
 *
 * Local, thread-safe, does not block. The local node is the rank in "mpi0", and 0 before that is
 * opened. Without any controller but loopback none is listed: programs must cope with
 * local_cntlr_count 0. In a controller over another communicator this process has another node id:
 * local_hwaddr. Each peer that can be reached has connection_state RSM_CONNECTION_ACTIVE. The local
 * node is not listed as its own peer, though it can be connected to.
 *
 * @param[out] topology_data  the snapshot, one block; the caller's until given to
 *                            rsm_free_interconnect_topology. Set to NULL first. Arrays are longer
 *                            than declared: topology_hdr.local_cntlr_count entries of connections,
 *                            hdr.remote_cntlr_count entries of remote_cntlr in each
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_TOPOLOGY_PTR   topology_data is NULL
 * @retval RSMERR_INSUFFICIENT_MEM   out of memory
 *
 * Source: rsm_get_interconnect_topology(3RSM). Deviation: none.
 * MPI: nothing; rank and size of the communicator are known from the first get.
 */
int rsm_get_interconnect_topology(rsm_topology_t **topology_data);

/**
 * Free a snapshot, with all its strings and arrays.
 *
 * Local, thread-safe, does not block.
 *
 * @param[in] topology_data  from rsm_get_interconnect_topology; NULL is permitted
 *
 * Errors: none.
 *
 * Source: rsm_free_interconnect_topology(3RSM). Deviation: none.
 * MPI: nothing.
 */
void rsm_free_interconnect_topology(rsm_topology_t *topology_data);

/* ---- Export ------------------------------------------------------------------------------ */

/**
 * Make a segment of the caller's memory. It is not reachable before it is published.
 *
 * Local (not collective), thread-safe, does not block. The memory stays the caller's: the library
 * neither copies nor frees it, and it must stay mapped until the segment is destroyed. Ranges of
 * several segments may overlap. Recorded now: the process, its effective user and group, and the
 * mode 0777 & ~umask, which holds where a publish brings no access list.
 *
 * @param[in]  controller  live handle
 * @param[out] memseg      the handle, the caller's until destroyed. Set to NULL before any test
 * @param[in]  vaddr       start of the memory, a multiple of the page size; readable and writable
 * @param[in]  size        bytes, a multiple of the page size, not 0
 * @param[in]  flags       RSM_ALLOW_REBIND: rsm_memseg_export_rebind may be called later;
 *                         RSM_CREATE_SEG_DONTWAIT, or 0; other bits are ignored
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL            controller is NULL or released, or a forked child calls
 * @retval RSMERR_BAD_SEG_HNDL             memseg is NULL
 * @retval RSMERR_BAD_ADDR                 vaddr is NULL
 * @retval RSMERR_BAD_LENGTH               size is 0
 * @retval RSMERR_BAD_MEM_ALIGNMENT        vaddr or size is no multiple of the page size
 * @retval RSMERR_BAD_LENGTH               size is above attr_max_export_segment_size
 * @retval RSMERR_CTLR_NOT_PRESENT         the controller is gone: MPI has been finalised
 * @retval RSMERR_BAD_ADDR                 some of the range is not mapped, or it wraps around
 * @retval RSMERR_PERM_DENIED              some of the range cannot be written or read
 * @retval RSMERR_INSUFFICIENT_MEM         out of memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES   no more segments can be kept
 *
 * Source: rsm_memseg_export_create(3RSM). Deviation: memory is not locked; shortage is tested last;
 * the call never waits, so RSMERR_INTERRUPTED is never returned.
 * MPI: nothing; windows are made per connection.
 */
int rsm_memseg_export_create(rsmapi_controller_handle_t controller,
                             rsm_memseg_export_handle_t *memseg, void *vaddr, size_t size,
                             unsigned int flags);

/**
 * Make a segment reachable under an id.
 *
 * Local (not collective), thread-safe, does not block. Connects succeed from the moment this
 * returns, and may a little earlier. On failure the segment stays unpublished.
 *
 * Without an access list every node may connect, with the mode recorded at creation. With one,
 * only the nodes it names may; of several entries for a node the first counts. The mode has three
 * octal digits, of which one decides: the first if the importer's effective user is the
 * exporter's, else the second if the importer is in the exporter's group, else the third. In it, 4
 * is read and 2 is write. Root has no privilege.
 *
 * @param[in]     memseg              export handle; state CREATED, PUBLISHED on success
 * @param[in,out] segment_id          in: the wanted id, 0x00400000 to 0x7fffffff, or 0 for a
 *                                    generated one. Out: the generated id, 0x80000000 or above, if
 *                                    it was 0 and on success; else untouched
 * @param[in]     access_list         access_list_length entries, copied; not looked at if that is 0
 * @param[in]     access_list_length  number of entries; 0 means no list
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEGID                segment_id is NULL
 * @retval RSMERR_BAD_SEG_HNDL             memseg is NULL, destroyed, or no export handle
 * @retval RSMERR_BAD_ACL                  access_list is NULL and access_list_length is not 0
 * @retval RSMERR_SEG_ALREADY_PUBLISHED    the segment is published
 * @retval RSMERR_RESERVED_SEGID           the id is 1 to 0x003fffff, or 0x80000000 or above
 * @retval RSMERR_NOT_CREATOR              the caller is a forked child
 * @retval RSMERR_BAD_ACL                  access_list_length is above 65,536
 * @retval RSMERR_BAD_ADDR                 the list cannot be read
 * @retval RSMERR_BAD_ACL                  an entry names no node of the controller (loopback: not
 * the local node), or has a mode above 0666
 * @retval RSMERR_INSUFFICIENT_RESOURCES   the id was 0 and no generated id is left
 * @retval RSMERR_SEGID_IN_USE             this process has published the id already, through
 *                                         whichever controller
 * @retval RSMERR_INSUFFICIENT_MEM         out of memory
 *
 * Source: rsm_memseg_export_publish(3RSM). Deviation: ids are one space per process, as a node is
 * one process; an unknown node is RSMERR_BAD_ACL; the call never waits for resources.
 * MPI: nothing; the service thread answers the connects that follow.
 */
int rsm_memseg_export_publish(rsm_memseg_export_handle_t memseg, rsm_memseg_id_t *segment_id,
                              rsmapi_access_entry_t access_list[], unsigned int access_list_length);

/**
 * Withdraw a segment and cut its importers off.
 *
 * Local (not collective), thread-safe. May block, for a bounded time: transfers that are under way
 * finish first, and every importer's service thread confirms the cut. After success no importer
 * reads or writes the memory any more, and the program may reuse it; the id is free again, and the
 * access list is forgotten. Pending events survive.
 *
 * RSMERR_INTERRUPTED means that the cut is not complete. New connects are refused already, but some
 * importer may still reach the memory: it must not be reused. Repeat the call until it succeeds.
 *
 * @param[in] memseg  export handle; state PUBLISHED, CREATED on success
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL        NULL, destroyed, or no export handle
 * @retval RSMERR_SEG_NOT_PUBLISHED   the segment is not published
 * @retval RSMERR_NOT_CREATOR         the caller is a forked child
 * @retval RSMERR_INTERRUPTED         a signal was caught meanwhile, or an importer did not confirm
 *                                    the cut in time
 *
 * Source: rsm_memseg_export_unpublish(3RSM). Deviation: stronger, as success means that every
 * importer is cut; RSMERR_INTERRUPTED also comes without a signal.
 * MPI: a message to the service thread of each importer and its answer; no window call. Windows
 * are freed when importers disconnect.
 */
int rsm_memseg_export_unpublish(rsm_memseg_export_handle_t memseg);

/**
 * Replace the access list of a published segment. The id stays.
 *
 * Local (not collective), thread-safe, does not block. Connections that exist are not affected in
 * any respect; later connects obey the new list. Lists and modes are those of
 * rsm_memseg_export_publish. On failure the old list stays in force.
 *
 * @param[in] memseg              export handle; state PUBLISHED, and so afterwards
 * @param[in] access_list         access_list_length entries, copied; not looked at if that is 0
 * @param[in] access_list_length  number of entries; 0: every node may connect, with the mode
 *                                recorded at creation
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL        memseg is NULL, destroyed, or no export handle
 * @retval RSMERR_SEG_NOT_PUBLISHED   the segment is not published
 * @retval RSMERR_BAD_ACL             access_list is NULL and access_list_length is not 0
 * @retval RSMERR_NOT_CREATOR         the caller is a forked child
 * @retval RSMERR_BAD_ACL             access_list_length is above 65,536
 * @retval RSMERR_BAD_ADDR            the list cannot be read
 * @retval RSMERR_BAD_ACL             an entry names no node of the controller (loopback: not the
 *                                    local node), or has a mode above 0666
 * @retval RSMERR_INSUFFICIENT_MEM    out of memory
 *
 * Source: rsm_memseg_export_republish(3RSM). Deviation: a node that the new list omits gets
 * RSMERR_SEG_NOT_PUBLISHED_TO_NODE even while it is connected; the call never waits, so
 * RSMERR_INTERRUPTED is never returned; shortage of memory has its own code.
 * MPI: nothing.
 */
int rsm_memseg_export_republish(rsm_memseg_export_handle_t memseg,
                                rsmapi_access_entry_t access_list[],
                                unsigned int access_list_length);

/**
 * Put other memory of the same length behind a segment. Data is not copied.
 *
 * Local (not collective), thread-safe. May block, for a bounded time: transfers under way finish in
 * the old memory first, and every importer's service thread confirms. After success every transfer
 * that begins reaches the new memory, and the old is the program's again. Id, access list,
 * connections, barriers, events and poll descriptors stay as they are. What a transfer moves that
 * overlaps the call in time is not defined.
 *
 * RSMERR_INTERRUPTED means that some importer may still reach the old memory, which must not be
 * reused; connects and transfers that begin reach the new memory already. Repeat the call.
 *
 * @param[in] memseg  export handle, created with RSM_ALLOW_REBIND; in any state
 * @param[in] vaddr   start of the new memory, a multiple of the page size; readable and writable.
 * It must stay mapped until the next rebind or destroy
 * @param[in] off     ignored
 * @param[in] size    bytes; the length of the segment
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL         memseg is NULL, destroyed, or no export handle
 * @retval RSMERR_BAD_ADDR             vaddr is NULL
 * @retval RSMERR_REBIND_NOT_ALLOWED   created without RSM_ALLOW_REBIND
 * @retval RSMERR_NOT_CREATOR          the caller is a forked child
 * @retval RSMERR_BAD_LENGTH           size is not the length of the segment
 * If vaddr is the current address the call succeeds here, once nobody uses earlier memory.
 * @retval RSMERR_BAD_ADDR             vaddr is no multiple of the page size
 * @retval RSMERR_BAD_ADDR             some of the range is not mapped, or it wraps around
 * @retval RSMERR_PERM_DENIED          some of the range cannot be written or read
 * @retval RSMERR_INTERRUPTED          a signal was caught meanwhile, or an importer did not confirm
 *                                     in time
 *
 * Source: rsm_memseg_export_rebind(3RSM). Deviation: RSMERR_INTERRUPTED also comes without a
 * signal; memory is not locked, so RSMERR_INSUFFICIENT_MEM is never returned. MPI: a message to the
 * service thread of each importer and its answer; no window call. The importer's next transfer
 * frees the window and makes it anew over the new memory, together with the exporter's service
 * thread.
 */
int rsm_memseg_export_rebind(rsm_memseg_export_handle_t memseg, void *vaddr, int64_t off,
                             size_t size);

/**
 * End a segment. If it is published, it is unpublished first.
 *
 * Local (not collective), thread-safe. May block as rsm_memseg_export_unpublish does. The memory
 * and its contents stay as they are; pending events are dropped, and the handle is dead. Importers
 * still have to disconnect.
 *
 * @param[in] memseg  export handle; state CREATED or PUBLISHED, DESTROYED on success
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL    NULL, destroyed, or no export handle, or this is a forked child
 * @retval RSMERR_POLLFD_IN_USE   poll descriptor references are outstanding; nothing has changed
 * @retval RSMERR_INTERRUPTED     as from rsm_memseg_export_unpublish: the handle lives, the memory
 *                                must not be reused, and the call is to be repeated
 *
 * Source: rsm_memseg_export_destroy(3RSM). Deviation: RSMERR_INTERRUPTED, which the source does
 * not list; without it, a program could reuse memory that an importer still reaches.
 * MPI: as rsm_memseg_export_unpublish.
 */
int rsm_memseg_export_destroy(rsm_memseg_export_handle_t memseg);

/* ---- Import ------------------------------------------------------------------------------ */

/**
 * Connect to a published segment.
 *
 * One-sided: the exporter's service thread does its part. Thread-safe. May block while that thread
 * answers and, as windows are made one at a time per process, while other connects pass. The new
 * handle is in implicit barrier mode and has no barrier and no pending event. Any number of
 * connections to one segment may exist; each has its own mode, barrier and events. The length of
 * the segment is not told here: the programs agree on it, or ask rsmx_import_length() (rsmx.h).
 *
 * RSMERR_SEG_NOT_PUBLISHED is cheap and leaves nothing behind, so that a program may try again
 * until the exporter is ready.
 *
 * @param[in]  controller  live handle
 * @param[in]  node_id     rank of the exporter; the own rank is allowed
 * @param[in]  segment_id  any value
 * @param[in]  perm        RSM_PERM_READ, RSM_PERM_WRITE, both, or RSM_PERM_NONE for a handle that
 * is good for events only. What is asked for is what is granted
 * @param[out] im_memseg   the handle, the caller's until disconnected. Set to NULL before any test
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL               controller is NULL or released, or a forked child
 * calls
 * @retval RSMERR_BAD_SEG_HNDL                im_memseg is NULL
 * @retval RSMERR_PERM_DENIED                 perm has bits outside RSM_PERM_RDWR
 * @retval RSMERR_INSUFFICIENT_RESOURCES      no more connections can be kept, or MPI can make no
 *                                            more windows
 * @retval RSMERR_CTLR_NOT_PRESENT            the controller is gone: MPI has been finalised; or it
 * is loopback, and node_id is not the local node
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE     node_id is no rank of the controller, or the rank is
 *                                            gone
 * @retval RSMERR_INSUFFICIENT_MEM            out of memory
 * @retval RSMERR_CONN_ABORTED                the exporter was lost while it was asked
 * @retval RSMERR_INTERRUPTED                 a signal was caught meanwhile, or the exporter
 * withdrew the segment meanwhile
 * @retval RSMERR_SEG_NOT_PUBLISHED           the node has published no such id
 * @retval RSMERR_SEG_NOT_PUBLISHED_TO_NODE   there is an access list, and it omits this node
 * @retval RSMERR_PERM_DENIED                 the mode does not grant all of perm
 *
 * Source: rsm_memseg_import_connect(3RSM). Deviation: shortage of memory is tested late; the mode
 * binds root too; an unknown node is never RSMERR_INTERNAL_ERROR. MPI: a message to the exporter's
 * service thread and its answer; MPI_Comm_create_group of the two ranks, once per ordered pair;
 * MPI_Win_create; MPI_Win_lock(MPI_LOCK_SHARED, MPI_MODE_NOCHECK). The epoch stays open until the
 * disconnect. Importing one's own segment: nothing.
 */
int rsm_memseg_import_connect(rsmapi_controller_handle_t controller, rsm_node_id_t node_id,
                              rsm_memseg_id_t segment_id, rsm_permission_t perm,
                              rsm_memseg_import_handle_t *im_memseg);

/**
 * Give a connection up. Works, and is required, after the exporter cut it as well.
 *
 * One-sided, thread-safe. May block as rsm_memseg_import_connect does. Transfers not yet complete
 * are completed, but nobody learns whether they failed: close the barrier first. Barriers bound to
 * the handle become uninitialised, pending events are dropped, and the handle is dead.
 *
 * @param[in] im_memseg  import handle; usable as before on failure
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL       NULL, disconnected, or no import handle, or a forked child
 * calls
 * @retval RSMERR_SEG_STILL_MAPPED   rsm_memseg_import_map succeeded, and no unmap since
 * @retval RSMERR_POLLFD_IN_USE      poll descriptor references are outstanding
 *
 * Source: rsm_memseg_import_disconnect(3RSM). Deviation: none.
 * MPI: MPI_Win_unlock, MPI_Win_free, together with the exporter's service thread; towards a rank
 * known to be gone, or after MPI_Finalize, nothing.
 */
int rsm_memseg_import_disconnect(rsm_memseg_import_handle_t im_memseg);

/**
 * Tell the barrier mode of an import handle.
 *
 * Local, thread-safe, does not block.
 *
 * @param[in]  im_memseg  import handle, cut off or not
 * @param[out] mode       RSM_BARRIER_MODE_IMPLICIT or RSM_BARRIER_MODE_EXPLICIT
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL   NULL, disconnected, or no import handle, or a forked child calls
 * @retval RSMERR_BAD_ADDR       mode is NULL
 *
 * Source: rsm_memseg_import_get_mode(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_import_get_mode(rsm_memseg_import_handle_t im_memseg, rsm_barrier_mode_t *mode);

/**
 * Choose the barrier mode of an import handle.
 *
 * Local, thread-safe, does not block. Holds for calls that start afterwards, on this handle only.
 * Opens, closes and completes nothing: transfers started in explicit mode still wait for their
 * barrier.
 *
 * @param[in] im_memseg  import handle, cut off or not
 * @param[in] mode       RSM_BARRIER_MODE_IMPLICIT or RSM_BARRIER_MODE_EXPLICIT
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL   NULL, disconnected, or no import handle, or a forked child calls
 * @retval RSMERR_BAD_MODE       any other mode; the old one stays
 *
 * Source: rsm_memseg_import_set_mode(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_import_set_mode(rsm_memseg_import_handle_t im_memseg, rsm_barrier_mode_t mode);

/* ---- Mappings ---------------------------------------------------------------------------- */

/**
 * Map a part of an imported segment into this process, for plain loads and stores.
 *
 * Local, thread-safe, does not block. The data paths of this version cannot map: after all other
 * tests the result is RSMERR_MAP_FAILED, and programs fall back to put and get, as the sources
 * advise for interconnects without load/store access.
 *
 * @param[in]     im_memseg  import handle without a mapping
 * @param[in,out] address    the address; read only with RSM_MAP_FIXED, written on success
 * @param[in]     attr       RSM_MAP_NONE, or RSM_MAP_FIXED: exactly at *address, a multiple of the
 * page size, replacing what was there. RSM_MAP_RESERVED has no effect
 * @param[in]     perm       RSM_PERM_NONE, RSM_PERM_READ, RSM_PERM_WRITE or RSM_PERM_RDWR:
 * protection of the mapping, none of it beyond what connect was given
 * @param[in]     offset     bytes from the start of the segment, a multiple of the page size
 * @param[in]     length     bytes, not 0, of any granularity
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL             NULL, disconnected, or no import handle, or a forked
 * child calls
 * @retval RSMERR_BAD_ADDR                 address is NULL
 * @retval RSMERR_SEG_ALREADY_MAPPED       the handle has a mapping; unmap it, or connect once more
 * @retval RSMERR_CONN_ABORTED             the exporter has cut the connection, or is gone
 * @retval RSMERR_BAD_PERMS                perm has bits outside RSM_PERM_RDWR
 * @retval RSMERR_BAD_LENGTH               length is 0
 * @retval RSMERR_BAD_OFFSET               offset is negative
 * @retval RSMERR_BAD_LENGTH               offset or length passes the end of the segment
 * @retval RSMERR_BAD_MEM_ALIGNMENT        offset is no multiple of the page size
 * @retval RSMERR_BAD_MEM_ALIGNMENT        RSM_MAP_FIXED, and *address is no multiple of the page
 * size
 * @retval RSMERR_BAD_PERMS                perm asks for more than connect was given, or connect was
 *                                         given nothing
 * @retval RSMERR_MAP_FAILED               the data path cannot map, or the system refuses
 * @retval RSMERR_INSUFFICIENT_RESOURCES   no address space is left; or, after a rebind, MPI can
 *                                         make no new window
 *
 * Source: rsm_memseg_import_map(3RSM). Deviation: a negative offset is RSMERR_BAD_OFFSET; *address
 * is no hint; put and get address the whole segment whatever is mapped. MPI: nothing.
 */
int rsm_memseg_import_map(rsm_memseg_import_handle_t im_memseg, void **address,
                          rsm_attribute_t attr, rsm_permission_t perm, off_t offset, size_t length);

/**
 * Remove the mapping of an import handle.
 *
 * Local, thread-safe, does not block. Works after the connection was cut, too.
 *
 * @param[in] im_memseg  import handle with a mapping
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL      NULL, disconnected, or no import handle, or a forked child calls
 * @retval RSMERR_SEG_NOT_MAPPED    the handle has no mapping; put and get never make one
 *
 * Source: rsm_memseg_import_unmap(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_import_unmap(rsm_memseg_import_handle_t im_memseg);

/* ---- put and get ------------------------------------------------------------------------- */

/**
 * Write local memory to a place in an imported segment.
 *
 * One-sided; the exporter takes no part. Thread-safe. May block until the network has taken or
 * completed the data; a signal does not interrupt it. A length of 0 passes the same tests and moves
 * nothing.
 *
 * Completion: implicit mode, at return, in the exporter's memory. Explicit mode, at close_barrier
 * or order_barrier, which also report failures; no barrier need exist. In both modes the source is
 * the program's again at return.
 *
 * @param[in] im_memseg  import handle; in implicit mode with a barrier bound to it
 *                       (rsm_memseg_import_init_barrier)
 * @param[in] offset     bytes from the start of the segment, of any alignment
 * @param[in] src_addr   length bytes, of any alignment; not NULL, even if length is 0
 * @param[in] length     bytes
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL            NULL, disconnected, or no import handle, or a forked child
 *                                        calls
 * @retval RSMERR_BAD_ADDR                src_addr is NULL
 * @retval RSMERR_BAD_CTLR_HNDL           the controller of the handle has been released
 * @retval RSMERR_CONN_ABORTED            the exporter has cut the connection, or is gone
 * @retval RSMERR_PERM_DENIED             connected without RSM_PERM_WRITE
 * @retval RSMERR_BAD_OFFSET              offset is negative, or the range passes the end of the
 *                                        segment
 * @retval RSMERR_BARRIER_UNINITIALIZED   implicit mode, and no barrier is bound to the handle
 * @retval RSMERR_BAD_ADDR                some of the local memory is not mapped or not readable, or
 * it wraps around; nothing has moved
 * @retval RSMERR_BARRIER_FAILURE         implicit mode: the transfer failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES  after a rebind: MPI can make no new window
 *
 * Source: rsm_memseg_import_put(3RSM). Deviation: a cut connection is RSMERR_CONN_ABORTED in
 * explicit mode too; a handle without read right can put; RSMERR_BAD_LENGTH,
 * RSMERR_BARRIER_OPEN_FAILED and RSMERR_MISALIGNED_OFFSET do not occur. MPI, implicit mode:
 * MPI_Put, MPI_Win_flush. Explicit mode: MPI_Put, MPI_Win_flush_local, and one MPI_Win_flush at
 * close_barrier or order_barrier. Oneself: a copy.
 */
int rsm_memseg_import_put(rsm_memseg_import_handle_t im_memseg, off_t offset, void *src_addr,
                          size_t length);

/**
 * Write items of 8 bits to a place in an imported segment.
 *
 * As rsm_memseg_import_put of rep_cnt bytes, with tests of alignment for the wider forms. Items are
 * not swapped. Nothing is promised about how wide the stores are.
 *
 * @param[in] im_memseg  import handle; in implicit mode with a barrier bound to it
 * @param[in] offset     bytes from the start of the segment
 * @param[in] datap      rep_cnt items
 * @param[in] rep_cnt    number of items; 0 passes the same tests and moves nothing
 *
 * Errors: those of rsm_memseg_import_put, in its order, and behind the first RSMERR_BAD_ADDR
 * @retval RSMERR_BAD_MEM_ALIGNMENT   datap is not aligned to the size of an item
 * @retval RSMERR_BAD_MEM_ALIGNMENT   offset is not aligned to the size of an item
 *
 * Source: rsm_memseg_import_put8(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI: as rsm_memseg_import_put.
 */
int rsm_memseg_import_put8(rsm_memseg_import_handle_t im_memseg, off_t offset, uint8_t *datap,
                           unsigned long rep_cnt);

/**
 * As rsm_memseg_import_put8, with items of 16 bits; data and offset are aligned to 2 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 2
 * @param[in] datap     rep_cnt items, aligned to 2 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_put8, in its order.
 *
 * Source: rsm_memseg_import_put16(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI: as rsm_memseg_import_put.
 */
int rsm_memseg_import_put16(rsm_memseg_import_handle_t im_memseg, off_t offset, uint16_t *datap,
                            unsigned long rep_cnt);

/**
 * As rsm_memseg_import_put8, with items of 32 bits; data and offset are aligned to 4 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 4
 * @param[in] datap     rep_cnt items, aligned to 4 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_put8, in its order.
 *
 * Source: rsm_memseg_import_put32(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI: as rsm_memseg_import_put.
 */
int rsm_memseg_import_put32(rsm_memseg_import_handle_t im_memseg, off_t offset, uint32_t *datap,
                            unsigned long rep_cnt);

/**
 * As rsm_memseg_import_put8, with items of 64 bits; data and offset are aligned to 8 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 8
 * @param[in] datap     rep_cnt items, aligned to 8 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_put8, in its order.
 *
 * Source: rsm_memseg_import_put64(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI: as rsm_memseg_import_put.
 */
int rsm_memseg_import_put64(rsm_memseg_import_handle_t im_memseg, off_t offset, uint64_t *datap,
                            unsigned long rep_cnt);

/**
 * Read a place in an imported segment into local memory.
 *
 * The mirror of rsm_memseg_import_put. The data is in the local memory when the call returns, in
 * both modes; in explicit mode a failure is reported by close_barrier, and the data is then
 * undefined.
 *
 * @param[in]  im_memseg  import handle; in implicit mode with a barrier bound to it
 * @param[in]  offset     bytes from the start of the segment, of any alignment
 * @param[out] dst_addr   length bytes, of any alignment; not NULL, even if length is 0
 * @param[in]  length     bytes
 *
 * Errors: those of rsm_memseg_import_put, in its order, except
 * @retval RSMERR_PERM_DENIED   connected without RSM_PERM_READ
 * @retval RSMERR_BAD_ADDR      in the last test, the local memory is not writable
 *
 * Source: rsm_memseg_import_get(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI, in both modes: MPI_Get, MPI_Win_flush. Oneself: a copy.
 */
int rsm_memseg_import_get(rsm_memseg_import_handle_t im_memseg, off_t offset, void *dst_addr,
                          size_t length);

/**
 * Read items of 8 bits from a place in an imported segment.
 *
 * As rsm_memseg_import_get of rep_cnt bytes, with tests of alignment for the wider forms. Items are
 * not swapped. Nothing is promised about how wide the loads are.
 *
 * @param[in]  im_memseg  import handle; in implicit mode with a barrier bound to it
 * @param[in]  offset     bytes from the start of the segment
 * @param[out] datap      rep_cnt items
 * @param[in]  rep_cnt    number of items; 0 passes the same tests and moves nothing
 *
 * Errors: those of rsm_memseg_import_get, in its order, and behind the first RSMERR_BAD_ADDR
 * @retval RSMERR_BAD_MEM_ALIGNMENT   datap is not aligned to the size of an item
 * @retval RSMERR_BAD_MEM_ALIGNMENT   offset is not aligned to the size of an item
 *
 * Source: rsm_memseg_import_get8(3RSM). Deviation: as rsm_memseg_import_put.
 * MPI: as rsm_memseg_import_get.
 */
int rsm_memseg_import_get8(rsm_memseg_import_handle_t im_memseg, off_t offset, uint8_t *datap,
                           unsigned long rep_cnt);

/**
 * As rsm_memseg_import_get8, with items of 16 bits; data and offset are aligned to 2 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 2
 * @param[out] datap     rep_cnt items, aligned to 2 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_get8, in its order.
 *
 * Source: rsm_memseg_import_get16(3RSM). Deviation: as rsm_memseg_import_get.
 * MPI: as rsm_memseg_import_get.
 */
int rsm_memseg_import_get16(rsm_memseg_import_handle_t im_memseg, off_t offset, uint16_t *datap,
                            unsigned long rep_cnt);

/**
 * As rsm_memseg_import_get8, with items of 32 bits; data and offset are aligned to 4 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 4
 * @param[out] datap     rep_cnt items, aligned to 4 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_get8, in its order.
 *
 * Source: rsm_memseg_import_get32(3RSM). Deviation: as rsm_memseg_import_get.
 * MPI: as rsm_memseg_import_get.
 */
int rsm_memseg_import_get32(rsm_memseg_import_handle_t im_memseg, off_t offset, uint32_t *datap,
                            unsigned long rep_cnt);

/**
 * As rsm_memseg_import_get8, with items of 64 bits; data and offset are aligned to 8 bytes.
 *
 * @param[in] im_memseg  import handle
 * @param[in] offset     bytes from the start of the segment, a multiple of 8
 * @param[out] datap     rep_cnt items, aligned to 8 bytes
 * @param[in] rep_cnt    number of items
 *
 * Errors: those of rsm_memseg_import_get8, in its order.
 *
 * Source: rsm_memseg_import_get64(3RSM). Deviation: as rsm_memseg_import_get.
 * MPI: as rsm_memseg_import_get.
 */
int rsm_memseg_import_get64(rsm_memseg_import_handle_t im_memseg, off_t offset, uint64_t *datap,
                            unsigned long rep_cnt);

/* ---- Scatter-gather transfers ------------------------------------------------------------ */

/**
 * Write pieces of local memory into one imported segment.
 *
 * One-sided; the exporter takes no part. Thread-safe; several threads may use one import handle.
 * May block until the network has taken or completed the data; a signal does not interrupt it.
 *
 * Entries are checked and carried out in vector order. The first bad one ends the call: those
 * before it have been carried out, it and those after it have not. Where entries overlap at the
 * target, in implicit mode the later one wins.
 *
 * @param[in,out] sg_io  the request, borrowed until return. Of 1 to 65,536 entries (16 if the
 *                       environment has RSM_STRICT_SGIO=1), each moves transfer_length bytes
 *                       from its local place to remote_offset in the segment, without any rule of
 *                       alignment. A length of 0 passes the same checks, moves nothing and may
 *                       have a NULL address. Unknown bits of flags are ignored. Written:
 *                       io_residual_count, and nothing else
 *
 * Residual: entries not completed or not started. 0 on success; n - k if entry k of n (from 0)
 * failed; n if the call failed before the first; untouched where the request cannot be read. In
 * explicit mode an entry counts once it is started.
 *
 * Completion: implicit mode, each entry before the next begins, and all at return. Explicit mode,
 * at close_barrier or order_barrier, which also report failures; source memory must not change
 * until then. A caller's mistake in an entry leaves the barrier healthy. No barrier need be
 * initialised in either mode. With RSM_IMPLICIT_SIGPOST the whole vector is completed, in either
 * mode, and then one event is posted to the exporter's segment; with RSM_SIGPOST_NO_ACCUMULATE as
 * well, it counts only if none is pending there. A call that fails posts nothing.
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SGIO                  sg_io is NULL or cannot be read
 * @retval RSMERR_BAD_SEG_HNDL              remote_handle is NULL, disconnected, or no import
 * handle, or a forked child calls
 * @retval RSMERR_BAD_CTLR_HNDL             the controller of the handle has been released
 * @retval RSMERR_BAD_SGIO                  io_request_count is 0 or above the limit
 * @retval RSMERR_BAD_SGIO                  iovec is NULL or cannot be read
 * @retval RSMERR_CONN_ABORTED              the exporter has cut the connection, or is gone
 * @retval RSMERR_PERM_DENIED               connected without RSM_PERM_WRITE
 * @retval RSMERR_INSUFFICIENT_RESOURCES    after a rebind: MPI can make no new window
 * Then for each entry:
 * @retval RSMERR_BAD_SGIO                  io_type is neither RSM_HANDLE_TYPE nor RSM_VA_TYPE
 * @retval RSMERR_BAD_SGIO                  local.handle is NULL, freed, or no local memory handle
 * @retval RSMERR_BAD_ADDR                  local.vaddr is NULL and transfer_length is not 0
 * @retval RSMERR_BAD_OFFSET                remote_offset passes the end of the segment
 * @retval RSMERR_BAD_LENGTH                transfer_length passes the end of the segment
 * @retval RSMERR_BAD_OFFSET                local_offset passes the end of the handle's memory
 * @retval RSMERR_BAD_LENGTH                transfer_length passes the end of the handle's memory
 * @retval RSMERR_BAD_ADDR                  some of the local memory is not mapped or not readable,
 *                                          or the address wraps around; nothing of the entry moved
 * @retval RSMERR_CONN_ABORTED              the exporter cut the connection meanwhile
 * @retval RSMERR_BARRIER_FAILURE           the transfer failed
 * Then, with RSM_IMPLICIT_SIGPOST; the residual is 0 if only the event failed:
 * @retval RSMERR_BARRIER_FAILURE           explicit mode: a transfer did not complete
 * @retval RSMERR_CONN_ABORTED              the exporter cut the connection before the event left
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE   the event cannot be sent
 *
 * Source: rsm_memseg_import_putv(3RSM) and the programming guide. Deviation: more than
 * RSM_MAX_SGIOREQS entries are taken; a cut is RSMERR_CONN_ABORTED; RSMERR_INTERRUPTED, which the
 * sources list, does not occur.
 * MPI, implicit mode: MPI_Put and MPI_Win_flush per entry. Explicit mode: MPI_Put per entry, and
 * one MPI_Win_flush at close_barrier or order_barrier, or before the event of RSM_IMPLICIT_SIGPOST.
 * The event is a message to the exporter's service thread, sent after the last flush. Oneself: a
 * copy.
 */
int rsm_memseg_import_putv(rsm_scat_gath_t *sg_io);

/**
 * Read pieces of one imported segment into local memory.
 *
 * The mirror of rsm_memseg_import_putv: everything said there about entries, residual, completion,
 * threads and events holds with the direction reversed. The event goes to the exporter's segment
 * here as well, and tells that the data has been read. In explicit mode the contents of the local
 * places are undefined until the barrier closes.
 *
 * @param[in,out] sg_io  the request, as for rsm_memseg_import_putv
 *
 * Errors, in the order they are tested: those of rsm_memseg_import_putv, except
 * @retval RSMERR_PERM_DENIED   connected without RSM_PERM_READ
 * @retval RSMERR_BAD_ADDR      in the last check of an entry, the local memory is not writable
 *
 * Source: rsm_memseg_import_getv(3RSM) and the programming guide. Deviation: as
 * rsm_memseg_import_putv.
 * MPI: as rsm_memseg_import_putv, with MPI_Get.
 */
int rsm_memseg_import_getv(rsm_scat_gath_t *sg_io);

/* ---- Local memory handles ---------------------------------------------------------------- */

/**
 * Register local memory for use in scatter-gather entries.
 *
 * Local, thread-safe, does not block. The memory stays the caller's and must stay mapped until the
 * handle is freed; it may be exported or registered again at the same time. Its pages are locked in
 * memory while a handle covers them; where RLIMIT_MEMLOCK forbids that they are touched instead and
 * the handle works, unless the environment has RSM_STRICT_MEMLOCK=1. A handle may be used with
 * import segments of any controller of this process, in many entries and threads at once.
 *
 * @param[in]  controller   live handle
 * @param[out] l_handle     the handle, the caller's until freed; untouched on failure
 * @param[in]  local_vaddr  start of the memory, a multiple of the page size
 * @param[in]  length       bytes, not 0, of any granularity; entries reach exactly so far
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR            local_vaddr is no multiple of the page size (NULL is one)
 * @retval RSMERR_BAD_CTLR_HNDL       controller is NULL or released, or this is a forked child
 * @retval RSMERR_BAD_LOCALMEM_HNDL   l_handle is NULL
 * @retval RSMERR_BAD_LENGTH          length is 0
 * @retval RSMERR_BAD_ADDR            local_vaddr is NULL, or some of the range is not mapped, or it
 *                                    wraps around
 * @retval RSMERR_INSUFFICIENT_MEM    out of memory; or RSM_STRICT_MEMLOCK=1, and the pages cannot
 * be locked
 *
 * Source: rsm_create_localmemory_handle(3RSM). Deviation: pages that cannot be locked are no error
 * unless the setting says so.
 * MPI: nothing.
 */
int rsm_create_localmemory_handle(rsmapi_controller_handle_t controller,
                                  rsm_localmemory_handle_t *l_handle, char *local_vaddr,
                                  size_t length);

/**
 * Free a local memory handle. The memory itself is untouched; pages that no other handle covers are
 * unlocked, unless the program had locked them itself, before any handle covered them.
 *
 * Local, thread-safe. Waits for calls of other threads that use the handle; transfers of explicit
 * mode that use it must be complete.
 *
 * @param[in] controller  live handle, of any controller of this process
 * @param[in] l_handle    from rsm_create_localmemory_handle; dead afterwards
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL       controller is NULL or released, or this is a forked child
 * @retval RSMERR_BAD_LOCALMEM_HNDL   l_handle is NULL, freed, or no local memory handle
 *
 * Source: rsm_free_localmemory_handle(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_free_localmemory_handle(rsmapi_controller_handle_t controller,
                                rsm_localmemory_handle_t l_handle);

/* ---- Barriers ---------------------------------------------------------------------------- */

/**
 * Bind a barrier object to an import handle. It becomes the handle's current barrier.
 *
 * Local, thread-safe, does not block. Needed by programs that open and close barriers themselves,
 * and for put and get in implicit mode; putv and getv work without. Another barrier may be bound to
 * the same handle and becomes the current one; the earlier object stays usable. An object that is
 * bound already is bound anew.
 *
 * @param[in]  im_memseg  import handle, cut off or not
 * @param[in]  type       RSM_BAR_DEFAULT; every other value is accepted and means the same
 * @param[out] barrier    the caller's memory, zeroed before its first use; in use by the library
 *                        until destroyed, at this address. Unchanged on failure
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL       NULL, disconnected, or no import handle, or a forked child
 * calls
 * @retval RSMERR_BAD_BARRIER_PTR    barrier is NULL
 * @retval RSMERR_INSUFFICIENT_MEM   out of memory
 *
 * Source: rsm_memseg_import_init_barrier(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_import_init_barrier(rsm_memseg_import_handle_t im_memseg, rsm_barrier_type_t type,
                                   rsmapi_barrier_t *barrier);

/**
 * Begin a span of time: all transfers on the import handle from now until the barrier closes are
 * covered by it.
 *
 * Local, does not block; not with one object from two threads. Opening an open barrier begins the
 * span anew. On a handle that is cut off the call succeeds; closing reports the cut.
 *
 * @param[in,out] barrier  initialised; open afterwards
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_BARRIER_PTR         NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED   not initialised, destroyed, or its import handle is
 *                                        disconnected
 * @retval RSMERR_BARRIER_OPEN_FAILED     the span could not be begun
 *
 * Source: rsm_memseg_import_open_barrier(3RSM). Deviation: none.
 * MPI: nothing; the epoch has been open since the connect.
 */
int rsm_memseg_import_open_barrier(rsmapi_barrier_t *barrier);

/**
 * Put an order into a span: transfers started before this call complete before any that is started
 * after it. The barrier stays open.
 *
 * One-sided. May block until the transfers are complete; a signal does not interrupt it. Not with
 * one object from two threads. Success means that all covered transfers so far are complete. A
 * failure reported here is reported again when the barrier closes.
 *
 * @param[in,out] barrier  open, and so afterwards
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_BARRIER_PTR         NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED   not initialised, destroyed, or its import handle is
 *                                        disconnected
 * @retval RSMERR_BARRIER_NOT_OPENED      not open
 * @retval RSMERR_CONN_ABORTED            the exporter has cut the connection, or is gone
 * @retval RSMERR_BARRIER_FAILURE         a covered transfer failed
 *
 * Source: rsm_memseg_import_order_barrier(3RSM). Deviation: none.
 * MPI: MPI_Win_flush if transfers are outstanding.
 */
int rsm_memseg_import_order_barrier(rsmapi_barrier_t *barrier);

/**
 * End a span: complete all covered transfers and tell whether one of them failed.
 *
 * One-sided. May block until the transfers are complete; a signal does not interrupt it. Not with
 * one object from two threads. Success means that all covered writes are in the exporter's memory
 * and all covered reads in the caller's. Whatever the result, an open barrier is closed afterwards
 * and can be opened again. After RSMERR_BARRIER_FAILURE everything since the open has to be
 * repeated, and may succeed; after RSMERR_CONN_ABORTED it cannot.
 *
 * @param[in,out] barrier  open; initialised and not open afterwards
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_BARRIER_PTR         NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED   not initialised, destroyed, or its import handle is
 *                                        disconnected
 * @retval RSMERR_BARRIER_NOT_OPENED      not open
 * @retval RSMERR_CONN_ABORTED            the exporter has cut the connection, or is gone, since
 *                                        before or after the open, even if all was complete by then
 * @retval RSMERR_BARRIER_FAILURE         a covered transfer failed
 *
 * Source: rsm_memseg_import_close_barrier(3RSM). Deviation: none.
 * MPI: MPI_Win_flush if transfers are outstanding.
 */
int rsm_memseg_import_close_barrier(rsmapi_barrier_t *barrier);

/**
 * Unbind a barrier object. Its memory is the caller's alone again.
 *
 * Local, does not block; not with one object from two threads. An open span is abandoned without a
 * report, and its transfers complete with the next flush on the handle. If the object was the
 * handle's current barrier, the handle has none afterwards.
 *
 * @param[in,out] barrier  initialised, open or not; uninitialised afterwards
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_BARRIER_PTR         NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED   not initialised, destroyed, or its import handle is
 *                                        disconnected
 *
 * Source: rsm_memseg_import_destroy_barrier(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_import_destroy_barrier(rsmapi_barrier_t *barrier);

/* ---- Events ------------------------------------------------------------------------------ */

/**
 * Post an event: from an import handle to the exporter's segment, from an export handle to every
 * import handle connected to it. The poster's own handle gets nothing.
 *
 * One-sided, thread-safe. Returns when the event is on its way, not when it is consumed. Events
 * carry no data; each handle counts its own. Posts of one poster to one target act in order, and
 * after that poster's completed writes. An event whose post succeeded outlives a later cut, as long
 * as the export handle lives.
 *
 * @param[in] memseg  import or export handle, converted to void *
 * @param[in] flags   0, or RSM_SIGPOST_NO_ACCUMULATE: if an event is pending at the target when
 * this one arrives, it is dropped, and the post still succeeds; decided per target. Other bits are
 * ignored
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL              NULL, destroyed, disconnected, or no segment handle, or
 *                                          a forked child calls
 * @retval RSMERR_CONN_ABORTED              import handle: the exporter has cut the connection, or
 * is gone
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE   import handle: the event cannot be sent
 * On an export handle the post succeeds even if nothing is connected, or published.
 *
 * Source: rsm_intr_signal_post(3RSM). Deviation: none.
 * MPI: a message to the service thread of the target, and no window call; the flush that completed
 * the data came before. Oneself: a counter.
 */
int rsm_intr_signal_post(void *memseg, unsigned int flags);

/**
 * Wait for an event on a handle, and consume one.
 *
 * Local, thread-safe. May block, asleep. Events posted before the call count. Each event ends one
 * wait; of several waiters any may get it. The state of the segment does not matter: on an
 * unpublished or cut-off one, pending events can be consumed, and then the time runs out.
 *
 * @param[in] memseg   import or export handle, converted to void *
 * @param[in] timeout  milliseconds; 0 only tests, a negative value waits without limit
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL   NULL, destroyed, disconnected, or no segment handle, or a forked
 *                               child calls
 * @retval RSMERR_TIMEOUT        no event came in time
 * @retval RSMERR_INTERRUPTED    a signal was caught while the call slept; nothing was consumed
 * If the system refuses to wait: RSMERR_INSUFFICIENT_RESOURCES, RSMERR_BAD_ADDR, or
 * RSMERR_BAD_ARGS_ERRORS for any other reason.
 *
 * Source: rsm_intr_signal_wait(3RSM). Deviation: none.
 * MPI: nothing; the service thread receives the message and raises the counter.
 */
int rsm_intr_signal_wait(void *memseg, int timeout);

/**
 * Get a descriptor that poll() finds readable while events are pending on a handle.
 *
 * Local, thread-safe, does not block. Level-triggered: POLLIN and POLLRDNORM hold as long as the
 * event count is above 0, and polling consumes nothing; rsm_intr_signal_wait and
 * rsm_intr_signal_wait_pollfd do. The descriptor is the library's: not to be read, written or
 * closed. Each call gives the same one and counts one reference, to be released with
 * rsm_memseg_release_pollfd; while references are outstanding, the handle can neither be destroyed
 * nor disconnected. The state of the segment does not matter.
 *
 * @param[in]  memseg   import or export handle, converted to void *
 * @param[out] poll_fd  fd is set, and events to POLLRDNORM; revents is left alone
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL       NULL, destroyed, disconnected, or no segment handle, or a
 * forked child calls
 * @retval RSMERR_BAD_ADDR           poll_fd is NULL
 * @retval RSMERR_INSUFFICIENT_MEM   out of memory, or no descriptor is left
 *
 * Source: rsm_memseg_get_pollfd(3RSM). Deviation: plain poll() is allowed.
 * MPI: nothing.
 */
int rsm_memseg_get_pollfd(void *memseg, struct pollfd *poll_fd);

/**
 * Give one reference to the poll descriptor of a handle back.
 *
 * Local, thread-safe, does not block. Superfluous releases succeed without effect. The descriptor
 * stays open until the handle is gone, but without references rsm_intr_signal_wait_pollfd takes it
 * for an ordinary one.
 *
 * @param[in] memseg  import or export handle, converted to void *
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL   NULL, destroyed, disconnected, or no segment handle, or a forked
 * child calls
 *
 * Source: rsm_memseg_release_pollfd(3RSM). Deviation: none.
 * MPI: nothing.
 */
int rsm_memseg_release_pollfd(void *memseg);

/**
 * Poll segment descriptors and ordinary ones together, and consume one event of each segment that
 * is ready.
 *
 * Local, thread-safe. May block, asleep. Descriptors of segments are those that
 * rsm_memseg_get_pollfd gave and that have references; from each that revents reports as POLLIN or
 * POLLRDNORM, without an error bit, one event is consumed. Where another thread was faster, revents
 * becomes 0. A segment listed twice can give two events. Ordinary descriptors keep what poll()
 * says.
 *
 * @param[in,out] fds       nfds entries, as for poll()
 * @param[in]     nfds      number of entries; with 0 the call is a sleep
 * @param[in]     timeout   milliseconds; 0 only looks, a negative value waits without limit
 * @param[out]    numfdsp   entries with a consumed event, and ordinary ones with events; set to 0
 *                          before any test. May be NULL
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR                 fds cannot be read
 * @retval RSMERR_BAD_ARGS_ERRORS          nfds is above the system's limit, or the system refuses
 * for another reason
 * @retval RSMERR_INSUFFICIENT_RESOURCES   the system has no memory for the poll
 * @retval RSMERR_INTERRUPTED              a signal was caught while the call slept; nothing was
 *                                         consumed
 * @retval RSMERR_TIMEOUT                  nothing was ready in time, or other threads took all
 * events
 *
 * Source: rsm_intr_signal_wait_pollfd(3RSM). Deviation: POLLIN counts as POLLRDNORM;
 * RSMERR_INSUFFICIENT_MEM does not occur.
 * MPI: nothing.
 */
int rsm_intr_signal_wait_pollfd(struct pollfd fds[], nfds_t nfds, int timeout, int *numfdsp);

/* ---- Segment-id file --------------------------------------------------------------------- */

/**
 * Look up the range of segment ids that is reserved for an application.
 *
 * Local, thread-safe; reads a file. The file is /etc/rsm/rsm.segmentid, or what RSM_SEGMENTID_FILE
 * in the environment names; the file is read anew in each call, the variable with the other
 * settings, once. Needs no controller, and works in a forked child. A line is "reserved <appid>
 * <baseid, hexadecimal> <length, decimal>", the first word also "reserve"; a line that begins with
 * # is a comment. The first line of the application decides. Nothing ties publish to the range.
 *
 * @param[in]  appid   name of the application; case does not matter
 * @param[out] baseid  first id of the range; written on success only
 * @param[out] length  number of ids; written on success only
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR    a pointer is NULL
 * @retval RSMERR_BAD_CONF    the file cannot be opened, or not read (a directory)
 * @retval RSMERR_BAD_CONF    a line before the match has fewer than four words, or is blank; or the
 *                            matching line has another keyword, or a number that is negative or
 *                            does not fit 32 bits
 * @retval RSMERR_BAD_APPID   no line is for this application
 *
 * Source: rsm_get_segmentid_range(3RSM). Deviation: "reserve" is accepted as well as "reserved";
 * the path can be set. MPI: nothing.
 */
int rsm_get_segmentid_range(const char *appid, rsm_memseg_id_t *baseid, uint32_t *length);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif /* RSM_RSMAPI_H */
