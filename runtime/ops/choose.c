/* SPDX-License-Identifier: Apache-2.0
 *
 * Which algorithm a layer takes, and how it is cut into items: for every candidate, the time of the
 * worker that has the most to do, from what the kernels take (tests/kernels --bench measures them).
 * Times are nanoseconds of an AVX2 core at 3 GHz; only their ratios count, and these differ little
 * between instruction sets.
 */
#include "conv.h"

#include <assert.h>

enum {
    BLOCK_INPUTS = 64,         /* of U: 36 points of them are 295 KB */
    MOST_TILES = 64,           /* of M: likewise */
    MOST_V_BYTES = 1536 << 10, /* of an item */
};

/* Each input of a panel: what the transform of one row of RNM_PANEL parent elements adds. */
static const double expand_time[RNM_TRANSFORM_KNOWN] = {
    [RNM_TRANSFORM_LINEAR] = 1,
    [RNM_TRANSFORM_S] = 16,
    [RNM_TRANSFORM_F] = 2,
    [RNM_TRANSFORM_DROP] = 5,
};

static const struct {
    unsigned tile, kernel;
    double weights; /* the points of one input of a panel */
    double input;   /* the points of one channel of a tile */
    double output;  /* the pixels of one tile of a panel, finished */
} forms[RNM_WINOGRADS] = {
    {.tile = 2, .kernel = 3, .weights = 40, .input = 2.4, .output = 45},
    {.tile = 4, .kernel = 3, .weights = 90, .input = 4.8, .output = 190},
    {.tile = 2, .kernel = 5, .weights = 150, .input = 4.8, .output = 80},
};

#define ITEM_TIME 300.0      /* to draw an item, and to wait for the last one */
#define DIRECT_ROW_TIME 0.85 /* a pixel of one input and tap of a panel */

#define SUM_TIME 12.0 /* a row of a panel's sums, to and from the second-level cache */
#define PACK_TIME 0.4 /* a tap of an input of a pixel */

/* One input of a panel times so many rows: few rows wait for weights. */
static double gemm_time(double rows) {
    return 0.35 + 0.74 * rows;
}

/* Nanoseconds of an operation on a vector of 16 lanes, as rnm_conv_work counts them. */
#define OPERATION_TIME 0.5

static uint64_t divide_up(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

static unsigned form_of(const rnm_window *w, unsigned tile) {
    unsigned form = 0;
    while (forms[form].tile != tile || (int64_t)forms[form].kernel != w->kernel[1]) {
        ++form;
        assert(form < RNM_WINOGRADS);
    }
    return form;
}

static double points_of(unsigned form) {
    double side = forms[form].tile + forms[form].kernel - 1;
    return side * side;
}

static uint64_t tiles_of(const rnm_window *w, unsigned tile) {
    return (uint64_t)w->batch * divide_up((uint64_t)w->out[1], tile) *
           divide_up((uint64_t)w->out[2], tile);
}

/* The cut for so many threads that takes the least time, and that time. */
static double cut(const rnm_weight *weight, uint64_t threads, rnm_conv_step *conv) {
    const rnm_child *child = &weight->child;
    const unsigned form = conv->form;
    const double ci = child->ci, points = points_of(form);
    /* Channels are transformed in whole vectors; sums are written and read for every block. */
    const double channels = (double)(divide_up(child->ci, 16) * 16);
    const double sums = points * SUM_TIME * (double)divide_up(child->ci, conv->block_inputs);
    const double made = child->taps * expand_time[child->transform] + forms[form].weights;
    const uint64_t panels = weight->panel_count, tiles = tiles_of(&conv->window, conv->tile);
    uint64_t fit = (uint64_t)(MOST_V_BYTES / (points * ci * sizeof(float)));
    fit = fit < 1 ? 1 : fit > MOST_TILES ? MOST_TILES : fit;
    const uint64_t fewest = divide_up(tiles, fit);
    const uint64_t most = fewest + 4 * threads < tiles ? fewest + 4 * threads : tiles;
    double best = 1e300;
    for (uint64_t blocks = fewest; blocks <= most; ++blocks) {
        const uint64_t stretch = divide_up(tiles, blocks);
        for (uint64_t shares = 1; shares <= panels && shares <= 4 * threads; ++shares) {
            const uint64_t each = divide_up(panels, shares);
            const double item = ITEM_TIME + (double)stretch * channels * forms[form].input +
                                (double)each * (ci * (made + points * gemm_time((double)stretch)) +
                                                (double)stretch * (sums + forms[form].output));
            const uint64_t items = divide_up(tiles, stretch) * divide_up(panels, each);
            const double time = (double)divide_up(items, threads) * item;
            if (time < best) {
                best = time;
                conv->stretch = (uint32_t)stretch;
                conv->shares = (unsigned)divide_up(panels, each);
            }
        }
    }
    return best;
}

/* What a cut starts from. */
static void set_form(const rnm_child *child, rnm_conv_step *conv, unsigned form) {
    conv->form = form;
    conv->tile = forms[form].tile;
    uint32_t inputs = conv->block_inputs != 0 ? conv->block_inputs : BLOCK_INPUTS;
    conv->block_inputs = child->ci < inputs ? child->ci : inputs;
}

void rnm_cut_winograd(const rnm_context *context, rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    set_form(&weight->child, conv, form_of(&conv->window, conv->tile));
    (void)cut(weight, context->threads.count, conv);
}

static double direct_time(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_window *w = &conv->window;
    const double pixels = (double)(w->batch * w->out[1] * w->out[2]);
    const double rows = (double)child->ci * child->taps * (double)weight->panel_count;
    if (rnm_can_pack(context, conv)) {
        const double lanes = child->co < RNM_PANEL ? (double)child->co / RNM_PANEL : 1.0;
        return ((double)child->ci * child->taps * PACK_TIME +
                rows * gemm_time(RNM_TILE_PIXELS) / RNM_TILE_PIXELS * lanes) *
               pixels;
    }
    return rows * (expand_time[child->transform] + DIRECT_ROW_TIME * pixels);
}

static bool takes_kernel(const rnm_context *context, const rnm_conv_step *conv, int64_t kernel) {
    const rnm_window *w = &conv->window;
    const rnm_weight *weight = &context->weights[conv->weight];
    /* Pads of a leading axis make outputs, or read zeros, that Winograd knows nothing of. */
    bool flat = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    bool square = flat && w->kernel[1] == kernel && w->kernel[2] == kernel && w->strides[1] == 1 &&
                  w->strides[2] == 1 && w->dilations[1] == 1 && w->dilations[2] == 1;
    return square && !conv->depthwise && weight->group_panels == weight->panel_count &&
           context->winograd;
}

bool rnm_conv_takes_winograd(const rnm_context *context, const rnm_conv_step *conv) {
    return takes_kernel(context, conv, 3);
}

rnm_conv_algorithm rnm_choose_algorithm(const rnm_planner *planner, const rnm_conv_step *conv,
                                        unsigned *tile) {
    const rnm_context *context = planner->context;
    const rnm_weight *weight = &context->weights[conv->weight];
    double best = direct_time(context, conv);
    *tile = 0;
    for (unsigned form = 0; form < RNM_WINOGRADS; ++form) {
        rnm_conv_step candidate = *conv;
        if (!takes_kernel(context, conv, forms[form].kernel)) {
            continue;
        }
        set_form(&weight->child, &candidate, form);
        /* One thread's time for any number of them: another algorithm has other roundings. */
        double time = cut(weight, 1, &candidate);
        if (time < best) {
            best = time;
            *tile = forms[form].tile;
        }
    }
    return *tile != 0 ? RNM_CONV_WINOGRAD : RNM_CONV_DIRECT;
}

/* ---- what plans of memory are made from ------------------------------------------------------ */

double rnm_expand_work(unsigned transform) {
    return expand_time[transform];
}

/* But for the expansion. */
static double winograd_work(const rnm_window *w, const rnm_child *child, unsigned tile) {
    const unsigned form = form_of(w, tile);
    const double tiles = (double)tiles_of(w, tile);
    const double panels = (double)divide_up(child->co, RNM_PANEL);
    return (forms[form].weights + points_of(form) * gemm_time(tiles) +
            tiles * (forms[form].input / panels + forms[form].output / child->ci)) /
           OPERATION_TIME;
}

static double direct_work(const rnm_window *w, const rnm_child *child) {
    return DIRECT_ROW_TIME / OPERATION_TIME * child->taps *
           (double)(w->batch * w->out[0] * w->out[1] * w->out[2]);
}

double rnm_conv_work(const rnm_window *w, const rnm_child *child, rnm_conv_algorithm algorithm,
                     unsigned tile) {
    if (algorithm == RNM_CONV_TRANSPOSED) {
        return 2.0 * child->taps * (double)(w->batch * w->in[0] * w->in[1] * w->in[2]);
    }
    return algorithm == RNM_CONV_WINOGRAD ? winograd_work(w, child, tile) : direct_work(w, child);
}
