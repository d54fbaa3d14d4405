/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and destroying contexts: options in, a plan made, and then all memory taken that the plan
 * says a run needs.
 */
#include "context.h"

#include "checked.h"
#include "cpu.h"
#include "error.h"
#include "kernels/select.h"
#include "ops/xnn.h"
#include "plan.h"

#include <string.h>

/* What no host of ours has: a plan beyond it comes from a hostile file or a slip of the caller. */
#define MOST_BYTES ((uint64_t)1 << 40)

static rnm_status check_options(const rnm_model *model, const rnm_context_options *options,
                                rnm_error *err) {
    if (options->threads < 0 || options->threads > RNM_THREADS_MOST) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "threads: expected 0 to %d, found %d",
                        RNM_THREADS_MOST, options->threads);
    }
    if (options->expand < RNM_EXPAND_DEFAULT || options->expand > RNM_EXPAND_PANEL) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "expand: expected a mode, found %d",
                        (int)options->expand);
    }
    int expected = options->symbols != NULL ? rnm_model_symbol_count(model) : 0;
    if (options->symbol_count != expected) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "symbol_count: expected %d, found %d", expected,
                        options->symbol_count);
    }
    for (int k = 0; k < expected; ++k) {
        if (options->symbols[k] < 1 || options->symbols[k] > RNM_LIMIT_DIM) {
            return rnm_fail(err, RNM_ERR_ARGUMENT, "symbol %s: expected 1 to %lld, found %lld",
                            rnm_model_symbol(model, k), (long long)RNM_LIMIT_DIM,
                            (long long)options->symbols[k]);
        }
    }
    return RNM_OK;
}

/* Expanded weights that will be there at once. Of what XNNPACK will pack only the copies that we
 * make are known by now. */
static uint64_t planned_weights(const rnm_context *context) {
    if (context->expand == RNM_EXPAND_LAYER) {
        return context->scratch_bytes;
    }
    if (context->expand == RNM_EXPAND_PANEL) {
        return 0;
    }
    uint64_t bytes = context->kept_bytes;
    if (context->xnnpack) {
        bytes = 0;
        for (uint32_t k = 0; k < context->weight_count; ++k) {
            const rnm_child *child = &context->weights[k].child;
            bytes += (uint64_t)child->co * child->ci * child->taps * sizeof(float);
        }
    }
    return bytes;
}

/* Refuses before anything is taken what the plan says does not fit. */
static rnm_status check_size(const rnm_context *context, uint64_t limit, rnm_error *err) {
    const rnm_model *model = context->model;
    uint64_t held = context->memory.taken + model->memory.taken +
                    (model->kind == RNM_BYTES_COPIED ? 0 : model->size);
    uint64_t workers, total;
    bool fits = rnm_mul_u64(context->worker_bytes, context->threads.count, &workers) &&
                rnm_add_u64(held, workers, &total) &&
                rnm_add_u64(total, context->zero_bytes, &total) &&
                rnm_add_u64(total, context->shared_bytes, &total) &&
                rnm_add_u64(total, context->arena_bytes, &total) &&
                rnm_add_u64(total, planned_weights(context), &total) && total <= MOST_BYTES;
    if (!fits) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "context: expected a need of at most %llu bytes, "
                        "found more",
                        (unsigned long long)MOST_BYTES);
    }
    if (limit != 0 && total > limit) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "context: expected a need of at most max_bytes = %llu bytes, found %llu",
                        (unsigned long long)limit, (unsigned long long)total);
    }
    return RNM_OK;
}

static rnm_status no_memory(rnm_error *err, const char *what, uint64_t bytes) {
    return rnm_fail(err, RNM_ERR_MEMORY, "context: no memory for %s, %llu bytes", what,
                    (unsigned long long)bytes);
}

/* Arena and workspace, and addresses in place of the plan's offsets. */
static rnm_status take_work_memory(rnm_context *context, rnm_error *err) {
    const rnm_view *view = &context->model->view;
    context->arena = rnm_memory_take(&context->memory, context->arena_bytes);
    if (context->arena == NULL) {
        return no_memory(err, "activations", context->arena_bytes);
    }
    context->workspace = rnm_memory_take(&context->memory, rnm_workspace_bytes(context));
    if (context->workspace == NULL) {
        return no_memory(err, "the kernels", rnm_workspace_bytes(context));
    }
    memset(context->workspace, 0, (size_t)context->zero_bytes);
    for (uint32_t v = 0; v < view->graph->value_count; ++v) {
        if (view->values[v].kind == RNM_VALUE_ACTIVATION) {
            context->data[v] = context->arena + (uintptr_t)context->data[v];
        }
    }
    uint32_t inputs = view->graph->input_count;
    for (uint32_t k = 0; k < inputs + view->graph->output_count; ++k) {
        rnm_tensor *tensor = &context->tensors[k];
        tensor->data = context->data[k < inputs ? view->inputs[k] : view->outputs[k - inputs]];
        memset(tensor->data, 0, tensor->bytes);
    }
    return RNM_OK;
}

/* layer: one scratch for all; lazy: room for all, filled as layers are first used; panel: nothing.
 */
static rnm_status take_shared_weights(rnm_context *context, rnm_error *err) {
    bool lazy = context->expand == RNM_EXPAND_LAZY;
    uint64_t bytes = lazy ? context->kept_bytes : context->scratch_bytes;
    if (bytes == 0 || context->expand == RNM_EXPAND_PANEL) {
        return RNM_OK;
    }
    context->kept = lazy ? rnm_memory_reserve(&context->memory, bytes)
                         : rnm_memory_take(&context->memory, bytes);
    if (context->kept == NULL) {
        return no_memory(err, "expanded weights", bytes);
    }
    uint64_t offset = 0;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        rnm_weight *weight = &context->weights[k];
        weight->panels = context->kept + offset;
        weight->kept = lazy;
        offset += lazy ? weight->bytes / sizeof(float) : 0;
    }
    return RNM_OK;
}

/* Every layer its own memory, filled now: XNNPACK's form of it where that takes the layer. */
static rnm_status load_weights(rnm_context *context, rnm_error *err) {
    for (uint32_t k = 0; k < context->step_count; ++k) {
        rnm_step *step = &context->steps[k];
        if (!step->weighted) {
            continue;
        }
        if (context->xnnpack) {
            rnm_status status = rnm_xnn_take_step(context, step, err);
            if (status != RNM_OK) {
                return status;
            }
            if (step->as.conv.xnn != NULL) {
                continue;
            }
        }
        rnm_weight *weight = &context->weights[step->as.conv.weight];
        if (weight->panels == NULL) {
            weight->panels = rnm_memory_take(&context->memory, weight->bytes);
            if (weight->panels == NULL) {
                return no_memory(err, weight->child.name, weight->bytes);
            }
            weight->kept = true;
            rnm_weight_prepare(weight, context->kernels, &context->threads);
        }
    }
    return RNM_OK;
}

rnm_status rnm_context_create(const rnm_model *model, const rnm_context_options *options,
                              rnm_context **out, rnm_error *error) {
    static const rnm_context_options defaults;
    if (model == NULL || out == NULL) {
        return rnm_fail(error, RNM_ERR_ARGUMENT,
                        "rnm_context_create: model and out must not be NULL");
    }
    options = options != NULL ? options : &defaults;
    const rnm_kernels *kernels;
    rnm_status status = check_options(model, options, error);
    if (status == RNM_OK) {
        status = rnm_kernels_select(rnm_cpu_features(), options->isa, &kernels, error);
    }
    if (status != RNM_OK) {
        return status;
    }
    rnm_memory memory = model->memory;
    memory.taken = 0;
    if (options->allocator != NULL) {
        memory = rnm_memory_make(options->allocator);
    }
    rnm_context *context = rnm_memory_take_zeroed(&memory, 1, sizeof *context);
    if (context == NULL) {
        return no_memory(error, "a context", sizeof *context);
    }
    context->memory = memory;
    context->model = model;
    context->kernels = kernels;
    context->expand = options->expand != RNM_EXPAND_DEFAULT ? options->expand : RNM_EXPAND_PANEL;
    context->winograd = !options->direct_only;
    context->xnnpack =
        rnm_has_xnnpack() && context->expand == RNM_EXPAND_LOAD && !options->no_xnnpack;
    context->threads.count = options->threads > 1 ? (unsigned)options->threads : 1;

    status = rnm_plan(context, options->symbols, error);
    if (status != RNM_OK) {
        goto fail;
    }
    if (options->profile) {
        context->seconds =
            rnm_memory_take_zeroed(&context->memory, context->step_count, sizeof *context->seconds);
        if (context->seconds == NULL) {
            status = no_memory(error, "times", context->step_count * sizeof *context->seconds);
            goto fail;
        }
    }
    status = check_size(context, options->max_bytes, error);
    if (status != RNM_OK) {
        goto fail;
    }
    status = rnm_threads_start(&context->threads, context->threads.count, error);
    if (status != RNM_OK) {
        goto fail;
    }
    status = take_work_memory(context, error);
    if (status != RNM_OK) {
        goto fail;
    }
    status = context->expand == RNM_EXPAND_LOAD ? load_weights(context, error)
                                                : take_shared_weights(context, error);
    if (status != RNM_OK) {
        goto fail;
    }
    if (options->max_bytes != 0 && rnm_context_bytes(context) > options->max_bytes) {
        status = rnm_fail(error, RNM_ERR_LIMIT,
                          "context: expected a need of at most max_bytes = %llu bytes, found %llu "
                          "with what XNNPACK took",
                          (unsigned long long)options->max_bytes,
                          (unsigned long long)rnm_context_bytes(context));
        goto fail;
    }
    *out = context;
    return RNM_OK;
fail:
    rnm_context_destroy(context);
    return status;
}

static void give_weights(rnm_context *context) {
    for (uint32_t k = 0; k < context->step_count; ++k) {
        if (context->steps[k].weighted) {
            rnm_xnn_give_step(context, &context->steps[k]);
        }
    }
    switch (context->expand) {
    case RNM_EXPAND_LAZY:
        rnm_memory_unreserve(&context->memory, context->kept, context->kept_bytes);
        break;
    case RNM_EXPAND_LAYER:
        rnm_memory_give(&context->memory, context->kept, context->scratch_bytes);
        break;
    case RNM_EXPAND_PANEL:
        break;
    default:
        for (uint32_t k = 0; k < context->weight_count; ++k) {
            rnm_memory_give(&context->memory, context->weights[k].panels,
                            context->weights[k].bytes);
        }
    }
}

void rnm_context_destroy(rnm_context *context) {
    if (context == NULL) {
        return;
    }
    const rnm_graph_rec *graph = context->model->view.graph;
    uint64_t tensors = (uint64_t)graph->input_count + graph->output_count;
    rnm_memory *memory = &context->memory;
    give_weights(context);
    rnm_memory_give(memory, context->workspace, rnm_workspace_bytes(context));
    rnm_memory_give(memory, context->arena, context->arena_bytes);
    rnm_threads_stop(&context->threads);
    rnm_memory_give(memory, context->seconds, context->step_count * sizeof *context->seconds);
    rnm_memory_give(memory, context->tensors, tensors * sizeof *context->tensors);
    rnm_memory_give(memory, context->data, graph->value_count * sizeof *context->data);
    rnm_memory_give(memory, context->weights, context->weight_room * sizeof *context->weights);
    rnm_memory_give(memory, context->steps, context->step_room * sizeof *context->steps);
    rnm_tables_give(context);
    rnm_memory last = *memory;
    rnm_memory_give(&last, context, sizeof *context);
}

rnm_tensor *rnm_context_input(rnm_context *context, int index) {
    return index >= 0 && index < rnm_model_input_count(context->model) ? &context->tensors[index]
                                                                       : NULL;
}

const rnm_tensor *rnm_context_output(const rnm_context *context, int index) {
    return index >= 0 && index < rnm_model_output_count(context->model)
               ? &context->tensors[rnm_model_input_count(context->model) + index]
               : NULL;
}
