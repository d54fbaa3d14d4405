/* SPDX-License-Identifier: Apache-2.0
 *
 * From YAML to nodes: blocks are written out, names resolved, attributes decoded.
 */
#include "topology/topology.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* Blocks in blocks multiply: the number of items that may be written out is limited too. */
enum { MAX_USE_DEPTH = 8, MAX_ITEMS = 16384, SPATIAL_AXES = 2 };

/* The parameters of a block in use. */
typedef struct scope {
    const rnc_yaml_node *arguments; /* the mapping with `use`, NULL at the top */
    const struct scope *outer;
    rnc_value *input; /* `$input` */
    int depth;
} scope;

typedef struct name_entry {
    const char *name;
    rnc_value *value;
    struct name_entry *next;
} name_entry;

typedef struct builder {
    rnc_job *job;
    const rnc_yaml *yaml;
    name_entry *names;
    rnc_value *current; /* what the next node reads unless it says otherwise */
    unsigned unnamed;
    size_t items; /* written out so far, those left out by `when` included */
} builder;

static const char *const top_keys[] = {"topology", "about",  "models", "formerly", "input",
                                       "output",   "ignore", "blocks", "graph",    NULL};
static const char *const input_keys[] = {"name", "height", "width", "channels", NULL};
static const char *const node_keys[] = {
    "op",           "name",           "layer",
    "from",         "when",           "parent",
    "channels",     "strides",        "pads",
    "dilations",    "group",          "kernel_shape",
    "axis",         "alpha",          "ceil_mode",
    "beta",         "epsilon",        "count_include_pad",
    "scales",       "mode",           "coordinate_transformation_mode",
    "nearest_mode", "output_padding", NULL};

static rnm_status build_list(builder *b, const rnc_yaml_node *list, const scope *in,
                             rnm_error *err);

/* ---- texts with parameters ------------------------------------------------------------------- */

static bool name_byte(char byte) {
    return isalnum((unsigned char)byte) || byte == '_';
}

/* The argument called `name` (of `length` bytes), or NULL. */
static const char *argument(const scope *in, const char *name, size_t length) {
    for (size_t i = 0; in->arguments != NULL && i < rnc_yaml_count(in->arguments); i++) {
        const char *key = rnc_yaml_key(in->arguments, i);
        const rnc_yaml_node *value = rnc_yaml_item(in->arguments, i);
        if (strlen(key) == length && strncmp(key, name, length) == 0 && rnc_yaml_is_scalar(value)) {
            return rnc_yaml_text(value);
        }
    }
    return NULL;
}

/* Replaces every $name in a text by the block's argument, itself expanded in the outer scope. It
 * calls itself for what is behind a parameter, so texts are no longer than names may be. */
static const char *expand_text(builder *b, const scope *in, const rnc_yaml_node *at,
                               const char *text, rnm_error *err) {
    rnc_graph *graph = &b->job->graph;
    const char *dollar = strchr(text, '$');
    if (dollar == NULL) {
        return text;
    }
    if (strlen(text) > RNM_LIMIT_NAME) {
        rnc_yaml_fail(b->yaml, at, NULL, err, "`%.40s...` is longer than %u bytes", text,
                      RNM_LIMIT_NAME);
        return NULL;
    }
    size_t length = 0;
    while (name_byte(dollar[1 + length])) {
        length++;
    }
    const char *value = argument(in, dollar + 1, length);
    if (value == NULL) {
        rnc_yaml_fail(b->yaml, at, NULL, err, "`%s`: no parameter $%.*s here", text, (int)length,
                      dollar + 1);
        return NULL;
    }
    value = expand_text(b, in->outer, at, value, err);
    char *head =
        value == NULL ? NULL : rnc_arena_text(&b->job->arena, text, (size_t)(dollar - text), err);
    const char *tail = head == NULL ? NULL : expand_text(b, in, at, dollar + 1 + length, err);
    const char *start = tail == NULL ? NULL : rnc_join(graph, head, value, err);
    return start == NULL ? NULL : rnc_join(graph, start, tail, err);
}

/* map[key] with parameters put in; *out stays NULL where the key is missing. */
static rnm_status get_text(builder *b, const scope *in, const rnc_yaml_node *map, const char *key,
                           const char **out, rnm_error *err) {
    const char *text = NULL;
    *out = NULL;
    rnm_status status = rnc_yaml_string(b->yaml, map, key, false, &text, err);
    if (status == RNM_OK && text != NULL) {
        rnm_error inner = {.status = RNM_OK};
        *out = expand_text(b, in, rnc_yaml_get(map, key), text, &inner);
        if (*out == NULL) {
            return rnm_fail(err, inner.status, "%s", inner.text);
        }
        *out =
            rnc_join(&b->job->graph, *out, "", err); /* the document is closed before the graph */
    }
    return status == RNM_OK && text != NULL && *out == NULL ? RNM_ERR_MEMORY : status;
}

/* ---- names ----------------------------------------------------------------------------------- */

static rnc_value *find_name(const builder *b, const char *name) {
    for (const name_entry *entry = b->names; entry != NULL; entry = entry->next) {
        if (strcmp(entry->name, name) == 0) {
            return entry->value;
        }
    }
    return NULL;
}

static rnm_status add_name(builder *b, const rnc_yaml_node *at, const char *name, rnc_value *value,
                           rnm_error *err) {
    if (find_name(b, name) != NULL) {
        return rnc_yaml_fail(b->yaml, at, NULL, err, "the name `%s` stands twice", name);
    }
    name_entry *entry = rnc_arena_alloc(&b->job->arena, sizeof *entry, err);
    if (entry == NULL) {
        return RNM_ERR_MEMORY;
    }
    *entry = (name_entry){.name = name, .value = value, .next = b->names};
    b->names = entry;
    return RNM_OK;
}

static rnm_status resolve_name(builder *b, const scope *in, const rnc_yaml_node *scalar,
                               rnc_value **out, rnm_error *err) {
    if (!rnc_yaml_is_scalar(scalar)) {
        return rnc_yaml_fail(b->yaml, scalar, "from", err, "must be a name or a list of names");
    }
    if (strcmp(rnc_yaml_text(scalar), "$input") == 0 && in->input != NULL) {
        *out = in->input;
        return RNM_OK;
    }
    rnm_error inner = {.status = RNM_OK};
    const char *name = expand_text(b, in, scalar, rnc_yaml_text(scalar), &inner);
    if (name == NULL) {
        return rnm_fail(err, inner.status, "%s", inner.text);
    }
    *out = find_name(b, name);
    return *out != NULL
               ? RNM_OK
               : rnc_yaml_fail(b->yaml, scalar, "from", err,
                               "names `%s`, which no node before this one is called", name);
}

/* What a node reads: `from`, or the node before it. At least one, at most RNC_MAX_INPUTS. */
static rnm_status read_inputs(builder *b, const scope *in, const rnc_yaml_node *map,
                              rnc_value **inputs, size_t *count, rnm_error *err) {
    const rnc_yaml_node *from = rnc_yaml_get(map, "from");
    *count = 1;
    if (from == NULL) {
        inputs[0] = b->current;
        return RNM_OK;
    }
    if (!rnc_yaml_is_list(from)) {
        return resolve_name(b, in, from, &inputs[0], err);
    }
    *count = rnc_yaml_count(from);
    if (*count == 0 || *count > RNC_MAX_INPUTS) {
        return rnc_yaml_fail(b->yaml, from, "from", err, "must have 1 to %d names", RNC_MAX_INPUTS);
    }
    for (size_t i = 0; i < *count; i++) {
        rnm_status status = resolve_name(b, in, rnc_yaml_item(from, i), &inputs[i], err);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* A number, or a list of them that may hold parameters. */
static rnm_status read_ints(builder *b, const scope *in, const rnc_yaml_node *map, const char *key,
                            int64_t least, int64_t *out, size_t room, size_t *count,
                            rnm_error *err) {
    const rnc_yaml_node *node = rnc_yaml_get(map, key);
    *count = 0;
    if (node == NULL) {
        return RNM_OK;
    }
    bool single = rnc_yaml_is_scalar(node);
    size_t found = single ? 1 : rnc_yaml_count(node);
    if (rnc_yaml_is_map(node) || found == 0 || found > room) {
        return rnc_yaml_fail(b->yaml, node, key, err, "must be 1 to %zu numbers", room);
    }
    for (size_t i = 0; i < found; i++) {
        const rnc_yaml_node *item = single ? node : rnc_yaml_item(node, i);
        rnm_error inner = {.status = RNM_OK};
        const char *text = !rnc_yaml_is_scalar(item)
                               ? NULL
                               : expand_text(b, in, item, rnc_yaml_text(item), &inner);
        if (inner.status != RNM_OK) {
            return rnm_fail(err, inner.status, "%s", inner.text);
        }
        if (text == NULL || !rnc_parse_int(text, &out[i]) || out[i] < least) {
            return rnc_yaml_fail(b->yaml, item, key, err,
                                 "must hold whole numbers from %" PRId64 " up", least);
        }
    }
    *count = found;
    return RNM_OK;
}

/* One number for every spatial axis, or one each. */
static rnm_status read_axes(builder *b, const scope *in, const rnc_yaml_node *map, const char *key,
                            int64_t least, int64_t *out, bool *given, rnm_error *err) {
    size_t count;
    rnm_status status = read_ints(b, in, map, key, least, out, SPATIAL_AXES, &count, err);
    if (status == RNM_OK && count == 1) {
        out[1] = out[0];
    }
    *given = count > 0;
    return status;
}

/* One number for all sides, two for height and width, or four: begins, then ends. */
static rnm_status read_pads(builder *b, const scope *in, const rnc_yaml_node *map, int64_t *out,
                            rnm_error *err) {
    size_t count;
    rnm_status status = read_ints(b, in, map, "pads", 0, out, 2 * SPATIAL_AXES, &count, err);
    if (status == RNM_OK && count == 3) {
        return rnc_yaml_fail(b->yaml, rnc_yaml_get(map, "pads"), "pads", err,
                             "must be 1, 2 or 4 numbers");
    }
    if (count == 1) {
        out[1] = out[0];
    }
    if (count == 1 || count == 2) {
        out[2] = out[0];
        out[3] = out[1];
    }
    return status;
}

static rnm_status read_number(builder *b, const rnc_yaml_node *map, const char *key, float *out,
                              rnm_error *err) {
    size_t count;
    return rnc_yaml_floats(b->yaml, map, key, 1, out, &count, err);
}

static rnm_status read_int(builder *b, const scope *in, const rnc_yaml_node *map, const char *key,
                           int64_t least, int64_t *out, rnm_error *err) {
    size_t count;
    return read_ints(b, in, map, key, least, out, 1, &count, err);
}

/* map[key] as its place in a list of words that ends with NULL. */
static rnm_status read_word(builder *b, const scope *in, const rnc_yaml_node *map, const char *key,
                            const char *const *words, int64_t *out, rnm_error *err) {
    const char *text;
    rnm_status status = get_text(b, in, map, key, &text, err);
    if (status != RNM_OK || text == NULL) {
        return status;
    }
    for (int64_t k = 0; words[k] != NULL; k++) {
        if (strcmp(text, words[k]) == 0) {
            *out = k;
            return RNM_OK;
        }
    }
    return rnc_yaml_fail(b->yaml, rnc_yaml_get(map, key), key, err, "is `%.40s`, no word for it",
                         text);
}

/* Resize: one factor for height and width, or one each; words in the order of the format's numbers.
 */
static rnm_status read_resize(builder *b, const scope *in, const rnc_yaml_node *map,
                              rnm_node_attrs *attrs, rnm_error *err) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                              "asymmetric", NULL};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil", NULL};
    float scales[SPATIAL_AXES];
    size_t count;
    rnm_status status;
    if ((status = rnc_yaml_floats(b->yaml, map, "scales", SPATIAL_AXES, scales, &count, err)) !=
            RNM_OK ||
        (status = read_word(b, in, map, "mode", modes, &attrs->mode, err)) != RNM_OK ||
        (status = read_word(b, in, map, "coordinate_transformation_mode", coordinates,
                            &attrs->coordinates, err)) != RNM_OK ||
        (status = read_word(b, in, map, "nearest_mode", nearest, &attrs->nearest_mode, err)) !=
            RNM_OK) {
        return status;
    }
    if (count == 0) {
        return rnc_yaml_fail(b->yaml, map, "scales", err, "is missing for operator Resize");
    }
    attrs->scales =
        (rnm_float_list){.count = 2 + SPATIAL_AXES, .at = {1, 1, scales[0], scales[count - 1]}};
    return RNM_OK;
}

static rnm_status read_attrs(builder *b, const scope *in, const rnc_yaml_node *map, rnc_node *node,
                             rnm_error *err) {
    rnm_node_attrs *attrs = &node->attrs;
    bool given;
    int64_t ceil_mode = 0;
    int64_t include_pad = 0;
    *attrs =
        rnm_attrs_default(node->op < RNM_OP_COUNT ? (rnm_op)node->op : RNM_OP_NONE, SPATIAL_AXES);
    attrs->axis = node->op == RNM_OP_Concat ? 1 : attrs->axis;
    node->epsilon = 1e-5f;
    rnm_status status;
    if ((status = read_axes(b, in, map, "strides", 1, attrs->strides, &given, err)) != RNM_OK ||
        (status = read_axes(b, in, map, "dilations", 1, attrs->dilations, &given, err)) != RNM_OK ||
        (status = read_axes(b, in, map, "kernel_shape", 1, attrs->kernel_shape,
                            &attrs->has_kernel_shape, err)) != RNM_OK ||
        (status = read_pads(b, in, map, attrs->pads, err)) != RNM_OK ||
        (status = read_axes(b, in, map, "output_padding", 0, attrs->output_padding, &given, err)) !=
            RNM_OK ||
        (status = read_int(b, in, map, "group", 1, &attrs->group, err)) != RNM_OK ||
        (status = read_int(b, in, map, "channels", 1, &node->channels, err)) != RNM_OK ||
        (status = read_int(b, in, map, "axis", -RNM_MAX_RANK, &attrs->axis, err)) != RNM_OK ||
        (status = read_int(b, in, map, "ceil_mode", 0, &ceil_mode, err)) != RNM_OK ||
        (status = read_int(b, in, map, "count_include_pad", 0, &include_pad, err)) != RNM_OK ||
        (status = read_number(b, map, "alpha", &attrs->alpha, err)) != RNM_OK ||
        (status = read_number(b, map, "beta", &attrs->beta, err)) != RNM_OK ||
        (status = read_number(b, map, "epsilon", &node->epsilon, err)) != RNM_OK) {
        return status;
    }
    attrs->ceil_mode = ceil_mode != 0;
    attrs->count_include_pad = include_pad != 0;
    return node->op == RNM_OP_Resize ? read_resize(b, in, map, attrs, err) : RNM_OK;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static rnm_status operator_of(builder *b, const rnc_yaml_node *map, const char *name, int *out,
                              rnm_error *err) {
    *out = strcmp(name, "BatchNormalization") == 0 ? RNC_OP_BATCH_NORM : (int)rnm_op_by_name(name);
    if (*out == RNM_OP_NONE || *out == RNM_OP_Reorder || *out == RNM_OP_ScaleBias) {
        return rnc_yaml_fail(b->yaml, rnc_yaml_get(map, "op"), "op", err,
                             "names no operator that a topology can use: `%s`", name);
    }
    return RNM_OK;
}

/* How many inputs a topology gives an operator, and how many the node has room for. */
static void arity(int op, size_t given, size_t *wanted, int *room) {
    bool weighted = op == RNM_OP_Conv || op == RNM_OP_Gemm || op == RNM_OP_ConvTranspose;
    const rnm_op_info *info = op == RNC_OP_BATCH_NORM ? NULL : rnm_op_find((unsigned)op);
    *wanted = op == RNM_OP_Concat ? given : info == NULL || weighted ? 1 : info->least_inputs;
    *room = weighted ? RNC_WEIGHTED_INPUTS : op == RNC_OP_BATCH_NORM ? 3 : (int)*wanted;
}

static const char *default_name(builder *b, const char *op, rnm_error *err) {
    char text[64];
    snprintf(text, sizeof text, "%.40s_%u", op, ++b->unnamed);
    return rnc_arena_text(&b->job->arena, text, strlen(text), err);
}

static rnm_status build_node(builder *b, const rnc_yaml_node *map, const scope *in,
                             rnm_error *err) {
    rnc_graph *graph = &b->job->graph;
    rnc_value *inputs[RNC_MAX_INPUTS];
    const char *op_name;
    const char *layer;
    const char *name;
    const char *when;
    const char *parent;
    size_t given;
    size_t wanted;
    int room;
    int op;
    rnm_status status;
    if ((status = rnc_yaml_only_keys(b->yaml, map, node_keys, err)) != RNM_OK ||
        (status = rnc_yaml_string(b->yaml, map, "op", true, &op_name, err)) != RNM_OK ||
        (status = operator_of(b, map, op_name, &op, err)) != RNM_OK ||
        (status = get_text(b, in, map, "layer", &layer, err)) != RNM_OK ||
        (status = get_text(b, in, map, "name", &name, err)) != RNM_OK ||
        (status = get_text(b, in, map, "when", &when, err)) != RNM_OK ||
        (status = get_text(b, in, map, "parent", &parent, err)) != RNM_OK ||
        (status = read_inputs(b, in, map, inputs, &given, err)) != RNM_OK) {
        return status;
    }
    bool needs_layer = op == RNM_OP_Conv || op == RNM_OP_Gemm || op == RNM_OP_ConvTranspose ||
                       op == RNC_OP_BATCH_NORM;
    if (needs_layer != (layer != NULL)) {
        return rnc_yaml_fail(b->yaml, map, "layer", err, "%s for operator %s",
                             needs_layer ? "is missing" : "is not allowed", op_name);
    }
    bool named = name != NULL || layer != NULL;
    name = name != NULL ? name : layer != NULL ? layer : default_name(b, op_name, err);
    if (name == NULL) {
        return RNM_ERR_MEMORY;
    }
    if (when != NULL && !rnc_has(b->job, when)) {
        b->current = inputs[0];
        return named ? add_name(b, map, name, inputs[0], err) : RNM_OK;
    }
    arity(op, given, &wanted, &room);
    if (given != wanted) {
        return rnc_yaml_fail(b->yaml, map, "from", err,
                             "must have %zu names for operator %s, has "
                             "%zu",
                             wanted, op_name, given);
    }
    rnc_node *node = rnc_node_create(graph, name, op, room, err);
    if (node == NULL) {
        return RNM_ERR_MEMORY;
    }
    memcpy(node->inputs, inputs, given * sizeof *inputs);
    node->input_count = op == RNC_OP_BATCH_NORM ? 1 : room;
    node->layer = layer;
    node->parent = parent;
    if ((status = read_attrs(b, in, map, node, err)) != RNM_OK ||
        (status = add_name(b, map, name, node->outputs[0], err)) != RNM_OK) {
        return status;
    }
    b->current = node->outputs[0];
    return rnc_graph_insert(graph, graph->node_count, node, err);
}

/* True where the text of some node says $name. Depth is that of the document, which is limited. */
static bool mentions(const rnc_yaml_node *node, const char *name) {
    if (rnc_yaml_is_scalar(node)) {
        const char *text = rnc_yaml_text(node);
        size_t length = strlen(name);
        for (text = strchr(text, '$'); text != NULL; text = strchr(text + 1, '$')) {
            if (strncmp(text + 1, name, length) == 0 && !name_byte(text[1 + length])) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < rnc_yaml_count(node); i++) {
        if (mentions(rnc_yaml_item(node, i), name)) {
            return true;
        }
    }
    return false;
}

static rnm_status check_arguments(builder *b, const rnc_yaml_node *map, const rnc_yaml_node *block,
                                  rnm_error *err) {
    for (size_t i = 0; i < rnc_yaml_count(map); i++) {
        const char *key = rnc_yaml_key(map, i);
        if (strcmp(key, "use") != 0 && strcmp(key, "from") != 0 && !mentions(block, key)) {
            return rnc_yaml_fail(b->yaml, rnc_yaml_item(map, i), key, err,
                                 "is no parameter of the block");
        }
    }
    return RNM_OK;
}

static rnm_status build_use(builder *b, const rnc_yaml_node *map, const scope *in, rnm_error *err) {
    const char *name;
    rnm_status status = rnc_yaml_string(b->yaml, map, "use", true, &name, err);
    if (status != RNM_OK) {
        return status;
    }
    const rnc_yaml_node *blocks = rnc_yaml_get(rnc_yaml_root(b->yaml), "blocks");
    const rnc_yaml_node *block =
        blocks == NULL || !rnc_yaml_is_map(blocks) ? NULL : rnc_yaml_get(blocks, name);
    if (block == NULL) {
        return rnc_yaml_fail(b->yaml, map, "use", err, "names `%s`, which `blocks` does not have",
                             name);
    }
    status = check_arguments(b, map, block, err);
    if (status != RNM_OK) {
        return status;
    }
    if (in->depth == MAX_USE_DEPTH) {
        return rnc_yaml_fail(b->yaml, map, "use", err,
                             "blocks use each other deeper than %d levels", MAX_USE_DEPTH);
    }
    scope inner = {.arguments = map, .outer = in, .input = b->current, .depth = in->depth + 1};
    if (rnc_yaml_get(map, "from") != NULL) {
        rnc_value *from[RNC_MAX_INPUTS];
        size_t count;
        status = read_inputs(b, in, map, from, &count, err);
        if (status != RNM_OK) {
            return status;
        }
        inner.input = b->current = from[0];
    }
    return build_list(b, block, &inner, err);
}

static rnm_status build_list(builder *b, const rnc_yaml_node *list, const scope *in,
                             rnm_error *err) {
    if (!rnc_yaml_is_list(list) || rnc_yaml_count(list) == 0) {
        return rnc_yaml_fail(b->yaml, list, NULL, err, "expected a list of nodes");
    }
    for (size_t i = 0; i < rnc_yaml_count(list); i++) {
        const rnc_yaml_node *item = rnc_yaml_item(list, i);
        if (++b->items > MAX_ITEMS) {
            return rnc_yaml_fail(b->yaml, item, NULL, err, "more than %d nodes", MAX_ITEMS);
        }
        if (!rnc_yaml_is_map(item)) {
            return rnc_yaml_fail(b->yaml, item, NULL, err,
                                 "expected a node: a mapping with `op` or "
                                 "`use`");
        }
        rnm_status status = rnc_yaml_get(item, "use") != NULL ? build_use(b, item, in, err)
                                                              : build_node(b, item, in, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static rnm_status build_input(builder *b, const rnc_yaml_node *root, rnm_error *err) {
    rnc_job *job = b->job;
    const rnc_yaml_node *map = rnc_yaml_get(root, "input");
    const char *name = "input";
    int64_t channels = 0;
    int64_t height;
    int64_t width;
    if (map == NULL || !rnc_yaml_is_map(map)) {
        return rnc_yaml_fail(b->yaml, root, "input", err,
                             "must be a mapping with height and width");
    }
    rnm_status status;
    if ((status = rnc_yaml_only_keys(b->yaml, map, input_keys, err)) != RNM_OK ||
        (status = rnc_yaml_string(b->yaml, map, "name", false, &name, err)) != RNM_OK ||
        (status = rnc_yaml_int(b->yaml, map, "height", true, &height, err)) != RNM_OK ||
        (status = rnc_yaml_int(b->yaml, map, "width", true, &width, err)) != RNM_OK ||
        (status = rnc_yaml_int(b->yaml, map, "channels", false, &channels, err)) != RNM_OK) {
        return status;
    }
    if (height < 1 || width < 1 || channels < 0 ||
        (channels == 0 && rnc_yaml_get(map, "channels") != NULL)) {
        return rnc_yaml_fail(b->yaml, map, "input", err,
                             "must have height, width and channels of 1 or more");
    }
    int64_t batch;
    if ((status = rnc_graph_reserve_ends(&job->graph, 1, 1, err)) != RNM_OK ||
        (status = rnc_graph_add_symbol(&job->graph, "N", &batch, err)) != RNM_OK) {
        return status;
    }
    name = rnc_join(&job->graph, name, "", err);
    rnc_value *image =
        name == NULL ? NULL : rnc_value_create(&job->graph, name, RNC_VALUE_ACTIVATION, err);
    if (image == NULL) {
        return RNM_ERR_MEMORY;
    }
    image->shape =
        (rnm_shape){.dtype = RNM_F32, .rank = 4, .dims = {batch, channels, height, width}};
    job->graph.inputs[0] = b->current = image;
    return add_name(b, map, name, image, err);
}

static rnm_status read_ignore(builder *b, const rnc_yaml_node *root, rnm_error *err) {
    const rnc_yaml_node *list = rnc_yaml_get(root, "ignore");
    if (list == NULL) {
        return RNM_OK;
    }
    if (!rnc_yaml_is_list(list)) {
        return rnc_yaml_fail(b->yaml, list, "ignore", err, "must be a list of patterns");
    }
    size_t count = rnc_yaml_count(list);
    const char **patterns = rnc_arena_array(&b->job->arena, count, sizeof *patterns, err);
    for (size_t i = 0; patterns != NULL && i < count; i++) {
        const rnc_yaml_node *item = rnc_yaml_item(list, i);
        if (!rnc_yaml_is_scalar(item)) {
            return rnc_yaml_fail(b->yaml, item, "ignore", err, "must be a list of patterns");
        }
        patterns[i] = rnc_join(&b->job->graph, rnc_yaml_text(item), "", err);
        if (patterns[i] == NULL) {
            return RNM_ERR_MEMORY;
        }
    }
    b->job->ignore = patterns;
    b->job->ignore_count = count;
    return patterns == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

/* The output goes by the name of `output`, or by that of the node that makes it. */
static rnm_status name_output(builder *b, const rnc_yaml_node *root, rnm_error *err) {
    const char *name = NULL;
    rnm_status status = rnc_yaml_string(b->yaml, root, "output", false, &name, err);
    if (status != RNM_OK || name == NULL) {
        return status;
    }
    if (find_name(b, name) != NULL) {
        return rnc_yaml_fail(b->yaml, rnc_yaml_get(root, "output"), "output", err,
                             "is the name of a node already: `%s`", name);
    }
    b->job->graph.outputs[0]->name = rnc_join(&b->job->graph, name, "", err);
    return b->job->graph.outputs[0]->name == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

rnm_status rnc_topology_read_name(const rnc_yaml *yaml, const char **out, rnm_error *err) {
    return rnc_yaml_string(yaml, rnc_yaml_root(yaml), "topology", true, out, err);
}

bool rnc_topology_lists(const rnc_yaml *yaml, const char *key, const char *model_name) {
    const rnc_yaml_node *models = rnc_yaml_get(rnc_yaml_root(yaml), key);
    for (size_t i = 0; models != NULL && i < rnc_yaml_count(models); i++) {
        const rnc_yaml_node *item = rnc_yaml_item(models, i);
        if (rnc_yaml_is_scalar(item) && strcmp(rnc_yaml_text(item), model_name) == 0) {
            return true;
        }
    }
    return false;
}

rnm_status rnc_topology_build(rnc_job *job, const rnc_yaml *yaml, rnm_error *err) {
    builder b = {.job = job, .yaml = yaml};
    scope top = {.depth = 0};
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    const rnc_yaml_node *list = rnc_yaml_get(root, "graph");
    const char *name;
    rnm_status status;
    if ((status = rnc_yaml_only_keys(yaml, root, top_keys, err)) != RNM_OK ||
        (status = rnc_topology_read_name(yaml, &name, err)) != RNM_OK) {
        return status;
    }
    job->topology = rnc_join(&job->graph, name, "", err);
    if (job->topology == NULL) {
        return RNM_ERR_MEMORY;
    }
    if ((status = read_ignore(&b, root, err)) != RNM_OK ||
        (status = build_input(&b, root, err)) != RNM_OK) {
        return status;
    }
    if (list == NULL) {
        return rnc_yaml_fail(yaml, root, "graph", err, "is missing");
    }
    if ((status = build_list(&b, list, &top, err)) != RNM_OK) {
        return status;
    }
    if (job->graph.node_count == 0) {
        return rnc_yaml_fail(yaml, list, "graph", err, "has no node that this checkpoint needs");
    }
    job->graph.outputs[0] = b.current;
    return name_output(&b, root, err);
}
