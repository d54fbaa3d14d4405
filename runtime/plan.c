/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning: binds the symbols, infers every shape, lets each operator decide how it will run, and
 * lays out the memory. Sizes come from a file and from the caller, so all of them are checked here;
 * nothing behind this point multiplies unchecked.
 */
#include "plan.h"

#include "checked.h"
#include "error.h"
#include "ops/op.h"

uint32_t rnm_plan_input(const rnm_planner *planner, unsigned k) {
    const rnm_node_rec *node = planner->node;
    return k < node->input_count ? planner->view->refs[node->first_ref + k] : RNM_NONE;
}

uint32_t rnm_plan_output(const rnm_planner *planner) {
    return rnm_plan_output_at(planner, 0);
}

uint32_t rnm_plan_output_at(const rnm_planner *planner, unsigned k) {
    const rnm_node_rec *node = planner->node;
    return k < node->output_count ? planner->view->refs[node->first_ref + node->input_count + k]
                                  : RNM_NONE;
}

const float *rnm_plan_channels(const rnm_planner *planner, unsigned k) {
    uint32_t value = rnm_plan_input(planner, k);
    return value != RNM_NONE ? rnm_view_tensor(planner->view, planner->view->values[value].source)
                             : NULL;
}

rnm_step *rnm_plan_step(rnm_planner *planner, rnm_run run, uint32_t x, uint32_t y) {
    rnm_context *context = planner->context;
    assert(context->step_count < context->step_room);
    rnm_step *step = &context->steps[context->step_count++];
    *step = (rnm_step){.run = run, .x = x, .z = RNM_NONE, .y = y, .node = planner->node_index};
    return step;
}

static uint64_t at_least(uint64_t have, uint64_t want) {
    want = (want + RNM_MEMORY_ALIGNMENT - 1) & ~(uint64_t)(RNM_MEMORY_ALIGNMENT - 1);
    return have > want ? have : want;
}

void rnm_plan_workspace(rnm_planner *planner, uint64_t worker_bytes, uint64_t shared_bytes,
                        uint64_t zero_bytes) {
    rnm_context *context = planner->context;
    context->worker_bytes = at_least(context->worker_bytes, worker_bytes);
    context->shared_bytes = at_least(context->shared_bytes, shared_bytes);
    context->zero_bytes = at_least(context->zero_bytes, zero_bytes);
}

struct rnm_table {
    struct rnm_table *next;
    uint64_t bytes; /* this head included */
};

enum { TABLE_HEAD = 64 };

void *rnm_plan_table(rnm_planner *planner, uint64_t bytes, rnm_error *err) {
    rnm_context *context = planner->context;
    struct rnm_table *table = NULL;
    if (rnm_add_u64(bytes, TABLE_HEAD, &bytes)) {
        table = rnm_memory_take(&context->memory, bytes);
    }
    if (table == NULL) {
        rnm_fail(err, RNM_ERR_MEMORY, "no memory for a table of %llu bytes",
                 (unsigned long long)bytes);
        return NULL;
    }
    *table = (struct rnm_table){.next = context->tables, .bytes = bytes};
    context->tables = table;
    return (uint8_t *)table + TABLE_HEAD;
}

void rnm_tables_give(rnm_context *context) {
    while (context->tables != NULL) {
        struct rnm_table *table = context->tables;
        context->tables = table->next;
        rnm_memory_give(&context->memory, table, table->bytes);
    }
}

/* Outputs after which those of a linear child may repeat: its parent's, as often as makes whole
 * vectors of a panel, since each repeat is finished by itself. */
static uint32_t output_period(const rnm_child *child) {
    enum { LANES = 16 };
    uint32_t period = child->po;
    while (period < child->co && (period < RNM_PANEL || period % LANES != 0)) {
        period += child->po;
    }
    if (period < child->co) {
        return period;
    }
    return child->po < RNM_PANEL ? child->co : child->po;
}

rnm_status rnm_plan_weight(rnm_planner *planner, uint32_t groups, bool once, uint32_t *index,
                           rnm_error *err) {
    rnm_context *context = planner->context;
    uint32_t recipe = planner->view->values[rnm_plan_input(planner, 1)].source;
    uint32_t known = planner->weight_of[recipe];
    rnm_child child = rnm_view_child(planner->view, recipe);
    if (once && child.transform == RNM_TRANSFORM_LINEAR) {
        /* The format has no parent that is larger than its child. */
        child.co = output_period(&child);
        child.ci = child.pi;
    }
    if (known != RNM_NONE && context->weights[known].group_outputs == child.co / groups &&
        context->weights[known].child.co == child.co &&
        context->weights[known].child.ci == child.ci) {
        *index = known;
        return RNM_OK;
    }
    assert(context->weight_count < context->weight_room);
    rnm_weight *weight = &context->weights[context->weight_count];
    rnm_status status = rnm_weight_cut(weight, &child, groups, err);
    if (status != RNM_OK) {
        return status;
    }
    weight->recipe = recipe;
    *index = planner->weight_of[recipe] = context->weight_count++;
    return RNM_OK;
}

uint64_t rnm_plan_elements(const rnm_planner *planner, uint32_t value) {
    int64_t elements = 0;
    bool fits = rnm_shape_elements(&planner->shapes[value], &elements);
    assert(fits);
    (void)fits;
    return (uint64_t)elements;
}

/* Names a value or node before an error about it. */
static rnm_status fail_at(const rnm_planner *planner, const char *what, uint32_t name,
                          rnm_status status, rnm_error *err) {
    if (err != NULL) {
        rnm_error inner = *err;
        rnm_fail(err, status, "%s %s: %s", what, rnm_view_string(planner->view, name), inner.text);
    }
    return status;
}

/* Gives an activation its size and its time of life. */
static rnm_status place(rnm_planner *planner, uint32_t value, uint32_t first, uint32_t last,
                        rnm_error *err) {
    const rnm_shape *shape = &planner->shapes[value];
    int64_t elements;
    uint64_t bytes;
    if (!rnm_shape_elements(shape, &elements) ||
        !rnm_mul_u64((uint64_t)elements, rnm_dtype_size(shape->dtype), &bytes)) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "value %s: expected at most %lld elements, found more with these symbols",
                        rnm_view_string(planner->view, planner->view->values[value].name),
                        (long long)RNM_LIMIT_ELEMENTS);
    }
    planner->arena.places[value] =
        (rnm_place){.bytes = bytes, .root = value, .first = first, .last = last};
    return RNM_OK;
}

/* Shapes of what is there before any node runs. */
static rnm_status place_sources(rnm_planner *planner, const int64_t *symbols, rnm_error *err) {
    const rnm_view *view = planner->view;
    for (uint32_t v = 0; v < view->graph->value_count; ++v) {
        planner->arena.places[v].root = v;
        if (view->values[v].kind != RNM_VALUE_ACTIVATION) {
            planner->shapes[v] = rnm_view_shape(view, v);
        }
    }
    for (uint32_t k = 0; k < view->graph->input_count; ++k) {
        uint32_t v = view->inputs[k];
        rnm_shape *shape = &planner->shapes[v];
        *shape = rnm_view_shape(view, v);
        for (int axis = 0; axis < shape->rank; ++axis) {
            int64_t dim = shape->dims[axis];
            shape->dims[axis] = dim >= 0 ? dim : symbols == NULL ? 1 : symbols[-1 - dim];
        }
        rnm_status status = place(planner, v, 0, view->graph->node_count, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

static rnm_status infer(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    const rnm_shape *inputs[8];
    const rnm_shape **list = inputs;
    const rnm_node_rec *node = planner->node;
    rnm_memory *memory = &planner->context->memory;
    uint64_t bytes = node->input_count * sizeof *list;
    if (bytes > sizeof inputs) {
        list = rnm_memory_take(memory, bytes);
        if (list == NULL) {
            return rnm_fail(err, RNM_ERR_MEMORY, "no memory for %u inputs", node->input_count);
        }
    }
    for (unsigned k = 0; k < node->input_count; ++k) {
        uint32_t input = rnm_plan_input(planner, k);
        list[k] = input != RNM_NONE ? &planner->shapes[input] : NULL;
    }
    rnm_shape outs[RNM_MAX_OUTPUTS];
    rnm_status status = rnm_infer_shape((rnm_op)node->op, attrs, list, node->input_count, outs,
                                        node->output_count, err);
    for (unsigned k = 0; status == RNM_OK && k < node->output_count; ++k) {
        planner->shapes[rnm_plan_output_at(planner, k)] = outs[k];
    }
    if (list != inputs) {
        rnm_memory_give(memory, list, bytes);
    }
    return status;
}

static rnm_status plan_node(rnm_planner *planner, rnm_error *err) {
    const rnm_view *view = planner->view;
    uint32_t index = planner->node_index;
    bool empty = true;
    rnm_node_attrs attrs = rnm_view_attrs(view, index);
    rnm_status status = infer(planner, &attrs, err);
    for (unsigned k = 0; status == RNM_OK && k < planner->node->output_count; ++k) {
        uint32_t output = rnm_plan_output_at(planner, k);
        uint32_t last = view->values[output].last_use;
        status = place(planner, output, index, last != RNM_NONE ? last : index, err);
        empty = empty && status == RNM_OK && planner->arena.places[output].bytes == 0;
    }
    if (status == RNM_OK && empty) {
        return RNM_OK; /* nothing to compute */
    }
    return status == RNM_OK ? rnm_op_plans[planner->node->op](planner, &attrs, err) : status;
}

static rnm_status plan_nodes(rnm_planner *planner, rnm_error *err) {
    const rnm_view *view = planner->view;
    for (uint32_t n = 0; n < view->graph->node_count; ++n) {
        planner->node = &view->nodes[n];
        planner->node_index = n;
        rnm_status status = plan_node(planner, err);
        if (status != RNM_OK) {
            return fail_at(planner, "node", planner->node->name, status, err);
        }
    }
    return RNM_OK;
}

/* Takes the arrays that outlive planning, with room for whatever the nodes can ask for. */
static rnm_status take_lists(rnm_context *context, const rnm_view *view, rnm_error *err) {
    const rnm_graph_rec *graph = view->graph;
    for (uint32_t n = 0; n < graph->node_count; ++n) {
        const rnm_node_rec *node = &view->nodes[n];
        bool weighted = node->op == RNM_OP_Conv || node->op == RNM_OP_Gemm ||
                        node->op == RNM_OP_ConvTranspose || node->op == RNM_OP_DynamicConv;
        context->weight_room += weighted;
        /* Concat takes a step an input, Split one an output, Pad one more than others. */
        context->step_room +=
            (uint32_t)node->output_count + (node->op == RNM_OP_Concat ? node->input_count : 1u);
        context->space_room += rnm_op_walks((rnm_op)node->op) ? 2 : 0;
    }
    rnm_memory *memory = &context->memory;
    uint64_t tensors = (uint64_t)graph->input_count + graph->output_count;
    context->steps = rnm_memory_take_zeroed(memory, context->step_room, sizeof *context->steps);
    context->weights =
        rnm_memory_take_zeroed(memory, context->weight_room, sizeof *context->weights);
    context->spaces = rnm_memory_take_zeroed(memory, context->space_room, sizeof *context->spaces);
    context->data = rnm_memory_take_zeroed(memory, graph->value_count, sizeof *context->data);
    context->tensors = rnm_memory_take_zeroed(memory, tensors, sizeof *context->tensors);
    if (context->steps == NULL || context->weights == NULL || context->spaces == NULL ||
        context->data == NULL || context->tensors == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory for a plan of %u nodes", graph->node_count);
    }
    return RNM_OK;
}

/* Writes down where every value will lie: an address in the file, or an offset in the arena. */
static void settle(rnm_planner *planner) {
    const rnm_view *view = planner->view;
    rnm_context *context = planner->context;
    const rnm_place *places = planner->arena.places;
    for (uint32_t k = 0; k < context->step_count; ++k) {
        rnm_step *step = &context->steps[k];
        step->read_bytes = step->x != RNM_NONE ? places[step->x].bytes : 0;
        step->read_bytes += step->z != RNM_NONE ? places[step->z].bytes : 0;
    }
    for (uint32_t v = 0; v < view->graph->value_count; ++v) {
        const rnm_value_rec *value = &view->values[v];
        if (value->kind == RNM_VALUE_ACTIVATION) {
            context->data[v] = (void *)(uintptr_t)planner->arena.places[v].offset;
        } else if (value->kind == RNM_VALUE_TENSOR) {
            context->data[v] = (void *)(uintptr_t)rnm_view_tensor(view, value->source);
        }
    }
    uint32_t inputs = view->graph->input_count;
    for (uint32_t k = 0; k < inputs + view->graph->output_count; ++k) {
        uint32_t v = k < inputs ? view->inputs[k] : view->outputs[k - inputs];
        rnm_tensor *tensor = &context->tensors[k];
        const rnm_shape *shape = &planner->shapes[v];
        tensor->name = rnm_view_string(view, view->values[v].name);
        tensor->dtype = shape->dtype;
        tensor->rank = shape->rank;
        for (int axis = 0; axis < shape->rank; ++axis) {
            tensor->dims[axis] = shape->dims[axis];
        }
        tensor->bytes = rnm_plan_elements(planner, v) * rnm_dtype_size(shape->dtype);
    }
}

/* Reads the tuning that the options have, if any; the planner's to give back. */
static rnm_status take_tuning(rnm_planner *planner, const rnm_context_options *options,
                              rnm_error *err) {
    uint32_t count = planner->view->graph->node_count;
    if (options->tuning == NULL) {
        return RNM_OK;
    }
    rnm_tuned_node *tuned = rnm_memory_take_zeroed(&planner->context->memory, count, sizeof *tuned);
    if (tuned == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory for a tuning of %u nodes", count);
    }
    planner->tuned = tuned;
    const char *name = options->tuning_name != NULL ? options->tuning_name : "tuning";
    return rnm_tuning_read(planner->context, name, options->tuning, tuned, err);
}

rnm_status rnm_plan(rnm_context *context, const rnm_context_options *options, rnm_error *err) {
    const rnm_view *view = &context->model->view;
    rnm_memory *memory = &context->memory;
    uint32_t values = view->graph->value_count;
    rnm_planner planner = {.context = context, .view = view, .arena = {.count = values}};
    rnm_status status = take_lists(context, view, err);
    if (status != RNM_OK) {
        return status;
    }
    planner.shapes = rnm_memory_take_zeroed(memory, values, sizeof *planner.shapes);
    planner.arena.places = rnm_memory_take_zeroed(memory, values, sizeof *planner.arena.places);
    planner.weight_of =
        rnm_memory_take_zeroed(memory, view->recipe_count, sizeof *planner.weight_of);
    if (planner.shapes == NULL || planner.arena.places == NULL || planner.weight_of == NULL) {
        status = rnm_fail(err, RNM_ERR_MEMORY, "no memory to plan %u values", values);
        goto done;
    }
    for (uint32_t r = 0; r < view->recipe_count; ++r) {
        planner.weight_of[r] = RNM_NONE;
    }
    status = take_tuning(&planner, options, err);
    if (status == RNM_OK) {
        status = place_sources(&planner, options->symbols, err);
    }
    if (status == RNM_OK) {
        status = plan_nodes(&planner, err);
    }
    if (status == RNM_OK) {
        status = rnm_arena_layout(&planner.arena, memory, &context->arena_bytes, err);
    }
    if (status == RNM_OK) {
        settle(&planner);
    }
done:
    rnm_memory_give(memory, (void *)(uintptr_t)planner.tuned,
                    view->graph->node_count * sizeof *planner.tuned);
    rnm_memory_give(memory, planner.weight_of, view->recipe_count * sizeof *planner.weight_of);
    rnm_memory_give(memory, planner.arena.places, values * sizeof *planner.arena.places);
    rnm_memory_give(memory, planner.shapes, values * sizeof *planner.shapes);
    return status;
}
