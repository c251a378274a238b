/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: range and alignment checks at and around every edge, against 128-bit arithmetic.
 * Proves: 14.5 ("all sums must be computed without overflow"), 6.5 (page of the host).
 * Knows src/range.h only.
 */
#include "range.h"
#include "t.h"

/* clang-format off */
static const uint64_t edges[] = {
    0, 1, 2, 7, 8, 4095, 4096, 4097, INT32_MAX, (uint64_t)INT32_MAX + 1, UINT32_MAX,
    (uint64_t)UINT32_MAX + 1, INT64_MAX - 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 4096,
    UINT64_MAX - 4095, UINT64_MAX - 8, UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX,
};
/* clang-format on */
#define EDGES (sizeof edges / sizeof edges[0])

__extension__ typedef unsigned __int128 wide_t;

int main(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        for (unsigned j = 0; j < EDGES; j++) {
            uint64_t size = edges[i];
            uint64_t offset = edges[j];

            t_expect_eq(rsmi_range_has_offset(size, offset), offset <= size);
            for (unsigned k = 0; k < EDGES; k++) {
                uint64_t len = edges[k];
                wide_t end = (wide_t)offset + len;

                t_note("0x%lx 0x%lx 0x%lx", (unsigned long)size, (unsigned long)offset,
                       (unsigned long)len);
                if (offset <= size) {
                    t_expect_eq(rsmi_range_has_length(size, offset, len), end <= size);
                }
                /* `size` as an address here. */
                t_expect_eq(rsmi_range_address_ok(size, offset, len), size + end <= UINTPTR_MAX);
            }
        }
    }
    t_note("pages");
    t_expect_eq(rsmi_page_size(), (size_t)sysconf(_SC_PAGESIZE));
    for (unsigned i = 0; i < EDGES; i++) {
        t_expect_eq(rsmi_page_aligned(edges[i]), edges[i] % rsmi_page_size() == 0);
    }
    return t_finish();
}
