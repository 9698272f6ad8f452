/* `stoa-bench serve`: Stoa as an engine (engine.h has the questions). */
#ifndef STOA_BENCH_SERVE_H
#define STOA_BENCH_SERVE_H

#include <stdio.h>

/* Answers until the questions end; the exit status. */
int stoa_bench_serve(FILE *in, FILE *out);

#endif
