/* stoa show curves. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "cli/show.h"
#include "show/chart.h"

struct run {
    const char *name;
    struct stoa_array curves;
    size_t count; /* of epochs */
};

struct runs {
    struct run items[CLI_MAX_OPERANDS];
    size_t count;
};

static double *curve_of(const struct run *run, enum stoa_curve curve)
{
    return (double *)run->curves.tensor.data + (size_t)curve * run->count;
}

/* Accuracies become per cent. */
static enum stoa_status read_run(const struct show_job *job, const char *path, struct stoa_error *error,
                                 struct run *run)
{
    const char *slash = strrchr(path, '/');
    run->name = slash ? slash + 1 : path;
    STOA_TRY(stoa_show_curves(path, &job->allocator, error, &run->curves));
    run->count = run->curves.tensor.dims[1];
    for (size_t i = 0; i < run->count; i++) {
        curve_of(run, STOA_CURVE_TRAIN_ACCURACY)[i] *= 100;
        curve_of(run, STOA_CURVE_TEST_ACCURACY)[i] *= 100;
    }
    return STOA_OK;
}

static bool has_numbers(const struct run *run, enum stoa_curve curve)
{
    for (size_t i = 0; i < run->count; i++)
        if (!isnan(curve_of(run, curve)[i]))
            return true;
    return false;
}

/* Two curves of all runs: of training, dashed, and of the test. */
static enum stoa_status draw(struct show_job *job, const struct runs *runs, const enum stoa_curve pair[2],
                             const char *title, const char *y_name, struct stoa_error *error)
{
    struct chart_line lines[2 * CLI_MAX_OPERANDS];
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++)
        for (size_t test = 0; test < 2; test++) {
            const struct run *run = &runs->items[i];
            if (!has_numbers(run, pair[test]))
                continue;
            struct chart_line *line = &lines[count++];
            *line = (struct chart_line){.colour = stoa_chart_colour(i),
                                        .dashed = !test,
                                        .count = run->count,
                                        .x = curve_of(run, STOA_CURVE_EPOCH),
                                        .y = curve_of(run, pair[test])};
            snprintf(line->name, sizeof line->name, "%.60s, %s", run->name, test ? "test" : "training");
        }
    if (count == 0)
        return STOA_OK;
    struct picture picture;
    struct chart chart = {
        .title = title, .x_name = "epoch", .y_name = y_name, .lines = lines, .count = count, .whole = true};
    STOA_TRY(stoa_chart_draw(&chart, error, &picture, NULL));
    return stoa_page_picture(&job->page, &picture, title, 1, error);
}

enum stoa_status stoa_cli_show_curves(struct show_job *job, struct stoa_error *error)
{
    static const enum stoa_curve loss[2] = {STOA_CURVE_LOSS, STOA_CURVE_TEST_LOSS},
                                 accuracy[2] = {STOA_CURVE_TRAIN_ACCURACY, STOA_CURVE_TEST_ACCURACY};
    struct runs runs = {.count = 0};
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < job->settings->operand_count; i++)
        status = read_run(job, job->settings->operands[i], error, &runs.items[runs.count++]);
    if (status == STOA_OK)
        status = draw(job, &runs, loss, "Loss", "mean loss", error);
    if (status == STOA_OK)
        status = draw(job, &runs, accuracy, "Accuracy", "right, in %", error);
    if (status == STOA_OK && job->page.count == 0)
        status = stoa_fail(error, STOA_ERROR_DATA, "%s has no number to show", job->settings->operands[0]);
    for (size_t i = 0; i < runs.count; i++)
        stoa_array_free(&runs.items[i].curves);
    return status;
}
