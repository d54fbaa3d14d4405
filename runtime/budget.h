/* SPDX-License-Identifier: Apache-2.0
 *
 * In what form each weight is there while the network runs: what the mode says, or, where memory is
 * limited, as much as fits of what gains most.
 */
#ifndef RNM_BUDGET_H
#define RNM_BUDGET_H

#include "context.h"

/* Sets the form of every weight of a plan, and the sizes that follow from it; `limit` is that of
 * all that the report counts, 0 for none. With a limit it takes context->upgrades. Refuses what no
 * host has, and a limit below the smallest workable figure, which it names. RNM_ERR_LIMIT,
 * _MEMORY. */
rnm_status rnm_budget(rnm_context *context, uint64_t limit, rnm_error *err);

/* What the context will hold once it is made, in the sense of rnm_report.total; of what XNNPACK
 * packs only the copies that we make are known by then. */
uint64_t rnm_planned_bytes(const rnm_context *context);

#endif
