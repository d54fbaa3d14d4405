/* SPDX-License-Identifier: Apache-2.0
 *
 * Every rule about the graph, broken one at a time with the digests resealed.
 */
#include "specimen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- the section ----------------------------------------------------------------------------- */

#define GRAPH(field, value, status, word) \
    POKE(PART_GRAPH, rnm_graph_rec, NULL, field, value, status, word)

static const specimen_poke graph_pokes[] = {
    GRAPH(value_count, 0, RNM_ERR_FORMAT, "graph: length"),
    GRAPH(value_count, (1 << 18) + 1, RNM_ERR_LIMIT, "values"),
    GRAPH(node_count, 7, RNM_ERR_FORMAT, "graph: length"),
    GRAPH(node_count, (1 << 17) + 1, RNM_ERR_LIMIT, "nodes"),
    GRAPH(attr_count, (1 << 20) + 1, RNM_ERR_LIMIT, "attributes"),
    GRAPH(word_count, UINT32_MAX, RNM_ERR_LIMIT, "words"),
    GRAPH(ref_count, (1 << 20) + 1, RNM_ERR_LIMIT, "refs"),
    GRAPH(input_count, 1025, RNM_ERR_LIMIT, "inputs"),
    GRAPH(output_count, 1025, RNM_ERR_LIMIT, "outputs"),
    GRAPH(symbol_count, 1025, RNM_ERR_LIMIT, "symbols"),
    GRAPH(symbol_count, 0, RNM_ERR_FORMAT, "graph: length"),
};

/* ---- values ---------------------------------------------------------------------------------- */

#define VALUE(name, field, value, status, word) \
    POKE(PART_VALUE, rnm_value_rec, name, field, value, status, word)

static const specimen_poke value_pokes[] = {
    VALUE("conv1", name, 0, RNM_ERR_FORMAT, "empty"),
    VALUE("conv1", name, 1 << 20, RNM_ERR_FORMAT, "start of a string"),
    VALUE("conv1", dtype, 0, RNM_ERR_FORMAT, "must be f32"),
    VALUE("conv1", dtype, RNM_F64, RNM_ERR_FORMAT, "must be f32"),
    VALUE("conv1", dtype, RNM_F16, RNM_ERR_FORMAT, "f16"),
    VALUE("conv1.bias", dtype, RNM_F16, RNM_ERR_FORMAT, "its source's"),
    VALUE("conv1.weight", dtype, RNM_F16, RNM_ERR_FORMAT, "its source's"),
    VALUE("conv1", kind, 3, RNM_ERR_FORMAT, "kind 3"),
    VALUE("conv1", layout, 2, RNM_ERR_FORMAT, "layout 2"),
    VALUE("conv1", layout, 0, RNM_ERR_FORMAT, "must be channels-last for Conv"),
    VALUE("pool", layout, 0, RNM_ERR_FORMAT, "must be channels-last for MaxPool"),
    VALUE("mean", layout, 0, RNM_ERR_FORMAT, "must be channels-last for GlobalAveragePool"),
    VALUE("flat", layout, 1, RNM_ERR_FORMAT, "rank 3"),
    VALUE("image", layout, 1, RNM_ERR_FORMAT, "input must be row-major"),
    VALUE("conv1.bias", layout, 1, RNM_ERR_FORMAT, "layout of a constant"),
    VALUE("conv1.weight", layout, 1, RNM_ERR_FORMAT, "layout of a constant"),
    VALUE("conv1", rank, 9, RNM_ERR_LIMIT, "rank"),
    VALUE("conv1", rank, 5, RNM_ERR_FORMAT, "shape of value"),
    VALUE("flat", rank, 1, RNM_ERR_FORMAT, "shape of value"),
    VALUE("conv1.weight", rank, 3, RNM_ERR_FORMAT, "its source's"),
    VALUE("conv1", source, 0, RNM_ERR_FORMAT, "no source"),
    VALUE("conv1.bias", source, 11, RNM_ERR_FORMAT, "one of 11 tensors"),
    VALUE("conv1.bias", source, RNM_NONE, RNM_ERR_FORMAT, "one of 11 tensors"),
    VALUE("conv1.bias", source, 0, RNM_ERR_FORMAT, "role"),
    VALUE("conv1.weight", source, 4, RNM_ERR_FORMAT, "one of 4 recipes"),
    VALUE("conv1.weight", source, 1, RNM_ERR_FORMAT, "its source's"),
    VALUE("conv1", first_dim, 1 << 20, RNM_ERR_FORMAT, "must lie in"),
    VALUE("conv1", first_dim, UINT32_MAX, RNM_ERR_FORMAT, "must lie in"),
    VALUE("conv1", last_use, 1, RNM_ERR_FORMAT, "last use must be 2"),
    VALUE("conv2", last_use, RNM_NONE, RNM_ERR_FORMAT, "last use must be 3"),
    VALUE("logits", last_use, 7, RNM_ERR_FORMAT, "last use must be 8"),
    VALUE("conv1.bias", last_use, 1, RNM_ERR_FORMAT, "constant must be none"),
    VALUE("conv1.weight", last_use, 8, RNM_ERR_FORMAT, "constant must be none"),
    VALUE("conv1", reserved, 1, RNM_ERR_FORMAT, "reserved"),
};

/* The k-th dim of a value. */
static uint64_t *dim_of(uint8_t *bytes, const char *name, uint32_t k) {
    const rnm_graph_rec *graph = specimen_find(bytes, PART_GRAPH, NULL);
    const rnm_value_rec *value = specimen_find(bytes, PART_VALUE, name);
    uint8_t *words = (uint8_t *)specimen_find(bytes, PART_INPUTS, NULL) -
                     graph->ref_count * sizeof(uint32_t) - graph->word_count * sizeof(uint64_t);
    return (uint64_t *)(void *)words + value->first_dim + k;
}

#define BREAK(name, change)            \
    static void name(uint8_t *bytes) { \
        change;                        \
    }

BREAK(dim_zero, *dim_of(bytes, "conv1", 1) = 0)
BREAK(dim_large, *dim_of(bytes, "conv1", 1) = 0x80000000)
BREAK(dim_symbol, *dim_of(bytes, "conv1", 0) = RNM_DIM_SYMBOL | 1)
BREAK(dim_symbol_high, *dim_of(bytes, "conv1", 0) = RNM_DIM_SYMBOL | (uint64_t)1 << 32)
BREAK(dim_other, *dim_of(bytes, "conv1", 2) = 9)
BREAK(dim_elements, *dim_of(bytes, "conv1", 1) = 0x7fffffff;
      *dim_of(bytes, "conv1", 2) = 0x7fffffff)
BREAK(dim_of_constant, *dim_of(bytes, "conv1.bias", 0) = 11)
BREAK(dim_of_weight, *dim_of(bytes, "conv1.weight", 0) = 11)
BREAK(dim_of_input, *dim_of(bytes, "image", 1) = 4)
BREAK(dim_symbolic_map, *dim_of(bytes, "image", 2) = RNM_DIM_SYMBOL;
      *dim_of(bytes, "x", 2) = RNM_DIM_SYMBOL)
BREAK(dim_computed, *dim_of(bytes, "conv1", 2) = RNM_DIM_SYMBOL | RNM_NONE)
BREAK(dim_computed_input, *dim_of(bytes, "image", 2) = RNM_DIM_SYMBOL | RNM_NONE)
BREAK(dim_computed_constant, *dim_of(bytes, "conv1.bias", 0) = RNM_DIM_SYMBOL | RNM_NONE)

static void copy_name(uint8_t *bytes, specimen_part part, const char *to, const char *from) {
    uint32_t *name = specimen_find(bytes, part, to);
    memcpy(name, specimen_find(bytes, part, from), sizeof *name);
}

BREAK(value_same_name, copy_name(bytes, PART_VALUE, "conv1", "fc.bias"))
BREAK(node_same_name, copy_name(bytes, PART_NODE, "conv1", "fc"))
BREAK(symbol_name, *(uint32_t *)specimen_find(bytes, PART_SYMBOLS, NULL) = 2)
BREAK(symbol_empty, *(uint32_t *)specimen_find(bytes, PART_SYMBOLS, NULL) = 0)
BREAK(graph_short, specimen_section(bytes, RNM_SECTION_GRAPH)->length -= 1)

static const specimen_break value_breaks[] = {
    {"dim 0", dim_zero, RNM_ERR_FORMAT, "must be f32 ?0x10x8x8"},
    {"dim 2^31", dim_large, RNM_ERR_LIMIT, "dim 1 must be at most"},
    {"symbol 1", dim_symbol, RNM_ERR_FORMAT, "one of 1 symbols"},
    {"symbol 2^32", dim_symbol_high, RNM_ERR_FORMAT, "one of 1 symbols"},
    {"other dim", dim_other, RNM_ERR_FORMAT, "shape of value \"conv1\" must be f32 ?0x10x8x8"},
    {"elements", dim_elements, RNM_ERR_LIMIT, "elements"},
    {"constant's dim", dim_of_constant, RNM_ERR_FORMAT, "its source's"},
    {"weight's dim", dim_of_weight, RNM_ERR_FORMAT, "its source's"},
    {"input's dim", dim_of_input, RNM_ERR_FORMAT, "shape of value \"x\""},
    {"symbolic map", dim_symbolic_map, RNM_ERR_FORMAT, "must be f32 ?0x10x?0x8"},
    {"computed dim", dim_computed, RNM_ERR_FORMAT, "must be f32 ?0x10x8x8"},
    {"input's computed dim", dim_computed_input, RNM_ERR_FORMAT, "a number or a symbol"},
    {"constant's computed dim", dim_computed_constant, RNM_ERR_FORMAT, "one of 1 symbols"},
    {"value name", value_same_name, RNM_ERR_FORMAT, "values["},
    {"node name", node_same_name, RNM_ERR_FORMAT, "nodes["},
    {"symbol name", symbol_name, RNM_ERR_FORMAT, "symbols[0]"},
    {"symbol empty", symbol_empty, RNM_ERR_FORMAT, "symbols[0]"},
    {"graph short", graph_short, RNM_ERR_FORMAT, "graph: length"},
};

static void test_values(void **state) {
    (void)state;
    specimen_try_pokes(graph_pokes, sizeof graph_pokes / sizeof *graph_pokes);
    specimen_try_pokes(value_pokes, sizeof value_pokes / sizeof *value_pokes);
    specimen_try_breaks(value_breaks, sizeof value_breaks / sizeof *value_breaks);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

#define NODE(name, field, value, status, word) \
    POKE(PART_NODE, rnm_node_rec, name, field, value, status, word)

static const specimen_poke node_pokes[] = {
    NODE("conv1", name, 0, RNM_ERR_FORMAT, "empty"),
    NODE("conv1", op, 0, RNM_ERR_FORMAT, "operator 0"),
    NODE("conv1", op, 22, RNM_ERR_FORMAT, "operator 22"),
    NODE("conv1", op, 0xffff, RNM_ERR_FORMAT, "operator 65535"),
    NODE("conv1", op, RNM_OP_Relu, RNM_ERR_FORMAT, "Relu must have 1 to 1 inputs"),
    NODE("mean", op, RNM_OP_Relu, RNM_ERR_FORMAT, "shape of value"),
    NODE("fc", op, RNM_OP_Conv, RNM_ERR_FORMAT, "rank"),
    NODE("conv3", attr_count, 1, RNM_ERR_FORMAT, "attributes must begin"),
    NODE("conv2", attr_count, 0xffff, RNM_ERR_FORMAT, "attributes must begin"),
    NODE("conv2", first_attr, 0, RNM_ERR_FORMAT, "attributes must begin"),
    NODE("conv2", first_attr, UINT32_MAX, RNM_ERR_FORMAT, "attributes must begin"),
    NODE("conv2", first_ref, 0, RNM_ERR_FORMAT, "refs must begin"),
    NODE("conv2", first_ref, UINT32_MAX, RNM_ERR_FORMAT, "refs must begin"),
    NODE("conv2", input_count, 1, RNM_ERR_FORMAT, "2 to 5 inputs"),
    NODE("conv2", input_count, 6, RNM_ERR_FORMAT, "2 to 5 inputs"),
    NODE("conv2", output_count, 0, RNM_ERR_FORMAT, "1 outputs"),
    NODE("conv2", output_count, 2, RNM_ERR_FORMAT, "1 outputs"),
    NODE("fc", input_count, 5, RNM_ERR_FORMAT, "refs must begin"),
    NODE("fc", input_count, 2, RNM_ERR_FORMAT, "output, value"),
    NODE("conv1", reserved, 1, RNM_ERR_FORMAT, "reserved"),
};

/* Ref k of a node. */
static uint32_t *ref_of(uint8_t *bytes, const char *name, uint32_t k) {
    const rnm_graph_rec *graph = specimen_find(bytes, PART_GRAPH, NULL);
    const rnm_node_rec *node = specimen_find(bytes, PART_NODE, name);
    uint32_t *inputs = specimen_find(bytes, PART_INPUTS, NULL);
    return inputs - graph->ref_count + node->first_ref + k;
}

static uint32_t value(uint8_t *bytes, const char *name) {
    return specimen_index(bytes, PART_VALUE, name);
}

static uint32_t *input_of(uint8_t *bytes) {
    return specimen_find(bytes, PART_INPUTS, NULL);
}

static uint32_t *output_of(uint8_t *bytes) {
    return specimen_find(bytes, PART_OUTPUTS, NULL);
}

BREAK(ref_far, *ref_of(bytes, "conv2", 0) = 1 << 20)
BREAK(ref_absent, *ref_of(bytes, "conv2", 0) = RNM_NONE)
BREAK(weight_absent, *ref_of(bytes, "conv2", 1) = RNM_NONE)
BREAK(ref_later, *ref_of(bytes, "conv2", 0) = value(bytes, "conv3"))
BREAK(ref_itself, *ref_of(bytes, "pool", 0) = value(bytes, "pool"))
BREAK(weight_stored, *ref_of(bytes, "conv2", 1) = value(bytes, "conv1.bias"))
BREAK(weight_computed, *ref_of(bytes, "conv2", 1) = value(bytes, "conv1"))
BREAK(bias_recipe, *ref_of(bytes, "conv2", 2) = value(bytes, "conv2.weight"))
BREAK(bias_computed, *ref_of(bytes, "conv2", 2) = value(bytes, "conv1"))
BREAK(bias_of_another, *ref_of(bytes, "conv2", 2) = value(bytes, "conv1.bias"))
BREAK(data_recipe, *ref_of(bytes, "pool", 0) = value(bytes, "conv2.weight"))
BREAK(data_channel, *ref_of(bytes, "conv3", 4) = value(bytes, "conv1.bias"))
BREAK(residual_other, *ref_of(bytes, "conv3", 4) = value(bytes, "conv1"))
BREAK(residual_rows, *ref_of(bytes, "conv3", 4) = value(bytes, "image"))
BREAK(output_far, *ref_of(bytes, "conv2", 3) = RNM_NONE)
BREAK(output_twice, *ref_of(bytes, "conv2", 3) = value(bytes, "conv1"))
BREAK(output_constant, *ref_of(bytes, "conv2", 3) = value(bytes, "conv2.bias"))
BREAK(output_input, *ref_of(bytes, "reorder", 1) = value(bytes, "image"))
BREAK(output_nobody, *ref_of(bytes, "fc", 3) = value(bytes, "logits");
      *input_of(bytes) = value(bytes, "x"))
BREAK(flatten_maps, *ref_of(bytes, "flat", 0) = value(bytes, "pool"))
BREAK(input_far, *input_of(bytes) = 1000)
BREAK(input_constant, *input_of(bytes) = value(bytes, "fc.bias"))
BREAK(input_of_node, *input_of(bytes) = value(bytes, "flat"))
BREAK(graph_output_far, *output_of(bytes) = 1000)
BREAK(graph_output_none, *output_of(bytes) = RNM_NONE)
BREAK(graph_output_constant, *output_of(bytes) = value(bytes, "fc.bias"))
BREAK(graph_output_maps, *output_of(bytes) = value(bytes, "mean"))
BREAK(graph_output_other, *output_of(bytes) = value(bytes, "flat"))

static const specimen_break node_breaks[] = {
    {"ref far", ref_far, RNM_ERR_FORMAT, "one of"},
    {"ref absent", ref_absent, RNM_ERR_FORMAT, "must not be absent"},
    {"weight absent", weight_absent, RNM_ERR_FORMAT, "must not be absent"},
    {"ref later", ref_later, RNM_ERR_FORMAT, "defined before"},
    {"ref itself", ref_itself, RNM_ERR_FORMAT, "defined before"},
    {"weight stored", weight_stored, RNM_ERR_FORMAT, "must be a recipe"},
    {"weight computed", weight_computed, RNM_ERR_FORMAT, "must be a recipe"},
    {"bias recipe", bias_recipe, RNM_ERR_FORMAT, "must be a channel tensor"},
    {"bias computed", bias_computed, RNM_ERR_FORMAT, "must be a channel tensor"},
    {"bias of another", bias_of_another, RNM_ERR_FORMAT, "must have shape 12"},
    {"data recipe", data_recipe, RNM_ERR_FORMAT, "must be data"},
    {"data channel", data_channel, RNM_ERR_FORMAT, "must be data"},
    {"residual other", residual_other, RNM_ERR_FORMAT, "residual"},
    {"residual rows", residual_rows, RNM_ERR_FORMAT, "layout"},
    {"output far", output_far, RNM_ERR_FORMAT, "output must be one of"},
    {"output twice", output_twice, RNM_ERR_FORMAT, "nothing defines before"},
    {"output constant", output_constant, RNM_ERR_FORMAT, "nothing defines before"},
    {"output input", output_input, RNM_ERR_FORMAT, "nothing defines before"},
    {"output nobody", output_nobody, RNM_ERR_FORMAT, "row-major"},
    {"flatten maps", flatten_maps, RNM_ERR_FORMAT, "must be row-major for Flatten"},
    {"input far", input_far, RNM_ERR_FORMAT, "inputs[0]"},
    {"input constant", input_constant, RNM_ERR_FORMAT, "inputs[0]"},
    {"input of node", input_of_node, RNM_ERR_FORMAT, "defined before"},
    {"graph output far", graph_output_far, RNM_ERR_FORMAT, "outputs[0]"},
    {"graph output none", graph_output_none, RNM_ERR_FORMAT, "outputs[0]"},
    {"graph output constant", graph_output_constant, RNM_ERR_FORMAT, "outputs[0]"},
    {"graph output maps", graph_output_maps, RNM_ERR_FORMAT, "output must be row-major"},
    {"graph output other", graph_output_other, RNM_ERR_FORMAT, "last use"},
};

static void test_nodes(void **state) {
    (void)state;
    specimen_try_pokes(node_pokes, sizeof node_pokes / sizeof *node_pokes);
    specimen_try_breaks(node_breaks, sizeof node_breaks / sizeof *node_breaks);
}

/* ---- attributes ------------------------------------------------------------------------------ */

#define ATTR(name, field, value, status, word) \
    POKE(PART_ATTR, rnm_attr_rec, name, field, value, status, word)

static const specimen_poke attr_pokes[] = {
    /* the first of conv1 and conv2 is pads, of pool kernel_shape */
    ATTR("conv1", key, 0, RNM_ERR_FORMAT, "no attribute 0"),
    ATTR("conv1", key, 14, RNM_ERR_FORMAT, "no attribute 14"),
    ATTR("conv1", key, 0xffff, RNM_ERR_FORMAT, "no attribute 65535"),
    ATTR("conv1", key, RNM_ATTRIBUTE_ceil_mode, RNM_ERR_FORMAT, "no attribute 6 (ceil_mode)"),
    ATTR("conv1", key, RNM_ATTRIBUTE_activation, RNM_ERR_FORMAT, "appear once"),
    ATTR("pool", key, RNM_ATTRIBUTE_dilations, RNM_ERR_FORMAT, "must have attribute kernel_shape"),
    ATTR("conv1", type, RNM_ATTR_INT, RNM_ERR_FORMAT, "must have type 3"),
    ATTR("conv1", type, 0, RNM_ERR_FORMAT, "must have type 3"),
    ATTR("conv1", count, 3, RNM_ERR_FORMAT, "4 elements"),
    ATTR("conv1", count, UINT32_MAX, RNM_ERR_FORMAT, "4 elements"),
    ATTR("pool", count, 4, RNM_ERR_FORMAT, "2 elements"),
    ATTR("conv1", first_word, 1 << 20, RNM_ERR_FORMAT, "must lie in"),
    ATTR("conv1", first_word, UINT32_MAX, RNM_ERR_FORMAT, "must lie in"),
    ATTR("conv1", reserved, 1, RNM_ERR_FORMAT, "reserved"),
};

static void test_attrs(void **state) {
    (void)state;
    specimen_try_pokes(attr_pokes, sizeof attr_pokes / sizeof *attr_pokes);
}

/* A graph of one operator on a row-major [1, 2, 4, 4], with attributes that `attach` adds. */
static uint8_t *one_node(uint64_t *size, rnm_op op, void (*attach)(rnm_builder *b)) {
    rnm_builder *b = builder_new();
    const int64_t dims[] = {1, 2, 4, 4};
    uint32_t x = builder_input(b, "x", 4, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, dims);
    const uint32_t inputs[] = {x, x};
    uint16_t count = op == RNM_OP_Add ? 2 : 1;
    builder_node(b, "n", op, count, inputs, y);
    attach(b);
    builder_output(b, y);
    return builder_finish(b, size);
}

#define ONE(name, op, ...)                        \
    static void attach_##name(rnm_builder *b) {   \
        __VA_ARGS__;                              \
    }                                             \
    static uint8_t *name(uint64_t *size) {        \
        return one_node(size, op, attach_##name); \
    }

ONE(activation_good, RNM_OP_Add, builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Clip))
ONE(activation_conv, RNM_OP_Add, builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Conv))
ONE(activation_0, RNM_OP_Add, builder_attr_int(b, RNM_ATTRIBUTE_activation, 0))
ONE(activation_far, RNM_OP_Add,
    builder_attr_int(b, RNM_ATTRIBUTE_activation, ((int64_t)1 << 32) + RNM_OP_Relu))
ONE(float_nan, RNM_OP_Elu, builder_attr_float(b, RNM_ATTRIBUTE_alpha, __builtin_nanf("")))
ONE(float_good, RNM_OP_Elu, builder_attr_float(b, RNM_ATTRIBUTE_alpha, 3.0f))
ONE(softmax_good, RNM_OP_Softmax, builder_attr_int(b, RNM_ATTRIBUTE_axis, -4))
ONE(softmax_axis, RNM_OP_Softmax, builder_attr_int(b, RNM_ATTRIBUTE_axis, 4))
ONE(concat_good, RNM_OP_Concat, builder_attr_int(b, RNM_ATTRIBUTE_axis, 1))
ONE(concat_no_axis, RNM_OP_Concat, (void)b)
ONE(twice, RNM_OP_Elu, builder_attr_float(b, RNM_ATTRIBUTE_alpha, 1.0f),
    builder_attr_float(b, RNM_ATTRIBUTE_alpha, 1.0f))
ONE(relu_rows, RNM_OP_Relu, (void)b)
ONE(pool_rows, RNM_OP_GlobalMaxPool, (void)b)

/* As one_node for operators that want channels-last: reordered there and back. */
static uint8_t *one_pool(uint64_t *size, void (*attach)(rnm_builder *b)) {
    rnm_builder *b = builder_new();
    const int64_t dims[] = {1, 2, 4, 4};
    uint32_t x = builder_input(b, "x", 4, dims);
    uint32_t maps = builder_activation(b, "maps", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    uint32_t pooled = builder_activation(b, "pooled", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, dims);
    builder_node(b, "to", RNM_OP_Reorder, 1, &x, maps);
    builder_node(b, "n", RNM_OP_AveragePool, 1, &maps, pooled);
    builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 2, (const int64_t[]){1, 1});
    attach(b);
    builder_node(b, "from", RNM_OP_Reorder, 1, &pooled, y);
    builder_output(b, y);
    return builder_finish(b, size);
}

#define POOL(name, ...)                         \
    static void attach_##name(rnm_builder *b) { \
        __VA_ARGS__;                            \
    }                                           \
    static uint8_t *name(uint64_t *size) {      \
        return one_pool(size, attach_##name);   \
    }

POOL(pool_good, builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, 1))
POOL(ceil_2, builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, 2))
POOL(ceil_negative, builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, -1))
POOL(include_2, builder_attr_int(b, RNM_ATTRIBUTE_count_include_pad, 2))
POOL(strides_0, builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, (const int64_t[]){1, 0}))
POOL(strides_1, builder_attr_ints(b, RNM_ATTRIBUTE_strides, 1, (const int64_t[]){1}))
POOL(pads_wide, builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (const int64_t[]){1, 0, 0, 0}))
POOL(pads_negative, builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (const int64_t[]){-1, 0, 0, 0}))
POOL(pads_least, builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (const int64_t[]){INT64_MIN, 0, 0, 0}))

/* A float whose high half is not zero. */
static uint8_t *float_high(uint64_t *size) {
    uint8_t *bytes = float_good(size);
    const rnm_graph_rec *graph = specimen_find(bytes, PART_GRAPH, NULL);
    uint32_t *refs = (uint32_t *)specimen_find(bytes, PART_INPUTS, NULL) - graph->ref_count;
    refs[-1] = 1; /* the last word's high half */
    builder_reseal(bytes, *size);
    return bytes;
}

/* A constant in the place of an activation is row-major: not what a channels-last Add wants. */
static uint8_t *add_constant(uint64_t *size, uint8_t layout) {
    rnm_builder *b = builder_new();
    const int64_t dims[] = {1, 2, 1, 3};
    const uint32_t stored_dims[] = {1, 2, 1, 3};
    const float data[6] = {1, 2, 3, 4, 5, 6};
    uint32_t x = builder_input(b, "x", 4, dims);
    uint32_t from = builder_activation(b, "from", layout, 4, dims);
    uint32_t sum = builder_activation(b, "sum", layout, 4, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, dims);
    uint32_t c = builder_tensor_value(
        b, "c", builder_tensor(b, "c", RNM_F32, RNM_ROLE_CONSTANT, 4, stored_dims, data));
    const uint32_t inputs[] = {from, c};
    builder_node(b, "to", RNM_OP_Reorder, 1, &x, from);
    builder_node(b, "add", RNM_OP_Add, 2, inputs, sum);
    builder_node(b, "back", RNM_OP_Reorder, 1, &sum, y);
    builder_output(b, y);
    return builder_finish(b, size);
}

static uint8_t *constant_rows(uint64_t *size) {
    return add_constant(size, RNM_LAYOUT_ROWS);
}

static uint8_t *constant_maps(uint64_t *size) {
    return add_constant(size, RNM_LAYOUT_CHANNELS_LAST);
}

static uint8_t *listed(uint64_t *size, int inputs, int outputs) {
    rnm_builder *b = builder_new();
    uint32_t x = RNM_NONE;
    const int64_t dims[] = {4};
    for (int k = 0; k < inputs; k++) {
        x = builder_input(b, k == 0 ? "x" : "y", 1, dims);
    }
    for (int k = 0; k < outputs; k++) {
        builder_output(b, x);
    }
    return builder_finish(b, size);
}

static uint8_t *passed_through(uint64_t *size) {
    return listed(size, 1, 1);
}

static uint8_t *output_listed_twice(uint64_t *size) {
    return listed(size, 1, 2);
}

static uint8_t *input_listed_twice(uint64_t *size) {
    uint8_t *bytes = listed(size, 2, 1);
    uint32_t *inputs = specimen_find(bytes, PART_INPUTS, NULL);
    inputs[0] = inputs[1];
    builder_reseal(bytes, *size);
    return bytes;
}

static uint8_t *undefined(uint64_t *size) {
    rnm_builder *b = builder_new();
    builder_activation(b, "nobody's", RNM_LAYOUT_ROWS, 1, (const int64_t[]){4});
    return builder_finish(b, size);
}

static uint8_t *loose_attr(uint64_t *size) {
    uint8_t *bytes = float_good(size);
    rnm_node_rec *node = specimen_find(bytes, PART_NODE, "n");
    node->attr_count = 0;
    builder_reseal(bytes, *size);
    return bytes;
}

/* A graph of nothing is 32 zero bytes, so that it can be cut. */
static uint8_t *cut_graph(uint64_t *size) {
    uint8_t *bytes = builder_finish(builder_new(), size);
    specimen_section(bytes, RNM_SECTION_GRAPH)->length = 31;
    builder_reseal(bytes, *size);
    return bytes;
}

static const specimen_file files[] = {
    {"cut graph", cut_graph, RNM_ERR_FORMAT, "graph: length must be at least 32"},
    {"activation", activation_good, RNM_OK, NULL},
    {"activation Conv", activation_conv, RNM_ERR_FORMAT, "activation operator"},
    {"activation 0", activation_0, RNM_ERR_FORMAT, "activation operator"},
    {"activation 2^32", activation_far, RNM_ERR_FORMAT, "activation operator"},
    {"float", float_good, RNM_OK, NULL},
    {"float NaN", float_nan, RNM_ERR_FORMAT, "no NaN"},
    {"float high", float_high, RNM_ERR_FORMAT, "low half"},
    {"softmax", softmax_good, RNM_OK, NULL},
    {"softmax axis", softmax_axis, RNM_ERR_FORMAT, "axis of Softmax"},
    {"concat", concat_good, RNM_OK, NULL},
    {"concat without axis", concat_no_axis, RNM_ERR_FORMAT, "must have attribute axis"},
    {"twice", twice, RNM_ERR_FORMAT, "appear once"},
    {"relu of rows", relu_rows, RNM_OK, NULL},
    {"pool of rows", pool_rows, RNM_ERR_FORMAT, "must be channels-last"},
    {"pool", pool_good, RNM_OK, NULL},
    {"ceil_mode 2", ceil_2, RNM_ERR_FORMAT, "0 or 1"},
    {"ceil_mode -1", ceil_negative, RNM_ERR_FORMAT, "0 or 1"},
    {"count_include_pad 2", include_2, RNM_ERR_FORMAT, "0 or 1"},
    {"strides 0", strides_0, RNM_ERR_FORMAT, "strides[1]"},
    {"one stride", strides_1, RNM_ERR_FORMAT, "2 elements"},
    {"pads wide", pads_wide, RNM_ERR_FORMAT, "pads of AveragePool"},
    {"pads -1", pads_negative, RNM_ERR_FORMAT, "pads[0]"},
    {"pads least", pads_least, RNM_ERR_FORMAT, "pads[0]"},
    {"constant in rows", constant_rows, RNM_OK, NULL},
    {"constant in maps", constant_maps, RNM_OK, NULL},
    {"passed through", passed_through, RNM_OK, NULL},
    {"output twice", output_listed_twice, RNM_ERR_FORMAT, "listed once"},
    {"input twice", input_listed_twice, RNM_ERR_FORMAT, "listed once"},
    {"undefined", undefined, RNM_ERR_FORMAT, "found neither"},
    {"loose attribute", loose_attr, RNM_ERR_FORMAT, "nodes must have all"},
};

static void test_files(void **state) {
    (void)state;
    specimen_try_files(files, sizeof files / sizeof *files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_attrs),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
