/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime (rnm.h) and the compiler (rnc.h) have in common: statuses, errors, data types,
 * the allocator interface. Public and installed.
 */
#ifndef RNM_BASE_H
#define RNM_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RNM_API __attribute__((visibility("default")))
#else
#define RNM_API
#endif

/* Every dimension list in the project is at most this long. */
#define RNM_MAX_RANK 8

/* In the place of a dim: it follows from symbols, and is known once a context has them. */
#define RNM_DIM_COMPUTED (-1 - (int64_t)0xffffffff)

/* What a call came to. Numbers are stable; see rnm_status.def for the list. */
typedef enum rnm_status {
#define X(number, name, exit_code, text) RNM_##name = number,
#include "rnm_status.def"
#undef X
} rnm_status;

/* The fixed text of a status; never NULL, also for unknown numbers. Any thread. */
RNM_API const char *rnm_status_text(rnm_status status);

/* The exit code a command should end with: 0 done, 1 input or model at fault, 2 usage,
 * 3 resources. Any thread. */
RNM_API int rnm_status_exit_code(rnm_status status);

/* Filled in by a failing call when the caller passes one (every function accepts NULL): one
 * sentence that names the file, tensor or section, what was expected and what was found. A call
 * that succeeds leaves it untouched. Owned by the caller; text is always NUL-terminated. */
typedef struct rnm_error {
    rnm_status status;
    char text[640];
} rnm_error;

/* Element types, with the numbers of ONNX TensorProto.DataType. */
typedef enum rnm_dtype {
    RNM_F32 = 1,
    RNM_U8 = 2,
    RNM_I8 = 3,
    RNM_I16 = 5,
    RNM_I32 = 6,
    RNM_I64 = 7,
    RNM_BOOL = 9,
    RNM_F16 = 10,
    RNM_F64 = 11,
    RNM_U32 = 12,
    RNM_BF16 = 16,
} rnm_dtype;

/* Bytes of one element; 0 for a number that is no type of ours. Any thread. */
RNM_API size_t rnm_dtype_size(rnm_dtype dtype);

/* "f32", "i64", ...; "unknown" for a number that is no type of ours. Any thread. */
RNM_API const char *rnm_dtype_name(rnm_dtype dtype);

/* Where a library gets its memory. `alloc` returns `size` bytes (never 0) aligned to `alignment`
 * (a power of two of at most 4096) or NULL; `release` takes back a pointer `alloc` gave, with the
 * same size. Both may be called from the thread that calls the library only. The struct is copied;
 * `user` must outlive whatever was made with it. */
typedef struct rnm_allocator {
    void *(*alloc)(void *user, size_t size, size_t alignment);
    void (*release)(void *user, void *pointer, size_t size);
    void *user;
} rnm_allocator;

#ifdef __cplusplus
}
#endif
#endif
