/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting weights into panels, and expanding them.
 */
#include "weights.h"

#include "checked.h"
#include "error.h"

rnm_status rnm_weight_cut(rnm_weight *weight, const rnm_child *child, uint32_t groups,
                          rnm_error *err) {
    uint32_t group_outputs = child->co / groups;
    uint32_t group_panels = group_outputs / RNM_PANEL + (group_outputs % RNM_PANEL != 0);
    uint64_t count = (uint64_t)group_panels * groups;
    uint64_t floats, bytes;
    if (count > UINT32_MAX || !rnm_mul_u64((uint64_t)child->ci * child->taps, RNM_PANEL, &floats) ||
        !rnm_mul_u64(floats, sizeof(float), &bytes) || !rnm_mul_u64(bytes, count, &bytes)) {
        return rnm_fail(err, RNM_ERR_LIMIT, "recipe %s: its panels of %d outputs pass 2^64 bytes",
                        child->name, RNM_PANEL);
    }
    *weight = (rnm_weight){
        .child = *child,
        .group_outputs = group_outputs,
        .group_panels = group_panels,
        .panel_count = (uint32_t)count,
        .panel_floats = floats,
        .bytes = bytes,
    };
    return RNM_OK;
}

rnm_panel rnm_weight_panel(const rnm_weight *weight, uint32_t index) {
    uint32_t group = index / weight->group_panels;
    uint32_t offset = index % weight->group_panels * RNM_PANEL;
    uint32_t rest = weight->group_outputs - offset;
    return (rnm_panel){
        .output = group * weight->group_outputs + offset,
        .lanes = rest < RNM_PANEL ? rest : RNM_PANEL,
        .input = 0,
        .inputs = weight->child.ci,
    };
}

typedef struct expand_job {
    const rnm_weight *weight;
    const rnm_kernels *kernels;
} expand_job;

static void expand_panel(void *argument, size_t item, size_t worker) {
    (void)worker;
    const expand_job *job = argument;
    const rnm_weight *weight = job->weight;
    rnm_panel panel = rnm_weight_panel(weight, (uint32_t)item);
    rnm_expanders[weight->child.transform](job->kernels, &weight->child, panel,
                                           weight->panels + item * weight->panel_floats);
}

void rnm_weight_prepare(rnm_weight *weight, const rnm_kernels *kernels, rnm_threads *threads) {
    if (weight->panels != NULL && !weight->ready) {
        expand_job job = {.weight = weight, .kernels = kernels};
        rnm_threads_run(threads, expand_panel, &job, weight->panel_count);
        weight->ready = weight->form == RNM_FORM_EXPANDED;
    }
}

const float *rnm_weight_block(const rnm_weight *weight, const rnm_kernels *kernels, uint32_t index,
                              uint32_t first, uint32_t inputs, float *scratch) {
    if (weight->panels != NULL) {
        return weight->panels + index * weight->panel_floats +
               (size_t)first * weight->child.taps * RNM_PANEL;
    }
    rnm_panel panel = rnm_weight_panel(weight, index);
    panel.input = first;
    panel.inputs = inputs;
    rnm_expanders[weight->child.transform](kernels, &weight->child, panel, scratch);
    return scratch;
}
