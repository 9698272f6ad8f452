/* The suites. Each measures its cases, adds them to the record as it goes, and shows each as a row when it is done. */
#ifndef STOA_BENCH_SUITE_H
#define STOA_BENCH_SUITE_H

#include <stoa/status.h>

#include "options.h"
#include "record.h"

struct bench {
    struct bench_options options;
    const char *home; /* the folder this program lies in, and with it shapes/, models/, training/ and peers/ */
    struct record record;
    /* Called when the newest case of the record is complete. */
    void (*row)(const struct bench *bench, const struct bench_case *c);
};

STOA_CHECKED enum stoa_status stoa_bench_gemm(struct bench *bench, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_bench_layers(struct bench *bench, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_bench_models(struct bench *bench, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_bench_train(struct bench *bench, struct stoa_error *error);

/* Whether --filter lets a case through. */
bool stoa_bench_selected(const struct bench *bench, const char *name);
/* The suite's own list, or that of --list. */
const char *stoa_bench_list_path(const struct bench *bench, const char *relative, size_t size, char *path);

#endif
