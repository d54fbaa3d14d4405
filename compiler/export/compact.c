/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a compact export: what the .rnm stores as initializers, byte for byte, and a call of
 * the function that makes the child from them. A weight that repeats nothing is an initializer
 * itself.
 */
#include "export/exporter.h"
#include "export/functions.h"

static const char *const s_names[] = {
    [0] = "S", [RNM_RECIPE_CASCADED] = "SCascaded", [RNM_RECIPE_INTERLEAVED] = "SInterleaved"};

static const char *function_of(const rnm_child *child) {
    switch (child->transform) {
    case RNM_TRANSFORM_S:
        return s_names[child->flags];
    case RNM_TRANSFORM_F:
        return child->zero_plane != NULL  ? "FZeroPlane"
               : child->zero_list != NULL ? "FZeroList"
                                          : "F";
    case RNM_TRANSFORM_DROP:
        return "Drop";
    default:
        return "Linear";
    }
}

/* A dense weight in f32 whose parent nobody shares. */
static bool plain(const rnc_exporter *x, const rnm_recipe_rec *recipe, const rnm_child *child) {
    return child->transform == RNM_TRANSFORM_LINEAR && child->parent_dtype == RNM_F32 &&
           child->po == child->co && child->pi == child->ci && x->users[recipe->parent] == 1;
}

/* A stored tensor as it lies in the file. */
static const char *stored(rnc_exporter *x, uint32_t tensor, const char *role) {
    const rnm_tensor_rec *record = &x->view->tensors[tensor];
    if (x->stored[tensor] != NULL) {
        return x->stored[tensor];
    }
    rnm_shape shape = {.dtype = record->dtype, .rank = record->rank};
    for (int axis = 0; axis < record->rank; axis++) {
        shape.dims[axis] = record->dims[axis];
    }
    x->stored[tensor] = rnc_exporter_free_name(x, tensor, role);
    rnc_proto_initializer(x->model, x->stored[tensor], &shape, rnm_view_tensor(x->view, tensor));
    return x->stored[tensor];
}

static void call(rnc_exporter *x, const rnm_recipe_rec *recipe, const rnm_child *child,
                 const char *result) {
    const char *inputs[3];
    size_t count = 0;
    int64_t dims[5];
    inputs[count++] = stored(x, recipe->parent, "parent");
    if (recipe->betas != RNM_NONE) {
        inputs[count++] = stored(x, recipe->betas, "betas");
    }
    if (recipe->mask != RNM_NONE) {
        inputs[count++] = stored(x, recipe->mask, "mask");
    }
    if (recipe->zeros != RNM_NONE) {
        inputs[count++] = stored(x, recipe->zeros, "zeros");
    }
    for (int axis = 0; axis < recipe->rank; axis++) {
        dims[axis] = recipe->dims[axis];
    }
    const char *function = function_of(child);
    rnc_function_add(x->model, function);
    Onnx__NodeProto *node = rnc_proto_node(
        x->model, &x->model->nodes, function,
        rnc_exporter_call(x, rnm_view_string(x->view, recipe->name)), inputs, count, result);
    if (node != NULL) {
        node->domain = (char *)RNC_FUNCTION_DOMAIN;
    }
    rnc_proto_set_ints(x->model, node, "dims", dims, recipe->rank);
}

const char *rnc_compact_weight(rnc_exporter *x, uint32_t node, uint32_t value, uint32_t scale) {
    (void)node;
    (void)scale;
    const rnm_view *view = x->view;
    uint32_t index = view->values[value].source;
    const rnm_recipe_rec *recipe = &view->recipes[index];
    rnm_child child = rnm_view_child(view, index);
    const char *name = rnc_exporter_name(x, value);
    if (!x->made[value]) {
        x->made[value] = true;
        if (plain(x, recipe, &child)) {
            rnm_shape shape = rnm_view_shape(view, value);
            shape.dtype = RNM_F32;
            rnc_proto_tensor *tensor = rnc_proto_initializer(x->model, name, &shape, NULL);
            if (tensor != NULL) {
                tensor->child = child;
            }
        } else {
            call(x, recipe, &child, name);
        }
    }
    return name;
}
