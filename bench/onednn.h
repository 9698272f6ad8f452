/* oneDNN's direct convolution as a contender: its own choice of layouts, conversion to and from them not timed. */
#ifndef BENCH_ONEDNN_H
#define BENCH_ONEDNN_H

#include <stddef.h>

#include "lower/lower.h"

struct onednn_conv;

/* Whether this build has oneDNN at all. */
int onednn_present(void);
/* x [N][C][H][W], weights [OC][C/groups][kh][kw]; null where oneDNN does not offer the convolution. */
struct onednn_conv *onednn_create(const struct conv_shape *shape, const float *x, const float *weights,
                                  const float *bias);
void onednn_run(struct onednn_conv *conv);
/* The result as [N][OC][OH][OW]. */
void onednn_result(struct onednn_conv *conv, float *y);
void onednn_free(struct onednn_conv *conv);

#endif
