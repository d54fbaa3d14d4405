/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader as a whole: what it makes of a good file, and that no change of a bit, no cut and no
 * lack of memory goes by.
 */
#include "specimen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a good file ----------------------------------------------------------------------------- */

static rnm_view open_good(uint8_t *bytes, uint64_t size) {
    rnm_view view;
    rnm_error err = {.text = ""};
    if (specimen_open(bytes, size, true, &view, &err) != RNM_OK) {
        fail_msg("%s", err.text);
    }
    return view;
}

static void test_view(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_view view = open_good(bytes, size);
    assert_true(size < 16384);
    assert_int_equal(view.tensor_count, 11);
    assert_int_equal(view.recipe_count, 4);
    assert_int_equal(view.graph->node_count, 8);
    assert_int_equal(view.graph->input_count, 1);
    assert_string_equal(rnm_view_string(&view, view.values[view.inputs[0]].name), "image");
    assert_string_equal(rnm_view_string(&view, view.values[view.outputs[0]].name), "logits");
    assert_string_equal(rnm_view_string(&view, view.symbols[0]), "N");
    assert_int_equal(view.label_count, 7);
    assert_string_equal(rnm_view_string(&view, view.labels[6]), "gnu");
    assert_int_equal(view.provenance_count, 2);
    assert_string_equal(rnm_view_string(&view, view.provenance[3]), "small_cnn");
    assert_int_equal(view.preprocess_count, 1);
    assert_int_equal(view.expanded_bytes, 4 * (10 * 3 * 9 + 12 * 10 * 9 + 12 * 12 * 9 + 7 * 12));
    free(bytes);
}

static void test_child(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_view view = open_good(bytes, size);
    rnm_child f = rnm_view_child(&view, specimen_index(bytes, PART_RECIPE, "conv1.weight"));
    assert_int_equal(f.transform, RNM_TRANSFORM_F);
    assert_int_equal(f.co, 10);
    assert_int_equal(f.ci, 3);
    assert_int_equal(f.taps, 9);
    assert_int_equal(f.po, 4);
    assert_int_equal(f.pi, 2);
    assert_int_equal(f.zero_count, 2);
    assert_ptr_equal(f.mask, specimen_find(bytes, PART_DATA, "conv1.mask"));
    assert_null(f.betas);
    assert_null(f.zero_plane);
    assert_true(rnm_expand_ref_at(&f, 4, 0, 0) == 0.0f);
    rnm_child drop = rnm_view_child(&view, specimen_index(bytes, PART_RECIPE, "fc.weight"));
    assert_int_equal(drop.parent_dtype, RNM_F16);
    assert_int_equal(drop.taps, 1);
    free(bytes);
}

static void test_attrs_and_shapes(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_view view = open_good(bytes, size);
    rnm_node_attrs conv1 = rnm_view_attrs(&view, specimen_index(bytes, PART_NODE, "conv1"));
    assert_int_equal(conv1.activation, RNM_OP_Relu);
    assert_int_equal(conv1.pads[3], 1);
    assert_int_equal(conv1.strides[0], 1);
    assert_false(conv1.has_kernel_shape);
    rnm_node_attrs pool = rnm_view_attrs(&view, specimen_index(bytes, PART_NODE, "pool"));
    assert_true(pool.has_kernel_shape);
    assert_int_equal(pool.kernel_shape[1], 2);
    assert_int_equal(pool.spatial, 2);
    rnm_shape shape = rnm_view_shape(&view, specimen_index(bytes, PART_VALUE, "conv2"));
    char text[RNM_SHAPE_TEXT];
    assert_string_equal(rnm_shape_text(&shape, text, sizeof text), "?0x12x4x4");
    free(bytes);
}

/* Every kind of attribute comes back as it was written; an epilogue takes its activation's
 * defaults. */
static void test_all_attrs(void **state) {
    (void)state;
    rnm_builder *b = builder_new();
    uint32_t x = builder_input(b, "x", 3, (const int64_t[]){1, 2, 8});
    uint32_t values[5];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int k = 0; k < 5; k++) {
        bool pooled = k == 2;
        const int64_t dims[] = {1, 2, k >= 2 ? 5 : 8};
        uint8_t layout = k < 4 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
        values[k] = builder_activation(b, names[k], layout, 3, dims);
        if (k == 0 || k == 4) {
            builder_node(b, names[k], RNM_OP_Reorder, 1, k == 0 ? &x : &values[3], values[k]);
        } else if (pooled) {
            builder_node(b, names[k], RNM_OP_AveragePool, 1, &values[1], values[k]);
            builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 1, (const int64_t[]){3});
            builder_attr_ints(b, RNM_ATTRIBUTE_strides, 1, (const int64_t[]){2});
            builder_attr_ints(b, RNM_ATTRIBUTE_pads, 2, (const int64_t[]){1, 2});
            builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, 1);
            builder_attr_int(b, RNM_ATTRIBUTE_count_include_pad, 1);
        } else {
            const uint32_t inputs[] = {values[k - 1], values[k - 1]};
            builder_node(b, names[k], RNM_OP_Add, 2, inputs, values[k]);
            builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_HardSigmoid);
            builder_attr_float(
                b, k == 1 ? RNM_ATTRIBUTE_activation_alpha : RNM_ATTRIBUTE_activation_beta, -3.0f);
        }
    }
    builder_output(b, values[4]);
    uint64_t size;
    uint8_t *bytes = builder_finish(b, &size);
    rnm_view view = open_good(bytes, size);
    rnm_node_attrs first = rnm_view_attrs(&view, 1);
    assert_true(first.activation_alpha == -3.0f && first.activation_beta == 0.5f);
    rnm_node_attrs second = rnm_view_attrs(&view, 3);
    assert_true(second.activation_alpha == 0.2f && second.activation_beta == -3.0f);
    rnm_node_attrs pool = rnm_view_attrs(&view, 2);
    assert_true(pool.ceil_mode && pool.count_include_pad);
    assert_int_equal(pool.spatial, 1);
    assert_int_equal(pool.pads[1], 2);
    free(bytes);
}

static uint8_t *make_empty(uint64_t *size) {
    return builder_finish(builder_new(), size);
}

static void test_empty_graph(void **state) {
    (void)state;
    static const specimen_file files[] = {{"nothing at all", make_empty, RNM_OK, NULL}};
    specimen_try_files(files, 1);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void test_every_bit_is_covered(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    for (uint64_t bit = 0; bit < size * 8; bit++) {
        rnm_view view;
        rnm_error err = {.status = RNM_OK};
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (specimen_open(bytes, size, true, &view, &err) == RNM_OK) {
            fail_msg("bit %llu of byte %llu is not covered", (unsigned long long)(bit % 8),
                     (unsigned long long)(bit / 8));
        }
        assert_true(err.text[0] != '\0');
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
}

/* Expands and decodes everything, so that sanitizers see what a bad number would lead to. */
static float walk(const rnm_view *view) {
    static float child[12 * 12 * 9];
    float sum = 0;
    for (uint32_t k = 0; k < view->recipe_count; k++) {
        rnm_child c = rnm_view_child(view, k);
        if ((uint64_t)c.co * c.ci * c.taps <= sizeof child / sizeof *child) {
            rnm_expand_ref(&c, child);
            sum += child[0];
        }
    }
    for (uint32_t k = 0; k < view->graph->node_count; k++) {
        sum += (float)rnm_view_attrs(view, k).group;
    }
    for (uint32_t k = 0; k < view->graph->value_count; k++) {
        sum += (float)rnm_view_shape(view, k).rank;
    }
    for (uint32_t k = 0; k < view->label_count; k++) {
        sum += (float)strlen(rnm_view_string(view, view->labels[k]));
    }
    return sum;
}

static void test_every_bit_resealed(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *good = builder_small_cnn(&size);
    uint8_t *bytes = aligned_alloc(RNM_ALIGNMENT, (size + 63) / 64 * 64);
    uint64_t accepted = 0;
    uint64_t refused = 0;
    assert_non_null(bytes);
    for (uint64_t bit = 0; bit < size * 8; bit++) {
        rnm_view view;
        rnm_error err = {.status = RNM_OK};
        memcpy(bytes, good, size);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        builder_reseal(bytes, size);
        rnm_status status = specimen_open(bytes, size, true, &view, &err);
        assert_true(status != RNM_ERR_DIGEST || bit / 8 < sizeof(rnm_header));
        if (status == RNM_OK) {
            accepted++;
            assert_true(walk(&view) == walk(&view));
        } else {
            refused++;
            assert_true(err.text[0] != '\0');
        }
    }
    assert_true(accepted > 1000 && refused > 5000);
    free(good);
    free(bytes);
}

static void test_every_cut(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    for (uint64_t cut = 0; cut < size; cut++) {
        /* A copy of exactly that size, so that a read behind it is seen. */
        uint8_t *copy = malloc(cut + 1);
        rnm_view view;
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        copy = realloc(copy, cut > 0 ? cut : 1);
        assert_int_equal(specimen_open(copy, cut, true, &view, NULL), RNM_ERR_FORMAT);
        if (cut >= sizeof(rnm_header)) {
            /* Likewise where the header agrees with the cut. */
            memcpy(copy + offsetof(rnm_header, file_length), &cut, sizeof cut);
            builder_reseal(copy, cut);
            assert_int_equal(specimen_open(copy, cut, true, &view, NULL), RNM_ERR_FORMAT);
        }
        free(copy);
    }
    free(bytes);
}

static void test_trailing_bytes(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    for (uint64_t more = 1; more <= 130; more++) {
        uint64_t length = size + more;
        uint8_t *copy = calloc(1, length);
        assert_non_null(copy);
        memcpy(copy, bytes, size);
        specimen_expect_refused("trailing", copy, length, RNM_ERR_FORMAT, "file length");
        memcpy(copy + offsetof(rnm_header, file_length), &length, sizeof length);
        builder_reseal(copy, length);
        specimen_expect_refused("trailing", copy, length, RNM_ERR_FORMAT, "end the file");
        free(copy);
    }
    free(bytes);
}

static void test_skipped_digests(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_view view;
    *(float *)specimen_find(bytes, PART_DATA, "conv1.bias") = 0.75f;
    specimen_expect_refused("digest", bytes, size, RNM_ERR_DIGEST, "data: digest");
    assert_int_equal(specimen_open(bytes, size, false, &view, NULL), RNM_OK);
    ((rnm_recipe_rec *)specimen_find(bytes, PART_RECIPE, "fc.weight"))->transform = 9;
    assert_int_equal(specimen_open(bytes, size, false, &view, NULL), RNM_ERR_FORMAT);
    free(bytes);
}

static void test_alignment(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_view view;
    assert_int_equal(specimen_open(bytes + 4, size - 4, true, &view, NULL), RNM_ERR_ARGUMENT);
    assert_int_equal(specimen_open(NULL, 0, true, &view, NULL), RNM_ERR_ARGUMENT);
    free(bytes);
}

/* ---- memory and limits ----------------------------------------------------------------------- */

typedef struct failing {
    int left; /* allocations before one fails; negative: none does */
    int64_t held;
    int made;
} failing;

static void *failing_alloc(void *user, size_t size, size_t alignment) {
    failing *f = user;
    assert_true(size > 0);
    if (f->left == 0) {
        return NULL;
    }
    f->left--;
    f->made++;
    f->held += (int64_t)size;
    return specimen_allocator.alloc(NULL, size, alignment);
}

static void failing_release(void *user, void *pointer, size_t size) {
    failing *f = user;
    f->held -= (int64_t)size;
    free(pointer);
}

static void test_failing_allocator(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_status status = RNM_ERR_MEMORY;
    for (int k = 0; status != RNM_OK; k++) {
        failing f = {.left = k};
        const rnm_allocator allocator = {failing_alloc, failing_release, &f};
        rnm_view view;
        rnm_error err;
        status = rnm_view_open(&view, bytes, size, true, NULL, &allocator, &err);
        assert_true(status == RNM_OK || (status == RNM_ERR_MEMORY && err.status == status));
        assert_true(f.held == 0);
        assert_true(k < 100);
    }
    /* Refused for its contents, it gives back all the same. */
    failing f = {.left = -1};
    const rnm_allocator allocator = {failing_alloc, failing_release, &f};
    rnm_view view;
    ((rnm_node_rec *)specimen_find(bytes, PART_NODE, "fc"))->op = 999;
    assert_int_equal(rnm_view_open(&view, bytes, size, false, NULL, &allocator, NULL),
                     RNM_ERR_FORMAT);
    assert_true(f.made > 0 && f.held == 0);
    free(bytes);
}

static void test_lower_limits(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    const uint64_t largest = 4 * 12 * 12 * 9;
    const uint64_t all = 4 * (10 * 3 * 9 + 12 * 10 * 9 + 12 * 12 * 9 + 7 * 12);
    const struct {
        rnm_read_limits limits;
        rnm_status status;
    } cases[] = {
        {{0, 0}, RNM_OK},
        {{largest, all}, RNM_OK},
        {{largest - 1, 0}, RNM_ERR_LIMIT},
        {{0, all - 1}, RNM_ERR_LIMIT},
        {{UINT64_MAX, UINT64_MAX}, RNM_OK},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        rnm_view view;
        assert_int_equal(
            rnm_view_open(&view, bytes, size, true, &cases[k].limits, &specimen_allocator, NULL),
            cases[k].status);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_attrs_and_shapes),
        cmocka_unit_test(test_all_attrs),
        cmocka_unit_test(test_empty_graph),
        cmocka_unit_test(test_every_bit_is_covered),
        cmocka_unit_test(test_every_bit_resealed),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_trailing_bytes),
        cmocka_unit_test(test_skipped_digests),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_failing_allocator),
        cmocka_unit_test(test_lower_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
