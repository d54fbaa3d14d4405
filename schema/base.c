/* SPDX-License-Identifier: Apache-2.0
 *
 * Statuses, data types and errors as text.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int exit_code;
    const char *text;
} statuses[] = {
#define X(number, name, exit_code, text) [number] = {exit_code, text},
#include "rnm_status.def"
#undef X
};

static int known_status(rnm_status status) {
    return (unsigned)status < sizeof statuses / sizeof *statuses;
}

const char *rnm_status_text(rnm_status status) {
    return known_status(status) ? statuses[status].text : "unknown status";
}

int rnm_status_exit_code(rnm_status status) {
    return known_status(status) ? statuses[status].exit_code : 1;
}

static const struct {
    uint8_t size;
    const char *name;
} dtypes[] = {
    [RNM_F32] = {4, "f32"},   [RNM_U8] = {1, "u8"},     [RNM_I8] = {1, "i8"},
    [RNM_I16] = {2, "i16"},   [RNM_I32] = {4, "i32"},   [RNM_I64] = {8, "i64"},
    [RNM_BOOL] = {1, "bool"}, [RNM_F16] = {2, "f16"},   [RNM_F64] = {8, "f64"},
    [RNM_U32] = {4, "u32"},   [RNM_BF16] = {2, "bf16"},
};

size_t rnm_dtype_size(rnm_dtype dtype) {
    return (unsigned)dtype < sizeof dtypes / sizeof *dtypes ? dtypes[dtype].size : 0;
}

const char *rnm_dtype_name(rnm_dtype dtype) {
    return rnm_dtype_size(dtype) != 0 ? dtypes[dtype].name : "unknown";
}

/* Names in errors may come from hostile files; a terminal must not obey them. */
static void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f) {
            *text = '?';
        }
    }
}

rnm_status rnm_fail(rnm_error *err, rnm_status status, const char *format, ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        make_printable(err->text);
    }
    return status;
}

rnm_status rnm_fail_in(rnm_error *err, rnm_status status, const char *prefix) {
    if (err == NULL) {
        return status;
    }
    char text[sizeof err->text];
    memcpy(text, err->text, sizeof text);
    return rnm_fail(err, err->status, "%.200s: %.430s", prefix, text);
}
