/* SPDX-License-Identifier: Apache-2.0
 *
 * From scores to the most probable classes.
 */
#ifndef RNM_RANK_H
#define RNM_RANK_H

#include "rnm_base.h"

typedef struct ranked_class {
    int64_t index;
    double probability;
} ranked_class;

/* Writes the `most` (at most `classes`) best classes, best first, ties by index, with their softmax
 * probabilities. Scores that are a distribution already, non-negative with sum 1, are taken as they
 * are: some networks end in a softmax of their own. RNM_ERR_VALUE for a score that is not finite.
 */
rnm_status rank_classes(const float *scores, int64_t classes, ranked_class *best, int64_t most,
                        rnm_error *error);

#endif
