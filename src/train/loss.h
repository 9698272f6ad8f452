/* The losses, as differentiating takes them. */
#ifndef STOA_TRAIN_LOSS_H
#define STOA_TRAIN_LOSS_H

#include <stoa/loss.h>
#include <stoa/status.h>

#include "train/differentiate.h"

/* Sets loss, loss_attributes and class_labels of *options. *attribute is for the attribute, if the loss has one, and
 * must live as long as the options are used. margin 0 is 1. */
STOA_CHECKED enum stoa_status stoa_loss_options(enum stoa_loss loss, double label_smoothing, double margin,
                                                struct attribute *attribute, struct stoa_error *error,
                                                struct differentiate_options *options);

#endif
