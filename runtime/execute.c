/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a plan: step after step. Decides nothing and takes no memory.
 */
#include "clock.h"
#include "context.h"
#include "error.h"

/* The same, with the time that each step took written down. */
static rnm_status run_timed(rnm_context *context, rnm_error *error) {
    double start = rnm_seconds();
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_step *step = &context->steps[k];
        rnm_status status = step->run(context, step, error);
        if (status != RNM_OK) {
            return status;
        }
        double end = rnm_seconds();
        context->seconds[k] = end - start;
        start = end;
    }
    return RNM_OK;
}

rnm_status rnm_context_run(rnm_context *context, rnm_error *error) {
    if (context->workspace == NULL) {
        return rnm_fail(error, RNM_ERR_ARGUMENT, "context: made with plan_only, it cannot run");
    }
    if (context->seconds != NULL) {
        return run_timed(context, error);
    }
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_step *step = &context->steps[k];
        rnm_status status = step->run(context, step, error);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}
