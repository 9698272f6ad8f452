/* AffineGrid: for each pixel of an image, or volume, the place that an affine map takes it to, as GridSample reads
 * them. Along each axis places run from -1 to 1, between the outer pixels' edges or, with align_corners, their centres;
 * an axis of one pixel then lies at 0, as PyTorch has it (the definition divides by 0). In double: GridSample may pick
 * another pixel for a rounding. No gradients pass. */
#include <inttypes.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

enum { THETA, SIZE }; /* inputs */

struct affine_params {
    bool align_corners;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct affine_params *params = params_;
    params->align_corners = stoa_read_int(reader, "align_corners", 0, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *theta = &call->inputs[THETA];
    struct stoa_tensor *y = &call->outputs[0];
    int64_t size[5];
    size_t count;
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, THETA, "theta", error));
    STOA_TRY(stoa_input_values(call, SIZE, "size", 5, error, size, &count));
    if (count < 4)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input size has %zu values, must have 4 (N C H W) or 5 (N C D H W)",
                         count);
    for (size_t i = 0; i < count; i++)
        if (size[i] < 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "size[%zu] is %" PRId64, i, size[i]);
    size_t axes = count - 2;
    if (theta->rank != 3 || theta->dims[0] != (size_t)size[0] || theta->dims[1] != axes || theta->dims[2] != axes + 1)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input theta has dims %s, must have [%" PRId64 ",%zu,%zu] for size",
                         stoa_dims_text(theta->rank, theta->dims, text), size[0], axes, axes + 1);
    *y = (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = count, .dims = {theta->dims[0]}};
    for (size_t i = 0; i < axes; i++)
        y->dims[1 + i] = (size_t)size[2 + i];
    y->dims[1 + axes] = axes;
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static double place_of(const struct op_call *call, size_t pixel, size_t size)
{
    const struct affine_params *params = call->params;
    double twice = 2 * (double)pixel, last = (double)size - 1;
    if (params->align_corners)
        return last > 0 ? twice / last - 1 : 0;
    return (twice - last) / (double)size;
}

/* y[W][axes] of one row: theta[axes][axes + 1] times (x, y, z, 1), z of volumes only. */
static void map_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct stoa_tensor *grid = &call->outputs[0];
    const size_t axes = grid->rank - 2, W = grid->dims[axes];
    float *to = (float *)grid->data + task * W * axes;
    double row[3]; /* the row's own coordinates, from 1 on */
    for (size_t i = 1; i < axes; i++) {
        size_t size = grid->dims[axes - i];
        row[i] = place_of(call, task % size, size);
        task /= size;
    }
    const float *theta = (const float *)call->inputs[THETA].data + task * axes * (axes + 1);
    for (size_t k = 0; k < axes; k++, theta += axes + 1) {
        double rest = (double)theta[axes];
        for (size_t i = 1; i < axes; i++)
            rest += (double)theta[i] * row[i];
        for (size_t w = 0; w < W; w++)
            to[w * axes + k] = (float)((double)theta[0] * place_of(call, w, W) + rest);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *grid = &call->outputs[0];
    const size_t elements = stoa_tensor_elements(grid);
    if (elements)
        stoa_pool_run(run->pool, elements / (grid->dims[grid->rank - 2] * grid->dims[grid->rank - 1]), map_row,
                      stoa_read_only(call));
    return STOA_OK;
}

const struct op stoa_op_affine_grid = {
    .type = "AffineGrid",
    .since = 20,
    .min_inputs = 2,
    .max_inputs = 2,
    .value_inputs = 1 << SIZE,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct affine_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
