/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors over mapped bytes: the check that a view stays inside its storage, and copies as f32.
 */
#include "checked.h"
#include "half.h"
#include "weights_impl.h"

#include <assert.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "elements are read as they lie in the file, which is little-endian");

/* A view may repeat its storage, as expand() does, but a tiny file must not become a huge tensor.
 */
enum { MAX_REPEATED = 1 << 20 };

int64_t rnc_tensor_elements(const rnc_tensor *tensor) {
    int64_t elements = 1;
    for (int i = 0; i < tensor->rank; i++) {
        elements *= tensor->dims[i];
    }
    return elements;
}

/* The product of the dimensions with zeros taken as ones, so that no order of multiplication
 * overflows later. */
static bool count_elements(const rnc_tensor *tensor, uint64_t *elements, bool *empty) {
    *elements = 1;
    *empty = false;
    for (int i = 0; i < tensor->rank; i++) {
        uint64_t dim = (uint64_t)tensor->dims[i];
        *empty |= dim == 0;
        if (!rnm_mul_u64(*elements, dim != 0 ? dim : 1, elements) || *elements > INT64_MAX) {
            return false;
        }
    }
    return true;
}

/* The storage element that the last index reaches; all dimensions are at least 1. */
static bool last_element(const rnc_tensor *tensor, int64_t offset, uint64_t *last) {
    *last = (uint64_t)offset;
    for (int i = 0; i < tensor->rank; i++) {
        uint64_t reach;
        if (!rnm_mul_u64((uint64_t)tensor->dims[i] - 1, (uint64_t)tensor->strides[i], &reach) ||
            !rnm_add_u64(*last, reach, last)) {
            return false;
        }
    }
    return true;
}

rnm_status rnc_tensor_place(rnc_tensor *tensor, const uint8_t *storage, int64_t count,
                            int64_t offset, rnm_error *err) {
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0 || tensor->strides[i] < 0) {
            return rnm_fail(err, RNM_ERR_SHAPE,
                            "expected dimensions and strides of 0 or more, found a negative one");
        }
    }
    uint64_t elements;
    bool empty;
    if (!count_elements(tensor, &elements, &empty)) {
        return rnm_fail(err, RNM_ERR_SHAPE, "its number of elements does not fit 63 bits");
    }
    if (offset < 0 || offset > count) {
        return rnm_fail(err, RNM_ERR_SHAPE,
                        "expected an offset within its storage of %lld elements, found %lld",
                        (long long)count, (long long)offset);
    }
    uint64_t last = 0;
    if (!empty && (!last_element(tensor, offset, &last) || last >= (uint64_t)count)) {
        return rnm_fail(err, RNM_ERR_SHAPE,
                        "its dimensions and strides reach beyond its storage of %lld elements",
                        (long long)count);
    }
    if (!empty && elements > (uint64_t)count && elements > MAX_REPEATED) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "it repeats a storage of %lld elements to %llu, more than the %d allowed",
                        (long long)count, (unsigned long long)elements, (int)MAX_REPEATED);
    }
    tensor->data = storage + (size_t)offset * rnm_dtype_size(tensor->dtype);
    return RNM_OK;
}

/* `count` elements `stride` bytes apart, to elements one behind the other. */
typedef void convert_run(const uint8_t *source, ptrdiff_t stride, int64_t count, void *target);

#define CONVERT_RUN_TO(name, type, to, expression)                                           \
    static void name(const uint8_t *source, ptrdiff_t stride, int64_t count, void *target) { \
        uint8_t *bytes = target;                                                             \
        for (int64_t i = 0; i < count; i++, source += stride, bytes += sizeof(to)) {         \
            type x;                                                                          \
            memcpy(&x, source, sizeof x);                                                    \
            to y = (expression);                                                             \
            memcpy(bytes, &y, sizeof y);                                                     \
        }                                                                                    \
    }
#define CONVERT_RUN(name, type, expression) CONVERT_RUN_TO(name, type, float, expression)

CONVERT_RUN(convert_f32_apart, float, x)
CONVERT_RUN(convert_f64, double, (float)x)
CONVERT_RUN(convert_f16, uint16_t, rnm_f16_to_f32(x))
CONVERT_RUN(convert_bf16, uint16_t, rnm_bf16_to_f32(x))
CONVERT_RUN(convert_i64, int64_t, (float)x)
CONVERT_RUN(convert_i32, int32_t, (float)x)
CONVERT_RUN(convert_i16, int16_t, (float)x)
CONVERT_RUN(convert_i8, int8_t, (float)x)
CONVERT_RUN(convert_u32, uint32_t, (float)x)
CONVERT_RUN(convert_u8, uint8_t, (float)x)
CONVERT_RUN(convert_bool, uint8_t, x != 0 ? 1.0f : 0.0f)

CONVERT_RUN_TO(copy_1, uint8_t, uint8_t, x)
CONVERT_RUN_TO(copy_2, uint16_t, uint16_t, x)
CONVERT_RUN_TO(copy_4, uint32_t, uint32_t, x)
CONVERT_RUN_TO(copy_8, uint64_t, uint64_t, x)

static void convert_f32(const uint8_t *source, ptrdiff_t stride, int64_t count, void *target) {
    if (stride == (ptrdiff_t)sizeof(float)) {
        memcpy(target, source, (size_t)count * sizeof(float));
    } else {
        convert_f32_apart(source, stride, count, target);
    }
}

static convert_run *const converters[] = {
    [RNM_F32] = convert_f32,   [RNM_F64] = convert_f64,   [RNM_F16] = convert_f16,
    [RNM_BF16] = convert_bf16, [RNM_I64] = convert_i64,   [RNM_I32] = convert_i32,
    [RNM_I16] = convert_i16,   [RNM_I8] = convert_i8,     [RNM_U32] = convert_u32,
    [RNM_U8] = convert_u8,     [RNM_BOOL] = convert_bool,
};

/* The same elements in the same order with as few dimensions as possible. */
typedef struct layout {
    int rank; /* at least 1 */
    int64_t dims[RNM_MAX_RANK];
    ptrdiff_t strides[RNM_MAX_RANK]; /* in bytes */
} layout;

static layout simplify(const rnc_tensor *tensor) {
    layout result = {.rank = 0};
    ptrdiff_t size = (ptrdiff_t)rnm_dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++) {
        int64_t dim = tensor->dims[i];
        if (dim == 1) {
            continue;
        }
        ptrdiff_t stride = (ptrdiff_t)tensor->strides[i] * size;
        int last = result.rank - 1;
        if (last >= 0 && result.strides[last] == stride * dim) {
            result.dims[last] *= dim;
            result.strides[last] = stride;
        } else {
            result.dims[result.rank] = dim;
            result.strides[result.rank++] = stride;
        }
    }
    if (result.rank == 0) {
        result = (layout){.rank = 1, .dims = {1}, .strides = {size}};
    }
    return result;
}

/* Elements of the target take `size` bytes. */
static void copy_elements(const rnc_tensor *tensor, int64_t first, int64_t count,
                          convert_run *convert, size_t size, uint8_t *dst) {
    assert(first >= 0 && count >= 0 && count <= rnc_tensor_elements(tensor) - first);
    if (count == 0) {
        return;
    }
    layout in = simplify(tensor);
    int inner = in.rank - 1;
    int64_t index[RNM_MAX_RANK];
    const uint8_t *source = tensor->data;
    for (int i = inner; i >= 0; i--) {
        index[i] = first % in.dims[i];
        first /= in.dims[i];
        source += index[i] * in.strides[i];
    }
    for (;;) {
        int64_t run = in.dims[inner] - index[inner];
        run = run < count ? run : count;
        convert(source, in.strides[inner], run, dst);
        dst += (size_t)run * size;
        count -= run;
        if (count == 0) {
            return;
        }
        /* The innermost dimension is used up: on to the next index of those outside it. */
        source -= index[inner] * in.strides[inner];
        index[inner] = 0;
        int i = inner - 1;
        while (index[i] == in.dims[i] - 1) {
            source -= index[i] * in.strides[i];
            index[i--] = 0;
        }
        index[i]++;
        source += in.strides[i];
    }
}

void rnc_tensor_copy_f32(const rnc_tensor *tensor, int64_t first, int64_t count, float *dst) {
    copy_elements(tensor, first, count, converters[tensor->dtype], sizeof *dst, (uint8_t *)dst);
}

void rnc_tensor_copy(const rnc_tensor *tensor, int64_t first, int64_t count, void *dst) {
    static convert_run *const copiers[] = {[1] = copy_1, [2] = copy_2, [4] = copy_4, [8] = copy_8};
    size_t size = rnm_dtype_size(tensor->dtype);
    copy_elements(tensor, first, count, copiers[size], size, dst);
}
