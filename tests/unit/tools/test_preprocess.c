/* SPDX-License-Identifier: Apache-2.0
 *
 * From images to inputs: resizing against Pillow's numbers, colour, crop, pad, normalisation.
 */
#include "testing.h"

#include "preprocess.h"
#include "resample.h"
#include "resample_expected.h"

#include <math.h>

static image noise_image(int channels, int width, int height) {
    image picture;
    assert_int_equal(image_create(width, height, channels, &picture, NULL), RNM_OK);
    fill_noise(picture.pixels, (size_t)(width * height * channels));
    return picture;
}

/* All of it. */
static rnm_status resample_whole(image *picture, int64_t width, int64_t height, rnm_error *error) {
    image_window kept = {.width = width, .height = height};
    return resample(picture, width, height, &kept, error);
}

static void test_resample(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(resample_cases); i++) {
        int channels = resample_cases[i].channels;
        int width = resample_cases[i].new_width, height = resample_cases[i].new_height;
        image picture = noise_image(channels, resample_cases[i].width, resample_cases[i].height);
        assert_int_equal(resample_whole(&picture, width, height, NULL), RNM_OK);
        assert_int_equal(picture.width, width);
        assert_int_equal(picture.height, height);
        assert_memory_equal(picture.pixels, resample_cases[i].expected,
                            (size_t)(width * height * channels));
        image_free(&picture);
    }
}

static void test_resample_keeps_flat_images(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 3, 7, 64, 255, 1000};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            image picture = noise_image(1, sizes[i], 3);
            memset(picture.pixels, 255, (size_t)sizes[i] * 3);
            assert_int_equal(resample_whole(&picture, sizes[k], 5, NULL), RNM_OK);
            for (int p = 0; p < sizes[k] * 5; p++) {
                assert_int_equal(picture.pixels[p], 255);
            }
            image_free(&picture);
        }
    }
}

static void test_resample_limits(void **state) {
    (void)state;
    rnm_error error = {0};
    image picture = noise_image(3, 4, 4);
    assert_int_equal(resample_whole(&picture, 1000000, 1000000, &error), RNM_ERR_LIMIT);
    image_free(&picture);
    picture = noise_image(3, 4, 4);
    assert_int_equal(resample_whole(&picture, 0, 4, &error), RNM_ERR_LIMIT);
    image_free(&picture);
}

/* A part is what the whole has there, wherever it lies and whichever sizes change. */
static void test_resample_of_a_part(void **state) {
    (void)state;
    static const int sizes[] = {1, 7, 12, 40};
    for (int at = 0; at < 16; at++) {
        int width = sizes[at / 4], height = sizes[at % 4];
        for (int left = 0; left < width; left += 3) {
            for (int top = 0; top < height; top += 5) {
                image whole = noise_image(3, 12, 7), part = noise_image(3, 12, 7);
                image_window kept = {.left = left,
                                     .top = top,
                                     .width = (width - left + 1) / 2,
                                     .height = (height - top + 1) / 2};
                int rows = (int)kept.height, columns = (int)kept.width;
                assert_int_equal(resample_whole(&whole, width, height, NULL), RNM_OK);
                assert_int_equal(resample(&part, width, height, &kept, NULL), RNM_OK);
                for (int y = 0; y < rows; y++) {
                    assert_memory_equal(part.pixels + 3 * ((kept.top + y) * part.width + kept.left),
                                        whole.pixels + 3 * ((top + y) * width + left),
                                        (size_t)(3 * columns));
                }
                image_free(&whole);
                image_free(&part);
            }
        }
    }
}

/* Enlarged it would have 5,120,000 x 256 pixels; only the crop is made. */
static void test_resample_of_a_strip(void **state) {
    (void)state;
    for (int upright = 0; upright < 2; upright++) {
        image strip = noise_image(3, upright ? 1 : 20000, upright ? 20000 : 1);
        image_window kept = {.left = upright ? 16 : 2559888,
                             .top = upright ? 2559888 : 16,
                             .width = 224,
                             .height = 224};
        int64_t width = upright ? 256 : 5120000, height = upright ? 5120000 : 256;
        assert_int_equal(resample(&strip, width, height, &kept, NULL), RNM_OK);
        assert_int_equal(strip.width, 224);
        assert_int_equal(strip.height, 224);
        image_free(&strip);
    }
}

static void test_colours(void **state) {
    (void)state;
    static const uint8_t rgb[] = {255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7};
    /* Pillow's convert("L"). */
    static const uint8_t grey[] = {255, 0, 76, 150, 29, 8};
    image picture;
    assert_int_equal(image_create(6, 1, 3, &picture, NULL), RNM_OK);
    memcpy(picture.pixels, rgb, sizeof rgb);
    assert_int_equal(image_to_channels(&picture, 1, NULL), RNM_OK);
    assert_memory_equal(picture.pixels, grey, sizeof grey);
    assert_int_equal(image_to_channels(&picture, 3, NULL), RNM_OK);
    for (size_t i = 0; i < sizeof rgb; i++) {
        assert_int_equal(picture.pixels[i], grey[i / 3]);
    }
    image_free(&picture);
}

/* Runs the steps on noise into an input of the given dims; the caller frees the numbers. */
static rnm_status run(const rnm_preprocess *steps, int channels, int width, int height,
                      const int64_t *dims, float **numbers, rnm_error *error) {
    size_t count = (size_t)(dims[1] * dims[2] * dims[3]);
    *numbers = calloc(count, sizeof **numbers);
    assert_non_null(*numbers);
    rnm_tensor input = {.name = "x",
                        .dtype = RNM_F32,
                        .rank = 4,
                        .bytes = count * sizeof **numbers,
                        .data = *numbers};
    memcpy(input.dims, dims, 4 * sizeof *dims);
    image picture = noise_image(channels, width, height);
    rnm_status status = preprocess(steps, &picture, &input, error);
    image_free(&picture);
    return status;
}

static void test_order_of_channels_and_normalisation(void **state) {
    (void)state;
    static const int64_t dims[] = {1, 3, 4, 5};
    uint8_t pixels[60];
    fill_noise(pixels, sizeof pixels);
    for (int bgr = 0; bgr < 2; bgr++) {
        rnm_preprocess steps = {.color = bgr ? RNM_BGR : RNM_RGB,
                                .divisor = 255,
                                .mean = {0.5f, 0.25f, 0.125f},
                                .std = {0.1f, 0.2f, 0.3f, 1}};
        float *found;
        assert_int_equal(run(&steps, 3, 5, 4, dims, &found, NULL), RNM_OK);
        for (int i = 0; i < 60; i++) {
            int channel = i / 20;
            float pixel = (float)pixels[3 * (i % 20) + (bgr ? 2 - channel : channel)];
            float expected = (pixel / 255 - steps.mean[channel]) / steps.std[channel];
            assert_true(found[i] == expected);
        }
        free(found);
    }
}

static void test_crop_and_pad(void **state) {
    (void)state;
    /* (size - crop) / 2 of 1.5, 0.5 and 2.5 goes to 2, 0 and 2. */
    static const struct {
        int size, crop, start;
    } cases[] = {{8, 5, 2}, {8, 7, 0}, {10, 5, 2}, {8, 8, 0}, {9, 5, 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int size = cases[i].size, crop = cases[i].crop;
        rnm_preprocess steps = {.color = RNM_GRAY,
                                .crop_height = crop,
                                .crop_width = crop,
                                .pad_top = 1,
                                .pad_left = 2,
                                .pad_bottom = 3,
                                .pad_right = 4,
                                .divisor = 1,
                                .mean = {1},
                                .std = {1, 1, 1, 1}};
        int64_t dims[] = {1, 1, crop + 4, crop + 6};
        uint8_t pixels[100];
        float *found;
        fill_noise(pixels, sizeof pixels);
        assert_int_equal(run(&steps, 1, size, size, dims, &found, NULL), RNM_OK);
        for (int y = 0; y < crop + 4; y++) {
            for (int x = 0; x < crop + 6; x++) {
                bool inside = y >= 1 && y < 1 + crop && x >= 2 && x < 2 + crop;
                int at = (y - 1 + cases[i].start) * size + x - 2 + cases[i].start;
                float expected = (inside ? (float)pixels[at] : 0.0f) - 1;
                assert_true(found[y * (crop + 6) + x] == expected);
            }
        }
        free(found);
    }
}

static void test_shorter_side(void **state) {
    (void)state;
    static const struct {
        int width, height, new_width, new_height;
    } cases[] = {{10, 7, 5, 4}, {7, 10, 4, 5}, {6, 6, 4, 4}, {3, 5, 4, 6}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        rnm_preprocess steps = {.color = RNM_RGB,
                                .resize = RNM_TO_SHORTER_SIDE,
                                .resize_height = 4,
                                .resize_width = 4,
                                .divisor = 1,
                                .std = {1, 1, 1, 1}};
        int64_t dims[] = {1, 3, cases[i].new_height, cases[i].new_width};
        float *found;
        assert_int_equal(run(&steps, 3, cases[i].width, cases[i].height, dims, &found, NULL),
                         RNM_OK);
        image picture = noise_image(3, cases[i].width, cases[i].height);
        assert_int_equal(resample_whole(&picture, dims[3], dims[2], NULL), RNM_OK);
        for (int64_t p = 0; p < dims[2] * dims[3]; p++) {
            assert_true(found[p] == (float)picture.pixels[3 * p]);
        }
        image_free(&picture);
        free(found);
    }
}

static void test_refusals(void **state) {
    (void)state;
    static const int64_t dims[] = {1, 3, 4, 4}, two[] = {2, 3, 4, 4};
    rnm_preprocess steps = {.color = RNM_RGB, .divisor = 1, .std = {1, 1, 1, 1}};
    rnm_error error = {0};
    float *numbers;
    assert_int_equal(run(&steps, 3, 4, 5, dims, &numbers, &error), RNM_ERR_SHAPE);
    assert_string_equal(error.text, "does not fit: the model wants 3 channels of 4 x 4 pixels, "
                                    "found 3 of 4 x 5 after preprocessing");
    free(numbers);
    steps.crop_height = steps.crop_width = 4;
    assert_int_equal(run(&steps, 3, 3, 5, dims, &numbers, &error), RNM_ERR_SHAPE);
    assert_non_null(strstr(error.text, "is too small"));
    free(numbers);
    assert_int_equal(run(&steps, 3, 4, 4, two, &numbers, &error), RNM_ERR_UNSUPPORTED);
    free(numbers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resample),
        cmocka_unit_test(test_resample_keeps_flat_images),
        cmocka_unit_test(test_resample_limits),
        cmocka_unit_test(test_resample_of_a_part),
        cmocka_unit_test(test_resample_of_a_strip),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_order_of_channels_and_normalisation),
        cmocka_unit_test(test_crop_and_pad),
        cmocka_unit_test(test_shorter_side),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
