/* SPDX-License-Identifier: Apache-2.0
 *
 * Every rule about stored tensors and recipes, broken one at a time with the digests resealed.
 */
#include "specimen.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- tensors --------------------------------------------------------------------------------- */

#define TENSOR(name, field, value, status, word) \
    POKE(PART_TENSOR, rnm_tensor_rec, name, field, value, status, word)

static const specimen_poke tensor_pokes[] = {
    TENSOR("conv1.mask", name, 0, RNM_ERR_FORMAT, "empty"),
    TENSOR("conv1.mask", name, 2, RNM_ERR_FORMAT, "start of a string"),
    TENSOR("conv1.mask", name, UINT32_MAX, RNM_ERR_FORMAT, "start of a string"),
    TENSOR("conv1.mask", role, 0, RNM_ERR_FORMAT, "role"),
    TENSOR("conv1.mask", role, 8, RNM_ERR_FORMAT, "role"),
    TENSOR("conv1.mask", dtype, 0, RNM_ERR_FORMAT, "element type 0"),
    TENSOR("conv1.mask", dtype, 8, RNM_ERR_FORMAT, "element type 8"),
    TENSOR("conv1.mask", dtype, 255, RNM_ERR_FORMAT, "element type 255"),
    TENSOR("conv1.mask", dtype, RNM_I8, RNM_ERR_FORMAT, "i8"),
    TENSOR("conv1.parent", dtype, RNM_I32, RNM_ERR_FORMAT, "i32"),
    TENSOR("conv1.bias", dtype, RNM_F16, RNM_ERR_FORMAT, "f16"),
    TENSOR("conv1.zeros", dtype, RNM_I32, RNM_ERR_FORMAT, "i32"),
    TENSOR("conv2.betas", dtype, RNM_U32, RNM_ERR_FORMAT, "u32"),
    TENSOR("conv1.mask", rank, 0, RNM_ERR_FORMAT, "rank"),
    TENSOR("conv1.mask", rank, 2, RNM_ERR_FORMAT, "rank"),
    TENSOR("conv1.mask", rank, 255, RNM_ERR_FORMAT, "rank"),
    TENSOR("conv1.parent", rank, 1, RNM_ERR_FORMAT, "rank"),
    TENSOR("conv1.parent", rank, 6, RNM_ERR_FORMAT, "rank"),
    TENSOR("conv1.parent", rank, 3, RNM_ERR_FORMAT, "dim 3"),
    TENSOR("conv1.parent", rank, 5, RNM_ERR_FORMAT, "dim 4"),
    TENSOR("conv1.parent", dims[0], 0, RNM_ERR_FORMAT, "dim 0"),
    TENSOR("conv1.parent", dims[0], 0x80000000, RNM_ERR_LIMIT, "dim 0"),
    TENSOR("shared.parent", dims[1], 0x7fffffff, RNM_ERR_LIMIT, "elements"),
    TENSOR("conv1.parent", dims[0], 3, RNM_ERR_FORMAT, "length"),
    TENSOR("conv1.parent", dims[7], 1, RNM_ERR_FORMAT, "dim 7"),
    TENSOR("conv1.parent", length, 0, RNM_ERR_FORMAT, "length"),
    TENSOR("conv1.parent", offset, 64, RNM_ERR_FORMAT, "offset"),
    TENSOR("conv1.mask", offset, 0, RNM_ERR_FORMAT, "offset"),
    TENSOR("conv1.mask", offset, UINT64_MAX, RNM_ERR_FORMAT, "offset"),
    TENSOR("conv1.mask", reserved0, 1, RNM_ERR_FORMAT, "reserved"),
    TENSOR("conv1.mask", reserved1, 1, RNM_ERR_FORMAT, "reserved"),
};

#define DATA(name, at, type, bits, status, word) \
    { name " = " #bits, PART_DATA, name, (at) * sizeof(type), sizeof(type), bits, status, word }

static const specimen_poke data_pokes[] = {
    DATA("conv1.parent", 5, float, 0x7f800000, RNM_ERR_VALUE, "finite"),
    DATA("conv1.parent", 71, float, 0xff800000, RNM_ERR_VALUE, "finite"),
    DATA("conv1.parent", 0, float, 0x7fc00000, RNM_ERR_VALUE, "finite"),
    DATA("conv1.bias", 9, float, 0xffc00001, RNM_ERR_VALUE, "finite"),
    DATA("conv2.betas", 11, float, 0x7f800000, RNM_ERR_VALUE, "finite"),
    DATA("conv2.betas", 0, float, 0x7fa00000, RNM_ERR_VALUE, "finite"),
    DATA("fc.parent", 17, uint16_t, 0x7c00, RNM_ERR_VALUE, "finite"),
    DATA("fc.parent", 0, uint16_t, 0xfe00, RNM_ERR_VALUE, "finite"),
    DATA("conv1.zeros", 1, uint32_t, 0, RNM_ERR_FORMAT, "ascend"),
    DATA("conv1.parent", 72, float, 1, RNM_ERR_FORMAT, "padding"),
    /* masks: 10 outputs are two bytes a word, of the second 2 bits; 7 are one byte */
    DATA("conv1.mask", 1, uint8_t, 0x04, RNM_ERR_FORMAT, "no output"),
    DATA("conv1.mask", 53, uint8_t, 0x80, RNM_ERR_FORMAT, "no output"),
    DATA("fc.mask", 11, uint8_t, 0x80, RNM_ERR_FORMAT, "no output"),
    /* zeros: bit 10 of word 26 stands for no output; word 27 does not exist */
    DATA("conv1.zeros", 1, uint32_t, 26 * 16 + 10, RNM_ERR_FORMAT, "zeros must be positions"),
    DATA("conv1.zeros", 1, uint32_t, 27 * 16, RNM_ERR_FORMAT, "zeros must be positions"),
    DATA("conv1.zeros", 1, uint32_t, UINT32_MAX, RNM_ERR_FORMAT, "zeros must be positions"),
};

/* The same name twice, by the same offset and by a second copy of the text. */
static void same_name(uint8_t *bytes) {
    rnm_tensor_rec *mask = specimen_find(bytes, PART_TENSOR, "conv1.mask");
    const rnm_tensor_rec *parent = specimen_find(bytes, PART_TENSOR, "conv1.parent");
    mask->name = parent->name;
}

static void equal_name(uint8_t *bytes) {
    const rnm_tensor_rec *mask = specimen_find(bytes, PART_TENSOR, "conv2.bias");
    char *strings = specimen_find(bytes, PART_STRINGS, NULL);
    memcpy(strings + mask->name, "conv1.bias", 10);
}

static void same_recipe_name(uint8_t *bytes) {
    rnm_recipe_rec *first = specimen_find(bytes, PART_RECIPE, "conv1.weight");
    const rnm_recipe_rec *second = specimen_find(bytes, PART_RECIPE, "fc.weight");
    first->name = second->name;
}

static void tensors_ragged(uint8_t *bytes) {
    specimen_section(bytes, RNM_SECTION_TENSORS)->length -= 1;
}

static void tensors_fewer(uint8_t *bytes) {
    specimen_section(bytes, RNM_SECTION_TENSORS)->length -= 64;
}

static const specimen_break tensor_breaks[] = {
    {"same name", same_name, RNM_ERR_FORMAT, "unique"},
    {"equal name", equal_name, RNM_ERR_FORMAT, "unique"},
    {"same recipe name", same_recipe_name, RNM_ERR_FORMAT, "unique"},
    {"ragged", tensors_ragged, RNM_ERR_FORMAT, "multiple of 64"},
    {"fewer", tensors_fewer, RNM_ERR_FORMAT, "offset"},
};

static void test_tensors(void **state) {
    (void)state;
    specimen_try_pokes(tensor_pokes, sizeof tensor_pokes / sizeof *tensor_pokes);
    specimen_try_breaks(tensor_breaks, sizeof tensor_breaks / sizeof *tensor_breaks);
}

static void test_data(void **state) {
    (void)state;
    specimen_try_pokes(data_pokes, sizeof data_pokes / sizeof *data_pokes);
}

/* ---- recipes --------------------------------------------------------------------------------- */

#define RECIPE(name, field, value, status, word) \
    POKE(PART_RECIPE, rnm_recipe_rec, name, field, value, status, word)

static const specimen_poke recipe_pokes[] = {
    RECIPE("conv1.weight", name, 0, RNM_ERR_FORMAT, "empty"),
    RECIPE("conv1.weight", name, 4, RNM_ERR_FORMAT, "start of a string"),
    RECIPE("conv1.weight", transform, 4, RNM_ERR_FORMAT, "transform 4"),
    RECIPE("conv1.weight", transform, 255, RNM_ERR_FORMAT, "transform 255"),
    RECIPE("conv1.weight", flags, 1, RNM_ERR_FORMAT, "flags"),
    RECIPE("conv3.weight", flags, 2, RNM_ERR_FORMAT, "flags"),
    RECIPE("conv2.weight", flags, 3, RNM_ERR_FORMAT, "flags"),
    RECIPE("conv2.weight", flags, 4, RNM_ERR_FORMAT, "flags"),
    RECIPE("conv2.weight", flags, 0, RNM_ERR_FORMAT, "betas must be 9 pairs"),
    RECIPE("conv2.weight", flags, 2, RNM_ERR_FORMAT, "whole"),
    RECIPE("conv1.weight", rank, 1, RNM_ERR_FORMAT, "rank"),
    RECIPE("conv1.weight", rank, 6, RNM_ERR_FORMAT, "rank"),
    RECIPE("conv1.weight", rank, 3, RNM_ERR_FORMAT, "dim 3"),
    RECIPE("conv1.weight", rank, 5, RNM_ERR_FORMAT, "dim 4"),
    RECIPE("conv1.weight", dims[0], 0, RNM_ERR_FORMAT, "dim 0"),
    RECIPE("conv1.weight", dims[0], 0x80000000, RNM_ERR_LIMIT, "dim 0"),
    RECIPE("conv3.weight", dims[0], 0x7fffffff, RNM_ERR_LIMIT, "the child"),
    RECIPE("conv1.weight", dims[0], 17, RNM_ERR_FORMAT, "mask must have 81 bytes"),
    RECIPE("conv1.weight", dims[0], 3, RNM_ERR_FORMAT, "larger than the child"),
    RECIPE("conv1.weight", dims[1], 1, RNM_ERR_FORMAT, "larger than the child"),
    RECIPE("conv1.weight", dims[3], 4, RNM_ERR_FORMAT, "kernel"),
    RECIPE("fc.weight", dims[4], 1, RNM_ERR_FORMAT, "dim 4"),
    RECIPE("conv1.weight", reserved0, 1, RNM_ERR_FORMAT, "reserved"),
    RECIPE("conv1.weight", reserved1[0], 1, RNM_ERR_FORMAT, "reserved"),
    RECIPE("conv1.weight", reserved1[4], 0x80000000, RNM_ERR_FORMAT, "reserved"),
    RECIPE("conv1.weight", parent, RNM_NONE, RNM_ERR_FORMAT, "parent"),
    RECIPE("conv1.weight", parent, 11, RNM_ERR_FORMAT, "parent"),
    RECIPE("conv1.weight", betas, 0, RNM_ERR_FORMAT, "has no betas"),
    RECIPE("conv2.weight", betas, RNM_NONE, RNM_ERR_FORMAT, "betas"),
    RECIPE("conv2.weight", betas, 0, RNM_ERR_FORMAT, "betas must be a tensor of role 2"),
    RECIPE("conv1.weight", mask, RNM_NONE, RNM_ERR_FORMAT, "mask"),
    RECIPE("conv1.weight", mask, 0, RNM_ERR_FORMAT, "mask must be a tensor of role 3"),
    RECIPE("conv3.weight", mask, 1, RNM_ERR_FORMAT, "has no mask"),
    RECIPE("fc.weight", zeros, 0, RNM_ERR_FORMAT, "has no zeros"),
    RECIPE("conv1.weight", zeros, 11, RNM_ERR_FORMAT, "zeros"),
    RECIPE("conv1.weight", zeros, 0, RNM_ERR_FORMAT, "zeros must be a tensor of role 4"),
};

static void other_rank_parent(uint8_t *bytes) {
    rnm_recipe_rec *recipe = specimen_find(bytes, PART_RECIPE, "conv3.weight");
    recipe->parent = specimen_index(bytes, PART_TENSOR, "fc.parent");
}

static void other_mask(uint8_t *bytes) {
    rnm_recipe_rec *recipe = specimen_find(bytes, PART_RECIPE, "fc.weight");
    recipe->mask = specimen_index(bytes, PART_TENSOR, "conv1.mask");
}

static void recipes_ragged(uint8_t *bytes) {
    specimen_section(bytes, RNM_SECTION_RECIPES)->length -= 1;
}

static const specimen_break recipe_breaks[] = {
    {"parent of rank 2", other_rank_parent, RNM_ERR_FORMAT, "parent must have rank 4"},
    {"mask of another", other_mask, RNM_ERR_FORMAT, "mask must have 12 bytes"},
    {"ragged", recipes_ragged, RNM_ERR_FORMAT, "recipes: length"},
};

static void test_recipes(void **state) {
    (void)state;
    specimen_try_pokes(recipe_pokes, sizeof recipe_pokes / sizeof *recipe_pokes);
    specimen_try_breaks(recipe_breaks, sizeof recipe_breaks / sizeof *recipe_breaks);
}

/* ---- overflow of s --------------------------------------------------------------------------- */

/* An s recipe of a parent [2][2] whose largest magnitude is `p`, child [5, 5]: cascaded pairs are
 * 4 regular ones, the row's and the column's. */
static uint8_t *make_s(uint64_t *size, float p, float regular, float row, float column) {
    rnm_builder *b = builder_new();
    const uint32_t parent_dims[] = {2, 2};
    const float parent[] = {0.0f, -p, p / 2, 0.0f};
    float betas[6][2] = {{0}};
    betas[2][0] = regular;
    betas[4][0] = row;
    betas[5][0] = column;
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_S,
        .flags = RNM_RECIPE_CASCADED,
        .rank = 2,
        .dims = {5, 5},
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    recipe.parent = builder_tensor(b, "p", RNM_F32, RNM_ROLE_PARENT, 2, parent_dims, parent);
    recipe.betas = builder_betas(b, "b", 6, &betas[0][0]);
    builder_recipe(b, "w", recipe);
    return builder_finish(b, size);
}

static void test_overflow(void **state) {
    (void)state;
    static const struct {
        float p, regular, row, column;
        bool good;
    } cases[] = {
        {1.0f, FLT_MAX, 1.0f, 1.0f, true},    {1.5f, FLT_MAX, 1.0f, 1.0f, false},
        {2.0f, -FLT_MAX, 1.0f, 1.0f, false},  {FLT_MAX, 1.0f, 1.0f, 1.0f, true},
        {FLT_MAX, 0.5f, 2.0f, 1.0f, true},    {FLT_MAX, 0.5f, 3.0f, 1.0f, false},
        {FLT_MAX, 0.5f, 1.0f, 3.0f, false},   {FLT_MAX, 0.5f, 0.1f, 3.0f, false},
        {FLT_MAX, 0.25f, 2.0f, 2.0f, true},   {FLT_MAX, 0.25f, -2.0f, 3.0f, false},
        {FLT_MAX, 0.5f, 0.0f, 0.0f, true},    {0.0f, FLT_MAX, FLT_MAX, FLT_MAX, true},
        {1e20f, 1e10f, 1e10f, 1e-30f, false}, {1e20f, 0.0f, FLT_MAX, FLT_MAX, true},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint64_t size;
        uint8_t *bytes = make_s(&size, cases[k].p, cases[k].regular, cases[k].row, cases[k].column);
        if (cases[k].good) {
            rnm_view view;
            assert_int_equal(specimen_open(bytes, size, true, &view, NULL), RNM_OK);
        } else {
            specimen_expect_refused("overflow", bytes, size, RNM_ERR_VALUE, "must be finite");
        }
        free(bytes);
    }
}

/* ---- bombs ----------------------------------------------------------------------------------- */

/* `count` linear recipes of one parent of one element. */
static uint8_t *make_bomb(uint64_t *size, uint32_t count, uint32_t outputs, uint32_t inputs) {
    rnm_builder *b = builder_new();
    const uint32_t parent_dims[] = {1, 1};
    const float one = 1.0f;
    rnm_recipe_rec recipe = {
        .rank = 2,
        .dims = {outputs, inputs},
        .betas = RNM_NONE,
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    recipe.parent = builder_tensor(b, "p", RNM_F32, RNM_ROLE_PARENT, 2, parent_dims, &one);
    for (uint32_t k = 0; k < count; k++) {
        builder_recipe(b, (const char[]){(char)('a' + k), '\0'}, recipe);
    }
    return builder_finish(b, size);
}

static uint8_t *bomb_1(uint64_t *size) {
    return make_bomb(size, 1, 1 << 15, 1 << 15);
}

static uint8_t *bomb_1_over(uint64_t *size) {
    return make_bomb(size, 1, (1 << 15) + 1, 1 << 15);
}

static uint8_t *bomb_4(uint64_t *size) {
    return make_bomb(size, 4, 1 << 15, 1 << 15);
}

static uint8_t *bomb_5(uint64_t *size) {
    return make_bomb(size, 5, 1 << 15, 1 << 15);
}

static uint8_t *bomb_wrap(uint64_t *size) {
    return make_bomb(size, 1, 0x7fffffff, 0x7fffffff);
}

/* f with a plane of zeros, good or with a bit of no output set. */
static uint8_t *make_plane(uint64_t *size, uint32_t plane_bytes, uint8_t last) {
    rnm_builder *b = builder_new();
    const uint32_t parent_dims[] = {1, 1};
    const float one = 1.0f;
    const uint8_t mask[2] = {0x1f, 0x1f};
    const uint8_t zeros[3] = {0x10, last, 0};
    rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_F,
        .rank = 2,
        .dims = {5, 2},
        .betas = RNM_NONE,
    };
    recipe.parent = builder_tensor(b, "p", RNM_F32, RNM_ROLE_PARENT, 2, parent_dims, &one);
    recipe.mask = builder_plane(b, "m", RNM_ROLE_MASK, 2, mask);
    recipe.zeros = builder_plane(b, "z", RNM_ROLE_ZERO_PLANE, plane_bytes, zeros);
    builder_recipe(b, "w", recipe);
    return builder_finish(b, size);
}

static uint8_t *plane_good(uint64_t *size) {
    return make_plane(size, 2, 0x1f);
}

static uint8_t *plane_tail(uint64_t *size) {
    return make_plane(size, 2, 0x20);
}

static uint8_t *plane_long(uint64_t *size) {
    return make_plane(size, 3, 0x1f);
}

static uint8_t *plane_short(uint64_t *size) {
    return make_plane(size, 1, 0);
}

static uint8_t *constants(uint64_t *size) {
    rnm_builder *b = builder_new();
    const uint32_t dims[] = {2, 1, 1, 1, 1, 1, 1, 1};
    const uint64_t words[] = {UINT64_MAX, 0}; /* a NaN is a constant like any other */
    builder_tensor(b, "scalar", RNM_F64, RNM_ROLE_CONSTANT, 0, dims, words);
    builder_tensor(b, "rank 8", RNM_I64, RNM_ROLE_CONSTANT, 8, dims, words);
    builder_tensor(b, "bool", RNM_BOOL, RNM_ROLE_CONSTANT, 1, dims, words);
    return builder_finish(b, size);
}

static uint8_t *three_betas(uint64_t *size) {
    rnm_builder *b = builder_new();
    const uint32_t dims[] = {1, 3};
    const float words[3] = {0};
    builder_tensor(b, "betas", RNM_F32, RNM_ROLE_BETAS, 2, dims, words);
    return builder_finish(b, size);
}

static const specimen_file files[] = {
    {"4 GiB", bomb_1, RNM_OK, NULL},
    {"over 4 GiB", bomb_1_over, RNM_ERR_LIMIT, "the child"},
    {"16 GiB", bomb_4, RNM_OK, NULL},
    {"20 GiB", bomb_5, RNM_ERR_LIMIT, "all children"},
    {"2^62 elements", bomb_wrap, RNM_ERR_LIMIT, "the child"},
    {"plane", plane_good, RNM_OK, NULL},
    {"plane tail", plane_tail, RNM_ERR_FORMAT, "bits of zeros"},
    {"plane long", plane_long, RNM_ERR_FORMAT, "zeros must have 2 bytes"},
    {"plane short", plane_short, RNM_ERR_FORMAT, "zeros must have 2 bytes"},
    {"constants", constants, RNM_OK, NULL},
    {"three betas", three_betas, RNM_ERR_FORMAT, "dim 1 of betas"},
};

static void test_files(void **state) {
    (void)state;
    specimen_try_files(files, sizeof files / sizeof *files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_data),
        cmocka_unit_test(test_recipes), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
