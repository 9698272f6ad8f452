/* What is said of repeated times. All rules are distribution-free: times on a busy machine follow no bell curve. */
#ifndef STOA_BENCH_STATISTICS_H
#define STOA_BENCH_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* The most rounds of one comparison. */
#define BENCH_MAX_ROUNDS 1000
/* With fewer samples no 95 % interval of a median exists: the sign test needs 2 * 0.5^n <= 0.05. */
#define BENCH_LEAST_ROUNDS 6

/* A median with the interval that holds the true one in at least 95 of 100 such measurements. */
struct estimate {
    double value, low, high;
    bool sure; /* low and high are such an interval; otherwise they are the least and the largest sample */
};

/* The share-quantile (0: the least, 0.5: the median, 1: the largest) of samples in any order; between two samples it is
 * interpolated. 0 when there are none. */
double stoa_bench_quantile(size_t count, const double *samples, double share);

/* The median and its interval by the sign test: the order statistics whose ranks leave at most 2.5 % of the binomial
 * distribution of n fair coins on either side. */
struct estimate stoa_bench_median(size_t count, const double *samples);

/* How many times as fast as `theirs` `ours` is: the median of theirs[i] / ours[i]. Samples of one index were taken in
 * the same round, one right after the other, so what slows the machine for a while slows both and cancels. The shorter
 * count is used. */
struct estimate stoa_bench_paired_ratio(size_t ours_count, const double *ours, size_t theirs_count,
                                        const double *theirs);

enum verdict { VERDICT_INCONCLUSIVE, VERDICT_FASTER, VERDICT_SLOWER };

/* The rule of this suite: a comparison is decided when its interval is sure and does not contain 1, and inconclusive
 * otherwise. */
enum verdict stoa_bench_verdict(const struct estimate *ratio);
/* "inconclusive", "faster", "slower". */
const char *stoa_bench_verdict_name(enum verdict verdict);

/* The same measured at two times, where no samples pair: the ratio before / after of the medians, its interval from
 * the two medians' own. Wider than 95 % asks for, which is the side to err on when accusing a change of slowness. */
struct estimate stoa_bench_unpaired_ratio(size_t before_count, const double *before, size_t after_count,
                                          const double *after);

#endif
