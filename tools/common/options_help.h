/* SPDX-License-Identifier: Apache-2.0
 *
 * What options.c tells people: the help text, the words of a choice, the nearest known name.
 */
#ifndef RNM_TOOLS_OPTIONS_HELP_H
#define RNM_TOOLS_OPTIONS_HELP_H

#include "options.h"

#define CLI_WORDS_SIZE 160

void cli_print_help(const cli_command *command, FILE *out);

/* The words of a choice with `between` between them, in the caller's buffer, which is returned. */
const char *cli_choice_words(const cli_option *option, const char *between,
                             char words[CLI_WORDS_SIZE]);

/* The option whose name is at most two slips away from the first `length` bytes of `text`, or NULL.
 */
const char *cli_nearest_name(const cli_command *command, const char *text, size_t length);

#endif
