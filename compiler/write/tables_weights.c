/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored tensors and recipes. A parent that several layers use is stored once.
 */
#include "write/tables.h"

#include "checked.h"
#include "expand_ref.h"

#include <string.h>

/* A zero list takes 32 bits an entry, a plane one bit an element. */
static bool zeros_as_list(const rnc_child *child) {
    uint64_t bits = 8 * rnm_mask_bytes(child->co, child->ci, child->taps);
    return child->zeros <= rnc_child_elements(child) / 32 && bits <= UINT32_MAX;
}

static rnm_status add_tensor(rnc_tables *tables, const char *owner, const char *part,
                             rnm_dtype dtype, uint8_t role, int rank, const uint64_t *dims,
                             rnc_stored stored, uint32_t *index, rnm_error *err) {
    char name[RNM_LIMIT_NAME + 16];
    snprintf(name, sizeof name, "%s%s", owner, part);
    uint64_t length = rnm_dtype_size(dtype);
    *index = (uint32_t)tables->tensors.count;
    rnm_tensor_rec *record = rnc_list_add(&tables->tensors, 1, err);
    rnc_stored *source = rnc_list_add(&tables->stored, 1, err);
    if (record == NULL || source == NULL) {
        return RNM_ERR_MEMORY;
    }
    *source = stored;
    record->dtype = (uint8_t)dtype;
    record->role = role;
    record->rank = (uint8_t)rank;
    for (int d = 0; d < rank; d++) {
        if (dims[d] > (uint64_t)RNM_LIMIT_DIM || !rnm_mul_u64(length, dims[d], &length)) {
            return rnm_fail(err, RNM_ERR_LIMIT, "tensor %s is too large to store", name);
        }
        record->dims[d] = (uint32_t)dims[d];
    }
    if (!rnm_align_u64(tables->data_size, RNM_ALIGNMENT, &record->offset) ||
        !rnm_add_u64(record->offset, length, &tables->data_size)) {
        return rnm_fail(err, RNM_ERR_LIMIT, "tensor %s does not fit into one file", name);
    }
    record->length = length;
    return rnc_tables_add_string(tables, name, &record->name, err);
}

/* The tensor that already holds this child's parent, or RNM_NONE. */
static uint32_t known_parent(const rnc_tables *tables, const rnc_child *child) {
    const rnc_stored *stored = tables->stored.items;
    const rnm_tensor_rec *records = tables->tensors.items;
    for (size_t k = 0; k < tables->stored.count && child->transform != RNC_RANDOM; k++) {
        if (records[k].role == RNM_ROLE_PARENT && stored[k].child->parent == child->parent &&
            stored[k].child->transform != RNC_RANDOM) {
            return (uint32_t)k;
        }
    }
    return RNM_NONE;
}

static rnm_status add_parent(rnc_tables *tables, const rnc_job *job, const rnc_child *child,
                             uint32_t *index, rnm_error *err) {
    uint64_t dims[RNM_MAX_RANK];
    *index = known_parent(tables, child);
    if (*index != RNM_NONE) {
        return RNM_OK;
    }
    bool random = child->transform == RNC_RANDOM;
    dims[0] = random ? child->ci : child->pi;
    for (int d = 2; d < child->rank; d++) {
        dims[d - 1] = child->dims[d];
    }
    dims[child->rank - 1] = random ? child->co : child->po;
    return add_tensor(tables, child->name, ".weight", rnc_parent_type(job, child), RNM_ROLE_PARENT,
                      child->rank, dims, (rnc_stored){.child = child}, index, err);
}

static rnm_status add_recipe(rnc_tables *tables, const rnc_job *job, const rnc_child *child,
                             rnm_error *err) {
    const rnc_stored stored = {.child = child};
    const uint64_t mask[1] = {rnm_mask_bytes(child->co, child->ci, child->taps)};
    rnm_recipe_rec recipe = {.transform = child->transform == RNC_RANDOM
                                              ? (uint8_t)RNM_TRANSFORM_LINEAR
                                              : (uint8_t)child->transform,
                             .flags = child->flags,
                             .rank = (uint8_t)child->rank,
                             .betas = RNM_NONE,
                             .mask = RNM_NONE,
                             .zeros = RNM_NONE};
    rnm_status status = rnc_tables_add_string(tables, child->name, &recipe.name, err);
    if (status != RNM_OK ||
        (status = add_parent(tables, job, child, &recipe.parent, err)) != RNM_OK) {
        return status;
    }
    memcpy(recipe.dims, child->dims, sizeof recipe.dims);
    if (child->transform == RNC_S) {
        uint64_t dims[2] = {rnc_child_pair_count(child), 2};
        status = add_tensor(tables, child->name, ".betas", RNM_F32, RNM_ROLE_BETAS, 2, dims, stored,
                            &recipe.betas, err);
    }
    if (status == RNM_OK && (child->transform == RNC_F || child->transform == RNC_DROP)) {
        status = add_tensor(tables, child->name, ".mask", RNM_U8, RNM_ROLE_MASK, 1, mask, stored,
                            &recipe.mask, err);
    }
    if (status == RNM_OK && child->transform == RNC_F && child->zeros > 0) {
        bool list = zeros_as_list(child);
        status = add_tensor(tables, child->name, ".zeros", list ? RNM_U32 : RNM_U8,
                            list ? RNM_ROLE_ZERO_LIST : RNM_ROLE_ZERO_PLANE, 1,
                            list ? &child->zeros : mask, stored, &recipe.zeros, err);
    }
    if (status == RNM_OK) {
        rnm_recipe_rec *record = rnc_list_add(&tables->recipes, 1, err);
        if (record == NULL) {
            return RNM_ERR_MEMORY;
        }
        *record = recipe;
    }
    return status;
}

/* Stores what one value is made from. */
static rnm_status add_source(rnc_tables *tables, const rnc_job *job, rnc_value *value,
                             rnm_error *err) {
    uint64_t dims[RNM_MAX_RANK];
    for (int d = 0; d < value->shape.rank; d++) {
        dims[d] = (uint64_t)value->shape.dims[d];
    }
    switch (value->kind) {
    case RNC_VALUE_WEIGHT:
        value->source = (uint32_t)tables->recipes.count;
        return add_recipe(tables, job, value->child, err);
    case RNC_VALUE_CHANNEL:
        return add_tensor(tables, value->name, "", RNM_F32, RNM_ROLE_CHANNEL, 1, dims,
                          (rnc_stored){.channel = value->channel}, &value->source, err);
    case RNC_VALUE_CONSTANT:
        return add_tensor(tables, value->name, "", value->shape.dtype, RNM_ROLE_CONSTANT,
                          value->shape.rank, dims, (rnc_stored){.tensor = value->tensor},
                          &value->source, err);
    case RNC_VALUE_ACTIVATION:
        break;
    }
    return RNM_OK;
}

/* Every constant of the graph, in the order in which nodes read them first. */
rnm_status rnc_tables_add_weights(rnc_tables *tables, rnc_job *job, rnm_error *err) {
    for (size_t n = 0; n < job->graph.node_count; n++) {
        const rnc_node *node = job->graph.nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            rnc_value *value = node->inputs[i];
            rnm_status status = RNM_OK;
            if (value != NULL && value->source == RNM_NONE) {
                status = add_source(tables, job, value, err);
            }
            if (status != RNM_OK) {
                return status;
            }
        }
    }
    return RNM_OK;
}
