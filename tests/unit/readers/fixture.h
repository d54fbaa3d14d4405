/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes checkpoints for the readers' tests, good ones and parts of bad ones: the opcodes of a
 * pickle, zip archives of stored members, legacy files. Running out of memory ends the test.
 */
#ifndef RNM_TESTS_READERS_FIXTURE_H
#define RNM_TESTS_READERS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fx_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
} fx_buffer;

void fx_put(fx_buffer *to, const void *bytes, size_t size);
/* `size` bytes, also more than 8: the rest is zero. */
void fx_put_le(fx_buffer *to, uint64_t value, unsigned size);
void fx_free(fx_buffer *buffer);

/* Where `text` first occurs in `in`; the test fails when it does not. */
size_t fx_find(const fx_buffer *in, const void *text, size_t size);

/* Opcodes given as a C string, without its terminator: bytes below 0x80 except 0. */
void fx_ops(fx_buffer *pickle, const char *ops);
void fx_begin(fx_buffer *pickle); /* PROTO 2 */
void fx_text(fx_buffer *pickle, const char *text);
void fx_int(fx_buffer *pickle, int64_t value);
void fx_bool(fx_buffer *pickle, bool value);
void fx_global(fx_buffer *pickle, const char *module, const char *name);
void fx_ordered_dict(fx_buffer *pickle); /* an empty one */

/* One storage of a file. */
typedef struct fx_storage {
    const char *key;
    const char *type; /* "FloatStorage", ... */
    int64_t count;
    const void *bytes;
    size_t size; /* of bytes */
} fx_storage;

/* A view of a storage as _rebuild_tensor_v2 is asked for it. */
typedef struct fx_view {
    const fx_storage *storage;
    int64_t offset;
    int rank;
    int64_t dims[9];
    int64_t strides[9];
    bool parameter;  /* wrapped in _rebuild_parameter */
    bool legacy;     /* the persistent id has a sixth member: */
    int64_t view[2]; /* ... (key, offset, count), or None when count is 0 */
} fx_view;

void fx_tensor(fx_buffer *pickle, const fx_view *view);

/* An archive in the making. */
typedef struct fx_zip {
    fx_buffer file;
    fx_buffer central;
    unsigned count;
} fx_zip;

/* As PyTorch writes it: flags 0x0808, zeros in the local header, a descriptor behind the data,
 * data aligned to 64 bytes. */
void fx_zip_add(fx_zip *zip, const char *name, const void *bytes, size_t size);

/* Writes directory and end records, the zip64 ones too when asked. The bytes are in zip->file. */
void fx_zip_end(fx_zip *zip, bool zip64);
void fx_zip_free(fx_zip *zip);

/* Whole files around a finished pickle. */
fx_buffer fx_zip_file(const fx_buffer *pickle, const fx_storage *storages, size_t count);
fx_buffer fx_legacy_file(const fx_buffer *pickle, const fx_storage *storages, size_t count);

/* A small checkpoint as Lightning writes it: `state_dict` with model.weight f32[2,3] = 0..5,
 * model.half f16[2], model.steps i64 scalar 7 and model.transposed, a [3,2] view of model.weight;
 * optimizer state with one more tensor; hyper_parameters.args (network "net_4", activation "swish",
 * data set "CIFAR10", 10 classes, datapath None). */
fx_buffer fx_checkpoint(bool legacy);

#endif
