/* GridSample: the image at places that a second input gives, between its pixels too. Places are computed in double:
 * next to where the nearest pixel changes, a rounding would pick another one. No gradients pass. */
#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/sample.h"
#include "ops/check.h"
#include "ops/op.h"

enum mode { BILINEAR, NEAREST, BICUBIC };
enum padding { ZEROS, BORDER, REFLECTION };

struct grid_params {
    enum mode mode;
    enum padding padding;
    bool align_corners;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    struct grid_params *params = params_;
    params->mode = (enum mode)stoa_read_choice(reader, "mode", modes);
    params->padding = (enum padding)stoa_read_choice(reader, "padding_mode", paddings);
    params->align_corners = stoa_read_int(reader, "align_corners", 0, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *grid = &call->inputs[1];
    struct stoa_tensor *y = &call->outputs[0];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_float(call, 1, "grid", error));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (x->rank != 4 || grid->rank != 4 || grid->dims[3] != 2 || grid->dims[0] != x->dims[0])
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "inputs X and grid have dims %s and %s, must be [N,C,H,W] and [N,OH,OW,2]",
                         stoa_dims_text(x->rank, x->dims, mine), stoa_dims_text(grid->rank, grid->dims, its));
    stoa_same_as_input(call, 0, 0);
    y->dims[2] = grid->dims[1];
    y->dims[3] = grid->dims[2];
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
    if (params->mode == BICUBIC) {
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

/* One row of one image. */
static void sample_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct stoa_tensor *x = &call->inputs[0], *grid = &call->inputs[1], *y = &call->outputs[0];
    size_t n = task / y->dims[2], row = task % y->dims[2];
    const float *image = (const float *)x->data + n * x->strides[0];
    const float *place = (const float *)grid->data + n * grid->strides[0] + row * grid->strides[1];
    float *result = (float *)y->data + n * y->strides[0] + row * y->strides[2];
    for (size_t i = 0; i < y->dims[3]; i++, place += grid->strides[2], result += y->strides[3]) {
        struct axis_taps across = find_taps(call->params, (double)place[0], (double)x->dims[3]);
        struct axis_taps down = find_taps(call->params, (double)place[grid->strides[3]], (double)x->dims[2]);
        struct sample_tap taps[MOST_TAPS * MOST_TAPS];
        size_t count = 0;
        for (size_t v = 0; v < down.count; v++)
            for (size_t h = 0; h < across.count; h++)
                taps[count++] = (struct sample_tap){down.index[v] * x->strides[2] + across.index[h] * x->strides[3],
                                                    (float)(down.weight[v] * across.weight[h])};
        stoa_sample(x->dims[1], count, taps, image, result);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *y = &call->outputs[0];
    if (stoa_tensor_elements(y))
        stoa_pool_run(run->pool, y->dims[0] * y->dims[2], sample_row, stoa_read_only(call));
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
