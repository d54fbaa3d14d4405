/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the ONNX importer: reads the bytes as a model, runs every pass and writes the .rnm, which
 * the writer reads back. Build with -fsanitize=fuzzer,address,undefined; onnx_seeds.py writes the
 * seeds.
 */
#include "job.h"
#include "weights_impl.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char target[64];

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(target, sizeof target, "%s/fuzz_onnx.%ld.rnm", folder, (long)getpid());
    return 0;
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
            unlink(target);
        }
        if (status != RNM_OK && (error.status != status || error.text[0] == '\0')) {
            abort(); /* refused without saying why */
        }
        rnc_job_end(&job);
    }
    rnc_weights_close(&weights);
    return 0;
}
