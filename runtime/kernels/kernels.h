/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops, as a table that exists complete in plain C and once for each instruction set
 * (variant.inc). Which one is in force is select.c's business; nothing outside this folder asks.
 *
 * Every kernel makes one output's sum in the same order (blocks of 16 inputs, then taps, then the
 * inputs of the block), however many pixels a call has and however the inputs are cut into calls at
 * multiples of 16: so results depend neither on how a map is cut nor on the number of threads.
 */
#ifndef RNM_KERNELS_H
#define RNM_KERNELS_H

#include "ops.h"
#include "rnm_format.h"

#include <stdbool.h>

/* Rows of addresses are this far apart, whatever a variant's own tile is. */
#define RNM_TILE_PIXELS 14

/* The most pixels and panels that a call of few takes. */
#define RNM_FEW_PIXELS 4
#define RNM_FEW_PANELS 4

/* Forms of Winograd convolution that there are, and the points of the largest. */
#define RNM_WINOGRADS 4
#define RNM_WINOGRAD_POINTS 36

/* Inputs are cut into calls at multiples of this. */
#define RNM_INPUT_BLOCK 16

/* Floats that keep V's points off the same L1 sets, and from a point of few tiles to the next. */
#define RNM_WINOGRAD_V_PAD 16
#define RNM_FEW_TILES 4
#define RNM_FEW_TILES_ROWS 5 /* of sums, from a point to the next */
#define RNM_FEW_TILES_STRIDE (RNM_FEW_TILES * RNM_INPUT_BLOCK + RNM_WINOGRAD_V_PAD)

/* Where the taps of a tile's pixels lie: rows[tap * RNM_TILE_PIXELS + pixel] is the address of
 * channel 0 of that input pixel, or of a row of zeros for a tap that is out of the map. */
typedef const float *const *rnm_tile_rows;

typedef struct rnm_activation {
    rnm_op op; /* RNM_OP_NONE: the identity */
    float alpha, beta;
} rnm_activation;

/* What is done to a panel's sums: act(scale * sum + bias + residual). Pointers are those of the
 * panel's first lane; NULL where there is none. */
typedef struct rnm_epilogue {
    const float *scale;
    const float *bias;
    const float *residual; /* of the first pixel, `stride` floats from one to the next */
    float *out;            /* likewise; may be the same as residual */
    size_t stride;
    rnm_activation activation;
} rnm_epilogue;

/* Rows of RNM_PANEL parent elements, `stride` floats from one to the next, and a word of signs to
 * invert for each, or NULL. The second half of each row lies `fold` floats before its place: who
 * reads it says so. */
typedef struct rnm_kernel_rows {
    const float *src;
    size_t stride;
    size_t fold;
    const uint32_t *bits;
} rnm_kernel_rows;

/* Rows of RNM_PANEL parent elements, `stride` floats from one to the next, that are soon wanted. */
typedef struct rnm_rows_ahead {
    const float *row;
    size_t rows, stride;
} rnm_rows_ahead;

/* Asks memory for the next ones, into a second-level cache: rows of large parents fall on few sets
 * of a first-level one. */
static inline void rnm_ask_ahead(rnm_rows_ahead *ahead, size_t rows) {
    for (; rows > 0 && ahead->rows > 0; --rows) {
        for (unsigned lane = 0; lane < RNM_PANEL; lane += 16) {
            __builtin_prefetch(ahead->row + lane, 0, 2);
        }
        ahead->row += --ahead->rows > 0 ? ahead->stride : 0;
    }
}

/* Winograd F(tile x tile, kernel x kernel) with strides of `stride`: side * side points. The points
 * of an axis from weight_side - 1 on share their weights. */
typedef struct rnm_winograd {
    unsigned tile, kernel, stride;
    unsigned side, weight_side;

    /* Transforms channels [channel, channel + channels) of one tile: pixels[side * side] are
     * addresses of channel 0; point k of the first of them goes to dst[k * stride]. Writes whole
     * vectors: `channels` rounded up to 16. */
    void (*input)(const float *const *pixels, size_t channel, size_t channels, float *dst,
                  size_t stride);

    /* Makes the kernels of a panel, [inputs][kernel * kernel] rows, and transforms them, for the
     * points of two of the weight_side rows, 2 * group and 2 * group + 1: point k of them of input
     * i goes to dst[k * stride + i * RNM_PANEL ...]. Groups, so that what is written and read next
     * fits into a first-level cache. Rows may fold; without `masks` they have no bits. */
    void (*weights)(const rnm_kernel_rows *rows, size_t inputs, unsigned group, float *dst,
                    size_t stride);

    /* weights and gemm in one for RNM_FEW_TILES tiles and up to RNM_INPUT_BLOCK inputs, of rows
     * that do not fold and may have bits in any case: sums[k * RNM_FEW_TILES_ROWS + tile][lane] =
     * (accumulate: +=) over inputs of x[k * RNM_FEW_TILES_STRIDE + tile * RNM_INPUT_BLOCK + input]
     * times point k of the kernels, to the same bits, for all lanes. Asks for the rows ahead
     * meanwhile. NULL where registers do not suffice. */
    void (*few)(const rnm_kernel_rows *rows, size_t inputs, const float *x, bool accumulate,
                float (*sums)[RNM_PANEL], rnm_rows_ahead ahead);

    /* Turns `lanes` lanes of the sums of one tile, point k at sums[k * stride], into tile * tile
     * pixels; may do the same with others. */
    void (*output)(const float *sums, size_t stride, unsigned lanes, float (*dst)[RNM_PANEL]);
} rnm_winograd;

/* sums[row][lane] = (accumulate: +=) over inputs of x[row * stride + input] * weights[input][lane],
 * for any number of rows, `points` times, each so many floats, and rows of sums, behind the one
 * before. `lanes` as for direct. */
typedef struct rnm_gemm {
    const float *x;
    size_t stride, rows, inputs;
    const float *weights;
    unsigned lanes;
    bool accumulate;
    float (*sums)[RNM_PANEL];
    size_t points, x_step, weights_step, sums_step;
} rnm_gemm;

/* Few pixels and panels that are made of the same rows, [inputs][taps], `stride` floats from one to
 * the next. */
typedef struct rnm_few {
    rnm_tile_rows rows;
    const float *zeros; /* the row of taps that are out of the map: it is not read */
    size_t channel, inputs, taps;
    const float *src;
    size_t stride;
    const uint32_t *const *bits; /* by panel: a word of signs to invert for each row; or NULL */
    unsigned pixels, panels;     /* 1 .. RNM_FEW_PIXELS, 1 .. RNM_FEW_PANELS */
    bool accumulate;
    float (*sums)[RNM_FEW_PIXELS][RNM_PANEL];
} rnm_few;

/* Tables of an f layer whose inputs repeat (ops/tables.c). Inputs that meet the same parent element
 * differ by its sign alone, so RNM_TABLE_INPUTS of them make a group whose signed sums, up to the
 * sign of all, are RNM_TABLE_ENTRIES: entry e is x[3] and, for k < 3, minus x[k] where bit k of e
 * is set, else plus. A place is a vector of outputs' pixels; its table is [entry][lane], and the
 * next place's behind it. */
#define RNM_TABLE_INPUTS 4
#define RNM_TABLE_ENTRIES 8
#define RNM_CODE_INPUTS (2 * RNM_TABLE_INPUTS)

/* Places of a call of look_up: so many, or half of them. */
#define RNM_TABLE_PLACES 8

typedef struct rnm_table_inputs {
    const float *x[RNM_TABLE_INPUTS]; /* at the first place */
    size_t step[RNM_TABLE_INPUTS];    /* to the next one; 0 for an input that does not exist */
} rnm_table_inputs;

/* The products of one parent input, its taps, and a panel's outputs, of which output k is made with
 * row (first + k) % period of the parent. A code's low half is for the first group of inputs, its
 * high half for the second: an entry, and a bit that is set where the sign of all is inverted. */
typedef struct rnm_look_up {
    const float *tables;       /* of the first group */
    size_t second;             /* from there to the second group's; 0: there is none */
    const uint32_t *places_of; /* by tap: from `tables` to the table of its first place */
    const uint8_t *codes;      /* output k's of tap t: [k % 8 * codes_step + k / 8 + 4 * t] */
    size_t codes_step, taps;
    const float (*weights)[2]; /* [taps][period]: an element of the parent, and minus that */
    size_t first, period;
    unsigned lanes, places; /* outputs; RNM_TABLE_PLACES or half as many */
    bool accumulate;
    float *sums; /* [output][place][lane] */
} rnm_look_up;

typedef struct rnm_kernels {
    const char *name;
    unsigned lanes;       /* floats of a vector */
    bool masks;           /* bits choose lanes of an operation, at no cost */
    unsigned tile_pixels; /* the most pixels that a call of direct takes */

    /* sums[pixel][lane] = (accumulate: +=) over inputs and taps of
     * row[channel + input] * weights[input][tap][lane], for 1 .. tile_pixels pixels. Sums
     * of lanes from `lanes` on may be left as they are. */
    void (*direct)(rnm_tile_rows rows, size_t channel, size_t inputs, size_t taps,
                   const float *weights, unsigned lanes, unsigned pixels, float (*sums)[RNM_PANEL],
                   bool accumulate);

    void (*gemm)(const rnm_gemm *gemm);

    /* direct for few pixels and all lanes, with weights made of rows where they lie: with so few
     * pixels to multiply, writing them down would take longer. */
    void (*few)(const rnm_few *few);

    /* dst[k * stride + l] = rows[l][first + k], for k < count and every lane l. */
    void (*transpose)(const float *const *rows, size_t first, size_t count, float *dst,
                      size_t stride);

    /* Codes of the 32 outputs of a mask's words: from[j][row] has input j's bits, or is NULL where
     * there is no such input; output k's code is byte k / 8 of to[k % 8][row]. to[j] may be
     * from[j]. */
    void (*make_codes)(const uint32_t *const from[RNM_CODE_INPUTS], size_t rows,
                       uint32_t *const to[RNM_CODE_INPUTS]);

    /* Writes the tables of a group of inputs at so many places. */
    void (*make_tables)(const rnm_table_inputs *inputs, size_t places, float *tables);

    /* sums = (accumulate: +=) over taps and groups of an element times the entry of its code, at
     * each place of the call. */
    void (*look_up)(const rnm_look_up *look_up);

    /* As direct for depthwise convolution: lane l reads channel + l; weights[tap][lane]. */
    void (*depthwise)(rnm_tile_rows rows, size_t channel, size_t taps, const float *weights,
                      unsigned pixels, unsigned lanes, float (*sums)[RNM_PANEL]);

    /* Finishes and stores `lanes` lanes of each pixel, and no others. */
    void (*finish)(const rnm_epilogue *epilogue, unsigned pixels, unsigned lanes,
                   float (*sums)[RNM_PANEL]);

    /* most[lane] = the largest of itself and of `count` rows at that lane; a NaN that was there
     * stays, one that comes wins. */
    void (*largest)(const float *const *rows, size_t count, size_t lanes, float *most);

    /* out[l] = the sum of x[l], x[l + period], ... as far as there are channels, for l < period. */
    void (*sum_repeats)(const float *x, size_t channels, size_t period, float *out);

    /* Transforms of rows of RNM_PANEL parent elements, `stride` floats from one to the next, into
     * dst[rows][RNM_PANEL]; src may be dst when stride is RNM_PANEL. Bit l of bits[row] is lane
     * l's. flip inverts signs; drop makes zeros that keep their sign; s is FORMAT.md section 5.2
     * with a pair of betas a lane, of rows that may fold as rnm_kernel_rows do, but then not in
     * place. */
    void (*flip)(const float *src, size_t stride, const uint32_t *bits, size_t rows, float *dst);
    void (*drop)(const float *src, size_t stride, const uint32_t *bits, size_t rows, float *dst);
    void (*s)(const float *src, size_t stride, size_t fold, const float *b1, const float *b2,
              size_t rows, float *dst);

    /* Rows of RNM_PANEL elements of f16, or bf16 where `brain`, as f32 in dst[rows][RNM_PANEL]. */
    void (*widen)(const uint16_t *src, size_t stride, bool brain, size_t rows, float *dst);

    rnm_winograd winograd[RNM_WINOGRADS]; /* F(2x2, 3x3), F(4x4, 3x3), F(2x2, 5x5), F(2x2, 3x3) of
                                             stride 2 */

    /* `rounds` of multiply-adds on registers alone, seeded by *sink, which takes a result; gives
     * how many floating-point operations they were. */
    double (*peak)(size_t rounds, float *sink);
} rnm_kernels;

extern const rnm_kernels rnm_kernels_plain;

/* x = act(x) for `count` values. */
void rnm_activate(rnm_activation activation, float *x, size_t count);

#endif
