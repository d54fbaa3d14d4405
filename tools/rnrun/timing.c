/* SPDX-License-Identifier: Apache-2.0
 *
 * What all measurements have in common.
 */
#include "timing.h"

#include "error.h"
#include "process.h"

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

void timing_sort(double *times, size_t count) {
    qsort(times, count, sizeof *times, ascending);
}

/* times[layer][run], and behind the last layer those of whole runs. */
static rnm_status run_all(rnm_context *context, size_t layers, size_t runs, double *times,
                          rnm_error *error) {
    for (size_t k = 0; k < TIMING_WARM_UP + runs; k++) {
        double start = process_clock();
        rnm_status status = rnm_context_run(context, error);
        if (status != RNM_OK) {
            return status;
        }
        double seconds = process_clock() - start;
        if (k < TIMING_WARM_UP) {
            continue;
        }
        for (size_t l = 0; l < layers; l++) {
            rnm_layer layer;
            rnm_context_layer(context, (int)l, &layer);
            times[l * runs + k - TIMING_WARM_UP] = layer.seconds;
        }
        times[layers * runs + k - TIMING_WARM_UP] = seconds;
    }
    return RNM_OK;
}

rnm_status timing_layers(const rnm_model *model, rnm_context *context, size_t runs, double *medians,
                         rnm_error *error) {
    const size_t layers = (size_t)rnm_context_layer_count(context);
    double *times = calloc(layers + 1, runs * sizeof *times);
    if (times == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory for %zu times of %zu layers", runs,
                        layers);
    }
    for (int k = 0; k < rnm_model_input_count(model); k++) {
        timing_input(rnm_context_input(context, k));
    }
    rnm_status status = run_all(context, layers, runs, times, error);
    for (size_t l = 0; status == RNM_OK && l <= layers; l++) {
        timing_sort(times + l * runs, runs);
        medians[l] = times[l * runs + runs / 2];
    }
    free(times);
    return status;
}
