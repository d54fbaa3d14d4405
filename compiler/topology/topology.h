/* SPDX-License-Identifier: Apache-2.0
 *
 * Topologies: graphs as YAML, without the sizes that tensors tell (models/topology/README.md).
 */
#ifndef RNC_TOPOLOGY_H
#define RNC_TOPOLOGY_H

#include "job.h"
#include "topology/yaml.h"

/* Builds the graph of a topology into job->graph (nodes, no shapes but the input's), and sets
 * job->topology, job->ignore, job->source.prefix. */
rnm_status rnc_topology_build(rnc_job *job, const rnc_yaml *yaml, rnm_error *err);

/* Names the topology; fails when it has no name. */
rnm_status rnc_topology_read_name(const rnc_yaml *yaml, const char **out, rnm_error *err);

/* True when the topology's list `key` (models, formerly) has the name. */
bool rnc_topology_lists(const rnc_yaml *yaml, const char *key, const char *model_name);

/* The topology of a checkpoint: the one that --topology names, else the one whose tensors fit,
 * the checkpoint's own words breaking ties. Leaves the job as after pass account_tensors. */
rnm_status rnc_topology_select(rnc_job *job, rnm_error *err);

/* Topologies and data sets compiled into the library; made from models/ when it is built. */
typedef struct rnc_embedded {
    const char *name;
    const char *text;
    size_t size;
} rnc_embedded;
extern const rnc_embedded rnc_embedded_topologies[];
extern const size_t rnc_embedded_topology_count;
extern const rnc_embedded rnc_embedded_datasets[];
extern const size_t rnc_embedded_dataset_count;

#endif
