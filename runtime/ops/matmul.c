/* SPDX-License-Identifier: Apache-2.0
 *
 * MatMul: products of stacks of matrices that are values, broadcast against each other, with what
 * Gemm has on top: alpha, beta, transposes and C. An item is a stretch of rows of one product by a
 * panel of its columns; the panel's part of B, and of a transposed A, is brought into the worker's
 * scratch a block of the inner dimension at a time.
 */
#include "op.h"

enum {
    MOST_ROWS = 128,   /* of a stretch */
    MOST_INNER = 1024, /* of a block; a multiple of RNM_INPUT_BLOCK */
};

static uint64_t panel_floats(const rnm_matmul_step *step) {
    return (uint64_t)(step->inner < MOST_INNER ? step->inner : MOST_INNER) * RNM_PANEL;
}

static uint64_t row_floats(const rnm_matmul_step *step) {
    return (uint64_t)(step->inner < MOST_INNER ? step->inner : MOST_INNER) * MOST_ROWS;
}

typedef struct matmul_job {
    const rnm_context *context;
    const rnm_matmul_step *step;
    const float *a, *b, *c;
    float *y;
    uint64_t panels, stretches;
} matmul_job;

/* dst[row][column] = src, `width` floats a row, the rest zeros. */
static void gather(const float *src, int64_t row_stride, int64_t column_stride, int64_t rows,
                   int64_t columns, int64_t width, float *dst) {
    for (int64_t r = 0; r < rows; ++r, src += row_stride, dst += width) {
        for (int64_t k = 0; k < columns; ++k) {
            dst[k] = src[k * column_stride];
        }
        for (int64_t k = columns; k < width; ++k) {
            dst[k] = 0.0f;
        }
    }
}

/* y += beta * C over a stretch of rows and a panel of columns. */
static void add_c(const matmul_job *job, const float *c, float *y, int64_t rows, int64_t columns) {
    const rnm_matmul_step *step = job->step;
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t k = 0; k < columns; ++k) {
            y[r * step->columns + k] +=
                step->beta * c[r * step->c_strides[0] + k * step->c_strides[1]];
        }
    }
}

static void matmul_item(void *argument, size_t item, size_t worker) {
    const matmul_job *job = argument;
    const rnm_matmul_step *step = job->step;
    const rnm_kernels *kernels = job->context->kernels;
    const int64_t column = (int64_t)(item % job->panels) * RNM_PANEL;
    item /= job->panels;
    const int64_t row = (int64_t)(item % job->stretches) * MOST_ROWS;
    int64_t rest = (int64_t)(item / job->stretches);
    const int64_t rows = step->rows - row < MOST_ROWS ? step->rows - row : MOST_ROWS;
    const int64_t columns = step->columns - column < RNM_PANEL ? step->columns - column : RNM_PANEL;

    float *y = job->y + (rest * step->rows + row) * step->columns + column;
    const float *a = job->a + row * step->a_strides[0];
    const float *b = job->b + column * step->b_strides[1];
    for (int axis = step->batch_rank - 1; axis >= 0; --axis) {
        int64_t at = rest % step->batch[axis];
        rest /= step->batch[axis];
        a += at * step->a_batch[axis];
        b += at * step->b_batch[axis];
    }
    float(*sums)[RNM_PANEL] = (float(*)[RNM_PANEL])(void *)rnm_worker_scratch(job->context, worker);
    float *panel = (float *)(sums + MOST_ROWS);
    float *packed = panel + panel_floats(step);
    for (int64_t first = 0; first < step->inner; first += MOST_INNER) {
        int64_t inner = step->inner - first < MOST_INNER ? step->inner - first : MOST_INNER;
        gather(b + first * step->b_strides[0], step->b_strides[0], step->b_strides[1], inner,
               columns, RNM_PANEL, panel);
        const float *x = a + first * step->a_strides[1];
        int64_t stride = step->a_strides[0];
        if (step->a_strides[1] != 1) {
            gather(x, step->a_strides[0], step->a_strides[1], rows, inner, inner, packed);
            x = packed;
            stride = inner;
        }
        kernels->gemm(&(rnm_gemm){.x = x,
                                  .stride = (size_t)stride,
                                  .rows = (size_t)rows,
                                  .inputs = (size_t)inner,
                                  .weights = panel,
                                  .lanes = (unsigned)columns,
                                  .accumulate = first > 0,
                                  .sums = sums,
                                  .points = 1});
    }
    float alpha[RNM_PANEL];
    for (int lane = 0; lane < RNM_PANEL; ++lane) {
        alpha[lane] = step->alpha;
    }
    const rnm_epilogue epilogue = {
        .scale = step->alpha != 1.0f ? alpha : NULL,
        .out = y,
        .stride = (size_t)step->columns,
    };
    kernels->finish(&epilogue, (unsigned)rows, (unsigned)columns, sums);
    if (job->c != NULL) {
        add_c(job, job->c + row * step->c_strides[0] + column * step->c_strides[1], y, rows,
              columns);
    }
}

static rnm_status run_matmul(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_matmul_step *matmul = &step->as.matmul;
    matmul_job job = {
        .context = context,
        .step = matmul,
        .a = rnm_values(context, step->x),
        .b = rnm_values(context, step->z),
        .c = matmul->c != RNM_NONE ? rnm_values(context, matmul->c) : NULL,
        .y = rnm_values(context, step->y),
        .panels = (uint64_t)(matmul->columns + RNM_PANEL - 1) / RNM_PANEL,
        .stretches = (uint64_t)(matmul->rows + MOST_ROWS - 1) / MOST_ROWS,
    };
    uint64_t products = 1;
    for (int axis = 0; axis < matmul->batch_rank; ++axis) {
        products *= (uint64_t)matmul->batch[axis];
    }
    rnm_threads_run(&context->threads, matmul_item, &job, products * job.stretches * job.panels);
    return RNM_OK;
}

/* Strides of an operand's batch axes as the output counts them; 0 where it is broadcast. */
static void batch_strides(const rnm_shape *shape, int batch_rank, int64_t *strides) {
    int64_t stride = shape->dims[shape->rank - 1] * shape->dims[shape->rank - 2];
    for (int axis = batch_rank - 1; axis >= 0; --axis) {
        int own = axis - batch_rank + shape->rank - 2;
        int64_t dim = own >= 0 ? shape->dims[own] : 1;
        strides[axis] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

RNM_PLANS rnm_status rnm_plan_matmul(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_error *err) {
    (void)err;
    uint32_t a = rnm_plan_input(planner, 0), b = rnm_plan_input(planner, 1);
    uint32_t c = rnm_plan_input(planner, 2), y = rnm_plan_output(planner);
    const rnm_shape *as = &planner->shapes[a], *bs = &planner->shapes[b];
    const rnm_shape *ys = &planner->shapes[y];
    rnm_step *step = rnm_plan_step(planner, run_matmul, a, y);
    step->z = b;
    rnm_matmul_step *matmul = &step->as.matmul;
    *matmul = (rnm_matmul_step){
        .rows = ys->dims[ys->rank - 2],
        .columns = ys->dims[ys->rank - 1],
        .inner = as->dims[as->rank - (attrs->transA ? 2 : 1)],
        .batch_rank = ys->rank - 2,
        .c = c,
        .alpha = attrs->alpha,
        .beta = attrs->beta,
    };
    matmul->a_strides[attrs->transA] = as->dims[as->rank - 1];
    matmul->a_strides[!attrs->transA] = 1;
    matmul->b_strides[attrs->transB] = bs->dims[bs->rank - 1];
    matmul->b_strides[!attrs->transB] = 1;
    for (int axis = 0; axis < matmul->batch_rank; ++axis) {
        matmul->batch[axis] = ys->dims[axis];
    }
    batch_strides(as, matmul->batch_rank, matmul->a_batch);
    batch_strides(bs, matmul->batch_rank, matmul->b_batch);
    if (c != RNM_NONE) {
        const rnm_shape *cs = &planner->shapes[c];
        int64_t columns = cs->rank > 0 ? cs->dims[cs->rank - 1] : 1;
        matmul->c_strides[1] = columns > 1;
        matmul->c_strides[0] = cs->rank > 1 && cs->dims[0] > 1 ? columns : 0;
    }
    if (bs->rank == 2 && !attrs->transA && c == RNM_NONE) {
        /* One B for all: the rows of all products are rows of one. */
        for (int axis = 0; axis < matmul->batch_rank; ++axis) {
            matmul->rows *= matmul->batch[axis];
        }
        matmul->batch_rank = 0;
    }
    uint64_t floats = (uint64_t)MOST_ROWS * RNM_PANEL + panel_floats(matmul) +
                      (matmul->a_strides[1] != 1 ? row_floats(matmul) : 0);
    rnm_plan_workspace(planner, floats * sizeof(float), 0, 0);
    return RNM_OK;
}
