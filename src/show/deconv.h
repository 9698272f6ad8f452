/* The deconvolutional network of Zeiler and Fergus (Visualizing and Understanding Convolutional Networks, 2013): what
 * in the picture an element of a feature map answers to. The element alone is carried back from its layer to the
 * pixels, each node backwards in turn:
 *
 *   convolution, fully connected   the transposed filters: the gradient with regard to the input
 *   max pooling                    unpooling: to the place the maximum came from, kept from the way there (switches)
 *   rectifiers of any kind         the signal that goes back is rectified, whatever was let through on the way there
 *   batch norm                     its scale; local response normalisation: passed as it is
 *   average pooling                spread evenly over the window
 *   sums, concatenation, splits    to every branch what is its own
 *   all others                     their gradient
 *
 * This is the backward pass of training with other rules for rectifiers, and is built, planned and run as that. */
#ifndef STOA_SHOW_DECONV_H
#define STOA_SHOW_DECONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>

#include "base/memory.h"

struct stoa_deconv_options {
    const char *layer;                      /* by the name of its node or output: maps [1,C,H,W] or [1,C]; null: the
                                             * first convolution */
    size_t height, width;                   /* of the pictures; 0: as the model has it */
    size_t threads;                         /* as of sessions */
    const struct stoa_allocator *allocator; /* null: the model's; copied */
};

/* One element of a feature map, and how strong it was. */
struct stoa_deconv_unit {
    size_t image, map, row, column;
    float value;
};

struct stoa_deconv;

/* The model, which is borrowed and must outlive this, must take pictures: what the layer depends on is one input of
 * floats [1,C,H,W] or [1,H,W,C], with one or three channels. UNSUPPORTED, with the node's name, where something on the
 * way back from the layer has no gradient. On failure *deconv is null. */
STOA_CHECKED enum stoa_status stoa_deconv_create(const struct stoa_model *model,
                                                 const struct stoa_deconv_options *options, struct stoa_error *error,
                                                 struct stoa_deconv **deconv);
/* Null is fine. */
void stoa_deconv_free(struct stoa_deconv *deconv);

struct stoa_deconv_info {
    bool channels_last;                 /* the model takes pictures as [1,H,W,C] */
    size_t channels, height, width;     /* of the pictures */
    size_t maps, map_height, map_width; /* of the layer */
    size_t field_height, field_width;   /* of an element's receptive field, at most all of the picture */
    size_t max_pools, average_pools;    /* between the layer and the pixels: with switches, and without */
    const char *value;                  /* the layer's name as a value of the model */
};
void stoa_deconv_describe(const struct stoa_deconv *deconv, struct stoa_deconv_info *info);

/* picture[C][H][W] <- the model's input. */
void stoa_deconv_picture(const struct stoa_deconv *deconv, const float *input, float *picture);
/* *maps = the layer for a picture [C][H][W], as [maps][map_height][map_width]; valid until the next call. */
STOA_CHECKED enum stoa_status stoa_deconv_run(struct stoa_deconv *deconv, const float *picture,
                                              struct stoa_error *error, const float **maps);
/* pixels[C][H][W] <- the element carried back, starting at the value it has for the picture. */
STOA_CHECKED enum stoa_status stoa_deconv_project(struct stoa_deconv *deconv, const float *picture, size_t map,
                                                  size_t row, size_t column, struct stoa_error *error, float *pixels);

/* Pictures by number, as [C][H][W], valid until the next call. */
struct stoa_deconv_pictures {
    size_t count;
    enum stoa_status (*get)(void *user, size_t index, struct stoa_error *error, const float **picture);
    void *user;
};

/* A unit, the part of its picture that it sees, and its projection there: both [C][field_height][field_width]. */
struct stoa_deconv_item {
    struct stoa_deconv_unit unit;
    size_t top, left; /* of the part; at the edges it is moved into the picture */
    const float *picture, *projection;
};

/* map_count rows of `top` items, strongest first; where there are fewer pictures, so many columns. */
struct stoa_deconv_sheet {
    struct stoa_allocator allocator;
    struct arena arena;
    size_t map_count, top;
    const struct stoa_deconv_item *items; /* [map_count][top] */
};

/* The strongest elements of the layer over the pictures, for each map those of `top` pictures, as in figure 2 of the
 * paper: of the `maps` maps that answer the strongest. Maps that never rise above 0 are left out; DATA if these are
 * all. */
STOA_CHECKED enum stoa_status stoa_deconv_strongest(struct stoa_deconv *deconv,
                                                    const struct stoa_deconv_pictures *pictures, size_t maps,
                                                    size_t top, struct stoa_error *error,
                                                    struct stoa_deconv_sheet **sheet);
/* Null is fine. */
void stoa_deconv_sheet_free(struct stoa_deconv_sheet *sheet);

/* Inside: the model up to the layer, and the graph that carries an element back. */
struct stoa_deconv {
    struct stoa_allocator allocator;
    struct stoa_model *part; /* up to the layer */
    struct stoa_model *back; /* and back: inputs are the pictures and the layer's signal, outputs the layer and the
                              * pixels' */
    struct stoa_session *forward, *backward;
    struct stoa_deconv_info info;
    size_t value;  /* of the layer; in both graphs, as of the model's */
    size_t input;  /* value of the pictures */
    float *turned; /* channels_last: the picture as the model takes it */
    float *seed;   /* [maps][map_height][map_width]: 0 but for the element */
};

#endif
