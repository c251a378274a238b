/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the kernel's list of mappings; see memory.h. */
#include "memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "check.h"

int rsmi_memory_check(const void *addr, size_t len, int want)
{
    uintptr_t at = (uintptr_t)addr; /* everything below is known to be mapped */
    uintptr_t end;
    bool denied = false;
    FILE *maps;
    char line[1024];

    RSMI_CHECK(len <= UINTPTR_MAX - at, RSMERR_BAD_ADDR);
    end = at + len;
    maps = fopen("/proc/self/maps", "re");
    RSMI_CHECK(maps != NULL, RSM_SUCCESS);
    while (at < end && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t low;
        uintptr_t high;
        char rights[5] = "";

        // NOLINTNEXTLINE(cert-err34-c): the kernel's own format
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &low, &high, rights) != 3 || high <= at) {
            continue; /* the tail of an over-long line, or a mapping below the range */
        }
        if (low > at) {
            break; /* a hole: the list is sorted */
        }
        denied = denied || ((want & RSMI_MEMORY_READ) != 0 && rights[0] != 'r') ||
                 ((want & RSMI_MEMORY_WRITE) != 0 && rights[1] != 'w');
        at = high;
    }
    (void)fclose(maps);
    RSMI_CHECK(at >= end, RSMERR_BAD_ADDR);
    RSMI_CHECK(!denied, RSMERR_PERM_DENIED);
    return RSM_SUCCESS;
}
