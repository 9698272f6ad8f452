/* BatchNormalization with the statistics of its own input, while training or where a model asks for it.
 *
 * Statistics are taken chunk by chunk (ops/walk.h): the mean, then the squares of the distances from it while the chunk
 * is still in the cache; chunks are joined in their order by the formula for the moments of a union (Chan, Golub,
 * LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979), in double. Chunks are cut
 * by shapes alone.
 *
 * The variance is that of the images themselves (their number divides, not one less), for the running one too: so ONNX
 * defines it since opset 14. PyTorch's running variance is the other one. */
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/channel_sums.h"
#include "ops/check.h"
#include "ops/norm.h"

void stoa_norm_write(const struct op_call *call, size_t output, size_t c, double value)
{
    if (stoa_op_has_output(call, output))
        ((float *)call->outputs[output].data)[c] = (float)value;
}

enum stoa_status stoa_norm_training_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[X];
    STOA_TRY(stoa_norm_infer(call, error));
    if (stoa_tensor_elements(x) == 0 && x->dims[1])
        return stoa_fail(error, STOA_ERROR_SHAPE, "input X has no elements to take statistics of");
    for (size_t i = NEW_MEAN; i <= SAVED_SCALE; i++)
        if (stoa_op_has_output(call, i))
            stoa_same_as_input(call, SCALE, i);
    return STOA_OK;
}

static const bool all_but_channels[STOA_MAX_RANK] = {1, 0, 1, 1, 1, 1, 1, 1};
static size_t plan_training(const struct op_call *call, struct walk *walk)
{
    const struct stoa_tensor *x = &call->inputs[X];
    stoa_walk_plan(x->rank, x->dims, x->strides, call->outputs[Y].strides, all_but_channels, 1, true, walk);
    return stoa_walk_fold(walk);
}

enum stoa_status stoa_norm_training_prepare(struct op_call *call, const struct op_prepare *prepare,
                                            struct stoa_error *error)
{
    (void)prepare;
    struct walk walk;
    struct sums sums;
    sums = stoa_sums_plan(&walk, plan_training(call, &walk));
    return stoa_sums_size(&sums, error, &call->shared_scratch);
}

struct training {
    struct norm norm;
    struct sums sums;
};

/* n elements of mean m and squared distances s join n0 of mean *mean and *squares. */
static inline void join(double n0, double n, double m, double s, double *mean, double *squares)
{
    double difference = m - *mean, share = n / (n0 + n);
    *mean += difference * share;
    *squares += s + difference * difference * n0 * share;
}

static void statistics_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct training *training = context;
    const struct sums *sums = &training->sums;
    const size_t lanes = unit->block.lanes, count = unit->block.count;
    double *means = sums->values + unit->chunk * 2 * sums->lanes + unit->lane, *squares = means + sums->lanes;
    for (size_t l = 0; l < lanes; l++)
        means[l] = squares[l] = 0;
    for (size_t i = 0; i < walk->far.count; i++) {
        float mean[WALK_LANES] = {0}, square[WALK_LANES] = {0};
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        const float *x = training->norm.x + unit->x_offset + x_offset;
        stoa_block_sum(&unit->block, x, mean);
        for (size_t l = 0; l < lanes; l++)
            mean[l] /= (float)count;
        stoa_block_sum_squares(&unit->block, x, mean, square);
        for (size_t l = 0; l < lanes; l++)
            join((double)(i * count), (double)count, (double)mean[l], (double)square[l], &means[l], &squares[l]);
    }
}

static void normalise_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct training *training = context;
    const struct norm *norm = &training->norm;
    stoa_normalise(norm, walk, unit, norm->mean + unit->lane, norm->scale + unit->lane, norm->bias + unit->lane);
}

/* Part 0 becomes the whole. */
static void join_statistics(const struct walk *walk, const struct sums *sums)
{
    double *mean = sums->values, *squares = mean + sums->lanes, before = 0;
    for (size_t p = 0; p < sums->chunks * sums->fold; p++) {
        size_t first = p / sums->fold * walk->chunk;
        double count = (double)(stoa_size_min(walk->chunk, walk->block.count - first) * walk->far.count);
        const double *of = stoa_sums_part(sums, p);
        for (size_t c = 0; p && c < sums->channels; c++)
            join(before, count, of[c], of[sums->lanes + c], &mean[c], &squares[c]);
        before += count;
    }
}

enum stoa_status stoa_norm_training_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct norm_params *params = call->params;
    struct walk walk;
    struct training training = {
        .norm = {.x = call->inputs[X].data, .y = call->outputs[Y].data, .activation = call->epilogue.activation}};
    struct sums *sums = &training.sums;
    *sums = stoa_sums_plan(&walk, plan_training(call, &walk));
    stoa_sums_place(sums, run->shared);
    if (sums->channels == 0)
        return STOA_OK;
    stoa_walk_run(&walk, run->pool, statistics_unit, &training);
    join_statistics(&walk, sums);

    const float *scales = call->inputs[SCALE].data, *biases = call->inputs[BIAS].data;
    const float *old_means = call->inputs[MEAN].data, *old_variances = call->inputs[VARIANCE].data;
    const double momentum = (double)params->momentum;
    const double count = (double)stoa_tensor_elements(&call->inputs[X]) / (double)sums->channels;
    float *mean = stoa_sums_lanes(sums, 0), *scale = stoa_sums_lanes(sums, 1), *bias = stoa_sums_lanes(sums, 2);
    for (size_t c = 0; c < sums->channels; c++) {
        double variance = sums->values[sums->lanes + c] / count;
        double reciprocal = 1 / sqrt(variance + (double)params->epsilon);
        mean[c] = (float)sums->values[c];
        scale[c] = (float)((double)scales[c] * reciprocal);
        bias[c] = biases[c];
        stoa_norm_write(call, NEW_MEAN, c, (double)old_means[c] * momentum + sums->values[c] * (1 - momentum));
        stoa_norm_write(call, NEW_VARIANCE, c, (double)old_variances[c] * momentum + variance * (1 - momentum));
        stoa_norm_write(call, SAVED_MEAN, c, sums->values[c]);
        stoa_norm_write(call, SAVED_SCALE, c, params->saves_variance ? variance : reciprocal);
    }
    stoa_sums_repeat(sums, mean);
    stoa_sums_repeat(sums, scale);
    stoa_sums_repeat(sums, bias);
    training.norm.mean = mean;
    training.norm.scale = scale;
    training.norm.bias = bias;
    stoa_walk_run(&walk, run->pool, normalise_unit, &training);
    return STOA_OK;
}
