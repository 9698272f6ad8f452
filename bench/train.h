/* What both sides of the training suite know. */
#ifndef STOA_BENCH_TRAIN_H
#define STOA_BENCH_TRAIN_H

#include "record.h"

#define BENCH_TRAIN_BATCH 64
/* Stoa may be so much less accurate than its peer after as many images: other first weights and another order of the
 * images make such differences. */
#define BENCH_TRAIN_LEEWAY 0.03

/* What became of one entry before anything was timed. */
struct learnt {
    double accuracy;  /* on the test images */
    char weights[16]; /* their checksum; peers have none */
};

/* Finds the entries of ours that learned badly (learnt[entry_count], as many images each), and gives them state and
 * message: those below the floor, those more than the leeway below a peer on as many threads, and those whose weights
 * are not to the bit those of our first. */
void stoa_bench_judge_learnt(const struct learnt *learnt, double floor, struct bench_case *c);

#endif
