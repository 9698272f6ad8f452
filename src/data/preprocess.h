/* From a picture to the tensor a network was trained on: resize, crop, channel order, scale, mean and deviation. */
#ifndef STOA_DATA_PREPROCESS_H
#define STOA_DATA_PREPROCESS_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "data/image.h"

enum resize_rule {
    RESIZE_NONE,
    RESIZE_EXACT,    /* to size[0] x size[1] (height x width) */
    RESIZE_SHORT,    /* the short side to size[0], keeping the ratio */
    RESIZE_FIT,      /* to height size[0] keeping the ratio, at most size[1] wide; the rest of that width becomes 0 */
    RESIZE_MULTIPLE, /* each side to the nearest multiple of size[0]; first down to size[1] for the long side */
};

struct preprocess {
    enum resize_rule rule;
    size_t size[2];
    size_t crop[2];               /* height and width cut from the middle; 0: all */
    int bgr;                      /* whether the first channel is blue */
    float scale, mean[3], std[3]; /* (pixel * scale - mean) / std, in the order of the tensor's channels */
};

/* The preset of that name: "none" (pixels as they are, 0 to 255), "imagenet", "ocr-det" or "ocr-cls" (PaddleOCR's text
 * detector and its angle classifier); null for any other name. */
const struct preprocess *stoa_preprocess_preset(const char *name);

/* A plain float tensor [1][channels][H][W], 1 or 3 channels, whose data the caller releases with stoa_release; on
 * failure data is null. Grey pictures give three equal channels, colour pictures one channel of luma (Rec. 601). */
STOA_CHECKED enum stoa_status stoa_preprocess(const struct preprocess *options, const struct image *image,
                                              size_t channels, const struct stoa_allocator *allocator,
                                              struct stoa_error *error, struct stoa_tensor *tensor);

#endif
