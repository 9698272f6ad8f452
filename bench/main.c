/* stoa-bench, which `stoa bench` starts: finds the suite and hands it its words, writes what was measured. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_writer.h"
#include "base/status.h"
#include "cli/blas_restart.h"
#include "cli/streams.h"
#include "compare.h"
#include "contest.h"
#include "json.h"
#include "machine.h"
#include "report.h"
#include "serve.h"
#include "suite.h"
#include "table.h"

enum { FINE = 0, FAILED = 1, USAGE = 2 };

static const struct suite {
    const char *name;
    enum stoa_status (*run)(struct bench *bench, struct stoa_error *error);
    const char *summary;
} suites[] = {
    {"gemm", stoa_bench_gemm, "matrix products, against the machine's peak and plain cblas_sgemm"},
    {"layers", stoa_bench_layers, "convolutions: a naive loop, every lowering, oneDNN"},
    {"models", stoa_bench_models, "whole networks (ONNX), against ONNX Runtime"},
#ifdef STOA_TRAINING
    {"train", stoa_bench_train, "training on Fashion-MNIST, against PyTorch"},
#endif
};
#define SUITE_COUNT (sizeof suites / sizeof *suites)

static void print_help(FILE *out)
{
    fputs("stoa bench measures, checking every result before it is timed.\n\n", out);
    for (size_t i = 0; i < SUITE_COUNT; i++)
        fprintf(out, "  stoa bench %-7s [options]             %s\n", suites[i].name, suites[i].summary);
    fputs("  stoa bench --compare OLD.json NEW.json   what became slower (exit status 1) or faster\n"
          "  stoa bench --show FILE.json              a kept measurement as a table\n"
          "  stoa bench --table FILE.json             and in Markdown\n"
          "  stoa bench --html PAGE --from FILE.json...  and as a page of HTML with charts; also of several files\n\n",
          out);
    stoa_bench_print_options(out);
    fputs("\nPeers are used where they are: oneDNN when it was found at build time, ONNX Runtime as the npm package\n"
          "onnxruntime-node in $STOA_PEERS/node_modules or build/peers/node_modules, PyTorch where /usr/bin/python3\n"
          "imports it. Networks of the list are looked for in $STOA_MODELS or build/models (bench/models/export.py "
          "makes\n"
          "them).\n"
          "Exit status: 0 fine, 1 something failed, is wrong, or became slower, 2 the words were not understood.\n",
          out);
}

static void show_row(const struct bench *bench, const struct bench_case *c)
{
    stoa_bench_print_row(&bench->record, c, bench->record.case_count == 1, stdout);
}

static void keep_quiet(const struct bench *bench, const struct bench_case *c)
{
    (void)bench;
    (void)c;
}

/* What a file or the standard output is to hold. */
struct result {
    size_t count;
    const struct record *records; /* all formats but the pages have the first alone */
    enum bench_format format;
    const struct record *old; /* not null: the page tells what changed since */
    double tolerance;
};

static void write_result(const struct result *result, FILE *out)
{
    if (result->format == FORMAT_JSON)
        stoa_bench_write_json(result->records, out);
    else if (result->format == FORMAT_CSV)
        stoa_bench_write_csv(result->records, out);
    else if (result->format == FORMAT_TABLE)
        stoa_bench_print_table(result->records, out);
    else if (result->old)
        stoa_bench_report_changes(result->old, result->records, result->tolerance, out);
    else
        stoa_bench_report(result->count, result->records, out);
}

/* To a file that appears whole or not at all. */
static enum stoa_status save(const struct result *result, const char *path, struct stoa_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for the results");
    write_result(result, memory);
    enum stoa_status status = fclose(memory) == 0
                                  ? stoa_file_write(path, text, size, error)
                                  : stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for the results");
    free(text);
    return status;
}

static bool can_write(const char *path, struct stoa_error *error)
{
    struct file_writer writer;
    if (stoa_file_writer_begin(path, error, &writer) != STOA_OK)
        return false;
    stoa_file_writer_abandon(&writer);
    return true;
}

/* Whether the word is that option, with its value or followed by it. */
static bool is_option(const char *word, const char *name, bool *apart)
{
    size_t length = strlen(name);
    *apart = strcmp(word, name) == 0;
    return *apart || (strncmp(word, name, length) == 0 && word[length] == '=');
}

/* What repeats the measurement: where its results went is left out. */
static void join_words(int count, char **words, size_t size, char *text)
{
    size_t used = (size_t)snprintf(text, size, "stoa bench");
    bool apart;
    for (int i = 0; i < count && used < size; i++) {
        if (is_option(words[i], "--output", &apart) || is_option(words[i], "--format", &apart) ||
            is_option(words[i], "--html", &apart))
            i += apart;
        else
            used += (size_t)snprintf(text + used, size - used, " %s", words[i]);
    }
}

/* Writes what was measured to where the options say. */
static enum stoa_status deliver(const struct bench *bench, bool live, struct stoa_error *error)
{
    const struct bench_options *options = &bench->options;
    struct result result = {.count = 1, .records = &bench->record, .format = options->format};
    if (live)
        stoa_bench_print_summaries(&bench->record, stdout);
    else if (options->output)
        STOA_TRY(save(&result, options->output, error));
    else
        write_result(&result, stdout);
    result.format = FORMAT_HTML;
    return options->html ? save(&result, options->html, error) : STOA_OK;
}

static int measure(const struct suite *suite, int count, char **words, const char *home)
{
    struct bench bench = {.home = home, .row = keep_quiet};
    struct stoa_error error = {0};
    join_words(count + 1, words - 1, sizeof bench.record.command, bench.record.command);
    if (!stoa_bench_parse(suite->name, count, words, &bench.options)) {
        fputs("Try 'stoa bench --help'.\n", stderr);
        return USAGE;
    }
    if (bench.options.help) {
        print_help(stdout);
        return FINE;
    }
    if ((bench.options.output && !can_write(bench.options.output, &error)) ||
        (bench.options.html && !can_write(bench.options.html, &error))) { /* now, not after the work */
        fprintf(stderr, "stoa bench %s: %s\n", suite->name, error.message);
        return FAILED;
    }
    stoa_bench_describe_machine(&bench.record.machine);
    bench.record.machine.peak_gflops = stoa_bench_peak_gflops();
    bench.record.machine.copy_gbytes = stoa_bench_copy_gbytes();
    bool live = bench.options.format == FORMAT_TABLE && !bench.options.output;
    if (live) {
        bench.row = show_row;
        stoa_bench_print_head(&bench.record, stdout);
        fflush(stdout);
    }
    enum stoa_status status = suite->run(&bench, &error);
    if (status == STOA_OK && bench.record.case_count == 0)
        status = stoa_fail(&error, STOA_ERROR_ARGUMENT, "there is nothing to measure%s%s",
                           bench.options.filter ? " that is named like " : "",
                           bench.options.filter ? bench.options.filter : "");
    if (status == STOA_OK)
        status = deliver(&bench, live, &error);
    if (status != STOA_OK)
        fprintf(stderr, "stoa bench %s: %s\n", suite->name, error.message);
    bool wrong = stoa_bench_record_wrong(&bench.record);
    if (wrong)
        fprintf(stderr, "stoa bench %s: a result was wrong; it was not timed\n", suite->name);
    stoa_bench_record_free(&bench.record);
    return status == STOA_OK && !wrong ? FINE : FAILED;
}

static int compare(int count, char **words)
{
    struct bench_options options;
    struct record old, new;
    struct stoa_error error;
    struct change_counts counts;
    if (count < 2 || !stoa_bench_parse("--compare", count - 2, words + 2, &options)) {
        fputs("usage: stoa bench --compare OLD.json NEW.json [--tolerance X] [--html FILE]\n", stderr);
        return USAGE;
    }
    enum stoa_status status = stoa_bench_read_json(words[0], &error, &old);
    if (status == STOA_OK) {
        status = stoa_bench_read_json(words[1], &error, &new);
        if (status == STOA_OK) {
            stoa_bench_compare(&old, &new, options.tolerance, stdout, &counts);
            struct result page = {
                .count = 1, .records = &new, .format = FORMAT_HTML, .old = &old, .tolerance = options.tolerance};
            if (options.html)
                status = save(&page, options.html, &error);
            stoa_bench_record_free(&new);
        }
        stoa_bench_record_free(&old);
    }
    if (status != STOA_OK) {
        fprintf(stderr, "stoa bench: %s\n", error.message);
        return FAILED;
    }
    return counts.slower ? FAILED : FINE;
}

static int show(int count, char **words, void (*print)(const struct record *record, FILE *out))
{
    struct record record;
    struct stoa_error error;
    if (count != 1) {
        fputs("usage: stoa bench --show|--table FILE.json\n", stderr);
        return USAGE;
    }
    if (stoa_bench_read_json(words[0], &error, &record) != STOA_OK) {
        fprintf(stderr, "stoa bench: %s\n", error.message);
        return FAILED;
    }
    print(&record, stdout);
    stoa_bench_record_free(&record);
    return FINE;
}

/* --html PAGE --from FILE.json...: one page of kept results. */
static int report(int count, char **words)
{
    struct record records[BENCH_MAX_LIST];
    struct stoa_error error;
    if (count < 3 || strcmp(words[1], "--from") != 0 || count - 2 > BENCH_MAX_LIST) {
        fprintf(stderr, "usage: stoa bench --html PAGE --from FILE.json... (at most %d)\n", BENCH_MAX_LIST);
        return USAGE;
    }
    struct result page = {.records = records, .format = FORMAT_HTML};
    enum stoa_status status = STOA_OK;
    for (int i = 2; status == STOA_OK && i < count; i++) {
        status = stoa_bench_read_json(words[i], &error, &records[page.count]);
        page.count += status == STOA_OK;
    }
    if (status == STOA_OK)
        status = save(&page, words[0], &error);
    for (size_t i = 0; i < page.count; i++)
        stoa_bench_record_free(&records[i]);
    if (status != STOA_OK)
        fprintf(stderr, "stoa bench: %s\n", error.message);
    return status == STOA_OK ? FINE : FAILED;
}

static int dispatch(int argc, char **argv, const char *home)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || argc < 2) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? USAGE : FINE;
    }
    if (strcmp(word, "--compare") == 0)
        return compare(argc - 2, argv + 2);
    if (strcmp(word, "--show") == 0)
        return show(argc - 2, argv + 2, stoa_bench_print_table);
    if (strcmp(word, "--table") == 0)
        return show(argc - 2, argv + 2, stoa_bench_print_markdown);
    if (strcmp(word, "--html") == 0)
        return report(argc - 2, argv + 2);
    if (strcmp(word, "serve") == 0)
        return stoa_bench_serve_models(stdin, stdout);
#ifdef STOA_TRAINING
    if (strcmp(word, "serve-training") == 0)
        return stoa_bench_serve_training(stdin, stdout);
#endif
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (strcmp(word, suites[i].name) == 0)
            return measure(&suites[i], argc - 2, argv + 2, home);
    fprintf(stderr, "stoa bench: there is no '%s'\nTry 'stoa bench --help'.\n", word);
    return USAGE;
}

int main(int argc, char **argv)
{
    char home[PATH_MAX];
    stoa_cli_hold_streams();
    stoa_cli_choose_blas(argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* a peer that died is an error like others */
    ssize_t length = readlink("/proc/self/exe", home, sizeof home - 1);
    home[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(home, '/');
    if (slash)
        *slash = '\0';
    int status = dispatch(argc, argv, home);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("stoa bench: cannot write the results");
        return status ? status : FAILED;
    }
    return status;
}
