/* What the commands print: tables of layers, outputs, best classes. Everything goes to stdout
 * unless a stream is given. */
#ifndef STOA_CLI_REPORT_H
#define STOA_CLI_REPORT_H

#include <stddef.h>
#include <stdio.h>
#include <stoa/host.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

/* The names of classes: a file's lines. */
struct labels {
    char *text; /* the lines, each ended by a zero */
    size_t count;
    const char **lines;
};

/* DATA where there is a zero byte: no text. */
STOA_CHECKED enum stoa_status stoa_cli_labels_read(const char *path, const struct stoa_allocator *allocator,
                                                   struct stoa_error *error, struct labels *labels);
void stoa_cli_labels_free(const struct stoa_allocator *allocator, struct labels *labels);

/* Name, type, dimensions; for rows of float scores (rank 2) the `top` best of each row with their labels, for anything
 * else its least, largest and mean element. */
void stoa_cli_print_output(const char *name, const struct stoa_tensor *tensor, size_t top, const struct labels *labels);

/* Each layer with its output, parameters, multiply-adds and how it is computed, and the totals. */
STOA_CHECKED enum stoa_status stoa_cli_print_layers(const struct stoa_session *session, struct stoa_error *error);
/* What each pass of the planner did, and where. */
STOA_CHECKED enum stoa_status stoa_cli_print_passes(const struct stoa_session *session, unsigned disabled,
                                                    struct stoa_error *error);
/* What each convolution was decided among: estimated and measured times, memory, and why the others were not taken. */
STOA_CHECKED enum stoa_status stoa_cli_print_choices(const struct stoa_session *session, struct stoa_error *error);
/* Each layer with its share of the time: seconds[step] a run. */
STOA_CHECKED enum stoa_status stoa_cli_print_profile(const struct stoa_session *session, const double *seconds,
                                                     struct stoa_error *error);

/* A string in quotes, as JSON has it. Names in models are UTF-8, which reading them made sure of. */
void stoa_cli_write_json(const char *text, FILE *out);

/* What BLAS computes on, to stdout. */
void stoa_cli_print_blas(void);

#endif
