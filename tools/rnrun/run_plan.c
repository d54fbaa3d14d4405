/* SPDX-License-Identifier: Apache-2.0
 *
 * What would be chosen for each layer, and time against memory.
 */
#include "run.h"

#include "error.h"
#include "timing.h"

int run_plan(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context = NULL, *free = NULL;
    rnm_error error = {0};
    int exit_code = 0;
    options.plan_only = true;
    rnm_context_options no_bound = options;
    no_bound.memory_limit = UINT64_MAX;
    if (rnm_context_create(model, &no_bound, &free, &error) != RNM_OK ||
        rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, path);
        exit_code = show_failure(s, NULL, &error);
    } else {
        show_plan(s, path, context, free, settings->memory_limit);
    }
    rnm_context_destroy(context);
    rnm_context_destroy(free);
    return exit_code;
}
