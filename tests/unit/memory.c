/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: asking the kernel whether a range is mapped, and with which rights; remembering what
 * it said.
 * Proves: the memory tests behind 10.2 (13), 10.4 (8), 14.5 and 15.1: holes, missing rights, a hole
 * counting more than a missing right, ranges that wrap, edges to the byte, names of mapped files
 * that are longer than a line buffer.
 * Knows src/memory.h only.
 */
#include "memory.h"

#include <fcntl.h>
#include <pthread.h>
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

/* ---- What is remembered ------------------------------------------------------------------ */

static bool known(const void *address, size_t len, int want)
{
    bool once = rsmi_memory_known(address, len, want);

    t_expect_eq(rsmi_memory_known(address, len, want), once); /* remembered, or not: the same */
    return once;
}

static void remembered(void)
{
    /* 0, 1: read, write  2: read  3, 4: read, write  5: no access  6: hole */
    char *at = map(7);
    char *fresh;

    t_note("remembered");
    t_require_eq(mprotect(at + 2 * PAGE, PAGE, PROT_READ), 0);
    t_require_eq(mprotect(at + 5 * PAGE, PAGE, PROT_NONE), 0);
    t_require_eq(munmap(at + 6 * PAGE, PAGE), 0);
    for (unsigned again = 0; again < 2; again++) {
        t_expect(known(at, 2 * PAGE, BOTH));
        t_expect(known(at + 2 * PAGE - 1, 1, BOTH));
        t_expect(!known(at + 2 * PAGE - 1, 2, BOTH));
        t_expect(known(at + 2 * PAGE - 1, 2, READ));
        t_expect(known(at, 5 * PAGE, READ)); /* across ranges of different rights */
        t_expect(!known(at, 5 * PAGE, RSMI_MEMORY_WRITE));
        t_expect(known(at + 2 * PAGE, PAGE, READ));
        t_expect(!known(at + 2 * PAGE, PAGE, RSMI_MEMORY_WRITE));
        t_expect(known(at + 3 * PAGE, 2 * PAGE, BOTH));
        t_expect(!known(at + 3 * PAGE, 2 * PAGE + 1, READ));
        t_expect(!known(at + 5 * PAGE, 1, READ));
        t_expect(!known(at + 6 * PAGE, 1, READ));
        t_expect(!known(at, 7 * PAGE, READ));
        t_expect(known(at + 6 * PAGE, 0, BOTH)); /* nothing of it is touched */
        t_expect(!known(NULL, 1, READ));
        t_expect(!known(NULL, SIZE_MAX, READ));
        t_expect(!known(at, SIZE_MAX, READ));
        t_expect(!known(at, SIZE_MAX - (uintptr_t)at, READ));
        t_expect(!known(at + 1, SIZE_MAX - (uintptr_t)at, READ)); /* wraps to 0 */
        t_expect(!known((void *)UINTPTR_MAX, 1, READ));
        t_expect(!known((void *)UINTPTR_MAX, 2, READ));
    }
    t_note("what is new, or has got more rights, is found");
    t_require_eq(mprotect(at + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
    t_expect(known(at, 5 * PAGE, BOTH));
    t_require_eq(mprotect(at + 5 * PAGE, PAGE, PROT_READ), 0);
    t_expect(known(at, 6 * PAGE, READ));
    fresh = map(100);
    t_expect(known(fresh, 100 * PAGE, BOTH));
    t_expect(known(&fresh, sizeof fresh, BOTH));
    t_require_eq(munmap(fresh, 100 * PAGE), 0);
    t_require_eq(munmap(at, 6 * PAGE), 0);
}

#define ISLANDS 100U

/** More mappings than are remembered, asked about from several threads. */
static char *sea;

static void *visit(void *arg)
{
    unsigned step = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < ISLANDS; i++) {
        char *island = sea + 2 * PAGE * (i * step % ISLANDS);

        t_expect(rsmi_memory_known(island, PAGE, BOTH));
        if (i % 64 == 0) {
            char *fresh = map(1);

            t_expect(!rsmi_memory_known(island, PAGE + 1, READ)); /* looks anew each time */
            t_expect(rsmi_memory_known(fresh, PAGE, BOTH));
            t_require_eq(munmap(fresh, PAGE), 0);
        }
    }
    return NULL;
}

static void many_ranges(void)
{
    static const unsigned steps[] = {1, 3, 11}; /* no common divisor with ISLANDS */
    pthread_t threads[3];

    t_note("many ranges");
    sea = map(2 * (size_t)ISLANDS);
    for (unsigned i = 0; i < ISLANDS; i++) {
        t_require_eq(mprotect(sea + (2 * (size_t)i + 1) * PAGE, PAGE, PROT_NONE), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, visit, (void *)(uintptr_t)steps[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_require_eq(munmap(sea, 2 * (size_t)ISLANDS * PAGE), 0);
}

int main(void)
{
    t_watchdog(30);
    holes_and_rights();
    wraps();
    usual_places();
    long_names();
    remembered();
    many_ranges();
    return t_finish();
}
