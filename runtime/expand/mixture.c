/* SPDX-License-Identifier: Apache-2.0
 *
 * Cross approximation with full pivots: all blocks are taken at sample values of p; the block and
 * the sample where what is left is largest are chosen, and what they explain is taken from all,
 * until no more is left than is worth a block. The factors then make the mixture exact at the
 * chosen samples.
 */
#include "mixture.h"

#include "half.h"
#include "magnitude.h"

#include <math.h>
#include <string.h>

/* What may be left of a block at a sample, by the largest weight of all. */
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
    double solved[MOST][MOST];          /* the chosen blocks at the chosen samples, as L and U */
} search;

bool rnm_mixture_possible(const rnm_child *child) {
    const uint64_t blocks = (uint64_t)(child->co / child->po) * (child->ci / child->pi);
    return child->transform == RNM_TRANSFORM_S &&
           (child->flags & (RNM_RECIPE_INTERLEAVED | RNM_RECIPE_CASCADED)) == 0 &&
           child->co % child->po == 0 && child->ci % child->pi == 0 && blocks > 1 &&
           blocks <= RNM_MIXTURE_BLOCKS;
}

/* All blocks at the zeros of a Chebyshev polynomial over the parent's range; false where they bend
 * too sharply. */
static bool take_samples(const rnm_kernels *kernels, const rnm_child *child, search *s) {
    const uint64_t elements = (uint64_t)child->pi * child->taps * child->po;
    const float most = rnm_max_magnitude(child->parent, child->parent_dtype, elements);
    float steepest = 0.0f;
    for (uint32_t k = 0; k < s->blocks; ++k) {
        steepest = fmaxf(steepest, fabsf(child->betas[2 * k + 1]));
    }
    if (!(steepest * most <= MOST_REACH)) {
        return false;
    }
    s->samples = samples_for(steepest * most);
    table points;
    for (unsigned k = 0; k < s->samples; ++k) {
        const float at = most * cosf(3.14159265f * ((float)k + 0.5f) / (float)s->samples);
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            points[k][l] = at;
        }
    }
    for (uint32_t p = 0; p < s->panels; ++p) {
        float b1[RNM_PANEL] = {0}, b2[RNM_PANEL] = {0};
        for (uint32_t l = 0; l < RNM_PANEL && p * RNM_PANEL + l < s->blocks; ++l) {
            const float *pair = child->betas + 2 * (size_t)(p * RNM_PANEL + l);
            b1[l] = pair[0];
            b2[l] = pair[1];
        }
        kernels->s(points[0], RNM_PANEL, 0, b1, b2, s->samples, s->values[p][0]);
    }
    memcpy(s->left, s->values, s->panels * sizeof(table));
    return true;
}

/* The largest of what is left, and where. By lanes first, and as numbers, as magnitude.c has it. */
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
static bool choose(search *s, float *largest) {
    uint32_t block = 0, sample = 0;
    *largest = find_largest(s, &block, &sample);
    float left = *largest;
    while (left > LEFT_OVER * *largest) {
        if (s->count == MOST || s->count + 1 == s->blocks) {
            return false;
        }
        s->block[s->count] = block;
        s->sample[s->count++] = sample;
        take_away(s, block, sample);
        left = find_largest(s, &block, &sample);
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
static bool is_near(const search *s, uint32_t panel, const float (*factors)[RNM_PANEL],
                    float largest) {
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
            if (!(fabsf(left[l]) <= 2.0f * LEFT_OVER * largest)) {
                return false;
            }
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
    float largest;
    if (!take_samples(kernels, child, &s) || !choose(&s, &largest)) {
        return false;
    }
    eliminate(&s);
    float(*betas)[2] = (float(*)[2])(void *)found;
    float *factors = found + 2 * MOST;
    for (uint32_t j = 0; j < s.count; ++j) {
        memcpy(betas[j], child->betas + 2 * (size_t)s.block[j], sizeof betas[j]);
    }
    for (uint32_t p = 0; p < s.panels; ++p) {
        float of_panel[MOST][RNM_PANEL] = {{0}};
        const uint32_t first = p * RNM_PANEL;
        const uint32_t end = first + RNM_PANEL < s.blocks ? first + RNM_PANEL : s.blocks;
        for (uint32_t block = first; block < end; ++block) {
            solve(&s, block, of_panel);
            float *to = factors + (size_t)(block / columns) * s.count * columns + block % columns;
            for (uint32_t j = 0; j < s.count; ++j) {
                to[j * columns] = of_panel[j][block - first];
            }
        }
        if (!is_near(&s, p, (const float(*)[RNM_PANEL])of_panel, largest)) {
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
