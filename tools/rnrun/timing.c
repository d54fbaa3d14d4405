/* SPDX-License-Identifier: Apache-2.0
 *
 * What all measurements have in common.
 */
#include "timing.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void timing_input(rnm_tensor *tensor) {
    uint32_t state = 1;
    if (tensor->dtype != RNM_F32) {
        return; /* zeros, as the context made them */
    }
    for (size_t k = 0; k < tensor->bytes / sizeof(float); k++) {
        state = state * 1664525u + 1013904223u;
        ((float *)tensor->data)[k] = (float)(state >> 8) / (float)(1 << 23) - 1.0f;
    }
}

void timing_batch(const rnm_model *model, const int64_t *batch, rnm_context_options *options) {
    if (rnm_model_symbol_count(model) == 1) {
        options->symbols = batch;
        options->symbol_count = 1;
    }
}

void timing_sort(double *times, size_t count) {
    qsort(times, count, sizeof *times, ascending);
}
