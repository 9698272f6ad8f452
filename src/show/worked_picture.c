/* A worked example as a picture. */
#include <math.h>
#include <stdio.h>

#include "base/size.h"
#include "base/status.h"
#include "show/worked.h"

enum {
    MARGIN = 14,
    HEAD = 48,
    LEFT = 372,
    IMAGE = 260,
    GAP = 22,
    LINE = 17,
    MOST_CHANNELS = 4,
    CAPTION = 16,
    STRIP = 20
};

struct sheet {
    const struct worked_example *worked;
    const struct picture *picture;
    double cell_width, cell_height, text;
    size_t channels[MOST_CHANNELS], count; /* those that are shown */
};

static double contribution(const struct worked_example *worked, size_t c)
{
    double sum = 0;
    for (size_t k = 0; k < worked->taps; k++)
        sum += worked->products[k * worked->channels + c];
    return sum;
}

/* The channels that contribute most, the greatest first. */
static void choose_channels(struct sheet *sheet)
{
    const struct worked_example *worked = sheet->worked;
    for (size_t c = 0; c < worked->channels; c++) {
        double size = fabs(contribution(worked, c));
        size_t at = sheet->count < MOST_CHANNELS ? sheet->count++ : MOST_CHANNELS;
        while (at > 0 && fabs(contribution(worked, sheet->channels[at - 1])) < size) {
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
    const struct worked_example *worked = sheet->worked;
    const struct conv_shape *shape = &worked->shape;
    size_t channel = worked->group * worked->channels + sheet->channels[0];
    char text[100];
    struct shown shown = {.data = worked->image + channel,
                          .channels = 1,
                          .height = shape->H,
                          .width = shape->W,
                          .strides = {1, shape->W * shape->C, shape->C},
                          .map = COLOUR_GREY};
    stoa_shown_range(&shown);
    double scale = IMAGE / (double)stoa_size_max(shape->H, shape->W);
    stoa_picture_shown(sheet->picture, left, top, scale * (double)shape->W, scale * (double)shape->H, &shown);
    const struct worked_tap *first = &worked->tap[0], *last = &worked->tap[worked->taps - 1];
    /* The field, also where it lies in the padding. */
    stoa_picture_frame(sheet->picture, left + scale * (double)first->x, top + scale * (double)first->y,
                       scale * (double)(last->x - first->x + 1), scale * (double)(last->y - first->y + 1), 4, 0xffffff);
    stoa_picture_frame(sheet->picture, left + scale * (double)first->x, top + scale * (double)first->y,
                       scale * (double)(last->x - first->x + 1), scale * (double)(last->y - first->y + 1), 2, 0xd55e00);
    snprintf(text, sizeof text, "input, channel %zu of %zu: %zu x %zu", channel, shape->C, shape->H, shape->W);
    stoa_picture_text(sheet->picture, left, top + scale * (double)shape->H + 15, 11, TEXT_LEFT, 0x333333, text);
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

static double value_of(const struct worked_example *worked, enum part part, size_t i)
{
    return part == ROW ? (double)worked->row[i] : part == FILTER ? (double)worked->filter[i] : worked->products[i];
}

static double largest(const struct worked_example *worked, enum part part)
{
    double most = 0;
    for (size_t i = 0; i < worked->count; i++)
        most = fmax(most, fabs(value_of(worked, part, i)));
    return most;
}

static void draw_grid(const struct sheet *sheet, enum part part, size_t c, double left, double top)
{
    const struct worked_example *worked = sheet->worked;
    double most = largest(worked, part);
    for (size_t k = 0; k < worked->taps; k++) {
        double x = left + (double)worked->tap[k].s * sheet->cell_width;
        double y = top + (double)worked->tap[k].r * sheet->cell_height;
        draw_cell(sheet, x, y, sheet->cell_width, sheet->cell_height, value_of(worked, part, k * worked->channels + c),
                  most);
        if (part == ROW && !worked->tap[k].inside)
            stoa_picture_frame(sheet->picture, x + 0.5, y + 0.5, sheet->cell_width - 2, sheet->cell_height - 2, 1,
                               0x999999);
    }
}

/* What is seen x filter = products, channel by channel. */
static void draw_channels(const struct sheet *sheet, double left, double top)
{
    static const char *const names[PARTS] = {"what the filter sees", "filter", "products"};
    const struct worked_example *worked = sheet->worked;
    double width = (double)worked->shape.kernel[1] * sheet->cell_width;
    double height = (double)worked->shape.kernel[0] * sheet->cell_height;
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
        double sum = contribution(worked, sheet->channels[i]);
        shown += sum;
        snprintf(text, sizeof text, "channel %zu: sum %.6g", worked->group * worked->channels + sheet->channels[i],
                 sum);
        stoa_picture_text(sheet->picture, left, top + height + 12, 10, TEXT_LEFT, 0x333333, text);
        top += height + CAPTION + 8;
    }
    if (worked->channels > sheet->count) {
        snprintf(text, sizeof text, "the other %zu channels: %.6g", worked->channels - sheet->count,
                 worked->sum - shown);
        stoa_picture_text(sheet->picture, left, top + 8, 10, TEXT_LEFT, 0x333333, text);
    }
}

/* Row of the matrix and column of the weights as two strips, so far as they fit. */
static void draw_strips(const struct sheet *sheet, double top, double width)
{
    const struct worked_example *worked = sheet->worked;
    static const char *const names[] = {"the same as a row of the im2col matrix", "and its filter as a column",
                                        "their products"};
    double cell = fmax(1, fmin(26, (width - 2 * MARGIN) / (double)worked->count));
    char text[160];
    for (size_t part = 0; part < PARTS; part++) {
        double most = largest(worked, (enum part)part), y = top + (double)part * (STRIP + LINE);
        snprintf(text, sizeof text, "%s%s", names[part], part == ROW ? ": [kernel row][kernel column][channel]" : "");
        stoa_picture_text(sheet->picture, MARGIN, y - 4, 10, TEXT_LEFT, 0x333333, text);
        for (size_t i = 0; i < worked->count && (double)(i + 1) * cell <= width - 2 * MARGIN + 1; i++) {
            uint8_t rgb[3];
            stoa_colour_at(COLOUR_DIVERGING, most > 0 ? 0.5 + 0.5 * value_of(worked, (enum part)part, i) / most : 0.5,
                           rgb);
            stoa_picture_fill(sheet->picture, MARGIN + (double)i * cell, y, cell > 4 ? cell - 1 : cell, STRIP - 2,
                              (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]);
        }
        stoa_picture_frame(sheet->picture, MARGIN - 1, y - 1,
                           fmin((double)worked->count * cell, width - 2 * MARGIN) + 1, STRIP, 0.5, 0x999999);
    }
}

static void draw_sums(const struct sheet *sheet, double left, double top)
{
    const struct worked_example *worked = sheet->worked;
    char lines[5 + WORKED_MOST_AFTER][160];
    size_t count = 0;
    snprintf(lines[count++], sizeof lines[0], "sum of %zu products  %.7g", worked->count, worked->sum);
    if (worked->has_bias)
        snprintf(lines[count++], sizeof lines[0], "+ bias %.7g  =  %.7g", (double)worked->bias,
                 worked->sum + (double)worked->bias);
    snprintf(lines[count++], sizeof lines[0], "the layer says  %.7g  (%s)", (double)worked->chosen.value,
             worked->chosen.how);
    snprintf(lines[count++], sizeof lines[0], "the whole matrix  %.7g  (%s)", (double)worked->matrix.value,
             worked->matrix.how);
    snprintf(lines[count++], sizeof lines[0], "views, no matrix  %.7g  (%s)", (double)worked->view.value,
             worked->view.how);
    for (size_t i = 0; i < worked->after_count; i++)
        snprintf(lines[count++], sizeof lines[0], "then %.40s  %.7g", worked->after[i].type,
                 (double)worked->after[i].value);
    for (size_t i = 0; i < count; i++)
        stoa_picture_text(sheet->picture, left, top + (double)i * LINE, 12, TEXT_LEFT, 0x111111, lines[i]);
}

enum stoa_status stoa_worked_draw(const struct worked_example *worked, struct stoa_error *error,
                                  struct picture *picture)
{
    const struct conv_shape *shape = &worked->shape;
    struct sheet sheet = {.worked = worked, .picture = picture};
    size_t widest = shape->kernel[1];
    sheet.cell_width = widest <= 5 ? 48 : widest <= 7 ? 40 : widest <= 11 ? 30 : 12;
    sheet.cell_height = widest <= 7 ? 22 : widest <= 11 ? 18 : 12;
    sheet.text = widest <= 7 ? 10 : 8;
    choose_channels(&sheet);
    double grid = (double)widest * sheet.cell_width, left = MARGIN + LEFT;
    double width = fmax(left + PARTS * (fmax(grid, 110) + GAP) + MARGIN, 720);
    double rows = (double)sheet.count * ((double)shape->kernel[0] * sheet.cell_height + CAPTION + 8) + 20;
    double sums = IMAGE * (double)shape->H / (double)stoa_size_max(shape->H, shape->W) + 48;
    double body = fmax(rows, sums + (5 + (double)worked->after_count) * LINE) + 8;
    char title[300];
    STOA_TRY(stoa_picture_begin(width, HEAD + MARGIN + body + PARTS * (STRIP + LINE) + MARGIN, error, picture));
    snprintf(title, sizeof title, "%.80s: output row %zu, column %zu, channel %zu", worked->layer, worked->oy,
             worked->ox, worked->oc);
    stoa_picture_text(picture, MARGIN, MARGIN + 12, 14, TEXT_LEFT, 0x111111, title);
    snprintf(title, sizeof title,
             "kernel %zux%zu, stride %zu,%zu, dilation %zu,%zu, pad %zu %zu %zu %zu, channels%s: %zu", shape->kernel[0],
             shape->kernel[1], shape->stride[0], shape->stride[1], shape->dilation[0], shape->dilation[1],
             shape->pad[0], shape->pad[1], shape->pad[2], shape->pad[3], shape->groups > 1 ? " of its group" : "",
             worked->channels);
    stoa_picture_text(picture, MARGIN, MARGIN + 28, 11, TEXT_LEFT, 0x555555, title);
    draw_image(&sheet, MARGIN, HEAD + MARGIN);
    draw_channels(&sheet, left, HEAD + MARGIN + 4);
    draw_sums(&sheet, MARGIN, HEAD + MARGIN + sums);
    draw_strips(&sheet, HEAD + MARGIN + body + LINE, width);
    return STOA_OK;
}
