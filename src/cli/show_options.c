/* The options of `stoa show`. */
#include <string.h>

#include "cli/option.h"

static bool take_output(struct settings *settings, const char *text)
{
    settings->show.output = text;
    return text[0] != '\0';
}

static bool take_layer(struct settings *settings, const char *text)
{
    struct show_settings *show = &settings->show;
    if (text[0] == '\0' || show->layer_count == CLI_MAX_LAYERS)
        return false;
    show->layers[show->layer_count++] = text;
    show->layer = show->layers[0];
    return true;
}

static bool take_image(struct settings *settings, const char *text)
{
    settings->show.image = text;
    return text[0] != '\0';
}

static bool take_spread(struct settings *settings, const char *text)
{
    (void)text;
    settings->show.spread = true;
    return true;
}

static bool take_class(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->show.class);
}

static bool take_sort(struct settings *settings, const char *text)
{
    settings->show.by_mean = strcmp(text, "mean") == 0;
    return settings->show.by_mean || strcmp(text, "max") == 0;
}

static bool take_square(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, INT32_MAX, &settings->show.size);
}

static bool take_stride(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, INT32_MAX, &settings->show.stride);
}

static bool take_unit(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->show.unit);
}

static bool take_steps(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 1000000, &settings->show.steps);
}

static bool take_data(struct settings *settings, const char *text)
{
    settings->data = text;
    return text[0] != '\0';
}

static bool take_batch(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 1u << 20, &settings->train.batch);
}

static bool take_pixel(struct settings *settings, const char *text)
{
    char row[32];
    const char *comma = strchr(text, ',');
    if (!comma || (size_t)(comma - text) >= sizeof row)
        return false;
    memcpy(row, text, (size_t)(comma - text));
    row[comma - text] = '\0';
    return stoa_cli_read_size(row, 0, INT32_MAX, &settings->show.pixel[0]) &&
           stoa_cli_read_size(comma + 1, 0, INT32_MAX, &settings->show.pixel[1]);
}

static bool take_channel(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->show.channel);
}

static bool take_count(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 400, &settings->show.count);
}

static bool take_limit(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, INT32_MAX, &settings->show.limit);
}

static bool take_maps(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 1024, &settings->show.maps);
}

static bool take_top(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 1, 100, &settings->show.top);
}

const struct option stoa_cli_show_options[] = {
    {"output", "FILE", IN_SHOW, take_output, "the picture: a name that ends in .png, .svg or .html (a page)"},
    {"layer", "NAME", IN_SHOW, take_layer,
     "a layer, by the name of its node or of its output; deconv takes several, each with --layer"},
    {"image", "FILE", IN_SHOW, take_image, "a picture (.png or .jpg) for the model's input; or --input"},
    {"limit", "N", IN_SHOW, take_limit, "deconv: only the first N pictures of --data"},
    {"maps", "N", IN_SHOW, take_maps, "deconv: the N maps that answer the strongest, 1 to 1024 (default 16)"},
    {"top", "N", IN_SHOW, take_top, "deconv: for each the N pictures, 1 to 100 (default 9)"},
    {"spread", NULL, IN_SHOW, take_spread, "deconv: average pooling, which has no switches, spreads evenly"},
    {"class", "K", IN_SHOW, take_class, "a class, from 0 (default: the best)"},
    {"sort", "max|mean", IN_SHOW, take_sort, "activations: maps in the order of their maximum (default) or mean"},
    {"square", "PIXELS", IN_SHOW, take_square,
     "occlusion: the side of the grey square (default: a sixth of the image)"},
    {"stride", "PIXELS", IN_SHOW, take_stride, "occlusion: how far it slides each time (default: half its side)"},
    {"unit", "K", IN_SHOW, take_unit, "maximize: the channel of --layer, from 0; without --layer see --class"},
    {"steps", "N", IN_SHOW, take_steps, "maximize: steps of ascent (default 200)"},
    {"data", "SET", IN_SHOW, take_data,
     "deconv, confusion, errors: a data set as of stoa train, whose test part is used"},
    {"batch", "N", IN_SHOW, take_batch, "confusion, errors: images at once (default 64)"},
    {"count", "N", IN_SHOW, take_count, "errors: how many, 1 to 400 (default 40)"},
    {"pixel", "OY,OX", IN_SHOW, take_pixel, "steps: the output's row and column (default: the middle)"},
    {"channel", "OC", IN_SHOW, take_channel, "steps: the output's channel (default 0)"},
};
const size_t stoa_cli_show_option_count = sizeof stoa_cli_show_options / sizeof stoa_cli_show_options[0];
