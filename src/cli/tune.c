/* The tuning file: where it is, and when it is read and written. */
#include "cli/tune.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_writer.h"
#include "base/status.h"

/* $XDG_CACHE_HOME/stoa/tuning or ~/.cache/stoa/tuning (XDG Base Directory Specification); makes its directories. */
static enum stoa_status find_cache(struct stoa_error *error, char path[PATH_MAX])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool given = cache && cache[0] == '/';
    if (!given && (!home || !home[0]))
        return stoa_fail(error, STOA_ERROR_IO, "neither XDG_CACHE_HOME nor HOME is set: give --tune-file");
    int room = PATH_MAX - (int)sizeof "/stoa/tuning";
    if (snprintf(path, PATH_MAX, given ? "%s" : "%s/.cache", given ? cache : home) >= room)
        return stoa_fail(error, STOA_ERROR_IO, "the path of the cache is too long: give --tune-file");
    strcat(path, "/stoa/");
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enum stoa_status status = stoa_directory_make(path, error);
        *slash = '/';
        STOA_TRY(status);
    }
    strcat(path, "tuning");
    return STOA_OK;
}

static enum stoa_status measure(const char *path, const struct stoa_model *model, const struct model_inputs *inputs,
                                const struct stoa_session_options *options, struct stoa_error *error,
                                struct stoa_tuning *tuning)
{
    if (access(path, F_OK) == 0 || errno != ENOENT)
        STOA_TRY(stoa_tuning_load(tuning, path, error));
    STOA_TRY(stoa_file_try(path, error)); /* before it takes time */
    size_t known = stoa_tuning_count(tuning), measured;
    const void **data;
    STOA_TRY(stoa_allocate(&inputs->allocator, inputs->count, sizeof *data, error, &data));
    for (size_t i = 0; i < inputs->count; i++)
        data[i] = inputs->items[i].tensor.data;
    enum stoa_status status = stoa_tune(tuning, model, options, data, 0, error, &measured);
    stoa_release(&inputs->allocator, data);
    if (status != STOA_OK)
        return status;
    fprintf(stderr, "stoa: %zu convolution%s measured, %zu known from %s\n", measured, measured == 1 ? "" : "s", known,
            path);
    return measured ? stoa_tuning_save(tuning, path, error) : STOA_OK;
}

enum stoa_status stoa_cli_tune(const struct settings *settings, const struct stoa_model *model,
                               const struct model_inputs *inputs, struct stoa_session_options *options,
                               struct stoa_error *error, struct stoa_tuning **tuning)
{
    char cache[PATH_MAX];
    *tuning = NULL;
    if (!settings->tune)
        return STOA_OK;
    if (!settings->tune_file)
        STOA_TRY(find_cache(error, cache));
    STOA_TRY(stoa_tuning_create(NULL, error, tuning));
    options->tuning = *tuning;
    return measure(settings->tune_file ? settings->tune_file : cache, model, inputs, options, error, *tuning);
}
