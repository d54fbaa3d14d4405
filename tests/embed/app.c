/* SPDX-License-Identifier: Apache-2.0
 *
 * An application with librnm in it: app MODEL. Reads the model into memory of its own,
 * gives the library nothing but a static buffer, runs in every mode, and counts calls of malloc
 * and its relatives while the network runs: there must be none.
 */
#define _GNU_SOURCE
#include <rnm.h>

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- malloc and its relatives, counted ------------------------------------------------------- */

static bool running;
static int calls;

/* dlsym may itself want memory before the first answer is there. */
static _Alignas(64) char first_aid[4096];
static size_t first_aid_used;

static void *next_of(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

void *malloc(size_t size) {
    static void *(*real)(size_t);
    calls += running;
    if (real == NULL) {
        *(void **)&real = next_of("malloc");
    }
    return real(size);
}

void *calloc(size_t count, size_t size) {
    static void *(*real)(size_t, size_t);
    static bool asking;
    calls += running;
    if (real == NULL) {
        if (asking) {
            void *aid = first_aid + first_aid_used;
            first_aid_used += (count * size + 63) / 64 * 64;
            return first_aid_used <= sizeof first_aid ? aid : NULL;
        }
        asking = true;
        *(void **)&real = next_of("calloc");
    }
    return real(count, size);
}

void *realloc(void *pointer, size_t size) {
    static void *(*real)(void *, size_t);
    calls += running;
    if (real == NULL) {
        *(void **)&real = next_of("realloc");
    }
    return real(pointer, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
    static int (*real)(void **, size_t, size_t);
    calls += running;
    if (real == NULL) {
        *(void **)&real = next_of("posix_memalign");
    }
    return real(pointer, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    static void *(*real)(size_t, size_t);
    calls += running;
    if (real == NULL) {
        *(void **)&real = next_of("aligned_alloc");
    }
    return real(alignment, size);
}

/* ---- a static buffer as allocator ------------------------------------------------------------ */

static _Alignas(4096) unsigned char buffer[8 << 20];
static size_t used;

static void *buffer_alloc(void *user, size_t size, size_t alignment) {
    (void)user;
    size_t start = (used + alignment - 1) & ~(alignment - 1);
    if (start > sizeof buffer || size > sizeof buffer - start) {
        return NULL;
    }
    used = start + size;
    return buffer + start;
}

static void buffer_release(void *user, void *pointer, size_t size) {
    (void)user;
    (void)pointer;
    (void)size;
}

/* ---- the application ------------------------------------------------------------------------- */

static int failed(const char *what, const rnm_error *error) {
    fprintf(stderr, "app: %s: %s\n", what, error->text);
    return 1;
}

static int run_mode(const rnm_model *model, rnm_expand mode, bool no_xnnpack, float *logits) {
    rnm_error error = {0};
    rnm_context_options options = {.expand = mode, .no_xnnpack = no_xnnpack};
    rnm_context *context;
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        return failed("context", &error);
    }
    rnm_tensor *input = rnm_context_input(context, 0);
    float *pixels = input->data;
    for (size_t k = 0; k < input->bytes / sizeof *pixels; ++k) {
        pixels[k] = (float)(k % 17) / 17.0f;
    }
    calls = 0;
    running = true;
    rnm_status status = rnm_context_run(context, &error);
    if (status == RNM_OK) {
        status = rnm_context_run(context, &error);
    }
    running = false;
    const rnm_tensor *output = rnm_context_output(context, 0);
    memcpy(logits, output->data, output->bytes);
    rnm_context_destroy(context);
    if (status != RNM_OK) {
        return failed("run", &error);
    }
    if (calls != 0) {
        fprintf(stderr, "app: mode %d: %d allocations during a run\n", (int)mode, calls);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    static _Alignas(64) unsigned char file[1 << 20];
    FILE *stream = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (stream == NULL) {
        fprintf(stderr, "app: expected a model\n");
        return 2;
    }
    size_t size = fread(file, 1, sizeof file, stream);
    fclose(stream);

    rnm_allocator allocator = {buffer_alloc, buffer_release, NULL};
    rnm_model_options options = {.allocator = &allocator};
    rnm_error error = {0};
    rnm_model *model;
    if (rnm_model_open_memory(file, size, &options, &model, &error) != RNM_OK) {
        return failed("model", &error);
    }
    float logits[6][7];
    int result = run_mode(model, RNM_EXPAND_LAYER, true, logits[0]);
    result |= run_mode(model, RNM_EXPAND_LAZY, true, logits[1]);
    result |= run_mode(model, RNM_EXPAND_LOAD, true, logits[2]);
    result |= run_mode(model, RNM_EXPAND_LOAD, false, logits[3]);
    result |= run_mode(model, RNM_EXPAND_PANEL, false, logits[4]);
    result |= run_mode(model, RNM_EXPAND_DEFAULT, false, logits[5]);
    rnm_model_close(model);
    if (result != 0) {
        return result;
    }
    for (int k = 0; k < 7; ++k) {
        float difference = logits[3][k] - logits[0][k];
        bool close = difference <= 1e-4f && difference >= -1e-4f;
        bool same = true;
        for (int mode = 1; mode < 6; ++mode) {
            same = same && (mode == 3 || logits[mode][k] == logits[0][k]);
        }
        if (!same || !close) {
            fprintf(stderr, "app: modes disagree on logit %d\n", k);
            return 1;
        }
    }
    printf("librnm %s, %s: %zu bytes of static memory, no allocation while running\n",
           rnm_version(), rnm_has_xnnpack() ? "XNNPACK" : "own kernels only", used);
    return 0;
}
