/* SPDX-License-Identifier: Apache-2.0
 *
 * What our own export has told in metadata (docs/ONNX.md): how images are prepared, and labels.
 */
#include "onnx/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct word {
    const char *text;
    uint8_t number;
} colors[] = {{"gray", RNM_COLOR_GRAY}, {"rgb", RNM_COLOR_RGB}, {"bgr", RNM_COLOR_BGR}},
  resizes[] = {{"exact", RNM_RESIZE_EXACT}, {"shorter", RNM_RESIZE_SHORTER}};

static bool find_word(const struct word *words, size_t count, const char *text, uint8_t *out) {
    for (size_t k = 0; k < count; k++) {
        if (strcmp(words[k].text, text) == 0) {
            *out = words[k].number;
            return true;
        }
    }
    return false;
}

static const char *find(const rnc_import *im, const char *key) {
    const Onnx__ModelProto *model = im->onnx->model;
    for (size_t k = 0; k < model->n_metadata_props; k++) {
        const Onnx__StringStringEntryProto *entry = model->metadata_props[k];
        if (entry->key != NULL && strcmp(entry->key, key) == 0) {
            return entry->value != NULL ? entry->value : "";
        }
    }
    return NULL;
}

static uint32_t least_of(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* The sizes of a data set: exact, or the shorter side and a crop that is no larger. */
static bool settle_sizes(rnc_dataset *dataset) {
    const rnm_preprocess_rec *p = &dataset->preprocess;
    const bool exact = p->resize == RNM_RESIZE_EXACT;
    const bool crops = p->crop_height > 0 && p->crop_width > 0;
    dataset->height =
        (int64_t)(crops ? p->crop_height : p->resize_height) + p->pad_top + (int64_t)p->pad_bottom;
    dataset->width =
        (int64_t)(crops ? p->crop_width : p->resize_width) + p->pad_left + (int64_t)p->pad_right;
    return exact ? p->resize_height > 0 && p->resize_width > 0 &&
                       (!crops ||
                        (p->crop_height <= p->resize_height && p->crop_width <= p->resize_width))
                 : crops && least_of(p->crop_height, p->crop_width) <= p->resize_height;
}

/* Numbers that make no sense otherwise are refused by the format's reader, when what was written is
 * read back. */
static bool read_preprocess(const char *text, rnc_dataset *dataset) {
    rnm_preprocess_rec *p = &dataset->preprocess;
    char color[8] = "";
    char resize[8] = "";
    int end = 0;
    int found = sscanf(text,
                       "input=%" SCNu32 "\ncolor=%7[a-z]\nresize=%7[a-z]\nresize_size=%" SCNu32
                       " %" SCNu32 "\ncrop=%" SCNu32 " %" SCNu32 "\npad=%" SCNu32 " %" SCNu32
                       " %" SCNu32 " %" SCNu32 "\ndivisor=%f\nmean=%f %f %f %f\nstd=%f %f %f %f\n"
                       "dataset=%n",
                       &p->input, color, resize, &p->resize_height, &p->resize_width,
                       &p->crop_height, &p->crop_width, &p->pad_top, &p->pad_left, &p->pad_bottom,
                       &p->pad_right, &p->divisor, &p->mean[0], &p->mean[1], &p->mean[2],
                       &p->mean[3], &p->std[0], &p->std[1], &p->std[2], &p->std[3], &end);
    enum { NUMBERS = 20 };
    if (found != NUMBERS || end == 0 || p->input != 0 ||
        !find_word(colors, sizeof colors / sizeof *colors, color, &p->color) ||
        !find_word(resizes, sizeof resizes / sizeof *resizes, resize, &p->resize)) {
        return false;
    }
    dataset->name = text + end;
    dataset->channels = p->color == RNM_COLOR_GRAY ? 1 : 3;
    return settle_sizes(dataset);
}

/* Names, each ended by a line feed. */
static rnm_status read_labels(rnc_import *im, const char *text, rnc_dataset *dataset) {
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == '\n';
    }
    const char **labels = rnc_arena_array(im->graph->arena, count, sizeof *labels, im->err);
    for (size_t k = 0; labels != NULL && k < count; k++) {
        size_t length = strcspn(text, "\n");
        labels[k] = rnc_arena_text(im->graph->arena, text, length, im->err);
        if (labels[k] == NULL) {
            return RNM_ERR_MEMORY;
        }
        text += length + 1;
    }
    dataset->labels = labels;
    dataset->label_count = count;
    return labels == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

rnm_status rnc_onnx_metadata(rnc_import *im) {
    rnc_job *job = im->job;
    const char *preprocess = find(im, "rnm.preprocess.0");
    const char *labels = find(im, "rnm.labels");
    rnc_dataset dataset = {.name = NULL};
    if (job->has_dataset || preprocess == NULL) {
        return RNM_OK;
    }
    if (!read_preprocess(preprocess, &dataset)) {
        rnc_note(job, "metadata rnm.preprocess.0 is not as docs/ONNX.md has it and was left out");
        return RNM_OK;
    }
    rnm_status status = labels == NULL ? RNM_OK : read_labels(im, labels, &dataset);
    if (status == RNM_OK) {
        job->dataset = dataset;
        job->has_dataset = true;
    }
    return status;
}
