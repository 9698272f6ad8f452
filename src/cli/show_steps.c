/* stoa show steps. */
#include <stdio.h>

#include "base/memory.h"
#include "base/status.h"
#include "cli/show.h"
#include "show/text.h"
#include "show/worked.h"

#define MOST_ROWS 600

/* How the two ways find their numbers. */
static void write_maps(const struct worked_example *worked, struct text *html)
{
    const struct conv_shape *shape = &worked->shape;
    stoa_text_print(html,
                    "<h2>Where the numbers come from</h2>\n<pre>"
                    "y[oy][ox][oc] = bias[oc] + sum over r, s, c of\n"
                    "    x[oy*%zu + r*%zu - %zu][ox*%zu + s*%zu - %zu][c] * weights[oc][c][r][s]\n\n",
                    shape->stride[0], shape->dilation[0], shape->pad[0], shape->stride[1], shape->dilation[1],
                    shape->pad[1]);
    stoa_text_print(html,
                    "matrix: col[oy*%zu + ox][(r*%zu + s)*%zu + c], %zu rows of %zu, is copied out of the image\n"
                    "        this output is row %zu times the filter's column\n\n",
                    shape->OW, shape->kernel[1], worked->channels, shape->OH * shape->OW, worked->count,
                    worked->oy * shape->OW + worked->ox);
    stoa_text_print(html,
                    "view:   for each tap (r, s) the block A[ox][c] = x[base + ox*%zu + c] is already in memory,\n"
                    "        pixels %zu floats apart (the next output row: %zu); y += A * weights[r][s], no copy\n"
                    "        base = ((oy*%zu + r*%zu - %zu)*%zu + s*%zu - %zu)*%zu + %zu</pre>\n",
                    worked->pixel_stride, worked->pixel_stride, worked->row_stride, shape->stride[0],
                    shape->dilation[0], shape->pad[0], shape->W, shape->dilation[1], shape->pad[1], shape->C,
                    worked->group * worked->channels);
}

static void write_taps(const struct worked_example *worked, struct text *html)
{
    stoa_text_print(html,
                    "<h2>Views: a product for each tap</h2>\n<table><tr><th>r, s<th>pixel (row, column)<th>floats "
                    "into the image<th>products (channels: %zu), summed<th>so far</tr>\n",
                    worked->channels);
    double sum = 0;
    for (size_t k = 0; k < worked->taps; k++) {
        const struct worked_tap *tap = &worked->tap[k];
        sum += tap->products;
        stoa_text_print(html, "<tr><td>%zu, %zu<td>%td, %td<td>", tap->r, tap->s, tap->y, tap->x);
        if (tap->inside)
            stoa_text_print(html, "%zu<td>%.6g<td>%.6g</tr>\n", tap->offset, tap->products, sum);
        else
            stoa_text_print(html, "outside: no product<td><td>%.6g</tr>\n", sum);
    }
    stoa_text_print(html, "</table>\n");
}

static void write_row(const struct worked_example *worked, struct text *html)
{
    size_t count = worked->count < MOST_ROWS ? worked->count : MOST_ROWS;
    stoa_text_print(html,
                    "<h2>The matrix: a row times a column</h2>\n<table><tr><th>place<th>r, s, c<th>row<th>filter<th>"
                    "product</tr>\n");
    for (size_t i = 0; i < count; i++)
        stoa_text_print(html, "<tr><td>%zu<td>%zu, %zu, %zu<td>%.6g<td>%.6g<td>%.6g</tr>\n", i,
                        worked->tap[i / worked->channels].r, worked->tap[i / worked->channels].s, i % worked->channels,
                        (double)worked->row[i], (double)worked->filter[i], worked->products[i]);
    stoa_text_print(html, "</table>\n");
    if (count < worked->count)
        stoa_text_print(html, "<p>… and %zu more.</p>\n", worked->count - count);
}

static enum stoa_status draw(struct show_job *job, const struct worked_example *worked, struct stoa_error *error)
{
    struct picture picture;
    struct text html = {.made = {.allocator = job->allocator}};
    STOA_TRY(stoa_worked_draw(worked, error, &picture));
    STOA_TRY(stoa_page_picture(&job->page, &picture, "One output of a convolution, worked out", 1, error));
    write_maps(worked, &html);
    write_taps(worked, &html);
    write_row(worked, &html);
    enum stoa_status status = stoa_text_finish(&html, error);
    if (status == STOA_OK)
        status = stoa_page_html(&job->page, html.made.data, error);
    stoa_text_free(&html.made);
    return status;
}

enum stoa_status stoa_cli_show_steps(struct show_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    struct worked_example worked;
    enum stoa_status status = stoa_worked_compute(job->model, job->subject.inputs, job->subject.input_count,
                                                  job->subject.values, settings->show.layer, settings->show.pixel,
                                                  settings->show.channel, &job->allocator, error, &worked);
    if (status == STOA_OK)
        status = draw(job, &worked, error);
    stoa_worked_free(&worked);
    return status;
}
