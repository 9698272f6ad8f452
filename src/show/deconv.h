/* Inside of deconvolutional networks. */
#ifndef STOA_SHOW_DECONV_H
#define STOA_SHOW_DECONV_H

#include <stoa/show.h>

struct stoa_deconv {
    struct stoa_allocator allocator;
    struct stoa_model *part; /* up to the layer */
    struct stoa_model *back; /* and back: inputs are the pictures and the layer's signal, outputs the layer and the
                              * pixels' */
    struct stoa_session *forward, *backward;
    struct stoa_deconv_info info;
    size_t value;  /* of the layer; in both graphs, as of the model's */
    size_t input;  /* value of the pictures */
    float *turned; /* the picture as the model takes it, where it wants channels last */
    float *seed;   /* [maps][map_height][map_width]: 0 but for the element */
};

#endif
