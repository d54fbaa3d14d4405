/* SPDX-License-Identifier: Apache-2.0
 *
 * How images are prepared.
 */
#include "preparation.h"

#include "error.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 65536 };

static bool read_side(const char **text, int *out) {
    char *end;
    if (!isdigit((unsigned char)**text)) {
        return false;
    }
    long number = strtol(*text, &end, 10);
    if (number < 1 || number > SIDE_MOST) {
        return false;
    }
    *out = (int)number;
    *text = end;
    return true;
}

rnm_status preparation_size(const char *option, const char *text, int *height, int *width,
                            rnm_error *error) {
    const char *rest = text;
    *height = *width = 0;
    if (strcmp(text, "none") == 0) {
        return RNM_OK;
    }
    bool good = read_side(&rest, height);
    if (good && *rest == 'x') {
        rest++;
        good = read_side(&rest, width);
    }
    if (good && *rest == '\0') {
        return RNM_OK;
    }
    return rnm_fail(error, RNM_ERR_ARGUMENT,
                    "%s is a size such as 224 or 224x224, sides from 1 to %d, or none; found '%s'",
                    option, SIDE_MOST, text);
}

/* One number for all channels, or one a channel. */
static rnm_status read_numbers(const char *option, const char *text, int channels, bool zero_is_bad,
                               float *out, rnm_error *error) {
    const char *rest = text;
    int count = 0;
    bool good = true;
    while (good && count < channels) {
        char *end;
        float number = strtof(rest, &end);
        good = end != rest && isfinite(number) && !(zero_is_bad && number == 0);
        out[count++] = number;
        rest = end;
        if (*rest != ',') {
            break;
        }
        rest++;
    }
    if (!good || *rest != '\0' || rest[-1] == ',' || (count != 1 && count != channels)) {
        return rnm_fail(error, RNM_ERR_ARGUMENT,
                        "%s is a number%s, or %d between commas; found '%s'", option,
                        zero_is_bad ? " other than 0" : "", channels, text);
    }
    for (int c = count; c < channels; c++) {
        out[c] = out[0];
    }
    return RNM_OK;
}

static bool any_given(const preparation *given) {
    return given->resize != NULL || given->crop != NULL || given->mean != NULL ||
           given->std != NULL || given->divisor != NULL || given->color != 0;
}

/* Steps for a model that says nothing. */
static rnm_status make_up(const preparation *given, const rnm_value_info *input,
                          rnm_preprocess *out, rnm_error *error) {
    if (!any_given(given)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "does not say how an image becomes its input '%s'; say it with --resize, "
                        "--crop, --channels, --divisor, --mean and --std (one of them is enough), "
                        "or give numbers: --input '%s=FILE.npy'",
                        input->name, input->name);
    }
    if (input->rank != 4 || (input->dims[1] != 1 && input->dims[1] != 3)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "takes no image: its input '%s' is not of dims N, 1 or 3, H, W; give "
                        "numbers: --input '%s=FILE.npy'",
                        input->name, input->name);
    }
    *out = (rnm_preprocess){.dataset = "",
                            .color = input->dims[1] == 1 ? RNM_GRAY : RNM_RGB,
                            .divisor = 255,
                            .std = {1, 1, 1, 1}};
    if (given->crop == NULL && input->dims[2] > 0 && input->dims[3] > 0) {
        out->resize = RNM_TO_SIZE;
        out->resize_height = (int)input->dims[2];
        out->resize_width = (int)input->dims[3];
    }
    return RNM_OK;
}

static rnm_status set_sizes(const preparation *given, rnm_preprocess *out, rnm_error *error) {
    rnm_status status = RNM_OK;
    if (given->resize != NULL) {
        status = preparation_size("--resize", given->resize, &out->resize_height,
                                  &out->resize_width, error);
        out->resize = out->resize_height == 0  ? RNM_KEEP_SIZE
                      : out->resize_width == 0 ? RNM_TO_SHORTER_SIDE
                                               : RNM_TO_SIZE;
    }
    if (status == RNM_OK && given->crop != NULL) {
        status =
            preparation_size("--crop", given->crop, &out->crop_height, &out->crop_width, error);
        out->crop_width = out->crop_width == 0 ? out->crop_height : out->crop_width;
    }
    return status;
}

static rnm_status set_numbers(const preparation *given, rnm_preprocess *out, rnm_error *error) {
    const struct {
        const char *option, *text;
        bool zero_is_bad;
        int channels;
        float *to;
    } rows[] = {
        {"--mean", given->mean, false, out->color == RNM_GRAY ? 1 : 3, out->mean},
        {"--std", given->std, true, out->color == RNM_GRAY ? 1 : 3, out->std},
        {"--divisor", given->divisor, true, 1, &out->divisor},
    };
    rnm_status status = RNM_OK;
    for (size_t i = 0; status == RNM_OK && i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].text != NULL) {
            status = read_numbers(rows[i].option, rows[i].text, rows[i].channels,
                                  rows[i].zero_is_bad, rows[i].to, error);
        }
    }
    return status;
}

rnm_status preparation_steps(const preparation *given, const rnm_preprocess *own,
                             const rnm_value_info *input, rnm_preprocess *out, rnm_error *error) {
    rnm_status status = RNM_OK;
    if (own != NULL) {
        *out = *own;
    } else {
        status = make_up(given, input, out, error);
    }
    if (status == RNM_OK && given->color != 0) {
        out->color = (rnm_color)given->color;
    }
    if (status == RNM_OK) {
        status = set_sizes(given, out, error);
    }
    return status == RNM_OK ? set_numbers(given, out, error) : status;
}
