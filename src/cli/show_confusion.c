/* stoa show confusion and stoa show errors: the test part of a data set. */
#include <stdio.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/judge.h"
#include "cli/show.h"
#include "cli/train_data.h"
#include "show/confusion.h"

#define DEFAULT_COUNT 40

/* A model and the pictures it is judged by. */
struct trial {
    const struct show_job *job;
    struct stoa_dataset *dataset;
    struct stoa_dataset_info data;
    struct train_source test;
    struct stoa_input_spec input;
    struct stoa_subject subject;
};

static enum stoa_status open(struct trial *trial, struct stoa_error *error)
{
    const struct show_job *job = trial->job;
    struct stoa_dataset_options options = {.split_seed = job->settings->seed};
    STOA_TRY(stoa_cli_size_pictures(job->model, error, &options));
    STOA_TRY(stoa_dataset_open(job->settings->data, &options, error, &trial->dataset));
    stoa_dataset_describe(trial->dataset, &trial->data);
    STOA_TRY(stoa_cli_train_source_open(&trial->test, trial->dataset, STOA_PART_TEST, job->settings, error));
    STOA_TRY(stoa_cli_specify_images(job->model, &trial->data, trial->test.batches.batch, error, &trial->input));
    trial->subject = (struct stoa_subject){
        .model = job->model, .inputs = &trial->input, .input_count = 1, .threads = job->settings->threads};
    return STOA_OK;
}

static void close(struct trial *trial)
{
    stoa_cli_train_source_close(&trial->test);
    stoa_dataset_free(trial->dataset);
}

/* --labels or the data set's own. */
static const char *class_name(const struct trial *trial, size_t k)
{
    const struct labels *labels = &trial->job->labels;
    const char *name = k < labels->count ? labels->lines[k] : stoa_dataset_class_name(trial->dataset, k);
    return name ? name : "(no class)";
}

/* counts[classes][scores]. */
static enum stoa_status draw_confusion(struct show_job *job, const struct trial *trial, const int64_t *counts,
                                       size_t scores, struct stoa_error *error)
{
    const char **names;
    char title[200];
    struct picture picture;
    int64_t examples = 0, right = 0;
    STOA_TRY(stoa_allocate(&job->allocator, trial->data.class_count, sizeof *names, error, &names));
    for (size_t k = 0; k < trial->data.class_count; k++) {
        names[k] = class_name(trial, k);
        right += counts[k * scores + k];
        for (size_t taken = 0; taken < scores; taken++)
            examples += counts[k * scores + taken];
    }
    snprintf(title, sizeof title, "%lld test images, %.2f %% right", (long long)examples,
             100 * (double)right / (double)examples);
    struct confusion confusion = {
        .counts = counts, .classes = trial->data.class_count, .scores = scores, .names = names, .title = title};
    enum stoa_status status = stoa_confusion_draw(&confusion, error, &picture);
    if (status == STOA_OK)
        status = stoa_page_picture(&job->page, &picture, title, 1, error);
    stoa_release(&job->allocator, names);
    return status;
}

enum stoa_status stoa_cli_show_confusion(struct show_job *job, struct stoa_error *error)
{
    struct trial trial = {.job = job};
    struct stoa_array confusion = {.tensor = {.data = NULL}};
    enum stoa_status status = open(&trial, error);
    if (status == STOA_OK)
        status = stoa_show_confusion(&trial.subject, &trial.test.batches, error, &confusion);
    size_t scores = confusion.tensor.dims[1];
    if (status == STOA_OK && scores < trial.data.class_count)
        status = stoa_fail(error, STOA_ERROR_SHAPE, "the model has %zu scores, the data set %zu classes", scores,
                           trial.data.class_count);
    if (status == STOA_OK)
        status = draw_confusion(job, &trial, confusion.tensor.data, scores, error);
    stoa_array_free(&confusion);
    close(&trial);
    return status;
}

/* A picture of the data set as numbers from 0 to 255. */
static enum stoa_status take_picture(const struct trial *trial, const struct stoa_mistake *mistake, uint8_t *bytes,
                                     struct stoa_error *error, float *numbers, struct tile *tile)
{
    size_t height = trial->data.height, width = trial->data.width, channels = trial->data.channels;
    STOA_TRY(stoa_dataset_get(trial->dataset, STOA_PART_TEST, mistake->index, error, bytes, NULL));
    for (size_t i = 0; i < channels * height * width; i++)
        numbers[i] = bytes[i];
    tile->shown = (struct shown){.data = numbers,
                                 .channels = channels,
                                 .height = height,
                                 .width = width,
                                 .strides = {height * width, width, 1},
                                 .high = 255,
                                 .map = COLOUR_GREY};
    return STOA_OK;
}

enum { TILE = 112, GAP = 14, MARGIN = 12, HEAD = 40, CAPTION = 40 };

/* The picture, what it was taken for and what it is. */
static void draw_mistake(const struct trial *trial, const struct stoa_mistake *mistake, const struct shown *shown,
                         double x, double y, const struct picture *picture)
{
    char line[64];
    double longest = (double)stoa_size_max(shown->height, shown->width);
    double scale = TILE / longest;
    stoa_picture_shown(picture, x, y, scale * (double)shown->width, scale * (double)shown->height, shown);
    snprintf(line, sizeof line, "%.14s %.1f %%", class_name(trial, mistake->taken), 100 * mistake->probability);
    stoa_picture_text(picture, x, y + TILE + 12, 10, TEXT_LEFT, 0xb04000, line);
    snprintf(line, sizeof line, "is %.14s %.1f %%", class_name(trial, mistake->label), 100 * mistake->of_label);
    stoa_picture_text(picture, x, y + TILE + 24, 10, TEXT_LEFT, 0x005a8c, line);
    snprintf(line, sizeof line, "no. %zu", mistake->index);
    stoa_picture_text(picture, x, y + TILE + 35, 9, TEXT_LEFT, 0x666666, line);
}

static enum stoa_status draw_sheet(const struct trial *trial, const struct stoa_mistakes *mistakes, uint8_t *bytes,
                                   float *numbers, struct stoa_error *error, struct picture *picture)
{
    size_t columns = stoa_size_max(1, stoa_size_min(8, mistakes->count));
    size_t rows = stoa_size_ceil_div(mistakes->count, columns);
    double width = stoa_size_max(columns, 3) * (TILE + GAP) - GAP + 2.0 * MARGIN;
    char title[200];
    snprintf(title, sizeof title, "The most confident of %zu mistakes in %zu test images", mistakes->made,
             mistakes->examples);
    STOA_TRY(stoa_picture_begin(width, 2 * MARGIN + HEAD + (double)rows * (TILE + CAPTION + 6), error, picture));
    stoa_picture_text(picture, MARGIN, MARGIN + 13, 14, TEXT_LEFT, 0x111111, title);
    stoa_picture_text(picture, MARGIN, MARGIN + 29, 11, TEXT_LEFT, 0x555555,
                      "taken for (orange), is (blue), with the probabilities it was given");
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < mistakes->count; i++) {
        struct tile tile;
        status = take_picture(trial, &mistakes->items[i], bytes, error, numbers, &tile);
        if (status == STOA_OK)
            draw_mistake(trial, &mistakes->items[i], &tile.shown, MARGIN + (double)(i % columns) * (TILE + GAP),
                         MARGIN + HEAD + (double)(i / columns) * (TILE + CAPTION + 6), picture);
    }
    if (status != STOA_OK)
        stoa_picture_free(picture);
    return status;
}

static enum stoa_status draw_errors(struct show_job *job, const struct trial *trial,
                                    const struct stoa_mistakes *mistakes, struct stoa_error *error)
{
    size_t elements = trial->data.channels * trial->data.height * trial->data.width;
    uint8_t *bytes = NULL;
    float *numbers = NULL;
    struct picture picture;
    enum stoa_status status = stoa_allocate(&job->allocator, elements, sizeof *bytes, error, &bytes);
    if (status == STOA_OK)
        status = stoa_allocate(&job->allocator, elements, sizeof *numbers, error, &numbers);
    if (status == STOA_OK)
        status = draw_sheet(trial, mistakes, bytes, numbers, error, &picture);
    if (status == STOA_OK)
        status = stoa_page_picture(&job->page, &picture, "The most confident mistakes", 0, error);
    stoa_release(&job->allocator, bytes);
    stoa_release(&job->allocator, numbers);
    return status;
}

enum stoa_status stoa_cli_show_errors(struct show_job *job, struct stoa_error *error)
{
    struct trial trial = {.job = job};
    struct stoa_mistakes *mistakes = NULL;
    size_t most = job->settings->show.count ? job->settings->show.count : DEFAULT_COUNT;
    enum stoa_status status = open(&trial, error);
    if (status == STOA_OK)
        status = stoa_show_errors(&trial.subject, &trial.test.batches, most, error, &mistakes);
    if (status == STOA_OK)
        status = draw_errors(job, &trial, mistakes, error);
    stoa_mistakes_free(mistakes);
    close(&trial);
    return status;
}
