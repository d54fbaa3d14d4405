/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and destroying contexts: options in, a plan made, and then all memory taken that the plan
 * says a run needs.
 */
#include "context.h"

#include "budget.h"
#include "cpu.h"
#include "error.h"
#include "keep.h"
#include "kernels/select.h"
#include "plan.h"
#include "team.h"

#include <string.h>

static rnm_status check_options(const rnm_model *model, const rnm_context_options *options,
                                rnm_error *err) {
    if (options->team == NULL && (options->threads < 0 || options->threads > RNM_THREADS_MOST)) {
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

/* Refuses before anything is taken what the plan says does not fit. */
static rnm_status check_size(const rnm_context *context, uint64_t limit, rnm_error *err) {
    uint64_t total = rnm_planned_bytes(context);
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

/* Arena and workspace in one piece, and addresses in place of the plan's offsets. */
static rnm_status take_work_memory(rnm_context *context, rnm_error *err) {
    const rnm_view *view = &context->model->view;
    const uint64_t bytes = context->arena_bytes + rnm_workspace_bytes(context);
    context->arena = rnm_memory_take(&context->memory, bytes);
    if (context->arena == NULL) {
        return no_memory(err, "activations and kernels", bytes);
    }
    context->workspace = context->arena + context->arena_bytes;
    for (uint32_t v = 0; v < view->graph->value_count; ++v) {
        if (view->values[v].kind == RNM_VALUE_ACTIVATION) {
            context->data[v] = context->arena + (uintptr_t)context->data[v];
        }
    }
    return RNM_OK;
}

/* What work memory holds before the first run. Not before threads have touched it. */
static void clear_work_memory(rnm_context *context) {
    const rnm_view *view = &context->model->view;
    const uint32_t inputs = view->graph->input_count;
    memset(context->workspace, 0, (size_t)context->zero_bytes);
    for (uint32_t k = 0; k < inputs + view->graph->output_count; ++k) {
        rnm_tensor *tensor = &context->tensors[k];
        tensor->data = context->data[k < inputs ? view->inputs[k] : view->outputs[k - inputs]];
        memset(tensor->data, 0, tensor->bytes);
    }
}

/* Writing to work memory for the first time, by pieces. */
typedef struct touching {
    uint8_t *memory;
    uint64_t bytes, pieces, done;
} touching;

static void touch(void *job, size_t item, size_t worker) {
    const touching *t = job;
    (void)worker;
    rnm_memory_touch(t->memory, t->bytes, t->done + item);
}

static bool touch_next(void *argument) {
    touching *t = argument;
    if (t->done < t->pieces) {
        touch(t, 0, 0);
        ++t->done;
    }
    return t->done < t->pieces;
}

/* Threads, and all pages of work memory: the caller begins with these while the threads start. */
static rnm_status start_threads(rnm_context *context, rnm_error *err) {
    struct pthreadpool *pool = NULL;
    touching t = {.memory = context->arena,
                  .bytes = context->arena_bytes + rnm_workspace_bytes(context)};
    t.pieces = rnm_memory_pieces(t.bytes);
    const rnm_status status = rnm_team_pool(context->team, touch_next, &t, &pool, err);
    if (status == RNM_OK) {
        rnm_threads_use(&context->threads, pool);
        rnm_threads_run(&context->threads, touch, &t, (size_t)(t.pieces - t.done));
    }
    return status;
}

/* The caller's team, or one for this context alone. */
static rnm_status begin_team(rnm_context *context, const rnm_context_options *options,
                             rnm_error *err) {
    context->team = options->team;
    if (options->team != NULL) {
        return RNM_OK;
    }
    context->own_team = rnm_memory_take(&context->memory, sizeof *context->own_team);
    if (context->own_team == NULL) {
        return no_memory(err, "threads", sizeof *context->own_team);
    }
    rnm_team_begin(context->own_team, context->threads.count,
                   options->spread_threads && !options->plan_only);
    context->team = context->own_team;
    return RNM_OK;
}

/* The plan, within the limits that options set. */
static rnm_status plan_all(rnm_context *context, const rnm_context_options *options,
                           rnm_error *err) {
    rnm_status status = rnm_plan(context, options, err);
    if (status != RNM_OK) {
        return status;
    }
    if (options->profile) {
        context->seconds =
            rnm_memory_take_zeroed(&context->memory, context->step_count, sizeof *context->seconds);
        if (context->seconds == NULL) {
            return no_memory(err, "times", context->step_count * sizeof *context->seconds);
        }
    }
    status = rnm_budget(context, options->memory_limit, err);
    if (status == RNM_OK && options->memory_limit == 0 && options->max_bytes == 0) {
        context->spare_bytes =
            rnm_memory_spare(&context->memory, context->arena_bytes + rnm_workspace_bytes(context));
    }
    return status == RNM_OK ? check_size(context, options->max_bytes, err) : status;
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
    context->xnnpack = context->expand == RNM_EXPAND_LOAD && !options->no_xnnpack &&
                       options->memory_limit == 0 && rnm_has_xnnpack();
    /* What Winograd can run, XNNPACK takes: its workspace would lie idle. */
    context->winograd = !options->direct_only && !context->xnnpack;
    context->panels = context->expand == RNM_EXPAND_PANEL || options->memory_limit != 0;
    context->threads.count = options->team != NULL  ? options->team->count
                             : options->threads > 1 ? (unsigned)options->threads
                                                    : 1;

    status = begin_team(context, options, error);
    if (status != RNM_OK) {
        goto fail;
    }
    status = plan_all(context, options, error);
    if (status == RNM_OK && !options->plan_only) {
        status = take_work_memory(context, error);
    }
    if (status != RNM_OK) {
        goto fail;
    }
    if (options->plan_only) {
        *out = context;
        return RNM_OK;
    }
    status = start_threads(context, error);
    if (status == RNM_OK) {
        clear_work_memory(context);
        status = rnm_weights_take(context, error);
    }
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

void rnm_context_destroy(rnm_context *context) {
    if (context == NULL) {
        return;
    }
    const rnm_graph_rec *graph = context->model->view.graph;
    uint64_t tensors = (uint64_t)graph->input_count + graph->output_count;
    rnm_memory *memory = &context->memory;
    rnm_weights_give(context);
    rnm_memory_give(memory, context->arena, context->arena_bytes + rnm_workspace_bytes(context));
    if (context->own_team != NULL) {
        rnm_team_end(context->own_team);
        rnm_memory_give(memory, context->own_team, sizeof *context->own_team);
    }
    rnm_memory_give(memory, context->upgrades, context->weight_room * sizeof *context->upgrades);
    rnm_memory_give(memory, context->seconds, context->step_count * sizeof *context->seconds);
    rnm_memory_give(memory, context->tensors, tensors * sizeof *context->tensors);
    rnm_memory_give(memory, context->data, graph->value_count * sizeof *context->data);
    rnm_memory_give(memory, context->weights, context->weight_room * sizeof *context->weights);
    rnm_memory_give(memory, context->spaces, context->space_room * sizeof *context->spaces);
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
