/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What put, get and vectors share: when a piece has to be complete, and one checked piece through
 * the connection. Must not know where a piece came from.
 *
 *              implicit mode    explicit mode                  explicit mode, barrier closes
 *   put        DONE             LOCAL_DONE                     flush (barrier.c)
 *   get        DONE             DONE
 *   putv       DONE, each entry STARTED                        flush
 *   getv       DONE, each entry STARTED                        flush
 *   … with RSM_IMPLICIT_SIGPOST  STARTED, one flush, the event (sgio.c)
 *
 * put and get leave the local memory to the program at return in both modes, since programs put
 * from variables on the stack and sources promise the data of a get; vectors do not
 * (reference 14.6).
 */
#ifndef RSMI_TRANSFER_H
#define RSMI_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "import.h"
#include "memory.h"

typedef enum rsmi_direction { RSMI_PUT, RSMI_GET } rsmi_direction_t;

/** What has to be done when a piece's call is over. */
typedef enum rsmi_when {
    RSMI_STARTED,    /* it is under way */
    RSMI_LOCAL_DONE, /* the local memory is the caller's again */
    RSMI_DONE        /* it is complete at both ends */
} rsmi_when_t;

/** The table above; `vector`: an entry of putv or getv. */
static inline rsmi_when_t rsmi_transfer_when(bool implicit, rsmi_direction_t direction, bool vector)
{
    if (implicit) {
        return RSMI_DONE;
    }
    if (vector) {
        return RSMI_STARTED;
    }
    return direction == RSMI_GET ? RSMI_DONE : RSMI_LOCAL_DONE;
}

/** What local memory has to allow. */
static inline int rsmi_transfer_access(rsmi_direction_t direction)
{
    return direction == RSMI_PUT ? RSMI_MEMORY_READ : RSMI_MEMORY_WRITE;
}

static inline rsm_permission_t rsmi_transfer_right(rsmi_direction_t direction)
{
    return direction == RSMI_PUT ? RSM_PERM_WRITE : RSM_PERM_READ;
}

/**
 * Move one piece, len > 0; everything was checked, and the caller counts as inside the gate. A
 * failure is counted, so that open barriers see it. Errors: RSMERR_BARRIER_FAILURE,
 * RSMERR_CONN_ABORTED.
 */
static inline int rsmi_transfer_piece(rsmi_import_t *imp, rsmi_direction_t direction,
                                      uint64_t offset, void *local, size_t len, rsmi_when_t when)
{
    rsmg_conn_t *conn = imp->conn;
    int rc = direction == RSMI_PUT ? conn->ops->put(conn, offset, local, len)
                                   : conn->ops->get(conn, offset, local, len);

    if (rc == RSM_SUCCESS && when != RSMI_STARTED) {
        rc = when == RSMI_DONE ? conn->ops->flush(conn) : conn->ops->flush_local(conn);
    }
    if (rc != RSM_SUCCESS) {
        rsmi_import_failed(imp);
    }
    return rc;
}

/** Something was issued that no flush has covered. After the last piece of a call. */
static inline void rsmi_transfer_issued(rsmi_import_t *imp)
{
    atomic_fetch_add_explicit(&imp->conn->issued, 1, memory_order_release);
}

#endif
