/* SPDX-License-Identifier: Apache-2.0
 *
 * Function bodies as lines of text, `result = Operator input... ; attribute value...`, and their
 * translation. Constants are `ints`, `int` (a scalar) and `bytes` (u8); `@dims` is the function's
 * own attribute. FORMAT.md section 5 says what they compute, docs/ONNX.md how.
 */
#include "export/functions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 16 };

typedef struct function {
    const char *name;
    const char *inputs; /* separated by blanks */
    const char *output;
    bool has_dims;
    const char *calls[3]; /* functions of this domain */
    const char *const *body;
} function;

/* clang-format off */

/* Bit b of byte k is element 8 k + b. */
static const char *const bits_body[] = {
    "places = bytes 0 1 2 3 4 5 6 7", "two = bytes 2", "column = ints -1 1", "flat = ints -1",
    "rows = Reshape packed column",
    "shifted = BitShift rows places ; direction RIGHT",
    "single = Mod shifted two",
    "bits = Reshape single flat", NULL};

/* Ones at the positions of a list, in as many bits as `packed` has. */
static const char *const list_body[] = {
    "eight = ints 8", "zero = bytes 0", "one = bytes 1",
    "size = Shape packed",
    "count = Mul size eight",
    "none = Expand zero count",
    "places = Cast list ; to 7",
    "entries = Shape places",
    "ones = Expand one entries",
    "bits = ScatterElements none places ones ; axis 0", NULL};

/* Bits in mask order to 0 and 1 in ONNX order: [panel][word][32] and a narrower last panel. */
static const char *const place_body[] = {
    "dims = ints @dims", "v0 = ints 0", "v1 = ints 1", "v7 = ints 7", "v8 = ints 8",
    "v32 = ints 32", "many = ints 8",
    "outputs = Slice dims v0 v1",
    "others = Slice dims v1 many",
    "words = ReduceProd others",
    "panels = Div outputs v32",
    "rest = Mod outputs v32",
    "above = Add rest v7",
    "width = Div above v8",
    "width_bits = Mul width v8",
    "whole = Mul panels v32",
    "split = Mul whole words",
    "end = Shape bits",
    "panel_bits = Slice bits v0 split",
    "panel_dims = Concat panels words v32 ; axis 0",
    "panel_words = Reshape panel_bits panel_dims ; allowzero 1",
    "panel_turned = Transpose panel_words ; perm 0 2 1",
    "whole_dims = Concat whole words ; axis 0",
    "whole_rows = Reshape panel_turned whole_dims ; allowzero 1",
    "last_bits = Slice bits split end",
    "last_dims = Concat words width_bits ; axis 0",
    "last_words = Reshape last_bits last_dims ; allowzero 1",
    "last_turned = Transpose last_words ; perm 1 0",
    "last_rows = Slice last_turned v0 rest",
    "rows = Concat whole_rows last_rows ; axis 0",
    "numbers = Cast rows ; to 1",
    "set = Reshape numbers dims", NULL};

/* T[o, i, t] = P[o mod Po, i mod Pi, t]; parents lie as [Pi][taps][Po]. */
static const char *const linear_body[] = {
    "dims = ints @dims", "zero = int 0", "one = int 1", "last = int -1", "free = ints -1",
    "wide = Cast parent ; to 1",
    "size = Shape parent",
    "po = Gather size last",
    "pi = Gather size zero",
    "first = Shape parent ; start 0 ; end 1",
    "behind = Shape parent ; start -1",
    "flat_dims = Concat first free behind ; axis 0",
    "flat = Reshape wide flat_dims",
    "block = Transpose flat ; perm 2 0 1",
    "co = Gather dims zero",
    "ci = Gather dims one",
    "outputs = Range zero co one",
    "inputs = Range zero ci one",
    "from_output = Mod outputs po",
    "from_input = Mod inputs pi",
    "rows = Gather block from_output ; axis 0",
    "tiles = Gather rows from_input ; axis 1",
    "child = Reshape tiles dims", NULL};

/* Factors, not Where: runtimes lose the sign of a zero there. */
static const char *const zeroed_body[] = {
    "one = float 1",
    "factor = Sub one set",
    "result = Mul element factor", NULL};

static const char *const f_body[] = {
    "one = float 1", "two = float 2",
    "tiled = Linear parent ; dims @dims",
    "bits = Bits mask",
    "set = Place bits ; dims @dims",
    "twice = Mul set two",
    "sign = Sub one twice",
    "child = Mul tiled sign", NULL};

static const char *const f_plane_body[] = {
    "flipped = F parent mask ; dims @dims",
    "bits = Bits plane",
    "set = Place bits ; dims @dims",
    "child = Zeroed flipped set", NULL};

static const char *const f_list_body[] = {
    "flipped = F parent mask ; dims @dims",
    "bits = ListBits mask list",
    "set = Place bits ; dims @dims",
    "child = Zeroed flipped set", NULL};

static const char *const drop_body[] = {
    "tiled = Linear parent ; dims @dims",
    "bits = Bits mask",
    "set = Place bits ; dims @dims",
    "child = Zeroed tiled set", NULL};

/* p * b1 / (1 + exp(p * b2)) with the pair of `index` for each (output, input). */
static const char *const pairs_body[] = {
    "v0 = ints 0", "v1 = ints 1", "v2 = ints 2",
    "one = float 1",
    "pair = Gather betas index ; axis 0",
    "b1 = Slice pair v0 v1 v2",
    "b2 = Slice pair v1 v2 v2",
    "numerator = Mul element b1",
    "exponent = Mul element b2",
    "power = Exp exponent",
    "denominator = Add one power",
    "result = Div numerator denominator", NULL};

/* What the three kinds of s have in common: the tiled parent as [Co][Ci][taps], sizes, indices. */
#define S_SIZES                                                                                  \
    "dims = ints @dims", "zero = int 0", "one = int 1", "last = int -1", "v0 = ints 0",          \
    "v1 = ints 1", "cube_dims = ints 0 0 -1", "tiled = Linear parent ; dims @dims",              \
    "cube = Reshape tiled cube_dims", "size = Shape parent", "po = Gather size last",            \
    "pi = Gather size zero", "co = Gather dims zero", "ci = Gather dims one",                    \
    "outputs = Range zero co one", "inputs = Range zero ci one"

static const char *const s_body[] = {
    S_SIZES,
    "less = Sub pi one",
    "above = Add ci less",
    "columns = Div above pi",
    "row = Div outputs po",
    "column = Div inputs pi",
    "start = Mul row columns",
    "starts = Unsqueeze start v1",
    "index = Add starts column",
    "made = Pairs cube betas index",
    "child = Reshape made dims", NULL};

static const char *const s_interleaved_body[] = {
    S_SIZES,
    "r0 = Div co po",
    "r1 = Div ci pi",
    "row = Mod outputs r0",
    "column = Mod inputs r1",
    "start = Mul row r1",
    "starts = Unsqueeze start v1",
    "index = Add starts column",
    "made = Pairs cube betas index",
    "child = Reshape made dims", NULL};

/* Edges pass through a pair more. An edge that does not exist has none: its index is held inside
 * the list, and what it makes is thrown away. */
static const char *const s_cascaded_body[] = {
    S_SIZES,
    "r0 = Div co po",
    "r1 = Div ci pi",
    "edge0 = Mul r0 po",
    "edge1 = Mul r1 pi",
    "over0 = GreaterOrEqual outputs edge0",
    "over1 = GreaterOrEqual inputs edge1",
    "back0 = Sub outputs edge0",
    "back1 = Sub inputs edge1",
    "from0 = Where over0 back0 outputs",
    "from1 = Where over1 back1 inputs",
    "row = Div from0 po",
    "column = Div from1 pi",
    "start = Mul row r1",
    "starts = Unsqueeze start v1",
    "index = Add starts column",
    "regular = Pairs cube betas index",
    "count = Shape betas ; start 0 ; end 1",
    "final = Sub count v1",
    "blocks = Mul r0 r1",
    "row_pair = Min blocks final",
    "row_index = Unsqueeze row_pair v0",
    "column_index = Unsqueeze final v0",
    "row_made = Pairs regular betas row_index",
    "row_axes = ints 1 2",
    "row_set = Unsqueeze over0 row_axes",
    "with_rows = Where row_set row_made regular",
    "column_made = Pairs with_rows betas column_index",
    "column_set = Unsqueeze over1 v1",
    "with_columns = Where column_set column_made with_rows",
    "child = Reshape with_columns dims", NULL};

/* clang-format on */

static const function functions[] = {
    {"Bits", "packed", "bits", false, {0}, bits_body},
    {"ListBits", "packed list", "bits", false, {0}, list_body},
    {"Place", "bits", "set", true, {0}, place_body},
    {"Zeroed", "element set", "result", false, {0}, zeroed_body},
    {"Pairs", "element betas index", "result", false, {0}, pairs_body},
    {"Linear", "parent", "child", true, {0}, linear_body},
    {"F", "parent mask", "child", true, {"Linear", "Bits", "Place"}, f_body},
    {"FZeroPlane", "parent mask plane", "child", true, {"F", "Zeroed"}, f_plane_body},
    {"FZeroList", "parent mask list", "child", true, {"F", "Zeroed", "ListBits"}, f_list_body},
    {"Drop", "parent mask", "child", true, {"F", "Zeroed"}, drop_body},
    {"S", "parent betas", "child", true, {"Linear", "Pairs"}, s_body},
    {"SInterleaved", "parent betas", "child", true, {"Linear", "Pairs"}, s_interleaved_body},
    {"SCascaded", "parent betas", "child", true, {"Linear", "Pairs"}, s_cascaded_body},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const function *find(const char *name) {
    for (size_t k = 0; k < FUNCTIONS; k++) {
        if (strcmp(functions[k].name, name) == 0) {
            return &functions[k];
        }
    }
    return NULL;
}

/* ---- translation ----------------------------------------------------------------------------- */

/* Cuts a text at its blanks; the words live as long as the model. */
static size_t split(rnc_proto *model, const char *line, const char *words[MOST_WORDS]) {
    size_t count = 0;
    char *rest = (char *)rnc_proto_text(model, "%s", line);
    for (char *word = rest == NULL ? NULL : strtok_r(rest, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        assert(count < MOST_WORDS);
        words[count++] = word;
    }
    return count;
}

static size_t parse_ints(const char *const *words, size_t count, int64_t values[MOST_WORDS]) {
    for (size_t k = 0; k < count; k++) {
        values[k] = strtoll(words[k], NULL, 10);
    }
    return count;
}

/* A Constant of u8. */
static void set_bytes(rnc_proto *model, Onnx__NodeProto *node, const int64_t *values,
                      size_t count) {
    Onnx__TensorProto *tensor = rnc_proto_alloc(model, 1, sizeof *tensor);
    int64_t *dims = rnc_proto_alloc(model, 1, sizeof *dims);
    uint8_t *bytes = rnc_proto_alloc(model, count, 1);
    if (bytes == NULL) {
        return;
    }
    for (size_t k = 0; k < count; k++) {
        bytes[k] = (uint8_t)values[k];
    }
    onnx__tensor_proto__init(tensor);
    dims[0] = (int64_t)count;
    tensor->dims = dims;
    tensor->n_dims = 1;
    tensor->has_data_type = 1;
    tensor->data_type = RNM_U8;
    tensor->has_raw_data = 1;
    tensor->raw_data = (ProtobufCBinaryData){.len = count, .data = bytes};
    rnc_proto_set_tensor(model, node, "value", tensor);
}

/* True where the words are a constant, which is made then. */
static bool add_constant(rnc_proto *model, rnc_proto_list *nodes, const char *const *words,
                         size_t count) {
    static const char *const kinds[] = {"ints", "int", "bytes", "float"};
    int64_t values[MOST_WORDS];
    size_t kind = 0;
    while (kind < 4 && strcmp(words[2], kinds[kind]) != 0) {
        kind++;
    }
    if (kind == 4) {
        return false;
    }
    Onnx__NodeProto *node = rnc_proto_node(model, nodes, "Constant", "", NULL, 0, words[0]);
    if (words[3][0] == '@') {
        rnc_proto_set_reference(model, node, "value_ints", words[3] + 1);
        return true;
    }
    size_t given = parse_ints(words + 3, count - 3, values);
    switch (kind) {
    case 0:
        rnc_proto_set_ints(model, node, "value_ints", values, given);
        break;
    case 1:
        rnc_proto_set_int(model, node, "value_int", values[0]);
        break;
    case 2:
        set_bytes(model, node, values, given);
        break;
    default:
        rnc_proto_set_float(model, node, "value_float", (float)values[0]);
        break;
    }
    return true;
}

/* Attribute `words[0]`: a reference, a word, a list (perm) or a number. */
static void set_attribute(rnc_proto *model, Onnx__NodeProto *node, const char *const *words,
                          size_t count) {
    int64_t values[MOST_WORDS];
    if (words[1][0] == '@') {
        rnc_proto_set_reference(model, node, words[0], words[1] + 1);
    } else if (strcmp(words[0], "direction") == 0) {
        rnc_proto_set_text(model, node, words[0], words[1]);
    } else if (strcmp(words[0], "perm") == 0) {
        rnc_proto_set_ints(model, node, words[0], values, parse_ints(words + 1, count - 1, values));
    } else {
        rnc_proto_set_int(model, node, words[0], strtoll(words[1], NULL, 10));
    }
}

static void add_line(rnc_proto *model, rnc_proto_list *nodes, const char *line) {
    const char *words[MOST_WORDS];
    size_t count = split(model, line, words);
    if (count == 0 || add_constant(model, nodes, words, count)) {
        return;
    }
    size_t end = 3;
    while (end < count && strcmp(words[end], ";") != 0) {
        end++;
    }
    Onnx__NodeProto *node =
        rnc_proto_node(model, nodes, words[2], "", words + 3, end - 3, words[0]);
    if (node != NULL && find(words[2]) != NULL) {
        node->domain = (char *)RNC_FUNCTION_DOMAIN;
    }
    while (end < count) {
        size_t first = end + 1;
        for (end = first; end < count && strcmp(words[end], ";") != 0;) {
            end++;
        }
        set_attribute(model, node, words + first, end - first);
    }
}

void rnc_function_add(rnc_proto *model, const char *name) {
    const function *f = find(name);
    /* What the bodies use came with opset 15. */
    model->opset = model->opset < 15 ? 15 : model->opset;
    for (size_t k = 0; k < model->functions.count; k++) {
        const Onnx__FunctionProto *known = model->functions.items[k];
        if (strcmp(known->name, name) == 0) {
            return;
        }
    }
    for (size_t k = 0; k < sizeof f->calls / sizeof *f->calls && f->calls[k] != NULL; k++) {
        rnc_function_add(model, f->calls[k]);
    }
    const char *inputs[MOST_WORDS];
    rnc_proto_list nodes = {.count = 0};
    for (size_t k = 0; f->body[k] != NULL && model->status == RNM_OK; k++) {
        add_line(model, &nodes, f->body[k]);
    }
    Onnx__FunctionProto *made = rnc_proto_alloc(model, 1, sizeof *made);
    char **texts = rnc_proto_alloc(model, MOST_WORDS, sizeof *texts);
    size_t count = split(model, f->inputs, inputs);
    if (model->status != RNM_OK) {
        return;
    }
    onnx__function_proto__init(made);
    memcpy(texts, inputs, count * sizeof *texts);
    texts[count] = (char *)f->output;
    texts[count + 1] = (char *)"dims";
    made->name = (char *)name;
    made->domain = (char *)RNC_FUNCTION_DOMAIN;
    made->input = texts;
    made->n_input = count;
    made->output = texts + count;
    made->n_output = 1;
    made->attribute = texts + count + 1;
    made->n_attribute = f->has_dims;
    made->node = (Onnx__NodeProto **)nodes.items;
    made->n_node = nodes.count;
    rnc_proto_append(model, &model->functions, made);
}
