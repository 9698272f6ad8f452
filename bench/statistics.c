/* Order statistics and the sign test. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sorted <- at most BENCH_MAX_ROUNDS of the samples; returns how many. */
static size_t sort(size_t count, const double *samples, double sorted[BENCH_MAX_ROUNDS])
{
    if (count > BENCH_MAX_ROUNDS)
        count = BENCH_MAX_ROUNDS;
    if (count)
        memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, ascending);
    return count;
}

static double quantile(size_t count, const double *sorted, double share)
{
    if (count == 0)
        return 0;
    double place = share * (double)(count - 1);
    size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

double stoa_bench_quantile(size_t count, const double *samples, double share)
{
    double sorted[BENCH_MAX_ROUNDS];
    count = sort(count, samples, sorted);
    return quantile(count, sorted, share);
}

/* The sign test's rank: the largest k for which fewer than k of `count` fair coins fall heads with at most 2.5 %. The
 * k-th sample from either end bounds the median; 0 means that there are too few samples to bound it. */
static size_t rank(size_t count)
{
    double probability = exp2(-(double)count), sum = 0;
    size_t k = 0;
    for (; k < count; k++) {
        sum += probability;
        if (sum > 0.025)
            break;
        probability *= (double)(count - k) / (double)(k + 1);
    }
    return k;
}

struct estimate stoa_bench_median(size_t count, const double *samples)
{
    double sorted[BENCH_MAX_ROUNDS];
    count = sort(count, samples, sorted);
    struct estimate estimate = {.value = quantile(count, sorted, 0.5)};
    if (count == 0)
        return estimate;
    size_t k = rank(count);
    estimate.sure = k > 0;
    estimate.low = sorted[k ? k - 1 : 0];
    estimate.high = sorted[k ? count - k : count - 1];
    return estimate;
}

struct estimate stoa_bench_paired_ratio(size_t ours_count, const double *ours, size_t theirs_count,
                                        const double *theirs)
{
    double ratios[BENCH_MAX_ROUNDS];
    size_t count = ours_count < theirs_count ? ours_count : theirs_count;
    if (count > BENCH_MAX_ROUNDS)
        count = BENCH_MAX_ROUNDS;
    for (size_t i = 0; i < count; i++)
        ratios[i] = theirs[i] / ours[i];
    return stoa_bench_median(count, ratios);
}

enum verdict stoa_bench_verdict(const struct estimate *ratio)
{
    if (!ratio->sure || (ratio->low <= 1 && ratio->high >= 1))
        return VERDICT_INCONCLUSIVE;
    return ratio->low > 1 ? VERDICT_FASTER : VERDICT_SLOWER;
}

const char *stoa_bench_verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"inconclusive", "faster", "slower"};
    return names[verdict];
}

struct estimate stoa_bench_unpaired_ratio(size_t before_count, const double *before, size_t after_count,
                                          const double *after)
{
    struct estimate old = stoa_bench_median(before_count, before), new = stoa_bench_median(after_count, after);
    if (before_count == 0 || after_count == 0)
        return (struct estimate){0};
    return (struct estimate){.value = old.value / new.value,
                             .low = old.low / new.high,
                             .high = old.high / new.low,
                             .sure = old.sure &&new.sure};
}
