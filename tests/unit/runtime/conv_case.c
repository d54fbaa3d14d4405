/* SPDX-License-Identifier: Apache-2.0
 *
 * Building, running and checking one convolution.
 */
#include "conv_case.h"

#include "context.h"
#include "expand/mixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_op activations[] = {RNM_OP_NONE, RNM_OP_Relu,        RNM_OP_Clip,
                                     RNM_OP_Elu,  RNM_OP_LeakyRelu,   RNM_OP_Sigmoid,
                                     RNM_OP_Tanh, RNM_OP_HardSigmoid, RNM_OP_HardSwish};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

static uint32_t channel_value(rnm_builder *b, const char *name, int64_t count, const float *data) {
    return builder_tensor_value(b, name, builder_channel(b, name, (uint32_t)count, data));
}

static void spatial_dims(int64_t batch, int64_t channels, const int64_t sizes[3], int spatial,
                         int64_t dims[5]) {
    dims[0] = batch;
    dims[1] = channels;
    for (int axis = 0; axis < spatial; ++axis) {
        dims[2 + axis] = sizes[3 - spatial + axis];
    }
}

uint32_t add_input(rnm_builder *b, const char *name, int spatial, const int64_t *dims) {
    uint32_t x = builder_input(b, name, (uint8_t)(2 + spatial), dims);
    if (spatial == 0) {
        return x;
    }
    char text[32];
    snprintf(text, sizeof text, "%s.last", name);
    uint32_t last =
        builder_activation(b, text, RNM_LAYOUT_CHANNELS_LAST, (uint8_t)(2 + spatial), dims);
    builder_node(b, text, RNM_OP_Reorder, 1, &x, last);
    return last;
}

static opened build(rng *r, const conv_case *c, const float *bias, const float *scale) {
    const naive_window *w = &c->window;
    int64_t in[5], out[5], list[6];
    spatial_dims(w->batch, w->in_channels, w->in, c->spatial, in);
    spatial_dims(w->batch, w->out_channels, w->out, c->spatial, out);
    uint8_t rank = (uint8_t)(2 + c->spatial);
    rnm_builder *b = builder_new();
    uint32_t inputs[5] = {add_input(b, "x", c->spatial, in), random_recipe(r, b, "w", c->recipe),
                          c->bias ? channel_value(b, "bias", w->out_channels, bias) : RNM_NONE,
                          c->scale ? channel_value(b, "scale", w->out_channels, scale) : RNM_NONE,
                          RNM_NONE};
    if (c->residual) {
        inputs[4] = add_input(b, "residual", c->spatial, out);
    }
    uint32_t y = builder_activation(
        b, "y", c->spatial > 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS, rank, out);
    builder_node(b, "node", c->spatial > 0 ? RNM_OP_Conv : RNM_OP_Gemm, 5, inputs, y);
    if (c->activation != RNM_OP_NONE) {
        builder_attr_int(b, RNM_ATTRIBUTE_activation, c->activation);
        builder_attr_float(b, RNM_ATTRIBUTE_activation_alpha, -0.5f);
        builder_attr_float(b, RNM_ATTRIBUTE_activation_beta, 0.75f);
    }
    if (c->spatial > 0) {
        int first = 3 - c->spatial;
        builder_attr_ints(b, RNM_ATTRIBUTE_strides, (uint32_t)c->spatial, w->strides + first);
        builder_attr_ints(b, RNM_ATTRIBUTE_dilations, (uint32_t)c->spatial, w->dilations + first);
        for (int axis = 0; axis < c->spatial; ++axis) {
            list[axis] = w->pads[first + axis];
            list[c->spatial + axis] = w->end_pads[first + axis];
        }
        builder_attr_ints(b, RNM_ATTRIBUTE_pads, 2 * (uint32_t)c->spatial, list);
        builder_attr_int(b, RNM_ATTRIBUTE_group, w->groups);
        uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, rank, out);
        builder_node(b, "rows", RNM_OP_Reorder, 1, &y, rows);
        y = rows;
    }
    builder_output(b, y);
    return open_built(b);
}

static int64_t volume(const int64_t sizes[3]) {
    return sizes[0] * sizes[1] * sizes[2];
}

/* What plan makes of the model's one weighted layer: 2 or 4 for Winograd, 0 for direct. */
static unsigned tile_of(const rnm_model *model, const rnm_context_options *options) {
    rnm_context *context;
    assert_int_equal(rnm_context_create(model, options, &context, NULL), RNM_OK);
    unsigned tile = 0;
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_step *step = &context->steps[k];
        if (step->weighted && step->as.conv.algorithm == RNM_CONV_WINOGRAD) {
            tile = step->as.conv.tile;
        }
    }
    rnm_context_destroy(context);
    return tile;
}

/* Outputs that a linear layer computes: whole vectors, and no less than a panel, of its parent's
 * over and over; wide parents alone where no number of them comes out even. */
static uint32_t period_of(const recipe_plan *plan) {
    for (uint32_t period = plan->po; period < plan->dims[0]; period += plan->po) {
        if (period >= 32 && period % 16 == 0) {
            return period;
        }
    }
    return plan->po >= 32 ? plan->po : (uint32_t)plan->dims[0];
}

/* Whether no layer differs from plain sums of products by more than roundings. */
static bool is_exact(const rnm_model *model, const rnm_context_options *options) {
    rnm_context *context;
    assert_int_equal(rnm_context_create(model, options, &context, NULL), RNM_OK);
    bool exact = true;
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_conv_step *conv = &context->steps[k].as.conv;
        exact = exact && !(context->steps[k].weighted &&
                           (conv->algorithm == RNM_CONV_WINOGRAD || conv->mixture != NULL));
    }
    rnm_context_destroy(context);
    return exact;
}

/* Linear layers of one group have the parent for their weight, and sum repeated inputs; those of s
 * may have a row of blocks. Says of how many. */
static uint32_t check_plan(const rnm_model *model, const conv_case *c) {
    const recipe_plan *plan = &c->recipe;
    const bool once = plan->transform == RNM_TRANSFORM_LINEAR && c->window.groups == 1;
    const bool summed = once && plan->pi < plan->dims[1];
    rnm_context *context;
    assert_int_equal(rnm_context_create(model, NULL, &context, NULL), RNM_OK);
    assert_int_equal(context->weight_count, 1);
    uint32_t blocks = 0;
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_step *step = &context->steps[k];
        if (step->weighted) {
            assert_int_equal(step->as.conv.repeated, summed ? c->window.in_channels : 0);
            const rnm_mixture *mixture = step->as.conv.mixture;
            blocks = mixture != NULL ? mixture->count : 0;
        }
    }
    const rnm_child *child = &context->weights[0].child;
    assert_int_equal(child->co, once ? period_of(plan) : blocks > 0 ? plan->po : plan->dims[0]);
    assert_int_equal(child->ci, once ? plan->pi : blocks > 0 ? blocks * plan->pi : plan->dims[1]);
    rnm_context_destroy(context);
    return blocks;
}

/* Writes the tuning that has the model's one weighted layer run so, under these options. */
static void ask_for(const rnm_model *model, const rnm_context_options *options,
                    const char *algorithm, int block_inputs, char *text, size_t size) {
    rnm_context *context = NULL;
    rnm_layer layer;
    rnm_tuned tuned = {.algorithm = algorithm, .block_inputs = block_inputs, .panel_ns = 1};
    assert_int_equal(rnm_context_create(model, options, &context, NULL), RNM_OK);
    for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
        tuned.node = layer.form != RNM_FORM_NONE ? layer.node_index : tuned.node;
    }
    assert_true(rnm_tuning_text(context, &tuned, 1, text, size) < size);
    rnm_context_destroy(context);
}

/* What no mode expands takes no memory. */
static void check_stored(const rnm_model *model, const rnm_context_options *options) {
    rnm_context *context = NULL;
    rnm_layer layer;
    assert_int_equal(rnm_context_create(model, options, &context, NULL), RNM_OK);
    for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
        if (layer.form != RNM_FORM_NONE) {
            assert_string_equal(layer.algorithm, "tables");
            assert_int_equal(layer.form, RNM_FORM_STORED);
            assert_int_equal(layer.kept_bytes, 0);
            assert_true(layer.mask_bytes > 0);
        }
    }
    assert_int_equal(context->kept_bytes + context->scratch_bytes, 0);
    rnm_context_destroy(context);
}

/* In all modes, and in panel mode on 1, 2 and 4 threads, to the same bits. */
static float *run_by_tables(const rnm_model *model, rnm_isa isa, const float *const *inputs,
                            size_t count) {
    float *first = NULL;
    static const struct {
        rnm_expand expand;
        int threads;
    } ways[] = {
        {RNM_EXPAND_PANEL, 1}, {RNM_EXPAND_LAYER, 1}, {RNM_EXPAND_LAZY, 1},
        {RNM_EXPAND_LOAD, 1},  {RNM_EXPAND_PANEL, 2}, {RNM_EXPAND_PANEL, 4},
    };
    for (size_t way = 0; way < sizeof ways / sizeof *ways; ++way) {
        char text[1024];
        rnm_context_options options = {.isa = isa,
                                       .threads = ways[way].threads,
                                       .expand = ways[way].expand,
                                       .no_xnnpack = true};
        ask_for(model, &options, "tables", 0, text, sizeof text);
        options.tuning = text;
        check_stored(model, &options);
        float *found = run_model(model, &options, inputs);
        if (first == NULL) {
            first = found;
            continue;
        }
        assert_memory_equal(found, first, count * sizeof *found);
        free(found);
    }
    return first;
}

/* Blocks of every size give the bits of `wanted`. */
static void check_blocks(const rnm_model *model, rnm_context_options options,
                         const float *const *inputs, const float *wanted, size_t count) {
    static const int blocks[] = {16, 48, 64, 160, 1024};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; ++k) {
        char text[1024];
        options.tuning = NULL;
        ask_for(model, &options, "F(4x4,3x3)", blocks[k], text, sizeof text);
        options.tuning = text;
        float *found = run_model(model, &options, inputs);
        assert_memory_equal(found, wanted, count * sizeof *found);
        free(found);
    }
}

unsigned check_case(rng *r, const conv_case *c) {
    const naive_window *w = &c->window;
    size_t in = (size_t)(w->batch * w->in_channels * volume(w->in));
    size_t pixels = (size_t)volume(w->out);
    size_t channels = (size_t)w->out_channels;
    size_t out = (size_t)w->batch * channels * pixels;
    float *x = malloc(in * sizeof *x), *residual = malloc(out * sizeof *residual);
    float *bias = malloc(channels * sizeof *bias), *scale = malloc(channels * sizeof *scale);
    double *exact = malloc(in * sizeof *exact), *wanted = malloc(out * sizeof *wanted);
    assert_true(x != NULL && residual != NULL && bias != NULL && scale != NULL && exact != NULL &&
                wanted != NULL);
    random_fill(r, x, in);
    for (size_t k = 0; c->blocks && k < in; ++k) {
        x[k] *= 0x1p-5f; /* sums of so many inputs are no larger than elsewhere */
    }
    random_fill(r, residual, out);
    random_fill(r, bias, channels);
    random_fill(r, scale, channels);
    for (size_t k = 0; k < in; ++k) {
        exact[k] = (double)x[k];
    }
    opened model = build(r, c, bias, scale);
    if (check_plan(model.model, c) > 0 && c->mixed != NULL) {
        ++*c->mixed;
    }
    float *weights = reference_child(model.model, 0);
    naive_conv(w, exact, weights, wanted);
    const double tolerance = winograd_tolerance(wanted, out); /* activations hide the sums' size */
    naive_epilogue(wanted, (size_t)w->batch, channels, pixels, c->scale ? scale : NULL,
                   c->bias ? bias : NULL, c->residual ? residual : NULL, c->activation, -0.5, 0.75);

    const float *inputs[2] = {x, residual};
    rnm_isa isas[MOST_ISAS];
    const size_t isa_count = all_isas(isas);
    const size_t threaded = random_below(r, 3 * (uint32_t)isa_count); /* of every third case one */
    for (size_t k = 0; k < isa_count; ++k) {
        rnm_context_options ours = {.isa = isas[k], .threads = k == threaded ? 2 : 1};
        ours.threads = c->threads != 0 ? c->threads : ours.threads;
#ifdef __SANITIZE_THREAD__
        if (ours.threads == 1) {
            continue; /* which takes long, and is no race */
        }
#endif
        float *found = run_all_modes(model.model, &ours, inputs, out);
        if (!is_exact(model.model, &ours)) {
            check_within(found, wanted, out, tolerance, "winograd or mixture");
            if (c->blocks) {
                assert_int_equal(tile_of(model.model, &ours), 4);
                check_blocks(model.model, ours, inputs, found, out);
            }
            free(found);
            ours.direct_only = true;
            found = run_all_modes(model.model, &ours, inputs, out);
        }
        check_close(found, wanted, out, 2e-5, "direct");
        free(found);
        if (c->tables) {
            found = run_by_tables(model.model, isas[k], inputs, out);
            check_close(found, wanted, out, 2e-5, "tables");
            free(found);
        }
    }
    /* Winograd of load mode, where there is no XNNPACK, is one of the modes above. */
    rnm_context_options options = {.expand = RNM_EXPAND_LOAD, .threads = 1, .direct_only = true};
    float *loaded = run_model(model.model, &options, inputs);
    check_close(loaded, wanted, out, 2e-5, "load");
    const unsigned tile = tile_of(model.model, NULL);

    free(loaded);
    free(weights);
    close_opened(model);
    free(wanted);
    free(exact);
    free(scale);
    free(bias);
    free(residual);
    free(x);
    return tile;
}

void settle(rng *r, conv_case *c) {
    naive_window *w = &c->window;
    recipe_plan *plan = &c->recipe;
    plan->rank = (uint8_t)(2 + c->spatial);
    plan->dims[0] = (uint32_t)w->out_channels;
    plan->dims[1] = (uint32_t)(w->in_channels / w->groups);
    for (int axis = 0; axis < 3; ++axis) {
        int64_t extent = w->dilations[axis] * (w->kernel[axis] - 1) + 1;
        int64_t padded = w->in[axis] + w->pads[axis] + w->end_pads[axis];
        w->in[axis] += padded < extent ? extent - padded : 0;
        padded = w->in[axis] + w->pads[axis] + w->end_pads[axis];
        w->out[axis] = (padded - extent) / w->strides[axis] + 1;
        if (axis >= 3 - c->spatial) {
            plan->dims[2 + axis - (3 - c->spatial)] = (uint32_t)w->kernel[axis];
        }
    }
    plan->transform = (uint8_t)random_below(r, RNM_TRANSFORM_KNOWN);
    plan->po = 1 + random_below(r, plan->dims[0]);
    plan->pi = 1 + random_below(r, plan->dims[1]);
    plan->zeros = random_below(r, 3);
    plan->parent_dtype = RNM_F32;
    c->bias = random_below(r, 2) == 0;
    c->scale = random_below(r, 2) == 0;
    c->residual = random_below(r, 2) == 0;
    c->activation = activations[random_below(r, ACTIVATIONS)];
}

conv_case random_case(rng *r, int spatial) {
    conv_case c = {.spatial = spatial};
    naive_window *w = &c.window;
    w->batch = 1 + random_below(r, 3);
    w->groups = 1;
    w->in_channels = 1 + random_below(r, 40);
    w->out_channels = 1 + random_below(r, 70);
    for (int axis = 0; axis < 3; ++axis) {
        bool exists = axis >= 3 - spatial;
        w->in[axis] = exists ? 1 + random_below(r, spatial == 3 ? 5 : 9) : 1;
        w->kernel[axis] = exists ? 1 + random_below(r, spatial == 3 ? 3 : 4) : 1;
        w->strides[axis] = exists ? 1 + random_below(r, 3) : 1;
        w->dilations[axis] = exists ? 1 + random_below(r, 2) : 1;
        w->pads[axis] = exists ? random_below(r, 3) : 0;
        w->end_pads[axis] = exists ? random_below(r, 3) : 0;
    }
    return c;
}

void set_axes(conv_case *c, int64_t side, int64_t kernel, int64_t stride) {
    naive_window *w = &c->window;
    for (int axis = 3 - c->spatial; axis < 3; ++axis) {
        w->in[axis] = side;
        w->kernel[axis] = kernel;
        w->strides[axis] = stride;
        w->dilations[axis] = 1;
    }
}
