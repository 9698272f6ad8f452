/* What the command line says. One table tells each option's name, its value, its help and which commands take it; it
 * drives both the parser and --help. */
#ifndef STOA_CLI_SETTINGS_H
#define STOA_CLI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stoa/session.h>

#include "data/preprocess.h"

#define CLI_MAX_INPUTS 32
#define CLI_MAX_NAME 256

enum command_set { IN_RUN = 1, IN_VERIFY = 2, IN_INFO = 4 };

struct input_option {
    char name[CLI_MAX_NAME]; /* empty: the model's only input */
    const char *path;
};

struct size_option {
    char name[CLI_MAX_NAME];
    size_t rank, dims[STOA_MAX_RANK];
};

struct settings {
    const char *model;
    struct input_option inputs[CLI_MAX_INPUTS];
    size_t input_count;
    struct size_option sizes[CLI_MAX_INPUTS];
    size_t size_count;
    size_t threads; /* 0: as many as the CPU affinity allows */
    enum stoa_lowering lowering;
    enum stoa_accuracy accuracy;
    unsigned disabled_passes; /* of the planner, bits */
    size_t max_bytes;         /* 0: as many as it takes */
    size_t batch;             /* 0: as it is */
    size_t repeat;            /* 0: run once and report no times */
    size_t top, seed;
    const char *output_dir, *labels, *data, *trace;
    bool softmax, profile, layers, tune, explain, help;
    const char *tune_file;           /* null: the user's cache */
    const struct preprocess *preset; /* null: "none" */
    struct preprocess change;        /* its members that `changed` names override the preset's */
    unsigned changed;
};

/* Reads the words after the subcommand's name. False when they are not understood; why went to stderr. */
bool stoa_cli_parse(enum command_set command, const char *command_name, int count, char **words,
                    struct settings *settings);
/* The options of a command, one a line. */
void stoa_cli_print_options(enum command_set command, FILE *out);
/* The preset with the changes asked for. */
struct preprocess stoa_cli_preprocess(const struct settings *settings);

#endif
