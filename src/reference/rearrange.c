/* Operators that put elements elsewhere by a rule of their own: blocks and channels, repeats, turned sequences, sides
 * of a diagonal, and what a condition keeps. All are exact. */
#include <string.h>

#include "reference/internal.h"

static enum stoa_status read_block(struct reference_run *run, size_t *block)
{
    *block = (size_t)stoa_read_int(&run->reader, "blocksize", 0, 1, INT32_MAX);
    STOA_TRY(run->reader.status);
    if (*block == 0 || stoa_reference_input(run, 0)->rank != 4)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "blocksize is %zu, input 0 has rank %zu", *block,
                         stoa_reference_input(run, 0)->rank);
    return STOA_OK;
}

/* Walks the pixels of space; each has a place in depth. */
static void move_blocks(const struct reference_tensor *depth, const struct reference_tensor *space, size_t block,
                        bool columns_first, bool to_space)
{
    size_t index[4] = {0}, channels = space->dims[1];
    for (size_t at = 0; at < stoa_reference_count(space); at++, stoa_reference_next(4, space->dims, index)) {
        size_t place = index[2] % block * block + index[3] % block;
        size_t channel = columns_first ? index[1] * block * block + place : place * channels + index[1];
        size_t from = ((index[0] * depth->dims[1] + channel) * depth->dims[2] + index[2] / block) * depth->dims[3] +
                      index[3] / block;
        if (to_space)
            space->values[at] = depth->values[from];
        else
            depth->values[from] = space->values[at];
    }
}

enum stoa_status stoa_reference_depth_to_space(struct reference_run *run)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    size_t block, mode = run->call->opset < 11 ? 0 : stoa_read_choice(&run->reader, "mode", modes);
    STOA_TRY(read_block(run, &block));
    if (x->dims[1] % (block * block))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "%zu channels are no blocks of %zu", x->dims[1], block);
    size_t dims[] = {x->dims[0], x->dims[1] / (block * block), x->dims[2] * block, x->dims[3] * block};
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, 4, dims, &y));
    move_blocks(x, y, block, mode == 1, true);
    return STOA_OK;
}

enum stoa_status stoa_reference_space_to_depth(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    size_t block;
    STOA_TRY(read_block(run, &block));
    if (x->dims[2] % block || x->dims[3] % block)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "%zu x %zu pixels are no blocks of %zu", x->dims[2], x->dims[3],
                         block);
    size_t dims[] = {x->dims[0], x->dims[1] * block * block, x->dims[2] / block, x->dims[3] / block};
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, 4, dims, &y));
    move_blocks(y, x, block, false, false);
    return STOA_OK;
}

enum stoa_status stoa_reference_tile(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    struct reference_list repeats;
    size_t dims[STOA_MAX_RANK], index[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_reference_list(run, 1, NULL, &repeats));
    for (size_t i = 0; i < x->rank; i++) {
        if (repeats.count != x->rank || repeats.items[i] < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "repeats does not fit rank %zu", x->rank);
        dims[i] = x->dims[i] * (size_t)repeats.items[i];
    }
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, dims, index)) {
        size_t from = 0;
        for (size_t i = 0; i < x->rank; i++)
            from = from * x->dims[i] + index[i] % x->dims[i];
        y->values[at] = x->values[from];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_reverse_sequence(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *lengths = stoa_reference_input(run, 1);
    struct reference_tensor *y;
    size_t batch = (size_t)stoa_read_int(&run->reader, "batch_axis", 1, 0, 1);
    size_t time = (size_t)stoa_read_int(&run->reader, "time_axis", 0, 0, 1), index[STOA_MAX_RANK] = {0};
    STOA_TRY(run->reader.status);
    if (batch == time || x->rank < 2 || stoa_reference_count(lengths) != x->dims[batch])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "no batch of sequences along axes %zu and %zu", batch, time);
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        double length = lengths->values[index[batch]];
        if (!(length >= 0 && length <= (double)x->dims[time]))
            return stoa_fail(run->error, STOA_ERROR_DATA, "a sequence is %.0f long", length);
        size_t from[STOA_MAX_RANK];
        memcpy(from, index, sizeof from);
        if ((double)index[time] < length)
            from[time] = (size_t)length - 1 - index[time];
        size_t place = 0;
        for (size_t i = 0; i < x->rank; i++)
            place = place * x->dims[i] + from[i];
        y->values[at] = x->values[place];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_trilu(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *input = stoa_reference_input(run, 1);
    struct reference_tensor *y;
    bool upper = stoa_read_int(&run->reader, "upper", 1, 0, 1);
    size_t index[STOA_MAX_RANK] = {0};
    STOA_TRY(run->reader.status);
    if (x->rank < 2 || (input && stoa_reference_count(input) != 1))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "no matrices, or k is not one number");
    double k = input ? input->values[0] : 0;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        double right = (double)index[x->rank - 1] - (double)index[x->rank - 2]; /* of the main diagonal */
        y->values[at] = (upper ? right >= k : right <= k) ? x->values[at] : 0;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_compress(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *condition = stoa_reference_input(run, 1);
    struct reference_tensor *y;
    bool has_axis = stoa_reader_has(&run->reader, "axis");
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    size_t axis = 0, kept = 0, count = stoa_reference_count(condition), dims[STOA_MAX_RANK], at = 0;
    STOA_TRY(run->reader.status);
    if (has_axis)
        STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    size_t outer = has_axis ? stoa_reference_product(x, 0, axis) : 1;
    size_t inner = has_axis ? stoa_reference_product(x, axis + 1, x->rank) : 1;
    size_t length = has_axis ? x->dims[axis] : stoa_reference_count(x);
    for (size_t i = 0; i < count; i++) {
        if (condition->values[i] != 0 && i >= length)
            return stoa_fail(run->error, STOA_ERROR_DATA, "condition %zu is true of %zu elements", i, length);
        kept += condition->values[i] != 0;
    }
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = kept;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, has_axis ? x->rank : 1, dims, &y));
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; condition->values[i] != 0 && k < inner; k++)
                y->values[at++] = x->values[(o * length + i) * inner + k];
    return STOA_OK;
}
