/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The segment-id file (reference 9): which range of segment ids is reserved for an application.
 * Knows the file's grammar and one setting; nothing of segments, since nothing ties publish to a
 * range. Keeps nothing between calls and takes no lock, so it serves in a forked child, too.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check.h"
#include "env.h"

#define PIECE 255            /* characters, a newline included: what is longer is another line */
#define BLANKS " \t\n\v\f\r" /* isspace() of the C locale, whatever the program's is */

enum { KEYWORD, APPID, BASEID, LENGTH, WORDS };

typedef struct range {
    rsm_memseg_id_t baseid;
    uint32_t length;
} range_t;

_Static_assert(LONG_MAX > UINT32_MAX, "what overflows long becomes a number that is too large");

/** Without digits a word is 0, and what follows its digits is ignored (reference 9.2). */
static int number(const char *word, int radix, uint32_t *value_p)
{
    long value = strtol(word, NULL, radix);

    RSMI_CHECK(value >= 0 && value <= (long)UINT32_MAX, RSMERR_BAD_CONF);
    *value_p = (uint32_t)value;
    return RSM_SUCCESS;
}

/** What one line decides; RSMERR_BAD_APPID: nothing, look at the next. Cuts `line` into words. */
static int judge(char *line, const char *appid, range_t *range)
{
    char *words[WORDS];
    char *rest = NULL;

    RSMI_CHECK(line[strspn(line, BLANKS)] != '#', RSMERR_BAD_APPID);
    for (int i = 0; i < WORDS; i++) {
        words[i] = strtok_r(i == 0 ? line : NULL, BLANKS, &rest);
        RSMI_CHECK(words[i] != NULL, RSMERR_BAD_CONF);
    }
    RSMI_CHECK(strcasecmp(words[APPID], appid) == 0, RSMERR_BAD_APPID);
    RSMI_CHECK(strcasecmp(words[KEYWORD], "reserved") == 0 ||
                   strcasecmp(words[KEYWORD], "reserve") == 0,
               RSMERR_BAD_CONF);
    RSMI_TRY(number(words[BASEID], 16, &range->baseid));
    return number(words[LENGTH], 10, &range->length);
}

static int scan(FILE *file, const char *appid, range_t *range)
{
    char line[PIECE + 1];

    while (fgets(line, sizeof line, file) != NULL) {
        int rc = judge(line, appid, range);

        RSMI_CHECK(rc == RSMERR_BAD_APPID, rc);
    }
    RSMI_CHECK(ferror(file) == 0, RSMERR_BAD_CONF); /* a directory opens, but cannot be read */
    return RSMERR_BAD_APPID;
}

int rsm_get_segmentid_range(const char *appid, rsm_memseg_id_t *baseid, uint32_t *length)
{
    range_t range;
    FILE *file;
    int rc;

    RSMI_CHECK(appid != NULL && baseid != NULL && length != NULL, RSMERR_BAD_ADDR);
    file = fopen(rsmi_env()->segmentid_file, "re");
    RSMI_CHECK(file != NULL, RSMERR_BAD_CONF);
    rc = scan(file, appid, &range);
    (void)fclose(file);
    if (rc == RSM_SUCCESS) {
        *baseid = range.baseid;
        *length = range.length;
    }
    return rc;
}
