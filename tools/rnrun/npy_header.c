/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers of .npy files: a Python dictionary of three entries.
 */
#include "npy.h"

#include "checked.h"
#include "error.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *text;
    rnm_dtype dtype;
} types[] = {
    {"<f4", RNM_F32}, {"<f2", RNM_F16}, {"<f8", RNM_F64}, {"<i8", RNM_I64},  {"<i4", RNM_I32},
    {"<i2", RNM_I16}, {"|i1", RNM_I8},  {"|u1", RNM_U8},  {"|b1", RNM_BOOL}, {"<u4", RNM_U32},
};

const char *npy_dtype_text(rnm_dtype dtype) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].dtype == dtype) {
            return types[i].text;
        }
    }
    return NULL;
}

const char *npy_shape_text(const npy_info *info, char text[NPY_SHAPE_SIZE]) {
    /* Eight dims of at most 20 characters and their commas fit. */
    size_t used = (size_t)snprintf(text, NPY_SHAPE_SIZE, "(");
    for (int d = 0; d < info->rank; d++) {
        used += (size_t)snprintf(text + used, NPY_SHAPE_SIZE - used, "%s%lld", d > 0 ? ", " : "",
                                 (long long)info->dims[d]);
    }
    snprintf(text + used, NPY_SHAPE_SIZE - used, info->rank == 1 ? ",)" : ")");
    return text;
}

bool npy_data_bytes(const npy_info *info, uint64_t *bytes) {
    uint64_t product = rnm_dtype_size(info->dtype);
    bool empty = false;
    for (int d = 0; d < info->rank; d++) {
        empty = empty || info->dims[d] == 0;
        if (info->dims[d] != 0 && !rnm_mul_u64(product, (uint64_t)info->dims[d], &product)) {
            return false;
        }
    }
    *bytes = empty ? 0 : product;
    return *bytes <= INT64_MAX;
}

/* ---- parsing --------------------------------------------------------------------------------- */

typedef struct cursor {
    const char *at, *end;
    rnm_error *error;
} cursor;

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) {
        c->at++;
    }
}

/* Takes `byte`, with space before it, if it is what comes. */
static bool take(cursor *c, char byte) {
    skip_space(c);
    if (c->at == c->end || *c->at != byte) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word) {
    size_t length = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

static rnm_status expected(const cursor *c, const char *what) {
    size_t rest = (size_t)(c->end - c->at);
    return rnm_fail(c->error, RNM_ERR_FORMAT,
                    "the header has no %s where one must be, found '%.*s'", what,
                    (int)(rest < 16 ? rest : 16), c->at);
}

/* A quoted string without escapes, of at most size - 1 bytes. */
static rnm_status take_string(cursor *c, char *text, size_t size) {
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) {
        return expected(c, "string");
    }
    const char *start = c->at + 1;
    const char *quote = memchr(start, *c->at, (size_t)(c->end - start));
    if (quote == NULL || (size_t)(quote - start) >= size ||
        memchr(start, '\\', (size_t)(quote - start)) != NULL) {
        return expected(c, "short string");
    }
    memcpy(text, start, (size_t)(quote - start));
    text[quote - start] = '\0';
    c->at = quote + 1;
    return RNM_OK;
}

static rnm_status take_descr(cursor *c, npy_info *out) {
    char text[16];
    if (take(c, '[')) {
        return rnm_fail(c->error, RNM_ERR_UNSUPPORTED,
                        "has records for elements; expected a plain type such as '<f4'");
    }
    rnm_status status = take_string(c, text, sizeof text);
    if (status != RNM_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].text, text) == 0) {
            out->dtype = types[i].dtype;
            return RNM_OK;
        }
    }
    return rnm_fail(c->error, RNM_ERR_UNSUPPORTED,
                    "has elements of type '%s'; expected one of <f4 <f2 <f8 <i8 <i4 <i2 |i1 |u1 "
                    "|b1 <u4",
                    text);
}

static rnm_status take_dim(cursor *c, int64_t *out) {
    const char *start = c->at;
    int64_t dim = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (__builtin_mul_overflow(dim, 10, &dim) ||
            __builtin_add_overflow(dim, *c->at - '0', &dim)) {
            return rnm_fail(c->error, RNM_ERR_LIMIT, "has a dimension above 2^63");
        }
    }
    *out = dim;
    return c->at > start ? RNM_OK : expected(c, "dimension");
}

static rnm_status take_shape(cursor *c, npy_info *out) {
    if (!take(c, '(')) {
        return expected(c, "shape");
    }
    for (out->rank = 0; !take(c, ')');) {
        if (out->rank == RNM_MAX_RANK) {
            return rnm_fail(c->error, RNM_ERR_LIMIT, "has more than %d dimensions", RNM_MAX_RANK);
        }
        rnm_status status = take_dim(c, &out->dims[out->rank]);
        if (status != RNM_OK) {
            return status;
        }
        out->rank++;
        if (!take(c, ',')) {
            /* (5) is a number to Python, not a tuple. */
            return out->rank > 1 && take(c, ')') ? RNM_OK : expected(c, "comma in the shape");
        }
        skip_space(c);
    }
    return RNM_OK;
}

static rnm_status take_order(cursor *c, bool *fortran) {
    *fortran = take_word(c, "True");
    return *fortran || take_word(c, "False") ? RNM_OK : expected(c, "True or False");
}

rnm_status npy_parse_dictionary(const char *text, size_t size, npy_info *out, rnm_error *error) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    cursor c = {.at = text, .end = text + size, .error = error};
    npy_info info = {0};
    bool fortran = false;
    bool seen[3] = {false};
    if (!take(&c, '{')) {
        return expected(&c, "dictionary");
    }
    while (!take(&c, '}')) {
        char key[16];
        size_t k = 0;
        rnm_status status = take_string(&c, key, sizeof key);
        if (status != RNM_OK) {
            return status;
        }
        while (k < 3 && strcmp(keys[k], key) != 0) {
            k++;
        }
        if (k == 3 || seen[k] || !take(&c, ':')) {
            return rnm_fail(error, RNM_ERR_FORMAT,
                            "the header has an unexpected '%s'; expected descr, fortran_order and "
                            "shape, once each",
                            key);
        }
        seen[k] = true;
        status = k == 0   ? take_descr(&c, &info)
                 : k == 1 ? take_order(&c, &fortran)
                          : take_shape(&c, &info);
        if (status != RNM_OK) {
            return status;
        }
        if (!take(&c, ',')) {
            if (!take(&c, '}')) {
                return expected(&c, "comma");
            }
            break;
        }
    }
    skip_space(&c);
    if (c.at != c.end) {
        return expected(&c, "end");
    }
    if (!seen[0] || !seen[1] || !seen[2]) {
        return rnm_fail(error, RNM_ERR_FORMAT, "the header lacks '%s'",
                        keys[!seen[0] ? 0 : (!seen[1] ? 1 : 2)]);
    }
    if (fortran && info.rank > 1) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "is in Fortran order; save it from numpy.ascontiguousarray");
    }
    *out = info;
    return RNM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

size_t npy_format_header(const npy_info *info, char header[NPY_HEADER_SIZE]) {
    enum { FRONT = NPY_PREFIX_SIZE + 2 };
    char shape[NPY_SHAPE_SIZE];
    size_t used = FRONT;
    used += (size_t)snprintf(header + used, NPY_HEADER_SIZE - used,
                             "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                             npy_dtype_text(info->dtype), npy_shape_text(info, shape));
    size_t size = (used + 1 + 63) / 64 * 64;
    assert(size <= NPY_HEADER_SIZE);
    memset(header + used, ' ', size - used);
    header[size - 1] = '\n';
    memcpy(header, NPY_MAGIC "\x01\x00", NPY_PREFIX_SIZE);
    header[NPY_PREFIX_SIZE] = (char)((size - FRONT) & 0xff);
    header[NPY_PREFIX_SIZE + 1] = (char)((size - FRONT) >> 8);
    return size;
}
