/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing what the scan left, and tensors out of their protos.
 */
#include "onnx.h"

#include "checked.h"
#include "error.h"
#include "onnx_wire.h"

#include <stdlib.h>
#include <string.h>

/* The copy without tensors, and everything parsed from it, typed fields of tensors included. */
enum { COPY_CEILING = 48 << 20, PARSED_CEILING = 96 << 20 };

/* ---- parsing --------------------------------------------------------------------------------- */

static void *parser_alloc(void *data, size_t size) {
    return rnc_arena_alloc(data, size, NULL);
}

static void parser_free(void *data, void *pointer) {
    (void)data; /* all at once, with the arena */
    (void)pointer;
}

rnm_status rnc_onnx_read(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err) {
    rnc_onnx_copy copy;
    rnm_status status = rnc_onnx_scan(bytes, size, COPY_CEILING, &copy, err);
    if (status != RNM_OK) {
        return status;
    }
    set->arena.ceiling = PARSED_CEILING;
    ProtobufCAllocator allocator = {
        .alloc = parser_alloc, .free = parser_free, .allocator_data = &set->arena};
    const Onnx__ModelProto *model = onnx__model_proto__unpack(&allocator, copy.size, copy.bytes);
    free(copy.bytes);
    if (model == NULL && set->arena.status != RNM_OK) {
        return rnm_fail(err, set->arena.status, "reading it takes more than the %d KiB allowed",
                        PARSED_CEILING / 1024);
    }
    if (model == NULL) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "expected an ONNX model, found fields that are none of its schema");
    }
    if (model->graph == NULL) {
        return rnm_fail(err, RNM_ERR_FORMAT, "expected an ONNX model, found none of its graph");
    }
    rnc_onnx *onnx = rnc_arena_alloc(&set->arena, sizeof *onnx, err);
    if (onnx == NULL) {
        return set->arena.status;
    }
    *onnx = (rnc_onnx){.model = model, .bytes = bytes, .size = size};
    set->onnx = onnx;
    return RNM_OK;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* Numbers of TensorProto.DataType by name, and what they are here; 0 for none. */
static const struct {
    const char *name;
    uint8_t dtype;
} types[] = {
    {"undefined", 0},       {"float32", RNM_F32}, {"uint8", RNM_U8},    {"int8", RNM_I8},
    {"uint16", 0},          {"int16", RNM_I16},   {"int32", RNM_I32},   {"int64", RNM_I64},
    {"string", 0},          {"bool", RNM_BOOL},   {"float16", RNM_F16}, {"float64", RNM_F64},
    {"uint32", RNM_U32},    {"uint64", 0},        {"complex64", 0},     {"complex128", 0},
    {"bfloat16", RNM_BF16},
};
enum { TYPES = sizeof types / sizeof *types };

bool rnc_onnx_dtype(int32_t number, rnm_dtype *out, rnm_error *err) {
    *out = number > 0 && number < TYPES ? (rnm_dtype)types[number].dtype : 0;
    if (*out == 0) {
        rnm_fail(err, RNM_ERR_UNSUPPORTED, "data type %d (%s) is not supported", number,
                 number >= 0 && number < TYPES ? types[number].name : "unknown");
    }
    return *out != 0;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* The elements of a typed field, as many as `count`, into bytes of the tensor's type. */
static rnm_status decode(const Onnx__TensorProto *proto, const rnc_tensor *tensor, uint64_t count,
                         uint8_t *out, rnm_error *err) {
    const size_t size = rnm_dtype_size(tensor->dtype);
    const struct {
        const void *items;
        size_t count;
        size_t item_size;
    } fields[] = {
        {proto->float_data, proto->n_float_data, sizeof(float)},
        {proto->double_data, proto->n_double_data, sizeof(double)},
        {proto->int64_data, proto->n_int64_data, sizeof(int64_t)},
        {proto->uint64_data, proto->n_uint64_data, sizeof(uint64_t)},
        {proto->int32_data, proto->n_int32_data, sizeof(int32_t)},
    };
    enum { FLOATS, DOUBLES, INT64S, UINT64S, INT32S };
    unsigned field = INT32S;
    field = tensor->dtype == RNM_F32   ? FLOATS
            : tensor->dtype == RNM_F64 ? DOUBLES
            : tensor->dtype == RNM_I64 ? INT64S
            : tensor->dtype == RNM_U32 ? UINT64S
                                       : field;
    if (fields[field].count != count) {
        return rnm_fail(
            err, RNM_ERR_FORMAT, "its dimensions make %llu elements of %s, its data hold %zu",
            (unsigned long long)count, rnm_dtype_name(tensor->dtype), fields[field].count);
    }
    /* Little-endian: the low bytes of an element come first. */
    for (uint64_t k = 0; k < count; k++) {
        const uint8_t *item = (const uint8_t *)fields[field].items + k * fields[field].item_size;
        memcpy(out + k * size, item, size);
    }
    return RNM_OK;
}

static rnm_status read_dims(const Onnx__TensorProto *proto, rnc_tensor *out, uint64_t *elements,
                            rnm_error *err) {
    bool empty = false;
    *elements = 1;
    if (proto->n_dims > RNM_MAX_RANK) {
        return rnm_fail(err, RNM_ERR_LIMIT, "expected at most %d dimensions, found %zu",
                        RNM_MAX_RANK, proto->n_dims);
    }
    out->rank = (int)proto->n_dims;
    for (int d = 0; d < out->rank; d++) {
        out->dims[d] = proto->dims[d];
        if (out->dims[d] < 0 || out->dims[d] > INT32_MAX) {
            return rnm_fail(err, RNM_ERR_SHAPE, "expected dimensions of 0 to 2^31 - 1, found %lld",
                            (long long)out->dims[d]);
        }
        empty = empty || out->dims[d] == 0;
        if (!rnm_mul_u64(*elements, out->dims[d] != 0 ? (uint64_t)out->dims[d] : 1, elements) ||
            *elements > (uint64_t)1 << 40) {
            return rnm_fail(err, RNM_ERR_SHAPE, "its dimensions multiply to more than 2^40");
        }
    }
    int64_t stride = 1;
    for (int d = out->rank; d-- > 0;) {
        out->strides[d] = stride;
        stride *= out->dims[d] != 0 ? out->dims[d] : 1;
    }
    *elements = empty ? 0 : *elements;
    return RNM_OK;
}

rnm_status rnc_onnx_tensor(const rnc_onnx *onnx, const Onnx__TensorProto *proto, rnc_arena *arena,
                           rnc_tensor *out, rnc_onnx_where *where, rnm_error *err) {
    static const uint8_t nothing[sizeof(uint64_t)];
    uint64_t count;
    rnm_status status;
    *out = (rnc_tensor){.name = proto->name != NULL ? proto->name : ""};
    *where = RNC_ONNX_INSIDE;
    if (!rnc_onnx_dtype(proto->data_type, &out->dtype, err)) {
        return RNM_ERR_UNSUPPORTED;
    }
    if (proto->segment != NULL) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED, "segments of tensors are not supported");
    }
    if ((status = read_dims(proto, out, &count, err)) != RNM_OK) {
        return status;
    }
    uint64_t bytes = count * rnm_dtype_size(out->dtype);
    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        *where = RNC_ONNX_EXTERNAL;
        return RNM_OK;
    }
    if (proto->has_raw_data) {
        rnc_onnx_span span;
        if (proto->raw_data.len != sizeof span) {
            return rnm_fail(err, RNM_ERR_FORMAT, "its raw data are malformed");
        }
        memcpy(&span, proto->raw_data.data, sizeof span);
        if (span.length != bytes || !rnm_range_inside(span.offset, span.length, onnx->size)) {
            return rnm_fail(err, RNM_ERR_FORMAT,
                            "its dimensions make %llu bytes of %s, its data hold %llu",
                            (unsigned long long)bytes, rnm_dtype_name(out->dtype),
                            (unsigned long long)span.length);
        }
        out->data = bytes == 0 ? nothing : onnx->bytes + span.offset;
        return RNM_OK;
    }
    uint8_t *decoded = rnc_arena_alloc(arena, bytes == 0 ? 1 : (size_t)bytes, err);
    out->data = decoded;
    return decoded == NULL ? arena->status : decode(proto, out, count, decoded, err);
}
