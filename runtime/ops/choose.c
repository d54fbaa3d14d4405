/* SPDX-License-Identifier: Apache-2.0
 *
 * Which algorithm a layer takes: a count of vector operations for one panel of outputs and one
 * input channel, which is what all of them do most.
 */
#include "conv.h"

/* Vector operations to expand one row of a panel, by transform: loads, the transform, stores. */
static const double expand_cost[RNM_TRANSFORM_KNOWN] = {
    [RNM_TRANSFORM_LINEAR] = 2,
    [RNM_TRANSFORM_S] = 24,
    [RNM_TRANSFORM_F] = 4,
    [RNM_TRANSFORM_DROP] = 5,
};

/* Transforming a kernel's 9 taps into the points of tile 2 and 4, and storing them. */
static const double weight_cost[2] = {90, 240};

/* Transforming one tile of one input channel, counted in vectors of channels, and one tile of
 * sums. */
static const double input_cost[2] = {60, 200};
static const double output_cost[2] = {50, 170};

/* A multiply-add of the Winograd domain counts more than one of the direct kernel: shorter calls,
 * and operands that come from further away. */
#define WINOGRAD_DRAG 1.25

double rnm_expand_work(unsigned transform) {
    return expand_cost[transform];
}

/* But for the expansion, which is 9 rows. */
static double winograd_work(const rnm_window *w, const rnm_child *child, unsigned tile) {
    unsigned k = tile == 4;
    double points = (tile + 2) * (tile + 2);
    double tiles =
        (double)(w->batch * ((w->out[1] + tile - 1) / tile) * ((w->out[2] + tile - 1) / tile));
    double panels = (child->co + RNM_PANEL - 1) / RNM_PANEL;
    return weight_cost[k] + WINOGRAD_DRAG * 2 * points * tiles +
           tiles * input_cost[k] / 16 / panels + 2 * tiles * output_cost[k] / child->ci;
}

static double direct_work(const rnm_window *w, const rnm_child *child) {
    return 2.0 * child->taps * (double)(w->batch * w->out[0] * w->out[1] * w->out[2]);
}

double rnm_conv_work(const rnm_window *w, const rnm_child *child, rnm_conv_algorithm algorithm,
                     unsigned tile) {
    if (algorithm == RNM_CONV_TRANSPOSED) {
        return 2.0 * child->taps * (double)(w->batch * w->in[0] * w->in[1] * w->in[2]);
    }
    return algorithm == RNM_CONV_WINOGRAD ? winograd_work(w, child, tile) : direct_work(w, child);
}

bool rnm_conv_takes_winograd(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_window *w = &conv->window;
    const rnm_weight *weight = &context->weights[conv->weight];
    /* Pads of a leading axis make outputs, or read zeros, that Winograd knows nothing of. */
    bool flat = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    bool square = flat && w->kernel[1] == 3 && w->kernel[2] == 3 && w->strides[1] == 1 &&
                  w->strides[2] == 1 && w->dilations[1] == 1 && w->dilations[2] == 1;
    return square && !conv->depthwise && weight->group_panels == weight->panel_count &&
           context->winograd;
}

rnm_conv_algorithm rnm_choose_algorithm(const rnm_planner *planner, const rnm_conv_step *conv,
                                        unsigned *tile) {
    const rnm_window *w = &conv->window;
    const rnm_child *child = &planner->context->weights[conv->weight].child;
    *tile = 0;
    if (!rnm_conv_takes_winograd(planner->context, conv)) {
        return RNM_CONV_DIRECT;
    }
    /* All expand as many rows, and read them as often. */
    double best = direct_work(w, child);
    for (unsigned candidate = 2; candidate <= 4; candidate += 2) {
        double cost = winograd_work(w, child, candidate);
        if (cost < best) {
            best = cost;
            *tile = candidate;
        }
    }
    return *tile != 0 ? RNM_CONV_WINOGRAD : RNM_CONV_DIRECT;
}
