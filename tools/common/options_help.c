/* SPDX-License-Identifier: Apache-2.0
 *
 * What options.c tells people.
 */
#include "options_help.h"

#include <string.h>

enum {
    HELP_COLUMN = 26, /* where the texts start */
    NAME_SIZE = 32,   /* longer names are not guessed at */
    MOST_SLIPS = 2,
};

const char *cli_choice_words(const cli_option *option, const char *between,
                             char words[CLI_WORDS_SIZE]) {
    size_t used = 0;
    words[0] = '\0';
    for (const cli_choice *choice = option->choices; choice->name != NULL; choice++) {
        int wrote = snprintf(words + used, CLI_WORDS_SIZE - used, "%s%s", used > 0 ? between : "",
                             choice->name);
        if (wrote < 0 || (size_t)wrote >= CLI_WORDS_SIZE - used) {
            break;
        }
        used += (size_t)wrote;
    }
    return words;
}

/* "-o, --output=FILE" in the left column, the text in the right one, line for line. */
static void print_row(FILE *out, const char *left, const char *help) {
    int width = fprintf(out, "  %s", left);
    if (width >= HELP_COLUMN) {
        fputc('\n', out);
        width = 0;
    }
    for (const char *line = help;;) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "%*s%.*s\n", HELP_COLUMN - width, "", (int)length, line);
        if (line[length] == '\0') {
            return;
        }
        line += length + 1;
        width = 0;
    }
}

static void print_option(const cli_option *option, FILE *out) {
    char words[CLI_WORDS_SIZE];
    char left[CLI_WORDS_SIZE + 64];
    char letter[] = "-x, ";
    letter[1] = option->letter;
    const char *value =
        option->kind == CLI_IS_CHOICE ? cli_choice_words(option, "|", words) : option->value;
    bool optional = option->kind == CLI_IS_OPTIONAL;
    snprintf(left, sizeof left, "%s--%s%s%s%s", option->letter != 0 ? letter : "    ", option->name,
             optional        ? "[="
             : value != NULL ? "="
                             : "",
             value != NULL ? value : "", optional ? "]" : "");
    print_row(out, left, option->help);
}

void cli_print_help(const cli_command *command, FILE *out) {
    const char *lead = "Usage:";
    for (const char *line = command->usage; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "%s %s %.*s\n", lead, command->name, (int)length, line);
        line += length + (line[length] == '\n');
        lead = "      ";
    }
    fprintf(out, "\n%s\nOptions:\n", command->intro);
    for (size_t i = 0; i < command->option_count; i++) {
        print_option(&command->options[i], out);
    }
    print_row(out, "-h, --help", "this text");
    print_row(out, "    --version", "the version");
    fprintf(out, "\nExamples:\n%s", command->examples);
    fprintf(out, "\nExit codes: 0 done, 1 a file is at fault, 2 the command line is,\n"
                 "3 no memory or no room.\n");
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many letters must be changed, put in or left out to make one word of the other. */
static size_t slips_between(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_SIZE + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

const char *cli_nearest_name(const cli_command *command, const char *text, size_t length) {
    const char *nearest = NULL;
    size_t fewest = MOST_SLIPS + 1;
    if (length > NAME_SIZE) {
        return NULL;
    }
    for (size_t i = 0; i < command->option_count; i++) {
        const char *name = command->options[i].name;
        size_t name_length = strlen(name);
        if (name_length > NAME_SIZE) {
            continue;
        }
        size_t slips = slips_between(text, length, name, name_length);
        if (slips < fewest && slips < name_length) {
            fewest = slips;
            nearest = name;
        }
    }
    return nearest;
}
