/* What a command of `stoa show` makes: pictures with words, written as a PNG, an SVG or a page (HTML) by the name of
 * the file. A page needs nothing beside itself: pictures are inside it, there is no script, and it follows the
 * reader's choice of light or dark. As PNG and SVG the pictures stand one below the other. */
#ifndef STOA_SHOW_PAGE_H
#define STOA_SHOW_PAGE_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "show/draw.h"

enum page_format { PAGE_PNG, PAGE_SVG, PAGE_HTML };
/* By the end of the name; STOA_ERROR_ARGUMENT for any other. To be asked before the work. */
STOA_CHECKED enum stoa_status stoa_page_format(const char *path, struct stoa_error *error, enum page_format *format);

struct page_item {
    char *html;             /* what stands before the picture, in pages only; or null */
    struct picture picture; /* may be all zero */
    char *caption;          /* of the picture, for who cannot see it; or null */
    int vectors;            /* in pages the picture is SVG, else PNG */
};
struct page {
    struct stoa_allocator allocator;
    const char *title; /* borrowed */
    struct page_item *items;
    size_t count, capacity;
};

/* `title` is borrowed and plain text. */
void stoa_page_begin(const char *title, const struct stoa_allocator *allocator, struct page *page);
/* A page that is all zero is fine. */
void stoa_page_free(struct page *page);
/* Takes the picture, which becomes all zero, also on failure. The caption is plain text and may be null. */
STOA_CHECKED enum stoa_status stoa_page_picture(struct page *page, struct picture *picture, const char *caption,
                                                int vectors, struct stoa_error *error);
/* In pages only: HTML as it is. */
STOA_CHECKED enum stoa_status stoa_page_html(struct page *page, const char *html, struct stoa_error *error);
/* The file appears whole or not at all. */
STOA_CHECKED enum stoa_status stoa_page_write(const struct page *page, const char *path, struct stoa_error *error);

#endif
