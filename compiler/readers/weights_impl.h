/* SPDX-License-Identifier: Apache-2.0
 *
 * Between weights.c and the readers of single containers: the set of tensors being read, and the
 * way in for bytes that are already in memory.
 */
#ifndef RNC_READERS_WEIGHTS_IMPL_H
#define RNC_READERS_WEIGHTS_IMPL_H

#include "arena.h"
#include "error.h"
#include "weights.h"

/* Ceilings a set keeps, whatever the container. */
enum {
    RNC_MAX_TENSORS = 1 << 15,
    RNC_MAX_NAME = 1023,
    /* The memory of a finished set but for its array of tensors: names, sentences. */
    RNC_SET_MEMORY = 8 << 20,
    /* Entries passed over that are reported one by one. */
    RNC_MAX_SKIPPED = 32,
};

/* What a reader fills. */
typedef struct rnc_set {
    rnc_arena arena; /* texts */
    rnc_tensor *tensors;
    size_t count;
    size_t capacity;
    const char *skipped[RNC_MAX_SKIPPED];
    size_t skipped_count;
    rnc_hints hints;
    const struct rnc_onnx *onnx; /* a graph instead of named tensors; NULL for checkpoints */
} rnc_set;

/* Adds a copy of *tensor; its name is copied too. Refuses the tensor over a ceiling and names that
 * are not proper C strings. */
rnm_status rnc_set_add(rnc_set *set, const rnc_tensor *tensor, const char *name, size_t name_length,
                       rnm_error *err);

/* Adds one sentence (control bytes made visible) to what was passed over. There must be room. */
rnm_status rnc_set_skip(rnc_set *set, rnm_error *err, const char *format, ...) RNM_PRINTF(3, 4);

/* Checks that dims and strides of *tensor, from element `offset` on, stay inside a storage of
 * `count` elements at `storage`, and sets tensor->data. Errors do not name the tensor. */
rnm_status rnc_tensor_place(rnc_tensor *tensor, const uint8_t *storage, int64_t count,
                            int64_t offset, rnm_error *err);

/* As rnc_weights_open, for a file whose bytes are in memory; they must outlive *out. `path` only
 * names it. The digest is that of the bytes. */
rnm_status rnc_weights_open_bytes(const char *path, const uint8_t *bytes, size_t size,
                                  rnc_weights *out, rnm_error *err);

#endif
