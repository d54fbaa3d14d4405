/* SPDX-License-Identifier: Apache-2.0
 *
 * The pickle reader on small pickles: what plain data come to, and what is refused.
 */
#include "fixture.h"
#include "pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const size_t CEILING = 1 << 20;

/* Reads a pickle that must be good. The caller clears the arena. */
static pk_value read_good(const void *bytes, size_t size, rnc_arena *arena) {
    *arena = rnc_arena_make(CEILING);
    pk_pickle pickle = {0};
    rnm_error error = {0};
    if (pk_read(bytes, size, arena, &pickle, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(pickle.size, size);
    return pickle.root;
}

static void refuse(const void *bytes, size_t size, rnm_status status, const char *words) {
    rnc_arena arena = rnc_arena_make(CEILING);
    pk_pickle pickle = {0};
    rnm_error error = {0};
    rnm_status found = pk_read(bytes, size, &arena, &pickle, &error);
    if (found != status || strstr(error.text, words) == NULL) {
        fail_msg("expected status %d and \"%s\", found %d: %s", status, words, found, error.text);
    }
    rnc_arena_clear(&arena);
}

#define READ(literal, arena) read_good(literal, sizeof(literal) - 1, arena)
#define REFUSE(literal, status, words) refuse(literal, sizeof(literal) - 1, status, words)

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int64_t value;
    } rows[] = {
        {"\x80\x02K\xff.", 5, 255},
        {"\x80\x02M\xff\xff.", 6, 65535},
        {"\x80\x02J\xff\xff\xff\xff.", 8, -1},
        {"\x80\x02\x8a\x00.", 5, 0},
        {"\x80\x02\x8a\x01\x80.", 6, -128},
        {"\x80\x02\x8a\x02\x80\x00.", 7, 128},
        {"\x80\x02\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", 13, INT64_MAX},
        {"\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", 13, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rnc_arena arena;
        pk_value value = read_good(rows[i].bytes, rows[i].size, &arena);
        assert_int_equal(value.kind, PK_INT);
        assert_true(value.as.integer == rows[i].value);
        rnc_arena_clear(&arena);
    }
    rnc_arena arena;
    pk_value half = READ("\x80\x02G\x3f\xe0\x00\x00\x00\x00\x00\x00.", &arena);
    assert_int_equal(half.kind, PK_FLOAT);
    assert_true(half.as.real == 0.5);
    rnc_arena_clear(&arena);
}

static void test_containers(void **state) {
    (void)state;
    rnc_arena arena;
    pk_value dict = READ("\x80\x02}q\x00(X\x01\x00\x00\x00"
                         "aK\x01X\x01\x00\x00\x00"
                         "b](K\x02K\x03"
                         "eX\x01\x00\x00\x00"
                         "aN\x85u.",
                         &arena);
    assert_int_equal(dict.kind, PK_DICT);
    const pk_value *twice = pk_get(&dict, "a"); /* the later of the two */
    assert_non_null(twice);
    assert_int_equal(twice->kind, PK_TUPLE);
    assert_int_equal(twice->as.box->count, 1);
    const pk_value *list = pk_get(&dict, "b");
    assert_non_null(list);
    assert_int_equal(list->as.box->count, 2);
    assert_int_equal(list->as.box->items[1].as.integer, 3);
    assert_null(pk_get(&dict, "c"));
    rnc_arena_clear(&arena);
}

/* Protocol 4 spells the same values otherwise. */
static void test_protocol_4(void **state) {
    (void)state;
    rnc_arena arena;
    pk_value tuple = READ("\x80\x04\x95\x28\x00\x00\x00\x00\x00\x00\x00\x8c\x0b"
                          "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94"
                          "C\x01z\x94N\x87.",
                          &arena);
    assert_int_equal(tuple.kind, PK_TUPLE);
    assert_int_equal(tuple.as.box->items[0].kind, PK_ORDERED_DICT);
    assert_int_equal(tuple.as.box->items[1].kind, PK_BYTES);
    assert_int_equal(tuple.as.box->items[2].kind, PK_NONE);
    rnc_arena_clear(&arena);
}

static void test_self_reference(void **state) {
    (void)state;
    rnc_arena arena;
    pk_value list = READ("\x80\x02]q\x00(h\x00h\x00h\x00"
                         "e.",
                         &arena);
    assert_int_equal(list.as.box->count, 3);
    assert_ptr_equal(list.as.box->items[0].as.box, list.as.box);
    assert_int_equal(pk_count_tensors(&list, 1), 0);
    rnc_arena_clear(&arena);
}

/* Sixty lists, each holding the one before twice: a walk must not take 2^60 steps. */
static void test_shared_parts(void **state) {
    (void)state;
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "]q");
    fx_put_le(&pickle, 0, 1);
    for (unsigned i = 0; i < 60; i++) {
        fx_ops(&pickle, "h");
        fx_put_le(&pickle, i, 1);
        fx_put_le(&pickle, 0x86, 1);
        fx_ops(&pickle, "q");
        fx_put_le(&pickle, i + 1, 1);
    }
    fx_ops(&pickle, ".");
    rnc_arena arena;
    pk_value root = read_good(pickle.bytes, pickle.size, &arena);
    assert_int_equal(pk_count_tensors(&root, 1), 0);
    rnc_arena_clear(&arena);
    fx_free(&pickle);
}

static void test_deep_nesting(void **state) {
    (void)state;
    enum { DEPTH = 10000 };
    fx_buffer lists = {0};
    fx_begin(&lists);
    for (int i = 0; i < DEPTH; i++) {
        fx_ops(&lists, "]");
    }
    for (int i = 1; i < DEPTH; i++) {
        fx_ops(&lists, "a");
    }
    fx_ops(&lists, ".");
    rnc_arena arena;
    pk_value root = read_good(lists.bytes, lists.size, &arena);
    assert_int_equal(pk_count_tensors(&root, 1), 0);
    rnc_arena_clear(&arena);
    fx_free(&lists);

    fx_buffer marks = {0};
    fx_begin(&marks);
    for (int i = 0; i < DEPTH; i++) {
        fx_ops(&marks, "(");
    }
    refuse(marks.bytes, marks.size, RNM_ERR_LIMIT, "nested deeper");
    fx_free(&marks);
}

static void test_ceilings(void **state) {
    (void)state;
    fx_buffer stack = {0};
    fx_begin(&stack);
    for (int i = 0; i < 300000; i++) {
        fx_ops(&stack, "N");
    }
    refuse(stack.bytes, stack.size, RNM_ERR_LIMIT, "the stack needs more");
    fx_free(&stack);

    fx_buffer values = {0};
    fx_begin(&values);
    fx_ops(&values, "]");
    for (int i = 0; i < 100000; i++) {
        fx_ops(&values, "]a");
    }
    refuse(values.bytes, values.size, RNM_ERR_LIMIT, "more than the 1024 KiB allowed");
    fx_free(&values);

    REFUSE("\x80\x02Nr\xff\xff\xff\xff.", RNM_ERR_LIMIT, "the memo needs more");
    REFUSE("\x80\x02Nr\x00\x00\x08\x00.", RNM_ERR_LIMIT, "the memo needs more");
}

static void test_malformed(void **state) {
    (void)state;
    REFUSE("", RNM_ERR_FORMAT, "cut short");
    REFUSE("\x80\x02", RNM_ERR_FORMAT, "byte 2: expected another opcode");
    REFUSE("\x80", RNM_ERR_FORMAT, "PROTO is cut short");
    REFUSE("\x80\x01N.", RNM_ERR_UNSUPPORTED, "protocol 2 to 5, found 1");
    REFUSE("\x80\x02.", RNM_ERR_FORMAT, "expected one value on the stack");
    REFUSE("\x80\x02NN.", RNM_ERR_FORMAT, "expected one value on the stack");
    REFUSE("\x80\x02N(.", RNM_ERR_FORMAT, "and 1 marks");
    REFUSE("\x80\x02h\x05.", RNM_ERR_FORMAT, "memo entry 5 is read but was never written");
    REFUSE("\x80\x02Nq\x00j\x01\x00\x00\x00.", RNM_ERR_FORMAT, "memo entry 1");
    REFUSE("\x80\x02q\x00.", RNM_ERR_FORMAT, "expected a value to remember");
    REFUSE("\x80\x02N\x86.", RNM_ERR_FORMAT, "expected 2 values");
    REFUSE("\x80\x02N(\x85.", RNM_ERR_FORMAT, "expected 1 values"); /* behind a mark */
    REFUSE("\x80\x02Nt.", RNM_ERR_FORMAT, "expected a mark");
    REFUSE("\x80\x02Na.", RNM_ERR_FORMAT, "expected a list to append to, found nothing");
    REFUSE("\x80\x02)Na.", RNM_ERR_FORMAT, "expected a list to append to, found a tuple");
    REFUSE("\x80\x02](Na.", RNM_ERR_FORMAT, "expected a list to append to, found nothing");
    REFUSE("\x80\x02]NNs.", RNM_ERR_FORMAT, "expected a dict to set items in, found a list");
    REFUSE("\x80\x02}(Nu.", RNM_ERR_FORMAT, "found a key alone");
    REFUSE("\x80\x02}]Ns.", RNM_ERR_FORMAT, "a list cannot be the key");
    REFUSE("\x80\x02X\x05\x00\x00\x00"
           "abc.",
           RNM_ERR_FORMAT, "BINUNICODE: expected 5 bytes, found 4");
    REFUSE("\x80\x02X\xff\xff\xff\xff"
           "abc.",
           RNM_ERR_FORMAT, "expected 4294967295 bytes");
    REFUSE("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
           "abc.",
           RNM_ERR_FORMAT, "BINUNICODE8");
    REFUSE("\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", RNM_ERR_FORMAT, "frame of 255 bytes");
    REFUSE("\x80\x02"
           "cos\nsystem",
           RNM_ERR_FORMAT, "found no end of it");
    REFUSE("\x80\x04NN\x93.", RNM_ERR_FORMAT, "expected the name of a global");
    REFUSE("\x80\x02K\x01Q.", RNM_ERR_FORMAT, "as a persistent id, found an integer");
    REFUSE("\x80\x02NN.", RNM_ERR_FORMAT, "found 2 and 0 marks");
}

/* Every byte value alone is an opcode that is in the table, or one that is refused by number. */
static void test_unknown_opcodes(void **state) {
    (void)state;
    static const char known[] = "\x80\x95.(N\x88\x89KMJ\x8aGX\x8c\x8d"
                                "BC)]}t\x85\x86\x87"
                                "aesuqr\x94hjc\x93QR\x81"
                                "b";
    for (int code = 0; code < 256; code++) {
        if (memchr(known, code, sizeof known - 1) != NULL) {
            continue;
        }
        char bytes[] = {'\x80', '\x02', (char)code, '.'};
        refuse(bytes, sizeof bytes, RNM_ERR_UNSUPPORTED, "nothing was executed");
    }
}

static void test_calls(void **state) {
    (void)state;
    REFUSE("\x80\x02"
           "cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.",
           RNM_ERR_UNSUPPORTED, "the file calls posix.system");
    /* A name on the list is not thereby something to call. */
    REFUSE("\x80\x02"
           "ctorch\nFloatStorage\n)R.",
           RNM_ERR_UNSUPPORTED, "the file calls torch.FloatStorage");
    REFUSE("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", RNM_ERR_UNSUPPORTED,
           "the file calls os.system");
    REFUSE("\x80\x02"
           "cm\nClass\n)\x81.",
           RNM_ERR_UNSUPPORTED, "an object of class m.Class");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\n)\x81.",
           RNM_ERR_UNSUPPORTED, "an object of class collections.OrderedDict");
    REFUSE("\x80\x02"
           "cm\nClass\n}b.",
           RNM_ERR_UNSUPPORTED, "an object of class m.Class");
    REFUSE("\x80\x02}}b.", RNM_ERR_UNSUPPORTED, "gives a dict a state");
    REFUSE("\x80\x02"
           "cargparse\nNamespace\n)\x81Nb.",
           RNM_ERR_FORMAT, "expected a dict as the state of a Namespace, found None");
    REFUSE("\x80\x02"
           "cargparse\nNamespace\nN\x85\x81.",
           RNM_ERR_FORMAT, "argparse.Namespace: expected ()");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\nN\x85R.",
           RNM_ERR_FORMAT, "collections.OrderedDict: expected ()");
    REFUSE("\x80\x02"
           "ccollections\nOrderedDict\nNR.",
           RNM_ERR_FORMAT, "expected a tuple of arguments");
    REFUSE("\x80\x02"
           "ccollections\nCounter\nN\x85R.",
           RNM_ERR_FORMAT, "collections.Counter: expected () or (dict,)");
    REFUSE("\x80\x02N)R.", RNM_ERR_FORMAT, "expected a function to call, found None");
    REFUSE("\x80\x02N)\x81.", RNM_ERR_FORMAT, "expected a class to make an object of, found None");
    REFUSE("\x80\x02"
           "ctorch._utils\n_rebuild_tensor_v2\n)R.",
           RNM_ERR_FORMAT, "torch._utils._rebuild_tensor_v2: expected (storage, offset");
    REFUSE("\x80\x02"
           "ctorch._utils\n_rebuild_parameter\nN\x85R.",
           RNM_ERR_FORMAT, "torch._utils._rebuild_parameter: expected (tensor");
}

/* A class that is only mentioned, as a key or a value, does no harm. */
static void test_bare_global(void **state) {
    (void)state;
    rnc_arena arena;
    pk_value dict = READ("\x80\x02}cposix\nsystem\ncm\nClass\ns.", &arena);
    const pk_value *key = &dict.as.box->items[0];
    assert_int_equal(key->kind, PK_GLOBAL);
    assert_int_equal(key->length, strlen("posix.system"));
    assert_memory_equal(key->as.bytes, "posix.system", key->length);
    rnc_arena_clear(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_containers),
        cmocka_unit_test(test_protocol_4),      cmocka_unit_test(test_self_reference),
        cmocka_unit_test(test_shared_parts),    cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_ceilings),        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_unknown_opcodes), cmocka_unit_test(test_calls),
        cmocka_unit_test(test_bare_global),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
