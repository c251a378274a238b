/* SPDX-License-Identifier: BSD-3-Clause */
/* Access lists; see acl.h. */
#include "acl.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "memory.h"

#define MODE_MAX 0666U

/*
 * umask() can only be read by setting it, which another thread that creates a file would notice.
 * Linux tells it in /proc; where that is missing the set-and-restore remains.
 */
static mode_t current_umask(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];
    unsigned mask = 0;
    bool found = false;

    if (status != NULL) {
        while (!found && fgets(line, sizeof line, status) != NULL) {
            found = sscanf(line, "Umask: %o", &mask) == 1; // NOLINT(cert-err34-c): %o of the kernel
        }
        (void)fclose(status);
    }
    if (!found) {
        mask = umask(0);
        (void)umask(mask);
    }
    return mask;
}

rsmi_owner_t rsmi_owner_self(void)
{
    rsmi_owner_t owner = {
        .uid = geteuid(), .gid = getegid(), .mode = 0777U & ~(uint32_t)current_umask()};

    return owner;
}

int rsmi_acl_copy(const rsmapi_access_entry_t *list, uint32_t count, uint32_t first, uint32_t nodes,
                  rsmi_acl_t *acl_p)
{
    rsmi_acl_t acl = {NULL, count};

    RSMI_CHECK(count <= RSMI_ACL_MAX, RSMERR_BAD_ACL);
    if (count == 0) {
        *acl_p = acl;
        return RSM_SUCCESS;
    }
    RSMI_CHECK(rsmi_memory_check(list, count * sizeof *list, RSMI_MEMORY_READ) == RSM_SUCCESS,
               RSMERR_BAD_ADDR);
    for (uint32_t i = 0; i < count; i++) {
        RSMI_CHECK(list[i].ae_node >= first && list[i].ae_node - first < nodes &&
                       list[i].ae_permission <= MODE_MAX,
                   RSMERR_BAD_ACL);
    }
    acl.entries = rsmi_alloc_array(count, sizeof *acl.entries);
    RSMI_CHECK(acl.entries != NULL, RSMERR_INSUFFICIENT_MEM);
    memcpy(acl.entries, list, count * sizeof *list);
    *acl_p = acl;
    return RSM_SUCCESS;
}

void rsmi_acl_clear(rsmi_acl_t *acl)
{
    rsmi_free(acl->entries);
    acl->entries = NULL;
    acl->count = 0;
}

static bool member_of(const rsmi_asker_t *who, gid_t gid)
{
    if (who->gid == gid) {
        return true;
    }
    for (uint32_t i = 0; i < who->group_count; i++) {
        if (who->groups[i] == gid) {
            return true;
        }
    }
    return false;
}

int rsmi_acl_judge(const rsmi_acl_t *acl, const rsmi_owner_t *owner, const rsmi_asker_t *who,
                   uint32_t perm)
{
    uint32_t mode = owner->mode;
    uint32_t digit;

    if (acl->entries != NULL) {
        uint32_t i = 0;

        while (i < acl->count && acl->entries[i].ae_node != who->node) {
            i++;
        }
        RSMI_CHECK(i < acl->count, RSMERR_SEG_NOT_PUBLISHED_TO_NODE);
        mode = acl->entries[i].ae_permission;
    }
    if (who->uid == owner->uid) {
        digit = mode >> 6;
    } else if (member_of(who, owner->gid)) {
        digit = mode >> 3;
    } else {
        digit = mode;
    }
    RSMI_CHECK(((perm >> 6) & ~digit & 06U) == 0, RSMERR_PERM_DENIED);
    return RSM_SUCCESS;
}
