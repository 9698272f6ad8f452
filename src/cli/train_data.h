/* What `stoa train` feeds a trainer: a data set's two parts as batches of examples. */
#ifndef STOA_CLI_TRAIN_DATA_H
#define STOA_CLI_TRAIN_DATA_H

#include <stdbool.h>
#include <stoa/data.h>
#include <stoa/train.h>

#include "cli/settings.h"

/* One part. Losses that are not of classes get 1 for the class and 0 for the others. */
struct train_source {
    struct stoa_loader *loader;
    struct stoa_batches batches; /* hand this on; it points back here, so the source must not move */
    size_t classes;              /* the scores of the network */
    float *targets;              /* [batch][classes]; null: the loss takes the classes themselves */
};

/* Batches of the training part, shuffled and augmented as the settings say, or of the test part as it is. Losses that
 * are not of classes need whole batches: an incomplete one is left out of the training part, and the test part is cut
 * so that they come out even. */
STOA_CHECKED enum stoa_status stoa_cli_train_source_open(struct train_source *source,
                                                         const struct stoa_dataset *dataset, enum stoa_part part,
                                                         const struct settings *settings, struct stoa_error *error);
/* Before the first batch, once the network is known. */
STOA_CHECKED enum stoa_status stoa_cli_train_source_finish(struct train_source *source, enum stoa_loss loss,
                                                           size_t classes, struct stoa_error *error);
void stoa_cli_train_source_close(struct train_source *source);

/* Whether a loss takes classes, and not a number for each score. */
bool stoa_cli_train_takes_classes(enum stoa_loss loss);
/* As the command line has the pixels of a data set prepared, (pixel / 255 - mean) / std, or else as training does, by
 * the set's own mean and std. Of a preset the arithmetic alone: pictures of a set have their size. */
void stoa_cli_data_scale(const struct settings *settings, const struct stoa_dataset_info *info, float mean[3],
                         float std[3]);
/* What is done to training images. */
void stoa_cli_train_augment(const struct settings *settings, bool *flip, size_t *shift);

#endif
