/* BatchNormalization in training as an operator of training graphs, and the backward passes of both normalisations.
 * Sums go as the forward pass's (norm_training.c): chunk by chunk, joined in their order, in double. */
#include <math.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/block_backward.h"
#include "ops/channel_sums.h"
#include "ops/check.h"
#include "ops/norm.h"

static enum stoa_status training_parse(struct attribute_reader *reader, void *out)
{
    struct norm_params *params = out;
    params->epsilon = stoa_norm_epsilon(reader);
    params->momentum = stoa_read_float(reader, "momentum", 0.9f);
    if (reader->opset >= 14)
        stoa_read_int(reader, "training_mode", 0, 0, 1);
    if (reader->opset < 9 && !stoa_read_int(reader, "spatial", 1, 0, 1))
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute spatial is 0, only 1 is supported");
    return stoa_reader_finish(reader);
}

static unsigned training_takes(const struct op_call *call)
{
    (void)call;
    return OP_TAKES_ACTIVATION;
}

enum stoa_status stoa_norm_backward_infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    for (size_t i = 0; i < call->output_count; i++)
        if (stoa_op_has_output(call, i))
            stoa_same_as_input(call, i == 0 ? OF_X : OF_SCALE, i);
    return STOA_OK;
}

struct backward {
    const float *x, *dy;
    float *dx;
    struct sums sums;
    struct block_centre centre; /* of lanes; centre.mean is all that sums need */
    /* InstanceNormalization */
    const float *scale;
    float epsilon;
};

static void plan(const struct op_call *call, const bool *reduced, bool elementwise, struct walk *walk)
{
    const struct stoa_tensor *x = &call->inputs[OF_X];
    stoa_walk_plan_three(x->rank, x->dims, x->strides, call->inputs[DY].strides,
                         stoa_op_has_output(call, 0) ? call->outputs[0].strides : NULL, reduced, 1, elementwise, walk);
}

void stoa_norm_backward_plan(const struct op_call *call, bool elementwise, struct walk *walk)
{
    static const bool pixels[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    plan(call, pixels, elementwise, walk);
}

static size_t plan_backward(const struct op_call *call, struct walk *walk)
{
    static const bool all_but_channels[STOA_MAX_RANK] = {1, 0, 1, 1, 1, 1, 1, 1};
    plan(call, all_but_channels, true, walk);
    return stoa_walk_fold(walk);
}

static enum stoa_status backward_prepare(struct op_call *call, const struct op_prepare *prepare,
                                         struct stoa_error *error)
{
    (void)prepare;
    struct walk walk;
    struct sums sums;
    sums = stoa_sums_plan(&walk, plan_backward(call, &walk));
    return stoa_sums_size(&sums, error, &call->shared_scratch);
}

void stoa_norm_add_sums(const float *x, const float *dy, const struct walk *walk, const struct walk_unit *unit,
                        const float *mean, double *sums, double *products)
{
    for (size_t i = 0; i < walk->far.count; i++) {
        float sum[WALK_LANES] = {0}, product[WALK_LANES] = {0};
        size_t x_offset, dy_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &dy_offset);
        stoa_block_sum_centred(&unit->block, x + unit->x_offset + x_offset, dy + unit->y_offset + dy_offset, mean, sum,
                               product);
        for (size_t l = 0; l < unit->block.lanes; l++) {
            sums[l] += (double)sum[l];
            products[l] += (double)product[l];
        }
    }
}

static void sums_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct backward *backward = context;
    double *sums = backward->sums.values + unit->chunk * 2 * backward->sums.lanes + unit->lane;
    double *products = sums + backward->sums.lanes;
    for (size_t l = 0; l < unit->block.lanes; l++)
        sums[l] = products[l] = 0;
    stoa_norm_add_sums(backward->x, backward->dy, walk, unit, backward->centre.mean + unit->lane, sums, products);
}

static void centre(const struct backward *backward, const struct walk *walk, const struct walk_unit *unit,
                   const struct block_centre *values)
{
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, dy_offset, dx_offset;
        stoa_walk_offsets_three(&walk->far, i, &x_offset, &dy_offset, &dx_offset);
        stoa_block_centre(&unit->block, backward->x + unit->x_offset + x_offset,
                          backward->dy + unit->y_offset + dy_offset, values, backward->dx + unit->z_offset + dx_offset);
    }
}

static void centre_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct backward *backward = context;
    struct block_centre values = backward->centre;
    values.mean += unit->lane;
    values.factor += unit->lane;
    values.shift += unit->lane;
    values.slope += unit->lane;
    centre(backward, walk, unit, &values);
}

/* dx <- dy * factor: where the statistics do not depend on x. */
static void scale_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct backward *backward = context;
    struct block block = unit->block;
    block.x_step = block.y_step;
    block.x_lane = block.y_lane;
    block.y_step = block.z_step;
    block.y_lane = block.z_lane;
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, dy_offset, dx_offset;
        stoa_walk_offsets_three(&walk->far, i, &x_offset, &dy_offset, &dx_offset);
        stoa_block_scale(&block, backward->dy + unit->y_offset + dy_offset, backward->centre.factor + unit->lane,
                         backward->dx + unit->z_offset + dx_offset);
    }
}

/* With B = sum of dy, G = sum of dy * (x - mean), r = 1 / sqrt(variance + epsilon) and K elements a channel:
 * dscale = G * r, dbias = B and dx = scale * r * (dy - B / K - (x - mean) * r^2 * G / K), of which the last two terms
 * come from the statistics, if they are of x. */
static enum stoa_status batch_backward(const struct op_call *call, const struct op_run *run, bool of_x)
{
    const struct norm_params *params = call->params;
    struct walk walk;
    struct backward backward = {.x = call->inputs[OF_X].data,
                                .dy = call->inputs[DY].data,
                                .dx = stoa_op_has_output(call, 0) ? call->outputs[0].data : NULL};
    struct sums *sums = &backward.sums;
    *sums = stoa_sums_plan(&walk, plan_backward(call, &walk));
    stoa_sums_place(sums, run->shared);
    if (sums->channels == 0)
        return STOA_OK;
    float *mean = stoa_sums_lanes(sums, 0), *factor = stoa_sums_lanes(sums, 1), *shift = stoa_sums_lanes(sums, 2),
          *slope = stoa_sums_lanes(sums, 3);
    /* Of x: the reciprocals r as the forward pass kept them; else variances. */
    const float *means = call->inputs[OF_MEAN].data, *spreads = call->inputs[OF_VARIANCE].data;
    const float *scales = call->inputs[OF_SCALE].data;
    for (size_t c = 0; c < sums->channels; c++)
        mean[c] = means[c];
    stoa_sums_repeat(sums, mean);
    backward.centre = (struct block_centre){.mean = mean, .factor = factor, .shift = shift, .slope = slope};
    bool summed = of_x || stoa_op_has_output(call, 1) || stoa_op_has_output(call, 2);
    if (summed)
        stoa_walk_run(&walk, run->pool, sums_unit, &backward);

    const double count = (double)stoa_tensor_elements(&call->inputs[OF_X]) / (double)sums->channels;
    double *whole = sums->values;
    for (size_t p = 1; summed && p < sums->chunks * sums->fold; p++) {
        const double *of = stoa_sums_part(sums, p);
        for (size_t c = 0; c < sums->channels; c++) {
            whole[c] += of[c];
            whole[sums->lanes + c] += of[sums->lanes + c];
        }
    }
    for (size_t c = 0; c < sums->channels; c++) {
        double reciprocal = of_x ? (double)spreads[c] : 1 / sqrt((double)spreads[c] + (double)params->epsilon);
        factor[c] = (float)((double)scales[c] * reciprocal);
        if (!summed)
            continue;
        double sum = whole[c], product = whole[sums->lanes + c];
        shift[c] = (float)(sum / count);
        slope[c] = (float)(product * reciprocal * reciprocal / count);
        stoa_norm_write(call, 1, c, product * reciprocal);
        stoa_norm_write(call, 2, c, sum);
    }
    stoa_sums_repeat(sums, factor);
    if (of_x) {
        stoa_sums_repeat(sums, shift);
        stoa_sums_repeat(sums, slope);
    }
    if (backward.dx)
        stoa_walk_run(&walk, run->pool, of_x ? centre_unit : scale_unit, &backward);
    return STOA_OK;
}

static enum stoa_status batch_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    return batch_backward(call, run, false);
}

static enum stoa_status training_backward_run(const struct op_call *call, const struct op_run *run,
                                              struct stoa_error *error)
{
    (void)error;
    return batch_backward(call, run, true);
}

/* InstanceNormalization: a unit has all of its channels of one image, and the chunks are the images. */
static void plan_instance(const struct op_call *call, struct walk *walk, struct sums *sums)
{
    stoa_norm_backward_plan(call, false, walk);
    *sums = stoa_sums_plan(walk, 1);
    sums->chunks = call->inputs[OF_X].dims[0];
}

static enum stoa_status instance_prepare(struct op_call *call, const struct op_prepare *prepare,
                                         struct stoa_error *error)
{
    (void)prepare;
    struct walk walk;
    struct sums sums;
    plan_instance(call, &walk, &sums);
    return stoa_sums_size(&sums, error, &call->shared_scratch);
}

static void instance_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct backward *backward = context;
    const size_t lanes = unit->block.lanes;
    const double count = (double)walk->reduced;
    float mean[WALK_LANES], reciprocal[WALK_LANES], factor[WALK_LANES], shift[WALK_LANES], slope[WALK_LANES];
    double sums[WALK_LANES] = {0}, products[WALK_LANES] = {0};
    stoa_norm_moments(backward->x, walk, unit, mean, reciprocal);
    for (size_t l = 0; l < lanes; l++)
        reciprocal[l] = (float)(1 / sqrt((double)reciprocal[l] + (double)backward->epsilon));
    stoa_norm_add_sums(backward->x, backward->dy, walk, unit, mean, sums, products);
    double *kept = backward->sums.values + unit->outer * 2 * backward->sums.lanes + unit->lane;
    for (size_t l = 0; l < lanes; l++) {
        double r = (double)reciprocal[l];
        kept[l] = sums[l];
        kept[backward->sums.lanes + l] = products[l] * r;
        factor[l] = (float)((double)backward->scale[unit->lane + l] * r);
        shift[l] = (float)(sums[l] / count);
        slope[l] = (float)(products[l] * r * r / count);
    }
    const struct block_centre values = {.mean = mean, .factor = factor, .shift = shift, .slope = slope};
    if (backward->dx)
        centre(backward, walk, unit, &values);
}

static enum stoa_status instance_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct norm_params *params = call->params;
    struct walk walk;
    struct backward backward = {.x = call->inputs[OF_X].data,
                                .dy = call->inputs[DY].data,
                                .dx = stoa_op_has_output(call, 0) ? call->outputs[0].data : NULL,
                                .scale = call->inputs[OF_SCALE].data,
                                .epsilon = params->epsilon};
    plan_instance(call, &walk, &backward.sums);
    stoa_sums_place(&backward.sums, run->shared);
    stoa_walk_run(&walk, run->pool, instance_unit, &backward);
    for (size_t c = 0; c < backward.sums.channels; c++) {
        double sum = 0, product = 0;
        for (size_t n = 0; n < backward.sums.chunks; n++) {
            sum += stoa_sums_part(&backward.sums, n)[c];
            product += stoa_sums_part(&backward.sums, n)[backward.sums.lanes + c];
        }
        stoa_norm_write(call, 1, c, product);
        stoa_norm_write(call, 2, c, sum);
    }
    return STOA_OK;
}

static const struct op_gradient training_gradients[] = {
    {"BatchNormalizationTrainingBackward",
     5,
     {{OP_GRADIENT, Y}, {OP_INPUT, X}, {OP_INPUT, SCALE}, {OP_OUTPUT, SAVED_MEAN}, {OP_OUTPUT, SAVED_SCALE}},
     3,
     {X, SCALE, BIAS}},
};

static const struct op_fusion training_fusion = {.takes = training_takes};

const struct op stoa_op_batch_normalization_training = {
    .type = "BatchNormalizationTraining",
    .since = 1,
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 5,
    .layout = OP_ANY,
    .gradients = training_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct norm_params),
    .fusion = &training_fusion,
    .elementwise = true,
    .parse = training_parse,
    .infer = stoa_norm_training_infer,
    .prepare = stoa_norm_training_prepare,
    .run = stoa_norm_training_run,
};

#define BACKWARD(NAME, TYPE, INPUTS, PARSE, PREPARE, RUN)                                                              \
    const struct op stoa_op_##NAME = {                                                                                 \
        .type = TYPE,                                                                                                  \
        .since = 1,                                                                                                    \
        .min_inputs = INPUTS,                                                                                          \
        .max_inputs = INPUTS,                                                                                          \
        .min_outputs = 0,                                                                                              \
        .max_outputs = 3,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct norm_params),                                                                     \
        .elementwise = true,                                                                                           \
        .parse = PARSE,                                                                                                \
        .infer = stoa_norm_backward_infer,                                                                             \
        .prepare = PREPARE,                                                                                            \
        .run = RUN,                                                                                                    \
    }

BACKWARD(batch_normalization_backward, "BatchNormalizationBackward", 5, training_parse, backward_prepare, batch_run);
BACKWARD(batch_normalization_training_backward, "BatchNormalizationTrainingBackward", 5, training_parse,
         backward_prepare, training_backward_run);
BACKWARD(instance_normalization_backward, "InstanceNormalizationBackward", 3, stoa_instance_norm_parse,
         instance_prepare, instance_run);
