/* Functions of one number, most of them of float. All of them give NaN for NaN, and the right limits at infinity, but
 * for x times a gate, which is NaN where its parts are infinity times 0. Each element is computed alone and the same
 * way wherever it stands, so results do not depend on how an array is cut. Those that rest on e^x round once more where
 * a CPU has no instruction for a sum and a product. */
#ifndef STOA_KERNELS_ACTIVATION_H
#define STOA_KERNELS_ACTIVATION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stoa/tensor.h>

#include "base/vector.h"
#include "kernels/nd.h"

enum activation_kind {
    ACTIVATION_NONE = 0,     /* x */
    ACTIVATION_RELU,         /* x < 0 ? 0 : x */
    ACTIVATION_CLIP,         /* min(max(x, alpha), beta) */
    ACTIVATION_LEAKY_RELU,   /* x < 0 ? alpha*x : x */
    ACTIVATION_HARD_SIGMOID, /* max(0, min(1, alpha*x + beta)) */
    ACTIVATION_HARD_SWISH,   /* x times that */
    ACTIVATION_SQRT,
    /* Those below rest on one e^x (see activation.c). The largest errors over all floats, in units of the last place:
     * exp 1.1, elu 1.2, sigmoid 2.4, tanh 2.5, softplus 2.8, erf 2.4, log 0.8, celu 1.2 for alpha 1. */
    ACTIVATION_EXP,
    ACTIVATION_SIGMOID, /* 1 / (1 + e^-x) */
    ACTIVATION_SILU,    /* x times that of alpha*x, so rounded */
    ACTIVATION_TANH,
    ACTIVATION_SOFTPLUS,  /* log(1 + e^x) */
    ACTIVATION_ELU,       /* x < 0 ? alpha*(e^x - 1) : x */
    ACTIVATION_SELU,      /* beta * (x < 0 ? alpha*(e^x - 1) : x) */
    ACTIVATION_CELU,      /* x < 0 ? alpha*(e^(x/alpha) - 1) : x, alpha > 0 */
    ACTIVATION_MISH,      /* x times tanh(log(1 + e^x)), so rounded */
    ACTIVATION_GELU,      /* x/2 times (1 + erf(x / sqrt(2))), so rounded */
    ACTIVATION_GELU_TANH, /* x/2 times (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), as x times a sigmoid */
    ACTIVATION_ERF,
    ACTIVATION_LOG,
    /* These round at most three times. */
    ACTIVATION_ABS,
    ACTIVATION_NEG,
    ACTIVATION_FLOOR,
    ACTIVATION_CEIL,
    ACTIVATION_ROUND, /* to the nearest whole number, halves to the even one */
    ACTIVATION_SIGN,  /* of 0: 0 */
    ACTIVATION_RECIPROCAL,
    ACTIVATION_SOFTSIGN,         /* x / (1 + |x|) */
    ACTIVATION_THRESHOLDED_RELU, /* x <= alpha ? 0 : x */
    ACTIVATION_SHRINK,           /* x < -alpha ? x + beta : x > alpha ? x - beta : 0 */
    /* Those below are the C library's for double, rounded: of use, but slow. */
    ACTIVATION_SIN,
    ACTIVATION_COS,
    ACTIVATION_TAN,
    ACTIVATION_ASIN,
    ACTIVATION_ACOS,
    ACTIVATION_ATAN,
    ACTIVATION_SINH,
    ACTIVATION_COSH,
    ACTIVATION_ASINH,
    ACTIVATION_ACOSH,
    ACTIVATION_ATANH,
    ACTIVATION_COUNT
};

/* alpha and beta are the function's constants where it has any. */
struct activation {
    enum activation_kind kind;
    float alpha, beta;
};

/* At least one number, then at most another; NaN stays. */
static STOA_INLINE float stoa_bound(float value, float least, float most)
{
    value = value < least ? least : value;
    return value > most ? most : value;
}

/* Relu, Clip and HardSwish, as kernels apply them to vectors in registers: within bounds, or x times what
 * slope*x + offset is within 0 and 1. */
struct squash {
    bool given, swishes;
    float least, most, slope, offset;
};
static inline struct squash stoa_activation_squash(const struct activation *activation)
{
    bool clips = activation->kind == ACTIVATION_CLIP, swishes = activation->kind == ACTIVATION_HARD_SWISH;
    return (struct squash){
        .given = clips || swishes || activation->kind == ACTIVATION_RELU,
        .swishes = swishes,
        .least = clips ? activation->alpha : 0,
        .most = clips ? activation->beta : INFINITY,
        .slope = activation->alpha,
        .offset = activation->beta,
    };
}
float stoa_squash(const struct squash *f, float x);
/* Whether that is all there is to it. */
static inline bool stoa_activation_is_squash(const struct activation *activation)
{
    return activation->kind == ACTIVATION_NONE || stoa_activation_squash(activation).given;
}

/* y[i] <- f(x[i]), i < count, over contiguous arrays. y may be x. */
void stoa_activate(const struct activation *activation, size_t count, const float *x, float *y);
/* The same as a loop of a strided nest (kernels/nd.h) with operands y and x; context is the struct activation. */
void stoa_activation_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);

/* f(x) by the C library's functions for double. */
double stoa_activation_double(const struct activation *activation, double x);
/* The loop over elements of that type, in and out; context is the struct activation. Of float and double there are all
 * kinds, of whole numbers Abs, Neg (which wrap around) and Sign; null otherwise. */
nd_loop stoa_activation_loop_of(enum activation_kind kind, enum stoa_dtype dtype);

#endif
