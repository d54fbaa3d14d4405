/* SPDX-License-Identifier: Apache-2.0
 *
 * flip, drop and widen bit for bit, s within 3 ulp of its specified sequence in f64, and the
 * exponential that s is made with within 1 ulp, over a stride of all its arguments.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 150 };

/* Rows of parent elements: any bits for the kernels that only move them. */
typedef struct parent {
    float *src;
    size_t rows, stride;
} parent;

static parent make_parent(check *c, size_t rows, bool any_bits) {
    parent p = {.rows = rows, .stride = RNM_PANEL};
    p.stride += check_random(c, 0, 1) * check_random(c, 0, 70);
    size_t count = (rows - 1) * p.stride + RNM_PANEL;
    p.src = check_bytes(count * sizeof *p.src);
    for (size_t k = 0; k < count; ++k) {
        p.src[k] = any_bits ? float_of(check_random(c, 0, UINT32_MAX)) : check_any_float(c);
    }
    return p;
}

/* Where the result goes: memory of its own, or onto the rows, which then have no gaps. */
static float *start_in_place(parent p, guarded dst) {
    memcpy(dst.data, p.src, p.rows * RNM_PANEL * sizeof(float));
    return dst.data;
}

typedef void mask_kernel(const float *src, size_t stride, const uint32_t *bits, size_t rows,
                         float *dst);

static void mask_case(check *c, const char *name, mask_kernel *apply, uint32_t flipped,
                      uint32_t kept) {
    parent p = make_parent(c, check_random(c, 1, MOST_ROWS), true);
    uint32_t *bits = check_bytes(p.rows * sizeof *bits);
    guarded dst = check_guarded(p.rows * RNM_PANEL);
    bool in_place = p.stride == RNM_PANEL && check_random(c, 0, 1) == 0;
    check_case(c, "%s, rows %zu, stride %zu, in place %d", name, p.rows, p.stride, in_place);
    for (size_t r = 0; r < p.rows; ++r) {
        bits[r] = check_random(c, 0, UINT32_MAX);
    }
    apply(in_place ? start_in_place(p, dst) : p.src, p.stride, bits, p.rows, dst.data);
    check_guards(c, dst);
    for (size_t r = 0; r < p.rows; ++r) {
        float wanted[RNM_PANEL];
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            uint32_t value = bits_of(p.src[r * p.stride + l]);
            wanted[l] = float_of((bits[r] >> l & 1) != 0 ? (value ^ flipped) & kept : value);
        }
        check_same(c, dst.data + r * RNM_PANEL, wanted, RNM_PANEL);
    }
    check_release(dst);
    free(bits);
    free(p.src);
}

/* ---- parents of 16 bits ---------------------------------------------------------------------- */

/* A pattern of f16, infinities among them, by IEEE 754's definition. */
static float half_value(uint16_t pattern) {
    const int exponent = pattern >> 10 & 0x1f, mantissa = pattern & 0x3ff;
    double size = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    size = exponent == 0x1f ? (double)INFINITY : size;
    return (float)((pattern & 0x8000) != 0 ? -size : size);
}

static void widen_case(check *c, bool brain) {
    const size_t rows = check_random(c, 1, MOST_ROWS);
    const size_t stride = RNM_PANEL + check_random(c, 0, 1) * check_random(c, 1, 99);
    const size_t count = (rows - 1) * stride + RNM_PANEL;
    uint16_t *src = check_bytes(count * sizeof *src);
    guarded dst = check_guarded(rows * RNM_PANEL);
    check_case(c, "widen, bf16 %d, rows %zu, stride %zu", brain, rows, stride);
    for (size_t k = 0; k < count; ++k) {
        src[k] = (uint16_t)check_random(c, 0, UINT16_MAX);
        if ((src[k] & 0x7c00) == 0x7c00 && !brain) {
            src[k] &= 0xfc00; /* no NaN */
        }
    }
    c->kernels->widen(src, stride, brain, rows, dst.data);
    check_guards(c, dst);
    for (size_t r = 0; r < rows; ++r) {
        float wanted[RNM_PANEL];
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            const uint16_t pattern = src[r * stride + l];
            wanted[l] = brain ? float_of((uint32_t)pattern << 16) : half_value(pattern);
        }
        check_same(c, dst.data + r * RNM_PANEL, wanted, RNM_PANEL);
    }
    check_release(dst);
    free(src);
}

/* ---- s --------------------------------------------------------------------------------------- */

/* fl(p * b1) / fl(1 + exp(fl(p * b2))), where fl is rounding to f32 and the rest is f64. */
static double specified(float p, float b1, float b2) {
    float numerator = p * b1;
    float exponent = p * b2;
    float divisor = (float)(1.0 + exp((double)exponent));
    return (double)numerator / (double)divisor;
}

static void s_case(check *c) {
    parent p = make_parent(c, check_random(c, 1, MOST_ROWS), false);
    float *b1 = check_bytes(RNM_PANEL * sizeof *b1), *b2 = check_bytes(RNM_PANEL * sizeof *b2);
    guarded dst = check_guarded(p.rows * RNM_PANEL);
    bool in_place = p.stride == RNM_PANEL && check_random(c, 0, 1) == 0;
    const size_t fold = in_place ? 0 : check_random(c, 0, 1) * check_random(c, 1, RNM_PANEL / 2);
    for (unsigned l = 0; l < RNM_PANEL; ++l) {
        b1[l] = check_any_float(c);
        b2[l] = check_any_float(c);
    }
    c->kernels->s(in_place ? start_in_place(p, dst) : p.src, p.stride, fold, b1, b2, p.rows,
                  dst.data);
    check_guards(c, dst);
    for (size_t r = 0; r < p.rows; ++r) {
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            float x = p.src[r * p.stride + l - (l < RNM_PANEL / 2 ? 0 : fold)];
            float found = dst.data[r * RNM_PANEL + l];
            double wanted = specified(x, b1[l], b2[l]);
            check_case(c, "s(%.9g, %.9g, %.9g), in place %d, fold %zu", (double)x, (double)b1[l],
                       (double)b2[l], in_place, fold);
            if (!isnan(wanted)) {
                check_ulps(c, l, found, wanted, 3.0);
            } else if (!isnan(found)) {
                check_fail(c, "expected infinity / infinity to give a NaN, found %g",
                           (double)found);
            }
        }
    }
    check_release(dst);
    free(b2);
    free(b1);
    free(p.src);
}

static void s_at(check *c, float p, float b1, float b2, float wanted) {
    float src[RNM_PANEL], b1s[RNM_PANEL], b2s[RNM_PANEL], dst[RNM_PANEL];
    for (unsigned l = 0; l < RNM_PANEL; ++l) {
        src[l] = p;
        b1s[l] = b1;
        b2s[l] = b2;
    }
    c->kernels->s(src, RNM_PANEL, 0, b1s, b2s, 1, dst);
    check_case(c, "s(%.9g, %.9g, %.9g)", (double)p, (double)b1, (double)b2);
    for (unsigned l = 0; l < RNM_PANEL; ++l) {
        check_same(c, &dst[l], &wanted, 1);
    }
}

/* An infinite exp gives a zero with the numerator's sign; a vanishing one leaves the numerator. */
static void s_corners(check *c) {
    s_at(c, 1.0f, 1.0f, 89.0f, 0.0f);
    s_at(c, 1.0f, -1.0f, 89.0f, -0.0f);
    s_at(c, -1.0f, 1.0f, -89.0f, -0.0f);
    s_at(c, 3e38f, 0.5f, 3e38f, 0.0f);
    s_at(c, -3e38f, 0.5f, -3e38f, -0.0f);
    s_at(c, 0.5f, 2.0f, -3e38f, 1.0f);
    s_at(c, 2.0f, 2.0f, -3e38f, 4.0f);
    s_at(c, -0.0f, 1.0f, 1.0f, -0.0f);
    s_at(c, 0.0f, -1.0f, 1.0f, -0.0f);
    s_at(c, 0.0f, 0.0f, 0.0f, 0.0f);
    s_at(c, 4.0f, 1.0f, 0.0f, 2.0f);
}

/* With p = 1, b1 = 2^k and b2 = x, s is 2^k / fl(1 + exp(x)) and nothing but exp and the last two
 * steps rounds. The result must be one that some exp within 1 ulp gives; both steps are monotonic,
 * so the two extremes bound it. From x = 17.4 on, adding 1 changes nothing any more. */
static bool exp_fits(float x, float power, float found) {
    double exact = exp((double)x), ulp = ulp_of(exact);
    float low = (float)exact, high = low;
    while ((double)nextafterf(low, 0.0f) >= exact - ulp) {
        low = nextafterf(low, 0.0f);
    }
    while ((double)nextafterf(high, INFINITY) <= exact + ulp) {
        high = nextafterf(high, INFINITY);
    }
    return found >= power / (1.0f + high) && found <= power / (1.0f + low);
}

static void exponential_within_an_ulp(check *c) {
    enum { STRIDE = 101 };
    float ones[RNM_PANEL], powers[RNM_PANEL], x[RNM_PANEL], found[RNM_PANEL];
    check_case(c, "exp");
    for (unsigned negative = 0; negative < 2; ++negative) {
        uint32_t bits = check_random(c, 0, STRIDE - 1);
        const uint32_t end = bits_of(negative ? 87.0f : 89.0f);
        while (bits <= end) {
            for (unsigned l = 0; l < RNM_PANEL; ++l, bits += STRIDE) {
                float size = float_of(bits <= end ? bits : end);
                x[l] = negative ? -size : size;
                ones[l] = 1.0f;
                powers[l] = x[l] > 40.0f ? 0x1p120f : 1.0f;
            }
            c->kernels->s(ones, RNM_PANEL, 0, powers, x, 1, found);
            for (unsigned l = 0; l < RNM_PANEL; ++l) {
                ++c->compared;
                if (!exp_fits(x[l], powers[l], found[l])) {
                    check_fail(c, "exp(%.9g): expected 1 / (1 + exp) of %.9g, found %.9g",
                               (double)x[l], 1.0 / (1.0 + exp((double)x[l])),
                               (double)(found[l] / powers[l]));
                }
            }
        }
    }
}

void check_transforms(check *c) {
    for (int round = 0; round < 300; ++round) {
        mask_case(c, "flip", c->kernels->flip, 0x80000000u, UINT32_MAX);
        mask_case(c, "drop", c->kernels->drop, 0, 0x80000000u);
        widen_case(c, false);
        widen_case(c, true);
    }
    for (int round = 0; round < 200; ++round) {
        s_case(c);
    }
    s_corners(c);
    exponential_within_an_ulp(c);
}
