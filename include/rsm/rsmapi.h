/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The name under which some manuals cite <rsmapi.h>. Knows where that file is; must not declare
 * anything. The path is relative: with this folder on the search path <rsmapi.h> means this file.
 */
#include "../rsmapi.h"
