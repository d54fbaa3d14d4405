/* SPDX-License-Identifier: Apache-2.0
 *
 * Cast: element types into one another. Every number goes through an f64 or, between integers, an
 * i64, a block at a time: no rounding happens twice but from f64 to f16.
 */
#include "half.h"
#include "op.h"

#include <math.h>

#define BLOCK 512
#define ITEM_BLOCKS 16

typedef struct cast_job {
    const rnm_cast_step *step;
    const uint8_t *x;
    uint8_t *y;
} cast_job;

/* ---- from memory ----------------------------------------------------------------------------- */

#define LOAD(ctype)                                      \
    for (size_t k = 0; k < count; ++k) {                 \
        out[k] = ((const ctype *)(const void *)from)[k]; \
    }                                                    \
    break

static void load_reals(rnm_dtype type, const uint8_t *from, double *out, size_t count) {
    switch (type) {
    case RNM_F32:
        LOAD(float);
    case RNM_F64:
        LOAD(double);
    default: /* RNM_F16 */
        for (size_t k = 0; k < count; ++k) {
            out[k] = rnm_f16_to_f32(((const uint16_t *)(const void *)from)[k]);
        }
    }
}

static void load_integers(rnm_dtype type, const uint8_t *from, int64_t *out, size_t count) {
    switch (type) {
    case RNM_I64:
        LOAD(int64_t);
    case RNM_I32:
        LOAD(int32_t);
    case RNM_I8:
        LOAD(int8_t);
    case RNM_U8:
        LOAD(uint8_t);
    default: /* RNM_BOOL */
        for (size_t k = 0; k < count; ++k) {
            out[k] = from[k] != 0;
        }
    }
}

/* ---- to memory ------------------------------------------------------------------------------- */

#define STORE(ctype, expression)                        \
    for (size_t k = 0; k < count; ++k) {                \
        ((ctype *)(void *)to)[k] = (ctype)(expression); \
    }                                                   \
    break

/* Towards zero; what does not fit becomes the nearest number that does, a NaN 0. */
static int64_t integer_of(double value, double least, double most) {
    return isnan(value) ? 0 : (int64_t)(value < least ? least : value > most ? most : value);
}

static int64_t long_of(double value) {
    return value >= 0x1p63 ? INT64_MAX : integer_of(value, -0x1p63, 0x1p62 + 0x1p62);
}

static void store_reals(rnm_dtype type, const double *from, uint8_t *to, size_t count) {
    switch (type) {
    case RNM_F32:
        STORE(float, from[k]);
    case RNM_F64:
        STORE(double, from[k]);
    case RNM_F16:
        STORE(uint16_t, rnm_f32_to_f16((float)from[k]));
    case RNM_I64:
        STORE(int64_t, long_of(from[k]));
    case RNM_I32:
        STORE(int32_t, integer_of(from[k], INT32_MIN, INT32_MAX));
    case RNM_I8:
        STORE(int8_t, integer_of(from[k], INT8_MIN, INT8_MAX));
    case RNM_U8:
        STORE(uint8_t, integer_of(from[k], 0, UINT8_MAX));
    default: /* RNM_BOOL */
        STORE(uint8_t, from[k] != 0.0);
    }
}

/* Integers that do not fit lose their high bits. */
static void store_integers(rnm_dtype type, const int64_t *from, uint8_t *to, size_t count) {
    switch (type) {
    case RNM_F32:
        STORE(float, from[k]);
    case RNM_F64:
        STORE(double, from[k]);
    case RNM_F16:
        STORE(uint16_t, rnm_f32_to_f16((float)from[k]));
    case RNM_I64:
        STORE(int64_t, from[k]);
    case RNM_I32:
        STORE(uint32_t, from[k]);
    case RNM_I8:
    case RNM_U8:
        STORE(uint8_t, from[k]);
    default: /* RNM_BOOL */
        STORE(uint8_t, from[k] != 0);
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

static bool is_real(rnm_dtype type) {
    return type == RNM_F32 || type == RNM_F64 || type == RNM_F16;
}

static void cast_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const cast_job *job = argument;
    const rnm_cast_step *step = job->step;
    size_t from_size = rnm_dtype_size(step->from);
    size_t to_size = rnm_dtype_size(step->to);
    uint64_t past = ((uint64_t)item + 1) * BLOCK * ITEM_BLOCKS;
    past = past < step->count ? past : step->count;
    for (uint64_t at = (uint64_t)item * BLOCK * ITEM_BLOCKS; at < past; at += BLOCK) {
        size_t count = past - at < BLOCK ? (size_t)(past - at) : BLOCK;
        const uint8_t *from = job->x + at * from_size;
        uint8_t *to = job->y + at * to_size;
        if (is_real(step->from)) {
            double block[BLOCK];
            load_reals(step->from, from, block, count);
            store_reals(step->to, block, to, count);
        } else {
            int64_t block[BLOCK];
            load_integers(step->from, from, block, count);
            store_integers(step->to, block, to, count);
        }
    }
}

static rnm_status run_cast(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    cast_job job = {&step->as.cast, context->data[step->x], context->data[step->y]};
    uint64_t items = (step->as.cast.count + BLOCK * ITEM_BLOCKS - 1) / (BLOCK * ITEM_BLOCKS);
    rnm_threads_run(&context->threads, cast_item, &job, (size_t)items);
    return RNM_OK;
}

rnm_status rnm_plan_cast(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)attrs;
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    rnm_plan_step(planner, run_cast, x, y)->as.cast = (rnm_cast_step){
        .count = rnm_plan_elements(planner, y),
        .from = planner->shapes[x].dtype,
        .to = planner->shapes[y].dtype,
    };
    return RNM_OK;
}
