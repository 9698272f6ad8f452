/* Lines over numbers: axes with ticks, a legend, and colours that the colour-blind can tell apart. */
#ifndef STOA_SHOW_CHART_H
#define STOA_SHOW_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "show/draw.h"

/* Eight of them (Okabe and Ito 2008); from there on they come again. */
uint32_t stoa_chart_colour(size_t index);

/* NaN as y leaves a gap. */
struct chart_line {
    char name[80];
    uint32_t colour;
    bool dashed;
    size_t count;
    const double *x, *y;
};

struct chart {
    const char *title, *x_name, *y_name;
    const struct chart_line *lines;
    size_t count;
    bool whole; /* ticks along x are whole numbers */
};

/* Round numbers from low to high, both multiples of step, with all of [least, most] between them. */
struct chart_axis {
    double low, high, step;
};
struct chart_axis stoa_chart_axis(double least, double most, bool whole);

/* Where the lines are: in points from the picture's top left corner. */
struct chart_place {
    struct chart_axis x, y;
    double left, top, width, height;
};
double stoa_chart_x(const struct chart_place *place, double x);
double stoa_chart_y(const struct chart_place *place, double y);

/* *picture = the chart; place may be null. Without a number to show it is STOA_ERROR_DATA. On failure the picture is
 * all zero. */
STOA_CHECKED enum stoa_status stoa_chart_draw(const struct chart *chart, struct stoa_error *error,
                                              struct picture *picture, struct chart_place *place);

#endif
