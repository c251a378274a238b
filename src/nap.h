/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting by looking again: yield a few times, then sleep a little longer each time. For waits
 * that end soon and whose end nobody announces.
 */
#ifndef RSMI_NAP_H
#define RSMI_NAP_H

#include <stdint.h>

typedef struct rsmi_nap {
    unsigned rounds;
} rsmi_nap_t;

#define RSMI_NAP_INIT                                                                              \
    {                                                                                              \
        0                                                                                          \
    }

/** Nanoseconds of the monotonic clock. */
uint64_t rsmi_now(void);
/** Wait a moment: 64 times a yield, then sleeps from 20 us up to 500 us. */
void rsmi_nap(rsmi_nap_t *nap);

#endif
