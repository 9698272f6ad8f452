/* stoa show curves. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "cli/show.h"

#ifdef STOA_CURVES
#include "show/chart.h"
#include "show/training_log.h"

enum { LOSS, TEST_LOSS, TRAIN_ACCURACY, TEST_ACCURACY, SERIES };

/* A log and its columns. */
struct run {
    const char *name;
    struct training_log log;
    double *numbers; /* epochs, then SERIES times as many */
};

struct runs {
    struct run items[CLI_MAX_OPERANDS];
    size_t count;
};

static enum stoa_status read_run(const struct show_job *job, const char *path, struct stoa_error *error,
                                 struct run *run)
{
    const char *slash = strrchr(path, '/');
    run->name = slash ? slash + 1 : path;
    STOA_TRY(stoa_training_log_read(path, &job->allocator, error, &run->log));
    size_t count = run->log.count;
    STOA_TRY(stoa_allocate(&job->allocator, count, (SERIES + 1) * sizeof *run->numbers, error, &run->numbers));
    for (size_t i = 0; i < count; i++) {
        const struct training_point *point = &run->log.points[i];
        run->numbers[i] = (double)point->epoch;
        run->numbers[(1 + LOSS) * count + i] = point->loss;
        run->numbers[(1 + TEST_LOSS) * count + i] = point->test_loss;
        run->numbers[(1 + TRAIN_ACCURACY) * count + i] = 100 * point->train_accuracy;
        run->numbers[(1 + TEST_ACCURACY) * count + i] = 100 * point->test_accuracy;
    }
    return STOA_OK;
}

static bool has_numbers(const struct run *run, size_t series)
{
    for (size_t i = 0; i < run->log.count; i++)
        if (run->numbers[(1 + series) * run->log.count + i] == run->numbers[(1 + series) * run->log.count + i])
            return true;
    return false;
}

/* Two series of all runs: of training, dashed, and of the test. */
static enum stoa_status draw(struct show_job *job, const struct runs *runs, size_t first, const char *title,
                             const char *y_name, struct stoa_error *error)
{
    struct chart_line lines[2 * CLI_MAX_OPERANDS];
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++)
        for (size_t test = 0; test < 2; test++) {
            const struct run *run = &runs->items[i];
            if (!has_numbers(run, first + test))
                continue;
            struct chart_line *line = &lines[count++];
            *line = (struct chart_line){.colour = stoa_chart_colour(i),
                                        .dashed = !test,
                                        .count = run->log.count,
                                        .x = run->numbers,
                                        .y = run->numbers + (1 + first + test) * run->log.count};
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
    struct runs runs = {.count = 0};
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < job->settings->operand_count; i++)
        status = read_run(job, job->settings->operands[i], error, &runs.items[runs.count++]);
    if (status == STOA_OK)
        status = draw(job, &runs, LOSS, "Loss", "mean loss", error);
    if (status == STOA_OK)
        status = draw(job, &runs, TRAIN_ACCURACY, "Accuracy", "right, in %", error);
    if (status == STOA_OK && job->page.count == 0)
        status = stoa_fail(error, STOA_ERROR_DATA, "%s has no number to show", job->settings->operands[0]);
    for (size_t i = 0; i < runs.count; i++) {
        stoa_training_log_free(&job->allocator, &runs.items[i].log);
        stoa_release(&job->allocator, runs.items[i].numbers);
    }
    return status;
}
#else
enum stoa_status stoa_cli_show_curves(struct show_job *job, struct stoa_error *error)
{
    (void)job;
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "stoa was built without cJSON, which reads logs");
}
#endif
