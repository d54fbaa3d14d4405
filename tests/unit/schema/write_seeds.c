/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes tests/fuzz/seeds/rnm anew: the small network, and a file with what that one has not: the
 * other operators, transforms and kinds of tensor. Run by hand with the folder as its argument.
 */
#include "rnm_builder.h"

#include <stdio.h>
#include <stdlib.h>

static void save(const char *folder, const char *name, uint8_t *bytes, uint64_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    free(bytes);
}

static uint32_t maps(rnm_builder *b, const char *name, int64_t channels) {
    const int64_t dims[] = {1, channels, 4, 4};
    return builder_activation(b, name, RNM_LAYOUT_CHANNELS_LAST, 4, dims);
}

/* A chain of operators with one input that keep the shape. */
static uint32_t add_chain(rnm_builder *b, uint32_t x) {
    static const rnm_op ops[] = {
        RNM_OP_Relu, RNM_OP_LeakyRelu,   RNM_OP_Elu,       RNM_OP_Sigmoid, RNM_OP_Tanh,
        RNM_OP_Clip, RNM_OP_HardSigmoid, RNM_OP_HardSwish, RNM_OP_MaxPool, RNM_OP_AveragePool,
    };
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        const char *name = rnm_op_find((unsigned)ops[k])->name;
        uint32_t y = maps(b, name, 4);
        builder_node(b, name, ops[k], 1, &x, y);
        if (ops[k] == RNM_OP_MaxPool || ops[k] == RNM_OP_AveragePool) {
            builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 2, (const int64_t[]){3, 3});
            builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (const int64_t[]){1, 1, 1, 1});
            builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, 1);
        }
        if (ops[k] == RNM_OP_Clip) {
            builder_attr_float(b, RNM_ATTRIBUTE_alpha, -1.0f);
            builder_attr_float(b, RNM_ATTRIBUTE_beta, 1.0f);
        }
        x = y;
    }
    return x;
}

/* Grouped convolution, s interleaved, bf16; then ScaleBias, Mul, Concat, GlobalMaxPool. */
static uint32_t add_tail(rnm_builder *b, uint32_t x) {
    const uint16_t parent[] = {0x3f80, 0xbf00};
    const uint32_t parent_dims[] = {1, 1, 1, 2};
    const float betas[] = {1, 2, -1, 1, 0.5f, 0, 2, -1};
    const float channels[] = {1, 2, 3, 4};
    const uint32_t stored_dims[] = {1, 8, 1, 1};
    const float stored[8] = {1, 0, 1, 0, 1, 0, 1, 0};
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_S,
        .flags = RNM_RECIPE_INTERLEAVED,
        .rank = 4,
        .dims = {4, 2, 1, 1},
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    recipe.parent = builder_tensor(b, "parent", RNM_BF16, RNM_ROLE_PARENT, 4, parent_dims, parent);
    recipe.betas = builder_betas(b, "betas", 4, betas);
    uint32_t weight = builder_recipe_value(b, "weight", builder_recipe(b, "weight", recipe));
    uint32_t channel =
        builder_tensor_value(b, "channel", builder_channel(b, "channel", 4, channels));

    uint32_t conv = maps(b, "conv", 4);
    builder_node(b, "conv", RNM_OP_Conv, 2, (const uint32_t[]){x, weight}, conv);
    builder_attr_int(b, RNM_ATTRIBUTE_group, 2);
    uint32_t scaled = maps(b, "scaled", 4);
    builder_node(b, "scaled", RNM_OP_ScaleBias, 3, (const uint32_t[]){conv, channel, channel},
                 scaled);
    builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_LeakyRelu);
    builder_attr_float(b, RNM_ATTRIBUTE_activation_alpha, 0.5f);
    uint32_t product = maps(b, "product", 4);
    builder_node(b, "product", RNM_OP_Mul, 2, (const uint32_t[]){conv, scaled}, product);
    uint32_t joined = maps(b, "joined", 8);
    builder_node(b, "joined", RNM_OP_Concat, 2, (const uint32_t[]){product, x}, joined);
    builder_attr_int(b, RNM_ATTRIBUTE_axis, 1);
    const int64_t most_dims[] = {1, 8, 1, 1};
    uint32_t most = builder_activation(b, "most", RNM_LAYOUT_CHANNELS_LAST, 4, most_dims);
    builder_node(b, "most", RNM_OP_GlobalMaxPool, 1, &joined, most);
    uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, 4, most_dims);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &most, rows);
    uint32_t constant = builder_tensor_value(
        b, "constant",
        builder_tensor(b, "constant", RNM_F32, RNM_ROLE_CONSTANT, 4, stored_dims, stored));
    uint32_t sum = builder_activation(b, "sum", RNM_LAYOUT_ROWS, 4, most_dims);
    builder_node(b, "sum", RNM_OP_Add, 2, (const uint32_t[]){rows, constant}, sum);
    uint32_t softmax = builder_activation(b, "softmax", RNM_LAYOUT_ROWS, 4, most_dims);
    builder_node(b, "softmax", RNM_OP_Softmax, 1, &sum, softmax);
    builder_attr_int(b, RNM_ATTRIBUTE_axis, 1);
    return softmax;
}

/* f with a plane of zeros over two panels, used by nobody. */
static void add_f(rnm_builder *b) {
    const float parent[] = {1, -2, 0.5f};
    const uint32_t parent_dims[] = {1, 3};
    const uint8_t mask[5] = {0xa5, 0x5a, 0xff, 0x00, 0x03};
    const uint8_t zeros[5] = {0x01, 0x00, 0x80, 0x00, 0x02};
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_F,
        .rank = 2,
        .dims = {34, 1},
        .betas = RNM_NONE,
    };
    recipe.parent = builder_tensor(b, "f.parent", RNM_F32, RNM_ROLE_PARENT, 2, parent_dims, parent);
    recipe.mask = builder_plane(b, "f.mask", RNM_ROLE_MASK, 5, mask);
    recipe.zeros = builder_plane(b, "f.zeros", RNM_ROLE_ZERO_PLANE, 5, zeros);
    builder_recipe(b, "f", recipe);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: write_seeds FOLDER\n");
        return 2;
    }
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    save(argv[1], "small_cnn.rnm", bytes, size);

    rnm_builder *b = builder_new();
    uint32_t image = builder_input(b, "image", 4, (const int64_t[]){1, 4, 4, 4});
    uint32_t x = maps(b, "x", 4);
    builder_node(b, "x", RNM_OP_Reorder, 1, &image, x);
    builder_output(b, add_tail(b, add_chain(b, x)));
    add_f(b);
    bytes = builder_finish(b, &size);
    save(argv[1], "operators.rnm", bytes, size);
    return 0;
}
