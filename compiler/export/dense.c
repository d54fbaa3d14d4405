/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a dense export: expanded, times the scale of their outputs. One rounding more than the
 * .rnm has, and what runtimes make of a convolution with a batch norm behind it.
 */
#include "export/exporter.h"

/* The initializer of this weight with this scale, if a node before has made it. */
static const char *find(const rnc_exporter *x, uint32_t value, const float *scale,
                        uint32_t groups) {
    const rnc_proto_tensor *tensor = x->tensor[value];
    bool same = tensor != NULL && tensor->scale == scale && tensor->groups == groups;
    return same ? tensor->name : NULL;
}

const char *rnc_dense_weight(rnc_exporter *x, uint32_t node, uint32_t value, uint32_t scale) {
    const rnm_view *view = x->view;
    const float *factors =
        scale == RNM_NONE ? NULL : rnm_view_tensor(view, view->values[scale].source);
    const uint32_t groups = rnc_exporter_groups(x, node);
    const char *name = find(x, value, factors, groups);
    if (name != NULL) {
        return name;
    }
    /* A second layer with the same weight and a scale of its own needs a copy under its name. */
    const rnm_node_rec *record = &view->nodes[node];
    uint32_t output = view->refs[record->first_ref + record->input_count];
    name = x->tensor[value] == NULL ? rnc_exporter_name(x, value)
                                    : rnc_exporter_part(x, output, "weight");
    rnm_shape shape = rnm_view_shape(view, value);
    shape.dtype = RNM_F32;
    rnc_exporter_exchange(&shape, groups);
    rnc_proto_tensor *tensor = rnc_proto_initializer(x->model, name, &shape, NULL);
    if (tensor != NULL) {
        tensor->child = rnm_view_child(view, view->values[value].source);
        tensor->groups = groups;
        tensor->scale = factors;
        if (x->tensor[value] == NULL) {
            x->tensor[value] = tensor;
        }
    }
    return name;
}
