/* What a network sees, as arrays: its filters, the maps of its layers, and what in a picture its answer depends on. In
 * a library of its own, libstoa-show (stoa-show.pc), which brings cairo; <stoa/stoa.h> leaves this header out. `stoa
 * show` draws what these functions compute. */
#ifndef STOA_SHOW_H
#define STOA_SHOW_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function of this header made: a plain tensor of floats (row-major without gaps), freed with stoa_array_free.
 */
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
 * makes it reads, if one does. The picture is the only float input of rank 4. */
/* *scores = [classes]. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_scores(const struct stoa_subject *subject, struct stoa_error *error,
                                                        struct stoa_array *scores);
/* *gradient = [1][C][H][W], of the class's score with regard to the picture. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_saliency(const struct stoa_subject *subject, size_t class_index,
                                                          struct stoa_error *error, struct stoa_array *gradient);
/* Grad-CAM: *weights = [C], the mean of the score's gradient with regard to each map of the layer; *map = [H][W], the
 * positive part of the sum of the maps by these weights. Layer null: the last convolution whose maps are larger than a
 * pixel, with the norm and the activation behind it. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_gradcam(const struct stoa_subject *subject, const char *layer,
                                                         size_t class_index, struct stoa_error *error,
                                                         struct stoa_array *weights, struct stoa_array *map);
/* *map = [rows][columns], the class's probability (softmax of the scores) while a square of `size` pixels, grey with
 * the mean of each channel, hides a part of the picture: element (r, c) while its upper left corner is at row
 * min(r * stride, H - size), and column likewise. Size 0: a sixth of the shorter side; stride 0: half the size. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_occlusion(const struct stoa_subject *subject, size_t class_index,
                                                           size_t size, size_t stride, struct stoa_error *error,
                                                           struct stoa_array *map);

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
    unsigned long seed; /* of the noise to begin with */
    size_t reserved[8]; /* zeros (stoa.h) */
};
/* *picture = [1][C][H][W], which the unit answers strongly: gradient ascent from noise, with decay and blur, without
 * which such pictures are noise themselves (Yosinski et al. 2015), within middle - 2 spread and middle + 2 spread. The
 * subject's picture gives the dims alone; its data may be null. *score = what the unit makes of it. */
STOA_API STOA_CHECKED enum stoa_status stoa_show_maximize(const struct stoa_subject *subject,
                                                          const struct stoa_maximize_options *options,
                                                          struct stoa_error *error, struct stoa_array *picture,
                                                          double *score);

#ifdef __cplusplus
}
#endif
#endif
