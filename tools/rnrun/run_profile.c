/* SPDX-License-Identifier: Apache-2.0
 *
 * The time of each layer: medians over runs on made-up input.
 */
#include "run.h"

#include "error.h"
#include "timing.h"

#include <stdlib.h>

enum { RUNS_UNASKED = 50 };

int run_profile(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context = NULL;
    rnm_error error = {0};
    rnm_report report;
    const size_t runs = settings->bench > 0 ? (size_t)settings->bench : RUNS_UNASKED;
    int exit_code = 0, count = 0;
    rnm_layer *layers = NULL;
    double *medians = NULL;
    options.profile = true;
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        goto failed;
    }
    count = rnm_context_layer_count(context);
    layers = calloc((size_t)count + 1, sizeof *layers);
    medians = calloc((size_t)count + 1, sizeof *medians);
    if (layers == NULL || medians == NULL) {
        rnm_fail(&error, RNM_ERR_MEMORY, "no memory for %d layers", count);
        goto failed;
    }
    if (timing_layers(model, context, runs, medians, &error) != RNM_OK) {
        goto failed;
    }
    for (int k = 0; k < count; k++) {
        rnm_context_layer(context, k, &layers[k]);
        layers[k].seconds = medians[k];
    }
    rnm_context_report(context, &report);
    show_layer_times(
        s, path,
        &(show_profile){.context = context,
                        .layers = layers,
                        .count = count,
                        .runs = runs,
                        .total_seconds = medians[count],
                        .peak = rnm_context_peak(context),
                        .batch = rnm_model_symbol_count(model) > 0 ? settings->bench_batch : 1},
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
    free(medians);
    free(layers);
    return exit_code;
}
