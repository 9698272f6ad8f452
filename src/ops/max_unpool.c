/* MaxUnpool: each element goes back to where MaxPool's Indices say it came from, among zeros. Indices count through the
 * whole plain output, also where output_shape says how large that is. Of several elements with one index the last one
 * stays. */
#include "ops/max_unpool.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/arguments.h"
#include "ops/check.h"

enum { X, INDICES, OUTPUT_SHAPE };

enum stoa_status stoa_max_unpool_parse(struct attribute_reader *reader, void *out)
{
    struct max_unpool_params *params = out;
    stoa_window_parse(reader, false, &params->window);
    if (params->window.padding != WINDOW_NOTSET)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute auto_pad is not one this operator has");
    stoa_reader_require(reader, "kernel_shape");
    return stoa_reader_finish(reader);
}

/* The size that a window of that kernel, stride and pads would pool to x's. */
static enum stoa_status infer_size(const struct op_call *call, struct stoa_error *error)
{
    const struct max_unpool_params *params = call->params;
    const struct window *window = &params->window;
    const struct stoa_tensor *x = &call->inputs[X];
    for (size_t d = 2; d < x->rank; d++) {
        size_t i = d + WINDOW_AXES - x->rank, whole, pads = window->pad[i] + window->pad[i + WINDOW_AXES];
        if (x->dims[d] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input X has no elements along axis %zu", d);
        if (!stoa_size_mul(x->dims[d] - 1, window->stride[i], &whole) ||
            !stoa_size_add(whole, window->kernel[i], &whole) || whole > INT_MAX)
            return stoa_fail(error, STOA_ERROR_LIMIT, "axis %zu of %zu elements becomes too large", d, x->dims[d]);
        if (whole <= pads)
            return stoa_fail(error, STOA_ERROR_SHAPE, "pads %zu and %zu leave nothing of axis %zu of %zu",
                             window->pad[i], window->pad[i + WINDOW_AXES], d, whole);
        call->outputs[0].dims[d] = whole - pads;
    }
    return STOA_OK;
}

static enum stoa_status read_size(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[X];
    struct op_integers list;
    STOA_TRY(stoa_input_integers(call, OUTPUT_SHAPE, "output_shape", error, &list));
    if (list.count != x->rank)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input output_shape has %zu values for input X of rank %zu",
                         list.count, x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        if (list.values[d] < 1 || list.values[d] > INT_MAX || (d < 2 && (size_t)list.values[d] != x->dims[d]))
            return stoa_fail(error, STOA_ERROR_SHAPE, "input output_shape has %" PRId64 " for axis %zu", list.values[d],
                             d);
        call->outputs[0].dims[d] = (size_t)list.values[d];
    }
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct max_unpool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[X], *indices = &call->inputs[INDICES];
    STOA_TRY(stoa_check_float(call, X, "X", error));
    STOA_TRY(stoa_window_check_axes(&params->window, x, error));
    if (indices->dtype != STOA_INT64)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input I is of type %s, must be int64",
                         stoa_dtype_name(indices->dtype));
    if (!stoa_tensor_same_dims(x, indices)) {
        char its[STOA_DIMS_TEXT], ours[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "input I has dims %s, input X has %s",
                         stoa_dims_text(indices->rank, indices->dims, its), stoa_dims_text(x->rank, x->dims, ours));
    }
    stoa_same_as_input(call, X, 0);
    STOA_TRY(stoa_op_has_input(call, OUTPUT_SHAPE) ? read_size(call, error) : infer_size(call, error));
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

enum stoa_status stoa_max_unpool_place(const int64_t *indices, size_t i, size_t count, struct stoa_error *error,
                                       size_t *place)
{
    if (indices[i] < 0 || (uint64_t)indices[i] >= count)
        return stoa_fail(error, STOA_ERROR_DATA, "input I has %" PRId64 " at %zu, the output has %zu elements",
                         indices[i], i, count);
    *place = (size_t)indices[i];
    return STOA_OK;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    const float *x = call->inputs[X].data;
    float *y = call->outputs[0].data;
    const size_t count = stoa_tensor_elements(&call->inputs[X]), room = stoa_tensor_elements(&call->outputs[0]);
    if (room)
        memset(y, 0, room * sizeof *y);
    for (size_t i = 0; i < count; i++) {
        size_t place = 0;
        STOA_TRY(stoa_max_unpool_place(call->inputs[INDICES].data, i, room, error, &place));
        y[place] = x[i];
    }
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"MaxUnpoolBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, INDICES}}, 1, {X}},
};

const struct op stoa_op_max_unpool = {
    .type = "MaxUnpool",
    .since = 9,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .value_inputs = 1 << OUTPUT_SHAPE,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct max_unpool_params),
    .parse = stoa_max_unpool_parse,
    .infer = infer,
    .run = run,
};
