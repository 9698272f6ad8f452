/* Line charts. */
#include "show/chart.h"

#include <math.h>
#include <stdio.h>

#include "base/status.h"

enum { WIDTH = 560, HEIGHT = 300, LEFT = 62, TOP = 34, BOTTOM = 44, RIGHT = 16, KEY = 26, KEY_LINE = 16 };

/* Numbers beyond LARGEST are not shown: sums and differences of others are finite. Those that lie nearer than NEAR of
 * themselves, or than SMALLEST, are shown as equal: ticks between them would be. */
#define LARGEST 1e300
#define SMALLEST 1e-300
#define NEAR 1e-12

static bool is_shown(double value)
{
    return fabs(value) <= LARGEST;
}

uint32_t stoa_chart_colour(size_t index)
{
    static const uint32_t colours[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000, 0x999999};
    return colours[index % (sizeof colours / sizeof *colours)];
}

struct chart_axis stoa_chart_axis(double least, double most, bool whole)
{
    double range = most - least, size = fmax(fabs(least), fabs(most));
    if (!(range > NEAR * size && range > SMALLEST))
        range = fmax(size, 1) * 0.1;
    double step = pow(10, floor(log10(range / 5)));
    step *= range / step > 25 ? 10 : range / step > 10 ? 5 : range / step > 5 ? 2 : 1;
    if (whole)
        step = fmax(1, floor(step));
    struct chart_axis axis = {.low = floor(least / step) * step, .high = ceil(most / step) * step, .step = step};
    if (axis.high <= axis.low)
        axis.high = axis.low + step;
    return axis;
}

double stoa_chart_x(const struct chart_place *place, double x)
{
    return place->left + (x - place->x.low) / (place->x.high - place->x.low) * place->width;
}

double stoa_chart_y(const struct chart_place *place, double y)
{
    return place->top + (place->y.high - y) / (place->y.high - place->y.low) * place->height;
}

/* What there is to show, or false. */
static bool measure(const struct chart *chart, struct chart_place *place)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < chart->count; i++)
        for (size_t k = 0; k < chart->lines[i].count; k++) {
            double point[2] = {chart->lines[i].x[k], chart->lines[i].y[k]};
            for (size_t d = 0; d < 2 && is_shown(point[0]) && is_shown(point[1]); d++) {
                low[d] = fmin(low[d], point[d]);
                high[d] = fmax(high[d], point[d]);
            }
        }
    if (low[0] > high[0])
        return false;
    place->x = stoa_chart_axis(low[0], high[0], chart->whole);
    place->y = stoa_chart_axis(low[1], high[1], false);
    return true;
}

static void draw_axes(const struct picture *picture, const struct chart *chart, const struct chart_place *place)
{
    char number[32];
    double bottom = place->top + place->height;
    size_t across = (size_t)lround((place->x.high - place->x.low) / place->x.step);
    size_t up = (size_t)lround((place->y.high - place->y.low) / place->y.step);
    for (size_t i = 0; i <= across; i++) {
        double value = place->x.low + (double)i * place->x.step, x = stoa_chart_x(place, value);
        snprintf(number, sizeof number, "%.6g", value);
        stoa_picture_line(picture, x, bottom, x, bottom + 4, 1, 0x555555);
        stoa_picture_text(picture, x, bottom + 16, 10, TEXT_MIDDLE, 0x333333, number);
    }
    for (size_t i = 0; i <= up; i++) {
        double value = place->y.low + (double)i * place->y.step, y = stoa_chart_y(place, value);
        snprintf(number, sizeof number, "%.6g", fabs(value) < 1e-9 * place->y.step ? 0 : value);
        stoa_picture_line(picture, place->left, y, place->left + place->width, y, 0.5, 0xdddddd);
        stoa_picture_text(picture, place->left - 6, y + 4, 10, TEXT_RIGHT, 0x333333, number);
    }
    stoa_picture_line(picture, place->left, place->top, place->left, bottom, 1, 0x555555);
    stoa_picture_line(picture, place->left, bottom, place->left + place->width, bottom, 1, 0x555555);
    stoa_picture_text(picture, place->left, TOP - 14, 13, TEXT_LEFT, 0x111111, chart->title);
    stoa_picture_text(picture, place->left + place->width / 2, bottom + 34, 11, TEXT_MIDDLE, 0x333333, chart->x_name);
    cairo_save(picture->cairo);
    cairo_translate(picture->cairo, 16, place->top + place->height / 2);
    cairo_rotate(picture->cairo, -M_PI / 2);
    stoa_picture_text(picture, 0, 0, 11, TEXT_MIDDLE, 0x333333, chart->y_name);
    cairo_restore(picture->cairo);
}

static void set_line(cairo_t *cairo, const struct chart_line *line)
{
    const double dash[] = {5, 3};
    cairo_set_source_rgb(cairo, (line->colour >> 16 & 255) / 255.0, (line->colour >> 8 & 255) / 255.0,
                         (line->colour & 255) / 255.0);
    cairo_set_line_width(cairo, 1.6);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(cairo, dash, line->dashed ? 2 : 0, 0);
}

static void draw_dot(cairo_t *cairo, double x, double y)
{
    cairo_new_path(cairo);
    cairo_arc(cairo, x, y, 2.6, 0, 2 * M_PI);
    cairo_fill(cairo);
}

static void draw_line(cairo_t *cairo, const struct chart_place *place, const struct chart_line *line)
{
    bool begun = false;
    set_line(cairo, line);
    for (size_t k = 0; k < line->count; k++) {
        if (!is_shown(line->x[k]) || !is_shown(line->y[k])) {
            begun = false;
            continue;
        }
        (begun ? cairo_line_to : cairo_move_to)(cairo, stoa_chart_x(place, line->x[k]),
                                                stoa_chart_y(place, line->y[k]));
        begun = true;
    }
    cairo_stroke(cairo);
    for (size_t k = 0; k < line->count; k++)
        if (is_shown(line->x[k]) && is_shown(line->y[k]))
            draw_dot(cairo, stoa_chart_x(place, line->x[k]), stoa_chart_y(place, line->y[k]));
    cairo_set_dash(cairo, NULL, 0, 0);
}

static void draw_key(const struct picture *picture, const struct chart *chart, double top)
{
    for (size_t i = 0; i < chart->count; i++) {
        double x = LEFT + (double)(i % 2) * (WIDTH - LEFT - RIGHT) / 2, y = top + (double)(i / 2) * KEY_LINE;
        set_line(picture->cairo, &chart->lines[i]);
        cairo_move_to(picture->cairo, x, y);
        cairo_line_to(picture->cairo, x + KEY, y);
        cairo_stroke(picture->cairo);
        draw_dot(picture->cairo, x + KEY / 2, y);
        cairo_set_dash(picture->cairo, NULL, 0, 0);
        stoa_picture_text(picture, x + KEY + 6, y + 4, 10, TEXT_LEFT, 0x222222, chart->lines[i].name);
    }
}

enum stoa_status stoa_chart_draw(const struct chart *chart, struct stoa_error *error, struct picture *picture,
                                 struct chart_place *place)
{
    struct chart_place here = {
        .left = LEFT, .top = TOP, .width = WIDTH - LEFT - RIGHT, .height = HEIGHT - TOP - BOTTOM};
    *picture = (struct picture){0};
    if (!measure(chart, &here))
        return stoa_fail(error, STOA_ERROR_DATA, "there is no number to show as %s", chart->y_name);
    double keys = (double)((chart->count + 1) / 2) * KEY_LINE;
    STOA_TRY(stoa_picture_begin(WIDTH, HEIGHT + keys + 14, error, picture));
    draw_axes(picture, chart, &here);
    for (size_t i = 0; i < chart->count; i++)
        draw_line(picture->cairo, &here, &chart->lines[i]);
    draw_key(picture, chart, HEIGHT + 4);
    if (place)
        *place = here;
    return STOA_OK;
}
