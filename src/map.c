/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mapping imported segments (reference 12). Knows the checks and the one mapping of a handle; must
 * not know how a data path maps, or that most cannot.
 */
#include <sys/mman.h>

#include "check.h"
#include "import.h"
#include "range.h"

/** Checks 2 to 10 of reference 12.1, in the order that docs/design.md completes. */
static int check(rsmi_import_t *imp, void *const *address, rsm_attribute_t attr,
                 rsm_permission_t perm, off_t offset, size_t length, uint64_t ticket)
{
    uint64_t whole = imp->conn->length;

    RSMI_CHECK(!rsmi_import_is_cut(ticket), RSMERR_CONN_ABORTED);
    RSMI_CHECK((perm & ~(rsm_permission_t)RSM_PERM_RDWR) == 0, RSMERR_BAD_PERMS);
    RSMI_CHECK(length != 0, RSMERR_BAD_LENGTH);
    RSMI_CHECK(offset >= 0, RSMERR_BAD_OFFSET);
    RSMI_CHECK(rsmi_range_has_offset(whole, (uint64_t)offset) &&
                   rsmi_range_has_length(whole, (uint64_t)offset, length),
               RSMERR_BAD_LENGTH);
    RSMI_CHECK(rsmi_page_aligned((uint64_t)offset), RSMERR_BAD_MEM_ALIGNMENT);
    RSMI_CHECK(((unsigned)attr & RSM_MAP_FIXED) == 0 || rsmi_page_aligned((uintptr_t)*address),
               RSMERR_BAD_MEM_ALIGNMENT);
    RSMI_CHECK(imp->perm != RSM_PERM_NONE && (perm & ~imp->perm) == 0, RSMERR_BAD_PERMS);
    return RSM_SUCCESS;
}

/** One thread at a time maps or unmaps a handle. False: `wanted` is not how it stands. */
static bool claim(rsmi_import_t *imp, bool wanted)
{
    bool free_to_go;

    rsmi_lock(&imp->lock);
    while (imp->mapping) { /* how it stands is not known before: a map may fail */
        rsmi_lock_wait(&imp->lock, &imp->changed);
    }
    free_to_go = (imp->mapped != NULL) == wanted;
    if (free_to_go) {
        imp->mapping = true;
    }
    rsmi_unlock(&imp->lock);
    return free_to_go;
}

static void release(rsmi_import_t *imp, void *mapped, size_t length)
{
    rsmi_lock(&imp->lock);
    imp->mapping = false;
    imp->mapped = mapped;
    imp->map_len = length;
    (void)pthread_cond_broadcast(&imp->changed);
    rsmi_unlock(&imp->lock);
}

/** The handle is claimed; *address_p is written on success only. */
static int map(rsmi_import_t *imp, void **address_p, rsm_attribute_t attr, rsm_permission_t perm,
               off_t offset, size_t length)
{
    bool fixed = ((unsigned)attr & RSM_MAP_FIXED) != 0;
    int prot = ((perm & RSM_PERM_READ) != 0 ? PROT_READ : 0) |
               ((perm & RSM_PERM_WRITE) != 0 ? PROT_WRITE : 0);
    void *at = fixed ? *address_p : NULL;

    RSMI_CHECK(imp->conn->ops->map != NULL, RSMERR_MAP_FAILED);
    rsmi_lock_none_held();
    RSMI_TRY(imp->conn->ops->map(imp->conn, &at, fixed, prot, (uint64_t)offset, length));
    *address_p = at;
    return RSM_SUCCESS;
}

int rsm_memseg_import_map(rsm_memseg_import_handle_t im_memseg, void **address,
                          rsm_attribute_t attr, rsm_permission_t perm, off_t offset, size_t length)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int way = RSM_SUCCESS;
    int rc;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (rsmi_import_is_moved(ticket) && !rsmi_import_is_cut(ticket)) {
        /* To map the new memory. Before the claim: this waits for the calls inside, and they may
         * wait for the claim. */
        way = rsmi_import_follow(imp, &ticket);
    }
    if (address == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else if (!claim(imp, false)) {
        rc = RSMERR_SEG_ALREADY_MAPPED;
    } else {
        rc = check(imp, address, attr, perm, offset, length, ticket);
        if (rc == RSM_SUCCESS) {
            rc = way;
        }
        if (rc == RSM_SUCCESS) {
            rc = map(imp, address, attr, perm, offset, length);
        }
        release(imp, rc == RSM_SUCCESS ? *address : NULL, length);
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}

int rsm_memseg_import_unmap(rsm_memseg_import_handle_t im_memseg)
{
    uint64_t ticket = 0;
    rsmi_import_t *imp = rsmi_import_enter(rsmi_handle_from_ptr(im_memseg), &ticket);
    int rc = RSM_SUCCESS;

    RSMI_CHECK(imp != NULL, RSMERR_BAD_SEG_HNDL);
    if (claim(imp, true)) {
        rsmi_lock_none_held();
        imp->conn->ops->unmap(imp->conn, imp->mapped, imp->map_len);
        release(imp, NULL, 0);
    } else {
        rc = RSMERR_SEG_NOT_MAPPED;
    }
    rsmi_import_leave(imp, ticket);
    return rc;
}
