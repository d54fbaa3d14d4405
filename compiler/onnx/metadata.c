/* SPDX-License-Identifier: Apache-2.0
 *
 * What our own export has told in metadata (docs/ONNX.md): how images are prepared, and labels.
 */
#include "onnx/import.h"
#include "topology/yaml.h"

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

enum { WORD = 32 };

/* Takes a word and the character behind it off the text. */
static bool take_word(const char **text, char end, char word[WORD]) {
    size_t length = strcspn(*text, " \n");
    if (length >= WORD || (*text)[length] != end) {
        return false;
    }
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length + 1;
    return true;
}

static bool take_key(const char **text, const char *key) {
    size_t length = strlen(key);
    bool there = strncmp(*text, key, length) == 0;
    *text += there ? length : 0;
    return there;
}

/* A line of `count` numbers, whole where `floats` is NULL. */
static bool take_numbers(const char **text, const char *key, int count, uint32_t *const *ints,
                         float *floats) {
    char word[WORD];
    bool fits = take_key(text, key);
    for (int k = 0; k < count && fits; k++) {
        int64_t number = 0;
        fits =
            take_word(text, k + 1 == count ? '\n' : ' ', word) &&
            (floats != NULL ? rnc_parse_float(word, &floats[k]) : rnc_parse_int(word, &number)) &&
            number >= 0;
        if (fits && floats == NULL) {
            *ints[k] = (uint32_t)number;
        }
    }
    return fits;
}

static bool take_choice(const char **text, const char *key, const struct word *words, size_t count,
                        uint8_t *out) {
    char word[WORD];
    return take_key(text, key) && take_word(text, '\n', word) && find_word(words, count, word, out);
}

/* Numbers that make no sense otherwise are refused by the format's reader, when what was written is
 * read back. */
static bool read_preprocess(const char *text, rnc_dataset *dataset) {
    rnm_preprocess_rec *p = &dataset->preprocess;
    uint32_t *const input[] = {&p->input};
    uint32_t *const size[] = {&p->resize_height, &p->resize_width};
    uint32_t *const crop[] = {&p->crop_height, &p->crop_width};
    uint32_t *const pads[] = {&p->pad_top, &p->pad_left, &p->pad_bottom, &p->pad_right};
    if (!take_numbers(&text, "input=", 1, input, NULL) || p->input != 0 ||
        !take_choice(&text, "color=", colors, sizeof colors / sizeof *colors, &p->color) ||
        !take_choice(&text, "resize=", resizes, sizeof resizes / sizeof *resizes, &p->resize) ||
        !take_numbers(&text, "resize_size=", 2, size, NULL) ||
        !take_numbers(&text, "crop=", 2, crop, NULL) ||
        !take_numbers(&text, "pad=", 4, pads, NULL) ||
        !take_numbers(&text, "divisor=", 1, NULL, &p->divisor) ||
        !take_numbers(&text, "mean=", 4, NULL, p->mean) ||
        !take_numbers(&text, "std=", 4, NULL, p->std) || !take_key(&text, "dataset=")) {
        return false;
    }
    dataset->name = text;
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
