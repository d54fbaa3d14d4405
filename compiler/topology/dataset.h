/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets as descriptions: how their images become inputs, and what their classes are called.
 */
#ifndef RNC_DATASET_H
#define RNC_DATASET_H

#include "readers/arena.h"
#include "rnm_base.h"
#include "rnm_format.h"

#include <stdbool.h>

typedef struct rnc_dataset {
    const char *name;
    rnm_preprocess_rec preprocess; /* names and input index unset */
    int64_t channels;              /* 1 or 3, as the colour says */
    int64_t height, width;         /* of what results */
    const char *const *labels;
    size_t label_count;
} rnc_dataset;

/* Finds a data set: a name known to the library, in any case, or else the path of a YAML file.
 * Strings are copied into the arena. RNM_ERR_ARGUMENT for a name that is neither. */
rnm_status rnc_dataset_find(const char *name, rnc_arena *arena, rnc_dataset *out, rnm_error *err);

/* The same from a document; `name` is what errors call it. */
rnm_status rnc_dataset_parse(const char *text, size_t size, const char *name, rnc_arena *arena,
                             rnc_dataset *out, rnm_error *err);

/* True for a name that the library knows. */
bool rnc_dataset_known(const char *name);

/* Changes the size of what results: exact sizes become it, a crop becomes it and the shorter side
 * grows or shrinks in proportion. */
void rnc_dataset_resize(rnc_dataset *dataset, int64_t height, int64_t width);

#endif
