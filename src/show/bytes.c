/* Growing by doubling. */
#include "show/bytes.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

enum stoa_status stoa_bytes_add(struct bytes *bytes, const void *data, size_t size, struct stoa_error *error)
{
    if (size > bytes->capacity - bytes->count) {
        size_t capacity = bytes->capacity ? bytes->capacity : 4096;
        while (capacity < SIZE_MAX / 4 && capacity - bytes->count < size)
            capacity *= 2;
        char *grown;
        STOA_TRY(stoa_allocate_raw(&bytes->allocator, capacity, 1, error, &grown));
        if (bytes->count)
            memcpy(grown, bytes->data, bytes->count);
        stoa_release(&bytes->allocator, bytes->data);
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    if (size)
        memcpy(bytes->data + bytes->count, data, size);
    bytes->count += size;
    return STOA_OK;
}

enum stoa_status stoa_bytes_text(struct bytes *bytes, const char *text, struct stoa_error *error)
{
    return stoa_bytes_add(bytes, text, strlen(text), error);
}

enum stoa_status stoa_bytes_escaped(struct bytes *bytes, const char *text, struct stoa_error *error)
{
    for (; *text; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        STOA_TRY(stoa_bytes_add(bytes, entity ? entity : text, entity ? strlen(entity) : 1, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_bytes_base64(struct bytes *bytes, const void *data, size_t size, struct stoa_error *error)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *from = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t word = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)from[i + 2] : 0);
        const char four[4] = {digits[word >> 18], digits[word >> 12 & 63], left > 1 ? digits[word >> 6 & 63] : '=',
                              left > 2 ? digits[word & 63] : '='};
        STOA_TRY(stoa_bytes_add(bytes, four, sizeof four, error));
    }
    return STOA_OK;
}
