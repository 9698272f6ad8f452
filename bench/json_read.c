/* Reading: everything is checked as it is taken, and what is not as the schema says is named by its place. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "json.h"

#define MAX_COUNT 1e15 /* whole numbers up to here are exact in a double */

/* *value = object.name, which must be a number from 0 up; `missing` where it may be left out and is (NAN: it must be
 * there). */
static enum stoa_status take_number(const cJSON *object, const char *name, double missing, struct stoa_error *error,
                                    double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    *value = missing;
    if (!item && !isnan(missing))
        return STOA_OK;
    if (!item)
        return stoa_fail(error, STOA_ERROR_DATA, "%s is missing", name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || !isfinite(item->valuedouble))
        return stoa_fail(error, STOA_ERROR_DATA, "%s is not a number of 0 or more", name);
    *value = item->valuedouble;
    return STOA_OK;
}

static enum stoa_status take_count(const cJSON *object, const char *name, struct stoa_error *error, size_t *value)
{
    double number;
    STOA_TRY(take_number(object, name, NAN, error, &number));
    if (number < 1 || number > MAX_COUNT || number != floor(number))
        return stoa_fail(error, STOA_ERROR_DATA, "%s is %g, not a whole number of 1 or more", name, number);
    *value = (size_t)number;
    return STOA_OK;
}

static enum stoa_status take_text(const cJSON *object, const char *name, bool optional, struct stoa_error *error,
                                  size_t size, char *to)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    to[0] = '\0';
    if (!item && optional)
        return STOA_OK;
    if (!item)
        return stoa_fail(error, STOA_ERROR_DATA, "%s is missing", name);
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= size)
        return stoa_fail(error, STOA_ERROR_DATA, "%s is not a string of at most %zu bytes", name, size - 1);
    stoa_bench_set(size, to, item->valuestring);
    return STOA_OK;
}

static enum stoa_status take_flag(const cJSON *object, const char *name, struct stoa_error *error, bool *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsBool(item))
        return stoa_fail(error, STOA_ERROR_DATA, "%s is not true or false", name);
    *value = cJSON_IsTrue(item);
    return STOA_OK;
}

static enum stoa_status take_list(const cJSON *object, const char *name, struct stoa_error *error, const cJSON **list)
{
    *list = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsArray(*list))
        return stoa_fail(error, STOA_ERROR_DATA, "%s is not a list", name);
    return STOA_OK;
}

static enum stoa_status take_state(const cJSON *object, struct stoa_error *error, struct entry *entry)
{
    char state[BENCH_NAME];
    STOA_TRY(take_text(object, "state", false, error, sizeof state, state));
    for (int i = 0; i < ENTRY_STATES; i++)
        if (strcmp(state, stoa_bench_state_name((enum entry_state)i)) == 0) {
            entry->state = (enum entry_state)i;
            return STOA_OK;
        }
    return stoa_fail(error, STOA_ERROR_DATA, "state is '%s', not timed, wrong or absent", state);
}

static enum stoa_status take_samples(const cJSON *object, struct stoa_error *error, struct entry *entry)
{
    const cJSON *list, *item;
    STOA_TRY(take_list(object, "seconds", error, &list));
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item) || !(item->valuedouble > 0) || !isfinite(item->valuedouble))
            return stoa_fail(error, STOA_ERROR_DATA, "seconds[%zu] is not a number above 0", entry->count);
        if (entry->count == BENCH_MAX_ROUNDS)
            return stoa_fail(error, STOA_ERROR_DATA, "seconds has more than %d numbers", BENCH_MAX_ROUNDS);
        STOA_TRY(stoa_bench_add_sample(entry, item->valuedouble, error));
    }
    return STOA_OK;
}

static enum stoa_status take_entry(const cJSON *object, size_t entries, struct stoa_error *error, struct entry *entry)
{
    double rival;
    STOA_TRY(take_text(object, "name", false, error, sizeof entry->name, entry->name));
    STOA_TRY(take_text(object, "family", false, error, sizeof entry->family, entry->family));
    STOA_TRY(take_text(object, "how", false, error, sizeof entry->how, entry->how));
    STOA_TRY(take_text(object, "message", true, error, sizeof entry->message, entry->message));
    STOA_TRY(take_state(object, error, entry));
    STOA_TRY(take_flag(object, "ours", error, &entry->ours));
    STOA_TRY(take_count(object, "threads", error, &entry->threads));
    STOA_TRY(take_number(object, "setup_seconds", 0, error, &entry->setup));
    STOA_TRY(take_number(object, "peak_bytes", 0, error, &entry->peak));
    STOA_TRY(take_number(object, "base_bytes", 0, error, &entry->base));
    STOA_TRY(take_number(object, "target", 0, error, &entry->target));
    STOA_TRY(take_number(object, "rival", -1, error, &rival));
    if (rival >= (double)entries || (rival >= 0 && rival != floor(rival)))
        return stoa_fail(error, STOA_ERROR_DATA, "rival is %g, which is none of the %zu entries", rival, entries);
    entry->rival = rival < 0 ? BENCH_NONE : (size_t)rival;
    return take_samples(object, error, entry);
}

static enum stoa_status take_case(const cJSON *object, struct stoa_error *error, struct bench_case *c)
{
    const cJSON *list, *item;
    STOA_TRY(take_text(object, "suite", false, error, sizeof c->suite, c->suite));
    STOA_TRY(take_text(object, "name", false, error, sizeof c->name, c->name));
    STOA_TRY(take_text(object, "group", false, error, sizeof c->group, c->group));
    STOA_TRY(take_text(object, "shape", false, error, sizeof c->shape, c->shape));
    STOA_TRY(take_count(object, "batch", error, &c->batch));
    STOA_TRY(take_flag(object, "cold", error, &c->cold));
    STOA_TRY(take_number(object, "flops", 0, error, &c->flops));
    STOA_TRY(take_number(object, "bytes", 0, error, &c->bytes));
    STOA_TRY(take_list(object, "entries", error, &list));
    size_t entries = (size_t)cJSON_GetArraySize(list);
    cJSON_ArrayForEach(item, list)
    {
        struct entry *entry;
        STOA_TRY(stoa_bench_add_entry(c, "", "", error, &entry));
        enum stoa_status status = take_entry(item, entries, error, entry);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "entries[%zu]: ", c->entry_count - 1);
            return status;
        }
    }
    return STOA_OK;
}

static enum stoa_status take_machine(const cJSON *object, struct stoa_error *error, struct machine *machine)
{
    STOA_TRY(take_text(object, "cpu", false, error, sizeof machine->cpu, machine->cpu));
    STOA_TRY(take_number(object, "megahertz", NAN, error, &machine->megahertz));
    STOA_TRY(take_number(object, "peak_gflops", NAN, error, &machine->peak_gflops));
    STOA_TRY(take_number(object, "copy_gbytes", NAN, error, &machine->copy_gbytes));
    STOA_TRY(take_text(object, "blas", false, error, sizeof machine->blas, machine->blas));
    STOA_TRY(take_text(object, "core", false, error, sizeof machine->core, machine->core));
    STOA_TRY(take_text(object, "compiler", false, error, sizeof machine->compiler, machine->compiler));
    STOA_TRY(take_text(object, "flags", false, error, sizeof machine->flags, machine->flags));
    return take_text(object, "commit", false, error, sizeof machine->commit, machine->commit);
}

static enum stoa_status take_record(const cJSON *root, struct stoa_error *error, struct record *record)
{
    char format[BENCH_NAME];
    const cJSON *list, *item;
    STOA_TRY(take_text(root, "format", false, error, sizeof format, format));
    if (strcmp(format, BENCH_FORMAT) != 0)
        return stoa_fail(error, STOA_ERROR_DATA, "format is '%s', not '%s'", format, BENCH_FORMAT);
    STOA_TRY(take_text(root, "command", false, error, sizeof record->command, record->command));
    enum stoa_status status = take_machine(cJSON_GetObjectItemCaseSensitive(root, "machine"), error, &record->machine);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "machine: ");
        return status;
    }
    STOA_TRY(take_list(root, "cases", error, &list));
    cJSON_ArrayForEach(item, list)
    {
        struct bench_case *c;
        STOA_TRY(stoa_bench_add_case(record, "", "", error, &c));
        status = take_case(item, error, c);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "cases[%zu]: ", record->case_count - 1);
            return status;
        }
    }
    return STOA_OK;
}

enum stoa_status stoa_bench_read_json(const char *path, struct stoa_error *error, struct record *record)
{
    struct file_map map;
    *record = (struct record){0};
    STOA_TRY(stoa_file_map(path, error, &map));
    const char *text = (const char *)map.data, *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, map.size, &end, 0);
    enum stoa_status status;
    if (!root) {
        size_t line = 1;
        for (const char *c = text; c && c < end; c++)
            line += *c == '\n';
        status = stoa_fail(error, STOA_ERROR_DATA, "it is not JSON: line %zu is not understood", line);
    } else {
        status = take_record(root, error, record);
    }
    cJSON_Delete(root);
    stoa_file_unmap(&map);
    if (status == STOA_OK)
        return STOA_OK;
    stoa_error_prefix(error, "%s: ", path);
    stoa_bench_record_free(record);
    return status;
}
