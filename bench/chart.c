/* Bars, the roofline, and their axes. */
#include "chart.h"

#include <math.h>
#include <string.h>

#include "html.h"

#define MAX_GROUPS 4 /* shapes and colours of points */
#define FAR 2        /* intervals that reach further from their ratio are cut off, so that bars stay readable */

/* A logarithmic axis: `low` is drawn at `begin` and `high` at `end`, in per cent of the picture. */
struct axis {
    double low, high, begin, end;
};

static double at(const struct axis *axis, double value)
{
    return axis->begin + (axis->end - axis->begin) * log(value / axis->low) / log(axis->high / axis->low);
}

/* Widens the axis to hold the value, some air beside it. */
static void hold(struct axis *axis, double value, double air)
{
    axis->low = fmin(axis->low, value / air);
    axis->high = fmax(axis->high, value * air);
}

/* The first tick at or above `value`, and whether it is of those that remain when there are many: 1, 2 and 5 times
 * powers of ten; between 0.5 and 2, where ratios mostly lie, finer ones if `fine`. */
static double tick_from(double value, bool fine)
{
    static const double coarse_steps[] = {1, 2, 5, 10}, fine_steps[] = {1, 1.25, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const double *steps = fine ? fine_steps : coarse_steps;
    double decade = pow(10, floor(log10(value) + 1e-9));
    while (*steps * decade < value * (1 - 1e-9))
        steps++;
    return *steps * decade;
}

static void legend_item(const char *drawing, const char *text, FILE *out)
{
    fprintf(out, "<li><svg aria-hidden=\"true\">%s</svg>", drawing);
    stoa_bench_html_text(text, out);
    fputs("</li>\n", out);
}

static void begin_figure(const char *title, const char *told, FILE *out)
{
    fputs("<figure>\n<figcaption>", out);
    stoa_bench_html_text(title, out);
    fputs(" <span>", out);
    stoa_bench_html_text(told, out);
    fputs("</span></figcaption>\n", out);
}

static void begin_svg(const char *kind, const char *title, double height, FILE *out)
{
    fprintf(out, "<svg class=\"%s\" role=\"img\" height=\"%.0f\" aria-label=\"", kind, height);
    stoa_bench_html_text(title, out);
    fputs("; the table holds the same numbers\">\n", out);
}

static void text_at(const char *class, const char *anchor, double x, double y, const char *text, FILE *out)
{
    fprintf(out, "<text%s%s%s x=\"%.2f%%\" y=\"%.0f\" text-anchor=\"%s\">", *class ? " class=\"" : "", class,
            *class ? "\"" : "", x, y, anchor);
    stoa_bench_html_text(text, out);
    fputs("</text>", out);
}

/* Down there are pixels. */
enum { TOP = 20, ROW = 22, PLOT_BEGIN = 33, PLOT_END = 76, VALUE_END = 85 };

static void print_ratio_axis(const struct axis *axis, double bottom, FILE *out)
{
    char text[32];
    bool fine = axis->high / axis->low < 6;
    for (double tick = tick_from(axis->low, fine); tick <= axis->high; tick = tick_from(tick * 1.01, fine)) {
        double x = at(axis, tick);
        fprintf(out, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%.0f\"/>",
                fabs(tick - 1) < 1e-6 ? "one" : "grid", x, x, TOP - 3, bottom);
        snprintf(text, sizeof text, "%.3g", tick);
        text_at("tick", "middle", x, TOP - 8, text, out);
        fputc('\n', out);
    }
}

static const char *const looks[] = {[BAR_FASTER] = "faster", [BAR_SLOWER] = "slower", [BAR_UNDECIDED] = "undecided"};

static void print_line(const char *class, double x1, double x2, double y1, double y2, FILE *out)
{
    fprintf(out, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.0f\" y2=\"%.0f\"/>", class, x1, x2, y1, y2);
}

/* The interval; where it goes beyond the axis it has no end. */
static void print_interval(const struct axis *axis, double middle, const struct estimate *ratio, FILE *out)
{
    double low = at(axis, fmax(ratio->low, axis->low)), high = at(axis, fmin(ratio->high, axis->high));
    print_line("whisker", low, high, middle, middle, out); /* its rim, in the paper's colour */
    print_line("whisker", low, high, middle, middle, out);
    if (ratio->low >= axis->low)
        print_line("end", low, low, middle - 4, middle + 4, out);
    if (ratio->high <= axis->high)
        print_line("end", high, high, middle - 4, middle + 4, out);
}

static void print_bar(const struct axis *axis, double y, const struct bar *bar, FILE *out)
{
    double one = at(axis, 1), value = at(axis, bar->ratio.value), middle = y + ROW / 2;
    char text[96];
    fprintf(out, "<g class=\"%s\" data-name=\"", looks[bar->look]);
    stoa_bench_html_text(bar->name, out);
    fprintf(out, "\" data-value=\"%.6g\" data-low=\"%.6g\" data-high=\"%.6g\" data-verdict=\"%s\"", bar->ratio.value,
            bar->ratio.low, bar->ratio.high, bar->word);
    if (bar->target > 0)
        fprintf(out, " data-target=\"%.6g\"", bar->target);
    fputs("><title>", out);
    stoa_bench_html_format(out, "%s: %.3f, interval %.3f to %.3f, %s", bar->name, bar->ratio.value, bar->ratio.low,
                           bar->ratio.high, bar->word);
    if (bar->target > 0)
        fprintf(out, "; target %.2f", bar->target);
    fprintf(out, "</title><rect class=\"hit\" width=\"100%%\" y=\"%.0f\" height=\"%d\"/>", y, ROW);
    text_at("", "start", 0, middle + 4, bar->name, out);
    text_at("wide muted", "end", PLOT_BEGIN - 1, middle + 4, bar->detail, out);
    fprintf(out, "<rect class=\"bar\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.0f\" height=\"%d\"/>", fmin(one, value),
            fabs(value - one), y + 4, ROW - 8);
    print_interval(axis, middle, &bar->ratio, out);
    if (bar->target > 0)
        print_line("target", at(axis, bar->target), at(axis, bar->target), y + 2, y + ROW - 2, out);
    snprintf(text, sizeof text, "%.2f", bar->ratio.value);
    text_at("", "end", VALUE_END, middle + 4, text, out);
    snprintf(text, sizeof text, "%.2f–%.2f%s%s", bar->ratio.low, bar->ratio.high, bar->look == BAR_UNDECIDED ? " " : "",
             bar->look == BAR_UNDECIDED ? bar->word : "");
    text_at("wide muted", "start", VALUE_END + 1, middle + 4, text, out);
    fputs("</g>\n", out);
}

static void print_bar_legend(const bool *seen, bool target, FILE *out)
{
    fputs("<ul class=\"legend\">\n", out);
    if (seen[BAR_FASTER])
        legend_item("<g class=\"faster\"><rect class=\"bar\" width=\"28\" height=\"12\"/></g>", "faster", out);
    if (seen[BAR_SLOWER])
        legend_item("<g class=\"slower\"><rect class=\"bar\" width=\"28\" height=\"12\"/></g>", "slower", out);
    if (seen[BAR_UNDECIDED])
        legend_item("<g class=\"undecided\"><rect class=\"bar\" x=\"1\" y=\"1\" width=\"26\" height=\"10\"/></g>",
                    "not decided", out);
    legend_item("<line class=\"whisker\"/><line class=\"whisker\" x1=\"2\" x2=\"26\" y1=\"6\" y2=\"6\"/>"
                "<line class=\"end\" x1=\"2\" x2=\"2\" y1=\"2\" y2=\"10\"/>"
                "<line class=\"end\" x1=\"26\" x2=\"26\" y1=\"2\" y2=\"10\"/>",
                "95 % interval", out);
    if (target)
        legend_item("<line class=\"target\" x1=\"14\" x2=\"14\" y2=\"12\"/>", "target", out);
    fputs("</ul>\n", out);
}

void stoa_bench_bars(const char *title, const char *told, size_t count, const struct bar *bars, FILE *out)
{
    struct axis axis = {.low = 1 / 1.1, .high = 1.1, .begin = PLOT_BEGIN, .end = PLOT_END};
    bool seen[3] = {false}, target = false;
    for (size_t i = 0; i < count; i++) {
        hold(&axis, fmax(bars[i].ratio.low, bars[i].ratio.value / FAR), 1.05);
        hold(&axis, fmin(bars[i].ratio.high, bars[i].ratio.value * FAR), 1.05);
        if (bars[i].target > 0)
            hold(&axis, bars[i].target, 1.05);
        seen[bars[i].look] = true;
        target = target || bars[i].target > 0;
    }
    begin_figure(title, told, out);
    print_bar_legend(seen, target, out);
    begin_svg("bars", title, TOP + ROW * (double)count + 4, out);
    print_ratio_axis(&axis, TOP + ROW * (double)count, out);
    for (size_t i = 0; i < count; i++)
        print_bar(&axis, TOP + ROW * (double)i, &bars[i], out);
    fputs("</svg>\n</figure>\n", out);
}

/* Shapes about the origin. */
static const char *const shapes[MAX_GROUPS] = {
    "<circle r=\"5\"",
    "<rect x=\"-4.5\" y=\"-4.5\" width=\"9\" height=\"9\"",
    "<path d=\"M0-6 5.5 4H-5.5Z\"",
    "<path d=\"M0-6.5 6 0 0 6.5-6 0Z\"",
};

/* The groups of the points, in the order in which they first appear; those beyond the last share its shape. */
struct groups {
    size_t count;
    const char *names[MAX_GROUPS];
};

static size_t find_group(struct groups *groups, const char *name)
{
    for (size_t i = 0; i < groups->count; i++)
        if (strcmp(groups->names[i], name) == 0)
            return i;
    if (groups->count == MAX_GROUPS)
        return MAX_GROUPS - 1;
    groups->names[groups->count] = name;
    return groups->count++;
}

static void print_point_legend(const struct groups *groups, bool peers, FILE *out)
{
    char drawing[256];
    fputs("<ul class=\"legend\">\n", out);
    for (size_t i = 0; i < groups->count; i++) {
        snprintf(drawing, sizeof drawing, "<g class=\"g%zu\" transform=\"translate(14,6)\">%s class=\"ours\"/></g>", i,
                 shapes[i]);
        legend_item(drawing, groups->names[i][0] ? groups->names[i] : "Stoa", out);
    }
    if (peers)
        legend_item("<g class=\"g0\" transform=\"translate(14,6)\"><circle r=\"5\" class=\"peer\"/></g>",
                    "hollow: the fastest peer at the same work", out);
    legend_item("<line class=\"roof\" x1=\"0\" x2=\"28\" y1=\"6\" y2=\"6\"/>", "what the machine can do", out);
    fputs("</ul>\n", out);
}

static void print_mark(const struct axis *x, const struct axis *y, const struct point *point, bool peer, size_t group,
                       FILE *out)
{
    double gflops = peer ? point->peer_gflops : point->gflops;
    const char *who = peer ? point->peer : point->who;
    fprintf(out, "<svg x=\"%.2f%%\" y=\"%.2f%%\" width=\"1\" height=\"1\" overflow=\"visible\" class=\"point g%zu\"",
            at(x, point->intensity), at(y, gflops), group);
    fputs(" data-name=\"", out);
    stoa_bench_html_text(point->name, out);
    fputs("\" data-who=\"", out);
    stoa_bench_html_text(who, out);
    fprintf(out, "\" data-intensity=\"%.6g\" data-gflops=\"%.6g\">%s class=\"%s\"><title>", point->intensity, gflops,
            shapes[group], peer ? "peer" : "ours");
    stoa_bench_html_format(out, "%s, %s: %.1f GFLOP/s at %.1f operations a byte", point->name, who, gflops,
                           point->intensity);
    fprintf(out, "</title></%s></svg>\n", group == 0 ? "circle" : group == 1 ? "rect" : "path");
}

static void print_grid(const struct axis *x, const struct axis *y, FILE *out)
{
    for (double tick = tick_from(x->low, false); tick <= x->high; tick = tick_from(tick * 1.01, false)) {
        fprintf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>", at(x, tick),
                at(x, tick), y->begin, y->end);
        fprintf(out, "<text class=\"tick\" x=\"%.2f%%\" y=\"%.2f%%\" dy=\"15\" text-anchor=\"middle\">%g</text>\n",
                at(x, tick), y->begin, tick);
    }
    for (double tick = tick_from(y->low, false); tick <= y->high; tick = tick_from(tick * 1.01, false)) {
        fprintf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>", x->begin, x->end,
                at(y, tick), at(y, tick));
        fprintf(out,
                "<text class=\"tick\" x=\"%.2f%%\" y=\"%.2f%%\" dx=\"-5\" dy=\"4\" text-anchor=\"end\">%g</text>\n",
                x->begin, at(y, tick), tick);
    }
    fputs(
        "<text class=\"muted\" x=\"56%\" y=\"100%\" dy=\"-4\" text-anchor=\"middle\">floating-point operations a byte "
        "that must move</text><text class=\"muted\" x=\"0\" y=\"12\">GFLOP/s</text>\n",
        out);
}

static void print_roof(const struct axis *x, const struct axis *y, const struct roof *roof, FILE *out)
{
    double ridge = roof->gbytes > 0 ? roof->gflops / roof->gbytes : x->low;
    double begin = fmax(x->low, roof->gbytes > 0 ? y->low / roof->gbytes : 0);
    fprintf(out, "<g class=\"roofs\" data-gflops=\"%.6g\" data-gbytes=\"%.6g\">", roof->gflops, roof->gbytes);
    if (roof->gbytes > 0)
        fprintf(out, "<line class=\"roof\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>", at(x, begin),
                at(x, ridge), at(y, begin * roof->gbytes), at(y, roof->gflops));
    fprintf(out, "<line class=\"roof\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>", at(x, ridge), x->end,
            at(y, roof->gflops), at(y, roof->gflops));
    fprintf(out, "<text x=\"%.2f%%\" y=\"%.2f%%\" dx=\"%d\" dy=\"-4\" text-anchor=\"%s\">%.0f GFLOP/s</text>",
            at(x, ridge), at(y, roof->gflops), roof->gbytes > 0 ? -4 : 4, roof->gbytes > 0 ? "end" : "start",
            roof->gflops);
    if (roof->gbytes > 0)
        fprintf(out, "<text x=\"%.2f%%\" y=\"%.2f%%\" dx=\"8\" dy=\"12\" text-anchor=\"start\">%.1f GB/s</text>",
                at(x, sqrt(begin * ridge)), at(y, sqrt(begin * ridge) * roof->gbytes), roof->gbytes);
    fputs("</g>\n", out);
}

void stoa_bench_roofline(const char *title, const struct roof *roof, size_t count, const struct point *points,
                         FILE *out)
{
    struct axis x = {.low = INFINITY, .begin = 8, .end = 98};
    struct axis y = {.low = INFINITY, .begin = 90, .end = 5};
    struct groups groups = {0};
    char told[160];
    bool peers = false;
    hold(&y, roof->gflops, 1.4);
    if (roof->gbytes > 0)
        hold(&x, roof->gflops / roof->gbytes, 2);
    for (size_t i = 0; i < count; i++) {
        hold(&x, points[i].intensity, 1.4);
        hold(&y, points[i].gflops, 1.4);
        if (points[i].peer)
            hold(&y, points[i].peer_gflops, 1.4);
        peers = peers || points[i].peer;
        find_group(&groups, points[i].group);
    }
    snprintf(told, sizeof told, "%zu thread%s; both axes logarithmic%s", roof->threads, roof->threads == 1 ? "" : "s",
             roof->gbytes > 0 ? "" : "; the machine's bandwidth was not measured");
    begin_figure(title, told, out);
    print_point_legend(&groups, peers, out);
    begin_svg("roofline", title, 420, out);
    print_grid(&x, &y, out);
    print_roof(&x, &y, roof, out);
    for (size_t i = 0; i < count; i++)
        if (points[i].peer)
            fprintf(out, "<line class=\"gap g%zu\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%.2f%%\" y2=\"%.2f%%\"/>\n",
                    find_group(&groups, points[i].group), at(&x, points[i].intensity), at(&x, points[i].intensity),
                    at(&y, points[i].gflops), at(&y, points[i].peer_gflops));
    for (int ours = 0; ours < 2; ours++)
        for (size_t i = 0; i < count; i++)
            if (ours || points[i].peer)
                print_mark(&x, &y, &points[i], !ours, find_group(&groups, points[i].group), out);
    fputs("</svg>\n</figure>\n", out);
}
