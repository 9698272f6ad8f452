/* Records for people. */
#ifndef STOA_BENCH_TABLE_H
#define STOA_BENCH_TABLE_H

#include <stdio.h>

#include "record.h"

#define BENCH_CONTENDERS 24 /* more are left out */

/* The machine, and how to read what follows. */
void stoa_bench_print_head(const struct record *record, FILE *out);
/* One case: a line for each number of threads, under a head line when `head`. */
void stoa_bench_print_row(const struct record *record, const struct bench_case *c, bool head, FILE *out);
/* Geometric means, targets, and what was absent or wrong. */
void stoa_bench_print_summaries(const struct record *record, FILE *out);
/* All of these for a finished record. */
void stoa_bench_print_table(const struct record *record, FILE *out);

/* A record of one suite as a table in Markdown, with its summaries and where it was made, between the marks
 * <!-- bench:SUITE --> and <!-- end of bench:SUITE -->; README.md shows exactly that. */
void stoa_bench_print_markdown(const struct record *record, FILE *out);

/* How many of what times of a case are told in make a second: 1e6, microseconds, of layers and products, 1e3 of
 * networks and their training. */
double stoa_bench_unit(const struct bench_case *c);
/* Whether a run of the case is a step of training, so that images a second tell more than products. */
bool stoa_bench_trains(const struct bench_case *c);
/* What an entry works through, images or 1e9 floating-point operations, in a second; 0: not known. */
double stoa_bench_rate(const struct bench_case *c, const struct entry *entry);

/* One line, without its end. */
void stoa_bench_summary_text(const struct summary *summary, size_t size, char *text);

/* The entry of those whose rival is `subject` that is its family's fastest, for the `index`-th family that is not ours;
 * BENCH_NONE when there are no more. */
size_t stoa_bench_best_peer(const struct bench_case *c, size_t subject, size_t index);
/* The contenders that any case of a suite has, but "stoa", in the order in which they first appear: columns. */
struct contenders {
    size_t count;
    const char *names[BENCH_CONTENDERS];
};
void stoa_bench_add_contender(struct contenders *contenders, const char *name);
/* Whether the entry stands in the row of Stoa's with so many threads; the naive loop, which uses one, stands in all. */
bool stoa_bench_in_row(const struct entry *entry, size_t threads);

#endif
