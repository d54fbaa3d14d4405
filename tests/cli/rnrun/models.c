/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the models that test_rnrun.py runs into the folder named on the command line:
 *
 *     small.rnm    builder_small_cnn: image [N, 3, 8, 8] to logits [N, 7], with preprocessing
 *     bare.rnm     x [N, 4] to y = Relu(x), without preprocessing or labels
 *     sum.rnm      a [N, 3] and b [N, 3] to sum = a + b and product = a * b
 *     maps.rnm     x [N, 3, 2, 2] with preprocessing to y = Relu(x) of the same rank
 *     imagenet.rnm x [N, 3, 224, 224], prepared as ImageNet's images are, to y, the same numbers
 *     tiny.rnm     x [N, 3, 64, 64], prepared as TinyImageNet's are, to y, the same numbers
 *     photo.rnm    x [N, 3, 8, 8] to y, the same numbers, without preprocessing
 */
#include "rnm_builder.h"

#include <stdio.h>
#include <stdlib.h>

static void save(const char *folder, const char *name, uint8_t *bytes, uint64_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, (size_t)size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    free(bytes);
}

static uint32_t add_relu(rnm_builder *b, uint8_t rank, const int64_t *dims) {
    uint32_t x = builder_input(b, "x", rank, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, rank, dims);
    builder_node(b, "relu", RNM_OP_Relu, 1, &x, y);
    builder_output(b, y);
    return x;
}

/* Symbol 0 is the batch of all of them. */
static rnm_builder *begin(void) {
    rnm_builder *b = builder_new();
    builder_symbol(b, "N");
    return b;
}

static uint8_t *bare_model(uint64_t *size) {
    rnm_builder *b = begin();
    add_relu(b, 2, (const int64_t[]){-1, 4});
    return builder_finish(b, size);
}

static uint8_t *sum_model(uint64_t *size) {
    static const int64_t dims[] = {-1, 3};
    rnm_builder *b = begin();
    const uint32_t inputs[] = {builder_input(b, "a", 2, dims), builder_input(b, "b", 2, dims)};
    uint32_t sum = builder_activation(b, "sum", RNM_LAYOUT_ROWS, 2, dims);
    uint32_t product = builder_activation(b, "product", RNM_LAYOUT_ROWS, 2, dims);
    builder_node(b, "add", RNM_OP_Add, 2, inputs, sum);
    builder_node(b, "mul", RNM_OP_Mul, 2, inputs, product);
    builder_output(b, sum);
    builder_output(b, product);
    return builder_finish(b, size);
}

static uint8_t *maps_model(uint64_t *size) {
    rnm_builder *b = begin();
    add_relu(b, 4, (const int64_t[]){-1, 3, 2, 2});
    builder_preprocess(
        b, (rnm_preprocess_rec){.color = RNM_COLOR_RGB, .divisor = 1, .std = {1, 1, 1, 1}});
    return builder_finish(b, size);
}

/* x [N, 3, side, side] to y [N, 3 side side]. */
static rnm_builder *same_model(int64_t side) {
    rnm_builder *b = begin();
    uint32_t x = builder_input(b, "x", 4, (const int64_t[]){-1, 3, side, side});
    uint32_t y =
        builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, (const int64_t[]){-1, 3 * side * side});
    builder_node(b, "flatten", RNM_OP_Flatten, 1, &x, y);
    builder_output(b, y);
    return b;
}

#define IMAGENET_NUMBERS                                                      \
    .color = RNM_COLOR_RGB, .divisor = 255, .mean = {0.485f, 0.456f, 0.406f}, \
    .std = {0.229f, 0.224f, 0.225f, 1}

static uint8_t *imagenet_model(uint64_t *size) {
    rnm_builder *b = same_model(224);
    builder_preprocess(b, (rnm_preprocess_rec){IMAGENET_NUMBERS, .resize = RNM_RESIZE_SHORTER,
                                               .resize_height = 256, .resize_width = 256,
                                               .crop_height = 224, .crop_width = 224});
    return builder_finish(b, size);
}

static uint8_t *tiny_model(uint64_t *size) {
    rnm_builder *b = same_model(64);
    builder_preprocess(b, (rnm_preprocess_rec){IMAGENET_NUMBERS, .resize = RNM_RESIZE_EXACT,
                                               .resize_height = 64, .resize_width = 64});
    return builder_finish(b, size);
}

static uint8_t *photo_model(uint64_t *size) {
    return builder_finish(same_model(8), size);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        uint8_t *(*make)(uint64_t *size);
    } models[] = {
        {"small.rnm", builder_small_cnn}, {"bare.rnm", bare_model},
        {"sum.rnm", sum_model},           {"maps.rnm", maps_model},
        {"imagenet.rnm", imagenet_model}, {"tiny.rnm", tiny_model},
        {"photo.rnm", photo_model},
    };
    if (argc != 2) {
        fprintf(stderr, "usage: rnrun_models FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        uint64_t size;
        uint8_t *bytes = models[i].make(&size);
        save(argv[1], models[i].name, bytes, size);
    }
    return 0;
}
