/* SPDX-License-Identifier: Apache-2.0
 *
 * Which algorithm a layer takes, and how it is cut into items: for every candidate, the time of the
 * worker that has the most to do, from what the kernels take (tests/kernels --bench measures them).
 * Times are nanoseconds at 4 GHz; only their ratios count.
 */
#include "conv.h"

#include "expand/mixture.h"

#include <assert.h>

enum {
    MOST_TILES = 64, /* of M: 36 points of them are 295 KB */
    FEW_TILES = 8,   /* a group's sums and weights of FEW_INPUTS are in L1 */
    FEW_INPUTS = 16,
    MOST_V_BYTES = 2048 << 10, /* of an item */
};

static const struct {
    unsigned tile, kernel, stride;
} forms[RNM_WINOGRADS] = {
    {.tile = 2, .kernel = 3, .stride = 1},
    {.tile = 4, .kernel = 3, .stride = 1},
    {.tile = 2, .kernel = 5, .stride = 1},
    {.tile = 2, .kernel = 3, .stride = 2},
};

/* What kernels take, by the width of their vectors. */
typedef struct costs {
    double row;         /* 2 * RNM_PANEL operations: one input of a panel times a pixel, a row */
    double weights_row; /* of gemm: a row of weights, whatever is multiplied by it */
    double direct_row;  /* of direct, for each tap */
    double sum;         /* a row of a panel's sums, to and from second-level cache */
    double expand[RNM_TRANSFORM_KNOWN]; /* a row of RNM_PANEL parent elements */
    struct {
        double weights; /* the points of one input of a panel */
        double few;     /* the same and its products, RNM_FEW_TILES tiles'; 0: not counted on */
        double input;   /* the points of one channel of a tile */
        double output;  /* the pixels of one tile of a panel, finished */
    } forms[RNM_WINOGRADS];
    struct {
        bool counted;   /* on; else for tunings alone */
        double look_up; /* an entry of a group at a place */
        double call;    /* an output of an input: its sums at all places, to and from memory */
        double entries; /* of a group at a place */
        double turn;    /* a vector of pixels of one channel */
        double codes;   /* of a tap of a panel */
        double weights; /* of a tap of an output of the parent */
    } tables;
} costs;

static const costs wide = {
    .row = 0.25,
    .weights_row = 0.12,
    .direct_row = 0.30,
    .sum = 1.2,
    .expand =
        {
            [RNM_TRANSFORM_LINEAR] = 0.6,
            [RNM_TRANSFORM_S] = 5.6,
            [RNM_TRANSFORM_F] = 1.5,
            [RNM_TRANSFORM_DROP] = 1.5,
        },
    .forms =
        {
            {.weights = 15, .few = 20, .input = 0.42, .output = 22},
            {.weights = 32, .few = 46, .input = 1.3, .output = 75},
            {.weights = 125, .input = 1.3, .output = 28},
            {.weights = 15, .input = 0.58, .output = 26},
        },
    /* A guess from those below. */
    .tables = {.look_up = 0.175, .call = 5, .entries = 3, .turn = 3, .codes = 1, .weights = 0.4},
};

/* AVX2; those of narrower vectors are larger and much alike otherwise. */
static const costs narrow = {
    .row = 0.49,
    .weights_row = 0.24,
    .direct_row = 0.55,
    .sum = 2.4,
    .expand =
        {
            [RNM_TRANSFORM_LINEAR] = 0.6,
            [RNM_TRANSFORM_S] = 10,
            [RNM_TRANSFORM_F] = 1.5,
            [RNM_TRANSFORM_DROP] = 1.8,
        },
    .forms =
        {
            {.weights = 17, .input = 0.62, .output = 28},
            {.weights = 42, .input = 2.1, .output = 100},
            {.weights = 160, .input = 2.1, .output = 43},
            {.weights = 17, .input = 1.0, .output = 31},
        },
    .tables = {.counted = true,
               .look_up = 0.175,
               .call = 5,
               .entries = 3,
               .turn = 1.2,
               .codes = 1.5,
               .weights = 0.4},
};

static const costs *costs_of(const rnm_context *context) {
    return context->kernels->lanes >= 16 ? &wide : &narrow;
}

#define ITEM_TIME 300.0      /* to draw an item, and to wait for the last one */
#define DISPATCH_TIME 1000.0 /* to tell other threads of a job; one that is alone needs none */
/* A line of cache of the inputs that another thread wrote: to read it, and to write it again in a
 * later layer. That takes 2 where cores share a cache and 9 where they do not. */
#define SHARED_LINE 6.0
#define PACK_TIME 0.1 /* a tap of an input of a pixel, copied */

/* One input of a panel times so many rows: few rows wait for weights. */
static double gemm_time(const costs *c, double rows) {
    return c->weights_row + c->row * rows;
}

/* What the expansion of one input of a panel adds to its transform: nothing where it is done in the
 * transform's registers. */
static double expand_time(const costs *c, const rnm_child *child) {
    const bool there = child->transform == RNM_TRANSFORM_LINEAR ||
                       (child->transform == RNM_TRANSFORM_F && c == &wide);
    return there ? 0.0 : child->taps * c->expand[child->transform];
}

static double points_of(unsigned form) {
    double side = (forms[form].tile - 1) * forms[form].stride + forms[form].kernel;
    return side * side;
}

static uint64_t tiles_of(const rnm_window *w, unsigned form) {
    const unsigned tile = forms[form].tile;
    return (uint64_t)w->batch * rnm_divide_up((uint64_t)w->out[1], tile) *
           rnm_divide_up((uint64_t)w->out[2], tile);
}

/* What one channel of a tile takes more where so many threads share a block of tiles, each of which
 * reads all of its inputs and has written its share of them. */
static double shared_time(unsigned form, double shares) {
    const double step = (double)forms[form].tile * forms[form].stride;
    const double lines = step * step * sizeof(float) / 64; /* of the pixels that are its own */
    return lines * SHARED_LINE * (1.0 - 1.0 / shares);
}

/* Inputs of a block: what was asked for, or few where that keeps weights and sums in L1. */
static uint32_t block_inputs(const rnm_child *child, uint32_t given, uint64_t tiles) {
    uint32_t inputs = given != 0 ? given : tiles <= FEW_TILES ? FEW_INPUTS : RNM_WINOGRAD_INPUTS;
    return child->ci < inputs ? child->ci : inputs;
}

/* The cut for so many threads that takes the least time, and that time. */
static double cut(const costs *c, const rnm_weight *weight, uint64_t threads, rnm_conv_step *conv) {
    const rnm_child *child = &weight->child;
    const unsigned form = conv->form;
    const double ci = child->ci, points = points_of(form);
    const uint32_t given = conv->block_inputs;
    /* Channels are transformed in whole vectors; sums are written and read for every block. */
    const double channels = (double)(rnm_divide_up(child->ci, 16) * 16);
    const double made = expand_time(c, child) + c->forms[form].weights;
    const double few = child->taps * c->expand[child->transform] + c->forms[form].few;
    const uint64_t panels = weight->panel_count, tiles = tiles_of(&conv->window, form);
    const double block = given > RNM_WINOGRAD_INPUTS ? given : RNM_WINOGRAD_INPUTS;
    const double held =
        rnm_winograd_by_inputs(child, panels) ? block + (double)panels * RNM_PANEL : ci;
    uint64_t fit = (uint64_t)(MOST_V_BYTES / (points * held * sizeof(float)));
    fit = fit < 1 ? 1 : fit > MOST_TILES ? MOST_TILES : fit;
    const uint64_t fewest = rnm_divide_up(tiles, fit);
    const uint64_t most = fewest + 4 * threads < tiles ? fewest + 4 * threads : tiles;
    double best = 1e300;
    for (uint64_t blocks = fewest; blocks <= most; ++blocks) {
        const uint64_t stretch = rnm_divide_up(tiles, blocks);
        const uint32_t inputs = block_inputs(child, given, stretch);
        const double sums = points * c->sum * (double)rnm_divide_up(child->ci, inputs);
        const bool are_few =
            c->forms[form].few > 0 && stretch == RNM_FEW_TILES && inputs <= RNM_INPUT_BLOCK;
        const double multiplied = are_few ? few : made + points * gemm_time(c, (double)stretch);
        for (uint64_t shares = 1; shares <= panels && shares <= 4 * threads; ++shares) {
            const uint64_t each = rnm_divide_up(panels, shares);
            const double input =
                c->forms[form].input + (threads > 1 ? shared_time(form, (double)shares) : 0.0);
            const double item =
                ITEM_TIME + (double)stretch * channels * input +
                (double)each * (ci * multiplied + (double)stretch * (sums + c->forms[form].output));
            const uint64_t items = rnm_divide_up(tiles, stretch) * rnm_divide_up(panels, each);
            const double time = (double)rnm_divide_up(items, threads) * item;
            if (time < best) {
                best = time;
                conv->stretch = (uint32_t)stretch;
                conv->block_inputs = inputs;
                conv->shares = (unsigned)rnm_divide_up(panels, each);
            }
        }
    }
    return best;
}

void rnm_cut_winograd(const rnm_context *context, rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    conv->tile = forms[conv->form].tile;
    (void)cut(costs_of(context), weight, context->threads.count, conv);
}

/* The time of one item, by its lanes and shares. */
static double table_item_time(const rnm_context *context, const costs *c,
                              const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_lanes *l = &conv->lanes;
    const double repeats = (double)rnm_divide_up(child->ci, child->pi);
    const double groups =
        (double)rnm_divide_up(rnm_divide_up(child->ci, child->pi), RNM_TABLE_INPUTS);
    const double panels = (double)rnm_divide_up(weight->panel_count, conv->shares);
    const double outputs = panels * (child->co < RNM_PANEL ? child->co : RNM_PANEL);
    const double input_places = (double)rnm_table_places(context, conv);
    const double places = (double)l->strip * l->places;
    const double rounds =
        (double)rnm_divide_up(rnm_divide_up(child->ci, child->pi), RNM_CODE_INPUTS);
    const double looked_up = outputs * (child->taps * groups * places * c->tables.look_up +
                                        rounds * l->strip * c->tables.call);
    const double made =
        input_places * (groups * c->tables.entries + repeats * c->tables.turn) +
        child->taps * (rounds * panels * c->tables.codes + child->po * c->tables.weights);
    return ITEM_TIME + child->pi * (looked_up + made) + outputs * places * 2 * c->tables.turn;
}

/* The deal for so many threads that takes the least time, and that time. */
static double deal(const rnm_context *context, uint64_t threads, rnm_conv_step *conv) {
    enum { MOST_STRIP = 4 };
    const costs *c = costs_of(context);
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_window *w = &conv->window;
    const uint32_t lanes = context->kernels->lanes;
    const uint64_t most_shares =
        weight->panel_count < 2 * threads ? weight->panel_count : 2 * threads;
    rnm_conv_step best = *conv, tried = *conv;
    double least = 1e300;
    for (uint32_t across = 1; across <= lanes; across *= 2) {
        const uint32_t rows = (uint32_t)rnm_divide_up((uint64_t)w->out[1], lanes / across);
        const uint32_t columns = (uint32_t)rnm_divide_up((uint64_t)w->out[2], across);
        for (uint32_t places = RNM_TABLE_PLACES / 2; places <= RNM_TABLE_PLACES; places *= 2) {
            for (uint32_t strip = 1; strip <= rows && strip <= MOST_STRIP; ++strip) {
                tried.lanes = (rnm_lanes){across, rows, columns, strip, places};
                for (uint64_t shares = 1; shares <= most_shares; ++shares) {
                    tried.shares = (unsigned)shares;
                    const uint64_t items = rnm_table_items(&tried) * shares;
                    const double time =
                        (threads > 1 && items > 1 ? DISPATCH_TIME : 0.0) +
                        (double)rnm_divide_up(items, threads) * table_item_time(context, c, &tried);
                    if (time < least) {
                        least = time;
                        best = tried;
                    }
                }
            }
        }
    }
    *conv = best;
    return least;
}

void rnm_cut_tables(const rnm_context *context, rnm_conv_step *conv) {
    (void)deal(context, context->threads.count, conv);
}

void rnm_cut_direct(const rnm_context *context, rnm_conv_step *conv, uint64_t most) {
    const costs *c = costs_of(context);
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_window *w = &conv->window;
    const uint64_t threads = context->threads.count, tile = context->kernels->tile_pixels;
    const uint64_t pixels = rnm_output_pixels(w);
    const uint64_t fewest = rnm_divide_up(pixels, most);
    const double rows = (double)child->ci * child->taps;
    const double made = c->expand[child->transform] + c->weights_row;
    double best = 1e300;
    for (uint64_t stretches = fewest; stretches < fewest + threads; ++stretches) {
        const uint64_t stretch = rnm_divide_up(rnm_divide_up(pixels, stretches), tile) * tile;
        const uint64_t items = rnm_divide_up(pixels, stretch) * weight->panel_count;
        const double item = ITEM_TIME + rows * (made + c->direct_row * (double)stretch);
        const double time =
            (items > 1 ? DISPATCH_TIME : 0.0) + (double)rnm_divide_up(items, threads) * item;
        if (time < best) {
            best = time;
            conv->stretch = (uint32_t)(stretch < pixels ? stretch : pixels);
        }
    }
}

/* Whether weights are made in the registers that multiply them. */
static bool makes_on_the_way(const rnm_context *context, const rnm_conv_step *conv,
                             const rnm_child *child) {
    return rnm_is_few(context, conv) &&
           (child->transform == RNM_TRANSFORM_LINEAR || child->transform == RNM_TRANSFORM_F);
}

/* But for the expansion. */
static double direct_time(const rnm_context *context, const rnm_conv_step *conv) {
    const costs *c = costs_of(context);
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_window *w = &conv->window;
    const double pixels = (double)rnm_output_pixels(w);
    const double rows = (double)child->ci * child->taps * (double)weight->panel_count;
    if (rnm_can_pack(context, conv)) {
        const double lanes = child->co < RNM_PANEL ? (double)child->co / RNM_PANEL : 1.0;
        return ((double)child->ci * child->taps * PACK_TIME +
                rows * gemm_time(c, RNM_TILE_PIXELS) / RNM_TILE_PIXELS * lanes) *
               pixels;
    }
    return rows * (c->weights_row + c->direct_row * pixels);
}

static double direct_expand_time(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const double rows = (double)child->ci * child->taps * (double)weight->panel_count;
    return rnm_can_pack(context, conv) || makes_on_the_way(context, conv, child)
               ? 0.0
               : rows * costs_of(context)->expand[child->transform];
}

bool rnm_conv_takes_form(const rnm_context *context, const rnm_conv_step *conv, unsigned form) {
    const int64_t kernel = forms[form].kernel, stride = forms[form].stride;
    const rnm_window *w = &conv->window;
    const rnm_weight *weight = &context->weights[conv->weight];
    /* Pads of a leading axis make outputs, or read zeros, that Winograd knows nothing of. */
    bool flat = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    bool square = flat && w->kernel[1] == kernel && w->kernel[2] == kernel &&
                  w->strides[1] == stride && w->strides[2] == stride && w->dilations[1] == 1 &&
                  w->dilations[2] == 1;
    return square && !conv->depthwise && weight->group_panels == weight->panel_count &&
           context->winograd;
}

double rnm_mix_time(const rnm_context *context, const rnm_window *window,
                    const rnm_mixture *mixture) {
    const costs *c = costs_of(context);
    const double rows = (double)mixture->rows * mixture->count;
    const double pixels = (double)(window->batch / mixture->rows) *
                          (double)(window->in[0] * window->in[1] * window->in[2]);
    const uint64_t pi = (uint64_t)window->in_channels / mixture->count;
    return pixels * (double)rnm_divide_up(pi, RNM_PANEL) *
           (mixture->columns * gemm_time(c, rows) + 2.0 * rows * c->sum);
}

rnm_conv_algorithm rnm_choose_algorithm(const rnm_planner *planner, const rnm_conv_step *conv,
                                        unsigned *best_form, double *time) {
    const rnm_context *context = planner->context;
    const rnm_weight *weight = &context->weights[conv->weight];
    double best = direct_time(context, conv) + direct_expand_time(context, conv);
    rnm_conv_algorithm algorithm = RNM_CONV_DIRECT;
    for (unsigned form = 0; form < RNM_WINOGRADS; ++form) {
        rnm_conv_step candidate = *conv;
        if (!rnm_conv_takes_form(context, conv, form)) {
            continue;
        }
        candidate.form = form;
        /* One thread's time for any number of them: another algorithm has other roundings. */
        const double taken = cut(costs_of(context), weight, 1, &candidate);
        if (taken < best) {
            best = taken;
            algorithm = RNM_CONV_WINOGRAD;
            *best_form = form;
        }
    }
    if (costs_of(context)->tables.counted && rnm_can_table(context, conv)) {
        rnm_conv_step candidate = *conv;
        const double taken = deal(context, 1, &candidate);
        if (taken < best) {
            best = taken;
            algorithm = RNM_CONV_TABLES;
        }
    }
    if (time != NULL) {
        *time = best;
    }
    return algorithm;
}

/* ---- what plans of memory are made from ------------------------------------------------------ */

/* In units of two operations on vectors of 16 lanes. */

double rnm_expand_work(const rnm_context *context, unsigned transform) {
    return costs_of(context)->expand[transform] / costs_of(context)->row;
}

/* But for the expansion. */
static double winograd_work(const costs *c, const rnm_window *w, const rnm_child *child,
                            unsigned form) {
    const double tiles = (double)tiles_of(w, form);
    const double panels = (double)rnm_divide_up(child->co, RNM_PANEL);
    const bool few = c->forms[form].few > 0 && tiles_of(w, form) == RNM_FEW_TILES;
    const double multiplied =
        few ? c->forms[form].few : c->forms[form].weights + points_of(form) * gemm_time(c, tiles);
    return (multiplied +
            tiles * (c->forms[form].input / panels + c->forms[form].output / child->ci)) /
           c->row;
}

double rnm_conv_work(const rnm_context *context, const rnm_conv_step *conv,
                     rnm_conv_algorithm algorithm, unsigned form) {
    const costs *c = costs_of(context);
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_window *w = &conv->window;
    if (algorithm == RNM_CONV_TABLES) {
        rnm_conv_step candidate = *conv;
        return deal(context, 1, &candidate) / (c->row * child->ci * weight->panel_count);
    }
    if (algorithm == RNM_CONV_TRANSPOSED) {
        return (double)child->taps * (double)(w->batch * w->in[0] * w->in[1] * w->in[2]);
    }
    const double all = c->row * child->ci * weight->panel_count;
    const double mixed =
        conv->mixture != NULL ? rnm_mix_time(context, w, conv->mixture) / all : 0.0;
    return mixed + (algorithm == RNM_CONV_WINOGRAD ? winograd_work(c, w, child, form)
                                                   : direct_time(context, conv) / all);
}
