/* Mapped files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

enum stoa_status stoa_file_map(const char *path, struct stoa_error *error, struct file_map *map)
{
    *map = (struct file_map){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", path, strerror(errno));

    enum stoa_status status = STOA_OK;
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        status = stoa_fail(error, STOA_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = stoa_fail(error, STOA_ERROR_IO, "%s is not a regular file", path);
    else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED)
            status = stoa_fail(error, STOA_ERROR_IO, "cannot map %s: %s", path, strerror(errno));
        else
            *map = (struct file_map){.data = data, .size = (size_t)info.st_size};
    }
    close(descriptor);
    return status;
}

void stoa_file_unmap(struct file_map *map)
{
    for (; map; map = map->next) {
        if (map->data)
            munmap((void *)map->data, map->size);
        map->data = NULL;
        map->size = 0;
    }
}

void stoa_file_forget(const struct file_map *map, const void *data, size_t size)
{
    const uint8_t *begin = data;
    while (map && !(map->data && begin >= map->data && begin < map->data + map->size))
        map = map->next;
    if (!map || size > map->size - (size_t)(begin - map->data))
        return;
    /* Whole pages inside the range only: its ends may share pages with neighbours. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = ((size_t)(begin - map->data) + page - 1) / page * page;
    size_t last = ((size_t)(begin - map->data) + size) / page * page;
    if (last > first)
        (void)madvise((void *)(map->data + first), last - first, MADV_DONTNEED);
}
