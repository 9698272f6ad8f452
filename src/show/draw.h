/* Drawing: pictures that cairo records once and plays back as pixels or as vectors. Lengths are in points, which are
 * the pixels of a PNG. Drawing calls cannot fail one by one: what went wrong is told when the picture is written. */
#ifndef STOA_SHOW_DRAW_H
#define STOA_SHOW_DRAW_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "show/colour.h"

/* Who draws something that is not here calls cairo itself. */
struct picture {
    cairo_surface_t *surface;
    cairo_t *cairo;
    double width, height;
    unsigned owners; /* references to the surface, until something is made of it */
};

/* A white picture. On failure it is all zero. */
STOA_CHECKED enum stoa_status stoa_picture_begin(double width, double height, struct stoa_error *error,
                                                 struct picture *picture);
/* A picture that is all zero is fine. */
void stoa_picture_free(struct picture *picture);

enum text_align { TEXT_LEFT, TEXT_MIDDLE, TEXT_RIGHT };
/* One line of text in `size` points whose baseline is at y; colour is 0xRRGGBB. */
void stoa_picture_text(const struct picture *picture, double x, double y, double size, enum text_align align,
                       uint32_t colour, const char *text);
double stoa_picture_text_width(const struct picture *picture, double size, const char *text);
void stoa_picture_fill(const struct picture *picture, double x, double y, double width, double height, uint32_t colour);
/* The rectangle's border, `line` points wide. */
void stoa_picture_frame(const struct picture *picture, double x, double y, double width, double height, double line,
                        uint32_t colour);
void stoa_picture_line(const struct picture *picture, double x0, double y0, double x1, double y1, double line,
                       uint32_t colour);

/* Numbers that become pixels. */
struct shown {
    const float *data;
    size_t channels, height, width; /* channels: 1, coloured by the map; or 3: red, green, blue */
    size_t strides[3];              /* of channel, row and column, in elements */
    double low, high; /* the values at the ends of the map (of black and full colour); equal: the middle */
    enum colour_map map;
    double alpha; /* 0: 1, opaque */
};
/* low and high <- the least and greatest finite element; both 0 if there is none. */
void stoa_shown_range(struct shown *shown);
/* The same, made symmetric about 0, for the diverging map. */
void stoa_shown_symmetric(struct shown *shown);
/* Each element is a rectangle of width/shown->width by height/shown->height points. */
void stoa_picture_shown(const struct picture *picture, double x, double y, double width, double height,
                        const struct shown *shown);

/* A bar that says which colour is which value, its numbers below it: 26 points high. */
void stoa_picture_scale(const struct picture *picture, double x, double y, double width, enum colour_map map,
                        const char *low, const char *middle, const char *high);

struct tile {
    struct shown shown;
    const struct shown *over; /* drawn upon it, as large; or null */
    char caption[48];         /* below it; may be empty */
};
struct tiles {
    const char *title, *note; /* lines above; either may be null */
    const struct tile *tiles;
    size_t count;
    size_t columns;               /* 0: about as wide as high, or a little wider */
    double tile_size;             /* the longer side of a tile in points; 0: by what it holds */
    const char *low, *mid, *high; /* below the scale bar, in the first tile's map; low null: no bar */
};
/* A picture of tiles in rows, with gaps between them. */
STOA_CHECKED enum stoa_status stoa_picture_tiles(const struct tiles *tiles, struct stoa_error *error,
                                                 struct picture *picture);

#endif
