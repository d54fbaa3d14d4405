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

/* A weight that a call has made, exchanged group by group for a ConvTranspose. */
static const char *exchanged(rnc_exporter *x, uint32_t node, uint32_t value, uint32_t groups,
                             const char *from) {
    const rnm_node_rec *record = &x->view->nodes[node];
    const uint32_t output = x->view->refs[record->first_ref + record->input_count];
    rnm_shape shape = rnm_view_shape(x->view, value);
    int64_t perm[RNM_MAX_RANK], split[RNM_MAX_RANK];
    const size_t rank = (size_t)shape.rank + 1;
    split[0] = groups;
    split[1] = shape.dims[0] / groups;
    for (size_t axis = 0; axis < rank; axis++) {
        split[axis] = axis < 2 ? split[axis] : shape.dims[axis - 1];
        perm[axis] = axis == 1 ? 2 : axis == 2 ? 1 : (int64_t)axis;
    }
    rnc_exporter_exchange(&shape, groups);
    const struct {
        const char *op, *part;
        const int64_t *dims; /* of a Reshape */
        size_t count;
    } steps[] = {
        {"Reshape", "groups", split, rank},
        {"Transpose", "exchanged", NULL, 0},
        {"Reshape", "weight", shape.dims, rank - 1},
    };
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        const char *inputs[2] = {from};
        const char *result = rnc_exporter_part(x, output, steps[k].part);
        if (steps[k].dims != NULL) {
            inputs[1] = rnc_exporter_part(x, output, k == 0 ? "split" : "joined");
            rnc_exporter_list(x, inputs[1], 1, steps[k].dims, (int64_t)steps[k].count);
        }
        Onnx__NodeProto *made = rnc_proto_node(x->model, &x->model->nodes, steps[k].op, result,
                                               inputs, steps[k].dims != NULL ? 2 : 1, result);
        if (steps[k].dims == NULL) {
            rnc_proto_set_ints(x->model, made, "perm", perm, rank);
        }
        from = result;
    }
    return from;
}

const char *rnc_compact_weight(rnc_exporter *x, uint32_t node, uint32_t value, uint32_t scale) {
    (void)scale;
    const rnm_view *view = x->view;
    uint32_t index = view->values[value].source;
    const rnm_recipe_rec *recipe = &view->recipes[index];
    const uint32_t groups = rnc_exporter_groups(x, node);
    rnm_child child = rnm_view_child(view, index);
    const char *name = rnc_exporter_name(x, value);
    /* Readers that want it in two orders are few: then it is stored as it is. */
    bool ready = groups > 0 && x->readers[value] == 1 && plain(x, recipe, &child);
    if (!x->made[value]) {
        x->made[value] = true;
        if (plain(x, recipe, &child)) {
            rnm_shape shape = rnm_view_shape(view, value);
            shape.dtype = RNM_F32;
            rnc_exporter_exchange(&shape, ready ? groups : 0);
            rnc_proto_tensor *tensor = rnc_proto_initializer(x->model, name, &shape, NULL);
            if (tensor != NULL) {
                tensor->child = child;
                tensor->groups = ready ? groups : 0;
            }
        } else {
            call(x, recipe, &child, name);
        }
    }
    return groups == 0 || ready ? name : exchanged(x, node, value, groups, name);
}
