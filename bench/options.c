/* The option table and its parser. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <stoa/layers.h>
#include <string.h>

#include "statistics.h"
#include "train.h"

static bool read_size(const char *text, size_t least, size_t most, size_t *value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long number = strtoul(text, &end, 10);
    *value = number;
    return *end == '\0' && number >= least && number <= most;
}

static bool read_positive(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *end == '\0' && end != text && *value >= 0 && isfinite(*value);
}

static bool read_sizes(const char *text, size_t most, struct size_list *list)
{
    for (list->count = 0; list->count < BENCH_MAX_LIST; text++) {
        char number[24];
        size_t length = strcspn(text, ",");
        if (length >= sizeof number)
            return false;
        memcpy(number, text, length);
        number[length] = '\0';
        if (!read_size(number, 1, most, &list->items[list->count++]))
            return false;
        text += length;
        if (*text == '\0')
            return true;
    }
    return false;
}

static bool take_threads(struct bench_options *options, char *text)
{
    return read_sizes(text, 1024, &options->threads);
}

static bool take_batch(struct bench_options *options, char *text)
{
    return read_sizes(text, 65536, &options->batch);
}

/* The words are cut out of `text` where they stand. */
static bool take_against(struct bench_options *options, char *text)
{
    options->against_count = 0;
    for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
        if (options->against_count == BENCH_MAX_LIST)
            return false;
        options->against[options->against_count++] = word;
    }
    options->against_given = true;
    return true;
}

static bool take_cold(struct bench_options *options, char *text)
{
    (void)text;
    return options->cold = true;
}

static bool take_rounds(struct bench_options *options, char *text)
{
    return read_size(text, 1, BENCH_MAX_ROUNDS, &options->rounds);
}

static bool take_seconds(struct bench_options *options, char *text)
{
    return read_positive(text, &options->seconds);
}

static bool take_filter(struct bench_options *options, char *text)
{
    options->filter = text;
    return true;
}

static bool take_list(struct bench_options *options, char *text)
{
    options->list = text;
    return text[0] != '\0';
}

static bool take_model(struct bench_options *options, char *text)
{
    if (options->model_count == BENCH_MAX_LIST)
        return false;
    options->models[options->model_count++] = text;
    return text[0] != '\0';
}

static bool take_data(struct bench_options *options, char *text)
{
    options->data = text;
    return text[0] != '\0';
}

static bool take_images(struct bench_options *options, char *text)
{
    return read_size(text, BENCH_TRAIN_BATCH, 100000000, &options->images);
}

static bool take_format(struct bench_options *options, char *text)
{
    static const char *const names[] = {[FORMAT_TABLE] = "table", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            options->format = (enum bench_format)i;
            return true;
        }
    return false;
}

static bool take_output(struct bench_options *options, char *text)
{
    options->output = text;
    return text[0] != '\0';
}

static bool take_html(struct bench_options *options, char *text)
{
    options->html = text;
    return text[0] != '\0';
}

static bool take_tolerance(struct bench_options *options, char *text)
{
    return read_positive(text, &options->tolerance);
}

static bool take_help(struct bench_options *options, char *text)
{
    (void)text;
    return options->help = true;
}

static const struct option {
    const char *name, *value; /* value null: it has none */
    const char *suites;       /* that take it, by name; null: those that measure */
    bool (*take)(struct bench_options *options, char *text);
    const char *help;
} table[] = {
    {"against", "LIST", NULL, take_against,
     "who takes part: naive, a lowering's name, cblas, onednn, onnxruntime, pytorch, or none (default: all)"},
    {"threads", "LIST", NULL, take_threads, "threads to use, such as 1,2 (default 1)"},
    {"batch", "LIST", "layers models", take_batch, "batch sizes, such as 1,16 (default 1; layers: as the file says)"},
    {"cold", NULL, "gemm layers models", take_cold, "weights and input are out of the caches when a run begins"},
    {"rounds", "N", NULL, take_rounds, "most rounds of one case (default 21); fewer than 6 decide nothing"},
    {"seconds", "S", NULL, take_seconds, "begin no round of a case after so long, once there are 6 (default 10)"},
    {"filter", "TEXT", NULL, take_filter, "only cases whose name contains TEXT"},
    {"list", "FILE", NULL, take_list, "shapes, models or nets instead of the suite's own"},
    {"model", "FILE.onnx", "models", take_model, "a model of one's own instead of the list; may be repeated"},
    {"data", "DIR", "train", take_data,
     "the folder of Fashion-MNIST (default: that of Debian's dataset-fashion-mnist)"},
    {"images", "N", "train", take_images, "train on N images before anything is timed (default: as the list says)"},
    {"format", "table|json|csv", NULL, take_format, "how results are written (default table)"},
    {"output", "FILE", NULL, take_output, "write results to FILE, which appears when they are complete"},
    {"html", "FILE", "gemm layers models train --compare", take_html,
     "write a page of HTML besides: charts, tables, the machine, how to repeat it"},
    {"tolerance", "X", "--compare", take_tolerance, "--compare: slower by so much is not accused (default 0.05)"},
    {"help", NULL, "gemm layers models train --compare", take_help, "this help"},
};
#define TABLE_SIZE (sizeof table / sizeof *table)

static const struct option *find(const char *name, size_t length)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

static bool taken_by(const struct option *option, const char *suite)
{
    return option->suites ? strstr(option->suites, suite) != NULL : suite[0] != '-';
}

/* Whether there are contenders of that family, in any suite. */
static bool known(const char *word)
{
    static const char *const peers[] = {"none", "naive", "cblas", "onednn", "onnxruntime", "pytorch"};
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if (strcmp(word, peers[i]) == 0)
            return true;
    for (int i = STOA_LOWERING_AUTO + 1; i < STOA_LOWERING_COUNT; i++)
        if (strcmp(word, stoa_lowering_name((enum stoa_lowering)i)) == 0)
            return true;
    return false;
}

bool stoa_bench_parse(const char *suite, int count, char **words, struct bench_options *options)
{
    *options = (struct bench_options){.threads = {1, {1}}, .rounds = 21, .seconds = 10, .tolerance = 0.05};
    for (int i = 0; i < count; i++) {
        const char *name = words[i];
        size_t length = strncmp(name, "--", 2) == 0 ? strcspn(name + 2, "=") : 0;
        const struct option *option = length ? find(name + 2, length) : NULL;
        if (!option || !taken_by(option, suite)) {
            fprintf(stderr, "stoa bench %s: '%s' is not understood\n", suite, name);
            return false;
        }
        char *value = NULL;
        if (words[i][2 + length] == '=')
            value = words[i] + 3 + length;
        else if (option->value && i + 1 < count)
            value = words[++i];
        if (!value != !option->value || !option->take(options, value)) {
            fprintf(stderr, "stoa bench %s: --%s takes %s: %s\n", suite, option->name,
                    option->value ? option->value : "no value", option->help);
            return false;
        }
    }
    for (size_t i = 0; i < options->against_count; i++)
        if (!known(options->against[i])) {
            fprintf(stderr, "stoa bench %s: --against: nobody is called '%s'\n", suite, options->against[i]);
            return false;
        }
    return true;
}

void stoa_bench_print_options(FILE *out)
{
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        char head[48];
        snprintf(head, sizeof head, "--%s %s", table[i].name, table[i].value ? table[i].value : "");
        fprintf(out, "  %-24s %s\n", head, table[i].help);
    }
}

bool stoa_bench_against(const struct bench_options *options, const char *family)
{
    for (size_t i = 0; i < options->against_count; i++)
        if (strcmp(options->against[i], family) == 0)
            return true;
    return !options->against_given;
}
