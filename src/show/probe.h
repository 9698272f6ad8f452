/* A session that computes one value of a subject's model, and gradients of it. */
#ifndef STOA_SHOW_PROBE_H
#define STOA_SHOW_PROBE_H

#include <stoa/session.h>
#include <stoa/show.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/memory.h"

struct probe {
    struct stoa_allocator allocator;
    struct stoa_model *model;
    struct stoa_session *session;
    struct stoa_tensor value; /* its dims */
    float *seed;              /* what gradients begin with, plain, zeros to begin with; null without `of` */
};

/* Whether there is one, with a model, and inputs if it counts some. */
STOA_CHECKED enum stoa_status stoa_subject_check(const struct stoa_subject *subject, struct stoa_error *error);

/* `value` and `of` as in stoa_gradient_model_options. Whatever comes after, also a failure of this: stoa_probe_close.
 */
STOA_CHECKED enum stoa_status stoa_probe_open(const struct stoa_subject *subject, const char *value,
                                              const char *const *of, size_t of_count, struct stoa_error *error,
                                              struct probe *probe);
void stoa_probe_close(struct probe *probe);
/* Runs, and copies output `index` of the gradient model. */
STOA_CHECKED enum stoa_status stoa_probe_read(const struct probe *probe, size_t index, struct stoa_error *error,
                                              struct stoa_array *array);

/* Binds what the subject has values for and its specs do not fix. */
STOA_CHECKED enum stoa_status stoa_subject_bind(const struct stoa_subject *subject, struct stoa_session *session,
                                                struct stoa_error *error);
/* The subject's picture: the number and data of its only float input of rank 4, as stoa_picture_view has it, so many
 * pictures in a batch. */
STOA_CHECKED enum stoa_status stoa_probe_picture(const struct stoa_subject *subject, const struct probe *probe,
                                                 size_t pictures, struct stoa_error *error, size_t *input,
                                                 struct stoa_tensor *picture);
/* Whether the probe's value is a score for each class of each picture: *count = how many there are. */
STOA_CHECKED enum stoa_status stoa_probe_classes(const struct probe *probe, size_t pictures, struct stoa_error *error,
                                                 size_t *count);
/* The same of one picture, and that there is a class of that number. */
STOA_CHECKED enum stoa_status stoa_probe_class(const struct probe *probe, size_t class_index, struct stoa_error *error);

#endif
