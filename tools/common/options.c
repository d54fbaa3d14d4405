/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines from a table.
 */
#include "options.h"

#include "options_help.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What is being parsed; `next` is the argument after the current one. */
typedef struct parser {
    const cli_command *command;
    int argc;
    char **argv;
    int next;
    FILE *err;
} parser;

void cli_list_free(cli_list *list) {
    free(list->items);
    *list = (cli_list){0};
}

static bool list_add(cli_list *list, const char *item) {
    const char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    list->items = grown;
    list->items[list->count++] = item;
    return true;
}

int cli_exit_code(cli_result result) {
    static const int codes[] = {[CLI_RUN] = 0, [CLI_DONE] = 0, [CLI_USAGE] = 2, [CLI_MEMORY] = 3};
    return codes[result];
}

cli_result cli_refuse(const cli_command *command, FILE *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(err, "%s: ", command->name);
    vfprintf(err, format, args);
    fprintf(err, "\nTry '%s --help'.\n", command->name);
    va_end(args);
    return CLI_USAGE;
}

static cli_result set_number(const parser *p, const cli_option *option, const char *text) {
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool is_number = (*text == '-' || (*text >= '0' && *text <= '9')) && *end == '\0';
    if (!is_number || errno != 0 || number < option->min || number > option->max) {
        return cli_refuse(p->command, p->err,
                          "--%s wants a whole number from %lld to %lld, found '%s'", option->name,
                          (long long)option->min, (long long)option->max, text);
    }
    *option->to.number = number;
    return CLI_RUN;
}

static cli_result set_bytes(const parser *p, const cli_option *option, const char *text) {
    static const char suffixes[] = "KMG";
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *suffix = *end != '\0' ? strchr(suffixes, *end) : NULL;
    unsigned shift = suffix != NULL ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
    bool is_bytes = *text >= '0' && *text <= '9' && (*end == '\0' || (suffix && end[1] == '\0'));
    if (!is_bytes || errno != 0 || number == 0 || number > UINT64_MAX >> shift) {
        return cli_refuse(p->command, p->err,
                          "--%s wants a number of bytes, as 5000000, 800K, 12M or 1G, found '%s'",
                          option->name, text);
    }
    *option->to.bytes = (uint64_t)number << shift;
    return CLI_RUN;
}

static cli_result set_choice(const parser *p, const cli_option *option, const char *text) {
    for (const cli_choice *choice = option->choices; choice->name != NULL; choice++) {
        if (strcmp(choice->name, text) == 0) {
            *option->to.choice = choice->value;
            return CLI_RUN;
        }
    }
    char words[CLI_WORDS_SIZE];
    return cli_refuse(p->command, p->err, "--%s is one of %s, found '%s'", option->name,
                      cli_choice_words(option, ", ", words), text);
}

/* Sets the target. `text` is NULL for flags only. */
static cli_result set_option(const parser *p, const cli_option *option, const char *text) {
    switch (option->kind) {
    case CLI_IS_FLAG:
        *option->to.flag = true;
        return CLI_RUN;
    case CLI_IS_TEXT:
    case CLI_IS_OPTIONAL:
        *option->to.text = text;
        return CLI_RUN;
    case CLI_IS_NUMBER:
        return set_number(p, option, text);
    case CLI_IS_BYTES:
        return set_bytes(p, option, text);
    case CLI_IS_CHOICE:
        return set_choice(p, option, text);
    case CLI_IS_LIST:
        break;
    }
    if (!list_add(option->to.list, text)) {
        fprintf(p->err, "%s: out of memory\n", p->command->name);
        return CLI_MEMORY;
    }
    return CLI_RUN;
}

/* The value of an option that wants one: what stands in its own argument, or the next argument. */
static cli_result take_value(parser *p, const cli_option *option, const char *here,
                             const char **value) {
    if (here == NULL && option->kind == CLI_IS_OPTIONAL) {
        *value = "";
        return CLI_RUN;
    }
    if (here == NULL && p->next == p->argc) {
        return cli_refuse(p->command, p->err, "--%s wants a value", option->name);
    }
    *value = here != NULL ? here : p->argv[p->next++];
    if (**value == '\0') {
        return cli_refuse(p->command, p->err, "--%s has an empty value", option->name);
    }
    return CLI_RUN;
}

/* `text` is what follows the two dashes. */
static cli_result parse_long(parser *p, const char *text) {
    const cli_command *command = p->command;
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    for (size_t i = 0; i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        if (strncmp(option->name, text, length) != 0 || option->name[length] != '\0') {
            continue;
        }
        if (option->kind == CLI_IS_FLAG && equals != NULL) {
            return cli_refuse(command, p->err, "--%s takes no value, found '%s'", option->name,
                              equals + 1);
        }
        const char *value = NULL;
        cli_result result = CLI_RUN;
        if (option->kind != CLI_IS_FLAG) {
            result = take_value(p, option, equals != NULL ? equals + 1 : NULL, &value);
        }
        return result == CLI_RUN ? set_option(p, option, value) : result;
    }
    const char *near = cli_nearest_name(command, text, length);
    return cli_refuse(command, p->err, "unknown option '--%.*s'%s%s%s", (int)length, text,
                      near != NULL ? "; did you mean '--" : "", near != NULL ? near : "",
                      near != NULL ? "'?" : "");
}

static const cli_option *find_letter(const cli_command *command, char letter) {
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].letter == letter) {
            return &command->options[i];
        }
    }
    return NULL;
}

/* `letters` is what follows the dash: flags, the last of which may be an option with its value. */
static cli_result parse_letters(parser *p, const char *letters) {
    for (; *letters != '\0'; letters++) {
        const cli_option *option = find_letter(p->command, *letters);
        if (option == NULL) {
            return cli_refuse(p->command, p->err, "unknown option '-%c'", *letters);
        }
        if (option->kind != CLI_IS_FLAG) {
            const char *value;
            cli_result result =
                take_value(p, option, letters[1] != '\0' ? letters + 1 : NULL, &value);
            return result == CLI_RUN ? set_option(p, option, value) : result;
        }
        *option->to.flag = true;
    }
    return CLI_RUN;
}

cli_result cli_parse(const cli_command *command, int argc, char **argv, cli_list *positional,
                     FILE *out, FILE *err) {
    parser p = {.command = command, .argc = argc, .argv = argv, .next = 1, .err = err};
    bool only_files = false;
    while (p.next < argc) {
        const char *arg = argv[p.next++];
        cli_result result = CLI_RUN;
        if (only_files || arg[0] != '-' || arg[1] == '\0') {
            if (!list_add(positional, arg)) {
                fprintf(err, "%s: out of memory\n", command->name);
                result = CLI_MEMORY;
            }
        } else if (strcmp(arg, "--") == 0) {
            only_files = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            cli_print_help(command, out);
            result = CLI_DONE;
        } else if (strcmp(arg, "--version") == 0) {
            fprintf(out, "%s %s\n", command->name, command->version);
            result = CLI_DONE;
        } else {
            result = arg[1] == '-' ? parse_long(&p, arg + 2) : parse_letters(&p, arg + 1);
        }
        if (result != CLI_RUN) {
            return result;
        }
    }
    return CLI_RUN;
}
