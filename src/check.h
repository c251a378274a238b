/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three kinds of check. A caller's mistake and a fault of the environment become codes, in
 * every build; a broken invariant of our own stops a debug build (RSMI_DEBUG=1) at the line.
 */
#ifndef RSMI_CHECK_H
#define RSMI_CHECK_H

#include "rsmapi.h"

/** Return `code` unless `cond`. */
#define RSMI_CHECK(cond, code)                                                                     \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            return (code);                                                                         \
        }                                                                                          \
    } while (0)

/** Pass a failure on. Whoever decided it has logged it. */
#define RSMI_TRY(expr)                                                                             \
    do {                                                                                           \
        int rsmi_try_rc = (expr);                                                                  \
        if (rsmi_try_rc != RSM_SUCCESS) {                                                          \
            return rsmi_try_rc;                                                                    \
        }                                                                                          \
    } while (0)

#if RSMI_DEBUG
void rsmi_assert_failed(const char *what, const char *file, int line);
#define RSMI_ASSERT(cond)                                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            rsmi_assert_failed(#cond, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)
#else
#define RSMI_ASSERT(cond) ((void)0)
#endif

#endif
