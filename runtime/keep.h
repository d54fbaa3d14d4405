/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of expanded weights, in the form that each is to have.
 */
#ifndef RNM_KEEP_H
#define RNM_KEEP_H

#include "context.h"

/* Takes what the weights' forms ask for. What is kept is expanded now, or packed by XNNPACK where
 * the context says so, but for lazy mode. RNM_ERR_MEMORY, _BACKEND. What was taken before a failure
 * is left for rnm_weights_give. */
rnm_status rnm_weights_take(rnm_context *context, rnm_error *err);

void rnm_weights_give(rnm_context *context);

#endif
