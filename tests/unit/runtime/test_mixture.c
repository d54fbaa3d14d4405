/* SPDX-License-Identifier: Apache-2.0
 *
 * Mixtures of an s child's blocks: whatever the pairs are, each block must be what its factors make
 * of the few, anywhere in the parent's range and not only where it was looked at; and what cannot
 * be told so must be refused.
 */
#include "expand/mixture.h"
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROWS = 7, COLUMNS = 9, BLOCKS = ROWS * COLUMNS, PO = 6, PI = 5, PARENT = PO * PI };

/* A child of one tap with its data. */
typedef struct sample_child {
    float parent[PARENT];
    float betas[BLOCKS][2];
    rnm_child child;
} sample_child;

/* |b2 p| up to `reach`, p from `least` to 1. */
static void fill_from(sample_child *s, rng *r, float reach, float least) {
    random_fill(r, s->parent, PARENT);
    for (int k = 0; k < PARENT; ++k) {
        s->parent[k] = least + (1.0f - least) * (0.5f + 0.5f * s->parent[k]);
    }
    s->parent[3] = 1.0f;
    s->parent[7] = least;
    for (int k = 0; k < BLOCKS; ++k) {
        s->betas[k][0] = 3.0f * random_float(r);
        s->betas[k][1] = reach * random_float(r);
    }
    s->child = (rnm_child){.name = "w",
                           .transform = RNM_TRANSFORM_S,
                           .co = ROWS * PO,
                           .ci = COLUMNS * PI,
                           .taps = 1,
                           .po = PO,
                           .pi = PI,
                           .parent_dtype = RNM_F32,
                           .parent = s->parent,
                           .betas = s->betas[0]};
}

static void fill(sample_child *s, rng *r, float reach) {
    fill_from(s, r, reach, -1.0f);
}

static bool find(const sample_child *s, float *found, rnm_mixture *mixture) {
    float *work = malloc(RNM_MIXTURE_WORK * sizeof *work);
    assert_non_null(work);
    assert_true(rnm_mixture_possible(&s->child));
    const bool is_one = rnm_mixture_find(kernels_of(RNM_ISA_BEST), &s->child, work, found, mixture);
    free(work);
    return is_one;
}

static double s_of(double p, const float pair[2]) {
    return (double)pair[0] * p / (1.0 + exp((double)pair[1] * p));
}

/* The largest distance of a block from its mixture for p from `least` to 1: by p, and by the
 * largest that the block is by p. */
static double distance_from(const sample_child *s, const rnm_mixture *m, double least) {
    double worst = 0.0;
    for (uint32_t k = 0; k < BLOCKS; ++k) {
        double largest = 0.0, off = 0.0;
        for (int at = 0; at <= 2001; ++at) {
            const double p = least + (1.0 - least) * at / 2001.0; /* never 0 but for least */
            const double wanted = s_of(p, s->betas[k]);
            double sum = 0.0;
            for (uint32_t j = 0; j < m->count; ++j) {
                const float factor =
                    m->factors[(k / COLUMNS * m->count + j) * COLUMNS + k % COLUMNS];
                sum += (double)factor * s_of(p, m->betas[j]);
            }
            if (p != 0.0) {
                largest = fmax(largest, fabs(wanted / p));
                off = fmax(off, fabs((sum - wanted) / p));
            }
        }
        assert_true(off == 0.0 || largest > 0.0);
        worst = fmax(worst, largest > 0.0 ? off / largest : 0.0);
    }
    return worst;
}

/* How many blocks make the child, each near enough for p from `least` to 1. */
static uint32_t check_found(const sample_child *s, float least) {
    float found[RNM_MIXTURE_FOUND];
    rnm_mixture m;
    assert_true(find(s, found, &m));
    assert_int_equal(m.rows, ROWS);
    assert_int_equal(m.columns, COLUMNS);
    assert_in_range(m.count, 1, RNM_MIXTURE_MOST);
    assert_true(distance_from(s, &m, (double)least) < 0x1p-19);
    return m.count;
}

static void near_everywhere(void **state) {
    (void)state;
    static const float reaches[] = {0.01f, 0.3f, 1.0f, 2.0f, 5.0f, 10.0f, 15.9f};
    rng r = {31};
    for (size_t k = 0; k < sizeof reaches / sizeof *reaches; ++k) {
        uint32_t most = 0;
        for (int times = 0; times < 10; ++times) {
            sample_child s;
            fill(&s, &r, reaches[k]);
            const uint32_t count = check_found(&s, -1.0f);
            most = count > most ? count : most;
        }
        /* Blocks that bend more are less alike. */
        assert_in_range(most, reaches[k] < 1.0f ? 2 : 4, reaches[k] < 1.0f ? 5 : 13);
    }
}

/* The error is each block's own, whatever stands beside it: blocks of any size, and zeros. */
static void sizes_apart(void **state) {
    (void)state;
    rng r = {35};
    sample_child s;
    fill(&s, &r, 4.0f);
    for (int k = 0; k < BLOCKS; ++k) {
        s.betas[k][0] = k % 7 == 0 ? 0.0f : ldexpf(s.betas[k][0], 9 * (k % 27) - 117);
    }
    check_found(&s, -1.0f);
}

/* Weights that are there count, not those that the other sign of p would make. Of one sign and far
 * from 0, b2 * p is rounded by more than is wanted of its exponential: there may be no mixture. */
static void one_sign(void **state) {
    (void)state;
    static const float least[] = {0.0f, 0.5f, 0.999f, 1.0f};
    rng r = {36};
    for (size_t k = 0; k < sizeof least / sizeof *least; ++k) {
        sample_child s;
        float found[RNM_MIXTURE_FOUND];
        rnm_mixture m;
        fill_from(&s, &r, 3.0f, least[k]);
        assert_true(check_found(&s, least[k]) == 1 || least[k] < 1.0f);
        fill_from(&s, &r, 15.0f, least[k]);
        assert_true(!find(&s, found, &m) || distance_from(&s, &m, (double)least[k]) < 0x1p-19);
    }
}

/* Blocks of one pair but for a factor are one. */
static void equal_blocks(void **state) {
    (void)state;
    rng r = {32};
    sample_child s;
    fill(&s, &r, 1.0f);
    for (int k = 0; k < BLOCKS; ++k) {
        s.betas[k][1] = 0.7f;
    }
    assert_int_equal(check_found(&s, -1.0f), 1);
}

static void refused(void **state) {
    (void)state;
    rng r = {33};
    sample_child s;
    float found[RNM_MIXTURE_FOUND];
    rnm_mixture m;
    fill(&s, &r, 1.0f);
    s.betas[BLOCKS - 1][1] = 16.5f; /* bends too sharply */
    assert_false(find(&s, found, &m));
    s.betas[BLOCKS - 1][1] = -3e38f;
    assert_false(find(&s, found, &m));
    fill(&s, &r, 1.0f);
    for (int k = 0; k < BLOCKS; ++k) {
        s.betas[k][0] = 0.0f; /* nothing is there */
    }
    assert_false(find(&s, found, &m));
    fill(&s, &r, 1.0f);
    for (int k = 0; k < PARENT; ++k) {
        s.parent[k] = -0.0f;
    }
    assert_false(find(&s, found, &m));
    fill(&s, &r, 1.0f);
    s.betas[5][0] = 3e38f; /* its factors may have no f32: found, or not, but never infinite */
    s.parent[2] = 0.01f;
    if (find(&s, found, &m)) {
        for (uint32_t k = 0; k < BLOCKS * m.count; ++k) {
            assert_true(isfinite(m.factors[k]));
        }
    }
    fill(&s, &r, 1.0f);
    s.parent[4] = -INFINITY;
    assert_false(find(&s, found, &m));
    for (int k = 0; k < PARENT; ++k) {
        s.parent[k] = NAN;
    }
    assert_false(find(&s, found, &m));
    fill(&s, &r, 8.0f);
    s.child.co = 2 * PO; /* all of few blocks are needed */
    s.child.ci = 2 * PI;
    assert_false(find(&s, found, &m));
}

static void impossible(void **state) {
    (void)state;
    rng r = {34};
    sample_child s;
    fill(&s, &r, 1.0f);
    const rnm_child child = s.child;
    s.child.flags = RNM_RECIPE_INTERLEAVED;
    assert_false(rnm_mixture_possible(&s.child));
    s.child.flags = RNM_RECIPE_CASCADED;
    assert_false(rnm_mixture_possible(&s.child));
    s.child = child;
    s.child.co -= 1;
    assert_false(rnm_mixture_possible(&s.child));
    s.child = child;
    s.child.ci += 1;
    assert_false(rnm_mixture_possible(&s.child));
    s.child = child;
    s.child.co = PO;
    s.child.ci = PI;
    assert_false(rnm_mixture_possible(&s.child));
    s.child.ci = (RNM_MIXTURE_BLOCKS + 1) * PI;
    assert_false(rnm_mixture_possible(&s.child));
    s.child = child;
    s.child.transform = RNM_TRANSFORM_F;
    assert_false(rnm_mixture_possible(&s.child));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_everywhere), cmocka_unit_test(sizes_apart),
        cmocka_unit_test(one_sign),        cmocka_unit_test(equal_blocks),
        cmocka_unit_test(refused),         cmocka_unit_test(impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
