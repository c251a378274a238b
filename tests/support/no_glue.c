/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's list of glues, empty: for tests that need the core but no transport. Weak, and last
 * in the archive by its name, so that a test that brings a list of its own gets that one.
 */
#include "glue.h"

__attribute__((weak)) const rsmg_ops_t *const rsmi_glues[] = {NULL};
