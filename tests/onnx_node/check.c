/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "half.h"
#include "rnc.h"
#include "rnm.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELATIVE 1e-3
#define ABSOLUTE 1e-5

static bool fail_with(char why[WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool fail_with(char why[WHY_SIZE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(why, WHY_SIZE, format, args);
    va_end(args);
    return false;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static double real_at(rnm_dtype dtype, const void *data, size_t k) {
    return dtype == RNM_F32   ? (double)((const float *)data)[k]
           : dtype == RNM_F64 ? ((const double *)data)[k]
                              : (double)rnm_f16_to_f32(((const uint16_t *)data)[k]);
}

/* NaN equals NaN only, infinities equal themselves. */
static bool near(double found, double wanted) {
    if (isnan(wanted) || isnan(found)) {
        return isnan(wanted) && isnan(found);
    }
    return found == wanted || fabs(found - wanted) <= ABSOLUTE + RELATIVE * fabs(wanted);
}

static bool same_values(const rnm_tensor *found, const decoded *wanted, char why[WHY_SIZE]) {
    bool real = found->dtype == RNM_F32 || found->dtype == RNM_F64 || found->dtype == RNM_F16;
    size_t size = rnm_dtype_size(found->dtype);
    for (size_t k = 0; k < wanted->bytes / size; k++) {
        if (!real) {
            if (memcmp((const char *)found->data + k * size, (const char *)wanted->data + k * size,
                       size) != 0) {
                return fail_with(why, "element %zu of %s differs", k, found->name);
            }
            continue;
        }
        double a = real_at(found->dtype, found->data, k);
        double b = real_at(found->dtype, wanted->data, k);
        if (!near(a, b)) {
            return fail_with(why, "element %zu of %s should be %.9g, found %.9g", k, found->name, b,
                             a);
        }
    }
    return true;
}

static bool same_tensor(const rnm_tensor *found, const decoded *wanted, char why[WHY_SIZE]) {
    if (found->dtype != wanted->dtype) {
        return fail_with(why, "%s should be %s, found %s", found->name,
                         rnm_dtype_name(wanted->dtype), rnm_dtype_name(found->dtype));
    }
    bool shaped = found->rank == wanted->rank && found->bytes == wanted->bytes;
    for (int axis = 0; shaped && axis < found->rank; axis++) {
        shaped = found->dims[axis] == wanted->dims[axis];
    }
    return shaped ? same_values(found, wanted, why)
                  : fail_with(why, "%s has another shape than it should", found->name);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool fill_input(const node_test *test, rnm_context *context, int index,
                       Onnx__ValueInfoProto *const *open, char why[WHY_SIZE]) {
    rnm_tensor *input = rnm_context_input(context, index);
    for (int k = 0; k < test->input_count; k++) {
        decoded given;
        if (strcmp(open[k]->name, input->name) != 0) {
            continue;
        }
        if (!decode_tensor(test->inputs[k], &given)) {
            return fail_with(why, "input %s cannot be decoded", input->name);
        }
        bool fits = given.dtype == input->dtype && given.bytes == input->bytes;
        if (fits) {
            memcpy(input->data, given.data, given.bytes);
        }
        free(given.data);
        return fits || fail_with(why, "input %s has another type or size", input->name);
    }
    return fail_with(why, "no input is called %s", input->name);
}

static bool run_mode(const node_test *test, const rnm_model *model, rnm_expand mode,
                     char why[WHY_SIZE]) {
    Onnx__ValueInfoProto *open[MOST_VALUES];
    rnm_context_options options = {.expand = mode, .threads = 1};
    rnm_context *context = NULL;
    rnm_error error;
    open_inputs(test, open);
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        return fail_with(why, "%s", error.text);
    }
    bool good = true;
    for (int k = 0; good && k < rnm_model_input_count(model); k++) {
        good = fill_input(test, context, k, open, why);
    }
    if (good && rnm_context_run(context, &error) != RNM_OK) {
        good = fail_with(why, "%s", error.text);
    }
    if (good && rnm_model_output_count(model) != test->output_count) {
        good =
            fail_with(why, "%d outputs, not %d", rnm_model_output_count(model), test->output_count);
    }
    for (int k = 0; good && k < test->output_count; k++) {
        decoded wanted;
        good = decode_tensor(test->outputs[k], &wanted) ||
               fail_with(why, "output %d cannot be decoded", k);
        if (good) {
            good = same_tensor(rnm_context_output(context, k), &wanted, why);
            free(wanted.data);
        }
    }
    rnm_context_destroy(context);
    return good;
}

bool check_test(const node_test *test, freeze what, const char *scratch, const char *keep,
                char why[WHY_SIZE]) {
    static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER,
                                       RNM_EXPAND_PANEL};
    char source[512], target[512];
    rnm_model *model = NULL;
    rnm_error error;
    snprintf(source, sizeof source, "%s/model.onnx", scratch);
    snprintf(target, sizeof target, "%s/model.rnm", scratch);
    bool good = write_frozen(test, what, source) || fail_with(why, "cannot write %s", source);
    if (good && (rnc_compile(source, target, NULL, &error) != RNM_OK ||
                 rnm_model_open(target, NULL, &model, &error) != RNM_OK)) {
        good = fail_with(why, "%s", error.text);
    }
    for (size_t k = 0; good && k < sizeof modes / sizeof *modes; k++) {
        good = run_mode(test, model, modes[k], why);
    }
    rnm_model_close(model);
    remove(source);
    if (good && keep != NULL && rename(target, keep) != 0) {
        good = fail_with(why, "cannot write %s", keep);
    }
    remove(target);
    return good;
}
