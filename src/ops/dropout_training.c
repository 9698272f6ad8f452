/* Dropout while training, and its backward pass: y = x / (1 - ratio) where the mask is 1, else 0.
 *
 * Whether element i is kept depends on the seed, the step, the node's stream and i alone (kernels/dropout.h): the key
 * is the seed, the counter's last words are the step and the stream. Elements are numbered in the order of their
 * dimensions, those of images channels innermost, however they lie. */
#include "kernels/dropout.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

#define TASK_ELEMENTS 16384
#define CHUNK 1024

struct dropout_params {
    bool ratio_is_input;    /* since opset 12 */
    bool mask_of_data_type; /* before opset 10; bool since */
    float ratio;
    uint32_t stream;
};

enum { DY, MASK, RATIO }; /* of DropoutBackward; DropoutTraining has data, then as the operator, then the seed */

static enum stoa_status check_ratio(double ratio, struct stoa_error *error)
{
    if (ratio >= 0 && ratio <= 1)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "ratio is %g, must be in [0, 1]", ratio);
}

static enum stoa_status parse(struct attribute_reader *reader, void *out)
{
    struct dropout_params *params = out;
    params->ratio_is_input = reader->opset >= 12;
    params->mask_of_data_type = reader->opset < 10;
    params->ratio = 0.5f;
    if (params->ratio_is_input)
        stoa_read_int(reader, "seed", 0, INT64_MIN, INT64_MAX);
    else
        params->ratio = stoa_read_float(reader, "ratio", 0.5f);
    params->stream = (uint32_t)stoa_read_int(reader, "stream", 0, 0, UINT32_MAX);
    STOA_TRY(stoa_reader_finish(reader));
    return check_ratio((double)params->ratio, reader->error);
}

static size_t seed_input(const struct dropout_params *params)
{
    return params->ratio_is_input ? 3 : 1;
}

static enum stoa_status read_ratio(const struct op_call *call, size_t input, struct stoa_error *error, double *ratio)
{
    const struct dropout_params *params = call->params;
    *ratio = (double)params->ratio;
    if (params->ratio_is_input && stoa_op_has_input(call, input))
        *ratio = stoa_tensor_load(&call->inputs[input], 0);
    return check_ratio(*ratio, error);
}

static float scale_of(double ratio)
{
    return ratio < 1 ? (float)(1 / (1 - ratio)) : 0;
}

static enum stoa_status training_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct dropout_params *params = call->params;
    size_t seed = seed_input(params);
    STOA_TRY(stoa_check_float(call, 0, "data", error));
    if (params->ratio_is_input && stoa_op_has_input(call, 1))
        STOA_TRY(stoa_check_single(call, 1, "ratio", error));
    if (!stoa_op_has_input(call, seed) || call->inputs[seed].dtype != STOA_INT64 ||
        stoa_tensor_elements(&call->inputs[seed]) != 2)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input %zu must be the seed and the step, int64 [2]", seed);
    stoa_same_as_input(call, 0, 0);
    if (call->output_count > 1 && call->outputs[1].dtype != STOA_NONE) {
        stoa_same_as_input(call, 0, 1);
        if (!params->mask_of_data_type)
            call->outputs[1].dtype = STOA_BOOL;
    }
    return STOA_OK;
}

/* The dimensions in the order in which elements are numbered. */
struct dropping {
    struct dropout dropout;
    size_t rank, count, dims[STOA_MAX_RANK];
    size_t x_strides[STOA_MAX_RANK], y_strides[STOA_MAX_RANK], mask_strides[STOA_MAX_RANK];
    bool dense; /* numbered as they lie */
    const float *x;
    float *y;
    struct stoa_tensor mask; /* STOA_NONE: nobody wants it */
};

static bool is_dense(const struct dropping *dropping, const size_t *strides)
{
    size_t next = 1;
    for (size_t i = dropping->rank; i-- > 0; next *= dropping->dims[i])
        if (dropping->dims[i] != 1 && strides[i] != next)
            return false;
    return true;
}

static void order(struct dropping *dropping, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    static const size_t images[4] = {0, 2, 3, 1};
    const struct stoa_tensor *mask = &dropping->mask;
    dropping->rank = x->rank;
    for (size_t i = 0; i < x->rank; i++) {
        size_t axis = x->rank == 4 ? images[i] : i;
        dropping->dims[i] = x->dims[axis];
        dropping->x_strides[i] = x->strides[axis];
        dropping->y_strides[i] = y->strides[axis];
        dropping->mask_strides[i] = mask->dtype == STOA_NONE ? y->strides[axis] : mask->strides[axis];
    }
    dropping->count = stoa_tensor_elements(x);
    dropping->dense = is_dense(dropping, dropping->x_strides) && is_dense(dropping, dropping->y_strides) &&
                      is_dense(dropping, dropping->mask_strides);
}

static void put_mask(const struct dropping *dropping, size_t at, uint8_t keep)
{
    if (dropping->mask.dtype == STOA_BOOL)
        ((uint8_t *)dropping->mask.data)[at] = keep;
    else if (dropping->mask.dtype != STOA_NONE)
        ((float *)dropping->mask.data)[at] = keep;
}

static void drop_strided(const struct dropping *dropping, size_t start, size_t count, const uint8_t *keep)
{
    for (size_t i = 0; i < count; i++) {
        size_t index = start + i, x = 0, y = 0, mask = 0;
        for (size_t d = dropping->rank; d-- > 0; index /= dropping->dims[d]) {
            size_t place = index % dropping->dims[d];
            x += place * dropping->x_strides[d];
            y += place * dropping->y_strides[d];
            mask += place * dropping->mask_strides[d];
        }
        stoa_dropout_apply(1, &keep[i], dropping->dropout.scale, dropping->x + x, dropping->y + y);
        put_mask(dropping, mask, keep[i]);
    }
}

static void drop_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct dropping *dropping = context;
    size_t end = stoa_size_min((task + 1) * TASK_ELEMENTS, dropping->count);
    for (size_t start = task * TASK_ELEMENTS; start < end; start += CHUNK) {
        uint8_t keep[CHUNK];
        size_t count = stoa_size_min(CHUNK, end - start);
        stoa_dropout_keep(&dropping->dropout, start, count, keep);
        if (!dropping->dense) {
            drop_strided(dropping, start, count, keep);
            continue;
        }
        stoa_dropout_apply(count, keep, dropping->dropout.scale, dropping->x + start, dropping->y + start);
        if (dropping->mask.dtype == STOA_BOOL)
            memcpy((uint8_t *)dropping->mask.data + start, keep, count);
        else
            for (size_t i = 0; i < count; i++)
                put_mask(dropping, start + i, keep[i]);
    }
}

static enum stoa_status training_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct dropout_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    const struct stoa_tensor *seed = &call->inputs[seed_input(params)];
    const int64_t *numbers = seed->data;
    const uint64_t key = (uint64_t)numbers[0], step = (uint64_t)numbers[seed->strides[0]];
    double ratio;
    STOA_TRY(read_ratio(call, 1, error, &ratio));
    struct dropping dropping = {.x = x->data, .y = y->data};
    if (call->output_count > 1)
        dropping.mask = call->outputs[1];
    dropping.dropout = (struct dropout){.key = {(uint32_t)key, (uint32_t)(key >> 32)},
                                        .counter = {(uint32_t)step, params->stream},
                                        .threshold = (uint64_t)(ratio * 0x1p32),
                                        .scale = scale_of(ratio)};
    order(&dropping, x, y);
    stoa_pool_run(run->pool, stoa_size_ceil_div(dropping.count, TASK_ELEMENTS), drop_task, &dropping);
    return STOA_OK;
}

static enum stoa_status backward_infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, DY, 0);
    return STOA_OK;
}

static enum stoa_status backward_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    double ratio;
    STOA_TRY(read_ratio(call, RATIO, error, &ratio));
    const float scale = scale_of(ratio);
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[DY]);
    stoa_nd_read(&nd, &call->inputs[MASK]);
    stoa_nd_run(&nd, run->pool,
                call->inputs[MASK].dtype == STOA_FLOAT ? stoa_dropout_backward_loop_float : stoa_dropout_backward_loop,
                &scale);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"DropoutBackward", 3, {{OP_GRADIENT, 0}, {OP_OUTPUT, 1}, {OP_INPUT, 1}}, 1, {0}},
};

/* Input 1 is the ratio since opset 12, the seed before, which the backward pass does not read. */
const struct op stoa_op_dropout_training = {
    .type = "DropoutTraining",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 2,
    .layout = OP_ANY,
    .elementwise = true,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct dropout_params),
    .parse = parse,
    .infer = training_infer,
    .run = training_run,
};

const struct op stoa_op_dropout_backward = {
    .type = "DropoutBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .elementwise = true,
    .params_size = sizeof(struct dropout_params),
    .parse = parse,
    .infer = backward_infer,
    .run = backward_run,
};
