/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access lists and the owner/group/other arithmetic (reference 10.4, 11.2, 19.5). Knows neither
 * segments nor nodes beyond their numbers.
 */
#ifndef RSMI_ACL_H
#define RSMI_ACL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rsmapi.h"

#define RSMI_ACL_MAX 65536U /* entries; a node may be listed twice, so this is no node count */

typedef struct rsmi_acl {
    rsmapi_access_entry_t *entries; /* NULL: no list, every node may connect */
    uint32_t count;
} rsmi_acl_t;

/** Who an exporter is: as of the creation of its segment. */
typedef struct rsmi_owner {
    uid_t uid;
    gid_t gid;
    uint32_t mode; /* used where there is no list: 0777 & ~umask */
} rsmi_owner_t;

/** Who asks: as of the connect. */
typedef struct rsmi_asker {
    uint32_t node;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    uint32_t group_count;
} rsmi_asker_t;

/** The calling process now. */
rsmi_owner_t rsmi_owner_self(void);

/**
 * Copy and check a list. Errors in this order: RSMERR_BAD_ACL: more than RSMI_ACL_MAX entries;
 * RSMERR_BAD_ADDR: not readable; RSMERR_BAD_ACL: a node that is none of the `nodes` from `first`
 * on, or a mode above 0666; RSMERR_INSUFFICIENT_MEM.
 */
int rsmi_acl_copy(const rsmapi_access_entry_t *list, uint32_t count, uint32_t first, uint32_t nodes,
                  rsmi_acl_t *acl_p);
void rsmi_acl_clear(rsmi_acl_t *acl);

/**
 * May `who` have `perm` (RSM_PERM_* bits)? RSM_SUCCESS, RSMERR_SEG_NOT_PUBLISHED_TO_NODE or
 * RSMERR_PERM_DENIED. Exactly one digit is consulted; nobody is privileged.
 */
int rsmi_acl_judge(const rsmi_acl_t *acl, const rsmi_owner_t *owner, const rsmi_asker_t *who,
                   uint32_t perm);

#endif
