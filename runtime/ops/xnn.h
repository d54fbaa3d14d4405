/* SPDX-License-Identifier: Apache-2.0
 *
 * Weighted layers on XNNPACK, where it is built in. Without it the calls below do nothing.
 */
#ifndef RNM_XNN_H
#define RNM_XNN_H

#include "context.h"

#if RNM_XNNPACK

/* Gives the planned convolution to XNNPACK, which must be there: an expanded copy with the scale
 * multiplied in, and a runtime of one node. Where XNNPACK does not take it, the step stays as
 * planned, without error. */
rnm_status rnm_xnn_take_step(rnm_context *context, rnm_step *step, rnm_error *err);

/* Gives back what rnm_xnn_take_step took, if it did. */
void rnm_xnn_give_step(rnm_context *context, rnm_step *step);

#else

static inline rnm_status rnm_xnn_take_step(rnm_context *context, rnm_step *step, rnm_error *err) {
    (void)context;
    (void)step;
    (void)err;
    return RNM_OK;
}

static inline void rnm_xnn_give_step(rnm_context *context, rnm_step *step) {
    (void)context;
    (void)step;
}

#endif

#endif
