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

/* One for each WHAT; what it puts into the page is written to --output when it succeeds. */
STOA_CHECKED enum stoa_status stoa_cli_show_filters(struct show_job *job, struct stoa_error *error);

#endif
