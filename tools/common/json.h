/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes one JSON document to a file, indented. Commas, escapes and nesting are kept right here;
 * bytes that are not UTF-8 (file names may have any) become U+FFFD.
 *
 *     json_writer json;
 *     json_begin(&json, stdout);
 *     json_object(&json, NULL);
 *     json_text(&json, "model", path);
 *     json_array(&json, "shape");
 *     json_int(&json, NULL, 10);
 *     json_end(&json);
 *     json_end(&json);
 *     ok = json_finish(&json);
 *
 * `key` is the member's name inside an object and NULL elsewhere.
 */
#ifndef RNM_TOOLS_JSON_H
#define RNM_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32

typedef struct json_writer {
    FILE *file;
    int depth;
    struct {
        char close; /* ']' or '}' */
        bool empty;
    } open[JSON_DEPTH];
} json_writer;

void json_begin(json_writer *json, FILE *file);

/* Open an object or an array; json_end closes the innermost. At most JSON_DEPTH deep. */
void json_object(json_writer *json, const char *key);
void json_array(json_writer *json, const char *key);
void json_end(json_writer *json);

void json_text(json_writer *json, const char *key, const char *value); /* NULL becomes null */
void json_bool(json_writer *json, const char *key, bool value);
void json_int(json_writer *json, const char *key, int64_t value);
void json_uint(json_writer *json, const char *key, uint64_t value);

/* The shortest decimal that reads back as the same number; null for NaN and infinities. */
void json_double(json_writer *json, const char *key, double value);
void json_float(json_writer *json, const char *key, float value);

/* Ends the document and flushes; false when anything could not be written. */
bool json_finish(json_writer *json);

#endif
