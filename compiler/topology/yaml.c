/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree is built from libyaml's events, so that limits hold while it grows.
 */
#include "topology/yaml.h"

#include "error.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Keys of one mapping are few because each new one is compared with all before it. */
enum { MAX_FILE = 1 << 20, MAX_DEPTH = 16, MAX_NODES = 100000, MAX_KEYS = 1000 };

typedef enum node_kind { SCALAR, LIST, MAP } node_kind;

struct rnc_yaml_node {
    node_kind kind;
    int line;
    char *text; /* of a scalar */
    char *key;  /* under which a mapping holds this node */
    struct rnc_yaml_node *first_child;
    struct rnc_yaml_node *last_child;
    struct rnc_yaml_node *next;
    size_t count;
    const struct rnc_yaml_node **index; /* children by position */
};

struct rnc_yaml {
    char *name;
    rnc_yaml_node *root;
};

/* What building keeps between events. */
typedef struct builder {
    rnc_yaml *yaml;
    rnc_yaml_node *stack[MAX_DEPTH];
    size_t depth;
    size_t nodes;
    char *pending_key;
    int pending_line;
} builder;

static void free_tree(rnc_yaml_node *node) {
    /* Depth is limited to MAX_DEPTH while building, so this recursion is too. */
    while (node != NULL) {
        rnc_yaml_node *next = node->next;
        free_tree(node->first_child);
        free(node->index);
        free(node->text);
        free(node->key);
        free(node);
        node = next;
    }
}

void rnc_yaml_close(rnc_yaml *yaml) {
    if (yaml != NULL) {
        free_tree(yaml->root);
        free(yaml->name);
        free(yaml);
    }
}

static rnm_status fail_at(const builder *b, int line, rnm_error *err, const char *what) {
    return rnm_fail(err, RNM_ERR_MODEL, "%s:%d: %s", b->yaml->name, line, what);
}

static rnm_status no_memory(const builder *b, rnm_error *err) {
    return rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to read it", b->yaml->name);
}

static bool has_key(const rnc_yaml_node *map, const char *key) {
    for (const rnc_yaml_node *child = map->first_child; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Hangs a node where the builder stands; takes the pending key when that is a mapping. */
static rnm_status add_node(builder *b, node_kind kind, int line, const char *text,
                           rnc_yaml_node **out, rnm_error *err) {
    if (++b->nodes > MAX_NODES) {
        return fail_at(b, line, err, "more than 100000 entries");
    }
    rnc_yaml_node *parent = b->depth > 0 ? b->stack[b->depth - 1] : NULL;
    if (parent == NULL && b->yaml->root != NULL) {
        return fail_at(b, line, err, "more than one document");
    }
    rnc_yaml_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return no_memory(b, err);
    }
    node->kind = kind;
    node->line = line;
    if (parent == NULL) {
        b->yaml->root = node;
    } else {
        if (parent->last_child == NULL) {
            parent->first_child = node;
        } else {
            parent->last_child->next = node;
        }
        parent->last_child = node;
        parent->count++;
        node->key = b->pending_key;
        b->pending_key = NULL;
    }
    if (text != NULL && (node->text = strdup(text)) == NULL) {
        return no_memory(b, err);
    }
    *out = node;
    return RNM_OK;
}

static rnm_status on_scalar(builder *b, const yaml_event_t *event, int line, rnm_error *err) {
    const char *text = (const char *)event->data.scalar.value;
    rnc_yaml_node *parent = b->depth > 0 ? b->stack[b->depth - 1] : NULL;
    if (strlen(text) != event->data.scalar.length) {
        return fail_at(b, line, err, "a zero byte in a text");
    }
    if (parent != NULL && parent->kind == MAP && b->pending_key == NULL) {
        if (parent->count == MAX_KEYS) {
            return fail_at(b, line, err, "more than 1000 keys in one mapping");
        }
        if (has_key(parent, text)) {
            return rnm_fail(err, RNM_ERR_MODEL, "%s:%d: key `%s` stands twice", b->yaml->name, line,
                            text);
        }
        b->pending_key = strdup(text);
        b->pending_line = line;
        return b->pending_key == NULL ? no_memory(b, err) : RNM_OK;
    }
    rnc_yaml_node *node;
    return add_node(b, SCALAR, line, text, &node, err);
}

static rnm_status on_start(builder *b, node_kind kind, int line, rnm_error *err) {
    rnc_yaml_node *parent = b->depth > 0 ? b->stack[b->depth - 1] : NULL;
    if (parent != NULL && parent->kind == MAP && b->pending_key == NULL) {
        return fail_at(b, line, err, "a key must be a plain text");
    }
    if (b->depth == MAX_DEPTH) {
        return fail_at(b, line, err, "nested deeper than 16 levels");
    }
    rnc_yaml_node *node;
    rnm_status status = add_node(b, kind, line, NULL, &node, err);
    if (status == RNM_OK) {
        b->stack[b->depth++] = node;
    }
    return status;
}

/* Children become addressable by position when their list or mapping is complete. */
static rnm_status on_end(builder *b, rnm_error *err) {
    rnc_yaml_node *node = b->stack[--b->depth];
    if (node->count == 0) {
        return RNM_OK;
    }
    node->index = malloc(node->count * sizeof *node->index);
    if (node->index == NULL) {
        return no_memory(b, err);
    }
    size_t i = 0;
    for (const rnc_yaml_node *child = node->first_child; child != NULL; child = child->next) {
        node->index[i++] = child;
    }
    return RNM_OK;
}

static rnm_status on_event(builder *b, const yaml_event_t *event, rnm_error *err) {
    int line = (int)event->start_mark.line + 1;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event, line, err);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(b, LIST, line, err);
    case YAML_MAPPING_START_EVENT:
        return on_start(b, MAP, line, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(b, err);
    case YAML_ALIAS_EVENT:
        return fail_at(b, line, err, "aliases are not supported");
    default:
        return RNM_OK;
    }
}

rnm_status rnc_yaml_parse(const char *text, size_t size, const char *name, rnc_yaml **out,
                          rnm_error *err) {
    rnm_status status = RNM_OK;
    yaml_parser_t parser;
    builder b = {.yaml = calloc(1, sizeof(rnc_yaml))};
    if (b.yaml == NULL || (b.yaml->name = strdup(name)) == NULL ||
        !yaml_parser_initialize(&parser)) {
        rnc_yaml_close(b.yaml);
        return rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to read it", name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    for (bool done = false; status == RNM_OK && !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = rnm_fail(err, RNM_ERR_MODEL, "%s:%zu: %s", name, parser.problem_mark.line + 1,
                              parser.problem != NULL ? parser.problem : "not YAML");
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        status = on_event(&b, &event, err);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    free(b.pending_key);
    if (status == RNM_OK && (b.yaml->root == NULL || b.yaml->root->kind != MAP)) {
        status = rnm_fail(err, RNM_ERR_MODEL, "%s: expected a mapping of keys and values", name);
    }
    if (status != RNM_OK) {
        rnc_yaml_close(b.yaml);
        return status;
    }
    *out = b.yaml;
    return RNM_OK;
}

rnm_status rnc_yaml_open(const char *path, rnc_yaml **out, rnm_error *err) {
    rnm_status status;
    char *text = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return rnm_fail(err, RNM_ERR_IO, "%s: %s", path, strerror(errno));
    }
    text = malloc(MAX_FILE + 1);
    if (text == NULL) {
        status = rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to read it", path);
        goto done;
    }
    size_t size = fread(text, 1, MAX_FILE + 1, file);
    if (ferror(file)) {
        status = rnm_fail(err, RNM_ERR_IO, "%s: %s", path, strerror(errno));
    } else if (size > MAX_FILE) {
        status = rnm_fail(err, RNM_ERR_LIMIT,
                          "%s: larger than the 1 MiB that a description may have", path);
    } else {
        status = rnc_yaml_parse(text, size, path, out, err);
    }
done:
    free(text);
    fclose(file);
    return status;
}

const rnc_yaml_node *rnc_yaml_root(const rnc_yaml *yaml) {
    return yaml->root;
}

const char *rnc_yaml_name(const rnc_yaml *yaml) {
    return yaml->name;
}

bool rnc_yaml_is_map(const rnc_yaml_node *node) {
    return node->kind == MAP;
}

bool rnc_yaml_is_list(const rnc_yaml_node *node) {
    return node->kind == LIST;
}

bool rnc_yaml_is_scalar(const rnc_yaml_node *node) {
    return node->kind == SCALAR;
}

size_t rnc_yaml_count(const rnc_yaml_node *node) {
    return node->count;
}

const rnc_yaml_node *rnc_yaml_item(const rnc_yaml_node *node, size_t index) {
    return node->index[index];
}

const char *rnc_yaml_key(const rnc_yaml_node *map, size_t index) {
    return map->index[index]->key;
}

const rnc_yaml_node *rnc_yaml_get(const rnc_yaml_node *map, const char *key) {
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->index[i]->key, key) == 0) {
            return map->index[i];
        }
    }
    return NULL;
}

const char *rnc_yaml_text(const rnc_yaml_node *scalar) {
    return scalar->text;
}

int rnc_yaml_line(const rnc_yaml_node *node) {
    return node->line;
}

rnm_status rnc_yaml_fail(const rnc_yaml *yaml, const rnc_yaml_node *node, const char *key,
                         rnm_error *err, const char *format, ...) {
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (key == NULL) {
        return rnm_fail(err, RNM_ERR_MODEL, "%s:%d: %s", yaml->name, node->line, what);
    }
    return rnm_fail(err, RNM_ERR_MODEL, "%s:%d: key `%s` %s", yaml->name, node->line, key, what);
}

rnm_status rnc_yaml_only_keys(const rnc_yaml *yaml, const rnc_yaml_node *map,
                              const char *const *allowed, rnm_error *err) {
    for (size_t i = 0; i < map->count; i++) {
        const char *const *name = allowed;
        while (*name != NULL && strcmp(*name, map->index[i]->key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return rnc_yaml_fail(yaml, map->index[i], map->index[i]->key, err, "is not known here");
        }
    }
    return RNM_OK;
}

static rnm_status need_scalar(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                              bool required, const rnc_yaml_node **out, rnm_error *err) {
    *out = rnc_yaml_get(map, key);
    if (*out == NULL) {
        return required ? rnc_yaml_fail(yaml, map, key, err, "is missing") : RNM_OK;
    }
    if ((*out)->kind != SCALAR || (*out)->text[0] == '\0') {
        return rnc_yaml_fail(yaml, *out, key, err, "must be a single value");
    }
    return RNM_OK;
}

rnm_status rnc_yaml_string(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                           bool required, const char **out, rnm_error *err) {
    const rnc_yaml_node *node;
    rnm_status status = need_scalar(yaml, map, key, required, &node, err);
    if (status == RNM_OK && node != NULL) {
        *out = node->text;
    }
    return status;
}

rnm_status rnc_yaml_int(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                        bool required, int64_t *out, rnm_error *err) {
    const rnc_yaml_node *node;
    rnm_status status = need_scalar(yaml, map, key, required, &node, err);
    if (status == RNM_OK && node != NULL && !rnc_parse_int(node->text, out)) {
        return rnc_yaml_fail(yaml, node, key, err, "must be a whole number, found `%s`",
                             node->text);
    }
    return status;
}

rnm_status rnc_yaml_floats(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key,
                           size_t room, float *out, size_t *count, rnm_error *err) {
    const rnc_yaml_node *node = rnc_yaml_get(map, key);
    *count = 0;
    if (node == NULL) {
        return RNM_OK;
    }
    bool single = node->kind == SCALAR;
    size_t found = single ? 1 : node->count;
    if (node->kind == MAP || found == 0 || found > room) {
        return rnc_yaml_fail(yaml, node, key, err, "must be 1 to %zu numbers", room);
    }
    for (size_t i = 0; i < found; i++) {
        const rnc_yaml_node *item = single ? node : node->index[i];
        if (item->kind != SCALAR || !rnc_parse_float(item->text, &out[i])) {
            return rnc_yaml_fail(yaml, item, key, err, "must hold numbers");
        }
    }
    *count = found;
    return RNM_OK;
}

bool rnc_parse_int(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *out = value;
    return true;
}

/* A program that this library is part of may have set a locale with a decimal comma. */
bool rnc_parse_float(const char *text, float *out) {
    char *end;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) {
        return false;
    }
    float value = strtof_l(text, &end, plain);
    freelocale(plain);
    if (end == text || *end != '\0' || !(value >= -1e30f && value <= 1e30f)) {
        return false;
    }
    *out = value;
    return true;
}
