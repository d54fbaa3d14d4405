/* SPDX-License-Identifier: Apache-2.0 */
#include "elements.h"

#include <math.h>
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

/* ---- numbers --------------------------------------------------------------------------------- */

double number_at(rnm_dtype type, const void *data, size_t k) {
    switch (type) {
    case RNM_F32:
        return (double)((const float *)data)[k];
    case RNM_F64:
        return ((const double *)data)[k];
    case RNM_I64:
        return (double)((const int64_t *)data)[k];
    case RNM_I32:
        return ((const int32_t *)data)[k];
    case RNM_I8:
        return ((const int8_t *)data)[k];
    default:
        return ((const uint8_t *)data)[k];
    }
}

void put_number(rnm_dtype type, void *data, size_t k, double number) {
    switch (type) {
    case RNM_F32:
        ((float *)data)[k] = (float)number;
        break;
    case RNM_F64:
        ((double *)data)[k] = number;
        break;
    case RNM_I64:
        ((int64_t *)data)[k] = (int64_t)number;
        break;
    case RNM_I32:
        ((int32_t *)data)[k] = (int32_t)number;
        break;
    case RNM_I8:
        ((int8_t *)data)[k] = (int8_t)number;
        break;
    default:
        ((uint8_t *)data)[k] = (uint8_t)number;
    }
}

bool is_real_type(rnm_dtype type) {
    return type == RNM_F32 || type == RNM_F64;
}

void fill_numbers(rng *r, rnm_dtype type, void *data, size_t count) {
    for (size_t k = 0; k < count; ++k) {
        double number = is_real_type(type) ? (double)random_float(r) * 3.0
                        : type == RNM_BOOL ? (double)random_below(r, 2)
                        : type == RNM_U8   ? (double)random_below(r, 10)
                                           : (double)random_below(r, 19) - 9.0;
        put_number(type, data, k, number);
    }
}

static bool matches(rnm_dtype type, double found, double wanted) {
    double slack = is_real_type(type) ? 2e-6 * fmax(1.0, fabs(wanted)) : 0.0;
    return isnan(wanted)   ? isnan(found)
           : isinf(wanted) ? found == wanted
                           : fabs(found - wanted) <= slack;
}

void check_output(const trial *t, int output, const double *wanted, const char *what) {
    size_t bytes;
    void *found = run_trial(t, output, &bytes);
    rnm_dtype type = t->out[output].type;
    size_t count = trial_elements(t->out[output].rank, t->out[output].dims);
    assert_int_equal(bytes, count * rnm_dtype_size(type));
    for (size_t k = 0; k < count; ++k) {
        double number = number_at(type, found, k);
        if (!matches(type, number, wanted[k])) {
            fail_msg("%s of %s: element %zu must be %.9g, found %.9g", what,
                     rnm_dtype_name(t->in[0].type), k, wanted[k], number);
        }
    }
    free(found);
}

void check_trial(const trial *t, const double *wanted, const char *what) {
    check_output(t, 0, wanted, what);
}
