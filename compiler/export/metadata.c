/* SPDX-License-Identifier: Apache-2.0
 *
 * What ONNX has no place for, as pairs of texts (docs/ONNX.md): how images are prepared, labels,
 * where the model comes from.
 */
#include "export/exporter.h"

#include <inttypes.h>
#include <string.h>

static const char *const colors[] = {
    [RNM_COLOR_GRAY] = "gray", [RNM_COLOR_RGB] = "rgb", [RNM_COLOR_BGR] = "bgr"};

static const char *const resizes[] = {
    [RNM_RESIZE_NONE] = "none", [RNM_RESIZE_EXACT] = "exact", [RNM_RESIZE_SHORTER] = "shorter"};

/* Floats with nine digits, which lose nothing. */
static void tell_preprocess(rnc_exporter *x, uint32_t index) {
    const rnm_preprocess_rec *p = &x->view->preprocess[index];
    const char *text = rnc_proto_text(
        x->model,
        "input=%" PRIu32 "\ncolor=%s\nresize=%s\nresize_size=%" PRIu32 " %" PRIu32 "\ncrop=%" PRIu32
        " %" PRIu32 "\npad=%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
        "\ndivisor=%.9g\nmean=%.9g %.9g %.9g %.9g\nstd=%.9g %.9g %.9g %.9g\ndataset=%s",
        p->input, colors[p->color], resizes[p->resize], p->resize_height, p->resize_width,
        p->crop_height, p->crop_width, p->pad_top, p->pad_left, p->pad_bottom, p->pad_right,
        (double)p->divisor, (double)p->mean[0], (double)p->mean[1], (double)p->mean[2],
        (double)p->mean[3], (double)p->std[0], (double)p->std[1], (double)p->std[2],
        (double)p->std[3], rnm_view_string(x->view, p->dataset));
    rnc_proto_tell(x->model, rnc_proto_text(x->model, "rnm.preprocess.%" PRIu32, index), text);
}

/* One name a line: names have no control characters. */
static void tell_labels(rnc_exporter *x) {
    const rnm_view *view = x->view;
    size_t size = 1;
    for (uint32_t k = 0; k < view->label_count; k++) {
        size += strlen(rnm_view_string(view, view->labels[k])) + 1;
    }
    char *text = rnc_proto_alloc(x->model, size, 1);
    char *at = text;
    for (uint32_t k = 0; text != NULL && k < view->label_count; k++) {
        const char *label = rnm_view_string(view, view->labels[k]);
        size_t length = strlen(label);
        memcpy(at, label, length);
        at += length;
        *at++ = '\n';
    }
    if (view->label_count > 0) {
        rnc_proto_tell(x->model, "rnm.labels", text);
    }
}

void rnc_exporter_tell(rnc_exporter *x) {
    const rnm_view *view = x->view;
    for (uint32_t k = 0; k < view->preprocess_count; k++) {
        tell_preprocess(x, k);
    }
    tell_labels(x);
    for (uint32_t k = 0; k < view->provenance_count; k++) {
        const char *key = rnm_view_string(view, view->provenance[2 * k]);
        rnc_proto_tell(x->model, rnc_proto_text(x->model, "rnm.provenance.%s", key),
                       rnm_view_string(view, view->provenance[2 * k + 1]));
    }
}
