/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about ranges of this process's addresses. Knows nothing of segments.
 *
 * Two questions. rsmi_memory_check() reads the kernel's list each time: for calls that make
 * something. rsmi_memory_known() is for the transfer path: each thread remembers the ranges it
 * lately asked about; for others the kernel is asked about that address (Linux 6.11) or, on older
 * kernels, a list of the process's mappings that is read anew when it lacks the address. So it
 * finds what was never mapped or never had the right, at the price of some comparisons; memory that
 * the program unmapped after it was looked at is not found, and the access faults as in any copy.
 */
#ifndef RSMI_MEMORY_H
#define RSMI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { RSMI_MEMORY_READ = 1, RSMI_MEMORY_WRITE = 2 };

/**
 * Is all of [addr, addr + len) mapped, with the rights in `want`? RSM_SUCCESS, RSMERR_BAD_ADDR
 * (a hole, or the range wraps), RSMERR_PERM_DENIED (mapped, a right is missing somewhere). Where
 * the kernel does not tell, success: a real fault will show at the access.
 */
int rsmi_memory_check(const void *addr, size_t len, int want);

typedef struct rsmi_memory_range {
    uintptr_t low;
    uintptr_t high; /* one past the end; 0: empty */
    int rights;
} rsmi_memory_range_t;

/** The kernel's list of mappings, to be read with rsmi_memory_next(); NULL: not to be had. */
FILE *rsmi_memory_open(void);
/** Read the next mapping of the list, which is in rising order. False: no more. */
bool rsmi_memory_next(FILE *maps, rsmi_memory_range_t *range);

/* Ranges this thread has lately asked about, in no order. */
#define RSMI_MEMORY_RECENT 8U
extern _Thread_local rsmi_memory_range_t rsmi_memory_recent[RSMI_MEMORY_RECENT]
    __attribute__((tls_model("initial-exec")));

/** The slow half of rsmi_memory_known(). */
bool rsmi_memory_look(uintptr_t addr, size_t len, int want);

/** Is [addr, addr + len) mapped with the rights in `want`, as far as is known or can be found? */
static inline bool rsmi_memory_known(const void *addr, size_t len, int want)
{
    uintptr_t at = (uintptr_t)addr;

    for (unsigned i = 0; i < RSMI_MEMORY_RECENT; i++) {
        const rsmi_memory_range_t *range = &rsmi_memory_recent[i];

        if (at >= range->low && at < range->high && len <= range->high - at &&
            (range->rights & want) == want) {
            return true;
        }
    }
    return rsmi_memory_look(at, len, want);
}

#endif
