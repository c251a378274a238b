/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about a range of this process's addresses. Knows nothing of segments. For
 * calls that make something (export, local handle, access list), not for the transfer path: one
 * answer reads /proc/self/maps.
 */
#ifndef RSMI_MEMORY_H
#define RSMI_MEMORY_H

#include <stddef.h>

enum { RSMI_MEMORY_READ = 1, RSMI_MEMORY_WRITE = 2 };

/**
 * Is all of [addr, addr + len) mapped, with the rights in `want`? RSM_SUCCESS, RSMERR_BAD_ADDR
 * (a hole, or the range wraps), RSMERR_PERM_DENIED (mapped, a right is missing somewhere). Where
 * the kernel does not tell, success: a real fault will show at the access.
 */
int rsmi_memory_check(const void *addr, size_t len, int want);

#endif
