/* The gradient of a convolution with regard to its weights and its bias: dw_tap += X_view^T * dY, as products of
 * matrices whose long side are the pixels of all images. Prepared once, run any number of times.
 *
 * Images are channels-last: x[N][H][W][C], dy[N][OH][OW][OC]; dw lies as ONNX has weights (lower.h). */
#ifndef STOA_LOWER_WEIGHTS_GRADIENT_H
#define STOA_LOWER_WEIGHTS_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/status.h>

#include "base/pool.h"
#include "lower/lower.h"

/* Immutable, so any number of threads may run it at once, each with its own scratch. */
struct weights_gradient;

struct weights_gradient_choice {
    enum stoa_lowering lowering; /* im2col, direct, depthwise or winograd, forced; fails with LIMIT or UNSUPPORTED and
                                  * the reason when it does not apply. Automatic: the cost model chooses */
    enum stoa_accuracy accuracy; /* STRICT allows no Winograd */
    bool transposed; /* of a transposed convolution: `shape` is finished as such (stoa_conv_transpose_shape_finish) */
};

/* `shape` is finished. A null choice is a zeroed one. */
STOA_CHECKED enum stoa_status stoa_weights_gradient_create(const struct stoa_allocator *allocator,
                                                           const struct conv_shape *shape,
                                                           const struct weights_gradient_choice *choice,
                                                           struct stoa_error *error,
                                                           struct weights_gradient **gradient);
void stoa_weights_gradient_free(struct weights_gradient *gradient);

/* Bytes of a worker's scratch and of what the workers share; both want STOA_ALIGNMENT. */
size_t stoa_weights_gradient_worker_scratch(const struct weights_gradient *gradient);
size_t stoa_weights_gradient_shared_scratch(const struct weights_gradient *gradient);

/* Images may be slices of the channels of wider ones: x_stride and dy_stride floats lie from pixel to pixel; 0 stands
 * for C and OC. */
struct weights_gradient_args {
    const float *x;
    size_t x_stride;
    const float *dy;
    size_t dy_stride;
    float *dw;         /* null: not wanted, and x may be null too */
    float *db;         /* [OC]; null: not wanted */
    struct pool *pool; /* may be null */
    void *shared;      /* stoa_weights_gradient_shared_scratch bytes */
    void *worker_base; /* stoa_weights_gradient_worker_scratch bytes for each worker, worker_stride apart; null if 0 */
    size_t worker_stride;
};
/* Bit-identical for any number of workers: what is summed up together depends on the shape alone. */
void stoa_weights_gradient_run(const struct weights_gradient *gradient, const struct weights_gradient_args *args);

/* The rounding errors of a run beyond those of a sum of products: 0, or Winograd's. An element of dw is off by at most
 * 2^-24 * factor * sum over pixels of dy of |dy| * (largest |x| of the channel within `reach` rows and columns of what
 * the pixel saw). */
double stoa_weights_gradient_error(const struct weights_gradient *gradient, size_t reach[2]);
/* Lowering and tile, as stoa_conv_describe has them. */
const char *stoa_weights_gradient_describe(const struct weights_gradient *gradient);

#endif
