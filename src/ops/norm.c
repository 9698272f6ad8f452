/* BatchNormalization (by given statistics; by its own: norm_training.c) and InstanceNormalization: y = (x - mean) /
 * sqrt(variance + epsilon) * scale + bias for each channel, with the mean and variance given, or taken from each
 * channel of each image. */
#include <math.h>

#include "base/memory.h"
#include "base/status.h"
#include "ops/check.h"
#include "ops/norm.h"

float stoa_norm_epsilon(struct attribute_reader *reader)
{
    float epsilon = stoa_read_float(reader, "epsilon", 1e-5f);
    if (!(epsilon >= 0) || isinf(epsilon))
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute epsilon is %g, must be 0 or more", (double)epsilon);
    return epsilon;
}

/* The factor of a channel; all arithmetic but the last rounding in double. */
static float factor(float scale, float variance, float epsilon)
{
    return (float)((double)scale / sqrt((double)variance + (double)epsilon));
}

static enum stoa_status batch_parse(struct attribute_reader *reader, void *out)
{
    struct norm_params *params = out;
    params->epsilon = stoa_norm_epsilon(reader);
    params->momentum = stoa_read_float(reader, "momentum", 0.9f);
    params->saves_variance = true;
    /* Before there was an attribute, more outputs said so. */
    params->training = reader->opset >= 14 ? stoa_read_int(reader, "training_mode", 0, 0, 1) : reader->output_count > 1;
    if (reader->opset < 7 && !stoa_read_int(reader, "is_test", 0, 0, 1))
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute is_test is 0, only inference is supported");
    if (reader->opset < 9 && !stoa_read_int(reader, "spatial", 1, 0, 1))
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute spatial is 0, only 1 is supported");
    size_t outputs = !params->training ? 1 : reader->opset >= 14 ? 3 : 5;
    if (reader->output_count > outputs)
        stoa_reader_fail(reader, STOA_ERROR_GRAPH, "there are %zu outputs, at most %zu are given with training_mode %d",
                         reader->output_count, outputs, params->training);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_norm_infer(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"X", "scale", "B", "mean", "var"};
    STOA_TRY(stoa_check_float(call, X, names[X], error));
    STOA_TRY(stoa_check_least_rank(call, X, names[X], 2, error));
    for (size_t i = SCALE; i < call->input_count; i++) {
        STOA_TRY(stoa_check_float(call, i, names[i], error));
        STOA_TRY(stoa_check_vector(call, i, names[i], call->inputs[X].dims[1], "C of input X", error));
    }
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

/* The walk of all images' channels: lanes are channels. */
static void plan(const struct op_call *call, bool elementwise, struct walk *walk)
{
    static const bool reduced[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    const struct stoa_tensor *x = &call->inputs[X];
    stoa_walk_plan(x->rank, x->dims, x->strides, call->outputs[0].strides, reduced, 1, elementwise, walk);
}

/* y[count][lanes] <- f(y). */
static void activate(const struct activation *activation, const struct block *block, float *y)
{
    bool across = block->y_lane == 1;
    size_t rows = across ? block->count : block->lanes, row = across ? block->y_step : block->y_lane;
    for (size_t i = 0; i < rows; i++) {
        char *data = (char *)(y + i * row);
        ptrdiff_t step = (ptrdiff_t)(across ? block->y_lane : block->y_step);
        stoa_activation_loop(activation, across ? block->lanes : block->count, (char *[]){data, data},
                             (ptrdiff_t[]){step, step});
    }
}

void stoa_normalise(const struct norm *norm, const struct walk *walk, const struct walk_unit *unit, const float *mean,
                    const float *scale, const float *bias)
{
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        stoa_block_normalise(&unit->block, norm->x + unit->x_offset + x_offset, mean, scale, bias,
                             norm->y + unit->y_offset + y_offset);
        if (norm->activation.kind != ACTIVATION_NONE)
            activate(&norm->activation, &unit->block, norm->y + unit->y_offset + y_offset);
    }
}

static void batch_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct norm *norm = context;
    stoa_normalise(norm, walk, unit, norm->mean + unit->lane, norm->scale + unit->lane, norm->bias + unit->lane);
}

static void batch_factors(const struct op_call *call, float *factors)
{
    const struct norm_params *params = call->params;
    const float *scale = call->inputs[SCALE].data, *variance = call->inputs[VARIANCE].data;
    for (size_t c = 0; c < call->inputs[X].dims[1]; c++)
        factors[c] = factor(scale[c], variance[c], params->epsilon);
}

static bool batch_affine(const struct op_call *call, size_t input, double *scale, double *shift)
{
    const struct norm_params *params = call->params;
    for (size_t i = SCALE; i <= VARIANCE; i++)
        if (params->training || !call->inputs[i].data)
            return false;
    const float *const scales = call->inputs[SCALE].data, *const biases = call->inputs[BIAS].data;
    const float *const means = call->inputs[MEAN].data, *const variances = call->inputs[VARIANCE].data;
    for (size_t c = 0; input == X && c < call->inputs[X].dims[1]; c++) {
        scale[c] = (double)scales[c] / sqrt((double)variances[c] + (double)params->epsilon);
        shift[c] = (double)biases[c] - (double)means[c] * scale[c];
    }
    return input == X;
}

static unsigned batch_takes(const struct op_call *call)
{
    (void)call;
    return OP_TAKES_ACTIVATION;
}

static enum stoa_status batch_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct norm_params *params = call->params;
    return params->training ? stoa_norm_training_infer(call, error) : stoa_norm_infer(call, error);
}

static enum stoa_status batch_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    const struct norm_params *params = call->params;
    size_t channels = call->inputs[X].dims[1];
    if (params->training)
        return stoa_norm_training_prepare(call, prepare, error);
    if (!call->inputs[SCALE].data || !call->inputs[VARIANCE].data) {
        call->shared_scratch = channels * sizeof(float);
        return STOA_OK;
    }
    float *factors;
    STOA_TRY(stoa_allocate_raw(prepare->allocator, channels, sizeof *factors, error, &factors));
    batch_factors(call, factors);
    call->state = factors;
    return STOA_OK;
}

static void batch_release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    stoa_release(allocator, call->state);
}

static enum stoa_status batch_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct norm_params *params = call->params;
    if (params->training)
        return stoa_norm_training_run(call, run, error);
    if (!call->state)
        batch_factors(call, run->shared);
    struct norm norm = {.x = call->inputs[X].data,
                        .y = call->outputs[0].data,
                        .scale = call->state ? call->state : run->shared,
                        .bias = call->inputs[BIAS].data,
                        .mean = call->inputs[MEAN].data,
                        .activation = call->epilogue.activation};
    struct walk walk;
    plan(call, true, &walk);
    stoa_walk_run(&walk, run->pool, batch_unit, &norm);
    return STOA_OK;
}

enum stoa_status stoa_instance_norm_parse(struct attribute_reader *reader, void *out)
{
    struct norm_params *params = out;
    params->epsilon = stoa_norm_epsilon(reader);
    return stoa_reader_finish(reader);
}

static enum stoa_status instance_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_least_rank(call, X, "X", 3, error));
    return stoa_norm_infer(call, error);
}

/* Mean first, then the squares of the distances from it: the sum of squares alone would cancel. */
void stoa_norm_moments(const float *x, const struct walk *walk, const struct walk_unit *unit, float *mean,
                       float *variance)
{
    size_t lanes = unit->block.lanes, i, x_offset, y_offset;
    x += unit->x_offset;
    for (size_t l = 0; l < lanes; l++)
        mean[l] = variance[l] = 0;
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        stoa_block_sum(&unit->block, x + x_offset, mean);
    }
    for (size_t l = 0; l < lanes; l++)
        mean[l] /= (float)walk->reduced;
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        stoa_block_sum_squares(&unit->block, x + x_offset, mean, variance);
    }
    for (size_t l = 0; l < lanes; l++)
        variance[l] /= (float)walk->reduced;
}

static void instance_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct norm *norm = context;
    float mean[WALK_LANES], scale[WALK_LANES];
    stoa_norm_moments(norm->x, walk, unit, mean, scale);
    for (size_t l = 0; l < unit->block.lanes; l++)
        scale[l] = factor(norm->scale[unit->lane + l], scale[l], norm->epsilon);
    stoa_normalise(norm, walk, unit, mean, scale, norm->bias + unit->lane);
}

static enum stoa_status instance_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct norm_params *params = call->params;
    struct norm norm = {.x = call->inputs[X].data,
                        .y = call->outputs[0].data,
                        .scale = call->inputs[SCALE].data,
                        .bias = call->inputs[BIAS].data,
                        .epsilon = params->epsilon};
    struct walk walk;
    plan(call, false, &walk);
    stoa_walk_run(&walk, run->pool, instance_unit, &norm);
    return STOA_OK;
}

static const struct op_gradient batch_gradients[] = {
    {"BatchNormalizationBackward",
     5,
     {{OP_GRADIENT, 0}, {OP_INPUT, X}, {OP_INPUT, SCALE}, {OP_INPUT, MEAN}, {OP_INPUT, VARIANCE}},
     3,
     {X, SCALE, BIAS}},
};
static const struct op_training batch_training = {
    .type = "BatchNormalizationTraining", .output_count = 5, .update_count = 2, .updates = {{MEAN, 1}, {VARIANCE, 2}}};

static const struct op_gradient instance_gradients[] = {
    {"InstanceNormalizationBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, X}, {OP_INPUT, SCALE}}, 3, {X, SCALE, BIAS}},
};

static const struct op_fusion batch_fusion = {
    .takes = batch_takes,
    .affine = batch_affine,
};

const struct op stoa_op_batch_normalization = {
    .type = "BatchNormalization",
    .since = 6,
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 5,
    .layout = OP_ANY,
    .parameters = 1 << SCALE | 1 << BIAS,
    .gradients = batch_gradients,
    .gradient_count = 1,
    .training = &batch_training,
    .params_size = sizeof(struct norm_params),
    .fusion = &batch_fusion,
    .elementwise = true,
    .parse = batch_parse,
    .infer = batch_infer,
    .prepare = batch_prepare,
    .release = batch_release,
    .run = batch_run,
};

const struct op stoa_op_instance_normalization = {
    .type = "InstanceNormalization",
    .since = 6,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .parameters = 1 << SCALE | 1 << BIAS,
    .gradients = instance_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct norm_params),
    .parse = stoa_instance_norm_parse,
    .infer = instance_infer,
    .run = instance_run,
};
