/* SPDX-License-Identifier: Apache-2.0
 *
 * The expanders on this table's kernels against the scalar reference, on children whose every
 * tensor is allocated to the byte. (tests/unit/runtime/test_expand.c has children out of files.)
 */
#include "check.h"

#include "expand/expand.h"
#include "half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *random_bytes(check *c, size_t size) {
    uint8_t *bytes = check_bytes(size);
    for (size_t k = 0; k < size; ++k) {
        bytes[k] = (uint8_t)check_random(c, 0, 255);
    }
    return bytes;
}

static void *random_parent(check *c, const rnm_child *child) {
    size_t count = (size_t)child->pi * child->taps * child->po;
    float *values = check_floats(c, count);
    if (child->parent_dtype == RNM_F32) {
        return values;
    }
    uint16_t *halves = check_bytes(count * sizeof *halves);
    for (size_t k = 0; k < count; ++k) {
        halves[k] =
            child->parent_dtype == RNM_F16 ? rnm_f32_to_f16(values[k]) : rnm_f32_to_bf16(values[k]);
    }
    free(values);
    return halves;
}

/* Positions of elements that exist, in order. */
static uint32_t *random_list(check *c, const rnm_child *child, uint32_t *count) {
    uint32_t bits = 8 * (uint32_t)rnm_mask_bytes(child->co, child->ci, child->taps);
    uint8_t *exists = check_bytes(bits);
    memset(exists, 0, bits);
    for (uint32_t k = 0; k < bits / 20 + 1; ++k) {
        exists[rnm_mask_position(
            child->co, child->ci, child->taps, check_random(c, 0, child->co - 1),
            check_random(c, 0, child->ci - 1), check_random(c, 0, child->taps - 1))] = 1;
    }
    *count = 0;
    for (uint32_t k = 0; k < bits; ++k) {
        *count += exists[k];
    }
    uint32_t *list = check_bytes(*count * sizeof *list);
    for (uint32_t k = 0, at = 0; k < bits; ++k) {
        if (exists[k] != 0) {
            list[at++] = k;
        }
    }
    free(exists);
    return list;
}

static rnm_child random_child(check *c) {
    static const rnm_dtype types[] = {RNM_F32, RNM_F32, RNM_F16, RNM_BF16};
    const uint32_t taps[] = {9, 9, 9, 25, check_random(c, 1, 49)};
    rnm_child child = {
        .name = "w",
        .transform = (uint8_t)check_random(c, 0, RNM_TRANSFORM_KNOWN - 1),
        .co = check_random(c, 1, 140),
        .ci = check_random(c, 1, 70),
        .taps = taps[check_random(c, 0, 4)],
        .parent_dtype = types[check_random(c, 0, 3)],
    };
    /* All outputs, any number of them, or one with which panels fold. */
    const uint32_t halves = check_random(c, 0, child.co / 16) * 16;
    const uint32_t widths[] = {child.co, check_random(c, 1, child.co), halves};
    child.po = widths[check_random(c, 0, halves > 0 ? 2 : 1)];
    child.pi = check_random(c, 1, child.ci);
    if (child.transform == RNM_TRANSFORM_S) {
        child.flags = (uint8_t)check_random(c, 0, 2);
        if ((child.flags & RNM_RECIPE_INTERLEAVED) != 0) {
            child.co -= child.co % child.po;
            child.ci -= child.ci % child.pi;
        }
        size_t pairs = (size_t)rnm_beta_pairs(child.co, child.ci, child.po, child.pi, child.flags);
        child.betas = check_floats(c, 2 * pairs);
    }
    child.parent = random_parent(c, &child);
    size_t mask_bytes = (size_t)rnm_mask_bytes(child.co, child.ci, child.taps);
    if (child.transform == RNM_TRANSFORM_F || child.transform == RNM_TRANSFORM_DROP) {
        child.mask = random_bytes(c, mask_bytes);
    }
    if (child.transform == RNM_TRANSFORM_F) {
        uint32_t zeros = check_random(c, 0, 2);
        child.zero_plane = zeros == 1 ? random_bytes(c, mask_bytes) : NULL;
        child.zero_list = zeros == 2 ? random_list(c, &child, &child.zero_count) : NULL;
    }
    return child;
}

static void drop_child(rnm_child *child) {
    free((void *)(uintptr_t)child->parent);
    free((void *)(uintptr_t)child->betas);
    free((void *)(uintptr_t)child->mask);
    free((void *)(uintptr_t)child->zero_plane);
    free((void *)(uintptr_t)child->zero_list);
}

/* Of an element of s: 4 ulp for each time that it is transformed, and what came before grown by the
 * transform's condition, |1 - z e^z / (1 + e^z)| <= 1.28 for |z| = |b2 p| <= 1. */
static double ulps_of(const rnm_child *child, uint32_t output, uint32_t input) {
    double ulps = 4.0;
    if ((child->flags & RNM_RECIPE_CASCADED) != 0) {
        ulps = output >= child->co - child->co % child->po ? 4.0 + 1.28 * ulps : ulps;
        ulps = input >= child->ci - child->ci % child->pi ? 4.0 + 1.28 * ulps : ulps;
    }
    return ulps;
}

static void panel_case(check *c, const rnm_child *child, rnm_panel panel) {
    size_t rows = (size_t)panel.inputs * child->taps;
    guarded dst = check_guarded(rows * RNM_PANEL);
    rnm_expanders[child->transform](c->kernels, child, panel, dst.data);
    check_case(c,
               "expander %d, flags %d, child %ux%ux%u, parent %ux%u of type %d, lanes %u from %u "
               "on, inputs %u from %u on",
               child->transform, child->flags, child->co, child->ci, child->taps, child->po,
               child->pi, (int)child->parent_dtype, panel.lanes, panel.output, panel.inputs,
               panel.input);
    check_guards(c, dst);
    for (size_t row = 0; row < rows; ++row) {
        const float *found = dst.data + row * RNM_PANEL;
        float wanted[RNM_PANEL] = {0};
        for (uint32_t l = 0; l < panel.lanes; ++l) {
            wanted[l] = rnm_expand_ref_at(child, panel.output + l,
                                          panel.input + (uint32_t)(row / child->taps),
                                          (uint32_t)(row % child->taps));
        }
        if (child->transform != RNM_TRANSFORM_S) {
            check_same(c, found, wanted, RNM_PANEL);
            continue;
        }
        for (uint32_t l = 0; l < panel.lanes; ++l) {
            check_ulps(
                c, l, found[l], (double)wanted[l],
                ulps_of(child, panel.output + l, panel.input + (uint32_t)(row / child->taps)));
        }
        check_same(c, found + panel.lanes, wanted + panel.lanes, RNM_PANEL - panel.lanes);
    }
    check_release(dst);
}

/* Expanded and transformed at once, against the same one after the other, a group of points after
 * the other; or, where a panel is expanded beforehand, just that. */
static void transformed_case(check *c, const rnm_child *child, rnm_panel panel) {
    for (unsigned k = 0; k < RNM_WINOGRADS; ++k) {
        const rnm_winograd *form = &c->kernels->winograd[k];
        const size_t points = 2 * (size_t)form->weight_side;
        const size_t width = (size_t)panel.inputs * RNM_PANEL, stride = width + 16;
        if (child->taps != form->kernel * form->kernel) {
            continue;
        }
        float *expanded = check_floats(c, width * child->taps);
        float *scratch = check_floats(c, width * child->taps);
        float *wanted = check_floats(c, points * stride);
        const unsigned group = check_random(c, 0, form->weight_side / 2 - 1);
        rnm_kernel_rows rows = {.src = expanded, .stride = RNM_PANEL};
        rnm_expanders[child->transform](c->kernels, child, panel, expanded);
        check_case(c,
                   "transformed[%u], group %u, transform %d, flags %d, child %ux%u, parent %ux%u "
                   "of type %d, lanes %u from %u on, inputs %u from %u on",
                   k, group, child->transform, child->flags, child->co, child->ci, child->po,
                   child->pi, (int)child->parent_dtype, panel.lanes, panel.output, panel.inputs,
                   panel.input);
        const float *beforehand = rnm_expand_beforehand(c->kernels, child, panel, scratch);
        if (beforehand != NULL) {
            check_same(c, beforehand, expanded, width * child->taps);
        } else {
            form->weights(&rows, panel.inputs, group, wanted, stride);
            guarded dst = check_guarded((points - 1) * stride + width);
            rnm_expand_transformed(c->kernels, form, child, panel, (rnm_rows_ahead){.rows = 0},
                                   group, dst.data, stride);
            check_guards(c, dst);
            for (size_t n = 0; n < points; ++n) {
                check_same(c, dst.data + n * stride, wanted + n * stride, width);
            }
            check_release(dst);
        }
        free(wanted);
        free(scratch);
        free(expanded);
    }
}

/* All outputs by all inputs, in panels as convolutions have them, and some that lie anywhere. */
static void child_case(check *c) {
    rnm_child child = random_child(c);
    for (uint32_t o = 0; o < child.co; o += RNM_PANEL) {
        uint32_t rest = child.co - o;
        rnm_panel panel = {o, rest < RNM_PANEL ? rest : RNM_PANEL, 0, child.ci};
        panel_case(c, &child, panel);
        transformed_case(c, &child, panel);
    }
    for (int k = 0; k < 4; ++k) {
        rnm_panel panel = {.output = check_random(c, 0, child.co - 1),
                           .input = check_random(c, 0, child.ci - 1)};
        uint32_t lanes = child.co - panel.output;
        panel.lanes = check_random(c, 1, lanes < RNM_PANEL ? lanes : RNM_PANEL);
        panel.inputs = check_random(c, 1, child.ci - panel.input);
        panel_case(c, &child, panel);
        transformed_case(c, &child, panel);
    }
    drop_child(&child);
}

void check_expand(check *c) {
    for (int round = 0; round < 150; ++round) {
        child_case(c);
    }
}
