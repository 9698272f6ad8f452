/* stoa show steps. */
#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/status.h"
#include "cli/show.h"
#include "show/steps.h"
#include "show/text.h"

#define MOST_ROWS 600

/* How the two ways find their numbers. */
static void write_maps(const struct stoa_steps *steps, struct text *html)
{
    const struct stoa_conv2d_desc *shape = &steps->conv;
    stoa_text_print(html,
                    "<h2>Where the numbers come from</h2>\n<pre>"
                    "y[oy][ox][oc] = bias[oc] + sum over r, s, c of\n"
                    "    x[oy*%zu + r*%zu - %zu][ox*%zu + s*%zu - %zu][c] * weights[oc][c][r][s]\n\n",
                    shape->stride[0], shape->dilation[0], shape->pad[0], shape->stride[1], shape->dilation[1],
                    shape->pad[1]);
    stoa_text_print(html,
                    "matrix: col[oy*%zu + ox][(r*%zu + s)*%zu + c], %zu rows of %zu, is copied out of the image\n"
                    "        this output is row %zu times the filter's column\n\n",
                    steps->out_width, shape->kernel[1], steps->channels, steps->out_height * steps->out_width,
                    steps->count, steps->oy * steps->out_width + steps->ox);
    stoa_text_print(html,
                    "view:   for each tap (r, s) the block A[ox][c] = x[base + ox*%zu + c] is already in memory,\n"
                    "        pixels %zu floats apart (the next output row: %zu); y += A * weights[r][s], no copy\n"
                    "        base = ((oy*%zu + r*%zu - %zu)*%zu + s*%zu - %zu)*%zu + %zu</pre>\n",
                    steps->pixel_stride, steps->pixel_stride, steps->row_stride, shape->stride[0], shape->dilation[0],
                    shape->pad[0], shape->width, shape->dilation[1], shape->pad[1], shape->in_channels,
                    steps->group * steps->channels);
}

/* 0 for -0, as which 0 times what is below 0 would be written. */
static double without_sign(double value)
{
    return value == 0 ? 0 : value;
}

static void write_taps(const struct stoa_steps *steps, struct text *html)
{
    stoa_text_print(html,
                    "<h2>Views: a product for each tap</h2>\n<table><tr><th>r, s<th>pixel (row, column)<th>floats "
                    "into the image<th>products (channels: %zu), summed<th>so far</tr>\n",
                    steps->channels);
    double sum = 0;
    for (size_t k = 0; k < steps->tap_count; k++) {
        const struct stoa_steps_tap *tap = &steps->taps[k];
        sum += tap->products;
        stoa_text_print(html, "<tr><td>%zu, %zu<td>%" PRId64 ", %" PRId64 "<td>", tap->r, tap->s, tap->y, tap->x);
        if (tap->inside)
            stoa_text_print(html, "%zu<td>%.6g<td>%.6g</tr>\n", tap->offset, without_sign(tap->products),
                            without_sign(sum));
        else
            stoa_text_print(html, "outside: no product<td><td>%.6g</tr>\n", without_sign(sum));
    }
    stoa_text_print(html, "</table>\n");
}

static void write_row(const struct stoa_steps *steps, struct text *html)
{
    size_t count = steps->count < MOST_ROWS ? steps->count : MOST_ROWS;
    stoa_text_print(html,
                    "<h2>The matrix: a row times a column</h2>\n<table><tr><th>place<th>r, s, c<th>row<th>filter<th>"
                    "product</tr>\n");
    for (size_t i = 0; i < count; i++)
        stoa_text_print(html, "<tr><td>%zu<td>%zu, %zu, %zu<td>%.6g<td>%.6g<td>%.6g</tr>\n", i,
                        steps->taps[i / steps->channels].r, steps->taps[i / steps->channels].s, i % steps->channels,
                        without_sign((double)steps->row[i]), without_sign((double)steps->filter[i]),
                        without_sign(steps->products[i]));
    stoa_text_print(html, "</table>\n");
    if (count < steps->count)
        stoa_text_print(html, "<p>… and %zu more.</p>\n", steps->count - count);
}

static enum stoa_status draw(struct show_job *job, const struct stoa_steps *steps, struct stoa_error *error)
{
    struct picture picture;
    struct text html = {.made = {.allocator = job->allocator}};
    STOA_TRY(stoa_steps_draw(steps, error, &picture));
    STOA_TRY(stoa_page_picture(&job->page, &picture, "One output of a convolution, worked out", 1, error));
    write_maps(steps, &html);
    write_taps(steps, &html);
    write_row(steps, &html);
    enum stoa_status status = stoa_text_finish(&html, error);
    if (status == STOA_OK)
        status = stoa_page_html(&job->page, html.made.data, error);
    stoa_text_free(&html.made);
    return status;
}

enum stoa_status stoa_cli_show_steps(struct show_job *job, struct stoa_error *error)
{
    const struct show_settings *settings = &job->settings->show;
    struct stoa_steps *steps;
    STOA_TRY(stoa_show_steps(&job->subject, settings->layer, settings->pixel[0] == CLI_UNSET ? NULL : settings->pixel,
                             settings->channel, error, &steps));
    enum stoa_status status = draw(job, steps, error);
    stoa_steps_free(steps);
    return status;
}
