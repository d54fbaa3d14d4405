/* SPDX-License-Identifier: Apache-2.0
 *
 * The small network end to end: against a naive evaluation, in every mode and with every number of
 * threads, whatever else is in the batch, and from several threads at once.
 */
#include "fixture.h"
#include "naive.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"

#define BATCH 5
#define IMAGE (3 * 8 * 8)
#define CLASSES 7

static opened open_small(void) {
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    return open_bytes(bytes, size);
}

static const float *stored(const rnm_model *model, const char *name) {
    const rnm_view *view = &model->view;
    for (uint32_t t = 0; t < view->tensor_count; ++t) {
        if (strcmp(rnm_view_string(view, view->tensors[t].name), name) == 0) {
            return rnm_view_tensor(view, t);
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* What rnm_builder.h draws, in f64. */
static void evaluate(const rnm_model *model, const float *image, double *logits) {
    naive_window conv1 = {1,         3,         10,        {1, 8, 8}, {1, 8, 8}, {1, 3, 3},
                          {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, 1};
    naive_window conv2 = {1,         10,        12,        {1, 8, 8}, {1, 4, 4}, {1, 3, 3},
                          {1, 2, 2}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, 1};
    naive_window conv3 = {1,         12,        12,        {1, 4, 4}, {1, 4, 4}, {1, 3, 3},
                          {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, 1};
    naive_window pool = {1,         12,        12,  {1, 4, 4}, {1, 2, 2}, {1, 2, 2},
                         {1, 2, 2}, {1, 1, 1}, {0}, {0},       1};
    naive_window mean = {1,         12,        12,  {1, 2, 2}, {1, 1, 1}, {1, 2, 2},
                         {1, 1, 1}, {1, 1, 1}, {0}, {0},       1};
    naive_window fc = {1,         12,        7,   {1, 1, 1}, {1, 1, 1}, {1, 1, 1},
                       {1, 1, 1}, {1, 1, 1}, {0}, {0},       1};
    double x[IMAGE], y1[640], y2[192], y3[192], y4[48], y5[12];
    float *weights[4];
    for (uint32_t k = 0; k < 4; ++k) {
        weights[k] = reference_child(model, k);
    }
    for (size_t k = 0; k < IMAGE; ++k) {
        x[k] = (double)image[k];
    }
    naive_conv(&conv1, x, weights[0], y1);
    naive_epilogue(y1, 1, 10, 64, stored(model, "conv1.scale"), stored(model, "conv1.bias"), NULL,
                   RNM_OP_Relu, 0, 0);
    naive_conv(&conv2, y1, weights[1], y2);
    naive_epilogue(y2, 1, 12, 16, NULL, stored(model, "conv2.bias"), NULL, RNM_OP_NONE, 0, 0);
    naive_conv(&conv3, y2, weights[2], y3);
    for (size_t k = 0; k < 192; ++k) {
        y3[k] += y2[k];
    }
    naive_pool(&pool, false, false, y3, y4);
    naive_pool(&mean, true, false, y4, y5);
    naive_conv(&fc, y5, weights[3], logits);
    naive_epilogue(logits, 1, 7, 1, NULL, stored(model, "fc.bias"), NULL, RNM_OP_NONE, 0, 0);
    for (uint32_t k = 0; k < 4; ++k) {
        free(weights[k]);
    }
}

static void equals_a_naive_evaluation(void **state) {
    (void)state;
    rng r = {30};
    float images[BATCH * IMAGE];
    double wanted[BATCH * CLASSES];
    random_fill(&r, images, BATCH * IMAGE);
    opened small = open_small();
    for (size_t n = 0; n < BATCH; ++n) {
        evaluate(small.model, images + n * IMAGE, wanted + n * CLASSES);
    }
    const float *inputs[] = {images};
    const int64_t batch = BATCH;
    rnm_isa isas[MOST_ISAS];
    const size_t isa_count = all_isas(isas);
    for (size_t k = 0; k < 2 * isa_count; ++k) {
        rnm_context_options options = {
            .isa = isas[k / 2], .direct_only = k % 2 == 0, .symbols = &batch, .symbol_count = 1};
        float *ours = run_model(small.model, &options, inputs);
        if (options.direct_only) {
            check_close(ours, wanted, BATCH * CLASSES, 2e-5, "direct");
        } else {
            check_within(ours, wanted, BATCH * CLASSES, winograd_tolerance(wanted, BATCH * CLASSES),
                         "winograd");
        }
        free(ours);
    }
    for (int threads = 1; threads <= 4; ++threads) {
        rnm_context_options options = {
            .expand = RNM_EXPAND_LOAD, .threads = threads, .symbols = &batch, .symbol_count = 1};
        float *loaded = run_model(small.model, &options, inputs);
        check_close(loaded, wanted, BATCH * CLASSES, 2e-5, "load");
        free(loaded);
    }
    close_opened(small);
}

/* Every mode with every number of threads on every instruction set, where run_all_modes takes
 * samples; and once without Winograd. */
static void modes_and_threads_agree(void **state) {
    (void)state;
    rng r = {33};
    float images[BATCH * IMAGE];
    random_fill(&r, images, BATCH * IMAGE);
    opened small = open_small();
    const float *inputs[] = {images};
    const int64_t batch = BATCH;
    rnm_isa isas[MOST_ISAS];
    const size_t isa_count = all_isas(isas);
    for (size_t k = 0; k <= isa_count; ++k) {
        rnm_context_options options = {.isa = isas[k % isa_count],
                                       .direct_only = k == isa_count,
                                       .symbols = &batch,
                                       .symbol_count = 1,
                                       .no_xnnpack = true};
        float *wanted = run_model(small.model, &options, inputs);
        for (int mode = RNM_EXPAND_LOAD; mode <= RNM_EXPAND_PANEL; ++mode) {
            for (int threads = 1; threads <= 4; ++threads) {
                options.expand = (rnm_expand)mode;
                options.threads = threads;
                float *found = run_model(small.model, &options, inputs);
                assert_memory_equal(found, wanted, BATCH * CLASSES * sizeof *found);
                free(found);
            }
        }
        free(wanted);
    }
    close_opened(small);
}

/* Other images in the batch, and an image's place in it. Batches of other sizes may take other
 * algorithms, so they are compared without Winograd. */
static void the_batch_changes_nothing(void **state) {
    (void)state;
    rng r = {31};
    float images[BATCH * IMAGE];
    random_fill(&r, images, BATCH * IMAGE);
    opened small = open_small();
    const float *all[] = {images};
    const int64_t batch = BATCH;
    rnm_context_options together = {.symbols = &batch, .symbol_count = 1};
    rnm_context_options alone = {.direct_only = true};
    float *before = run_model(small.model, &together, all);
    for (size_t n = 0; n < BATCH; ++n) {
        float moved[BATCH * IMAGE];
        const float *others[] = {moved};
        size_t place = (n + 2) % BATCH;
        random_fill(&r, moved, BATCH * IMAGE);
        memcpy(moved + place * IMAGE, images + n * IMAGE, IMAGE * sizeof *moved);
        float *found = run_model(small.model, &together, others);
        assert_memory_equal(found + place * CLASSES, before + n * CLASSES, CLASSES * sizeof *found);
        free(found);
    }
    free(before);
    together.direct_only = true;
    float *wanted = run_model(small.model, &together, all);
    for (size_t n = 0; n < BATCH; ++n) {
        const float *one[] = {images + n * IMAGE};
        float *found = run_model(small.model, &alone, one);
        assert_memory_equal(found, wanted + n * CLASSES, CLASSES * sizeof *found);
        free(found);
    }
    free(wanted);
    close_opened(small);
}

typedef struct user {
    const rnm_model *model;
    const float *image;
    rnm_expand expand;
    uint64_t limit;
    float logits[CLASSES];
    rnm_status status;
} user;

/* No asserts in here: cmocka's belong to the main thread. */
static void *use_model(void *argument) {
    user *u = argument;
    rnm_context_options options = {
        .expand = u->expand, .threads = 2, .memory_limit = u->limit, .profile = u->limit != 0};
    rnm_context *context;
    u->status = rnm_context_create(u->model, &options, &context, NULL);
    if (u->status != RNM_OK) {
        return NULL;
    }
    memcpy(rnm_context_input(context, 0)->data, u->image, IMAGE * sizeof(float));
    for (int times = 0; times < 20 && u->status == RNM_OK; ++times) {
        u->status = rnm_context_run(context, NULL);
    }
    memcpy(u->logits, rnm_context_output(context, 0)->data, sizeof u->logits);
    rnm_context_destroy(context);
    return NULL;
}

static void contexts_share_a_model(void **state) {
    (void)state;
    enum { USERS = 8 };
    static const rnm_expand modes[USERS] = {RNM_EXPAND_LAYER, RNM_EXPAND_LAZY,  RNM_EXPAND_LOAD,
                                            RNM_EXPAND_LOAD,  RNM_EXPAND_PANEL, RNM_EXPAND_PANEL,
                                            RNM_EXPAND_LAZY,  RNM_EXPAND_LAYER};
    rng r = {32};
    float image[IMAGE];
    double wanted[CLASSES];
    random_fill(&r, image, IMAGE);
    opened small = open_small();
    evaluate(small.model, image, wanted);
    pthread_t threads[USERS];
    user users[USERS];
    for (size_t k = 0; k < USERS; ++k) {
        users[k] = (user){.model = small.model,
                          .image = image,
                          .expand = modes[k],
                          .limit = k >= 5 ? (uint64_t)1 << 20 : 0};
        assert_int_equal(pthread_create(&threads[k], NULL, use_model, &users[k]), 0);
    }
    for (size_t k = 0; k < USERS; ++k) {
        pthread_join(threads[k], NULL);
        assert_int_equal(users[k].status, RNM_OK);
        check_within(users[k].logits, wanted, CLASSES, winograd_tolerance(wanted, CLASSES),
                     "a thread's context");
    }
    close_opened(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_a_naive_evaluation),
        cmocka_unit_test(modes_and_threads_agree),
        cmocka_unit_test(the_batch_changes_nothing),
        cmocka_unit_test(contexts_share_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
