/* stoa show deconv: for each map of a layer the parts of pictures that it answers to the most, and what of them is
 * carried back from there, as in figure 2 of Zeiler and Fergus (2013). */
#include <math.h>
#include <stdio.h>
#include <stoa/data.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/show.h"
#include "cli/train_data.h"
#include "show/array.h"

enum { DEFAULT_MAPS = 16, DEFAULT_TOP = 9 };

/* The pictures: one that was given, or the test part of a data set. */
struct source {
    struct stoa_dataset *dataset;
    struct stoa_dataset_info info;
    float mean[3], std[3];
    size_t channels, pixels; /* pixels: of a channel */
    uint8_t *bytes;
    float *values;
    struct stoa_deconv_pictures pictures;
};

static enum stoa_status get_only(void *user, size_t index, struct stoa_error *error, const float **picture)
{
    (void)index;
    (void)error;
    *picture = user;
    return STOA_OK;
}

static enum stoa_status get_test(void *user, size_t index, struct stoa_error *error, const float **picture)
{
    struct source *source = user;
    STOA_TRY(stoa_dataset_get(source->dataset, STOA_PART_TEST, index, error, source->bytes, NULL));
    for (size_t c = 0; c < source->channels; c++)
        for (size_t i = c * source->pixels; i < (c + 1) * source->pixels; i++)
            source->values[i] = ((float)source->bytes[i] * (1.0f / 255) - source->mean[c]) / source->std[c];
    *picture = source->values;
    return STOA_OK;
}

static enum stoa_status open_source(struct source *source, const struct show_job *job,
                                    const struct stoa_deconv_info *info, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    const struct stoa_dataset_options options = {
        .height = info->height, .width = info->width, .channels = info->channels, .split_seed = settings->seed};
    STOA_TRY(stoa_dataset_open(settings->data, &options, error, &source->dataset));
    stoa_dataset_describe(source->dataset, &source->info);
    const struct stoa_dataset_info *data = &source->info;
    if (data->channels != info->channels || data->height != info->height || data->width != info->width)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "the pictures of %.200s are [%zu,%zu,%zu], the model takes [%zu,%zu,%zu]", settings->data,
                         data->channels, data->height, data->width, info->channels, info->height, info->width);
    source->channels = info->channels;
    source->pixels = info->height * info->width;
    stoa_cli_data_scale(settings, data, source->mean, source->std);
    STOA_TRY(stoa_allocate(&job->allocator, source->channels, source->pixels, error, &source->bytes));
    return stoa_allocate(&job->allocator, source->channels * source->pixels, sizeof *source->values, error,
                         &source->values);
}

static void close_source(struct source *source, const struct stoa_allocator *allocator)
{
    stoa_release(allocator, source->bytes);
    stoa_release(allocator, source->values);
    stoa_dataset_free(source->dataset);
}

/* A block for each map: side x side projections, beside them as many parts of pictures. */
struct layout {
    size_t side, columns, rows; /* columns and rows: of blocks */
    double tile_width, tile_height, block_width, block_height, head;
};
enum { MARGIN = 12, TILE_GAP = 4, HALF_GAP = 6, BLOCK_GAP = 16, CAPTION = 15, HEAD = 42 };

static void lay_out(struct layout *layout, const struct stoa_deconv_sheet *sheet, const struct stoa_deconv_info *info)
{
    size_t longest = stoa_size_max(info->field_height, info->field_width);
    layout->side = (size_t)ceil(sqrt((double)sheet->top));
    double scale = (layout->side == 1 ? 112 : layout->side == 2 ? 72 : 60) / (double)longest;
    scale = scale >= 1 ? floor(scale) : scale;
    layout->tile_width = scale * (double)info->field_width;
    layout->tile_height = scale * (double)info->field_height;
    layout->block_width = fmax(2 * (double)layout->side * (layout->tile_width + TILE_GAP) + HALF_GAP, 100);
    layout->block_height = (double)layout->side * (layout->tile_height + TILE_GAP) + CAPTION;
    double wanted = sqrt(1.4 * (double)sheet->map_count * layout->block_height / layout->block_width);
    layout->columns = stoa_size_min(sheet->map_count, (size_t)ceil(wanted));
    layout->rows = (sheet->map_count + layout->columns - 1) / layout->columns;
    layout->head = HEAD;
}

static struct shown shown_of(const struct stoa_deconv_info *info, const float *data)
{
    return (struct shown){.data = data,
                          .channels = info->channels,
                          .height = info->field_height,
                          .width = info->field_width,
                          .strides = {info->field_height * info->field_width, info->field_width, 1}};
}

static void draw_item(const struct picture *picture, const struct layout *layout, const struct stoa_deconv_info *info,
                      const struct stoa_deconv_item *item, double x, double y, const double range[2])
{
    struct shown back = shown_of(info, item->projection), part = shown_of(info, item->picture);
    back.map = COLOUR_DIVERGING;
    stoa_shown_symmetric(&back);
    part.low = range[0];
    part.high = range[1];
    double beside = x + (double)layout->side * (layout->tile_width + TILE_GAP) + HALF_GAP;
    stoa_picture_shown(picture, x, y, layout->tile_width, layout->tile_height, &back);
    stoa_picture_frame(picture, x, y, layout->tile_width, layout->tile_height, 0.5, 0xb0b0b0);
    stoa_picture_shown(picture, beside, y, layout->tile_width, layout->tile_height, &part);
    stoa_picture_frame(picture, beside, y, layout->tile_width, layout->tile_height, 0.5, 0xb0b0b0);
}

static enum stoa_status draw(const struct stoa_deconv_sheet *sheet, const struct stoa_deconv_info *info,
                             const double range[2], const char *title, const char *note, struct stoa_error *error,
                             struct picture *picture)
{
    struct layout layout;
    lay_out(&layout, sheet, info);
    double words = 24 + 6.2 * (double)stoa_size_max(strlen(title), strlen(note));
    double width = (double)layout.columns * (layout.block_width + BLOCK_GAP) - BLOCK_GAP;
    STOA_TRY(stoa_picture_begin(2 * MARGIN + fmax(width, words),
                                MARGIN + layout.head + (double)layout.rows * (layout.block_height + BLOCK_GAP), error,
                                picture));
    stoa_picture_text(picture, MARGIN, MARGIN + 13, 14, TEXT_LEFT, 0x111111, title);
    stoa_picture_text(picture, MARGIN, MARGIN + 30, 11, TEXT_LEFT, 0x555555, note);
    for (size_t m = 0; m < sheet->map_count; m++) {
        const struct stoa_deconv_item *items = sheet->items + m * sheet->top;
        double x = MARGIN + (double)(m % layout.columns) * (layout.block_width + BLOCK_GAP);
        double y = MARGIN + layout.head + (double)(m / layout.columns) * (layout.block_height + BLOCK_GAP);
        char caption[80];
        size_t there = 0;
        while (there < sheet->top && items[there].picture)
            there++;
        if (there > 1)
            snprintf(caption, sizeof caption, "map %zu: %.3g to %.3g", items->unit.map, (double)items->unit.value,
                     (double)items[there - 1].unit.value);
        else
            snprintf(caption, sizeof caption, "map %zu: %.3g at %zu, %zu", items->unit.map, (double)items->unit.value,
                     items->unit.row, items->unit.column);
        stoa_picture_text(picture, x, y + 10, 10, TEXT_LEFT, 0x333333, caption);
        for (size_t t = 0; t < there; t++)
            draw_item(picture, &layout, info, &items[t], x + (double)(t % layout.side) * (layout.tile_width + TILE_GAP),
                      y + CAPTION + (double)(t / layout.side) * (layout.tile_height + TILE_GAP), range);
    }
    return STOA_OK;
}

/* From black to white. */
static void find_range(const struct source *source, const struct stoa_deconv_info *info, const float *only,
                       double range[2])
{
    range[0] = INFINITY;
    range[1] = -INFINITY;
    for (size_t i = 0; only && i < info->channels * info->height * info->width; i++) {
        range[0] = fmin(range[0], (double)only[i]);
        range[1] = fmax(range[1], (double)only[i]);
    }
    for (size_t c = 0; !only && c < source->channels; c++)
        for (size_t end = 0; end < 2; end++) {
            double value = (double)(((float)end - source->mean[c]) / source->std[c]);
            range[0] = fmin(range[0], value);
            range[1] = fmax(range[1], value);
        }
}

/* What kinds of pooling were undone, and how. */
static void pooling_note(const struct stoa_deconv_info *info, size_t capacity, char *text)
{
    if (info->max_pools && info->average_pools)
        snprintf(text, capacity, "max poolings (%zu) undone by switches, average ones (%zu) spread evenly",
                 info->max_pools, info->average_pools);
    else if (info->max_pools)
        snprintf(text, capacity, "%zu max pooling%s undone by switches", info->max_pools,
                 info->max_pools > 1 ? "s" : "");
    else if (info->average_pools)
        snprintf(text, capacity, "no max pooling, so no switches; %zu average pooling%s spread evenly",
                 info->average_pools, info->average_pools > 1 ? "s" : "");
    else
        snprintf(text, capacity, "no pooling on the way, so no switches");
}

/* Opens what pictures come from, which is the same for all layers, when the first is there. */
static enum stoa_status open_pictures(struct source *source, const struct show_job *job,
                                      const struct stoa_deconv *deconv, struct stoa_error *error)
{
    struct stoa_deconv_info info;
    stoa_deconv_describe(deconv, &info);
    if (source->values)
        return STOA_OK;
    if (!job->values) {
        STOA_TRY(open_source(source, job, &info, error));
        size_t count = source->info.counts[STOA_PART_TEST], limit = job->settings->show.limit;
        source->pictures = (struct stoa_deconv_pictures){
            .count = limit ? stoa_size_min(limit, count) : count, .get = get_test, .user = source};
        return STOA_OK;
    }
    STOA_TRY(stoa_allocate(&job->allocator, info.channels * info.height, info.width * sizeof *source->values, error,
                           &source->values));
    stoa_deconv_picture(deconv, job->values[0], source->values);
    source->pictures = (struct stoa_deconv_pictures){.count = 1, .get = get_only, .user = source->values};
    return STOA_OK;
}

static enum stoa_status show_sheet(struct show_job *job, struct stoa_deconv *deconv, const struct source *source,
                                   const struct stoa_deconv_sheet *sheet, struct stoa_error *error)
{
    struct stoa_deconv_info info;
    struct picture picture = {0};
    const float *only = source->dataset ? NULL : source->values;
    char title[300], note[300], pooling[160];
    double range[2];
    stoa_deconv_describe(deconv, &info);
    pooling_note(&info, sizeof pooling, pooling);
    snprintf(title, sizeof title, "What %.80s answers to: %zu of %zu maps, %s", info.value, sheet->map_count, info.maps,
             only ? "strongest in this picture" : "strongest in the test pictures");
    snprintf(note, sizeof note, "left: carried back to the pixels (%s); right: what is there; %zu x %zu pixels; %s",
             info.channels == 3 ? "red, green and blue, 0 is grey" : "red above 0, blue below", info.field_height,
             info.field_width, pooling);
    find_range(source, &info, only, range);
    STOA_TRY(draw(sheet, &info, range, title, note, error, &picture));
    return stoa_page_picture(&job->page, &picture, title, 0, error);
}

/* *options but for the layer. */
static enum stoa_status show_layer(struct show_job *job, const char *layer, struct stoa_deconv_options *options,
                                   struct source *source, struct stoa_error *error)
{
    const struct show_settings *settings = &job->settings->show;
    struct stoa_deconv *deconv;
    struct stoa_deconv_sheet *sheet = NULL;
    options->layer = layer;
    STOA_TRY(stoa_deconv_create(job->model, options, error, &deconv));
    enum stoa_status status = open_pictures(source, job, deconv, error);
    if (status == STOA_OK)
        status = stoa_deconv_strongest(deconv, &source->pictures, settings->maps ? settings->maps : DEFAULT_MAPS,
                                       settings->top ? settings->top : DEFAULT_TOP, error, &sheet);
    if (status == STOA_OK)
        status = show_sheet(job, deconv, source, sheet, error);
    stoa_deconv_sheet_free(sheet);
    stoa_deconv_free(deconv);
    return status;
}

/* The size that pictures have, a given one or --size. */
static void given_size(const struct show_job *job, struct stoa_deconv_options *options)
{
    const struct settings *settings = job->settings;
    struct stoa_tensor picture = {.rank = 0};
    if (job->inputs.count && job->inputs.items[0].tensor.data) {
        picture = job->inputs.items[0].tensor;
    } else if (settings->size_count) {
        picture.rank = settings->sizes[0].rank;
        memcpy(picture.dims, settings->sizes[0].dims, sizeof picture.dims);
    }
    if (picture.rank != 4)
        return;
    stoa_picture_view(&picture);
    options->height = picture.dims[2];
    options->width = picture.dims[3];
}

enum stoa_status stoa_cli_show_deconv(struct show_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    struct stoa_deconv_options options = {.threads = settings->threads, .spread = settings->show.spread};
    struct source source = {0};
    if (!job->values == !settings->data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "which pictures? either --data SET, or one with --image FILE or --input FILE");
    given_size(job, &options);
    size_t count = stoa_size_max(settings->show.layer_count, 1);
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < count; i++)
        status = show_layer(job, settings->show.layers[i], &options, &source, error);
    close_source(&source, &job->allocator);
    return status;
}
