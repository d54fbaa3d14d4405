/* SPDX-License-Identifier: Apache-2.0
 *
 * A small checkpoint of each form, cut at every byte and changed in every byte: the reader may
 * refuse it or not, but it must come back. Meant to run under a sanitizer, too.
 */
#include "check.h"

#include <stdlib.h>

static void test_truncation(void **state) {
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        fx_buffer file = fx_checkpoint(legacy != 0);
        for (size_t size = 0; size < file.size; size++) {
            /* Neither form has anything at its end that may be missing. */
            assert_false(check_survives(file.bytes, size));
        }
        assert_true(check_survives(file.bytes, file.size));
        fx_free(&file);
    }
}

/* Every single-bit change, and the values that mean most to the formats: none, all, and every
 * opcode that takes something off the stack. */
static void test_mutation(void **state) {
    (void)state;
    static const char values[] = "\xff(Rbu.t\x81Q\x85]}h";
    for (int legacy = 0; legacy < 2; legacy++) {
        fx_buffer file = fx_checkpoint(legacy != 0);
        size_t opened = 0;
        for (size_t i = 0; i < file.size; i++) {
            uint8_t kept = file.bytes[i];
            for (unsigned bit = 0; bit < 8; bit++) {
                file.bytes[i] = (uint8_t)(kept ^ 1u << bit);
                opened += check_survives(file.bytes, file.size);
            }
            for (size_t k = 0; k < sizeof values; k++) { /* the terminating zero, too */
                file.bytes[i] = (uint8_t)values[k];
                opened += check_survives(file.bytes, file.size);
            }
            file.bytes[i] = kept;
        }
        assert_true(opened > 0); /* the data itself may be anything */
        fx_free(&file);
    }
}

/* Two changes at once reach what one cannot; the sequence is fixed. */
static void test_mutated_pairs(void **state) {
    (void)state;
    uint64_t random = 1;
    for (int legacy = 0; legacy < 2; legacy++) {
        fx_buffer file = fx_checkpoint(legacy != 0);
        for (int round = 0; round < 20000; round++) {
            size_t at[2];
            uint8_t kept[2];
            for (int k = 0; k < 2; k++) {
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                at[k] = (size_t)(random >> 40) % file.size;
                kept[k] = file.bytes[at[k]];
                file.bytes[at[k]] = (uint8_t)(random >> 32);
            }
            (void)check_survives(file.bytes, file.size);
            file.bytes[at[1]] = kept[1];
            file.bytes[at[0]] = kept[0];
        }
        fx_free(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_mutation),
        cmocka_unit_test(test_mutated_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
