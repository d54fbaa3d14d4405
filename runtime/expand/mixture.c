/* SPDX-License-Identifier: Apache-2.0
 *
 * Cross approximation with full pivots: all blocks are taken at sample values of p; the block and
 * the sample where what is left is largest are chosen, and what they explain is taken from all,
 * until no more is left than is worth a block. The factors then make the mixture exact at the
 * chosen samples.
 */
#include "mixture.h"

#include "half.h"

#include <math.h>
#include <string.h>

/* What may be left of a block by p at a sample, by the largest of its values there; for small
 * weights are not to be further off, for what they are, than large ones. Between samples it is a
 * few times as much at worst. */
#define LEFT_OVER 0x1p-20f

/* Blocks have their nearest poles where b2 p is i pi, so over |b2 p| <= reach they are polynomials
 * of degree n to within c^-n, c = (pi + sqrt(pi^2 + reach^2)) / reach: with so many samples, to
 * within 1e-8, and nothing is between them that they do not tell. */
#define MOST_REACH 16.0f
static unsigned samples_for(float reach) {
    return 16 + (unsigned)(5.0f * reach);
}

enum {
    MOST_SAMPLES = RNM_MIXTURE_SAMPLES,
    MOST = RNM_MIXTURE_MOST,
    PANELS = RNM_MIXTURE_BLOCKS / RNM_PANEL,
};

/* Blocks side by side as a panel's lanes are. */
typedef float table[MOST_SAMPLES][RNM_PANEL];

typedef struct search {
    uint32_t blocks, panels, samples, count;
    table *values, *left;               /* [panel] */
    uint32_t block[MOST], sample[MOST]; /* chosen */
    float b1[RNM_MIXTURE_BLOCKS];       /* that makes the largest of s(p) / p 1, or 0 */
    double solved[MOST][MOST];          /* the chosen blocks at the chosen samples, as L and U */
} search;

bool rnm_mixture_possible(const rnm_child *child) {
    const uint64_t blocks = (uint64_t)(child->co / child->po) * (child->ci / child->pi);
    return child->transform == RNM_TRANSFORM_S &&
           (child->flags & (RNM_RECIPE_INTERLEAVED | RNM_RECIPE_CASCADED)) == 0 &&
           child->co % child->po == 0 && child->ci % child->pi == 0 && blocks > 1 &&
           blocks <= RNM_MIXTURE_BLOCKS;
}

enum { LANES = 8 }; /* of one alone every step would wait for the last */

/* Elements of the parent as f32. */
static void read_parent(const rnm_child *child, uint64_t first, float p[LANES]) {
    const uint16_t *halves = (const uint16_t *)child->parent + first;
    if (child->parent_dtype == RNM_F32) {
        memcpy(p, (const float *)child->parent + first, LANES * sizeof *p);
        return;
    }
    for (unsigned l = 0; l < LANES; ++l) {
        p[l] =
            child->parent_dtype == RNM_F16 ? rnm_f16_to_f32(halves[l]) : rnm_bf16_to_f32(halves[l]);
    }
}

/* The least and the largest element of the parent; NaN is none. */
static void find_range(const rnm_child *child, float *least, float *most) {
    const uint64_t elements = (uint64_t)child->pi * child->taps * child->po;
    float low[LANES], high[LANES];
    *least = INFINITY;
    *most = -INFINITY;
    for (unsigned l = 0; l < LANES; ++l) {
        low[l] = INFINITY;
        high[l] = -INFINITY;
    }
    uint64_t k = 0;
    for (; k + LANES <= elements; k += LANES) {
        float p[LANES];
        read_parent(child, k, p);
        for (unsigned l = 0; l < LANES; ++l) {
            low[l] = p[l] < low[l] ? p[l] : low[l];
            high[l] = p[l] > high[l] ? p[l] : high[l];
        }
    }
    for (unsigned l = 0; l < LANES; ++l) {
        *least = low[l] < *least ? low[l] : *least;
        *most = high[l] > *most ? high[l] : *most;
    }
    for (; k < elements; ++k) {
        const uint64_t row = k / child->po;
        const float p = rnm_parent_at(child, (uint32_t)(k % child->po),
                                      (uint32_t)(row / child->taps), (uint32_t)(row % child->taps));
        *least = p < *least ? p : *least;
        *most = p > *most ? p : *most;
    }
}

/* Samples of s(p) / p of a panel of blocks with b1 of 1, and then, blocks being compared, so that
 * the largest of each is 1; of a block that is zero, zeros. False where that has no f32. */
static bool sample_panel(const rnm_kernels *kernels, const rnm_child *child, search *s,
                         uint32_t panel, const float (*points)[RNM_PANEL]) {
    float b1[RNM_PANEL] = {0}, b2[RNM_PANEL] = {0}, most[RNM_PANEL] = {0};
    const uint32_t first = panel * RNM_PANEL;
    for (uint32_t l = 0; l < RNM_PANEL && first + l < s->blocks; ++l) {
        const float *pair = child->betas + 2 * (size_t)(first + l);
        b1[l] = pair[0] != 0.0f ? 1.0f : 0.0f;
        b2[l] = pair[1];
    }
    float(*values)[RNM_PANEL] = s->values[panel];
    kernels->s(points[0], RNM_PANEL, 0, b1, b2, s->samples, values[0]);
    for (uint32_t k = 0; k < s->samples; ++k) {
        for (uint32_t l = 0; l < RNM_PANEL; ++l) {
            values[k][l] /= points[k][l];
            most[l] = values[k][l] > most[l] ? values[k][l] : most[l];
        }
    }
    for (uint32_t l = 0; l < RNM_PANEL; ++l) {
        if (b1[l] > 0.0f && !(most[l] > 0x1p-60f)) {
            return false;
        }
        b1[l] = b1[l] > 0.0f ? 1.0f / most[l] : 0.0f;
    }
    for (uint32_t k = 0; k < s->samples; ++k) {
        for (uint32_t l = 0; l < RNM_PANEL; ++l) {
            values[k][l] *= b1[l];
        }
    }
    memcpy(s->b1 + first, b1, sizeof b1);
    return true;
}

/* All blocks at the zeros of a Chebyshev polynomial over the parent's range; false where they bend
 * too sharply, or the parent is zero. */
static bool take_samples(const rnm_kernels *kernels, const rnm_child *child, search *s) {
    float least, most, steepest = 0.0f;
    find_range(child, &least, &most);
    for (uint32_t k = 0; k < s->blocks; ++k) {
        steepest = fmaxf(steepest, fabsf(child->betas[2 * k + 1]));
    }
    const float reach = steepest * fmaxf(fabsf(least), fabsf(most));
    if (!(reach <= MOST_REACH) || (least >= 0.0f && most <= 0.0f)) {
        return false;
    }
    s->samples = samples_for(reach);
    table points;
    for (unsigned k = 0; k < s->samples; ++k) {
        const float at = cosf(3.14159265f * ((float)k + 0.5f) / (float)s->samples);
        float p = 0.5f * (least + most) + 0.5f * (most - least) * at;
        p = fabsf(p) > 0x1p-60f ? p : 0x1p-60f; /* there is nothing to divide by 0 */
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            points[k][l] = p;
        }
    }
    for (uint32_t p = 0; p < s->panels; ++p) {
        if (!sample_panel(kernels, child, s, p, (const float(*)[RNM_PANEL])points)) {
            return false;
        }
    }
    memcpy(s->left, s->values, s->panels * sizeof(table));
    return true;
}

/* The largest of what is left, and where. By lanes first, and as numbers: magnitudes compare as
 * their bits do. */
static float find_largest(const search *s, uint32_t *block, uint32_t *sample) {
    int32_t most[RNM_PANEL] = {0};
    for (uint32_t p = 0; p < s->panels; ++p) {
        for (uint32_t k = 0; k < s->samples; ++k) {
            int32_t bits[RNM_PANEL];
            memcpy(bits, s->left[p][k], sizeof bits);
            for (uint32_t l = 0; l < RNM_PANEL; ++l) {
                const int32_t size = bits[l] & INT32_MAX;
                most[l] = size > most[l] ? size : most[l];
            }
        }
    }
    uint32_t lane = 0;
    for (uint32_t l = 1; l < RNM_PANEL; ++l) {
        lane = most[l] > most[lane] ? l : lane;
    }
    const float largest = rnm_f32_from_bits((uint32_t)most[lane]);
    for (uint32_t p = 0; p < s->panels; ++p) {
        for (uint32_t k = 0; k < s->samples; ++k) {
            if (fabsf(s->left[p][k][lane]) >= largest) {
                *block = p * RNM_PANEL + lane;
                *sample = k;
                return largest;
            }
        }
    }
    return largest;
}

/* Takes what a block at that sample explains from all. */
static void take_away(search *s, uint32_t block, uint32_t sample) {
    float parts[MOST_SAMPLES];
    const float pivot = s->left[block / RNM_PANEL][sample][block % RNM_PANEL];
    for (uint32_t k = 0; k < s->samples; ++k) {
        parts[k] = s->left[block / RNM_PANEL][k][block % RNM_PANEL] / pivot;
    }
    for (uint32_t p = 0; p < s->panels; ++p) {
        float row[RNM_PANEL];
        memcpy(row, s->left[p][sample], sizeof row);
        for (uint32_t k = 0; k < s->samples; ++k) {
            for (uint32_t l = 0; l < RNM_PANEL; ++l) {
                s->left[p][k][l] -= parts[k] * row[l];
            }
        }
    }
}

/* Chooses blocks; false where there would be too many, or nothing is there to choose from. */
static bool choose(search *s) {
    uint32_t block = 0, sample = 0;
    while (find_largest(s, &block, &sample) > LEFT_OVER) {
        if (s->count == MOST || s->count + 1 == s->blocks) {
            return false;
        }
        s->block[s->count] = block;
        s->sample[s->count++] = sample;
        take_away(s, block, sample);
    }
    return s->count > 0;
}

static double value_at(const search *s, uint32_t block, uint32_t sample) {
    return (double)s->values[block / RNM_PANEL][sample][block % RNM_PANEL];
}

/* Elimination in the order of choice, in which every pivot is the largest. */
static void eliminate(search *s) {
    for (uint32_t i = 0; i < s->count; ++i) {
        for (uint32_t j = 0; j < s->count; ++j) {
            s->solved[i][j] = value_at(s, s->block[j], s->sample[i]);
        }
    }
    for (uint32_t k = 0; k < s->count; ++k) {
        for (uint32_t i = k + 1; i < s->count; ++i) {
            s->solved[i][k] /= s->solved[k][k];
            for (uint32_t j = k + 1; j < s->count; ++j) {
                s->solved[i][j] -= s->solved[i][k] * s->solved[k][j];
            }
        }
    }
}

/* A block's factors, into its lane. */
static void solve(const search *s, uint32_t block, float (*factors)[RNM_PANEL]) {
    double x[MOST];
    for (uint32_t i = 0; i < s->count; ++i) {
        x[i] = value_at(s, block, s->sample[i]);
        for (uint32_t j = 0; j < i; ++j) {
            x[i] -= s->solved[i][j] * x[j];
        }
    }
    for (uint32_t i = s->count; i-- > 0;) {
        for (uint32_t j = i + 1; j < s->count; ++j) {
            x[i] -= s->solved[i][j] * x[j];
        }
        x[i] /= s->solved[i][i];
        factors[i][block % RNM_PANEL] = (float)x[i];
    }
}

/* Whether a panel of blocks is near enough to its mixtures at all samples, with factors rounded:
 * twice as far as asked for, as roundings add to what is left. */
static bool is_near(const search *s, uint32_t panel, const float (*factors)[RNM_PANEL]) {
    for (uint32_t k = 0; k < s->samples; ++k) {
        float left[RNM_PANEL];
        memcpy(left, s->values[panel][k], sizeof left);
        for (uint32_t j = 0; j < s->count; ++j) {
            const float value = s->values[s->block[j] / RNM_PANEL][k][s->block[j] % RNM_PANEL];
            for (uint32_t l = 0; l < RNM_PANEL; ++l) {
                left[l] -= factors[j][l] * value;
            }
        }
        for (uint32_t l = 0; l < RNM_PANEL; ++l) {
            if (!(fabsf(left[l]) <= 2.0f * LEFT_OVER)) {
                return false;
            }
        }
    }
    return true;
}

/* A block's factors as they are used: of the chosen blocks as these are expanded. False where one
 * has no f32. */
static bool write_factors(const search *s, const rnm_child *child, uint32_t block,
                          const float (*of_panel)[RNM_PANEL], float *factors) {
    const uint32_t columns = child->ci / child->pi;
    const float b1 = child->betas[2 * (size_t)block];
    const float scale = b1 != 0.0f ? b1 / s->b1[block] : 0.0f;
    float *to = factors + (size_t)(block / columns) * s->count * columns + block % columns;
    for (uint32_t j = 0; j < s->count; ++j) {
        to[j * columns] = scale * of_panel[j][block % RNM_PANEL];
        if (!isfinite(to[j * columns])) {
            return false;
        }
    }
    return true;
}

bool rnm_mixture_find(const rnm_kernels *kernels, const rnm_child *child, float *work, float *found,
                      rnm_mixture *mixture) {
    const uint32_t rows = child->co / child->po, columns = child->ci / child->pi;
    search s = {.blocks = rows * columns,
                .panels = (rows * columns + RNM_PANEL - 1) / RNM_PANEL,
                .values = (table *)(void *)work,
                .left = (table *)(void *)work + PANELS};
    if (!take_samples(kernels, child, &s) || !choose(&s)) {
        return false;
    }
    eliminate(&s);
    float(*betas)[2] = (float(*)[2])(void *)found;
    float *factors = found + 2 * MOST;
    for (uint32_t j = 0; j < s.count; ++j) {
        betas[j][0] = s.b1[s.block[j]];
        betas[j][1] = child->betas[2 * (size_t)s.block[j] + 1];
    }
    for (uint32_t p = 0; p < s.panels; ++p) {
        float of_panel[MOST][RNM_PANEL] = {{0}};
        const uint32_t first = p * RNM_PANEL;
        const uint32_t end = first + RNM_PANEL < s.blocks ? first + RNM_PANEL : s.blocks;
        for (uint32_t block = first; block < end; ++block) {
            solve(&s, block, of_panel);
        }
        bool fine = is_near(&s, p, (const float(*)[RNM_PANEL])of_panel);
        for (uint32_t block = first; fine && block < end; ++block) {
            fine = write_factors(&s, child, block, (const float(*)[RNM_PANEL])of_panel, factors);
        }
        if (!fine) {
            return false;
        }
    }
    *mixture = (rnm_mixture){.rows = rows,
                             .columns = columns,
                             .count = s.count,
                             .factors = factors,
                             .betas = (const float(*)[2])betas};
    return true;
}
