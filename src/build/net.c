/* The ready-made nets by name, and what their makers share. */
#include "build/net.h"

#include <stdio.h>
#include <string.h>

#include "base/reserved.h"
#include "base/status.h"

#define SHALLOW STOA_INIT_FAN_IN_UNIFORM
#define DEEP STOA_INIT_HE_NORMAL

static const struct net {
    const char *name;
    size_t channels, side, classes; /* these and init where nothing else is asked for */
    enum stoa_init init;
    struct stoa_value (*build)(struct stoa_builder *builder, struct stoa_value x, size_t classes);
} nets[] = {
    {"lenet5", 1, 28, 10, SHALLOW, stoa_net_lenet5},      {"vgg_small", 1, 28, 10, SHALLOW, stoa_net_vgg_small},
    {"vgg_bn", 1, 28, 10, DEEP, stoa_net_vgg_bn},         {"resnet20", 3, 32, 10, DEEP, stoa_net_resnet20},
    {"alexnet", 3, 224, 1000, SHALLOW, stoa_net_alexnet}, {"vgg16", 3, 224, 1000, DEEP, stoa_net_vgg16},
    {"resnet18", 3, 224, 1000, DEEP, stoa_net_resnet18},  {"mobilenet_v2", 3, 224, 1000, DEEP, stoa_net_mobilenet_v2},
};
#define NET_COUNT (sizeof nets / sizeof nets[0])

const char *stoa_net_name(size_t index)
{
    return index < NET_COUNT ? nets[index].name : NULL;
}

static const struct net *find(const char *name, struct stoa_error *error)
{
    char known[256] = "";
    for (size_t i = 0; i < NET_COUNT; i++) {
        if (strcmp(nets[i].name, name) == 0)
            return &nets[i];
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", nets[i].name);
    }
    (void)stoa_fail(error, STOA_ERROR_ARGUMENT, "there is no net '%.80s'; there are %s", name, known);
    return NULL;
}

enum stoa_status stoa_net_create(const char *name, const struct stoa_net_options *options, struct stoa_error *error,
                                 struct stoa_model **model)
{
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    *model = NULL;
    if (!name)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "name is null");
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    const struct net *net = find(name, error);
    if (!net)
        return STOA_ERROR_ARGUMENT;
    struct stoa_net_options given = options ? *options : (struct stoa_net_options){0};
    const size_t dims[3] = {given.channels ? given.channels : net->channels, given.height ? given.height : net->side,
                            given.width ? given.width : net->side};
    const struct stoa_builder_options building = {.allocator = given.allocator,
                                                  .log = given.log,
                                                  .seed = given.seed,
                                                  .init = given.init ? given.init : net->init};
    struct stoa_builder *builder;
    STOA_TRY(stoa_builder_create(&building, error, &builder));
    struct stoa_value x = stoa_build_input(builder, "input", 3, dims);
    x = net->build(builder, x, given.classes ? given.classes : net->classes);
    stoa_build_output(builder, "output", x);
    enum stoa_status status = stoa_builder_finish(builder, error, model);
    if (status != STOA_OK)
        stoa_error_prefix(error, "net '%s': ", name);
    return status;
}

struct stoa_value stoa_net_conv(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t channels,
                                size_t kernel, size_t stride, size_t pad)
{
    return stoa_build_conv2d(builder, name, x,
                             &(struct stoa_build_conv){.out_channels = channels,
                                                       .kernel = {kernel, kernel},
                                                       .stride = {stride, stride},
                                                       .pad = {pad, pad, pad, pad}});
}

struct stoa_value stoa_net_max_pool(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t kernel,
                                    size_t stride, size_t pad)
{
    return stoa_build_max_pool2d(
        builder, name, x,
        &(struct stoa_build_pool){.kernel = {kernel, kernel}, .stride = {stride, stride}, .pad = {pad, pad, pad, pad}});
}

struct stoa_value stoa_net_linear(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t features)
{
    return stoa_build_linear(builder, name, x, &(struct stoa_build_linear){.out_features = features});
}

struct stoa_value stoa_net_scores(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t classes)
{
    return stoa_build_linear(builder, name, x,
                             &(struct stoa_build_linear){.out_features = classes, .init = STOA_INIT_FAN_IN_UNIFORM});
}

struct stoa_value stoa_net_norm_conv(struct stoa_builder *builder, const struct net_norm_conv *layer,
                                     struct stoa_value x)
{
    size_t pad = (layer->kernel - 1) / 2;
    x = stoa_build_conv2d(builder, layer->conv, x,
                          &(struct stoa_build_conv){.out_channels = layer->channels,
                                                    .kernel = {layer->kernel, layer->kernel},
                                                    .stride = {layer->stride, layer->stride},
                                                    .pad = {pad, pad, pad, pad},
                                                    .groups = layer->groups,
                                                    .no_bias = 1});
    return stoa_build_batch_norm(builder, layer->norm, x, NULL);
}
