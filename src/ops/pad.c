/* Pad: adds elements in front of and behind each axis, or takes them away where the count is negative. CenterCropPad
 * says how many are to remain instead, and no gradients pass through it. An axis falls into at most three spans
 * (before, inside, behind the input); each combination of spans is one strided copy: reflection walks backwards, an
 * edge stands still, a constant stands still everywhere, wrapping begins at the other end. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

enum { AXES = 3 }; /* the input */

enum stoa_status stoa_pad_parse(struct attribute_reader *reader, void *params_)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    static const char *const before_19[] = {"constant", "reflect", "edge", NULL};
    struct pad_params *params = params_;
    params->mode = (enum pad_mode)stoa_read_choice(reader, "mode", reader->opset < 19 ? before_19 : modes);
    params->axes_input = reader->opset >= 18;
    params->pads_input = reader->opset >= 11;
    if (!params->pads_input) {
        params->value = stoa_read_float(reader, "value", 0.0f);
        stoa_reader_require(reader, "pads");
        stoa_read_integers(reader, "pads", &params->pads);
    }
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_center(struct attribute_reader *reader, void *params_)
{
    struct pad_params *params = params_;
    params->pads_input = params->centers = true;
    stoa_read_integers(reader, "axes", &params->axes);
    return stoa_reader_finish(reader);
}

/* The most that one side may grow or shrink by: sums of two stay far from overflow. */
#define MOST_PAD ((int64_t)1 << 60)

/* The pads that make `size` elements so many: where they are odd, one more behind. */
static enum stoa_status center(int64_t wanted, size_t index, size_t size, struct stoa_error *error, int64_t *front,
                               int64_t *behind)
{
    if (wanted < 0 || wanted > MOST_PAD)
        return stoa_fail(error, wanted < 0 ? STOA_ERROR_ATTRIBUTE : STOA_ERROR_LIMIT, "shape[%zu] is %" PRId64, index,
                         wanted);
    int64_t more = wanted - (int64_t)size;
    *front = more / 2;
    *behind = more - *front;
    return STOA_OK;
}

/* Two for each axis of input 0. */
static enum stoa_status read_pads(const struct op_call *call, struct stoa_error *error, struct op_integers *pads)
{
    const struct pad_params *params = call->params;
    const char *name = params->centers ? "shape" : "pads";
    struct op_integers given = params->pads, axes = params->axes;
    size_t rank = call->inputs[0].rank, count = rank, each = params->centers ? 1 : 2;
    bool named[STOA_MAX_RANK];
    if (params->pads_input) {
        STOA_TRY(stoa_input_integers(call, 1, name, error, &given));
        if (!params->centers)
            STOA_TRY(stoa_input_integers(call, AXES, "axes", error, &axes));
        if (axes.present && !params->centers && !params->axes_input)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input axes is given, which there is not before opset 18");
        STOA_TRY(stoa_check_axes("axes", &axes, rank, error, named));
    }
    if (axes.present)
        count = axes.count;
    if (given.count != each * count)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s has %zu values, must have %zu for %s %zu", name, given.count,
                         each * count, axes.present ? "axes of length" : "rank", count);
    *pads = (struct op_integers){.present = true, .count = 2 * rank};
    for (size_t i = 0; i < count; i++) {
        size_t axis = i;
        if (axes.present)
            STOA_TRY(stoa_check_axis("axes", axes.values[i], rank, false, error, &axis));
        int64_t *front = &pads->values[axis], *behind = &pads->values[rank + axis];
        if (params->centers) {
            STOA_TRY(center(given.values[i], i, call->inputs[0].dims[axis], error, front, behind));
        } else {
            *front = given.values[i];
            *behind = given.values[count + i];
        }
    }
    return STOA_OK;
}

static enum stoa_status infer_axis(enum pad_mode mode, const int64_t pads[2], size_t axis, size_t size,
                                   struct stoa_error *error, size_t *padded)
{
    for (size_t side = 0; side < 2; side++) {
        if (pads[side] < -MOST_PAD || pads[side] > MOST_PAD || size > (size_t)MOST_PAD)
            return stoa_fail(error, STOA_ERROR_LIMIT, "pads has %" PRId64 " for axis %zu of %zu elements", pads[side],
                             axis, size);
        /* There the constant mode is still defined. */
        if (mode == PAD_EDGE && pads[side] > 0 && size == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "pads has %" PRId64 " for axis %zu, which has no edge to repeat",
                             pads[side], axis);
        if (mode == PAD_WRAP && pads[side] > 0 &&
            pads[side] > (int64_t)size + (pads[1 - side] < 0 ? pads[1 - side] : 0))
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                             "pads has %" PRId64 " and %" PRId64
                             " for axis %zu of %zu elements: those that are not taken away are repeated once at most",
                             pads[0], pads[1], axis, size);
        if (mode == PAD_REFLECT && pads[side] > 0 && (size == 0 || (size_t)pads[side] > size - 1))
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                             "pads has %" PRId64 " for axis %zu: %zu elements cannot be reflected so far", pads[side],
                             axis, size);
    }
    int64_t sum = pads[0] + (int64_t)size + pads[1];
    if (sum < 0)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "pads has %" PRId64 " and %" PRId64 " for axis %zu, more than its %zu elements to take away",
                         pads[0], pads[1], axis, size);
    *padded = (size_t)sum;
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct pad_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct op_integers pads;
    STOA_TRY(read_pads(call, error, &pads));
    if (!params->pads_input && !stoa_dtype_is_real(x->dtype))
        return stoa_fail(error, STOA_ERROR_GRAPH, "input data is of type %s, must be float or double",
                         stoa_dtype_name(x->dtype));
    if (stoa_op_has_input(call, 2) && call->inputs[2].dtype != x->dtype)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input constant_value is of type %s, input data of %s",
                         stoa_dtype_name(call->inputs[2].dtype), stoa_dtype_name(x->dtype));
    STOA_TRY(stoa_check_single(call, 2, "constant_value", error));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < x->rank; i++) {
        int64_t both[2] = {pads.values[i], pads.values[x->rank + i]};
        STOA_TRY(infer_axis(params->mode, both, i, x->dims[i], error, &call->outputs[0].dims[i]));
    }
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static bool pads(const struct op_call *call, size_t pad[4])
{
    const struct pad_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *value = stoa_op_has_input(call, 2) ? &call->inputs[2] : NULL;
    struct op_integers list;
    if (x->rank != 4 || x->dtype != STOA_FLOAT || params->mode != PAD_CONSTANT || params->value != 0 ||
        (value && (!value->data || *(const float *)value->data != 0)) || read_pads(call, NULL, &list) != STOA_OK)
        return false;
    for (size_t i = 0; i < 8; i++)
        if (list.values[i] < 0 || list.values[i] > INT_MAX || (i % 4 < 2 && list.values[i] != 0))
            return false;
    for (size_t i = 0; i < 4; i++)
        pad[i] = (size_t)list.values[i / 2 * 4 + 2 + i % 2];
    return true;
}

/* Adds the part of the output that lies in [low, high), in coordinates in which the input begins at 0. */
static void add_span(enum pad_mode mode, const int64_t pads[2], int64_t low, int64_t high, int64_t size,
                     struct pad_span *spans, size_t *count)
{
    if (low >= high)
        return;
    struct pad_span *span = &spans[(*count)++];
    bool inside = low >= 0 && low < size;
    *span =
        (struct pad_span){.start = (size_t)(low + pads[0]), .size = (size_t)(high - low), .step = 1, .inside = inside};
    if (inside) {
        span->from = (size_t)low;
    } else if (mode == PAD_CONSTANT) {
        span->constant = true;
    } else if (mode == PAD_EDGE) {
        span->from = low < 0 ? 0 : (size_t)(size - 1);
        span->step = 0;
    } else if (mode == PAD_WRAP) {
        /* Around what is not taken away at the other end. */
        span->from =
            (size_t)(low < 0 ? low + size + (pads[1] < 0 ? pads[1] : 0) : low - size - (pads[0] < 0 ? pads[0] : 0));
    } else {
        span->from = (size_t)(low < 0 ? -low : 2 * (size - 1) - low);
        span->step = -1;
    }
}

static size_t axis_spans(enum pad_mode mode, const int64_t pads[2], size_t dim, struct pad_span spans[3])
{
    int64_t size = (int64_t)dim, low = -pads[0], high = size + pads[1];
    size_t count = 0;
    add_span(mode, pads, low, high < 0 ? high : 0, size, spans, &count);
    add_span(mode, pads, low > 0 ? low : 0, high < size ? high : size, size, spans, &count);
    add_span(mode, pads, low > size ? low : size, high, size, spans, &count);
    return count;
}

enum stoa_status stoa_pad_spans(const struct op_call *call, struct stoa_error *error, struct pad_spans *spans)
{
    const struct pad_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct op_integers pads;
    STOA_TRY(read_pads(call, error, &pads));
    for (size_t i = 0; i < x->rank; i++)
        spans->counts[i] = axis_spans(params->mode, (int64_t[]){pads.values[i], pads.values[x->rank + i]}, x->dims[i],
                                      spans->spans[i]);
    return STOA_OK;
}

bool stoa_pad_choose(const struct pad_spans *spans, size_t rank, size_t index, const struct pad_span **chosen)
{
    for (size_t i = rank; i-- > 0; index /= spans->counts[i]) {
        if (spans->counts[i] == 0)
            return false;
        chosen[i] = &spans->spans[i][index % spans->counts[i]];
    }
    return index == 0;
}

static void copy_spans(const struct stoa_tensor *x, const struct stoa_tensor *y, const void *value,
                       const struct pad_span *const *spans, struct pool *pool)
{
    struct stoa_tensor part = *y;
    ptrdiff_t from = 0;
    bool constant = false;
    size_t to = 0;
    for (size_t i = 0; i < y->rank; i++) {
        part.dims[i] = spans[i]->size;
        to += spans[i]->start * y->strides[i];
        from += (ptrdiff_t)(spans[i]->from * x->strides[i]);
        constant |= spans[i]->constant;
    }
    size_t size = stoa_dtype_size(y->dtype);
    part.data = (char *)y->data + to * size;
    struct nd nd = stoa_nd_over(&part);
    stoa_nd_read_scalar(&nd, y->dtype, value);
    if (!constant) {
        nd.operands[1].data = (char *)x->data + from * (ptrdiff_t)size;
        for (size_t i = 0; i < y->rank; i++)
            nd.operands[1].strides[i] = spans[i]->step * (ptrdiff_t)x->strides[i];
    }
    stoa_nd_copy_nest(&nd, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct pad_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    const struct pad_span *chosen[STOA_MAX_RANK];
    struct pad_spans spans;
    STOA_TRY(stoa_pad_spans(call, error, &spans));
    if (stoa_tensor_elements(y) == 0)
        return STOA_OK;
    /* The constant, in the data's type. */
    char value[8] = {0};
    if (stoa_op_has_input(call, 2))
        memcpy(value, call->inputs[2].data, stoa_dtype_size(x->dtype));
    else if (!params->pads_input)
        stoa_cast_loop(STOA_FLOAT, x->dtype)(NULL, 1, (char *[]){value, (char *)&params->value}, (ptrdiff_t[]){1, 1});

    for (size_t c = 0; stoa_pad_choose(&spans, x->rank, c, chosen); c++)
        copy_spans(x, y, value, chosen, run->pool);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"PadBackward", 5, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}, {OP_INPUT, AXES}}, 1, {0}},
};

static const struct op_fusion fusion = {.pads = pads};

#define PAD(name, since_, until_, least_inputs, most_inputs)                                                           \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Pad",                                                                                                 \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .value_inputs = (most_inputs) > 1 ? 1 << 1 | 1 << AXES : 0,                                                    \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct pad_params),                                                                      \
        .parse = stoa_pad_parse,                                                                                       \
        .fusion = &fusion,                                                                                             \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
PAD(pad, 2, 10, 1, 1)
PAD(pad_11, 11, 0, 2, 4)

const struct op stoa_op_center_crop_pad = {
    .type = "CenterCropPad",
    .since = 18,
    .min_inputs = 2,
    .max_inputs = 2,
    .value_inputs = 1 << 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct pad_params),
    .parse = parse_center,
    .fusion = &fusion,
    .infer = infer,
    .run = run,
};
