/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a plan: step after step. Decides nothing and takes no memory.
 */
#include "context.h"

rnm_status rnm_context_run(rnm_context *context, rnm_error *error) {
    for (uint32_t k = 0; k < context->step_count; ++k) {
        const rnm_step *step = &context->steps[k];
        rnm_status status = step->run(context, step, error);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}
