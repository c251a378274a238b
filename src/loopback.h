/* SPDX-License-Identifier: BSD-3-Clause */
/* The glue that reaches nobody else: "loopback" is this process alone. See loopback.c. */
#ifndef RSMI_LOOPBACK_H
#define RSMI_LOOPBACK_H

#include "glue.h"

extern const rsmg_ops_t rsmi_loopback;

#endif
