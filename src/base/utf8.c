#include "base/utf8.h"

#include <string.h>

/* Bytes of the character that begins at `text`; 0: there is none. *cut: it would be one if the text went on. */
static size_t character(const unsigned char *text, int *cut)
{
    unsigned char first = text[0];
    size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    *cut = 0;
    if (first > 0x7f && (first < 0xc2 || first > 0xf4))
        return 0;
    for (size_t i = 1; i < length; i++) {
        unsigned char least = 0x80, most = 0xbf; /* of the second byte, no long forms, surrogates or beyond U+10FFFF */
        if (i == 1) {
            least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : least;
            most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : most;
        }
        *cut = text[i] == '\0';
        if (text[i] < least || text[i] > most)
            return 0;
    }
    return length;
}

void stoa_utf8_copy(const char *text, size_t room, char *clean)
{
    static const char unknown[] = "\xef\xbf\xbd";
    size_t written = 0;
    while (*text) {
        int cut;
        size_t length = character((const unsigned char *)text, &cut);
        const char *from = length ? text : unknown;
        size_t size = length ? length : sizeof unknown - 1;
        if (cut || written + size >= room)
            break;
        memcpy(clean + written, from, size);
        written += size;
        text += length ? length : 1;
    }
    clean[written] = '\0';
}
