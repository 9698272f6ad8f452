/* Resize and Upsample: nearest, linear and cubic, along any axes. Where each output index comes from is worked out
 * along each axis while planning (resize_axis.c); a run only follows those tables. Rows of the output are tasks; along
 * its innermost axis, elements are gathered (nearest), or first the rows that contribute are blended and then, if that
 * axis is resized itself, the elements of the blend. */
#include "ops/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/resize.h"
#include "ops/check.h"

#define MAX_SIZE 0x7fffffff

enum stoa_status stoa_resize_parse(struct attribute_reader *reader, void *out)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",           "asymmetric",         "align_corners",        "pytorch_half_pixel",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric", NULL};
    static const char *const before_19[] = {
        "half_pixel",         "asymmetric", "align_corners", "pytorch_half_pixel", "tf_half_pixel_for_nn",
        "tf_crop_and_resize", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    struct resize_params *params = out;
    *params = (struct resize_params){.coordinates = RESIZE_ASYMMETRIC, .rounding = 2, .scales = 1, .sizes = 3};
    params->mode = stoa_read_choice(reader, "mode", modes);
    if (reader->opset < 9) {
        stoa_reader_require(reader, "scales");
        params->scale_count = stoa_read_floats(reader, "scales", STOA_MAX_RANK, params->attribute_scales);
    }
    if (reader->opset >= 11) {
        params->roi = 1;
        params->scales = 2;
        params->coordinates =
            stoa_read_choice(reader, "coordinate_transformation_mode", reader->opset < 19 ? before_19 : coordinates);
        params->rounding = stoa_read_choice(reader, "nearest_mode", roundings);
        params->cubic_a = stoa_read_float(reader, "cubic_coeff_a", -0.75f);
        params->extrapolation = stoa_read_float(reader, "extrapolation_value", 0);
        params->exclude_outside = stoa_read_int(reader, "exclude_outside", 0, 0, 1) != 0;
        if (reader->opset >= 18) {
            stoa_read_integers(reader, "axes", &params->axes);
            params->policy = stoa_read_choice(reader, "keep_aspect_ratio_policy", policies);
            params->antialias = stoa_read_int(reader, "antialias", 0, 0, 1) != 0;
        }
    } else if (params->mode == RESIZE_CUBIC) {
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute mode is \"cubic\", which opset %d does not have",
                         reader->opset);
    }
    return stoa_reader_finish(reader);
}

/* Whether an optional input says anything: exporters give an empty tensor where it does not. */
static bool says(const struct op_call *call, size_t input)
{
    return stoa_op_has_input(call, input) && stoa_tensor_elements(&call->inputs[input]) > 0;
}

/* What states the output's size, and what is cropped; null pointers where nothing does. */
struct given {
    const struct stoa_tensor *scales, *sizes, *roi;
    const float *attribute;
    const char *name;
    size_t count;                 /* of the axes that it is for */
    size_t places[STOA_MAX_RANK]; /* where in those lists each axis of X is; count: in none */
    size_t ruling;                /* the axis whose stretch those have; STOA_MAX_RANK: each its own */
};

/* An input of `each` numbers of a type for each of `axes` axes, known while planning. */
static enum stoa_status find_input(const struct op_call *call, size_t input, const char *name, enum stoa_dtype dtype,
                                   size_t each, size_t axes, struct stoa_error *error, const struct stoa_tensor **found)
{
    const struct resize_params *params = call->params;
    const struct stoa_tensor *tensor = &call->inputs[input];
    if (tensor->dtype != dtype)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input %s is of type %s, must be %s", name,
                         stoa_dtype_name(tensor->dtype), stoa_dtype_name(dtype));
    if (tensor->rank != 1 || tensor->dims[0] != each * axes) {
        char text[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have %s for each of %s%zu axes", name,
                         stoa_dims_text(tensor->rank, tensor->dims, text), each == 1 ? "a value" : "two values",
                         params->axes.count ? "the named " : "X's ", axes);
    }
    *found = tensor;
    return stoa_check_known(call, input, name, error);
}

static enum stoa_status find_axes(const struct op_call *call, struct stoa_error *error, struct given *given)
{
    const struct resize_params *params = call->params;
    const size_t rank = call->inputs[0].rank;
    bool named[STOA_MAX_RANK];
    STOA_TRY(stoa_check_axes("axes", &params->axes, rank, error, named));
    given->count = params->axes.count ? params->axes.count : rank;
    for (size_t i = 0; i < rank; i++)
        given->places[i] = params->axes.count ? given->count : i;
    for (size_t i = 0; i < params->axes.count; i++) {
        size_t axis;
        STOA_TRY(stoa_check_axis("axes", params->axes.values[i], rank, false, error, &axis));
        given->places[axis] = i;
    }
    return STOA_OK;
}

/* Which of the sizes asks for the least (most) stretching, in float as ONNX infers shapes. */
static void find_ruling(const struct op_call *call, struct given *given)
{
    const struct resize_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    float best = 0;
    given->ruling = STOA_MAX_RANK;
    for (size_t i = 0; params->policy != RESIZE_STRETCH && given->sizes && i < x->rank; i++) {
        if (given->places[i] == given->count)
            continue;
        float scale = (float)stoa_tensor_load(given->sizes, given->places[i]) / (float)x->dims[i];
        if (given->ruling == STOA_MAX_RANK || (params->policy == RESIZE_NOT_LARGER ? scale < best : scale > best)) {
            best = scale;
            given->ruling = i;
        }
    }
}

static enum stoa_status find_given(const struct op_call *call, struct stoa_error *error, struct given *given)
{
    const struct resize_params *params = call->params;
    const size_t rank = call->inputs[0].rank;
    *given = (struct given){.name = "attribute scales", .attribute = params->attribute_scales, .ruling = STOA_MAX_RANK};
    STOA_TRY(find_axes(call, error, given));
    if (params->scale_count) {
        if (params->scale_count != rank)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "attribute scales has %zu values, must have one for each of X's "
                             "%zu axes",
                             params->scale_count, rank);
        return STOA_OK;
    }
    bool scales = says(call, params->scales), sizes = says(call, params->sizes);
    if (scales == sizes)
        return stoa_fail(error, STOA_ERROR_GRAPH, "%s of the inputs scales and sizes are given, must be one",
                         scales ? "both" : "none");
    given->name = sizes ? "input sizes" : "input scales";
    if (params->coordinates == RESIZE_CROP) {
        if (!says(call, params->roi))
            return stoa_fail(error, STOA_ERROR_GRAPH, "input roi is not given, which tf_crop_and_resize asks for");
        STOA_TRY(find_input(call, params->roi, "roi", STOA_FLOAT, 2, given->count, error, &given->roi));
    }
    if (params->policy != RESIZE_STRETCH && !sizes)
        return stoa_fail(error, STOA_ERROR_GRAPH,
                         "attribute keep_aspect_ratio_policy is not \"stretch\", but input sizes is not given");
    STOA_TRY(sizes ? find_input(call, params->sizes, "sizes", STOA_INT64, 1, given->count, error, &given->sizes)
                   : find_input(call, params->scales, "scales", STOA_FLOAT, 1, given->count, error, &given->scales));
    find_ruling(call, given);
    return STOA_OK;
}

/* An axis that is not named stays as it is. */
static double given_value(const struct op_call *call, const struct given *given, size_t axis)
{
    size_t place = given->places[axis];
    if (place == given->count)
        return given->sizes ? (double)call->inputs[0].dims[axis] : 1;
    if (given->sizes || given->scales)
        return stoa_tensor_load(given->sizes ? given->sizes : given->scales, place);
    return (double)given->attribute[axis];
}

static enum stoa_status find_stretch(const struct op_call *call, const struct given *given, size_t axis,
                                     struct stoa_error *error, struct resize_stretch *stretch)
{
    const size_t place = given->places[axis];
    const size_t like = given->ruling < STOA_MAX_RANK && place < given->count ? given->ruling : axis;
    *stretch = (struct resize_stretch){.numerator = given_value(call, given, like), .denominator = 1, .end = 1};
    if (given->sizes)
        stretch->denominator = (double)call->inputs[0].dims[like];
    if (given->roi && place < given->count) {
        stretch->start = stoa_tensor_load(given->roi, place);
        stretch->end = stoa_tensor_load(given->roi, given->count + place);
        if (!isfinite(stretch->start) || !isfinite(stretch->end))
            return stoa_fail(error, STOA_ERROR_SHAPE, "input roi goes from %g to %g along axis %zu", stretch->start,
                             stretch->end, axis);
    }
    return STOA_OK;
}

/* In float, which the scale is, as ONNX infers shapes: of 1.3f, a little less than 1.3, 10 elements become 13. */
static double scaled(size_t size, double part, double scale)
{
    const size_t exact = (size_t)1 << 24; /* floats hold whole numbers up to this */
    return size <= exact ? (double)floorf((float)size * (float)part * (float)scale)
                         : floor((double)size * part * scale);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    struct given given;
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(find_given(call, error, &given));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < x->rank; i++) {
        struct resize_stretch stretch;
        STOA_TRY(find_stretch(call, &given, i, error, &stretch));
        double value = stretch.numerator;
        double size = given.sizes ? value : scaled(x->dims[i], stretch.end - stretch.start, value);
        if (given.ruling < STOA_MAX_RANK && given.places[i] < given.count)
            size = (double)roundf((float)stretch.numerator / (float)stretch.denominator * (float)x->dims[i]);
        if (!(value > 0) || isinf(value))
            return stoa_fail(error, STOA_ERROR_SHAPE, "%s has %g for axis %zu, must be more than 0", given.name, value,
                             i);
        if (!(size <= MAX_SIZE) || x->dims[i] > MAX_SIZE)
            return stoa_fail(error, STOA_ERROR_LIMIT, "axis %zu would go from %zu to %g elements, at most %d are taken",
                             i, x->dims[i], size, MAX_SIZE);
        if (size < 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input roi goes from %g to %g along axis %zu", stretch.start,
                             stretch.end, i);
        if (size > 0 && x->dims[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "axis %zu has no elements to be resized to %g", i, size);
        y->dims[i] = (size_t)size;
    }
    return STOA_OK;
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

/* Room for the tables of all axes, behind the state in one block. */
static enum stoa_status make_state(const struct op_call *call, const struct given *given,
                                   const struct op_prepare *prepare, struct stoa_error *error, size_t *entries,
                                   struct resize **resize)
{
    const struct stoa_tensor *y = &call->outputs[0];
    *entries = 0; /* no more than STOA_MAX_RANK * MAX_SIZE * RESIZE_MOST_TAPS */
    for (size_t i = 0; i < y->rank; i++) {
        struct resize_stretch stretch;
        STOA_TRY(find_stretch(call, given, i, error, &stretch));
        size_t taps = stoa_resize_taps(call->params, &stretch);
        if (taps > RESIZE_MOST_TAPS)
            return stoa_fail(
                error, STOA_ERROR_UNSUPPORTED,
                "attribute antialias is 1 and axis %zu goes from %zu to %zu elements: each would be made of "
                "more than %d, which is not supported",
                i, call->inputs[0].dims[i], y->dims[i], RESIZE_MOST_TAPS);
        *entries += taps * y->dims[i];
    }
    /* An element of the output has at least one entry. */
    size_t bytes = sizeof **resize + *entries * (sizeof(size_t) + sizeof(float) + sizeof(bool));
    STOA_TRY(stoa_allocate_raw(prepare->allocator, bytes, 1, error, resize));
    (*resize)->rank = 0;
    return STOA_OK;
}

static enum stoa_status fill(const struct op_call *call, const struct given *given, struct stoa_error *error,
                             size_t entries, struct resize *resize)
{
    const struct resize_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t blended = 1;
    size_t *from = (size_t *)(resize + 1);
    float *weights = (float *)(from + entries);
    bool *outside = (bool *)(weights + entries);
    for (size_t i = 0; i < x->rank; i++) {
        struct resize_stretch stretch;
        STOA_TRY(find_stretch(call, given, i, error, &stretch));
        struct resize_axis axis = {.in = x->dims[i],
                                   .out = y->dims[i],
                                   .x_stride = x->strides[i],
                                   .y_stride = y->strides[i],
                                   .taps = stoa_resize_taps(params, &stretch),
                                   .from = from,
                                   .weights = weights,
                                   .outside = params->coordinates == RESIZE_CROP ? outside : NULL};
        from += axis.taps * axis.out;
        weights += axis.taps * axis.out;
        outside += axis.out;
        if (!stoa_resize_trace(params, &stretch, &axis)) {
            axis.from = NULL;
            axis.outside = NULL;
            axis.taps = 1;
        }
        if (axis.in != 1 || axis.out != 1 || axis.outside)
            insert(resize, &axis);
    }
    for (size_t i = 0; i + 1 < resize->rank; i++)
        blended = stoa_size_min(blended * resize->axes[i].taps, 2 * RESIZE_MOST_BLENDED);
    if (blended > RESIZE_MOST_BLENDED)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "resizing so many axes makes each element of more than %d elements, which is not supported",
                         RESIZE_MOST_BLENDED);
    const struct resize_axis one = {.in = 1, .out = 1, .taps = 1, .y_stride = (size_t)-1};
    while (resize->rank < 2)
        insert(resize, &one);
    return STOA_OK;
}

enum stoa_status stoa_resize_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    struct given given;
    struct resize *resize;
    size_t entries;
    STOA_TRY(find_given(call, error, &given));
    STOA_TRY(make_state(call, &given, prepare, error, &entries, &resize));
    enum stoa_status status = fill(call, &given, error, entries, resize);
    if (status != STOA_OK) {
        stoa_release(prepare->allocator, resize);
        return status;
    }
    const struct resize_axis *inner = &resize->axes[resize->rank - 1];
    if (inner->taps > 1)
        call->worker_scratch = inner->in * sizeof(float);
    call->state = resize;
    return STOA_OK;
}

/* The rows of the input that one row of the output is blended from. */
struct taps {
    size_t count;
    bool outside; /* there are none */
    size_t offsets[RESIZE_MOST_BLENDED];
    float weights[RESIZE_MOST_BLENDED];
};

/* *to = index i of the axis on top of what `taps` says of others. */
static void follow(const struct resize_axis *axis, size_t i, const struct taps *taps, struct taps *to)
{
    const size_t *from = axis->from ? axis->from + i * axis->taps : &i;
    to->outside = taps->outside || (axis->outside && axis->outside[i]);
    to->count = taps->count * axis->taps;
    for (size_t k = 0; k < axis->taps; k++) {
        const float weight = axis->taps > 1 ? axis->weights[i * axis->taps + k] : 1;
        for (size_t t = 0; t < taps->count; t++) {
            to->offsets[k * taps->count + t] = taps->offsets[t] + from[k] * axis->x_stride;
            to->weights[k * taps->count + t] = taps->weights[t] * weight;
        }
    }
}

struct resizing {
    const struct op_call *call;
    const struct op_run *run;
};

static void fill_row(const struct resize_axis *inner, bool all, float value, float *y)
{
    for (size_t i = 0; i < inner->out; i++)
        if (all || inner->outside[i])
            y[i * inner->y_stride] = value;
}

static void resize_row(const struct resizing *resizing, size_t worker, const struct taps *taps, float *y)
{
    const struct resize_params *params = resizing->call->params;
    const struct resize *resize = resizing->call->state;
    const struct resize_axis *inner = &resize->axes[resize->rank - 1];
    const float *x = resizing->call->inputs[0].data;
    if (taps->outside) {
        fill_row(inner, true, params->extrapolation, y);
        return;
    }
    if (params->mode == RESIZE_NEAREST) {
        stoa_resize_gather(inner->out, inner->from, x + taps->offsets[0], inner->x_stride, y, inner->y_stride);
    } else if (inner->taps > 1) {
        float *line = stoa_op_worker(resizing->run, worker);
        stoa_resize_blend(inner->in, taps->count, taps->offsets, taps->weights, x, inner->x_stride, line, 1);
        stoa_resize_line(inner->out, inner->taps, inner->from, inner->weights, line, y, inner->y_stride);
    } else {
        stoa_resize_blend(inner->out, taps->count, taps->offsets, taps->weights, x, inner->x_stride, y,
                          inner->y_stride);
    }
    if (inner->outside)
        fill_row(inner, false, params->extrapolation, y);
}

/* One index of all axes but the last two. */
static void resize_task(void *context, size_t task, size_t worker)
{
    const struct resizing *resizing = context;
    const struct resize *resize = resizing->call->state;
    struct taps outer[2], taps;
    size_t now = 0;
    outer[0].count = 1;
    outer[0].outside = false;
    outer[0].offsets[0] = 0;
    outer[0].weights[0] = 1;
    float *y = resizing->call->outputs[0].data;
    for (size_t i = resize->rank - 2; i-- > 0; now = 1 - now) {
        const struct resize_axis *axis = &resize->axes[i];
        follow(axis, task % axis->out, &outer[now], &outer[1 - now]);
        y += task % axis->out * axis->y_stride;
        task /= axis->out;
    }
    const struct resize_axis *middle = &resize->axes[resize->rank - 2];
    for (size_t i = 0; i < middle->out; i++) {
        follow(middle, i, &outer[now], &taps);
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

#define RESIZE(NAME, TYPE, SINCE, UNTIL, MIN_INPUTS, MAX_INPUTS)                                                       \
    const struct op NAME = {                                                                                           \
        .type = TYPE,                                                                                                  \
        .since = SINCE,                                                                                                \
        .until = UNTIL,                                                                                                \
        .min_inputs = MIN_INPUTS,                                                                                      \
        .max_inputs = MAX_INPUTS,                                                                                      \
        .value_inputs = (1 << (MAX_INPUTS)) - 2, /* all but input 0 */                                                 \
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

RESIZE(stoa_op_upsample, "Upsample", 7, 8, 1, 1);
RESIZE(stoa_op_upsample_9, "Upsample", 9, 9, 2, 2);
RESIZE(stoa_op_resize_10, "Resize", 10, 10, 2, 2);
RESIZE(stoa_op_resize_11, "Resize", 11, 0, 1, 4);
