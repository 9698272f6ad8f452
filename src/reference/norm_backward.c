/* Backward normalisations, each set of elements that share a mean by itself. The slack stands beside each. */
#include <math.h>

#include "reference/norm.h"

/* `each` elements of a lane, one after the other, share a scale. */
struct backward {
    const double *x, *dy, *scales;
    size_t each;
    bool moving;
    struct reference_tensor *made[3]; /* null: nobody wants it */
};

static void add(struct reference_tensor *tensor, size_t i, double value, double slack)
{
    if (!tensor)
        return;
    tensor->values[i] += value;
    tensor->slack[i] += slack;
}

/* One lane's dx, and its shares in dscale and dbias, which begin with number `first`, as the scales do. With xhat = (x
 * - mean) * r, g = scale * dy, B = sum of g and G = sum of g * xhat
 *
 *   dx = r * (g - B / K - xhat * G / K)     moving statistics, those of the lane
 *   dx = r * g                              fixed ones
 *
 * B is off by (K + 2) * sum |g|; G by (K + 6 + r's own error) times sum |g * xhat|, and through the mean's error by
 * mean_error * r * sum |g|. All of it weighs on dx, with 12 roundings of its terms. Shares are off likewise, with dy
 * for g. */
static void lane_backward(const struct backward *b, const struct lane *lane, const struct moments *m, size_t first)
{
    const size_t count = lane->images * lane->pixels;
    double sum = 0, sum_error = 0, product = 0, product_error = 0, r = m->reciprocal, r_error = m->reciprocal_error / r;
    for (size_t k = 0; k < count; k++) {
        size_t at = stoa_reference_lane_place(lane, k), i = first + k / b->each;
        double scale = b->scales[i], xhat = (b->x[at] - m->mean) * r, dy = b->dy[at];
        double dy_error = (m->count + 2) * fabs(dy);
        double share_error = (m->count + 6 + r_error) * fabs(dy * xhat) + m->mean_error * r * fabs(dy);
        add(b->made[1], i, dy * xhat, share_error);
        add(b->made[2], i, dy, dy_error);
        sum += scale * dy;
        sum_error += fabs(scale) * dy_error;
        product += scale * dy * xhat;
        product_error += fabs(scale) * share_error;
    }
    for (size_t k = 0; b->made[0] && k < count; k++) {
        size_t at = stoa_reference_lane_place(lane, k);
        double xhat = (b->x[at] - m->mean) * r, g = b->scales[first + k / b->each] * b->dy[at];
        double level = sum / m->count, slope = product / m->count;
        double terms = fabs(g) + fabs(level) + fabs(xhat * slope);
        if (b->moving)
            stoa_reference_put(b->made[0], at, r * (g - level - xhat * slope),
                               fabs(r) * (sum_error / m->count + fabs(xhat) * product_error / m->count +
                                          m->mean_error * r * fabs(slope) + (12 + 3 * r_error) * terms));
        else
            stoa_reference_put(b->made[0], at, r * g, 8 * fabs(r * g));
    }
}

/* Input 2 has one number for each of `scales`. */
static enum stoa_status begin(struct reference_run *run, bool moving, size_t scales, struct backward *b)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    STOA_TRY(stoa_reference_check_channels(run, 2, 2, scales));
    *b = (struct backward){.x = x->values,
                           .dy = stoa_reference_input(run, 0)->values,
                           .scales = stoa_reference_input(run, 2)->values,
                           .moving = moving};
    STOA_TRY(stoa_reference_output_like(run, x, &b->made[0]));
    for (size_t i = 1; i < 3; i++)
        STOA_TRY(stoa_reference_output(run, i, STOA_FLOAT, 1, &scales, &b->made[i]));
    return STOA_OK;
}

/* Several lanes of a scale add up: as many roundings more of what they are. */
static void finish(const struct backward *b, size_t lanes)
{
    for (size_t i = 1; i < 3; i++)
        for (size_t c = 0; lanes > 1 && b->made[i] && c < stoa_reference_count(b->made[i]); c++)
            b->made[i]->slack[c] *= 2;
}

static enum stoa_status batch_backward(struct reference_run *run, bool training)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    size_t channels = stoa_reference_channel_count(x);
    STOA_TRY(stoa_reference_check_channels(run, 3, 4, channels));
    struct backward b;
    STOA_TRY(begin(run, training, channels, &b));
    for (size_t c = 0; c < channels; c++) {
        const struct lane lane = stoa_reference_whole_channel(x, c);
        double fourth = stoa_reference_input(run, 4)->values[c];
        struct moments m = {.count = (double)(lane.images * lane.pixels),
                            .mean = stoa_reference_input(run, 3)->values[c],
                            .reciprocal = training ? fourth : 1 / sqrt(fourth + epsilon)};
        b.each = lane.images * lane.pixels;
        lane_backward(&b, &lane, &m, c);
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

/* By the statistics of `size` channels of one image each, of which `sharing` share a scale; there are `scales`. */
static enum stoa_status group_backward(struct reference_run *run, double epsilon, size_t size, size_t sharing,
                                       size_t scales)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    const size_t channels = stoa_reference_channel_count(x), pixels = stoa_reference_product(x, 2, x->rank);
    struct backward b;
    STOA_TRY(begin(run, true, scales, &b));
    b.each = sharing * pixels;
    for (size_t c = 0; c < x->dims[0] * channels; c += size) {
        const struct lane lane = {.first = c * pixels, .images = 1, .pixels = size * pixels};
        struct moments m = stoa_reference_measure(x->values, &lane, epsilon);
        lane_backward(&b, &lane, &m, c % channels / sharing);
    }
    finish(&b, x->dims[0]);
    return STOA_OK;
}

enum stoa_status stoa_reference_instance_norm_backward(struct reference_run *run)
{
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    return group_backward(run, epsilon, 1, 1, stoa_reference_channel_count(stoa_reference_input(run, 1)));
}

enum stoa_status stoa_reference_group_norm_backward(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    struct group_norm norm;
    STOA_TRY(stoa_reference_group_norm_read(run, x, &norm));
    return norm.by_group ? group_backward(run, norm.epsilon, norm.size, norm.size, norm.groups)
                         : group_backward(run, norm.epsilon, norm.size, 1, x->dims[1]);
}
