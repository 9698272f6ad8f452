/* What a lowering of the weights' gradient is. Private to this room.
 *
 * What is summed over (pixels, rows or tiles of all images) is cut in chunks; a task makes the sums over one chunk for
 * some of the channels; in the end the chunks' sums are joined in their order. */
#ifndef STOA_LOWER_WEIGHTS_LOWERING_H
#define STOA_LOWER_WEIGHTS_LOWERING_H

#include "lower/weights_gradient.h"

#include "kernels/winograd.h"

/* A function of the shape and of the BLAS, never of the number of threads. */
struct weights_tiling {
    size_t groups; /* of a task */
    size_t slice;  /* input channels of a task, of those of a group; all where the task has several groups */
    size_t panel;  /* output channels of a task, of those of a group; the same */
    size_t units;  /* pixels, rows or tiles of all images */
    size_t step;   /* units at a time */
    size_t chunk;  /* units of a task; set when the lowering is chosen */
    size_t row;    /* floats of the sums of one output channel: slices of [kh*kw][slice], each rounded up to whole
                    * vectors */
    const struct winograd_form *form; /* winograd; else null */
};

struct weights_gradient {
    struct stoa_allocator allocator;
    struct conv_shape shape; /* of the convolution; of a transposed one, with its input and output exchanged */
    bool transposed;
    enum stoa_accuracy accuracy;
    const struct weights_lowering *lowering;
    struct weights_tiling tiling;
    size_t scratch; /* bytes a worker */
    char text[64];
};

/* The sums of one task. */
struct weights_task {
    size_t group, groups;
    size_t in, in_count;   /* input channels, counted through all groups */
    size_t out, out_count; /* output channels; with several groups, of all of them */
    size_t first, end;     /* units */
    float *sums; /* of output channel `out`: [kh*kw][in_count], set; tiling.row floats on, those of the next */
    float *bias; /* [out_count], zeros, to which dy is to be added; null: not wanted */
    void *scratch;
};

struct weights_lowering {
    enum stoa_lowering id;
    /* Sets tiling (but chunk), scratch and text, or says why it does not apply (LIMIT, UNSUPPORTED). */
    enum stoa_status (*plan)(struct weights_gradient *gradient, struct stoa_error *error);
    /* An estimate in nanoseconds, once planned. */
    double (*cost)(const struct weights_gradient *gradient);
    /* args complete: strides are never 0. */
    void (*run)(const struct weights_gradient *gradient, const struct weights_gradient_args *args,
                const struct weights_task *task);
};

extern const struct weights_lowering stoa_weights_im2col, stoa_weights_direct, stoa_weights_depthwise,
    stoa_weights_winograd;

/* Vectors of channels. */
#define WEIGHTS_LANES 16

/* m and n of products C[m][n] += A[k][m]^T * B[k][n] for the whole of m, n and k, so that the BLAS at hand is fast. */
void stoa_weights_products(size_t k, size_t *m, size_t *n);
/* All of C[m][n] = A^T * B + beta * C, cut that way. */
void stoa_weights_multiply(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                           float beta, float *c, size_t ldc);
double stoa_weights_multiply_cost(size_t m, size_t n, size_t k);

#endif
