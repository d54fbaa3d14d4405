/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph's symbols, values and inputs (FORMAT.md section 6).
 */
#include "read_rules.h"

/* ---- dims ------------------------------------------------------------------------------------ */

static rnm_status check_dims(const rnm_reader *r, rnm_where where, const rnm_value_rec *value) {
    uint32_t words = r->view.graph->word_count;
    if (value->rank > RNM_MAX_RANK) {
        return rnm_reject(r, where, RNM_ERR_LIMIT, "rank must be at most %d, found %u",
                          RNM_MAX_RANK, value->rank);
    }
    if (value->first_dim > words || value->rank > words - value->first_dim) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "%u dims from word %u must lie in %u words",
                          value->rank, value->first_dim, words);
    }
    for (int axis = 0; axis < value->rank; axis++) {
        uint64_t word = r->view.words[value->first_dim + (uint32_t)axis];
        uint64_t number = word & ~RNM_DIM_SYMBOL;
        if (number != word) {
            bool computed = number == RNM_NONE && value->kind == RNM_VALUE_ACTIVATION;
            if (number >= r->view.graph->symbol_count && !computed) {
                return rnm_reject(r, where, RNM_ERR_FORMAT,
                                  "dim %d must be one of %u symbols, found %llu", axis,
                                  r->view.graph->symbol_count, (unsigned long long)number);
            }
        } else if (word == 0 && value->kind != RNM_VALUE_ACTIVATION) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "dim %d must be at least 1, found 0", axis);
        } else if (word > RNM_LIMIT_DIM) {
            return rnm_reject(r, where, RNM_ERR_LIMIT, "dim %d must be at most %lld, found %llu",
                              axis, (long long)RNM_LIMIT_DIM, (unsigned long long)word);
        }
    }
    return RNM_OK;
}

static rnm_status check_size(const rnm_reader *r, rnm_where where) {
    rnm_shape shape = rnm_view_shape(&r->view, where.index);
    int64_t elements;
    if (!rnm_shape_elements(&shape, &elements)) {
        return rnm_reject(r, where, RNM_ERR_LIMIT, "must have at most %lld elements, found more",
                          (long long)RNM_LIMIT_ELEMENTS);
    }
    return RNM_OK;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static rnm_status check_activation(const rnm_reader *r, rnm_where where,
                                   const rnm_value_rec *value) {
    if (!rnm_dtype_is_active(value->dtype)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "an activation must be f32, f16, f64, i64, i32, i8, u8 or bool, found %s",
                          rnm_dtype_name(value->dtype));
    }
    if (value->source != RNM_NONE) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "an activation has no source, found %u",
                          value->source);
    }
    if (value->layout > RNM_LAYOUT_CHANNELS_LAST) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "layout %u is unknown", value->layout);
    }
    if (value->layout == RNM_LAYOUT_CHANNELS_LAST && value->rank < 3) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "channels-last values must have rank 3 or more, found %u", value->rank);
    }
    return RNM_OK;
}

/* That a constant agrees with what it is made from. */
static rnm_status check_source(const rnm_reader *r, rnm_where where, const rnm_value_rec *value,
                               uint8_t dtype, uint8_t rank, const uint32_t *dims) {
    rnm_shape shape = rnm_view_shape(&r->view, where.index);
    rnm_shape wanted = {.dtype = dtype, .rank = rank};
    for (int axis = 0; axis < rank; axis++) {
        wanted.dims[axis] = dims[axis];
    }
    if (!rnm_shape_equal(&shape, &wanted)) {
        char expected[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "shape must be its source's, %s %s, found %s %s", rnm_dtype_name(dtype),
                          rnm_shape_text(&wanted, expected, sizeof expected),
                          rnm_dtype_name(shape.dtype), rnm_shape_text(&shape, found, sizeof found));
    }
    if (value->layout != RNM_LAYOUT_ROWS) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "layout of a constant must be 0, found %u",
                          value->layout);
    }
    if (value->last_use != RNM_NONE) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "last use of a constant must be none, found %u",
                          value->last_use);
    }
    return RNM_OK;
}

static rnm_status check_stored(const rnm_reader *r, rnm_where where, const rnm_value_rec *value) {
    if (value->source >= r->view.tensor_count) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "source must be one of %u tensors, found %u",
                          r->view.tensor_count, value->source);
    }
    const rnm_tensor_rec *tensor = &r->view.tensors[value->source];
    if (tensor->role != RNM_ROLE_CHANNEL && tensor->role != RNM_ROLE_CONSTANT) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "source must be a tensor of role %d or %d, tensor %u has role %u",
                          RNM_ROLE_CHANNEL, RNM_ROLE_CONSTANT, value->source, tensor->role);
    }
    return check_source(r, where, value, tensor->dtype, tensor->rank, tensor->dims);
}

static rnm_status check_recipe(const rnm_reader *r, rnm_where where, const rnm_value_rec *value) {
    if (value->source >= r->view.recipe_count) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "source must be one of %u recipes, found %u",
                          r->view.recipe_count, value->source);
    }
    const rnm_recipe_rec *recipe = &r->view.recipes[value->source];
    return check_source(r, where, value, RNM_F32, recipe->rank, recipe->dims);
}

static rnm_status check_kind(const rnm_reader *r, rnm_where where, const rnm_value_rec *value) {
    switch (value->kind) {
    case RNM_VALUE_ACTIVATION:
        return check_activation(r, where, value);
    case RNM_VALUE_TENSOR:
        return check_stored(r, where, value);
    case RNM_VALUE_RECIPE:
        return check_recipe(r, where, value);
    default:
        return rnm_reject(r, where, RNM_ERR_FORMAT, "kind %u is unknown", value->kind);
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status check_value(const rnm_reader *r, uint32_t index) {
    const rnm_value_rec *value = &r->view.values[index];
    const rnm_where where = {"values", index, value->name};
    if (value->reserved != 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "reserved field must be 0, found %u",
                          value->reserved);
    }
    rnm_status status = check_dims(r, where, value);
    if (status == RNM_OK) {
        status = check_size(r, where);
    }
    return status == RNM_OK ? check_kind(r, where, value) : status;
}

/* Graph inputs, and constants, are there before the first node. */
static rnm_status define_inputs(rnm_reader *r) {
    const rnm_graph_rec *graph = r->view.graph;
    for (uint32_t k = 0; k < graph->value_count; k++) {
        r->defined[k] = r->view.values[k].kind != RNM_VALUE_ACTIVATION;
        r->last_use[k] = RNM_NONE;
    }
    for (uint32_t k = 0; k < graph->input_count; k++) {
        rnm_where where = {"inputs", k, 0};
        uint32_t index = r->view.inputs[k];
        if (index >= graph->value_count) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "must be one of %u values, found %u",
                              graph->value_count, index);
        }
        where.name = r->view.values[index].name;
        if (r->defined[index]) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "must be an activation that is listed once");
        }
        rnm_shape shape = rnm_view_shape(&r->view, index);
        for (int axis = 0; axis < shape.rank; axis++) {
            if (shape.dims[axis] == RNM_DIM_COMPUTED) {
                return rnm_reject(r, where, RNM_ERR_FORMAT,
                                  "dim %d of an input must be a number or a symbol", axis);
            }
        }
        if (r->view.values[index].layout != RNM_LAYOUT_ROWS) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "layout of an input must be row-major");
        }
        r->defined[index] = true;
    }
    return RNM_OK;
}

rnm_status rnm_read_values(rnm_reader *r) {
    const rnm_graph_rec *graph = r->view.graph;
    rnm_status status =
        rnm_read_names(r, "symbols", r->view.symbols, graph->symbol_count, sizeof *r->view.symbols);
    if (status == RNM_OK) {
        status =
            rnm_read_names(r, "values", r->view.values, graph->value_count, sizeof(rnm_value_rec));
    }
    for (uint32_t k = 0; status == RNM_OK && k < graph->value_count; k++) {
        status = check_value(r, k);
    }
    return status == RNM_OK ? define_inputs(r) : status;
}
