/* `stoa-bench serve` and `stoa-bench serve-training`: Stoa as an engine (engine.h has the questions). */
#ifndef STOA_BENCH_SERVE_H
#define STOA_BENCH_SERVE_H

#include <stdio.h>
#include <stoa/status.h>

/* Answer until the questions end; the exit status. */
int stoa_bench_serve_models(FILE *in, FILE *out);
int stoa_bench_serve_training(FILE *in, FILE *out);

/* What tells one engine of ours from another. */
struct service {
    /* What "load" asks for, and how long it took. */
    enum stoa_status (*load)(void *user, char *words, struct stoa_error *error, double *seconds);
    /* Any question but "load", "run" and "peak": its word and the rest of the line. Writes the answer, unless it fails.
     */
    enum stoa_status (*answer)(void *user, const char *word, char *words, struct stoa_error *error, FILE *out);
    /* What "run" times. */
    enum stoa_status (*run)(void *user, struct stoa_error *error);
};
void stoa_bench_serve(const struct service *service, void *user, FILE *in, FILE *out);

/* The answer to a word that is none. */
STOA_CHECKED enum stoa_status stoa_bench_no_question(const char *word, struct stoa_error *error);

#endif
