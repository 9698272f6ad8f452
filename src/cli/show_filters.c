/* stoa show filters. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
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
