/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of a safetensors file: events of a JSON parser, each of which must come where the
 * format has it. Nothing is kept but the entries.
 */
#include "safetensors_header.h"

#include "error.h"
#include "weights_impl.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

static const st_type types[] = {
    {"F32", 4, RNM_F32}, {"F16", 2, RNM_F16}, {"BF16", 2, RNM_BF16}, {"F64", 8, RNM_F64},
    {"I64", 8, RNM_I64}, {"I32", 4, RNM_I32}, {"I16", 2, RNM_I16},   {"I8", 1, RNM_I8},
    {"U8", 1, RNM_U8},   {"U32", 4, RNM_U32}, {"BOOL", 1, RNM_BOOL}, {"U16", 2, 0},
    {"U64", 8, 0},       {"F8_E4M3", 1, 0},   {"F8_E5M2", 1, 0},
};

/* Where in the header an event comes. */
typedef enum place {
    AT_START,
    IN_HEADER,   /* wants a name, or the end */
    AT_METADATA, /* behind the key "__metadata__" */
    IN_METADATA, /* texts by text */
    AT_TENSOR,   /* behind a tensor's name */
    IN_TENSOR,   /* wants one of three keys, or the end */
    AT_TYPE,
    AT_SHAPE,
    IN_SHAPE,
    AT_RANGE,
    IN_RANGE,
    AT_END,
} place;

enum { HAS_TYPE = 1, HAS_SHAPE = 2, HAS_RANGE = 4, HAS_ALL = 7 };

typedef struct parser {
    rnc_arena *arena;
    st_header *out;
    size_t room;
    place at;
    st_entry entry; /* being read */
    unsigned has;
    int numbers; /* of the range so far */
    bool metadata;
    rnm_status status;
    rnm_error *err;
} parser;

/* Ends the parsing. */
static int refuse(parser *p, const char *what) {
    int shown = p->entry.name_length < 200 ? (int)p->entry.name_length : 200;
    p->status = p->at >= AT_TENSOR && p->at < AT_END
                    ? rnm_fail(p->err, RNM_ERR_FORMAT, "header: tensor %.*s: %s", shown,
                               p->entry.name, what)
                    : rnm_fail(p->err, RNM_ERR_FORMAT, "header: %s", what);
    return 0;
}

static bool is(const unsigned char *text, size_t length, const char *word) {
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* ---- entries --------------------------------------------------------------------------------- */

static int begin_entry(parser *p, const unsigned char *name, size_t length) {
    p->entry =
        (st_entry){.name = rnc_arena_text(p->arena, name, length, p->err), .name_length = length};
    p->has = 0;
    p->numbers = 0;
    p->at = AT_TENSOR;
    p->status = p->entry.name == NULL ? p->arena->status : RNM_OK;
    return p->status == RNM_OK;
}

static int end_entry(parser *p) {
    if (p->has != HAS_ALL) {
        return refuse(p, "expected dtype, shape and data_offsets, found fewer");
    }
    if (p->out->count == p->room) {
        size_t room = p->room == 0 ? 64 : 2 * p->room;
        if (p->room >= RNC_MAX_TENSORS) {
            return refuse(p, "the header has more tensors than are allowed");
        }
        st_entry *entries = rnc_arena_array(p->arena, room, sizeof *entries, p->err);
        if (entries == NULL) {
            p->status = p->arena->status;
            return 0;
        }
        if (p->room > 0) {
            memcpy(entries, p->out->entries, p->room * sizeof *entries);
        }
        p->out->entries = entries;
        p->room = room;
    }
    p->out->entries[p->out->count++] = p->entry;
    p->at = IN_HEADER;
    return 1;
}

static int tensor_key(parser *p, const unsigned char *key, size_t length) {
    static const struct {
        const char *name;
        unsigned has;
        place at;
    } keys[] = {{"dtype", HAS_TYPE, AT_TYPE},
                {"shape", HAS_SHAPE, AT_SHAPE},
                {"data_offsets", HAS_RANGE, AT_RANGE}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (is(key, length, keys[k].name)) {
            if ((p->has & keys[k].has) != 0) {
                return refuse(p, "a key stands twice");
            }
            p->has |= keys[k].has;
            p->at = keys[k].at;
            return 1;
        }
    }
    return refuse(p, "expected no keys but dtype, shape and data_offsets, found another");
}

/* ---- events ---------------------------------------------------------------------------------- */

static int on_other(parser *p) {
    return refuse(p, "expected names with dtype, shape and data_offsets, found another value");
}

static int on_null(void *user) {
    return on_other(user);
}

static int on_boolean(void *user, int value) {
    (void)value;
    return on_other(user);
}

static int on_double(void *user, double value) {
    (void)value;
    return on_other(user);
}

static int on_integer(void *user, long long value) {
    parser *p = user;
    if (p->at != IN_SHAPE && p->at != IN_RANGE) {
        return on_other(p);
    }
    if (value < 0) {
        return refuse(p, "expected sizes and offsets of at least 0, found less");
    }
    if (p->at == IN_SHAPE) {
        if (p->entry.rank == RNM_MAX_RANK) {
            return refuse(p, "expected at most 8 dimensions, found more");
        }
        p->entry.dims[p->entry.rank++] = value;
        return 1;
    }
    if (p->numbers == 2) {
        return refuse(p, "expected two data_offsets, found more");
    }
    *(p->numbers++ == 0 ? &p->entry.begin : &p->entry.end) = value;
    return 1;
}

static int on_string(void *user, const unsigned char *text, size_t length) {
    parser *p = user;
    if (p->at == IN_METADATA) {
        return 1;
    }
    if (p->at != AT_TYPE) {
        return on_other(p);
    }
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        if (is(text, length, types[k].name)) {
            p->entry.type = &types[k];
            p->at = IN_TENSOR;
            return 1;
        }
    }
    return refuse(p, "expected a known dtype, found another");
}

static int on_start_map(void *user) {
    parser *p = user;
    switch (p->at) {
    case AT_START:
        p->at = IN_HEADER;
        return 1;
    case AT_METADATA:
        p->at = IN_METADATA;
        return 1;
    case AT_TENSOR:
        p->at = IN_TENSOR;
        return 1;
    default:
        return on_other(p);
    }
}

static int on_key(void *user, const unsigned char *key, size_t length) {
    parser *p = user;
    if (p->at == IN_METADATA) {
        return 1;
    }
    if (p->at == IN_TENSOR) {
        return tensor_key(p, key, length);
    }
    if (!is(key, length, "__metadata__")) {
        return begin_entry(p, key, length);
    }
    if (p->metadata) {
        return refuse(p, "__metadata__ stands twice");
    }
    p->metadata = true;
    p->at = AT_METADATA;
    return 1;
}

static int on_end_map(void *user) {
    parser *p = user;
    if (p->at == IN_TENSOR) {
        return end_entry(p);
    }
    p->at = p->at == IN_METADATA ? IN_HEADER : AT_END;
    return 1;
}

static int on_start_array(void *user) {
    parser *p = user;
    if (p->at != AT_SHAPE && p->at != AT_RANGE) {
        return on_other(p);
    }
    p->at = p->at == AT_SHAPE ? IN_SHAPE : IN_RANGE;
    return 1;
}

static int on_end_array(void *user) {
    parser *p = user;
    if (p->at == IN_RANGE && p->numbers != 2) {
        return refuse(p, "expected two data_offsets, found fewer");
    }
    p->at = IN_TENSOR;
    return 1;
}

/* ---- the header ------------------------------------------------------------------------------ */

static rnm_status refuse_json(yajl_handle handle, const uint8_t *bytes, size_t size,
                              rnm_error *err) {
    unsigned char *text = yajl_get_error(handle, 0, bytes, size);
    size_t length = text == NULL ? 0 : strcspn((const char *)text, "\n");
    rnm_status status = rnm_fail(err, RNM_ERR_FORMAT, "header: byte %zu: expected JSON, found %.*s",
                                 yajl_get_bytes_consumed(handle), (int)length,
                                 text == NULL ? "" : (const char *)text);
    yajl_free_error(handle, text);
    return status;
}

rnm_status st_parse_header(const uint8_t *bytes, size_t size, rnc_arena *arena, st_header *out,
                           rnm_error *err) {
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_integer = on_integer,
        .yajl_double = on_double,
        .yajl_string = on_string,
        .yajl_start_map = on_start_map,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end_map,
        .yajl_start_array = on_start_array,
        .yajl_end_array = on_end_array,
    };
    parser p = {.arena = arena, .out = out, .err = err};
    *out = (st_header){.count = 0};
    yajl_handle handle = yajl_alloc(&callbacks, NULL, &p);
    if (handle == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "header: no memory to read it");
    }
    yajl_status parsed = yajl_parse(handle, bytes, size);
    if (parsed == yajl_status_ok) {
        parsed = yajl_complete_parse(handle);
    }
    rnm_status status = p.status;
    if (status == RNM_OK && parsed != yajl_status_ok) {
        status = refuse_json(handle, bytes, size, err);
    } else if (status == RNM_OK && p.at != AT_END) {
        status = rnm_fail(err, RNM_ERR_FORMAT, "header: expected JSON, found nothing");
    }
    yajl_free(handle);
    return status;
}
