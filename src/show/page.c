/* Pages, and pictures as files. */
#include "show/page.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/status.h"
#include "show/bytes.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--quiet:#555;--line:#ccc}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#16181b;--quiet:#a8a8a8;--line:#444}}"
    "body{font:16px/1.5 sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;margin:2rem auto;"
    "padding:0 1rem}h1,h2,h3{line-height:1.2}figure{margin:1.5rem 0}figure img{max-width:100%;background:#fff;"
    "border:1px solid var(--line)}figcaption{color:var(--quiet);font-size:.9rem}"
    "table{border-collapse:collapse}td,th{padding:.15rem .6rem;border-bottom:1px solid var(--line);text-align:right}"
    "pre{overflow-x:auto}@media print{body{max-width:none}figure{break-inside:avoid}}";

enum stoa_status stoa_page_format(const char *path, struct stoa_error *error, enum page_format *format)
{
    static const char *const endings[] = {[PAGE_PNG] = ".png", [PAGE_SVG] = ".svg", [PAGE_HTML] = ".html"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcasecmp(path + length - tail, endings[i]) == 0) {
            *format = (enum page_format)i;
            return STOA_OK;
        }
    }
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "%.300s: the name ends in none of .png .svg .html", path);
}

void stoa_page_begin(const char *title, const struct stoa_allocator *allocator, struct page *page)
{
    *page = (struct page){.allocator = *allocator, .title = title};
}

void stoa_page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        stoa_release(&page->allocator, page->items[i].html);
        stoa_release(&page->allocator, page->items[i].caption);
        stoa_picture_free(&page->items[i].picture);
    }
    if (page->items)
        stoa_release(&page->allocator, page->items);
    *page = (struct page){0};
}

static enum stoa_status copy_text(const struct page *page, const char *text, struct stoa_error *error, char **copy)
{
    size_t size = strlen(text) + 1;
    STOA_TRY(stoa_allocate_raw(&page->allocator, size, 1, error, copy));
    memcpy(*copy, text, size);
    return STOA_OK;
}

static enum stoa_status add_item(struct page *page, struct stoa_error *error, struct page_item **item)
{
    if (page->count == page->capacity) {
        size_t capacity = page->capacity ? 2 * page->capacity : 8;
        struct page_item *grown;
        STOA_TRY(stoa_allocate(&page->allocator, capacity, sizeof *grown, error, &grown));
        if (page->count)
            memcpy(grown, page->items, page->count * sizeof *grown);
        if (page->items)
            stoa_release(&page->allocator, page->items);
        page->items = grown;
        page->capacity = capacity;
    }
    *item = &page->items[page->count++];
    return STOA_OK;
}

enum stoa_status stoa_page_picture(struct page *page, struct picture *picture, const char *caption, int vectors,
                                   struct stoa_error *error)
{
    struct picture taken = *picture;
    *picture = (struct picture){0};
    struct page_item *item;
    enum stoa_status status = add_item(page, error, &item);
    if (status != STOA_OK) {
        stoa_picture_free(&taken);
        return status;
    }
    *item = (struct page_item){.picture = taken, .vectors = vectors};
    return caption ? copy_text(page, caption, error, &item->caption) : STOA_OK;
}

enum stoa_status stoa_page_html(struct page *page, const char *html, struct stoa_error *error)
{
    struct page_item *item;
    STOA_TRY(add_item(page, error, &item));
    return copy_text(page, html, error, &item->html);
}

static enum stoa_status make_element(struct bytes *bytes, const char *tag, const char *text, struct stoa_error *error)
{
    char mark[16];
    snprintf(mark, sizeof mark, "<%s>", tag);
    STOA_TRY(stoa_bytes_text(bytes, mark, error));
    STOA_TRY(stoa_bytes_escaped(bytes, text, error));
    snprintf(mark, sizeof mark, "</%s>\n", tag);
    return stoa_bytes_text(bytes, mark, error);
}

struct sink {
    struct bytes *bytes;
    struct stoa_error *error;
};

static cairo_status_t receive(void *closure, const unsigned char *data, unsigned length)
{
    struct sink *sink = closure;
    return stoa_bytes_add(sink->bytes, data, length, sink->error) == STOA_OK ? CAIRO_STATUS_SUCCESS
                                                                             : CAIRO_STATUS_WRITE_ERROR;
}

/* Plays pictures back, one below the other. */
static enum stoa_status play(const struct page_item *items, size_t count, enum page_format format,
                             struct stoa_error *error, struct bytes *bytes)
{
    double width = 1, height = 0, y = 0;
    for (size_t i = 0; i < count; i++) {
        width = fmax(width, items[i].picture.width);
        height += items[i].picture.height;
    }
    struct sink sink = {bytes, error};
    cairo_surface_t *surface =
        format == PAGE_SVG
            ? cairo_svg_surface_create_for_stream(receive, &sink, width, fmax(height, 1))
            : cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width), (int)ceil(fmax(height, 1)));
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    for (size_t i = 0; i < count; i++) {
        if (!items[i].picture.surface)
            continue;
        cairo_set_source_surface(cairo, items[i].picture.surface, 0, y);
        cairo_paint(cairo);
        y += items[i].picture.height;
    }
    cairo_status_t status = cairo_status(cairo);
    for (size_t i = 0; i < count && status == CAIRO_STATUS_SUCCESS; i++)
        if (items[i].picture.cairo)
            status = cairo_status(items[i].picture.cairo);
    cairo_destroy(cairo);
    if (format != PAGE_SVG && status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_write_to_png_stream(surface, receive, &sink);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    /* Surfaces for SVG of cairo 1.16 forget to give up the recordings they were painted with. */
    for (size_t i = 0; i < count; i++)
        for (cairo_surface_t *recorded = items[i].picture.surface;
             recorded && cairo_surface_get_reference_count(recorded) > items[i].picture.owners;)
            cairo_surface_destroy(recorded);
    if (status == CAIRO_STATUS_WRITE_ERROR)
        return stoa_fail(error, STOA_ERROR_MEMORY, "no memory for the picture");
    if (status != CAIRO_STATUS_SUCCESS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the picture of %.0f x %.0f points: %s", width, height,
                         cairo_status_to_string(status));
    return STOA_OK;
}

static enum stoa_status embed(const struct page_item *item, struct bytes *page, struct bytes *file,
                              struct stoa_error *error)
{
    char head[128];
    file->count = 0;
    STOA_TRY(play(item, 1, item->vectors ? PAGE_SVG : PAGE_PNG, error, file));
    snprintf(head, sizeof head, "<figure><img width=\"%.0f\" height=\"%.0f\" style=\"height:auto\" alt=\"",
             item->picture.width, item->picture.height);
    STOA_TRY(stoa_bytes_text(page, head, error));
    STOA_TRY(stoa_bytes_escaped(page, item->caption ? item->caption : "", error));
    STOA_TRY(stoa_bytes_text(
        page, item->vectors ? "\" src=\"data:image/svg+xml;base64," : "\" src=\"data:image/png;base64,", error));
    STOA_TRY(stoa_bytes_base64(page, file->data, file->count, error));
    STOA_TRY(stoa_bytes_text(page, "\">", error));
    if (item->caption)
        STOA_TRY(make_element(page, "figcaption", item->caption, error));
    return stoa_bytes_text(page, "</figure>\n", error);
}

static enum stoa_status make_page(const struct page *page, struct bytes *bytes, struct bytes *file,
                                  struct stoa_error *error)
{
    STOA_TRY(stoa_bytes_text(bytes,
                             "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                             "<meta name=\"viewport\" content=\"width=device-width\">\n",
                             error));
    STOA_TRY(make_element(bytes, "title", page->title, error));
    STOA_TRY(stoa_bytes_text(bytes, "<style>", error));
    STOA_TRY(stoa_bytes_text(bytes, style, error));
    STOA_TRY(stoa_bytes_text(bytes, "</style>\n", error));
    STOA_TRY(make_element(bytes, "h1", page->title, error));
    for (size_t i = 0; i < page->count; i++) {
        if (page->items[i].html)
            STOA_TRY(stoa_bytes_text(bytes, page->items[i].html, error));
        if (page->items[i].picture.surface)
            STOA_TRY(embed(&page->items[i], bytes, file, error));
    }
    return stoa_bytes_text(bytes, "</html>\n", error);
}

enum stoa_status stoa_page_write(const struct page *page, const char *path, struct stoa_error *error)
{
    enum page_format format = PAGE_PNG;
    struct bytes bytes = {.allocator = page->allocator}, file = {.allocator = page->allocator};
    STOA_TRY(stoa_page_format(path, error, &format));
    enum stoa_status status = format == PAGE_HTML ? make_page(page, &bytes, &file, error)
                                                  : play(page->items, page->count, format, error, &bytes);
    if (status == STOA_OK)
        status = stoa_file_write(path, bytes.data, bytes.count, error);
    stoa_release(&page->allocator, bytes.data);
    stoa_release(&page->allocator, file.data);
    return status;
}
