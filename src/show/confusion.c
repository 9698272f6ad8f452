/* Confusion matrices. */
#include "show/confusion.h"

#include <math.h>
#include <stdio.h>

#include "base/status.h"

enum { MARGIN = 14, TITLE = 26, SCALE = 48, MOST_NUMBERS = 24, MOST_NAMES = 120, LEAST_WIDTH = 360 };

struct sheet {
    const struct confusion *confusion;
    const struct picture *picture;
    double left, top, cell, text; /* of the cells; text: size of names, 0 for none */
};

static size_t count_at(const struct confusion *confusion, size_t row, size_t column)
{
    return (size_t)confusion->counts[row * confusion->scores + column];
}

static size_t row_sum(const struct confusion *confusion, size_t row)
{
    size_t sum = 0;
    for (size_t c = 0; c < confusion->scores; c++)
        sum += count_at(confusion, row, c);
    return sum;
}

static void draw_cell(const struct sheet *sheet, size_t row, size_t column, double share)
{
    uint8_t rgb[3];
    char number[32];
    double x = sheet->left + (double)column * sheet->cell, y = sheet->top + (double)row * sheet->cell;
    size_t count = count_at(sheet->confusion, row, column);
    stoa_colour_at(COLOUR_VIRIDIS, share, rgb);
    double gap = sheet->cell > 8 ? 1 : 0;
    stoa_picture_fill(sheet->picture, x, y, sheet->cell - gap, sheet->cell - gap,
                      (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]);
    if (sheet->confusion->scores > MOST_NUMBERS)
        return;
    snprintf(number, sizeof number, "%zu", count);
    uint32_t ink = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] > 130 ? 0x000000 : count ? 0xffffff : 0x8f8fb0;
    stoa_picture_text(sheet->picture, x + sheet->cell / 2, y + sheet->cell / 2 + 4, count < 100000 ? 11 : 8,
                      TEXT_MIDDLE, ink, number);
}

/* Scores beyond the classes have no names. */
static const char *name_of(const struct confusion *confusion, size_t k)
{
    return k < confusion->classes ? confusion->names[k] : "(no class)";
}

static void draw_names(const struct sheet *sheet)
{
    cairo_t *cairo = sheet->picture->cairo;
    char text[24];
    for (size_t k = 0; sheet->text > 0 && k < sheet->confusion->scores; k++) {
        double at = ((double)k + 0.5) * sheet->cell;
        snprintf(text, sizeof text, "%.20s", name_of(sheet->confusion, k));
        if (k < sheet->confusion->classes)
            stoa_picture_text(sheet->picture, sheet->left - 6, sheet->top + at + sheet->text / 3, sheet->text,
                              TEXT_RIGHT, 0x222222, text);
        cairo_save(cairo);
        cairo_translate(cairo, sheet->left + at + sheet->text / 3, sheet->top - 6);
        cairo_rotate(cairo, -M_PI / 2);
        stoa_picture_text(sheet->picture, 0, 0, sheet->text, TEXT_LEFT, 0x222222, text);
        cairo_restore(cairo);
    }
}

static enum stoa_status widest_name(const struct confusion *confusion, double size, struct stoa_error *error,
                                    double *width)
{
    struct picture ruler;
    *width = 0;
    STOA_TRY(stoa_picture_begin(1, 1, error, &ruler));
    for (size_t k = 0; k < confusion->scores; k++) {
        char text[24];
        snprintf(text, sizeof text, "%.20s", name_of(confusion, k));
        *width = fmax(*width, stoa_picture_text_width(&ruler, size, text));
    }
    stoa_picture_free(&ruler);
    return STOA_OK;
}

enum stoa_status stoa_confusion_draw(const struct confusion *confusion, struct stoa_error *error,
                                     struct picture *picture)
{
    size_t columns = confusion->scores, rows = confusion->classes;
    double names = 0;
    struct sheet sheet = {.confusion = confusion, .picture = picture};
    sheet.cell = columns <= MOST_NUMBERS ? 42 : fmax(2, fmin(20, floor(1000 / (double)columns)));
    sheet.text = columns <= MOST_NUMBERS ? 11 : columns <= MOST_NAMES ? sheet.cell - 1 : 0;
    *picture = (struct picture){0};
    if (sheet.text > 0)
        STOA_TRY(widest_name(confusion, sheet.text, error, &names));
    sheet.left = MARGIN + 18 + names + 8;
    sheet.top = MARGIN + TITLE + 16 + names + 8;
    double width = fmax(sheet.left + sheet.cell * (double)columns + MARGIN, LEAST_WIDTH);
    STOA_TRY(stoa_picture_begin(width, sheet.top + sheet.cell * (double)rows + SCALE, error, picture));
    stoa_picture_text(picture, MARGIN, MARGIN + 12, 14, TEXT_LEFT, 0x111111, confusion->title);
    stoa_picture_text(picture, sheet.left, MARGIN + TITLE + 8, 11, TEXT_LEFT, 0x555555, "taken for");
    stoa_picture_text(picture, MARGIN, sheet.top - 6, 11, TEXT_LEFT, 0x555555, "class");
    for (size_t r = 0; r < rows; r++) {
        size_t sum = row_sum(confusion, r);
        for (size_t c = 0; c < columns; c++)
            draw_cell(&sheet, r, c, sum ? (double)count_at(confusion, r, c) / (double)sum : 0);
    }
    draw_names(&sheet);
    stoa_picture_scale(picture, sheet.left, picture->height - 34, fmin(240, width - sheet.left - MARGIN),
                       COLOUR_VIRIDIS, "0 % of the class", NULL, "100 %");
    return STOA_OK;
}
