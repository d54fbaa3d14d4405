/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing: the network on made-up input, over and over, its first answer, and the process's peak
 * memory.
 */
#include "run.h"

#include "error.h"
#include "process.h"
#include "timing.h"

#include <stdlib.h>

/* Fills times[count] with seconds, in ascending order, and *first with when the first run ended. */
static rnm_status measure(rnm_context *context, double *times, size_t count, double *first,
                          rnm_error *error) {
    for (size_t k = 0; k < TIMING_WARM_UP + count; k++) {
        double start = process_clock();
        rnm_status status = rnm_context_run(context, error);
        if (status != RNM_OK) {
            return status;
        }
        double end = process_clock();
        if (k == 0) {
            *first = end;
        }
        if (k >= TIMING_WARM_UP) {
            times[k - TIMING_WARM_UP] = end - start;
        }
    }
    timing_sort(times, count);
    return RNM_OK;
}

int run_bench(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context = NULL;
    rnm_error error = {0};
    size_t count = (size_t)settings->bench;
    int exit_code = 0;
    double loaded, first = 0;
    double *times = calloc(count, sizeof *times);
    if (times == NULL) {
        rnm_fail(&error, RNM_ERR_MEMORY, "no memory for %zu times", count);
        exit_code = show_failure(s, NULL, &error);
        goto done;
    }
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, path);
        exit_code = show_failure(s, NULL, &error);
        goto done;
    }
    loaded = process_clock();
    for (int k = 0; k < rnm_model_input_count(model); k++) {
        timing_input(rnm_context_input(context, k));
    }
    if (measure(context, times, count, &first, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, path);
        exit_code = show_failure(s, NULL, &error);
        goto done;
    }
    rnm_report report;
    rnm_context_report(context, &report);
    show_bench(
        s, path,
        &(show_timing){.runs = count,
                       .median_ms = 1e3 * times[count / 2],
                       .min_ms = 1e3 * times[0],
                       .batch = rnm_model_symbol_count(model) > 0 ? settings->bench_batch : 1,
                       .load_ms = 1e3 * (loaded - settings->load_began),
                       .first_answer_ms = 1e3 * (first - settings->began),
                       .peak_bytes = process_peak_bytes()},
        &report);
    if (settings->report) {
        show_report(s, path, &report);
    }
done:
    rnm_context_destroy(context);
    free(times);
    return exit_code;
}
