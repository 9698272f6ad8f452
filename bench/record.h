/* What a measurement leaves behind: the machine, and for each case every contender's samples. Tables, JSON, CSV and
 * comparisons are all made from this, never from anything else. */
#ifndef STOA_BENCH_RECORD_H
#define STOA_BENCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "statistics.h"

#define BENCH_NAME 48
#define BENCH_TEXT 160
#define BENCH_NONE ((size_t)-1)

/* What the times depend on besides the code. Strings are never null in a finished record. */
struct machine {
    char cpu[BENCH_TEXT];      /* the model as the system tells it */
    double megahertz;          /* seen while this ran, from a chain of dependent additions; 0: could not be measured */
    double peak_gflops;        /* of one thread, from a loop of fused multiply-adds in registers; 0: not measured */
    double copy_gbytes;        /* bytes copied a second by one thread, beyond the caches, / 1e9; 0: not measured */
    char blas[BENCH_TEXT];     /* version and build */
    char core[BENCH_NAME];     /* the kernels it runs on */
    char compiler[BENCH_TEXT]; /* its name and version */
    char flags[BENCH_TEXT];    /* build type, optimisation, added arguments */
    char commit[BENCH_TEXT];   /* of the sources; "unknown" outside a repository */
};

enum entry_state {
    ENTRY_TIMED,
    ENTRY_WRONG,  /* its result is wrong, so it was not timed */
    ENTRY_ABSENT, /* it is not there, or does not do this case */
    ENTRY_STATES
};
/* "timed", "wrong", "absent". */
const char *stoa_bench_state_name(enum entry_state state);

/* One contender in one case. */
struct entry {
    char name[BENCH_NAME];    /* such as "stoa", "view", "onednn-direct" */
    char family[BENCH_NAME];  /* what --against calls it: algorithms of one peer share it, and its best one counts */
    char how[BENCH_NAME];     /* the way it took, or empty */
    char message[BENCH_TEXT]; /* why it is wrong or absent, or empty */
    enum entry_state state;
    bool ours;       /* part of Stoa: a change of its times is a change of ours */
    size_t threads;  /* it may use */
    size_t count;    /* rounds */
    double *samples; /* seconds of one run, the median over the runs of a turn, in the order of the rounds */
    double setup;    /* seconds to make it ready (load, plan, pack); 0: not measured */
    double peak;     /* bytes its process had resident at most; 0: not measured */
    double base;     /* and what it had before it loaded anything */
    size_t rival;    /* the entry it is compared with, in the same case: the subject; BENCH_NONE: it is not compared */
    double target;   /* what the ratio (this entry's time / the rival's) should at least be; 0: nothing is asked */
};

struct bench_case {
    char suite[BENCH_NAME]; /* "gemm", "layers", "models", "train" */
    char name[BENCH_NAME];
    char group[BENCH_NAME]; /* of which summaries are made: "dense", "shallow", … */
    char shape[BENCH_TEXT]; /* for people */
    size_t batch;
    bool cold;
    double flops; /* of one run; 0: not known */
    double bytes; /* a run must move at least: inputs, weights and outputs, once each; 0: not known */
    size_t entry_count;
    struct entry *entries;
};

struct record {
    char command[BENCH_TEXT]; /* that repeats it */
    struct machine machine;
    size_t case_count;
    struct bench_case *cases;
};

/* Adds a case or an entry, zeroed but for its name, and `rival`, which is BENCH_NONE; earlier pointers become invalid.
 */
STOA_CHECKED enum stoa_status stoa_bench_add_case(struct record *record, const char *suite, const char *name,
                                                  struct stoa_error *error, struct bench_case **added);
STOA_CHECKED enum stoa_status stoa_bench_add_entry(struct bench_case *c, const char *name, const char *family,
                                                   struct stoa_error *error, struct entry **added);
STOA_CHECKED enum stoa_status stoa_bench_add_sample(struct entry *entry, double seconds, struct stoa_error *error);
void stoa_bench_record_free(struct record *record);

/* to <- text, cut to fit. */
void stoa_bench_set(size_t size, char *to, const char *text);

/* How entry `index` compares with its rival: entry's time / rival's. value is 0 when either was not timed. */
struct estimate stoa_bench_ratio(const struct bench_case *c, size_t index);

/* Whether anything was wrong. */
bool stoa_bench_record_wrong(const struct record *record);

/* The geometric mean of ratios over the cases of a suite. A pair of contenders is known by names and threads. */
struct summary {
    const char *suite, *group; /* group null: all */
    const char *ours, *family;
    size_t our_threads, threads;
    size_t batch; /* 0: whatever it is, as no case was measured with several */
    bool cold;
    bool peer;           /* the family is not ours */
    size_t count;        /* cases */
    double mean, least;  /* of the ratios; each case's is that of the family's fastest entry */
    const char *weakest; /* the case with the least */
    size_t asked, met;   /* cases that have a target, and those that reach it */
};

/* The entry of the case that the summary counts; BENCH_NONE: it does not count the case. */
size_t stoa_bench_summary_entry(const struct summary *summary, const struct bench_case *c);

/* Calls `each` for every summary there is, in the order in which the record first has them: of all cases, and of each
 * group for peers. */
void stoa_bench_summaries(const struct record *record, void (*each)(void *user, const struct summary *summary),
                          void *user);

#endif
