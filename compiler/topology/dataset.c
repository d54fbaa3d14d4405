/* SPDX-License-Identifier: Apache-2.0
 *
 * From a data set's YAML to the record that a .rnm stores.
 */
#include "topology/dataset.h"

#include "error.h"
#include "topology/topology.h"

#include <string.h>
#include <strings.h>

static const char *const keys[] = {"dataset",      "names",  "about", "color",   "resize",
                                   "shorter_side", "crop",   "pads",  "divisor", "mean",
                                   "std",          "labels", NULL};

static const struct {
    const char *name;
    uint8_t color;
    int64_t channels;
} colors[] = {
    {"gray", RNM_COLOR_GRAY, 1},
    {"rgb", RNM_COLOR_RGB, 3},
    {"bgr", RNM_COLOR_BGR, 3},
};

static rnm_status read_color(const rnc_yaml *yaml, rnc_dataset *out, rnm_error *err) {
    const char *name;
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    rnm_status status = rnc_yaml_string(yaml, root, "color", true, &name, err);
    for (size_t k = 0; status == RNM_OK && k < sizeof colors / sizeof *colors; k++) {
        if (strcmp(colors[k].name, name) == 0) {
            out->preprocess.color = colors[k].color;
            out->channels = colors[k].channels;
            return RNM_OK;
        }
    }
    return status != RNM_OK ? status
                            : rnc_yaml_fail(yaml, rnc_yaml_get(root, "color"), "color", err,
                                            "must be gray, rgb or bgr, found `%s`", name);
}

/* Exactly `count` whole numbers from 0 up, or none at all. */
static rnm_status read_sizes(const rnc_yaml *yaml, const char *key, size_t count, uint32_t *out,
                             bool *given, rnm_error *err) {
    float values[4];
    size_t found;
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    rnm_status status = rnc_yaml_floats(yaml, root, key, count, values, &found, err);
    *given = found > 0;
    if (status != RNM_OK || found == 0) {
        return status;
    }
    for (size_t k = 0; k < found; k++) {
        if (!(values[k] >= 0 && values[k] <= 65536) || values[k] != (float)(uint32_t)values[k]) {
            return rnc_yaml_fail(yaml, rnc_yaml_get(root, key), key, err,
                                 "must hold whole numbers from 0 to 65536");
        }
        out[k] = (uint32_t)values[k];
    }
    return found == count ? RNM_OK
                          : rnc_yaml_fail(yaml, rnc_yaml_get(root, key), key, err,
                                          "must be %zu numbers", count);
}

static uint32_t least_of(const uint32_t sides[2]) {
    return sides[0] < sides[1] ? sides[0] : sides[1];
}

static rnm_status read_geometry(const rnc_yaml *yaml, rnc_dataset *out, rnm_error *err) {
    rnm_preprocess_rec *p = &out->preprocess;
    uint32_t resize[2] = {0};
    uint32_t shorter = 0;
    uint32_t crop[2] = {0};
    uint32_t pads[4] = {0};
    bool has_resize;
    bool has_shorter;
    bool has_crop;
    bool has_pads;
    rnm_status status;
    if ((status = read_sizes(yaml, "resize", 2, resize, &has_resize, err)) != RNM_OK ||
        (status = read_sizes(yaml, "shorter_side", 1, &shorter, &has_shorter, err)) != RNM_OK ||
        (status = read_sizes(yaml, "crop", 2, crop, &has_crop, err)) != RNM_OK ||
        (status = read_sizes(yaml, "pads", 4, pads, &has_pads, err)) != RNM_OK) {
        return status;
    }
    const struct {
        const char *key;
        bool given;
        uint32_t least;
    } sizes[] = {
        {"resize", has_resize, least_of(resize)},
        {"shorter_side", has_shorter, shorter},
        {"crop", has_crop, least_of(crop)},
    };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        if (sizes[k].given && sizes[k].least == 0) {
            return rnc_yaml_fail(yaml, rnc_yaml_get(rnc_yaml_root(yaml), sizes[k].key),
                                 sizes[k].key, err, "must be 1 or more");
        }
    }
    bool exact = has_resize && !has_shorter;
    if (exact == (has_shorter && has_crop && !has_resize)) {
        return rnc_yaml_fail(yaml, rnc_yaml_root(yaml), NULL, err,
                             "expected `resize: [height, width]`, or `shorter_side` with `crop`");
    }
    /* One side of every image is the shorter one, and either may be. */
    if (has_crop &&
        (exact ? crop[0] > resize[0] || crop[1] > resize[1] : least_of(crop) > shorter)) {
        return rnc_yaml_fail(yaml, rnc_yaml_get(rnc_yaml_root(yaml), "crop"), "crop", err,
                             "must not be larger than the resized image");
    }
    p->resize = exact ? RNM_RESIZE_EXACT : RNM_RESIZE_SHORTER;
    p->resize_height = exact ? resize[0] : shorter;
    p->resize_width = exact ? resize[1] : 0;
    p->crop_height = crop[0];
    p->crop_width = crop[1];
    p->pad_top = pads[0];
    p->pad_left = pads[1];
    p->pad_bottom = pads[2];
    p->pad_right = pads[3];
    out->height = (int64_t)(has_crop ? crop[0] : resize[0]) + pads[0] + pads[2];
    out->width = (int64_t)(has_crop ? crop[1] : resize[1]) + pads[1] + pads[3];
    return RNM_OK;
}

/* One value a channel, or one for all. */
static rnm_status read_channels(const rnc_yaml *yaml, const char *key, int64_t channels,
                                float otherwise, float *out, rnm_error *err) {
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    size_t count;
    for (size_t c = 0; c < 4; c++) {
        out[c] = otherwise;
    }
    rnm_status status = rnc_yaml_floats(yaml, root, key, (size_t)channels, out, &count, err);
    if (status != RNM_OK || count == 0) {
        return status;
    }
    if (count != 1 && count != (size_t)channels) {
        return rnc_yaml_fail(yaml, rnc_yaml_get(root, key), key, err,
                             "must be one number, or one a channel");
    }
    for (size_t c = count; c < (size_t)channels; c++) {
        out[c] = out[0];
    }
    return RNM_OK;
}

static rnm_status read_values(const rnc_yaml *yaml, rnc_dataset *out, rnm_error *err) {
    rnm_preprocess_rec *p = &out->preprocess;
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    size_t count;
    p->divisor = 1.0f;
    rnm_status status;
    if ((status = rnc_yaml_floats(yaml, root, "divisor", 1, &p->divisor, &count, err)) != RNM_OK ||
        (status = read_channels(yaml, "mean", out->channels, 0.0f, p->mean, err)) != RNM_OK ||
        (status = read_channels(yaml, "std", out->channels, 1.0f, p->std, err)) != RNM_OK) {
        return status;
    }
    if (p->divisor == 0.0f) {
        return rnc_yaml_fail(yaml, rnc_yaml_get(root, "divisor"), "divisor", err, "must not be 0");
    }
    for (int64_t c = 0; c < out->channels; c++) {
        if (p->std[c] == 0.0f) {
            return rnc_yaml_fail(yaml, rnc_yaml_get(root, "std"), "std", err, "must not be 0");
        }
    }
    return RNM_OK;
}

static const char *copy_text(rnc_arena *arena, const char *text, rnm_error *err) {
    return rnc_arena_text(arena, text, strlen(text), err);
}

static rnm_status read_labels(const rnc_yaml *yaml, rnc_arena *arena, rnc_dataset *out,
                              rnm_error *err) {
    const rnc_yaml_node *list = rnc_yaml_get(rnc_yaml_root(yaml), "labels");
    if (list == NULL) {
        return RNM_OK;
    }
    if (!rnc_yaml_is_list(list)) {
        return rnc_yaml_fail(yaml, list, "labels", err, "must be a list of names");
    }
    size_t count = rnc_yaml_count(list);
    const char **labels = rnc_arena_array(arena, count, sizeof *labels, err);
    for (size_t k = 0; labels != NULL && k < count; k++) {
        const rnc_yaml_node *item = rnc_yaml_item(list, k);
        if (!rnc_yaml_is_scalar(item)) {
            return rnc_yaml_fail(yaml, item, "labels", err, "must be a list of names");
        }
        labels[k] = copy_text(arena, rnc_yaml_text(item), err);
        if (labels[k] == NULL) {
            return RNM_ERR_MEMORY;
        }
    }
    out->labels = labels;
    out->label_count = count;
    return labels == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static rnm_status read_dataset(const rnc_yaml *yaml, rnc_arena *arena, rnc_dataset *out,
                               rnm_error *err) {
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    const char *name;
    rnm_status status;
    *out = (rnc_dataset){.name = NULL};
    if ((status = rnc_yaml_only_keys(yaml, root, keys, err)) != RNM_OK ||
        (status = rnc_yaml_string(yaml, root, "dataset", true, &name, err)) != RNM_OK ||
        (status = read_color(yaml, out, err)) != RNM_OK ||
        (status = read_geometry(yaml, out, err)) != RNM_OK ||
        (status = read_values(yaml, out, err)) != RNM_OK ||
        (status = read_labels(yaml, arena, out, err)) != RNM_OK) {
        return status;
    }
    out->name = copy_text(arena, name, err);
    return out->name == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

/* True when the document goes by that name, in any case. */
static bool called(const rnc_yaml *yaml, const char *file_name, const char *name) {
    const rnc_yaml_node *names = rnc_yaml_get(rnc_yaml_root(yaml), "names");
    bool found = strcasecmp(file_name, name) == 0;
    for (size_t k = 0; names != NULL && rnc_yaml_is_list(names) && k < rnc_yaml_count(names); k++) {
        const rnc_yaml_node *item = rnc_yaml_item(names, k);
        found = found || (rnc_yaml_is_scalar(item) && strcasecmp(rnc_yaml_text(item), name) == 0);
    }
    return found;
}

/* The document of a name that the library knows; *out stays NULL for another. */
static rnm_status open_known(const char *name, rnc_yaml **out, rnm_error *err) {
    *out = NULL;
    for (size_t k = 0; k < rnc_embedded_dataset_count; k++) {
        const rnc_embedded *file = &rnc_embedded_datasets[k];
        rnc_yaml *yaml;
        rnm_status status = rnc_yaml_parse(file->text, file->size, file->name, &yaml, err);
        if (status != RNM_OK) {
            return status;
        }
        if (called(yaml, file->name, name)) {
            *out = yaml;
            return RNM_OK;
        }
        rnc_yaml_close(yaml);
    }
    return RNM_OK;
}

bool rnc_dataset_known(const char *name) {
    rnc_yaml *yaml;
    bool known = open_known(name, &yaml, NULL) == RNM_OK && yaml != NULL;
    if (known) {
        rnc_yaml_close(yaml);
    }
    return known;
}

rnm_status rnc_dataset_find(const char *name, rnc_arena *arena, rnc_dataset *out, rnm_error *err) {
    rnc_yaml *yaml;
    rnm_status status = open_known(name, &yaml, err);
    if (status != RNM_OK) {
        return status;
    }
    if (yaml == NULL && strchr(name, '.') == NULL && strchr(name, '/') == NULL) {
        return rnm_fail(err, RNM_ERR_ARGUMENT,
                        "no data set is called `%s`; a YAML file can describe one", name);
    }
    if (yaml == NULL) {
        status = rnc_yaml_open(name, &yaml, err);
    }
    if (status == RNM_OK) {
        status = read_dataset(yaml, arena, out, err);
        rnc_yaml_close(yaml);
    }
    return status;
}

rnm_status rnc_dataset_parse(const char *text, size_t size, const char *name, rnc_arena *arena,
                             rnc_dataset *out, rnm_error *err) {
    rnc_yaml *yaml;
    rnm_status status = rnc_yaml_parse(text, size, name, &yaml, err);
    if (status == RNM_OK) {
        status = read_dataset(yaml, arena, out, err);
        rnc_yaml_close(yaml);
    }
    return status;
}

void rnc_dataset_resize(rnc_dataset *dataset, int64_t height, int64_t width) {
    rnm_preprocess_rec *p = &dataset->preprocess;
    uint32_t inner_height = (uint32_t)height - p->pad_top - p->pad_bottom;
    uint32_t inner_width = (uint32_t)width - p->pad_left - p->pad_right;
    if (p->resize == RNM_RESIZE_EXACT) {
        p->resize_height = inner_height;
        p->resize_width = inner_width;
    } else {
        uint32_t shorter_crop = p->crop_height < p->crop_width ? p->crop_height : p->crop_width;
        uint32_t shorter = inner_height < inner_width ? inner_height : inner_width;
        p->resize_height =
            (uint32_t)(((uint64_t)p->resize_height * shorter + shorter_crop / 2) / shorter_crop);
    }
    if (p->crop_height > 0) {
        p->crop_height = inner_height;
        p->crop_width = inner_width;
    }
    dataset->height = height;
    dataset->width = width;
}

const char *rnc_dataset_name(int index) {
    return index >= 0 && (size_t)index < rnc_embedded_dataset_count
               ? rnc_embedded_datasets[index].name
               : NULL;
}
