/* Preprocessing against values worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/preprocess.h"
#include "support/allocator.h"

static struct image make_image(size_t width, size_t height, size_t channels)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image;
    cr_assert(stoa_image_create(width, height, channels, &allocator, NULL, &image) == STOA_OK);
    for (size_t i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)(i * 10);
    return image;
}

static float at(const struct stoa_tensor *tensor, size_t channel, size_t y, size_t x)
{
    return ((float *)tensor->data)[(channel * tensor->dims[2] + y) * tensor->dims[3] + x];
}

/* The size each rule gives. */
static const struct {
    const char *name, *preset;
    size_t width, height;     /* of the picture */
    struct preprocess change; /* rule, size and crop, where rule is not RESIZE_NONE */
    size_t wanted[2];         /* H and W of the tensor */
} sizes[] = {
    {"none leaves the size", "none", 7, 5, {0}, {5, 7}},
    {"imagenet crops 224", "imagenet", 300, 260, {0}, {224, 224}},
    {"imagenet of a tall picture", "imagenet", 64, 500, {0}, {224, 224}},
    {"ocr-det rounds to 32", "ocr-det", 384, 191, {0}, {192, 384}},
    {"ocr-det keeps at least 32", "ocr-det", 5, 5, {0}, {32, 32}},
    {"ocr-det shrinks to 960", "ocr-det", 1920, 800, {0}, {384, 960}},    /* 400 is 12.5 times 32: to even */
    {"ocr-det rounds the next up", "ocr-det", 960, 432, {0}, {448, 960}}, /* 13.5 times */
    {"ocr-cls pads", "ocr-cls", 20, 10, {0}, {48, 192}},
    {"ocr-cls squeezes", "ocr-cls", 200, 10, {0}, {48, 192}},
    {"ocr-cls of a sliver", "ocr-cls", 1, 1000, {0}, {48, 192}},
    {"exact", "none", 7, 5, {.rule = RESIZE_EXACT, .size = {3, 9}}, {3, 9}},
    {"short side", "none", 20, 10, {.rule = RESIZE_SHORT, .size = {5}}, {5, 10}},
    {"the long side is cut", "none", 451, 300, {.rule = RESIZE_SHORT, .size = {256}}, {256, 384}}, /* 384.85 */
    {"short side and crop", "none", 20, 10, {.rule = RESIZE_SHORT, .size = {5}, .crop = {4, 6}}, {4, 6}},
};

Test(preprocess, sizes)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct stoa_allocator allocator = stoa_allocator_default();
        struct stoa_error error = {0};
        struct preprocess options = *stoa_preprocess_preset(sizes[i].preset);
        if (sizes[i].change.rule != RESIZE_NONE) {
            options.rule = sizes[i].change.rule;
            memcpy(options.size, sizes[i].change.size, sizeof options.size);
            memcpy(options.crop, sizes[i].change.crop, sizeof options.crop);
        }
        struct image image = make_image(sizes[i].width, sizes[i].height, 3);
        struct stoa_tensor tensor;
        cr_assert(stoa_preprocess(&options, &image, 3, &allocator, &error, &tensor) == STOA_OK, "%s: %s", sizes[i].name,
                  error.message);
        cr_expect(tensor.dtype == STOA_FLOAT && tensor.rank == 4 && tensor.dims[0] == 1 && tensor.dims[1] == 3, "%s",
                  sizes[i].name);
        cr_expect(tensor.dims[2] == sizes[i].wanted[0] && tensor.dims[3] == sizes[i].wanted[1], "%s: %zu x %zu",
                  sizes[i].name, tensor.dims[2], tensor.dims[3]);
        stoa_release(&allocator, tensor.data);
        stoa_image_free(&allocator, &image);
    }
}

/* Of what cannot be halved, torchvision leaves (rounded to even) so much above. */
Test(preprocess, crops_begin_where_torchvisions_do)
{
    static const struct {
        size_t height, first;
    } rows[] = {{4, 0}, {5, 0}, {6, 1}, {7, 2}, {8, 2}, {9, 2}, {11, 4}};
    struct stoa_allocator allocator = stoa_allocator_default();
    const struct preprocess options = {.scale = 1, .std = {1, 1, 1}, .crop = {4, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image image = make_image(1, rows[i].height, 1);
        struct stoa_tensor tensor;
        cr_assert(stoa_preprocess(&options, &image, 1, &allocator, NULL, &tensor) == STOA_OK);
        cr_expect(at(&tensor, 0, 0, 0) == 10 * (float)rows[i].first, "of %zu rows: from %g", rows[i].height,
                  (double)at(&tensor, 0, 0, 0) / 10);
        stoa_release(&allocator, tensor.data);
        stoa_image_free(&allocator, &image);
    }
}

Test(preprocess, channel_order_and_arithmetic)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image = make_image(2, 1, 3); /* (0, 10, 20) (30, 40, 50) */
    struct preprocess options = {.scale = 0.5F, .mean = {1, 2, 3}, .std = {1, 2, 4}};
    struct stoa_tensor tensor;

    cr_assert(stoa_preprocess(&options, &image, 3, &allocator, NULL, &tensor) == STOA_OK);
    static const float rgb[] = {-1, 14, 1.5F, 9, 1.75F, 5.5F};
    for (size_t i = 0; i < 6; i++)
        cr_expect(((float *)tensor.data)[i] == rgb[i], "element %zu: %g", i, (double)((float *)tensor.data)[i]);
    stoa_release(&allocator, tensor.data);

    options.bgr = 1;
    cr_assert(stoa_preprocess(&options, &image, 3, &allocator, NULL, &tensor) == STOA_OK);
    static const float bgr[] = {9, 24, 1.5F, 9, -0.75F, 3};
    for (size_t i = 0; i < 6; i++)
        cr_expect(((float *)tensor.data)[i] == bgr[i], "element %zu: %g", i, (double)((float *)tensor.data)[i]);
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &image);
}

Test(preprocess, grey_and_colour)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    const struct preprocess *none = stoa_preprocess_preset("none");
    struct stoa_tensor tensor;

    struct image grey = make_image(2, 1, 1);
    cr_assert(stoa_preprocess(none, &grey, 3, &allocator, NULL, &tensor) == STOA_OK);
    for (size_t c = 0; c < 3; c++)
        cr_expect(at(&tensor, c, 0, 0) == 0 && at(&tensor, c, 0, 1) == 10, "channel %zu", c);
    stoa_release(&allocator, tensor.data);
    cr_assert(stoa_preprocess(none, &grey, 1, &allocator, NULL, &tensor) == STOA_OK);
    cr_expect(tensor.dims[1] == 1 && at(&tensor, 0, 0, 1) == 10);
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &grey);

    struct image colour = make_image(1, 1, 3);
    cr_assert(stoa_preprocess(none, &colour, 1, &allocator, NULL, &tensor) == STOA_OK);
    cr_expect(fabsf(at(&tensor, 0, 0, 0) - (5.87F + 2.28F)) < 1e-5F);
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &colour);
}

Test(preprocess, ocr_cls_pads_with_zeros_on_the_right)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image = make_image(2, 2, 1);
    memset(image.pixels, 255, 4);
    struct stoa_tensor tensor;
    cr_assert(stoa_preprocess(stoa_preprocess_preset("ocr-cls"), &image, 3, &allocator, NULL, &tensor) == STOA_OK);
    for (size_t c = 0; c < 3; c++)
        for (size_t y = 0; y < 48; y++)
            for (size_t x = 0; x < 192; x++)
                cr_assert(fabsf(at(&tensor, c, y, x) - (x < 48 ? 1.0F : 0.0F)) < 1e-6F, "%zu,%zu,%zu: %g", c, y, x,
                          (double)at(&tensor, c, y, x));
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &image);
}

Test(preprocess, the_crop_is_central)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image = make_image(4, 4, 1);
    struct preprocess options = *stoa_preprocess_preset("none");
    options.crop[0] = options.crop[1] = 2;
    struct stoa_tensor tensor;
    cr_assert(stoa_preprocess(&options, &image, 1, &allocator, NULL, &tensor) == STOA_OK);
    cr_expect(at(&tensor, 0, 0, 0) == 50 && at(&tensor, 0, 1, 1) == 100);
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &image);

    image = make_image(6, 4, 1); /* as far from the top as from the left only where it is a square */
    cr_assert(stoa_preprocess(&options, &image, 1, &allocator, NULL, &tensor) == STOA_OK);
    cr_expect(at(&tensor, 0, 0, 0) == 80 && at(&tensor, 0, 1, 1) == 150);
    stoa_release(&allocator, tensor.data);
    stoa_image_free(&allocator, &image);
}

Test(preprocess, refused)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_allocator plain = stoa_allocator_default();
    struct image image = make_image(4, 4, 1);
    struct stoa_tensor tensor;
    struct stoa_error error = {0};
    struct preprocess options = *stoa_preprocess_preset("none");

    cr_expect(stoa_preprocess_preset("imagenot") == NULL);
    cr_expect(stoa_preprocess(&options, &image, 4, &allocator.interface, &error, &tensor) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "4 channels"));
    options.crop[0] = 5;
    cr_expect(stoa_preprocess(&options, &image, 3, &allocator.interface, &error, &tensor) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "5 x 4"));
    options = (struct preprocess){.rule = RESIZE_EXACT, .size = {1 << 20, 1 << 20}, .std = {1, 1, 1}};
    cr_expect(stoa_preprocess(&options, &image, 3, &allocator.interface, &error, &tensor) == STOA_ERROR_LIMIT);
    options.size[0] = (size_t)-1;
    cr_expect(stoa_preprocess(&options, &image, 3, &allocator.interface, &error, &tensor) == STOA_ERROR_LIMIT);
    cr_expect(tensor.data == NULL && allocator.live == 0);

    const struct preprocess *imagenet = stoa_preprocess_preset("imagenet");
    size_t n = 1;
    for (enum stoa_status status = STOA_ERROR_MEMORY; status != STOA_OK; n++) {
        counting_allocator_init(&allocator);
        allocator.fail_at = n;
        status = stoa_preprocess(imagenet, &image, 3, &allocator.interface, &error, &tensor);
        cr_assert(status == STOA_OK || (status == STOA_ERROR_MEMORY && !tensor.data && allocator.live == 0), "call %zu",
                  n);
    }
    cr_expect(n > 4);
    stoa_release(&allocator.interface, tensor.data);
    cr_expect(allocator.live == 0);
    stoa_image_free(&plain, &image);
}
