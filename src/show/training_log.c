/* Training logs, line by line. */
#include "show/training_log.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"

#define MOST_EPOCHS 1000000

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

static bool take_point(const cJSON *line, struct training_point *point)
{
    double epoch;
    if (!take_number(line, "epoch", &epoch) || !(epoch >= 1 && epoch <= MOST_EPOCHS) || epoch != floor(epoch))
        return false;
    point->epoch = (size_t)epoch;
    return take_number(line, "loss", &point->loss) && take_number(line, "train_accuracy", &point->train_accuracy) &&
           take_number(line, "test_loss", &point->test_loss) &&
           take_number(line, "test_accuracy", &point->test_accuracy);
}

/* Behind those of earlier epochs, in place of one of the same. */
static void insert(struct training_log *log, const struct training_point *point)
{
    size_t at = log->count;
    while (at > 0 && log->points[at - 1].epoch >= point->epoch)
        at--;
    bool again = at < log->count && log->points[at].epoch == point->epoch;
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
        bool torn = !line && !end && number > 1, first = cJSON_HasObjectItem(line, "settings");
        bool fine = line && (number > 1 || first) && take_line(line, log);
        cJSON_Delete(line);
        if (number == 1 && !first)
            return stoa_fail(error, STOA_ERROR_DATA,
                             "%s is no log of training: its first line is no object with \"settings\"", path);
        if (!fine && !torn)
            return stoa_fail(error, STOA_ERROR_DATA, "%s, line %zu is no epoch of a log of training", path, number);
    }
    if (log->count == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has no epoch to show", path);
    return STOA_OK;
}

enum stoa_status stoa_training_log_read(const char *path, const struct stoa_allocator *allocator,
                                        struct stoa_error *error, struct training_log *log)
{
    struct file_map map;
    *log = (struct training_log){0};
    STOA_TRY(stoa_file_map(path, error, &map));
    const char *text = (const char *)map.data;
    size_t lines = 1;
    for (size_t i = 0; i < map.size; i++)
        lines += text[i] == '\n';
    enum stoa_status status = stoa_allocate(allocator, lines, sizeof *log->points, error, &log->points);
    if (status == STOA_OK)
        status = take_lines(path, text, map.size, error, log);
    stoa_file_unmap(&map);
    if (status != STOA_OK)
        stoa_training_log_free(allocator, log);
    return status;
}

void stoa_training_log_free(const struct stoa_allocator *allocator, struct training_log *log)
{
    stoa_release(allocator, log->points);
    *log = (struct training_log){0};
}
