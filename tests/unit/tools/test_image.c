/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding PNG and JPEG of every kind, cut off anywhere, damaged anywhere.
 */
#include "testing.h"

#include "image.h"
#include "image_files.h"
#include "image_formats.h"

#include <png.h>

enum { WIDTH = 13, HEIGHT = 9, ROWS_MOST = HEIGHT * WIDTH * 8 };

static const struct png_kind {
    const char *name;
    int type, depth, samples; /* samples a pixel in the file */
} png_kinds[] = {
    {"grey 1", PNG_COLOR_TYPE_GRAY, 1, 1},
    {"grey 2", PNG_COLOR_TYPE_GRAY, 2, 1},
    {"grey 4", PNG_COLOR_TYPE_GRAY, 4, 1},
    {"grey 8", PNG_COLOR_TYPE_GRAY, 8, 1},
    {"grey and alpha 8", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 2},
    {"grey and alpha 16", PNG_COLOR_TYPE_GRAY_ALPHA, 16, 2},
    {"palette 1", PNG_COLOR_TYPE_PALETTE, 1, 1},
    {"palette 2", PNG_COLOR_TYPE_PALETTE, 2, 1},
    {"palette 4", PNG_COLOR_TYPE_PALETTE, 4, 1},
    {"palette 8", PNG_COLOR_TYPE_PALETTE, 8, 1},
    {"RGB 8", PNG_COLOR_TYPE_RGB, 8, 3},
    {"RGB 16", PNG_COLOR_TYPE_RGB, 16, 3},
    {"RGBA 8", PNG_COLOR_TYPE_RGB_ALPHA, 8, 4},
    {"RGBA 16", PNG_COLOR_TYPE_RGB_ALPHA, 16, 4},
};

/* Sample `s` of pixel x, y as packed in the file; of 16 bits the high byte. */
static int packed_sample(const struct png_kind *kind, const uint8_t *rows, int x, int y, int s) {
    int row_bytes = (WIDTH * kind->samples * kind->depth + 7) / 8;
    int bit = (x * kind->samples + s) * kind->depth;
    int byte = rows[y * row_bytes + bit / 8];
    return kind->depth >= 8 ? byte
                            : (byte >> (8 - kind->depth - bit % 8)) & ((1 << kind->depth) - 1);
}

/* What must come out for a channel of a pixel. */
static int expected_sample(const struct png_kind *kind, const uint8_t *rows, int x, int y, int c) {
    if (kind->type == PNG_COLOR_TYPE_PALETTE) {
        int index = packed_sample(kind, rows, x, y, 0);
        return c == 0 ? index : (c == 1 ? 2 * index % 256 : 255 - index);
    }
    int value = packed_sample(kind, rows, x, y, c);
    return kind->depth < 8 ? value * 255 / ((1 << kind->depth) - 1) : value;
}

static void check_png(const struct png_kind *kind, bool interlaced, bool transparency) {
    uint8_t rows[ROWS_MOST];
    image picture;
    rnm_error error = {0};
    fill_noise(rows, sizeof rows);
    image_file file =
        make_png(kind->type, kind->depth, WIDTH, HEIGHT, rows, interlaced, transparency);
    if (image_decode(file.bytes, file.size, &picture, &error) != RNM_OK) {
        fail_msg("%s: %s", kind->name, error.text);
    }
    assert_int_equal(picture.width, WIDTH);
    assert_int_equal(picture.height, HEIGHT);
    assert_int_equal(picture.channels, (kind->type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1);
    const uint8_t *found = picture.pixels;
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int c = 0; c < picture.channels; c++, found++) {
                int expected = expected_sample(kind, rows, x, y, c);
                if (*found != expected) {
                    fail_msg("%s: channel %d at %d, %d is %d, expected %d", kind->name, c, x, y,
                             *found, expected);
                }
            }
        }
    }
    image_free(&picture);
    free(file.bytes);
}

static void test_png(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(png_kinds); i++) {
        bool alpha = (png_kinds[i].type & PNG_COLOR_MASK_ALPHA) != 0;
        check_png(&png_kinds[i], false, false);
        check_png(&png_kinds[i], true, false);
        check_png(&png_kinds[i], false, !alpha);
    }
}

static void test_png_grey_16_is_refused(void **state) {
    (void)state;
    uint8_t rows[ROWS_MOST] = {0};
    image picture;
    rnm_error error = {0};
    image_file file = make_png(PNG_COLOR_TYPE_GRAY, 16, WIDTH, HEIGHT, rows, false, false);
    assert_int_equal(image_decode(file.bytes, file.size, &picture, &error), RNM_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "16-bit grey"));
    assert_null(picture.pixels);
    free(file.bytes);
}

/* A slope, which JPEG keeps nearly. */
static void fill_slope(uint8_t *samples, int channels) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int c = 0; c < channels; c++) {
                *samples++ = (uint8_t)(40 + 10 * x + 8 * y);
            }
        }
    }
}

static void test_jpeg(void **state) {
    (void)state;
    uint8_t samples[ROWS_MOST];
    for (int channels = 1; channels <= 3; channels += 2) {
        image pictures[2];
        rnm_error error = {0};
        fill_slope(samples, channels);
        for (int progressive = 0; progressive < 2; progressive++) {
            image_file file = make_jpeg(channels, WIDTH, HEIGHT, samples, progressive != 0);
            image *picture = &pictures[progressive];
            assert_int_equal(image_decode(file.bytes, file.size, picture, &error), RNM_OK);
            assert_int_equal(picture->width, WIDTH);
            assert_int_equal(picture->height, HEIGHT);
            assert_int_equal(picture->channels, channels);
            for (int i = 0; i < WIDTH * HEIGHT * channels; i++) {
                assert_true(abs(picture->pixels[i] - samples[i]) <= 4);
            }
            free(file.bytes);
        }
        assert_memory_equal(pictures[0].pixels, pictures[1].pixels,
                            (size_t)(WIDTH * HEIGHT * channels));
        image_free(&pictures[0]);
        image_free(&pictures[1]);
    }
}

/* As files from elsewhere have it, the samples count light: colour is the product with black's. */
static void test_jpeg_cmyk(void **state) {
    (void)state;
    uint8_t samples[ROWS_MOST];
    image picture;
    rnm_error error = {0};
    for (int i = 0; i < WIDTH * HEIGHT * 4; i += 4) {
        samples[i] = 255;
        samples[i + 1] = 128;
        samples[i + 2] = 0;
        samples[i + 3] = 200;
    }
    image_file file = make_jpeg(4, WIDTH, HEIGHT, samples, false);
    assert_int_equal(image_decode(file.bytes, file.size, &picture, &error), RNM_OK);
    assert_int_equal(picture.channels, 3);
    for (int i = 0; i < WIDTH * HEIGHT * 3; i += 3) {
        assert_true(abs(picture.pixels[i] - 200) <= 2);
        assert_true(abs(picture.pixels[i + 1] - 100) <= 2);
        assert_true(picture.pixels[i + 2] <= 2);
    }
    image_free(&picture);
    free(file.bytes);
}

/* A picture of 3 x 2 pixels, numbered, after each turn. */
static void test_turns(void **state) {
    (void)state;
    static const struct {
        int width;
        uint8_t pixels[6];
    } expected[] = {
        {3, {0, 1, 2, 3, 4, 5}}, {3, {0, 1, 2, 3, 4, 5}}, {3, {2, 1, 0, 5, 4, 3}},
        {3, {5, 4, 3, 2, 1, 0}}, {3, {3, 4, 5, 0, 1, 2}}, {2, {0, 3, 1, 4, 2, 5}},
        {2, {3, 0, 4, 1, 5, 2}}, {2, {5, 2, 4, 1, 3, 0}}, {2, {2, 5, 1, 4, 0, 3}},
        {3, {0, 1, 2, 3, 4, 5}},
    };
    for (int orientation = 0; orientation < (int)COUNT(expected); orientation++) {
        for (int channels = 1; channels <= 3; channels += 2) {
            image picture;
            assert_int_equal(image_create(3, 2, channels, &picture, NULL), RNM_OK);
            for (int i = 0; i < 6 * channels; i++) {
                picture.pixels[i] = (uint8_t)(10 * (i / channels) + i % channels);
            }
            assert_int_equal(image_turn(&picture, orientation, NULL), RNM_OK);
            assert_int_equal(picture.width, expected[orientation].width);
            assert_int_equal(picture.width * picture.height, 6);
            for (int i = 0; i < 6 * channels; i++) {
                assert_int_equal(picture.pixels[i],
                                 10 * expected[orientation].pixels[i / channels] + i % channels);
            }
            image_free(&picture);
        }
    }
}

static void test_exif(void **state) {
    (void)state;
    static const uint8_t little[] = "II*\0\x08\0\0\0\x02\0"
                                    "\x0f\x01\x02\0\x01\0\0\0Abc\0"
                                    "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    static const uint8_t big[] = "MM\0*\0\0\0\x0a..\0\x01"
                                 "\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
    static const uint8_t far[] = "II*\0\xff\xff\xff\xff\x02\0";
    assert_int_equal(exif_orientation(little, sizeof little - 1), 6);
    assert_int_equal(exif_orientation(big, sizeof big - 1), 8);
    assert_int_equal(exif_orientation(far, sizeof far - 1), ORIENTATION_UPRIGHT);
    for (size_t size = 0; size < sizeof little - 1; size++) {
        uint8_t *exact = malloc(size > 0 ? size : 1);
        assert_non_null(exact);
        memcpy(exact, little, size);
        assert_int_equal(exif_orientation(exact, size), ORIENTATION_UPRIGHT);
        free(exact);
    }
}

/* The bytes in a buffer of exactly their size, for the sanitizers to watch. */
static rnm_status decode_exact(const uint8_t *bytes, size_t size, image *out, rnm_error *error) {
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    rnm_status status = image_decode(exact, size, out, error);
    free(exact);
    return status;
}

/* Cuts the file everywhere, which must be seen, and damages every byte, which must do no harm. */
static void check_broken(image_file file) {
    for (size_t cut = 0; cut < file.size; cut++) {
        image picture;
        rnm_error error = {0};
        if (decode_exact(file.bytes, cut, &picture, &error) != RNM_ERR_FORMAT) {
            fail_msg("cut to %zu of %zu bytes: %s", cut, file.size, error.text);
        }
        assert_null(picture.pixels);
    }
    for (size_t at = 0; at < file.size; at++) {
        image picture;
        uint8_t whole = file.bytes[at];
        for (int change = 1; change < 256; change *= 4) {
            file.bytes[at] = (uint8_t)(whole ^ change);
            rnm_status status = decode_exact(file.bytes, file.size, &picture, NULL);
            assert_int_equal(status == RNM_OK, picture.pixels != NULL);
            image_free(&picture);
        }
        file.bytes[at] = whole;
    }
    free(file.bytes);
}

static void test_broken(void **state) {
    (void)state;
    uint8_t rows[ROWS_MOST], samples[ROWS_MOST];
    fill_noise(rows, sizeof rows);
    fill_slope(samples, 3);
    check_broken(make_png(PNG_COLOR_TYPE_RGB, 8, WIDTH, HEIGHT, rows, false, false));
    check_broken(make_png(PNG_COLOR_TYPE_PALETTE, 4, WIDTH, HEIGHT, rows, true, true));
    check_broken(make_jpeg(3, WIDTH, HEIGHT, samples, false));
    check_broken(make_jpeg(3, WIDTH, HEIGHT, samples, true));
}

static void test_limits(void **state) {
    (void)state;
    image picture;
    rnm_error error = {0};
    /* A PNG header that asks for 65,536 x 65,536 pixels. */
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0"
                                 "\xe3\xe6\xa7\xb4\0\0\0\x0cIDAT\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_int_equal(image_decode(png, sizeof png - 1, &picture, &error), RNM_ERR_LIMIT);
    assert_int_equal(image_create(65536, 65536, 3, &picture, &error), RNM_ERR_LIMIT);
    assert_int_equal(image_create(0, 5, 3, &picture, &error), RNM_ERR_LIMIT);
    assert_int_equal(image_create(INT64_MAX, INT64_MAX, 3, &picture, &error), RNM_ERR_LIMIT);
    assert_int_equal(image_decode((const uint8_t *)"GIF89a", 6, &picture, &error), RNM_ERR_FORMAT);
    assert_string_equal(error.text, "is neither a PNG nor a JPEG image");
}

static void test_open_names_the_file(void **state) {
    (void)state;
    image picture;
    rnm_error error = {0};
    char *folder = enter_folder();
    write_file("a.png", "text", 4);
    assert_int_equal(image_open("a.png", &picture, &error), RNM_ERR_FORMAT);
    assert_string_equal(error.text, "a.png: is neither a PNG nor a JPEG image");
    assert_int_equal(image_open("b.png", &picture, &error), RNM_ERR_IO);
    assert_string_equal(error.text, "b.png: No such file or directory");
    unlink("a.png");
    leave_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_png_grey_16_is_refused),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_cmyk),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_exif),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_open_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
