/* Lines in, lines out, and what all engines of ours answer alike. */
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "contest.h"
#include "engine.h"

#define MAX_RUNS 500 /* in one answer */

enum stoa_status stoa_bench_no_question(const char *word, struct stoa_error *error)
{
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "'%.64s' is no question", word);
}

static enum stoa_status run(const struct service *service, void *user, const char *words, struct stoa_error *error,
                            FILE *out)
{
    double nanoseconds[MAX_RUNS];
    char *rest;
    unsigned long count = strtoul(words, &rest, 10), evict = strtoul(rest, NULL, 10);
    if (count == 0 || count > MAX_RUNS)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "run %.64s: it is not 1 to %d times", words, MAX_RUNS);
    for (size_t i = 0; i < count; i++) {
        if (evict)
            STOA_TRY(stoa_bench_evict(error));
        double begin = stoa_seconds();
        STOA_TRY(service->run(user, error));
        nanoseconds[i] = 1e9 * (stoa_seconds() - begin);
    }
    fputs("ok", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " %.0f", nanoseconds[i]);
    fputc('\n', out);
    return STOA_OK;
}

static enum stoa_status load(const struct service *service, void *user, char *words, struct stoa_error *error,
                             FILE *out)
{
    double seconds = 0;
    size_t base = stoa_bench_peak_bytes();
    STOA_TRY(service->load(user, words, error, &seconds));
    fprintf(out, "ok %.6f %zu\n", seconds, base);
    return STOA_OK;
}

static enum stoa_status answer(const struct service *service, void *user, char *line, struct stoa_error *error,
                               FILE *out)
{
    char *words = line + strcspn(line, " ");
    if (*words)
        *words++ = '\0';
    if (strcmp(line, "load") == 0)
        return load(service, user, words, error, out);
    if (strcmp(line, "run") == 0)
        return run(service, user, words, error, out);
    if (strcmp(line, "peak") != 0)
        return service->answer(user, line, words, error, out);
    fprintf(out, "ok %zu\n", stoa_bench_peak_bytes());
    return STOA_OK;
}

void stoa_bench_serve(const struct service *service, void *user, FILE *in, FILE *out)
{
    char line[ENGINE_LINE];
    while (fgets(line, sizeof line, in)) {
        struct stoa_error error;
        line[strcspn(line, "\n")] = '\0';
        if (answer(service, user, line, &error, out) != STOA_OK)
            fprintf(out, "error %s\n", error.message);
        fflush(out);
    }
}
