/* Local response normalisation. The window is summed anew for each channel: it is short, and a running sum would lose
 * accuracy. */
#include "kernels/lrn.h"

#include <math.h>

#include "base/size.h"
#include "base/vector.h"

#define TILE 64

/* value[i] <- x[i] / (bias + scale * value[i])^beta; 3/4, which nearly everybody uses, by square roots */
static STOA_INLINE void finish(const struct lrn *lrn, size_t count, const float *x, size_t x_step, float *value)
{
    const float scale = lrn->scale, bias = lrn->bias;
    if (lrn->beta == 0.75f) {
        for (size_t i = 0; i < count; i++) {
            float root = sqrtf(bias + scale * value[i]);
            value[i] = x[i * x_step] / (root * sqrtf(root));
        }
    } else {
        for (size_t i = 0; i < count; i++)
            value[i] = x[i * x_step] * powf(bias + scale * value[i], -lrn->beta);
    }
}

/* One tile: `rows` elements `row_step` apart in x and y; the window's elements are `step` apart. At element i, the
 * window reaches from -before(i) to after(i), cut where the channels end: element i is channel first + i * advance. */
static STOA_INLINE void tile(const struct lrn *lrn, size_t channels, size_t first, size_t advance, size_t count,
                             const float *x, size_t x_step, size_t x_between, float *y, size_t y_between)
{
    float sum[TILE] = {0};
    for (size_t k = 0; k <= lrn->before + lrn->after; k++) {
        /* The elements whose window has a channel at distance k - before. */
        size_t low = 0, high = count;
        if (advance) {
            low = k + first < lrn->before ? lrn->before - k - first : 0;
            high = channels + lrn->before > k + first ? channels + lrn->before - k - first : 0;
            high = stoa_size_min(high, count);
        } else if (first + k < lrn->before || first + k - lrn->before >= channels) {
            continue;
        }
        for (size_t i = low; i < high; i++) {
            const float *near = x + i * x_between;
            float value = k < lrn->before ? *(near - (lrn->before - k) * x_step) : near[(k - lrn->before) * x_step];
            sum[i] += value * value;
        }
    }
    finish(lrn, count, x, x_between, sum);
    for (size_t i = 0; i < count; i++)
        y[i * y_between] = sum[i];
}

STOA_FEW_CLONES void stoa_lrn_block(const struct lrn *lrn, const struct block *block, const float *x, float *y)
{
    const struct block b = *block;
    if (b.lanes == 1) {
        for (size_t c = 0; c < b.count; c += TILE) {
            size_t count = stoa_size_min(TILE, b.count - c);
            if (b.x_step == 1 && b.y_step == 1)
                tile(lrn, b.count, c, 1, count, x + c, 1, 1, y + c, 1);
            else
                tile(lrn, b.count, c, 1, count, x + c * b.x_step, b.x_step, b.x_step, y + c * b.y_step, b.y_step);
        }
        return;
    }
    for (size_t c = 0; c < b.count; c++)
        for (size_t l = 0; l < b.lanes; l += TILE) {
            size_t count = stoa_size_min(TILE, b.lanes - l);
            const float *from = x + c * b.x_step + l * b.x_lane;
            float *to = y + c * b.y_step + l * b.y_lane;
            if (b.x_lane == 1 && b.y_lane == 1)
                tile(lrn, b.count, c, 0, count, from, b.x_step, 1, to, 1);
            else
                tile(lrn, b.count, c, 0, count, from, b.x_step, b.x_lane, to, b.y_lane);
        }
}
