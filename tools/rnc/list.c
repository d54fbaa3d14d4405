/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc list.
 */
#include "commands.h"

#include <stdio.h>

static void print_names(const char *title, const char *(*name)(int)) {
    printf("%s:", title);
    for (int k = 0; name(k) != NULL; k++) {
        printf(" %s", name(k));
    }
    printf("\n");
}

int rnc_command_list(int argc, char **argv) {
    cli_list files = {0};
    const cli_command command = {
        .name = "rnc list",
        .version = RNC_TOOL_VERSION,
        .usage = "\n",
        .intro = "Names the topologies, data sets and passes that this rnc knows.\n",
        .examples = "  rnc list\n",
    };
    cli_result result = cli_parse(&command, argc, argv, &files, stdout, stderr);
    if (result == CLI_RUN && files.count != 0) {
        result = cli_refuse(&command, stderr, "expected no arguments, found %zu", files.count);
    }
    cli_list_free(&files);
    if (result == CLI_RUN) {
        print_names("topologies", rnc_topology_name);
        print_names("data sets", rnc_dataset_name);
        print_names("passes", rnc_pass_name);
    }
    return cli_exit_code(result);
}
