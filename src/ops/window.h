/* The window that slides over an image's height and width: its attributes, and where it goes on a given image. */
#ifndef STOA_OPS_WINDOW_H
#define STOA_OPS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"

enum window_padding { WINDOW_NOTSET, WINDOW_SAME_UPPER, WINDOW_SAME_LOWER, WINDOW_VALID };

/* Pairs hold the vertical value first. */
struct window {
    size_t axes;      /* how many spatial axes the attributes speak of; 0 when none says */
    size_t kernel[2]; /* 0 when kernel_shape is absent */
    size_t stride[2], dilation[2];
    size_t pad[4]; /* top, left, bottom, right */
    enum window_padding padding;
    bool ceil; /* a last window that begins on the image or its first padding counts even if it reaches beyond */
};

/* Reads kernel_shape, strides, pads and auto_pad, and dilations if `dilated`; checks all that needs no image. */
void stoa_window_parse(struct attribute_reader *reader, bool dilated, struct window *window);

/* The attributes speak of 2 axes or of none. */
STOA_CHECKED enum stoa_status stoa_window_check_axes(const struct window *window, struct stoa_error *error);
/* Where the window goes on an image of that height and width: *placed is the window with auto_pad turned into pads,
 * out[2] the output's height and width. The kernel must be known. */
STOA_CHECKED enum stoa_status stoa_window_place(const struct window *window, const size_t size[2],
                                                struct stoa_error *error, struct window *placed, size_t out[2]);

#endif
