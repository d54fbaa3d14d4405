/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture of what a .rnm stores: sizes at the right, the sharing of parents at the left.
 */
#include "svg.h"

#include "error.h"
#include "whole_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Pixels; a page is 960 wide, which a README shows at about its own size. */
enum {
    PAGE_WIDTH = 960,
    ROW = 20,
    TOP = 96,
    BOTTOM = 34,
    LANE = 11,
    LANES_LEFT = 14,
    LANES_MOST = 12, /* more groups at once share lanes */
    NAMES_LEFT_LEAST = 24,
    SHAPE_AFTER_NAME = 158,
    TRANSFORM_AFTER_NAME = 252,
    BARS_AFTER_NAME = 310,
    FIGURES_LEFT = PAGE_WIDTH - 176,
    BAR_DENSE = 14,
    BAR_STORED = 8,
    NAME_LETTERS = 22,
};

/* Told apart by people who do not see red and green as others do, too. */
static const char *const lane_colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#b8860b", "#56b4e9", "#7a4fbf", "#555555"};

enum { COLORS = sizeof lane_colors / sizeof *lane_colors };

/* What is stored, in the order of the bar; and how the legend calls it. */
static const struct {
    const char *label, *color;
} parts[] = {{"parent", "#1b5e9b"}, {"betas", "#d98a00"}, {"masks", "#3f9b57"}};

enum { PARTS = sizeof parts / sizeof *parts };

/* Layers with one parent: the first stores it. */
typedef struct group {
    size_t first, last, members;
    int lane;
} group;

typedef struct drawing {
    FILE *out;
    const rnc_model_info *info;
    group *groups;
    size_t group_count;
    int lanes;
    int names_left, bars_left, bars_right;
    double log_least, log_most;
} drawing;

static void put_text(FILE *out, const char *text, size_t most) {
    size_t letters = 0;
    for (; *text != '\0'; text++) {
        /* Bytes of one UTF-8 letter stay together. */
        if (((unsigned char)*text & 0xc0) != 0x80 && letters++ == most) {
            fputs("…", out);
            return;
        }
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        default:
            fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
        }
    }
}

static int row_middle(size_t layer) {
    return TOP + (int)layer * ROW + ROW / 2;
}

static uint64_t part_bytes(const rnc_layer_info *layer, int part) {
    const uint64_t bytes[PARTS] = {layer->parent_bytes, layer->beta_bytes, layer->mask_bytes};
    return bytes[part];
}

static uint64_t stored_bytes(const rnc_layer_info *layer) {
    return layer->parent_bytes + layer->beta_bytes + layer->mask_bytes;
}

/* ---- sharing --------------------------------------------------------------------------------- */

/* Layers sorted by parent, then by number. */
typedef struct by_parent {
    const char *parent;
    size_t layer;
} by_parent;

static int compare_parents(const void *a, const void *b) {
    const by_parent *first = a, *second = b;
    int order = strcmp(first->parent, second->parent);
    return order != 0 ? order : (first->layer > second->layer) - (first->layer < second->layer);
}

static int compare_groups(const void *a, const void *b) {
    const group *first = a, *second = b;
    return (first->first > second->first) - (first->first < second->first);
}

static rnm_status find_groups(drawing *d, rnm_error *error) {
    size_t count = d->info->layer_count;
    by_parent *sorted = calloc(count + 1, sizeof *sorted);
    d->groups = calloc(count + 1, sizeof *d->groups);
    if (sorted == NULL || d->groups == NULL) {
        free(sorted);
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory to draw %zu layers", count);
    }
    for (size_t k = 0; k < count; k++) {
        sorted[k] = (by_parent){d->info->layers[k].parent, k};
    }
    qsort(sorted, count, sizeof *sorted, compare_parents);
    for (size_t k = 0; k < count; k++) {
        if (k == 0 || strcmp(sorted[k - 1].parent, sorted[k].parent) != 0) {
            d->groups[d->group_count++] = (group){.first = sorted[k].layer};
        }
        group *own = &d->groups[d->group_count - 1];
        own->last = sorted[k].layer;
        own->members++;
    }
    free(sorted);
    qsort(d->groups, d->group_count, sizeof *d->groups, compare_groups);
    return RNM_OK;
}

/* The first lane that is free where the group starts, the nearest to the names first. */
static void choose_lanes(drawing *d) {
    size_t busy_until[LANES_MOST] = {0};
    bool used[LANES_MOST] = {false};
    for (size_t g = 0; g < d->group_count; g++) {
        group *own = &d->groups[g];
        if (own->members < 2) {
            continue;
        }
        int lane = 0;
        while (lane < LANES_MOST - 1 && used[lane] && busy_until[lane] >= own->first) {
            lane++;
        }
        used[lane] = true;
        busy_until[lane] = own->last;
        own->lane = lane;
        d->lanes = lane + 1 > d->lanes ? lane + 1 : d->lanes;
    }
}

static const char *group_color(size_t index) {
    return lane_colors[index % COLORS];
}

static void draw_group(const drawing *d, size_t index, size_t color) {
    const group *own = &d->groups[index];
    const char *parent = d->info->layers[own->first].parent;
    int right = d->names_left - 8;
    int x = right - 6 - own->lane * LANE;
    fprintf(d->out,
            "<g stroke=\"%s\" fill=\"none\" stroke-width=\"1.6\"><path d=\"M%d %dH%dV%dH%d\"/>\n",
            group_color(color), right, row_middle(own->first), x, row_middle(own->last), right);
    for (size_t k = own->first; k <= own->last; k++) {
        if (strcmp(d->info->layers[k].parent, parent) != 0) {
            continue;
        }
        int y = row_middle(k);
        if (k == own->first) {
            fprintf(d->out, "<circle cx=\"%d\" cy=\"%d\" r=\"3.4\" fill=\"%s\"/>\n", right, y,
                    group_color(color));
        } else {
            fprintf(d->out, "<path d=\"M%d %dH%dm-4 -3.5l4 3.5l-4 3.5\"/>\n", x, y, right + 3);
        }
    }
    fprintf(d->out, "</g>\n");
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void choose_scale(drawing *d) {
    uint64_t most = 1000, least = UINT64_MAX;
    for (size_t k = 0; k < d->info->layer_count; k++) {
        const rnc_layer_info *layer = &d->info->layers[k];
        uint64_t stored = stored_bytes(layer);
        most = layer->dense_bytes > most ? layer->dense_bytes : most;
        most = stored > most ? stored : most;
        least = layer->dense_bytes < least ? layer->dense_bytes : least;
        least = stored > 0 && stored < least ? stored : least;
    }
    least = least < 10 || least == UINT64_MAX ? 10 : least;
    d->log_least = floor(log10((double)least));
    d->log_most = log10((double)most);
    if (d->log_most < d->log_least + 1) {
        d->log_most = d->log_least + 1;
    }
}

static double scale_x(const drawing *d, uint64_t bytes) {
    double place =
        bytes == 0 ? 0 : (log10((double)bytes) - d->log_least) / (d->log_most - d->log_least);
    return d->bars_left + fmin(fmax(place, 0), 1) * (d->bars_right - d->bars_left);
}

/* A line at every power of ten. */
static void draw_scale(const drawing *d, int bottom) {
    static const char *const units[] = {"B", "kB", "MB", "GB"};
    for (int power = (int)d->log_least; power <= (int)floor(d->log_most); power++) {
        int thousand = power / 3 < 3 ? power / 3 : 3;
        double x = scale_x(d, (uint64_t)pow(10, power));
        fprintf(d->out,
                "<path d=\"M%.1f %dV%d\" stroke=\"#d4d4d4\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"s\">%.0f %s</text>\n",
                x, TOP - 4, bottom, x, TOP - 9, pow(10, power - 3 * thousand), units[thousand]);
    }
}

static void format_size(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"B", "kB", "MB", "GB"};
    double amount = (double)bytes;
    int unit = 0;
    while (amount >= 999.5 && unit < 3) {
        amount /= 1000;
        unit++;
    }
    snprintf(text, 32, "%.*f %s", unit == 0 || amount >= 99.95 ? 0 : 1, amount, units[unit]);
}

/* On a logarithmic scale lengths do not add up, so the parts of a stored bar share its length as
 * they share its bytes. */
static void draw_stored(const drawing *d, const rnc_layer_info *layer, int y) {
    uint64_t stored = stored_bytes(layer);
    double x = d->bars_left, length = scale_x(d, stored) - x;
    for (int part = 0; part < PARTS && stored > 0; part++) {
        double width = length * (double)part_bytes(layer, part) / (double)stored;
        if (width > 0) {
            fprintf(d->out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
                    x, y - BAR_STORED / 2, width, BAR_STORED, parts[part].color);
        }
        x += width;
    }
}

static void draw_layer(const drawing *d, size_t index) {
    const rnc_layer_info *layer = &d->info->layers[index];
    uint64_t stored = stored_bytes(layer);
    char dense_text[32], stored_text[32];
    int y = row_middle(index);
    fprintf(d->out, "<text x=\"%d\" y=\"%d\">", d->names_left, y + 4);
    put_text(d->out, layer->name, NAME_LETTERS);
    fprintf(d->out, "</text><text x=\"%d\" y=\"%d\" class=\"s\">", d->names_left + SHAPE_AFTER_NAME,
            y + 4);
    for (int k = 0; k < layer->rank; k++) {
        fprintf(d->out, "%s%" PRIu32, k == 0 ? "" : "×", layer->child[k]);
    }
    fprintf(d->out, "</text><text x=\"%d\" y=\"%d\" class=\"s\">%s</text>\n",
            d->names_left + TRANSFORM_AFTER_NAME, y + 4, layer->transform);
    fprintf(d->out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#c9ced6\"/>",
            d->bars_left, y - BAR_DENSE / 2, scale_x(d, layer->dense_bytes) - d->bars_left,
            BAR_DENSE);
    draw_stored(d, layer, y);
    format_size(layer->dense_bytes, dense_text);
    format_size(stored, stored_text);
    fprintf(d->out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"s\">%s</text>",
            FIGURES_LEFT + 62, y + 4, stored_text, FIGURES_LEFT + 126, y + 4, dense_text);
    if (stored > 0) {
        const double times = (double)layer->dense_bytes / (double)stored;
        fprintf(d->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"s\">%.*f×</text>\n",
                PAGE_WIDTH - 4, y + 4,
                times < 10.0    ? 2
                : times < 100.0 ? 1
                                : 0,
                times);
    }
}

/* ---- the page -------------------------------------------------------------------------------- */

static void draw_head(const drawing *d, const char *title) {
    char file[32], dense[32];
    int x = d->bars_left;
    format_size(d->info->file_bytes, file);
    format_size(d->info->dense_bytes, dense);
    fprintf(d->out, "<text x=\"14\" y=\"26\" class=\"t\">");
    put_text(d->out, title, 80);
    fprintf(
        d->out,
        "</text>\n<text x=\"14\" y=\"46\" class=\"s\">%s on disk, %s expanded: %.3g times</text>\n",
        file, dense,
        (double)d->info->dense_bytes / (double)(d->info->file_bytes + !d->info->file_bytes));
    for (int part = 0; part < PARTS; part++, x += 74) {
        fprintf(d->out,
                "<rect x=\"%d\" y=\"56\" width=\"12\" height=\"8\" fill=\"%s\"/>"
                "<text x=\"%d\" y=\"64\" class=\"s\">%s</text>\n",
                x, parts[part].color, x + 16, parts[part].label);
    }
    fprintf(d->out,
            "<rect x=\"%d\" y=\"53\" width=\"12\" height=\"14\" fill=\"#c9ced6\"/>"
            "<text x=\"%d\" y=\"64\" class=\"s\">dense</text>\n"
            "<text x=\"%d\" y=\"%d\" class=\"s\">layer</text>"
            "<text x=\"%d\" y=\"%d\" class=\"s\">weight</text>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"s\">stored</text>"
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"s\">dense</text>\n",
            x, x + 16, d->names_left, TOP - 9, d->names_left + SHAPE_AFTER_NAME, TOP - 9,
            FIGURES_LEFT + 62, TOP - 9, FIGURES_LEFT + 126, TOP - 9);
}

static void draw_page(drawing *d, const char *title) {
    int bottom = TOP + (int)d->info->layer_count * ROW;
    size_t color = 0;
    d->names_left = LANES_LEFT + d->lanes * LANE + 8;
    d->names_left = d->names_left < NAMES_LEFT_LEAST ? NAMES_LEFT_LEAST : d->names_left;
    d->bars_left = d->names_left + BARS_AFTER_NAME;
    d->bars_right = FIGURES_LEFT - 6;
    fprintf(d->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
            "<style>.s{fill:#555;font-size:11px}.t{font-size:16px;font-weight:bold}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            PAGE_WIDTH, bottom + BOTTOM, PAGE_WIDTH, bottom + BOTTOM);
    draw_head(d, title);
    draw_scale(d, bottom);
    for (size_t k = 0; k < d->info->layer_count; k++) {
        draw_layer(d, k);
    }
    for (size_t g = 0; g < d->group_count; g++) {
        if (d->groups[g].members > 1) {
            draw_group(d, g, color++);
        }
    }
    fprintf(d->out, "<text x=\"14\" y=\"%d\" class=\"s\">%s</text>\n</svg>\n", bottom + BOTTOM - 12,
            d->lanes > 0 ? "Lines at the left: a parent is stored with the layer at the dot and "
                           "feeds those at the arrows too."
                         : "No parent feeds more than one layer.");
}

rnm_status rnc_draw_svg(const rnc_model_info *info, const char *title, const char *path,
                        rnm_error *error) {
    drawing d = {.info = info};
    whole_file file = {0};
    rnm_status status = find_groups(&d, error);
    if (status == RNM_OK) {
        choose_lanes(&d);
        choose_scale(&d);
        status = whole_file_create(&file, path, error);
    }
    if (status == RNM_OK) {
        d.out = file.file;
        draw_page(&d, title);
        status = whole_file_commit(&file, error);
    }
    whole_file_discard(&file);
    free(d.groups);
    return status;
}
