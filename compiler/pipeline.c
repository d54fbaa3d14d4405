/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole way of a compilation: read -> topology -> passes -> write.
 */
#include "job.h"
#include "onnx/onnx.h"
#include "topology/topology.h"

#include <string.h>

/* Passes behind the three that rnc_topology_select runs (resolve_weights, choose_transform,
 * account_tensors). */
static const struct {
    const char *name;
    rnc_pass *run;
} passes[] = {
    {"topology", NULL},
    {"check_values", rnc_check_values},
    {"recognise_repetition", rnc_recognise_repetition},
    {"fold_batch_norm", rnc_fold_batch_norm},
    {"fuse_epilogue", rnc_fuse_epilogue},
    {"assign_layout", rnc_assign_layout},
    {"dead_code", rnc_dead_code},
    {"lifetimes", rnc_lifetimes},
};
enum { PASS_COUNT = sizeof passes / sizeof *passes };

const char *rnc_pass_name(int index) {
    return index >= 0 && index < PASS_COUNT ? passes[index].name : NULL;
}

static void dump(const rnc_job *job, const char *pass) {
    const char *wanted = job->options->dump_ir;
    if (wanted != NULL && job->options->dump_file != NULL &&
        (strcmp(wanted, "all") == 0 || strcmp(wanted, pass) == 0)) {
        rnc_graph_dump(&job->graph, pass, job->options->dump_file);
    }
}

/* The data set: the one asked for, else the one that the checkpoint describes, else the one that
 * it names, if it is known. */
static rnm_status choose_dataset(rnc_job *job, rnm_error *err) {
    const rnc_options *options = job->options;
    const rnc_hints *hints = &job->source.weights->hints;
    const char *name = options->dataset != NULL ? options->dataset : hints->dataset;
    rnm_status status = RNM_OK;
    if (options->dataset == NULL && hints->dataset_document != NULL) {
        job->has_dataset = true;
        status = rnc_dataset_parse(hints->dataset_document, hints->dataset_document_size,
                                   job->source.weights->path, &job->arena, &job->dataset, err);
        if (status != RNM_OK) {
            return rnm_fail_in(err, status, "the data set inside the checkpoint");
        }
    } else if (name != NULL && (options->dataset != NULL || rnc_dataset_known(name))) {
        job->has_dataset = true;
        status = rnc_dataset_find(name, &job->arena, &job->dataset, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    if (job->has_dataset) {
        job->height = job->dataset.height;
        job->width = job->dataset.width;
    }
    if (options->input_height > 0) {
        job->height = options->input_height;
        job->width = options->input_width > 0 ? options->input_width : options->input_height;
    }
    return RNM_OK;
}

static void note_no_dataset(const rnc_job *job) {
    const char *hint = job->source.weights->hints.dataset;
    if (hint == NULL) {
        rnc_note(job, "nothing tells how images are prepared; --dataset=NAME|FILE.yaml does");
    } else {
        rnc_note(job,
                 "the checkpoint's data set `%s` is not known; --dataset=FILE.yaml describes it",
                 hint);
    }
}

/* What the data set says must suit the graph that was found. */
static rnm_status settle_dataset(rnc_job *job, rnm_error *err) {
    if (!job->has_dataset) {
        note_no_dataset(job);
        return RNM_OK;
    }
    const rnm_shape none = {.rank = 0};
    const rnm_shape *input = job->graph.input_count > 0 ? &job->graph.inputs[0]->shape : &none;
    rnc_dataset *dataset = &job->dataset;
    int64_t least_height = (int64_t)dataset->preprocess.pad_top + dataset->preprocess.pad_bottom;
    int64_t least_width = (int64_t)dataset->preprocess.pad_left + dataset->preprocess.pad_right;
    if (input->rank != 4 || dataset->channels != input->dims[1] || input->dims[2] <= least_height ||
        input->dims[3] <= least_width) {
        if (job->options->dataset != NULL) {
            return rnm_fail(err, RNM_ERR_MODEL,
                            "data set %s gives %lld channels and its padding, the network wants "
                            "%lldx%lldx%lld",
                            dataset->name, (long long)dataset->channels, (long long)input->dims[1],
                            (long long)input->dims[2], (long long)input->dims[3]);
        }
        rnc_note(job, "data set %s does not suit the network's input and was left out",
                 dataset->name);
        job->has_dataset = false;
        return RNM_OK;
    }
    if (dataset->height != input->dims[2] || dataset->width != input->dims[3]) {
        rnc_dataset_resize(dataset, input->dims[2], input->dims[3]);
    }
    const rnm_shape *output = &job->graph.outputs[0]->shape;
    if (dataset->label_count > 0 && ((output->rank != 2 && output->rank != 4) ||
                                     output->dims[1] != (int64_t)dataset->label_count)) {
        rnc_note(job,
                 "the %zu labels of data set %s do not suit the network's output and were left "
                 "out",
                 dataset->label_count, dataset->name);
        dataset->label_count = 0;
    }
    return RNM_OK;
}

static void note_hints(const rnc_job *job) {
    const rnc_hints *hints = &job->source.weights->hints;
    const rnm_shape *output = &job->graph.outputs[0]->shape;
    if (hints->num_classes > 0 && output->rank == 2 && output->dims[1] != hints->num_classes) {
        rnc_note(job, "the checkpoint speaks of %lld classes, its last layer has %lld",
                 (long long)hints->num_classes, (long long)output->dims[1]);
    }
}

/* What the command line cannot get wrong but other callers can. */
static rnm_status check_options(const rnc_options *options, rnm_error *err) {
    rnm_dtype type = options->param_type;
    if (type != 0 && type != RNM_F32 && type != RNM_F16 && type != RNM_BF16) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "param_type must be 0, f32, f16 or bf16, found %d",
                        (int)type);
    }
    if ((unsigned)options->generator > RNC_GENERATOR_CASCADED) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "generator must be one of rnc_generator, found %d",
                        (int)options->generator);
    }
    return RNM_OK;
}

static rnm_status run(rnc_job *job, rnm_error *err) {
    rnm_status status;
    if ((status = check_options(job->options, err)) != RNM_OK ||
        (status = choose_dataset(job, err)) != RNM_OK ||
        (status = job->source.weights->onnx != NULL ? rnc_onnx_import(job, err)
                                                    : rnc_topology_select(job, err)) != RNM_OK ||
        (status = settle_dataset(job, err)) != RNM_OK) {
        return status;
    }
    note_hints(job);
    for (size_t k = 0; k < PASS_COUNT; k++) {
        if (passes[k].run != NULL && (status = passes[k].run(job, err)) != RNM_OK) {
            return status;
        }
        if ((status = rnc_graph_verify(&job->graph, passes[k].name, err)) != RNM_OK) {
            return status;
        }
        dump(job, passes[k].name);
    }
    return RNM_OK;
}

rnm_status rnc_job_run(rnc_job *job, rnm_error *err) {
    rnm_status status = run(job, err);
    if (status == RNM_ERR_MEMORY && job->arena.status != RNM_OK) {
        /* Passes give up alike at the arena's ceiling and at the system's. */
        return rnm_fail_in(err, job->arena.status, job->source.weights->path);
    }
    return status;
}

rnm_status rnc_compile(const char *source, const char *target, const rnc_options *options,
                       rnm_error *error) {
    rnc_weights weights;
    rnm_status status = rnc_weights_open(source, &weights, error);
    if (status != RNM_OK) {
        return status;
    }
    rnc_job job;
    rnc_job_begin(&job, &weights, options);
    status = rnc_job_run(&job, error);
    for (size_t k = 0; status == RNM_OK && k < weights.skipped_count; k++) {
        rnc_note(&job, "%s", weights.skipped[k]);
    }
    if (status == RNM_OK) {
        status = rnc_write_rnm(&job, target, error);
    }
    rnc_job_end(&job);
    rnc_weights_close(&weights);
    return status;
}
