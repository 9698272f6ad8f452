/* What training minimises. */
#ifndef STOA_LOSS_H
#define STOA_LOSS_H

#include <stoa/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The mean over the batch. The scores are the model's first output. */
enum stoa_loss {
    STOA_LOSS_CROSS_ENTROPY = 0,    /* softmax included; label_smoothing. Labels: int64 [N], classes */
    STOA_LOSS_HINGE,                /* multiclass (SVM), margin: a sum over the classes. Labels: int64 [N], classes */
    STOA_LOSS_MEAN_SQUARED,         /* Labels: float, of the scores' dims */
    STOA_LOSS_BINARY_CROSS_ENTROPY, /* sigmoid included. Labels: float from 0 to 1, of the scores' dims */
    STOA_LOSS_COUNT
};

/* "cross-entropy", "hinge", "mean-squared", "binary-cross-entropy"; "unknown" for others. */
STOA_API const char *stoa_loss_name(enum stoa_loss loss);

#ifdef __cplusplus
}
#endif
#endif
