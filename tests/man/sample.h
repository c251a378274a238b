/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A header that no program includes: whatever a comment may hold, for the test of mkman.pl. Knows
 * nothing; must not be compiled into anything. The pages made of it are in sample/.
 *
 * Link with -lrsm.
 *
 * Caveats, before all else.
 *
 * One. The first item, over
 *   two lines. With rsm_sample_move("mpi0") in it.
 *
 * The end. The last item, whose second line was
 * wrapped to the margin.
 */
#ifndef RSM_SAMPLE_H
#define RSM_SAMPLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- First section ----------------------------------------------------------------------- */

/** Values of a flag. Bits of `flags`. */
#define RSM_SAMPLE_A 0x1 /* 'a' */
#define RSM_SAMPLE_B (~0x1 & -2)

/** What a sample is. */
typedef struct rsm_sample {
    size_t size;       /* bytes; "\n" is no end */
    int (*call)(void); /* a function that is no public one */
} rsm_sample_t;

/**
 * Move a sample: it goes. Then it rests.
 *
 * Words for troff: .Sh at a line's beginning, and C:\new\fB, and 'quoted', ~ and ^, version->size.
 * Hyphens: one-sided, a 64-bit word, n - k, -1, --long, mpi-glue/README.md.
 * .Pp is no macro here.
 *
 * @param[in]     place       where to; "here" or `there`. Two sentences.
 * It has a line at the margin
 * @param[in,out] list        count entries
 * @param[out]    sample      the sample, or NULL; see rsm_sample_name() and RSM_SAMPLE_A.
 *                            Read (once)
 * @param[in]     count       0 to 5 – inclusive
 *
 * Completion: a paragraph behind the parameters, with MPI_Win_lock(MPI_LOCK_SHARED, 0) and
 * (RSMERR_TIMEOUT).
 *
 * Errors, in the order they are tested:
 * @retval RSMERR_BAD_ADDR      list is NULL, or
 * wrapped to the margin
 * @retval RSMERR_BAD_LENGTH    count is above 5,
 *                              indented
 * Then for each entry, and
 * over two lines:
 * @retval RSMERR_BAD_ADDR      the entry is NULL
 * If all else fails: RSMERR_INTERRUPTED.
 *
 * Source: rsm_sample_move(3RSM) and the guide. Deviation: none; MPI
 * has none. MPI, implicit mode: MPI_Put, then MPI_Win_flush.
 * Explicit mode: nothing.
 */
int rsm_sample_move(const char *place, rsm_sample_t list[], rsm_sample_t **sample,
                    unsigned int count);

/** Tell the name. Errors: none is a sentence here. @param is a word here.
 *
 * Source: an extension. MPI: nothing.
 */
const char *rsm_sample_name(void);

/* ---- Second section ---------------------------------------------------------------------- */

#if !defined(RSM_SAMPLE_LESS)
/**
 * MPI is asked.
 *
 * @param[in] sample  any
 *
 * Errors: those of rsm_sample_move, in its order, and behind the first RSMERR_BAD_ADDR
 * @retval RSMERR_TIMEOUT   too late
 *
 * Source: an extension.
 *
 * MPI: as rsm_sample_move.
 */
int rsm_sample_ask(rsm_sample_t *sample);
#endif

/**
 * Forget a sample.
 *
 * @param[in] sample  any at all
 *
 * Errors: none.
 *
 * Source: rsm_sample_forget(3RSM). Deviation: none.
 * MPI: nothing.
 */
void rsm_sample_forget(rsm_sample_t *sample);

#ifdef __cplusplus
}
#endif

#endif /* RSM_SAMPLE_H */
