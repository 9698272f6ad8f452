/* The two file formats behind stoa_image_decode. */
#ifndef STOA_DATA_IMAGE_FORMAT_H
#define STOA_DATA_IMAGE_FORMAT_H

#include "data/image.h"

STOA_CHECKED enum stoa_status stoa_png_decode(const uint8_t *bytes, size_t size, const struct stoa_allocator *allocator,
                                              struct stoa_error *error, struct image *image);
STOA_CHECKED enum stoa_status stoa_jpeg_decode(const uint8_t *bytes, size_t size,
                                               const struct stoa_allocator *allocator, struct stoa_error *error,
                                               struct image *image);

#endif
