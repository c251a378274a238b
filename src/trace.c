/* SPDX-License-Identifier: BSD-3-Clause */
/* Warnings and traces; see trace.h. One write per line, so that lines of ranks do not mix. */
#include "trace.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env.h"

static atomic_long node = -1;
static atomic_int level = -1; /* -1: not asked yet */

/* Not rsmi_env(): that may warn while it reads. */
static int log_level(void)
{
    static const char *const names[] = {"quiet", "warn", "info", "trace"};
    int now = atomic_load_explicit(&level, memory_order_relaxed);
    const char *value;

    if (now >= 0) {
        return now;
    }
    now = RSMI_LOG_WARN;
    value = getenv("RSM_LOG");
    for (int i = 0; value != NULL && i < 4; i++) {
        if (strcmp(value, names[i]) == 0) {
            now = i;
        }
    }
    atomic_store_explicit(&level, now, memory_order_relaxed);
    return now;
}

void rsmi_trace_set_node(long new_node)
{
    atomic_store(&node, new_node);
}

static void print(int from, const char *format, va_list args)
{
    char line[512];
    long who = atomic_load(&node);
    int used;
    int more;
    size_t len;

    if (log_level() < from) {
        return;
    }
    used = who < 0 ? snprintf(line, sizeof line, "rsm: ")
                   : snprintf(line, sizeof line, "rsm: node %ld: ", who);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): every caller has started it
    more = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, args);
    len = (size_t)used + (more > 0 ? (size_t)more : 0);

    if (len > sizeof line - 2) {
        len = sizeof line - 2;
    }
    line[len] = '\n';
    if (write(STDERR_FILENO, line, len + 1) < 0) {
        return; /* nowhere left to say it */
    }
}

void rsmi_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print(RSMI_LOG_WARN, format, args);
    va_end(args);
}

void rsmi_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print(RSMI_LOG_INFO, format, args);
    va_end(args);
}

void rsmi_trace(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print(RSMI_LOG_TRACE, format, args);
    va_end(args);
}

int rsmi_tracing(void)
{
    return log_level() >= RSMI_LOG_TRACE;
}
