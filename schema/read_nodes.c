/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes: arity, refs, what may stand where, definition before use, shapes; then graph outputs and
 * last uses (FORMAT.md section 6).
 */
#include "read_rules.h"

/* ---- the record ------------------------------------------------------------------------------ */

/* Attributes and refs belong to one node each and lie in the order of the nodes: `next_attr` and
 * `next_ref` are the first that no node before has taken. */
static rnm_status check_record(const rnm_reader *r, rnm_where where, const rnm_node_rec *node,
                               uint32_t next_attr, uint32_t next_ref) {
    const rnm_graph_rec *graph = r->view.graph;
    const rnm_op_info *info = rnm_op_find(node->op);
    uint32_t refs = (uint32_t)node->input_count + node->output_count;
    if (info == NULL) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "operator %u is unknown", node->op);
    }
    if (node->input_count < info->least_inputs || node->input_count > info->most_inputs) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "%s must have %u to %u inputs, found %u",
                          info->name, info->least_inputs, info->most_inputs, node->input_count);
    }
    if (node->output_count < 1 || node->output_count > info->most_outputs) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "%s must have 1 to %u outputs, found %u",
                          info->name, info->most_outputs, node->output_count);
    }
    if (node->first_attr != next_attr || node->attr_count > graph->attr_count - next_attr) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "attributes must begin at %u of %u, found %u from %u", next_attr,
                          graph->attr_count, node->attr_count, node->first_attr);
    }
    if (node->first_ref != next_ref || refs > graph->ref_count - next_ref) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "refs must begin at %u of %u, found %u from %u",
                          next_ref, graph->ref_count, refs, node->first_ref);
    }
    if (node->reserved != 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "reserved field must be 0, found %u",
                          node->reserved);
    }
    return RNM_OK;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* In reader.defined: how many rows a value has is known at the end of a run only. */
enum { OF_ITS_OWN_SIZE = 2 };

enum { DATA, WEIGHT, CHANNEL };

/* What an operator's inputs are, where they are not all data. */
static const uint8_t input_uses[RNM_OP_COUNT][5] = {
    [RNM_OP_Conv] = {DATA, WEIGHT, CHANNEL, CHANNEL, DATA},
    [RNM_OP_Gemm] = {DATA, WEIGHT, CHANNEL, CHANNEL, DATA},
    [RNM_OP_ScaleBias] = {DATA, CHANNEL, CHANNEL},
    [RNM_OP_ConvTranspose] = {DATA, WEIGHT, CHANNEL, CHANNEL, DATA},
};

static int use_of_value(const rnm_view *view, const rnm_value_rec *value) {
    if (value->kind == RNM_VALUE_RECIPE) {
        return WEIGHT;
    }
    bool channel =
        value->kind == RNM_VALUE_TENSOR && view->tensors[value->source].role == RNM_ROLE_CHANNEL;
    return channel ? CHANNEL : DATA;
}

static rnm_status check_input(const rnm_reader *r, rnm_where where, const rnm_node_rec *node,
                              uint32_t k) {
    static const char *const use_names[] = {"data", "a recipe", "a channel tensor"};
    const rnm_op_info *info = rnm_op_find(node->op);
    uint32_t ref = r->view.refs[node->first_ref + k];
    if (ref == RNM_NONE) {
        return rnm_op_needs(info, k)
                   ? rnm_reject(r, where, RNM_ERR_FORMAT, "input %u of %s must not be absent", k,
                                info->name)
                   : RNM_OK;
    }
    if (ref >= r->view.graph->value_count) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "input %u must be one of %u values, found %u",
                          k, r->view.graph->value_count, ref);
    }
    const rnm_value_rec *value = &r->view.values[ref];
    if (!r->defined[ref]) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "input %u, value \"%.100s\", must be defined before this node", k,
                          rnm_view_string(&r->view, value->name));
    }
    int wanted = k < 5 ? input_uses[node->op][k] : DATA;
    int found = use_of_value(&r->view, value);
    if (found != wanted) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "input %u of %s must be %s, found %s", k,
                          info->name, use_names[wanted], use_names[found]);
    }
    if (r->defined[ref] == OF_ITS_OWN_SIZE) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "input %u, value \"%.100s\", must not be that of a NonMaxSuppression", k,
                          rnm_view_string(&r->view, value->name));
    }
    if (value->kind == RNM_VALUE_ACTIVATION) {
        r->last_use[ref] = where.index;
    }
    return RNM_OK;
}

static rnm_status check_output(const rnm_reader *r, rnm_where where, uint32_t ref) {
    if (ref >= r->view.graph->value_count) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "output must be one of %u values, found %u",
                          r->view.graph->value_count, ref);
    }
    if (r->defined[ref]) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "output, value \"%.100s\", must be an activation that nothing defines "
                          "before",
                          rnm_view_string(&r->view, r->view.values[ref].name));
    }
    r->defined[ref] = true;
    return RNM_OK;
}

static rnm_status check_refs(const rnm_reader *r, rnm_where where, const rnm_node_rec *node) {
    rnm_status status = RNM_OK;
    for (uint32_t k = 0; status == RNM_OK && k < node->input_count; k++) {
        status = check_input(r, where, node, k);
    }
    for (uint32_t k = 0; status == RNM_OK && k < node->output_count; k++) {
        uint32_t ref = r->view.refs[node->first_ref + node->input_count + k];
        status = check_output(r, where, ref);
        if (status == RNM_OK && node->op == RNM_OP_NonMaxSuppression) {
            r->defined[ref] = OF_ITS_OWN_SIZE;
        }
    }
    return status;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* That the outputs' shapes are those that the operator's rules give. */
static rnm_status check_shape(const rnm_reader *r, rnm_where where, const rnm_node_rec *node) {
    for (uint32_t k = 0; k < node->input_count; k++) {
        uint32_t ref = r->view.refs[node->first_ref + k];
        r->input_shapes[k] = NULL;
        if (ref != RNM_NONE) {
            r->shapes[k] = rnm_view_shape(&r->view, ref);
            r->input_shapes[k] = &r->shapes[k];
        }
    }
    rnm_node_attrs attrs = rnm_view_attrs(&r->view, where.index);
    rnm_shape outs[RNM_MAX_OUTPUTS];
    rnm_error inner;
    rnm_status status = rnm_infer_shape((rnm_op)node->op, &attrs, r->input_shapes,
                                        node->input_count, outs, node->output_count, &inner);
    if (status != RNM_OK) {
        /* Whatever it is to other callers, to a file it is a rule broken or a limit passed. */
        return rnm_reject(r, where, status == RNM_ERR_LIMIT ? RNM_ERR_LIMIT : RNM_ERR_FORMAT, "%s",
                          inner.text);
    }
    for (uint32_t k = 0; k < node->output_count; k++) {
        uint32_t output = r->view.refs[node->first_ref + node->input_count + k];
        rnm_shape stated = rnm_view_shape(&r->view, output);
        if (!rnm_shape_equal(&outs[k], &stated)) {
            char expected[RNM_SHAPE_TEXT];
            char found[RNM_SHAPE_TEXT];
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "shape of value \"%.100s\" must be %s %s as %s gives it, found %s %s",
                              rnm_view_string(&r->view, r->view.values[output].name),
                              rnm_dtype_name(outs[k].dtype),
                              rnm_shape_text(&outs[k], expected, sizeof expected),
                              rnm_op_find(node->op)->name, rnm_dtype_name(stated.dtype),
                              rnm_shape_text(&stated, found, sizeof found));
        }
    }
    return RNM_OK;
}

/* ---- outputs and last uses ------------------------------------------------------------------- */

static rnm_status check_graph_outputs(const rnm_reader *r) {
    const rnm_graph_rec *graph = r->view.graph;
    for (uint32_t k = 0; k < graph->output_count; k++) {
        rnm_where where = {"outputs", k, 0};
        uint32_t index = r->view.outputs[k];
        if (index >= graph->value_count) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "must be one of %u values, found %u",
                              graph->value_count, index);
        }
        const rnm_value_rec *value = &r->view.values[index];
        where.name = value->name;
        if (value->kind != RNM_VALUE_ACTIVATION || r->last_use[index] == graph->node_count) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "must be an activation that is listed once");
        }
        if (value->layout != RNM_LAYOUT_ROWS) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "layout of an output must be row-major");
        }
        r->last_use[index] = graph->node_count;
    }
    return RNM_OK;
}

static rnm_status check_lives(const rnm_reader *r) {
    for (uint32_t k = 0; k < r->view.graph->value_count; k++) {
        const rnm_value_rec *value = &r->view.values[k];
        const rnm_where where = {"values", k, value->name};
        if (!r->defined[k]) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "must be a graph input or the output of a node, found neither");
        }
        if (value->last_use != r->last_use[k]) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "last use must be %u, found %u",
                              r->last_use[k], value->last_use);
        }
    }
    return RNM_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status check_node(const rnm_reader *r, uint32_t index, uint32_t next_attr,
                             uint32_t next_ref) {
    const rnm_node_rec *node = &r->view.nodes[index];
    const rnm_where where = {"nodes", index, node->name};
    rnm_status status = check_record(r, where, node, next_attr, next_ref);
    if (status == RNM_OK) {
        status = check_refs(r, where, node);
    }
    if (status == RNM_OK) {
        status = rnm_read_attrs(r, index);
    }
    if (status == RNM_OK) {
        status = rnm_read_layout(r, index);
    }
    return status == RNM_OK ? check_shape(r, where, node) : status;
}

rnm_status rnm_read_nodes(rnm_reader *r) {
    const rnm_graph_rec *graph = r->view.graph;
    rnm_status status =
        rnm_read_names(r, "nodes", r->view.nodes, graph->node_count, sizeof(rnm_node_rec));
    uint32_t next_attr = 0;
    uint32_t next_ref = 0;
    for (uint32_t k = 0; status == RNM_OK && k < graph->node_count; k++) {
        const rnm_node_rec *node = &r->view.nodes[k];
        status = check_node(r, k, next_attr, next_ref);
        next_attr += node->attr_count;
        next_ref += (uint32_t)node->input_count + node->output_count;
    }
    if (status == RNM_OK && (next_attr != graph->attr_count || next_ref != graph->ref_count)) {
        status = rnm_fail(r->err, RNM_ERR_FORMAT,
                          "graph: nodes must have all of %u attributes and %u refs, found %u and "
                          "%u",
                          graph->attr_count, graph->ref_count, next_attr, next_ref);
    }
    if (status == RNM_OK) {
        status = check_graph_outputs(r);
    }
    return status == RNM_OK ? check_lives(r) : status;
}
