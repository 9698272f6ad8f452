/* The window that slides over an image's spatial axes, one to three: its attributes, and where it goes on a given
 * image. */
#ifndef STOA_OPS_WINDOW_H
#define STOA_OPS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"

#define WINDOW_AXES 3

enum window_padding { WINDOW_NOTSET, WINDOW_SAME_UPPER, WINDOW_SAME_LOWER, WINDOW_VALID };

/* Depth, height, width. A signal has width alone, a picture height and width: along the axes that are missing in front
 * the image and the kernel are 1. */
struct window {
    size_t axes;                /* how many spatial axes the attributes speak of; 0 when none says */
    size_t kernel[WINDOW_AXES]; /* 0 when kernel_shape is absent */
    size_t stride[WINDOW_AXES], dilation[WINDOW_AXES];
    size_t pad[2 * WINDOW_AXES]; /* in front, at the top, at the left; at the back, at the bottom, at the right */
    enum window_padding padding;
    bool ceil; /* a last window that begins on the image or its first padding counts even if it reaches beyond */
};

/* Reads kernel_shape, strides, pads and auto_pad, and dilations if `dilated`; checks all that needs no image. */
void stoa_window_parse(struct attribute_reader *reader, bool dilated, struct window *window);

/* Input X has 1 to 3 spatial axes, and the attributes speak of as many or of none. */
STOA_CHECKED enum stoa_status stoa_window_check_axes(const struct window *window, const struct stoa_tensor *x,
                                                     struct stoa_error *error);
/* Adds zeros around height and width: top, left, bottom, right. */
void stoa_window_add_pad(struct window *window, const size_t pad[4]);
/* The dims of x's spatial axes, 1 where it has none. */
void stoa_window_size(const struct stoa_tensor *x, size_t size[WINDOW_AXES]);
/* Where the window goes on an image of that size: *placed is the window with auto_pad turned into pads, out the size of
 * the output. The kernel must be known. */
STOA_CHECKED enum stoa_status stoa_window_place(const struct window *window, const size_t size[WINDOW_AXES],
                                                struct stoa_error *error, struct window *placed,
                                                size_t out[WINDOW_AXES]);

#endif
