/* Pictures and pages as files: what is drawn is what is written. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "show/page.h"
#include "support/files.h"
#include "support/temporary.h"

static void make_page(struct page *page, const struct stoa_allocator *allocator, struct stoa_error *error)
{
    static const float data[4] = {0, 1, 2, 3};
    const struct shown shown = {
        .data = data, .channels = 1, .height = 2, .width = 2, .strides = {4, 2, 1}, .high = 3, .map = COLOUR_VIRIDIS};
    struct picture picture;
    stoa_page_begin("a <title>", allocator, page);
    cr_assert(stoa_picture_begin(40, 20, error, &picture) == STOA_OK, "%s", error->message);
    stoa_picture_shown(&picture, 4, 4, 12, 12, &shown);
    cr_assert(stoa_page_html(page, "<h2>words &amp; more</h2>\n", error) == STOA_OK, "%s", error->message);
    cr_assert(stoa_page_picture(page, &picture, "four \"colours\"", 0, error) == STOA_OK, "%s", error->message);
}

Test(pictures, hold_the_colours_of_the_numbers)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct page page;
    struct image image;
    char path[TEMPORARY_PATH];
    temporary_file(".png", path);
    make_page(&page, &allocator, &error);
    cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_image_read(path, &allocator, &error, &image) == STOA_OK, "%s", error.message);
    unlink(path);
    cr_assert(image.width == 40 && image.height == 20 && image.channels == 3, "%zu x %zu", image.width, image.height);
    for (size_t i = 0; i < 4; i++) {
        uint8_t rgb[3];
        stoa_colour_at(COLOUR_VIRIDIS, (double)i / 3, rgb);
        for (size_t corner = 0; corner < 4; corner++) {
            size_t x = 4 + i % 2 * 6 + corner % 2 * 5, y = 4 + i / 2 * 6 + corner / 2 * 5;
            cr_expect(memcmp(&image.pixels[(y * 40 + x) * 3], rgb, 3) == 0, "element %zu, corner %zu", i, corner);
        }
    }
    cr_expect(image.pixels[0] == 255, "a margin");
    stoa_image_free(&allocator, &image);
    stoa_page_free(&page);
}

Test(pictures, are_files_by_their_names)
{
    static const struct {
        const char *ending, *begins, *holds;
    } rows[] = {
        {".svg", "<?xml", "</svg>"},
        {".html", "<!DOCTYPE html>", "<h2>words &amp; more</h2>"},
        {".HTML", "<!DOCTYPE html>", "alt=\"four &quot;colours&quot;\" src=\"data:image/png;base64,iVBORw0KGgo"},
    };
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct stoa_error error = {0};
        struct page page;
        char path[TEMPORARY_PATH];
        static char text[1 << 16];
        temporary_file(rows[r].ending, path);
        make_page(&page, &allocator, &error);
        cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s: %s", rows[r].ending, error.message);
        FILE *file = fopen(path, "r");
        cr_assert(file, "%s is not there", path);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        unlink(path);
        cr_expect(strncmp(text, rows[r].begins, strlen(rows[r].begins)) == 0, "%s: %.40s", rows[r].ending, text);
        cr_expect(strstr(text, rows[r].holds), "%s: no %s", rows[r].ending, rows[r].holds);
        stoa_page_free(&page);
    }
}

Test(pictures, of_other_names_or_sizes_are_refused)
{
    struct stoa_error error = {0};
    enum page_format format;
    struct picture picture;
    cr_expect(stoa_page_format("a.gif", &error, &format) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "a.gif") && strstr(error.message, ".png .svg .html"), "%s", error.message);
    cr_expect(stoa_page_format(".png", &error, &format) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_picture_begin(40000, 1, &error, &picture) == STOA_ERROR_LIMIT);
    cr_expect(stoa_picture_begin(0, 1, &error, &picture) == STOA_ERROR_LIMIT);
}
