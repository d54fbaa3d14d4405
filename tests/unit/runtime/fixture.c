/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime's tests share.
 */
#include "fixture.h"

#include "cpu.h"
#include "half.h"
#include "model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t random_next(rng *r) {
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)(r->state >> 32);
}

uint32_t random_below(rng *r, uint32_t limit) {
    return (uint32_t)((uint64_t)random_next(r) * limit >> 32);
}

float random_float(rng *r) {
    return (float)(random_next(r) >> 8) / 8388608.0f - 1.0f;
}

void random_fill(rng *r, float *dst, size_t count) {
    for (size_t k = 0; k < count; ++k) {
        dst[k] = random_float(r);
    }
}

static uint32_t random_parent(rng *r, rnm_builder *b, const char *name, const recipe_plan *plan) {
    uint32_t dims[5];
    uint32_t count = plan->pi * plan->po;
    dims[0] = plan->pi;
    for (unsigned axis = 2; axis < plan->rank; ++axis) {
        dims[axis - 1] = plan->dims[axis];
        count *= plan->dims[axis];
    }
    dims[plan->rank - 1] = plan->po;
    float *values = malloc(count * sizeof *values);
    uint16_t *halves = malloc(count * sizeof *halves);
    assert_true(values != NULL && halves != NULL);
    random_fill(r, values, count);
    values[0] = -0.0f;
    for (uint32_t k = 0; k < count; ++k) {
        halves[k] =
            plan->parent_dtype == RNM_F16 ? rnm_f32_to_f16(values[k]) : rnm_f32_to_bf16(values[k]);
    }
    const void *data = plan->parent_dtype == RNM_F32 ? (const void *)values : halves;
    uint32_t tensor =
        builder_tensor(b, name, plan->parent_dtype, RNM_ROLE_PARENT, plan->rank, dims, data);
    free(halves);
    free(values);
    return tensor;
}

/* A plane of random bits, one in `one_in` set, those of outputs that do not exist zero; *set is
 * their number. */
static uint8_t *random_plane(rng *r, const recipe_plan *plan, uint32_t taps, uint32_t one_in,
                             uint32_t *bytes) {
    uint32_t co = plan->dims[0], ci = plan->dims[1];
    *bytes = (uint32_t)rnm_mask_bytes(co, ci, taps);
    uint8_t *plane = calloc(*bytes, 1);
    assert_non_null(plane);
    for (uint32_t o = 0; o < co; ++o) {
        for (uint32_t i = 0; i < ci; ++i) {
            for (uint32_t t = 0; t < taps; ++t) {
                uint64_t position = rnm_mask_position(co, ci, taps, o, i, t);
                unsigned bit = random_below(r, one_in) == 0;
                plane[position / 8] = (uint8_t)(plane[position / 8] | bit << position % 8);
            }
        }
    }
    return plane;
}

static uint32_t random_zeros(rng *r, rnm_builder *b, const char *name, const recipe_plan *plan,
                             uint32_t taps) {
    if (plan->zeros == 0) {
        return RNM_NONE;
    }
    uint32_t bytes;
    uint8_t *plane = random_plane(r, plan, taps, plan->zeros == 1 ? 40 : 4, &bytes);
    plane[0] |= 1; /* a list of nothing is no tensor */
    uint32_t tensor;
    if (plan->zeros == 2) {
        tensor = builder_plane(b, name, RNM_ROLE_ZERO_PLANE, bytes, plane);
    } else {
        uint32_t *list = malloc(8u * bytes * sizeof *list);
        assert_non_null(list);
        uint32_t count = 0;
        for (uint32_t bit = 0; bit < 8 * bytes; ++bit) {
            if ((plane[bit / 8] >> bit % 8 & 1) != 0) {
                list[count++] = bit;
            }
        }
        tensor = builder_zero_list(b, name, count, list);
        free(list);
    }
    free(plane);
    return tensor;
}

uint32_t random_recipe(rng *r, rnm_builder *b, const char *name, recipe_plan plan) {
    char text[64];
    uint32_t taps = 1;
    rnm_recipe_rec recipe = {
        .transform = plan.transform,
        .flags = plan.flags,
        .rank = plan.rank,
        .betas = RNM_NONE,
        .mask = RNM_NONE,
        .zeros = RNM_NONE,
    };
    for (unsigned axis = 0; axis < plan.rank; ++axis) {
        recipe.dims[axis] = plan.dims[axis];
        taps *= axis >= 2 ? plan.dims[axis] : 1;
    }
    snprintf(text, sizeof text, "%s.parent", name);
    recipe.parent = random_parent(r, b, text, &plan);
    if (plan.transform == RNM_TRANSFORM_S) {
        uint32_t pairs =
            (uint32_t)rnm_beta_pairs(plan.dims[0], plan.dims[1], plan.po, plan.pi, plan.flags);
        float *betas = malloc(pairs * 2 * sizeof *betas);
        assert_non_null(betas);
        random_fill(r, betas, pairs * 2);
        betas[1] *= plan.steepness == 0.0f ? 200.0f : 1.0f;
        for (uint32_t k = 0; plan.steepness > 0.0f && k < pairs; ++k) {
            betas[2 * k + 1] *= plan.steepness;
        }
        snprintf(text, sizeof text, "%s.betas", name);
        recipe.betas = builder_betas(b, text, pairs, betas);
        free(betas);
    }
    if (plan.transform == RNM_TRANSFORM_F || plan.transform == RNM_TRANSFORM_DROP) {
        uint32_t bytes;
        uint8_t *plane = random_plane(r, &plan, taps, 2, &bytes);
        snprintf(text, sizeof text, "%s.mask", name);
        recipe.mask = builder_plane(b, text, RNM_ROLE_MASK, bytes, plane);
        free(plane);
    }
    if (plan.transform == RNM_TRANSFORM_F) {
        snprintf(text, sizeof text, "%s.zeros", name);
        recipe.zeros = random_zeros(r, b, text, &plan, taps);
    }
    return builder_recipe_value(b, name, builder_recipe(b, name, recipe));
}

opened open_bytes(uint8_t *bytes, uint64_t size) {
    opened result = {.bytes = bytes};
    rnm_error error = {0};
    if (rnm_model_open_memory(bytes, (size_t)size, NULL, &result.model, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return result;
}

opened open_built(rnm_builder *b) {
    uint64_t size;
    uint8_t *bytes = builder_finish(b, &size);
    return open_bytes(bytes, size);
}

void close_opened(opened model) {
    rnm_model_close(model.model);
    free(model.bytes);
}

float *reference_child(const rnm_model *model, uint32_t recipe) {
    rnm_child child = rnm_view_child(&model->view, recipe);
    float *weights = malloc((size_t)child.co * child.ci * child.taps * sizeof *weights);
    assert_non_null(weights);
    rnm_expand_ref(&child, weights);
    return weights;
}

float *run_model(const rnm_model *model, const rnm_context_options *options,
                 const float *const *inputs) {
    rnm_context *context;
    rnm_error error = {0};
    rnm_context_options asked = options != NULL ? *options : (rnm_context_options){0};
    asked.isa = asked.isa != RNM_ISA_BEST ? asked.isa : asked_isa();
    if (rnm_context_create(model, &asked, &context, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    for (int k = 0; k < rnm_model_input_count(model); ++k) {
        rnm_tensor *input = rnm_context_input(context, k);
        memcpy(input->data, inputs[k], input->bytes);
    }
    for (int times = 0; times < 2; ++times) {
        if (rnm_context_run(context, &error) != RNM_OK) {
            fail_msg("%s", error.text);
        }
    }
    for (int k = 0; k < rnm_model_input_count(model); ++k) {
        const rnm_tensor *input = rnm_context_input(context, k);
        assert_memory_equal(input->data, inputs[k], input->bytes);
    }
    const rnm_tensor *output = rnm_context_output(context, 0);
    float *copy = malloc(output->bytes);
    assert_non_null(copy);
    memcpy(copy, output->data, output->bytes);
    rnm_context_destroy(context);
    return copy;
}

void check_close(const float *found, const double *wanted, size_t count, double tolerance,
                 const char *what) {
    for (size_t k = 0; k < count; ++k) {
        double difference = fabs((double)found[k] - wanted[k]);
        if (!(difference <= tolerance * fmax(1.0, fabs(wanted[k])))) {
            fail_msg("%s: element %zu: expected %.9g, found %.9g", what, k, wanted[k],
                     (double)found[k]);
        }
    }
}

void check_within(const float *found, const double *wanted, size_t count, double tolerance,
                  const char *what) {
    for (size_t k = 0; k < count; ++k) {
        if (!(fabs((double)found[k] - wanted[k]) <= tolerance)) {
            fail_msg("%s: element %zu: expected %.9g within %.3g, found %.9g", what, k, wanted[k],
                     tolerance, (double)found[k]);
        }
    }
}

double winograd_tolerance(const double *sums, size_t count) {
    double most = 1.0;
    for (size_t k = 0; k < count; ++k) {
        most = fmax(most, fabs(sums[k]));
    }
    return 1e-4 * most;
}

float *run_all_modes(const rnm_model *model, const rnm_context_options *options,
                     const float *const *inputs, size_t count) {
    static const struct {
        rnm_expand expand;
        bool threads;
    } ways[] = {
        {RNM_EXPAND_PANEL, false}, {RNM_EXPAND_LAYER, false}, {RNM_EXPAND_LAZY, false},
        {RNM_EXPAND_LOAD, false},  {RNM_EXPAND_PANEL, true},  {RNM_EXPAND_LAYER, true},
    };
    rnm_context_options way = *options;
    way.no_xnnpack = true;
    float *first = NULL;
    for (size_t k = 0; k < sizeof ways / sizeof *ways; ++k) {
        if (ways[k].threads && options->threads <= 1) {
            continue;
        }
        way.expand = ways[k].expand;
        way.threads = ways[k].threads ? options->threads : 1;
        float *output = run_model(model, &way, inputs);
        if (first == NULL) {
            first = output;
            continue;
        }
        assert_memory_equal(output, first, count * sizeof *output);
        free(output);
    }
    return first;
}

rnm_isa asked_isa(void) {
    const char *name = getenv("RNM_TEST_ISA");
    const rnm_variant *variant;
    for (size_t k = 0; name != NULL && (variant = rnm_kernels_variant(k)) != NULL; ++k) {
        if (strcmp(variant->kernels->name, name) == 0) {
            return variant->isa;
        }
    }
    assert_null(name);
    return RNM_ISA_BEST;
}

size_t all_isas(rnm_isa isas[MOST_ISAS]) {
    const uint32_t features = rnm_cpu_features();
    const rnm_isa asked = asked_isa();
    const rnm_variant *variant;
    size_t count = 0;
    for (size_t k = 0; (variant = rnm_kernels_variant(k)) != NULL; ++k) {
        if ((variant->needs & ~features) == 0 && (asked == RNM_ISA_BEST || asked == variant->isa)) {
            assert_true(count < MOST_ISAS);
            isas[count++] = variant->isa;
        }
    }
    assert_true(count > 0);
#ifdef __SANITIZE_THREAD__
    /* Threads meet in what is around the kernels, and is one for all: the last ones will do. */
    isas[0] = isas[count - 1];
    count = 1;
#endif
    return count;
}

const rnm_kernels *kernels_of(rnm_isa isa) {
    const rnm_kernels *kernels = NULL;
    assert_int_equal(rnm_kernels_select(rnm_cpu_features(), isa, &kernels, NULL), RNM_OK);
    return kernels;
}
