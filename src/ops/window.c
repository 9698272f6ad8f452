/* Sliding windows. */
#include "ops/window.h"

#include <limits.h>

#include "base/size.h"
#include "base/status.h"

/* Where value i of a list for so many axes (pads: twice as many) belongs among those for three. */
static size_t place_of(size_t axes, size_t i)
{
    return i / axes * WINDOW_AXES + WINDOW_AXES - axes + i % axes;
}

/* Reads a list of `each` values an axis into the last axes of `result`, which keeps its contents when the attribute is
 * absent. */
static void read_axes(struct attribute_reader *reader, const char *name, size_t each, int64_t least,
                      struct window *window, size_t *result)
{
    int64_t values[2 * WINDOW_AXES];
    size_t count = stoa_read_ints(reader, name, least, INT_MAX, each * WINDOW_AXES, values);
    if (reader->status != STOA_OK || !stoa_reader_has(reader, name))
        return;
    if (count == 0 || count % each != 0 || (window->axes && count != each * window->axes)) {
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, must have %zu", name, count,
                         each * (window->axes ? window->axes : 2));
        return;
    }
    size_t axes = window->axes = count / each;
    for (size_t i = 0; i < count; i++)
        result[place_of(axes, i)] = (size_t)values[i];
}

void stoa_window_parse(struct attribute_reader *reader, bool dilated, struct window *window)
{
    static const char *const paddings[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    *window = (struct window){.stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    window->padding = (enum window_padding)stoa_read_choice(reader, "auto_pad", paddings);
    read_axes(reader, "kernel_shape", 1, 1, window, window->kernel);
    read_axes(reader, "strides", 1, 1, window, window->stride);
    if (dilated)
        read_axes(reader, "dilations", 1, 1, window, window->dilation);
    read_axes(reader, "pads", 2, 0, window, window->pad);
    for (size_t i = 0; window->kernel[WINDOW_AXES - 1] && i < WINDOW_AXES - window->axes; i++)
        window->kernel[i] = 1;
    /* Zeros say nothing that auto_pad contradicts, and some exporters write them beside it. */
    for (size_t i = 0; i < 2 * window->axes; i++) {
        size_t pad = window->pad[place_of(window->axes, i)];
        if (window->padding != WINDOW_NOTSET && pad)
            stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute pads[%zu] is %zu beside auto_pad %s", i, pad,
                             paddings[window->padding]);
    }
}

enum stoa_status stoa_window_check_axes(const struct window *window, const struct stoa_tensor *x,
                                        struct stoa_error *error)
{
    if (x->rank < 3 || x->rank > 2 + WINDOW_AXES)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "input X has rank %zu, only 3 to %d (N C and 1 to %d spatial axes) are supported", x->rank,
                         2 + WINDOW_AXES, WINDOW_AXES);
    if (!window->axes || window->axes == x->rank - 2)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                     "attribute kernel_shape, strides, dilations or pads is for %zu axes, the input has %zu",
                     window->axes, x->rank - 2);
}

void stoa_window_add_pad(struct window *window, const size_t pad[4])
{
    for (size_t i = 0; i < 4; i++)
        window->pad[i / 2 * WINDOW_AXES + 1 + i % 2] += pad[i];
}

void stoa_window_size(const struct stoa_tensor *x, size_t size[WINDOW_AXES])
{
    for (size_t i = 0; i < WINDOW_AXES; i++)
        size[i] = i + x->rank < 2 + WINDOW_AXES ? 1 : x->dims[i + x->rank - WINDOW_AXES];
}

enum stoa_status stoa_window_place(const struct window *window, const size_t size[WINDOW_AXES],
                                   struct stoa_error *error, struct window *placed, size_t out[WINDOW_AXES])
{
    static const char *const axes[WINDOW_AXES] = {"depth", "height", "width"};
    *placed = *window;
    for (size_t i = 0; i < WINDOW_AXES; i++) {
        size_t stride = window->stride[i], reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        size_t back = i + WINDOW_AXES, named = window->axes ? i + window->axes - WINDOW_AXES : i;
        if (size[i] > INT_MAX)
            return stoa_fail(error, STOA_ERROR_LIMIT, "input %s is %zu, more than %d", axes[i], size[i], INT_MAX);
        if (window->padding == WINDOW_SAME_UPPER || window->padding == WINDOW_SAME_LOWER) {
            out[i] = stoa_size_ceil_div(size[i], stride);
            size_t span = out[i] ? (out[i] - 1) * stride + reach : 0;
            size_t total = span > size[i] ? span - size[i] : 0;
            placed->pad[i] = window->padding == WINDOW_SAME_UPPER ? total / 2 : total - total / 2;
            placed->pad[back] = total - placed->pad[i];
            continue;
        }
        size_t padded = size[i] + window->pad[i] + window->pad[back];
        if (reach > padded && window->ceil && reach - padded < stride) {
            out[i] = size[i] + window->pad[i] > 0; /* else it would begin beyond the image */
            continue;
        }
        if (reach > padded)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "kernel_shape[%zu] of %zu, dilation %zu, reaches over %zu; the padded input %s is %zu",
                             named, window->kernel[i], window->dilation[i], reach, axes[i], padded);
        out[i] = (padded - reach) / stride + 1;
        bool more = window->ceil && (padded - reach) % stride != 0 && out[i] * stride < size[i] + window->pad[i];
        out[i] += more;
    }
    return STOA_OK;
}
