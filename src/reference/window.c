/* The window that a convolution or pooling slides over the spatial dimensions: attributes, padding, output size. */
#include "reference/internal.h"

#define MOST INT32_MAX /* keeps every product of two attributes and sum of them within int64 */

static enum stoa_status read_dims(struct reference_run *run, const char *name, int64_t least, size_t rank,
                                  int64_t fallback, int64_t result[3])
{
    int64_t values[3];
    size_t count = stoa_read_ints(&run->reader, name, least, MOST, 3, values);
    STOA_TRY(run->reader.status);
    if (count && count != rank)
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, the input %zu spatial axes",
                         name, count, rank);
    for (size_t i = 0; i < 3; i++)
        result[i] = i < 3 - rank ? fallback : count ? values[i - (3 - rank)] : fallback;
    return STOA_OK;
}

static enum stoa_status read_pads(struct reference_run *run, struct reference_window *window)
{
    int64_t pads[6];
    size_t count = stoa_read_ints(&run->reader, "pads", 0, MOST, 6, pads);
    STOA_TRY(run->reader.status);
    if (count && count != 2 * window->rank)
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute pads has %zu values, the input %zu spatial axes",
                         count, window->rank);
    for (size_t i = 0; count && i < window->rank; i++) {
        window->begin[3 - window->rank + i] = pads[i];
        window->end[3 - window->rank + i] = pads[window->rank + i];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_window_read(struct reference_run *run, const struct reference_tensor *x,
                                            const struct reference_tensor *weights, struct reference_window *window,
                                            size_t *auto_pad)
{
    static const char *const choices[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    if (x->rank < 3 || x->rank > 5)
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "input 0 has rank %zu, must be 3, 4 or 5", x->rank);
    if (weights && weights->rank != x->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 has rank %zu, input 0 has %zu", weights->rank, x->rank);

    *window = (struct reference_window){.rank = x->rank - 2};
    size_t rank = window->rank, lead = 3 - rank;
    *auto_pad = stoa_read_choice(&run->reader, "auto_pad", choices);
    STOA_TRY(read_dims(run, "kernel_shape", 1, rank, 1, window->kernel));
    STOA_TRY(read_dims(run, "strides", 1, rank, 1, window->stride));
    STOA_TRY(read_dims(run, "dilations", 1, rank, 1, window->dilation));
    STOA_TRY(read_pads(run, window));
    if (!weights && !stoa_reader_has(&run->reader, "kernel_shape"))
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute kernel_shape is missing");

    for (size_t i = 0; i < 3; i++)
        window->in[i] = 1;
    for (size_t i = 0; i < rank; i++) {
        if (x->dims[2 + i] > MOST || (weights && weights->dims[2 + i] > MOST))
            return stoa_fail(run->error, STOA_ERROR_LIMIT, "spatial axis %zu is larger than %d", i, MOST);
        window->in[lead + i] = (int64_t)x->dims[2 + i];
        if (!weights)
            continue;
        int64_t size = (int64_t)weights->dims[2 + i];
        if (size < 1 || (stoa_reader_has(&run->reader, "kernel_shape") && window->kernel[lead + i] != size))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "kernel_shape[%zu] does not fit input 1, which has %lld", i,
                             (long long)size);
        window->kernel[lead + i] = size;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_window_slide(struct reference_run *run, size_t auto_pad, bool ceil_mode,
                                             struct reference_window *window)
{
    for (size_t i = 0; i < 3; i++) {
        int64_t stride = window->stride[i], reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        if (auto_pad == AUTO_PAD_SAME_UPPER || auto_pad == AUTO_PAD_SAME_LOWER) {
            window->out[i] = (window->in[i] + stride - 1) / stride;
            int64_t total = (window->out[i] - 1) * stride + reach - window->in[i];
            if (total < 0)
                total = 0;
            window->begin[i] = auto_pad == AUTO_PAD_SAME_UPPER ? total / 2 : total - total / 2;
            window->end[i] = total - window->begin[i];
            continue;
        }
        if (auto_pad == AUTO_PAD_VALID)
            window->begin[i] = window->end[i] = 0;
        int64_t room = window->in[i] + window->begin[i] + window->end[i] - reach;
        if (room < 0 && !(ceil_mode && room > -stride))
            return stoa_fail(run->error, STOA_ERROR_SHAPE,
                             "the kernel reaches over %lld elements, the padded input has %lld", (long long)reach,
                             (long long)(room + reach));
        window->out[i] = (ceil_mode ? (room + stride - 1) / stride : room / stride) + 1;
        /* A last window that would start beyond the input has nothing to look at; later versions of the definition say
         * that it is left out, the earlier ones give it no value. */
        if (ceil_mode && (window->out[i] - 1) * stride >= window->in[i] + window->begin[i])
            window->out[i]--;
    }
    return STOA_OK;
}
