/* SPDX-License-Identifier: Apache-2.0
 *
 * A small in-memory writer of .rnm files for tests. It is written from schema/FORMAT.md alone and
 * shares no code with the compiler's writer, so that the two check each other.
 *
 *     rnm_builder *b = builder_new();
 *     uint32_t n = builder_symbol(b, "N");
 *     uint32_t x = builder_input(b, "x", 2, (const int64_t[]){-1 - (int64_t)n, 4});
 *     uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, (const int64_t[]){-1, 4});
 *     builder_node(b, "act", RNM_OP_Relu, 1, &x, y);
 *     builder_output(b, y);
 *     uint64_t size;
 *     uint8_t *bytes = builder_finish(b, &size);
 *     ...
 *     free(bytes);
 *
 * Nothing is checked: a test may write a file that breaks any rule. Everything is copied; indices
 * count from 0 in the order of the calls. When memory runs out the program ends: it is a test.
 */
#ifndef RNM_BUILDER_H
#define RNM_BUILDER_H

#include "ops.h"
#include "rnm_format.h"

#include <stddef.h>
#include <stdint.h>

typedef struct rnm_builder rnm_builder;

rnm_builder *builder_new(void);

/* Offset of a string in the strings section; equal strings share one. */
uint32_t builder_string(rnm_builder *b, const char *text);

/* A stored tensor of `rank` dims as stored; `data` holds all its elements. Gives its index. */
uint32_t builder_tensor(rnm_builder *b, const char *name, rnm_dtype dtype, uint8_t role,
                        uint8_t rank, const uint32_t *dims, const void *data);

/* Shorthands: a rank-1 f32 tensor of role CHANNEL; a mask, zero plane (bytes) or zero list. */
uint32_t builder_channel(rnm_builder *b, const char *name, uint32_t count, const float *data);
uint32_t builder_plane(rnm_builder *b, const char *name, uint8_t role, uint32_t bytes,
                       const uint8_t *data);
uint32_t builder_zero_list(rnm_builder *b, const char *name, uint32_t count, const uint32_t *data);
uint32_t builder_betas(rnm_builder *b, const char *name, uint32_t pairs, const float *data);

/* A recipe: fill in transform, flags, rank, dims and the four tensor indices (RNM_NONE where there
 * is none); the name is set here. */
uint32_t builder_recipe(rnm_builder *b, const char *name, rnm_recipe_rec recipe);

/* Number of a new symbol. */
uint32_t builder_symbol(rnm_builder *b, const char *name);

/* Gives an activation another type than f32. */
void builder_set_dtype(rnm_builder *b, uint32_t value, rnm_dtype dtype);

/* Values; a negative dim -1 - k is symbol k. builder_input makes an f32 row-major activation that
 * is a graph input. Shapes of constants are copied from their source. */
uint32_t builder_input(rnm_builder *b, const char *name, uint8_t rank, const int64_t *dims);
uint32_t builder_activation(rnm_builder *b, const char *name, uint8_t layout, uint8_t rank,
                            const int64_t *dims);
uint32_t builder_tensor_value(rnm_builder *b, const char *name, uint32_t tensor);
uint32_t builder_recipe_value(rnm_builder *b, const char *name, uint32_t recipe);
void builder_output(rnm_builder *b, uint32_t value);

/* A node with one output. Its attributes are added by the calls below, which speak of the node
 * added last. */
uint32_t builder_node(rnm_builder *b, const char *name, rnm_op op, uint16_t input_count,
                      const uint32_t *inputs, uint32_t output);

/* The same with several outputs. */
uint32_t builder_node_outputs(rnm_builder *b, const char *name, rnm_op op, uint16_t input_count,
                              const uint32_t *inputs, uint16_t output_count,
                              const uint32_t *outputs);
void builder_attr_int(rnm_builder *b, rnm_attr key, int64_t value);
void builder_attr_float(rnm_builder *b, rnm_attr key, float value);
/* f32 bits in the low halves of words. */
void builder_attr_floats(rnm_builder *b, rnm_attr key, uint32_t count, const uint64_t *words);
void builder_attr_ints(rnm_builder *b, rnm_attr key, uint32_t count, const int64_t *values);

/* `record.dataset` is a builder_string. */
void builder_preprocess(rnm_builder *b, rnm_preprocess_rec record);
void builder_label(rnm_builder *b, const char *name);
void builder_provenance(rnm_builder *b, const char *key, const char *value);

/* Lays out the file, computes last uses and digests and frees the builder. The bytes are aligned to
 * 64 and belong to the caller (free). Preprocess, labels and provenance sections exist only where
 * something was added. */
uint8_t *builder_finish(rnm_builder *b, uint64_t *size);

/* Computes all digests anew after a mutation, where header and table still point inside the bytes:
 * sections that do not are left alone. Any bytes are safe. */
void builder_reseal(uint8_t *bytes, uint64_t size);

/* A complete small network with every transform (symbolic batch N, input [N, 3, 8, 8]):
 *
 *     x -> Reorder (channels-last)
 *       -> conv1: Conv f 3x3, 10 outputs, pad 1, scale, bias, zero list, Relu     [N, 10, 8, 8]
 *       -> conv2: Conv s 3x3 cascaded, stride 2, 12 outputs, pad 1, bias          [N, 12, 4, 4]
 *       -> conv3: Conv linear 3x3, parent of conv2, residual: conv2's output      [N, 12, 4, 4]
 *       -> MaxPool 2x2 stride 2 -> GlobalAveragePool -> Flatten                   [N, 12]
 *       -> fc: Gemm drop, f16 parent, bias                                        [N, 7]
 *
 * with 7 labels, one preprocess record and provenance; under 16 KB. Deterministic. The caller
 * frees. */
uint8_t *builder_small_cnn(uint64_t *size);

#endif
