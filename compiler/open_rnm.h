/* SPDX-License-Identifier: Apache-2.0
 *
 * A .rnm as the compiler's commands read it: mapped and checked.
 */
#ifndef RNC_OPEN_RNM_H
#define RNC_OPEN_RNM_H

#include "readers/map.h"
#include "rnm_read.h"

typedef struct rnc_rnm {
    rnc_map map;
    rnm_view view;
} rnc_rnm;

/* Errors name the file. rnc_rnm_close after a success only. */
rnm_status rnc_rnm_open(const char *path, rnc_rnm *out, rnm_error *err);
void rnc_rnm_close(rnc_rnm *rnm);

#endif
