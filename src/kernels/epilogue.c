/* Sums and bounds (Relu, Clip and no function at all are bounds) in one pass, then the mask while a row is in the L1
 * cache; other functions follow row by row, while the row is in the L1 cache. */
#include "kernels/epilogue.h"

#include <math.h>

#include "base/vector.h"

/* Beyond so many floats a row is long; one of all rows would leave the L1 cache between sums and mask. */
#define SHORT 64

/* Short rows of what is added lie apart, which the CPU does not foresee: so many rows ahead they are asked for. */
#define AHEAD 16

/* `bias` and `addend` null or not are known where this is inlined. */
static STOA_INLINE void row(size_t columns, const float *bias, const float *addend, float least, float most, float *y)
{
    STOA_INDEPENDENT
    for (size_t j = 0; j < columns; j++) {
        float value = y[j];
        if (bias)
            value += bias[j];
        if (addend)
            value += addend[j];
        y[j] = stoa_bound(value, least, most);
    }
}

static STOA_INLINE void mask_row(size_t columns, const float *mask, float least, float most, float *y)
{
    STOA_INDEPENDENT
    for (size_t j = 0; j < columns; j++)
        y[j] = ((mask[j] <= least) | (mask[j] >= most)) ? 0 : y[j];
}

STOA_CLONES static void sum_and_bound(size_t rows, size_t columns, const struct epilogue *epilogue, float least,
                                      float most, float *y, size_t y_row)
{
    const float *bias = epilogue->bias, *addend = epilogue->addend;
    for (size_t i = 0; i < rows; i++, y += y_row) {
        if (addend)
            __builtin_prefetch(addend + (i + AHEAD) * epilogue->addend_row);
        if (!addend && bias)
            row(columns, bias, NULL, least, most, y);
        else if (!addend)
            row(columns, NULL, NULL, least, most, y);
        else if (bias)
            row(columns, bias, addend + i * epilogue->addend_row, least, most, y);
        else
            row(columns, NULL, addend + i * epilogue->addend_row, least, most, y);
        if (epilogue->mask)
            mask_row(columns, epilogue->mask + i * epilogue->mask_row, epilogue->mask_least, epilogue->mask_most, y);
    }
}

/* y <- v * stoa_bound(alpha*v + beta, 0, 1) of v = y + bias, as stoa_activate has it, in the same pass: rows of a tile
 * are short.
 */
STOA_CLONES static void sum_and_swish(size_t rows, size_t columns, const float *bias, float alpha, float beta, float *y,
                                      size_t y_row)
{
    for (size_t i = 0; i < rows; i++, y += y_row) {
        STOA_INDEPENDENT
        for (size_t j = 0; j < columns; j++) {
            float value = y[j] + bias[j];
            y[j] = value * stoa_bound(alpha * value + beta, 0, 1);
        }
    }
}

/* Rows that follow one another everywhere, which the same is done to, are one: short rows are slow. */
static bool are_one(size_t columns, const struct epilogue *epilogue, size_t y_row)
{
    return y_row == columns && !epilogue->bias && (!epilogue->addend || epilogue->addend_row == columns) &&
           (!epilogue->mask || epilogue->mask_row == columns);
}

void stoa_epilogue_rows(size_t rows, size_t columns, const struct epilogue *epilogue, float *y, size_t y_row)
{
    if (columns < SHORT && are_one(columns, epilogue, y_row)) {
        columns *= rows;
        rows = 1;
    }
    const struct activation *activation = &epilogue->activation;
    switch (activation->kind) {
    case ACTIVATION_NONE:
        if (epilogue->bias || epilogue->addend || epilogue->mask)
            sum_and_bound(rows, columns, epilogue, -INFINITY, INFINITY, y, y_row);
        return;
    case ACTIVATION_RELU:
        sum_and_bound(rows, columns, epilogue, 0, INFINITY, y, y_row);
        return;
    case ACTIVATION_CLIP:
        sum_and_bound(rows, columns, epilogue, activation->alpha, activation->beta, y, y_row);
        return;
    case ACTIVATION_HARD_SWISH:
        if (!epilogue->bias || epilogue->addend || epilogue->mask)
            break;
        sum_and_swish(rows, columns, epilogue->bias, activation->alpha, activation->beta, y, y_row);
        return;
    default:
        break;
    }
    struct epilogue sum = *epilogue;
    sum.mask = NULL;
    for (size_t i = 0; i < rows; i++, y += y_row) {
        if (sum.bias || sum.addend)
            sum_and_bound(1, columns, &sum, -INFINITY, INFINITY, y, y_row);
        stoa_activate(activation, columns, y, y);
        if (sum.addend)
            sum.addend += sum.addend_row;
        if (epilogue->mask)
            mask_row(columns, epilogue->mask + i * epilogue->mask_row, epilogue->mask_least, epilogue->mask_most, y);
    }
}
