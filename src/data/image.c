/* Pictures: which format a file has, and what is done to pixels afterwards. */
#include "data/image.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "data/image_format.h"

enum stoa_status stoa_image_create(size_t width, size_t height, size_t channels, const struct stoa_allocator *allocator,
                                   struct stoa_error *error, struct image *image)
{
    *image = (struct image){0};
    size_t pixels;
    if (width == 0 || height == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "a picture of %zu x %zu pixels has none", width, height);
    if (!stoa_size_mul(width, height, &pixels) || pixels > STOA_IMAGE_MAX_PIXELS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "a picture of %zu x %zu pixels has more than %zu", width, height,
                         STOA_IMAGE_MAX_PIXELS);
    STOA_TRY(stoa_allocate(allocator, pixels, channels, error, &image->pixels));
    image->width = width;
    image->height = height;
    image->channels = channels;
    return STOA_OK;
}

void stoa_image_free(const struct stoa_allocator *allocator, struct image *image)
{
    stoa_release(allocator, image->pixels);
    *image = (struct image){0};
}

enum stoa_status stoa_image_decode(const void *bytes, size_t size, const struct stoa_allocator *allocator,
                                   struct stoa_error *error, struct image *image)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    *image = (struct image){0};
    if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return stoa_png_decode(bytes, size, allocator, error, image);
    if (size >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return stoa_jpeg_decode(bytes, size, allocator, error, image);
    return stoa_fail(error, STOA_ERROR_PARSE, "neither a PNG nor a JPEG file");
}

enum stoa_status stoa_image_read(const char *path, const struct stoa_allocator *allocator, struct stoa_error *error,
                                 struct image *image)
{
    *image = (struct image){0};
    struct file_map map;
    STOA_TRY(stoa_file_map(path, error, &map));
    enum stoa_status status = stoa_image_decode(map.data, map.size, allocator, error, image);
    if (status != STOA_OK)
        stoa_error_prefix(error, "%s: ", path);
    stoa_file_unmap(&map);
    return status;
}

enum stoa_status stoa_image_cut(const struct image *image, size_t top, size_t left, size_t height, size_t width,
                                const struct stoa_allocator *allocator, struct stoa_error *error, struct image *part)
{
    *part = (struct image){0};
    if (top > image->height || height > image->height - top || left > image->width || width > image->width - left)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "a cut of %zu x %zu pixels at row %zu, column %zu leaves the picture of %zu x %zu", width,
                         height, top, left, image->width, image->height);
    STOA_TRY(stoa_image_create(width, height, image->channels, allocator, error, part));
    size_t row = width * image->channels;
    for (size_t y = 0; y < height; y++)
        memcpy(part->pixels + y * row, image->pixels + ((top + y) * image->width + left) * image->channels, row);
    return STOA_OK;
}

void stoa_image_turn(struct image *image)
{
    size_t count = image->width * image->height, channels = image->channels;
    for (size_t i = 0; i < count / 2; i++)
        for (size_t c = 0; c < channels; c++) {
            uint8_t *a = &image->pixels[i * channels + c], *b = &image->pixels[(count - 1 - i) * channels + c];
            uint8_t held = *a;
            *a = *b;
            *b = held;
        }
}

/* What output pixel `index` of `out` is made of along one dimension of `in` pixels: weights of the pixels from *first
 * on, summing to 1. Returns how many. Pixels are squares, so coordinates are those of their centres. */
static size_t weigh(size_t index, size_t in, size_t out, size_t *first, float *weights)
{
    double scale = (double)in / (double)out, support = scale > 1 ? scale : 1;
    double centre = ((double)index + 0.5) * scale - 0.5, sum = 0;
    double low = ceil(centre - support), high = floor(centre + support);
    *first = low > 0 ? (size_t)low : 0;
    size_t last = high < (double)(in - 1) ? (size_t)high : in - 1, count = last - *first + 1;
    for (size_t i = 0; i < count; i++) {
        double weight = 1 - fabs((double)(*first + i) - centre) / support;
        weights[i] = weight > 0 ? (float)weight : 0;
        sum += (double)weights[i];
    }
    for (size_t i = 0; i < count; i++)
        weights[i] = (float)((double)weights[i] / sum);
    return count;
}

/* out[height][out_width][channels] <- in[height][width][channels]. */
static void resize_rows(const struct image *in, size_t out_width, float *weights, float *out)
{
    size_t channels = in->channels;
    for (size_t x = 0; x < out_width; x++) {
        size_t first, count = weigh(x, in->width, out_width, &first, weights);
        for (size_t y = 0; y < in->height; y++)
            for (size_t c = 0; c < channels; c++) {
                const uint8_t *pixel = in->pixels + (y * in->width + first) * channels + c;
                float sum = 0;
                for (size_t i = 0; i < count; i++)
                    sum += weights[i] * (float)pixel[i * channels];
                out[(y * out_width + x) * channels + c] = sum;
            }
    }
}

/* out[out->height][row] <- in[height][row], rounded. */
static void resize_columns(const float *in, size_t height, float *weights, struct image *out)
{
    size_t row = out->width * out->channels;
    for (size_t y = 0; y < out->height; y++) {
        size_t first, count = weigh(y, height, out->height, &first, weights);
        for (size_t x = 0; x < row; x++) {
            float sum = 0.5F;
            for (size_t i = 0; i < count; i++)
                sum += weights[i] * in[(first + i) * row + x];
            out->pixels[y * row + x] = (uint8_t)(sum < 255 ? sum : 255);
        }
    }
}

enum stoa_status stoa_image_resize(const struct image *image, size_t height, size_t width,
                                   const struct stoa_allocator *allocator, struct stoa_error *error,
                                   struct image *resized)
{
    STOA_TRY(stoa_image_create(width, height, image->channels, allocator, error, resized));
    /* Neither picture is large, but the one between them (the new width, the old height) may be. */
    if (image->height * width > STOA_IMAGE_MAX_PIXELS) {
        stoa_image_free(allocator, resized);
        return stoa_fail(error, STOA_ERROR_LIMIT, "resizing %zu x %zu pixels to %zu x %zu takes more than %zu",
                         image->width, image->height, width, height, STOA_IMAGE_MAX_PIXELS);
    }
    /* A weight for every pixel of the longer side is more than any output pixel has. */
    float *weights = NULL, *rows = NULL;
    enum stoa_status status =
        stoa_allocate_raw(allocator, stoa_size_max(image->width, image->height), sizeof *weights, error, &weights);
    if (status == STOA_OK)
        status = stoa_allocate_raw(allocator, image->height * width, image->channels * sizeof *rows, error, &rows);
    if (status == STOA_OK) {
        resize_rows(image, width, weights, rows);
        resize_columns(rows, image->height, weights, resized);
    } else {
        stoa_image_free(allocator, resized);
    }
    stoa_release(allocator, rows);
    stoa_release(allocator, weights);
    return status;
}
