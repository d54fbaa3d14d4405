/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines from a table: `--name=VALUE`, `--name VALUE`, `-nVALUE`, `-n VALUE`, flags,
 * clusters of one-letter flags, and `--` before files whose names start with a dash. `--help` and
 * `--version` are always there and need no row.
 *
 *     static const cli_option options[] = {
 *         CLI_FLAG("quiet", 'q', &quiet, "no progress line"),
 *         CLI_TEXT("output", 'o', &output, "FILE", "where the result goes"),
 *         CLI_NUMBER("top", 'k', &top, "K", 1, 1000, "how many labels to print"),
 *         CLI_BYTES("memory-limit", 0, &limit, "what it may take, as in 12M"),
 *         CLI_CHOICE("expand", 0, &expand, expand_choices, "when child weights are made"),
 *         CLI_LIST("input", 'i', &inputs, "FILE", "may be given again"),
 *     };
 */
#ifndef RNM_TOOLS_OPTIONS_H
#define RNM_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Strings of argv, in the order given. Start from {0}; cli_list_free gives the array back. */
typedef struct cli_list {
    const char **items;
    size_t count;
} cli_list;

void cli_list_free(cli_list *list);

/* A word a choice can be; the table ends with a NULL name. */
typedef struct cli_choice {
    const char *name;
    int value;
} cli_choice;

typedef enum cli_kind {
    CLI_IS_FLAG,
    CLI_IS_TEXT,
    CLI_IS_OPTIONAL,
    CLI_IS_NUMBER,
    CLI_IS_BYTES,
    CLI_IS_CHOICE,
    CLI_IS_LIST
} cli_kind;

/* A row of the table; written with the macros below. What the target holds before parsing is the
 * default. An option given twice: the last one counts, but for lists. */
typedef struct cli_option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    cli_kind kind;
    union {
        bool *flag;
        const char **text;
        int64_t *number;
        uint64_t *bytes;
        int *choice;
        cli_list *list;
    } to;
    const char *value; /* what the help calls the value; NULL for flags and choices */
    const char *help;  /* may have several lines */
    int64_t min, max;
    const cli_choice *choices;
} cli_option;

#define CLI_FLAG(n, l, target, h) \
    { .name = n, .letter = l, .kind = CLI_IS_FLAG, .to.flag = target, .help = h }
#define CLI_TEXT(n, l, target, v, h) \
    { .name = n, .letter = l, .kind = CLI_IS_TEXT, .to.text = target, .value = v, .help = h }
/* A text that may be left out, and is then the empty one; `--name=VALUE` only. */
#define CLI_OPTIONAL(n, l, target, v, h) \
    { .name = n, .letter = l, .kind = CLI_IS_OPTIONAL, .to.text = target, .value = v, .help = h }
#define CLI_NUMBER(n, l, target, v, lo, hi, h)                                                     \
    {                                                                                              \
        .name = n, .letter = l, .kind = CLI_IS_NUMBER, .to.number = target, .value = v, .help = h, \
        .min = lo, .max = hi                                                                       \
    }
/* A number of bytes, 1 or more, with K, M or G behind it for 1024, 1024^2 or 1024^3. */
#define CLI_BYTES(n, l, target, h)                                                          \
    {                                                                                       \
        .name = n, .letter = l, .kind = CLI_IS_BYTES, .to.bytes = target, .value = "BYTES", \
        .help = h                                                                           \
    }
#define CLI_CHOICE(n, l, target, c, h) \
    { .name = n, .letter = l, .kind = CLI_IS_CHOICE, .to.choice = target, .help = h, .choices = c }
#define CLI_LIST(n, l, target, v, h) \
    { .name = n, .letter = l, .kind = CLI_IS_LIST, .to.list = target, .value = v, .help = h }

/* Texts of --help: usage lines without the command's name, each ended by a newline; an
 * introduction and examples, verbatim. */
typedef struct cli_command {
    const char *name;
    const char *version;
    const char *usage;
    const char *intro;
    const char *examples;
    const cli_option *options;
    size_t option_count;
} cli_command;

typedef enum cli_result {
    CLI_RUN,    /* go on */
    CLI_DONE,   /* help or version was printed: exit 0 */
    CLI_USAGE,  /* a sentence was printed: exit 2 */
    CLI_MEMORY, /* no memory, a sentence was printed: exit 3 */
} cli_result;

/* Parses argv[1..argc) into the targets and `positional`. Help goes to `out`, complaints to `err`.
 * Lists hold pointers into argv. They are the caller's to free, whatever is returned. */
cli_result cli_parse(const cli_command *command, int argc, char **argv, cli_list *positional,
                     FILE *out, FILE *err);

/* Prints "name: sentence" and where help is to be had; returns CLI_USAGE, the command's exit code
 * being 2. For what cannot be seen from one option alone. */
cli_result cli_refuse(const cli_command *command, FILE *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The exit code that goes with a result. */
int cli_exit_code(cli_result result);

#endif
