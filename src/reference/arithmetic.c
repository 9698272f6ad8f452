/* Arithmetic of two or more tensors with NumPy's broadcasting. Whole numbers wrap as their type does; division of
 * whole numbers cuts towards zero.
 *
 * Mod has the sign of the divisor, or of what is divided with fmod. Before opset 7 operands of two broadcast otherwise.
 *
 * Slack: Add, Sub, Mul one rounding, |y|; Div two (a reciprocal may be used); Sum of n tensors (n - 1) * sum |x|, Mean
 * the n-th part and two; Max and Min none (NaN if any of the elements is). Pow: 8 |y|, and 2 |y * b * log a| for those
 * who write it as exp(b * log a). */
#include <math.h>

#include "reference/internal.h"

/* Whole numbers are computed as uint64 or, what is the same bits, int64, and wrapped to their type afterwards. */
struct binary {
    double (*real)(double a, double b, double *slack);
    bool (*whole)(bool has_sign, uint64_t a, uint64_t b, uint64_t *y); /* false: no result. Null: real serves as well */
};

static double add(double a, double b, double *slack)
{
    *slack = fabs(a + b);
    return a + b;
}

static double sub(double a, double b, double *slack)
{
    *slack = fabs(a - b);
    return a - b;
}

static double mul(double a, double b, double *slack)
{
    *slack = fabs(a * b);
    return a * b;
}

static double divide(double a, double b, double *slack)
{
    *slack = 2 * fabs(a / b);
    return a / b;
}

static double power(double a, double b, double *slack)
{
    double y = pow(a, b);
    *slack = (y == 0 ? 0 : (8 + 2 * fabs(b * log(fabs(a)))) * fabs(y)) + REFERENCE_TINY;
    return y;
}

static double larger(double a, double b, double *slack)
{
    *slack = 0;
    return isnan(a) || a > b ? a : b;
}

static double smaller(double a, double b, double *slack)
{
    *slack = 0;
    return isnan(a) || a < b ? a : b;
}

static bool whole_add(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    (void)has_sign;
    *y = a + b;
    return true;
}

static bool whole_sub(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    (void)has_sign;
    *y = a - b;
    return true;
}

static bool whole_mul(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    (void)has_sign;
    *y = a * b;
    return true;
}

static bool whole_divide(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    if (!b)
        return false;
    if (!has_sign)
        *y = a / b;
    else
        *y = b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
    return true;
}

/* What is left of a divided towards zero, and towards minus infinity. */
static bool whole_remainder(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    uint64_t quotient;
    if (!whole_divide(has_sign, a, b, &quotient))
        return false;
    *y = a - quotient * b;
    return true;
}

static bool whole_mod(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    if (!whole_remainder(has_sign, a, b, y))
        return false;
    if (has_sign && *y && ((int64_t)*y < 0) != ((int64_t)b < 0))
        *y += b;
    return true;
}

static double remainder_of(double a, double b, double *slack)
{
    *slack = 0;
    return fmod(a, b);
}

static bool shift_left(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    (void)has_sign;
    *y = b > 63 ? 0 : a << b;
    return true;
}

static bool shift_right(bool has_sign, uint64_t a, uint64_t b, uint64_t *y)
{
    (void)has_sign;
    *y = b > 63 ? 0 : a >> b;
    return true;
}

static enum stoa_status combine(struct reference_run *run, const struct binary *binary, enum stoa_dtype dtype, double a,
                                double b, double *y, double *slack)
{
    if (!stoa_reference_is_integer(dtype) || !binary->whole) {
        *y = binary->real(a, b, slack);
        return STOA_OK;
    }
    bool has_sign = dtype != STOA_UINT64;
    uint64_t whole;
    if (!binary->whole(has_sign, stoa_reference_bits(a), stoa_reference_bits(b), &whole))
        return stoa_fail(run->error, STOA_ERROR_DATA, "a whole number is divided by zero");
    *y = has_sign ? (double)(int64_t)whole : (double)whole;
    return STOA_OK;
}

/* How much further a result may be off because its operands are: the largest change at the corners of where they may
 * be. Add, Sub, Mul, Div, Max and Min are monotonous in each operand, Pow in the first on either side of 0. */
static double carry(const struct binary *binary, double a, double a_slack, double b, double b_slack)
{
    double ignored, y = binary->real(a, b, &ignored), off = 0;
    if (binary->real == power && fabs(a) <= a_slack * 0x1p-24)
        off = fabs(pow(0, b) - y) * 0x1p24;
    for (int corner = 0; corner < 4; corner++) {
        double there = binary->real(a + (corner & 1 ? a_slack : -a_slack) * 0x1p-24,
                                    b + (corner & 2 ? b_slack : -b_slack) * 0x1p-24, &ignored);
        off = fmax(off, fabs(there - y) * 0x1p24);
    }
    return off;
}

static double slack_of(const struct reference_tensor *tensor, size_t offset)
{
    return tensor->slack ? tensor->slack[offset] : 0;
}

/* Operand i. Before opset 7 the second one's dims may be the first one's from the attribute axis on. */
static struct reference_tensor operand(struct reference_run *run, size_t i)
{
    struct reference_tensor tensor = *stoa_reference_input(run, i);
    if (run->call->opset >= 7 || i != 1 || !stoa_reader_has(&run->reader, "axis"))
        return tensor;
    size_t axis = (size_t)stoa_read_int(&run->reader, "axis", 0, 0, STOA_MAX_RANK);
    while (axis + tensor.rank < stoa_reference_input(run, 0)->rank)
        tensor.dims[tensor.rank++] = 1;
    return tensor;
}

/* Folds all inputs from the left. */
static enum stoa_status fold(struct reference_run *run, const struct binary *binary, bool same_type,
                             struct reference_tensor **y)
{
    const struct reference_tensor *first = stoa_reference_input(run, 0);
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0}, inputs = run->call->input_count;
    for (size_t i = 0; i < inputs; i++) {
        const struct reference_tensor *x = stoa_reference_input(run, i);
        if (!x || (same_type && x->dtype != first->dtype))
            return stoa_fail(run->error, STOA_ERROR_GRAPH, "input %zu is absent or not of input 0's type", i);
        const struct reference_tensor aligned = operand(run, i);
        STOA_TRY(stoa_reference_broadcast(run, &aligned, &rank, dims));
    }
    STOA_TRY(stoa_reference_output(run, 0, first->dtype, rank, dims, y));
    bool integer = stoa_reference_is_integer(first->dtype);
    for (size_t at = 0; at < stoa_reference_count(*y); at++, stoa_reference_next(rank, dims, index)) {
        size_t offset = stoa_reference_offset(first, rank, index);
        double value = first->values[offset], carried = slack_of(first, offset);
        for (size_t i = 1; i < inputs; i++) {
            const struct reference_tensor x = operand(run, i);
            offset = stoa_reference_offset(&x, rank, index);
            double b = x.values[offset], b_slack = slack_of(&x, offset);
            if (carried > 0 || b_slack > 0)
                carried = carry(binary, value, carried, b, b_slack);
            STOA_TRY(combine(run, binary, first->dtype, value, b, &value, &(*y)->slack[at]));
            if (integer)
                value = stoa_reference_convert(binary->whole ? STOA_INT64 : STOA_DOUBLE, first->dtype, value);
        }
        (*y)->values[at] = value;
        (*y)->slack[at] += carried;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_add(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){add, whole_add}, true, &y);
}

enum stoa_status stoa_reference_sub(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){sub, whole_sub}, true, &y);
}

enum stoa_status stoa_reference_mul(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){mul, whole_mul}, true, &y);
}

enum stoa_status stoa_reference_div(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){divide, whole_divide}, true, &y);
}

enum stoa_status stoa_reference_pow(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){power, NULL}, false, &y);
}

enum stoa_status stoa_reference_max(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){larger, NULL}, true, &y);
}

enum stoa_status stoa_reference_min(struct reference_run *run)
{
    struct reference_tensor *y;
    return fold(run, &(struct binary){smaller, NULL}, true, &y);
}

/* y <- the sum divided by `divisor`. */
static enum stoa_status average(struct reference_run *run, double divisor)
{
    struct reference_tensor *y;
    STOA_TRY(fold(run, &(struct binary){add, whole_add}, true, &y));
    size_t index[STOA_MAX_RANK] = {0}, inputs = run->call->input_count;
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        double magnitude = 0, carried = 0;
        for (size_t i = 0; i < inputs; i++) {
            const struct reference_tensor *x = stoa_reference_input(run, i);
            size_t offset = stoa_reference_offset(x, y->rank, index);
            magnitude += fabs(x->values[offset]);
            carried += slack_of(x, offset);
        }
        y->values[at] /= divisor;
        y->slack[at] = ((double)(inputs - 1) * magnitude + carried) / divisor;
        if (divisor != 1)
            y->slack[at] += 2 * fabs(y->values[at]);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_sum(struct reference_run *run)
{
    return average(run, 1);
}

enum stoa_status stoa_reference_mean(struct reference_run *run)
{
    return average(run, (double)run->call->input_count);
}

enum stoa_status stoa_reference_mod(struct reference_run *run)
{
    struct reference_tensor *y;
    if (stoa_read_int(&run->reader, "fmod", 0, 0, 1))
        return fold(run, &(struct binary){remainder_of, whole_remainder}, true, &y);
    if (!stoa_reference_is_integer(stoa_reference_input(run, 0)->dtype))
        return stoa_fail(run->error, STOA_ERROR_GRAPH, "real numbers need the attribute fmod");
    return fold(run, &(struct binary){remainder_of, whole_mod}, true, &y);
}

enum stoa_status stoa_reference_bit_shift(struct reference_run *run)
{
    struct reference_tensor *y;
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    bool right = stoa_read_choice(&run->reader, "direction", directions) != 0;
    return fold(run, &(struct binary){remainder_of, right ? shift_right : shift_left}, true, &y);
}
