/* Lines of text in the probability map of a text detector. */
#ifndef STOA_BENCH_TEXT_LINES_H
#define STOA_BENCH_TEXT_LINES_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "data/image.h"

#define BENCH_MAX_LINES 256

/* A turned rectangle in pixels. */
struct text_line {
    double x, y;          /* its centre */
    double width, height; /* along and across the line */
    double angle;         /* of the line, clockwise, in radians */
    double score;         /* the mean probability of the pixels it was made from */
};

/* Finds the lines of map[height][width], from the top down: connected pixels of probability above 0.3 whose mean is
 * above 0.5 and that are wider than high, in the rectangle along their principal axis, grown by a margin because the
 * detector is trained on shrunken lines. At most BENCH_MAX_LINES. */
STOA_CHECKED enum stoa_status stoa_bench_find_lines(const float *map, size_t height, size_t width,
                                                    const struct stoa_allocator *allocator, struct stoa_error *error,
                                                    struct text_line lines[BENCH_MAX_LINES], size_t *count);

/* The part of the page that a line covers, set straight; beyond the page its edge is repeated. */
STOA_CHECKED enum stoa_status stoa_bench_cut_line(const struct image *page, const struct text_line *line,
                                                  const struct stoa_allocator *allocator, struct stoa_error *error,
                                                  struct image *cut);

/* Draws the rectangle's outline in blue on a colour picture. */
void stoa_bench_draw_line(const struct text_line *line, struct image *image);

#endif
