/* SPDX-License-Identifier: Apache-2.0
 *
 * Which attributes mean something to which operator.
 */
#ifndef RNC_ATTRIBUTES_H
#define RNC_ATTRIBUTES_H

enum {
    RNC_HAS_WINDOW = 1,  /* kernel_shape, ceil_mode */
    RNC_HAS_STRIDES = 2, /* strides, pads, dilations */
    RNC_HAS_GROUP = 4,
    RNC_HAS_COUNT = 8, /* count_include_pad */
    RNC_HAS_AXIS = 16,
    RNC_HAS_ALPHA = 32,
    RNC_HAS_BETA = 64,
};

/* A set of the above for an rnm_op; 0 for every other number. */
unsigned rnc_op_attributes(int op);

#endif
