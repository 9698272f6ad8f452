/* Two sums of each channel, taken in parts by the units of a walk and joined afterwards in the order of the parts, so
 * that they are the same however many threads there are. */
#ifndef STOA_OPS_CHANNEL_SUMS_H
#define STOA_OPS_CHANNEL_SUMS_H

#include <stddef.h>
#include <stoa/status.h>

#include "ops/walk.h"

/* values[chunk][first, second][lanes]; lanes of a fold (stoa_walk_fold) are those of as many more parts of the
 * channels. Behind them, four kinds of values of each lane. */
struct sums {
    double *values;
    size_t chunks, channels, fold, lanes; /* lanes = fold * channels */
    float *lane_values;
};

/* All but the memory, of a walk whose lanes are channels. */
struct sums stoa_sums_plan(const struct walk *walk, size_t fold);
STOA_CHECKED enum stoa_status stoa_sums_size(const struct sums *sums, struct stoa_error *error, size_t *bytes);
void stoa_sums_place(struct sums *sums, void *memory);
/* The first sums of part p < chunks * fold of all channels; the second ones lie `lanes` further. */
double *stoa_sums_part(const struct sums *sums, size_t p);
/* Values of each lane, of which there are kinds 0 to 3. */
float *stoa_sums_lanes(const struct sums *sums, size_t kind);
/* Gives the lanes of a fold what those of the channels have. */
void stoa_sums_repeat(const struct sums *sums, float *values);

#endif
