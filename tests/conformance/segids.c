/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The segment-id file (reference 9). Each case writes the file anew. The path is a setting, read
 * once; conf.c set it before the library was first called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"

static void write_file(const char *text)
{
    FILE *file = fopen(getenv("RSM_SEGMENTID_FILE"), "we");

    t_require(file != NULL);
    t_require(fputs(text, file) >= 0);
    t_require_eq(fclose(file), 0);
}

static void remove_file(void)
{
    (void)unlink(getenv("RSM_SEGMENTID_FILE"));
}

/** Ask for `appid` in a file of `text`; the results are written on success only. */
static int ask(const char *text, const char *appid, rsm_memseg_id_t *baseid, uint32_t *length)
{
    int rc;

    write_file(text);
    *baseid = 77;
    *length = 78;
    rc = rsm_get_segmentid_range(appid, baseid, length);
    if (rc != RSM_SUCCESS) {
        t_expect_eq(*baseid, 77);
        t_expect_eq(*length, 78);
    }
    return rc;
}

static void expect_range(const char *text, const char *appid, rsm_memseg_id_t baseid,
                         uint32_t length)
{
    rsm_memseg_id_t got_baseid;
    uint32_t got_length;

    t_expect_ok(ask(text, appid, &got_baseid, &got_length));
    t_expect_eq(got_baseid, baseid);
    t_expect_eq(got_length, length);
}

static void expect_refused(const char *text, const char *appid, int code)
{
    rsm_memseg_id_t baseid;
    uint32_t length;

    t_expect_code(ask(text, appid, &baseid, &length), code);
}

static void missing_file(conf_t *c)
{
    rsm_memseg_id_t baseid = 77;
    uint32_t length = 78;

    (void)c;
    remove_file();
    t_expect_code(rsm_get_segmentid_range(NULL, &baseid, &length),
                  PAIR(rsm_get_segmentid_range, RSMERR_BAD_ADDR));
    t_expect_code(rsm_get_segmentid_range("demo", NULL, &length), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_segmentid_range("demo", &baseid, NULL), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_segmentid_range("demo", &baseid, &length),
                  PAIR(rsm_get_segmentid_range, RSMERR_BAD_CONF));
    t_expect_eq(baseid, 77);
    t_expect_eq(length, 78);
}

static void good_lines(conf_t *c)
{
    (void)c;
    expect_range("reserved demo 0x600000 1000\n", "demo", 0x600000, 1000);
    expect_range("reserved demo 600000 1000\n", "demo", 0x600000, 1000);
    expect_range("reserve stencil 700000 100\n", "STENCIL", 0x700000, 100);
    expect_range("RESERVED Demo 0X600000 010 and more\n", "dEMO", 0x600000, 10);
    expect_range("# reserved demo 1 1\n  # reserved demo 2 2\n \treserved\tdemo 600000 5", "demo",
                 0x600000, 5);
    expect_range("reserved demo 600000 5\nreserved demo 700000 6\n", "demo", 0x600000, 5);
    remove_file();
}

static void order_of_lines(conf_t *c)
{
    (void)c;
    expect_refused("\nreserved demo 600000 5\n", "demo", RSMERR_BAD_CONF);
    expect_refused("reserved other 5\nreserved demo 600000 5\n", "demo", RSMERR_BAD_CONF);
    expect_range("reserved demo 600000 5\nreserved\n\n", "demo", 0x600000, 5);
    expect_refused("reserved other 600000 5\n", "demo",
                   PAIR(rsm_get_segmentid_range, RSMERR_BAD_APPID));
    expect_refused("", "demo", RSMERR_BAD_APPID);
    remove_file();
}

static void keywords(conf_t *c)
{
    (void)c;
    expect_refused("reserves demo 600000 5\n", "demo", RSMERR_BAD_CONF);
    expect_range("reserves other 1 1\nreserved demo 600000 5\n", "demo", 0x600000, 5);
    expect_refused("reserves other 1 1\n", "demo", RSMERR_BAD_APPID);
    remove_file();
}

const conf_test_t conf_segids[] = {
    CONF_TEST(missing_file, CONF_SELF, PROVES(6)),
    CONF_TEST(good_lines, CONF_SELF, PROVES(7)),
    CONF_TEST(order_of_lines, CONF_SELF, PROVES(8)),
    CONF_TEST(keywords, CONF_SELF, PROVES(9)),
    CONF_END,
};
