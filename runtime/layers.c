/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context tells of its layers: what the plan chose for each, what a run of it reads, and,
 * where the context keeps times, how long the last run took in it.
 */
#include "clock.h"
#include "cost.h"
#include "expand/mixture.h"

static rnm_form form_of(const rnm_context *context, const rnm_step *step) {
    if (!step->weighted) {
        return RNM_FORM_NONE;
    }
    const rnm_conv_step *conv = &step->as.conv;
    if (conv->algorithm == RNM_CONV_TABLES) {
        return RNM_FORM_STORED;
    }
    return conv->xnn != NULL ? RNM_FORM_XNNPACK : context->weights[conv->weight].form;
}

/* Direct, the forms of kernels.h, tables. */
_Static_assert(RNM_ALGORITHMS == 2 + RNM_WINOGRADS, "an index for each algorithm");

const char *rnm_algorithm_name(int index) {
    static const char *const names[RNM_ALGORITHMS] = {"direct",     "F(2x2,3x3)",   "F(4x4,3x3)",
                                                      "F(2x2,5x5)", "F(2x2,3x3)/2", "tables"};
    return index >= 0 && index < RNM_ALGORITHMS ? names[index] : NULL;
}

static const char *algorithm_of(const rnm_step *step) {
    if (!step->weighted) {
        return NULL;
    }
    if (step->as.conv.xnn != NULL) {
        return "XNNPACK";
    }
    if (step->as.conv.algorithm == RNM_CONV_TRANSPOSED) {
        return "transposed";
    }
    if (step->as.conv.algorithm == RNM_CONV_DIRECT) {
        return step->as.conv.depthwise ? "depthwise" : rnm_algorithm_name(0);
    }
    if (step->as.conv.algorithm == RNM_CONV_TABLES) {
        return rnm_algorithm_name(1 + RNM_WINOGRADS);
    }
    return rnm_algorithm_name(1 + (int)step->as.conv.form);
}

static uint64_t stored_bytes(const rnm_view *view, uint32_t tensor) {
    return tensor != RNM_NONE ? view->tensors[tensor].length : 0;
}

/* What a weighted layer reads of its weight, once: the file's, or what was made of it. */
static void add_weight(const rnm_context *context, const rnm_conv_step *conv, rnm_layer *layer) {
    const rnm_view *view = &context->model->view;
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_window *w = &conv->window;
    const rnm_recipe_rec *recipe = &view->recipes[weight->recipe];
    const bool transposed = conv->algorithm == RNM_CONV_TRANSPOSED;
    const int64_t *maps = transposed ? w->in : w->out;
    /* Linear repetition is not multiplied out: the weight has the parent's outputs and inputs. */
    const double elements =
        (double)w->batch * weight->child.co * (double)(maps[0] * maps[1]) * (double)maps[2];
    layer->flops = 2.0 * elements * (double)weight->child.ci * weight->child.taps;
    layer->block_inputs = conv->xnn == NULL ? (int)conv->block_inputs : 0;
    if (layer->form == RNM_FORM_PANEL || layer->form == RNM_FORM_SCRATCH ||
        layer->form == RNM_FORM_STORED) {
        layer->parent_bytes = stored_bytes(view, recipe->parent);
        layer->mask_bytes = stored_bytes(view, recipe->mask) + stored_bytes(view, recipe->zeros);
        layer->beta_bytes = stored_bytes(view, recipe->betas);
    } else {
        layer->kept_bytes = weight->bytes;
    }
    if (conv->mixture != NULL) {
        const rnm_mixture *m = conv->mixture;
        const uint64_t factors = (uint64_t)m->rows * m->count * m->columns;
        layer->mixed_blocks = (int)m->count;
        layer->flops *= (double)m->columns / m->count;
        layer->beta_bytes = m->count * sizeof *m->betas + factors * sizeof(float);
    }
    layer->keep_bytes = weight->bytes;
    const rnm_cost cost = rnm_cost_step(context, conv);
    layer->panel_seconds = cost.panel_seconds;
    layer->kept_seconds = cost.kept_seconds;
    if (transposed) {
        return;
    }
    layer->estimates[0] = rnm_cost_algorithm(context, conv, RNM_CONV_DIRECT, 0);
    for (unsigned form = 0; form < RNM_WINOGRADS; ++form) {
        layer->estimates[1 + form] = rnm_cost_algorithm(context, conv, RNM_CONV_WINOGRAD, form);
    }
    layer->estimates[1 + RNM_WINOGRADS] = rnm_cost_algorithm(context, conv, RNM_CONV_TABLES, 0);
}

int rnm_context_layer_count(const rnm_context *context) {
    return (int)context->step_count;
}

bool rnm_context_layer(const rnm_context *context, int index, rnm_layer *layer) {
    if (index < 0 || (uint32_t)index >= context->step_count) {
        return false;
    }
    const rnm_view *view = &context->model->view;
    const rnm_step *step = &context->steps[index];
    const rnm_node_rec *node = &view->nodes[step->node];
    *layer = (rnm_layer){
        .node = rnm_view_string(view, node->name),
        .node_index = (int)step->node,
        .op = rnm_op_find(node->op)->name,
        .algorithm = algorithm_of(step),
        .form = form_of(context, step),
        .activation_bytes = step->read_bytes,
        .seconds = context->seconds != NULL ? context->seconds[index] : 0.0,
    };
    if (step->weighted) {
        add_weight(context, &step->as.conv, layer);
    }
    return true;
}

/* ---- what the machine could do --------------------------------------------------------------- */

enum { PEAK_ROUNDS = 200000, PEAK_ITEMS = 4, PEAK_SAMPLES = 6 };

typedef struct peak_job {
    const rnm_kernels *kernels;
    double operations[RNM_THREADS_MOST];
} peak_job;

static void peak_item(void *argument, size_t item, size_t worker) {
    peak_job *job = argument;
    float sink = 0.5f;
    (void)item;
    job->operations[worker] += job->kernels->peak(PEAK_ROUNDS, &sink);
}

double rnm_context_peak(rnm_context *context) {
    double best = 0.0;
    for (int sample = 0; sample < PEAK_SAMPLES; ++sample) {
        peak_job job = {.kernels = context->kernels};
        double start = rnm_seconds();
        double operations = 0.0;
        rnm_threads_run(&context->threads, peak_item, &job,
                        (size_t)PEAK_ITEMS * context->threads.count);
        double rate = 1.0 / (rnm_seconds() - start);
        for (unsigned k = 0; k < context->threads.count; ++k) {
            operations += job.operations[k];
        }
        best = operations * rate > best ? operations * rate : best;
    }
    return best;
}
