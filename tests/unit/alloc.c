/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the heap of the library, its live count and its fault hook.
 * Proves: what every other test here relies on: memory is zeroed, a product that does not fit gives
 * NULL, the count is exact with threads, exactly the n-th allocation fails and the hook says so.
 * Knows src/alloc.h only.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "t.h"

/*
 * A sanitizer's allocator stops the program at a request that cannot be met; here NULL is wanted,
 * as from the C library's.
 */
const char *__asan_default_options(void); // NOLINT(bugprone-reserved-identifier)
const char *__tsan_default_options(void); // NOLINT(bugprone-reserved-identifier)

const char *__asan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void) // NOLINT(bugprone-reserved-identifier)
{
    return "allocator_may_return_null=1";
}

#define THREADS 4
#define EACH 20000

static void *churn(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        void *a = rsmi_alloc(16);
        void *b = rsmi_alloc(32);

        rsmi_free(a);
        rsmi_free(b);
    }
    return NULL;
}

static void counts(void)
{
    static const char zero[64];
    pthread_t threads[THREADS];
    char *a;
    char *b;

    t_expect_eq(rsmi_alloc_live(), 0);
    a = rsmi_alloc(64);
    t_require(a != NULL);
    t_expect_mem(a, zero, 64);
    memset(a, 0xFF, 64);
    b = rsmi_alloc_array(4, 16);
    t_require(b != NULL);
    t_expect_mem(b, zero, 64);
    t_expect_eq(rsmi_alloc_live(), 2);
    rsmi_free(NULL);
    t_expect_eq(rsmi_alloc_live(), 2);
    rsmi_free(a);
    t_expect_eq(rsmi_alloc_live(), 1);
    rsmi_free(b);
    t_expect_eq(rsmi_alloc_live(), 0);

    for (unsigned i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    t_expect_eq(rsmi_alloc_live(), 0);
}

static void products(void)
{
    volatile size_t half = SIZE_MAX / 2 + 1; /* volatile: the compiler warns of what it sees */
    volatile size_t root = (size_t)1 << 32;

    t_expect_eq(rsmi_alloc_array(half, 2), NULL);
    t_expect_eq(rsmi_alloc_array(2, half), NULL);
    t_expect_eq(rsmi_alloc_array(root, root), NULL);
    t_expect_eq(rsmi_alloc_array(root, root + 1), NULL);
    t_expect_eq(rsmi_alloc_live(), 0);
}

static void faults(void)
{
    for (long n = 1; n <= 5; n++) {
        void *got[6];

        t_note("fail at %ld", n);
        rsmi_alloc_fail_at(n);
        for (long i = 1; i <= 6; i++) {
            t_expect_eq(rsmi_alloc_failed(), i > n);
            got[i - 1] = rsmi_alloc(8);
            t_expect_eq(got[i - 1] == NULL, i == n);
        }
        t_expect_eq(rsmi_alloc_live(), 5);
        for (int i = 0; i < 6; i++) {
            rsmi_free(got[i]);
        }
    }
    rsmi_alloc_fail_at(0);
    t_expect(!rsmi_alloc_failed());
    rsmi_alloc_fail_at(2);
    rsmi_free(rsmi_alloc(1));
    rsmi_alloc_fail_at(0); /* called off */
    for (int i = 0; i < 5; i++) {
        void *p = rsmi_alloc(1);

        t_expect(p != NULL);
        rsmi_free(p);
    }
    t_expect(!rsmi_alloc_failed());
    t_expect_eq(rsmi_alloc_live(), 0);
}

int main(void)
{
    t_watchdog(30);
    counts();
    products();
    faults();
    return t_finish();
}
