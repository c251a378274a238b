/* SPDX-License-Identifier: BSD-3-Clause */
/* What is behind a local memory handle, for those who transfer through it. */
#ifndef RSMI_LOCALMEM_H
#define RSMI_LOCALMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rsmapi.h"

typedef struct rsmi_localmem {
    uint64_t handle; /* (c) */
    char *base;      /* (c) */
    size_t length;   /* (c) bytes */
    bool locked;     /* (c) rsmi_page_lock() succeeded, and is to be taken back */
} rsmi_localmem_t;

/** Enter; NULL: not a live handle. While inside, freeing the handle waits. */
rsmi_localmem_t *rsmi_localmem_enter(rsm_localmemory_handle_t handle);
void rsmi_localmem_leave(rsmi_localmem_t *localmem);

#endif
