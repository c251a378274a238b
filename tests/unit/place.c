/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: where the service thread may run, chosen on described machines and on this one.
 * Proves: each rule of rsmi_place_agent() with the exact processors it gives; malformed texts and
 * small buffers give the documented code and leave outputs alone; binding, caches and union as
 * src/place.h says; nothing leaks.
 * Knows src/place.h only; hwloc is not included, to show that its types stay inside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "place.h"
#include "rsmapi.h"

#define UNTOUCHED "untouched"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define expect_num(got, want)                                                                      \
    expect_num_at(__LINE__, #got, (unsigned long)(got), (unsigned long)(want))
#define expect_text(got, want) expect_text_at(__LINE__, #got, (got), (want))
#define require_num(got, want)                                                                     \
    do {                                                                                           \
        if (!expect_num(got, want)) {                                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static int failures;

static int expect_num_at(int line, const char *what, unsigned long got, unsigned long want)
{
    if (got != want) {
        (void)fprintf(stderr, "place.c:%d: %s is %lu, expected %lu\n", line, what, got, want);
        failures++;
    }
    return got == want;
}

static int expect_text_at(int line, const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) != 0) {
        (void)fprintf(stderr, "place.c:%d: %s is \"%s\", expected \"%s\"\n", line, what, got, want);
        failures++;
        return 0;
    }
    return 1;
}

typedef struct row {
    const char *own;
    const char *taken;
    const char *wish;
    int rc;
    const char *out;
} row_t;

static void check_rows(const char *machine, const row_t *rows, size_t count)
{
    rsmi_place_t *place = NULL;

    require_num(rsmi_place_open(machine, &place), RSM_SUCCESS);
    for (size_t i = 0; i < count; i++) {
        const row_t *row = &rows[i];
        char out[RSMI_PLACE_TEXT] = UNTOUCHED;
        int rc = rsmi_place_agent(place, row->own, row->taken, row->wish, out, sizeof out);
        int rc_right = expect_num(rc, row->rc);

        if (!expect_text(out, row->out) || !rc_right) {
            (void)fprintf(stderr, "    on \"%s\", row %zu: own %s, taken %s, wish %s\n", machine, i,
                          row->own == NULL ? "NULL" : row->own,
                          row->taken == NULL ? "NULL" : row->taken,
                          row->wish == NULL ? "NULL" : row->wish);
        }
    }
    rsmi_place_close(place);
}

/*
 * Two packages of four cores of two: package 0 is 0-7, core 0 is 0-1. Every description names its
 * NUMA nodes: where none is named, hwloc 2.9 makes room for one with a memcpy() that overlaps, and
 * valgrind stops there.
 */
#define TWO_PACKAGES "pack:2 numa:1 l3:1 core:4 pu:2"

static void check_single(void)
{
    static const row_t rows[] = {
        /* The sibling is free. */
        {"0", "", NULL, RSM_SUCCESS, "1"},
        {"0", NULL, "", RSM_SUCCESS, "1"},
        {"1", "2-15", NULL, RSM_SUCCESS, "0"},
        {"9", "0-7", NULL, RSM_SUCCESS, "8"},
        {"0", "0", NULL, RSM_SUCCESS, "1"},
        /* It is taken: all free ones of the package. */
        {"0", "1", NULL, RSM_SUCCESS, "2-7"},
        {"0", "1-3,5", NULL, RSM_SUCCESS, "4,6-7"},
        {"7", "0-2,4-6,8-15", NULL, RSM_SUCCESS, "3"},
        {"14", "15", NULL, RSM_SUCCESS, "8-13"},
        /* Only the other package has any. */
        {"0", "1-7", NULL, RSM_SUCCESS, "8-15"},
        {"0", "0-7,9", NULL, RSM_SUCCESS, "8,10-15"},
        {"8", "1-15", NULL, RSM_SUCCESS, "0"},
        /* Nothing is free. */
        {"0", "1-15", NULL, RSM_SUCCESS, "0"},
        {"12", "0-", NULL, RSM_SUCCESS, "12"},
        /* One that is not allowed does not make it two. */
        {"0,100", "", NULL, RSM_SUCCESS, "1"},
        {"0", "1,16-900", NULL, RSM_SUCCESS, "2-7"},
    };

    check_rows(TWO_PACKAGES, rows, COUNT(rows));
}

static void check_several(void)
{
    static const row_t rows[] = {
        {"2-5", "", NULL, RSM_SUCCESS, "2-5"},
        {"0-1", "8-15", NULL, RSM_SUCCESS, "0-1"},
        {"2-5", "2,4,9", NULL, RSM_SUCCESS, "3,5"},
        {"2-5", "2-4", NULL, RSM_SUCCESS, "5"},
        /* All shared: not outside, although 8-15 are free. */
        {"2-5", "0-7", NULL, RSM_SUCCESS, "2-5"},
        {"6,9", "0-15", NULL, RSM_SUCCESS, "6,9"},
        /* Unbound, and bound to nothing we know. */
        {NULL, NULL, NULL, RSM_SUCCESS, "0-15"},
        {"", "0-7", NULL, RSM_SUCCESS, "8-15"},
        {"0-15", "0-15", NULL, RSM_SUCCESS, "0-15"},
        {"100", "0", NULL, RSM_SUCCESS, "1-15"},
        {"14-", "", NULL, RSM_SUCCESS, "14-15"},
    };

    check_rows(TWO_PACKAGES, rows, COUNT(rows));
}

static void check_wish(void)
{
    static const row_t rows[] = {
        {"0", "", "3,9", RSM_SUCCESS, "3,9"},
        {"0", "0-15", "1", RSM_SUCCESS, "1"},
        {"2-5", "", "0", RSM_SUCCESS, "0"},
        {"0", "", "14-40", RSM_SUCCESS, "14-15"},
        {"0", "", "12-", RSM_SUCCESS, "12-15"},
        {"0", "", " 3 , 5 - 6 ", RSM_SUCCESS, "3,5-6"},
        {"0", "", "5,4,4-6", RSM_SUCCESS, "4-6"},
        {"0", "", "0-1048575", RSM_SUCCESS, "0-15"},
        /* Outside. */
        {"0", "", "16", RSMERR_BAD_CONF, "1"},
        {"0", "1", "16-", RSMERR_BAD_CONF, "2-7"},
        {"2-5", "", "99", RSMERR_BAD_CONF, "2-5"},
        {"0", "0-15", "99", RSMERR_BAD_CONF, "0"},
    };

    check_rows(TWO_PACKAGES, rows, COUNT(rows));
}

static void check_malformed(void)
{
    static const char *const texts[] = {
        "abc", "off", ",",   "1,",  ",1",   "1,,2",    "3-1",        "1-2-3",
        "-1",  "-",   "1--", "0x1", "1 2",  "1;2",     "1-x",        "+1",
        "1.5", "1,x", "1\n", "all", "0-1a", "1048576", "0-99999999", "99999999999999999999999",
    };
    char out[RSMI_PLACE_TEXT] = UNTOUCHED;
    rsmi_place_t *place = NULL;

    for (size_t i = 0; i < COUNT(texts); i++) {
        const row_t rows[] = {
            {"0", "", texts[i], RSMERR_BAD_CONF, "1"},
            {texts[i], "", "", RSMERR_INSUFFICIENT_RESOURCES, UNTOUCHED},
            {"0", texts[i], "", RSMERR_INSUFFICIENT_RESOURCES, UNTOUCHED},
            {"0", texts[i], "3", RSMERR_INSUFFICIENT_RESOURCES, UNTOUCHED},
        };

        check_rows(TWO_PACKAGES, rows, COUNT(rows));
        expect_num(rsmi_place_union(texts[i], "1", out, sizeof out), RSMERR_INSUFFICIENT_RESOURCES);
        expect_num(rsmi_place_union("1", texts[i], out, sizeof out), RSMERR_INSUFFICIENT_RESOURCES);
        expect_text(out, UNTOUCHED);
    }
    /* A blank wish is a wish for nothing; blank sets are empty. */
    check_rows(TWO_PACKAGES, &(row_t){" ", "\t", "  ", RSMERR_BAD_CONF, "0-15"}, 1);

    expect_num(rsmi_place_open("numa:2 nonsense:1", &place), RSMERR_INSUFFICIENT_RESOURCES);
    expect_num(rsmi_place_open("", &place), RSMERR_INSUFFICIENT_RESOURCES);
    expect_num(place == NULL, 1);
    rsmi_place_close(NULL);
}

static void check_other_machines(void)
{
    /* Levels between core and package: L2 0-3, L3 0-7, package 0-15, machine 0-31. */
    static const row_t deep[] = {
        {"0", "", NULL, RSM_SUCCESS, "1"},          {"0", "1", NULL, RSM_SUCCESS, "2-3"},
        {"0", "1-2", NULL, RSM_SUCCESS, "3"},       {"0", "1-3", NULL, RSM_SUCCESS, "4-7"},
        {"0", "1-7", NULL, RSM_SUCCESS, "8-15"},    {"0", "1-15", NULL, RSM_SUCCESS, "16-31"},
        {"31", "16-30", NULL, RSM_SUCCESS, "0-15"},
    };
    /* NUMA nodes without caches or packages. */
    static const row_t numa[] = {
        {"0", "", NULL, RSM_SUCCESS, "1-3"},    {"0", "1-2", NULL, RSM_SUCCESS, "3"},
        {"0", "1-3", NULL, RSM_SUCCESS, "4-7"}, {"6", "0-3,5", NULL, RSM_SUCCESS, "4,7"},
        {"6", "0-7", NULL, RSM_SUCCESS, "6"},
    };
    /* Package 1 has the nodes 4-5 and 6-7. */
    static const row_t numa_in_package[] = {
        {"5", "", NULL, RSM_SUCCESS, "4"},
        {"5", "4", NULL, RSM_SUCCESS, "6-7"},
        {"5", "4-7", NULL, RSM_SUCCESS, "0-3"},
    };
    static const row_t one[] = {
        {"0", "", NULL, RSM_SUCCESS, "0"},     {"", "", NULL, RSM_SUCCESS, "0"},
        {NULL, "0", NULL, RSM_SUCCESS, "0"},   {"0", "0", "0", RSM_SUCCESS, "0"},
        {"0", "0", "1", RSMERR_BAD_CONF, "0"},
    };
    /* Numbers are the system's: siblings are 0,2 and 1,3, as on many machines. */
    static const row_t spread[] = {
        {"0", "", NULL, RSM_SUCCESS, "2"},
        {"1", "", NULL, RSM_SUCCESS, "3"},
        {"2", "", NULL, RSM_SUCCESS, "0"},
        {"0", "2", NULL, RSM_SUCCESS, "1,3"},
    };

    check_rows("pack:2 numa:1 l3:2 l2:2 core:2 pu:2", deep, COUNT(deep));
    check_rows("numa:2 core:4 pu:1", numa, COUNT(numa));
    check_rows("pack:2 numa:2 core:2 pu:1", numa_in_package, COUNT(numa_in_package));
    check_rows("numa:1 pu:1", one, COUNT(one));
    check_rows("numa:1 core:2 pu:2(indexes=0,2,1,3)", spread, COUNT(spread));
}

/* A copy on the heap of exactly `len` bytes lets the sanitizer see one byte too far. */
static void check_small_buffers(void)
{
    static const char choice[] = "4,6-7";
    rsmi_place_t *place = NULL;

    require_num(rsmi_place_open(TWO_PACKAGES, &place), RSM_SUCCESS);
    for (size_t len = 0; len <= sizeof choice; len++) {
        int want = len < sizeof choice ? RSMERR_INSUFFICIENT_MEM : RSM_SUCCESS;
        char *out = malloc(len + (len == 0));

        require_num(out != NULL, 1);
        memset(out, 'x', len + (len == 0));
        expect_num(rsmi_place_agent(place, "0", "1-3,5", NULL, out, len), want);
        expect_num(rsmi_place_union("4,6", "6-7", out, len), want);
        if (want == RSM_SUCCESS) {
            expect_text(out, choice);
        }
        for (size_t i = 0; i < len && want != RSM_SUCCESS; i++) {
            expect_num(out[i], 'x');
        }
        free(out);
    }
    /* Too small wins over a bad wish. "0-15" needs five. */
    expect_num(rsmi_place_agent(place, "", "", "99", NULL, 0), RSMERR_INSUFFICIENT_MEM);
    expect_num(rsmi_place_self(place, NULL, 0), RSMERR_INSUFFICIENT_MEM);
    expect_num(rsmi_place_self(place, (char[4]){0}, 4), RSMERR_INSUFFICIENT_MEM);
    expect_num(rsmi_place_self(place, (char[5]){0}, 5), RSM_SUCCESS);
    rsmi_place_close(place);
}

static void check_union(void)
{
    char out[RSMI_PLACE_TEXT] = UNTOUCHED;

    expect_num(rsmi_place_union(NULL, NULL, out, sizeof out), RSM_SUCCESS);
    expect_text(out, "");
    /* Accumulate into the input. */
    expect_num(rsmi_place_union(out, "3", out, sizeof out), RSM_SUCCESS);
    expect_num(rsmi_place_union(out, "0,2", out, sizeof out), RSM_SUCCESS);
    expect_text(out, "0,2-3");
    expect_num(rsmi_place_union("1", out, out, sizeof out), RSM_SUCCESS);
    expect_text(out, "0-3");
    expect_num(rsmi_place_union(out, "9-", out, sizeof out), RSM_SUCCESS);
    expect_text(out, "0-3,9-");
    expect_num(rsmi_place_union(out, "4-8", out, sizeof out), RSM_SUCCESS);
    expect_text(out, "0-");
    expect_num(rsmi_place_union("1048575", "", out, sizeof out), RSM_SUCCESS);
    expect_text(out, "1048575");
}

/* The promise beside RSMI_PLACE_TEXT. */
static void check_text_size(void)
{
    char out[RSMI_PLACE_TEXT] = "";
    char one[16];

    for (int cpu = 0; cpu < 1500; cpu += 2) {
        (void)snprintf(one, sizeof one, "%d", cpu);
        expect_num(rsmi_place_union(out, one, out, sizeof out), RSM_SUCCESS);
    }
}

static void check_described(void)
{
    char out[RSMI_PLACE_TEXT] = UNTOUCHED;
    rsmi_place_t *place = NULL;

    require_num(
        rsmi_place_open("pack:2 numa:1 l3:1(size=8388608) l2:2(size=524288) l1:1(size=32768) "
                        "core:1 pu:2",
                        &place),
        RSM_SUCCESS);
    expect_num(rsmi_place_self(place, out, sizeof out), RSM_SUCCESS);
    expect_text(out, "0-7");
    expect_num(rsmi_place_cache_size(place, 1), 32768);
    expect_num(rsmi_place_cache_size(place, 2), 524288);
    expect_num(rsmi_place_cache_size(place, 3), 8388608);
    expect_num(rsmi_place_cache_size(place, 0), 0);
    expect_num(rsmi_place_cache_size(place, 4), 0);
    expect_num(rsmi_place_cache_size(place, -1), 0);
    expect_num(rsmi_place_bind_thread(place, "0"), RSMERR_INSUFFICIENT_RESOURCES);
    rsmi_place_close(place);

    require_num(rsmi_place_open("numa:2 core:4 pu:1", &place), RSM_SUCCESS);
    expect_num(rsmi_place_cache_size(place, 1), 0);
    expect_num(rsmi_place_cache_size(place, 3), 0);
    rsmi_place_close(place);
}

static void check_no_memory(void)
{
    rsmi_place_t *place = NULL;

    rsmi_alloc_fail_at(1);
    expect_num(rsmi_place_open(TWO_PACKAGES, &place), RSMERR_INSUFFICIENT_MEM);
    expect_num(rsmi_alloc_failed(), 1);
    expect_num(place == NULL, 1);
    rsmi_alloc_fail_at(0);
}

static void check_this_machine(void)
{
    char self[RSMI_PLACE_TEXT] = "";
    char choice[RSMI_PLACE_TEXT] = "";
    rsmi_place_t *place = NULL;
    int rc;

    require_num(rsmi_place_open(NULL, &place), RSM_SUCCESS);
    require_num(rsmi_place_self(place, self, sizeof self), RSM_SUCCESS);
    expect_num(self[0] != '\0', 1);
    require_num(rsmi_place_agent(place, self, "", NULL, choice, sizeof choice), RSM_SUCCESS);
    expect_num(choice[0] != '\0', 1);
    (void)printf("this machine: self %s, choice %s, caches %zu %zu %zu\n", self, choice,
                 rsmi_place_cache_size(place, 1), rsmi_place_cache_size(place, 2),
                 rsmi_place_cache_size(place, 3));
    expect_num(rsmi_place_bind_thread(place, "abc"), RSMERR_INSUFFICIENT_RESOURCES);
    expect_num(rsmi_place_bind_thread(place, ""), RSMERR_INSUFFICIENT_RESOURCES);
    expect_num(rsmi_place_bind_thread(place, "1048575"), RSMERR_INSUFFICIENT_RESOURCES);

    /* Narrow to one processor, so that opening and binding have something to get wrong. */
    self[strspn(self, "0123456789")] = '\0';
    rc = rsmi_place_bind_thread(place, self);
    if (rc == RSM_SUCCESS) {
        char bound[RSMI_PLACE_TEXT] = "";
        char after_open[RSMI_PLACE_TEXT] = "";
        rsmi_place_t *second = NULL;

        require_num(rsmi_place_self(place, bound, sizeof bound), RSM_SUCCESS);
        expect_text(bound, self);
        require_num(rsmi_place_open(NULL, &second), RSM_SUCCESS);
        require_num(rsmi_place_self(second, after_open, sizeof after_open), RSM_SUCCESS);
        expect_text(after_open, self);
        rsmi_place_close(second);
        require_num(rsmi_place_agent(place, self, "", NULL, choice, sizeof choice), RSM_SUCCESS);
        (void)printf("this machine: bound to %s, choice %s\n", self, choice);
    } else {
        expect_num(rc, RSMERR_INSUFFICIENT_RESOURCES);
        (void)printf("this machine: the system refuses to bind; skipped\n");
    }
    rsmi_place_close(place);
}

int main(void)
{
    /* These would replace the machines that the test describes. */
    (void)unsetenv("HWLOC_SYNTHETIC");
    (void)unsetenv("HWLOC_XMLFILE");
    (void)unsetenv("HWLOC_FSROOT");
    (void)unsetenv("HWLOC_COMPONENTS");

    check_single();
    check_several();
    check_wish();
    check_malformed();
    check_other_machines();
    check_small_buffers();
    check_union();
    check_text_size();
    check_described();
    check_no_memory();
    check_this_machine();
    expect_num(rsmi_alloc_live(), 0);
    return failures == 0 ? 0 : 1;
}
