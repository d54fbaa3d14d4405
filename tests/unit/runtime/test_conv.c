/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm against naive loops, on random odd sizes: one to three spatial axes, strides,
 * dilations, asymmetric pads, groups, depthwise, batches, every epilogue, linear repetition. On
 * every instruction set all modes of our kernels must agree bit for bit, with Winograd and without,
 * and with XNNPACK within rounding.
 */
#include "context.h"
#include "expand/mixture.h"
#include "fixture.h"
#include "naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct conv_case {
    naive_window window;
    recipe_plan recipe;
    int spatial; /* 0: Gemm */
    bool bias, scale, residual;
    rnm_op activation;
    int threads;     /* 0: of every third case one instruction set has 2, else 1 */
    bool tables;     /* takes tables: run by them too */
    bool blocks;     /* runs by F(4x4,3x3): in blocks of several sizes */
    unsigned *mixed; /* counts it where it runs as a mixture; or NULL */
} conv_case;

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

/* A row-major graph input, or what Reorder makes of it. */
static uint32_t add_input(rnm_builder *b, const char *name, int spatial, const int64_t *dims) {
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

/* Gives tile_of its model on the best instruction set; plans of others may differ. */
static unsigned check_case(rng *r, const conv_case *c) {
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

/* Fills in output sizes and the recipe's dims. */
static void settle(rng *r, conv_case *c) {
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

/* A case with nothing in it but sizes of 1 along axes that it does not have. */
static conv_case random_case(rng *r, int spatial) {
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

static void random_convolutions(void **state) {
    (void)state;
    rng r = {7};
    for (int k = 0; k < 90; ++k) {
        conv_case c = random_case(&r, 1 + k % 3);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void groups(void **state) {
    (void)state;
    rng r = {8};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 1 + k % 2);
        c.window.groups = 2 + random_below(&r, 4);
        c.window.in_channels = c.window.groups * (1 + random_below(&r, 9));
        c.window.out_channels = c.window.groups * (1 + random_below(&r, 40));
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void depthwise(void **state) {
    (void)state;
    rng r = {9};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 2);
        c.window.groups = c.window.in_channels = 1 + random_below(&r, 70);
        c.window.out_channels = c.window.groups * (1 + random_below(&r, 4) / 3);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void products(void **state) {
    (void)state;
    rng r = {10};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 0);
        c.window.batch = 1 + random_below(&r, 20);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* More pixels than one item takes, as maps of real networks have. */
static void large_map(void **state) {
    (void)state;
    rng r = {11};
    conv_case c = random_case(&r, 2);
    c.window.batch = 2;
    c.window.in[1] = 17;
    c.window.in[2] = 19;
    c.window.in_channels = 24;
    c.window.out_channels = 67;
    settle(&r, &c);
    check_case(&r, &c);
}

/* Every side of a map up to 19, with kernels up to 5x5 and strides up to 3, and input channels that
 * go from 1 to 70 in steps of odd sizes. */
static void every_side(void **state) {
    (void)state;
    rng r = {15};
    for (int side = 1; side <= 19; ++side) {
        conv_case c = random_case(&r, 2);
        naive_window *w = &c.window;
        w->batch = 1;
        w->in[1] = side;
        w->in[2] = 1 + (side * 7) % 19;
        w->in_channels = 1 + (side * 11) % 70;
        w->out_channels = 1 + random_below(&r, 40);
        w->kernel[1] = 1 + side % 5;
        w->kernel[2] = 5 - side % 5;
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* Maps of square kernels with stride 1, small enough that every choice comes up. */
static conv_case square_case_of(rng *r, int64_t kernel) {
    conv_case c = random_case(r, 2);
    naive_window *w = &c.window;
    const uint32_t most = random_below(r, 2) == 0 ? 5 : 19;
    w->in_channels = 1 + random_below(r, (uint32_t)(630 / (kernel * kernel)));
    for (int axis = 1; axis < 3; ++axis) {
        w->in[axis] = 1 + random_below(r, most);
        w->kernel[axis] = kernel;
        w->strides[axis] = w->dilations[axis] = 1;
        w->pads[axis] = random_below(r, 4);
        w->end_pads[axis] = random_below(r, 4);
    }
    return c;
}

static conv_case square_case(rng *r) {
    return square_case_of(r, 3);
}

static void squares(void **state) {
    (void)state;
    rng r = {12};
    unsigned seen[5] = {0};
    for (int k = 0; k < 70; ++k) {
        conv_case c = square_case(&r);
        settle(&r, &c);
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 4 && seen[2] > 4 && seen[4] > 4);
}

static void squares_of_five(void **state) {
    (void)state;
    rng r = {15};
    unsigned seen[5] = {0};
    for (int k = 0; k < 40; ++k) {
        conv_case c = square_case_of(&r, 5);
        c.window.in_channels = k < 12 ? 3 : 16 + random_below(&r, 10);
        settle(&r, &c);
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 1 && seen[2] > 4);
}

/* More than one block of tiles, of inputs and of outputs, none of them full. */
static void square_blocks(void **state) {
    (void)state;
    rng r = {13};
    conv_case c = square_case(&r);
    c.window.batch = 3;
    c.window.in_channels = c.window.out_channels = 70;
    for (int axis = 1; axis < 3; ++axis) {
        c.window.in[axis] = 19;
        c.window.pads[axis] = 1;
        c.window.end_pads[axis] = 2;
    }
    settle(&r, &c);
    c.residual = c.bias = c.scale = true;
    assert_int_equal(check_case(&r, &c), 4);
}

/* A third axis of size 1 that pads make longer is none that Winograd can leave out. */
static void padded_depth(void **state) {
    (void)state;
    rng r = {14};
    for (int k = 0; k < 8; ++k) {
        conv_case c = square_case(&r);
        c.spatial = 3;
        c.window.in[1] = c.window.in[2] = 12;
        c.window.pads[0] = k % 3;
        c.window.end_pads[0] = k / 3;
        c.window.strides[0] = 1 + k % 2;
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* So many inputs and so few outputs that Winograd goes through the inputs first: one panel and
 * more, parents read in place, gathered and not, and expanded. */
static void inputs_first(void **state) {
    (void)state;
    static const struct {
        int64_t inputs, outputs, side;
        uint32_t po, pi;
        uint8_t transform;
    } sizes[] = {
        {610, 33, 13, 33, 610, RNM_TRANSFORM_LINEAR}, {600, 70, 12, 70, 200, RNM_TRANSFORM_F},
        {640, 64, 11, 64, 640, RNM_TRANSFORM_F},      {1024, 64, 10, 64, 512, RNM_TRANSFORM_F},
        {480, 32, 17, 16, 60, RNM_TRANSFORM_S},       {590, 40, 9, 40, 590, RNM_TRANSFORM_DROP},
    };
    rng r = {20};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; ++k) {
        conv_case c = random_case(&r, 2);
        naive_window *w = &c.window;
        w->batch = 1 + (int64_t)k % 2;
        w->in_channels = sizes[k].inputs;
        w->out_channels = sizes[k].outputs;
        for (int axis = 1; axis < 3; ++axis) {
            w->in[axis] = sizes[k].side;
            w->kernel[axis] = 3;
            w->strides[axis] = w->dilations[axis] = w->pads[axis] = w->end_pads[axis] = 1;
        }
        settle(&r, &c);
        c.recipe.transform = sizes[k].transform;
        c.recipe.po = sizes[k].po;
        c.recipe.pi = sizes[k].pi;
        c.blocks = true;
        c.threads = 1 + (int)k % 3;
        check_case(&r, &c);
    }
}

typedef struct repeated_case {
    int spatial;
    int64_t kernel, stride, side;
    uint32_t ci, pi, co, po;
    rnm_dtype dtype;
    rnm_op activation;
} repeated_case;

/* Kernels of all algorithms; inputs, outputs or both repeated, whole times and not; parents of one
 * element, of less than a vector, and of more than a panel. */
static const repeated_case repeated_cases[] = {
    {2, 1, 1, 9, 24, 8, 64, 16, RNM_F32, RNM_OP_Relu},
    {2, 1, 2, 9, 37, 10, 70, 33, RNM_F32, RNM_OP_NONE},
    {2, 1, 1, 14, 64, 64, 256, 64, RNM_F32, RNM_OP_Sigmoid},
    {2, 3, 1, 16, 64, 16, 64, 16, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 16, 64, 32, 128, 64, RNM_F32, RNM_OP_Elu},
    {2, 3, 1, 13, 50, 22, 90, 22, RNM_F32, RNM_OP_Clip},
    {2, 3, 1, 11, 30, 13, 40, 40, RNM_F32, RNM_OP_LeakyRelu},
    {2, 3, 1, 11, 20, 20, 67, 13, RNM_F32, RNM_OP_Tanh},
    {2, 3, 1, 5, 70, 45, 140, 45, RNM_F16, RNM_OP_NONE},
    {2, 3, 2, 17, 64, 32, 64, 32, RNM_F32, RNM_OP_Relu},
    {2, 3, 2, 9, 21, 20, 50, 24, RNM_F32, RNM_OP_Elu},
    {2, 5, 1, 12, 40, 20, 40, 32, RNM_F32, RNM_OP_Relu},
    {2, 5, 1, 7, 9, 1, 35, 1, RNM_F32, RNM_OP_HardSwish},
    {2, 5, 2, 12, 33, 17, 34, 17, RNM_BF16, RNM_OP_NONE},
    {2, 7, 2, 20, 6, 3, 48, 5, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 10, 24, 8, 200, 12, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 2, 48, 16, 100, 64, RNM_F32, RNM_OP_Relu},
    {1, 3, 1, 12, 20, 7, 40, 9, RNM_F32, RNM_OP_HardSigmoid},
    {3, 2, 1, 4, 19, 4, 37, 33, RNM_F32, RNM_OP_NONE},
    {0, 1, 1, 1, 200, 70, 100, 33, RNM_F32, RNM_OP_Relu},
    {0, 1, 1, 1, 64, 1, 33, 1, RNM_F32, RNM_OP_NONE},
    {0, 1, 1, 1, 128, 64, 128, 64, RNM_F32, RNM_OP_NONE},
};

/* Linear layers run as their parents alone: against the child, expanded, and beside all modes. */
static void linear_repeats(void **state) {
    (void)state;
    enum { CASES = sizeof repeated_cases / sizeof *repeated_cases };
    rng r = {16};
    unsigned seen[5] = {0};
    for (int k = 0; k < 3 * CASES; ++k) {
        const repeated_case *repeated = &repeated_cases[k % CASES];
        conv_case c = random_case(&r, repeated->spatial);
        naive_window *w = &c.window;
        w->batch = k < CASES ? 1 : 3;
        w->in_channels = repeated->ci;
        w->out_channels = repeated->co;
        for (int axis = 3 - repeated->spatial; axis < 3; ++axis) {
            w->in[axis] = repeated->side;
            w->kernel[axis] = repeated->kernel;
            w->strides[axis] = repeated->stride;
            w->dilations[axis] = 1;
        }
        settle(&r, &c);
        c.recipe.transform = RNM_TRANSFORM_LINEAR;
        c.recipe.po = repeated->po;
        c.recipe.pi = repeated->pi;
        c.recipe.parent_dtype = repeated->dtype;
        c.activation = repeated->activation;
        c.residual = k % 2 == 0;
        c.threads = 1 + k / CASES;
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 9 && seen[2] > 2 && seen[4] > 2);
}

/* Of one recipe the layer of one group takes the parent, that of two groups the whole child, even
 * where the child's group is as large as the parent. */
static void linear_in_groups_and_not(void **state) {
    (void)state;
    enum { IN = 6, OUT = 16, SIDE = 5, PIXELS = SIDE * SIDE };
    static const int64_t one_dims[] = {1, IN, SIDE, SIDE}, two_dims[] = {1, 2 * IN, SIDE, SIDE};
    static const int64_t out_dims[] = {1, OUT, SIDE, SIDE};
    rng r = {17};
    rnm_builder *b = builder_new();
    const uint32_t one = add_input(b, "one", 2, one_dims), two = add_input(b, "two", 2, two_dims);
    const recipe_plan plan = {.transform = RNM_TRANSFORM_LINEAR,
                              .rank = 4,
                              .dims = {OUT, IN, 1, 1},
                              .po = OUT / 2,
                              .pi = IN,
                              .parent_dtype = RNM_F32};
    const uint32_t w = random_recipe(&r, b, "w", plan);
    const uint32_t y1 = builder_activation(b, "y1", RNM_LAYOUT_CHANNELS_LAST, 4, out_dims);
    const uint32_t y2 = builder_activation(b, "y2", RNM_LAYOUT_CHANNELS_LAST, 4, out_dims);
    uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, 4, out_dims);
    builder_node(b, "first", RNM_OP_Conv, 2, (uint32_t[]){one, w}, y1);
    builder_node(b, "second", RNM_OP_Conv, 5, (uint32_t[]){two, w, RNM_NONE, RNM_NONE, y1}, y2);
    builder_attr_int(b, RNM_ATTRIBUTE_group, 2);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &y2, rows);
    builder_output(b, rows);
    opened model = open_built(b);

    float x1[IN * PIXELS], x2[2 * IN * PIXELS];
    double exact[2 * IN * PIXELS], sums[OUT * PIXELS], wanted[OUT * PIXELS];
    const float *inputs[] = {x1, x2};
    random_fill(&r, x1, IN * PIXELS);
    random_fill(&r, x2, 2 * IN * PIXELS);
    float *weights = reference_child(model.model, 0);
    naive_window window = {.batch = 1,
                           .in_channels = IN,
                           .out_channels = OUT,
                           .in = {1, SIDE, SIDE},
                           .out = {1, SIDE, SIDE},
                           .kernel = {1, 1, 1},
                           .strides = {1, 1, 1},
                           .dilations = {1, 1, 1},
                           .groups = 1};
    for (size_t k = 0; k < IN * PIXELS; ++k) {
        exact[k] = (double)x1[k];
    }
    naive_conv(&window, exact, weights, sums);
    for (size_t k = 0; k < 2 * IN * PIXELS; ++k) {
        exact[k] = (double)x2[k];
    }
    window.in_channels = 2 * IN;
    window.groups = 2;
    naive_conv(&window, exact, weights, wanted);
    for (size_t k = 0; k < OUT * PIXELS; ++k) {
        wanted[k] += sums[k];
    }
    rnm_context_options options = {.threads = 1};
    float *found = run_all_modes(model.model, &options, inputs, OUT * PIXELS);
    check_close(found, wanted, OUT * PIXELS, 2e-5, "two layers of one recipe");
    free(found);
    free(weights);
    close_opened(model);
}

/* What repeats a case: signs, signs of zero as a list and a plane, half floats, copies. */
static void vary(recipe_plan *plan, unsigned variant) {
    plan->transform = variant == 4 ? RNM_TRANSFORM_LINEAR : RNM_TRANSFORM_F;
    plan->zeros = variant < 3 ? variant : 0;
    plan->parent_dtype = variant == 3 ? RNM_F16 : RNM_F32;
}

/* Few pixels, and four tiles, of parents whose panels repeat and are read where they lie: alone and
 * several at a time, in one run of the parent's inputs and in more, with taps that are out of the
 * map, beside panels that are cut short. */
static void repeated_parents(void **state) {
    (void)state;
    static const struct {
        int64_t batch, inputs, outputs, side, kernel, stride; /* kernels of 1: Gemm */
        uint32_t po, pi;
    } sizes[] = {
        {1, 64, 128, 1, 1, 1, 32, 16},  {3, 100, 128, 1, 1, 1, 48, 32},
        {4, 33, 150, 1, 1, 1, 64, 32},  {1, 96, 256, 2, 3, 1, 64, 32},
        {1, 80, 200, 2, 3, 1, 64, 80},  {4, 70, 192, 1, 3, 1, 96, 48},
        {1, 130, 288, 3, 3, 2, 96, 64}, {1, 16, 320, 2, 3, 1, 64, 16},
        {1, 1, 64, 2, 3, 1, 32, 1},     {1, 48, 128, 4, 3, 1, 32, 16},
        {1, 48, 128, 8, 3, 1, 64, 32},  {1, 35, 128, 4, 3, 1, 64, 20},
        {1, 40, 100, 8, 3, 1, 50, 40},  {1, 64, 256, 8, 3, 1, 128, 32},
        {1, 17, 96, 7, 3, 1, 40, 17},   {1, 48, 96, 8, 3, 1, 32, 16},
        {1, 48, 100, 8, 3, 1, 32, 16},  {1, 64, 1856, 7, 3, 1, 928, 32},
    };
    rng r = {14};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; ++k) {
        for (unsigned variant = 0; variant < 5; ++variant) {
            conv_case c = random_case(&r, sizes[k].kernel == 1 ? 0 : 2);
            naive_window *w = &c.window;
            w->batch = sizes[k].batch;
            w->in_channels = sizes[k].inputs;
            w->out_channels = sizes[k].outputs;
            for (int axis = 1; c.spatial > 0 && axis < 3; ++axis) {
                w->in[axis] = sizes[k].side;
                w->kernel[axis] = sizes[k].kernel;
                w->strides[axis] = sizes[k].stride;
                w->dilations[axis] = w->pads[axis] = w->end_pads[axis] = 1;
            }
            settle(&r, &c);
            c.recipe.po = sizes[k].po;
            c.recipe.pi = sizes[k].pi;
            vary(&c.recipe, variant);
            c.threads = 1 + (int)(k + variant) % 4;
            check_case(&r, &c);
        }
    }
}

/* One f layer whose inputs repeat. */
typedef struct signed_case {
    int64_t batch, inputs, outputs, sides[2], kernel[2], strides[2], dilations[2], pad;
    uint32_t po, pi;
    rnm_dtype dtype;
} signed_case;

/* Repeats of 3 to 17, whole and cut short, so of one group of inputs and more; parents of one
 * element and of more than a panel; maps of less than a vector and of several items. */
static const signed_case signed_cases[] = {
    {1, 64, 64, {8, 8}, {3, 3}, {1, 1}, {1, 1}, 1, 8, 8, RNM_F32},
    {1, 24, 40, {9, 7}, {3, 3}, {2, 2}, {1, 1}, 1, 10, 8, RNM_F32},
    {2, 60, 70, {9, 19}, {3, 3}, {1, 1}, {1, 1}, 1, 33, 20, RNM_F32},
    {1, 50, 100, {13, 15}, {5, 5}, {1, 1}, {1, 1}, 2, 45, 9, RNM_F16},
    {3, 33, 65, {5, 4}, {1, 1}, {2, 2}, {1, 1}, 0, 16, 11, RNM_BF16},
    {1, 17, 33, {12, 3}, {1, 7}, {1, 1}, {1, 2}, 3, 33, 1, RNM_F32},
    {1, 100, 129, {6, 20}, {7, 2}, {3, 2}, {1, 3}, 2, 64, 30, RNM_F32},
    {1, 9, 1, {1, 1}, {3, 3}, {1, 1}, {2, 2}, 2, 1, 2, RNM_F32},
    {1, 40, 32, {17, 33}, {3, 3}, {2, 1}, {1, 1}, 0, 32, 10, RNM_F32},
};

static conv_case signed_conv(rng *r, const signed_case *s) {
    conv_case c = random_case(r, 2);
    naive_window *w = &c.window;
    w->batch = s->batch;
    w->in_channels = s->inputs;
    w->out_channels = s->outputs;
    for (int axis = 1; axis < 3; ++axis) {
        w->in[axis] = s->sides[axis - 1];
        w->kernel[axis] = s->kernel[axis - 1];
        w->strides[axis] = s->strides[axis - 1];
        w->dilations[axis] = s->dilations[axis - 1];
        w->pads[axis] = s->pad;
        w->end_pads[axis] = s->pad + axis - 1;
    }
    settle(r, &c);
    c.tables = true;
    c.recipe.transform = RNM_TRANSFORM_F;
    c.recipe.zeros = 0;
    c.recipe.po = s->po;
    c.recipe.pi = s->pi;
    c.recipe.parent_dtype = s->dtype;
    return c;
}

static void tables_of_signed_sums(void **state) {
    (void)state;
    rng r = {18};
    for (size_t k = 0; k < sizeof signed_cases / sizeof *signed_cases; ++k) {
        const conv_case c = signed_conv(&r, &signed_cases[k]);
        check_case(&r, &c);
    }
}

/* An s layer whose blocks are few more than those that they are mixtures of, or many. */
typedef struct mixed_case {
    int spatial;
    int64_t batch, side, kernel, stride;
    uint32_t rows, columns, po, pi;
    float steepness;
    rnm_dtype dtype;
} mixed_case;

static const mixed_case mixed_cases[] = {
    {2, 1, 8, 3, 1, 8, 8, 32, 24, 1.0f, RNM_F32},   {2, 1, 7, 3, 1, 6, 5, 40, 33, 2.0f, RNM_F32},
    {2, 3, 5, 3, 1, 7, 6, 17, 35, 0.5f, RNM_F16},   {2, 2, 9, 3, 2, 6, 9, 64, 16, 4.0f, RNM_F32},
    {2, 1, 6, 5, 1, 9, 8, 32, 9, 1.0f, RNM_BF16},   {2, 1, 4, 1, 1, 16, 16, 32, 16, 8.0f, RNM_F32},
    {3, 1, 4, 2, 1, 8, 8, 20, 12, 1.0f, RNM_F32},   {0, 1, 1, 1, 1, 16, 16, 32, 16, 2.0f, RNM_F32},
    {0, 3, 1, 1, 1, 12, 13, 40, 20, 1.0f, RNM_F32}, {2, 1, 16, 3, 1, 8, 11, 64, 16, 1.0f, RNM_F32},
};

/* In all modes, on 1 to 4 threads, by what the plan takes for the mixture and without one. */
static void mixtures(void **state) {
    (void)state;
    enum { CASES = sizeof mixed_cases / sizeof *mixed_cases };
    rng r = {19};
    unsigned mixed = 0;
    for (int k = 0; k < CASES; ++k) {
        const mixed_case *m = &mixed_cases[k];
        conv_case c = random_case(&r, m->spatial);
        naive_window *w = &c.window;
        w->batch = m->batch;
        w->in_channels = (int64_t)m->columns * m->pi;
        w->out_channels = (int64_t)m->rows * m->po;
        for (int axis = 3 - m->spatial; axis < 3; ++axis) {
            w->in[axis] = m->side;
            w->kernel[axis] = m->kernel;
            w->strides[axis] = m->stride;
            w->dilations[axis] = 1;
        }
        settle(&r, &c);
        c.recipe.transform = RNM_TRANSFORM_S;
        c.recipe.po = m->po;
        c.recipe.pi = m->pi;
        c.recipe.parent_dtype = m->dtype;
        c.recipe.steepness = m->steepness;
        c.residual = k % 2 == 0;
        c.threads = 1 + k % 4;
        c.mixed = &mixed;
        check_case(&r, &c);
    }
    assert_true(mixed > CASES / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convolutions),
        cmocka_unit_test(groups),
        cmocka_unit_test(depthwise),
        cmocka_unit_test(products),
        cmocka_unit_test(large_map),
        cmocka_unit_test(every_side),
        cmocka_unit_test(squares),
        cmocka_unit_test(squares_of_five),
        cmocka_unit_test(square_blocks),
        cmocka_unit_test(padded_depth),
        cmocka_unit_test(inputs_first),
        cmocka_unit_test(linear_repeats),
        cmocka_unit_test(linear_in_groups_and_not),
        cmocka_unit_test(repeated_parents),
        cmocka_unit_test(tables_of_signed_sums),
        cmocka_unit_test(mixtures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
