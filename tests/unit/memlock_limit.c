/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: local memory handles where the system does not let pages be locked: the whole test
 * runs as an ordinary user with RLIMIT_MEMLOCK at 0, and at four pages.
 * Proves: 15.1 and include/rsmapi.h: pages are touched instead and the handle works;
 * RSM_STRICT_MEMLOCK=1 refuses, and leaves nothing locked and the variable as it was.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "fake_glue.h"
#include "handle.h"
#include "page_lock.h"
#include "t.h"
#include "t_pages.h"

#define ID 0x400070U
#define LIMIT 4U /* pages, at most */

static const rsm_localmemory_handle_t untouched = (rsm_localmemory_handle_t)0x1234;

static void set_limit(size_t pages)
{
    struct rlimit limit = {pages * T_PAGE, LIMIT * T_PAGE};

    t_require_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/** Be somebody whom the limit binds. */
static void become_ordinary(void)
{
    struct rlimit limit;
    char *page;

    t_require_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() != 0 && limit.rlim_max < LIMIT * T_PAGE) {
        t_skip("RLIMIT_MEMLOCK cannot be raised to four pages");
    }
    set_limit(0);
    if (geteuid() == 0 && setuid(65534) != 0) {
        t_skip("cannot become an ordinary user");
    }
    (void)prctl(PR_SET_DUMPABLE, 1); /* without it /proc/self is root's */
    page = t_pages_map(1);
    if (t_pages_lock(page, 1)) {
        t_skip("RLIMIT_MEMLOCK does not bind this user");
    }
    t_require_eq(munmap(page, T_PAGE), 0);
}

static rsm_localmemory_handle_t create(void *at, size_t length, int want)
{
    rsm_localmemory_handle_t handle = untouched;

    t_expect_code(rsm_create_localmemory_handle(fake_ctl, &handle, at, length), want);
    if (want != RSM_SUCCESS) {
        t_expect_eq(handle, untouched);
    }
    return handle;
}

static void release(rsm_localmemory_handle_t handle)
{
    t_expect_ok(rsm_free_localmemory_handle(fake_ctl, handle));
}

/* ---- Touched instead --------------------------------------------------------------------- */

static void module(void)
{
    char *at = t_pages_map(3);

    t_note("the module");
    t_expect_code(rsmi_page_lock(at, 3 * T_PAGE), RSMERR_INSUFFICIENT_RESOURCES);
    t_expect_eq(t_pages_locked_in_all(), 0);
    t_expect_eq(rsmi_page_lock_ranges(), 0);
    t_expect_eq(t_pages_count_present(at, 3), 0);
    rsmi_page_touch(at, 3 * T_PAGE);
    t_expect_eq(t_pages_count_present(at, 3), 3);
    t_require_eq(munmap(at, 3 * T_PAGE), 0);
}

static void touched(void)
{
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    rsm_localmemory_handle_t handle;
    rsm_iovec_t entry;
    char *target = fake_pages(1);
    char *at = t_pages_map(8);

    t_note("touched");
    handle = create(at, 5 * T_PAGE + 1, RSM_SUCCESS);
    t_expect_eq(t_pages_count_present(at, 8), 6);
    t_expect_eq(t_pages_locked_in_all(), 0);

    t_note("and works");
    seg = fake_export(target, T_PAGE, ID);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    at[5 * T_PAGE] = 'x';
    entry = fake_lh(handle, 5 * T_PAGE, 10, 1);
    t_expect_ok(fake_putv(imp, &entry, 1, 0, NULL));
    t_expect_eq(target[10], 'x');
    entry = fake_lh(handle, 5 * T_PAGE, 10, 2);
    t_expect_code(fake_putv(imp, &entry, 1, 0, NULL), RSMERR_BAD_LENGTH);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_export_destroy(seg));
    release(handle);

    t_note("a page beyond the end of its file");
    (void)t_pages_map_file(at, 3, 1, PROT_READ, MAP_SHARED);
    handle = create(at, 8 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_count_present(at, 8), 6);
    release(handle);
    t_require_eq(munmap(at, 8 * T_PAGE), 0);
    fake_pages_free(target, 1);
}

static void within_limits(void)
{
    char *at = t_pages_map(8);
    rsm_localmemory_handle_t a;
    rsm_localmemory_handle_t b;
    rsm_localmemory_handle_t c;

    t_note("the limit is raised: what comes then is locked");
    a = create(at, 4 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_locked_in_all(), 0);
    set_limit(LIMIT);
    b = create(at + T_PAGE, 2 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_count_locked(at + T_PAGE, 2), 2);
    t_expect_eq(t_pages_locked_in_all(), 2);

    t_note("too much: nothing of it is locked, and nothing unlocked");
    c = create(at, 5 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_count_locked(at + T_PAGE, 2), 2);
    t_expect_eq(t_pages_locked_in_all(), 2);
    t_expect_eq(t_pages_count_present(at, 5), 5);
    release(c);
    t_expect_eq(t_pages_locked_in_all(), 2);
    release(a); /* was not counted */
    t_expect_eq(t_pages_locked_in_all(), 2);

    t_note("what is locked already is not counted twice");
    c = create(at, 4 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_locked_in_all(), 4);
    release(b);
    t_expect_eq(t_pages_locked_in_all(), 4);
    release(c);
    t_expect_eq(t_pages_locked_in_all(), 0);
    set_limit(0);
    t_require_eq(munmap(at, 8 * T_PAGE), 0);
}

/* ---- Refused ----------------------------------------------------------------------------- */

static void strict(void *arg)
{
    long blocks;
    char *at;
    rsm_localmemory_handle_t handle;

    (void)arg;
    t_require_eq(setenv("RSM_STRICT_MEMLOCK", "1", 1), 0);
    fake_begin();
    at = t_pages_map(8);
    blocks = rsmi_alloc_live();

    t_note("strict");
    (void)create(at, T_PAGE, RSMERR_INSUFFICIENT_MEM);
    (void)create(at, 1, RSMERR_INSUFFICIENT_MEM);
    (void)create(at, 0, RSMERR_BAD_LENGTH);
    t_expect_eq(t_pages_count_present(at, 8), 0);
    t_expect_eq(t_pages_locked_in_all(), 0);
    t_expect_eq(rsmi_alloc_live(), blocks);
    fake_expect_clean();

    t_note("strict, within the limit and beyond");
    set_limit(LIMIT);
    handle = create(at + T_PAGE, 2 * T_PAGE, RSM_SUCCESS);
    t_expect_eq(t_pages_count_locked(at + T_PAGE, 2), 2);
    (void)create(at, 5 * T_PAGE, RSMERR_INSUFFICIENT_MEM);
    t_expect_eq(t_pages_count_locked(at + T_PAGE, 2), 2);
    t_expect_eq(t_pages_locked_in_all(), 2);
    release(handle);
    t_expect_eq(t_pages_locked_in_all(), 0);
    t_require_eq(munmap(at, 8 * T_PAGE), 0);
    (void)fake_finish();
}

int main(void)
{
    t_watchdog(60);
    become_ordinary();
    (void)unsetenv("RSM_STRICT_MEMLOCK");
    /* A process of its own, before this one reads the settings. */
    t_expect(fake_in_child(strict, NULL));
    fake_begin();
    module();
    touched();
    within_limits();
    return fake_finish();
}
