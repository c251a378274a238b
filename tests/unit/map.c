/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: mappings of import handles: check order on paths that map and that do not, what is
 * mapped where with which protection, one per handle, what it blocks, cuts, rebind, threads.
 * Proves: 12.1 and 12.2 as design 2 "Map" completes them, 11.1 to 11.3, 18.2, 19.3, 19.4, M3;
 * statements 24, 41 and 42, 53 for map.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fake_glue.h"
#include "handle.h"
#include "t.h"

#define ID 0x400250U
#define PAGES 4U
#define SIZE ((size_t)PAGES * FAKE_PAGE)

static char *memory;
static rsm_memseg_export_handle_t seg;

static char *shared_pages(char letter)
{
    char *made = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    t_require(made != MAP_FAILED);
    for (size_t i = 0; i < SIZE; i++) {
        made[i] = (char)(letter + (char)(i / FAKE_PAGE));
    }
    return made;
}

/** A segment of shared memory over a path that maps. */
static void begin(const char *what)
{
    rsm_memseg_id_t id = ID;

    t_note("%s", what);
    fake_reset();
    fake_set_mappable(true);
    memory = shared_pages('a');
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, SIZE, RSM_ALLOW_REBIND));
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
}

static void end(void)
{
    t_expect_ok(rsm_memseg_export_destroy(seg));
    t_expect_eq(munmap(memory, SIZE), 0);
    fake_expect_clean();
}

static int map(rsm_memseg_import_handle_t imp, void **address, rsm_permission_t perm, off_t offset,
               size_t length)
{
    return rsm_memseg_import_map(imp, address, RSM_MAP_NONE, perm, offset, length);
}

/** The rights of the mapping that holds `at`, as the kernel prints them; "": none. */
static const char *rights_at(const void *at)
{
    static char rights[5];
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    bool found = false;

    t_require(maps != NULL);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t low;
        uintptr_t high;

        found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &low, &high, rights) == 3 &&
                (uintptr_t)at >= low && (uintptr_t)at < high;
    }
    (void)fclose(maps);
    return found ? rights : "";
}

/* ---- The order of the checks ------------------------------------------------------------- */

/** Every mistake from step k on at once; the code is that of step k. `last`: where all is well. */
static void check_order(rsm_node_id_t node, bool mappable, int last)
{
    rsm_memseg_import_handle_t imp;
    rsm_memseg_id_t id = ID;
    char *odd = memory;
    void *kept;
    void *at;

    begin("order");
    t_note("order, node %u, mappable %d", node, mappable);
    fake_set_mappable(mappable);
    odd = memory + 1;
    at = odd;
    imp = fake_import(node, ID, RSM_PERM_READ);
    t_expect_code(rsm_memseg_import_map(NULL, NULL, RSM_MAP_FIXED, 0777, -1, 0),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_map((void *)seg, &at, RSM_MAP_FIXED, 0777, -1, 0),
                  RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_map(imp, NULL, RSM_MAP_FIXED, 0777, -1, 0), RSMERR_BAD_ADDR);
    if (last == RSM_SUCCESS) {
        kept = NULL;
        t_require_ok(map(imp, &kept, RSM_PERM_READ, 0, 1));
        t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, 0777, -1, 0),
                      RSMERR_SEG_ALREADY_MAPPED);
        t_expect_ok(rsm_memseg_export_unpublish(seg));
        t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, 0777, -1, 0),
                      RSMERR_SEG_ALREADY_MAPPED);
        t_expect_ok(rsm_memseg_import_unmap(imp));
    } else {
        t_expect_ok(rsm_memseg_export_unpublish(seg));
    }
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, 0777, -1, 0), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, 0777, -1, 0), RSMERR_BAD_SEG_HNDL);
    t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));

    imp = fake_import(node, ID, RSM_PERM_READ);
    for (unsigned bit = 0; bit < 32; bit++) { /* not only above 0600: 0100 has no meaning either */
        rsm_permission_t perm = RSM_PERM_WRITE | 1U << bit;

        if ((1U << bit & RSM_PERM_RDWR) == 0) {
            t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, perm, -1, 0),
                          RSMERR_BAD_PERMS);
        }
    }
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, -1, 0),
                  RSMERR_BAD_LENGTH);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, -1, SIZE_MAX),
                  RSMERR_BAD_OFFSET);
    t_expect_code(
        rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, INT64_MIN, SIZE_MAX),
        RSMERR_BAD_OFFSET);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, 1, SIZE),
                  RSMERR_BAD_LENGTH);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, 1, SIZE_MAX),
                  RSMERR_BAD_LENGTH);
    t_expect_code(
        rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, (off_t)SIZE + 1, 1),
        RSMERR_BAD_LENGTH);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, (off_t)SIZE, 1),
                  RSMERR_BAD_LENGTH);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, INT64_MAX, 1),
                  RSMERR_BAD_LENGTH);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, 1, SIZE - 1),
                  RSMERR_BAD_MEM_ALIGNMENT);
    t_expect_code(rsm_memseg_import_map(imp, &at, RSM_MAP_FIXED, RSM_PERM_WRITE, 0, SIZE),
                  RSMERR_BAD_MEM_ALIGNMENT); /* of *address */
    fake_fail(FAKE_MAP, 1, RSMERR_INSUFFICIENT_RESOURCES);
    t_expect_code(map(imp, &at, RSM_PERM_WRITE, 0, SIZE), RSMERR_BAD_PERMS);
    t_expect_code(map(imp, &at, RSM_PERM_RDWR, 0, SIZE), RSMERR_BAD_PERMS);
    if (node != 0) {
        t_expect_code(map(imp, &at, RSM_PERM_READ, 0, SIZE), RSMERR_INSUFFICIENT_RESOURCES);
    }
    t_expect_eq(fake_fail_pending(), node == 0);
    t_expect_eq((char *)at, odd); /* written on success only */
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED);
    t_expect_code(map(imp, &at, RSM_PERM_READ, 0, SIZE), last);
    if (last == RSM_SUCCESS) {
        t_expect_ok(rsm_memseg_import_unmap(imp));
    } else {
        t_expect_eq((char *)at, odd);
    }
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_unmap(NULL), RSMERR_BAD_SEG_HNDL);
    end();
}

/* ---- What is mapped ---------------------------------------------------------------------- */

static void read_it(void *arg)
{
    (void)signal(SIGSEGV, SIG_DFL);
    (void)*(volatile char *)arg;
}

static void write_it(void *arg)
{
    (void)signal(SIGSEGV, SIG_DFL);
    *(volatile char *)arg = 'w';
}

static bool faults(void (*body)(void *arg), void *at)
{
    int status = fake_child_status(body, at);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/** 19.4, columns of map, and the protection that comes of it. */
static void protection(void)
{
    static const rsm_permission_t perms[] = {RSM_PERM_NONE, RSM_PERM_READ, RSM_PERM_WRITE,
                                             RSM_PERM_RDWR};

    begin("rights");
    for (unsigned granted = 0; granted < 4; granted++) {
        for (unsigned asked = 0; asked < 4; asked++) {
            rsm_memseg_import_handle_t imp = fake_import(1, ID, perms[granted]);
            bool good = granted != 0 && (perms[asked] & ~perms[granted]) == 0;
            const char *rights;
            void *at = NULL;

            t_note("connected with %o, mapped with %o", perms[granted], perms[asked]);
            t_expect_code(map(imp, &at, perms[asked], FAKE_PAGE, FAKE_PAGE),
                          good ? RSM_SUCCESS : RSMERR_BAD_PERMS);
            if (good) {
                rights = rights_at(at);
                t_expect_eq(rights[0], (perms[asked] & RSM_PERM_READ) != 0 ? 'r' : '-');
                t_expect_eq(rights[1], (perms[asked] & RSM_PERM_WRITE) != 0 ? 'w' : '-');
                t_expect_eq(rights[3], 's');
                if ((perms[asked] & RSM_PERM_READ) != 0) {
                    t_expect_eq(*(char *)at, 'b');
                }
                if (perms[asked] == RSM_PERM_NONE) {
                    t_expect(faults(read_it, at));
                }
                t_expect_eq(faults(write_it, at), (perms[asked] & RSM_PERM_WRITE) == 0);
                memory[FAKE_PAGE] = 'b'; /* shared with the child */
                t_expect_ok(rsm_memseg_import_unmap(imp));
                t_expect(faults(read_it, at));
            }
            t_expect_ok(rsm_memseg_import_disconnect(imp));
        }
    }
    end();
}

static void places(void)
{
    rsm_memseg_import_handle_t imp;
    char *reserved = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *mine = fake_pages(1);
    rsm_attribute_t both = (rsm_attribute_t)(RSM_MAP_FIXED | RSM_MAP_RESERVED);
    void *at;

    begin("where it is mapped");
    t_require(reserved != MAP_FAILED);
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    memset(mine, 'k', FAKE_PAGE);
    at = mine; /* without RSM_MAP_FIXED, not even a hint */
    t_expect_ok(rsm_memseg_import_map(imp, &at, RSM_MAP_RESERVED, RSM_PERM_RDWR, 0, SIZE));
    t_expect_ne((char *)at, mine);
    t_expect_eq(mine[0], 'k');
    t_expect_mem(at, memory, SIZE);
    t_expect_ok(rsm_memseg_import_unmap(imp));

    t_note("exactly there");
    at = reserved + FAKE_PAGE;
    t_expect_ok(rsm_memseg_import_map(imp, &at, both, RSM_PERM_RDWR, 2 * FAKE_PAGE, FAKE_PAGE));
    t_expect_eq((char *)at, reserved + FAKE_PAGE);
    t_expect_str(rights_at(reserved), "r--p");
    t_expect_str(rights_at(reserved + FAKE_PAGE), "rw-s"); /* it replaced what was there */
    t_expect_str(rights_at(reserved + 2 * FAKE_PAGE), "r--p");
    t_expect_eq(*(char *)at, 'c');
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_str(rights_at(reserved + FAKE_PAGE), "");

    t_note("lengths need not be whole pages");
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, 3 * FAKE_PAGE, 1));
    t_expect_eq(*(char *)at, 'd');
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_str(rights_at(at), "");
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, FAKE_PAGE, FAKE_PAGE + 1));
    t_expect_eq(((char *)at)[FAKE_PAGE], 'c');
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_str(rights_at((char *)at + FAKE_PAGE), "");
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_eq(munmap(reserved, FAKE_PAGE), 0);
    t_expect_eq(munmap(reserved + 2 * FAKE_PAGE, SIZE - 2 * FAKE_PAGE), 0);
    fake_pages_free(mine, 1);
    end();
}

/** put and get go on addressing the whole segment; stores and loads are of the same bytes. */
static void beside_put(void)
{
    rsm_memseg_import_handle_t imp;
    rsmapi_barrier_t barrier = {NULL, 0, NULL};
    char *mapped;
    char byte = 'p';
    void *at = NULL;

    begin("beside put and get");
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_ok(rsm_memseg_import_init_barrier(imp, RSM_BAR_DEFAULT, &barrier));
    t_expect_ok(rsm_memseg_import_put(imp, 0, &byte, 1));
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED); /* a put makes none */
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, FAKE_PAGE, FAKE_PAGE));
    mapped = at;
    t_expect_ok(rsm_memseg_import_put(imp, 0, &byte, 1)); /* outside of the window */
    t_expect_ok(rsm_memseg_import_put(imp, FAKE_PAGE + 5, &byte, 1));
    t_expect_eq(mapped[5], 'p');
    t_expect_ok(rsm_memseg_import_open_barrier(&barrier));
    mapped[6] = 's';
    t_expect_ok(rsm_memseg_import_close_barrier(&barrier));
    t_expect_eq(memory[FAKE_PAGE + 6], 's');
    t_expect_ok(rsm_memseg_import_get(imp, FAKE_PAGE + 6, &byte, 1));
    t_expect_eq(byte, 's');
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_ok(rsm_memseg_import_put(imp, FAKE_PAGE, &byte, 1));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/* ---- States ------------------------------------------------------------------------------ */

static void states(void)
{
    rsm_memseg_import_handle_t imp;
    rsm_memseg_import_handle_t second;
    struct pollfd pfd;
    void *at = NULL;
    void *other = NULL;
    void *none = &none;

    begin("one per handle, and what it blocks");
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    second = fake_import(1, ID, RSM_PERM_READ);
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, 0, SIZE));
    t_expect_code(map(imp, &none, RSM_PERM_READ, 0, SIZE), RSMERR_SEG_ALREADY_MAPPED);
    t_expect_eq(none, (void *)&none);
    t_expect_ok(map(second, &other, RSM_PERM_READ, 0, FAKE_PAGE));
    t_expect_ne(at, other);
    ((char *)at)[3] = 'x';
    t_expect_eq(((char *)other)[3], 'x');

    t_expect_ok(rsm_memseg_get_pollfd(imp, &pfd));
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_SEG_STILL_MAPPED); /* tested first */
    ((char *)at)[3] = 'y';                                                     /* and it still is */
    t_expect_ok(rsm_memseg_import_unmap(imp)); /* references do not matter here */
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED);
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_POLLFD_IN_USE);
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, 0, SIZE));
    t_expect_ok(rsm_memseg_release_pollfd(imp));
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_SEG_STILL_MAPPED);

    t_note("after a cut");
    t_expect_ok(rsm_memseg_export_unpublish(seg));
    (void)*(volatile char *)at; /* no fault */
    t_expect_code(rsm_memseg_import_disconnect(imp), RSMERR_SEG_STILL_MAPPED);
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_code(rsm_memseg_import_unmap(imp), RSMERR_SEG_NOT_MAPPED);
    t_expect_code(map(imp, &at, RSM_PERM_RDWR, 0, SIZE), RSMERR_CONN_ABORTED);
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_expect_ok(rsm_memseg_import_unmap(second));
    t_expect_ok(rsm_memseg_import_disconnect(second));
    end();
}

static void child(void *arg)
{
    void *at = NULL;

    t_expect_code(map(arg, &at, RSM_PERM_READ, 0, 1), RSMERR_BAD_SEG_HNDL);
    t_expect_code(map(arg, NULL, 0777, -1, 0), RSMERR_BAD_SEG_HNDL);
    t_expect_code(rsm_memseg_import_unmap(arg), RSMERR_BAD_SEG_HNDL);
    t_expect_eq(at, NULL);
}

static void forked(void)
{
    rsm_memseg_import_handle_t imp;
    void *at = NULL;

    begin("a forked child");
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect(fake_in_child(child, imp));
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, 0, SIZE));
    t_expect(fake_in_child(child, imp));
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

/** After a rebind the first thing may be a map: of the new memory. */
static void rebound(void)
{
    rsm_memseg_import_handle_t imp;
    char *next = shared_pages('A');
    void *at = NULL;

    begin("after a rebind");
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    t_expect_ok(rsm_memseg_export_rebind(seg, next, 0, SIZE));
    t_require_eq(mprotect(memory, SIZE, PROT_NONE), 0);
    fake_fail(FAKE_RENEW, 1, RSMERR_INSUFFICIENT_RESOURCES);
    t_expect_code(map(imp, &at, RSM_PERM_READ, 0, SIZE), RSMERR_INSUFFICIENT_RESOURCES);
    t_expect(!fake_fail_pending());
    t_expect_eq(at, NULL);
    t_expect_ok(map(imp, &at, RSM_PERM_READ, 0, SIZE));
    t_expect_mem(at, next, SIZE);
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    t_require_eq(munmap(memory, SIZE), 0);
    memory = next;
    end();
}

/* ---- Threads ----------------------------------------------------------------------------- */

#define MAPPERS 3

static rsm_memseg_import_handle_t contested;
static pthread_barrier_t start;
static atomic_int successes;
static void *winner;

static void *mapper(void *arg)
{
    for (unsigned round = 0; round < 300; round++) {
        void *at = NULL;
        int rc;

        (void)pthread_barrier_wait(&start);
        rc = map(contested, &at, RSM_PERM_RDWR, 0, SIZE);
        t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_ALREADY_MAPPED);
        if (rc == RSM_SUCCESS) {
            atomic_fetch_add(&successes, 1);
            winner = at;
        } else {
            t_expect_eq(at, NULL);
        }
        (void)pthread_barrier_wait(&start);
        if (arg != NULL) {
            t_expect_eq(atomic_load(&successes), 1);
            t_expect_eq(*(char *)winner, 'a');
            atomic_store(&successes, 0);
        }
        (void)pthread_barrier_wait(&start);
        rc = rsm_memseg_import_unmap(contested);
        t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_NOT_MAPPED);
        atomic_fetch_add(&successes, rc == RSM_SUCCESS);
        (void)pthread_barrier_wait(&start);
        if (arg != NULL) {
            t_expect_eq(atomic_load(&successes), 1);
            atomic_store(&successes, 0);
        }
    }
    return NULL;
}

static void together(void)
{
    pthread_t threads[MAPPERS];

    begin("threads that map one handle");
    contested = fake_import(1, ID, RSM_PERM_RDWR);
    (void)pthread_barrier_init(&start, NULL, MAPPERS);
    for (unsigned i = 0; i < MAPPERS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, mapper, i == 0 ? &start : NULL), 0);
    }
    for (unsigned i = 0; i < MAPPERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_ok(rsm_memseg_import_disconnect(contested));
    end();
}

static atomic_bool stop;
static atomic_long mapped;

static void *map_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        void *at = NULL;
        int rc = map(contested, &at, RSM_PERM_RDWR, 0, SIZE);

        t_expect(rc == RSM_SUCCESS || rc == RSMERR_SEG_ALREADY_MAPPED);
        if (rc == RSM_SUCCESS) {
            t_expect(*(char *)at == 'a' || *(char *)at == 'A');
            atomic_fetch_add(&mapped, 1);
            t_expect_ok(rsm_memseg_import_unmap(contested));
        }
    }
    return NULL;
}

/** Who maps waits for others that map, who follow a move wait for others inside: in no circle. */
static void under_rebinds(void)
{
    char *next = shared_pages('A');
    pthread_t threads[MAPPERS];

    begin("threads that map one handle under rebinds");
    contested = fake_import(1, ID, RSM_PERM_RDWR);
    for (unsigned i = 0; i < MAPPERS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, map_on, NULL), 0);
    }
    for (unsigned round = 0; round < 500; round++) {
        long before = atomic_load(&mapped);

        t_note("round %u", round);
        t_expect_ok(rsm_memseg_export_rebind(seg, round % 2 == 0 ? next : memory, 0, SIZE));
        while (round % 2 == 0 && atomic_load(&mapped) == before) {
            (void)sched_yield();
        }
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < MAPPERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_ok(rsm_memseg_import_disconnect(contested));
    end();
    t_require_eq(munmap(next, SIZE), 0);
}

static atomic_int phase;

static void dwell(void *arg)
{
    (void)arg;
    if (atomic_exchange(&phase, 1) == 0) {
        fake_ms(50);
    }
}

static void *map_in_vain(void *arg)
{
    void *at = NULL;

    t_expect_code(map(arg, &at, RSM_PERM_RDWR, 0, SIZE), RSMERR_MAP_FAILED);
    return NULL;
}

/** A try that fails does not make the handle mapped for those who come meanwhile. */
static void in_vain(void)
{
    rsm_memseg_import_handle_t imp;
    pthread_t thread;
    void *at = NULL;

    begin("while another thread maps in vain");
    imp = fake_import(1, ID, RSM_PERM_RDWR);
    atomic_store(&phase, 0);
    fake_hook(FAKE_MAP, dwell, NULL);
    fake_fail(FAKE_MAP, 1, RSMERR_MAP_FAILED);
    t_require_eq(pthread_create(&thread, NULL, map_in_vain, imp), 0);
    while (atomic_load(&phase) == 0) {
        fake_ms(1);
    }
    t_expect_ok(map(imp, &at, RSM_PERM_RDWR, 0, SIZE));
    (void)pthread_join(thread, NULL);
    t_expect_ok(rsm_memseg_import_unmap(imp));
    t_expect_ok(rsm_memseg_import_disconnect(imp));
    end();
}

int main(void)
{
    fake_begin();
    check_order(1, true, RSM_SUCCESS);
    check_order(1, false, RSMERR_MAP_FAILED);
    check_order(0, true, RSMERR_MAP_FAILED);
    protection();
    places();
    beside_put();
    states();
    forked();
    rebound();
    together();
    under_rebinds();
    in_vain();
    return fake_finish();
}
