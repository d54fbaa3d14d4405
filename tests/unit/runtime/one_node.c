/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph of one node.
 */
#include "one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

size_t shape_count(const rnm_shape *shape) {
    size_t count = 1;
    for (int axis = 0; axis < shape->rank; ++axis) {
        count *= (size_t)shape->dims[axis];
    }
    return count;
}

void next_index(const rnm_shape *shape, int64_t at[RNM_MAX_RANK]) {
    for (int axis = shape->rank - 1; axis >= 0 && ++at[axis] == shape->dims[axis]; --axis) {
        at[axis] = 0;
    }
}

size_t index_of(const rnm_shape *shape, const int64_t at[RNM_MAX_RANK]) {
    size_t index = 0;
    for (int axis = 0; axis < shape->rank; ++axis) {
        index = index * (size_t)shape->dims[axis] + (size_t)at[axis];
    }
    return index;
}

rnm_shape random_shape(rng *r, int rank, uint32_t most) {
    rnm_shape shape = {.dtype = RNM_F32, .rank = rank};
    for (int axis = 0; axis < rank; ++axis) {
        shape.dims[axis] = 1 + random_below(r, most);
    }
    return shape;
}

uint8_t layout_for(rng *r, int rank) {
    return rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
}

void *numbered(const rnm_shape *shape) {
    size_t bytes = shape_count(shape) * rnm_dtype_size(shape->dtype);
    uint8_t *data = malloc(bytes + 1);
    assert_non_null(data);
    for (size_t k = 0; k < bytes; ++k) {
        data[k] = (uint8_t)(k * 7 + k / 251 + 1);
    }
    return data;
}

float *random_values(rng *r, const rnm_shape *shape) {
    float *data = malloc(shape_count(shape) * sizeof *data + 1);
    assert_non_null(data);
    random_fill(r, data, shape_count(shape));
    return data;
}

static uint32_t add_reorder(rnm_builder *b, const char *name, uint32_t from, uint8_t layout,
                            const rnm_shape *shape) {
    uint32_t to = builder_activation(b, name, layout, (uint8_t)shape->rank, shape->dims);
    builder_set_dtype(b, to, shape->dtype);
    builder_node(b, name, RNM_OP_Reorder, 1, &from, to);
    return to;
}

static uint32_t add_value(rnm_builder *b, const node_value *value, int k) {
    char name[32];
    const rnm_shape *shape = &value->shape;
    uint32_t dims[RNM_MAX_RANK], index;
    snprintf(name, sizeof name, "in%d", k);
    if (value->data == NULL) {
        return RNM_NONE;
    }
    if (value->stored) {
        for (int axis = 0; axis < shape->rank; ++axis) {
            dims[axis] = (uint32_t)shape->dims[axis];
        }
        index = builder_tensor_value(b, name,
                                     builder_tensor(b, name, shape->dtype, RNM_ROLE_CONSTANT,
                                                    (uint8_t)shape->rank, dims, value->data));
    } else {
        index = builder_input(b, name, (uint8_t)shape->rank, shape->dims);
        builder_set_dtype(b, index, shape->dtype);
    }
    if (value->layout == RNM_LAYOUT_ROWS) {
        return index;
    }
    snprintf(name, sizeof name, "in%d.last", k);
    return add_reorder(b, name, index, value->layout, shape);
}

/* Every attribute that the operator has and that differs from the default. */
static void add_attributes(rnm_builder *b, const node_case *c) {
    rnm_node_attrs defaults = rnm_attrs_default(c->op, c->attrs->spatial);
    for (unsigned id = 1; id < RNM_ATTRIBUTE_COUNT; ++id) {
        uint64_t words[RNM_MAX_LIST], otherwise[RNM_MAX_LIST];
        if ((rnm_op_attrs(c->op) >> id & 1) == 0) {
            continue;
        }
        uint32_t count = rnm_attr_load(c->attrs, id, words);
        bool same = count == rnm_attr_load(&defaults, id, otherwise) &&
                    memcmp(words, otherwise, count * sizeof *words) == 0;
        bool needed = (rnm_op_attrs_needed(c->op) >> id & 1) != 0;
        if (count == 0 || (same && !needed)) {
            continue;
        }
        float real;
        memcpy(&real, words, sizeof real);
        switch (rnm_attr_type(id)) {
        case RNM_ATTR_INT:
            builder_attr_int(b, (rnm_attr)id, (int64_t)words[0]);
            break;
        case RNM_ATTR_FLOAT:
            builder_attr_float(b, (rnm_attr)id, real);
            break;
        case RNM_ATTR_FLOATS:
            builder_attr_floats(b, (rnm_attr)id, count, words);
            break;
        default:
            builder_attr_ints(b, (rnm_attr)id, count, (const int64_t *)words);
        }
    }
}

static opened build(const node_case *c, rnm_shape *shapes) {
    rnm_builder *b = builder_new();
    uint32_t inputs[4], outputs[RNM_MAX_OUTPUTS];
    const rnm_shape *in[4];
    rnm_error error = {0};
    for (int k = 0; k < c->input_count; ++k) {
        inputs[k] = add_value(b, &c->inputs[k], k);
        in[k] = c->inputs[k].data != NULL ? &c->inputs[k].shape : NULL;
    }
    if (rnm_infer_shape(c->op, c->attrs, in, c->input_count, shapes, c->output_count, &error) !=
        RNM_OK) {
        fail_msg("%s", error.text);
    }
    char name[32];
    for (int k = 0; k < c->output_count; ++k) {
        snprintf(name, sizeof name, "out%d", k);
        uint8_t layout = shapes[k].rank >= 3 ? c->layout : RNM_LAYOUT_ROWS;
        outputs[k] = builder_activation(b, name, layout, (uint8_t)shapes[k].rank, shapes[k].dims);
        builder_set_dtype(b, outputs[k], shapes[k].dtype);
    }
    builder_node_outputs(b, "node", c->op, (uint16_t)c->input_count, inputs,
                         (uint16_t)c->output_count, outputs);
    add_attributes(b, c);
    for (int k = 0; k < c->output_count; ++k) {
        if (c->layout != RNM_LAYOUT_ROWS && shapes[k].rank >= 3) {
            snprintf(name, sizeof name, "out%d.rows", k);
            outputs[k] = add_reorder(b, name, outputs[k], RNM_LAYOUT_ROWS, &shapes[k]);
        }
        builder_output(b, outputs[k]);
    }
    return open_built(b);
}

static rnm_status run_once(const node_case *c, const rnm_model *model, rnm_expand expand,
                           int threads, node_result *result, rnm_error *error) {
    rnm_context_options options = {
        .expand = expand, .threads = threads, .no_xnnpack = true, .isa = asked_isa()};
    rnm_context *context;
    if (rnm_context_create(model, &options, &context, error) != RNM_OK) {
        fail_msg("%s", error->text);
    }
    for (int k = 0, n = 0; k < c->input_count; ++k) {
        if (c->inputs[k].data != NULL && !c->inputs[k].stored) {
            rnm_tensor *input = rnm_context_input(context, n++);
            memcpy(input->data, c->inputs[k].data, input->bytes);
        }
    }
    rnm_status status = RNM_OK;
    for (int times = 0; status == RNM_OK && times < 2; ++times) {
        status = rnm_context_run(context, error);
    }
    for (int k = 0; status == RNM_OK && k < c->output_count; ++k) {
        const rnm_tensor *output = rnm_context_output(context, k);
        if (result->data[k] == NULL) {
            result->data[k] = malloc(output->bytes + 1);
            assert_non_null(result->data[k]);
            memcpy(result->data[k], output->data, output->bytes);
        }
        assert_memory_equal(output->data, result->data[k], output->bytes);
    }
    rnm_context_destroy(context);
    return status;
}

node_result run_node(const node_case *c) {
    /* No recipe is among the inputs, so that modes differ in the workspace alone. */
    static const struct {
        rnm_expand expand;
        int threads;
    } ways[] = {{RNM_EXPAND_PANEL, 1}, {RNM_EXPAND_LOAD, 1}, {RNM_EXPAND_PANEL, 2}};
    node_result result = {0};
    rnm_error error = {0};
    opened model = build(c, result.shapes);
    for (size_t k = 0; k < sizeof ways / sizeof *ways; ++k) {
        if (run_once(c, model.model, ways[k].expand, ways[k].threads, &result, &error) != RNM_OK) {
            fail_msg("%s", error.text);
        }
    }
    close_opened(model);
    return result;
}

void free_result(node_result *result, int output_count) {
    for (int k = 0; k < output_count; ++k) {
        free(result->data[k]);
    }
}

void refuse_node(const node_case *c, rnm_status status, const char *word) {
    node_result result = {0};
    rnm_error error = {0};
    opened model = build(c, result.shapes);
    assert_int_equal(run_once(c, model.model, RNM_EXPAND_PANEL, 1, &result, &error), status);
    assert_non_null(strstr(error.text, word));
    close_opened(model);
}
