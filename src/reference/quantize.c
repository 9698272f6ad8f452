/* Quantisation, from its definitions, each step rounded to float as those have it: a float quotient may fall on a tie
 * that the exact one misses. Quantised numbers are exact; a dequantised one is a difference and a product, 2 |y|. The
 * scale that DynamicQuantizeLinear finds is one quotient of a difference, 2 |y|. */
#include <math.h>

#include "reference/internal.h"

/* The element of the scale or zero point that belongs to element i of x: the only one, or that of the axis. */
static enum stoa_status find_axis(struct reference_run *run, const struct reference_tensor *x, size_t *stride,
                                  size_t *size)
{
    size_t axis;
    int64_t given = stoa_read_int(&run->reader, "axis", 1, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    const struct reference_tensor *scale = stoa_reference_input(run, 1), *zero = stoa_reference_input(run, 2);
    *stride = *size = 1;
    if (stoa_reference_count(scale) != 1) {
        STOA_TRY(stoa_reference_axis(run, given, x->rank, false, &axis));
        *stride = stoa_reference_product(x, axis + 1, x->rank);
        *size = x->dims[axis];
    }
    if (stoa_reference_count(scale) != *size || (zero && stoa_reference_count(zero) != *size))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "scale or zero point do not have %zu elements", *size);
    return STOA_OK;
}

static double quantize(double x, double scale, double zero, enum stoa_dtype to)
{
    return stoa_reference_convert(STOA_FLOAT, to, rint((double)(float)((double)(float)x / scale)) + zero);
}

enum stoa_status stoa_reference_quantize_linear(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *scale = stoa_reference_input(run, 1);
    const struct reference_tensor *zero = stoa_reference_input(run, 2);
    int64_t stated = run->call->opset < 21 ? 0 : stoa_read_int(&run->reader, "output_dtype", 0, 0, INT32_MAX);
    enum stoa_dtype to = zero ? zero->dtype : stated ? (enum stoa_dtype)stated : STOA_UINT8;
    struct reference_tensor *y;
    size_t stride, size;
    STOA_TRY(find_axis(run, x, &stride, &size));
    STOA_TRY(stoa_reference_output(run, 0, to, x->rank, x->dims, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        size_t c = i / stride % size;
        y->values[i] = quantize(x->values[i], scale->values[c], zero ? zero->values[c] : 0, to);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_dequantize_linear(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *scale = stoa_reference_input(run, 1);
    const struct reference_tensor *zero = stoa_reference_input(run, 2);
    struct reference_tensor *y;
    size_t stride, size;
    STOA_TRY(find_axis(run, x, &stride, &size));
    STOA_TRY(stoa_reference_output(run, 0, STOA_FLOAT, x->rank, x->dims, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        size_t c = i / stride % size;
        y->values[i] = (x->values[i] - (zero ? zero->values[c] : 0)) * scale->values[c];
        y->slack[i] = 2 * fabs(y->values[i]);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_dynamic_quantize_linear(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y, *scale, *zero;
    STOA_TRY(stoa_reference_output(run, 0, STOA_UINT8, x->rank, x->dims, &y));
    STOA_TRY(stoa_reference_output(run, 1, STOA_FLOAT, 0, NULL, &scale));
    STOA_TRY(stoa_reference_output(run, 2, STOA_UINT8, 0, NULL, &zero));
    double least = 0, most = 0;
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        least = x->values[i] < least ? x->values[i] : least;
        most = x->values[i] > most ? x->values[i] : most;
    }
    double step = (double)(float)((double)(float)(most - least) / 255);
    double point = stoa_reference_convert(STOA_FLOAT, STOA_UINT8, rint((double)(float)(0 - least / step)));
    for (size_t i = 0; y && i < stoa_reference_count(x); i++)
        y->values[i] = quantize(x->values[i], step, point, STOA_UINT8);
    if (scale) {
        scale->values[0] = step;
        scale->slack[0] = 2 * step;
    }
    if (zero)
        zero->values[0] = point;
    return STOA_OK;
}
