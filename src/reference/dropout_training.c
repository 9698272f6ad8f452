/* Dropout while training. Element i, counted along the dimensions in their order (those of images N H W C), is kept if
 * word i mod 4 of Philox4x32-10's block i / 4 is not below ratio * 2^32. The key is the seed; the counter is the
 * block's number in words 0 and 1, then the step and the node's stream. Seeds and steps are exact up to 2^53.
 *
 * Slack: x / (1 - ratio) has 2 roundings. */
#include <math.h>

#include "reference/internal.h"

/* The generator as its authors define it: ten rounds, the key raised between them. */
static uint32_t philox_word(const uint32_t key[2], const uint32_t counter[4], size_t word)
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                                  (uint32_t)a};
        for (size_t i = 0; i < 4; i++)
            c[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c[word];
}

static enum stoa_status read_ratio(struct reference_run *run, size_t input, double *ratio)
{
    const struct reference_tensor *given = run->call->opset >= 12 ? stoa_reference_input(run, input) : NULL;
    *ratio = 0.5;
    if (run->call->opset < 12)
        *ratio = (double)stoa_read_float(&run->reader, "ratio", 0.5f);
    else if (given && stoa_reference_count(given))
        *ratio = given->values[0];
    STOA_TRY(run->reader.status);
    if (!(*ratio >= 0 && *ratio <= 1))
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "ratio is %g", *ratio);
    return STOA_OK;
}

/* The number of the element with that row-major index. */
static uint64_t number(const struct reference_tensor *x, size_t index)
{
    if (x->rank != 4)
        return index;
    size_t w = index % x->dims[3], h = index / x->dims[3] % x->dims[2];
    size_t c = index / x->dims[3] / x->dims[2] % x->dims[1], n = index / x->dims[3] / x->dims[2] / x->dims[1];
    return ((n * x->dims[2] + h) * x->dims[3] + w) * x->dims[1] + c;
}

enum stoa_status stoa_reference_dropout_training(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    const struct reference_tensor *seed = stoa_reference_input(run, run->call->opset >= 12 ? 3 : 1);
    struct reference_tensor *y, *mask;
    double ratio;
    int64_t stream = stoa_read_int(&run->reader, "stream", 0, 0, UINT32_MAX);
    STOA_TRY(read_ratio(run, 1, &ratio));
    if (!seed || stoa_reference_count(seed) != 2)
        return stoa_fail(run->error, STOA_ERROR_GRAPH, "there is no seed");
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    enum stoa_dtype dtype = run->call->opset < 10 ? x->dtype : STOA_BOOL;
    STOA_TRY(stoa_reference_output(run, 1, dtype, x->rank, x->dims, &mask));

    uint64_t key = (uint64_t)stoa_reference_integer(seed->values[0]);
    uint64_t step = (uint64_t)stoa_reference_integer(seed->values[1]);
    const uint32_t keys[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        uint64_t at = number(x, i), block = at / 4;
        const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)step, (uint32_t)stream};
        bool keep = (double)philox_word(keys, counter, at % 4) >= floor(ratio * 0x1p32);
        if (y) {
            y->values[i] = keep ? x->values[i] / (1 - ratio) : 0;
            y->slack[i] = ratio > 0 ? 2 * fabs(y->values[i]) : 0;
        }
        if (mask)
            mask->values[i] = keep;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_dropout_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *mask = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    double ratio;
    STOA_TRY(read_ratio(run, 2, &ratio));
    if (!stoa_reference_same_dims(dy, mask))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not have the dims of input 0");
    STOA_TRY(stoa_reference_output_like(run, dy, &dx));
    for (size_t i = 0; i < stoa_reference_count(dy); i++) {
        dx->values[i] = mask->values[i] != 0 && ratio < 1 ? dy->values[i] / (1 - ratio) : 0;
        dx->slack[i] = ratio > 0 ? 2 * fabs(dx->values[i]) : 0;
    }
    return STOA_OK;
}
