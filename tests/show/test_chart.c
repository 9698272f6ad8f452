/* Charts: axes hold the numbers, and pixels are where the numbers are. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "show/chart.h"
#include "show/page.h"
#include "support/temporary.h"

static const struct {
    const char *name;
    double least, most;
    bool whole;
    double low, high, step;
} axes[] = {
    {"shares", 83.5, 94.1, false, 80, 95, 5}, {"losses", 0.12, 0.65, false, 0, 0.8, 0.2},
    {"epochs", 1, 15, true, 0, 15, 5},        {"few epochs", 1, 3, true, 1, 3, 1},
    {"one epoch", 1, 1, true, 1, 2, 1},       {"negative", -3, 7, false, -4, 8, 2},
};

Test(chart, axes_are_round_and_hold_all)
{
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        struct chart_axis axis = stoa_chart_axis(axes[i].least, axes[i].most, axes[i].whole);
        cr_expect(axis.low <= axes[i].least && axis.high >= axes[i].most && axis.high > axis.low, "%s: %g to %g",
                  axes[i].name, axis.low, axis.high);
        cr_expect(fabs(axis.low - axes[i].low) < 1e-9 && fabs(axis.high - axes[i].high) < 1e-9 &&
                      fabs(axis.step - axes[i].step) < 1e-9,
                  "%s: %g to %g by %g", axes[i].name, axis.low, axis.high, axis.step);
    }
}

static const double x[] = {1, 2, 3, 4}, y[] = {0.5, NAN, 2.25, 1}, z[] = {0.1, 0.2, 0.3, 2};

static bool is_colour(const struct image *image, double at_x, double at_y, uint32_t colour)
{
    const uint8_t *rgb = &image->pixels[((size_t)at_y * image->width + (size_t)at_x) * 3];
    return rgb[0] == (colour >> 16 & 255) && rgb[1] == (colour >> 8 & 255) && rgb[2] == (colour & 255);
}

Test(chart, points_are_where_their_numbers_are)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    const struct chart_line lines[] = {
        {.name = "a", .colour = stoa_chart_colour(0), .dashed = true, .count = 4, .x = x, .y = y},
        {.name = "b", .colour = stoa_chart_colour(1), .count = 4, .x = x, .y = z},
    };
    const struct chart chart = {.title = "t", .x_name = "x", .y_name = "y", .lines = lines, .count = 2, .whole = true};
    struct picture picture;
    struct chart_place place;
    struct page page;
    struct image image;
    char path[TEMPORARY_PATH];
    temporary_file(".png", path);
    cr_assert(stoa_chart_draw(&chart, &error, &picture, &place) == STOA_OK, "%s", error.message);
    stoa_page_begin("t", &allocator, &page);
    cr_assert(stoa_page_picture(&page, &picture, NULL, 1, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_image_read(path, &allocator, &error, &image) == STOA_OK, "%s", error.message);
    unlink(path);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < 4; i++)
            if (!isnan(lines[l].y[i]))
                cr_expect(
                    is_colour(&image, stoa_chart_x(&place, x[i]), stoa_chart_y(&place, lines[l].y[i]), lines[l].colour),
                    "line %zu, point %zu", l, i);
    cr_expect(!is_colour(&image, stoa_chart_x(&place, 2), stoa_chart_y(&place, 1.375), lines[0].colour), "a gap");
    stoa_image_free(&allocator, &image);
    stoa_page_free(&page);
}

Test(chart, without_numbers_is_refused)
{
    struct stoa_error error = {0};
    const double none[] = {NAN};
    const struct chart_line line = {.count = 1, .x = x, .y = none};
    struct picture picture;
    cr_expect(stoa_chart_draw(&(struct chart){.title = "", .x_name = "x", .y_name = "loss", .lines = &line, .count = 1},
                              &error, &picture, NULL) == STOA_ERROR_DATA);
    cr_expect(strstr(error.message, "loss"), "%s", error.message);
    cr_expect(!picture.surface);
}
