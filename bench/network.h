/* What engines are given to run: a model file, its inputs as files, and what should come out. */
#ifndef STOA_BENCH_NETWORK_H
#define STOA_BENCH_NETWORK_H

#include <limits.h>
#include <stddef.h>
#include <stoa/status.h>

#include "rawfile.h"

#define NETWORK_INPUTS 16

struct network_input {
    char dims[128]; /* "1x3x224x224" */
    char path[PATH_MAX];
    float *values;
};

struct network {
    char path[PATH_MAX];   /* absolute */
    char peers[PATH_MAX];  /* the folder with node_modules/onnxruntime-node; empty: there is none */
    char folder[PATH_MAX]; /* of temporary files */
    char result[PATH_MAX]; /* in it: where an engine writes output 0 */
    size_t input_count;
    struct network_input inputs[NETWORK_INPUTS];
    size_t output_count; /* elements of output 0 */
    float *expected;     /* null: not recorded */
    double macs;
    double bytes; /* of inputs, weights and output 0 */
};

/* Reads MODEL.onnx's inputs (float alone; an open first dimension is the batch, other open ones of pictures 224) and
 * takes those recorded in MODEL.bBATCH/input_i.npy, with output_0.npy, or seeded random ones. Whatever happens,
 * stoa_bench_network_close follows. `home` is where this program lies. */
STOA_CHECKED enum stoa_status stoa_bench_network_open(const char *path, size_t batch, const char *home,
                                                      struct stoa_error *error, struct network *network);
void stoa_bench_network_close(struct network *network);

/* Each layer against the naive reference, on the network's inputs. */
STOA_CHECKED enum stoa_status stoa_bench_network_verify(const struct network *network, struct stoa_error *error);

#endif
