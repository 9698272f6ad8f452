/* LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, mean and variance being those of all
 * elements from an axis on. Tensors are plain, so that these are a row of memory; scale and bias have one number for
 * each place in it. RMSNormalization is the same about 0 instead of the mean, without a bias; no gradients pass it. */
#include "ops/layer_norm.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/block.h"
#include "ops/check.h"
#include "ops/norm.h"

#define TASK_ELEMENTS 8192 /* a task has about as many at least */

enum { ROW_MEAN = 1, ROW_RECIPROCAL }; /* outputs beside Y; inputs are those of norm.h */

enum stoa_status stoa_layer_norm_parse(struct attribute_reader *reader, void *out)
{
    struct layer_norm_params *params = out;
    params->axis = stoa_read_int(reader, "axis", -1, -STOA_MAX_RANK, STOA_MAX_RANK);
    params->epsilon = stoa_norm_epsilon(reader);
    int64_t stash_type = stoa_read_int(reader, "stash_type", STOA_FLOAT, 0, INT32_MAX);
    if (stash_type != STOA_FLOAT)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute stash_type is %d, only 1 (float) is supported",
                         (int)stash_type);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_rms(struct attribute_reader *reader, void *out)
{
    struct layer_norm_params *params = out;
    params->about_zero = true;
    return stoa_layer_norm_parse(reader, out);
}

enum stoa_status stoa_layer_norm_shape(const struct op_call *call, size_t x, struct stoa_error *error, size_t *rows,
                                       size_t *columns)
{
    const struct layer_norm_params *params = call->params;
    const struct stoa_tensor *of = &call->inputs[x];
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", params->axis, of->rank, false, error, &axis));
    *rows = *columns = 1;
    for (size_t i = 0; i < of->rank; i++)
        *(i < axis ? rows : columns) *= of->dims[i];
    return STOA_OK;
}

enum stoa_status stoa_layer_norm_check(const struct op_call *call, size_t x, size_t input, const char *name,
                                       struct stoa_error *error)
{
    const struct layer_norm_params *params = call->params;
    const struct stoa_tensor *of = &call->inputs[x], *tensor = &call->inputs[input];
    struct stoa_tensor columns = *of;
    size_t axis;
    STOA_TRY(stoa_check_float(call, input, name, error));
    STOA_TRY(stoa_check_axis("axis", params->axis, of->rank, false, error, &axis));
    columns.rank = of->rank - axis;
    memmove(columns.dims, columns.dims + axis, columns.rank * sizeof *columns.dims);
    if (!stoa_op_has_input(call, input) || stoa_tensor_same_dims(tensor, &columns))
        return STOA_OK;
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have %s (of X from axis %zu on)", name,
                     stoa_dims_text(tensor->rank, tensor->dims, mine), stoa_dims_text(columns.rank, columns.dims, its),
                     axis);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct layer_norm_params *params = call->params;
    size_t axis;
    STOA_TRY(stoa_check_float(call, X, "X", error));
    STOA_TRY(stoa_check_axis("axis", params->axis, call->inputs[X].rank, false, error, &axis));
    STOA_TRY(stoa_layer_norm_check(call, X, SCALE, params->about_zero ? "scale" : "Scale", error));
    STOA_TRY(stoa_layer_norm_check(call, X, BIAS, "B", error));
    for (size_t i = Y; i <= ROW_RECIPROCAL; i++) {
        if (!stoa_op_has_output(call, i))
            continue;
        stoa_same_as_input(call, X, i);
        for (size_t k = axis; i != Y && k < call->inputs[X].rank; k++)
            call->outputs[i].dims[k] = 1;
    }
    return STOA_OK;
}

/* Of the deviation from `mean`. */
static float reciprocal_of(size_t columns, const float *x, float epsilon, float mean)
{
    const struct block row = {.count = columns, .lanes = 1, .x_step = 1};
    float squares = 0;
    stoa_block_sum_squares(&row, x, &mean, &squares);
    return (float)(1 / sqrt((double)squares / (double)columns + (double)epsilon));
}

void stoa_layer_norm_moments(size_t columns, const float *x, float epsilon, float *mean, float *reciprocal)
{
    const struct block row = {.count = columns, .lanes = 1, .x_step = 1};
    float sum = 0;
    stoa_block_sum(&row, x, &sum);
    *mean = sum / (float)columns;
    *reciprocal = reciprocal_of(columns, x, epsilon, *mean);
}

struct rows {
    size_t rows, columns, rows_per_task;
    const float *x, *scale, *bias;
    float epsilon;
    bool about_zero;
    float *y, *means, *reciprocals; /* null where nobody wants them */
};

static void task(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct rows *rows = context;
    size_t end = stoa_size_min((task + 1) * rows->rows_per_task, rows->rows);
    for (size_t r = task * rows->rows_per_task; r < end; r++) {
        const float *x = rows->x + r * rows->columns;
        float mean = 0, reciprocal;
        if (rows->about_zero)
            reciprocal = reciprocal_of(rows->columns, x, rows->epsilon, mean);
        else
            stoa_layer_norm_moments(rows->columns, x, rows->epsilon, &mean, &reciprocal);
        if (rows->y)
            stoa_row_normalise(rows->columns, x, mean, reciprocal, rows->scale, rows->bias,
                               rows->y + r * rows->columns);
        if (rows->means)
            rows->means[r] = mean;
        if (rows->reciprocals)
            rows->reciprocals[r] = reciprocal;
    }
}

static float *output(const struct op_call *call, size_t index)
{
    return stoa_op_has_output(call, index) ? call->outputs[index].data : NULL;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct layer_norm_params *params = call->params;
    struct rows rows = {.x = call->inputs[X].data,
                        .scale = call->inputs[SCALE].data,
                        .bias = stoa_op_has_input(call, BIAS) ? call->inputs[BIAS].data : NULL,
                        .epsilon = params->epsilon,
                        .about_zero = params->about_zero,
                        .y = output(call, Y),
                        .means = output(call, ROW_MEAN),
                        .reciprocals = output(call, ROW_RECIPROCAL)};
    STOA_TRY(stoa_layer_norm_shape(call, X, error, &rows.rows, &rows.columns));
    rows.rows_per_task = stoa_size_max(1, TASK_ELEMENTS / stoa_size_max(1, rows.columns));
    stoa_pool_run(run->pool, stoa_size_ceil_div(rows.rows, rows.rows_per_task), task, &rows);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"LayerNormalizationBackward", 3, {{OP_GRADIENT, Y}, {OP_INPUT, X}, {OP_INPUT, SCALE}}, 3, {X, SCALE, BIAS}},
};

const struct op stoa_op_layer_normalization = {
    .type = "LayerNormalization",
    .since = 17,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 3,
    .layout = OP_PLAIN,
    .parameters = 1 << SCALE | 1 << BIAS,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct layer_norm_params),
    .parse = stoa_layer_norm_parse,
    .infer = infer,
    .run = run,
};

const struct op stoa_op_rms_normalization = {
    .type = "RMSNormalization",
    .since = 23,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct layer_norm_params),
    .parse = parse_rms,
    .infer = infer,
    .run = run,
};
