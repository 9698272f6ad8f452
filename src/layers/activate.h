/* The activation that a layer applies to its own output. */
#ifndef STOA_LAYERS_ACTIVATE_H
#define STOA_LAYERS_ACTIVATE_H

#include <stddef.h>
#include <stoa/layers.h>

/* y[i] <- f(x[i]); y may be x; kind is a valid one. */
void stoa_activate(enum stoa_activation kind, size_t count, const float *x, float *y);

#endif
