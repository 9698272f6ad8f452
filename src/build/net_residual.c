/* Nets with shortcuts: ResNet-18 and the ResNet-20 for small images (He et al. 2016), MobileNetV2 (Sandler et al.
 * 2018). Parameters have torchvision's names; ResNet-20, which it lacks, follows its ResNet's. */
#include <stdio.h>

#include "build/build.h"
#include "build/net.h"

/* "block.part". */
static const char *join(const char *block, const char *part, char text[BUILD_NAME])
{
    snprintf(text, BUILD_NAME, "%.*s.%s", BUILD_NAME / 2, block, part);
    return text;
}

static size_t channels_of(const struct stoa_builder *builder, struct stoa_value x)
{
    struct stoa_value_info info = stoa_builder_describe(builder, x);
    return info.rank > 1 ? (size_t)info.dims[1] : 0;
}

/* Two 3x3 convolutions and the shortcut around them: 1x1 where channels or sizes change. */
static struct stoa_value basic_block(struct stoa_builder *builder, const char *block, struct stoa_value x,
                                     size_t channels, size_t stride)
{
    char conv[BUILD_NAME], norm[BUILD_NAME], name[BUILD_NAME];
    struct net_norm_conv layer = {.conv = join(block, "conv1", conv),
                                  .norm = join(block, "bn1", norm),
                                  .channels = channels,
                                  .kernel = 3,
                                  .stride = stride};
    struct stoa_value y = stoa_net_norm_conv(builder, &layer, x);
    y = stoa_build_relu(builder, join(block, "relu1", name), y);
    layer = (struct net_norm_conv){.conv = join(block, "conv2", conv),
                                   .norm = join(block, "bn2", norm),
                                   .channels = channels,
                                   .kernel = 3,
                                   .stride = 1};
    y = stoa_net_norm_conv(builder, &layer, y);
    if (stride != 1 || channels_of(builder, x) != channels) {
        layer = (struct net_norm_conv){.conv = join(block, "downsample.0", conv),
                                       .norm = join(block, "downsample.1", norm),
                                       .channels = channels,
                                       .kernel = 1,
                                       .stride = stride};
        x = stoa_net_norm_conv(builder, &layer, x);
    }
    y = stoa_build_add(builder, join(block, "add", name), y, x);
    return stoa_build_relu(builder, join(block, "relu2", name), y);
}

/* Stages of `blocks` blocks each, with twice the channels at half the size from stage to stage; then the scores. */
static struct stoa_value stages(struct stoa_builder *builder, struct stoa_value x, size_t count, size_t blocks,
                                size_t channels, size_t classes)
{
    char block[BUILD_NAME];
    for (size_t stage = 0; stage < count; stage++, channels *= 2)
        for (size_t i = 0; i < blocks; i++) {
            snprintf(block, sizeof block, "layer%zu.%zu", stage + 1, i);
            x = basic_block(builder, block, x, channels, stage && i == 0 ? 2 : 1);
        }
    x = stoa_build_global_average_pool(builder, "avgpool", x);
    return stoa_net_scores(builder, "fc", stoa_build_flatten(builder, "flatten", x), classes);
}

static struct stoa_value stem(struct stoa_builder *builder, struct stoa_value x, size_t channels, size_t kernel,
                              size_t stride)
{
    x = stoa_net_norm_conv(
        builder,
        &(struct net_norm_conv){
            .conv = "conv1", .norm = "bn1", .channels = channels, .kernel = kernel, .stride = stride},
        x);
    return stoa_build_relu(builder, "relu", x);
}

struct stoa_value stoa_net_resnet20(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    return stages(builder, stem(builder, x, 16, 3, 1), 3, 3, 16, classes);
}

struct stoa_value stoa_net_resnet18(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    x = stoa_net_max_pool(builder, "maxpool", stem(builder, x, 64, 7, 2), 3, 2, 1);
    return stages(builder, x, 4, 2, 64, classes);
}

/* A convolution, batch norm and ReLU6, numbered `at` and within that 0 and 1. */
static struct stoa_value conv_relu6(struct stoa_builder *builder, const char *at, struct stoa_value x, size_t channels,
                                    size_t kernel, size_t stride, size_t groups)
{
    char conv[BUILD_NAME], norm[BUILD_NAME], name[BUILD_NAME];
    const struct net_norm_conv layer = {.conv = join(at, "0", conv),
                                        .norm = join(at, "1", norm),
                                        .channels = channels,
                                        .kernel = kernel,
                                        .stride = stride,
                                        .groups = groups};
    x = stoa_net_norm_conv(builder, &layer, x);
    return stoa_build_clip(builder, join(at, "2", name), x, 0, 6);
}

/* 1x1 to `expansion` times the channels, 3x3 of each by itself, 1x1 to fewer without an activation; added to x where it
 * fits. */
static struct stoa_value inverted_residual(struct stoa_builder *builder, const char *block, struct stoa_value x,
                                           size_t expansion, size_t channels, size_t stride)
{
    char at[BUILD_NAME], conv[BUILD_NAME], norm[BUILD_NAME], part[16];
    size_t in = channels_of(builder, x), part_count = 0;
    struct stoa_value y = x;
    if (expansion != 1) {
        y = conv_relu6(builder, join(block, "conv.0", at), y, in * expansion, 1, 1, 1);
        part_count = 1;
    }
    snprintf(part, sizeof part, "conv.%zu", part_count);
    y = conv_relu6(builder, join(block, part, at), y, in * expansion, 3, stride, in * expansion);
    snprintf(part, sizeof part, "conv.%zu", part_count + 1);
    join(block, part, conv);
    snprintf(part, sizeof part, "conv.%zu", part_count + 2);
    join(block, part, norm);
    y = stoa_net_norm_conv(
        builder, &(struct net_norm_conv){.conv = conv, .norm = norm, .channels = channels, .kernel = 1, .stride = 1},
        y);
    return stride == 1 && in == channels ? stoa_build_add(builder, join(block, "add", at), x, y) : y;
}

struct stoa_value stoa_net_mobilenet_v2(struct stoa_builder *builder, struct stoa_value x, size_t classes)
{
    static const struct {
        size_t expansion, channels, blocks, stride; /* of the first block */
    } groups[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    char name[BUILD_NAME];
    size_t at = 1;
    x = conv_relu6(builder, "features.0", x, 32, 3, 2, 1);
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (size_t i = 0; i < groups[g].blocks; i++) {
            snprintf(name, sizeof name, "features.%zu", at++);
            x = inverted_residual(builder, name, x, groups[g].expansion, groups[g].channels, i ? 1 : groups[g].stride);
        }
    x = conv_relu6(builder, "features.18", x, 1280, 1, 1, 1);
    x = stoa_build_global_average_pool(builder, "avgpool", x);
    x = stoa_build_dropout(builder, "classifier.0", stoa_build_flatten(builder, "flatten", x), 0.2f);
    return stoa_net_scores(builder, "classifier.1", x, classes);
}
