/* Sliding windows. */
#include "ops/window.h"

#include <limits.h>

#include "base/size.h"
#include "base/status.h"

#define MAX_AXES 3 /* ONNX has windows of 1 and 3 axes too; they are read so that the message can say which it was */

/* Reads a list of `each` values an axis; 2 axes go to `result`, which keeps its contents when the attribute is absent.
 */
static void read_axes(struct attribute_reader *reader, const char *name, size_t each, int64_t least,
                      struct window *window, size_t *result)
{
    int64_t values[2 * MAX_AXES];
    size_t count = stoa_read_ints(reader, name, least, INT_MAX, each * MAX_AXES, values);
    if (reader->status != STOA_OK || !stoa_reader_has(reader, name))
        return;
    if (count == 0 || count % each != 0 || (window->axes && count != each * window->axes)) {
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, must have %zu", name, count,
                         each * (window->axes ? window->axes : 2));
        return;
    }
    window->axes = count / each;
    for (size_t i = 0; window->axes == 2 && i < count; i++)
        result[i] = (size_t)values[i];
}

void stoa_window_parse(struct attribute_reader *reader, bool dilated, struct window *window)
{
    static const char *const paddings[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    *window = (struct window){.stride = {1, 1}, .dilation = {1, 1}};
    window->padding = (enum window_padding)stoa_read_choice(reader, "auto_pad", paddings);
    read_axes(reader, "kernel_shape", 1, 1, window, window->kernel);
    read_axes(reader, "strides", 1, 1, window, window->stride);
    if (dilated)
        read_axes(reader, "dilations", 1, 1, window, window->dilation);
    read_axes(reader, "pads", 2, 0, window, window->pad);
    /* Zeros say nothing that auto_pad contradicts, and some exporters write them beside it. */
    for (size_t i = 0; i < 4; i++)
        if (window->padding != WINDOW_NOTSET && window->pad[i])
            stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute pads[%zu] is %zu beside auto_pad %s", i,
                             window->pad[i], paddings[window->padding]);
}

enum stoa_status stoa_window_check_axes(const struct window *window, struct stoa_error *error)
{
    if (!window->axes || window->axes == 2)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                     "attribute kernel_shape, strides, dilations or pads is for %zu axes, the input has 2",
                     window->axes);
}

enum stoa_status stoa_window_place(const struct window *window, const size_t size[2], struct stoa_error *error,
                                   struct window *placed, size_t out[2])
{
    static const char *const axes[] = {"height", "width"};
    STOA_TRY(stoa_window_check_axes(window, error));
    *placed = *window;
    for (size_t i = 0; i < 2; i++) {
        size_t stride = window->stride[i], reach = (window->kernel[i] - 1) * window->dilation[i] + 1;
        if (size[i] > INT_MAX)
            return stoa_fail(error, STOA_ERROR_LIMIT, "input %s is %zu, more than %d", axes[i], size[i], INT_MAX);
        if (window->padding == WINDOW_SAME_UPPER || window->padding == WINDOW_SAME_LOWER) {
            out[i] = stoa_size_ceil_div(size[i], stride);
            size_t span = out[i] ? (out[i] - 1) * stride + reach : 0;
            size_t total = span > size[i] ? span - size[i] : 0;
            placed->pad[i] = window->padding == WINDOW_SAME_UPPER ? total / 2 : total - total / 2;
            placed->pad[i + 2] = total - placed->pad[i];
            continue;
        }
        size_t padded = size[i] + window->pad[i] + window->pad[i + 2];
        if (reach > padded)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "kernel_shape[%zu] of %zu, dilation %zu, reaches over %zu; the padded input %s is %zu", i,
                             window->kernel[i], window->dilation[i], reach, axes[i], padded);
        out[i] = (padded - reach) / stride + 1;
        bool more = window->ceil && (padded - reach) % stride != 0 && out[i] * stride < size[i] + window->pad[i];
        out[i] += more;
    }
    return STOA_OK;
}
