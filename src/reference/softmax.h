/* The rows that Softmax and LogSoftmax normalise: rows o * inner + i, of K elements `inner` apart. */
#ifndef STOA_REFERENCE_SOFTMAX_H
#define STOA_REFERENCE_SOFTMAX_H

#include "reference/internal.h"

struct softmax_rows {
    size_t outer, inner, K;
};

STOA_CHECKED enum stoa_status stoa_reference_softmax_rows(struct reference_run *run, const struct reference_tensor *x,
                                                          struct softmax_rows *rows);
/* One row of K elements, `step` apart, in x, y and the slack. */
void stoa_reference_softmax_row(size_t K, size_t step, const double *x, bool logarithm, double *y, double *slack);

#endif
