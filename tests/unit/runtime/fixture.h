/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime's tests share: random numbers and recipes, models opened from a builder, and one
 * call that makes a context, runs it and gives the output back.
 */
#ifndef RNM_RUNTIME_FIXTURE_H
#define RNM_RUNTIME_FIXTURE_H

#include "expand_ref.h"
#include "kernels/select.h"
#include "rnm.h"
#include "rnm_builder.h"

#include <stdbool.h>

/* A 64-bit xorshift: the same numbers on every host. Seed with anything but 0. */
typedef struct rng {
    uint64_t state;
} rng;

uint32_t random_below(rng *r, uint32_t limit);
float random_float(rng *r); /* in [-1, 1) */
void random_fill(rng *r, float *dst, size_t count);

/* Adds a recipe value of child `dims` [co, ci, kernel...] with a random parent and whatever the
 * transform takes. flags as in rnm_recipe_rec; an interleaved one gets a parent that divides. */
typedef struct recipe_plan {
    uint8_t transform, flags;
    uint8_t rank;
    uint32_t dims[5];
    uint32_t po, pi;
    rnm_dtype parent_dtype;
    unsigned zeros;  /* of an f recipe: 0 none, 1 a list, 2 a plane */
    float steepness; /* of an s recipe: the largest |b2|; 0: one reaches exp's overflow */
} recipe_plan;
uint32_t random_recipe(rng *r, rnm_builder *b, const char *name, recipe_plan plan);

/* A model and the bytes that it lies in. */
typedef struct opened {
    rnm_model *model;
    uint8_t *bytes;
} opened;

/* Finishes the builder and opens what it made; fails the test when that is refused. */
opened open_built(rnm_builder *b);
opened open_bytes(uint8_t *bytes, uint64_t size);
void close_opened(opened model);

/* Child `recipe` of the model by the scalar reference, [co][ci][taps]; the caller frees. */
float *reference_child(const rnm_model *model, uint32_t recipe);

/* Makes a context, fills input k with inputs[k], runs twice (so that what a run leaves behind is
 * seen) and gives a copy of output 0, which the caller frees. */
float *run_model(const rnm_model *model, const rnm_context_options *options,
                 const float *const *inputs);

/* Fails the test unless every |found - wanted| <= tolerance * max(1, |wanted|); a NaN fails. */
void check_close(const float *found, const double *wanted, size_t count, double tolerance,
                 const char *what);

/* Fails the test unless every |found - wanted| <= tolerance; a NaN fails. */
void check_within(const float *found, const double *wanted, size_t count, double tolerance,
                  const char *what);

/* What Winograd may be off where sums are as large as these: 1e-4 of max(1, the largest |x|). */
double winograd_tolerance(const double *sums, size_t count);

/* Runs in every mode of our kernels with one thread, and in some with options->threads where those
 * are more; fails the test unless all outputs, of `count` floats, are equal bit for bit. Gives one
 * of them, which the caller frees. The mode that `options` asks for is passed over. (Threads spend
 * most of their time waiting for each other here: test_modes.c has the whole square.) */
float *run_all_modes(const rnm_model *model, const rnm_context_options *options,
                     const float *const *inputs, size_t count);

/* The instruction set that the environment variable RNM_TEST_ISA names, by which tests are rerun on
 * one alone; RNM_ISA_BEST without it. run_model takes it where its options ask for none. */
rnm_isa asked_isa(void);

/* The instruction sets that this CPU has kernels for, or the asked one alone; gives their number.
 * Under the thread sanitizer one of them. */
enum { MOST_ISAS = 4 };
size_t all_isas(rnm_isa isas[MOST_ISAS]);

/* What this CPU runs when `isa` is asked for. */
const rnm_kernels *kernels_of(rnm_isa isa);

#endif
