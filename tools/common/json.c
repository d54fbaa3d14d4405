/* SPDX-License-Identifier: Apache-2.0
 *
 * A small JSON writer.
 */
#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at `s`, 0 when it is none: stray, overlong, surrogate, too large. */
static int utf8_length(const unsigned char *s) {
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        int length;
    } forms[] = {
        {0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (s[0] < forms[f].first_low || s[0] > forms[f].first_high) {
            continue;
        }
        if (forms[f].length > 1 && (s[1] < forms[f].second_low || s[1] > forms[f].second_high)) {
            return 0;
        }
        for (int i = 2; i < forms[f].length; i++) {
            if ((s[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[f].length;
    }
    return 0;
}

static void put_control(FILE *file, unsigned char byte) {
    static const char letters[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte < sizeof letters && letters[byte] != 0) {
        fprintf(file, "\\%c", letters[byte]);
    } else {
        fprintf(file, "\\u%04x", byte);
    }
}

static void put_string(FILE *file, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    fputc('"', file);
    while (*s != '\0') {
        int length = utf8_length(s);
        if (*s < 0x20 || *s == 0x7f) {
            put_control(file, *s++);
        } else if (length == 0) {
            fputs("\xef\xbf\xbd", file);
            s++;
        } else {
            if (*s == '"' || *s == '\\') {
                fputc('\\', file);
            }
            fwrite(s, 1, (size_t)length, file);
            s += length;
        }
    }
    fputc('"', file);
}

static void new_line(json_writer *json) {
    fprintf(json->file, "\n%*s", 2 * json->depth, "");
}

/* Everything that stands before a value. */
static void lead(json_writer *json, const char *key) {
    assert((key != NULL) == (json->depth > 0 && json->open[json->depth - 1].close == '}'));
    if (json->depth > 0) {
        if (!json->open[json->depth - 1].empty) {
            fputc(',', json->file);
        }
        json->open[json->depth - 1].empty = false;
        new_line(json);
    }
    if (key != NULL) {
        put_string(json->file, key);
        fputs(": ", json->file);
    }
}

static void open_level(json_writer *json, const char *key, char open, char close) {
    assert(json->depth < JSON_DEPTH);
    lead(json, key);
    fputc(open, json->file);
    json->open[json->depth].close = close;
    json->open[json->depth].empty = true;
    json->depth++;
}

void json_begin(json_writer *json, FILE *file) {
    *json = (json_writer){.file = file};
}

void json_object(json_writer *json, const char *key) {
    open_level(json, key, '{', '}');
}

void json_array(json_writer *json, const char *key) {
    open_level(json, key, '[', ']');
}

void json_end(json_writer *json) {
    assert(json->depth > 0);
    json->depth--;
    if (!json->open[json->depth].empty) {
        new_line(json);
    }
    fputc(json->open[json->depth].close, json->file);
}

void json_text(json_writer *json, const char *key, const char *value) {
    lead(json, key);
    if (value == NULL) {
        fputs("null", json->file);
    } else {
        put_string(json->file, value);
    }
}

void json_bool(json_writer *json, const char *key, bool value) {
    lead(json, key);
    fputs(value ? "true" : "false", json->file);
}

void json_int(json_writer *json, const char *key, int64_t value) {
    lead(json, key);
    fprintf(json->file, "%" PRId64, value);
}

void json_uint(json_writer *json, const char *key, uint64_t value) {
    lead(json, key);
    fprintf(json->file, "%" PRIu64, value);
}

void json_double(json_writer *json, const char *key, double value) {
    char text[32] = "null";
    lead(json, key);
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (!(strtod(text, NULL) != value)) {
            break;
        }
    }
    fputs(text, json->file);
}

void json_float(json_writer *json, const char *key, float value) {
    char text[32] = "null";
    lead(json, key);
    for (int digits = 6; isfinite(value) && digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (!(strtof(text, NULL) != value)) {
            break;
        }
    }
    fputs(text, json->file);
}

bool json_finish(json_writer *json) {
    assert(json->depth == 0);
    fputc('\n', json->file);
    return fflush(json->file) == 0 && ferror(json->file) == 0;
}
