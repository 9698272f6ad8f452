/* Two records, an older and a newer one: what became slower? */
#ifndef STOA_BENCH_COMPARE_H
#define STOA_BENCH_COMPARE_H

#include <stdio.h>

#include "record.h"

struct change_counts {
    size_t faster, slower, inconclusive, only_old, only_new;
};

enum change_kind { CHANGE_FASTER, CHANGE_SLOWER, CHANGE_WITHIN, CHANGE_INCONCLUSIVE };

/* One of our entries that both records have, of a case of the newer one. */
struct change {
    const struct bench_case *c;
    const struct entry *before, *after;
    struct estimate ratio; /* before / after */
    enum change_kind kind;
};
/* "faster", "SLOWER", "within tolerance", "inconclusive". */
const char *stoa_bench_change_name(enum change_kind kind);

/* How far the machine itself changed, which peers tell, since they did not: the geometric mean of before / after. */
struct drift {
    size_t peers;
    double ratio;
};

/* Calls `each` for every pair of our entries that both have (suite, case, batch, cache, contender, threads agree). An
 * entry is slower when the interval of before / after lies below 1 and the ratio is below 1 / (1 + tolerance): both, so
 * that neither noise nor a trifle is accused; faster likewise. */
void stoa_bench_changes(const struct record *old, const struct record *new, double tolerance,
                        void (*each)(void *user, const struct change *change), void *user, struct change_counts *counts,
                        struct drift *drift);

/* Whether both records are of the same CPU and kernels. */
bool stoa_bench_same_machine(const struct machine *a, const struct machine *b);

/* Prints a row for each change, then how far the machine changed, and the counts. */
void stoa_bench_compare(const struct record *old, const struct record *new, double tolerance, FILE *out,
                        struct change_counts *counts);

#endif
