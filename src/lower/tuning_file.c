/* Measured times as text, a convolution a line, so that people can read and mend it:
 *
 *     stoa-tuning 1
 *     MACHINE THREADS NxCxHxW OC khxkw STRIDExSTRIDE DILATIONxDILATION TOP,LEFT,BOTTOM,RIGHT GROUPS view=NANOSECONDS
 * ...
 */
#include <stoa/tuning.h>

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "base/status.h"
#include "lower/tuning.h"

#define HEAD "stoa-tuning 1\n"

struct scanner {
    const char *at, *end;
};

/* A whole number of at most 18 digits and the character behind it. */
static bool number(struct scanner *scanner, char behind, size_t *value)
{
    size_t digits = 0;
    *value = 0;
    for (; scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9'; scanner->at++, digits++)
        *value = digits < 18 ? *value * 10 + (size_t)(*scanner->at - '0') : *value;
    return digits > 0 && digits <= 18 && scanner->at < scanner->end && *scanner->at++ == behind;
}

static bool numbers(struct scanner *scanner, size_t count, char between, size_t *values)
{
    for (size_t i = 0; i < count; i++)
        if (!number(scanner, i + 1 < count ? between : ' ', &values[i]))
            return false;
    return true;
}

/* What stands in front of `behind`, which is skipped. */
static bool word(struct scanner *scanner, char behind, size_t capacity, char *text)
{
    const char *found = memchr(scanner->at, behind, (size_t)(scanner->end - scanner->at));
    size_t length = found ? (size_t)(found - scanner->at) : capacity;
    if (length == 0 || length >= capacity)
        return false;
    memcpy(text, scanner->at, length);
    text[length] = '\0';
    scanner->at = found + 1;
    return true;
}

/* "view=1234", then a space or the line's end. */
static bool time_of(struct scanner *scanner, double seconds[STOA_LOWERING_COUNT])
{
    char name[32];
    size_t nanoseconds;
    if (!word(scanner, '=', sizeof name, name))
        return false;
    const char *begin = scanner->at;
    if (!number(scanner, ' ', &nanoseconds)) {
        scanner->at = begin;
        if (!number(scanner, '\n', &nanoseconds))
            return false;
    }
    for (int i = STOA_LOWERING_AUTO + 1; i < STOA_LOWERING_COUNT; i++)
        if (strcmp(name, stoa_lowering_name((enum stoa_lowering)i)) == 0) {
            seconds[i] = (double)nanoseconds * 1e-9;
            return true;
        }
    return false;
}

static bool read_line(struct scanner *scanner, struct tuning_entry *entry)
{
    struct conv_shape *shape = &entry->shape;
    size_t image[4];
    *entry = (struct tuning_entry){.threads = 0};
    if (!word(scanner, ' ', sizeof entry->machine, entry->machine) || !number(scanner, ' ', &entry->threads) ||
        !numbers(scanner, 4, 'x', image) || !number(scanner, ' ', &shape->OC) ||
        !numbers(scanner, 2, 'x', shape->kernel) || !numbers(scanner, 2, 'x', shape->stride) ||
        !numbers(scanner, 2, 'x', shape->dilation) || !numbers(scanner, 4, ',', shape->pad) ||
        !number(scanner, ' ', &shape->groups))
        return false;
    shape->N = image[0];
    shape->C = image[1];
    shape->H = image[2];
    shape->W = image[3];
    if (stoa_conv_shape_finish(shape, NULL) != STOA_OK)
        return false;
    do
        if (!time_of(scanner, entry->seconds))
            return false;
    while (scanner->at[-1] == ' ');
    return true;
}

static enum stoa_status read_lines(struct scanner scanner, struct stoa_tuning *tuning, const char *path,
                                   struct stoa_error *error)
{
    size_t head = strlen(HEAD);
    if ((size_t)(scanner.end - scanner.at) < head || memcmp(scanner.at, HEAD, head) != 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s does not begin with '%.*s'", path, (int)head - 1, HEAD);
    scanner.at += head;
    for (size_t line = 2; scanner.at < scanner.end; line++) {
        struct tuning_entry entry;
        if (!read_line(&scanner, &entry))
            return stoa_fail(error, STOA_ERROR_PARSE, "%s, line %zu is not a convolution and its times", path, line);
        if (tuning)
            STOA_TRY(stoa_tuning_put(tuning, &entry, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_tuning_load(struct stoa_tuning *tuning, const char *path, struct stoa_error *error)
{
    if (!tuning || !path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", tuning ? "path" : "tuning");
    struct file_map map;
    STOA_TRY(stoa_file_map(path, error, &map));
    const char *text = map.data ? (const char *)map.data : ""; /* an empty file maps to nothing */
    struct scanner scanner = {.at = text, .end = text + map.size};
    enum stoa_status status = read_lines(scanner, NULL, path, error); /* all of it before any of it counts */
    if (status == STOA_OK)
        status = read_lines(scanner, tuning, path, error);
    stoa_file_unmap(&map);
    return status;
}

__attribute__((format(printf, 3, 4))) static enum stoa_status write_text(struct file_writer *writer,
                                                                         struct stoa_error *error, const char *format,
                                                                         ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (used < 0)
        return stoa_fail(error, STOA_ERROR_MEMORY, "no memory to write a number with");
    return stoa_file_writer_write(writer, text, (size_t)used, error);
}

static enum stoa_status write_entry(struct file_writer *writer, const struct tuning_entry *entry,
                                    struct stoa_error *error)
{
    const struct conv_shape *s = &entry->shape;
    STOA_TRY(write_text(writer, error, "%s %zu %zux%zux%zux%zu %zu %zux%zu %zux%zu %zux%zu %zu,%zu,%zu,%zu %zu",
                        entry->machine, entry->threads, s->N, s->C, s->H, s->W, s->OC, s->kernel[0], s->kernel[1],
                        s->stride[0], s->stride[1], s->dilation[0], s->dilation[1], s->pad[0], s->pad[1], s->pad[2],
                        s->pad[3], s->groups));
    for (int i = STOA_LOWERING_AUTO + 1; i < STOA_LOWERING_COUNT; i++) {
        if (entry->seconds[i] <= 0)
            continue;
        STOA_TRY(write_text(writer, error, " %s=%.0f", stoa_lowering_name((enum stoa_lowering)i),
                            fmax(1, entry->seconds[i] * 1e9)));
    }
    return stoa_file_writer_write(writer, "\n", 1, error);
}

static enum stoa_status write_all(const struct stoa_tuning *tuning, struct file_writer *writer,
                                  struct stoa_error *error)
{
    STOA_TRY(stoa_file_writer_write(writer, HEAD, strlen(HEAD), error));
    for (size_t i = 0; i < tuning->count; i++)
        if (stoa_tuning_fastest(&tuning->entries[i]) != STOA_LOWERING_AUTO)
            STOA_TRY(write_entry(writer, &tuning->entries[i], error));
    return STOA_OK;
}

enum stoa_status stoa_tuning_save(const struct stoa_tuning *tuning, const char *path, struct stoa_error *error)
{
    if (!tuning || !path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", tuning ? "path" : "tuning");
    struct file_writer writer;
    STOA_TRY(stoa_file_writer_begin(path, error, &writer));
    enum stoa_status status = write_all(tuning, &writer, error);
    if (status == STOA_OK)
        return stoa_file_writer_finish(&writer, error);
    stoa_file_writer_abandon(&writer);
    return status;
}
