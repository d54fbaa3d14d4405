/* SPDX-License-Identifier: Apache-2.0
 *
 * A tuning: what was measured of a model's layers on one machine, as text (rnm.h says its lines).
 * It comes from outside: every line is checked before anything of it counts.
 */
#ifndef RNM_TUNING_H
#define RNM_TUNING_H

#include "context.h"

/* What a tuning says of a node. */
typedef struct rnm_tuned_node {
    bool known;
    rnm_conv_algorithm algorithm;
    unsigned form;
    uint32_t block_inputs;
    double panel_seconds, kept_seconds; /* kept_seconds 0: not measured */
} rnm_tuned_node;

/* Reads `text` into nodes[node_count], which are zeros. `name` is what errors call it.
 * RNM_ERR_VALUE where a line is not as it should be, RNM_ERR_ARGUMENT where the tuning is for
 * another model, CPU, instruction set or number of threads. */
rnm_status rnm_tuning_read(const rnm_context *context, const char *name, const char *text,
                           rnm_tuned_node *nodes, rnm_error *err);

/* The layer as its tuning says it should run: algorithm, form and block_inputs (0: as planned).
 * RNM_ERR_VALUE where it cannot. */
rnm_status rnm_tuning_apply(const rnm_context *context, const rnm_tuned_node *tuned,
                            rnm_conv_step *conv, rnm_error *err);

/* What the CPU calls itself, without spaces at its ends; "unknown" where it does not tell. */
enum { RNM_CPU_NAME_SIZE = 64 };
void rnm_cpu_name(char name[RNM_CPU_NAME_SIZE]);

#endif
