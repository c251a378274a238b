/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about pages of this process, and the program's own locks. Knows /proc; must
 * not know the library, whose word it is to check.
 */
#ifndef T_T_PAGES_H
#define T_T_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#define T_PAGE ((size_t)4096)

/** locked[i]: is page i of those from `base` on locked in memory? Unmapped ones are not. */
void t_pages_locked(const void *base, size_t pages, bool *locked);
/** How many of them are. */
size_t t_pages_count_locked(const void *base, size_t pages);
/** How many of them are mapped to memory now, so that a first access does not fault. */
size_t t_pages_count_present(const void *base, size_t pages);
/** How many pages of this process are locked, wherever. */
size_t t_pages_locked_in_all(void);

/** As mlock() and munlock(), under sanitizers too, which make those do nothing. */
bool t_pages_lock(const void *base, size_t pages);
bool t_pages_unlock(const void *base, size_t pages);

/** Zeroed private pages, none of them present. Stops the test if there are none. */
char *t_pages_map(size_t pages);
/**
 * A mapping of a file that is `in_file` pages long; pages beyond them cannot be read. `prot` and
 * `flags` as for mmap(). `at`: NULL, or where it has to be.
 */
char *t_pages_map_file(void *at, size_t pages, size_t in_file, int prot, int flags);

#endif
