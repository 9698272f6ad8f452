/* stoa show maximize: pictures made for a unit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/status.h"
#include "cli/show.h"
#include "show/array.h"

/* Where the values of pictures lie, by how they are prepared: the middle between those of black and white, and about
 * what the deviation of pixels is, a quarter of what lies between them. */
static void find_range(const struct settings *settings, struct stoa_maximize_options *options)
{
    if (!settings->preset && !settings->changed)
        return;
    struct preprocess how = stoa_cli_preprocess(settings);
    double black = -(double)how.mean[0] / (double)how.std[0];
    double white = (255 * (double)how.scale - (double)how.mean[0]) / (double)how.std[0];
    options->middle = (black + white) / 2;
    options->spread = fabs(white - black) / 4;
}

enum stoa_status stoa_cli_show_maximize(struct show_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    const struct show_settings *show = &settings->show;
    size_t chosen = show->layer ? show->unit : show->class;
    struct stoa_maximize_options options = {
        .layer = show->layer,
        .unit = chosen == CLI_UNSET ? 0 : chosen,
        .steps = show->steps,
        .seed = settings->seed,
    };
    struct stoa_array made;
    double score;
    STOA_TRY(stoa_cli_inputs_open(job->model, error, &job->inputs));
    STOA_TRY(stoa_cli_inputs_specify(&job->inputs, settings, error));
    job->subject.inputs = job->inputs.specs;
    job->subject.input_count = job->inputs.spec_count;
    find_range(settings, &options);
    STOA_TRY(stoa_show_maximize(&job->subject, &options, error, &made, &score));
    const size_t *dims = made.tensor.dims, *strides = made.tensor.strides;
    struct tile tile = {.shown = {.data = stoa_array_data(&made),
                                  .channels = dims[1] == 3 ? 3 : 1,
                                  .height = dims[2],
                                  .width = dims[3],
                                  .strides = {strides[1], strides[2], strides[3]},
                                  .map = COLOUR_GREY}};
    stoa_shown_range(&tile.shown);
    char title[200], name[100], note[160], low[32], high[32], channels[40] = "";
    if (show->layer)
        snprintf(title, sizeof title, "What channel %zu of %.80s answers to", options.unit, show->layer);
    else
        snprintf(title, sizeof title, "What %s answers to",
                 stoa_cli_show_class_name(job, options.unit, sizeof name, name));
    if (tile.shown.channels != dims[1])
        snprintf(channels, sizeof channels, "; channel 0 of %zu", dims[1]);
    snprintf(note, sizeof note, "gradient ascent from noise of seed %" PRIu64 "; it answers %.4g%s", options.seed,
             score, channels);
    snprintf(low, sizeof low, "%.3g", tile.shown.low);
    snprintf(high, sizeof high, "%.3g", tile.shown.high);
    struct picture picture;
    enum stoa_status status = stoa_picture_tiles(
        &(struct tiles){
            .title = title, .note = note, .tiles = &tile, .count = 1, .tile_size = 320, .low = low, .high = high},
        error, &picture);
    if (status == STOA_OK)
        status = stoa_page_picture(&job->page, &picture, title, 0, error);
    stoa_array_free(&made);
    return status;
}
