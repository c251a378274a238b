/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hwloc behind a text interface; see place.h. The only file that includes hwloc.h. Must not know
 * MPI, segments or settings.
 */
#include "place.h"

#include <errno.h>
#include <stdbool.h>

#include <hwloc.h>

#include "alloc.h"
#include "check.h"

/* Bounds the memory that a text can make us spend: hwloc's sets grow to the highest number. */
#define HIGHEST_CPU 1048575U

struct rsmi_place {
    hwloc_topology_t topology;    /* (o) */
    hwloc_const_cpuset_t allowed; /* (c) owned by the topology; never empty */
};

/** The sets of one choice. `chosen` has been decided as soon as it is not empty. */
typedef struct choice {
    hwloc_bitmap_t own;
    hwloc_bitmap_t taken;
    hwloc_bitmap_t chosen;
} choice_t;

/* hwloc's set operations fail only when a set cannot grow. */
static int mem_rc(int hwloc_rc)
{
    return hwloc_rc < 0 ? RSMERR_INSUFFICIENT_MEM : RSM_SUCCESS;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/** Read a number at *at_p and step behind it and its blanks. */
static bool read_number(const char **at_p, unsigned *number_p)
{
    const char *at = skip_blanks(*at_p);
    unsigned number = 0;

    if (*at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (unsigned)(*at - '0');
        if (number > HIGHEST_CPU) {
            return false;
        }
    }
    *at_p = skip_blanks(at);
    *number_p = number;
    return true;
}

/** Read "n", "n-m" or "n-"; *last_p is -1 in the last case, as hwloc wants it. */
static bool read_range(const char **at_p, unsigned *first_p, int *last_p)
{
    unsigned last;

    if (!read_number(at_p, first_p)) {
        return false;
    }
    last = *first_p;
    *last_p = (int)last;
    if (**at_p != '-') {
        return true;
    }
    *at_p = skip_blanks(*at_p + 1);
    if (**at_p == '\0' || **at_p == ',') {
        *last_p = -1;
        return true;
    }
    if (!read_number(at_p, &last) || last < *first_p) {
        return false;
    }
    *last_p = (int)last;
    return true;
}

/**
 * Text to set. hwloc's own reader takes any garbage and allocates for any number, and these texts
 * come from users and from other processes: hence ours.
 */
static int set_read(hwloc_bitmap_t set, const char *text)
{
    const char *at = skip_blanks(text == NULL ? "" : text);
    unsigned first;
    int last;

    hwloc_bitmap_zero(set);
    if (*at == '\0') {
        return RSM_SUCCESS;
    }
    for (;; at++) {
        RSMI_CHECK(read_range(&at, &first, &last), RSMERR_INSUFFICIENT_RESOURCES);
        RSMI_TRY(mem_rc(hwloc_bitmap_set_range(set, first, last)));
        if (*at == '\0') {
            return RSM_SUCCESS;
        }
        RSMI_CHECK(*at == ',', RSMERR_INSUFFICIENT_RESOURCES);
    }
}

static int set_write(hwloc_const_bitmap_t set, char *out, size_t len)
{
    int needed = hwloc_bitmap_list_snprintf(NULL, 0, set);

    RSMI_CHECK(needed >= 0 && (size_t)needed < len, RSMERR_INSUFFICIENT_MEM);
    (void)hwloc_bitmap_list_snprintf(out, len, set);
    return RSM_SUCCESS;
}

/* Other processes of the job may spin on the processors that hwloc would visit to ask them about
 * themselves; each visit would wait for a time slice. The rest is detail we do not use. */
static unsigned long load_flags(void)
{
    unsigned long flags = 0;

#if HWLOC_API_VERSION >= 0x00020500
    flags |= HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING;
#endif
#if HWLOC_API_VERSION >= 0x00020800
    flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
             HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
#endif
    return flags;
}

static int load_rc(int hwloc_rc)
{
    if (hwloc_rc == 0) {
        return RSM_SUCCESS;
    }
    return errno == ENOMEM ? RSMERR_INSUFFICIENT_MEM : RSMERR_INSUFFICIENT_RESOURCES;
}

static int load(hwloc_topology_t topology, const char *synthetic)
{
    RSMI_TRY(load_rc(hwloc_topology_set_flags(topology, load_flags())));
    if (synthetic != NULL) {
        RSMI_TRY(load_rc(hwloc_topology_set_synthetic(topology, synthetic)));
    }
    RSMI_TRY(load_rc(hwloc_topology_load(topology)));
    RSMI_CHECK(!hwloc_bitmap_iszero(hwloc_topology_get_allowed_cpuset(topology)),
               RSMERR_INSUFFICIENT_RESOURCES);
    return RSM_SUCCESS;
}

int rsmi_place_open(const char *synthetic, rsmi_place_t **place_p)
{
    rsmi_place_t *place = rsmi_alloc(sizeof *place);
    int rc;

    RSMI_CHECK(place != NULL, RSMERR_INSUFFICIENT_MEM);
    if (hwloc_topology_init(&place->topology) != 0) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto err_free;
    }
    rc = load(place->topology, synthetic);
    if (rc != RSM_SUCCESS) {
        goto err_destroy;
    }
    place->allowed = hwloc_topology_get_allowed_cpuset(place->topology);
    *place_p = place;
    return RSM_SUCCESS;

err_destroy:
    hwloc_topology_destroy(place->topology);
err_free:
    rsmi_free(place);
    return rc;
}

void rsmi_place_close(rsmi_place_t *place)
{
    if (place != NULL) {
        hwloc_topology_destroy(place->topology);
        rsmi_free(place);
    }
}

/** Only the allowed ones; all allowed ones if that leaves none. */
static int limit_to_allowed(const rsmi_place_t *place, hwloc_bitmap_t set)
{
    if (!hwloc_bitmap_intersects(set, place->allowed)) {
        return mem_rc(hwloc_bitmap_copy(set, place->allowed));
    }
    return mem_rc(hwloc_bitmap_and(set, set, place->allowed));
}

static int self(rsmi_place_t *place, hwloc_bitmap_t set)
{
    if (hwloc_get_cpubind(place->topology, set, HWLOC_CPUBIND_THREAD) != 0) {
        hwloc_bitmap_zero(set);
    }
    return limit_to_allowed(place, set);
}

int rsmi_place_self(rsmi_place_t *place, char *out, size_t len)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int rc;

    RSMI_CHECK(set != NULL, RSMERR_INSUFFICIENT_MEM);
    rc = self(place, set);
    if (rc == RSM_SUCCESS) {
        rc = set_write(set, out, len);
    }
    hwloc_bitmap_free(set);
    return rc;
}

/** Rule 1. BAD_CONF: the wish is of no use, and `chosen` is empty. */
static int choose_wish(const rsmi_place_t *place, const char *wish, choice_t *choice)
{
    int rc = set_read(choice->chosen, wish);

    if (rc == RSM_SUCCESS) {
        rc = mem_rc(hwloc_bitmap_and(choice->chosen, choice->chosen, place->allowed));
    }
    if (rc == RSM_SUCCESS && !hwloc_bitmap_iszero(choice->chosen)) {
        return RSM_SUCCESS;
    }
    hwloc_bitmap_zero(choice->chosen);
    return rc == RSMERR_INSUFFICIENT_MEM ? rc : RSMERR_BAD_CONF;
}

/** Rule 2, without its "all of own". */
static int choose_within_own(choice_t *choice)
{
    return mem_rc(hwloc_bitmap_andnot(choice->chosen, choice->own, choice->taken));
}

/**
 * Rule 3. NUMA nodes hang beside the ancestors, not among them; but each is attached to an
 * ancestor of the same extent (hwloc inserts a group where there is none), so the walk meets it.
 */
static int choose_near_own(const rsmi_place_t *place, choice_t *choice)
{
    unsigned cpu = (unsigned)hwloc_bitmap_first(choice->own);
    hwloc_obj_t obj = hwloc_get_pu_obj_by_os_index(place->topology, cpu);

    while (obj != NULL && hwloc_bitmap_iszero(choice->chosen)) {
        RSMI_TRY(mem_rc(hwloc_bitmap_and(choice->chosen, obj->cpuset, place->allowed)));
        RSMI_TRY(mem_rc(hwloc_bitmap_andnot(choice->chosen, choice->chosen, choice->taken)));
        RSMI_TRY(mem_rc(hwloc_bitmap_andnot(choice->chosen, choice->chosen, choice->own)));
        obj = obj->parent;
    }
    return RSM_SUCCESS;
}

/** Rules 2 to 4. */
static int choose_automatically(const rsmi_place_t *place, choice_t *choice)
{
    if (hwloc_bitmap_weight(choice->own) == 1) {
        RSMI_TRY(choose_near_own(place, choice));
    } else {
        RSMI_TRY(choose_within_own(choice));
    }
    if (hwloc_bitmap_iszero(choice->chosen)) {
        return mem_rc(hwloc_bitmap_copy(choice->chosen, choice->own));
    }
    return RSM_SUCCESS;
}

static int choose(const rsmi_place_t *place, const char *own, const char *taken, const char *wish,
                  choice_t *choice)
{
    int verdict = RSM_SUCCESS;

    RSMI_TRY(set_read(choice->own, own));
    RSMI_TRY(limit_to_allowed(place, choice->own));
    RSMI_TRY(set_read(choice->taken, taken));
    if (wish != NULL && wish[0] != '\0') {
        verdict = choose_wish(place, wish, choice);
        if (verdict != RSMERR_BAD_CONF) {
            return verdict;
        }
    }
    RSMI_TRY(choose_automatically(place, choice));
    return verdict;
}

int rsmi_place_agent(rsmi_place_t *place, const char *own, const char *taken, const char *wish,
                     char *out, size_t len)
{
    choice_t choice = {hwloc_bitmap_alloc(), hwloc_bitmap_alloc(), hwloc_bitmap_alloc()};
    int rc = RSMERR_INSUFFICIENT_MEM;

    if (choice.own != NULL && choice.taken != NULL && choice.chosen != NULL) {
        rc = choose(place, own, taken, wish, &choice);
    }
    if (rc == RSM_SUCCESS || rc == RSMERR_BAD_CONF) {
        int write_rc = set_write(choice.chosen, out, len);

        rc = write_rc == RSM_SUCCESS ? rc : write_rc;
    }
    hwloc_bitmap_free(choice.own);
    hwloc_bitmap_free(choice.taken);
    hwloc_bitmap_free(choice.chosen);
    return rc;
}

static int bind_thread(rsmi_place_t *place, const char *cpus, hwloc_bitmap_t set)
{
    RSMI_TRY(set_read(set, cpus));
    RSMI_TRY(mem_rc(hwloc_bitmap_and(set, set, place->allowed)));
    RSMI_CHECK(!hwloc_bitmap_iszero(set), RSMERR_INSUFFICIENT_RESOURCES);
    /* hwloc would pretend success on a machine that is not this one. */
    RSMI_CHECK(hwloc_topology_is_thissystem(place->topology), RSMERR_INSUFFICIENT_RESOURCES);
    RSMI_CHECK(hwloc_set_cpubind(place->topology, set, HWLOC_CPUBIND_THREAD) == 0,
               RSMERR_INSUFFICIENT_RESOURCES);
    return RSM_SUCCESS;
}

int rsmi_place_bind_thread(rsmi_place_t *place, const char *cpus)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int rc;

    RSMI_CHECK(set != NULL, RSMERR_INSUFFICIENT_MEM);
    rc = bind_thread(place, cpus, set);
    hwloc_bitmap_free(set);
    return rc;
}

/** The cache of `level` above `obj` that holds data; instruction caches have types of their own. */
static size_t cache_size_above(hwloc_obj_t obj, int level)
{
    for (; obj != NULL; obj = obj->parent) {
        if (hwloc_obj_type_is_dcache(obj->type) && obj->attr->cache.depth == (unsigned)level) {
            return (size_t)obj->attr->cache.size;
        }
    }
    return 0;
}

size_t rsmi_place_cache_size(rsmi_place_t *place, int level)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    size_t size = 0;

    if (set != NULL && level >= 1 && level <= 3 && self(place, set) == RSM_SUCCESS) {
        unsigned cpu = (unsigned)hwloc_bitmap_first(set);

        size = cache_size_above(hwloc_get_pu_obj_by_os_index(place->topology, cpu), level);
    }
    hwloc_bitmap_free(set);
    return size;
}

int rsmi_place_union(const char *a, const char *b, char *out, size_t len)
{
    hwloc_bitmap_t set_a = hwloc_bitmap_alloc();
    hwloc_bitmap_t set_b = hwloc_bitmap_alloc();
    int rc = RSMERR_INSUFFICIENT_MEM;

    if (set_a != NULL && set_b != NULL) {
        rc = set_read(set_a, a);
        rc = rc == RSM_SUCCESS ? set_read(set_b, b) : rc;
        rc = rc == RSM_SUCCESS ? mem_rc(hwloc_bitmap_or(set_a, set_a, set_b)) : rc;
        rc = rc == RSM_SUCCESS ? set_write(set_a, out, len) : rc;
    }
    hwloc_bitmap_free(set_a);
    hwloc_bitmap_free(set_b);
    return rc;
}
