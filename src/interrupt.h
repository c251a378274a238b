/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits that a signal handler of the program interrupts, without a race: all signals are blocked
 * from begin() to end() and let in only while the thread sleeps, in ppoll(), which closes the gap
 * between looking and sleeping. Knows nothing of what is waited for.
 */
#ifndef RSMI_INTERRUPT_H
#define RSMI_INTERRUPT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct rsmi_interrupt {
    sigset_t before; /* the thread's own mask */
    bool seen;       /* a handler has run since begin() */
    int cancel;      /* the thread's own cancel state */
} rsmi_interrupt_t;

/**
 * Block all signals of this thread but those that report its own faults. It cannot be cancelled
 * either until end(): it may stand in a queue.
 */
void rsmi_interrupt_begin(rsmi_interrupt_t *intr);
void rsmi_interrupt_end(const rsmi_interrupt_t *intr);

/**
 * Sleep until `fd` (-1: none) is readable, `deadline` (0: none; rsmi_now() time) has come, or a
 * handler has run. Returns 1, 0 or -1 in this order; -2: the system could not.
 */
int rsmi_interrupt_sleep(rsmi_interrupt_t *intr, int fd, uint64_t deadline);

/** The same for any number of descriptors: how many are ready, or -errno. */
int rsmi_interrupt_poll(rsmi_interrupt_t *intr, struct pollfd *fds, nfds_t nfds, uint64_t deadline);

#endif
