/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we know about particular MPIs, and only that: every name of an MPI or of one of its
 * components stands in quirks.c, with the version it was seen in.
 */
#ifndef RSMG_QUIRKS_H
#define RSMG_QUIRKS_H

#include <stdbool.h>
#include <stdint.h>

/** Set what has to be set before MPI_Init, unless the user set it. */
void rsmg_quirk_prepare_start(void);
/** Windows one process may have, with room left for the program's own. */
uint64_t rsmg_quirk_window_limit(void);
/** Do puts and gets within a host complete while the target is outside MPI? */
bool rsmg_quirk_is_passive_on_host(const char *window_name);
/** Rule R3. */
bool rsmg_quirk_needs_host_lock(const char *window_name);
/** A directory that the ranks of this job on this host share, and no other job; NULL: not known. */
const char *rsmg_quirk_job_folder(void);
/** What to type where no window can be made. */
const char *rsmg_quirk_window_advice(void);

/** The MPI this was built for, and its version. */
const char *rsmg_quirk_mpi(void);

#endif
