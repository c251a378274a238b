/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the public headers are C++ as well.
 * Proves: compiled with T_HEADER set to one header's name in angle brackets, that this header
 * stands alone; compiled without, that all of them together, in any order, give types that C++ can
 * use and functions with C linkage. Knows the headers only; must not call the library: compiling is
 * the test.
 */
#ifdef T_HEADER

#include T_HEADER

/* The least that each header promises. */
static rsm_memseg_id_t id = RSM_HPC_ID_BASE;

int main()
{
    return id == 0x400000 && RSMERR_BAD_ADDR == 16 ? 0 : 1;
}

#else

#include <rsm/rsmapi_common.h>

#include <rsm/rsm_common.h>

#include <sys/rsm/rsmapi_common.h>

#include <rsmapi.h>

#include <rsm/rsmapi.h>

#include <sys/rsm/rsm_common.h>

#include <type_traits>

static_assert(std::is_same<decltype(&rsm_intr_signal_post), int (*)(void *, uint_t)>::value,
              "post takes Sun's types");
static_assert(std::is_same<rsm_access_entry_t, rsmapi_access_entry_t>::value,
              "one type, two names");
static_assert(std::is_standard_layout<rsm_iovec_t>::value, "entries are plain data");
static_assert(std::is_trivial<rsm_scat_gath_t>::value, "requests are plain data");
static_assert(sizeof(rsm_barrier_t) == 32, "a plug-in's barrier is 32 bytes");

/* Declared twice with C linkage: a header without it would make this a different function. */
extern "C" int rsm_memseg_import_putv(rsm_scat_gath_t *sg_io);

int main()
{
    char memory[8] = {};
    rsmapi_controller_handle_t controller = nullptr;
    rsm_memseg_import_handle_t segment = 0;
    rsm_iovec_t entry = {};
    rsm_scat_gath_t request = {};
    rsmapi_access_entry_t access = {};
    rsmapi_barrier_t barrier = {};
    struct pollfd wanted = {-1, POLLRDNORM, 0};

    entry.io_type = VA_IMMEDIATE;
    entry.local.virtual_addr = memory;
    entry.remote_offset = 3;
    request.remote_handle = segment;
    request.iovec = &entry;
    access.ae_permissions = RSM_PERM_RDWR;
    return entry.local.vaddr == memory && entry.import_segment_offset == 3 &&
                   access.ae_permission == 0600 && request.iovec->io_type == RSM_VA_TYPE &&
                   controller == nullptr && barrier.seg == nullptr && wanted.fd == -1
               ? 0
               : 1;
}

#endif
