/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that move elements. What ONNX gives as inputs, and the format as attributes, must be
 * constant.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <string.h>

/* The call's node of the format's operator with one input. */
static rnm_status emit_one(rnc_call *call, const char *name, const rnm_node_attrs *attrs,
                           rnc_value *input) {
    rnm_status status = rnc_attr_all_seen(call);
    return status == RNM_OK ? rnc_emit_call(call, rnm_op_by_name(name), attrs, &input, 1) : status;
}

static rnm_status begin(rnc_call *call, const char *name, rnc_value **input,
                        rnm_node_attrs *attrs) {
    *attrs = rnm_attrs_default(rnm_op_by_name(name), 0);
    return rnc_call_value(call, 0, input);
}

/* ---- Slice, Split ---------------------------------------------------------------------------- */

rnm_status rnc_convert_slice(rnc_call *call) {
    enum { STARTS, ENDS, AXES, STEPS, LISTS };
    static const char *const names[LISTS] = {"starts", "ends", "axes", "steps"};
    int64_t lists[LISTS][RNM_MAX_RANK];
    int counts[LISTS] = {0};
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Slice", &input, &attrs);
    for (size_t k = 0; k < LISTS && status == RNM_OK; k++) {
        if (call->opset < 10) {
            status = k == STEPS ? RNM_OK
                                : rnc_attr_ints(call, names[k], RNM_MAX_RANK, lists[k], &counts[k]);
        } else if (rnc_call_input(call, k + 1) != NULL || k <= ENDS) {
            status = rnc_call_ints(call, k + 1, RNM_MAX_RANK, lists[k], NULL, &counts[k]);
        }
    }
    if (status != RNM_OK) {
        return status;
    }
    int count = counts[STARTS];
    for (int k = 0; k < count; k++) {
        lists[AXES][k] = counts[AXES] == 0 ? k : lists[AXES][k];
        lists[STEPS][k] = counts[STEPS] == 0 ? 1 : lists[STEPS][k];
    }
    if (counts[ENDS] != count || (counts[AXES] != 0 && counts[AXES] != count) ||
        (counts[STEPS] != 0 && counts[STEPS] != count)) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "its lists have different lengths");
    }
    if (count == 0) {
        return rnc_convert_identity(call);
    }
    for (size_t k = 0; k < LISTS; k++) {
        rnc_set_ints(&attrs, names[k], lists[k], count);
    }
    return emit_one(call, "Slice", &attrs, input);
}

rnm_status rnc_convert_split(rnc_call *call) {
    int64_t sizes[RNM_MAX_LIST];
    int64_t axis;
    int64_t parts;
    int count = 0;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Split", &input, &attrs);
    if (status != RNM_OK || (status = rnc_attr_int(call, "axis", 0, &axis)) != RNM_OK ||
        (status = rnc_attr_int(call, "num_outputs", (int64_t)call->proto->n_output, &parts)) !=
            RNM_OK) {
        return status;
    }
    int rank = input->shape.rank;
    if (call->opset < 13) {
        status = rnc_attr_ints(call, "split", RNM_MAX_LIST, sizes, &count);
    } else if (rnc_call_input(call, 1) != NULL) {
        status = rnc_call_ints(call, 1, RNM_MAX_LIST, sizes, NULL, &count);
    }
    if (status != RNM_OK) {
        return status;
    }
    if (axis < -rank || axis >= rank || parts < 1 || parts > RNM_MAX_LIST ||
        (size_t)parts != call->proto->n_output) {
        return rnc_call_fail(call, RNM_ERR_VALUE,
                             "expected an axis of the input and 1 to %d parts, found axis %" PRId64
                             " and %" PRId64 " parts for %zu outputs",
                             RNM_MAX_LIST, axis, parts, call->proto->n_output);
    }
    axis += axis < 0 ? rank : 0;
    int64_t dim = input->shape.dims[axis];
    if (count == 0 && dim >= 0) { /* equal parts; the last is smaller where they do not divide */
        count = (int)parts;
        int64_t size = (dim + parts - 1) / parts;
        for (int k = 0; k < count; k++) {
            int64_t left = dim - k * size;
            sizes[k] = left < 0 ? 0 : left < size ? left : size;
        }
    }
    rnc_set_int(&attrs, "axis", axis);
    rnc_set_ints(&attrs, "split", sizes, count);
    return emit_one(call, "Split", &attrs, input);
}

/* ---- Pad ------------------------------------------------------------------------------------- */

/* Pads of the axes listed, as pads of all. */
static rnm_status spread_pads(const rnc_call *call, const int64_t *given, int count,
                              const int64_t *axes, int axis_count, int rank, int64_t *pads) {
    if (count != 2 * axis_count) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "expected %d pads, found %d", 2 * axis_count,
                             count);
    }
    memset(pads, 0, 2 * RNM_MAX_RANK * sizeof *pads);
    for (int k = 0; k < axis_count; k++) {
        int64_t axis = axes[k] < 0 ? axes[k] + rank : axes[k];
        if (axis < 0 || axis >= rank) {
            return rnc_call_fail(call, RNM_ERR_VALUE, "axis %" PRId64 " is none of the input's",
                                 axes[k]);
        }
        pads[axis] = given[k];
        pads[rank + axis] = given[axis_count + k];
    }
    return RNM_OK;
}

/* The number to pad with: an attribute before opset 11, an input from then on. */
static rnm_status pad_number(rnc_call *call, rnm_dtype dtype, rnc_value **out) {
    *out = NULL;
    if (call->opset >= 11) {
        return rnc_call_input(call, 2) == NULL ? RNM_OK : rnc_call_value(call, 2, out);
    }
    float number;
    void *data;
    rnm_status status = rnc_attr_float(call, "value", 0.0f, &number);
    if (status != RNM_OK || number == 0.0f || dtype != RNM_F32) {
        return status;
    }
    const rnc_tensor *tensor = rnc_tensor_create(call->import, RNM_F32, 0, NULL, &data);
    if (tensor == NULL) {
        return RNM_ERR_MEMORY;
    }
    memcpy(data, &number, sizeof number);
    const char *name = rnc_join(call->import->graph, call->name, ".value", call->import->err);
    return name == NULL ? RNM_ERR_MEMORY : rnc_constant_value(call, name, tensor, out);
}

rnm_status rnc_convert_pad(rnc_call *call) {
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    int64_t given[2 * RNM_MAX_RANK];
    int64_t pads[2 * RNM_MAX_RANK];
    int64_t axes[RNM_MAX_RANK];
    int64_t mode;
    int count;
    int axis_count;
    rnm_node_attrs attrs;
    rnc_value *inputs[2];
    rnm_status status = begin(call, "Pad", &inputs[0], &attrs);
    if (status != RNM_OK || (status = rnc_attr_choice(call, "mode", modes, 0, &mode)) != RNM_OK ||
        (status = pad_number(call, inputs[0]->shape.dtype, &inputs[1])) != RNM_OK) {
        return status;
    }
    int rank = axis_count = inputs[0]->shape.rank;
    for (int d = 0; d < rank; d++) {
        axes[d] = d;
    }
    status = call->opset < 11 ? rnc_attr_ints(call, "pads", 2 * RNM_MAX_RANK, given, &count)
                              : rnc_call_ints(call, 1, 2 * RNM_MAX_RANK, given, NULL, &count);
    if (status == RNM_OK && rnc_call_input(call, 3) != NULL) {
        status = rnc_call_ints(call, 3, RNM_MAX_RANK, axes, NULL, &axis_count);
    }
    if (status != RNM_OK ||
        (status = spread_pads(call, given, count, axes, axis_count, rank, pads)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    bool any = false;
    for (int k = 0; k < 2 * rank; k++) {
        any = any || pads[k] != 0;
    }
    if (!any) {
        return rnc_convert_identity(call);
    }
    rnc_set_ints(&attrs, "pad", pads, 2 * rank);
    rnc_set_int(&attrs, "mode", mode);
    return rnc_emit_call(call, rnm_op_by_name("Pad"), &attrs, inputs, inputs[1] != NULL ? 2 : 1);
}

/* ---- Expand, Tile, DepthToSpace ---------------------------------------------------------------
 */

rnm_status rnc_convert_expand(rnc_call *call) {
    int64_t dims[RNM_MAX_RANK];
    bool symbolic[RNM_MAX_RANK];
    int count;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Expand", &input, &attrs);
    if (status != RNM_OK ||
        (status = rnc_call_ints(call, 1, RNM_MAX_RANK, dims, symbolic, &count)) != RNM_OK) {
        return status;
    }
    for (int d = 0; d < count; d++) {
        int axis = d - count + input->shape.rank;
        if (symbolic[d] && dims[d] != RNM_DIM_COMPUTED && axis >= 0 &&
            input->shape.dims[axis] == dims[d]) {
            dims[d] = 1; /* as it is */
        } else if (symbolic[d] || dims[d] < 0) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "it expands to a symbolic dimension (--input-size fixes height "
                                 "and width)");
        }
    }
    if (count == 0) {
        return rnc_convert_identity(call);
    }
    rnc_set_ints(&attrs, "shape", dims, count);
    return emit_one(call, "Expand", &attrs, input);
}

rnm_status rnc_convert_tile(rnc_call *call) {
    int64_t repeats[RNM_MAX_RANK];
    int count;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Tile", &input, &attrs);
    if (status != RNM_OK ||
        (status = rnc_call_ints(call, 1, RNM_MAX_RANK, repeats, NULL, &count)) != RNM_OK) {
        return status;
    }
    rnc_set_ints(&attrs, "repeats", repeats, count);
    return emit_one(call, "Tile", &attrs, input);
}

rnm_status rnc_convert_depth_to_space(rnc_call *call) {
    static const char *const modes[] = {"DCR", "CRD", NULL};
    int64_t mode;
    int64_t block;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, call->op, &input, &attrs);
    if (status != RNM_OK || (status = rnc_attr_choice(call, "mode", modes, 0, &mode)) != RNM_OK ||
        (status = rnc_attr_int(call, "blocksize", 0, &block)) != RNM_OK) {
        return status;
    }
    rnc_set_int(&attrs, "blocksize", block);
    if (call->op[0] == 'D') {
        rnc_set_int(&attrs, "crd", mode);
    }
    return emit_one(call, call->op, &attrs, input);
}

/* ---- Col2Im ---------------------------------------------------------------------------------- */

/* That blocks lie side by side and cover the image: then each element is moved, and none is summed.
 * `count` sizes of image and blocks. */
static rnm_status check_blocks(rnc_call *call, const rnm_shape *from, const int64_t *image,
                               const int64_t *block, int count) {
    int64_t lists[3][2 * RNM_MAX_RANK];
    int counts[3];
    static const char *const names[] = {"strides", "dilations", "pads"};
    rnm_status status = RNM_OK;
    for (int k = 0; k < 3 && status == RNM_OK; k++) {
        status = rnc_attr_ints(call, names[k], 2 * RNM_MAX_RANK, lists[k], &counts[k]);
    }
    if (status != RNM_OK) {
        return status;
    }
    uint64_t blocks = 1;
    uint64_t elements = 1;
    bool fits = from->rank == 3 && (counts[0] == count || counts[0] == 0);
    for (int d = 0; d < count && fits; d++) {
        fits = block[d] > 0 && image[d] > 0 && image[d] <= RNM_LIMIT_DIM &&
               image[d] % block[d] == 0 && (counts[0] == 0 ? 1 : lists[0][d]) == block[d];
        blocks *= fits ? (uint64_t)(image[d] / block[d]) : 1; /* of at most 3 sizes below 2^31 */
        elements *= fits ? (uint64_t)block[d] : 1;
        fits = fits && blocks <= RNM_LIMIT_ELEMENTS && elements <= RNM_LIMIT_ELEMENTS;
    }
    for (int k = 0; k < counts[1]; k++) {
        fits = fits && lists[1][k] == 1;
    }
    for (int k = 0; k < counts[2]; k++) {
        fits = fits && lists[2][k] == 0;
    }
    if (!fits || (uint64_t)from->dims[2] != blocks || from->dims[1] <= 0 ||
        (uint64_t)from->dims[1] % elements != 0) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "only blocks that lie side by side and cover the image are supported");
    }
    return RNM_OK;
}

/* [n, c * block, blocks] is seen as [n, c, block..., blocks...]; turned to [n, c, blocks with block
 * for each axis], it is the image. */
rnm_status rnc_convert_col2im(rnc_call *call) {
    int64_t image[RNM_MAX_RANK];
    int64_t block[RNM_MAX_RANK];
    int count;
    int block_count;
    rnc_value *input;
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Reshape, 0);
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK ||
        (status = rnc_call_ints(call, 1, RNM_MAX_RANK, image, NULL, &count)) != RNM_OK ||
        (status = rnc_call_ints(call, 2, RNM_MAX_RANK, block, NULL, &block_count)) != RNM_OK) {
        return status;
    }
    const rnm_shape from = input->shape;
    if (count != block_count || count < 1 || count > 3) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "expected an image and blocks of 1 to 3 axes");
    }
    if ((status = check_blocks(call, &from, image, block, count)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    int64_t wide[RNM_MAX_RANK] = {0, from.dims[1]}; /* 0: as it is */
    int64_t perm[RNM_MAX_RANK] = {0, 1};
    rnm_shape to = {.dtype = from.dtype, .rank = 2 + count, .dims = {from.dims[0], from.dims[1]}};
    for (int d = 0; d < count; d++) {
        wide[1] /= block[d];
        wide[2 + d] = block[d];
        wide[2 + count + d] = image[d] / block[d];
        perm[2 + 2 * d] = 2 + count + d;
        perm[3 + 2 * d] = 2 + d;
        to.dims[2 + d] = image[d];
    }
    to.dims[1] = wide[1];
    rnc_node *node;
    rnc_set_ints(&attrs, "shape", wide, 2 + 2 * count);
    status = rnc_emit(call, RNM_OP_Reshape, &attrs, &input, 1, 1, &node);
    if (status == RNM_OK) {
        attrs = rnm_attrs_default(RNM_OP_Transpose, 0);
        rnc_set_ints(&attrs, "perm", perm, 2 + 2 * count);
        status = rnc_emit(call, RNM_OP_Transpose, &attrs, node->outputs, 1, 1, &node);
    }
    return status == RNM_OK ? rnc_emit_reshape(call, node->outputs[0], &to) : status;
}

/* ---- Resize ---------------------------------------------------------------------------------- */

/* An input of floats, as many as the rank or a multiple; *count = 0 where it is absent or empty. */
static rnm_status read_floats(const rnc_call *call, size_t k, float *out, int *count) {
    const rnc_onnx_value *input = rnc_call_input(call, k);
    *count = 0;
    if (input == NULL) {
        return RNM_OK;
    }
    if (input->tensor == NULL || input->tensor->dtype != RNM_F32 ||
        rnc_tensor_elements(input->tensor) > RNM_MAX_LIST) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "input %zu (%.100s) should be a constant of at most %d numbers", k,
                             input->name, RNM_MAX_LIST);
    }
    *count = (int)rnc_tensor_elements(input->tensor);
    rnc_tensor_copy_f32(input->tensor, 0, *count, out);
    return RNM_OK;
}

/* Numbers of some axes, as numbers of all. */
static void spread(float *list, int *count, int parts, const int64_t *axes, int axis_count,
                   int rank, float otherwise) {
    float all[RNM_MAX_LIST];
    if (*count != parts * axis_count || rank == axis_count) {
        return; /* shape inference complains, or nothing is to be done */
    }
    for (int part = 0; part < parts; part++) {
        for (int d = 0; d < rank; d++) {
            all[part * rank + d] = part == 0 ? otherwise : 1.0f;
        }
        for (int k = 0; k < axis_count; k++) {
            all[part * rank + axes[k]] = list[part * axis_count + k];
        }
    }
    *count = parts * rank;
    memcpy(list, all, sizeof all);
}

static rnm_status resize_axes(rnc_call *call, int rank, int64_t *axes, int *count) {
    rnm_status status = rnc_attr_ints(call, "axes", RNM_MAX_RANK, axes, count);
    bool given = *count > 0;
    *count = given ? *count : rank;
    for (int k = 0; k < *count && status == RNM_OK; k++) {
        axes[k] = !given ? k : axes[k] < 0 ? axes[k] + rank : axes[k];
        if (axes[k] < 0 || axes[k] >= rank) {
            return rnc_call_fail(call, RNM_ERR_VALUE, "attribute axes names none of the input's");
        }
    }
    return status;
}

rnm_status rnc_convert_resize(rnc_call *call) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",         "pytorch_half_pixel",   "align_corners",        "asymmetric",
        "tf_crop_and_resize", "tf_half_pixel_for_nn", "half_pixel_symmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    static const char *const policies[] = {"stretch", NULL};
    enum { ASYMMETRIC = 3, FLOOR = 2 };
    const bool old = call->opset < 11;
    int64_t axes[RNM_MAX_RANK], mode, way, rounding, policy;
    int axis_count;
    bool antialias;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Resize", &input, &attrs);
    if (status != RNM_OK) {
        return status;
    }
    int rank = input->shape.rank;
    if ((status = rnc_attr_choice(call, "mode", modes, 0, &mode)) != RNM_OK ||
        (status = rnc_attr_choice(call, "coordinate_transformation_mode", coordinates,
                                  old ? ASYMMETRIC : 0, &way)) != RNM_OK ||
        (status = rnc_attr_choice(call, "nearest_mode", roundings, old ? FLOOR : 0, &rounding)) !=
            RNM_OK ||
        (status = rnc_attr_choice(call, "keep_aspect_ratio_policy", policies, 0, &policy)) !=
            RNM_OK ||
        (status = rnc_attr_flag(call, "antialias", false, &antialias)) != RNM_OK ||
        (status = resize_axes(call, rank, axes, &axis_count)) != RNM_OK ||
        (status = rnc_attrs_by_name(call, RNM_OP_NONE, &attrs)) != RNM_OK) {
        return status;
    }
    if (antialias) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "attribute antialias is not supported");
    }
    const struct {
        const char *name;
        float otherwise;
    } numbers[] = {{"cubic_coeff_a", -0.75f}, {"extrapolation_value", 0.0f}};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers && status == RNM_OK; k++) {
        float number;
        status = rnc_attr_float(call, numbers[k].name, numbers[k].otherwise, &number);
        rnc_set_floats(&attrs, numbers[k].name, &number, 1);
    }
    bool outside;
    if (status != RNM_OK ||
        (status = rnc_attr_flag(call, "exclude_outside", false, &outside)) != RNM_OK) {
        return status;
    }
    rnc_set_int(&attrs, "exclude_outside", outside);
    rnc_set_int(&attrs, "mode", mode);
    rnc_set_int(&attrs, "coordinates", way);
    rnc_set_int(&attrs, "nearest_mode", rounding);
    float scales[RNM_MAX_LIST];
    float roi[RNM_MAX_LIST];
    int64_t sizes[RNM_MAX_RANK];
    int scale_count;
    int roi_count = 0;
    int size_count = 0;
    if ((status = read_floats(call, old ? 1 : 2, scales, &scale_count)) != RNM_OK ||
        (!old && (status = read_floats(call, 1, roi, &roi_count)) != RNM_OK)) {
        return status;
    }
    if (!old && rnc_call_input(call, 3) != NULL && scale_count == 0) {
        bool symbolic[RNM_MAX_RANK];
        int64_t given[RNM_MAX_RANK];
        status = rnc_call_ints(call, 3, RNM_MAX_RANK, given, symbolic, &size_count);
        if (status == RNM_OK && size_count == axis_count) {
            memset(sizes, 0, sizeof sizes); /* 0: as it is */
            for (int k = 0; k < axis_count; k++) {
                bool same = given[k] == input->shape.dims[axes[k]] && given[k] != RNM_DIM_COMPUTED;
                sizes[axes[k]] = same ? 0 : given[k];
                if (symbolic[k] && !same) {
                    return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                         "it resizes to a symbolic dimension (--input-size fixes "
                                         "height and width)");
                }
            }
            size_count = rank;
        }
    }
    if (status != RNM_OK) {
        return status;
    }
    spread(scales, &scale_count, 1, axes, axis_count, rank, 1.0f);
    spread(roi, &roi_count, 2, axes, axis_count, rank, 0.0f);
    if (scale_count > 0) {
        rnc_set_floats(&attrs, "scales", scales, scale_count);
    } else {
        rnc_set_ints(&attrs, "shape", sizes, size_count);
    }
    enum { CROPS = 4 };
    if (way == CROPS) {
        rnc_set_floats(&attrs, "roi", roi, roi_count);
    }
    return emit_one(call, "Resize", &attrs, input);
}

/* The older Resize: scales as an attribute in opset 7, as an input in 9. */
rnm_status rnc_convert_upsample(rnc_call *call) {
    static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
    enum { ASYMMETRIC = 3, FLOOR = 2 };
    float scales[RNM_MAX_LIST];
    int64_t mode;
    int count;
    rnm_node_attrs attrs;
    rnc_value *input;
    rnm_status status = begin(call, "Resize", &input, &attrs);
    if (status != RNM_OK || (status = rnc_attr_choice(call, "mode", modes, 0, &mode)) != RNM_OK) {
        return status;
    }
    if (call->opset < 9) {
        const Onnx__AttributeProto *given = rnc_attr_find(call, "scales");
        if (given == NULL || given->n_floats > RNM_MAX_LIST) {
            return rnc_call_fail(call, RNM_ERR_VALUE, "attribute scales should be a list of %d",
                                 input->shape.rank);
        }
        count = (int)given->n_floats;
        memcpy(scales, given->floats, given->n_floats * sizeof *scales);
    } else if ((status = read_floats(call, 1, scales, &count)) != RNM_OK) {
        return status;
    }
    rnc_set_floats(&attrs, "scales", scales, count);
    rnc_set_int(&attrs, "mode", mode > 0);
    rnc_set_int(&attrs, "coordinates", ASYMMETRIC);
    rnc_set_int(&attrs, "nearest_mode", FLOOR);
    return emit_one(call, "Resize", &attrs, input);
}
