/* What the command line says. One table tells each option's name, its value, its help and which commands take it; it
 * drives both the parser and --help. */
#ifndef STOA_CLI_SETTINGS_H
#define STOA_CLI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stoa/session.h>
#include <stoa/train.h>

#include "data/preprocess.h"

#define CLI_MAX_INPUTS 32
#define CLI_MAX_NAME 256
#define CLI_MAX_FROZEN 32
#define CLI_MAX_OPERANDS 16
#define CLI_MAX_LAYERS 32

enum command_set { IN_RUN = 1, IN_VERIFY = 2, IN_INFO = 4, IN_TRAIN = 8, IN_SHOW = 16 };

struct input_option {
    char name[CLI_MAX_NAME]; /* empty: the model's only input */
    const char *path;
};

struct size_option {
    char name[CLI_MAX_NAME];
    size_t rank, dims[STOA_MAX_RANK];
};

#define CLI_UNSET SIZE_MAX

/* Of `stoa train`; zeros are defaults unless said otherwise. */
struct train_settings {
    size_t epochs, batch, limit, patience, accumulate;
    enum stoa_loss loss;
    enum stoa_optimiser optimiser;
    enum stoa_schedule schedule;
    bool nesterov, scheduled; /* scheduled: a schedule was asked for */
    double learning_rate, label_smoothing, clip;
    double momentum, weight_decay; /* below 0: what suits the optimiser */
    size_t warmup;                 /* steps; CLI_UNSET: a few */
    bool augmented, flip;          /* augmented: flip and shift are asked for; else what suits the data */
    size_t shift;
    const char *frozen[CLI_MAX_FROZEN];
    size_t frozen_count;
    const char *checkpoint, *export, *log;
    size_t checkpoint_every; /* batches */
    bool resume, resume_if_any;
};

/* Of `stoa show`. */
struct show_settings {
    const char *output, *image;
    const char *layer;                  /* null: what suits; of several the first */
    const char *layers[CLI_MAX_LAYERS]; /* all of them */
    size_t layer_count;
    size_t class;             /* CLI_UNSET: the best */
    size_t size, stride;      /* of the occluding square; 0: what suits the image */
    size_t unit, steps;       /* of maximize; steps 0: enough */
    size_t maps, top, limit;  /* 0: the default; of limit, all */
    bool spread;              /* deconv: average pooling evenly */
    bool by_mean;             /* activations are sorted by mean, not by maximum */
    size_t pixel[2], channel; /* of steps; pixel[0] is CLI_UNSET: the middle */
    size_t count;             /* of errors; 0: some */
};

/* Of preprocessing, what options say beside a preset. */
enum { CHANGED_RESIZE = 1, CHANGED_CROP = 2, CHANGED_SCALE = 4, CHANGED_MEAN = 8, CHANGED_STD = 16, CHANGED_BGR = 32 };

struct settings {
    const char *model;                      /* the first operand */
    const char *operands[CLI_MAX_OPERANDS]; /* all of them; several for some of `stoa show` */
    size_t operand_count;
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
    struct train_settings train;
    struct show_settings show;
};

/* Reads the words after the subcommand's name. False when they are not understood; why went to stderr. */
bool stoa_cli_parse(enum command_set command, const char *command_name, int count, char **words,
                    struct settings *settings);
/* The options of a command, one a line. */
void stoa_cli_print_options(enum command_set command, FILE *out);
/* The preset with the changes asked for. */
struct preprocess stoa_cli_preprocess(const struct settings *settings);
/* Whether both, which may be null, name the same file: the same name, or the same regular file. */
bool stoa_cli_same_file(const char *a, const char *b);

#endif
