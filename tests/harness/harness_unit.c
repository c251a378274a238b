/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: a test that behaves as its first argument says: passes, fails, skips, hangs.
 * Proves: nothing by itself; harness.cmake checks what comes out. Knows t.h only.
 */
#include "t.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 5000 };

static int refuse(void)
{
    return 16;
}

static void pass_everything(void)
{
    static const char text[] = "text";
    double half = 0.5;
    int number = -3;
    unsigned char small = 200;
    t_rand_t a;
    t_rand_t b;

    t_expect(true);
    t_expect_eq(number, -3L);
    t_expect_eq(small, 200);
    t_expect_eq(UINT64_MAX, ULLONG_MAX);
    t_expect_ne(UINT64_MAX, -1);
    t_expect_eq(half * 2, 1);
    t_expect_eq(&text[0], text);
    t_expect_ne(&number, NULL);
    t_expect_str("text", text);
    t_expect_str(NULL, NULL);
    t_expect_mem(text, "text", sizeof text);
    t_expect_code(refuse(), 16);
    t_expect_str(t_code_name(16), "RSMERR_BAD_ADDR");
    t_expect_str(t_code_name(-5), "unknown code");

    t_rand_init(&a, 1, 0);
    t_rand_init(&b, 1, 1);
    t_expect_ne(t_rand64(&a), t_rand64(&b));
    for (int i = 0; i < 1000; i++) {
        uint64_t x = t_rand_range(&a, 5, 7);

        t_expect(x >= 5 && x <= 7);
    }
    t_expect_eq(t_rand_below(&a, 1), 0);
    /* The published sequence of splitmix64 for the state 1234567. */
    a.state = 1234567;
    t_expect_eq(t_rand64(&a), UINT64_C(6457827717110365317));
    t_expect_eq(t_rand64(&a), UINT64_C(3203168211198807973));
}

static void fail_each_kind(void)
{
    static const unsigned char a[8] = {0};
    static const unsigned char b[8] = {0, 0, 0, 0, 0, 7, 0, 0};
    const void *nothing = NULL;

    t_note("the %s", "note");
    t_expect_eq(-1, UINT_MAX);
    t_expect_str("a", "b");
    t_expect_str("a", NULL);
    t_expect_mem(a, b, sizeof a);
    t_expect_ne(NULL, nothing);
    t_fail("a reason: %d", 7);
}

static void *check_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        t_expect_eq(i, i);
        t_expect(i % 50 != 0);
    }
    return NULL;
}

static void check_from_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        t_require_eq(pthread_create(&threads[i], NULL, check_many, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void hang(void)
{
    t_watchdog(3600);
    t_watchdog(0);
    t_watchdog(1);
    t_note("a sleep that is too long");
    /* A signal goes to the test, not to the watchdog: it would end this pause. */
    for (;;) {
        (void)pause();
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int one = 1;
    int two = 2;

    if (strcmp(what, "pass") == 0) {
        pass_everything();
    } else if (strcmp(what, "fail") == 0) {
        t_expect_eq(one, two);
        t_expect(one == two);
        t_expect_eq(&one, &two);
        t_print("went on");
    } else if (strcmp(what, "require") == 0) {
        bool never = false;

        t_require(never);
        t_print("went on");
    } else if (strcmp(what, "code") == 0) {
        t_expect_ok(refuse());
    } else if (strcmp(what, "kinds") == 0) {
        fail_each_kind();
    } else if (strcmp(what, "skip") == 0) {
        t_expect(true);
        t_skip("not here");
    } else if (strcmp(what, "skip_after_failure") == 0) {
        t_expect(false);
        t_skip("not here");
    } else if (strcmp(what, "hang") == 0) {
        hang();
    } else if (strcmp(what, "threads") == 0) {
        check_from_threads();
    } else if (strcmp(what, "seed") == 0) {
        t_expect_eq(t_seed(argc, argv), 12345);
    } else if (strcmp(what, "nothing") != 0) {
        t_fail("no such case: %s", what);
    }
    return t_finish();
}
