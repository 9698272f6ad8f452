/* Resizing, backward. */
#include "base/vector.h"
#include "kernels/resize.h"

STOA_CLONES void stoa_resize_add(size_t count, float weight, const float *x, size_t x_step, float *y, size_t y_step)
{
    if (x_step == 1 && y_step == 1)
        for (size_t i = 0; i < count; i++)
            y[i] += weight * x[i];
    else
        for (size_t i = 0; i < count; i++)
            y[i * y_step] += weight * x[i * x_step];
}

void stoa_resize_collect(size_t count, const struct resize_lists *lists, const float *x, float *y, size_t y_step)
{
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (size_t k = lists->first[i]; k < lists->first[i + 1]; k++)
            sum += lists->weights[k] * x[lists->from[k]];
        y[i * y_step] = sum;
    }
}
