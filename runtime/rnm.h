/* SPDX-License-Identifier: Apache-2.0
 *
 * librnm: runs .rnm models on CPUs without keeping their expanded weights.
 *
 *     rnm_model *model;
 *     rnm_context *context;
 *     rnm_error error;
 *     if (rnm_model_open("net.rnm", NULL, &model, &error) != RNM_OK ||
 *         rnm_context_create(model, NULL, &context, &error) != RNM_OK) { ... error.text ... }
 *     memcpy(rnm_context_input(context, 0)->data, image, image_bytes);
 *     if (rnm_context_run(context, &error) == RNM_OK) { ... rnm_context_output(context, 0)->data }
 *     rnm_context_destroy(context);
 *     rnm_model_close(model);
 *
 * Threads: a model is immutable and may be shared by any number of threads; a context belongs to
 * one thread at a time. The library keeps no global state, prints nothing and never exits.
 */
#ifndef RNM_H
#define RNM_H

#include "rnm_base.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rnm_model rnm_model;
typedef struct rnm_context rnm_context;

/* "0.1.0" */
RNM_API const char *rnm_version(void);

/* True when this library was built with XNNPACK and it is there. A shared XNNPACK is loaded by the
 * first call, or by the first context that expands at load; any thread may call. */
RNM_API bool rnm_has_xnnpack(void);

/* ---- models ---------------------------------------------------------------------------------- */

typedef struct rnm_model_options {
    const rnm_allocator *allocator; /* NULL: malloc and mmap. Copied. */
    bool skip_digests;              /* leaves the digests unchecked; everything else is checked */
    uint64_t max_expanded_bytes;    /* refuse models whose children, expanded to f32, take more;
                                       0: the format's own limit, 16 GiB */
} rnm_model_options;

/* Opens a .rnm file: maps it, validates all of it. `options` may be NULL. On failure *out is
 * untouched. RNM_ERR_IO, _FORMAT, _VERSION, _DIGEST, _LIMIT, _VALUE, _MEMORY. Any thread. */
RNM_API rnm_status rnm_model_open(const char *path, const rnm_model_options *options,
                                  rnm_model **out, rnm_error *error);

/* The same from memory. Bytes aligned to 64 are used where they lie and must outlive the model;
 * others are copied. */
RNM_API rnm_status rnm_model_open_memory(const void *bytes, size_t size,
                                         const rnm_model_options *options, rnm_model **out,
                                         rnm_error *error);

/* All contexts of the model must be gone. NULL is fine. */
RNM_API void rnm_model_close(rnm_model *model);

/* A graph input or output. A dim of -1 - k is symbol k, bound when a context is made; one of an
 * output may be RNM_DIM_COMPUTED: a context's tensor has it. Owned by the model. */
typedef struct rnm_value_info {
    const char *name;
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
} rnm_value_info;

RNM_API int rnm_model_input_count(const rnm_model *model);
RNM_API int rnm_model_output_count(const rnm_model *model);

/* NULL for an index out of range. */
RNM_API const rnm_value_info *rnm_model_input(const rnm_model *model, int index);
RNM_API const rnm_value_info *rnm_model_output(const rnm_model *model, int index);

/* Symbols (such as the batch "N"): their number, and the name of each, NULL out of range. */
RNM_API int rnm_model_symbol_count(const rnm_model *model);
RNM_API const char *rnm_model_symbol(const rnm_model *model, int index);

/* How many class labels there are (0: none), and label k, NULL out of range. */
RNM_API int rnm_model_label_count(const rnm_model *model);
RNM_API const char *rnm_model_label(const rnm_model *model, int index);

/* What the file says of its origin: pairs of key and value; NULL where there is no such key. */
RNM_API const char *rnm_model_provenance(const rnm_model *model, const char *key);

typedef enum rnm_color { RNM_GRAY = 1, RNM_RGB = 3, RNM_BGR = 4 } rnm_color;
typedef enum rnm_resize { RNM_KEEP_SIZE = 0, RNM_TO_SIZE = 1, RNM_TO_SHORTER_SIDE = 2 } rnm_resize;

/* How an image becomes an input; the steps in the order of the fields (schema/FORMAT.md section
 * 7). */
typedef struct rnm_preprocess {
    const char *dataset;
    rnm_color color;
    rnm_resize resize;
    int resize_height, resize_width;
    int crop_height, crop_width; /* 0: no crop */
    int pad_top, pad_left, pad_bottom, pad_right;
    float divisor; /* (pixel / divisor - mean) / std */
    float mean[4], std[4];
} rnm_preprocess;

/* Preprocessing of input `index`, or NULL where the model describes none. */
RNM_API const rnm_preprocess *rnm_model_preprocess(const rnm_model *model, int index);

/* ---- contexts -------------------------------------------------------------------------------- */

/* When child weights exist. */
typedef enum rnm_expand {
    RNM_EXPAND_DEFAULT = 0, /* the best there is: panel */
    RNM_EXPAND_LOAD = 1,    /* all when the context is made (on XNNPACK where it is) */
    RNM_EXPAND_LAZY = 2,    /* each layer's at its first use, kept in the context */
    RNM_EXPAND_LAYER = 3,   /* each layer's at every run, in one shared scratch */
    RNM_EXPAND_PANEL = 4,   /* a panel's at a time, inside the kernels */
} rnm_expand;

/* Instruction sets of our kernels. */
typedef enum rnm_isa {
    RNM_ISA_BEST = 0, /* the best that the CPU has */
    RNM_ISA_PLAIN = 1,
    RNM_ISA_AVX2 = 2,   /* x86-64, with FMA */
    RNM_ISA_AVX512 = 3, /* x86-64: F, VL, DQ, BW */
    RNM_ISA_NEON = 4,   /* aarch64 */
    RNM_ISA_SSE2 = 5,   /* any x86-64 */
} rnm_isa;

/* Threads that several contexts share. Any number of contexts may be created with a team and run,
 * on any threads; those that run at the same time take turns. */
typedef struct rnm_team rnm_team;

typedef struct rnm_context_options {
    rnm_expand expand;
    int threads;            /* 0 or 1: the calling thread only; at most 64 */
    bool spread_threads;    /* two threads start on two processors, see below */
    rnm_team *team;         /* NULL: threads of its own. Else those of the team, whatever `threads`
                               says; it must outlive the context */
    const int64_t *symbols; /* a number for each symbol of the model, in order; NULL: all 1.
                               RNM_ERR_SHAPE where the network does not fit them */
    int symbol_count;       /* entries in `symbols`; 0 when NULL */
    bool no_xnnpack;        /* load mode on our own kernels */
    bool direct_only;       /* no Winograd, tables, mixtures: all layers alike, and slower */
    rnm_isa isa;            /* no kernels above this; one that the CPU lacks is passed over for
                               the next below, one of another architecture refused */
    uint64_t max_bytes;     /* refuse (RNM_ERR_LIMIT) a context that needs more; 0: no limit */
    uint64_t memory_limit;  /* bound on the report's total; 0: none. See below */
    const rnm_allocator *allocator; /* NULL: the model's. Copied. */
    bool profile;                   /* keep the time that each layer takes (rnm_context_layer) */
    const char *tuning;             /* NULL, or the text of rnm_tuning_text: layers run as it says.
                                       Refused (RNM_ERR_VALUE, _ARGUMENT) where it is broken, or for
                                       another model, CPU, instruction set or number of threads */
    const char *tuning_name;        /* what errors call it, as its file; NULL: "tuning" */
    bool plan_only;                 /* decide everything and take nothing: what such a context
                                       reports is what one without it would; it cannot run */
} rnm_context_options;

/* With a memory limit a context uses what memory there is and refuses (RNM_ERR_LIMIT, naming the
 * smallest figure that would do) where all layers as panels do not fit. In panel mode it keeps
 * expanded the layers that gain the most time per byte, by estimate or by a tuning; in load and
 * lazy mode all that fit, in that order, on our kernels; in layer mode it expands those that a
 * scratch fits for. The others are panelled. Algorithms do not depend on the limit, and a weight is
 * the same bit for bit in every form: so are the answers. */

/* Some kernels start a new thread on its maker's processor and leave it there for a while, as those
 * of hosts that share processors among guests do: two threads then wait for one another, and the
 * first run takes 20 ms longer. With spread_threads the second is started on another processor, by
 * sched_setaffinity on threads of the library's own and not on the caller's; it then may run where
 * the thread may that created the context, or the team. For programs that may call that (some
 * sandboxes end one that does) and have no threads of real-time priority. Without effect on other
 * numbers of threads. */

/* `threads` as in the options, where spread_threads is explained. Spread threads start while the
 * caller does something else, such as opening the model; the others when a context needs them.
 * Where the system limits threads and the limit is near, start none between creating a team and its
 * first context, other teams included: the pool waits for one that it was promised.
 * RNM_ERR_ARGUMENT, _MEMORY. */
RNM_API rnm_status rnm_team_create(int threads, bool spread_threads, rnm_team **out,
                                   rnm_error *error);

/* After its contexts. NULL is fine. */
RNM_API void rnm_team_destroy(rnm_team *team);

/* Plans and makes everything a run needs: shapes, algorithms, arena, threads. All memory is taken
 * here, XNNPACK's own apart. `options` may be NULL: defaults. On failure *out is untouched and
 * nothing is left behind. RNM_ERR_ARGUMENT, _MEMORY, _LIMIT, _SHAPE, _BACKEND, _RESOURCE. */
RNM_API rnm_status rnm_context_create(const rnm_model *model, const rnm_context_options *options,
                                      rnm_context **out, rnm_error *error);

/* NULL is fine. */
RNM_API void rnm_context_destroy(rnm_context *context);

/* A tensor in the context's memory: row-major in the order of dims, no gaps, aligned to 64. */
typedef struct rnm_tensor {
    const char *name;
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK]; /* symbols bound */
    size_t bytes;
    void *data;
} rnm_tensor;

/* Where to write input `index` before a run, and where to read output `index` after one: valid
 * until the context is destroyed; a run leaves inputs as they are. An output of NonMaxSuppression
 * has the dims and bytes of what the last run found. NULL out of range. */
RNM_API rnm_tensor *rnm_context_input(rnm_context *context, int index);
RNM_API const rnm_tensor *rnm_context_output(const rnm_context *context, int index);

/* Runs the network on what the inputs hold. Takes no memory. RNM_ERR_BACKEND when XNNPACK refuses.
 * The results do not depend on the number of threads. */
RNM_API rnm_status rnm_context_run(rnm_context *context, rnm_error *error);

/* Memory, in bytes, counted at the allocators. */
typedef struct rnm_report {
    uint64_t file;   /* the file's size */
    uint64_t mapped; /* of it, mapped (or used in place in memory) */
    uint64_t
        resident_weights; /* compact weights in the mapping plus what is expanded now and kept */
    uint64_t largest_scratch; /* the largest expansion scratch and kernel workspace of a layer */
    uint64_t activations;     /* arena of activations, inputs and outputs included */
    uint64_t bookkeeping;     /* everything else the allocators gave: model, context, plan, spare */
    uint64_t xnnpack;         /* what XNNPACK holds: packed weights, indirection, its workspace */
    uint64_t total;           /* mapped + all of the above that is not in the mapping */
    uint64_t dense;    /* the dense equivalent: all weights expanded to f32, biases and scales */
    uint64_t compact;  /* the same as stored in the file */
    rnm_expand expand; /* the mode in force */
    int threads;
    bool xnnpack_used;
    const char *isa; /* of our kernels: "plain", "sse2", "avx2", "avx512", "neon" */
} rnm_report;

RNM_API void rnm_context_report(const rnm_context *context, rnm_report *report);

/* How a layer's weights are there while it runs. */
typedef enum rnm_form {
    RNM_FORM_NONE = 0,     /* it has none that are expanded */
    RNM_FORM_PANEL = 1,    /* a panel at a time, inside the kernel */
    RNM_FORM_SCRATCH = 2,  /* the layer's, made anew for every run */
    RNM_FORM_EXPANDED = 3, /* kept in the context */
    RNM_FORM_XNNPACK = 4,  /* packed by XNNPACK */
    RNM_FORM_STORED = 5,   /* never expanded, in any mode: read where they are stored */
} rnm_form;

/* Algorithms between which layers with weights have a choice: "direct", forms of Winograd,
 * "F(2x2,3x3)", "F(4x4,3x3)", "F(2x2,5x5)", and with strides of 2 "F(2x2,3x3)/2", and for f layers
 * whose inputs repeat "tables", of signed sums of inputs, which need no expanded weights in any
 * mode. NULL for an index out of range. */
#define RNM_ALGORITHMS 6
RNM_API const char *rnm_algorithm_name(int index);

/* A layer of a context. Texts are the model's or static. */
typedef struct rnm_layer {
    const char *node;      /* the node's name; a node may have several layers, as Concat has */
    int node_index;        /* its number in the model */
    const char *op;        /* its operator */
    const char *algorithm; /* one of rnm_algorithm_name's, "depthwise", "transposed" or "XNNPACK";
                              NULL where the operator has one way only */
    rnm_form form;
    int block_inputs; /* inputs expanded and multiplied at a time; 0: does not apply */
    int mixed_blocks; /* of an s layer, so many blocks of weights are made, whose sums the child's
                         are, every weight to about 2^-19 of b1 * p, and inputs are mixed instead;
                         0: each block is expanded for itself */
    double flops;     /* 2 for each multiply-add of the plain convolution, which Winograd does
                         with fewer; of the parent's alone where linear repetition is done by
                         summing inputs and repeating outputs; 0 where not counted */
    double seconds;   /* of the last run; 0 unless the options said `profile` */
    /* Expected of a run, by estimate or from a tuning: with the weights panelled, and with them
     * kept, which takes keep_bytes; and by algorithm, panelled, where it can take that, else 0. All
     * 0 for layers without weights. */
    double panel_seconds, kept_seconds, estimates[RNM_ALGORITHMS];
    uint64_t keep_bytes;
    /* Bytes that a run reads, each counted once however often it is read. */
    uint64_t parent_bytes, mask_bytes, beta_bytes; /* stored weights; masks with listed zeros; of
                                                      mixed blocks their betas and factors */
    uint64_t kept_bytes;                           /* expanded weights in their place */
    uint64_t activation_bytes;
} rnm_layer;

/* Layers are in the order in which they run. False, *layer untouched, for an index out of range. */
RNM_API int rnm_context_layer_count(const rnm_context *context);
RNM_API bool rnm_context_layer(const rnm_context *context, int index, rnm_layer *layer);

/* What was measured of a layer: how it should run, and how long that takes. */
typedef struct rnm_tuned {
    int node;              /* rnm_layer.node_index */
    const char *algorithm; /* one of rnm_algorithm_name's; other layers have no choice */
    int block_inputs;      /* a multiple of 16 up to 1024, or 0: as planned */
    uint64_t panel_ns;     /* of a run, panelled; not 0 */
    uint64_t kept_ns;      /* of a run, weights kept expanded; 0: not measured */
} rnm_tuned;

/* Writes a tuning, good for contexts that have this one's model, CPU, instruction set and number of
 * threads, NUL-terminated if size is not 0; gives the bytes that it takes without the NUL, which
 * may be more than were written. Another algorithm rounds otherwise, so answers with a tuning are
 * those without it within the tolerance of Winograd, not bit for bit; block sizes change nothing.
 */
RNM_API size_t rnm_tuning_text(const rnm_context *context, const rnm_tuned *layers, int count,
                               char *text, size_t size);

/* Time against memory, of a context made with a memory limit (UINT64_MAX for a plan that no limit
 * binds): point 0 has all layers panelled and is the smallest workable total, each next one keeps
 * one weight more. Seconds are expected ones and of layers with weights only. No points without a
 * limit. */
typedef struct rnm_curve_point {
    uint64_t bytes;
    double seconds;
    const char *weight; /* what this point keeps and the last one did not; NULL at point 0 */
} rnm_curve_point;

RNM_API int rnm_context_curve_count(const rnm_context *context);
RNM_API bool rnm_context_curve(const rnm_context *context, int index, rnm_curve_point *point);

/* Measures, in some milliseconds and on all of the context's threads, the multiply-adds that its
 * instruction set does when it needs nothing but registers: floating-point operations a second.
 * Not while the context runs. */
RNM_API double rnm_context_peak(rnm_context *context);

#ifdef __cplusplus
}
#endif
#endif
