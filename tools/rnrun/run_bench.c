/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing: the network on made-up input, over and over, and the process's peak memory.
 */
#include "run.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Runs before those that count: caches, page tables and clocks settle. */
enum { WARM_UP = 3 };

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Numbers of both signs around 1, the same in every run. */
static void make_input(rnm_tensor *tensor) {
    uint32_t state = 1;
    if (tensor->dtype != RNM_F32) {
        return; /* zeros, as the context made them */
    }
    for (size_t k = 0; k < tensor->bytes / sizeof(float); k++) {
        state = state * 1664525u + 1013904223u;
        ((float *)tensor->data)[k] = (float)(state >> 8) / (float)(1 << 23) - 1.0f;
    }
}

static uint64_t peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* Fills times[count] with seconds, in ascending order. */
static rnm_status measure(rnm_context *context, double *times, size_t count, rnm_error *error) {
    for (size_t k = 0; k < WARM_UP + count; k++) {
        double start = seconds_now();
        rnm_status status = rnm_context_run(context, error);
        if (status != RNM_OK) {
            return status;
        }
        if (k >= WARM_UP) {
            times[k - WARM_UP] = seconds_now() - start;
        }
    }
    qsort(times, count, sizeof *times, ascending);
    return RNM_OK;
}

int run_bench(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context = NULL;
    rnm_error error = {0};
    int64_t symbols[1] = {settings->bench_batch};
    size_t count = (size_t)settings->bench;
    int exit_code = 0;
    double *times = calloc(count, sizeof *times);
    if (rnm_model_symbol_count(model) == 1) {
        options.symbols = symbols;
        options.symbol_count = 1;
    }
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
    for (int k = 0; k < rnm_model_input_count(model); k++) {
        make_input(rnm_context_input(context, k));
    }
    if (measure(context, times, count, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, path);
        exit_code = show_failure(s, NULL, &error);
        goto done;
    }
    rnm_report report;
    rnm_context_report(context, &report);
    show_bench(s, path,
               &(show_timing){.runs = count,
                              .median_ms = 1e3 * times[count / 2],
                              .min_ms = 1e3 * times[0],
                              .batch = options.symbols != NULL ? symbols[0] : 1,
                              .peak_bytes = peak_bytes()},
               &report);
    if (settings->report) {
        show_report(s, path, &report);
    }
done:
    rnm_context_destroy(context);
    free(times);
    return exit_code;
}
