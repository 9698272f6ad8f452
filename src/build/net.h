/* Ready-made nets: a function each, from the images to the scores, and what they share. */
#ifndef STOA_BUILD_NET_H
#define STOA_BUILD_NET_H

#include <stoa/build.h>

/* Each adds its layers behind the images x and returns the scores. */
struct stoa_value stoa_net_lenet5(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_vgg_small(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_vgg_bn(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_resnet20(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_alexnet(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_vgg16(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_resnet18(struct stoa_builder *builder, struct stoa_value x, size_t classes);
struct stoa_value stoa_net_mobilenet_v2(struct stoa_builder *builder, struct stoa_value x, size_t classes);

/* One square window for both axes; names as layers take them (null: by kind). */
struct stoa_value stoa_net_conv(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t channels,
                                size_t kernel, size_t stride, size_t pad);
struct stoa_value stoa_net_max_pool(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t kernel,
                                    size_t stride, size_t pad);
struct stoa_value stoa_net_linear(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t features);
/* The last layer, whose weights are small: all scores begin near 0, and the loss near the logarithm of their number. */
struct stoa_value stoa_net_scores(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t classes);

/* A convolution without bias, square and padded to keep the size at stride 1, and batch norm behind it. */
struct net_norm_conv {
    const char *conv, *norm; /* names */
    size_t channels, kernel, stride, groups;
};
struct stoa_value stoa_net_norm_conv(struct stoa_builder *builder, const struct net_norm_conv *layer,
                                     struct stoa_value x);

#endif
