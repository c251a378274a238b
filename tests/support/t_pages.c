/* SPDX-License-Identifier: BSD-3-Clause */
/* See t_pages.h. */
#include "t_pages.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t.h"

/** Note that the mapping [low, high) is locked. */
static void note_locked(const void *base, size_t pages, uintptr_t low, uintptr_t high, bool *locked)
{
    for (size_t i = 0; i < pages; i++) {
        uintptr_t at = (uintptr_t)base + i * T_PAGE;

        locked[i] = locked[i] || (at >= low && at < high);
    }
}

void t_pages_locked(const void *base, size_t pages, bool *locked)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    uintptr_t low = 0;
    uintptr_t high = 0;
    size_t flag_lines = 0;
    char line[1024];

    t_require(smaps != NULL);
    memset(locked, 0, pages * sizeof *locked);
    while (fgets(line, sizeof line, smaps) != NULL) {
        uintptr_t from;
        uintptr_t to;

        if (strncmp(line, "VmFlags:", 8) == 0) {
            flag_lines++;
            if (strstr(line, " lo ") != NULL || strstr(line, " lo\n") != NULL) {
                note_locked(base, pages, low, high, locked);
            }
        } else if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
            low = from;
            high = to;
        }
    }
    (void)fclose(smaps);
    t_require(flag_lines > 0); /* else the kernel does not tell, and nothing here is a test */
}

size_t t_pages_count_locked(const void *base, size_t pages)
{
    bool locked[256];
    size_t sum = 0;

    t_require(pages <= sizeof locked / sizeof locked[0]);
    t_pages_locked(base, pages, locked);
    for (size_t i = 0; i < pages; i++) {
        sum += locked[i];
    }
    return sum;
}

size_t t_pages_count_present(const void *base, size_t pages)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    size_t sum = 0;

    t_require(fd >= 0);
    for (size_t i = 0; i < pages; i++) {
        uint64_t entry = 0;
        off_t at = (off_t)(((uintptr_t)base / T_PAGE + i) * sizeof entry);

        t_require_eq(pread(fd, &entry, sizeof entry, at), (ssize_t)sizeof entry);
        sum += (size_t)(entry >> 63);
    }
    (void)close(fd);
    return sum;
}

size_t t_pages_locked_in_all(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    unsigned long kib = 0;
    bool found = false;
    char line[256];

    t_require(status != NULL);
    while (!found && fgets(line, sizeof line, status) != NULL) {
        found = sscanf(line, "VmLck: %lu kB", &kib) == 1;
    }
    (void)fclose(status);
    t_require(found);
    return kib * 1024 / T_PAGE;
}

bool t_pages_lock(const void *base, size_t pages)
{
    return syscall(SYS_mlock, base, pages * T_PAGE) == 0;
}

bool t_pages_unlock(const void *base, size_t pages)
{
    return syscall(SYS_munlock, base, pages * T_PAGE) == 0;
}

char *t_pages_map(size_t pages)
{
    char *at =
        mmap(NULL, pages * T_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    t_require(at != MAP_FAILED);
    t_require_eq(sysconf(_SC_PAGESIZE), (long)T_PAGE);
    return at;
}

char *t_pages_map_file(void *at, size_t pages, size_t in_file, int prot, int flags)
{
    int fd = memfd_create("rsm-test", MFD_CLOEXEC);
    char *mapped;

    t_require(fd >= 0);
    t_require_eq(ftruncate(fd, (off_t)(in_file * T_PAGE)), 0);
    for (size_t i = 0; i < in_file * T_PAGE; i += T_PAGE) {
        t_require_eq(pwrite(fd, "file", 4, (off_t)i), 4);
    }
    mapped = mmap(at, pages * T_PAGE, prot, flags | (at != NULL ? MAP_FIXED : 0), fd, 0);
    t_require(mapped != MAP_FAILED);
    (void)close(fd);
    return mapped;
}
