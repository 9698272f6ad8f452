/* A row becomes a network, of which all inputs and parameters are checked. */
#include "train/gradient_rows.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "support/net.h"

void gradient_net_check(const char *name, const char *text, const struct gradient_row *loss, unsigned long seed)
{
    struct net net;
    struct stoa_error error = {0};
    net_build(&net, text, NULL);
    const struct stoa_gradient_options options = {.loss = loss->loss,
                                                  .label_smoothing = loss->label_smoothing,
                                                  .margin = loss->margin,
                                                  .inputs = 1,
                                                  .seed = seed};
    enum stoa_status status = stoa_gradient_check(net.model, &options, &error);
    cr_expect(status == STOA_OK, "%s: %s: %s", name, stoa_status_name(status), error.message);
    net_free(&net);
}

void gradient_rows_check(const struct gradient_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct gradient_row *row = &rows[i];
        const char *gap = strchr(row->inputs, ' ');
        char text[1024];
        snprintf(text, sizeof text, "input x f32%.*s\n%s%s%s%s\noutput y\n",
                 gap ? (int)(gap - row->inputs) : (int)strlen(row->inputs), row->inputs, gap ? "input z f32" : "",
                 gap ? gap + 1 : "", gap ? "\n" : "", row->body);
        gradient_net_check(row->name, text, row, i + 1);
    }
}
