/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a test is made of: expectations that print values, a verdict, notes, a watchdog, a seed.
 * Knows names of result codes; must not know MPI (t_mpi.h adds that) or anything else of the
 * library.
 *
 * t_expect_* counts and goes on, t_require_* also stops the program. Each argument is evaluated
 * once. Everything may be called from any thread. A test's main() ends with
 * `return t_finish();`.
 */
#ifndef T_T_H
#define T_T_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Exit codes. 77 is what ctest takes for "skipped", 124 what timeout(1) gives. */
enum { T_EXIT_PASS = 0, T_EXIT_FAIL = 1, T_EXIT_SKIP = 77, T_EXIT_WATCHDOG = 124 };

/** A scalar of any type, for comparing and printing. */
typedef struct t_value {
    enum { T_SIGNED, T_UNSIGNED, T_POINTER, T_FLOAT } kind;
    union {
        int64_t i;
        uint64_t u;
        double d;
    };
} t_value_t;

/* ---- Expectations ------------------------------------------------------------------------ */

#define t_expect(cond) t_check_true((cond), #cond, __FILE__, __LINE__, false)
#define t_require(cond) t_check_true((cond), #cond, __FILE__, __LINE__, true)

/** Numbers or pointers; compared by value, so that -1 differs from UINT_MAX. */
#define t_expect_eq(a, b) T_EQ(a, b, #a, #b, true, false)
#define t_require_eq(a, b) T_EQ(a, b, #a, #b, true, true)
#define t_expect_ne(a, b) T_EQ(a, b, #a, #b, false, false)
#define t_require_ne(a, b) T_EQ(a, b, #a, #b, false, true)

/** Result codes, printed by name: what `expr` gave, then what it should have given. */
#define t_expect_code(expr, code) t_check_code((expr), (code), #expr, __FILE__, __LINE__, false)
#define t_require_code(expr, code) t_check_code((expr), (code), #expr, __FILE__, __LINE__, true)
#define t_expect_ok(expr) t_check_code((expr), 0, #expr, __FILE__, __LINE__, false)
#define t_require_ok(expr) t_check_code((expr), 0, #expr, __FILE__, __LINE__, true)

/** Strings; NULL equals NULL only. */
#define t_expect_str(a, b) t_check_str((a), (b), #a, #b, __FILE__, __LINE__, false)
#define t_require_str(a, b) t_check_str((a), (b), #a, #b, __FILE__, __LINE__, true)

/** `len` bytes at `a` and `b`; prints where they differ first. */
#define t_expect_mem(a, b, len) t_check_mem((a), (b), (len), #a, #b, __FILE__, __LINE__, false)
#define t_require_mem(a, b, len) t_check_mem((a), (b), (len), #a, #b, __FILE__, __LINE__, true)

/** A failure without a condition, printf style. */
#define t_fail(...) t_fail_at(__FILE__, __LINE__, __VA_ARGS__)

/* The texts come from the outermost macro: one level further in, NULL would be ((void *)0). */
#define T_EQ(a, b, text_a, text_b, want, stop)                                                     \
    t_check_eq(T_VALUE_OF(a), T_VALUE_OF(b), (want), (text_a), (text_b), __FILE__, __LINE__, (stop))

/* clang-format off */
#define T_VALUE_OF(x)                                                                              \
    _Generic((x),                                                                                  \
        _Bool: t_value_u, unsigned char: t_value_u, unsigned short: t_value_u,                     \
        unsigned int: t_value_u, unsigned long: t_value_u, unsigned long long: t_value_u,          \
        char: t_value_i, signed char: t_value_i, short: t_value_i, int: t_value_i,                 \
        long: t_value_i, long long: t_value_i,                                                     \
        float: t_value_d, double: t_value_d,                                                       \
        default: t_value_p)(x)
/* clang-format on */

t_value_t t_value_u(uint64_t x);
t_value_t t_value_i(int64_t x);
t_value_t t_value_d(double x);
t_value_t t_value_p(const volatile void *x);

/* What the macros call. Each returns whether the expectation held. */
bool t_check_true(bool ok, const char *text, const char *file, int line, bool stop);
bool t_check_eq(t_value_t a, t_value_t b, bool want, const char *text_a, const char *text_b,
                const char *file, int line, bool stop);
bool t_check_code(int got, int want, const char *text, const char *file, int line, bool stop);
bool t_check_str(const char *a, const char *b, const char *text_a, const char *text_b,
                 const char *file, int line, bool stop);
bool t_check_mem(const void *a, const void *b, size_t len, const char *text_a, const char *text_b,
                 const char *file, int line, bool stop);
void t_fail_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The name of a result code, or "unknown code". */
const char *t_code_name(int code);

/* ---- Verdict ----------------------------------------------------------------------------- */

/** So far, over all threads. */
uint64_t t_checks(void);
uint64_t t_failures(void);

/** Print the count; the exit code for main(). A test that checked nothing fails. */
int t_finish(void);

/**
 * The test cannot run here: print why and exit with 77, or with 1 if something failed before. Under
 * MPI see t_mpi.h.
 */
_Noreturn void t_skip(const char *why);

/** Print a line for the reader of the log, printf style, with the rank in front. */
void t_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- Hangs ------------------------------------------------------------------------------- */

/** What this process is doing now, printf style; failures and the watchdog print it. */
void t_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * End the process with 124 and a line that says where, unless it is over in `seconds` from now.
 * Called again, the time starts anew; 0 calls it off. The thread behind it blocks all signals. A
 * forked child has no watchdog.
 */
void t_watchdog(unsigned seconds);

/* ---- Arguments and random numbers -------------------------------------------------------- */

/** The number after `name` ("--rounds"), or `otherwise`. A bad number stops the test. */
uint64_t t_arg_u64(int argc, char **argv, const char *name, uint64_t otherwise);
/** Whether `name` is given. */
bool t_arg_flag(int argc, char **argv, const char *name);

/** The seed after --seed, else one from the clock; printed, so that a run can be repeated. */
uint64_t t_seed(int argc, char **argv);

/** One stream of random numbers (splitmix64). One per thread: it is not locked. */
typedef struct t_rand {
    uint64_t state;
} t_rand_t;

/** Streams of one seed differ: give each thread, and each rank, its own. */
void t_rand_init(t_rand_t *random, uint64_t seed, uint64_t stream);
uint64_t t_rand64(t_rand_t *random);
/** 0 … limit-1, evenly; limit > 0. */
uint64_t t_rand_below(t_rand_t *random, uint64_t limit);
/** low … high, both included. */
uint64_t t_rand_range(t_rand_t *random, uint64_t low, uint64_t high);
/** Fill memory. */
void t_rand_fill(t_rand_t *random, void *memory, size_t len);

/* ---- For t_mpi.c ------------------------------------------------------------------------- */

/** What stands before each line ("rank 1: "); "" at first. Copied. */
void t_set_prefix(const char *prefix);
/** Called, in place of _exit(), when a requirement fails, and for a skip. NULL restores. */
void t_set_exit_hook(void (*hook)(int code));

#endif
