/* Graphviz lays graphs out, cairo draws them as all else: so both agree about how wide text is, whatever fonts and
 * output formats Graphviz was installed with. */
#include "cli/graph_picture.h"

#include <gvc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

#define INCH 72.0 /* in points; Graphviz measures nodes in inches */
#define MARGIN 12
#define LINE 12
#define PADDING 7
#define LONGEST_LABEL 1024
#define MOST_LINES 12

struct label {
    char text[LONGEST_LABEL];
    char *lines[MOST_LINES];
    size_t count;
};

/* cgraph's functions take names as char *, and change none. */
static char *name(const char *text)
{
    union {
        const char *given;
        char *taken;
    } pointer = {.given = text};
    return pointer.taken;
}

/* The lines of a label, whose ends are written \n and whose backslashes are doubled. */
static void split(const char *text, struct label *label)
{
    size_t length = 0;
    label->count = 1;
    label->lines[0] = label->text;
    for (; *text && length + 2 < sizeof label->text; text++) {
        if (*text == '\\' && text[1] == 'n' && label->count < MOST_LINES) {
            label->text[length++] = '\0';
            label->lines[label->count++] = label->text + length;
            text++;
        } else if (*text == '\\' && text[1]) {
            label->text[length++] = *++text;
        } else {
            label->text[length++] = *text;
        }
    }
    label->text[length] = '\0';
}

static double text_size(size_t line)
{
    return line == 0 ? 11 : 9.5;
}

/* Nodes get their sizes, and lose their labels, which are not Graphviz's to draw. */
static void measure(const struct picture *ruler, graph_t *graph)
{
    agattr(graph, AGNODE, name("words"), name(""));
    for (node_t *node = agfstnode(graph); node; node = agnxtnode(graph, node)) {
        struct label label;
        char number[32];
        double width = 0;
        split(agget(node, name("label")), &label);
        for (size_t i = 0; i < label.count; i++)
            width = fmax(width, stoa_picture_text_width(ruler, text_size(i), label.lines[i]));
        agset(node, name("words"), agget(node, name("label")));
        agset(node, name("label"), name(""));
        /* An ellipse is narrower where its first and last lines are. */
        if (strcmp(agget(node, name("shape")), "ellipse") == 0)
            width *= 1.3;
        snprintf(number, sizeof number, "%.4f", (width + 2 * PADDING) / INCH);
        agsafeset(node, name("width"), number, name(""));
        snprintf(number, sizeof number, "%.4f", ((double)label.count * LINE + 2 * PADDING) / INCH);
        agsafeset(node, name("height"), number, name(""));
        agsafeset(node, name("fixedsize"), name("true"), name("false"));
    }
}

struct sheet {
    const struct picture *picture;
    double top; /* Graphviz counts upwards */
};

static double across(double x)
{
    return MARGIN + x;
}

static double down(const struct sheet *sheet, double y)
{
    return MARGIN + sheet->top - y;
}

static void draw_arrow(const struct sheet *sheet, pointf from, pointf to)
{
    cairo_t *cairo = sheet->picture->cairo;
    double x = across(to.x), y = down(sheet, to.y), dx = x - across(from.x), dy = y - down(sheet, from.y);
    double length = hypot(dx, dy);
    if (length <= 0)
        return;
    dx *= 7 / length;
    dy *= 7 / length;
    cairo_move_to(cairo, x, y);
    cairo_line_to(cairo, x - dx - 0.4 * dy, y - dy + 0.4 * dx);
    cairo_line_to(cairo, x - dx + 0.4 * dy, y - dy - 0.4 * dx);
    cairo_close_path(cairo);
    cairo_fill(cairo);
}

static void draw_edge(const struct sheet *sheet, edge_t *edge)
{
    cairo_t *cairo = sheet->picture->cairo;
    splines *curves = ED_spl(edge);
    cairo_set_source_rgb(cairo, 0.35, 0.35, 0.35);
    cairo_set_line_width(cairo, 1);
    for (size_t i = 0; curves && i < (size_t)curves->size; i++) {
        bezier *curve = &curves->list[i];
        pointf *points = curve->list;
        size_t count = (size_t)curve->size;
        cairo_move_to(cairo, across(points[0].x), down(sheet, points[0].y));
        for (size_t k = 1; k + 2 < count; k += 3)
            cairo_curve_to(cairo, across(points[k].x), down(sheet, points[k].y), across(points[k + 1].x),
                           down(sheet, points[k + 1].y), across(points[k + 2].x), down(sheet, points[k + 2].y));
        cairo_stroke(cairo);
        if (curve->eflag)
            draw_arrow(sheet, points[count - 1], curve->ep);
    }
}

static void trace_shape(cairo_t *cairo, bool ellipse, double x, double y, double width, double height)
{
    const double radius = 5;
    cairo_new_path(cairo);
    if (ellipse) {
        cairo_save(cairo);
        cairo_translate(cairo, x + width / 2, y + height / 2);
        cairo_scale(cairo, width / 2, height / 2);
        cairo_arc(cairo, 0, 0, 1, 0, 2 * M_PI);
        cairo_restore(cairo);
        return;
    }
    cairo_arc(cairo, x + width - radius, y + radius, radius, -M_PI / 2, 0);
    cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, M_PI / 2);
    cairo_arc(cairo, x + radius, y + height - radius, radius, M_PI / 2, M_PI);
    cairo_arc(cairo, x + radius, y + radius, radius, M_PI, 3 * M_PI / 2);
    cairo_close_path(cairo);
}

static void draw_node(const struct sheet *sheet, node_t *node)
{
    const struct picture *picture = sheet->picture;
    const double dash[] = {4, 3};
    double width = ND_width(node) * INCH, height = ND_height(node) * INCH;
    double x = across(ND_coord(node).x) - width / 2, y = down(sheet, ND_coord(node).y) - height / 2;
    const char *fill = agget(node, name("fillcolor"));
    unsigned long colour = fill && fill[0] == '#' ? strtoul(fill + 1, NULL, 16) : 0xffffff;
    bool dashed = strcmp(agget(node, name("style")), "dashed") == 0;
    trace_shape(picture->cairo, strcmp(agget(node, name("shape")), "ellipse") == 0, x, y, width, height);
    cairo_set_source_rgb(picture->cairo, (double)(colour >> 16 & 255) / 255, (double)(colour >> 8 & 255) / 255,
                         (double)(colour & 255) / 255);
    cairo_fill_preserve(picture->cairo);
    cairo_set_source_rgb(picture->cairo, 0.25, 0.25, 0.25);
    cairo_set_line_width(picture->cairo, 1);
    cairo_set_dash(picture->cairo, dash, dashed ? 2 : 0, 0);
    cairo_stroke(picture->cairo);
    cairo_set_dash(picture->cairo, dash, 0, 0);
    struct label label;
    split(agget(node, name("words")), &label);
    for (size_t i = 0; i < label.count; i++)
        stoa_picture_text(picture, x + width / 2, y + PADDING + LINE * (double)(i + 1) - 3, text_size(i), TEXT_MIDDLE,
                          i ? 0x333333 : 0x000000, label.lines[i]);
}

static enum stoa_status draw(graph_t *graph, struct stoa_error *error, struct picture *picture)
{
    boxf bounds = GD_bb(graph);
    STOA_TRY(stoa_picture_begin(bounds.UR.x + 2 * MARGIN, bounds.UR.y + 2 * MARGIN, error, picture));
    struct sheet sheet = {.picture = picture, .top = bounds.UR.y};
    for (node_t *node = agfstnode(graph); node; node = agnxtnode(graph, node))
        for (edge_t *edge = agfstout(graph, node); edge; edge = agnxtout(graph, edge))
            draw_edge(&sheet, edge);
    for (node_t *node = agfstnode(graph); node; node = agnxtnode(graph, node))
        draw_node(&sheet, node);
    return STOA_OK;
}

enum stoa_status stoa_cli_graph_picture(const char *dot, struct stoa_error *error, struct picture *picture)
{
    struct picture ruler;
    *picture = (struct picture){0};
    STOA_TRY(stoa_picture_begin(1, 1, error, &ruler));
    GVC_t *context = gvContext();
    graph_t *graph = context ? agmemread(dot) : NULL;
    enum stoa_status status = STOA_OK;
    if (graph)
        measure(&ruler, graph);
    if (graph && gvLayout(context, graph, "dot") == 0) {
        status = draw(graph, error, picture);
        gvFreeLayout(context, graph);
    } else {
        status = stoa_fail(error, STOA_ERROR_MEMORY, "Graphviz could not lay the graph out");
    }
    if (graph)
        agclose(graph);
    if (context)
        gvFreeContext(context);
    stoa_picture_free(&ruler);
    return status;
}
