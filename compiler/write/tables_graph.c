/* SPDX-License-Identifier: Apache-2.0
 *
 * Values, nodes and attributes.
 */
#include "write/tables.h"

#include <string.h>

static rnm_status add_words(rnc_tables *tables, const uint64_t *words, size_t count,
                            uint32_t *first, rnm_error *err) {
    *first = (uint32_t)tables->words.count;
    uint64_t *items = rnc_list_add(&tables->words, count, err);
    if (items == NULL) {
        return RNM_ERR_MEMORY;
    }
    memcpy(items, words, count * sizeof *words);
    return RNM_OK;
}

static rnm_status add_attr(rnc_tables *tables, unsigned key, const uint64_t *words, size_t count,
                           rnm_error *err) {
    uint32_t first;
    rnm_status status = add_words(tables, words, count, &first, err);
    if (status != RNM_OK) {
        return status;
    }
    rnm_attr_rec *record = rnc_list_add(&tables->attrs, 1, err);
    if (record == NULL) {
        return RNM_ERR_MEMORY;
    }
    *record = (rnm_attr_rec){.key = (uint16_t)key,
                             .type = (uint16_t)rnm_attr_type(key),
                             .count = (uint32_t)count,
                             .first_word = first};
    return RNM_OK;
}

/* What an attribute that is not written counts as. */
static rnm_node_attrs defaults_of(const rnc_node *node) {
    rnm_node_attrs attrs = rnm_attrs_default((rnm_op)node->op, node->attrs.spatial);
    const rnm_node_attrs activation = rnm_attrs_default(node->attrs.activation, 0);
    attrs.activation_alpha = activation.alpha;
    attrs.activation_beta = activation.beta;
    return attrs;
}

/* Attributes are left out where they are what a reader takes by default. */
static rnm_status add_attrs(rnc_tables *tables, const rnc_node *node, rnm_error *err) {
    uint64_t has = rnm_op_attrs((rnm_op)node->op);
    uint64_t needed = rnm_op_attrs_needed((rnm_op)node->op);
    rnm_node_attrs defaults = defaults_of(node);
    for (unsigned key = 1; key < RNM_ATTRIBUTE_COUNT; key++) {
        uint64_t words[RNM_MAX_LIST];
        uint64_t otherwise[RNM_MAX_LIST];
        if ((has >> key & 1) == 0 || (key == RNM_ATTRIBUTE_kernel_shape &&
                                      !node->attrs.has_kernel_shape && (needed >> key & 1) == 0)) {
            continue;
        }
        uint32_t count = rnm_attr_load(&node->attrs, key, words);
        bool same = rnm_attr_load(&defaults, key, otherwise) == count &&
                    memcmp(words, otherwise, count * sizeof *words) == 0;
        rnm_status status = count == 0 || (same && (needed >> key & 1) == 0)
                                ? RNM_OK
                                : add_attr(tables, key, words, count, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

static const uint8_t value_kinds[] = {
    [RNC_VALUE_ACTIVATION] = RNM_VALUE_ACTIVATION,
    [RNC_VALUE_CHANNEL] = RNM_VALUE_TENSOR,
    [RNC_VALUE_WEIGHT] = RNM_VALUE_RECIPE,
    [RNC_VALUE_CONSTANT] = RNM_VALUE_TENSOR,
};

static rnm_status add_value(rnc_tables *tables, rnc_value *value, rnm_error *err) {
    uint64_t dims[RNM_MAX_RANK];
    value->index = (uint32_t)tables->values.count;
    rnm_value_rec record = {.dtype = (uint8_t)value->shape.dtype,
                            .kind = value_kinds[value->kind],
                            .layout = value->layout,
                            .rank = (uint8_t)value->shape.rank,
                            .source = value->source,
                            .last_use = value->last_use};
    for (int d = 0; d < value->shape.rank; d++) {
        int64_t dim = value->shape.dims[d];
        dims[d] = dim < 0 ? RNM_DIM_SYMBOL | (uint64_t)(-1 - dim) : (uint64_t)dim;
    }
    rnm_status status = rnc_tables_add_string(tables, value->name, &record.name, err);
    if (status == RNM_OK) {
        status = add_words(tables, dims, (size_t)value->shape.rank, &record.first_dim, err);
    }
    rnm_value_rec *item = status == RNM_OK ? rnc_list_add(&tables->values, 1, err) : NULL;
    if (item != NULL) {
        *item = record;
    }
    return status != RNM_OK ? status : item == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

/* Optional inputs behind the last one present are not written. */
static int inputs_present(const rnc_node *node) {
    int count = node->input_count;
    while (count > 0 && node->inputs[count - 1] == NULL) {
        count--;
    }
    return count;
}

static rnm_status add_node(rnc_tables *tables, const rnc_node *node, rnm_error *err) {
    int inputs = inputs_present(node);
    rnm_node_rec record = {.op = (uint16_t)node->op,
                           .first_attr = (uint32_t)tables->attrs.count,
                           .first_ref = (uint32_t)tables->refs.count,
                           .input_count = (uint16_t)inputs,
                           .output_count = (uint16_t)node->output_count};
    rnm_status status;
    for (int i = 0; i < inputs; i++) {
        rnc_value *value = node->inputs[i];
        if (value != NULL && value->kind != RNC_VALUE_ACTIVATION && value->index == RNM_NONE &&
            (status = add_value(tables, value, err)) != RNM_OK) {
            return status;
        }
    }
    for (int k = 0; k < node->output_count; k++) {
        if ((status = add_value(tables, node->outputs[k], err)) != RNM_OK) {
            return status;
        }
    }
    if ((status = add_attrs(tables, node, err)) != RNM_OK ||
        (status = rnc_tables_add_string(tables, node->name, &record.name, err)) != RNM_OK) {
        return status;
    }
    record.attr_count = (uint16_t)(tables->attrs.count - record.first_attr);
    uint32_t *refs = rnc_list_add(&tables->refs, (size_t)inputs + record.output_count, err);
    rnm_node_rec *item = rnc_list_add(&tables->nodes, 1, err);
    if (refs == NULL || item == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (int i = 0; i < inputs; i++) {
        refs[i] = node->inputs[i] == NULL ? RNM_NONE : node->inputs[i]->index;
    }
    for (int k = 0; k < node->output_count; k++) {
        refs[inputs + k] = node->outputs[k]->index;
    }
    *item = record;
    return RNM_OK;
}

rnm_status rnc_tables_add_graph(rnc_tables *tables, rnc_job *job, rnm_error *err) {
    rnm_status status = RNM_OK;
    for (size_t k = 0; k < job->graph.input_count && status == RNM_OK; k++) {
        status = add_value(tables, job->graph.inputs[k], err);
    }
    for (size_t n = 0; n < job->graph.node_count && status == RNM_OK; n++) {
        status = add_node(tables, job->graph.nodes[n], err);
    }
    return status;
}

/* Behind everything else, as the names of symbols come last among the strings. */
rnm_status rnc_tables_add_ends(rnc_tables *tables, rnc_job *job, rnm_error *err) {
    const rnc_graph *graph = &job->graph;
    uint32_t *ends = rnc_list_add(
        &tables->ends, graph->input_count + graph->output_count + graph->symbol_count, err);
    rnm_status status = ends == NULL ? RNM_ERR_MEMORY : RNM_OK;
    for (size_t k = 0; k < graph->input_count && status == RNM_OK; k++) {
        *ends++ = graph->inputs[k]->index;
    }
    for (size_t k = 0; k < graph->output_count && status == RNM_OK; k++) {
        *ends++ = graph->outputs[k]->index;
    }
    for (size_t k = 0; k < graph->symbol_count && status == RNM_OK; k++) {
        status = rnc_tables_add_string(tables, graph->symbols[k], ends++, err);
    }
    return status;
}
