/* The option table and its parser. Ours rather than getopt_long, because one table then gives the parser and the help,
 * and no option can lack either. */
#include "cli/option.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A whole number in decimal up to `end`. */
static bool read_number(const char *text, const char *end, size_t least, size_t most, size_t *value)
{
    size_t number = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || number > (SIZE_MAX - 9) / 10)
            return false;
        number = number * 10 + (size_t)(*text - '0');
    }
    *value = number;
    return number >= least && number <= most;
}

bool stoa_cli_read_size(const char *text, size_t least, size_t most, size_t *value)
{
    return read_number(text, text + strlen(text), least, most, value);
}

/* "1x3x640x640". */
static bool read_dims(const char *text, size_t capacity, size_t *rank, size_t *dims)
{
    for (*rank = 0; *rank < capacity; text++) {
        const char *end = text + strcspn(text, "x");
        if (!read_number(text, end, 1, INT32_MAX, &dims[(*rank)++]))
            return false;
        text = end;
        if (*text == '\0')
            return true;
    }
    return false;
}

static bool read_float(const char *text, char **end, float *value)
{
    errno = 0;
    *value = strtof(text, end);
    return *end != text && errno == 0 && isfinite(*value);
}

bool stoa_cli_read_double(const char *text, double least, double most, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

/* "a,b,c", or "a" for all three. */
static bool read_floats(const char *text, float values[3])
{
    char *end;
    for (size_t i = 0; i < 3; i++, text = end + 1) {
        if (!read_float(text, &end, &values[i]))
            return false;
        if (*end == '\0' && i == 0)
            values[1] = values[2] = values[0];
        if (*end == '\0')
            return i != 1;
        if (*end != ',')
            return false;
    }
    return false;
}

/* Copies what stands before the '=' and returns what stands after it; null when there is no '=' or the name is too
 * long. */
static const char *read_name(const char *text, char name[CLI_MAX_NAME])
{
    const char *equals = strchr(text, '=');
    if (!equals || (size_t)(equals - text) >= CLI_MAX_NAME)
        return NULL;
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    return equals + 1;
}

static bool take_input(struct settings *settings, const char *text)
{
    if (settings->input_count == CLI_MAX_INPUTS)
        return false;
    struct input_option *input = &settings->inputs[settings->input_count++];
    const char *path = read_name(text, input->name);
    if (!path)
        input->name[0] = '\0';
    input->path = path ? path : text;
    return input->path[0] != '\0';
}

static bool take_size(struct settings *settings, const char *text)
{
    if (settings->size_count == CLI_MAX_INPUTS)
        return false;
    struct size_option *size = &settings->sizes[settings->size_count++];
    const char *dims = read_name(text, size->name);
    if (!dims)
        size->name[0] = '\0';
    return read_dims(dims ? dims : text, STOA_MAX_RANK, &size->rank, size->dims);
}

static bool take_threads(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 1024, &settings->threads);
}

static bool take_lowering(struct settings *settings, const char *text)
{
    for (int i = 0; i < STOA_LOWERING_COUNT; i++)
        if (strcmp(text, stoa_lowering_name((enum stoa_lowering)i)) == 0) {
            settings->lowering = (enum stoa_lowering)i;
            return true;
        }
    return false;
}

static bool take_accuracy(struct settings *settings, const char *text)
{
    for (int i = 0; i < STOA_ACCURACY_COUNT; i++)
        if (strcmp(text, stoa_accuracy_name((enum stoa_accuracy)i)) == 0) {
            settings->accuracy = (enum stoa_accuracy)i;
            return true;
        }
    return false;
}

/* "fuse-norm,fuse-add", or "all". */
static bool take_disable(struct settings *settings, const char *text)
{
    if (strcmp(text, "all") == 0) {
        settings->disabled_passes = STOA_PASS_ALL;
        return true;
    }
    for (size_t length; length = strcspn(text, ","), length; text += length + (text[length] == ',')) {
        unsigned pass = 0;
        while (pass < STOA_PASS_COUNT && (strlen(stoa_pass_name((enum stoa_pass)pass)) != length ||
                                          memcmp(stoa_pass_name((enum stoa_pass)pass), text, length) != 0))
            pass++;
        if (pass == STOA_PASS_COUNT)
            return false;
        settings->disabled_passes |= STOA_PASS_BIT(pass);
    }
    return *text == '\0' && settings->disabled_passes;
}

static bool take_explain(struct settings *settings, const char *text)
{
    (void)text;
    settings->explain = true;
    return true;
}

static bool take_batch(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, INT32_MAX, &settings->batch);
}

static bool take_max_bytes(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, SIZE_MAX, &settings->max_bytes);
}

static bool take_repeat(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, INT32_MAX, &settings->repeat);
}

static bool take_top(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 100, &settings->top);
}

static bool take_seed(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->seed);
}

static bool take_output_dir(struct settings *settings, const char *text)
{
    settings->output_dir = text;
    return text[0] != '\0';
}

static bool take_labels(struct settings *settings, const char *text)
{
    settings->labels = text;
    return text[0] != '\0';
}

static bool take_data(struct settings *settings, const char *text)
{
    settings->data = text;
    return text[0] != '\0';
}

static bool take_preset(struct settings *settings, const char *text)
{
    settings->preset = stoa_preprocess_preset(text);
    return settings->preset != NULL;
}

static bool take_resize(struct settings *settings, const char *text)
{
    size_t rank;
    settings->changed |= CHANGED_RESIZE;
    if (!read_dims(text, 2, &rank, settings->change.size))
        return false;
    settings->change.rule = rank == 2 ? RESIZE_EXACT : RESIZE_SHORT;
    return true;
}

static bool take_crop(struct settings *settings, const char *text)
{
    size_t rank;
    settings->changed |= CHANGED_CROP;
    return read_dims(text, 2, &rank, settings->change.crop) && rank == 2;
}

static bool take_scale(struct settings *settings, const char *text)
{
    char *end;
    settings->changed |= CHANGED_SCALE;
    return read_float(text, &end, &settings->change.scale) && *end == '\0';
}

static bool take_mean(struct settings *settings, const char *text)
{
    settings->changed |= CHANGED_MEAN;
    return read_floats(text, settings->change.mean);
}

static bool take_std(struct settings *settings, const char *text)
{
    settings->changed |= CHANGED_STD;
    const float *std = settings->change.std;
    return read_floats(text, settings->change.std) && std[0] != 0 && std[1] != 0 && std[2] != 0;
}

static bool take_bgr(struct settings *settings, const char *text)
{
    (void)text;
    settings->changed |= CHANGED_BGR;
    settings->change.bgr = 1;
    return true;
}

static bool take_softmax(struct settings *settings, const char *text)
{
    (void)text;
    return settings->softmax = true;
}

static bool take_profile(struct settings *settings, const char *text)
{
    (void)text;
    return settings->profile = true;
}

static bool take_trace(struct settings *settings, const char *text)
{
    settings->trace = text;
    return text[0] != '\0';
}

static bool take_layers(struct settings *settings, const char *text)
{
    (void)text;
    return settings->layers = true;
}

static bool take_tune(struct settings *settings, const char *text)
{
    (void)text;
    return settings->tune = true;
}

static bool take_tune_file(struct settings *settings, const char *text)
{
    settings->tune = true;
    settings->tune_file = text;
    return text[0] != '\0';
}

static bool take_help(struct settings *settings, const char *text)
{
    (void)text;
    return settings->help = true;
}

static const struct option options[] = {
    {"input", "[NAME=]FILE", IN_RUN | IN_VERIFY | IN_SHOW, take_input,
     "an input: .npy, .pb (ONNX TensorProto), .png or .jpg; NAME may be left out when there is one"},
    {"size", "[NAME=]1x3x224x224", IN_RUN | IN_VERIFY | IN_INFO | IN_SHOW, take_size,
     "the dimensions of an input that the model leaves open"},
    {"batch", "N", IN_RUN, take_batch, "repeat each input N times along its first dimension, 1 or more"},
    {"preset", "NAME", IN_RUN | IN_VERIFY | IN_SHOW, take_preset,
     "how pictures are prepared: none (the default), imagenet, ocr-det, ocr-cls"},
    {"resize", "HxW|SIDE", IN_RUN | IN_VERIFY | IN_SHOW, take_resize,
     "resize pictures: to H x W, or the short side to SIDE"},
    {"crop", "HxW", IN_RUN | IN_VERIFY | IN_SHOW, take_crop, "then cut H x W from the middle"},
    {"scale", "X", IN_RUN | IN_VERIFY | IN_SHOW, take_scale, "(pixel * scale - mean) / std; the default is 1"},
    {"mean", "A,B,C", IN_RUN | IN_VERIFY | IN_SHOW, take_mean,
     "a number for each channel of the tensor, or one for all"},
    {"std", "A,B,C", IN_RUN | IN_VERIFY | IN_SHOW, take_std,
     "a number that is not 0 for each channel of the tensor, or one for all"},
    {"bgr", NULL, IN_RUN | IN_VERIFY | IN_SHOW, take_bgr, "the model's first channel is blue"},
    {"output-dir", "DIR", IN_RUN, take_output_dir, "write the outputs to DIR/output_0.npy, output_1.npy, ..."},
    {"labels", "FILE", IN_RUN | IN_SHOW, take_labels, "names of the classes, one a line"},
    {"top", "K", IN_RUN, take_top, "show the K best classes of each row of scores, 1 to 100 (default 5)"},
    {"softmax", NULL, IN_RUN, take_softmax, "turn rows of scores (outputs of two dimensions) into probabilities first"},
    {"max-bytes", "N", IN_RUN | IN_VERIFY | IN_INFO, take_max_bytes,
     "plan for at most N bytes of weights, activations and outputs"},
    {"repeat", "R", IN_RUN | IN_SHOW, take_repeat, "run R times and report the times, 1 or more"},
    {"profile", NULL, IN_RUN | IN_SHOW, take_profile, "print a table of layer times"},
    {"trace", "FILE.json", IN_RUN, take_trace,
     "write the last run as a Chrome trace, which chrome://tracing and ui.perfetto.dev show"},
    {"data", "DIR", IN_VERIFY, take_data,
     "compare with DIR/output_i on DIR/input_i (.pb or .npy) instead of with the naive reference"},
    {"layers", NULL, IN_VERIFY, take_layers, "check against the naive reference and print each layer"},
    {"threads", "T", IN_RUN | IN_VERIFY | IN_INFO | IN_TRAIN | IN_SHOW, take_threads,
     "threads to use, 1 to 1024 (default: all the process may use)"},
    {"lowering", "HOW", IN_RUN | IN_VERIFY | IN_INFO, take_lowering,
     "force a way of convolving: auto, view, im2col, im2col-full, depthwise, direct or winograd"},
    {"accuracy", "HOW", IN_RUN | IN_VERIFY | IN_INFO | IN_TRAIN, take_accuracy,
     "fast (the default), or strict: no way of convolving whose rounding errors exceed a plain sum's"},
    {"tune", NULL, IN_RUN | IN_VERIFY | IN_INFO, take_tune,
     "measure which way of convolving is fastest, and keep it in ~/.cache/stoa/tuning for the next time"},
    {"tune-file", "FILE", IN_RUN | IN_VERIFY | IN_INFO, take_tune_file, "the same, kept in FILE"},
    {"disable", "PASS,...", IN_RUN | IN_VERIFY | IN_INFO, take_disable,
     "leave out passes of the planner: all, or those that info --explain names"},
    {"explain", NULL, IN_INFO, take_explain,
     "also tell what each pass of the planner did, and what each convolution was decided among"},
    {"seed", "S", IN_RUN | IN_VERIFY, take_seed,
     "seeds the random numbers that stand in for inputs not given (default 0)"},
    {"seed", "S", IN_SHOW, take_seed,
     "seeds random numbers: the inputs of graph, the noise of maximize, the split of a folder (default 0)"},
    {"help", NULL, IN_RUN | IN_VERIFY | IN_INFO | IN_TRAIN | IN_SHOW, take_help, "this help"},
};

/* The tables in the order of the help: a command's own options come first. */
static const struct option_table {
    const struct option *options;
    const size_t *count;
} tables[] = {
#ifdef STOA_TRAINING
    {stoa_cli_train_options, &stoa_cli_train_option_count},
#endif
#ifdef STOA_SHOW
    {stoa_cli_show_options, &stoa_cli_show_option_count},
#endif
    {options, &(const size_t){sizeof options / sizeof options[0]}},
};
#define TABLE_COUNT (sizeof tables / sizeof tables[0])

static const struct option *find_option(enum command_set command, const char *name, size_t length)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (size_t i = 0; i < *tables[t].count; i++) {
            const struct option *option = &tables[t].options[i];
            if ((option->commands & command) && strlen(option->name) == length &&
                memcmp(option->name, name, length) == 0)
                return option;
        }
    return NULL;
}

/* Takes words[0] and what belongs to it; returns how many words those were, 0 when they are not understood. */
static int parse_option(enum command_set command, const char *command_name, int count, char **words,
                        struct settings *settings)
{
    const char *name = words[0] + 2, *value = NULL;
    size_t length = strcspn(name, "=");
    const struct option *option = find_option(command, name, length);
    int used = 1;
    if (!option) {
        fprintf(stderr, "stoa %s: there is no option '%s'\n", command_name, words[0]);
        return 0;
    }
    if (name[length] == '=')
        value = name + length + 1;
    else if (option->value && count > 1)
        value = words[used++];
    if (!value != !option->value) {
        fprintf(stderr, "stoa %s: --%s takes %s\n", command_name, option->name,
                option->value ? option->value : "no value");
        return 0;
    }
    if (!option->take(settings, value)) {
        fprintf(stderr, "stoa %s: --%s: '%s' is not of the form %s: %s\n", command_name, option->name, value,
                option->value, option->help);
        return 0;
    }
    return used;
}

bool stoa_cli_parse(enum command_set command, const char *command_name, int count, char **words,
                    struct settings *settings)
{
    *settings = (struct settings){.top = 5,
                                  .train = {.momentum = -1, .weight_decay = -1, .warmup = CLI_UNSET},
                                  .show = {.class = CLI_UNSET, .unit = CLI_UNSET, .pixel = {CLI_UNSET}}};
    bool only_operands = false;
    for (int i = 0; i < count;) {
        if (!only_operands && strcmp(words[i], "--") == 0) {
            only_operands = true;
            i++;
        } else if (!only_operands && strncmp(words[i], "--", 2) == 0) {
            int used = parse_option(command, command_name, count - i, words + i, settings);
            if (!used)
                return false;
            i += used;
        } else if (!only_operands && strcmp(words[i], "-h") == 0) {
            settings->help = true;
            i++;
        } else if (!only_operands && words[i][0] == '-' && words[i][1] != '\0') {
            fprintf(stderr, "stoa %s: there is no option '%s'\n", command_name, words[i]);
            return false;
        } else if (settings->operand_count == (command == IN_SHOW ? CLI_MAX_OPERANDS : 1) ||
                   (settings->model && !settings->operand_count)) {
            fprintf(stderr, "stoa %s: '%s' is one model too many\n", command_name, words[i]);
            return false;
        } else {
            settings->operands[settings->operand_count++] = words[i++];
            settings->model = settings->operands[0];
        }
    }
    if (!settings->model && !settings->help) {
        fprintf(stderr, "stoa %s: which model?\n", command_name);
        return false;
    }
    return true;
}

void stoa_cli_print_options(enum command_set command, FILE *out)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (size_t i = 0; i < *tables[t].count; i++) {
            const struct option *option = &tables[t].options[i];
            char head[64];
            snprintf(head, sizeof head, "--%s %s", option->name, option->value ? option->value : "");
            if (option->commands & command)
                fprintf(out, "  %-28s %s\n", head, option->help);
        }
}

struct preprocess stoa_cli_preprocess(const struct settings *settings)
{
    struct preprocess made = settings->preset ? *settings->preset : *stoa_preprocess_preset("none");
    const struct preprocess *change = &settings->change;
    if (settings->changed & CHANGED_RESIZE) {
        made.rule = change->rule;
        memcpy(made.size, change->size, sizeof made.size);
        made.crop[0] = made.crop[1] = 0; /* the preset's crop went with its resize */
    }
    if (settings->changed & CHANGED_CROP)
        memcpy(made.crop, change->crop, sizeof made.crop);
    if (settings->changed & CHANGED_SCALE)
        made.scale = change->scale;
    if (settings->changed & CHANGED_MEAN)
        memcpy(made.mean, change->mean, sizeof made.mean);
    if (settings->changed & CHANGED_STD)
        memcpy(made.std, change->std, sizeof made.std);
    if (settings->changed & CHANGED_BGR)
        made.bgr = 1;
    return made;
}

bool stoa_cli_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    if (!a || !b)
        return false;
    return strcmp(a, b) == 0 || (stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && S_ISREG(of_a.st_mode) &&
                                 of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino);
}
