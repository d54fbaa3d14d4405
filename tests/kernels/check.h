/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel check: every kernel of a table against naive C, on odd sizes, with guards around
 * whatever it writes. Inputs are allocated to the float, so that the address sanitizer sees every
 * read that kernels.h does not allow.
 */
#ifndef RNM_KERNELS_CHECK_H
#define RNM_KERNELS_CHECK_H

#include "kernels/kernels.h"

#include <stddef.h>
#include <stdint.h>

/* Half an ulp of 1: the unit of the error bounds below. */
#define ROUNDING 0x1p-24

typedef struct check {
    const rnm_kernels *kernels;
    uint64_t seed;
    uint64_t state;    /* of the random numbers */
    char subject[160]; /* kernel and sizes in hand, for messages */
    uint64_t compared;
    unsigned failures;
} check;

/* Names the case that is tried next. */
__attribute__((format(printf, 2, 3))) void check_case(check *c, const char *format, ...);

/* Counts a failure and prints the first few. */
__attribute__((format(printf, 2, 3))) void check_fail(check *c, const char *format, ...);

/* low .. high, both included. */
uint32_t check_random(check *c, uint32_t low, uint32_t high);
float check_float(check *c);     /* in [-1, 1) */
float check_any_float(check *c); /* zeros, subnormals, huge and tiny ones; no NaN, no infinity */

/* `count` floats of [-1, 1), or bytes, and nothing behind them; free. */
float *check_floats(check *c, size_t count);
void *check_bytes(size_t size);

/* Floats between guards. They hold the guards' pattern themselves, which is a NaN. */
typedef struct guarded {
    float *data;
    size_t count;
} guarded;

guarded check_guarded(size_t count);
void check_guards(check *c, guarded g); /* fails where a guard was overwritten */
void check_untouched(check *c, const float *from, size_t count); /* the same inside */
void check_release(guarded g);

/* |found - wanted| <= tolerance, and no NaN. `at` is told in the message. */
void check_near(check *c, size_t at, float found, double wanted, double tolerance);
void check_same(check *c, const float *found, const float *wanted, size_t count); /* bit for bit */
void check_ulps(check *c, size_t at, float found, double wanted, double most);

/* The distance of neighbouring floats in the binade of x. */
double ulp_of(double x);

uint32_t bits_of(float x);
float float_of(uint32_t bits);

/* The parts; each tries everything of its kernels. */
void check_gemm(check *c);
void check_winograd(check *c);
void check_transforms(check *c);
void check_tables(check *c);
void check_finish(check *c);
void check_expand(check *c);

/* Measures a table and prints it. */
void bench_kernels(const rnm_kernels *kernels);

/* 10^9 floating-point operations a second that nothing but registers bounds, for a table's vectors;
 * 0 where they were not measured. Runs about 10 ms. */
double bench_peak(const rnm_kernels *kernels);

/* Processor seconds of this thread. */
double bench_seconds(void);

#endif
