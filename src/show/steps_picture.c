/* A convolution worked out, as a picture. */
#include <math.h>
#include <stdio.h>

#include "base/size.h"
#include "base/status.h"
#include "show/steps.h"

enum {
    MARGIN = 14,
    HEAD = 48,
    LEFT = 372,
    IMAGE = 260,
    GAP = 22,
    LINE = 17,
    MOST_CHANNELS = 4,
    MOST_AFTER = 4,
    CAPTION = 16,
    STRIP = 20
};

struct sheet {
    const struct stoa_steps *steps;
    const struct picture *picture;
    double cell_width, cell_height, text;
    size_t channels[MOST_CHANNELS], count; /* those that are shown */
};

static double contribution(const struct stoa_steps *steps, size_t c)
{
    double sum = 0;
    for (size_t k = 0; k < steps->tap_count; k++)
        sum += steps->products[k * steps->channels + c];
    return sum;
}

/* The channels that contribute most, the greatest first. */
static void choose_channels(struct sheet *sheet)
{
    const struct stoa_steps *steps = sheet->steps;
    for (size_t c = 0; c < steps->channels; c++) {
        double size = fabs(contribution(steps, c));
        size_t at = sheet->count < MOST_CHANNELS ? sheet->count++ : MOST_CHANNELS;
        while (at > 0 && fabs(contribution(steps, sheet->channels[at - 1])) < size) {
            if (at < MOST_CHANNELS)
                sheet->channels[at] = sheet->channels[at - 1];
            at--;
        }
        if (at < MOST_CHANNELS)
            sheet->channels[at] = c;
    }
}

static void draw_image(const struct sheet *sheet, double left, double top)
{
    const struct stoa_steps *steps = sheet->steps;
    const struct stoa_conv2d_desc *shape = &steps->conv;
    size_t channel = steps->group * steps->channels + sheet->channels[0];
    char text[100];
    struct shown shown = {.data = steps->image + channel,
                          .channels = 1,
                          .height = shape->height,
                          .width = shape->width,
                          .strides = {1, shape->width * shape->in_channels, shape->in_channels},
                          .map = COLOUR_GREY};
    stoa_shown_range(&shown);
    double scale = IMAGE / (double)stoa_size_max(shape->height, shape->width);
    stoa_picture_shown(sheet->picture, left, top, scale * (double)shape->width, scale * (double)shape->height, &shown);
    const struct stoa_steps_tap *first = &steps->taps[0], *last = &steps->taps[steps->tap_count - 1];
    /* The field, also where it lies in the padding. */
    stoa_picture_frame(sheet->picture, left + scale * (double)first->x, top + scale * (double)first->y,
                       scale * (double)(last->x - first->x + 1), scale * (double)(last->y - first->y + 1), 4, 0xffffff);
    stoa_picture_frame(sheet->picture, left + scale * (double)first->x, top + scale * (double)first->y,
                       scale * (double)(last->x - first->x + 1), scale * (double)(last->y - first->y + 1), 2, 0xd55e00);
    snprintf(text, sizeof text, "input, channel %zu of %zu: %zu x %zu", channel, shape->in_channels, shape->height,
             shape->width);
    stoa_picture_text(sheet->picture, left, top + scale * (double)shape->height + 15, 11, TEXT_LEFT, 0x333333, text);
}

/* A number on a colour from blue (-most) to red (most). */
static void draw_cell(const struct sheet *sheet, double left, double top, double width, double height, double value,
                      double most)
{
    uint8_t rgb[3];
    char number[32];
    stoa_colour_at(COLOUR_DIVERGING, most > 0 ? 0.5 + 0.5 * value / most : 0.5, rgb);
    stoa_picture_fill(sheet->picture, left, top, width - 1, height - 1,
                      (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]);
    if (width < 26)
        return;
    int digits =
        most > 0 ? (int)fmin(9, fmax(0, (width >= 48 || (width >= 40 && most >= 1) ? 2 : 1) - floor(log10(most)))) : 0;
    double least = 0.5 * pow(10, -digits); /* below it: 0, not -0 */
    snprintf(number, sizeof number, "%.*f", digits, fabs(value) < least ? 0 : value);
    uint32_t ink = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] > 130 ? 0x000000 : 0xffffff;
    stoa_picture_text(sheet->picture, left + width / 2, top + height / 2 + sheet->text / 3, sheet->text, TEXT_MIDDLE,
                      ink, number);
}

enum part { ROW, FILTER, PRODUCTS, PARTS };

static double value_of(const struct stoa_steps *steps, enum part part, size_t i)
{
    return part == ROW ? (double)steps->row[i] : part == FILTER ? (double)steps->filter[i] : steps->products[i];
}

static double largest(const struct stoa_steps *steps, enum part part)
{
    double most = 0;
    for (size_t i = 0; i < steps->count; i++)
        most = fmax(most, fabs(value_of(steps, part, i)));
    return most;
}

static void draw_grid(const struct sheet *sheet, enum part part, size_t c, double left, double top)
{
    const struct stoa_steps *steps = sheet->steps;
    double most = largest(steps, part);
    for (size_t k = 0; k < steps->tap_count; k++) {
        double x = left + (double)steps->taps[k].s * sheet->cell_width;
        double y = top + (double)steps->taps[k].r * sheet->cell_height;
        draw_cell(sheet, x, y, sheet->cell_width, sheet->cell_height, value_of(steps, part, k * steps->channels + c),
                  most);
        if (part == ROW && !steps->taps[k].inside)
            stoa_picture_frame(sheet->picture, x + 0.5, y + 0.5, sheet->cell_width - 2, sheet->cell_height - 2, 1,
                               0x999999);
    }
}

/* What is seen x filter = products, channel by channel. */
static void draw_channels(const struct sheet *sheet, double left, double top)
{
    static const char *const names[PARTS] = {"what the filter sees", "filter", "products"};
    const struct stoa_steps *steps = sheet->steps;
    double width = (double)steps->conv.kernel[1] * sheet->cell_width;
    double height = (double)steps->conv.kernel[0] * sheet->cell_height;
    double step = fmax(width, 110) + GAP, shown = 0;
    char text[120];
    for (size_t part = 0; part < PARTS; part++)
        stoa_picture_text(sheet->picture, left + (double)part * step, top - 6, 11, TEXT_LEFT, 0x333333, names[part]);
    for (size_t i = 0; i < sheet->count; i++) {
        for (size_t part = 0; part < PARTS; part++) {
            double x = left + (double)part * step;
            draw_grid(sheet, (enum part)part, sheet->channels[i], x, top);
            if (part)
                stoa_picture_text(sheet->picture, x - GAP / 2 + (width < 110 ? width - 110 : 0) / 2,
                                  top + height / 2 + 5, 14, TEXT_MIDDLE, 0x333333, part == FILTER ? "×" : "=");
        }
        double sum = contribution(steps, sheet->channels[i]);
        shown += sum;
        snprintf(text, sizeof text, "channel %zu: sum %.6g", steps->group * steps->channels + sheet->channels[i], sum);
        stoa_picture_text(sheet->picture, left, top + height + 12, 10, TEXT_LEFT, 0x333333, text);
        top += height + CAPTION + 8;
    }
    if (steps->channels > sheet->count) {
        snprintf(text, sizeof text, "the other %zu channels: %.6g", steps->channels - sheet->count, steps->sum - shown);
        stoa_picture_text(sheet->picture, left, top + 8, 10, TEXT_LEFT, 0x333333, text);
    }
}

/* Row of the matrix and column of the weights as two strips, so far as they fit. */
static void draw_strips(const struct sheet *sheet, double top, double width)
{
    const struct stoa_steps *steps = sheet->steps;
    static const char *const names[] = {"the same as a row of the im2col matrix", "and its filter as a column",
                                        "their products"};
    double cell = fmax(1, fmin(26, (width - 2 * MARGIN) / (double)steps->count));
    char text[160];
    for (size_t part = 0; part < PARTS; part++) {
        double most = largest(steps, (enum part)part), y = top + (double)part * (STRIP + LINE);
        snprintf(text, sizeof text, "%s%s", names[part], part == ROW ? ": [kernel row][kernel column][channel]" : "");
        stoa_picture_text(sheet->picture, MARGIN, y - 4, 10, TEXT_LEFT, 0x333333, text);
        for (size_t i = 0; i < steps->count && (double)(i + 1) * cell <= width - 2 * MARGIN + 1; i++) {
            uint8_t rgb[3];
            stoa_colour_at(COLOUR_DIVERGING, most > 0 ? 0.5 + 0.5 * value_of(steps, (enum part)part, i) / most : 0.5,
                           rgb);
            stoa_picture_fill(sheet->picture, MARGIN + (double)i * cell, y, cell > 4 ? cell - 1 : cell, STRIP - 2,
                              (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]);
        }
        stoa_picture_frame(sheet->picture, MARGIN - 1, y - 1, fmin((double)steps->count * cell, width - 2 * MARGIN) + 1,
                           STRIP, 0.5, 0x999999);
    }
}

static void draw_sums(const struct sheet *sheet, double left, double top)
{
    const struct stoa_steps *steps = sheet->steps;
    char lines[5 + MOST_AFTER][160];
    size_t count = 0;
    snprintf(lines[count++], sizeof lines[0], "sum of %zu products  %.7g", steps->count, steps->sum);
    if (steps->has_bias)
        snprintf(lines[count++], sizeof lines[0], "+ bias %.7g  =  %.7g", (double)steps->bias,
                 steps->sum + (double)steps->bias);
    snprintf(lines[count++], sizeof lines[0], "the layer says  %.7g  (%s)", (double)steps->chosen.value,
             steps->chosen.how);
    snprintf(lines[count++], sizeof lines[0], "the whole matrix  %.7g  (%s)", (double)steps->matrix.value,
             steps->matrix.how);
    snprintf(lines[count++], sizeof lines[0], "views, no matrix  %.7g  (%s)", (double)steps->view.value,
             steps->view.how);
    for (size_t i = 0; i < steps->after_count && i < MOST_AFTER; i++)
        snprintf(lines[count++], sizeof lines[0], "then %.40s  %.7g", steps->after[i].type,
                 (double)steps->after[i].value);
    for (size_t i = 0; i < count; i++)
        stoa_picture_text(sheet->picture, left, top + (double)i * LINE, 12, TEXT_LEFT, 0x111111, lines[i]);
}

enum stoa_status stoa_steps_draw(const struct stoa_steps *steps, struct stoa_error *error, struct picture *picture)
{
    const struct stoa_conv2d_desc *shape = &steps->conv;
    struct sheet sheet = {.steps = steps, .picture = picture};
    size_t widest = shape->kernel[1];
    sheet.cell_width = widest <= 5 ? 48 : widest <= 7 ? 40 : widest <= 11 ? 30 : 12;
    sheet.cell_height = widest <= 7 ? 22 : widest <= 11 ? 18 : 12;
    sheet.text = widest <= 7 ? 10 : 8;
    choose_channels(&sheet);
    double grid = (double)widest * sheet.cell_width, left = MARGIN + LEFT;
    double width = fmax(left + PARTS * (fmax(grid, 110) + GAP) + MARGIN, 720);
    double rows = (double)sheet.count * ((double)shape->kernel[0] * sheet.cell_height + CAPTION + 8) + 20;
    double sums = IMAGE * (double)shape->height / (double)stoa_size_max(shape->height, shape->width) + 48;
    double body = fmax(rows, sums + (5 + (double)steps->after_count) * LINE) + 8;
    char title[300];
    STOA_TRY(stoa_picture_begin(width, HEAD + MARGIN + body + PARTS * (STRIP + LINE) + MARGIN, error, picture));
    snprintf(title, sizeof title, "%.80s: output row %zu, column %zu, channel %zu", steps->layer, steps->oy, steps->ox,
             steps->oc);
    stoa_picture_text(picture, MARGIN, MARGIN + 12, 14, TEXT_LEFT, 0x111111, title);
    snprintf(title, sizeof title,
             "kernel %zux%zu, stride %zu,%zu, dilation %zu,%zu, pad %zu %zu %zu %zu, channels%s: %zu", shape->kernel[0],
             shape->kernel[1], shape->stride[0], shape->stride[1], shape->dilation[0], shape->dilation[1],
             shape->pad[0], shape->pad[1], shape->pad[2], shape->pad[3], shape->groups > 1 ? " of its group" : "",
             steps->channels);
    stoa_picture_text(picture, MARGIN, MARGIN + 28, 11, TEXT_LEFT, 0x555555, title);
    draw_image(&sheet, MARGIN, HEAD + MARGIN);
    draw_channels(&sheet, left, HEAD + MARGIN + 4);
    draw_sums(&sheet, MARGIN, HEAD + MARGIN + sums);
    draw_strips(&sheet, HEAD + MARGIN + body + LINE, width);
    return STOA_OK;
}
