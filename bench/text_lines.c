/* From a probability map to lines: connected components, and the rectangle along each one's principal axis (a scanned
 * page is rarely quite straight, and upright rectangles around long slanting lines would take in their neighbours). */
#include "text_lines.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"

#define PIXEL_THRESHOLD 0.3F
#define LINE_THRESHOLD 0.5
#define LEAST_HEIGHT 3.0
/* The detector's lines are shrunk by area * (1 - 0.4^2) / perimeter; growing by 1.5 * area / perimeter of the smaller
 * one undoes that (the factor PaddleOCR's own post-processing uses). */
#define GROWTH 1.5

struct component {
    const uint32_t *pixels; /* row * width + column */
    size_t count;
};

/* Collects the pixels connected to `start` (by sides) in `queue`, unmarking them. */
static size_t flood(uint8_t *marked, size_t height, size_t width, size_t start, uint32_t *queue)
{
    size_t count = 1;
    queue[0] = (uint32_t)start;
    marked[start] = 0;
    for (size_t next = 0; next < count; next++) {
        size_t at = queue[next], row = at / width, column = at % width;
        const struct {
            bool inside;
            size_t at;
        } neighbours[4] = {
            {row > 0, at - width}, {row + 1 < height, at + width}, {column > 0, at - 1}, {column + 1 < width, at + 1}};
        for (size_t i = 0; i < 4; i++)
            if (neighbours[i].inside && marked[neighbours[i].at]) {
                marked[neighbours[i].at] = 0;
                queue[count++] = (uint32_t)neighbours[i].at;
            }
    }
    return count;
}

/* Centre, angle and score: means and second moments of the pixels. */
static struct text_line measure(const float *map, size_t width, struct component component)
{
    struct text_line line = {0};
    double xx = 0, xy = 0, yy = 0, count = (double)component.count;
    for (size_t i = 0; i < component.count; i++) {
        line.x += (double)(component.pixels[i] % width) / count;
        line.y += (double)(component.pixels[i] / width) / count;
        line.score += (double)map[component.pixels[i]] / count;
    }
    for (size_t i = 0; i < component.count; i++) {
        double x = (double)(component.pixels[i] % width) - line.x, y = (double)(component.pixels[i] / width) - line.y;
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    line.angle = 0.5 * atan2(2 * xy, xx - yy);
    return line;
}

/* The rectangle that holds the pixels, grown on all sides. */
static void surround(size_t width, struct component component, struct text_line *line)
{
    double along = cos(line->angle), across = sin(line->angle);
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < component.count; i++) {
        double x = (double)(component.pixels[i] % width) - line->x, y = (double)(component.pixels[i] / width) - line->y;
        double turned[2] = {x * along + y * across, y * along - x * across};
        for (int d = 0; d < 2; d++) {
            low[d] = fmin(low[d], turned[d] - 0.5);
            high[d] = fmax(high[d], turned[d] + 0.5);
        }
    }
    double middle[2] = {(low[0] + high[0]) / 2, (low[1] + high[1]) / 2};
    line->x += middle[0] * along - middle[1] * across;
    line->y += middle[0] * across + middle[1] * along;
    line->width = high[0] - low[0];
    line->height = high[1] - low[1];
    double margin = GROWTH * line->width * line->height / (2 * (line->width + line->height));
    line->width += 2 * margin;
    line->height += 2 * margin;
}

enum stoa_status stoa_bench_find_lines(const float *map, size_t height, size_t width,
                                       const struct stoa_allocator *allocator, struct stoa_error *error,
                                       struct text_line lines[BENCH_MAX_LINES], size_t *count)
{
    *count = 0;
    size_t pixels = height * width;
    uint8_t *marked;
    uint32_t *queue;
    STOA_TRY(stoa_allocate(allocator, pixels, sizeof *marked, error, &marked));
    enum stoa_status status = stoa_allocate(allocator, pixels, sizeof *queue, error, &queue);
    for (size_t i = 0; i < pixels; i++)
        marked[i] = map[i] > PIXEL_THRESHOLD;
    for (size_t i = 0; status == STOA_OK && i < pixels && *count < BENCH_MAX_LINES; i++) {
        if (!marked[i])
            continue;
        struct component component = {.pixels = queue, .count = flood(marked, height, width, i, queue)};
        struct text_line line = measure(map, width, component);
        bool slanted = fabs(line.angle) > atan(1.0); /* more a column than a line */
        surround(width, component, &line);
        if (line.score > LINE_THRESHOLD && line.height > LEAST_HEIGHT && !slanted)
            lines[(*count)++] = line;
    }
    stoa_release(allocator, queue);
    stoa_release(allocator, marked);
    return status;
}

/* The page at a point, bilinear. */
static double sample(const struct image *page, double x, double y, size_t channel)
{
    x = fmin(fmax(x, 0), (double)(page->width - 1));
    y = fmin(fmax(y, 0), (double)(page->height - 1));
    size_t left = (size_t)x, top = (size_t)y;
    size_t right = left + 1 < page->width ? left + 1 : left, bottom = top + 1 < page->height ? top + 1 : top;
    const uint8_t *p = page->pixels + channel;
    size_t step = page->channels, row = page->width * step;
    double u = x - (double)left, v = y - (double)top;
    return (1 - v) * ((1 - u) * p[top * row + left * step] + u * p[top * row + right * step]) +
           v * ((1 - u) * p[bottom * row + left * step] + u * p[bottom * row + right * step]);
}

/* The point of the page at (u, v) of a line's rectangle, from its top left corner. */
static void locate(const struct text_line *line, double u, double v, double *x, double *y)
{
    double along = cos(line->angle), across = sin(line->angle);
    u -= line->width / 2;
    v -= line->height / 2;
    *x = line->x + u * along - v * across;
    *y = line->y + u * across + v * along;
}

enum stoa_status stoa_bench_cut_line(const struct image *page, const struct text_line *line,
                                     const struct stoa_allocator *allocator, struct stoa_error *error,
                                     struct image *cut)
{
    size_t width = (size_t)(line->width + 0.5), height = (size_t)(line->height + 0.5);
    STOA_TRY(stoa_image_create(width, height, page->channels, allocator, error, cut));
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            double x, y;
            locate(line, ((double)column + 0.5) * line->width / (double)width,
                   ((double)row + 0.5) * line->height / (double)height, &x, &y);
            for (size_t c = 0; c < page->channels; c++)
                cut->pixels[(row * width + column) * page->channels + c] = (uint8_t)(sample(page, x, y, c) + 0.5);
        }
    return STOA_OK;
}

static void draw_point(const struct text_line *line, double u, double v, struct image *image)
{
    double x, y;
    locate(line, u, v, &x, &y);
    if (x < 0 || y < 0 || x >= (double)image->width || y >= (double)image->height)
        return;
    uint8_t *pixel = image->pixels + ((size_t)y * image->width + (size_t)x) * 3;
    pixel[0] = 0;
    pixel[1] = 90;
    pixel[2] = 255;
}

void stoa_bench_draw_line(const struct text_line *line, struct image *image)
{
    for (double u = 0; u <= line->width; u += 0.5) {
        draw_point(line, u, 0, image);
        draw_point(line, u, line->height, image);
    }
    for (double v = 0; v <= line->height; v += 0.5) {
        draw_point(line, 0, v, image);
        draw_point(line, line->width, v, image);
    }
}
