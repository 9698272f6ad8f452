/* The check value of the catalogues, pieces of every length, and what PNG says of its last chunk. */
#include <criterion/criterion.h>

#include "base/crc.h"

static uint32_t crc_of(const char *text, size_t first, size_t size)
{
    struct crc crc;
    stoa_crc_init(&crc);
    stoa_crc_add(&crc, text, first);
    stoa_crc_add(&crc, text + first, size - first);
    return crc.value;
}

Test(crc, known_values)
{
    cr_expect(crc_of("", 0, 0) == 0);
    cr_expect(crc_of("123456789", 0, 9) == 0xcbf43926, "the check value is %08x", crc_of("123456789", 0, 9));
    cr_expect(crc_of("IEND", 0, 4) == 0xae426082);
}

Test(crc, pieces_are_the_whole)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    for (size_t first = 0; first <= 43; first++)
        cr_expect(crc_of(text, first, 43) == 0x414fa339, "cut at %zu", first);
}
