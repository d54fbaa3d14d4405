/* SPDX-License-Identifier: Apache-2.0
 *
 * From scores to a mask.
 */
#include "mask.h"

#include "error.h"

#include <stdlib.h>

bool mask_suits(const rnm_value_info *output) {
    return output->dtype == RNM_F32 && output->rank == 4 && output->dims[1] >= 2 &&
           output->dims[1] <= MASK_CLASSES_MOST;
}

/* The class of every position of the network's map. */
static void find_classes(const rnm_tensor *scores, uint8_t *classes) {
    size_t positions = (size_t)scores->dims[2] * (size_t)scores->dims[3];
    const float *values = scores->data;
    for (size_t p = 0; p < positions; p++) {
        int64_t best = 0;
        for (int64_t c = 1; c < scores->dims[1]; c++) {
            float value = values[(size_t)c * positions + p];
            float most = values[(size_t)best * positions + p];
            best = value > most || (most != most && value == value) ? c : best;
        }
        classes[p] = (uint8_t)best;
    }
}

/* For every position of the photo along one axis the position of the map, -1 where the crop has
 * left it out: the pixel's middle, through resize, crop, padding and the network's own scale. */
static void find_positions(int64_t *out, int photo, int64_t resized, int64_t start, int64_t kept,
                           int64_t pad, int64_t input, int64_t map) {
    for (int i = 0; i < photo; i++) {
        double place = ((double)i + 0.5) * (double)resized / photo - (double)start;
        int64_t at = (int64_t)((place + (double)pad) * (double)map / (double)input);
        out[i] = place < 0 || place >= (double)kept || at >= map ? -1 : at;
    }
}

static void fill(mask *m, const uint8_t *classes, int64_t map_width, const int64_t *columns,
                 const int64_t *rows) {
    uint8_t *to = m->classes;
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            *to = rows[y] < 0 || columns[x] < 0 ? MASK_UNSEEN
                                                : classes[rows[y] * map_width + columns[x]];
            m->areas[*to++]++;
        }
    }
}

rnm_status mask_make(const rnm_preprocess *steps, int width, int height, const rnm_tensor *input,
                     const rnm_tensor *scores, mask *out, rnm_error *error) {
    preprocess_place place;
    *out = (mask){.width = width, .height = height};
    rnm_status status = preprocess_find_place(steps, width, height, &place, error);
    if (status != RNM_OK) {
        return status;
    }
    uint8_t *classes = malloc((size_t)scores->dims[2] * (size_t)scores->dims[3]);
    int64_t *columns = malloc((size_t)width * sizeof *columns);
    int64_t *rows = malloc((size_t)height * sizeof *rows);
    out->classes = malloc((size_t)width * (size_t)height);
    if (classes == NULL || columns == NULL || rows == NULL || out->classes == NULL) {
        mask_free(out);
        status = rnm_fail(error, RNM_ERR_MEMORY, "no memory for a mask of %d x %d pixels", width,
                          height);
    } else {
        find_classes(scores, classes);
        find_positions(columns, width, place.width, place.kept.left, place.kept.width,
                       steps->pad_left, input->dims[3], scores->dims[3]);
        find_positions(rows, height, place.height, place.kept.top, place.kept.height,
                       steps->pad_top, input->dims[2], scores->dims[2]);
        fill(out, classes, scores->dims[3], columns, rows);
    }
    free(classes);
    free(columns);
    free(rows);
    return status;
}

void mask_free(mask *m) {
    free(m->classes);
    m->classes = NULL;
}

/* The bits of the class's number go to the high bits of red, green and blue in turn, so that
 * neighbours differ much. What was not seen is grey. */
void mask_color(int class, uint8_t rgb[3]) {
    rgb[0] = rgb[1] = rgb[2] = 0;
    for (int bit = 0; bit < 8; bit++) {
        int value = (class >> bit) & 1;
        rgb[bit % 3] = (uint8_t)(rgb[bit % 3] | value << (7 - bit / 3));
    }
    if (class == MASK_UNSEEN) {
        rgb[0] = rgb[1] = rgb[2] = 96;
    }
}
