/* The table of measured times, and what makes a machine. */
#include "lower/tuning.h"

#include <ctype.h>
#include <stdio.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

/* Appends text as one word: whatever is no letter or digit becomes '-'. */
static void append_word(char machine[TUNING_MACHINE], const char *text)
{
    size_t length = strlen(machine);
    for (; *text && length + 1 < TUNING_MACHINE; text++) {
        bool plain = isalnum((unsigned char)*text);
        if (plain || (length > 0 && machine[length - 1] != '-'))
            machine[length++] = plain ? *text : '-';
    }
    machine[length] = '\0';
}

/* The CPU's name as the kernel tells it; nothing where it does not. */
static void append_cpu(char machine[TUNING_MACHINE])
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        static const char *const fields[] = {"cpu family", "model\t", "model name"};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            if (strncmp(line, fields[i], strlen(fields[i])) == 0 && strchr(line, ':')) {
                line[strcspn(line, "\n")] = '\0';
                append_word(machine, strchr(line, ':') + 1);
                append_word(machine, "/");
            }
        if (line[0] == '\n') /* the next core */
            break;
    }
    if (file)
        fclose(file);
}

enum stoa_status stoa_tuning_create(const struct stoa_allocator *allocator, struct stoa_error *error,
                                    struct stoa_tuning **out)
{
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "tuning is null");
    *out = NULL;
    struct stoa_allocator own = allocator ? *allocator : stoa_allocator_default();
    struct stoa_tuning *tuning;
    STOA_TRY(stoa_allocate(&own, 1, sizeof *tuning, error, &tuning));
    tuning->allocator = own;
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    append_cpu(tuning->machine);
    append_word(tuning->machine, blas.core);
    *out = tuning;
    return STOA_OK;
}

enum stoa_status stoa_tuning_copy(const struct stoa_tuning *tuning, const struct stoa_allocator *allocator,
                                  struct stoa_error *error, struct stoa_tuning **out)
{
    struct stoa_tuning *copy;
    *out = NULL;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *copy, error, &copy));
    *copy = *tuning;
    copy->allocator = *allocator;
    copy->capacity = copy->count;
    enum stoa_status status = stoa_allocate(allocator, copy->count, sizeof *copy->entries, error, &copy->entries);
    if (status != STOA_OK) {
        stoa_release(allocator, copy);
        return status;
    }
    if (copy->count)
        memcpy(copy->entries, tuning->entries, copy->count * sizeof *copy->entries);
    *out = copy;
    return STOA_OK;
}

void stoa_tuning_free(struct stoa_tuning *tuning)
{
    if (!tuning)
        return;
    struct stoa_allocator allocator = tuning->allocator;
    stoa_release(&allocator, tuning->entries);
    stoa_release(&allocator, tuning);
}

static struct tuning_entry *find(const struct stoa_tuning *tuning, const char *machine, const struct conv_shape *shape,
                                 size_t threads)
{
    for (size_t i = 0; i < tuning->count; i++) {
        struct tuning_entry *entry = &tuning->entries[i];
        if (entry->threads == threads && stoa_conv_same_shape(&entry->shape, shape) &&
            strcmp(entry->machine, machine) == 0)
            return entry;
    }
    return NULL;
}

const struct tuning_entry *stoa_tuning_find(const struct stoa_tuning *tuning, const struct conv_shape *shape,
                                            size_t threads)
{
    return tuning ? find(tuning, tuning->machine, shape, threads) : NULL;
}

size_t stoa_tuning_count(const struct stoa_tuning *tuning)
{
    size_t count = 0;
    for (size_t i = 0; i < tuning->count; i++)
        count += strcmp(tuning->entries[i].machine, tuning->machine) == 0;
    return count;
}

enum stoa_status stoa_tuning_put(struct stoa_tuning *tuning, const struct tuning_entry *entry, struct stoa_error *error)
{
    struct tuning_entry *place = find(tuning, entry->machine, &entry->shape, entry->threads);
    if (!place && tuning->count == tuning->capacity) {
        size_t capacity = stoa_size_max(64, tuning->capacity * 2);
        struct tuning_entry *grown;
        STOA_TRY(stoa_allocate(&tuning->allocator, capacity, sizeof *grown, error, &grown));
        if (tuning->count)
            memcpy(grown, tuning->entries, tuning->count * sizeof *grown);
        stoa_release(&tuning->allocator, tuning->entries);
        tuning->entries = grown;
        tuning->capacity = capacity;
    }
    *(place ? place : &tuning->entries[tuning->count++]) = *entry;
    return STOA_OK;
}

enum stoa_lowering stoa_tuning_fastest(const struct tuning_entry *entry)
{
    int best = STOA_LOWERING_AUTO;
    for (int i = STOA_LOWERING_AUTO + 1; i < STOA_LOWERING_COUNT; i++)
        if (entry->seconds[i] > 0 && (best == STOA_LOWERING_AUTO || entry->seconds[i] < entry->seconds[best]))
            best = i;
    return (enum stoa_lowering)best;
}
