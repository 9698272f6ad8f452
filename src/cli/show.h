/* What the commands of `stoa show` share: a job that the frame (command_show.c) makes ready and writes down after. */
#ifndef STOA_CLI_SHOW_H
#define STOA_CLI_SHOW_H

#include <stoa/show.h>

#include "cli/inputs.h"
#include "cli/report.h"
#include "cli/settings.h"
#include "show/page.h"

struct show_job {
    const struct settings *settings;
    struct stoa_allocator allocator;
    struct stoa_model *model;    /* where the table says so, else null */
    struct model_inputs inputs;  /* likewise: read and specified */
    const void **values;         /* their data */
    struct stoa_subject subject; /* of the two */
    struct labels labels;        /* of --labels; or none */
    struct page page;            /* where pictures go */
};

/* The name of a class for titles: its label, or its number. */
const char *stoa_cli_show_class_name(const struct show_job *job, size_t class_index, size_t capacity, char *text);

/* One for each WHAT; what it puts into the page is written to --output when it succeeds. */
STOA_CHECKED enum stoa_status stoa_cli_show_filters(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_activations(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_saliency(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_gradcam(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_occlusion(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_maximize(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_curves(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_confusion(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_errors(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_graph(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_steps(struct show_job *job, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cli_show_deconv(struct show_job *job, struct stoa_error *error);

#endif
