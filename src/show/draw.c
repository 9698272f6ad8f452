/* Pictures on cairo's recording surfaces. Pixels are enlarged here, since not all that show SVG keep them sharp. */
#include "show/draw.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/utf8.h"

enum stoa_status stoa_picture_begin(double width, double height, struct stoa_error *error, struct picture *picture)
{
    *picture = (struct picture){0};
    /* What cairo makes pixels of is at most so long a side. */
    if (!(width >= 1 && height >= 1 && width <= 32000 && height <= 32000))
        return stoa_fail(error, STOA_ERROR_LIMIT, "a picture of %.0f x %.0f points: a side is 1 to 32000", width,
                         height);
    picture->width = width;
    picture->height = height;
    picture->surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA,
                                                      &(cairo_rectangle_t){.width = width, .height = height});
    picture->cairo = cairo_create(picture->surface);
    if (cairo_status(picture->cairo) != CAIRO_STATUS_SUCCESS) {
        stoa_picture_free(picture);
        return stoa_fail(error, STOA_ERROR_MEMORY, "cairo has no memory for a picture");
    }
    cairo_select_font_face(picture->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    stoa_picture_fill(picture, 0, 0, width, height, 0xffffff);
    picture->owners = cairo_surface_get_reference_count(picture->surface);
    return STOA_OK;
}

void stoa_picture_free(struct picture *picture)
{
    if (picture->cairo)
        cairo_destroy(picture->cairo);
    if (picture->surface)
        cairo_surface_destroy(picture->surface);
    *picture = (struct picture){0};
}

static void set_colour(cairo_t *cairo, uint32_t colour)
{
    cairo_set_source_rgb(cairo, (colour >> 16 & 255) / 255.0, (colour >> 8 & 255) / 255.0, (colour & 255) / 255.0);
}

/* Names come from files; cairo takes no other text than UTF-8, and none from then on. */
#define LONGEST 1000

static double clean_width(const struct picture *picture, double size, const char *clean)
{
    cairo_text_extents_t extents;
    cairo_set_font_size(picture->cairo, size);
    cairo_text_extents(picture->cairo, clean, &extents);
    return extents.x_advance;
}

double stoa_picture_text_width(const struct picture *picture, double size, const char *text)
{
    char clean[LONGEST];
    stoa_utf8_copy(text, sizeof clean, clean);
    return clean_width(picture, size, clean);
}

void stoa_picture_text(const struct picture *picture, double x, double y, double size, enum text_align align,
                       uint32_t colour, const char *text)
{
    char clean[LONGEST];
    stoa_utf8_copy(text, sizeof clean, clean);
    double width = clean_width(picture, size, clean);
    cairo_move_to(picture->cairo, x - (align == TEXT_RIGHT ? width : align == TEXT_MIDDLE ? width / 2 : 0), y);
    set_colour(picture->cairo, colour);
    cairo_show_text(picture->cairo, clean);
}

void stoa_picture_fill(const struct picture *picture, double x, double y, double width, double height, uint32_t colour)
{
    cairo_rectangle(picture->cairo, x, y, width, height);
    set_colour(picture->cairo, colour);
    cairo_fill(picture->cairo);
}

void stoa_picture_frame(const struct picture *picture, double x, double y, double width, double height, double line,
                        uint32_t colour)
{
    cairo_rectangle(picture->cairo, x, y, width, height);
    cairo_set_line_width(picture->cairo, line);
    set_colour(picture->cairo, colour);
    cairo_stroke(picture->cairo);
}

void stoa_picture_line(const struct picture *picture, double x0, double y0, double x1, double y1, double line,
                       uint32_t colour)
{
    cairo_move_to(picture->cairo, x0, y0);
    cairo_line_to(picture->cairo, x1, y1);
    cairo_set_line_width(picture->cairo, line);
    set_colour(picture->cairo, colour);
    cairo_stroke(picture->cairo);
}

static double element(const struct shown *shown, size_t c, size_t y, size_t x)
{
    return shown->data[c * shown->strides[0] + y * shown->strides[1] + x * shown->strides[2]];
}

static void pixel(const struct shown *shown, size_t y, size_t x, uint8_t *rgb)
{
    double range = shown->high - shown->low;
    for (size_t c = 0; c < shown->channels; c++) {
        double value = element(shown, c, y, x);
        double place = range > 0 ? (value - shown->low) / range : value - value + 0.5;
        uint8_t one[3];
        stoa_colour_at(shown->channels == 3 ? COLOUR_GREY : shown->map, place, one);
        if (shown->channels == 3)
            rgb[c] = one[c];
        else
            memcpy(rgb, one, 3);
    }
}

void stoa_shown_range(struct shown *shown)
{
    shown->low = INFINITY;
    shown->high = -INFINITY;
    for (size_t c = 0; c < shown->channels; c++)
        for (size_t y = 0; y < shown->height; y++)
            for (size_t x = 0; x < shown->width; x++) {
                double value = element(shown, c, y, x);
                shown->low = isfinite(value) ? fmin(shown->low, value) : shown->low;
                shown->high = isfinite(value) ? fmax(shown->high, value) : shown->high;
            }
    if (shown->low > shown->high)
        shown->low = shown->high = 0;
}

void stoa_shown_symmetric(struct shown *shown)
{
    stoa_shown_range(shown);
    shown->high = fmax(-shown->low, shown->high);
    shown->low = -shown->high;
}

void stoa_picture_shown(const struct picture *picture, double x, double y, double width, double height,
                        const struct shown *shown)
{
    size_t up = (size_t)fmax(1, ceil(fmax(width / (double)shown->width, height / (double)shown->height)));
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(shown->width * up), (int)(shown->height * up));
    unsigned char *pixels = cairo_image_surface_get_data(image);
    size_t stride = (size_t)cairo_image_surface_get_stride(image);
    for (size_t row = 0; pixels && row < shown->height * up; row++)
        for (size_t column = 0; column < shown->width * up; column++) {
            uint8_t rgb[3];
            pixel(shown, row / up, column / up, rgb);
            uint32_t word = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            memcpy(pixels + row * stride + column * 4, &word, 4);
        }
    cairo_surface_mark_dirty(image);
    cairo_save(picture->cairo);
    cairo_translate(picture->cairo, x, y);
    cairo_scale(picture->cairo, width / (double)(shown->width * up), height / (double)(shown->height * up));
    /* A surface that could not be made puts the error into the picture. */
    cairo_set_source_surface(picture->cairo, image, 0, 0);
    cairo_pattern_set_extend(cairo_get_source(picture->cairo), CAIRO_EXTEND_PAD);
    cairo_rectangle(picture->cairo, 0, 0, (double)(shown->width * up), (double)(shown->height * up));
    cairo_clip(picture->cairo);
    cairo_paint_with_alpha(picture->cairo, shown->alpha > 0 ? shown->alpha : 1);
    cairo_restore(picture->cairo);
    cairo_surface_destroy(image);
}

void stoa_picture_scale(const struct picture *picture, double x, double y, double width, enum colour_map map,
                        const char *low, const char *middle, const char *high)
{
    float ramp[256];
    for (size_t i = 0; i < 256; i++)
        ramp[i] = (float)i;
    const struct shown shown = {
        .data = ramp, .channels = 1, .height = 1, .width = 256, .strides = {0, 0, 1}, .high = 255, .map = map};
    stoa_picture_shown(picture, x, y, width, 10, &shown);
    stoa_picture_text(picture, x, y + 22, 10, TEXT_LEFT, 0x333333, low);
    if (middle)
        stoa_picture_text(picture, x + width / 2, y + 22, 10, TEXT_MIDDLE, 0x333333, middle);
    stoa_picture_text(picture, x + width, y + 22, 10, TEXT_RIGHT, 0x333333, high);
}

/* Each tile is as large as the others; where it can, with whole multiples of its pixels. */
static double tile_scale(const struct tiles *tiles, const struct shown *shown)
{
    double wanted = tiles->tile_size;
    if (wanted <= 0)
        wanted = tiles->count > 64 ? 48 : tiles->count > 16 ? 72 : tiles->count > 4 ? 112 : 224;
    double scale = wanted / (double)(shown->height > shown->width ? shown->height : shown->width);
    return scale >= 1 ? floor(scale) : scale;
}

/* The width of the lines above tiles. */
static enum stoa_status measure_lines(const struct tiles *tiles, struct stoa_error *error, double *width)
{
    struct picture scratch;
    STOA_TRY(stoa_picture_begin(1, 1, error, &scratch));
    *width = fmax(tiles->title ? stoa_picture_text_width(&scratch, 14, tiles->title) : 0,
                  tiles->note ? stoa_picture_text_width(&scratch, 11, tiles->note) : 0);
    stoa_picture_free(&scratch);
    return STOA_OK;
}

enum stoa_status stoa_picture_tiles(const struct tiles *tiles, struct stoa_error *error, struct picture *picture)
{
    enum { MARGIN = 12, GAP = 6, CAPTION = 13, LINE = 18, SCALE = 26 };
    double tile_width = 1, tile_height = 1, lines;
    bool captions = false;
    for (size_t i = 0; i < tiles->count; i++) {
        double scale = tile_scale(tiles, &tiles->tiles[i].shown);
        tile_width = fmax(tile_width, scale * (double)tiles->tiles[i].shown.width);
        tile_height = fmax(tile_height, scale * (double)tiles->tiles[i].shown.height);
        captions |= tiles->tiles[i].caption[0] != '\0';
    }
    tile_width = fmax(tile_width, captions ? 64 : 1);
    STOA_TRY(measure_lines(tiles, error, &lines));
    double step_x = tile_width + GAP, step_y = tile_height + GAP + (captions ? CAPTION : 0);
    size_t columns = tiles->columns;
    if (!columns)
        columns = (size_t)ceil(sqrt(1.4 * (double)tiles->count * step_y / step_x));
    columns = columns > tiles->count ? tiles->count : columns;
    columns = columns ? columns : 1;
    size_t rows = (tiles->count + columns - 1) / columns;
    double head = (tiles->title ? LINE + 2 : 0) + (tiles->note ? LINE - 2 : 0);
    double whole = fmax(fmax((double)columns * step_x - GAP, 320), ceil(lines));
    STOA_TRY(stoa_picture_begin(2 * MARGIN + whole,
                                2 * MARGIN + head + (double)rows * step_y + (tiles->low ? GAP + SCALE : 0), error,
                                picture));
    if (tiles->title)
        stoa_picture_text(picture, MARGIN, MARGIN + 13, 14, TEXT_LEFT, 0x111111, tiles->title);
    if (tiles->note)
        stoa_picture_text(picture, MARGIN, MARGIN + head - 7, 11, TEXT_LEFT, 0x555555, tiles->note);
    for (size_t i = 0; i < tiles->count; i++) {
        const struct tile *tile = &tiles->tiles[i];
        double x = MARGIN + (double)(i % columns) * step_x, y = MARGIN + head + (double)(i / columns) * step_y;
        double scale = tile_scale(tiles, &tile->shown);
        stoa_picture_shown(picture, x, y, scale * (double)tile->shown.width, scale * (double)tile->shown.height,
                           &tile->shown);
        if (tile->over)
            stoa_picture_shown(picture, x, y, scale * (double)tile->shown.width, scale * (double)tile->shown.height,
                               tile->over);
        if (tile->caption[0])
            stoa_picture_text(picture, x, y + tile_height + 10, 9, TEXT_LEFT, 0x333333, tile->caption);
    }
    if (tiles->low && tiles->count)
        stoa_picture_scale(picture, MARGIN, picture->height - MARGIN - SCALE + 2, fmin(whole, 320),
                           tiles->tiles[0].shown.channels == 3 ? COLOUR_GREY : tiles->tiles[0].shown.map, tiles->low,
                           tiles->mid, tiles->high);
    return STOA_OK;
}
