/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Description: settings, each case in a process of its own whose standard error is read.
 * Proves: design 2 "Settings" and src/env_defs.h: defaults; every accepted word; a value that is
 * not understood is reported in one line, once, and the default used; texts are copied;
 * RSM_LOG=quiet silences, and each level prints itself and what is below it.
 * Knows src/env.h and src/trace.h only.
 */
#include "env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"
#include "trace.h"

#define TEXT 2048
#define FILE_AT_FIRST "[/etc/rsm/rsm.segmentid]"

typedef struct result {
    char out[TEXT];
    char err[TEXT];
} result_t;

/** The text of a variable is the program's to change, once it has been read. */
static void scribble(const char *variable)
{
    char *text = getenv(variable);

    if (text != NULL) {
        memset(text, 'x', strlen(text));
    }
}

/** What the child prints: the settings on one stream, one line of each kind on the other. */
static int child(void)
{
    const rsmi_env_t *env = rsmi_env();

    scribble("RSM_AGENT_CPUS");
    scribble("RSM_SEGMENTID_FILE");
    if (rsmi_env() != env) {
        return 1;
    }
    (void)printf("%d %d %d %d [%s] [%s] %d\n", env->log, env->path, env->strict_sgio,
                 env->strict_memlock, env->agent_cpus, env->segmentid_file, rsmi_tracing());
    (void)fflush(stdout);
    rsmi_warn("w%d", 1);
    rsmi_trace_set_node(3);
    rsmi_info("i%d", 2);
    rsmi_trace("t%d", 3);
    return 0;
}

static void read_all(int fd, char text[TEXT])
{
    size_t used = 0;

    for (;;) {
        ssize_t n = read(fd, text + used, TEXT - 1 - used);

        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    text[used] = '\0';
    (void)close(fd);
}

/** `settings`: "NAME=value" texts, ended by NULL. */
static result_t run(const char *const *settings)
{
    result_t result;
    char *args[] = {(char *)(uintptr_t) "env", (char *)(uintptr_t) "--child", NULL};
    int out[2];
    int err[2];
    int status = 0;
    pid_t pid;

    t_note("%s", settings[0] != NULL ? settings[0] : "(no setting)");
    t_require_eq(pipe(out), 0);
    t_require_eq(pipe(err), 0);
    pid = fork();
    t_require(pid >= 0);
    if (pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        (void)close(out[0]);
        (void)close(err[0]);
        (void)close(out[1]);
        (void)close(err[1]);
        (void)unsetenv("RSM_LOG");
        (void)unsetenv("RSM_PATH");
        (void)unsetenv("RSM_STRICT_SGIO");
        (void)unsetenv("RSM_STRICT_MEMLOCK");
        (void)unsetenv("RSM_AGENT_CPUS");
        (void)unsetenv("RSM_SEGMENTID_FILE");
        for (; *settings != NULL; settings++) {
            (void)putenv((char *)(uintptr_t)*settings);
        }
        (void)execv("/proc/self/exe", args);
        _exit(2);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    read_all(out[0], result.out);
    read_all(err[0], result.err);
    t_require_eq(waitpid(pid, &status, 0), pid);
    t_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return result;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

int main(int argc, char **argv)
{
    result_t r;

    if (argc > 1 && strcmp(argv[1], "--child") == 0) {
        return child();
    }
    t_watchdog(30);

    r = run((const char *const[]){NULL});
    t_expect_str(r.out, "1 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "rsm: w1\n");

    r = RUN("RSM_LOG=quiet");
    t_expect_str(r.out, "0 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "");
    r = RUN("RSM_LOG=warn");
    t_expect_str(r.err, "rsm: w1\n");
    r = RUN("RSM_LOG=info");
    t_expect_str(r.out, "2 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "rsm: w1\nrsm: node 3: i2\n");
    r = RUN("RSM_LOG=trace");
    t_expect_str(r.out, "3 0 0 0 [] " FILE_AT_FIRST " 1\n");
    t_expect_str(r.err, "rsm: w1\nrsm: node 3: i2\nrsm: node 3: t3\n");

    r = RUN("RSM_PATH=window", "RSM_STRICT_SGIO=1", "RSM_AGENT_CPUS=0,2-3");
    t_expect_str(r.out, "1 1 1 0 [0,2-3] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "rsm: w1\n");
    r = RUN("RSM_STRICT_MEMLOCK=1");
    t_expect_str(r.out, "1 0 0 1 [] " FILE_AT_FIRST " 0\n");
    r = RUN("RSM_STRICT_MEMLOCK=on");
    t_expect_str(r.out, "1 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_eq(count_of(r.err, "RSM_STRICT_MEMLOCK=on"), 1);
    r = RUN("RSM_SEGMENTID_FILE=ids here");
    t_expect_str(r.out, "1 0 0 0 [] [ids here] 0\n");
    r = RUN("RSM_SEGMENTID_FILE="); /* empty is a path, too: one that no file has */
    t_expect_str(r.out, "1 0 0 0 [] [] 0\n");
    r = RUN("RSM_PATH=auto", "RSM_STRICT_SGIO=0", "RSM_AGENT_CPUS=");
    t_expect_str(r.out, "1 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "rsm: w1\n");

    /* Not understood: reported once, by name, with what would do; the others are not touched. */
    r = RUN("RSM_STRICT_SGIO=yes", "RSM_PATH=window");
    t_expect_str(r.out, "1 1 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_eq(count_of(r.err, "RSM_STRICT_SGIO"), 1);
    t_expect_eq(count_of(r.err, "yes"), 1);
    t_expect_eq(count_of(r.err, "0|1"), 1);
    t_expect_eq(count_of(r.err, "\n"), 2);
    r = RUN("RSM_PATH=wind");
    t_expect_str(r.out, "1 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_eq(count_of(r.err, "RSM_PATH=wind "), 1);
    t_expect_eq(count_of(r.err, "\n"), 2);
    r = RUN("RSM_PATH=WINDOW"); /* words are exact */
    t_expect_eq(count_of(r.err, "RSM_PATH"), 1);
    r = RUN("RSM_PATH=windows");
    t_expect_eq(count_of(r.err, "RSM_PATH"), 1);
    r = RUN("RSM_PATH=auto|window");
    t_expect_eq(count_of(r.err, "RSM_PATH"), 1);
    r = RUN("RSM_LOG=loud");
    t_expect_str(r.out, "1 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_eq(count_of(r.err, "RSM_LOG=loud"), 1);
    t_expect_eq(count_of(r.err, "\n"), 2);

    /* The warnings about settings obey the log level. */
    r = RUN("RSM_LOG=quiet", "RSM_PATH=x", "RSM_STRICT_SGIO=x");
    t_expect_str(r.out, "0 0 0 0 [] " FILE_AT_FIRST " 0\n");
    t_expect_str(r.err, "");
    r = RUN("RSM_PATH=x", "RSM_STRICT_SGIO=x", "RSM_LOG=info");
    t_expect_eq(count_of(r.err, "RSM_"), 2);
    t_expect_eq(count_of(r.err, "\n"), 4);
    return t_finish();
}
