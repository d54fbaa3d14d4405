/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening weight files: telling containers apart, and the set of tensors whatever the container.
 */
#include "weights_impl.h"

#include "digest.h"
#include "map.h"
#include "onnx.h"
#include "onnx_wire.h"
#include "safetensors.h"
#include "torch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asked in this order; the first that recognises the file reads it. */
static const struct {
    const char *name; /* for reports */
    const char *text; /* for people */
    bool (*probe)(const uint8_t *bytes, size_t size);
    rnm_status (*read)(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err);
} containers[] = {
    {"pytorch-zip", "a PyTorch checkpoint in its zip form", rnc_torch_probe_zip,
     rnc_torch_read_zip},
    {"pytorch-legacy", "in its legacy form", rnc_torch_probe_legacy, rnc_torch_read_legacy},
    {"safetensors", "a safetensors file", rnc_safetensors_probe, rnc_safetensors_read},
    {"onnx", "an ONNX model", rnc_onnx_probe, rnc_onnx_read},
};

enum { CONTAINERS = sizeof containers / sizeof *containers };

/* What rnc_weights.impl points to. */
typedef struct impl {
    rnc_map map; /* not open when the bytes are the caller's */
    rnc_set set;
    const rnc_tensor **by_name;
} impl;

rnm_status rnc_set_add(rnc_set *set, const rnc_tensor *tensor, const char *name, size_t name_length,
                       rnm_error *err) {
    int shown = name_length < 200 ? (int)name_length : 200;
    if (name_length > RNC_MAX_NAME || memchr(name, '\0', name_length) != NULL) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "tensor %.*s: expected a name of at most %d bytes and none of them zero",
                        shown, name, (int)RNC_MAX_NAME);
    }
    if (set->count == RNC_MAX_TENSORS) {
        return rnm_fail(err, RNM_ERR_LIMIT, "tensor %.*s: expected at most %d tensors, found more",
                        shown, name, (int)RNC_MAX_TENSORS);
    }
    if (set->count == set->capacity) {
        size_t capacity = set->capacity != 0 ? 2 * set->capacity : 64;
        rnc_tensor *tensors = realloc(set->tensors, capacity * sizeof *tensors);
        if (tensors == NULL) {
            return rnm_fail(err, RNM_ERR_MEMORY, "out of memory: %zu tensors", capacity);
        }
        set->tensors = tensors;
        set->capacity = capacity;
    }
    const char *text = rnc_arena_text(&set->arena, name, name_length, err);
    if (text == NULL) {
        return set->arena.status;
    }
    set->tensors[set->count] = *tensor;
    set->tensors[set->count++].name = text;
    return RNM_OK;
}

rnm_status rnc_set_skip(rnc_set *set, rnm_error *err, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *byte = text; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            *byte = '?'; /* a terminal must not obey it */
        }
    }
    const char *copy = rnc_arena_text(&set->arena, text, strlen(text), err);
    if (copy == NULL) {
        return set->arena.status;
    }
    set->skipped[set->skipped_count++] = copy;
    return RNM_OK;
}

static rnm_status refuse_unknown(const uint8_t *bytes, size_t size, rnm_error *err) {
    char known[256] = "";
    size_t end = 0;
    for (size_t i = 0; i < CONTAINERS && end < sizeof known; i++) {
        const char *before = i == 0 ? "" : i + 1 < CONTAINERS ? ", " : " or ";
        end +=
            (size_t)snprintf(known + end, sizeof known - end, "%s%s", before, containers[i].text);
    }
    char found[4 * 3 + 1] = "";
    for (size_t i = 0; i < 4 && i < size; i++) {
        snprintf(found + 3 * i, sizeof found - 3 * i, " %02x", bytes[i]);
    }
    return rnm_fail(err, RNM_ERR_UNSUPPORTED, "expected %s, found a file that begins with bytes%s",
                    known, found);
}

static int by_name(const void *left, const void *right) {
    const rnc_tensor *a = *(const rnc_tensor *const *)left;
    const rnc_tensor *b = *(const rnc_tensor *const *)right;
    return strcmp(a->name, b->name);
}

static rnm_status index_names(impl *inside, rnm_error *err) {
    const rnc_set *set = &inside->set;
    inside->by_name = malloc((set->count != 0 ? set->count : 1) * sizeof(const rnc_tensor *));
    if (inside->by_name == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "out of memory: index of %zu tensors", set->count);
    }
    for (size_t i = 0; i < set->count; i++) {
        inside->by_name[i] = &set->tensors[i];
    }
    qsort(inside->by_name, set->count, sizeof *inside->by_name, by_name);
    for (size_t i = 1; i < set->count; i++) {
        const char *name = inside->by_name[i]->name;
        if (strcmp(inside->by_name[i - 1]->name, name) == 0) {
            return rnm_fail(err, RNM_ERR_FORMAT, "tensor %.200s: the name appears twice", name);
        }
    }
    return RNM_OK;
}

static void release(impl *inside) {
    free(inside->by_name);
    free(inside->set.tensors);
    rnc_arena_clear(&inside->set.arena);
    rnc_map_close(&inside->map);
    free(inside);
}

/* Reads `bytes` into *inside; errors do not name the file. */
static rnm_status read_bytes(impl *inside, const uint8_t *bytes, size_t size,
                             const char **container, rnm_error *err) {
    size_t kind = 0;
    while (kind < CONTAINERS && !containers[kind].probe(bytes, size)) {
        kind++;
    }
    if (kind == CONTAINERS) {
        return refuse_unknown(bytes, size, err);
    }
    *container = containers[kind].name;
    rnm_status status = containers[kind].read(bytes, size, &inside->set, err);
    return status == RNM_OK ? index_names(inside, err) : status;
}

/* Opens `bytes`, or when NULL the file at `path`. */
static rnm_status open_any(const char *path, const uint8_t *bytes, size_t size, rnc_weights *out,
                           rnm_error *err) {
    impl *inside = calloc(1, sizeof *inside);
    if (inside == NULL) {
        rnm_fail(err, RNM_ERR_MEMORY, "out of memory");
        return rnm_fail_in(err, RNM_ERR_MEMORY, path);
    }
    rnc_set *set = &inside->set;
    set->arena = rnc_arena_make(RNC_SET_MEMORY);
    rnm_status status = RNM_OK;
    if (bytes == NULL) {
        status = rnc_map_open(path, &inside->map, err);
        if (status != RNM_OK) {
            goto fail;
        }
        bytes = inside->map.bytes;
        size = inside->map.size;
    }
    const char *container = NULL;
    status = read_bytes(inside, bytes, size, &container, err);
    if (status != RNM_OK) {
        goto fail;
    }
    const char *path_copy = rnc_arena_text(&set->arena, path, strlen(path), err);
    if (path_copy == NULL) {
        status = set->arena.status;
        goto fail;
    }
    *out = (rnc_weights){
        .path = path_copy,
        .container = container,
        .tensors = set->tensors,
        .count = set->count,
        .hints = set->hints,
        .skipped = set->skipped,
        .skipped_count = set->skipped_count,
        .file_size = size,
        .file_digest =
            inside->map.bytes != NULL ? rnc_map_digest(&inside->map) : rnm_digest(bytes, size),
        .onnx = set->onnx,
        .impl = inside,
    };
    return RNM_OK;
fail:
    release(inside);
    return rnm_fail_in(err, status, path);
}

rnm_status rnc_weights_open(const char *path, rnc_weights *out, rnm_error *err) {
    return open_any(path, NULL, 0, out, err);
}

rnm_status rnc_weights_open_bytes(const char *path, const uint8_t *bytes, size_t size,
                                  rnc_weights *out, rnm_error *err) {
    return open_any(path, bytes, size, out, err);
}

void rnc_weights_close(rnc_weights *weights) {
    if (weights->impl != NULL) {
        release(weights->impl);
    }
    *weights = (rnc_weights){0};
}

const rnc_tensor *rnc_weights_find(const rnc_weights *weights, const char *name) {
    const impl *inside = weights->impl;
    rnc_tensor key = {.name = name};
    const rnc_tensor *wanted = &key;
    const rnc_tensor **found = (const rnc_tensor **)bsearch(
        &wanted, inside->by_name, weights->count, sizeof *inside->by_name, by_name);
    return found != NULL ? *found : NULL;
}
