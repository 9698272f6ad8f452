/* What `stoa train` tells: a bar while it goes on, a line an epoch for people and one for programs, the result. */
#ifndef STOA_CLI_TRAIN_REPORT_H
#define STOA_CLI_TRAIN_REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include <stoa/data.h>
#include <stoa/train.h>

struct train_report {
    const char *log_path; /* null: no log */
    FILE *log;
    size_t epochs;   /* there will be */
    bool accuracies; /* whether the loss is one of classes, so that there are */
    double shown;    /* when the bar was drawn (stoa_seconds); 0: it is not there */
};

/* Opens the log, to add to what is there or to begin it. */
STOA_CHECKED enum stoa_status stoa_cli_train_report_open(struct train_report *report, const char *log_path, bool add,
                                                         struct stoa_error *error);
/* Closes the log; an error tells that not all of it could be written. */
STOA_CHECKED enum stoa_status stoa_cli_train_report_close(struct train_report *report, struct stoa_error *error);

/* The bar, on stderr and on a terminal alone; drawn again a few times a second. */
void stoa_cli_train_progress(struct train_report *report, const struct stoa_fit_progress *progress);
void stoa_cli_train_progress_end(struct train_report *report);
/* A line on stdout and one in the log. */
void stoa_cli_train_epoch(struct train_report *report, const struct stoa_fit_epoch *epoch);

/* To stdout: shares of the test images, and which classes were taken for which. confusion is [K][K] as of
 * stoa_evaluate, where K (scores of the network) is at least the data set's number of classes. */
void stoa_cli_train_result(const struct stoa_dataset *dataset, const struct stoa_evaluation *evaluation, size_t K,
                           const size_t *confusion);

#endif
