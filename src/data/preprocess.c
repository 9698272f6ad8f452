/* Preprocessing in the order everyone does it: resize, crop, then arithmetic on each pixel. Sizes are rounded as
 * torchvision (the shorter side, crops) and PaddleOCR (multiples, heights) round them: another row is another picture.
 */
#include "data/preprocess.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"

static const struct {
    const char *name;
    struct preprocess options;
} presets[] = {
    {"none", {.scale = 1, .std = {1, 1, 1}}},
    {"imagenet",
     {.rule = RESIZE_SHORT,
      .size = {256},
      .crop = {224, 224},
      .scale = 1.0F / 255,
      .mean = {0.485F, 0.456F, 0.406F},
      .std = {0.229F, 0.224F, 0.225F}}},
    /* Trained on pictures as OpenCV reads them (blue first) with ImageNet's numbers in red-first order: kept so. */
    {"ocr-det",
     {.rule = RESIZE_MULTIPLE,
      .size = {32, 960},
      .bgr = 1,
      .scale = 1.0F / 255,
      .mean = {0.485F, 0.456F, 0.406F},
      .std = {0.229F, 0.224F, 0.225F}}},
    {"ocr-cls",
     {.rule = RESIZE_FIT,
      .size = {48, 192},
      .bgr = 1,
      .scale = 1.0F / 255,
      .mean = {0.5F, 0.5F, 0.5F},
      .std = {0.5F, 0.5F, 0.5F}}},
};

const struct preprocess *stoa_preprocess_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i].options;
    return NULL;
}

/* length * numerator / denominator, cut, at least 1. All are at most 2^26, so the product fits a size_t. */
static size_t scaled(size_t length, size_t numerator, size_t denominator)
{
    return stoa_size_max(length * numerator / denominator, 1);
}

/* As Python rounds: halves to even. */
static size_t multiple(size_t length, size_t of)
{
    return stoa_size_max((size_t)lrint((double)length / (double)of), 1) * of;
}

/* The size after resizing; what exceeds the limits is left to stoa_image_resize. */
static void resized_size(const struct preprocess *options, const struct image *image, size_t *height, size_t *width)
{
    size_t h = image->height, w = image->width, longer = stoa_size_max(h, w), shorter = stoa_size_min(h, w);
    const size_t *size = options->size;
    switch (options->rule) {
    case RESIZE_NONE:
        break;
    case RESIZE_EXACT:
        h = size[0];
        w = size[1];
        break;
    case RESIZE_SHORT:
        h = scaled(image->height, size[0], shorter);
        w = scaled(image->width, size[0], shorter);
        break;
    case RESIZE_FIT:
        w = stoa_size_min((w * size[0] + h - 1) / h, size[1]);
        h = size[0];
        break;
    case RESIZE_MULTIPLE:
        if (longer > size[1]) {
            h = scaled(h, size[1], longer);
            w = scaled(w, size[1], longer);
        }
        h = multiple(h, size[0]);
        w = multiple(w, size[0]);
        break;
    }
    *height = h;
    *width = w;
}

static float luma(const uint8_t *pixel)
{
    return 0.299F * (float)pixel[0] + 0.587F * (float)pixel[1] + 0.114F * (float)pixel[2];
}

/* Channel `channel` of a tensor of `channels` at one pixel. */
static float sample(const struct image *image, const uint8_t *pixel, size_t channels, size_t channel, int bgr)
{
    if (image->channels == 1)
        return pixel[0];
    if (channels == 1)
        return luma(pixel);
    return pixel[bgr ? 2 - channel : channel];
}

/* y[channels][H][W] <- image[top .. top+H][left .. left+W]; columns from `filled` on stay as they are. */
static void normalise(const struct preprocess *options, const struct image *image, size_t top, size_t left,
                      size_t channels, size_t height, size_t width, size_t filled, float *y)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t row = 0; row < height; row++)
            for (size_t column = 0; column < filled; column++) {
                size_t at = (top + row) * image->width + left + column;
                float value = sample(image, image->pixels + at * image->channels, channels, c, options->bgr);
                y[(c * height + row) * width + column] = (value * options->scale - options->mean[c]) / options->std[c];
            }
}

static enum stoa_status make_tensor(const struct preprocess *options, const struct image *image, size_t channels,
                                    const struct stoa_allocator *allocator, struct stoa_error *error,
                                    struct stoa_tensor *tensor)
{
    size_t height = options->crop[0] ? options->crop[0] : image->height;
    size_t width = options->crop[1] ? options->crop[1] : image->width;
    if (height > image->height || width > image->width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "cannot cut %zu x %zu from a picture of %zu x %zu (height x width)", height, width,
                         image->height, image->width);
    size_t padded = options->rule == RESIZE_FIT ? stoa_size_max(width, options->size[1]) : width;

    struct stoa_tensor made = {.dtype = STOA_FLOAT, .rank = 4, .dims = {1, channels, height, padded}};
    size_t elements;
    STOA_TRY(stoa_tensor_measure(&made, error, &elements, NULL));
    stoa_tensor_set_plain(&made);
    STOA_TRY(stoa_allocate(allocator, elements, sizeof(float), error, &made.data));
    size_t top = (size_t)lrint((double)(image->height - height) / 2);
    size_t left = (size_t)lrint((double)(image->width - width) / 2);
    normalise(options, image, top, left, channels, height, padded, width, made.data);
    *tensor = made;
    return STOA_OK;
}

enum stoa_status stoa_preprocess(const struct preprocess *options, const struct image *image, size_t channels,
                                 const struct stoa_allocator *allocator, struct stoa_error *error,
                                 struct stoa_tensor *tensor)
{
    *tensor = (struct stoa_tensor){0};
    if (channels != 1 && channels != 3)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "a picture cannot become a tensor of %zu channels, only 1 or 3",
                         channels);
    if (options->size[0] > STOA_IMAGE_MAX_PIXELS || options->size[1] > STOA_IMAGE_MAX_PIXELS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "cannot resize a picture to %zu x %zu: more than %zu pixels",
                         options->size[0], options->size[1], STOA_IMAGE_MAX_PIXELS);
    size_t height, width;
    resized_size(options, image, &height, &width);
    if (height == image->height && width == image->width)
        return make_tensor(options, image, channels, allocator, error, tensor);

    struct image resized;
    STOA_TRY(stoa_image_resize(image, height, width, allocator, error, &resized));
    enum stoa_status status = make_tensor(options, &resized, channels, allocator, error, tensor);
    stoa_image_free(allocator, &resized);
    return status;
}
