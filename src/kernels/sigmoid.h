/* The functions of one float that rest on e^x and that networks spend time in. */
#ifndef STOA_KERNELS_SIGMOID_H
#define STOA_KERNELS_SIGMOID_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/activation.h"

static inline bool stoa_rests_on_sigmoid(enum activation_kind kind)
{
    return kind == ACTIVATION_EXP || kind == ACTIVATION_SIGMOID || kind == ACTIVATION_SILU || kind == ACTIVATION_TANH ||
           kind == ACTIVATION_ERF || kind == ACTIVATION_GELU || kind == ACTIVATION_GELU_TANH;
}

/* y[i] <- f(x[i]), i < count, of one of those, as stoa_activate. */
void stoa_sigmoids(const struct activation *activation, size_t count, const float *x, float *y);

#endif
