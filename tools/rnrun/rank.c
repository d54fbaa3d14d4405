/* SPDX-License-Identifier: Apache-2.0
 *
 * From scores to the most probable classes.
 */
#include "rank.h"

#include "error.h"

#include <math.h>
#include <stdbool.h>

/* How far from 1 a sum of float probabilities may be. */
#define SUM_TOLERANCE 1e-4

/* Puts the classes with the highest scores in order, by insertion: `most` is small. */
static void select_best(const float *scores, int64_t classes, ranked_class *best, int64_t most) {
    int64_t held = 0;
    for (int64_t c = 0; c < classes; c++) {
        if (held == most && !(scores[c] > scores[best[held - 1].index])) {
            continue;
        }
        int64_t at = held < most ? held++ : most - 1;
        for (; at > 0 && scores[c] > scores[best[at - 1].index]; at--) {
            best[at] = best[at - 1];
        }
        best[at].index = c;
    }
}

rnm_status rank_classes(const float *scores, int64_t classes, ranked_class *best, int64_t most,
                        rnm_error *error) {
    bool negative = false;
    double sum = 0, exp_sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        if (!isfinite(scores[c])) {
            return rnm_fail(error, RNM_ERR_VALUE,
                            "the score of class %lld is %f; expected a "
                            "finite number",
                            (long long)c, (double)scores[c]);
        }
        negative = negative || scores[c] < 0;
        sum += (double)scores[c];
    }
    select_best(scores, classes, best, most);
    double top = (double)scores[best[0].index];
    for (int64_t c = 0; c < classes; c++) {
        exp_sum += exp((double)scores[c] - top);
    }
    bool distribution = !negative && fabs(sum - 1) <= SUM_TOLERANCE;
    for (int64_t k = 0; k < most; k++) {
        double score = (double)scores[best[k].index];
        best[k].probability = distribution ? score : exp(score - top) / exp_sum;
    }
    return RNM_OK;
}
