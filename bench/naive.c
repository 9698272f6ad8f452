/* Six loops, and the comparison with what they give. */
#include "naive.h"

#include <math.h>

static float pixel(const struct conv_shape *s, const float *x, const float *weights, size_t oy, size_t ox)
{
    float sum = 0;
    for (size_t c = 0; c < s->C / s->groups; c++)
        for (size_t r = 0; r < s->kernel[0]; r++)
            for (size_t q = 0; q < s->kernel[1]; q++) {
                size_t iy = oy * s->stride[0] + r * s->dilation[0] - s->pad[0];
                size_t ix = ox * s->stride[1] + q * s->dilation[1] - s->pad[1];
                if (iy < s->H && ix < s->W)
                    sum += x[(c * s->H + iy) * s->W + ix] * weights[(c * s->kernel[0] + r) * s->kernel[1] + q];
            }
    return sum;
}

void stoa_bench_naive(const struct conv_shape *s, const float *x, const float *weights, const float *bias, float *y)
{
    size_t channels = s->C / s->groups, outputs = s->OC / s->groups, depth = channels * s->kernel[0] * s->kernel[1];
    for (size_t o = 0; o < s->OC; o++)
        for (size_t oy = 0; oy < s->OH; oy++)
            for (size_t ox = 0; ox < s->OW; ox++)
                y[(o * s->OH + oy) * s->OW + ox] =
                    bias[o] + pixel(s, x + o / outputs * channels * s->H * s->W, weights + o * depth, oy, ox);
}

void stoa_bench_swap_channels(size_t n, size_t rows, size_t columns, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                to[(i * columns + c) * rows + r] = from[(i * rows + r) * columns + c];
}

bool stoa_bench_right(size_t count, const float *result, const float *expected, double *difference, double *largest)
{
    bool finite = true;
    *difference = *largest = 0;
    for (size_t i = 0; i < count; i++) {
        *largest = fmax(*largest, fabs((double)expected[i]));
        *difference = fmax(*difference, fabs((double)expected[i] - (double)result[i]));
        finite = finite && isfinite(result[i]);
    }
    return finite && *difference <= BENCH_TOLERANCE * *largest;
}
