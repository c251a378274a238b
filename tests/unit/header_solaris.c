/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a program written for Solaris compiles without a warning.
 * Proves: the Solaris spelling of types, members and constants; that Sun's own definitions of the
 * rights, and typedefs of the base types, may stand in the program before and after the header;
 * that a program's own HANDLE survives; that poll's names are visible in strict C11. Knows the
 * headers only; must not call the library, so that nothing needs to be linked. It is compiled a
 * second time with RSM_NO_SEED_NAMES, where access lists and entries are filled by position without
 * a warning.
 */

/* What such programs bring along themselves. */
#define HANDLE 77
typedef unsigned int uint_t;
typedef unsigned long ulong_t;

#include <rsmapi.h>

typedef unsigned char uchar_t;
typedef char *caddr_t;

/* The guide's example repeats these. Only a different token sequence would draw a warning. */
/* clang-format off */
#define RSM_PERM_NONE   0
#define RSM_PERM_READ   0400
#define RSM_PERM_WRITE  0200
#define RSM_PERM_RDWR   (RSM_PERM_READ|RSM_PERM_WRITE)
#define MAXNAMELEN      256
/* clang-format on */

#if HANDLE != 77
#error "the program's HANDLE was replaced"
#endif

#ifdef RSM_NO_SEED_NAMES
#ifdef VA_IMMEDIATE
#error "RSM_NO_SEED_NAMES did not suppress VA_IMMEDIATE"
#endif
static rsmapi_access_entry_t by_position[2] = {{0, 0600}, {1, 0444}};
static rsm_iovec_t entry_by_position = {RSM_VA_TYPE, {NULL}, 0, 64, 0};
#endif

struct side {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t exported;
    rsm_memseg_import_handle_t imported;
    rsm_localmemory_handle_t local;
    rsmapi_barrier_t barrier;
};

static void fill_access(rsmapi_access_entry_t *list, rsm_node_id_t node)
{
    list[0].ae_node = node;
    list[0].ae_permission = RSM_PERM_RDWR;
}

static void fill_entries(rsm_iovec_t *entry, rsm_localmemory_handle_t local, caddr_t address)
{
    entry[0].io_type = RSM_HANDLE_TYPE;
    entry[0].local.handle = local;
    entry[0].local_offset = 8;
    entry[0].remote_offset = 16;
    entry[0].transfer_length = 32;
    entry[1].io_type = RSM_VA_TYPE;
    entry[1].local.vaddr = address;
    entry[1].local_offset = 0;
    entry[1].remote_offset = 64;
    entry[1].transfer_length = 1;
}

static void fill_request(rsm_scat_gath_t *request, rsm_memseg_import_handle_t segment,
                         rsm_iovec_t *entries, ulong_t count)
{
    request->local_nodeid = 0;
    request->io_request_count = count;
    request->io_residual_count = 0;
    request->flags = RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE;
    request->remote_handle = segment;
    request->iovec = entries;
}

static rsm_remote_cntlr_t *first_active(rsm_topology_t *topology)
{
    for (uint_t i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        rsm_connections_t *connection = topology->connections[i];
        for (int k = 0; k < connection->hdr.remote_cntlr_count; k++) {
            if (connection->remote_cntlr[k].connection_state == RSM_CONNECTION_ACTIVE) {
                return &connection->remote_cntlr[k];
            }
        }
    }
    return NULL;
}

static void fill_poll(struct pollfd *wanted, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        wanted[i].fd = -1;
        wanted[i].events = POLLIN | POLLRDNORM;
        wanted[i].revents = 0;
    }
}

/* Every name below has to exist with this type; the arithmetic only keeps them in use. */
static boolean_t all_there(const struct side *side, rsm_barrier_mode_t mode,
                           rsm_barrier_type_t type, rsm_attribute_t attribute, rsm_memseg_id_t id,
                           offset_t offset, uchar_t byte)
{
    void *event = side->imported;

    return side->controller == NULL && side->exported == NULL && side->barrier.seg == NULL &&
                   event == NULL && mode != RSM_BARRIER_MODE_IMPLICIT &&
                   type != RSM_BARRIER_SEGMENT && attribute != RSM_MAP_NONE &&
                   id >= RSM_HPC_ID_BASE && offset < byte
               ? B_TRUE
               : B_FALSE;
}

int main(void)
{
    struct side side = {0};
    rsmapi_access_entry_t list[1];
    rsm_iovec_t entries[2];
    rsm_scat_gath_t request;
    rsm_topology_t topology = {.topology_hdr = {.local_nodeid = 0, .local_cntlr_count = 0}};
    struct pollfd wanted[2];
    char memory[64] = {0};
    boolean_t ok;

    fill_access(list, 1);
    fill_entries(entries, side.local, memory);
    fill_request(&request, side.imported, entries, 2);
    fill_poll(wanted, 2);
    ok = all_there(&side, RSM_BARRIER_MODE_EXPLICIT, RSM_BARRIER_NODE, RSM_MAP_FIXED, 0x400000, -1,
                   0);
    if (first_active(&topology) != NULL || list[0].ae_permission != 0600 ||
        request.io_request_count > RSM_MAX_SGIOREQS || wanted[1].fd != -1) {
        ok = B_FALSE;
    }
#ifdef RSM_NO_SEED_NAMES
    if (by_position[1].ae_permission != 0444 || entry_by_position.remote_offset != 64) {
        ok = B_FALSE;
    }
#endif
    return ok ? 0 : 1;
}
