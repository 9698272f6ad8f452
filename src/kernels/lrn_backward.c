/* Local response normalisation, backward. Windows are summed anew for each channel, as in lrn.c. */
#include <math.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/lrn.h"

/* x^-beta; 3/4, which nearly everybody uses, by square roots */
static STOA_INLINE float power(float beta, float x)
{
    if (beta != 0.75f)
        return powf(x, -beta);
    float root = sqrtf(x);
    return 1 / (root * sqrtf(root));
}

STOA_FEW_CLONES void stoa_lrn_backward_block(const struct lrn *lrn, const struct block *block, const float *x,
                                             const float *y, float *work, float *z)
{
    const struct block b = *block;
    const float slope = 2 * lrn->scale * lrn->beta;
    float *powers = work, *terms = work + b.count * b.lanes;
    for (size_t c = 0; c < b.count; c++) {
        const size_t first = c < lrn->before ? 0 : c - lrn->before;
        const size_t last = stoa_size_min(c + lrn->after, b.count - 1);
        float *p = powers + c * b.lanes, *g = terms + c * b.lanes;
        for (size_t l = 0; l < b.lanes; l++)
            p[l] = 0;
        for (size_t k = first; k <= last; k++)
            for (size_t l = 0; l < b.lanes; l++)
                p[l] += x[k * b.x_step + l * b.x_lane] * x[k * b.x_step + l * b.x_lane];
        for (size_t l = 0; l < b.lanes; l++) {
            const float t = lrn->bias + lrn->scale * p[l];
            p[l] = power(lrn->beta, t);
            g[l] = y[c * b.y_step + l * b.y_lane] * x[c * b.x_step + l * b.x_lane] * (p[l] / t);
        }
    }
    for (size_t c = 0; c < b.count; c++) {
        const size_t first = c < lrn->after ? 0 : c - lrn->after;
        const size_t last = stoa_size_min(c + lrn->before, b.count - 1);
        const float *p = powers + c * b.lanes;
        for (size_t l = 0; l < b.lanes; l++) {
            float sum = 0;
            for (size_t k = first; k <= last; k++)
                sum += terms[k * b.lanes + l];
            z[c * b.z_step + l * b.z_lane] =
                y[c * b.y_step + l * b.y_lane] * p[l] - slope * x[c * b.x_step + l * b.x_lane] * sum;
        }
    }
}
