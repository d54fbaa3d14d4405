/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd convolution, 3x3 with stride 1. For a block of tiles: transform the inputs into V
 * [points][tiles][channels]; then for each panel of outputs, for each block of inputs, expand the
 * weights and transform them into U [points][inputs][RNM_PANEL], and multiply into M
 * [points][tiles][RNM_PANEL]; at last transform M back and finish. Transformed weights exist a
 * block at a time only, whatever the mode.
 */
#include "conv.h"

enum {
    BLOCK_INPUTS = 64, /* of U: 36 points of them are 295 KB */
    CHUNK_INPUTS = 8,  /* expanded at a time, 9 KB, before they are transformed */
    MOST_TILES = 64,   /* of M: likewise */
    MOST_V_BYTES = 2 << 20,
};

static const rnm_winograd *transforms(const rnm_conv_job *job) {
    return &job->context->kernels->winograd[job->conv->tile == 4];
}

static size_t points_of(const rnm_conv_step *conv) {
    return (size_t)(conv->tile + 2) * (conv->tile + 2);
}

/* Channels of V: whole vectors of every instruction set. */
static size_t padded_channels(const rnm_conv_step *conv) {
    return ((size_t)conv->window.in_channels + 15) / 16 * 16;
}

static size_t v_stride(const rnm_conv_step *conv) {
    return conv->stretch * padded_channels(conv) + RNM_WINOGRAD_V_PAD;
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
    const rnm_child *child = &planner->context->weights[conv->weight].child;
    uint32_t inputs = conv->block_inputs != 0 ? conv->block_inputs : BLOCK_INPUTS;
    conv->block_inputs = child->ci < inputs ? child->ci : inputs;
    uint64_t tiles = (uint64_t)all_tiles(conv);
    uint64_t tile_bytes = points_of(conv) * padded_channels(conv) * sizeof(float);
    uint64_t most = MOST_V_BYTES / tile_bytes;
    most = most > MOST_TILES ? MOST_TILES : most < 16 ? 16 : most;
    uint64_t blocks = (tiles + most - 1) / most;
    conv->stretch = (uint32_t)((tiles + blocks - 1) / blocks);
    uint32_t panels = planner->context->weights[conv->weight].panel_count;
    unsigned threads = planner->context->threads.count;
    conv->shares = panels >= 2 * threads || threads == 1 ? 1 : (2 * threads + panels - 1) / panels;
    uint64_t u = points_of(conv) * u_stride(conv);
    uint64_t m = points_of(conv) * m_rows(conv) * RNM_PANEL;
    uint64_t chunk = CHUNK_INPUTS * 9 * RNM_PANEL;
    rnm_plan_workspace(planner, (u + m + chunk) * sizeof(float),
                       points_of(conv) * v_stride(conv) * sizeof(float), 0);
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

static void input_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const int64_t side = conv->tile + 2;
    const float *pixels[6 * 6];
    tile_place place = place_of(conv, job->first_tile + (int64_t)item);
    const float *image = job->x + place.image * w->in[1] * w->in[2] * w->in_channels;
    for (int64_t i = 0; i < side; ++i) {
        int64_t y = place.y + i - w->pads[1];
        for (int64_t j = 0; j < side; ++j) {
            int64_t x = place.x + j - w->pads[2];
            bool inside = y >= 0 && y < w->in[1] && x >= 0 && x < w->in[2];
            pixels[i * side + j] = inside ? image + (y * w->in[2] + x) * w->in_channels : NULL;
        }
    }
    float *v = rnm_shared_scratch(job->context) + item * padded_channels(conv);
    transforms(job)->input(pixels, (size_t)w->in_channels, v, v_stride(conv));
}

/* Expands and transforms inputs [first, first + inputs) of a panel into U. */
static void make_u(const rnm_conv_job *job, uint32_t panel, uint32_t first, uint32_t inputs,
                   float *chunk, float *u) {
    const rnm_kernels *kernels = job->context->kernels;
    for (uint32_t i = 0; i < inputs; i += CHUNK_INPUTS) {
        uint32_t count = inputs - i < CHUNK_INPUTS ? inputs - i : CHUNK_INPUTS;
        const float *weights =
            rnm_weight_block(job->weight, kernels, panel, first + i, count, chunk);
        transforms(job)->weights(weights, count, u + (size_t)i * RNM_PANEL, u_stride(job->conv));
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

/* A panel over a share of the block's tiles. */
static void panel_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_kernels *kernels = job->context->kernels;
    const uint32_t panels = job->weight->panel_count;
    const uint32_t index = (uint32_t)(item % panels);
    const rnm_panel panel = rnm_weight_panel(job->weight, index);
    const uint32_t ci = job->weight->child.ci;
    const size_t points = points_of(conv);
    const size_t rows = m_rows(conv);
    int64_t share = (job->tiles + conv->shares - 1) / conv->shares;
    int64_t first_tile = (int64_t)(item / panels) * share;
    int64_t tiles = job->tiles - first_tile < share ? job->tiles - first_tile : share;
    float *u = (float *)(void *)rnm_worker_scratch(job->context, worker);
    float(*m)[RNM_PANEL] = (float(*)[RNM_PANEL])(void *)(u + points * u_stride(conv));
    float *chunk = (float *)(m + points * rows);
    const float *v = rnm_shared_scratch(job->context) + (size_t)first_tile * padded_channels(conv);
    if (tiles <= 0) {
        return;
    }
    for (uint32_t first = 0; first < ci; first += conv->block_inputs) {
        uint32_t inputs = ci - first < conv->block_inputs ? ci - first : conv->block_inputs;
        make_u(job, index, first, inputs, chunk, u);
        for (size_t p = 0; p < points; ++p) {
            kernels->gemm(v + p * v_stride(conv) + first, padded_channels(conv), (size_t)tiles,
                          inputs, u + p * u_stride(conv), m + p * rows, first > 0);
        }
    }
    for (int64_t t = 0; t < tiles; ++t) {
        float pixels[4 * 4][RNM_PANEL] __attribute__((aligned(64)));
        transforms(job)->output(m[t], rows * RNM_PANEL, pixels);
        finish_tile(job, panel, job->first_tile + first_tile + t, pixels);
    }
}

void rnm_run_winograd(rnm_conv_job *job) {
    const rnm_conv_step *conv = job->conv;
    rnm_threads *threads = &job->context->threads;
    int64_t all = all_tiles(conv);
    for (job->first_tile = 0; job->first_tile < all; job->first_tile += conv->stretch) {
        int64_t rest = all - job->first_tile;
        job->tiles = rest < conv->stretch ? rest : conv->stretch;
        rnm_threads_run(threads, input_item, job, (size_t)job->tiles);
        rnm_threads_run(threads, panel_item, job, (size_t)job->weight->panel_count * conv->shares);
    }
}

uint64_t rnm_winograd_passes(const rnm_conv_step *conv) {
    return (uint64_t)((all_tiles(conv) + conv->stretch - 1) / conv->stretch) * conv->shares;
}
