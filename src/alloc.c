/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Heap memory with a live count and a fault hook; see alloc.h. Knows nothing of the library.
 */
#include "alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static atomic_long live;
static atomic_long fail_in; /* > 0: allocations until the failure; -1: it has happened */

/** A place for a breakpoint. */
static bool fault_hit(void)
{
    atomic_store(&fail_in, -1);
    return true;
}

static bool fault_due(void)
{
    if (atomic_load_explicit(&fail_in, memory_order_relaxed) <= 0) {
        return false;
    }
    return atomic_fetch_sub(&fail_in, 1) == 1 && fault_hit();
}

void *rsmi_alloc(size_t size)
{
    return rsmi_alloc_array(1, size);
}

void *rsmi_alloc_array(size_t count, size_t size)
{
    void *ptr;

    if (fault_due()) {
        return NULL;
    }
    ptr = calloc(count, size); /* calloc refuses a product that does not fit */
    if (ptr != NULL) {
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    }
    return ptr;
}

void rsmi_free(void *ptr)
{
    if (ptr != NULL) {
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
        free(ptr);
    }
}

long rsmi_alloc_live(void)
{
    return atomic_load(&live);
}

void rsmi_alloc_fail_at(long n)
{
    atomic_store(&fail_in, n);
}

bool rsmi_alloc_failed(void)
{
    return atomic_load(&fail_in) == -1;
}
