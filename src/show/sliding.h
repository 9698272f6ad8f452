/* Windows that slide over images, as nodes state them. */
#ifndef STOA_SHOW_SLIDING_H
#define STOA_SHOW_SLIDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/tensor.h>

#include "graph/graph.h"

/* The window of a convolution or pooling, each pair with the vertical value first. */
struct sliding {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[2], pad_behind[2]; /* above and at the left; below and at the right */
};

/* As the node's attributes have it for images x and y; `kernel` where they do not say. Transposed, y has the pixels
 * that the window lies on. */
struct sliding stoa_sliding_read(const struct graph_node *node, bool transposed, const struct stoa_tensor *x,
                                 const struct stoa_tensor *y, const size_t *kernel);

#endif
