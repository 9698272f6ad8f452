/* GridSample: the image, or volume, at places that a second input gives, between its pixels too. Places are computed in
 * double: next to where the nearest pixel changes, a rounding would pick another one. No gradients pass. */
#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/sample.h"
#include "ops/check.h"
#include "ops/op.h"

enum mode { LINEAR, NEAREST, CUBIC };
enum padding { ZEROS, BORDER, REFLECTION };

struct grid_params {
    enum mode mode;
    enum padding padding;
    bool align_corners;
    bool volumes; /* X may be some */
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    static const char *const before_20[] = {"bilinear", "nearest", "bicubic", NULL};
    static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    struct grid_params *params = params_;
    params->mode = (enum mode)stoa_read_choice(reader, "mode", reader->opset < 20 ? before_20 : modes);
    params->volumes = reader->opset >= 20;
    params->padding = (enum padding)stoa_read_choice(reader, "padding_mode", paddings);
    params->align_corners = stoa_read_int(reader, "align_corners", 0, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *grid = &call->inputs[1];
    const struct grid_params *params = call->params;
    struct stoa_tensor *y = &call->outputs[0];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_float(call, 1, "grid", error));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    bool volumes = params->volumes && x->rank == 5;
    if ((x->rank != 4 && !volumes) || grid->rank != x->rank || grid->dims[x->rank - 1] != x->rank - 2 ||
        grid->dims[0] != x->dims[0])
        return stoa_fail(error, STOA_ERROR_SHAPE, "inputs X and grid have dims %s and %s, must be %s",
                         stoa_dims_text(x->rank, x->dims, mine), stoa_dims_text(grid->rank, grid->dims, its),
                         volumes ? "[N,C,D,H,W] and [N,OD,OH,OW,3]" : "[N,C,H,W] and [N,OH,OW,2]");
    if (volumes && params->mode == CUBIC)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute mode is \"cubic\", which is not defined for volumes");
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 2; i < x->rank; i++)
        y->dims[i] = grid->dims[i - 1];
    return stoa_tensor_measure(y, error, NULL, NULL);
}

/* The pixels along one axis that a place is made of, and what each counts for. */
#define MOST_TAPS 4
struct axis_taps {
    size_t count;
    size_t index[MOST_TAPS];
    double weight[MOST_TAPS];
};

static double clamp(double place, double least, double most)
{
    return place < least ? least : place > most ? most : place;
}

/* Mirrored at both ends until it lies between them: the outer pixels' centres, or their edges. */
static double reflect(bool align_corners, double place, double size)
{
    double low = align_corners ? 0 : -0.5, span = align_corners ? size - 1 : size;
    if (!(span > 0))
        return 0;
    place = fabs(place - low);
    double rest = fmod(place, span);
    bool turned = fmod(floor(place / span), 2) != 0;
    return (turned ? span - rest : rest) + low;
}

static double padded(const struct grid_params *params, double place, double size)
{
    if (params->padding == ZEROS)
        return place;
    if (params->padding == REFLECTION)
        place = reflect(params->align_corners, place, size);
    return clamp(place, 0, size - 1);
}

static void add_tap(struct axis_taps *taps, double index, double weight, double size)
{
    if (!(index >= 0 && index < size))
        return;
    taps->index[taps->count] = (size_t)index;
    taps->weight[taps->count++] = weight;
}

/* Cubic convolution with a = -0.75 at a distance. */
static double cubic(double distance)
{
    const double a = -0.75, d = fabs(distance);
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* `given` is -1 at one end of the axis and 1 at the other. */
static struct axis_taps find_taps(const struct grid_params *params, double given, double size)
{
    /* Further away, whole numbers and halves could not be told apart; NaN is far away too. */
    static const double far = 0x1p30;
    struct axis_taps taps = {0};
    double place = params->align_corners ? (given + 1) / 2 * (size - 1) : ((given + 1) * size - 1) / 2;
    place = place > -far ? fmin(place, far) : -far;
    if (params->mode == CUBIC) {
        double first = floor(place) - 1;
        for (int i = 0; i < 4; i++)
            add_tap(&taps, padded(params, first + i, size), cubic(place - (first + i)), size);
        return taps;
    }
    place = padded(params, place, size);
    if (params->mode == NEAREST) {
        add_tap(&taps, nearbyint(place), 1, size);
        return taps;
    }
    double low = floor(place);
    add_tap(&taps, low, 1 - (place - low), size);
    add_tap(&taps, low + 1, place - low, size);
    return taps;
}

/* A place in x from its coordinates, the last axis's first. */
static size_t find_place(const struct op_call *call, const float *place, struct sample_tap *taps)
{
    const struct stoa_tensor *x = &call->inputs[0], *grid = &call->inputs[1];
    const size_t last = x->rank - 1, step = grid->strides[last], depth = x->rank == 5 ? x->strides[2] : 0;
    struct axis_taps deep = {.count = 1, .weight = {1}};
    struct axis_taps across = find_taps(call->params, (double)place[0], (double)x->dims[last]);
    struct axis_taps down = find_taps(call->params, (double)place[step], (double)x->dims[last - 1]);
    if (x->rank == 5)
        deep = find_taps(call->params, (double)place[2 * step], (double)x->dims[2]);
    size_t count = 0;
    for (size_t d = 0; d < deep.count; d++)
        for (size_t v = 0; v < down.count; v++)
            for (size_t h = 0; h < across.count; h++)
                taps[count++] = (struct sample_tap){deep.index[d] * depth + down.index[v] * x->strides[last - 1] +
                                                        across.index[h] * x->strides[last],
                                                    (float)(deep.weight[d] * down.weight[v] * across.weight[h])};
    return count;
}

/* One row of one image. */
static void sample_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct stoa_tensor *x = &call->inputs[0], *grid = &call->inputs[1], *y = &call->outputs[0];
    const float *place = grid->data;
    const size_t last = y->rank - 1;
    float *result = y->data;
    for (size_t i = last - 1; i >= 2; task /= y->dims[i--]) {
        place += task % y->dims[i] * grid->strides[i - 1];
        result += task % y->dims[i] * y->strides[i];
    }
    const float *image = (const float *)x->data + task * x->strides[0];
    place += task * grid->strides[0];
    result += task * y->strides[0];
    for (size_t i = 0; i < y->dims[last]; i++, place += grid->strides[last - 1], result += y->strides[last]) {
        struct sample_tap taps[MOST_TAPS * MOST_TAPS];
        size_t count = find_place(call, place, taps);
        stoa_sample(x->dims[1], count, taps, image, result);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *y = &call->outputs[0];
    if (stoa_tensor_elements(y))
        stoa_pool_run(run->pool, y->dims[0] * y->dims[2] * (y->rank == 5 ? y->dims[3] : 1), sample_row,
                      stoa_read_only(call));
    return STOA_OK;
}

const struct op stoa_op_grid_sample = {
    .type = "GridSample",
    .since = 16,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .params_size = sizeof(struct grid_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
