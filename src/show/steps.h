/* Convolutions worked out, as pictures. */
#ifndef STOA_SHOW_STEPS_H
#define STOA_SHOW_STEPS_H

#include <stoa/show.h>

#include "show/draw.h"

/* The input with the receptive field, and for the channels that contribute most what is seen, the filter and the
 * products, as numbers on colours; then the sums. On failure the picture is all zero. */
STOA_CHECKED enum stoa_status stoa_steps_draw(const struct stoa_steps *steps, struct stoa_error *error,
                                              struct picture *picture);

#endif
