/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that runs out at every possible point: each failing call must say so, leave its result
 * untouched and give back all that it took.
 */
#include "rnm.h"
#include "rnm_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Allows `left` allocations, then none. Counts what is out. */
typedef struct purse {
    long left;
    uint64_t bytes;
    long blocks;
    bool wrong; /* alignment or size was not what it should be */
} purse;

static void *purse_alloc(void *user, size_t size, size_t alignment) {
    purse *p = user;
    void *pointer;
    p->wrong = p->wrong || size == 0 || alignment > 4096 || (alignment & (alignment - 1)) != 0;
    if (p->left <= 0 || posix_memalign(&pointer, alignment, size) != 0) {
        return NULL;
    }
    --p->left;
    ++p->blocks;
    p->bytes += size;
    memset(pointer, 0xa5, size); /* nothing may count on zeros */
    return pointer;
}

static void purse_release(void *user, void *pointer, size_t size) {
    purse *p = user;
    p->wrong = p->wrong || pointer == NULL || size > p->bytes;
    --p->blocks;
    p->bytes -= size;
    free(pointer);
}

enum { ENOUGH = 1000000 };

static void opening_fails_cleanly(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    uint8_t *moved = malloc((size_t)size + 64);
    assert_non_null(moved);
    memcpy(moved + 1, bytes, (size_t)size);
    const uint8_t *starts[] = {bytes, moved + 1};
    for (size_t s = 0; s < 2; ++s) {
        long allowed = 0;
        rnm_status status;
        do {
            purse p = {.left = allowed++};
            rnm_allocator allocator = {purse_alloc, purse_release, &p};
            rnm_model_options options = {.allocator = &allocator};
            rnm_model *model = NULL;
            rnm_error error = {0};
            status = rnm_model_open_memory(starts[s], (size_t)size, &options, &model, &error);
            if (status == RNM_OK) {
                rnm_model_close(model);
            } else {
                assert_int_equal(status, RNM_ERR_MEMORY);
                assert_int_equal(error.status, RNM_ERR_MEMORY);
                assert_null(model);
            }
            assert_false(p.wrong);
            assert_int_equal(p.blocks, 0);
            assert_int_equal(p.bytes, 0);
        } while (status != RNM_OK);
        assert_true(allowed > 3);
    }
    free(moved);
    free(bytes);
}

/* A tuning without layers. */
static void write_tuning(const rnm_model *model, int threads, char *text, size_t size) {
    rnm_context_options options = {.threads = threads, .plan_only = true};
    rnm_context *context = NULL;
    assert_int_equal(rnm_context_create(model, &options, &context, NULL), RNM_OK);
    assert_true(rnm_tuning_text(context, NULL, 0, text, size) < size);
    rnm_context_destroy(context);
}

typedef uint8_t *builder(uint64_t *size);

/* A fully connected s layer that runs as a mixture of its blocks. */
static uint8_t *build_mixed(uint64_t *size) {
    enum { BLOCKS = 16, PO = 32, PI = 16, OUT = BLOCKS * PO, IN = BLOCKS * PI };
    static const uint32_t dims[] = {PI, PO};
    static const int64_t in[] = {1, IN}, out[] = {1, OUT};
    float parent[PI * PO], betas[2 * BLOCKS * BLOCKS];
    for (int k = 0; k < PI * PO; ++k) {
        parent[k] = (float)(k % 31) / 15.0f - 1.0f;
    }
    for (int k = 0; k < BLOCKS * BLOCKS; ++k) {
        betas[2 * k] = 1.0f;
        betas[2 * k + 1] = (float)(k % 17) / 8.0f - 1.0f;
    }
    rnm_builder *b = builder_new();
    const rnm_recipe_rec recipe = {
        .transform = RNM_TRANSFORM_S,
        .rank = 2,
        .dims = {OUT, IN},
        .parent = builder_tensor(b, "parent", RNM_F32, RNM_ROLE_PARENT, 2, dims, parent),
        .betas = builder_betas(b, "betas", BLOCKS * BLOCKS, betas),
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    const uint32_t inputs[] = {builder_input(b, "x", 2, in),
                               builder_recipe_value(b, "w", builder_recipe(b, "w", recipe))};
    const uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, out);
    builder_node(b, "node", RNM_OP_Gemm, 2, inputs, y);
    builder_output(b, y);
    return builder_finish(b, size);
}

static void mixtures_are_made(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = build_mixed(&size);
    rnm_model *model;
    rnm_context *context;
    rnm_layer layer;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    assert_int_equal(rnm_context_create(model, NULL, &context, NULL), RNM_OK);
    assert_true(rnm_context_layer(context, 0, &layer));
    assert_true(layer.mixed_blocks > 1);
    rnm_context_destroy(context);
    rnm_model_close(model);
    free(bytes);
}

static void contexts_fail_cleanly(void **state) {
    builder *const *build = *state;
    uint64_t size;
    uint8_t *bytes = (*build)(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER,
                                       RNM_EXPAND_PANEL};
    for (size_t m = 0; m < 12; ++m) {
        long allowed = 0;
        rnm_status status;
        char tuning[1024];
        write_tuning(model, 1 + (int)(m / 4 % 2), tuning, sizeof tuning);
        do {
            purse p = {.left = allowed++};
            rnm_allocator allocator = {purse_alloc, purse_release, &p};
            rnm_context_options options = {.expand = modes[m % 4],
                                           .threads = 1 + (int)(m / 4 % 2),
                                           .no_xnnpack = m >= 4,
                                           .memory_limit = m >= 8 ? (uint64_t)1 << 20 : 0,
                                           .tuning = m >= 8 ? tuning : NULL,
                                           .profile = m % 2 != 0,
                                           .allocator = &allocator};
            rnm_context *context = NULL;
            rnm_error error = {0};
            status = rnm_context_create(model, &options, &context, &error);
            if (status == RNM_OK) {
                /* A run takes nothing. */
                long blocks = p.blocks;
                p.left = 0;
                assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
                assert_int_equal(p.blocks, blocks);
                rnm_context_destroy(context);
            } else {
                assert_int_equal(status, RNM_ERR_MEMORY);
                assert_int_equal(error.status, RNM_ERR_MEMORY);
                assert_null(context);
            }
            assert_false(p.wrong);
            assert_int_equal(p.blocks, 0);
            assert_int_equal(p.bytes, 0);
        } while (status != RNM_OK);
        assert_true(allowed > 5);
    }
    rnm_model_close(model);
    free(bytes);
}

/* The context takes the model's allocator when it is given none. */
static void contexts_inherit_the_allocator(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    purse p = {.left = ENOUGH};
    rnm_allocator allocator = {purse_alloc, purse_release, &p};
    rnm_model_options options = {.allocator = &allocator};
    rnm_model *model;
    rnm_context *context;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, &options, &model, NULL), RNM_OK);
    long blocks = p.blocks;
    assert_int_equal(rnm_context_create(model, NULL, &context, NULL), RNM_OK);
    assert_true(p.blocks > blocks);
    rnm_report report;
    rnm_context_report(context, &report);
    assert_int_equal(report.total, report.mapped + report.xnnpack + p.bytes);
    rnm_context_destroy(context);
    assert_int_equal(p.blocks, blocks);
    rnm_model_close(model);
    assert_int_equal(p.blocks, 0);
    free(bytes);
}

/* Batches up to what no machine has: a refusal, or a context that works; nothing is left. */
static void sizes_grow_until_refused(void **state) {
    const rnm_expand mode = *(const rnm_expand *)*state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    rnm_status last = RNM_OK;
    for (int64_t batch = 1; batch <= INT32_MAX; batch *= 8) {
        purse p = {.left = ENOUGH};
        rnm_allocator allocator = {purse_alloc, purse_release, &p};
        rnm_context_options options = {.expand = mode,
                                       .symbols = &batch,
                                       .symbol_count = 1,
                                       .max_bytes = (uint64_t)16 << 20,
                                       .allocator = &allocator};
        rnm_context *context;
        last = rnm_context_create(model, &options, &context, NULL);
        if (last == RNM_OK) {
            rnm_context_destroy(context);
        } else {
            assert_int_equal(last, RNM_ERR_LIMIT);
        }
        assert_int_equal(p.blocks, 0);
    }
    assert_int_equal(last, RNM_ERR_LIMIT);
    rnm_model_close(model);
    free(bytes);
}

typedef struct large_layer {
    uint32_t channels, kernel;
    uint8_t transform; /* linear, or s of BLOCKS pairs */
    bool panel_fits;
} large_layer;

enum { SIDE_BLOCKS = 64, BLOCKS = SIDE_BLOCKS * SIDE_BLOCKS };

/* One layer of co x ci x kernel x kernel, SIDE_BLOCKS blocks along both. */
static rnm_model *open_layer(const large_layer *layer, uint8_t **bytes) {
    const uint32_t channels = layer->channels, kernel = layer->kernel;
    const uint32_t block = channels / SIDE_BLOCKS;
    const int64_t side = (int64_t)kernel + 1;
    const int64_t x_dims[4] = {1, channels, side, side}, y_dims[4] = {1, channels, 2, 2};
    const uint32_t dims[4] = {block, kernel, kernel, block};
    float *parent = calloc((size_t)block * block * kernel * kernel, sizeof *parent);
    static const float betas[2 * BLOCKS];
    assert_non_null(parent);
    rnm_builder *b = builder_new();
    rnm_recipe_rec recipe = {
        .transform = layer->transform,
        .rank = 4,
        .dims = {channels, channels, kernel, kernel},
        .parent = builder_tensor(b, "parent", RNM_F32, RNM_ROLE_PARENT, 4, dims, parent),
        .betas =
            layer->transform == RNM_TRANSFORM_S ? builder_betas(b, "b", BLOCKS, betas) : RNM_NONE,
        .mask = RNM_NONE,
        .zeros = RNM_NONE};
    uint32_t weight = builder_recipe_value(b, "w", builder_recipe(b, "w", recipe));
    uint32_t x = builder_input(b, "x", 4, x_dims);
    uint32_t last = builder_activation(b, "last", RNM_LAYOUT_CHANNELS_LAST, 4, x_dims);
    uint32_t maps = builder_activation(b, "maps", RNM_LAYOUT_CHANNELS_LAST, 4, y_dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, y_dims);
    builder_node(b, "last", RNM_OP_Reorder, 1, &x, last);
    builder_node(b, "conv", RNM_OP_Conv, 2, (uint32_t[]){last, weight}, maps);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &maps, y);
    builder_output(b, y);
    uint64_t size;
    *bytes = builder_finish(b, &size);
    rnm_model *model = NULL;
    rnm_error error = {0};
    if (rnm_model_open_memory(*bytes, (size_t)size, NULL, &model, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    free(parent);
    return model;
}

/* A small file's layer that is large when expanded takes little in panel mode, and the same limit
 * refuses what the other modes would take; a linear one takes little in all modes, as none expands
 * it; a kernel of very many taps is refused in every mode. */
static void compact_files_of_large_layers(void **state) {
    (void)state;
    static const large_layer layers[] = {
        {4096, 1, RNM_TRANSFORM_S, true},           {1024, 3, RNM_TRANSFORM_S, true},
        {SIDE_BLOCKS, 211, RNM_TRANSFORM_S, false}, {4096, 1, RNM_TRANSFORM_LINEAR, true},
        {1024, 3, RNM_TRANSFORM_LINEAR, true},      {SIDE_BLOCKS, 211, RNM_TRANSFORM_LINEAR, false},
    };
    for (size_t k = 0; k < sizeof layers / sizeof *layers; ++k) {
        uint8_t *bytes;
        rnm_model *model = open_layer(&layers[k], &bytes);
        const bool linear = layers[k].transform == RNM_TRANSFORM_LINEAR;
        for (int mode = RNM_EXPAND_LOAD; mode <= RNM_EXPAND_PANEL; ++mode) {
            purse p = {.left = ENOUGH};
            rnm_allocator allocator = {purse_alloc, purse_release, &p};
            rnm_context_options options = {.expand = (rnm_expand)mode,
                                           .no_xnnpack = true,
                                           .max_bytes = (uint64_t)8 << 20,
                                           .allocator = &allocator};
            rnm_context *context = NULL;
            rnm_status status = rnm_context_create(model, &options, &context, NULL);
            bool fits = (mode == RNM_EXPAND_PANEL || linear) && layers[k].panel_fits;
            assert_int_equal(status, fits ? RNM_OK : RNM_ERR_LIMIT);
            if (fits) {
                assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            }
            rnm_context_destroy(context);
            /* A memory limit of as much works in every mode, by panels. */
            options.memory_limit = options.max_bytes;
            options.max_bytes = 0;
            context = NULL;
            status = rnm_context_create(model, &options, &context, NULL);
            assert_int_equal(status, layers[k].panel_fits ? RNM_OK : RNM_ERR_LIMIT);
            if (context != NULL) {
                rnm_report report;
                assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
                rnm_context_report(context, &report);
                assert_true(report.total <= options.memory_limit);
                assert_true(p.bytes <= options.memory_limit);
            }
            rnm_context_destroy(context);
            assert_int_equal(p.blocks, 0);
            assert_false(p.wrong);
        }
        rnm_model_close(model);
        free(bytes);
    }
}

int main(void) {
    static rnm_expand layer = RNM_EXPAND_LAYER, panel = RNM_EXPAND_PANEL;
    static builder *cnn = builder_small_cnn, *mixed = build_mixed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails_cleanly),
        cmocka_unit_test(mixtures_are_made),
        {"contexts_fail_cleanly, convolutions", contexts_fail_cleanly, NULL, NULL, &cnn},
        {"contexts_fail_cleanly, a mixture", contexts_fail_cleanly, NULL, NULL, &mixed},
        cmocka_unit_test(contexts_inherit_the_allocator),
        {"sizes_grow_until_refused, layer", sizes_grow_until_refused, NULL, NULL, &layer},
        {"sizes_grow_until_refused, panel", sizes_grow_until_refused, NULL, NULL, &panel},
        cmocka_unit_test(compact_files_of_large_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
