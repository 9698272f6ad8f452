/* Inner loops (nd_loop) of float for the derivatives of functions of one or two floats:
 * data[0] <- data[1] (the gradient of the result) times the derivative. The output may be an operand that lies as it
 * does. Where a function has a kink, the derivative is the one PyTorch takes. */
#ifndef STOA_KERNELS_GRADIENT_H
#define STOA_KERNELS_GRADIENT_H

#include "kernels/activation.h"
#include "kernels/nd.h"

/* data[2] is the function's result y, or its argument x where it says so below; context is its struct activation. Null
 * for ACTIVATION_NONE, for Neg, whose gradient is arithmetic's, and where it is 0 everywhere.
 *
 *   Relu          y > 0 ? 1 : 0                  LeakyRelu  x > 0 ? 1 : alpha
 *   Clip          alpha < y < beta ? 1 : 0       Elu        x > 0 ? 1 : alpha * e^x
 *   HardSigmoid   0 < y < 1 ? alpha : 0          Selu       beta * Elu's
 *   HardSwish     of x: 0 where alpha*x + beta <= 0, 1 where >= 1, 2*alpha*x + beta between
 *   Sigmoid       y * (1 - y)                    Tanh       (1 - y) * (1 + y)
 *   Softplus      1 - e^-y                       Exp        y
 *   Sqrt          1 / (2 * y)                    Celu       x > 0 ? 1 : e^(x/alpha)
 *   Reciprocal    -y^2                           Mish       of x
 *   Tan           1 + y^2                        Erf, Gelu, SiLU, Softsign, the other trigonometric ones: of x
 *   Log           1 / x                          Abs        of x, 0 at 0
 *   Shrink        x within alpha of 0 ? 0 : 1    ThresholdedRelu  x <= alpha ? 0 : 1
 */
nd_loop stoa_activation_gradient(enum activation_kind kind);

/* Gradients g of one operand each, and the shares of Max and Min; context is used only where it says so. */
enum arithmetic_gradient {
    GRADIENT_MINUS,          /* -g */
    GRADIENT_DIVISOR,        /* of g, a, b: -g * a / b^2 */
    GRADIENT_BASE,           /* of g, e, x: g * e * x^(e - 1), 0 where e is 0 */
    GRADIENT_EXPONENT,       /* of g, x, e: g * x^e * log x, 0 where x is 0 and e >= 0; NaN where x is below 0 */
    GRADIENT_PRELU,          /* of g, slope, x: x > 0 ? g : slope * g */
    GRADIENT_SLOPE,          /* of g, x: x > 0 ? 0 : g * x */
    GRADIENT_COUNT_EXTREMES, /* of y, x, n: n + (x is y or NaN ? 1 : 0) */
    GRADIENT_EXTREME,        /* of y, x, g: x is y or NaN ? g : 0 */
    GRADIENT_CHOSEN,         /* of g and the bool c: c ? g : 0 */
    GRADIENT_NOT_CHOSEN,     /* c ? 0 : g */
    GRADIENT_SHARE,          /* g / n; context: n, a float */
};
nd_loop stoa_arithmetic_gradient(enum arithmetic_gradient kind);

/* Gradients of an element x of what was reduced, from that of the result, g: data[1] is g, data[2] is x and data[3] the
 * result y, where there is one; context is not used. */
enum reduction_gradient {
    GRADIENT_L1,          /* g * sign(x) */
    GRADIENT_L2,          /* g * x / y, 0 where y is 0 */
    GRADIENT_SUM_SQUARE,  /* g * 2x */
    GRADIENT_LOG_SUM,     /* g / e^y */
    GRADIENT_LOG_SUM_EXP, /* g * e^(x - y) */
};
nd_loop stoa_reduction_gradient(enum reduction_gradient kind);

#endif
