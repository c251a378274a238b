/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of ranges with counts, and the kernel's locks; see page_lock.h. Knows nothing of the
 * library's objects.
 *
 * Who else has locked a page? msync() with MS_INVALIDATE and nothing else does no more than answer
 * that: EBUSY if any page of the range is locked. One mapping of the kernel's list is locked as a
 * whole or not at all, so where a range is mixed, its mappings are asked one by one.
 */
#include "page_lock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "alloc.h"
#include "check.h"
#include "lock.h"
#include "memory.h"
#include "range.h"

#ifndef MADV_POPULATE_READ /* the kernel may be newer than the headers */
#define MADV_POPULATE_READ 22
#endif

typedef enum owner {
    OWNER_PROGRAM, /* locked before we came: not ours to unlock. During a call also: not known yet
                    */
    OWNER_CALL,    /* not locked before this call: unlocked again if it fails */
    OWNER_US       /* unlocked with the last holder */
} owner_t;

typedef struct range {
    uintptr_t low;
    uintptr_t high;
    size_t holders; /* calls that cover it; 0 only during the call that adds it */
    owner_t owner;
} range_t;

/*
 * Rising and disjoint; neighbours that touch differ, except during a call. An unlock may split two
 * ranges and must not fail: there is always room for two more per call that is not taken back.
 */
static rsmi_lock_t lock = RSMI_LOCK_INIT(RSMI_RANK_PAGES);
static range_t *ranges; /* (l) */
static size_t count;    /* (l) */
static size_t room;     /* (l) */
static size_t calls;    /* (l) locks that are not taken back */

/* ---- The kernel -------------------------------------------------------------------------- */

/* System calls, since sanitizers replace the library's functions by ones that do nothing. */
static bool kernel_lock(uintptr_t low, uintptr_t high)
{
    return syscall(SYS_mlock, low, high - low) == 0;
}

/** Is any page of it locked, by whomever? */
static bool kernel_locks(uintptr_t low, uintptr_t high)
{
    return syscall(SYS_msync, low, high - low, MS_INVALIDATE) != 0 && errno == EBUSY;
}

/** The next part of [low, high) that is one mapping. False: no more. */
static bool next_part(FILE *maps, uintptr_t low, uintptr_t high, rsmi_memory_range_t *part)
{
    while (rsmi_memory_next(maps, part) && part->low < high) {
        part->low = part->low > low ? part->low : low;
        part->high = part->high < high ? part->high : high;
        if (part->low < part->high) {
            return true;
        }
    }
    return false;
}

static void kernel_unlock(uintptr_t low, uintptr_t high)
{
    rsmi_memory_range_t part;
    FILE *maps;

    if (syscall(SYS_munlock, low, high - low) == 0) {
        return;
    }
    /* The kernel stops at a hole: the program has unmapped what it should not. */
    maps = rsmi_memory_open();
    while (maps != NULL && next_part(maps, low, high, &part)) {
        (void)syscall(SYS_munlock, part.low, part.high - part.low);
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
}

/* ---- The list; the lock is held ---------------------------------------------------------- */

/** Have room for `need` ranges. */
static bool reserve(size_t need)
{
    size_t more_room = room * 2 > need ? room * 2 : need;
    range_t *more;

    if (need <= room) {
        return true;
    }
    more = rsmi_alloc_array(more_room, sizeof *more);
    if (more == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(more, ranges, count * sizeof *more);
    }
    rsmi_free(ranges);
    ranges = more;
    room = more_room;
    return true;
}

/** There is room. */
static void insert(size_t at, range_t range)
{
    RSMI_ASSERT(count < room);
    memmove(ranges + at + 1, ranges + at, (count - at) * sizeof range);
    ranges[at] = range;
    count++;
}

static void drop(size_t at)
{
    count--;
    memmove(ranges + at, ranges + at + 1, (count - at) * sizeof *ranges);
}

/** The first range that ends above `addr`; `count`: none. */
static size_t find(uintptr_t addr)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ranges[middle].high > addr) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/** Let no range cross `addr`. There is room. */
static void split(uintptr_t addr)
{
    size_t at = find(addr);

    if (at < count && ranges[at].low < addr) {
        insert(at, ranges[at]);
        ranges[at].high = addr;
        ranges[at + 1].low = addr;
    }
}

/** Join what touches and does not differ, in and around [low, high). */
static void join(uintptr_t low, uintptr_t high)
{
    size_t at = find(low);

    at = at > 0 ? at - 1 : 0;
    while (at + 1 < count && ranges[at].low < high) {
        const range_t *next = &ranges[at + 1];

        if (ranges[at].high == next->low && ranges[at].holders == next->holders &&
            ranges[at].owner == next->owner) {
            ranges[at].high = next->high;
            drop(at + 1);
        } else {
            at++;
        }
    }
}

static void free_if_empty(void)
{
    if (count == 0) {
        rsmi_free(ranges);
        ranges = NULL;
        room = 0;
    }
}

/* ---- Locking ----------------------------------------------------------------------------- */

/** Let ranges of the list make up [low, high), new ones without holders. False: no memory. */
static bool cover(uintptr_t low, uintptr_t high)
{
    uintptr_t from = low;

    if (!reserve(count + 2)) {
        return false;
    }
    split(low);
    split(high);
    for (size_t at = find(low); from < high; at++) {
        uintptr_t to = at < count && ranges[at].low < high ? ranges[at].low : high;

        if (from < to) {
            if (!reserve(count + 1)) {
                return false;
            }
            insert(at, (range_t){.low = from, .high = to, .owner = OWNER_PROGRAM});
        }
        from = ranges[at].high;
    }
    return true;
}

/** Nobody has locked [low, high): what is not ours in it becomes this call's. False: no memory. */
static bool claim(uintptr_t low, uintptr_t high)
{
    if (!reserve(count + 2)) {
        return false;
    }
    split(low);
    split(high);
    for (size_t at = find(low); at < count && ranges[at].low < high; at++) {
        if (ranges[at].owner == OWNER_PROGRAM) {
            ranges[at].owner = OWNER_CALL;
        }
    }
    return true;
}

/** claim() those mappings of [low, high) that are not locked. */
static int claim_by_mapping(uintptr_t low, uintptr_t high)
{
    uintptr_t known = low;
    rsmi_memory_range_t part;
    FILE *maps = rsmi_memory_open();
    int rc = RSM_SUCCESS;

    RSMI_CHECK(maps != NULL, RSMERR_INSUFFICIENT_RESOURCES);
    while (rc == RSM_SUCCESS && next_part(maps, low, high, &part) && part.low <= known) {
        known = part.high;
        if (!kernel_locks(part.low, part.high) && !claim(part.low, part.high)) {
            rc = RSMERR_INSUFFICIENT_MEM;
        }
    }
    (void)fclose(maps);
    return rc == RSM_SUCCESS && known < high ? RSMERR_INSUFFICIENT_RESOURCES : rc; /* a hole */
}

/**
 * Find out what of [low, high) nobody has locked. What the program had locked may be so no more,
 * and is asked about again.
 */
static int claim_unlocked(uintptr_t low, uintptr_t high, bool *program_p)
{
    *program_p = false;
    for (size_t at = find(low); at < count && ranges[at].low < high; at++) {
        range_t *range = &ranges[at];

        if (range->owner == OWNER_PROGRAM) {
            if (kernel_locks(range->low, range->high)) {
                *program_p = true;
            } else {
                range->owner = OWNER_CALL;
            }
        }
    }
    return *program_p ? claim_by_mapping(low, high) : RSM_SUCCESS;
}

/** Lock all but what the program has locked. What is ours already, too: it may have been lost. */
static bool lock_claimed(uintptr_t low, uintptr_t high)
{
    for (size_t at = find(low); at < count && ranges[at].low < high; at++) {
        const range_t *range = &ranges[at];

        if (range->owner != OWNER_PROGRAM && !kernel_lock(range->low, range->high)) {
            return false;
        }
    }
    return true;
}

static void commit(uintptr_t low, uintptr_t high)
{
    for (size_t at = find(low); at < count && ranges[at].low < high; at++) {
        ranges[at].holders++;
        if (ranges[at].owner == OWNER_CALL) {
            ranges[at].owner = OWNER_US;
        }
    }
    calls++;
}

/** Take back what a call that fails has done so far. The kernel may have locked a part of it. */
static void undo(uintptr_t low, uintptr_t high)
{
    for (size_t at = find(low); at < count && ranges[at].low < high;) {
        range_t *range = &ranges[at];

        if (range->owner == OWNER_CALL) {
            kernel_unlock(range->low, range->high);
            range->owner = OWNER_PROGRAM;
        }
        if (range->holders == 0) {
            drop(at);
        } else {
            at++;
        }
    }
}

/** *program_p: the program has locked some of it. */
static int lock_all(uintptr_t low, uintptr_t high, bool *program_p)
{
    RSMI_CHECK(cover(low, high), RSMERR_INSUFFICIENT_MEM);
    RSMI_TRY(claim_unlocked(low, high, program_p));
    RSMI_CHECK(reserve(count + 2 * (calls + 1)), RSMERR_INSUFFICIENT_MEM);
    RSMI_CHECK(lock_claimed(low, high), RSMERR_INSUFFICIENT_RESOURCES);
    return RSM_SUCCESS;
}

int rsmi_page_lock(const void *addr, size_t len)
{
    uintptr_t low = (uintptr_t)addr;
    uintptr_t high = low + rsmi_page_round_up(len); /* mapped, so it is an address */
    bool program = false;
    int rc;

    rsmi_lock(&lock);
    rc = lock_all(low, high, &program);
    if (rc == RSM_SUCCESS) {
        commit(low, high);
    } else {
        undo(low, high);
    }
    join(low, high);
    free_if_empty();
    rsmi_unlock(&lock);
    if (rc == RSM_SUCCESS && program) {
        rsmi_page_touch(addr, len); /* its lock may wait for the first access (MLOCK_ONFAULT) */
    }
    return rc;
}

void rsmi_page_unlock(const void *addr, size_t len)
{
    uintptr_t low = (uintptr_t)addr;
    uintptr_t high = low + rsmi_page_round_up(len);

    rsmi_lock(&lock);
    split(low);
    split(high);
    for (size_t at = find(low); at < count && ranges[at].low < high;) {
        range_t *range = &ranges[at];

        RSMI_ASSERT(range->holders > 0);
        range->holders--;
        if (range->holders > 0) {
            at++;
            continue;
        }
        if (range->owner == OWNER_US) {
            kernel_unlock(range->low, range->high);
        }
        drop(at);
    }
    calls--;
    join(low, high);
    free_if_empty();
    rsmi_unlock(&lock);
}

size_t rsmi_page_lock_ranges(void)
{
    size_t now;

    rsmi_lock(&lock);
    now = count;
    rsmi_unlock(&lock);
    return now;
}

/* ---- Touching ---------------------------------------------------------------------------- */

/*
 * The kernel reads, not we: where it cannot it says so, and where we could not that would be a
 * SIGBUS. Before Linux 5.14, and behind a page that cannot be read, it copies a byte per page.
 */
void rsmi_page_touch(const void *addr, size_t len)
{
    enum { BATCH = 64 };
    char bytes[BATCH];
    struct iovec to = {bytes, BATCH};
    struct iovec from[BATCH];
    size_t page = rsmi_page_size();
    size_t left = rsmi_page_round_up(len) / page;
    uintptr_t at = (uintptr_t)addr;

    if (madvise((void *)at, left * page, MADV_POPULATE_READ) == 0) {
        return;
    }
    while (left > 0) {
        size_t n = left < BATCH ? left : BATCH;
        ssize_t got;
        size_t done;

        for (size_t i = 0; i < n; i++) {
            from[i] = (struct iovec){(void *)(at + i * page), 1};
        }
        got = process_vm_readv(getpid(), &to, 1, from, n, 0);
        if (got < 0 && errno != EFAULT) {
            return; /* forbidden here: the first access will read it in */
        }
        done = got < 0 ? 0 : (size_t)got;
        n = done < n ? done + 1 : n; /* past the one that stopped it */
        at += n * page;
        left -= n;
    }
}
