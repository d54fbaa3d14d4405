/* SPDX-License-Identifier: Apache-2.0
 *
 * An application that loads the library, runs a model expanded at load and closes the library
 * again, more than once: XNNPACK, which stays, must not call into what is gone. So that a library
 * loaded again does not stand where it stood, that place is taken.
 *
 *     reload LIBRARY MODEL.rnm
 */
#define _GNU_SOURCE /* MAP_FIXED_NOREPLACE, dladdr */

#include <dlfcn.h>
#include <rnm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 3
#define TAKEN 4096

static void *library;

/* Stores the function's address in *function. */
static int find(const char *name, void *function) {
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static int run(const char *path) {
    rnm_status (*open_model)(const char *, const rnm_model_options *, rnm_model **, rnm_error *);
    rnm_status (*create)(const rnm_model *, const rnm_context_options *, rnm_context **,
                         rnm_error *);
    rnm_status (*run_once)(rnm_context *, rnm_error *);
    void (*destroy)(rnm_context *);
    void (*close_model)(rnm_model *);
    if (!find("rnm_model_open", &open_model) || !find("rnm_context_create", &create) ||
        !find("rnm_context_run", &run_once) || !find("rnm_context_destroy", &destroy) ||
        !find("rnm_model_close", &close_model)) {
        fprintf(stderr, "reload: %s\n", dlerror());
        return 0;
    }
    const rnm_context_options options = {.expand = RNM_EXPAND_LOAD, .threads = 2};
    rnm_model *model = NULL;
    rnm_context *context = NULL;
    rnm_error error = {0};
    const int works = open_model(path, NULL, &model, &error) == RNM_OK &&
                      create(model, &options, &context, &error) == RNM_OK &&
                      run_once(context, &error) == RNM_OK;
    if (!works) {
        fprintf(stderr, "reload: %s\n", error.text);
    }
    destroy(context);
    close_model(model);
    return works;
}

int main(int argc, char **argv) {
    for (int round = 0; round < ROUNDS; ++round) {
        library = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
        if (library == NULL) {
            fprintf(stderr, "reload: %s\n", argc == 3 ? dlerror() : "expected library and model");
            return 2;
        }
        Dl_info place;
        const int works = run(argv[2]);
        const void *function = dlsym(library, "rnm_version");
        if (!works || dladdr(function, &place) == 0 || dlclose(library) != 0) {
            return 1;
        }
        (void)mmap(place.dli_fbase, TAKEN, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    }
    printf("reload: %d times\n", ROUNDS);
    return 0;
}
