/* stoa show filters, activations: tiles. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/show.h"
#include "show/array.h"

/* A grid of channels becomes too large for the eye, and for paper, beyond these. */
enum { MOST_FILTERS = 256, MOST_ROWS = 32, MOST_CHANNELS = 32 };

/* One tile for each filter, or one for each channel of each filter; each filter has a scale of its own. */
static size_t make_tiles(const struct stoa_array *filters, struct tile *tiles)
{
    const size_t *dims = filters->tensor.dims, *strides = filters->tensor.strides;
    bool colour = dims[1] == 3, alone = dims[1] == 1 || colour;
    size_t shown = stoa_size_min(dims[0], alone ? MOST_FILTERS : MOST_ROWS);
    size_t across = alone ? 1 : stoa_size_min(dims[1], MOST_CHANNELS), count = 0;
    for (size_t k = 0; k < shown; k++) {
        struct shown whole = {.data = stoa_array_data(filters) + k * strides[0],
                              .channels = dims[1],
                              .height = dims[2],
                              .width = dims[3],
                              .strides = {strides[1], strides[2], strides[3]},
                              .map = COLOUR_DIVERGING};
        stoa_shown_symmetric(&whole);
        for (size_t c = 0; c < across; c++) {
            struct tile *tile = &tiles[count++];
            tile->shown = whole;
            tile->shown.data += c * strides[1];
            tile->shown.channels = colour ? 3 : 1;
            if (alone)
                snprintf(tile->caption, sizeof tile->caption, "%zu: ±%.2g", k, whole.high);
        }
    }
    return count;
}

enum stoa_status stoa_cli_show_filters(struct show_job *job, struct stoa_error *error)
{
    struct stoa_array filters;
    struct tile *tiles = NULL;
    struct picture picture;
    STOA_TRY(stoa_show_filters(job->model, job->settings->show.layer, error, &filters));
    const size_t *dims = filters.tensor.dims;
    bool alone = dims[1] == 3 || dims[1] == 1;
    char title[200], note[200];
    snprintf(title, sizeof title, "Filters of %.80s: %zu x %zu x %zu x %zu",
             job->settings->show.layer ? job->settings->show.layer : "the first convolution", dims[0], dims[1], dims[2],
             dims[3]);
    if (alone)
        snprintf(note, sizeof note, "each in the scale of its largest weight (below it)%s",
                 dims[1] == 3 ? "; red, green and blue, 0 is grey" : "");
    else
        snprintf(note, sizeof note, "a row is a filter (%zu of %zu), a column a channel of its input (%zu of %zu)",
                 stoa_size_min(dims[0], MOST_ROWS), dims[0], stoa_size_min(dims[1], MOST_CHANNELS), dims[1]);
    enum stoa_status status = stoa_allocate(&job->allocator, MOST_ROWS * MOST_CHANNELS, sizeof *tiles, error, &tiles);
    if (status == STOA_OK) {
        size_t count = make_tiles(&filters, tiles);
        status = stoa_picture_tiles(&(struct tiles){.title = title,
                                                    .note = note,
                                                    .tiles = tiles,
                                                    .count = count,
                                                    .columns = alone ? 0 : stoa_size_min(dims[1], MOST_CHANNELS),
                                                    .tile_size = alone ? 0 : 24,
                                                    .low = "-largest",
                                                    .mid = "0",
                                                    .high = "+largest"},
                                    error, &picture);
    }
    if (status == STOA_OK)
        status = stoa_page_picture(&job->page, &picture, title, 0, error);
    stoa_release(&job->allocator, tiles);
    stoa_array_free(&filters);
    return status;
}

struct ranked {
    size_t channel;
    double mean, most, key;
};

static int compare(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? 1 : -1;
    return left->channel < right->channel ? -1 : 1;
}

static void rank(const struct stoa_array *maps, bool by_mean, struct ranked *ranked)
{
    size_t channels = maps->tensor.dims[1], pixels = maps->tensor.strides[1];
    const float *data = stoa_array_data(maps);
    for (size_t c = 0; c < channels; c++, data += pixels) {
        ranked[c] = (struct ranked){.channel = c, .most = -INFINITY};
        for (size_t p = 0; p < pixels; p++) {
            ranked[c].mean += (double)data[p] / (double)pixels;
            ranked[c].most = fmax(ranked[c].most, (double)data[p]);
        }
        ranked[c].key = by_mean ? ranked[c].mean : ranked[c].most;
    }
    qsort(ranked, channels, sizeof *ranked, compare);
}

static enum stoa_status draw_maps(struct show_job *job, const struct stoa_array *maps, struct ranked *ranked,
                                  struct tile *tiles, struct stoa_error *error)
{
    const struct show_settings *show = &job->settings->show;
    const size_t *dims = maps->tensor.dims;
    size_t count = stoa_size_min(dims[1], MOST_FILTERS);
    struct shown all = {.data = stoa_array_data(maps),
                        .channels = dims[1],
                        .height = dims[2],
                        .width = dims[3],
                        .strides = {maps->tensor.strides[1], dims[3], 1},
                        .map = COLOUR_VIRIDIS};
    rank(maps, show->by_mean, ranked);
    for (size_t i = 0; i < count; i++) {
        tiles[i].shown = all;
        tiles[i].shown.channels = 1;
        tiles[i].shown.data += ranked[i].channel * all.strides[0];
        stoa_shown_range(&tiles[i].shown);
        snprintf(tiles[i].caption, sizeof tiles[i].caption, "%zu: %.2g", ranked[i].channel, ranked[i].key);
    }
    char title[200], note[200];
    snprintf(title, sizeof title, "Maps of %.80s: %zu x %zu x %zu", show->layer ? show->layer : "the first convolution",
             dims[1], dims[2], dims[3]);
    snprintf(note, sizeof note,
             "%zu of %zu, greatest %s first (below each: channel and %s); each in a scale of its own", count, dims[1],
             show->by_mean ? "mean" : "maximum", show->by_mean ? "mean" : "maximum");
    struct picture picture;
    STOA_TRY(stoa_picture_tiles(
        &(struct tiles){
            .title = title, .note = note, .tiles = tiles, .count = count, .low = "least", .high = "greatest"},
        error, &picture));
    return stoa_page_picture(&job->page, &picture, title, 0, error);
}

enum stoa_status stoa_cli_show_activations(struct show_job *job, struct stoa_error *error)
{
    struct stoa_array maps;
    struct ranked *ranked = NULL;
    struct tile *tiles = NULL;
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_show_activations(&job->subject, job->settings->show.layer, error, &maps));
    enum stoa_status status = STOA_OK;
    if (maps.tensor.rank != 4 || maps.tensor.dims[0] != 1 || stoa_tensor_elements(&maps.tensor) == 0)
        status = stoa_fail(error, STOA_ERROR_SHAPE, "the layer makes no maps of one picture: its output is %s",
                           stoa_dims_text(maps.tensor.rank, maps.tensor.dims, text));
    if (status == STOA_OK)
        status = stoa_allocate(&job->allocator, maps.tensor.dims[1], sizeof *ranked, error, &ranked);
    if (status == STOA_OK)
        status = stoa_allocate(&job->allocator, MOST_FILTERS, sizeof *tiles, error, &tiles);
    if (status == STOA_OK)
        status = draw_maps(job, &maps, ranked, tiles, error);
    stoa_release(&job->allocator, ranked);
    stoa_release(&job->allocator, tiles);
    stoa_array_free(&maps);
    return status;
}
