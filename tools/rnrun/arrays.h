/* SPDX-License-Identifier: Apache-2.0
 *
 * The .npy files of a run: which file is which input or output, what they bind the model's symbols
 * to, and along which symbol a run may be cut into chunks.
 */
#ifndef RNRUN_ARRAYS_H
#define RNRUN_ARRAYS_H

#include "npy.h"
#include "settings.h"

/* Arrays of pointers and numbers have an entry for each input, output or symbol of the model. */
typedef struct arrays {
    const rnm_model *model;
    const char **input_paths;
    const char **output_paths; /* NULL: not wanted */
    npy_reader *readers;
    npy_writer *writers;
    int64_t *symbols;
    int batch;     /* the symbol that is the first dim of what is cut into chunks, or -1 */
    int64_t total; /* what the files bind that symbol to; 1 without one */
    int64_t chunk; /* how much of it goes into one run */
} arrays;

/* Opens the inputs and checks them against the model, binds the symbols, chooses the chunk: as even
 * as can be, at most settings->batch. After a failure arrays_close is still the caller's to call.
 * RNM_ERR_ARGUMENT, _SHAPE, and what npy_open gives. */
rnm_status arrays_open(arrays *a, const rnm_model *model, const rnrun_settings *settings,
                       rnm_error *error);

/* Starts the files of the wanted outputs. */
rnm_status arrays_create_outputs(arrays *a, const rnm_context *context, rnm_error *error);

/* Fills the context's inputs with the `count` items behind those read before; what has no batch is
 * read the first time only. */
rnm_status arrays_read(arrays *a, rnm_context *context, int64_t count, rnm_error *error);

/* Appends the first `count` items of every wanted output. */
rnm_status arrays_write(arrays *a, const rnm_context *context, int64_t count, rnm_error *error);

/* Makes the outputs appear under their names. */
rnm_status arrays_commit(arrays *a, rnm_error *error);

/* Closes everything and takes away what was not committed. */
void arrays_close(arrays *a);

/* True when the value's first dim is the batch. */
bool arrays_is_batched(const arrays *a, const rnm_value_info *value);

#endif
