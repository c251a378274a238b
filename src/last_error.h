/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the last failure of this thread was about (rsmx_last_error()). Written on failures only, so
 * it costs nothing where all is well. Knows codes and numbers; a glue adds its transport's words.
 */
#ifndef RSMI_LAST_ERROR_H
#define RSMI_LAST_ERROR_H

#include <stdint.h>

#define RSMX_NO_MPI /* the core knows no communicator */
#include "rsmx.h"

/** Remember a failure; returns `code`. What rsmi_blame_transport() said before belongs to it. */
int rsmi_blame(int code, unsigned long entry, uint64_t offset, uint64_t length);
/** A glue: the transport has failed in this thread. Not for success. */
void rsmi_blame_transport(int transport_code, const char *text);

#endif
