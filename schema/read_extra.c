/* SPDX-License-Identifier: Apache-2.0
 *
 * Preprocessing, labels, provenance (FORMAT.md section 7).
 */
#include "read_rules.h"

#include <math.h>

/* ---- preprocess ------------------------------------------------------------------------------ */

static rnm_status check_modes(const rnm_reader *r, rnm_where where,
                              const rnm_preprocess_rec *record) {
    uint32_t reserved = (uint32_t)(record->reserved0[0] | record->reserved0[1]);
    for (size_t k = 0; k < sizeof record->reserved1 / sizeof *record->reserved1; k++) {
        reserved |= record->reserved1[k];
    }
    if (reserved != 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "reserved fields must be 0");
    }
    if (record->color != RNM_COLOR_GRAY && record->color != RNM_COLOR_RGB &&
        record->color != RNM_COLOR_BGR) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "color %u is unknown", record->color);
    }
    if (record->resize > RNM_RESIZE_SHORTER) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "resize %u is unknown", record->resize);
    }
    return RNM_OK;
}

static rnm_status check_limits(const rnm_reader *r, rnm_where where,
                               const rnm_preprocess_rec *record) {
    const uint32_t sizes[] = {
        record->resize_height, record->resize_width, record->crop_height, record->crop_width,
        record->pad_top,       record->pad_left,     record->pad_bottom,  record->pad_right,
    };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        if (sizes[k] > RNM_LIMIT_DIM) {
            return rnm_reject(r, where, RNM_ERR_LIMIT, "sizes must be at most %lld, found %u",
                              (long long)RNM_LIMIT_DIM, sizes[k]);
        }
    }
    if ((record->crop_height == 0) != (record->crop_width == 0)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "crop must have both sizes or none, found %ux%u", record->crop_height,
                          record->crop_width);
    }
    return RNM_OK;
}

/* One side: what must come out, `wanted`, is what is left of the image plus padding. The side of
 * the image behind resizing is known for RNM_RESIZE_EXACT only; without a crop it is what is
 * wanted, and at least one pixel. */
static rnm_status check_side(const rnm_reader *r, rnm_where where, const char *side, int64_t wanted,
                             uint64_t padding, uint32_t crop, bool exact, uint32_t resized) {
    int64_t image = wanted - (int64_t)padding;
    if (image < 1 || (crop != 0 && crop != image) || (crop == 0 && exact && resized != image)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "%s must be %lld as the input has it, found padding %llu, crop %u and "
                          "resize %u",
                          side, (long long)wanted, (unsigned long long)padding, crop, resized);
    }
    if (exact && crop > resized) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "crop must be inside %s %u, found %u", side,
                          resized, crop);
    }
    return RNM_OK;
}

/* With RNM_RESIZE_SHORTER and no crop, the shorter side of what is wanted must be the resized
 * one. */
static rnm_status check_shorter(const rnm_reader *r, rnm_where where,
                                const rnm_preprocess_rec *record, const rnm_shape *input) {
    int64_t height = input->dims[2] - record->pad_top - record->pad_bottom;
    int64_t width = input->dims[3] - record->pad_left - record->pad_right;
    int64_t shorter = height < width ? height : width;
    if (record->resize_height == 0 ||
        (record->crop_height == 0 && shorter != record->resize_height)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "shorter side must be %lld as the input has it, found %u",
                          (long long)shorter, record->resize_height);
    }
    return RNM_OK;
}

static rnm_status check_geometry(const rnm_reader *r, rnm_where where,
                                 const rnm_preprocess_rec *record) {
    rnm_shape input = rnm_view_shape(&r->view, r->view.inputs[record->input]);
    int64_t channels = record->color == RNM_COLOR_GRAY ? 1 : 3;
    if (input.rank != 4 || input.dims[1] != channels || input.dims[2] < 0 || input.dims[3] < 0) {
        char text[RNM_SHAPE_TEXT];
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "input must be N x %lld x H x W with fixed sizes, found %s",
                          (long long)channels, rnm_shape_text(&input, text, sizeof text));
    }
    bool exact = record->resize == RNM_RESIZE_EXACT;
    uint64_t vertical = (uint64_t)record->pad_top + record->pad_bottom;
    uint64_t horizontal = (uint64_t)record->pad_left + record->pad_right;
    rnm_status status = check_side(r, where, "height", input.dims[2], vertical, record->crop_height,
                                   exact, record->resize_height);
    if (status == RNM_OK) {
        status = check_side(r, where, "width", input.dims[3], horizontal, record->crop_width, exact,
                            record->resize_width);
    }
    if (status == RNM_OK && record->resize == RNM_RESIZE_SHORTER) {
        status = check_shorter(r, where, record, &input);
    }
    return status;
}

static rnm_status check_numbers(const rnm_reader *r, rnm_where where,
                                const rnm_preprocess_rec *record) {
    int channels = record->color == RNM_COLOR_GRAY ? 1 : 3;
    if (!isfinite(record->divisor) || record->divisor == 0) {
        return rnm_reject(r, where, RNM_ERR_VALUE, "divisor must be finite and not 0, found %g",
                          (double)record->divisor);
    }
    for (int k = 0; k < 4; k++) {
        float mean = record->mean[k];
        float std = record->std[k];
        bool good = k < channels ? isfinite(mean) && isfinite(std) && std != 0
                                 : mean == 0.0f && std == 1.0f;
        if (!good) {
            return rnm_reject(
                r, where, RNM_ERR_VALUE, "mean and std of channel %d must be %s, found %g and %g",
                k, k < channels ? "finite and std not 0" : "0 and 1", (double)mean, (double)std);
        }
    }
    return RNM_OK;
}

static rnm_status check_preprocess(const rnm_reader *r, uint32_t index) {
    const rnm_preprocess_rec *record = &r->view.preprocess[index];
    const rnm_where where = {"preprocess", index, 0};
    if (record->input >= r->view.graph->input_count) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "input must be one of %u graph inputs, found %u",
                          r->view.graph->input_count, record->input);
    }
    for (uint32_t k = 0; k < index; k++) {
        if (r->view.preprocess[k].input == record->input) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "input %u has a record already, preprocess[%u]", record->input, k);
        }
    }
    rnm_status status = rnm_read_string_offset(r, "preprocess", index, record->dataset, true);
    if (status == RNM_OK) {
        status = check_modes(r, where, record);
    }
    if (status == RNM_OK) {
        status = check_limits(r, where, record);
    }
    if (status == RNM_OK) {
        status = check_geometry(r, where, record);
    }
    return status == RNM_OK ? check_numbers(r, where, record) : status;
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status check_strings(const rnm_reader *r, const char *table, const uint32_t *names,
                                uint32_t count) {
    rnm_status status = RNM_OK;
    for (uint32_t k = 0; status == RNM_OK && k < count; k++) {
        status = rnm_read_string_offset(r, table, k, names[k], true);
    }
    return status;
}

rnm_status rnm_read_extra(const rnm_reader *r) {
    rnm_status status = RNM_OK;
    for (uint32_t k = 0; status == RNM_OK && k < r->view.preprocess_count; k++) {
        status = check_preprocess(r, k);
    }
    if (status == RNM_OK) {
        status = check_strings(r, "labels", r->view.labels, r->view.label_count);
    }
    if (status == RNM_OK) {
        status = check_strings(r, "provenance", r->view.provenance, 2 * r->view.provenance_count);
    }
    return status;
}
