/* SPDX-License-Identifier: Apache-2.0
 *
 * What an open model is: a validated view of its bytes, where those bytes are, and what the public
 * header tells of it in its own structures. Nothing changes after the model is opened.
 */
#ifndef RNM_MODEL_H
#define RNM_MODEL_H

#include "memory.h"
#include "rnm.h"
#include "rnm_read.h"

typedef enum rnm_bytes_kind {
    RNM_BYTES_MAPPED,   /* a file, mapped read-only */
    RNM_BYTES_BORROWED, /* the caller's, used where they lie */
    RNM_BYTES_COPIED,   /* the caller's, not aligned: our copy */
} rnm_bytes_kind;

struct rnm_model {
    rnm_view view;
    rnm_memory memory;
    void *bytes; /* NULL when borrowed */
    uint64_t size;
    rnm_bytes_kind kind;
    rnm_value_info *values; /* graph inputs, then graph outputs */
    rnm_preprocess *preprocess;
};

#endif
