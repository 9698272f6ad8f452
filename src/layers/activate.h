/* The activation that a layer applies to its own output. */
#ifndef STOA_LAYERS_ACTIVATE_H
#define STOA_LAYERS_ACTIVATE_H

#include <stoa/layers.h>

#include "kernels/activation.h"

/* Of a valid kind. */
const struct activation *stoa_layer_activation(enum stoa_activation kind);

#endif
