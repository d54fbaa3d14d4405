/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan knows the messages by one table: which fields are copied, which are messages to go into,
 * and which are left out.
 */
#include "onnx_wire.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* Graphs in attributes of nodes of graphs ... */
enum { MAX_DEPTH = 48 };

typedef enum message {
    OPAQUE, /* copied as it is */
    DROPPED,
    RAW, /* bulk of a tensor */
    MODEL,
    GRAPH,
    NODE,
    ATTRIBUTE,
    TENSOR,
    VALUE_INFO,
    TYPE,
    FUNCTION,
    MESSAGES,
} message;

enum { FIELDS = 32 };

/* What field k of a message is; fields that no table names are left out. Names are ONNX's. */
static const struct {
    const char *name;
    uint8_t fields[FIELDS];
    bool known[FIELDS];
} messages[MESSAGES] = {
#define FIELD(number, kind) .fields[number] = kind, .known[number] = true
    [MODEL] = {"ModelProto", FIELD(1, OPAQUE), FIELD(2, OPAQUE), FIELD(3, OPAQUE), FIELD(7, GRAPH),
               FIELD(8, OPAQUE), FIELD(14, OPAQUE), FIELD(25, FUNCTION)},
    [GRAPH] = {"GraphProto", FIELD(1, NODE), FIELD(2, OPAQUE), FIELD(5, TENSOR),
               FIELD(11, VALUE_INFO), FIELD(12, VALUE_INFO), FIELD(15, OPAQUE)},
    [NODE] = {"NodeProto", FIELD(1, OPAQUE), FIELD(2, OPAQUE), FIELD(3, OPAQUE), FIELD(4, OPAQUE),
              FIELD(5, ATTRIBUTE), FIELD(7, OPAQUE)},
    [ATTRIBUTE] = {"AttributeProto", FIELD(1, OPAQUE), FIELD(2, OPAQUE), FIELD(3, OPAQUE),
                   FIELD(4, OPAQUE), FIELD(5, TENSOR), FIELD(6, GRAPH), FIELD(7, OPAQUE),
                   FIELD(8, OPAQUE), FIELD(9, OPAQUE), FIELD(10, TENSOR), FIELD(11, GRAPH),
                   FIELD(20, OPAQUE), FIELD(21, OPAQUE)},
    [TENSOR] = {"TensorProto", FIELD(1, OPAQUE), FIELD(2, OPAQUE), FIELD(3, OPAQUE), FIELD(4, RAW),
                FIELD(5, OPAQUE), FIELD(6, OPAQUE), FIELD(7, OPAQUE), FIELD(8, OPAQUE),
                FIELD(9, RAW), FIELD(10, RAW), FIELD(11, OPAQUE), FIELD(13, OPAQUE),
                FIELD(14, OPAQUE)},
    [VALUE_INFO] = {"ValueInfoProto", FIELD(1, OPAQUE), FIELD(2, TYPE)},
    [TYPE] = {"TypeProto", FIELD(1, OPAQUE)},
    [FUNCTION] = {"FunctionProto", FIELD(1, OPAQUE), FIELD(4, OPAQUE), FIELD(5, OPAQUE),
                  FIELD(6, OPAQUE), FIELD(7, NODE), FIELD(9, OPAQUE), FIELD(10, OPAQUE),
                  FIELD(11, ATTRIBUTE)},
#undef FIELD
};

enum { TENSOR_FLOATS = 4, TENSOR_RAW = 9, TENSOR_DOUBLES = 10 };

typedef struct scan {
    const uint8_t *bytes;
    uint8_t *out;
    size_t used, room, ceiling;
    rnm_error *err;
} scan;

/* One field as it lies: its whole and, of wire type BYTES, its content. */
typedef struct field {
    uint64_t number;
    unsigned wire;
    size_t start, content, end;
} field;

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads a varint at *at, before `end`. */
static bool read_varint(const uint8_t *bytes, size_t *at, size_t end, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads the field at `at`, before `end`. */
static bool read_field(const uint8_t *bytes, size_t at, size_t end, field *out) {
    uint64_t key;
    uint64_t length = 0;
    out->start = at;
    if (!read_varint(bytes, &at, end, &key) || key >> 3 == 0 || key >> 32 != 0) {
        return false;
    }
    out->number = key >> 3;
    out->wire = key & 7;
    switch (out->wire) {
    case VARINT:
        if (!read_varint(bytes, &at, end, &length)) {
            return false;
        }
        length = 0;
        break;
    case FIXED64:
        length = 8;
        break;
    case FIXED32:
        length = 4;
        break;
    case BYTES:
        if (!read_varint(bytes, &at, end, &length)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if (length > end - at) {
        return false;
    }
    out->content = at;
    out->end = at + (size_t)length;
    return true;
}

bool rnc_onnx_probe(const uint8_t *bytes, size_t size) {
    field first;
    if (!read_field(bytes, 0, size, &first) || first.number >= FIELDS) {
        return false;
    }
    /* ir_version, model_version; names, opsets, metadata, graph, functions. */
    static const uint32_t numbers = 1u << 1 | 1u << 5;
    static const uint32_t contents =
        1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 14 | 1u << 20 | 1u << 25;
    return first.wire == VARINT ? (numbers >> first.number & 1) != 0
                                : first.wire == BYTES && (contents >> first.number & 1) != 0;
}

/* ---- copying --------------------------------------------------------------------------------- */

static rnm_status put(scan *s, const void *bytes, size_t size) {
    if (size > s->ceiling - s->used) {
        return rnm_fail(s->err, RNM_ERR_LIMIT,
                        "the graph without its tensors takes more than the %zu KiB allowed",
                        s->ceiling / 1024);
    }
    if (size > s->room - s->used) {
        size_t room = s->room + size > s->ceiling / 2 ? s->ceiling : 2 * (s->room + size);
        uint8_t *out = realloc(s->out, room);
        if (out == NULL) {
            return rnm_fail(s->err, RNM_ERR_MEMORY, "out of memory: %zu bytes wanted", room);
        }
        s->out = out;
        s->room = room;
    }
    memcpy(s->out + s->used, bytes, size);
    s->used += size;
    return RNM_OK;
}

static rnm_status put_key(scan *s, uint64_t number) {
    uint8_t bytes[2] = {(uint8_t)((number & 0xf) << 3 | BYTES), (uint8_t)(number >> 4)};
    bytes[0] |= bytes[1] != 0 ? 0x80 : 0;
    return put(s, bytes, bytes[1] != 0 ? 2 : 1);
}

/* A length of a fixed number of bytes, to be known later. */
enum { LENGTH_BYTES = 5 };

static void set_length(scan *s, size_t at, size_t length) {
    for (int k = 0; k < LENGTH_BYTES; k++) {
        s->out[at + (size_t)k] =
            (uint8_t)((length >> (7 * k) & 0x7f) | (k + 1 < LENGTH_BYTES ? 0x80 : 0));
    }
}

static rnm_status put_span(scan *s, const field *found) {
    const uint8_t size = sizeof(rnc_onnx_span);
    rnc_onnx_span span = {.offset = found->content, .length = found->end - found->content};
    rnm_status status = put_key(s, TENSOR_RAW);
    if (status == RNM_OK) {
        status = put(s, &size, 1);
    }
    return status == RNM_OK ? put(s, &span, sizeof span) : status;
}

/* ---- messages -------------------------------------------------------------------------------- */

static rnm_status malformed(const scan *s, message kind, size_t at) {
    return rnm_fail(s->err, RNM_ERR_FORMAT,
                    "expected an ONNX model: its %s is cut short or malformed at byte %zu",
                    messages[kind].name, at);
}

/* That floats or doubles of a tensor are one packed run, its only data. */
static bool only_run(const scan *s, size_t at, size_t end) {
    unsigned runs = 0;
    field found;
    for (; at < end && read_field(s->bytes, at, end, &found); at = found.end) {
        bool bulk = found.number == TENSOR_FLOATS || found.number == TENSOR_DOUBLES;
        runs += bulk || found.number == TENSOR_RAW;
        if (bulk && found.wire != BYTES) {
            return false;
        }
    }
    return runs == 1;
}

static rnm_status scan_message(scan *s, message kind, size_t at, size_t end, int depth) {
    const bool span_floats = kind == TENSOR && only_run(s, at, end);
    while (at < end) {
        field found;
        rnm_status status = RNM_OK;
        if (!read_field(s->bytes, at, end, &found)) {
            return malformed(s, kind, at);
        }
        bool known = found.number < FIELDS && messages[kind].known[found.number];
        message inner = known ? (message)messages[kind].fields[found.number] : DROPPED;
        if (inner > RAW && found.wire != BYTES) {
            return malformed(s, kind, at);
        }
        if (inner == RAW && found.wire == BYTES && (found.number == TENSOR_RAW || span_floats)) {
            status = put_span(s, &found);
        } else if (inner == OPAQUE || inner == RAW) {
            status = put(s, s->bytes + found.start, found.end - found.start);
        } else if (inner != DROPPED) {
            if (depth == MAX_DEPTH) {
                return rnm_fail(s->err, RNM_ERR_LIMIT,
                                "its messages are nested deeper than %d levels", MAX_DEPTH);
            }
            static const uint8_t no_length[LENGTH_BYTES];
            if ((status = put_key(s, found.number)) != RNM_OK ||
                (status = put(s, no_length, sizeof no_length)) != RNM_OK) {
                return status;
            }
            size_t start = s->used;
            status = scan_message(s, inner, found.content, found.end, depth + 1);
            if (status == RNM_OK) {
                set_length(s, start - LENGTH_BYTES, s->used - start);
            }
        }
        if (status != RNM_OK) {
            return status;
        }
        at = found.end;
    }
    return RNM_OK;
}

rnm_status rnc_onnx_scan(const uint8_t *bytes, size_t size, size_t ceiling, rnc_onnx_copy *out,
                         rnm_error *err) {
    scan s = {.bytes = bytes, .ceiling = ceiling, .err = err};
    rnm_status status = scan_message(&s, MODEL, 0, size, 0);
    if (status != RNM_OK) {
        free(s.out);
        return status;
    }
    *out = (rnc_onnx_copy){.bytes = s.out, .size = s.used};
    return RNM_OK;
}
