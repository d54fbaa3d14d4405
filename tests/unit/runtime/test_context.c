/* SPDX-License-Identifier: Apache-2.0
 *
 * The public surface: what a model tells, options that are refused, and the arithmetic of the
 * report in every mode.
 */
#define _GNU_SOURCE /* pthread_setattr_default_np */

#include "context.h"
#include "fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static opened open_small(void) {
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    return open_bytes(bytes, size);
}

static void tells_what_the_file_says(void **state) {
    (void)state;
    opened small = open_small();
    const rnm_model *model = small.model;
    assert_int_equal(rnm_model_input_count(model), 1);
    assert_int_equal(rnm_model_output_count(model), 1);
    const rnm_value_info *input = rnm_model_input(model, 0);
    assert_string_equal(input->name, "image");
    assert_int_equal(input->rank, 4);
    assert_int_equal(input->dims[0], -1);
    assert_int_equal(input->dims[3], 8);
    assert_null(rnm_model_input(model, 1));
    assert_null(rnm_model_input(model, -1));
    assert_null(rnm_model_output(model, 1));
    assert_string_equal(rnm_model_symbol(model, 0), "N");
    assert_null(rnm_model_symbol(model, 1));
    assert_int_equal(rnm_model_label_count(model), 7);
    assert_string_equal(rnm_model_label(model, 2), "crab");
    assert_null(rnm_model_label(model, 7));
    assert_string_equal(rnm_model_provenance(model, "model"), "small_cnn");
    assert_null(rnm_model_provenance(model, "nothing"));
    const rnm_preprocess *preprocess = rnm_model_preprocess(model, 0);
    assert_non_null(preprocess);
    assert_string_equal(preprocess->dataset, "animals");
    assert_int_equal(preprocess->crop_width, 6);
    assert_int_equal(preprocess->resize, RNM_TO_SHORTER_SIDE);
    assert_null(rnm_model_preprocess(model, 1));
    close_opened(small);
}

/* From a file, from aligned and from unaligned bytes. */
static void opens_from_everywhere(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    char path[] = "/tmp/rnm_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, (size_t)size), (ssize_t)size);
    close(fd);
    uint8_t *moved = malloc((size_t)size + 64);
    assert_non_null(moved);
    memcpy(moved + 3, bytes, (size_t)size);
    rnm_model *models[3];
    assert_int_equal(rnm_model_open(path, NULL, &models[0], NULL), RNM_OK);
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &models[1], NULL), RNM_OK);
    assert_int_equal(rnm_model_open_memory(moved + 3, (size_t)size, NULL, &models[2], NULL),
                     RNM_OK);
    memset(moved, 0, (size_t)size + 64);
    float image[3 * 8 * 8], *logits[3];
    rng r = {40};
    random_fill(&r, image, 3 * 8 * 8);
    const float *inputs[] = {image};
    for (int k = 0; k < 3; ++k) {
        logits[k] = run_model(models[k], NULL, inputs);
        assert_memory_equal(logits[k], logits[0], 7 * sizeof(float));
    }
    for (int k = 0; k < 3; ++k) {
        free(logits[k]);
        rnm_model_close(models[k]);
    }
    free(moved);
    free(bytes);
    unlink(path);
}

static void refuses_what_is_no_model(void **state) {
    (void)state;
    rnm_model *model = NULL;
    rnm_error error = {0};
    assert_int_equal(rnm_model_open("/nonexistent/net.rnm", NULL, &model, &error), RNM_ERR_IO);
    assert_non_null(strstr(error.text, "/nonexistent/net.rnm"));
    assert_int_equal(rnm_model_open("/tmp", NULL, &model, &error), RNM_ERR_IO);
    assert_int_equal(rnm_model_open("/dev/null", NULL, &model, &error), RNM_ERR_IO);
    assert_int_equal(rnm_model_open(NULL, NULL, &model, &error), RNM_ERR_ARGUMENT);
    assert_int_equal(rnm_model_open_memory("short", 5, NULL, &model, &error), RNM_ERR_FORMAT);
    assert_null(model);
    rnm_model_close(NULL);
    rnm_context_destroy(NULL);
}

static void refuses_wrong_options(void **state) {
    (void)state;
    opened small = open_small();
    const int64_t zero = 0, huge = INT64_MAX, many = INT32_MAX;
    const struct {
        rnm_context_options options;
        rnm_status status;
    } cases[] = {
        {{.threads = -1}, RNM_ERR_ARGUMENT},
        {{.threads = 65}, RNM_ERR_ARGUMENT},
        {{.expand = (rnm_expand)9}, RNM_ERR_ARGUMENT},
        {{.symbols = &zero, .symbol_count = 1}, RNM_ERR_ARGUMENT},
        {{.symbols = &huge, .symbol_count = 1}, RNM_ERR_ARGUMENT},
        {{.symbols = &many, .symbol_count = 2}, RNM_ERR_ARGUMENT},
        {{.symbol_count = 1}, RNM_ERR_ARGUMENT},
        {{.symbols = &many, .symbol_count = 1}, RNM_ERR_LIMIT},
        {{.max_bytes = 1}, RNM_ERR_LIMIT},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        rnm_context *context = NULL;
        rnm_error error = {0};
        rnm_status status = rnm_context_create(small.model, &cases[k].options, &context, &error);
        assert_int_equal(status, cases[k].status);
        assert_int_equal(error.status, status);
        assert_true(strlen(error.text) > 10);
        assert_null(context);
    }
    close_opened(small);
}

static rnm_report check_report(rnm_context *context, rnm_expand mode) {
    rnm_report report;
    rnm_context_report(context, &report);
    assert_int_equal(report.expand, mode);
    assert_true(report.resident_weights >= report.compact);
    uint64_t expanded = report.resident_weights - report.compact;
    assert_int_equal(report.total, report.mapped + expanded + report.largest_scratch +
                                       report.activations + report.bookkeeping + report.xnnpack);
    assert_true(report.bookkeeping > sizeof(rnm_context));
    assert_true(report.bookkeeping < 64u << 10);
    return report;
}

/* All children, expanded: conv1, conv2, conv3 and fc of the small network. */
static const uint64_t children = 4 * (10 * 3 * 9 + 12 * 10 * 9 + 12 * 12 * 9 + 7 * 12);
/* The same as panels of 32 lanes, 12 and fewer of which exist; conv3 is linear and kept as its
 * parent of 4 inputs. */
static const uint64_t panels = 4 * 32 * (3 * 9 + 10 * 9 + 4 * 9 + 12);

static void reports_add_up(void **state) {
    (void)state;
    opened small = open_small();
    static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER,
                                       RNM_EXPAND_PANEL};
    for (size_t m = 0; m < 4; ++m) {
        rnm_context_options options = {.expand = modes[m], .threads = 2, .no_xnnpack = true};
        rnm_context *context;
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        rnm_report before = check_report(context, modes[m]);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        rnm_report after = check_report(context, modes[m]);
        assert_int_equal(before.dense, children + 4 * (10 + 10 + 12 + 7));
        assert_int_equal(before.threads, 2);
        assert_int_equal(before.mapped, before.file);
        assert_int_equal(before.xnnpack, 0);
        assert_false(before.xnnpack_used);
        uint64_t kept = after.resident_weights - after.compact;
        bool keeps = modes[m] == RNM_EXPAND_LOAD || modes[m] == RNM_EXPAND_LAZY;
        assert_int_equal(kept, keeps ? panels : 0);
        assert_int_equal(before.resident_weights - before.compact,
                         modes[m] == RNM_EXPAND_LOAD ? panels : 0);
        assert_int_equal(before.largest_scratch, after.largest_scratch);
        if (modes[m] == RNM_EXPAND_LAYER) {
            assert_true(after.largest_scratch >= 4 * 32 * 10 * 9); /* conv2 */
        }
        rnm_context_destroy(context);
    }
    close_opened(small);
}

static void reports_xnnpack(void **state) {
    (void)state;
    if (!rnm_has_xnnpack()) {
        skip();
    }
    opened small = open_small();
    rnm_context *context;
    rnm_context_options options = {.expand = RNM_EXPAND_LOAD};
    assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
    rnm_report report = check_report(context, RNM_EXPAND_LOAD);
    assert_true(report.xnnpack_used);
    assert_true(report.xnnpack >= children);
    assert_true(report.resident_weights - report.compact >= children);
    rnm_context_destroy(context);
    close_opened(small);
}

/* Nothing asked for: panel mode on the best kernels that there are. */
static void reports_the_defaults(void **state) {
    (void)state;
    opened small = open_small();
    rnm_context *context;
    assert_int_equal(rnm_context_create(small.model, NULL, &context, NULL), RNM_OK);
    rnm_report report = check_report(context, RNM_EXPAND_PANEL);
    assert_string_equal(report.isa, kernels_of(RNM_ISA_BEST)->name);
    assert_int_equal(report.threads, 1);
    assert_false(report.xnnpack_used);
    rnm_context_destroy(context);
    rnm_isa isas[MOST_ISAS];
    const size_t count = all_isas(isas);
    for (size_t k = 0; k < count; ++k) {
        rnm_context_options options = {.isa = isas[k]};
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        report = check_report(context, RNM_EXPAND_PANEL);
        assert_string_equal(report.isa, kernels_of(isas[k])->name);
        rnm_context_destroy(context);
    }
    close_opened(small);
}

/* The total that a context reports is just enough for it, and one byte less is not. */
static void max_bytes_is_the_total(void **state) {
    (void)state;
    opened small = open_small();
    static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER,
                                       RNM_EXPAND_PANEL};
    for (size_t m = 0; m < 4; ++m) {
        rnm_context_options options = {.expand = modes[m], .no_xnnpack = true};
        rnm_context *context;
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        rnm_report report;
        rnm_context_report(context, &report);
        rnm_context_destroy(context);
        options.max_bytes = report.total;
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        rnm_context_destroy(context);
        options.max_bytes = report.total - 1;
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_ERR_LIMIT);
    }
    close_opened(small);
}

enum { NO_LIMITS = 77 }; /* emulators keep none */

/* In a process whose address space has no room for another thread's stack. */
static int without_threads(const rnm_model *model) {
    const rnm_context_options options = {.threads = 2};
    rnm_context *context = NULL;
    rnm_error error = {0};
    pthread_attr_t attributes;
    struct rlimit space;
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%llu", &pages) != 1 || fclose(file) != 0) {
        return 1;
    }
    space.rlim_cur = space.rlim_max = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (8 << 20);
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, 64 << 20) != 0 ||
        pthread_setattr_default_np(&attributes) != 0 || setrlimit(RLIMIT_AS, &space) != 0) {
        return 2;
    }
    if (mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
        return NO_LIMITS;
    }
    if (rnm_context_create(model, &options, &context, &error) != RNM_ERR_RESOURCE) {
        return 3;
    }
    return context == NULL && strstr(error.text, "2 threads could not be started") != NULL ? 0 : 4;
}

static void says_that_threads_are_missing(void **state) {
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* sanitizers need address space themselves */
#endif
    opened small = open_small();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(without_threads(small.model));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    close_opened(small);
    if (WEXITSTATUS(status) == NO_LIMITS) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_the_file_says),
        cmocka_unit_test(opens_from_everywhere),
        cmocka_unit_test(refuses_what_is_no_model),
        cmocka_unit_test(refuses_wrong_options),
        cmocka_unit_test(reports_add_up),
        cmocka_unit_test(reports_xnnpack),
        cmocka_unit_test(says_that_threads_are_missing),
        cmocka_unit_test(reports_the_defaults),
        cmocka_unit_test(max_bytes_is_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
