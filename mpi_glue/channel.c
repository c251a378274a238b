/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events on their way. A post is a message to the other end's agent. So many may be unanswered;
 * beyond that, posts are merged into one batch that leaves with the next answer. So a flood of
 * posts needs bounded memory at both ends.
 *
 * Merging keeps the meaning: the counter is above 0 right behind any post, so within a batch only
 * a *first* post that must not accumulate can have an effect; every later one finds a pending
 * event and adds nothing. A batch is therefore one bit and one count.
 *
 * Messages leave under the channel's lock (sending does not block), so they leave in the order in
 * which they were decided. Each names its sender's end: the receiver may answer before its own side
 * of a connect has learnt that name.
 */
#include "port.h"
#include "rsmapi.h"

#define WINDOW 64U /* event messages in flight per target */
#define ANSWER_EVERY (WINDOW / 2)

void rsmg_channel_init(rsmg_channel_t *channel)
{
    rsmi_lock_init(&channel->lock, RSMI_RANK_CHANNEL);
}

static int send_batch(rsmg_port_t *port, int rank, uint64_t to, uint64_t from, bool first,
                      uint32_t count)
{
    rsmg_msg_t msg = {.kind = RSMG_EVENT,
                      .to = to,
                      .from = from,
                      .a = count,
                      .flags = first ? RSMG_NO_ACCUMULATE : 0};

    return rsmg_msg_send(port, rank, RSMG_TAG_AGENT, &msg, NULL, 0);
}

/** Add a post to what waits. The lock is held. */
static void merge(rsmg_channel_t *channel, bool no_accumulate)
{
    if (!channel->waiting) {
        channel->waiting = true;
        channel->waiting_first = no_accumulate;
        channel->waiting_count = no_accumulate ? 0 : 1;
    } else if (!no_accumulate && channel->waiting_count < UINT32_MAX) {
        channel->waiting_count++;
    }
}

/** Take what waits out of the channel. The lock is held. */
static bool take_waiting(rsmg_channel_t *channel, bool *first, uint32_t *count)
{
    if (!channel->waiting) {
        return false;
    }
    *first = channel->waiting_first;
    *count = channel->waiting_count;
    channel->waiting = false;
    return true;
}

int rsmg_channel_post(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                      uint64_t from, bool no_accumulate)
{
    int rc = RSM_SUCCESS;

    rsmi_lock(&channel->lock);
    if (!channel->waiting && channel->unanswered < WINDOW) {
        rc = send_batch(port, rank, to, from, no_accumulate, no_accumulate ? 0 : 1);
        channel->unanswered += rc == RSM_SUCCESS ? 1 : 0; /* what did not leave is not answered */
    } else {
        merge(channel, no_accumulate);
    }
    rsmi_unlock(&channel->lock);
    return rc;
}

void rsmg_channel_answered(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                           uint64_t from, uint64_t answered)
{
    bool first = false;
    uint32_t count = 0;

    rsmi_lock(&channel->lock);
    channel->unanswered -=
        answered < channel->unanswered ? (uint32_t)answered : channel->unanswered;
    if (take_waiting(channel, &first, &count)) {
        if (send_batch(port, rank, to, from, first, count) == RSM_SUCCESS) {
            channel->unanswered++;
        }
    }
    rsmi_unlock(&channel->lock);
}

void rsmg_channel_flush(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                        uint64_t from)
{
    bool first = false;
    uint32_t count = 0;

    rsmi_lock(&channel->lock);
    if (take_waiting(channel, &first, &count)) {
        (void)send_batch(port, rank, to, from, first, count);
    }
    rsmi_unlock(&channel->lock);
}

void rsmg_channel_taken(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                        uint64_t from)
{
    rsmg_msg_t msg = {.kind = RSMG_EVENT_ACK, .to = to, .from = from, .a = ANSWER_EVERY};

    if (++channel->taken >= ANSWER_EVERY &&
        rsmg_msg_send(port, rank, RSMG_TAG_AGENT, &msg, NULL, 0) == RSM_SUCCESS) {
        channel->taken = 0;
    }
}
