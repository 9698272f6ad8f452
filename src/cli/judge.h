/* A model on the test part of a data set: what `stoa train` does at its end. */
#ifndef STOA_CLI_JUDGE_H
#define STOA_CLI_JUDGE_H

#include <stoa/data.h>
#include <stoa/train.h>

#include "cli/settings.h"

/* Sets size and channels that a model from a file wants its pictures to have. */
STOA_CHECKED enum stoa_status stoa_cli_size_pictures(const struct stoa_model *model, struct stoa_error *error,
                                                     struct stoa_dataset_options *options);
/* The model's one input as the data set's images and the batch make it. */
STOA_CHECKED enum stoa_status stoa_cli_specify_images(const struct stoa_model *model,
                                                      const struct stoa_dataset_info *data, size_t batch,
                                                      struct stoa_error *error, struct stoa_input_spec *spec);

struct judgement {
    struct stoa_evaluation evaluation;
    size_t classes;    /* the scores of the network, maybe more than the data set's classes */
    size_t *confusion; /* [classes][classes], as of stoa_evaluate */
};
/* Evaluates the model by its classes. What is in the judgement is released by
 * stoa_cli_judgement_free, also after a failure. */
STOA_CHECKED enum stoa_status stoa_cli_judge(const struct stoa_model *model, const struct stoa_dataset_info *data,
                                             const struct stoa_batches *test, const struct settings *settings,
                                             struct stoa_error *error, struct judgement *judgement);
void stoa_cli_judgement_free(struct judgement *judgement);

#endif
