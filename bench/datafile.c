/* One loop over lines, and a parser for each kind. */
#include "datafile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "train.h"

#define MAX_WORDS 12

struct words {
    size_t count;
    char *items[MAX_WORDS];
};

/* One line: its words, and where what they say goes. */
typedef enum stoa_status (*parser)(const struct words *words, struct stoa_error *error, void *line);

static enum stoa_status take_name(const struct words *words, struct stoa_error *error, char name[BENCH_NAME])
{
    if (strlen(words->items[0]) >= BENCH_NAME)
        return stoa_fail(error, STOA_ERROR_PARSE, "the name is longer than %d bytes", BENCH_NAME - 1);
    stoa_bench_set(BENCH_NAME, name, words->items[0]);
    return STOA_OK;
}

static enum stoa_status take_size(const struct words *words, size_t index, const char *field, struct stoa_error *error,
                                  size_t *value)
{
    const char *word = words->items[index];
    char *end;
    errno = 0;
    unsigned long number = strtoul(word, &end, 10);
    if (*word < '0' || *word > '9' || *end || errno)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is '%.32s', not a whole number", field, word);
    *value = number;
    return STOA_OK;
}

static enum stoa_status parse_layer(const struct words *words, struct stoa_error *error, void *line)
{
    static const char *const fields[] = {"name", "N", "C", "H", "W", "OC", "kernel", "stride", "pad", "groups"};
    enum { FIELDS = sizeof fields / sizeof *fields };
    struct layer_line *layer = line;
    struct conv_shape *s = &layer->shape;
    size_t kernel, stride, pad;
    size_t *const values[FIELDS] = {NULL, &s->N, &s->C, &s->H, &s->W, &s->OC, &kernel, &stride, &pad, &s->groups};
    *layer = (struct layer_line){{0}};
    if (words->count != FIELDS)
        return stoa_fail(error, STOA_ERROR_PARSE, "%zu words, not the %d: name N C H W OC kernel stride pad groups",
                         words->count, FIELDS);
    STOA_TRY(take_name(words, error, layer->name));
    for (size_t i = 1; i < FIELDS; i++)
        STOA_TRY(take_size(words, i, fields[i], error, values[i]));
    for (size_t i = 0; i < 2; i++) {
        s->kernel[i] = kernel;
        s->stride[i] = stride;
        s->dilation[i] = 1;
        s->pad[i] = s->pad[i + 2] = pad;
    }
    return stoa_conv_shape_finish(s, error);
}

static enum stoa_status parse_gemm(const struct words *words, struct stoa_error *error, void *line)
{
    struct gemm_line *gemm = line;
    if (words->count != 4)
        return stoa_fail(error, STOA_ERROR_PARSE, "%zu words, not the 4: name m n k", words->count);
    STOA_TRY(take_name(words, error, gemm->name));
    STOA_TRY(take_size(words, 1, "m", error, &gemm->m));
    STOA_TRY(take_size(words, 2, "n", error, &gemm->n));
    STOA_TRY(take_size(words, 3, "k", error, &gemm->k));
    if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "m, n and k must be at least 1");
    return STOA_OK;
}

static enum stoa_status take_ratio(const struct words *words, size_t index, const char *field, struct stoa_error *error,
                                   double *value)
{
    char *end;
    *value = strtod(words->items[index], &end);
    if (*end || !(*value >= 0) || !isfinite(*value))
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is '%.32s', not a number of 0 or more", field,
                         words->items[index]);
    return STOA_OK;
}

static enum stoa_status parse_model(const struct words *words, struct stoa_error *error, void *line)
{
    struct model_line *model = line;
    if (words->count != 3)
        return stoa_fail(error, STOA_ERROR_PARSE, "%zu words, not the 3: name target threads-target", words->count);
    STOA_TRY(take_name(words, error, model->name));
    STOA_TRY(take_ratio(words, 1, "target", error, &model->target));
    return take_ratio(words, 2, "threads-target", error, &model->threads_target);
}

static enum stoa_status parse_training(const struct words *words, struct stoa_error *error, void *line)
{
    struct training_line *training = line;
    if (words->count != 5)
        return stoa_fail(error, STOA_ERROR_PARSE, "%zu words, not the 5: name images floor target threads-target",
                         words->count);
    STOA_TRY(take_name(words, error, training->name));
    STOA_TRY(take_size(words, 1, "images", error, &training->images));
    STOA_TRY(take_ratio(words, 2, "floor", error, &training->floor));
    STOA_TRY(take_ratio(words, 3, "target", error, &training->target));
    STOA_TRY(take_ratio(words, 4, "threads-target", error, &training->threads_target));
    if (training->images < BENCH_TRAIN_BATCH || training->floor > 1)
        return stoa_fail(error, STOA_ERROR_PARSE, "images must be at least %d, floor at most 1", BENCH_TRAIN_BATCH);
    return STOA_OK;
}

static enum stoa_status read_line(char *text, size_t size, parser parse, struct stoa_error *error, size_t *count,
                                  char *lines)
{
    struct words words = {0};
    text[strcspn(text, "#\r\n")] = '\0';
    for (char *word = strtok(text, " \t"); word; word = strtok(NULL, " \t")) {
        if (words.count == MAX_WORDS)
            return stoa_fail(error, STOA_ERROR_PARSE, "more than %d words", MAX_WORDS);
        words.items[words.count++] = word;
    }
    if (words.count == 0)
        return STOA_OK;
    if (*count == BENCH_MAX_CASES)
        return stoa_fail(error, STOA_ERROR_LIMIT, "more than %d cases", BENCH_MAX_CASES);
    STOA_TRY(parse(&words, error, lines + *count * size));
    ++*count;
    return STOA_OK;
}

static enum stoa_status read_file(const char *path, size_t size, parser parse, struct stoa_error *error, size_t *count,
                                  void *lines)
{
    char text[256];
    *count = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    enum stoa_status status = STOA_OK;
    for (size_t number = 1; status == STOA_OK && fgets(text, sizeof text, file); number++) {
        if (strlen(text) == sizeof text - 1)
            status = stoa_fail(error, STOA_ERROR_PARSE, "the line is longer than %zu bytes", sizeof text - 2);
        else
            status = read_line(text, size, parse, error, count, lines);
        if (status != STOA_OK)
            stoa_error_prefix(error, "%s:%zu: ", path, number);
    }
    fclose(file);
    return status;
}

enum stoa_status stoa_bench_read_layers(const char *path, struct stoa_error *error, size_t *count,
                                        struct layer_line *lines)
{
    return read_file(path, sizeof *lines, parse_layer, error, count, lines);
}

enum stoa_status stoa_bench_read_gemms(const char *path, struct stoa_error *error, size_t *count,
                                       struct gemm_line *lines)
{
    return read_file(path, sizeof *lines, parse_gemm, error, count, lines);
}

enum stoa_status stoa_bench_read_models(const char *path, struct stoa_error *error, size_t *count,
                                        struct model_line *lines)
{
    return read_file(path, sizeof *lines, parse_model, error, count, lines);
}

enum stoa_status stoa_bench_read_training(const char *path, struct stoa_error *error, size_t *count,
                                          struct training_line *lines)
{
    return read_file(path, sizeof *lines, parse_training, error, count, lines);
}
