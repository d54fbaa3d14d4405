/* SPDX-License-Identifier: Apache-2.0 */
#include "elements.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

size_t trial_elements(uint8_t rank, const int64_t *dims) {
    size_t count = 1;
    for (uint8_t axis = 0; axis < rank; ++axis) {
        count *= (size_t)dims[axis];
    }
    return count;
}

size_t trial_shape(rng *r, uint8_t rank, int64_t *dims) {
    for (uint8_t axis = 0; axis < rank; ++axis) {
        dims[axis] = 1 + random_below(r, 6);
    }
    return trial_elements(rank, dims);
}

static opened build(const trial *t) {
    rnm_builder *b = builder_new();
    uint32_t inputs[MOST_INPUTS], outputs[3];
    char name[32];
    for (int k = 0; k < t->input_count; ++k) {
        if (t->in[k].rank == 255) {
            inputs[k] = RNM_NONE;
            continue;
        }
        snprintf(name, sizeof name, "x%d", k);
        inputs[k] = builder_input(b, name, t->in[k].rank, t->in[k].dims);
        builder_set_dtype(b, inputs[k], t->in[k].type);
        if (t->in[k].layout == RNM_LAYOUT_CHANNELS_LAST) {
            snprintf(name, sizeof name, "x%d.last", k);
            uint32_t last =
                builder_activation(b, name, RNM_LAYOUT_CHANNELS_LAST, t->in[k].rank, t->in[k].dims);
            builder_set_dtype(b, last, t->in[k].type);
            builder_node(b, name, RNM_OP_Reorder, 1, &inputs[k], last);
            inputs[k] = last;
        }
    }
    for (int k = 0; k < t->output_count; ++k) {
        snprintf(name, sizeof name, "y%d", k);
        outputs[k] = builder_activation(b, name, t->out[k].layout, t->out[k].rank, t->out[k].dims);
        builder_set_dtype(b, outputs[k], t->out[k].type);
    }
    builder_node_outputs(b, "node", t->op, (uint16_t)t->input_count, inputs,
                         (uint16_t)t->output_count, outputs);
    if (t->attributes != NULL) {
        t->attributes(b, t);
    }
    for (int k = 0; k < t->output_count; ++k) {
        if (t->out[k].layout == RNM_LAYOUT_CHANNELS_LAST) {
            snprintf(name, sizeof name, "y%d.rows", k);
            uint32_t rows =
                builder_activation(b, name, RNM_LAYOUT_ROWS, t->out[k].rank, t->out[k].dims);
            builder_set_dtype(b, rows, t->out[k].type);
            builder_node(b, name, RNM_OP_Reorder, 1, &outputs[k], rows);
            outputs[k] = rows;
        }
        builder_output(b, outputs[k]);
    }
    return open_built(b);
}

/* The input of the model that input k of the node comes from. */
static int input_of(const trial *t, int k) {
    int index = 0;
    for (int before = 0; before < k; ++before) {
        index += t->in[before].rank != 255;
    }
    return index;
}

void *run_trial(const trial *t, int k, size_t *bytes) {
    opened model = build(t);
    void *first = NULL;
    for (int threads = 1; threads <= 3; threads += 2) {
        rnm_context_options options = {.threads = threads};
        rnm_context *context = NULL;
        rnm_error error;
        if (rnm_context_create(model.model, &options, &context, &error) != RNM_OK) {
            fail_msg("%s", error.text);
        }
        for (int i = 0; i < t->input_count; ++i) {
            if (t->in[i].rank != 255) {
                rnm_tensor *input = rnm_context_input(context, input_of(t, i));
                memcpy(input->data, t->in[i].data, input->bytes);
            }
        }
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        const rnm_tensor *output = rnm_context_output(context, k);
        if (first == NULL) {
            first = malloc(output->bytes + 1);
            assert_non_null(first);
            memcpy(first, output->data, output->bytes);
            *bytes = output->bytes;
        } else {
            assert_memory_equal(first, output->data, output->bytes);
        }
        rnm_context_destroy(context);
    }
    close_opened(model);
    return first;
}
