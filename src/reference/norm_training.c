/* BatchNormalization by the statistics of its own input. The slack stands beside it. */
#include <math.h>
#include <string.h>

#include "reference/norm.h"

size_t stoa_reference_lane_place(const struct lane *lane, size_t k)
{
    return lane->first + k / lane->pixels * lane->image_step + k % lane->pixels;
}

enum stoa_status stoa_reference_check_channels(struct reference_run *run, size_t first, size_t last, size_t channels)
{
    for (size_t i = first; i <= last; i++)
        if (stoa_reference_count(stoa_reference_input(run, i)) != channels)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number for each of the %zu channels",
                             i, channels);
    return STOA_OK;
}

size_t stoa_reference_channel_count(const struct reference_tensor *x)
{
    return x->rank > 1 ? x->dims[1] : 1;
}

struct lane stoa_reference_whole_channel(const struct reference_tensor *x, size_t c)
{
    size_t pixels = stoa_reference_product(x, 2, x->rank);
    return (struct lane){.first = c * pixels,
                         .images = x->dims[0],
                         .image_step = stoa_reference_channel_count(x) * pixels,
                         .pixels = pixels};
}

struct moments stoa_reference_measure(const double *x, const struct lane *lane, double epsilon)
{
    struct moments m = {.count = (double)(lane->images * lane->pixels)};
    double magnitude = 0, spread = 0;
    for (size_t k = 0; k < lane->images * lane->pixels; k++) {
        m.mean += x[stoa_reference_lane_place(lane, k)] / m.count;
        magnitude += fabs(x[stoa_reference_lane_place(lane, k)]) / m.count;
    }
    for (size_t k = 0; k < lane->images * lane->pixels; k++) {
        double d = x[stoa_reference_lane_place(lane, k)] - m.mean;
        m.variance += d * d / m.count;
        spread += fabs(d) / m.count;
    }
    m.reciprocal = 1 / sqrt(m.variance + epsilon);
    m.mean_error = (m.count + 1) * magnitude;
    m.variance_error = (m.count + 6) * m.variance + 2 * m.mean_error * spread + m.mean_error * m.mean_error * 0x1p-24;
    m.reciprocal_error = m.reciprocal * (m.variance_error / (2 * (m.variance + epsilon)) + 4);
    return m;
}

void stoa_reference_put(struct reference_tensor *tensor, size_t i, double value, double slack)
{
    if (!tensor)
        return;
    tensor->values[i] = value;
    tensor->slack[i] = slack;
}

/* y as the normalisation of known moments, with their errors; a running statistic adds 4 roundings. The last
 * output is the variance, in training graphs the reciprocal of the deviation. */
enum stoa_status stoa_reference_batch_norm_training(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *inputs[5];
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    double momentum = (double)stoa_read_float(&run->reader, "momentum", 0.9f);
    STOA_TRY(run->reader.status);
    if (!stoa_reference_count(x))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has no elements");
    size_t channels = stoa_reference_channel_count(x);
    STOA_TRY(stoa_reference_check_channels(run, 1, 4, channels));
    const bool saves_variance = strcmp(run->call->type, "BatchNormalization") == 0;
    struct reference_tensor *y, *made[5];
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t i = 1; i < 5; i++) {
        inputs[i] = stoa_reference_input(run, i);
        STOA_TRY(stoa_reference_output(run, i, x->dtype, 1, &channels, &made[i]));
    }
    for (size_t c = 0; c < channels; c++) {
        const struct lane lane = stoa_reference_whole_channel(x, c);
        struct moments m = stoa_reference_measure(x->values, &lane, epsilon);
        double scale = inputs[1]->values[c], bias = inputs[2]->values[c];
        for (size_t k = 0; y && k < lane.images * lane.pixels; k++) {
            size_t at = stoa_reference_lane_place(&lane, k);
            double d = x->values[at] - m.mean, s = scale * m.reciprocal;
            stoa_reference_put(y, at, d * s + bias,
                               fabs(s) * m.mean_error + fabs(scale * d) * m.reciprocal_error + 6 * fabs(s * d) +
                                   4 * (fabs(x->values[at] * s) + fabs(m.mean * s) + fabs(bias)));
        }
        double old_mean = momentum * inputs[3]->values[c], old_variance = momentum * inputs[4]->values[c];
        double share = 1 - momentum;
        stoa_reference_put(made[1], c, old_mean + share * m.mean,
                           fabs(share) * m.mean_error + 4 * (fabs(old_mean) + fabs(share * m.mean)));
        stoa_reference_put(made[2], c, old_variance + share * m.variance,
                           fabs(share) * m.variance_error + 4 * (fabs(old_variance) + fabs(share * m.variance)));
        stoa_reference_put(made[3], c, m.mean, m.mean_error);
        stoa_reference_put(made[4], c, saves_variance ? m.variance : m.reciprocal,
                           saves_variance ? m.variance_error : m.reciprocal_error);
    }
    return STOA_OK;
}
