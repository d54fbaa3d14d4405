/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML documents as a tree that knows its file and lines, on top of libyaml. Topologies and data
 * sets are written in it, and may come from anywhere: size, depth and node count are limited, and
 * aliases are refused.
 */
#ifndef RNC_YAML_H
#define RNC_YAML_H

#include "rnm_base.h"

#include <stdbool.h>

typedef struct rnc_yaml rnc_yaml;

/* A node of the tree; owned by the document. */
typedef struct rnc_yaml_node rnc_yaml_node;

/* Parses a document of one root mapping. `name` is what errors call it. */
rnm_status rnc_yaml_parse(const char *text, size_t size, const char *name, rnc_yaml **out,
                          rnm_error *err);

/* The same from a file of at most 1 MiB. */
rnm_status rnc_yaml_open(const char *path, rnc_yaml **out, rnm_error *err);

void rnc_yaml_close(rnc_yaml *yaml);

const rnc_yaml_node *rnc_yaml_root(const rnc_yaml *yaml);
const char *rnc_yaml_name(const rnc_yaml *yaml);

/* Kinds of node. */
bool rnc_yaml_is_map(const rnc_yaml_node *node);
bool rnc_yaml_is_list(const rnc_yaml_node *node);
bool rnc_yaml_is_scalar(const rnc_yaml_node *node);

/* Entries of a list or mapping, the i-th item or value, and the i-th key. */
size_t rnc_yaml_count(const rnc_yaml_node *node);
const rnc_yaml_node *rnc_yaml_item(const rnc_yaml_node *node, size_t index);
const char *rnc_yaml_key(const rnc_yaml_node *map, size_t index);

/* The value of a key, or NULL. */
const rnc_yaml_node *rnc_yaml_get(const rnc_yaml_node *map, const char *key);

/* A scalar's text. */
const char *rnc_yaml_text(const rnc_yaml_node *scalar);

int rnc_yaml_line(const rnc_yaml_node *node);

/* "FILE:LINE: key `KEY` ..." as RNM_ERR_MODEL; `key` may be NULL. */
rnm_status rnc_yaml_fail(const rnc_yaml *yaml, const rnc_yaml_node *node, const char *key,
                         rnm_error *err, const char *format, ...);

/* Refuses keys of a mapping that are not in the NULL-terminated list. */
rnm_status rnc_yaml_only_keys(const rnc_yaml *yaml, const rnc_yaml_node *map,
                              const char *const *allowed, rnm_error *err);

/* Typed reads of map[key]; a missing key leaves *out alone unless `required`. */
rnm_status rnc_yaml_string(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                           bool required, const char **out, rnm_error *err);
rnm_status rnc_yaml_int(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                        bool required, int64_t *out, rnm_error *err);

/* A scalar or a list of up to `room` numbers; *count is how many there were. */
rnm_status rnc_yaml_floats(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                           size_t room, float *out, size_t *count, rnm_error *err);

/* Text to number, the whole of it. */
bool rnc_parse_int(const char *text, int64_t *out);
bool rnc_parse_float(const char *text, float *out);

#endif
