/* SPDX-License-Identifier: Apache-2.0
 *
 * Every tensor of the model must have been used, or the topology and the checkpoint do not belong
 * together.
 *
 * Requires: choose_transform.
 * Leaves:   the graph as it was.
 */
#include "job.h"

#include <fnmatch.h>
#include <string.h>

static bool ignorable(const rnc_job *job, const char *name) {
    for (size_t k = 0; k < job->ignore_count; k++) {
        if (fnmatch(job->ignore[k], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

rnm_status rnc_account_tensors(rnc_job *job, rnm_error *err) {
    const rnc_source *source = &job->source;
    size_t length = strlen(source->prefix);
    size_t outside = 0;
    const char *first = NULL;
    for (size_t k = 0; k < source->weights->count; k++) {
        const rnc_tensor *tensor = &source->weights->tensors[k];
        if (source->used[k]) {
            continue;
        }
        if (strncmp(tensor->name, source->prefix, length) != 0) {
            outside++;
            first = first == NULL ? tensor->name : first;
        } else if (!ignorable(job, tensor->name + length)) {
            return rnc_fail_tensor(job, RNM_ERR_MODEL, tensor, err,
                                   "is not used by topology %s, which does not list it under "
                                   "`ignore` either",
                                   job->topology);
        }
    }
    if (outside > 0) {
        rnc_note(job, "tensors outside `%s` were passed over: %zu, the first is %s", source->prefix,
                 outside, first);
    }
    return RNM_OK;
}
