/* Text of unknown origin as UTF-8. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/utf8.h"

#define UNKNOWN "\xef\xbf\xbd"

static const struct {
    const char *name, *text;
    size_t room;
    const char *clean;
} rows[] = {
    {"ASCII", "cat", 9, "cat"},
    {"nothing", "", 1, ""},
    {"room for the zero alone", "cat", 1, ""},
    {"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x88", 20, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x88"},
    {"room in the middle of a character", "a\xc3\xa9", 3, "a"},
    {"a text that was cut", "ab\xe2\x82", 9, "ab"},
    {"Latin-1", "caf\xe9s", 9, "caf" UNKNOWN "s"},
    {"no room for what is unknown", "caf\xe9s", 6, "caf"},
    {"a continuation alone", "\x82!", 9, UNKNOWN "!"},
    {"a long form", "\xc0\xaf\xe0\x80\xaf", 20, UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN},
    {"a surrogate", "\xed\xa0\x80.", 20, UNKNOWN UNKNOWN UNKNOWN "."},
    {"beyond Unicode", "\xf4\x90\x80\x80.", 20, UNKNOWN UNKNOWN UNKNOWN UNKNOWN "."},
};

Test(utf8, is_all_that_is_copied)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char clean[32];
        memset(clean, '#', sizeof clean);
        stoa_utf8_copy(rows[i].text, rows[i].room, clean);
        cr_expect(strcmp(clean, rows[i].clean) == 0, "%s: '%s'", rows[i].name, clean);
        cr_expect(clean[rows[i].room] == '#', "%s: beyond its room", rows[i].name);
    }
}
