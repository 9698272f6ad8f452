/* Learning rates as a function of the step. */
#ifndef STOA_TRAIN_SCHEDULE_H
#define STOA_TRAIN_SCHEDULE_H

#include <stddef.h>
#include <stoa/train.h>

/* Whether the options describe a schedule. */
STOA_CHECKED enum stoa_status stoa_schedule_check(const struct stoa_trainer_options *options, struct stoa_error *error);
/* The rate of step number `step`, from 0. The options have been checked and have their defaults. */
double stoa_schedule_rate(const struct stoa_trainer_options *options, size_t step);

#endif
