/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All heap memory of the library. A live count lets every test end with "nothing leaked", and a
 * hook lets a test make the n-th allocation fail.
 */
#ifndef RSMI_ALLOC_H
#define RSMI_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/** Zeroed memory or NULL. */
void *rsmi_alloc(size_t size);
/** Zeroed array or NULL; NULL also if count * size does not fit size_t. */
void *rsmi_alloc_array(size_t count, size_t size);
void rsmi_free(void *ptr);

/** Blocks allocated and not freed. Not counted: handle-table chunks, which are kept for good. */
long rsmi_alloc_live(void);
/** Let the n-th allocation from now fail (1 = the next); 0 = none. */
void rsmi_alloc_fail_at(long n);
/** Did the failure asked for happen? */
bool rsmi_alloc_failed(void);

#endif
