/* SPDX-License-Identifier: BSD-3-Clause */
/* The last failure of a thread; see last_error.h. */
#include "last_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static _Thread_local rsmx_last_error_t last = {.entry = RSMX_NO_ENTRY};
static _Thread_local int transport_code; /* said, and not yet part of `last` */
static _Thread_local char transport_text[sizeof last.mpi_text];

/** Can the transport be behind this code? What it said waits for such a one. */
static bool is_of_transport(int code)
{
    switch (code) {
    case RSMERR_BARRIER_FAILURE:
    case RSMERR_CONN_ABORTED:
    case RSMERR_CTLR_NOT_PRESENT:
    case RSMERR_INSUFFICIENT_MEM:
    case RSMERR_INSUFFICIENT_RESOURCES:
    case RSMERR_REMOTE_NODE_UNREACHABLE:
        return true;
    default:
        return false;
    }
}

int rsmi_blame(int code, unsigned long entry, uint64_t offset, uint64_t length)
{
    last.code = code;
    last.entry = entry;
    last.offset = offset;
    last.length = length;
    last.mpi_code = 0;
    last.mpi_text[0] = '\0';
    if (is_of_transport(code)) {
        last.mpi_code = transport_code;
        memcpy(last.mpi_text, transport_text, sizeof last.mpi_text);
        transport_code = 0;
        transport_text[0] = '\0';
    }
    return code;
}

void rsmi_blame_transport(int code, const char *text)
{
    transport_code = code;
    (void)snprintf(transport_text, sizeof transport_text, "%s", text);
}

int rsmx_last_error(rsmx_last_error_t *error)
{
    size_t size;

    RSMI_CHECK(error != NULL, RSMERR_BAD_ADDR);
    size = error->size < sizeof last ? error->size : sizeof last;
    RSMI_CHECK(size >= sizeof error->size, RSMERR_BAD_LENGTH);
    memcpy(error, &last, size);
    error->size = size;
    return RSM_SUCCESS;
}
