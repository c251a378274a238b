/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing code of all benchmarks, and there is no other. Knows how to take samples that a busy
 * machine spoils as little as possible, and how to print them; must not know MPI or RSMAPI.
 *
 * A sample is as many calls as take a few hundred microseconds: long against the clock, short
 * against a time slice, so that most samples are not interrupted at all. A round is one sample of
 * each side, back to back; odd rounds turn the order around, because whoever comes second finds
 * other caches and another clock frequency. The ratio is taken inside a round, where both sides met
 * the same machine, and only then the median over rounds.
 */
#include "bench.h"

#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_NS 400e3   /* wanted length of a sample */
#define REPS_MAX 100000UL /* bounds a sample of something that takes no time */
#define ROUNDS_MAX 400    /* more do not move a median */
#define WARMUP_ROUNDS 2   /* even, so that the counted rounds start with A B too */

/*
 * How long a row may take. It ends after `rounds_min` rounds and `enough_ns`; if the quartiles are
 * then still further apart than `spread`, the machine was busy and the row goes on. It ends in any
 * case at `limit_ns`, but not before `rounds_floor`: calls of many milliseconds must not eat the
 * whole run. The verdict never decides when to stop: to go on until a row is good would be to
 * choose the result.
 */
typedef struct plan {
    unsigned rounds_min;
    unsigned rounds_floor;
    double enough_ns;
    double limit_ns;
    double spread;
} plan_t;

static const plan_t plan_full = {40, 6, 0.5e9, 2.4e9, 0.1};
static const plan_t plan_quick = {10, 4, 0.04e9, 0.15e9, 0.1};

/* Samples of one row, in nanoseconds per call. */
typedef struct samples {
    unsigned rounds;
    unsigned long reps;
    double a[ROUNDS_MAX];
    double b[ROUNDS_MAX];
    double ratio[ROUNDS_MAX];
} samples_t;

typedef struct result {
    double a_best, a_median;
    double b_best, b_median;
    double ratio_q1, ratio_median, ratio_q3;
    double over_ns;
    bool ok;
} result_t;

/* ---- Command line ------------------------------------------------------------------------ */

enum { OPT_CSV = 256, OPT_QUICK, OPT_ASSERT, OPT_SELF, OPT_TARGET, OPT_ONLY };

static const struct option long_options[] = {
    {"csv", optional_argument, NULL, OPT_CSV},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"assert", no_argument, NULL, OPT_ASSERT},
    {"self", no_argument, NULL, OPT_SELF},
    {"target", required_argument, NULL, OPT_TARGET},
    {"only", required_argument, NULL, OPT_ONLY},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void b_usage(const char *program, const char *what)
{
    printf("usage: mpirun -np 2 %s [options]\n%s\n\n", program, what);
    printf("  --quick          few shapes and rounds; a few seconds\n"
           "  --csv            CSV instead of a table\n"
           "  --csv=FILE       CSV into FILE, besides the table\n"
           "  --assert         exit with 2 if a row is over the bound\n"
           "  --self           raw MPI on both sides: shows what the harness itself adds\n"
           "  --target=sleep   the target's main thread sleeps while rank 1 measures (default)\n"
           "  --target=poll    it calls MPI all the time instead\n"
           "  --only=TEXT      only rows whose \"NAME PIECESxBYTES\" contains TEXT\n"
           "  --help           this text\n\n");
    printf("A row is ok if the median ratio is at most %.2f, or the medians differ by at most %.0f "
           "ns per call.\n"
           "Exit code: 0 ran and all data was right, 1 wrong data or an error, 2 see --assert.\n",
           B_BOUND_RATIO, B_BOUND_NS);
}

static bool parse_target(const char *text, b_target_t *target)
{
    if (text != NULL && strcmp(text, "sleep") == 0) {
        *target = B_TARGET_SLEEP;
    } else if (text != NULL && strcmp(text, "poll") == 0) {
        *target = B_TARGET_POLL;
    } else {
        fprintf(stderr, "--target is sleep or poll, not %s\n", text != NULL ? text : "nothing");
        return false;
    }
    return true;
}

bool b_parse(int argc, char **argv, b_options_t *options)
{
    int opt;

    memset(options, 0, sizeof *options);
    while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (opt) {
        case 'h':
            options->help = true;
            break;
        case OPT_CSV:
            options->csv = optarg == NULL;
            options->csv_file = optarg;
            break;
        case OPT_QUICK:
            options->quick = true;
            break;
        case OPT_ASSERT:
            options->assert_bounds = true;
            break;
        case OPT_SELF:
            options->self = true;
            break;
        case OPT_TARGET:
            if (!parse_target(optarg, &options->target)) {
                return false;
            }
            break;
        case OPT_ONLY:
            options->only = optarg;
            break;
        default:
            return false; /* getopt_long has said why */
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: argument not understood: %s\n", argv[0], argv[optind]);
        return false;
    }
    return true;
}

/* ---- Clock and statistics ---------------------------------------------------------------- */

static double now_ns(void)
{
    struct timespec t;

    /* RAW: a time daemon that slews the clock must not stretch one side of a ratio. */
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double l = *(const double *)left;
    double r = *(const double *)right;

    return (l > r) - (l < r);
}

/* Value below which the share `q` of the sorted numbers lies, interpolated. */
static double quantile(const double *sorted, unsigned count, double q)
{
    double place = q * (double)(count - 1);
    unsigned low = (unsigned)place;
    unsigned high = low + 1 < count ? low + 1 : low;

    return sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
}

static void evaluate(samples_t *s, result_t *r)
{
    qsort(s->a, s->rounds, sizeof s->a[0], compare_doubles);
    qsort(s->b, s->rounds, sizeof s->b[0], compare_doubles);
    qsort(s->ratio, s->rounds, sizeof s->ratio[0], compare_doubles);
    r->a_best = s->a[0];
    r->a_median = quantile(s->a, s->rounds, 0.5);
    r->b_best = s->b[0];
    r->b_median = quantile(s->b, s->rounds, 0.5);
    r->ratio_q1 = quantile(s->ratio, s->rounds, 0.25);
    r->ratio_median = quantile(s->ratio, s->rounds, 0.5);
    r->ratio_q3 = quantile(s->ratio, s->rounds, 0.75);
    r->over_ns = r->a_median - r->b_median;
    r->ok = r->ratio_median <= B_BOUND_RATIO || r->over_ns <= B_BOUND_NS;
}

/* ---- Samples ----------------------------------------------------------------------------- */

static int fail(const b_case_t *c, const char *who, const char *what, int code)
{
    fprintf(stderr, "%s, %zu x %zu B, %s: %s (code %d)\n", c->name, c->pieces, c->piece_bytes, who,
            what, code);
    return 1;
}

/* One sample: nanoseconds per call in *ns. */
static int take_sample(const b_case_t *c, const b_side_t *side, unsigned long reps, double *ns)
{
    unsigned long i;
    double start;
    int code = c->prime != NULL ? c->prime(c->ctx) : 0;

    if (code != 0) {
        return fail(c, "before a sample", "the untimed call failed", code);
    }
    start = now_ns();
    for (i = 0; i < reps && code == 0; i++) {
        code = side->run(side->ctx);
    }
    *ns = (now_ns() - start) / (double)reps;
    return code == 0 ? 0 : fail(c, side->name, "the call failed", code);
}

/* How many calls make a sample. The same number for both sides, so that fixed costs cancel. */
static int calibrate(const b_case_t *c, unsigned long *reps)
{
    double a;
    double b;
    double fastest;
    double grown;

    for (*reps = 1;;) {
        if (take_sample(c, &c->a, *reps, &a) != 0 || take_sample(c, &c->b, *reps, &b) != 0) {
            return 1;
        }
        fastest = (a < b ? a : b) * (double)*reps;
        if (fastest >= SAMPLE_NS * 0.7 || *reps >= REPS_MAX) {
            return 0;
        }
        /* In steps: the first calls are slow, and a number derived from them would be too small. */
        grown = (double)*reps * (fastest > 0 ? SAMPLE_NS / fastest : 8.0);
        if (grown > (double)*reps * 8.0) {
            grown = (double)*reps * 8.0;
        }
        if (grown < (double)*reps + 1.0) {
            grown = (double)*reps + 1.0;
        }
        *reps = (unsigned long)grown;
    }
}

static double spread_of(const samples_t *s)
{
    static double sorted[ROUNDS_MAX];

    memcpy(sorted, s->ratio, s->rounds * sizeof sorted[0]);
    qsort(sorted, s->rounds, sizeof sorted[0], compare_doubles);
    return quantile(sorted, s->rounds, 0.75) - quantile(sorted, s->rounds, 0.25);
}

static bool rounds_done(const plan_t *plan, const samples_t *s, double elapsed)
{
    if (s->rounds == 0 || s->rounds % 2 != 0) {
        return false; /* each order equally often */
    }
    if (s->rounds >= ROUNDS_MAX || (s->rounds >= plan->rounds_floor && elapsed >= plan->limit_ns)) {
        return true;
    }
    return s->rounds >= plan->rounds_min && elapsed >= plan->enough_ns &&
           spread_of(s) <= plan->spread;
}

static int take_rounds(const b_case_t *c, const plan_t *plan, samples_t *s)
{
    double start = now_ns();
    double a = 0;
    double b = 0;
    unsigned round;

    s->rounds = 0;
    if (calibrate(c, &s->reps) != 0) {
        return 1;
    }
    for (round = 0; !rounds_done(plan, s, now_ns() - start); round++) {
        const b_side_t *first = round % 2 == 0 ? &c->a : &c->b;
        const b_side_t *second = round % 2 == 0 ? &c->b : &c->a;
        double *first_ns = round % 2 == 0 ? &a : &b;
        double *second_ns = round % 2 == 0 ? &b : &a;

        if (take_sample(c, first, s->reps, first_ns) != 0 ||
            take_sample(c, second, s->reps, second_ns) != 0) {
            return 1;
        }
        if (round < WARMUP_ROUNDS) {
            continue;
        }
        s->a[s->rounds] = a;
        s->b[s->rounds] = b;
        s->ratio[s->rounds] = a / b;
        s->rounds++;
    }
    return 0;
}

/* Both sides must deliver the same bytes, or their times mean nothing. */
static int prove(b_bench_t *bench, const b_case_t *c)
{
    const b_side_t *sides[2] = {&c->a, &c->b};
    int i;

    for (i = 0; i < 2; i++) {
        uint64_t seed = ++bench->seed;
        int code = c->prepare(c->ctx, seed);

        if (code != 0) {
            return fail(c, sides[i]->name, "could not prepare the data", code);
        }
        code = sides[i]->run(sides[i]->ctx);
        if (code != 0) {
            return fail(c, sides[i]->name, "the call failed", code);
        }
        code = c->verify(c->ctx, seed);
        if (code != 0) {
            return fail(c, sides[i]->name, "wrong data", code);
        }
    }
    return 0;
}

double b_once(const b_side_t *side)
{
    double start = now_ns();
    int code = side->run(side->ctx);
    double end = now_ns();

    return code == 0 ? end - start : -1.0;
}

/* ---- Output ------------------------------------------------------------------------------ */

bool b_begin(b_bench_t *bench, const b_options_t *options)
{
    memset(bench, 0, sizeof *bench);
    bench->options = *options;
    bench->table = !options->csv;
    bench->csv = options->csv ? stdout : NULL;
    if (options->csv_file != NULL) {
        bench->csv = fopen(options->csv_file, "w");
        if (bench->csv == NULL) {
            perror(options->csv_file);
            return false;
        }
    }
    return true;
}

void b_note(b_bench_t *bench, const char *key, const char *text)
{
    int length = (int)strcspn(text, "\r\n");

    if (bench->table) {
        printf("# %s: %.*s\n", key, length, text);
    }
    if (bench->csv != NULL) {
        fprintf(bench->csv, "# %s: %.*s\n", key, length, text);
    }
}

static void note_cpu(b_bench_t *bench)
{
    char line[256];
    const char *model = "unknown";
    FILE *f = fopen("/proc/cpuinfo", "r");

    if (f != NULL) {
        while (fgets(line, sizeof line, f) != NULL) {
            char *colon = strchr(line, ':');

            if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
                model = colon[1] == ' ' ? colon + 2 : colon + 1;
                break;
            }
        }
        fclose(f);
    }
    b_note(bench, "cpu", model);
}

static void note_load(b_bench_t *bench)
{
    char line[128];
    FILE *f = fopen("/proc/loadavg", "r");

    if (f != NULL) {
        if (fgets(line, sizeof line, f) != NULL) {
            b_note(bench, "load average before", line);
        }
        fclose(f);
    }
}

static void note_binding(b_bench_t *bench)
{
    char text[256] = "";
    size_t used = 0;
    cpu_set_t set;
    size_t cpu;

    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return;
    }
    for (cpu = 0; cpu < CPU_SETSIZE && used + 8 < sizeof text; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", used > 0 ? " " : "",
                                     cpu);
        }
    }
    b_note(bench, "measuring rank may run on cpus", text);
}

void b_note_machine(b_bench_t *bench)
{
    const plan_t *plan = bench->options.quick ? &plan_quick : &plan_full;
    char text[256];
    time_t now = time(NULL);
    struct tm utc;

    note_cpu(bench);
    note_load(bench);
    note_binding(bench);
#ifdef __clang__
    b_note(bench, "compiler", "clang " __clang_version__);
#elif defined(__GNUC__)
    b_note(bench, "compiler", "gcc " __VERSION__);
#endif
    if (gmtime_r(&now, &utc) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc) > 0) {
        b_note(bench, "date", text);
    }
    snprintf(
        text, sizeof text,
        "%u to %d rounds of one sample each, A B and B A in turn, a sample about %.0f us; slow "
        "calls: what fits into %.2g s, at least %u",
        plan->rounds_min, ROUNDS_MAX, SAMPLE_NS / 1e3, plan->limit_ns / 1e9, plan->rounds_floor);
    b_note(bench, "method", text);
    snprintf(text, sizeof text, "ratio at most %.2f, or at most %.0f ns over, per call",
             B_BOUND_RATIO, B_BOUND_NS);
    b_note(bench, "bound", text);
}

bool b_wanted(const b_bench_t *bench, const char *name, size_t pieces, size_t piece_bytes)
{
    char text[128];

    if (bench->options.only == NULL) {
        return true;
    }
    snprintf(text, sizeof text, "%s %zux%zu", name, pieces, piece_bytes);
    return strstr(text, bench->options.only) != NULL;
}

static void print_headings(b_bench_t *bench, const b_case_t *c)
{
    char text[128];

    if (bench->heading_printed) {
        return;
    }
    bench->heading_printed = true;
    snprintf(text, sizeof text, "A = %s, B = %s; ratio = A / B; times in ns per call", c->a.name,
             c->b.name);
    b_note(bench, "sides", text);
    if (bench->table) {
        printf("%-14s %6s %8s  %12s %12s  %12s %12s  %6s %6s %6s  %10s  %-4s %6s\n", "operation",
               "pieces", "bytes", "A best", "A median", "B best", "B median", "ratio", "q1", "q3",
               "over ns", "", "rounds");
    }
    if (bench->csv != NULL) {
        fprintf(bench->csv, "operation,pieces,piece_bytes,a_best_ns,a_median_ns,b_best_ns,"
                            "b_median_ns,ratio_median,ratio_q1,ratio_q3,over_ns,verdict,rounds,"
                            "calls_per_sample\n");
    }
}

static void print_row(b_bench_t *bench, const b_case_t *c, const samples_t *s, const result_t *r)
{
    const char *verdict = r->ok ? "ok" : "OVER";

    print_headings(bench, c);
    if (bench->table) {
        printf("%-14s %6zu %8zu  %12.0f %12.0f  %12.0f %12.0f  %6.3f %6.3f %6.3f  %10.0f  %-4s "
               "%6u\n",
               c->name, c->pieces, c->piece_bytes, r->a_best, r->a_median, r->b_best, r->b_median,
               r->ratio_median, r->ratio_q1, r->ratio_q3, r->over_ns, verdict, s->rounds);
        fflush(stdout);
    }
    if (bench->csv != NULL) {
        fprintf(bench->csv, "%s,%zu,%zu,%.1f,%.1f,%.1f,%.1f,%.4f,%.4f,%.4f,%.1f,%s,%u,%lu\n",
                c->name, c->pieces, c->piece_bytes, r->a_best, r->a_median, r->b_best, r->b_median,
                r->ratio_median, r->ratio_q1, r->ratio_q3, r->over_ns, verdict, s->rounds, s->reps);
        fflush(bench->csv);
    }
}

int b_compare(b_bench_t *bench, const b_case_t *c)
{
    static samples_t samples; /* large, and one thread measures */
    result_t result;

    if (prove(bench, c) != 0 ||
        take_rounds(c, bench->options.quick ? &plan_quick : &plan_full, &samples) != 0 ||
        prove(bench, c) != 0) {
        return 1;
    }
    evaluate(&samples, &result);
    print_row(bench, c, &samples, &result);

    if (bench->rows < B_ROWS_MAX) {
        bench->ratios[bench->rows] = result.ratio_median;
    }
    bench->rows++;
    bench->rows_over += !result.ok;
    if (result.ratio_median > bench->worst_ratio) {
        bench->worst_ratio = result.ratio_median;
        snprintf(bench->worst_name, sizeof bench->worst_name, "%s %zux%zu", c->name, c->pieces,
                 c->piece_bytes);
    }
    return 0;
}

int b_end(b_bench_t *bench)
{
    char text[256];
    bool complete = true;

    if (bench->rows > 0) {
        unsigned kept = (unsigned)(bench->rows < B_ROWS_MAX ? bench->rows : B_ROWS_MAX);

        qsort(bench->ratios, kept, sizeof bench->ratios[0], compare_doubles);
        snprintf(text, sizeof text,
                 "%zu rows, %zu over the bound; median of their ratios %.3f, largest %.3f (%s)",
                 bench->rows, bench->rows_over, quantile(bench->ratios, kept, 0.5),
                 bench->worst_ratio, bench->worst_name);
        b_note(bench, "summary", text);
    } else {
        b_note(bench, "summary", "no rows");
    }
    if (bench->csv != NULL && bench->csv != stdout) {
        complete = fclose(bench->csv) == 0;
    }
    bench->csv = NULL;
    complete = fflush(stdout) == 0 && complete;
    if (!complete) {
        perror("writing results");
        return B_EXIT_ERROR;
    }
    return bench->options.assert_bounds && bench->rows_over > 0 ? B_EXIT_OVER : B_EXIT_OK;
}
