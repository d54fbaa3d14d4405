/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing tunings. The lines, in this order, each ended by a newline:
 *
 *     rnm-tuning 1
 *     model 0123456789abcdef      the digest in the .rnm's header, which covers all others
 *     cpu NAME
 *     isa avx2
 *     threads 2
 *     layer NODE ALGORITHM BLOCK PANEL KEPT      any number: the node's index, inputs of a block
 *     end                                        (0: as planned), nanoseconds (KEPT 0: unknown)
 */
#include "tuning.h"

#include "error.h"
#include "ops/conv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define VERSION_LINE "rnm-tuning 1"

enum { LINE_SIZE = 160 };

void rnm_cpu_name(char name[RNM_CPU_NAME_SIZE]) {
    char text[RNM_CPU_NAME_SIZE] = {0};
#if defined(__x86_64__)
    unsigned words[12] = {0};
    for (unsigned k = 0; k < 3; ++k) {
        unsigned *w = words + 4 * k;
        if (!__get_cpuid(0x80000002u + k, &w[0], &w[1], &w[2], &w[3])) {
            break;
        }
    }
    memcpy(text, words, sizeof words);
#elif defined(__aarch64__) && defined(__linux__)
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "r");
    if (file != NULL) {
        size_t length = fread(text, 1, sizeof text - 1, file);
        text[length] = '\0';
        fclose(file);
    }
#endif
    size_t used = 0;
    for (const char *c = text; *c != '\0'; ++c) {
        bool space = *c <= ' ' || *c > '~';
        if (!space || (used > 0 && name[used - 1] != ' ')) {
            name[used++] = space ? ' ' : *c;
        }
    }
    used -= used > 0 && name[used - 1] == ' ';
    name[used] = '\0';
    if (used == 0) {
        strcpy(name, "unknown");
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    const char *name, *rest;
    unsigned line;
    char text[LINE_SIZE]; /* of the line in hand */
} reader;

/* The next line into r->text, without its newline. */
static rnm_status next_line(reader *r, rnm_error *err) {
    size_t length = strcspn(r->rest, "\n");
    ++r->line;
    if (r->rest[length] == '\0' || length >= LINE_SIZE) {
        return rnm_fail(err, RNM_ERR_VALUE,
                        "%s: line %u: expected a line of at most %d bytes and its end, found %s",
                        r->name, r->line, LINE_SIZE - 1,
                        length >= LINE_SIZE ? "a longer one" : "the end of the file");
    }
    memcpy(r->text, r->rest, length);
    r->text[length] = '\0';
    r->rest += length + 1;
    return RNM_OK;
}

/* The next line must be `wanted`; what does not fit decides on the status. */
static rnm_status expect(reader *r, rnm_status status, const char *wanted, rnm_error *err) {
    rnm_status read = next_line(r, err);
    if (read == RNM_OK && strcmp(r->text, wanted) != 0) {
        return rnm_fail(err, status, "%s: line %u: expected '%s', found '%s'", r->name, r->line,
                        wanted, r->text);
    }
    return read;
}

/* A number of digits alone, and one space or the end behind it. */
static bool take_number(const char **at, uint64_t most, uint64_t *number) {
    const char *c = *at;
    uint64_t value = 0;
    if (*c < '0' || *c > '9') {
        return false;
    }
    for (; *c >= '0' && *c <= '9'; ++c) {
        if (value > (most - (uint64_t)(*c - '0')) / 10) {
            return false;
        }
        value = 10 * value + (uint64_t)(*c - '0');
    }
    if (*c != ' ' && *c != '\0') {
        return false;
    }
    *at = c + (*c == ' ');
    *number = value;
    return true;
}

static bool take_algorithm(const char **at, unsigned *index) {
    size_t length = strcspn(*at, " ");
    for (unsigned k = 0; k < RNM_ALGORITHMS; ++k) {
        const char *name = rnm_algorithm_name((int)k);
        if (strlen(name) == length && memcmp(*at, name, length) == 0) {
            *at += length + ((*at)[length] == ' ');
            *index = k;
            return true;
        }
    }
    return false;
}

static rnm_status read_layer(const reader *r, uint32_t node_count, rnm_tuned_node *nodes,
                             rnm_error *err) {
    const uint64_t hour = UINT64_C(3600000000000);
    const char *at = r->text + strlen("layer ");
    uint64_t node, block, panel, kept;
    unsigned algorithm;
    if (!take_number(&at, node_count - 1, &node) || !take_algorithm(&at, &algorithm) ||
        !take_number(&at, RNM_BLOCK_MOST, &block) || block % RNM_INPUT_BLOCK != 0 ||
        !take_number(&at, hour, &panel) || panel == 0 || !take_number(&at, hour, &kept) ||
        *at != '\0' || nodes[node].known) {
        return rnm_fail(
            err, RNM_ERR_VALUE,
            "%s: line %u: expected 'layer NODE ALGORITHM BLOCK PANEL KEPT' of a node of "
            "%u that has no line yet, found '%s'",
            r->name, r->line, node_count, r->text);
    }
    nodes[node] = (rnm_tuned_node){
        .known = true,
        .algorithm = algorithm == 0               ? RNM_CONV_DIRECT
                     : algorithm <= RNM_WINOGRADS ? RNM_CONV_WINOGRAD
                                                  : RNM_CONV_TABLES,
        .form = algorithm >= 1 && algorithm <= RNM_WINOGRADS ? algorithm - 1 : 0,
        .block_inputs = (uint32_t)block,
        .panel_seconds = 1e-9 * (double)panel,
        .kept_seconds = 1e-9 * (double)kept,
    };
    return RNM_OK;
}

enum { HEAD_LINES = 4 };

/* The lines that say what a tuning is for. */
static void head_lines(const rnm_context *context, char lines[HEAD_LINES][LINE_SIZE]) {
    char cpu[RNM_CPU_NAME_SIZE];
    rnm_cpu_name(cpu);
    snprintf(lines[0], LINE_SIZE, "model %016" PRIx64, context->model->view.header->digest);
    snprintf(lines[1], LINE_SIZE, "cpu %s", cpu);
    snprintf(lines[2], LINE_SIZE, "isa %s", context->kernels->name);
    snprintf(lines[3], LINE_SIZE, "threads %u", context->threads.count);
}

rnm_status rnm_tuning_read(const rnm_context *context, const char *name, const char *text,
                           rnm_tuned_node *nodes, rnm_error *err) {
    const uint32_t node_count = context->model->view.graph->node_count;
    char head[HEAD_LINES][LINE_SIZE];
    reader r = {.name = name, .rest = text};
    rnm_status status = expect(&r, RNM_ERR_VALUE, VERSION_LINE, err);
    head_lines(context, head);
    for (int k = 0; status == RNM_OK && k < HEAD_LINES; ++k) {
        status = expect(&r, RNM_ERR_ARGUMENT, head[k], err);
    }
    while (status == RNM_OK) {
        status = next_line(&r, err);
        if (status != RNM_OK || strcmp(r.text, "end") == 0) {
            break;
        }
        if (strncmp(r.text, "layer ", strlen("layer ")) != 0 || node_count == 0) {
            return rnm_fail(err, RNM_ERR_VALUE,
                            "%s: line %u: expected 'layer' or 'end', found '%s'", name, r.line,
                            r.text);
        }
        status = read_layer(&r, node_count, nodes, err);
    }
    if (status == RNM_OK && *r.rest != '\0') {
        return rnm_fail(err, RNM_ERR_VALUE, "%s: line %u: expected nothing behind 'end'", name,
                        r.line + 1);
    }
    return status;
}

rnm_status rnm_tuning_apply(const rnm_context *context, const rnm_tuned_node *tuned,
                            rnm_conv_step *conv, rnm_error *err) {
    if (conv->depthwise || (tuned->algorithm == RNM_CONV_TABLES && !rnm_can_table(context, conv)) ||
        (tuned->algorithm == RNM_CONV_WINOGRAD &&
         !rnm_conv_takes_form(context, conv, tuned->form))) {
        return rnm_fail(err, RNM_ERR_VALUE, "tuning: the layer cannot run as it says");
    }
    conv->algorithm = tuned->algorithm;
    conv->form = tuned->form;
    conv->block_inputs = tuned->block_inputs;
    conv->tuned.panel_seconds = tuned->panel_seconds;
    conv->tuned.kept_seconds = tuned->kept_seconds;
    return RNM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Writes behind the first `used` characters, as much as fits, and counts all. */
static void append(char *text, size_t size, size_t *used, const char *format, ...) RNM_PRINTF(4, 5);

static void append(char *text, size_t size, size_t *used, const char *format, ...) {
    bool room = *used < size;
    va_list arguments;
    va_start(arguments, format);
    *used +=
        (size_t)vsnprintf(room ? text + *used : NULL, room ? size - *used : 0, format, arguments);
    va_end(arguments);
}

size_t rnm_tuning_text(const rnm_context *context, const rnm_tuned *layers, int count, char *text,
                       size_t size) {
    char head[HEAD_LINES][LINE_SIZE];
    size_t used = 0;
    head_lines(context, head);
    append(text, size, &used, VERSION_LINE "\n%s\n%s\n%s\n%s\n", head[0], head[1], head[2],
           head[3]);
    for (int k = 0; k < count; ++k) {
        const rnm_tuned *layer = &layers[k];
        append(text, size, &used, "layer %d %s %d %" PRIu64 " %" PRIu64 "\n", layer->node,
               layer->algorithm, layer->block_inputs, layer->panel_ns, layer->kept_ns);
    }
    append(text, size, &used, "end\n");
    return used;
}
