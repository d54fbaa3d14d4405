/* SPDX-License-Identifier: Apache-2.0
 *
 * What a .rnm holds, as numbers.
 */
#include "rnc.h"

#include "child.h"
#include "error.h"
#include "open_rnm.h"
#include "readers/arena.h"

#include <stdlib.h>
#include <string.h>

enum { INFO_CEILING = 256 << 20 };

/* The description, and the memory that it points into. */
typedef struct inspection {
    rnc_model_info info; /* first, so that the public pointer is this one's */
    rnc_arena arena;
} inspection;

static const char *copy(inspection *in, const rnm_view *view, uint32_t name, rnm_error *err) {
    const char *text = rnm_view_string(view, name);
    return rnc_arena_text(&in->arena, text, strlen(text), err);
}

static uint64_t stored_bytes(const rnm_view *view, uint32_t tensor) {
    return tensor == RNM_NONE ? 0 : view->tensors[tensor].length;
}

static uint64_t count_bits(const rnm_view *view, uint32_t tensor) {
    const uint8_t *bytes = tensor == RNM_NONE ? NULL : rnm_view_tensor(view, tensor);
    uint64_t bits = 0;
    for (uint64_t k = 0; k < stored_bytes(view, tensor); k++) {
        bits += (unsigned)__builtin_popcount(bytes[k]);
    }
    return bits;
}

static uint64_t count_zeros(const rnm_view *view, uint32_t tensor) {
    if (tensor == RNM_NONE) {
        return 0;
    }
    return view->tensors[tensor].role == RNM_ROLE_ZERO_LIST ? view->tensors[tensor].dims[0]
                                                            : count_bits(view, tensor);
}

/* Bytes of a tensor that no earlier layer has counted; files may share any of them. */
static uint64_t new_bytes(const rnm_view *view, uint32_t tensor, bool *seen) {
    bool counted = tensor == RNM_NONE || seen[tensor];
    if (!counted) {
        seen[tensor] = true;
    }
    return counted ? 0 : view->tensors[tensor].length;
}

/* `seen` marks the tensors that earlier layers use. */
static rnm_status describe_layer(inspection *in, const rnm_view *view, uint32_t recipe_index,
                                 const char *op, bool *seen, rnc_layer_info *out, rnm_error *err) {
    const rnm_recipe_rec *recipe = &view->recipes[recipe_index];
    const rnm_tensor_rec *parent = &view->tensors[recipe->parent];
    const rnm_child child = rnm_view_child(view, recipe_index);
    bool dense =
        recipe->transform == RNM_TRANSFORM_LINEAR && child.po == child.co && child.pi == child.ci;
    *out = (rnc_layer_info){
        .name = copy(in, view, recipe->name, err),
        .op = op,
        .transform = dense ? "dense" : rnc_transform_name((rnc_transform)recipe->transform),
        .variant = recipe->flags & RNM_RECIPE_CASCADED      ? "cascaded"
                   : recipe->flags & RNM_RECIPE_INTERLEAVED ? "interleaved"
                                                            : "",
        .parent = copy(in, view, parent->name, err),
        .parent_type = rnm_dtype_name(parent->dtype),
        .parent_shared = seen[recipe->parent],
        .rank = recipe->rank,
        .parent_out = child.po,
        .parent_in = child.pi,
        .dense_bytes = (uint64_t)child.co * child.ci * child.taps * sizeof(float),
        .flips = count_bits(view, recipe->mask),
        .zeros = count_zeros(view, recipe->zeros),
    };
    memcpy(out->child, recipe->dims, sizeof out->child);
    out->parent_bytes = new_bytes(view, recipe->parent, seen);
    out->beta_bytes = new_bytes(view, recipe->betas, seen);
    out->mask_bytes = new_bytes(view, recipe->mask, seen) + new_bytes(view, recipe->zeros, seen);
    return out->name == NULL || out->parent == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

/* Layers in running order: each weighted node's recipe. */
static rnm_status describe_layers(inspection *in, const rnm_view *view, rnm_error *err) {
    bool *seen = rnc_arena_array(&in->arena, (size_t)view->tensor_count + 1, sizeof *seen, err);
    rnc_layer_info *layers =
        rnc_arena_array(&in->arena, (size_t)view->graph->node_count + 1, sizeof *layers, err);
    size_t count = 0;
    if (seen == NULL || layers == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (uint32_t n = 0; n < view->graph->node_count; n++) {
        const rnm_node_rec *node = &view->nodes[n];
        const uint32_t *inputs = view->refs + node->first_ref;
        if (node->op != RNM_OP_Conv && node->op != RNM_OP_Gemm &&
            node->op != RNM_OP_ConvTranspose) {
            continue;
        }
        rnm_status status = describe_layer(in, view, view->values[inputs[1]].source,
                                           rnm_op_find(node->op)->name, seen, &layers[count], err);
        if (status != RNM_OK) {
            return status;
        }
        rnc_layer_info *layer = &layers[count++];
        in->info.parent_bytes += layer->parent_bytes;
        in->info.beta_bytes += layer->beta_bytes;
        in->info.mask_bytes += layer->mask_bytes;
        in->info.dense_bytes += layer->dense_bytes;
    }
    in->info.layers = layers;
    in->info.layer_count = count;
    return RNM_OK;
}

static rnm_status describe_names(inspection *in, const rnm_view *view, const uint32_t *names,
                                 size_t count, const char *const **out, rnm_error *err) {
    const char **texts = rnc_arena_array(&in->arena, count + 1, sizeof *texts, err);
    for (size_t k = 0; texts != NULL && k < count; k++) {
        texts[k] = copy(in, view, names[k], err);
        if (texts[k] == NULL) {
            return RNM_ERR_MEMORY;
        }
    }
    *out = texts;
    return texts == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static rnm_status describe(inspection *in, const rnm_view *view, rnm_error *err) {
    rnc_model_info *info = &in->info;
    rnm_status status = describe_layers(in, view, err);
    if (status != RNM_OK) {
        return status;
    }
    for (uint32_t k = 0; k < view->tensor_count; k++) {
        bool channel = view->tensors[k].role == RNM_ROLE_CHANNEL;
        info->channel_bytes += channel ? view->tensors[k].length : 0;
    }
    info->file_bytes = view->size;
    info->digest = view->header->digest;
    info->dense_bytes += info->channel_bytes;
    info->overhead_bytes =
        view->size - info->parent_bytes - info->beta_bytes - info->mask_bytes - info->channel_bytes;
    info->provenance_count = view->provenance_count;
    info->label_count = view->label_count;
    status = describe_names(in, view, view->provenance, 2 * (size_t)view->provenance_count,
                            &info->provenance, err);
    return status != RNM_OK
               ? status
               : describe_names(in, view, view->labels, view->label_count, &info->labels, err);
}

rnm_status rnc_inspect(const char *path, rnc_model_info **out, rnm_error *error) {
    rnc_rnm rnm;
    rnm_status status = rnc_rnm_open(path, &rnm, error);
    if (status != RNM_OK) {
        return status;
    }
    inspection *in = calloc(1, sizeof *in);
    if (in == NULL) {
        status = rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory to describe it", path);
    } else {
        in->arena = rnc_arena_make(INFO_CEILING);
        status = describe(in, &rnm.view, error);
    }
    rnc_rnm_close(&rnm);
    if (status != RNM_OK) {
        rnc_model_info_free((rnc_model_info *)in);
        return status;
    }
    *out = &in->info;
    return RNM_OK;
}

void rnc_model_info_free(rnc_model_info *info) {
    if (info != NULL) {
        inspection *in = (inspection *)info;
        rnc_arena_clear(&in->arena);
        free(in);
    }
}
