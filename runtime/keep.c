/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of expanded weights: one scratch for those that are made anew at every run; lazy mode's in
 * one reservation, filled as layers are first used; the others' one by one, filled at once.
 */
#include "keep.h"

#include "error.h"
#include "ops/xnn.h"

static rnm_status no_memory(rnm_error *err, const char *what, uint64_t bytes) {
    return rnm_fail(err, RNM_ERR_MEMORY, "context: no memory for %s, %llu bytes", what,
                    (unsigned long long)bytes);
}

/* Gives every weight of that form its place in `memory`: the next, or the same. */
static void hand_out(rnm_context *context, rnm_form form, float *memory) {
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        rnm_weight *weight = &context->weights[k];
        if (weight->form == form) {
            weight->panels = memory;
            memory += form == RNM_FORM_EXPANDED ? weight->bytes / sizeof(float) : 0;
        }
    }
}

static rnm_status take_scratch(rnm_context *context, rnm_error *err) {
    context->scratch = rnm_memory_take(&context->memory, context->scratch_bytes);
    if (context->scratch == NULL) {
        return no_memory(err, "expanded weights", context->scratch_bytes);
    }
    hand_out(context, RNM_FORM_SCRATCH, context->scratch);
    return RNM_OK;
}

static rnm_status reserve(rnm_context *context, rnm_error *err) {
    context->reserved = rnm_memory_reserve(&context->memory, context->kept_bytes);
    if (context->reserved == NULL) {
        return no_memory(err, "expanded weights", context->kept_bytes);
    }
    hand_out(context, RNM_FORM_EXPANDED, context->reserved);
    return RNM_OK;
}

static rnm_status load(rnm_context *context, rnm_error *err) {
    for (uint32_t k = 0; k < context->step_count; ++k) {
        rnm_step *step = &context->steps[k];
        if (!step->weighted) {
            continue;
        }
        if (context->xnnpack) {
            rnm_status status = rnm_xnn_take_step(context, step, err);
            if (status != RNM_OK) {
                return status;
            }
            if (step->as.conv.xnn != NULL) {
                continue;
            }
        }
        rnm_weight *weight = &context->weights[step->as.conv.weight];
        if (weight->form == RNM_FORM_EXPANDED && weight->panels == NULL) {
            weight->panels = rnm_memory_take(&context->memory, weight->bytes);
            if (weight->panels == NULL) {
                return no_memory(err, weight->child.name, weight->bytes);
            }
            rnm_weight_prepare(weight, context->kernels, &context->threads);
        }
    }
    return RNM_OK;
}

rnm_status rnm_weights_take(rnm_context *context, rnm_error *err) {
    rnm_status status = context->scratch_bytes != 0 ? take_scratch(context, err) : RNM_OK;
    if (status != RNM_OK || context->kept_bytes == 0) {
        return status;
    }
    return context->expand == RNM_EXPAND_LAZY ? reserve(context, err) : load(context, err);
}

void rnm_weights_give(rnm_context *context) {
    rnm_memory *memory = &context->memory;
    for (uint32_t k = 0; k < context->step_count; ++k) {
        if (context->steps[k].weighted) {
            rnm_xnn_give_step(context, &context->steps[k]);
        }
    }
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        rnm_weight *weight = &context->weights[k];
        if (weight->form == RNM_FORM_EXPANDED && context->expand != RNM_EXPAND_LAZY) {
            rnm_memory_give(memory, weight->panels, weight->bytes);
        }
    }
    rnm_memory_unreserve(memory, context->reserved, context->kept_bytes);
    rnm_memory_give(memory, context->scratch, context->scratch_bytes);
}
