/* The functions of one float against the C library's in double: a sample of all floats, and what must hold exactly. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/activation.h"

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double elu(double x)
{
    return x < 0.0 ? expm1(x) : x;
}

static double relu(double x)
{
    return x < 0.0 ? 0.0 : x;
}

static double hard_sigmoid(double x)
{
    return fmax(0.0, fmin(1.0, x + 1.0));
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double softsign(double x)
{
    return isinf(x) ? copysign(1, x) : x / (1.0 + fabs(x));
}

static double mish(double x)
{
    return x * tanh(softplus(x));
}

static double reciprocal(double x)
{
    return 1.0 / x;
}

static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}

static double thresholded_relu(double x)
{
    return x > 1.0 ? x : 0.0;
}

static double shrink(double x)
{
    return x > 1.0 ? x - 1.0 : x < -1.0 ? x + 1.0 : 0.0;
}

static const struct {
    const char *name;
    enum activation_kind kind;
    double (*exact)(double x); /* with alpha = beta = 1 */
    double places;             /* largest error allowed, in units of the last place */
} rows[] = {
    {"exp", ACTIVATION_EXP, exp, 1.1},
    {"sigmoid", ACTIVATION_SIGMOID, sigmoid, 2.5},
    {"silu", ACTIVATION_SILU, silu, 64.0}, /* below -87 the sigmoid is no normal float */
    {"tanh", ACTIVATION_TANH, tanh, 2.6},
    {"softplus", ACTIVATION_SOFTPLUS, softplus, 3.0},
    {"elu", ACTIVATION_ELU, elu, 1.3},
    {"selu", ACTIVATION_SELU, elu, 1.3},
    {"sqrt", ACTIVATION_SQRT, sqrt, 0.51},
    {"relu", ACTIVATION_RELU, relu, 0.0},
    {"leaky_relu", ACTIVATION_LEAKY_RELU, NULL, 0.0},
    {"hard_sigmoid", ACTIVATION_HARD_SIGMOID, hard_sigmoid, 0.51},
    {"celu", ACTIVATION_CELU, elu, 1.3},
    {"mish", ACTIVATION_MISH, mish, 64.0}, /* as silu */
    {"erf", ACTIVATION_ERF, erf, 2.4},
    {"log", ACTIVATION_LOG, log, 0.9},
    {"softsign", ACTIVATION_SOFTSIGN, softsign, 1.6},
    {"reciprocal", ACTIVATION_RECIPROCAL, reciprocal, 0.51},
    {"abs", ACTIVATION_ABS, fabs, 0.0},
    {"floor", ACTIVATION_FLOOR, floor, 0.0},
    {"ceil", ACTIVATION_CEIL, ceil, 0.0},
    {"round", ACTIVATION_ROUND, rint, 0.0},
    {"sign", ACTIVATION_SIGN, sign, 0.0},
    {"thresholded_relu", ACTIVATION_THRESHOLDED_RELU, thresholded_relu, 0.0},
    {"shrink", ACTIVATION_SHRINK, shrink, 0.51},
    {"sin", ACTIVATION_SIN, sin, 0.51},
};

static double last_place(float value)
{
    int exponent = 0;
    if (value != 0.0f)
        frexpf(value, &exponent);
    return ldexp(1.0, exponent - 24 < -149 || value == 0.0f ? -149 : exponent - 24);
}

Test(activation, is_as_exact_as_promised)
{
    enum { BATCH = 4096 };
    static float x[BATCH], y[BATCH];
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        double worst = 0.0;
        float where = 0.0f;
        uint64_t bits = 0;
        while (rows[r].exact && bits <= UINT32_MAX) {
            size_t count = 0;
            for (; count < BATCH && bits <= UINT32_MAX; bits += 6007) {
                uint32_t low = (uint32_t)bits;
                memcpy(&x[count], &low, sizeof low);
                count += !isnan(x[count]);
            }
            stoa_activate(&(struct activation){rows[r].kind, 1.0f, 1.0f}, count, x, y);
            for (size_t i = 0; i < count; i++) {
                double exact = rows[r].exact((double)x[i]);
                float rounded = (float)exact;
                double error = y[i] == rounded || (isnan(y[i]) && isnan(rounded))
                                   ? 0.0
                                   : fabs((double)y[i] - exact) / last_place(rounded);
                /* Next to the largest float an error of one place is infinity. */
                if (isinf(y[i]) && fabs(exact) > (double)FLT_MAX * (1.0 - 0x1p-23))
                    error = 0.0;
                if (!(error <= worst)) {
                    worst = error;
                    where = x[i];
                }
            }
        }
        cr_expect(worst <= rows[r].places, "%s: %g places off at %a", rows[r].name, worst, (double)where);
    }
}

Test(activation, passes_nan_on)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        float x[19], y[19];
        for (size_t i = 0; i < 19; i++)
            x[i] = i % 2 ? NAN : -1.0f;
        stoa_activate(&(struct activation){rows[r].kind, 1.0f, 1.0f}, 19, x, y);
        for (size_t i = 1; i < 19; i += 2)
            cr_expect(isnan(y[i]), "%s: NaN became %g", rows[r].name, (double)y[i]);
    }
}

/* Vectors and what is left over at the end of an array compute the same, in place too. */
Test(activation, does_not_depend_on_how_it_is_cut)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        float x[67], whole[67], single[67], place[67];
        for (size_t i = 0; i < 67; i++)
            x[i] = place[i] = (float)i * 0.37f - 12.0f;
        stoa_activate(&(struct activation){rows[r].kind, 0.7f, 1.3f}, 67, x, whole);
        for (size_t i = 0; i < 67; i++)
            stoa_activate(&(struct activation){rows[r].kind, 0.7f, 1.3f}, 1, x + i, single + i);
        stoa_activate(&(struct activation){rows[r].kind, 0.7f, 1.3f}, 67, place, place);
        /* Square roots of what is below 0 are NaN of either sign. */
        for (size_t i = 0; i < 67; i++) {
            cr_expect(whole[i] == single[i] || isnan(whole[i]), "%s: %a alone, %a in a row", rows[r].name,
                      (double)single[i], (double)whole[i]);
            cr_expect(whole[i] == place[i] || isnan(whole[i]), "%s: %a in place, %a otherwise", rows[r].name,
                      (double)place[i], (double)whole[i]);
        }
    }
}
