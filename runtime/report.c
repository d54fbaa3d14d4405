/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context holds, as sums over what its allocators gave.
 */
#include "budget.h"

const char *rnm_version(void) {
    return RNM_VERSION;
}

#if !RNM_XNNPACK
bool rnm_has_xnnpack(void) {
    return false;
}
#endif

/* Bytes of expanded weights that exist and are kept. */
static uint64_t expanded_bytes(const rnm_context *context) {
    if (context->workspace == NULL) {
        return context->kept_bytes;
    }
    uint64_t bytes = context->xnn_filter_bytes;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        bytes += context->weights[k].ready ? context->weights[k].bytes : 0;
    }
    return bytes;
}

static uint64_t scratch_bytes(const rnm_context *context) {
    return rnm_workspace_bytes(context) - context->spare_bytes + context->scratch_bytes;
}

uint64_t rnm_context_bytes(const rnm_context *context) {
    const rnm_model *model = context->model;
    if (context->workspace == NULL) {
        return rnm_planned_bytes(context);
    }
    uint64_t bytes = model->memory.taken + context->memory.taken + context->xnn_bytes;
    if (context->expand == RNM_EXPAND_LAZY && context->memory.system) {
        bytes += expanded_bytes(context); /* pages of the reservation, which is not taken */
    }
    return bytes + (model->kind != RNM_BYTES_COPIED ? model->size : 0);
}

void rnm_context_report(const rnm_context *context, rnm_report *report) {
    const rnm_model *model = context->model;
    const rnm_view *view = &model->view;
    uint64_t channels = 0;
    uint64_t compact = 0;
    for (uint32_t t = 0; t < view->tensor_count; ++t) {
        const rnm_tensor_rec *tensor = &view->tensors[t];
        channels += tensor->role == RNM_ROLE_CHANNEL ? tensor->length : 0;
        compact += tensor->role != RNM_ROLE_CONSTANT ? tensor->length : 0;
    }
    uint64_t expanded = expanded_bytes(context);
    *report = (rnm_report){
        .file = model->size,
        .mapped = model->kind != RNM_BYTES_COPIED ? model->size : 0,
        .resident_weights = compact + expanded,
        .largest_scratch = scratch_bytes(context),
        .activations = context->arena_bytes,
        .xnnpack = context->xnn_bytes,
        .total = rnm_context_bytes(context),
        .dense = view->expanded_bytes + channels,
        .compact = compact,
        .expand = context->expand,
        .threads = (int)context->threads.count,
        .xnnpack_used = context->xnn_filter_bytes != 0,
        .isa = context->kernels->name,
    };
    report->bookkeeping = report->total - report->mapped - expanded - report->largest_scratch -
                          report->activations - report->xnnpack;
}
