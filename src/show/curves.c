/* Training logs, line by line. */
#include <stoa/show.h>

#include "base/status.h"
#include "show/array.h"

#ifdef STOA_CJSON
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define MOST_EPOCHS 1000000

/* An epoch: a number for each curve. */
struct training_point {
    double numbers[STOA_CURVE_COUNT];
};

struct training_log {
    size_t count;
    struct training_point *points; /* by epochs, each once */
};

/* False: it is there and no number. */
static bool take_number(const cJSON *line, const char *name, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, name);
    *value = NAN;
    if (!item || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsNumber(item))
        return false;
    *value = item->valuedouble;
    return true;
}

static double epoch_of(const struct training_point *point)
{
    return point->numbers[STOA_CURVE_EPOCH];
}

static bool take_point(const cJSON *line, struct training_point *point)
{
    static const char *const names[STOA_CURVE_COUNT] = {
        [STOA_CURVE_EPOCH] = "epoch",
        [STOA_CURVE_LOSS] = "loss",
        [STOA_CURVE_TRAIN_ACCURACY] = "train_accuracy",
        [STOA_CURVE_TEST_LOSS] = "test_loss",
        [STOA_CURVE_TEST_ACCURACY] = "test_accuracy",
    };
    for (size_t i = 0; i < STOA_CURVE_COUNT; i++)
        if (!take_number(line, names[i], &point->numbers[i]))
            return false;
    double epoch = epoch_of(point);
    return epoch >= 1 && epoch <= MOST_EPOCHS && epoch == floor(epoch);
}

/* Behind those of earlier epochs, in place of one of the same. */
static void insert(struct training_log *log, const struct training_point *point)
{
    size_t at = log->count;
    while (at > 0 && epoch_of(&log->points[at - 1]) >= epoch_of(point))
        at--;
    bool again = at < log->count && epoch_of(&log->points[at]) == epoch_of(point);
    if (!again) {
        memmove(log->points + at + 1, log->points + at, (log->count - at) * sizeof *log->points);
        log->count++;
    }
    log->points[at] = *point;
}

/* Whether it is a line of a log. */
static bool take_line(const cJSON *line, struct training_log *log)
{
    struct training_point point;
    if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(line, "settings")))
        return true;
    if (!take_point(line, &point))
        return false;
    insert(log, &point);
    return true;
}

static enum stoa_status take_lines(const char *path, const char *text, size_t size, struct stoa_error *error,
                                   struct training_log *log)
{
    size_t number = 0, length;
    for (size_t at = 0; at < size; at += length + 1) {
        const char *end = memchr(text + at, '\n', size - at);
        length = end ? (size_t)(end - (text + at)) : size - at;
        number++;
        cJSON *line = cJSON_ParseWithLength(text + at, length);
        /* cJSON does not say whether it was the text or a lack of memory; what was torn off has no brace at its end. */
        bool torn = !line && !end && number > 1 && length > 0 && text[at + length - 1] != '}',
             first = cJSON_HasObjectItem(line, "settings");
        bool fine = line && (number > 1 || first) && take_line(line, log);
        cJSON_Delete(line);
        if (number == 1 && !first)
            return stoa_fail(error, STOA_ERROR_DATA,
                             "%s is no log of training: its first line is no object with \"settings\"", path);
        if (!fine && !torn)
            return stoa_fail(error, STOA_ERROR_DATA, "%s, line %zu is no epoch of a log of training%s", path, number,
                             line ? "" : ", or there was no memory to read it with");
    }
    if (log->count == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has no epoch to show", path);
    return STOA_OK;
}

static enum stoa_status take_file(const char *path, const struct file_map *map, const struct stoa_allocator *allocator,
                                  struct stoa_error *error, struct training_log *log)
{
    const char *text = (const char *)map->data;
    size_t lines = 1;
    for (size_t i = 0; i < map->size; i++)
        lines += text[i] == '\n';
    STOA_TRY(stoa_allocate(allocator, lines, sizeof *log->points, error, &log->points));
    return take_lines(path, text, map->size, error, log);
}

/* curves[STOA_CURVE_COUNT][epochs] <- points[epochs][STOA_CURVE_COUNT]. */
static enum stoa_status turn(const struct training_log *log, const struct stoa_allocator *allocator,
                             struct stoa_error *error, struct stoa_array *curves)
{
    const size_t dims[2] = {STOA_CURVE_COUNT, log->count};
    STOA_TRY(stoa_array_create(STOA_DOUBLE, 2, dims, allocator, error, curves));
    double *out = curves->tensor.data;
    for (size_t k = 0; k < STOA_CURVE_COUNT; k++)
        for (size_t i = 0; i < log->count; i++)
            *out++ = log->points[i].numbers[k];
    return STOA_OK;
}

enum stoa_status stoa_show_curves(const char *path, const struct stoa_allocator *given, struct stoa_error *error,
                                  struct stoa_array *curves)
{
    struct stoa_allocator allocator = given ? *given : stoa_allocator_default();
    struct training_log log = {.points = NULL};
    struct file_map map;
    STOA_TRY(stoa_show_place(curves, "curves", error));
    *curves = (struct stoa_array){0};
    if (!path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "path is null");
    STOA_TRY(stoa_file_map(path, error, &map));
    enum stoa_status status = take_file(path, &map, &allocator, error, &log);
    stoa_file_unmap(&map);
    if (status == STOA_OK)
        status = turn(&log, &allocator, error, curves);
    stoa_release(&allocator, log.points);
    return status;
}
#else
enum stoa_status stoa_show_curves(const char *path, const struct stoa_allocator *allocator, struct stoa_error *error,
                                  struct stoa_array *curves)
{
    (void)path;
    (void)allocator;
    STOA_TRY(stoa_show_place(curves, "curves", error));
    *curves = (struct stoa_array){0};
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "stoa was built without cJSON, which reads logs");
}
#endif
