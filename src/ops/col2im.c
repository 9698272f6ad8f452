/* Col2Im: images put together again from columns, the inverse walk of im2col: element [n][c*K + k][l] of the input is
 * added to the pixel that tap k of window l of channel c sees. For each tap, those of its windows that see a pixel are
 * a strided nest, so that a plane is the sum of K of them, in the order of the taps. No gradients pass. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

#define MOST_AXES (STOA_MAX_RANK - 2)

enum { INPUT, IMAGE_SHAPE, BLOCK_SHAPE }; /* inputs */
enum { STRIDES, DILATIONS, PADS, LISTS };
static const char *const list_names[LISTS] = {"strides", "dilations", "pads"};

struct col2im_params {
    size_t counts[LISTS]; /* 0: absent, the values are what stands for none */
    int64_t lists[LISTS][2 * MOST_AXES];
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct col2im_params *params = params_;
    for (size_t i = 0; i < LISTS; i++) {
        for (size_t k = 0; k < 2 * MOST_AXES; k++)
            params->lists[i][k] = i != PADS;
        params->counts[i] = stoa_read_ints(reader, list_names[i], i != PADS, INT_MAX, 2 * MOST_AXES, params->lists[i]);
    }
    return stoa_reader_finish(reader);
}

struct columns {
    size_t axes, taps, windows; /* of all axes: the products of theirs */
    struct axis {
        size_t image, taps, windows, stride, dilation, pad;
    } axis[MOST_AXES];
};

/* Axis i from the attributes, its image and taps being known. */
static enum stoa_status measure_axis(const struct op_call *call, size_t i, struct stoa_error *error,
                                     struct columns *columns)
{
    const struct col2im_params *params = call->params;
    struct axis *axis = &columns->axis[i];
    axis->stride = (size_t)params->lists[STRIDES][i];
    axis->dilation = (size_t)params->lists[DILATIONS][i];
    axis->pad = (size_t)params->lists[PADS][i];
    size_t padded = axis->image + axis->pad + (size_t)params->lists[PADS][columns->axes + i];
    size_t reach = (axis->taps - 1) * axis->dilation + 1;
    if (reach > padded)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "block_shape[%zu] of %zu, dilation %zu, reaches over %zu; the padded image_shape[%zu] is %zu",
                         i, axis->taps, axis->dilation, reach, i, padded);
    axis->windows = (padded - reach) / axis->stride + 1;
    if (!stoa_size_mul(columns->taps, axis->taps, &columns->taps) ||
        !stoa_size_mul(columns->windows, axis->windows, &columns->windows))
        return stoa_fail(error, STOA_ERROR_LIMIT, "image_shape and block_shape make more columns than memory holds");
    return STOA_OK;
}

static enum stoa_status measure(const struct op_call *call, struct stoa_error *error, struct columns *columns)
{
    const struct col2im_params *params = call->params;
    int64_t image[MOST_AXES], block[MOST_AXES];
    size_t axes, count;
    STOA_TRY(stoa_input_values(call, IMAGE_SHAPE, "image_shape", MOST_AXES, error, image, &axes));
    STOA_TRY(stoa_input_values(call, BLOCK_SHAPE, "block_shape", MOST_AXES, error, block, &count));
    if (axes == 0 || count != axes)
        return stoa_fail(
            error, STOA_ERROR_SHAPE,
            "inputs image_shape and block_shape have %zu and %zu values, must have one for each spatial axis", axes,
            count);
    for (size_t i = 0; i < LISTS; i++)
        if (params->counts[i] && params->counts[i] != (i == PADS ? 2 : 1) * axes)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, must have %zu", list_names[i],
                             params->counts[i], (i == PADS ? 2 : 1) * axes);
    *columns = (struct columns){.axes = axes, .taps = 1, .windows = 1};
    for (size_t i = 0; i < axes; i++) {
        bool fits = image[i] >= 1 && image[i] <= INT_MAX;
        if (!fits || block[i] < 1 || block[i] > INT_MAX)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s[%zu] is %" PRId64 ", must be in [1, %d]",
                             fits ? "block_shape" : "image_shape", i, fits ? block[i] : image[i], INT_MAX);
        columns->axis[i] = (struct axis){.image = (size_t)image[i], .taps = (size_t)block[i]};
        STOA_TRY(measure_axis(call, i, error, columns));
    }
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[INPUT];
    struct columns columns;
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, INPUT, "input", error));
    STOA_TRY(measure(call, error, &columns));
    if (x->rank != 3 || x->dims[1] % columns.taps || x->dims[2] != columns.windows)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "input input has dims %s, must have [N,C*%zu,%zu] for image_shape and block_shape",
                         stoa_dims_text(x->rank, x->dims, text), columns.taps, columns.windows);
    struct stoa_tensor *y = &call->outputs[0];
    *y = (struct stoa_tensor){
        .dtype = STOA_FLOAT, .rank = 2 + columns.axes, .dims = {x->dims[0], x->dims[1] / columns.taps}};
    for (size_t i = 0; i < columns.axes; i++)
        y->dims[2 + i] = columns.axis[i].image;
    return stoa_tensor_measure(y, error, NULL, NULL);
}

struct planes {
    struct columns columns;
    size_t pixels; /* of one plane */
    const float *x;
    float *y;
};

/* y[image] += x[windows], each window's element where this tap of it is, if that is inside. */
static void add_tap(const struct columns *columns, size_t tap, const float *x, float *y)
{
    struct nd nd = {.rank = columns->axes, .operand_count = 3};
    struct nd_operand to = {.size = sizeof *y}, from = {.size = sizeof *x};
    size_t x_stride = 1, y_stride = 1;
    for (size_t i = columns->axes; i-- > 0;) {
        const struct axis *axis = &columns->axis[i];
        const size_t offset = tap % axis->taps * axis->dilation, beyond = axis->image + axis->pad;
        size_t first = offset < axis->pad ? stoa_size_ceil_div(axis->pad - offset, axis->stride) : 0;
        size_t end = offset < beyond ? stoa_size_ceil_div(beyond - offset, axis->stride) : 0;
        end = stoa_size_min(end, axis->windows);
        if (first >= end)
            return;
        nd.dims[i] = end - first;
        x += first * x_stride;
        y += (first * axis->stride + offset - axis->pad) * y_stride;
        from.strides[i] = (ptrdiff_t)x_stride;
        /* A stride over a single element may be any number. */
        to.strides[i] = nd.dims[i] > 1 ? (ptrdiff_t)(axis->stride * y_stride) : 0;
        x_stride *= axis->windows;
        y_stride *= axis->image;
        tap /= axis->taps;
    }
    to.data = (char *)y;
    from.data = stoa_read_only(x);
    nd.operands[0] = nd.operands[1] = to;
    nd.operands[2] = from;
    stoa_nd_run(&nd, NULL, stoa_arithmetic_loop(ARITHMETIC_ADD, STOA_FLOAT), NULL);
}

/* One channel of one image. */
static void add_plane(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct planes *planes = context;
    const struct columns *columns = &planes->columns;
    float *y = planes->y + task * planes->pixels;
    memset(y, 0, planes->pixels * sizeof *y);
    for (size_t tap = 0; tap < columns->taps; tap++)
        add_tap(columns, tap, planes->x + (task * columns->taps + tap) * columns->windows, y);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *y = &call->outputs[0];
    struct planes planes = {.pixels = 1, .x = call->inputs[INPUT].data, .y = y->data};
    STOA_TRY(measure(call, error, &planes.columns));
    for (size_t i = 2; i < y->rank; i++)
        planes.pixels *= y->dims[i];
    stoa_pool_run(run->pool, y->dims[0] * y->dims[1], add_plane, &planes);
    return STOA_OK;
}

const struct op stoa_op_col2im = {
    .type = "Col2Im",
    .since = 18,
    .min_inputs = 3,
    .max_inputs = 3,
    .value_inputs = 1 << IMAGE_SHAPE | 1 << BLOCK_SHAPE,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct col2im_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
