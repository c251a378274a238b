/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control messages. All go to the receiver's agent on one tag, so they arrive in the order in
 * which a thread sent them; only replies go to the asking thread, on a tag it chose. Nothing here
 * blocks in MPI: sends are non-blocking and kept until MPI has finished them, and whoever waits
 * for a reply polls and yields, so that the progress engine runs.
 */
#include <sched.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "nap.h"
#include "port.h"
#include "rsmapi.h"

/* A reply comes within microseconds of an awake agent and within a nap of a sleeping one. */
#define SPINS 1000U
#define NAP_NS 50000U

int rsmg_msg_send(rsmg_port_t *port, int rank, int tag, const rsmg_msg_t *msg, const void *payload,
                  size_t payload_len)
{
    size_t len = sizeof *msg + payload_len;
    rsmg_send_t *send = rsmi_alloc(sizeof *send + len);
    int done = 0;
    int rc;

    if (send == NULL) {
        /* Somebody waits for this message with a token in hand. Without groups it is short: MPI
         * takes it at once, whether or not it is expected. */
        RSMI_CHECK(payload_len == 0, RSMERR_INSUFFICIENT_MEM);
        rc = MPI_Send(msg, (int)sizeof *msg, MPI_BYTE, rank, tag, port->comm);
        RSMI_CHECK(rc == MPI_SUCCESS, RSMERR_REMOTE_NODE_UNREACHABLE);
        return RSM_SUCCESS;
    }
    memcpy(send->bytes, msg, sizeof *msg);
    if (payload_len > 0) {
        memcpy(send->bytes + sizeof *msg, payload, payload_len);
    }
    rc = MPI_Isend(send->bytes, (int)len, MPI_BYTE, rank, tag, port->comm, &send->request);
    if (rc == MPI_SUCCESS) {
        rc = MPI_Test(&send->request, &done, MPI_STATUS_IGNORE);
    }
    if (rc != MPI_SUCCESS) {
        rsmi_free(send);
        (void)rsmg_code_of_transfer(rc);
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    if (done) {
        rsmi_free(send);
        return RSM_SUCCESS;
    }
    rsmi_lock(&port->sends_lock);
    send->next = port->sends;
    port->sends = send;
    rsmi_unlock(&port->sends_lock);
    return RSM_SUCCESS;
}

void rsmg_msg_reap(rsmg_port_t *port)
{
    rsmg_send_t *all;
    rsmg_send_t *next;
    rsmg_send_t *left = NULL;

    rsmi_lock(&port->sends_lock);
    all = port->sends;
    port->sends = NULL;
    rsmi_unlock(&port->sends_lock);
    for (; all != NULL; all = next) {
        int done = 0;

        next = all->next;
        if (MPI_Test(&all->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done) {
            rsmi_free(all);
        } else {
            all->next = left;
            left = all;
        }
    }
    if (left == NULL) {
        return;
    }
    rsmi_lock(&port->sends_lock);
    while (left != NULL) {
        next = left->next;
        left->next = port->sends;
        port->sends = left;
        left = next;
    }
    rsmi_unlock(&port->sends_lock);
}

bool rsmg_msg_idle(rsmg_port_t *port)
{
    bool idle;

    rsmi_lock(&port->sends_lock);
    idle = port->sends == NULL;
    rsmi_unlock(&port->sends_lock);
    return idle;
}

/** A tag that no other thread uses now; -1: all are taken. */
static int take_tag(rsmg_port_t *port)
{
    uint64_t used = atomic_load(&port->reply_tags);

    while (used != UINT64_MAX) {
        int bit = __builtin_ctzll(~used);

        if (atomic_compare_exchange_weak(&port->reply_tags, &used, used | (UINT64_C(1) << bit))) {
            return RSMG_TAG_REPLY + bit;
        }
    }
    return -1;
}

static void give_tag(rsmg_port_t *port, int tag)
{
    atomic_fetch_and(&port->reply_tags, ~(UINT64_C(1) << (tag - RSMG_TAG_REPLY)));
}

int rsmg_msg_ask(rsmg_port_t *port, int rank, rsmg_msg_t *msg, const void *payload,
                 size_t payload_len, rsmg_msg_t *reply_p, rsmi_interrupt_t *intr)
{
    MPI_Request request;
    unsigned spins = 0;
    int done = 0;
    int tag;
    int rc;

    while ((tag = take_tag(port)) < 0) {
        (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + NAP_NS);
    }
    msg->reply_tag = (uint32_t)tag;
    rc = MPI_Irecv(reply_p, sizeof *reply_p, MPI_BYTE, rank, tag, port->comm, &request);
    if (rc != MPI_SUCCESS) {
        give_tag(port, tag);
        (void)rsmg_code_of_transfer(rc);
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }
    rc = rsmg_msg_send(port, rank, RSMG_TAG_AGENT, msg, payload, payload_len);
    if (rc != RSM_SUCCESS) {
        (void)MPI_Cancel(&request);
        (void)MPI_Wait(&request, MPI_STATUS_IGNORE);
        give_tag(port, tag);
        return rc;
    }
    while (rc == MPI_SUCCESS && !done) {
        rc = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (rc == MPI_SUCCESS && !done) {
            if (spins < SPINS) {
                spins++;
                (void)sched_yield();
            } else {
                (void)rsmi_interrupt_sleep(intr, -1, rsmi_now() + NAP_NS);
            }
        }
    }
    give_tag(port, tag);
    if (rc != MPI_SUCCESS) {
        (void)rsmg_code_of_transfer(rc);
        return RSMERR_CONN_ABORTED;
    }
    return RSM_SUCCESS;
}
