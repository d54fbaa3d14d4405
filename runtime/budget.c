/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of weights. Under a limit this is a knapsack: keeping a weight expanded takes bytes and
 * gains time, and they are taken in the order of time per byte as long as they fit. Algorithms are
 * chosen before and do not depend on it, and a kept weight is what a panel would be: so answers are
 * the same bit for bit under every limit.
 */
#include "budget.h"

#include "checked.h"
#include "cost.h"
#include "error.h"

#include <stdlib.h>

/* What no host of ours has: a plan beyond it comes from a hostile file or a slip of the caller. */
#define MOST_BYTES ((uint64_t)1 << 40)

/* The copies that XNNPACK packs its own from. */
static uint64_t xnnpack_copies(const rnm_context *context) {
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        const rnm_child *child = &context->weights[k].child;
        bytes += (uint64_t)child->co * child->ci * child->taps * sizeof(float);
    }
    return bytes;
}

/* The allocators give at least a byte. */
static uint64_t taken(uint64_t bytes) {
    return bytes != 0 ? bytes : 1;
}

/* False when the sum does not fit or is beyond what any host has. */
static bool sum_bytes(const rnm_context *context, uint64_t *total) {
    const rnm_model *model = context->model;
    uint64_t workers;
    *total = context->memory.taken + model->memory.taken +
             (model->kind == RNM_BYTES_COPIED ? 0 : model->size);
    return rnm_mul_u64(context->worker_bytes, context->threads.count, &workers) &&
           rnm_add_u64(workers, context->zero_bytes, &workers) &&
           rnm_add_u64(workers, context->shared_bytes, &workers) &&
           rnm_add_u64(workers, context->arena_bytes, &workers) &&
           rnm_add_u64(workers, context->spare_bytes, &workers) &&
           rnm_add_u64(*total, taken(workers), total) &&
           rnm_add_u64(*total, context->scratch_bytes, total) &&
           rnm_add_u64(*total, context->xnnpack ? xnnpack_copies(context) : context->kept_bytes,
                       total) &&
           *total <= MOST_BYTES;
}

uint64_t rnm_planned_bytes(const rnm_context *context) {
    uint64_t total = 0;
    (void)sum_bytes(context, &total);
    return total;
}

/* Weights that tables alone take are never expanded. */
static void find_stored(rnm_context *context) {
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        context->weights[k].form = RNM_FORM_STORED;
    }
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_conv_step *conv = &context->steps[k].as.conv;
        if (context->steps[k].weighted && conv->algorithm != RNM_CONV_TABLES) {
            context->weights[conv->weight].form = RNM_FORM_NONE;
        }
    }
}

static rnm_status set_all(rnm_context *context, rnm_form form, rnm_error *err) {
    context->kept_bytes = context->scratch_bytes = 0;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        rnm_weight *weight = &context->weights[k];
        if (weight->form == RNM_FORM_STORED) {
            continue;
        }
        weight->form = form;
        if (form == RNM_FORM_EXPANDED &&
            !rnm_add_u64(context->kept_bytes, weight->bytes, &context->kept_bytes)) {
            return rnm_fail(err, RNM_ERR_LIMIT, "context: expanded weights pass 2^64 bytes");
        }
        if (form == RNM_FORM_SCRATCH && weight->bytes > context->scratch_bytes) {
            context->scratch_bytes = weight->bytes;
        }
    }
    return RNM_OK;
}

/* More time per byte first; the order of the file among equals. */
static int by_gain(const void *a, const void *b) {
    const rnm_upgrade *x = a, *y = b;
    double left = x->seconds / (double)x->bytes, right = y->seconds / (double)y->bytes;
    if (left > right || left < right) {
        return left > right ? -1 : 1;
    }
    return (x->weight > y->weight) - (x->weight < y->weight);
}

/* What could be kept, best first: in panel mode what gains, in the modes that keep all, all. Layer
 * mode keeps nothing. */
static rnm_status list_upgrades(rnm_context *context, rnm_error *err) {
    if (context->expand == RNM_EXPAND_LAYER) {
        return RNM_OK;
    }
    context->upgrades =
        rnm_memory_take_zeroed(&context->memory, context->weight_room, sizeof *context->upgrades);
    if (context->upgrades == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "context: no memory to plan %u weights",
                        context->weight_room);
    }
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        context->upgrades[k] = (rnm_upgrade){.weight = k, .bytes = context->weights[k].bytes};
    }
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_conv_step *conv = &context->steps[k].as.conv;
        if (context->steps[k].weighted) {
            context->upgrades[conv->weight].seconds +=
                conv->cost.panel_seconds - conv->cost.kept_seconds;
        }
    }
    uint32_t count = 0;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        if (context->weights[k].form != RNM_FORM_STORED &&
            (context->expand != RNM_EXPAND_PANEL || context->upgrades[k].seconds > 0.0)) {
            context->upgrades[count++] = context->upgrades[k];
        }
    }
    context->upgrade_count = count;
    if (count > 0) {
        qsort(context->upgrades, count, sizeof *context->upgrades, by_gain);
    }
    return RNM_OK;
}

/* Keeps what fits into `left` bytes beside panels of all. */
static void keep_best(rnm_context *context, uint64_t left) {
    for (uint32_t k = 0; k < context->upgrade_count; ++k) {
        const rnm_upgrade *upgrade = &context->upgrades[k];
        if (upgrade->bytes <= left) {
            left -= upgrade->bytes;
            context->kept_bytes += upgrade->bytes;
            context->weights[upgrade->weight].form = RNM_FORM_EXPANDED;
        }
    }
}

/* Layer mode: the layers that a scratch of `left` bytes is large enough for. */
static void share_scratch(rnm_context *context, uint64_t left) {
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        rnm_weight *weight = &context->weights[k];
        if (weight->bytes <= left && weight->form != RNM_FORM_STORED) {
            weight->form = RNM_FORM_SCRATCH;
            context->scratch_bytes =
                weight->bytes > context->scratch_bytes ? weight->bytes : context->scratch_bytes;
        }
    }
}

rnm_status rnm_budget(rnm_context *context, uint64_t limit, rnm_error *err) {
    static const rnm_form forms[] = {
        [RNM_EXPAND_LOAD] = RNM_FORM_EXPANDED,
        [RNM_EXPAND_LAZY] = RNM_FORM_EXPANDED,
        [RNM_EXPAND_LAYER] = RNM_FORM_SCRATCH,
        [RNM_EXPAND_PANEL] = RNM_FORM_PANEL,
    };
    uint64_t total;
    find_stored(context);
    rnm_status status = set_all(context, limit != 0 ? RNM_FORM_PANEL : forms[context->expand], err);
    if (status != RNM_OK) {
        return status;
    }
    if (limit != 0) {
        rnm_cost_steps(context);
        status = list_upgrades(context, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    if (!sum_bytes(context, &total)) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "context: expected a need of at most %llu bytes, found more",
                        (unsigned long long)MOST_BYTES);
    }
    if (limit == 0) {
        return RNM_OK;
    }
    context->smallest_bytes = total;
    if (total > limit) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "context: expected a memory limit of at least %llu bytes, which is the "
                        "smallest workable figure, found %llu",
                        (unsigned long long)total, (unsigned long long)limit);
    }
    uint64_t left = (limit < MOST_BYTES ? limit : MOST_BYTES) - total;
    if (context->expand == RNM_EXPAND_LAYER) {
        share_scratch(context, left);
    } else {
        keep_best(context, left);
    }
    return RNM_OK;
}

/* ---- what it comes to ------------------------------------------------------------------------ */

int rnm_context_curve_count(const rnm_context *context) {
    return context->smallest_bytes != 0 ? (int)context->upgrade_count + 1 : 0;
}

bool rnm_context_curve(const rnm_context *context, int index, rnm_curve_point *point) {
    if (index < 0 || index >= rnm_context_curve_count(context)) {
        return false;
    }
    *point = (rnm_curve_point){.bytes = context->smallest_bytes};
    for (uint32_t k = 0; k < context->step_count; ++k) {
        point->seconds +=
            context->steps[k].weighted ? context->steps[k].as.conv.cost.panel_seconds : 0;
    }
    for (int k = 0; k < index; ++k) {
        const rnm_upgrade *upgrade = &context->upgrades[k];
        point->bytes += upgrade->bytes;
        point->seconds -= upgrade->seconds;
        point->weight = context->weights[upgrade->weight].child.name;
    }
    return true;
}
