/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Published segment ids of this process (one space for all controllers: reference 6.9). Maps an
 * id to an export handle; knows neither states nor rights.
 */
#ifndef RSMI_SEG_TABLE_H
#define RSMI_SEG_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/** One published id; embedded in the export, so that publishing allocates nothing. */
typedef struct rsmi_seg_entry {
    struct rsmi_seg_entry *next; /* (t) */
    uint32_t id;                 /* (t) */
    uint64_t handle;             /* (t) */
} rsmi_seg_entry_t;

/** May a program publish under this id (reference 4.2)? 0 means "generate one" and is none. */
bool rsmi_segid_is_public(uint32_t id);

/**
 * Enter `entry` for `handle` under *id_p, or, if that is 0, under a generated id which is stored
 * there. Errors: RSMERR_INSUFFICIENT_RESOURCES: no generated ids left; RSMERR_SEGID_IN_USE.
 */
int rsmi_seg_table_insert(rsmi_seg_entry_t *entry, uint64_t handle, uint32_t *id_p);
void rsmi_seg_table_remove(rsmi_seg_entry_t *entry);
/** The export handle published under `id`; 0: none. */
uint64_t rsmi_seg_table_find(uint32_t id);

#endif
