/* The order of the rooms, and what only some of them may do. Reads the sources under STOA_SOURCE_ROOT. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each room includes only itself, rooms before it, and the public headers. */
static const char *const rooms[] = {"base",      "kernels", "gemm", "lower", "ops",  "layers",
                                    "reference", "graph",   "onnx", "build", "plan", "run",
                                    "verify",    "train",   "data", "show",  "cli"};
#define ROOM_COUNT (sizeof rooms / sizeof *rooms)

/* Meetings that the order alone would allow. */
static const struct {
    const char *room, *never;
} strangers[] = {
    {"onnx", "ops"}, {"reference", "ops"}, {"reference", "kernels"}, {"reference", "lower"}, {"reference", "gemm"}};

static size_t room_index(const char *name, size_t length)
{
    for (size_t i = 0; i < ROOM_COUNT; i++)
        if (strlen(rooms[i]) == length && strncmp(rooms[i], name, length) == 0)
            return i;
    return ROOM_COUNT;
}

static void check_line(size_t room, const char *path, const char *line)
{
    static const char *const host[] = {"printf(", "fprintf(stderr", "puts(", "exit(", "abort(", "setenv("};
    int is_cli = strcmp(rooms[room], "cli") == 0;
    for (size_t i = 0; !is_cli && i < sizeof host / sizeof *host; i++) {
        const char *found = strstr(line, host[i]);
        int own_word = found && (found == line || strchr(" \t(;", found[-1]));
        cr_expect(!own_word, "%s: the library must not call %s): %s", path, host[i], line);
    }
    if (strstr(line, "#include <cblas.h>"))
        cr_expect(strcmp(rooms[room], "gemm") == 0, "%s: only gemm includes cblas.h", path);

    const char *include = strstr(line, "#include \"");
    const char *slash = include ? strchr(include, '/') : NULL;
    if (!slash)
        return;
    const char *name = include + strlen("#include \"");
    size_t length = (size_t)(slash - name), included = room_index(name, length);
    cr_expect(included < ROOM_COUNT, "%s: %.*s is not a room", path, (int)length, name);
    cr_expect(included <= room, "%s: %s comes before %.*s, so it may not include it", path, rooms[room], (int)length,
              name);
    if (strcmp(rooms[room], "data") == 0)
        cr_expect(included == room || strcmp(rooms[included], "base") == 0,
                  "%s: data is a library of its own, which sees base alone of the other: %s", path, line);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (strcmp(strangers[i].room, rooms[room]) == 0)
            cr_expect(strncmp(strangers[i].never, name, length) != 0 || strlen(strangers[i].never) != length,
                      "%s: %s and %s never meet", path, strangers[i].room, strangers[i].never);
}

static size_t check_room(size_t room)
{
    const char *root = getenv("STOA_SOURCE_ROOT");
    cr_assert(root, "STOA_SOURCE_ROOT is not set");
    char folder[2048], path[4096], line[1024];
    snprintf(folder, sizeof folder, "%s/src/%s", root, rooms[room]);
    DIR *directory = opendir(folder);
    cr_assert(directory, "no room %s", folder);
    size_t files = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length < 3 ||
            (strcmp(entry->d_name + length - 2, ".c") != 0 && strcmp(entry->d_name + length - 2, ".h") != 0))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "r");
        cr_assert(file, "cannot read %s", path);
        while (fgets(line, sizeof line, file))
            check_line(room, path, line);
        fclose(file);
        files++;
    }
    closedir(directory);
    return files;
}

Test(house, each_room_includes_only_rooms_before_it)
{
    for (size_t i = 0; i < ROOM_COUNT; i++)
        cr_expect(check_room(i) > 0, "room %s is empty", rooms[i]);
}

/* src/python holds no C. */
Test(house, no_folder_is_outside_the_order)
{
    char folder[2048];
    snprintf(folder, sizeof folder, "%s/src", getenv("STOA_SOURCE_ROOT"));
    DIR *directory = opendir(folder);
    cr_assert(directory, "no %s", folder);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.' && !strchr(entry->d_name, '.') && strcmp(entry->d_name, "python") != 0)
            cr_expect(room_index(entry->d_name, strlen(entry->d_name)) < ROOM_COUNT, "src/%s is not in the order",
                      entry->d_name);
    closedir(directory);
}

/* What a build or a session leaves behind does not belong beside it. */
Test(house, the_top_level_holds_what_it_always_holds)
{
    static const char *const known[] = {"include",          "src",       "bench",   "tests",           "third_party",
                                        "meson.build",      "README.md", "LICENSE", "CONTRIBUTING.md", "build",
                                        "meson_options.txt"};
    DIR *directory = opendir(getenv("STOA_SOURCE_ROOT"));
    cr_assert(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        bool is_known = entry->d_name[0] == '.';
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known |= strcmp(entry->d_name, known[i]) == 0;
        cr_expect(is_known, "%s does not belong at the top", entry->d_name);
    }
    closedir(directory);
}
