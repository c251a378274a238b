/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The name under which some manuals cite <sys/rsm/rsm_common.h>. Knows where that file is; must not
 * declare anything. The path is relative because this folder may itself be searched for headers.
 */
#include "../sys/rsm/rsm_common.h"
