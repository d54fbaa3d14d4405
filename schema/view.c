/* SPDX-License-Identifier: Apache-2.0
 *
 * What a view says, decoded. Everything here has been checked by the reader.
 */
#include "rnm_read.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* ---- children -------------------------------------------------------------------------------- */

static const void *tensor_or_null(const rnm_view *view, uint32_t index) {
    return index != RNM_NONE ? rnm_view_tensor(view, index) : NULL;
}

rnm_child rnm_view_child(const rnm_view *view, uint32_t index) {
    assert(index < view->recipe_count);
    const rnm_recipe_rec *recipe = &view->recipes[index];
    const rnm_tensor_rec *parent = &view->tensors[recipe->parent];
    rnm_child child = {
        .name = rnm_view_string(view, recipe->name),
        .transform = recipe->transform,
        .flags = recipe->flags,
        .co = recipe->dims[0],
        .ci = recipe->dims[1],
        .taps = 1,
        .po = parent->dims[parent->rank - 1],
        .pi = parent->dims[0],
        .parent_dtype = parent->dtype,
        .parent = rnm_view_tensor(view, recipe->parent),
        .betas = tensor_or_null(view, recipe->betas),
        .mask = tensor_or_null(view, recipe->mask),
    };
    for (int axis = 2; axis < recipe->rank; axis++) {
        child.taps *= recipe->dims[axis];
    }
    if (recipe->zeros != RNM_NONE) {
        const rnm_tensor_rec *zeros = &view->tensors[recipe->zeros];
        if (zeros->role == RNM_ROLE_ZERO_PLANE) {
            child.zero_plane = rnm_view_tensor(view, recipe->zeros);
        } else {
            child.zero_list = rnm_view_tensor(view, recipe->zeros);
            child.zero_count = zeros->dims[0];
        }
    }
    return child;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

rnm_shape rnm_view_shape(const rnm_view *view, uint32_t index) {
    assert(index < view->graph->value_count);
    const rnm_value_rec *value = &view->values[index];
    rnm_shape shape = {.dtype = value->dtype, .rank = value->rank};
    for (uint32_t axis = 0; axis < value->rank; axis++) {
        uint64_t word = view->words[value->first_dim + axis];
        bool symbol = (word & RNM_DIM_SYMBOL) != 0;
        shape.dims[axis] = symbol ? -1 - (int64_t)(word & ~RNM_DIM_SYMBOL) : (int64_t)word;
    }
    return shape;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* The defaults of an epilogue's alpha and beta are those of the activation, which must be known
 * before the attributes are decoded one by one. */
static rnm_op activation_of(const rnm_view *view, const rnm_node_rec *node) {
    for (uint32_t k = 0; k < node->attr_count; k++) {
        const rnm_attr_rec *attr = &view->attrs[node->first_attr + k];
        if (attr->key == RNM_ATTRIBUTE_activation) {
            return (rnm_op)view->words[attr->first_word];
        }
    }
    return RNM_OP_NONE;
}

rnm_node_attrs rnm_view_attrs(const rnm_view *view, uint32_t index) {
    assert(index < view->graph->node_count);
    const rnm_node_rec *node = &view->nodes[index];
    const rnm_value_rec *first = &view->values[view->refs[node->first_ref]];
    rnm_op op = (rnm_op)node->op;
    rnm_node_attrs activation = rnm_attrs_default(activation_of(view, node), 0);
    rnm_node_attrs attrs = rnm_attrs_default(op, rnm_op_spatial(op, first->rank));
    attrs.activation_alpha = activation.alpha;
    attrs.activation_beta = activation.beta;
    for (uint32_t k = 0; k < node->attr_count; k++) {
        const rnm_attr_rec *attr = &view->attrs[node->first_attr + k];
        rnm_attr_store(&attrs, attr->key, view->words + attr->first_word, attr->count);
    }
    return attrs;
}
