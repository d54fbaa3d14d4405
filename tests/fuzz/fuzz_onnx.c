/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the ONNX importer: reads the bytes as a model, runs every pass and writes the .rnm, which
 * the writer reads back. What is accepted is exported both ways, planned for several sizes of its
 * symbols, and run where that is small. Build with -fsanitize=fuzzer,address,undefined;
 * onnx_seeds.py writes the seeds.
 */
#include "job.h"
#include "rnc.h"
#include "rnm.h"
#include "weights_impl.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* More would only make the fuzzer slow. */
#define MOST_PLANNED (1u << 20)

static char target[64], exported[64];

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(target, sizeof target, "%s/fuzz_onnx.%ld.rnm", folder, (long)getpid());
    snprintf(exported, sizeof exported, "%s/fuzz_onnx.%ld.onnx", folder, (long)getpid());
    return 0;
}

/* What is refused must say why. */
static bool accepted(rnm_status status, const rnm_error *error) {
    if (status != RNM_OK && (error->status != status || error->text[0] == '\0')) {
        abort();
    }
    return status == RNM_OK;
}

static void export_both(void) {
    rnm_error error = {0};
    if (!accepted(rnc_export(target, exported, NULL, &error), &error) ||
        !accepted(rnc_export_dense(target, exported, NULL, &error), &error)) {
        return;
    }
    unlink(exported);
}

/* Symbols all of one size. */
static void run_at(const rnm_model *model, int64_t size, int64_t *symbols) {
    rnm_context_options options = {.expand = RNM_EXPAND_PANEL, .max_bytes = MOST_PLANNED};
    rnm_context *context;
    rnm_error error = {0};
    options.symbol_count = rnm_model_symbol_count(model);
    options.symbols = options.symbol_count > 0 ? symbols : NULL;
    for (int k = 0; k < options.symbol_count; k++) {
        symbols[k] = size;
    }
    if (accepted(rnm_context_create(model, &options, &context, &error), &error)) {
        accepted(rnm_context_run(context, &error), &error);
        rnm_context_destroy(context);
    }
}

static void run_all(void) {
    static const int64_t sizes[] = {1, 2, 5, 16};
    const rnm_model_options options = {.max_expanded_bytes = MOST_PLANNED};
    rnm_model *model;
    rnm_error error = {0};
    if (!accepted(rnm_model_open(target, &options, &model, &error), &error)) {
        return;
    }
    int64_t *symbols = calloc((size_t)rnm_model_symbol_count(model) + 1, sizeof *symbols);
    for (size_t k = 0; symbols != NULL && k < sizeof sizes / sizeof *sizes; k++) {
        run_at(model, sizes[k], symbols);
    }
    free(symbols);
    rnm_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    rnc_weights weights;
    rnm_error error = {0};
    if (rnc_weights_open_bytes("input", bytes, size, &weights, &error) != RNM_OK) {
        return 0;
    }
    if (weights.onnx != NULL) {
        rnc_job job;
        rnc_job_begin(&job, &weights, NULL);
        rnm_status status = rnc_job_run(&job, &error);
        if (status == RNM_OK) {
            status = rnc_write_rnm(&job, target, &error);
        }
        if (accepted(status, &error)) {
            export_both();
            run_all();
            unlink(target);
        }
        rnc_job_end(&job);
    }
    rnc_weights_close(&weights);
    return 0;
}
