/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: the segment-id file, row by row: each case writes the file anew and asks.
 * Proves: 9.1, every row of 9.2, statements 6 to 9; and what docs/design.md decides about numbers,
 * directories and ends of lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rsmapi.h"
#include "t.h"

#define PIECE 255 /* characters that are read at once */
#define BASE_BEFORE 0xDEADU
#define LENGTH_BEFORE 4711U

static char folder[] = "/tmp/rsm-segid-XXXXXX";
static char path[64];

static void write_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "we");

    t_require(file != NULL);
    t_require_eq(fwrite(bytes, 1, len, file), len);
    t_require_eq(fclose(file), 0);
}

/** Ask for `appid`: the code; results are as they were unless it is success. */
static int ask_for(const char *appid, rsm_memseg_id_t *baseid, uint32_t *length)
{
    int rc;

    *baseid = BASE_BEFORE;
    *length = LENGTH_BEFORE;
    rc = rsm_get_segmentid_range(appid, baseid, length);
    if (rc != RSM_SUCCESS) {
        t_expect_eq(*baseid, BASE_BEFORE);
        t_expect_eq(*length, LENGTH_BEFORE);
    }
    return rc;
}

/** Write the file, ask for "demo". */
static int ask(const char *text)
{
    rsm_memseg_id_t baseid;
    uint32_t length;

    t_note("%.60s", text);
    write_bytes(text, strlen(text));
    return ask_for("demo", &baseid, &length);
}

/** As ask(), and expect this range. */
static void expect_range(const char *text, rsm_memseg_id_t want_base, uint32_t want_length)
{
    rsm_memseg_id_t baseid;
    uint32_t length;

    t_note("%.60s", text);
    write_bytes(text, strlen(text));
    t_expect_ok(ask_for("demo", &baseid, &length));
    t_expect_eq(baseid, want_base);
    t_expect_eq(length, want_length);
}

/* ---- 9.1: the order of checks, the file -------------------------------------------------- */

static void arguments(void)
{
    rsm_memseg_id_t baseid = BASE_BEFORE;
    uint32_t length = LENGTH_BEFORE;

    t_expect_code(rsm_get_segmentid_range(NULL, &baseid, &length), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_segmentid_range("demo", NULL, &length), RSMERR_BAD_ADDR);
    t_expect_code(rsm_get_segmentid_range("demo", &baseid, NULL), RSMERR_BAD_ADDR);
    t_expect_eq(baseid, BASE_BEFORE);
    t_expect_eq(length, LENGTH_BEFORE);
}

/** As ask_for("demo"), as somebody whom the file's mode binds. */
static int ask_unprivileged(void)
{
    int status = 0;
    pid_t pid = fork();

    t_require(pid >= 0);
    if (pid == 0) {
        rsm_memseg_id_t baseid;
        uint32_t length;

        if (geteuid() == 0 && setuid(65534) != 0) {
            _exit(T_EXIT_SKIP);
        }
        _exit(ask_for("demo", &baseid, &length));
    }
    t_require_eq(waitpid(pid, &status, 0), pid);
    t_require(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void files(void)
{
    rsm_memseg_id_t baseid;
    uint32_t length;
    int rc;

    t_note("no file");
    t_expect_code(ask_for("demo", &baseid, &length), RSMERR_BAD_CONF);
    arguments(); /* come first */

    t_note("a directory");
    t_require_eq(mkdir(path, 0700), 0);
    t_expect_code(ask_for("demo", &baseid, &length), RSMERR_BAD_CONF);
    t_require_eq(rmdir(path), 0);

    t_note("a file that cannot be read");
    t_expect_ok(ask("reserved demo 10 5\n"));
    arguments();
    t_require_eq(chmod(folder, 0755), 0);
    t_require_eq(chmod(path, 0644), 0);
    rc = ask_unprivileged();
    if (rc == T_EXIT_SKIP) {
        t_print("not tried as another user: %s", strerror(EPERM));
    } else {
        t_expect_code(rc, RSM_SUCCESS);
        t_require_eq(chmod(path, 0000), 0);
        t_expect_code(ask_unprivileged(), RSMERR_BAD_CONF);
        t_require_eq(chmod(path, 0644), 0);
    }

    t_note("the file is read anew, the path is not");
    expect_range("reserved demo 10 5\n", 0x10, 5);
    t_require_eq(setenv("RSM_SEGMENTID_FILE", "/nonexistent", 1), 0);
    expect_range("reserved demo 20 6\n", 0x20, 6);

    t_note("nothing in it");
    t_expect_code(ask(""), RSMERR_BAD_APPID);
    t_require_eq(unlink(path), 0);
    t_expect_code(ask_for("demo", &baseid, &length), RSMERR_BAD_CONF);
}

/* ---- 9.2: the grammar -------------------------------------------------------------------- */

static void grammar(void)
{
    static const char example[] = "# keyword   appid      baseid     length\n"
                                  "reserved    demo       0x600000   1000\n"
                                  "reserve     stencil    700000     100\n";
    rsm_memseg_id_t baseid;
    uint32_t length;

    expect_range(example, 0x600000, 1000);
    t_expect_ok(ask_for("STENCIL", &baseid, &length));
    t_expect_eq(baseid, 0x700000);
    t_expect_eq(length, 100);
    t_expect_code(ask_for("sten", &baseid, &length), RSMERR_BAD_APPID);
    t_expect_code(ask_for("stencils", &baseid, &length), RSMERR_BAD_APPID);
    t_expect_code(ask_for("", &baseid, &length), RSMERR_BAD_APPID);
    t_expect_code(ask_for("demo ", &baseid, &length), RSMERR_BAD_APPID);
    t_expect_code(ask_for("reserved", &baseid, &length), RSMERR_BAD_APPID);

    expect_range("ReSeRvEd DeMo 0X6aB 10\n", 0x6ab, 10);
    expect_range("RESERVE demo 6AB 010\n", 0x6ab, 10); /* decimal, and not octal */
    expect_range(" \t\v\f reserved\tdemo \t 6ab\v10 \n", 0x6ab, 10);
    expect_range("reserved demo 6ab 10", 0x6ab, 10); /* no newline at the end */
    t_expect_code(ask("reserved other 6ab 10"), RSMERR_BAD_APPID);
    expect_range("reserved demo 7fffffff 0\n", 0x7fffffff, 0);
    expect_range("reserved demo ffffffff 4294967295\n", 0xffffffffU, 0xffffffffU);
}

static void rows(void)
{
    t_note("comments");
    expect_range("#\n# reserved demo 1 1\n \t#reserved demo 1 1\nreserved demo 2 2\n", 2, 2);
    expect_range("#reserved demo 1 1\n#\nreserved demo 2 2\n", 2, 2);
    t_expect_code(ask("# reserved demo 1 1\n"), RSMERR_BAD_APPID);
    expect_range("reserved # 1 1\nreserved demo 2 2 # text\n", 2, 2); /* only at the start */

    t_note("blank lines");
    t_expect_code(ask("\nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask(" \t \nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved other 1 1\n\nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved other 1 1\n\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("\n"), RSMERR_BAD_CONF);

    t_note("fewer than four fields");
    t_expect_code(ask("reserved other 1\nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1\nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("x\nreserved demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1"), RSMERR_BAD_CONF);

    t_note("another application: nothing else of its line is looked at");
    expect_range("nonsense other 99999999999999999999 -1\nreserved demo 2 2\n", 2, 2);
    expect_range("other other other other\nreserved demo 2 2\n", 2, 2);

    t_note("the keyword of the matching line");
    t_expect_code(ask("reserves demo 1 1\nreserved demo 2 2\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reser demo 1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("demo demo 1 1\n"), RSMERR_BAD_CONF);

    t_note("numbers without digits");
    expect_range("reserved demo xyz many\n", 0, 0);
    expect_range("reserved demo 0x 0x10\n", 0, 0);
    expect_range("reserved demo 12g4 12a4\n", 0x12, 12);

    t_note("what follows is ignored");
    expect_range("reserved demo 10 20 30 # and more\n", 0x10, 20);

    t_note("the first line of several decides");
    expect_range("reserved demo 1 1\nreserved demo 2 2\n", 1, 1);
    expect_range("reserved demo 1 1\n\nbroken\nreserved\n", 1, 1);
}

static void numbers(void)
{
    t_note("above long");
    t_expect_code(ask("reserved demo 8000000000000000 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1 9223372036854775808\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1 -9223372036854775809\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 10000000000000000000000 1\nreserved demo 1 1\n"),
                  RSMERR_BAD_CONF);

    t_note("above 32 bits");
    t_expect_code(ask("reserved demo 100000000 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 7fffffffffffffff 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1 4294967296\n"), RSMERR_BAD_CONF);

    t_note("negative");
    t_expect_code(ask("reserved demo -1 1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1 -1\n"), RSMERR_BAD_CONF);
    t_expect_code(ask("reserved demo 1 -4294967295\n"), RSMERR_BAD_CONF);
    expect_range("reserved demo -0 +5\n", 0, 5);
}

static void ends_of_lines(void)
{
    static const char with_nul[] = "reserved\0other 1 1\nreserved demo 1 1\n";
    rsm_memseg_id_t baseid;
    uint32_t length;

    t_note("CRLF");
    expect_range("# text\r\nreserved other 1 1\r\nreserved demo 10 20\r\n", 0x10, 20);
    expect_range("reserved demo 10 20\r", 0x10, 20);
    expect_range("reserved\rdemo\r10\r20\r\n", 0x10, 20); /* a blank as good as any */
    t_expect_code(ask("\r\nreserved demo 1 1\r\n"), RSMERR_BAD_CONF);
    t_note("NUL ends a line's text");
    write_bytes(with_nul, sizeof with_nul - 1);
    t_expect_code(ask_for("demo", &baseid, &length), RSMERR_BAD_CONF);
}

/** `head`, filled up with `fill` to `len` characters, then `tail`. */
static const char *filled(const char *head, char fill, size_t len, const char *tail)
{
    static char text[4 * PIECE];
    size_t used = strlen(head);

    t_require(used <= len && len + strlen(tail) < sizeof text);
    memcpy(text, head, used);
    memset(text + used, fill, len - used);
    memcpy(text + len, tail, strlen(tail) + 1);
    return text;
}

static void long_lines(void)
{
    t_note("255 characters with their newline are one line");
    expect_range(filled("#", 'x', PIECE - 1, "\nreserved demo 1 2\n"), 1, 2);
    expect_range(filled("reserved other 1 1 ", 'x', PIECE - 1, "\nreserved demo 1 2\n"), 1, 2);
    t_note("one more, and the newline is a blank line");
    t_expect_code(ask(filled("#", 'x', PIECE, "\nreserved demo 1 2\n")), RSMERR_BAD_CONF);
    t_note("what follows 255 characters is a line");
    expect_range(filled("#", 'x', PIECE, "reserved demo 3 4\nreserved demo 1 2\n"), 3, 4);
    t_note("and the end of a long comment is none");
    t_expect_code(ask(filled("#", 'x', PIECE + 1, "\nreserved demo 1 2\n")), RSMERR_BAD_CONF);
    t_note("the first piece decides");
    expect_range(filled("reserved demo 5 6 ", 'x', 2 * PIECE, "\n"), 5, 6);
    t_note("a number is cut like all else");
    expect_range(filled("reserved demo 5 ", ' ', PIECE - 2, "1234\n"), 5, 12);
    t_note("a word, too");
    t_expect_code(ask(filled("reserved other 1 1 ", ' ', PIECE - 4, "reserved demo 3 4\n")),
                  RSMERR_BAD_CONF); /* "rese", and "rved demo 3 4" */
}

/* ---- A forked child ---------------------------------------------------------------------- */

static void in_child(void)
{
    int status = 0;
    pid_t pid;

    t_note("in a forked child");
    write_bytes("reserved demo 10 20\n", 20);
    pid = fork();
    t_require(pid >= 0);
    if (pid == 0) {
        rsm_memseg_id_t baseid;
        uint32_t length;

        _exit(ask_for("demo", &baseid, &length) == RSM_SUCCESS && baseid == 0x10 && length == 20
                  ? 0
                  : 1);
    }
    t_require_eq(waitpid(pid, &status, 0), pid);
    t_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    t_watchdog(30);
    t_require(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/ids", folder);
    t_require_eq(setenv("RSM_SEGMENTID_FILE", path, 1), 0); /* before the first call reads it */
    files();
    grammar();
    rows();
    numbers();
    ends_of_lines();
    long_lines();
    in_child();
    t_expect_eq(unlink(path), 0);
    t_expect_eq(rmdir(folder), 0);
    return t_finish();
}
