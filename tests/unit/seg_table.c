/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: segment ids: which are public, the table of published ones, generated ones.
 * Proves: 4.2, 6.9 (one id, one segment per node), 10.4 (generation: rising from 0x80000000, never
 * reused; explicit ids free again once withdrawn); statements 13, 14, 15 as far as the table goes.
 * Knows src/seg_table.h only.
 */
#include <pthread.h>
#include <string.h>

#include "rsmapi.h"
#include "seg_table.h"
#include "t.h"

#define THREADS 4
#define EACH 2000
#define CROWD 5000U

static void public_range(void)
{
    static const uint32_t yes[] = {0x00400000, 0x00400001, 0x004FFFFF, 0x00500000,
                                   0x00600000, 0x12345678, 0x7FFFFFFE, 0x7FFFFFFF};
    static const uint32_t no[] = {0,          1,          0x000FFFFF, 0x00100000,
                                  0x00200000, 0x002FFFFF, 0x00300000, 0x003FFFFF,
                                  0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF};

    for (unsigned i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        t_note("id 0x%x", yes[i]);
        t_expect(rsmi_segid_is_public(yes[i]));
    }
    for (unsigned i = 0; i < sizeof no / sizeof no[0]; i++) {
        t_note("id 0x%x", no[i]);
        t_expect(!rsmi_segid_is_public(no[i]));
    }
}

/** Ids that share places in the table, taken out in an order of their own. */
static void crowd(t_rand_t *random)
{
    static rsmi_seg_entry_t entries[CROWD];
    static uint32_t order[CROWD];
    static bool in[CROWD];

    t_note("crowd");
    for (uint32_t i = 0; i < CROWD; i++) {
        uint32_t id = 0x400000 + (i % 7) + (i / 7) * 1024;
        uint32_t asked = id;

        t_expect_code(rsmi_seg_table_insert(&entries[i], i + 1, &id), RSM_SUCCESS);
        t_expect_eq(id, asked);
        in[i] = true;
        order[i] = i;
    }
    for (uint32_t i = 0; i < CROWD; i += 97) {
        rsmi_seg_entry_t twin;
        uint32_t id = entries[i].id;

        t_expect_code(rsmi_seg_table_insert(&twin, 4711, &id), RSMERR_SEGID_IN_USE);
        t_expect_eq(id, entries[i].id);
        t_expect_eq(rsmi_seg_table_find(id), i + 1);
    }
    for (uint32_t i = CROWD - 1; i > 0; i--) {
        uint32_t j = (uint32_t)t_rand_below(random, i + 1);
        uint32_t swap = order[i];

        order[i] = order[j];
        order[j] = swap;
    }
    for (uint32_t k = 0; k < CROWD; k++) {
        uint32_t id = entries[order[k]].id;
        uint32_t other = (uint32_t)t_rand_below(random, CROWD);

        rsmi_seg_table_remove(&entries[order[k]]);
        in[order[k]] = false;
        t_expect_eq(rsmi_seg_table_find(id), 0);
        t_expect_eq(rsmi_seg_table_find(0x400000 + (other % 7) + (other / 7) * 1024),
                    in[other] ? other + 1 : 0);
    }
}

static void generated(void)
{
    rsmi_seg_entry_t entries[3];
    uint32_t ids[3] = {0, 0, 0};
    uint32_t again = 0;

    t_note("generated");
    for (unsigned i = 0; i < 3; i++) {
        t_expect_code(rsmi_seg_table_insert(&entries[i], 100 + i, &ids[i]), RSM_SUCCESS);
        t_expect(ids[i] >= 0x80000000U);
        t_expect(i == 0 || ids[i] > ids[i - 1]);
        t_expect_eq(rsmi_seg_table_find(ids[i]), 100 + i);
    }
    rsmi_seg_table_remove(&entries[1]);
    rsmi_seg_table_remove(&entries[2]);
    t_expect_code(rsmi_seg_table_insert(&entries[1], 1, &again), RSM_SUCCESS);
    t_expect(again > ids[2]);
    rsmi_seg_table_remove(&entries[0]);
    rsmi_seg_table_remove(&entries[1]);
    t_expect_eq(rsmi_seg_table_find(again), 0);
    t_expect_eq(rsmi_seg_table_find(0), 0);
}

static rsmi_seg_entry_t many[THREADS][EACH];
static uint32_t given[THREADS][EACH];

static void *generate(void *arg)
{
    uint32_t me = (uint32_t)(uintptr_t)arg;

    for (uint32_t i = 0; i < EACH; i++) {
        t_expect_code(rsmi_seg_table_insert(&many[me][i], me * EACH + i + 1, &given[me][i]),
                      RSM_SUCCESS);
    }
    for (uint32_t i = 0; i < EACH; i++) {
        t_expect_eq(rsmi_seg_table_find(given[me][i]), me * EACH + i + 1);
        rsmi_seg_table_remove(&many[me][i]);
    }
    return NULL;
}

static void threads_generate(void)
{
    pthread_t threads[THREADS];
    static bool seen[THREADS * EACH];
    uint32_t low = UINT32_MAX;

    t_note("threads");
    for (uint32_t i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, generate, (void *)(uintptr_t)i), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (uint32_t i = 0; i < THREADS * EACH; i++) {
        uint32_t id = given[i / EACH][i % EACH];

        low = id < low ? id : low;
    }
    for (uint32_t i = 0; i < THREADS * EACH; i++) {
        uint32_t at = given[i / EACH][i % EACH] - low;

        t_require(at < THREADS * EACH);
        t_expect(!seen[at]);
        seen[at] = true;
    }
}

int main(int argc, char **argv)
{
    t_rand_t random;

    t_watchdog(30);
    t_rand_init(&random, t_seed(argc, argv), 0);
    public_range();
    crowd(&random);
    generated();
    threads_generate();
    return t_finish();
}
