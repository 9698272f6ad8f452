/* BatchNormalization in training and backward normalisations, each channel by itself. The slack stands beside each. */
#include <math.h>

#include "reference/internal.h"

/* The elements of a channel, of one image or of all. */
struct lane {
    size_t first, images, image_step, pixels;
};

static size_t lane_place(const struct lane *lane, size_t k)
{
    return lane->first + k / lane->pixels * lane->image_step + k % lane->pixels;
}

static enum stoa_status check_channels(struct reference_run *run, size_t first, size_t last, size_t channels)
{
    for (size_t i = first; i <= last; i++)
        if (stoa_reference_count(stoa_reference_input(run, i)) != channels)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number for each of the %zu channels",
                             i, channels);
    return STOA_OK;
}

static size_t channel_count(const struct reference_tensor *x)
{
    return x->rank > 1 ? x->dims[1] : 1;
}

/* Channel c of all images. */
static struct lane whole_channel(const struct reference_tensor *x, size_t c)
{
    size_t pixels = stoa_reference_product(x, 2, x->rank);
    return (struct lane){
        .first = c * pixels, .images = x->dims[0], .image_step = channel_count(x) * pixels, .pixels = pixels};
}

/* The mean of K elements in float is off by mean_error = (K + 1) * mean |x|; the variance, from deviations d that
 * inherit it, by (K + 6) * variance + 2 mean_error * mean |d| + u mean_error^2; the reciprocal r of the deviation by
 * r * (variance_error / (2 (variance + epsilon)) + 4). */
struct moments {
    double count, mean, variance, reciprocal, mean_error, variance_error, reciprocal_error;
};

static struct moments measure(const double *x, const struct lane *lane, double epsilon)
{
    struct moments m = {.count = (double)(lane->images * lane->pixels)};
    double magnitude = 0, spread = 0;
    for (size_t k = 0; k < lane->images * lane->pixels; k++) {
        m.mean += x[lane_place(lane, k)] / m.count;
        magnitude += fabs(x[lane_place(lane, k)]) / m.count;
    }
    for (size_t k = 0; k < lane->images * lane->pixels; k++) {
        double d = x[lane_place(lane, k)] - m.mean;
        m.variance += d * d / m.count;
        spread += fabs(d) / m.count;
    }
    m.reciprocal = 1 / sqrt(m.variance + epsilon);
    m.mean_error = (m.count + 1) * magnitude;
    m.variance_error = (m.count + 6) * m.variance + 2 * m.mean_error * spread + m.mean_error * m.mean_error * 0x1p-24;
    m.reciprocal_error = m.reciprocal * (m.variance_error / (2 * (m.variance + epsilon)) + 4);
    return m;
}

static void put(struct reference_tensor *tensor, size_t i, double value, double slack)
{
    if (!tensor)
        return;
    tensor->values[i] = value;
    tensor->slack[i] = slack;
}

/* y as the normalisation of known moments, with their errors; a running statistic adds 4 roundings. */
enum stoa_status stoa_reference_batch_norm_training(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *inputs[5];
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    double momentum = (double)stoa_read_float(&run->reader, "momentum", 0.9f);
    STOA_TRY(run->reader.status);
    if (!stoa_reference_count(x))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has no elements");
    size_t channels = channel_count(x);
    STOA_TRY(check_channels(run, 1, 4, channels));
    struct reference_tensor *y, *made[5];
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t i = 1; i < 5; i++) {
        inputs[i] = stoa_reference_input(run, i);
        STOA_TRY(stoa_reference_output(run, i, x->dtype, 1, &channels, &made[i]));
    }
    for (size_t c = 0; c < channels; c++) {
        const struct lane lane = whole_channel(x, c);
        struct moments m = measure(x->values, &lane, epsilon);
        double scale = inputs[1]->values[c], bias = inputs[2]->values[c];
        for (size_t k = 0; y && k < lane.images * lane.pixels; k++) {
            size_t at = lane_place(&lane, k);
            double d = x->values[at] - m.mean, s = scale * m.reciprocal;
            put(y, at, d * s + bias,
                fabs(s) * m.mean_error + fabs(scale * d) * m.reciprocal_error + 6 * fabs(s * d) +
                    4 * (fabs(x->values[at] * s) + fabs(m.mean * s) + fabs(bias)));
        }
        double old_mean = momentum * inputs[3]->values[c], old_variance = momentum * inputs[4]->values[c];
        double share = 1 - momentum;
        put(made[1], c, old_mean + share * m.mean,
            fabs(share) * m.mean_error + 4 * (fabs(old_mean) + fabs(share * m.mean)));
        put(made[2], c, old_variance + share * m.variance,
            fabs(share) * m.variance_error + 4 * (fabs(old_variance) + fabs(share * m.variance)));
        put(made[3], c, m.mean, m.mean_error);
        put(made[4], c, m.reciprocal, m.reciprocal_error);
    }
    return STOA_OK;
}

/* One lane's dx, and its shares in dscale and dbias, with B = sum of dy, G = sum of dy * xhat and xhat = (x - mean) *
 * r: dx = scale * r * (dy - B / K - xhat * G / K)        moving statistics, those of the lane dx = scale * r * dy fixed
 * ones B is off by (K + 2) * sum |dy|; G by (K + 6 + r's own error) times sum |dy * xhat|, and through the mean's error
 * by mean_error * r * sum |dy|. All of it weighs on dx, with 12 roundings of its terms. */
struct backward {
    const double *x, *dy;
    double scale;
    bool moving;
    double *dx, *dx_slack; /* may be null */
};

static void lane_backward(const struct backward *b, const struct lane *lane, const struct moments *m, double *dscale,
                          double *dscale_slack, double *dbias, double *dbias_slack)
{
    double sum = 0, sum_error = 0, product = 0, product_error = 0, r = m->reciprocal, r_error = m->reciprocal_error / r;
    for (size_t k = 0; k < lane->images * lane->pixels; k++) {
        size_t at = lane_place(lane, k);
        double xhat = (b->x[at] - m->mean) * r;
        sum += b->dy[at];
        sum_error += (m->count + 2) * fabs(b->dy[at]);
        product += b->dy[at] * xhat;
        product_error += (m->count + 6 + r_error) * fabs(b->dy[at] * xhat) + m->mean_error * r * fabs(b->dy[at]);
    }
    *dscale += product;
    *dscale_slack += product_error;
    *dbias += sum;
    *dbias_slack += sum_error;
    for (size_t k = 0; b->dx && k < lane->images * lane->pixels; k++) {
        size_t at = lane_place(lane, k);
        double xhat = (b->x[at] - m->mean) * r, s = b->scale * r, dy = b->dy[at];
        if (!b->moving) {
            b->dx[at] = s * dy;
            b->dx_slack[at] = 8 * fabs(s * dy);
            continue;
        }
        double level = sum / m->count, slope = product / m->count;
        double terms = fabs(dy) + fabs(level) + fabs(xhat * slope);
        b->dx[at] = s * (dy - level - xhat * slope);
        b->dx_slack[at] = fabs(s) * (sum_error / m->count + fabs(xhat) * product_error / m->count +
                                     m->mean_error * r * fabs(slope) + (12 + 3 * r_error) * terms);
    }
}

static enum stoa_status make_outputs(struct reference_run *run, size_t channels, struct reference_tensor *made[3])
{
    STOA_TRY(stoa_reference_output_like(run, stoa_reference_input(run, 1), &made[0]));
    for (size_t i = 1; i < 3; i++)
        STOA_TRY(stoa_reference_output(run, i, STOA_FLOAT, 1, &channels, &made[i]));
    return STOA_OK;
}

/* Several lanes of a channel add up: as many roundings more of what they are. */
static void finish(struct reference_tensor *const made[3], size_t c, double lanes, double dscale, double dscale_slack,
                   double dbias, double dbias_slack)
{
    put(made[1], c, dscale, dscale_slack + (lanes > 1 ? dscale_slack : 0));
    put(made[2], c, dbias, dbias_slack + (lanes > 1 ? dbias_slack : 0));
}

static enum stoa_status batch_backward(struct reference_run *run, bool training)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    size_t channels = channel_count(x);
    STOA_TRY(check_channels(run, 2, 4, channels));
    struct reference_tensor *made[3];
    STOA_TRY(make_outputs(run, channels, made));
    struct backward b = {.x = x->values,
                         .dy = dy->values,
                         .moving = training,
                         .dx = made[0] ? made[0]->values : NULL,
                         .dx_slack = made[0] ? made[0]->slack : NULL};
    for (size_t c = 0; c < channels; c++) {
        const struct lane lane = whole_channel(x, c);
        double fourth = stoa_reference_input(run, 4)->values[c], sums[4] = {0};
        struct moments m = {.count = (double)(lane.images * lane.pixels),
                            .mean = stoa_reference_input(run, 3)->values[c],
                            .reciprocal = training ? fourth : 1 / sqrt(fourth + epsilon)};
        b.scale = stoa_reference_input(run, 2)->values[c];
        lane_backward(&b, &lane, &m, &sums[0], &sums[1], &sums[2], &sums[3]);
        finish(made, c, 1, sums[0], sums[1], sums[2], sums[3]);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_batch_norm_backward(struct reference_run *run)
{
    return batch_backward(run, false);
}

enum stoa_status stoa_reference_batch_norm_training_backward(struct reference_run *run)
{
    return batch_backward(run, true);
}

enum stoa_status stoa_reference_instance_norm_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    size_t channels = channel_count(x), pixels = stoa_reference_product(x, 2, x->rank);
    STOA_TRY(check_channels(run, 2, 2, channels));
    struct reference_tensor *made[3];
    STOA_TRY(make_outputs(run, channels, made));
    struct backward b = {.x = x->values,
                         .dy = dy->values,
                         .moving = true,
                         .dx = made[0] ? made[0]->values : NULL,
                         .dx_slack = made[0] ? made[0]->slack : NULL};
    for (size_t c = 0; c < channels; c++) {
        double sums[4] = {0};
        b.scale = stoa_reference_input(run, 2)->values[c];
        for (size_t n = 0; n < x->dims[0]; n++) {
            const struct lane lane = {.first = (n * channels + c) * pixels, .images = 1, .pixels = pixels};
            struct moments m = measure(x->values, &lane, epsilon);
            lane_backward(&b, &lane, &m, &sums[0], &sums[1], &sums[2], &sums[3]);
        }
        finish(made, c, (double)x->dims[0], sums[0], sums[1], sums[2], sums[3]);
    }
    return STOA_OK;
}
