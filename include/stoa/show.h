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

#ifdef __cplusplus
}
#endif
#endif
