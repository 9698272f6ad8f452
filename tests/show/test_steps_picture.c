/* Pictures of convolutions worked out: the words and numbers on them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "show/page.h"
#include "show/steps.h"
#include "support/net.h"
#include "support/temporary.h"

static struct image pixels_of(struct picture *picture)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct page page;
    struct image image;
    char path[TEMPORARY_PATH];
    temporary_file(".png", path);
    stoa_page_begin("", &allocator, &page);
    cr_assert(stoa_page_picture(&page, picture, NULL, 0, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_image_read(path, &allocator, &error, &image) == STOA_OK, "%s", error.message);
    unlink(path);
    stoa_page_free(&page);
    cr_assert(image.channels == 3);
    return image;
}

static bool is_blank(const struct image *image, size_t column)
{
    for (size_t y = 0; y < image->height; y++)
        for (size_t c = 0; c < 3; c++)
            if (image->pixels[(y * image->width + column) * 3 + c] != 255)
                return false;
    return true;
}

/* Whether `part`, from column `first` to before `end`, is somewhere in the image. */
static bool is_within(const struct image *image, const struct image *part, size_t first, size_t end)
{
    for (size_t y = 0; y + part->height <= image->height; y++)
        for (size_t x = 0; x + (end - first) <= image->width; x++) {
            size_t rows = 0;
            while (rows < part->height &&
                   memcmp(&image->pixels[((y + rows) * image->width + x) * 3],
                          &part->pixels[(rows * part->width + first) * 3], (end - first) * 3) == 0)
                rows++;
            if (rows == part->height)
                return true;
        }
    return false;
}

/* Expects a line of text on the picture. */
static void check_text(const struct image *image, double size, uint32_t colour, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void check_text(const struct image *image, double size, uint32_t colour, const char *format, ...)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct picture picture;
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cr_assert(stoa_picture_begin(900, size + 2, NULL, &picture) == STOA_OK);
    stoa_picture_text(&picture, 4, size - 2, size, TEXT_LEFT, colour, text);
    struct image part = pixels_of(&picture);
    size_t first = 0, end = part.width;
    while (first < end && is_blank(&part, first))
        first++;
    while (end > first && is_blank(&part, end - 1))
        end--;
    cr_assert(first < end && end < part.width, "%s: is not drawn", text);
    cr_expect(is_within(image, &part, first, end), "no \"%s\"", text);
    stoa_image_free(&allocator, &part);
}

static double contribution(const struct stoa_steps *steps, size_t c)
{
    double sum = 0;
    for (size_t k = 0; k < steps->tap_count; k++)
        sum += steps->products[k * steps->channels + c];
    return sum;
}

/* The channels that contribute most, by name; the greatest is the one whose image is shown. */
static void check_channels(const struct image *image, const struct stoa_steps *steps)
{
    const size_t first = steps->group * steps->channels, most = 4;
    bool taken[8] = {false};
    double sum = 0;
    for (size_t i = 0; i < most && i < steps->channels; i++) {
        size_t best = 0;
        for (size_t c = 0; c < steps->channels; c++)
            if (taken[best] || (!taken[c] && fabs(contribution(steps, c)) > fabs(contribution(steps, best))))
                best = c;
        taken[best] = true;
        sum += contribution(steps, best);
        if (i == 0)
            check_text(image, 11, 0x333333, "input, channel %zu of %zu: %zu x %zu", first + best,
                       steps->conv.in_channels, steps->conv.height, steps->conv.width);
        check_text(image, 10, 0x333333, "channel %zu: sum %.6g", first + best, contribution(steps, best));
    }
    if (steps->channels > most)
        check_text(image, 10, 0x333333, "the other %zu channels: %.6g", steps->channels - most, steps->sum - sum);
}

static void check_sums(const struct image *image, const struct stoa_steps *steps)
{
    const struct {
        const char *words;
        const struct stoa_steps_result *result;
    } ways[] = {
        {"the layer says", &steps->chosen}, {"the whole matrix", &steps->matrix}, {"views, no matrix", &steps->view}};
    check_text(image, 12, 0x111111, "sum of %zu products  %.7g", steps->count, steps->sum);
    if (steps->has_bias)
        check_text(image, 12, 0x111111, "+ bias %.7g  =  %.7g", (double)steps->bias, steps->sum + (double)steps->bias);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        check_text(image, 12, 0x111111, "%s  %.7g  (%s)", ways[i].words, (double)ways[i].result->value,
                   ways[i].result->how);
    for (size_t i = 0; i < steps->after_count; i++)
        check_text(image, 12, 0x111111, "then %s  %.7g", steps->after[i].type, (double)steps->after[i].value);
}

/* Images are square, so that each line of text lies at whole points. */
static const struct {
    const char *name, *text, *kernel;
    size_t channel;
} rows[] = {
    {"groups, a bias, a function behind",
     "input x f32[1,6,9,9]\nconst w f32[4,3,3,2]\nconst b f32[4]\n"
     "a = Conv(x, w, b) group=2 strides=[2,1] dilations=[1,3] pads=[1,2,0,3]\ny = Relu(a)\noutput y\n",
     "kernel 3x2, stride 2,1, dilation 1,3, pad 1 2 0 3, channels of its group: 3", 3},
    {"more channels than are shown", "input x f32[1,7,8,8]\nconst w f32[4,7,3,3]\na = Conv(x, w)\noutput a\n",
     "kernel 3x3, stride 1,1, dilation 1,1, pad 0 0 0 0, channels: 7", 1},
};

Test(steps_picture, says_what_is_worked_out)
{
    static float x[7 * 9 * 9];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)((i * 37 + 11) % 101) / 50 - 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_allocator allocator = stoa_allocator_default();
        struct net net;
        struct stoa_error error = {0};
        struct stoa_steps *steps;
        struct picture picture;
        const void *data[] = {x};
        net_build(&net, rows[i].text, NULL);
        const struct stoa_subject subject = {.model = net.model, .values = data, .threads = 1};
        cr_assert(stoa_show_steps(&subject, "node_a", (const size_t[]){2, 4}, rows[i].channel, &error, &steps) ==
                      STOA_OK,
                  "%s: %s", rows[i].name, error.message);
        cr_assert(stoa_steps_draw(steps, &error, &picture) == STOA_OK, "%s: %s", rows[i].name, error.message);
        struct image image = pixels_of(&picture);
        check_text(&image, 14, 0x111111, "node_a: output row 2, column 4, channel %zu", rows[i].channel);
        check_text(&image, 11, 0x555555, "%s", rows[i].kernel);
        check_channels(&image, steps);
        check_sums(&image, steps);
        stoa_image_free(&allocator, &image);
        stoa_steps_free(steps);
        net_free(&net);
    }
}
