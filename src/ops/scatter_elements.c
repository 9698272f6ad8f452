/* GatherElements and ScatterElements (Scatter, as it was called first): each index moves one element along an axis. All
 * indices are looked at before anything is moved. Scattering goes on one worker, as several indices may mean one place.
 */
#include "ops/scatter_elements.h"

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/elements.h"
#include "ops/check.h"
#include "ops/indices.h"

enum scatter_reduction stoa_read_reduction(struct attribute_reader *reader)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min", NULL};
    static const char *const before_18[] = {"none", "add", "mul", NULL};
    if (reader->opset < 16)
        return SCATTER_NONE;
    return (enum scatter_reduction)stoa_read_choice(reader, "reduction", reader->opset < 18 ? before_18 : names);
}

nd_loop stoa_scatter_loop(enum scatter_reduction reduction, enum stoa_dtype dtype)
{
    static const enum arithmetic joins[] = {[SCATTER_ADD] = ARITHMETIC_ADD,
                                            [SCATTER_MUL] = ARITHMETIC_MUL,
                                            [SCATTER_MAX] = ARITHMETIC_MAX,
                                            [SCATTER_MIN] = ARITHMETIC_MIN};
    return stoa_arithmetic_loop(joins[reduction], dtype);
}

enum stoa_status stoa_scatter_check(const struct op_call *call, enum scatter_reduction reduction,
                                    struct stoa_error *error)
{
    const struct stoa_tensor *data = &call->inputs[0], *updates = &call->inputs[2];
    if (updates->dtype != data->dtype)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input updates is of type %s, data of %s",
                         stoa_dtype_name(updates->dtype), stoa_dtype_name(data->dtype));
    if (reduction != SCATTER_NONE && !stoa_scatter_loop(reduction, data->dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "attribute reduction is not \"none\", but data is of type %s",
                         stoa_dtype_name(data->dtype));
    return STOA_OK;
}

enum stoa_status stoa_gather_elements_parse(struct attribute_reader *reader, void *params)
{
    ((struct elements_params *)params)->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_scatter_elements_parse(struct attribute_reader *reader, void *params)
{
    ((struct elements_params *)params)->reduction = stoa_read_reduction(reader);
    return stoa_gather_elements_parse(reader, params);
}

/* Whether the indices fit data: as many axes, and but for the one indexed none longer. */
static enum stoa_status check_indices(const struct op_call *call, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    const struct stoa_tensor *data = &call->inputs[0], *indices = &call->inputs[1];
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", params->axis, data->rank, false, error, &axis));
    STOA_TRY(stoa_check_indices(call, 1, "indices", error));
    bool fits = indices->rank == data->rank;
    for (size_t i = 0; fits && i < data->rank; i++)
        fits = i == axis || indices->dims[i] <= data->dims[i];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (!fits)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input indices has dims %s, which do not fit %s of data",
                         stoa_dims_text(indices->rank, indices->dims, mine),
                         stoa_dims_text(data->rank, data->dims, its));
    return STOA_OK;
}

static enum stoa_status infer_gather(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(check_indices(call, error));
    stoa_same_as_input(call, 1, 0);
    call->outputs[0].dtype = call->inputs[0].dtype;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static enum stoa_status infer_scatter(const struct op_call *call, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    const struct stoa_tensor *indices = &call->inputs[1], *updates = &call->inputs[2];
    STOA_TRY(check_indices(call, error));
    STOA_TRY(stoa_scatter_check(call, params->reduction, error));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (!stoa_tensor_same_dims(indices, updates))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input updates has dims %s, indices %s",
                         stoa_dims_text(updates->rank, updates->dims, mine),
                         stoa_dims_text(indices->rank, indices->dims, its));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* The nest over y, and what its loops need to find their way in x. */
static enum stoa_status plan(int64_t signed_axis, const struct stoa_tensor *x, const struct stoa_tensor *indices,
                             const struct stoa_tensor *y, struct stoa_error *error, struct elements *elements,
                             struct nd *nd)
{
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", signed_axis, x->rank, false, error, &axis));
    STOA_TRY(stoa_indices_resolve(indices, x->dims[axis], axis, error));
    *elements = (struct elements){.wide = indices->dtype == STOA_INT64,
                                  .dim = (ptrdiff_t)x->dims[axis],
                                  .stride = (ptrdiff_t)x->strides[axis],
                                  .size = stoa_dtype_size(x->dtype)};
    *nd = stoa_nd_over(y);
    stoa_nd_read(nd, indices);
    struct nd_operand *operand = &nd->operands[nd->operand_count++];
    *operand = (struct nd_operand){.data = x->data, .size = elements->size};
    for (size_t i = 0; i < x->rank; i++)
        operand->strides[i] = i == axis ? 0 : (ptrdiff_t)x->strides[i];
    return STOA_OK;
}

enum stoa_status stoa_elements_gather(int64_t axis, const struct stoa_tensor *x, const struct stoa_tensor *indices,
                                      const struct stoa_tensor *y, struct pool *pool, struct stoa_error *error)
{
    struct elements elements;
    struct nd nd;
    STOA_TRY(plan(axis, x, indices, y, error, &elements, &nd));
    stoa_nd_run(&nd, pool, stoa_elements_take(elements.size), &elements);
    return STOA_OK;
}

enum stoa_status stoa_elements_scatter(const struct elements_params *params, const struct stoa_tensor *x,
                                       const struct stoa_tensor *indices, const struct stoa_tensor *y,
                                       struct stoa_error *error)
{
    struct elements elements;
    struct nd nd;
    STOA_TRY(plan(params->axis, x, indices, y, error, &elements, &nd));
    bool puts = params->reduction == SCATTER_NONE;
    elements.join = puts ? NULL : stoa_scatter_loop(params->reduction, x->dtype);
    stoa_nd_run(&nd, NULL, puts ? stoa_elements_put(elements.size) : stoa_elements_join, &elements);
    return STOA_OK;
}

static enum stoa_status run_gather(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    return stoa_elements_gather(params->axis, &call->inputs[0], &call->inputs[1], &call->outputs[0], run->pool, error);
}

static enum stoa_status run_scatter(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    stoa_nd_copy(&call->inputs[0], &call->outputs[0], run->pool);
    return stoa_elements_scatter(call->params, &call->outputs[0], &call->inputs[1], &call->inputs[2], error);
}

static const struct op_gradient gather_gradients[] = {
    {"GatherElementsBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {0}},
};
static const struct op_gradient scatter_gradients[] = {
    {"ScatterElementsBackward", 4, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}}, 1, {0}},
    {"ScatterElementsBackwardUpdates", 4, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}}, 1, {2}},
};

#define ELEMENTS(name, type_, since_, until_, inputs, gradients_, parse_, infer_, run_)                                \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients_,                                                                                       \
        .gradient_count = sizeof gradients_ / sizeof *gradients_,                                                      \
        .params_size = sizeof(struct elements_params),                                                                 \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run_,                                                                                                   \
    };
ELEMENTS(gather_elements, "GatherElements", 11, 0, 2, gather_gradients, stoa_gather_elements_parse, infer_gather,
         run_gather)
ELEMENTS(scatter_elements, "ScatterElements", 11, 0, 3, scatter_gradients, stoa_scatter_elements_parse, infer_scatter,
         run_scatter)
ELEMENTS(scatter, "Scatter", 9, 0, 3, scatter_gradients, stoa_scatter_elements_parse, infer_scatter, run_scatter)
