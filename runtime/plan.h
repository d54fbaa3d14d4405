/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning a context: everything that depends on the symbols, the threads and the mode is decided
 * here, once. Operators plan themselves through the calls below (ops/op.h).
 */
#ifndef RNM_PLAN_H
#define RNM_PLAN_H

#include "arena.h"
#include "context.h"
#include "tuning.h"

typedef struct rnm_planner {
    rnm_context *context;
    const rnm_view *view;
    const rnm_node_rec *node; /* the node in hand */
    uint32_t node_index;
    rnm_shape *shapes; /* by value; of constants too */
    rnm_arena arena;
    uint32_t *weight_of;         /* by recipe: the last weight made from it, or RNM_NONE */
    const rnm_tuned_node *tuned; /* by node; NULL: no tuning */
} rnm_planner;

/* Fills in the context's steps, weights, data and tensors, with offsets into the arena where
 * addresses will be, and its sizes. Takes memory from the context's; what is only needed while
 * planning is given back. RNM_ERR_MEMORY, _LIMIT, _SHAPE, _UNSUPPORTED, _ARGUMENT. */
rnm_status rnm_plan(rnm_context *context, const rnm_context_options *options, rnm_error *err);

/* For operators: input k of the node in hand, RNM_NONE where absent, its first output, and output
 * k, RNM_NONE behind the last. A node whose outputs are all empty is never planned. */
uint32_t rnm_plan_input(const rnm_planner *planner, unsigned k);
uint32_t rnm_plan_output(const rnm_planner *planner);
uint32_t rnm_plan_output_at(const rnm_planner *planner, unsigned k);

/* The channel values of a scale or bias input; NULL where absent. */
const float *rnm_plan_channels(const rnm_planner *planner, unsigned k);

/* Adds a step; never NULL, there is room for as many as any plan has. */
rnm_step *rnm_plan_step(rnm_planner *planner, rnm_run run, uint32_t x, uint32_t y);

/* Asks for so many bytes of scratch a thread, of scratch for all threads, and of zeros. */
void rnm_plan_workspace(rnm_planner *planner, uint64_t worker_bytes, uint64_t shared_bytes,
                        uint64_t zero_bytes);

/* Memory for a table that steps read, aligned to 64; the context gives it back. NULL with *err set
 * when there is none. */
void *rnm_plan_table(rnm_planner *planner, uint64_t bytes, rnm_error *err);
void rnm_tables_give(rnm_context *context);

/* The index of the weight of input 1, cut for `groups`; weights are shared between nodes. With
 * `once`, that of a linear child is its parent alone, not repeated. */
rnm_status rnm_plan_weight(rnm_planner *planner, uint32_t groups, bool once, uint32_t *index,
                           rnm_error *err);

/* Elements of a value; known to fit. */
uint64_t rnm_plan_elements(const rnm_planner *planner, uint32_t value);

#endif
