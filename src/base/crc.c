/* Eight bytes at a time, each looked up with as many zeros behind it as bytes follow: one table would be a chain of a
 * lookup a byte. */
#include "base/crc.h"

#define POLYNOMIAL 0xedb88320u /* reflected */

void stoa_crc_init(struct crc *crc)
{
    crc->value = 0;
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t value = b;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? POLYNOMIAL : 0);
        crc->table[0][b] = value;
    }
    for (size_t k = 1; k < 8; k++)
        for (size_t b = 0; b < 256; b++)
            crc->table[k][b] = crc->table[k - 1][b] >> 8 ^ crc->table[0][crc->table[k - 1][b] & 255];
}

void stoa_crc_add(struct crc *crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t value = ~crc->value;
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t next = 0;
        for (size_t i = 0; i < 8; i++)
            next ^= crc->table[7 - i][at[i] ^ (i < 4 ? value >> 8 * i & 255 : 0)];
        value = next;
    }
    for (; size > 0; size--, at++)
        value = value >> 8 ^ crc->table[0][(value ^ *at) & 255];
    crc->value = ~value;
}
