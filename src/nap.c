/* SPDX-License-Identifier: BSD-3-Clause */
/* Short waits; see nap.h. */
#include "nap.h"

#include <sched.h>
#include <time.h>

#define YIELDS 64U
#define NAP_MIN_NS 20000L
#define NAP_MAX_NS 500000L

uint64_t rsmi_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void rsmi_nap(rsmi_nap_t *nap)
{
    struct timespec ts = {0, NAP_MIN_NS};

    if (nap->rounds < YIELDS) {
        nap->rounds++;
        (void)sched_yield();
        return;
    }
    for (unsigned i = YIELDS; i < nap->rounds && ts.tv_nsec < NAP_MAX_NS; i++) {
        ts.tv_nsec *= 2;
    }
    if (ts.tv_nsec < NAP_MAX_NS) {
        nap->rounds++;
    }
    (void)nanosleep(&ts, NULL);
}
