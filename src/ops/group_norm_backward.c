/* The backward pass of GroupNormalization. Of a group of K elements of one image, with r = 1 / sqrt(variance + epsilon)
 * and, of each of its channels, B = sum of dy and P = sum of dy * (x - mean)
 *
 *   dx = r * (dy * scale - sum of scale * B / K - (x - mean) * r^2 * sum of scale * P / K)
 *
 * and dscale = sum of P * r and dbias = sum of B over the images and over the channels that share a scale. As in the
 * forward pass channels lie as they like: their moments and then their sums are taken one by one, and joined in their
 * order, in double. A group's channels have a scale each, so that dy * scale is written down before it is centred, as
 * little of it at a time as a unit has. */
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/block_backward.h"
#include "ops/group_norm.h"
#include "ops/norm.h"

struct grouping {
    const float *x, *dy;
    float *dx;
    size_t images;         /* none where they have no elements */
    size_t channels, each; /* in all, and of a group */
    /* [images][channels]; factor is r */
    double *sums, *products;
    float *mean, *factor, *shift, *slope;
    float *scale; /* of each channel */
    const struct op_run *run;
};

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    const struct stoa_tensor *x = &call->inputs[OF_X];
    const size_t one = 2 * sizeof(double) + 4 * sizeof(float);
    struct walk walk;
    size_t bytes;
    stoa_norm_backward_plan(call, true, &walk);
    call->worker_scratch =
        stoa_size_min(walk.lanes, walk.block.lanes) * stoa_size_min(walk.chunk, walk.block.count) * sizeof(float);
    if (!stoa_size_mul(x->dims[0], one, &bytes) || !stoa_size_add(bytes, sizeof(float), &bytes) ||
        !stoa_size_mul(bytes, x->dims[1], &call->shared_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT, "input X has too many channels");
    return STOA_OK;
}

static void place(struct grouping *grouping, void *memory)
{
    const size_t count = grouping->images * grouping->channels;
    grouping->sums = memory;
    grouping->products = grouping->sums + count;
    grouping->mean = (float *)(grouping->products + count);
    grouping->factor = grouping->mean + count;
    grouping->shift = grouping->factor + count;
    grouping->slope = grouping->shift + count;
    grouping->scale = grouping->slope + count;
}

static void sums_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct grouping *grouping = context;
    const size_t at = unit->outer * grouping->channels + unit->lane;
    double *sums = grouping->sums + at, *products = grouping->products + at;
    for (size_t l = 0; l < unit->block.lanes; l++)
        sums[l] = products[l] = 0;
    stoa_norm_add_sums(grouping->x, grouping->dy, walk, unit, grouping->mean + at, sums, products);
}

static void centre_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct grouping *grouping = context;
    const size_t at = unit->outer * grouping->channels + unit->lane;
    const struct block_centre values = {.mean = grouping->mean + at,
                                        .factor = grouping->factor + at,
                                        .shift = grouping->shift + at,
                                        .slope = grouping->slope + at};
    float *scaled = stoa_op_worker(grouping->run, unit->worker);
    struct block scales = unit->block, centres = unit->block;
    scales.x_step = unit->block.y_step;
    scales.x_lane = unit->block.y_lane;
    scales.y_step = centres.y_step = unit->block.lanes;
    scales.y_lane = centres.y_lane = 1;
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, dy_offset, dx_offset;
        stoa_walk_offsets_three(&walk->far, i, &x_offset, &dy_offset, &dx_offset);
        stoa_block_scale(&scales, grouping->dy + unit->y_offset + dy_offset, grouping->scale + unit->lane, scaled);
        stoa_block_centre(&centres, grouping->x + unit->x_offset + x_offset, scaled, &values,
                          grouping->dx + unit->z_offset + dx_offset);
    }
}

/* The channels of a group, from number `first` of all images' on, have these moments; they get the joint ones. */
static void join_moments(const struct grouping *grouping, size_t first, float epsilon)
{
    double mean, variance;
    stoa_group_norm_join(grouping->each, grouping->mean + first, grouping->factor + first, &mean, &variance);
    for (size_t c = first; c < first + grouping->each; c++) {
        grouping->mean[c] = (float)mean;
        grouping->factor[c] = (float)(1 / sqrt(variance + (double)epsilon));
    }
}

/* Likewise the sums, of `count` elements; the products become shares in dscale. */
static void join_sums(const struct grouping *grouping, size_t first, double count)
{
    const float *scale = grouping->scale + first % grouping->channels;
    const double r = (double)grouping->factor[first];
    double sum = 0, product = 0;
    for (size_t c = 0; c < grouping->each; c++) {
        sum += (double)scale[c] * grouping->sums[first + c];
        product += (double)scale[c] * grouping->products[first + c];
    }
    for (size_t c = first; c < first + grouping->each; c++) {
        grouping->products[c] *= r;
        grouping->shift[c] = (float)(sum / count);
        grouping->slope[c] = (float)(product * r * r / count);
    }
}

/* Element i of dscale and dbias, from channels `first` on, `count` of them. */
static void join_images(const struct op_call *call, const struct grouping *grouping, size_t i, size_t first,
                        size_t count)
{
    double sum = 0, product = 0;
    for (size_t n = 0; n < grouping->images; n++)
        for (size_t c = first; c < first + count; c++) {
            sum += grouping->sums[n * grouping->channels + c];
            product += grouping->products[n * grouping->channels + c];
        }
    stoa_norm_write(call, 1, i, product);
    stoa_norm_write(call, 2, i, sum);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct group_norm_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[OF_X];
    const float *scales = call->inputs[OF_SCALE].data;
    struct grouping grouping = {.x = x->data,
                                .dy = call->inputs[DY].data,
                                .dx = stoa_op_has_output(call, 0) ? call->outputs[0].data : NULL,
                                .images = stoa_tensor_elements(x) ? x->dims[0] : 0,
                                .channels = x->dims[1],
                                .each = x->dims[1] / params->groups,
                                .run = run};
    const size_t shared = params->by_group ? grouping.each : 1; /* channels that share a scale */
    if (grouping.images) {
        const size_t all = grouping.images * grouping.channels;
        struct walk walk;
        place(&grouping, run->shared);
        stoa_norm_backward_plan(call, false, &walk);
        stoa_group_norm_moments(grouping.x, &walk, run->pool, grouping.mean, grouping.factor);
        for (size_t c = 0; c < grouping.channels; c++)
            grouping.scale[c] = scales[c / shared];
        for (size_t c = 0; c < all; c += grouping.each)
            join_moments(&grouping, c, params->epsilon);
        stoa_walk_run(&walk, run->pool, sums_unit, &grouping);
        for (size_t c = 0; c < all; c += grouping.each)
            join_sums(&grouping, c, (double)grouping.each * (double)walk.reduced);
        stoa_norm_backward_plan(call, true, &walk);
        if (grouping.dx)
            stoa_walk_run(&walk, run->pool, centre_unit, &grouping);
    }
    for (size_t i = 0; i < call->inputs[OF_SCALE].dims[0]; i++)
        join_images(call, &grouping, i, i * shared, shared);
    return STOA_OK;
}

const struct op stoa_op_group_normalization_backward = {
    .type = "GroupNormalizationBackward",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 0,
    .max_outputs = 3,
    .layout = OP_ANY,
    .params_size = sizeof(struct group_norm_params),
    .elementwise = true,
    .parse = stoa_group_norm_parse,
    .infer = stoa_norm_backward_infer,
    .prepare = prepare,
    .run = run,
};
