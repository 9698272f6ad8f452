/* RoiAlign: each region of an image cut into bins, each bin the mean or the largest of samples spread evenly in it,
 * taken between pixels linearly. No gradients pass. */
#include <inttypes.h>
#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/sample.h"
#include "ops/check.h"
#include "ops/indices.h"
#include "ops/op.h"

/* Samples of a bin along an axis: regions that ask for more are far larger than any image. */
#define MOST_SAMPLES 4096

struct roi_params {
    bool largest, half_pixel;
    size_t size[2];  /* of the output: height, width */
    int64_t samples; /* of a bin along an axis; 0: as many as it covers pixels */
    float scale;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const transformations[] = {"half_pixel", "output_half_pixel", NULL};
    struct roi_params *params = params_;
    params->largest = stoa_read_choice(reader, "mode", modes) == 1;
    params->half_pixel =
        reader->opset >= 16 && stoa_read_choice(reader, "coordinate_transformation_mode", transformations) == 0;
    params->size[0] = (size_t)stoa_read_int(reader, "output_height", 1, 1, INT32_MAX);
    params->size[1] = (size_t)stoa_read_int(reader, "output_width", 1, 1, INT32_MAX);
    params->samples = stoa_read_int(reader, "sampling_ratio", 0, 0, MOST_SAMPLES);
    params->scale = stoa_read_float(reader, "spatial_scale", 1.0f);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct roi_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *rois = &call->inputs[1];
    struct stoa_tensor *y = &call->outputs[0];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_float(call, 1, "rois", error));
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (x->rank != 4 || rois->rank != 2 || rois->dims[1] != 4)
        return stoa_fail(error, STOA_ERROR_SHAPE, "inputs X and rois have dims %s and %s, must be [N,C,H,W] and [R,4]",
                         stoa_dims_text(x->rank, x->dims, mine), stoa_dims_text(rois->rank, rois->dims, its));
    STOA_TRY(stoa_check_indices(call, 2, "batch_indices", error));
    STOA_TRY(stoa_check_vector(call, 2, "batch_indices", rois->dims[0], "one for each of rois", error));
    stoa_same_as_input(call, 0, 0);
    y->dims[0] = rois->dims[0];
    y->dims[2] = params->size[0];
    y->dims[3] = params->size[1];
    return stoa_tensor_measure(y, error, NULL, NULL);
}

/* A region along one axis: where it begins, how long a bin is, how many samples one has. In float, as detectors are
 * trained with: a bin that is a whole number but for a rounding would get one more. */
struct region {
    double start, bin, samples;
};

/* axis: 0 is the height. */
static struct region find_region(const struct op_call *call, size_t r, size_t axis)
{
    const struct roi_params *params = call->params;
    const struct stoa_tensor *rois = &call->inputs[1];
    const float *roi = (const float *)rois->data + r * rois->strides[0];
    float shift = params->half_pixel ? 0.5f : 0;
    float low = roi[(1 - axis) * rois->strides[1]] * params->scale - shift;
    float high = roi[(3 - axis) * rois->strides[1]] * params->scale - shift, size = high - low;
    if (!params->half_pixel && size < 1)
        size = 1;
    float bin = size / (float)params->size[axis];
    double samples = params->samples ? (double)params->samples : (double)ceilf(fmaxf(bin, 0));
    return (struct region){(double)low, (double)bin, samples};
}

static enum stoa_status check_regions(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *batch = &call->inputs[2];
    for (size_t r = 0; r < batch->dims[0]; r++) {
        int64_t n = stoa_index_load(batch, r * batch->strides[0]);
        if (n < 0 || n >= (int64_t)call->inputs[0].dims[0])
            return stoa_fail(error, STOA_ERROR_DATA, "batch_indices[%zu] is %" PRId64 ", must be in [0, %zu)", r, n,
                             call->inputs[0].dims[0]);
        for (size_t axis = 0; axis < 2; axis++) {
            struct region region = find_region(call, r, axis);
            if (!(fabs(region.start) < 0x1p31 && fabs(region.bin) < 0x1p31 && region.samples <= MOST_SAMPLES))
                return stoa_fail(
                    error, STOA_ERROR_DATA,
                    "rois[%zu] begins at %g of axis %zu of X, with bins of %g pixels: too far or too large", r,
                    region.start, 2 + axis, region.bin);
        }
    }
    return STOA_OK;
}

/* The two pixels along one axis around a place, and what each counts for; false where it lies outside the image. */
static bool find_pair(double place, size_t size, size_t index[2], double weight[2])
{
    if (!(place >= -1 && place <= (double)size) || size == 0)
        return false;
    place = place < 0 ? 0 : place;
    index[0] = (size_t)place;
    index[1] = index[0] + 1;
    if (index[0] + 1 >= size) {
        index[0] = index[1] = size - 1;
        place = (double)(size - 1);
    }
    weight[1] = place - (double)index[0];
    weight[0] = 1 - weight[1];
    return true;
}

/* The taps of a sample, their weights times a factor; none outside the image. */
static size_t find_taps(const struct stoa_tensor *x, double down, double across, double factor,
                        struct sample_tap taps[4])
{
    size_t rows[2], columns[2];
    double row_weights[2], column_weights[2];
    if (!find_pair(down, x->dims[2], rows, row_weights) || !find_pair(across, x->dims[3], columns, column_weights))
        return 0;
    for (size_t i = 0; i < 4; i++)
        taps[i] = (struct sample_tap){rows[i / 2] * x->strides[2] + columns[i % 2] * x->strides[3],
                                      (float)(row_weights[i / 2] * column_weights[i % 2] * factor)};
    return 4;
}

/* One row of bins of one region. */
static void align_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct roi_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *batch = &call->inputs[2], *y = &call->outputs[0];
    size_t r = task / y->dims[2], by = task % y->dims[2];
    size_t n = (size_t)stoa_index_load(batch, r * batch->strides[0]);
    const float *image = (const float *)x->data + n * x->strides[0];
    float *result = (float *)y->data + r * y->strides[0] + by * y->strides[2];
    struct region down = find_region(call, r, 0), across = find_region(call, r, 1);
    size_t columns = (size_t)across.samples, samples = (size_t)down.samples * columns;
    for (size_t bx = 0; bx < y->dims[3]; bx++, result += y->strides[3]) {
        struct sample_tap taps[4];
        stoa_sample(x->dims[1], 0, taps, image, result);
        for (size_t s = 0; s < samples; s++) {
            double v = (double)(s / columns), h = (double)(s % columns);
            double at_y = down.start + ((double)by + (v + 0.5) / down.samples) * down.bin;
            double at_x = across.start + ((double)bx + (h + 0.5) / across.samples) * across.bin;
            size_t count = find_taps(x, at_y, at_x, params->largest ? 1 : 1 / (double)samples, taps);
            if (params->largest && s > 0)
                stoa_sample_max(x->dims[1], count, taps, image, result);
            else
                stoa_sample_add(x->dims[1], count, taps, image, result);
        }
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *y = &call->outputs[0];
    STOA_TRY(check_regions(call, error));
    if (stoa_tensor_elements(y))
        stoa_pool_run(run->pool, y->dims[0] * y->dims[2], align_row, stoa_read_only(call));
    return STOA_OK;
}

const struct op stoa_op_roi_align = {
    .type = "RoiAlign",
    .since = 10,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .params_size = sizeof(struct roi_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
