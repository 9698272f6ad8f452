/* Elements picked from an axis by index, one index for each element: inner loops (nd_loop) of a nest over the elements
 * y, its operands being y, the indices, and x at index 0 of the axis (x's stride along the axis being 0 in the nest).
 */
#ifndef STOA_KERNELS_ELEMENTS_H
#define STOA_KERNELS_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/nd.h"

/* The loops' context. Indices are in [-dim, dim). */
struct elements {
    bool wide;             /* indices are int64, not int32 */
    ptrdiff_t dim, stride; /* of x's axis; the stride in elements */
    size_t size;           /* stoa_elements_join: bytes of an element */
    nd_loop join;          /* stoa_elements_join: data[0] <- f(data[1], data[2]) */
};

/* y[i] <- x[index[i]], for elements of `size` bytes */
nd_loop stoa_elements_take(size_t size);
/* x[index[i]] <- y[i], for elements of `size` bytes, in the order of i */
nd_loop stoa_elements_put(size_t size);
/* x[index[i]] <- join(x[index[i]], y[i]), in the order of i */
void stoa_elements_join(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);

#endif
