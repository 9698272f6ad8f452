/* One row a loss. */
#include "train/loss.h"

#include "base/status.h"

static const struct {
    const char *name, *operator;
    bool classes;
} losses[STOA_LOSS_COUNT] = {
    [STOA_LOSS_CROSS_ENTROPY] = {"cross-entropy", "SoftmaxCrossEntropy", true},
    [STOA_LOSS_HINGE] = {"hinge", "MultiClassHinge", true},
    [STOA_LOSS_MEAN_SQUARED] = {"mean-squared", "MeanSquaredError", false},
    [STOA_LOSS_BINARY_CROSS_ENTROPY] = {"binary-cross-entropy", "BinaryCrossEntropyWithLogits", false},
};

const char *stoa_loss_name(enum stoa_loss loss)
{
    return (unsigned)loss < STOA_LOSS_COUNT ? losses[loss].name : "unknown";
}

enum stoa_status stoa_loss_options(enum stoa_loss loss, double label_smoothing, double margin,
                                   struct attribute *attribute, struct stoa_error *error,
                                   struct differentiate_options *options)
{
    if ((unsigned)loss >= STOA_LOSS_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "loss is %d, there are %d", (int)loss, STOA_LOSS_COUNT);
    if (!(label_smoothing >= 0 && label_smoothing < 1))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "label_smoothing is %g, must be in [0, 1)", label_smoothing);
    if (label_smoothing > 0 && loss != STOA_LOSS_CROSS_ENTROPY)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "label_smoothing is %g, only cross-entropy has it",
                         label_smoothing);
    if (!(margin >= 0 && margin < 1e30))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "margin is %g, must be at least 0", margin);
    if (margin > 0 && loss != STOA_LOSS_HINGE)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "margin is %g, only hinge has one", margin);
    *attribute = (struct attribute){.kind = ATTRIBUTE_FLOAT};
    if (loss == STOA_LOSS_CROSS_ENTROPY) {
        attribute->name = "label_smoothing";
        attribute->number = (float)label_smoothing;
    } else if (loss == STOA_LOSS_HINGE) {
        attribute->name = "margin";
        attribute->number = margin > 0 ? (float)margin : 1.0f;
    }
    options->loss = losses[loss].operator;
    options->class_labels = losses[loss].classes;
    options->loss_attributes = (struct attributes){.items = attribute, .count = attribute->name ? 1 : 0};
    return STOA_OK;
}
