/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Range and alignment checks that cannot wrap: they compare before they subtract and never add.
 * The only place where such arithmetic is written.
 */
#ifndef RSMI_RANGE_H
#define RSMI_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/** `offset` lies in [0, size]. */
static inline bool rsmi_range_has_offset(uint64_t size, uint64_t offset)
{
    return offset <= size;
}

/** `len` bytes from `offset` stay inside `size`. Asked only after rsmi_range_has_offset(). */
static inline bool rsmi_range_has_length(uint64_t size, uint64_t offset, uint64_t len)
{
    return len <= size - offset;
}

/** `items` of `width` bytes from `offset` stay inside `size`. Asked after rsmi_range_has_offset().
 */
static inline bool rsmi_range_has_items(uint64_t size, uint64_t offset, uint64_t items,
                                        unsigned width)
{
    return items <= (size - offset) / width;
}

/** `base + offset`, and `len` bytes from there, stay inside the address space. */
static inline bool rsmi_range_address_ok(uintptr_t base, size_t offset, size_t len)
{
    return offset <= UINTPTR_MAX - base && len <= UINTPTR_MAX - base - offset;
}

static inline size_t rsmi_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/** `len` rounded up to whole pages. Only for the length of something mapped: others may wrap. */
static inline size_t rsmi_page_round_up(size_t len)
{
    size_t rest = len & (rsmi_page_size() - 1);

    return rest == 0 ? len : len + (rsmi_page_size() - rest);
}

static inline bool rsmi_page_aligned(uint64_t value)
{
    return (value & (rsmi_page_size() - 1)) == 0;
}

#endif
