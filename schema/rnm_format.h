/* SPDX-License-Identifier: Apache-2.0
 *
 * The on-disk structures of a .rnm file, version 1.0, as FORMAT.md specifies them. Everything is
 * little-endian; the structures have no padding of their own, so that a mapped file is read where
 * it lies.
 */
#ifndef RNM_FORMAT_H
#define RNM_FORMAT_H

#include "rnm_base.h"

#include <assert.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a .rnm file is used where it lies: little-endian hosts only"
#endif

#define RNM_MAGIC "\x89RNM\r\n\x1a\n"
#define RNM_MAGIC_SIZE 8
#define RNM_VERSION_MAJOR 1
#define RNM_VERSION_MINOR 0
#define RNM_ALIGNMENT 64    /* of sections in the file and of tensors in the data section */
#define RNM_PANEL 32        /* child outputs to a mask word */
#define RNM_NONE UINT32_MAX /* "no such index" */

/* Limits that a reader enforces before it allocates or computes anything (FORMAT.md section 9). */
#define RNM_LIMIT_SECTIONS 64u
#define RNM_LIMIT_TENSORS (1u << 16)
#define RNM_LIMIT_RECIPES (1u << 16)
#define RNM_LIMIT_VALUES (1u << 18)
#define RNM_LIMIT_NODES (1u << 17)
#define RNM_LIMIT_ATTRS (1u << 20)
#define RNM_LIMIT_REFS (1u << 20)
#define RNM_LIMIT_WORDS (1u << 20)
#define RNM_LIMIT_SYMBOLS (1u << 10)
#define RNM_LIMIT_INPUTS (1u << 10)
#define RNM_LIMIT_OUTPUTS (1u << 10)
#define RNM_LIMIT_PREPROCESS 64u
#define RNM_LIMIT_LABELS (1u << 20)
#define RNM_LIMIT_PROVENANCE (1u << 10)           /* pairs */
#define RNM_LIMIT_STRINGS (16u << 20)             /* bytes */
#define RNM_LIMIT_NAME 1024u                      /* bytes of one name */
#define RNM_LIMIT_DIM ((int64_t)INT32_MAX)        /* one dimension */
#define RNM_LIMIT_ELEMENTS ((int64_t)1 << 36)     /* one tensor or value, symbols counted as 1 */
#define RNM_LIMIT_CHILD_BYTES ((uint64_t)4 << 30) /* one expanded child, as f32 */
#define RNM_LIMIT_EXPANDED_BYTES ((uint64_t)16 << 30) /* all children together, as f32 */

typedef struct rnm_header {
    uint8_t magic[RNM_MAGIC_SIZE];
    uint16_t major;
    uint16_t minor;
    uint32_t section_count;
    uint64_t file_length;
    uint64_t digest; /* of this header, with zero here, and the section table behind it */
    uint8_t reserved[32];
} rnm_header;

/* Section kinds, in file order. Kinds from RNM_SECTION_OPTIONAL up may be skipped by a reader that
 * does not know them; any other unknown kind is refused. */
enum {
    RNM_SECTION_STRINGS = 1,
    RNM_SECTION_TENSORS = 2,
    RNM_SECTION_RECIPES = 3,
    RNM_SECTION_GRAPH = 4,
    RNM_SECTION_PREPROCESS = 5,
    RNM_SECTION_LABELS = 6,
    RNM_SECTION_PROVENANCE = 7,
    RNM_SECTION_DATA = 8,
    RNM_SECTION_KNOWN = 9, /* one past the last known kind */
};
#define RNM_SECTION_OPTIONAL 0x80000000u

typedef struct rnm_section {
    uint32_t kind;
    uint32_t reserved;
    uint64_t offset; /* from the start of the file, multiple of RNM_ALIGNMENT */
    uint64_t length; /* without the zero padding behind it */
    uint64_t digest; /* XXH3-64 of those `length` bytes */
} rnm_section;

/* What a stored tensor is for. */
enum {
    RNM_ROLE_PARENT = 1,     /* [Pi][taps...][Po]; f32, f16 or bf16 */
    RNM_ROLE_BETAS = 2,      /* [pairs][2] f32: (b1, b2) */
    RNM_ROLE_MASK = 3,       /* [bytes] u8: mask order */
    RNM_ROLE_ZERO_LIST = 4,  /* [n] u32: bit positions in mask order, ascending */
    RNM_ROLE_ZERO_PLANE = 5, /* [bytes] u8: mask order */
    RNM_ROLE_CHANNEL = 6,    /* [C] f32: scale or bias of each channel */
    RNM_ROLE_CONSTANT = 7,   /* any type and rank, row-major in ONNX order */
    RNM_ROLE_KNOWN = 8,
};

typedef struct rnm_tensor_rec {
    uint32_t name; /* offset in the strings section, as every name */
    uint8_t dtype;
    uint8_t role;
    uint8_t rank;
    uint8_t reserved0;
    uint64_t offset;             /* from the start of the data section, multiple of RNM_ALIGNMENT */
    uint64_t length;             /* bytes */
    uint32_t dims[RNM_MAX_RANK]; /* as stored; zero behind `rank` */
    uint64_t reserved1;
} rnm_tensor_rec;

enum {
    RNM_TRANSFORM_LINEAR = 0,
    RNM_TRANSFORM_S = 1,
    RNM_TRANSFORM_F = 2,
    RNM_TRANSFORM_DROP = 3,
    RNM_TRANSFORM_KNOWN = 4,
};

/* Flags of a recipe with RNM_TRANSFORM_S; see FORMAT.md section 5.2. At most one is set. */
#define RNM_RECIPE_CASCADED 1u    /* edges are made from the transformed child, with extra pairs */
#define RNM_RECIPE_INTERLEAVED 2u /* pair index (o % r0) * r1 + i % r1 */

/* How a child weight is made. dims are the child's, in ONNX order [Co, Ci / group, taps...]. */
typedef struct rnm_recipe_rec {
    uint32_t name;
    uint8_t transform;
    uint8_t flags;
    uint8_t rank; /* 2 .. 5 */
    uint8_t reserved0;
    uint32_t dims[5];
    uint32_t parent; /* tensor indices; RNM_NONE where the transform has none */
    uint32_t betas;
    uint32_t mask;
    uint32_t zeros; /* ZERO_LIST or ZERO_PLANE tensor of an f recipe, or RNM_NONE */
    uint32_t reserved1[5];
} rnm_recipe_rec;

/* The graph section: this header, then in this order and without gaps: values, nodes, attributes,
 * words (u64), refs (u32), inputs (u32), outputs (u32), symbols (u32 names). */
typedef struct rnm_graph_rec {
    uint32_t value_count;
    uint32_t node_count;
    uint32_t attr_count;
    uint32_t word_count;
    uint32_t ref_count;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t symbol_count;
} rnm_graph_rec;

enum {
    RNM_VALUE_ACTIVATION = 0, /* a graph input or what a node computes */
    RNM_VALUE_TENSOR = 1,     /* a stored tensor (CHANNEL or CONSTANT) */
    RNM_VALUE_RECIPE = 2,     /* a child weight */
};

enum {
    RNM_LAYOUT_ROWS = 0,          /* row-major in the order of dims */
    RNM_LAYOUT_CHANNELS_LAST = 1, /* N, spatial..., C; rank 3 or more */
};

/* A value of the graph. Its dims are `rank` words from `first_dim`, in ONNX order whatever the
 * layout; a word with the top bit set is symbol number (word & 0xffffffff), or a
 * computed dim where that is RNM_NONE. */
typedef struct rnm_value_rec {
    uint32_t name;
    uint8_t dtype;
    uint8_t kind;
    uint8_t layout;
    uint8_t rank;
    uint32_t source; /* tensor or recipe index; RNM_NONE for activations */
    uint32_t first_dim;
    uint32_t last_use; /* index of the last node that reads it; node_count for graph outputs;
                          RNM_NONE for constants and for values nobody reads */
    uint32_t reserved;
} rnm_value_rec;
#define RNM_DIM_SYMBOL ((uint64_t)1 << 63)

/* A node. Inputs then outputs are refs from `first_ref`; an absent optional input is RNM_NONE.
 * Nodes are listed in an order in which they can run. */
typedef struct rnm_node_rec {
    uint32_t name;
    uint16_t op;
    uint16_t attr_count;
    uint32_t first_attr;
    uint32_t first_ref;
    uint16_t input_count;
    uint16_t output_count;
    uint32_t reserved;
} rnm_node_rec;

enum {
    RNM_ATTR_INT = 1,    /* one word: i64 */
    RNM_ATTR_FLOAT = 2,  /* one word: f32 bits in the low half */
    RNM_ATTR_INTS = 3,   /* count words */
    RNM_ATTR_FLOATS = 4, /* count words */
    RNM_ATTR_STRING = 5, /* one word: offset in the strings section */
};

typedef struct rnm_attr_rec {
    uint16_t key; /* rnm_attrs.def */
    uint16_t type;
    uint32_t count;
    uint32_t first_word;
    uint32_t reserved;
} rnm_attr_rec;

enum {
    RNM_COLOR_GRAY = 1,
    RNM_COLOR_RGB = 3,
    RNM_COLOR_BGR = 4,
};

enum {
    RNM_RESIZE_NONE = 0,    /* the image must have the right size already */
    RNM_RESIZE_EXACT = 1,   /* to resize_height x resize_width */
    RNM_RESIZE_SHORTER = 2, /* shorter side to resize_height, aspect kept, rounded down */
};

/* How an image becomes input `input` (FORMAT.md section 7), applied in the order of the fields.
 * The preprocess section is an array of these. */
typedef struct rnm_preprocess_rec {
    uint32_t input;   /* position in the graph's input list */
    uint32_t dataset; /* name of the data set, or offset 0 */
    uint8_t color;
    uint8_t resize; /* bilinear, antialiased */
    uint8_t reserved0[2];
    uint32_t resize_height;
    uint32_t resize_width;
    uint32_t crop_height; /* central; 0 = no crop */
    uint32_t crop_width;
    uint32_t pad_top; /* with zeros, before normalisation */
    uint32_t pad_left;
    uint32_t pad_bottom;
    uint32_t pad_right;
    float divisor; /* (pixel / divisor - mean) / std */
    float mean[4]; /* per channel in the order of `color`; unused ones 0 and 1 */
    float std[4];
    uint32_t reserved1[4];
} rnm_preprocess_rec;

/* The labels section: u32 count, then count u32 names: class k is label k of the first output.
 * The provenance section: u32 count, then count pairs of u32 (key, value) strings. */

static_assert(sizeof(rnm_header) == 64, "on-disk size");
static_assert(sizeof(rnm_section) == 32, "on-disk size");
static_assert(sizeof(rnm_tensor_rec) == 64, "on-disk size");
static_assert(sizeof(rnm_recipe_rec) == 64, "on-disk size");
static_assert(sizeof(rnm_graph_rec) == 32, "on-disk size");
static_assert(sizeof(rnm_value_rec) == 24, "on-disk size");
static_assert(sizeof(rnm_node_rec) == 24, "on-disk size");
static_assert(sizeof(rnm_attr_rec) == 16, "on-disk size");
static_assert(sizeof(rnm_preprocess_rec) == 96, "on-disk size");

#endif
