/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings as values; the table is env_defs.h. Knows nothing of who uses them. */
#ifndef RSMI_ENV_H
#define RSMI_ENV_H

enum { RSMI_LOG_QUIET, RSMI_LOG_WARN, RSMI_LOG_INFO, RSMI_LOG_TRACE };
enum { RSMI_PATH_AUTO, RSMI_PATH_WINDOW };

typedef struct rsmi_env {
    int log;
    int path;
    int strict_sgio;
    int strict_memlock;
    const char *agent_cpus;
    const char *segmentid_file;
} rsmi_env_t;

/* Written once, by rsmi_env(). Code that runs only after a controller was opened may read it. */
extern rsmi_env_t rsmi_env_read;

/** The settings of this process; read from the environment at the first call. Thread-safe. */
const rsmi_env_t *rsmi_env(void);

#endif
