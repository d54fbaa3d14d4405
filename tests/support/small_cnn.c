/* SPDX-License-Identifier: Apache-2.0
 *
 * The complete small network of rnm_builder.h.
 */
#include "rnm_builder.h"

#include "expand_ref.h"
#include "half.h"

#include <assert.h>
#include <string.h>

/* Numbers in [-1, 1) from a linear congruential generator: the same on every host. */
static float next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

static void fill(float *dst, size_t count, float scale, uint32_t seed) {
    for (size_t k = 0; k < count; k++) {
        dst[k] = scale * next(&seed);
    }
}

static uint32_t random_channel(rnm_builder *b, const char *name, uint32_t count, float middle,
                               uint32_t seed) {
    float data[16];
    assert(count <= 16);
    fill(data, count, 0.25f, seed);
    for (uint32_t k = 0; k < count; k++) {
        data[k] += middle;
    }
    return builder_tensor_value(b, name, builder_channel(b, name, count, data));
}

/* Random signs, with the bits of outputs that do not exist left zero. */
static uint32_t random_mask(rnm_builder *b, const char *name, uint32_t co, uint32_t ci,
                            uint32_t taps, uint32_t seed) {
    uint8_t bytes[256] = {0};
    assert(rnm_mask_bytes(co, ci, taps) <= sizeof bytes);
    for (uint32_t o = 0; o < co; o++) {
        for (uint32_t i = 0; i < ci; i++) {
            for (uint32_t tap = 0; tap < taps; tap++) {
                uint64_t position = rnm_mask_position(co, ci, taps, o, i, tap);
                unsigned bit = next(&seed) < 0.0f;
                bytes[position / 8] = (uint8_t)(bytes[position / 8] | bit << position % 8);
            }
        }
    }
    uint32_t size = (uint32_t)rnm_mask_bytes(co, ci, taps);
    return builder_plane(b, name, RNM_ROLE_MASK, size, bytes);
}

/* f: child [10, 3, 3, 3] of a parent [4, 2, 3, 3]: partial blocks both ways, two zeros. */
static uint32_t add_conv1_weight(rnm_builder *b) {
    float parent[2 * 9 * 4];
    fill(parent, 2 * 9 * 4, 0.5f, 1);
    const uint32_t parent_dims[] = {2, 3, 3, 4};
    uint32_t zeros[2] = {
        (uint32_t)rnm_mask_position(10, 3, 9, 4, 0, 0),
        (uint32_t)rnm_mask_position(10, 3, 9, 9, 2, 8),
    };
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_F,
        .rank = 4,
        .dims = {10, 3, 3, 3},
        .parent =
            builder_tensor(b, "conv1.parent", RNM_F32, RNM_ROLE_PARENT, 4, parent_dims, parent),
        .betas = RNM_NONE,
        .mask = random_mask(b, "conv1.mask", 10, 3, 9, 2),
        .zeros = builder_zero_list(b, "conv1.zeros", 2, zeros),
    };
    return builder_recipe_value(b, "conv1.weight", builder_recipe(b, "conv1.weight", recipe));
}

/* s, cascaded: child [12, 10, 3, 3] of a parent [5, 4, 3, 3]; 4 regular pairs, row, column. */
static uint32_t add_conv2_weight(rnm_builder *b, uint32_t parent) {
    float betas[6 * 2];
    fill(betas, 6 * 2, 1.0f, 4);
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_S,
        .flags = RNM_RECIPE_CASCADED,
        .rank = 4,
        .dims = {12, 10, 3, 3},
        .parent = parent,
        .betas = builder_betas(b, "conv2.betas", 6, betas),
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    return builder_recipe_value(b, "conv2.weight", builder_recipe(b, "conv2.weight", recipe));
}

static uint32_t add_conv3_weight(rnm_builder *b, uint32_t parent) {
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_LINEAR,
        .rank = 4,
        .dims = {12, 12, 3, 3},
        .parent = parent,
        .betas = RNM_NONE,
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    return builder_recipe_value(b, "conv3.weight", builder_recipe(b, "conv3.weight", recipe));
}

/* drop: child [7, 12] of an f16 parent [3, 6]. */
static uint32_t add_fc_weight(rnm_builder *b) {
    float parent[6 * 3];
    uint16_t halves[6 * 3];
    fill(parent, 6 * 3, 1.0f, 5);
    for (size_t k = 0; k < 6 * 3; k++) {
        halves[k] = rnm_f32_to_f16(parent[k]);
    }
    const uint32_t parent_dims[] = {6, 3};
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_DROP,
        .rank = 2,
        .dims = {7, 12},
        .parent = builder_tensor(b, "fc.parent", RNM_F16, RNM_ROLE_PARENT, 2, parent_dims, halves),
        .betas = RNM_NONE,
        .mask = random_mask(b, "fc.mask", 7, 12, 1, 6),
        .zeros = RNM_NONE,
    };
    return builder_recipe_value(b, "fc.weight", builder_recipe(b, "fc.weight", recipe));
}

static uint32_t map_value(rnm_builder *b, const char *name, int64_t channels, int64_t side) {
    const int64_t dims[] = {-1, channels, side, side};
    return builder_activation(b, name, RNM_LAYOUT_CHANNELS_LAST, 4, dims);
}

static void pad_one(rnm_builder *b) {
    builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (const int64_t[]){1, 1, 1, 1});
}

static uint32_t add_convolutions(rnm_builder *b, uint32_t x) {
    uint32_t conv1 = map_value(b, "conv1", 10, 8);
    uint32_t conv1_inputs[] = {x, add_conv1_weight(b), random_channel(b, "conv1.bias", 10, 0, 7),
                               random_channel(b, "conv1.scale", 10, 1, 8)};
    builder_node(b, "conv1", RNM_OP_Conv, 4, conv1_inputs, conv1);
    pad_one(b);
    builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Relu);

    float parent_data[4 * 9 * 5];
    fill(parent_data, 4 * 9 * 5, 0.5f, 3);
    const uint32_t parent_dims[] = {4, 3, 3, 5};
    uint32_t parent =
        builder_tensor(b, "shared.parent", RNM_F32, RNM_ROLE_PARENT, 4, parent_dims, parent_data);

    uint32_t conv2 = map_value(b, "conv2", 12, 4);
    uint32_t conv2_inputs[] = {conv1, add_conv2_weight(b, parent),
                               random_channel(b, "conv2.bias", 12, 0, 9)};
    builder_node(b, "conv2", RNM_OP_Conv, 3, conv2_inputs, conv2);
    pad_one(b);
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, (const int64_t[]){2, 2});

    uint32_t conv3 = map_value(b, "conv3", 12, 4);
    uint32_t conv3_inputs[] = {conv2, add_conv3_weight(b, parent), RNM_NONE, RNM_NONE, conv2};
    builder_node(b, "conv3", RNM_OP_Conv, 5, conv3_inputs, conv3);
    pad_one(b);
    builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 2, (const int64_t[]){3, 3});
    return conv3;
}

static uint32_t add_head(rnm_builder *b, uint32_t maps) {
    uint32_t pooled = map_value(b, "pool", 12, 2);
    builder_node(b, "pool", RNM_OP_MaxPool, 1, &maps, pooled);
    builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 2, (const int64_t[]){2, 2});
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, (const int64_t[]){2, 2});

    uint32_t mean = map_value(b, "mean", 12, 1);
    builder_node(b, "mean", RNM_OP_GlobalAveragePool, 1, &pooled, mean);

    uint32_t flat = builder_activation(b, "flat", RNM_LAYOUT_ROWS, 2, (const int64_t[]){-1, 12});
    builder_node(b, "flat", RNM_OP_Flatten, 1, &mean, flat);

    uint32_t logits = builder_activation(b, "logits", RNM_LAYOUT_ROWS, 2, (const int64_t[]){-1, 7});
    uint32_t inputs[] = {flat, add_fc_weight(b), random_channel(b, "fc.bias", 7, 0, 10)};
    builder_node(b, "fc", RNM_OP_Gemm, 3, inputs, logits);
    return logits;
}

static void add_notes(rnm_builder *b) {
    static const char *const labels[] = {"ant", "bee", "crab", "duck", "eel", "fox", "gnu"};
    for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
        builder_label(b, labels[k]);
    }
    rnm_preprocess_rec preprocess = {
        .dataset = builder_string(b, "animals"),
        .color = RNM_COLOR_RGB,
        .resize = RNM_RESIZE_SHORTER,
        .resize_height = 9,
        .crop_height = 6,
        .crop_width = 6,
        .pad_top = 1,
        .pad_left = 1,
        .pad_bottom = 1,
        .pad_right = 1,
        .divisor = 255.0f,
        .mean = {0.5f, 0.4f, 0.3f, 0.0f},
        .std = {0.25f, 0.25f, 0.5f, 1.0f},
    };
    builder_preprocess(b, preprocess);
    builder_provenance(b, "compiler", "rnm_builder");
    builder_provenance(b, "model", "small_cnn");
}

uint8_t *builder_small_cnn(uint64_t *size) {
    rnm_builder *b = builder_new();
    builder_symbol(b, "N");
    uint32_t image = builder_input(b, "image", 4, (const int64_t[]){-1, 3, 8, 8});
    uint32_t x = map_value(b, "x", 3, 8);
    builder_node(b, "reorder", RNM_OP_Reorder, 1, &image, x);
    builder_output(b, add_head(b, add_convolutions(b, x)));
    add_notes(b);
    return builder_finish(b, size);
}
