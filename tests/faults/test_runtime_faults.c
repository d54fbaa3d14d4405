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

static void contexts_fail_cleanly(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER};
    for (size_t m = 0; m < 6; ++m) {
        long allowed = 0;
        rnm_status status;
        do {
            purse p = {.left = allowed++};
            rnm_allocator allocator = {purse_alloc, purse_release, &p};
            rnm_context_options options = {.expand = modes[m % 3],
                                           .threads = 1 + (int)(m / 3),
                                           .no_xnnpack = m >= 3,
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
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    rnm_status last = RNM_OK;
    for (int64_t batch = 1; batch <= INT32_MAX; batch *= 8) {
        purse p = {.left = ENOUGH};
        rnm_allocator allocator = {purse_alloc, purse_release, &p};
        rnm_context_options options = {.expand = RNM_EXPAND_LAYER,
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails_cleanly),
        cmocka_unit_test(contexts_fail_cleanly),
        cmocka_unit_test(contexts_inherit_the_allocator),
        cmocka_unit_test(sizes_grow_until_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
