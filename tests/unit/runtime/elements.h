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

#endif
