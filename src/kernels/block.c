/* Blocks of lanes. fold and map are each written once, over a step that the compiler knows when it inlines them; they
 * choose the order of the two loops so that the inner one runs along contiguous memory. */
#include "kernels/block.h"

#include <string.h>

#include <stdbool.h>

#include "base/vector.h"
#include "kernels/exp.h"

/* Independent partial results of a single contiguous lane: two of the widest vectors, and enough that compilers keep
 * the loop over them a loop. */
#define PARTS 32
/* Lanes of a whole block, as most are. */
#define MANY 64

enum fold_step { FOLD_SUM, FOLD_MAGNITUDES, FOLD_SQUARES, FOLD_EXP, FOLD_MAX, FOLD_MIN, FOLD_PRODUCT };
enum map_step { MAP_EXP, MAP_DIVIDE, MAP_SUBTRACT, MAP_NORMALISE };

/* NaN if either is; written so that it becomes one maximum, one comparison and one blend. */
static STOA_INLINE float larger(float candidate, float best)
{
    float most = candidate > best ? candidate : best;
    return candidate != candidate ? candidate : most;
}

static STOA_INLINE float smaller(float candidate, float best)
{
    float least = candidate < best ? candidate : best;
    return candidate != candidate ? candidate : least;
}

static STOA_INLINE float magnitude(float x)
{
    return from_bits(to_bits(x) & 0x7fffffff);
}

/* Whether folding starts from an element rather than from 0. */
static STOA_INLINE bool begins_with_one(enum fold_step step)
{
    return step == FOLD_MAX || step == FOLD_MIN || step == FOLD_PRODUCT;
}

static STOA_INLINE float fold_one(enum fold_step step, float result, float x, float shift)
{
    switch (step) {
    case FOLD_SUM:
        return result + x;
    case FOLD_MAGNITUDES:
        return result + magnitude(x);
    case FOLD_SQUARES:
        return result + (x - shift) * (x - shift);
    case FOLD_EXP:
        return result + exponential(x - shift);
    case FOLD_MAX:
        return larger(x, result);
    case FOLD_MIN:
        return smaller(x, result);
    case FOLD_PRODUCT:
        return result * x;
    }
    return result;
}

/* The fold of two parts. */
static STOA_INLINE float fold_parts(enum fold_step step, float result, float part)
{
    return fold_one(begins_with_one(step) ? step : FOLD_SUM, result, part, 0);
}

/* result[l] <- result[l] folded with x(r, l) for each r; shift may be null for steps that have none */
static STOA_INLINE void fold(enum fold_step step, const struct block *block, const float *x, const float *shift,
                             float *restrict result)
{
    const struct block b = *block;
    if (b.lanes == 1 && b.x_step == 1 && b.count >= PARTS) {
        const float s = shift ? shift[0] : 0;
        float parts[PARTS];
        for (size_t j = 0; j < PARTS; j++)
            parts[j] = begins_with_one(step) ? x[j] : fold_one(step, 0, x[j], s);
        size_t r = PARTS;
        for (; r + PARTS <= b.count; r += PARTS)
            for (size_t j = 0; j < PARTS; j++)
                parts[j] = fold_one(step, parts[j], x[r + j], s);
        for (size_t j = 0; r + j < b.count; j++)
            parts[j] = fold_one(step, parts[j], x[r + j], s);
        for (size_t j = 0; j < PARTS; j++)
            result[0] = fold_parts(step, result[0], parts[j]);
    } else if (step == FOLD_SUM && b.x_lane == 1 && b.lanes == MANY) {
        float parts[MANY]; /* stay in registers */
        memcpy(parts, result, sizeof parts);
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < MANY; l++)
                parts[l] += x[r * b.x_step + l];
        memcpy(result, parts, sizeof parts);
    } else if (b.x_lane == 1) {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++)
                result[l] = fold_one(step, result[l], x[r * b.x_step + l], shift ? shift[l] : 0);
    } else {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++)
                result[l] = fold_one(step, result[l], x[r * b.x_step + l * b.x_lane], shift ? shift[l] : 0);
    }
}

static STOA_INLINE float map_one(enum map_step step, float x, float first, float second, float third)
{
    switch (step) {
    case MAP_EXP:
        return exponential_below(x - first);
    case MAP_DIVIDE:
        return x / first;
    case MAP_SUBTRACT:
        return (x - first) - second;
    case MAP_NORMALISE:
        return (x - first) * second + third;
    }
    return x;
}

/* y(r, l) <- x(r, l) mapped with first[l], second[l] and third[l], of which steps that have fewer give null */
static STOA_INLINE void map(enum map_step step, const struct block *block, const float *x, const float *first,
                            const float *second, const float *third, float *y)
{
    const struct block b = *block;
    if (b.lanes == 1 && b.x_step == 1 && b.y_step == 1) {
        const float one = first[0], two = second ? second[0] : 0, three = third ? third[0] : 0;
        for (size_t r = 0; r < b.count; r++)
            y[r] = map_one(step, x[r], one, two, three);
    } else if (b.x_lane == 1 && b.y_lane == 1) {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++)
                y[r * b.y_step + l] =
                    map_one(step, x[r * b.x_step + l], first[l], second ? second[l] : 0, third ? third[l] : 0);
    } else {
        for (size_t r = 0; r < b.count; r++)
            for (size_t l = 0; l < b.lanes; l++)
                y[r * b.y_step + l * b.y_lane] = map_one(step, x[r * b.x_step + l * b.x_lane], first[l],
                                                         second ? second[l] : 0, third ? third[l] : 0);
    }
}

STOA_CLONES void stoa_block_sum(const struct block *block, const float *x, float *sum)
{
    fold(FOLD_SUM, block, x, NULL, sum);
}

STOA_CLONES void stoa_block_sum_magnitudes(const struct block *block, const float *x, float *sum)
{
    fold(FOLD_MAGNITUDES, block, x, NULL, sum);
}

STOA_CLONES void stoa_block_product(const struct block *block, const float *x, float *product)
{
    fold(FOLD_PRODUCT, block, x, NULL, product);
}

STOA_CLONES void stoa_block_sum_squares(const struct block *block, const float *x, const float *mean, float *sum)
{
    fold(FOLD_SQUARES, block, x, mean, sum);
}

STOA_CLONES void stoa_block_sum_exp(const struct block *block, const float *x, const float *shift, float *sum)
{
    fold(FOLD_EXP, block, x, shift, sum);
}

STOA_CLONES void stoa_block_max(const struct block *block, const float *x, float *best)
{
    fold(FOLD_MAX, block, x, NULL, best);
}

STOA_CLONES void stoa_block_min(const struct block *block, const float *x, float *best)
{
    fold(FOLD_MIN, block, x, NULL, best);
}

STOA_CLONES void stoa_block_exp(const struct block *block, const float *x, const float *shift, float *y)
{
    map(MAP_EXP, block, x, shift, NULL, NULL, y);
}

STOA_CLONES void stoa_block_divide(const struct block *block, const float *x, const float *divisor, float *y)
{
    map(MAP_DIVIDE, block, x, divisor, NULL, NULL, y);
}

STOA_CLONES void stoa_block_subtract(const struct block *block, const float *x, const float *first, const float *second,
                                     float *y)
{
    map(MAP_SUBTRACT, block, x, first, second, NULL, y);
}

STOA_CLONES void stoa_block_normalise(const struct block *block, const float *x, const float *mean, const float *scale,
                                      const float *bias, float *y)
{
    map(MAP_NORMALISE, block, x, mean, scale, bias, y);
}

STOA_CLONES void stoa_row_normalise(size_t count, const float *x, float mean, float factor, const float *scale,
                                    const float *bias, float *y)
{
    if (bias)
        for (size_t i = 0; i < count; i++)
            y[i] = (x[i] - mean) * factor * scale[i] + bias[i];
    else
        for (size_t i = 0; i < count; i++)
            y[i] = (x[i] - mean) * factor * scale[i];
}
