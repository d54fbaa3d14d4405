/* SPDX-License-Identifier: Apache-2.0
 *
 * Element types of a node's inputs and outputs, by the letters of rnm_ops.def.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

#include <stdio.h>
#include <string.h>

#define TYPE(name) (1u << RNM_##name)
#define NUMBERS (TYPE(F32) | TYPE(F64) | TYPE(I64) | TYPE(I32) | TYPE(I8) | TYPE(U8))

/* The types that a letter may stand for. */
static const uint32_t classes['x' + 1] = {
    ['f'] = TYPE(F32),
    ['b'] = TYPE(BOOL),
    ['u'] = TYPE(U8),
    ['i'] = TYPE(I32),
    ['l'] = TYPE(I64),
    ['x'] = TYPE(I32) | TYPE(I64),
    ['T'] = NUMBERS | TYPE(F16) | TYPE(BOOL),
    ['N'] = NUMBERS,
    ['F'] = TYPE(F32) | TYPE(F64),
    ['P'] = TYPE(I8) | TYPE(U8) | TYPE(I32),
    ['Q'] = TYPE(I8) | TYPE(U8),
    ['R'] = TYPE(I8) | TYPE(U8),
    ['S'] = TYPE(I8) | TYPE(U8),
};

static bool is_variable(char letter) {
    return letter >= 'A' && letter <= 'Z';
}

/* "f32, i64 or u8" */
static const char *class_text(uint32_t set, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (unsigned type = 0; set != 0; type++, set >>= 1) {
        if ((set & 1) != 0) {
            const char *before = used == 0 ? "" : set == 1 ? " or " : ", ";
            int added =
                snprintf(text + used, size - used, "%s%s", before, rnm_dtype_name((rnm_dtype)type));
            used += (size_t)added;
        }
    }
    return text;
}

static rnm_status check_input(const rnm_shape_call *call, int k, char letter, uint8_t *bound) {
    rnm_dtype found = call->inputs[k]->dtype;
    uint32_t allowed = classes[(unsigned char)letter];
    if (is_variable(letter) && bound[letter - 'A'] != 0) {
        allowed = 1u << bound[letter - 'A'];
    }
    if ((unsigned)found > 31 || (allowed >> found & 1) == 0) {
        char text[80];
        return rnm_fail(call->err, RNM_ERR_SHAPE, "input %d of %s must be %s, found %s", k,
                        call->name, class_text(allowed, text, sizeof text), rnm_dtype_name(found));
    }
    if (is_variable(letter)) {
        bound[letter - 'A'] = (uint8_t)found;
    }
    return RNM_OK;
}

static rnm_dtype output_type(const rnm_shape_call *call, char letter, const uint8_t *bound) {
    if (letter == 'C') {
        return (rnm_dtype)call->attrs->to;
    }
    if (is_variable(letter)) {
        return bound[letter - 'A'] != 0 ? (rnm_dtype)bound[letter - 'A'] : RNM_U8;
    }
    return (rnm_dtype)__builtin_ctz(classes[(unsigned char)letter]);
}

rnm_status rnm_shape_types(rnm_shape_call *call, const char *types) {
    uint8_t bound[26] = {0};
    const char *colon = strchr(types, ':');
    const char *letter = types;
    for (int k = 0; k < call->input_count; k++) {
        rnm_status status = call->inputs[k] != NULL ? check_input(call, k, *letter, bound) : RNM_OK;
        if (status != RNM_OK) {
            return status;
        }
        letter += letter + 1 < colon;
    }
    letter = colon + 1;
    for (int k = 0; k < call->output_count; k++) {
        call->out[k] = (rnm_shape){.dtype = output_type(call, *letter, bound)};
        if (!rnm_dtype_is_active(call->out[k].dtype)) {
            return rnm_fail(call->err, RNM_ERR_VALUE,
                            "attribute to of %s must be a type that activations have, found %lld",
                            call->name, (long long)call->attrs->to);
        }
        letter += letter[1] != '\0';
    }
    return RNM_OK;
}
