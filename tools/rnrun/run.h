/* SPDX-License-Identifier: Apache-2.0
 *
 * The jobs rnrun can do with an open model. Each says what failed and returns the exit code.
 */
#ifndef RNRUN_RUN_H
#define RNRUN_RUN_H

#include "settings.h"
#include "show.h"

/* Classifies images one by one; a file that fails does not stop the others, and the exit code is
 * that of the first failure. */
int run_images(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Runs .npy inputs in chunks of a batch; writes the outputs asked for, or, without any, prints the
 * classes of every row of the first output. */
int run_arrays(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Only makes a context and reports its memory. */
int run_report(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Times the network on made-up input. */
int run_bench(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Times each layer of the network on made-up input. */
int run_profile(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Says what a context would do, without making one. */
int run_plan(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Measures the ways in which layers can run and writes down the fastest. */
int run_tune(const rnrun_settings *settings, const rnm_model *model, show *s);

#endif
