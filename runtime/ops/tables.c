/* SPDX-License-Identifier: Apache-2.0
 *
 * f layers whose inputs repeat, without their weights. Child element [o][i] is the parent's
 * [o mod Po][i mod Pi] with a sign of its own (FORMAT.md section 5), so the inputs i, i + Pi,
 * i + 2 Pi, ... meet one element of the parent for each output and tap: their signed sum is looked
 * up in a table of all signed sums, by a code that is the mask's bits, and multiplied once. Four
 * inputs share a table, so that there is a quarter of the multiplications, of any kernel size and
 * stride.
 *
 * The lanes of a vector are pixels, each of which has a part of the map for itself (rnm_lanes): a
 * place is a pixel of every part, and a tap leads from a place to another without a shift of lanes.
 * An item is a strip of rows and some columns of all parts, by a group of panels. It goes through
 * the parent's inputs a slice at a time: turns their pixels into vectors, and for each of them
 * makes the tables of all places and looks up what its panels need.
 */
#include "conv.h"

#include "expand/codes.h"

enum {
    SLICE = 8,          /* the parent's inputs whose codes and vectors are made at a time */
    FEWEST_REPEATS = 3, /* of inputs: two make a table of two, where Winograd is as good */
    MOST_TAPS = 49,
    MOST_STEP = 4, /* stride or dilation */
};

/* An axis of an item's places: pixels of the input, of each remainder by the stride apart, so that
 * outputs that are neighbours are at neighbouring places for each tap. */
typedef struct axis {
    uint32_t stride, dilation;
    uint32_t phases, length;
} axis;

static axis axis_of(const rnm_window *w, int k, uint32_t outputs) {
    axis a = {.stride = (uint32_t)w->strides[k], .dilation = (uint32_t)w->dilations[k]};
    const uint32_t reach = (uint32_t)(w->kernel[k] - 1) * a.dilation;
    for (uint32_t tap = 0; tap <= reach; tap += a.dilation) {
        a.phases = tap % a.stride + 1 > a.phases ? tap % a.stride + 1 : a.phases;
    }
    a.length = outputs + reach / a.stride;
    return a;
}

/* Where the tap leads from an output's own place. */
static uint32_t place_of_tap(const axis *a, uint32_t tap) {
    const uint32_t at = tap * a->dilation;
    return at % a->stride * a->length + at / a->stride;
}

/* The pixel that a place is, from the input of the first output's first tap on. */
static uint32_t pixel_of_place(const axis *a, uint32_t place) {
    return place % a->length * a->stride + place / a->length;
}

static uint32_t axis_places(const axis *a) {
    return a->phases * a->length;
}

bool rnm_can_table(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_window *w = &conv->window;
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const bool flat = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    const bool small = child->taps <= MOST_TAPS && w->strides[1] <= MOST_STEP &&
                       w->strides[2] <= MOST_STEP && w->dilations[1] <= MOST_STEP &&
                       w->dilations[2] <= MOST_STEP;
    return flat && small && child->transform == RNM_TRANSFORM_F && child->zero_plane == NULL &&
           child->zero_count == 0 && (uint64_t)child->pi * FEWEST_REPEATS <= child->ci &&
           !conv->depthwise && weight->group_panels == weight->panel_count && context->winograd;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

/* What an item's scratch holds, one after the other, in floats. */
typedef struct sizes {
    size_t places, addresses, inputs, tables, codes, weights, rows, sums, pixels;
} sizes;

static size_t whole_lines(size_t floats) {
    return (floats + 15) / 16 * 16;
}

static uint32_t panels_of_item(const rnm_conv_step *conv, const rnm_weight *weight) {
    return (uint32_t)rnm_divide_up(weight->panel_count, conv->shares);
}

static sizes sizes_of(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const rnm_lanes *l = &conv->lanes;
    const axis down = axis_of(&conv->window, 1, l->strip);
    const axis across = axis_of(&conv->window, 2, l->places);
    const size_t lanes = context->kernels->lanes, panels = panels_of_item(conv, weight);
    const size_t slice_rows = (size_t)SLICE * child->taps;
    sizes s = {.places = (size_t)axis_places(&down) * axis_places(&across)};
    s.addresses = whole_lines(s.places * lanes * sizeof(float *) / sizeof(float));
    s.inputs = whole_lines(s.places * lanes * RNM_CODE_INPUTS * SLICE);
    s.tables = whole_lines(2 * s.places * lanes * RNM_TABLE_ENTRIES);
    s.codes = whole_lines(panels * RNM_CODE_INPUTS * slice_rows);
    s.weights = whole_lines(2 * slice_rows * child->po);
    s.rows = whole_lines(slice_rows * RNM_PANEL);
    s.sums = whole_lines(panels * RNM_PANEL * l->strip * l->places * lanes);
    s.pixels = whole_lines(RNM_PANEL * l->places * lanes);
    return s;
}

uint64_t rnm_table_places(const rnm_context *context, const rnm_conv_step *conv) {
    return sizes_of(context, conv).places;
}

RNM_PLANS void rnm_plan_by_tables(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_context *context = planner->context;
    rnm_cut_tables(context, conv);
    conv->block_inputs = 0;
    const sizes s = sizes_of(context, conv);
    rnm_plan_workspace(planner,
                       (uint64_t)sizeof(float) * (s.addresses + s.inputs + s.tables + s.codes +
                                                  s.weights + s.rows + s.sums + s.pixels),
                       0, (uint64_t)conv->window.in_channels * sizeof(float));
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* One item's place and scratch. */
typedef struct block {
    sizes sizes;
    axis down, across;
    uint32_t first_panel, end_panel;
    int64_t image, row, column; /* the first ones, of each part */
    const float **addresses;    /* [place][lane] */
    float *inputs;              /* [repeat][place][slice's input][lane] */
    float *tables;              /* [group][place][entry][lane] */
    uint32_t *codes;            /* [panel][RNM_CODE_INPUTS][slice's input][tap] */
    float (*weights)[2];        /* [slice's input][tap][po] */
    float *rows;                /* of the parent, [slice's input][tap][RNM_PANEL] */
    float *sums;                /* [row of the strip][panel][RNM_PANEL][place][lane] */
    float *pixels;              /* [lane][place][RNM_PANEL] */
} block;

/* Some of the parent's inputs, and RNM_CODE_INPUTS of their repeats. */
typedef struct slice {
    uint32_t first, inputs, repeat;
} slice;

/* The first output pixel of a lane's part of the map. */
static int64_t part_row(const rnm_conv_step *conv, unsigned lane) {
    return (int64_t)(lane / conv->lanes.across) * conv->lanes.rows;
}

static int64_t part_column(const rnm_conv_step *conv, unsigned lane) {
    return (int64_t)(lane % conv->lanes.across) * conv->lanes.columns;
}

static void fill_addresses(const rnm_conv_job *job, const block *b) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const unsigned lanes = job->context->kernels->lanes;
    const float *zeros = (const float *)(const void *)job->context->workspace;
    const float *image = job->x + b->image * w->in[1] * w->in[2] * w->in_channels;
    const uint32_t width = axis_places(&b->across);
    for (unsigned lane = 0; lane < lanes; ++lane) {
        const int64_t top = (part_row(conv, lane) + b->row) * w->strides[1] - w->pads[1];
        const int64_t left = (part_column(conv, lane) + b->column) * w->strides[2] - w->pads[2];
        for (uint32_t p = 0; p < b->sizes.places; ++p) {
            const int64_t y = top + pixel_of_place(&b->down, p / width);
            const int64_t x = left + pixel_of_place(&b->across, p % width);
            const bool inside = y >= 0 && y < w->in[1] && x >= 0 && x < w->in[2];
            b->addresses[p * lanes + lane] =
                inside ? image + (y * w->in[2] + x) * w->in_channels : zeros;
        }
    }
}

/* How many of the slice's inputs there are in a repeat: the last one may be cut short. */
static uint32_t inputs_there(const rnm_child *child, slice s, uint32_t repeat) {
    const uint64_t first = (uint64_t)(s.repeat + repeat) * child->pi + s.first;
    const uint64_t left = first < child->ci ? child->ci - first : 0;
    return left < s.inputs ? (uint32_t)left : s.inputs;
}

static void turn_inputs(const rnm_conv_job *job, const block *b, slice s) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const size_t lanes = kernels->lanes;
    float *to = b->inputs;
    for (uint32_t r = 0; r < RNM_CODE_INPUTS; ++r) {
        const uint32_t there = inputs_there(child, s, r);
        const size_t channel = (size_t)(s.repeat + r) * child->pi + s.first;
        for (size_t p = 0; p < b->sizes.places; ++p, to += SLICE * lanes) {
            if (there > 0) {
                kernels->transpose(b->addresses + p * lanes, channel, there, to, lanes);
            }
        }
    }
}

static void make_codes(const rnm_conv_job *job, const block *b, slice s) {
    const rnm_child *child = &job->weight->child;
    uint32_t *codes = b->codes;
    for (uint32_t k = b->first_panel; k < b->end_panel; ++k) {
        rnm_panel panel = rnm_weight_panel(job->weight, k);
        panel.input = s.first;
        panel.inputs = s.inputs;
        rnm_make_codes(job->context->kernels, child, panel, s.repeat, codes);
        codes += (size_t)RNM_CODE_INPUTS * s.inputs * child->taps;
    }
}

/* The parent's elements of the slice, each and its opposite. */
static void copy_weights(const rnm_conv_job *job, const block *b, slice s) {
    const rnm_child *child = &job->weight->child;
    const size_t taps = child->taps;
    for (uint32_t first = 0; first < child->po; first += RNM_PANEL) {
        const uint32_t rest = child->po - first;
        const rnm_panel panel = {.output = first,
                                 .lanes = rest < RNM_PANEL ? rest : RNM_PANEL,
                                 .input = s.first,
                                 .inputs = s.inputs};
        rnm_expand_linear(job->context->kernels, child, panel, b->rows);
        for (size_t r = 0; r < s.inputs * taps; ++r) {
            float(*to)[2] = b->weights + r * child->po + first;
            for (size_t l = 0; l < panel.lanes; ++l) {
                to[l][0] = b->rows[r * RNM_PANEL + l];
                to[l][1] = -b->rows[r * RNM_PANEL + l];
            }
        }
    }
}

/* Tables of one input of the slice; says how many groups of repeats there are. */
static unsigned make_tables(const rnm_conv_job *job, const block *b, slice s, uint32_t input) {
    const rnm_kernels *kernels = job->context->kernels;
    const size_t lanes = kernels->lanes, step = SLICE * lanes;
    unsigned groups = 0;
    for (uint32_t first = 0; first < RNM_CODE_INPUTS; first += RNM_TABLE_INPUTS) {
        rnm_table_inputs in = {.x = {NULL}};
        bool any = false;
        for (uint32_t k = 0; k < RNM_TABLE_INPUTS; ++k) {
            const bool there = input < inputs_there(&job->weight->child, s, first + k);
            in.x[k] = there ? b->inputs + (first + k) * b->sizes.places * step + input * lanes
                            : (const float *)(const void *)job->context->workspace;
            in.step[k] = there ? step : 0;
            any = any || there;
        }
        if (any) {
            kernels->make_tables(&in, b->sizes.places,
                                 b->tables + groups++ * (b->sizes.tables / 2));
        }
    }
    return groups;
}

static void look_up_input(const rnm_conv_job *job, const block *b, slice s, uint32_t input,
                          const uint32_t *places_of, unsigned groups) {
    const rnm_conv_step *conv = job->conv;
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const size_t rows = (size_t)s.inputs * child->taps;
    const size_t panel_sums = (size_t)RNM_PANEL * conv->lanes.places * kernels->lanes;
    const size_t row_tables = (size_t)axis_places(&b->across) * RNM_TABLE_ENTRIES * kernels->lanes;
    rnm_look_up l = {.second = groups > 1 ? b->sizes.tables / 2 : 0,
                     .places_of = places_of,
                     .codes_step = rows * sizeof(uint32_t),
                     .taps = child->taps,
                     .weights =
                         (const float(*)[2])b->weights + (size_t)input * child->po * child->taps,
                     .period = child->po,
                     .places = conv->lanes.places,
                     .accumulate = s.first + s.repeat + input > 0,
                     .sums = b->sums};
    for (uint32_t row = 0; row < conv->lanes.strip; ++row) {
        l.tables = b->tables + row * row_tables;
        const uint32_t *codes = b->codes + (size_t)input * child->taps;
        for (uint32_t k = b->first_panel; k < b->end_panel; ++k) {
            const rnm_panel panel = rnm_weight_panel(job->weight, k);
            l.first = panel.output % child->po;
            l.lanes = panel.lanes;
            l.codes = (const uint8_t *)codes;
            kernels->look_up(&l);
            l.sums += panel_sums;
            codes += RNM_CODE_INPUTS * rows;
        }
    }
}

static void do_slice(const rnm_conv_job *job, const block *b, slice s, const uint32_t *places_of) {
    turn_inputs(job, b, s);
    make_codes(job, b, s);
    for (uint32_t input = 0; input < s.inputs; ++input) {
        const unsigned groups = make_tables(job, b, s, input);
        if (groups > 0) {
            look_up_input(job, b, s, input, places_of, groups);
        }
    }
}

/* A panel's sums of one row of the strip: pixels of every part. */
static void finish_row(const rnm_conv_job *job, const block *b, rnm_panel panel, uint32_t row,
                       const float *sums) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const rnm_kernels *kernels = job->context->kernels;
    const size_t lanes = kernels->lanes, places = conv->lanes.places;
    for (size_t output = 0; output < RNM_PANEL; output += lanes) {
        const float *rows[RNM_PANEL];
        for (size_t k = 0; k < lanes; ++k) {
            rows[k] = sums + (output + k) * places * lanes;
        }
        for (size_t p = 0; p < places; ++p) {
            kernels->transpose(rows, p * lanes, lanes, b->pixels + p * RNM_PANEL + output,
                               places * RNM_PANEL);
        }
    }
    for (unsigned lane = 0; lane < lanes; ++lane) {
        const int64_t y = part_row(conv, lane) + b->row + row;
        const int64_t x = part_column(conv, lane) + b->column;
        int64_t count = conv->lanes.columns - b->column;
        count = count < (int64_t)places ? count : (int64_t)places;
        count = count < w->out[2] - x ? count : w->out[2] - x;
        if (b->row + row < conv->lanes.rows && y < w->out[1] && count > 0) {
            const int64_t pixel = (b->image * w->out[1] + y) * w->out[2] + x;
            rnm_conv_finish(job, panel, (uint64_t)pixel, (unsigned)count,
                            (float(*)[RNM_PANEL])(b->pixels + lane * places * RNM_PANEL));
        }
    }
}

static void take_scratch(block *b, float *scratch) {
    const sizes *s = &b->sizes;
    b->addresses = (const float **)(void *)scratch;
    b->inputs = scratch + s->addresses;
    b->tables = b->inputs + s->inputs;
    b->codes = (uint32_t *)(void *)(b->tables + s->tables);
    b->weights = (float(*)[2])(void *)(b->tables + s->tables + s->codes);
    b->rows = b->tables + s->tables + s->codes + s->weights;
    b->sums = b->rows + s->rows;
    b->pixels = b->sums + s->sums;
}

/* By tap: where the table of the first output's place begins. */
static void fill_places(const rnm_conv_job *job, const block *b, uint32_t *places_of) {
    const rnm_window *w = &job->conv->window;
    const uint32_t floats = RNM_TABLE_ENTRIES * job->context->kernels->lanes;
    for (uint32_t k1 = 0; k1 < w->kernel[1]; ++k1) {
        for (uint32_t k2 = 0; k2 < w->kernel[2]; ++k2) {
            *places_of++ = (place_of_tap(&b->down, k1) * axis_places(&b->across) +
                            place_of_tap(&b->across, k2)) *
                           floats;
        }
    }
}

static void table_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_weight *weight = job->weight;
    const rnm_child *child = &weight->child;
    const uint32_t each = panels_of_item(conv, weight);
    const uint64_t columns = rnm_divide_up(conv->lanes.columns, conv->lanes.places);
    const uint64_t strips = rnm_divide_up(conv->lanes.rows, conv->lanes.strip);
    block b = {.sizes = sizes_of(job->context, conv),
               .down = axis_of(&conv->window, 1, conv->lanes.strip),
               .across = axis_of(&conv->window, 2, conv->lanes.places),
               .first_panel = (uint32_t)(item % conv->shares) * each};
    item /= conv->shares;
    b.end_panel =
        b.first_panel + each < weight->panel_count ? b.first_panel + each : weight->panel_count;
    b.column = (int64_t)(item % columns) * conv->lanes.places;
    b.row = (int64_t)(item / columns % strips) * conv->lanes.strip;
    b.image = (int64_t)(item / columns / strips);
    take_scratch(&b, (float *)(void *)rnm_worker_scratch(job->context, worker));
    uint32_t places_of[MOST_TAPS];
    fill_places(job, &b, places_of);
    fill_addresses(job, &b);
    for (uint32_t first = 0; first < child->pi; first += SLICE) {
        slice s = {.first = first};
        s.inputs = child->pi - first < SLICE ? child->pi - first : SLICE;
        copy_weights(job, &b, s);
        for (; (uint64_t)s.repeat * child->pi < child->ci; s.repeat += RNM_CODE_INPUTS) {
            do_slice(job, &b, s, places_of);
        }
    }
    const float *sums = b.sums;
    for (uint32_t row = 0; row < conv->lanes.strip; ++row) {
        for (uint32_t k = b.first_panel; k < b.end_panel; ++k) {
            finish_row(job, &b, rnm_weight_panel(weight, k), row, sums);
            sums += (size_t)RNM_PANEL * conv->lanes.places * job->context->kernels->lanes;
        }
    }
}

uint64_t rnm_table_items(const rnm_conv_step *conv) {
    return (uint64_t)conv->window.batch * rnm_divide_up(conv->lanes.rows, conv->lanes.strip) *
           rnm_divide_up(conv->lanes.columns, conv->lanes.places);
}

void rnm_run_tables(rnm_conv_job *job) {
    rnm_threads_run(&job->context->threads, table_item, job,
                    rnm_table_items(job->conv) * job->conv->shares);
}
