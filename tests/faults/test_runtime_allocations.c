/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is taken behind the allocator's back: every call of malloc and its kin is counted in
 * the whole process, worker threads and libraries included, and fails where asked. Runs take
 * nothing; contexts that could not be made leave nothing.
 */
#include "rnm.h"
#include "rnm_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
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

void __libc_free(void *pointer);

/* Calls so far, blocks that are out, and how many calls may still succeed where that is limited. */
static atomic_long calls, blocks, left;
static atomic_bool limited;

static bool granted(void) {
    atomic_fetch_add(&calls, 1);
    return !atomic_load(&limited) || atomic_fetch_sub(&left, 1) > 0;
}

static void *counted(void *pointer) {
    atomic_fetch_add(&blocks, pointer != NULL);
    errno = pointer != NULL ? errno : ENOMEM;
    return pointer;
}

void *malloc(size_t size) {
    return counted(granted() ? __libc_malloc(size) : NULL);
}

void *calloc(size_t count, size_t size) {
    return counted(granted() ? __libc_calloc(count, size) : NULL);
}

void *realloc(void *pointer, size_t size) {
    void *moved = granted() ? __libc_realloc(pointer, size) : NULL;
    return pointer == NULL ? counted(moved) : moved;
}

void *aligned_alloc(size_t alignment, size_t size) {
    return counted(granted() ? __libc_memalign(alignment, size) : NULL);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    void *taken = counted(granted() ? __libc_memalign(alignment, size) : NULL);
    *pointer = taken != NULL ? taken : *pointer;
    return taken != NULL ? 0 : ENOMEM;
}

void free(void *pointer) {
    atomic_fetch_sub(&blocks, pointer != NULL);
    __libc_free(pointer);
}

static void calls_are_counted(void **state) {
    (void)state;
    long before = atomic_load(&calls);
    void *volatile pointer = malloc(1);
    free(pointer);
    assert_int_equal(atomic_load(&calls), before + 1);
}

enum { WAYS = 64 };

/* All modes; with XNNPACK and without, direct algorithms alone, limits, profiles, threads. */
static rnm_context_options options_of(unsigned way) {
    return (rnm_context_options){.expand = (rnm_expand)(RNM_EXPAND_LOAD + (int)(way % 4)),
                                 .threads = 1 + (int)(way / 4 % 2),
                                 .spread_threads = way / 8 % 2 != 0,
                                 .no_xnnpack = way / 8 % 2 != 0,
                                 .direct_only = way / 16 % 2 != 0,
                                 .memory_limit = way / 32 % 2 != 0 ? (uint64_t)1 << 20 : 0,
                                 .profile = way / 32 % 2 != 0};
}

static void runs_take_nothing(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    for (unsigned way = 0; way < WAYS; ++way) {
        rnm_context_options options = options_of(way);
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

/* As with an allocator of one's own that fails (test_runtime_faults.c), but with what the thread
 * pool takes as well. XNNPACK is left out: xnn_setup_runtime of Debian 12 does not look at what it
 * was given. */
static void contexts_fail_cleanly(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_model *model;
    assert_int_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    for (unsigned way = 0; way < WAYS; ++way) {
        rnm_context_options options = options_of(way);
        options.no_xnnpack = true;
        rnm_status status = RNM_ERR_MEMORY;
        for (long allowed = 0; status != RNM_OK; ++allowed) {
            rnm_context *context = NULL;
            rnm_error error = {0};
            long before = atomic_load(&blocks);
            atomic_store(&left, allowed);
            atomic_store(&limited, true);
            options.team = NULL;
            status = way % 3 == 0 ? rnm_team_create(options.threads, options.spread_threads,
                                                    &options.team, &error)
                                  : RNM_OK;
            status =
                status == RNM_OK ? rnm_context_create(model, &options, &context, &error) : status;
            atomic_store(&limited, false);
            assert_true(status == RNM_OK || status == RNM_ERR_MEMORY || status == RNM_ERR_RESOURCE);
            assert_int_equal(status == RNM_OK, context != NULL);
            assert_int_equal(status == RNM_OK, error.text[0] == '\0');
            rnm_context_destroy(context);
            rnm_team_destroy(options.team);
            assert_int_equal(atomic_load(&blocks), before);
        }
    }
    rnm_model_close(model);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_counted),
        cmocka_unit_test(runs_take_nothing),
        cmocka_unit_test(contexts_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
