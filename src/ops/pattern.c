/* Tensors made by a rule: Range, OneHot, EyeLike; and Trilu, which keeps what lies on one side of a diagonal. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

/* y <- `value`, an element of its type, everywhere */
static void fill(const struct stoa_tensor *y, const void *value, struct pool *pool)
{
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read_scalar(&nd, y->dtype, value);
    stoa_nd_copy_nest(&nd, pool);
}

static enum stoa_status known_scalar(const struct op_call *call, size_t input, const char *name,
                                     struct stoa_error *error)
{
    STOA_TRY(stoa_check_single(call, input, name, error));
    return stoa_check_known(call, input, name, error);
}

/* Range: start + i * delta, computed in double, or, for integers, in int64. */

static const char *const range_names[] = {"start", "limit", "delta"};

/* An integer input of one element. */
static int64_t whole(const struct stoa_tensor *tensor)
{
    int64_t value;
    stoa_cast_loop(tensor->dtype, STOA_INT64)(NULL, 1, (char *const[]){(char *)&value, tensor->data},
                                              (const ptrdiff_t[]){1, 1});
    return value;
}

static size_t whole_count(int64_t start, int64_t limit, int64_t delta)
{
    if (delta > 0 ? limit <= start : limit >= start)
        return 0;
    uint64_t span = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t pace = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    return (size_t)((span - 1) / pace + 1);
}

static enum stoa_status infer_range(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *inputs = call->inputs;
    struct stoa_tensor *y = &call->outputs[0];
    for (size_t i = 0; i < 3; i++) {
        STOA_TRY(known_scalar(call, i, range_names[i], error));
        if (inputs[i].dtype != inputs[0].dtype || inputs[i].dtype == STOA_BOOL)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %s is of type %s, start of %s", range_names[i],
                             stoa_dtype_name(inputs[i].dtype), stoa_dtype_name(inputs[0].dtype));
    }
    double start = stoa_tensor_load(&inputs[0], 0), limit = stoa_tensor_load(&inputs[1], 0),
           delta = stoa_tensor_load(&inputs[2], 0), count = ceil((limit - start) / delta);
    if (delta == 0)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "delta is 0");
    y->dtype = inputs[0].dtype;
    y->rank = 1;
    if (!stoa_dtype_is_real(y->dtype)) {
        y->dims[0] = whole_count(whole(&inputs[0]), whole(&inputs[1]), whole(&inputs[2]));
    } else {
        if (!(count < 0x1p62))
            return stoa_fail(error, STOA_ERROR_LIMIT, "from start %g to limit %g in steps of %g is no range", start,
                             limit, delta);
        y->dims[0] = count > 0 ? (size_t)count : 0;
    }
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static enum stoa_status run_range(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    (void)error;
    const struct stoa_tensor *inputs = call->inputs, *y = &call->outputs[0];
    bool real = stoa_dtype_is_real(y->dtype);
    double start = stoa_tensor_load(&inputs[0], 0), delta = stoa_tensor_load(&inputs[2], 0), number;
    uint64_t first = real ? 0 : (uint64_t)whole(&inputs[0]), pace = real ? 0 : (uint64_t)whole(&inputs[2]), integer;
    nd_loop cast = stoa_cast_loop(real ? STOA_DOUBLE : STOA_INT64, y->dtype);
    size_t size = stoa_dtype_size(y->dtype);
    for (size_t i = 0; i < y->dims[0]; i++) {
        number = start + (double)i * delta;
        integer = first + i * pace;
        char *from = real ? (char *)&number : (char *)&integer;
        cast(NULL, 1, (char *const[]){(char *)y->data + i * y->strides[0] * size, from}, (const ptrdiff_t[]){1, 1});
    }
    return STOA_OK;
}

/* OneHot */

struct one_hot_params {
    int64_t axis;
};

static enum stoa_status parse_one_hot(struct attribute_reader *reader, void *params)
{
    ((struct one_hot_params *)params)->axis = stoa_read_int(reader, "axis", -1, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_one_hot(const struct op_call *call, struct stoa_error *error)
{
    const struct one_hot_params *params = call->params;
    const struct stoa_tensor *indices = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    size_t axis, rank = indices->rank + 1;
    if (rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the output would have rank %zu, at most %d is taken", rank,
                         STOA_MAX_RANK);
    STOA_TRY(stoa_check_axis("axis", params->axis, rank, false, error, &axis));
    STOA_TRY(known_scalar(call, 1, "depth", error));
    STOA_TRY(stoa_check_vector(call, 2, "values", 2, "off and on", error));
    double depth = stoa_tensor_load(&call->inputs[1], 0);
    if (!(depth >= 0 && depth < 0x1p53))
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "depth is %g, must be 0 or more", depth);
    y->dtype = call->inputs[2].dtype;
    y->rank = rank;
    for (size_t i = 0; i < rank; i++)
        y->dims[i] = i == axis ? (size_t)depth : indices->dims[i - (i > axis)];
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static enum stoa_status run_one_hot(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct one_hot_params *params = call->params;
    const struct stoa_tensor *indices = &call->inputs[0], *values = &call->inputs[2], *y = &call->outputs[0];
    size_t axis, size = stoa_dtype_size(y->dtype), count = stoa_tensor_elements(indices);
    STOA_TRY(stoa_check_axis("axis", params->axis, y->rank, false, error, &axis));
    fill(y, values->data, run->pool);
    const char *on = (const char *)values->data + values->strides[0] * size;
    double depth = (double)y->dims[axis];
    for (size_t i = 0; i < count; i++) {
        size_t from = 0, to = 0, rest = i;
        for (size_t k = indices->rank; k-- > 0; rest /= indices->dims[k]) {
            size_t at = rest % indices->dims[k];
            from += at * indices->strides[k];
            to += at * y->strides[k + (k >= axis)];
        }
        double index = trunc(stoa_tensor_load(indices, from));
        if (!(index >= -depth && index < depth))
            continue;
        to += (size_t)(index < 0 ? index + depth : index) * y->strides[axis];
        memcpy((char *)y->data + to * size, on, size);
    }
    return STOA_OK;
}

/* EyeLike */

struct eye_params {
    int64_t diagonal;
    enum stoa_dtype dtype; /* STOA_NONE: the input's */
};

static enum stoa_status parse_eye_like(struct attribute_reader *reader, void *params_)
{
    struct eye_params *params = params_;
    params->diagonal = stoa_read_int(reader, "k", 0, INT64_MIN, INT64_MAX);
    params->dtype = (enum stoa_dtype)stoa_read_int(reader, "dtype", STOA_NONE, 0, 16);
    if (params->dtype != STOA_NONE && stoa_dtype_size(params->dtype) == 0)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute dtype is %d, a type that is not supported",
                         (int)params->dtype);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_eye_like(const struct op_call *call, struct stoa_error *error)
{
    const struct eye_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    char text[STOA_DIMS_TEXT];
    if (x->rank != 2)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input has dims %s, must be of rank 2",
                         stoa_dims_text(x->rank, x->dims, text));
    stoa_same_as_input(call, 0, 0);
    if (params->dtype != STOA_NONE)
        call->outputs[0].dtype = params->dtype;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

/* The diagonal as far as it can matter in a matrix: beyond all rows or all columns is nowhere. */
static int64_t hold_diagonal(int64_t diagonal, size_t rows, size_t columns)
{
    int64_t least = -(int64_t)rows, most = (int64_t)columns;
    return diagonal < least ? least : diagonal > most ? most : diagonal;
}

static enum stoa_status run_eye_like(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    static const double zero = 0;
    const struct eye_params *params = call->params;
    const struct stoa_tensor *y = &call->outputs[0];
    int64_t diagonal = hold_diagonal(params->diagonal, y->dims[0], y->dims[1]);
    size_t row = diagonal < 0 ? (size_t)-diagonal : 0, column = diagonal > 0 ? (size_t)diagonal : 0;
    size_t size = stoa_dtype_size(y->dtype);
    unsigned char one = 1;
    fill(y, &zero, run->pool);
    for (; row < y->dims[0] && column < y->dims[1]; row++, column++) {
        char *at = (char *)y->data + (row * y->strides[0] + column * y->strides[1]) * size;
        stoa_cast_loop(STOA_UINT8, y->dtype)(NULL, 1, (char *const[]){at, (char *)&one}, (const ptrdiff_t[]){1, 1});
    }
    return STOA_OK;
}

/* Trilu */

struct trilu_params {
    bool upper;
};

static enum stoa_status parse_trilu(struct attribute_reader *reader, void *params)
{
    ((struct trilu_params *)params)->upper = stoa_read_int(reader, "upper", 1, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_trilu(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_least_rank(call, 0, "input", 2, error));
    STOA_TRY(stoa_check_single(call, 1, "k", error));
    if (stoa_op_has_input(call, 1) && call->inputs[1].dtype != STOA_INT64)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input k is of type %s, must be int64",
                         stoa_dtype_name(call->inputs[1].dtype));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* A tensor's row `row` of all matrices, the columns [first, last). */
static struct stoa_tensor row_of(const struct stoa_tensor *tensor, size_t row, size_t first, size_t last)
{
    struct stoa_tensor part = *tensor;
    size_t axis = tensor->rank - 2;
    part.data = (char *)tensor->data +
                (row * tensor->strides[axis] + first * tensor->strides[axis + 1]) * stoa_dtype_size(tensor->dtype);
    part.dims[axis] = 1;
    part.dims[axis + 1] = last - first;
    return part;
}

static enum stoa_status run_trilu(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    static const double zero = 0;
    const struct trilu_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    if (stoa_tensor_elements(x) == 0)
        return STOA_OK;
    int64_t k = stoa_op_has_input(call, 1) ? *(const int64_t *)call->inputs[1].data : 0;
    k = hold_diagonal(k, rows, columns);
    for (size_t row = 0; row < rows; row++) {
        /* The first column of the upper side, or the first behind the lower one. */
        int64_t edge = (int64_t)row + k + !params->upper;
        size_t first = edge < 0 ? 0 : stoa_size_min((size_t)edge, columns);
        size_t keep = params->upper ? first : 0, keep_end = params->upper ? columns : first;
        struct stoa_tensor from = row_of(x, row, keep, keep_end), to = row_of(y, row, keep, keep_end);
        struct stoa_tensor cleared = row_of(y, row, params->upper ? 0 : first, params->upper ? first : columns);
        stoa_nd_copy(&from, &to, run->pool);
        fill(&cleared, &zero, run->pool);
    }
    return STOA_OK;
}

/* Of those that have any. */
static const struct op_gradient trilu_gradients[] = {
    {"TriluBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 1}}, 1, {0}},
};

#define PATTERN(name, type_, function, since_, least_inputs, most_inputs, dims_only_, value_inputs_, gradient_count_,  \
                params_size_, parse_)                                                                                  \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .dims_only = dims_only_,                                                                                       \
        .value_inputs = value_inputs_,                                                                                 \
        .gradients = trilu_gradients,                                                                                  \
        .gradient_count = gradient_count_,                                                                             \
        .params_size = params_size_,                                                                                   \
        .parse = parse_,                                                                                               \
        .infer = infer_##function,                                                                                     \
        .run = run_##function,                                                                                         \
    };
PATTERN(range, "Range", range, 11, 3, 3, false, 1 | 1 << 1 | 1 << 2, 0, 0, NULL)
PATTERN(one_hot, "OneHot", one_hot, 9, 3, 3, false, 1 << 1, 0, sizeof(struct one_hot_params), parse_one_hot)
PATTERN(eye_like, "EyeLike", eye_like, 9, 1, 1, true, 0, 0, sizeof(struct eye_params), parse_eye_like)
PATTERN(trilu, "Trilu", trilu, 14, 1, 2, false, 0, 1, sizeof(struct trilu_params), parse_trilu)
/* The gradient of what is kept is kept. */
PATTERN(trilu_backward, "TriluBackward", trilu, 1, 1, 2, false, 0, 0, sizeof(struct trilu_params), parse_trilu)
