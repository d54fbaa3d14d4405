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

static void expand_panel(void *job, size_t item, size_t worker) {
    (void)worker;
    const rnm_weight *weight = job;
    rnm_expanders[weight->child.transform](&weight->child, rnm_weight_panel(weight, (uint32_t)item),
                                           weight->panels + item * weight->panel_floats);
}

const float *rnm_weight_use(rnm_weight *weight, rnm_threads *threads) {
    if (!weight->ready) {
        rnm_threads_run(threads, expand_panel, weight, weight->panel_count);
        weight->ready = weight->kept;
    }
    return weight->panels;
}
