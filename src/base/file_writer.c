/* Files that appear whole: write, fsync, close, rename, fsync of the directory. */
#include "base/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

/* Temporary names tried before giving up: others may hold some of them. */
#define ATTEMPTS 100

enum stoa_status stoa_file_writer_begin(const char *path, struct stoa_error *error, struct file_writer *writer)
{
    *writer = (struct file_writer){.descriptor = -1};
    if (strlen(path) >= sizeof writer->path)
        return stoa_fail(error, STOA_ERROR_IO, "cannot write %.64s…: the path is longer than %zu bytes", path,
                         sizeof writer->path - 1);
    strcpy(writer->path, path);
    /* A link keeps its place: what it leads to is written. */
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && !realpath(path, writer->path))
        strcpy(writer->path, path);

    /* Renaming over a device or a directory would replace it, or fail only after all the work. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return stoa_fail(error, STOA_ERROR_IO, "cannot write %s: it exists and is not a regular file", path);

    /* O_EXCL with the process's own number rather than mkstemp: the file keeps the permissions the umask gives. */
    for (int attempt = 0; writer->descriptor < 0 && attempt < ATTEMPTS; attempt++) {
        snprintf(writer->temporary, sizeof writer->temporary, "%s.%ld-%d.part", writer->path, (long)getpid(), attempt);
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->descriptor < 0 && errno != EEXIST)
            break;
    }
    if (writer->descriptor < 0)
        return stoa_fail(error, STOA_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    return STOA_OK;
}

enum stoa_status stoa_file_writer_write(struct file_writer *writer, const void *data, size_t size,
                                        struct stoa_error *error)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t written = write(writer->descriptor, bytes, size);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return stoa_fail(error, STOA_ERROR_IO, "cannot write %s: %s", writer->path, strerror(errno));
        }
        bytes += written;
        size -= (size_t)written;
    }
    return STOA_OK;
}

static int sync_descriptor(int descriptor)
{
    int result;
    do
        result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result;
}

/* The new name is safe from a power failure only when the directory is. Where that cannot be asked for (a directory
 * that may not be read, a file system without it), nothing is to be done. Returns an errno. */
static int sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(directory, path, length);
    directory[length] = '\0';
    int descriptor = open(length ? directory : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return 0;
    int failed = sync_descriptor(descriptor) != 0 && errno == EIO ? EIO : 0;
    close(descriptor);
    return failed;
}

enum stoa_status stoa_file_writer_finish(struct file_writer *writer, struct stoa_error *error)
{
    int failed = sync_descriptor(writer->descriptor) != 0 ? errno : 0;
    if (close(writer->descriptor) != 0 && !failed)
        failed = errno;
    writer->descriptor = -1;
    if (!failed && rename(writer->temporary, writer->path) != 0)
        failed = errno;
    if (failed) {
        stoa_file_writer_abandon(writer);
        return stoa_fail(error, STOA_ERROR_IO, "cannot write %s: %s", writer->path, strerror(failed));
    }
    failed = sync_directory(writer->path);
    return failed
               ? stoa_fail(error, STOA_ERROR_IO, "cannot sync the directory of %s: %s", writer->path, strerror(failed))
               : STOA_OK;
}

void stoa_file_writer_abandon(struct file_writer *writer)
{
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    writer->descriptor = -1;
    unlink(writer->temporary);
}

enum stoa_status stoa_file_write(const char *path, const void *data, size_t size, struct stoa_error *error)
{
    struct file_writer writer;
    STOA_TRY(stoa_file_writer_begin(path, error, &writer));
    enum stoa_status status = stoa_file_writer_write(&writer, data, size, error);
    if (status == STOA_OK)
        return stoa_file_writer_finish(&writer, error);
    stoa_file_writer_abandon(&writer);
    return status;
}

enum stoa_status stoa_file_try(const char *path, struct stoa_error *error)
{
    struct file_writer writer;
    STOA_TRY(stoa_file_writer_begin(path, error, &writer));
    stoa_file_writer_abandon(&writer);
    return STOA_OK;
}

enum stoa_status stoa_directory_make(const char *path, struct stoa_error *error)
{
    struct stat info;
    if (mkdir(path, 0777) == 0)
        return STOA_OK;
    int failed = errno;
    if (failed == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_IO, "cannot make the directory %s: %s", path, strerror(failed));
}
