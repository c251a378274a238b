/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extensions to RSMAPI: what Sun's interface has no call for and MPI programs ask for. Knows
 * rsmapi.h and, for one function, a communicator; the only public header that includes mpi.h. A
 * program without MPI defines RSMX_NO_MPI first and gets all but that function.
 *
 * Structures carry their size: the caller sets `size` to sizeof the structure, the library fills
 * what fits and sets `size` to what it filled. So a program built against an older header runs on
 * with a newer library, and the other way round.
 */
#ifndef RSM_RSMX_H
#define RSM_RSMX_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include <rsmapi.h>

#ifndef RSMX_NO_MPI
#include <mpi.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* ---- Version ----------------------------------------------------------------------------- */

/** Version of the header; rsmx_get_version() tells that of the library. */
#define RSMX_VERSION_MAJOR 0
#define RSMX_VERSION_MINOR 1
#define RSMX_VERSION_PATCH 0

/** Texts are the library's, for good. */
typedef struct rsmx_version {
    size_t size; /* in: sizeof; out: bytes filled */
    unsigned int major;
    unsigned int minor;
    unsigned int patch;
    const char *text; /* "0.1.0" */
    const char *mpi;  /* the MPI it was built for: "Open MPI 4.1.4"; "": none */
} rsmx_version_t;

/**
 * Tell the version of the library that is linked.
 *
 * Local, thread-safe, does not block; needs no controller.
 *
 * @param[in,out] version  the caller's, with size set
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR     version is NULL
 * @retval RSMERR_BAD_LENGTH   version->size cannot hold its own member
 *
 * Source: an extension. MPI: nothing.
 */
int rsmx_get_version(rsmx_version_t *version);

/* ---- Errors ------------------------------------------------------------------------------ */

/**
 * The name of a result code ("RSMERR_BAD_ADDR"), or "unknown code".
 *
 * Local, thread-safe. Never NULL; the text is the library's, for good.
 *
 * @param[in] code  any number
 *
 * Source: an extension. MPI: nothing.
 */
const char *rsmx_error_name(int code);

/**
 * A sentence about a result code: what is wrong and, where possible, what to do. For codes that do
 * not exist, a sentence that says so.
 *
 * Local, thread-safe. Never NULL; the text is the library's, for good.
 *
 * @param[in] code  any number
 *
 * Source: an extension. MPI: nothing.
 */
const char *rsmx_error_text(int code);

/** Value of rsmx_last_error_t.entry where no entry of a vector is to blame. */
#define RSMX_NO_ENTRY ULONG_MAX

/** More about a failure than its code. */
typedef struct rsmx_last_error {
    size_t size;  /* in: sizeof; out: bytes filled */
    int code;     /* what the call returned; RSM_SUCCESS: nothing has failed in this thread */
    int mpi_code; /* MPI's own code, 0 if MPI has not failed */
    unsigned long entry; /* of a vector, from 0; RSMX_NO_ENTRY */
    uint64_t offset;     /* in the segment, of the transfer that failed; 0 where there is none */
    uint64_t length;     /* of that transfer, bytes */
    char mpi_text[512];  /* MPI's text for mpi_code; "" */
} rsmx_last_error_t;

/**
 * Tell about the last transfer of this thread that failed: put, get, their sized forms, putv, getv,
 * and the barrier calls; and about the last connect. Calls that succeed change nothing.
 *
 * Local, thread-safe, does not block.
 *
 * @param[in,out] error  the caller's, with size set
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR     error is NULL
 * @retval RSMERR_BAD_LENGTH   error->size cannot hold its own member
 *
 * Source: an extension. MPI: MPI_Error_string, when the failure happens.
 */
int rsmx_last_error(rsmx_last_error_t *error);

/* ---- Segments ---------------------------------------------------------------------------- */

/**
 * Tell the length of an imported segment, which Sun's interface leaves to the programs to agree on.
 *
 * Local, thread-safe, does not block; works on a cut-off handle, too.
 *
 * @param[in]  im_memseg  import handle
 * @param[out] length     bytes; written on success only
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_SEG_HNDL   NULL, disconnected, or no import handle, or a forked child calls
 * @retval RSMERR_BAD_ADDR       length is NULL
 *
 * Source: an extension. MPI: nothing; the length came with the connect.
 */
int rsmx_import_length(rsm_memseg_import_handle_t im_memseg, size_t *length);

/* ---- Controllers ------------------------------------------------------------------------- */

#ifndef RSMX_NO_MPI
/**
 * Make a controller over a communicator of the program's: "mpi1" and so on, besides "mpi0", which
 * is MPI_COMM_WORLD. Its nodes are the ranks of `comm`.
 *
 * Collective over `comm`: may block until all its ranks have called it. All succeed or all fail.
 * The library works on a duplicate: `comm` stays the program's, with its error handler and its
 * attributes untouched, and may be freed at once. Segments are published and imported per
 * controller; segment ids are one space per process, whatever the controller. One process attaches
 * one communicator at a time, whatever threads call, so calls for different communicators must be
 * made in one order by the ranks that share them.
 *
 * @param[in]  comm        an intracommunicator; MPI has been initialised with MPI_THREAD_MULTIPLE
 * @param[out] controller  a handle with one reference, to be released; set to NULL first.
 *                         rsm_get_controller() with the name gives the same handle: the name is
 *                         "mpi" and a number that is the same at all ranks of comm, found with
 *                         rsm_get_interconnect_topology()
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_CTLR_HNDL      controller is NULL, or this is a forked child
 * @retval RSMERR_CTLR_NOT_PRESENT   MPI is not initialised, or finalised; comm is MPI_COMM_NULL or
 * an intercommunicator; the thread level is below MPI_THREAD_MULTIPLE; or no one-sided component
 * fits (one line on stderr then says why)
 * @retval RSMERR_INSUFFICIENT_MEM         out of memory, at any rank
 * @retval RSMERR_INSUFFICIENT_RESOURCES   MPI can make no more communicators
 *
 * Source: an extension. MPI: MPI_Comm_create over the group of comm, probe windows, once.
 */
int rsmx_mpi_attach(MPI_Comm comm, rsmapi_controller_handle_t *controller);
#endif

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif /* RSM_RSMX_H */
