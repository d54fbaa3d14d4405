/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the tables that test shape inference, and how they are tried.
 */
#ifndef SHAPE_CASE_H
#define SHAPE_CASE_H

#include "shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct shape_case {
    const char *what;
    rnm_op op;
    int spatial;
    void (*change)(rnm_node_attrs *attrs); /* from the defaults; NULL: none */
    rnm_shape inputs[5];                   /* dtype 0: absent */
    int input_count;
    rnm_status status;
    rnm_shape wanted; /* where status is OK */
    const char *word; /* otherwise */
} shape_case;

#define SHAPE(...)                                                                           \
    {                                                                                        \
        .dtype = RNM_F32, .rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
        .dims = {                                                                            \
            __VA_ARGS__                                                                      \
        }                                                                                    \
    }
#define ABSENT \
    { .dtype = 0 }
#define SCALAR \
    { .dtype = RNM_F32 }

static inline void try_shape_case(const shape_case *c) {
    rnm_node_attrs attrs = rnm_attrs_default(c->op, c->spatial);
    const rnm_shape *inputs[5];
    rnm_shape found = {.rank = -1};
    rnm_error err = {.text = ""};
    if (c->change != NULL) {
        c->change(&attrs);
    }
    for (int k = 0; k < c->input_count; k++) {
        inputs[k] = c->inputs[k].dtype != 0 ? &c->inputs[k] : NULL;
    }
    rnm_status status = rnm_infer_shape(c->op, &attrs, inputs, c->input_count, &found, 1, &err);
    if (status != c->status) {
        fail_msg("%s: expected status %d, found %d: %s", c->what, (int)c->status, (int)status,
                 err.text);
    }
    if (status == RNM_OK) {
        char text[RNM_SHAPE_TEXT];
        if (!rnm_shape_equal(&found, &c->wanted)) {
            fail_msg("%s: found %s", c->what, rnm_shape_text(&found, text, sizeof text));
        }
    } else {
        assert_int_equal(found.rank, -1);
        if (strstr(err.text, c->word) == NULL) {
            fail_msg("%s: expected \"%s\", found: %s", c->what, c->word, err.text);
        }
    }
}

#endif
