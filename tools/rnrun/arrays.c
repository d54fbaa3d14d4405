/* SPDX-License-Identifier: Apache-2.0
 *
 * The .npy files of a run.
 */
#include "arrays.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

typedef const rnm_value_info *(*value_getter)(const rnm_model *model, int index);

/* ---- which file is which --------------------------------------------------------------------- */

/* The value that "NAME=FILE" or "FILE" (the first value's) is for, and the file; -1 for none. */
static int find_value(const arrays *a, value_getter get, int count, const char *text,
                      const char **path) {
    for (int i = 0; i < count; i++) {
        const char *name = get(a->model, i)->name;
        size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && text[length] == '=') {
            *path = text + length + 1;
            return **path != '\0' ? i : -1;
        }
    }
    *path = text;
    return strchr(text, '=') == NULL ? 0 : -1;
}

/* Sorts what was given to --`option` into `paths`, one for each value. */
static rnm_status assign_paths(const arrays *a, const cli_list *given, value_getter get, int count,
                               const char *option, const char **paths, rnm_error *error) {
    for (size_t g = 0; g < given->count; g++) {
        const char *path;
        int index = find_value(a, get, count, given->items[g], &path);
        if (index < 0) {
            return rnm_fail(error, RNM_ERR_ARGUMENT,
                            "--%s=%s: expected NAME=FILE with a name of the model, such as '%s'",
                            option, given->items[g], get(a->model, 0)->name);
        }
        if (paths[index] != NULL) {
            return rnm_fail(error, RNM_ERR_ARGUMENT, "--%s=%s: '%s' was given a file already",
                            option, given->items[g], get(a->model, index)->name);
        }
        paths[index] = path;
    }
    return RNM_OK;
}

/* Two outputs under one name would leave only the last. */
static rnm_status check_distinct(const char *const *paths, int count, rnm_error *error) {
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++) {
            if (paths[i] != NULL && paths[k] != NULL && strcmp(paths[i], paths[k]) == 0) {
                return rnm_fail(error, RNM_ERR_ARGUMENT, "--output: two outputs go to '%s'",
                                paths[i]);
            }
        }
    }
    return RNM_OK;
}

static rnm_status assign_all(arrays *a, const rnrun_settings *settings, rnm_error *error) {
    int inputs = rnm_model_input_count(a->model), outputs = rnm_model_output_count(a->model);
    /* A .npy file among the positional ones is the input. */
    cli_list file = {.items = settings->files.items + 1, .count = settings->files.count - 1};
    rnm_status status = RNM_OK;
    if (file.count > 0) {
        a->input_paths[0] = file.items[0];
    } else {
        status = assign_paths(a, &settings->inputs, rnm_model_input, inputs, "input",
                              a->input_paths, error);
    }
    if (status == RNM_OK) {
        status = assign_paths(a, &settings->outputs, rnm_model_output, outputs, "output",
                              a->output_paths, error);
    }
    if (status == RNM_OK) {
        status = check_distinct(a->output_paths, outputs, error);
    }
    for (int i = 0; status == RNM_OK && i < inputs; i++) {
        if (a->input_paths[i] == NULL) {
            const char *name = rnm_model_input(a->model, i)->name;
            status =
                rnm_fail(error, RNM_ERR_ARGUMENT,
                         "input '%s' has no file; give it with --input '%s=FILE.npy'", name, name);
        }
    }
    return status;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

#define DIMS_SIZE (RNM_MAX_RANK * 24 + 8)

/* "[N, 3, 32, 32]"; names too long for a sentence become "?". */
static const char *dims_text(const rnm_model *model, const rnm_value_info *value,
                             char text[DIMS_SIZE]) {
    size_t used = (size_t)snprintf(text, DIMS_SIZE, "[");
    for (int d = 0; d < value->rank; d++) {
        int64_t dim = value->dims[d];
        const char *between = d > 0 ? ", " : "";
        const char *name = dim < 0 ? rnm_model_symbol(model, (int)(-1 - dim)) : NULL;
        used += (size_t)(dim >= 0 ? snprintf(text + used, DIMS_SIZE - used, "%s%lld", between,
                                             (long long)dim)
                                  : snprintf(text + used, DIMS_SIZE - used, "%s%s", between,
                                             name != NULL && strlen(name) < 16 ? name : "?"));
    }
    snprintf(text + used, DIMS_SIZE - used, "]");
    return text;
}

/* Checks a file against its input and binds the symbols that no file before has bound (0). */
static rnm_status bind(arrays *a, const rnm_value_info *value, const npy_reader *file,
                       rnm_error *error) {
    const npy_info *found = &file->info;
    bool fits = found->dtype == value->dtype && found->rank == value->rank;
    for (int d = 0; fits && d < value->rank; d++) {
        int64_t wanted = value->dims[d];
        if (wanted < 0) {
            int64_t *bound = &a->symbols[-1 - wanted];
            *bound = *bound != 0 ? *bound : found->dims[d];
            wanted = *bound;
        }
        fits = found->dims[d] == wanted && wanted > 0;
    }
    if (!fits) {
        char expected[DIMS_SIZE], shape[NPY_SHAPE_SIZE];
        return rnm_fail(error, RNM_ERR_SHAPE, "%s: input '%s' is %s %s, found %s %s", file->path,
                        value->name, rnm_dtype_name(value->dtype),
                        dims_text(a->model, value, expected), rnm_dtype_name(found->dtype),
                        npy_shape_text(found, shape));
    }
    return RNM_OK;
}

bool arrays_is_batched(const arrays *a, const rnm_value_info *value) {
    return a->batch >= 0 && value->rank > 0 && value->dims[0] == -1 - a->batch;
}

/* How often a symbol stands in a value behind the first dim. */
static bool stands_behind(const rnm_value_info *value, int64_t dim) {
    for (int d = 1; d < value->rank; d++) {
        if (value->dims[d] == dim) {
            return true;
        }
    }
    return false;
}

/* The first input's first dim can be cut into chunks if its symbol stands first wherever it stands,
 * and every output has it. */
static int find_batch(const rnm_model *model) {
    const rnm_value_info *first = rnm_model_input(model, 0);
    if (first->rank == 0 || first->dims[0] >= 0) {
        return -1;
    }
    for (int i = 0; i < rnm_model_input_count(model); i++) {
        if (stands_behind(rnm_model_input(model, i), first->dims[0])) {
            return -1;
        }
    }
    for (int o = 0; o < rnm_model_output_count(model); o++) {
        const rnm_value_info *output = rnm_model_output(model, o);
        if (output->rank == 0 || output->dims[0] != first->dims[0] ||
            stands_behind(output, first->dims[0])) {
            return -1;
        }
    }
    return (int)(-1 - first->dims[0]);
}

static void choose_chunk(arrays *a, int64_t most) {
    a->batch = find_batch(a->model);
    a->total = a->chunk = 1;
    if (a->batch >= 0) {
        a->total = a->symbols[a->batch];
        int64_t runs = (a->total - 1) / most + 1;
        a->chunk = (a->total - 1) / runs + 1;
        a->symbols[a->batch] = a->chunk;
    }
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* At least one element, so that NULL always means failure. */
static void *take_zeroed(int count, size_t size) {
    return calloc(count > 0 ? (size_t)count : 1, size);
}

rnm_status arrays_open(arrays *a, const rnm_model *model, const rnrun_settings *settings,
                       rnm_error *error) {
    int inputs = rnm_model_input_count(model), outputs = rnm_model_output_count(model);
    *a = (arrays){
        .model = model,
        .input_paths = take_zeroed(inputs, sizeof *a->input_paths),
        .output_paths = take_zeroed(outputs, sizeof *a->output_paths),
        .readers = take_zeroed(inputs, sizeof *a->readers),
        .writers = take_zeroed(outputs, sizeof *a->writers),
        .symbols = take_zeroed(rnm_model_symbol_count(model), sizeof *a->symbols),
    };
    if (a->input_paths == NULL || a->output_paths == NULL || a->readers == NULL ||
        a->writers == NULL || a->symbols == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory for the lists of files");
    }
    rnm_status status = assign_all(a, settings, error);
    for (int i = 0; status == RNM_OK && i < inputs; i++) {
        status = npy_open(&a->readers[i], a->input_paths[i], error);
        if (status == RNM_OK) {
            status = bind(a, rnm_model_input(model, i), &a->readers[i], error);
        }
    }
    for (int s = 0; status == RNM_OK && s < rnm_model_symbol_count(model); s++) {
        /* Symbols that no input has must be something. */
        a->symbols[s] = a->symbols[s] != 0 ? a->symbols[s] : 1;
    }
    if (status == RNM_OK) {
        choose_chunk(a, settings->batch);
    }
    return status;
}

void arrays_close(arrays *a) {
    for (int i = 0; a->readers != NULL && i < rnm_model_input_count(a->model); i++) {
        npy_close(&a->readers[i]);
    }
    for (int o = 0; a->writers != NULL && o < rnm_model_output_count(a->model); o++) {
        npy_discard(&a->writers[o]);
    }
    free(a->input_paths);
    free(a->output_paths);
    free(a->readers);
    free(a->writers);
    free(a->symbols);
    *a = (arrays){0};
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Bytes of the first `count` items of a tensor, all of it where it has no batch. */
static size_t item_bytes(const arrays *a, const rnm_value_info *value, const rnm_tensor *tensor,
                         int64_t count) {
    return arrays_is_batched(a, value) ? tensor->bytes / (size_t)a->chunk * (size_t)count
                                       : tensor->bytes;
}

rnm_status arrays_create_outputs(arrays *a, const rnm_context *context, rnm_error *error) {
    for (int o = 0; o < rnm_model_output_count(a->model); o++) {
        const rnm_tensor *tensor = rnm_context_output(context, o);
        npy_info info = {.dtype = tensor->dtype, .rank = tensor->rank};
        memcpy(info.dims, tensor->dims, (size_t)tensor->rank * sizeof *info.dims);
        if (arrays_is_batched(a, rnm_model_output(a->model, o))) {
            info.dims[0] = a->total;
        }
        rnm_status status = RNM_OK;
        if (a->output_paths[o] != NULL) {
            status = npy_create(&a->writers[o], a->output_paths[o], &info, error);
        }
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

rnm_status arrays_read(arrays *a, rnm_context *context, int64_t count, rnm_error *error) {
    rnm_status status = RNM_OK;
    for (int i = 0; status == RNM_OK && i < rnm_model_input_count(a->model); i++) {
        const rnm_value_info *value = rnm_model_input(a->model, i);
        const rnm_tensor *tensor = rnm_context_input(context, i);
        if (a->readers[i].left > 0) {
            status =
                npy_read(&a->readers[i], tensor->data, item_bytes(a, value, tensor, count), error);
        }
    }
    return status;
}

rnm_status arrays_write(arrays *a, const rnm_context *context, int64_t count, rnm_error *error) {
    rnm_status status = RNM_OK;
    for (int o = 0; status == RNM_OK && o < rnm_model_output_count(a->model); o++) {
        const rnm_value_info *value = rnm_model_output(a->model, o);
        const rnm_tensor *tensor = rnm_context_output(context, o);
        if (a->output_paths[o] != NULL) {
            status =
                npy_write(&a->writers[o], tensor->data, item_bytes(a, value, tensor, count), error);
        }
    }
    return status;
}

rnm_status arrays_commit(arrays *a, rnm_error *error) {
    rnm_status status = RNM_OK;
    for (int o = 0; status == RNM_OK && o < rnm_model_output_count(a->model); o++) {
        if (a->output_paths[o] != NULL) {
            status = npy_commit(&a->writers[o], error);
        }
    }
    return status;
}
