/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening models: maps or copies the bytes, has the reader validate them, and writes down what the
 * public header shows.
 */
#include "error.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static rnm_status describe(rnm_model *model, rnm_error *err) {
    const rnm_view *view = &model->view;
    uint32_t inputs = view->graph->input_count;
    uint32_t count = inputs + view->graph->output_count;
    model->values = rnm_memory_take_zeroed(&model->memory, count, sizeof *model->values);
    model->preprocess =
        rnm_memory_take_zeroed(&model->memory, view->preprocess_count, sizeof *model->preprocess);
    if (model->values == NULL || model->preprocess == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory to describe %u inputs and outputs", count);
    }
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t index = i < inputs ? view->inputs[i] : view->outputs[i - inputs];
        rnm_shape shape = rnm_view_shape(view, index);
        rnm_value_info *info = &model->values[i];
        info->name = rnm_view_string(view, view->values[index].name);
        info->dtype = shape.dtype;
        info->rank = shape.rank;
        memcpy(info->dims, shape.dims, sizeof info->dims);
    }
    for (uint32_t i = 0; i < view->preprocess_count; ++i) {
        const rnm_preprocess_rec *rec = &view->preprocess[i];
        rnm_preprocess *to = &model->preprocess[i];
        *to = (rnm_preprocess){
            .dataset = rnm_view_string(view, rec->dataset),
            .color = (rnm_color)rec->color,
            .resize = (rnm_resize)rec->resize,
            .resize_height = (int)rec->resize_height,
            .resize_width = (int)rec->resize_width,
            .crop_height = (int)rec->crop_height,
            .crop_width = (int)rec->crop_width,
            .pad_top = (int)rec->pad_top,
            .pad_left = (int)rec->pad_left,
            .pad_bottom = (int)rec->pad_bottom,
            .pad_right = (int)rec->pad_right,
            .divisor = rec->divisor,
        };
        memcpy(to->mean, rec->mean, sizeof to->mean);
        memcpy(to->std, rec->std, sizeof to->std);
    }
    return RNM_OK;
}

static rnm_model *new_model(const rnm_model_options *options) {
    rnm_memory memory = rnm_memory_make(options->allocator);
    rnm_model *model = rnm_memory_take_zeroed(&memory, 1, sizeof *model);
    if (model != NULL) {
        model->memory = memory;
    }
    return model;
}

/* Validates and describes; on failure the model is closed. */
static rnm_status finish_open(rnm_model *model, const void *bytes, const char *name,
                              const rnm_model_options *options, rnm_model **out, rnm_error *err) {
    rnm_read_limits limits = {.max_expanded_bytes = options->max_expanded_bytes};
    rnm_status status = rnm_view_open(&model->view, bytes, model->size, !options->skip_digests,
                                      &limits, &model->memory.allocator, err);
    if (status != RNM_OK) {
        status = rnm_fail_in(err, status, name);
        goto fail;
    }
    status = describe(model, err);
    if (status != RNM_OK) {
        goto fail;
    }
    *out = model;
    return RNM_OK;
fail:
    rnm_model_close(model);
    return status;
}

static rnm_status map_file(rnm_model *model, const char *path, rnm_error *err) {
    rnm_status status = RNM_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return rnm_fail(err, RNM_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = rnm_fail(err, RNM_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        goto close_file;
    }
    if (!S_ISREG(info.st_mode)) {
        status = rnm_fail(err, RNM_ERR_IO, "%s: expected a file, found something else", path);
        goto close_file;
    }
    if (info.st_size < (off_t)sizeof(rnm_header)) {
        status = rnm_fail(err, RNM_ERR_FORMAT,
                          "%s: header: expected at least %zu bytes, found a file of %lld", path,
                          sizeof(rnm_header), (long long)info.st_size);
        goto close_file;
    }
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        status = rnm_fail(err, RNM_ERR_IO, "%s: cannot be mapped: %s", path, strerror(errno));
        goto close_file;
    }
    /* Where it is not in memory yet, read it in large pieces: faster now, and at each later start.
     */
    (void)madvise(bytes, (size_t)info.st_size, MADV_HUGEPAGE);
    model->kind = RNM_BYTES_MAPPED;
    model->bytes = bytes;
    model->size = (uint64_t)info.st_size;
close_file:
    close(fd);
    return status;
}

rnm_status rnm_model_open(const char *path, const rnm_model_options *options, rnm_model **out,
                          rnm_error *error) {
    static const rnm_model_options defaults;
    if (path == NULL || out == NULL) {
        return rnm_fail(error, RNM_ERR_ARGUMENT, "rnm_model_open: path and out must not be NULL");
    }
    options = options != NULL ? options : &defaults;
    rnm_model *model = new_model(options);
    if (model == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for a model", path);
    }
    rnm_status status = map_file(model, path, error);
    if (status != RNM_OK) {
        rnm_model_close(model);
        return status;
    }
    return finish_open(model, model->bytes, path, options, out, error);
}

rnm_status rnm_model_open_memory(const void *bytes, size_t size, const rnm_model_options *options,
                                 rnm_model **out, rnm_error *error) {
    static const rnm_model_options defaults;
    if (bytes == NULL || out == NULL) {
        return rnm_fail(error, RNM_ERR_ARGUMENT,
                        "rnm_model_open_memory: bytes and out must not be NULL");
    }
    options = options != NULL ? options : &defaults;
    rnm_model *model = new_model(options);
    if (model == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "model in memory: no memory for a model");
    }
    model->kind = RNM_BYTES_BORROWED;
    model->size = size;
    if ((uintptr_t)bytes % RNM_ALIGNMENT != 0) {
        model->kind = RNM_BYTES_COPIED;
        model->bytes = rnm_memory_take(&model->memory, size);
        if (model->bytes == NULL) {
            rnm_model_close(model);
            return rnm_fail(error, RNM_ERR_MEMORY,
                            "model in memory: no memory for an aligned copy of %zu bytes", size);
        }
        memcpy(model->bytes, bytes, size);
        bytes = model->bytes;
    }
    return finish_open(model, bytes, "model in memory", options, out, error);
}

void rnm_model_close(rnm_model *model) {
    if (model == NULL) {
        return;
    }
    const rnm_view *view = &model->view;
    if (model->values != NULL) {
        uint64_t count = (uint64_t)view->graph->input_count + view->graph->output_count;
        rnm_memory_give(&model->memory, model->values, count * sizeof *model->values);
    }
    rnm_memory_give(&model->memory, model->preprocess,
                    view->preprocess_count * sizeof *model->preprocess);
    if (model->kind == RNM_BYTES_COPIED) {
        rnm_memory_give(&model->memory, model->bytes, model->size);
    } else if (model->bytes != NULL) {
        munmap(model->bytes, (size_t)model->size);
    }
    rnm_memory memory = model->memory;
    rnm_memory_give(&memory, model, sizeof *model);
}

int rnm_model_input_count(const rnm_model *model) {
    return (int)model->view.graph->input_count;
}

int rnm_model_output_count(const rnm_model *model) {
    return (int)model->view.graph->output_count;
}

const rnm_value_info *rnm_model_input(const rnm_model *model, int index) {
    return index >= 0 && index < rnm_model_input_count(model) ? &model->values[index] : NULL;
}

const rnm_value_info *rnm_model_output(const rnm_model *model, int index) {
    return index >= 0 && index < rnm_model_output_count(model)
               ? &model->values[rnm_model_input_count(model) + index]
               : NULL;
}

int rnm_model_symbol_count(const rnm_model *model) {
    return (int)model->view.graph->symbol_count;
}

const char *rnm_model_symbol(const rnm_model *model, int index) {
    return index >= 0 && index < rnm_model_symbol_count(model)
               ? rnm_view_string(&model->view, model->view.symbols[index])
               : NULL;
}

int rnm_model_label_count(const rnm_model *model) {
    return (int)model->view.label_count;
}

const char *rnm_model_label(const rnm_model *model, int index) {
    return index >= 0 && index < rnm_model_label_count(model)
               ? rnm_view_string(&model->view, model->view.labels[index])
               : NULL;
}

const char *rnm_model_provenance(const rnm_model *model, const char *key) {
    const rnm_view *view = &model->view;
    for (uint32_t i = 0; key != NULL && i < view->provenance_count; ++i) {
        if (strcmp(rnm_view_string(view, view->provenance[2 * i]), key) == 0) {
            return rnm_view_string(view, view->provenance[2 * i + 1]);
        }
    }
    return NULL;
}

const rnm_preprocess *rnm_model_preprocess(const rnm_model *model, int index) {
    for (uint32_t i = 0; index >= 0 && i < model->view.preprocess_count; ++i) {
        if (model->view.preprocess[i].input == (uint32_t)index) {
            return &model->preprocess[i];
        }
    }
    return NULL;
}
