/* What an option is, and how values are read: for the tables of settings.c and train_options.c. */
#ifndef STOA_CLI_OPTION_H
#define STOA_CLI_OPTION_H

#include "cli/settings.h"

struct option {
    const char *name;
    const char *value; /* what stands for its value in the help; null: it has none */
    unsigned commands; /* enum command_set */
    bool (*take)(struct settings *settings, const char *text); /* false: not understood */
    const char *help;
};

/* A whole number in decimal. */
bool stoa_cli_read_size(const char *text, size_t least, size_t most, size_t *value);
/* A finite number in [least, most], and nothing behind it. */
bool stoa_cli_read_double(const char *text, double least, double most, double *value);

#ifdef STOA_TRAINING
/* The options of `stoa train` alone. */
extern const struct option stoa_cli_train_options[];
extern const size_t stoa_cli_train_option_count;
#endif
#ifdef STOA_SHOW
/* The options of `stoa show` alone. */
extern const struct option stoa_cli_show_options[];
extern const size_t stoa_cli_show_option_count;
#endif

#endif
