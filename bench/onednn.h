/* oneDNN's convolutions as contenders: in its own choice of layouts, conversion to and from them not timed. */
#ifndef STOA_BENCH_ONEDNN_H
#define STOA_BENCH_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>

#include "lower/lower.h"

struct onednn_conv;

enum onednn_algorithm { ONEDNN_DIRECT, ONEDNN_WINOGRAD };

/* Whether this build has oneDNN at all. */
bool stoa_bench_onednn_present(void);
/* x [N][C][H][W], weights [OC][C/groups][kh][kw]; null where oneDNN does not offer the convolution by that algorithm.
 */
struct onednn_conv *stoa_bench_onednn_create(const struct conv_shape *shape, enum onednn_algorithm algorithm,
                                             size_t threads, const float *x, const float *weights, const float *bias);
void stoa_bench_onednn_run(struct onednn_conv *conv);
/* The result as [N][OC][OH][OW]. */
void stoa_bench_onednn_result(struct onednn_conv *conv, float *y);
void stoa_bench_onednn_free(struct onednn_conv *conv);

#endif
