/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A counted event and those who sleep for it (reference 17). Knows nothing of segments.
 *
 * Sleepers stand in a queue, each with a descriptor of its own thread, and sleep in ppoll(). All
 * signals are blocked from before the counter is looked at until ppoll() opens the mask, so a
 * signal that is handled during the call always interrupts it: there is no moment in which it
 * could be handled and missed.
 *
 * Count and queue change under one lock. A post wakes as many sleepers as it brings events, in
 * the order in which they came; a sleeper that gives up looks at the counter once more first, so
 * an event is never left behind with everybody asleep.
 *
 * A poll descriptor is the reading end of a pipe that holds one byte while the count is above 0,
 * put in and taken out under the same lock. Not an eventfd: that never reports POLLRDNORM. Made
 * only when asked for; descriptors are few.
 */
#ifndef RSMI_EVENT_H
#define RSMI_EVENT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rsmi_event rsmi_event_t;

/** A counter at 0 with one reference; NULL: out of memory. */
rsmi_event_t *rsmi_event_create(void);
void rsmi_event_get(rsmi_event_t *event);
/** Drop a reference; the last one frees. */
void rsmi_event_put(rsmi_event_t *event);

/**
 * Add: first one event that does not accumulate, if `no_accumulate` and the counter is 0; then
 * `count`. The counter stops at its highest value.
 */
void rsmi_event_post(rsmi_event_t *event, bool no_accumulate, uint32_t count);

/**
 * Consume one event; sleep at most `timeout` ms, negative: without limit, 0: only look.
 * Errors: RSMERR_TIMEOUT; RSMERR_INTERRUPTED: a signal handler ran; RSMERR_BAD_SEG_HNDL: closed
 * meanwhile; RSMERR_INSUFFICIENT_RESOURCES: no descriptor to sleep on.
 */
int rsmi_event_wait(rsmi_event_t *event, int timeout);

/** Consume one event if there is one, without sleeping. */
bool rsmi_event_take(rsmi_event_t *event);

/**
 * A descriptor that is readable (POLLIN, POLLRDNORM) as long as the count is above 0, made at the
 * first call, and one more reference to it. -1: none to be had; -2: closed.
 */
int rsmi_event_poll_get(rsmi_event_t *event);
/** Give a reference back. The descriptor stays until the event goes. -1, or it if that was the
 * last. */
int rsmi_event_poll_put(rsmi_event_t *event);
/** References to the descriptor are outstanding. */
bool rsmi_event_is_polled(rsmi_event_t *event);

/**
 * Drop what is pending and send all sleepers away with RSMERR_BAD_SEG_HNDL. False, and nothing is
 * done: references to the poll descriptor are outstanding.
 */
bool rsmi_event_close(rsmi_event_t *event);

#endif
