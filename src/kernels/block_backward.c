/* Blocks of lanes, backward. As in block.c fold and map are each written once, over a step that the compiler knows. */
#include "kernels/block_backward.h"

#include <stdbool.h>

#include "base/vector.h"
#include "kernels/exp.h"

/* Independent partial results of a single contiguous lane (block.c). */
#define PARTS 32

/* sum[l] += y and product[l] += y * (x - mean[l]) or, not centred, product[l] += y * x */
static STOA_INLINE void fold(bool centred, const struct block *block, const float *x, const float *y, const float *mean,
                             float *restrict sum, float *restrict product)
{
    const struct block b = *block;
    if (b.lanes == 1 && b.x_step == 1 && b.y_step == 1) {
        const float m = centred ? mean[0] : 0;
        float sums[PARTS] = {0}, products[PARTS] = {0};
        size_t r = 0;
        for (; r + PARTS <= b.count; r += PARTS)
            for (size_t j = 0; j < PARTS; j++) {
                if (centred)
                    sums[j] += y[r + j];
                products[j] += y[r + j] * (centred ? x[r + j] - m : x[r + j]);
            }
        for (size_t j = 0; r + j < b.count; j++) {
            if (centred)
                sums[j] += y[r + j];
            products[j] += y[r + j] * (centred ? x[r + j] - m : x[r + j]);
        }
        for (size_t j = 0; j < PARTS; j++) {
            if (centred)
                sum[0] += sums[j];
            product[0] += products[j];
        }
    } else if (b.x_lane == 1 && b.y_lane == 1) {
        for (size_t r = 0; r < b.count; r++) {
            const float *a = x + r * b.x_step, *g = y + r * b.y_step;
            for (size_t l = 0; l < b.lanes; l++) {
                if (centred)
                    sum[l] += g[l];
                product[l] += g[l] * (centred ? a[l] - mean[l] : a[l]);
            }
        }
    } else {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++) {
                const float a = x[r * b.x_step + l * b.x_lane], g = y[r * b.y_step + l * b.y_lane];
                if (centred)
                    sum[l] += g;
                product[l] += g * (centred ? a - mean[l] : a);
            }
    }
}

enum map_step { MAP_CENTRE, MAP_SUBTRACT_TIMES, MAP_SUBTRACT_EXP, MAP_SCALE };

static STOA_INLINE float map_one(enum map_step step, float x, float y, float mean, float factor, float shift,
                                 float slope)
{
    switch (step) {
    case MAP_CENTRE:
        return ((y - shift) - (x - mean) * slope) * factor;
    case MAP_SUBTRACT_TIMES:
        return x * (y - shift);
    case MAP_SUBTRACT_EXP:
        return y - exponential(x) * factor;
    case MAP_SCALE:
        return x * factor;
    }
    return x;
}

/* z(r, l) <- x(r, l) and y(r, l) mapped with the lane's values, of which a step reads those that it has. */
static STOA_INLINE void map(enum map_step step, const struct block *block, const float *x, const float *y,
                            const struct block_centre *centre, float *z)
{
    const struct block b = *block;
    const bool pair = step != MAP_SCALE, centred = step == MAP_CENTRE;
    const bool scaled = step != MAP_SUBTRACT_TIMES, shifted = centred || step == MAP_SUBTRACT_TIMES;
    const float *mean = centre->mean, *factor = centre->factor, *shift = centre->shift, *slope = centre->slope;
    if (b.lanes == 1 && b.x_step == 1 && (!pair || b.y_step == 1) && b.z_step == 1) {
        const float one = centred ? mean[0] : 0, two = scaled ? factor[0] : 0, three = shifted ? shift[0] : 0,
                    four = centred ? slope[0] : 0;
        STOA_INDEPENDENT
        for (size_t r = 0; r < b.count; r++)
            z[r] = map_one(step, x[r], pair ? y[r] : 0, one, two, three, four);
    } else if (b.x_lane == 1 && (!pair || b.y_lane == 1) && b.z_lane == 1) {
        for (size_t r = 0; r < b.count; r++) {
            const float *a = x + r * b.x_step, *g = pair ? y + r * b.y_step : NULL;
            float *to = z + r * b.z_step;
            STOA_INDEPENDENT
            for (size_t l = 0; l < b.lanes; l++)
                to[l] = map_one(step, a[l], pair ? g[l] : 0, centred ? mean[l] : 0, scaled ? factor[l] : 0,
                                shifted ? shift[l] : 0, centred ? slope[l] : 0);
        }
    } else {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++)
                z[r * b.z_step + l * b.z_lane] = map_one(
                    step, x[r * b.x_step + l * b.x_lane], pair ? y[r * b.y_step + l * b.y_lane] : 0,
                    centred ? mean[l] : 0, scaled ? factor[l] : 0, shifted ? shift[l] : 0, centred ? slope[l] : 0);
    }
}

STOA_CLONES void stoa_block_sum_centred(const struct block *block, const float *x, const float *y, const float *mean,
                                        float *sum, float *product)
{
    fold(true, block, x, y, mean, sum, product);
}

STOA_CLONES void stoa_block_sum_products(const struct block *block, const float *x, const float *y, float *sum)
{
    fold(false, block, x, y, NULL, NULL, sum);
}

STOA_CLONES void stoa_block_centre(const struct block *block, const float *x, const float *y,
                                   const struct block_centre *centre, float *z)
{
    const struct block_centre c = *centre;
    map(MAP_CENTRE, block, x, y, &c, z);
}

STOA_CLONES void stoa_block_subtract_times(const struct block *block, const float *x, const float *y,
                                           const float *shift, float *z)
{
    const struct block_centre c = {.shift = shift};
    map(MAP_SUBTRACT_TIMES, block, x, y, &c, z);
}

STOA_CLONES void stoa_block_subtract_exp(const struct block *block, const float *x, const float *y, const float *factor,
                                         float *z)
{
    const struct block_centre c = {.factor = factor};
    map(MAP_SUBTRACT_EXP, block, x, y, &c, z);
}

STOA_CLONES void stoa_block_scale(const struct block *block, const float *x, const float *factor, float *y)
{
    struct block b = *block;
    const struct block_centre c = {.factor = factor};
    b.z_step = b.y_step;
    b.z_lane = b.y_lane;
    map(MAP_SCALE, &b, x, NULL, &c, y);
}

STOA_CLONES void stoa_row_gradients(size_t count, const float *x, const float *dy, const float *scale, float mean,
                                    float factor, float *restrict product, float *restrict scale_sum,
                                    float *restrict shift_sum)
{
    for (size_t i = 0; i < count; i++) {
        product[i] = dy[i] * scale[i];
        scale_sum[i] += dy[i] * ((x[i] - mean) * factor);
        shift_sum[i] += dy[i];
    }
}

STOA_CLONES void stoa_scale_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const float factor = *(const float *)context;
    const float *x = (const float *)data[1];
    float *y = (float *)data[0];
    if (strides[0] == 1 && strides[1] == 1)
        for (size_t i = 0; i < count; i++)
            y[i] = x[i] * factor;
    else
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)
            y[i * strides[0]] = x[i * strides[1]] * factor;
}
