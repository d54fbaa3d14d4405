/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the YAML reader: parses the bytes and asks the tree everything that topologies and data
 * sets ask of it. Build with -fsanitize=fuzzer,address,undefined; models/topology and
 * models/datasets are the seeds.
 */
#include "topology/topology.h"
#include "topology/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A refusal must say why. */
static void check_said(rnm_status status, const rnm_error *error) {
    if (status != RNM_OK && (error->status != status || error->text[0] == '\0')) {
        abort();
    }
}

static void read_entry(const rnc_yaml *yaml, const rnc_yaml_node *map, const char *key) {
    const char *text;
    int64_t number;
    float floats[4];
    size_t count;
    rnm_error error = {0};
    if (rnc_yaml_get(map, key) == NULL) {
        abort();
    }
    check_said(rnc_yaml_string(yaml, map, key, true, &text, &error), &error);
    check_said(rnc_yaml_int(yaml, map, key, true, &number, &error), &error);
    check_said(rnc_yaml_floats(yaml, map, key, 4, floats, &count, &error), &error);
}

static void walk(const rnc_yaml *yaml, const rnc_yaml_node *node) {
    if (rnc_yaml_line(node) < 1) {
        abort();
    }
    if (rnc_yaml_is_scalar(node)) {
        (void)strlen(rnc_yaml_text(node));
        return;
    }
    for (size_t k = 0; k < rnc_yaml_count(node); k++) {
        if (rnc_yaml_is_map(node)) {
            read_entry(yaml, node, rnc_yaml_key(node, k));
        }
        walk(yaml, rnc_yaml_item(node, k));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    rnc_yaml *yaml;
    rnm_error error = {0};
    rnm_status status = rnc_yaml_parse((const char *)bytes, size, "input", &yaml, &error);
    if (status != RNM_OK) {
        check_said(status, &error);
        return 0;
    }
    const char *name;
    walk(yaml, rnc_yaml_root(yaml));
    check_said(rnc_topology_read_name(yaml, &name, &error), &error);
    (void)rnc_topology_lists(yaml, "rep_vgg_4");
    rnc_yaml_close(yaml);
    return 0;
}
