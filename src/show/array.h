/* Arrays and layers: what each function of <stoa/show.h> begins and ends with. */
#ifndef STOA_SHOW_ARRAY_H
#define STOA_SHOW_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/show.h>

#include "graph/graph.h"

/* Where results go: STOA_ERROR_ARGUMENT, with its name, for null. */
STOA_CHECKED enum stoa_status stoa_show_place(const void *place, const char *name, struct stoa_error *error);

/* *array = zeros of these dims, plain. On failure it is all zero. */
STOA_CHECKED enum stoa_status stoa_array_create(enum stoa_dtype dtype, size_t rank, const size_t *dims,
                                                const struct stoa_allocator *allocator, struct stoa_error *error,
                                                struct stoa_array *array);
/* The same of floats, with the elements of a tensor of any type and strides. */
STOA_CHECKED enum stoa_status stoa_array_copy(const struct stoa_tensor *tensor, const struct stoa_allocator *allocator,
                                              struct stoa_error *error, struct stoa_array *array);
/* Makes of a plain tensor of rank 4 the pictures that it is, as [N][C][H][W] with strides: of [N][H][W][C] where the
 * last dim alone is 1 or 3. */
void stoa_picture_view(struct stoa_tensor *picture);
static inline float *stoa_array_data(const struct stoa_array *array)
{
    return array->tensor.data;
}

/* *node = the index of the node of that name or whose output is called so. Without a name (null), the first for which
 * `wanted` is true; `what` says in the message what that is, such as "convolution". */
STOA_CHECKED enum stoa_status stoa_show_layer(const struct graph *graph, const char *name,
                                              bool (*wanted)(const struct graph *graph, size_t node), const char *what,
                                              struct stoa_error *error, size_t *node);
/* Whether a node convolves with constant weights [K][C][kh][kw]. */
bool stoa_show_is_convolution(const struct graph *graph, size_t node);

#endif
