/* The rules of the suite on numbers whose answers are known. */
#include "bench/statistics.h"

#include <criterion/criterion.h>
#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

Test(statistics, quantiles_lie_where_they_should)
{
    static const double samples[] = {5, 1, 4, 2, 3};
    static const struct {
        size_t count;
        double share, expected;
    } rows[] = {{5, 0, 1},       {5, 0.5, 3}, {5, 1, 5},   {5, 0.25, 2},
                {5, 0.125, 1.5}, {4, 0.5, 3}, {1, 0.9, 5}, {0, 0.5, 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect(fabs(stoa_bench_quantile(rows[i].count, samples, rows[i].share) - rows[i].expected) < 1e-12,
                  "row %zu: %g, not %g", i, stoa_bench_quantile(rows[i].count, samples, rows[i].share),
                  rows[i].expected);
}

/* Ranks of the sign test at 95 %, as tables of it have them. */
Test(statistics, the_interval_of_a_median_has_the_ranks_of_the_sign_test)
{
    static const struct {
        size_t count, rank; /* 0: none */
    } rows[] = {{1, 0},  {5, 0},  {6, 1},  {8, 1},  {9, 2},  {11, 2},
                {12, 3}, {15, 4}, {20, 6}, {21, 6}, {25, 8}, {100, 40}};
    double samples[100];
    for (size_t i = 0; i < COUNT(samples); i++)
        samples[i] = (double)(i + 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = rows[i].count, rank = rows[i].rank ? rows[i].rank : 1;
        struct estimate estimate = stoa_bench_median(n, samples);
        cr_expect(estimate.sure == (rows[i].rank > 0), "%zu samples: sure %d", n, estimate.sure);
        cr_expect(estimate.low == (double)rank && estimate.high == (double)(n + 1 - rank), "%zu samples: [%g, %g]", n,
                  estimate.low, estimate.high);
        cr_expect(estimate.value == (double)(n + 1) / 2, "%zu samples: %g", n, estimate.value);
    }
}

Test(statistics, verdicts)
{
    static const struct {
        const char *name;
        size_t count;
        double ours[8], theirs[8];
        enum verdict verdict;
    } rows[] = {
        {"always faster", 6, {1, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 2, 2}, VERDICT_FASTER},
        {"always slower", 6, {2, 2, 2, 2, 2, 2}, {1, 1, 1, 1, 1, 1}, VERDICT_SLOWER},
        {"once not", 6, {1, 1, 1, 1, 1, 3}, {2, 2, 2, 2, 2, 2}, VERDICT_INCONCLUSIVE},
        {"the same", 6, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}, VERDICT_INCONCLUSIVE},
        {"too few rounds", 5, {1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}, VERDICT_INCONCLUSIVE},
        {"a machine that slows both", 6, {1, 5, 1, 9, 1, 7}, {1.1, 5.5, 1.1, 9.9, 1.1, 7.7}, VERDICT_FASTER},
        {"nothing", 0, {0}, {0}, VERDICT_INCONCLUSIVE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct estimate ratio = stoa_bench_paired_ratio(rows[i].count, rows[i].ours, rows[i].count, rows[i].theirs);
        cr_expect(stoa_bench_verdict(&ratio) == rows[i].verdict, "%s: %s, %g in [%g, %g]", rows[i].name,
                  stoa_bench_verdict_name(stoa_bench_verdict(&ratio)), ratio.value, ratio.low, ratio.high);
    }
}

Test(statistics, a_ratio_of_unequal_counts_uses_the_rounds_both_have)
{
    static const double ours[] = {1, 2, 100}, theirs[] = {2, 4};
    struct estimate ratio = stoa_bench_paired_ratio(3, ours, 2, theirs);
    cr_expect(ratio.value == 2 && ratio.low == 2 && ratio.high == 2);
}

Test(statistics, an_unpaired_ratio_is_as_wide_as_both_medians_allow)
{
    static const double before[] = {10, 10, 10, 10, 10, 12}, after[] = {5, 5, 5, 5, 5, 4};
    struct estimate ratio = stoa_bench_unpaired_ratio(6, before, 6, after);
    cr_expect(ratio.sure && ratio.value == 2 && ratio.low == 2 && ratio.high == 3, "%g [%g, %g]", ratio.value,
              ratio.low, ratio.high);
    ratio = stoa_bench_unpaired_ratio(0, NULL, 6, after);
    cr_expect(!ratio.sure && ratio.value == 0);
}
