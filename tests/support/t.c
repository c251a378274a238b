/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See t.h. Knows C, POSIX threads and the list of result codes; must not know MPI or call the
 * library, whose failures it has to survive.
 */
#include "t.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define T_LINE 512
#define T_VALUE_TEXT 40

static atomic_uint_fast64_t checks;
static atomic_uint_fast64_t failures;

static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the next two */
static char prefix_text[32];
static char note_text[T_LINE];

static void (*_Atomic exit_hook)(int code);

/* ---- Printing ---------------------------------------------------------------------------- */

/*
 * One write per line, straight to the descriptor: lines of several threads and ranks do not mix,
 * and what was said before a crash is not lost in a buffer.
 */
static void print_line(int fd, const char *label, const char *format, va_list args)
{
    char line[3 * T_LINE];
    size_t room = sizeof line - 1;
    size_t used;
    int n;

    (void)pthread_mutex_lock(&text_lock);
    n = snprintf(line, room, "%s%s", prefix_text, label);
    (void)pthread_mutex_unlock(&text_lock);
    used = n > 0 ? (size_t)n : 0;
    n = vsnprintf(line + used, room - used, format, args);
    if (n > 0) {
        used = (size_t)n < room - used ? used + (size_t)n : room - 1;
    }
    line[used++] = '\n';
    (void)fflush(stdout);
    for (size_t done = 0; done < used;) {
        ssize_t written = write(fd, line + done, used - done);

        if (written > 0) {
            done += (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            return; /* nobody is left to tell */
        }
    }
}

void t_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(STDOUT_FILENO, "", format, args);
    va_end(args);
}

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_line(STDERR_FILENO, "", format, args);
    va_end(args);
}

void t_set_prefix(const char *prefix)
{
    (void)pthread_mutex_lock(&text_lock);
    (void)snprintf(prefix_text, sizeof prefix_text, "%s", prefix);
    (void)pthread_mutex_unlock(&text_lock);
}

void t_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)pthread_mutex_lock(&text_lock);
    (void)vsnprintf(note_text, sizeof note_text, format, args);
    (void)pthread_mutex_unlock(&text_lock);
    va_end(args);
}

static void copy_note(char copy[T_LINE])
{
    (void)pthread_mutex_lock(&text_lock);
    memcpy(copy, note_text, T_LINE);
    (void)pthread_mutex_unlock(&text_lock);
}

/* ---- The end ----------------------------------------------------------------------------- */

void t_set_exit_hook(void (*hook)(int code))
{
    atomic_store(&exit_hook, hook);
}

/* _exit: handlers of a program that has failed already only blur the message. */
static _Noreturn void leave(int code)
{
    void (*hook)(int code) = atomic_load(&exit_hook);

    (void)fflush(NULL);
    if (hook != NULL) {
        hook(code);
    }
    _exit(code);
}

uint64_t t_checks(void)
{
    return atomic_load(&checks);
}

uint64_t t_failures(void)
{
    return atomic_load(&failures);
}

int t_finish(void)
{
    uint64_t checked = t_checks();
    uint64_t failed = t_failures();

    if (checked == 0 && failed == 0) {
        complain("FAIL: nothing was checked");
        return T_EXIT_FAIL;
    }
    t_print("%" PRIu64 " checks, %" PRIu64 " failed", checked, failed);
    return failed == 0 ? T_EXIT_PASS : T_EXIT_FAIL;
}

void t_skip(const char *why)
{
    t_print("SKIP: %s", why);
    leave(t_failures() == 0 ? T_EXIT_SKIP : T_EXIT_FAIL);
}

/* ---- Expectations ------------------------------------------------------------------------ */

static void fail_at(const char *file, int line, const char *text)
{
    char note[T_LINE];

    atomic_fetch_add(&failures, 1);
    copy_note(note);
    if (note[0] != '\0') {
        complain("FAIL %s:%d: %s [in: %s]", file, line, text, note);
    } else {
        complain("FAIL %s:%d: %s", file, line, text);
    }
}

static bool failed(bool stop, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool failed(bool stop, const char *file, int line, const char *format, ...)
{
    char text[T_LINE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail_at(file, line, text);
    if (stop) {
        leave(T_EXIT_FAIL);
    }
    return false;
}

void t_fail_at(const char *file, int line, const char *format, ...)
{
    char text[T_LINE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail_at(file, line, text);
}

static bool passed(void)
{
    return true;
}

static bool counted(bool ok)
{
    atomic_fetch_add_explicit(&checks, 1, memory_order_relaxed);
    return ok;
}

bool t_check_true(bool ok, const char *text, const char *file, int line, bool stop)
{
    if (counted(ok)) {
        return passed();
    }
    return failed(stop, file, line, "%s", text);
}

t_value_t t_value_u(uint64_t x)
{
    return (t_value_t){.kind = T_UNSIGNED, .u = x};
}

t_value_t t_value_i(int64_t x)
{
    return (t_value_t){.kind = T_SIGNED, .i = x};
}

t_value_t t_value_d(double x)
{
    return (t_value_t){.kind = T_FLOAT, .d = x};
}

t_value_t t_value_p(const volatile void *x)
{
    return (t_value_t){.kind = T_POINTER, .u = (uintptr_t)x};
}

static double as_double(t_value_t x)
{
    if (x.kind == T_FLOAT) {
        return x.d;
    }
    return x.kind == T_SIGNED ? (double)x.i : (double)x.u;
}

static bool same(t_value_t a, t_value_t b)
{
    if (a.kind == T_FLOAT || b.kind == T_FLOAT) {
        return as_double(a) == as_double(b);
    }
    if ((a.kind == T_SIGNED && a.i < 0) != (b.kind == T_SIGNED && b.i < 0)) {
        return false;
    }
    return a.u == b.u;
}

static const char *value_text(t_value_t x, char text[T_VALUE_TEXT])
{
    switch (x.kind) {
    case T_SIGNED:
        (void)snprintf(text, T_VALUE_TEXT, "%" PRId64, x.i);
        break;
    case T_UNSIGNED:
        if (x.u < 1024) {
            (void)snprintf(text, T_VALUE_TEXT, "%" PRIu64, x.u);
        } else {
            (void)snprintf(text, T_VALUE_TEXT, "%" PRIu64 "=0x%" PRIx64, x.u, x.u);
        }
        break;
    case T_POINTER:
        (void)snprintf(text, T_VALUE_TEXT, "0x%" PRIx64, x.u);
        break;
    case T_FLOAT:
        (void)snprintf(text, T_VALUE_TEXT, "%.17g", x.d);
        break;
    }
    return text;
}

bool t_check_eq(t_value_t a, t_value_t b, bool want, const char *text_a, const char *text_b,
                const char *file, int line, bool stop)
{
    char value_a[T_VALUE_TEXT];
    char value_b[T_VALUE_TEXT];

    if (counted(same(a, b) == want)) {
        return passed();
    }
    return failed(stop, file, line, "%s %s %s: %s and %s", text_a, want ? "==" : "!=", text_b,
                  value_text(a, value_a), value_text(b, value_b));
}

const char *t_code_name(int code)
{
    switch (code) {
/* NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the list is made for this. */
#define RSMI_ERROR(name, value, sentence)                                                          \
    case value:                                                                                    \
        return #name;
#include "../../src/rsm_errors.def"
#undef RSMI_ERROR
    default:
        return "unknown code";
    }
}

bool t_check_code(int got, int want, const char *text, const char *file, int line, bool stop)
{
    if (counted(got == want)) {
        return passed();
    }
    return failed(stop, file, line, "%s gave %s (%d), expected %s (%d)", text, t_code_name(got),
                  got, t_code_name(want), want);
}

bool t_check_str(const char *a, const char *b, const char *text_a, const char *text_b,
                 const char *file, int line, bool stop)
{
    if (counted(a == b || (a != NULL && b != NULL && strcmp(a, b) == 0))) {
        return passed();
    }
    return failed(stop, file, line, "%s == %s: \"%s\" and \"%s\"", text_a, text_b,
                  a != NULL ? a : "(NULL)", b != NULL ? b : "(NULL)");
}

bool t_check_mem(const void *a, const void *b, size_t len, const char *text_a, const char *text_b,
                 const char *file, int line, bool stop)
{
    const unsigned char *bytes_a = a;
    const unsigned char *bytes_b = b;
    size_t first = 0;
    size_t differ = 0;

    if (counted(len == 0 || memcmp(a, b, len) == 0)) {
        return passed();
    }
    for (size_t i = len; i-- > 0;) {
        if (bytes_a[i] != bytes_b[i]) {
            first = i;
            differ++;
        }
    }
    if (differ == 0) {
        return failed(stop, file, line, "%s and %s differed and agree again: still being written",
                      text_a, text_b);
    }
    return failed(stop, file, line,
                  "%s and %s: %zu of %zu bytes differ, first at %zu: %02x and %02x", text_a, text_b,
                  differ, len, first, bytes_a[first], bytes_b[first]);
}

/* ---- Watchdog ---------------------------------------------------------------------------- */

static pthread_mutex_t dog_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the next four */
static pthread_cond_t dog_changed;
static bool dog_runs;
static unsigned dog_seconds; /* 0: off */
static struct timespec dog_end;

static _Noreturn void bark(unsigned seconds)
{
    char note[T_LINE];

    copy_note(note);
    complain("FAIL watchdog after %u s in: %s", seconds, note[0] != '\0' ? note : "(no note)");
    _exit(T_EXIT_WATCHDOG);
}

static void *dog_main(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&dog_lock);
    for (;;) {
        struct timespec now;

        if (dog_seconds == 0) {
            (void)pthread_cond_wait(&dog_changed, &dog_lock);
            continue;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > dog_end.tv_sec ||
            (now.tv_sec == dog_end.tv_sec && now.tv_nsec >= dog_end.tv_nsec)) {
            bark(dog_seconds);
        }
        (void)pthread_cond_timedwait(&dog_changed, &dog_lock, &dog_end);
    }
    return NULL;
}

static void start_dog(void)
{
    pthread_condattr_t attributes;
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    int rc;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&dog_changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    /* A signal of the test must reach the test's threads, so this one inherits a full mask. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, NULL, dog_main, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        complain("FAIL no thread for the watchdog: %s", strerror(rc));
        _exit(T_EXIT_FAIL);
    }
    (void)pthread_detach(thread);
    dog_runs = true;
}

void t_watchdog(unsigned seconds)
{
    (void)pthread_mutex_lock(&dog_lock);
    if (!dog_runs) {
        if (seconds == 0) {
            (void)pthread_mutex_unlock(&dog_lock);
            return;
        }
        start_dog();
    }
    dog_seconds = seconds;
    (void)clock_gettime(CLOCK_MONOTONIC, &dog_end);
    dog_end.tv_sec += (time_t)seconds;
    (void)pthread_cond_signal(&dog_changed);
    (void)pthread_mutex_unlock(&dog_lock);
}

/* ---- Arguments and random numbers -------------------------------------------------------- */

uint64_t t_arg_u64(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            const char *text = i + 1 < argc ? argv[i + 1] : "";
            char *end = NULL;
            unsigned long long number;

            errno = 0;
            number = strtoull(text, &end, 0);
            if (text[0] == '\0' || text[0] == '-' || *end != '\0' || errno != 0) {
                (void)failed(true, __FILE__, __LINE__, "%s wants a number, not \"%s\"", name, text);
            }
            return number;
        }
    }
    return otherwise;
}

bool t_arg_flag(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return false;
}

uint64_t t_seed(int argc, char **argv)
{
    struct timespec now;
    uint64_t seed;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    seed = t_arg_u64(argc, argv, "--seed",
                     (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    t_print("seed: --seed %" PRIu64, seed);
    return seed;
}

void t_rand_init(t_rand_t *random, uint64_t seed, uint64_t stream)
{
    /* Neighbouring seeds and streams must not give shifted copies of one sequence. */
    t_rand_t mix = {.state = seed};
    uint64_t start = t_rand64(&mix);

    mix.state = start ^ stream;
    random->state = t_rand64(&mix);
}

/* Sebastiano Vigna's splitmix64, public domain. */
uint64_t t_rand64(t_rand_t *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t t_rand_below(t_rand_t *random, uint64_t limit)
{
    uint64_t spare = (UINT64_MAX % limit + 1) % limit; /* values at the top that would be unfair */
    uint64_t x;

    do {
        x = t_rand64(random);
    } while (x > UINT64_MAX - spare);
    return x % limit;
}

uint64_t t_rand_range(t_rand_t *random, uint64_t low, uint64_t high)
{
    if (low == 0 && high == UINT64_MAX) {
        return t_rand64(random);
    }
    return low + t_rand_below(random, high - low + 1);
}

void t_rand_fill(t_rand_t *random, void *memory, size_t len)
{
    unsigned char *bytes = memory;

    while (len > 0) {
        uint64_t x = t_rand64(random);
        size_t step = len < sizeof x ? len : sizeof x;

        memcpy(bytes, &x, step);
        bytes += step;
        len -= step;
    }
}
