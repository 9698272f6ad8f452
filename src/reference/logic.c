/* What is true of elements, and choices by it, with NumPy's broadcasting. All of it is exact. */
#include <math.h>
#include <string.h>

#include "reference/internal.h"

static bool equal(double a, double b)
{
    return a == b;
}

static bool greater(double a, double b)
{
    return a > b;
}

static bool greater_or_equal(double a, double b)
{
    return a >= b;
}

static bool less(double a, double b)
{
    return a < b;
}

static bool less_or_equal(double a, double b)
{
    return a <= b;
}

static bool both(double a, double b)
{
    return a != 0 && b != 0;
}

static bool either(double a, double b)
{
    return a != 0 || b != 0;
}

static bool one(double a, double b)
{
    return (a != 0) != (b != 0);
}

static const struct {
    const char *type;
    bool (*holds)(double a, double b);
} relations[] = {
    {"And", both},        {"Equal", equal},
    {"Greater", greater}, {"GreaterOrEqual", greater_or_equal},
    {"Less", less},       {"LessOrEqual", less_or_equal},
    {"Or", either},       {"Xor", one},
};

enum stoa_status stoa_reference_relation(struct reference_run *run)
{
    size_t i = 0, rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0};
    while (strcmp(relations[i].type, run->call->type) != 0)
        i++;
    const struct reference_tensor *a = stoa_reference_input(run, 0), *b = stoa_reference_input(run, 1);
    if (a->dtype != b->dtype)
        return stoa_fail(run->error, STOA_ERROR_GRAPH, "the inputs are of different types");
    STOA_TRY(stoa_reference_broadcast(run, a, &rank, dims));
    STOA_TRY(stoa_reference_broadcast(run, b, &rank, dims));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, STOA_BOOL, rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(rank, dims, index))
        y->values[at] = relations[i].holds(a->values[stoa_reference_offset(a, rank, index)],
                                           b->values[stoa_reference_offset(b, rank, index)]);
    return STOA_OK;
}

static enum stoa_status test(struct reference_run *run, bool nan, bool positive, bool negative)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, STOA_BOOL, x->rank, x->dims, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        double v = x->values[i];
        y->values[i] = (nan && isnan(v)) || (positive && v == INFINITY) || (negative && v == -INFINITY);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_is_nan(struct reference_run *run)
{
    return test(run, true, false, false);
}

enum stoa_status stoa_reference_is_inf(struct reference_run *run)
{
    bool positive = stoa_read_int(&run->reader, "detect_positive", 1, 0, 1) != 0;
    return test(run, false, positive, stoa_read_int(&run->reader, "detect_negative", 1, 0, 1) != 0);
}

enum stoa_status stoa_reference_not(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++)
        y->values[i] = x->values[i] == 0;
    return STOA_OK;
}

enum stoa_status stoa_reference_where(struct reference_run *run)
{
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < 3; i++)
        STOA_TRY(stoa_reference_broadcast(run, stoa_reference_input(run, i), &rank, dims));
    const struct reference_tensor *condition = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, stoa_reference_input(run, 1)->dtype, rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(rank, dims, index)) {
        bool first = condition->values[stoa_reference_offset(condition, rank, index)] != 0;
        const struct reference_tensor *chosen = stoa_reference_input(run, first ? 1 : 2);
        y->values[at] = chosen->values[stoa_reference_offset(chosen, rank, index)];
    }
    return STOA_OK;
}
