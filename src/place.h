/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the service thread of this process may run, and what is near. Knows the machine, through
 * hwloc, or a machine described as text; knows nothing of segments, of MPI, or of who the other
 * processes are: the caller tells which processors they hold. No hwloc type leaves place.c.
 *
 * Caveats first:
 * - A set of processors ("cpus") is text in hwloc's list syntax, numbered as the system numbers
 *   them: "0,2-3"; "4-" means 4 and all above; "" is the empty set. Blanks may stand around a
 *   number. Anything else, a range that falls, or a number above 1,048,575 is malformed.
 * - An output text is written whole, with its final 0, or not at all; a buffer of RSMI_PLACE_TEXT
 *   bytes is enough for every second one of 1,500 processors. An output may be the same buffer as
 *   an input.
 * - "Allowed" are the processors that the system (cgroup) lets this process use at all.
 * - Nothing here logs or blocks. A caller who goes on unbound after an error loses speed, no more.
 * - Threads: a place is used by one thread at a time. rsmi_place_union() is thread-safe.
 */
#ifndef RSMI_PLACE_H
#define RSMI_PLACE_H

#include <stddef.h>

#define RSMI_PLACE_TEXT 4096

typedef struct rsmi_place rsmi_place_t;

/**
 * Load the topology of this machine, or of a described one.
 *
 * The binding of the calling thread is left alone. Takes milliseconds: once per process.
 *
 * @param[in]  synthetic  NULL: this machine; else hwloc's description, such as
 *                        "pack:2 numa:1 l3:1 core:4 pu:2"; not kept
 * @param[out] place_p    the caller's, until rsmi_place_close(); written only on success
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_INSUFFICIENT_MEM        out of memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES  the description is malformed, or the topology does not
 * load
 */
int rsmi_place_open(const char *synthetic, rsmi_place_t **place_p);

/** Give a place back. NULL is accepted. */
void rsmi_place_close(rsmi_place_t *place);

/**
 * The processors where the calling thread may run: its binding, as far as allowed. Unbound, a
 * binding the system does not tell, or a described machine: all allowed ones. Never empty.
 *
 * @param[out] out  at least `len` bytes; written only on success
 * @param[in]  len  bytes
 *
 * @retval RSMERR_INSUFFICIENT_MEM  out of memory, or `out` is too small
 */
int rsmi_place_self(rsmi_place_t *place, char *out, size_t len);

/**
 * Choose the processors for the service thread. Depends on the arguments and the topology only.
 * "Free" is allowed, and neither in `taken` nor in `own`. The first rule that applies decides:
 *   1. `wish` has allowed processors: those.
 *   2. `own` has two processors or more: those of them that are not in `taken`; all of `own` if
 *      there are none. Not narrowed further, since the scheduler sees the load and we do not.
 *   3. `own` is one processor: the free ones of its core; else all free ones under its nearest
 *      ancestor that has any (L2, L3, NUMA node, package, machine, whatever the machine has).
 *   4. Nothing is free: `own`.
 *
 * @param[in]  own    binding of this process; NULL, "", or nothing allowed in it: unbound, which
 *                    is all allowed processors
 * @param[in]  taken  union of the bindings of the other ranks of this host; NULL or "": none
 * @param[in]  wish   the setting RSM_AGENT_CPUS; NULL or "": none. "off" is the caller's to see
 * @param[out] out    at least `len` bytes; never the empty set; see the errors for when written
 * @param[in]  len    bytes
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_INSUFFICIENT_RESOURCES  `own`, else `taken`, is malformed; `out` is not written
 * @retval RSMERR_INSUFFICIENT_MEM        out of memory, or `out` is too small; it is not written
 * @retval RSMERR_BAD_CONF                the wish is malformed or has no allowed processor, and
 *                                        was ignored; `out` holds the choice of rules 2 to 4
 */
int rsmi_place_agent(rsmi_place_t *place, const char *own, const char *taken, const char *wish,
                     char *out, size_t len);

/**
 * Bind the calling thread to the allowed ones of `cpus`. Not fatal if it fails: the thread then
 * runs where it ran.
 *
 * @param[in] cpus  not kept
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_INSUFFICIENT_MEM        out of memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES  `cpus` is malformed or has no allowed processor; the
 *                                        topology is not this machine's; the system refuses
 */
int rsmi_place_bind_thread(rsmi_place_t *place, const char *cpus);

/**
 * Bytes of the data or unified cache of level 1, 2 or 3 that serves the first processor of
 * rsmi_place_self(). 0: no such cache, or unknown.
 */
size_t rsmi_place_cache_size(rsmi_place_t *place, int level);

/**
 * All processors of `a` and of `b`. Needs no place; the texts may come from other processes.
 *
 * @param[in]  a    NULL: empty; not kept
 * @param[in]  b    like `a`
 * @param[out] out  at least `len` bytes; may be `a` or `b`; written only on success
 * @param[in]  len  bytes
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_INSUFFICIENT_RESOURCES  `a`, else `b`, is malformed
 * @retval RSMERR_INSUFFICIENT_MEM        out of memory, or `out` is too small
 */
int rsmi_place_union(const char *a, const char *b, char *out, size_t len);

#endif
