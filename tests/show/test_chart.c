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
    {"shares", 83.5, 94.1, false, 80, 95, 5},
    {"losses", 0.12, 0.65, false, 0, 0.8, 0.2},
    {"epochs", 1, 15, true, 0, 15, 5},
    {"few epochs", 1, 3, true, 1, 3, 1},
    {"one epoch", 1, 1, true, 1, 2, 1},
    {"negative", -3, 7, false, -4, 8, 2},
    {"next to 0", 0, 1e-323, false, 0, 0.02, 0.02},
    {"next to 1", 1, 1 + 1e-15, false, 1, 1.05, 0.05},
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

/* However far apart numbers are, there are as many ticks as a reader can take. */
Test(chart, axes_have_few_ticks)
{
    static const double numbers[] = {-1e300, -1, -5e-324, 0, 5e-324, 1e-310, 1e-12, 1, 1 + 1e-13, 12345, 1e300};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t k = i; k < sizeof numbers / sizeof *numbers; k++) {
            struct chart_axis axis = stoa_chart_axis(numbers[i], numbers[k], false);
            double ticks = (axis.high - axis.low) / axis.step;
            cr_expect(ticks >= 0.99 && ticks < 13, "%g to %g: %g ticks", numbers[i], numbers[k], ticks);
            double slack = 1e-12 * fmax(fabs(numbers[i]), fabs(numbers[k]));
            cr_expect(axis.low <= numbers[i] + slack && axis.high >= numbers[k] - slack, "%g to %g", numbers[i],
                      numbers[k]);
        }
}

Test(chart, leaves_out_what_no_axis_can_hold)
{
    static const double at[] = {1, 2, 3}, values[] = {1.7e308, -1.7e308, 1};
    struct chart_line lines[] = {{.name = "line", .x = at, .y = values, .count = 3}};
    const struct chart chart = {.title = "t", .x_name = "x", .y_name = "y", .lines = lines, .count = 1};
    struct stoa_error error = {0};
    struct picture picture;
    struct chart_place place;
    cr_assert(stoa_chart_draw(&chart, &error, &picture, &place) == STOA_OK, "%s", error.message);
    cr_expect(place.y.low <= 1 && place.y.high >= 1 && place.y.high < 3, "%g to %g", place.y.low, place.y.high);
    stoa_picture_free(&picture);
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
