/* Reading windows: attributes, and what the dims of the images say of padding that is not stated. */
#include "show/sliding.h"

#include "base/attributes.h"

enum { PAD_GIVEN, PAD_VALID, PAD_SAME_UPPER, PAD_SAME_LOWER };

struct sliding stoa_sliding_read(const struct graph_node *node, bool transposed, const struct stoa_tensor *x,
                                 const struct stoa_tensor *y, const size_t *kernel)
{
    static const char *const paddings[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", NULL};
    struct attribute_reader reader =
        stoa_reader(&node->attributes, node->opset, node->input_count, node->output_count, NULL);
    struct sliding window = {{(int64_t)kernel[0], (int64_t)kernel[1]}, {1, 1}, {1, 1}, {0}, {0}};
    int64_t pads[4] = {0}, more[2] = {0}, least = 0, most = INT32_MAX;
    stoa_read_ints(&reader, "kernel_shape", least, most, 2, window.kernel);
    stoa_read_ints(&reader, "strides", least, most, 2, window.stride);
    stoa_read_ints(&reader, "dilations", least, most, 2, window.dilation);
    stoa_read_ints(&reader, "pads", least, most, 4, pads);
    if (transposed)
        stoa_read_ints(&reader, "output_padding", least, most, 2, more);
    size_t padding = stoa_read_choice(&reader, "auto_pad", paddings);
    bool shaped = transposed && stoa_reader_has(&reader, "output_shape");
    for (size_t a = 0; a < 2; a++) {
        int64_t large = (int64_t)(transposed ? y : x)->dims[2 + a], small = (int64_t)(transposed ? x : y)->dims[2 + a];
        int64_t reach = (window.kernel[a] - 1) * window.dilation[a] + 1;
        int64_t needed = (small - 1) * window.stride[a] + reach + more[a] - large;
        needed = needed > 0 ? needed : 0;
        if (padding == PAD_SAME_UPPER || padding == PAD_SAME_LOWER || shaped) {
            window.pad[a] = padding == PAD_SAME_UPPER ? needed / 2 : needed - needed / 2;
            window.pad_behind[a] = needed - window.pad[a];
        } else if (padding == PAD_GIVEN) {
            window.pad[a] = pads[a];
            window.pad_behind[a] = pads[2 + a];
        }
    }
    return window;
}
