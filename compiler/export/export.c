/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole way of an export: read -> graph -> write.
 */
#include "error.h"
#include "export/exporter.h"
#include "open_rnm.h"

static rnm_status export_as(const char *source, const char *target, bool compact,
                            const rnc_export_options *options, rnm_error *error) {
    static const rnc_export_options defaults = {.progress = NULL};
    rnc_rnm rnm;
    rnm_status status = rnc_rnm_open(source, &rnm, error);
    if (status != RNM_OK) {
        return status;
    }
    rnc_proto model;
    rnc_exporter exporter;
    rnc_proto_begin(&model, error);
    rnc_exporter_begin(&exporter, &model, &rnm.view, compact);
    status = model.status == RNM_OK ? rnc_exporter_run(&exporter) : model.status;
    if (status != RNM_OK) {
        rnm_fail_in(error, status, source);
    } else {
        status =
            rnc_proto_write(&model, "rnm", target, options != NULL ? options : &defaults, error);
    }
    rnc_proto_end(&model);
    rnc_rnm_close(&rnm);
    return status;
}

rnm_status rnc_export(const char *source, const char *target, const rnc_export_options *options,
                      rnm_error *error) {
    return export_as(source, target, true, options, error);
}

rnm_status rnc_export_dense(const char *source, const char *target,
                            const rnc_export_options *options, rnm_error *error) {
    return export_as(source, target, false, options, error);
}
