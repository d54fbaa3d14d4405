/* SPDX-License-Identifier: Apache-2.0
 *
 * Which topology a checkpoint has. The tensors decide: a topology fits when it finds all that it
 * needs and nothing is left over. What the checkpoint says of itself is tried first.
 */
#include "topology/topology.h"

#include <string.h>

enum { MAX_PREFIXES = 12 };

/* The best failure so far: that of the attempt most of whose layers the checkpoint has. */
typedef struct closest {
    rnm_error error;
    size_t layers;
    bool any;
} closest;

/* Prefixes under which the model's tensors may stand: all that the first tensor's name has, and
 * the usual ones. */
static size_t list_prefixes(rnc_job *job, const char **prefixes, rnm_error *err) {
    static const char *const usual[] = {"model.", "module.", "model.module.", "net."};
    size_t count = 0;
    prefixes[count++] = "";
    for (size_t k = 0; k < sizeof usual / sizeof *usual; k++) {
        prefixes[count++] = usual[k];
    }
    const char *name = job->source.weights->count > 0 ? job->source.weights->tensors[0].name : "";
    for (const char *dot = strchr(name, '.'); dot != NULL && count < MAX_PREFIXES;
         dot = strchr(dot + 1, '.')) {
        prefixes[count] = rnc_arena_text(&job->arena, name, (size_t)(dot + 1 - name), err);
        if (prefixes[count] == NULL) {
            return 0;
        }
        count++;
    }
    return count;
}

static bool any_tensor_under(const rnc_weights *weights, const char *prefix) {
    size_t length = strlen(prefix);
    for (size_t k = 0; k < weights->count; k++) {
        if (strncmp(weights->tensors[k].name, prefix, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Builds the graph and resolves its tensors. */
static rnm_status attempt(rnc_job *job, const rnc_yaml *yaml, const char *prefix, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    job->ignore_count = 0;
    job->source.prefix = prefix;
    memset(job->source.used, 0, job->source.weights->count);
    *graph = (rnc_graph){.arena = &job->arena};
    rnm_status status = rnc_topology_build(job, yaml, err);
    if (status != RNM_OK) {
        return status;
    }
    if (job->height > 0) {
        graph->inputs[0]->shape.dims[2] = job->height;
        graph->inputs[0]->shape.dims[3] = job->width;
    }
    if ((status = rnc_resolve_weights(job, err)) != RNM_OK ||
        (status = rnc_choose_transform(job, err)) != RNM_OK) {
        return status;
    }
    return rnc_account_tensors(job, err);
}

/* Layers of the graph that have a weight in the checkpoint, less those that have none. */
static size_t layers_found(const rnc_job *job) {
    size_t found = 0;
    size_t lacking = 0;
    for (size_t n = 0; n < job->graph.node_count; n++) {
        const rnc_node *node = job->graph.nodes[n];
        if (node->layer != NULL && node->parent == NULL) {
            bool has = rnc_has_layer(job, node->layer);
            found += has;
            lacking += !has;
        }
    }
    return found > lacking ? found - lacking : 0;
}

/* Tries every prefix. */
static rnm_status fit(rnc_job *job, const rnc_yaml *yaml, closest *best, rnm_error *err) {
    const char *prefixes[MAX_PREFIXES];
    size_t count = list_prefixes(job, prefixes, err);
    rnm_status status = count == 0 ? RNM_ERR_MEMORY : RNM_ERR_MODEL;
    bool quiet = job->quiet;
    for (size_t k = 0; k < count; k++) {
        rnm_error error = {.status = RNM_OK};
        if (!any_tensor_under(job->source.weights, prefixes[k])) {
            continue;
        }
        job->quiet = true;
        status = attempt(job, yaml, prefixes[k], &error);
        job->quiet = quiet;
        if (status == RNM_OK) {
            return attempt(job, yaml, prefixes[k], err); /* once more, for its notes */
        }
        if (status == RNM_ERR_MEMORY) {
            rnm_fail(err, error.status, "%s", error.text); /* nothing else will fit either */
            return status;
        }
        if (!best->any || layers_found(job) > best->layers) {
            *best = (closest){.error = error, .layers = layers_found(job), .any = true};
        }
    }
    return status;
}

static rnm_status fail_closest(const closest *best, rnm_error *err) {
    return rnm_fail(err, best->error.status, "%s", best->error.text);
}

static rnm_status open_embedded(rnc_job *job, size_t index, rnc_yaml **out, rnm_error *err) {
    const rnc_embedded *file = &rnc_embedded_topologies[index];
    job->known_topology = true;
    return rnc_yaml_parse(file->text, file->size, file->name, out, err);
}

/* --topology: a file, or the name of one that the library has. */
static rnm_status select_given(rnc_job *job, rnm_error *err) {
    const char *given = job->options->topology;
    rnc_yaml *yaml = NULL;
    closest best = {.any = false};
    rnm_status status = RNM_ERR_IO;
    for (size_t k = 0; k < rnc_embedded_topology_count && yaml == NULL; k++) {
        if (strcmp(rnc_embedded_topologies[k].name, given) == 0) {
            status = open_embedded(job, k, &yaml, err);
        }
    }
    if (yaml == NULL) {
        status = rnc_yaml_open(given, &yaml, err);
    }
    if (status != RNM_OK) {
        return status;
    }
    status = fit(job, yaml, &best, err);
    rnc_yaml_close(yaml);
    return status != RNM_OK && status != RNM_ERR_MEMORY && best.any ? fail_closest(&best, err)
                                                                    : status;
}

/* The topology inside the checkpoint, which is as foreign as the rest of the file: the YAML reader
 * has its limits, and what does not fit is refused as a file's would be. */
static rnm_status select_own(rnc_job *job, rnm_error *err) {
    const rnc_weights *weights = job->source.weights;
    rnc_yaml *yaml;
    closest best = {.any = false};
    rnm_status status = rnc_yaml_parse(weights->hints.topology, weights->hints.topology_size,
                                       weights->path, &yaml, err);
    if (status == RNM_OK) {
        status = fit(job, yaml, &best, err);
        rnc_yaml_close(yaml);
        if (status != RNM_OK && status != RNM_ERR_MEMORY && best.any) {
            status = fail_closest(&best, err);
        }
    }
    return status == RNM_OK
               ? RNM_OK
               : rnm_fail_in(
                     err, status,
                     "the topology inside the checkpoint (--topology=FILE.yaml replaces it)");
}

/* The tensors have decided against the checkpoint's word. */
static void note_other_name(const rnc_job *job, const rnc_yaml *yaml, const char *model) {
    if (rnc_topology_lists(yaml, "formerly", model)) {
        rnc_note(job,
                 "the checkpoint calls itself %s, as early versions of the training code called "
                 "%s, whose tensors it has (--topology=FILE.yaml gives another)",
                 model, job->topology);
    } else {
        rnc_note(job, "the checkpoint calls itself %s, but its tensors are those of topology %s",
                 model, job->topology);
    }
}

/* Tries the topologies whose list of models has the checkpoint's word (`named`), or all others. */
static rnm_status try_embedded(rnc_job *job, bool named, closest *best, rnm_error *err) {
    const char *model = job->source.weights->hints.model_name;
    rnm_status status = RNM_ERR_MODEL;
    for (size_t k = 0; k < rnc_embedded_topology_count && status == RNM_ERR_MODEL; k++) {
        rnc_yaml *yaml;
        rnm_status opened = open_embedded(job, k, &yaml, err);
        if (opened != RNM_OK) {
            return opened;
        }
        if ((model != NULL && rnc_topology_lists(yaml, "models", model)) == named) {
            status = fit(job, yaml, best, err);
            if (status == RNM_OK && model != NULL && !named) {
                note_other_name(job, yaml, model);
            }
            if (status != RNM_OK && status != RNM_ERR_MEMORY) {
                status = RNM_ERR_MODEL; /* whatever was wrong, the next one may fit */
            }
        }
        rnc_yaml_close(yaml);
    }
    return status;
}

rnm_status rnc_topology_select(rnc_job *job, rnm_error *err) {
    const rnc_weights *weights = job->source.weights;
    const char *model = weights->hints.model_name;
    job->source.used = rnc_arena_array(&job->arena, weights->count + 1, sizeof(bool), err);
    if (job->source.used == NULL) {
        return RNM_ERR_MEMORY;
    }
    if (weights->count == 0) {
        return rnm_fail(err, RNM_ERR_MODEL, "%s: holds no tensors", weights->path);
    }
    if (job->options->topology != NULL) {
        return select_given(job, err);
    }
    if (weights->hints.topology != NULL) {
        return select_own(job, err);
    }
    closest named = {.any = false};
    closest other = {.any = false};
    rnm_status status = try_embedded(job, true, &named, err);
    if (status != RNM_ERR_MODEL) {
        return status;
    }
    status = try_embedded(job, false, &other, err);
    if (status != RNM_ERR_MODEL) {
        return status;
    }
    if (named.any) {
        return fail_closest(&named, err);
    }
    if (other.any && other.layers > 0) {
        fail_closest(&other, err);
        return rnm_fail_in(err, RNM_ERR_MODEL,
                           "no known topology fits (--topology=FILE.yaml gives one); the closest");
    }
    return rnm_fail(err, RNM_ERR_MODEL,
                    "%s: its %zu tensors (the first is %s)%s%s fit no known topology; "
                    "--topology=FILE.yaml gives one",
                    weights->path, weights->count, weights->tensors[0].name,
                    model != NULL ? ", of a model that calls itself " : "",
                    model != NULL ? model : "");
}

const char *rnc_topology_name(int index) {
    return index >= 0 && (size_t)index < rnc_embedded_topology_count
               ? rnc_embedded_topologies[index].name
               : NULL;
}
