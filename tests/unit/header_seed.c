/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a program written after Sun's programming guide compiles without a warning.
 * Proves: the guide's spelling of types, members and constants, where it differs from the Solaris
 * headers, and that a request filled by position in the guide's order means what it says. Knows the
 * headers only, under the names that the guide cites; must not call the library.
 */
#include <rsm/rsm_common.h>
#include <rsm/rsmapi.h>

/* The guide's example starts with its own definitions. */
/* clang-format off */
#define RSM_PERM_NONE   0
#define RSM_PERM_READ   0400
#define RSM_PERM_WRITE  0200
#define RSM_PERM_RDWR   (RSM_PERM_READ|RSM_PERM_WRITE)
/* clang-format on */

static void fill_access(rsm_access_entry_t *list, rsm_node_id_t node)
{
    list[0].ae_node = node;
    list[0].ae_permissions = RSM_PERM_RDWR;
}

static void fill_entries(rsm_iovec_t *entry, rsm_localmemory_handle_t local, caddr_t address)
{
    entry[0].io_type = HANDLE;
    entry[0].local.handle = local;
    entry[0].local_offset = 8;
    entry[0].import_segment_offset = 16;
    entry[0].transfer_length = 32;
    entry[1].io_type = VA_IMMEDIATE;
    entry[1].local.virtual_addr = address;
    entry[1].local_offset = 0;
    entry[1].import_segment_offset = 64;
    entry[1].transfer_length = 1;
}

/* A void pointer takes and gives any object pointer without a cast. */
static char *base_of(rsm_localmemory_handle_t local)
{
    char *base = local;
    return base;
}

int main(void)
{
    char memory[64] = {0};
    rsm_access_entry_t list[1];
    rsm_iovec_t entries[2];
    rsm_memseg_import_handle_t segment = 0;
    rsm_scat_gath_t request = {2, 0, RSM_IMPLICIT_SIGPOST, segment, entries, 0};
    rsm_barrier_type_t type = RSM_BAR_DEFAULT;
    rsm_map_attr_t attribute = RSM_MAP_NONE;
    int ok;

    fill_access(list, 1);
    fill_entries(entries, memory, memory);
    ok = list[0].ae_permission == 0600 && entries[0].io_type == RSM_HANDLE_TYPE &&
         entries[1].io_type == RSM_VA_TYPE && entries[1].local.vaddr == memory &&
         entries[0].remote_offset == 16 && base_of(entries[0].local.handle) == memory &&
         request.io_request_count == 2 && request.flags == 1 && request.remote_handle == NULL &&
         request.iovec == entries && (int)type == (int)RSM_BARRIER_SEGMENT && (int)attribute == 0;
    return ok ? 0 : 1;
}
