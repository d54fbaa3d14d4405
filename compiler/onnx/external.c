/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors in other files: refused unless allowed, and then only in plain files of the model's own
 * folder, opened so that no link leads out of it.
 */
#include "onnx/import.h"

#include "checked.h"
#include "readers/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct place {
    const char *location;
    uint64_t offset;
    uint64_t length;
    bool has_length;
} place;

static bool read_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *out = number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static rnm_status read_place(rnc_import *im, const Onnx__TensorProto *proto, place *out) {
    const char *path = im->job->source.weights->path;
    *out = (place){.location = NULL};
    for (size_t k = 0; k < proto->n_external_data; k++) {
        const char *key = proto->external_data[k]->key;
        const char *value = proto->external_data[k]->value;
        bool good = key != NULL && value != NULL;
        if (good && strcmp(key, "location") == 0) {
            out->location = value;
        } else if (good && strcmp(key, "offset") == 0) {
            good = read_number(value, &out->offset);
        } else if (good && strcmp(key, "length") == 0) {
            good = out->has_length = read_number(value, &out->length);
        }
        if (!good) {
            return rnm_fail(im->err, RNM_ERR_FORMAT,
                            "%s: tensor %.100s: its external data are described by no proper "
                            "numbers",
                            path, proto->name);
        }
    }
    if (out->location == NULL || out->location[0] == '\0' || strchr(out->location, '/') != NULL ||
        strcmp(out->location, ".") == 0 || strcmp(out->location, "..") == 0) {
        return rnm_fail(im->err, RNM_ERR_UNSUPPORTED,
                        "%s: tensor %.100s: expected external data in a file of the model's own "
                        "folder, found `%.200s`",
                        path, proto->name, out->location == NULL ? "" : out->location);
    }
    return RNM_OK;
}

/* The file, mapped once whoever asks. */
static rnm_status open_file(rnc_import *im, const char *name, const rnc_map **out) {
    rnc_job *job = im->job;
    for (rnc_job_file *file = job->files; file != NULL; file = file->next) {
        if (strcmp(file->name, name) == 0) {
            *out = &file->map;
            return RNM_OK;
        }
    }
    const char *path = job->source.weights->path;
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "."
                         : slash == path
                             ? "/"
                             : rnc_arena_text(&job->arena, path, (size_t)(slash - path), im->err);
    rnc_job_file *file = rnc_arena_alloc(&job->arena, sizeof *file, im->err);
    if (folder == NULL || file == NULL) {
        return RNM_ERR_MEMORY;
    }
    rnm_error why;
    rnm_status status = rnc_map_open_in(folder, name, &file->map, &why);
    if (status != RNM_OK) {
        return rnm_fail(im->err, status, "%s: external data `%.200s`: %s", path, name, why.text);
    }
    file->name = name;
    file->next = job->files;
    job->files = file;
    *out = &file->map;
    return RNM_OK;
}

rnm_status rnc_onnx_external(rnc_import *im, const Onnx__TensorProto *proto, rnc_tensor *tensor) {
    const char *path = im->job->source.weights->path;
    const rnc_map *map;
    place at;
    rnm_status status;
    if (!im->job->options->allow_external_data) {
        return rnm_fail(im->err, RNM_ERR_UNSUPPORTED,
                        "%s: tensor %.100s is in another file; --allow-external-data reads it from "
                        "the model's folder",
                        path, proto->name);
    }
    if ((status = read_place(im, proto, &at)) != RNM_OK ||
        (status = open_file(im, at.location, &map)) != RNM_OK) {
        return status;
    }
    uint64_t wanted = (uint64_t)rnc_tensor_elements(tensor) * rnm_dtype_size(tensor->dtype);
    if ((at.has_length && at.length != wanted) || !rnm_range_inside(at.offset, wanted, map->size)) {
        return rnm_fail(im->err, RNM_ERR_FORMAT,
                        "%s: tensor %.100s: its dimensions make %llu bytes, which are not at "
                        "offset %llu of `%.200s`",
                        path, proto->name, (unsigned long long)wanted,
                        (unsigned long long)at.offset, at.location);
    }
    tensor->data = map->bytes + at.offset;
    return RNM_OK;
}
