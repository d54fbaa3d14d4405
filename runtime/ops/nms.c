/* SPDX-License-Identifier: Apache-2.0
 *
 * NonMaxSuppression: of each image and class the boxes with the highest scores that do not overlap
 * one kept before. How many there are is known when it has run.
 */
#include "op.h"

#include <math.h>

/* Corners in order: least y, least x, most y, most x. */
typedef struct box {
    float at[4];
} box;

static box corners_of(const float *from, bool center) {
    float y = from[1], x = from[0], h = from[3] / 2.0f, w = from[2] / 2.0f;
    if (center) {
        return (box){{y - h, x - w, y + h, x + w}};
    }
    return (box){{fminf(from[0], from[2]), fminf(from[1], from[3]), fmaxf(from[0], from[2]),
                  fmaxf(from[1], from[3])}};
}

static float area_of(const box *b) {
    return (b->at[2] - b->at[0]) * (b->at[3] - b->at[1]);
}

static float overlap_of(const box *a, const box *b) {
    float height = fminf(a->at[2], b->at[2]) - fmaxf(a->at[0], b->at[0]);
    float width = fminf(a->at[3], b->at[3]) - fmaxf(a->at[1], b->at[1]);
    if (!(height > 0.0f && width > 0.0f)) {
        return 0.0f;
    }
    float both = height * width;
    return both / (area_of(a) + area_of(b) - both);
}

/* The box with the highest score that is neither done nor below the threshold, or -1; of equals the
 * first. */
static int64_t best_of(const float *scores, const uint8_t *done, int64_t count,
                       const float *threshold) {
    int64_t best = -1;
    for (int64_t k = 0; k < count; ++k) {
        if (!done[k] && (threshold == NULL || scores[k] > *threshold) &&
            (best < 0 || scores[k] > scores[best])) {
            best = k;
        }
    }
    return best;
}

static rnm_status run_nms(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_nms_step *nms = &step->as.nms;
    const float *boxes = rnm_step_input(context, step, 0);
    const float *scores = rnm_step_input(context, step, 1);
    const float *overlap = rnm_step_input(context, step, 2);
    const float *threshold = rnm_step_input(context, step, 3);
    int64_t *rows = rnm_step_output(context, step, 0);
    uint8_t *done = (uint8_t *)rnm_shared_scratch(context);
    int64_t found = 0;
    for (int64_t pair = 0; pair < nms->batch * nms->classes; ++pair) {
        const float *of_image = boxes + pair / nms->classes * nms->boxes * 4;
        const float *of_class = scores + pair * nms->boxes;
        int64_t first = found;
        for (int64_t k = 0; k < nms->boxes; ++k) {
            done[k] = 0;
        }
        for (int64_t next = 0; found - first < nms->most && next >= 0;) {
            next = best_of(of_class, done, nms->boxes, threshold);
            if (next < 0) {
                break;
            }
            done[next] = 1;
            box candidate = corners_of(of_image + next * 4, nms->center);
            bool keep = true;
            for (int64_t k = first; keep && k < found; ++k) {
                box kept = corners_of(of_image + rows[3 * k + 2] * 4, nms->center);
                keep = !(overlap_of(&candidate, &kept) > (overlap != NULL ? *overlap : 0.0f));
            }
            if (keep) {
                rows[3 * found] = pair / nms->classes;
                rows[3 * found + 1] = pair % nms->classes;
                rows[3 * found + 2] = next;
                ++found;
            }
        }
    }
    if (nms->output != RNM_NONE) {
        rnm_tensor *tensor = &context->tensors[nms->output];
        tensor->dims[0] = found;
        tensor->bytes = (size_t)found * 3 * sizeof *rows;
    }
    return RNM_OK;
}

rnm_status rnm_plan_nms(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    const rnm_graph_rec *graph = planner->view->graph;
    uint32_t boxes = rnm_plan_input(planner, 0);
    uint32_t scores = rnm_plan_input(planner, 1);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[scores];
    rnm_nms_step *step = &rnm_plan_step(planner, run_nms, boxes, y)->as.nms;
    *step = (rnm_nms_step){
        .batch = shape->dims[0],
        .classes = shape->dims[1],
        .boxes = shape->dims[2],
        .most = attrs->max_output_boxes,
        .center = attrs->center_point_box,
        .output = RNM_NONE,
    };
    /* The format lets nobody but the graph's outputs have it. */
    for (uint32_t k = 0; k < graph->output_count; ++k) {
        if (planner->view->outputs[k] == y) {
            step->output = graph->input_count + k;
        }
    }
    rnm_plan_workspace(planner, 0, (uint64_t)shape->dims[2], 0);
    return RNM_OK;
}
