/* CRC-32, that of zip and PNG: polynomial 0x04c11db7, bits reflected. */
#ifndef STOA_BASE_CRC_H
#define STOA_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

struct crc {
    uint32_t table[8][256]; /* [k][b]: what byte b is with k zeros behind it */
    uint32_t value;         /* of what has been added so far; 0 of nothing */
};

void stoa_crc_init(struct crc *crc);
void stoa_crc_add(struct crc *crc, const void *data, size_t size);

#endif
