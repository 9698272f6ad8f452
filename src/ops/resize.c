/* Resize: nearest and linear. Where each output index comes from is worked out along each axis while planning; a run
 * only follows those tables. Rows of the output are tasks; along its innermost axis, elements are gathered (nearest),
 * or first the rows that contribute are blended and then, if that axis is resized itself, the elements of the blend.
 *
 * Coordinates follow ONNX's formulas in double, with the scale as a fraction, so that they are exact where the nearest
 * element depends on it. Opset 10 states no formula; what exporters meant by it is asymmetric, cut down. */
#include "ops/resize.h"

#include <math.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/resize.h"
#include "ops/check.h"

#define MAX_SIZE 0x7fffffff

enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL, TF_HALF_PIXEL_FOR_NN, CROP_AND_RESIZE };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };

enum stoa_status stoa_resize_parse(struct attribute_reader *reader, void *out)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",         "asymmetric", "align_corners", "pytorch_half_pixel", "tf_half_pixel_for_nn",
        "tf_crop_and_resize", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    struct resize_params *params = out;
    *params = (struct resize_params){.coordinates = ASYMMETRIC, .rounding = FLOOR, .scales = 1, .sizes = 3};
    params->mode = stoa_read_choice(reader, "mode", modes);
    if (reader->opset >= 11) {
        params->scales = 2;
        params->coordinates = stoa_read_choice(reader, "coordinate_transformation_mode", coordinates);
        params->rounding = stoa_read_choice(reader, "nearest_mode", roundings);
        /* Of cubic and tf_crop_and_resize; excluding what lies outside changes nothing where borders are repeated. */
        stoa_read_float(reader, "cubic_coeff_a", -0.75f);
        stoa_read_float(reader, "extrapolation_value", 0);
        stoa_read_int(reader, "exclude_outside", 0, 0, 1);
    }
    if (params->mode > LINEAR)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED,
                         "attribute mode is \"%s\", only nearest and linear are supported", modes[params->mode]);
    if (params->coordinates == CROP_AND_RESIZE)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED,
                         "attribute coordinate_transformation_mode is \"tf_crop_and_resize\", which is not supported");
    return stoa_reader_finish(reader);
}

/* Whether an optional input says anything: exporters give an empty tensor where it does not. */
static bool says(const struct op_call *call, size_t input)
{
    return stoa_op_has_input(call, input) && stoa_tensor_elements(&call->inputs[input]) > 0;
}

/* The input that states the output's size: *by_size tells which of the two it is. */
static enum stoa_status find_given(const struct op_call *call, struct stoa_error *error,
                                   const struct stoa_tensor **given, bool *by_size)
{
    const struct resize_params *params = call->params;
    bool scales = says(call, params->scales);
    *by_size = says(call, params->sizes);
    if (scales == *by_size)
        return stoa_fail(error, STOA_ERROR_GRAPH, "%s of the inputs scales and sizes are given, must be one",
                         scales ? "both" : "none");
    const char *name = *by_size ? "sizes" : "scales";
    *given = &call->inputs[*by_size ? params->sizes : params->scales];
    if ((*given)->dtype != (*by_size ? STOA_INT64 : STOA_FLOAT))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input %s is of type %s, must be %s", name,
                         stoa_dtype_name((*given)->dtype), *by_size ? "int64" : "float");
    if ((*given)->rank != 1 || (*given)->dims[0] != call->inputs[0].rank) {
        char text[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have a value for each of X's %zu axes",
                         name, stoa_dims_text((*given)->rank, (*given)->dims, text), call->inputs[0].rank);
    }
    return stoa_check_known(call, *by_size ? params->sizes : params->scales, name, error);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *given;
    struct stoa_tensor *y = &call->outputs[0];
    bool by_size;
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(find_given(call, error, &given, &by_size));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < x->rank; i++) {
        const char *name = by_size ? "sizes" : "scales";
        double value = stoa_tensor_load(given, i), size = by_size ? value : floor((double)x->dims[i] * value);
        if (!(value > 0) || isinf(value))
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has %g for axis %zu, must be more than 0", name, value,
                             i);
        if (!(size <= MAX_SIZE) || x->dims[i] > MAX_SIZE)
            return stoa_fail(error, STOA_ERROR_LIMIT, "axis %zu would go from %zu to %g elements, at most %d are taken",
                             i, x->dims[i], size, MAX_SIZE);
        if (size > 0 && x->dims[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "axis %zu has no elements to be resized to %g", i, size);
        y->dims[i] = (size_t)size;
    }
    return STOA_OK;
}

/* The place in the input that output index i stands for; the scale is numerator / denominator. */
static double coordinate(size_t coordinates, size_t i, double in, double out, double numerator, double denominator)
{
    double x = (double)i;
    switch (coordinates) {
    case HALF_PIXEL:
        return (x + 0.5) * denominator / numerator - 0.5;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) * denominator / numerator - 0.5 : 0;
    case ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (out - 1) : 0;
    case TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) * denominator / numerator;
    default:
        return x * denominator / numerator;
    }
}

static double round_to(size_t rounding, double x)
{
    switch (rounding) {
    case ROUND_PREFER_FLOOR:
        return ceil(x - 0.5);
    case ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case FLOOR:
        return floor(x);
    default:
        return ceil(x);
    }
}

/* Fills the axis's tables and returns whether they say anything at all. */
static bool trace(const struct resize_params *params, double numerator, double denominator, struct resize_axis *axis)
{
    bool moved = axis->in != axis->out;
    double last = (double)axis->in - 1;
    for (size_t i = 0; i < axis->out; i++) {
        double place = coordinate(params->coordinates, i, (double)axis->in, (double)axis->out, numerator, denominator);
        if (params->mode == NEAREST)
            place = round_to(params->rounding, place);
        place = place < 0 ? 0 : place > last ? last : place;
        axis->low[i] = (size_t)place;
        axis->part[i] = (float)(place - floor(place));
        axis->high[i] = axis->low[i] + (axis->part[i] > 0);
        moved = moved || axis->low[i] != i || axis->part[i] > 0;
    }
    return moved;
}

static void insert(struct resize *resize, const struct resize_axis *axis)
{
    size_t at = resize->rank++;
    for (; at > 0 && resize->axes[at - 1].y_stride < axis->y_stride; at--)
        resize->axes[at] = resize->axes[at - 1];
    resize->axes[at] = *axis;
}

static void release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    stoa_release(allocator, call->state);
}

enum stoa_status stoa_resize_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    const struct resize_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0], *given;
    bool by_size;
    STOA_TRY(find_given(call, error, &given, &by_size));

    /* The state and all tables in one block. */
    size_t entries = 0, bytes, blended = 0;
    for (size_t i = 0; i < y->rank; i++)
        entries += y->dims[i];
    struct resize *resize;
    if (!stoa_size_mul(entries, 2 * sizeof(size_t) + sizeof(float), &bytes) ||
        !stoa_size_add(bytes, sizeof *resize, &bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the output's axes have %zu elements together, too many", entries);
    STOA_TRY(stoa_allocate_raw(prepare->allocator, bytes, 1, error, &resize));
    resize->rank = 0;
    size_t *indices = (size_t *)(resize + 1);
    float *parts = (float *)(indices + 2 * entries);

    for (size_t i = 0; i < x->rank; i++) {
        double value = stoa_tensor_load(given, i), in = (double)x->dims[i];
        struct resize_axis axis = {.in = x->dims[i],
                                   .out = y->dims[i],
                                   .x_stride = x->strides[i],
                                   .y_stride = y->strides[i],
                                   .low = indices,
                                   .high = indices + y->dims[i],
                                   .part = parts};
        indices += 2 * y->dims[i];
        parts += y->dims[i];
        if (trace(params, value, by_size ? in : 1, &axis))
            blended++;
        else
            axis.low = NULL;
        if (axis.in != 1 || axis.out != 1)
            insert(resize, &axis);
    }
    if (params->mode == LINEAR && blended > MAX_BLENDED) {
        stoa_release(prepare->allocator, resize);
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "linear resizing of %zu axes, at most %d are supported",
                         blended, MAX_BLENDED);
    }
    const struct resize_axis one = {.in = 1, .out = 1, .y_stride = (size_t)-1};
    while (resize->rank < 2)
        insert(resize, &one);
    const struct resize_axis *inner = &resize->axes[resize->rank - 1];
    if (params->mode == LINEAR && inner->low)
        call->worker_scratch = inner->in * sizeof(float);
    call->state = resize;
    return STOA_OK;
}

/* The rows of the input that one row of the output is blended from. */
struct taps {
    size_t count;
    size_t offsets[1 << MAX_BLENDED];
    float weights[1 << MAX_BLENDED];
};

static void follow(const struct resize_axis *axis, size_t i, bool linear, struct taps *taps)
{
    size_t low = (axis->low ? axis->low[i] : i) * axis->x_stride;
    if (!linear || !axis->low) {
        for (size_t t = 0; t < taps->count; t++)
            taps->offsets[t] += low;
        return;
    }
    float part = axis->part[i];
    for (size_t t = 0; t < taps->count; t++) {
        taps->offsets[taps->count + t] = taps->offsets[t] + axis->high[i] * axis->x_stride;
        taps->weights[taps->count + t] = taps->weights[t] * part;
        taps->offsets[t] += low;
        taps->weights[t] *= 1 - part;
    }
    taps->count *= 2;
}

struct resizing {
    const struct op_call *call;
    const struct op_run *run;
};

static void resize_row(const struct resizing *resizing, size_t worker, const struct taps *taps, float *y)
{
    const struct resize_params *params = resizing->call->params;
    const struct resize *resize = resizing->call->state;
    const struct resize_axis *inner = &resize->axes[resize->rank - 1];
    const float *x = resizing->call->inputs[0].data;
    if (params->mode == NEAREST) {
        stoa_resize_gather(inner->out, inner->low, x + taps->offsets[0], inner->x_stride, y, inner->y_stride);
    } else if (inner->low) {
        float *line = stoa_op_worker(resizing->run, worker);
        stoa_resize_blend(inner->in, taps->count, taps->offsets, taps->weights, x, inner->x_stride, line, 1);
        stoa_resize_line(inner->out, inner->low, inner->high, inner->part, line, y, inner->y_stride);
    } else {
        stoa_resize_blend(inner->out, taps->count, taps->offsets, taps->weights, x, inner->x_stride, y,
                          inner->y_stride);
    }
}

/* One index of all axes but the last two. */
static void resize_task(void *context, size_t task, size_t worker)
{
    const struct resizing *resizing = context;
    const struct resize_params *params = resizing->call->params;
    const struct resize *resize = resizing->call->state;
    bool linear = params->mode == LINEAR;
    struct taps outer = {.count = 1, .weights = {1}};
    float *y = resizing->call->outputs[0].data;
    for (size_t i = resize->rank - 2; i-- > 0;) {
        const struct resize_axis *axis = &resize->axes[i];
        follow(axis, task % axis->out, linear, &outer);
        y += task % axis->out * axis->y_stride;
        task /= axis->out;
    }
    const struct resize_axis *middle = &resize->axes[resize->rank - 2];
    for (size_t i = 0; i < middle->out; i++) {
        struct taps taps = outer;
        follow(middle, i, linear, &taps);
        resize_row(resizing, worker, &taps, y + i * middle->y_stride);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct resize *resize = call->state;
    if (stoa_tensor_elements(&call->outputs[0]) == 0)
        return STOA_OK;
    size_t tasks = 1;
    for (size_t i = 0; i + 2 < resize->rank; i++)
        tasks *= resize->axes[i].out;
    struct resizing resizing = {.call = call, .run = run};
    stoa_pool_run(run->pool, tasks, resize_task, &resizing);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"ResizeBackward", 5, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}, {OP_INPUT, 3}}, 1, {0}},
};

#define RESIZE(NAME, SINCE, UNTIL, MIN_INPUTS, MAX_INPUTS)                                                             \
    const struct op NAME = {                                                                                           \
        .type = "Resize",                                                                                              \
        .since = SINCE,                                                                                                \
        .until = UNTIL,                                                                                                \
        .min_inputs = MIN_INPUTS,                                                                                      \
        .max_inputs = MAX_INPUTS,                                                                                      \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct resize_params),                                                                   \
        .parse = stoa_resize_parse,                                                                                    \
        .infer = infer,                                                                                                \
        .prepare = stoa_resize_prepare,                                                                                \
        .release = release,                                                                                            \
        .run = run,                                                                                                    \
    }

RESIZE(stoa_op_resize_10, 10, 10, 2, 2);
RESIZE(stoa_op_resize_11, 11, 0, 1, 4);
