/* Nets that are chains: LeNet-5 (LeCun et al. 1998) with ReLU and max pooling, AlexNet (Krizhevsky 2014, as torchvision
 * has it), VGG-16 (Simonyan and Zisserman 2015, configuration D) and small ones of its kind. */
#include <stdio.h>

#include "build/build.h"
#include "build/net.h"

/* Names "relu3" and so on come by themselves. */
struct stoa_value stoa_net_lenet5(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    x = stoa_build_relu(builder, NULL, stoa_net_conv(builder, "conv1", x, 6, 5, 1, 2));
    x = stoa_net_max_pool(builder, NULL, x, 2, 2, 0);
    x = stoa_build_relu(builder, NULL, stoa_net_conv(builder, "conv2", x, 16, 5, 1, 0));
    x = stoa_net_max_pool(builder, NULL, x, 2, 2, 0);
    x = stoa_build_flatten(builder, NULL, x);
    x = stoa_build_relu(builder, NULL, stoa_net_linear(builder, "fc1", x, 120));
    x = stoa_build_relu(builder, NULL, stoa_net_linear(builder, "fc2", x, 84));
    return stoa_net_scores(builder, "fc3", x, classes);
}

struct stoa_value stoa_net_vgg_small(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    for (size_t channels = 32; channels <= 64; channels *= 2) {
        for (size_t i = 0; i < 2; i++)
            x = stoa_build_relu(builder, NULL, stoa_net_conv(builder, NULL, x, channels, 3, 1, 1));
        x = stoa_net_max_pool(builder, NULL, x, 2, 2, 0);
    }
    x = stoa_build_flatten(builder, NULL, x);
    x = stoa_build_relu(builder, NULL, stoa_net_linear(builder, "fc1", x, 128));
    return stoa_net_scores(builder, "fc2", x, classes);
}

struct stoa_value stoa_net_vgg_bn(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    for (size_t channels = 32; channels <= 128; channels *= 2) {
        for (size_t i = 0; i < 2; i++)
            x = stoa_build_relu(
                builder, NULL,
                stoa_net_norm_conv(builder, &(struct net_norm_conv){.channels = channels, .kernel = 3, .stride = 1},
                                   x));
        x = stoa_net_max_pool(builder, NULL, x, 2, 2, 0);
    }
    x = stoa_build_dropout(builder, NULL, stoa_build_flatten(builder, NULL, x), 0.3f);
    x = stoa_build_relu(builder, NULL, stoa_net_linear(builder, "fc1", x, 256));
    x = stoa_build_dropout(builder, NULL, x, 0.3f);
    return stoa_net_scores(builder, "fc2", x, classes);
}

/* torchvision's adaptive average pooling to side x side, where the features are a multiple of that (their means), a
 * divisor (repeated, which is what adaptive pooling comes to), or that already (nothing). */
static struct stoa_value adapt(struct stoa_builder *builder, struct stoa_value x, size_t side)
{
    struct stoa_value_info info = stoa_builder_describe(builder, x);
    size_t kernel[2], times[2];
    for (size_t i = 0; i < 2; i++) {
        if (info.rank != 4)
            return x; /* after an error */
        size_t size = (size_t)info.dims[2 + i];
        if (size % side && side % size) {
            struct draft draft;
            if (stoa_draft_begin(&draft, builder, "AveragePool", "avgpool", "avgpool", 1, &x))
                stoa_draft_fail(&draft, STOA_ERROR_SHAPE, "input %s is %zu, must be a multiple or a divisor of %zu",
                                i ? "width" : "height", size, side);
            return x;
        }
        kernel[i] = size % side ? 1 : size / side;
        times[i] = side % size ? 1 : side / size;
    }
    if (kernel[0] * kernel[1] > 1)
        x = stoa_build_average_pool2d(
            builder, "avgpool", x,
            &(struct stoa_build_pool){.kernel = {kernel[0], kernel[1]}, .stride = {kernel[0], kernel[1]}});
    if (times[0] * times[1] > 1)
        x = stoa_build_upsample(builder, "avgpool.repeat", x, times[0], times[1]);
    return x;
}

/* torchvision numbers the layers of its sequences. */
static const char *number(const char *sequence, size_t i, char text[BUILD_NAME])
{
    snprintf(text, BUILD_NAME, "%s.%zu", sequence, i);
    return text;
}

struct stoa_value stoa_net_alexnet(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    static const struct {
        size_t channels, kernel, stride, pad;
        bool pooled;
    } convs[] = {
        {64, 11, 4, 2, true}, {192, 5, 1, 2, true}, {384, 3, 1, 1, false}, {256, 3, 1, 1, false}, {256, 3, 1, 1, true}};
    char name[BUILD_NAME];
    size_t at = 0;
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        x = stoa_net_conv(builder, number("features", at++, name), x, convs[i].channels, convs[i].kernel,
                          convs[i].stride, convs[i].pad);
        x = stoa_build_relu(builder, number("features", at++, name), x);
        if (convs[i].pooled)
            x = stoa_net_max_pool(builder, number("features", at++, name), x, 3, 2, 0);
    }
    x = stoa_build_flatten(builder, NULL, adapt(builder, x, 6));
    x = stoa_build_dropout(builder, "classifier.0", x, 0.5f);
    x = stoa_build_relu(builder, "classifier.2", stoa_net_linear(builder, "classifier.1", x, 4096));
    x = stoa_build_dropout(builder, "classifier.3", x, 0.5f);
    x = stoa_build_relu(builder, "classifier.5", stoa_net_linear(builder, "classifier.4", x, 4096));
    return stoa_net_scores(builder, "classifier.6", x, classes);
}

struct stoa_value stoa_net_vgg16(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    static const size_t blocks[][2] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}; /* channels, convolutions */
    char name[BUILD_NAME];
    size_t at = 0;
    for (size_t b = 0; b < sizeof blocks / sizeof blocks[0]; b++) {
        for (size_t i = 0; i < blocks[b][1]; i++) {
            x = stoa_net_conv(builder, number("features", at++, name), x, blocks[b][0], 3, 1, 1);
            x = stoa_build_relu(builder, number("features", at++, name), x);
        }
        x = stoa_net_max_pool(builder, number("features", at++, name), x, 2, 2, 0);
    }
    x = stoa_build_flatten(builder, NULL, adapt(builder, x, 7));
    x = stoa_build_relu(builder, "classifier.1", stoa_net_linear(builder, "classifier.0", x, 4096));
    x = stoa_build_dropout(builder, "classifier.2", x, 0.5f);
    x = stoa_build_relu(builder, "classifier.4", stoa_net_linear(builder, "classifier.3", x, 4096));
    x = stoa_build_dropout(builder, "classifier.5", x, 0.5f);
    return stoa_net_scores(builder, "classifier.6", x, classes);
}
