/* What Clip's attributes become, for it and its gradient. */
#ifndef STOA_OPS_CLIP_H
#define STOA_OPS_CLIP_H

struct clip_params {
    float bounds[2]; /* least, most: where no input gives one */
};

#endif
