/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the settings. A value that is not understood is reported once and the default is used: a
 * typing error must not end a job, and must not pass unseen either.
 */
#include "env.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

typedef enum kind { WORD, FLAG, TEXT } kind_t;

rsmi_env_t rsmi_env_read;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/** Position of `value` among the words of `accepted`; -1: none of them. */
static int position_of(const char *value, const char *accepted)
{
    size_t len = strlen(value);
    int position = 0;

    for (const char *word = accepted;; position++) {
        const char *end = strchr(word, '|');
        size_t word_len = end == NULL ? strlen(word) : (size_t)(end - word);

        if (word_len == len && strncmp(word, value, len) == 0) {
            return position;
        }
        if (end == NULL) {
            return -1;
        }
        word = end + 1;
    }
}

static int parse(const char *variable, kind_t kind, const char *standard, const char *accepted)
{
    const char *value = getenv(variable);
    int position = value == NULL ? -1 : position_of(value, accepted);

    if (kind == TEXT) {
        return 0;
    }
    if (value != NULL && position < 0) {
        rsmi_warn("%s=%s is not one of %s; using %s", variable, value, accepted, standard);
    }
    return position >= 0 ? position : position_of(standard, accepted);
}

/* A copy, kept for good: the text of a putenv() is the program's to change later. */
static int set_text(const char **field, const char *variable, const char *standard)
{
    const char *value = getenv(variable);
    const char *copy = value != NULL ? strdup(value) : NULL;

    *field = copy != NULL ? copy : standard;
    return 0;
}

static int set_number(int *field, int value)
{
    *field = value;
    return 0;
}

static void read_all(void)
{
    /* The log level comes first in the table, so that the warnings about others obey it. */
#define RSMI_SETTING(field, variable, kind, standard, accepted, sentence)                          \
    (void)_Generic(rsmi_env_read.field, int                                                        \
                   : set_number, default                                                           \
                   : set_text)(&rsmi_env_read.field,                                               \
                               SETTING_VALUE_##kind(variable, kind, standard, accepted));
#define SETTING_VALUE_WORD(variable, kind, standard, accepted)                                     \
    parse(variable, kind, standard, accepted)
#define SETTING_VALUE_FLAG SETTING_VALUE_WORD
#define SETTING_VALUE_TEXT(variable, kind, standard, accepted) variable, standard
#include "env_defs.h"
}

const rsmi_env_t *rsmi_env(void)
{
    (void)pthread_once(&once, read_all);
    return &rsmi_env_read;
}
