/* SPDX-License-Identifier: Apache-2.0
 *
 * Making errors: one call that fills in the caller's rnm_error and gives the status back, so that
 * a failing function reads `return rnm_fail(err, RNM_ERR_..., "...", ...)`.
 */
#ifndef RNM_ERROR_H
#define RNM_ERROR_H

#include "rnm_base.h"

#if defined(__GNUC__)
#define RNM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RNM_PRINTF(fmt, args)
#endif

/* Sets *err (when not NULL) to `status` and the formatted sentence; returns `status`. Text from
 * outside is made printable: control bytes become '?'. Too long a text is cut. */
rnm_status rnm_fail(rnm_error *err, rnm_status status, const char *format, ...) RNM_PRINTF(3, 4);

/* Puts "prefix: " before the text of an error already set, as when a caller knows the file's name.
 * Returns err's status, or `status` when err is NULL. */
rnm_status rnm_fail_in(rnm_error *err, rnm_status status, const char *prefix);

#endif
