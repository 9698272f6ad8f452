/* Two records, an older and a newer one: what became slower? */
#ifndef STOA_BENCH_COMPARE_H
#define STOA_BENCH_COMPARE_H

#include <stdio.h>

#include "record.h"

struct change_counts {
    size_t faster, slower, inconclusive, only_old, only_new;
};

/* Compares the entries that both have (suite, case, batch, cache, contender, threads agree) and prints a row for each
 * of ours. An entry is slower when the interval of before / after lies below 1 and the ratio is below 1 / (1 +
 * tolerance): both, so that neither noise nor a trifle is accused; faster likewise. Peers, which did not change, tell
 * how far the machine itself did: their geometric mean is printed. */
void stoa_bench_compare(const struct record *old, const struct record *new, double tolerance, FILE *out,
                        struct change_counts *counts);

#endif
