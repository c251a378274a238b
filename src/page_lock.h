/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of this process that stay in memory while somebody asks for it. Knows ranges of addresses
 * and the kernel; nothing of handles or segments.
 *
 * Caveats first:
 * - The kernel's locks do not nest: one unlock ends all locks of a page. So calls here are counted
 *   per range of pages, and a page that the program had locked itself when the first of them came
 * is left locked by the last. A lock that the program takes later, on pages that are locked here,
 *   cannot be told from ours and ends with ours; an unlock by the program ends ours, until the next
 *   rsmi_page_lock() over these pages.
 * - In a forked child nothing is locked, and nothing here may be called: no live handle leads here.
 * - Thread-safe. Locking may take as long as reading the pages in does; not for the transfer path.
 */
#ifndef RSMI_PAGE_LOCK_H
#define RSMI_PAGE_LOCK_H

#include <stddef.h>

/**
 * Read the pages that hold [addr, addr + len) in and keep them in memory, until as many calls of
 * rsmi_page_unlock().
 *
 * @param[in] addr  a multiple of the page size; the range is mapped
 * @param[in] len   bytes, not 0
 *
 * On failure nothing of this call stays locked, and everything else does.
 * @retval RSMERR_INSUFFICIENT_MEM        out of memory for the book-keeping
 * @retval RSMERR_INSUFFICIENT_RESOURCES  the kernel refuses (RLIMIT_MEMLOCK, a hole, a page that
 *                                        cannot be read), or does not tell who has locked what
 */
int rsmi_page_lock(const void *addr, size_t len);

/**
 * Take one rsmi_page_lock() of the same range back. Cannot fail, allocates nothing, and does not
 * mind what the program has done to the mapping meanwhile.
 */
void rsmi_page_unlock(const void *addr, size_t len);

/**
 * Read the pages that hold [addr, addr + len) in, and let them be. Changes no byte; pages that
 * cannot be read in, such as those of a file mapping beyond the file's end, are left out and harm
 * nobody.
 */
void rsmi_page_touch(const void *addr, size_t len);

/** For tests: ranges that are kept, neighbours of one kind joined. */
size_t rsmi_page_lock_ranges(void);

#endif
