/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice among tables of kernels.
 */
#ifndef RNM_SELECT_H
#define RNM_SELECT_H

#include "kernels.h"
#include "rnm.h"

typedef struct rnm_variant {
    rnm_isa isa;
    uint32_t needs; /* features of the CPU (cpu.h) */
    const rnm_kernels *kernels;
} rnm_variant;

/* The variants that this library was built with, plain C first, then from the slowest up; NULL past
 * the last. */
const rnm_variant *rnm_kernels_variant(size_t index);

/* The fastest table that a CPU with `features` can run, none above `highest` (RNM_ISA_BEST: any).
 * RNM_ERR_ARGUMENT for an instruction set of another architecture; *out is untouched then. */
rnm_status rnm_kernels_select(uint32_t features, rnm_isa highest, const rnm_kernels **out,
                              rnm_error *err);

#endif
