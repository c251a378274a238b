/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers: MPI_Put, MPI_Get and MPI_Win_flush on the connection's window, nothing else. Ranges
 * were checked by the core; what is left is that MPI counts are int, and that some transports need
 * the exporter to look (README.md, "Hot and cold").
 */
#include "check.h"
#include "nap.h"
#include "port.h"
#include "rsmapi.h"

#define EXPORTER_RANK 1        /* in the pair's communicator */
#define PIECE_MAX (1UL << 30)  /* bytes per MPI call */
#define TELL_EVERY_NS 1000000U /* how often a transferring importer tells the exporter so */

/** Tell the exporter to stay hot, if it has not been told lately. */
static void tell(rsmg_mpi_conn_t *conn, _Atomic uint64_t *told)
{
    uint64_t now = rsmi_now();
    rsmg_msg_t msg = {.kind = RSMG_HOT};

    if (now - atomic_load_explicit(told, memory_order_relaxed) < TELL_EVERY_NS) {
        return;
    }
    atomic_store_explicit(told, now, memory_order_relaxed);
    /* Lost for want of memory, the transfer is slower, not wrong. */
    (void)rsmg_msg_send(conn->port, conn->exporter, RSMG_TAG_AGENT, &msg, NULL, 0);
}

int rsmg_put(rsmg_conn_t *base, uint64_t offset, const void *src, size_t len)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;
    const char *from = src;

    RSMI_CHECK(!atomic_load_explicit(&conn->port->ended, memory_order_relaxed),
               RSMERR_CONN_ABORTED);
    while (len > 0) {
        size_t piece = len < PIECE_MAX ? len : PIECE_MAX;
        int rc = MPI_Put(from, (int)piece, MPI_BYTE, EXPORTER_RANK, (MPI_Aint)offset, (int)piece,
                         MPI_BYTE, conn->window.win);

        RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_transfer(rc));
        from += piece;
        offset += piece;
        len -= piece;
    }
    return RSM_SUCCESS;
}

int rsmg_get(rsmg_conn_t *base, uint64_t offset, void *dst, size_t len)
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;
    char *to = dst;

    RSMI_CHECK(!atomic_load_explicit(&conn->port->ended, memory_order_relaxed),
               RSMERR_CONN_ABORTED);
    while (len > 0) {
        size_t piece = len < PIECE_MAX ? len : PIECE_MAX;
        int rc = MPI_Get(to, (int)piece, MPI_BYTE, EXPORTER_RANK, (MPI_Aint)offset, (int)piece,
                         MPI_BYTE, conn->window.win);

        RSMI_CHECK(rc == MPI_SUCCESS, rsmg_code_of_transfer(rc));
        to += piece;
        offset += piece;
        len -= piece;
    }
    return RSM_SUCCESS;
}

/** A free place among those who wait; -1: none, and then nobody renews what we told. */
static int take_slot(rsmg_mpi_conn_t *conn)
{
    for (int i = 0; i < RSMG_FLUSH_SLOTS; i++) {
        int none = 0;

        if (atomic_compare_exchange_strong(&conn->port->flushing[i].exporter, &none,
                                           conn->exporter + 1)) {
            return i;
        }
    }
    return -1;
}

static inline int flush(rsmg_conn_t *base, int (*mpi_flush)(int rank, MPI_Win win))
{
    rsmg_mpi_conn_t *conn = (rsmg_mpi_conn_t *)base;
    int slot;
    int rc;

    RSMI_CHECK(!atomic_load_explicit(&conn->port->ended, memory_order_relaxed),
               RSMERR_CONN_ABORTED);
    if (!conn->sleepy) {
        return rsmg_code_of_transfer(mpi_flush(EXPORTER_RANK, conn->window.win));
    }
    /* The exporter is told now; while this thread is inside MPI, our agent tells it again. */
    tell(conn, &conn->told);
    slot = take_slot(conn);
    if (slot >= 0) {
        atomic_store_explicit(&conn->port->flushing[slot].told, rsmi_now(), memory_order_relaxed);
    }
    rc = mpi_flush(EXPORTER_RANK, conn->window.win);
    if (slot >= 0) {
        atomic_store(&conn->port->flushing[slot].exporter, 0);
    }
    return rsmg_code_of_transfer(rc);
}

int rsmg_flush(rsmg_conn_t *conn)
{
    return flush(conn, MPI_Win_flush);
}

int rsmg_flush_local(rsmg_conn_t *conn)
{
    return flush(conn, MPI_Win_flush_local);
}
