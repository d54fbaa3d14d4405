/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding symbols without arrays.
 */
#include "sizes.h"

#include "error.h"

#include <stdlib.h>

enum { HEIGHT = 2, WIDTH = 3, IMAGE_RANK = 4 };

static bool is_image(const rnm_value_info *input) {
    return input->rank == IMAGE_RANK && input->dtype == RNM_F32;
}

/* Sets the symbol that stands at an axis of an input; true where that changes it. */
static bool bind(const rnm_value_info *input, int axis, int64_t size, int64_t *symbols) {
    int64_t dim = input->dims[axis];
    bool changes = dim < 0 && symbols[-1 - dim] != size;
    if (changes) {
        symbols[-1 - dim] = size;
    }
    return changes;
}

bool sizes_open(const rnm_model *model) {
    bool open = false;
    for (int i = 0; i < rnm_model_input_count(model); i++) {
        const rnm_value_info *input = rnm_model_input(model, i);
        open = open || (is_image(input) && (input->dims[HEIGHT] < 0 || input->dims[WIDTH] < 0));
    }
    return open;
}

bool sizes_of_image(const rnm_model *model, int64_t height, int64_t width, int64_t *symbols) {
    const rnm_value_info *input = rnm_model_input(model, 0);
    if (!is_image(input)) {
        return false;
    }
    bool higher = bind(input, HEIGHT, height, symbols);
    return bind(input, WIDTH, width, symbols) || higher;
}

static rnm_status check_size(const rnrun_settings *settings, bool open, bool sized,
                             rnm_error *error) {
    const char *path = settings->files.items[0];
    if (settings->input_size != NULL && !(open && sized)) {
        return rnm_fail(error, RNM_ERR_ARGUMENT, "--input-size: %s: %s", path,
                        sized ? "its height and width are numbers" : "its inputs tell their sizes");
    }
    if (settings->input_size == NULL && open && sized) {
        return rnm_fail(error, RNM_ERR_ARGUMENT,
                        "%s: takes images of any height and width; say which with "
                        "--input-size=HxW",
                        path);
    }
    return RNM_OK;
}

rnm_status sizes_bind(rnrun_settings *settings, const rnm_model *model, bool sized,
                      rnm_error *error) {
    int count = rnm_model_symbol_count(model);
    int height = 1, width = 1;
    bool open = sizes_open(model);
    rnm_status status = check_size(settings, open, sized, error);
    if (status == RNM_OK && settings->input_size != NULL) {
        status = preparation_size("--input-size", settings->input_size, &height, &width, error);
        width = width == 0 ? height : width;
    }
    if (status == RNM_OK && settings->input_size != NULL && height == 0) {
        status = rnm_fail(error, RNM_ERR_ARGUMENT, "--input-size is a size such as 224 or 224x224");
    }
    if (status != RNM_OK || count == 0) {
        return status;
    }
    settings->symbols = malloc((size_t)count * sizeof *settings->symbols);
    if (settings->symbols == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory for %d symbols", count);
    }
    settings->symbol_count = count;
    for (int s = 0; s < count; s++) { /* one that is alone is the batch, wherever it stands */
        settings->symbols[s] = count == 1 && sized && !open ? settings->bench_batch : 1;
    }
    for (int i = 0; i < rnm_model_input_count(model); i++) {
        const rnm_value_info *input = rnm_model_input(model, i);
        if (input->rank > 0 && sized) {
            bind(input, 0, settings->bench_batch, settings->symbols);
        }
        if (is_image(input)) {
            bind(input, HEIGHT, height, settings->symbols);
            bind(input, WIDTH, width, settings->symbols);
        }
    }
    return RNM_OK;
}
