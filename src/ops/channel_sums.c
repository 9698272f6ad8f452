/* Sums of channels in parts. */
#include "ops/channel_sums.h"

#include "base/size.h"
#include "base/status.h"

struct sums stoa_sums_plan(const struct walk *walk, size_t fold)
{
    return (struct sums){.chunks = stoa_walk_chunks(walk),
                         .channels = walk->block.lanes / fold,
                         .fold = fold,
                         .lanes = walk->block.lanes};
}

enum stoa_status stoa_sums_size(const struct sums *sums, struct stoa_error *error, size_t *bytes)
{
    size_t pairs;
    if (!stoa_size_mul(sums->chunks, sums->lanes, &pairs) || !stoa_size_add(pairs, sums->lanes, &pairs) ||
        !stoa_size_mul(pairs, 2 * sizeof(double), bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu channels in %zu parts are too many", sums->lanes, sums->chunks);
    return STOA_OK;
}

void stoa_sums_place(struct sums *sums, void *memory)
{
    sums->values = memory;
    sums->lane_values = (float *)(sums->values + 2 * sums->chunks * sums->lanes);
}

double *stoa_sums_part(const struct sums *sums, size_t p)
{
    return sums->values + p / sums->fold * 2 * sums->lanes + p % sums->fold * sums->channels;
}

float *stoa_sums_lanes(const struct sums *sums, size_t kind)
{
    return sums->lane_values + kind * sums->lanes;
}

void stoa_sums_repeat(const struct sums *sums, float *values)
{
    for (size_t l = sums->channels; l < sums->lanes; l++)
        values[l] = values[l - sums->channels];
}
