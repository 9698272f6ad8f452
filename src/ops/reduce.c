/* The reductions: one result for all elements along some axes. Floats go by the loops of kernels/block.h, other types
 * by those of kernels/reduce.h. What no element at all comes to is 0 for sums, 1 for the product, NaN for the mean, as
 * 0 / 0 is, and minus infinity for the logarithm of a sum; an extreme of none is refused, as is a mean of no integers.
 * Integers wrap around, their mean is cut off towards 0; roots and logarithms are taken of real numbers only.
 *
 * ReduceProd passes no gradients. */
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/reduce.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/walk.h"

/* The opset since which the axes are an input. */
static int axes_input_since(enum reduction reduction)
{
    return reduction == REDUCTION_SUM ? 13 : 18;
}

static enum stoa_status parse(struct attribute_reader *reader, struct reduce_params *params, int since)
{
    params->axes_input = reader->opset >= since;
    if (params->axes_input)
        params->none_is_none = stoa_read_int(reader, "noop_with_empty_axes", 0, 0, 1) != 0;
    else
        stoa_read_integers(reader, "axes", &params->axes);
    params->keep = stoa_read_int(reader, "keepdims", 1, 0, 1) != 0;
    params->of_bools = reader->opset >= 20;
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_reduce_parse(struct attribute_reader *reader, void *out)
{
    return parse(reader, out, axes_input_since(REDUCTION_MEAN));
}

enum stoa_status stoa_reduce_sum_parse(struct attribute_reader *reader, void *out)
{
    return parse(reader, out, axes_input_since(REDUCTION_SUM));
}

enum stoa_status stoa_reduce_axes(const struct op_call *call, size_t axes, size_t rank, struct stoa_error *error,
                                  bool reduced[STOA_MAX_RANK])
{
    const struct reduce_params *params = call->params;
    struct op_integers list = params->axes;
    if (params->axes_input)
        STOA_TRY(stoa_input_integers(call, axes, "axes", error, &list));
    for (size_t i = 0; i < rank; i++)
        reduced[i] = !params->none_is_none;
    return list.count ? stoa_check_axes("axes", &list, rank, error, reduced) : STOA_OK;
}

static enum stoa_status refuse_nothing(const struct stoa_tensor *x, const bool *reduced, const char *name,
                                       struct stoa_error *error)
{
    for (size_t i = 0; i < x->rank; i++)
        if (reduced[i] && x->dims[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has no elements along axis %zu to take %s of", name, i,
                             stoa_dtype_is_real(x->dtype) ? "an extreme" : "an extreme or a mean");
    return STOA_OK;
}

/* As what elements are reduced: of bools, numbers 0 and 1, the largest says whether any is true. */
static enum stoa_dtype element_type(bool of_bools, enum stoa_dtype dtype)
{
    return of_bools && dtype == STOA_BOOL ? STOA_UINT8 : dtype;
}

static enum stoa_status infer_reduction(const struct op_call *call, enum reduction reduction, struct stoa_error *error)
{
    const struct reduce_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    bool reduced[STOA_MAX_RANK], real = stoa_dtype_is_real(x->dtype);
    bool of_real = reduction == REDUCTION_L2 || reduction == REDUCTION_LOG_SUM || reduction == REDUCTION_LOG_SUM_EXP;
    bool extreme = reduction == REDUCTION_MAX || reduction == REDUCTION_MIN;
    if (of_real ? !real : !stoa_reduce_loops(element_type(extreme && params->of_bools, x->dtype)))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input data is of type %s, %s are supported",
                         stoa_dtype_name(x->dtype), of_real ? "only float and double" : "only numbers");
    if (stoa_op_has_input(call, 1) && !params->axes_input)
        return stoa_fail(error, STOA_ERROR_GRAPH, "there are 2 inputs, before opset %d the axes are an attribute",
                         axes_input_since(reduction));
    STOA_TRY(stoa_reduce_axes(call, 1, x->rank, error, reduced));
    if (extreme || (reduction == REDUCTION_MEAN && !real))
        STOA_TRY(refuse_nothing(x, reduced, "data", error));
    y->dtype = x->dtype;
    y->rank = 0;
    for (size_t i = 0; i < x->rank; i++)
        if (!reduced[i] || params->keep)
            y->dims[y->rank++] = reduced[i] ? 1 : x->dims[i];
    return STOA_OK;
}

struct reducing {
    const char *x;
    char *y;
    enum reduction reduction;
    enum stoa_dtype dtype;
    size_t size;                      /* of an element */
    const struct reduce_loops *loops; /* null: floats, by blocks */
};

/* From what was folded to the result; of real numbers. */
static double finish(enum reduction reduction, double folded, double shift, double count)
{
    switch (reduction) {
    case REDUCTION_MEAN:
        return folded / count;
    case REDUCTION_L2:
        return sqrt(folded);
    case REDUCTION_LOG_SUM:
        return log(folded);
    case REDUCTION_LOG_SUM_EXP:
        return shift + log(folded);
    default:
        return folded;
    }
}

/* e^(x - shift) does not overflow where the shift is the maximum; an infinity is no shift. */
static double to_shift(double most)
{
    return isfinite(most) ? most : 0;
}

static void fold_floats(enum reduction reduction, const struct block *block, const float *x, const float *shift,
                        float *result)
{
    switch (reduction) {
    case REDUCTION_SUM:
    case REDUCTION_MEAN:
    case REDUCTION_LOG_SUM:
        stoa_block_sum(block, x, result);
        break;
    case REDUCTION_L1:
        stoa_block_sum_magnitudes(block, x, result);
        break;
    case REDUCTION_L2:
    case REDUCTION_SUM_SQUARE:
        stoa_block_sum_squares(block, x, shift, result);
        break;
    case REDUCTION_LOG_SUM_EXP:
        stoa_block_sum_exp(block, x, shift, result);
        break;
    case REDUCTION_PROD:
        stoa_block_product(block, x, result);
        break;
    case REDUCTION_MAX:
        stoa_block_max(block, x, result);
        break;
    case REDUCTION_MIN:
        stoa_block_min(block, x, result);
        break;
    }
}

static void fold_far(const struct reducing *reducing, enum reduction reduction, const struct walk *walk,
                     const struct walk_unit *unit, const float *shift, float *result)
{
    for (size_t l = 0; l < unit->block.lanes; l++)
        result[l] = reduction == REDUCTION_MAX    ? -INFINITY
                    : reduction == REDUCTION_MIN  ? INFINITY
                    : reduction == REDUCTION_PROD ? 1
                                                  : 0;
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        fold_floats(reduction, &unit->block, (const float *)reducing->x + unit->x_offset + x_offset, shift, result);
    }
}

static void float_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct reducing *reducing = context;
    const struct block *block = &unit->block;
    float result[WALK_LANES], shift[WALK_LANES] = {0};
    if (reducing->reduction == REDUCTION_LOG_SUM_EXP) {
        fold_far(reducing, REDUCTION_MAX, walk, unit, NULL, shift);
        for (size_t l = 0; l < block->lanes; l++)
            shift[l] = (float)to_shift((double)shift[l]);
    }
    fold_far(reducing, reducing->reduction, walk, unit, shift, result);
    float *y = (float *)reducing->y + unit->y_offset;
    for (size_t l = 0; l < block->lanes; l++)
        y[l * block->y_lane] =
            (float)finish(reducing->reduction, (double)result[l], (double)shift[l], (double)walk->reduced);
}

static const enum reduce_step steps[] = {
    [REDUCTION_SUM] = REDUCE_SUM,       [REDUCTION_MEAN] = REDUCE_SUM,
    [REDUCTION_L1] = REDUCE_MAGNITUDES, [REDUCTION_L2] = REDUCE_SQUARES,
    [REDUCTION_LOG_SUM] = REDUCE_SUM,   [REDUCTION_LOG_SUM_EXP] = REDUCE_EXP,
    [REDUCTION_PROD] = REDUCE_PRODUCT,  [REDUCTION_MAX] = REDUCE_MAX,
    [REDUCTION_MIN] = REDUCE_MIN,       [REDUCTION_SUM_SQUARE] = REDUCE_SQUARES,
};

static void fold_all(const struct reducing *reducing, enum reduce_step step, const struct walk *walk,
                     const struct walk_unit *unit, const union reduce_value *shift, union reduce_value *result)
{
    for (size_t l = 0; l < unit->block.lanes; l++)
        result[l] = reducing->loops->neutral(step);
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        reducing->loops->fold(step, &unit->block, reducing->x + (unit->x_offset + x_offset) * reducing->size, shift,
                              result);
    }
}

static void any_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct reducing *reducing = context;
    const struct block *block = &unit->block;
    union reduce_value result[WALK_LANES], shift[WALK_LANES] = {{0}};
    if (reducing->reduction == REDUCTION_LOG_SUM_EXP) {
        fold_all(reducing, REDUCE_MAX, walk, unit, NULL, shift);
        for (size_t l = 0; l < block->lanes; l++)
            shift[l].real = to_shift(shift[l].real);
    }
    fold_all(reducing, steps[reducing->reduction], walk, unit, shift, result);
    if (reducing->dtype == STOA_DOUBLE)
        for (size_t l = 0; l < block->lanes; l++)
            result[l].real = finish(reducing->reduction, result[l].real, shift[l].real, (double)walk->reduced);
    else if (reducing->reduction == REDUCTION_MEAN)
        reducing->loops->divide(block->lanes, walk->reduced, result);
    reducing->loops->store(block->lanes, result, reducing->y + unit->y_offset * reducing->size, block->y_lane);
}

void stoa_reduce(enum reduction reduction, const struct reduce_nest *nest, enum stoa_dtype dtype, const void *x,
                 void *y, struct pool *pool)
{
    struct walk walk;
    stoa_walk_plan(nest->rank, nest->dims, nest->x_strides, nest->y_strides, nest->reduced, WALK_ANY_AXIS, false,
                   &walk);
    struct reducing reducing = {.x = x,
                                .y = y,
                                .reduction = reduction,
                                .dtype = dtype,
                                .size = stoa_dtype_size(dtype),
                                .loops = stoa_reduce_loops(dtype)};
    stoa_walk_run(&walk, pool, dtype == STOA_FLOAT ? float_unit : any_unit, &reducing);
}

void stoa_reduce_strides(const struct reduce_params *params, const bool *reduced, const struct stoa_tensor *x,
                         const struct stoa_tensor *y, size_t strides[STOA_MAX_RANK])
{
    for (size_t i = 0, at = 0; i < x->rank; i++) {
        strides[i] = reduced[i] ? 0 : y->strides[at];
        at += !reduced[i] || params->keep;
    }
}

static void reduce(const struct op_call *call, const struct op_run *run, struct reduce_nest *nest,
                   enum reduction reduction)
{
    const struct stoa_tensor *x = &call->inputs[0];
    nest->rank = x->rank;
    memcpy(nest->dims, x->dims, sizeof nest->dims);
    memcpy(nest->x_strides, x->strides, sizeof nest->x_strides);
    stoa_reduce(reduction, nest, element_type(true, x->dtype), x->data, call->outputs[0].data, run->pool);
}

static enum stoa_status run_reduction(const struct op_call *call, const struct op_run *run, enum reduction reduction,
                                      struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct reduce_nest nest;
    STOA_TRY(stoa_reduce_axes(call, 1, x->rank, error, nest.reduced));
    stoa_reduce_strides(call->params, nest.reduced, x, &call->outputs[0], nest.y_strides);
    reduce(call, run, &nest, reduction);
    return STOA_OK;
}

static enum stoa_status global_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_least_rank(call, 0, "X", 3, error));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 2; i < call->outputs[0].rank; i++)
        call->outputs[0].dims[i] = 1;
    return STOA_OK;
}

static const bool pixels[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};

static enum stoa_status global_max_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(global_infer(call, error));
    return refuse_nothing(&call->inputs[0], pixels, "X", error);
}

static enum stoa_status run_global(const struct op_call *call, const struct op_run *run, enum reduction reduction)
{
    struct reduce_nest nest = {.y_strides = {call->outputs[0].strides[0], call->outputs[0].strides[1]}};
    memcpy(nest.reduced, pixels, sizeof nest.reduced);
    reduce(call, run, &nest, reduction);
    return STOA_OK;
}

static enum stoa_status global_average_run(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    return run_global(call, run, REDUCTION_MEAN);
}

static enum stoa_status global_max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    return run_global(call, run, REDUCTION_MAX);
}

#define GIVES(type, ...)                                                                                               \
    {                                                                                                                  \
        {type, __VA_ARGS__, 1, {0}},                                                                                   \
    }
#define FROM_X                                                                                                         \
    2,                                                                                                                 \
    {                                                                                                                  \
        {OP_GRADIENT, 0},                                                                                              \
        {                                                                                                              \
            OP_INPUT, 0                                                                                                \
        }                                                                                                              \
    }
#define FROM_X_AND_AXES                                                                                                \
    3,                                                                                                                 \
    {                                                                                                                  \
        {OP_GRADIENT, 0}, {OP_INPUT, 0},                                                                               \
        {                                                                                                              \
            OP_INPUT, 1                                                                                                \
        }                                                                                                              \
    }
#define FROM_X_Y_AND_AXES                                                                                              \
    4,                                                                                                                 \
    {                                                                                                                  \
        {OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_OUTPUT, 0},                                                               \
        {                                                                                                              \
            OP_INPUT, 1                                                                                                \
        }                                                                                                              \
    }

static const struct op_gradient sum_gradients[] = GIVES("ReduceSumBackward", FROM_X_AND_AXES);
static const struct op_gradient mean_gradients[] = GIVES("ReduceMeanBackward", FROM_X_AND_AXES);
static const struct op_gradient l1_gradients[] = GIVES("ReduceL1Backward", FROM_X_AND_AXES);
static const struct op_gradient l2_gradients[] = GIVES("ReduceL2Backward", FROM_X_Y_AND_AXES);
static const struct op_gradient square_gradients[] = GIVES("ReduceSumSquareBackward", FROM_X_AND_AXES);
static const struct op_gradient log_gradients[] = GIVES("ReduceLogSumBackward", FROM_X_Y_AND_AXES);
static const struct op_gradient log_exp_gradients[] = GIVES("ReduceLogSumExpBackward", FROM_X_Y_AND_AXES);
static const struct op_gradient max_gradients[] = GIVES("ReduceMaxBackward", FROM_X_AND_AXES);
static const struct op_gradient min_gradients[] = GIVES("ReduceMinBackward", FROM_X_AND_AXES);
static const struct op_gradient global_average_gradients[] = GIVES("GlobalAveragePoolBackward", FROM_X);
static const struct op_gradient global_max_gradients[] = GIVES("GlobalMaxPoolBackward", FROM_X);

/* clang-format off */
#define OPERATOR(name, type_, ...)                                                                                     \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        __VA_ARGS__                                                                                                    \
    };
#define REDUCTION(name, type_, reduction, parse_, count, gradients_)                                                   \
    static enum stoa_status infer_##name(const struct op_call *call, struct stoa_error *error)                         \
    {                                                                                                                  \
        return infer_reduction(call, reduction, error);                                                                \
    }                                                                                                                  \
    static enum stoa_status run_##name(const struct op_call *call, const struct op_run *run, struct stoa_error *error) \
    {                                                                                                                  \
        return run_reduction(call, run, reduction, error);                                                             \
    }                                                                                                                  \
    OPERATOR(name, type_, .max_inputs = 2, .value_inputs = 1 << 1, .gradients = gradients_, .gradient_count = count,   \
             .params_size = sizeof(struct reduce_params), .parse = parse_, .infer = infer_##name, .run = run_##name)
/* clang-format on */

REDUCTION(reduce_sum, "ReduceSum", REDUCTION_SUM, stoa_reduce_sum_parse, 1, sum_gradients)
REDUCTION(reduce_mean, "ReduceMean", REDUCTION_MEAN, stoa_reduce_parse, 1, mean_gradients)
REDUCTION(reduce_l1, "ReduceL1", REDUCTION_L1, stoa_reduce_parse, 1, l1_gradients)
REDUCTION(reduce_l2, "ReduceL2", REDUCTION_L2, stoa_reduce_parse, 1, l2_gradients)
REDUCTION(reduce_sum_square, "ReduceSumSquare", REDUCTION_SUM_SQUARE, stoa_reduce_parse, 1, square_gradients)
REDUCTION(reduce_log_sum, "ReduceLogSum", REDUCTION_LOG_SUM, stoa_reduce_parse, 1, log_gradients)
REDUCTION(reduce_log_sum_exp, "ReduceLogSumExp", REDUCTION_LOG_SUM_EXP, stoa_reduce_parse, 1, log_exp_gradients)
REDUCTION(reduce_prod, "ReduceProd", REDUCTION_PROD, stoa_reduce_parse, 0, NULL)
REDUCTION(reduce_max, "ReduceMax", REDUCTION_MAX, stoa_reduce_parse, 1, max_gradients)
REDUCTION(reduce_min, "ReduceMin", REDUCTION_MIN, stoa_reduce_parse, 1, min_gradients)

OPERATOR(global_average_pool, "GlobalAveragePool", .max_inputs = 1, .gradients = global_average_gradients,
         .gradient_count = 1, .infer = global_infer, .run = global_average_run)
/* The maximum of elements that include a NaN is NaN. */
OPERATOR(global_max_pool, "GlobalMaxPool", .max_inputs = 1, .gradients = global_max_gradients, .gradient_count = 1,
         .infer = global_max_infer, .run = global_max_run)
