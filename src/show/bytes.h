/* Bytes that become more: what files are made of before they are written. */
#ifndef STOA_SHOW_BYTES_H
#define STOA_SHOW_BYTES_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

struct bytes {
    struct stoa_allocator allocator;
    char *data; /* released by who made the struct, with stoa_release */
    size_t count, capacity;
};

STOA_CHECKED enum stoa_status stoa_bytes_add(struct bytes *bytes, const void *data, size_t size,
                                             struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_bytes_text(struct bytes *bytes, const char *text, struct stoa_error *error);
/* Plain text as HTML has it. */
STOA_CHECKED enum stoa_status stoa_bytes_escaped(struct bytes *bytes, const char *text, struct stoa_error *error);
/* The four characters for each three bytes of RFC 4648. */
STOA_CHECKED enum stoa_status stoa_bytes_base64(struct bytes *bytes, const void *data, size_t size,
                                                struct stoa_error *error);

#endif
