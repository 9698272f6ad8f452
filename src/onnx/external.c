/* A model may come from anywhere, so it must not choose which files of the machine become its weights. Links are
 * followed because caches keep both files as links into one directory (huggingface_hub does), so it is where they lead
 * that counts. Somebody who can change directories while a model is read is not kept out. */
#include "onnx/external.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "onnx/unpack.h"

struct entries {
    const char *location, *offset, *length; /* null where not given */
};

static enum stoa_status read_entries(const Onnx__TensorProto *message, struct stoa_error *error,
                                     struct entries *entries)
{
    *entries = (struct entries){0};
    const struct {
        const char *key, **value;
    } known[] = {{"location", &entries->location}, {"offset", &entries->offset}, {"length", &entries->length}};
    for (size_t i = 0; i < message->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = message->external_data[i];
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            if (!entry->key || strcmp(entry->key, known[k].key) != 0)
                continue;
            if (*known[k].value)
                return stoa_fail(error, STOA_ERROR_DATA, "external_data gives %s twice", known[k].key);
            *known[k].value = entry->value ? entry->value : "";
        }
    }
    if (!entries->location || !entries->location[0])
        return stoa_fail(error, STOA_ERROR_DATA, "external_data gives no location");
    return STOA_OK;
}

static enum stoa_status read_number(const char *key, const char *text, struct stoa_error *error, size_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > SIZE_MAX)
        return stoa_fail(error, STOA_ERROR_DATA, "external_data: %s '%.40s' is no number of bytes", key, text);
    *number = (size_t)value;
    return STOA_OK;
}

static bool climbs(const char *location)
{
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

/* Whether a file is somewhere below a directory; both are resolved. */
static bool is_below(const char *file, const char *directory, size_t length)
{
    while (length && directory[length - 1] == '/')
        length--;
    return strncmp(file, directory, length) == 0 && file[length] == '/';
}

/* file = where the location leads, links resolved. */
static enum stoa_status find_file(const char *model, const char *location, struct stoa_error *error,
                                  char file[PATH_MAX])
{
    char path[PATH_MAX], directory[PATH_MAX];
    const char *slash = strrchr(model, '/');
    int stem = slash ? (int)(slash - model) + 1 : 0;
    if (location[0] == '/' || climbs(location))
        return stoa_fail(error, STOA_ERROR_DATA, "external data: location '%.200s' leaves the model's directory",
                         location);
    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%.*s%s", stem, model, location) >= PATH_MAX || !realpath(path, file))
        return stoa_fail(error, STOA_ERROR_IO, "external data: cannot open '%.200s' beside the model: %s", location,
                         strerror(errno));
    snprintf(path, sizeof path, "%.*s.", stem, model);
    if (realpath(path, directory) && is_below(file, directory, strlen(directory)))
        return STOA_OK;
    if (realpath(model, directory) && is_below(file, directory, (size_t)(strrchr(directory, '/') - directory)))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_DATA, "external data: '%.100s' leads out of the model's directory, to %.100s",
                     location, file);
}

static enum stoa_status map_new(struct onnx_files *files, const char *path, struct stoa_error *error)
{
    if (files->count == files->capacity) {
        size_t capacity = stoa_size_max(2 * files->capacity, 8);
        const struct file_map **maps;
        STOA_TRY(stoa_arena_allocate(files->arena, capacity, sizeof *maps, error, &maps));
        for (size_t i = 0; i < files->count; i++)
            maps[i] = files->maps[i];
        files->maps = maps;
        files->capacity = capacity;
    }
    struct file_map *made;
    STOA_TRY(stoa_arena_allocate(files->arena, 1, sizeof *made, error, &made));
    STOA_TRY(stoa_file_map(path, error, made));
    made->next = files->map->next;
    files->map->next = made;
    files->budget->limit += stoa_onnx_read_limit(made->size) - stoa_onnx_read_limit(0);
    files->maps[files->count++] = made;
    return STOA_OK;
}

static enum stoa_status add_name(struct onnx_files *files, const char *name, size_t number, struct stoa_error *error)
{
    STOA_TRY(stoa_arena_string(files->arena, name, strlen(name), error, &name));
    return stoa_names_add(&files->names, name, number, error);
}

/* One table has locations, which are relative, and paths, which are not. */
static enum stoa_status map_file(struct onnx_files *files, const char *location, struct stoa_error *error,
                                 const struct file_map **map)
{
    size_t number = stoa_names_find(&files->names, location);
    if (number == NAMES_NONE) {
        char path[PATH_MAX];
        STOA_TRY(find_file(files->model, location, error, path));
        number = stoa_names_find(&files->names, path);
        if (number == NAMES_NONE) {
            STOA_TRY(map_new(files, path, error));
            number = files->count - 1;
            STOA_TRY(add_name(files, path, number, error));
        }
        STOA_TRY(add_name(files, location, number, error));
    }
    *map = files->maps[number];
    return STOA_OK;
}

bool stoa_onnx_is_external(const Onnx__TensorProto *message)
{
    return message->has_data_location && message->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

enum stoa_status stoa_onnx_external(const Onnx__TensorProto *message, struct onnx_files *files, size_t needed,
                                    struct stoa_error *error, const uint8_t **bytes, size_t *size)
{
    struct entries entries;
    const struct file_map *map;
    size_t offset = 0, length = needed;
    STOA_TRY(read_entries(message, error, &entries));
    if (!files)
        return stoa_fail(error, STOA_ERROR_DATA,
                         "external data ('%.100s') are read for models that are loaded by their path, no others",
                         entries.location);
    if (entries.offset)
        STOA_TRY(read_number("offset", entries.offset, error, &offset));
    if (entries.length)
        STOA_TRY(read_number("length", entries.length, error, &length));
    STOA_TRY(map_file(files, entries.location, error, &map));
    if (offset > map->size || length > map->size - offset)
        return stoa_fail(error, STOA_ERROR_DATA,
                         "external data: %zu bytes from %zu on are not in '%.100s', which has %zu", length, offset,
                         entries.location, map->size);
    *bytes = map->size ? map->data + offset : (const uint8_t *)"";
    *size = length;
    return STOA_OK;
}
