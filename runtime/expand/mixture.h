/* SPDX-License-Identifier: Apache-2.0
 *
 * The blocks of an s child as mixtures of a few. A block is b1 * p / (1 + exp(b2 * p)) of the
 * parent p, with a pair of its own (FORMAT.md section 5.2): one function of p each, and smooth
 * ones, which are soon sums of one another. So each block of a child of many is, every weight to
 * about 2^-19 of its b1 * p, a sum of the few that are most unlike each other, with a factor for
 * each.
 */
#ifndef RNM_EXPAND_MIXTURE_H
#define RNM_EXPAND_MIXTURE_H

#include "expand.h"

/* Blocks that a mixture is made of, at most; and blocks of a child. */
#define RNM_MIXTURE_MOST 16
#define RNM_MIXTURE_BLOCKS 256

typedef struct rnm_mixture {
    uint32_t rows, columns;  /* of the child's blocks */
    uint32_t count;          /* of those that all are made of */
    const float *factors;    /* [row][count][column] */
    const float (*betas)[2]; /* [count]; with b1 such that the largest of s(p) / p is about 1 */
} rnm_mixture;

/* Floats that a search needs: of its work, and of what it finds. */
#define RNM_MIXTURE_SAMPLES 96
#define RNM_MIXTURE_WORK (2 * RNM_MIXTURE_BLOCKS * RNM_MIXTURE_SAMPLES)
#define RNM_MIXTURE_FOUND (RNM_MIXTURE_MOST * (2 + RNM_MIXTURE_BLOCKS))

/* Whether a child has whole blocks with a pair each, more than one and not too many. */
bool rnm_mixture_possible(const rnm_child *child);

/* Finds the mixture of a child for which it is possible, in work[RNM_MIXTURE_WORK]; its pairs and
 * factors are in found[RNM_MIXTURE_FOUND] then. False where more than RNM_MIXTURE_MOST blocks, or
 * all of them, would be needed, and where a block bends too sharply to tell: |b2 p| beyond 16; and
 * where a factor has no f32. Any thread. */
bool rnm_mixture_find(const rnm_kernels *kernels, const rnm_child *child, float *work, float *found,
                      rnm_mixture *mixture);

#endif
