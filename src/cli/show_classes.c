/* stoa show saliency, gradcam, occlusion: the picture, what a class has to do with each part of it, and both in one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/show.h"
#include "show/array.h"

/* *picture = the one among the job's inputs, as [1][C][H][W] with strides. */
static enum stoa_status find_picture(const struct show_job *job, struct stoa_error *error, struct stoa_tensor *picture)
{
    for (size_t i = 0; i < job->inputs.count; i++) {
        *picture = job->inputs.items[i].tensor;
        if (picture->dtype == STOA_FLOAT && picture->rank == 4) {
            stoa_picture_view(picture);
            return STOA_OK;
        }
    }
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model takes no picture: no input is float of rank 4");
}

/* *picture = the picture among the inputs as the eye wants it: [1 or 3][H][W], red first, of other numbers of channels
 * the first; and the tile that shows it. */
static enum stoa_status take_picture(const struct show_job *job, struct stoa_error *error, struct stoa_array *picture,
                                     struct tile *tile)
{
    struct stoa_tensor tensor;
    *picture = (struct stoa_array){0};
    STOA_TRY(find_picture(job, error, &tensor));
    size_t channels = tensor.dims[1] == 3 ? 3 : 1, pixels = tensor.dims[2] * tensor.dims[3];
    const size_t dims[3] = {channels, tensor.dims[2], tensor.dims[3]};
    STOA_TRY(stoa_array_create(STOA_FLOAT, 3, dims, &job->allocator, error, picture));
    bool bgr = channels == 3 && stoa_cli_preprocess(job->settings).bgr;
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0, from = (bgr ? channels - 1 - c : c) * pixels; p < pixels; p++)
            stoa_array_data(picture)[c * pixels + p] =
                ((const float *)tensor.data)[stoa_tensor_offset(&tensor, from + p)];
    tile->shown = (struct shown){.data = stoa_array_data(picture),
                                 .channels = channels,
                                 .height = dims[1],
                                 .width = dims[2],
                                 .strides = {pixels, dims[2], 1},
                                 .map = COLOUR_GREY};
    stoa_shown_range(&tile->shown);
    if (channels == tensor.dims[1])
        snprintf(tile->caption, sizeof tile->caption, "image");
    else
        snprintf(tile->caption, sizeof tile->caption, "image: channel 0 of %zu", tensor.dims[1]);
    return STOA_OK;
}

const char *stoa_cli_show_class_name(const struct show_job *job, size_t class_index, size_t capacity, char *text)
{
    if (class_index < job->labels.count)
        snprintf(text, capacity, "class %zu (%.60s)", class_index, job->labels.lines[class_index]);
    else
        snprintf(text, capacity, "class %zu", class_index);
    return text;
}

/* The class asked for, or the best; and its probability. */
static enum stoa_status choose_class(const struct show_job *job, struct stoa_error *error, size_t *class_index,
                                     double *probability)
{
    struct stoa_array scores;
    STOA_TRY(stoa_show_scores(&job->subject, error, &scores));
    size_t count = scores.tensor.dims[0], best = 0;
    float *values = stoa_array_data(&scores);
    for (size_t k = 1; k < count; k++)
        best = values[k] > values[best] ? k : best;
    *class_index = job->settings->show.class == CLI_UNSET ? best : job->settings->show.class;
    enum stoa_status status = STOA_OK;
    if (*class_index >= count)
        status =
            stoa_fail(error, STOA_ERROR_ARGUMENT, "class %zu: there are classes 0 to %zu", *class_index, count - 1);
    if (status == STOA_OK)
        status = stoa_softmax_run(1, count, values, error, values);
    if (status == STOA_OK)
        *probability = (double)values[*class_index];
    stoa_array_free(&scores);
    return status;
}

/* What stands beside the picture. */
struct heat {
    const char *name, *caption, *note;
    const struct stoa_array *map; /* [H][W], as the picture's */
    double low, high;
};

static enum stoa_status add_page(struct show_job *job, const struct heat *heat, size_t class_index, double probability,
                                 struct stoa_error *error)
{
    struct stoa_array image;
    struct tile tiles[3] = {{.over = NULL}};
    STOA_TRY(take_picture(job, error, &image, &tiles[1]));
    const struct shown map = {.data = stoa_array_data(heat->map),
                              .channels = 1,
                              .height = heat->map->tensor.dims[0],
                              .width = heat->map->tensor.dims[1],
                              .strides = {0, heat->map->tensor.dims[1], 1},
                              .low = heat->low,
                              .high = heat->high,
                              .map = COLOUR_VIRIDIS};
    struct shown veil = map;
    veil.alpha = 0.55;
    tiles[0].shown = map;
    tiles[2] = (struct tile){.shown = tiles[1].shown, .over = &veil, .caption = "both"};
    snprintf(tiles[0].caption, sizeof tiles[0].caption, "%.40s", heat->caption);
    char title[200], name[100], low[32], high[32];
    snprintf(title, sizeof title, "%s of %s, probability %.3g", heat->name,
             stoa_cli_show_class_name(job, class_index, sizeof name, name), probability);
    snprintf(low, sizeof low, "%.3g", heat->low);
    snprintf(high, sizeof high, "%.3g", heat->high);
    struct picture picture;
    enum stoa_status status = stoa_picture_tiles(&(struct tiles){.title = title,
                                                                 .note = heat->note,
                                                                 .tiles = tiles,
                                                                 .count = 3,
                                                                 .columns = 3,
                                                                 .tile_size = 260,
                                                                 .low = low,
                                                                 .high = high},
                                                 error, &picture);
    if (status == STOA_OK)
        status = stoa_page_picture(&job->page, &picture, title, 0, error);
    stoa_array_free(&image);
    return status;
}

static double greatest(const struct stoa_array *array)
{
    double most = 0;
    for (size_t i = 0; i < stoa_tensor_elements(&array->tensor); i++)
        most = fmax(most, (double)stoa_array_data(array)[i]);
    return most;
}

enum stoa_status stoa_cli_show_saliency(struct show_job *job, struct stoa_error *error)
{
    struct stoa_array gradient, map;
    size_t class_index;
    double probability;
    STOA_TRY(choose_class(job, error, &class_index, &probability));
    STOA_TRY(stoa_show_saliency(&job->subject, class_index, error, &gradient));
    const size_t *dims = gradient.tensor.dims;
    enum stoa_status status = stoa_array_create(STOA_FLOAT, 2, &dims[2], &job->allocator, error, &map);
    size_t pixels = dims[2] * dims[3];
    for (size_t c = 0; status == STOA_OK && c < dims[1]; c++)
        for (size_t p = 0; p < pixels; p++)
            stoa_array_data(&map)[p] =
                fmaxf(stoa_array_data(&map)[p], fabsf(stoa_array_data(&gradient)[c * pixels + p]));
    if (status == STOA_OK)
        status =
            add_page(job,
                     &(struct heat){.name = "Saliency",
                                    .caption = "gradient of the score",
                                    .note = "the greatest size of its score's gradient among each pixel's channels",
                                    .map = &map,
                                    .high = greatest(&map)},
                     class_index, probability, error);
    stoa_array_free(&map);
    stoa_array_free(&gradient);
    return status;
}

/* big[H][W] <- small, bilinear between the centres of its elements. */
static void enlarge(const struct stoa_array *small, const struct stoa_array *big)
{
    size_t h = small->tensor.dims[0], w = small->tensor.dims[1], height = big->tensor.dims[0];
    size_t width = big->tensor.dims[1];
    const float *from = stoa_array_data(small);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            double v = fmin(fmax(((double)y + 0.5) * (double)h / (double)height - 0.5, 0), (double)h - 1);
            double u = fmin(fmax(((double)x + 0.5) * (double)w / (double)width - 0.5, 0), (double)w - 1);
            size_t r = (size_t)v, c = (size_t)u, below = stoa_size_min(r + 1, h - 1),
                   right = stoa_size_min(c + 1, w - 1);
            double a = v - (double)r, b = u - (double)c;
            stoa_array_data(big)[y * width + x] =
                (float)((1 - a) * ((1 - b) * (double)from[r * w + c] + b * (double)from[r * w + right]) +
                        a * ((1 - b) * (double)from[below * w + c] + b * (double)from[below * w + right]));
        }
}

enum stoa_status stoa_cli_show_gradcam(struct show_job *job, struct stoa_error *error)
{
    struct stoa_array weights, small, map = {0};
    size_t class_index;
    double probability;
    STOA_TRY(choose_class(job, error, &class_index, &probability));
    STOA_TRY(stoa_show_gradcam(&job->subject, job->settings->show.layer, class_index, error, &weights, &small));
    struct stoa_tensor picture;
    enum stoa_status status = find_picture(job, error, &picture);
    if (status == STOA_OK)
        status = stoa_array_create(STOA_FLOAT, 2, &picture.dims[2], &job->allocator, error, &map);
    if (status == STOA_OK) {
        char note[200];
        enlarge(&small, &map);
        double most = greatest(&map);
        snprintf(note, sizeof note, "%s speaks for it in the %zu maps of %zu x %zu of %.80s",
                 most > 0 ? "what" : "nothing", weights.tensor.dims[0], small.tensor.dims[0], small.tensor.dims[1],
                 job->settings->show.layer ? job->settings->show.layer : "the last convolution");
        status = add_page(job,
                          &(struct heat){.name = "Grad-CAM",
                                         .caption = "weighted maps, enlarged",
                                         .note = note,
                                         .map = &map,
                                         .high = most > 0 ? most : 1},
                          class_index, probability, error);
    }
    stoa_array_free(&map);
    stoa_array_free(&small);
    stoa_array_free(&weights);
    return status;
}

/* cover[H][W] <- the mean of the map over the squares that cover each pixel, which stoa_show_occlusion says the places
 * of. */
static void spread(const struct stoa_array *map, size_t size, size_t stride, const struct stoa_array *cover)
{
    size_t height = cover->tensor.dims[0], width = cover->tensor.dims[1];
    const float *values = stoa_array_data(map);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            double sum = 0;
            size_t count = 0;
            for (size_t r = 0; r < map->tensor.dims[0]; r++)
                for (size_t c = 0; c < map->tensor.dims[1]; c++) {
                    size_t top = stoa_size_min(r * stride, height - size),
                           left = stoa_size_min(c * stride, width - size);
                    if (y < top || y >= top + size || x < left || x >= left + size)
                        continue;
                    sum += (double)values[r * map->tensor.dims[1] + c];
                    count++;
                }
            stoa_array_data(cover)[y * width + x] = count ? (float)(sum / (double)count) : NAN;
        }
}

enum stoa_status stoa_cli_show_occlusion(struct show_job *job, struct stoa_error *error)
{
    struct stoa_array map, cover = {0};
    size_t class_index;
    double probability;
    struct stoa_tensor picture;
    STOA_TRY(find_picture(job, error, &picture));
    size_t side = stoa_size_min(picture.dims[2], picture.dims[3]);
    size_t size = job->settings->show.size, stride = job->settings->show.stride;
    size = size ? size : stoa_size_max(side / 6, 1);
    stride = stride ? stride : stoa_size_max(size / 2, 1);
    STOA_TRY(choose_class(job, error, &class_index, &probability));
    STOA_TRY(stoa_show_occlusion(&job->subject, class_index, size, stride, error, &map));
    enum stoa_status status = stoa_array_create(STOA_FLOAT, 2, &picture.dims[2], &job->allocator, error, &cover);
    if (status == STOA_OK) {
        char note[200];
        spread(&map, size, stride, &cover);
        snprintf(note, sizeof note,
                 "its probability while a grey square of %zu x %zu hides a pixel, the mean over %zu x %zu places; dark "
                 "parts count",
                 size, size, map.tensor.dims[0], map.tensor.dims[1]);
        status = add_page(job,
                          &(struct heat){.name = "Occlusion",
                                         .caption = "probability while hidden",
                                         .note = note,
                                         .map = &cover,
                                         .high = fmax(greatest(&cover), probability)},
                          class_index, probability, error);
    }
    stoa_array_free(&cover);
    stoa_array_free(&map);
    return status;
}
