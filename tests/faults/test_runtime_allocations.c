/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs take no memory, not even behind the allocator's back: every call of malloc and its kin is
 * counted in the whole process, worker threads and libraries included.
 */
#include "rnm.h"
#include "rnm_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* glibc's own, which these stand before. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long calls;

void *malloc(size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_realloc(pointer, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&calls, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    atomic_fetch_add(&calls, 1);
    *pointer = __libc_memalign(alignment, size);
    return *pointer != NULL ? 0 : ENOMEM;
}

static void calls_are_counted(void **state) {
    (void)state;
    long before = atomic_load(&calls);
    void *volatile pointer = malloc(1);
    free(pointer);
    assert_int_equal(atomic_load(&calls), before + 1);
}

static void runs_take_nothing(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    /* All modes; with XNNPACK and without, direct algorithms alone, limits, profiles, threads. */
    for (unsigned way = 0; way < 4 * 16; ++way) {
        rnm_context_options options = {.expand = (rnm_expand)(RNM_EXPAND_LOAD + (int)(way % 4)),
                                       .threads = 1 + (int)(way / 4 % 2),
                                       .no_xnnpack = way / 8 % 2 != 0,
                                       .direct_only = way / 16 % 2 != 0,
                                       .memory_limit = way / 32 % 2 != 0 ? (uint64_t)1 << 20 : 0,
                                       .profile = way / 32 % 2 != 0};
        rnm_context *context = NULL;
        assert_int_equal(rnm_context_create(model, &options, &context, NULL), RNM_OK);
        for (int run = 0; run < 3; ++run) {
            long before = atomic_load(&calls);
            assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            assert_int_equal(atomic_load(&calls), before);
        }
        rnm_context_destroy(context);
    }
    rnm_model_close(model);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_counted),
        cmocka_unit_test(runs_take_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
