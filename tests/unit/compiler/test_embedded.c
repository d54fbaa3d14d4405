/* SPDX-License-Identifier: Apache-2.0
 *
 * What is compiled in: every topology and data set parses and goes by its own name.
 */
#include "readers/arena.h"
#include "rnc.h"
#include "topology/dataset.h"
#include "topology/topology.h"

#include "testing.h"

#include <string.h>

static void topologies(void **state) {
    (void)state;
    assert_true(rnc_embedded_topology_count > 0);
    for (size_t k = 0; k < rnc_embedded_topology_count; k++) {
        const rnc_embedded *e = &rnc_embedded_topologies[k];
        const char *name = NULL;
        rnc_yaml *yaml = NULL;
        rnm_error error = {0};
        assert_string_equal(rnc_topology_name((int)k), e->name);
        if (rnc_yaml_parse(e->text, e->size, e->name, &yaml, &error) != RNM_OK ||
            rnc_topology_read_name(yaml, &name, &error) != RNM_OK) {
            fail_msg("%s", error.text);
        }
        assert_string_equal(name, e->name);
        assert_false(rnc_topology_lists(yaml, "models", "no such model"));
        rnc_yaml_close(yaml);
    }
    assert_null(rnc_topology_name((int)rnc_embedded_topology_count));
    assert_null(rnc_topology_name(-1));
}

static void datasets(void **state) {
    (void)state;
    assert_true(rnc_embedded_dataset_count > 0);
    for (size_t k = 0; k < rnc_embedded_dataset_count; k++) {
        rnc_arena arena = rnc_arena_make(1 << 20);
        rnc_dataset found;
        rnm_error error = {0};
        const char *name = rnc_dataset_name((int)k);
        assert_true(rnc_dataset_known(name));
        if (rnc_dataset_find(name, &arena, &found, &error) != RNM_OK) {
            fail_msg("%s", error.text);
        }
        assert_string_equal(found.name, name);
        assert_true(found.channels == 1 || found.channels == 3);
        assert_true(found.height > 0 && found.width > 0);
        for (size_t i = 0; i < found.label_count; i++) {
            assert_true(found.labels[i][0] != '\0');
        }
        rnc_arena_clear(&arena);
    }
    assert_null(rnc_dataset_name((int)rnc_embedded_dataset_count));
    assert_null(rnc_dataset_name(-1));
    assert_false(rnc_dataset_known("no such data set"));
}

/* Sizes and labels as published. */
static void dataset_facts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t channels, size;
        size_t labels;
    } facts[] = {{"cifar10", 3, 32, 10},  {"CIFAR-100", 3, 32, 100}, {"ImageNet", 3, 224, 0},
                 {"tinyimnet", 3, 64, 0}, {"MNIST-rot", 1, 29, 10},  {"FashionMNIST", 3, 32, 10}};
    for (size_t k = 0; k < sizeof facts / sizeof *facts; k++) {
        rnc_arena arena = rnc_arena_make(1 << 20);
        rnc_dataset found;
        assert_int_equal(rnc_dataset_find(facts[k].name, &arena, &found, NULL), RNM_OK);
        assert_int_equal(found.channels, facts[k].channels);
        assert_int_equal(found.height, facts[k].size);
        assert_int_equal(found.width, facts[k].size);
        assert_int_equal(found.label_count, facts[k].labels);
        rnc_arena_clear(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topologies),
        cmocka_unit_test(datasets),
        cmocka_unit_test(dataset_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
