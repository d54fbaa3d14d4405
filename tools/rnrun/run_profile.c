/* SPDX-License-Identifier: Apache-2.0
 *
 * The time of each layer: medians over runs on made-up input.
 */
#include "run.h"

#include "error.h"
#include "process.h"
#include "timing.h"

#include <stdlib.h>

enum { RUNS_UNASKED = 50 };

/* What is measured: times[layer][run], and behind the last layer those of whole runs. */
typedef struct profile {
    rnm_layer *layers;
    int count;
    double *times;
    size_t runs;
} profile;

static rnm_status measure(rnm_context *context, profile *p, rnm_error *error) {
    for (size_t k = 0; k < TIMING_WARM_UP + p->runs; k++) {
        double start = process_clock();
        rnm_status status = rnm_context_run(context, error);
        if (status != RNM_OK) {
            return status;
        }
        double seconds = process_clock() - start;
        if (k < TIMING_WARM_UP) {
            continue;
        }
        size_t run = k - TIMING_WARM_UP;
        for (int l = 0; l < p->count; l++) {
            rnm_context_layer(context, l, &p->layers[l]);
            p->times[(size_t)l * p->runs + run] = p->layers[l].seconds;
        }
        p->times[(size_t)p->count * p->runs + run] = seconds;
    }
    for (int l = 0; l <= p->count; l++) {
        double *times = p->times + (size_t)l * p->runs;
        timing_sort(times, p->runs);
        if (l < p->count) {
            p->layers[l].seconds = times[p->runs / 2];
        }
    }
    return RNM_OK;
}

int run_profile(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context = NULL;
    rnm_error error = {0};
    rnm_report report;
    profile p = {.runs = settings->bench > 0 ? (size_t)settings->bench : RUNS_UNASKED};
    int exit_code = 0;
    options.profile = true;
    timing_batch(model, &settings->bench_batch, &options);
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        goto failed;
    }
    p.count = rnm_context_layer_count(context);
    p.layers = calloc((size_t)p.count + 1, sizeof *p.layers);
    p.times = calloc((size_t)p.count + 1, p.runs * sizeof *p.times);
    if (p.layers == NULL || p.times == NULL) {
        rnm_fail(&error, RNM_ERR_MEMORY, "no memory for %zu times of %d layers", p.runs, p.count);
        goto failed;
    }
    for (int k = 0; k < rnm_model_input_count(model); k++) {
        timing_input(rnm_context_input(context, k));
    }
    if (measure(context, &p, &error) != RNM_OK) {
        goto failed;
    }
    rnm_context_report(context, &report);
    show_layer_times(
        s, path,
        &(show_profile){.context = context,
                        .layers = p.layers,
                        .count = p.count,
                        .runs = p.runs,
                        .total_seconds = p.times[(size_t)p.count * p.runs + p.runs / 2],
                        .peak = rnm_context_peak(context),
                        .batch = options.symbols != NULL ? options.symbols[0] : 1},
        &report);
    if (settings->report) {
        show_report(s, path, &report);
    }
    goto done;
failed:
    rnm_fail_in(&error, error.status, path);
    exit_code = show_failure(s, NULL, &error);
done:
    rnm_context_destroy(context);
    free(p.times);
    free(p.layers);
    return exit_code;
}
