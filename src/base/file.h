/* Files' bytes, mapped read-only, so that weights are read where they lie. */
#ifndef STOA_BASE_FILE_H
#define STOA_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

struct file_map {
    const uint8_t *data; /* null for an empty file */
    size_t size;
    struct file_map *next; /* what else is mapped for the same owner, or null */
};

/* Maps a regular file; *map begins a chain. Shortening the file while it is mapped is the one thing that cannot be
 * caught. */
STOA_CHECKED enum stoa_status stoa_file_map(const char *path, struct stoa_error *error, struct file_map *map);
/* The whole chain; the memory of the structs is their owner's. */
void stoa_file_unmap(struct file_map *map);

/* Says that [data, data + size) will not be read again soon, so that its pages need not stay in memory; they come back
 * from the file when they are. Ranges outside the chain are ignored. */
void stoa_file_forget(const struct file_map *map, const void *data, size_t size);

#endif
