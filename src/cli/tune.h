/* --tune: measured choices, kept in a file from one command to the next. */
#ifndef STOA_CLI_TUNE_H
#define STOA_CLI_TUNE_H

#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/tuning.h>

#include "cli/inputs.h"
#include "cli/settings.h"

/* Where --tune is given: reads the file if there is one, measures what it does not know of the model, writes it again
 * if there was anything, and sets options->tuning. *tuning, null where --tune is not given, belongs to the caller. */
STOA_CHECKED enum stoa_status stoa_cli_tune(const struct settings *settings, const struct stoa_model *model,
                                            const struct model_inputs *inputs, struct stoa_session_options *options,
                                            struct stoa_error *error, struct stoa_tuning **tuning);

#endif
