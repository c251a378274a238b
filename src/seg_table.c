/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of published ids; see seg_table.h. */
#include "seg_table.h"

#include <stddef.h>

#include "check.h"
#include "lock.h"

#define BUCKETS 1024U

static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_SEGIDS);
static rsmi_seg_entry_t *buckets[BUCKETS];             /* (t) */
static uint32_t next_generated = RSM_USER_APP_ID_BASE; /* (t) 0: all have been given out */

bool rsmi_segid_is_public(uint32_t id)
{
    return id > RSM_DLPI_ID_END && id < RSM_USER_APP_ID_BASE;
}

static rsmi_seg_entry_t **place_of(uint32_t id)
{
    rsmi_seg_entry_t **at = &buckets[id % BUCKETS];

    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    return at;
}

int rsmi_seg_table_insert(rsmi_seg_entry_t *entry, uint64_t handle, uint32_t *id_p)
{
    uint32_t id = *id_p;
    rsmi_seg_entry_t **at;
    int rc = RSM_SUCCESS;

    rsmi_lock(&lock);
    if (id == 0) {
        id = next_generated;
    }
    at = place_of(id);
    if (id == 0) {
        rc = RSMERR_INSUFFICIENT_RESOURCES;
    } else if (*at != NULL) {
        rc = RSMERR_SEGID_IN_USE;
    } else {
        if (*id_p == 0) {
            next_generated++; /* never reused; wraps to 0 when the range is used up */
        }
        entry->id = id;
        entry->handle = handle;
        entry->next = NULL;
        *at = entry;
        *id_p = id;
    }
    rsmi_unlock(&lock);
    return rc;
}

void rsmi_seg_table_remove(rsmi_seg_entry_t *entry)
{
    rsmi_seg_entry_t **at;

    rsmi_lock(&lock);
    at = place_of(entry->id);
    if (*at == entry) {
        *at = entry->next;
        entry->next = NULL;
    }
    rsmi_unlock(&lock);
}

uint64_t rsmi_seg_table_find(uint32_t id)
{
    rsmi_seg_entry_t *entry;
    uint64_t handle;

    rsmi_lock(&lock);
    entry = *place_of(id);
    handle = entry == NULL ? 0 : entry->handle;
    rsmi_unlock(&lock);
    return handle;
}
