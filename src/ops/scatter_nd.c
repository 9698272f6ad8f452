/* GatherND and ScatterND: the last dimension of the indices are tuples, each of which names a part of data by its
 * leading dimensions. Parts are moved one behind the other, each by the whole pool. */
#include "ops/scatter_nd.h"

#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/indices.h"

enum stoa_status stoa_gather_nd_parse(struct attribute_reader *reader, void *params)
{
    if (reader->opset >= 12)
        ((struct tuples_params *)params)->batch_dims = stoa_read_int(reader, "batch_dims", 0, 0, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_scatter_nd_parse(struct attribute_reader *reader, void *params)
{
    ((struct tuples_params *)params)->reduction = stoa_read_reduction(reader);
    return stoa_reader_finish(reader);
}

/* The dims of what the tuples name together: theirs, then what each leaves of data's. */
static enum stoa_status infer_parts(const struct op_call *call, struct stoa_error *error, struct stoa_tensor *parts)
{
    const struct tuples_params *params = call->params;
    const struct stoa_tensor *data = &call->inputs[0], *indices = &call->inputs[1];
    size_t batch = (size_t)params->batch_dims;
    STOA_TRY(stoa_check_least_rank(call, 0, "data", batch + 1, error));
    STOA_TRY(stoa_check_least_rank(call, 1, "indices", batch + 1, error));
    STOA_TRY(stoa_check_indices(call, 1, "indices", error));
    size_t named = indices->dims[indices->rank - 1];
    bool fits = named > 0 && named <= data->rank - batch;
    for (size_t i = 0; i < batch; i++)
        fits = fits && data->dims[i] == indices->dims[i];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (!fits)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input indices has dims %s, which do not fit %s of data%s",
                         stoa_dims_text(indices->rank, indices->dims, mine),
                         stoa_dims_text(data->rank, data->dims, its), batch ? " with these batch_dims" : "");
    size_t rank = indices->rank - 1 + data->rank - batch - named;
    if (rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the output would have rank %zu, at most %d is taken", rank,
                         STOA_MAX_RANK);
    parts->dtype = data->dtype;
    parts->rank = 0;
    for (size_t i = 0; i + 1 < indices->rank; i++)
        parts->dims[parts->rank++] = indices->dims[i];
    for (size_t i = batch + named; i < data->rank; i++)
        parts->dims[parts->rank++] = data->dims[i];
    return stoa_tensor_measure(parts, error, NULL, NULL);
}

static enum stoa_status infer_gather(const struct op_call *call, struct stoa_error *error)
{
    return infer_parts(call, error, &call->outputs[0]);
}

static enum stoa_status infer_scatter(const struct op_call *call, struct stoa_error *error)
{
    const struct tuples_params *params = call->params;
    const struct stoa_tensor *updates = &call->inputs[2];
    struct stoa_tensor parts;
    STOA_TRY(infer_parts(call, error, &parts));
    STOA_TRY(stoa_scatter_check(call, params->reduction, error));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (!stoa_tensor_same_dims(&parts, updates))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input updates has dims %s, must be %s, as indices and data ask for",
                         stoa_dims_text(updates->rank, updates->dims, mine),
                         stoa_dims_text(parts.rank, parts.dims, its));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* The part of a tensor that its first `count` dimensions leave. */
static struct stoa_tensor part_of(const struct stoa_tensor *tensor, size_t count)
{
    struct stoa_tensor part = {.dtype = tensor->dtype, .rank = tensor->rank - count};
    for (size_t i = 0; i < part.rank; i++) {
        part.dims[i] = tensor->dims[count + i];
        part.strides[i] = tensor->strides[count + i];
    }
    return part;
}

enum stoa_status stoa_tuples_walk(const struct tuples_params *params, const struct stoa_tensor *x,
                                  const struct stoa_tensor *indices, const struct stoa_tensor *y, gather_each each,
                                  void *context, struct stoa_error *error)
{
    size_t batch = (size_t)params->batch_dims, last = indices->rank - 1, named = indices->dims[last], count = 1;
    struct stoa_tensor from = part_of(x, batch + named), to = part_of(y, last);
    size_t size = stoa_dtype_size(x->dtype), elements = stoa_tensor_elements(&from);
    for (size_t i = 0; i < last; i++)
        count *= indices->dims[i];
    for (size_t t = 0; t < count; t++) {
        size_t x_offset = 0, y_offset = 0, tuple = 0, rest = t;
        for (size_t i = last; i-- > 0; rest /= indices->dims[i]) {
            size_t at = rest % indices->dims[i];
            tuple += at * indices->strides[i];
            y_offset += at * y->strides[i];
            x_offset += i < batch ? at * x->strides[i] : 0;
        }
        for (size_t i = 0; i < named; i++) {
            size_t at, axis = batch + i;
            int64_t index = stoa_index_load(indices, tuple + i * indices->strides[last]);
            STOA_TRY(stoa_index_resolve(index, x->dims[axis], axis, error, &at));
            x_offset += at * x->strides[axis];
        }
        if (elements == 0)
            continue;
        from.data = (char *)x->data + x_offset * size;
        to.data = (char *)y->data + y_offset * size;
        each(context, &from, &to);
    }
    return STOA_OK;
}

static void copy(const struct stoa_tensor *from, const struct stoa_tensor *to, struct pool *pool)
{
    if (from->rank == 0)
        memcpy(to->data, from->data, stoa_dtype_size(from->dtype));
    else
        stoa_nd_copy(from, to, pool);
}

static void join(enum scatter_reduction reduction, const struct stoa_tensor *x, const struct stoa_tensor *y,
                 struct pool *pool)
{
    struct nd nd = stoa_nd_over(x);
    stoa_nd_read(&nd, x);
    stoa_nd_read(&nd, y);
    stoa_nd_run(&nd, pool, stoa_scatter_loop(reduction, x->dtype), NULL);
}

void stoa_part_take(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    copy(x, y, pool);
}

void stoa_part_put(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    copy(y, x, pool);
}

void stoa_part_add(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    join(SCATTER_ADD, x, y, pool);
}

static void multiply(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    join(SCATTER_MUL, x, y, pool);
}

static void raise(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    join(SCATTER_MAX, x, y, pool);
}

static void lower(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    join(SCATTER_MIN, x, y, pool);
}

static enum stoa_status run_gather(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return stoa_tuples_walk(call->params, &call->inputs[0], &call->inputs[1], &call->outputs[0], stoa_part_take,
                            run->pool, error);
}

static enum stoa_status run_scatter(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    static const gather_each parts[] = {[SCATTER_NONE] = stoa_part_put,
                                        [SCATTER_ADD] = stoa_part_add,
                                        [SCATTER_MUL] = multiply,
                                        [SCATTER_MAX] = raise,
                                        [SCATTER_MIN] = lower};
    const struct tuples_params *params = call->params;
    stoa_nd_copy(&call->inputs[0], &call->outputs[0], run->pool);
    return stoa_tuples_walk(params, &call->outputs[0], &call->inputs[1], &call->inputs[2], parts[params->reduction],
                            run->pool, error);
}

static const struct op_gradient gather_gradients[] = {
    {"GatherNDBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {0}},
};
static const struct op_gradient scatter_gradients[] = {
    {"ScatterNDBackward", 4, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}}, 1, {0}},
    {"ScatterNDBackwardUpdates", 4, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}}, 1, {2}},
};

#define TUPLES(name, type_, inputs, gradients_, parse_, infer_, run_)                                                  \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 11,                                                                                                   \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients_,                                                                                       \
        .gradient_count = sizeof gradients_ / sizeof *gradients_,                                                      \
        .params_size = sizeof(struct tuples_params),                                                                   \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run_,                                                                                                   \
    };
TUPLES(gather_nd, "GatherND", 2, gather_gradients, stoa_gather_nd_parse, infer_gather, run_gather)
TUPLES(scatter_nd, "ScatterND", 3, scatter_gradients, stoa_scatter_nd_parse, infer_scatter, run_scatter)
