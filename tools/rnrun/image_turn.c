/* SPDX-License-Identifier: Apache-2.0
 *
 * How a camera was held: EXIF's orientation, found and undone.
 */
#include "image_formats.h"

#include <stdbool.h>
#include <string.h>

/* TIFF, as EXIF has it. */
enum {
    HEADER_SIZE = 8,
    ENTRY_SIZE = 12,
    ENTRY_VALUE = 8, /* offset in an entry */
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    ORIENTATIONS = 8,
};

static unsigned read_number(const uint8_t *at, int bytes, bool big) {
    unsigned number = 0;
    for (int i = 0; i < bytes; i++) {
        number |= (unsigned)at[i] << 8 * (big ? bytes - 1 - i : i);
    }
    return number;
}

int exif_orientation(const uint8_t *bytes, size_t size) {
    if (size < HEADER_SIZE || (memcmp(bytes, "II*\0", 4) != 0 && memcmp(bytes, "MM\0*", 4) != 0)) {
        return ORIENTATION_UPRIGHT;
    }
    bool big = bytes[0] == 'M';
    size_t directory = read_number(bytes + 4, 4, big);
    if (directory > size - 2) {
        return ORIENTATION_UPRIGHT;
    }
    size_t entries = read_number(bytes + directory, 2, big);
    size_t room = (size - directory - 2) / ENTRY_SIZE;
    const uint8_t *entry = bytes + directory + 2;
    for (size_t i = 0; i < entries && i < room; i++, entry += ENTRY_SIZE) {
        if (read_number(entry, 2, big) == TAG_ORIENTATION &&
            read_number(entry + 2, 2, big) == TYPE_SHORT) {
            return (int)read_number(entry + ENTRY_VALUE, 2, big);
        }
    }
    return ORIENTATION_UPRIGHT;
}

/* Where a pixel of the upright image lies in the stored one. */
static const struct {
    bool swap;                    /* rows are columns */
    bool from_right, from_bottom; /* then counted from the other end */
} turns[ORIENTATIONS + 1] = {
    [2] = {.from_right = true},
    [3] = {.from_right = true, .from_bottom = true},
    [4] = {.from_bottom = true},
    [5] = {.swap = true},
    [6] = {.swap = true, .from_bottom = true},
    [7] = {.swap = true, .from_right = true, .from_bottom = true},
    [8] = {.swap = true, .from_right = true},
};

rnm_status image_turn(image *picture, int orientation, rnm_error *error) {
    image made;
    if (orientation <= ORIENTATION_UPRIGHT || orientation > ORIENTATIONS) {
        return RNM_OK;
    }
    bool swap = turns[orientation].swap;
    int width = picture->width, height = picture->height, channels = picture->channels;
    rnm_status status =
        image_create(swap ? height : width, swap ? width : height, channels, &made, error);
    if (status != RNM_OK) {
        return status;
    }
    uint8_t *to = made.pixels;
    for (int y = 0; y < made.height; y++) {
        for (int x = 0; x < made.width; x++) {
            int column = swap ? y : x, row = swap ? x : y;
            column = turns[orientation].from_right ? width - 1 - column : column;
            row = turns[orientation].from_bottom ? height - 1 - row : row;
            const uint8_t *from =
                picture->pixels + ((size_t)row * (size_t)width + (size_t)column) * (size_t)channels;
            for (int c = 0; c < channels; c++) {
                *to++ = from[c];
            }
        }
    }
    image_free(picture);
    *picture = made;
    return RNM_OK;
}
