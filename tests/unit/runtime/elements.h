/* SPDX-License-Identifier: Apache-2.0
 *
 * One node tried on random values: what tests of operators by element and along axes share.
 */
#ifndef ELEMENTS_H
#define ELEMENTS_H

#include "fixture.h"

#define MOST_INPUTS 9
#define MOST_ELEMENTS 8192

/* A node over inputs of any type, each row-major or channels-last, and its outputs. */
typedef struct trial {
    rnm_op op;
    int input_count, output_count;
    struct {
        rnm_dtype type;
        uint8_t layout;
        uint8_t rank; /* 255: absent */
        int64_t dims[RNM_MAX_RANK];
        const void *data; /* row-major */
    } in[MOST_INPUTS], out[3];
    void (*attributes)(rnm_builder *b, const struct trial *t);
    int64_t axis;
    int64_t number;
    bool flag;
} trial;

/* Builds the model, runs it with one thread and with three, and gives output k, row-major; both
 * must be the same. The caller frees. */
void *run_trial(const trial *t, int k, size_t *bytes);

size_t trial_elements(uint8_t rank, const int64_t *dims);

/* Random dims of 1 to 6, and what they come to. */
size_t trial_shape(rng *r, uint8_t rank, int64_t *dims);

/* Element k of any type but f16, as a number. */
double number_at(rnm_dtype type, const void *data, size_t k);
void put_number(rnm_dtype type, void *data, size_t k, double number);
bool is_real_type(rnm_dtype type);

/* Small numbers: whole ones where the type is an integer. */
void fill_numbers(rng *r, rnm_dtype type, void *data, size_t count);

/* Runs the trial and fails the test unless output 0, or k, is as wanted: exactly for integers,
 * within 2e-6 of max(1, |wanted|) for others. */
void check_trial(const trial *t, const double *wanted, const char *what);
void check_output(const trial *t, int k, const double *wanted, const char *what);

#endif
