/* Backward normalisations, each channel by itself. The slack stands beside each. */
#include <math.h>

#include "reference/norm.h"

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
        size_t at = stoa_reference_lane_place(lane, k);
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
        size_t at = stoa_reference_lane_place(lane, k);
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
    stoa_reference_put(made[1], c, dscale, dscale_slack + (lanes > 1 ? dscale_slack : 0));
    stoa_reference_put(made[2], c, dbias, dbias_slack + (lanes > 1 ? dbias_slack : 0));
}

static enum stoa_status batch_backward(struct reference_run *run, bool training)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    size_t channels = stoa_reference_channel_count(x);
    STOA_TRY(stoa_reference_check_channels(run, 2, 4, channels));
    struct reference_tensor *made[3];
    STOA_TRY(make_outputs(run, channels, made));
    struct backward b = {.x = x->values,
                         .dy = dy->values,
                         .moving = training,
                         .dx = made[0] ? made[0]->values : NULL,
                         .dx_slack = made[0] ? made[0]->slack : NULL};
    for (size_t c = 0; c < channels; c++) {
        const struct lane lane = stoa_reference_whole_channel(x, c);
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
    size_t channels = stoa_reference_channel_count(x), pixels = stoa_reference_product(x, 2, x->rank);
    STOA_TRY(stoa_reference_check_channels(run, 2, 2, channels));
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
            struct moments m = stoa_reference_measure(x->values, &lane, epsilon);
            lane_backward(&b, &lane, &m, &sums[0], &sums[1], &sums[2], &sums[3]);
        }
        finish(made, c, (double)x->dims[0], sums[0], sums[1], sums[2], sums[3]);
    }
    return STOA_OK;
}
