/* Charts as SVG within a page of HTML. Places across are shares of the width, so that a chart fits every screen while
 * its text stays as large as it is; each mark holds its numbers as attributes and, for people, as a title. */
#ifndef STOA_BENCH_CHART_H
#define STOA_BENCH_CHART_H

#include <stdio.h>

#include "record.h"

enum bar_look { BAR_FASTER, BAR_SLOWER, BAR_UNDECIDED };

struct bar {
    char name[BENCH_TEXT], detail[BENCH_TEXT]; /* the detail, which may be empty, only where there is room */
    struct estimate ratio;                     /* above 0 */
    enum bar_look look;
    const char *word; /* what the look says */
    double target;    /* 0: none */
};

/* A row for each bar, from 1 to the ratio, with its interval, on a logarithmic axis. `told` says what is divided by
 * what. */
void stoa_bench_bars(const char *title, const char *told, size_t count, const struct bar *bars, FILE *out);

struct roof {
    double gflops, gbytes; /* the most; gbytes 0: not known */
    size_t threads;
};

struct point {
    const char *name, *who, *group;
    double intensity, gflops; /* above 0 */
    const char *peer;         /* null: there is none */
    double peer_gflops;       /* of the same work */
};

/* Operations a second against operations a byte, both logarithmic, below what the machine can do. */
void stoa_bench_roofline(const char *title, const struct roof *roof, size_t count, const struct point *points,
                         FILE *out);

#endif
