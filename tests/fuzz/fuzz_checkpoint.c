/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the readers of PyTorch checkpoints and safetensors: opens the bytes as a file of weights
 * and reads every element of every tensor that comes out. Build with
 * -fsanitize=fuzzer,address,undefined; seeds in seeds/checkpoint.
 */
#include "weights_impl.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_all(const rnc_tensor *tensor) {
    int64_t count = rnc_tensor_elements(tensor);
    float *elements = malloc((size_t)count * sizeof *elements + 1);
    if (elements != NULL) {
        rnc_tensor_copy_f32(tensor, 0, count, elements);
        rnc_tensor_copy_f32(tensor, count / 2, count - count / 2, elements);
        free(elements);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    rnc_weights weights;
    rnm_error error = {0};
    rnm_status status = rnc_weights_open_bytes("input", bytes, size, &weights, &error);
    if (status != RNM_OK) {
        if (error.status != status || error.text[0] == '\0') {
            abort(); /* refused without saying why */
        }
        return 0;
    }
    for (size_t i = 0; i < weights.count; i++) {
        if (rnc_weights_find(&weights, weights.tensors[i].name) != &weights.tensors[i]) {
            abort();
        }
        /* Expanded views may be large; enough of them would only make the fuzzer slow. */
        if (i < 64) {
            read_all(&weights.tensors[i]);
        }
    }
    rnc_weights_close(&weights);
    return 0;
}
