/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored tensors: records, where they lie in the data section, and what their values must be
 * whoever uses them (FORMAT.md section 4).
 */
#include "checked.h"
#include "magnitude.h"
#include "read_rules.h"

#include <math.h>

/* ---- what a role may be ---------------------------------------------------------------------- */

#define TYPE(dtype) (1u << (dtype))

static const struct {
    const char *name;
    uint32_t dtypes; /* TYPE bits; 0: any */
    uint8_t least_rank, most_rank;
} roles[RNM_ROLE_KNOWN] = {
    [RNM_ROLE_PARENT] = {"parent", TYPE(RNM_F32) | TYPE(RNM_F16) | TYPE(RNM_BF16), 2, 5},
    [RNM_ROLE_BETAS] = {"betas", TYPE(RNM_F32), 2, 2},
    [RNM_ROLE_MASK] = {"mask", TYPE(RNM_U8), 1, 1},
    [RNM_ROLE_ZERO_LIST] = {"zero list", TYPE(RNM_U32), 1, 1},
    [RNM_ROLE_ZERO_PLANE] = {"zero plane", TYPE(RNM_U8), 1, 1},
    [RNM_ROLE_CHANNEL] = {"channel", TYPE(RNM_F32), 1, 1},
    [RNM_ROLE_CONSTANT] = {"constant", 0, 0, RNM_MAX_RANK},
};

static rnm_status check_type(const rnm_reader *r, rnm_where where, const rnm_tensor_rec *tensor) {
    if (tensor->role == 0 || tensor->role >= RNM_ROLE_KNOWN) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "role must be from 1 to %d, found %u",
                          RNM_ROLE_KNOWN - 1, tensor->role);
    }
    if (rnm_dtype_size(tensor->dtype) == 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "element type %u is unknown", tensor->dtype);
    }
    uint32_t dtypes = roles[tensor->role].dtypes;
    if (dtypes != 0 && (dtypes & TYPE(tensor->dtype)) == 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "a %s cannot have element type %s",
                          roles[tensor->role].name, rnm_dtype_name(tensor->dtype));
    }
    if (tensor->rank < roles[tensor->role].least_rank ||
        tensor->rank > roles[tensor->role].most_rank) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "rank of a %s must be from %u to %u, found %u",
                          roles[tensor->role].name, roles[tensor->role].least_rank,
                          roles[tensor->role].most_rank, tensor->rank);
    }
    if (tensor->reserved0 != 0 || tensor->reserved1 != 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "reserved fields must be 0");
    }
    return RNM_OK;
}

/* ---- sizes and places ------------------------------------------------------------------------ */

static rnm_status check_dims(const rnm_reader *r, rnm_where where, const rnm_tensor_rec *tensor,
                             uint64_t *elements) {
    rnm_shape shape = {.rank = tensor->rank};
    for (int axis = 0; axis < RNM_MAX_RANK; axis++) {
        uint32_t dim = tensor->dims[axis];
        if (axis >= tensor->rank ? dim != 0 : dim == 0) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "dim %d of rank %u must %s, found %u", axis,
                              tensor->rank, axis >= tensor->rank ? "be 0" : "not be 0", dim);
        }
        if (dim > RNM_LIMIT_DIM) {
            return rnm_reject(r, where, RNM_ERR_LIMIT, "dim %d must be at most %lld, found %u",
                              axis, (long long)RNM_LIMIT_DIM, dim);
        }
        shape.dims[axis] = dim;
    }
    if (tensor->role == RNM_ROLE_BETAS && tensor->dims[1] != 2) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "dim 1 of betas must be 2, found %u",
                          tensor->dims[1]);
    }
    int64_t count;
    if (!rnm_shape_elements(&shape, &count)) {
        return rnm_reject(r, where, RNM_ERR_LIMIT, "must have at most %lld elements, found more",
                          (long long)RNM_LIMIT_ELEMENTS);
    }
    *elements = (uint64_t)count;
    return RNM_OK;
}

/* `end` is where the tensor before it ends in the data section, and is moved on. */
static rnm_status check_place(const rnm_reader *r, rnm_where where, const rnm_tensor_rec *tensor,
                              uint64_t elements, uint64_t *end) {
    uint64_t length = elements * rnm_dtype_size(tensor->dtype);
    uint64_t place;
    if (tensor->length != length) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "length must be %llu as its dims say, found %llu",
                          (unsigned long long)length, (unsigned long long)tensor->length);
    }
    if (!rnm_align_u64(*end, RNM_ALIGNMENT, &place) || tensor->offset != place) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "offset must be %llu, found %llu",
                          (unsigned long long)place, (unsigned long long)tensor->offset);
    }
    if (!rnm_range_inside(tensor->offset, length, r->view.data_size)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "%llu bytes at %llu must lie inside the data section of %llu bytes",
                          (unsigned long long)length, (unsigned long long)tensor->offset,
                          (unsigned long long)r->view.data_size);
    }
    uint64_t data = r->view.known[RNM_SECTION_DATA]->offset;
    if (!rnm_read_is_zero(r, data + *end, data + place)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "padding before it must be zero");
    }
    *end = place + length;
    return RNM_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static rnm_status check_finite(rnm_reader *r, rnm_where where, const rnm_tensor_rec *tensor,
                               uint64_t elements) {
    const void *data = rnm_view_tensor(&r->view, where.index);
    float most = rnm_max_magnitude(data, tensor->dtype, elements);
    if (!isfinite(most)) {
        return rnm_reject(r, where, RNM_ERR_VALUE, "values must be finite, found %f", (double)most);
    }
    r->parent_max[where.index] = most;
    return RNM_OK;
}

static rnm_status check_ascending(const rnm_reader *r, rnm_where where, uint64_t elements) {
    const uint32_t *list = rnm_view_tensor(&r->view, where.index);
    for (uint64_t k = 1; k < elements; k++) {
        if (list[k] <= list[k - 1]) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "positions must ascend, found %u behind %u",
                              list[k], list[k - 1]);
        }
    }
    return RNM_OK;
}

static rnm_status check_values(rnm_reader *r, rnm_where where, const rnm_tensor_rec *tensor,
                               uint64_t elements) {
    switch (tensor->role) {
    case RNM_ROLE_PARENT:
    case RNM_ROLE_BETAS:
    case RNM_ROLE_CHANNEL:
        return check_finite(r, where, tensor, elements);
    case RNM_ROLE_ZERO_LIST:
        return check_ascending(r, where, elements);
    default: /* what masks and planes must be depends on the recipe */
        return RNM_OK;
    }
}

rnm_status rnm_read_tensors(rnm_reader *r) {
    rnm_status status =
        rnm_read_names(r, "tensors", r->view.tensors, r->view.tensor_count, sizeof(rnm_tensor_rec));
    uint64_t end = 0;
    for (uint32_t k = 0; status == RNM_OK && k < r->view.tensor_count; k++) {
        const rnm_tensor_rec *tensor = &r->view.tensors[k];
        const rnm_where where = {"tensors", k, tensor->name};
        uint64_t elements = 0;
        status = check_type(r, where, tensor);
        if (status == RNM_OK) {
            status = check_dims(r, where, tensor, &elements);
        }
        if (status == RNM_OK) {
            status = check_place(r, where, tensor, elements, &end);
        }
        if (status == RNM_OK) {
            status = check_values(r, where, tensor, elements);
        }
    }
    if (status == RNM_OK && end != r->view.data_size) {
        status = rnm_fail(r->err, RNM_ERR_FORMAT,
                          "data: the last tensor must end the section at %llu, found %llu",
                          (unsigned long long)r->view.data_size, (unsigned long long)end);
    }
    return status;
}
