/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers' tests ask of a file.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

void check_opens(const fx_buffer *file, rnc_weights *out) {
    rnm_error error = {0};
    if (rnc_weights_open_bytes("test.ckpt", file->bytes, file->size, out, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
}

void check_refused(const fx_buffer *file, rnm_status status, const char *words) {
    rnc_weights weights = {0};
    rnm_error error = {0};
    rnm_status found =
        rnc_weights_open_bytes("test.ckpt", file->bytes, file->size, &weights, &error);
    if (found == RNM_OK) {
        rnc_weights_close(&weights);
        fail_msg("expected to be refused: %s", words);
    }
    if (found != status || error.status != status || strstr(error.text, words) == NULL ||
        strncmp(error.text, "test.ckpt: ", 11) != 0) {
        fail_msg("expected status %d and \"%s\", found %d: %s", status, words, found, error.text);
    }
    /* The caller may not care for words; the answer is the same. */
    assert_int_equal(rnc_weights_open_bytes("test.ckpt", file->bytes, file->size, &weights, NULL),
                     status);
    assert_null(weights.impl);
}

bool check_survives(const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size != 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    rnc_weights weights = {0};
    rnm_error error = {0};
    rnm_status status = rnc_weights_open_bytes("test.ckpt", copy, size, &weights, &error);
    if (status != RNM_OK) {
        assert_int_equal(error.status, status);
        assert_true(strlen(error.text) > strlen("test.ckpt: "));
    }
    for (size_t i = 0; i < weights.count; i++) {
        const rnc_tensor *tensor = &weights.tensors[i];
        assert_ptr_equal(rnc_weights_find(&weights, tensor->name), tensor);
        int64_t count = rnc_tensor_elements(tensor);
        float *elements = malloc((size_t)count * sizeof(float) + 1);
        assert_non_null(elements);
        rnc_tensor_copy_f32(tensor, 0, count, elements);
        free(elements);
    }
    rnc_weights_close(&weights);
    free(copy);
    return status == RNM_OK;
}

void check_elements(const rnc_weights *weights, const char *name, const float *expected,
                    size_t count) {
    const rnc_tensor *tensor = rnc_weights_find(weights, name);
    assert_non_null(tensor);
    assert_int_equal(rnc_tensor_elements(tensor), count);
    float found[64];
    assert_true(count <= 64);
    for (size_t first = 0; first <= count; first++) {
        rnc_tensor_copy_f32(tensor, (int64_t)first, (int64_t)(count - first), found);
        assert_memory_equal(found, expected + first, (count - first) * sizeof(float));
    }
}
