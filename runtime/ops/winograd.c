/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd convolution, 3x3 and 5x5 with stride 1. An item is a block of tiles by a group of
 * panels, and needs nothing of other items: it transforms its tiles' inputs into V [block of
 * inputs][points][tiles][inputs]; then for each panel, for each block of inputs, expands the
 * weights transformed into U [points][inputs][RNM_PANEL] and multiplies into M
 * [points][tiles][RNM_PANEL]; at last transforms M back and finishes. So a layer is one phase, and
 * what a worker writes it reads itself. Transformed weights exist a block at a time only, whatever
 * the mode.
 */
#include "conv.h"

static const rnm_winograd *form_of(const rnm_context *context, const rnm_conv_step *conv) {
    return &context->kernels->winograd[conv->form];
}

static size_t side_of(const rnm_conv_step *conv) {
    return conv->tile + (size_t)conv->window.kernel[1] - 1;
}

static size_t points_of(const rnm_conv_step *conv) {
    return side_of(conv) * side_of(conv);
}

/* Inputs of a block of V: whole vectors of every instruction set. */
static size_t padded_inputs(const rnm_conv_step *conv) {
    return ((size_t)conv->block_inputs + 15) / 16 * 16;
}

/* Floats from a point to the next. */
static size_t v_stride(const rnm_conv_step *conv) {
    return conv->stretch * padded_inputs(conv) + RNM_WINOGRAD_V_PAD;
}

static size_t v_floats(const rnm_conv_step *conv) {
    size_t blocks =
        ((size_t)conv->window.in_channels + conv->block_inputs - 1) / conv->block_inputs;
    return blocks * points_of(conv) * v_stride(conv);
}

static size_t u_stride(const rnm_conv_step *conv) {
    return (size_t)conv->block_inputs * RNM_PANEL + RNM_WINOGRAD_U_PAD;
}

/* Rows of M between points: odd, for the same reason as the pads. */
static size_t m_rows(const rnm_conv_step *conv) {
    return conv->stretch | 1u;
}

static int64_t tiles_along(const rnm_conv_step *conv, int axis) {
    return (conv->window.out[axis] + conv->tile - 1) / conv->tile;
}

static int64_t all_tiles(const rnm_conv_step *conv) {
    return conv->window.batch * tiles_along(conv, 1) * tiles_along(conv, 2);
}

void rnm_plan_winograd(rnm_planner *planner, rnm_conv_step *conv) {
    rnm_cut_winograd(planner->context, conv);
    uint64_t u = points_of(conv) * u_stride(conv);
    uint64_t m = points_of(conv) * m_rows(conv) * RNM_PANEL;
    uint64_t taps = (uint64_t)(conv->window.kernel[1] * conv->window.kernel[2]);
    uint64_t chunk = RNM_EXPAND_CHUNK * taps * RNM_PANEL;
    rnm_plan_workspace(planner, (v_floats(conv) + u + m + chunk) * sizeof(float), 0,
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
    float *v, *u, *chunk;
    float (*m)[RNM_PANEL];
} block;

static void transform_tile(const rnm_conv_job *job, const block *b, int64_t tile) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const rnm_winograd *form = form_of(job->context, conv);
    const int64_t side = (int64_t)side_of(conv);
    const float *zeros = (const float *)(const void *)job->context->workspace;
    const float *pixels[RNM_WINOGRAD_POINTS];
    tile_place place = place_of(conv, b->first + tile);
    const float *image = job->x + place.image * w->in[1] * w->in[2] * w->in_channels;
    for (int64_t i = 0; i < side; ++i) {
        int64_t y = place.y + i - w->pads[1];
        for (int64_t j = 0; j < side; ++j) {
            int64_t x = place.x + j - w->pads[2];
            bool inside = y >= 0 && y < w->in[1] && x >= 0 && x < w->in[2];
            pixels[i * side + j] = inside ? image + (y * w->in[2] + x) * w->in_channels : zeros;
        }
    }
    float *v = b->v + (size_t)tile * padded_inputs(conv);
    for (size_t c = 0; c < (size_t)w->in_channels; c += conv->block_inputs) {
        size_t rest = (size_t)w->in_channels - c;
        form->input(pixels, c, rest < conv->block_inputs ? rest : conv->block_inputs, v,
                    v_stride(conv));
        v += points_of(conv) * v_stride(conv);
    }
}

/* Inputs [panel.input, + panel.inputs) of panel `index`, expanded and transformed, into U. */
static void make_u(const rnm_conv_job *job, const block *b, uint32_t index, rnm_panel panel) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_winograd *form = form_of(job->context, job->conv);
    const rnm_weight *weight = job->weight;
    if (weight->panels != NULL) {
        rnm_kernel_rows rows = {
            .src = rnm_weight_block(weight, kernels, index, panel.input, panel.inputs, NULL),
            .stride = RNM_PANEL};
        form->weights(&rows, panel.inputs, b->u, u_stride(job->conv));
    } else {
        rnm_expand_transformed(kernels, form, &weight->child, panel, b->chunk, b->u,
                               u_stride(job->conv));
    }
}

static void finish_tile(const rnm_conv_job *job, rnm_panel panel, int64_t tile,
                        float (*pixels)[RNM_PANEL]) {
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    tile_place place = place_of(conv, tile);
    rnm_epilogue epilogue = rnm_conv_epilogue(job, panel);
    int64_t rows = w->out[1] - place.y < conv->tile ? w->out[1] - place.y : conv->tile;
    int64_t columns = w->out[2] - place.x < conv->tile ? w->out[2] - place.x : conv->tile;
    for (int64_t i = 0; i < rows; ++i) {
        int64_t pixel = (place.image * w->out[1] + place.y + i) * w->out[2] + place.x;
        size_t at = (size_t)pixel * epilogue.stride + panel.output;
        epilogue.residual = job->residual != NULL ? job->residual + at : NULL;
        epilogue.out = job->y + at;
        job->context->kernels->finish(&epilogue, (unsigned)columns, panel.lanes,
                                      pixels + i * conv->tile);
    }
}

static void do_panel(const rnm_conv_job *job, const block *b, uint32_t index) {
    const rnm_conv_step *conv = job->conv;
    const rnm_kernels *kernels = job->context->kernels;
    const uint32_t ci = job->weight->child.ci;
    const size_t points = points_of(conv), rows = m_rows(conv);
    rnm_panel panel = rnm_weight_panel(job->weight, index);
    const float *v = b->v;
    for (uint32_t first = 0; first < ci; first += conv->block_inputs) {
        panel.input = first;
        panel.inputs = ci - first < conv->block_inputs ? ci - first : conv->block_inputs;
        make_u(job, b, index, panel);
        for (size_t p = 0; p < points; ++p, v += v_stride(conv)) {
            kernels->gemm(v, padded_inputs(conv), (size_t)b->tiles, panel.inputs,
                          b->u + p * u_stride(conv), panel.lanes, b->m + p * rows, first > 0);
        }
    }
    for (int64_t t = 0; t < b->tiles; ++t) {
        float pixels[4 * 4][RNM_PANEL] __attribute__((aligned(64)));
        form_of(job->context, conv)->output(b->m[t], rows * RNM_PANEL, panel.lanes, pixels);
        finish_tile(job, panel, b->first + t, pixels);
    }
}

static void block_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const uint32_t panels = job->weight->panel_count;
    const uint32_t each = (panels + conv->shares - 1) / conv->shares;
    const uint32_t first_panel = (uint32_t)(item % conv->shares) * each;
    block b = {.first = (int64_t)(item / conv->shares) * conv->stretch};
    int64_t rest = all_tiles(conv) - b.first;
    b.tiles = rest < conv->stretch ? rest : conv->stretch;
    b.v = (float *)(void *)rnm_worker_scratch(job->context, worker);
    b.u = b.v + v_floats(conv);
    b.m = (float(*)[RNM_PANEL])(void *)(b.u + points_of(conv) * u_stride(conv));
    b.chunk = (float *)(b.m + points_of(conv) * m_rows(conv));
    for (int64_t t = 0; t < b.tiles; ++t) {
        transform_tile(job, &b, t);
    }
    for (uint32_t k = first_panel; k < panels && k < first_panel + each; ++k) {
        do_panel(job, &b, k);
    }
}

uint64_t rnm_winograd_passes(const rnm_conv_step *conv) {
    return (uint64_t)((all_tiles(conv) + conv->stretch - 1) / conv->stretch);
}

void rnm_run_winograd(rnm_conv_job *job) {
    rnm_threads_run(&job->context->threads, block_item, job,
                    rnm_winograd_passes(job->conv) * job->conv->shares);
}
