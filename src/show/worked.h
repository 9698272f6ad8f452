/* One output of one convolution worked out in the open: what the filter sees, as the textbook's matrix has it and as
 * views of the image have it, the products, their sum, and what the engine says it is. */
#ifndef STOA_SHOW_WORKED_H
#define STOA_SHOW_WORKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>

#include "base/memory.h"
#include "lower/lower.h"
#include "show/draw.h"

/* A tap of the filter: kernel position (r, s) over a pixel of the image, or over the padding around it. */
struct worked_tap {
    size_t r, s;
    ptrdiff_t y, x;  /* of the pixel; outside the image in the padding */
    bool inside;     /* if not, there is no view, and the matrix has zeros */
    size_t offset;   /* inside: of the tap's first channel, in floats from the beginning of image[H][W][C] */
    double products; /* their sum over the channels */
};

/* What follows the sum: a function, or something else of the same dims that alone reads it. */
struct worked_after {
    const char *type, *node;
    float value;
};
#define WORKED_MOST_AFTER 4
#define WORKED_MIDDLE SIZE_MAX

struct worked_example {
    struct stoa_allocator allocator;
    const struct stoa_model *model; /* names live as the model */
    const char *layer;
    struct conv_shape shape; /* N is 1 of the batch: the first image */
    size_t oy, ox, oc, group;
    size_t channels, taps, count;    /* C/groups; kh*kw; taps * channels: the row's length */
    float *image;                    /* [H][W][C]: the layer's input */
    float *row;                      /* [kh][kw][channels]: row oy*OW + ox of the im2col matrix */
    float *filter;                   /* [kh][kw][channels]: the column of the weights */
    double *products;                /* [kh][kw][channels]: of the two */
    struct worked_tap *tap;          /* [taps] */
    size_t row_stride, pixel_stride; /* of the views: floats from an output row, an output pixel to the next */
    double sum;                      /* of the products */
    float bias;                      /* 0 without one */
    bool has_bias;
    /* What the engine computes: as it chooses, by the whole matrix, by views; `how` the way that was taken. */
    struct worked_result {
        float value;
        char how[64];
    } chosen, matrix, view;
    size_t after_count;
    struct worked_after after[WORKED_MOST_AFTER];
};

/* `inputs` has the model's inputs as its sessions take them, `data` a pointer for each input of the model (null: fixed
 * by its spec). layer may be null, for the first convolution; pixel is (oy, ox), WORKED_MIDDLE as oy for the middle.
 * Released by stoa_worked_free, also after a failure. */
STOA_CHECKED enum stoa_status stoa_worked_compute(const struct stoa_model *model, const struct stoa_input_spec *inputs,
                                                  size_t count, const void *const *data, const char *layer,
                                                  const size_t pixel[2], size_t channel,
                                                  const struct stoa_allocator *allocator, struct stoa_error *error,
                                                  struct worked_example *worked);
void stoa_worked_free(struct worked_example *worked);

/* The input with the receptive field, and for the channels that contribute most what is seen, the filter and the
 * products, as numbers on colours; then the sums. On failure the picture is all zero. */
STOA_CHECKED enum stoa_status stoa_worked_draw(const struct worked_example *worked, struct stoa_error *error,
                                               struct picture *picture);

#endif
