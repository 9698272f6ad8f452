/* The loops of training's last part: what becomes of values, given their gradients. Every element is computed alone and
 * the same way on every CPU, and sums have a fixed order, so results do not depend on how an array is cut (sums: apart
 * from that cut) or on the vector width. */
#ifndef STOA_KERNELS_OPTIMISE_H
#define STOA_KERNELS_OPTIMISE_H

#include <stdbool.h>
#include <stddef.h>

/* What is done to a gradient before it is used: g <- min(max(scale * g, -limit), limit). */
struct gradient_clip {
    float scale, limit; /* limit: INFINITY for none */
};

/* One step of stochastic gradient descent:
 *
 *     g <- g + decay * w
 *     v <- momentum * v + g           (velocity null: v is g)
 *     w <- w - rate * (nesterov ? g + momentum * v : v) */
struct sgd_step {
    struct gradient_clip clip;
    float rate, momentum, decay;
    bool nesterov;
};

/* One step of Adam:
 *
 *     w <- shrink * w
 *     g <- g + decay * w
 *     m <- m + (1 - beta1) * (g - m)
 *     v <- beta2 * v + (1 - beta2) * g * g
 *     w <- w - rate * (m / (sqrt(v) / root + epsilon))
 *
 * with rate the learning rate over 1 - beta1^t, and root the square root of 1 - beta2^t. */
struct adam_step {
    struct gradient_clip clip;
    float rate, rest1, beta2, rest2; /* rest: 1 - beta */
    float root, epsilon, decay, shrink;
};

/* values[count], velocity[count] (may be null) <- gradient[count]. */
void stoa_sgd_step(const struct sgd_step *step, size_t count, const float *gradient, float *velocity, float *values);
/* values[count], mean[count], square[count] <- gradient[count]. */
void stoa_adam_step(const struct adam_step *step, size_t count, const float *gradient, float *mean, float *square,
                    float *values);

/* sum[i] <- sum[i] + values[i], i < count. */
void stoa_accumulate(size_t count, const float *values, float *sum);
/* The sum of (a[i] + b[i])^2, i < count, the inner sum as a float; b may be null. Finite exactly if all a[i] + b[i]
 * are. */
double stoa_sum_of_squares(size_t count, const float *a, const float *b);

#endif
