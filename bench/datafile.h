/* The suite's data files: a case a line, words divided by blanks, # begins a comment. */
#ifndef STOA_BENCH_DATAFILE_H
#define STOA_BENCH_DATAFILE_H

#include <stddef.h>
#include <stoa/status.h>

#include "lower/lower.h"
#include "record.h"

#define BENCH_MAX_CASES 512

struct layer_line {
    char name[BENCH_NAME];
    struct conv_shape shape; /* finished */
};

struct gemm_line {
    char name[BENCH_NAME];
    size_t m, n, k;
};

struct model_line {
    char name[BENCH_NAME];
    double target;         /* the ratio to reach against ONNX Runtime; 0: none */
    double threads_target; /* two threads against one; 0: none */
};

struct training_line {
    char name[BENCH_NAME];
    size_t images;         /* to train on before anything is timed; at least BENCH_TRAIN_BATCH */
    double floor;          /* the share of test images that must then be right */
    double target;         /* the ratio to reach against PyTorch; 0: none */
    double threads_target; /* two threads against one; 0: none */
};

/* Each reads a whole file into lines[BENCH_MAX_CASES]. A line that is not understood is STOA_ERROR_PARSE, one that
 * makes no sense another status; the message begins with "FILE:LINE: ". */
STOA_CHECKED enum stoa_status stoa_bench_read_layers(const char *path, struct stoa_error *error, size_t *count,
                                                     struct layer_line *lines);
STOA_CHECKED enum stoa_status stoa_bench_read_gemms(const char *path, struct stoa_error *error, size_t *count,
                                                    struct gemm_line *lines);
STOA_CHECKED enum stoa_status stoa_bench_read_models(const char *path, struct stoa_error *error, size_t *count,
                                                     struct model_line *lines);
STOA_CHECKED enum stoa_status stoa_bench_read_training(const char *path, struct stoa_error *error, size_t *count,
                                                       struct training_line *lines);

#endif
