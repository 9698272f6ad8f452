/* Optimisers' loops, all bound by memory: each array is read and written once. */
#include "kernels/optimise.h"

#include <math.h>

#include "base/vector.h"

static STOA_INLINE float clipped(const struct gradient_clip *clip, float gradient)
{
    float value = clip->scale * gradient;
    value = value < -clip->limit ? -clip->limit : value;
    return value > clip->limit ? clip->limit : value;
}

STOA_CLONES static void descend(const struct sgd_step *given, size_t count, const float *gradient, float *values)
{
    const struct sgd_step step = *given;
    STOA_INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float g = clipped(&step.clip, gradient[i]) + step.decay * values[i];
        values[i] = values[i] - step.rate * g;
    }
}

/* The step is along along_v * v + along_g * g. */
STOA_CLONES static void roll(const struct sgd_step *given, float along_v, float along_g, size_t count,
                             const float *gradient, float *velocity, float *values)
{
    const struct sgd_step step = *given;
    STOA_INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float g = clipped(&step.clip, gradient[i]) + step.decay * values[i];
        float v = step.momentum * velocity[i] + g;
        velocity[i] = v;
        values[i] = values[i] - step.rate * (along_v * v + along_g * g);
    }
}

void stoa_sgd_step(const struct sgd_step *step, size_t count, const float *gradient, float *velocity, float *values)
{
    if (!velocity)
        descend(step, count, gradient, values);
    else if (step->nesterov)
        roll(step, step->momentum, 1, count, gradient, velocity, values);
    else
        roll(step, 1, 0, count, gradient, velocity, values);
}

STOA_CLONES void stoa_adam_step(const struct adam_step *given, size_t count, const float *gradient, float *mean,
                                float *square, float *values)
{
    const struct adam_step step = *given;
    STOA_INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float w = step.shrink * values[i];
        float g = clipped(&step.clip, gradient[i]) + step.decay * w;
        float m = mean[i] + step.rest1 * (g - mean[i]);
        float v = step.beta2 * square[i] + step.rest2 * (g * g);
        mean[i] = m;
        square[i] = v;
        values[i] = w - step.rate * (m / (sqrtf(v) / step.root + step.epsilon));
    }
}

STOA_CLONES void stoa_accumulate(size_t count, const float *values, float *sum)
{
    STOA_INDEPENDENT
    for (size_t i = 0; i < count; i++)
        sum[i] = sum[i] + values[i];
}

/* As many sums side by side as two of the widest registers hold, joined in a fixed order. No square of a float, and no
 * sum of as many as there is memory for, is beyond a double. */
#define LANES 16

STOA_CLONES double stoa_sum_of_squares(size_t count, const float *a, const float *b)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    if (b)
        for (; i + LANES <= count; i += LANES)
            for (size_t l = 0; l < LANES; l++) {
                double x = a[i + l] + b[i + l];
                lanes[l] += x * x;
            }
    else
        for (; i + LANES <= count; i += LANES)
            for (size_t l = 0; l < LANES; l++) {
                double x = a[i + l];
                lanes[l] += x * x;
            }
    for (; i < count; i++) {
        double x = b ? a[i] + b[i] : a[i];
        lanes[i % LANES] += x * x;
    }
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}
