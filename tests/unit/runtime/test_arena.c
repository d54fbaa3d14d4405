/* SPDX-License-Identifier: Apache-2.0
 *
 * The arena: values that are alive together never share bytes, aliases lie together, chains take
 * no more than their two largest neighbours.
 */
#include "arena.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 60 };

static uint64_t lay_out(rnm_place *places, uint32_t count) {
    rnm_arena arena = {places, count};
    rnm_memory memory = rnm_memory_make(NULL);
    uint64_t bytes = 0;
    assert_int_equal(rnm_arena_layout(&arena, &memory, &bytes, NULL), RNM_OK);
    assert_int_equal(memory.taken, 0);
    return bytes;
}

static void random_lives(void **state) {
    (void)state;
    rng r = {12};
    for (int round = 0; round < 200; ++round) {
        rnm_place places[MOST];
        uint32_t count = 1 + random_below(&r, MOST);
        for (uint32_t v = 0; v < count; ++v) {
            uint32_t first = random_below(&r, 30);
            places[v] = (rnm_place){.bytes = 1 + random_below(&r, 5000),
                                    .root = v,
                                    .first = first,
                                    .last = first + random_below(&r, 10)};
        }
        uint64_t bytes = lay_out(places, count);
        for (uint32_t a = 0; a < count; ++a) {
            assert_int_equal(places[a].offset % RNM_MEMORY_ALIGNMENT, 0);
            assert_true(places[a].offset + places[a].bytes + RNM_ARENA_TAIL <= bytes);
            for (uint32_t b = 0; b < a; ++b) {
                bool together =
                    places[a].first <= places[b].last && places[b].first <= places[a].last;
                bool apart = places[a].offset + places[a].bytes <= places[b].offset ||
                             places[b].offset + places[b].bytes <= places[a].offset;
                assert_true(apart || !together);
            }
        }
    }
}

static void chains_take_two_buffers(void **state) {
    (void)state;
    rnm_place places[20];
    for (uint32_t v = 0; v < 20; ++v) {
        places[v] = (rnm_place){.bytes = 640, .root = v, .first = v, .last = v + 1};
    }
    assert_int_equal(lay_out(places, 20), 2 * (640 + RNM_ARENA_TAIL));
}

static void aliases_lie_together_and_live_on(void **state) {
    (void)state;
    rnm_place places[3] = {
        {.bytes = 64, .root = 0, .first = 0, .last = 1},
        {.bytes = 64, .root = 1, .first = 1, .last = 5},
        {.bytes = 64, .root = 2, .first = 3, .last = 4},
    };
    rnm_arena arena = {places, 3};
    assert_true(rnm_arena_ends(&arena, 0, 1));
    rnm_arena_alias(&arena, 0, 1);
    assert_true(rnm_arena_shared(&arena, 0, 1));
    assert_false(rnm_arena_ends(&arena, 0, 1));
    assert_true(rnm_arena_ends(&arena, 1, 5));
    lay_out(places, 3);
    assert_int_equal(places[0].offset, places[1].offset);
    assert_int_not_equal(places[0].offset, places[2].offset);
}

static void sizes_beyond_64_bits_are_refused(void **state) {
    (void)state;
    rnm_place places[2] = {{.bytes = UINT64_MAX - 100, .root = 0}, {.bytes = 1000, .root = 1}};
    rnm_arena arena = {places, 2};
    rnm_memory memory = rnm_memory_make(NULL);
    uint64_t bytes;
    assert_int_equal(rnm_arena_layout(&arena, &memory, &bytes, NULL), RNM_ERR_LIMIT);
    assert_int_equal(memory.taken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives),
        cmocka_unit_test(chains_take_two_buffers),
        cmocka_unit_test(aliases_lie_together_and_live_on),
        cmocka_unit_test(sizes_beyond_64_bits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
