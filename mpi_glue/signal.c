/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events on their way. A post is a message to the other end's agent. So many may be unanswered;
 * beyond that, posts are merged into one batch that leaves with the next answer. So a flood of
 * posts needs bounded memory at both ends.
 *
 * Merging keeps the meaning: the counter is above 0 right behind any post, so within a batch only
 * a *first* post that must not accumulate can have an effect; every later one finds a pending
 * event and adds nothing. A batch is therefore one bit and one count.
 */
#include "port.h"
#include "rsmapi.h"

#define WINDOW 64U /* event messages in flight per target */
#define ANSWER_EVERY (WINDOW / 2)

void rsmg_channel_init(rsmg_channel_t *channel)
{
    rsmi_lock_init(&channel->lock, RSMI_RANK_CHANNEL);
}

static int send_batch(rsmg_port_t *port, int rank, uint64_t to, bool first, uint32_t count)
{
    rsmg_msg_t msg = {
        .kind = RSMG_EVENT, .to = to, .a = count, .flags = first ? RSMG_NO_ACCUMULATE : 0};

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

int rsmg_channel_post(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                      bool no_accumulate)
{
    bool now;

    rsmi_lock(&channel->lock);
    now = !channel->waiting && channel->unanswered < WINDOW;
    if (now) {
        channel->unanswered++;
    } else {
        merge(channel, no_accumulate);
    }
    rsmi_unlock(&channel->lock);
    return now ? send_batch(port, rank, to, no_accumulate, no_accumulate ? 0 : 1) : RSM_SUCCESS;
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

void rsmg_channel_answered(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to,
                           uint64_t answered)
{
    bool first = false;
    uint32_t count = 0;
    bool some;

    rsmi_lock(&channel->lock);
    channel->unanswered -=
        answered < channel->unanswered ? (uint32_t)answered : channel->unanswered;
    some = take_waiting(channel, &first, &count);
    if (some) {
        channel->unanswered++;
    }
    rsmi_unlock(&channel->lock);
    if (some) {
        (void)send_batch(port, rank, to, first, count);
    }
}

void rsmg_channel_flush(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to)
{
    bool first = false;
    uint32_t count = 0;
    bool some;

    rsmi_lock(&channel->lock);
    some = take_waiting(channel, &first, &count);
    rsmi_unlock(&channel->lock);
    if (some) {
        (void)send_batch(port, rank, to, first, count);
    }
}

void rsmg_channel_taken(rsmg_port_t *port, rsmg_channel_t *channel, int rank, uint64_t to)
{
    rsmg_msg_t msg = {.kind = RSMG_EVENT_ACK, .to = to, .a = ANSWER_EVERY};

    if (++channel->taken >= ANSWER_EVERY) {
        channel->taken = 0;
        (void)rsmg_msg_send(port, rank, RSMG_TAG_AGENT, &msg, NULL, 0);
    }
}
