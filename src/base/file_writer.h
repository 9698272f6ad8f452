/* Writes a file so that nobody ever sees half of it: the bytes go to a temporary file beside the target, which takes
 * the target's name only when all of them are on the disk. */
#ifndef STOA_BASE_FILE_WRITER_H
#define STOA_BASE_FILE_WRITER_H

#include <limits.h>
#include <stddef.h>
#include <stoa/status.h>

struct file_writer {
    int descriptor;
    char path[PATH_MAX];
    char temporary[PATH_MAX + 32];
};

/* A target that exists must be a regular file. After success exactly one of finish and abandon must follow; after a
 * failure there is nothing to clean up. */
STOA_CHECKED enum stoa_status stoa_file_writer_begin(const char *path, struct stoa_error *error,
                                                     struct file_writer *writer);
/* A failed write leaves the writer to be abandoned. */
STOA_CHECKED enum stoa_status stoa_file_writer_write(struct file_writer *writer, const void *data, size_t size,
                                                     struct stoa_error *error);
/* Puts the file in its place. On failure the target is as it was and the temporary file is gone; but when only the
 * directory could not be synced, the target is the new file. */
STOA_CHECKED enum stoa_status stoa_file_writer_finish(struct file_writer *writer, struct stoa_error *error);
void stoa_file_writer_abandon(struct file_writer *writer);

/* All of these for bytes that are at hand. */
STOA_CHECKED enum stoa_status stoa_file_write(const char *path, const void *data, size_t size,
                                              struct stoa_error *error);

/* Whether a file could be written there now; leaves nothing. */
STOA_CHECKED enum stoa_status stoa_file_try(const char *path, struct stoa_error *error);

/* A directory for such files: made, unless it is there. */
STOA_CHECKED enum stoa_status stoa_directory_make(const char *path, struct stoa_error *error);

#endif
