/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the kernel's list of mappings, and remembers it; see memory.h. */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "lock.h"

/*
 * The process's mappings as of the last look: rising, neighbours with equal rights joined. Plain
 * malloc, since the list is kept for good and is no leak of any call.
 */
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_MEMORY);
static rsmi_memory_range_t *ranges; /* (l) */
static size_t range_count;          /* (l) */
static size_t range_room;           /* (l) */

_Thread_local rsmi_memory_range_t rsmi_memory_recent[RSMI_MEMORY_SLOTS]
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

/** Append; the lock is held. False: no memory. */
static bool append(rsmi_memory_range_t range)
{
    if (range_count > 0 && ranges[range_count - 1].high == range.low &&
        ranges[range_count - 1].rights == range.rights) {
        ranges[range_count - 1].high = range.high;
        return true;
    }
    if (range_count == range_room) {
        size_t room = range_room == 0 ? 256 : range_room * 2;
        rsmi_memory_range_t *more = realloc(ranges, room * sizeof *more);

        if (more == NULL) {
            return false;
        }
        ranges = more;
        range_room = room;
    }
    ranges[range_count++] = range;
    return true;
}

/** Read the list anew; the lock is held. False: it cannot be had. */
static bool refresh(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    rsmi_memory_range_t range;
    bool whole = maps != NULL;

    range_count = 0;
    while (whole && next_mapping(maps, &range)) {
        whole = append(range);
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return whole;
}

/**
 * Do ranges of the list cover [addr, addr + len) with `want`? *first_p: the one that holds `addr`,
 * if any. The lock is held.
 */
static bool covered(uintptr_t addr, size_t len, int want, rsmi_memory_range_t *first_p)
{
    size_t low = 0;
    size_t high = range_count;
    uintptr_t end = addr + len;

    while (low < high) { /* the first range that ends above addr */
        size_t middle = low + (high - low) / 2;

        if (ranges[middle].high > addr) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    if (low < range_count) {
        *first_p = ranges[low];
    }
    for (uintptr_t at = addr; at < end; low++) { /* may cross ranges of different rights */
        if (low == range_count || ranges[low].low > at || (ranges[low].rights & want) != want) {
            return false;
        }
        at = ranges[low].high;
    }
    return true;
}

bool rsmi_memory_look(uintptr_t addr, size_t len, int want)
{
    rsmi_memory_range_t first = {0};
    bool found;

    if (len == 0) {
        return true;
    }
    if (len > UINTPTR_MAX - addr) {
        return false;
    }
    rsmi_lock(&lock);
    found = covered(addr, len, want, &first);
    if (!found) {
        /* Where the kernel does not tell, a real fault will show at the access. */
        found = !refresh() || covered(addr, len, want, &first);
    }
    rsmi_unlock(&lock);
    if (found && addr >= first.low && len <= first.high - addr) {
        rsmi_memory_recent[(addr >> 16) % RSMI_MEMORY_SLOTS] = first;
    }
    return found;
}
