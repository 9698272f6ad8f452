/* stoa show: pictures of networks. The table says what there is; each makes its pictures, and what comes before and
 * after is here. */
#include <fontconfig/fontconfig.h>
#include <stdio.h>
#include <string.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/show.h"

enum {
    NEEDS_MODEL = 1,
    NEEDS_INPUTS = 2 | NEEDS_MODEL,
    MANY_OPERANDS = 4,
    MAY_HAVE_INPUTS = 8,
    MANY_LAYERS = 16,
    NEEDS_DATA = 32 | NEEDS_MODEL,
    READS_INPUTS = 64 | NEEDS_MODEL /* itself, those that --input gives */
};

static const struct what {
    const char *name, *operand;
    unsigned needs;
    enum stoa_status (*show)(struct show_job *job, struct stoa_error *error);
    const char *summary;
} whats[] = {
    {"filters", "MODEL.onnx", NEEDS_MODEL, stoa_cli_show_filters, "the weights of a convolution as tiles"},
    {"activations", "MODEL.onnx", NEEDS_INPUTS, stoa_cli_show_activations, "the maps a layer makes of an image"},
    {"saliency", "MODEL.onnx", NEEDS_INPUTS, stoa_cli_show_saliency, "the gradient of a class's score at each pixel"},
    {"gradcam", "MODEL.onnx", NEEDS_INPUTS, stoa_cli_show_gradcam,
     "where a layer's maps speak for a class, laid over the image"},
    {"occlusion", "MODEL.onnx", NEEDS_INPUTS, stoa_cli_show_occlusion,
     "a class's probability while a grey square slides over the image"},
    {"deconv", "MODEL.onnx", NEEDS_MODEL | MAY_HAVE_INPUTS | MANY_LAYERS, stoa_cli_show_deconv,
     "what a layer answers to, carried back to the pixels (Zeiler and Fergus)"},
    {"maximize", "MODEL.onnx", NEEDS_MODEL, stoa_cli_show_maximize,
     "a picture that a class, or a channel of a layer, answers strongly"},
    {"curves", "LOG.jsonl...", MANY_OPERANDS, stoa_cli_show_curves, "loss and accuracy as stoa train --log wrote them"},
    {"confusion", "MODEL.onnx", NEEDS_DATA, stoa_cli_show_confusion, "which classes of --data are taken for which"},
    {"errors", "MODEL.onnx", NEEDS_DATA, stoa_cli_show_errors,
     "pictures of --data that the model is surest, and wrong, about"},
    {"graph", "MODEL.onnx", READS_INPUTS, stoa_cli_show_graph,
     "the network: steps, shapes, work, and time with --profile"},
    {"steps", "MODEL.onnx", NEEDS_INPUTS, stoa_cli_show_steps,
     "one output of a convolution worked out: receptive field, row, filter, products, sum"},
};
#define WHAT_COUNT (sizeof whats / sizeof whats[0])

static void print_help(FILE *out)
{
    fputs("stoa show WHAT MODEL.onnx [options] --output FILE.{png,svg,html}: pictures of networks\n\n", out);
    for (size_t i = 0; i < WHAT_COUNT; i++)
        fprintf(out, "  stoa show %-12s %-12s %s\n", whats[i].name, whats[i].operand, whats[i].summary);
    fputs("\n", out);
    stoa_cli_print_options(IN_SHOW, out);
}

/* The image joins the inputs, and all are read. */
static enum stoa_status read_inputs(struct show_job *job, struct stoa_error *error)
{
    struct settings settings = *job->settings;
    if (settings.show.image) {
        if (!stoa_cli_is_picture(settings.show.image))
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "--image %.300s: the name ends in none of .png .jpg .jpeg",
                             settings.show.image);
        if (settings.input_count == CLI_MAX_INPUTS)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "--image: there are %d inputs already", CLI_MAX_INPUTS);
        settings.inputs[settings.input_count++] = (struct input_option){.path = settings.show.image};
    }
    STOA_TRY(stoa_cli_inputs_open(job->model, error, &job->inputs));
    STOA_TRY(stoa_cli_inputs_read(&job->inputs, &settings, error));
    for (size_t i = 0; i < job->inputs.count; i++)
        if (!job->inputs.items[i].tensor.data)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is not given: --image FILE or --input [NAME=]FILE",
                             job->inputs.items[i].info.name);
    STOA_TRY(stoa_cli_inputs_specify(&job->inputs, &settings, error));
    STOA_TRY(stoa_allocate(&job->allocator, job->inputs.count, sizeof *job->values, error, &job->values));
    for (size_t i = 0; i < job->inputs.count; i++)
        job->values[i] = job->inputs.items[i].tensor.data;
    job->subject.inputs = job->inputs.specs;
    job->subject.input_count = job->inputs.spec_count;
    job->subject.values = job->values;
    return STOA_OK;
}

static enum stoa_status show(struct show_job *job, const struct what *what, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    STOA_TRY(stoa_file_try(settings->show.output, error)); /* before it takes time */
    if (settings->labels)
        STOA_TRY(stoa_cli_labels_read(settings->labels, &job->allocator, error, &job->labels));
    if (what->needs & NEEDS_MODEL)
        STOA_TRY(stoa_model_load(settings->model, NULL, error, &job->model));
    job->subject = (struct stoa_subject){.model = job->model, .threads = settings->threads};
    bool given = settings->show.image || settings->input_count;
    if ((what->needs & NEEDS_INPUTS) == NEEDS_INPUTS || (given && (what->needs & MAY_HAVE_INPUTS)))
        STOA_TRY(read_inputs(job, error));
    STOA_TRY(what->show(job, error));
    return stoa_page_write(&job->page, settings->show.output, error);
}

/* What one option alone cannot tell, or null. */
static const char *find_contradiction(const struct what *what, const struct settings *settings)
{
    bool is_maximize = what->show == stoa_cli_show_maximize, has_class = settings->show.class != CLI_UNSET;
    if ((what->needs & NEEDS_DATA) == NEEDS_DATA && !settings->data)
        return "--data SET is missing: which pictures?";
    if (settings->data && !(what->needs & (NEEDS_DATA | MAY_HAVE_INPUTS) & ~NEEDS_MODEL))
        return "--data is for deconv, confusion and errors";
    unsigned changed = settings->changed | (settings->preset && settings->preset->bgr ? CHANGED_BGR : 0);
    if (settings->data && changed & (CHANGED_RESIZE | CHANGED_CROP | CHANGED_BGR))
        return "--resize, --crop and --bgr are for single pictures, not for those of --data";
    unsigned takes = what->needs & (NEEDS_INPUTS | MAY_HAVE_INPUTS) & ~NEEDS_MODEL;
    if (settings->show.image && !takes)
        return "takes no --image";
    if (settings->input_count && !takes && what->needs != READS_INPUTS)
        return "takes no --input";
    if (is_maximize && settings->show.layer && has_class)
        return "--class is of the scores, --layer has channels: --unit";
    if (is_maximize && !settings->show.layer && settings->show.unit != CLI_UNSET)
        return "--unit is a channel of --layer; a class is --class";
    return NULL;
}

static int run(const struct what *what, const struct settings *settings)
{
    char title[300];
    const char *slash = strrchr(settings->model, '/');
    snprintf(title, sizeof title, "%s of %.200s", what->name, slash ? slash + 1 : settings->model);
    struct show_job job = {.settings = settings, .allocator = stoa_allocator_default()};
    struct stoa_error error = {0};
    stoa_page_begin(title, &job.allocator, &job.page);
    enum stoa_status status = show(&job, what, &error);
    stoa_page_free(&job.page);
    stoa_cli_inputs_close(&job.inputs);
    stoa_cli_labels_free(&job.allocator, &job.labels);
    stoa_release(&job.allocator, job.values);
    stoa_model_free(job.model);
    if (status != STOA_OK)
        fprintf(stderr, "stoa show %s: %s\n", what->name, error.message);
    /* What these keep for a next picture would look like leaks to who searches for them. */
    cairo_debug_reset_static_data();
    FcFini();
    return status == STOA_OK ? CLI_FINE : CLI_FAILED;
}

int stoa_cli_show(int count, char **words)
{
    if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        print_help(count ? stdout : stderr);
        return count ? CLI_FINE : CLI_USAGE;
    }
    const struct what *what = NULL;
    for (size_t i = 0; i < WHAT_COUNT; i++)
        if (strcmp(words[0], whats[i].name) == 0)
            what = &whats[i];
    if (!what) {
        fprintf(stderr, "stoa show: there is no '%s'\nTry 'stoa show --help'.\n", words[0]);
        return CLI_USAGE;
    }
    char name[64];
    struct settings settings;
    snprintf(name, sizeof name, "show %s", what->name);
    if (!stoa_cli_parse(IN_SHOW, name, count - 1, words + 1, &settings)) {
        fprintf(stderr, "Try 'stoa show --help'.\n");
        return CLI_USAGE;
    }
    if (settings.help) {
        print_help(stdout);
        return CLI_FINE;
    }
    if (settings.operand_count > 1 && !(what->needs & MANY_OPERANDS)) {
        fprintf(stderr, "stoa %s: '%s' is one too many\nTry 'stoa show --help'.\n", name, settings.operands[1]);
        return CLI_USAGE;
    }
    if (settings.show.layer_count > 1 && !(what->needs & MANY_LAYERS)) {
        fprintf(stderr, "stoa %s: --layer '%s' is one too many\nTry 'stoa show --help'.\n", name,
                settings.show.layers[1]);
        return CLI_USAGE;
    }
    if (!settings.show.output) {
        fprintf(stderr, "stoa %s: where to? --output FILE.png, .svg or .html\n", name);
        return CLI_USAGE;
    }
    enum page_format format;
    struct stoa_error error = {0};
    if (stoa_page_format(settings.show.output, &error, &format) != STOA_OK) {
        fprintf(stderr, "stoa %s: --output %s\n", name, error.message);
        return CLI_USAGE;
    }
    const char *contradiction = find_contradiction(what, &settings);
    if (contradiction) {
        fprintf(stderr, "stoa %s: %s\nTry 'stoa show --help'.\n", name, contradiction);
        return CLI_USAGE;
    }
    return run(what, &settings);
}
