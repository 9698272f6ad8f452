/* Pictures of 8 bits a channel: read from PNG and JPEG, written as PNG, cut, turned and resized. */
#ifndef STOA_DATA_IMAGE_H
#define STOA_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

/* Larger pictures are STOA_ERROR_LIMIT: a few bytes of file can claim any size. */
#define STOA_IMAGE_MAX_PIXELS ((size_t)1 << 26)

/* pixels[height][width][channels], without gaps. */
struct image {
    size_t width, height; /* at least 1 */
    size_t channels;      /* 1: grey; 3: red, green, blue */
    uint8_t *pixels;      /* released by stoa_image_free */
};

/* Zeroed pixels. On failure of this and of every function below, the resulting image is all zero. */
STOA_CHECKED enum stoa_status stoa_image_create(size_t width, size_t height, size_t channels,
                                                const struct stoa_allocator *allocator, struct stoa_error *error,
                                                struct image *image);
/* `allocator` is the one the image was made with. An image that is all zero is fine. */
void stoa_image_free(const struct stoa_allocator *allocator, struct image *image);

/* Reads a PNG or JPEG file, told by its first bytes. Palettes are resolved, 16 bits rounded to 8, alpha is dropped; an
 * orientation note (EXIF) is not followed. A damaged or truncated file is an error, not half a picture. */
STOA_CHECKED enum stoa_status stoa_image_read(const char *path, const struct stoa_allocator *allocator,
                                              struct stoa_error *error, struct image *image);
/* The same from memory; messages do not name a file. */
STOA_CHECKED enum stoa_status stoa_image_decode(const void *bytes, size_t size, const struct stoa_allocator *allocator,
                                                struct stoa_error *error, struct image *image);
/* Writes a PNG; the file appears whole or not at all. */
STOA_CHECKED enum stoa_status stoa_image_write(const char *path, const struct image *image,
                                               const struct stoa_allocator *allocator, struct stoa_error *error);

/* The part of an image from row `top` and column `left` on, which must lie inside it. */
STOA_CHECKED enum stoa_status stoa_image_cut(const struct image *image, size_t top, size_t left, size_t height,
                                             size_t width, const struct stoa_allocator *allocator,
                                             struct stoa_error *error, struct image *part);
/* Turns an image by 180 degrees, in place. */
void stoa_image_turn(struct image *image);
/* Bilinear; where the image shrinks, the triangle is widened so that every pixel counts (no aliasing). */
STOA_CHECKED enum stoa_status stoa_image_resize(const struct image *image, size_t height, size_t width,
                                                const struct stoa_allocator *allocator, struct stoa_error *error,
                                                struct image *resized);

#endif
