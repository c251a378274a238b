/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Local memory handles (reference 15): a checked range of this process's memory with a name, its
 * pages locked in memory where the system allows. Any controller of the process may be used with
 * them.
 */
#include "localmem.h"

#include "alloc.h"
#include "check.h"
#include "controller.h"
#include "env.h"
#include "handle.h"
#include "memory.h"
#include "page_lock.h"
#include "range.h"

/** Keep the pages in memory, or, unless RSM_STRICT_MEMLOCK wants more, let them be there now. */
static int settle(rsmi_localmem_t *localmem)
{
    int rc = rsmi_page_lock(localmem->base, localmem->length);

    localmem->locked = rc == RSM_SUCCESS;
    if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        RSMI_CHECK(!rsmi_env_read.strict_memlock, RSMERR_INSUFFICIENT_MEM);
        rsmi_page_touch(localmem->base, localmem->length);
        rc = RSM_SUCCESS;
    }
    return rc;
}

static int make(char *base, size_t length, rsmi_localmem_t **localmem_p)
{
    rsmi_localmem_t *localmem;
    int rc;

    RSMI_CHECK(base != NULL, RSMERR_BAD_ADDR);
    RSMI_CHECK(rsmi_memory_check(base, length, RSMI_MEMORY_READ) == RSM_SUCCESS, RSMERR_BAD_ADDR);
    localmem = rsmi_alloc(sizeof *localmem);
    RSMI_CHECK(localmem != NULL, RSMERR_INSUFFICIENT_MEM);
    localmem->base = base;
    localmem->length = length;
    localmem->handle = rsmi_handle_alloc(RSMI_CLASS_LOCALMEM, localmem);
    if (localmem->handle == 0) {
        rsmi_free(localmem);
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = settle(localmem);
    if (rc != RSM_SUCCESS) {
        rsmi_handle_free(localmem->handle);
        rsmi_free(localmem);
        return rc;
    }
    rsmi_handle_open(localmem->handle);
    *localmem_p = localmem;
    return RSM_SUCCESS;
}

int rsm_create_localmemory_handle(rsmapi_controller_handle_t controller,
                                  rsm_localmemory_handle_t *l_handle, caddr_t local_vaddr,
                                  size_t length)
{
    rsmi_localmem_t *localmem = NULL;
    int rc;

    RSMI_CHECK(rsmi_page_aligned((uintptr_t)local_vaddr), RSMERR_BAD_ADDR);
    RSMI_CHECK(rsmi_controller_enter(controller) != NULL, RSMERR_BAD_CTLR_HNDL);
    if (l_handle == NULL) {
        rc = RSMERR_BAD_LOCALMEM_HNDL;
    } else if (length == 0) {
        rc = RSMERR_BAD_LENGTH;
    } else {
        rc = make(local_vaddr, length, &localmem);
    }
    if (rc == RSM_SUCCESS) {
        *l_handle = rsmi_handle_to_ptr(localmem->handle);
    }
    rsmi_controller_leave(controller);
    return rc;
}

int rsm_free_localmemory_handle(rsmapi_controller_handle_t controller,
                                rsm_localmemory_handle_t l_handle)
{
    rsmi_localmem_t *localmem;
    int rc = RSM_SUCCESS;

    RSMI_CHECK(rsmi_controller_enter(controller) != NULL, RSMERR_BAD_CTLR_HNDL);
    localmem = rsmi_localmem_enter(l_handle);
    if (localmem == NULL) {
        rc = RSMERR_BAD_LOCALMEM_HNDL;
    } else if (!rsmi_handle_close(localmem->handle)) { /* waits for transfers of other threads */
        rsmi_localmem_leave(localmem);
        rc = RSMERR_BAD_LOCALMEM_HNDL;
    } else {
        if (localmem->locked) {
            rsmi_page_unlock(localmem->base, localmem->length);
        }
        rsmi_handle_free(localmem->handle);
        rsmi_free(localmem);
    }
    rsmi_controller_leave(controller);
    return rc;
}

rsmi_localmem_t *rsmi_localmem_enter(rsm_localmemory_handle_t handle)
{
    return rsmi_handle_enter(RSMI_CLASS_LOCALMEM, rsmi_handle_from_ptr(handle), NULL);
}

void rsmi_localmem_leave(rsmi_localmem_t *localmem)
{
    (void)rsmi_handle_leave(localmem->handle, 0); /* never cut, so nothing is owed */
}
