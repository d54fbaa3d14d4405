/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that ONNX has under the same name. An attribute that the node has is written under its
 * own name; what ONNX wants as an input or a word instead is a row of a table.
 */
#include "export/emission.h"

#include <assert.h>
#include <string.h>

enum { MOST_INPUTS = 16 };

/* ---- opsets ---------------------------------------------------------------------------------- */

enum {
    OPSET_HARD_SWISH = 14,
    OPSET_BYTES = 14, /* arithmetic of i8 and u8; allowzero */
    OPSET_SHAPE_RANGE = 15,
    OPSET_LAYER_NORM = 17,
    OPSET_AXES = 18, /* of Resize; axes of all reductions are inputs; Mish */
    OPSET_WRAP = 19, /* of Pad; dilations of AveragePool; half_pixel_symmetric */
    OPSET_GELU = 20,
};

static const uint8_t since[RNM_OP_COUNT] = {
    [RNM_OP_HardSwish] = OPSET_HARD_SWISH,
    [RNM_OP_LayerNormalization] = OPSET_LAYER_NORM,
    [RNM_OP_Mish] = OPSET_AXES,
    [RNM_OP_Gelu] = OPSET_GELU,
};

static bool is_arithmetic(unsigned op) {
    return op == RNM_OP_Add || op == RNM_OP_Sub || op == RNM_OP_Mul || op == RNM_OP_Div;
}

static bool is_reduction(unsigned op) {
    return op >= RNM_OP_ReduceSum && op <= RNM_OP_ReduceSumSquare;
}

static bool dilated(const rnm_node_attrs *attrs) {
    bool found = false;
    for (int axis = 0; axis < attrs->spatial; axis++) {
        found = found || attrs->dilations[axis] != 1;
    }
    return found;
}

/* A size of Resize that is the input's own and no number. */
static bool keeps_symbol(const rnm_node_attrs *attrs, const rnm_shape *in) {
    bool found = false;
    for (int64_t axis = 0; axis < attrs->shape.count; axis++) {
        found = found || (attrs->shape.at[axis] == 0 && in->dims[axis] < 0);
    }
    return found;
}

static int opset_of(const rnc_exporter *x, uint32_t index) {
    const rnm_node_rec *node = &x->view->nodes[index];
    const rnm_node_attrs attrs = rnm_view_attrs(x->view, index);
    const uint32_t input = node->input_count > 0 ? x->view->refs[node->first_ref] : RNM_NONE;
    rnm_shape in = {.rank = 0};
    if (input != RNM_NONE) {
        in = rnm_view_shape(x->view, input);
    }
    const struct {
        bool needs;
        int opset;
    } rules[] = {
        {true, since[node->op]},
        {attrs.activation != RNM_OP_NONE, since[attrs.activation]},
        {is_arithmetic(node->op) && (in.dtype == RNM_I8 || in.dtype == RNM_U8), OPSET_BYTES},
        {attrs.allowzero, OPSET_BYTES},
        {node->op == RNM_OP_Shape, OPSET_SHAPE_RANGE},
        {node->op == RNM_OP_Resize && keeps_symbol(&attrs, &in), OPSET_AXES},
        {node->op == RNM_OP_AveragePool && dilated(&attrs), OPSET_WRAP},
        {node->op == RNM_OP_Pad && attrs.mode == RNM_PAD_WRAP, OPSET_WRAP},
        {node->op == RNM_OP_Resize && attrs.coordinates == RNM_COORDINATES_HALF_PIXEL_SYMMETRIC,
         OPSET_WRAP},
    };
    int most = 0;
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        most = rules[k].needs && rules[k].opset > most ? rules[k].opset : most;
    }
    return most;
}

int rnc_exporter_opset(const rnc_exporter *x, int opset) {
    for (uint32_t n = 0; n < x->view->graph->node_count; n++) {
        int needed = opset_of(x, n);
        opset = needed > opset ? needed : opset;
    }
    return opset;
}

/* ---- what is no attribute of the same name --------------------------------------------------- */

/* How the attribute is written: as an input, a list or (SCALAR) one number; or by a word. */
typedef enum way { LIST, SCALAR, WORD } way;

static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap"};
static const char *const depth_modes[] = {"DCR", "CRD"};
static const char *const gelu_ways[] = {"none", "tanh"};

static const struct {
    uint16_t op;
    uint8_t attr;
    uint8_t way;
    uint8_t at;       /* which input */
    const char *name; /* of the attribute of words */
    const char *const *words;
} rows[] = {
    {RNM_OP_Pad, RNM_ATTRIBUTE_pad, LIST, 1, NULL, NULL},
    {RNM_OP_Pad, RNM_ATTRIBUTE_mode, WORD, 0, "mode", pad_modes},
    {RNM_OP_Slice, RNM_ATTRIBUTE_starts, LIST, 1, NULL, NULL},
    {RNM_OP_Slice, RNM_ATTRIBUTE_ends, LIST, 2, NULL, NULL},
    {RNM_OP_Slice, RNM_ATTRIBUTE_axes, LIST, 3, NULL, NULL},
    {RNM_OP_Slice, RNM_ATTRIBUTE_steps, LIST, 4, NULL, NULL},
    {RNM_OP_Split, RNM_ATTRIBUTE_split, LIST, 1, NULL, NULL},
    {RNM_OP_Expand, RNM_ATTRIBUTE_shape, LIST, 1, NULL, NULL},
    {RNM_OP_Reshape, RNM_ATTRIBUTE_shape, LIST, 1, NULL, NULL},
    {RNM_OP_Tile, RNM_ATTRIBUTE_repeats, LIST, 1, NULL, NULL},
    {RNM_OP_Squeeze, RNM_ATTRIBUTE_axes, LIST, 1, NULL, NULL},
    {RNM_OP_Unsqueeze, RNM_ATTRIBUTE_axes, LIST, 1, NULL, NULL},
    {RNM_OP_DepthToSpace, RNM_ATTRIBUTE_crd, WORD, 0, "mode", depth_modes},
    {RNM_OP_Gelu, RNM_ATTRIBUTE_approximate, WORD, 0, "approximate", gelu_ways},
    {RNM_OP_CumSum, RNM_ATTRIBUTE_axis, SCALAR, 1, NULL, NULL},
    {RNM_OP_TopK, RNM_ATTRIBUTE_k, LIST, 1, NULL, NULL},
    {RNM_OP_NonMaxSuppression, RNM_ATTRIBUTE_max_output_boxes, LIST, 2, NULL, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int row_of(unsigned op, unsigned attr) {
    int row = 0;
    while (row < ROWS && (rows[row].op != op || rows[row].attr != attr)) {
        row++;
    }
    return row;
}

/* Inputs of the .rnm's behind the first make room for those that attributes become. */
static uint32_t place_of(unsigned op, uint32_t k) {
    const bool moved = (op == RNM_OP_Pad && k >= 1) || (op == RNM_OP_NonMaxSuppression && k >= 2);
    return k + moved;
}

/* An attribute as it is. */
static void set_attribute(rnc_emission *e, Onnx__NodeProto *node, unsigned id) {
    rnc_proto *model = e->x->model;
    uint64_t words[RNM_MAX_LIST];
    uint32_t count = rnm_attr_load(&e->attrs, id, words);
    const char *name = rnm_attr_name(id);
    int64_t ints[RNM_MAX_LIST];
    for (uint32_t k = 0; k < count; k++) {
        ints[k] = (int64_t)words[k];
    }
    if (rnm_attr_type(id) == RNM_ATTR_FLOAT) {
        uint32_t bits = (uint32_t)words[0];
        float number;
        memcpy(&number, &bits, sizeof number);
        rnc_proto_set_float(model, node, name, number);
    } else if (rnm_attr_counted(id) == RNM_COUNT_ONE) {
        rnc_proto_set_int(model, node, name, ints[0]);
    } else {
        rnc_proto_set_ints(model, node, name, ints, count);
    }
}

/* True where the node has the attribute, or ONNX has no default for what it becomes. */
static bool is_written(const rnc_emission *e, unsigned id) {
    const rnm_view *view = e->x->view;
    for (uint32_t k = 0; k < e->node->attr_count; k++) {
        if (view->attrs[e->node->first_attr + k].key == id) {
            return true;
        }
    }
    int row = row_of(e->node->op, id);
    return row < ROWS && rows[row].way <= SCALAR && id != RNM_ATTRIBUTE_steps &&
           id != RNM_ATTRIBUTE_axes && id != RNM_ATTRIBUTE_split;
}

/* Whether axes of a reduction are an input. */
static bool axes_move(const rnc_emission *e) {
    return e->node->op == RNM_OP_ReduceSum ||
           (is_reduction(e->node->op) && e->x->model->opset >= OPSET_AXES);
}

/* Inputs as ONNX has them; gives their number. */
static size_t gather_inputs(rnc_emission *e, const char **inputs) {
    size_t count = 0;
    for (uint32_t k = 0; k < e->node->input_count; k++) {
        uint32_t at = place_of(e->node->op, k);
        inputs[at] = rnc_emission_input(e, k);
        count = inputs[at] != NULL ? at + 1 : count;
    }
    const uint64_t may = rnm_op_attrs((rnm_op)e->node->op);
    for (unsigned id = 1; id < RNM_ATTRIBUTE_COUNT; id++) {
        int row = row_of(e->node->op, id);
        bool axes = id == RNM_ATTRIBUTE_axes && axes_move(e);
        if ((may >> id & 1) == 0 || (row == ROWS && !axes) ||
            (row < ROWS && rows[row].way > SCALAR) || !is_written(e, id)) {
            continue;
        }
        uint64_t words[RNM_MAX_LIST];
        int64_t ints[RNM_MAX_LIST];
        uint32_t entries = rnm_attr_load(&e->attrs, id, words);
        size_t at = axes ? 1 : rows[row].at;
        for (uint32_t k = 0; k < entries; k++) {
            ints[k] = (int64_t)words[k];
        }
        inputs[at] = rnc_emission_ints(e, rnm_attr_name(id),
                                       !axes && rows[row].way == SCALAR ? 0 : 1, ints, entries);
        count = at + 1 > count ? at + 1 : count;
    }
    return count;
}

static void set_attributes(rnc_emission *e, Onnx__NodeProto *node) {
    rnc_proto *model = e->x->model;
    const uint64_t may = rnm_op_attrs((rnm_op)e->node->op);
    for (unsigned id = 1; id < RNM_ATTRIBUTE_COUNT; id++) {
        int row = row_of(e->node->op, id);
        uint64_t words[RNM_MAX_LIST];
        if ((may >> id & 1) == 0 || !is_written(e, id) ||
            (id == RNM_ATTRIBUTE_axes && axes_move(e))) {
            continue;
        }
        if (row == ROWS) {
            set_attribute(e, node, id);
        } else if (rows[row].way == WORD) {
            rnm_attr_load(&e->attrs, id, words);
            rnc_proto_set_text(model, node, rows[row].name, rows[row].words[words[0]]);
        }
    }
    /* From opset 18 on equal parts must be counted. */
    if (e->node->op == RNM_OP_Split && e->attrs.split.count == 0 && model->opset >= OPSET_AXES) {
        rnc_proto_set_int(model, node, "num_outputs", e->node->output_count);
    }
}

void rnc_emit_general(rnc_emission *e) {
    const char *inputs[MOST_INPUTS] = {NULL};
    assert(e->node->input_count < MOST_INPUTS);
    size_t count = gather_inputs(e, inputs);
    set_attributes(e,
                   rnc_emission_step(e, rnm_op_find(e->node->op)->name, "operands", inputs, count));
}

/* ---- what needs more than that --------------------------------------------------------------- */

/* Without axes all but 1, where ONNX would take 0, 2 and 3 whatever the rank. */
void rnc_emit_mean_variance(rnc_emission *e) {
    const char *from = rnc_emission_input(e, 0);
    const int rank = rnm_view_shape(e->x->view, e->inputs[0]).rank;
    rnm_int_list axes = e->attrs.axes;
    for (int axis = 0; e->attrs.axes.count == 0 && axis < rank; axis++) {
        if (axis != 1) {
            axes.at[axes.count++] = axis;
        }
    }
    Onnx__NodeProto *node = rnc_emission_step(e, "MeanVarianceNormalization", "norm", &from, 1);
    rnc_proto_set_ints(e->x->model, node, "axes", axes.at, (size_t)axes.count);
}

/* Sizes, those that stay as they are among them; where one is a symbol, only those that do not. */
static const char *resize_sizes(rnc_emission *e, const rnm_shape *in, rnm_int_list *axes) {
    const bool symbolic = keeps_symbol(&e->attrs, in);
    int64_t sizes[RNM_MAX_LIST];
    int64_t count = 0;
    for (int axis = 0; axis < in->rank; axis++) {
        int64_t size = e->attrs.shape.at[axis];
        if (size != 0 || !symbolic) {
            axes->at[count] = axis;
            sizes[count++] = size != 0 ? size : in->dims[axis];
        }
    }
    axes->count = symbolic ? count : 0;
    return rnc_emission_ints(e, "sizes", 1, sizes, count);
}

static const char *floats(rnc_emission *e, const char *part, const rnm_float_list *list) {
    const rnm_shape shape = {.dtype = RNM_F32, .rank = 1, .dims = {list->count}};
    const char *name = rnc_exporter_part(e->x, e->output, part);
    float *bytes = rnc_proto_alloc(e->x->model, (size_t)list->count + 1, sizeof *bytes);
    if (bytes != NULL) {
        memcpy(bytes, list->at, (size_t)list->count * sizeof *bytes);
        rnc_proto_initializer(e->x->model, name, &shape, bytes);
    }
    return name;
}

void rnc_emit_resize(rnc_emission *e) {
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {
        "half_pixel",         "pytorch_half_pixel",   "align_corners",       "asymmetric",
        "tf_crop_and_resize", "tf_half_pixel_for_nn", "half_pixel_symmetric"};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil"};
    rnc_proto *model = e->x->model;
    const rnm_node_attrs *attrs = &e->attrs;
    const rnm_shape in = rnm_view_shape(e->x->view, e->inputs[0]);
    rnm_int_list axes = {.count = 0};
    const char *inputs[4] = {rnc_emission_input(e, 0)};
    const bool scaled = attrs->scales.count > 0;
    inputs[1] = attrs->roi.count > 0 ? floats(e, "roi", &attrs->roi) : NULL;
    if (scaled) {
        inputs[2] = floats(e, "scales", &attrs->scales);
    } else {
        inputs[3] = resize_sizes(e, &in, &axes);
    }
    Onnx__NodeProto *node = rnc_emission_step(e, "Resize", "resized", inputs, scaled ? 3 : 4);
    rnc_proto_set_text(model, node, "mode", modes[attrs->mode]);
    rnc_proto_set_text(model, node, "coordinate_transformation_mode",
                       coordinates[attrs->coordinates]);
    rnc_proto_set_text(model, node, "nearest_mode", roundings[attrs->nearest_mode]);
    rnc_proto_set_float(model, node, "cubic_coeff_a", attrs->cubic_coeff_a);
    rnc_proto_set_int(model, node, "exclude_outside", attrs->exclude_outside);
    rnc_proto_set_float(model, node, "extrapolation_value", attrs->extrapolation_value);
    if (axes.count > 0) {
        rnc_proto_set_ints(model, node, "axes", axes.at, (size_t)axes.count);
    }
}

/* A factor with its last two axes exchanged. */
static const char *turn(rnc_emission *e, uint32_t k, const char *part) {
    const char *from = rnc_emission_input(e, k);
    const int rank = rnm_view_shape(e->x->view, e->inputs[k]).rank;
    int64_t perm[RNM_MAX_RANK];
    for (int axis = 0; axis < rank; axis++) {
        perm[axis] = axis < rank - 2 ? axis : 2 * rank - 3 - axis;
    }
    Onnx__NodeProto *node = rnc_emission_step(e, "Transpose", part, &from, 1);
    rnc_proto_set_ints(e->x->model, node, "perm", perm, (size_t)rank);
    return e->result;
}

/* Two matrices are a Gemm; stacks have their transposes and factor as nodes of their own. */
void rnc_emit_matmul(rnc_emission *e) {
    rnc_proto *model = e->x->model;
    const rnm_node_attrs *attrs = &e->attrs;
    const bool scaled = attrs->alpha != 1.0f;
    const char *inputs[3] = {rnc_emission_input(e, 0), rnc_emission_input(e, 1),
                             rnc_emission_input(e, 2)};
    if (inputs[2] == NULL && !scaled && !attrs->transA && !attrs->transB) {
        rnc_emission_step(e, "MatMul", "product", inputs, 2);
        return;
    }
    const rnm_view *view = e->x->view;
    if (rnm_view_shape(view, e->inputs[0]).rank == 2 &&
        rnm_view_shape(view, e->inputs[1]).rank == 2) {
        Onnx__NodeProto *node =
            rnc_emission_step(e, "Gemm", "product", inputs, inputs[2] != NULL ? 3 : 2);
        rnc_proto_set_float(model, node, "alpha", attrs->alpha);
        rnc_proto_set_float(model, node, "beta", attrs->beta);
        rnc_proto_set_int(model, node, "transA", attrs->transA);
        rnc_proto_set_int(model, node, "transB", attrs->transB);
        return;
    }
    e->steps += attrs->transA + attrs->transB + scaled;
    inputs[0] = attrs->transA ? turn(e, 0, "a") : inputs[0];
    inputs[1] = attrs->transB ? turn(e, 1, "b") : inputs[1];
    rnc_emission_step(e, "MatMul", "product", inputs, 2);
    if (scaled) {
        const char *terms[2] = {
            e->result,
            rnc_exporter_scalar(e->x, rnc_exporter_part(e->x, e->output, "alpha"), attrs->alpha)};
        rnc_emission_step(e, "Mul", "scaled", terms, 2);
    }
}
