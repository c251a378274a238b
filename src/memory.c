/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the kernel's list of mappings; see memory.h. */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

#include "check.h"

_Thread_local rsmi_memory_range_t rsmi_memory_recent[RSMI_MEMORY_RECENT]
    __attribute__((tls_model("initial-exec")));

/** Read the next mapping from the kernel's list. False: no more. */
static bool next_mapping(FILE *maps, rsmi_memory_range_t *range)
{
    char line[1024];

    while (fgets(line, sizeof line, maps) != NULL) {
        char rights[5] = "";

        // NOLINTNEXTLINE(cert-err34-c): the kernel's own format
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &range->low, &range->high, rights) == 3) {
            range->rights = (rights[0] == 'r' ? RSMI_MEMORY_READ : 0) |
                            (rights[1] == 'w' ? RSMI_MEMORY_WRITE : 0);
            return true;
        } /* else the tail of an over-long line */
    }
    return false;
}

int rsmi_memory_check(const void *addr, size_t len, int want)
{
    uintptr_t at = (uintptr_t)addr; /* everything below is known to be mapped */
    uintptr_t end;
    bool denied = false;
    rsmi_memory_range_t range;
    FILE *maps;

    RSMI_CHECK(len <= UINTPTR_MAX - at, RSMERR_BAD_ADDR);
    end = at + len;
    maps = fopen("/proc/self/maps", "re");
    RSMI_CHECK(maps != NULL, RSM_SUCCESS);
    while (at < end && next_mapping(maps, &range)) {
        if (range.high <= at) {
            continue;
        }
        if (range.low > at) {
            break; /* a hole: the list is sorted */
        }
        denied = denied || (range.rights & want) != want;
        at = range.high;
    }
    (void)fclose(maps);
    RSMI_CHECK(at >= end, RSMERR_BAD_ADDR);
    RSMI_CHECK(!denied, RSMERR_PERM_DENIED);
    return RSM_SUCCESS;
}

/**
 * The longest run of neighbouring mappings around `addr` that all have `want`. False: the kernel
 * does not tell.
 */
static bool run_around(uintptr_t addr, int want, rsmi_memory_range_t *run_p)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    rsmi_memory_range_t run = {.rights = want};
    rsmi_memory_range_t range;

    if (maps == NULL) {
        return false;
    }
    while (next_mapping(maps, &range)) {
        bool fits = (range.rights & want) == want;

        if (fits && range.low == run.high) {
            run.high = range.high;
        } else if (run.high > addr) {
            break; /* the run that holds addr, or its first chance, is complete */
        } else if (fits) {
            run.low = range.low;
            run.high = range.high;
        }
    }
    (void)fclose(maps);
    *run_p = run;
    return true;
}

bool rsmi_memory_look(uintptr_t addr, size_t len, int want)
{
    static _Thread_local unsigned oldest;
    rsmi_memory_range_t run;

    if (len == 0) {
        return true;
    }
    if (!run_around(addr, want, &run)) {
        return true; /* a real fault will show at the access */
    }
    if (addr < run.low || addr >= run.high || len > run.high - addr) {
        return false;
    }
    rsmi_memory_recent[oldest++ % RSMI_MEMORY_RECENT] = run;
    return true;
}
