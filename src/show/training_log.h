/* What `stoa train --log` wrote: a line of settings, then one an epoch, each a JSON object. */
#ifndef STOA_SHOW_TRAINING_LOG_H
#define STOA_SHOW_TRAINING_LOG_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

/* An epoch; NaN for what was not measured. */
struct training_point {
    size_t epoch; /* from 1 */
    double loss, train_accuracy, test_loss, test_accuracy;
};

struct training_log {
    size_t count;
    struct training_point *points; /* by epochs, each once */
};

/* Reads a log. Training that was resumed may tell of an epoch again: what it said last counts. A last line that was
 * torn off is left out; anything else that is no such line is STOA_ERROR_DATA, with its number, as is a log without an
 * epoch. Released by stoa_training_log_free. */
STOA_CHECKED enum stoa_status stoa_training_log_read(const char *path, const struct stoa_allocator *allocator,
                                                     struct stoa_error *error, struct training_log *log);
void stoa_training_log_free(const struct stoa_allocator *allocator, struct training_log *log);

#endif
