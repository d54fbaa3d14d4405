/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of our own compact export (docs/ONNX.md), taken back as the recipes that they are. A
 * file may come from anyone, so a function counts as ours only if all of its domain are, word for
 * word; else it is one like any other.
 */
#include "export/functions.h"
#include "onnx/convert.h"

#include "expand_ref.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* What an input behind the parent is. */
typedef enum part { NOTHING, BETAS, MASK, LIST, PLANE } part;

static const struct kind {
    const char *name;
    rnc_transform transform;
    uint8_t flags;
    part parts[2]; /* inputs 1 and 2 */
} kinds[] = {
    {"Linear", RNC_LINEAR, 0, {NOTHING, NOTHING}},
    {"S", RNC_S, 0, {BETAS, NOTHING}},
    {"SCascaded", RNC_S, RNM_RECIPE_CASCADED, {BETAS, NOTHING}},
    {"SInterleaved", RNC_S, RNM_RECIPE_INTERLEAVED, {BETAS, NOTHING}},
    {"F", RNC_F, 0, {MASK, NOTHING}},
    {"FZeroList", RNC_F, 0, {MASK, LIST}},
    {"FZeroPlane", RNC_F, 0, {MASK, PLANE}},
    {"Drop", RNC_DROP, 0, {MASK, NOTHING}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Opsets in which the bodies mean the same. */
enum { OLDEST_OPSET = 15, NEWEST_OPSET = 21 };

/* ---- word for word --------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) {
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count) {
    bool same = a_count == b_count;
    for (size_t k = 0; k < a_count && same; k++) {
        same = same_text(a[k], b[k]);
    }
    return same;
}

/* `ours` has its bytes at hand, a few; those of `theirs` are in the file. */
static bool same_bytes(const rnc_import *im, const Onnx__TensorProto *theirs,
                       const Onnx__TensorProto *ours) {
    uint8_t bytes[16];
    rnc_tensor tensor;
    rnc_onnx_where where;
    if (theirs == NULL || ours == NULL) {
        return theirs == ours;
    }
    assert(ours->n_dims == 1 && ours->data_type == RNM_U8 && ours->raw_data.len <= sizeof bytes);
    if (rnc_onnx_tensor(im->onnx, theirs, im->graph->arena, &tensor, &where, NULL) != RNM_OK ||
        where != RNC_ONNX_INSIDE || tensor.rank != 1 || tensor.dtype != RNM_U8 ||
        tensor.dims[0] != ours->dims[0]) {
        return false;
    }
    rnc_tensor_copy(&tensor, 0, tensor.dims[0], bytes);
    return memcmp(bytes, ours->raw_data.data, ours->raw_data.len) == 0;
}

static bool same_attribute(const rnc_import *im, const Onnx__AttributeProto *a,
                           const Onnx__AttributeProto *b) {
    return same_text(a->name, b->name) && a->type == b->type &&
           same_text(a->ref_attr_name, b->ref_attr_name) && a->i == b->i && a->f == b->f &&
           a->n_ints == b->n_ints && a->n_floats == 0 && a->n_strings == 0 && a->g == NULL &&
           (a->n_ints == 0 || memcmp(a->ints, b->ints, a->n_ints * sizeof *a->ints) == 0) &&
           a->s.len == b->s.len && (a->s.len == 0 || memcmp(a->s.data, b->s.data, a->s.len) == 0) &&
           same_bytes(im, a->t, b->t);
}

static bool same_node(const rnc_import *im, const Onnx__NodeProto *a, const Onnx__NodeProto *b) {
    bool same = same_text(a->op_type, b->op_type) && same_text(a->domain, b->domain) &&
                same_texts(a->input, a->n_input, b->input, b->n_input) &&
                same_texts(a->output, a->n_output, b->output, b->n_output) &&
                a->n_attribute == b->n_attribute;
    for (size_t k = 0; same && k < a->n_attribute; k++) {
        same = same_attribute(im, a->attribute[k], b->attribute[k]);
    }
    return same;
}

static bool same_function(const rnc_import *im, const Onnx__FunctionProto *a,
                          const Onnx__FunctionProto *b) {
    const int64_t opset = rnc_onnx_opset(im, a, "");
    bool same = opset >= OLDEST_OPSET && opset <= NEWEST_OPSET &&
                same_texts(a->input, a->n_input, b->input, b->n_input) &&
                same_texts(a->output, a->n_output, b->output, b->n_output) &&
                same_texts(a->attribute, a->n_attribute, b->attribute, b->n_attribute) &&
                a->n_node == b->n_node;
    for (size_t k = 0; same && k < a->n_node; k++) {
        same = same_node(im, a->node[k], b->node[k]);
    }
    return same;
}

static bool in_domain(const Onnx__FunctionProto *function) {
    return same_text(function->domain, RNC_FUNCTION_DOMAIN);
}

static bool is_ours(const rnc_import *im, const rnc_proto *all, const Onnx__FunctionProto *theirs) {
    for (size_t k = 0; k < all->functions.count; k++) {
        const Onnx__FunctionProto *ours = all->functions.items[k];
        if (same_text(ours->name, theirs->name)) {
            return same_function(im, theirs, ours);
        }
    }
    return false;
}

rnm_status rnc_onnx_find_recipes(rnc_import *im) {
    const Onnx__ModelProto *model = im->onnx->model;
    rnc_proto all;
    size_t count = 0;
    bool ours = rnc_onnx_opset(im, NULL, RNC_FUNCTION_DOMAIN) == RNC_FUNCTION_VERSION;
    for (size_t k = 0; k < model->n_functions; k++) {
        count += in_domain(model->functions[k]);
    }
    if (count == 0) {
        return RNM_OK;
    }
    rnc_proto_begin(&all, im->err);
    for (size_t k = 0; k < KINDS; k++) {
        rnc_function_add(&all, kinds[k].name);
    }
    rnm_status status = all.status;
    for (size_t k = 0; k < model->n_functions && ours && status == RNM_OK; k++) {
        ours = !in_domain(model->functions[k]) || is_ours(im, &all, model->functions[k]);
    }
    rnc_proto_end(&all);
    im->own_functions = ours;
    if (!ours && status == RNM_OK) {
        rnc_note(im->job, "functions of domain " RNC_FUNCTION_DOMAIN
                          " are not those of its version 1: they count as any "
                          "other function");
    }
    return status;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

/* Input k, a constant of that type and rank. */
static rnm_status take(const rnc_call *call, size_t k, rnm_dtype dtype, int rank,
                       const rnc_tensor **out) {
    const rnc_onnx_value *input = rnc_call_input(call, k);
    if (input == NULL || input->tensor == NULL || input->tensor->dtype != dtype ||
        input->tensor->rank != rank) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "input %zu should be a constant of type %s and rank %d", k,
                             rnm_dtype_name(dtype), rank);
    }
    *out = input->tensor;
    return RNM_OK;
}

/* The parent [pi, kernel..., po] seen as [po, pi, kernel...]. */
static rnm_status take_parent(const rnc_call *call, rnc_child *child) {
    const rnc_onnx_value *input = rnc_call_input(call, 0);
    const rnc_tensor *stored = input != NULL ? input->tensor : NULL;
    rnc_tensor *view = rnc_arena_alloc(call->import->graph->arena, sizeof *view, call->import->err);
    if (view == NULL) {
        return RNM_ERR_MEMORY;
    }
    bool fits = stored != NULL && stored->rank == child->rank &&
                (stored->dtype == RNM_F32 || stored->dtype == RNM_F16 || stored->dtype == RNM_BF16);
    for (int d = 0; fits && d < child->rank; d++) {
        int from = d == 0 ? child->rank - 1 : d - 1;
        *view = d == 0 ? *stored : *view;
        view->dims[d] = stored->dims[from];
        view->strides[d] = stored->strides[from];
        fits = d < 2 ? view->dims[d] >= 1 && view->dims[d] <= child->dims[d]
                     : view->dims[d] == child->dims[d];
    }
    if (!fits) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "its parent should be a constant [inputs, kernel..., outputs] of f32, "
                             "f16 or bf16, no larger than the child that `dims` says");
    }
    child->parent = view;
    child->parent_dtype = stored->dtype;
    child->po = (uint32_t)view->dims[0];
    child->pi = (uint32_t)view->dims[1];
    return RNM_OK;
}

static rnm_status take_betas(const rnc_call *call, rnc_child *child) {
    const rnc_tensor *betas;
    rnm_status status = take(call, 1, RNM_F32, 2, &betas);
    if (status != RNM_OK) {
        return status;
    }
    bool whole = child->co % child->po == 0 && child->ci % child->pi == 0;
    uint64_t pairs = rnm_beta_pairs(child->co, child->ci, child->po, child->pi, child->flags);
    if ((child->flags == RNM_RECIPE_INTERLEAVED && !whole) || betas->dims[1] != 2 ||
        (uint64_t)betas->dims[0] != pairs) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "expected %" PRIu64 " pairs of whole blocks or edges, found %" PRId64,
                             pairs, betas->dims[0]);
    }
    float *copy = rnc_arena_array(call->import->graph->arena, (size_t)pairs, 2 * sizeof *copy,
                                  call->import->err);
    if (copy == NULL) {
        return RNM_ERR_MEMORY;
    }
    rnc_tensor_copy_f32(betas, 0, (int64_t)(2 * pairs), copy);
    child->pairs = copy;
    return RNM_OK;
}

/* Bits in mask order, where they lie. */
static rnm_status take_bits(const rnc_call *call, size_t k, const rnc_child *child,
                            const uint8_t **out) {
    const rnc_tensor *bits;
    const uint64_t bytes = rnm_mask_bytes(child->co, child->ci, child->taps);
    rnm_status status = take(call, k, RNM_U8, 1, &bits);
    if (status != RNM_OK) {
        return status;
    }
    if ((uint64_t)bits->dims[0] != bytes || bits->strides[0] != 1) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "input %zu should have %" PRIu64 " bytes, one bit an element, found "
                             "%" PRId64,
                             k, bytes, bits->dims[0]);
    }
    *out = bits->data;
    return RNM_OK;
}

/* True for the position of an element; others are of outputs that do not exist. */
static bool exists(const rnc_child *child, uint32_t position) {
    const uint64_t words = (uint64_t)child->ci * child->taps;
    const uint64_t whole = child->co / RNM_PANEL * words * RNM_PANEL;
    const uint32_t rest = child->co % RNM_PANEL;
    return position < whole || (position / 8 < rnm_mask_bytes(child->co, child->ci, child->taps) &&
                                (position - whole) % ((rest + 7) / 8 * 8) < rest);
}

static rnm_status take_list(const rnc_call *call, const rnc_child *child, const uint8_t **out) {
    const rnc_tensor *list;
    rnm_status status = take(call, 2, RNM_U32, 1, &list);
    if (status != RNM_OK) {
        return status;
    }
    uint8_t *bits =
        rnc_arena_alloc(&call->import->job->signs,
                        rnm_mask_bytes(child->co, child->ci, child->taps), call->import->err);
    if (bits == NULL) {
        return call->import->job->signs.status;
    }
    for (int64_t k = 0; k < list->dims[0]; k++) {
        uint32_t at;
        rnc_tensor_copy(list, k, 1, &at);
        if (!exists(child, at)) {
            return rnc_call_fail(call, RNM_ERR_MODEL,
                                 "its zeros should be positions of elements, found %" PRIu32, at);
        }
        bits[at / 8] |= (uint8_t)(1u << at % 8);
    }
    *out = bits;
    return RNM_OK;
}

static rnm_status take_part(const rnc_call *call, size_t k, part what, rnc_child *child) {
    switch (what) {
    case BETAS:
        return take_betas(call, child);
    case MASK:
        return take_bits(call, k, child, &child->signs);
    case PLANE:
        return take_bits(call, k, child, &child->zero_signs);
    case LIST:
        return take_list(call, child, &child->zero_signs);
    case NOTHING:
        break;
    }
    return RNM_OK;
}

static rnm_status take_dims(rnc_call *call, rnc_child *child) {
    int64_t dims[5];
    uint64_t elements = 1;
    rnm_status status = rnc_attr_ints(call, "dims", 5, dims, &child->rank);
    bool fits = child->rank >= 2;
    for (int d = 0; status == RNM_OK && fits && d < child->rank; d++) {
        fits = dims[d] >= 1 && dims[d] <= RNM_LIMIT_DIM &&
               !__builtin_mul_overflow(elements, (uint64_t)dims[d], &elements) &&
               elements <= RNM_LIMIT_CHILD_BYTES / sizeof(float);
        child->dims[d] = (uint32_t)dims[d];
    }
    if (status == RNM_OK && !fits) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "attribute dims should be the shape of a child, [outputs, inputs, "
                             "kernel...]");
    }
    child->co = child->dims[0];
    child->ci = child->dims[1];
    child->taps = status == RNM_OK ? (uint32_t)(elements / child->co / child->ci) : 0;
    return status;
}

/* ---- recipes --------------------------------------------------------------------------------- */

/* The recipe's name is what stands before the call's last slash. */
static const char *recipe_name(const rnc_call *call) {
    const char *slash = strrchr(call->name, '/');
    return slash == NULL || slash == call->name
               ? call->name
               : rnc_arena_text(call->import->graph->arena, call->name,
                                (size_t)(slash - call->name), call->import->err);
}

static const struct kind *kind_of(const rnc_import *im, const Onnx__FunctionProto *function) {
    size_t k = 0;
    while (k < KINDS && !same_text(kinds[k].name, function->name)) {
        k++;
    }
    return k < KINDS && im->own_functions && in_domain(function) ? &kinds[k] : NULL;
}

bool rnc_onnx_is_recipe(const rnc_import *im, const Onnx__FunctionProto *function) {
    return kind_of(im, function) != NULL;
}

rnm_status rnc_onnx_recipe_call(rnc_call *call, const Onnx__FunctionProto *function) {
    rnc_import *im = call->import;
    const struct kind *kind = kind_of(im, function);
    rnc_onnx_recipe *recipe = rnc_arena_alloc(im->graph->arena, sizeof *recipe, im->err);
    if (recipe == NULL) {
        return RNM_ERR_MEMORY;
    }
    recipe->name = recipe_name(call);
    recipe->child.transform = kind->transform;
    recipe->child.flags = kind->flags;
    rnm_status status = recipe->name == NULL ? RNM_ERR_MEMORY : take_dims(call, &recipe->child);
    if (status == RNM_OK) {
        status = take_parent(call, &recipe->child);
    }
    for (size_t i = 0; i < 2 && status == RNM_OK; i++) {
        status = take_part(call, i + 1, kind->parts[i], &recipe->child);
    }
    const rnc_onnx_value made = {.recipe = recipe};
    return status == RNM_OK ? rnc_bind_same(call, 0, &made) : status;
}
