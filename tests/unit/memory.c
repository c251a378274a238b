/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: asking the kernel whether a range is mapped, and with which rights.
 * Proves: the memory tests behind 10.2 (13), 10.4 (8) and 15.1: holes, missing rights, a hole
 * counting more than a missing right, ranges that wrap, edges to the byte, names of mapped files
 * that are longer than a line buffer.
 * Knows src/memory.h only.
 */
#include "memory.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rsmapi.h"
#include "t.h"

#define PAGE ((size_t)4096)
#define READ RSMI_MEMORY_READ
#define BOTH (RSMI_MEMORY_READ | RSMI_MEMORY_WRITE)

static char *map(size_t pages)
{
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(at != MAP_FAILED);
    return at;
}

static void holes_and_rights(void)
{
    /* 0: no access  1, 2: read, write  3: hole  4: read  5: write only in name  6: no access */
    char *at = map(7);

    t_require_eq(mprotect(at, PAGE, PROT_NONE), 0);
    t_require_eq(munmap(at + 3 * PAGE, PAGE), 0);
    t_require_eq(mprotect(at + 4 * PAGE, PAGE, PROT_READ), 0);
    t_require_eq(mprotect(at + 6 * PAGE, PAGE, PROT_NONE), 0);

    t_expect_code(rsmi_memory_check(at + PAGE, 2 * PAGE, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 2 * PAGE - 1, 2, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 3 * PAGE - 1, 1, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 3 * PAGE - 1, 2, BOTH), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at + 3 * PAGE, 1, BOTH), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at + 4 * PAGE - 1, 1, BOTH), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at + PAGE, 4 * PAGE, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at + 3 * PAGE, 0, BOTH), RSM_SUCCESS);

    t_expect_code(rsmi_memory_check(at + 4 * PAGE, PAGE, READ), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 4 * PAGE, PAGE, BOTH), RSMERR_PERM_DENIED);
    t_expect_code(rsmi_memory_check(at + 4 * PAGE, 2 * PAGE, RSMI_MEMORY_WRITE),
                  RSMERR_PERM_DENIED);
    t_expect_code(rsmi_memory_check(at + 4 * PAGE, 2 * PAGE, READ), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 5 * PAGE, PAGE, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 5 * PAGE, PAGE + 1, READ), RSMERR_PERM_DENIED);
    t_expect_code(rsmi_memory_check(at, 1, READ), RSMERR_PERM_DENIED);
    t_expect_code(rsmi_memory_check(at, 1, 0), RSM_SUCCESS);
    /* No access first, then a hole: the hole decides. */
    t_expect_code(rsmi_memory_check(at, 4 * PAGE, BOTH), RSMERR_BAD_ADDR);
    t_require_eq(munmap(at, 7 * PAGE), 0);
    t_expect_code(rsmi_memory_check(at + PAGE, 1, READ), RSMERR_BAD_ADDR);
}

static void wraps(void)
{
    char *at = map(1);
    uintptr_t start = (uintptr_t)at;

    t_expect_code(rsmi_memory_check(at, SIZE_MAX, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at, SIZE_MAX - start, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at, SIZE_MAX - start + 1, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at, SIZE_MAX - start + 2, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(at + 1, SIZE_MAX, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check((void *)UINTPTR_MAX, 1, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check((void *)(UINTPTR_MAX - 4095), 4096, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(NULL, 1, READ), RSMERR_BAD_ADDR);
    t_expect_code(rsmi_memory_check(NULL, SIZE_MAX, READ), RSMERR_BAD_ADDR);
    t_require_eq(munmap(at, PAGE), 0);
}

static const int constant = 4711;

static void usual_places(void)
{
    int local = 0;

    t_expect_code(rsmi_memory_check(&local, sizeof local, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(&constant, sizeof constant, READ), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(&constant, sizeof constant, BOTH), RSMERR_PERM_DENIED);
}

/** A mapped file whose name fills several line buffers, with plain memory above and below it. */
static void long_names(void)
{
    char start[] = "/tmp/rsm-memory-XXXXXX";
    char part[201];
    char *at = map(3);
    int depth = 0;
    int fd;

    t_require(mkdtemp(start) != NULL);
    t_require_eq(chdir(start), 0);
    memset(part, 'd', sizeof part - 1);
    part[sizeof part - 1] = '\0';
    for (; depth < 12; depth++) {
        t_require_eq(mkdir(part, 0700), 0);
        t_require_eq(chdir(part), 0);
    }
    fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    t_require(fd >= 0);
    t_require_eq(ftruncate(fd, (off_t)PAGE), 0);
    t_require(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == at + PAGE);
    t_expect_code(rsmi_memory_check(at, 3 * PAGE, READ), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at, 3 * PAGE, BOTH), RSMERR_PERM_DENIED);
    t_expect_code(rsmi_memory_check(at, PAGE, BOTH), RSM_SUCCESS);
    t_expect_code(rsmi_memory_check(at + 2 * PAGE, PAGE, BOTH), RSM_SUCCESS);
    t_require_eq(munmap(at + 2 * PAGE, PAGE), 0);
    t_expect_code(rsmi_memory_check(at, 3 * PAGE, READ), RSMERR_BAD_ADDR);
    t_require_eq(munmap(at, 2 * PAGE), 0);
    (void)close(fd);
    (void)unlink("file");
    for (; depth > 0; depth--) {
        t_require_eq(chdir(".."), 0);
        (void)rmdir(part);
    }
    t_require_eq(chdir("/"), 0);
    t_expect_eq(rmdir(start), 0);
}

int main(void)
{
    t_watchdog(30);
    holes_and_rights();
    wraps();
    usual_places();
    long_names();
    return t_finish();
}
