/* SPDX-License-Identifier: Apache-2.0
 *
 * The algorithms of weighted layers on our own kernels, and what they have in common.
 */
#ifndef RNM_CONV_H
#define RNM_CONV_H

#include "op.h"

/* Panels between U's points, and between V's, are kept off the same L1 sets by so many floats. */
#define RNM_WINOGRAD_U_PAD 48

static inline uint64_t rnm_divide_up(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

static inline uint64_t rnm_output_pixels(const rnm_window *w) {
    return (uint64_t)(w->batch * w->out[0] * w->out[1] * w->out[2]);
}

/* What a run of a layer needs, whatever the algorithm. */
typedef struct rnm_conv_job {
    rnm_context *context;
    const rnm_conv_step *conv;
    const rnm_weight *weight;
    const float *x, *residual;
    float *y;
} rnm_conv_job;

/* What a run of a step needs, its weight prepared as the mode has it. */
rnm_conv_job rnm_conv_begin(rnm_context *context, const rnm_step *step);

/* The epilogue of a panel, but for residual and out. */
rnm_epilogue rnm_conv_epilogue(const rnm_conv_job *job, rnm_panel panel);

/* Finishes a panel's sums of pixels [pixel, pixel + pixels): for the panel's outputs, and for those
 * that repeat them where the weight is a linear child's parent alone; where it is a mixture's, for
 * the outputs and pixels of the row of blocks that the image stands for. */
void rnm_conv_finish(const rnm_conv_job *job, rnm_panel panel, uint64_t pixel, unsigned pixels,
                     float (*sums)[RNM_PANEL]);

/* Where the step's weight is a linear child's parent alone and inputs are repeated: makes the
 * window that of the parent, with room for summed inputs; and sums them, which are the job's from
 * then on. Nothing elsewhere. */
void rnm_plan_repeats(rnm_planner *planner, rnm_conv_step *conv);
void rnm_sum_repeats(rnm_conv_job *job);

/* Where the step's weight, which no other step has, is a mixture of few blocks and runs faster so:
 * makes window and weight those of the mixture, with room for mixed inputs; and mixes them, which
 * are the job's from then on. Nothing elsewhere. RNM_ERR_MEMORY. */
rnm_status rnm_plan_mixture(rnm_planner *planner, rnm_conv_step *conv, rnm_error *err);
void rnm_mix_inputs(rnm_conv_job *job);

/* The time that a mixture's inputs take to be mixed into those of the window. */
double rnm_mix_time(const rnm_context *context, const rnm_window *window,
                    const struct rnm_mixture *mixture);

/* Decide on sizes, ask for workspace; the step's window, weight and activation are set, the form
 * too, and block_inputs where it is not for them to decide. */
void rnm_plan_direct(rnm_planner *planner, rnm_conv_step *conv);
void rnm_plan_packed(rnm_planner *planner, rnm_conv_step *conv);
void rnm_plan_few(rnm_planner *planner, rnm_conv_step *conv);
void rnm_plan_winograd(rnm_planner *planner, rnm_conv_step *conv);
void rnm_plan_by_tables(rnm_planner *planner, rnm_conv_step *conv);

/* Inputs that a block of Winograd has at most, unless it is told. */
#define RNM_WINOGRAD_INPUTS 128

/* Whether an item of so many panels goes through its inputs a block at a time, all panels at each,
 * and not the other way round: where it has so few panels that their sums, and a block of
 * transformed inputs, take about half the room or less that those of all inputs would. */
static inline bool rnm_winograd_by_inputs(const rnm_child *child, uint64_t panels) {
    return 2 * (RNM_WINOGRAD_INPUTS + panels * RNM_PANEL) <= child->ci + RNM_PANEL;
}

/* Sets how a run by the step's form of Winograd is cut into items: its tile, stretch and shares,
 * and block_inputs where it is 0. */
void rnm_cut_winograd(const rnm_context *context, rnm_conv_step *conv);

/* Sets how a run by tables is cut into items: lanes and shares. */
void rnm_cut_tables(const rnm_context *context, rnm_conv_step *conv);

/* Sets how many pixels an item of a direct run has: at most so many, or a tile. */
void rnm_cut_direct(const rnm_context *context, rnm_conv_step *conv, uint64_t most);

/* Whether the layer has so few channels that packing their taps pays. */
bool rnm_can_pack(const rnm_context *context, const rnm_conv_step *conv);

/* Whether it is an f layer whose inputs repeat often enough for tables, and the context allows
 * them; how many places an item has, with the step's lanes, and how many items a run, but for
 * shares. */
bool rnm_can_table(const rnm_context *context, const rnm_conv_step *conv);
uint64_t rnm_table_places(const rnm_context *context, const rnm_conv_step *conv);
uint64_t rnm_table_items(const rnm_conv_step *conv);

/* Whether it has so few pixels that weights are read where they lie. */
bool rnm_is_few(const rnm_context *context, const rnm_conv_step *conv);

/* Addresses of the taps of outputs [pixel, pixel + pixels), in tiles of so many pixels:
 * rows[pixel / tile][tap][RNM_TILE_PIXELS], of channel 0, or of zeros where a tap is out of the
 * map. */
void rnm_fill_rows(const rnm_conv_job *job, uint64_t pixel, unsigned pixels, unsigned tile,
                   const float **rows);

/* The algorithm that should be the fastest: direct, tables, or winograd with *form set; *time,
 * unless NULL, is what it takes one thread, as rnm_mix_time has it. */
rnm_conv_algorithm rnm_choose_algorithm(const rnm_planner *planner, const rnm_conv_step *conv,
                                        unsigned *form, double *time);

/* Whether the layer can run by that form of Winograd, and the context allows it. */
bool rnm_conv_takes_form(const rnm_context *context, const rnm_conv_step *conv, unsigned form);

/* What an algorithm has to do for one panel and one input, but for the expansion of its weights;
 * and for the expansion of one row of a panel: in units of two operations on vectors of 16 lanes.
 */
double rnm_conv_work(const rnm_context *context, const rnm_conv_step *conv,
                     rnm_conv_algorithm algorithm, unsigned form);
double rnm_expand_work(const rnm_context *context, unsigned transform);

/* How many times a run goes through the layer's weights. */
uint64_t rnm_conv_passes(const rnm_conv_step *conv); /* not by tables */
uint64_t rnm_direct_passes(const rnm_conv_step *conv);
uint64_t rnm_packed_passes(const rnm_conv_step *conv);
uint64_t rnm_winograd_passes(const rnm_conv_step *conv);
uint64_t rnm_transposed_passes(const rnm_conv_step *conv);

void rnm_run_direct(rnm_conv_job *job);
void rnm_run_packed(rnm_conv_job *job);
void rnm_run_few(rnm_conv_job *job);
void rnm_run_winograd(rnm_conv_job *job);
void rnm_run_tables(rnm_conv_job *job);

/* Sizes and workspace of ConvTranspose, whose weight is `child`, expanded in scratch a block at a
 * time where `expands`. */
void rnm_plan_transposed(rnm_planner *planner, rnm_conv_step *conv, const rnm_child *child,
                         bool expands);
void rnm_run_transposed(rnm_conv_job *job);

#endif
