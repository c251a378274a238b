/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the kernel's list of mappings; see memory.h. */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"
#include "handle.h"
#include "lock.h"

/*
 * The process's mappings as of the last look: rising, neighbours with equal rights joined. Plain
 * malloc, since the list is kept for good and is no leak of any call.
 */
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_MEMORY);
static rsmi_memory_range_t *ranges; /* (l) */
static size_t range_count;          /* (l) */
static size_t range_room;           /* (l) */

_Thread_local rsmi_memory_range_t rsmi_memory_recent[RSMI_MEMORY_RECENT]
    __attribute__((tls_model("initial-exec")));

FILE *rsmi_memory_open(void)
{
    return fopen("/proc/self/maps", "re");
}

bool rsmi_memory_next(FILE *maps, rsmi_memory_range_t *range)
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
    maps = rsmi_memory_open();
    RSMI_CHECK(maps != NULL, RSM_SUCCESS);
    while (at < end && rsmi_memory_next(maps, &range)) {
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
    FILE *maps = rsmi_memory_open();
    rsmi_memory_range_t range;
    bool whole = maps != NULL;

    range_count = 0;
    while (whole && rsmi_memory_next(maps, &range)) {
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

/*
 * Linux 6.11 answers for one address in half a microsecond; reading the list takes a hundred. The
 * request is spelled out, since the headers may be older than the kernel.
 */
struct procmap_query {
    uint64_t size;
    uint64_t flags;
    uint64_t addr;
    uint64_t start;
    uint64_t end;
    uint64_t vma_flags;
    uint64_t others[7]; /* of no interest here: page size, file, names */
};
_Static_assert(sizeof(struct procmap_query) == 104, "more or less than the kernel's would fail");
#define PROCMAP_QUERY_CALL _IOWR('f', 17, struct procmap_query)
enum { VMA_READABLE = 1, VMA_WRITABLE = 2 };

typedef enum answer { YES, NO, NO_IDEA } answer_t;

/** Ask the kernel about [addr, addr + len) alone. *first_p: the mapping that holds `addr`. */
static answer_t query(int fd, uintptr_t addr, size_t len, int want, rsmi_memory_range_t *first_p)
{
    for (uintptr_t at = addr; at < addr + len;) {
        struct procmap_query ask = {.size = sizeof ask, .addr = at};
        int rights;

        if (ioctl(fd, PROCMAP_QUERY_CALL, &ask) != 0) {
            return errno == ENOENT ? NO : NO_IDEA;
        }
        rights = ((ask.vma_flags & VMA_READABLE) != 0 ? RSMI_MEMORY_READ : 0) |
                 ((ask.vma_flags & VMA_WRITABLE) != 0 ? RSMI_MEMORY_WRITE : 0);
        if ((rights & want) != want) {
            return NO;
        }
        if (at == addr) {
            first_p->low = (uintptr_t)ask.start;
            first_p->high = (uintptr_t)ask.end;
            first_p->rights = rights;
        }
        at = (uintptr_t)ask.end;
    }
    return YES;
}

/** The kernel's list, open for queries. -1: not to be had now. */
static int maps_fd(void)
{
    static atomic_int kept = -1;
    int fd = atomic_load_explicit(&kept, memory_order_acquire);
    int none = -1;

    if (fd >= 0) {
        return fd;
    }
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !atomic_compare_exchange_strong(&kept, &none, fd)) {
        (void)close(fd);
        fd = none;
    }
    return fd;
}

bool rsmi_memory_look(uintptr_t addr, size_t len, int want)
{
    static _Thread_local unsigned oldest;
    rsmi_memory_range_t first = {0};
    answer_t answer;
    int fd;

    if (len == 0) {
        return true;
    }
    if (len > UINTPTR_MAX - addr) {
        return false;
    }
    /* In a forked child the descriptor tells of the parent, and nothing is transferred anyway. */
    fd = rsmi_handle_in_child() ? -1 : maps_fd();
    answer = fd < 0 ? NO_IDEA : query(fd, addr, len, want, &first);
    if (answer == NO_IDEA) {
        rsmi_lock(&lock);
        answer = covered(addr, len, want, &first) ? YES : NO;
        if (answer == NO && refresh()) {
            answer = covered(addr, len, want, &first) ? YES : NO;
        } else {
            answer = YES; /* known; or the kernel does not tell, and a real fault will show */
        }
        rsmi_unlock(&lock);
    }
    if (answer == YES && addr >= first.low && addr < first.high) {
        rsmi_memory_recent[oldest++ % RSMI_MEMORY_RECENT] = first;
    }
    return answer == YES;
}
