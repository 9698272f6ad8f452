/* Operators that only rename dimensions: Reshape, Flatten, Squeeze, Unsqueeze. They are views wherever the input's
 * memory, as it lies, can be walked in the output's dims. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

struct reshape_params {
    bool allow_zero;         /* Reshape: a 0 is a 0, not the input's dimension */
    int64_t axis;            /* Flatten */
    struct op_integers axes; /* Squeeze and Unsqueeze before opset 13 */
    bool axes_input;
};

static enum stoa_status parse_reshape(struct attribute_reader *reader, void *params)
{
    if (reader->opset >= 14)
        ((struct reshape_params *)params)->allow_zero = stoa_read_int(reader, "allowzero", 0, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_flatten(struct attribute_reader *reader, void *params)
{
    ((struct reshape_params *)params)->axis = stoa_read_int(reader, "axis", 1, -STOA_MAX_RANK, STOA_MAX_RANK);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_axes(struct attribute_reader *reader, void *params_)
{
    struct reshape_params *params = params_;
    params->axes_input = reader->opset >= 13;
    if (!params->axes_input)
        stoa_read_integers(reader, "axes", &params->axes);
    return stoa_reader_finish(reader);
}

/* Sets the dimension `open` so that the product of all is `elements`. */
static enum stoa_status infer_open(size_t elements, size_t known, size_t open, struct stoa_error *error,
                                   struct stoa_tensor *y)
{
    if (known == 0 || elements % known != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "shape[%zu] is -1, but %zu elements do not divide by the other dimensions' %zu", open,
                         elements, known);
    y->dims[open] = elements / known;
    return STOA_OK;
}

static enum stoa_status infer_reshape(const struct op_call *call, struct stoa_error *error)
{
    const struct reshape_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    int64_t shape[STOA_MAX_RANK];
    STOA_TRY(stoa_input_values(call, 1, "shape", STOA_MAX_RANK, error, shape, &y->rank));
    y->dtype = x->dtype;
    size_t open = STOA_MAX_RANK, known = 1, elements = stoa_tensor_elements(x);
    for (size_t i = 0; i < y->rank; i++) {
        if (shape[i] < -1 || (shape[i] == -1 && open < STOA_MAX_RANK))
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "shape[%zu] is %" PRId64 "%s", i, shape[i],
                             shape[i] == -1 ? ", but so is an earlier one" : ", must be -1 or more");
        if (shape[i] == -1) {
            open = i;
            continue;
        }
        y->dims[i] = (size_t)shape[i];
        if (shape[i] == 0 && !params->allow_zero) {
            if (i >= x->rank)
                return stoa_fail(error, STOA_ERROR_SHAPE, "shape[%zu] is 0, but the input has rank %zu", i, x->rank);
            y->dims[i] = x->dims[i];
        }
        if (!stoa_size_mul(known, y->dims[i], &known))
            return stoa_fail(error, STOA_ERROR_LIMIT,
                             "shape[%zu] is %" PRId64 ", which makes more elements than memory", i, shape[i]);
    }
    if (open < STOA_MAX_RANK)
        STOA_TRY(infer_open(elements, known, open, error, y));
    STOA_TRY(stoa_tensor_measure(y, error, &known, NULL));
    if (known == elements)
        return STOA_OK;
    char from[STOA_DIMS_TEXT], to[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE,
                     "input data has dims %s, %zu elements, but shape asks for %s, %zu elements",
                     stoa_dims_text(x->rank, x->dims, from), elements, stoa_dims_text(y->rank, y->dims, to), known);
}

static enum stoa_status infer_flatten(const struct op_call *call, struct stoa_error *error)
{
    const struct reshape_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, true, error, &axis));
    y->dtype = x->dtype;
    y->rank = 2;
    y->dims[0] = y->dims[1] = 1;
    for (size_t i = 0; i < x->rank; i++) {
        size_t *dim = &y->dims[i >= axis];
        if (!stoa_size_mul(*dim, x->dims[i], dim))
            return stoa_fail(error, STOA_ERROR_LIMIT, "the input's dimensions multiply to more than memory can be");
    }
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static enum stoa_status named_axes(const struct op_call *call, struct stoa_error *error, struct op_integers *axes)
{
    const struct reshape_params *params = call->params;
    *axes = params->axes;
    return params->axes_input ? stoa_input_integers(call, 1, "axes", error, axes) : STOA_OK;
}

static enum stoa_status infer_squeeze(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    struct op_integers axes;
    bool named[STOA_MAX_RANK];
    STOA_TRY(named_axes(call, error, &axes));
    STOA_TRY(stoa_check_axes("axes", &axes, x->rank, error, named));
    y->dtype = x->dtype;
    y->rank = 0;
    for (size_t i = 0; i < x->rank; i++) {
        if (named[i] && x->dims[i] != 1)
            return stoa_fail(error, STOA_ERROR_SHAPE, "axes names axis %zu, which has %zu elements, not 1", i,
                             x->dims[i]);
        if (axes.present ? !named[i] : x->dims[i] != 1)
            y->dims[y->rank++] = x->dims[i];
    }
    return STOA_OK;
}

static enum stoa_status infer_unsqueeze(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    struct op_integers axes;
    bool named[STOA_MAX_RANK];
    STOA_TRY(named_axes(call, error, &axes));
    if (!axes.present)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute axes is missing");
    size_t rank = x->rank + axes.count;
    if (rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "axes would make rank %zu, at most %d is taken", rank, STOA_MAX_RANK);
    STOA_TRY(stoa_check_axes("axes", &axes, rank, error, named));
    y->dtype = x->dtype;
    y->rank = rank;
    for (size_t i = 0, from = 0; i < rank; i++)
        y->dims[i] = named[i] ? 1 : x->dims[from++];
    return STOA_OK;
}

/* Dimensions of both sides fall into groups of the same product. A group can be renamed if the input's dimensions in it
 * lie evenly one in the other; then the output's strides follow from the innermost one's. */
bool stoa_reshape_view(const struct op_call *call)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    stoa_tensor_set_plain(y);
    if (stoa_tensor_is_plain(x))
        return true;
    size_t rank = 0, dims[STOA_MAX_RANK], strides[STOA_MAX_RANK];
    for (size_t i = 0; i < x->rank; i++)
        if (x->dims[i] != 1) {
            dims[rank] = x->dims[i];
            strides[rank++] = x->strides[i];
        }
    for (size_t from = 0, to = 0; from < rank;) {
        size_t from_end = from + 1, to_end = to, given = dims[from], wanted = 1;
        while (wanted != given) {
            if (wanted < given) {
                wanted *= y->dims[to_end++];
            } else {
                if (strides[from_end - 1] != strides[from_end] * dims[from_end])
                    return false;
                given *= dims[from_end++];
            }
        }
        size_t stride = strides[from_end - 1];
        for (size_t i = to_end; i-- > to;) {
            y->strides[i] = stride;
            stride *= y->dims[i];
        }
        from = from_end;
        to = to_end;
    }
    return true;
}

static const struct op_gradient gradients[] = {
    {"ReshapeBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

#define RENAMING(name, type_, since_, until_, least_inputs, most_inputs, parse_, infer_)                               \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .value_inputs = (most_inputs) > 1 ? 1 << 1 : 0,                                                                \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_VIEW,                                                                                             \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct reshape_params),                                                                  \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .view = stoa_reshape_view,                                                                                     \
    };
RENAMING(reshape, "Reshape", 5, 0, 2, 2, parse_reshape, infer_reshape)
RENAMING(flatten, "Flatten", 1, 0, 1, 1, parse_flatten, infer_flatten)
RENAMING(squeeze, "Squeeze", 1, 12, 1, 1, parse_axes, infer_squeeze)
RENAMING(squeeze_13, "Squeeze", 13, 0, 1, 2, parse_axes, infer_squeeze)
RENAMING(unsqueeze, "Unsqueeze", 1, 12, 1, 1, parse_axes, infer_unsqueeze)
RENAMING(unsqueeze_13, "Unsqueeze", 13, 0, 2, 2, parse_axes, infer_unsqueeze)
