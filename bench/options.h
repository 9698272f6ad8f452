/* What `stoa bench` is told. One table gives the parser and the help. */
#ifndef STOA_BENCH_OPTIONS_H
#define STOA_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define BENCH_MAX_LIST 16

enum bench_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV, FORMAT_HTML };

struct size_list {
    size_t count, items[BENCH_MAX_LIST];
};

struct bench_options {
    struct size_list threads, batch;
    const char *against[BENCH_MAX_LIST]; /* families of contenders */
    size_t against_count;
    bool against_given, cold, help;
    size_t rounds;             /* most of one case */
    double seconds;            /* most of one case, but for the rounds a verdict needs */
    const char *filter, *list; /* list: of shapes or models, null: the suite's own */
    const char *models[BENCH_MAX_LIST];
    size_t model_count;
    const char *data; /* Fashion-MNIST's folder, null: Debian's */
    size_t images;    /* to train on before anything is timed; 0: as the list says */
    enum bench_format format;
    const char *output; /* null: standard output */
    const char *html;   /* a page besides; null: none */
    double tolerance;   /* of --compare */
};

/* Reads the words after the subcommand. --against takes the families of every suite, so that one list serves all.
 * False when the words are not understood; why went to stderr. */
bool stoa_bench_parse(const char *suite, int count, char **words, struct bench_options *options);
void stoa_bench_print_options(FILE *out);

/* Whether contenders of that family take part. */
bool stoa_bench_against(const struct bench_options *options, const char *family);

#endif
