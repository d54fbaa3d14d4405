/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mask looks like: as an indexed PNG, and over its photo with a legend.
 */
#include "mask.h"

#include "error.h"
#include "png_write.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GLYPH_WIDTH = 5,
    GLYPH_HEIGHT = 7,
    GLYPH_STEP = GLYPH_WIDTH + 1,
    LETTERS = 128,
    TEXT_MOST = 40, /* letters of a row */
    ROW_HEIGHT = 13,
    MARGIN = 6,
    SWATCH = 9,
    TEXT_LEFT = MARGIN + SWATCH + 6,
    LEGEND_WIDTH = TEXT_LEFT + 24 * GLYPH_STEP + MARGIN, /* a narrower photo has white beside it */
    BACKGROUND = 255,
};

/* Letters of 5 x 7 dots, a byte a row, the leftmost dot in bit 4: enough for a legend. Small
 * letters are shown as capitals, and what is not here as a question mark. */
static const uint8_t glyphs[LETTERS][GLYPH_HEIGHT] = {
    /* clang-format off */
    ['A'] = {0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
    ['B'] = {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e},
    ['C'] = {0x0f, 0x10, 0x10, 0x10, 0x10, 0x10, 0x0f},
    ['D'] = {0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e},
    ['E'] = {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f},
    ['F'] = {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10},
    ['G'] = {0x0f, 0x10, 0x10, 0x13, 0x11, 0x11, 0x0f},
    ['H'] = {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
    ['I'] = {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e},
    ['J'] = {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c},
    ['K'] = {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11},
    ['L'] = {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f},
    ['M'] = {0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11},
    ['N'] = {0x11, 0x19, 0x19, 0x15, 0x13, 0x13, 0x11},
    ['O'] = {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e},
    ['P'] = {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10},
    ['Q'] = {0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d},
    ['R'] = {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11},
    ['S'] = {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e},
    ['T'] = {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04},
    ['U'] = {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e},
    ['V'] = {0x11, 0x11, 0x11, 0x11, 0x0a, 0x0a, 0x04},
    ['W'] = {0x11, 0x11, 0x11, 0x15, 0x15, 0x1b, 0x11},
    ['X'] = {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11},
    ['Y'] = {0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04},
    ['Z'] = {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f},
    ['0'] = {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e},
    ['1'] = {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
    ['2'] = {0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f},
    ['3'] = {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e},
    ['4'] = {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02},
    ['5'] = {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
    ['6'] = {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e},
    ['7'] = {0x1f, 0x01, 0x02, 0x04, 0x04, 0x04, 0x04},
    ['8'] = {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e},
    ['9'] = {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
    [' '] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
    ['-'] = {0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00},
    ['/'] = {0x01, 0x02, 0x02, 0x04, 0x08, 0x08, 0x10},
    ['.'] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c},
    ['%'] = {0x19, 0x1a, 0x02, 0x04, 0x08, 0x0b, 0x13},
    ['?'] = {0x0e, 0x11, 0x01, 0x02, 0x04, 0x00, 0x04},
    ['_'] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1f},
    ['('] = {0x02, 0x04, 0x08, 0x08, 0x08, 0x04, 0x02},
    [')'] = {0x08, 0x04, 0x02, 0x02, 0x02, 0x04, 0x08},
    ['&'] = {0x0c, 0x12, 0x14, 0x08, 0x15, 0x12, 0x0d},
    ['\''] = {0x04, 0x04, 0x08, 0x00, 0x00, 0x00, 0x00},
    [','] = {0x00, 0x00, 0x00, 0x00, 0x04, 0x04, 0x08},
    /* clang-format on */
};

rnm_status mask_save(const mask *m, const char *path, rnm_error *error) {
    uint8_t palette[(MASK_CLASSES_MOST + 1) * 3];
    for (int c = 0; c <= MASK_CLASSES_MOST; c++) {
        mask_color(c, palette + (size_t)3 * (size_t)c);
    }
    return png_write(path, m->width, m->height, m->classes, palette, error);
}

/* ---- the overlay ----------------------------------------------------------------------------- */

static void put_pixel(image *page, int x, int y, const uint8_t rgb[3]) {
    if (x < page->width && y < page->height) {
        memcpy(page->pixels + ((size_t)y * (size_t)page->width + (size_t)x) * 3, rgb, 3);
    }
}

static void put_text(image *page, int x, int y, const char *text) {
    static const uint8_t ink[3] = {20, 20, 20};
    for (; *text != '\0'; text++, x += GLYPH_STEP) {
        static const uint8_t none[GLYPH_HEIGHT] = {0};
        int letter = toupper((unsigned char)*text);
        bool known = letter < LETTERS && memcmp(glyphs[letter], none, sizeof none) != 0;
        const uint8_t *rows = glyphs[known || letter == ' ' ? letter : '?'];
        for (int dy = 0; dy < GLYPH_HEIGHT; dy++) {
            for (int dx = 0; dx < GLYPH_WIDTH; dx++) {
                if ((rows[dy] >> (GLYPH_WIDTH - 1 - dx) & 1) != 0) {
                    put_pixel(page, x + dx, y + dy, ink);
                }
            }
        }
    }
}

/* "12.3 % LABEL", cut where it is too long. */
static void put_row(image *page, int y, int class, const mask *m, const rnm_model *model) {
    char text[TEXT_MOST + 1];
    uint8_t rgb[3];
    const char *label = class == MASK_UNSEEN ? "not seen" : rnm_model_label(model, class);
    double share = 100.0 * (double)m->areas[class] / ((double)m->width * (double)m->height);
    if (label != NULL) {
        snprintf(text, sizeof text, "%5.1f %% %s", share, label);
    } else {
        snprintf(text, sizeof text, "%5.1f %% class %d", share, class);
    }
    mask_color(class, rgb);
    for (int dy = 0; dy < SWATCH; dy++) {
        for (int dx = 0; dx < SWATCH; dx++) {
            put_pixel(page, MARGIN + dx, y + dy, rgb);
        }
    }
    put_text(page, TEXT_LEFT, y + 1, text);
}

/* Class 0, mostly the ground, shows the photo as it is; the others are half colour, half photo. */
static void put_photo(image *page, const mask *m, const image *photo) {
    for (int y = 0; y < m->height; y++) {
        for (int x = 0; x < m->width; x++) {
            size_t at = (size_t)y * (size_t)m->width + (size_t)x;
            uint8_t rgb[3];
            mask_color(m->classes[at], rgb);
            for (int c = 0; c < 3; c++) {
                uint8_t sample = photo->pixels[3 * at + (size_t)c];
                int mixed = m->classes[at] == 0 ? sample : (rgb[c] + sample + 1) / 2;
                rgb[c] = (uint8_t)mixed;
            }
            put_pixel(page, x, y, rgb);
        }
    }
}

rnm_status mask_save_overlay(const mask *m, const image *photo, const rnm_model *model,
                             const char *path, rnm_error *error) {
    image page;
    int rows = 0, width = m->width < LEGEND_WIDTH ? LEGEND_WIDTH : m->width;
    for (int c = 0; c <= MASK_CLASSES_MOST; c++) {
        rows += m->areas[c] > 0;
    }
    int y = m->height + MARGIN;
    rnm_status status =
        image_create(width, (int64_t)y + (int64_t)rows * ROW_HEIGHT + MARGIN, 3, &page, error);
    if (status != RNM_OK) {
        return status;
    }
    memset(page.pixels, BACKGROUND, (size_t)page.width * (size_t)page.height * 3);
    put_photo(&page, m, photo);
    for (int c = 0; c <= MASK_CLASSES_MOST; c++) {
        if (m->areas[c] > 0) {
            put_row(&page, y, c, m, model);
            y += ROW_HEIGHT;
        }
    }
    status = png_write(path, page.width, page.height, page.pixels, NULL, error);
    image_free(&page);
    return status;
}
