/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extensions that need no transport (rsmx.h): version, texts of codes, length of an import. What
 * takes a communicator is the MPI glue's.
 */
#define RSMX_NO_MPI
#include "rsmx.h"

#include <string.h>

#include "check.h"
#include "glue.h"
#include "import.h"

#define TEXT_OF(x) #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

int rsmx_get_version(rsmx_version_t *version)
{
    rsmx_version_t full = {
        .size = sizeof full,
        .major = RSMX_VERSION_MAJOR,
        .minor = RSMX_VERSION_MINOR,
        .patch = RSMX_VERSION_PATCH,
        .text = DOTTED(RSMX_VERSION_MAJOR, RSMX_VERSION_MINOR, RSMX_VERSION_PATCH),
        .mpi = rsmi_glues[0] == NULL ? "" : rsmi_glues[0]->transport(),
    };
    size_t size;

    RSMI_CHECK(version != NULL, RSMERR_BAD_ADDR);
    size = version->size < sizeof full ? version->size : sizeof full;
    RSMI_CHECK(size >= sizeof version->size, RSMERR_BAD_LENGTH);
    memcpy(version, &full, size);
    version->size = size;
    return RSM_SUCCESS;
}

const char *rsmx_error_name(int code)
{
    switch (code) {
#define RSMI_ERROR(name, value, sentence)                                                          \
    case (value):                                                                                  \
        return #name;
#include "rsm_errors.def"
#undef RSMI_ERROR
    default:
        return "unknown code";
    }
}

const char *rsmx_error_text(int code)
{
    switch (code) {
#define RSMI_ERROR(name, value, sentence)                                                          \
    case (value):                                                                                  \
        return (sentence);
#include "rsm_errors.def"
#undef RSMI_ERROR
    default:
        return "no function of this library returns such a code";
    }
}

int rsmx_import_length(rsm_memseg_import_handle_t im_memseg, size_t *length)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (length == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else {
        *length = (size_t)imp->conn->length;
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}
