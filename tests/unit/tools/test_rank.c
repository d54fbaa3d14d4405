/* SPDX-License-Identifier: Apache-2.0
 *
 * From scores to the most probable classes.
 */
#include "testing.h"

#include "rank.h"

#include <math.h>

static void assert_near(double found, double expected) {
    if (!(fabs(found - expected) <= 1e-7)) {
        fail_msg("found %.9f, expected %.9f", found, expected);
    }
}

static void test_softmax(void **state) {
    (void)state;
    static const float scores[] = {1, 3, -2, 3, 2};
    ranked_class best[5];
    assert_int_equal(rank_classes(scores, 5, best, 5, NULL), RNM_OK);
    static const int order[] = {1, 3, 4, 0, 2};
    double sum = 0;
    for (int k = 0; k < 5; k++) {
        assert_int_equal(best[k].index, order[k]);
        sum += best[k].probability;
    }
    assert_near(sum, 1);
    assert_near(best[0].probability / best[2].probability, exp(1));
    /* Scores far apart must neither overflow nor vanish into NaN. */
    static const float far[] = {-3e38f, 3e38f};
    assert_int_equal(rank_classes(far, 2, best, 2, NULL), RNM_OK);
    assert_near(best[0].probability, 1);
    assert_near(best[1].probability, 0);
}

static void test_fewer_than_classes(void **state) {
    (void)state;
    float scores[100];
    for (int c = 0; c < 100; c++) {
        scores[c] = (float)((c * 37) % 100);
    }
    ranked_class best[3];
    assert_int_equal(rank_classes(scores, 100, best, 3, NULL), RNM_OK);
    for (int k = 0; k < 3; k++) {
        assert_int_equal((best[k].index * 37) % 100, 99 - k);
    }
}

static void test_distribution_is_kept(void **state) {
    (void)state;
    static const float scores[] = {0.25f, 0.75f, 0};
    ranked_class best[2];
    assert_int_equal(rank_classes(scores, 3, best, 2, NULL), RNM_OK);
    assert_near(best[0].probability, 0.75);
    assert_near(best[1].probability, 0.25);
}

static void test_not_finite(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        float scores[] = {0, 1, 2};
        ranked_class best[3];
        rnm_error error = {0};
        scores[1] = bad[i];
        assert_int_equal(rank_classes(scores, 3, best, 3, &error), RNM_ERR_VALUE);
        assert_non_null(strstr(error.text, "class 1"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_fewer_than_classes),
        cmocka_unit_test(test_distribution_is_kept),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
