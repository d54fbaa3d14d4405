/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch checkpoints of both forms, made here: element types, views, wrappings, hints, and what
 * is wrong with a file although its container and its pickle are sound.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* A bare state dict {"t": view} as a zip file. */
static fx_buffer one_tensor(const fx_view *view) {
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ordered_dict(&pickle);
    fx_text(&pickle, "t");
    fx_tensor(&pickle, view);
    fx_ops(&pickle, "s.");
    fx_buffer file = view->legacy ? fx_legacy_file(&pickle, view->storage, 1)
                                  : fx_zip_file(&pickle, view->storage, 1);
    fx_free(&pickle);
    return file;
}

/* A zip file of the pickle `before`, the tensor f32[2] = {1, 2}, `after`. */
static fx_buffer around_tensor(const fx_buffer *before, const char *after) {
    static const float data[2] = {1, 2};
    static const fx_storage storage = {"0", "FloatStorage", 2, data, sizeof data};
    fx_buffer pickle = {0};
    fx_put(&pickle, before->bytes, before->size);
    fx_tensor(&pickle, &(fx_view){.storage = &storage, .rank = 1, .dims = {2}, .strides = {1}});
    fx_ops(&pickle, after);
    fx_buffer file = fx_zip_file(&pickle, &storage, 1);
    fx_free(&pickle);
    return file;
}

static void test_checkpoint(void **state) {
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        fx_buffer file = fx_checkpoint(legacy != 0);
        rnc_weights weights;
        check_opens(&file, &weights);
        assert_string_equal(weights.path, "test.ckpt");
        assert_string_equal(weights.container, legacy ? "pytorch-legacy" : "pytorch-zip");
        assert_int_equal(weights.file_size, file.size);
        static const char *const names[] = {"model.weight", "model.half", "model.steps",
                                            "model.transposed"};
        assert_int_equal(weights.count, 4);
        for (size_t i = 0; i < 4; i++) {
            assert_string_equal(weights.tensors[i].name, names[i]);
        }
        check_elements(&weights, "model.weight", (float[]){0, 1, 2, 3, 4, 5}, 6);
        check_elements(&weights, "model.half", (float[]){1, -2}, 2);
        check_elements(&weights, "model.steps", (float[]){7}, 1);
        check_elements(&weights, "model.transposed", (float[]){0, 3, 1, 4, 2, 5}, 6);
        assert_null(rnc_weights_find(&weights, "weight"));
        assert_int_equal(weights.tensors[0].storage, weights.tensors[3].storage);
        assert_int_not_equal(weights.tensors[0].storage, weights.tensors[1].storage);
        assert_int_equal(weights.tensors[2].rank, 0);
        assert_int_equal(weights.tensors[2].dtype, RNM_I64);

        assert_string_equal(weights.hints.model_name, "net_4");
        assert_string_equal(weights.hints.weight_activation, "swish");
        assert_string_equal(weights.hints.dataset, "CIFAR10");
        assert_int_equal(weights.hints.num_classes, 10);
        assert_true(weights.hints.has_args && weights.hints.has_datapath);

        assert_int_equal(weights.skipped_count, 2);
        assert_string_equal(weights.skipped[0], "callbacks: no tensors, not needed");
        assert_string_equal(weights.skipped[1], "optimizer_states: 1 tensor, not needed");
        rnc_weights_close(&weights);
        fx_free(&file);
    }
}

static void test_element_types(void **state) {
    (void)state;
    static const float f32[2] = {0.1f, -3};
    static const double f64[2] = {0.1, -3};
    static const uint16_t f16[2] = {0x0001, 0xc200};
    static const uint16_t bf16[2] = {0x3fc0, 0xc040};
    static const int64_t i64[2] = {INT64_C(16777217), -3};
    static const int32_t i32[2] = {16777219, -3};
    static const int16_t i16[2] = {-32768, -3};
    static const int8_t i8[2] = {-128, -3};
    static const uint8_t u8[2] = {255, 3};
    static const uint8_t truth[2] = {1, 0};
    static const struct {
        fx_storage storage;
        rnm_dtype dtype;
        float expected[2];
    } rows[] = {
        {{"0", "FloatStorage", 2, f32, sizeof f32}, RNM_F32, {0.1f, -3}},
        {{"0", "DoubleStorage", 2, f64, sizeof f64}, RNM_F64, {0.1f, -3}},
        {{"0", "HalfStorage", 2, f16, sizeof f16}, RNM_F16, {0x1p-24f, -3}},
        {{"0", "BFloat16Storage", 2, bf16, sizeof bf16}, RNM_BF16, {1.5f, -3}},
        {{"0", "LongStorage", 2, i64, sizeof i64}, RNM_I64, {16777216, -3}},
        {{"0", "IntStorage", 2, i32, sizeof i32}, RNM_I32, {16777220, -3}},
        {{"0", "ShortStorage", 2, i16, sizeof i16}, RNM_I16, {-32768, -3}},
        {{"0", "CharStorage", 2, i8, sizeof i8}, RNM_I8, {-128, -3}},
        {{"0", "ByteStorage", 2, u8, sizeof u8}, RNM_U8, {255, 3}},
        {{"0", "BoolStorage", 2, truth, sizeof truth}, RNM_BOOL, {1, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int legacy = 0; legacy < 2; legacy++) {
            fx_view view = {.storage = &rows[i].storage,
                            .rank = 1,
                            .dims = {2},
                            .strides = {1},
                            .parameter = legacy == 0,
                            .legacy = legacy != 0};
            fx_buffer file = one_tensor(&view);
            rnc_weights weights;
            check_opens(&file, &weights);
            assert_int_equal(weights.tensors[0].dtype, rows[i].dtype);
            check_elements(&weights, "t", rows[i].expected, 2);
            rnc_weights_close(&weights);
            fx_free(&file);
        }
    }
}

static void test_views(void **state) {
    (void)state;
    static const float data[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                   12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
    static const fx_storage storage = {"0", "FloatStorage", 24, data, sizeof data};
    static const struct {
        fx_view view;
        size_t count;
        float expected[12];
    } rows[] = {
        {{.storage = &storage, .offset = 23}, 1, {23}},
        {{.storage = &storage, .offset = 24, .rank = 1, .dims = {0}, .strides = {1}}, 0, {0}},
        {{.storage = &storage, .offset = 4, .rank = 1, .dims = {3}, .strides = {2}}, 3, {4, 6, 8}},
        {{.storage = &storage, .rank = 2, .dims = {2, 2}, .strides = {0, 5}}, 4, {0, 5, 0, 5}},
        /* [1, 2, 2, 3] as channels last, that is [1, 2, 3, 2] in memory */
        {{.storage = &storage, .rank = 4, .dims = {1, 2, 2, 3}, .strides = {12, 1, 6, 2}},
         12,
         {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}},
        /* a dimension of one may have any stride */
        {{.storage = &storage, .rank = 2, .dims = {1, 2}, .strides = {INT64_MAX, 1}}, 2, {0, 1}},
        {{.storage = &storage,
          .offset = 1,
          .rank = 1,
          .dims = {3},
          .strides = {1},
          .legacy = true,
          .view = {4, 4}},
         3,
         {5, 6, 7}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fx_buffer file = one_tensor(&rows[i].view);
        rnc_weights weights;
        check_opens(&file, &weights);
        assert_int_equal(weights.tensors[0].rank, rows[i].view.rank);
        check_elements(&weights, "t", rows[i].expected, rows[i].count);
        rnc_weights_close(&weights);
        fx_free(&file);
    }
}

static void test_bad_views(void **state) {
    (void)state;
    static const float data[6] = {0};
    static const fx_storage storage = {"0", "FloatStorage", 6, data, sizeof data};
    static const fx_storage lying = {"0", "FloatStorage", 7, data, sizeof data};
    static const fx_storage huge = {"0", "FloatStorage", INT64_MAX, data, sizeof data};
    static const fx_storage complex = {"0", "ComplexFloatStorage", 3, data, sizeof data};
    static const int64_t big = INT64_C(1) << 32;
    static const struct {
        fx_view view;
        rnm_status status;
        const char *words;
    } rows[] = {
        {{.storage = &storage, .rank = 1, .dims = {7}, .strides = {1}},
         RNM_ERR_SHAPE,
         "tensor t: its dimensions and strides reach beyond"},
        {{.storage = &storage, .rank = 2, .dims = {2, 3}, .strides = {4, 1}},
         RNM_ERR_SHAPE,
         "tensor t: its dimensions and strides reach beyond"},
        {{.storage = &storage, .offset = 1, .rank = 1, .dims = {6}, .strides = {1}},
         RNM_ERR_SHAPE,
         "reach beyond its storage of 6 elements"},
        {{.storage = &storage, .offset = 7, .rank = 1, .dims = {0}, .strides = {1}},
         RNM_ERR_SHAPE,
         "expected an offset within its storage"},
        {{.storage = &storage, .rank = 2, .dims = {2, 2}, .strides = {INT64_MAX, INT64_MAX}},
         RNM_ERR_SHAPE,
         "reach beyond"},
        {{.storage = &storage, .rank = 3, .dims = {2, 2, 2}, .strides = {big << 30, big << 30, 1}},
         RNM_ERR_SHAPE,
         "reach beyond"},
        {{.storage = &storage, .rank = 2, .dims = {big, big}, .strides = {0, 0}},
         RNM_ERR_SHAPE,
         "does not fit 63 bits"},
        {{.storage = &storage, .rank = 3, .dims = {big, big, 0}, .strides = {0, 0, 0}},
         RNM_ERR_SHAPE,
         "does not fit 63 bits"},
        {{.storage = &storage, .rank = 1, .dims = {big}, .strides = {0}},
         RNM_ERR_LIMIT,
         "tensor t: it repeats a storage of 6 elements"},
        {{.storage = &storage, .rank = 1, .dims = {2}, .strides = {-1}},
         RNM_ERR_SHAPE,
         "must be integers of 0 or more"},
        {{.storage = &storage, .rank = 1, .dims = {-2}, .strides = {1}},
         RNM_ERR_SHAPE,
         "must be integers of 0 or more"},
        {{.storage = &storage, .offset = -1, .rank = 1, .dims = {2}, .strides = {1}},
         RNM_ERR_SHAPE,
         "must be integers of 0 or more"},
        {{.storage = &storage,
          .rank = 9,
          .dims = {1, 1, 1, 1, 1, 1, 1, 1, 1},
          .strides = {1, 1, 1, 1, 1, 1, 1, 1, 1}},
         RNM_ERR_SHAPE,
         "a tensor has 9 dimensions"},
        {{.storage = &lying, .rank = 1, .dims = {1}, .strides = {1}},
         RNM_ERR_FORMAT,
         "storage 0: expected 7 elements of f32, found a zip member of 24 bytes"},
        {{.storage = &huge, .rank = 1, .dims = {1}, .strides = {1}},
         RNM_ERR_FORMAT,
         "storage 0: expected 9223372036854775807 elements"},
        {{.storage = &lying, .rank = 1, .dims = {1}, .strides = {1}, .legacy = true},
         RNM_ERR_FORMAT,
         "storage 0: expected 7 elements of f32, found 24 bytes before the end"},
        {{.storage = &complex, .rank = 1, .dims = {1}, .strides = {1}},
         RNM_ERR_UNSUPPORTED,
         "storage type torch.ComplexFloatStorage"},
        {{.storage = &storage,
          .rank = 1,
          .dims = {1},
          .strides = {1},
          .legacy = true,
          .view = {4, 3}},
         RNM_ERR_SHAPE,
         "expected a view inside its 6 elements"},
        {{.storage = &storage,
          .rank = 1,
          .dims = {3},
          .strides = {1},
          .legacy = true,
          .view = {4, 2}},
         RNM_ERR_SHAPE,
         "reach beyond its storage of 2 elements"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fx_buffer file = one_tensor(&rows[i].view);
        check_refused(&file, rows[i].status, rows[i].words);
        fx_free(&file);
    }
}

/* Where the state dict may lie, and what its tensor is then called. */
static void test_wrappings(void **state) {
    (void)state;
    static const struct {
        const char *keys[4]; /* outermost first */
        const char *name;
    } rows[] = {
        {{"fc.weight"}, "fc.weight"},
        {{"state_dict", "fc.weight"}, "fc.weight"},
        {{"model", "state_dict", "fc.weight"}, "fc.weight"},
        {{"net", "module.fc.weight"}, "module.fc.weight"},
        {{"encoder", "fc", "weight"}, "encoder.fc.weight"},
        {{"model_state_dict", "encoder", "fc"}, "encoder.fc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fx_buffer before = {0};
        char after[8] = "";
        fx_begin(&before);
        for (size_t k = 0; k < 4 && rows[i].keys[k] != NULL; k++) {
            fx_ops(&before, "}");
            fx_text(&before, rows[i].keys[k]);
            strcat(after, "s");
        }
        fx_buffer file = around_tensor(&before, strcat(after, "."));
        rnc_weights weights;
        check_opens(&file, &weights);
        assert_int_equal(weights.count, 1);
        check_elements(&weights, rows[i].name, (float[]){1, 2}, 2);
        assert_int_equal(weights.skipped_count, 0);
        assert_null(weights.hints.model_name);
        assert_false(weights.hints.has_args);
        rnc_weights_close(&weights);
        fx_free(&file);
        fx_free(&before);
    }
}

/* Hyper-parameters without a Namespace around them. */
static void test_plain_hints(void **state) {
    (void)state;
    fx_buffer before = {0};
    fx_begin(&before);
    fx_ops(&before, "}(");
    fx_text(&before, "hyper_parameters");
    fx_ops(&before, "}(");
    fx_text(&before, "model_name");
    fx_text(&before, "net_5");
    fx_text(&before, "dataset");
    fx_int(&before, 3); /* no string: no hint */
    fx_text(&before, "num_classes");
    fx_int(&before, -1);
    fx_ops(&before, "u");
    fx_text(&before, "w");
    fx_buffer file = around_tensor(&before, "u.");
    rnc_weights weights;
    check_opens(&file, &weights);
    assert_string_equal(weights.hints.model_name, "net_5");
    assert_null(weights.hints.dataset);
    assert_int_equal(weights.hints.num_classes, 0);
    assert_false(weights.hints.has_args || weights.hints.has_datapath);
    rnc_weights_close(&weights);
    fx_free(&file);
    fx_free(&before);
}

/* Many entries beside the state dict: the report stays short. */
static void test_many_skipped(void **state) {
    (void)state;
    fx_buffer before = {0};
    fx_begin(&before);
    fx_ops(&before, "}(");
    for (int i = 0; i < 100; i++) {
        fx_int(&before, i);
        fx_ops(&before, "N");
        fx_put_le(&before, 0x85, 1);
    }
    fx_text(&before, "state_dict");
    fx_ops(&before, "}");
    fx_text(&before, "w");
    fx_buffer file = around_tensor(&before, "su.");
    rnc_weights weights;
    check_opens(&file, &weights);
    assert_int_equal(weights.skipped_count, RNC_MAX_SKIPPED);
    assert_string_equal(weights.skipped[0], "0: no tensors, not needed");
    assert_string_equal(weights.skipped[RNC_MAX_SKIPPED - 1], "further entries: not needed");
    rnc_weights_close(&weights);
    fx_free(&file);
    fx_free(&before);
}

/* The pickle before the tensor, what follows it, and why the whole is refused. */
static void test_bad_state(void **state) {
    (void)state;
    fx_buffer before = {0};
    fx_buffer file;

    fx_begin(&before);
    file = around_tensor(&before, ".");
    check_refused(&file, RNM_ERR_UNSUPPORTED,
                  "expected a dict of tensors (a state dict), found a "
                  "tensor");
    fx_free(&file);
    file = around_tensor(&before, "0.");
    check_refused(&file, RNM_ERR_UNSUPPORTED, "opcode 0x30");
    fx_free(&file);

    fx_ops(&before, "}"); /* a dict that is its own member */
    fx_ops(&before, "q");
    fx_put_le(&before, 0, 1);
    fx_ops(&before, "(");
    fx_text(&before, "self");
    fx_ops(&before, "h");
    fx_put_le(&before, 0, 1);
    fx_text(&before, "w");
    file = around_tensor(&before, "u.");
    check_refused(&file, RNM_ERR_LIMIT, "nested deeper than 16 levels or contains itself");
    fx_free(&file);
    fx_free(&before);

    fx_begin(&before); /* a tensor without a name */
    fx_ops(&before, "}N");
    file = around_tensor(&before, "s.");
    check_refused(&file, RNM_ERR_FORMAT, "expected a name of at most 1023 bytes as key");
    fx_free(&file);
    fx_free(&before);

    fx_begin(&before); /* the same key twice */
    fx_ops(&before, "}(");
    fx_text(&before, "w");
    fx_ops(&before, "q");
    fx_put_le(&before, 1, 1);
    file = around_tensor(&before, "q\2h\1h\2u.");
    check_refused(&file, RNM_ERR_FORMAT, "tensor w: the name appears twice");
    fx_free(&file);
    fx_free(&before);

    static const char nul[] = "X\2\0\0\0a"; /* a name with a zero byte */
    fx_begin(&before);
    fx_ops(&before, "}");
    fx_put(&before, nul, sizeof nul);
    file = around_tensor(&before, "s.");
    check_refused(&file, RNM_ERR_FORMAT, "none of them zero");
    fx_free(&file);
    fx_free(&before);

    fx_begin(&before);
    fx_ops(&before, "}.");
    file = fx_zip_file(&before, NULL, 0);
    check_refused(&file, RNM_ERR_UNSUPPORTED, "found no tensor in it");
    fx_free(&file);
    fx_free(&before);
}

/* Calls and objects are refused under keys that nobody needs, too, and modules with advice. */
static void test_never_executed(void **state) {
    (void)state;
    fx_buffer before = {0};
    fx_begin(&before);
    fx_ops(&before, "}(");
    fx_text(&before, "nobody_needs_this");
    fx_global(&before, "os", "system");
    fx_text(&before, "true");
    fx_put_le(&before, 0x85, 1);
    fx_ops(&before, "R");
    fx_text(&before, "w");
    fx_buffer file = around_tensor(&before, "u.");
    check_refused(&file, RNM_ERR_UNSUPPORTED, "the file calls os.system");
    check_refused(&file, RNM_ERR_UNSUPPORTED, "nothing was executed");
    fx_free(&file);
    fx_free(&before);

    fx_begin(&before);
    fx_global(&before, "models.net", "Net");
    fx_ops(&before, ")");
    fx_put_le(&before, 0x81, 1);
    fx_ops(&before, "}");
    fx_text(&before, "_parameters");
    file = around_tensor(&before, "sb.");
    check_refused(&file, RNM_ERR_UNSUPPORTED, "an object of class models.net.Net");
    check_refused(&file, RNM_ERR_UNSUPPORTED, "save its state_dict() instead");
    fx_free(&file);
    fx_free(&before);

    fx_begin(&before); /* a legacy module announces its class in a persistent id */
    fx_ops(&before, "(");
    fx_text(&before, "module");
    fx_global(&before, "models.net", "Net");
    fx_text(&before, "net.py");
    fx_text(&before, "source");
    fx_ops(&before, "tQ.");
    file = fx_legacy_file(&before, NULL, 0);
    check_refused(&file, RNM_ERR_UNSUPPORTED, "save its state_dict() instead");
    fx_free(&file);
    fx_free(&before);
}

/* What an archive can lack or have too much of. */
static void test_bad_archive(void **state) {
    (void)state;
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "}.");

    fx_zip zip = {0};
    fx_zip_add(&zip, "archive/data.pickle", pickle.bytes, pickle.size);
    fx_zip_add(&zip, "data.pkl", pickle.bytes, pickle.size);
    fx_zip_add(&zip, "a/b/data.pkl", pickle.bytes, pickle.size);
    fx_zip_end(&zip, true);
    check_refused(&zip.file, RNM_ERR_UNSUPPORTED, "expected a member FOLDER/data.pkl");
    fx_zip_free(&zip);

    fx_zip_add(&zip, "a/data.pkl", pickle.bytes, pickle.size);
    fx_zip_add(&zip, "b/data.pkl", pickle.bytes, pickle.size);
    fx_zip_end(&zip, true);
    check_refused(&zip.file, RNM_ERR_FORMAT, "expected one member named data.pkl");
    fx_zip_free(&zip);

    fx_zip_add(&zip, "a/data.pkl", pickle.bytes, pickle.size);
    fx_zip_add(&zip, "a/byteorder", "big", 3);
    fx_zip_end(&zip, true);
    check_refused(&zip.file, RNM_ERR_UNSUPPORTED, "expected \"little\", found \"big\"");
    fx_zip_free(&zip);

    fx_ops(&pickle, "N.");
    fx_zip_add(&zip, "a/data.pkl", pickle.bytes, pickle.size);
    fx_zip_end(&zip, true);
    check_refused(&zip.file, RNM_ERR_FORMAT, "expected a pickle of 6 bytes, found one of 4");
    fx_zip_free(&zip);
    fx_free(&pickle);
}

static void test_missing_storage(void **state) {
    (void)state;
    static const float data[1] = {0};
    const fx_storage used = {"0", "FloatStorage", 1, data, sizeof data};
    const fx_storage present[] = {{"1", "FloatStorage", 1, data, sizeof data}};
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "}");
    fx_text(&pickle, "w");
    fx_tensor(&pickle, &(fx_view){.storage = &used});
    fx_ops(&pickle, "s.");
    fx_buffer file = fx_zip_file(&pickle, present, 1);
    check_refused(&file, RNM_ERR_FORMAT, "storage 0: expected a zip member data/KEY");
    fx_free(&file);
    file = fx_legacy_file(&pickle, present, 1);
    check_refused(&file, RNM_ERR_FORMAT, "entry 0 is not the key of any tensor's storage");
    fx_free(&file);
    file = fx_legacy_file(&pickle, present, 0);
    check_refused(&file, RNM_ERR_FORMAT, "the list of keys lacks it");
    fx_free(&file);
    const fx_storage twice[] = {used, used};
    file = fx_legacy_file(&pickle, twice, 2);
    check_refused(&file, RNM_ERR_FORMAT, "storage 0: its key is listed twice");
    fx_free(&file);
    fx_free(&pickle);
}

static void test_storage_types_differ(void **state) {
    (void)state;
    static const float data[1] = {0};
    const fx_storage real = {"0", "FloatStorage", 1, data, sizeof data};
    const fx_storage whole = {"0", "IntStorage", 1, data, sizeof data};
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "}(");
    fx_text(&pickle, "a");
    fx_tensor(&pickle, &(fx_view){.storage = &real});
    fx_text(&pickle, "b");
    fx_tensor(&pickle, &(fx_view){.storage = &whole});
    fx_ops(&pickle, "u.");
    fx_buffer file = fx_zip_file(&pickle, &real, 1);
    check_refused(&file, RNM_ERR_FORMAT, "storage 0: two mentions differ");
    fx_free(&file);
    fx_free(&pickle);
}

static void test_legacy_header(void **state) {
    (void)state;
    fx_buffer file = fx_checkpoint(true);
    fx_ops(&file, "x");
    check_refused(&file, RNM_ERR_FORMAT, "expected the end of the file after the last storage");
    fx_free(&file);

    file = fx_checkpoint(true);
    file.bytes[fx_find(&file, "M\xe9\x03", 3) + 1] = 0xea;
    check_refused(&file, RNM_ERR_VERSION, "protocol number: expected 1001");
    fx_free(&file);

    file = fx_checkpoint(true);
    file.bytes[fx_find(&file, "little_endian", 13) + 13] = 0x89;
    check_refused(&file, RNM_ERR_UNSUPPORTED, "expected little_endian to be True");
    fx_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint),      cmocka_unit_test(test_element_types),
        cmocka_unit_test(test_views),           cmocka_unit_test(test_bad_views),
        cmocka_unit_test(test_wrappings),       cmocka_unit_test(test_plain_hints),
        cmocka_unit_test(test_many_skipped),    cmocka_unit_test(test_bad_state),
        cmocka_unit_test(test_never_executed),  cmocka_unit_test(test_bad_archive),
        cmocka_unit_test(test_missing_storage), cmocka_unit_test(test_storage_types_differ),
        cmocka_unit_test(test_legacy_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
