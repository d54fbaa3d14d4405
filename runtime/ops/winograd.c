/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd convolution, 3x3 with strides of 1 and 2, 5x5 with stride 1. An item is a block of tiles
 * by a group of panels, and needs nothing of other items: it transforms its tiles' inputs into V
 * [block of inputs][points][tiles][inputs]; then for each panel, for each block of inputs, for each
 * group of points, expands the weights transformed into U [points][inputs][RNM_PANEL] and
 * multiplies into M [points][tiles][RNM_PANEL]; at last transforms M back and finishes. With few
 * panels and many inputs it has M of all panels and goes through the inputs first, so that V is one
 * span of blocks. A layer is one phase either way, and what a worker writes it reads itself.
 * Transformed weights exist a block at a time only, whatever the mode.
 */
#include "places.h"

#include "expand/mask.h"
#include "expand/rows.h"

static const rnm_winograd *form_of(const rnm_context *context, const rnm_conv_step *conv) {
    return &context->kernels->winograd[conv->form];
}

static size_t points_of(const rnm_winograd *form) {
    return (size_t)form->side * form->side;
}

/* Points of U: those of one group. */
static size_t group_points(const rnm_winograd *form) {
    return 2 * (size_t)form->weight_side;
}

/* Inputs of a block of V: whole vectors of every instruction set. */
static size_t padded_inputs(const rnm_conv_step *conv) {
    return ((size_t)conv->block_inputs + 15) / 16 * 16;
}

/* Floats from a point to the next. */
static size_t v_stride(const rnm_conv_step *conv) {
    return conv->stretch * padded_inputs(conv) + RNM_WINOGRAD_V_PAD;
}

/* Of so many inputs. */
static size_t v_floats(const rnm_context *context, const rnm_conv_step *conv, size_t inputs) {
    return rnm_divide_up(inputs, conv->block_inputs) * points_of(form_of(context, conv)) *
           v_stride(conv);
}

static size_t u_stride(const rnm_conv_step *conv) {
    return (size_t)conv->block_inputs * RNM_PANEL + RNM_WINOGRAD_U_PAD;
}

/* Rows of M between points: odd, for the same reason as the pads. */
static size_t m_rows(const rnm_conv_step *conv) {
    return conv->stretch | 1u;
}

enum { SPAN_PIECES = RNM_BLOCK_MOST / RNM_PIECE };

/* Panels of few tiles that go through the same rows of the parent together; and the sums of one. */
enum { FEW_PANELS = 2 };
typedef float few_sums[RNM_WINOGRAD_POINTS * RNM_FEW_TILES_ROWS][RNM_PANEL];

static int64_t tiles_along(const rnm_conv_step *conv, int axis) {
    return (conv->window.out[axis] + conv->tile - 1) / conv->tile;
}

static int64_t all_tiles(const rnm_conv_step *conv) {
    return conv->window.batch * tiles_along(conv, 1) * tiles_along(conv, 2);
}

/* Inputs whose blocks a group of points goes through before the next one does, so that its sums
 * stay in cache; or, more dearly bought, the rows of a large parent. */
static uint32_t span_inputs(const rnm_conv_step *conv, uint32_t repeats) {
    enum { SPAN = 64 };
    const uint32_t block = conv->block_inputs;
    return block < SPAN && repeats == 1 ? SPAN / block * block : block;
}

/* Rows of a span of kernels that is expanded beforehand. */
static size_t span_floats(const rnm_conv_step *conv, const rnm_child *child) {
    return span_inputs(conv, rnm_gathered_repeats(child)) * (size_t)child->taps * RNM_PANEL;
}

/* Of a panel. */
static size_t m_floats(const rnm_conv_step *conv, const rnm_winograd *form) {
    return points_of(form) * m_rows(conv) * RNM_PANEL;
}

static uint32_t panels_of_item(const rnm_conv_step *conv, const rnm_weight *weight) {
    return (uint32_t)rnm_divide_up(weight->panel_count, conv->shares);
}

/* An item's scratch, in floats. */
typedef struct scratch_plan {
    bool by_inputs;
    size_t v, u, m, expanded;
} scratch_plan;

static scratch_plan plan_scratch(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_winograd *form = form_of(context, conv);
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    const uint32_t panels = panels_of_item(conv, weight);
    const size_t few = FEW_PANELS * sizeof(few_sums) / sizeof(float);
    scratch_plan plan = {.by_inputs = conv->stretch != RNM_FEW_TILES &&
                                      rnm_winograd_by_inputs(child, panels),
                         .u = group_points(form) * u_stride(conv),
                         .m = m_floats(conv, form),
                         .expanded = span_floats(conv, child)};
    plan.v = v_floats(context, conv, child->ci);
    if (plan.by_inputs) {
        plan.v = v_floats(context, conv, span_inputs(conv, rnm_gathered_repeats(child)));
        plan.m *= panels;
    } else if (conv->stretch == RNM_FEW_TILES && plan.m < few) {
        plan.m = few;
    }
    return plan;
}

RNM_PLANS void rnm_plan_winograd(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_context *context = planner->context;
    rnm_cut_winograd(context, conv);
    const scratch_plan plan = plan_scratch(context, conv);
    rnm_plan_workspace(planner, (plan.v + plan.u + plan.m + plan.expanded) * sizeof(float), 0,
                       (uint64_t)conv->window.in_channels * sizeof(float));
}

/* Where a tile's first output pixel is. */
typedef struct tile_place {
    int64_t image, y, x;
} tile_place;

static tile_place place_of(const rnm_conv_step *conv, int64_t tile) {
    int64_t across = tiles_along(conv, 2);
    int64_t down = tiles_along(conv, 1);
    return (tile_place){.image = tile / (across * down),
                        .y = tile / across % down * conv->tile,
                        .x = tile % across * conv->tile};
}

/* One item's place and scratch. */
typedef struct block {
    int64_t first; /* tile */
    int64_t tiles;
    uint32_t repeats; /* of the parent, as rnm_gathered_repeats gives them */
    float *v, *u, *expanded;
    float (*m)[RNM_PANEL];
} block;

/* Inputs at these places, whose first one begins a block, into V. */
static void transform_tile(const rnm_conv_job *job, const block *b, int64_t tile, rnm_panel rest) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const rnm_winograd *form = form_of(job->context, conv);
    const int64_t side = form->side;
    const float *zeros = (const float *)(const void *)job->context->workspace;
    const float *pixels[RNM_WINOGRAD_POINTS];
    tile_place place = place_of(conv, b->first + tile);
    const float *image = job->x + place.image * w->in[1] * w->in[2] * w->in_channels;
    for (int64_t i = 0; i < side; ++i) {
        int64_t y = place.y * w->strides[1] + i - w->pads[1];
        for (int64_t j = 0; j < side; ++j) {
            int64_t x = place.x * w->strides[2] + j - w->pads[2];
            bool inside = y >= 0 && y < w->in[1] && x >= 0 && x < w->in[2];
            pixels[i * side + j] = inside ? image + (y * w->in[2] + x) * w->in_channels : zeros;
        }
    }
    float *v = b->v + (size_t)tile * padded_inputs(conv);
    const rnm_child *child = &job->weight->child;
    while (rest.inputs > 0) {
        const rnm_panel places = rnm_places_first(rest, conv->block_inputs);
        for (uint32_t done = 0; done < places.inputs;) {
            const rnm_panel piece =
                rnm_piece_at(child, b->repeats, rnm_places_behind(places, done));
            form->input(pixels, piece.input, piece.inputs, v + done, v_stride(conv));
            done += piece.inputs;
        }
        rest = rnm_places_behind(rest, places.inputs);
        v += points_of(form) * v_stride(conv);
    }
}

/* The kernels of a piece as rows, or NULL where they are made of the parent's rows for every group
 * of points. */
static const float *kernel_rows(const rnm_conv_job *job, rnm_panel piece, uint32_t index,
                                float *scratch) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_weight *weight = job->weight;
    if (weight->panels != NULL) {
        return rnm_weight_block(weight, kernels, index, piece.input, piece.inputs, NULL);
    }
    return rnm_expand_beforehand(kernels, &weight->child, piece, scratch);
}

/* The parent rows that are to be asked for while that piece is worked on. */
static rnm_rows_ahead ahead_of(const rnm_conv_job *job, const block *b, rnm_panel piece) {
    const rnm_child *child = &job->weight->child;
    return rnm_expand_ahead(child, rnm_piece_soon(child, b->repeats, piece));
}

/* A group's points of the weights into U; rows[k] are those of the panel's k-th RNM_PIECE inputs.
 */
static void make_u(const rnm_conv_job *job, const block *b, rnm_panel panel,
                   const float *const *rows, unsigned group) {
    const rnm_winograd *form = form_of(job->context, job->conv);
    const rnm_child *child = &job->weight->child;
    const size_t stride = u_stride(job->conv);
    for (uint32_t done = 0; done < panel.inputs;) {
        const rnm_panel piece = rnm_piece_at(child, b->repeats, rnm_places_behind(panel, done));
        float *u = b->u + done * RNM_PANEL;
        if (rows[done / RNM_PIECE] != NULL) {
            const rnm_kernel_rows there = {.src = rows[done / RNM_PIECE], .stride = RNM_PANEL};
            form->weights(&there, piece.inputs, group, u, stride);
        } else {
            rnm_expand_transformed(job->context->kernels, form, child, piece,
                                   ahead_of(job, b, piece), group, u, stride);
        }
        done += piece.inputs;
    }
}

/* Multiplies a group's points: rows of points 2 * group and on, as many as have its weights. */
static void multiply_group(const rnm_conv_job *job, const block *b, rnm_panel panel, const float *v,
                           unsigned group) {
    const rnm_conv_step *conv = job->conv;
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_winograd *form = form_of(job->context, conv);
    const unsigned side = form->side, last = form->weight_side - 1;
    const unsigned end = 2 * group + 2 > last ? side : 2 * group + 2;
    rnm_gemm gemm = {.stride = padded_inputs(conv),
                     .rows = (size_t)b->tiles,
                     .inputs = panel.inputs,
                     .lanes = panel.lanes,
                     .accumulate = panel.input > 0,
                     .x_step = v_stride(conv),
                     .weights_step = u_stride(conv),
                     .sums_step = m_rows(conv)};
    for (unsigned row = 2 * group; row < end; ++row) {
        const unsigned weights_row = (row < last ? row : last) - 2 * group;
        for (unsigned column = 0; column < side; column += (unsigned)gemm.points) {
            const unsigned weights_column = column < last ? column : last;
            const size_t point = (size_t)row * side + column;
            gemm.points = column < last ? form->weight_side : 1;
            gemm.x = v + point * gemm.x_step;
            gemm.weights =
                b->u + (weights_row * form->weight_side + weights_column) * gemm.weights_step;
            gemm.sums = b->m + point * gemm.sums_step;
            kernels->gemm(&gemm);
        }
    }
}

static void finish_tile(const rnm_conv_job *job, rnm_panel panel, int64_t tile,
                        float (*pixels)[RNM_PANEL]) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    tile_place place = place_of(conv, tile);
    int64_t rows = w->out[1] - place.y < conv->tile ? w->out[1] - place.y : conv->tile;
    int64_t columns = w->out[2] - place.x < conv->tile ? w->out[2] - place.x : conv->tile;
    for (int64_t i = 0; i < rows; ++i) {
        int64_t pixel = (place.image * w->out[1] + place.y + i) * w->out[2] + place.x;
        rnm_conv_finish(job, panel, (uint64_t)pixel, (unsigned)columns, pixels + i * conv->tile);
    }
}

/* Whether all of an item's tiles are multiplied by weights as these are made, without U. */
static bool are_few(const rnm_conv_job *job, const block *b) {
    return b->tiles == RNM_FEW_TILES && form_of(job->context, job->conv)->few != NULL &&
           job->conv->stretch == RNM_FEW_TILES && job->conv->block_inputs <= RNM_INPUT_BLOCK;
}

/* The kernels of a piece: where they are kept, or where a parent has them, and their signs where a
 * mask has them; or expanded. */
static rnm_kernel_rows few_rows(const rnm_conv_job *job, const block *b, uint32_t index,
                                rnm_panel piece) {
    const rnm_weight *weight = job->weight;
    const rnm_child *child = &weight->child;
    const bool flips = child->transform == RNM_TRANSFORM_F && !rnm_f_has_zeros(child, piece);
    const bool one_run = piece.input % child->pi + piece.inputs <= child->pi;
    rnm_kernel_rows rows = {.stride = RNM_PANEL};
    if (weight->panels != NULL || !one_run || !rnm_rows_readable(child, piece) ||
        (child->transform != RNM_TRANSFORM_LINEAR && !flips)) {
        rows.src = rnm_weight_block(weight, job->context->kernels, index, piece.input, piece.inputs,
                                    b->expanded);
        return rows;
    }
    rows.src = rnm_row_at(child, piece);
    rows.stride = child->po;
    if (flips) {
        rows.bits = rnm_mask_of_whole(child, child->mask, piece);
    }
    return rows;
}

/* One of `count` parts of these rows. */
static rnm_rows_ahead part_of(rnm_rows_ahead all, unsigned part, unsigned count) {
    const size_t first = all.rows * part / count;
    return (rnm_rows_ahead){.row = all.row != NULL ? all.row + first * all.stride : NULL,
                            .rows = all.rows * (part + 1) / count - first,
                            .stride = all.stride};
}

/* Sums of few tiles, for panels that are made of the same rows. */
static void multiply_few(const rnm_conv_job *job, const block *b, const uint32_t *panels,
                         unsigned count) {
    const rnm_conv_step *conv = job->conv;
    const rnm_winograd *form = form_of(job->context, conv);
    const rnm_weight *weight = job->weight;
    few_sums *sums = (few_sums *)(void *)b->m;
    const float *v = b->v;
    rnm_panel rest = rnm_weight_panel(weight, panels[0]);
    while (rest.inputs > 0) {
        const rnm_panel places = rnm_places_first(rest, conv->block_inputs);
        rnm_panel piece = rnm_piece_at(&weight->child, b->repeats, places);
        const rnm_rows_ahead ahead = ahead_of(job, b, piece);
        for (unsigned k = 0; k < count; ++k) {
            const rnm_panel panel = rnm_weight_panel(weight, panels[k]);
            piece.output = panel.output;
            piece.lanes = panel.lanes;
            const rnm_kernel_rows rows = few_rows(job, b, panels[k], piece);
            form->few(&rows, piece.inputs, v, rest.input > 0, sums[k], part_of(ahead, k, count));
        }
        v += points_of(form) * v_stride(conv);
        rest = rnm_places_behind(rest, piece.inputs);
    }
}

/* A span of places of V, which is `v`, for a panel. */
static void do_span(const rnm_conv_job *job, const block *b, uint32_t index, rnm_panel span,
                    const float *v) {
    const rnm_conv_step *conv = job->conv;
    const rnm_winograd *form = form_of(job->context, conv);
    const size_t row = (size_t)job->weight->child.taps * RNM_PANEL;
    const float *rows[SPAN_PIECES];
    for (uint32_t done = 0; done < span.inputs;) {
        const rnm_panel piece =
            rnm_piece_at(&job->weight->child, b->repeats, rnm_places_behind(span, done));
        const float *first = kernel_rows(job, piece, index, b->expanded + done * row);
        for (const uint32_t end = done + piece.inputs; done < end; done += RNM_PIECE) {
            rows[done / RNM_PIECE] = first;
            first = first != NULL ? first + RNM_PIECE * row : NULL;
        }
    }
    for (unsigned group = 0; group < form->weight_side / 2; ++group) {
        const float *block_v = v;
        for (uint32_t done = 0; done < span.inputs; done += conv->block_inputs) {
            const rnm_panel panel =
                rnm_places_first(rnm_places_behind(span, done), conv->block_inputs);
            make_u(job, b, panel, rows + done / RNM_PIECE, group);
            multiply_group(job, b, panel, block_v, group);
            block_v += points_of(form) * v_stride(conv);
        }
    }
}

/* Turns a panel's sums back and finishes them. */
static void finish_panel(const rnm_conv_job *job, const block *b, uint32_t index,
                         float (*m)[RNM_PANEL]) {
    const rnm_panel panel = rnm_weight_panel(job->weight, index);
    const rnm_winograd *form = form_of(job->context, job->conv);
    for (int64_t t = 0; t < b->tiles; ++t) {
        float pixels[4 * 4][RNM_PANEL] __attribute__((aligned(64)));
        form->output(m[t], m_rows(job->conv) * RNM_PANEL, panel.lanes, pixels);
        finish_tile(job, panel, b->first + t, pixels);
    }
}

static void transform_tiles(const rnm_conv_job *job, const block *b, rnm_panel places) {
    for (int64_t t = 0; t < b->tiles; ++t) {
        transform_tile(job, b, t, places);
    }
}

/* A panel, V of all inputs being there. */
static void do_panel(const rnm_conv_job *job, const block *b, uint32_t index) {
    const rnm_conv_step *conv = job->conv;
    const rnm_winograd *form = form_of(job->context, conv);
    const uint32_t step = span_inputs(conv, b->repeats);
    for (rnm_panel rest = rnm_weight_panel(job->weight, index); rest.inputs > 0;
         rest = rnm_places_behind(rest, rnm_places_first(rest, step).inputs)) {
        do_span(job, b, index, rnm_places_first(rest, step),
                b->v + rest.input / conv->block_inputs * points_of(form) * v_stride(conv));
    }
    finish_panel(job, b, index, b->m);
}

/* All of an item's panels, a span of inputs at a time. */
static void do_by_inputs(const rnm_conv_job *job, block b, uint32_t first, uint32_t end) {
    const rnm_conv_step *conv = job->conv;
    const uint32_t step = span_inputs(conv, b.repeats);
    float(*m)[RNM_PANEL] = b.m;
    const size_t rows = m_floats(conv, form_of(job->context, conv)) / RNM_PANEL;
    for (rnm_panel rest = rnm_weight_panel(job->weight, first); rest.inputs > 0;) {
        const rnm_panel places = rnm_places_first(rest, step);
        transform_tiles(job, &b, places);
        for (uint32_t k = first; k < end; ++k) {
            const rnm_panel panel = rnm_weight_panel(job->weight, k);
            rnm_panel span = places;
            span.output = panel.output;
            span.lanes = panel.lanes;
            b.m = m + (k - first) * rows;
            do_span(job, &b, k, span, b.v);
        }
        rest = rnm_places_behind(rest, places.inputs);
    }
    for (uint32_t k = first; k < end; ++k) {
        finish_panel(job, &b, k, m + (k - first) * rows);
    }
}

/* The panel of few tiles at that place and those behind it, before `end`, that are made of the same
 * rows; says how many these are. */
static uint32_t do_few_panels(const rnm_conv_job *job, const block *b, uint32_t place,
                              uint32_t end) {
    const rnm_weight *weight = job->weight;
    const uint32_t po = weight->child.po;
    uint32_t panels[FEW_PANELS] = {rnm_panel_at(weight, place)};
    unsigned count = 1;
    for (; count < FEW_PANELS && place + count < end; ++count) {
        panels[count] = rnm_panel_at(weight, place + count);
        if (rnm_weight_panel(weight, panels[count]).output % po !=
            rnm_weight_panel(weight, panels[0]).output % po) {
            break;
        }
    }
    multiply_few(job, b, panels, count);
    for (unsigned k = 0; k < count; ++k) {
        finish_panel(job, b, panels[k], ((few_sums *)(void *)b->m)[k]);
    }
    return count;
}

static void block_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const uint32_t panels = job->weight->panel_count;
    const uint32_t each = panels_of_item(conv, job->weight);
    const uint32_t first_panel = (uint32_t)(item % conv->shares) * each;
    const uint32_t end = first_panel + each < panels ? first_panel + each : panels;
    const scratch_plan plan = plan_scratch(job->context, conv);
    block b = {.first = (int64_t)(item / conv->shares) * conv->stretch};
    b.repeats = rnm_gathered_repeats(&job->weight->child);
    int64_t rest = all_tiles(conv) - b.first;
    b.tiles = rest < conv->stretch ? rest : conv->stretch;
    b.v = (float *)(void *)rnm_worker_scratch(job->context, worker);
    b.u = b.v + plan.v;
    b.m = (float(*)[RNM_PANEL])(void *)(b.u + plan.u);
    b.expanded = b.u + plan.u + plan.m;
    if (plan.by_inputs) {
        do_by_inputs(job, b, first_panel, end);
        return;
    }
    transform_tiles(job, &b, (rnm_panel){.inputs = job->weight->child.ci});
    const bool few = are_few(job, &b);
    for (uint32_t k = first_panel; k < end;) {
        if (few) {
            k += do_few_panels(job, &b, k, end);
        } else {
            do_panel(job, &b, k++);
        }
    }
}

uint64_t rnm_winograd_passes(const rnm_conv_step *conv) {
    return (uint64_t)((all_tiles(conv) + conv->stretch - 1) / conv->stretch);
}

void rnm_run_winograd(rnm_conv_job *job) {
    rnm_threads_run(&job->context->threads, block_item, job,
                    rnm_winograd_passes(job->conv) * job->conv->shares);
}
