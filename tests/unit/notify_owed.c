/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: an exporter posts to imports of its own while they are being cut with calls inside:
 * the post's visit to an import may become the last that leaves, and then it answers for the cut.
 * Proves: src/lock.h (order of locks), 17.2 (a post on an export handle never blocks), 18.4.
 * A call of another thread inside an import is played by rsmi_import_enter() and _leave(), so that
 * its end can be set against the post, round after round.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "fake_glue.h"
#include "handle.h"
#include "import.h"
#include "t.h"

#define ID 0x400090U
#define ROUNDS 700
#define IMPORTS 32U

static rsm_memseg_export_handle_t seg;
static pthread_barrier_t start;
static pthread_barrier_t go;
static pthread_barrier_t end;
static atomic_bool over;
static uint64_t seed;

static void *withdraw(void *arg)
{
    (void)arg;
    for (;;) {
        (void)pthread_barrier_wait(&start);
        if (atomic_load(&over)) {
            return NULL;
        }
        t_expect_ok(rsm_memseg_export_unpublish(seg));
        (void)pthread_barrier_wait(&end);
    }
}

static void *post(void *arg)
{
    (void)arg;
    for (;;) {
        (void)pthread_barrier_wait(&start);
        if (atomic_load(&over)) {
            return NULL;
        }
        (void)pthread_barrier_wait(&go);
        for (unsigned i = 0; i < 8; i++) {
            t_expect_ok(rsm_intr_signal_post(seg, 0));
        }
        (void)pthread_barrier_wait(&end);
    }
}

static bool owed(rsm_memseg_import_handle_t imp)
{
    return (atomic_load(rsmi_handle_gate(rsmi_handle_from_ptr(imp))) & RSMI_GATE_OWED) != 0;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    t_rand_t random;
    char *memory;

    fake_begin();
    t_watchdog(10);
    seed = t_seed(argc, argv);
    t_rand_init(&random, seed, 0);
    memory = fake_pages(1);
    t_require_ok(rsm_memseg_export_create(fake_ctl, &seg, memory, FAKE_PAGE, 0));
    (void)pthread_barrier_init(&start, NULL, 3);
    (void)pthread_barrier_init(&go, NULL, 2);
    (void)pthread_barrier_init(&end, NULL, 3);
    t_require_eq(pthread_create(&threads[0], NULL, withdraw, NULL), 0);
    t_require_eq(pthread_create(&threads[1], NULL, post, NULL), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        rsm_memseg_id_t id = ID;
        rsm_memseg_import_handle_t imps[IMPORTS];
        rsmi_import_t *inside[IMPORTS];
        uint64_t tickets[IMPORTS];

        t_note("round %u", round);
        t_require_ok(rsm_memseg_export_publish(seg, &id, NULL, 0));
        for (unsigned i = 0; i < IMPORTS; i++) {
            imps[i] = fake_import(0, ID, RSM_PERM_RDWR);
            inside[i] = rsmi_import_enter(rsmi_handle_from_ptr(imps[i]), &tickets[i]);
            t_require(inside[i] != NULL);
        }
        (void)pthread_barrier_wait(&start);
        for (unsigned i = 0; i < IMPORTS; i++) {
            while (!owed(imps[i])) {
                fake_ms(0);
            }
        }
        (void)pthread_barrier_wait(&go);
        for (volatile uint64_t i = t_rand_below(&random, 2500); i > 0; i--) {
        }
        for (unsigned i = IMPORTS; i-- > 0;) { /* the way a post visits them */
            rsmi_import_leave(inside[i], tickets[i]);
        }
        (void)pthread_barrier_wait(&end);
        for (unsigned i = 0; i < IMPORTS; i++) {
            t_expect_ok(rsm_memseg_import_disconnect(imps[i]));
        }
    }
    atomic_store(&over, true);
    (void)pthread_barrier_wait(&start);
    for (unsigned i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    while (rsm_intr_signal_wait(seg, 0) == RSM_SUCCESS) {
    }
    t_expect_ok(rsm_memseg_export_destroy(seg));
    fake_pages_free(memory, 1);
    return fake_finish();
}
