/* What a network sees, as arrays: its filters, the maps of its layers, what in a picture its answer depends on, what it
 * mistakes for what; and how it computes: its steps, one output worked out, how it learned. In a library of its own,
 * libstoa-show (stoa-show.pc), which brings cairo, and cJSON for logs; <stoa/stoa.h> leaves this header out. `stoa
 * show` draws what these functions compute. */
#ifndef STOA_SHOW_H
#define STOA_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>
#include <stoa/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function of this header made: a plain tensor (row-major without gaps), of floats unless the function says
 * otherwise, freed with stoa_array_free. */
struct stoa_array {
    struct stoa_tensor tensor;
    struct stoa_allocator allocator;
};
/* Makes it all zero; one that is so is fine, and so is null. */
STOA_API void stoa_array_free(struct stoa_array *array);

/* A model and what it looks at. */
struct stoa_subject {
    const struct stoa_model *model;
    const struct stoa_input_spec *inputs; /* input_count of them, as in stoa_session_options */
    size_t input_count;
    const void *const *values; /* the data of each input of the model, in its order, row-major */
    size_t threads;            /* 0: as many as the caller's CPU affinity allows */
    size_t reserved[8];        /* zeros (stoa.h) */
};

/* A layer is called by its node's name or that of its output; an unknown one is STOA_ERROR_ARGUMENT, and the message
 * has the nearest names. */

/* *filters = the weights [K][C][kh][kw] of a convolution, null: the first. C counts the channels of a group. The
 * allocator is the model's. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_filters(const struct stoa_model *model, const char *layer,
                                                         struct stoa_error *error, struct stoa_array *filters);

/* *maps = what a layer makes of the subject, of any rank; null: the first convolution. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_activations(const struct stoa_subject *subject, const char *layer,
                                                             struct stoa_error *error, struct stoa_array *maps);

/* Classes: the first output of the model must be [1][classes], or have ones behind that; scores are what a Softmax that
 * makes it reads, if one does. The picture is the only float input of rank 4, [N,C,H,W], or [N,H,W,C] where the last
 * dim alone is 1 or 3; what is made of it is [N,C,H,W] either way. */
/* *scores = [classes]. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_scores(const struct stoa_subject *subject, struct stoa_error *error,
                                                        struct stoa_array *scores);
/* *gradient = [1][C][H][W], of the class's score with regard to the picture. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_saliency(const struct stoa_subject *subject, size_t class_index,
                                                          struct stoa_error *error, struct stoa_array *gradient);
/* Grad-CAM: *weights = [C], the mean of the score's gradient with regard to each map of the layer; *map = [H][W], the
 * positive part of the sum of the maps by these weights. Layer null: the last convolution before the scores whose maps
 * are larger than a pixel, with the norm and the activation behind it. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_gradcam(const struct stoa_subject *subject, const char *layer,
                                                         size_t class_index, struct stoa_error *error,
                                                         struct stoa_array *weights, struct stoa_array *map);
/* *map = [rows][columns], the class's probability (softmax of the scores) while a square of `size` pixels, grey with
 * the mean of each channel, hides a part of the picture: element (r, c) while its upper left corner is at row
 * min(r * stride, H - size), and column likewise. Size 0: a sixth of the shorter side; stride 0: half the size. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_occlusion(const struct stoa_subject *subject, size_t class_index,
                                                           size_t size, size_t stride, struct stoa_error *error,
                                                           struct stoa_array *map);

/* Pictures of known classes: a set's first epoch (train.h), its x being the subject's picture, its labels classes. Of
 * the subject's inputs the picture has the dims of a batch, and its value does not count. The model runs as it does in
 * inference; of equal scores the first class counts. DATA where a label is no class of the model's. */
/* *confusion = int64 [classes][classes]: how many pictures of a class (row) the model takes for a class (column). */
STOA_API STOA_CHECKED enum stoa_status stoa_show_confusion(const struct stoa_subject *subject,
                                                           const struct stoa_batches *set, struct stoa_error *error,
                                                           struct stoa_array *confusion);

struct stoa_mistake {
    size_t index;        /* of the picture in its set: its batch's number * set->batch, and its place there */
    size_t label, taken; /* its class, and the one it was taken for */
    double probability;  /* of `taken`, by the softmax of the scores */
    double of_label;     /* of `label` */
    size_t reserved[2];
};
struct stoa_mistakes {
    size_t examples, made; /* pictures of the set, and how many were taken for another class */
    size_t count;
    const struct stoa_mistake *items; /* [count], the surest first, of equal ones the first picture */
    size_t reserved[4];
};
/* The `most` surest mistakes, or as many as there are. On failure *mistakes is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_errors(const struct stoa_subject *subject,
                                                        const struct stoa_batches *set, size_t most,
                                                        struct stoa_error *error, struct stoa_mistakes **mistakes);
/* Null is fine. */
STOA_API void stoa_mistakes_free(struct stoa_mistakes *mistakes);

/* Zeros are the defaults. */
struct stoa_maximize_options {
    const char *layer;  /* null: class scores */
    size_t unit;        /* the class, or the channel of the layer: the mean of its map is maximized */
    size_t steps;       /* 0: 200 */
    double rate;        /* how far a step goes, in units of `spread`; 0: 0.1 */
    double decay;       /* what is taken off the picture at each step (L2); below 0: none; 0: 0.01 */
    double blur;        /* deviation of the Gaussian, in pixels, after every 4th step; below 0: none; 0: 0.5 */
    double middle;      /* the value that stands for grey */
    double spread;      /* what about the deviation of pixels is; 0: 1 */
    uint64_t seed;      /* of the noise to begin with */
    size_t reserved[8]; /* zeros (stoa.h) */
};
/* *picture = [1][C][H][W], which the unit answers strongly: gradient ascent from noise, with decay and blur, without
 * which such pictures are noise themselves (Yosinski et al. 2015), within middle - 2 spread and middle + 2 spread. The
 * subject's picture gives the dims alone; its data may be null. *score = what the unit makes of it. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_maximize(const struct stoa_subject *subject,
                                                          const struct stoa_maximize_options *options,
                                                          struct stoa_error *error, struct stoa_array *picture,
                                                          double *score);

/* A text that a function of this header made, freed with stoa_text_free. */
struct stoa_text {
    char *data; /* ends with a zero */
    size_t length;
    struct stoa_allocator allocator;
};
/* As stoa_array_free. */
STOA_API void stoa_text_free(struct stoa_text *text);

/* *dot = the steps of a session as a graph in Graphviz's language dot: operators, name, output, parameters,
 * multiply-adds and the way of convolving; what is one step is one node, and what takes no step (views, and what is
 * joined or split in place) is drawn dashed. seconds (may be null) has a number for each step. The darker a node, the
 * more of the time, or without it of the multiply-adds, it takes. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_graph(const struct stoa_session *session, const double *seconds,
                                                       struct stoa_error *error, struct stoa_text *dot);

/* What `stoa train --log` wrote. */
enum stoa_curve {
    STOA_CURVE_EPOCH = 0, /* from 1 */
    STOA_CURVE_LOSS,
    STOA_CURVE_TRAIN_ACCURACY, /* from 0 to 1 */
    STOA_CURVE_TEST_LOSS,
    STOA_CURVE_TEST_ACCURACY,
    STOA_CURVE_COUNT
};
/* *curves = doubles [STOA_CURVE_COUNT][epochs], by epochs, each once; NaN for what was not measured. The file has a
 * line of settings, then one an epoch, each a JSON object. Training that was resumed may tell of an epoch again: what
 * it said last counts. A last line that was torn off is left out; anything else that is no such line is DATA, with its
 * number, as is a log without an epoch. The allocator may be null: the C library's. UNSUPPORTED where the library was
 * built without cJSON. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_curves(const char *path, const struct stoa_allocator *allocator,
                                                        struct stoa_error *error, struct stoa_array *curves);

/* A tap of a filter: kernel position (r, s) over a pixel of the image, or over the padding around it. */
struct stoa_steps_tap {
    size_t r, s;
    int64_t y, x;    /* of the pixel; outside the image in the padding */
    int inside;      /* if not, there is no view, and the matrix has zeros */
    size_t offset;   /* inside: of the tap's first channel, in floats from the beginning of image[H][W][C] */
    double products; /* their sum over the channels */
    size_t reserved[2];
};
/* What the engine computes, and the way it goes: the lowering and its tile. */
struct stoa_steps_result {
    float value;
    char how[64];
};
/* What follows the sum: a function, or a norm, that alone reads it. */
struct stoa_steps_after {
    const char *type, *node;
    float value;
    size_t reserved[2];
};

/* One output of one convolution worked out in the open: what the filter sees, as the textbook's matrix has it and as
 * views of the image have it, the products, their sum, and what the engine says it is. Arrays are its own, names live
 * as the model. */
struct stoa_steps {
    const char *layer;
    struct stoa_conv2d_desc conv;      /* the layer as stoa_conv2d_create takes it, of the first image */
    size_t out_height, out_width;      /* of its output */
    size_t oy, ox, oc, group;          /* the output's row, column and channel, and its group */
    size_t channels, tap_count, count; /* C/groups; kh*kw; channels * tap_count: the row's length */
    const float *image;                /* [H][W][C]: the layer's input */
    const float *row;                  /* [kh][kw][channels]: row oy*OW + ox of the im2col matrix */
    const float *filter;               /* [kh][kw][channels]: the column of the weights */
    const double *products;            /* [kh][kw][channels]: of the two */
    const struct stoa_steps_tap *taps; /* [tap_count] */
    size_t row_stride, pixel_stride;   /* of views: floats from an output row, an output pixel to the next */
    double sum;                        /* of the products */
    float bias;                        /* 0 without one */
    int has_bias;
    struct stoa_steps_result chosen, matrix, view; /* as the engine chooses, by the whole matrix, by views */
    size_t after_count;
    const struct stoa_steps_after *after; /* in their order */
    size_t reserved[8];
};

/* Of a convolution with constant weights; layer null: the first. pixel = row and column of the output; null: its
 * middle. ARGUMENT where there is no such pixel or channel. On failure *steps is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_steps(const struct stoa_subject *subject, const char *layer,
                                                       const size_t *pixel, size_t channel, struct stoa_error *error,
                                                       struct stoa_steps **steps);
/* Null is fine. */
STOA_API void stoa_steps_free(struct stoa_steps *steps);

/* The deconvolutional network of Zeiler and Fergus (2013): what in a picture an element of a layer answers to. The
 * element alone, all others being 0, goes back from its layer to the pixels (stoa_gradient_model says how); beside it
 * stands the part of the picture that it sees, its receptive field. One thread uses a deconv at a time. */
struct stoa_deconv_options {
    const char *layer;                      /* by the name of its node or output: maps [1,C,H,W] or [1,C]; null: the
                                             * first convolution */
    size_t height, width;                   /* of the pictures; 0: the model's, which others must not contradict */
    size_t threads;                         /* as of sessions */
    const struct stoa_allocator *allocator; /* null: the model's; copied */
    int spread;                             /* not 0: average pooling may be all the pooling there is, see below */
    size_t reserved[8];                     /* zeros (stoa.h) */
};

/* One element of a feature map, and how strong it was. */
struct stoa_deconv_unit {
    size_t image, map, row, column;
    float value;
    size_t reserved[2];
};

struct stoa_deconv;

/* The model, which is borrowed and must outlive this, must take pictures: what the layer depends on is one input of
 * floats [1,C,H,W] or [1,H,W,C], with one or three channels. UNSUPPORTED, with the node's name, where something on the
 * way back from the layer has no gradient, and where windows are pooled on the way, but none by its maximum: averages
 * have no switches, and are spread evenly beside max pooling, or with options.spread. On failure *deconv is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_deconv_create(const struct stoa_model *model,
                                                          const struct stoa_deconv_options *options,
                                                          struct stoa_error *error, struct stoa_deconv **deconv);
/* Null is fine. */
STOA_API void stoa_deconv_free(struct stoa_deconv *deconv);

struct stoa_deconv_info {
    int channels_last;                  /* the model takes pictures as [1,H,W,C] */
    size_t channels, height, width;     /* of the pictures */
    size_t maps, map_height, map_width; /* of the layer */
    size_t field_height, field_width;   /* of an element's receptive field, at most all of the picture */
    size_t max_pools, average_pools;    /* between the layer and the pixels: with switches, and without */
    const char *value;                  /* the layer's name as a value of the model */
    size_t reserved[4];
};
STOA_API void stoa_deconv_describe(const struct stoa_deconv *deconv, struct stoa_deconv_info *info);

/* picture[C][H][W] <- the model's input. */
STOA_API void stoa_deconv_picture(const struct stoa_deconv *deconv, const float *input, float *picture);
/* *maps = the layer for a picture [C][H][W], as [maps][map_height][map_width]; valid until the next call. */
STOA_API STOA_CHECKED enum stoa_status stoa_deconv_run(struct stoa_deconv *deconv, const float *picture,
                                                       struct stoa_error *error, const float **maps);
/* pixels[C][H][W] <- the element carried back, starting at the value it has for the picture. */
STOA_API STOA_CHECKED enum stoa_status stoa_deconv_project(struct stoa_deconv *deconv, const float *picture, size_t map,
                                                           size_t row, size_t column, struct stoa_error *error,
                                                           float *pixels);

/* Pictures by number, as [C][H][W], valid until the next call. */
struct stoa_deconv_pictures {
    size_t count;
    enum stoa_status (*get)(void *user, size_t index, struct stoa_error *error, const float **picture);
    void *user;
    size_t reserved[4]; /* zeros (stoa.h) */
};

/* A unit, the part of its picture that it sees, and its projection there: both [C][field_height][field_width]. */
struct stoa_deconv_item {
    struct stoa_deconv_unit unit;
    size_t top, left; /* of the part; at the edges it is moved into the picture */
    const float *picture, *projection;
    size_t reserved[2];
};

/* map_count rows of `top` items, strongest first; where there are fewer pictures, so many columns. A map that rises
 * above 0 in fewer than `top` pictures has items without picture and projection (null) at its end. */
struct stoa_deconv_sheet {
    size_t map_count, top;
    const struct stoa_deconv_item *items; /* [map_count][top] */
    size_t reserved[4];
};

/* The strongest elements of the layer over the pictures, for each map those of `top` pictures, as in figure 2 of the
 * paper: of the `maps` maps that answer the strongest. Maps that never rise above 0 are left out; DATA if these are
 * all. */
STOA_API STOA_CHECKED enum stoa_status stoa_deconv_strongest(struct stoa_deconv *deconv,
                                                             const struct stoa_deconv_pictures *pictures, size_t maps,
                                                             size_t top, struct stoa_error *error,
                                                             struct stoa_deconv_sheet **sheet);
/* Null is fine. */
STOA_API void stoa_deconv_sheet_free(struct stoa_deconv_sheet *sheet);

#ifdef __cplusplus
}
#endif
#endif
