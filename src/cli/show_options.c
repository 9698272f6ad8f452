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
    settings->show.layer = text;
    return text[0] != '\0';
}

static bool take_image(struct settings *settings, const char *text)
{
    settings->show.image = text;
    return text[0] != '\0';
}

static bool take_class(struct settings *settings, const char *text)
{
    return stoa_cli_read_size(text, 0, INT32_MAX, &settings->show.class);
}

const struct option stoa_cli_show_options[] = {
    {"output", "FILE", IN_SHOW, take_output, "the picture: a name that ends in .png, .svg or .html (a page)"},
    {"layer", "NAME", IN_SHOW, take_layer, "a layer, by the name of its node or of its output"},
    {"image", "FILE", IN_SHOW, take_image, "a picture (.png or .jpg) for the model's input; or --input"},
    {"class", "K", IN_SHOW, take_class, "a class, from 0 (default: the best)"},
};
const size_t stoa_cli_show_option_count = sizeof stoa_cli_show_options / sizeof stoa_cli_show_options[0];
