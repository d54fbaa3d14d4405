/* SPDX-License-Identifier: Apache-2.0
 *
 * Parents are transposed in tiles of inputs; masks and zeros are packed a panel at a time.
 */
#include "write/emit.h"

#include "half.h"

#include <stdlib.h>
#include <string.h>

enum { TILE_BYTES = 4 << 20 };

static rnm_status no_memory(const rnc_file *file, const rnm_tensor_rec *record, rnm_error *err) {
    return rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to write a tensor of %llu bytes",
                    file->target, (unsigned long long)record->length);
}

/* ---- parents --------------------------------------------------------------------------------- */

/* The size of what is stored as a parent: the parent's own, or the child's where random kernels
 * make it a dense weight. */
typedef struct parent_size {
    uint32_t outputs;
    uint32_t inputs;
} parent_size;

static parent_size stored_size(const rnc_child *child) {
    return child->transform == RNC_RANDOM ? (parent_size){child->co, child->ci}
                                          : (parent_size){child->po, child->pi};
}

/* Elements [first, first + count) of output `o`. `rows` and `row`, which has room for a row of the
 * child, are needed for random kernels only. */
static void read_slice(rnc_child_rows *rows, const rnc_child *child, uint32_t o, size_t first,
                       size_t count, float *row, float *dst) {
    if (child->transform == RNC_RANDOM) {
        rnc_child_row(rows, o, row);
        memcpy(dst, row + first, count * sizeof *dst);
        return;
    }
    size_t length = (size_t)child->pi * child->taps;
    rnc_tensor_copy_f32(child->parent, (int64_t)(o * length + first), (int64_t)count, dst);
}

/* Rounds to the stored type, in place; returns the bytes that result. */
static size_t pack(float *values, size_t count, rnm_dtype dtype) {
    if (dtype == RNM_F32) {
        return count * sizeof *values;
    }
    uint16_t *halves = (uint16_t *)(void *)values;
    for (size_t k = 0; k < count; k++) {
        uint16_t half = dtype == RNM_F16 ? rnm_f32_to_f16(values[k]) : rnm_f32_to_bf16(values[k]);
        memcpy(&halves[k], &half, sizeof half);
    }
    return count * sizeof *halves;
}

static rnm_status emit_parent(rnc_file *file, const rnm_tensor_rec *record, const rnc_child *child,
                              rnm_error *err) {
    const size_t taps = child->taps;
    const parent_size size = stored_size(child);
    size_t tile = TILE_BYTES / sizeof(float) / taps / size.outputs;
    tile = tile == 0 ? 1 : tile > size.inputs ? size.inputs : tile;
    rnm_status status = RNM_OK;
    bool random = child->transform == RNC_RANDOM; /* else a child may be huge, its parent small */
    rnc_child_rows *rows = random ? rnc_child_rows_open(child, RNM_F32) : NULL;
    float *row = random ? malloc((size_t)child->ci * taps * sizeof *row) : NULL;
    float *slices = malloc(size.outputs * tile * taps * sizeof *slices);
    float *turned = malloc(size.outputs * sizeof *turned);
    if ((random && (rows == NULL || row == NULL)) || slices == NULL || turned == NULL) {
        status = no_memory(file, record, err);
        goto done;
    }
    for (size_t first = 0; first < size.inputs && status == RNM_OK; first += tile) {
        size_t inputs = size.inputs - first < tile ? size.inputs - first : tile;
        size_t length = inputs * taps;
        for (uint32_t o = 0; o < size.outputs; o++) {
            read_slice(rows, child, o, first * taps, length, row, slices + o * length);
        }
        for (size_t k = 0; k < length && status == RNM_OK; k++) {
            for (uint32_t o = 0; o < size.outputs; o++) {
                turned[o] = slices[o * length + k];
            }
            size_t bytes = pack(turned, size.outputs, (rnm_dtype)record->dtype);
            status = rnc_file_write(file, turned, bytes, err);
        }
    }
done:
    rnc_child_rows_close(rows);
    free(row);
    free(slices);
    free(turned);
    return status;
}

/* ---- masks and zeros ------------------------------------------------------------------------- */

/* The bits of one panel: a word for each (input, tap). */
typedef struct panel_bits {
    size_t words;
    uint32_t *set;  /* flips or drops */
    uint32_t *zero; /* signs of zero */
    bool *row_set;
    bool *row_zero;
} panel_bits;

static bool panel_open(panel_bits *panel, const rnc_child *child) {
    size_t words = (size_t)child->ci * child->taps;
    *panel = (panel_bits){.words = words,
                          .set = malloc(words * sizeof(uint32_t)),
                          .zero = malloc(words * sizeof(uint32_t)),
                          .row_set = malloc(words),
                          .row_zero = malloc(words)};
    return panel->set != NULL && panel->zero != NULL && panel->row_set != NULL &&
           panel->row_zero != NULL;
}

static void panel_close(panel_bits *panel) {
    free(panel->set);
    free(panel->zero);
    free(panel->row_set);
    free(panel->row_zero);
}

/* Collects outputs [first, first + outputs). */
static void panel_fill(panel_bits *panel, rnc_child_rows *rows, const rnc_child *child,
                       uint32_t first, uint32_t outputs) {
    memset(panel->set, 0, panel->words * sizeof(uint32_t));
    memset(panel->zero, 0, panel->words * sizeof(uint32_t));
    memset(panel->row_zero, 0, panel->words);
    for (uint32_t b = 0; b < outputs; b++) {
        if (child->transform == RNC_DROP) {
            rnc_child_dropped(rows, first + b, panel->row_set);
        } else {
            rnc_child_signs(rows, first + b, panel->row_set, panel->row_zero);
        }
        for (size_t k = 0; k < panel->words; k++) {
            panel->set[k] |= (uint32_t)panel->row_set[k] << b;
            panel->zero[k] |= (uint32_t)panel->row_zero[k] << b;
        }
    }
}

/* Words of `width` bytes, little-endian. */
static rnm_status write_words(rnc_file *file, uint32_t *words, size_t count, size_t width,
                              rnm_error *err) {
    uint8_t *bytes = (uint8_t *)words;
    for (size_t k = 0; k < count; k++) {
        memmove(bytes + k * width, &words[k], width); /* never ahead of what is still to be read */
    }
    return rnc_file_write(file, bytes, count * width, err);
}

static rnm_status write_positions(rnc_file *file, const panel_bits *panel, uint64_t first_bit,
                                  size_t width, rnm_error *err) {
    rnm_status status = RNM_OK;
    for (size_t k = 0; k < panel->words && status == RNM_OK; k++) {
        for (uint32_t left = panel->zero[k]; left != 0 && status == RNM_OK; left &= left - 1) {
            uint64_t bit = first_bit + 8 * width * k + (unsigned)__builtin_ctz(left);
            uint32_t position = (uint32_t)bit;
            status = rnc_file_write(file, &position, sizeof position, err);
        }
    }
    return status;
}

static rnm_status emit_bits(rnc_file *file, const rnm_tensor_rec *record, const rnc_child *child,
                            rnm_error *err) {
    rnm_status status = RNM_OK;
    panel_bits panel = {.words = 0};
    rnc_child_rows *rows = rnc_child_rows_open(child, RNM_F32);
    uint64_t first_bit = 0;
    if (!panel_open(&panel, child) || rows == NULL) {
        status = no_memory(file, record, err);
        goto done;
    }
    for (uint32_t first = 0; first < child->co && status == RNM_OK; first += RNM_PANEL) {
        uint32_t outputs = child->co - first < RNM_PANEL ? child->co - first : RNM_PANEL;
        size_t width = (outputs + 7) / 8;
        panel_fill(&panel, rows, child, first, outputs);
        if (record->role == RNM_ROLE_ZERO_LIST) {
            status = write_positions(file, &panel, first_bit, width, err);
        } else {
            uint32_t *words = record->role == RNM_ROLE_MASK ? panel.set : panel.zero;
            status = write_words(file, words, panel.words, width, err);
        }
        first_bit += 8 * (uint64_t)width * panel.words;
    }
done:
    rnc_child_rows_close(rows);
    panel_close(&panel);
    return status;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static rnm_status emit_betas(rnc_file *file, const rnm_tensor_rec *record, const rnc_child *child,
                             rnm_error *err) {
    rnm_status status = RNM_OK;
    for (uint64_t k = 0; k < record->dims[0] && status == RNM_OK; k++) {
        float pair[2];
        rnc_child_pair(child, k, &pair[0], &pair[1]);
        status = rnc_file_write(file, pair, sizeof pair, err);
    }
    return status;
}

/* Element types and order stay as they are. */
static rnm_status emit_constant(rnc_file *file, const rnc_tensor *tensor, rnm_error *err) {
    uint8_t bytes[4096];
    const int64_t most = (int64_t)(sizeof bytes / rnm_dtype_size(tensor->dtype));
    int64_t left = rnc_tensor_elements(tensor);
    rnm_status status = RNM_OK;
    for (int64_t first = 0; left > 0 && status == RNM_OK; first += most, left -= most) {
        int64_t count = left < most ? left : most;
        rnc_tensor_copy(tensor, first, count, bytes);
        status = rnc_file_write(file, bytes, (size_t)count * rnm_dtype_size(tensor->dtype), err);
    }
    return status;
}

rnm_status rnc_emit_tensor(rnc_file *file, const rnm_tensor_rec *record, const rnc_stored *stored,
                           rnm_error *err) {
    switch (record->role) {
    case RNM_ROLE_PARENT:
        return emit_parent(file, record, stored->child, err);
    case RNM_ROLE_BETAS:
        return emit_betas(file, record, stored->child, err);
    case RNM_ROLE_MASK:
    case RNM_ROLE_ZERO_LIST:
    case RNM_ROLE_ZERO_PLANE:
        return emit_bits(file, record, stored->child, err);
    case RNM_ROLE_CONSTANT:
        return emit_constant(file, stored->tensor, err);
    default:
        return rnc_file_write(file, stored->channel, (size_t)record->length, err);
    }
}
